"""What leaves as a file, an answer to a program, a mail, or through a link says the same figures as the file in SQL."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import polars as pl
import pytest
from starlette.testclient import TestClient

from dashboard.desk.mailings import Every, Mailing
from dashboard.mail import letter
from dashboard.period import Span
from tests.clock import ManualClock
from tests.dashboard import checking, drawn
from tests.dashboard.auditor import FIGURES, Auditor, Told, change, row, written
from tests.dashboard.checking import Asked
from tests.dashboard.house import TODAY, House
from tests.dashboard.reading import Sheet
from tests.dashboard.year import MAIN, YESTERDAY

OURS: Final = {"sec-fetch-site": "same-origin"}
_FOUR_WEEKS: Final = Asked(TODAY - timedelta(28), YESTERDAY, TODAY - timedelta(56))
_SIX: Final = ("visitors", "visits", "pageviews", "views_per_visit", "bounce_rate", "visit_length")
_API: Final = {
    "visitors": "visitors", "visits": "visits", "pageviews": "pageviews", "views_per_visit": "views_per_visit",
    "bounce_rate": "bounce_rate", "visit_duration": "visit_length", "events": "events",
}  # fmt: skip


@pytest.fixture(scope="module")
def client(year: House) -> Iterator[TestClient]:
    """Open the dashboard once."""
    with year.client(headers=OURS) as opened:
        yield opened


def plain(key: str, told: Told | None) -> float | None:
    """Return a figure as a file holds it: a share between its bounds, at most four digits behind the point."""
    if told is None or told.value is None:
        return None
    value = min(max(told.value, 0.05), 0.95) if key == "bounce_rate" else told.value
    return round(value, 4)


def file(client: TestClient, name: str, **told: str) -> list[dict[str, Any]]:
    """Return the rows of a file; without a filter they are compared in all three kinds."""
    params = {"site": "school", **told}
    rows: list[dict[str, Any]] = client.get(f"/export/{name}.json", params=params).json()["rows"]
    if told.get("filter", "").startswith(("page:/rooster", "goal", "device")):
        return rows
    parquet = pl.read_parquet(io.BytesIO(client.get(f"/export/{name}.parquet", params=params).content)).to_dicts()
    assert parquet == rows
    text = list(csv.DictReader(io.StringIO(client.get(f"/export/{name}.csv", params=params).text)))
    assert [{key: "" if value is None else str(value) for key, value in one.items()} for one in rows] == text
    return rows


@pytest.mark.parametrize("filtered", [None, ("page", "/rooster"), ("goal", "Verlof"), ("device", "Phone")])
def test_files_of_panels(year: House, client: TestClient, filtered: tuple[str, str] | None) -> None:
    """Each panel with each of its choices as CSV, JSON and Parquet."""
    auditor, asked = Auditor(year, "school"), _FOUR_WEEKS._replace(filter=filtered)
    told = {"filter": ":".join(filtered)} if filtered else {}
    compared = 0
    panels = (
        ("page", "pages"), ("source", "sources"), ("device", "devices"), ("event", "events"), ("goal", "goals"),
        ("time", "time"),
    )  # fmt: skip
    for name, panel in [one for one in panels if not filtered or one[0] in {"page", "source", "device"}]:
        rows = file(client, panel, show=name, **told)
        shown = next(iter(rows[0]), name) if rows else name
        expected = checking.breakdown_of(auditor, asked, shown) if rows else []
        assert [one[shown] for one in rows] == [checking.bare(shown, value) for value, _ in expected]
        for one, (_, figures) in zip(rows, expected, strict=True):
            for key in [key for key in one if key != shown]:
                assert one[key] == plain(key, figures[key]), (name, one, key)
                compared += 1
    assert compared > 1


def test_files_of_days_hours_and_sites(year: House, client: TestClient) -> None:
    """The chart as days and as weeks, and every site on a line."""
    auditor = Auditor(year, "school")
    for period, asked in (("28d", _FOUR_WEEKS), ("12mo", Asked(date(2025, 12, 1), YESTERDAY, None))):
        by = "day" if period == "28d" else "date_trunc('week', day)::date"
        told = auditor.figures(asked.first, TODAY if period == "28d" else YESTERDAY, by=by)
        rows = file(client, "days", period=period)
        assert len(rows) == (29 if period == "28d" else 52)
        for one in rows:
            day = date.fromisoformat(one["from"])
            found = told.get(day if period == "28d" else day - timedelta(day.weekday()), {})
            assert {key: one[key] for key in _SIX} == {key: plain(key, found.get(key)) for key in _SIX}
    everybody = auditor.of("school", "buurschool", "overzee").figures(_FOUR_WEEKS.first, YESTERDAY, by="site")
    rows = client.get("/export/sites.json?collection=all").json()["rows"]
    assert {one.pop("site"): one for one in rows} == {
        site: {key: plain(key, told[key]) for key in _SIX} for site, told in everybody.items()
    }


def test_files_of_goals_and_ways(year: House, client: TestClient) -> None:
    """Steps of funnels, what a goal divides into, and where people go next."""
    auditor, span = Auditor(year, "school"), (_FOUR_WEEKS.first, YESTERDAY)
    steps = auditor.rows(
        "select value, sum(visitors), count(distinct day) from cell where :sites and dimension = 'funnel_step' "
        "and day between ? and ? group by value order by value", *span,
    )  # fmt: skip
    assert [tuple(one.values())[2:] for one in file(client, "funnels")] == [
        (int(value[-1]), visitors, days) for value, visitors, days in steps
    ]
    pairs = "select value, sum(visitors) from cell where :sites and filter_dimension = ? and filter_value = ? "
    ways = auditor.rows(pairs + "and dimension = 'next_page' and day between ? and ? group by 1", "page", "/", *span)
    found = file(client, "next", filter="page:/")
    assert {one["next_page"]: one["visitors_at_least"] for one in found} == dict(ways)
    beside = auditor.rows(
        "select dimension, value, sum(visitors) from cell where :sites and filter_dimension = 'goal' "
        "and filter_value = 'Verlof' and day between ? and ? group by 1, 2", *span,
    )  # fmt: skip
    told = file(client, "goal", filter="goal:Verlof")
    assert {(one["dimension"], one["value"]): one["visitors_at_least"] for one in told} == {
        (dimension, value): visitors for dimension, value, visitors in beside
    }
    for one in told:
        assert one["of_visitors"] == auditor.value(
            "select sum(visitors) from cell where :sites and filter_dimension = '' and dimension = ? and value = ? "
            "and day between ? and ?", one["dimension"], one["value"], *span,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("dimension", "filtered"),
    [
        (None, None), ("page", None), ("source", None), ("goal", None), ("country", None), ("device", None),
        (None, ("page", "/rooster")), ("source", ("page", "/rooster")), ("device", ("goal", "Verlof")),
        (None, ("goal", "Rooster gezien")), ("page", ("device", "Phone")),
    ],
)  # fmt: skip
def test_answers_to_programs(
    year: House, client: TestClient, dimension: str | None, filtered: tuple[str, str] | None
) -> None:
    """Totals, breakdowns and pairs by the API, also what part of everybody reached a goal."""
    names = {
        "page": "event:page", "source": "visit:source", "goal": "event:goal", "country": "visit:country",
        "device": "visit:device",
    }  # fmt: skip
    auditor, asked = Auditor(year, "school"), _FOUR_WEEKS._replace(filter=filtered)
    is_goal = dimension == "goal"
    metrics = [*_API, *(["conversion_rate"] if is_goal else [])]
    if filtered and dimension:
        metrics = ["visitors", "pageviews"]
    question: dict[str, Any] = {"site_id": "school", "metrics": metrics, "date_range": "28d"}
    if dimension:
        question["dimensions"] = [names[dimension]]
    if filtered:
        question["filters"] = [["is", names[filtered[0]], [filtered[1]]]]
    answer = client.post("/api/query", json=question)
    assert answer.status_code == 200, answer.text
    if dimension:
        expected = dict(checking.breakdown_of(auditor, asked, dimension))
    else:
        expected = {"": auditor.figures(asked.first, asked.last, filtered, by="'all'")["all"]}
    results = answer.json()["results"]
    assert {(one["dimensions"] or [""])[0] for one in results} == set(expected)
    for one in results:
        told = expected[(one["dimensions"] or [""])[0]]
        for name, got in zip(metrics, one["metrics"], strict=True):
            key = _API.get(name, "conversion")
            value = told[key].value
            if value is not None and key == "bounce_rate":
                value = min(max(value, 0.05), 0.95) * 100
            if value is not None and key == "conversion":
                value = value * 100
            assert got == (
                None if value is None else pytest.approx(value, abs=0.51 if key == "visit_length" else 0.0051)
            )


def test_a_mail(year: House) -> None:
    """The figures, days and tables of a mail, and the same as plain text."""
    looks: tuple[tuple[Every, date, date, date], ...] = (
        ("week", date(2026, 11, 16), date(2026, 11, 22), date(2026, 10, 19)),
        ("month", date(2026, 10, 1), date(2026, 10, 31), date(2025, 10, 2)),
    )
    for every, first, last, before in looks:
        mailing = Mailing(
            id=1, site="school", every=every, receiver="t@school.example", language="en", made_by="operator",
            made_at=ManualClock().now(), sent_until=date(2026, 8, 1), stop="S" * 43,
        )  # fmt: skip
        made = letter(year.inside(), mailing, Span(first, last), site=MAIN, base_url="https://stats.example")
        auditor, asked = Auditor(year, "school"), Asked(first, last, before, goes_on=False)
        _mailed(Sheet(made.html, main="body"), made.text, auditor, asked)


def _mailed(sheet: Sheet, text: str, auditor: Auditor, asked: Asked) -> None:
    assert asked.before
    assert asked.before_last
    now = auditor.figures(asked.first, asked.last, by="'all'")["all"]
    then = auditor.figures(asked.before, asked.before_last, by="'all'")["all"]
    tables = [table for table in sheet.main.all("table") if table.all("thead") and not table.all("table")]
    for line, key in zip(tables[0].all("tbody tr"), _SIX, strict=True):
        told = now[key]
        sign = "at least " if told.is_partial and not FIGURES[key][1] else ""
        cells = line.all("td")
        sheet.expect(cells[0], sign + written(key, told.value))
        grew, _ = change(key, told.value, then[key].value)
        sheet.expect(cells[1], grew or "–")
        _in_text(text, line.one("th").text, cells[0].text, cells[1].text)
    for line, place in zip(tables[1].all("tbody tr"), drawn.places(auditor, asked), strict=True):
        assert line.one("th").text.startswith(place.name)
        cells = line.all("td")
        sheet.expect(cells[0], row("visitors", place.now))
        sheet.expect(cells[1], row("visitors", place.before))
        _in_text(text, line.one("th").text, cells[0].text, cells[1].text)
        sheet.answer(line.one("th"), figures=0)
    for table, breakdown in zip(tables[2:], ("page", "channel"), strict=True):
        found = checking.breakdown_of(auditor, asked, breakdown)
        found = [one for one in found if one[0] != "(other)"][:10] + [one for one in found if one[0] == "(other)"]
        keys = ("visitors", "pageviews" if breakdown == "page" else "visits")
        for line, (_, told_of) in zip(table.all("tbody tr"), found, strict=True):
            for cell, key in zip(line.all("td"), keys, strict=True):
                sheet.expect(cell, row(key, told_of[key]))
            _in_text(text, line.one("th").text, line.all("td")[0].text)
            sheet.answer(line.one("th"), figures=0)
    drawn.drawing(sheet, asked, drawn.places(auditor, asked), "svg")
    said = sheet.main.one("div").text.partition("How complete is this?")[2]
    ended = list(checking.states(auditor, asked).values())
    assert said.strip().startswith(f"{ended.count('kept')} day"), said
    dropped = auditor.value(
        "select sum(count) from dropped where :sites and day between ? and ?", asked.first, asked.last
    )
    assert ("Not counted: " in said) is bool(dropped)
    if dropped:
        assert f"Not counted: {dropped:,}." in said
    checking.finish(sheet, {"p": "compared above, or sentences", "text": "days along the axis", "h2": "names"})


def _in_text(text: str, name: str, *values: str) -> None:
    line = "  " + name if len(name) > 34 else f"  {name:<34}"
    assert line + "".join(f" {value:>16}" for value in values) in text, (name, values)


def _linked(client: TestClient, kind: str) -> str:
    form = {"site": "school", "name": "Bestuur", "days": "90", "kind": kind}
    found = re.search(
        r"<code>http://[^/]+(/(?:shared|embed)/[A-Za-z0-9_-]{43}/)</code>", client.post("/links", data=form).text
    )
    assert found
    return found[1]


def test_a_shared_page_and_an_embedded_one(year: House, client: TestClient) -> None:
    """Through a link the same figures stand as on the overview."""
    auditor, asked = Auditor(year, "school"), _FOUR_WEEKS
    sheet = Sheet(client.get(_linked(client, "link") + "?lang=en").text)
    checking.figures(sheet, auditor, asked)
    drawn.chart(sheet, auditor, asked)
    checking.completeness(sheet, auditor, asked)
    for box in sheet.main.all("section.panel"):
        checking.panel(sheet, auditor, asked, box)
    assert checking.finish(sheet) > 100
    sheet = Sheet(client.get(_linked(client, "embed") + "?lang=en").text)
    checking.figures(sheet, auditor, asked)
    drawn.chart(sheet, auditor, asked)
    for box, breakdown in zip(sheet.main.all(".embed-lists section"), ("page", "channel"), strict=True):
        found = [one for one in checking.breakdown_of(auditor, asked, breakdown) if one[0] != "(other)"]
        for line, (_, told) in zip(box.all("tbody tr"), found[:5], strict=False):
            sheet.expect(line.one("td"), row("visitors", told["visitors"]))
    assert checking.finish(sheet) > 50


def test_two_filters_and_pages_that_begin_alike(year: House, client: TestClient) -> None:
    """What two values had together, and what the pages below a path came to."""
    auditor = Auditor(year, "school")
    together = (
        "select sum({}) from cell where :sites and filter_dimension = ? and filter_value = ? and dimension = ? "
        "and value = ? and day between ? and ?"
    )
    span = (_FOUR_WEEKS.first, YESTERDAY)
    for first, second, measure, words in (
        (("page", "/rooster"), ("source", "Google"), "pageviews", "had {:,} pageviews"),
        (("goal", "Verlof"), ("device", "Phone"), "visitors", "had at least {:,} visitors"),
        (("device", "Phone"), ("goal", "Verlof"), "visitors", "had at least {:,} visitors"),
    ):
        params = {"site": "school", "lang": "en", "filter": [":".join(one) for one in (first, second)]}
        text = client.get("/", params=params).text
        one, other = (second, first) if second[0] == "goal" else (first, second)
        assert words.format(auditor.value(together.format(measure), *one, *other, *span)) in text


def test_a_day_is_that_of_the_site(year: House, client: TestClient) -> None:
    """Just after midnight in Amsterdam it is still yesterday overseas: each site is asked for its own days."""
    before = year.clock.at
    year.clock.set("2026-11-24T00:30:00+01:00")
    try:
        for site, yesterday in (("school", YESTERDAY), ("overzee", YESTERDAY - timedelta(1))):
            auditor = Auditor(year, site)
            sheet = Sheet(client.get(f"/?site={site}&period=yesterday&lang=en").text)
            told = auditor.figure("visitors", yesterday, yesterday)
            sheet.expect(sheet.main.one(".figures").one(".value"), written("visitors", told.value))
            (answer,) = client.post(
                "/api/query", json={"site_id": site, "metrics": ["visitors"], "date_range": "7d"}
            ).json()["results"]
            assert answer["metrics"] == [auditor.figure("visitors", yesterday - timedelta(6), yesterday).value]
    finally:
        year.clock.at = before
