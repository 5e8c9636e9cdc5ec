"""Slow and hostile clients against a house that serves: good requests go on, bad ones are refused or closed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import pytest

from bench import hostile
from bench.hostile import LARGE_HEAD, NO_KEEP_ALIVE, QUICK, SLOW, Good, Met
from tests.http.serving import PATIENCE
from tests.process import HouseProcess

#: Of each kind; all slow ones at once.
COUNT: Final = 60
LIMITS: Final = "[limits]\nconnections = 400\nrequest_seconds = 2\nidle_seconds = 2\nsite_events_per_second = 1000000"
GROWN_BYTES_MAX: Final = 30_000_000
EVENT: Final = msgspec.json.encode({"s": "school", "n": "pageview", "u": "/"})
_FLOOD: Final = 100


class Attacked(msgspec.Struct):
    """Hold what everybody met, and by how much the house grew."""

    met: dict[str, Met]
    good: Good
    grown_bytes: int


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Attack a house once, while good clients are on and events come as fast as they are answered."""
    with HouseProcess(tmp_path_factory.mktemp("attacked"), settings=LIMITS, log_level="INFO") as house:
        house.add_school()
        assert house.send(visitor=1) == 202
        # The first page reads its texts and templates.
        assert house.request("GET", "/")[0] == 200
        yield hostile.run(_attack(house))


async def _attack(house: HouseProcess) -> Attacked:
    good, over = Good(), asyncio.Event()
    floods = [asyncio.create_task(_flood(house.port, over)) for _ in range(2)]
    clients = asyncio.create_task(hostile.be_good(house.port, good, until=over, site="school"))
    before = _resident_bytes(house)
    met = await hostile.attack(house.port, count=COUNT, head_bytes=5_000_000, site="school")
    grown = _resident_bytes(house) - before
    over.set()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(clients, *floods)
    return Attacked(met, good, grown)


async def _flood(port: int, over: asyncio.Event) -> None:
    """Send events by the hundred as fast as they are answered, on connections that may be closed."""
    while not over.is_set():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while not over.is_set():
                writer.write(hostile.event(EVENT) * _FLOOD)
                for _ in range(_FLOOD):
                    await reader.readuntil(b"\r\n\r\n")
        except (ConnectionError, EOFError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.transport.abort()


def _resident_bytes(house: HouseProcess) -> int:
    assert house._process
    return int(Path(f"/proc/{house._process.pid}/statm").read_text("utf-8").split()[1]) * 4_096


@pytest.mark.parametrize("kind", [*SLOW, *QUICK, LARGE_HEAD])
def test_every_bad_client_is_refused(kind: str, attacked: Attacked) -> None:
    """Each client that is slow, or sends what is too large or no event, is answered 4xx or closed, and soon."""
    met = attacked.met[kind]
    assert met.was_refused, met
    assert met.seconds < PATIENCE


def test_good_clients_go_on(attacked: Attacked) -> None:
    """While all of that goes on, the dashboard is answered every time, and events are counted."""
    good = attacked.good
    assert len(good.pages) > 1
    assert len(good.events) > 20
    assert good.failed_pages == 0
    # A machine that cannot keep up for a moment refuses events first; that is no failure.
    assert good.failed_events < len(good.events) / 10


def test_a_client_without_keep_alive_is_served(attacked: Attacked) -> None:
    """Connections that are opened for one event are answered, and it is counted."""
    assert attacked.met[NO_KEEP_ALIVE].statuses == {202: COUNT}


def test_the_house_does_not_grow_with_its_enemies(attacked: Attacked) -> None:
    """Memory does not grow with what bad clients send."""
    assert attacked.grown_bytes < GROWN_BYTES_MAX
