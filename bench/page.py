"""The overview with every panel, on 25 months of a site of 10,000 visits a day: how soon, how large, how many files."""

import gzip
import re
import time
from datetime import date, timedelta
from http.client import HTTPConnection
from statistics import quantiles
from typing import Final

from bench import past
from bench.servers import House, folder

ASKED: Final = 40
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


def _times(connection: HTTPConnection, path: str) -> list[float]:
    took = []
    for _ in range(ASKED):
        begun = time.perf_counter()
        _get(connection, path)
        took.append((time.perf_counter() - begun) * _MILLISECONDS)
    return took


def measure() -> dict[str, float]:
    """Ask for the page again and again, without and with a filter; add up what it loads."""
    made: dict[str, float] = {}
    with folder() as at:
        past.long_house(at)
        site = past.portal().id
        with House(at) as counting:
            connection = HTTPConnection("127.0.0.1", counting.port)
            first, last = (date.today() - timedelta(back) for back in (past.LONGEST_DAYS, 1))  # noqa: DTZ011 - any
            page = f"/?site={site}&period={first}..{last}"
            for name, query in (("plain", ""), ("filtered", "&filter=device:Phone")):
                took = _times(connection, page + query)
                cuts = quantiles(took, n=20)
                made |= {f"{name}_p50_ms": cuts[9], f"{name}_p95_ms": cuts[18]}
            made["bytes"], made["requests"] = _weight(connection, page)
    return made
