"""Tell what the visitors of a set have, and what was seen next, as floors: visitors in multiples of k, "at least".

A floor of 20 at k = 10 says 20 to 29. What an exact number and a floor leave between them is again one of k numbers in
a row, and no k numbers in a row lie within 1 … k−1. What is not listed has fewer than k, though, so a list whose
floors together fall short of everybody would tell that what is missing is somewhere in there: such a list is not
published. A list holds every value that has k visitors, or nothing.

Source: docs/decisions/0015-sets.md
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
import polars as pl

from collector.day import measures
from collector.day.facts import Facts
from collector.day.reached import EXIT
from collector.day.sets import Published, ToldSet
from collector.model import OTHER, Cell, Dimension, Measure

_D: Final = Dimension
Pair = tuple[Dimension, Dimension]
#: More than any number of visitors.
_PLENTY: Final = 1 << 40


class Floors(msgspec.Struct):
    """Hold the list of one line: who of it has which value.

    Attributes:
        size: Visitors of the line as they are published.
        counts: Of each value with at least one of them, how many distinct ones; `(other)` is left out.
        most: Of each value that may be listed, how many visitors it has at most, as everybody can read.
        is_open: Whether some value is counted under `(other)`, of which nobody can say how many there are.
    """

    size: int
    counts: dict[str, int]
    most: dict[str, int]
    is_open: bool

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Floors sealed>"

    def listed(self, *, k: int) -> dict[str, int]:
        """Return the floors of what has k visitors."""
        return {value: count // k * k for value, count in self.counts.items() if count >= k}

    def at_most(self, value: str, *, k: int) -> int:
        """Return how many visitors of a value there can be for whoever reads the list."""
        floor = self.counts.get(value, 0) // k * k
        return min(self.size, self.most.get(value, _PLENTY), floor + k - 1)

    def hides_nobody(self, *, k: int) -> bool:
        """Tell whether all others together can hold everybody, so that no value has to hold 1 … k−1 people."""
        if self.is_open:
            return True
        values = self.most.keys() | self.counts.keys()
        together = sum(self.at_most(value, k=k) for value in values)
        unlisted = [self.at_most(value, k=k) for value in values if self.counts.get(value, 0) < k]
        return all(self.size <= together - own for own in unlisted)

    def leaves_enough(self, *, k: int) -> bool:
        """Tell whether no listed value leaves 1 … k−1 of the line, or of everybody who has the value, outside itself.

        A floor alone never does. But who has a value may be so few that the floor is nearly exact: of 6 visitors 5 went
        on to a page that 5 visitors saw, so one did not. Where each visitor has one value the floors of the others are
        a bound too: of 14 telephones at most 13 are among 23 visitors of whom 10 have a computer.
        """
        listed = self.listed(k=k)
        most = {value: self.at_most(value, k=k) for value in self.most.keys() | self.counts.keys()}
        together, floors = sum(most.values()), sum(listed.values())
        for value, floor in listed.items():
            least = floor if self.is_open else max(floor, self.size - (together - most[value]))
            for bound in (most[value], min(most[value], self.size - (floors - floor))):
                if bound >= least and any(bound < whole < least + k for whole in self._wholes(value)):
                    return False
        return True

    def _wholes(self, value: str) -> tuple[int, int]:
        """Return what a value lies in: the line, and everybody who has the value."""
        return self.size, self.most.get(value, 0)

    def may_be_told(self, *, k: int) -> bool:
        """Tell whether the list says nothing of 1 … k−1 people, neither of those outside it nor beside one value."""
        return self.hides_nobody(k=k) and self.leaves_enough(k=k)


def holds_inside(outer: Floors, inner: Floors, children: Mapping[str, set[str]], *, k: int) -> bool:
    """Tell whether no listed value of *outer* says that an unlisted one of *inner* inside it is somebody.

    Args:
        outer: A list such as browsers.
        inner: The list of the same line in which each value of *outer* is split, such as systems.
        children: What of *inner* each value of *outer* has.
        k: Fewest distinct visitors.
    """
    for value, floor in outer.listed(k=k).items():
        own = children.get(value, set())
        if OTHER in own:
            continue
        together = sum(inner.at_most(child, k=k) for child in own)
        unlisted = [inner.at_most(child, k=k) for child in own if inner.counts.get(child, 0) < k]
        if any(floor > together - most for most in unlisted):
            return False
    return True


def floor_cells(facts: Facts, told: Mapping[int, ToldSet], published: Published) -> list[Cell]:
    """Return the floors of goals and groups by what their visits say, and of pages by what was seen next."""
    cells = _next_cells(facts, published)
    by_kind: dict[Dimension, list[Dimension]] = {}
    for kind, other in facts.beside:
        if kind is not _D.PAGE and other in published.kept:
            by_kind.setdefault(kind, []).append(other)
    for kind, others in by_kind.items():
        numbers = [number for number, each in told.items() if each.one.dimension is kind]
        lists = {other: _lists(facts.beside[kind, other], other, numbers, told, published) for other in others}
        for number in numbers:
            own = {other: lists[other][number] for other in others}
            value = told[number].one.value
            for other in _publishable(own, number, facts, published):
                cells += _cells((kind, other), value, own[other], k=published.k)
    return cells


def _publishable(
    own: Mapping[Dimension, Floors], number: int, facts: Facts, published: Published
) -> Iterable[Dimension]:
    """Return the breakdowns of a set whose list may be published."""
    k = published.k
    fit = {other for other, floors in own.items() if floors.listed(k=k) and floors.may_be_told(k=k)}
    for (a, b), frame in facts.together.items():
        rows = frame.filter(pl.col("number") == number)
        pairs = (
            [(published.names[a].get(x, OTHER), published.names[b].get(y, OTHER)) for x, y in rows["a", "b"].rows()]
            if a in fit and b in fit
            else []
        )
        for outer, inner, order in ((a, b, 1), (b, a, -1)):
            if outer not in fit or inner not in fit:
                continue
            children: dict[str, set[str]] = {}
            for one, other in (pair[::order] for pair in pairs):
                children.setdefault(one, set()).add(other)
            if not holds_inside(own[outer], own[inner], children, k=k):
                fit.discard(inner)
    return [other for other in own if other in fit]


def _lists(
    frame: pl.DataFrame, other: Dimension, numbers: list[int], told: Mapping[int, ToldSet], published: Published
) -> dict[int, Floors]:
    """Return the list of each set by one breakdown, its values under the names that are published."""
    counts = _counted(frame, published.names[other])
    most, is_open = _most(other, published)
    return {number: Floors(told[number].visitors, counts.get(number, {}), most, is_open) for number in numbers}


def _counted(frame: pl.DataFrame, names: Mapping[str, str]) -> dict[Any, dict[str, int]]:
    """Count the distinct visitors of each line and published value."""
    named = frame.with_columns(pl.col("value").replace_strict(names, default=OTHER, return_dtype=pl.String))
    counted = named.unique().group_by("a", "value").len().filter(pl.col("value") != OTHER)
    lists: dict[Any, dict[str, int]] = {}
    for line, value, count in counted.iter_rows():
        lists.setdefault(line, {})[value] = count
    return lists


def _most(other: Dimension, published: Published) -> tuple[dict[str, int], bool]:
    """Return how many visitors each published value has, and whether anything is counted as `(other)`."""
    figures = published.figures[other]
    most = {name: _visitors(own) for name, own in figures.items() if name != OTHER}
    return most, OTHER in figures


def _visitors(own: measures.Figures | None) -> int:
    told = own[Measure.VISITORS] if own is not None else None
    return _PLENTY if told is None else told


def _next_cells(facts: Facts, published: Published) -> list[Cell]:
    """Return, per published page, at least how many of its visitors went on to which published page, or left."""
    pair, k = (_D.PAGE, _D.NEXT_PAGE), published.k
    frame, names = facts.beside.get(pair), published.names.get(_D.PAGE)
    if frame is None or names is None or _D.PAGE not in published.kept:
        return []
    line = pl.col("a").replace_strict(names, default=OTHER, return_dtype=pl.String)
    counts = _counted(frame.with_columns(line.alias("a")), {**names, EXIT: EXIT})
    figures = published.figures[_D.PAGE]
    most, is_open = _most(_D.PAGE, published)
    left = published.figures.get(_D.EXIT_PAGE) or {}
    lists = {
        page: Floors(
            visitors,
            counts.get(page, {}),
            most | {EXIT: _visitors(left.get(page))},
            is_open,
        )
        for page in sorted(most)
        if (visitors := figures[page][Measure.VISITORS]) is not None
    }
    if not is_open and not _came_from_somewhere(lists, published):
        return []
    shown = {page: floors for page, floors in lists.items() if floors.may_be_told(k=k)}
    return [cell for page, floors in shown.items() for cell in _cells(pair, page, floors, k=k)]


def _came_from_somewhere(lists: Mapping[str, Floors], published: Published) -> bool:
    """Tell whether each page's visitors can all have entered on it or come from pages that are listed."""
    entered = published.figures.get(_D.ENTRY_PAGE) or {}
    for page, own in lists.items():
        begun = _visitors(entered.get(page))
        if begun == _PLENTY:
            continue
        counts = {before: floors.counts.get(page, 0) for before, floors in lists.items()}
        most = {before: floors.size for before, floors in lists.items()}
        if not Floors(max(own.size - begun, 0), counts, most, is_open=False).hides_nobody(k=published.k):
            return False
    return True


def _cells(pair: Pair, line: str, floors: Floors, *, k: int) -> list[Cell]:
    return [
        Cell(
            dimension=pair[1],
            value=value,
            contributors=min(floor, 2 * k),
            visitors=floor,
            filter_dimension=pair[0],
            filter_value=line,
        )
        for value, floor in sorted(floors.listed(k=k).items())
    ]
