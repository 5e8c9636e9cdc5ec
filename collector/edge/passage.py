"""Carry a request through the steps of the gate, beside what its site's settings mean for the edge. Personal data."""

from typing import Final

from collector.edge.address import Network
from collector.edge.device import Agent
from collector.edge.page import Hosts, Paths
from collector.edge.payload import Payload
from collector.edge.raw import RawRequest
from collector.event import Kind, Sealed
from collector.model import Dimension, Identity, Site
from collector.settings import Privacy


class Plan(Sealed, gc=False):
    """Hold what a site's settings mean for the edge, worked out once.

    Attributes:
        site: The settings it was made of; another object means that they changed.
        key: Id of the site as bytes.
        identity: What is in force: no profile loosens another's.
        masks_more: Whether fewer bits of an address stay than in the house.
        pages: Pages of the site by URL, where cleaning changed nothing.
        sources: Source and channel by referrer, where naming it changed nothing.
    """

    site: Site
    key: bytes
    identity: Identity
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
    keeps_property: bool
    pages: dict[str, str]
    sources: dict[str, tuple[str, str]]


class Passage(Sealed, gc=False):
    """Carry one request through the steps: what came, and what has been made of it so far.

    Attributes:
        query: Of the page's URL; read for the three marks of a campaign, and only where the site keeps them.
        refused: Names of identifier fields that were removed.
    """

    raw: RawRequest
    network: Network
    payload: Payload
    plan: Plan
    agent: Agent
    kind: Kind = Kind.PAGEVIEW
    page: str = ""
    query: str = ""
    source: str = ""
    channel: str = ""
    country: str = ""
    name: str = ""
    viewport: str = ""
    language: str = ""
    campaign: str = ""
    properties: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


def plan_for(site: Site, *, privacy: Privacy) -> Plan:
    """Work out what the settings of *site* mean under those of the house: the strictest wins."""
    rules = privacy.rules_of(site)
    kept = rules.dimensions
    return Plan(
        site=site,
        key=site.id.encode(),
        identity=rules.identity(site.identity),
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
        keeps_property=Dimension.PROPERTY in kept,
        pages={},
        sources={},
    )


#: What a passage holds before its step has come; no step reads them.
NO_PAYLOAD: Final = Payload("", "-", "")
NO_PLAN: Final = plan_for(Site(id="-", hosts=(), identity=Identity.NETWORK), privacy=Privacy())
