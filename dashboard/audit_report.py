"""Read an auditor's report for one reader: verdicts, steps, settings, inventory, evidence, register, history.

What was seen just now stands beside what the last full check saw. Nothing is judged anew here: a check that failed
stays failed until a full check says otherwise.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from collector.audit.finding import Finding, Result
from collector.audit.questions import REQUIREMENTS, THEMES
from collector.audit.report import Change, Column, Facts, Report, SiteDays
from dashboard.audit_figures import Row, rows_of
from dashboard.audit_how import HOW
from dashboard.audit_settings import Group, Switch, changed, grouped, switches
from dashboard.audit_words import STEPS, TELLING, Step
from dashboard.words import Words

#: No result: no full check looked yet.
UNSEEN: Final = "unseen"
_OPT_OUT: Final = "opt_out"
_WHOLE_RUN: Final = "R41"
#: How the canary run searched, which is the same for each of its checks.
_REPEATED: Final = (
    "spellings", "forms", "block_bytes", "blocks_searched", "blocks_of_the_file", "blocks_with_an_ordinary_value",
)  # fmt: skip
_WORST_FIRST: Final = (Result.FAIL.value, UNSEEN, Result.PASS.value, Result.NOT_APPLICABLE.value)


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what was seen in one place; *is_live*: while this page was made."""

    name: str
    rows: tuple[Row, ...]
    is_live: bool


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one requirement and what is known of it.

    Attributes:
        how: What was done to answer the question, in a sentence or two.
        state: `pass`, `fail`, `n/a` or `unseen`.
        at: When it was seen; empty where it was not.
    """

    id: str
    theme: str
    force: str
    question: str
    how: str
    state: str
    places: tuple[Place, ...] = ()
    command: str = ""
    at: str = ""

    @property
    def is_live(self) -> bool:
        """Tell whether some of it was seen while the page was made."""
        return any(place.is_live for place in self.places)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a theme: its state, and how many of its checks hold.

    Attributes:
        of: Checks that had something to look at.
        idle: Checks that had nothing to look at.
        unseen: Checks that were not run yet.
    """

    theme: str
    state: str
    holds: int
    of: int
    idle: int
    unseen: int
    lines: tuple[Line, ...]


class Table(msgspec.Struct, frozen=True):
    """Hold the columns of one table."""

    name: str
    columns: tuple[Column, ...]


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one entry of the settings log, readable."""

    change: Change
    what: tuple[Row, ...]
    at: str
    is_broken: bool


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Hold everything that the page shows.

    Attributes:
        report: The last full check; `None` where there was none.
        facts: What is read beside it: just now, or when the check ran.
        is_live: Whether *facts* were read just now.
        is_outdated: Whether settings have changed since the check.
    """

    report: Report | None
    facts: Facts
    is_live: bool
    is_outdated: bool
    at: str
    version: str
    settings_sha256: str
    operator: str
    lines: Mapping[str, Line]
    verdicts: tuple[Verdict, ...]
    steps: tuple[tuple[Step, str, tuple[Line, ...]], ...]
    settings: tuple[Group, ...]
    tables: tuple[Table, ...]
    entries: tuple[Entry, ...]
    switches: tuple[Switch, ...]
    drops: tuple[tuple[str, int, int], ...]
    refused: tuple[tuple[str, int, int], ...]
    opt_outs: int
    days: tuple[SiteDays, ...]

    @property
    def counts(self) -> Counter[str]:
        """Return how many checks are in each state."""
        return Counter(line.state for line in self.lines.values())

    @property
    def state(self) -> str:
        """Return the state of all checks together: the worst of them."""
        return worst(line.state for line in self.lines.values())

    def telling(self, line: Line) -> tuple[Row, ...]:
        """Return the figures of *line* that say most, for a step of the manual."""
        names = TELLING.get(line.id, ())
        return tuple(row for place in line.places for row in place.rows if row.key in names)

    def place_of(self, noted: str) -> int | None:
        """Return the entry whose hash an auditor noted earlier, 0 for the empty chain; `None` where there is none."""
        noted = noted.strip().lower()
        if noted and not noted.strip("0"):
            return 0
        return next((entry.change.seq for entry in self.entries if entry.change.hash == noted), None)


def read(report: Report | None, *, live: Report | None, words: Words) -> Sheet:
    """Put a report and what was seen just now into one sheet.

    Args:
        report: A full check; `None` where there was none yet.
        live: What was read just now; `None` where only the report is to be shown.
        words: The reader's language.
    """
    newest = live or report
    facts = newest.facts if newest else Facts()
    zone = ZoneInfo(str(facts.effective.get("house", {}).get("timezone", "Europe/Amsterdam")))
    lines = _lines(report, live, words, zone)
    return Sheet(
        report=report,
        facts=facts,
        is_live=live is not None,
        is_outdated=bool(report and live and report.settings_sha256 != live.settings_sha256),
        at=moment(report.at, words, zone) if report else "",
        version=(report or newest).version if newest else "",
        settings_sha256=newest.settings_sha256 if newest else "",
        operator=str(facts.effective.get("house", {}).get("operator", "")),
        lines=lines,
        verdicts=tuple(_verdict(theme, lines.values()) for theme in THEMES),
        steps=tuple(_step(step, lines) for step in STEPS),
        settings=grouped(facts.settings, words),
        tables=_tables(facts.inventory),
        entries=tuple(_entry(change, facts.first_broken, words, zone) for change in facts.changes),
        switches=switches(facts.changes, words),
        drops=_counted(facts, is_field=False),
        refused=_counted(facts, is_field=True),
        opt_outs=sum(one.count for one in facts.refused if one.reason == _OPT_OUT),
        days=tuple(facts.days),
    )


