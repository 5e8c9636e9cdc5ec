"""Write a report for a terminal: the verdict first, then each question, what was seen, and how to ask it again."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from collector.audit.chain import ChainCheck
from collector.audit.finding import Finding, Result
from collector.audit.questions import REQUIREMENTS, THEMES
from collector.audit.report import Report, verdicts
from collector.audit.sayings import Language, Saying

_MARKS: Final = {Result.FAIL: "✗", Result.PASS: "✓", Result.NOT_APPLICABLE: "–"}
_COUNTS: Final[Mapping[Language, Sequence[str]]] = {
    "nl": ("klopt: {n}", "klopt niet: {n}", "niets te controleren: {n}"),
    "en": ("{n} passed", "{n} failed", "{n} not applicable"),
}
_THEMES: Final[Mapping[str, str]] = {
    "address": "adres",
    "identity": "herkennen",
    "sharing": "delen",
    "small groups": "kleine groepen",
    "retention": "bewaren",
    "information": "uitleg en afmelden",
    "security": "beveiliging",
    "who decides": "wie beslist",
}
_SAID: Final[Mapping[str, Saying]] = {
    "verdict": {"nl": "OORDEEL", "en": "VERDICT"},
    "fail": {"nl": "KLOPT NIET", "en": "FAILED"},
    "pass": {"nl": "KLOPT", "en": "PASSED"},
    "n/a": {
        "nl": "NIETS TE CONTROLEREN (dit is geen “klopt”)",
        "en": "NOT APPLICABLE (there was nothing to look at)",
    },
    "repeat": {"nl": "Herhalen", "en": "Repeat"},
    "head": {
        "nl": "Nieuwste regel van het logboek (noteer dit, voor een volgende controle): {head}",
        "en": "Newest entry of the settings log (note it, for a next audit): {head}",
    },
    "site": {"nl": "Alleen site {site}.", "en": "Site {site} only."},
    "chain": {
        "nl": "De keten van het logboek klopt: {entries} regels, waarvan {erased} gewist. Nieuwste: {head}",
        "en": "The chain of the settings log holds: {entries} entries, {erased} of them erased. Newest: {head}",
    },
    "broken": {
        "nl": "De keten van het logboek klopt niet: regel {entry}, veld {field}.",
        "en": "The chain of the settings log is broken: entry {entry}, field {field}.",
    },
    "noted": {
        "nl": "De head die u noteerde staat er nog: het is regel {entry}.",
        "en": "The head that you noted still stands: it is entry {entry}.",
    },
    "not_noted": {
        "nl": "De head die u noteerde is er niet: het logboek is herschreven, of het is een ander logboek.",
        "en": "The head that you noted is not there: the log was rewritten, or it is another log.",
    },
    "other_settings": {
        "nl": "Het draaiende programma is met andere instellingen gestart dan in dit bestand staan: start het opnieuw.",
        "en": "The running house was started with other settings than this file has: restart it.",
    },
}
#: Lines of evidence, without indent; who shows a report may name figures in the reader's language.
Figures = Callable[[Mapping[str, Any]], Iterator[str]]


def plain(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield evidence as the JSON names it."""
    for place, figures in evidence.items():
        yield place
        for name, value in figures.items() if isinstance(figures, Mapping) else ():
            text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
            yield f"  {name}: {text}"


def report_text(report: Report, *, language: Language, figures: Figures = plain) -> str:
    """Return a report as lines; a verdict is given where every requirement was asked.

    Args:
        report: What was found.
        language: Of the reader.
        figures: Names evidence in that language.
    """
    is_whole = len(report.findings) == len(REQUIREMENTS)
    lines = list(_verdict(report, language)) if is_whole else []
    for result, mark in _MARKS.items():
        found = [finding for finding in report.findings if finding.result is result]
        if found and is_whole:
            lines += [f"{_SAID[result.value][language]} ({len(found)})", ""]
        for finding in found:
            lines.append(f"{mark} {finding.id:<4}{finding.vraag if language == 'nl' else finding.question}")
            lines += [f"       {line}" for line in figures(finding.evidence)]
            lines += [f"       {_SAID['repeat'][language]}: {finding.command}", ""]
    return "\n".join([*lines, _counted(report.findings, language)])


def _verdict(report: Report, language: Language) -> Iterator[str]:
    themes = {requirement.id: requirement.theme for requirement in REQUIREMENTS}
    told = verdicts(report.findings)
    names = {theme: _THEMES[theme] if language == "nl" else theme for theme in THEMES}
    width = max(map(len, names.values()))
    yield _SAID["verdict"][language]
    for theme, name in names.items():
        own = [finding for finding in report.findings if themes[finding.id] == theme]
        failed = [finding.id for finding in own if finding.result is Result.FAIL]
        named = f" ({', '.join(failed)})" if failed else ""
        yield f"  {_MARKS[told[theme]]} {name:<{width}}  {_counted(own, language, is_short=True)}{named}"
    if report.site:
        yield _SAID["site"][language].format(site=report.site)
    yield ""
    yield _SAID["head"][language].format(head=report.facts.head)
    yield ""


def _counted(made: Sequence[Finding], language: Language, *, is_short: bool = False) -> str:
    """Count results; *is_short* leaves out what there is none of."""
    counts = Counter(finding.result for finding in made)
    order = (Result.PASS, Result.FAIL, Result.NOT_APPLICABLE)
    pairs = zip(order, _COUNTS[language], strict=True)
    return ", ".join(word.format(n=counts[result]) for result, word in pairs if counts[result] or not is_short)


def chain_text(chain: ChainCheck, *, language: Language, runs_by_other_settings: bool = False) -> str:
    """Return what was found of the settings log: whether its chain holds, and whether a noted head stands in it."""
    if chain.first_broken is None:
        lines = [_SAID["chain"][language].format(entries=chain.entries, erased=chain.erased, head=chain.head)]
    else:
        lines = [_SAID["broken"][language].format(entry=chain.first_broken, field=chain.field)]
    if chain.noted:
        key = "not_noted" if chain.noted_at is None else "noted"
        lines.append(_SAID[key][language].format(entry=chain.noted_at))
    if runs_by_other_settings:
        lines.append(_SAID["other_settings"][language])
    return "\n".join(lines)
