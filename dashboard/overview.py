"""Put together what stands above the panels: periods to pick, the chart with what happened, and who is there now."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from collector.model import Site
from dashboard import cells, marker_words
from dashboard.chart import Beside, Chart, draw
from dashboard.desk.notes import TEXT_LENGTH_MAX
from dashboard.house import House
from dashboard.markers import Around, Mark, MarkKind, around
from dashboard.metrics import Key, mark, total
from dashboard.period import CALENDAR, COMPARED, SHIFTS, Period, PeriodKind, shift
from dashboard.query import Query
from dashboard.report import Report
from dashboard.timeline import Point, State
from dashboard.view import View
from dashboard.who import Right, Who
from dashboard.words import Words

#: Of a longer period the time axis names months.
_MONTHS_FROM_DAYS: Final = 120
#: So many marks stand under the chart; the others are there to be opened.
MARKS_SHOWN: Final = 6
_NEAR: Final = (
    (PeriodKind.TODAY, mark("Today"), "d"),
    (PeriodKind.WEEK, mark("7 days"), "w"),
    (PeriodKind.FOUR_WEEKS, mark("28 days"), ""),
    (PeriodKind.QUARTER, mark("90 days"), ""),
    (PeriodKind.MONTH, mark("Month"), "m"),
    (PeriodKind.SCHOOL_YEAR, mark("School year"), "s"),
)
_FAR: Final = (
    (PeriodKind.YESTERDAY, mark("Yesterday"), ""),
    (PeriodKind.YEAR, mark("Year"), "y"),
    (PeriodKind.TWELVE_MONTHS, mark("12 months"), ""),
    (PeriodKind.ALL, mark("Everything"), ""),
)
COMPARISONS: Final = {
    28: mark("28 days before"),
    364: mark("364 days before"),
    0: mark("nothing"),
}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a period that can be picked; *key* picks it from the keyboard."""

    text: str
    period: Period
    key: str
    is_current: bool


