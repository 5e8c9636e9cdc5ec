"""Find what sums and differences of two breakdowns' lines would give away: a cut test on distinct people.

Lines of one breakdown are the rows of a table, lines of another its columns; its folded cells are not published. Rows
S minus columns T leaves exactly the folded cells of S outside T, provided that no folded cell of T outside S holds
anybody. Such a set must hold k people or nobody. Seen as a net it is a cut: rows and columns are nodes, a folded cell
leads from its row to its column with one unit for each of its people, and back without limit, so that no cell that
would spoil the difference can be cut. If k units flow from a cell's row to its column, no difference isolates it.

One person in many cells counts once: their cells of one row (or one column) share a single unit. A person whose cells
lie across is counted in the one row or column that holds most of them, which finds too few people, never too many.

Source: docs/decisions/0004-small-groups.md
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, TypeAlias

import msgspec
import numpy as np

from collector.day.lines import Flags, Ints, among, counted, distinct, starts_of

#: Stands for no limit; more than any k.
_ENDLESS: Final = 1 << 20
#: People of one shape: their common node, whether it is a row, and the nodes at the other ends.
_Star: TypeAlias = tuple[bool, int, tuple[int, ...]]
#: The cells between groups (row's, column's), and how many people have which shape.
_Shapes: TypeAlias = tuple[list[tuple[int, int]], Counter[_Star]]


class Cut(msgspec.Struct, frozen=True):
    """Name the lines whose difference is a group of 1 … k−1 people: these rows minus these columns."""

    rows: Flags
    columns: Flags

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Cut sealed>"


def spoiling(inside: Flags, folded: Flags, visitors: Ints) -> list[int]:
    """Choose the lines of fewest visitors that spoil a difference when they are folded; empty where none can.

    Folding spoils a difference only if it joins a line of it with one that is not.

    Args:
        inside: Of each line, whether the difference has it.
        folded: Of each line, whether it is folded already; all of these stand together.
        visitors: Of each line.
    """
    wanted = {not inside[np.flatnonzero(folded)[0]]} if folded.any() else {True, False}
    chosen = []
    for each in sorted(wanted):
        places = np.flatnonzero(~folded & (inside == each))
        if not len(places):
            return []
        chosen.append(int(places[np.lexsort((places, visitors[places]))[0]]))
    return chosen


class Net(msgspec.Struct):
    """Hold the folded cells of two breakdowns, and which lines no difference can tell apart any more.

    Folding only ever adds: what was found safe stays safe, so each step starts where the last one ended.

    Attributes:
        person: Number of the visitor, one row per visitor and folded cell.
        row: Number of the row.
        column: Number of the column.
        sides: How many rows and columns there are.
        group: For each row, then each column, the number of its group of lines.
    """

    person: Ints
    row: Ints
    column: Ints
    sides: tuple[int, int]
    group: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Net sealed>"

    @classmethod
    def of(cls, person: Ints, row: Ints, column: Ints, *, sides: tuple[int, int]) -> "Net":
        """Begin with every line by itself."""
        return cls(person, row, column, sides, np.arange(sum(sides), dtype=np.int64))

    def join_rows(self, rows: Ints) -> None:
        """Treat some rows as one line."""
        if len(rows) > 1:
            joined = self.group[rows]
            self.group[np.isin(self.group, joined)] = joined.min()

    def join_columns(self, columns: Ints) -> None:
        """Treat some columns as one line."""
        self.join_rows(self.sides[0] + columns)

    def fold(self, row: int, column: int) -> None:
        """Add a cell of k or more people to the folded ones: its row and column cannot be cut apart any more."""
        self._join(self.group[[row]], self.group[[self.sides[0] + column]])

    def weakest(self, *, k: int) -> Cut | None:
        """Return lines whose difference isolates fewer than k people, or None where there are none."""
        while True:
            self.settle(k=k)
            if not len(self.person):
                return None
            # The first cell by name, so that the answer depends on nobody's key and on no order of rows.
            first = np.lexsort((self.column, self.row))[0]
            source, sink = int(self.group[self.row[first]]), int(self.group[self.sides[0] + self.column[first]])
            reached = _reached(source, sink, *self._shapes(np.zeros_like(self.group))[0], size=len(self.group), k=k)
            if reached is not None:
                inside = np.isin(self.group, list(reached))
                return Cut(inside[: self.sides[0]], inside[self.sides[0] :])
            self._join(np.array([source]), np.array([sink]))

    def weakest_of_each(self, part: Ints, *, k: int) -> Iterator[tuple[int, set[int]]]:
        """Look once in each part of a net whose parts have nothing in common; all are settled when nobody is left.

        Args:
            part: Of each row, then each column, the number of its part.
            k: Fewest distinct people of a difference.

        Returns:
            A part, and the groups of its lines whose difference isolates fewer than k people; join some of them, or
            leave the part, before the next look.
        """
        self.settle(k=k)
        order = np.lexsort((self.column, self.row, part[self.row]))
        where = part[self.row[order]]
        starts, ends = self._ends()
        shapes, safe = self._shapes(part), []
        for first in order[starts_of(where)].tolist():
            source, sink, own = int(starts[first]), int(ends[first]), int(part[self.row[first]])
            reached = _reached(source, sink, *shapes[own], size=len(self.group), k=k)
            if reached is None:
                safe.append((source, sink))
            else:
                yield own, reached
        if safe:
            one, other = np.array(safe, dtype=np.int64).T
            self._join(one, other)

    def set_apart(self, part: Ints) -> None:
        """Take whoever is in several parts of a net for somebody else in each."""
        own = part[self.row] * (int(self.person.max(initial=0)) + 1) + self.person
        self.person = np.searchsorted(distinct(own), own)

    def join_within(self, lines: Ints, within: Ints) -> None:
        """Treat some lines (rows, then columns) as one, of a part whose lines are *within*."""
        group = self.group[within]
        joined = self.group[lines]
        self.group[within[among(group, joined)]] = joined.min()

    def leave(self, parts: list[int], part: Ints) -> None:
        """Look into some parts no more."""
        kept = ~among(part[self.row], np.array(parts, dtype=np.int64))
        self.person, self.row, self.column = self.person[kept], self.row[kept], self.column[kept]

    def _ends(self) -> tuple[Ints, Ints]:
        return self.group[self.row], self.group[self.sides[0] + self.column]

    def settle(self, *, k: int) -> None:
        """Join groups between which k people stand or which hold each other, and drop what lies inside a group."""
        while len(self.person):
            start, end = self._ends()
            apart = start != end
            self.person, self.row, self.column = self.person[apart], self.row[apart], self.column[apart]
            start, end = start[apart], end[apart]
            if not len(start):
                return
            size, everybody = len(self.group), int(self.person.max()) + 1
            between, people = counted(distinct((start * size + end) * everybody + self.person) // everybody)
            edges = np.stack([between // size, between % size])
            fat = edges[:, people >= k]
            if not fat.shape[1]:
                fat = self._circles(edges)
            if not fat.shape[1]:
                return
            self._join(fat[0], fat[1])

    def _circles(self, edges: Ints) -> Ints:
        """Return the edges between groups that hold each other in a circle."""
        # Not above, here and below: scipy takes a third of a second, and a house starts without it.
        from scipy.sparse import csr_array  # noqa: PLC0415
        from scipy.sparse.csgraph import connected_components  # noqa: PLC0415

        size = len(self.group)
        graph = csr_array((np.ones(edges.shape[1], dtype=np.int8), (edges[0], edges[1])), shape=(size, size))
        _, label = connected_components(graph, connection="strong")
        return edges[:, label[edges[0]] == label[edges[1]]]

    def _join(self, one: Ints, other: Ints) -> None:
        # The lowest number spreads along the edges, and each number follows the one it points to: for the few lines
        # of most nets far cheaper than a graph.
        label = np.arange(len(self.group))
        while True:
            low = np.minimum(label[one], label[other])
            if np.array_equal(low, label[one]) and np.array_equal(low, label[other]):
                break
            np.minimum.at(label, label[one], low)
            np.minimum.at(label, label[other], low)
            np.minimum.at(label, one, low)
            np.minimum.at(label, other, low)
            label = label[label]
        while not np.array_equal(label, label[label]):
            label = label[label]
        self.group = label[self.group]

    def _shapes(self, part: Ints) -> dict[int, _Shapes]:
        """Return, of each part that has anybody, which groups hold each other and how many people have which shape."""
        size = len(self.group)
        start, end = self._ends()
        found: defaultdict[int, _Shapes] = defaultdict(lambda: ([], Counter()))
        edges = distinct(start * size + end)
        start_of, end_of = edges // size, edges % size
        for of, one, other in zip(part[start_of].tolist(), start_of.tolist(), end_of.tolist(), strict=True):
            found[of][0].append((one, other))
        cells = distinct((self.person * size + start) * size + end)
        person, shape = cells // (size * size), cells % (size * size)
        first = starts_of(person)
        last = np.append(first[1:], len(person))
        alone = last - first == 1
        shapes, people = counted(shape[first[alone]])
        for of, count in zip(shapes.tolist(), people.tolist(), strict=True):
            found[int(part[of // size])][1][True, of // size, (of % size,)] = count
        ends = list(zip((shape // size).tolist(), (shape % size).tolist(), strict=True))
        for one, other in zip(first[~alone].tolist(), last[~alone].tolist(), strict=True):
            found[int(part[ends[one][0]])][1][_star(ends[one:other])] += 1
        return found


def _reached(
    source: int, sink: int, edges: list[tuple[int, int]], stars: Counter[_Star], *, size: int, k: int
) -> set[int] | None:
    """Return which groups stand on the source's side of the narrowest cut, or None where k units pass."""
    room: defaultdict[int, dict[int, int]] = defaultdict(dict)

    def widen(tail: int, head: int, units: int) -> None:
        room[tail][head] = room[tail].get(head, 0) + units
        room[head].setdefault(tail, 0)

    for forth, back in edges:
        widen(back, forth, _ENDLESS)
    for (is_row, centre, ends), count in stars.items():
        if len(ends) == 1:
            widen(*((centre, ends[0]) if is_row else (ends[0], centre)), count)
            continue
        widen(*((centre, size) if is_row else (size, centre)), count)
        for each in ends:
            widen(*((size, each) if is_row else (each, size)), _ENDLESS)
        size += 1
    return _pass(room, source, sink, units=k)


