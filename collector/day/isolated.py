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
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from collector.day.least import few_of
from collector.day.lines import Flags, Ints, distinct

Weights: TypeAlias = NDArray[np.float64]
#: Stands for the line of a sum that lies in no single one.
EVERYWHERE: Final = -1
#: Known rows times groups of all lines at once, at most: 16 MB; beyond, what lines say by themselves is left out.
HEARD_MAX: Final = 2_000_000
_NOTHING: Final = 1e-7
_FAINT: Final = 1e-11
#: Columns that are looked at in one go.
_COLUMNS: Final = 256


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
        weight: Of each sum, how gladly it is used where several would do: those that cannot fold most of all.
    """

    person: Ints
    kind: Ints
    line: Ints
    member: Ints
    sum: Ints
    home: Ints
    told: Flags
    weight: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Sums sealed>"


class _Line(msgspec.Struct):
    """Hold what the sums of one line can do, and what sums from elsewhere do in it.

    A group is all classes that no sum tells apart; small ones hold fewer than k people.

    Attributes:
        own: Numbers of its sums, without those that others of them make up.
        kinds: Numbers of the classes in small groups.
        group: Of each of these, the number of its small group.
        people: Of each small group.
        small: Its sums × small groups.
        outer: Sums from elsewhere × small groups.
        idle: Ways to weigh its sums that leave large groups out and not all small ones; ways × sums.
        knows: What each of these says of small groups, as simple as it gets.
        first: Of each of these, the group that no other says anything of.
        answer: Sums from elsewhere × its sums: how these undo in large groups what those do there.
        left: Sums from elsewhere × what cannot be undone in large groups.
        beyond: Sums from elsewhere × how far the line's own sums do not make them up.
    """

    own: Ints
    kinds: Ints
    group: Ints
    people: Ints
    small: Weights
    outer: Any
    idle: Weights
    knows: Weights
    first: Ints
    answer: Weights
    left: Weights
    beyond: Weights

    def says(self, ways: Weights) -> tuple[Weights, Weights]:
        """Return what *ways* to weigh sums from elsewhere say of small groups, and how its own sums are weighed then.

        Large groups are left out, and so is whatever the line says by itself, as far as it can be.
        """
        own = -ways @ self.answer
        said = self.outer.T.dot(ways.T).T + own @ self.small
        own -= said[:, self.first] @ self.idle
        return said - said[:, self.first] @ self.knows, own


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

    def isolated(self) -> Iterator[Ints]:
        """Return the sums that isolate few people, as they are told now; folding for some may do for others too.

        Of sums of which some make others up, those of little weight are left out, until the former are told no more.
        What a line isolates by itself is returned once.
        """
        lines = []
        for number in range(len(self._kinds) - 1):
            if number not in self._lines:
                line = self._lines[number] = self._settled(number)
                for chosen in self._few(line.knows, line.first, line.people, line.kinds, line.group):
                    yield line.own[np.abs(chosen @ line.idle) > _NOTHING]
            lines.append(self._lines[number])
        if len(self._elsewhere):
            yield from self._over_all(lines, self._unheld(lines))

    def fold(self, number: int) -> None:
        """Tell a sum no more."""
        self._sums.told[number] = False
        self._lines.pop(int(self._sums.home[number]), None)

    def _settled(self, number: int) -> _Line:
        # Not above, here and below: scipy takes a third of a second, and a house starts without it.
        from scipy.sparse import csr_array  # noqa: PLC0415

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
        chosen = _independent(inside_ @ inside_.T, self._sums.weight[own])
        own, inside_ = own[chosen], inside_[chosen]
        # None of its sums is made up of others now, so their products can be inverted.
        made_up = np.linalg.solve(inside_ @ inside_.T, inside_) if outer_.size and len(own) else inside_
        beyond = outer_ - (outer_ @ inside_.T) @ made_up
        idle, answer, left = _undone(inside_[:, ~is_small], outer_[:, ~is_small])
        small, of_small = inside_[:, is_small], people[is_small]
        knows, weights, pivots = _reduced(idle @ small, order=np.argsort(-of_small, kind="stable"))
        return _Line(
            own=own,
            kinds=kinds + first,
            group=numbers[group[kinds]],
            people=of_small,
            small=small,
            outer=csr_array(outer_[:, is_small]),
            idle=weights @ idle,
            knows=knows,
            first=pivots,
            answer=answer,
            left=left,
            beyond=beyond,
        )

    def _count(self, first: int, last: int, group: Ints) -> Ints:
        """Count the distinct people of each group of the classes from *first* up to *last*."""
        rows = slice(self._people[first], self._people[last])
        person, of = self._sums.person[rows], group[self._sums.kind[rows] - first]
        everybody = int(self._sums.person.max(initial=0)) + 1
        return np.bincount(distinct(of * everybody + person) // everybody, minlength=int(group.max(initial=-1)) + 1)

    def _unheld(self, lines: list[_Line]) -> Weights:
        """Return the ways to weigh the sums from elsewhere that each line can undo in its large groups."""
        from scipy.linalg import eigh  # noqa: PLC0415

        told = np.flatnonzero(self._sums.told[self._elsewhere])
        beyond = np.zeros((len(told), len(told)))
        for line in lines:
            beyond += line.beyond[told] @ line.beyond[told].T
        told = told[_independent(beyond, self._sums.weight[self._elsewhere[told]])]
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

    def _over_all(self, lines: list[_Line], ways: Weights) -> Iterator[Ints]:
        """Return what sums from elsewhere isolate, by some of the *ways* to weigh them."""
        said = [line.says(ways) for line in lines]
        heard = [n for n, (of, _) in enumerate(said) if (np.abs(of) > _NOTHING).any()]
        if not heard:
            return
        people = np.concatenate([lines[n].people for n in heard])
        kinds = np.concatenate([lines[n].kinds for n in heard])
        widths = np.cumsum([0, *(len(lines[n].people) for n in heard)]).tolist()
        group = np.concatenate([lines[n].group + start for n, start in zip(heard, widths, strict=False)])
        rows = np.concatenate([said[n][0] for n in heard], axis=1)
        # What a line says by itself may be all that is lacking to add groups up.
        beneath = _blocks([lines[n].knows for n in heard])
        if (len(rows) + len(beneath)) * len(people) > HEARD_MAX:
            beneath = beneath[:0]
        knows, weights, firsts = _reduced(np.concatenate([rows, beneath]), order=np.argsort(-people, kind="stable"))
        for chosen in self._few(knows, firsts, people, kinds, group):
            made = chosen @ weights
            used = [self._elsewhere[np.abs(made[: len(ways)] @ ways) > _NOTHING]]
            for line, (_, own), alone in zip(lines, said, _parts(lines, heard, made[len(ways) :]), strict=True):
                used.append(line.own[np.abs(made[: len(ways)] @ own + alone @ line.idle) > _NOTHING])
            yield np.concatenate(used)

    def _few(self, rows: Weights, firsts: Ints, people: Ints, kinds: Ints, group: Ints) -> Iterator[Weights]:
        """Return how to weigh *rows*, what is known of groups, so that 1 … k−1 people are left."""
        if len(rows):
            # Whoever is in several groups of a sum counts once in it: such a sum costs no more than its people.
            cost = self._shares(kinds, group, count=len(people))
            yield from few_of(
                rows, firsts, cost, k=self._k, is_few=lambda says: self._is_few(says, people, kinds, group)
            )

    def _shares(self, kinds: Ints, group: Ints, *, count: int) -> Weights:
        """Return the people of each group, of whom each is shared by all groups that they are in."""
        everybody = int(self._sums.person.max(initial=0)) + 1
        rows = [self._sums.person[self._people[kind] : self._people[kind + 1]] for kind in kinds.tolist()]
        lengths = [len(each) for each in rows]
        both = distinct(np.repeat(group, lengths) * everybody + np.concatenate(rows))
        person = both % everybody
        shares: Any = np.bincount(both // everybody, weights=1 / np.bincount(person)[person], minlength=count)
        return np.asarray(shares, dtype=np.float64)

    def _is_few(self, says: Weights, people: Ints, kinds: Ints, group: Ints) -> bool:
        """Tell whether what is known shows 1 … k−1 people.

        A sum of groups is a figure of all who are in any of them. Where some count several times it is a figure of
        nobody, but none of them can be more than it: then it has to be below k itself.
        """
        if says.max() > 1 + _NOTHING:
            return float(says @ people) < self._k - _NOTHING
        chosen = kinds[(says > _NOTHING)[group]].tolist()
        rows = [self._sums.person[self._people[kind] : self._people[kind + 1]] for kind in chosen]
        return len(distinct(np.concatenate(rows))) < self._k


def _blocks(blocks: list[Weights]) -> Weights:
    """Return *blocks* below and beside each other, and nothing elsewhere."""
    heights, widths = np.cumsum([0, *map(len, blocks)]), np.cumsum([0, *(each.shape[1] for each in blocks)])
    made = np.zeros((int(heights[-1]), int(widths[-1])))
    for n, each in enumerate(blocks):
        made[heights[n] : heights[n + 1], widths[n] : widths[n + 1]] = each
    return made


def _parts(lines: list[_Line], heard: list[int], made: Weights) -> Iterator[Weights]:
    """Return how what each line says by itself is weighed; nothing where it is not *heard*, or looked at at all."""
    start = 0
    for n, line in enumerate(lines):
        own = len(line.idle) if n in heard and len(made) else 0
        yield made[start : start + own] if own else np.zeros(len(line.idle))
        start += own


def _reduced(matrix: Weights, *, order: Ints) -> tuple[Weights, Weights, Ints]:
    """Return rows that know the same, as simple as they get, how they were made, and the column that is only theirs.

    Each column in turn, in this *order*, is taken out of all rows but one: those of most people come first, so that
    what is left in the last rows is of the small ones.
    """
    rows, weights, firsts = matrix[:, order], np.eye(len(matrix)), list[int]()
    rows[np.abs(rows) < _FAINT] = 0
    done = column = 0
    while done < len(rows) and column < len(order):
        # A column that is nothing in the rows left stays so: each is looked at once.
        held = np.flatnonzero((np.abs(rows[done:, column : column + _COLUMNS]) > _NOTHING).any(axis=0))
        if not len(held):
            column += _COLUMNS
            continue
        column += int(held[0])
        best = done + int(np.abs(rows[done:, column]).argmax())
        for each in (rows, weights):
            each[[done, best]] = each[[best, done]]
        weights[done] /= rows[done, column]
        rows[done] /= rows[done, column]
        others = np.flatnonzero((np.abs(rows[:, column]) > 0) & (np.arange(len(rows)) != done))
        factor = rows[others, column][:, None]
        weights[others] -= factor * weights[done]
        changed = rows[others] - factor * rows[done]
        changed[np.abs(changed) < _FAINT] = 0
        rows[others] = changed
        firsts.append(int(order[column]))
        column += 1
        done += 1
    made = np.empty_like(rows[:done])
    made[:, order] = rows[:done]
    return made, weights[:done], np.array(firsts, dtype=np.int64)


def _alike(marks: Flags) -> tuple[Ints, Ints]:
    """Give columns that are alike one number; return it of each, and the first column of each number."""
    packed = np.ascontiguousarray(np.packbits(marks, axis=0).T)
    if not packed.shape[1]:
        return np.zeros(len(packed), dtype=np.int64), np.zeros(min(len(packed), 1), dtype=np.int64)
    whole = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, firsts, group = np.unique(whole, return_index=True, return_inverse=True)
    return group.ravel().astype(np.int64), firsts.astype(np.int64)


def _independent(products: Weights, weight: Ints) -> Ints:
    """Return sums of which none is made up of others, those of most *weight*, from the *products* of each by each."""
    left, kept = products.copy(), []
    for n in np.lexsort((np.arange(len(weight)), -weight)).tolist():
        if left[n, n] > _NOTHING * max(1.0, float(products[n, n])):
            kept.append(n)
            left -= np.outer(left[:, n], left[n] / left[n, n])
    return np.sort(np.array(kept, dtype=np.int64))


def _undone(large: Weights, outer: Weights) -> tuple[Weights, Weights, Weights]:
    """Return the ways to leave large groups out, and how far a line's sums undo there what others do."""
    if not large.size:
        return np.eye(len(large)), np.zeros((len(outer), len(large))), outer
    left, strength, right = np.linalg.svd(large, full_matrices=len(large) > large.shape[1])
    rank = int((strength > _NOTHING).sum())
    within = outer @ right[:rank].T
    answer = (within / strength[:rank]) @ left[:, :rank].T
    return left[:, rank:].T, answer, outer - within @ right[:rank]
