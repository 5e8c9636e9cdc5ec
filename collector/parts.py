"""Make of a site's events in a running day what is to be kept of them."""

from collections.abc import Callable
from datetime import date

import msgspec

from collector.clock import Clock
from collector.day.close import close_part
from collector.model import Epoch, Origin, Outcome, Site
from collector.policy import Rules
from collector.running import RunningDay
from collector.store.ledger import ClosedPart, Ledger
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