def _pass(room: dict[int, dict[int, int]], source: int, sink: int, *, units: int) -> set[int] | None:
    """Send *units* from source to sink; return what can still be reached where not all of them pass.

    Few units and a handful of nodes: done here it takes a tenth of what a library needs to set its matrices up.
    """
    sent = 0
    while sent < units:
        before, waiting = {source: source}, deque([source])
        while waiting and sink not in before:
            node = waiting.popleft()
            for head, left in room[node].items():
                if left and head not in before:
                    before[head] = node
                    waiting.append(head)
        if sink not in before:
            return set(before)
        path = [sink]
        while path[-1] != source:
            path.append(before[path[-1]])
        steps = list(pairwise(reversed(path)))
        least = min(room[tail][head] for tail, head in steps)
        for tail, head in steps:
            room[tail][head] -= least
            room[head][tail] += least
        sent += least
    return None


def _star(cells: list[tuple[int, int]]) -> _Star:
    rows, columns = Counter(row for row, _ in cells), Counter(column for _, column in cells)
    row, in_row = min(rows.items(), key=lambda item: (-item[1], item[0]))
    column, in_column = min(columns.items(), key=lambda item: (-item[1], item[0]))
    if in_row >= in_column:
        return True, row, tuple(sorted(end for start, end in cells if start == row))
    return False, column, tuple(sorted(start for start, end in cells if end == column))
