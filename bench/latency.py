"""How long an answer takes while 1,000 requests a second arrive, whoever waits: against the floor, by turns.

Open loop: a request is due at its time, whether or not the server is through with those before. What waits for a free
connection waits on the clock.
"""

import asyncio
import gc
import time
from collections import deque
from contextlib import suppress
from itertools import cycle
from statistics import quantiles
from typing import Final, cast

import uvloop

from bench import traffic
from bench.servers import Server, floor, folder, house, times

RATE: Final = 1_000
SECONDS: Final = 5
PAIRS: Final = 5
CONNECTIONS: Final = 64
#: libuv's timers tick in milliseconds, and so does its clock, which is not read here; what is due within one is sent at
#: its end.
_TICK_SECONDS: Final = 0.001
_WAIT_SECONDS_MAX: Final = 30.0
_MILLISECONDS: Final = 1_000


class _Client(asyncio.Protocol):
    """Hold one connection that is kept alive; it waits for one answer at a time."""

    def __init__(self, sender: "Sender") -> None:
        self._sender = sender
        self._due_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        self._sender.idle.append(self)

    def send(self, request: bytes, due_at: float) -> None:
        """Send a request that was due at *due_at*."""
        self._due_at = due_at
        if self._transport:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        # Every answer is 202 without a body: one piece.
        self._sender.take(self, data.startswith(b"HTTP/1.1 202 "), self._due_at)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._sender.lose()


class Sender:
    """Send requests at a steady rate and note how long each answer took."""

    def __init__(self) -> None:
        self.idle: list[_Client] = []
        self.lost = 0
        self.refused = 0
        self.took: list[float] = []
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._changed = asyncio.Event()

    def take(self, client: _Client, is_accepted: bool, due_at: float) -> None:  # noqa: FBT001 - called once a request
        """Note an answer, and send what waited for a connection."""
        self.took.append(time.perf_counter() - due_at)
        self.refused += not is_accepted
        self._changed.set()
        if self._waiting:
            client.send(*self._waiting.popleft())
        else:
            self.idle.append(client)

    def lose(self) -> None:
        """Note that the server closed a connection."""
        self.lost += 1
        self._changed.set()

    async def run(self, port: int, requests: list[bytes], *, seconds: float, rate: int) -> list[float]:
        """Send for so many seconds; return the seconds that each answer took.

        Raises:
            RuntimeError: A connection was closed, or a request was not accepted.
        """
        loop = asyncio.get_running_loop()
        made = [await loop.create_connection(lambda: _Client(self), "127.0.0.1", port) for _ in range(CONNECTIONS)]
        following, count = cycle(requests), int(seconds * rate)
        start, sent = time.perf_counter(), 0
        while sent < count:
            now = time.perf_counter()
            for _ in range(min(count, int((now - start) * rate)) - sent):
                sent += 1
                if self.idle:
                    self.idle.pop(0).send(next(following), now)
                else:
                    self._waiting.append((next(following), now))
            await asyncio.sleep(_TICK_SECONDS)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered(count), _WAIT_SECONDS_MAX)
        lost = self.lost
        for transport, _ in made:
            transport.close()
        if lost or self.refused or len(self.took) < count:
            raise RuntimeError(f"{lost} closed, {self.refused} refused, {count - len(self.took)} not answered")
        return self.took

    async def _answered(self, count: int) -> None:
        while len(self.took) < count and not self.lost:
            self._changed.clear()
            await self._changed.wait()


def offered(server: Server, requests: list[bytes], *, seconds: float = SECONDS, rate: int = RATE) -> list[float]:
    """Return the milliseconds that each answer took."""
    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            took = runner.run(Sender().run(server.port, requests, seconds=seconds, rate=rate))
    finally:
        gc.enable()
    return [one * _MILLISECONDS for one in took]


def compared(*, pairs: int = PAIRS, seconds: float = SECONDS, collectors: int = 0) -> dict[str, list[float]]:
    """Measure a house against the floor, by turns."""
    found: dict[str, list[float]] = {
        "p50_above_floor_ms": [], "p99_above_floor_ms": [],
        "house_p50_ms": [], "house_p99_ms": [], "floor_p50_ms": [], "floor_p99_ms": [],
    }  # fmt: skip
    with folder() as at, floor(at) as lowest, house(collectors=collectors) as counting:
        requests = traffic.requests()
        for server in (lowest, counting):
            offered(server, requests, seconds=1)
        for _ in range(times(pairs)):
            low, high = (quantiles(offered(each, requests, seconds=seconds), n=100) for each in (lowest, counting))
            for name, index in (("p50", 49), ("p99", 98)):
                found[f"{name}_above_floor_ms"].append(high[index] - low[index])
                found[f"house_{name}_ms"].append(high[index])
                found[f"floor_{name}_ms"].append(low[index])
    return found


def measure() -> dict[str, list[float]]:
    """Measure a house of one process."""
    return compared()
