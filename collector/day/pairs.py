"""Decide which cells of a pair's table may be published: pageviews only, between values that are visible alone.

Source: docs/decisions/0004-small-groups.md
"""

import msgspec
import numpy as np

from collector.day.lines import Flags, Ints
from collector.day.nets import Cut, Net
from collector.model import OTHER, Cell, Dimension


class Grid(msgspec.Struct):
    """Hold a pair's joint table.

    Attributes:
        person: Number of the visitor, one row per visitor and cell with pageviews.
        cell: Number of the cell.
        pageviews: By that visitor in that cell.
        row: Of each cell, the number of its row.
        column: Of each cell, the number of its column.
        visitors: Of each cell, its distinct visitors.
        visible: Of each cell, whether it is published.
    """

    person: Ints
    cell: Ints
    pageviews: Ints
    row: Ints
    column: Ints
    visitors: Ints
    visible: Flags

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Grid sealed>"

    @classmethod
    def of(cls, person: Ints, row: Ints, column: Ints, pageviews: Ints) -> "Grid":
        """Gather the rows of one visitor and cell; nothing is visible yet."""
        width, everybody = int(column.max()) + 1, int(person.max()) + 1
        keys, index = np.unique((row * width + column) * everybody + person, return_inverse=True)
        views = np.zeros(len(keys), dtype=np.int64)
        np.add.at(views, index, pageviews)
        cells, cell = np.unique(keys // everybody, return_inverse=True)
        return cls(
            person=keys % everybody,
            cell=cell,
            pageviews=views,
            row=cells // width,
            column=cells % width,
            visitors=np.bincount(cell),
            visible=np.zeros(len(cells), dtype=np.bool_),
        )

    def show(self, *, shown: tuple[Flags, Flags], k: int) -> None:
        """Make visible every cell that may be seen by itself."""
        size, most = self._totals(self.cell, len(self.row))
        self.visible = (self.visitors >= k) & (2 * most <= size) & shown[0][self.row] & shown[1][self.column]

    def fold(self, names: tuple[list[str], list[str]], *, k: int) -> None:
        """Fold what may not be seen after all: first what each line gives away by itself, then what lines together."""
        while any([self._fold_in_lines(self.row, k=k), self._fold_in_lines(self.column, k=k)]):
            pass
        folded = ~self.visible[self.cell]
        sides = (len(names[0]), len(names[1]))
        net = Net.of(self.person[folded], self.row[self.cell[folded]], self.column[self.cell[folded]], sides=sides)
        while self.visible.any() and (cut := net.weakest(k=k)) is not None:
            chosen = self._on(cut)
            self.visible[chosen] = False
            net.fold(int(self.row[chosen]), int(self.column[chosen]))

    def others(self, lines: Ints, *, count: int) -> tuple[Ints, Ints]:
        """Return pageviews and distinct visitors of what is folded in each of *lines* (rows, or columns)."""
        folded = ~self.visible[self.cell]
        line, views = lines[self.cell[folded]], self.pageviews[folded]
        people = np.unique(line * (int(self.person.max()) + 1) + self.person[folded]) // (int(self.person.max()) + 1)
        sums = np.zeros(count, dtype=np.int64)
        np.add.at(sums, line, views)
        return sums, np.bincount(people, minlength=count)

    def whose(self) -> tuple[Ints, Ints, Ints]:
        """Return visitor, row and column, one row per visitor and cell."""
        return self.person, self.row[self.cell], self.column[self.cell]

    def views(self) -> Ints:
        """Return the pageviews of each cell."""
        return self._totals(self.cell, len(self.row))[0]

    def _totals(self, group: Ints, count: int) -> tuple[Ints, Ints]:
        """Return, per group of rows, all pageviews and the most of them that one visitor made."""
        everybody = int(self.person.max()) + 1
        keys, index = np.unique(group * everybody + self.person, return_inverse=True)
        each = np.zeros(len(keys), dtype=np.int64)
        np.add.at(each, index, self.pageviews)
        sums, most = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        np.add.at(sums, keys // everybody, each)
        np.maximum.at(most, keys // everybody, each)
        return sums, most

    def _fold_in_lines(self, lines: Ints, *, k: int) -> bool:
        """Fold the smallest visible cell of each line whose folded cells hold 1 … k−1 people or mostly one."""
        count = int(lines.max()) + 1
        folded = ~self.visible[self.cell]
        rest = Grid(
            self.person[folded],
            self.cell[folded],
            self.pageviews[folded],
            self.row,
            self.column,
            self.visitors,
            self.visible,
        )
        if not len(rest.person):
            return False
        sums, most = rest._totals(lines[rest.cell], count)
        people = rest.others(lines, count=count)[1]
        weak = ((people > 0) & (people < k)) | (2 * most > sums)
        candidates = np.flatnonzero(self.visible & weak[lines])
        order = candidates[np.lexsort((self.column[candidates], self.row[candidates], self.visitors[candidates]))]
        _, first = np.unique(lines[order], return_index=True)
        self.visible[order[first]] = False
        return bool(len(first))

    def _on(self, cut: Cut) -> int:
        """Return the smallest visible cell whose folding spoils the difference."""
        across = self.visible & (cut.rows[self.row] != cut.columns[self.column])
        touched = self.visible & (cut.rows[self.row] | cut.columns[self.column])
        # Without one across, whole lines would do it alone, and those were tested: what was found is the bound's
        # caution about people in several rows and columns. Folding any cell near it settles the matter.
        for candidates in (across, touched, self.visible):
            if candidates.any():
                chosen = np.flatnonzero(candidates)
                order = np.lexsort((self.column[chosen], self.row[chosen], self.visitors[chosen]))
                return int(chosen[order[0]])
        raise AssertionError("no cell is visible")


def pair_cells(
    grid: Grid, pair: tuple[Dimension, Dimension], names: tuple[list[str], list[str]], *, k: int
) -> list[Cell]:
    """Return the visible cells in both directions, with each line's `(other)`; lines without any have no cells."""
    views = grid.views()
    cells = []
    for forward in (True, False):
        (filters, dimension) = pair if forward else pair[::-1]
        lines, values = (grid.row, grid.column) if forward else (grid.column, grid.row)
        line_names, value_names = names if forward else names[::-1]
        other_views, other_people = grid.others(lines, count=len(line_names))
        found = [(line_names[lines[n]], value_names[values[n]], int(views[n])) for n in np.flatnonzero(grid.visible)]
        lines_shown = np.unique(lines[grid.visible])
        found += [(line_names[n], OTHER, int(other_views[n])) for n in lines_shown if other_people[n]]
        cells += [
            Cell(
                dimension=dimension,
                value=value,
                contributors=k,
                pageviews=pageviews,
                filter_dimension=filters,
                filter_value=line,
            )
            for line, value, pageviews in sorted(found)
        ]
    return cells
