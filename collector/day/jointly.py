"""Fold cells that several pairs give away together: a source's Macs are its desktops without Windows and ChromeOS.

Browser, system and device of a visitor lie inside each other, so cells of one can be had from those of the others in
each line, and what they leave of the line of all Macs is then known as well. No cut of two breakdowns shows that, so
all lines and visible cells are held against each other as one system: within each page and each source, over all
pages, over all sources, and over pages and sources at once.

Source: docs/decisions/0004-small-groups.md
"""

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
import polars as pl

from collector.day.isolated import EVERYWHERE, Search, Sums
from collector.day.lines import Ints
from collector.day.nested import Pair
from collector.day.pairs import Grid
from collector.model import Dimension

_D: Final = Dimension
#: Fewer breakdowns are held against each other elsewhere.
_THREE: Final = 3
_CLIENT: Final = (_D.BROWSER, _D.BROWSER_MAJOR, _D.OS, _D.DEVICE, _D.COUNTRY)
#: Classes times sums that lie in no single line, of one system at most: about 160 MB, and a second or two.
PRODUCTS_MAX: Final = 10_000_000
#: Looks at one system, each of which folds for all that it finds; after them whole lines fold.
LOOKS_MAX: Final = 60
_NONE: Final = -1
#: Weighs more than any cell: a line's own sum does not fold here.
_FIXED: Final = 1 << 40


def fold_jointly(grids: Mapping[Pair, Grid], *, unsure: Mapping[Dimension, int | None], k: int) -> bool:
    """Fold cells until all breakdowns of visitors' clients together isolate 1 … k−1 people of no pages or sources.

    Args:
        grids: Every kept pair, its cells folded by themselves and across.
        unsure: Of each dimension the number of the line whose own figure is not published; None where there is none.
        k: Fewest distinct people.

    Returns:
        Whether any cell was folded.
    """
    changed = False
    for outer in ((_D.PAGE,), (_D.SOURCE,), (_D.PAGE, _D.SOURCE)):
        client = [d for d in _CLIENT if all((x, d) in grids for x in outer)]
        if len(outer) + len(client) < _THREE or (len(outer) > 1 and outer not in grids):
            continue
        dimensions = [*outer, *client]
        beside = {pair: grid for pair, grid in grids.items() if set(pair) <= set(dimensions)}
        if sum(bool(grid.visible.any()) for grid in beside.values()) > 1:
            system = _system(beside, _together(grids, outer, client), dimensions, [unsure.get(d) for d in dimensions])
            for alone in (True, False) if len(outer) == 1 else (False,):
                if alone or system.products <= PRODUCTS_MAX:
                    changed |= system.fold(k=k, alone=alone)
    return changed


class _System(msgspec.Struct):
    """Hold classes of people and told sums, and which visible cell each sum is.

    Attributes:
        sums: The sums.
        grids: The pairs whose cells stand in it.
        grid: Of each sum, the place of its pair in *grids*, or −1 where it is a line's own.
        cell: Of each sum, the number of its cell.
    """

    sums: Sums
    grids: list[Grid]
    grid: Ints
    cell: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<System sealed>"

    @property
    def products(self) -> int:
        """Count what has to be held of it: classes times sums that lie in no single line."""
        return len(self.sums.line) * int((self.sums.home == EVERYWHERE).sum())

    def fold(self, *, k: int, alone: bool) -> bool:
        """Fold a cell for everything that is found until nothing is; return whether there was any."""
        search, looks, changed = Search(self.sums, k=k, alone=alone), 0, True
        while changed:
            changed = False
            for one in list(search.isolated()):
                # What was folded for another one may have settled this.
                chosen = self._smallest(one) if self.sums.told[one].all() else None
                if chosen is None:
                    continue
                changed = True
                for number in [chosen] if looks < LOOKS_MAX else self._beside(chosen):
                    self.grids[self.grid[number]].visible[self.cell[number]] = False
                    search.fold(number)
            looks += changed
        return looks > 0

    def _smallest(self, numbers: Ints) -> int | None:
        """Return the cell of fewest visitors among some sums; None where all are lines' own."""
        cells: list[int] = numbers[self.grid[numbers] != _NONE].tolist()
        return min(cells, key=lambda n: (int(self.sums.weight[n]), n)) if cells else None

    def _beside(self, number: int) -> list[int]:
        """Return all visible cells of the line that a cell is in, or of its pair where it is in no single line."""
        home = self.sums.home[number]
        together = self.sums.home == home if home != EVERYWHERE else self.grid == self.grid[number]
        chosen: list[int] = np.flatnonzero(together & self.sums.told & (self.grid != _NONE)).tolist()
        return chosen


