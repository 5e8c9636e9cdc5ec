"""A day of a three-page site, from twelve real browsers to the kept cells, with a search for what must not be kept."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Page

from collector.audit.marks import Mark, address_forms, forms, search
from tests.browser import open_context
from tests.outside import STATS, Line, lines
from tests.process import HouseProcess

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

VISITORS: Final = 12
#: Put where a browser carries personal data; found at the house nowhere.
MARKS: Final = {
    "query": "jan.canarie@leerling.example",
    "click id": "Canarie-Gclid-5d20",
    "fragment": "canarie-fragment-81f",
    "cookie": "canarie-koekje-3b9",
    "wide cookie": "canarie-breed-koekje-7e4",
    "referrer path": "canarie-verwijspad-a06",
    "link path": "canarie-linkpad-c55",
    "property": "canarie-eigenschap-902",
}
_LANDING: Final = (
    f"http://www.school.example/?email={MARKS['query']}&gclid={MARKS['click id']}&utm_source=brief#{MARKS['fragment']}"
)
_NEWS: Final = "nieuws.elders.example"
_PAGES: Final = {
    _NEWS: f'<!doctype html><meta name=referrer content=unsafe-url><a href="{_LANDING.replace("&", "&amp;")}">x</a>',
    "www.school.example/": '<a id=next href="/toets?poging=2">toets</a>',
    "www.school.example/toets": (
        f'<a id=out href="http://{_NEWS}/{MARKS["link path"]}">x</a>'
        "<script>klaar = () => history.pushState({}, '', '/uitslag?cijfer=8')</script>"
    ),
}
_EVENTS: Final = {"Toets gemaakt": VISITORS, "Outbound": VISITORS}


def _address(number: int) -> str:
    """Return an address of a Dutch university network, each in a /24 of its own."""
    return f"145.0.{number + 1}.77"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[HouseProcess]:
    """Run a house that browsers find at a name of its own."""
    with HouseProcess(tmp_path, settings=f'[public]\nbase_url = "http://{STATS}"') as running:
        yield running


def _snippets(house: HouseProcess) -> tuple[str, str]:
    """Copy the lines for the school's pages from the page that shows them: the short one and the pinned one."""
    status, _, page = house.request("GET", "/first-steps/school", headers={"Accept-Language": "nl"})
    assert status == 200
    found = [unescape(code) for code in re.findall(r"<code>(.*?)</code>", page.decode(), re.DOTALL)]
    short, pinned = (code for code in found if code.startswith("<script"))
    assert "integrity=" in pinned
    return short, pinned


def _pages(snippet: str) -> dict[str, str]:
    return {
        place: f"<!doctype html><title>Les</title><link rel=icon href=data:,>{snippet if '/' in place else ''}{body}"
        for place, body in _PAGES.items()
    }


#: What a visitor does, and how many events were sent once it is done: come from elsewhere, see three pages, one of
#: them without loading it, make a test, and leave by a link. A page that is left reports how long it was seen.
_STEPS: Final[tuple[tuple[Callable[[Page], object], int], ...]] = (
    (lambda page: page.goto(f"http://{_NEWS}/{MARKS['referrer path']}", wait_until="commit"), 0),
    (lambda page: page.click("a", no_wait_after=True), 1),
    (lambda page: page.click("#next", no_wait_after=True), 3),
    (lambda page: page.evaluate("klaar()"), 5),
    (lambda page: page.evaluate(f"turven('Toets gemaakt', {{naam: '{MARKS['property']}'}})"), 6),
    (lambda page: page.click("#out", no_wait_after=True), 8),
)


def _walk(browser: Browser, house: HouseProcess, addresses: list[str]) -> list[Line]:
    """Let a fresh profile walk behind each address, all at once; the last one finds the script pinned by its hash."""
    short, pinned = _snippets(house)
    errors: list[str] = []
    with lines(house_port=house.port) as open_line, ExitStack() as opened:
        walks = []
        for number, address in enumerate(addresses):
            line = open_line(address, _pages(pinned if number == len(addresses) - 1 else short))
            context = open_context(browser, proxy={"server": line.proxy})
            opened.callback(context.close)
            context.add_cookies(
                [
                    {"name": "sessie", "value": MARKS["cookie"], "url": "http://www.school.example/"},
                    {"name": "breed", "value": MARKS["wide cookie"], "domain": ".school.example", "path": "/"},
                ]
            )
            page = context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            walks.append((page, line))
        for step, events in _STEPS:
            for page, _ in walks:
                step(page)
            for _, line in walks:
                line.wait_for_events(events)
    assert errors == []
    return [line for _, line in walks]


