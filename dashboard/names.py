"""What dimensions, and what can never be switched on, are called in Dutch and English; by the words of the settings."""

from collections.abc import Iterable, Mapping
from typing import Final

_NL: Final = {
    "total": "totaal",
    "hour": "uur",
    "page": "pagina",
    "entry_page": "eerste pagina van een bezoek",
    "exit_page": "laatste pagina van een bezoek",
    "source": "bron",
    "channel": "kanaal",
    "campaign": "campagne",
    "browser": "browser",
    "browser_major": "hoofdversie van de browser",
    "os": "systeem",
    "device": "soort apparaat",
    "viewport": "breedte van het venster",
    "country": "land",
    "language": "taal",
    "event": "gebeurtenis",
    "property": "kenmerk van een gebeurtenis",
    "scroll": "hoe ver een pagina is gelezen",
    "goal": "doel",
    "group": "groep van pagina's",
    "funnel_step": "stap van een trechter",
    "next_page": "volgende pagina",
    "city": "plaats",
    "region": "regio",
    "query string": "zoekdeel van een adres",
    "fragment that is no route": "fragment dat geen route is",
    "page title": "titel van een pagina",
    "user id": "kenmerk van een gebruiker",
    "click ids": "klik-id's",
    "full user agent": "volledige user agent",
    "full referrer": "volledig adres van de vorige pagina",
    "session replay": "opname van een bezoek",
}
#: Names by the tag of a language.
NAMES: Final[Mapping[str, Mapping[str, str]]] = {"nl": _NL, "en": {word: word.replace("_", " ") for word in _NL}}
_AND: Final = {"nl": "en", "en": "and"}


def listed(names: Iterable[str], *, tag: str) -> str:
    """Write names one after another: `a, b and c`."""
    *others, last = names
    return f"{', '.join(others)} {_AND[tag]} {last}" if others else last


def named(words: Iterable[str], *, tag: str) -> str:
    """Write what *words* are called, one after another; empty for none."""
    names = [NAMES[tag][word] for word in words]
    return listed(names, tag=tag) if names else ""
