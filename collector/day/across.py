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

from collector.day.lines import Ints
from collector.day.nested import NESTED, Pair, joined
from collector.day.nets import Cut, Net, spoiling
from collector.day.pairs import Grid
from collector.model import Dimension

_ORDER: Final = tuple(Dimension)


class _Side(msgspec.Struct):
    """Hold one of a line's two breakdowns: rows of people and cells, in the order of the grid.

    Attributes:
        grid: Whose cells they are.
        labels: Of each cell, the number of its other line.
        cells: The cells of the line, by their number in the grid.
        person: Number of the visitor, one row per visitor and cell.
        place: Of each row, the place of its cell in *cells*.
    """

    grid: Grid
    labels: Ints
    cells: Ints
    person: Ints
    place: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Side sealed>"

    def folded(self) -> Ints:
        """Return the places of cells that are not visible."""
        return np.flatnonzero(~self.grid.visible[self.cells])


def fold_across(grids: Mapping[Pair, Grid], *, k: int) -> bool:
    """Fold cells until within no line of a pair the cells of two breakdowns isolate 1 … k−1 people.

    Args:
        grids: Every kept pair, its cells folded by themselves.
        k: Fewest distinct people of a difference.

    Returns:
        Whether any cell was folded: then the pairs have to be folded by themselves again.
    """
    changed = False
    for one, other, together in _beside(grids):
        for line in sorted(set(one) & set(other)):
            changed |= _fold_line(one[line], other[line], together, k=k)
    return changed


def _beside(grids: Mapping[Pair, Grid]) -> Iterator[tuple[dict[int, _Side], dict[int, _Side], Grid | None]]:
    """Return every two breakdowns of the same lines of which anybody can know what lies in what.

    With them comes their own pair, where it is kept and somebody may have several lines of both.
    """
    sides = {(x, a): _sides(grid, is_row=x is pair[0]) for pair, grid in grids.items() for x, a in (pair, pair[::-1])}
    known = {frozenset(pair) for pair in (*NESTED, *grids)}
    for x in dict.fromkeys(dimension for dimension, _ in sides):
        beside = [a for dimension, a in sides if dimension is x]
        for a, b in combinations(sorted(beside, key=_ORDER.index), 2):
            if frozenset({a, b}) in known:
                is_unclear = {a, b} == {Dimension.PAGE, Dimension.SOURCE}
                yield sides[x, a], sides[x, b], grids.get((a, b)) if is_unclear else None


def _sides(grid: Grid, *, is_row: bool) -> dict[int, _Side]:
    """Return the lines of which anything is visible."""
    lines, beside = (grid.row, grid.column) if is_row else (grid.column, grid.row)
    found = {}
    line_of = lines[grid.cell]
    order = np.argsort(line_of, kind="stable")
    for line in np.unique(lines[grid.visible]).tolist():
        start, end = np.searchsorted(line_of[order], (line, line + 1))
        rows = order[start:end]
        cells, place = np.unique(grid.cell[rows], return_inverse=True)
        found[line] = _Side(grid, beside[cells], cells, grid.person[rows], place.astype(np.int64))
    return found


def _fold_line(one: _Side, other: _Side, together: Grid | None, *, k: int) -> bool:
    changed = False
    person, row, column = joined((one.person, one.place), (other.person, other.place))
    if together is not None:
        both = np.isin(_keys(person, one.labels[row], other.labels[column]), _keys(*together.whose()))
        person, row, column = person[both], row[both], column[both]
    net = Net.of(person, row, column, sides=(len(one.cells), len(other.cells)))
    net.join_rows(one.folded())
    net.join_columns(other.folded())
    while all(side.grid.visible[side.cells].any() for side in (one, other)) and (cut := net.weakest(k=k)) is not None:
        side, places = _fewest((one, other), cut)
        side.grid.visible[side.cells[places]] = False
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
