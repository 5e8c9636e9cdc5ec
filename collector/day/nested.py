"""Fold lines that another breakdown's lines would give away: Safari minus iOS is whoever has Safari on a Mac.

Source: docs/decisions/0004-small-groups.md
"""

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final, TypeAlias

import numpy as np
import polars as pl

from collector.day.facts import Facts
from collector.day.lines import Flags, Ints, Lines, People, among, starts_of
from collector.day.nets import Cut, Net
from collector.model import OTHER, Dimension

_D: Final = Dimension
#: Breakdowns of which one's values lie inside another's by nature, whether or not the pair is kept.
NESTED: Final = (
    *combinations((_D.BROWSER, _D.BROWSER_MAJOR, _D.OS, _D.DEVICE, _D.VIEWPORT), 2),
    *combinations((_D.SOURCE, _D.CHANNEL, _D.CAMPAIGN), 2),
)
_PERSISTENT: Final = frozenset({_D.BROWSER, _D.BROWSER_MAJOR, _D.OS, _D.DEVICE, _D.VIEWPORT})
Pair: TypeAlias = tuple[Dimension, Dimension]
#: Under which name each value of a breakdown is counted.
Names: TypeAlias = dict[str, str]
#: Who is in which folded cell: person, row, column.
Table: TypeAlias = tuple[Ints, Ints, Ints]


def fold_nested(
    raw: Mapping[Dimension, Lines],
    names: Mapping[Dimension, Names],
    facts: Facts,
    people: People,
    *,
    pairs: tuple[Pair, ...],
    k: int,
) -> dict[Dimension, Names]:
    """Fold names until no rows of one breakdown minus lines of another leave 1 … k−1 people.

    Every pair that is kept is tested as well as those that nest by nature: whoever holds a pair's table can see which
    of its cells hold nobody, and with them what lies inside what.

    Args:
        raw: Breakdowns before any folding.
        names: Under which name each of their values is counted so far.
        facts: Where the joint tables of pairs are.
        people: Everybody of the part.
        pairs: Pairs of dimensions that are kept.
        k: Fewest distinct people of a difference.

    Returns:
        *names* with further values in `(other)`.
    """
    labels = {dimension: sorted({*by_value.values()}) for dimension, by_value in names.items()}
    lines = {dimension: raw[dimension].renamed(by_value, people) for dimension, by_value in names.items()}
    now = {dimension: list(own) for dimension, own in labels.items()}
    tables = [
        (pair, Net.of(*cells, sides=(len(labels[pair[0]]), len(labels[pair[1]]))))
        for pair, cells in _tables(lines, names, labels, facts, people, pairs)
    ]
    for pair, net in tables:
        while (cut := net.weakest(k=k)) is not None:
            choice = _fewest(pair, cut, now, lines)
            if choice is None:
                # Fewer than k people made all of it: then the total itself is withheld, and every line with it.
                break
            dimension, folded = choice
            now[dimension] = [OTHER if name in folded else name for name in now[dimension]]
            for (rows, columns), each in tables:
                if dimension is rows:
                    each.join_rows(_numbers(now[dimension], OTHER))
                if dimension is columns:
                    each.join_columns(_numbers(now[dimension], OTHER))
    renamed = {dimension: dict(zip(own, now[dimension], strict=True)) for dimension, own in labels.items()}
    return {d: {value: renamed[d][name] for value, name in by_value.items()} for d, by_value in names.items()}


def table(
    frame: pl.DataFrame, names: tuple[Names, Names], labels: tuple[list[str], list[str]], people: People
) -> Table:
    """Return who is in which cell of a kept pair: visitor, row and column by number.

    Args:
        frame: Columns: visitor u64, a str, b str.
        names: Under which name each value is counted; every value has one.
        labels: The names in the order of their numbers.
        people: Everybody of the part.
    """
    ends = []
    for column, by_value, own in zip(("a", "b"), names, labels, strict=True):
        numbers = {name: number for number, name in enumerate(own)}
        codes = {value: numbers[name] for value, name in by_value.items()}
        ends.append(
            frame[column].replace_strict(codes, default=numbers.get(OTHER, 0), return_dtype=pl.Int64).to_numpy()
        )
    return people.numbers(frame["visitor"]), ends[0], ends[1]


