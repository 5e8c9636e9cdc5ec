"""Keep accounts: who may look, as what, and at which sites; and who changed that."""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from collector.clock import Clock
from collector.errors import SettingsError
from dashboard.access_passwords import Passwords, WrongCodes, judge, step_of
from dashboard.desk.file import Desk
from dashboard.who import Role

#: Who makes a change at the command line.
COMMAND_LINE: Final = "command line"
ACCOUNTS_MAX: Final = 10_000
#: As long as figures are kept.
DEED_DAYS_MAX: Final = 760
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,99}")
#: What the settings log calls others; an account of that name could pass for them.
_TAKEN: Final = frozenset({"operator", "controller", "auditor", "viewer", "nobody", "audit", "turven"})
_COLUMNS: Final = "name, role, sites, language, made_at, second <> '', is_handed, is_off"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Hold an account; never what is kept of its password or second step.

    Attributes:
        sites: Ids of the sites that it sees; `None` for every site.
        language: Chosen by its owner; empty for what the browser prefers.
        made_at: Aware UTC.
        is_handed: Whether somebody else made its password, which is to be changed at the first sign-in.
    """

    name: str
    role: Role
    sites: tuple[str, ...] | None
    language: str
    made_at: datetime
    has_second_step: bool
    is_handed: bool
    is_off: bool


class What(StrEnum):
    """Name what can be done to an account."""

    MADE = "made"
    ROLE = "role"
    SITES = "sites"
    PASSWORD = "password"  # noqa: S105 - a word, no secret
    SECOND_STEP = "second_step"
    NO_SECOND_STEP = "no_second_step"
    ON = "on"
    OFF = "off"
    REMOVED = "removed"


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what somebody did to an account.

    Attributes:
        made_by: An account, `command line`, or `first steps`.
        account: Whose.
        detail: The role, or ids of sites (`*` for every one).
    """

    made_at: datetime
    made_by: str
    account: str
    what: What
    detail: str


