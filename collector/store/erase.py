"""Erase a site: its rows, its record and what its settings said; then the file is written anew without their bytes.

A note beside the history says that an erase has begun, until it is over: whoever is killed in between is finished by
the next start. What stays are the hashes of the settings log, so that the chain still holds for every other site.
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb
import msgspec

from collector.errors import StoreError
from collector.store.history import History
from collector.store.in_force import ERASED
from collector.store.mark import keep_mark
from collector.store.retention import EVERYTHING
from collector.store.sites import Sites

#: Tables of which every row of the site goes, by the column that names it.
_BY_SITE: Final = {"cell": "site", "closed": "site", "committed_hour": "site", "dropped": "site", "site": "id"}
_DAYS_SQL: Final = """
    select min(day), max(day) from (
        select day from cell where site = $site union all select day from closed where site = $site
        union all select day from committed_hour where site = $site union all select day from dropped where site = $site
    )
"""
_BLANK_SQL: Final = (
    "update settings_log set change = null, made_by = null, reason = null, salt = null "
    "where site = ? and salt is not null"
)
#: How far each spool file of a running day was read when its site was erased: what came before is never counted.
SPOOL: Final = "spool"


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Say which site is being erased, by whom and why, so that it is finished whatever happens."""

    site: str
    made_by: str
    reason: str
    at: datetime


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """State what was erased, what stays, and what goes later.

    Attributes:
        rows: Rows that went, by table.
        first_day: Of the days that went; empty where there was none.
        last_day: Of the days that went.
        log_entries: Entries of the settings log whose contents went; their hashes stay.
        bytes_before: Size of the history file.
        bytes_after: Size of the history file, written anew.
        sealed_until: Days whose spool still holds sealed events of the site. Their salt is overwritten, so that no key
            can be computed any more; nothing counts or reads them; the day's key, and they with it, goes when it ends.
        head: Newest entry of the settings log, which tells that the site was erased.
    """

    site: str
    rows: dict[str, int]
    first_day: str
    last_day: str
    log_entries: int
    bytes_before: int
    bytes_after: int
    sealed_until: list[str]
    head: str


def begin(history: History, note: Note) -> None:
    """Keep *note* on the disk before anything is erased.

    Raises:
        StoreError: `erase_not_begun`; nothing is erased then.
    """
    try:
        _put_note(history, note)
    except OSError as error:
        raise StoreError(
            "erase_not_begun", f"The erase could not be noted on the disk ({error.strerror}): nothing was erased."
        ) from None


def _put_note(history: History, note: Note) -> None:
    path = _note_path(history)
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(msgspec.json.encode(note))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    _sync(path.parent)


def begun(history: History) -> Note | None:
    """Return what was begun and is not over, or `None`."""
    try:
        return msgspec.json.decode(_note_path(history).read_bytes(), type=Note)
    except FileNotFoundError:
        return None


def is_gone(history: History, note: Note) -> bool:
    """Tell whether the rows are erased already, and only the file is left to be written anew."""
    with history.read() as cursor:
        return _is_gone(cursor, note)


def erase_site(history: History, sites: Sites, note: Note, *, spool: Mapping[str, Mapping[str, int]]) -> Erased:
    """Erase the rows of a site in one transaction, write the file anew without their bytes, and state what went.

    Doing it again finishes what was begun: what is gone is not noted a second time.

    Args:
        history: Open.
        sites: Do not know the site any more.
        note: Kept by `begin`.
        spool: Per running epoch, how far each spool file holds events of the site, which are never to be counted.

    Raises:
        StoreError: As `History.write` and `History.rebuild`; the note stays, and the next start goes on.
    """
    before = history.path.stat().st_size
    with history.write() as cursor:
        is_due = not _is_gone(cursor, note)
        rows = {table: _count(cursor, table, note.site) if is_due else 0 for table in _BY_SITE}
        first, last = cursor.execute(_DAYS_SQL, {"site": note.site}).fetchall()[0] if is_due else (None, None)
        blanked = 0
        if is_due:
            blanked = _one(cursor, "select count(*) from settings_log where site = ? and salt is not null", note.site)
            for table, column in _BY_SITE.items():
                cursor.execute(f"delete from {table} where {column} = ?", [note.site])
            cursor.execute(_BLANK_SQL, [note.site])
            change = json.dumps({ERASED: True} | ({SPOOL: spool} if spool else {}), sort_keys=True)
            sites.append(cursor, site=note.site, change=change, made_by=note.made_by, reason=note.reason, at=note.at)
    # DuckDB keeps the bytes of deleted rows: only a file that never had them is without.
    history.rebuild(EVERYTHING)
    # Before the note goes: a mark that still knows days of the site alone would have them missed by the next start.
    with suppress(OSError):
        keep_mark(history)
    _note_path(history).unlink(missing_ok=True)
    _sync(history.path.parent)
    return Erased(
        site=note.site,
        rows=rows,
        first_day=first.isoformat() if first else "",
        last_day=last.isoformat() if last else "",
        log_entries=blanked,
        bytes_before=before,
        bytes_after=history.path.stat().st_size,
        sealed_until=sorted(spool),
        head=sites.head(),
    )


def erased_in_spool(history: History, epoch: str) -> dict[str, dict[str, int]]:
    """Return, per site that was erased in the middle of *epoch*, how far its spool files are never to be counted."""
    with history.read() as cursor:
        rows = cursor.execute("select site, change from settings_log where change is not null").fetchall()
    skipped: dict[str, dict[str, int]] = {}
    for site, change in rows:
        said = json.loads(change)
        files = said.get(SPOOL, {}).get(epoch, {}) if said.get(ERASED) else {}
        for file, end in files.items():
            known = skipped.setdefault(site, {})
            known[file] = max(known.get(file, 0), end)
    return skipped


def _is_gone(cursor: duckdb.DuckDBPyConnection, note: Note) -> bool:
    """Look for the entry that says so: a site of the same name may have been added since."""
    said = cursor.execute(
        "select change from settings_log where site = ? and made_at = ? and change is not null",
        [note.site, note.at.astimezone(UTC).replace(tzinfo=None, microsecond=0)],
    ).fetchall()
    return any(json.loads(change).get(ERASED) for (change,) in said)


def _note_path(history: History) -> Path:
    return history.path.with_name(history.path.name + ".erasing")


def _count(cursor: duckdb.DuckDBPyConnection, table: str, site: str) -> int:
    return _one(cursor, f"select count(*) from {table} where {_BY_SITE[table]} = ?", site)


def _one(cursor: duckdb.DuckDBPyConnection, sql: str, site: str) -> int:
    return int(cursor.execute(sql, [site]).fetchall()[0][0])


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