class Picker(msgspec.Struct, frozen=True, kw_only=True):
    """Hold which periods there are to pick.

    Attributes:
        near: Always shown.
        far: Shown when they are asked for.
        current: Name of the one that is shown, where it is none of *near*.
        earlier: The period before; None where there is none.
        later: The period after; None where there is none.
        compare: What the period may be compared with: days, how that is said, and whether it is.
        overlap: Why it is compared with something else, or with nothing; empty where it is not.
        begun: Why the compared period is not whole; empty where it is.
    """

    near: list[Choice]
    far: list[Choice]
    current: str
    earlier: Period | None
    later: Period | None
    compare: list[tuple[int, str, bool]]
    overlap: str
    begun: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a mark with its sentence."""

    mark: Mark
    text: str


def above(house: House, view: View, report: Report, sites: Sequence[Site], *, who: Who) -> dict[str, Any]:
    """Return what the top of the overview is made from.

    Args:
        house: Of the sites.
        view: Writes for the reader.
        report: What the query came to.
        sites: Those that it names.
        who: Who looks.
    """
    words = view.words
    first_day = cells.first_day(house.reader, report.query.sites)
    known = around(house, sites, report.span, today=report.today)
    drawn = chart_of(view, report, known)
    said = [Said(mark=each, text=marker_words.sentence(words, each)) for each in known.marks]
    return {
        "chart": drawn,
        "around": known,
        "said": said,
        "marks_shown": MARKS_SHOWN,
        "remarks": {n: remark(words, point, known) for n, point in enumerate(report.points)},
        "legend": legend(words, report, known, drawn),
        "unknown": unknown(words, known),
        "picker": picker(words, report, first_day=first_day),
        "is_new": first_day is None and not report.as_of,
        "present": present(house, sites),
        "make_query": lambda names: Query(sites=names),
        "accepted": accepted(report),
        "note_length": TEXT_LENGTH_MAX,
        # Of a collection nobody wants to pick one of hundreds here.
        "may_note": [site.id for site in sites if not report.query.collection and who.may(Right.NOTES, site.id)],
    }


def picker(words: Words, report: Report, *, first_day: date | None) -> Picker:
    """Return which periods there are to pick, and which one is shown."""
    now, today, span = report.query.period, report.today, report.span

    def choice(kind: PeriodKind, text: str, key: str) -> Choice:
        is_current = now.kind is kind
        period = now if is_current and kind in CALENDAR else _of_kind(kind, today)
        name = period_name(words, now) if is_current and kind in CALENDAR else words.text(text)
        return Choice(text=name, period=period, key=key, is_current=is_current)

    near, far = ([choice(*each) for each in kinds] for kinds in (_NEAR, _FAR))
    current = next((each.text for each in far if each.is_current), "")
    if now.kind is PeriodKind.OWN:
        current = words.span(span.first, span.last) if span.days > 1 else words.day(span.first, "short")
    return Picker(
        near=near,
        far=far,
        current=current,
        earlier=now.step(-1, today=today),
        later=now.step(1, today=today),
        compare=[
            (days, words.text(COMPARISONS[days]), report.query.shift(span) in _same(days))
            for days in (*COMPARED[1:], 0)
            if not days or shift(span, days) in _same(days)
        ],
        overlap=_overlap(words, report),
        begun=_begun(words, report, first_day),
    )


def _same(days: int) -> tuple[int, ...]:
    """Return the shifts that go by the same name: a whole year is compared over 53 weeks."""
    return SHIFTS[1:] if days == SHIFTS[1] else (days,)


def _overlap(words: Words, report: Report) -> str:
    wanted, got = report.query.compare, report.query.shift(report.span)
    if got == wanted:
        return ""
    days = words.number(report.span.days)
    if not got:
        return words.text(
            mark(
                "{days} days are more than a year: what lies a year before would overlap them, so nothing is compared."
            ),
            days=days,
        )
    return words.text(
        mark(
            "{wanted} days before, {days} days would overlap themselves; so they are compared with {got} days before."
        ),
        wanted=wanted,
        days=days,
        got=got,
    )


def _begun(words: Words, report: Report, first_day: date | None) -> str:
    before = report.previous_span
    if not before or not first_day or before.first >= first_day:
        return ""
    if before.last < first_day:
        return words.text(
            mark("Counting began on {day}: there is nothing to compare with yet."), day=words.day(first_day, "short")
        )
    return words.text(
        mark("Counting began on {day}, in the middle of the compared period: changes say little yet."),
        day=words.day(first_day, "short"),
    )


def _of_kind(kind: PeriodKind, today: date) -> Period:
    makes = {PeriodKind.MONTH: Period.month, PeriodKind.YEAR: Period.year, PeriodKind.SCHOOL_YEAR: Period.school_year}
    return makes[kind](today) if kind in makes else Period(kind)


def period_name(words: Words, period: Period) -> str:
    """Return what a month, a year or a school year is called."""
    if period.kind is PeriodKind.MONTH and period.first:
        return words.day(period.first, "month_short")
    return str(period).replace("-", "–")


def chart_of(view: View, report: Report, known: Around) -> Chart | None:
    """Return the chart, with holidays and marks."""
    words, key = view.words, report.figure.metric.key
    is_long = report.span.days > _MONTHS_FROM_DAYS

    def name_point(point: Point) -> str:
        return words.day(point.last, "month_short") if is_long else view.tick(point)

    return draw(
        report.points,
        key,
        previous=report.previous_blocks,
        name_value=lambda value: view.axis(key, value),
        name_point=name_point,
        beside=Beside(
            holidays=[(each.first, each.last, marker_words.holiday(words, each.name)) for each in known.holidays],
            marks=[(each.day, each.kind.value) for each in known.marks],
        ),
    )


def remark(words: Words, point: Point, known: Around) -> str:
    """Return what is said beside the figure of a place on the time axis; empty where nothing is."""
    names = [
        marker_words.holiday(words, each.name)
        for each in known.holidays
        if each.first <= point.last and point.first <= each.last
    ]
    marks = [marker_words.sentence(words, each).rstrip(".") for each in known.within(point.first, point.last)]
    return "; ".join(dict.fromkeys([*names, *marks]))


def legend(words: Words, report: Report, known: Around, drawn: Chart | None) -> list[tuple[str, str]]:
    """Return what the signs of the chart mean, of those that it has."""
    states = {point.state for point in report.points}
    days = [point.first for point in report.points if point.days == 1 and not point.hours]
    kinds = {each.kind for each in known.marks}
    signs = (
        ("weekend", mark("weekend"), any(day.weekday() > 4 for day in days)),  # noqa: PLR2004 - Saturday and Sunday
        ("holiday", marker_words.holidays(words, known), bool(known.holidays)),
        ("below_k", mark("below the threshold"), State.BELOW_K in states),
        ("lost", mark("lost day"), State.LOST in states),
        ("note", mark("note"), MarkKind.NOTE in kinds),
        ("setting", mark("setting changed"), MarkKind.SETTING in kinds),
        ("gap", mark("something was lost"), MarkKind.GAP in kinds),
        ("tail", mark("not a whole day or week"), drawn is not None and drawn.has_part),
    )
    return [(kind, words.text(text)) for kind, text, is_there in signs if is_there]


def unknown(words: Words, known: Around) -> str:
    """Return which holidays may lie in the period and are not known; empty for none."""
    names = [f"{marker_words.holiday(words, name)} {year}" for name, year in known.unknown]
    return words.text(mark("Not known here, and so not shaded: {names}."), names=", ".join(names)) if names else ""


def present(house: House, sites: Sequence[Site]) -> int | None:
    """Return how many visitors are there now, in multiples of k; None where that may not be told."""
    told = [now.visitors for site in sites for now in [house.now(site.id)] if now and now.visitors is not None]
    return sum(told) if told else None


def accepted(report: Report) -> tuple[int, int] | None:
    """Return the pageviews and events of the period that were counted; None of a filter, or of single hours."""
    if report.query.filter or not report.points or report.points[0].hours:
        return None
    tally = total(point.tally for point in report.points if point.is_counted)
    if not tally:
        return None
    return tally[Key.PAGEVIEWS].numerator, tally[Key.EVENTS].numerator
