"""While the day of one site closes, events of others are taken in."""

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.agents import CHROME
from tests.metrics import read_figures
from tests.process import ROOT, HouseProcess, environment
from tests.procs.houses import wait_until

VISITORS, PAGES = 500, 20
AT_ONCE = 25


def test_a_long_close_refuses_no_event_of_another_site(tmp_path: Path) -> None:
    """While a site with thousands of events closes, each of another is acknowledged before it ends, and counted."""
    with HouseProcess(tmp_path, settings="[limits]\nsite_events_per_second = 100000\n") as house:
        house.add_school()
        house.turven(
            "site", "add", "other", "--host", "other.example", "--controller", "B", "--agreement", "2",
            "--agreed-on", "2026-08-01", "--on", "--identity", "network",
        )  # fmt: skip
        _feed(house.port)
        wait_until(lambda: _figures(house)["turven_events_total"] >= VISITORS * PAGES)
        # In a process of its own, as an operator does it.
        closing = threading.Thread(
            target=subprocess.run,
            args=([sys.executable, "-m", "turven", "--config", str(house.config), "close", "--site", "school"],),
            kwargs={"cwd": ROOT, "env": environment(), "check": True},
        )
        closing.start()
        sent, longest = 0, 0.0
        while closing.is_alive():
            begun = time.monotonic()
            assert house.send(visitor=sent % 40, site="other") == 202
            sent, longest = sent + 1, max(longest, time.monotonic() - begun)
        # A close that held the door would have kept an event waiting as long as it took.
        assert 0 < longest < _figures(house)["turven_last_close_seconds"], sent
        assert sum(row["pageviews"] for row in house.cells("total")) == VISITORS * PAGES
        house.turven("close", "--site", "other")
        assert sum(row["pageviews"] for row in house.cells("total", site="other")) == sent
        assert _figures(house).get('turven_dropped_total{reason="overload"}', 0.0) == 0.0


def _figures(house: HouseProcess) -> dict[str, float]:
    return read_figures(house.request("GET", "/metrics")[2])


def _feed(port: int) -> None:
    """Send the events of a busy site, many at a time."""
    posts = [_post(visitor, page) for page in range(PAGES) for visitor in range(VISITORS)]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, connection.makefile("rb") as answers:
        for start in range(0, len(posts), AT_ONCE):
            batch = posts[start : start + AT_ONCE]
            connection.sendall(b"".join(batch))
            for _ in batch:
                assert answers.readline().startswith(b"HTTP/1.1 202")
                while answers.readline().strip():
                    pass


def _post(visitor: int, page: int) -> bytes:
    # Pages in a number of sections, so that pairs of breakdowns have much to fold.
    path = f"/{visitor % 7}/{(visitor * 7 + page * page) % 83}/{page}"
    referrer = f"https://{(visitor + page) % 29}.example/"
    body = json.dumps({"s": "school", "n": "pageview", "u": path, "r": referrer, "w": visitor % 4}).encode()
    head = (
        f"POST /event HTTP/1.1\r\nHost: h\r\nUser-Agent: {CHROME}\r\n"
        f"X-Forwarded-For: 10.{visitor >> 8}.{visitor & 255}.9\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
