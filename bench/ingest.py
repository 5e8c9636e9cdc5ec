"""What counting an event costs a server, in processor time, against the floor: over sockets, a pair at a time.

The load generator shares the machine's cores, so requests a second say little; the processor time of the server's
processes says what a request costs, and a ratio taken in the same seconds cancels most of what else goes on.
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench import traffic
from bench.servers import ROOT, Server, floor, folder, house, times

PAIRS: Final = 7
SECONDS: Final = 4
WARM_SECONDS: Final = 1
CONNECTIONS: Final = 64
_MICROSECONDS: Final = 1e6


def send(server: Server, requests: Path, *, seconds: int) -> dict[str, float]:
    """Send as fast as it goes; return how many requests, and in how many microseconds.

    Raises:
        RuntimeError: wrk is not there, or a request was not answered 2xx.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise RuntimeError("wrk is not installed (Debian: apt install wrk)")
    script = ROOT / "bench" / "send.lua"
    command = [
        wrk,
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "-s",
        str(script),
        f"http://127.0.0.1:{server.port}/event",
    ]
    ran = subprocess.run([*command, "--", str(requests)], capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(ran.stdout.strip().rpartition("\n")[2])
    if told["failed"] or told["refused"]:
        raise RuntimeError(f"{told['failed']} requests failed and {told['refused']} were refused")
    return told


def cost(server: Server, requests: Path, *, seconds: int) -> tuple[float, float]:
    """Return the microseconds of processor time that one request costs, and how many came a second."""
    before = server.cpu_seconds()
    told = send(server, requests, seconds=seconds)
    # What was acknowledged is not counted yet: the engine reads it afterwards, and that is a part of the cost.
    server.rest()
    took = (server.cpu_seconds() - before) * _MICROSECONDS
    return took / told["requests"], told["requests"] / told["microseconds"] * _MICROSECONDS


def ratios(*, collectors: int, pairs: int = PAIRS, seconds: int = SECONDS) -> dict[str, list[float]]:
    """Measure a house against the floor, by turns."""
    found: dict[str, list[float]] = {"ratio": [], "house_us": [], "floor_us": [], "house_per_second": []}
    with folder() as at, floor(at) as lowest, house(collectors=collectors) as counting:
        requests = traffic.write(at / "requests.bin")
        for server in (lowest, counting):
            send(server, requests, seconds=WARM_SECONDS)
            server.rest()
        for _ in range(times(pairs)):
            least, _ = cost(lowest, requests, seconds=seconds)
            most, rate = cost(counting, requests, seconds=seconds)
            found["ratio"].append(most / least)
            found["house_us"].append(most)
            found["floor_us"].append(least)
            found["house_per_second"].append(rate)
    return found


def measure() -> dict[str, list[float]]:
    """Measure a house of one process."""
    return ratios(collectors=0)


def with_one_collector() -> dict[str, list[float]]:
    """Measure a house with one ingest process beside it."""
    return ratios(collectors=1)


def with_two_collectors() -> dict[str, list[float]]:
    """Measure a house with two ingest processes beside it."""
    return ratios(collectors=2)