def worst(states: Iterable[str]) -> str:
    """Return the state that counts for several checks together."""
    return min(states, key=_WORST_FIRST.index, default=Result.NOT_APPLICABLE.value)


def moment(at: str, words: Words, zone: ZoneInfo) -> str:
    """Write an instant as a day and a time where the house is."""
    try:
        there = datetime.fromisoformat(at).astimezone(zone) if "T" in at else datetime.fromisoformat(at)
    except ValueError:
        return at
    day = words.day(there.date(), "short")
    return f"{day}, {there:%H:%M}" if "T" in at else day


def _lines(report: Report | None, live: Report | None, words: Words, zone: ZoneInfo) -> dict[str, Line]:
    full = {finding.id: finding for finding in report.findings} if report else {}
    now = {finding.id: finding for finding in live.findings} if live else {}
    start = next((one.command.removesuffix(one.id).strip() for one in (*full.values(), *now.values())), "turven audit")
    lines = {}
    for requirement in REQUIREMENTS:
        kept, seen = full.get(requirement.id), now.get(requirement.id)
        if seen and seen.result is Result.NOT_APPLICABLE and kept:
            seen = None
        newest = seen or kept
        lines[requirement.id] = Line(
            id=requirement.id,
            theme=requirement.theme,
            force=requirement.force,
            question=requirement.vraag if words.language == "nl" else requirement.question,
            how=words.text(HOW[requirement.id]),
            state=_state(kept, seen),
            places=_places(kept, seen, words),
            command=newest.command if newest else f"{start} {requirement.id}",
            at=moment((kept or newest).at, words, zone) if newest else "",
        )
    return lines


def _state(kept: Finding | None, seen: Finding | None) -> str:
    """Judge a requirement by what was seen: a failure counts, whether the full check saw it or this page."""
    results = [finding.result for finding in (kept, seen) if finding]
    if not results:
        return UNSEEN
    return min((result.value for result in results), key=_WORST_FIRST.index)


def _places(kept: Finding | None, seen: Finding | None, words: Words) -> tuple[Place, ...]:
    evidence = {place: (figures, False) for place, figures in (kept.evidence if kept else {}).items()}
    evidence |= {place: (figures, True) for place, figures in (seen.evidence if seen else {}).items()}
    number = next((finding.id for finding in (kept, seen) if finding), "")
    return tuple(
        Place(name=place, rows=rows_of(_own(figures, number), words), is_live=is_live)
        for place, (figures, is_live) in evidence.items()
    )


def _own(figures: Mapping[str, Any], number: str) -> Mapping[str, Any]:
    """Leave out what every check of the canary run repeats: it stands once, with R41, and whole in the JSON."""
    return figures if number == _WHOLE_RUN else {name: one for name, one in figures.items() if name not in _REPEATED}


def _verdict(theme: str, lines: Iterable[Line]) -> Verdict:
    own = tuple(line for line in lines if line.theme == theme)
    counts = Counter(line.state for line in own)
    idle, unseen = counts[Result.NOT_APPLICABLE.value], counts[UNSEEN]
    return Verdict(
        theme=theme,
        state=worst(line.state for line in own),
        holds=counts[Result.PASS.value],
        of=len(own) - idle - unseen,
        idle=idle,
        unseen=unseen,
        lines=own,
    )


def _step(step: Step, lines: Mapping[str, Line]) -> tuple[Step, str, tuple[Line, ...]]:
    own = tuple(lines[name] for name in step.ids)
    return step, worst(line.state for line in own), own


def _tables(columns: Sequence[Column]) -> tuple[Table, ...]:
    names = dict.fromkeys(column.table for column in columns)
    return tuple(Table(name, tuple(column for column in columns if column.table == name)) for name in names)


def _entry(change: Change, first_broken: int | None, words: Words, zone: ZoneInfo) -> Entry:
    is_broken = first_broken is not None and change.seq >= first_broken
    return Entry(
        change=change, what=changed(change, words), at=moment(change.made_at, words, zone), is_broken=is_broken
    )


def _counted(facts: Facts, *, is_field: bool) -> tuple[tuple[str, int, int], ...]:
    """Sum what was not counted over all sites: reason or field, count, days; the largest first."""
    counts: Counter[str] = Counter()
    days: Counter[str] = Counter()
    for one in facts.refused:
        if (":" in one.reason) is is_field and one.reason != _OPT_OUT:
            counts[one.reason] += one.count
            days[one.reason] = max(days[one.reason], one.days)
    return tuple((reason, count, days[reason]) for reason, count in counts.most_common())