def _system(
    beside: Mapping[Pair, Grid], people: pl.DataFrame, dimensions: list[Dimension], unsure: list[int | None]
) -> _System:
    """Sort people into classes by all of *dimensions*, and gather the sums that are told of them."""
    labels = people.select(f"{n}" for n in range(len(dimensions))).to_numpy().T
    labels = np.stack(
        [_quiet(beside, d, own, number) for d, own, number in zip(dimensions, labels, unsure, strict=True)]
    )
    codes = np.zeros(labels.shape[1], dtype=np.int64)
    for own in labels:
        codes = codes * (int(own.max(initial=0)) + 2) + own + 1
    _, firsts, kind = np.unique(codes, return_index=True, return_inverse=True)
    labels = labels[:, firsts]
    line = np.unique(labels[0], return_inverse=True)[1]
    made = _Gathered(labels, line)
    for column, number in enumerate(unsure):
        made.add_lines(column, unsure=number)
    for number, (pair, grid) in enumerate(beside.items()):
        made.add_cells(number, grid, *map(dimensions.index, pair))
    return made.system(people["person"].to_numpy(), kind, list(beside.values()))


class _Gathered:
    """Gather sums over classes."""

    def __init__(self, labels: Ints, line: Ints) -> None:
        self._labels, self._line = labels, line
        everyone = np.arange(labels.shape[1])
        self._members, self._sums = [everyone], [np.zeros(len(everyone), dtype=np.int64)]
        self._homes, self._grids, self._cells = ([np.array([own])] for own in (EVERYWHERE, _NONE, _NONE))
        self._weights = [np.array([_FIXED])]
        self._count = 1

    def add_lines(self, column: int, *, unsure: int | None) -> None:
        """Add the sum of each line of a breakdown but the one that is *unsure*; nothing is told of whom it lacks."""
        own = self._labels[column]
        chosen = np.flatnonzero((own != _NONE) & (own != (_NONE if unsure is None else unsure)))
        self._add(chosen, own[chosen], is_home=not column)

    def add_cells(self, number: int, grid: Grid, row: int, column: int) -> None:
        """Add the visible cells of a pair."""
        width = int(max(grid.column.max(), self._labels[column].max())) + 1
        keys = grid.row * width + grid.column
        wanted = self._labels[row] * width + self._labels[column]
        cell = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        has_both = (self._labels[row] >= 0) & (self._labels[column] >= 0)
        chosen = np.flatnonzero(has_both & (keys[cell] == wanted) & grid.visible[cell])
        self._add(chosen, cell[chosen], is_home=not row, grid=number)
        self._weights[-1] = grid.visitors[self._cells[-1]]

    def _add(self, members: Ints, of: Ints, *, is_home: bool, grid: int = _NONE) -> None:
        values, firsts, numbers = np.unique(of, return_index=True, return_inverse=True)
        self._members.append(members)
        self._sums.append(numbers + self._count)
        self._homes.append(self._line[members[firsts]] if is_home else np.full(len(values), EVERYWHERE))
        self._grids.append(np.full(len(values), grid))
        self._cells.append(values)
        self._weights.append(np.full(len(values), _FIXED))
        self._count += len(values)

    def system(self, person: Ints, kind: Ints, grids: list[Grid]) -> _System:
        """Return all of it, with the people of each class."""
        order = np.argsort(kind, kind="stable")
        homes, grid, cell = map(np.concatenate, (self._homes, self._grids, self._cells))
        sums = Sums(
            person=person[order],
            kind=kind[order],
            line=self._line,
            member=np.concatenate(self._members),
            sum=np.concatenate(self._sums),
            home=homes,
            told=np.ones(len(homes), dtype=np.bool_),
            weight=np.concatenate(self._weights),
        )
        return _System(sums, grids, grid, cell)


