"""Make days on which a small group is easy to give away: tiny sites, one busy visitor, lists inside lists."""

from random import Random
from typing import Final, TypedDict

#: Browser, system and device of which some lie inside others.
_CLIENTS: Final = (
    ("Safari", "iOS", "Phone"),
    ("Safari", "iPadOS", "Tablet"),
    ("Safari", "macOS", "Desktop"),
    ("Chrome", "ChromeOS", "Desktop"),
    ("Chrome", "Android", "Phone"),
    ("Chrome", "Windows", "Desktop"),
    ("Firefox", "Windows", "Desktop"),
)
_SOURCES: Final = (("(direct)", "direct"), ("Google", "search"), ("Bing", "search"), ("elo.example", "referral"))
_PAGES: Final = ("/", "/rooster", "/toets/1", "/toets/2", "/klas/3a", "/klas/3b/foto")
_SHAPES: Final = ("tiny", "below_k", "equal", "one_hidden", "nearly_all", "busy", "nested", "evening")
#: Shares of visitors in the country, of later views that report an event, of views of the same page.
_HERE: Final = 0.9
_REPORTING: Final = 0.2
_NEARLY: Final = 0.93


class Happening(TypedDict):
    """Describe one event of a made-up visitor.

    `visitor` tells visitors apart, `second` is of the local day, `name` is empty for a pageview, `milliseconds` is
    engagement with the page, reported after it.
    """

    visitor: int
    second: int
    page: str
    source: str
    channel: str
    browser: str
    os: str
    device: str
    country: str
    name: str
    milliseconds: int


def generate_hostile_day(seed: int, *, k: int) -> list[Happening]:
    """Return a day made to give a group of fewer than *k* away; the same for the same *seed*, eight shapes in turn."""
    draw = Random(seed)  # noqa: S311 - a made-up day, repeatable
    shape = _SHAPES[seed % len(_SHAPES)]
    happened: list[Happening] = []
    for visitor in range(_visitors(shape, draw, k=k)):
        browser, system, device = _client(shape, draw, visitor, k=k)
        source, channel = _SOURCES[_place(shape, draw, visitor, len(_SOURCES), k=k)]
        hour = draw.choice((8, 9, 10)) if shape != "evening" or visitor >= k - 1 else 23
        happened.extend(
            Happening(
                visitor=visitor,
                second=hour * 3600 + view * 10 + draw.randrange(10),
                page=_PAGES[_place(shape, draw, visitor + view, len(_PAGES), k=k)],
                source=source,
                channel=channel,
                browser=browser,
                os=system,
                device=device,
                country="NL" if draw.random() < _HERE else "BE",
                name="Oefening klaar" if view and draw.random() < _REPORTING else "",
                milliseconds=draw.randrange(60_000) * (50 if shape == "busy" and not visitor else 1),
            )
            for view in range(_views(shape, draw, visitor))
        )
    return happened


def _visitors(shape: str, draw: Random, *, k: int) -> int:
    """Return how many come: around k, where groups are hard to hide."""
    if shape == "below_k":
        return k - 1
    return draw.randint(k, 2 * k) if shape == "tiny" else draw.randint(2 * k, 6 * k)


def _views(shape: str, draw: Random, visitor: int) -> int:
    if shape == "busy" and visitor == 0:
        return 200
    return 1 if shape in {"equal", "nested"} else draw.choice((1, 1, 2, 3, 5))


def _client(shape: str, draw: Random, visitor: int, *, k: int) -> tuple[str, str, str]:
    if shape == "nested":
        # All Safari but a few is iOS.
        return _CLIENTS[0] if visitor < k + 2 else _CLIENTS[2] if visitor < 2 * k - 1 else _CLIENTS[3]
    return draw.choices(_CLIENTS, weights=(5, 1, 1, 6, 3, 4, 1))[0]


def _place(shape: str, draw: Random, number: int, places: int, *, k: int) -> int:
    """Return which of *places* a visit or view goes to."""
    if shape == "equal":
        return number % places
    if shape == "one_hidden":
        return 0 if number >= k - 1 else 1
    if shape == "nearly_all":
        return 0 if draw.random() < _NEARLY else draw.randrange(places)
    return min(int(draw.expovariate(0.9)), places - 1)
