"""R33: what lies among the backups, and what a backup of this very build holds."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from collector.audit.finding import Result, Seen
from collector.audit.kept import Kept, every_row_has_k, not_applicable
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
        "oldest_backup_days": max((age.days for age in ages), default=0),
        "older_than_allowed": sum(age > timedelta(days=BACKUP_DAYS_MAX) for age in ages),
        "not_sealed": sum(not _is_sealed(path) for path in files),
        "readable_by_others": sum(bool(path.stat().st_mode & 0o077) for path in files),
        "other_files": stamps.count(None),
    }
    faults = ("older_than_allowed", "not_sealed", "readable_by_others")
    return Seen.that(not any(evidence[name] for name in faults), **evidence)


def check_restored(kept: Kept) -> Seen | None:
    """Name the days that were lost when an older history took the place of a newer one; `None` where there is none.

    What was erased after the older file was made came back with it.
    """
    lost = kept.one("select count(distinct (timezone, day, epoch_part)) from gap where reason = 'history_older'")
    if not lost:
        return None
    newest = kept.one("select max(day)::varchar from gap where reason = 'history_older'")
    return Seen.that(True, parts_lost_with_a_newer_history=lost, last_of_them=newest)


def check_opened(sealed: Path, manifest: backup.Manifest, copy: Path) -> Seen:
    """Judge a backup that a scratch house made and that was opened: history and settings only, sealed, with k kept.

    What was sent to that house is searched for in it by the canary run (R41).

    Args:
        sealed: The backup as it lies among the files of the house.
        manifest: What it says of itself.
        copy: The history in it, beside everything else that was in it.
    """
    with read_copy(copy) as cursor:
        kept = every_row_has_k(Kept(cursor))
    inside = sorted(path.name for path in copy.parent.iterdir())
    beside = sorted(set(manifest.rows) - _TABLES)
    is_sealed = _is_sealed(sealed)
    return Seen.that(
        inside == ["history.duckdb", "manifest.json", "settings.json"]
        and not beside
        and is_sealed
        and kept.result is Result.PASS,
        files_inside=inside,
        tables_beside_the_inventory=beside,
        rows=sum(manifest.rows.values()),
        every_row_stands_for_k=kept.result is Result.PASS,
        is_sealed=is_sealed,
    )


def _is_sealed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(backup.AGE_START)) == backup.AGE_START
