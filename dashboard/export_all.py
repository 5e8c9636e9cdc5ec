"""Give all cells of a site away as a ZIP, month by month: no more than a month is held in memory, however many."""

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from importlib.resources import files
from typing import Any, Final

import polars as pl

from collector.store.migrate import schema_sql
from dashboard import cells
from dashboard.house import Reader
from dashboard.sql import Statement

CELLS: Final = {
    "day": pl.Date,
    "part": pl.UInt16,
    "filter_dimension": pl.String,
    "filter_value": pl.String,
    "dimension": pl.String,
    "value": pl.String,
    "pageviews": pl.UInt32,
    "visits": pl.UInt32,
    "visitors": pl.UInt32,
    "bounces": pl.UInt32,
    "seconds": pl.UInt64,
    "events": pl.UInt32,
    "contributors": pl.UInt16,
}
CLOSED: Final = {
    "day": pl.Date,
    "part": pl.UInt16,
    "outcome": pl.String,
    "origin": pl.String,
    "identity": pl.String,
    "profile": pl.String,
    "k": pl.UInt16,
}
DROPPED: Final = {"day": pl.Date, "part": pl.UInt16, "reason": pl.String, "count": pl.UInt32}
#: A spreadsheet takes a cell that begins so for a formula.
_FORMULA: Final = r"^[=+\-@\t\r\n＝＋－＠]"


class _Pipe(io.RawIOBase):
    """Hold what was written and not sent yet."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def writable(self) -> bool:
        """Tell that it can be written to; it cannot be sought, so that sizes follow their files."""
        return True

    def write(self, data: Any) -> int:
        """Hold *data*."""
        self._held += data
        return len(data)

    def drain(self) -> bytes:
        """Return what is held, and let go of it."""
        held = bytes(self._held)
        self._held.clear()
        return held


def archive(reader: Reader, site: str, *, at: datetime) -> Iterator[bytes]:
    """Yield a ZIP of everything that is kept of *site*, but for what the running day has.

    A cursor is lent for each piece, so that a slow receiver holds nothing of the house.

    Args:
        reader: Lends cursors.
        site: Its id.
        at: Stands beside each file.
    """
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in _files(reader, site):
            # Parquet is packed by itself.
            kind = zipfile.ZIP_STORED if name.endswith(".parquet") else zipfile.ZIP_DEFLATED
            info = zipfile.ZipInfo(f"turven-{site}/{name}", at.timetuple()[:6])
            packed.writestr(info, content, kind)
            yield pipe.drain()
    yield pipe.drain()


def _files(reader: Reader, site: str) -> Iterator[tuple[str, bytes]]:
    yield "README.md", (files("dashboard") / "texts" / "all_cells.md").read_bytes()
    yield "schema.sql", schema_sql().encode()
    for name, columns in (("closed", CLOSED), ("dropped", DROPPED)):
        frame = _frame(_read(reader, name, columns, "site = ?", site), columns)
        yield f"{name}.csv", _csv(frame)
        yield f"{name}.parquet", _parquet(frame)
    days: dict[str, list[date]] = {}
    statement = Statement("select distinct day from cell where site = ? order by day", (site,))
    for (day,) in cells.rows(reader, statement):
        days.setdefault(f"{day:%Y-%m}", []).append(day)
    for month, each in days.items():
        # Day by day: rows weigh twenty times what they do in a frame.
        frames = [_frame(_read(reader, "cell", CELLS, "site = ? and day = ?", site, day), CELLS) for day in each]
        frame = pl.concat(frames)
        yield f"cells/{month}.csv", _csv(frame)
        yield f"cells/{month}.parquet", _parquet(frame)


def _read(reader: Reader, table: str, columns: dict[str, Any], where: str, *values: str | date) -> list[Any]:
    statement = Statement(f"select {', '.join(columns)} from {table} where {where} order by all", values)
    return cells.rows(reader, statement)


def _frame(rows: list[Any], columns: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=columns, orient="row")


def _csv(frame: pl.DataFrame) -> bytes:
    text = pl.col(pl.String)
    guarded = pl.when(text.str.contains(_FORMULA)).then(pl.lit("'") + text).otherwise(text)
    # Quoted: a spreadsheet that is set to Dutch splits a line at each semicolon that is not.
    return frame.with_columns(guarded.name.keep()).write_csv(line_terminator="\r\n", quote_style="non_numeric").encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()
