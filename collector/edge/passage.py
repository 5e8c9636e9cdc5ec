"""What a site's settings mean for the edge, and what the debug echo asks of a request. Personal data."""

from collector.edge.page import Hosts, Paths
from collector.edge.payload import Payload
from collector.edge.visitor import message_start
from collector.event import Kind, Sealed
from collector.model import Dimension, Identity, Site, TargetKind
from collector.settings import Privacy


class Plan(Sealed, gc=False):
    """Hold what a site's settings mean for the edge, worked out once.

    Attributes:
        site: The settings it was made of; another object means that they changed.
        start: How every message begins of which a visitor key is made.
        wants_number: Whether the identity in force, which no profile loosens, is the browser's number.
        masks_more: Whether fewer bits of an address stay than in the house.
        events: Names of events that are targets of a goal or funnel: known by them even where no event is kept.
        keeps_property: Whether every property is kept.
        keeps_own_property: Whether those that the tracker itself tells are.
        pages: Pages of the site by URL, where cleaning changed nothing.
        sources: Source and channel by referrer, where naming it changed nothing.
    """

    site: Site
    start: bytes
    wants_number: bool
    hosts: Hosts
    paths: Paths
    ipv4_bits: int
    ipv6_bits: int
    masks_more: bool
    keeps_event: bool
    keeps_campaign: bool
    keeps_language: bool
    keeps_viewport: bool
    keeps_major: bool
    events: frozenset[str]
    keeps_property: bool
    keeps_own_property: bool
    pages: dict[str, str]
    sources: dict[str, tuple[str, str]]


class Passage(Sealed, gc=False):
    """Hold what was found of a request that only the debug echo asks about.

    Attributes:
        query: Of the page's URL; read for the three marks of a campaign, and only where the site keeps them.
    """

    payload: Payload | None = None
    plan: Plan | None = None
    kind: Kind = Kind.PAGEVIEW
    query: str = ""


def plan_for(site: Site, *, privacy: Privacy) -> Plan:
    """Work out what the settings of *site* mean under those of the house: the strictest wins."""
    rules = privacy.rules_of(site)
    kept = rules.dimensions
    wants_number = rules.identity(site.identity) is Identity.BROWSER
    return Plan(
        site=site,
        start=message_start(site.id, wants_number=wants_number),
        wants_number=wants_number,
        hosts=Hosts(site.hosts),
        paths=Paths(templates=site.templates, sensitive=site.sensitive, templates_only=rules.templates_only),
        ipv4_bits=rules.ipv4_bits,
        ipv6_bits=rules.ipv6_bits,
        masks_more=(rules.ipv4_bits, rules.ipv6_bits) != (privacy.ipv4_bits, privacy.ipv6_bits),
        keeps_event=Dimension.EVENT in kept,
        keeps_campaign=Dimension.CAMPAIGN in kept,
        keeps_language=Dimension.LANGUAGE in kept,
        keeps_viewport=Dimension.VIEWPORT in kept,
        keeps_major=Dimension.BROWSER_MAJOR in kept,
        events=_declared(site) if Dimension.GOAL in kept or Dimension.FUNNEL_STEP in kept else frozenset(),
        keeps_property=Dimension.PROPERTY in kept and not rules.own_properties_only,
        keeps_own_property=Dimension.PROPERTY in kept and rules.own_properties_only,
        pages={},
        sources={},
    )


def _declared(site: Site) -> frozenset[str]:
    """Return the events that goals and funnels of *site* are about."""
    targets = [goal.target for goal in site.goals] + [step for funnel in site.funnels for step in funnel.steps]
    return frozenset(target.what for target in targets if target.kind is TargetKind.EVENT)
