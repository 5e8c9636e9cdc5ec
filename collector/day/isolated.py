"""Find figures of a few people that told sums give away together, by linear algebra.

Everybody of a part stands in classes: those who have the same line and the same of everything else. What is told are
sums over classes, and whatever can be computed exactly is a weighted sum of those. It tells of few people only where
it leaves out every class of k people or more. So the weights that leave all of these out are looked for; what they
say of the other classes is all that anybody can compute of small groups, whoever knows which classes are empty too.

Most sums lie within one line. What these can do is worked out line by line, so that no system is larger than a line,
or than the sums that lie in no single one.

Source: docs/decisions/0004-small-groups.md
"""

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse import csr_array

from collector.day.lines import Flags, Ints

Weights: TypeAlias = NDArray[np.float64]
#: Stands for the line of a sum that lies in no single one.
EVERYWHERE: Final = -1
#: Ways to know something of small classes that are also held against each other two by two, at most.
TWO_BY_TWO_MAX: Final = 60
_NOTHING: Final = 1e-7


class Sums(msgspec.Struct):
    """Hold classes of people and the sums over them that are told.

    Attributes:
        person: Number of the visitor, one row per visitor and class.
        kind: Number of the class; rows are sorted by it.
        line: Of each class, the number of its line, counted from 0; sorted.
        member: Number of a class, one row per sum and class in it.
        sum: Number of the sum.
        home: Of each sum, the line that it lies in, or `EVERYWHERE`.
        told: Of each sum, whether it is told.
    """

    person: Ints
    kind: Ints
    line: Ints
    member: Ints
    sum: Ints
    home: Ints
    told: Flags

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Sums sealed>"


class Isolated(msgspec.Struct, frozen=True):
    """Name the sums that give a few people away.

    Attributes:
        sums: All of them.
        needed: Those without which it is given away by none of these weights, as no others of their line stand in.
    """

    sums: Ints
    needed: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Isolated sealed>"


class _Line(msgspec.Struct):
    """Hold what the sums of one line can do, and what sums from elsewhere do in it.

    A group is all classes that no sum tells apart; small ones hold fewer than k people.

    Attributes:
        own: Numbers of its sums.
        inside: Its sums × groups.
        kinds: Numbers of the classes in small groups.
        group: Of each of these, the number of its small group.
        people: Of each small group.
        small: Its sums × small groups.
        outer: Sums from elsewhere × small groups.
        idle: Ways to weigh its sums that leave large groups out and not all small ones; ways × sums.
        answer: Sums from elsewhere × its sums: how these undo in large groups what those do there.
        left: Sums from elsewhere × what cannot be undone.
    """

    own: Ints
    inside: Weights
    kinds: Ints
    group: Ints
    people: Ints
    small: Weights
    outer: Any
    idle: Weights
    answer: Weights
    left: Weights

    def says(self, ways: Weights) -> Weights:
        """Return what *ways* to weigh sums from elsewhere say of small groups, large ones left out."""
        if not len(ways):
            return np.zeros((0, self.small.shape[1]))
        said: Weights = self.outer.T.dot(ways.T).T - (ways @ self.answer) @ self.small
        return said

    def needed(self) -> Flags:
        """Say of each of its sums whether the others of the line cannot stand in for it."""
        return np.asarray((np.abs(_leaving_out(self.inside)) < _NOTHING).all(axis=0), dtype=np.bool_)


