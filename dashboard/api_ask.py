"""Read a program's question: its JSON as a struct, then what of it can be answered, with help where it cannot."""

import json
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from collector.model import Dimension, Site
from dashboard import api_words as words
from dashboard.api_words import QuestionError, names
from dashboard.period import PERIOD_DAYS_MAX, Period, PeriodKind, QueryError, Span

BODY_BYTES_MAX: Final = 16_384
#: One answer holds at most so many rows; `pagination.offset` leads to the next.
LIMIT_MAX: Final = 10_000
METRICS_MAX: Final = len(words.METRICS)
#: One of values and one of time.
DIMENSIONS_MAX: Final = 2
TEXT_LENGTH_MAX: Final = 300
#: Longest period by the day, and shortest by the month, where `time` may choose.
_DAILY_DAYS_MAX: Final = 92
_YEAR_DAYS: Final = 364
_YEAR_MONTHS: Final = 12
_PAIR: Final = 2
_CLAUSE: Final = 3

Metric = Annotated[str, Meta(extra_json_schema={"enum": list(words.METRICS)})]
Named = Annotated[
    str,
    Meta(
        max_length=TEXT_LENGTH_MAX,
        description=f"One of {names(words.DIMENSIONS)}, event:props:NAME, {names(words.TIMES)}.",
    ),
]


class Comparisons(msgspec.Struct, forbid_unknown_fields=True):
    """Hold with what a period is compared.

    Attributes:
        mode: `previous_period`: as many days before; `year_over_year`: 52 weeks before, so that weekdays match.
        date_range: First and last day, where the mode is `custom`; as many days as the period has.
    """

    mode: Literal["previous_period", "year_over_year", "custom"] = "previous_period"
    date_range: Annotated[list[str], Meta(min_length=2, max_length=2)] | None = None
    match_day_of_week: bool = False


class Include(msgspec.Struct, forbid_unknown_fields=True):
    """Hold what an answer tells beside its rows; `imports` is taken and changes nothing: all figures are one."""

    time_labels: bool = False
    total_rows: bool = False
    comparisons: Comparisons | None = None
    imports: bool = False


class Pagination(msgspec.Struct, forbid_unknown_fields=True):
    """Hold which rows are wanted."""

    limit: Annotated[int, Meta(ge=1, le=LIMIT_MAX)] = LIMIT_MAX
    offset: Annotated[int, Meta(ge=0, le=10_000_000)] = 0


class Question(msgspec.Struct, forbid_unknown_fields=True):
    """Hold a question as it is sent.

    Attributes:
        site_id: Id of a site, or one of its host names.
        metrics: In the order in which they are answered.
        date_range: A name of a period, or its first and last day.
        dimensions: At most one of values and one of time.
        filters: At most one: `["is", dimension, [value]]`.
        order_by: Metrics or dimensions, each with `asc` or `desc`.
    """

    site_id: Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
    metrics: Annotated[list[Metric], Meta(min_length=1, max_length=METRICS_MAX)]
    date_range: Annotated[
        str | list[str],
        Meta(description=f"One of {names(words.PERIODS)}, or [first day, last day] as YYYY-MM-DD."),
    ]
    dimensions: Annotated[list[Named], Meta(max_length=DIMENSIONS_MAX)] = []
    filters: Annotated[
        list[Any],
        Meta(
            max_length=20, examples=[[["is", "visit:source", ["Google"]]]], description='`["is", dimension, [value]]`.'
        ),
    ] = []
    order_by: Annotated[list[tuple[str, Literal["asc", "desc"]]], Meta(max_length=10)] = []
    include: Include = msgspec.field(default_factory=Include)
    pagination: Pagination = msgspec.field(default_factory=Pagination)


