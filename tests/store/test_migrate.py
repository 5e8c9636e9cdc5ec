"""Bringing an older history up to date: the same as a new one, whole or not at all."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest

from collector.errors import StoreError
from collector.store import migrate
from collector.store.history import History
from tests.clock import ManualClock
from tests.process import ROOT

NOW: Final = ManualClock().now()
#: How a file of the first version differs from one of today.
_FIRST: Final = (("'spool_damaged', 'history_older'", "'spool_damaged'"), (" or with a newer history'", "'"))
_SHAPE: Final = """
    select table_name, column_name, column_index, data_type, is_nullable, comment from duckdb_columns()
    where not internal order by all
"""
_RULES: Final = "select table_name, constraint_text from duckdb_constraints() order by all"

_CHILD: Final = """
import os, signal, sys
from pathlib import Path
from collector.store import migrate
from collector.store.history import History
from tests.clock import ManualClock
path, after = Path(sys.argv[1]), int(sys.argv[2])
whole = migrate.migration_sql
def cut(step):
    pieces = whole(step).split(";\\n")
    return ";\\n".join([*pieces[:after], "select die()", *pieces[after:]])
class Dying:
    def __init__(self, connection): self._connection = connection
    def execute(self, sql, *given):
        for statement in sql.split(";\\n"):
            if "die()" in statement:
                os.kill(os.getpid(), signal.SIGKILL)
            if statement.strip():
                self._connection.execute(statement, *given)
run = migrate._run
migrate.migration_sql = cut
migrate._run = lambda connection, sql, **named: run(Dying(connection), sql, **named)
History(path, at=ManualClock().now())
"""


@pytest.fixture
def first(tmp_path: Path) -> Path:
    """Write a history of the first version, with a gap in it."""
    sql = migrate.schema_sql()
    for now, then in _FIRST:
        assert sql.count(now) == 1
        sql = sql.replace(now, then)
    path = tmp_path / "history.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(sql)
        connection.execute("insert into schema_version values (1, timestamp '2026-01-01')")
        connection.execute("insert into gap values ('UTC', date '2026-01-01', 1, 'keys_lost', timestamp '2026-01-02')")
    return path


def _look(path: Path) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return (
            connection.execute(_SHAPE).fetchall(),
            connection.execute(_RULES).fetchall(),
            connection.execute("select * from gap").fetchall(),
            connection.execute("select version from schema_version order by 1").fetchall(),
        )


def test_an_older_file_becomes_what_a_new_one_is(first: Path, tmp_path: Path) -> None:
    """After its migrations a file has the columns, comments and checks of schema.sql, and every row that it had."""
    History(tmp_path / "new.duckdb", at=NOW).close()
    gaps = _look(first)[2]
    History(first, at=NOW).close()
    shape, rules, kept, versions = _look(first)
    assert (shape, rules) == _look(tmp_path / "new.duckdb")[:2]
    assert kept == gaps
    assert versions == [(step,) for step in range(1, migrate.SCHEMA_VERSION + 1)]


@pytest.mark.parametrize("after", [1, 2, 4, 6])
def test_a_killed_migration_is_repeated(first: Path, after: int) -> None:
    """Killed between any two of its statements, a migration leaves the file as it was, and the next start does it."""
    before = _look(first)
    ran = subprocess.run(
        [sys.executable, "-c", _CHILD, str(first), str(after)], cwd=ROOT, capture_output=True, check=False
    )
    assert ran.returncode == -signal.SIGKILL, ran.stderr
    assert _look(first) == before
    History(first, at=NOW).close()
    assert _look(first)[3] == [(step,) for step in range(1, migrate.SCHEMA_VERSION + 1)]


def test_a_migration_that_fails_changes_nothing(first: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that cannot be done is refused with a sentence, and the file stays as it was."""
    before = _look(first)
    with monkeypatch.context() as broken:
        broken.setattr(migrate, "migration_sql", lambda _step: "drop table gap; select 1 / 'x'::integer")
        with pytest.raises(StoreError, match="history_upgrade_failed"):
            History(first, at=NOW)
    assert _look(first) == before
    History(first, at=NOW).close()
