"""Play the outsider: derive from published figures whatever group can be derived, and say how small it is.

The outsider has every exit: all cells of one site, day and part, and what everybody knows of browsers and channels.
Nothing else is known to the attack, so it can be run on an export as well as on a copy of the history.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

import msgspec

from collector.audit.joint import derive, system_of
from collector.audit.leak import Leak
from collector.audit.nature import NESTED, PERSISTENT, Possible, is_possible
from collector.audit.set_attacks import SETS, count_sets, set_leaks
from collector.audit.tables import Table, empty_cells, small_groups
from collector.model import OTHER, Cell, Dimension

_D: Final = Dimension
_COUNTED: Final = ("pageviews", "visits", "visitors", "bounces", "events")
#: Breakdowns of part of what happens: their lines need not add up to the total.
_PARTIAL: Final = frozenset({_D.EVENT, _D.PROPERTY, _D.CAMPAIGN, _D.LANGUAGE, _D.VIEWPORT})
#: Breakdowns of which one visit may have several values.
_OVERLAPPING: Final = frozenset({_D.PAGE, _D.EVENT, _D.PROPERTY})
_ENDS: Final = (_D.ENTRY_PAGE, _D.EXIT_PAGE)
#: What no published line says anything of: the total minus all of them.
REST: Final = "(rest)"
#: Stands for a total that is withheld: more than any figure.
_PLENTY: Final = 1 << 24

Lines = Mapping[Dimension, Mapping[str, Cell]]
Sums = dict[str, int]


class Attack(msgspec.Struct, frozen=True):
    """Hold what an attack on one day brought.

    Attributes:
        leaks: Every small group, the smallest first.
        smallest: The smallest group that any of the derived figures stands for; None where nothing is published.
        derived: How many figures were derived.
        tables: How many pairs of breakdowns were bounded by flows.
        programs: How many linear programs over all breakdowns at once were solved.
        too_large: How many systems had to be set up with fewer breakdowns at a time.
        undecided: How many reached the limit of programs.
        sets: How many figures of goals, groups and steps were subtracted.
        floors: How many figures that are told as at least.
    """

    leaks: list[Leak]
    smallest: int | None
    derived: int
    tables: int = 0
    programs: int = 0
    too_large: int = 0
    undecided: int = 0
    sets: int = 0
    floors: int = 0


class Day(msgspec.Struct):
    """Hold what is published of a part of a day, sorted for the attack.

    Attributes:
        k: In force on the day.
        singles: Cells of single breakdowns by dimension and value, without the total.
        pairs: Pageviews of pairs: by dimension and value of the line, then by dimension and value of the cell.
        total: The total's cell; None where there is none.
        possible: What can go together.
        tables: How many tables were bounded so far.
        programs: How many linear programs were solved so far.
        too_large: How many systems did not fit as a whole.
        undecided: How many systems reached the limit of programs.
    """

    k: int
    singles: dict[Dimension, dict[str, Cell]]
    pairs: dict[tuple[Dimension, str], dict[Dimension, Sums]]
    total: Cell | None
    possible: Possible
    tables: int = 0
    programs: int = 0
    too_large: int = 0
    undecided: int = 0

    @classmethod
    def of(cls, cells: list[Cell], *, k: int, possible: Possible) -> "Day":
        """Sort *cells*."""
        singles: defaultdict[Dimension, dict[str, Cell]] = defaultdict(dict)
        pairs: defaultdict[tuple[Dimension, str], dict[Dimension, Sums]] = defaultdict(dict)
        for cell in cells:
            if cell.filter_dimension is None:
                singles[cell.dimension][cell.value] = cell
            elif cell.pageviews is not None:
                line = pairs[cell.filter_dimension, cell.filter_value].setdefault(cell.dimension, {})
                line[cell.value] = cell.pageviews
        total = next(iter(singles.pop(_D.TOTAL, {}).values()), None)
        return cls(k, dict(singles), dict(pairs), total, possible)

    def kept_pairs(self) -> list[tuple[Dimension, Dimension]]:
        """Return the pairs that have cells, each once."""
        return sorted({(a, b) for (a, _), beside in self.pairs.items() for b in beside if a < b})

    def bound(self, table: Table | None, how: str, where: str) -> Iterator[Leak]:
        """Find what flows allow to say of one table."""
        if table is None:
            return
        self.tables += 1
        for group in small_groups(table, k=self.k):
            yield Leak(group.most, how, f"{where}: {', '.join(map(' × '.join, group.cells))}")


def attack(cells: list[Cell], *, k: int, possible: Possible = is_possible) -> Attack:
    """Derive all that can be derived from the *cells* of one site, day and part.

    Args:
        cells: All of them.
        k: Fewest distinct visitors of a group.
        possible: What the outsider knows of what goes together.
    """
    day = Day.of(cells, k=k, possible=possible)
    found = [leak for leak in _derived(day, cells) if leak.size > 0]
    leaks = sorted({leak for leak in found if leak.size < k})
    return Attack(
        leaks,
        min((leak.size for leak in found), default=None),
        len(found),
        day.tables,
        day.programs,
        day.too_large,
        day.undecided,
        *count_sets(cells),
    )


def _derived(day: Day, cells: list[Cell]) -> Iterator[Leak]:
    yield from _figures(cells)
    yield from _lines(day)
    yield from _inside(day)
    yield from _shared(day)
    yield from _properties(day)
    yield from _pairs(day)
    yield from _tables(day)
    yield from _jointly(day)
    yield from set_leaks(cells, day.singles, k=day.k, possible=day.possible)


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


def _lines(day: Day) -> Iterator[Leak]:
    """Subtract each line, and all lines, from the total; count what lines of visitors share."""
    for (dimension, lines), measure in ((item, m) for item in day.singles.items() for m in _COUNTED):
        whole = getattr(day.total, measure, None)
        figures = [getattr(cell, measure) for cell in lines.values()]
        # Visitors of hours are multiples of k: what the total has beyond them is uncertain by as much.
        if whole is None or (dimension is _D.HOUR and measure == "visitors"):
            continue
        for cell, figure in zip(lines.values(), figures, strict=True):
            if figure is not None:
                yield Leak(whole - figure, "the total minus a line", _say(cell, measure))
        if dimension in SETS:
            # They overlap as they like; `set_attacks` subtracts them.
            continue
        left = whole - sum(figure for figure in figures if figure is not None)
        if measure == "visitors":
            if None not in figures and dimension not in _PARTIAL:
                yield Leak(abs(left), "the lines against the total", f"{dimension} {measure}")
        elif dimension not in (_OVERLAPPING if measure == "visits" else ()):
            yield Leak(left, "the total minus all lines", f"{dimension} {measure}")


def _inside(day: Day) -> Iterator[Leak]:
    """Subtract entries and exits from the page that they are on, and a page's bounces from its entries and exits."""
    pages = {value: cell for value, cell in day.singles.get(_D.PAGE, {}).items() if not value.endswith("…")}
    for inner in (cell for end in _ENDS for cell in day.singles.get(end, {}).values()):
        outer = pages.get(inner.value) if inner.value != OTHER else None
        if outer is None:
            continue
        for measure in ("visits", "visitors"):
            larger, smaller = getattr(outer, measure), getattr(inner, measure)
            if larger is not None and smaller is not None:
                yield Leak(larger - smaller, "a page minus its entries or exits", _say(inner, measure))
        # Who bounced entered and left on the one page that was seen, so all three lines have the same bounces.
        if inner.visits is not None and outer.bounces is not None:
            yield Leak(inner.visits - outer.bounces, "entries or exits minus the page's bounces", _say(inner, "visits"))


