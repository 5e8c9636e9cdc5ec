"""The history file: opened once, read by many cursors, written by one, closed and opened again to be compared.

DuckDB lets one process have the file; readers inside it share this connection. No temporary file, no extension, no
other file and no network can be reached through it (`lock_configuration`).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Condition, RLock
from typing import Final

import duckdb
import polars as pl

from collector.arrow import ArrowStream
from collector.errors import StoreError
from collector.store import migrate

MEMORY_LIMIT: Final = "1GB"
#: Longest wait for readers to finish before the file is closed to be compared.
READERS_WAIT_SECONDS: Final = 30.0
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
            StoreError: `history_in_use`, `history_damaged`, `history_foreign`, `history_newer`, `history_unwritable`.
        """
        self.path = path
        self._is_uncompressed = is_uncompressed
        self._changed = Condition()
        self._writer = RLock()
        self._readers = 0
        self._snapshot: pl.DataFrame | None = None
        is_new = not path.exists()
        self._connection = self._open()
        # A rebuild that was cut off leaves bytes behind that are meant to be gone. Only who has the file may remove
        # them: another process that rebuilds holds it.
        _remove(self._fresh())
        if is_new:
            migrate.create(self._connection, at=at)
            self._connection.execute("checkpoint")
        else:
            migrate.upgrade(self._connection, at=at)
        self._attach()

    def _open(self) -> duckdb.DuckDBPyConnection:
        _refuse_foreign(self.path)
        try:
            connection = duckdb.connect(
                str(self.path),
                config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"},
            )
        except duckdb.Error as error:
            raise _reworded(error, self.path) from None
        connection.execute("set temp_directory = ''")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        if self._is_uncompressed:
            connection.execute("set force_compression = 'uncompressed'")
        connection.execute("attach ':memory:' as today")
        connection.execute("set enable_external_access = false")
        connection.execute("set lock_configuration = true")
        return connection

    def _attach(self) -> None:
        self._connection.execute("create table today.cell as from cell limit 0")
        if self._snapshot is not None:
            self._publish(self._snapshot)

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor for reading; the file stays open meanwhile."""
        with self._changed:
            self._readers += 1
            cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()
            with self._changed:
                self._readers -= 1
                self._changed.notify_all()

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor inside one transaction: all of it is kept, or nothing.

        Raises:
            StoreError: `history_write_failed`.
        """
        with self._writer, self.read() as cursor:
            cursor.execute("begin")
            try:
                yield cursor
                cursor.execute("commit")
            except duckdb.Error as error:
                _roll_back(cursor)
                # A check constraint quotes the row it refuses: only the kind of the error leaves.
                message = f"The history file refused the write ({type(error).__name__}); nothing of it was kept."
                raise StoreError("history_write_failed", message) from None
            except BaseException:
                _roll_back(cursor)
                raise

    def reopen(self) -> None:
        """Bring everything into the file, close it and open it again, so that what is read next comes from the file.

        DuckDB opens silently with a truncated write-ahead log and without its rows: only what was seen after this
        is known to be kept.

        Raises:
            StoreError: `history_busy` when readers do not finish in time; any error of opening.
        """
        with self._shut():
            pass

    @contextmanager
    def _shut(self) -> Iterator[None]:
        """Keep the file closed, and everything in it, for the length of a block; nobody reads or writes meanwhile.

        Raises:
            StoreError: `history_busy`; any error of opening.
        """
        with self._writer, self._changed:
            if not self._changed.wait_for(lambda: self._readers == 0, timeout=READERS_WAIT_SECONDS):
                raise StoreError("history_busy", "Readers kept the history file open too long; it is tried again.")
            self._connection.execute("checkpoint")
            self._connection.close()
            try:
                yield
            finally:
                self._connection = self._open()
                self._attach()

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
                _sync_folder(self.path.parent)
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
            self._publish(snapshot)

    def _publish(self, snapshot: pl.DataFrame) -> None:
        with_cursor = self._connection.cursor()
        with_cursor.execute("begin")
        with_cursor.execute("delete from today.cell")
        insert_frame(with_cursor, "today.cell", snapshot)
        with_cursor.execute("commit")
        with_cursor.close()

    def close(self) -> None:
        """Bring everything into the file and let go of it."""
        with self._writer, self._changed:
            self._connection.execute("checkpoint")
            self._connection.close()


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
    with duckdb.connect(str(fresh)) as connection:
        connection.execute("set temp_directory = ''")
        connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
        if is_uncompressed:
            connection.execute("set force_compression = 'uncompressed'")
        connection.execute(migrate.schema_sql())
        connection.execute(f"attach '{source}' as old (read_only)")
        for table, condition in keep.items():
            order = "order by date_trunc('month', day), site, day, part" if table == "cell" else ""
            connection.execute(f"insert into {table} by name select * from old.{table} where {condition} {order}")
            rows = connection.execute(
                f"select (select count(*) from {table}), (select count(*) from old.{table} where {condition})"
            ).fetchone()
            if rows is None or rows[0] != rows[1]:
                raise OSError
        connection.execute("detach old")
        connection.execute("checkpoint")
    with fresh.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _roll_back(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("rollback")
    except duckdb.Error:
        # The transaction ended with the error that brought us here.
        return


#: DuckDB writes these four bytes at offset 8 of every database.
_MAGIC: Final = b"DUCK"
_MAGIC_AT: Final = 8


def _refuse_foreign(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with path.open("rb") as file:
            head = file.read(_MAGIC_AT + len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError("history_unwritable", f"{path}: {error.strerror}.") from None
    if head[_MAGIC_AT:] != _MAGIC:
        raise StoreError("history_damaged", f"{path} is no DuckDB file. It was left as it is: restore a backup.")


def _reworded(error: duckdb.Error, path: Path) -> StoreError:
    text = str(error)
    # Not "lock" alone: a damaged block is none.
    if "could not set lock" in text.lower():
        return StoreError("history_in_use", f"{path} is open in another process; one house has one history file.")
    if "version number" in text or "newer" in text.lower():
        return StoreError("history_newer", f"{path} was written by another version of DuckDB. It was left as it is.")
    if "permission" in text.lower() or "read-only" in text.lower():
        return StoreError("history_unwritable", f"{path} cannot be written by this user.")
    return StoreError(
        "history_damaged",
        f"{path} cannot be opened ({type(error).__name__}). It was left as it is: keep a copy, then restore a backup.",
    )
