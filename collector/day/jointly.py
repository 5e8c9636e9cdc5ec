"""Fold cells that several pairs give away together: a source's Macs are its desktops without Windows and ChromeOS.

Browser, system and device of a visitor lie inside each other, so cells of one can be had from those of the others in
each line, and what they leave of the line of all Macs is then known as well. No cut of two breakdowns shows that.
Linear programs do, over pages (or sources) by every browser, system and device that came together on the day.

Source: docs/decisions/0004-small-groups.md
"""

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from collector.day.lines import Ints
from collector.day.nested import Pair
from collector.day.pairs import Grid
from collector.linear import Mask, Unknowns
from collector.model import Dimension

_D: Final = Dimension
_CLIENT: Final = (_D.BROWSER, _D.BROWSER_MAJOR, _D.OS, _D.DEVICE)
#: Unknowns of one system at most: lines of a larger one are looked at some at a time.
UNKNOWNS_MAX: Final = 3_000


def fold_jointly(grids: Mapping[Pair, Grid], *, unsure: Mapping[Dimension, int | None], k: int) -> bool:
    """Fold a cell where all breakdowns of visitors' clients together isolate 1 … k−1 people of a page or source.

    Args:
        grids: Every kept pair, its cells folded by themselves and across.
        unsure: Of each dimension the number of the line whose own figure is not published; None where there is none.
        k: Fewest distinct people.

    Returns:
        Whether any cell was folded: then the pairs have to be folded by themselves again.
    """
    for x in (_D.PAGE, _D.SOURCE):
        beside = {d: grids[x, d] for d in _CLIENT if (x, d) in grids}
        if len(beside) > 1 and any(grid.visible.any() for grid in beside.values()):
            for labels, sums, told in _systems(beside, [unsure.get(d) for d in (x, *beside)]):
                for _, _, _, chosen in Unknowns(labels, sums, told, k=k).small_sets():
                    if _fold_near(beside, labels[chosen]):
                        return True
    return False


def _systems(
    beside: Mapping[Dimension, Grid], unsure: list[int | None]
) -> Iterator[tuple[Ints, list[Mask], list[int]]]:
    """Return what each unknown is, the unknowns of each sum that is told, and the sums, all in people."""
    line, client = _clients(list(beside.values()))
    clients, who = np.unique(client, axis=0, return_inverse=True)
    lines = np.unique(line)
    each = max(1, UNKNOWNS_MAX // max(1, len(clients)))
    for start in range(0, len(lines), each):
        some = lines[start : start + each]
        labels = np.c_[np.repeat(some, len(clients)), np.tile(clients, (len(some), 1))]
        here = np.isin(line, some)
        places = np.searchsorted(some, line[here]) * len(clients) + who.ravel()[here]
        people = np.bincount(places, minlength=len(labels))
        sums = [labels[:, 0] == number for number in some.tolist() if number != unsure[0]]
        for column, (grid, own) in enumerate(zip(beside.values(), unsure[1:], strict=True), start=1):
            if len(some) == len(lines):
                sums += [labels[:, column] == number for number in np.unique(clients[:, column - 1]) if number != own]
            for n in np.flatnonzero(grid.visible).tolist():
                sums.append((labels[:, 0] == grid.row[n]) & (labels[:, column] == grid.column[n]))
        if len(some) == len(lines):
            sums.append(np.ones(len(labels), dtype=np.bool_))
        yield labels, sums, [int(people[chosen].sum()) for chosen in sums]


def _clients(grids: list[Grid]) -> tuple[Ints, Ints]:
    """Return the line, and the number of what the visitor has in each breakdown, of each visitor and line."""
    person, line, _ = grids[0].whose()
    count = max(int(grid.person.max()) for grid in grids) + 1
    had = np.full((count, len(grids)), -1, dtype=np.int64)
    for n, grid in enumerate(grids):
        own, _, column = grid.whose()
        had[own, n] = column
    known = (had[person] >= 0).all(axis=1)
    rows = np.unique(np.c_[person, line][known], axis=0)
    return rows[:, 1], had[rows[:, 0]]


def _fold_near(beside: Mapping[Dimension, Grid], chosen: Ints) -> bool:
    """Fold the visible cell of fewest visitors in the lines that the unknowns *chosen* are in; in a column, else."""
    for is_row in (True, False):
        found = []
        for column, grid in enumerate(beside.values(), start=1):
            own = grid.row if is_row else grid.column
            near = np.flatnonzero(grid.visible & np.isin(own, chosen[:, 0 if is_row else column]))
            found += [(int(grid.visitors[n]), column, n) for n in near.tolist()]
        if found:
            _, column, n = min(found)
            list(beside.values())[column - 1].visible[n] = False
            return True
    return False
