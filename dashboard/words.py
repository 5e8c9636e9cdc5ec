"""Say things in the reader's language: texts from the catalogues, numbers and dates by locale."""

from collections.abc import Callable, Iterable
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Final, Literal

from babel import Locale
from babel.dates import format_date
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from babel.numbers import format_compact_decimal, format_decimal, format_percent

LANGUAGES: Final = ("nl", "en")
DEFAULT: Final = "nl"
_LOCALES: Final = {"nl": "nl_NL", "en": "en_GB"}
_MINUTE: Final = 60
_SHORT_FROM: Final = 10_000

DayStyle = Literal["day", "weekday", "short", "long", "month", "month_short"]
_PATTERNS: Final[dict[DayStyle, str]] = {
    "day": "d MMM",
    "weekday": "EEE d MMM",
    "short": "d MMM y",
    "long": "EEEE d MMMM y",
    "month": "MMMM y",
    "month_short": "MMM y",
}


class Words:
    """Hold one language.

    Attributes:
        language: `nl` or `en`.
    """

    def __init__(self, language: str, catalog: Catalog) -> None:
        self.language = language
        self.locale = Locale.parse(_LOCALES[language])
        # The empty message is the catalogue's own head, with the minute at which it was read: nothing to be shown.
        self._single = {m.id: m.string for m in catalog if m.id and isinstance(m.id, str) and isinstance(m.string, str)}
        self._plural = {m.id[0]: m.string for m in catalog if isinstance(m.id, (list, tuple)) and m.id}
        self._choose: Callable[[int], int] = lambda number: 0 if number == 1 else 1

    def text(self, message: str, /, **values: object) -> str:
        """Return *message* in this language, `{names}` filled from *values*."""
        found = self._single.get(message) or message
        return found.format(**values) if values else found

    def count(self, one: str, many: str, number: int, /, **values: object) -> str:
        """Return the form of a message that fits *number*, which fills `{n}`."""
        forms = self._plural.get(one) or (one, many)
        return str(forms[self._choose(number)]).format(n=self.number(number), **values)

    def number(self, value: float, digits: int = 0) -> str:
        """Return a number with the locale's separators."""
        return _decimal(value, f"#,##0.{'0' * digits}" if digits else "#,##0", self.locale)

    def percent(self, share: float, digits: int = 0) -> str:
        """Return a share as a percentage."""
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        mark = " %" if self.language == "nl" else "%"
        return str(format_percent(share, format=pattern + mark, locale=self.locale))

    def duration(self, seconds: float) -> str:
        """Return a length of time in minutes and seconds."""
        minutes, rest = divmod(round(seconds), _MINUTE)
        return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"

    def day(self, day: date, style: DayStyle = "day") -> str:
        """Return a date; the weekday goes with `weekday` and `long`."""
        return str(format_date(day, format=_PATTERNS[style], locale=self.locale))

    def span(self, first: date, last: date) -> str:
        """Return a stretch of days, the year once."""
        if first == last:
            return self.day(first, "long")
        if first.year != last.year:
            return f"{self.day(first, 'short')} – {self.day(last, 'short')}"
        return f"{self.day(first)} – {self.day(last, 'short')}"

    def short(self, value: float) -> str:
        """Return a number where there is little room: no decimals, thousands by their mark from ten thousand on."""
        if value < _SHORT_FROM:
            return self.number(value, 1 if 0 < value < 1 else 0)
        return str(format_compact_decimal(value, locale=self.locale))

    def weekdays(self) -> list[str]:
        """Return the days of the week from Monday, in short."""
        return [self.locale.days["format"]["abbreviated"][day] for day in range(7)]

    def country(self, code: str) -> str:
        """Return the name of a country, or *code* where there is none."""
        return str(self.locale.territories.get(code, code))


# A page of evidence has 350 figures, most of them 0: written one by one they took a quarter of its time.
@lru_cache(maxsize=4_096)
def _decimal(value: float, pattern: str, locale: Locale) -> str:
    return str(format_decimal(value, format=pattern, locale=locale))


def load() -> dict[str, Words]:
    """Read both languages from the catalogues that come with the package."""
    return {language: Words(language, catalog(language)) for language in LANGUAGES}


def catalog(language: str) -> Catalog:
    """Return the texts of a language: every `.po` in its folder, one for each part of the dashboard.

    Raises:
        ValueError: Two catalogues hold the same text.
    """
    whole = Catalog(locale=language)
    folder = files("dashboard") / "locale" / language / "LC_MESSAGES"
    for file in sorted((one for one in folder.iterdir() if one.name.endswith(".po")), key=lambda one: one.name):
        with file.open("rb") as opened:
            for message in read_po(opened, locale=language):
                if message.id and message.id in whole:
                    raise ValueError(f"{file.name} has a text that another catalogue has too: {message.id!r}")
                if message.id:
                    whole[message.id] = message
    return whole


def choose(asked: str | None, accepted: str) -> str:
    """Return the language to answer in.

    Args:
        asked: `lang` of the address, which wins.
        accepted: The header `Accept-Language`.
    """
    if asked in LANGUAGES:
        return asked
    return next((language for language in _by_preference(accepted) if language in LANGUAGES), DEFAULT)


def _by_preference(accepted: str) -> Iterable[str]:
    weighted = []
    for place, item in enumerate(accepted.lower().split(",")[:20]):
        name, _, weight = item.partition(";")
        try:
            preference = float(weight.replace("q=", "").strip() or 1)
        except ValueError:
            continue
        weighted.append((-preference, place, name.strip().partition("-")[0]))
    return (name for preference, _, name in sorted(weighted) if preference)
