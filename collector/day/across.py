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

from collector.day.lines import Flags, Ints, among, distinct, starts_of
from collector.day.nested import NESTED, Pair, joined
from collector.day.nets import Net, spoiling
from collector.day.pairs import Grid
from collector.model import Dimension

_ORDER: Final = tuple(Dimension)


class _Sides(msgspec.Struct):
    """Hold one of two breakdowns, of all lines.

    Attributes:
        grid: Whose cells they are.
        lines: Of each cell, the number of its line.
        labels: Of each cell, the number of its other line.
        order: The cells by line, then number.
        borders: Where each line begins in *order*; one more than there are lines.
    """

    grid: Grid
    lines: Ints
    labels: Ints
    order: Ints
    borders: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Sides sealed>"

    @classmethod
    def by(cls, grid: Grid, lines: Ints, labels: Ints) -> "_Sides":
        """Sort the cells of *grid* by line."""
        order = np.argsort(lines, kind="stable")
        borders = np.searchsorted(lines[order], np.arange(int(lines.max()) + 2))
        return cls(grid, lines, labels, order, borders)

    def shown(self) -> Ints:
        """Return the lines of which anything is visible."""
        return distinct(self.lines[self.grid.visible])

    def of(self, line: int) -> Ints:
        """Return the cells of one line, by their number in the grid; sorted."""
        return self.order[self.borders[line] : self.borders[line + 1]]

    def folded(self) -> tuple[Ints, Ints]:
        """Return each folded cell, and the first one of its line."""
        cells = self.order[~self.grid.visible[self.order]]
        lines = self.lines[cells]
        starts = starts_of(lines)
        return cells, cells[starts].repeat(np.diff(starts, append=len(cells)))


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
            changed |= _fold_lines(one, other, _net(one, other, together, lines), k=k)
    return changed


def _beside(grids: Mapping[Pair, Grid]) -> Iterator[tuple[_Sides, _Sides, Grid | None]]:
    """Return every two breakdowns of the same lines of which anybody can know what lies in what.

    With them comes their own pair, where it is kept and somebody may have several lines of both.
    """
    sides = {}
    for (a, b), grid in grids.items():
        sides[a, b] = _Sides.by(grid, grid.row, grid.column)
        sides[b, a] = _Sides.by(grid, grid.column, grid.row)
    known = {frozenset(pair) for pair in (*NESTED, *grids)}
    for x in dict.fromkeys(dimension for dimension, _ in sides):
        beside = [a for dimension, a in sides if dimension is x]
        for a, b in combinations(sorted(beside, key=_ORDER.index), 2):
            if frozenset({a, b}) in known:
                is_unclear = {a, b} == {Dimension.PAGE, Dimension.SOURCE}
                yield sides[x, a], sides[x, b], grids.get((a, b)) if is_unclear else None


def _net(one: _Sides, other: _Sides, together: Grid | None, lines: Ints) -> Net:
    """Return who is in which cells of *lines*, all of them at once: no two of them have a cell in common."""
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
    net = Net.of(person, row, column, sides=(len(one.lines), len(other.lines)))
    for side, first in ((one, 0), (other, len(one.lines))):
        folded, leader = side.folded()
        net.group[first + folded] = first + leader
    return net


def _fold_lines(one: _Sides, other: _Sides, net: Net, *, k: int) -> bool:
    """Fold cells of each line until its two breakdowns isolate nobody, a step of every line at a time."""
    line_of, changed = np.concatenate([one.lines, other.lines]), False
    net.settle(k=k)
    net.set_apart(line_of)
    while len(net.person):
        over = []
        for line, reached in net.weakest_of_each(line_of, k=k):
            cells = (one.of(line), other.of(line))
            within = np.concatenate([cells[0], len(one.lines) + cells[1]])
            inside = np.isin(net.group[within], list(reached))
            number, chosen = _fewest((one, other), cells, (inside[: len(cells[0])], inside[len(cells[0]) :]))
            visible = (one, other)[number].grid.visible
            visible[cells[number][chosen]] = False
            changed = True
            folded = cells[number][~visible[cells[number]]]
            net.join_within(folded + number * len(one.lines), within)
            if not all(side.grid.visible[own].any() for side, own in zip((one, other), cells, strict=True)):
                over.append(line)
        if over:
            net.leave(over, line_of)
    return changed


def _keys(person: Ints, row: Ints, column: Ints) -> Ints:
    return (person << 40) + (row << 20) + column


def _fewest(sides: tuple[_Sides, _Sides], cells: tuple[Ints, Ints], cut: tuple[Flags, Flags]) -> tuple[int, list[int]]:
    """Choose the visible cells of fewest visitors that spoil the difference when they are folded: whose, and which."""
    choices = []
    for number, (side, own, inside) in enumerate(zip(sides, cells, cut, strict=True)):
        visitors = side.grid.visitors[own]
        places = spoiling(inside, ~side.grid.visible[own], visitors)
        if places:
            choices.append((int(visitors[places].sum()), number, places))
    if not choices:
        # The bound's caution about people in several cells: folding all of a line settles the matter.
        number = next(n for n, side in enumerate(sides) if side.grid.visible[cells[n]].any())
        return number, np.flatnonzero(sides[number].grid.visible[cells[number]]).tolist()
    return min(choices)[1:]
