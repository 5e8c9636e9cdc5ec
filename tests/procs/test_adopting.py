"""A connection that comes from another process goes on as if it had been there all the time."""

import asyncio
import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from collector.http.keeper import Keeper
from collector.http.limited import LimitedProtocol, protocol_for
from collector.settings import Limits
from turven.serving import Serving, server_config


async def _hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


def test_a_connection_between_two_requests_may_wait_as_long_as_any() -> None:
    """It is no newcomer, who has to say something within seconds; with a request begun it is answered at once."""

    async def scene() -> None:
        config = server_config(Starlette(routes=[Route("/", _hello)]), http=protocol_for(Keeper(Limits())))
        server = Serving(config, on_started=(started := asyncio.Event()).set)
        serving = asyncio.create_task(server.serve(sockets=[]))
        await started.wait()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            for received, phase in ((b"", 0), (b"GET / HTTP/1.1\r\nHost: x\r\n", 1)):
                client = socket.create_connection(listening.getsockname())
                client.setblocking(False)
                server.adopt(listening.accept()[0], received)
                while not server.server_state.connections:  # noqa: ASYNC110 - adopted in the next turn or so
                    await asyncio.sleep(0)
                (protocol,) = server.server_state.connections
                assert isinstance(protocol, LimitedProtocol)
                await asyncio.sleep(0)
                assert protocol.phase & 1 == phase
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(client, (b"" if received else b"GET / HTTP/1.1\r\nHost: x\r\n") + b"\r\n")
                assert (await loop.sock_recv(client, 65_536)).startswith(b"HTTP/1.1 200")
                client.close()
                while server.server_state.connections:  # noqa: ASYNC110 - until the end is seen
                    await asyncio.sleep(0)
        server.should_exit = True
        await serving

    asyncio.run(asyncio.wait_for(scene(), 20))
