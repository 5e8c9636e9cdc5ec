"""Bad input of every kind, to a whole house: the stated answer, nothing lost, nothing overwritten."""

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
from starlette.types import Message

from collector.app import _read_body
from collector.edge.payload import BODY_BYTES_MAX
from collector.errors import TurvenError
from collector.model import Outcome, Site
from tests.agents import CHROME
from tests.clock import ManualClock
from tests.house import TallyHouse
from tests.process import HouseProcess

GOOD: Final = {"s": "school", "n": "pageview", "u": "/les"}


# -- requests --------------------------------------------------------------------------------------------------------


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, school: Site) -> Iterator[TallyHouse]:
    """Open a house with one school."""
    made = TallyHouse(tmp_path, clock=clock).add(school)
    yield made
    made.stop()


def _post(house: TallyHouse, body: bytes, headers: dict[str, str] | None = None) -> Any:
    return house.client.post("/event", content=body, headers={"User-Agent": CHROME} | (headers or {}))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "empty"),
        (b'{"s":"school","n":"pageview","u":"/le', 400, "not_json"),
        (b"null", 400, "not_object"),
        (b'["school"]', 400, "not_object"),
        (b'{"s":"school","n":"pageview","u":"/\xff"}', 400, "not_utf8"),
        (b'{"s":"school","n":"pageview","u":"/","x":' + b"[" * 5_000, 400, "too_deep"),
        (b'{"s":"school","n":"pageview"}', 400, "missing_field"),
        (b'{"s":"school","n":"pageview","u":7}', 400, "wrong_type"),
        (json.dumps(GOOD | {"n": "x" * 41}).encode(), 400, "too_long"),
        (json.dumps(GOOD | {"x": "x" * 8_192}).encode(), 413, "too_large"),
        (b" " * 1_000_000, 413, "too_large"),
    ],
)
def test_a_malformed_event_is_named(house: TallyHouse, body: bytes, status: int, code: str) -> None:
    """Each kind of malformed body has a status and a code of its own; the sentence quotes nothing of it."""
    answer = _post(house, body)
    said = answer.json()
    assert (answer.status_code, said["error"]) == (status, code)
    assert set(said) == {"error", "message"}
    assert "/le" not in said["message"]
    house.feed(visitors=10, page="/les").close()
    assert house.cells("total", measure="pageviews") == {"": 10}


def test_a_large_body_is_not_read_to_its_end() -> None:
    """Of a body larger than an event may be no more is taken in than shows that; the rest is left with its sender."""
    taken = 0

    async def receive() -> Message:
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"x" * BODY_BYTES_MAX, "more_body": taken < 1_000}

    assert asyncio.run(_read_body(receive)) is None
    assert taken == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"s": "elders"}, "unknown_site"),
        ({"u": "https://elders.example/les"}, "host"),
        ({"u": "https://www.school.example.elders.example/"}, "host"),
        ({"u": "https://school.example/"}, "host"),
    ],
)
def test_what_is_not_ours_is_dropped(house: TallyHouse, changes: dict[str, str], reason: str) -> None:
    """An unknown site and a foreign host are dropped with a reason and counted for nobody."""
    answer = _post(house, json.dumps(GOOD | changes).encode())
    assert (answer.status_code, answer.headers["X-Dropped"], answer.content) == (204, reason, b"")
    house.feed(visitors=10, page="/les").close()
    assert house.cells("total", measure="pageviews") == {"": 10}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_refused(house: TallyHouse, method: str) -> None:
    """Events come by POST; the answer to anything else says so."""
    answer = house.client.request(method, "/event", headers={"User-Agent": CHROME})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/json", "image/png", ""])
def test_the_content_type_does_not_matter(house: TallyHouse, kind: str) -> None:
    """What the body is called is the sender's business; what it holds is read."""
    assert _post(house, json.dumps(GOOD).encode(), {"Content-Type": kind}).status_code == 202


def _raw(house: HouseProcess, visitor: int, head: str, body: bytes) -> bytes:
    """Send bytes as they are and hang up; return the answer, empty where none came."""
    lines = ("POST /event HTTP/1.1", "Host: x", f"User-Agent: {CHROME}", f"X-Forwarded-For: 10.9.{visitor}.1", head)
    start = "\r\n".join((*lines, "", ""))
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as line:
        line.sendall(start.encode() + body)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        while part := line.recv(4_096):
            answer += part
    return answer