def _shared(day: Day) -> Iterator[Leak]:
    """Count the visitors whom the sources of one channel share."""
    sources, channels = day.singles.get(_D.SOURCE, {}), day.singles.get(_D.CHANNEL, {})
    if OTHER in sources or _D.CAMPAIGN in day.singles:
        return
    for name, channel in channels.items():
        inner = [cell for value, cell in sources.items() if day.possible(_D.SOURCE, value, _D.CHANNEL, name)]
        elsewhere = {c for c in channels if c != name for s in inner if day.possible(_D.SOURCE, s.value, _D.CHANNEL, c)}
        visitors = [cell.visitors for cell in inner if cell.visitors is not None]
        if name != OTHER and not elsewhere and len(inner) == len(visitors) and channel.visitors is not None:
            yield Leak(sum(visitors) - channel.visitors, "sources of one channel against it", _say(channel, "visitors"))


def _properties(day: Day) -> Iterator[Leak]:
    """Subtract the values of a property from the event that they are told of."""
    told: defaultdict[tuple[str, str], int] = defaultdict(int)
    for value, cell in day.singles.get(_D.PROPERTY, {}).items():
        event, separator, stated = value.partition(" · ")
        if separator and cell.events is not None and event in day.singles.get(_D.EVENT, {}):
            told[event, stated.partition("=")[0]] += cell.events
    for (event, key), events in told.items():
        whole = day.singles[_D.EVENT][event].events
        if whole is not None:
            yield Leak(whole - events, "an event minus the values of a property", f"{event} {key}")


