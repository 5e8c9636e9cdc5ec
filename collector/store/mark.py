"""Say, beside the history, how far it has come: so that one day an older file in its place is noticed.

    history.duckdb.mark     JSON: how many entries the settings log has, and which days were closed last

A day that is closed is counted in the history and nowhere else: its spool and keys are gone. Where an older history is
put in the place of a newer one, these days are missing, and only who remembers them can say so.
"""

import os
from datetime import date, datetime
from pathlib import Path
from typing import Final

import msgspec

from collector.cursor import Cursor
from collector.model import Epoch
from collector.store.history import History
from collector.store.opening import sync_folder

#: More days than a backup may be old.
DAYS_MAX: Final = 60
_CLOSED_SQL: Final = """
    select coalesce(json_extract_string(site.record, '$.timezone'), ''), day, epoch_part, max(closed_at)
    from closed join site on site.id = closed.site group by all order by 4 desc limit ?
"""


class ClosedDay(msgspec.Struct, frozen=True):
    """Name a part of a time zone's day of which something was kept, and when that was."""

    timezone: str
    day: date
    epoch_part: int
    closed_at: datetime

    @property
    def epoch(self) -> Epoch:
        """Return the epoch whose events it counted."""
        return Epoch(self.timezone, self.day, self.epoch_part)


class Mark(msgspec.Struct, frozen=True):
    """Say how far a history has come.

    Attributes:
        entries: Of the settings log, from which none is ever removed.
        closed: Newest first.
    """

    entries: int
    closed: list[ClosedDay]


class Missing(msgspec.Struct, frozen=True):
    """Say what a history does not have that the one before it had.

    Attributes:
        entries: Of the settings log.
        days: Newest first.
    """

    entries: int
    days: list[ClosedDay]


def keep_mark(history: History) -> None:
    """Write down how far *history* has come.

    Raises:
        OSError: The mark is as it was.
    """
    with history.read() as cursor:
        content = msgspec.json.encode(_seen(cursor))
    path = _mark_path(history)
    fresh = path.with_name(path.name + ".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def missing_in(history: History) -> Missing:
    """Compare a history with the mark of the one that was here before.

    Only days that were closed later than all that it holds: those of an erased site, or of one whose time has come,
    are missing on purpose.
    """
    try:
        mark = msgspec.json.decode(_mark_path(history).read_bytes(), type=Mark)
    except (OSError, msgspec.DecodeError):
        # None yet, or one that cannot be read: then nothing is known of an earlier file.
        return Missing(0, [])
    with history.read() as cursor:
        seen = _seen(cursor)
    newest = max((day.closed_at for day in seen.closed), default=datetime.min)  # noqa: DTZ901 - as the file has them
    return Missing(max(0, mark.entries - seen.entries), [day for day in mark.closed if day.closed_at > newest])


def _seen(cursor: Cursor) -> Mark:
    rows = cursor.execute(_CLOSED_SQL, [DAYS_MAX]).fetchall()
    entries = cursor.execute("select count(*) from settings_log").fetchall()[0][0]
    return Mark(int(entries), [ClosedDay(zone, day, int(part), at) for zone, day, part, at in rows])


def _mark_path(history: History) -> Path:
    return history.path.with_name(history.path.name + ".mark")
