"""A connection that waits for its next request holds nothing of the last one, and few that wait for their answers."""

import asyncio
import socket
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from collector.http.limited import PIPELINE_MAX
from collector.settings import Server
from tests.clock import ManualClock
from tests.http.serving import answer, run, serving, until
from tests.http.test_lane import EVENT, SLOW
from tests.http.ways import Way
from turven.handover import Outbox, passing_on

_MARK: Final = b"someone"
_MARKED: Final = EVENT.replace(b"145.0.2.77", b"145.0.2.77\r\nCookie: " + _MARK)
_PAGE: Final = b"GET /page?" + _MARK + b" HTTP/1.1\r\nCookie: " + _MARK + b"\r\n\r\n"


def _held_by(thing: Any, seen: set[int]) -> Iterator[bytes]:
    """Return all bytes that lie in *thing*, in what it holds of the server's kind, and in containers of that."""
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, (bytes, bytearray)):
        yield bytes(thing)
    elif isinstance(thing, str):
        yield thing.encode()
    elif isinstance(thing, dict):
        yield from _held_by(list(thing.items()), seen)
    elif isinstance(thing, (list, tuple, set, deque)):
        for one in thing:
            yield from _held_by(one, seen)
    elif type(thing).__module__.startswith(("uvicorn.protocols", "collector.http", "turven")):
        yield from _held_by(vars(thing), seen)


@pytest.mark.parametrize("is_fast", [False, True], ids=["ordinary route", "fast lane"])
@pytest.mark.parametrize(
    "pieces",
    [
        [_MARKED],
        [_MARKED[:90], _MARKED[90:-3], _MARKED[-3:]],
        [_MARKED + _MARKED],
        [_MARKED.replace(b"/event", b"/event?debug=1")],
        [_PAGE],
        [_MARKED + _PAGE + SLOW + _MARKED],
        [_MARKED, b"GET /slow HTTP/1.1\r\nContent-Length: 7\r\nCookie: someone\r\n\r\n", _MARK],
    ],
    ids=["event", "pieces", "two events", "echo", "page", "mixed", "late body"],
)
def test_nothing_of_a_request_outlives_its_answer(
    *, pieces: list[bytes], is_fast: bool, tmp_path: Path, clock: ManualClock
) -> None:
    """Once it is answered, a kept connection holds no header, address or body of it, in no kind of process."""
    way = Way(tmp_path / "house", clock, is_fast=is_fast)
    house, other = socket.socketpair()
    outbox = Outbox(house.detach())
    collecting = passing_on(way.protocol_class, outbox, server=Server())
    collecting.own_paths = frozenset((b"/page", b"/slow", b"/event"))  # type: ignore[attr-defined]

    async def scene() -> None:
        for kind in (way.protocol_class, collecting):
            way.protocol_class = kind
            protocol, line = way.connect()
            for piece in pieces:
                protocol.data_received(piece)
                await way.settle(line)
            assert b"HTTP/1.1 20" in line.written
            assert not line.is_closing()
            assert not [held for held in _held_by(protocol, set()) if _MARK in held]

    asyncio.run(scene())
    outbox.close()
    other.close()


def test_few_requests_wait_on_one_connection() -> None:
    """Whoever sends thousands of pages at once is answered the first of them, and 429: each would take memory."""
    freed = asyncio.Event()

    async def waits(_scope: Any, _receive: Any, send: Any) -> None:
        await freed.wait()
        await answer(send, b"")

    async def scene() -> None:
        async with serving(waits) as served:
            asked = asyncio.create_task(served.ask(b"GET / HTTP/1.1\r\n\r\n" * 2_000))
            await until(lambda: bool(served.keeper.refused["too_many"]))
            protocol: Any = next(iter(served.server.server_state.connections))
            assert len(protocol.pipeline) == PIPELINE_MAX
            freed.set()
            said = await asked
            assert said.count(b"HTTP/1.1 200") == PIPELINE_MAX + 1
            assert said[said.rindex(b"HTTP/1.1 ") :].startswith(b"HTTP/1.1 429")

    run(scene)