class By(msgspec.Struct, frozen=True):
    """Hold a dimension of values; *beginning* is how the values of a property begin, and is not shown."""

    name: str
    dimension: Dimension
    beginning: str = ""
    #: Of a property: its own name, where the event is not given.
    property: str = ""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a question that can be put to the cells.

    Attributes:
        span: Days that are asked for, at most until today.
        by: Values to break down by; None for none.
        bucket: Time to break down by: `hour`, `day`, `week`, `month`; empty for none.
        value: Of the filter; with `dimension`, None for no filter.
    """

    question: Question
    site: Site
    today: date
    span: Span
    by: By | None
    bucket: str
    dimension: Dimension | None
    value: str

    @property
    def is_pair(self) -> bool:
        """Tell whether a filter and a breakdown of another dimension come together."""
        return (
            self.by is not None
            and self.dimension is not None
            and self.by.dimension is not self.dimension
            and not self.by.beginning
        )


def read(body: bytes) -> Question:
    """Read a question from JSON.

    Raises:
        QuestionError: `body_too_large`, `json_invalid`, `question_invalid`.
    """
    if len(body) > BODY_BYTES_MAX:
        raise QuestionError("body_too_large", f"A question has at most {BODY_BYTES_MAX} bytes.", status=413)
    try:
        return msgspec.json.decode(body, type=Question)
    except msgspec.ValidationError as error:
        raise QuestionError("question_invalid", f"{error}. The document /api/openapi.json tells each field.") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        raise QuestionError("json_invalid", "The body is not JSON, or nested too deeply.") from None


def resolve(question: Question, *, site: Site, today: date, first_day: date | None) -> Ask:
    """Decide what a question comes to.

    Args:
        question: As it was sent.
        site: The one that it names.
        today: The running day where the site is.
        first_day: The first day that was closed, or None.

    Raises:
        QuestionError: It asks for what is not known here, or cannot be told exactly.
    """
    span = span_of(question.date_range, today=today, first_day=first_day)
    by, bucket = _dimensions(question.dimensions, span)
    dimension, value = _filter(question.filters)
    if by and by.property and dimension is Dimension.EVENT:
        # The values of a property hold their event already: that is no pair.
        by = msgspec.structs.replace(by, beginning=f"{value} · {by.property}=", property="")
    _check_metrics(question, by, dimension)
    _check_order(question)
    if bucket == "hour" and (by or dimension):
        raise QuestionError(
            "hours_of_all", "Hours are kept for the whole site only; leave the filter and other dimensions out."
        )
    if question.include.time_labels and not bucket:
        raise QuestionError("time_missing", "include.time_labels needs a dimension of time, such as time:day.")
    return Ask(
        question=question, site=site, today=today, span=span, by=by, bucket=bucket, dimension=dimension, value=value
    )


def span_of(asked: str | list[str], *, today: date, first_day: date | None) -> Span:
    """Return the days that a date range names; periods by name hold whole days that are over, except `day`.

    Raises:
        QuestionError: `date_range_invalid`, `date_range_too_long`.
    """
    if isinstance(asked, list):
        return _own(asked, today=today)
    yesterday = today - timedelta(1)
    if asked in words.DAYS:
        return Span(yesterday - timedelta(words.DAYS[asked] - 1), yesterday)
    if asked in words.MONTHS:
        year, month = divmod(yesterday.year * _YEAR_MONTHS + yesterday.month - words.MONTHS[asked], _YEAR_MONTHS)
        return Span(date(year, month + 1, 1), yesterday)
    named = {
        "day": Period(PeriodKind.TODAY),
        "month": Period.month(today),
        "year": Period.year(today),
        "all": Period(PeriodKind.ALL).since(first_day),
    }
    try:
        return (named.get(asked) or Period.parse(asked)).span(today)
    except QueryError:
        raise QuestionError(
            "date_range_invalid",
            f'A date range is one of {names(words.PERIODS)}, or two days such as ["2026-09-01", "2026-09-30"].',
        ) from None


def _own(asked: list[str], *, today: date) -> Span:
    try:
        first, last = (date.fromisoformat(text) for text in asked)
    except ValueError:
        raise QuestionError(
            "date_range_invalid",
            "A date range has a first and a last day as YYYY-MM-DD; times within a day are not kept, except the "
            "hours of time:hour.",
        ) from None
    if first > last or first > today:
        raise QuestionError("date_range_invalid", "A date range begins before it ends, and not after today.")
    if (last - first).days >= PERIOD_DAYS_MAX:
        raise QuestionError("date_range_too_long", f"A date range has at most {PERIOD_DAYS_MAX} days.")
    return Span(first, min(last, today))


def compared(asked: Comparisons, span: Span) -> Span:
    """Return the days with which *span* is compared.

    Raises:
        QuestionError: `comparison_invalid`.
    """
    if asked.mode == "custom":
        try:
            first, last = (date.fromisoformat(text) for text in asked.date_range or [])
        except ValueError:
            raise QuestionError("comparison_invalid", "A custom comparison needs a first and a last day.") from None
        if (last - first).days + 1 != span.days:
            raise QuestionError("comparison_invalid", f"A comparison has as many days as the period: {span.days}.")
        return Span(first, last)
    days = _YEAR_DAYS if asked.mode == "year_over_year" else span.days
    if asked.match_day_of_week:
        days += -days % 7
    if days < span.days:
        raise QuestionError("comparison_invalid", "The period is longer than the 52 weeks it is compared over.")
    try:
        return span.before(days)
    except OverflowError:
        raise QuestionError("comparison_invalid", "There are no such days.") from None


def _dimensions(asked: list[str], span: Span) -> tuple[By | None, str]:
    times = [name for name in asked if name in words.TIMES]
    values = [name for name in asked if name not in words.TIMES]
    if len(times) > 1 or len(values) > 1:
        raise QuestionError(
            "dimensions_two",
            "Cells are kept by one dimension: ask for one, with one of time beside it. Two at once can be had by a "
            "filter on a value of the one and the other as dimension.",
        )
    return (_by(values[0]) if values else None), (_bucket(times[0], span) if times else "")


def _bucket(name: str, span: Span) -> str:
    if name != "time":
        return name.partition(":")[2]
    if span.days == 1:
        return "hour"
    return "day" if span.days <= _DAILY_DAYS_MAX else "month"


def _by(name: str) -> By:
    if name.startswith(words.PROPERTY) and name != words.PROPERTY:
        return By(name, Dimension.PROPERTY, property=name.removeprefix(words.PROPERTY))
    if name in words.DIMENSIONS:
        return By(name, words.DIMENSIONS[name])
    raise _unknown("dimension", name, [*words.DIMENSIONS, f"{words.PROPERTY}NAME", *words.TIMES])


def _unknown(what: str, name: str, known: list[str]) -> QuestionError:
    if name in words.REFUSED:
        return QuestionError(f"{what}_not_kept", f"{name} cannot be answered. {words.REFUSED[name]}")
    return QuestionError(f"{what}_unknown", f"There is no {what} {name[:60]!r}; there are {names(known)}.")


def _filter(asked: list[Any]) -> tuple[Dimension | None, str]:
    """Return the dimension and value of the one filter; None where there is none."""
    found = [one for each in asked for one in _flat(each)]
    if not found:
        return None, ""
    if any(one != found[0] for one in found):
        raise QuestionError(
            "filter_second",
            "Cells are kept by at most two dimensions, so there is one filter; take the second as dimension instead.",
        )
    name, value = found[0]
    by = _by(name)
    if by.property and f" · {by.property}=" not in value:
        raise QuestionError(
            "filter_property",
            f'A property belongs to an event: write its value as "EVENT · {by.property}=VALUE".',
        )
    if by.dimension is Dimension.NEXT_PAGE:
        raise QuestionError("filter_next_page", "Ask from the page before: filter on event:page.")
    return by.dimension, value


def _flat(one: Any) -> list[tuple[str, str]]:
    match one:
        case ["and", [*below]] if below:
            return [each for child in below for each in _flat(child)]
        case ["or", [child]]:
            return _flat(child)
        case [str(operator), *_] if operator in words.OPERATORS:
            raise QuestionError(
                "filter_operator", f"The filter {operator} is not answered. {words.OPERATORS[operator]}"
            )
        case ["is", str(name), [str(value)]] if 0 < len(value) <= TEXT_LENGTH_MAX:
            return [(name, value)]
        case ["is", str(), [_, _, *_]]:
            raise QuestionError("filter_values", words.OPERATORS["or"])
        case ["is", str(), [_], {}]:
            raise QuestionError(
                "filter_modifier", "A filter takes a value exactly as it is shown; leave modifiers out."
            )
        case _:
            raise QuestionError(
                "filter_invalid", 'A filter is ["is", dimension, [value]], such as ["is", "visit:source", ["Google"]].'
            )


def _check_metrics(question: Question, by: By | None, dimension: Dimension | None) -> None:
    for name in question.metrics:
        if name not in words.METRICS:
            raise _unknown("metric", name, list(words.METRICS))
    if len(set(question.metrics)) < len(question.metrics):
        raise QuestionError("metrics_twice", "Each metric is asked for once.")
    about = {dimension, by.dimension if by else None}
    if "time_on_page" in question.metrics and Dimension.PAGE not in about:
        raise QuestionError("metric_needs", "time_on_page needs event:page as dimension or filter.")
    if {words.CONVERSION, words.GROUP_CONVERSION} & set(question.metrics) and Dimension.GOAL not in about:
        raise QuestionError("metric_needs", "A conversion rate needs event:goal as dimension or filter.")
    if words.PERCENTAGE in question.metrics and not question.dimensions:
        raise QuestionError("metric_needs", "percentage is a share of the whole and needs a dimension.")
    if by and by.dimension is Dimension.NEXT_PAGE and dimension is not Dimension.PAGE:
        raise QuestionError("filter_missing", "event:next_page needs a filter on event:page: the page before it.")


def _check_order(question: Question) -> None:
    for name, _ in question.order_by:
        if name not in question.metrics and name not in question.dimensions:
            raise QuestionError(
                "order_by_unknown", f"order_by names {name[:60]!r}, which is neither among metrics nor dimensions."
            )


def echo(ask: Ask) -> dict[str, Any]:
    """Return the question as it was answered, to be sent again: with the days that its period had."""
    sent: dict[str, Any] = json.loads(msgspec.json.encode(ask.question))
    return sent | {"site_id": ask.site.id, "date_range": [ask.span.first.isoformat(), ask.span.last.isoformat()]}
