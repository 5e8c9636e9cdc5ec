"""Does a program get the figures of the closed cells, and a sentence that helps where it cannot?"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from collector.model import Dimension
from dashboard.answer import report_of
from dashboard.api_ask import BODY_BYTES_MAX
from dashboard.api_words import DIMENSIONS
from dashboard.metrics import METRICS, Key
from dashboard.query import Filter, Period, Query
from dashboard.timeline import value_of
from tests.dashboard.asking import (
    BELOW,
    DECLARED_DAYS,
    LOST,
    OURS,
    SITE,
    ask,
    build,
    refused,
)  # fmt: skip
from tests.dashboard.house import TODAY, House, line, morning, total

YESTERDAY: Final = TODAY - timedelta(1)
#: Each with the days that it means on a Tuesday, 24 November 2026.
PERIODS: Final = {
    "7d": (TODAY - timedelta(7), YESTERDAY),
    "28d": (TODAY - timedelta(28), YESTERDAY),
    "30d": (TODAY - timedelta(30), YESTERDAY),
    "month": (date(2026, 11, 1), YESTERDAY),
    "6mo": (date(2026, 6, 1), YESTERDAY),
    "12mo": (date(2025, 12, 1), YESTERDAY),
    "year": (date(2026, 1, 1), YESTERDAY),
    "all": (TODAY - timedelta(44), YESTERDAY),
}
_BOTH: Final = "sum({0}) filter ({1} is not null) / nullif(sum({1}) filter ({0} is not null), 0)"
#: As plain SQL; a ratio over the cells that hold both.
PLAIN: Final = {
    "visitors": "sum(visitors)",
    "visits": "sum(visits)",
    "pageviews": "sum(pageviews)",
    "views_per_visit": _BOTH.format("pageviews", "visits"),
    "bounce_rate": f"100 * {_BOTH.format('bounces', 'visits')}",
    "visit_duration": _BOTH.format("seconds", "visits"),
    "events": "sum(events)",
}
#: How far a figure is written out.
_WRITTEN: Final = {"views_per_visit": 0.0051, "bounce_rate": 0.0051, "visit_duration": 0.51}
_D = Dimension
_ASKED: Final = b'{"site_id":"school","metrics":["visitors"],"date_range":"7d"'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Build one house for tests that only look."""
    house = build(tmp_path_factory.mktemp("asked"))
    yield house
    house.history.close()


@pytest.fixture(scope="module")
def client(house: House) -> TestClient:
    """Return a client on the house's machine."""
    return house.client()


def plain(house: House, dimension: str, span: tuple[date, date], *, time: str = "null") -> dict[Any, list[Any]]:
    """Return every metric by bucket of time and value, as SQL of the test's own has them."""
    rows = house.rows(
        f"select {time}::varchar, value, {', '.join(PLAIN.values())} from cell where site = 'school' "
        "and day between ? and ? and filter_dimension = '' and dimension = ? group by all",
        *span,
        dimension,
    )
    return {(bucket, value): values for bucket, value, *values in rows}


def same(got: list[Any], expected: list[Any]) -> bool:
    """Tell whether metrics agree: counts exactly, ratios as far as they are written out, shares within their bounds."""
    for name, one, other in zip(PLAIN, got, expected, strict=True):
        wanted = other if name != "bounce_rate" or other is None else min(max(other, 5), 95)
        if (one is None) != (wanted is None):
            return False
        if wanted is not None and one != pytest.approx(float(wanted), abs=_WRITTEN.get(name, 0)):
            return False
    return True


@pytest.mark.parametrize("period", PERIODS)
def test_a_period_has_the_days_of_its_name(client: TestClient, period: str) -> None:
    """Periods by name hold whole days that are over; their totals are those of plain SQL."""
    told = ask(client, date_range=period)
    assert told["query"]["date_range"] == [str(day) for day in PERIODS[period]]


@pytest.mark.parametrize("period", ["7d", "month", "all"])
def test_every_figure_equals_plain_sql(house: House, client: TestClient, period: str) -> None:
    """Every metric of every dimension of every period is what plain SQL over the cells gives."""
    compared = 0
    for name, dimension in DIMENSIONS.items():
        if dimension is _D.NEXT_PAGE:
            continue
        rows = ask(client, metrics=list(PLAIN), date_range=period, dimensions=[name])["results"]
        expected = plain(house, dimension, PERIODS[period])
        assert {row["dimensions"][0] for row in rows} == {value for _, value in expected}, name
        for row in rows:
            compared += 1
            assert same(row["metrics"], expected[None, row["dimensions"][0]]), (name, row)
    assert compared >= 60


