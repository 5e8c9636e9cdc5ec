"""Clients that mean no good, beside some that do: what becomes of both, and what it costs the house.

`python -m bench.hostile PORT COUNT` plays the bad ones against a house on loopback and prints what they met as JSON.
"""

import asyncio
import json
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final

import msgspec
import uvloop

from bench import servers, traffic

#: Of each kind, all at once where they are slow.
COUNT: Final = 1_000
SITE: Final = traffic.site_id(0)
HEAD_BYTES: Final = 50_000_000
BODY_BYTES: Final = 1_000_000
NESTING: Final = 5_000
#: In the time a slow client lets go by between two of its bytes no limit may see it as idle.
TRICKLE_SECONDS: Final = 0.5
#: No bad client may be borne with longer.
BAD_SECONDS_MAX: Final = 10.0
#: Nobody is waited for longer than that; who has heard nothing by then was not answered.
PATIENCE: Final = 30.0
#: Quick bad clients that are on at the same time.
AT_ONCE: Final = 25
#: Good clients: so long a pause between two events, and between two looks at the dashboard.
EVENT_PAUSE: Final = 0.01
PAGE_PAUSE: Final = 0.25
#: How long the good ones are looked at while they are alone.
ALONE_SECONDS: Final = 5.0
_PIECE: Final = 65_536
_REFUSED: Final = range(400, 500)
_OK, _COUNTED = 200, 202
_LOOPBACK: Final = "127.0.0.1"


class Met(msgspec.Struct):
    """Say what a kind of client met.

    Attributes:
        statuses: How many were answered what; 0 for a connection that was closed without a word.
        seconds: The longest that one of them lasted.
        left: How many had heard nothing when patience ended.
    """

    statuses: dict[int, int] = {}
    seconds: float = 0.0
    left: int = 0

    def note(self, status: int | None, seconds: float) -> None:
        """Take in what one client met; `None` where it still waited."""
        self.seconds = max(self.seconds, seconds)
        if status is None:
            self.left += 1
        else:
            self.statuses[status] = self.statuses.get(status, 0) + 1

    @property
    def was_refused(self) -> bool:
        """Tell whether each was answered 4xx or closed."""
        return not self.left and all(status in _REFUSED or not status for status in self.statuses)


class Good(msgspec.Struct):
    """Say what the good clients met: seconds that each answer took, and how many did not come or were refused."""

    events: list[float] = []
    pages: list[float] = []
    failed_events: int = 0
    failed_pages: int = 0


def pageview(site: str) -> bytes:
    """Return the body of an ordinary event."""
    return msgspec.json.encode({"s": site, "n": "pageview", "u": "/"})


def event(body: bytes, *, headers: bytes = b"", length: int = -1) -> bytes:
    """Return a request that posts a body as it is; *length* where another one is claimed."""
    size = len(body) if length < 0 else length
    agent = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
    head = b"POST /event HTTP/1.1\r\nHost: x\r\n" + agent + headers
    return head + b"Content-Length: %d\r\n\r\n" % size + body


Client = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def _silent(_writer: asyncio.StreamWriter) -> None:
    """Say nothing."""


async def _trickle(writer: asyncio.StreamWriter, *, start: bytes, drop: bytes) -> None:
    writer.write(start)
    while not writer.is_closing():
        await asyncio.sleep(TRICKLE_SECONDS)
        writer.write(drop)


async def _pour(writer: asyncio.StreamWriter, *, start: bytes, size: int) -> None:
    """Send as many bytes after *start* as the other end takes."""
    writer.write(start)
    for _ in range(0, size, _PIECE):
        writer.write(b"x" * _PIECE)
        await writer.drain()


async def _say(writer: asyncio.StreamWriter, *, said: bytes) -> None:
    writer.write(said)


SLOW: Final[dict[str, Client]] = {
    "idle": _silent,
    "trickling head": partial(_trickle, start=b"POST /event HTTP/1.1\r\n", drop=b"x: y\r\n"),
    "trickling body": partial(_trickle, start=event(b"{", length=2_000), drop=b" "),
}
QUICK: Final[dict[str, Client]] = {
    "large body": partial(_pour, start=event(b" ", length=BODY_BYTES), size=BODY_BYTES),
    "no JSON": partial(_say, said=event(b"{" * 20, headers=b"Connection: close\r\n")),
    "deep JSON": partial(_say, said=event(b'{"s":"x","p":' + b"[" * NESTING, headers=b"Connection: close\r\n")),
}
#: Nothing is wrong with it but its price.
NO_KEEP_ALIVE: Final = "no keep-alive"
LARGE_HEAD: Final = "large head"


async def _meet(port: int, client: Client, met: Met) -> None:
    """Be one client until it is answered, closed, or out of patience."""
    began_at = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection(_LOOPBACK, port)
    except OSError:
        met.note(0, time.monotonic() - began_at)
        return
    sending = asyncio.ensure_future(client(writer))
    try:
        async with asyncio.timeout(PATIENCE):
            status: int | None = _status(await reader.read(_PIECE))
    except TimeoutError:
        status = None
    except ConnectionError:
        status = 0
    met.note(status, time.monotonic() - began_at)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.transport.abort()


def _status(said: bytes) -> int:
    return int(said[9:12]) if said.startswith(b"HTTP/1.1 ") else 0


