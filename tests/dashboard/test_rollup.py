"""Many sites at once: a sum is the sum of what the file holds, and nobody sees a site that is not theirs."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from collector.model import Cell, Origin, Outcome, Site
from dashboard.access import Refused
from dashboard.answer import report_of
from dashboard.median import Absent, Beside, beside, may_be_told, rounded, stretch
from dashboard.metrics import Amount, Key, Unit
from dashboard.period import Period, PeriodKind, Span
from dashboard.query import Query, QueryError
from dashboard.rollup import chosen_by, collections
from dashboard.sparkline import path
from dashboard.who import RIGHTS, Role, Way, Who
from tests.clock import ManualClock
from tests.dashboard.auditor import Auditor, written
from tests.dashboard.house import SCHOOL, TODAY, House, school_day, total
from tests.dashboard.reading import Sheet

YESTERDAY = TODAY - timedelta(1)
SITES = [
    msgspec.structs.replace(
        SCHOOL,
        id=f"school-{n:02}",
        hosts=(f"s{n}.example",),
        controller="De Bond" if n < 3 else f"School {n}",
        in_median=n < 12,
    )
    for n in range(13)
]
WEEK = Span(date(2026, 11, 16), date(2026, 11, 22))
SPAN = Span(TODAY - timedelta(28), YESTERDAY)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Close four weeks and the one before of twelve sites, two days of them with every breakdown; one has nothing."""
    house = House(tmp_path_factory.mktemp("many"), ManualClock(), sites=SITES)
    days = [TODAY - timedelta(back) for back in range(1, 36)]
    full = {(n, day) for n in (0, 1) for day in (YESTERDAY, YESTERDAY - timedelta(1))}
    keep(house, [
        (site, day, school_day(150 + n) if (n, day) in full else [total(100 + 10 * n + day.day)])
        for n, site in enumerate(SITES[:12])
        for day in days
    ])  # fmt: skip
    with house.history.write() as cursor:
        for n, site in enumerate(SITES):
            permit(cursor, n, site.id, datetime(2026, 1, 1), {"in_median": site.in_median})  # noqa: DTZ001 - as kept
    yield house
    house.history.close()


def keep(house: House, days: Sequence[tuple[Site, date, Sequence[Cell]]]) -> None:
    """Keep days of many sites at once; one without cells is lost."""
    house.ledger.keep([
        house._part(day, cells, site, 1, Outcome.KEPT if cells else Outcome.LOST, Origin.TRACKER, {})
        for site, day, cells in days
    ])  # fmt: skip


def permit(cursor: Any, seq: int, site: str, at: datetime, change: dict[str, Any]) -> None:
    """Write an entry of the settings log as a site's record, or what changed of it."""
    record = {"id": site, "hosts": [f"{site}.example"], "identity": "browser"} | change
    zeros = ["0" * 64] * 4
    cursor.execute(
        "insert into settings_log values (?, ?, ?, ?, 'controller', 'asked', ?, ?, ?, ?)",
        [seq, at, site, json.dumps(record), *zeros],
    )


class Some:
    """Let in somebody who may see some sites."""

    def __init__(self, *sites: str) -> None:
        self._who = Who(
            name="kim", way=Way.ACCOUNT, role=Role.VIEWER, rights=RIGHTS[Role.VIEWER], sites=frozenset(sites)
        )

    def who(self, request: Request) -> Who | Refused:
        """Return them."""
        del request
        return self._who


def rows(text: str) -> list[list[str]]:
    """Return the rows of the list as text: id, site with controller, line, visitors, pageviews, change, state."""
    found = []
    for row in re.findall(r"<tr>(.*?)</tr>", text, re.DOTALL):
        cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL)
        found.append([" ".join(re.sub(r"<[^>]+>", " ", cell).split()) for cell in cells])
    return [row for row in found if len(row) == 7 and row[0].startswith("school")]


def client(house: House, *sites: str) -> TestClient:
    """Return a client of somebody who may see *sites*, or all where none is named."""
    return TestClient(
        house.app(door=Some(*sites) if sites else None),
        base_url="http://127.0.0.1:8000",
        client=("127.0.0.1", 50_000),
    )


def test_a_view_of_many_sites_is_the_sum_of_the_file(many: House) -> None:
    """Figures, days and panels of a collection equal plain SQL over its sites, in the period and in the one before."""
    ids = chosen_by("of:De Bond", SITES)
    assert ids == ["school-00", "school-01", "school-02"]
    query = Query(sites=tuple(ids), collection="of:De Bond", compare=0)
    report = report_of(many.inside(), query, sites=SITES[:3])
    names = ", ".join(f"'{site}'" for site in ids)
    where = f"from cell where site in ({names}) and day between ? and ? and filter_dimension = ''"
    span = (report.span.first, report.span.last)
    for figure in report.figures:
        key, metric = figure.metric.key, figure.metric
        ratio = f"/ sum({metric.denominator})" if metric.denominator else ""
        expected = many.value(f"select sum({metric.numerator}) {ratio} {where} and dimension = 'total'", *span)
        assert figure.amount.value == pytest.approx(expected), key
    by_day = dict(many.rows(f"select day, sum(visitors) {where} and dimension = 'total' group by all", *span))
    assert {point.first: point.tally[Key.VISITORS].value for point in report.points if point.is_counted} == by_day
    pages = next(panel for panel in report.panels if panel.name == "pages")
    shown = {row.value: row.tally[Key.VISITORS].value for row in pages.rows}
    expected = dict(many.rows(f"select value, sum(visitors) {where} and dimension = 'page' group by all", *span))
    assert shown == {value: expected[value] for value in shown}
    assert pages.shown_days == many.value(f"select count(distinct day) {where} and dimension = 'page'", *span)


