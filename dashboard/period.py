"""Which days are asked for: spans, and the kinds of period that a reader picks."""

import re
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Self

import msgspec

from collector.errors import TurvenError

#: As long as cells are kept.
PERIOD_DAYS_MAX: Final = 760
#: A school year begins on 1 August and ends on 31 July.
SCHOOL_YEAR_MONTH: Final = 8
_MONTH: Final = re.compile(r"(\d{4})-(\d{2})")
_YEAR: Final = re.compile(r"\d{4}")
_SCHOOL_YEAR: Final = re.compile(r"(\d{4})-(\d{4})")
_DECEMBER: Final = 12
_YEAR_MAX: Final = 9_990
#: How many days before a period may lie what it is compared with: whole weeks, so that weekdays match.
SHIFTS: Final = (28, 364, 371)
#: What a reader chooses from. A whole calendar year has a day or two more than 52 weeks: it is compared over 53.
COMPARED: Final = (0, 28, 364)


class QueryError(TurvenError):
    """Refuse an address that asks for something there is not."""

    def __init__(self, what: str) -> None:
        super().__init__("query_invalid", f"{what} is not known here.")
        self.what = what


class Span(msgspec.Struct, frozen=True):
    """Hold a stretch of local days, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        """Return how many days it has."""
        return (self.last - self.first).days + 1

    def before(self, days: int) -> "Span":
        """Return the stretch as long, *days* earlier."""
        return Span(self.first - timedelta(days), self.last - timedelta(days))

    def each(self) -> list[date]:
        """Return every day."""
        return [self.first + timedelta(n) for n in range(self.days)]

    def holds(self, day: date) -> bool:
        """Tell whether *day* is in it."""
        return self.first <= day <= self.last


class PeriodKind(StrEnum):
    """Name a kind of period."""

    TODAY = "today"
    YESTERDAY = "yesterday"
    WEEK = "7d"
    FOUR_WEEKS = "28d"
    QUARTER = "90d"
    MONTH = "month"
    YEAR = "year"
    TWELVE_MONTHS = "12mo"
    SCHOOL_YEAR = "school"
    ALL = "all"
    OWN = "own"


_DAYS: Final = {PeriodKind.YESTERDAY: 1, PeriodKind.WEEK: 7, PeriodKind.FOUR_WEEKS: 28, PeriodKind.QUARTER: 90}
#: Kinds that are whole by the calendar, and have neighbours of the same kind.
CALENDAR: Final = frozenset({PeriodKind.MONTH, PeriodKind.YEAR, PeriodKind.SCHOOL_YEAR})
#: Kinds that an address names by themselves.
_NAMED: Final = frozenset({PeriodKind.TODAY, PeriodKind.TWELVE_MONTHS, PeriodKind.ALL, *_DAYS})


class Period(msgspec.Struct, frozen=True):
    """Hold which days are asked for.

    Attributes:
        first: First day of a month, a year, a school year or an own period; of everything the first closed day, once
            somebody looked it up (`since`); else None.
        last: Of an own period its last day, not before *first*; else None.
    """

    kind: PeriodKind = PeriodKind.FOUR_WEEKS
    first: date | None = None
    last: date | None = None

    @classmethod
    def own(cls, first: date, last: date) -> Self:
        """Return the period between two days, in whichever order they come, at most 760 days long."""
        first, last = min(first, last), max(first, last)
        return cls(PeriodKind.OWN, max(first, last - timedelta(PERIOD_DAYS_MAX - 1)), last)

    @classmethod
    def month(cls, day: date) -> Self:
        """Return the month that *day* is in."""
        return cls(PeriodKind.MONTH, day.replace(day=1))

    @classmethod
    def year(cls, day: date) -> Self:
        """Return the year that *day* is in."""
        return cls(PeriodKind.YEAR, day.replace(month=1, day=1))

    @classmethod
    def school_year(cls, day: date) -> Self:
        """Return the school year that *day* is in: 1 August to 31 July."""
        begun = day.year if day.month >= SCHOOL_YEAR_MONTH else day.year - 1
        return cls(PeriodKind.SCHOOL_YEAR, date(begun, SCHOOL_YEAR_MONTH, 1))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Raises:
            QueryError: It is no period.
        """
        if text in _NAMED:
            return cls(PeriodKind(text))
        try:
            found = cls._calendar(text)
            if found:
                return found
            first, separator, last = text.partition("..")
            if separator:
                return cls.own(date.fromisoformat(first), date.fromisoformat(last))
        except (ValueError, OverflowError):
            raise QueryError(text) from None
        raise QueryError(text)

    @classmethod
    def _calendar(cls, text: str) -> Self | None:
        school = _SCHOOL_YEAR.fullmatch(text)
        if school and int(school[1]) + 1 == int(school[2]) <= _YEAR_MAX:
            return cls(PeriodKind.SCHOOL_YEAR, date(int(school[1]), SCHOOL_YEAR_MONTH, 1))
        if _YEAR.fullmatch(text) and int(text) <= _YEAR_MAX:
            return cls(PeriodKind.YEAR, date(int(text), 1, 1))
        if _MONTH.fullmatch(text) and int(text[:4]) <= _YEAR_MAX:
            return cls.month(date.fromisoformat(f"{text}-01"))
        return None

    def __str__(self) -> str:
        if self.first and self.kind is PeriodKind.MONTH:
            return self.first.isoformat()[:7]
        if self.first and self.kind is PeriodKind.YEAR:
            return self.first.isoformat()[:4]
        if self.first and self.kind is PeriodKind.SCHOOL_YEAR:
            return f"{self.first.year:04}-{self.first.year + 1:04}"
        if self.kind is PeriodKind.OWN:
            return f"{self.first}..{self.last}"
        return self.kind.value

    def since(self, first_day: date | None) -> "Period":
        """Return everything as of *first_day*, the first closed one; any other period stays what it is."""
        return Period(self.kind, first_day) if self.kind is PeriodKind.ALL else self

    def step(self, steps: int, *, today: date) -> "Period | None":
        """Return the period before (-1) or after (1), or None where there is none.

        A month or a year has neighbours of its kind; any other period that of as many days, by the name that it has
        where it has one. After the present there is nothing, and before everything neither.
        """
        if self.kind is PeriodKind.ALL:
            return None
        if self.kind in CALENDAR and self.first:
            return self._neighbour(self.first, steps, today=today)
        span = self.span(today)
        try:
            moved = Span(span.first + timedelta(span.days * steps), span.last + timedelta(span.days * steps))
        except OverflowError:
            return None
        if moved.first > today or (moved.first == today and moved.days > 1):
            return None
        named = (Period(kind) for kind in (PeriodKind.TODAY, *_DAYS))
        return next((period for period in named if period.span(today) == moved), Period.own(moved.first, moved.last))

    def _neighbour(self, first: date, steps: int, *, today: date) -> "Period | None":
        end = _end(self.kind, first)
        if (steps < 0 and first == date.min) or (steps > 0 and end.year > _YEAR_MAX):
            return None
        try:
            day = first - timedelta(1) if steps < 0 else end + timedelta(1)
            found = {
                PeriodKind.MONTH: Period.month,
                PeriodKind.YEAR: Period.year,
                PeriodKind.SCHOOL_YEAR: Period.school_year,
            }[self.kind](day)
        except (ValueError, OverflowError):
            return None
        return found if found.first and found.first <= today else None

    def span(self, today: date) -> Span:
        """Return the days it covers when it is *today*.

        Days that run are left out, so that a period can be compared with another; only today by itself and an own
        period hold the running day.
        """
        yesterday = today - timedelta(1)
        if self.kind in CALENDAR and self.first:
            past = Span(self.first, min(_end(self.kind, self.first), yesterday))
            return past if self.first < today else Span(today, today)
        if self.kind is PeriodKind.OWN and self.first and self.last:
            return Span(min(self.first, today), min(self.last, today))
        return Span(today, today) if self.kind is PeriodKind.TODAY else Span(self._begin(yesterday), yesterday)

    def _begin(self, yesterday: date) -> date:
        """Return the first day of a period that ends yesterday."""
        if self.kind is PeriodKind.TWELVE_MONTHS:
            return _months_before(yesterday, 11)
        if self.kind is PeriodKind.ALL:
            earliest = yesterday - timedelta(PERIOD_DAYS_MAX - 1)
            return min(max(self.first or earliest, earliest), yesterday)
        return yesterday - timedelta(_DAYS[self.kind] - 1)


def shift(span: Span, compare: int) -> int:
    """Return how many days before *span* the compared period lies; 0 for none.

    Args:
        span: The period, which never overlaps the one it is compared with.
        compare: How many days before a reader wants it at least; 0 for none.
    """
    days = next((days for days in SHIFTS if compare and compare <= days and span.days <= days), 0)
    # There is no day before the first one of the calendar.
    return days if span.first.toordinal() > days else 0


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * _DECEMBER + day.month - 1 - months, _DECEMBER)
    return date(year, month + 1, 1)


def _end(kind: PeriodKind, first: date) -> date:
    """Return the last day of the month, year or school year that begins on *first*."""
    if kind is PeriodKind.YEAR:
        return first.replace(month=_DECEMBER, day=31)
    if kind is PeriodKind.SCHOOL_YEAR:
        return date(first.year + 1, SCHOOL_YEAR_MONTH - 1, 31)
    if first.month == _DECEMBER:
        return first.replace(day=31)
    return first.replace(month=first.month + 1) - timedelta(1)
