"""Lay cells out in the file so that a page reads few of them, and so that no more of them are held at once than fit.

A rebuild writes cells month by month, in each month what stands alone before pairs, then by site. DuckDB reads pieces
of 122,880 rows and leaves out those whose least and greatest value rule them out: the figures of a site over 25 months
lie in 25 short stretches, and those of all sites over a month in one.

Source: docs/decisions/0017-many-sites.md
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

import duckdb

#: Rows that are sorted at once, of the gigabyte that a history may take. Only one site's month may exceed it.
ROWS_AT_ONCE: Final = 400_000
_LONGER_THAN_A_MONTH: Final = 31
_PIECES_SQL: Final = """
    select date_trunc('month', day)::date, filter_dimension <> '', site, count(*) from old.cell where {condition}
    group by all order by all
"""
_CELLS_SQL: Final = """
    insert into cell by name select * from old.cell
    where ({condition}) and day between ? and ? and {kind} and site between ? and ?
    order by dimension <> 'total', site, filter_dimension, filter_value, dimension, day, part
"""
#: Written so that whole stretches of the old file are passed over.
_KINDS: Final = {False: "filter_dimension = ''", True: "filter_dimension > ''"}


class _Piece(NamedTuple):
    """Name the cells that are written at once: a month's, alone or in pairs, from one site to another."""

    month: date
    is_pair: bool
    first: str
    last: str


def copy_cells(connect: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]], condition: str) -> None:
    """Write the cells of the attached database `old` that meet *condition* into the one that is open.

    Args:
        connect: Opens both. They are opened anew for each month, since what is written stays in memory until then.
        condition: Of the cells that stay.
    """
    with connect() as connection:
        sizes = connection.execute(_PIECES_SQL.format(condition=condition)).fetchall()
    for month, pieces in groupby(_pieces(sizes), key=lambda piece: piece.month):
        last = (month.replace(day=1) + timedelta(_LONGER_THAN_A_MONTH)).replace(day=1) - timedelta(1)
        with connect() as connection:
            for piece in pieces:
                statement = _CELLS_SQL.format(condition=condition, kind=_KINDS[piece.is_pair])
                connection.execute(statement, [month, last, piece.first, piece.last])


def _pieces(sizes: list[Any]) -> Iterator[_Piece]:
    """Yield pieces of at most `ROWS_AT_ONCE` rows, each of whole sites."""
    open_piece: _Piece | None = None
    held = 0
    for month, is_pair, site, rows in sizes:
        is_same = open_piece is not None and (open_piece.month, open_piece.is_pair) == (month, is_pair)
        if open_piece is not None and is_same and held + rows <= ROWS_AT_ONCE:
            open_piece, held = open_piece._replace(last=site), held + rows
            continue
        if open_piece is not None:
            yield open_piece
        open_piece, held = _Piece(month, is_pair, site, site), rows
    if open_piece is not None:
        yield open_piece
