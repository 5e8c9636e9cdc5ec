"""R33: what lies among the backups, and what a backup of this very build holds."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec

from collector.audit.finding import Result, Seen
from collector.audit.kept import Kept, every_row_has_k, not_applicable
from collector.audit.marks import holds
from collector.policy import BACKUP_DAYS_MAX
from collector.store import backup
from collector.store.copy import read_copy

#: Tables that a backup may hold, and no others; the auditor's own list.
_TABLES: Final = frozenset(
    {"schema_version", "site", "settings_log", "closed", "cell", "committed_hour", "dropped", "gap"}
)


def check_folder(folder: Path, *, now: datetime) -> Seen:
    """Look at the backups of a house from outside: sealed, none older than 30 days, nothing else beside them."""
    files = sorted(path for path in folder.iterdir() if path.is_file()) if folder.is_dir() else []
    if not files:
        return not_applicable(
            "No backup lies here. Make one with `turven backup`; copies elsewhere are the operator's to look after."
        )
    stamps = [backup.made_at(path) for path in files]
    ages = [now - stamp for stamp in stamps if stamp is not None]
    evidence: dict[str, Any] = {
        "backups": len(ages),
        "oldest_days": max((age.days for age in ages), default=0),
        "older_than_allowed": sum(age > timedelta(days=BACKUP_DAYS_MAX) for age in ages),
        "not_sealed": sum(not _is_sealed(path) for path in files),
        "readable_by_others": sum(bool(path.stat().st_mode & 0o077) for path in files),
        "other_files": stamps.count(None),
    }
    faults = ("older_than_allowed", "not_sealed", "readable_by_others")
    return Seen.that(not any(evidence[name] for name in faults), **evidence)


def check_made(sealed: Path, *, key: str, needles: list[bytes]) -> Seen:
    """Open a backup of a scratch house: history and settings only, k kept, none of *needles* in its bytes."""
    with (
        TemporaryDirectory(dir=sealed.parent) as work,
        backup.opened(sealed, key=key, work=Path(work)) as (manifest, copy),
    ):
        with read_copy(copy) as cursor:
            kept = every_row_has_k(Kept(cursor))
        inside = sorted(path for path in copy.parent.iterdir())
        found = [path.name for path in inside if holds(path.read_bytes(), needles)]
        searched = sum(path.stat().st_size for path in inside)
    evidence: dict[str, Any] = {
        "files_inside": [path.name for path in inside],
        "tables_beside_the_inventory": sorted(set(manifest.rows) - _TABLES),
        "rows": sum(manifest.rows.values()),
        "rows_below_k": kept.result.value,
        "bytes_searched": searched,
        "marks_found_in": found,
        "is_sealed": _is_sealed(sealed),
    }
    is_whole = [path.name for path in inside] == ["history.duckdb", "manifest.json", "settings.json"]
    holds_k = kept.result is not Result.FAIL
    is_clean = not found and not evidence["tables_beside_the_inventory"]
    return Seen.that(is_whole and holds_k and is_clean and evidence["is_sealed"], **evidence)


def made_by(ask: Callable[..., bytes]) -> Path:
    """Have a house make a backup and return where it lies.

    Raises:
        TurvenError: As `store.backup.make_backup`.
    """
    return Path(msgspec.json.decode(ask("backup"), type=backup.Made).file)


def _is_sealed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(backup.AGE_START)) == backup.AGE_START
