"""The tables that an outsider can set up from published figures, and what is left of doubt about their cells.

A pair's line tells its sum and the cells that are visible; what is folded is unknown, except that no number of
pageviews is below 0. How small and how large a folded cell can be at all is a question of flow: it can grow by what
may move from its row to its column through the other folded cells, and shrink by what may move the other way.
"""

from collections.abc import Mapping
from itertools import product
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from collector.model import OTHER, Cell, Dimension

#: What no published line says anything of: the total minus all of them.
REST: Final = "(rest)"
#: Folded cells of one table that are judged, those of the smallest lines first.
CELLS_MAX: Final = 2_000
#: Unknowns of three breakdowns together that a linear program is solved for.
UNKNOWNS_MAX: Final = 200
_ENDLESS: Final = 1 << 30

Range = tuple[int, int]


class Table(msgspec.Struct, frozen=True):
    """Hold what is published of one pair: sums of lines and visible cells, in pageviews.

    Attributes:
        pair: The dimensions of rows and columns.
        rows: Sum of each row by its name.
        columns: Sum of each column by its name.
        visible: Visible cells by row and column.
    """

    pair: tuple[Dimension, Dimension]
    rows: Mapping[str, int]
    columns: Mapping[str, int]
    visible: Mapping[tuple[str, str], int]

    @property
    def folded(self) -> list[tuple[str, str]]:
        """Return the cells that are not published, those of small lines first."""
        cells = [cell for cell in product(self.rows, self.columns) if cell not in self.visible]
        return sorted(cells, key=lambda cell: (min(self.rows[cell[0]], self.columns[cell[1]]), cell))

    def rest(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return of each row and column what is not visible."""
        rows, columns = dict(self.rows), dict(self.columns)
        for (row, column), views in self.visible.items():
            rows[row] -= views
            columns[column] -= views
        return rows, columns


def tables(cells: list[Cell]) -> list[Table]:
    """Set up the table of every pair that has cells; a pair whose sums do not fit together is left out."""
    total = next((cell.pageviews for cell in cells if cell.dimension is Dimension.TOTAL), None)
    pairs = sorted({(c.filter_dimension, c.dimension) for c in cells if c.filter_dimension is not None})
    made = []
    for a, b in pairs:
        rows, columns = (_sums(cells, dimension, total) for dimension in (a, b))
        if a > b or rows is None or columns is None:
            continue
        visible = {
            (cell.filter_value, cell.value): cell.pageviews or 0
            for cell in cells
            if cell.filter_dimension is a
            and cell.dimension is b
            and cell.value != OTHER
            and cell.filter_value in rows
            and cell.value in columns
        }
        table = Table((a, b), rows, columns, visible)
        if min(min(side.values()) for side in table.rest()) >= 0:
            made.append(table)
    return made


def ranges(table: Table, *, k: int | None = None) -> dict[tuple[str, str], Range]:
    """Return how few and how many pageviews each folded cell can hold at all.

    With a *k*, cells are left out of which a short look tells that they may hold k, and that what they leave of their
    row and column is nothing or k: nine in ten of a usual day.
    """
    rows, columns = table.rest()
    numbers = {("row", row): n for n, row in enumerate(rows)}
    numbers |= {("column", column): len(rows) + n for n, column in enumerate(columns)}
    cells = [(numbers["row", row], numbers["column", column]) for row, column in table.folded]
    if not cells:
        return {}
    rests = [*rows.values(), *columns.values()]
    known = _any_solution(cells, rests)
    harmless = _harmless(known, rests, k=k) if k else frozenset[tuple[int, int]]()
    found = {}
    judged = [pair for pair in zip(table.folded, cells, strict=True) if pair[1] not in harmless]
    for cell, (row, column) in judged[:CELLS_MAX]:
        own = known[row, column]
        others = {ends: views for ends, views in known.items() if ends != (row, column)}
        grows = _flow(others, row, column)
        shrinks = min(own, _flow(others, column, row)) if own else 0
        found[cell] = (own - shrinks, own + grows)
    return found


def joint_ranges(three: list[Table], *, k: int) -> dict[tuple[Dimension, str, Dimension, str], Range]:
    """Return the ranges below *k* of the folded cells of three pairs, as all three tables together allow.

    Empty where there are more than `UNKNOWNS_MAX` combinations of values.
    """
    names: dict[Dimension, list[str]] = {}
    for table in three:
        names |= {table.pair[0]: list(table.rows), table.pair[1]: list(table.columns)}
    order = sorted(names)
    points = list(product(*(names[dimension] for dimension in order)))
    if len(order) != 3 or len(points) > UNKNOWNS_MAX:  # noqa: PLR2004 - three breakdowns make one cube
        return {}
    at = {dimension: place for place, dimension in enumerate(order)}

    def mask(*wanted: tuple[Dimension, str]) -> NDArray[np.float64]:
        return np.array([all(point[at[d]] == name for d, name in wanted) for point in points], dtype=np.float64)

    sums, values = [], []
    for table in three:
        a, b = table.pair
        sums += [mask((a, row)) for row in table.rows] + [mask((b, column)) for column in table.columns]
        values += [*table.rows.values(), *table.columns.values()]
        sums += [mask((a, row), (b, column)) for row, column in table.visible]
        values += [*table.visible.values()]
    found = {}
    for table in three:
        a, b = table.pair
        for row, column in table.folded:
            group = mask((a, row), (b, column))
            most = _solve(-group, sums, values)
            if most is not None and -most < k:
                least = _solve(group, sums, values) or 0.0
                found[a, row, b, column] = (round(least), round(-most))
    return found


def _sums(cells: list[Cell], dimension: Dimension, total: int | None) -> dict[str, int] | None:
    singles = [cell for cell in cells if cell.filter_dimension is None and cell.dimension is dimension]
    sums = {cell.value: cell.pageviews for cell in singles if cell.pageviews is not None}
    if total is None or sum(sums.values()) > total:
        return None
    rest = total - sum(sums.values())
    return sums | {REST: rest} if rest else sums


def _any_solution(cells: list[tuple[int, int]], rests: list[int]) -> dict[tuple[int, int], int]:
    """Return some table with the sums that are known."""
    rows, source, sink = {row for row, _ in cells}, len(rests), len(rests) + 1
    edges = dict.fromkeys(cells, _ENDLESS)
    edges |= {(source, n) if n in rows else (n, sink): rest for n, rest in enumerate(rests)}
    flow = maximum_flow(_graph(edges, sink + 1), source, sink).flow
    return {(row, column): int(flow[row, column]) for row, column in cells}


def _harmless(known: Mapping[tuple[int, int], int], rests: list[int], *, k: int) -> frozenset[tuple[int, int]]:
    """Return cells that can grow to *k*, or to all of their line, by one exchange, and leave nothing or *k* there."""
    size = len(rests)
    own = np.zeros((size, size), dtype=np.int64)
    is_folded = np.zeros((size, size), dtype=np.bool_)
    for ends, views in known.items():
        own[ends], is_folded[ends] = views, True
    # Views of column c that may go to column d: those of the rows whose cell in d is folded too.
    movable = is_folded.T.astype(np.int64) @ own
    found = set()
    for row in {row for row, _ in known}:
        room = movable - np.outer(is_folded[row], own[row])
        exchanged = np.minimum(own[row][:, None], room)
        np.fill_diagonal(exchanged, 0)
        most = own[row] + exchanged.max(axis=0)
        for column in np.flatnonzero(is_folded[row]).tolist():
            lines = (rests[row], rests[column])
            if most[column] >= k and all(rest - own[row, column] >= k or most[column] >= rest for rest in lines):
                found.add((row, column))
    return frozenset(found)


def _flow(known: Mapping[tuple[int, int], int], start: int, end: int) -> int:
    """Return what can move from *start* to *end*: off the known cells from row to column, onto any the other way."""
    edges = {ends: views for ends, views in known.items() if views}
    edges |= {(column, row): _ENDLESS for row, column in known}
    size = max(start, end, *(max(ends) for ends in known)) + 1 if known else 0
    return int(maximum_flow(_graph(edges, size), start, end).flow_value) if known else 0


def _graph(edges: Mapping[tuple[int, int], int], size: int) -> csr_array:
    tail, head = np.array(list(edges), dtype=np.int32).T
    return csr_array((np.array(list(edges.values()), dtype=np.int32), (tail, head)), shape=(size, size))


def _solve(goal: NDArray[np.float64], sums: list[NDArray[np.float64]], values: list[int]) -> float | None:
    answer = linprog(goal, A_eq=np.array(sums), b_eq=np.array(values, dtype=np.float64), method="highs")
    return None if answer.status or answer.fun is None else float(answer.fun)