class Search:
    """Look for what is isolated, again while sums fold; only lines that changed are worked out anew."""

    def __init__(self, sums: Sums, *, k: int, alone: bool) -> None:
        """Sort the sums by line.

        Args:
            sums: Classes and sums; more of these may fold between two looks.
            k: Fewest distinct people.
            alone: Look at each line by itself, as if sums from elsewhere were not told.
        """
        self._sums, self._k, self._alone = sums, k, alone
        self._elsewhere = np.flatnonzero((sums.home == EVERYWHERE) & (not alone))
        order = np.argsort(sums.member, kind="stable")
        self._member, self._sum = sums.member[order], sums.sum[order]
        self._place = np.full(len(sums.home), -1, dtype=np.int64)
        self._place[self._elsewhere] = np.arange(len(self._elsewhere))
        self._kinds = np.searchsorted(sums.line, np.arange(int(sums.line.max(initial=-1)) + 2))
        self._members = np.searchsorted(self._member, self._kinds)
        self._people = np.searchsorted(sums.kind, np.arange(len(sums.line) + 1))
        self._lines: dict[int, _Line] = {}

    def isolated(self) -> Iterator[Isolated]:
        """Return what the sums that are told now isolate; folding for one of them may do for others too."""
        count = len(self._kinds) - 1
        for number in range(count):
            if number not in self._lines:
                self._lines[number] = self._settled(number)
        lines = [self._lines[number] for number in range(count)]
        if self._alone:
            for line in lines:
                if len(line.idle):
                    yield from self._among([line], np.zeros((0, 0)))
        elif lines:
            yield from self._among(lines, self._unheld(lines))

    def fold(self, number: int) -> None:
        """Tell a sum no more."""
        self._sums.told[number] = False
        self._lines.pop(int(self._sums.home[number]), None)

    def _settled(self, number: int) -> _Line:
        first, last = self._kinds[number], self._kinds[number + 1]
        rows = slice(self._members[number], self._members[number + 1])
        member, told = self._member[rows] - first, self._sum[rows]
        chosen = (self._sums.home[told] == number) & self._sums.told[told]
        own, place = np.unique(told[chosen], return_inverse=True)
        inside = np.zeros((len(own), last - first), dtype=np.bool_)
        inside[place, member[chosen]] = True
        outer = np.zeros((len(self._elsewhere), last - first), dtype=np.bool_)
        chosen = self._place[told] >= 0
        outer[self._place[told[chosen]], member[chosen]] = True
        group, firsts = _alike(np.concatenate([inside, outer]))
        people = self._count(first, last, group)
        is_small = people < self._k
        numbers = np.cumsum(is_small) - 1
        kinds = np.flatnonzero(is_small[group])
        inside_ = inside[:, firsts].astype(np.float64)
        outer_ = outer[:, firsts].astype(np.float64)
        idle, answer, left = _undone(inside_[:, ~is_small], outer_[:, ~is_small])
        small = inside_[:, is_small]
        return _Line(
            own=own,
            inside=inside_,
            kinds=kinds + first,
            group=numbers[group[kinds]],
            people=people[is_small],
            small=small,
            outer=csr_array(outer_[:, is_small]),
            idle=_saying(idle, small),
            answer=answer,
            left=left,
        )

    def _count(self, first: int, last: int, group: Ints) -> Ints:
        """Count the distinct people of each group of the classes from *first* up to *last*."""
        rows = slice(self._people[first], self._people[last])
        person, of = self._sums.person[rows], group[self._sums.kind[rows] - first]
        everybody = int(self._sums.person.max(initial=0)) + 1
        return np.bincount(np.unique(of * everybody + person) // everybody, minlength=int(group.max(initial=-1)) + 1)

    def _unheld(self, lines: list[_Line]) -> Weights:
        """Return the ways to weigh the sums from elsewhere that each line can undo in its large groups."""
        told = np.flatnonzero(self._sums.told[self._elsewhere])
        held = np.zeros((len(told), len(told)))
        for line in lines:
            left = line.left[told]
            held += left @ left.T
        ways = np.zeros((0, len(self._elsewhere)))
        if len(told):
            strength, direction = eigh(held)
            free = strength < _NOTHING * max(1.0, float(strength[-1]))
            ways = np.zeros((int(free.sum()), len(self._elsewhere)))
            ways[:, told] = direction[:, free].T
        return ways

    def _among(self, lines: list[_Line], ways: Weights) -> Iterator[Isolated]:
        """Return the sums by which some weights know of a few people only."""
        known = _Known(ways, lines)
        for says, weights in known.simple():
            kinds = known.kinds[says[known.column]]
            if 0 < self._count_people(kinds) < self._k:
                yield self._named(known, weights)

    def _count_people(self, kinds: Ints) -> int:
        rows = [self._sums.person[self._people[kind] : self._people[kind + 1]] for kind in kinds.tolist()]
        return len(np.unique(np.concatenate(rows))) if rows else 0

    def _named(self, known: "_Known", weights: Weights) -> Isolated:
        outer = weights[: len(known.ways)] @ known.ways
        used = [self._elsewhere[np.abs(outer) > _NOTHING]]
        needed = [*used]
        for line, rows in zip(known.lines, known.rows, strict=True):
            own = weights[rows] @ line.idle - outer @ line.answer
            chosen = np.abs(own) > _NOTHING
            if chosen.any():
                used.append(line.own[chosen])
                needed.append(line.own[chosen & line.needed()])
        return Isolated(np.concatenate(used), np.concatenate(needed))


class _Known:
    """Gather what lines know of small groups: by each way to weigh sums from elsewhere, then by each line alone.

    Attributes:
        ways: Ways to weigh sums from elsewhere that leave large groups out once each line has undone its own.
        lines: Every line.
        rows: Of each line, the rows of *matrix* that it knows by itself.
        matrix: What is known × small groups of which anything is.
        people: Of each of these groups.
        kinds: Numbers of the classes in these groups.
        column: Of each of these classes, the column of its group.
    """

    def __init__(self, ways: Weights, lines: list[_Line]) -> None:
        self.ways, self.lines = ways, lines
        starts = np.cumsum([len(ways), *(len(line.idle) for line in lines)]).tolist()
        self.rows = [slice(start, end) for start, end in pairwise(starts)]
        parts, people, kinds, columns, width = [], [], [], [], 0
        for line, rows in zip(lines, self.rows, strict=True):
            said = line.says(ways)
            if len(line.idle) or (np.abs(said) > _NOTHING).any():
                part = np.zeros((starts[-1], said.shape[1]))
                part[: len(ways)], part[rows] = said, line.idle @ line.small
                parts.append(part)
                people.append(line.people)
                kinds.append(line.kinds)
                columns.append(line.group + width)
                width += said.shape[1]
        none = [np.zeros(0, dtype=np.int64)]
        self.matrix = np.concatenate([np.zeros((starts[-1], 0)), *parts], axis=1)
        self.people, self.kinds, self.column = (np.concatenate(none + own) for own in (people, kinds, columns))

    def simple(self) -> Iterator[tuple[Flags, Weights]]:
        """Return what is known of few groups: which these are, and how the rows are weighed.

        Each group in turn is taken out of all rows but one, those of most people first: what is left knows of the
        small ones. Rows are also taken two at a time, and only those count that add groups up, for what is known of a
        difference of two unknown numbers is neither of them.
        """
        rows, weights = _reduced(self.matrix, order=np.argsort(-self.people, kind="stable"))
        yield from _adding(rows, weights)
        if len(rows) <= TWO_BY_TWO_MAX:
            for n, m in combinations(range(len(rows)), 2):
                for sign in (1, -1):
                    yield from _adding(rows[[n]] + sign * rows[[m]], weights[[n]] + sign * weights[[m]])


def _adding(rows: Weights, weights: Weights) -> Iterator[tuple[Flags, Weights]]:
    for row, own in zip(rows, weights, strict=True):
        if not ((row > _NOTHING).any() and (row < -_NOTHING).any()):
            yield np.abs(row) > _NOTHING, own


def _reduced(matrix: Weights, *, order: Ints) -> tuple[Weights, Weights]:
    """Return rows that know the same, as simple as they get in this *order* of columns, and how they were made."""
    rows, weights = matrix.copy(), np.eye(len(matrix))
    done = 0
    for column in order.tolist():
        if done == len(rows):
            break
        best = done + int(np.abs(rows[done:, column]).argmax())
        if abs(rows[best, column]) < _NOTHING:
            continue
        for each in (rows, weights):
            each[[done, best]] = each[[best, done]]
        weights[done] /= rows[done, column]
        rows[done] /= rows[done, column]
        others = np.flatnonzero((np.abs(rows[:, column]) > 0) & (np.arange(len(rows)) != done))
        factor = rows[others, column][:, None]
        weights[others] -= factor * weights[done]
        rows[others] -= factor * rows[done]
        done += 1
    return rows[:done], weights[:done]


def _alike(marks: Flags) -> tuple[Ints, Ints]:
    """Give columns that are alike one number; return it of each, and the first column of each number."""
    packed = np.ascontiguousarray(np.packbits(marks, axis=0).T)
    if not packed.shape[1]:
        return np.zeros(len(packed), dtype=np.int64), np.zeros(min(len(packed), 1), dtype=np.int64)
    whole = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, firsts, group = np.unique(whole, return_index=True, return_inverse=True)
    return group.ravel().astype(np.int64), firsts.astype(np.int64)


def _leaving_out(sums: Weights) -> Weights:
    """Return the ways to weigh *sums* (sums × groups) so that nothing is left."""
    if not sums.shape[1]:
        return np.eye(len(sums))
    left, strength, _ = np.linalg.svd(sums)
    ways: Weights = left[:, int((strength > _NOTHING).sum()) :].T
    return ways


def _undone(large: Weights, outer: Weights) -> tuple[Weights, Weights, Weights]:
    """Return the ways to leave large groups out, and how far a line's sums undo there what others do."""
    if not large.size:
        return np.eye(len(large)), np.zeros((len(outer), len(large))), outer
    left, strength, right = np.linalg.svd(large, full_matrices=True)
    rank = int((strength > _NOTHING).sum())
    within = outer @ right[:rank].T
    answer = (within / strength[:rank]) @ left[:, :rank].T
    return left[:, rank:].T, answer, outer - within @ right[:rank]


def _saying(idle: Weights, small: Weights) -> Weights:
    """Return those of *idle* ways that say anything of small groups."""
    if not idle.size or not small.size:
        return np.zeros((0, idle.shape[1] if idle.ndim > 1 else 0))
    left, strength, _ = np.linalg.svd(idle @ small, full_matrices=False)
    ways: Weights = left[:, strength > _NOTHING].T @ idle
    return ways
