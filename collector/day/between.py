"""Withhold figures that two breakdowns give away: a channel's events minus those of one of its sources.

Lines of two breakdowns may differ by k people of whom only a few did what a measure counts. The cut test of `nets` is
made here once more for each such measure, on those who did it, between the lines whose figure is published.

Source: docs/decisions/0004-small-groups.md
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Final, TypeAlias

import msgspec
import numpy as np

from collector.day.facts import MEASURES
from collector.day.lines import VISITS, Flags, Ints, Lines, among
from collector.day.measures import Figures
from collector.day.nested import NESTED, Pair, Table, joined
from collector.day.nets import Net, spoiling
from collector.model import OTHER, Dimension, Measure

_D: Final = Dimension
_BOUNCES: Final = MEASURES.index("bounces")
#: Measures that not everybody adds to.
_JUDGED: Final = ("bounces", "seconds", "events")
_ENDS: Final = (_D.ENTRY_PAGE, _D.EXIT_PAGE)
_BY_LINE: TypeAlias = Mapping[Dimension, Mapping[str, Figures]]


class _Part(msgspec.Struct):
    """Hold one breakdown's rows of one measure, and which of its lines show it.

    Attributes:
        lines: The breakdown.
        person: Number of each visitor who did it, one row per visitor and line.
        line: Number of the line.
        shown: Of each line, whether its own figure is published.
    """

    lines: Lines
    person: Ints
    line: Ints
    shown: Flags

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Part sealed>"

    def withheld(self) -> Ints:
        """Return the lines that do not show the measure."""
        return np.flatnonzero(~self.shown)


def hold_between(
    kept: Mapping[Dimension, Lines],
    figures: _BY_LINE,
    *,
    pairs: tuple[Pair, ...],
    together: Callable[[Pair], Table | None],
    k: int,
) -> None:
    """Withhold bounces, seconds and events until no difference of two breakdowns' lines stands for 1 … k−1 people.

    Args:
        kept: Breakdowns as they are published.
        figures: Their figures; changed here.
        pairs: Pairs of dimensions that are kept.
        together: Tells who has which lines of two breakdowns together, where that was counted.
        k: Fewest distinct people who did what a difference counts.
    """
    known = {pair: together(pair) for pair in (*NESTED, *pairs)}
    tested = [pair for pair in dict.fromkeys((*NESTED, *pairs)) if pair[0] in kept and pair[1] in kept]
    pages = [dimension for dimension in (_D.PAGE, *_ENDS) if dimension in kept]
    for measure, by_stayers in (*((measure, False) for measure in _JUDGED), ("bounces", True)):
        parts = {d: _part(kept[d], figures[d], measure, k=k, by_stayers=by_stayers) for d in kept}
        # Who bounced saw one page, which is the entry and the exit too; who stayed saw several.
        both = [*tested, *combinations(pages, 2)] if measure == "bounces" and not by_stayers else tested
        both = [pair for pair in both if not (by_stayers and _D.PAGE in pair)]
        nets = [(pair, _net(parts[pair[0]], parts[pair[1]], known.get(pair))) for pair in both]
        for dimension, names in _withheld(nets, parts, k=k):
            for name in names:
                figures[dimension][name][measure] = None


def hold_bounces(kept: Mapping[Dimension, Lines], figures: _BY_LINE, *, k: int) -> None:
    """Withhold a page's bounces where its entries or exits minus them are 1 … k−1 people who did not bounce.

    Whoever bounced entered and left on the one page they saw, so lines of one page have the same bounces in all three
    breakdowns, while their visits differ. Changes *figures*.
    """
    if _D.PAGE not in kept:
        return
    for end in (end for end in _ENDS if end in kept):
        lines = kept[end]
        stayed = lines.amounts[:, VISITS] > lines.amounts[:, _BOUNCES]
        bounced = lines.amounts[:, _BOUNCES] > 0
        told = [name for name in lines.names if _tells_bounces(name, kept, figures, k=k)]
        numbers = {name: number for number, name in enumerate(lines.names)}
        visitors = lines.visitors.tolist()
        order = sorted(told, key=lambda name: (visitors[numbers[name]], name))
        for name in list(order):
            rows = lines.rows(numbers[name])
            if 0 < int(stayed[rows].sum()) < k:
                _forget_bounces(name, figures)
                order.remove(name)
        while order and _is_few_left(lines, stayed, order, k=k) | _is_few_left(lines, bounced, order, k=k):
            _forget_bounces(order.pop(0), figures)


def _is_few_left(lines: Lines, did: Flags, told: list[str], *, k: int) -> bool:
    """Tell whether 1 … k−1 of those who *did* it stand in lines that are not told."""
    shown = set(told)
    hidden = np.array([name not in shown for name in lines.names], dtype=np.bool_)
    return 0 < len(np.unique(lines.person[did & hidden[lines.line]])) < k


def _tells_bounces(name: str, kept: Mapping[Dimension, Lines], figures: _BY_LINE, *, k: int) -> bool:
    """Tell whether a page's bounces are published in any of its lines."""
    if name == OTHER or name.endswith("…"):
        return False
    return any(
        name in figures[d] and bool(_shown(figures[d][name], "bounces", k=k)) for d in (_D.PAGE, *_ENDS) if d in kept
    )


