"""Limits on bytes, seconds and connections, each met by a client that does not keep to it."""

import asyncio
import subprocess
import sys
from math import inf
from pathlib import Path
from typing import Any

import pytest

from collector.http.keeper import RESERVED_CONNECTIONS, Keeper
from collector.settings import Limits
from tests.clock import ManualClock
from tests.http.serving import PATIENCE, SHORT, answer, echo_length, run, serving, until, until_closed
from tests.http.ways import Way
from tests.process import ROOT

PAGE = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
LAST_PAGE = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
LAST_EVENT = b"POST /event HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"


def post(body: bytes, *, headers: bytes = b"") -> bytes:
    """Return a request that posts *body* to a page."""
    return b"POST / HTTP/1.1\r\nhost: x\r\n%scontent-length: %d\r\n\r\n%s" % (headers, len(body), body)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nx-long: " + b"x" * 200_000, b"431"),
        (b"GET / HTTP/1.1\r\nx-long: " + b"x" * 200_000 + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nx-long: " + b"x" * 65_530 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 1_000, b"431"),
        (b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 1_000 + b"\r\n", b"431"),
        (b"\r\n" * 100_000, b"431"),
        (post(b"x" * 3_000_000), b"413"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 400_000, b"413"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"x: y\r\n" * 400_000, b"413"),
        (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;" + b"x" * 3_000_000, b"413"),
        (b"\x16\x03\x01 no HTTP\r\n\r\n", b"400"),
    ],
    ids=[
        "header without an end", "long header", "header a little too long", "long address", "headers without an end",
        "many headers", "nothing but line ends", "long body", "chunks without an end", "trailers without an end",
        "chunk extension without an end", "no HTTP",
    ],
)  # fmt: skip
def test_too_many_bytes_are_refused(sent: bytes, status: bytes) -> None:
    """A head, a body or anything else that is too large is answered 4xx, and the connection is closed."""

    async def test() -> None:
        async with serving() as served:
            said = await served.ask(sent)
            assert said.startswith(b"HTTP/1.1 " + status)
            assert b"connection: close" in said

    run(test)


def test_what_is_large_but_allowed_is_taken() -> None:
    """A head of 60 KB and a body of a megabyte are read whole, one after the other on one connection."""

    async def test() -> None:
        async with serving() as served:
            large = post(b"x" * 1_000_000, headers=b"x-long: " + b"y" * 60_000 + b"\r\n")
            reader, writer = await served.connect(large)
            assert (await reader.readuntil(b"1000000")).startswith(b"HTTP/1.1 200")
            writer.write(large)
            assert (await reader.readuntil(b"1000000")).startswith(b"HTTP/1.1 200")

    run(test)


@pytest.mark.parametrize(
    ("start", "drop", "status"),
    [
        (b"", b"", b""),
        (b"GET / HTTP/1.1\r\n", b"x: y\r\n", b"HTTP/1.1 408"),
        (b"POST / HTTP/1.1\r\ncontent-length: 1000\r\n\r\n", b"x", b"HTTP/1.1 408"),
        (PAGE, b"", b"HTTP/1.1 200"),
    ],
    ids=["silent", "trickling head", "trickling body", "idle after a request"],
)
def test_slow_connections_are_closed(start: bytes, drop: bytes, status: bytes) -> None:
    """A request that does not arrive in time is answered 408, and a connection without one is closed."""

    async def test() -> None:
        async with serving() as served:
            reader, writer = await served.connect(start)
            trickle = asyncio.create_task(_trickle(writer, drop))
            said = await until_closed(reader)
            trickle.cancel()
            assert said.startswith(status)
            assert not status or said

    run(test)


async def _trickle(writer: asyncio.StreamWriter, drop: bytes) -> None:
    while drop and not writer.is_closing():
        writer.write(drop)
        await asyncio.sleep(0.05)


