"""Let a request in as an `Event`, or answer why not: the steps in order, each with its name.

Nothing of a request outlives `Gate.admit`, except what an `Event` says. What is remembered between requests: the plan
of each site, the last user agents (`device.AGENTS_MAX`), and addresses of pages and sources that cleaning changed
nothing of (`WHOLE_MAX`): the current day holds them as they are. `Gate.forget` forgets all of it but the plans.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from collector.edge import page as pages
from collector.edge import source as sources
from collector.edge.address import Network, Trusted, client, cut, narrow
from collector.edge.country import Lookup, find_country
from collector.edge.device import Agent, Agents, ColdError
from collector.edge.echo import explain
from collector.edge.identifiers import BROWSER_NUMBER, CAMPAIGN_VALUE, EVENT_NAME
from collector.edge.language import first_language
from collector.edge.page import locate
from collector.edge.passage import Passage, Plan, plan_for
from collector.edge.payload import KINDS, VIEWPORTS, Payload, clean_properties, read, told_by_tracker
from collector.edge.rates import Rates
from collector.edge.raw import RawRequest
from collector.edge.source import name_campaign, name_source
from collector.edge.text import label
from collector.edge.visitor import Salt, browser_key, network_key
from collector.event import Drop, Event, Kind, Malformed, Reason, VisitorKey
from collector.model import DIRECT, UNKNOWN, Site
from collector.settings import Privacy, Server

#: An opt-out is this and nothing else (W3C Global Privacy Control: a field value other than `1` is no signal).
_SIGNAL: Final = "1"

_OPTED_OUT: Final = Drop(Reason.OPT_OUT)
_UNKNOWN_SITE: Final = Drop(Reason.UNKNOWN_SITE)
T = TypeVar("T")
_NOBODY: Final = VisitorKey(0)
#: Source and channel of most events: nothing referred to the page.
_DIRECTLY: Final = (DIRECT, "direct")
# Looked up once: a member of an enumeration costs ten times as much as a name.
_CUSTOM: Final = Kind.CUSTOM
_UNREADABLE: Final = Malformed("unreadable", "The request cannot be read.")

#: Pages and sources that are known by heart, of all sites together; with the next one all of them are forgotten.
WHOLE_MAX: Final = 16_384

#: Hands out the salt of a site's epoch at an instant.
SaltOf = Callable[[Site, int], Salt]


class Gate:
    """Turn requests into events, drops and refusals.

    Args:
        privacy: How much stricter than the floors the house is.
        server: Whose headers are believed.
        site: Finds a site by its id; hands out the same object until the site's settings change.
        lookup: An operator's own table of countries; `None` for the one that comes with the package.
        rates: Asked of what would be an event of a site, after its site is known; `None` where nothing is limited.
    """

    def __init__(
        self,
        *,
        privacy: Privacy,
        server: Server,
        site: Callable[[str], Site | None],
        lookup: Lookup | None = None,
        rates: Rates | None = None,
    ) -> None:
        self._privacy = privacy
        self._trusted = Trusted(server.trusted_proxies)
        self._site = site
        self._lookup = lookup
        self._rates = rates
        self._agents = Agents(is_bounded=rates is not None)
        self._plans: dict[str, Plan] = {}
        self._whole = 0
        # Not while a developer asks: nothing of that is in the running day.
        self._remembers = True

    def timezone(self, site_id: str) -> str | None:
        """Return the time zone of a site; `None` where there is no such site."""
        site = self._site(site_id)
        return site.timezone if site else None

    def admit(self, raw: RawRequest, *, at: int, salt: SaltOf) -> Event | Drop | Malformed:
        """Return the event of a request, or why there is none. Never raises.

        Args:
            raw: The request.
            at: Arrival, in whole seconds since 1970 UTC.
            salt: Hands out the salt of a site's epoch at an instant.
        """
        try:
            return self._pass(raw, at, salt, None)
        except Exception:  # noqa: BLE001 - a library's error quotes what it chokes on; nothing of it may go further
            return _UNREADABLE

    def echo(self, raw: RawRequest, *, at: int) -> dict[str, object]:
        """Tell a developer what would be stored of a request and why; nothing is counted. Never raises.

        Address, user agent and key are in no answer. A site that does not allow it says so and no more.
        """
        self._remembers = False
        try:
            passage = Passage()
            return explain(passage, self._pass(raw, at, None, passage))
        except Exception:  # noqa: BLE001 - as in `admit`
            return {"stored": False, "counted": False, "reason": _UNREADABLE.code, "why": _UNREADABLE.message}
        finally:
            self._remembers = True

    def forget(self) -> None:
        """Forget what was seen of user agents, pages, sources and senders; called when a day turns."""
        self._agents.clear()
        self._trusted.forget()
        self._forget_whole()
        if self._rates is not None:
            self._rates.forget()

    def look(self, at: int) -> None:
        """Forget what is remembered for a minute only, and let some more user agents be new; called again and again."""
        self._agents.look()
        if self._rates is not None:
            self._rates.look(at)

    # The steps stand one behind the other in two methods: a method for each cost as much as all of their work.

    def _pass(  # noqa: C901, PLR0911, PLR0912 - a step can end in a drop
        self, raw: RawRequest, at: int, salt: SaltOf | None, passage: Passage | None
    ) -> Event | Drop | Malformed:
        """Take a request as far as its page: opt-out, address, body, site, bot, identity, page.

        Without *salt*, for the echo: nothing is counted, and *passage* is told what was found.
        """
        # Before anything is parsed: whoever opts out is not looked at.
        if _SIGNAL in (raw.gpc, raw.dnt):
            return _OPTED_OUT
        privacy = self._privacy
        packed = client(raw.peer, raw.forwarded, self._trusted)
        network = cut(packed, ipv4_bits=privacy.ipv4_bits, ipv6_bits=privacy.ipv6_bits)
        found = read(raw.body)
        if isinstance(found, Malformed):
            return found
        payload, refused = found
        site = self._site(payload.s)
        if site is None:
            return _UNKNOWN_SITE
        plan = self._plans.get(site.id)
        if plan is None or plan.site is not site:
            plan = self._plans[site.id] = plan_for(site, privacy=privacy)
        if passage is not None:
            passage.payload, passage.plan = payload, plan
        if not site.is_on:
            return Drop(Reason.SITE_OFF, site.id)
        # The profile of a site may mask more than the house; what was cut before is not there to be kept.
        if plan.masks_more:
            network = narrow(network, ipv4_bits=plan.ipv4_bits, ipv6_bits=plan.ipv6_bits)
        read_agent = self._agents.read if passage is None else self._agents.read_once
        try:
            agent = read_agent(raw.user_agent, has_touch=bool(payload.t))
        except ColdError:
            return Drop(Reason.OVERLOAD, site.id)
        if agent.is_bot:
            return Drop(Reason.BOT, site.id)
        number = payload.i
        has_number = number is not None and number != ""
        # A browser that forbids storage has no number. It is dropped and counted as such: one made up for each page
        # would let one person count as many, and the network key would use an address that the site's visitors were
        # told is not used. A refusal (4xx) would fill an honest visitor's console with what only a developer can mend;
        # the debug echo tells the developer.
        if plan.wants_number and not has_number:
            return Drop(Reason.INVALID, site.id)
        if has_number and not plan.wants_number:
            refused = (*refused, BROWSER_NUMBER)
        page, query = plan.pages.get(payload.u), ""
        if page is None:
            page, query = self._clean_page(payload.u, plan)
            if page is None:
                return Drop(Reason.HOST, site.id)
        return self._make(raw, payload, plan, network, agent, page, query, refused, at, salt, passage)

    def _make(  # noqa: C901, PLR0917 - by position: a quarter of the cost of naming them
        self, raw: RawRequest, payload: Payload, plan: Plan, network: Network, agent: Agent, page: str, query: str,
        refused: tuple[str, ...], at: int, salt: SaltOf | None, passage: Passage | None,
    ) -> Event | Drop:  # fmt: skip
        """Take a request from its page to an event: source, campaign, country, name, extras, room, key."""
        source, channel = _DIRECTLY
        if payload.r:
            source, channel = plan.sources.get(payload.r) or self._name_source(payload.r, plan)
        campaign = ""
        if plan.keeps_campaign and (payload.c or query):
            campaign, of_campaign, has_identifier = name_campaign(query, payload.c)
            channel = of_campaign or channel
            if has_identifier:
                refused = (*refused, CAMPAIGN_VALUE)
        header = raw.country if raw.country and self._trusted.holds(raw.peer) else ""
        country = find_country(network, header=header, lookup=self._lookup)
        kind, name = KINDS.get(payload.n, _CUSTOM), ""
        if kind is _CUSTOM:
            said = label(payload.n)
            refused = refused if said is not None else (*refused, EVENT_NAME)
            name = (said or UNKNOWN) if plan.keeps_event or said in plan.events else ""
        properties: tuple[str, ...] = ()
        if payload.p:
            # Identifiers are counted where properties are not kept, too: somebody should mend the page that sends them.
            kept, removed = clean_properties(payload.p)
            refused = (*refused, *removed)
            if plan.keeps_property:
                properties = tuple(kept)
            elif plan.keeps_own_property:
                properties = told_by_tracker(name, kept)
        if passage is not None:
            passage.query, passage.kind = query, kind
        site, visitor = plan.site, _NOBODY
        if salt is not None:
            if self._rates is not None and not self._rates.has_room(site.id, network, at):
                return Drop(Reason.OVERLOAD, site.id)
            if plan.wants_number:
                visitor = browser_key(salt(site, at), plan.start, number=payload.number)
            else:
                visitor = network_key(salt(site, at), plan.start, network=network, agent=agent.key)
        # By position, which costs a third of naming the fields; in the order in which `Event` has them.
        return Event(
            site.id, at, visitor, kind, page, source, channel, agent.browser, agent.os, agent.device, country,
            bool(payload.e), name,
            payload.milliseconds if payload.d else 0,
            payload.scroll if payload.y else 0,
            agent.major if plan.keeps_major else "",
            VIEWPORTS[payload.w] if plan.keeps_viewport and payload.w is not None else "",
            first_language(raw.language) if plan.keeps_language else "",
            campaign, properties,
            tuple(sorted(set(refused))) if refused else (),
        )  # fmt: skip

    def _clean_page(self, url: str, plan: Plan) -> tuple[str | None, str]:
        """Return page and query of a URL; `None` where its host is not one of the site's."""
        location = locate(url)
        if location.host is None or (location.host and not plan.hosts.hold(location.host)):
            return None, ""
        page = plan.paths.clean(location.path)
        if pages.is_whole(url, location, page, plan.hosts):
            self._remember(plan.pages, url, page)
        return page, location.query

    def _name_source(self, referrer: str, plan: Plan) -> tuple[str, str]:
        found = name_source(referrer, hosts=plan.hosts)
        if sources.is_whole(referrer, found[0], plan.hosts):
            self._remember(plan.sources, referrer, found)
        return found

    def _remember(self, known: dict[str, T], text: str, meaning: T) -> None:
        if not self._remembers:
            return
        self._whole += 1
        if self._whole > WHOLE_MAX:
            self._forget_whole()
        known[text] = meaning

    def _forget_whole(self) -> None:
        self._whole = 0
        for plan in self._plans.values():
            plan.pages.clear()
            plan.sources.clear()