def _quiet(beside: Mapping[Pair, Grid], dimension: Dimension, labels: Ints, unsure: int | None) -> Ints:
    """Take all lines of pages or sources without a visible cell for one: only their own sums are told of them."""
    if dimension not in (_D.PAGE, _D.SOURCE):
        return labels
    shown = [
        (grid.row if pair[0] is dimension else grid.column)[grid.visible]
        for pair, grid in beside.items()
        if dimension in pair
    ]
    is_quiet = ~np.isin(labels, np.concatenate([*shown, [_NONE if unsure is None else unsure, _NONE]]))
    return np.where(is_quiet, int(labels.max(initial=0)) + 1, labels)


def _people(grids: Mapping[Pair, Grid], outer: Dimension, client: list[Dimension]) -> pl.DataFrame:
    """Return who has which line and what else: a row for everything that somebody has together.

    Whoever has several systems, and several devices, has not every one with every other: what others have together
    is taken for it, where that is among it.
    """
    frames = []
    for n, dimension in enumerate(client):
        person, line, label = grids[outer, dimension].whose()
        frames.append(pl.DataFrame({"person": person, "line": line, f"c{n}": label}))
    keys = pl.concat([frame.select("person", "line") for frame in frames]).unique()
    for frame in frames:
        keys = keys.join(frame, on=["person", "line"], how="left")
    names = [f"c{n}" for n in range(len(client))]
    keys = keys.with_columns(pl.col(names).fill_null(_NONE))
    return _likely(keys, keys, names, of=["person", "line"])


def _likely(rows: pl.DataFrame, others: pl.DataFrame, names: list[str], *, of: list[str]) -> pl.DataFrame:
    """Leave out of what somebody may have together what nobody has for certain, where any other is left."""
    is_clear = pl.len().over(of) == 1
    if rows.filter(~is_clear).is_empty():
        return rows
    known = others.filter(is_clear).select(names).unique().with_columns(known=pl.lit(value=True))
    found = rows.join(known, on=names, how="left").with_columns(pl.col("known").fill_null(value=False))
    return found.filter(pl.col("known") | ~pl.col("known").any().over(of)).drop("known")


def _together(grids: Mapping[Pair, Grid], outer: tuple[Dimension, ...], client: list[Dimension]) -> pl.DataFrame:
    """Return who has which lines of *outer* and what else; columns by their place."""
    names = [f"c{n}" for n in range(len(client))]
    first, *rest = (_people(grids, x, client).rename({"line": f"o{n}"}) for n, x in enumerate(outer))
    if rest:
        person, row, column = grids[outer[0], outer[1]].whose()
        both = pl.DataFrame({"person": person, "o0": row, "o1": column}).join(first, on=["person", "o0"])
        here = rest[0].with_columns(known=pl.lit(value=True))
        both = both.join(here, on=["person", "o1", *names], how="left").with_columns(
            pl.col("known").fill_null(value=False)
        )
        first = both.filter(pl.col("known") | ~pl.col("known").any().over("person", "o0", "o1")).drop("known")
    columns = [*(f"o{n}" for n in range(len(outer))), *names]
    return first.select("person", *columns).rename({name: f"{n}" for n, name in enumerate(columns)})
