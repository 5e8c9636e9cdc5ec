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
#: Fewer breakdowns are held against each other elsewhere.
_THREE: Final = 3
_CLIENT: Final = (_D.BROWSER, _D.BROWSER_MAJOR, _D.OS, _D.DEVICE, _D.COUNTRY)
#: Unknowns of one system at most: lines of a larger one are looked at some at a time.
UNKNOWNS_MAX: Final = 3_000


def fold_jointly(grids: Mapping[Pair, Grid], *, unsure: Mapping[Dimension, int | None], k: int) -> bool:
    """Fold a cell where all breakdowns of visitors' clients together isolate 1 … k−1 people of pages or sources.

    Args:
        grids: Every kept pair, its cells folded by themselves and across.
        unsure: Of each dimension the number of the line whose own figure is not published; None where there is none.
        k: Fewest distinct people.

    Returns:
        Whether any cell was folded: then the pairs have to be folded by themselves again.
    """
    for outer in ((_D.PAGE,), (_D.SOURCE,), (_D.PAGE, _D.SOURCE)):
        client = [d for d in _CLIENT if all((x, d) in grids for x in outer)]
        if len(outer) + len(client) < _THREE or (len(outer) > 1 and outer not in grids):
            continue
        dimensions = [*outer, *client]
        beside = {pair: grid for pair, grid in grids.items() if set(pair) <= set(dimensions)}
        if not any(grid.visible.any() for grid in beside.values()):
            continue
        for labels, sums, told, people in _systems(beside, dimensions, len(outer), [unsure.get(d) for d in dimensions]):
            for _, _, _, chosen in Unknowns(labels, sums, told, k=k, known=people).small_sets():
                if _fold_near(beside, dimensions, labels[chosen]):
                    return True
    return False


def _systems(
    beside: Mapping[Pair, Grid], dimensions: list[Dimension], outer: int, unsure: list[int | None]
) -> Iterator[tuple[Ints, list[Mask], list[int], Ints]]:
    """Return what each unknown is, the unknowns of each sum that is told, the sums and the truth, all in people."""
    line, client = _clients(beside, dimensions, outer)
    lines, whose = np.unique(line, axis=0, return_inverse=True)
    if outer > 1:
        first, second = np.unique(line[:, 0]), np.unique(line[:, 1])
        lines = np.c_[np.repeat(first, len(second)), np.tile(second, len(first))]
        whose = np.searchsorted(first, line[:, 0]) * len(second) + np.searchsorted(second, line[:, 1])
    clients, who = np.unique(client, axis=0, return_inverse=True)
    if outer > 1 and len(lines) * len(clients) > UNKNOWNS_MAX:
        return
    each = max(1, UNKNOWNS_MAX // max(1, len(clients)))
    for start in range(0, len(lines), each):
        some = lines[start : start + each]
        labels = np.c_[np.repeat(some, len(clients), axis=0), np.tile(clients, (len(some), 1))]
        here = (whose.ravel() >= start) & (whose.ravel() < start + each)
        places = (whose.ravel()[here] - start) * len(clients) + who.ravel()[here]
        people = np.bincount(places, minlength=len(labels))
        is_whole = len(some) == len(lines)
        sums = [np.ones(len(labels), dtype=np.bool_)] if is_whole else []
        for column, own in enumerate(unsure):
            if is_whole or column < outer:
                sums += [labels[:, column] == number for number in np.unique(labels[:, column]) if number != own]
        for (a, b), grid in beside.items():
            one, other = dimensions.index(a), dimensions.index(b)
            if is_whole or one < outer:
                for n in np.flatnonzero(grid.visible).tolist():
                    sums.append((labels[:, one] == grid.row[n]) & (labels[:, other] == grid.column[n]))
        yield labels, sums, [int(people[chosen].sum()) for chosen in sums], people


def _clients(beside: Mapping[Pair, Grid], dimensions: list[Dimension], outer: int) -> tuple[Ints, Ints]:
    """Return the outer lines, and what the visitor has in each other breakdown, of each visitor and line."""
    x, client = dimensions[0], dimensions[outer:]
    pair = (x, dimensions[1])
    person, row, column = beside[pair].whose()
    count = max(int(grid.person.max()) for grid in beside.values()) + 1
    had = np.full((count, len(client)), -1, dtype=np.int64)
    for n, dimension in enumerate(client):
        own, _, label = beside[x, dimension].whose()
        had[own, n] = label
    known = (had[person] >= 0).all(axis=1)
    rows = np.unique((np.c_[person, row, column] if outer > 1 else np.c_[person, row])[known], axis=0)
    return rows[:, 1:], had[rows[:, 0]]


def _fold_near(beside: Mapping[Pair, Grid], dimensions: list[Dimension], chosen: Ints) -> bool:
    """Fold the visible cell of fewest visitors among those of the lines that the unknowns *chosen* are in."""
    for wanted in (2, 1, 0):
        found = []
        for (a, b), grid in beside.items():
            near = np.isin(grid.row, chosen[:, dimensions.index(a)]).astype(np.int64)
            near += np.isin(grid.column, chosen[:, dimensions.index(b)])
            cells = np.flatnonzero(grid.visible & (near >= wanted))
            found += [(int(grid.visitors[n]), a.value, b.value, n, grid) for n in cells.tolist()]
        if found:
            _, _, _, n, grid = min(found, key=lambda one: one[:4])
            grid.visible[n] = False
            return True
    return False