def _forget_bounces(name: str, figures: _BY_LINE) -> None:
    for dimension in (_D.PAGE, *_ENDS):
        if name in figures.get(dimension, {}):
            figures[dimension][name]["bounces"] = None


def _shown(own: Figures, measure: str, *, k: int) -> bool:
    """Tell whether a figure reaches the cell: bounces and seconds do from 2k visitors."""
    return own[measure] is not None and (measure == "events" or (own[Measure.VISITORS] or 0) >= 2 * k)


def _part(lines: Lines, figures: Mapping[str, Figures], measure: str, *, k: int, by_stayers: bool) -> _Part:
    m = MEASURES.index(measure)
    amounts = lines.amounts[:, VISITS] - lines.amounts[:, m] if by_stayers else lines.amounts[:, m]
    did = amounts > 0
    own = np.bincount(lines.line, weights=lines.amounts[:, m], minlength=len(lines.names)).astype(np.int64)
    shown = [
        _shown(figures[name], measure, k=k) and figures[name][measure] == total
        for name, total in zip(lines.names, own.tolist(), strict=True)
    ]
    return _Part(lines, lines.person[did], lines.line[did], np.array(shown, dtype=np.bool_))


def _net(rows: _Part, columns: _Part, known: Table | None) -> Net:
    sides = (len(rows.shown), len(columns.shown))
    person, row, column = joined((rows.person, rows.line), (columns.person, columns.line))
    if known is not None:
        # Whoever has several lines of both has not every one with every other.
        both = among(_keys(person, row, column, sides), _keys(*known, sides))
        person, row, column = person[both], row[both], column[both]
    net = Net.of(person, row, column, sides=sides)
    net.join_rows(rows.withheld())
    net.join_columns(columns.withheld())
    return net


def _keys(person: Ints, row: Ints, column: Ints, sides: tuple[int, int]) -> Ints:
    return (person * sides[0] + row) * sides[1] + column


def _withheld(
    nets: list[tuple[Pair, Net]], parts: Mapping[Dimension, _Part], *, k: int
) -> Iterator[tuple[Dimension, list[str]]]:
    """Withhold the lines of fewest visitors on each narrow cut; return them."""
    for pair, net in nets:
        while (cut := net.weakest(k=k)) is not None:
            choices = []
            for dimension, inside in zip(pair, (cut.rows, cut.columns), strict=True):
                part = parts[dimension]
                chosen = spoiling(inside, ~part.shown, part.lines.visitors)
                if chosen:
                    choices.append((int(part.lines.visitors[chosen].sum()), dimension.value, dimension, chosen))
            if not choices:
                # What is left is told by no line of its own.
                break
            _, _, dimension, chosen = min(choices)
            part = parts[dimension]
            part.shown[chosen] = False
            for (rows, columns), each in nets:
                if rows is dimension:
                    each.join_rows(part.withheld())
                if columns is dimension:
                    each.join_columns(part.withheld())
            yield dimension, [part.lines.names[n] for n in chosen]