class Accounts:
    """Make, change and remove accounts, and check who says to be one."""

    def __init__(self, desk: Desk, *, clock: Clock, passwords: Passwords | None = None) -> None:
        self._desk = desk
        self._clock = clock
        self.passwords = passwords or Passwords()
        self._codes = WrongCodes()

    def all(self) -> list[Account]:
        """Return every account, by name."""
        with self._desk.read() as cursor:
            return [_account(row) for row in cursor.execute(f"select {_COLUMNS} from account order by name").fetchall()]

    def get(self, name: str) -> Account | None:
        """Return an account, or `None`."""
        with self._desk.read() as cursor:
            row = cursor.execute(f"select {_COLUMNS} from account where name = ?", (tidy_name(name),)).fetchone()
        return _account(row) if row else None

    def is_empty(self) -> bool:
        """Tell whether there is no account yet."""
        with self._desk.read() as cursor:
            return cursor.execute("select 1 from account limit 1").fetchone() is None

    def deeds(self, count: int) -> list[Deed]:
        """Return what was done last, the newest first."""
        sql = "select made_at, made_by, account, what, detail from deed order by id desc limit ?"
        with self._desk.read() as cursor:
            rows = cursor.execute(sql, (count,)).fetchall()
        return [
            Deed(made_at=datetime.fromisoformat(at), made_by=by, account=one, what=What(what), detail=detail)
            for at, by, one, what, detail in rows
        ]

    def add(
        self,
        name: str,
        role: Role,
        *,
        sites: Sequence[str] | None,
        password: str,
        made_by: str,
        is_handed: bool = False,
        is_first: bool = False,
    ) -> Account:
        """Make an account.

        Args:
            name: Letters, digits and `. _ @ + -`; capitals become small.
            role: What it may do.
            sites: Ids; `None` for every site.
            password: Of at least 12 characters.
            made_by: Stands in the list of deeds.
            is_handed: Whether its owner has to change the password at the first sign-in.
            is_first: Refuse where there is an account already.

        Raises:
            SettingsError: `account_name`, `account_exists`, `accounts_full`, `password_…`.
        """
        name = tidy_name(name)
        if not _NAME.fullmatch(name) or name in _TAKEN:
            raise SettingsError("account_name", "A name has letters, digits and . _ @ + - and stands for one person.")
        judge(password, name=name)
        kept, now = self.passwords.hash(password), self._clock.now()
        with self._desk.write() as cursor:
            count = cursor.execute("select count(*) from account").fetchone()[0]
            if count >= ACCOUNTS_MAX:
                raise SettingsError("accounts_full", f"There are {ACCOUNTS_MAX} accounts already.")
            if (is_first and count) or cursor.execute("select 1 from account where name = ?", (name,)).fetchone():
                raise SettingsError("account_exists", "There is such an account already.")
            cursor.execute(
                "insert into account (name, role, sites, password, made_at, is_handed) values (?, ?, ?, ?, ?, ?)",
                (name, role.value, _written(sites), kept, now.isoformat(), int(is_handed)),
            )
            self._note(cursor, made_by, name, What.MADE, role.value)
            self._note(cursor, made_by, name, What.SITES, _told(sites))
            return self._there(cursor, name)

    def change(
        self,
        name: str,
        *,
        made_by: str,
        role: Role | None = None,
        sites: Sequence[str] | msgspec.UnsetType | None = msgspec.UNSET,
        is_off: bool | None = None,
    ) -> None:
        """Change what an account may do; one that is off is signed out everywhere.

        Raises:
            SettingsError: `account_unknown`, `last_operator`.
        """
        with self._desk.write() as cursor:
            before = self._there(cursor, name)
            if role is not None and role is not before.role:
                cursor.execute("update account set role = ? where name = ?", (role.value, before.name))
                self._note(cursor, made_by, before.name, What.ROLE, role.value)
            if not isinstance(sites, msgspec.UnsetType) and (None if sites is None else tuple(sites)) != before.sites:
                cursor.execute("update account set sites = ? where name = ?", (_written(sites), before.name))
                self._note(cursor, made_by, before.name, What.SITES, _told(sites))
            if is_off is not None and is_off is not before.is_off:
                cursor.execute("update account set is_off = ? where name = ?", (int(is_off), before.name))
                _sign_out(cursor, before.name)
                self._note(cursor, made_by, before.name, What.OFF if is_off else What.ON)
            _see_an_operator_left(cursor, before)

    def set_password(self, name: str, password: str, *, made_by: str, is_handed: bool = False) -> None:
        """Give an account another password, and end its sign-ins.

        Raises:
            SettingsError: `account_unknown`, `password_…`.
        """
        judge(password, name=tidy_name(name))
        kept = self.passwords.hash(password)
        with self._desk.write() as cursor:
            account = self._there(cursor, name)
            cursor.execute(
                "update account set password = ?, is_handed = ? where name = ?", (kept, int(is_handed), account.name)
            )
            _sign_out(cursor, account.name)
            self._note(cursor, made_by, account.name, What.PASSWORD)

    def set_second_step(self, name: str, secret: str, *, made_by: str, step: int = 0) -> None:
        """Give an account a second step, or take it away with an empty *secret*.

        Args:
            name: Whose.
            secret: In base32.
            made_by: Stands in the list of deeds.
            step: Whose code set it up, and signs nobody in any more.

        Raises:
            SettingsError: `account_unknown`.
        """
        with self._desk.write() as cursor:
            account = self._there(cursor, name)
            cursor.execute(
                "update account set second = ?, second_step = ? where name = ?", (secret, step, account.name)
            )
            self._note(cursor, made_by, account.name, What.SECOND_STEP if secret else What.NO_SECOND_STEP)

    def set_language(self, name: str, language: str) -> None:
        """Keep the language that somebody chose; empty for what the browser prefers."""
        with self._desk.write() as cursor:
            cursor.execute("update account set language = ? where name = ?", (language, tidy_name(name)))

    def remove(self, name: str, *, made_by: str) -> None:
        """Remove an account with its sign-ins; what it did stays.

        Raises:
            SettingsError: `account_unknown`, `last_operator`.
        """
        with self._desk.write() as cursor:
            account = self._there(cursor, name)
            cursor.execute("delete from account where name = ?", (account.name,))
            self._note(cursor, made_by, account.name, What.REMOVED)
            _see_an_operator_left(cursor, account)

    def check(self, name: str, password: str, code: str = "") -> Account | None:
        """Return the account whose password and code these are; whatever is wrong, it takes as long."""
        with self._desk.read() as cursor:
            row = cursor.execute(
                "select password, second, is_off from account where name = ?", (tidy_name(name),)
            ).fetchone()
        fits = self.passwords.fits(row[0] if row else None, password)
        if row is None or not fits or row[2]:
            return None
        if row[1] and not self._take_step(tidy_name(name), row[1], code):
            return None
        return self.get(name)

    def is_password(self, name: str, password: str) -> bool:
        """Tell whether this is the password of an account."""
        with self._desk.read() as cursor:
            row = cursor.execute("select password from account where name = ?", (tidy_name(name),)).fetchone()
        return self.passwords.fits(row[0] if row else None, password)

    def _take_step(self, name: str, secret: str, code: str) -> bool:
        """Tell whether a code is right, and take its step: none is taken twice."""
        now = self._clock.now()
        if self._codes.are_over(name, now=now):
            return False
        step = step_of(secret, code, at=now)
        if step is None:
            self._codes.note(name, now=now)
            return False
        sql = "update account set second_step = ? where name = ? and second = ? and second_step < ?"
        with self._desk.write() as cursor:
            return cursor.execute(sql, (step, name, secret, step)).rowcount == 1

    def _there(self, cursor: Any, name: str) -> Account:
        row = cursor.execute(f"select {_COLUMNS} from account where name = ?", (tidy_name(name),)).fetchone()
        if row is None:
            raise SettingsError("account_unknown", "There is no such account.")
        return _account(row)

    def _note(self, cursor: Any, made_by: str, account: str, what: What, detail: str = "") -> None:
        now = self._clock.now()
        cursor.execute(
            "insert into deed (made_at, made_by, account, what, detail) values (?, ?, ?, ?, ?)",
            (now.isoformat(), made_by, account, what.value, detail),
        )
        cursor.execute("delete from deed where made_at < ?", ((now - timedelta(DEED_DAYS_MAX)).isoformat(),))


