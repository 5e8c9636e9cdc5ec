"""Make a history file, or bring an older one up to date, one numbered step a time."""

from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import duckdb

from collector.errors import StoreError

#: The version that `schema.sql` describes; a migration `NNNN.sql` leads from NNNN - 1 to NNNN.
SCHEMA_VERSION: Final = 1


def schema_sql() -> str:
    """Return `schema.sql`: inside the installed package, else at the top of the source tree."""
    packed = files("collector.store") / "schema.sql"
    if packed.is_file():
        return packed.read_text("utf-8")
    return (Path(__file__).parents[2] / "schema.sql").read_text("utf-8")


def create(connection: duckdb.DuckDBPyConnection, *, at: datetime) -> None:
    """Lay down every table in an empty database, in one transaction."""
    connection.execute("begin")
    connection.execute(schema_sql())
    connection.execute("insert into schema_version values (?, ?)", [SCHEMA_VERSION, at.replace(tzinfo=None)])
    connection.execute("commit")


def upgrade(connection: duckdb.DuckDBPyConnection, *, at: datetime) -> None:
    """Run the migrations that the file has not had.

    Raises:
        StoreError: `history_foreign` (no file of ours), `history_newer` (made by a later version).
    """
    try:
        row = connection.execute("select max(version) from schema_version").fetchone()
    except duckdb.CatalogException:
        raise StoreError("history_foreign", "The history file is a DuckDB database, but not Turven's.") from None
    version = int(row[0]) if row and row[0] is not None else 0
    if version > SCHEMA_VERSION:
        raise StoreError(
            "history_newer",
            f"The history file has schema version {version}, this program knows {SCHEMA_VERSION}: install a newer one.",
        )
    for step in range(version + 1, SCHEMA_VERSION + 1):
        sql = (files("collector.store") / "migrations" / f"{step:04}.sql").read_text("utf-8")
        connection.execute("begin")
        connection.execute(sql)
        connection.execute("insert into schema_version values (?, ?)", [step, at.replace(tzinfo=None)])
        connection.execute("commit")
