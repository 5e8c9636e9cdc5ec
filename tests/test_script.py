"""How the tracker is put together, and how large it may be."""

import gzip
import hashlib
import re
from base64 import b64encode
from datetime import date
from html.parser import HTMLParser
from itertools import chain, combinations

import pytest

from collector.errors import SettingsError
from collector.model import Identity, Profile, Site
from collector.policy import rules_for
from collector.script import PARTS, Scripts, assemble, build, csp_lines, read_source, snippet

SOURCE = read_source()
NOTHING: frozenset[str] = frozenset()


def _site(**changes: object) -> Site:
    """Describe a school's site."""
    given = {"id": "school-1", "hosts": ("www.school.example",), "identity": Identity.NETWORK, **changes}
    return Site(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("parts", "bytes_max"), [(NOTHING, 700), (PARTS, 1_000)])
def test_size(parts: frozenset[str], bytes_max: int) -> None:
    """The core of the script is at most 700 bytes as it is sent, and all of it together at most 1,000."""
    assert len(build(SOURCE, parts=parts).gzipped) <= bytes_max


def test_every_part_can_be_left_out() -> None:
    """Each of the 64 assemblies is different, and none holds a mark or a comment."""
    choices = chain.from_iterable(combinations(sorted(PARTS), count) for count in range(len(PARTS) + 1))
    bodies = {build(SOURCE, parts=frozenset(choice)).body for choice in choices}
    assert len(bodies) == 2 ** len(PARTS)
    assert not [body for body in bodies if b"/*" in body or b"part:" in body]


@pytest.mark.parametrize(
    ("part", "only_there"),
    [
        ("browser", "Math.random"),
        ("width", "innerWidth"),
        ("hash", "location.hash"),
        ("engagement", "scrollHeight"),
        ("outbound", "Outbound"),
        ("downloads", "Download"),
    ],
)
def test_a_part_that_is_off_is_not_sent(part: str, only_there: str) -> None:
    """What a site has not switched on is not in the script that its visitors receive."""
    assert only_there in assemble(SOURCE, frozenset({part}))
    assert only_there not in assemble(SOURCE, PARTS - {part})


def test_a_part_of_several_names_is_kept_for_each() -> None:
    """A part named `a|b` is kept where either is switched on."""
    source = "x/*! part:outbound|downloads */y/*! end */z"
    assert [assemble(source, frozenset(on)) for on in ([], ["outbound"], ["downloads"])] == ["xz", "xyz", "xyz"]


def test_unknown_part() -> None:
    """A part that does not exist is refused by name."""
    with pytest.raises(SettingsError, match="recording"):
        assemble(SOURCE, frozenset({"recording"}))


@pytest.mark.parametrize(
    "word",
    [
        "eval(",
        "Function(",
        "sendBeacon",
        "document.cookie",
        "sessionStorage",
        "indexedDB",
        "document.write",
        "innerHTML",
    ],
)
def test_words_that_do_not_occur(word: str) -> None:
    """The script holds nothing that writes code, cookies, another storage or the page."""
    assert word not in build(SOURCE, parts=PARTS).body.decode()


def test_hashes_are_of_the_bytes_served() -> None:
    """Address, integrity and tag follow from the body alone, and the compressed body is the body."""
    script = build(SOURCE, parts=PARTS)
    assert script.integrity == "sha384-" + b64encode(hashlib.sha384(script.body).digest()).decode()
    assert hashlib.sha256(script.body).hexdigest().startswith(script.hash)
    assert script.etag == f'W/"{script.hash}"'
    assert gzip.decompress(script.gzipped) == script.body
    # A time in the header would be a mark that differs between two visitors.
    assert script.gzipped[4:8] == bytes(4)


def test_a_site_is_served_what_it_has_switched_on() -> None:
    """The assembly of a site follows its switches, its identity and its profile."""
    scripts = Scripts(SOURCE)
    default = frozenset({"engagement", "outbound", "downloads"})
    assert scripts.for_site(_site()) == build(SOURCE, parts=default)
    assert scripts.for_site(_site(scripts=())) == scripts.core() == build(SOURCE, parts=NOTHING)
    assert scripts.for_site(_site(identity=Identity.BROWSER)) == build(SOURCE, parts=default | {"browser"})
    assert scripts.for_site(_site(profile=Profile.OPEN)) == build(SOURCE, parts=default | {"width"})


def test_a_house_that_is_stricter_sends_no_width() -> None:
    """Where the house does not keep the width, a site's looser profile does not fetch it."""
    scripts = Scripts(SOURCE, rules=lambda profile: rules_for(profile, house_profile=Profile.STANDARD))
    assert scripts.for_site(_site(profile=Profile.OPEN)) == scripts.for_site(_site())


def test_by_hash() -> None:
    """Every assembly is found by its hash, before any site has asked for it, and nothing else is."""
    script = build(SOURCE, parts=frozenset({"hash", "browser"}))
    assert Scripts(SOURCE).by_hash(script.hash) == script
    assert Scripts(SOURCE).by_hash("0" * 16) is None
    assert Scripts(SOURCE).by_hash("") is None


class _Tag(HTMLParser):
    """Read the attributes of one element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.attributes: dict[str, str | None] = {}
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes = dict(attrs)


def test_snippet() -> None:
    """The lines to copy name site and house; the pinned one names the hash and the integrity of the script."""
    plain = _Tag(snippet(_site(agreed_on=date(2026, 1, 1)), base_url="https://product.example/turven/")).attributes
    assert plain == {
        "defer": None,
        "src": "https://product.example/turven/turven.js?s=school-1",
        "crossorigin": "anonymous",
        "referrerpolicy": "no-referrer",
        "data-site": "school-1",
    }
    script = Scripts(SOURCE).for_site(_site())
    pinned = _Tag(snippet(_site(), base_url="https://product.example", pinned=script)).attributes
    assert pinned == {
        "defer": None,
        "src": f"https://product.example/turven.{script.hash}.js",
        "integrity": script.integrity,
        "crossorigin": "anonymous",
        "referrerpolicy": "no-referrer",
        "data-site": "school-1",
    }


def test_policy_lines() -> None:
    """The lines for a Content-Security-Policy name the house's own addresses and allow nothing unsafe."""
    lines = csp_lines("https://product.example/turven/")
    assert lines == (
        "script-src https://product.example/turven/",
        "connect-src https://product.example/turven/event",
    )
    assert not re.search("unsafe|\\*", "".join(lines))
