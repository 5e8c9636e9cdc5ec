"""A collector: a process that takes in events and does nothing else.

It opens no history and knows no page. It keeps acknowledging while the rest of the house restarts, since all it needs
lies in the runtime directory: the sites in force, the epoch, keys and salts.
"""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from collector import app, health
from collector.clock import Clock, SystemClock
from collector.edge.gate import Gate
from collector.edge.rates import Rates
from collector.errors import StoreError
from collector.guard import Guard
from collector.intake import Intake
from collector.lookup import country_lookup
from collector.process import silence_loop, told
from collector.roster import ROSTER_NAME, Roster
from collector.script import Scripts, read_source
from collector.settings import Settings
from collector.spool.secrets import Secrets, prepare_runtime_dir
from turven.child import Channel, Start, run_child
from turven.handover import Outbox, passing_on
from turven.member import Member
from turven.serving import http_protocol, server_config

log = logging.getLogger("turven.collecting")

#: Added to the niceness of a collector: when all cores are busy with events, the dashboard still gets its turn.
NICENESS: Final = 5
#: How often secrets that vanished are written back, and those of a day that another process has destroyed forgotten.
RESTORE_SECONDS: Final = 1.0


class RosterIntake(Intake):
    """Look at the sites in force before anything else: a file that is begun then holds nothing of a site that left."""

    roster: Roster

    def look(self) -> None:
        """As `Intake.look`."""
        try:
            self.roster.look()
        except StoreError as error:
            log.error("%s", error.message)  # noqa: TRY400 - the message says it all
        super().look()


class Collector:
    """Hold the parts of a running collector."""

    def __init__(self, settings: Settings, *, clock: Clock) -> None:
        """Open what is shared with the house.

        Raises:
            TurvenError: The runtime directory or the table of countries cannot be used.
        """
        runtime = settings.runtime_path()
        prepare_runtime_dir(runtime)
        key_dir = settings.data_dir / "keys" if settings.keep_day_through_reboot else None
        self.secrets = Secrets(runtime, key_dir=key_dir, spool_dir=settings.spool_dir)
        self.roster = Roster(runtime / ROSTER_NAME)
        gate = Gate(
            privacy=settings.privacy,
            server=settings.server,
            site=self.roster.get,
            lookup=country_lookup(settings),
            rates=Rates(settings.limits, random_bytes=os.urandom),
        )
        self.intake = RosterIntake(
            gate=gate,
            secrets=self.secrets,
            spool_dir=settings.spool_dir,
            clock=clock,
            house_zone=settings.timezone,
            fsync=settings.fsync,
        )
        self.intake.roster = self.roster
        self.door = app.EventDoor(self.intake, server=settings.server)
        self._scripts = Scripts(read_source(), rules=settings.privacy.rules)
        self._server = settings.server
        self._data_dir = settings.data_dir

    def application(self) -> Guard:
        """Return what answers events, the tracker and, on an address of the collectors' own, `/health`."""
        doors = app.routes(self.door, server=self._server, scripts=self._scripts, sites=self.roster)
        behind = Starlette(routes=[*doors, Route("/health", self._health)], lifespan=self._running)
        return Guard(app.FrontDoor(self.door, behind, path=f"{self._server.base_path}/event"))

    @asynccontextmanager
    async def _running(self, _app: object) -> AsyncIterator[None]:
        silence_loop(asyncio.get_running_loop())
        tasks = [asyncio.create_task(self.intake.run()), asyncio.create_task(self._restore())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            self.intake.stop()

    async def _health(self, _request: Request) -> Response:
        return JSONResponse(*health.answer(health.seen_of_disk(self._data_dir)))

    async def _restore(self) -> None:
        while True:
            await asyncio.sleep(RESTORE_SECONDS)
            try:
                await asyncio.to_thread(self.secrets.restore)
            except StoreError as error:
                log.error("%s", error.message)  # noqa: TRY400 - the message says it all
            except Exception as error:  # noqa: BLE001 - the next round tries again
                log.error("%s", told(error))  # noqa: TRY400 - no words of foreign errors


def collect(start: Start, settings: Settings, channel: Channel) -> Callable[[], None]:
    """Serve as a collector."""
    with suppress(OSError):
        os.nice(NICENESS)
    collector = Collector(settings, clock=SystemClock())
    base = http_protocol(settings, collector.door)
    http = passing_on(base, Outbox(start.house), server=settings.server)
    member = Member(server_config(collector.application(), http=http), settings=settings, start=start, channel=channel)

    def serve() -> None:
        collector.roster.look()
        member.run()

    return serve


if __name__ == "__main__":
    run_child(sys.argv, collect)
