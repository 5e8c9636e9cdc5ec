"""Find out which sets of unknown numbers are known to be small, by linear programs.

Unknowns are numbers of 0 or more of which sums are told. A set of them can be known to hold fewer than k only if each
of its unknowns can hold no more. So unknowns are struck out as soon as any way to fill the sums shows k in them; where
what is left can be nothing at all, no set, however chosen, is known to be small: a handful of programs proves it.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Programs that are solved for one system at most.
PROGRAMS_MAX: Final = 120
_CERTAIN: Final = 1e-6
Ints: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
Amounts: TypeAlias = NDArray[np.float64]
#: Columns and values that the unknowns of a set have in common.
Common: TypeAlias = tuple[tuple[int, int], ...]


class Unknowns:
    """Bound sums of unknowns of which other sums are told."""

    def __init__(self, labels: Ints, sums: list[Mask], told: list[int], *, k: int, known: Ints | None = None) -> None:
        """Set the system up.

        Args:
            labels: What each unknown is, a row each, by numbers, a column for each breakdown.
            sums: The unknowns of each sum that is told.
            told: Those sums.
            k: What is not small.
            known: A way to fill the sums, where one is known: it spares programs and changes no answer.
        """
        # Not above, here and below: scipy takes a third of a second, and a house starts without it.
        from scipy.sparse import csr_array  # noqa: PLC0415

        self._labels, self._k = labels, k
        self._sums: Any = csr_array(np.array(sums, dtype=np.float64).reshape(len(sums), len(labels)))
        self._told = np.array(told, dtype=np.float64)
        # Whatever holds k in some way to fill the sums is part of no small set.
        self._small = np.ones(len(labels), dtype=np.bool_)
        # Every way to fill the sums that was found: what is nothing in one of them needs no program of its own.
        self._ways: list[Amounts] = []
        self.programs = 0
        if known is not None:
            self._learn(np.asarray(known, dtype=np.float64))

    @property
    def is_decided(self) -> bool:
        """Tell whether no limit was reached on the way."""
        return self.programs < PROGRAMS_MAX

    def small_sets(self) -> Iterator[tuple[int, int, Common, Mask]]:
        """Return sets that are known to hold 1 … k−1, with how few and how many; none where the sums do not fit."""
        if not len(self._labels) or not self._narrow():
            return
        for common, chosen in self._sets():
            if self._was_nothing(chosen):
                continue
            if not self.is_decided:
                return
            least = self._least(chosen)
            if least > _CERTAIN and (most := self._most(chosen)) < self._k - _CERTAIN:
                yield int(np.ceil(least - _CERTAIN)), int(np.floor(most + _CERTAIN)), common, chosen

    def _narrow(self) -> bool:
        """Strike out what can hold k; return False as soon as what is left can be nothing."""
        held: set[int] = set()
        while self.is_decided:
            before = int(self._small.sum())
            filled = self._fill(self._small.astype(np.float64))
            if filled is None or filled[self._small].sum() <= _CERTAIN:
                return False
            if int(self._small.sum()) < before:
                continue
            doubtful = [n for n in np.flatnonzero(self._small & (filled > _CERTAIN)).tolist() if n not in held]
            if not doubtful:
                return True
            for n in doubtful:
                if self.programs >= PROGRAMS_MAX:
                    break
                if self._most(np.arange(len(self._labels)) == n) < self._k - _CERTAIN:
                    held.add(n)
                else:
                    self._small[n] = False
                    break
        return True

    def _sets(self) -> Iterator[tuple[Common, Mask]]:
        """Return sets of what is small: each label's, each of two labels', and all; the largest first."""
        made: dict[bytes, tuple[Common, Mask]] = {}
        columns = range(self._labels.shape[1])
        keys: list[tuple[int, ...]] = [(), *((column,) for column in columns), *combinations(columns, 2)]
        for key in keys:
            for values in np.unique(self._labels[self._small][:, list(key)], axis=0).tolist() if key else [[]]:
                chosen = self._small & (self._labels[:, list(key)] == values).all(axis=1)
                made.setdefault(chosen.tobytes(), (tuple(zip(key, values, strict=True)), chosen))
        yield from sorted(made.values(), key=lambda one: -int(one[1].sum()))

    def _was_nothing(self, chosen: Mask) -> bool:
        """Tell whether a way was found to fill the sums in which the set holds nothing."""
        return any(float(filled[chosen].sum()) <= _CERTAIN for filled in self._ways)

    def _least(self, chosen: Mask) -> float:
        filled = self._fill(chosen.astype(np.float64))
        return 0.0 if filled is None else float(filled[chosen].sum())

    def _most(self, chosen: Mask) -> float:
        filled = self._fill(-chosen.astype(np.float64))
        return float("inf") if filled is None else float(filled[chosen].sum())

    def _fill(self, goal: Amounts) -> Amounts | None:
        """Return the way to fill the sums of which *goal* is least, or None where there is none."""
        from scipy.optimize import linprog  # noqa: PLC0415

        self.programs += 1
        answer = linprog(goal, A_eq=self._sums, b_eq=self._told, method="highs")
        if answer.status or answer.x is None:
            return None
        filled: Amounts = np.asarray(answer.x, dtype=np.float64)
        self._learn(filled)
        return filled

    def _learn(self, filled: Amounts) -> None:
        self._small &= filled < self._k - _CERTAIN
        self._ways.append(filled)
