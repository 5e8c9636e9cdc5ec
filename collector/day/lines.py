"""Rows of one breakdown as the k rule sees them: people, lines and amounts. Personal data, in memory only."""

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from collector.day.facts import MEASURES

Ints: TypeAlias = NDArray[np.int64]
Flags: TypeAlias = NDArray[np.bool_]

PAGEVIEWS: Final = MEASURES.index("pageviews")
VISITS: Final = MEASURES.index("visits")


class People(msgspec.Struct):
    """Number the visitors of a part from 0, so that everything after counts in small integers.

    Attributes:
        keys: Visitor keys, sorted.
        amounts: What each visitor adds to the total; visitors × measures.
    """

    keys: NDArray[np.uint64]
    amounts: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<People sealed>"

    @classmethod
    def of(cls, total: pl.DataFrame) -> "People":
        """Read the visitors from the *total* frame of facts."""
        total = total.sort("visitor")
        return cls(total["visitor"].to_numpy(), _amounts(total))

    @property
    def count(self) -> int:
        """Count the visitors."""
        return len(self.keys)

    def numbers(self, visitors: pl.Series) -> Ints:
        """Return the number of each of *visitors*."""
        return np.searchsorted(self.keys, visitors.to_numpy()).astype(np.int64)


class Lines(msgspec.Struct):
    """Hold one breakdown: a row per visitor and line, never more.

    Attributes:
        names: The line's value or roll-up by its number; sorted.
        person: Number of the visitor, per row.
        line: Number of the line, per row; rows are sorted by line, then visitor.
        amounts: Rows × measures.
    """

    names: list[str]
    person: Ints
    line: Ints
    amounts: Ints

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Lines sealed>"

    @classmethod
    def of(cls, frame: pl.DataFrame, people: People, *, column: str = "value") -> "Lines":
        """Read one breakdown's frame of facts."""
        line = (frame[column].rank("dense").cast(pl.Int64) - 1).to_numpy()
        names = frame[column].unique().sort().to_list()
        return _gather(names, people.numbers(frame["visitor"]), line, _amounts(frame))

    @property
    def visitors(self) -> Ints:
        """Count the distinct visitors of each line."""
        return np.bincount(self.line, minlength=len(self.names))

    def missing(self, people: People) -> Ints:
        """Return what each visitor adds to the total beyond all lines together, never below 0; visitors × measures."""
        missing: Ints = np.maximum(people.amounts - add_up(self.amounts, self.person, count=people.count), 0)
        return missing

    def completed(self, people: People, *, k: int, name: str) -> "Lines":
        """Put what 1 … k−1 visitors did outside all lines under *name*; where more did so, change nothing."""
        missing = self.missing(people)
        is_absent = np.bincount(self.person, minlength=people.count) == 0
        absent = np.flatnonzero(is_absent | missing[:, [PAGEVIEWS, VISITS]].any(axis=1))
        if not 0 < len(absent) < k:
            return self
        names = sorted({*self.names, name})
        numbers = np.array([names.index(each) for each in self.names], dtype=np.int64)
        line = np.r_[numbers[self.line], np.full(len(absent), names.index(name))]
        return _gather(names, np.r_[self.person, absent], line, np.r_[self.amounts, missing[absent]])

    def rows(self, line: int) -> slice:
        """Return where the rows of one line stand."""
        start, end = np.searchsorted(self.line, (line, line + 1))
        return slice(int(start), int(end))

    def renamed(self, names: Mapping[str, str], people: People) -> "Lines":
        """Return the lines under other *names*, those of one name recounted together.

        A visit that saw two of the pages behind one new name is known only by its visitor here, so each visitor's
        visits are held to what the visitor has in all: exact for everybody with one visit, never too small.
        """
        targets = sorted(set(names.values()))
        numbers = {name: number for number, name in enumerate(targets)}
        recode = np.array([numbers[names[name]] for name in self.names], dtype=np.int64)
        gathered = _gather(targets, self.person, recode[self.line], self.amounts)
        merged = np.bincount(recode, minlength=len(targets))[gathered.line] > 1
        capped = np.minimum(gathered.amounts[:, VISITS], people.amounts[gathered.person, VISITS])
        gathered.amounts[merged, VISITS] = capped[merged]
        return gathered


def starts_of(ordered: Ints) -> Ints:
    """Return where each run of equal values begins."""
    begins = np.empty(len(ordered), dtype=np.bool_)
    begins[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    return np.flatnonzero(begins)


def distinct(values: Ints) -> Ints:
    """Return each of *values* once, sorted; several times faster than `numpy.unique`, which hashes integers."""
    ordered = np.sort(values)
    return ordered[starts_of(ordered)]


def counted(values: Ints) -> tuple[Ints, Ints]:
    """Return each of *values* once, sorted, and how often it stands there."""
    ordered = np.sort(values)
    starts = starts_of(ordered)
    return ordered[starts], np.diff(starts, append=len(ordered))


def among(values: Ints, others: Ints) -> Flags:
    """Tell of each of *values* whether it is one of *others*."""
    ordered = np.sort(others)
    place = np.minimum(np.searchsorted(ordered, values), max(len(ordered) - 1, 0))
    return np.asarray(ordered[place] == values) if len(ordered) else np.zeros(len(values), dtype=np.bool_)


def add_up(amounts: Ints, index: Ints, *, count: int) -> Ints:
    """Return the sums of the rows of *amounts* that have the same *index*; *count* × measures."""
    # Weighted counts are floats: exact up to 2**53, and several times faster than adding in place.
    sums = [np.bincount(index, weights=column, minlength=count) for column in amounts.T]
    return np.stack(sums, axis=1).astype(np.int64)


def _amounts(frame: pl.DataFrame) -> Ints:
    return np.stack([frame[measure].to_numpy().astype(np.int64) for measure in MEASURES], axis=1)


def _gather(names: list[str], person: Ints, line: Ints, amounts: Ints) -> Lines:
    """Add up rows of the same visitor and line, sorted by line and visitor."""
    if not len(person):
        return Lines([], person, line, amounts)
    order = np.lexsort((person, line))
    person, line = person[order], line[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(line) != 0) | (np.diff(person) != 0)])
    summed = np.add.reduceat(amounts[order], starts, axis=0)
    return Lines(names, person[starts], line[starts], summed)
