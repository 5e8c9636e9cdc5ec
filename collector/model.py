"""The words of the house: what is counted, by what, and for whom. Nothing here knows a visitor."""

from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

#: The reserved label under which values of fewer than k visitors are counted together.
OTHER: Final = "(other)"
#: The value of an entry without a referrer.
DIRECT: Final = "(direct)"
#: What a closed list says of something it does not hold.
UNKNOWN: Final = "(unknown)"


class Dimension(StrEnum):
    """Name what a breakdown counts by."""

    TOTAL = "total"
    HOUR = "hour"
    PAGE = "page"
    ENTRY_PAGE = "entry_page"
    EXIT_PAGE = "exit_page"
    SOURCE = "source"
    CHANNEL = "channel"
    CAMPAIGN = "campaign"
    BROWSER = "browser"
    BROWSER_MAJOR = "browser_major"
    OS = "os"
    DEVICE = "device"
    VIEWPORT = "viewport"
    COUNTRY = "country"
    LANGUAGE = "language"
    EVENT = "event"
    PROPERTY = "property"
    SCROLL = "scroll"
    GOAL = "goal"
    GROUP = "group"
    FUNNEL_STEP = "funnel_step"
    NEXT_PAGE = "next_page"


class Measure(StrEnum):
    """Name what is stored: additive within a breakdown, except `visitors`."""

    PAGEVIEWS = "pageviews"
    VISITS = "visits"
    VISITORS = "visitors"
    BOUNCES = "bounces"
    SECONDS = "seconds"
    EVENTS = "events"


class Profile(StrEnum):
    """Name a set of rules that a controller picks."""

    STRICT = "strict"
    STANDARD = "standard"
    OPEN = "open"


class Identity(StrEnum):
    """Name what tells two visitors apart for the length of one day."""

    NETWORK = "network"
    BROWSER = "browser"


class Outcome(StrEnum):
    """Name how a part of a day ended."""

    KEPT = "kept"
    BELOW_K = "below_k"
    #: The machine lost its keys: only the committed hours are left.
    LOST = "lost"


class Origin(StrEnum):
    """Name where the events of a part came from."""

    TRACKER = "tracker"
    SERVER_LOG = "server_log"


class TargetKind(StrEnum):
    """Name what reaches a target."""

    EVENT = "event"
    PAGE = "page"
    #: Every page under a path, which ends with `/`.
    PREFIX = "prefix"


class Target(msgspec.Struct, frozen=True):
    """Name something that visitors may do: report an event, open a page, or open any page under a path."""

    kind: TargetKind
    what: str


class Goal(msgspec.Struct, frozen=True):
    """Declare a target whose visitors are counted when the day closes; *name* of at most 60 characters."""

    name: str
    target: Target


class Funnel(msgspec.Struct, frozen=True):
    """Declare 2 to 8 targets that a visitor reaches one after another within a day."""

    name: str
    steps: tuple[Target, ...]


class Region(StrEnum):
    """Name a region of the Dutch school holidays."""

    NORTH = "noord"
    MIDDLE = "midden"
    SOUTH = "zuid"


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Describe a site and what its controller has switched on.

    Attributes:
        id: Lower-case letters, digits, `.`, `_`, `-`; at most 64 characters.
        hosts: Host names (lower case, no port) on which the site's pages live; `*.school.example` covers subdomains.
        controller: Who decides (the school or its board).
        agreement: Reference of the processor agreement; a site without one cannot be switched on.
        agreed_on: Date of that agreement.
        controller_contact: Where the controller can be reached; for the register of art. 30.
        privacy_officer: The controller's data protection officer, with contact; for the register.
        legal_basis: What the controller rests the counting on, in its own words; for the register.
        k: The controller's own threshold where it is stricter; 0 for that of the profile.
        without: Breakdowns that the controller switched off, with every pair that they are in.
        retention_days: How long the site's cells are kept where that is shorter; 0 for the house's.
        timezone: IANA name; decides where the site's day begins.
        is_on: Whether events are counted.
        templates: Registered path templates such as `/toets/:id`; where there are any, other paths become `(other)`.
        sensitive: Path prefixes that are folded into their parent.
        may_echo: Whether `?debug=1` answers what would be stored.
        scripts: Optional parts of the tracker that are served: `hash`, `engagement`, `outbound`, `downloads`, …
        goals: Counted when the day closes, from the day after they were declared.
        funnels: The same.
        groups: Prefixes of pages that are counted together, each ending with `/`; one filter of the dashboard each.
        region: Whose school holidays the chart shows; empty for none.
        embed_hosts: Origins (`https://www.school.example`) whose pages may show this site's figures inside themselves.
        in_median: Whether this site's figures may enter the median that other schools see of at least k schools.
    """

    id: str
    hosts: tuple[str, ...]
    controller: str = ""
    agreement: str = ""
    agreed_on: date | None = None
    controller_contact: str = ""
    privacy_officer: str = ""
    legal_basis: str = ""
    k: int = 0
    without: tuple[Dimension, ...] = ()
    retention_days: int = 0
    profile: Profile = Profile.STANDARD
    identity: Identity
    timezone: str = "Europe/Amsterdam"
    is_on: bool = False
    templates: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    may_echo: bool = True
    scripts: tuple[str, ...] = ("engagement", "outbound", "downloads")
    goals: tuple[Goal, ...] = ()
    funnels: tuple[Funnel, ...] = ()
    groups: tuple[str, ...] = ()
    region: Region | None = None
    embed_hosts: tuple[str, ...] = ()
    in_median: bool = False


class Epoch(msgspec.Struct, frozen=True, order=True):
    """Name a stretch of time that owns one seal key, its sites' salts and its spool files; epochs never go back."""

    timezone: str
    day: date
    part: int = 1


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """Hold counts behind which at least k visitors stand. `None` is withheld.

    Attributes:
        filter_dimension: Empty for a single breakdown.
        filter_value: Empty for a single breakdown.
        contributors: min(distinct visitors, 2k), in pairs min(distinct visitors, k): the witness of the k rule.
        seconds: Engaged seconds, each visit capped at 1,800.
    """

    dimension: Dimension
    value: str
    contributors: int
    pageviews: int | None = None
    visits: int | None = None
    visitors: int | None = None
    bounces: int | None = None
    seconds: int | None = None
    events: int | None = None
    filter_dimension: Dimension | None = None
    filter_value: str = ""
