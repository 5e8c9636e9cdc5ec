"""The HTTP server as every process of a house runs it."""

import asyncio
import gc
import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from collector.app import EventDoor
from collector.http.keeper import Keeper, allow_files
from collector.http.lane import lane_for
from collector.http.limited import LimitedProtocol
from collector.settings import Settings
from turven.notify import BACKLOG

#: How long an answer that is on its way is waited for when the server ends.
ANSWER_SECONDS_MAX: Final = 10


class Serving(uvicorn.Server):
    """Tell when the server answers and when it begins to end; both in its event loop.

    Args:
        config: Of the server.
        on_started: It listens, and everything behind it runs.
        on_ending: It was told to stop; listening sockets and connections are still open.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        on_started: Callable[[], None] = lambda: None,
        on_ending: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._on_ending = on_ending

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop.

        What the process is made of stays until it ends: every later look for garbage leaves it out. Else one of these
        takes some 20 ms, in which nobody is answered.
        """
        gc.collect()
        gc.freeze()
        super().run(sockets=sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets=sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, answer what was asked, and let everything behind it end."""
        for server in self.servers:
            server.close()
        # A connection that was accepted in this turn of the loop is known in the next.
        await asyncio.sleep(0)
        self._on_ending()
        await super().shutdown(sockets=sockets)

    def adopt(self, connection: socket.socket, received: bytes) -> None:
        """Go on with a connection that another process accepted, and with what it had read of it."""
        task = asyncio.get_running_loop().create_task(self._adopt(connection, received))
        self.server_state.tasks.add(task)
        task.add_done_callback(self.server_state.tasks.discard)

    async def _adopt(self, connection: socket.socket, received: bytes) -> None:
        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
                config=self.config, server_state=self.server_state, app_state=self.lifespan.state
            )
            return made

        transport, made = await asyncio.get_running_loop().connect_accepted_socket(protocol, connection)
        if transport.is_closing():
            # There were too many, and it has its answer.
            return
        if received:
            made.data_received(received)
        elif isinstance(made, LimitedProtocol):
            # It has had its first request elsewhere, and may wait for the next as long as any.
            made.phase += 1


def http_protocol(settings: Settings, door: EventDoor) -> type[LimitedProtocol]:
    """Return how a process of the house speaks HTTP: within the limits of its settings."""
    allow_files(settings.limits)
    keeper = Keeper(
        settings.limits,
        event_path=f"{settings.server.base_path}/event".encode(),
        count_overload=door.intake.refuse_overload,
    )
    return lane_for(door, keeper)


def server_config(app: ASGIApp, *, http: type[asyncio.Protocol], host: str = "", port: int = 0) -> uvicorn.Config:
    """Return how every process serves; *host* and *port* where it opens its listening socket itself."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        # The access log holds the full address and query; proxy headers are read at the edge, from trusted hops only.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        log_config=None,
        http=http,
        # Where a library for it is installed, uvicorn would wait for words of another protocol that nobody speaks.
        ws="none",
        loop="uvloop",
        backlog=BACKLOG,
        timeout_graceful_shutdown=ANSWER_SECONDS_MAX,
    )
