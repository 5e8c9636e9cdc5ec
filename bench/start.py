"""How long a house takes from its command to its first 202, with an empty history and with one of 25 months.

What Python compiled of it lies there, as it does after an installation. A house that starts reads its settings, opens
the history, makes or reads its keys, and listens; the first user agent is read from cold.
"""

import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench import past, traffic
from bench.servers import START_SECONDS_MAX, House, folder, prepare, times

STARTS: Final = 7
_LOOK_SECONDS: Final = 0.002


def seconds_to_first(counting: House, request: bytes) -> float:
    """Start a house and return the seconds until it has acknowledged an event.

    Raises:
        RuntimeError: It did not.
    """
    begun = time.perf_counter()
    counting.start()
    while (took := time.perf_counter() - begun) < START_SECONDS_MAX:
        with suppress(OSError), socket.create_connection(("127.0.0.1", counting.port)) as connection:
            connection.sendall(request)
            if connection.recv(4_096).startswith(b"HTTP/1.1 202 "):
                return time.perf_counter() - begun
        time.sleep(_LOOK_SECONDS)
    raise RuntimeError(f"no event was acknowledged in {took:.0f} s")


def starts(at: Path, *, count: int = STARTS) -> list[tuple[float, float]]:
    """Start the house in *at* again and again; return seconds by the clock and of the processor each time.

    The first time, which compiles, does not count.
    """
    address, agent, _ = next(traffic.events(1))
    body = f'{{"s":"{past.portal().id}","n":"pageview","u":"/","i":"0.5"}}'.encode()
    request = traffic.request(address, agent, body)
    took = []
    for _ in range(times(count) + 1):
        counting = House(at)
        seconds = seconds_to_first(counting, request)
        took.append((seconds, counting.cpu_seconds()))
        counting.stop()
    return took[1:]


def measure() -> dict[str, list[float]]:
    """Start an empty house and one with 25 months of history."""
    with folder() as empty, folder() as full:
        prepare(empty, [past.portal()])
        past.long_house(full)
        found = {"empty": starts(empty), "full": starts(full)}
    return {
        f"{name}_{kind}": [one[place] for one in took]
        for name, took in found.items()
        for place, kind in enumerate(("s", "cpu_s"))
    }
