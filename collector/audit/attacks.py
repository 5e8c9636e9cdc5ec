"""Play the outsider: derive from published figures whatever group can be derived, and say how small it is.

The outsider has every exit: all cells of one site, day and part. Nothing else is known to the attack, so it can be
run on an export as well as on a copy of the history.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Final

import msgspec

from collector.audit.tables import joint_ranges, ranges, tables
from collector.model import OTHER, Cell, Dimension

_D: Final = Dimension
_COUNTED: Final = ("pageviews", "visits", "visitors", "bounces", "events")
#: Breakdowns of part of what happens: their lines need not add up to the total.
_PARTIAL: Final = frozenset({_D.EVENT, _D.PROPERTY, _D.CAMPAIGN, _D.LANGUAGE, _D.VIEWPORT})
#: Breakdowns of which one visit may have several values.
_OVERLAPPING: Final = frozenset({_D.PAGE, _D.EVENT, _D.PROPERTY})


class Leak(msgspec.Struct, frozen=True, order=True):
    """Say that a group of 1 … k−1 can be derived.

    Attributes:
        size: How many at most.
        how: What was done.
        figures: What was subtracted from what; these may name small groups, so they are for tests, not for reports.
    """

    size: int
    how: str
    figures: str


class Attack(msgspec.Struct, frozen=True):
    """Hold what an attack on one day brought.

    Attributes:
        leaks: Every small group, the smallest first.
        smallest: The smallest group that any of the derived figures stands for; None where nothing is published.
        derived: How many figures were derived.
    """

    leaks: list[Leak]
    smallest: int | None
    derived: int


def attack(cells: list[Cell], *, k: int) -> Attack:
    """Derive all that can be derived from the *cells* of one site, day and part."""
    found = [leak for leak in _derived(cells, k=k) if leak.size > 0]
    leaks = sorted({leak for leak in found if leak.size < k})
    return Attack(leaks, min((leak.size for leak in found), default=None), len(found))


def _derived(cells: list[Cell], *, k: int) -> Iterator[Leak]:
    yield from _figures(cells)
    yield from _lines(cells)
    yield from _nested(cells)
    yield from _pairs(cells)
    yield from _tables(cells, k=k)


def _say(cell: Cell, measure: str) -> str:
    filtered = f"{cell.filter_dimension}={cell.filter_value} " if cell.filter_dimension else ""
    return f"{filtered}{cell.dimension}={cell.value} {measure}"


def _figures(cells: list[Cell]) -> Iterator[Leak]:
    """Read every figure, and the visits that were no bounces."""
    for cell in cells:
        for measure in _COUNTED:
            figure = getattr(cell, measure)
            if figure is not None:
                yield Leak(figure, "a figure", _say(cell, measure))
        if cell.visits is not None and cell.bounces is not None:
            yield Leak(cell.visits - cell.bounces, "visits minus bounces", _say(cell, "visits"))


def _singles(cells: list[Cell]) -> dict[Dimension, list[Cell]]:
    lines: dict[Dimension, list[Cell]] = {}
    for cell in cells:
        if cell.filter_dimension is None:
            lines.setdefault(cell.dimension, []).append(cell)
    return lines


def _lines(cells: list[Cell]) -> Iterator[Leak]:
    """Subtract each line, and all lines, from the total; count what lines of visitors share."""
    singles = _singles(cells)
    for total in singles.pop(_D.TOTAL, []):
        for (dimension, lines), measure in ((item, m) for item in singles.items() for m in _COUNTED):
            whole = getattr(total, measure)
            figures = [getattr(cell, measure) for cell in lines]
            if whole is None:
                continue
            for cell, figure in zip(lines, figures, strict=True):
                if figure is not None:
                    yield Leak(whole - figure, "the total minus a line", _say(cell, measure))
            left = whole - sum(figure for figure in figures if figure is not None)
            if measure == "visitors":
                if None not in figures and dimension not in _PARTIAL:
                    yield Leak(abs(left), "the lines against the total", f"{dimension} {measure}")
            elif dimension not in (_OVERLAPPING if measure == "visits" else ()):
                yield Leak(left, "the total minus all lines", f"{dimension} {measure}")


def _nested(cells: list[Cell]) -> Iterator[Leak]:
    """Subtract entries and exits from the page that they are on."""
    singles = _singles(cells)
    pages = {cell.value: cell for cell in singles.get(_D.PAGE, ()) if not cell.value.endswith("…")}
    for inner in (*singles.get(_D.ENTRY_PAGE, ()), *singles.get(_D.EXIT_PAGE, ())):
        outer = pages.get(inner.value) if inner.value != OTHER else None
        for measure in ("visits", "visitors") if outer else ():
            larger, smaller = getattr(outer, measure), getattr(inner, measure)
            if larger is not None and smaller is not None:
                yield Leak(larger - smaller, "a page minus its entries or exits", _say(inner, measure))


def _pairs(cells: list[Cell]) -> Iterator[Leak]:
    """Subtract each cell of a pair, and all visible ones, from the line they are in."""
    singles = {(c.dimension, c.value): c.pageviews for c in cells if c.filter_dimension is None}
    left: dict[tuple[Dimension, str, Dimension], int] = {}
    for cell in cells:
        if cell.filter_dimension is None or cell.pageviews is None:
            continue
        line = (cell.filter_dimension, cell.filter_value)
        whole = singles.get(line)
        if whole is not None:
            yield Leak(whole - cell.pageviews, "a line minus a cell", _say(cell, "pageviews"))
            key = (*line, cell.dimension)
            left[key] = left.get(key, whole) - (cell.pageviews if cell.value != OTHER else 0)
    for (dimension, value, other), rest in left.items():
        yield Leak(rest, "a line minus its visible cells", f"{dimension}={value} by {other}")


def _tables(cells: list[Cell], *, k: int) -> Iterator[Leak]:
    """Bound every folded cell, and each line without one of its folded cells, by all that is known of the tables."""
    made = tables(cells)
    for table in made:
        rows, columns = table.rest()
        for (row, column), (least, most) in ranges(table, k=k).items():
            where = f"{table.pair[0]}={row} {table.pair[1]}={column}"
            if least:
                yield Leak(most, "a folded cell, bounded", where)
            for how, rest in (("a row without a cell", rows[row]), ("a column without a cell", columns[column])):
                if rest > most:
                    yield Leak(rest - least, f"{how}, bounded", where)
    for three in combinations(made, 3):
        if len({dimension for table in three for dimension in table.pair}) == 3:  # noqa: PLR2004
            for (a, row, b, column), (least, most) in joint_ranges(list(three), k=k).items():
                if least:
                    yield Leak(most, "three tables together", f"{a}={row} {b}={column}")
