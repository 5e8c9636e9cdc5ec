"""The k rule: turn what visitors did into cells behind which at least k of them stand.

Everything is recounted from rows per visitor, never derived by adding or subtracting cells. The order is: values fold
(`values`), then lines that another breakdown's lines would give away (`nets`), then each figure is judged
(`measures`), then pairs (`pairs`).

Source: docs/decisions/0004-small-groups.md
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
import polars as pl

from collector.day import hours, measures, nested, values
from collector.day.across import fold_across
from collector.day.between import hold_between, hold_bounces
from collector.day.facts import Facts
from collector.day.floors import floor_cells
from collector.day.jointly import fold_jointly
from collector.day.lines import Flags, Lines, People
from collector.day.once import hold_shared
from collector.day.pairs import Grid, pair_cells
from collector.day.properties import fold_stated, hold_not_found
from collector.day.sets import Published, set_cells, told_sets
from collector.model import OTHER, Cell, Dimension
from collector.policy import Rules

#: Stands for lines whose own pageviews are withheld or another set's; no value is empty.
_UNSURE: Final = ""
#: Breakdowns that are seen in multiples of k while the day runs.
_RUNNING: Final = (Dimension.PAGE, Dimension.SOURCE)


def fold(facts: Facts, rules: Rules) -> list[Cell] | None:
    """Return the cells of a closed part, or None where fewer than k visitors were there.

    The same facts give the same cells, in whatever order their rows stand and whatever the visitors' keys are.
    A breakdown or a line of a pair of which only `(other)` would be left has no cells: it says no more than the total.
    """
    k = rules.k
    people = People.of(facts.total)
    if people.count < k:
        return None
    total = measures.total_figures(people, k=k)
    cells = [measures.cell(Dimension.TOTAL, "", total, k=k)]
    raw = {d: _complete(facts.values[d], d, people, k=k) for d in rules.breakdowns if len(facts.values.get(d, ()))}
    names = _names(raw, facts, people, rules)
    kept = {d: lines.renamed(names[d], people) for d, lines in raw.items()}
    figures = _figures(facts, names, kept, people, total=total, rules=rules)
    cells += _hour_cells(facts, people, total, k=k)
    for dimension, by_name in figures.items():
        if set(by_name) != {OTHER}:
            cells += [measures.cell(dimension, name, by_name[name], k=k) for name in sorted(by_name)]
    pairs = [pair for pair in rules.pairs if pair[0] in kept and pair[1] in kept and pair in facts.pairs]
    cells += _pair_cells(facts, pairs, names, kept, figures, people, k=k)
    return cells + _set_cells(facts, raw, names, kept, figures, people, rules)


def snapshot(facts: Facts, rules: Rules) -> list[Cell]:
    """Return what may be seen of a running day: total, pages and sources that have k, their visitors in multiples of k.

    No roll-ups and no `(other)`: a value that vanishes again, or a remainder that moves, would tell who arrived.
    """
    k = rules.k
    cells = []
    frames = [(Dimension.TOTAL, facts.total.select("visitor", value=pl.lit("")))]
    frames += [(d, facts.values[d]) for d in _RUNNING if d in facts.values]
    for dimension, frame in frames:
        counts = frame.group_by("value").agg(pl.col("visitor").n_unique()).sort("value")
        for value, visitors in counts.iter_rows():
            floored = visitors // k * k
            if floored and value != OTHER:
                cells.append(Cell(dimension=dimension, value=value, contributors=min(floored, 2 * k), visitors=floored))
    return cells


def now(visitors: int, *, k: int) -> int | None:
    """Return the visitors of the last minutes in multiples of k, or None below 2k."""
    return visitors // k * k if visitors >= 2 * k else None


def now_pageviews(pageviews: int, *, viewers: int, most: int, k: int) -> int | None:
    """Return the pageviews of the last minutes in multiples of k, or None where they may not be told.

    Args:
        pageviews: Of all.
        viewers: Distinct visitors who made them; at least 2k.
        most: Of the visitor who made most of them; no more than half.
        k: Fewest distinct visitors of a group.
    """
    return pageviews // k * k if viewers >= 2 * k and 2 * most <= pageviews else None


def _names(raw: Mapping[Dimension, Lines], facts: Facts, people: People, rules: Rules) -> dict[Dimension, nested.Names]:
    """Say of every breakdown under which name each of its values is counted."""
    k = rules.k
    names = {d: values.fold_values(lines, k=k, upward=_upward(facts, d)) for d, lines in raw.items()}
    names = nested.fold_nested(raw, names, facts, people, pairs=rules.pairs, k=k)
    names |= {d: values.hold_seen(raw[d], names[d], k=k) for d in _RUNNING if d in raw}
    if Dimension.PROPERTY in raw and Dimension.PAGE in raw:
        names[Dimension.PROPERTY] = hold_not_found(
            names[Dimension.PROPERTY],
            raw[Dimension.PROPERTY],
            raw[Dimension.PAGE].renamed(names[Dimension.PAGE], people),
            people,
            counted=names[Dimension.PAGE],
            k=k,
        )
    if Dimension.PROPERTY in raw and Dimension.EVENT in raw:
        names[Dimension.PROPERTY] = fold_stated(
            names[Dimension.PROPERTY],
            raw[Dimension.PROPERTY],
            raw[Dimension.EVENT],
            people,
            shown=set(names[Dimension.EVENT].values()),
            k=k,
        )
    return names


def _figures(
    facts: Facts,
    names: Mapping[Dimension, nested.Names],
    kept: Mapping[Dimension, Lines],
    people: People,
    *,
    total: measures.Figures,
    rules: Rules,
) -> dict[Dimension, dict[str, measures.Figures]]:
    """Return the figures of every line that may be published."""
    k = rules.k
    figures = {
        d: measures.line_figures(lines, people, total=total, k=k, floored=d in _RUNNING) for d, lines in kept.items()
    }
    for own in figures.get(Dimension.SCROLL, {}).values():
        # The rest of a visit says nothing of how far a page was scrolled.
        own.update(dict.fromkeys(("visits", "bounces", "seconds", "events")))
    for inner in (Dimension.ENTRY_PAGE, Dimension.EXIT_PAGE):
        if inner in kept and Dimension.PAGE in kept:
            measures.hold_inside(
                kept[inner],
                kept[Dimension.PAGE],
                figures=figures[inner],
                outer_figures=figures[Dimension.PAGE],
                k=k,
            )
    hold_bounces(kept, figures, k=k)
    hold_between(kept, figures, pairs=rules.pairs, together=partial(_together, facts, names, kept, people), k=k)
    if Dimension.SOURCE in kept and Dimension.CHANNEL in kept:
        hold_shared(
            kept[Dimension.SOURCE],
            kept[Dimension.CHANNEL],
            people,
            figures=figures[Dimension.SOURCE],
            outer_figures=figures[Dimension.CHANNEL],
            k=k,
        )
    return figures


def _set_cells(
    facts: Facts,
    raw: Mapping[Dimension, Lines],
    names: Mapping[Dimension, nested.Names],
    kept: Mapping[Dimension, Lines],
    figures: Mapping[Dimension, Mapping[str, measures.Figures]],
    people: People,
    rules: Rules,
) -> list[Cell]:
    """Return the cells of what was declared and of what was seen next, beside all others."""
    told = [d for d, by_name in figures.items() if set(by_name) != {OTHER}]
    published = Published(
        people=people,
        kept={d: kept[d] for d in told},
        figures={d: figures[d] for d in told},
        names={d: names[d] for d in told},
        pages=raw.get(Dimension.PAGE),
        dimensions=rules.dimensions,
        k=rules.k,
    )
    sets = told_sets(facts, published)
    return set_cells(sets, k=rules.k) + floor_cells(facts, sets, published)


def _hour_cells(facts: Facts, people: People, total: measures.Figures, *, k: int) -> list[Cell]:
    blocks = hours.closing(facts.hours, k)
    if not blocks:
        return []
    lines = Lines.of(hours.named(facts.hours, blocks), people)
    figures = measures.line_figures(lines, people, total=total, k=k)
    for own, block in zip(map(figures.__getitem__, lines.names), lines.visitors.tolist(), strict=True):
        # As while the day ran: an exact number beside a rounded one would tell how many the blocks share.
        own["visitors"] = block // k * k
    return [measures.cell(Dimension.HOUR, block.name, figures[block.name], k=k) for block in blocks]


def _complete(frame: pl.DataFrame, dimension: Dimension, people: People, *, k: int) -> Lines:
    """Read a breakdown; what few visitors did outside a breakdown that is about everybody counts as `(other)`."""
    lines = Lines.of(frame, people)
    return lines if dimension in values.OPTIONAL else lines.completed(people, k=k, name=OTHER)


def _pair_cells(
    facts: Facts,
    pairs: list[nested.Pair],
    names: Mapping[Dimension, nested.Names],
    kept: Mapping[Dimension, Lines],
    figures: Mapping[Dimension, Mapping[str, measures.Figures]],
    people: People,
    *,
    k: int,
) -> list[Cell]:
    """Return the cells of all pairs; lines whose own pageviews are not published stand together and stay folded."""
    own: dict[Dimension, nested.Names] = {}
    for dimension in dict.fromkeys(dimension for pair in pairs for dimension in pair):
        unsure = measures.unsure(kept[dimension], figures[dimension])
        own[dimension] = {v: _UNSURE if name in unsure else name for v, name in names[dimension].items()}
    labels = {dimension: sorted({OTHER, *by_value.values()}) for dimension, by_value in own.items()}
    grids: dict[nested.Pair, Grid] = {}
    for a, b in pairs:
        frame = facts.pairs[a, b].filter(pl.col("pageviews") > 0)
        if len(frame):
            cells = nested.table(frame, (own[a], own[b]), (labels[a], labels[b]), people)
            grid = grids[a, b] = Grid.of(*cells, frame["pageviews"].to_numpy())
            shown = (_are_shown(labels[a]), _are_shown(labels[b]))
            grid.show(shown=shown, k=k)
    unsure_lines = {d: own.index(_UNSURE) if _UNSURE in own else None for d, own in labels.items()}
    for (a, b), grid in grids.items():
        grid.fold((labels[a], labels[b]), k=k)
    # Once is enough: a cell that folds takes k people to what is folded, so what was found safe stays safe.
    fold_across(grids, k=k)
    fold_jointly(grids, unsure=unsure_lines, k=k)
    return [cell for (a, b), grid in grids.items() for cell in pair_cells(grid, (a, b), (labels[a], labels[b]), k=k)]


def _together(
    facts: Facts,
    names: Mapping[Dimension, nested.Names],
    kept: Mapping[Dimension, Lines],
    people: People,
    pair: nested.Pair,
) -> nested.Table | None:
    """Return who has which lines of two breakdowns in the same visit, where that was counted."""
    frame = facts.nested.get(pair, facts.pairs.get(pair))
    a, b = pair
    if frame is None or a not in kept or b not in kept:
        return None
    return nested.table(frame, (names[a], names[b]), (kept[a].names, kept[b].names), people)


def _are_shown(labels: list[str]) -> Flags:
    return np.array([name not in {OTHER, _UNSURE} for name in labels])


def _upward(facts: Facts, dimension: Dimension) -> Callable[[str], str]:
    if dimension in values.PATHS:
        return values.section
    if dimension is Dimension.SOURCE and Dimension.CHANNEL in facts.values:
        channels = values.channels(facts.values[Dimension.SOURCE], facts.values[Dimension.CHANNEL])
        return lambda source: f"({channels[source]})" if source in channels else OTHER
    return lambda _: OTHER
