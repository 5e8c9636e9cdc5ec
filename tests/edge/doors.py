"""A gate with three sites behind it, and requests as browsers send them."""

import json
from collections.abc import Callable
from typing import Any, Final

from collector.edge.gate import Gate
from collector.edge.raw import RawRequest
from collector.edge.visitor import SALT_BYTES, Salt
from collector.event import Drop, Event, Malformed
from collector.model import Identity, Profile, Site
from collector.settings import Privacy, Server

AT: Final = 1_795_000_000
CHROME: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
SAFARI: Final = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.6 Safari/605.1.15"
)
URL: Final = "https://www.school.example/groep/les"
HOSTS: Final = ("www.school.example", "*.portal.example")

SITES: Final = {
    site.id: site
    for site in (
        Site(id="school", hosts=HOSTS, identity=Identity.NETWORK, is_on=True),
        Site(id="tweede", hosts=HOSTS, identity=Identity.NETWORK, is_on=True, may_echo=False),
        Site(id="browser", hosts=HOSTS, identity=Identity.BROWSER, is_on=True),
        Site(id="open", hosts=HOSTS, identity=Identity.NETWORK, is_on=True, profile=Profile.OPEN),
        Site(
            id="strict", hosts=HOSTS, identity=Identity.BROWSER, is_on=True, profile=Profile.STRICT, templates=("/les",)
        ),
        Site(id="off", hosts=HOSTS, identity=Identity.NETWORK),
    )
}
#: One and the same salt for every site: the site is in the key itself.
SALT: Final = Salt(bytes(range(SALT_BYTES)))
TRUSTED: Final = Server(trusted_proxies=("10.0.0.0/8",), country_header="X-Country")


def gate(
    *,
    privacy: Privacy = Privacy(profile=Profile.OPEN, k=5),  # noqa: B008 - frozen
    site: Callable[[str], Site | None] = SITES.get,
    lookup: Callable[[str], str] | None = None,
) -> Gate:
    """Build a gate whose house allows every profile, unless told otherwise."""
    return Gate(privacy=privacy, server=TRUSTED, site=site, lookup=lookup)


def body(**fields: Any) -> bytes:
    """Write the tracker's JSON: a pageview of the school, with *fields* changed; `None` leaves one out."""
    filled = {"s": "school", "n": "pageview", "u": URL} | fields
    return json.dumps({key: value for key, value in filled.items() if value is not None}).encode()


def request(*, headers: dict[str, str] | None = None, **fields: Any) -> RawRequest:
    """Build a request of a visitor in the Netherlands; *headers* are fields of `RawRequest`, *fields* of the body."""
    filled = {"peer": "145.0.2.77", "user_agent": CHROME, "language": "nl-NL,nl;q=0.9"} | (headers or {})
    return RawRequest(body=body(**fields), **filled)


def admit(door: Gate, raw: RawRequest) -> Event | Drop | Malformed:
    """Let *raw* in, with one salt for every site."""
    return door.admit(raw, at=AT, salt=lambda _site, _at: SALT)


def event(door: Gate, raw: RawRequest) -> Event:
    """Let *raw* in and insist that it is counted."""
    outcome = admit(door, raw)
    assert isinstance(outcome, Event), outcome
    return outcome


def seen(of: Event) -> dict[str, Any]:
    """Look at every field of a sealed event."""
    return {name: getattr(of, name) for name in of.__struct_fields__}
