"""Turn rows into what a page says: pure, and honest about what is withheld, lost or still running."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import msgspec

from collector.model import OTHER, Dimension, Identity, Site
from collector.policy import Rules
from dashboard import sql
from dashboard.breakdowns import Breakdown, figures_of
from dashboard.cells import DayRow, LossRow, PanelRow, Rows
from dashboard.metrics import METRICS, Amount, Key, Metric, Tally, Unit, add, total
from dashboard.plan import Plan, Refusal
from dashboard.query import Query, Span
from dashboard.sets import SETS, keeps, visitors_since, with_conversion
from dashboard.timeline import Point, State, blocks, by_day, points, state_of, unfinished

_B: Final = Breakdown
#: What a panel shows beside visitors.
_SECOND_COLUMN: Final = {
    _B.PAGE: Key.PAGEVIEWS,
    _B.ENTRY_PAGE: Key.BOUNCE_RATE,
    _B.GROUP: Key.PAGEVIEWS,
    _B.EVENT: Key.EVENTS,
    _B.NOT_FOUND: Key.EVENTS,
    _B.OUTBOUND: Key.EVENTS,
    _B.DOWNLOAD: Key.EVENTS,
    _B.GOAL: Key.CONVERSION,
    _B.TIME: Key.TIME_ON_PAGE,
    _B.SCROLL: Key.PAGEVIEWS,
}
#: What a table of its own shows.
_COLUMNS: Final = {
    _B.PAGE: (Key.VISITORS, Key.VISITS, Key.PAGEVIEWS, Key.TIME_ON_PAGE),
    _B.ENTRY_PAGE: (Key.VISITORS, Key.VISITS, Key.BOUNCE_RATE, Key.VISIT_LENGTH),
    _B.EXIT_PAGE: (Key.VISITORS, Key.VISITS),
    _B.GROUP: (Key.VISITORS, Key.VISITS, Key.PAGEVIEWS),
    _B.GOAL: (Key.VISITORS, Key.CONVERSION),
    _B.TIME: (Key.VISITORS, Key.VISITS, Key.TIME_ON_PAGE),
}
_COLUMNS_USUAL: Final = (Key.VISITORS, Key.VISITS, Key.PAGEVIEWS, Key.BOUNCE_RATE, Key.VISIT_LENGTH)
#: Breakdowns with a ratio in a panel, which cost more to read.
RATIOS: Final = frozenset({_B.ENTRY_PAGE, _B.TIME})
#: Breakdowns in which every visitor has a value, so that a day without them is one on which they were withheld.
_OF_EVERYBODY: Final = frozenset({
    _B.PAGE, _B.ENTRY_PAGE, _B.EXIT_PAGE, _B.SOURCE, _B.CHANNEL, _B.DEVICE, _B.BROWSER, _B.OS, _B.COUNTRY, _B.TIME,
})  # fmt: skip


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
        asked: Breakdown that the address asks for.
        breakdown: The one that is shown: *asked*, or the nearest that can be answered.
        columns: What its rows show.
        rows: Without `(other)`.
        other: Everything that fewer than k visitors did, together.
        rows_count: Rows that there are beside `(other)`.
        shown_days: Closed days on which the breakdown was kept.
        counted_days: Closed days of which anything was kept.
        is_at_least: Whether visitors are told in multiples of k, rounded down.
    """

    name: str
    asked: Breakdown
    breakdown: Breakdown
    columns: tuple[Key, ...]
    rows: list[Row]
    other: Row | None
    rows_count: int
    shown_days: int
    counted_days: int
    refusal: Refusal | None
    choices: tuple[Breakdown, ...]
    is_at_least: bool = False

    @property
    def dimension(self) -> Dimension:
        """Return the dimension that its values stand under."""
        return self.breakdown.dimension

    @property
    def is_partial(self) -> bool:
        """Tell whether days are missing from a breakdown that is about everybody."""
        # Of events nobody knows whether they were withheld or did not happen.
        return self.shown_days < self.counted_days and self.breakdown in _OF_EVERYBODY and not self.is_at_least


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
    folded: dict[Breakdown, float]


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Hold everything that an overview says.

    Attributes:
        previous_span: None when nothing is compared.
        today: The running day where the sites are.
        as_of: Hour up to which the running day is known; None before its first committed hour.
        is_network: Whether visitors were told apart by network on some day, so that they are "at least".
        together: Pageviews, or at least so many visitors, that had both filters where two were asked for; None where
            that is not kept.
        absent: Breakdowns that are not offered, with the reason.
        is_pair_kept: Whether two filters that were asked for are kept together, so that each divides the other.
        is_undeclared: Whether the filter is a goal or a group that no site declared, and that has no figures.
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
    together: tuple[int | None, int | None]
    absent: dict[Breakdown, Refusal] = {}
    is_pair_kept: bool = False
    is_undeclared: bool = False

    @property
    def figure(self) -> Figure:
        """Return the figure that the chart draws."""
        return next((f for f in self.figures if f.metric.key is self.query.metric), self.figures[0])

    @property
    def is_running(self) -> bool:
        """Tell whether the period holds the running day: then it cannot be compared yet."""
        return self.span.last >= self.today

    @property
    def is_hidden(self) -> bool:
        """Tell whether days were counted but every one of them stayed below k."""
        states = self.completeness.states
        return bool(states.get(State.BELOW_K)) and not states.get(State.KEPT) and not states.get(State.LOST)


