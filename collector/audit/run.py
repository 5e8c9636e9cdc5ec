"""Gather findings: checks on what is kept, checks on a scratch house, one answer a requirement."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from collector import __version__
from collector.audit.canary import run_canary
from collector.audit.finding import Finding, Requirement, Result, Seen
from collector.audit.kept import CHECKS, Cursor, not_applicable, nothing_is_too_old
from collector.audit.questions import REQUIREMENTS
from collector.clock import Clock
from collector.errors import SettingsError
from collector.settings import Privacy, Settings

#: Requirements that a scratch house is run for.
ACTIVE: Final = frozenset({"R3", "R7", "R12", "R13", "R14", "R16", "R17", "R25", "R32", "R34", "R41", "R43"})
_WORST_FIRST: Final = (Result.FAIL, Result.PASS, Result.NOT_APPLICABLE)


def chosen(ids: Sequence[str]) -> list[Requirement]:
    """Return the requirements that are named, or all.

    Raises:
        SettingsError: `requirement_unknown`.
    """
    known = {requirement.id: requirement for requirement in REQUIREMENTS}
    unknown = [name for name in ids if name.upper() not in known]
    if unknown:
        raise SettingsError("requirement_unknown", f"There is no check {unknown[0]}; there are {', '.join(known)}.")
    return [known[name.upper()] for name in ids] if ids else list(REQUIREMENTS)


def check_kept(cursor: Cursor, *, settings: Settings, clock: Clock, ids: Iterable[str]) -> dict[str, Seen]:
    """Run the checks that look at what is kept."""
    seen = {number: check(cursor) for number, check in CHECKS.items() if number in ids}
    if "R29" in ids:
        today = clock.now().date()
        seen["R29"] = nothing_is_too_old(cursor, today=today, retention_days=settings.privacy.retention_days)
    return seen


def check_active(privacy: Privacy, *, ids: Iterable[str], extra_marks: tuple[str, ...] = ()) -> dict[str, Seen]:
    """Run the checks that need a house to send requests to; one scratch house serves them all.

    Raises:
        TurvenError: `scratch_failed`.
    """
    wanted = ACTIVE & set(ids)
    if not wanted:
        return {}
    seen = run_canary(privacy, extra_marks=extra_marks).seen
    return {number: seen[number] for number in wanted}


def findings(
    requirements: Sequence[Requirement], answers: Sequence[Mapping[str, Seen]], *, settings: Settings, at: datetime
) -> list[Finding]:
    """Put what was seen into one finding a requirement; where two checks looked, both must hold."""
    fingerprint = settings_sha256(settings)
    made = []
    for requirement in requirements:
        seen = [answer[requirement.id] for answer in answers if requirement.id in answer] or [
            not_applicable("This check was not run here.")
        ]
        evidence: dict[str, Any] = {}
        for one in seen:
            evidence |= one.evidence
        made.append(
            Finding(
                id=requirement.id,
                result=min((one.result for one in seen), key=_WORST_FIRST.index),
                question=requirement.question,
                vraag=requirement.vraag,
                evidence=evidence,
                command=f"turven audit {requirement.id}",
                at=at.isoformat(timespec="seconds"),
                version=__version__,
                settings_sha256=fingerprint,
            )
        )
    return made


def settings_sha256(settings: Settings) -> str:
    """Return the fingerprint of the privacy settings in force, over canonical JSON."""
    raw = json.loads(msgspec.json.encode(settings.privacy))
    return hashlib.sha256(json.dumps(raw, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def as_text(made: Sequence[Finding], *, language: str) -> str:
    """Return findings as lines for people."""
    words = {Result.PASS: "✓", Result.FAIL: "✗", Result.NOT_APPLICABLE: "–"}
    lines = []
    for finding in made:
        lines.append(
            f"{words[finding.result]} {finding.id:<4}{finding.vraag if language == 'nl' else finding.question}"
        )
        lines.extend(f"       {name}: {_plain(value)}" for name, value in finding.evidence.items())
    failed = sum(finding.result is Result.FAIL for finding in made)
    passed = sum(finding.result is Result.PASS for finding in made)
    lines.append(f"\n{passed} passed, {failed} failed, {len(made) - passed - failed} not applicable")
    return "\n".join(lines)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