def _expect_a_private_line(walked: list[Line]) -> None:
    """The pages got cookies and the whole address; the house got no cookie, no referrer, and no preflight."""
    for line in walked:
        landing = next(sent for sent in line.requests if sent.target.startswith("/?"))
        assert MARKS["query"] in landing.target
        assert MARKS["referrer path"] in str(landing.header("referer"))
        for name in ("cookie", "wide cookie"):
            assert MARKS[name] in str(landing.header("cookie"))
        for sent in line.to_house():
            assert (sent.header("cookie"), sent.header("referer")) == (None, None), sent.target
        seen = [sent.method for sent in line.to_house()]
        assert (seen.count("POST"), seen.count("OPTIONS")) == (8, 0)
    assert any(re.fullmatch(r"/turven\.[0-9a-f]+\.js", sent.target) for sent in walked[-1].to_house())


def _expect_no_trace(house: HouseProcess, addresses: list[str]) -> None:
    """No file of the house holds a mark, an address or a user agent, in any form."""
    needles = set().union(*(forms(Mark(field, text)) for field, text in MARKS.items()))
    # Packed into four bytes an address is found by chance in a sealed file; its texts are not.
    texts = set().union(*(address_forms(address) for address in addresses))
    needles |= {form for form in texts if len(form) > 4} | {b"AppleWebKit", b"Chrome/156"}
    files = [path for path in sorted(house.folder.rglob("*")) if path.is_file()]
    assert {path.name for path in files} >= {"history.duckdb", "log.txt"}
    read, found = search(files, needles)
    assert (read > 0, found) == (True, [])


def _kept(house: HouseProcess) -> dict[tuple[str, str, str, str], Mapping[str, Any]]:
    """Return every kept cell but the hours, whose name depends on when the test runs."""
    rows = json.loads(house.turven("export", "--site", "school", "--format", "json"))
    hours = [row for row in rows if row["dimension"] == "hour"]
    assert [(row["pageviews"], row["visitors"]) for row in hours] == [(3 * VISITORS, VISITORS // 10 * 10)]
    assert all(row["contributors"] >= 10 for row in rows)
    return {
        (row["filter_dimension"], row["filter_value"], row["dimension"], row["value"]): row
        for row in rows
        if row["dimension"] != "hour"
    }


def _figures(row: Mapping[str, Any]) -> tuple[int | None, ...]:
    return tuple(row[name] for name in ("pageviews", "visits", "visitors", "events", "bounces", "seconds"))


def _expected() -> dict[tuple[str, str, str, str], tuple[int | None, ...]]:
    """Return every cell that twelve such walks come to; bounces and seconds are withheld below 2k visitors."""
    n = VISITORS
    withheld = (None, None)
    everything = (3 * n, n, n, 2 * n, *withheld)
    of_visits = {
        "total": [""],
        "entry_page": ["/"],
        "exit_page": ["/uitslag"],
        "source": [_NEWS],
        "channel": ["referral"],
        "browser": ["Chrome"],
        "os": ["Windows"],
        "device": ["Desktop"],
        "country": ["NL"],
    }
    cells: dict[tuple[str, str, str, str], tuple[int | None, ...]] = {
        ("", "", of, value): everything for of, values in of_visits.items() for value in values
    }
    cells |= {("", "", "page", page): (n, n, n, 0, *withheld) for page in ("/", "/toets")}
    cells["", "", "page", "/uitslag"] = (n, n, n, 2 * n, *withheld)
    cells |= {("", "", "event", name): (0, n, n, count, *withheld) for name, count in _EVENTS.items()}
    cells["", "", "property", f"Outbound · host={_NEWS}"] = (0, n, n, n, *withheld)
    # The pages fit into the window: each is read to its end.
    cells["", "", "scroll", "100"] = (3 * n, None, n, None, *withheld)
    # Told in multiples of k, as "at least".
    steps = (("/", "/toets"), ("/toets", "/uitslag"), ("/uitslag", "(exit)"))
    cells |= {("page", page, "next_page", after): (None, None, 10, None, *withheld) for page, after in steps}
    paired = ("browser", "os", "device", "country")
    pairs: list[tuple[str, str, str, str, int]] = [
        ("source", _NEWS, other, of_visits[other][0], 3 * n) for other in paired
    ]
    pairs += [
        ("page", page, other, of_visits[other][0], n)
        for page in ("/", "/toets", "/uitslag")
        for other in ("source", *paired)
    ]
    for a, a_value, b, b_value, views in pairs:
        cells[a, a_value, b, b_value] = cells[b, b_value, a, a_value] = (views, None, None, None, *withheld)
    return cells


@pytest.mark.parametrize("identity", ["network", "browser"])
def test_a_day_from_browsers_to_cells(browser: Browser, house: HouseProcess, identity: str) -> None:
    """Twelve browsers walk a site; exactly their counts are kept, and nothing of what would tell them apart.

    In `network` identity each has an address of its own; in `browser` identity all have the same.
    """
    house.add_school("--identity", identity)
    addresses = [_address(number if identity == "network" else 0) for number in range(VISITORS)]
    _expect_a_private_line(_walk(browser, house, addresses))
    _expect_no_trace(house, addresses)
    assert house.turven("close") == "school: closed\n"
    assert {key: _figures(row) for key, row in _kept(house).items()} == _expected()
    house.stop()
    _expect_no_trace(house, addresses)
