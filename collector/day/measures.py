"""Decide which figures of a line may be published, which become a larger set's, and which are withheld."""

from collections.abc import Mapping
from typing import Final, TypeAlias

import numpy as np

from collector.day.facts import MEASURES
from collector.day.lines import Flags, Ints, Lines, People, add_up, distinct
from collector.day.once import visitors_of
from collector.model import Cell, Dimension

#: The published figures of one line, by measure and `visitors`; None is withheld.
Figures: TypeAlias = dict[str, int | None]

_VISITS: Final = MEASURES.index("visits")
_BOUNCES: Final = MEASURES.index("bounces")
#: Shown as averages and shares, which a group between k and 2k people does not carry.
_DOUBLE: Final = tuple(MEASURES.index(name) for name in ("bounces", "seconds"))


def total_figures(people: People, *, k: int) -> Figures:
    """Return the figures of everybody together; a measure that its makers would be known by is withheld."""
    unfit = _unfit(people.amounts, k=k)
    unfit[list(_DOUBLE)] |= people.count < 2 * k
    sums = people.amounts.sum(axis=0)
    figures: Figures = {m: None if unfit[i] else int(sums[i]) for i, m in enumerate(MEASURES)}
    return figures | {"visitors": people.count}


def line_figures(lines: Lines, people: People, *, total: Figures, k: int, floored: bool = False) -> dict[str, Figures]:
    """Return the figures of each line, so that no sum or difference of them stands for 1 … k−1 visitors.

    A measure is withheld where it stands for 1 … k−1 visitors and where one visitor made more than half of it. If the
    lines add up to the total, what is withheld could be had by taking the rest away: then the next smallest lines are
    withheld too, until all of them together are fit to be seen. Where the total holds 1 … k−1 visitors more than a
    line, the line gets the total's number (bounces are withheld). Below 2k visitors bounces and seconds are withheld
    in any case. *floored* breakdowns were seen in multiples of k while the day ran.
    """
    count = len(lines.names)
    sums = _per_line(lines)
    withheld = np.array([_unfit(lines.amounts[lines.rows(n)], k=k) for n in range(count)]).reshape(count, -1)
    near = _nearly_all(lines, people, k=k)
    # Another set's bounces beside a line's own visits would look like visits that were none.
    withheld[:, _BOUNCES] |= near[:, _BOUNCES]
    near[:, _BOUNCES] = False
    below_double = lines.visitors < 2 * k
    of_lines = add_up(lines.amounts, lines.person, count=people.count)
    missing = np.maximum(people.amounts - of_lines, 0)
    adds_up = np.asarray((of_lines <= people.amounts).all(axis=0))
    figures: list[Figures] = [{} for _ in range(count)]
    for m, measure in enumerate(MEASURES):
        hidden = withheld[:, m]
        # Lines that overlap, such as the visits of pages, add up to nothing and stay as they are.
        if total[measure] is not None and adds_up[m] and not near[:, m].any():
            hidden = _widened(hidden, lines, missing, sums, m, k=k)
        if m in _DOUBLE:
            # The rest is k people or more, so no further line needs to go for it.
            hidden, near[:, m] = hidden | below_double, near[:, m] & ~below_double
        for n in range(count):
            figures[n][measure] = total[measure] if near[n, m] else None if hidden[n] else int(sums[n, m])
    for n, visitors in enumerate(visitors_of(lines, people, k=k, floored=floored)):
        figures[n]["visitors"] = visitors
    return dict(zip(lines.names, figures, strict=True))


def hold_inside(
    inner: Lines, outer: Lines, *, figures: dict[str, Figures], outer_figures: dict[str, Figures], k: int
) -> None:
    """Give a line the number of the larger one that it lies in, where 1 … k−1 visitors make the difference.

    Lines of one name are compared: an entry page with the same page. A measure counts as nested where no visitor has
    more of it inside than outside. All lines minus the total would tell what was added, so the smallest other line's
    number is withheld then. Changes *figures*; what is withheld stays so.
    """
    replaced: dict[str, set[str]] = {}
    common = sorted(set(inner.names) & set(outer.names))
    for name, is_few in zip(common, _few_outside(inner, outer, common, k=k).tolist(), strict=True):
        own, larger = figures[name], outer_figures[name]
        few = dict(zip((*MEASURES, "visitors"), is_few, strict=True))
        visitors, larger_visitors = own["visitors"], larger["visitors"]
        few["visitors"] |= bool(visitors and larger_visitors and 0 < larger_visitors - visitors < k)
        for measure in [measure for measure, flag in few.items() if flag and own[measure] is not None]:
            own[measure] = larger[measure]
            replaced.setdefault(measure, set()).add(name)
    own_sums = dict(zip(inner.names, np.c_[_per_line(inner), inner.visitors].tolist(), strict=True))
    order = [name for _, name in sorted(zip(inner.visitors.tolist(), inner.names, strict=True))]
    for measure, names in replaced.items():
        place = (*MEASURES, "visitors").index(measure)
        following = [name for name in order if name not in names and figures[name][measure] is not None]
        following += sorted(names)
        # What the total leaves is what is withheld less what was added: no small number either, true or not.
        while following and (
            all(figures[name][measure] is not None for name in order)
            or 0 < sum(own_sums[name][place] - (figures[name][measure] or 0) for name in order) < k
        ):
            figures[following.pop(0)][measure] = None


