"""The collector's side of the spool: what one turn of the event loop admits is written before its replies leave."""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from collector.clock import Clock, day_ends_at
from collector.edge.gate import Gate
from collector.edge.raw import RawRequest
from collector.edge.visitor import Salt
from collector.errors import SpoolError, StoreError
from collector.event import Batch, Drop, Event, Malformed, Reason, Tally
from collector.model import Epoch, Site
from collector.process import told
from collector.retry import Retry
from collector.settings import Fsync
from collector.spool.secrets import Secrets
from collector.spool.syncing import Unsynced, sync
from collector.spool.vault import wipe
from collector.spool.writer import SpoolWriter, open_current

log = logging.getLogger("turven.intake")

#: How often the collector looks whether its epoch has ended or a salt was replaced, and writes what it refused.
LOOK_SECONDS: Final = 0.25
#: How often the files are forced to the disk where replies do not wait for it (`fsync = "every 1s"`).
SYNC_SECONDS: Final = 1.0
#: Events that may wait to be written; above it a process is overloaded, and refuses before it reads.
PENDING_EVENTS_MAX: Final = 4_096

#: Is told why what was admitted could not be written, or `None`. It may not raise.
Written = Callable[[StoreError | None], None]

_INVALID: Final = Drop(Reason.INVALID)
_OVERLOADED: Final = Drop(Reason.OVERLOAD)


class Stream:
    """Write events of one epoch to a file of its own."""

    def __init__(self, epoch: Epoch, *, writer: SpoolWriter, secrets: Secrets) -> None:
        self.epoch = epoch
        self.ends_at = day_ends_at(epoch.day, epoch.timezone).timestamp()
        self.pending = Batch.empty()
        self._writer = writer
        self._secrets = secrets
        self._salts: dict[str, Salt] = {}
        self._generation = secrets.generation(epoch)

    def salt(self, site: Site) -> Salt:
        """Return the site's salt of this epoch."""
        salt = self._salts.get(site.id)
        if salt is None:
            secret = self._secrets.salt(self.epoch, site.id)
            salt = self._salts[site.id] = Salt(secret)
            wipe(secret)
        return salt

    def has_new_salts(self) -> bool:
        """Tell whether a salt was replaced since the file was begun."""
        return self._secrets.generation(self.epoch) != self._generation

    def flush(self) -> None:
        """Write what is pending as one frame.

        Raises:
            StoreError: The disk took neither this file nor a new one.
        """
        batch, self.pending = self.pending, Batch.empty()
        if batch.events or batch.tallies:
            self._writer.append(batch)

    def unsynced(self) -> Unsynced | None:
        """Return the file that the disk does not have all of yet, if there is one."""
        return self._writer.unsynced()

    def leave(self, file: str) -> None:
        """Go on in a new file where the disk did not take *file*."""
        self._writer.leave(file)

    def end(self) -> None:
        """Write what is pending and say that nothing follows.

        Raises:
            StoreError: As `flush`.
        """
        try:
            self.flush()
        finally:
            self._writer.end()


class _Pending(asyncio.Future[None]):
    """Be waited for by everybody whose event is in one batch; who gives up takes nobody along."""

    def cancel(self, msg: object = None) -> bool:  # noqa: ARG002 - as the class above has it
        """Refuse: the waiting task is cancelled when it goes on."""
        return False

    def settle(self, failure: StoreError | None) -> None:
        """End the waiting."""
        if failure is None:
            self.set_result(None)
        else:
            self.set_exception(failure)
            # Asked for here, since all who waited may be gone.
            self.exception()


