"""A real server on loopback in the test's own event loop, with limits short enough to wait for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import uvicorn
import uvloop

from collector.http.keeper import Keeper
from collector.http.limited import LimitedProtocol, protocol_for
from collector.settings import Limits

#: A second is the shortest that the settings know.
SHORT: Final = Limits(connections=64, request_seconds=1, idle_seconds=1)
#: Longer than anything here lasts; a test that waits so long has failed.
PATIENCE: Final = 25.0


class Served(NamedTuple):
    """Hold a running server."""

    server: uvicorn.Server
    keeper: Keeper
    port: int
    overloads: list[None]
    writers: list[asyncio.StreamWriter]

    async def connect(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection and send what it begins with."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        writer.write(sent)
        return reader, writer

    async def ask(self, sent: bytes) -> bytes:
        """Send bytes on a connection of their own and return all that comes until it is closed."""
        reader, _ = await self.connect(sent)
        return await until_closed(reader)


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    """Return everything until the other end closes; one that breaks the connection off has closed it, too."""
    said = b""
    try:
        async with asyncio.timeout(PATIENCE):
            while piece := await reader.read(65_536):
                said += piece
    except ConnectionError:
        pass
    return said


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110 - it is seen from outside, and says nothing when it comes about
            await asyncio.sleep(0.02)


async def echo_length(_scope: Any, receive: Any, send: Any) -> None:
    """Read the whole body and answer its length."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await answer(send, str(size).encode())


async def answer(send: Any, body: bytes) -> None:
    """Answer 200."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(
    app: Any = echo_length, *, limits: Limits = SHORT, base: type[LimitedProtocol] = LimitedProtocol
) -> AsyncIterator[Served]:
    """Serve *app* on a free port for the length of a block; *base* is its protocol, here with limits."""
    overloads: list[None] = []
    writers: list[asyncio.StreamWriter] = []
    keeper = Keeper(limits, count_overload=lambda: overloads.append(None))
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=protocol_for(keeper, base), ws="none", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield Served(server, keeper, server.servers[0].sockets[0].getsockname()[1], overloads, writers)
    finally:
        for writer in writers:
            writer.close()
        await server.shutdown()


def run(test: Callable[[], Coroutine[None, None, None]]) -> None:
    """Run a test in an event loop of the kind that the house runs in."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(test())