def _pairs(day: Day) -> Iterator[Leak]:
    """Subtract each cell of a pair, and all visible ones, from the line they are in."""
    for (dimension, value), beside in day.pairs.items():
        line = day.singles.get(dimension, {}).get(value)
        whole = line.pageviews if line else None
        if whole is None:
            continue
        for other, sums in beside.items():
            for name, pageviews in sums.items():
                yield Leak(whole - pageviews, "a line minus a cell", f"{dimension}={value} {other}={name}")
            rest = whole - sum(pageviews for name, pageviews in sums.items() if name != OTHER)
            yield Leak(rest, "a line minus its visible cells", f"{dimension}={value} by {other}")


def _tables(day: Day) -> Iterator[Leak]:
    """Bound what is folded between two breakdowns: kept pairs, lists that nest, lines of two pairs, and bounces."""
    empty: dict[tuple[Dimension, Dimension], frozenset[tuple[str, str]]] = {}
    for a, b in day.kept_pairs():
        table = _pair_table(day, a, b)
        yield from day.bound(table, "a folded cell, bounded", f"{a} × {b}")
        if table:
            empty[a, b] = empty_cells(table)
    for a, b in dict.fromkeys((*NESTED, *empty)):
        measures = _COUNTED if a in PERSISTENT and b in PERSISTENT else ("pageviews", "visits", "bounces", "events")
        for measure in measures if _D.PAGE not in {a, b} else ("bounces", "events"):
            table = _single_table(day, a, b, measure, empty=empty)
            yield from day.bound(table, f"lines of two breakdowns, {measure}", f"{a} × {b}")
    for (dimension, value), beside in day.pairs.items():
        line = day.singles.get(dimension, {}).get(value)
        for a, b in combinations(sorted(beside), 2):
            if line and line.pageviews and ((a, b) in NESTED or (b, a) in NESTED or (a, b) in empty):
                # What is folded in this line may well be shown elsewhere.
                folded = (day.singles.get(a, {}).keys() - beside[a], day.singles.get(b, {}).keys() - beside[b])
                table = _table_of(
                    day, a, beside[a], b, beside[b], whole=line.pageviews, empty=empty, hidden=folded, is_line=True
                )
                yield from day.bound(table, "two pairs of one line", f"{dimension}={value}: {a} × {b}")
    for a, b in combinations((_D.PAGE, *_ENDS), 2):
        yield from day.bound(_single_table(day, a, b, "bounces", empty={}), "bounces of pages", f"{a} × {b}")


def _jointly(day: Day) -> Iterator[Leak]:
    """Bound what all breakdowns and pairs tell at once."""
    for measure in _COUNTED:
        system = system_of(day.singles, day.pairs, day.total, measure=measure, possible=day.possible)
        if system is None:
            continue
        found = derive(system, k=day.k)
        day.programs += found.programs
        day.too_large += not found.is_whole
        day.undecided += not found.is_decided
        for _, most, who in found.groups:
            yield Leak(most, f"all breakdowns at once, {measure}", who)


def _sums(lines: Mapping[str, Cell], measure: str, whole: int) -> Sums:
    """Return the figures of lines; one that shows the whole may be another set's, and is held unknown."""
    figures = {value: getattr(cell, measure) for value, cell in lines.items()}
    return {v: n for v, n in figures.items() if n is not None and (n != whole or len(lines) == 1)}


