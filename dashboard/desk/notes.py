"""Keep notes at the days of a site: a release, a campaign, a day of snow; nothing about visitors."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

import msgspec

from collector.errors import SettingsError
from collector.policy import RETENTION_DAYS_MAX
from dashboard.desk.file import Desk

TEXT_LENGTH_MAX: Final = 200
#: Of one site on one day: a pipeline that goes astray fills no disk, and a chart can still be read.
NOTES_PER_DAY_MAX: Final = 20
#: What is planned may stand there beforehand.
DAYS_AHEAD_MAX: Final = 366


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a note as it is kept.

    Attributes:
        day: Local date of the site.
        made_by: Name of an account, or what a key is called.
        made_at: Aware UTC.
    """

    id: int
    site: str
    day: date
    text: str
    made_by: str
    made_at: datetime


def write(desk: Desk, *, site: str, day: date, text: str, made_by: str, at: datetime, today: date) -> Note:
    """Keep a note.

    Args:
        desk: Holds it.
        site: Id of a site that there is.
        day: To which it belongs; within what is kept, and at most a year ahead.
        text: On one line; runs of space become one.
        made_by: Name of an account, or what a key is called.
        at: Aware UTC.
        today: The running day where the site is.

    Raises:
        SettingsError: `note_text`, `note_day`, `notes_full`.
    """
    text = " ".join(text.split())
    if not 1 <= len(text) <= TEXT_LENGTH_MAX or not text.isprintable():
        raise SettingsError("note_text", f"A note has 1 to {TEXT_LENGTH_MAX} characters, on one line.")
    if not today - timedelta(RETENTION_DAYS_MAX) <= day <= today + timedelta(DAYS_AHEAD_MAX):
        raise SettingsError(
            "note_day", "A note belongs to a day of which figures are kept, or to one in the year ahead."
        )
    with desk.write() as cursor:
        (count,) = cursor.execute("select count(*) from note where site = ? and day = ?", (site, str(day))).fetchone()
        if count >= NOTES_PER_DAY_MAX:
            raise SettingsError(
                "notes_full", f"There are {NOTES_PER_DAY_MAX} notes at that day already; remove one first."
            )
        made_at = at.astimezone(UTC).replace(microsecond=0)
        row = cursor.execute(
            "insert into note (site, day, text, made_by, made_at) values (?, ?, ?, ?, ?) returning id",
            (site, str(day), text, made_by, made_at.isoformat()),
        ).fetchone()
    return Note(id=row[0], site=site, day=day, text=text, made_by=made_by, made_at=made_at)


def of(desk: Desk, sites: Sequence[str], *, first: date, last: date) -> list[Note]:
    """Return the notes at the days from *first* to *last*, oldest first."""
    marks = ", ".join("?" for _ in sites)
    with desk.read() as cursor:
        rows = cursor.execute(
            f"select id, site, day, text, made_by, made_at from note where site in ({marks}) and day between ? and ? "
            "order by day, id",
            (*sites, str(first), str(last)),
        ).fetchall()
    return [
        Note(
            id=row[0],
            site=row[1],
            day=date.fromisoformat(row[2]),
            text=row[3],
            made_by=row[4],
            made_at=datetime.fromisoformat(row[5]),
        )
        for row in rows
    ]


def remove(desk: Desk, note_id: int, *, sites: Collection[str] | None) -> bool:
    """Remove a note of one of *sites* (None for any), and return whether there was one."""
    with desk.write() as cursor:
        row = cursor.execute("select site from note where id = ?", (note_id,)).fetchone()
        if row is None or (sites is not None and row[0] not in sites):
            return False
        cursor.execute("delete from note where id = ?", (note_id,))
    return True
