"""Keep passes of programs to the figures of one site: made, listed, withdrawn; of the secret only its fingerprint."""

import hashlib
import json
from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from collector.errors import SettingsError
from dashboard.desk.file import Desk

#: Whoever looks for secrets that got lost in a repository finds ours by this.
PREFIX: Final = "turven_"
SECRET_BYTES: Final = 32
#: `turven_` and 43 letters; what is longer is not looked up.
SECRET_LENGTH_MAX: Final = 100
PASS_DAYS: Final = 365
PASS_DAYS_MAX: Final = 1_096
#: Of one site; more are forgotten about, and then nobody withdraws them.
PASSES_MAX: Final = 50
NAME_LENGTH_MAX: Final = 100
#: What is over is listed this much longer, so that somebody can see why a program stopped.
LISTED_DAYS: Final = 30
#: Letters of the fingerprint by which a pass is named in lists.
SHORT: Final = 12
_COLUMNS: Final = "hash, name, site, scopes, made_by, made_at, expires_at, used_on"


class Scope(StrEnum):
    """Name what a program may do with a pass."""

    #: Ask for figures.
    FIGURES = "figures"
    #: Take figures away as a file.
    EXPORT = "export"
    #: Write notes at a day, such as a release.
    NOTES = "notes"


class Pass(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a pass as it is kept.

    Attributes:
        hash: SHA-256 of what the program holds.
        made_at: Aware UTC.
        expires_at: Aware UTC; None for never.
        used_on: Day (UTC) on which it was used last; no finer time is kept of what a program does.
    """

    hash: str
    name: str
    site: str
    scopes: tuple[Scope, ...]
    made_by: str
    made_at: datetime
    expires_at: datetime | None
    used_on: str | None = None

    @property
    def short(self) -> str:
        """Return the part of the fingerprint that names it in lists."""
        return self.hash[:SHORT]

    def is_over(self, at: datetime) -> bool:
        """Tell whether it works no more at that instant."""
        return self.expires_at is not None and at >= self.expires_at


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what somebody asks for who makes a pass."""

    name: str
    site: str
    scopes: tuple[str, ...]
    days: int = PASS_DAYS


def fingerprint(secret: str) -> str:
    """Return what is kept of a secret. A fast hash is enough: nobody guesses 256 bits."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def make(desk: Desk, wish: Wish, *, secret: str, made_by: str, at: datetime) -> Pass:
    """Keep a pass to a site, and let go of those that have long been over.

    Args:
        desk: Holds it.
        wish: What is asked for.
        secret: 256 bits of chance behind `PREFIX`; shown once, and kept nowhere.
        made_by: Name of an account.
        at: Aware UTC.

    Raises:
        SettingsError: `pass_name`, `pass_days`, `pass_scopes`, `passes_too_many`.
    """
    made = Pass(
        hash=fingerprint(secret),
        name=wish.name,
        site=wish.site,
        scopes=_scopes(wish),
        made_by=made_by,
        made_at=at,
        expires_at=at + timedelta(days=wish.days),
    )
    with desk.write() as cursor:
        cursor.execute("delete from token where expires_at < ?", (_text(at - timedelta(days=LISTED_DAYS)),))
        (held,) = cursor.execute("select count(*) from token where site = ?", (wish.site,)).fetchone()
        if held >= PASSES_MAX:
            raise SettingsError("passes_too_many", f"A site has at most {PASSES_MAX} passes; withdraw one first.")
        cursor.execute(
            f"insert into token ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, null)",
            (
                *(made.hash, made.name, made.site, json.dumps(made.scopes), made.made_by),
                *(_text(at), _text(at + timedelta(days=wish.days))),
            ),
        )
    return made


def _scopes(wish: Wish) -> tuple[Scope, ...]:
    if not 0 < len(wish.name) <= NAME_LENGTH_MAX or not wish.name.isprintable():
        raise SettingsError("pass_name", f"A pass has a name of 1 to {NAME_LENGTH_MAX} letters.")
    if not 1 <= wish.days <= PASS_DAYS_MAX:
        raise SettingsError("pass_days", f"A pass works for 1 to {PASS_DAYS_MAX} days.")
    if not wish.scopes or not set(wish.scopes) <= set(Scope):
        raise SettingsError("pass_scopes", "A pass is for figures, export or notes, or several of these.")
    return tuple(scope for scope in Scope if scope in wish.scopes)


def passes(desk: Desk, *, sites: Collection[str] | None = None) -> list[Pass]:
    """Return the passes of *sites* (None for every site), site by site, the newest first."""
    with desk.read() as cursor:
        cursor.execute(f"select {_COLUMNS} from token order by site, made_at desc, hash")
        return [one for row in cursor.fetchall() for one in [_pass(row)] if sites is None or one.site in sites]


def find(desk: Desk, secret: str, *, at: datetime) -> Pass | None:
    """Return the pass that *secret* is, or None where there is none or it is over; the day of use is noted."""
    if not secret.startswith(PREFIX) or len(secret) > SECRET_LENGTH_MAX:
        return None
    with desk.read() as cursor:
        cursor.execute(f"select {_COLUMNS} from token where hash = ?", (fingerprint(secret),))
        row = cursor.fetchone()
    found = _pass(row) if row else None
    if found is None or found.is_over(at):
        return None
    today = at.date().isoformat()
    if found.used_on != today:
        with desk.write() as cursor:
            cursor.execute("update token set used_on = ? where hash = ?", (today, found.hash))
    return found


def withdraw(desk: Desk, *, site: str, short: str) -> bool:
    """Let a pass of *site* stop working at once; return whether there was one with a fingerprint that begins so."""
    if len(short) < SHORT:
        return False
    with desk.write() as cursor:
        done = cursor.execute("delete from token where site = ? and substr(hash, 1, ?) = ?", (site, len(short), short))
        return bool(done.rowcount)


def _pass(row: tuple[Any, ...]) -> Pass:
    raw = dict(zip(Pass.__struct_fields__, row, strict=True))
    return msgspec.convert(raw | {"scopes": json.loads(raw["scopes"])}, Pass, strict=False)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
