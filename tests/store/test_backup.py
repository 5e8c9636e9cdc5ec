"""Backups: sealed, read back, whole, and never put over what is newer."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyrage
import pytest

from collector.errors import SettingsError, StoreError
from collector.store import backup
from collector.store.backup import AGE_START, Made, make_backup, make_key, opened, remove_old, restore
from collector.store.history import History
from tests.clock import ManualClock

AT = datetime(2026, 11, 24, 2, tzinfo=UTC)
KEY = pyrage.x25519.Identity.generate()
Make = Callable[..., Made]


@pytest.fixture
def make(history: History, tmp_path: Path) -> Make:
    """Return what makes a backup of a history with one site in it."""
    with history.write() as cursor:
        cursor.execute("insert into site values ('school', '{\"id\":\"school\"}', timestamp '2026-01-01')")

    def run(at: datetime = AT, *, keep_days: int = 30, recipient: str = str(KEY.to_public())) -> Made:
        return make_backup(
            history, tmp_path / "backups", recipient=recipient, settings={"k": 10}, at=at, keep_days=keep_days
        )

    return run


def test_a_backup_comes_back_row_by_row(make: Make, tmp_path: Path) -> None:
    """What was backed up is restored whole: every table, with its rows and comments."""
    made = make()
    target = tmp_path / "elsewhere" / "history.duckdb"
    assert restore(Path(made.file), target, key=str(KEY)) == made.manifest
    with duckdb.connect(str(target), read_only=True) as copy:
        assert copy.execute("select id from site").fetchall() == [("school",)]
        row = copy.execute("select comment from duckdb_columns() where column_name = 'contributors'").fetchone()
        assert row is not None
        assert row[0].startswith("witness")
    assert made.manifest.rows["site"] == 1


def test_a_backup_is_sealed(make: Make) -> None:
    """Without the key nothing of the history can be read in a backup, and its mode lets nobody else try."""
    file = Path(make().file)
    content = file.read_bytes()
    assert content.startswith(AGE_START)
    assert b"school" not in content
    assert b"DUCK" not in content
    assert file.parent.stat().st_mode & 0o077 == 0


def test_nothing_in_clear_is_left_behind(make: Make) -> None:
    """While a backup is made its plain copy lies in a folder of its own, which is gone afterwards."""
    folder = Path(make().file).parent
    assert [path.name for path in folder.iterdir()] == ["turven-20261124T020000Z.age"]


def test_a_house_without_a_recipient_makes_no_backup(make: Make) -> None:
    """A backup in clear cannot be had: without a key there is a sentence that says how to make one."""
    with pytest.raises(SettingsError, match="backup_recipient_missing"):
        make(recipient="")


def test_old_backups_go(make: Make, tmp_path: Path) -> None:
    """When a backup is made, those that reached their age are removed, and nothing else in the folder is."""
    for days in (31, 30, 1):
        make(AT - timedelta(days=days))
    other = tmp_path / "backups" / "notes.age"
    other.write_text("mine")
    made = make()
    assert made.removed == ["turven-20261024T020000Z.age"]
    assert other.exists()
    assert remove_old(tmp_path / "backups", at=AT + timedelta(days=40), keep_days=30) != []
    assert list((tmp_path / "backups").iterdir()) == [other]


def test_a_newer_history_is_never_overwritten(make: Make, history: History, tmp_path: Path) -> None:
    """A history that holds a day or a setting that the backup does not stays, or is moved whole where asked."""
    made = make()
    with history.write() as cursor:
        cursor.execute(
            "insert into gap values ('Europe/Amsterdam', date '2026-11-24', 1, 'keys_lost', now()::timestamp)"
        )
    history.close()
    before = history.path.read_bytes()
    with pytest.raises(StoreError, match="backup_older"):
        restore(Path(made.file), history.path, key=str(KEY))
    assert history.path.read_bytes() == before
    aside = tmp_path / "aside.duckdb"
    restore(Path(made.file), history.path, key=str(KEY), set_aside=aside)
    assert aside.read_bytes() == before
    with duckdb.connect(str(history.path), read_only=True) as copy:
        assert copy.execute("select count(*) from gap").fetchall() == [(0,)]
    # The fixture closes it once more.
    history.__init__(history.path, at=AT)  # type: ignore[misc]


def test_another_key_opens_nothing(make: Make, tmp_path: Path) -> None:
    """A backup opens with its own key and no other."""
    made = make()
    other = pyrage.x25519.Identity.generate()
    with pytest.raises(StoreError, match="backup_unreadable"):
        restore(Path(made.file), tmp_path / "x.duckdb", key=str(other))
    with pytest.raises(SettingsError, match="backup_key_wrong"):
        restore(Path(made.file), tmp_path / "x.duckdb", key="no key")
    assert not (tmp_path / "x.duckdb").exists()


def test_a_flipped_byte_is_noticed(make: Make, tmp_path: Path) -> None:
    """A backup of which any byte was changed is not restored."""
    file = Path(make().file)
    content = bytearray(file.read_bytes())
    for at in range(0, len(content), max(1, len(content) // 40)):
        harmed = bytearray(content)
        harmed[at] ^= 1
        (tmp_path / "harmed.age").write_bytes(harmed)
        with pytest.raises(StoreError, match="backup_unreadable"):
            restore(tmp_path / "harmed.age", tmp_path / "y.duckdb", key=str(KEY))


def test_a_foreign_archive_is_refused(make: Make, tmp_path: Path) -> None:
    """A sealed file that holds something else than a backup has is refused, wherever its names point."""
    make()
    (tmp_path / "evil").write_bytes(pyrage.encrypt(b"no tar", [KEY.to_public()]))
    with (
        TemporaryDirectory(dir=tmp_path) as work,
        pytest.raises(StoreError, match="backup_unreadable"),
        opened(tmp_path / "evil", key=str(KEY), work=Path(work)),
    ):
        raise AssertionError("it was opened")


def test_a_backup_that_cannot_be_read_back_is_none(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what was written reads differently, no backup is there and the caller is told."""
    monkeypatch.setattr(backup, "_unpack", lambda *_, **__: None)
    with pytest.raises(StoreError, match="backup_failed"):
        make()
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_key_is_ours_alone_and_never_overwritten(tmp_path: Path) -> None:
    """The file of a key can be read by its owner only, and making another one leaves it as it is."""
    path = tmp_path / "key.txt"
    recipient = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert recipient.startswith("age1")
    with pytest.raises(SettingsError, match="backup_key_exists"):
        make_key(path)


