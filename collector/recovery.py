"""Find out at the start of a house what was lost since it last ran, say it, and count nothing twice.

Source: docs/decisions/0012-durability.md
"""

import logging
from pathlib import Path
from typing import Final

import msgspec

from collector.clock import Clock
from collector.counted import Counted, counted_beside, covers, remember, united
from collector.model import Epoch, Site
from collector.parts import Parts
from collector.running import RunningDay
from collector.spool import files
from collector.spool.notes import COUNTED
from collector.spool.secrets import Secrets
from collector.store.erase import erased_in_spool
from collector.store.history import History
from collector.store.ledger import Ledger
from collector.store.mark import missing_in
from collector.store.sites import Sites

log = logging.getLogger("turven.engine")

#: Reasons of a gap, as schema.sql has them.
KEYS_LOST: Final = "keys_lost"
SPOOL_DAMAGED: Final = "spool_damaged"
HISTORY_OLDER: Final = "history_older"
#: So many days are named; of more, their number.
_NAMED_MAX: Final = 10


class Recovery:
    """Say what is lost, and note it in the history."""

    def __init__(
        self, *, history: History, spool_dir: Path, secrets: Secrets, sites: Sites, parts: Parts, clock: Clock
    ) -> None:
        self._history = history
        self._spool_dir = spool_dir
        self._secrets = secrets
        self._ledger = Ledger(history)
        self._sites = sites
        self._parts = parts
        self._clock = clock
        self._remembered: dict[Epoch, list[Counted]] = {}
        #: Each names its file.
        self._said: set[str] = set()

    def say_missing(self) -> None:
        """Say which closed days a history lacks that was put in the place of a newer one, and note them as gaps."""
        history = self._history
        missing = missing_in(history)
        if missing.days:
            names = [f"{day.day} part {day.epoch_part} ({day.timezone})" for day in missing.days[:_NAMED_MAX]]
            more = len(missing.days) - len(names)
            log.error(
                "%s is older than the one before it: %s%s are not in it, and what they were counted from is destroyed. "
                "Their figures are lost unless the newer file comes back; nothing is counted twice.",
                history.path, ", ".join(names), f" and {more} more" if more else "",
            )  # fmt: skip
        if missing.entries:
            log.error(
                "%s lacks the last %d entries of the settings log: sites and settings are those of before.",
                history.path, missing.entries,
            )  # fmt: skip
        for day in missing.days:
            if day.timezone:
                self._ledger.note_gap(day.epoch, reason=HISTORY_OLDER, at=self._clock.now())

    def known(self, epoch: Epoch) -> dict[str, dict[str, int]]:
        """Return, per site, how far each spool file of *epoch* is counted or erased by what the history says."""
        return united(self._ledger.counted(epoch), erased_in_spool(self._history, named(epoch)))

    def give_up_counted(self, running: RunningDay) -> None:
        """Note the parts of a running day that were counted into a newer history, which is not here any more."""
        epoch = running.epoch
        known = self.known(epoch)
        for counted in counted_beside(self._secrets, epoch):
            self._remembered.setdefault(epoch, []).append(counted)
            sites = [site for site in map(self._sites.get, counted.sites) if site]
            unknown = [site for site in sites if not covers(known, site.id, counted.files)]
            for site in unknown:
                log.error(
                    "The history is older than what was %s: a part of %s on %s is not in it, and its events are not "
                    "counted again.%s",
                    "erased" if counted.is_erased else "counted", site.id, epoch.day,
                    " Erase the site again." if counted.is_erased else " Its figures are lost with the newer file.",
                )  # fmt: skip
            for site in unknown:
                self._ledger.keep([self._parts.lost(site, epoch, counted.files)])
            if unknown:
                self._ledger.note_gap(epoch, reason=HISTORY_OLDER, at=self._clock.now())

    def give_up(self, epoch: Epoch) -> None:
        """Note that the machine lost the key of *epoch*: what was committed by the hour is all that is left."""
        log.warning(
            "The key of %s, %s part %d is gone (reboot?): the day's detail is lost, its committed hours are kept.",
            epoch.timezone, epoch.day, epoch.part,
        )  # fmt: skip
        at = self._clock.now()
        self._ledger.note_gap(epoch, reason=KEYS_LOST, at=at)
        here = [site for site in self._sites.all() if site.timezone == epoch.timezone]
        self._ledger.keep([self._parts.lost(site, epoch, {}) for site in here if self._has_hours(site, epoch)])
        # The part's number is taken while its files lie there: the next one begins before they are put away.
        self._secrets.current(epoch.timezone, now=at)
        files.set_aside(self._spool_dir, epoch)

    def _has_hours(self, site: Site, epoch: Epoch) -> bool:
        part = self._ledger.next_part(site.id, epoch.day)
        return self._ledger.has_committed_hours(site.id, epoch.day, part)

    def remember(self, epoch: Epoch, counted: Counted) -> None:
        """Keep beside the secrets of *epoch* what was counted of it.

        Raises:
            SpoolError: As `remember` of `collector.counted`.
        """
        remember(self._secrets, epoch, counted)
        self._remembered.setdefault(epoch, []).append(counted)

    def look_at(self, running: RunningDay) -> None:
        """Say what of the spool cannot be read, and write back notes that vanished with the folder in memory."""
        self._report_damage(running)
        epoch = running.epoch
        if running.closing and self._secrets.has_salts(epoch) and self._secrets.note(epoch) is None:
            self._secrets.keep_note(epoch, msgspec.json.encode(running.closing))
        if epoch in self._remembered and self._secrets.note(epoch, COUNTED) is None:
            for counted in self._remembered[epoch]:
                remember(self._secrets, epoch, counted)

    def forget(self, epoch: Epoch) -> None:
        """Know nothing more of an epoch that is destroyed."""
        self._remembered.pop(epoch, None)

    def _report_damage(self, running: RunningDay) -> None:
        """Say once what of the spool cannot be read; what stands before the damage is counted."""
        new = [sentence for sentence in running.reader.damage() if sentence not in self._said]
        for sentence in new:
            log.error("%s", sentence)
        if new:
            self._ledger.note_gap(running.epoch, reason=SPOOL_DAMAGED, at=self._clock.now())
            self._said.update(new)


def named(epoch: Epoch) -> str:
    """Return how the log of an erase names a running epoch."""
    return f"{epoch.day} {epoch.timezone} part {epoch.part}"
