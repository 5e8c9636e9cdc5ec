"""Tell who is there now: one total of a site, in multiples of k, counted anew at marks of the clock.

A figure that were counted when it is asked for could be asked for every second, and would tell when each visitor came
and went. So the clock decides: each site has one answer between two marks, however often anybody asks.

Source: docs/decisions/0021-now.md
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from collector.clock import Clock
from collector.day import small_groups
from collector.errors import TurvenError
from collector.model import Epoch, Site
from collector.policy import Rules
from collector.running import RunningDay

#: How far the marks lie apart; visitors are those of one such stretch, so that no two answers share any.
MARK_SECONDS: Final = 5 * 60
#: How far back pageviews are counted.
PAGEVIEWS_SECONDS: Final = 30 * 60
#: A mark is counted this long after it, when all that was acknowledged before it is in the spool and taken in.
SETTLES: Final = timedelta(seconds=2)


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what may be told of a site now.

    Attributes:
        visitors: Of the five minutes before the mark, in multiples of k; None below 2k.
        pageviews: Of the thirty minutes before it, in multiples of k; None where fewer than 2k visitors made them, or
            one of them more than half.
        at: The mark; aware UTC.
    """

    visitors: int | None
    pageviews: int | None
    at: datetime


class Present:
    """Count who is there, once a mark and site."""

    def __init__(
        self,
        days: Mapping[Epoch, RunningDay],
        *,
        known: Callable[[str], Site | None],
        rules_on: Callable[[Site, date], Rules],
        clock: Clock,
    ) -> None:
        self._days = days
        self._known = known
        self._rules_on = rules_on
        self._clock = clock
        self._told: dict[str, Told] = {}

    def now(self, site_id: str) -> Told | None:
        """Return what may be told of a site at the newest mark; None where there is no such site, or no day runs."""
        site = self._known(site_id)
        if site is None:
            self._told.pop(site_id, None)
            return None
        second = int((self._clock.now() - SETTLES).timestamp()) // MARK_SECONDS * MARK_SECONDS
        at = datetime.fromtimestamp(second, UTC)
        told = self._told.get(site_id)
        if told is None or told.at != at:
            told = self._count(site, at)
            if told is not None:
                self._told[site_id] = told
        return told

    def _count(self, site: Site, at: datetime) -> Told | None:
        # Parts of a day have salts of their own, under which one visitor would count twice: the newest alone is asked.
        epochs = [epoch for epoch in list(self._days) if epoch.timezone == site.timezone]
        running = self._days.get(max(epochs)) if epochs else None
        if running is None:
            return None
        second, k = int(at.timestamp()), self._rules_on(site, running.epoch.day).k
        try:
            near = running.day.seen(site.id, since=second - MARK_SECONDS, until=second)
            far = running.day.seen(site.id, since=second - PAGEVIEWS_SECONDS, until=second)
        except TurvenError:
            # The day is being closed at this moment, or has no room for a question; the next one may find it again.
            return None
        return Told(
            visitors=small_groups.now(near.visitors, k=k),
            pageviews=small_groups.now_pageviews(far.pageviews, viewers=far.viewers, most=far.most, k=k),
            at=at,
        )