@pytest.mark.parametrize("bucket", ["day", "week", "month"])
def test_figures_over_time_equal_plain_sql(house: House, client: TestClient, bucket: str) -> None:
    """Sources by day, week and month are what plain SQL over the cells gives."""
    span = PERIODS["all"]
    dimensions = [f"time:{bucket}", "visit:source"]
    rows = ask(client, metrics=list(PLAIN), date_range=[str(day) for day in span], dimensions=dimensions)["results"]
    expected = plain(house, "source", span, time=f"date_trunc('{bucket}', day)::date")
    assert len(rows) == len(expected) > 2
    assert all(same(row["metrics"], expected[tuple(row["dimensions"])]) for row in rows)


@pytest.mark.parametrize("period", ["28d", "12mo", "today", "2026-11-10..2026-11-24"])
@pytest.mark.parametrize("asked", [None, Filter(_D.SOURCE, "Google"), Filter(_D.GOAL, "Verlof")])
def test_programs_pages_and_files_say_the_same(
    house: House, client: TestClient, period: str, asked: Filter | None
) -> None:
    """The figures of a page, of its files and of the API are one, also of a lost day and of the day that runs."""
    query = Query(sites=(SITE.id,), period=Period.parse(period), filter=asked)
    report = report_of(house.inside(), query, sites=[SITE])
    question: dict[str, Any] = {"date_range": [str(report.span.first), str(report.span.last)]}
    if asked:
        name = next(name for name, dimension in DIMENSIONS.items() if dimension is asked.dimension)
        question["filters"] = [["is", name, [asked.value]]]
        if period == "today" and asked.dimension is _D.GOAL:
            assert refused(client, **question)[1] == "day_is_running"
            return
    keys = {"visitors": Key.VISITORS, "visits": Key.VISITS, "pageviews": Key.PAGEVIEWS, "bounce_rate": Key.BOUNCE_RATE}
    told = ask(client, metrics=list(keys), **question)
    shown = {figure.metric.key: figure for figure in report.figures}
    for name, value in zip(keys, told["results"][0]["metrics"], strict=True):
        if keys[name] not in shown:
            continue
        figure = shown[keys[name]]
        page = value_of({figure.metric.key: figure.amount}, METRICS[figure.metric.key])
        wanted = page if page is None or name != "bounce_rate" else round(page * 100, 2)
        assert value == wanted, name
        if figure.metric.denominator is None:
            assert (name in told["meta"]["is_at_least"]) is (figure.is_at_least and page is not None), name
    for panel in report.panels:
        if panel.refusal or panel.breakdown.value not in {one.value for one in DIMENSIONS.values()}:
            continue
        name = next(name for name, one in DIMENSIONS.items() if one is panel.dimension)
        rows = ask(client, metrics=["visitors", "pageviews"], dimensions=[name], **question)["results"]
        page_rows = {row.value: row.tally for row in [*panel.rows, *([panel.other] if panel.other else [])]}
        api_rows = {row["dimensions"][0]: row["metrics"] for row in rows}
        assert set(page_rows) <= set(api_rows), name
        for value, tally in page_rows.items():
            assert api_rows[value] == [tally[Key.VISITORS].value, tally[Key.PAGEVIEWS].value], (name, value)


def test_a_pair_is_answered_from_either_side(house: House, client: TestClient) -> None:
    """Pages of a source, and sources of a page, hold the pageviews of the pair; visitors are withheld."""
    told = ask(
        client,
        metrics=["pageviews", "visitors"],
        dimensions=["event:page"],
        filters=[["is", "visit:source", ["Google"]]],
    )
    expected = house.rows(
        "select value, sum(pageviews) from cell where site = 'school' and filter_dimension = 'source' and "
        "filter_value = 'Google' and dimension = 'page' and day >= ? group by value",
        TODAY - timedelta(7),
    )
    assert {row["dimensions"][0]: row["metrics"] for row in told["results"]} == {v: [n, None] for v, n in expected}
    assert told["meta"]["withheld"] == ["visitors"]
    turned = ask(
        client, metrics=["pageviews"], dimensions=["visit:source"], filters=[["and", [["is", "event:page", ["/"]]]]]
    )
    google = next(row["metrics"] for row in turned["results"] if row["dimensions"] == ["Google"])
    assert google == [dict(expected)["/"]]


