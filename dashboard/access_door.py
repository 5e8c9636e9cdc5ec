"""The door of a house with accounts: who signed in, by the cookie that their browser holds."""

import os
from base64 import b32encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from hmac import compare_digest
from threading import Lock
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response

from collector.clock import Clock
from collector.settings import Settings
from dashboard import access
from dashboard.access_throttle import Throttle
from dashboard.desk.accounts import Account, Accounts
from dashboard.desk.file import Desk
from dashboard.desk.sign_ins import SignIns
from dashboard.frame import Programs
from dashboard.who import NOBODY, RIGHTS, Right, Role, Way, Who

#: Who may do more than look has a second step, where the settings ask for one.
_SECOND_STEP_ROLES: Final = frozenset({Role.OPERATOR, Role.CONTROLLER})
_CODE_BYTES: Final = 10

#: Cuts the address of who asks to its network; whoever puts the house together hands it in.
NetworkOf = Callable[[Request], bytes]


class Provider(Protocol):
    """Tell whose account it is that somebody says to be: one way to sign in.

    What follows is the same for every way: the sign-in, its cookie, rights and sites come from the account alone.
    """

    def identify(self, fields: Mapping[str, str]) -> Account | None:
        """Return the account of who filled in *fields*, or `None`; whatever is wrong, it takes as long."""
        ...


class ByPassword:
    """Know people by name, password and, where they have one, the code of their second step."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def identify(self, fields: Mapping[str, str]) -> Account | None:
        """Return the account whose password and code these are."""
        return self._accounts.check(fields.get("name", ""), fields.get("password", ""), fields.get("code", ""))


class FirstCode:
    """Hold the code with which the first account is made: in memory, until it was used or the house ends."""

    def __init__(self, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._random = random
        self._hash = b""
        self._lock = Lock()

    def draw(self) -> str:
        """Return a new code, to be told to the operator."""
        text = b32encode(self._random(_CODE_BYTES)).decode().lower()
        with self._lock:
            self._hash = _hash(text)
        return "-".join(text[n : n + 4] for n in range(0, len(text), 4))

    def fits(self, told: str) -> bool:
        """Tell whether *told* is the code."""
        with self._lock:
            return bool(self._hash) and compare_digest(self._hash, _hash(told.replace("-", "").strip().lower()))

    def use(self) -> None:
        """Let it be of no use any more."""
        with self._lock:
            self._hash = b""


class AccountsDoor:
    """Let in who signed in, as what their account says at this moment."""

    def __init__(
        self,
        desk: Desk,
        *,
        settings: Settings,
        clock: Clock,
        network: NetworkOf,
        accounts: Accounts | None = None,
        provider: Provider | None = None,
        programs: Programs | None = None,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Stand before the pages of a house.

        Args:
            desk: Holds accounts and sign-ins.
            settings: Of the house.
            clock: Tells when a sign-in ends.
            network: Cuts addresses; nothing longer comes in here.
            accounts: Those of *desk*, with other costs of a password.
            provider: How people are known; by password.
            programs: Knows programs by their pass, wherever they are.
            random: Draws what nobody may guess.
        """
        self.accounts = accounts or Accounts(desk, clock=clock)
        self.accounts.passwords.get_ready()
        self.sign_ins = SignIns(desk, clock=clock, hours=settings.access.sign_in_hours, random=random)
        self.throttle = Throttle(random=random)
        self.first = FirstCode(random=random)
        self.provider = provider or ByPassword(self.accounts)
        self._programs = programs
        self.random = random
        self.clock = clock
        self.network = network
        self._needs_second = settings.access.second_step
        base_path, base_url = settings.server.base_path, settings.public.base_url
        self._gate = access.Gate(base_url=base_url, trusted_proxies=settings.server.trusted_proxies)
        # Under a path of the product's own host, the product would be sent a cookie of the whole host all the time.
        self.cookie, self._path = ("__Secure-turven", base_path) if base_path else ("__Host-turven", "/")

    def who(self, request: Request) -> Who | access.Refused:
        """Return who sent *request*, or why it is not answered."""
        if program := self._programs(request) if self._programs else None:
            return program
        if refused := self._gate.refuse(request):
            return refused
        held = request.cookies.get(self.cookie, "")
        sign_in = self.sign_ins.find(held) if held else None
        account = self.accounts.get(sign_in.account) if sign_in else None
        if sign_in is None or account is None or account.is_off:
            return NOBODY
        must_set_up = account.is_handed or self.lacks_second_step(account)
        return Who(
            name=account.name,
            way=Way.ACCOUNT,
            rights=frozenset({Right.ANYBODY, Right.OWN}) if must_set_up else RIGHTS[account.role],
            role=account.role,
            sites=None if account.sites is None else frozenset(account.sites),
            form_key=sign_in.form_key,
            language=account.language,
            must_set_up=must_set_up,
        )

    def needs_second_step(self, account: Account) -> bool:
        """Tell whether an account of this role has to have a second step here."""
        return self._needs_second and account.role in _SECOND_STEP_ROLES

    def lacks_second_step(self, account: Account) -> bool:
        """Tell whether an account has to set up a second step first."""
        return self.needs_second_step(account) and not account.has_second_step

    def sign_in(self, request: Request, response: Response, account: Account) -> None:
        """Begin a sign-in in the browser that sent *request*; one that it had ends."""
        self.end(request)
        secret = self.sign_ins.begin(account.name)
        response.set_cookie(self.cookie, secret, path=self._path, secure=True, httponly=True, samesite="lax")

    def sign_out(self, request: Request, response: Response) -> None:
        """End the sign-in of the browser that sent *request*."""
        self.end(request)
        response.delete_cookie(self.cookie, path=self._path, secure=True, httponly=True, samesite="lax")

    def end(self, request: Request) -> None:
        """End the sign-in that a request came with, if any."""
        if held := request.cookies.get(self.cookie):
            self.sign_ins.end(held)


def _hash(text: str) -> bytes:
    return sha256(text.encode(errors="replace")).digest()
