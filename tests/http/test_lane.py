"""The fast lane answers and counts as the ordinary route does, whatever is sent and however it arrives."""

import asyncio
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from collector.errors import SpoolError
from collector.event import Batch, Drop, Reason
from collector.http.keeper import Keeper
from collector.http.lane import DUE_MAX, EventLane, lane_for
from collector.settings import Limits
from collector.spool.writer import SpoolWriter
from tests.agents import CHROME
from tests.clock import ManualClock
from tests.http.ways import Way
from tests.http.wires import Line, Wire, wire

_BODY: Final = b'{"s":"school","n":"pageview","u":"/les"}'
EVENT: Final = (
    f"POST /event HTTP/1.1\r\nUser-Agent: {CHROME}\r\nX-Forwarded-For: 145.0.2.77\r\n"
    f"Content-Length: {len(_BODY)}\r\n\r\n"
).encode() + _BODY
LAST: Final = EVENT.replace(b"User-Agent", b"Connection: close\r\nUser-Agent")
DROP: Final = EVENT.replace(b"Chrome", b"curlyy")
SLOW: Final = b"GET /slow HTTP/1.1\r\n\r\n"

#: Connections of each seed.
WIRES: Final = 250


@pytest.fixture
def ways(tmp_path: Path, clock: ManualClock) -> tuple[Way, Way]:
    """Open the same house twice: with the fast lane and without."""
    return Way(tmp_path / "fast", clock, is_fast=True), Way(tmp_path / "plain", clock, is_fast=False)


@pytest.mark.parametrize("seed", range(8))
def test_both_ways_answer_alike(ways: tuple[Way, Way], seed: int) -> None:
    """Whatever arrives, in whatever pieces, both ways send the same bytes, close alike and count the same events."""
    fast, plain = ways

    async def run() -> None:
        random = Random(seed)
        for number in range(WIRES):
            sent = wire(random)
            found, expected = await fast.hear(sent), await plain.hear(sent)
            assert found == expected, (number, sent)

    asyncio.run(run())
    events = fast.events()
    assert len(events) > WIRES / 4
    assert events == plain.events()


def _statuses(said: bytes) -> list[int]:
    """Return the statuses of answers, in order."""
    return [int(answer[:3]) for answer in said.split(b"HTTP/1.1 ")[1:]]


def _feed(way: Way, *reads: bytes) -> tuple[list[int], bool]:
    """Send reads, each in a turn of its own; return the statuses and whether the connection is closed."""

    async def run() -> tuple[list[int], bool]:
        protocol, line = way.connect()
        for read in reads:
            protocol.data_received(read)
            await way.settle(line)
        return _statuses(line.written), line.is_closing()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("read", "statuses", "is_closed"),
    [
        (EVENT * 3, [202, 202, 202], False),
        (EVENT + DROP + EVENT, [202, 204, 202], False),
        (EVENT + SLOW + EVENT + DROP, [202, 200, 202, 204], False),
        (SLOW + EVENT + SLOW, [200, 202, 200], False),
        (EVENT + SLOW + SLOW + EVENT, [202, 200, 200, 202], False),
        (EVENT + b"nonsense\r\n\r\n", [202, 400], True),
        (EVENT + b"POST /event HTTP/1.1\r\nContent-Length: x\r\n\r\n", [202, 400], True),
        (EVENT + LAST + EVENT, [202, 202], True),
        (LAST + DROP + b"nonsense", [202], True),
        (DROP.replace(b"User-Agent", b"Connection: close\r\nUser-Agent") + EVENT, [204], True),
        (EVENT[:-5], [], False),
    ],
)
def test_replies_of_one_connection_leave_in_order(
    ways: tuple[Way, Way],
    read: bytes,
    statuses: list[int],
    is_closed: bool,  # noqa: FBT001
) -> None:
    """What comes behind an event in one read waits for it, and an unreadable request takes no earlier answer away."""
    assert [_feed(way, read) for way in ways] == [(statuses, is_closed)] * 2
    assert [way.intake.accepted for way in ways] == [statuses.count(202)] * 2


def test_a_header_that_comes_twice_is_read_whole(ways: tuple[Way, Way]) -> None:
    """A client header in two lines is one list: the trusted hop in the last line does not hide the client before it."""
    twice = EVENT.replace(b"\r\nContent", b"\r\nX-Forwarded-For: 10.0.0.1\r\nContent")
    assert [_feed(way, EVENT + twice) for way in ways] == [([202, 202], False)] * 2
    for way in ways:
        first, second = way.events()
        assert first == second


