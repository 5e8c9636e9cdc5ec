"""A request becomes an event, or a drop with its reason: nothing else, and nothing more."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.edge.gate import Gate
from collector.edge.identifiers import REFUSED_NAMES
from collector.edge.raw import RawRequest
from collector.event import Drop, Event, Kind, Malformed, Reason
from collector.model import OTHER, Profile, Site
from collector.settings import Privacy
from tests.edge.doors import AT, CHROME, SITES, admit, event, gate, request, seen


@pytest.fixture(scope="module")
def door() -> Gate:
    """Open one gate for all cases; it keeps nothing of them."""
    return gate()


def test_a_pageview_becomes_an_event(door: Gate) -> None:
    """Of a request only closed lists, a cleaned path, a host and a key go further."""
    raw = request(
        u="https://www.school.example/groep/7?mail=jan@school.nl#kop", r="https://nieuws.example/a?b", e=1, w=2
    )
    fields = seen(event(door, raw))
    assert 0 < fields.pop("visitor") < 2**64
    assert fields == {
        "site": "school",
        "at": AT,
        "kind": Kind.PAGEVIEW,
        "page": "/groep/:id",
        "source": "nieuws.example",
        "channel": "referral",
        "browser": "Chrome",
        "os": "Windows",
        "device": "Desktop",
        "country": "NL",
        "is_entry": True,
        "name": "",
        "milliseconds": 0,
        "scroll": 0,
        "browser_major": "",
        "viewport": "",
        "language": "",
        "campaign": "",
        "properties": (),
        "refused": (),
    }


def test_engagement_and_own_events_are_told_apart(door: Gate) -> None:
    """Engaged time and depth come within limits; a page's own event keeps its name."""
    left = event(door, request(n="engagement", d=61_000.7, y=101))
    assert (left.kind, left.milliseconds, left.scroll, left.name) == (Kind.ENGAGEMENT, 61_000, 100, "")
    own = event(door, request(n="Toets ingeleverd", d=-5, y=-1))
    assert (own.kind, own.milliseconds, own.scroll, own.name) == (Kind.CUSTOM, 0, 0, "Toets ingeleverd")


@pytest.mark.parametrize(
    ("gpc", "dnt", "is_dropped"),
    [
        ("", "", False),
        ("1", "", True),
        ("", "1", True),
        ("1", "1", True),
        ("0", "0", False),
        ("1 ", "", False),
        ("true", "", False),
        ("?1", "", False),
        ("11", "", False),
        ("", "yes", False),
        ("", "null", False),
        ("0", "1", True),
    ],
)
def test_an_opt_out_is_exactly_one(door: Gate, gpc: str, dnt: str, is_dropped: bool) -> None:  # noqa: FBT001
    """`Sec-GPC: 1` and `DNT: 1` are opt-outs, to the letter; anything else is no signal."""
    outcome = admit(door, request(headers={"gpc": gpc, "dnt": dnt}))
    assert (outcome == Drop(Reason.OPT_OUT, "")) is is_dropped


def test_an_opt_out_is_honoured_before_anything_is_read(door: Gate) -> None:
    """Whoever opts out is not looked at: not even a broken body is noticed, and no site is named."""
    assert admit(door, RawRequest(peer="", body=b"{", gpc="1")) == Drop(Reason.OPT_OUT, "")


@pytest.mark.parametrize(
    ("raw", "reason", "site"),
    [
        (request(s="nobody"), Reason.UNKNOWN_SITE, ""),
        (request(s=""), Reason.UNKNOWN_SITE, ""),
        (request(s="off"), Reason.SITE_OFF, "off"),
        (request(u="https://elsewhere.example/"), Reason.HOST, "school"),
        (request(u="https://portal.example/"), Reason.HOST, "school"),
        (request(u="about:blank"), Reason.HOST, "school"),
        (request(s="browser"), Reason.INVALID, "browser"),
        (request(s="browser", i=""), Reason.INVALID, "browser"),
        (request(headers={"user_agent": ""}), Reason.BOT, "school"),
        (request(headers={"user_agent": "curl/8.0"}), Reason.BOT, "school"),
        (request(headers={"user_agent": "LeerlingJanBot/1.0"}), Reason.BOT, "school"),
        (request(headers={"user_agent": CHROME.replace("Chrome", "HeadlessChrome")}), Reason.BOT, "school"),
        (request(headers={"user_agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://x)"}), Reason.BOT, "school"),
    ],
)
def test_what_is_not_counted_has_a_reason(door: Gate, raw: RawRequest, reason: Reason, site: str) -> None:
    """A request that is not counted is a reason and a site, and nothing of its content."""
    assert admit(door, raw) == Drop(reason, site)


@pytest.mark.parametrize(
    "url", ["/groep/les", "groep/les", "https://a.portal.example/groep/les", "HTTP://WWW.school.example:80/groep/les"]
)
def test_own_hosts_and_bare_paths_are_counted(door: Gate, url: str) -> None:
    """A path without a host is the site's own; so is a subdomain that the site names."""
    assert event(door, request(u=url)).page == "/groep/les"


DOOR = gate()


