"""A disk that is full or read-only: a sentence, nothing lost, and on by itself once there is room."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pyrage
import pytest

from collector.errors import StoreError
from collector.store.backup import make_backup
from collector.store.history import History
from collector.store.retention import EVERYTHING
from tests.clock import ManualClock
from tests.disks import clear, fill, read_only, small_disk

NOW: Final = ManualClock().now()
ROWS: Final = 3_000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of a few megabytes."""
    with small_disk(tmp_path / "disk", megabytes=6) as mounted:
        yield mounted


@pytest.fixture
def history(disk: Path) -> Iterator[History]:
    """Open a history on a disk of its own."""
    made = History(disk / "history.duckdb", at=NOW)
    yield made
    clear(disk)
    made.close()


def _write(history: History, day: int) -> None:
    """Keep a day of thousands of rows that do not compress well."""
    with history.write() as cursor:
        cursor.execute(
            "insert into dropped select 'school', date '2026-01-01' + ?::int, 1, 'bot', "
            "10 * (1 + hash(i + ?) % 90000000) from range(?) as r(i)",
            [day, day * ROWS, ROWS],
        )


def _days(history: History) -> dict[int, int]:
    with history.read() as cursor:
        rows = cursor.execute(
            "select datediff('day', date '2026-01-01', day), count(*) from dropped group by 1 order by 1"
        ).fetchall()
    return {int(day): int(count) for day, count in rows}


@pytest.mark.parametrize("leave", [0, 8_192, 40_960, 98_304, 262_144])
def test_a_write_without_room_is_whole_or_refused(history: History, disk: Path, leave: int) -> None:
    """However little room is left, a write is kept whole or refused with a sentence; later ones go through again."""
    _write(history, 0)
    fill(disk, leave=leave)
    kept = {0}
    for day in (1, 2, 3):
        with suppress(StoreError):
            _write(history, day)
            kept.add(day)
        assert _days(history) == dict.fromkeys(sorted(kept), ROWS)
    clear(disk)
    _write(history, 9)
    assert _days(history) == dict.fromkeys(sorted({*kept, 9}), ROWS)
    history.reopen()
    assert _days(history) == dict.fromkeys(sorted({*kept, 9}), ROWS)


@pytest.mark.parametrize("leave", [0, 40_960])
def test_a_compare_without_room_destroys_nothing(history: History, disk: Path, leave: int) -> None:
    """Where what was committed cannot be brought into the file, the close is told so; the rows can be read."""
    with history.write(is_settled=False) as cursor:
        cursor.execute("insert into dropped select 'school', date '2026-01-01', 1, 'bot', 10 from range(3000)")
    fill(disk, leave=leave)
    with suppress(StoreError):
        history.reopen()
    assert _days(history) == {0: 3_000}
    clear(disk)
    history.reopen()
    assert _days(history) == {0: 3_000}


def test_a_rebuild_without_room_leaves_the_file(history: History, disk: Path) -> None:
    """An erase or a retention that has no room for the new file leaves the old one, and says so."""
    _write(history, 0)
    fill(disk, leave=65_536)
    with pytest.raises(StoreError, match="history_rebuild_failed"):
        history.rebuild(EVERYTHING)
    assert _days(history) == {0: ROWS}
    assert not list(disk.glob("*.new*"))
    clear(disk)
    history.rebuild(EVERYTHING)
    assert _days(history) == {0: ROWS}


@pytest.mark.parametrize("leave", [0, 65_536, 600_000])
def test_a_backup_without_room_leaves_nothing(history: History, disk: Path, leave: int) -> None:
    """A backup that has no room is refused with a sentence; nothing of it is left, neither sealed nor in clear."""
    _write(history, 0)
    folder = disk / "backups"
    folder.mkdir()
    fill(disk, leave=leave)
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    at = datetime(2026, 11, 24, tzinfo=UTC)

    def back_up(at: datetime) -> None:
        make_backup(history, folder, recipient=recipient, settings={}, at=at, keep_days=30)

    with pytest.raises(StoreError, match=r"backup_failed|history_copy_failed|history_full"):
        back_up(at)
    assert list(folder.iterdir()) == []
    assert _days(history) == {0: ROWS}
    clear(disk)
    back_up(at + timedelta(seconds=1))
    assert len(list(folder.iterdir())) == 1


def test_a_start_on_a_full_disk_says_so(disk: Path) -> None:
    """A house whose disk is full ends its start with a sentence, and starts once there is room."""
    fill(disk)
    with pytest.raises(StoreError, match="history_"):
        History(disk / "history.duckdb", at=NOW)
    clear(disk)
    History(disk / "history.duckdb", at=NOW).close()


def test_a_read_only_disk_is_told(history: History, disk: Path) -> None:
    """On a disk that may not be written the start is refused, and a running house refuses and goes on afterwards."""
    _write(history, 0)
    history.close()
    read_only(disk, is_so=True)
    try:
        with pytest.raises(StoreError, match="history_unwritable"):
            History(history.path, at=NOW)
        with pytest.raises(StoreError, match="history_unwritable"):
            History(disk / "new" / "history.duckdb", at=NOW)
    finally:
        read_only(disk, is_so=False)
    again = History(history.path, at=NOW)
    assert _days(again) == {0: ROWS}
    again.close()
