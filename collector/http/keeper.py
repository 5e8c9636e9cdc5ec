"""Keep the connections of one process within its limits: one sweep for all of them, no timer for any."""

import asyncio
import logging
import resource
from collections import Counter
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final, Protocol

from collector.settings import Limits

log = logging.getLogger("turven.limits")

#: How often all connections are looked at.
SWEEP_SECONDS: Final = 0.5
#: Limits in seconds are kept to within so many sweeps, on the early side: one sees that something began, one that it
#: lasts, and a busy process sweeps late.
EARLY_SWEEPS: Final = 3
#: Connections above `limits.connections` that are kept for whoever wants a page: events are refused on them.
RESERVED_CONNECTIONS: Final = 64
#: From this share of `limits.connections` on, it is known beforehand which connections can go for new ones.
CROWDED_SHARE: Final = 0.9
#: When a process ends, a connection without a request gets so long to send one that is on its way.
DRAIN_SECONDS: Final = 1.0
#: A sweep that comes so late, twice in a row, says that the process cannot keep up: it refuses events until it can.
LAG_SECONDS_MAX: Final = 1.0
#: At most so often one line says what was refused.
SAY_SECONDS: Final = 60.0
#: Open files beside connections: the history, spool files, logs, sockets.
FILES_BESIDE: Final = 256

CROWDED: Final = "crowded"
IDLE: Final = "idle"
LAGGING: Final = "lagging"
SLOW: Final = "too_slow"
UNREAD: Final = "unread"


class Connection(Protocol):
    """Say what the keeper knows of a connection.

    Attributes:
        phase: Odd while a request is being received, even between requests; grows with each change.
        seen_phase: What it was at the last sweep.
        seen_at: Since when it is that, on the loop's clock, as sweeps saw it.
    """

    phase: int
    seen_phase: int
    seen_at: float

    def look(self, age: float) -> None:
        """End what has lasted too long: a phase that has not changed for *age* seconds."""

    def is_spare(self) -> bool:
        """Tell whether nothing is lost with it: nothing was read of it that waits for an answer."""

    def is_idle(self) -> bool:
        """Tell whether it has no request, whole or begun, that waits for an answer."""

    def hang_up(self, why: str) -> None:
        """Close without a word."""


def _count_nobody() -> None:
    """Count nothing."""


class Keeper:
    """Know the connections of one process: how many there may be, and which have lasted too long.

    Args:
        limits: Of the settings.
        event_path: Where events are posted.
        count_overload: Counts for the house an event, or a connection, that was refused because there are too many.

    Attributes:
        is_lagging: The process cannot keep up: events are refused before they are read.
        refused: What was refused or ended since the process began, by kind; numbers and nothing of a request.
    """

    def __init__(
        self, limits: Limits, *, event_path: bytes = b"/event", count_overload: Callable[[], object] = _count_nobody
    ) -> None:
        self.limits = limits
        self.event_path = event_path
        self.count_overload = count_overload
        self.is_lagging = False
        self.refused: Counter[str] = Counter()
        self.request_seconds = max(limits.request_seconds - EARLY_SWEEPS * SWEEP_SECONDS, SWEEP_SECONDS)
        self.idle_seconds = max(limits.idle_seconds - EARLY_SWEEPS * SWEEP_SECONDS, SWEEP_SECONDS)
        self._shortest = min(self.request_seconds, self.idle_seconds)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: AbstractSet[Connection] = frozenset()
        self._spare: list[Connection] = []
        self._sweep_at = 0.0
        self._late = 0
        self._is_ending = False
        self._said: Counter[str] = Counter()
        self._say_at = 0.0

    def watch(self, connections: AbstractSet[Connection], loop: asyncio.AbstractEventLoop) -> None:
        """Begin to sweep, if nobody does: *connections* is the server's own set, in which each comes and goes."""
        if self._loop is None:
            self._loop, self._connections = loop, connections
            self._next_sweep()

    def has_room(self) -> bool:
        """Tell whether there are no more connections than there may be, after one that nobody misses had to go."""
        if len(self._connections) <= self.limits.connections:
            return True
        while self._spare:
            longest = self._spare.pop()
            if longest.phase == longest.seen_phase and longest in self._connections and longest.is_spare():
                longest.hang_up(CROWDED)
                return True
        return False

    def is_full(self) -> bool:
        """Tell whether even those connections are taken that are kept for pages."""
        return len(self._connections) > self.limits.connections + RESERVED_CONNECTIONS

    def end(self) -> None:
        """Let go of connections without a request, a moment from now; called again and again as the server stops."""
        if not self._is_ending and self._loop is not None:
            self._is_ending = True
            self._loop.call_later(DRAIN_SECONDS, self._let_go)

    def _let_go(self) -> None:
        for connection in list(self._connections):
            if connection.is_idle():
                connection.hang_up(IDLE)

    def _next_sweep(self) -> None:
        if self._loop is not None:
            self._sweep_at = self._loop.time() + SWEEP_SECONDS
            self._loop.call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        loop = self._loop
        if loop is None or not self._connections:
            # The next connection begins anew: a process without any does not wake up.
            self._loop, self.is_lagging, self._late = None, False, 0
            return
        now = loop.time()
        self._note_lag(now - self._sweep_at)
        # First, so that nothing that fails below ends the sweeps.
        self._next_sweep()
        overdue = []
        for connection in self._connections:
            if connection.phase != connection.seen_phase:
                connection.seen_phase, connection.seen_at = connection.phase, now
            elif now - connection.seen_at >= self._shortest:
                overdue.append(connection)
        for connection in overdue:
            connection.look(now - connection.seen_at)
        self._list_spare()
        self._say(now)

    def _note_lag(self, seconds: float) -> None:
        self._late = self._late + 1 if seconds > LAG_SECONDS_MAX else 0
        self.is_lagging = self._late > 1

    def _list_spare(self) -> None:
        """List what could go, the longest unchanged last; only where it may be needed, since it costs a sort."""
        self._spare = []
        if len(self._connections) >= CROWDED_SHARE * self.limits.connections:
            unchanged = [one for one in self._connections if one.phase == one.seen_phase and one.is_spare()]
            self._spare = sorted(unchanged, key=lambda one: one.seen_at, reverse=True)

    def _say(self, now: float) -> None:
        if now < self._say_at:
            return
        new = self.refused - self._said
        # Every connection is idle in the end.
        del new[IDLE]
        if new:
            log.info("Refused or ended: %s.", ", ".join(f"{count} {kind}" for kind, count in sorted(new.items())))
            self._said, self._say_at = self.refused.copy(), now + SAY_SECONDS


def allow_files(limits: Limits) -> None:
    """Let this process open as many files as its connections need, as far as the machine lets it."""
    needed = limits.connections + RESERVED_CONNECTIONS + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and hard < needed:
        log.warning(
            "limits.connections is %d and needs %d open files; this machine lets the process have %d (LimitNOFILE).",
            limits.connections, needed, hard,
        )  # fmt: skip
