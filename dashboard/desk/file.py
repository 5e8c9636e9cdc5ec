"""Open `desk.sqlite`: one file, one writer, what is deleted is overwritten."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from threading import RLock
from typing import Final

#: Of the tables in `schema.sql`; stands in the file's own header.
DESK_VERSION: Final = 1
_BUSY_SECONDS: Final = 5.0


class Desk:
    """Hold the file open; several threads may ask, one at a time.

    SQLite and not DuckDB: a command of another process can open it beside a running house.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, or make it with mode 600."""
        self.path = path
        self._lock = RLock()
        path.touch(mode=0o600, exist_ok=True)
        # One that was put back by hand may be open to others.
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        self._connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        for pragma in ("secure_delete = on", "foreign_keys = on", "journal_mode = truncate"):
            self._connection.execute(f"pragma {pragma}").fetchall()
        with self.write() as cursor:
            if cursor.execute("pragma user_version").fetchone() == (0,):
                self._make(cursor)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Cursor]:
        """Lend a cursor to ask with."""
        with self._lock:
            yield self._connection.cursor()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Cursor]:
        """Lend a cursor whose changes are kept together, or not at all."""
        with self._lock:
            cursor = self._connection.cursor()
            cursor.execute("begin immediate")
            try:
                yield cursor
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    def forget_site(self, site: str) -> None:
        """Remove everything that stands under a site's name; called when the site is erased."""
        with self.write() as cursor:
            for table in ("token", "link", "note", "mailing", "taken"):
                cursor.execute(f"delete from {table} where site = ?", (site,))
            # A site that comes back under this name is another one: nobody sees it until they are given it.
            cursor.execute(
                "update account set sites = (select json_group_array(value) from json_each(sites) where value <> ?) "
                "where sites <> 'null'",
                (site,),
            )

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _make(self, cursor: sqlite3.Cursor) -> None:
        sql = (files("dashboard.desk") / "schema.sql").read_text("utf-8")
        # Not `executescript`, which commits what was begun.
        lines = [line.partition("--")[0] for line in sql.splitlines()]
        for statement in "\n".join(lines).split(";"):
            if statement.strip():
                cursor.execute(statement)
        cursor.execute(f"pragma user_version = {DESK_VERSION}")
