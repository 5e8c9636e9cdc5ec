"""Count past days through the gate that live events pass, and keep them as closed days: whole, in order, and once.

What comes is held in memory only: each site and day has a salt of its own that is never stored, and nothing is written
before the day is counted under the k rule. A process that dies in between leaves the days that it kept, whole.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from collector.clock import Clock, day_ends_at, day_starts_at, local_day
from collector.day.close import close_part
from collector.day.current_day import CurrentDay
from collector.edge.country import Lookup
from collector.edge.gate import Gate
from collector.edge.raw import RawRequest
from collector.edge.visitor import SALT_BYTES, Salt
from collector.engine import Engine
from collector.errors import SettingsError, StoreError
from collector.event import Batch, Drop, Event, Malformed, Reason
from collector.model import Cell, Dimension, Epoch, Identity, Origin, Outcome, Site
from collector.policy import HOUR_ROWS_DAYS_MAX
from collector.running import REFUSED
from collector.settings import Settings
from collector.spool.files import list_epochs
from collector.store.ledger import ClosedPart

#: Events that wait outside the day; an append of a few costs as much as one of thousands.
BATCH_EVENTS: Final = 4_096
#: Days that are compared with the file at once: what is compared stays in memory until then.
COMPARE_DAYS: Final = 31
#: No spool file was counted: epochs that have some begin at 1.
_NO_EPOCH: Final = 0


class DayCount(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what a past day came to: counts only.

    Attributes:
        cells: Empty where fewer than k visitors came.
        counted: Events, those of a day below k too; for the one who asked, and never kept.
        drops: Requests that were not counted, by reason, and removed identifier fields.
        house_drops: What belongs to no site, such as opt-outs.
    """

    site: str
    day: date
    origin: Origin
    identity: Identity
    outcome: Outcome
    cells: Sequence[Cell]
    counted: int
    drops: dict[str, int]
    house_drops: dict[str, int]


class PastDay:
    """Hold one past day of one site while it is counted. Personal data."""

    def __init__(self, past: "PastDays", day: date) -> None:
        self.day = day
        self.counted = 0
        self._past = past
        self._salt = past.make_salt()
        timezone = past.site.timezone
        self._seconds = range(
            int(day_starts_at(day, timezone).timestamp()), int(day_ends_at(day, timezone).timestamp())
        )
        self._held = CurrentDay(Epoch(timezone, day))
        self._waiting: list[Event] = []
        self._drops: Counter[tuple[str, str]] = Counter()

    def admit(self, raw: RawRequest, *, at: int) -> Event | Drop | Malformed:
        """Let one request through the gate.

        Args:
            raw: The request.
            at: When it was made, in whole seconds since 1970 UTC; inside the day.

        Raises:
            ValueError: *at* lies outside the day.
        """
        if at not in self._seconds:
            raise ValueError("the instant is not of this day")
        outcome = self._past.gate.admit(raw, at=at, salt=lambda _site, _at: self._salt)
        if isinstance(outcome, Event):
            self._take(outcome)
        elif isinstance(outcome, Drop):
            self._drops[outcome.site, outcome.reason] += 1
        else:
            self._drops[self._past.site.id, Reason.INVALID] += 1
        return outcome

    def _take(self, event: Event) -> None:
        self.counted += 1
        for name in event.refused:
            self._drops[event.site, REFUSED + name] += 1
        self._waiting.append(event)
        if len(self._waiting) >= BATCH_EVENTS:
            self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._held.append(Batch(waiting, []))

    def close(self) -> DayCount:
        """Count the day under the k rule and let go of everything else."""
        self._flush()
        past = self._past
        closing = close_part(self._held, past.site.id, past.rules)
        self._held.close()
        drops = self._drops_of(past.site.id)
        if closing.late:
            drops[Reason.LATE] = closing.late
        return DayCount(
            site=past.site.id,
            day=self.day,
            origin=past.origin,
            identity=past.rules.identity(past.site.identity),
            outcome=Outcome.BELOW_K if closing.cells is None else Outcome.KEPT,
            cells=closing.cells or (),
            counted=self.counted,
            drops=drops,
            house_drops=self._drops_of(""),
        )

    def _drops_of(self, site: str) -> dict[str, int]:
        return {reason: count for (of, reason), count in self._drops.items() if of == site}


class PastDays:
    """Count past days of one site; needs no house, so several processes may share the work."""

    def __init__(
        self,
        site: Site,
        *,
        settings: Settings,
        origin: Origin,
        random: Callable[[int], bytes],
        lookup: Lookup | None = None,
    ) -> None:
        """Count for *site* as its settings are now.

        Args:
            site: Whose days. A server log holds no browser's number: there the network tells visitors apart.
            settings: Of the house.
            origin: Where the requests come from.
            random: Makes the salts.
            lookup: An operator's own table of countries; `None` for the one that comes with the package.
        """
        if origin is Origin.SERVER_LOG:
            site = msgspec.structs.replace(site, identity=Identity.NETWORK)
        self.site = site
        self.origin = origin
        self.rules = settings.privacy.rules_of(site)
        self.gate = Gate(privacy=settings.privacy, server=settings.server, site={site.id: site}.get, lookup=lookup)
        self._random = random

    def open(self, day: date) -> PastDay:
        """Return *day*, empty, with a new salt."""
        return PastDay(self, day)

    def make_salt(self) -> Salt:
        """Return a new salt; it lies in this process's memory and nowhere else."""
        return Salt(self._random(SALT_BYTES))

    def count(self, day: date, requests: Iterable[tuple[int, RawRequest]]) -> DayCount:
        """Count *requests*, each with its instant in seconds since 1970 UTC, as one whole day."""
        opened = self.open(day)
        for at, raw in requests:
            opened.admit(raw, at=at)
        return opened.close()