def _tables(
    lines: Mapping[Dimension, Lines],
    names: Mapping[Dimension, Names],
    labels: Mapping[Dimension, list[str]],
    facts: Facts,
    people: People,
    pairs: tuple[Pair, ...],
) -> Iterator[tuple[Pair, Table]]:
    for pair in dict.fromkeys((*NESTED, *pairs)):
        a, b = pair
        if a not in lines or b not in lines:
            continue
        if pair in facts.nested:
            yield pair, table(facts.nested[pair], (names[a], names[b]), (labels[a], labels[b]), people)
            continue
        if pair in facts.pairs:
            frame = facts.pairs[pair].filter(pl.col("pageviews") > 0)
            yield pair, table(frame, (names[a], names[b]), (labels[a], labels[b]), people)
        # A browser stays what it is, so its joint table is exact without pageviews too, and holds everybody.
        if pair not in facts.pairs or _PERSISTENT.issuperset(pair):
            yield pair, joined((lines[a].person, lines[a].line), (lines[b].person, lines[b].line))


def joined(a: tuple[Ints, Ints], b: tuple[Ints, Ints]) -> Table:
    """Join two breakdowns per visitor; whose values are several in both, by what goes together in others.

    Args:
        a: Numbers of visitors and of their lines in one breakdown, a row per visitor and line.
        b: The same of another.
    """
    ours, theirs = np.argsort(a[0], kind="stable"), np.argsort(b[0], kind="stable")
    who, others = a[0][ours], b[0][theirs]
    first, last = np.searchsorted(others, who), np.searchsorted(others, who, side="right")
    counts = last - first
    mine = np.repeat(np.arange(len(who)), counts)
    place = np.arange(len(mine)) - np.repeat(np.cumsum(counts) - counts, counts) + first[mine]
    person, row, column = who[mine], a[1][ours[mine]], b[1][theirs[place]]
    starts = starts_of(who)
    several = np.repeat(np.diff(starts, append=len(who)), np.diff(starts, append=len(who))) > 1
    unclear = np.flatnonzero((several & (counts > 1))[mine])
    if not len(unclear):
        return person, row, column
    keys = row * (int(column.max()) + 1) + column
    is_clear = np.ones(len(person), dtype=np.bool_)
    is_clear[unclear] = False
    chosen = unclear[among(keys[unclear], keys[is_clear])]
    # What others have together tells of some lines only; whoever has more lines has them with each other.
    for both in (True, False):
        is_clear[chosen] = True
        lacks = [_lacking(person, each, unclear, is_clear) for each in (row, column)]
        chosen = unclear[lacks[0] & lacks[1] if both else lacks[0] | lacks[1]]
    is_clear[chosen] = True
    return person[is_clear], row[is_clear], column[is_clear]


def _lacking(person: Ints, line: Ints, unclear: Ints, is_clear: Flags) -> Flags:
    """Say of each *unclear* row whether its visitor's line stands in no row that is clear."""
    keys = person * (int(line.max()) + 1) + line
    return ~among(keys[unclear], keys[is_clear])


def _fewest(
    pair: Pair, cut: Cut, now: Mapping[Dimension, list[str]], lines: Mapping[Dimension, Lines]
) -> tuple[Dimension, set[str]] | None:
    """Choose the names of fewest visitors that spoil the difference when they are folded; None where it is all."""
    choices = []
    for dimension, side in zip(pair, (cut.rows, cut.columns), strict=True):
        visitors = dict(zip(lines[dimension].names, lines[dimension].visitors.tolist(), strict=True))
        sides = dict(zip(now[dimension], side.tolist(), strict=True))
        shown = sorted(sides.keys() - {OTHER}, key=lambda name: (visitors[name], name))
        # Folding spoils the difference only if it joins a line of it with one that is not.
        wanted = {not sides[OTHER]} if OTHER in sides else {True, False}
        firsts = [next((name for name in shown if sides[name] is each), None) for each in wanted]
        folded = {name for name in firsts if name is not None}
        if len(folded) == len(wanted):
            choices.append((sum(visitors[name] for name in folded), dimension, folded))
    return min(choices, key=lambda choice: choice[0])[1:] if choices else None


def _numbers(names: list[str], name: str) -> Ints:
    return np.array([number for number, each in enumerate(names) if each == name], dtype=np.int64)