async def attack(port: int, *, count: int = COUNT, head_bytes: int = HEAD_BYTES, site: str = SITE) -> dict[str, Met]:
    """Be *count* bad clients of each kind at once, and one that sends a head without an end."""
    met = {name: Met() for name in (*SLOW, *QUICK, NO_KEEP_ALIVE, LARGE_HEAD)}
    quick = QUICK | {NO_KEEP_ALIVE: partial(_say, said=event(pageview(site), headers=b"Connection: close\r\n"))}
    room = asyncio.Semaphore(AT_ONCE)

    async def in_turn(name: str, client: Client) -> None:
        async with room:
            await _meet(port, client, met[name])

    large = partial(_pour, start=b"GET / HTTP/1.1\r\nx-long: ", size=head_bytes)
    await asyncio.gather(
        *(_meet(port, client, met[name]) for name, client in SLOW.items() for _ in range(count)),
        *(in_turn(name, client) for _ in range(count) for name, client in quick.items()),
        _meet(port, large, met[LARGE_HEAD]),
    )
    return met


async def be_good(port: int, good: Good, *, until: asyncio.Event, site: str = SITE) -> None:
    """Send events on a kept connection and look at the dashboard on others, and note how long each answer took."""
    page = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    good.failed_events, good.failed_pages = await asyncio.gather(
        _ask_again(port, event(pageview(site)), good.events, pause=EVENT_PAUSE, expect=_COUNTED, until=until),
        _ask_again(port, page, good.pages, pause=PAGE_PAUSE, expect=_OK, until=until),
    )


async def _ask_again(
    port: int, said: bytes, times: list[float], *, pause: float, expect: int, until: asyncio.Event
) -> int:
    """Ask until it is over; return how often the answer was another one, or none."""
    failed = 0
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    while not until.is_set():
        began_at = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE):
                streams = streams or await asyncio.open_connection(_LOOPBACK, port)
                streams[1].write(said)
                status, is_open = await _read(streams[0])
        except (OSError, EOFError, TimeoutError):
            status, is_open = 0, False
        times.append(time.monotonic() - began_at)
        failed += status != expect
        if not is_open and streams is not None:
            streams[1].transport.abort()
            streams = None
        await asyncio.sleep(pause)
    if streams is not None:
        streams[1].transport.abort()
    return failed


async def _read(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """Read one answer; return its status, and whether the connection stays."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = dict(line.lower().partition(b":")[::2] for line in head.split(b"\r\n")[1:])
    await reader.readexactly(int(lines.get(b"content-length", b"0")))
    return _status(head), b"close" not in lines.get(b"connection", b"")


def many_files() -> None:
    """Let this process have as many connections as the machine allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run *work* in an event loop of its own."""
    many_files()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


class Beside(msgspec.Struct):
    """Hold what was seen while the bad clients were on."""

    alone: Good
    beside: Good
    met: dict[str, Met]
    grown_bytes: int


async def watch(house: servers.Server, *, count: int) -> Beside:
    """Look at the good clients alone, and then while the bad ones are on, from a process of their own."""
    alone, beside = Good(), Good()
    await _good_for(house.port, alone, asyncio.sleep(ALONE_SECONDS))
    before = most = house.resident_bytes()
    attacker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.hostile", str(house.port), str(count), cwd=servers.ROOT, stdout=subprocess.PIPE
    )

    async def until_over() -> bytes:
        nonlocal most
        told = asyncio.ensure_future(attacker.communicate())
        while not told.done():
            most = max(most, house.resident_bytes())
            await asyncio.wait([told], timeout=PAGE_PAUSE)
        return told.result()[0]

    said = await _good_for(house.port, beside, until_over())
    return Beside(alone, beside, msgspec.json.decode(said, type=dict[str, Met]), most - before)


async def _good_for(port: int, good: Good, work: Coroutine[Any, Any, Any]) -> Any:
    """Be good for as long as *work* takes; return what it returns."""
    over = asyncio.Event()
    clients = asyncio.create_task(be_good(port, good, until=over))
    try:
        return await work
    finally:
        over.set()
        await clients


def measure(*, count: int = COUNT) -> dict[str, float]:
    """Return what good clients met alone and beside bad ones, and what the bad ones met and cost."""
    with servers.house() as house:
        seen: Beside = run(watch(house, count=count))
    bad = {name: met for name, met in seen.met.items() if name != NO_KEEP_ALIVE}
    figures: dict[str, float] = {
        "good_events_failed": seen.beside.failed_events,
        "good_pages_failed": seen.beside.failed_pages,
        "bad_not_refused": sum(not met.was_refused for met in bad.values()),
        "bad_seconds_max": max(met.seconds for met in bad.values()),
        "no_keep_alive_counted": seen.met[NO_KEEP_ALIVE].statuses.get(_COUNTED, 0),
        "grown_mb": seen.grown_bytes / 1e6,
    }
    for name, good in (("alone", seen.alone), ("beside", seen.beside)):
        for kind, times in (("event", good.events), ("page", good.pages)):
            figures[f"{kind}_p50_ms_{name}"] = share(times, 0.5) * 1e3
            figures[f"{kind}_p99_ms_{name}"] = share(times, 0.99) * 1e3
    return figures


def share(times: list[float], part: float) -> float:
    """Return the time below which *part* of the times are."""
    return sorted(times)[int(part * (len(times) - 1))]


def main() -> None:
    """Attack the house at a port, or measure all of it."""
    if len(sys.argv) > 1:
        met = run(attack(int(sys.argv[1]), count=int(sys.argv[2])))
        print(msgspec.json.encode(met).decode())
    else:
        print(json.dumps(measure(), indent=1))


if __name__ == "__main__":
    main()
