"""The dashboard of 500 sites over 25 months, one of them with 110 M pageviews: how soon, how large, how many files.

Each page is asked for twice: *first*, each time for a period that was not asked for before, so that nothing of it is
remembered; and *again*, as a reader does who switches the figure of the chart or comes back.
"""

import gzip
import re
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from http.client import HTTPConnection
from statistics import quantiles
from typing import Final

from bench import many, past
from bench.servers import House, folder, times
from collector.clock import SystemClock, local_day

ASKED: Final = 20
_MILLISECONDS: Final = 1_000
#: What a page makes a browser fetch.
_FETCHED: Final = re.compile(r'<(?:link|script|img|source)\b[^>]*?\b(?:href|src)="([^"#]+)"[^>]*>')
_NOT_FETCHED: Final = ('rel="alternate"', 'rel="canonical"')


def _get(connection: HTTPConnection, path: str) -> tuple[bytes, int]:
    """Return what a path answers, and how many bytes its body takes on the way."""
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path} answered {answer.status}")
    is_packed = answer.getheader("Content-Encoding") == "gzip"
    return gzip.decompress(body) if is_packed else body, len(body)


def _weight(connection: HTTPConnection, path: str) -> tuple[int, int]:
    """Return bytes and requests of a page, with everything that it makes a browser fetch."""
    page, size = _get(connection, path)
    tags = [found for found in _FETCHED.finditer(page.decode()) if not any(no in found[0] for no in _NOT_FETCHED)]
    fetched = {found[1] for found in tags if not found[1].startswith("data:")}
    sizes = [_get(connection, each)[1] for each in sorted(fetched)]
    return size + sum(sizes), 1 + len(sizes)


def _times(connection: HTTPConnection, paths: Sequence[str]) -> list[float]:
    took = []
    for path in paths:
        begun = time.perf_counter()
        _get(connection, path)
        took.append((time.perf_counter() - begun) * _MILLISECONDS)
    return took


def _pages(today: date) -> dict[str, Callable[[int], str]]:
    """Return the address of each page, for a period that is another one for each number."""

    def long(back: int) -> str:
        return f"period={today - timedelta(past.LONGEST_DAYS - back)}..{today - timedelta(1)}"

    def short(back: int) -> str:
        return f"period={today - timedelta(28 + back)}..{today - timedelta(1 + back)}"

    return {
        "plain": lambda n: f"/?site={many.PORTAL}&{long(n)}",
        "filtered": lambda n: f"/?site={many.PORTAL}&{long(n)}&filter=device:Phone",
        "school": lambda n: f"/?site={many.SCHOOL}&{long(n)}",
        "sites": lambda n: f"/sites?{short(n)}",
        "together": lambda n: f"/?collection=all&{short(n)}",
    }


def measure() -> dict[str, float]:
    """Ask for each page for the first time, and again; add up what the overview loads."""
    made: dict[str, float] = {}
    asked = times(ASKED)
    today = local_day(SystemClock().now(), many.sites()[0].timezone)
    with folder() as at:
        many.long_house(at)
        with House(at) as counting:
            connection = HTTPConnection("127.0.0.1", counting.port)
            for name, address in _pages(today).items():
                # The first page of a process reads templates and words.
                _get(connection, address(asked))
                for kind, paths in (("first", map(address, range(asked))), ("again", [address(0)] * asked)):
                    cuts = quantiles(_times(connection, list(paths)), n=20)
                    made |= {f"{name}_{kind}_p50_ms": cuts[9], f"{name}_{kind}_p95_ms": cuts[18]}
            made["bytes"], made["requests"] = _weight(connection, _pages(today)["plain"](0))
    return made
