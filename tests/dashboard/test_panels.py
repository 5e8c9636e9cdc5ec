"""Do panels say what the cells hold: sets, tables of their own, hours, and what is refused?"""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

import msgspec
import pytest
from starlette.testclient import TestClient

from collector.model import Cell, Dimension, Goal, Profile, Target, TargetKind
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, line, pair, total
from tests.dashboard.test_overview import figures, panel, said, text

YESTERDAY = TODAY - timedelta(1)
SITE = msgspec.structs.replace(
    SCHOOL,
    profile=Profile.OPEN,
    goals=(Goal("Aangemeld", Target(TargetKind.EVENT, "Aangemeld")), Goal("Nooit", Target(TargetKind.PAGE, "/nooit"))),
    groups=("/leerling/",),
)
DAYS = 20
#: Days on which the goal has figures.
REACHED = 10
D = Dimension


def in_set(kind: Dimension, name: str, dimension: Dimension, value: str, visitors: int) -> Cell:
    """Return a pair with a set: visitors only, in multiples of k."""
    return Cell(
        dimension=dimension, value=value, filter_dimension=kind, filter_value=name, visitors=visitors, contributors=10
    )


def day_of(number: int) -> list[Cell]:
    """Return the cells of a day, the *number*th before today."""
    cells = [
        total(500),
        *(line(D.PAGE, value, n) for value, n in (("/", 400), ("/leerling/cijfers", 90), ("/leerling/toets", 60))),
        line(D.GROUP, "/leerling/", 120, visits=130, pageviews=600, bounces=None, seconds=None, events=None),
        line(D.SOURCE, "Google", 200), line(D.SOURCE, "(direct)", 250), line(D.SOURCE, "(other)", 50),
        line(D.DEVICE, "Phone", 300), line(D.DEVICE, "Desktop", 200),
        line(D.EVENT, "Outbound", 80, pageviews=0, bounces=0, seconds=0),
        line(D.PROPERTY, "Outbound · host=magister.net", 40, pageviews=0, events=55),
        line(D.PROPERTY, "Download · type=pdf", 30, pageviews=0, events=35),
        line(D.PROPERTY, "Not found · page=/oud", 20, pageviews=0, events=25),
        line(D.PROPERTY, "(other)", 15), line(D.PROPERTY, "Oefening · niveau=1", 25),
        line(D.SCROLL, "100", 200, pageviews=300), line(D.SCROLL, "25", 150, pageviews=200),
        line(D.VIEWPORT, "small", 300), line(D.LANGUAGE, "nl", 450), line(D.CAMPAIGN, "opendag", 60),
        line(D.HOUR, "00-08", 40, pageviews=80), line(D.HOUR, "08-09", 300, pageviews=900),
        line(D.HOUR, "09-24", 400, pageviews=1500), line(D.HOUR, "(other)", 20),
        in_set(D.GROUP, "/leerling/", D.SOURCE, "Google", 50),
        *pair((D.PAGE, "/"), (D.SOURCE, "Google"), 220),
    ]  # fmt: skip
    if number <= REACHED:
        cells += [
            Cell(dimension=D.GOAL, value="Aangemeld", visitors=40, visits=44, events=48, contributors=20),
            in_set(D.GOAL, "Aangemeld", D.SOURCE, "Google", 20),
            in_set(D.GOAL, "Aangemeld", D.DEVICE, "Phone", 30),
        ]
    return cells


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Ask a house with goals and groups."""
    house = House(tmp_path_factory.mktemp("panels"), ManualClock(), sites=(SITE,))
    house.close_days([(TODAY - timedelta(n), day_of(n)) for n in range(1, DAYS + 1)], site=SITE)
    yield house.client()
    house.history.close()


def page_of(client: TestClient, path: str = "/", **params: str) -> str:
    """Return a page in English."""
    answer = client.get(f"{path}?{urlencode({'lang': 'en', **params})}")
    assert answer.status_code == 200
    return answer.text


def table(page: str) -> list[list[str]]:
    """Return the rows of a table of its own."""
    found = re.search(r'<table class="whole">.*?</table>', page, re.DOTALL)
    assert found
    rows = re.findall(r"<tr[ >].*?</tr>", found[0].partition("<tbody>")[2], re.DOTALL)
    return [[text(cell) for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)] for row in rows]


@pytest.mark.parametrize(
    ("shown", "name", "rows"),
    [
        ("outbound", "events", [["magister.net", "800", "1,100"]]),
        ("download", "events", [["pdf", "600", "700"]]),
        ("not_found", "pages", [["/oud", "400", "500"]]),
        ("viewport", "devices", [["Small, as a phone", "6,000", "7,200"]]),
        ("language", "countries", [["Dutch", "9,000", "10,800"]]),
        ("campaign", "sources", [["opendag", "1,200", "1,440"]]),
        ("group", "pages", [["/leerling/", "2,400", "12,000"]]),
    ],
)
def test_a_panel_shows_its_part_of_the_cells(client: TestClient, shown: str, name: str, rows: list[list[str]]) -> None:
    """A tracker's own property, a width, a language, a campaign and a group each have their own rows, and no others."""
    assert panel(page_of(client, show=shown), name) == rows


