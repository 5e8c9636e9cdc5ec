"""Keep which reports leave by e-mail: to whom, of which site, how often, and up to which day they were sent."""

import re
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from collector.errors import SettingsError
from dashboard.desk.file import Desk
from dashboard.query import Span

Every = Literal["week", "month"]
MAILINGS_MAX: Final = 50
RECEIVER_LENGTH_MAX: Final = 320
#: A report that could not be sent for so long tells nobody anything any more.
LATEST_DAYS: Final = {"week": 35, "month": 62}
#: How long to wait after each try in vain; after the last of them once a day, for as long as the report is due.
WAITS: Final = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 360, 1_440))
#: One address as mail programs write it; quoted and foreign-letter ones are rare enough to be refused.
_RECEIVER: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+")
_COLUMNS: Final = "id, site, every, receiver, language, made_by, made_at, sent_until, stop, tries, tried_at, failed"


class Mailing(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a report that leaves by e-mail.

    Attributes:
        receiver: Personal data of staff: on the desk and nowhere else.
        sent_until: Last day that a mail told of; before the first one the eve of the day on which it was asked for.
        stop: Secret part of the address that stops it.
        tries: In vain, of the mail that is due.
        tried_at: Aware UTC; None where nothing failed.
        failed: Code of what went wrong last.
    """

    id: int
    site: str
    every: Every
    receiver: str
    language: str
    made_by: str
    made_at: datetime
    sent_until: date
    stop: str
    tries: int = 0
    tried_at: datetime | None = None
    failed: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what somebody asks for who has reports sent."""

    site: str
    every: str
    receiver: str
    language: str


def add(desk: Desk, order: Order, *, stop: str, made_by: str, at: datetime, today: date) -> None:
    """Have reports sent from the next week or month that ends.

    Args:
        desk: Holds it.
        order: What is asked for.
        stop: Secret part of the address that stops it.
        made_by: Name of an account.
        at: Aware UTC.
        today: Where the site is.

    Raises:
        SettingsError: `mail_receiver`, `mail_every`, `mail_twice`, `mailings_too_many`.
    """
    if len(order.receiver) > RECEIVER_LENGTH_MAX or not _RECEIVER.fullmatch(order.receiver):
        raise SettingsError("mail_receiver", "Write one e-mail address, such as team@school.example.")
    if order.every not in LATEST_DAYS or order.language not in {"nl", "en"}:
        raise SettingsError("mail_every", "A report is sent every week or every month, in Dutch or English.")
    with desk.write() as cursor:
        kept = cursor.execute("select every, lower(receiver) from mailing where site = ?", (order.site,)).fetchall()
        if (order.every, order.receiver.lower()) in kept:
            raise SettingsError("mail_twice", "This address gets this report already.")
        if len(kept) >= MAILINGS_MAX:
            raise SettingsError("mailings_too_many", f"A site has at most {MAILINGS_MAX} receivers.")
        cursor.execute(
            "insert into mailing (site, every, receiver, language, made_by, made_at, sent_until, stop) "
            "values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(order.site, order.every, order.receiver, order.language, made_by),
                *(_text(at), (today - timedelta(1)).isoformat(), stop),
            ),
        )


def mailings(desk: Desk, site: str | None = None) -> list[Mailing]:
    """Return the mailings of a site, or of all."""
    with desk.read() as cursor:
        cursor.execute(
            f"select {_COLUMNS} from mailing where site = coalesce(?, site) order by site, every, receiver",
            (site,),
        )
        return [_mailing(row) for row in cursor.fetchall()]


def by_stop(desk: Desk, stop: str) -> Mailing | None:
    """Return the mailing that the address with *stop* in it would stop, or None."""
    with desk.read() as cursor:
        row = cursor.execute(f"select {_COLUMNS} from mailing where stop = ?", (stop,)).fetchone()
    return _mailing(row) if row else None


def remove(desk: Desk, *, site: str, mailing: int) -> bool:
    """Send it no more; return whether there was one of that number at *site*."""
    with desk.write() as cursor:
        return bool(cursor.execute("delete from mailing where site = ? and id = ?", (site, mailing)).rowcount)


def note_sent(desk: Desk, mailing: int, *, until: date) -> None:
    """Note that the report up to that day has left."""
    with desk.write() as cursor:
        cursor.execute(
            "update mailing set sent_until = ?, tries = 0, tried_at = '', failed = '' where id = ?",
            (until.isoformat(), mailing),
        )


def note_failed(desk: Desk, mailing: int, *, code: str, at: datetime) -> None:
    """Note that a report could not leave; it stays due."""
    with desk.write() as cursor:
        cursor.execute(
            "update mailing set tries = tries + 1, tried_at = ?, failed = ? where id = ?", (_text(at), code, mailing)
        )


def ended(every: Every, today: date) -> Span:
    """Return the last whole week (from Monday) or month before *today*."""
    if every == "week":
        last = today - timedelta(today.isoweekday())
        return Span(last - timedelta(6), last)
    last = today.replace(day=1) - timedelta(1)
    return Span(last.replace(day=1), last)


def due(mailing: Mailing, *, today: date) -> Span | None:
    """Return the oldest week or month that is over and that no mail has told of; None where all is told.

    What ended too long ago is passed over: a house that was off for a year sends no 52 mails.
    """
    oldest = today - timedelta(LATEST_DAYS[mailing.every])
    span = ended(mailing.every, today)
    found = None
    while span.last > mailing.sent_until and span.last >= oldest:
        found, span = span, ended(mailing.every, span.first)
    return found


def may_try(mailing: Mailing, *, at: datetime) -> bool:
    """Tell whether enough time has gone by since it failed last."""
    if mailing.tried_at is None:
        return True
    return at - mailing.tried_at >= WAITS[min(mailing.tries, len(WAITS)) - 1]


def _mailing(row: tuple[Any, ...]) -> Mailing:
    raw = dict(zip(Mailing.__struct_fields__, row, strict=True))
    return msgspec.convert(raw | {"tried_at": raw["tried_at"] or None}, Mailing, strict=False)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
