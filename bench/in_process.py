"""Measure what an event costs inside the process: real request bytes into the protocol class, a transport that is none.

`measure` returns two ratios of CPU time, each paired with the floor in the same run and the least of several: the fast
lane and the ordinary route, gate and sealed spool included, against the least an ASGI application on the same uvicorn
can do with the same bytes. A turn of the event loop brings one request from each of 64 connections, as a busy socket
loop does.
"""

import asyncio
import gc
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import uvloop
from starlette.applications import Starlette
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from collector import app
from collector.clock import SystemClock
from collector.edge.gate import Gate
from collector.guard import Guard
from collector.http.keeper import Keeper
from collector.http.lane import lane_for
from collector.intake import Intake
from collector.model import Identity, Site
from collector.settings import Limits, Privacy, Server
from collector.spool.files import prepare_runtime_dir
from collector.spool.secrets import Secrets

CONNECTIONS: Final = 64
#: Requests of one measurement, and how often each is taken.
REQUESTS: Final = 6_400
RUNS: Final = 9
#: The ways take turns after so many batches, a few milliseconds, so that what else the machine does meets them all.
SLICE_BATCHES: Final = 4
SITES: Final = 300
PAGES: Final = 2_000
ADDRESSES: Final = 3_000
#: Real user agents with their weights, where the machine has the list; a short one of our own else.
_AGENTS: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0 Safari/537",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Mobile Safari/537.36",
)
_REFERRERS: Final = ("", "", "", "www.google.com", "elo.school.example", "nieuws.example")


def requests(count: int, *, seed: int = 1) -> list[bytes]:
    """Return requests as browsers send them: about 800 bytes, of many sites, pages, agents and addresses."""
    random = Random(seed)
    agents = [agent.format(major) for agent in _AGENTS for major in range(120, 160)]
    weights = [1 / (rank + 1) for rank in range(len(agents))]
    addresses = [_address(random) for _ in range(ADDRESSES)]
    pages = [f"/vak-{_word(number % 40)}/les/{_word(number)}" for number in range(PAGES)]
    made = []
    for agent in random.choices(agents, weights, k=count):
        site = random.randrange(SITES)
        body: dict[str, Any] = {"w": random.randrange(4), "s": f"school-{site:03}"}
        body["u"] = f"https://www.school-{site:03}.example{random.choice(pages)}"
        body["n"] = "pageview" if random.random() < 0.6 else "engagement"
        body["t"] = False
        if body["n"] == "pageview":
            body |= {"r": random.choice(_REFERRERS), "e": random.randrange(2)}
        else:
            body |= {"d": random.random() * 90_000, "y": random.randrange(101)}
        made.append(_post(json.dumps(body, separators=(",", ":")).encode(), agent, random.choice(addresses), site))
    return made


def _address(random: Random) -> str:
    if random.random() < 0.1:
        return f"2001:610:{random.randrange(65_536):x}:{random.randrange(65_536):x}::{random.randrange(65_536):x}"
    return f"145.{random.randrange(256)}.{random.randrange(256)}.{random.randrange(256)}"


def _word(number: int) -> str:
    """Write a number as a word of small letters."""
    return "".join("brdlmnpstv"[int(digit)] + "ae" for digit in str(number))


