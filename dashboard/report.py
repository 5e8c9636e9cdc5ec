"""Turn rows into what a page says: pure, and honest about what is withheld, lost or still running."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from collector.model import OTHER, Dimension, Identity, Site
from collector.policy import Rules
from dashboard import sql
from dashboard.cells import DayRow, LossRow, PanelRow, Rows
from dashboard.metrics import FIGURES, METRICS, Amount, Key, Metric, Tally, Unit, add, total
from dashboard.plan import Plan, Refusal
from dashboard.query import PANELS, Query, Span
from dashboard.timeline import Point, State, blocks, by_day, points, state_of, unfinished

_SECOND_COLUMN: Final = {
    Dimension.PAGE: Key.PAGEVIEWS,
    Dimension.EVENT: Key.EVENTS,
}


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one of the six figures."""

    metric: Metric
    amount: Amount
    previous: Amount | None
    is_at_least: bool

    @property
    def change(self) -> float | None:
        """Return by what part the figure grew; a difference of points for shares; None where it cannot be said."""
        now, before = self.amount.value, self.previous.value if self.previous else None
        if now is None or before is None:
            return None
        if self.metric.unit is Unit.SHARE:
            return now - before
        return (now - before) / before if before else None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one line of a panel; *width* is its part of the longest bar."""

    value: str
    tally: Tally
    width: float


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a breakdown.

    Attributes:
        asked: Dimension that the address asks for.
        dimension: Dimension that is shown: *asked*, or the nearest that can be answered.
        columns: One or two metrics.
        rows: Without `(other)`.
        other: Everything that fewer than k visitors did, together.
        rows_count: Rows that there are beside `(other)`.
        shown_days: Closed days on which the breakdown was kept.
        counted_days: Closed days of which anything was kept.
    """

    name: str
    asked: Dimension
    dimension: Dimension
    columns: tuple[Key, ...]
    rows: list[Row]
    other: Row | None
    rows_count: int
    shown_days: int
    counted_days: int
    refusal: Refusal | None
    choices: tuple[Dimension, ...]

    @property
    def is_partial(self) -> bool:
        """Tell whether days are missing from a breakdown that is about everybody."""
        # Of events nobody knows whether they were withheld or did not happen.
        return self.shown_days < self.counted_days and self.dimension is not Dimension.EVENT


