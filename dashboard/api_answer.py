"""Answer a program's question: rows in its order, and what has to be known to read them rightly."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from collector.clock import local_day
from collector.model import OTHER, Dimension, Identity, Site
from collector.policy import Rules
from dashboard import api_rows as rows
from dashboard import api_words as words
from dashboard import cells
from dashboard.api_ask import Ask, Question, compared, echo, resolve
from dashboard.api_reply import Answer, Meta, Row, Value
from dashboard.api_rows import Line
from dashboard.api_words import QuestionError
from dashboard.house import House
from dashboard.metrics import METRICS, Amount, Key, Tally, Unit, add, bounded
from dashboard.period import Span
from dashboard.sets import is_of_set

_DIGITS: Final = 2
_PERCENT: Final = 100
#: What the snapshot of the running day has.
_RUNNING: Final = frozenset({Dimension.TOTAL, Dimension.PAGE, Dimension.SOURCE})
#: Which measures a pair has, and one with a set.
_OF_PAIR: Final = "Two dimensions at once are counted in pageviews only; the other metrics are null."
_OF_SET: Final = "Beside a goal, a group or a next page visitors are rounded down to a multiple of k: at least so many."
_OF_EVENTS: Final = "events are those that pages reported by name; pageviews are not among them."


class _Part(msgspec.Struct):
    """Hold one row before it is ordered and cut: its place in time, its value, its sums."""

    label: str | None
    value: str
    tally: Tally


def answer(house: House, question: Question, *, site: Site) -> Answer:
    """Return the answer to *question* about *site*, which the caller has seen may be shown.

    Raises:
        QuestionError: It asks for what is not known here, or cannot be told exactly.
    """
    today = local_day(house.clock.now(), site.timezone)
    rules = house.rules(site)
    ask = resolve(question, site=site, today=today, first_day=cells.first_day(house.reader, (site.id,)))
    _check_kept(ask, rules)
    teller = _Teller(house, ask, rules)
    return teller.answer()


def _check_kept(ask: Ask, rules: Rules) -> None:
    """Refuse what the site's profile does not keep, with what it does.

    Raises:
        QuestionError: `dimension_not_kept`, `pair_not_kept`, `day_is_running`.
    """
    kept = [name for name, dimension in words.DIMENSIONS.items() if dimension in rules.dimensions]
    for dimension in (ask.by.dimension if ask.by else None, ask.dimension):
        if dimension and dimension not in rules.dimensions:
            raise QuestionError(
                "dimension_not_kept", f"This site does not keep {dimension}; it keeps {words.names(kept)}."
            )
    if ask.is_pair and not _is_kept(ask, rules):
        beside = sorted(
            name
            for name, dimension in words.DIMENSIONS.items()
            if ask.dimension and any({dimension, ask.dimension} == set(pair) for pair in _pairs(rules))
        )
        raise QuestionError(
            "pair_not_kept",
            f"These two are not kept together; beside this filter there are {words.names(beside) or 'none'}. "
            "Without the filter, or without the dimension, it can be answered.",
        )
    wanted = {ask.by.dimension if ask.by else Dimension.TOTAL, ask.dimension or Dimension.TOTAL}
    if ask.span.first == ask.today and (ask.is_pair or not wanted <= _RUNNING):
        raise QuestionError(
            "day_is_running",
            "Of the day that runs only totals, pages and sources are known; ask for days that are over.",
        )


def _pairs(rules: Rules) -> Sequence[tuple[Dimension, Dimension]]:
    return (*rules.pairs, *rules.set_pairs)


def _is_kept(ask: Ask, rules: Rules) -> bool:
    pair = (ask.dimension, ask.by.dimension if ask.by else None)
    if pair[1] is Dimension.NEXT_PAGE:
        return pair in rules.set_pairs
    return any(pair in (one, one[::-1]) for one in _pairs(rules))


class _Teller:
    """Work out one answer."""

    def __init__(self, house: House, ask: Ask, rules: Rules) -> None:
        self._house = house
        self._reader = house.reader
        self._ask = ask
        self._rules = rules
        self._is_of_set = ask.is_pair and (
            (ask.by is not None and ask.by.dimension is Dimension.NEXT_PAGE)
            or (ask.by is not None and ask.dimension is not None and is_of_set(ask.dimension, ask.by.dimension))
        )
        self._blocks: dict[str, str] = {}

    def answer(self) -> Answer:
        """Return the whole answer."""
        ask = self._ask
        days, hours = rows.ends(self._reader, ask)
        self._is_network = ask.site.identity is Identity.NETWORK or any(row.network for row in days)
        found, parts = self._rows(ask.span)
        include = ask.question.include
        span = None
        if include.comparisons:
            span = compared(include.comparisons, ask.span)
            self._compare(found, span)
        ordered = self._ordered(found)
        page = ask.question.pagination
        as_of = max((row.last_hour + 1 for row in hours if row.day == ask.today and not row.is_lost), default=None)
        meta = Meta(
            k=self._rules.k,
            visitors="visitor-days",
            first_day=ask.span.first.isoformat(),
            last_day=ask.span.last.isoformat(),
            folded=self._folded(parts),
            is_at_least=[m for m in ask.question.metrics if any(m in row.is_at_least for row in found)],
            withheld=[m for n, m in enumerate(ask.question.metrics) if any(row.metrics[n] is None for row in found)],
            as_of=f"{ask.today}T{as_of:02}:00" if as_of is not None and ask.span.holds(ask.today) else None,
            days={
                "kept": sum(1 for row in days if row.kept),
                "below_k": sum(1 for row in days if row.below_k and not row.kept and not row.lost),
                "lost": sum(1 for row in days if row.lost and not row.kept),
            },
            notes=self._notes(),
            total_rows=len(found) if include.total_rows else None,
            time_labels=self._labels(ask.span) if include.time_labels else None,
            time_blocks=self._blocks or None,
            comparison_date_range=[str(span.first), str(span.last)] if span else None,
            imports_included=False if include.imports else None,
        )
        return Answer(ordered[page.offset : page.offset + page.limit], meta, echo(ask))

    # -- rows -----------------------------------------------------------------------------------------------------

    def _rows(self, span: Span) -> tuple[list[Row], list[_Part]]:
        parts = self._hours(span) if self._ask.bucket == "hour" else self._lines(span)
        if not parts and not self._ask.question.dimensions:
            # Without a dimension there is one row, be it of nothing.
            parts = [_Part(None, "", {key: Amount() for key in METRICS})]
        shares = _Shares(self._reader, self._ask, span, parts)
        return [self._row(part, shares) for part in parts], parts

    def _lines(self, span: Span) -> list[_Part]:
        by = self._ask.by
        return [
            _Part(line.day.isoformat() if line.day else None, _shown(line, by.beginning if by else ""), line.tally)
            for line in rows.lines(self._reader, self._ask, span)
        ]

    def _hours(self, span: Span) -> list[_Part]:
        """Return blocks of hours, those that overlap (of several parts of a day) joined."""
        joined: list[rows.Block] = []
        for block in rows.blocks(self._reader, self._ask, span):
            last = joined[-1] if joined else None
            if last and last.day == block.day and block.hour < last.until:
                joined[-1] = rows.Block(last.day, last.hour, max(last.until, block.until), add(last.tally, block.tally))
            else:
                joined.append(block)
        parts = []
        for block in joined:
            label = _hour(block.day, block.hour)
            self._blocks[label] = _hour(block.day, block.until)
            parts.append(_Part(label, "", block.tally))
        return parts

    def _row(self, part: _Part, shares: "_Shares") -> Row:
        metrics: list[Value] = []
        at_least = []
        for name in self._ask.question.metrics:
            if name in words.FIGURES:
                value, is_at_least = self._figure(part.tally, words.FIGURES[name])
            else:
                value = shares.of(name, part)
                is_at_least = value is not None and self._is_of_set
            metrics.append(value)
            if is_at_least:
                at_least.append(name)
        dimensions = [part.label if name in words.TIMES else part.value for name in self._ask.question.dimensions]
        return Row(metrics, dimensions, at_least)

    def _figure(self, tally: Tally, key: Key) -> tuple[Value, bool]:
        metric, amount = METRICS[key], tally.get(key, Amount())
        value = amount.value
        if value is None:
            return None, False
        if metric.unit is Unit.SHARE:
            return round(bounded(value) * _PERCENT, _DIGITS), False
        if metric.denominator is not None:
            return (round(value) if metric.unit is Unit.DURATION else round(value, _DIGITS)), False
        is_rounded = key is Key.VISITORS and (self._is_of_set or self._is_network)
        return int(value), amount.is_partial or is_rounded

    def _compare(self, found: list[Row], span: Span) -> None:
        """Set beside each row the one of the earlier period that has its value and its place in time."""
        names = self._ask.question.dimensions
        before_rows, _ = self._rows(span)
        earlier = dict(zip(self._labels(self._ask.span), self._labels(span), strict=False))
        before = {tuple(row.dimensions): row.metrics for row in before_rows}
        none: list[Value] = [None] * len(self._ask.question.metrics)
        for row in found:
            place = tuple(
                earlier.get(str(value)) if name in words.TIMES else value
                for name, value in zip(names, row.dimensions, strict=True)
            )
            metrics = before.get(place, none)
            pairs = zip(self._ask.question.metrics, row.metrics, metrics, strict=True)
            row.comparison = {"metrics": metrics, "change": [_change(*pair) for pair in pairs]}

    def _ordered(self, found: list[Row]) -> list[Row]:
        question = self._ask.question
        times = [name for name in question.dimensions if name in words.TIMES]
        order: list[tuple[str, str]] = list(question.order_by) or [
            *((name, "asc") for name in times),
            (question.metrics[0], "desc"),
        ]
        # Sorting keeps the order of equals: what matters most comes last.
        found = sorted(found, key=lambda row: [value or "" for value in row.dimensions])
        for name, way in reversed(order):
            found = _sorted(found, question, name, is_down=way == "desc")
        return found

    # -- what has to be known -------------------------------------------------------------------------------------

    def _folded(self, parts: Sequence[_Part]) -> float | None:
        if self._ask.by is None or self._is_of_set:
            return None
        whole = sum(part.tally[Key.PAGEVIEWS].numerator for part in parts)
        other = sum(part.tally[Key.PAGEVIEWS].numerator for part in parts if part.value == OTHER)
        return round(other / whole, 4) if whole else None

    def _notes(self) -> list[str]:
        notes = []
        if self._is_of_set:
            notes.append(_OF_SET)
        elif self._ask.is_pair:
            notes.append(_OF_PAIR)
        if "events" in self._ask.question.metrics:
            notes.append(_OF_EVENTS)
        return notes

    def _labels(self, span: Span) -> list[str]:
        bucket = self._ask.bucket
        if bucket == "hour":
            return [_hour(day, hour) for day in span.each() for hour in range(24)]
        return list(dict.fromkeys(begin(day, bucket).isoformat() for day in span.each())) if bucket else []


class _Shares:
    """Tell what part of others a row's visitors are; what they are set against is read when it is asked for."""

    def __init__(self, reader: Any, ask: Ask, span: Span, parts: Sequence[_Part]) -> None:
        wanted = set(ask.question.metrics)
        self._ask = ask
        self._all: int | None = None
        self._days: dict[date, int] = {}
        self._since: Mapping[str, date] = {}
        self._alone: dict[str, dict[str, int]] = {}
        if not parts:
            return
        if words.PERCENTAGE in wanted:
            self._all = _sum(rows.whole(reader, ask, span, bucket=""))
        if wanted & {words.CONVERSION, words.GROUP_CONVERSION}:
            self._since = rows.goals_since(reader, ask, span)
            # Who is set against a goal: everybody, or all who had what another filter says.
            is_goal = ask.dimension is Dimension.GOAL
            others = msgspec.structs.replace(ask, dimension=None, value="") if is_goal else ask
            self._days = rows.closed_days(reader, others, span)
            since = self._since.get(ask.value) if is_goal else None
            if since and words.GROUP_CONVERSION in wanted and ask.is_pair:
                self._alone[ask.value] = rows.unfiltered(reader, ask, Span(since, span.last))

    def of(self, name: str, part: _Part) -> Value:
        """Return a share of a row's visitors in percent; None where it cannot be said."""
        visitors = part.tally[Key.VISITORS].value
        whole = self._all if name == words.PERCENTAGE else self._whole(name, part)
        if visitors is None or not whole:
            return None
        return round(min(visitors / whole, 1) * _PERCENT, _DIGITS)

    def _whole(self, name: str, part: _Part) -> int | None:
        goal = self._ask.value if self._ask.dimension is Dimension.GOAL else part.value
        since = self._since.get(goal)
        if since is None:
            return None
        if name == words.GROUP_CONVERSION and goal in self._alone:
            return self._alone[goal].get(part.value)
        return sum(
            visitors
            for day, visitors in self._days.items()
            if day >= since and (part.label is None or begin(day, self._ask.bucket).isoformat() == part.label)
        )


