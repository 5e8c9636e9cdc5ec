"""The same house behind two ways in: the fast lane, and the ordinary route alone."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from uvicorn import Config
from uvicorn.server import ServerState

from collector.app import EventDoor, FrontDoor
from collector.edge.gate import Gate
from collector.event import Event
from collector.guard import Guard
from collector.http.keeper import Keeper
from collector.http.lane import lane_for
from collector.http.limited import LimitedProtocol, protocol_for
from collector.intake import Intake
from collector.settings import Limits, Privacy, Server
from collector.spool.reader import SpoolReader
from collector.spool.secrets import Secrets, prepare_runtime_dir
from tests.clock import ManualClock
from tests.edge.doors import SITES
from tests.http.wires import Line, Wire

_ZONE: Final = "Europe/Amsterdam"
#: Rounds of the event loop without anything new after which nothing more will come.
_QUIET_ROUNDS: Final = 10


async def _slow(_: Request) -> Response:
    for _round in range(4):
        await asyncio.sleep(0)
    return PlainTextResponse("slow")


async def _page(_: Request) -> Response:
    return PlainTextResponse("page")


class Heard(NamedTuple):
    """Hold all that one connection brought about.

    Attributes:
        said: Every byte that was answered.
        is_closed: Whether the connection was closed.
        accepted: Events that were counted.
        drops: What was not counted, and why.
        refused: What the limits refused, by kind.
    """

    said: bytes
    is_closed: bool
    accepted: int
    drops: dict[Any, int]
    refused: dict[str, int]


class Way:
    """Take connections one by one into a gate and a spool of its own; the salts of all ways are the same."""

    def __init__(self, folder: Path, clock: ManualClock, *, is_fast: bool) -> None:
        server = Server(trusted_proxies=("127.0.0.0/8", "10.0.0.0/8"), country_header="X-Country")
        folder.mkdir()
        prepare_runtime_dir(folder / "runtime")
        self._secrets = Secrets(folder / "runtime", random=Random(1).randbytes)
        self._spool = folder / "spool"
        gate = Gate(privacy=Privacy(), server=server, site=SITES.get)
        self.intake = Intake(gate=gate, secrets=self._secrets, spool_dir=self._spool, clock=clock, house_zone=_ZONE)
        self.door = EventDoor(self.intake, server=server)
        self.keeper = Keeper(Limits(), count_overload=self.intake.refuse_overload)
        routes = [Route("/event", self.door), Route("/page", _page), Route("/slow", _slow)]
        self.protocol_class: type[LimitedProtocol] = (
            lane_for(self.door, self.keeper) if is_fast else protocol_for(self.keeper)
        )
        self._config = Config(
            Guard(FrontDoor(self.door, Starlette(routes=routes), path="/event")),
            http=self.protocol_class,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        self._config.load()
        self._now = clock.now()

    def connect(self) -> tuple[Any, Line]:
        """Open a connection."""
        protocol = self.protocol_class(self._config, ServerState(), {}, asyncio.get_running_loop())
        line = Line(protocol)
        protocol.connection_made(line)
        return protocol, line

    async def hear(self, wire: Wire) -> Heard:
        """Send what *wire* holds, as far as it is read, and return what came of it."""
        protocol, line = self.connect()
        before = self.intake.accepted
        pieces = [piece for message in wire.messages for piece in message]
        ends = {sum(map(len, wire.messages[: number + 1])) for number in range(len(wire.messages))}
        for number, piece in enumerate(pieces[:-1] if wire.hangs_up else pieces):
            if line.is_paused or wire.waits_for_pieces or (wire.waits_for_messages and number in ends):
                await self.settle(line)
            if line.is_closing():
                break
            protocol.data_received(piece)
        await self.settle(line)
        is_closed = line.is_closing()
        line.lose()
        await self.settle(line)
        drops, self.intake._drops = self.intake._drops, {}
        refused, self.keeper.refused = dict(self.keeper.refused), self.keeper.refused.__class__()
        return Heard(line.written, is_closed, self.intake.accepted - before, drops, refused)

    async def settle(self, line: Line) -> None:
        """Let the event loop go round until nothing changes any more."""
        quiet, seen = 0, (b"", 0)
        while quiet < _QUIET_ROUNDS:
            await asyncio.sleep(0)
            now = line.written, self.intake.accepted
            quiet, seen = (quiet + 1, seen) if now == seen else (0, now)

    def events(self) -> list[Event]:
        """Return every event in the spool, in order."""
        epoch = self._secrets.current(_ZONE, now=self._now)
        with SpoolReader(self._spool, epoch, self._secrets.seal_key(epoch)) as reader:
            found = []
            while frames := reader.read():
                found += [event for frame in frames for event in frame.batch.events]
            return found