@given(
    st.fixed_dictionaries(
        {"peer": st.text(max_size=40)},
        optional={name: st.text(max_size=40) for name in ("forwarded", "user_agent", "country", "language", "gpc")},
    ),
    st.text(max_size=40),
)
def test_no_header_breaks_the_gate(headers: dict[str, str], words: str) -> None:
    """Whatever the headers, the answer is an event or a drop, in values of the closed lists."""
    raw = request(headers=headers, s="open", n=words or "x", u=f"/{words}", r=words, c=words, p={words: words})
    outcome = admit(DOOR, raw)
    assert isinstance(outcome, Event | Drop)
    if isinstance(outcome, Event):
        values = (outcome.page, outcome.source, outcome.name, outcome.campaign, *outcome.properties)
        assert not any(sign in value for value in values for sign in "?#;@%")
        assert all(len(value) <= 300 for value in values)
        assert OTHER not in values
        assert set(outcome.refused) <= REFUSED_NAMES


def test_a_foreign_error_does_not_get_out() -> None:
    """What breaks inside is answered with a constant code, without a word of the request."""

    def broken(_: str) -> Site | None:
        raise RuntimeError("canary")

    assert admit(gate(site=broken), request()) == Malformed("unreadable", "The request cannot be read.")


@pytest.mark.parametrize(
    ("name", "kept", "refused"),
    [
        ("Toets 7", "Toets 7", ()),
        ("100% klaar?", "100 klaar", ()),
        ("=cmd()", "cmd()", ()),
        ("(other)", "other)", ()),
        ("\u202epop\u0000up\n", "popup", ()),
        ("jan@school.nl", "(unknown)", ("event_name",)),
        ("jan%40school.nl", "(unknown)", ("event_name",)),
        ("leerling 123456782", "(unknown)", ("event_name",)),
        ("???", "(unknown)", ()),
    ],
)
def test_event_names_are_labels(door: Gate, name: str, kept: str, refused: tuple[str, ...]) -> None:
    """A name that holds an identifier is not kept; one that would break a page, a formula or our labels is mended."""
    found = event(door, request(n=name))
    assert (found.name, found.refused) == (kept, refused)


def test_dimensions_are_carried_only_where_the_profile_keeps_them(door: Gate) -> None:
    """Campaign, language, viewport, major version and properties are in no event of a site that does not keep them."""
    extras: dict[str, Any] = {
        "u": "https://www.school.example/les?utm_source=krant&utm_medium=email&gclid=canary",
        "w": 0,
        "p": {"a": "b"},
    }
    kept = event(door, request(s="open", **extras))
    assert (kept.campaign, kept.channel) == ("krant/email/-", "email")
    assert (kept.language, kept.viewport, kept.browser_major, kept.properties) == ("nl", "small", "156", ("a=b",))
    for site in ("school", "strict"):
        lost = event(door, request(s=site, **extras))
        assert (lost.campaign, lost.language, lost.viewport, lost.browser_major, lost.properties) == (
            "",
            "",
            "",
            "",
            (),
        )
        assert lost.channel == "direct"
    assert event(door, request(s="strict", n="Toets")).name == ""


def test_the_house_is_never_looser_than_its_profile() -> None:
    """Where the house allows `standard`, a site that picked `open` carries what `standard` keeps."""
    door = gate(privacy=Privacy())
    assert event(door, request(s="open", w=1)).viewport == ""


def test_a_setting_that_changed_is_seen() -> None:
    """A site's new settings count from the next request on."""
    sites = {"school": SITES["school"]}
    door = gate(site=sites.get)
    assert event(door, request(w=1)).viewport == ""
    sites["school"] = msgspec.structs.replace(SITES["school"], profile=Profile.OPEN)
    assert event(door, request(w=1)).viewport == "medium"


@pytest.mark.parametrize("said", ["XX", "T1", "nld", "", "canary"])
def test_a_country_header_is_one_of_a_closed_list(door: Gate, said: str) -> None:
    """A code that is no country falls back to the table, for the cut address."""
    headers = {"peer": "10.0.0.1", "forwarded": "145.0.2.77", "country": said}
    assert event(door, request(headers=headers)).country == "NL"


@pytest.mark.parametrize(("peer", "country"), [("10.0.0.1", "DE"), ("145.0.2.77", "NL")])
def test_only_a_trusted_proxy_names_the_country(door: Gate, peer: str, country: str) -> None:
    """Whoever is no trusted proxy cannot choose its own country: the table for its cut address stands."""
    headers = {"peer": peer, "forwarded": "145.0.2.77", "country": "DE"}
    assert event(door, request(headers=headers)).country == country


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.9", "", "::1"])
def test_no_country_is_said_so(door: Gate, address: str) -> None:
    """An address without a country has the value `(unknown)`."""
    assert event(door, request(headers={"peer": address})).country == "(unknown)"


def test_a_table_of_the_operator_sees_the_cut_address_only() -> None:
    """An operator's own table is asked for the network, never for the address; what it says is checked."""
    asked: list[str] = []

    def table(address: str) -> str:
        asked.append(address)
        return "BE" if len(asked) == 1 else "Amsterdam"

    door = gate(lookup=table)
    assert event(door, request()).country == "BE"
    assert event(door, request(headers={"peer": "2001:610:1:2::3"})).country == "(unknown)"
    assert asked == ["145.0.2.0", "2001:0610:0001::"]
