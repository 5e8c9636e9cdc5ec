"""Requests as browsers send them, made beforehand and always the same, so that sending them costs nothing but sending.

Agents by their weight on real sites (agents.tsv: a count per 10,000 visits), 3,000 addresses of which 10 % IPv6 in the
header of a trusted proxy, 300 sites, 2,000 pages.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random
from typing import Final

import msgspec

AGENTS_FILE: Final = Path(__file__).with_name("agents.tsv")
SITES: Final = 300
PAGES: Final = 2_000
ADDRESSES: Final = 3_000
#: One in so many addresses is IPv6.
IPV6_EVERY: Final = 10
REQUESTS: Final = 20_000
#: Stands between two requests of a file; a request holds none.
SEPARATOR: Final = b"\0"
_SEED: Final = 20261124
_SOURCES: Final = {
    "": 46,
    "https://www.google.com/": 20,
    "https://teams.microsoft.com/": 8,
    "https://itslearning.com/": 6,
    "https://www.bing.com/": 4,
    "https://chatgpt.com/": 3,
    "https://duckduckgo.com/": 1,
}
#: First numbers of networks that Dutch providers have.
_FIRST: Final = (31, 62, 77, 80, 83, 145, 188, 212)
_SYLLABLES: Final = ("ba", "de", "fi", "go", "ku", "la", "me", "ni", "po", "ru", "sa", "te", "vi", "wo", "ze")
_SECTIONS: Final = ("nieuws", "vakken", "rooster", "agenda", "hulp", "toetsen", "boeken", "projecten")
_MOBILE: Final = ("Mobile", "iPhone", "Android")


class Agents:
    """Draw user agents by their weight."""

    def __init__(self) -> None:
        rows = [line.split("\t") for line in AGENTS_FILE.read_text("utf-8").splitlines()]
        self._agents = [agent for _, agent in rows]
        self._weights = [int(weight) for weight, _ in rows]

    def pick(self, rng: Random, count: int) -> list[str]:
        """Return *count* user agents."""
        return rng.choices(self._agents, self._weights, k=count)


def site_id(number: int) -> str:
    """Return the id of a site, numbered from 0."""
    return f"site-{number:03}"


def host(number: int) -> str:
    """Return the host of a site's pages."""
    return f"www.site{number:03}.example"


def pages(count: int = PAGES) -> list[str]:
    """Return so many paths, each of words and none like an identifier."""
    names = ("".join(parts) for parts in product(_SYLLABLES, repeat=4))
    return ["/", *(f"/{section}/{name}" for name, section in zip(names, _SECTIONS * count, strict=False))][:count]


def page_weights(count: int) -> list[float]:
    """Return how often the pages are seen: the second half as often as the first, the third a third as often."""
    return [1 / rank for rank in range(1, count + 1)]


def addresses(rng: Random) -> list[str]:
    """Return addresses as a proxy names them."""
    return [_ipv6(rng) if number % IPV6_EVERY == 0 else _ipv4(rng) for number in range(ADDRESSES)]


def _ipv4(rng: Random) -> str:
    return ".".join(map(str, (rng.choice(_FIRST), rng.randrange(256), rng.randrange(256), rng.randrange(1, 255))))


def _ipv6(rng: Random) -> str:
    return f"2a02:a{rng.randrange(0x400, 0x500):x}:{rng.randrange(65_536):x}:1::{rng.randrange(1, 65_536):x}"


def events(count: int = REQUESTS) -> Iterator[tuple[str, str, bytes]]:
    """Yield address, user agent and body of pageviews."""
    rng = Random(_SEED)
    agents = Agents().pick(rng, count)
    seen = rng.choices(pages(), page_weights(PAGES), k=count)
    sources = rng.choices(list(_SOURCES), list(_SOURCES.values()), k=count)
    clients = addresses(rng)
    for agent, page, source in zip(agents, seen, sources, strict=True):
        number = rng.randrange(SITES)
        has_touch = int(any(word in agent for word in _MOBILE))
        body = {
            "s": site_id(number),
            "n": "pageview",
            "u": f"https://{host(number)}{page}",
            "w": 0 if has_touch else rng.randrange(1, 4),
            "t": has_touch,
        }
        if source:
            body |= {"r": source, "e": 1}
        yield rng.choice(clients), agent, msgspec.json.encode(body)


def request(address: str, agent: str, body: bytes, *, referrer: str = "https://www.school.example") -> bytes:
    """Return the bytes of one request, with the headers that a browser and a proxy send."""
    is_mobile = any(word in agent for word in _MOBILE)
    lines = (
        "POST /event HTTP/1.1",
        "Host: tel.product.example",
        f"X-Forwarded-For: {address}",
        "X-Forwarded-Proto: https",
        f"Content-Length: {len(body)}",
        'sec-ch-ua: "Chromium";v="145", "Not:A-Brand";v="99"',
        f"sec-ch-ua-mobile: ?{int(is_mobile)}",
        'sec-ch-ua-platform: "macOS"',
        f"User-Agent: {agent}",
        "Content-Type: text/plain;charset=UTF-8",
        "Accept: */*",
        f"Origin: {referrer}",
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Mode: cors",
        "Sec-Fetch-Dest: empty",
        "Accept-Encoding: gzip, deflate, br, zstd",
        "Accept-Language: nl-NL,nl;q=0.9,en;q=0.8",
    )
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def requests(count: int = REQUESTS) -> list[bytes]:
    """Return so many requests, each of its own kind."""
    return [request(address, agent, body) for address, agent, body in events(count)]


def write(path: Path, count: int = REQUESTS) -> Path:
    """Write a file of requests for `send.lua`."""
    path.write_bytes(SEPARATOR.join(requests(count)))
    return path
