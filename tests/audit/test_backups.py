"""R33: are backups sealed, young, and nothing but history and settings?"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy

import pytest

from collector.audit.backups import check_folder, check_opened, check_restored
from collector.audit.finding import Result
from collector.audit.kept import Kept
from collector.store.backup import AGE_START, Manifest
from collector.store.copy import read_copy
from tests.audit.conftest import Harm

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
MANIFEST = Manifest(made_at="", version="1", schema_version=1, head="", newest="", rows={"cell": 9}, sha256={})


def put(folder: Path, *, days: int = 1, content: bytes = AGE_START + b"x", mode: int = 0o600) -> Path:
    """Put a backup into *folder* that was made so many days ago."""
    path = folder / f"turven-{NOW - timedelta(days=days):%Y%m%dT%H%M%SZ}.age"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_sealed_young_backups_pass(tmp_path: Path) -> None:
    """Sealed backups of the last thirty days, readable by their owner only, pass."""
    put(tmp_path, days=1)
    put(tmp_path, days=30)
    seen = check_folder(tmp_path, now=NOW)
    assert (seen.result, seen.evidence["backups"], seen.evidence["oldest_backup_days"]) == (Result.PASS, 2, 30)


@pytest.mark.parametrize(
    ("fault", "days", "content", "mode"),
    [
        ("older_than_allowed", 31, AGE_START, 0o600),
        ("not_sealed", 1, b"DUCK", 0o600),
        ("readable_by_others", 1, AGE_START, 0o644),
    ],
)
def test_a_faulty_backup_fails(tmp_path: Path, fault: str, days: int, content: bytes, mode: int) -> None:
    """A backup that is too old, in clear, or open to others is found and counted."""
    put(tmp_path, days=days, content=content, mode=mode)
    seen = check_folder(tmp_path, now=NOW)
    assert (seen.result, seen.evidence[fault]) == (Result.FAIL, 1)


def test_without_backups_nothing_is_proven(tmp_path: Path) -> None:
    """Where no backup lies the check does not apply, and says how one is made."""
    assert check_folder(tmp_path / "none", now=NOW).result is Result.NOT_APPLICABLE


def opened(tmp_path: Path, history: Path, *more: str) -> Path:
    """Lay out what was in a backup; return the history in it."""
    inside = tmp_path / "inside"
    inside.mkdir()
    for name in ("manifest.json", "settings.json", *more):
        (inside / name).write_text("{}")
    return Path(copy(history, inside / "history.duckdb"))


def test_history_and_settings_pass(healthy: Path, tmp_path: Path) -> None:
    """A sealed backup with the history, the settings and a manifest passes."""
    assert check_opened(put(tmp_path), MANIFEST, opened(tmp_path, healthy)).result is Result.PASS


def test_a_file_beside_fails(healthy: Path, tmp_path: Path) -> None:
    """A backup with anything else in it fails: a spool file, a key."""
    seen = check_opened(put(tmp_path), MANIFEST, opened(tmp_path, healthy, "spool.bin"))
    assert (seen.result, "spool.bin" in seen.evidence["files_inside"]) == (Result.FAIL, True)


def test_rows_of_few_fail(harm: Harm, tmp_path: Path) -> None:
    """A backup of a history in which a row stands for fewer than k fails."""
    harmed = harm("update cell set contributors = 9")
    assert check_opened(put(tmp_path), MANIFEST, opened(tmp_path, harmed)).result is Result.FAIL


def test_a_table_beside_or_no_seal_fails(healthy: Path, tmp_path: Path) -> None:
    """A backup in clear, or with a table that is not in the inventory, fails."""
    copied = opened(tmp_path, healthy)
    assert check_opened(put(tmp_path, content=b"DUCK"), MANIFEST, copied).result is Result.FAIL
    more = Manifest(made_at="", version="1", schema_version=1, head="", newest="", rows={"visitor": 1}, sha256={})
    assert check_opened(put(tmp_path, days=2), more, copied).result is Result.FAIL


def test_a_history_that_went_back_is_named(harm: Harm) -> None:
    """Where an older history took the place of a newer one, the audit says how many parts are gone, and until when."""
    insert = "insert into gap values ('Europe/Amsterdam', '2026-11-{}', 1, '{}', '2026-11-24');"
    with read_copy(harm(insert.format(20, "keys_lost"))) as cursor:
        assert check_restored(Kept(cursor)) is None
    older = [insert.format(day, "history_older") for day in (21, 22)]
    with read_copy(harm("".join(older))) as cursor:
        seen = check_restored(Kept(cursor))
    assert seen is not None
    assert seen.evidence == {"parts_lost_with_a_newer_history": 2, "last_of_them": "2026-11-22"}
