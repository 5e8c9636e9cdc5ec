"""The history file: opened with care, compared, never overwritten."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from collector.errors import StoreError
from collector.model import Cell, Dimension
from collector.store.history import History, insert_frame
from collector.store.ledger import cell_frame
from collector.store.migrate import SCHEMA_VERSION
from tests.clock import ManualClock

DAY = date(2026, 11, 24)


def test_every_column_carries_its_reason(history: History) -> None:
    """Every stored column says its role, its unit and its reason."""
    with history.read() as cursor:
        comments = cursor.execute(
            "select table_name || '.' || column_name, comment from duckdb_columns() "
            "where database_name = 'history' and schema_name = 'main'"
        ).fetchall()
    assert len(comments) > 50
    assert [name for name, comment in comments if comment is None or len(comment.split(" | ")) != 3] == []


def test_every_text_column_is_checked(history: History) -> None:
    """No text column takes any text: each has a check."""
    with history.read() as cursor:
        texts = cursor.execute(
            "select table_name, column_name from duckdb_columns() "
            "where data_type = 'VARCHAR' and database_name = 'history' and schema_name = 'main'"
        ).fetchall()
        checks = cursor.execute(
            "select table_name, constraint_text from duckdb_constraints() "
            "where constraint_type = 'CHECK' and database_name = 'history'"
        ).fetchall()
    unchecked = [
        f"{table}.{column}"
        for table, column in texts
        if not any(table == checked and column in text for checked, text in checks)
    ]
    assert unchecked == []


@pytest.mark.parametrize("value", ["/a?q=1", "/a#b", "/a;v", "jan@school.example", "/a%2Fb", "x" * 301])
def test_a_value_with_a_query_cannot_be_stored(history: History, value: str) -> None:
    """The file itself refuses a path with a query, a fragment, an address or an escape."""
    cell = Cell(dimension=Dimension.PAGE, value=value, contributors=20, pageviews=20)
    frame = cell_frame([cell], site="school", day=DAY, part=1)
    with pytest.raises(StoreError, match="history_write_failed") as caught, history.write() as cursor:
        insert_frame(cursor, "cell", frame)
    assert value not in str(caught.value)


@pytest.mark.parametrize("contributors", [1, 4])
def test_a_row_of_fewer_than_five_cannot_be_stored(history: History, contributors: int) -> None:
    """The file itself refuses a row behind which fewer visitors stand than any setting allows."""
    cell = Cell(dimension=Dimension.PAGE, value="/a", contributors=contributors, pageviews=20)
    frame = cell_frame([cell], site="school", day=DAY, part=1)
    with pytest.raises(StoreError, match="history_write_failed"), history.write() as cursor:
        insert_frame(cursor, "cell", frame)


def test_the_database_reaches_nothing_else(history: History, tmp_path: Path) -> None:
    """Through the history's connection no other file, not even a temporary one, is read or written, and none is set."""
    other = tmp_path / "other.csv"
    with history.read() as cursor:
        assert cursor.execute("select current_setting('temp_directory')").fetchone() == ("",)
        for statement in (
            f"copy cell to '{other}'",
            f"attach '{other}' as other",
            "set enable_external_access = true",
            "set temp_directory = '.tmp'",
            "install httpfs",
        ):
            with pytest.raises(duckdb.Error):
                cursor.execute(statement)
    assert not other.exists()


def test_a_foreign_file_is_left_as_it_is(tmp_path: Path, clock: ManualClock) -> None:
    """A file that is no DuckDB database is refused with a sentence and not touched."""
    path = tmp_path / "history.duckdb"
    path.write_bytes(b"something else entirely, kept by somebody")
    with pytest.raises(StoreError, match="history_damaged"):
        History(path, at=clock.now())
    assert path.read_bytes() == b"something else entirely, kept by somebody"


def test_a_damaged_header_is_left_as_it_is(tmp_path: Path, clock: ManualClock) -> None:
    """A database with a damaged header is refused with a sentence and not touched."""
    path = tmp_path / "history.duckdb"
    History(path, at=clock.now()).close()
    damaged = bytearray(path.read_bytes())
    damaged[4096:12288] = bytes(8192)
    damaged[0:8] = bytes(8)
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match="history_"):
        History(path, at=clock.now())
    assert path.read_bytes() == bytes(damaged)


def test_another_database_is_refused(tmp_path: Path, clock: ManualClock) -> None:
    """A DuckDB database that is not Turven's is refused."""
    path = tmp_path / "history.duckdb"
    with duckdb.connect(str(path)) as other:
        other.execute("create table t (a integer)")
    with pytest.raises(StoreError, match="history_foreign"):
        History(path, at=clock.now())


def test_a_newer_schema_is_refused(tmp_path: Path, clock: ManualClock) -> None:
    """A file that a later version wrote is refused with a sentence."""
    path = tmp_path / "history.duckdb"
    History(path, at=clock.now()).close()
    with duckdb.connect(str(path)) as other:
        other.execute(
            "insert into schema_version values (?, ?)", [SCHEMA_VERSION + 1, clock.now().replace(tzinfo=None)]
        )
    with pytest.raises(StoreError, match="history_newer"):
        History(path, at=clock.now())


def test_the_snapshot_never_enters_the_file(history: History) -> None:
    """The snapshot of the running day is in memory only, also after the file was opened again."""
    cell = Cell(dimension=Dimension.PAGE, value="/geheim-van-vandaag", contributors=10, visitors=10)
    history.publish(cell_frame([cell], site="school", day=DAY, part=1))
    history.reopen()
    with history.read() as cursor:
        assert cursor.execute("select value from today.cell").fetchall() == [("/geheim-van-vandaag",)]
    on_disk = b"".join(path.read_bytes() for path in history.path.parent.iterdir())
    assert b"/geheim-van-vandaag" not in on_disk


def test_a_failed_write_keeps_nothing(history: History) -> None:
    """What fails in the middle of a transaction leaves nothing behind."""
    with pytest.raises(RuntimeError), history.write() as cursor:
        cursor.execute("insert into gap values ('UTC', date '2026-11-24', 1, 'keys_lost', now()::timestamp)")
        raise RuntimeError
    with history.read() as cursor:
        assert cursor.execute("select count(*) from gap").fetchone() == (0,)
