"""Find the sums of few people among all that can be known of groups.

Known rows add groups up in more ways than can be tried. But each row alone says anything of its first group, so a sum
that holds it has the people of that group; of k people there is room for a handful of rows. What a row takes away from
a group, another has to put there: only such rows are tried, and those that take people out again.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Ints: TypeAlias = NDArray[np.int64]
Weights: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
#: Choices of rows that are looked at in one look, at most; a tenth of a second.
CHOICES_MAX: Final = 4_000
_NOTHING: Final = 1e-7
_ENOUGH: Final = 1 - 1e-9


def few_of(
    rows: Weights, firsts: Ints, cost: Weights, *, k: int, is_few: Callable[[Weights], bool]
) -> Iterator[Weights]:
    """Return ways to weigh *rows* that add few people up, one for each row that is part of any.

    Args:
        rows: What is known of groups, as simple as it gets; rows × groups.
        firsts: Of each row, the group that no other says anything of.
        cost: Of each group, what its people count at least in any sum.
        k: What a sum of no few people costs at least.
        is_few: Tells of a sum, the group that counts least once, whether it is of few people.
    """
    left, sure = _that_count_little(rows, firsts, cost, k=k)
    own = rows[left]
    near = np.flatnonzero((np.abs(own) > _NOTHING).any(axis=0))
    own = own[:, near]
    tried, found = set[bytes](), np.zeros(len(left), dtype=np.bool_)
    for n in np.argsort(sure, kind="stable").tolist():
        alone = np.zeros(len(left))
        alone[n] = 1
        waiting = [] if found[n] else [alone]
        while waiting and len(tried) < CHOICES_MAX:
            chosen = waiting.pop()
            if chosen.tobytes() in tried or chosen @ sure >= k - _NOTHING:
                continue
            tried.add(chosen.tobytes())
            # A handful of rows: to weigh all of them would cost a hundred times as much.
            used = np.flatnonzero(chosen)
            said = chosen[used] @ own[used]
            said[np.abs(said) < _NOTHING] = 0
            lacking = np.flatnonzero(said < 0)
            if not len(lacking) and is_few(_spread(said / said[said > 0].min(), near, rows.shape[1])):
                found |= chosen > 0
                made = np.zeros(len(rows))
                made[left] = chosen
                yield made
                break
            waiting += _further(own, chosen, said, lacking)


def _that_count_little(rows: Weights, firsts: Ints, cost: Weights, *, k: int) -> tuple[Ints, Weights]:
    """Return the rows that a sum of few people may hold, and what each costs for certain: what no other takes away."""
    left = np.arange(len(rows))
    while True:
        left = left[_that_add(rows[left])]
        own, first = rows[left], cost[firsts[left]]
        is_sure: Flags = (own >= -_NOTHING).min(axis=0, initial=True)
        sure = own[:, is_sure] @ cost[is_sure] + np.where(is_sure[firsts[left]], 0, first)
        is_little = sure < k - _NOTHING
        if is_little.all():
            return left, sure
        # What is gone puts nothing back any more, and takes nothing away.
        left = left[is_little]


def _spread(said: Weights, near: Ints, width: int) -> Weights:
    """Return what is *said* of the groups *near* as what is said of all."""
    whole = np.zeros(width)
    whole[near] = said
    return whole


def _further(own: Weights, chosen: Weights, said: Weights, lacking: Ints) -> Iterator[Weights]:
    """Return the choice with one row more: one that puts back what is lacking, or takes away from what is there."""
    if len(lacking):
        group = int(lacking[0])
        others = np.flatnonzero(own[:, group] > _NOTHING)
        steps = np.maximum(-said[group] / own[others, group], 1)
    else:
        others = np.flatnonzero((own[:, said > 0] < -_NOTHING).any(axis=1) & (chosen < _ENOUGH))
        steps = np.ones(len(others))
    for m, step in zip(others.tolist(), steps.tolist(), strict=True):
        for size in {1.0, step}:
            further = chosen.copy()
            further[m] += size
            yield further


def _that_add(rows: Weights) -> Ints:
    """Return the rows that a sum may hold: those of which others can put back whatever they take away."""
    left = np.arange(len(rows))
    while len(left):
        own = rows[left]
        lacking = (own < -_NOTHING).any(axis=0) & ~(own > _NOTHING).any(axis=0)
        spoilt = (own[:, lacking] < -_NOTHING).any(axis=1)
        if not spoilt.any():
            break
        left = left[~spoilt]
    return left
