"""Read a copy of a history file, as an auditor holds it: nothing is written, nothing else is reached."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from collector.errors import StoreError
from collector.store.migrate import schema_sql


@contextmanager
def read_copy(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a connection to a copy of a history file.

    Raises:
        StoreError: `history_missing`, `history_unreadable` (damaged, of another version, or open in a running house),
            `history_foreign` (a question failed: the file lacks what every history has, or its blocks are damaged).
    """
    if not path.is_file():
        raise StoreError("history_missing", f"There is no file {path}.")
    try:
        connection = duckdb.connect(str(path), read_only=True)
    except duckdb.Error as error:
        raise StoreError(
            "history_unreadable",
            f"{path} cannot be read ({type(error).__name__}). Of a running house, ask without --history.",
        ) from None
    try:
        connection.execute("set temp_directory = ''")
        connection.execute("set enable_external_access = false")
        yield connection
    except duckdb.Error as error:
        raise StoreError(
            "history_foreign",
            f"{path} is a database, but cannot be asked what a history of Turven can ({type(error).__name__}).",
        ) from None
    finally:
        connection.close()


@contextmanager
def read_nothing() -> Iterator[duckdb.DuckDBPyConnection]:
    """Lend a history without a row, in memory: that of a house which has not started yet."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("set temp_directory = ''")
        connection.execute(schema_sql())
        yield connection