def build(
    rows: Rows, made: Plan, *, sites: Sequence[Site], rules: Sequence[Rules], is_whole_table: bool = False
) -> Report:
    """Say what *rows* come to.

    Args:
        rows: What was read.
        made: What it was read for.
        sites: Those that the query names.
        rules: What is in force for each of them.
        is_whole_table: Whether a breakdown has a page of its own, with room for more columns.
    """
    query, span, today = made.query, made.spans[0], made.today
    ended = {row.day: row for row in rows.days}
    closed = by_day(rows, sql.CURRENT, query.filter)
    days = dict(closed)
    for day, tally in unfinished(rows, query.filter, today=today).items():
        days[day] = add(days[day], tally) if day in days else tally
    before = by_day(rows, sql.PREVIOUS, query.filter) if len(made.spans) > 1 else {}
    current = _total(days, span)
    # A day that still runs is not set against a whole one.
    is_whole = len(made.spans) > 1 and span.last < today
    previous = _total(before, made.spans[1]) if is_whole else None
    is_network = any(row.network for row in rows.days) or any(site.identity is Identity.NETWORK for site in sites)
    panels = [_panel(name, made, rows, closed=closed, ended=ended, is_whole=is_whole_table) for name in made.breakdowns]
    keys = figures_of(query.filter.dimension if query.filter else None)
    hours = blocks(rows, sql.CURRENT, span.first) if span.days == 1 and not query.filter else []
    return Report(
        query=query,
        span=span,
        previous_span=made.spans[1] if len(made.spans) > 1 else None,
        today=today,
        figures=[_figure(METRICS[key], current, previous, is_network=is_network) for key in keys],
        points=hours if span.days == 1 else points(made, days, before, ended),
        previous_blocks=blocks(rows, sql.PREVIOUS, made.spans[1].first) if hours and len(made.spans) > 1 else [],
        panels=panels,
        completeness=_completeness(rows, made, days, panels),
        k=max(rule.k for rule in rules),
        as_of=max((row.last_hour + 1 for row in rows.hours if row.day == today and not row.is_lost), default=None),
        is_network=is_network,
        together=rows.together,
        absent=made.absent,
        is_pair_kept=_is_pair_kept(query, rules),
        is_undeclared=not days and _is_undeclared(query, sites),
    )


def _is_pair_kept(query: Query, rules: Sequence[Rules]) -> bool:
    one, other = query.filter, query.second
    return one is not None and other is not None and all(keeps(rule, one.dimension, other.dimension) for rule in rules)


def _is_undeclared(query: Query, sites: Sequence[Site]) -> bool:
    if query.filter is None or query.filter.dimension not in SETS:
        return False
    declared = {goal.name for site in sites for goal in site.goals}
    if query.filter.dimension is Dimension.GROUP:
        declared = {group for site in sites for group in site.groups}
    return query.filter.value not in declared


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