def test_a_slow_answer_is_waited_for() -> None:
    """Who has sent a whole request is never called slow, however long its answer takes."""

    async def late(_scope: Any, _receive: Any, send: Any) -> None:
        # Longer than every limit of this server.
        await asyncio.sleep(2.0)
        await answer(send, b"late")

    async def test() -> None:
        async with serving(late) as served:
            assert (await served.ask(LAST_PAGE)).endswith(b"late")

    run(test)


def test_an_answer_that_nobody_reads_is_given_up() -> None:
    """A client that takes nothing of its answer is cut off, and the answer's memory with it."""

    async def endless(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while served_state["open"]:
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
            served_state["open"] = bool(served_state["server"].server_state.connections)

    served_state: dict[str, Any] = {"open": True}

    async def test() -> None:
        async with serving(endless) as served:
            served_state["server"] = served.server
            _, writer = await served.connect(PAGE)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await until(lambda: not served.server.server_state.connections)
            assert served.keeper.refused["unread"] == 1

    run(test)


def test_answers_before_a_bad_request_still_come() -> None:
    """Requests before one that cannot be read get their answers, in order, and then it gets its own."""

    async def test() -> None:
        async with serving() as served:
            said = await served.ask(PAGE + post(b"1234") + b"no HTTP at all\r\n\r\n")
            assert said.count(b"HTTP/1.1 200") == 2
            assert said.index(b"HTTP/1.1 400") > said.rindex(b"HTTP/1.1 200")

    run(test)


@pytest.mark.parametrize("is_fast", [False, True], ids=["ordinary route", "fast lane"])
def test_too_many_connections_refuse_events_and_leave_pages(*, is_fast: bool, tmp_path: Path) -> None:
    """Above the limit an event is answered 503 with Retry-After and counted, and a page is answered as ever."""
    base = Way(tmp_path / "house", ManualClock(), is_fast=is_fast).protocol_class

    async def test() -> None:
        limits = Limits(connections=4, request_seconds=8, idle_seconds=8)
        async with serving(stay, limits=limits, base=base) as served:
            # Each of these waits for an answer, so none of them can go.
            for _ in range(4):
                await served.connect(b"GET /stay HTTP/1.1\r\nhost: x\r\n\r\n")
            said = await served.ask(LAST_EVENT)
            assert said.startswith(b"HTTP/1.1 503")
            assert b"retry-after: 2" in said
            assert len(served.overloads) == 1
            assert (await served.ask(LAST_PAGE)).endswith(b"here")

    run(test)


async def stay(scope: Any, receive: Any, send: Any) -> None:
    """Answer at once, but `/stay` only when its client has gone."""
    if scope["path"] == "/stay":
        while (await receive())["type"] != "http.disconnect":
            pass
    else:
        await answer(send, b"here")


def test_the_longest_idle_connection_goes_first() -> None:
    """A new connection above the limit takes the place of the one that has been idle longest."""

    async def test() -> None:
        limits = Limits(connections=3, request_seconds=8, idle_seconds=8)
        async with serving(stay, limits=limits) as served:
            idle = [await served.connect(PAGE) for _ in range(3)]
            for reader, _ in idle:
                await reader.readuntil(b"here")
            await until(lambda: bool(served.keeper._spare))
            assert (await served.ask(LAST_EVENT)).startswith(b"HTTP/1.1 200")
            assert served.keeper.refused["crowded"] == 1

    run(test)


def test_above_the_reserve_a_connection_is_not_even_read() -> None:
    """Where the places for pages are taken too, a connection is answered 503 at once."""

    async def test() -> None:
        limits = Limits(connections=1, request_seconds=8, idle_seconds=8)
        async with serving(stay, limits=limits) as served:
            asked = b"GET /stay HTTP/1.1\r\nhost: x\r\n\r\n"
            for _ in range(1 + RESERVED_CONNECTIONS):
                await served.connect(asked)
            assert (await served.ask(b"")).startswith(b"HTTP/1.1 503")

    run(test)


def test_a_process_that_cannot_keep_up_refuses_events_first() -> None:
    """While the process lags, an event is answered 503 before it is read, and a page as ever."""

    async def test() -> None:
        async with serving(stay) as served:
            served.keeper._note_lag(3.0)
            assert not served.keeper.is_lagging
            served.keeper._note_lag(3.0)
            assert (await served.ask(LAST_EVENT)).startswith(b"HTTP/1.1 503")
            assert (await served.ask(LAST_PAGE)).startswith(b"HTTP/1.1 200")
            served.keeper._note_lag(0.1)
            assert (await served.ask(LAST_EVENT)).startswith(b"HTTP/1.1 200")

    run(test)


def test_a_server_that_ends_answers_what_is_on_its_way() -> None:
    """At the end a request in flight is answered, one that is being sent too, and idle connections are closed."""

    async def test() -> None:
        async with serving(echo_length, limits=Limits(request_seconds=8, idle_seconds=8)) as served:
            begun, begun_writer = await served.connect(post(b"12345")[:-3])
            idle, _ = await served.connect(PAGE)
            await idle.readuntil(b"\r\n\r\n0")
            late, late_writer = await served.connect()
            ending = asyncio.create_task(served.server.shutdown())
            await asyncio.sleep(0)
            late_writer.write(PAGE)
            said = await until_closed(late)
            assert said.startswith(b"HTTP/1.1 200")
            assert b"connection: close" in said
            assert await until_closed(idle) == b""
            begun_writer.write(b"345")
            assert (await until_closed(begun)).endswith(b"5")
            async with asyncio.timeout(PATIENCE):
                await ending

    run(test)


def test_a_server_without_connections_does_not_wake_up() -> None:
    """When the last connection has gone, sweeping ends, and begins again with the next one."""

    async def test() -> None:
        async with serving() as served:
            for _ in range(2):
                assert (await served.ask(LAST_PAGE)).startswith(b"HTTP/1.1 200")
                await until(lambda: served.keeper._loop is None)

    run(test)


def test_limits_leave_the_last_word_to_the_settings() -> None:
    """Seconds are those of the settings, to within three sweeps on the early side."""
    keeper = Keeper(SHORT)
    assert 0 < keeper.request_seconds <= SHORT.request_seconds
    assert Keeper(Limits()).request_seconds == pytest.approx(8.5)


@pytest.mark.parametrize(("hard", "said"), [(4_096, ""), (300, "this machine lets the process have 300")])
def test_a_process_may_open_as_many_files_as_it_needs(hard: int, said: str) -> None:
    """The limit on open files is raised as far as the machine lets it, and a line says where that is not enough."""
    program = (
        "import logging, resource\n"
        "from collector.http.keeper import allow_files\n"
        "from collector.settings import Limits\n"
        "logging.basicConfig()\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (128, {hard}))\n"
        "allow_files(Limits(connections=1000))\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ran.stdout.strip() == str(hard)
    assert said in ran.stderr
    assert bool(ran.stderr) == bool(said)


def test_what_was_refused_is_said_once_a_while(caplog: pytest.LogCaptureFixture) -> None:
    """One line says how many requests the limits refused, by kind; not one line each, and nothing of a request."""
    caplog.set_level("INFO", "turven.limits")

    async def test() -> None:
        async with serving(stay, limits=Limits(request_seconds=8, idle_seconds=8)) as served:
            await served.connect(PAGE)
            served.keeper._say_at = inf
            for _ in range(3):
                await served.ask(b"secret\r\n\r\n")
            await served.ask(b"GET /" + b"x" * 100_000)
            served.keeper._say_at = 0.0
            await until(lambda: bool(caplog.messages))
            await served.ask(b"secret\r\n\r\n")

    run(test)
    assert caplog.messages == ["Refused or ended: 1 head_too_large, 3 unreadable."]