def test_no_reply_leaves_before_its_event_is_written(ways: tuple[Way, Way], monkeypatch: pytest.MonkeyPatch) -> None:
    """An event is acknowledged after its frame was appended, and one frame holds all that one turn brought."""
    fast, _ = ways
    lines: list[Line] = []
    frames: list[int] = []
    append = SpoolWriter.append

    def watched(writer: SpoolWriter, batch: Batch) -> int:
        assert not any(line.written for line in lines)
        frames.append(len(batch.events))
        return append(writer, batch)

    monkeypatch.setattr(SpoolWriter, "append", watched)

    async def run() -> None:
        for _ in range(20):
            protocol, line = fast.connect()
            lines.append(line)
            protocol.data_received(EVENT)
        assert not any(line.written for line in lines)
        await fast.settle(lines[0])

    asyncio.run(run())
    assert [_statuses(line.written) for line in lines] == [[202]] * 20
    assert frames == [20]


def test_an_event_of_a_later_batch_waits_for_its_own(ways: tuple[Way, Way], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is waited for, an event that came meanwhile is not acknowledged with those before it."""
    fast, _ = ways
    waiting: list[Any] = []
    monkeypatch.setattr(fast.intake, "when_written", waiting.append)

    async def run() -> list[list[int]]:
        protocol, line = fast.connect()
        protocol.data_received(EVENT + DROP + EVENT)
        seen = [_statuses(line.written)]
        for callback in waiting:
            callback(None)
            seen.append(_statuses(line.written))
        return seen

    assert asyncio.run(run()) == [[], [202, 204], [202, 204, 202]]


def test_what_could_not_be_written_is_not_acknowledged(ways: tuple[Way, Way], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the spool cannot be written every event of the turn is answered 503, drops beside it as ever."""

    def fail(_writer: SpoolWriter, _batch: Batch) -> int:
        raise SpoolError("spool_unwritable", "The disk is full.")

    monkeypatch.setattr(SpoolWriter, "append", fail)
    for way in ways:
        assert _feed(way, EVENT + DROP + SLOW + EVENT) == ([503, 204, 200, 503], False)


def test_a_sender_that_left_before_the_answer_breaks_nothing(ways: tuple[Way, Way]) -> None:
    """An event whose sender is gone before its frame was appended counts, and the others of the turn are answered."""
    fast, _ = ways

    async def run() -> list[int]:
        gone, line = fast.connect()
        gone.data_received(EVENT * 2 + SLOW)
        stays, other = fast.connect()
        stays.data_received(EVENT)
        line.lose()
        await fast.settle(other)
        assert line.written == b""
        return _statuses(other.written)

    assert asyncio.run(run()) == [202]
    assert len(fast.events()) == 3


@pytest.mark.parametrize(("read", "statuses"), [(EVENT + DROP + EVENT, [202, 204, 202]), (EVENT + SLOW, [202, 200])])
def test_a_server_that_ends_answers_what_it_has(ways: tuple[Way, Way], read: bytes, statuses: list[int]) -> None:
    """A shutdown between an event and its answer closes the connection behind the last answer, and not before."""
    fast, _ = ways

    async def run() -> tuple[list[int], bool, bytes]:
        protocol, line = fast.connect()
        protocol.data_received(read)
        assert protocol.is_answering()
        protocol.shutdown()
        await fast.settle(line)
        return _statuses(line.written), line.is_closing(), line.written

    found, is_closed, said = asyncio.run(run())
    assert (found, is_closed) == (statuses, True)
    assert said.count(b"connection: close") == 1


@pytest.mark.parametrize("signal", [b"Sec-GPC: 1 ", b"DNT:1\t", b"sec-gpc:\t1 \t"])
@pytest.mark.parametrize("more", [b"", b"x-one: 1\r\nx-one: 2\r\n"], ids=["whole", "by the parser"])
def test_space_around_an_opt_out_is_none_of_it(ways: tuple[Way, Way], signal: bytes, more: bytes) -> None:
    """Whoever says 1 opts out, whatever space HTTP lets stand around it, and whichever way the event comes in."""
    sent = Wire([[EVENT.replace(b"User-Agent", signal + b"\r\n" + more + b"User-Agent")]], False, False, False)
    for way in ways:
        assert asyncio.run(way.hear(sent)).drops == {Drop(Reason.OPT_OUT): 1}


def test_what_comes_behind_the_last_answer_is_not_counted(ways: tuple[Way, Way]) -> None:
    """An event behind the answer with which a connection ends is not counted, either way: its sender comes again."""

    async def run(way: Way) -> tuple[list[int], int]:
        protocol, line = way.connect()
        protocol.data_received(DROP)
        await way.settle(line)
        protocol.shutdown()
        protocol.data_received(DROP + EVENT)
        await way.settle(line)
        return _statuses(line.written), way.intake.accepted

    assert [asyncio.run(run(way)) for way in ways] == [([204, 204], 0)] * 2


def test_who_waits_for_the_disk_is_not_read_without_end(ways: tuple[Way, Way], monkeypatch: pytest.MonkeyPatch) -> None:
    """While a disk stands still few answers gather on a connection; then it is read again, and all of them leave."""
    fast, _ = ways

    async def run() -> tuple[list[int], list[bool]]:
        protocol, line = fast.connect()
        with monkeypatch.context() as still:
            still.setattr(fast.intake, "_flush", lambda: None)
            protocol.data_received(EVENT)
            await fast.settle(line)
            protocol.data_received(DROP * (DUE_MAX - 2))
            paused = [line.is_paused]
            protocol.data_received(DROP)
            paused.append(line.is_paused)
        fast.intake._flush()
        return _statuses(line.written), [*paused, line.is_paused]

    assert asyncio.run(run()) == ([202] + [204] * (DUE_MAX - 1), [False, True, False])


def test_who_does_not_read_is_not_read(ways: tuple[Way, Way]) -> None:
    """Events of a sender that takes no answers count once and are answered in order; the lane reads no more of it."""

    async def run(way: Way) -> tuple[list[bool], list[int]]:
        protocol, line = way.connect()
        protocol.data_received(EVENT)
        protocol.pause_writing()
        protocol.data_received(DROP + EVENT)
        await way.settle(line)
        paused = [line.is_paused]
        protocol.resume_writing()
        await way.settle(line)
        return [*paused, line.is_paused], _statuses(line.written)

    found = [asyncio.run(run(way)) for way in ways]
    assert [statuses for _, statuses in found] == [[202, 204, 202]] * 2
    assert found[0][0] == [True, False]
    assert [len(way.events()) for way in ways] == [2, 2]


def test_an_unforeseen_error_is_answered_and_told_without_words(
    ways: tuple[Way, Way], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What breaks while an event is taken in is answered 500 by both ways; the log has its kind, and no word of it."""

    def fail(*_: object) -> None:
        raise RuntimeError("canary")

    for way in ways:
        monkeypatch.setattr(way.intake, "admit", fail)
    assert [_feed(way, EVENT + DROP) for way in ways] == [([500, 500], False)] * 2
    assert caplog.text.count("RuntimeError at") == 4
    assert "canary" not in caplog.text


def test_a_process_that_cannot_keep_up_refuses_events(ways: tuple[Way, Way]) -> None:
    """While the process lags an event is answered 503, behind what is owed, and counted for the house unread."""
    for way in ways:

        async def run(way: Way = way) -> tuple[list[int], bool]:
            protocol, line = way.connect()
            protocol.data_received(EVENT[:-1])
            way.keeper.is_lagging = True
            protocol.data_received(EVENT[-1:] + EVENT)
            await way.settle(line)
            return _statuses(line.written), line.is_closing()

        assert asyncio.run(run()) == ([202, 503], True)
        assert way.intake._drops == {Drop(Reason.OVERLOAD): 1}


def test_the_lane_is_taken(ways: tuple[Way, Way], monkeypatch: pytest.MonkeyPatch) -> None:
    """Events of browsers do take the fast lane: the ordinary route is not asked."""
    fast, plain = ways

    async def refuse(*_: object) -> None:
        raise AssertionError

    for way in ways:
        monkeypatch.setattr(way.door.__class__, "_answer", refuse)
    assert _feed(fast, EVENT + DROP) == ([202, 204], False)
    assert _feed(plain, EVENT) == ([500], False)


@pytest.mark.parametrize(
    "missing", ["on_message_complete", "on_body", "on_headers_complete", "_start_asgi_task", "shutdown", "on_header"]
)
def test_a_base_that_does_not_fit_is_noticed(
    ways: tuple[Way, Way], missing: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Where uvicorn's class is not as the lane knows it, events take the ordinary route, and a line says it."""
    fast, _ = ways
    crippled = type("Crippled", (EventLane,), {missing: None})
    monkeypatch.setattr("collector.http.lane.EventLane", crippled)
    made = lane_for(fast.door, Keeper(Limits()))
    assert not issubclass(made, EventLane)
    assert "Events take the ordinary route" in caplog.text
    assert len(caplog.records) == 1
