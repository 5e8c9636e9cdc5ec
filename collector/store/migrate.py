"""Make a history file, or bring an older one up to date, one numbered step a time."""

from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import duckdb

from collector.errors import StoreError

#: The version that `schema.sql` describes; a migration `NNNN.sql` leads from NNNN - 1 to NNNN.
SCHEMA_VERSION: Final = 3


def schema_sql() -> str:
    """Return `schema.sql`: inside the installed package, else at the top of the source tree."""
    packed = files("collector.store") / "schema.sql"
    if packed.is_file():
        return packed.read_text("utf-8")
    return (Path(__file__).parents[2] / "schema.sql").read_text("utf-8")


def prepare(connection: duckdb.DuckDBPyConnection, *, at: datetime) -> None:
    """Bring a file to the version of this program, whatever it is: empty, older, or up to date.

    Raises:
        StoreError: As `upgrade`.
    """
    # A file that was made and not filled, because the house was killed in between, has no table at all.
    if connection.execute("select count(*) from duckdb_tables() where not internal").fetchone() == (0,):
        create(connection, at=at)
    else:
        upgrade(connection, at=at)


def create(connection: duckdb.DuckDBPyConnection, *, at: datetime) -> None:
    """Lay down every table in an empty database, in one transaction."""
    connection.execute("begin")
    connection.execute(schema_sql())
    connection.execute("insert into schema_version values (?, ?)", [SCHEMA_VERSION, at.replace(tzinfo=None)])
    connection.execute("commit")


def upgrade(connection: duckdb.DuckDBPyConnection, *, at: datetime) -> None:
    """Run the migrations that the file has not had, each in one transaction with its number.

    A house that is killed in between finds the file as it was before the step or after it, and goes on from there.

    Raises:
        StoreError: `history_foreign` (no file of ours), `history_newer` (made by a later version),
            `history_upgrade_failed`.
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
        _run(connection, migration_sql(step), step=step, at=at)


def migration_sql(step: int) -> str:
    """Return the statements that lead from the version before *step* to it."""
    return (files("collector.store") / "migrations" / f"{step:04}.sql").read_text("utf-8")


def _run(connection: duckdb.DuckDBPyConnection, sql: str, *, step: int, at: datetime) -> None:
    try:
        connection.execute("begin")
        connection.execute(sql)
        connection.execute("insert into schema_version values (?, ?)", [step, at.replace(tzinfo=None)])
        connection.execute("commit")
    except duckdb.Error as error:
        raise StoreError(
            "history_upgrade_failed",
            f"The history file could not be brought to schema version {step} ({type(error).__name__}); it is as it "
            "was. Is there room on its disk?",
        ) from None
