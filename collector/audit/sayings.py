"""Say in Dutch and English what a check of evidence and a comparison of reports found. A beginner reads it."""

from collections.abc import Mapping
from typing import Final, Literal

from collector.audit.verify import Verified

Language = Literal["nl", "en"]
Saying = Mapping[Language, str]

#: What does not fit, by the code of a `Deviation`.
SAYINGS: Final[Mapping[str, Saying]] = {
    "beside": {
        "nl": "dit bestand hoort er niet bij, of staat er twee keer",
        "en": "this file does not belong here, or stands here twice",
    },
    "missing": {"nl": "dit bestand ontbreekt", "en": "this file is missing"},
    "sum": {"nl": "dit bestand is veranderd: de som klopt niet", "en": "this file was changed: its sum does not fit"},
    "unlisted": {"nl": "van dit bestand staat er geen som", "en": "no sum is listed for this file"},
    "sum_line": {
        "nl": "deze regel is geen som van één bestand",
        "en": "this line is not the sum of one file",
    },
    "container": {
        "nl": "de ZIP is opnieuw ingepakt, of bevat iets naast de bestanden: vraag het origineel",
        "en": "the ZIP was packed again, or holds something beside its files: ask for the original",
    },
    "unreadable": {"nl": "dit is niet te lezen als bewijs", "en": "this cannot be read as evidence"},
    "form": {
        "nl": "dit is anders opgeschreven dan het programma doet",
        "en": "this is not written as the program does",
    },
    "finding": {
        "nl": "deze uitkomst hoort niet bij dit rapport, of spreekt het tegen",
        "en": "this finding is not of this report, or contradicts it",
    },
    "verdict": {
        "nl": "dit oordeel volgt niet uit de uitkomsten",
        "en": "this verdict does not follow from the findings",
    },
    "settings": {
        "nl": "de vingerafdruk hoort niet bij de geldende instellingen",
        "en": "the fingerprint is not that of the settings in force",
    },
    "line": {
        "nl": "deze instelling spreekt de geldende instellingen of het logboek tegen",
        "en": "this setting contradicts the settings in force or the log",
    },
    "log": {
        "nl": "deze regel van het logboek is in het rapport een andere",
        "en": "this entry of the log is another one in the report",
    },
    "chain": {
        "nl": "bij deze regel past de keten van het logboek niet zoals het rapport zegt",
        "en": "at this entry the chain of the log does not fit as the report says",
    },
    "head": {
        "nl": "dit is niet de hash van de nieuwste regel van het logboek",
        "en": "this is not the hash of the newest entry of the log",
    },
    "inventory": {
        "nl": "deze regel is in het rapport een andere",
        "en": "this line is another one in the report",
    },
    "schema": {
        "nl": "deze kolom is in de inventaris een andere dan in schema.sql",
        "en": "this column is another one in the inventory than in schema.sql",
    },
    "program": {
        "nl": "dit is niet het bestand van deze versie van het programma",
        "en": "this is not the file of this version of the program",
    },
    "page": {
        "nl": "deze pagina is niet die welke uit report.json wordt gemaakt",
        "en": "this page is not the one that is made from report.json",
    },
}
_WHOLE: Final[Saying] = {
    "nl": "✓ Dit bewijs is heel: {files} bestanden, en alles klopt met elkaar.",
    "en": "✓ This evidence is whole: {files} files, and all of it agrees.",
}
_ALTERED: Final[Saying] = {
    "nl": "✗ Dit bewijs is niet heel: {n} afwijkingen.",
    "en": "✗ This evidence is not whole: {n} deviations.",
}
_FAILED: Final[Saying] = {
    "nl": "Let op: volgens het rapport zelf klopt dit aantal controles niet: {n}.",
    "en": "Note: by the report itself {n} safeguards failed.",
}
_NOT_COMPARED: Final[Saying] = {
    "nl": "De pagina's zijn niet opnieuw gemaakt: het rapport is van een andere versie. Lees dan report.json.",
    "en": "The pages were not made anew: the report is of another version. Read report.json instead.",
}
_NOTE: Final[Saying] = {
    "nl": (
        "Vergelijk deze twee met wat u zelf hebt genoteerd; wie alles herschrijft, kan de sommen ook opnieuw maken:\n"
        "  SHA-256 van de ZIP       {sha256}\n"
        "  head van het logboek     {head}"
    ),
    "en": (
        "Compare these two with what you noted yourself; who rewrites everything can make the sums anew as well:\n"
        "  SHA-256 of the ZIP       {sha256}\n"
        "  head of the log          {head}"
    ),
}


def verified_text(verified: Verified, *, language: Language) -> str:
    """Return what a check of evidence found, in lines for people."""
    found = verified.deviations
    lines = [
        (_ALTERED if found else _WHOLE)[language].format(n=len(found), files=verified.files),
        *(f"    {' '.join((one.file or 'ZIP', one.field)).strip()}: {SAYINGS[one.code][language]}" for one in found),
    ]
    if verified.failed:
        lines.append(_FAILED[language].format(n=verified.failed))
    if not verified.is_page_compared and not found:
        lines.append(_NOT_COMPARED[language])
    lines += ["", _NOTE[language].format(sha256=verified.sha256, head=verified.head or "?")]
    return "\n".join(lines)
