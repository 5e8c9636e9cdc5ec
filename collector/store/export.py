"""Hand out every cell of a site, as it is kept: the k rule was applied before."""

import io
from datetime import date
from typing import Final

import polars as pl

from collector.errors import SettingsError
from collector.store.history import History
from collector.store.ledger import CELL_SCHEMA

FORMATS: Final = ("csv", "json", "parquet")
#: A spreadsheet takes a text that begins so for a formula; an apostrophe keeps it a text.
_FORMULA: Final = r"^([=+\-@\t\r\n＝＋－＠])"


def export_cells(history: History, *, site: str, first: date | None, last: date | None, form: str) -> bytes:
    """Return the cells of *site* from *first* to *last* (both included; `None` for no bound) as CSV, JSON or Parquet.

    Raises:
        SettingsError: `format_unknown`.
    """
    if form not in FORMATS:
        raise SettingsError("format_unknown", f"Choose one of {', '.join(FORMATS)}.")
    columns = ", ".join(CELL_SCHEMA)
    with history.read() as cursor:
        rows = cursor.execute(
            f"select {columns} from cell where site = ? and day >= ? and day <= ? "
            "order by day, part, filter_dimension, filter_value, dimension, visitors desc nulls last, pageviews desc, "
            "value",
            [site, first or date.min, last or date.max],
        ).fetchall()
    frame = pl.DataFrame(rows, schema=CELL_SCHEMA, orient="row")
    out = io.BytesIO()
    if form == "parquet":
        frame.write_parquet(out)
    elif form == "json":
        frame.write_json(out)
    else:
        # Quoted: a spreadsheet that is set to Dutch splits a line at each semicolon that is not.
        texts = pl.col("value", "filter_value").str.replace(_FORMULA, "'$1")
        frame.with_columns(texts).write_csv(out, quote_style="non_numeric")
    return out.getvalue()
