"""What is remembered of pages and sources changes no event, and is no more than the day holds."""

from hypothesis import given
from hypothesis import strategies as st

from collector.edge import gate as gates
from collector.edge.gate import Gate
from collector.edge.sources import HOSTS
from tests.edge.doors import AT, SITES, admit, event, gate, request, seen

_URLS = st.sampled_from(
    (
        "https://www.school.example/groep/les", "https://www.school.example/", "/groep/les", "HTTPS://www.school.example/a",
        "https://jan:geheim@www.school.example/les", "https://www.school.example:8443/les", "https://jan.portal.example/les",
        "https://www.school.example/les?mail=jan@school.nl", "https://www.school.example/leerling/12345",
        "https://www.school.example/les#kop", "https://www.school.example/les/", "https://www.school.example/a/../b",
        "https://www.school.example/k3x9b2k3x9b2", "//www.school.example/les",
    )
)  # fmt: skip
_REFERRERS = st.sampled_from(
    (
        "", "www.google.com", "nieuws.example", "www.nieuws.example", "https://nieuws.example/jan/12345",
        "12345678.example",
        "jan-12345678.facebook.com", "facebook.com", "www.school.example", "jan.portal.example", "NIEUWS.example",
        "nieuws.example:8080", "mailto:jan@school.nl", "google.nl", "canary",
    )
)  # fmt: skip
WARM, COLD = gate(), gate()
_SITES = st.sampled_from(("school", "tweede", "open"))


@given(st.lists(st.tuples(_SITES, _URLS, _REFERRERS), min_size=1, max_size=30))
def test_what_is_remembered_changes_no_event(visits: list[tuple[str, str, str]]) -> None:
    """A gate that has seen pages and sources before makes of a request what a new one makes of it."""
    WARM.forget()
    for site, url, referrer in visits * 2:
        raw = request(s=site, u=url, r=referrer)
        COLD.forget()
        assert seen(event(WARM, raw)) == seen(event(COLD, raw))


def _known(door: Gate) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    plan = door._plans["school"]
    return plan.pages, plan.sources


@given(st.lists(st.tuples(_URLS | st.text(max_size=30), _REFERRERS | st.text(max_size=30)), min_size=1, max_size=30))
def test_nothing_is_remembered_that_the_day_does_not_hold(visits: list[tuple[str, str]]) -> None:
    """A remembered page is a host of the site and the page that is counted; a source is a name or the host counted."""
    door = WARM
    door.forget()
    for url, referrer in visits:
        admit(door, request(u=url, r=referrer))
    pages, sources = _known(door)
    for url, page in pages.items():
        assert url in (f"https://www.school.example{page}", f"http://www.school.example{page}")
    for referrer, (source, _) in sources.items():
        bare = referrer.removeprefix("www.")
        assert bare == source or bare in HOSTS or referrer in ("", *SITES["school"].hosts)


def test_a_day_that_turns_forgets_them() -> None:
    """Nothing of a page or a source is left when the day is over."""
    door = WARM
    event(door, request(r="nieuws.example"))
    assert all(_known(door))
    door.forget()
    assert not any(_known(door))


def test_they_are_bounded() -> None:
    """A flood of pages does not fill the memory: beyond the limit all are forgotten, and counting goes on."""
    door = WARM
    for number in range(gates.WHOLE_MAX + 10):
        word = "".join("aeioubdgln"[int(digit)] for digit in str(number))
        event(door, request(u=f"https://www.school.example/{word[:3]}/{word[3:] or 'x'}"))
        assert len(_known(door)[0]) <= gates.WHOLE_MAX
    assert len(_known(door)[0]) < 10_000


def test_the_echo_is_not_remembered() -> None:
    """What a developer asks about is in no running day, so nothing of it is remembered: no page, source or browser."""
    door = gate()
    door.echo(request(u="https://www.school.example/les", r="nieuws.example"), at=AT)
    assert _known(door) == ({}, {})
    assert not door._agents._read.cache_info().currsize
    admit(door, request(u="https://www.school.example/les", r="nieuws.example"))
    pages, sources = _known(door)
    assert (list(pages.values()), len(sources)) == (["/les"], 1)


def test_proxies_are_forgotten_when_a_day_turns() -> None:
    """The address of a trusted proxy is remembered until the day turns, and not longer: a visitor may sit behind it."""
    door = gate()
    admit(door, request(headers={"peer": "10.0.0.1", "forwarded": "145.0.2.7"}))
    assert door._trusted._seen == {"10.0.0.1"}
    door.forget()
    assert not door._trusted._seen