def test_half_a_request_is_no_event(tmp_path: Path) -> None:
    """A body that breaks off is not counted, even where what came of it reads as an event; a whole one is."""
    body = json.dumps(GOOD).encode()
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n"
    chunked = "Transfer-Encoding: chunked"
    with HouseProcess(tmp_path) as house:
        house.add_school()
        for visitor in range(10):
            assert house.send(visitor=visitor) == 202
        assert b" 202 " not in _raw(house, 1, f"Content-Length: {len(body) + 20}", body)
        assert b" 202 " not in _raw(house, 2, chunked, chunk)
        assert b" 202 " not in _raw(house, 3, chunked, chunk[:-20])
        assert b" 400 " in _raw(house, 4, chunked, b"zz\r\n" + body)
        assert b" 400 " in _raw(house, 5, "Content-Length: 3, 4", body)
        # Headers are held until the last one is there: one sender could fill the memory of the house.
        assert b" 431 " in _raw(house, 6, f"X-Long: {'x' * 66_000}", b"")
        with (
            socket.create_connection(("127.0.0.1", house.port), timeout=10) as line,
            pytest.raises(ConnectionError),
        ):
            line.sendall(b"POST /event HTTP/1.1\r\nX-Endless: " + b"x" * 10_000_000)
        for visitor in range(10, 12):
            assert house.send(visitor=visitor) == 202
        house.turven("close")
        assert [(row["visitors"], row["pageviews"]) for row in house.cells("total")] == [(12, 12)]
    assert CHROME not in house.log.read_text("utf-8")


# -- files -----------------------------------------------------------------------------------------------------------


def _history(house: TallyHouse) -> Path:
    return house.settings.history_file


def _spool(house: TallyHouse) -> Path:
    (path,) = house.settings.spool_dir.rglob("*.spool")
    return path


def _key(house: TallyHouse) -> Path:
    (path,) = house.settings.runtime_path().rglob("key")
    return path


def _put(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def _later_duckdb(house: TallyHouse) -> None:
    """Write another storage version into the first block, and its checksum: words times a constant, without carry."""
    block = bytearray(_history(house).read_bytes()[:4_096])
    block[12:20] = (250).to_bytes(8, "little")
    checksum = 5_381
    for at in range(8, len(block), 8):
        checksum ^= int.from_bytes(block[at : at + 8], "little") * 0xBF58476D1CE4E5B9 % 2**64
    block[:8] = checksum.to_bytes(8, "little")
    _put(_history(house), 0, bytes(block))


def _later_schema(house: TallyHouse) -> None:
    with duckdb.connect(str(_history(house))) as other:
        other.execute("insert into schema_version values (99, now()::timestamp)")


#: What is done to a file of a stopped house, and the code with which it then refuses to start.
DAMAGE: Final[dict[str, tuple[Callable[[TallyHouse], object], str]]] = {
    "history that is something else": (lambda h: _history(h).write_bytes(b"x" * 5_000), "history_damaged"),
    "history without its headers": (lambda h: _put(_history(h), 4_096, b"\xff" * 8_192), "history_damaged"),
    "history cut short": (lambda h: _history(h).write_bytes(_history(h).read_bytes()[:6_000]), "history_damaged"),
    "history of another DuckDB": (_later_duckdb, "history_newer"),
    "history of a later Turven": (_later_schema, "history_newer"),
    "spool of another version": (lambda h: _put(_spool(h), 12, b"\0\7"), "spool_version"),
    "key of another version": (lambda h: _put(_key(h), 10, b"\0\7"), "key_version"),
    "key that is damaged": (lambda h: _put(_key(h), 20, b"\0" * 8), "key_damaged"),
    "key cut short": (lambda h: _key(h).write_bytes(_key(h).read_bytes()[:30]), "key_damaged"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_file_that_cannot_be_used_stops_the_start(
    tmp_path: Path, clock: ManualClock, school: Site, what: str
) -> None:
    """The house does not start, says in a sentence which file it is and what is wrong, and leaves every byte."""
    house = TallyHouse(tmp_path, clock=clock).add(school).feed(visitors=12)
    house.stop()
    damage, code = DAMAGE[what]
    damage(house)
    kept = [_history(house), _spool(house), _key(house)]
    before = [path.read_bytes() for path in kept]
    with pytest.raises(TurvenError) as caught:
        house._start()
    assert caught.value.code == code
    assert caught.value.exit_code == 3
    assert caught.value.message.endswith(".")
    assert [path.read_bytes() for path in kept] == before


def test_a_damaged_spool_is_read_up_to_the_damage(
    tmp_path: Path, clock: ManualClock, school: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """What stands before the damage counts, what is behind it is said to be lost, and the file stays as it is."""
    house = TallyHouse(tmp_path, clock=clock).add(school).feed(visitors=12, page="/les")
    house.stop()
    path = _spool(house)
    # The last frame ends the file; before it stands the twelfth visitor's.
    _put(path, path.stat().st_size - 60, b"\0\0\0\0")
    before = path.read_bytes()
    house._start()
    house.tick()
    said = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert [f"{path} cannot be read from byte" in sentence for sentence in said] == [True]
    assert house.rows("select reason from gap") == [("spool_damaged",)]
    house.feed(visitors=20, first=100, page="/les")
    assert house.close() == {"school": Outcome.KEPT}
    assert house.cells("total") == {"": 11 + 20}
    assert path.read_bytes() == before
    house.stop()
