"""One epoch while it runs: its spool files, what was read of them, and the current day they fill."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from collector.day.current_day import CurrentDay
from collector.errors import SpoolError, TurvenError
from collector.event import Batch, Event, Reason, Tally
from collector.model import Epoch
from collector.spool.reader import Frame, SpoolReader
from collector.store.ledger import ClosedPart  # noqa: TC001 - read at run time by who inspects the type

#: Prefix under which removed identifier fields are counted among the drops.
REFUSED: Final = "refused:"
#: Longest wait for a collector to go on in a new file when a site's salt was replaced.
SWITCH_WAIT_SECONDS: Final = 5.0
#: Behind the end of any spool file.
_NEVER: Final = 2**62


class PendingClose(msgspec.Struct, frozen=True):
    """Say which sites are being closed in the middle of their day, so that a crash finishes it and begins nothing else.

    Attributes:
        files: Spool files whose events belong to the part; what other files bring belongs to the next.
        salts: Per site, SHA-256 of the salt that the part was counted under: tells whether it is replaced yet.
    """

    files: tuple[str, ...]
    salts: dict[str, str]


class RunningDay:
    """Fill the current day of one epoch from its spool files."""

    def __init__(
        self, epoch: Epoch, *, reader: SpoolReader, counted: Mapping[str, Mapping[str, int]], memory_limit: str
    ) -> None:
        """Hold an epoch that is not read yet.

        Args:
            epoch: Time zone, local day and part.
            reader: Tails the epoch's files.
            counted: Per site, how many bytes of each file an earlier close has counted; those are skipped.
            memory_limit: What the current day may take, as DuckDB writes it.
        """
        self.epoch = epoch
        self.reader = reader
        self.day = CurrentDay(epoch, memory_limit=memory_limit)
        self.drops: Counter[tuple[str, str]] = Counter()
        self.hour = -1
        #: What was kept and is not compared with the file yet; never kept a second time.
        self.kept: list[ClosedPart] | None = None
        self.closing: PendingClose | None = None
        self._counted = {site: dict(files) for site, files in counted.items()}
        #: Read and not taken in: the day had no room for them.
        self._untaken: list[Frame] = []

    def drain(self, *, is_full: Callable[[], bool] = lambda: False) -> int:
        """Take in what is new in the spool, until *is_full*; return the number of events.

        While sites are being closed, files begun since then wait until `release`.

        Raises:
            TurvenError: `day_full`; what did not fit is taken in by a later call.
        """
        events = 0
        files = None if self.closing is None else self.closing.files
        while self._untaken or (not is_full() and (frames := self.reader.read(files))):
            # Many frames at a time: what a batch costs in Python does not depend on how large it is.
            self._untaken = self._untaken or frames
            events += self._take(self._untaken)
            self._untaken = []
        return events

    def is_switched(self) -> bool:
        """Tell whether nothing more can come to the part that is being closed, and all of it was taken in."""
        self.drain()
        return self.closing is None or all(self.reader.is_complete(file) for file in self.closing.files)

    def is_counted(self, site: str) -> bool:
        """Tell whether an earlier close has counted all of a site in the files that are being closed."""
        counted = self._counted.get(site, {})
        return self.closing is not None and all(file in counted for file in self.closing.files)

    def erase(self, site: str, *, replace_salt: Callable[[], None], wait: Callable[[], bool]) -> dict[str, int]:
        """Let go of a site that the door knows no more; return how far its spool files are never to be counted.

        Args:
            site: Which.
            replace_salt: Overwrites its salt, at which collectors go on in new files.
            wait: Waits a moment for them; says False when they had time enough.
        """
        self.drain()
        begun = list(self.reader.positions())
        try:
            replace_salt()
        except SpoolError as error:
            # After a reboot only the seal key may be left: the salt is gone with the machine's memory.
            if error.code != "key_missing":
                raise
        while not (is_switched := all(self.reader.is_complete(file) for file in begun)) and wait():
            self.drain()
        self.drain()
        # Files begun since hold nothing of the site. What a collector that hangs may still write to the old ones was
        # admitted before: none of it is to be counted.
        read = self.reader.positions()
        positions = {file: read[file] if is_switched else _NEVER for file in begun}
        self.forget(site, positions=positions)
        return positions

    def release(self) -> None:
        """Go on with the files that were begun since sites are being closed."""
        self.closing = self.kept = None

    def _take(self, frames: list[Frame]) -> int:
        try:
            return self._append(frames)
        except TurvenError as error:
            if error.code != "event_out_of_range":
                raise
        if len(frames) > 1:
            return sum(self._take([frame]) for frame in frames)
        # Sealed by a collector of ours and yet no event: counted, so that the frames behind it do not wait for ever.
        self.drops["", Reason.INVALID] += len(frames[0].batch.events)
        return 0

    def _append(self, frames: list[Frame]) -> int:
        batches = [frame.batch for frame in frames]
        if self._counted:
            batches = [self._new_of(frame) for frame in frames]
        events = [event for batch in batches for event in batch.events]
        tallies = [tally for batch in batches for tally in batch.tallies]
        self.day.append(Batch(events, tallies))
        self._count(events, tallies)
        return len(events)

    def _new_of(self, frame: Frame) -> Batch:
        return Batch(
            [event for event in frame.batch.events if self._is_new(event.site, frame)],
            [tally for tally in frame.batch.tallies if self._is_new(tally.site, frame)],
        )

    def _is_new(self, site: str, frame: Frame) -> bool:
        files = self._counted.get(site)
        return files is None or frame.end > files.get(frame.file, 0)

    def _count(self, events: list[Event], tallies: list[Tally]) -> None:
        for tally in tallies:
            self.drops[tally.site, tally.reason] += tally.count
        for event in [event for event in events if event.refused]:
            for name in event.refused:
                self.drops[event.site, REFUSED + name] += 1

    def drops_of(self, site: str) -> dict[str, int]:
        """Return what was not counted of a site (empty: of the house), by reason."""
        return {reason: count for (of, reason), count in self.drops.items() if of == site}

    def forget(self, site: str, *, positions: Mapping[str, int]) -> None:
        """Let a site's events go once they are kept as cells."""
        self.day.remove(site)
        known = self._counted.setdefault(site, {})
        for file, end in positions.items():
            known[file] = max(known.get(file, 0), end)
        for key in [key for key in self.drops if key[0] == site]:
            del self.drops[key]

    def close(self) -> None:
        """Free the memory of the day and let the files go."""
        self.day.close()
        self.reader.close()


def patience(wait: Callable[[], None]) -> Callable[[], bool]:
    """Return what waits a moment, and says False once a collector has had time enough to go on in a new file."""
    ends_at = time.monotonic() + SWITCH_WAIT_SECONDS

    def has_time() -> bool:
        if time.monotonic() > ends_at:
            return False
        wait()
        return True

    return has_time