def test_goals_are_answered_with_their_conversion(house: House, client: TestClient) -> None:
    """A conversion rate is the goal's visitors among all who came since it counted, in percent."""
    metrics = ["visitors", "conversion_rate"]
    told = ask(client, metrics=metrics, date_range="all", dimensions=["event:goal"])["results"]
    reached = house.value("select sum(visitors) from cell where dimension = 'goal' and filter_dimension = ''")
    since = TODAY - timedelta(DECLARED_DAYS)
    # Of the lost day nobody knows who reached it, so nobody of it stands among those who could have.
    whole = house.value(
        "select sum(visitors) from cell where site = 'school' and dimension = 'total' and day >= ?", since
    )
    assert told == [{"metrics": [reached, round(reached / whole * 100, 2)], "dimensions": ["Verlof"]}]
    alone = ask(client, metrics=metrics, date_range="all", filters=[["is", "event:goal", ["Verlof"]]])["results"]
    assert alone[0]["metrics"] == told[0]["metrics"]


def test_beside_a_goal_visitors_are_at_least(house: House, client: TestClient) -> None:
    """Sources of a goal are told as at least so many, with the share of each source that reached it."""
    told = ask(
        client,
        metrics=["visitors", "group_conversion_rate"],
        date_range="all",
        dimensions=["visit:source"],
        filters=[["is", "event:goal", ["Verlof"]]],
    )
    days = house.value("select count(*) from cell where filter_dimension = 'goal' and site = 'school'")
    of_source = house.value(
        "select sum(visitors) from cell where site = 'school' and dimension = 'source' and value = 'Google' "
        "and filter_dimension = '' and day >= ?",
        TODAY - timedelta(DECLARED_DAYS),
    )
    rate = round(20 * days / of_source * 100, 2)
    at_least = ["visitors", "group_conversion_rate"]
    assert told["results"] == [{"metrics": [20 * days, rate], "dimensions": ["Google"], "is_at_least": at_least}]
    turned = ask(client, date_range="all", dimensions=["event:goal"], filters=[["is", "visit:source", ["Google"]]])
    assert turned["results"][0]["metrics"] == [20 * days]
    after = ask(client, date_range="all", dimensions=["event:next_page"], filters=[["is", "event:page", ["/"]]])
    assert after["results"][0] == {"metrics": [30 * days], "dimensions": ["(exit)"], "is_at_least": ["visitors"]}


def test_properties_are_answered_of_one_event_or_of_each(client: TestClient) -> None:
    """A property of one event has its bare values; without the event each value names it."""
    told = ask(client, dimensions=["event:props:type"], filters=[["is", "event:name", ["Download"]]])["results"]
    assert {row["dimensions"][0] for row in told} == {"pdf", "xlsx"}
    whole = {row["dimensions"][0]: row["metrics"] for row in ask(client, dimensions=["event:props:type"])["results"]}
    assert set(whole) == {"Download · type=pdf", "Download · type=xlsx", "Bestand · type=pdf"}
    one = ask(client, filters=[["is", "event:props:type", ["Bestand · type=pdf"]]])["results"]
    assert one[0]["metrics"] == whole["Bestand · type=pdf"]


def test_hours_are_answered_as_blocks(house: House, client: TestClient) -> None:
    """Hours of a closed day are the blocks that were kept, with the hour in which each is over."""
    told = ask(client, metrics=["pageviews"], date_range=[str(YESTERDAY)] * 2, dimensions=["time"])
    expected = house.rows(
        "select value, pageviews from cell where site = 'school' and dimension = 'hour' and day = ? order by value",
        YESTERDAY,
    )
    starts = [f"{YESTERDAY} {value[:2]}:00:00" for value, _ in expected]
    assert [(row["dimensions"][0], row["metrics"][0]) for row in told["results"]] == list(
        zip(starts, [pageviews for _, pageviews in expected], strict=True)
    )
    assert told["meta"]["time_blocks"][starts[-1]] == f"{TODAY} 00:00:00"