def test_a_goal_is_set_against_the_days_on_which_it_counted(client: TestClient) -> None:
    """Conversion is the goal's visitors among all visitors since the first day on which the goal has a figure."""
    assert panel(page_of(client), "goals") == [["Aangemeld", "400", "8.0%"]]


def test_beside_a_goal_figures_are_at_least(client: TestClient) -> None:
    """A goal as filter shows "at least", with the conversion of each source among its own visitors of those days."""
    page = page_of(client, filter="goal:Aangemeld", show="source")
    assert figures(page) == {"visitors": "400", "visits": "440"}
    assert panel(page, "sources") == [["Google", "≥ 200", "≥ 10.0%"]]
    assert panel(page, "devices") == [["Phone", "≥ 300", "≥ 10.0%"]]
    assert "At least so many: counted in steps of 5 a day" in said(page, "sources")


def test_a_filter_shows_the_goals_from_the_other_side(client: TestClient) -> None:
    """Goals and groups beside a source are read from their own side, where they are kept."""
    page = page_of(client, filter="source:Google", show="group")
    assert panel(page, "goals") == [["Aangemeld", "≥ 200", "≥ 10.0%"]]
    assert panel(page, "pages") == [["/leerling/", "≥ 1,000"]]


def test_figures_that_are_not_counted_are_left_out(client: TestClient) -> None:
    """Of an event neither pageviews nor bounces are counted, so no nought and no "<5 %" is shown, in files neither."""
    page = page_of(client, filter="event:Outbound", metric="bounce_rate")
    assert list(figures(page)) == ["visitors", "visits", "events"]
    row = client.get("/export/days.json?filter=event:Outbound").json()["rows"][0]
    assert set(row) == {"from", "to", "state", "visitors", "visits", "events"}
    assert list(figures(page_of(client, filter="page:/")))[-1] == "time_on_page"


def test_two_filters_lead_to_the_nearest_answers(client: TestClient) -> None:
    """Of two filters the page says what they had together, and links to each alone and to the pair either way round."""
    page = page_of(client, filter="page:/", second="")
    page = client.get("/?lang=en&filter=page:/&filter=source:Google").text
    assert "Together they had 4,400 pageviews." in text(page)
    links = {unescape(link) for link in re.findall(r'<li><a href="([^"]+)"', page)}
    for wanted in ("filter=page%3A%2F&lang", "filter=source%3AGoogle&lang", "filter=page%3A%2F&show=source"):
        assert any(wanted in link for link in links), wanted
    page = client.get("/?lang=en&filter=goal:Aangemeld&filter=source:Google").text
    assert "Together they had at least 200 visitors." in text(page)
    page = client.get("/?lang=en&filter=event:Outbound&filter=source:Google").text
    assert "is not kept by the profile of this site" in page
    assert "divided by" not in page


def test_what_nobody_declared_says_how(client: TestClient) -> None:
    """A beginning that is no group is refused with the remedy and a way to what there is; so is an unknown goal."""
    page = page_of(client, filter="group:/ouders/")
    assert "These pages are not counted as a group." in page
    assert "/all/page?site=school&amp;with=%2Fouders%2F" in page
    assert '<section class="card panel"' not in page
    assert "This goal has no figures." in page_of(client, filter="goal:Ooit")


def test_a_beginning_is_added_up_where_nothing_else_can_hold_some(client: TestClient) -> None:
    """Pages that begin alike are summed exactly, and refused where small groups may hold some of them."""
    page = page_of(client, "/all/page", **{"with": "/leerling/"})
    assert "Pages that begin with “/leerling/” had 12,000 pageviews." in text(page)
    assert [row[0] for row in table(page)] == ["/leerling/cijfers", "/leerling/toets"]
    assert "filter=group%3A%2Fleerling%2F" in page


@pytest.fixture
def folded(empty: House) -> House:
    """Fill a day with many pages, a roll-up and small groups."""
    cells = [total(5_000), *(line(D.PAGE, f"/p/{n:03}", 20 + n) for n in range(230)), line(D.PAGE, "(other)", 70)]
    empty.close_day(YESTERDAY, [*cells, line(D.PAGE, "/p/…", 12, bounces=None), line(D.PAGE, "/é/=1+1", 11)])
    return empty


def test_a_table_has_pages_that_miss_nothing(folded: House) -> None:
    """A hundred rows a page in a stable order, every row once; small groups stand on each page with their sum."""
    client = folded.client()
    seen: list[str] = []
    for number in (1, 2, 3):
        rows = table(page_of(client, "/all/page", page=str(number)))
        assert rows[-1][0].startswith("Small groups together fewer than 10 visitors each")
        assert rows[-1][1] == "70"
        seen += [row[0] for row in rows[:-1]]
    assert len(seen) == len(set(seen)) == 232
    assert table(page_of(client, "/all/page", page="9")) == table(page_of(client, "/all/page", page="3"))


