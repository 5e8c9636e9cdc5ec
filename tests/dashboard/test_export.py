"""Does a file say what the panel says, and nothing that a spreadsheet would run?"""

import csv
import io
from datetime import timedelta

import pytest

from collector.model import Dimension
from dashboard.breakdowns import PANELS
from dashboard.export import Table, as_csv
from tests.dashboard.house import TODAY, House, line, total


@pytest.mark.parametrize("name", ["days", *(name for name in PANELS if name not in {"goals", "time", "scroll"})])
def test_csv_and_json_hold_the_same(house: House, name: str) -> None:
    """Both kinds of file have the same header and rows."""
    client = house.client()
    table = list(csv.reader(io.StringIO(client.get(f"/export/{name}.csv").text)))
    rows = client.get(f"/export/{name}.json").json()["rows"]
    assert len(rows) > 1
    assert [[str(value) if value is not None else "" for value in row.values()] for row in rows] == table[1:]
    assert list(rows[0]) == table[0]


def test_an_export_equals_plain_sql(house: House) -> None:
    """A file holds all rows of the breakdown, as plain SQL has them."""
    rows = house.client().get("/export/pages.json?filter=source:Google").json()["rows"]
    expected = house.rows(
        "select value, sum(pageviews) from cell where filter_dimension = 'source' and filter_value = 'Google' "
        f"and dimension = 'page' and day >= date '{TODAY}' - 28 group by value"
    )
    assert {row["page"]: row["pageviews"] for row in rows} == dict(expected)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_taken_for_a_formula(start: str) -> None:
    """A name that a spreadsheet would take for a formula is led by an apostrophe; numbers stay numbers."""
    made = as_csv(Table(["event", "visitors"], [[f"{start}cmd", -20]])).decode()
    assert next(csv.reader(io.StringIO(made.partition("\r\n")[2], newline=""))) == [f"'{start}cmd", "-20"]


def test_an_exported_name_is_guarded(empty: House) -> None:
    """The guard stands before the file that a reader gets."""
    empty.close_day(TODAY - timedelta(1), [total(40), line(Dimension.EVENT, "=1+1", 20)])
    assert "\r\n'=1+1,20," in empty.client().get("/export/events.csv").text


def test_what_is_withheld_is_empty(empty: House) -> None:
    """A withheld figure is an empty cell and null, never nought."""
    empty.close_day(TODAY - timedelta(1), [total(40), line(Dimension.PAGE, "/", 40, pageviews=None)])
    client = empty.client()
    assert client.get("/export/pages.csv").text == "page,visitors,visits,pageviews,time_on_page\r\n/,40,48,,125.0\r\n"
    rows = client.get("/export/pages.json").json()["rows"]
    assert rows == [{"page": "/", "visitors": 40, "visits": 48, "pageviews": None, "time_on_page": 125.0}]


def test_a_file_is_named_after_what_is_in_it(house: House) -> None:
    """The name of a file says which site, panel and days it holds."""
    answer = house.client().get("/export/pages.csv?period=2026-11-01..2026-11-07")
    assert answer.headers["content-disposition"] == (
        'attachment; filename="turven-school-pages-2026-11-01-2026-11-07.csv"'
    )
