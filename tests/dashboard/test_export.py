"""Does a file say what the panel says, and nothing that a spreadsheet would run?"""

import csv
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import msgspec
import polars as pl
import pytest

from collector.cursor import Cursor
from collector.model import Dimension
from dashboard.breakdowns import PANELS
from dashboard.export import NAMES, Table, as_csv
from dashboard.export_all import CELLS, _csv, archive
from dashboard.export_more import NAMES as MORE
from tests.dashboard.house import SCHOOL, TODAY, House, line, total


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


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_is_taken_for_a_formula(start: str) -> None:
    """A name that a spreadsheet would take for a formula is led by an apostrophe; numbers stay numbers."""
    made = as_csv(Table(["event", "visitors"], [[f"{start}cmd", -20]])).decode()
    assert next(csv.reader(io.StringIO(made.partition("\r\n")[2], newline=""))) == [f"'{start}cmd", "-20"]


@pytest.mark.parametrize("between", [";", "\t"])
def test_no_formula_follows_where_a_dutch_spreadsheet_splits(between: str) -> None:
    """A spreadsheet that splits at another sign than the comma still finds no formula at the start of a cell."""
    name = f"page{between}=1+1"
    made = as_csv(Table(["event", "visitors"], [["usual", None], [name, None], [name, 20]])).decode()
    assert list(csv.reader(io.StringIO(made, newline="")))[1:] == [["usual", ""], [name, ""], [name, "20"]]
    found = [cell for row in csv.reader(io.StringIO(made, newline=""), delimiter=between) for cell in row]
    assert not [cell for cell in found if cell.startswith("=")]
    packed = _csv(pl.DataFrame({"value": [name]})).decode()
    found = [cell for row in csv.reader(io.StringIO(packed, newline=""), delimiter=between) for cell in row]
    assert not [cell for cell in found if cell.startswith("=")]


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


@pytest.mark.parametrize("name", [*NAMES, *MORE])
def test_parquet_holds_the_same_as_json(house: House, name: str) -> None:
    """Each table leaves as Parquet with the same rows; what is withheld is null."""
    client, about = house.client(), {"goal": "?filter=goal:Verlof", "next": "?filter=page:/"}.get(name, "")
    rows = client.get(f"/export/{name}.json{about}").json()["rows"]
    assert pl.read_parquet(io.BytesIO(client.get(f"/export/{name}.parquet{about}").content)).to_dicts() == rows


def test_a_spreadsheet_is_told_that_it_is_utf_8(house: House) -> None:
    """A mark for spreadsheets stands before the file where it was asked for, and not else."""
    plain = house.client().get("/export/pages.csv").content
    assert house.client().get("/export/pages.csv?bom=1").content == b"\xef\xbb\xbf" + plain


def test_funnels_hours_and_sites_equal_plain_sql(empty: House) -> None:
    """Steps of a funnel, hours by weekday and a line for each site are what plain SQL gives."""
    for n in (1, 8):
        empty.close_day(
            TODAY - timedelta(n),
            [
                *(line(Dimension.FUNNEL_STEP, f"Verlof · {step}", 50 - step * 10) for step in (1, 2)),
                line(Dimension.HOUR, "08-10", 40, pageviews=60),
                total(80),
            ],
        )
    client = empty.client()
    assert client.get("/export/funnels.json").json()["rows"] == [
        {"site": "school", "funnel": "Verlof", "step": 1, "visitors": 80, "days": 2},
        {"site": "school", "funnel": "Verlof", "step": 2, "visitors": 60, "days": 2},
    ]
    hours = [row for row in client.get("/export/hours.json").json()["rows"] if row["pageviews"]]
    assert [(row["weekday"], row["hour"], row["pageviews"]) for row in hours] == [(1, 8, 30), (1, 9, 30)]
    sites = client.get("/export/sites.json").json()["rows"]
    assert [(row["site"], row["visitors"], row["pageviews"]) for row in sites] == [("school", 160, 640)]
    assert client.get("/export/funnels.csv?filter=source:Google").status_code == 400


def test_a_line_for_each_site_is_of_the_sites_that_the_list_shows(empty: House) -> None:
    """The table of sites holds those that the list of sites shows under the same address, and says so of none."""
    empty.sites.append(msgspec.structs.replace(SCHOOL, id="portaal", hosts=("portaal.school.example",)))
    empty.close_day(TODAY - timedelta(1), [total(80)])
    client = empty.client()
    rows = client.get("/export/sites.json").json()["rows"]
    assert [(row["site"], row["visitors"]) for row in rows] == [("school", 80), ("portaal", None)]
    narrowed = client.get("/export/sites.json?with=PORTAAL.").json()["rows"]
    assert [row["site"] for row in narrowed] == ["portaal"]
    assert client.get("/export/sites.json?with=nothing").status_code == 400


def test_all_cells_leave_as_they_are_kept(empty: House) -> None:
    """The ZIP holds every cell of the site in both kinds of file, month by month, and no other site's."""
    other = msgspec.structs.replace(SCHOOL, id="portaal", hosts=("portaal.school.example",))
    empty.sites.append(other)
    for n in (1, 40):
        empty.close_day(TODAY - timedelta(n), [total(40), line(Dimension.EVENT, "=1+1", 20, visits=None)])
    empty.close_day(TODAY - timedelta(1), [total(99)], site=other)
    answer = empty.client().get("/export/all.zip?site=school")
    packed = zipfile.ZipFile(io.BytesIO(answer.content))
    assert packed.testzip() is None
    names = [name.removeprefix("turven-school/") for name in packed.namelist()]
    assert names == [
        *("README.md", "schema.sql", "closed.csv", "closed.parquet", "dropped.csv", "dropped.parquet"),
        *(f"cells/{month}.{kind}" for month in ("2026-10", "2026-11") for kind in ("csv", "parquet")),
    ]
    columns = ", ".join(CELLS)
    kept = empty.rows(f"select {columns} from cell where site = 'school' order by all")
    frames = [pl.read_parquet(packed.read(f"turven-school/cells/2026-{month}.parquet")) for month in (10, 11)]
    assert pl.concat(frames).rows() == kept
    text = packed.read("turven-school/cells/2026-11.csv").decode()
    assert text.count("\r\n") == 1 + len(frames[1])
    assert """"event","'=1+1",""" in text
    with packed.open("turven-school/closed.csv") as opened:
        assert opened.read().count(b"kept") == 2


def test_all_cells_are_made_a_month_at_a_time(house: House) -> None:
    """A piece is sent before the next month is read, and no cursor is held in between."""
    lent = []

    class Watched:
        @contextmanager
        def read(self) -> Iterator[Cursor]:
            with house.history.read() as cursor:
                lent.append(1)
                yield cursor
                lent.append(-1)

    pieces = archive(Watched(), "school", at=house.clock.now())
    before = 0
    for _ in pieces:
        assert sum(lent) == 0
        before, read = len(lent), len(lent) - before
        assert read <= 2 * 33
