"""Two ways to cut the same sum, and what is left of doubt about the parts that both make of it.

Rows and columns add up to the same; some cells are told, some are known to hold nothing, and the others are unknown,
except that no number is below 0. How much an unknown cell can hold at most is a question of flow: what may move from
its row to its column through the other cells. A set of cells can hold fewer than k only if each of its cells can.
So the cells that cannot reach k are all that a search has to look at: if together they may be empty, no set of
cells, however chosen, is known to hold 1 … k−1.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

#: Flows that are solved for one table at most, and sets that linear programs are solved for.
FLOWS_MAX: Final = 2_000
SETS_MAX: Final = 40
_ENDLESS: Final = 1 << 28
_CERTAIN: Final = 0.999
_NOISE: Final = 1e-6
Numbers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Cell: TypeAlias = tuple[str, str]


class Table(msgspec.Struct, frozen=True):
    """Hold what is published of two breakdowns of one measure.

    Attributes:
        rows: Sum of each row by its name.
        columns: Sum of each column by its name.
        visible: Cells that are published.
        empty: Cells that hold nothing by nature.
    """

    rows: Mapping[str, int]
    columns: Mapping[str, int]
    visible: Mapping[Cell, int] = {}
    empty: frozenset[Cell] = frozenset()


class Group(msgspec.Struct, frozen=True):
    """Name cells that hold at least *least* and at most *most* together."""

    least: int
    most: int
    cells: tuple[Cell, ...]


class _Unknown(msgspec.Struct):
    """Hold the unknown cells of a table that can hold anything, by number.

    Attributes:
        names: Of rows, then of columns.
        rests: What rows, then columns, have beyond their visible cells.
        row: Of each cell the number of its row.
        column: Of each cell the number of its column, counted on from the rows.
        known: Of each cell what it holds in some table that fits.
    """

    names: list[str]
    rests: Numbers
    row: Numbers
    column: Numbers
    known: NDArray[np.float64]

    def name(self, chosen: Mask) -> tuple[Cell, ...]:
        return tuple((self.names[self.row[n]], self.names[self.column[n]]) for n in np.flatnonzero(chosen))


def small_groups(table: Table, *, k: int) -> list[Group]:
    """Return sets of unknown cells that are known to hold 1 … *k*−1; empty only where there are none.

    Nothing is found where the published sums do not fit together: then some of them are another set's.
    """
    unknown = _unknown(table)
    if unknown is None or not len(unknown.row):
        return []
    label = _joined(unknown, k=k)
    doubtful = label[unknown.row] != label[unknown.column]
    if not doubtful.any():
        return []
    program = _Program(unknown)
    if program.bound(doubtful, sign=1) < _CERTAIN:
        return []
    found = {}
    for chosen in _sets(unknown, label, doubtful)[:SETS_MAX]:
        least = program.bound(chosen, sign=1)
        if least >= _CERTAIN and (most := -program.bound(chosen, sign=-1)) < k - 1 + _CERTAIN:
            group = Group(round(least), round(most), unknown.name(chosen))
            found[group.cells] = group
    return sorted(found.values(), key=lambda group: (group.most, len(group.cells)))


def ranges(table: Table) -> dict[Cell, tuple[int, int]]:
    """Return how few and how many each unknown cell can hold at all; for small tables."""
    unknown = _unknown(table)
    if unknown is None:
        return {}
    program = _Program(unknown)
    found = {}
    for n in range(len(unknown.row)):
        one = np.arange(len(unknown.row)) == n
        found[unknown.name(one)[0]] = (round(program.bound(one, sign=1)), round(-program.bound(one, sign=-1)))
    return found


def empty_cells(table: Table) -> frozenset[Cell]:
    """Return the cells that hold nothing, because all of their row or column is told."""
    rows, columns = dict(table.rows), dict(table.columns)
    for (row, column), figure in table.visible.items():
        rows[row] -= figure
        columns[column] -= figure
    return table.empty | {
        (row, column)
        for row, left in rows.items()
        for column, below in columns.items()
        if (not left or not below) and not table.visible.get((row, column))
    }


def _unknown(table: Table) -> _Unknown | None:
    """Return the cells in doubt and one way to fill them, or None where nothing fits."""
    names = [*table.rows, *table.columns]
    rows = {name: n for n, name in enumerate(table.rows)}
    columns = {name: n for n, name in enumerate(table.columns)}
    rests = np.array([*table.rows.values(), *table.columns.values()], dtype=np.int64)
    mask = np.ones((len(rows), len(columns)), dtype=np.bool_)
    for one, other in table.empty:
        mask[rows[one], columns[other]] = False
    for (one, other), figure in table.visible.items():
        mask[rows[one], columns[other]] = False
        rests[rows[one]] -= figure
        rests[len(rows) + columns[other]] -= figure
    above, below = rests[: len(rows)], rests[len(rows) :]
    if not len(rests) or rests.min() < 0 or above.sum() != below.sum() or above.sum() >= _ENDLESS:
        return None
    mask &= (above > 0)[:, None] & (below > 0)[None, :]
    row, column = (part.astype(np.int64) for part in np.nonzero(mask))
    made = _Unknown(names, rests, row, len(rows) + column, np.zeros(len(row)))
    if not len(row):
        return made if not above.sum() else None
    if mask[above > 0][:, below > 0].all():
        # With nothing known to be empty, shares of shares fit.
        made.known = rests[row] * rests[made.column] / above.sum()
        return made
    source, sink = len(names), len(names) + 1
    tail = np.r_[np.full(len(rows), source), len(rows) + np.arange(len(columns)), row]
    head = np.r_[np.arange(len(rows)), np.full(len(columns), sink), made.column]
    flow = _flow(tail, head, np.r_[rests, np.minimum(rests[row], rests[made.column])], source, sink)
    if flow.flow_value != above.sum():
        return None
    made.known = np.asarray(flow.flow[row, made.column], dtype=np.float64).ravel()
    return made


def _joined(unknown: _Unknown, *, k: int) -> Numbers:
    """Give lines between which k may move one label: cells within a label can hold k."""
    label = np.arange(len(unknown.names), dtype=np.int64)
    refused: set[tuple[int, int]] = set()
    order = np.argsort(np.minimum(unknown.rests[unknown.row], unknown.rests[unknown.column]), kind="stable")
    for _ in range(FLOWS_MAX):
        label, room = _settle(unknown, label, k=k)
        starts, ends = label[unknown.row[order]], label[unknown.column[order]]
        across = [ends_ for ends_ in zip(starts.tolist(), ends.tolist(), strict=True) if ends_[0] != ends_[1]]
        pair = next((ends_ for ends_ in across if ends_ not in refused), None)
        if pair is None:
            break
        tail, head = np.nonzero(room)
        if _flow(tail, head, room[tail, head], *pair).flow_value < k:
            refused.add(pair)
            continue
        label = np.where(label == pair[1], pair[0], label)
        refused.clear()
    return label


def _settle(unknown: _Unknown, label: Numbers, *, k: int) -> tuple[Numbers, Numbers]:
    """Join what k may move around in a circle; return labels from 0 and what may move between them.

    Known views may leave their row for another column, and any column may take views of a row whose cell is unknown.
    """
    while True:
        _, label = np.unique(label, return_inverse=True)
        size = int(label.max()) + 1
        start, end = label[unknown.row], label[unknown.column]
        room = np.bincount(start * size + end, weights=unknown.known, minlength=size * size)
        # Shares of shares are no whole numbers; a flow of whole ones is never taken for larger than it is.
        room = np.floor(room + _NOISE).astype(np.int64)
        room[end * size + start] = _ENDLESS
        room = np.minimum(room, _ENDLESS).reshape(size, size)
        np.fill_diagonal(room, 0)
        reach = ((room >= k) | np.eye(size, dtype=np.bool_)).astype(np.float32)
        while not np.array_equal(further := np.minimum(reach @ reach, 1), reach):
            reach = further
        joined = ((reach > 0) & (reach.T > 0)).argmax(axis=1)
        if np.array_equal(joined, np.arange(size)):
            return label, room
        label = joined[label].astype(np.int64)


def _sets(unknown: _Unknown, label: Numbers, doubtful: Mask) -> list[Mask]:
    """Return sets of doubtful cells worth a look: each cell, each line's, those between two labels, and all."""
    keys = (
        np.arange(len(unknown.row)),
        unknown.row,
        unknown.column,
        label[unknown.row] * len(unknown.names) + label[unknown.column],
        label[unknown.row],
        label[unknown.column],
        np.zeros(len(unknown.row), dtype=np.int64),
    )
    made: dict[bytes, Mask] = {}
    for key in keys:
        for value in np.unique(key[doubtful]):
            chosen = doubtful & (key == value)
            made[chosen.tobytes()] = chosen
    small = np.minimum(unknown.rests[unknown.row], unknown.rests[unknown.column])
    return sorted(made.values(), key=lambda chosen: int(small[chosen].sum()))


