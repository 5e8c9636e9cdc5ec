"""Ask for periods that overlap, and for sites together, and subtract: a week minus six days, both sites minus one.

What a dashboard adds up it may only add up of what it tells anyway. So each difference has to be the figure that the
one day (or site) tells by itself; where that tells none, the difference must be nothing.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from collector.audit.finding import Seen
from collector.audit.kept import not_applicable
from collector.audit.outsider import PartName, Published, newest_of_each
from collector.audit.over_http import PublishedByExits
from collector.model import Dimension, Measure

#: How long questions are put to a running house.
PERIOD_SECONDS: Final = 4.0
#: Days of the longer period: a week.
_DAYS: Final = 7

#: What can be subtracted.
_SUMS: Final = frozenset(Measure)

#: Figures by dimension, value and column.
Told = Mapping[tuple[str, str, str], int]


class Subtracted(msgspec.Struct):
    """Add up differences.

    Attributes:
        queries: Pairs of questions that were subtracted.
        figures: Differences that are the figure told by itself.
        nothing: Differences that are nothing, where nothing is told.
        new: Differences that tell what is told nowhere.
    """

    queries: int = 0
    figures: int = 0
    nothing: int = 0
    new: int = 0

    def extend(self, other: "Subtracted") -> None:
        """Add what *other* came to."""
        self.queries += other.queries
        self.figures += other.figures
        self.nothing += other.nothing
        self.new += other.new

    def add(self, whole: Told, rest: Told, alone: Told) -> None:
        """Subtract *rest* from *whole* and compare with what is told *alone*."""
        self.queries += 1
        for key in whole.keys() | rest.keys() | alone.keys():
            difference = whole.get(key, 0) - rest.get(key, 0)
            self.figures += key in alone and difference == alone[key]
            self.nothing += key not in alone and not difference
            self.new += difference != alone.get(key, 0)


def check_periods(
    published: PublishedByExits,
    kept: Published,
    *,
    seconds: float = PERIOD_SECONDS,
    now: Callable[[], float] = time.monotonic,
) -> Seen:
    """R22 on questions: what two of them differ by is told by itself, or nothing.

    Args:
        published: Reads the dashboard.
        kept: Tells which days have figures.
        seconds: Begin no further day after so long; the newest days of each site come first.
        now: Monotonic seconds.
    """
    done, ends_at = Subtracted(), now() + seconds
    parts = [part for part in newest_of_each(kept.parts()) if part.day < published.today(part.site)]
    for part in parts:
        if done.queries and now() > ends_at:
            break
        done.extend(subtract_periods(published, part))
        for other in sorted({each.site for each in parts} - {part.site})[:1]:
            done.extend(subtract_sites(published, part, other))
    if not done.queries:
        return not_applicable("No whole day that is over has figures yet: ask again once one has.")
    return Seen.that(
        done.new == 0,
        questions_subtracted=done.queries,
        differences_told_by_themselves=done.figures,
        differences_of_nothing=done.nothing,
        differences_told_nowhere_else=done.new,
    )


def subtract_periods(published: PublishedByExits, part: PartName) -> Subtracted:
    """Subtract six days from the week that ends with *part*, and the week without its first day from the week."""
    done = Subtracted()
    first, last = part.day - timedelta(_DAYS - 1), part.day
    for dimension in published.dimensions(part.site):
        week = _told(published, [part.site], dimension, first, last)
        before = _told(published, [part.site], dimension, first, last - timedelta(1))
        done.add(week, before, _told(published, [part.site], dimension, last, last))
        after = _told(published, [part.site], dimension, first + timedelta(1), last)
        done.add(week, after, _told(published, [part.site], dimension, first, first))
    return done


def subtract_sites(published: PublishedByExits, one: PartName, other: str) -> Subtracted:
    """Subtract a site from what it and *other* come to together on the day of *one*."""
    done = Subtracted()
    for dimension in published.dimensions(one.site):
        if dimension in published.dimensions(other):
            both = _told(published, [one.site, other], dimension, one.day, one.day)
            alone = _told(published, [other], dimension, one.day, one.day)
            done.add(both, alone, _told(published, [one.site], dimension, one.day, one.day))
    return done


def _told(
    published: PublishedByExits, sites: Sequence[str], dimension: Dimension, first: date, last: date
) -> dict[tuple[str, str, str], int]:
    rows = published.panel(sites, dimension, first, last)
    return {
        (dimension.value, row[dimension.value], column): told
        for row in rows
        for column, told in _figures(row, dimension)
    }


def _figures(row: Mapping[str, Any], dimension: Dimension) -> Iterator[tuple[str, int]]:
    # Sums only: a ratio of a week minus one of six days is nobody's ratio.
    return (
        (column, told)
        for column, told in row.items()
        if column in _SUMS and column != dimension.value and told is not None
    )