def test_a_table_is_sorted_and_narrowed_by_its_address(folded: House) -> None:
    """Columns sort both ways, what is withheld last; a text narrows the rows, and a page says when nothing fits."""
    client = folded.client()
    rising = table(page_of(client, "/all/page", sort="visitors"))
    assert [row[1] for row in rising[:3]] == ["11", "12", "20"]
    assert table(page_of(client, "/all/page", sort="-name"))[0][0] == "/é/=1+1"
    narrowed = table(page_of(client, "/all/page", **{"with": "/P/22"}))
    assert [row[0] for row in narrowed[:-1]] == [f"/p/{n}" for n in range(229, 219, -1)]
    page = page_of(client, "/all/page", **{"with": "/p/"})
    assert "cannot be added up exactly" in page
    assert "No name has that in it." in page_of(client, "/all/page", **{"with": "nergens"})
    for wrong in ("sort=age", "page=0", "page=x"):
        assert client.get(f"/all/page?{wrong}").status_code == 400
    assert client.get("/all/visitor").status_code == 404


@pytest.mark.parametrize("text_of_it", ["DUTCH", "nl"])
def test_a_table_is_narrowed_by_what_is_read_and_by_what_is_kept(client: TestClient, text_of_it: str) -> None:
    """A name is found as it is written in the reader's language, whatever its capitals, and as the cells have it."""
    assert [row[0] for row in table(page_of(client, "/all/language", **{"with": text_of_it}))] == ["Dutch"]


def test_hours_are_laid_out_by_weekday(client: TestClient) -> None:
    """Each square is the mean of its weekday; what was a block is spread evenly and marked; a filter is refused."""
    page = page_of(client, "/engagement")
    rows = re.findall(r"<tr><th[^>]*>(\d\d)</th>(.*?)</tr>", page.partition('class="heat"')[2], re.DOTALL)
    squares = {hour: [text(cell) for cell in re.findall(r"<td.*?</td>", row)] for hour, row in rows}
    assert len(squares) == 24
    assert set(squares["08"]) == {"900"}
    assert set(squares["03"]) == {"~10"}
    assert set(squares["20"]) == {"~100"}
    assert "spread evenly over them" in page
    page = page_of(client, "/engagement", filter="source:Google")
    assert "Hours are kept of the whole site only" in page
    assert "Not kept together with “Source”" in page
    assert 'id="time"' not in page


def test_depth_and_time_are_shown_of_pages(client: TestClient) -> None:
    """Time on page is seconds per visit that opened it; scroll depth stands in the order of a page."""
    page = page_of(client, "/engagement")
    assert panel(page, "time")[0] == ["/", "8,000", "2 min 05 s"]
    assert panel(page, "scroll") == [["The first quarter", "3,000", "4,000"], ["To the end", "4,000", "6,000"]]


def test_what_a_profile_leaves_out_is_named_once(folded: House) -> None:
    """A site of the usual profile has one line for all that it does not count, and no box for each."""
    page = page_of(folded.client())
    line_of_it = re.findall(r'<p class="soft small absent">(.*?)</p>', page, re.DOTALL)
    profile, declared = (text(one) for one in line_of_it)
    assert profile.startswith("Not counted here, because the profile that the controller chose leaves it out:")
    assert profile.endswith("Campaigns, Widths of windows, Languages.")
    assert declared == "Not declared yet, and counted from the day after somebody does: Groups of pages, Goals."
    assert 'id="goals"' not in page


NAMES = [
    "/<script>alert(1)</script>", "/\u202egnp.exe", "/a\u200bb\u2066c", "/" + "x" * 299, "/a\"'&b", "/{{7*7}}",
    "/👩\u200d🏫/🎒", "/=1+1", "/" + "e\u0301" * 140,
]  # fmt: skip


def test_a_table_shows_hostile_names_harmlessly(empty: House) -> None:
    """HTML stays text, marks that hide or turn text are replaced, and the whole of a long name is there to be read."""
    empty.close_day(YESTERDAY, [total(300), *(line(D.PAGE, name, 50) for name in NAMES)])
    client = empty.client()
    page = page_of(client, "/all/page")
    assert "<script>alert" not in page
    assert not re.search("[\u200b\u200d\u202e\u2066]", page)
    shown = {row[0] for row in table(page)}
    assert shown == {re.sub("[\u200b\u200d\u202e\u2066]", "�", name) for name in NAMES}
    for link in re.findall(r'<th scope="row"><a href="([^"]+)"', page):
        assert client.get(unescape(link)).status_code == 200
    long = client.get("/", params={"filter": "page:/" + "x" * 2_000, "lang": "en"})
    assert long.status_code == 400
    assert "x" * 301 not in text(long.text)
