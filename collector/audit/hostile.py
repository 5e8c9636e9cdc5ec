"""Make days on which a small group is easy to give away: tiny sites, one busy visitor, lists inside lists.

Half of the days are made of crowds: people of one crowd do all the same, and crowds have the sizes that a threshold is
weakest at, so that the sets behind two figures differ by one crowd of fewer than k.
"""

from random import Random
from typing import Final, TypedDict

import msgspec

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
_SOURCES: Final = (
    ("(direct)", "direct"),
    ("Google", "search"),
    ("Bing", "search"),
    ("elo.example", "referral"),
    ("mail.example", "referral"),
)
_PAGES: Final = ("/", "/rooster", "/toets/1", "/toets/2", "/klas/3a", "/klas/3b/foto")
_SHAPES: Final = ("tiny", "below_k", "equal", "one_hidden", "nearly_all", "busy", "nested", "evening")
#: Shares of visitors in the country, of later views that report an event, of views of the same page.
_HERE: Final = 0.9
_REPORTING: Final = 0.2
_NEARLY: Final = 0.93
#: How often a crowd is unlike the first one in one respect, and how often its people come a second time.
_UNLIKE: Final = 0.3
_RETURNING: Final = 0.15
_LATER_SECONDS: Final = 2 * 3600


class Happening(TypedDict):
    """Describe one event of a made-up visitor.

    `visitor` tells visitors apart, `second` is of the local day, `enters` begins a visit, `name` is of an event that
    follows the pageview (empty for none) and `stated` what it states of itself, `milliseconds` is engagement with the
    page, reported after it.
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
    enters: bool
    name: str
    stated: str
    milliseconds: int


class _Crowd(msgspec.Struct, frozen=True):
    """Say what everybody of a crowd does."""

    client: tuple[str, str, str]
    source: tuple[str, str]
    country: str
    pages: tuple[str, ...]
    hour: int
    name: str
    stated: str
    milliseconds: int
    later: tuple[str, str] | None


def generate_hostile_day(seed: int, *, k: int) -> list[Happening]:
    """Return a day made to give a group of fewer than *k* away; the same for the same *seed*.

    Odd seeds make a day of crowds, even ones one of eight other shapes in turn.
    """
    draw = Random(seed)  # noqa: S311 - a made-up day, repeatable
    if seed % 2:
        return _crowds(draw, k=k)
    shape = _SHAPES[seed // 2 % len(_SHAPES)]
    happened: list[Happening] = []
    for visitor in range(_visitors(shape, draw, k=k)):
        browser, system, device = _client(shape, draw, visitor, k=k)
        source, channel = _SOURCES[_place(shape, draw, visitor, 4, k=k)]
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
                enters=not view,
                name="Oefening klaar" if view and draw.random() < _REPORTING else "",
                stated="",
                milliseconds=draw.randrange(60_000) * (50 if shape == "busy" and not visitor else 1),
            )
            for view in range(_views(shape, draw, visitor))
        )
    return happened


def _crowds(draw: Random, *, k: int) -> list[Happening]:
    """Return a day of three to nine crowds, most of them like the first in most respects."""
    sizes = (1, 2, k - 1, k, k + 1, 2 * k - 1, 2 * k, 3 * k)
    first = _crowd(draw)
    crowds = [(first, draw.choice((2 * k, 3 * k, 4 * k)))]
    for _ in range(draw.randint(2, 8)):
        other = _crowd(draw)
        unlike = {name: getattr(other, name) for name in other.__struct_fields__ if draw.random() < _UNLIKE}
        crowds.append((msgspec.structs.replace(first, **unlike), draw.choice(sizes)))
    happened: list[Happening] = []
    visitor = 0
    for crowd, size in crowds:
        for visitor in range(visitor, visitor + size):  # noqa: B020 - numbered on from the crowd before
            happened.extend(_member(crowd, visitor, draw))
        visitor += 1
    return happened


def _crowd(draw: Random) -> _Crowd:
    name = draw.choice(("", "", "Oefening klaar", "Download"))
    return _Crowd(
        client=draw.choice(_CLIENTS),
        source=draw.choice(_SOURCES),
        country=draw.choice(("NL", "NL", "BE", "DE")),
        pages=tuple(draw.choices(_PAGES, k=draw.choice((1, 1, 2, 3)))),
        hour=draw.choice((8, 9, 13)),
        name=name,
        stated=draw.choice(("", "1", "2")) if name else "",
        milliseconds=draw.choice((0, 20_000, 90_000)),
        later=draw.choice(_SOURCES) if draw.random() < _RETURNING else None,
    )


def _member(crowd: _Crowd, visitor: int, draw: Random) -> list[Happening]:
    visits = [(crowd.source, 0), *([(crowd.later, _LATER_SECONDS)] if crowd.later else [])]
    browser, system, device = crowd.client
    return [
        Happening(
            visitor=visitor,
            second=crowd.hour * 3600 + later + step * 10 + draw.randrange(10),
            page=page,
            source=source,
            channel=channel,
            browser=browser,
            os=system,
            device=device,
            country=crowd.country,
            enters=not step,
            name=crowd.name if not step else "",
            stated=crowd.stated if not step else "",
            milliseconds=crowd.milliseconds,
        )
        for (source, channel), later in visits
        for step, page in enumerate(crowd.pages)
    ]


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
