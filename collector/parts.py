"""Make of a site's events in a running day what is to be kept of them."""

from collections.abc import Callable, Iterable
from datetime import date, datetime

import msgspec
import polars as pl

from collector.clock import Clock, hour_starts_at
from collector.day.close import close_part, committed_blocks, running_cells
from collector.model import OTHER, Dimension, Epoch, Origin, Outcome, Site
from collector.policy import Rules
from collector.running import RunningDay
from collector.store.ledger import CELL_SCHEMA, ClosedPart, HourBlock, Ledger, cell_frame
from collector.store.sites import Sites

#: The strictest of what was in force for a site since its local day began.
RulesOn = Callable[[Site, date], Rules]


class Parts:
    """Close parts of days under the rules in force."""

    def __init__(self, *, sites: Sites, ledger: Ledger, rules_on: RulesOn, clock: Clock) -> None:
        self._sites = sites
        self._ledger = ledger
        self._rules_on = rules_on
        self._clock = clock

    def close(self, running: RunningDay, site: Site, positions: dict[str, int]) -> ClosedPart:
        """Return the part that a site's events make, whose spool files were read up to *positions*."""
        epoch = running.epoch
        closing = close_part(running.day, site.id, self._rules_on(site, epoch.day))
        if closing.cells is None:
            return self._part(site, epoch, outcome=Outcome.BELOW_K, spool=positions)
        drops = running.drops_of(site.id)
        if closing.late:
            drops["late"] = drops.get("late", 0) + closing.late
        made = self._part(site, epoch, outcome=Outcome.KEPT, spool=positions)
        return msgspec.structs.replace(made, cells=closing.cells, drops=drops)

    def here(self, running: RunningDay) -> list[Site]:
        """Return the sites that have events in a running day."""
        return [
            site
            for site in self._sites.all()
            if site.timezone == running.epoch.timezone and running.day.events(site.id)
        ]

    def held(self, days: Iterable[RunningDay]) -> dict[tuple[Epoch, str], int]:
        """Return about how many bytes running days hold, by epoch and site."""
        return {(run.epoch, site): held for run in days for site, held in run.day.bytes_by_site().items()}

    def commit_hours(self, running: RunningDay, site: Site, *, hour: int, until: int) -> None:
        """Commit the blocks of a site that ended before the local *hour*, which began at second *until*."""
        day = running.epoch.day
        blocks = committed_blocks(running.day, site.id, self._rules_on(site, day), hour=hour, until=until)
        kept = [HourBlock(**{name: getattr(block, name) for name in HourBlock.__struct_fields__}) for block in blocks]
        self._ledger.commit_hours(site=site.id, day=day, part=self._ledger.next_part(site.id, day), blocks=kept)

    def running(self, days: Iterable[RunningDay], *, settled: datetime) -> pl.DataFrame:
        """Return running days as of the hour in which *settled* lies, as k-ruled cells."""
        frames = [pl.DataFrame(schema=CELL_SCHEMA)]
        for running in days:
            until = int(hour_starts_at(settled, running.epoch.timezone).timestamp())
            day = running.epoch.day
            for site in self.here(running):
                cells = running_cells(running.day, site.id, self._rules_on(site, day), until=until)
                part = self._ledger.next_part(site.id, day)
                frames.append(cell_frame(cells, site=site.id, day=day, part=part))
        return pl.concat(frames)

    def lost(self, site: Site, epoch: Epoch, positions: dict[str, int]) -> ClosedPart:
        """Return a part without figures: they are lost with the keys of the machine, or with a newer history."""
        return self._part(site, epoch, outcome=Outcome.LOST, spool=positions)

    def _part(self, site: Site, epoch: Epoch, *, outcome: Outcome, spool: dict[str, int]) -> ClosedPart:
        rules = self._rules_on(site, epoch.day)
        return ClosedPart(
            site=site.id,
            day=epoch.day,
            part=self._ledger.next_part(site.id, epoch.day),
            outcome=outcome,
            origin=Origin.TRACKER,
            identity=rules.identity(site.identity),
            profile=self._sites.on_day(site, epoch.day).profile,
            k=rules.k,
            settings=self._sites.head(),
            closed_at=self._clock.now(),
            epoch_part=epoch.part,
            spool=spool,
        )


def folded(parts: Iterable[ClosedPart]) -> tuple[int, int]:
    """Return how many pageviews of *parts* lie in `(other)` by page, and how many there are: both of kept cells."""
    pages = [
        cell
        for part in parts
        for cell in part.cells or ()
        if cell.dimension is Dimension.PAGE and cell.filter_dimension is None and cell.pageviews is not None
    ]
    views = [(cell.value == OTHER, cell.pageviews or 0) for cell in pages]
    return sum(count for is_other, count in views if is_other), sum(count for _, count in views)
