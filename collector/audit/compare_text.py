"""Say in Dutch and English what differs between two reports."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from collector.audit.compare import Differences
from collector.audit.sayings import Language, Saying

_WORDS: Final[Mapping[str, Saying]] = {
    "title": {"nl": "Van {old} naar {new}", "en": "From {old} to {new}"},
    "version": {"nl": "Versie {old} werd {new}", "en": "Version {old} became {new}"},
    "reversed": {
        "nl": "! Het eerste rapport is het nieuwste: noem het oudste eerst.",
        "en": "! The first report is the newer one: name the older first.",
    },
    "scope": {
        "nl": "! De rapporten gaan niet over dezelfde sites.",
        "en": "! The reports do not look at the same sites.",
    },
    "chain": {
        "nl": "✓ Het logboek van de instellingen gaat verder waar het was: geen oude regel is veranderd.",
        "en": "✓ The settings log goes on where it was: no old entry was changed.",
    },
    "no_chain": {
        "nl": "✗ Het logboek van de instellingen gaat niet verder waar het was: oude regels zijn veranderd of weg.",
        "en": "✗ The settings log does not go on where it was: old entries were changed or are gone.",
    },
    "results": {"nl": "Uitkomsten", "en": "Results"},
    "evidence": {"nl": "Bewijs dat wezenlijk veranderde", "en": "Evidence that changed materially"},
    "settings": {"nl": "Instellingen", "en": "Settings"},
    "columns": {"nl": "Wat er wordt bewaard", "en": "What is kept"},
    "log": {"nl": "Logboek van de instellingen", "en": "Settings log"},
    "days": {"nl": "Bewaarde dagen", "en": "Days that are kept"},
    "nothing": {"nl": "Niets is veranderd.", "en": "Nothing changed."},
    "house": {"nl": "alle sites", "en": "the house"},
    "pass": {"nl": "klopt", "en": "passed"},
    "fail": {"nl": "klopt niet", "en": "failed"},
    "n/a": {"nl": "niets te controleren", "en": "not applicable"},
    "": {"nl": "niet gevraagd", "en": "not asked"},
    "stricter": {"nl": "strenger", "en": "stricter"},
    "looser": {"nl": "RUIMER", "en": "LOOSER"},
    "other": {"nl": "anders", "en": "different"},
    "new": {"nl": "nieuw", "en": "new"},
    "gone": {"nl": "verdwenen", "en": "gone"},
    "changed": {"nl": "andere soort of reden", "en": "another type or reason"},
    "erased": {"nl": "inhoud gewist", "en": "contents erased"},
    "added": {"nl": "{n} dagdelen erbij", "en": "{n} parts of days added"},
    "removed": {"nl": "{n} dagdelen minder", "en": "{n} parts of days less"},
    "same": {"nl": "evenveel dagdelen", "en": "as many parts of days"},
    "moved": {"nl": "eerste dag {old} → {new}", "en": "first day {old} → {new}"},
    "none": {"nl": "geen", "en": "none"},
    "by": {"nl": "door {who}", "en": "by {who}"},
}


def differences_text(found: Differences, *, language: Language) -> str:
    """Return what differs, in lines for people; what an auditor must look at is marked."""

    def word(key: str, **values: object) -> str:
        return _WORDS[key][language].format(**values)

    lines = [word("title", old=found.old_at, new=found.new_at)]
    if found.old_version != found.new_version:
        lines.append(word("version", old=found.old_version, new=found.new_version))
    lines += [
        word(key) for key, is_so in (("reversed", found.is_reversed), ("scope", not found.is_same_scope)) if is_so
    ]
    lines.append(word("chain" if found.is_chain_continued else "no_chain"))
    blocks = _blocks(found, language)
    for key, block in blocks:
        lines += ["", word(key), *(f"  {line}" for line in block)]
    if not blocks:
        lines += ["", word("nothing")]
    return "\n".join(lines)


def _blocks(found: Differences, language: Language) -> Sequence[tuple[str, list[str]]]:
    blocks = {
        "results": list(_results(found, language)),
        "settings": list(_settings(found, language)),
        "columns": [f"{one.name}: {_WORDS[one.how][language]}" for one in found.columns],
        "log": list(_log(found, language)),
        "days": list(_days(found, language)),
        "evidence": [f"{one.id} {one.name}: {_plain(one.old)} → {_plain(one.new)}" for one in found.evidence],
    }
    return [(key, lines) for key, lines in blocks.items() if lines]


def _results(found: Differences, language: Language) -> Iterator[str]:
    for one in found.results:
        mark = {"fail": "✗", "pass": "✓"}.get(one.new, "–")
        yield f"{mark} {one.id}: {_WORDS[one.old][language]} → {_WORDS[one.new][language]}"


def _settings(found: Differences, language: Language) -> Iterator[str]:
    none = _WORDS["none"][language]
    for one in found.settings:
        where = one.site or _WORDS["house"][language]
        yield f"{where} {one.name}: {one.old or none} → {one.new or none} ({_WORDS[one.direction][language]})"


def _log(found: Differences, language: Language) -> Iterator[str]:
    for one in found.log:
        who = f" {_WORDS['by'][language].format(who=one.made_by)}" if one.made_by else ""
        where = one.site or _WORDS["house"][language]
        yield f"{one.seq}. {one.made_at[:10]} {where}{who}: {_WORDS[one.how][language]}"


def _days(found: Differences, language: Language) -> Iterator[str]:
    none = _WORDS["none"][language]
    for one in found.days:
        key = "added" if one.added > 0 else "removed" if one.added < 0 else "same"
        parts = [_WORDS[key][language].format(n=abs(one.added))]
        if one.was_first_day and one.was_first_day != one.first_day:
            parts.append(_WORDS["moved"][language].format(old=one.was_first_day, new=one.first_day or none))
        yield f"{one.site}: {', '.join(parts)}"


def _plain(value: Any) -> str:
    return "–" if value is None else str(value)
