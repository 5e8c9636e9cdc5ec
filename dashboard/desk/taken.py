"""Keep which figures left the house, by whom and when: a file, an answer to a program, a mail."""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from dashboard.desk.file import Desk
from dashboard.who import Way, Who

#: As long as the figures themselves are kept: 25 months.
TAKEN_DAYS_MAX: Final = 760
#: What programs ask for all day long is noted once a day.
API: Final = "api"
ALL_CELLS: Final = "all cells"
MAIL: Final = "mail"
#: Letters of an instant up to its day, and up to its minute.
_DAY, _MINUTE = 10, 16
_COLUMNS: Final = "made_at, who, way, site, what"


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """Hold that something left the house.

    Attributes:
        made_at: Aware UTC.
        who: Name of an account, of a pass or of a link; of staff, never of a visitor.
        way: Of `who.Way`.
        site: Id; of a table of several sites there is one line each.
        what: A panel, `all cells`, `api` or `mail`.
    """

    made_at: datetime
    who: str
    way: str
    site: str
    what: str


def record(desk: Desk, who: Who, *, sites: tuple[str, ...], what: str, at: datetime) -> None:
    """Note that *who* took *what* of *sites*, before it leaves; lines older than 25 months go.

    Args:
        desk: Holds it.
        who: Who took it.
        sites: Ids.
        what: Name of a panel, `ALL_CELLS`, `API` (noted once a day for each program) or `MAIL`; of a link a file is
            noted once a minute.
        at: Aware UTC.
    """
    # Whoever holds a link is no account that could be switched off: they could fill the disk with lines.
    since = {API: _text(at)[:_DAY]}.get(what, _text(at)[:_MINUTE] if who.way is Way.LINK else "")
    if since and all(_is_noted(desk, (who.name, who.way.value, site, what), since=since) for site in sites):
        return
    with desk.write() as cursor:
        cursor.execute("delete from taken where made_at < ?", (_text(at - timedelta(TAKEN_DAYS_MAX)),))
        cursor.executemany(
            f"insert into taken ({_COLUMNS}) values (?, ?, ?, ?, ?)",
            [(_text(at), who.name, who.way.value, site, what) for site in sites],
        )


def _is_noted(desk: Desk, line: tuple[str, ...], *, since: str) -> bool:
    with desk.read() as cursor:
        return bool(
            cursor.execute(
                "select 1 from taken where (who, way, site, what) = (?, ?, ?, ?) and made_at >= ? limit 1",
                (*line, since),
            ).fetchone()
        )


def taken(desk: Desk, *, sites: tuple[str, ...] | None, limit: int, offset: int = 0) -> tuple[list[Taken], int]:
    """Return what left the house of *sites* (None for every site), the newest first, and how many lines there are."""
    where = "1" if sites is None else f"site in ({', '.join('?' for _ in sites)})"
    values = sites or ()
    with desk.read() as cursor:
        (count,) = cursor.execute(f"select count(*) from taken where {where}", values).fetchone()
        cursor.execute(
            f"select {_COLUMNS} from taken where {where} order by made_at desc, id desc limit ? offset ?",
            (*values, limit, offset),
        )
        return [
            msgspec.convert(dict(zip(Taken.__struct_fields__, row, strict=True)), Taken, strict=False)
            for row in cursor.fetchall()
        ], int(count)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