def _single_table(
    day: Day,
    a: Dimension,
    b: Dimension,
    measure: str,
    *,
    empty: Mapping[tuple[Dimension, Dimension], frozenset[tuple[str, str]]],
) -> Table | None:
    """Set two single breakdowns against each other in one measure."""
    if _D.CAMPAIGN in day.singles and _D.CHANNEL in {a, b}:
        return None
    rows, columns = (day.singles.get(dimension, {}) for dimension in (a, b))
    whole = getattr(day.total, measure, None)
    if not rows or not columns or whole == 0:
        return None
    sums = [_sums(lines, measure, _PLENTY if whole is None else whole) for lines in (rows, columns)]
    if whole is None:
        whole = max(sum(side.values()) for side in sums) + _PLENTY
    hidden = (rows.keys() - sums[0].keys(), columns.keys() - sums[1].keys())
    return _table_of(day, a, sums[0], b, sums[1], whole=whole, empty=empty, hidden=hidden)


def _table_of(
    day: Day,
    a: Dimension,
    rows: Mapping[str, int],
    b: Dimension,
    columns: Mapping[str, int],
    *,
    whole: int,
    empty: Mapping[tuple[Dimension, Dimension], frozenset[tuple[str, str]]],
    hidden: tuple[set[str], set[str]] = (set(), set()),
    is_line: bool = False,
) -> Table | None:
    """Set two sides of one sum against each other; what is told of neither stands in a line of its own.

    *hidden* are the values that are told of neither side; in a pair's line (*is_line*) its `(other)` counts them.
    """
    sides: list[dict[str, int]] = []
    for own in (rows, columns):
        left = whole - sum(own.values())
        if left < 0:
            return None
        sides.append({**own, REST: left} if left else dict(own))

    def behind(name: str, dimension: Dimension, withheld: set[str]) -> set[str]:
        """Return the values that a line may count."""
        if is_line and name in {OTHER, REST}:
            return withheld | {OTHER}
        return {name} if name != REST else (withheld if withheld and dimension not in _PARTIAL else {OTHER})

    known = empty.get((a, b)) or frozenset((row, column) for column, row in empty.get((b, a), ()))
    never = {
        (row, column)
        for row in sides[0]
        for column in sides[1]
        if not any(
            _fits(day, a, one, b, other) and (one, other) not in known
            for one in behind(row, a, hidden[0])
            for other in behind(column, b, hidden[1])
        )
    }
    return Table(sides[0], sides[1], empty=frozenset(never))


def _fits(day: Day, a: Dimension, one: str, b: Dimension, other: str) -> bool:
    if {a, b} <= {_D.PAGE, *_ENDS}:
        return _same_page(day, a, one, b, other)
    return day.possible(a, one, b, other)


def _same_page(day: Day, a: Dimension, one: str, b: Dimension, other: str) -> bool:
    """Tell whether one line's page can be the other's: the same name, or a roll-up of a name that is not shown."""
    if one == other:
        return True
    for name, roll_up, beside in ((one, other, b), (other, one, a)):
        section = roll_up.endswith("…") and name.startswith(roll_up[:-1])
        if (roll_up == OTHER or section) and name not in day.singles.get(beside, {}):
            return True
    return False


def _pair_table(day: Day, a: Dimension, b: Dimension) -> Table | None:
    """Set up a pair's table: sums of its lines, and the cells that are published."""
    whole = day.total.pageviews if day.total else None
    sides = []
    for dimension in (a, b):
        lines = day.singles.get(dimension, {})
        own = {value: cell.pageviews for value, cell in lines.items() if cell.pageviews is not None}
        if whole is None or (left := whole - sum(own.values())) < 0:
            return None
        sides.append(own | {REST: left} if left else own)
    visible = {
        (row, column): pageviews
        for row in sides[0]
        for column, pageviews in day.pairs.get((a, row), {}).get(b, {}).items()
        if column != OTHER and column in sides[1]
    }
    return Table(sides[0], sides[1], visible)
