"""Write a sheet as HTML: in a page of the dashboard, or as one file that needs nothing else."""

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from markupsafe import Markup

from collector.audit.report import Facts, Report
from dashboard import audit_words
from dashboard.audit_columns import TEXTS as COLUMNS
from dashboard.audit_places import PLACES
from dashboard.audit_report import Sheet, moment, read
from dashboard.audit_settings import by
from dashboard.frame import templates
from dashboard.frame import words as languages
from dashboard.metrics import mark
from dashboard.papers import register_paper
from dashboard.view import View, harmless
from dashboard.visitor_text import Language
from dashboard.words import Words

#: Every part of the page, by the name it is reached by.
CONTENTS: Final = (
    ("verdict", mark("Verdict")),
    ("steps", mark("Steps of the supervisor")),
    ("settings", mark("Settings")),
    ("inventory", mark("What is kept")),
    ("evidence", mark("Evidence")),
    ("register", mark("Register")),
    ("switches", mark("Who switched what")),
    ("changes", mark("History of settings")),
    ("refused", mark("What was not counted")),
    ("risks", mark("What remains")),
)
#: What the command line puts behind an error.
_CODE: Final = re.compile(r"\[(\w+)\]$")
#: More sites are counted, not named.
_SITES_MAX: Final = 4
_HEADING: Final = re.compile(r"<h2[^>]*>(.*?)</h2>", re.DOTALL)


class Record(msgspec.Struct, frozen=True):
    """Hold one record of the register, written out."""

    title: Markup
    body: Markup


def page_values(sheet: Sheet, *, words: Words) -> dict[str, Any]:
    """Return what the template of a report asks for."""
    return {
        "sheet": sheet,
        "contents": [(name, words.text(text)) for name, text in CONTENTS],
        "names": audit_words,
        "places": PLACES,
        "columns": COLUMNS,
        "sentence": _sentence(sheet, words),
        "beside": _beside(sheet, words),
        "about": _about(sheet, words),
        "by": lambda made_by: by(made_by, words),
        "failing": [line for line in sheet.lines.values() if line.state == "fail"],
        "records": _records(sheet, words),
        "when": when_in(sheet.facts, words),
    }


def standalone(report: Report, *, language: str) -> bytes:
    """Return a report as one HTML file: its style inside, no script, nothing that is fetched."""
    words = languages()[language]
    sheet = read(report, live=None, words=words)
    return (
        templates()
        .get_template("audit/standalone.html")
        .render(
            **page_values(sheet, words=words),
            _=words.text,
            n_=words.count,
            words=words,
            view=View(words, base_path=""),
            style=_style(),
            papers=(),
            is_served=False,
            is_open=False,
            noted="",
        )
        .encode()
    )


def ended(words: Words, code: str, message: str) -> str:
    """Return why an audit did not begin, or ended without a report, and what to do."""
    told = audit_words.ENDED
    # An audit that failed is told by its last line; where that ends in a code we know, its own sentence says more.
    inner = _CODE.search(message) if code == "audit_failed" else None
    known = next((one for one in ((inner[1] if inner else ""), code) if one in told), "audit_failed")
    return words.text(told[known], message=harmless(message), minutes=message)


def doing(words: Words, line: str) -> str:
    """Return what an audit is doing, by the line that it wrote."""
    known = next((text for start, text in audit_words.DOING.items() if line.startswith(start)), None)
    return words.text(known or audit_words.BEGINNING)


@cache
def _style() -> Markup:
    folder = files("dashboard") / "static"
    style = "\n".join((folder / name).read_text("utf-8") for name in ("turven.css", "forms.css", "audit.css"))
    return Markup(style)  # noqa: S704 - our own files


def _sentence(sheet: Sheet, words: Words) -> str:
    counts = sheet.counts
    judged = counts["pass"] + counts["fail"]
    if counts["fail"]:
        return words.count(audit_words.SOME_FAIL[0], audit_words.SOME_FAIL[1], counts["fail"], of=words.number(judged))
    if sheet.report is None:
        return words.text(audit_words.NOT_RUN)
    return words.count(audit_words.ALL_HOLD[0], audit_words.ALL_HOLD[1], judged)


def _beside(sheet: Sheet, words: Words) -> str:
    """Return what stands below the verdict: when it was seen, by which version, and what was not judged."""
    if sheet.report is None:
        return words.text(audit_words.QUICK_ONLY, n=words.number(sheet.counts["pass"] + sheet.counts["fail"]))
    idle = sheet.counts["n/a"] + sheet.counts["unseen"]
    parts = [words.text(audit_words.CHECKED, at=sheet.at, version=sheet.version)]
    if idle:
        parts.append(words.count(audit_words.IDLE[0], audit_words.IDLE[1], idle))
    return " ".join(parts)


def _about(sheet: Sheet, words: Words) -> list[tuple[str, str]]:
    """Return what the verdict is about, of which days, since when, and who says so."""
    if sheet.report is None:
        return []
    when, days = when_in(sheet.facts, words), sheet.days
    named = {line.site: f"{line.in_force} ({line.site})" for line in sheet.facts.settings if line.name == "controller"}
    sites = sorted({line.site for line in sheet.facts.settings if line.site} | {one.site for one in days})
    told = {
        "sites": "; ".join(harmless(named.get(site, site)) for site in sites)
        if len(sites) <= _SITES_MAX
        else words.count(*audit_words.SITES, len(sites)),
        "days": "",
        "since": when(max((change.made_at for change in sheet.facts.changes), default="")),
        "who": words.text(audit_words.WHO_SAYS_SO, version=sheet.version),
    }
    kept = [one for one in days if one.first_day and one.last_day]
    if kept:
        first, last = min(one.first_day for one in kept), max(one.last_day for one in kept)
        most = max(one.kept for one in kept)
        told["days"] = words.count(*audit_words.DAYS, most, first=when(first), last=when(last))
    return [(words.text(audit_words.ABOUT_VERDICT[name]), text) for name, text in told.items() if text]


def _records(sheet: Sheet, words: Words) -> tuple[Record, ...]:
    """Return the register record by record; its list of columns stands in the inventory already."""
    made = sheet.facts.register
    if not made:
        return ()
    text = register_paper(made, language=Language(words.language), form="html")
    titled = _HEADING.split(text)[1:]
    # What follows a heading is HTML that the papers have escaped.
    pairs = zip(titled[::2], titled[1::2], strict=True)
    return tuple(Record(Markup(title), Markup(body)) for title, body in pairs)[: len(made)]  # noqa: S704


def when_in(facts: Facts, words: Words) -> Callable[[str], str]:
    """Return what writes an instant or a day, where the house of *facts* is."""
    zone = ZoneInfo(str(facts.effective.get("house", {}).get("timezone", "Europe/Amsterdam")))
    return lambda at: moment(at, words, zone) if at else ""
