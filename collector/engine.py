"""Join spool, current day and history: the only code that moves events towards cells.

One engine a house. It tails the spool, holds the current day of each time zone, commits hours, turns the epoch at
local midnight, closes days under the k rule, and destroys what they were counted from once the file was compared.
"""

import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from threading import RLock
from typing import Final

import msgspec

from collector.clock import Clock, hour_starts_at, local_day, local_hour
from collector.counted import Counted, counted_beside, covers, positions_of, united
from collector.effective import house_settings
from collector.errors import SpoolError, StoreError, TurvenError
from collector.metrics import Metrics
from collector.model import Epoch, Outcome, Site
from collector.parts import Parts, folded
from collector.policy import Rules
from collector.present import Present
from collector.recovery import Recovery, named
from collector.retry import Retries
from collector.room import Room
from collector.running import PendingClose, RunningDay, patience
from collector.settings import Settings
from collector.spool import files
from collector.spool.reader import SpoolReader
from collector.spool.secrets import Secrets
from collector.spool.vault import wipe
from collector.store.backup import sweep
from collector.store.erase import Erased, Note, begin, begun, erase_site, is_gone
from collector.store.history import History
from collector.store.ledger import ClosedPart, Ledger
from collector.store.mark import keep_mark
from collector.store.retention import let_go
from collector.store.sites import Sites, check_entry
from collector.turned import ClockWatch

log = logging.getLogger("turven.engine")

SWITCH_LOOK_SECONDS: Final = 0.02
#: An hour is committed this long after it ended, when all that was acknowledged in it is in the spool.
HOUR_SETTLES: Final = timedelta(seconds=2)