def _panel(
    name: str,
    made: Plan,
    rows: Rows,
    *,
    closed: Mapping[date, Tally],
    ended: Mapping[date, DayRow],
    is_whole: bool,
) -> Panel:
    breakdown = made.breakdowns[name]
    here = [row for row in rows.panels if row.part == breakdown.part] if name not in made.refusals else []
    columns = _columns(made, breakdown, is_whole=is_whole)
    tallies = {row.value: _tally_of(row, made, breakdown, rows, closed) for row in here}
    longest = max((tally[columns[0]].numerator for value, tally in tallies.items() if value != OTHER), default=0) or 1
    shown = [
        Row(
            value=value.removeprefix(breakdown.beginning),
            tally=tally,
            width=min(tally[columns[0]].numerator / longest, 1.0),
        )
        for value, tally in tallies.items()
    ]
    if breakdown is Breakdown.SCROLL:
        shown.sort(key=lambda row: row.value.zfill(3))
    refusal = made.refusals.get(name)
    if not here and refusal is None:
        refusal = _emptiness(ended)
    return Panel(
        name=name,
        asked=made.query.breakdown(name),
        breakdown=breakdown,
        columns=columns,
        rows=[row for row in shown if row.value != OTHER],
        other=next((row for row in shown if row.value == OTHER), None),
        rows_count=max((row.rows for row in here), default=0),
        shown_days=rows.shown_days.get(breakdown.dimension, 0),
        counted_days=len(closed),
        refusal=refusal,
        choices=made.offered[name],
        is_at_least=made.is_of_set(breakdown),
    )


def _tally_of(row: PanelRow, made: Plan, breakdown: Breakdown, rows: Rows, closed: Mapping[date, Tally]) -> Tally:
    """Return a row's figures, with the conversion where it is one of a goal: of *closed* days, as a goal's figures are.

    What came in a part that runs, or was lost, had no chance to be counted as having reached it.
    """
    filtered = made.query.filter
    if breakdown is Breakdown.GOAL:
        first, counted = rows.goal_days.get(row.value, (made.today, 0))
        is_short = counted < sum(1 for day in closed if day >= first)
        return with_conversion(
            row.tally, visitors_since(closed, first), is_at_least=is_short or made.is_of_set(breakdown)
        )
    if filtered and filtered.dimension is Dimension.GOAL:
        return with_conversion(row.tally, rows.alone.get((breakdown.dimension, row.value)), is_at_least=True)
    return row.tally


def _columns(made: Plan, breakdown: Breakdown, *, is_whole: bool) -> tuple[Key, ...]:
    filtered = made.query.filter
    if made.is_of_set(breakdown):
        is_goal = Dimension.GOAL in (breakdown.dimension, filtered.dimension if filtered else None)
        return (Key.VISITORS, Key.CONVERSION) if is_goal else (Key.VISITORS,)
    if filtered:
        return (Key.PAGEVIEWS,)
    if made.spans[0].first == made.today:
        return (Key.VISITORS,)
    usual = (Key.VISITORS, _SECOND_COLUMN.get(breakdown, Key.VISITS))
    if not is_whole:
        return usual
    return _COLUMNS.get(breakdown) or (usual if breakdown in _SECOND_COLUMN else _COLUMNS_USUAL)


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
            panel.breakdown: share for panel in panels for share in [_folded(panel, rows.panels)] if share is not None
        },
    )


def _losses(rows: Sequence[LossRow], kind: str) -> dict[str, int]:
    return {row.reason: row.count for row in rows if row.kind == kind}


def _folded(panel: Panel, rows: Sequence[PanelRow]) -> float | None:
    """Return the share of the breakdown's pageviews that `(other)` has; None where they are withheld."""
    whole = next((row.pageviews for row in rows if row.part == panel.breakdown.part), 0)
    if panel.refusal or not whole:
        return None
    return panel.other.tally[Key.PAGEVIEWS].numerator / whole if panel.other else 0.0