def test_meta_says_how_to_read_the_answer(client: TestClient) -> None:
    """k, visitor-days, the folded share, lost and small days, and until when the running day is known."""
    told = ask(client, metrics=["visitors", "visits"], date_range=[str(BELOW), str(TODAY)], dimensions=["event:page"])
    meta = told["meta"]
    assert (meta["k"], meta["visitors"], meta["as_of"]) == (5, "visitor-days", f"{TODAY}T09:00")
    assert 0 < meta["folded"] < 0.2
    assert meta["days"] == {"kept": 8, "below_k": 1, "lost": 1}
    whole = ask(client, metrics=["visitors", "visits"], date_range=[str(LOST), str(LOST)])
    assert whole["results"] == [{"metrics": [210, None], "dimensions": []}]
    assert whole["meta"]["withheld"] == ["visits"]


def test_what_was_closed_counts_once(empty: House) -> None:
    """While a snapshot still holds a part that was closed, its visitors count once."""
    cells, blocks = morning()
    empty.run_today(cells, blocks)
    empty.close_day(TODAY, [total(210), line(_D.PAGE, "/", 180)])
    client = empty.client()
    assert ask(client, date_range="day")["results"][0]["metrics"] == [210]
    rows = ask(client, date_range="day", dimensions=["event:page"])["results"]
    assert rows == [{"metrics": [180], "dimensions": ["/"]}]


def test_rows_come_in_the_order_and_number_that_was_asked(client: TestClient) -> None:
    """Order, limit and offset are obeyed, and the rows that there are are told."""
    asked: dict[str, Any] = {"metrics": ["visitors", "visits"], "dimensions": ["event:page"]}
    whole = ask(client, **asked)["results"]
    assert [row["metrics"][0] for row in whole] == sorted((row["metrics"][0] for row in whole), reverse=True)
    named = ask(client, **asked, order_by=[["event:page", "asc"]])["results"]
    assert [row["dimensions"] for row in named] == sorted(row["dimensions"] for row in named)
    page = ask(client, **asked, pagination={"limit": 3, "offset": 2}, include={"total_rows": True})
    assert page["results"] == whole[2:5]
    assert page["meta"]["total_rows"] == len(whole)


def test_a_period_is_compared_with_an_earlier_one(client: TestClient) -> None:
    """Each row has the figures of its like in the earlier period beside it, and by how much it changed."""
    labels = {"time_labels": True, "comparisons": {"mode": "previous_period"}}
    told = ask(client, dimensions=["time:day"], include=labels)
    before = ask(client, dimensions=["time:day"], date_range=told["meta"]["comparison_date_range"])["results"]
    earlier = {row["dimensions"][0]: row["metrics"] for row in before}
    assert told["meta"]["time_labels"] == [str(TODAY - timedelta(n)) for n in range(7, 0, -1)]
    for row in told["results"]:
        day = date.fromisoformat(row["dimensions"][0]) - timedelta(7)
        assert row["comparison"]["metrics"] == earlier.get(str(day), [None])
    year = ask(client, include={"comparisons": {"mode": "year_over_year"}})
    assert year["meta"]["comparison_date_range"] == [str(TODAY - timedelta(371)), str(TODAY - timedelta(365))]
    assert year["results"][0]["comparison"] == {"metrics": [None], "change": [None]}


def test_a_site_is_found_by_its_host_where_plausible_asks(client: TestClient) -> None:
    """Clients of Plausible, which know a site by its host, are answered at their own address."""
    body = {"site_id": "www.school.example", "metrics": ["visitors"], "date_range": "28d"}
    answer = client.post("/api/v2/query", json=body, headers=OURS)
    assert answer.json() == ask(client, date_range="28d")
    # The question that is answered with can be sent again.
    assert client.post("/api/query", json=answer.json()["query"], headers=OURS).json() == answer.json()