def test_the_clock_names_the_file(make: Make) -> None:
    """A backup's name tells when it was made, in UTC."""
    assert make(ManualClock().now()).file.endswith(f"turven-{ManualClock().now():%Y%m%dT%H%M%SZ}.age")


def test_a_killed_backup_leaves_no_copy_in_clear(make: Make, history: History) -> None:
    """What a backup or a restore that was killed left in clear is removed by the next one."""
    folder = Path(make().file).parent
    for name in (".making-killed", ".restoring-killed"):
        (folder / name / "opened").mkdir(parents=True)
        (folder / name / "opened" / "history.duckdb").write_bytes(b"in clear")
    made = make(AT + timedelta(seconds=1))
    assert sorted(path.name for path in folder.iterdir()) == ["turven-20261124T020000Z.age", Path(made.file).name]


def test_a_log_of_before_is_not_replayed_on_what_is_restored(make: Make, history: History, tmp_path: Path) -> None:
    """A write-ahead log that lies beside the old history does not come into the one that is put in its place."""
    made = make()
    target = tmp_path / "other" / "history.duckdb"
    restore(Path(made.file), target, key=str(KEY))
    log = target.with_name("history.duckdb.wal")
    other = History(target, at=AT)
    with other.write(is_settled=False) as cursor:
        cursor.execute("insert into gap values ('UTC', date '2026-11-24', 1, 'keys_lost', now()::timestamp)")
    left = log.read_bytes()
    with other.write() as cursor:
        cursor.execute("delete from gap")
    other.close()
    log.write_bytes(left)
    target.unlink()
    restore(Path(made.file), target, key=str(KEY))
    again = History(target, at=AT)
    with again.read() as cursor:
        assert cursor.execute("select count(*) from gap").fetchall() == [(0,)]
    again.close()
