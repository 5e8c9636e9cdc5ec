"""What a day holds of a visitor: in memory and in the sealed spool, until the day closes. Personal data.

Nothing here can be printed, copied or pickled. The only way out is msgpack into the sealed spool, and counts.
"""

from enum import IntEnum, StrEnum
from typing import Any, NewType, NoReturn, Self

import msgspec

#: 64 bits of keyed BLAKE2b: a pseudonym for one site and one epoch.
VisitorKey = NewType("VisitorKey", int)


class Kind(IntEnum):
    """Tell what happened."""

    PAGEVIEW = 0
    ENGAGEMENT = 1
    CUSTOM = 2


class Reason(StrEnum):
    """Name why a request was not counted."""

    BOT = "bot"
    OPT_OUT = "opt_out"
    UNKNOWN_SITE = "unknown_site"
    SITE_OFF = "site_off"
    HOST = "host"
    INVALID = "invalid"
    LATE = "late"
    OVERLOAD = "overload"


class Sealed(msgspec.Struct):
    """Refuse to be seen, copied or pickled."""

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return f"<{type(self).__name__} sealed>"

    def __copy__(self) -> NoReturn:
        """Refuse."""
        raise TypeError("sealed: personal data is not copied")

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        """Refuse."""
        raise TypeError("sealed: personal data is not copied")

    def __replace__(self, /, **changes: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("sealed: personal data is not copied")

    def __reduce__(self) -> NoReturn:
        """Refuse."""
        raise TypeError("sealed: personal data is not pickled")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        """Refuse."""
        raise TypeError("sealed: personal data is not pickled")


class Event(Sealed, array_like=True, gc=False):
    """Say what one visitor did, in closed lists and cleaned paths.

    Attributes:
        site: Id of the site.
        at: Arrival, in whole seconds since 1970 UTC.
        page: Cleaned path.
        source: Name of a known source, else the referrer's host, or `(direct)`.
        channel: `direct`, `search`, `social`, `ai`, `email`, `referral` or `campaign`.
        is_entry: The tracker's flag: a navigation from a foreign referrer.
        name: The page's own event name; empty for a pageview or engagement.
        milliseconds: Visible time since the last report of the same page.
        scroll: Deepest scroll in per cent, 0–100.
        properties: Pairs of name and value as `name=value`; empty unless the profile keeps them.
        refused: Names (of a closed list) of identifier fields that were removed; counted, not kept.
    """

    site: str
    at: int
    visitor: VisitorKey
    kind: Kind
    page: str
    source: str
    channel: str
    browser: str
    os: str
    device: str
    country: str
    is_entry: bool = False
    name: str = ""
    milliseconds: int = 0
    scroll: int = 0
    browser_major: str = ""
    viewport: str = ""
    language: str = ""
    campaign: str = ""
    properties: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Drop(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Say that a request was not counted, and why: a value, never an exception.

    Attributes:
        reason: Why.
        site: Id of the site; empty where it is unknown or the signal is counted for the house (opt-outs).
    """

    reason: Reason
    site: str = ""


class Malformed(msgspec.Struct, frozen=True):
    """Say that a request could not be read: answered 4xx, counted as `invalid`."""

    code: str
    message: str
    status: int = 400


class Tally(msgspec.Struct, array_like=True, gc=False):
    """Count drops by reason, or refused identifier fields (`refused:<name>`), of one site."""

    site: str
    reason: str
    count: int


class Batch(Sealed, array_like=True):
    """Carry what one turn of the event loop brought, from the collector through the spool to the current day."""

    events: list[Event]
    tallies: list[Tally]

    @classmethod
    def empty(cls) -> Self:
        """Return a batch without anything in it."""
        return cls([], [])
