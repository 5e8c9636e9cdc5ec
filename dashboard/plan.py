"""Decide what a query comes to before anything is read: which days, and which breakdowns can be answered."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Final

import msgspec

from collector.model import Dimension
from collector.policy import Rules
from dashboard.query import PANELS, Query, Span

#: What the snapshot of the running day has.
_RUNNING: Final = frozenset({Dimension.PAGE, Dimension.SOURCE})


class Refusal(StrEnum):
    """Name why a panel has no rows."""

    SAME = "same"
    PAIR = "pair"
    PROFILE = "profile"
    TODAY = "today"
    BELOW_K = "below_k"
    SMALL = "small"
    EMPTY = "empty"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what has to be read for a query, and what is refused before anything is read.

    Attributes:
        offered: Per panel the breakdowns to choose from: none that a profile leaves out or a controller switched off,
            except where nothing else would be left to say so.
    """

    query: Query
    spans: list[Span]
    today: date
    dimensions: dict[str, Dimension]
    offered: dict[str, tuple[Dimension, ...]]
    refusals: dict[str, Refusal]

    @property
    def answered(self) -> list[Dimension]:
        """Return the dimensions to read."""
        return [dimension for name, dimension in self.dimensions.items() if name not in self.refusals]


def plan(query: Query, rules: Sequence[Rules], *, today: date) -> Plan:
    """Decide what *query* comes to: which days, and which breakdowns can be answered.

    Args:
        query: What is asked.
        rules: What is in force for each of its sites.
        today: The running day where the sites are.
    """
    span = query.period.span(today)
    shift = query.shift(span)
    dimensions, offered, refusals = {}, {}, {}
    for name, choices in PANELS.items():
        asked = query.dimension(name)
        why = {choice: _refusal(query, choice, rules, is_today=span.first == today) for choice in choices}
        # The nearest answer: what was asked for, or else the first of the panel that can be given.
        chosen = next((choice for choice in (asked, *choices) if why[choice] is None), asked)
        dimensions[name] = chosen
        offered[name] = tuple(choice for choice in choices if why[choice] is not Refusal.PROFILE) or choices
        reason = why[chosen]
        if reason:
            refusals[name] = reason
    return Plan(
        query=query,
        spans=[span, span.before(shift)] if shift else [span],
        today=today,
        dimensions=dimensions,
        offered=offered,
        refusals=refusals,
    )


def _refusal(query: Query, dimension: Dimension, rules: Sequence[Rules], *, is_today: bool) -> Refusal | None:
    if not all(dimension in rule.dimensions for rule in rules):
        return Refusal.PROFILE
    if query.filter:
        other = query.filter.dimension
        if dimension is other:
            return Refusal.SAME
        if not all((dimension, other) in rule.pairs or (other, dimension) in rule.pairs for rule in rules):
            return Refusal.PAIR
        return Refusal.TODAY if is_today else None
    return Refusal.TODAY if is_today and dimension not in _RUNNING else None
