"""Keep who is signed in: of each sign-in the hash of what the browser holds, and when it ends."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import msgspec

from collector.clock import Clock
from dashboard.desk.file import Desk

#: Of one account; the oldest ends when there are more.
SIGN_INS_MAX: Final = 20
_SECRET_BYTES: Final = 32


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a sign-in.

    Attributes:
        account: Its name.
        form_key: What each form of its pages brings along.
        expires_at: Aware UTC; it is never put off.
    """

    account: str
    form_key: str
    expires_at: datetime


class SignIns:
    """Begin, find and end sign-ins."""

    def __init__(self, desk: Desk, *, clock: Clock, hours: int, random: Callable[[int], bytes] = os.urandom) -> None:
        """Let each last *hours*, however much it is used."""
        self._desk = desk
        self._clock = clock
        self._lasts = timedelta(hours=hours)
        self._random = random

    def begin(self, account: str) -> str:
        """Return what the browser is to hold: 256 bits that stand nowhere else."""
        secret, form_key = _text(self._random(_SECRET_BYTES)), _text(self._random(_SECRET_BYTES))
        now = self._clock.now()
        with self._desk.write() as cursor:
            cursor.execute("delete from sign_in where expires_at <= ?", (now.isoformat(),))
            cursor.execute(
                "insert into sign_in (hash, account, form_key, made_at, expires_at) values (?, ?, ?, ?, ?)",
                (_hash(secret), account, form_key, now.isoformat(), (now + self._lasts).isoformat()),
            )
            cursor.execute(
                "delete from sign_in where account = ? and hash not in "
                "(select hash from sign_in where account = ? order by made_at desc, rowid desc limit ?)",
                (account, account, SIGN_INS_MAX),
            )
        return secret

    def find(self, secret: str) -> SignIn | None:
        """Return the sign-in whose secret this is, unless it has ended."""
        sql = "select account, form_key, expires_at from sign_in where hash = ? and expires_at > ?"
        with self._desk.read() as cursor:
            row = cursor.execute(sql, (_hash(secret), self._clock.now().isoformat())).fetchone()
        if row is None:
            return None
        return SignIn(account=row[0], form_key=row[1], expires_at=datetime.fromisoformat(row[2]))

    def count(self, account: str) -> int:
        """Return how many sign-ins of an account run."""
        sql = "select count(*) from sign_in where account = ? and expires_at > ?"
        with self._desk.read() as cursor:
            return int(cursor.execute(sql, (account, self._clock.now().isoformat())).fetchone()[0])

    def end(self, secret: str) -> None:
        """End one sign-in."""
        with self._desk.write() as cursor:
            cursor.execute("delete from sign_in where hash = ?", (_hash(secret),))

    def end_all(self, account: str) -> None:
        """End every sign-in of an account."""
        with self._desk.write() as cursor:
            cursor.execute("delete from sign_in where account = ?", (account,))


def _text(drawn: bytes) -> str:
    return urlsafe_b64encode(drawn).decode().rstrip("=")


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
