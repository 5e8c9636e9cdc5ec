"""Give a panel, or the chart, away as a file: the same query, the same figures, the same gaps."""

import csv
import io
from typing import Any, Final

import msgspec

from collector.model import OTHER
from dashboard.breakdowns import PANELS
from dashboard.metrics import SHOWN, Key, Tally
from dashboard.report import Report
from dashboard.timeline import Point, value_of

KINDS: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
NAMES: Final = ("days", *PANELS)
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_DIGITS: Final = 4

Cell = str | float | int | None


class Table(msgspec.Struct, frozen=True):
    """Hold a header and rows; None is withheld."""

    header: list[str]
    rows: list[list[Cell]]


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


def as_csv(made: Table) -> bytes:
    """Return CSV with a header; withheld cells are empty, and no cell can be taken for a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(made.header)
    writer.writerows([_safe(cell) for cell in row] for row in made.rows)
    return out.getvalue().encode()


def _safe(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def as_json(made: Table, report: Report) -> bytes:
    """Return the rows as objects, with what was asked."""
    answer: dict[str, Any] = {
        "sites": report.query.sites,
        "from": report.span.first,
        "to": report.span.last,
        "filter": str(report.query.filter) if report.query.filter else None,
        "k": report.k,
        "other": OTHER,
        "rows": [dict(zip(made.header, row, strict=True)) for row in made.rows],
    }
    return msgspec.json.encode(answer)


def file_name(report: Report, name: str, kind: str) -> str:
    """Return a name for the file that says what is in it."""
    return f"turven-{report.query.sites[0]}-{name}-{report.span.first}-{report.span.last}.{kind}"
