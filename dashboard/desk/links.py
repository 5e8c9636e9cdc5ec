"""Keep secret links to the figures of one site: made, listed, withdrawn; of the secret only its fingerprint is kept."""

import hashlib
import hmac
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Final

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.errors import SettingsError
from dashboard.desk.file import Desk

LINK_DAYS: Final = 90
LINK_DAYS_MAX: Final = 365
#: Of one site; more are forgotten about, and then nobody withdraws them.
LINKS_MAX: Final = 100
NAME_LENGTH_MAX: Final = 100
PASSWORD_LENGTH_MIN: Final = 8
PASSWORD_LENGTH_MAX: Final = 200
#: How long a browser is not asked for the password again.
PASS_HOURS: Final = 8
#: What is over is listed this much longer, so that somebody can see why an address stopped working.
LISTED_DAYS: Final = 30
SECRET_BYTES: Final = 32
#: Each password takes 64 MB while it is hashed.
_ONE: Final = Lock()
_COLUMNS: Final = "hash, name, site, password, is_embed, may_export, made_by, made_at, expires_at"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a link as it is kept.

    Attributes:
        hash: SHA-256 of the secret part of the address.
        password: Its argon2id; empty for none.
        is_embed: Whether it shows the site inside other pages, and nowhere else.
        may_export: Whether figures may be taken away as a file.
        made_at: Aware UTC, as the next.
    """

    hash: str
    name: str
    site: str
    password: str
    is_embed: bool
    may_export: bool
    made_by: str
    made_at: datetime
    expires_at: datetime


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what somebody asks for who makes a link."""

    name: str
    site: str
    days: int = LINK_DAYS
    password: str = ""
    is_embed: bool = False
    may_export: bool = False


def fingerprint(secret: str) -> str:
    """Return what is kept of a secret. A fast hash is enough: nobody guesses 256 bits."""
    return hashlib.sha256(secret.encode(errors="replace")).hexdigest()


def make(desk: Desk, wish: Wish, *, secret: str, made_by: str, at: datetime) -> Link:
    """Keep a link to a site, and let go of those that have long been over.

    Args:
        desk: Holds it.
        wish: What is asked for.
        secret: Of the address; 256 bits of chance.
        made_by: Name of an account.
        at: Aware UTC.

    Raises:
        SettingsError: `link_name`, `link_days`, `link_password`, `link_embed`, `links_too_many`.
    """
    _check(wish)
    link = Link(
        hash=fingerprint(secret),
        name=wish.name,
        site=wish.site,
        password=_hashed(wish.password),
        is_embed=wish.is_embed,
        may_export=wish.may_export,
        made_by=made_by,
        made_at=at,
        expires_at=at + timedelta(days=wish.days),
    )
    with desk.write() as cursor:
        cursor.execute("delete from link where expires_at < ?", (_text(at - timedelta(days=LISTED_DAYS)),))
        held = cursor.execute("select count(*) from link where site = ?", (wish.site,)).fetchone()[0]
        if held >= LINKS_MAX:
            raise SettingsError("links_too_many", f"A site has at most {LINKS_MAX} links; withdraw one first.")
        values = [int(value) if isinstance(value, bool) else value for value in msgspec.structs.astuple(link)]
        values = [_text(value) if isinstance(value, datetime) else value for value in values]
        cursor.execute(f"insert into link ({_COLUMNS}) values (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
    return link


def _hashed(password: str) -> str:
    with _ONE:
        return PasswordHasher().hash(password) if password else ""


def _check(wish: Wish) -> None:
    if not 0 < len(wish.name) <= NAME_LENGTH_MAX or not wish.name.isprintable():
        raise SettingsError("link_name", f"A link has a name of 1 to {NAME_LENGTH_MAX} letters.")
    if not 1 <= wish.days <= LINK_DAYS_MAX:
        raise SettingsError("link_days", f"A link works for 1 to {LINK_DAYS_MAX} days.")
    if wish.password and not PASSWORD_LENGTH_MIN <= len(wish.password) <= PASSWORD_LENGTH_MAX:
        raise SettingsError("link_password", f"A password has at least {PASSWORD_LENGTH_MIN} characters.")
    # The browser of a page that shows ours inside itself brings no cookie along, so a password could not be remembered.
    if wish.is_embed and (wish.password or wish.may_export):
        raise SettingsError("link_embed", "What other pages show has no password and gives no files away.")


def links_of(desk: Desk, site: str) -> list[Link]:
    """Return the links of a site, the newest first."""
    with desk.read() as cursor:
        cursor.execute(f"select {_COLUMNS} from link where site = ? order by made_at desc, hash", (site,))
        return [_link(row) for row in cursor.fetchall()]


def find(desk: Desk, secret: str, *, at: datetime) -> Link | None:
    """Return the link that *secret* opens, or None where there is none or it is over."""
    with desk.read() as cursor:
        cursor.execute(f"select {_COLUMNS} from link where hash = ?", (fingerprint(secret),))
        row = cursor.fetchone()
    link = _link(row) if row else None
    return link if link and at < link.expires_at else None


def withdraw(desk: Desk, *, site: str, link: str) -> bool:
    """Let a link of *site* stop working at once; return whether there was one with that fingerprint."""
    with desk.write() as cursor:
        return bool(cursor.execute("delete from link where site = ? and hash = ?", (site, link)).rowcount)


def fits(link: Link, password: str) -> bool:
    """Tell whether *password* opens *link*; takes some hundredths of a second and 64 MB."""
    if len(password) > PASSWORD_LENGTH_MAX:
        return False
    try:
        return PasswordHasher().verify(link.password, password)
    except (VerificationError, InvalidHashError):
        return False


def sealed_pass(link: Link, *, until: datetime) -> str:
    """Return what a browser shows in the place of the password, until then.

    Its key is the kept form of the password: it ends with the link, and nothing has to be kept for it.
    """
    moment = str(int(until.timestamp()))
    return f"{moment}.{_seal(link, moment)}"


def is_pass(link: Link, shown: str, *, at: datetime) -> bool:
    """Tell whether a browser has shown what `sealed_pass` gave it, in time."""
    moment, _, seal = shown.partition(".")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12 and seal.isascii()):  # noqa: PLR2004
        return False
    return hmac.compare_digest(seal, _seal(link, moment)) and at.timestamp() < int(moment)


def _seal(link: Link, moment: str) -> str:
    return hmac.digest(link.password.encode(), f"{link.hash} {moment}".encode(), "sha256").hex()


def _link(row: tuple[Any, ...]) -> Link:
    name, *rest = row
    return msgspec.convert(dict(zip(Link.__struct_fields__, (name, *rest), strict=True)), Link, strict=False)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
