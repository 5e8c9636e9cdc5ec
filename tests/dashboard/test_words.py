"""Are both languages whole?"""

import re

import pytest

from dashboard.words import LANGUAGES, catalog, choose, load
from tests.dashboard.messages import written

NAMES = re.compile(r"\{\w+\}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_used(language: str) -> None:
    """A catalogue has every text of the pages, none that is not used, none that is empty or in doubt."""
    held = {message.id if isinstance(message.id, str) else tuple(message.id): message for message in catalog(language)}
    held.pop("", None)
    assert set(held) == written()
    for message in held.values():
        assert not message.fuzzy
        assert all(message.string if isinstance(message.string, (tuple, list)) else [message.string])


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_name_what_the_text_names(language: str) -> None:
    """A translation has the same gaps to fill as its text."""
    for message in catalog(language):
        ids = message.id if isinstance(message.id, (tuple, list)) else [message.id]
        strings = message.string if isinstance(message.string, (tuple, list)) else [message.string]
        for one, other in zip(ids, strings, strict=True):
            assert sorted(NAMES.findall(one)) == sorted(NAMES.findall(str(other))), message.id


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        (None, "", "nl"),
        (None, "en-GB,en;q=0.9,nl;q=0.8", "en"),
        (None, "fr,nl;q=0.5,en;q=0.4", "nl"),
        (None, "de", "nl"),
        (None, "en;q=0, nl", "nl"),
        (None, "en;q=x", "nl"),
        ("en", "nl", "en"),
        ("xx", "en", "en"),
    ],
)
def test_the_reader_chooses_the_language(asked: str | None, accepted: str, language: str) -> None:
    """The address wins, then what the browser prefers, then Dutch."""
    assert choose(asked, accepted) == language


def test_numbers_and_lengths_are_written_as_usual_here() -> None:
    """Numbers, shares and lengths of time follow the language."""
    dutch, english = load()["nl"], load()["en"]
    assert (dutch.number(1234.56, 1), english.number(1234.56, 1)) == ("1.234,6", "1,234.6")
    assert (dutch.percent(0.05).replace("\xa0", " "), english.percent(0.05)) == ("5 %", "5%")
    assert dutch.duration(65) == "1 min 05 s"


def test_nothing_said_is_nothing_shown() -> None:
    """An empty text stays empty: the head of a catalogue, which stands under it, is no text of a page."""
    assert {words.text("") for words in load().values()} == {""}