@pytest.mark.parametrize(
    ("question", "code", "helps"),
    [
        ({"filters": [["contains", "event:page", ["/a"]]]}, "filter_operator", "event:group"),
        ({"filters": [["is_not", "event:page", ["/a"]]]}, "filter_operator", "with and without"),
        ({"filters": [["or", [["is", "event:page", ["/"]], ["is", "event:page", ["/b"]]]]]}, "filter_operator", "once"),
        ({"filters": [["is", "event:page", ["/", "/b"]]]}, "filter_values", "once for each value"),
        ({"filters": [["is", "event:page", ["/"], {"case_sensitive": False}]]}, "filter_modifier", "exactly"),
        (
            {"filters": [["is", "event:page", ["/"]], ["is", "visit:source", ["x"]]]},
            "filter_second",
            "as dimension instead",
        ),
        ({"filters": [["is", "visit:city", ["x"]]]}, "dimension_not_kept", "visit:country"),
        ({"filters": [7]}, "filter_invalid", "visit:source"),
        ({"filters": [["is", "event:props:type", ["pdf"]]]}, "filter_property", "EVENT"),
        ({"dimensions": ["visit:utm_term"]}, "dimension_not_kept", "visit:utm_campaign"),
        ({"dimensions": ["visit:region"]}, "dimension_not_kept", "visit:country"),
        ({"dimensions": ["visit:shoe"]}, "dimension_unknown", "visit:source"),
        ({"dimensions": ["event:page", "visit:source"]}, "dimensions_two", "filter"),
        ({"dimensions": ["time:hour", "visit:source"]}, "hours_of_all", "whole site"),
        ({"dimensions": ["event:next_page"]}, "filter_missing", "event:page"),
        (
            {"dimensions": ["visit:channel"], "filters": [["is", "event:page", ["/"]]]},
            "pair_not_kept",
            "visit:source",
        ),
        ({"dimensions": ["visit:device"], "date_range": "day"}, "day_is_running", "over"),
        ({"metrics": ["scroll_depth"]}, "metric_not_kept", "event:scroll"),
        ({"metrics": ["hits"]}, "metric_unknown", "pageviews"),
        ({"metrics": ["visitors", "visitors"]}, "metrics_twice", "once"),
        ({"metrics": ["time_on_page"]}, "metric_needs", "event:page"),
        ({"metrics": ["conversion_rate"]}, "metric_needs", "event:goal"),
        ({"metrics": ["percentage"]}, "metric_needs", "dimension"),
        ({"metrics": []}, "question_invalid", "metrics"),
        ({"date_range": "fortnight"}, "date_range_invalid", "28d"),
        ({"date_range": ["2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"]}, "date_range_invalid", "YYYY-MM-DD"),
        ({"date_range": ["2026-11-02", "2026-11-01"]}, "date_range_invalid", "before"),
        ({"date_range": ["2020-01-01", "2026-11-01"]}, "date_range_too_long", "760"),
        ({"order_by": [["visits", "desc"]]}, "order_by_unknown", "metrics"),
        ({"include": {"time_labels": True}}, "time_missing", "time:day"),
        ({"include": {"comparisons": {"mode": "custom"}}}, "comparison_invalid", "first"),
        ({"pagination": {"limit": 100_000}}, "question_invalid", "limit"),
        ({"site_id": "nowhere"}, "site_unknown", "school"),
        ({"shoe": 1}, "question_invalid", "shoe"),
    ],
)
def test_what_cannot_be_told_is_refused_with_help(
    client: TestClient, question: dict[str, Any], code: str, helps: str
) -> None:
    """What cannot be told exactly is refused by a code, with a sentence that names what would work."""
    status, error, message = refused(client, **question)
    assert (status, error) == (404 if code == "site_unknown" else 400, code)
    assert helps in message


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"null", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b'{"site_id": 1}', 400),
        (b"[" * 8_000, 400),
        (_ASKED + b',"filters":' + b"[" * 6_000 + b"]" * 6_000 + b"}", 400),
        (_ASKED + b',"filters":[["and",', 400),
        (b'{"site_id":"school","metrics":["visitors"],"date_range":{"a":1}}', 400),
        (_ASKED + b',"pagination":{"limit":1e400}}', 400),
        (b'{"site_id":"' + b"\\u0000" * 40 + b'","metrics":["visitors"],"date_range":"7d"}', 404),
        (b'{"site_id":"school","metrics":["visitors"],"date_range":"9999999999999d"}', 400),
        (b"x" * (BODY_BYTES_MAX + 1), 413),
        (b"{" * 1_000_000, 413),
    ],
)  # fmt: skip
def test_hostile_bodies_are_refused_with_help(client: TestClient, body: bytes, status: int) -> None:
    """What is no question, or too large or too deep, gets a code and a sentence, and never an error of ours."""
    answer = client.post("/api/query", content=body, headers=OURS)
    assert answer.status_code == status
    assert set(answer.json()) == {"error", "message"}
    assert len(answer.json()["message"]) > 20