def test_the_list_is_the_sum_of_the_file(many: House) -> None:
    """Each line, the totals below and the order equal plain SQL over each site by itself."""
    text = client(many).get("/sites?lang=en").text
    listed = {row[1].split()[0]: row for row in rows(text)}
    assert len(listed) == len(SITES)
    sums = "select site, sum(visitors), sum(pageviews) from cell where dimension = 'total' and day between ? and ?"
    told = many.rows(f"{sums} group by site order by 2 desc", SPAN.first, SPAN.last)
    for site, visitors, pageviews in told:
        assert (listed[site][3], listed[site][4]) == (f"{visitors:,}", f"{pageviews:,}")
    assert list(listed)[:12] == [site for site, *_ in told]
    assert listed["school-12"][3:] == ["–", "–", "–", "nothing counted"]
    foot = text.partition("<tfoot>")[2]
    assert f"{sum(row[1] for row in told):,}" in foot
    assert f"{sum(row[2] for row in told):,}" in foot


def test_the_list_is_sorted_and_narrowed_by_its_address(many: House) -> None:
    """A column turns the list round, part of a name narrows it, a collection keeps to its own; nonsense is refused."""
    asked = client(many)
    rising = [row[1].split()[0] for row in rows(asked.get("/sites?sort=visitors").text)]
    falling = [row[1].split()[0] for row in rows(asked.get("/sites").text)]
    assert rising[:12] == falling[:12][::-1]
    assert [row[1].split()[0] for row in rows(asked.get("/sites?sort=name&with=SCHOOL-1").text)] == [
        "school-10",
        "school-11",
        "school-12",
    ]
    bond = f"/sites?collection={quote('of:De Bond')}"
    assert {row[1].split()[0] for row in rows(asked.get(bond).text)} == {"school-00", "school-01", "school-02"}
    for nonsense in ("sort=k", "page=0", "page=x", "period=x", "collection=of:Nobody"):
        assert asked.get(f"/sites?{nonsense}").status_code == 400


def test_nobody_sees_a_site_that_is_not_theirs(many: House) -> None:
    """All sites are those that one may see: in the list, in a collection, and in a view of several."""
    kim = client(many, "school-00", "school-05")
    assert {row[1].split()[0] for row in rows(kim.get("/sites").text)} == {"school-00", "school-05"}
    assert "All 2 sites" in kim.get("/?collection=all&lang=en").text
    assert "school-01" not in kim.get("/?collection=all&lang=en").text
    assert kim.get("/?site=school-00&site=school-01").status_code == 400
    assert kim.get(f"/?collection={quote('of:School 7')}").status_code == 400
    with pytest.raises(QueryError):
        chosen_by("of:", SITES)


def test_a_collection_has_a_short_name(many: House) -> None:
    """However many sites are looked at, the address stays short, and links of the page keep the collection."""
    query = Query.from_params([("collection", "all")], collect=lambda name: chosen_by(name, SITES))
    assert query.to_params() == [("collection", "all")]
    assert len(query.sites) == len(SITES)
    assert collections(SITES) == [("of:De Bond", "De Bond", 3)]
    text = client(many).get("/?collection=all&period=7d").text
    assert text.count("collection=all") > 10
    assert text.count("site=school") < 5


def of(many: House, *mine: str, period: PeriodKind = PeriodKind.FOUR_WEEKS) -> Beside:
    """Return the medians for who sees *mine*, on the first of them."""
    sites = [site for site in many.sites if site.id in mine]
    asked = Period(period)
    return beside(many.inside(), sites, sites[:1], period=asked, span=asked.span(TODAY), today=TODAY)


def test_a_median_is_that_of_the_file_to_two_digits(many: House) -> None:
    """The median of the last whole week equals plain SQL over who permits it, and is the same for everybody."""
    told = of(many, "school-00")
    assert told.span == WEEK
    assert told.schools == 12
    sums = many.rows(
        "select sum(visitors) from cell where dimension = 'total' and day between ? and ? group by site",
        WEEK.first,
        WEEK.last,
    )
    assert told.values[Key.VISITORS] == float(f"{median(row[0] for row in sums):.1e}")
    assert set(told.values) >= {Key.VISITORS, Key.VISITS, Key.PAGEVIEWS, Key.BOUNCE_RATE}
    assert of(many, "school-05").values == told.values == of(many, "school-12").values
    page = client(many, "school-00").get("/?site=school-00&lang=en").text
    assert "the median of 12 schools" in page
    assert "the median of 12 schools" in client(many, "school-00", "school-01").get("/sites?lang=en").text