def tidy_name(name: str) -> str:
    """Return a name as it is kept: without space around it, in small letters."""
    return name.strip().lower()


def _account(row: Sequence[Any]) -> Account:
    name, role, sites, language, made_at, has_second, is_handed, is_off = row
    read = json.loads(sites)
    return Account(
        name=name,
        role=Role(role),
        sites=None if read is None else tuple(read),
        language=language,
        made_at=datetime.fromisoformat(made_at),
        has_second_step=bool(has_second),
        is_handed=bool(is_handed),
        is_off=bool(is_off),
    )


def _written(sites: Sequence[str] | None) -> str:
    return json.dumps(None if sites is None else list(sites))


def _told(sites: Sequence[str] | None) -> str:
    """Return what the list of deeds says of sites: `*` for every one, empty for none."""
    return "*" if sites is None else " ".join(sites)


def _sign_out(cursor: Any, name: str) -> None:
    cursor.execute("delete from sign_in where account = ?", (name,))


def _see_an_operator_left(cursor: Any, before: Account) -> None:
    """Refuse to leave a house without anybody who could give accounts."""
    if before.role is not Role.OPERATOR or before.is_off:
        return
    sql = "select 1 from account where role = 'operator' and not is_off limit 1"
    if cursor.execute(sql).fetchone() is None:
        raise SettingsError("last_operator", "This is the last operator: make another one first.")
