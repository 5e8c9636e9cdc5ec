"""The shape of evidence: one numbered question, one result, what was seen, and the command that shows it again."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class Result(StrEnum):
    """Tell whether a safeguard holds."""

    PASS = "pass"  # noqa: S105 - a result, no password
    FAIL = "fail"
    NOT_APPLICABLE = "n/a"


class Requirement(msgspec.Struct, frozen=True):
    """Hold a question that an auditor asks. Numbers are stable; new ones are added at the end.

    Attributes:
        id: `R` and a number.
        theme: One of `THEMES`.
        force: `law`, `ap` (Dutch DPA), `eu` (CNIL, EDPB, WP29) or `own`.
        question: In English.
        vraag: In Dutch.
    """

    id: str
    theme: str
    force: str
    question: str
    vraag: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the answer to one requirement.

    Attributes:
        evidence: Counts and settings; never a value of a small cell.
        command: Repeats this check alone.
        at: Instant, ISO 8601 UTC.
        settings_sha256: Of the settings in force, as `/privacy.json` prints it.
    """

    id: str
    result: Result
    question: str
    vraag: str
    evidence: Mapping[str, Any]
    command: str
    at: str
    version: str
    settings_sha256: str


class Seen(msgspec.Struct, frozen=True):
    """Hold what a check saw: whether the safeguard holds, and the figures behind it."""

    result: Result
    evidence: Mapping[str, Any]

    @classmethod
    def that(cls, holds: bool, /, **evidence: Any) -> "Seen":  # noqa: FBT001 - the claim itself, read aloud
        """Return a pass where *holds*, else a fail."""
        return cls(Result.PASS if holds else Result.FAIL, evidence)