class Intake:
    """Let requests through the gate and into the spool."""

    def __init__(
        self,
        *,
        gate: Gate,
        secrets: Secrets,
        spool_dir: Path,
        clock: Clock,
        house_zone: str,
        fsync: Fsync = Fsync.NEVER,
    ) -> None:
        """Take in what *gate* admits.

        Args:
            gate: Turns a request into an event, a drop or an error.
            secrets: Epochs, seal keys and salts.
            spool_dir: Where each stream makes its own file.
            clock: Tells the time of arrival.
            house_zone: Time zone whose day counts what belongs to no site, such as opt-outs.
            fsync: Whether replies wait for the disk, and if not, whether it is forced at all.
        """
        self._gate = gate
        self._secrets = secrets
        self._spool_dir = spool_dir
        self._clock = clock
        self._house_zone = house_zone
        self._fsync = fsync
        #: One thread: the disk does one thing at a time, and what comes meanwhile is its next batch.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool-sync")
        self._syncing: Future[dict[str, SpoolError]] | None = None
        self._sync_at = 0.0
        self._streams: dict[str, Stream] = {}
        self._drops: dict[Drop, int] = {}
        self._at = 0
        self._waiting: list[Written] = []
        self._batch: _Pending | None = None
        self._gathered = 0
        self._failure: StoreError | None = None
        self._stream: Stream | None = None
        self._refusal: StoreError | None = None
        #: Each turn is tried; this only tells when a failure is to be said.
        self._failing = Retry()
        self._has_failed = False
        self.accepted = 0

    def admit(self, raw: RawRequest) -> Event | Drop | Malformed:
        """Let one request through the gate; an event is pending until `written` is over.

        Raises:
            StoreError: There is no epoch to write to.
        """
        if self._gathered >= PENDING_EVENTS_MAX and self._waiting:
            return self.refuse_overload()
        if not self._waiting:
            # What comes while others wait for the same batch comes at the same moment.
            self._at = int(self._clock.now().timestamp())
        at = self._at
        outcome = self._gate.admit(raw, at=at, salt=self._salt)
        if isinstance(outcome, Event):
            assert self._stream is not None  # noqa: S101 - for the type checker: every event asks for a salt
            self._stream.pending.events.append(outcome)
            self._gathered += 1
            self.accepted += 1
            return outcome
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            self._say(refusal.message)
            raise refusal
        drop = outcome if isinstance(outcome, Drop) else _INVALID
        self._drops[drop] = self._drops.get(drop, 0) + 1
        return outcome

    def refuse_overload(self) -> Drop:
        """Count for the house what is refused unread, since too much came at once."""
        self._drops[_OVERLOADED] = self._drops.get(_OVERLOADED, 0) + 1
        return _OVERLOADED

    def echo(self, raw: RawRequest) -> dict[str, object]:
        """Say what would be stored of a request; nothing is counted."""
        return self._gate.echo(raw, at=int(self._clock.now().timestamp()))

    def when_written(self, callback: Written) -> None:
        """Call back once what was admitted so far is in the spool, with `None`; or with why it is not.

        To be called in the turn of the event loop in which an event was admitted; calls come back in that order.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(callback)

    async def written(self) -> None:
        """Wait until what was admitted so far is in the spool.

        Raises:
            StoreError: It could not be written; the sender is asked to come again.
        """
        batch = self._batch
        if batch is None:
            batch = self._batch = _Pending(loop=asyncio.get_running_loop())
            self.when_written(batch.settle)
        await batch

    def _flush(self) -> None:
        """Write what is pending, then let the replies go that wait for it.

        While the disk is waited for, the next batch gathers; `PENDING_EVENTS_MAX` bounds it.
        """
        if self._syncing is not None and self._fsync is Fsync.ALWAYS:
            return
        waiting, self._waiting = self._waiting, []
        self._batch, self._gathered = None, 0
        for stream in self._streams.values():
            self._try(stream.flush)
        failure, self._failure = self._failure, None
        if self._fsync is Fsync.ALWAYS and failure is None and waiting:
            self._sync(waiting)
            return
        for callback in waiting:
            callback(failure)

    def _sync(self, waiting: list[Written]) -> None:
        """Have the files forced to the disk in the thread for that, and then let the replies go."""
        unsynced = [file for stream in self._streams.values() if (file := stream.unsynced())]
        loop = asyncio.get_running_loop()
        self._syncing = self._disk.submit(sync, unsynced)
        self._syncing.add_done_callback(
            lambda done: loop.call_soon_threadsafe(partial(self._synced, done.result(), waiting))
        )

    def _synced(self, failures: dict[str, SpoolError], waiting: list[Written]) -> None:
        """Let the replies go, and write what came meanwhile."""
        self._syncing = None
        failure: StoreError | None = None
        for file, error in failures.items():
            failure = error
            self._say(error.message)
            for stream in self._streams.values():
                stream.leave(file)
        for callback in waiting:
            callback(failure)
        if self._waiting:
            self._flush()

    def _try(self, write: Callable[[], None]) -> None:
        """Write, or remember for this turn's replies that it failed."""
        try:
            write()
        except StoreError as error:
            self._say(error.message)
            self._failure = error
        except Exception as error:  # noqa: BLE001 - else the replies of this turn would be waited for in vain
            self._say(told(error))
            self._failure = StoreError("spool_failed", "The spool failed; events are refused, none is lost.")

    def _salt(self, site: Site, at: int) -> Salt:
        """Hand the gate a site's salt; the gate lets no error out, so a failure is noted."""
        try:
            stream = self._streams.get(site.timezone)
            if stream is None or at >= stream.ends_at:
                stream = self._turn(site.timezone)
            self._stream = stream
            return stream.salt(site)
        except StoreError as error:
            self._refusal = error
            raise

    def _turn(self, timezone: str) -> Stream:
        """Begin a file of the current epoch and end the one before."""
        is_synced = self._fsync is not Fsync.NEVER
        now = self._clock.now()
        writer = open_current(self._spool_dir, self._secrets, timezone, now=now, is_synced=is_synced)
        stream = Stream(writer.epoch, writer=writer, secrets=self._secrets)
        before, self._streams[timezone] = self._streams.get(timezone), stream
        if before:
            self._try(before.end)
            # The salts go with the last that points at them.
            self._stream = None
            # User agents are remembered for the length of a day, not longer.
            self._gate.forget()
        return stream

    def _say(self, sentence: str) -> None:
        """Log a failure, without a traceback that would hold the batch: once, and again when it lasts."""
        self._has_failed = True
        if self._failing.failed(sentence):
            log.error("%s", sentence)

    def look(self) -> None:
        """Turn what has ended, and write the tallies of what was refused."""
        self._failing.is_due()
        if not self._has_failed:
            self._failing.worked()
        self._has_failed = False
        for timezone, stream in list(self._streams.items()):
            now = self._clock.now()
            if self._secrets.current(timezone, now=now) != stream.epoch or stream.has_new_salts():
                self._turn(timezone)
        self._gate.look(int(self._clock.now().timestamp()))
        self._write_tallies()

    def _write_tallies(self) -> None:
        drops, self._drops = self._drops, {}
        for drop, count in drops.items():
            # A site's day is that of its own time zone, also where none of its events came.
            timezone = self._gate.timezone(drop.site) or self._house_zone
            stream = self._streams.get(timezone) or self._turn(timezone)
            stream.pending.tallies.append(Tally(drop.site, drop.reason, count))
        if drops:
            self._flush()

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.look()
            except StoreError as error:
                self._say(error.message)
            except Exception as error:  # noqa: BLE001 - the next look tries again; foreign words may hold the batch
                self._say(told(error))
            self._sync_each_second(asyncio.get_running_loop().time())

    def _sync_each_second(self, at: float) -> None:
        if self._fsync is Fsync.EVERY_SECOND and self._syncing is None and at >= self._sync_at:
            self._sync_at = at + SYNC_SECONDS
            self._sync([])

    def stop(self) -> None:
        """Write what is pending and end every file."""
        self._write_tallies()
        for stream in self._streams.values():
            self._try(stream.end)
        self._streams.clear()
        self._disk.shutdown()
