"""Judge, hash and check passwords and the codes of a second step."""

import re
import unicodedata
from base64 import b32encode
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from hmac import compare_digest
from threading import Lock, Semaphore
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from collector.errors import SettingsError

LENGTH_MIN: Final = 12
LENGTH_MAX: Final = 500
#: One takes 64 MB for a twentieth of a second: more at a time would let strangers fill the memory.
AT_A_TIME: Final = 2
#: So many tries are under way at most, with those that wait: more would take the threads that answer pages.
UNDER_WAY_MAX: Final = 8
STEP_SECONDS: Final = 30
#: Wrong codes of one account in that time: then a known password is guessed in by 7 in ten thousand a day.
CODES_MAX: Final = 10
CODES_FORGOTTEN: Final = timedelta(hours=1)
_SECRET_BYTES: Final = 20
_SECRET: Final = re.compile(r"[A-Z2-7]{32}")
_GROUPS, _GROUP_LENGTH = 5, 4
_CODE_LENGTH: Final = 6
#: The commonest of those that are long enough, without digits and signs at either end.
_COMMON: Final = frozenset({
    "abcdefghijkl", "abcdefghijklm", "adminadmin", "adminadminadmin", "administrator", "amsterdam",
    "asdfghjklzxcvbnm", "azertyuiop", "changeme", "changemechangeme", "correcthorsebatterystaple", "dragondragon",
    "footballfootball", "geheim", "geheimgeheim", "iloveyou", "iloveyouiloveyou", "letmeinletmein",
    "monkeymonkey", "p@ssw0rd", "p@ssw0rdp@ssw0rd", "passw0rd", "passw0rdpassw0rd", "password",
    "passwordpassword", "qazwsxedcrfv", "qwertyqwerty", "qwertyuiop", "qwertyuiopasdfghjkl", "rotterdam",
    "school", "schoolschool", "testtesttest", "turven", "turventurven", "voetbalvoetbal", "voorbeeld",
    "wachtwoord", "wachtwoordwachtwoord", "welcome", "welcomewelcome", "welkom", "welkomwelkom",
})  # fmt: skip
_ENDS: Final = "0123456789!@#$%^&*()-_=+.,?/ "


class BusyError(SettingsError):
    """Refuse a try, since too many are under way."""

    def __init__(self) -> None:
        super().__init__("passwords_busy", "Too many tries at once: try again in a second.")


class Passwords:
    """Hash and check with one set of costs, so that every answer takes the same time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Take the costs of RFC 9106 (64 MB, three rounds), or those of *hasher*."""
        self._hasher = hasher or PasswordHasher()
        self._room = Semaphore(AT_A_TIME)
        self._under_way = Semaphore(UNDER_WAY_MAX)
        self._nobodys = ""

    def get_ready(self) -> None:
        """Make what a name that is not there is checked against, before anybody asks."""
        self._nobodys = self._hasher.hash("nobody has this one")

    def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        with self._room:
            return self._hasher.hash(_one_form(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Tell whether a password is the one that *kept* was made of; `None` takes as long and is never right.

        Raises:
            BusyError: Too many tries are under way.
        """
        if not self._nobodys:
            self.get_ready()
        if not self._under_way.acquire(blocking=False):
            raise BusyError
        try:
            with self._room:
                self._hasher.verify(kept or self._nobodys, _one_form(password)[:LENGTH_MAX])
        except (VerificationError, InvalidHashError):
            return False
        finally:
            self._under_way.release()
        return kept is not None


class WrongCodes:
    """Count wrong codes of who knew the password, from wherever they come: a code is short enough to be guessed.

    Only who knows the password gets here, so a stranger makes nobody wait by it.
    """

    def __init__(self) -> None:
        self._wrong: dict[str, deque[datetime]] = {}
        self._lock = Lock()

    def are_over(self, name: str, *, now: datetime) -> bool:
        """Tell whether no code of *name* is taken now, not even a right one."""
        with self._lock:
            wrong = self._wrong.get(name, deque())
            while wrong and now - wrong[0] >= CODES_FORGOTTEN:
                wrong.popleft()
            return len(wrong) >= CODES_MAX

    def note(self, name: str, *, now: datetime) -> None:
        """Note a wrong one."""
        with self._lock:
            self._wrong.setdefault(name, deque(maxlen=CODES_MAX)).append(now)


def judge(password: str, *, name: str) -> None:
    """Refuse a password that is too short, too common or the account's own name; no other rule (NIST SP 800-63B).

    Raises:
        SettingsError: `password_short`, `password_long`, `password_common`.
    """
    if len(password) < LENGTH_MIN:
        raise SettingsError("password_short", f"A password has {LENGTH_MIN} characters or more.")
    if len(password) > LENGTH_MAX:
        raise SettingsError("password_long", f"A password has {LENGTH_MAX} characters at most.")
    bare = _one_form(password).lower().strip(_ENDS)
    if len(set(password)) <= 3 or not bare or bare in _COMMON or not bare.replace(name or bare[:1], ""):  # noqa: PLR2004 - `abcabc`
        raise SettingsError("password_common", "This password is one of those that are tried first. Choose another.")


def made_up(random: Callable[[int], bytes]) -> str:
    """Return a new password of 100 bits, in groups that can be read out."""
    text = b32encode(random(_GROUPS * _GROUP_LENGTH)).decode().lower()
    return "-".join(text[n * _GROUP_LENGTH : (n + 1) * _GROUP_LENGTH] for n in range(_GROUPS))


def new_secret(random: Callable[[int], bytes]) -> str:
    """Return a new secret for a second step, in base32."""
    return b32encode(random(_SECRET_BYTES)).decode()


def is_secret(text: str) -> bool:
    """Tell whether *text* is a secret as `new_secret` returns one."""
    return bool(_SECRET.fullmatch(text))


def step_of(secret: str, code: str, *, at: datetime) -> int | None:
    """Return the step that a code belongs to: the running one or a neighbour; `None` where it is none of theirs."""
    told = "".join(code.split())
    if len(told) != _CODE_LENGTH or not (told.isascii() and told.isdigit()):
        return None
    maker, now = pyotp.TOTP(secret), int(at.timestamp()) // STEP_SECONDS
    fitting = [n for n in (now - 1, now, now + 1) if compare_digest(maker.generate_otp(n), told)]
    return fitting[-1] if fitting else None


def secret_address(secret: str, *, name: str) -> str:
    """Return what an app for second steps reads from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name="Turven")


def _one_form(password: str) -> str:
    """Return a password in one form: keyboards write the same letter in several."""
    return unicodedata.normalize("NFKC", password)
