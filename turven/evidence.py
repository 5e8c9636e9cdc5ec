"""Show evidence in words and pages: what the audit found is the collector's, how it is said is the dashboard's."""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any, Final

from collector import __version__
from collector.audit.evidence import PAGE, PAPERS
from collector.audit.report import Report
from collector.audit.text import Figures
from dashboard.audit_figures import Row, rows_of
from dashboard.audit_places import PLACES
from dashboard.audit_sheet import standalone
from dashboard.papers import register_paper
from dashboard.visitor_text import Language
from dashboard.words import Words, load

LANGUAGES: Final = ("nl", "en")


def pages_of(report: Report, *, language: str) -> dict[str, bytes]:
    """Return the pages of a ZIP of evidence: the report to read, and the register of art. 30 where there is one."""
    pages = {PAGE: standalone(report, language=language)}
    for tag in LANGUAGES if report.facts.register else ():
        paper = register_paper(report.facts.register, language=Language(tag), form="page")
        pages[f"{PAPERS}register.{tag}.html"] = paper.encode()
    return pages


def pages_again(report: Report) -> Collection[Mapping[str, bytes]] | None:
    """Return the pages that the evidence of *report* may have, in each language; None for another version's."""
    if report.version != __version__:
        return None
    return [pages_of(report, language=language) for language in LANGUAGES]


def figures_in(language: str) -> Figures:
    """Return what names the figures of evidence in a language."""
    words = _words()[language]

    def lines(evidence: Mapping[str, Any]) -> Iterator[str]:
        for place, figures in evidence.items():
            yield words.text(PLACES[place]) if place in PLACES else place
            yield from _lines(rows_of(figures, words), "  ")

    return lines


def _lines(rows: Collection[Row], indent: str) -> Iterator[str]:
    for row in rows:
        yield f"{indent}{row.name}: {row.text}".rstrip()
        yield from _lines(row.rows, f"{indent}  ")


@cache
def _words() -> dict[str, Words]:
    return load()
