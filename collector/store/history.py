"""The history file: opened once, read by many cursors, written by one, closed and opened again to be compared.

DuckDB lets one process have the file; readers inside it share this connection. No temporary file, no extension, no
other file and no network can be reached through it (`lock_configuration`).

Source: docs/decisions/0012-durability.md
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from threading import Condition, RLock
from typing import Final

import duckdb
import polars as pl

from collector.arrow import ArrowStream
from collector.errors import StoreError
from collector.store import migrate, opening
from collector.store.layout import copy_cells

MEMORY_LIMIT: Final = "1GB"
#: Longest wait for readers to finish before the file is closed to be compared.
READERS_WAIT_SECONDS: Final = 30.0
#: Laid out so that what is read of a site lies together; `copy_cells` does the same for cells.
_BY_SITE: Final = ("closed", "committed_hour", "dropped")
_TABLES_SQL: Final = (
    "select table_name from duckdb_tables() where not internal and database_name = current_database() order by all"
)


class History:
    """Own the connection to the history file.

    Beside the file an in-memory database `today` is attached, with one table `today.cell`: the k-ruled snapshot of
    the running day, so that the dashboard reads both by the same SQL.
    """

    def __init__(self, path: Path, *, at: datetime, is_uncompressed: bool = False) -> None:
        """Open *path*, or make it where there is none.

        Args:
            path: The history file.
            at: When, for a file that is made.
            is_uncompressed: Write strings as they are, so that an auditor can read them in the bytes.

        Raises:
            StoreError: `history_in_use`, `history_damaged`, `history_foreign`, `history_newer`, `history_unwritable`,
                `history_upgrade_failed`.
        """
        self.path = path
        #: Changes whenever something was written.
        self.writes = 0
        #: Changes whenever a reader may find something else: after a write, a new snapshot, a file written anew.
        self.generation = 0
        #: What was put right while opening, as sentences for the log.
        self.told: list[str] = []
        self._is_uncompressed = is_uncompressed
        self._changed = Condition()
        self._writer = RLock()
        self._readers = 0
        self._snapshot: pl.DataFrame | None = None
        if opening.is_missing(path):
            self._make(at)
        self._connection: duckdb.DuckDBPyConnection | None = self._open()
        # A rebuild that was cut off leaves bytes behind that are meant to be gone. Only who has the file may remove
        # them: another process that rebuilds holds it.
        _remove(self._fresh())
        try:
            migrate.prepare(self._connection, at=at)
            self._connection.execute("checkpoint")
        except BaseException as error:
            self._connection.close()
            if isinstance(error, duckdb.Error):
                raise opening.reworded(error, path) from None
            raise
        self._attach(self._connection)

    def _make(self, at: datetime) -> None:
        """Make the file elsewhere and put it in place in one step: a house that dies meanwhile has none."""
        # A log beside no file belongs to one that is gone.
        if stale := opening.put_log_aside(self.path):
            self.told.append(f"{self.path} was not there and is made anew; a log beside it was put aside as {stale}.")
        fresh = self._fresh()
        _remove(fresh)
        connection = opening.connect(fresh, told=self.told)
        try:
            migrate.create(connection, at=at)
            connection.execute("checkpoint")
            connection.close()
            opening.put_in_place(fresh, self.path)
        except duckdb.Error as error:
            raise opening.reworded(error, self.path) from None
        finally:
            connection.close()
            _remove(fresh)

    def _open(self) -> duckdb.DuckDBPyConnection:
        connection = opening.connect(self.path, told=self.told)
        connection.execute("set temp_directory = ''")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        if self._is_uncompressed:
            connection.execute("set force_compression = 'uncompressed'")
        connection.execute("attach ':memory:' as today")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        return connection

    def _live(self) -> duckdb.DuckDBPyConnection:
        """Return the connection; open the file where the last try to open it failed."""
        with self._changed:
            if self._connection is None:
                connection = self._open()
                self._attach(connection)
                self._connection = connection
            return self._connection

    def _attach(self, connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("create table today.cell as from cell limit 0")
        if self._snapshot is not None:
            _publish(connection, self._snapshot)

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor for reading; the file stays open meanwhile.

        Raises:
            StoreError: Any error of opening, where the file could not be opened again before.
        """
        with self._changed:
            cursor = self._live().cursor()
            self._readers += 1
        try:
            yield cursor
        finally:
            cursor.close()
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def write(self, *, is_settled: bool = True) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor inside one transaction: all of it is kept, or nothing.

        Args:
            is_settled: Whether what was committed goes from the write-ahead log into the file at once, so that no
                damage to a log at rest can lose it. Who writes many days in a row and compares them afterwards may
                leave it to the end.

        Raises:
            StoreError: `history_write_failed`, `history_full`; any error of opening.
        """
        with self._writer:
            try:
                with self.read() as cursor:
                    yield from _in_transaction(cursor)
            except duckdb.FatalException:
                self._revive()
                raise StoreError("history_write_failed", "The history file failed; it was opened again.") from None
            self.writes += 1
            self.generation += 1
            if is_settled:
                self.settle()

    def settle(self) -> None:
        """Bring what was committed into the file.

        Where there is no room for that it stays in the log, where it was synced, and the next write tries again:
        saying that the write failed would have it made twice.
        """
        try:
            with self._writer:
                self._live().execute("checkpoint")
        except duckdb.FatalException:
            # Where it cannot be opened just now, whoever reads next tries again.
            with suppress(StoreError):
                self._revive()
        except duckdb.Error:
            return

    def _revive(self) -> None:
        """Open the file again: after a checkpoint without room DuckDB answers nothing any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._readers == 0, timeout=READERS_WAIT_SECONDS)
            self._let_go()
            self._live()
            self.generation += 1

    def _let_go(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(duckdb.Error):
                connection.close()

    def reopen(self) -> None:
        """Bring everything into the file, close it and open it again, so that what is read next comes from the file.

        DuckDB opens silently with a truncated write-ahead log and without its rows: only what was seen after this
        is known to be kept.

        Raises:
            StoreError: `history_busy` when readers do not finish in time, `history_full`; any error of opening.
        """
        with self._shut():
            pass

    @contextmanager
    def _shut(self) -> Iterator[None]:
        """Keep the file closed, and everything in it, for the length of a block; nobody reads or writes meanwhile.

        Raises:
            StoreError: `history_busy`, `history_full`; any error of opening.
        """
        with self._writer, self._changed:
            if not self._changed.wait_for(lambda: self._readers == 0, timeout=READERS_WAIT_SECONDS):
                raise StoreError("history_busy", "Readers kept the history file open too long; it is tried again.")
            try:
                self._live().execute("checkpoint")
            except duckdb.Error as error:
                self._let_go()
                self._live()
                raise opening.full(error, self.path) from None
            self._let_go()
            try:
                yield
            finally:
                self._live()
                self.generation += 1

    def rebuild(self, keep: Mapping[str, str]) -> None:
        """Write the file anew with what is to be kept, and put it in the old one's place in one step.

        Args:
            keep: Per table, the condition of the rows that stay. Every table is named.

        Raises:
            StoreError: `history_busy`, or `history_rebuild_failed`; the file is then as it was.
        """
        fresh = self._fresh()
        with self._shut():
            try:
                _copy(self.path, fresh, keep, is_uncompressed=self._is_uncompressed)
                fresh.replace(self.path)
                opening.sync_folder(self.path.parent)
            except (duckdb.Error, OSError) as error:
                raise StoreError(
                    "history_rebuild_failed",
                    f"{self.path} could not be written anew ({type(error).__name__}); it is as it was.",
                ) from None
            finally:
                _remove(fresh)

    def copy_to(self, target: Path) -> None:
        """Write a copy of every row into a new file at *target*, without the bytes that lie between rows.

        Raises:
            StoreError: `history_busy`, or `history_copy_failed`.
        """
        with self.read() as cursor:
            keep = {name: "true" for (name,) in cursor.execute(_TABLES_SQL).fetchall()}
        with self._shut():
            try:
                _copy(self.path, target, keep, is_uncompressed=self._is_uncompressed)
            except (duckdb.Error, OSError) as error:
                raise StoreError(
                    "history_copy_failed", f"{self.path} could not be copied ({type(error).__name__})."
                ) from None

    def _fresh(self) -> Path:
        return self.path.with_name(self.path.name + ".new")

    def publish(self, snapshot: pl.DataFrame) -> None:
        """Replace the snapshot of the running day. Columns: those of `cell`, in order."""
        with self._writer, self._changed:
            self._snapshot = snapshot
            _publish(self._live(), snapshot)
            self.generation += 1

    def close(self) -> None:
        """Bring everything into the file and let go of it; what has no room there stays in the log."""
        with self._writer, self._changed:
            if self._connection is not None:
                with suppress(duckdb.Error):
                    self._connection.execute("checkpoint")
            self._let_go()


def _in_transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    try:
        cursor.execute("begin")
        yield cursor
        cursor.execute("commit")
    except duckdb.FatalException:
        raise
    except duckdb.Error as error:
        _roll_back(cursor)
        if opening.NO_ROOM in str(error):
            raise StoreError("history_full", "The disk of the history is full; nothing of it was kept.") from None
        # A check constraint quotes the row it refuses: only the kind of the error leaves.
        message = f"The history file refused the write ({type(error).__name__}); nothing of it was kept."
        raise StoreError("history_write_failed", message) from None
    except BaseException:
        _roll_back(cursor)
        raise


def _publish(connection: duckdb.DuckDBPyConnection, snapshot: pl.DataFrame) -> None:
    cursor = connection.cursor()
    cursor.execute("begin")
    cursor.execute("delete from today.cell")
    insert_frame(cursor, "today.cell", snapshot)
    cursor.execute("commit")
    cursor.close()


def insert_frame(cursor: duckdb.DuckDBPyConnection, table: str, frame: pl.DataFrame) -> None:
    """Append *frame* to *table* by column name; `executemany` takes 100 times as long."""
    if not frame.is_empty():
        cursor.register("incoming", ArrowStream(frame))
        cursor.execute(f"insert into {table} by name select * from incoming")
        cursor.unregister("incoming")


def _remove(fresh: Path) -> None:
    """Remove a file in the making, and what DuckDB keeps beside it."""
    fresh.unlink(missing_ok=True)
    fresh.with_name(fresh.name + ".wal").unlink(missing_ok=True)


def _copy(source: Path, fresh: Path, keep: Mapping[str, str], *, is_uncompressed: bool) -> None:
    """Copy the rows to be kept into a new file, and see that each of them arrived."""
    _remove(fresh)

    @contextmanager
    def connect() -> Iterator[duckdb.DuckDBPyConnection]:
        with duckdb.connect(str(fresh)) as connection:
            connection.execute("set temp_directory = ''")
            connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            if is_uncompressed:
                connection.execute("set force_compression = 'uncompressed'")
            connection.execute(f"attach '{source}' as old (read_only)")
            yield connection
            connection.execute("detach old")
            connection.execute("checkpoint")

    with connect() as connection:
        connection.execute(migrate.schema_sql())
        for table, condition in keep.items():
            if table != "cell":
                order = "order by site, day" if table in _BY_SITE else ""
                connection.execute(f"insert into {table} by name select * from old.{table} where {condition} {order}")
    if "cell" in keep:
        copy_cells(connect, keep["cell"])
    with connect() as connection:
        for table, condition in keep.items():
            rows = connection.execute(
                f"select (select count(*) from {table}), (select count(*) from old.{table} where {condition})"
            ).fetchone()
            if rows is None or rows[0] != rows[1]:
                raise OSError
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("rollback")
    except duckdb.Error:
        # The transaction ended with the error that brought us here.
        return
