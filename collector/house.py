"""The collector as one running whole: engine, intake, doors and control socket, started and stopped in order."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector import app, health
from collector.clock import Clock
from collector.commands import Commands
from collector.control import SOCKET_NAME, start_control
from collector.edge.gate import Gate
from collector.edge.rates import Rates
from collector.engine import Engine
from collector.errors import TurvenError
from collector.intake import Intake
from collector.lookup import country_lookup
from collector.metrics import MetricsDoor
from collector.process import silence_loop, told
from collector.retry import Retry
from collector.roster import ROSTER_NAME, Publisher
from collector.script import Scripts, read_source
from collector.settings import Settings

log = logging.getLogger("turven.house")

#: How often the engine goes round.
ROUND_SECONDS: Final = 0.5


class House:
    """Hold the parts of a running collector."""

    def __init__(self, settings: Settings, *, clock: Clock, control: socket.socket | None = None) -> None:
        """Open everything.

        Args:
            settings: Of the house.
            clock: Tells the time.
            control: Listening socket for commands, where another process keeps it open; `None` to make one.

        Raises:
            TurvenError: The history, the spool or the keys cannot be used; see `Engine`.
        """
        self.settings = settings
        self.engine = Engine(settings, clock=clock)
        lookup = country_lookup(settings)
        gate = Gate(
            privacy=settings.privacy,
            server=settings.server,
            site=self.engine.sites.get,
            lookup=lookup,
            rates=Rates(settings.limits, random_bytes=os.urandom),
        )
        self.intake = Intake(
            gate=gate,
            secrets=self.engine.secrets,
            spool_dir=settings.spool_dir,
            clock=clock,
            house_zone=settings.timezone,
            fsync=settings.fsync,
        )
        self.door = app.EventDoor(self.intake, server=settings.server)
        self.commands = Commands(self.engine, clock=clock, lookup=lookup)
        self.scripts = Scripts(read_source(), rules=settings.privacy.rules)
        self._control = control
        roster = settings.runtime_path() / ROSTER_NAME
        self._publisher = Publisher(roster, sites=self.engine.sites.all, random=os.urandom)
        if settings.server.collectors:
            self._publisher.publish()
            self.engine.sites.on_change = self._publisher.publish
        self._ready = False
        self.engine.metrics.is_ready = self._is_ready
        #: A round that fails is tried again at once, but not said twice a second.
        self._failing = Retry()

    def routes(self) -> list[Route]:
        """Return the collector's routes."""
        doors = app.routes(self.door, server=self.settings.server, scripts=self.scripts, sites=self.engine.sites)
        server = self.settings.server
        figures = MetricsDoor(self.engine.metrics, token=server.metrics_token, client_header=server.client_header)
        return [*doors, Route("/health", self._health), Route("/metrics", figures.answer)]

    async def _health(self, _request: Request) -> Response:
        checks = health.seen(self.engine.metrics, data_dir=self.settings.data_dir)
        return JSONResponse(*health.answer(checks, is_ready=self._ready))

    def _is_ready(self) -> bool:
        return self._ready and all(health.seen(self.engine.metrics, data_dir=self.settings.data_dir).values())

    @asynccontextmanager
    async def running(self, _app: object = None) -> AsyncIterator[None]:
        """Run engine, intake and control socket until the block ends; then write what is pending and let go."""
        silence_loop(asyncio.get_running_loop())
        try:
            async with self._parts():
                yield
        except Exception as error:
            # The server only says that it did not start or end in order.
            log.error("%s", told(error))  # noqa: TRY400 - no traceback
            raise

    @asynccontextmanager
    async def _parts(self) -> AsyncIterator[None]:
        control = await start_control(
            self.settings.runtime_path() / SOCKET_NAME, self.commands.run, listening=self._control
        )
        tasks = [asyncio.create_task(self._rounds()), asyncio.create_task(self.intake.run())]
        self._ready = True
        try:
            yield
        finally:
            self._ready = False
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            control.close()
            self.intake.stop()
            await asyncio.to_thread(self._last_round)

    async def _rounds(self) -> None:
        while True:
            await asyncio.to_thread(self._round)
            await asyncio.sleep(ROUND_SECONDS)

    def _round(self) -> None:
        # Every round is tried; what is counted here is how long a failure was not said.
        self._failing.is_due()
        try:
            with self.engine.metrics.round():
                self.engine.tick()
            if self.settings.server.collectors:
                self._publisher.publish()
        except TurvenError as error:
            if self._failing.failed(error.message):
                log.error("%s", error.message)  # noqa: TRY400 - the message says it all
        except Exception as error:  # noqa: BLE001 - the next round tries again; foreign words stay out of the log
            if self._failing.failed(told(error)):
                log.error("%s", told(error))  # noqa: TRY400
        else:
            self._failing.worked()

    def _last_round(self) -> None:
        self._round()
        self.engine.stop()