def unsure(lines: Lines, figures: Mapping[str, Figures]) -> set[str]:
    """Return the lines whose published pageviews are not their own: withheld, or a larger set's."""
    own = _per_line(lines)[:, MEASURES.index("pageviews")].tolist()
    return {name for name, views in zip(lines.names, own, strict=True) if figures[name]["pageviews"] != views}


def cell(dimension: Dimension, name: str, figures: Figures, *, k: int) -> Cell:
    """Return a line as it is kept."""
    visitors = figures["visitors"]
    # A visitor of several lines may stand in another one's number: what stands here has to show 2k by itself.
    shows_double = visitors is not None and visitors >= 2 * k
    return Cell(
        dimension=dimension,
        value=name,
        # Where the visitors are withheld, the witness says no more than the rule itself.
        contributors=k if visitors is None else min(visitors, 2 * k),
        pageviews=figures["pageviews"],
        visits=figures["visits"],
        visitors=visitors,
        bounces=figures["bounces"] if shows_double else None,
        seconds=figures["seconds"] if shows_double else None,
        events=figures["events"],
    )


def _unfit(amounts: Ints, *, k: int) -> Flags:
    """Say per measure whether the people whose *amounts* (people × measures) these are would be known by the sum."""
    makers = (amounts > 0).sum(axis=0)
    unfit = (makers > 0) & (makers < k) | (2 * amounts.max(axis=0, initial=0) > amounts.sum(axis=0))
    for rest in (amounts[:, _BOUNCES] == 0, amounts[:, _VISITS] > amounts[:, _BOUNCES]):
        unfit[_BOUNCES] |= 0 < int(rest.sum()) < k
    return np.asarray(unfit, dtype=np.bool_)


def _per_line(lines: Lines) -> Ints:
    return add_up(lines.amounts, lines.line, count=len(lines.names))


def _nearly_all(lines: Lines, people: People, *, k: int) -> Flags:
    """Say per line and measure whether 1 … k−1 visitors have some of the total outside the line."""
    everything = people.amounts[lines.person]
    whole = ((everything > 0) & (lines.amounts >= everything)).astype(np.int64)
    inside = add_up(whole, lines.line, count=len(lines.names))
    outside = (people.amounts > 0).sum(axis=0) - inside
    return np.asarray((outside > 0) & (outside < k), dtype=np.bool_)


def _widened(hidden: Flags, lines: Lines, missing: Ints, sums: Ints, m: int, *, k: int) -> Flags:
    """Withhold further lines, those without any of the measure last, until what is not seen is fit to be seen as one.

    Not seen are the lines withheld and what visitors did outside all lines, *missing* (seconds lost in rounding).
    """
    hidden = hidden.copy()
    chosen = hidden[lines.line]
    unseen = missing + add_up(lines.amounts[chosen], lines.person[chosen], count=len(missing))
    if not _unfit(unseen[unseen.any(axis=1)], k=k)[m]:
        return hidden
    sums, visitors = sums[:, m], lines.visitors
    order = sorted(range(len(lines.names)), key=lambda n: (sums[n] == 0, visitors[n], lines.names[n]))
    for n in order:
        if hidden[n]:
            continue
        if not _unfit(unseen[unseen.any(axis=1)], k=k)[m]:
            break
        hidden[n] = True
        rows = lines.rows(n)
        unseen[lines.person[rows]] += lines.amounts[rows]
    return hidden


def _few_outside(inner: Lines, outer: Lines, names: list[str], *, k: int) -> Flags:
    """Say of each name, per measure and last for the visitors, whether 1 … k−1 are in the outer line beyond the inner.

    No visitor may have more of it inside than outside.
    """
    sides = [_of_names(lines, names) for lines in (inner, outer)]
    everybody = max((int(person.max(initial=0)) for person, _, _ in sides), default=0) + 1
    keys = [line * everybody + person for person, line, _ in sides]
    who = distinct(np.concatenate(keys))
    small, large = (np.zeros((len(who), len(MEASURES) + 1), dtype=np.int64) for _ in sides)
    for target, key, (_, _, amounts) in zip((small, large), keys, sides, strict=True):
        target[np.searchsorted(who, key)] = np.c_[amounts, np.ones(len(key), dtype=np.int64)]
    line = who // everybody
    outside, beyond = (add_up(more.astype(np.int64), line, count=len(names)) for more in (large > small, small > large))
    return np.asarray((outside > 0) & (outside < k) & (beyond == 0), dtype=np.bool_)


def _of_names(lines: Lines, names: list[str]) -> tuple[Ints, Ints, Ints]:
    """Return person, number of the name and amounts of the rows whose line is one of *names*."""
    numbers = {name: number for number, name in enumerate(names)}
    number = np.array([numbers.get(name, -1) for name in lines.names], dtype=np.int64)[lines.line]
    chosen = number >= 0
    return lines.person[chosen], number[chosen], lines.amounts[chosen]
