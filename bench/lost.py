"""Whether what was acknowledged is counted, and once: the house is killed at random moments while requests come in."""

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from random import Random
from typing import Final

from bench import traffic
from bench.servers import ROOT, House, environment, folder, prepare, site, times

KILLS: Final = 30
SENDERS: Final = 4
LOAD_SECONDS: Final = (0.05, 0.6)
_TIMEOUT_SECONDS: Final = 10.0
#: All of the load goes to one site.
_UNLIMITED: Final = "[limits]\nsite_events_per_second = 1000000"


class _Sender(threading.Thread):
    """Send one request after another until the house is gone."""

    def __init__(self, port: int, requests: list[bytes], stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self.acknowledged = 0
        self._port = port
        self._requests = requests
        self._stop_asked = stop

    def run(self) -> None:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=_TIMEOUT_SECONDS) as connection:
                while not self._stop_asked.is_set():
                    self.sent += 1
                    connection.sendall(self._requests[self.sent % len(self._requests)])
                    if not connection.recv(4_096).startswith(b"HTTP/1.1 202 "):
                        return
                    self.acknowledged += 1
        except OSError:
            return


def _requests() -> list[bytes]:
    """Return requests that all go to one site, so that one total tells how many were counted."""
    made = []
    for address, agent, body in traffic.events(2_000):
        told = json.loads(body)
        told |= {"s": traffic.site_id(0), "u": told["u"].replace(told["u"].split("/")[2], traffic.host(0))}
        made.append(traffic.request(address, agent, json.dumps(told).encode()))
    return made


def killed(*, kills: int = KILLS, collectors: int = 0) -> dict[str, float]:
    """Kill a house so many times under load; compare what it acknowledged with what it counted."""
    rng, requests = Random(20261124), _requests()
    sent = acknowledged = 0
    with folder() as at:
        prepare(at, [site(0)])
        counting = House(at, collectors=collectors, more=_UNLIMITED)
        for _ in range(kills):
            counting.start()
            counting.wait()
            stop = threading.Event()
            senders = [_Sender(counting.port, requests, stop) for _ in range(SENDERS)]
            for sender in senders:
                sender.start()
            stop.wait(rng.uniform(*LOAD_SECONDS))
            counting.kill()
            stop.set()
            for sender in senders:
                sender.join(_TIMEOUT_SECONDS)
            sent += sum(sender.sent for sender in senders)
            acknowledged += sum(sender.acknowledged for sender in senders)
        counted = _counted(at)
    return {
        "kills": kills,
        "acknowledged": acknowledged,
        "lost": max(0, acknowledged - counted),
        # Of those that nobody answered any may have been counted, each of them once.
        "counted_twice": max(0, counted - sent),
    }


def _counted(at: Path) -> int:
    """Close the day and return the pageviews of its total."""
    _turven(at, "close")
    rows = json.loads(_turven(at, "export", "--site", traffic.site_id(0), "--format", "json"))
    return sum(row["pageviews"] for row in rows if row["dimension"] == "total" and not row["filter_dimension"])


def _turven(at: Path, *words: str) -> str:
    command = [sys.executable, "-m", "turven", "--config", str(at / "turven.toml"), *words]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=True).stdout


def measure() -> dict[str, float]:
    """Kill a house of one process."""
    return killed(kills=times(KILLS))
