"""Write what differs between two reports as tables for a reader."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from collector.audit.compare import Differences
from dashboard.audit_figures import said
from dashboard.audit_names import FIGURES
from dashboard.audit_places import PLACES
from dashboard.audit_settings import in_words, name_of
from dashboard.audit_words import STATES
from dashboard.metrics import mark
from dashboard.view import harmless
from dashboard.words import Words

HOW: Final = {
    "stricter": mark("stricter"),
    "looser": mark("looser"),
    "other": mark("changed"),
    "changed": mark("changed"),
    "new": mark("new"),
    "gone": mark("gone"),
    "erased": mark("erased"),
}
HEADINGS: Final = {
    "results": (mark("Checks"), (mark("Check"), mark("Was"), mark("Is now"))),
    "settings": (mark("Settings"), (mark("Setting"), mark("Site"), mark("Was"), mark("Is now"), mark("Direction"))),
    "columns": (mark("What is kept"), (mark("Column"), mark("What happened"))),
    "log": (mark("History of settings"), (mark("No."), mark("When"), mark("Site"), mark("By"), mark("What happened"))),
    "evidence": (mark("Evidence"), (mark("Check"), mark("Figure"), mark("Was"), mark("Is now"))),
    "days": (mark("Days"), (mark("Site"), mark("Days added"), mark("First day"), mark("First day before"))),
}
_HOUSE: Final = mark("The whole house")


class Part(msgspec.Struct, frozen=True):
    """Hold one table of differences."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def parts(found: Differences, *, words: Words, when: Callable[[str], str]) -> tuple[Part, ...]:
    """Return every table of differences, those that an auditor has to look at first."""
    rows: dict[str, Sequence[tuple[str, ...]]] = {
        "results": [(one.id, _state(one.old, words), _state(one.new, words)) for one in found.results],
        "settings": [
            (
                name_of(one.name, words),
                one.site or words.text(_HOUSE),
                in_words(one.name, one.old, words) or "–",
                in_words(one.name, one.new, words) or "–",
                words.text(HOW[one.direction]),
            )
            for one in found.settings
        ],
        "columns": [(one.name, words.text(HOW[one.how])) for one in found.columns],
        "log": [
            (
                str(one.seq),
                when(one.made_at),
                one.site or words.text(_HOUSE),
                harmless(one.made_by) or "–",
                words.text(HOW[one.how]),
            )
            for one in found.log
        ],
        "evidence": [
            (one.id, _figure(one.name, words), said(one.old, words)[0], said(one.new, words)[0])
            for one in found.evidence
        ],
        "days": [
            (one.site, words.number(one.added), when(one.first_day) or "–", when(one.was_first_day) or "–")
            for one in found.days
        ],
    }
    return tuple(
        Part(words.text(heading), tuple(map(words.text, columns)), tuple(rows[name]))
        for name, (heading, columns) in HEADINGS.items()
    )


def _state(result: str, words: Words) -> str:
    return words.text(STATES[result or "unseen"])


def _figure(name: str, words: Words) -> str:
    """Return the name of a figure that is dotted from its place on."""
    place, _, rest = name.partition(".")
    named = [words.text(PLACES[place]) if place in PLACES else harmless(place)]
    named += [
        words.text(FIGURES[part]) if part in FIGURES else harmless(part.replace("_", " ")) for part in rest.split(".")
    ]
    return ", ".join(part for part in named if part)
