"""Every figure on every page equals the same question put to the file in SQL; one that nobody accounts for fails."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

import pytest
from starlette.testclient import TestClient

from tests.dashboard import checking, drawn, more
from tests.dashboard.auditor import Auditor
from tests.dashboard.checking import Asked
from tests.dashboard.house import TODAY, House
from tests.dashboard.reading import Sheet
from tests.dashboard.year import DECLARED, FIRST, HALF_LOST, LOST, SPLIT, YESTERDAY

_FOUR_WEEKS: Final = Asked(TODAY - timedelta(28), YESTERDAY, TODAY - timedelta(56))
#: Each with the days that it means on 24 November 2026, and those before.
PERIODS: Final = {
    "today": Asked(TODAY, TODAY, TODAY - timedelta(28)),
    "28d": _FOUR_WEEKS,
    "7d": Asked(TODAY - timedelta(7), YESTERDAY, TODAY - timedelta(35)),
    "2026-11": Asked(date(2026, 11, 1), YESTERDAY, date(2026, 10, 4)),
    "2026-10 compare=364": Asked(date(2026, 10, 1), date(2026, 10, 31), date(2025, 10, 2), goes_on=False),
    "2026-2027 compare=364": Asked(date(2026, 8, 1), YESTERDAY, date(2025, 8, 2)),
    "all": Asked(FIRST, YESTERDAY, None),
    "12mo compare=364": Asked(date(2025, 12, 1), YESTERDAY, date(2024, 12, 2)),
    "2024-10-25..2026-11-23": Asked(date(2024, 10, 25), YESTERDAY, None, goes_on=False),
    f"{LOST}..{LOST}": Asked(LOST, LOST, LOST - timedelta(28), goes_on=False),
    f"{HALF_LOST}..{HALF_LOST}": Asked(HALF_LOST, HALF_LOST, HALF_LOST - timedelta(28), goes_on=False),
    f"{SPLIT}..{TODAY}": Asked(SPLIT, TODAY, SPLIT - timedelta(28), goes_on=False),
}  # fmt: skip
#: Since when what was declared counts: what came with the site at once, what came later from the next day on.
BEGUN: Final = {"Verlof": date(2025, 9, 1), "Rooster gezien": DECLARED, "/vakken/": DECLARED}
METRICS: Final = ("visits", "pageviews", "views_per_visit", "bounce_rate", "visit_length")
#: Every choice of every panel, each once.
SHOWN: Final = (
    ("entry_page", "source", "browser", "language", "outbound"),
    ("exit_page", "campaign", "os", "download"),
    ("group", "viewport"),
    ("not_found",),
)
FILTERS: Final = (
    ("page", "/rooster"), ("source", "Google"), ("device", "Phone"), ("goal", "Verlof"),
    ("goal", "Rooster gezien"), ("group", "/vakken/"), ("channel", "search"), ("event", "Outbound"),
    ("property", "Download · type=pdf"),
)  # fmt: skip


@pytest.fixture(scope="module")
def client(year: House) -> Iterator[TestClient]:
    """Open the dashboard once."""
    with year.client() as opened:
        yield opened


def page(client: TestClient, path: str, *told: tuple[str, str]) -> Sheet:
    """Return a page in English."""
    answer = client.get(f"{path}?{urlencode([*told, ('lang', 'en')])}")
    assert answer.status_code == 200, answer.text
    return Sheet(answer.text)


def period(name: str) -> list[tuple[str, str]]:
    """Return the parameters of one of `PERIODS`."""
    first, _, compare = name.partition(" ")
    return [("period", first), *([("compare", compare.partition("=")[2])] if compare else [])]


def overview(client: TestClient, auditor: Auditor, asked: Asked, *told: tuple[str, str]) -> int:
    """Compare an overview from top to bottom."""
    sites = [] if any(name == "collection" for name, _ in told) else [("site", site) for site in auditor.sites]
    sheet = page(client, "/", *sites, ("metric", asked.metric), *told)
    checked(sheet, auditor, asked)
    return checking.finish(sheet)


def checked(sheet: Sheet, auditor: Auditor, asked: Asked) -> None:
    """Compare what an overview has."""
    checking.figures(sheet, auditor, asked)
    if len(asked.days) == 1:
        drawn.hours(sheet, auditor, asked)
    else:
        drawn.chart(sheet, auditor, asked)
    checking.completeness(sheet, auditor, asked)
    for box in sheet.main.all("section.panel"):
        checking.panel(sheet, auditor, asked, box)


@pytest.mark.parametrize("name", PERIODS)
def test_an_overview_is_what_the_file_says(year: House, client: TestClient, name: str) -> None:
    """Figures, changes, chart, days, completeness and panels, of periods from a day to 25 months."""
    assert overview(client, Auditor(year, "school"), PERIODS[name], *period(name)) > 20


@pytest.mark.parametrize("metric", METRICS)
def test_a_chart_draws_each_figure(year: House, client: TestClient, metric: str) -> None:
    """Whatever the chart draws is compared by day and by week."""
    for name in ("28d", "12mo compare=364") if metric in {"visits", "bounce_rate"} else ("28d",):
        overview(client, Auditor(year, "school"), PERIODS[name]._replace(metric=metric), *period(name))


@pytest.mark.parametrize("shown", SHOWN)
def test_every_choice_of_every_panel(year: House, client: TestClient, shown: tuple[str, ...]) -> None:
    """Each breakdown that a panel can show."""
    told = [*period("28d"), *(("show", one) for one in shown)]
    overview(client, Auditor(year, "school"), PERIODS["28d"], *told)


@pytest.mark.parametrize("filtered", FILTERS)
def test_an_overview_under_a_filter(year: House, client: TestClient, filtered: tuple[str, str]) -> None:
    """The line of the value itself, and its pairs, read from either side."""
    looks = (("28d", ("source", "browser")), ("2026-11", ("entry_page", "os")), ("all", ("group",)))
    place = FILTERS.index(filtered)
    for name, shown in looks if filtered[0] in {"page", "group"} else looks[place % 3 : place % 3 + 1]:
        told = [*period(name), ("filter", ":".join(filtered)), *(("show", one) for one in shown)]
        overview(client, Auditor(year, "school"), PERIODS[name]._replace(filter=filtered), *told)


def test_several_sites_together(year: House, client: TestClient) -> None:
    """Two sites by name, and all of them by their collection, are the sum of the file."""
    for sites, told in (
        (("school", "buurschool"), []),
        (("school", "overzee"), [("collection", "of:De Schoolvereniging")]),
        (("school", "buurschool", "overzee"), [("collection", "all")]),
    ):
        for name in ("28d", "today") if len(sites) == 2 else ("2026-11",):
            asked = PERIODS[name]._replace(is_network="buurschool" in sites)
            overview(client, Auditor(year, *sites), asked, *period(name), *told)


@pytest.mark.parametrize("breakdown", [*checking.TITLES.values()])
def test_a_table_of_its_own(year: House, client: TestClient, breakdown: str) -> None:
    """All rows and columns of each breakdown, also under a filter."""
    auditor = Auditor(year, "school")
    more_of: dict[str, list[tuple[str, tuple[str, str] | None]]] = {
        "page": [("all", None), ("28d", ("device", "Phone"))],
        "device": [("28d", ("goal", "Verlof"))],
        "goal": [("all", None)],
    }
    looks: list[tuple[str, tuple[str, str] | None]] = [("28d", None), *more_of.get(breakdown, [])]
    for name, filtered in looks:
        asked = PERIODS[name]._replace(filter=filtered)
        told = [("filter", ":".join(filtered))] if filtered else []
        sheet = page(client, f"/all/{breakdown}", ("site", "school"), *period(name), *told)
        shown = checking.panel(sheet, auditor, asked, sheet.main.one(".every"), limit=100)
        assert shown or filtered
        for rows in sheet.main.all("form span.soft"):
            assert rows.text.split()[0] == str(len(sheet.main.all("table.whole tbody tr")))
        checking.finish(sheet)


def test_engagement(year: House, client: TestClient) -> None:
    """Hours by weekday, time on page and depth of scrolling."""
    for sites, name in (
        (("school",), "28d"),
        (("school", "buurschool"), "2026-10 compare=364"),
        (("school",), "2026-11"),
    ):
        auditor, asked = Auditor(year, *sites), PERIODS[name]
        sheet = page(client, "/engagement", *(("site", site) for site in sites), *period(name))
        more.heat(sheet, auditor, asked)
        for box in sheet.main.all("section.panel"):
            if box.told["id"] != "hours":
                assert checking.panel(sheet, auditor, asked, box) or len(sites) > 1
        assert checking.finish(sheet) > 100


@pytest.mark.parametrize("name", ["28d", "2026-2027 compare=364", "2026-10 compare=364"])
def test_goals_and_funnels(year: House, client: TestClient, name: str) -> None:
    """Goals, groups, funnels and where people go next, of periods that begin before they were declared too."""
    auditor, asked = Auditor(year, "school"), PERIODS[name]
    sheet = page(client, "/goals", ("site", "school"), *period(name))
    goals, groups = sheet.main.all("table.reached")
    more.goal_lines(sheet, auditor, asked, goals, "goal", begun=BEGUN)
    more.goal_lines(sheet, auditor, asked, groups, "group", begun=BEGUN)
    more.funnel(sheet, auditor, asked, sheet.main.one(".funnel"), "Verlof vragen", begun=DECLARED)
    rows = auditor.rows(
        "select value, sum(visitors), null from cell where :sites and filter_dimension = 'page' and "
        "filter_value = '/' and dimension = 'next_page' and day between ? and ? group by value order by 2 desc, 1",
        asked.first, asked.last,
    )  # fmt: skip
    more.bars(sheet, sheet.main.one("#next").one("table"), rows)
    checking.finish(sheet)


def test_what_a_goal_divides_into(year: House, client: TestClient) -> None:
    """Each value beside a goal: at least so many, and of everybody who had it."""
    auditor = Auditor(year, "school")
    for name, goal in (("28d", "Verlof"), ("2026-2027 compare=364", "Rooster gezien")):
        asked = PERIODS[name]
        sheet = page(client, "/goals", ("site", "school"), *period(name), ("filter", f"goal:{goal}"))
        more.goal_lines(sheet, auditor, asked, sheet.main.one("table.reached"), "goal", begun=BEGUN)
        first = max(asked.first, BEGUN[goal])
        for box in sheet.main.all(".panels section"):
            dimension = box.told["aria-labelledby"].removeprefix("by-")
            rows = auditor.rows(
                "select value, n, of from (select value, sum(visitors) as n from cell where :sites and "
                "filter_dimension = 'goal' and filter_value = ? and dimension = ? and day between ? and ? "
                "group by value) left join (select value, sum(visitors) as of from cell where :sites and "
                "filter_dimension = '' and dimension = ? and day between ? and ? group by value) using (value) "
                "order by n desc, value",
                goal, dimension, first, asked.last, dimension, first, asked.last,
            )  # fmt: skip
            more.bars(sheet, box.one("table"), rows)
        checking.finish(sheet)


def test_the_list_of_sites(year: House, client: TestClient) -> None:
    """Each site is what its own overview says, and the last line is the sum."""
    auditor = Auditor(year, "school", "buurschool", "overzee")
    for name in ("28d", "7d"):
        asked = PERIODS[name]
        sheet = page(client, "/sites", *period(name))
        more.sites(sheet, auditor, asked)
        checking.finish(sheet)


def test_a_figure_that_nobody_answers_for_fails() -> None:
    """A number, or a bar, that is new on a page is no exception to anything: it has to be compared."""
    sheet = Sheet("<main><p>Of 608 visitors</p><svg><rect width='58%'/></svg><nav>28 days</nav></main>")
    with pytest.raises(AssertionError, match="Of 608 visitors"):
        checking.finish(sheet)
    assert len(sheet.left()) == 2
