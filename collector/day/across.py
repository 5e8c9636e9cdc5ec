"""Fold cells that two pairs give away within one line: a page's views by Chrome minus its views by ChromeOS.

A page's cells by browser and its cells by system are two ways to cut the same pageviews. Everybody knows what lies in
what, so the difference is as good as a cell of all three, which is kept nowhere.

Source: docs/decisions/0004-small-groups.md
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

import msgspec
import numpy as np

from collector.day.lines import Ints, among, distinct
from collector.day.nested import NESTED, Pair, joined
from collector.day.nets import Cut, Net, spoiling
from collector.day.pairs import Grid
from collector.model import Dimension

_ORDER: Final = tuple(Dimension)


class _Side(msgspec.Struct):
    """Hold one of a line's two breakdowns.

    Attributes:
        grid: Whose cells they are.
        cells: The cells of the line, by their number in the grid; sorted.
    """

    grid: Grid
    cells: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Side sealed>"

    def folded(self) -> Ints:
        """Return the places of cells that are not visible."""
        return np.flatnonzero(~self.grid.visible[self.cells])


class _Sides(msgspec.Struct):
    """Hold one of two breakdowns, of all lines.

    Attributes:
        grid: Whose cells they are.
        lines: Of each cell, the number of its line.
        labels: Of each cell, the number of its other line.
    """

    grid: Grid
    lines: Ints
    labels: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Sides sealed>"

    def shown(self) -> Ints:
        """Return the lines of which anything is visible."""
        return distinct(self.lines[self.grid.visible])

    def nodes(self) -> Ints:
        """Give each visible cell a number of its own, and all folded ones of a line the same."""
        count = len(self.lines)
        return np.where(self.grid.visible, np.arange(count), count + self.lines)

    def of(self, line: int) -> _Side:
        """Return the cells of one line."""
        return _Side(self.grid, np.flatnonzero(self.lines == line))


def fold_across(grids: Mapping[Pair, Grid], *, k: int) -> bool:
    """Fold cells until within no line of a pair the cells of two breakdowns isolate 1 … k−1 people.

    Args:
        grids: Every kept pair, its cells folded by themselves.
        k: Fewest distinct people of a difference.

    Returns:
        Whether any cell was folded.
    """
    changed = False
    for one, other, together in _beside(grids):
        lines = np.intersect1d(one.shown(), other.shown())
        if len(lines):
            for line, cells in _doubtful(one, other, together, lines, k=k):
                changed |= _fold_line(one.of(line), other.of(line), cells, k=k)
    return changed


def _beside(grids: Mapping[Pair, Grid]) -> Iterator[tuple[_Sides, _Sides, Grid | None]]:
    """Return every two breakdowns of the same lines of which anybody can know what lies in what.

    With them comes their own pair, where it is kept and somebody may have several lines of both.
    """
    sides = {}
    for (a, b), grid in grids.items():
        sides[a, b] = _Sides(grid, grid.row, grid.column)
        sides[b, a] = _Sides(grid, grid.column, grid.row)
    known = {frozenset(pair) for pair in (*NESTED, *grids)}
    for x in dict.fromkeys(dimension for dimension, _ in sides):
        beside = [a for dimension, a in sides if dimension is x]
        for a, b in combinations(sorted(beside, key=_ORDER.index), 2):
            if frozenset({a, b}) in known:
                is_unclear = {a, b} == {Dimension.PAGE, Dimension.SOURCE}
                yield sides[x, a], sides[x, b], grids.get((a, b)) if is_unclear else None


def _doubtful(
    one: _Sides, other: _Sides, together: Grid | None, lines: Ints, *, k: int
) -> Iterator[tuple[int, tuple[Ints, Ints, Ints]]]:
    """Return those of *lines* in which fewer than k people may stand between cells, with who is in which cells."""
    wanted = np.zeros(int(max(one.lines.max(), other.lines.max())) + 1, dtype=np.bool_)
    wanted[lines] = True
    ends = []
    for side in (one, other):
        rows = np.flatnonzero(wanted[side.lines[side.grid.cell]])
        cell = side.grid.cell[rows]
        ends.append((side.grid.person[rows] * len(wanted) + side.lines[cell], cell))
    person, row, column = joined(*ends)
    person = person // len(wanted)
    if together is not None:
        both = among(_keys(person, one.labels[row], other.labels[column]), _keys(*together.whose()))
        person, row, column = person[both], row[both], column[both]
    # All lines at once: no two of them have a cell in common.
    starts, ends_at = one.nodes(), other.nodes()
    sides = (int(starts.max()) + 1, int(ends_at.max()) + 1)
    net = Net.of(person, starts[row], ends_at[column], sides=sides)
    net.settle(k=k)
    count = len(one.lines)
    left = distinct(np.where(net.row < count, one.lines[np.minimum(net.row, count - 1)], net.row - count))
    where = one.lines[row]
    chosen = np.flatnonzero(among(where, left))
    order = chosen[np.argsort(where[chosen], kind="stable")]
    borders = np.searchsorted(where[order], np.append(left, left[-1:] + 1))
    for line, first, last in zip(left.tolist(), borders[:-1].tolist(), borders[1:].tolist(), strict=True):
        rows = order[first:last]
        yield line, (person[rows], row[rows], column[rows])


def _fold_line(one: _Side, other: _Side, cells: tuple[Ints, Ints, Ints], *, k: int) -> bool:
    changed = False
    person, row, column = cells
    places = (np.searchsorted(one.cells, row), np.searchsorted(other.cells, column))
    net = Net.of(person, *places, sides=(len(one.cells), len(other.cells)))
    net.join_rows(one.folded())
    net.join_columns(other.folded())
    while all(side.grid.visible[side.cells].any() for side in (one, other)) and (cut := net.weakest(k=k)) is not None:
        side, chosen = _fewest((one, other), cut)
        side.grid.visible[side.cells[chosen]] = False
        changed = True
        (net.join_rows if side is one else net.join_columns)(side.folded())
    return changed


def _keys(person: Ints, row: Ints, column: Ints) -> Ints:
    return (person << 40) + (row << 20) + column


def _fewest(sides: tuple[_Side, _Side], cut: Cut) -> tuple[_Side, list[int]]:
    """Choose the visible cells of fewest visitors that spoil the difference when they are folded."""
    choices = []
    for number, (side, inside) in enumerate(zip(sides, (cut.rows, cut.columns), strict=True)):
        visitors = side.grid.visitors[side.cells]
        places = spoiling(inside, ~side.grid.visible[side.cells], visitors)
        if places:
            choices.append((int(visitors[places].sum()), number, places))
    if not choices:
        # The bound's caution about people in several cells: folding all of a line settles the matter.
        side = next(side for side in sides if side.grid.visible[side.cells].any())
        return side, np.flatnonzero(side.grid.visible[side.cells]).tolist()
    _, number, places = min(choices)
    return sides[number], places
