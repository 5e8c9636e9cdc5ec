"""The write-ahead log of the history: empty at rest, and no reason not to start when it is damaged."""

import shutil
from pathlib import Path
from typing import Final

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import StoreError
from collector.store.history import History
from collector.store.migrate import SCHEMA_VERSION
from tests.clock import ManualClock

NOW: Final = ManualClock().now()
SITES: Final = 6


def _add(history: History, name: str) -> None:
    with history.write() as cursor:
        cursor.execute("insert into site values (?, '{}', timestamp '2026-01-01')", [name])


def _sites(history: History) -> list[str]:
    with history.read() as cursor:
        return [name for (name,) in cursor.execute("select id from site order by id").fetchall()]


def _log(history: History) -> Path:
    return history.path.with_name(history.path.name + ".wal")


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Return file and log of a house that died between commits and the checkpoint behind them."""
    history = History(tmp_path_factory.mktemp("log") / "history.duckdb", at=NOW)
    _add(history, "acknowledged")
    for number in range(SITES):
        with history.write(is_settled=False) as cursor:
            cursor.execute("insert into site values (?, '{}', timestamp '2026-01-01')", [f"pending-{number}"])
    content = history.path.read_bytes(), _log(history).read_bytes()
    history.close()
    return content


def test_the_log_is_empty_at_rest(history: History) -> None:
    """Whatever was written is in the file itself, so that no damage to a log can lose it."""
    for name in ("een", "twee"):
        _add(history, name)
        assert not _log(history).exists() or _log(history).stat().st_size == 0
    copy = history.path.with_name("copy.duckdb")
    shutil.copy(history.path, copy)
    again = History(copy, at=NOW)
    assert _sites(again) == ["een", "twee"]
    again.close()


@settings(max_examples=25)
@given(data=st.data())
def test_a_damaged_log_is_put_aside(
    broken_off: tuple[bytes, bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Cut, flipped or foreign, a log never keeps the house from starting nor costs what was acknowledged before."""
    file, log = broken_off
    kind = data.draw(st.sampled_from(["cut", "flip", "zeros", "foreign"]))
    at = data.draw(st.integers(0, len(log) - 1))
    harmed = {
        "cut": log[:at],
        "flip": log[:at] + bytes([log[at] ^ 1 << at % 8]) + log[at + 1 :],
        "zeros": log[:at] + bytes(len(log) - at),
        "foreign": bytes(reversed(log)),
    }[kind]
    path = tmp_path_factory.mktemp("harmed") / "history.duckdb"
    path.write_bytes(file)
    _log_path = path.with_name(path.name + ".wal")
    _log_path.write_bytes(harmed)
    history = History(path, at=NOW)
    pending = [f"pending-{number}" for number in range(SITES)]
    found = _sites(history)
    assert found == ["acknowledged", *pending[: len(found) - 1]]
    aside = path.with_name(path.name + ".wal.damaged")
    assert [str(aside) in sentence for sentence in history.told] == [True] * aside.exists()
    if aside.exists():
        assert aside.read_bytes() == harmed
    _add(history, "after")
    history.close()
    again = History(path, at=NOW)
    assert _sites(again) == sorted([*found, "after"])
    assert again.told == []
    again.close()


def test_a_whole_log_is_replayed(broken_off: tuple[bytes, bytes], tmp_path: Path) -> None:
    """What was committed when the house died is there after the next start."""
    path = tmp_path / "history.duckdb"
    path.write_bytes(broken_off[0])
    path.with_name(path.name + ".wal").write_bytes(broken_off[1])
    history = History(path, at=NOW)
    assert len(_sites(history)) == 1 + SITES
    assert history.told == []
    history.close()


def test_a_log_without_its_file_is_put_aside(broken_off: tuple[bytes, bytes], tmp_path: Path) -> None:
    """A history that was taken away leaves nothing of its log in the one that is made instead."""
    path = tmp_path / "history.duckdb"
    path.with_name(path.name + ".wal").write_bytes(broken_off[1])
    history = History(path, at=NOW)
    assert _sites(history) == []
    assert len(history.told) == 1
    history.close()


@pytest.mark.parametrize("step", ["collector.store.migrate.create", "collector.store.opening.put_in_place"])
def test_a_first_start_that_breaks_off_is_repeated(tmp_path: Path, step: str) -> None:
    """A house that was killed in its very first second has no history yet, and starts the next time."""
    path = tmp_path / "history.duckdb"
    with pytest.MonkeyPatch.context() as killed:
        killed.setattr(step, lambda *_, **__: (_ for _ in ()).throw(InterruptedError))
        with pytest.raises(InterruptedError):
            History(path, at=NOW)
    assert not path.exists()
    path.touch()
    history = History(path, at=NOW)
    with history.read() as cursor:
        assert cursor.execute("select version from schema_version").fetchall() == [(SCHEMA_VERSION,)]
    history.close()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["history.duckdb"]


def test_what_cannot_be_opened_again_is_tried_later(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file cannot be opened after it was closed to be compared, the next question tries again."""
    _add(history, "een")
    with monkeypatch.context() as broken:
        broken.setattr("collector.store.opening._connect", _refuse)
        for _ in range(2):
            with pytest.raises(StoreError, match="history_unwritable"):
                history.reopen()
        with pytest.raises(StoreError, match="history_unwritable"):
            _sites(history)
    assert _sites(history) == ["een"]


def _refuse(path: Path) -> None:
    raise duckdb.IOException(f"Cannot open file {path}: Permission denied")
