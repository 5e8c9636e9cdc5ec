"""The shape of an auditor's report: findings, and the facts that they are read beside. It holds counts, never a person.

A report is plain data: the page shows it, the ZIP of evidence holds it, two of them are compared. It is made of what
a running house, a stopped one or a copy of a history file tells.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from collector.audit.finding import Finding, Result
from collector.audit.questions import REQUIREMENTS, THEMES

#: Of the shape below; a reader refuses one that it does not know.
FORMAT: Final = 1


class SettingLine(msgspec.Struct, frozen=True, kw_only=True):
    """Set one setting beside what is required: required, in force, since when, by whom.

    Attributes:
        site: Empty for the house.
        name: As the settings file or the site's record has it.
        required: The floor, in figures or a word; e.g. `>= 5`, `<= 24`, `true`.
        in_force: What counts, the strictest of floor, house, profile and site.
        since: Day of the log's entry that made it so, ISO 8601; empty where no entry tells.
        made_by: Who made that entry.
        reason: Why.
        holds: Whether what is in force is at least as strict as what is required.
    """

    site: str
    name: str
    required: str
    in_force: str
    since: str = ""
    made_by: str = ""
    reason: str = ""
    holds: bool = True


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """Describe one column that is kept, as its comment in the database says: `role | unit | reason`."""

    table: str
    name: str
    type: str
    role: str
    unit: str
    reason: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one entry of the settings log.

    Attributes:
        made_at: ISO 8601 UTC.
        site: Empty for the house.
        change: What changed; `None` once erased.
        made_by: `None` once erased.
        reason: `None` once erased.
        salt: `None` once erased; without it `content` tells nothing.
        content: Salted SHA-256 of change, made_by and reason.
        previous: Hash of the entry before; zeros for the first.
        hash: Hash of this entry.
    """

    seq: int
    made_at: str
    site: str
    change: str | None
    made_by: str | None
    reason: str | None
    salt: str | None
    content: str
    previous: str
    hash: str


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Count what was not counted, over all days kept, as it is stored: in tens, opt-outs in hundreds.

    Attributes:
        site: Empty for the house.
        reason: Reason of a drop, or `refused:` and the name of an identifier field that was removed.
    """

    site: str
    reason: str
    count: int
    days: int


class SiteDays(msgspec.Struct, frozen=True, kw_only=True):
    """Say what is kept of a site.

    Attributes:
        first_day: ISO 8601; empty where nothing is kept.
        last_day: As `first_day`.
        kept: Parts with figures.
        below_k: Parts of which only the marker is kept.
        lost: Parts of which only committed hours are left.
        rows: Cells.
        folded_share: Share of pageviews that stand under `(other)` in the breakdown by page, 0 to 1; `None` for none.
    """

    site: str
    first_day: str
    last_day: str
    kept: int
    below_k: int
    lost: int
    rows: int
    folded_share: float | None


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what a report shows beside its findings.

    Attributes:
        effective: The settings in force as `/privacy.json` has them; empty for a copy, which does not hold them all.
        settings: Each setting beside what is required.
        inventory: Every column that is kept.
        changes: The settings log, from its first entry.
        first_broken: First entry that does not fit the chain; `None` where all do.
        head: Hash of the newest entry; zeros where there is none.
        refused: What was not counted.
        days: What is kept, by site.
        register: Register of art. 30: one record for the processor, one a controller; see `collector.audit.register`.
    """

    effective: Mapping[str, Any] = {}
    settings: list[SettingLine] = []
    inventory: list[Column] = []
    changes: list[Change] = []
    first_broken: int | None = None
    head: str = ""
    refused: list[Refused] = []
    days: list[SiteDays] = []
    register: list[Mapping[str, Any]] = []


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a whole report.

    Attributes:
        format: Version of this shape.
        at: Instant of the audit, ISO 8601 UTC.
        version: Of the program.
        site: Only what is kept of one site; empty for all.
        history: Name of the copy that was looked at; empty for a house.
        settings_sha256: Of the settings in force, as `/privacy.json` prints it; empty for a copy.
        verdicts: Verdict of each theme, as `verdicts` tells from the findings.
    """

    format: int = FORMAT
    at: str
    version: str
    site: str
    history: str
    settings_sha256: str
    findings: list[Finding]
    facts: Facts
    verdicts: Mapping[str, Result] = {}


def make_report(
    findings: list[Finding],
    facts: Facts,
    *,
    at: datetime,
    version: str,
    site: str = "",
    history: str = "",
) -> Report:
    """Return a report of *findings* and *facts*, with its verdicts."""
    return Report(
        at=at.isoformat(timespec="seconds"),
        version=version,
        site=site,
        history=history,
        settings_sha256=str(facts.effective.get("settings_sha256", "")),
        findings=findings,
        facts=facts,
        verdicts=verdicts(findings),
    )


def verdicts(findings: list[Finding]) -> dict[str, Result]:
    """Return the verdict of each theme: the worst of its findings, where one that does not apply counts for nothing."""
    themes = {requirement.id: requirement.theme for requirement in REQUIREMENTS}
    found: dict[str, Result] = dict.fromkeys(THEMES, Result.NOT_APPLICABLE)
    for finding in findings:
        theme = themes.get(finding.id, "")
        if not theme:
            # Of a later version: its theme is not known here.
            continue
        if finding.result is Result.FAIL or found[theme] is Result.NOT_APPLICABLE:
            found[theme] = finding.result
    return found