class _Program:
    """Bound sums of unknown cells by a linear program; the sums of rows and columns are all it knows."""

    def __init__(self, unknown: _Unknown) -> None:
        # Not above, here and below: scipy takes a third of a second, and a house starts without it.
        from scipy.sparse import csr_array  # noqa: PLC0415

        cells = len(unknown.row)
        lines = np.r_[unknown.row, unknown.column]
        shape = (len(unknown.names), cells)
        self._sums: Any = csr_array(
            (np.ones(2 * cells), (lines, np.r_[np.arange(cells), np.arange(cells)])), shape=shape
        )
        self._values = unknown.rests.astype(np.float64)

    def bound(self, chosen: Mask, *, sign: int) -> float:
        """Return the least (*sign* 1) of the sum, or (*sign* −1) minus the most."""
        from scipy.optimize import linprog  # noqa: PLC0415

        goal: NDArray[np.float64] = sign * chosen.astype(np.float64)
        answer = linprog(goal, A_eq=self._sums, b_eq=self._values, method="highs")
        return float("-inf") if answer.status or answer.fun is None else float(answer.fun)


def _flow(tail: Numbers, head: Numbers, room: Numbers, source: int, sink: int) -> Any:
    """Return the greatest flow from *source* to *sink*, as scipy gives it."""
    from scipy.sparse import csr_array  # noqa: PLC0415
    from scipy.sparse.csgraph import maximum_flow  # noqa: PLC0415

    size = int(max(tail.max(), head.max())) + 1
    graph = csr_array((room.astype(np.int32), (tail.astype(np.int32), head.astype(np.int32))), shape=(size, size))
    return maximum_flow(graph, source, sink)
