"""Count visitors so that what lines share is nobody or k people: whoever few share counts once.

Source: docs/decisions/0004-small-groups.md
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from collector.day.lines import Ints, Lines, People
from collector.day.nested import joined
from collector.model import OTHER, Measure

#: The published figures of one line, by measure; None is withheld.
_Figures = dict[str, int | None]


def visitors_of(lines: Lines, people: People, *, k: int, floored: bool) -> list[int | None]:
    """Return each line's visitors, so that neither what it lacks of the total nor what lines share is 1 … k−1.

    Where 1 … k−1 visitors have several values, the sum of the lines minus the total would count them: each of them
    is counted once, in the smallest of their lines.

    Args:
        lines: One breakdown.
        people: Everybody of the part.
        k: Fewest distinct visitors.
        floored: Whether multiples of *k* were seen while the day ran: no line may come out below the last of them,
            or the two together would tell that somebody was counted elsewhere.
    """
    each = np.bincount(lines.person, minlength=people.count)
    several, absent = np.flatnonzero(each > 1), int((each == 0).sum())
    counts = lines.visitors
    if absent or not 0 < len(several) < k:
        return [people.count if 0 < people.count - count < k else count for count in counts.tolist()]
    once = _counted_once(lines, several, counts, floors=counts // k * k if floored else None)
    return [None] * len(counts) if once is None or once.min() < k else once.tolist()


def hold_shared(
    inner: Lines,
    outer: Lines,
    people: People,
    *,
    figures: Mapping[str, _Figures],
    outer_figures: Mapping[str, _Figures],
    k: int,
) -> None:
    """Count whoever 1 … k−1 visitors share among the lines that lie in one line of another breakdown.

    The sources of a channel minus the channel are the visitors of several of them. Each is counted once, or else the
    visitors of the smallest source are withheld. Changes *figures*.
    """
    _, row, column = joined((inner.person, inner.line), (outer.person, outer.line))
    for number, name in enumerate(outer.names):
        inside = np.unique(row[column == number])
        elsewhere = np.unique(row[column != number])
        own = np.setdiff1d(inside, elsewhere)
        if name == OTHER or len(own) < 2 or len(own) < len(inside) or OTHER in {inner.names[n] for n in own}:  # noqa: PLR2004
            continue
        chosen = np.isin(inner.line, own)
        each = np.bincount(inner.person[chosen], minlength=people.count)
        several = np.flatnonzero(each > 1)
        told = [figures[inner.names[n]][Measure.VISITORS] for n in own]
        if not 0 < len(several) < k or None in told or outer_figures[name][Measure.VISITORS] is None:
            continue
        counts = inner.visitors.copy()
        once = _counted_once(inner, several, counts, floors=counts // k * k)
        if once is not None and once[own].min() >= k and told == counts[own].tolist():
            total = sum(figures[n][Measure.VISITORS] or 0 for n in inner.names) + int((once - counts).sum())
            if not 0 < total - people.count < k:
                for n in own:
                    figures[inner.names[n]][Measure.VISITORS] = int(once[n])
                continue
        smallest = min(own.tolist(), key=lambda n: (counts[n], inner.names[n]))
        figures[inner.names[smallest]][Measure.VISITORS] = None


def _counted_once(lines: Lines, several: Ints, counts: Ints, *, floors: Ints | None) -> Ints | None:
    """Take each of *several* out of all lines but one; None where a line would come out below its floor.

    Those stay in the line that can spare nobody, else in the smallest one.
    """
    left = counts.copy()
    chosen = np.isin(lines.person, several)
    by_person: dict[int, list[int]] = {}
    for person, line in zip(lines.person[chosen].tolist(), lines.line[chosen].tolist(), strict=True):
        by_person.setdefault(person, []).append(line)
    for own, people in sorted(Counter(tuple(own) for own in by_person.values()).items()):
        for _ in range(people):
            room = {n: int(left[n] - floors[n]) if floors is not None else 0 for n in own}
            stays = min(own, key=lambda n: (room[n], counts[n], lines.names[n]))
            if floors is not None and any(not room[n] for n in own if n != stays):
                return None
            left[[n for n in own if n != stays]] -= 1
    return left
