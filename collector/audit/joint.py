"""Everything that a day publishes of one measure as one system: what no two breakdowns give away, three may.

The unknowns are what somebody can be in all breakdowns at once: a page, a source, a browser, a system and so on, of
which only those stand here that can go together. Each published line and each visible cell of a pair is a sum of
unknowns. Linear programs bound any set of them; no number is below 0, and that is all they know.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.audit.nature import NESTED, PERSISTENT, Possible
from collector.linear import Common, Mask, Unknowns
from collector.model import OTHER, Cell, Dimension

#: Unknowns of a system at most; a larger one is set up with fewer breakdowns.
UNKNOWNS_MAX: Final = 2_500
#: Breakdowns of part of what happens: their lines need not add up to the total.
_PARTIAL: Final = frozenset({Dimension.LANGUAGE, Dimension.VIEWPORT, Dimension.CAMPAIGN})
#: Two breakdowns are held against each other elsewhere.
_THREE: Final = 3
#: Stands for what no line counts; it goes with everything.
_REST: Final = "(rest)"
_D: Final = Dimension
#: Values of breakdowns that a sum is over.
Where: TypeAlias = tuple[tuple[Dimension, str], ...]


class System(msgspec.Struct, frozen=True):
    """Hold what is published of one measure.

    Attributes:
        values: Of each breakdown what somebody can be in it; exactly one.
        sums: What is told: the number of those who are all that is named; nothing named is everybody.
        possible: What can go together.
        empty: Values of two breakdowns that nobody has together.
    """

    values: Mapping[Dimension, Sequence[str]]
    sums: Mapping[Where, int]
    possible: Possible
    empty: frozenset[Where] = frozenset()

    def only(self, kept: Sequence[Dimension]) -> "System":
        """Return what it says of some of its breakdowns."""
        values = {dimension: own for dimension, own in self.values.items() if dimension in kept}
        sums = {where: n for where, n in self.sums.items() if all(dimension in values for dimension, _ in where)}
        return System(values, sums, self.possible, self.empty)


def system_of(
    singles: Mapping[Dimension, Mapping[str, Cell]],
    pairs: Mapping[tuple[Dimension, str], Mapping[Dimension, Mapping[str, int]]],
    total: Cell | None,
    *,
    measure: str,
    possible: Possible,
) -> System | None:
    """Set up what a day tells of *measure*; None where fewer than three breakdowns have to do with each other.

    Args:
        singles: Cells of single breakdowns by value.
        pairs: Pageviews of pairs: by line, then by dimension and value.
        total: Of everybody.
        measure: One of what is counted; pairs tell pageviews only, other measures are held to what lies in what.
        possible: What can go together.
    """
    whole = getattr(total, measure, None)
    linked = {(a, b) for (a, _), beside in pairs.items() for b in beside} if measure == "pageviews" else set()
    known = {frozenset(pair) for pair in (*linked, *NESTED)}
    dimensions = {d for d in set().union(*known) if d in singles and (measure == "pageviews" or d in PERSISTENT)}
    if _D.CAMPAIGN in singles:
        # A campaign's mark makes the channel, whatever the source.
        dimensions.discard(_D.CHANNEL)
    if whole is None or len(dimensions) < _THREE:
        return None
    values, sums = {}, dict[Where, int]({(): whole})
    for dimension in sorted(dimensions):
        lines = {value: getattr(cell, measure) for value, cell in singles[dimension].items()}
        # A line that shows the whole may be another set's.
        told = {value: n for value, n in lines.items() if n is not None and (n != whole or len(lines) == 1)}
        is_all_told = told.keys() == lines.keys()
        is_short = sum(told.values()) < whole and (is_all_told or dimension in _PARTIAL)
        values[dimension] = [*lines, *([_REST] if is_short else [])]
        sums |= {((dimension, value),): n for value, n in told.items()}
    made = System(values, sums, lambda a, one, b, other: _REST in {one, other} or possible(a, one, b, other))
    return made if measure != "pageviews" else _with_pairs(made, pairs)


def _with_pairs(system: System, pairs: Mapping[tuple[Dimension, str], Mapping[Dimension, Mapping[str, int]]]) -> System:
    """Add what the cells of pairs tell; lines of which all is told hold nothing else."""
    sums, empty = dict(system.sums), set[Where]()
    for (a, one), beside in pairs.items():
        for b, cells in beside.items():
            if one not in system.values.get(a, ()) or b not in system.values:
                continue
            visible = {other: n for other, n in cells.items() if other != OTHER and other in system.values[b]}
            sums |= {_both((a, one), (b, other)): n for other, n in visible.items()}
            if sum(visible.values()) == system.sums.get(((a, one),)):
                empty |= {_both((a, one), (b, other)) for other in system.values[b] if other not in visible}
    return System(system.values, sums, system.possible, frozenset(empty))


def _both(one: tuple[Dimension, str], other: tuple[Dimension, str]) -> Where:
    return (min(one, other), max(one, other))


class Derived(msgspec.Struct, frozen=True):
    """Hold what a system gives away.

    Attributes:
        groups: How few and how many, and of whom, for each set that is known to hold 1 … k−1.
        programs: Linear programs that were solved.
        is_whole: Whether all breakdowns fitted into one system.
        is_decided: Whether no limit was reached on the way.
    """

    groups: list[tuple[int, int, str]]
    programs: int = 0
    is_whole: bool = True
    is_decided: bool = True


def derive(system: System, *, k: int) -> Derived:
    """Return the sets of 1 … *k*−1 that *system* gives away; where it is too large, what parts of it do."""
    groups: dict[str, tuple[int, int, str]] = {}
    programs, is_decided = 0, True
    parts = _parts(system)
    for part in parts:
        solved = _set_up(part, k=k)
        for least, most, common, _ in solved.small_sets():
            who = _name(part, common)
            groups[who] = (least, most, who)
        programs += solved.programs
        is_decided &= solved.is_decided
    return Derived(sorted(groups.values(), key=lambda one: one[1]), programs, len(parts) == 1, is_decided)


def _parts(system: System) -> list[System]:
    """Return the system, or smaller ones in which each breakdown stands with as many others as fit."""
    if _count(system) <= UNKNOWNS_MAX:
        return [system]
    order = sorted(system.values, key=lambda dimension: len(system.values[dimension]))
    made: list[frozenset[Dimension]] = []
    for first in order:
        kept = [first]
        for other in order:
            if other is not first and _count(system.only([*kept, other])) <= UNKNOWNS_MAX:
                kept.append(other)
        made.append(frozenset(kept))
    largest = [one for one in dict.fromkeys(made) if not any(one < other for other in made)]
    return [system.only(sorted(one)) for one in largest]


def _count(system: System) -> int:
    return len(_unknowns(system)[0])


def _unknowns(system: System) -> tuple[NDArray[np.int64], list[Dimension]]:
    """Return every combination of values that can go together, one a row; stops growing beyond the limit."""
    dimensions = sorted(system.values, key=lambda dimension: len(system.values[dimension]))
    rows = np.zeros((1, 0), dtype=np.int64)
    for n, dimension in enumerate(dimensions):
        size = len(system.values[dimension])
        rows = np.c_[np.repeat(rows, size, axis=0), np.tile(np.arange(size), len(rows))]
        for m in range(n):
            rows = rows[_together(system, dimensions[m], dimension)[rows[:, m], rows[:, n]]]
        if len(rows) > UNKNOWNS_MAX * max(1, len(dimensions) - n):
            break
    return rows, dimensions


def _together(system: System, a: Dimension, b: Dimension) -> Mask:
    """Return which values of two breakdowns can go together."""
    return np.array(
        [
            [
                system.possible(a, one, b, other) and _both((a, one), (b, other)) not in system.empty
                for other in system.values[b]
            ]
            for one in system.values[a]
        ],
        dtype=np.bool_,
    ).reshape(len(system.values[a]), len(system.values[b]))


def _set_up(system: System, *, k: int) -> Unknowns:
    rows, dimensions = _unknowns(system)
    numbers = {d: {value: n for n, value in enumerate(own)} for d, own in system.values.items()}
    sums = []
    for where in system.sums:
        chosen = np.ones(len(rows), dtype=np.bool_)
        for dimension, value in where:
            chosen &= rows[:, dimensions.index(dimension)] == numbers[dimension][value]
        sums.append(chosen)
    return Unknowns(rows, sums, list(system.sums.values()), k=k)


def _name(system: System, common: Common) -> str:
    dimensions = _unknowns(system)[1]
    return " × ".join(f"{dimensions[n]}={system.values[dimensions[n]][value]}" for n, value in common)