def begin(day: date, bucket: str) -> date:
    """Return the first day of the bucket of time that *day* is in."""
    if bucket == "week":
        return day - timedelta(day.weekday())
    return day.replace(day=1) if bucket == "month" else day


def _sum(lines: Sequence[Line]) -> int:
    return sum(line.tally[Key.VISITORS].numerator for line in lines)


def _shown(line: Line, beginning: str) -> str:
    return line.value.removeprefix(beginning)


def _hour(day: date, hour: int) -> str:
    """Return a moment in the site's time; the end of a day is the beginning of the next."""
    day, hour = (day + timedelta(1), 0) if hour == 24 else (day, hour)  # noqa: PLR2004
    return f"{day} {hour:02}:00:00"


def _change(name: str, now: Value, before: Value) -> Value:
    """Return by how much percent a figure grew; of a share by how many points."""
    if now is None or before is None:
        return None
    if name in {"bounce_rate", words.PERCENTAGE, words.CONVERSION, words.GROUP_CONVERSION}:
        return round(now - before, _DIGITS)
    return round((now - before) / before * _PERCENT) if before else None


def _sorted(found: list[Row], question: Question, name: str, *, is_down: bool) -> list[Row]:
    """Return rows by one metric or dimension; what is withheld comes last, whichever way."""
    if name in question.dimensions:
        place = question.dimensions.index(name)
        return sorted(found, key=lambda row: row.dimensions[place] or "", reverse=is_down)
    place = question.metrics.index(name)
    told = [row for row in found if row.metrics[place] is not None]
    told.sort(key=lambda row: row.metrics[place] or 0, reverse=is_down)
    return [*told, *(row for row in found if row.metrics[place] is None)]