class Engine:
    """Run the house behind the door."""

    def __init__(self, settings: Settings, *, clock: Clock, random: Callable[[int], bytes] = os.urandom) -> None:
        """Open the history, rebuild the current days from the spool, and note what cannot be read.

        Raises:
            StoreError: The history file or a spool file is damaged, foreign, newer or in use.
        """
        self.settings = settings
        self._clock = clock
        self._lock = RLock()
        self.metrics = Metrics()
        self.room = Room(settings.day_memory_mb)
        self.wait: Callable[[], None] = partial(time.sleep, SWITCH_LOOK_SECONDS)
        self._days: dict[Epoch, RunningDay] = {}
        files.prepare_runtime_dir(settings.runtime_path())
        self.secrets = Secrets(
            settings.runtime_path(),
            random=random,
            key_dir=files.key_dir(settings.data_dir, is_kept=settings.keep_day_through_reboot),
            spool_dir=settings.spool_dir,
        )
        self.history = History(settings.history_file, at=clock.now(), is_uncompressed=settings.is_uncompressed)
        for folder in (settings.data_dir, settings.backup_dir):
            sweep(folder)
        for sentence in self.history.told:
            log.error("%s", sentence)
        self.sites = Sites(self.history, random=random)
        self.ledger = Ledger(self.history)
        self._parts = Parts(sites=self.sites, ledger=self.ledger, rules_on=self.rules_on, clock=clock)
        self.present = Present(self._days, known=self.sites.get, rules_on=self.rules_on, clock=clock)
        self._recovery = Recovery(
            history=self.history,
            spool_dir=settings.spool_dir,
            secrets=self.secrets,
            sites=self.sites,
            parts=self._parts,
            clock=clock,
        )
        self._retries = Retries()
        self._marked = -1
        self.clock_watch = ClockWatch()
        # Before anything is written; an erase that was cut off has taken rows on purpose.
        if begun(self.history) is None:
            self._recovery.say_missing()
        is_changed = self.sites.note_house(house_settings(settings), at=clock.now())
        self.sites.turn(clock.now())
        self._recover()
        if is_changed:
            self.let_go()

    def rules(self, site: Site) -> Rules:
        """Return what is in force for *site*."""
        return self.settings.privacy.rules_of(site)

    def rules_on(self, site: Site, day: date) -> Rules:
        """Return the strictest of what was in force for *site* since its local *day* began: its figures obey that."""
        return self.rules(self.sites.on_day(site, day))

    # -- the round ------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Go round once: drain the spool, commit hours, close what is past."""
        with self._lock:
            now = self._clock.now()
            self.sites.turn(now)
            self.secrets.restore()
            current = {zone: self.secrets.current(zone, now=now) for zone in self._zones()}
            for sentence in self.clock_watch.look(now, current.values()):
                log.warning("%s", sentence)
            self._find_epochs(current.values())
            for running in list(self._days.values()):
                is_current = current.get(running.epoch.timezone) == running.epoch
                self._retries.guard(("drain", running.epoch), partial(self._drain, running, is_current=is_current))
            self._retries.guard("room", self._make_room)
            for running in list(self._days.values()):
                is_current = current.get(running.epoch.timezone) == running.epoch
                self._retries.guard(
                    ("close", running.epoch), partial(self._go_on_closing, running, is_current=is_current)
                )
            self._retries.guard("hours", partial(self._commit_hours, now))
            self._retries.guard("mark", self._keep_mark)
            self.metrics.round_ended(is_well=not self._retries.is_failing())

    def _drain(self, running: RunningDay, *, is_current: bool) -> None:
        before = running.drops.copy()
        # A day that is over is counted whole, and so is a part that is being closed.
        may_wait = is_current and running.closing is None
        events = running.drain(is_full=lambda: may_wait and self.room.is_full(self._parts.held(self._days.values())))
        self.metrics.took_in(events, running.drops - before)
        self._recovery.look_at(running)

    def _make_room(self) -> None:
        """Begin to close the largest part that has k visitors where memory runs short; the next rounds finish it."""
        held = self._parts.held(self._days.values())
        unread = sum(running.reader.unread_bytes() for running in self._days.values())
        self.metrics.stands(unread_bytes=unread, day_bytes=sum(held.values()))
        if not self.room.is_full(held) or any(running.closing for running in self._days.values()):
            return
        for epoch, site in sorted(held, key=held.__getitem__, reverse=True):
            running = self._days[epoch]
            if self._begin_close(running, [known for known in self._parts.here(running) if known.id == site]):
                self.metrics.closed_early()
                log.warning("%s", self.room.said_of(site, epoch.day))
                return
        raise TurvenError("day_full", self.room.said_of_none())

    def _go_on_closing(self, running: RunningDay, *, is_current: bool) -> None:
        if self._finish_sites(running) is not None and not is_current:
            self._close_past(running)

    def _keep_mark(self) -> None:
        """Write down how far the history has come, where it has."""
        if self.history.writes != self._marked:
            writes = self.history.writes
            keep_mark(self.history)
            self._marked = writes

    def close_now(self, site_ids: Sequence[str] | None = None) -> dict[str, Outcome | None]:
        """Close the running part of sites now; the next part follows with a new salt.

        A site below k is left to run on.

        Args:
            site_ids: Which; `None` for all.

        Returns:
            Per site: `kept`, or `None` where fewer than k visitors came.

        Raises:
            SettingsError: `site_unknown`.
        """
        with self._lock:
            self._retries.hurry()
            self.tick()
            chosen = self.sites.all() if site_ids is None else [self.sites.known(name) for name in site_ids]
            outcomes: dict[str, Outcome | None] = {}
            for running in list(self._days.values()):
                here = [site for site in chosen if site.timezone == running.epoch.timezone]
                outcomes |= self._close_sites(running, here)
            self._publish()
            return {site.id: outcomes.get(site.id) for site in chosen}

    def erase(self, site_id: str, *, made_by: str, reason: str) -> Erased:
        """Erase everything that is kept of a site, and what its running day holds; it is unknown from then on.

        Raises:
            SettingsError: `site_unknown`, `entry_invalid`.
            StoreError: As `erase_site`; what was begun is finished by the next start.
        """
        with self._lock:
            self.sites.known(site_id)
            # Once begun, an erase is finished by every start: what the log refuses would keep the house from starting.
            check_entry(made_by, reason)
            self.tick()
            note = Note(site=site_id, made_by=made_by, reason=reason, at=self._clock.now())
            begin(self.history, note)
            return self._erase(note)

    def _erase(self, note: Note) -> Erased:
        spool: dict[str, dict[str, int]] = {}
        if not is_gone(self.history, note):
            # First of all the door: what is admitted from here on is not of this site.
            self.sites.forget(note.site)
            for epoch, running in self._days.items():
                replace = partial(self.secrets.replace_salt, epoch, note.site)
                spool[named(epoch)] = running.erase(note.site, replace_salt=replace, wait=patience(self.wait))
        erased = erase_site(self.history, self.sites, note, spool=spool)
        for epoch in self._days:
            if ends := spool.get(named(epoch)):
                self._recovery.remember(epoch, Counted(sites=(note.site,), files=ends, is_erased=True))
        self._publish()
        log.info("erased a site: %d rows, %d running days", sum(erased.rows.values()), len(spool))
        return erased

    def let_go(self) -> bool:
        """Let go of what is too old, each site by its own limit; return whether anything was."""
        with self._lock:
            days = {site.id: self.rules(site).retention_days for site in self.sites.all()}
            # A figure may become as many days old as its limit says: what is older than that by yesterday goes.
            yesterday = max(local_day(self._clock.now(), zone) for zone in self._zones()) - timedelta(days=1)
            house = self.settings.privacy.retention_days
            return let_go(self.history, today=yesterday, retention_days=house, of_sites=days)

    def stop(self) -> None:
        """Take in what is left of the spool and let go of every file."""
        with self._lock:
            for running in self._days.values():
                running.close()
            self._days.clear()
            self._retries.guard("mark", self._keep_mark)
            self.history.close()

    # -- running epochs -------------------------------------------------------------------------------------------

    def _zones(self) -> list[str]:
        return sorted({self.settings.timezone} | {site.timezone for site in self.sites.all()})

    def _run(self, epoch: Epoch) -> RunningDay:
        running = self._days.get(epoch)
        if running is None:
            key = self.secrets.seal_key(epoch)
            reader = SpoolReader(self.settings.spool_dir, epoch, key)
            wipe(key)
            counted = united(self._recovery.known(epoch), positions_of(counted_beside(self.secrets, epoch)))
            running = RunningDay(epoch, reader=reader, counted=counted, memory_limit=self.room.of_questions)
            note = self.secrets.note(epoch)
            running.closing = msgspec.json.decode(note, type=PendingClose) if note else None
            self._days[epoch] = running
        return running

    def _find_epochs(self, current: Iterable[Epoch]) -> None:
        """Run every epoch that is current or has left a spool, and give up those whose key is gone."""
        for epoch in {*current, *files.list_epochs(self.settings.spool_dir)}:
            try:
                self._run(epoch)
            except SpoolError as error:
                if error.code != "key_missing":
                    raise
                self._recovery.give_up(epoch)

    def _recover(self) -> None:
        self._find_epochs(())
        now = self._clock.now()
        current = {self.secrets.current(zone, now=now) for zone in self._zones()}
        for epoch in self.secrets.epochs():
            # A close that was cut off after its spool was gone: only the keys are left to destroy.
            if epoch not in self._days and epoch not in current:
                self.secrets.destroy(epoch)
        for running in self._days.values():
            self._recovery.give_up_counted(running)
            events = running.drain()
            log.info("rebuilt %s part %d: %d events", running.epoch.day, running.epoch.part, events)
        if note := begun(self.history):
            self._erase(note)

    # -- closing --------------------------------------------------------------------------------------------------

    def _close_past(self, running: RunningDay) -> None:
        if not running.reader.is_drained():
            return
        epoch = running.epoch
        if running.kept is None:
            self._keep(running, self._parts.here(running), running.reader.positions())
        assert running.kept is not None  # noqa: S101 - for the type checker
        self.ledger.keep_house_drops(day=epoch.day, epoch_part=epoch.part, drops=running.drops_of(""))
        self._compare(running.kept)
        # The spool goes first: files without their key would look like a day that a reboot has cost.
        files.destroy(self.settings.spool_dir, epoch)
        self.secrets.destroy(epoch)
        files.clear_aside(self.settings.spool_dir)
        running.close()
        self._recovery.forget(epoch)
        del self._days[epoch]
        log.info("closed %s %s part %d: %d sites", epoch.timezone, epoch.day, epoch.part, len(running.kept))
        if note := begun(self.history):
            self._erase(note)
        self.let_go()
        self._publish()

    def _close_sites(self, running: RunningDay, sites: Sequence[Site]) -> dict[str, Outcome | None]:
        # What came while an earlier close was being finished is still in the spool.
        self._drain(running, is_current=False)
        if not self._begin_close(running, sites):
            return {}
        wait = patience(self.wait)
        while (closed := self._finish_sites(running)) is None:
            if not wait():
                raise StoreError("collector_busy", "A collector did not go on to a new file; the close goes on later.")
        return closed

    def _begin_close(self, running: RunningDay, sites: Sequence[Site]) -> bool:
        """Note that those of *sites* that have k visitors are being closed; return whether any has."""
        day = running.epoch.day
        due = [site.id for site in sites if running.day.visitors(site.id) >= self.rules_on(site, day).k]
        if not due:
            return False
        epoch = running.epoch
        salts = {site: self.secrets.fingerprint(epoch, site) for site in due}
        note = PendingClose(files=tuple(running.reader.positions()), salts=salts)
        # Noted before anything changes: a part that ran on under two salts would count its visitors twice.
        self.secrets.keep_note(epoch, msgspec.json.encode(note))
        running.closing = note
        return True

    def _finish_sites(self, running: RunningDay) -> dict[str, Outcome | None] | None:
        """Finish a close of sites as far as can be; return the outcomes, or `None` while collectors still write."""
        note = running.closing
        if note is None:
            return {}
        for site, fingerprint in note.salts.items():
            # A reboot may have left the day's key alone: salts are never on disk, and nothing is counted under one.
            if self.secrets.has_salts(running.epoch) and self.secrets.fingerprint(running.epoch, site) == fingerprint:
                self.secrets.replace_salt(running.epoch, site)
        if not running.is_switched():
            return None
        positions = {file: end for file, end in running.reader.positions().items() if file in note.files}
        if running.kept is None:
            self._keep(running, [site for site in self._parts.here(running) if site.id in note.salts], positions)
        assert running.kept is not None  # noqa: S101 - for the type checker
        self._compare(running.kept)
        self._recovery.remember(running.epoch, Counted(sites=tuple(note.salts), files=positions))
        closed: dict[str, Outcome | None] = {part.site: part.outcome for part in running.kept}
        for site in note.salts:
            running.forget(site, positions=positions)
        self.secrets.keep_note(running.epoch, None)
        running.release()
        return closed

    def _keep(self, running: RunningDay, sites: Sequence[Site], positions: dict[str, int]) -> None:
        """Keep the parts of sites that the history does not have yet: a write that failed may have reached it."""
        begun = time.monotonic()
        known = self.ledger.counted(running.epoch)
        due = [site for site in sites if not covers(known, site.id, positions)]
        parts = [self._parts.close(running, site, positions) for site in due]
        self.ledger.keep(parts)
        running.kept = parts
        self.metrics.closed(time.monotonic() - begun, folded=folded(parts))

    def _compare(self, parts: Sequence[ClosedPart]) -> None:
        self.history.reopen()
        different = self.ledger.differs(parts)
        if different:
            raise StoreError(
                "close_differs", f"{different} reads differently from the file; nothing was destroyed. Check the disk."
            )

    # -- the running day ------------------------------------------------------------------------------------------

    def _commit_hours(self, now: datetime) -> None:
        changed = False
        for running in self._days.values():
            settled = now - HOUR_SETTLES
            hour = local_hour(settled, running.epoch.timezone)
            if hour == running.hour or local_day(settled, running.epoch.timezone) != running.epoch.day:
                continue
            until = int(hour_starts_at(settled, running.epoch.timezone).timestamp())
            for site in self._parts.here(running):
                self._parts.commit_hours(running, site, hour=hour, until=until)
            running.hour, changed = hour, True
        if changed:
            self.history.settle()
            self._publish()

    def _publish(self) -> None:
        """Show the dashboard the running day as of the last committed hour, as k-ruled cells."""
        self.history.publish(self._parts.running(self._days.values(), settled=self._clock.now() - HOUR_SETTLES))