def test_each_median_on_the_page_is_that_of_the_file(many: House) -> None:
    """The six medians, what one's own site came to beside them, and of how many schools they are."""
    sheet = Sheet(client(many, "school-00").get("/?site=school-00&lang=en").text)
    box = sheet.main.one(".median")
    own = Auditor(many, "school-00").figures(WEEK.first, WEEK.last, by="'all'")["all"]
    each = Auditor(many, *(site.id for site in SITES[:12])).figures(WEEK.first, WEEK.last, by="site")
    keys = ("visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_length")
    for line, key in zip(box.all("li"), keys, strict=True):
        middle = median(one[key].value or 0 for one in each.values())
        middle = round(middle, 2) if key == "bounce_rate" else float(f"{middle:.1e}")
        sheet.expect(line.one("b"), written(key, middle))
        assert line.text.endswith(f"{written(key, middle)} (here {written(key, own[key].value)})"), line.text
    assert "the median of 12 schools" in box.text


def test_no_median_of_too_few_others(many: House) -> None:
    """Who sees so many of the group that fewer than ten others are left is told why, and no figure."""
    told = of(many, "school-00", "school-01", "school-02")
    assert (told.absent, told.values) == (Absent.FEW, {})
    page = client(many, "school-00", "school-01", "school-02").get("/sites?lang=en").text
    assert "It takes 10 beside your own." in page
    assert "the median of" not in page


def test_a_median_is_of_whole_weeks_and_months() -> None:
    """Stretches that overlap by some days cannot be asked for, so that no day is told by a difference."""
    for first, last in ((date(2026, 11, 16), YESTERDAY), (date(2026, 11, 10), date(2026, 11, 22))):
        assert stretch(Period.own(first, last), Span(first, last), today=TODAY) == WEEK
    for days in (date(2026, 11, 17), date(2026, 11, 20)):
        assert stretch(Period.own(days, YESTERDAY), Span(days, YESTERDAY), today=TODAY) is None
    october = Span(date(2026, 10, 1), date(2026, 10, 31))
    assert stretch(Period.month(october.first), october, today=TODAY) == october
    running = Span(date(2026, 11, 1), YESTERDAY)
    assert stretch(Period.month(running.first), running, today=TODAY) is None


def test_a_group_is_of_those_who_permitted_it_all_through(empty: House) -> None:
    """Who withdraws it during a week, or lost a day, is not in that week; later changes alter nothing."""
    house = empty
    house.sites = list(SITES)
    ids = [site.id for site in SITES]
    keep(house, [
        (site, day, [] if (site, day) == (SITES[12], WEEK.first) else [total(200)])
        for site in SITES
        for day in WEEK.each()
    ])  # fmt: skip
    with house.history.write() as cursor:
        for n, name in enumerate(ids):
            permit(cursor, n, name, datetime(2026, 1, 1), {"in_median": True})  # noqa: DTZ001 - as kept
    everybody = of(house, ids[0])
    assert everybody.schools == 12
    with house.history.write() as cursor:
        permit(cursor, 90, ids[1], datetime(2026, 11, 18), {"in_median": False})  # noqa: DTZ001 - as kept
        permit(cursor, 91, ids[2], datetime(2026, 11, 23, 12), {"in_median": False})  # noqa: DTZ001 - as kept
    assert of(house, ids[0]).schools == 11


def test_nobody_is_nearly_all_of_the_others() -> None:
    """Of others no site may be more than 85 in 100, of visitors, visits and pageviews."""

    def tally(number: int) -> dict[Key, Amount]:
        return dict.fromkeys((Key.VISITORS, Key.VISITS, Key.PAGEVIEWS), Amount(number, None, 1, 1))

    group = {str(n): tally(10) for n in range(10)}
    assert may_be_told(group, set(), least=10)
    assert may_be_told(group | {"mine": tally(10_000)}, {"mine"}, least=10)
    assert not may_be_told(group | {"large": tally(10_000)}, set(), least=10)
    assert not may_be_told(group, {"0"}, least=10)


@pytest.mark.parametrize(
    ("value", "unit", "told"),
    [(608, Unit.COUNT, 610), (99.6, Unit.COUNT, 100), (0.4371, Unit.SHARE, 0.44), (3.14, Unit.RATIO, 3.1), (0, "", 0)],
)
def test_a_median_has_two_digits(value: float, unit: Unit, told: float) -> None:
    """A median names no figure of a school to its last digit."""
    assert rounded(value, unit) == told


def test_a_sparkline_breaks_where_nothing_is_known() -> None:
    """A missing day is no zero; a line goes on over a weekend, and is broken where more is missing."""
    assert path([1, None, None, 2, 4]).count("M") == 1
    assert path([1, None, None, None, 2, 4]).count("M") == 2
    assert path([5, 5]) == "M2.0 2.0h0L94.0 2.0"
    assert path([0, 0]) == "M2.0 22.0h0L94.0 22.0"
    assert path([None]) == path([]) == ""