class Completeness(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what is known of what is not in the figures.

    Attributes:
        states: Days of the period by how they ended.
        server_log_days: Days counted from a server log, whose opt-outs are unknown.
        split_days: Days counted in several parts; who came in two of them counts in each.
        drops: Requests that were not counted, in tens, by reason.
        opt_outs: Of the whole house, in hundreds.
        gaps: Times that the house lost something, by reason.
        folded: Per shown breakdown the share of its pageviews that stand under `(other)`.
    """

    states: dict[State, int]
    server_log_days: int
    split_days: int
    drops: dict[str, int]
    opt_outs: int
    gaps: dict[str, int]
    folded: dict[Dimension, float]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Hold everything that an overview says.

    Attributes:
        previous_span: None when nothing is compared.
        today: The running day where the sites are.
        as_of: Hour up to which the running day is known; None before its first committed hour.
        is_network: Whether visitors were told apart by network on some day, so that they are "at least".
        together: Pageviews that had both filters, where two were asked for and the pair is kept.
    """

    query: Query
    span: Span
    previous_span: Span | None
    today: date
    figures: list[Figure]
    points: list[Point]
    previous_blocks: list[Point]
    panels: list[Panel]
    completeness: Completeness
    k: int
    as_of: int | None
    is_network: bool
    together: int | None

    @property
    def figure(self) -> Figure:
        """Return the figure that the chart draws."""
        return next(f for f in self.figures if f.metric.key is self.query.metric)

    @property
    def is_running(self) -> bool:
        """Tell whether the period holds the running day: then it cannot be compared yet."""
        return self.span.last >= self.today

    @property
    def is_hidden(self) -> bool:
        """Tell whether days were counted but every one of them stayed below k."""
        states = self.completeness.states
        return bool(states.get(State.BELOW_K)) and not states.get(State.KEPT) and not states.get(State.LOST)


def build(rows: Rows, made: Plan, *, sites: Sequence[Site], rules: Sequence[Rules]) -> Report:
    """Say what *rows* come to.

    Args:
        rows: What was read.
        made: What it was read for.
        sites: Those that the query names.
        rules: What is in force for each of them.
    """
    query, span, today = made.query, made.spans[0], made.today
    ended = {row.day: row for row in rows.days}
    days = by_day(rows, sql.CURRENT, query.filter)
    counted_days = len(days)
    for day, tally in unfinished(rows, query.filter, today=today).items():
        days[day] = add(days[day], tally) if day in days else tally
    before = by_day(rows, sql.PREVIOUS, query.filter) if len(made.spans) > 1 else {}
    current = _total(days, span)
    # A day that still runs is not set against a whole one.
    is_whole = len(made.spans) > 1 and span.last < today
    previous = _total(before, made.spans[1]) if is_whole else None
    is_network = any(row.network for row in rows.days) or any(site.identity is Identity.NETWORK for site in sites)
    panels = [_panel(name, made, rows, days=ended, counted_days=counted_days) for name in PANELS]
    hours = blocks(rows, sql.CURRENT, span.first) if span.days == 1 and not query.filter else []
    return Report(
        query=query,
        span=span,
        previous_span=made.spans[1] if len(made.spans) > 1 else None,
        today=today,
        figures=[_figure(METRICS[key], current, previous, is_network=is_network) for key in FIGURES],
        points=hours if span.days == 1 else points(made, days, before, ended),
        previous_blocks=blocks(rows, sql.PREVIOUS, made.spans[1].first) if hours and len(made.spans) > 1 else [],
        panels=panels,
        completeness=_completeness(rows, made, days, panels),
        k=max(rule.k for rule in rules),
        as_of=max((row.last_hour + 1 for row in rows.hours if row.day == today and not row.is_lost), default=None),
        is_network=is_network,
        together=_together(query, rows.panels),
    )


def _figure(metric: Metric, total: Tally, previous: Tally | None, *, is_network: bool) -> Figure:
    amount = total.get(metric.key, Amount())
    is_sum = metric.denominator is None
    return Figure(
        metric=metric,
        amount=amount,
        previous=previous.get(metric.key) if previous else None,
        is_at_least=is_sum and (amount.is_partial or (is_network and metric.key is Key.VISITORS)),
    )


def _total(days: Mapping[date, Tally], span: Span) -> Tally:
    return total(tally for day, tally in days.items() if span.first <= day <= span.last)


def _panel(name: str, made: Plan, rows: Rows, *, days: Mapping[date, DayRow], counted_days: int) -> Panel:
    dimension = made.dimensions[name]
    here = [row for row in rows.panels if row.dimension is dimension] if name not in made.refusals else []
    columns = _columns(made, dimension)
    longest = max((row.tally[columns[0]].numerator for row in here if row.value != OTHER), default=0) or 1
    shown = [
        Row(value=row.value, tally=row.tally, width=min(row.tally[columns[0]].numerator / longest, 1.0)) for row in here
    ]
    refusal = made.refusals.get(name)
    if not here and refusal is None:
        refusal = _emptiness(days)
    return Panel(
        name=name,
        asked=made.query.dimension(name),
        dimension=dimension,
        columns=columns,
        rows=[row for row in shown if row.value != OTHER],
        other=next((row for row in shown if row.value == OTHER), None),
        rows_count=max((row.rows for row in here), default=0),
        shown_days=rows.shown_days.get(dimension, 0),
        counted_days=counted_days,
        refusal=refusal,
        choices=made.offered[name],
    )


def _columns(made: Plan, dimension: Dimension) -> tuple[Key, ...]:
    if made.query.filter:
        return (Key.PAGEVIEWS,)
    if made.spans[0].first == made.today:
        return (Key.VISITORS,)
    return (Key.VISITORS, _SECOND_COLUMN.get(dimension, Key.VISITS))


def _emptiness(days: Mapping[date, DayRow]) -> Refusal:
    if any(row.kept for row in days.values()):
        return Refusal.SMALL
    return Refusal.BELOW_K if any(row.below_k for row in days.values()) else Refusal.EMPTY


def _completeness(rows: Rows, made: Plan, days: Mapping[date, Tally], panels: Sequence[Panel]) -> Completeness:
    ended = {row.day: row for row in rows.days}
    states: dict[State, int] = {}
    for day in made.spans[0].each():
        state = state_of(day, ended.get(day), today=made.today)
        if state is not State.RUNNING or day in days:
            states[state] = states.get(state, 0) + 1
    return Completeness(
        states=states,
        server_log_days=sum(1 for row in rows.days if row.server_log),
        split_days=sum(1 for row in rows.days if row.is_split),
        drops=_losses(rows.losses, "drop"),
        opt_outs=_losses(rows.losses, "house").get("opt_out", 0),
        gaps=_losses(rows.losses, "gap"),
        folded={
            panel.dimension: share for panel in panels for share in [_folded(panel, rows.panels)] if share is not None
        },
    )


def _losses(rows: Sequence[LossRow], kind: str) -> dict[str, int]:
    return {row.reason: row.count for row in rows if row.kind == kind}


def _folded(panel: Panel, rows: Sequence[PanelRow]) -> float | None:
    """Return the share of the breakdown's pageviews that `(other)` has; None where they are withheld."""
    whole = next((row.pageviews for row in rows if row.dimension is panel.dimension), 0)
    if panel.refusal or not whole:
        return None
    return panel.other.tally[Key.PAGEVIEWS].numerator / whole if panel.other else 0.0


def _together(query: Query, rows: Sequence[PanelRow]) -> int | None:
    if query.second is None:
        return None
    for row in rows:
        if row.dimension is query.second.dimension and row.value == query.second.value:
            return row.tally[Key.PAGEVIEWS].numerator
    return None
