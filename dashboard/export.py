"""Give a panel, or the chart, away as a file: the same query, the same figures, the same gaps."""

import csv
import io
from typing import Any, Final

import msgspec
import polars as pl

from collector.model import OTHER
from dashboard.breakdowns import PANELS
from dashboard.metrics import SHOWN, Key, Tally
from dashboard.period import Span
from dashboard.report import Report
from dashboard.timeline import Point, value_of

KINDS: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
#: Panels and the chart; what is not made from a report stands in `export_more`.
NAMES: Final = ("days", *PANELS)
#: Tells a spreadsheet that a file is UTF-8; other programs take it for a letter, so it stands there on request only.
BOM: Final = b"\xef\xbb\xbf"
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: A spreadsheet that is set to Dutch splits a line here, unless the cell is quoted: then a formula could follow.
_SPLITS: Final = frozenset(";\t")
_HOW: Final = (csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC)
_DIGITS: Final = 4

Cell = str | float | int | None


class Table(msgspec.Struct, frozen=True):
    """Hold a header and rows; None is withheld."""

    header: list[str]
    rows: list[list[Cell]]


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what stands beside the rows of a file."""

    sites: tuple[str, ...]
    span: Span
    filter: str | None
    k: int


def told(report: Report) -> Told:
    """Return what stands beside the rows of *report*."""
    asked = str(report.query.filter) if report.query.filter else None
    return Told(sites=report.query.sites, span=report.span, filter=asked, k=report.k)


def table(report: Report, name: str) -> Table:
    """Return what *name* shows: `days` or a panel."""
    if name == "days":
        keys = tuple(figure.metric.key for figure in report.figures)
        header = ["from", "to", "state", *keys]
        return Table(header, [_day(point, keys) for point in report.points])
    panel = next(panel for panel in report.panels if panel.name == name)
    lines = [*panel.rows, panel.other] if panel.other else panel.rows
    header = [panel.breakdown.value, *panel.columns]
    return Table(header, [[row.value, *_values(row.tally, panel.columns)] for row in lines])


def _day(point: Point, keys: tuple[Key, ...]) -> list[Cell]:
    if point.hours:
        first, last = (f"{point.first}T{hour:02}:00" for hour in point.hours)
    else:
        first, last = str(point.first), str(point.last)
    return [first, last, point.state.value, *_values(point.tally, keys)]


def _values(tally: Tally, keys: tuple[Key, ...]) -> list[Cell]:
    found: list[Cell] = []
    for key in keys:
        value = value_of(tally, SHOWN[key])
        found.append(round(value, _DIGITS) if isinstance(value, float) else value)
    return found


def as_csv(made: Table, *, bom: bool = False) -> bytes:
    """Return CSV with a header; withheld cells are empty, and no cell can be taken for a formula.

    Args:
        made: Header and rows.
        bom: Whether a spreadsheet is told that it is UTF-8.
    """
    out = io.StringIO()
    usual, quoting = (csv.writer(out, lineterminator="\r\n", quoting=how) for how in _HOW)
    usual.writerow(made.header)
    for row in made.rows:
        cells = [_safe(cell) for cell in row]
        (quoting if any(isinstance(cell, str) and _SPLITS.intersection(cell) for cell in cells) else usual).writerow(
            cells
        )
    return (BOM if bom else b"") + out.getvalue().encode()


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_json(made: Table, told: Told) -> bytes:
    """Return the rows as objects, with what was asked."""
    answer: dict[str, Any] = {
        "sites": told.sites,
        "from": told.span.first,
        "to": told.span.last,
        "filter": told.filter,
        "k": told.k,
        "other": OTHER,
        "rows": [dict(zip(made.header, row, strict=True)) for row in made.rows],
    }
    return msgspec.json.encode(answer)


def as_parquet(made: Table) -> bytes:
    """Return Parquet with named columns; withheld cells are null, a column without any figure holds whole numbers."""
    frame = pl.DataFrame(made.rows, schema=made.header, orient="row", infer_schema_length=None, strict=False)
    frame = frame.with_columns(pl.col(pl.Null).cast(pl.Int64))
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


def file_name(told: Told, name: str, kind: str) -> str:
    """Return a name for the file that says what is in it."""
    return f"turven-{told.sites[0]}-{name}-{told.span.first}-{told.span.last}.{kind}"