class Backfill:
    """Keep past days in the history of a house, running or not."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Clock,
        random: Callable[[int], bytes],
        lookup: Lookup | None = None,
    ) -> None:
        """Keep what is counted from now on under the settings log as it stands now.

        Args:
            engine: Of the house.
            clock: Tells which day is past.
            random: Makes the salts.
            lookup: As for the house's own gate.
        """
        self._engine = engine
        self._clock = clock
        self._random = random
        self._lookup = lookup
        self._settings = engine.sites.head()
        self._kept: list[ClosedPart] = []

    def past_days(self, site: Site, *, origin: Origin) -> PastDays:
        """Return what counts days of *site*.

        Raises:
            SettingsError: `site_off`.
        """
        if not site.is_on:
            raise SettingsError(
                "site_off", f"{site.id} is off; its controller switches it on before anything is counted."
            )
        return PastDays(site, settings=self._engine.settings, origin=origin, random=self._random, lookup=self._lookup)

    def check(self, site: Site, day: date) -> None:
        """Refuse a day that cannot be kept whole, or not at all.

        Raises:
            SettingsError: `day_not_over`, `day_closed`, `day_expired`.
        """
        today = local_day(self._clock.now(), site.timezone)
        if day >= today:
            raise SettingsError("day_not_over", f"{day} is not over at {site.id}; only past days are taken in.")
        for epoch in list_epochs(self._engine.settings.spool_dir):
            if (epoch.timezone, epoch.day) == (site.timezone, day):
                raise SettingsError("day_not_over", f"{day} is still being closed; come again in a minute.")
        if self._engine.ledger.next_part(site.id, day) != 1:
            raise SettingsError("day_closed", f"{site.id} has figures of {day} already; a day is counted once.")
        kept_days = self._engine.rules(site).retention_days
        if day < today - timedelta(days=kept_days):
            raise SettingsError("day_expired", f"{day} is longer ago than the {kept_days} days that figures are kept.")

    def day(self, site: Site, day: date, requests: Iterable[tuple[int, RawRequest]], *, origin: Origin) -> DayCount:
        """Count and keep one whole day; call `finish` after the last.

        Args:
            site: Whose day.
            day: Local to the site.
            requests: All of the day, each with its instant in seconds since 1970 UTC.
            origin: Where they come from.

        Raises:
            SettingsError: As `check` and `past_days`.
            StoreError: As `keep`.
        """
        self.check(site, day)
        count = self.past_days(site, origin=origin).count(day, requests)
        self.keep(site, count)
        return count

    def keep(self, site: Site, count: DayCount) -> None:
        """Keep a counted day with its marker, in one transaction.

        What belongs to no site is kept for the house where there is any; one site's days may have some.

        Raises:
            StoreError: `part_closed`, `history_write_failed`, `close_differs`.
        """
        rules = self._engine.rules(site)
        # Kept now and let go of at the next close, an old day's hours would stand in the file until then.
        has_hours = (local_day(self._clock.now(), site.timezone) - count.day).days <= min(
            HOUR_ROWS_DAYS_MAX, rules.retention_days
        )
        part = ClosedPart(
            site=count.site,
            day=count.day,
            part=1,
            outcome=count.outcome,
            origin=count.origin,
            identity=count.identity,
            profile=site.profile,
            k=rules.k,
            settings=self._settings,
            closed_at=self._clock.now(),
            epoch_part=_NO_EPOCH,
            spool={},
            cells=[cell for cell in count.cells if has_hours or cell.dimension is not Dimension.HOUR],
            # Below k no figure is kept, that of drops included.
            drops=count.drops if count.outcome is Outcome.KEPT else {},
        )
        self._engine.ledger.keep([part], is_settled=False)
        if count.house_drops:
            self._engine.ledger.keep_house_drops(day=count.day, epoch_part=_NO_EPOCH, drops=count.house_drops)
        self._kept.append(part)
        if len(self._kept) >= COMPARE_DAYS:
            self.finish()

    def finish(self) -> None:
        """Open the history file anew and compare what it holds of the days kept so far.

        Raises:
            StoreError: `close_differs`; `history_busy`, after which it may be called again.
        """
        if not self._kept:
            return
        self._engine.history.reopen()
        different = self._engine.ledger.differs(self._kept)
        if different:
            raise StoreError("close_differs", f"{different} reads differently from the file. Check the disk.")
        self._kept = []
