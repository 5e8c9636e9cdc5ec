"""Let a request in as an `Event`, or answer why not: the steps in order, each with its name.

Nothing of a request outlives `Gate.admit`, except what an `Event` says. What is remembered between requests: the plan
of each site, the last user agents (`device.AGENTS_MAX`), and addresses of pages and sources that cleaning changed
nothing of (`WHOLE_MAX`): the current day holds them as they are. `Gate.forget` forgets all of it but the plans.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from collector.edge import page as pages
from collector.edge import source as sources
from collector.edge.address import NOWHERE, Trusted, client, cut, narrow
from collector.edge.country import Lookup, find_country
from collector.edge.device import Agents
from collector.edge.echo import explain
from collector.edge.identifiers import BROWSER_NUMBER, CAMPAIGN_VALUE, EVENT_NAME
from collector.edge.language import first_language
from collector.edge.page import locate
from collector.edge.passage import NO_PAYLOAD, NO_PLAN, Passage, Plan, plan_for
from collector.edge.payload import VIEWPORTS, clean_properties, read
from collector.edge.rates import Rates
from collector.edge.raw import RawRequest
from collector.edge.source import name_campaign, name_source
from collector.edge.text import label
from collector.edge.visitor import Salt, browser_key, network_key
from collector.event import Drop, Event, Kind, Malformed, Reason, VisitorKey
from collector.model import UNKNOWN, Identity, Site
from collector.settings import Privacy, Server

#: An opt-out is this and nothing else (W3C Global Privacy Control: a field value other than `1` is no signal).
_SIGNAL: Final = "1"

_OPTED_OUT: Final = Drop(Reason.OPT_OUT)
_UNKNOWN_SITE: Final = Drop(Reason.UNKNOWN_SITE)
T = TypeVar("T")
_UNREADABLE: Final = Malformed("unreadable", "The request cannot be read.")

#: Pages and sources that are known by heart, of all sites together; with the next one all of them are forgotten.
WHOLE_MAX: Final = 16_384

Outcome = Drop | Malformed | None


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
        self._agents = Agents()
        self._nobody = self._agents.read("", has_touch=False)
        self._plans: dict[str, Plan] = {}
        self._whole = 0
        self._steps: tuple[tuple[str, Callable[[Passage], Outcome]], ...] = (
            ("opt-out", self._honour_opt_out),
            ("address", self._cut_address),
            ("body", self._read_body),
            ("site", self._find_site),
            ("bot", self._refuse_bot),
            ("identity", self._check_identity),
            ("page", self._clean_page),
            ("source", self._name_source),
            ("country", self._find_country),
            ("name", self._clean_name),
            ("extras", self._add_extras),
        )
        self._in_order = tuple(step for _, step in self._steps)

    def timezone(self, site_id: str) -> str | None:
        """Return the time zone of a site; `None` where there is no such site."""
        site = self._site(site_id)
        return site.timezone if site else None

    def admit(self, raw: RawRequest, *, at: int, salt: Callable[[Site, int], Salt]) -> Event | Drop | Malformed:
        """Return the event of a request, or why there is none. Never raises.

        Args:
            raw: The request.
            at: Arrival, in whole seconds since 1970 UTC.
            salt: Hands out the salt of a site's epoch at an instant.
        """
        try:
            passage = self._start(raw)
            for step in self._in_order:
                outcome = step(passage)
                if outcome is not None:
                    return outcome
            site = passage.plan.site
            if self._rates is not None and not self._rates.has_room(site.id, passage.network, at):
                return Drop(Reason.OVERLOAD, site.id)
            return _make_event(passage, at=at, visitor=_visitor(passage, salt(site, at)))
        except Exception:  # noqa: BLE001 - a library's error quotes what it chokes on; nothing of it may go further
            return _UNREADABLE

    def echo(self, raw: RawRequest, *, at: int) -> dict[str, object]:
        """Tell a developer what would be stored of a request and why; nothing is counted. Never raises.

        Address, user agent and key are in no answer. A site that does not allow it says so and no more.
        """
        try:
            passage = self._start(raw)
            for name, step in self._steps:
                outcome = step(passage)
                if outcome is not None:
                    return explain(passage, outcome, step=name)
            return explain(passage, _make_event(passage, at=at, visitor=VisitorKey(0)), step="")
        except Exception:  # noqa: BLE001 - as in `admit`
            return {"stored": False, "counted": False, "reason": _UNREADABLE.code, "why": _UNREADABLE.message}

    def forget(self) -> None:
        """Forget what was seen of user agents, pages, sources and senders; called when a day turns."""
        self._agents.clear()
        self._forget_whole()
        if self._rates is not None:
            self._rates.forget()

    def look(self, at: int) -> None:
        """Forget what is remembered for a minute only; called again and again, also when nothing comes."""
        if self._rates is not None:
            self._rates.look(at)

    def _start(self, raw: RawRequest) -> Passage:
        return Passage(raw, NOWHERE, NO_PAYLOAD, NO_PLAN, self._nobody)

    def _honour_opt_out(self, passage: Passage) -> Outcome:
        # Before anything is parsed: whoever opts out is not looked at.
        if _SIGNAL in (passage.raw.gpc, passage.raw.dnt):
            return _OPTED_OUT
        return None

    def _cut_address(self, passage: Passage) -> Outcome:
        raw = passage.raw
        packed = client(raw.peer, raw.forwarded, self._trusted)
        privacy = self._privacy
        passage.network = cut(packed, ipv4_bits=privacy.ipv4_bits, ipv6_bits=privacy.ipv6_bits)
        return None

    def _read_body(self, passage: Passage) -> Outcome:
        found = read(passage.raw.body)
        if isinstance(found, Malformed):
            return found
        passage.payload, passage.refused = found
        return None

    def _find_site(self, passage: Passage) -> Outcome:
        site = self._site(passage.payload.s)
        if site is None:
            return _UNKNOWN_SITE
        plan = self._plans.get(site.id)
        if plan is None or plan.site is not site:
            plan = self._plans[site.id] = plan_for(site, privacy=self._privacy)
        passage.plan = plan
        if not site.is_on:
            return Drop(Reason.SITE_OFF, site.id)
        # The profile of a site may mask more than the house; what was cut before is not there to be kept.
        if plan.masks_more:
            passage.network = narrow(passage.network, ipv4_bits=plan.ipv4_bits, ipv6_bits=plan.ipv6_bits)
        return None

    def _refuse_bot(self, passage: Passage) -> Outcome:
        passage.agent = self._agents.read(passage.raw.user_agent, has_touch=bool(passage.payload.t))
        return Drop(Reason.BOT, passage.plan.site.id) if passage.agent.is_bot else None

    def _check_identity(self, passage: Passage) -> Outcome:
        """Drop a browser without its number; remove a number where nobody asked for one.

        A browser that forbids storage has no number. It is dropped and counted as such: one made up for each page
        would let one person count as many, and the network key would use an address that the site's visitors were
        told is not used. A refusal (4xx) would fill an honest visitor's console with what only a developer can mend;
        the debug echo tells the developer.
        """
        number = passage.payload.i
        has_number = number is not None and number != ""
        if passage.plan.identity is Identity.BROWSER:
            return None if has_number else Drop(Reason.INVALID, passage.plan.site.id)
        if has_number:
            passage.refused = (*passage.refused, BROWSER_NUMBER)
        return None

    def _clean_page(self, passage: Passage) -> Outcome:
        url, plan = passage.payload.u, passage.plan
        known = plan.pages.get(url)
        if known is not None:
            passage.page = known
            return None
        location = locate(url)
        if location.host is None or (location.host and not plan.hosts.hold(location.host)):
            return Drop(Reason.HOST, plan.site.id)
        passage.page = plan.paths.clean(location.path)
        passage.query = location.query
        if pages.is_whole(url, location, passage.page, plan.hosts):
            self._remember(plan.pages, url, passage.page)
        return None

    def _name_source(self, passage: Passage) -> Outcome:
        payload, plan = passage.payload, passage.plan
        found = plan.sources.get(payload.r)
        if found is None:
            found = name_source(payload.r, hosts=plan.hosts)
            if sources.is_whole(payload.r, found[0], plan.hosts):
                self._remember(plan.sources, payload.r, found)
        passage.source, passage.channel = found
        if plan.keeps_campaign and (payload.c or passage.query):
            passage.campaign, channel, has_identifier = name_campaign(passage.query, payload.c)
            passage.channel = channel or passage.channel
            if has_identifier:
                passage.refused = (*passage.refused, CAMPAIGN_VALUE)
        return None

    def _remember(self, known: dict[str, T], text: str, meaning: T) -> None:
        self._whole += 1
        if self._whole > WHOLE_MAX:
            self._forget_whole()
        known[text] = meaning

    def _forget_whole(self) -> None:
        self._whole = 0
        for plan in self._plans.values():
            plan.pages.clear()
            plan.sources.clear()

    def _find_country(self, passage: Passage) -> Outcome:
        raw = passage.raw
        header = raw.country if raw.country and self._trusted.holds(raw.peer) else ""
        passage.country = find_country(passage.network, header=header, lookup=self._lookup)
        return None

    def _clean_name(self, passage: Passage) -> Outcome:
        passage.kind = passage.payload.kind
        if passage.kind is not Kind.CUSTOM:
            return None
        name = label(passage.payload.n)
        if name is None:
            passage.refused = (*passage.refused, EVENT_NAME)
        if passage.plan.keeps_event:
            passage.name = name or UNKNOWN
        return None

    def _add_extras(self, passage: Passage) -> Outcome:
        payload, plan = passage.payload, passage.plan
        if payload.p:
            # Identifiers are counted where properties are not kept, too: somebody should mend the page that sends them.
            kept, refused = clean_properties(payload.p)
            passage.refused = (*passage.refused, *refused)
            if plan.keeps_property:
                passage.properties = tuple(kept)
        if plan.keeps_viewport and payload.w is not None:
            passage.viewport = VIEWPORTS[payload.w]
        if plan.keeps_language:
            passage.language = first_language(passage.raw.language)
        return None


def _visitor(passage: Passage, salt: Salt) -> VisitorKey:
    plan = passage.plan
    if plan.identity is Identity.BROWSER:
        return browser_key(salt, site=plan.key, number=passage.payload.number)
    return network_key(salt, site=plan.key, network=passage.network, agent=passage.agent.key)


def _make_event(passage: Passage, *, at: int, visitor: VisitorKey) -> Event:
    payload, plan, agent = passage.payload, passage.plan, passage.agent
    # By position, which costs a third of naming the fields; in the order in which `Event` has them.
    return Event(
        plan.site.id,
        at,
        visitor,
        passage.kind,
        passage.page,
        passage.source,
        passage.channel,
        agent.browser,
        agent.os,
        agent.device,
        passage.country,
        bool(payload.e),
        passage.name,
        payload.milliseconds if payload.d else 0,
        payload.scroll if payload.y else 0,
        agent.major if plan.keeps_major else "",
        passage.viewport,
        passage.language,
        passage.campaign,
        passage.properties,
        tuple(sorted(set(passage.refused))) if passage.refused else (),
    )
