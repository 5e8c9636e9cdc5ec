"""Subtract goals, groups, steps and floors from what lies around them, as an outsider could.

A floor of 20 at k = 10 stands for 20 to 29 visitors, and a value that a list of floors does not name for fewer than
k; a list that names nothing tells nothing. What is known to be somebody, and to be fewer than k, is a leak.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from collector.audit.leak import Leak
from collector.audit.nature import NESTED, Possible
from collector.model import OTHER, Cell, Dimension

_D: Final = Dimension
SETS: Final = frozenset({_D.GOAL, _D.GROUP, _D.FUNNEL_STEP})
_EXACT: Final = ("visitors", "visits", "pageviews", "events")
_BETWEEN: Final = " · "
_NOT_FOUND: Final = "Not found · page="
_EXIT: Final = "(exit)"
#: More than any figure.
_PLENTY: Final = 1 << 40

Singles = Mapping[Dimension, Mapping[str, Cell]]
#: Floors by line (its dimension and value), dimension and value.
Lists = Mapping[tuple[Dimension, str], Mapping[Dimension, Mapping[str, int]]]


class Range(msgspec.Struct, frozen=True):
    """Hold between what an unknown number lies, both included."""

    least: int
    most: int


def set_leaks(cells: Sequence[Cell], singles: Singles, *, k: int, possible: Possible) -> Iterator[Leak]:
    """Return what can be derived of a day's sets and floors: how many people a difference stands for at most.

    Args:
        cells: Of one site, day and part.
        singles: Single breakdowns among them, by value.
        k: Fewest distinct visitors.
        possible: What can go together.
    """
    yield from _steps(singles)
    yield from _groups(singles, k=k)
    yield from _not_found(singles)
    lists = _lists(cells)
    for (kind, value), beside in lists.items():
        line = singles.get(kind, {}).get(value)
        size = line.visitors if line is not None and line.visitors is not None else None
        for dimension, floors in beside.items():
            most = _most(singles, dimension, value)
            yield from _around(floors, most, size, k=k, where=f"{kind}={value} by {dimension}")
            if size is not None:
                yield from _covered(floors, most, size, k=k, where=f"{kind}={value} by {dimension}")
        yield from _inside(beside, singles, value, k=k, possible=possible, where=f"{kind}={value}")
    yield from _came_from(lists, singles, k=k)


def count_sets(cells: Sequence[Cell]) -> tuple[int, int]:
    """Return how many figures of sets, and how many floors, are looked at."""
    sets = sum(cell.dimension in SETS for cell in cells)
    return sets, sum(_is_floor(cell) for cell in cells)


def _is_floor(cell: Cell) -> bool:
    return cell.filter_dimension in {_D.GOAL, _D.GROUP} or cell.dimension is _D.NEXT_PAGE


def _steps(singles: Singles) -> Iterator[Leak]:
    """Subtract each step of a funnel from every step before it."""
    funnels: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for value, cell in singles.get(_D.FUNNEL_STEP, {}).items():
        name, _, number = value.rpartition(_BETWEEN)
        if cell.visitors is not None:
            funnels[name].append((int(number), cell.visitors))
    for name, steps in funnels.items():
        told = [visitors for _, visitors in sorted(steps)]
        for before, earlier in enumerate(told):
            for later in told[before + 1 :]:
                yield Leak(earlier - later, "a step of a funnel minus a later one", name)


def _groups(singles: Singles, *, k: int) -> Iterator[Leak]:
    """Subtract pages, and groups below, from the group of pages that they lie in; and groups from `(other)`."""
    pages, groups = singles.get(_D.PAGE, {}), singles.get(_D.GROUP, {})
    for prefix, group in groups.items():
        inside = {name: cell for name, cell in pages.items() if f"{name}/" == prefix or name.startswith(prefix)}
        below = {name: cell for name, cell in groups.items() if name != prefix and name.startswith(prefix)}
        for measure in _EXACT:
            whole = getattr(group, measure)
            for name, cell in (*inside.items(), *below.items()):
                figure = getattr(cell, measure)
                if whole is not None and figure is not None:
                    yield Leak(whole - figure, "a group minus what lies in it", f"{prefix} {name} {measure}")
        told = [cell.pageviews for cell in inside.values()]
        if group.pageviews is None or None in told:
            continue
        hidden = group.pageviews - sum(views or 0 for views in told)
        yield Leak(hidden, "a group minus all of its pages", prefix)
        rest = pages.get(OTHER)
        if rest is not None and rest.pageviews is not None and 0 < hidden < rest.pageviews + k:
            yield Leak(max(rest.pageviews - hidden, 0), "other pages minus those of a group", prefix)


def _not_found(singles: Singles) -> Iterator[Leak]:
    """Subtract who found a page gone from who opened it."""
    pages = singles.get(_D.PAGE, {})
    for label, cell in singles.get(_D.PROPERTY, {}).items():
        page = pages.get(label.removeprefix(_NOT_FOUND)) if label.startswith(_NOT_FOUND) else None
        for measure in ("visitors", "events"):
            larger, smaller = (getattr(each, measure, None) for each in (page, cell))
            if larger is not None and smaller is not None:
                yield Leak(larger - smaller, "a page minus who found it gone", label)


def _lists(cells: Sequence[Cell]) -> Lists:
    lists: defaultdict[tuple[Dimension, str], dict[Dimension, dict[str, int]]] = defaultdict(dict)
    for cell in cells:
        if _is_floor(cell) and cell.visitors is not None and cell.filter_dimension is not None:
            line = lists[cell.filter_dimension, cell.filter_value].setdefault(cell.dimension, {})
            line[cell.value] = cell.visitors
    return lists


def _most(singles: Singles, dimension: Dimension, line: str) -> dict[str, int]:
    """Return what may be listed and how many visitors it has at most; `(other)` has whatever it has."""
    of = _D.PAGE if dimension is _D.NEXT_PAGE else dimension
    most = {name: _PLENTY if cell.visitors is None else cell.visitors for name, cell in singles.get(of, {}).items()}
    if OTHER in most:
        most[OTHER] = _PLENTY
    if dimension is _D.NEXT_PAGE:
        left = singles.get(_D.EXIT_PAGE, {}).get(line)
        most[_EXIT] = _PLENTY if left is None or left.visitors is None else left.visitors
    return most


def _range(value: str, floors: Mapping[str, int], most: Mapping[str, int], *, k: int, size: int = _PLENTY) -> Range:
    """Return how many visitors a value can have."""
    if value == OTHER:
        return Range(0, min(most.get(value, _PLENTY), size))
    floor = floors.get(value, 0)
    return Range(floor, min(floor + k - 1, most.get(value, _PLENTY), size))


def _around(
    floors: Mapping[str, int], most: Mapping[str, int], size: int | None, *, k: int, where: str
) -> Iterator[Leak]:
    """Subtract each listed value from its line, and from everybody who has it."""
    for value in floors:
        own = _range(value, floors, most, k=k)
        for whole in (size, most.get(value)):
            if whole is not None and whole < _PLENTY and whole - own.most > 0:
                yield Leak(whole - own.least, "a figure minus one told as at least", f"{where}: {value}")


def _covered(floors: Mapping[str, int], most: Mapping[str, int], size: int, *, k: int, where: str) -> Iterator[Leak]:
    """Ask of each value that is not listed whether all others leave it somebody: everybody has some value."""
    ranges = {value: _range(value, floors, most, k=k, size=size) for value in most}
    together = sum(each.most for each in ranges.values())
    for value, own in ranges.items():
        if value not in floors and size - (together - own.most) > 0:
            yield Leak(own.most, "a list that leaves out whom it must hold", f"{where}: {value}")


def _inside(
    beside: Mapping[Dimension, Mapping[str, int]],
    singles: Singles,
    line: str,
    *,
    k: int,
    possible: Possible,
    where: str,
) -> Iterator[Leak]:
    """Ask of each list whether what lies in a listed value of another can hold all of it without whom it leaves out."""
    for outer, inner in (*NESTED, *((b, a) for a, b in NESTED)):
        if outer not in beside or inner not in beside:
            continue
        most = _most(singles, inner, line)
        for value, floor in beside[outer].items():
            within = {
                each: _range(each, beside[inner], most, k=k) for each in most if possible(outer, value, inner, each)
            }
            together = sum(each.most for each in within.values())
            for each, own in within.items():
                if each not in beside[inner] and floor - (together - own.most) > 0:
                    yield Leak(own.most, "two lists of one set", f"{where}: {outer}={value} {inner}={each}")


def _came_from(lists: Lists, singles: Singles, *, k: int) -> Iterator[Leak]:
    """Ask whether a page's visitors all entered on it or came from pages that are listed before it."""
    pages, entered = singles.get(_D.PAGE, {}), singles.get(_D.ENTRY_PAGE, {})
    listed = {page: beside[_D.NEXT_PAGE] for (_, page), beside in lists.items() if _D.NEXT_PAGE in beside}
    if OTHER in pages or not listed:
        return
    for page, cell in pages.items():
        begun = entered.get(page)
        if cell.visitors is None or begun is None or begun.visitors is None:
            continue
        before = {
            other: _range(page, listed[other], {}, k=k, size=each.visitors or _PLENTY)
            if other in listed
            else Range(0, _PLENTY)
            for other, each in pages.items()
        }
        together = sum(each.most for each in before.values())
        for other, own in before.items():
            if page not in listed.get(other, {}) and cell.visitors - begun.visitors - (together - own.most) > 0:
                yield Leak(own.most, "a page minus its entries and whom came from elsewhere", f"{other} to {page}")
