"""Decide what a query comes to before anything is read: which days, and which breakdowns can be answered."""

from collections.abc import Collection, Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from collector.model import Dimension, Site
from collector.policy import Rules
from dashboard.breakdowns import FIRST, PANELS, Breakdown
from dashboard.query import Query, Span
from dashboard.sets import is_of_set, keeps

#: What the snapshot of the running day has.
_RUNNING: Final = frozenset({Breakdown.PAGE, Breakdown.SOURCE})


class Refusal(StrEnum):
    """Name why a panel has no rows."""

    SAME = "same"
    UNDECLARED = "undeclared"
    PAIR = "pair"
    PROFILE = "profile"
    TODAY = "today"
    BELOW_K = "below_k"
    SMALL = "small"
    EMPTY = "empty"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what has to be read for a query, and what is refused before anything is read.

    Attributes:
        breakdowns: What each panel shows.
        offered: Per panel the breakdowns to choose from: none that a profile leaves out, that a controller switched
            off or did not declare, except where nothing else would be left to say so.
        absent: Breakdowns that are not offered, with the reason.
    """

    query: Query
    spans: list[Span]
    today: date
    breakdowns: dict[str, Breakdown]
    offered: dict[str, tuple[Breakdown, ...]]
    refusals: dict[str, Refusal]
    absent: dict[Breakdown, Refusal]

    @property
    def answered(self) -> list[Breakdown]:
        """Return the breakdowns to read."""
        return [one for name, one in self.breakdowns.items() if name not in self.refusals]

    def is_of_set(self, breakdown: Breakdown) -> bool:
        """Tell whether *breakdown* is read from pairs with a set: visitors only, "at least"."""
        filtered = self.query.filter
        return filtered is not None and is_of_set(filtered.dimension, breakdown.dimension)


_ABSENT: Final = frozenset({Refusal.PROFILE, Refusal.UNDECLARED})


def plan(
    query: Query,
    rules: Sequence[Rules],
    *,
    today: date,
    sites: Sequence[Site] = (),
    panels: Collection[str] = FIRST,
) -> Plan:
    """Decide what *query* comes to: which days, and which breakdowns can be answered.

    Args:
        query: What is asked.
        rules: What is in force for each of its sites.
        today: The running day where the sites are.
        sites: Those that the query names; what goals and groups they declared.
        panels: Names of those that are shown.
    """
    span = query.period.span(today)
    shift = query.shift(span)
    breakdowns, offered, refusals = {}, {}, {}
    absent: dict[Breakdown, Refusal] = {}
    for name in panels:
        choices, asked = PANELS[name], query.breakdown(name)
        why = {choice: _refusal(query, choice, rules, sites, is_today=span.first == today) for choice in choices}
        # The nearest answer: what was asked for, or else the first of the panel that can be given.
        chosen = next((choice for choice in (asked, *choices) if why[choice] is None), asked)
        breakdowns[name] = chosen
        offered[name] = tuple(choice for choice in choices if why[choice] not in _ABSENT) or choices
        absent |= {choice: reason for choice, reason in why.items() if reason in _ABSENT}
        reason = why[chosen]
        if reason:
            refusals[name] = reason
    return Plan(
        query=query,
        spans=[span, span.before(shift)] if shift else [span],
        today=today,
        breakdowns=breakdowns,
        offered=offered,
        refusals=refusals,
        absent=absent,
    )


def _refusal(
    query: Query, breakdown: Breakdown, rules: Sequence[Rules], sites: Sequence[Site], *, is_today: bool
) -> Refusal | None:
    dimension = breakdown.dimension
    if not all(dimension in rule.dimensions for rule in rules):
        return Refusal.PROFILE
    if not _is_declared(dimension, sites):
        return Refusal.UNDECLARED
    if query.filter:
        other = query.filter.dimension
        if dimension is other:
            return Refusal.SAME
        # Pairs hold no time.
        if breakdown is Breakdown.TIME or not all(keeps(rule, dimension, other) for rule in rules):
            return Refusal.PAIR
        return Refusal.TODAY if is_today else None
    return Refusal.TODAY if is_today and breakdown not in _RUNNING else None


def _is_declared(dimension: Dimension, sites: Sequence[Site]) -> bool:
    if dimension is Dimension.GOAL:
        return any(site.goals for site in sites)
    return dimension is not Dimension.GROUP or any(site.groups for site in sites)