def _post(body: bytes, agent: str, address: str, site: int) -> bytes:
    lines = (
        "POST /event HTTP/1.1",
        "Host: stats.example",
        "Connection: keep-alive",
        f"Content-Length: {len(body)}",
        'sec-ch-ua-platform: "Windows"',
        f"User-Agent: {agent}",
        'sec-ch-ua: "Chromium";v="156", "Not:A-Brand";v="24", "Google Chrome";v="156"',
        "Content-Type: text/plain;charset=UTF-8",
        "sec-ch-ua-mobile: ?0",
        "Accept: */*",
        f"Origin: https://www.school-{site:03}.example",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: cors",
        "Sec-Fetch-Dest: empty",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Accept-Language: nl-NL,nl;q=0.9,en-US;q=0.8,en;q=0.7",
        f"X-Forwarded-For: {address}",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + body


class NoTransport(asyncio.Transport):
    """Take what is written and send it nowhere."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 50_000), "sockname": ("127.0.0.1", 8_000)})
        self.written: list[bytes] = []
        self.write = self.written.append  # type: ignore[assignment,method-assign]

    def is_closing(self) -> bool:
        """Stay open."""
        return False

    def get_write_buffer_size(self) -> int:
        """Hold nothing."""
        return 0

    def pause_reading(self) -> None:
        """Be read anyway."""

    def resume_reading(self) -> None:
        """Be read as before."""

    def close(self) -> None:
        """Stay open."""


async def floor(_scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Read the whole body and answer 202 with nothing: the least an ASGI application can do."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Bench:
    """Hold a door with a gate and a spool behind it, and connections of each kind."""

    def __init__(self, folder: Path) -> None:
        """Open everything in *folder*."""
        sites = {
            f"school-{number:03}": Site(
                id=f"school-{number:03}", hosts=(f"www.school-{number:03}.example",), identity=Identity.NETWORK,
                is_on=True,
            )
            for number in range(SITES)
        }  # fmt: skip
        server = Server(trusted_proxies=("127.0.0.0/8",))
        self.gate = Gate(privacy=Privacy(), server=server, site=sites.get)
        prepare_runtime_dir(folder / "runtime")
        secrets = Secrets(folder / "runtime")
        self.intake = Intake(
            gate=self.gate,
            secrets=secrets,
            spool_dir=folder / "spool",
            clock=SystemClock(),
            house_zone="Europe/Amsterdam",
        )
        self.door = app.EventDoor(self.intake, server=server)
        self.ways: dict[str, tuple[type[HttpToolsProtocol], Any]] = {
            "floor": (HttpToolsProtocol, floor),
            "route": (HttpToolsProtocol, Guard(app.FrontDoor(self.door, Starlette(), path="/event"))),
            "lane": (lane_for(self.door, Keeper(Limits())), floor),
        }

    def connect(self, way: str) -> list[tuple[Any, list[bytes]]]:
        """Return connections of one kind, each with the list of what was written to it."""
        protocol_class, application = self.ways[way]
        config = Config(application, access_log=False, proxy_headers=False, log_config=None)
        config.load()
        made = []
        for _ in range(CONNECTIONS):
            protocol = protocol_class(config, ServerState(), {})
            transport = NoTransport()
            protocol.connection_made(transport)
            made.append((protocol, transport.written))
        return made

    async def run(self, connections: list[tuple[Any, list[bytes]]], batches: list[list[bytes]]) -> float:
        """Return the CPU seconds that all *batches* take, one request a connection and turn."""
        started = time.process_time()
        for batch in batches:
            for (protocol, _), data in zip(connections, batch, strict=True):
                protocol.data_received(data)
            while not all(written for _, written in connections):  # noqa: ASYNC110 - turns are what is waited for
                await asyncio.sleep(0)
            for _, written in connections:
                written.clear()
        # What follows the answers, such as ending tasks, belongs to them.
        await asyncio.sleep(0)
        return time.process_time() - started


def _batches(made: list[bytes]) -> list[list[bytes]]:
    return [made[at : at + CONNECTIONS] for at in range(0, len(made), CONNECTIONS)]


async def _measure(bench: Bench, runs: int) -> dict[str, float]:
    batches = _batches(requests(REQUESTS))
    slices = [batches[at : at + SLICE_BATCHES] for at in range(0, len(batches), SLICE_BATCHES)]
    connections = {way: bench.connect(way) for way in bench.ways}
    best = {way: [float("inf")] * len(slices) for way in bench.ways}
    for way in bench.ways:
        await bench.run(connections[way], batches)
    gc.collect()
    for _ in range(runs):
        for number, part in enumerate(slices):
            for way in bench.ways:
                best[way][number] = min(best[way][number], await bench.run(connections[way], part))
    return {way: sum(seconds) / REQUESTS * 1e6 for way, seconds in best.items()}


def measure(*, runs: int = RUNS) -> dict[str, float]:
    """Return the ratios `lane/floor` and `route/floor`, and the microseconds a request of `floor`, `lane`, `route`."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        bench = Bench(Path(folder))
        found = runner.run(_measure(bench, runs))
        bench.intake.stop()
    return found | {f"{way}/floor": found[way] / found["floor"] for way in ("lane", "route")}
