"""One epoch while it runs: its spool files, what was read of them, and the current day they fill."""

from collections import Counter
from collections.abc import Mapping
from typing import Final

from collector.day.current_day import CurrentDay
from collector.event import Batch, Event, Tally
from collector.model import Epoch
from collector.spool.reader import Frame, SpoolReader

#: Prefix under which removed identifier fields are counted among the drops.
REFUSED: Final = "refused:"


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
        self._counted = {site: dict(files) for site, files in counted.items()}
        self._held: list[Frame] = []

    def drain(self, *, hold: frozenset[str] | None = None) -> int:
        """Take in what is new in the spool; return the number of events.

        Args:
            hold: Files to read from alone; what other files bring is held until `release`.
        """
        events = 0
        while frames := self.reader.read():
            for frame in frames:
                if hold is None or frame.file in hold:
                    events += self._take(frame)
                else:
                    self._held.append(frame)
        return events

    def release(self) -> None:
        """Take in what was held."""
        held, self._held = self._held, []
        for frame in held:
            self._take(frame)

    def _take(self, frame: Frame) -> int:
        batch = frame.batch
        events = [event for event in batch.events if self._is_new(event.site, frame)]
        tallies = [tally for tally in batch.tallies if self._is_new(tally.site, frame)]
        self.day.append(Batch(events, tallies))
        self._count(events, tallies)
        return len(events)

    def _is_new(self, site: str, frame: Frame) -> bool:
        files = self._counted.get(site)
        return files is None or frame.end > files.get(frame.file, 0)

    def _count(self, events: list[Event], tallies: list[Tally]) -> None:
        for tally in tallies:
            self.drops[tally.site, tally.reason] += tally.count
        for event in events:
            for name in event.refused:
                self.drops[event.site, REFUSED + name] += 1

    def drops_of(self, site: str) -> dict[str, int]:
        """Return what was not counted of a site (empty: of the house), by reason."""
        return {reason: count for (of, reason), count in self.drops.items() if of == site}

    def forget(self, site: str, *, positions: Mapping[str, int]) -> None:
        """Let a site's events go once they are kept as cells."""
        self.day.remove(site)
        self._counted[site] = dict(positions)
        for key in [key for key in self.drops if key[0] == site]:
            del self.drops[key]

    def close(self) -> None:
        """Free the memory of the day and let the files go."""
        self.day.close()
        self.reader.close()
