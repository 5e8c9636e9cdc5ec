"""The page of one's own account: password, second step, language, and where one is signed in."""

from collections.abc import Callable

import segno
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.errors import SettingsError
from dashboard import access
from dashboard.access_door import AccountsDoor
from dashboard.access_passwords import BusyError, is_secret, new_secret, secret_address, step_of
from dashboard.access_words import DONE, ROLES, WRONG_PASSWORD, WRONG_STEP, wrong
from dashboard.desk.accounts import Account
from dashboard.frame import FORM_BYTES_MAX, Frame
from dashboard.house import House
from dashboard.who import Right
from dashboard.words import LANGUAGES

Fields = dict[str, str]
Doing = Callable[[Request, AccountsDoor, Account, Fields], Response]


class OwnPages:
    """Answer who looks at their own account."""

    def __init__(self, *, frame: Frame) -> None:
        self._frame = frame

    def page(self, request: Request) -> Response:
        """Answer the page."""
        return self._answer(request)

    def take(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Do what a form on the page asks for."""
        told, door = dict(fields), self._door()
        account = door.accounts.get(self._frame.who(request).name)
        deeds: dict[str, Doing] = {
            "password": self._password,
            "second": self._second,
            "no-second": self._no_second,
            "language": self._language,
            "sign-ins": self._sign_ins,
        }
        if account is None or told.get("do") not in deeds:
            return self._frame.message(request, "no_page", status=404)
        try:
            return deeds[told["do"]](request, door, account, told)
        except SettingsError as error:
            words = self._frame.view(request).words
            return self._answer(request, error=wrong(error, words), told=told, status=422)

    def _password(self, request: Request, door: AccountsDoor, account: Account, told: Fields) -> Response:
        if refused := self._without_password(request, door, account, told):
            return refused
        door.accounts.set_password(account.name, told.get("new", ""), made_by=account.name)
        return self._done(request, "password", account)

    def _second(self, request: Request, door: AccountsDoor, account: Account, told: Fields) -> Response:
        if refused := self._without_password(request, door, account, told):
            return refused
        secret = told.get("secret", "")
        step = step_of(secret, told.get("code", ""), at=door.clock.now()) if is_secret(secret) else None
        if step is None:
            return self._answer(request, error=WRONG_STEP, told=told, status=422)
        door.accounts.set_second_step(account.name, secret, made_by=account.name, step=step)
        door.sign_ins.end_all(account.name)
        return self._done(request, "second", account)

    def _no_second(self, request: Request, door: AccountsDoor, account: Account, told: Fields) -> Response:
        if refused := self._without_password(request, door, account, told):
            return refused
        door.accounts.set_second_step(account.name, "", made_by=account.name)
        return self._done(request, "no-second")

    def _language(self, request: Request, door: AccountsDoor, account: Account, told: Fields) -> Response:
        chosen = told.get("language", "")
        door.accounts.set_language(account.name, chosen if chosen in LANGUAGES else "")
        return self._done(request, "language")

    def _sign_ins(self, request: Request, door: AccountsDoor, account: Account, _told: Fields) -> Response:
        door.sign_ins.end_all(account.name)
        return self._done(request, "sign-ins", account)

    def _without_password(
        self, request: Request, door: AccountsDoor, account: Account, told: Fields
    ) -> Response | None:
        """Return the answer to who does not know the password: a browser that was left open is not its owner."""
        network, now = door.network(request), door.clock.now()
        if seconds := door.throttle.wait(account.name, network, now=now):
            return self._answer(request, wait=seconds, told=told, status=429)
        door.throttle.mistake(account.name, network, now=now)
        try:
            is_theirs = door.accounts.is_password(account.name, told.get("current", ""))
        except BusyError:
            return self._answer(request, wait=1, told=told, status=429)
        if not is_theirs:
            return self._answer(request, error=WRONG_PASSWORD, told=told, status=422)
        door.throttle.success(account.name, network)
        return None

    def _done(self, request: Request, what: str, account: Account | None = None) -> Response:
        """Lead back to the page; *account*, whose sign-ins have ended, is signed in anew in this browser."""
        address = f"{self._frame.base_path}/me?done={what}"
        response = RedirectResponse(address, 303, headers=dict(access.HEADERS))
        if account is not None:
            self._door().sign_in(request, response, account)
        return response

    def _answer(
        self, request: Request, *, error: str = "", wait: int = 0, told: Fields | None = None, status: int = 200
    ) -> Response:
        door, told = self._door(), told or {}
        account = door.accounts.get(self._frame.who(request).name)
        if account is None:
            return self._frame.message(request, "sign_in", status=401)
        # The one that was shown before, so that the picture that was read stays right.
        secret = told.get("secret", "") if told.get("do") == "second" else ""
        secret = secret if is_secret(secret) else new_secret(door.random)
        return self._frame.page(
            request,
            "me.html",
            status=status,
            account=account,
            roles=ROLES,
            lacks_second=door.lacks_second_step(account),
            needs_second=door.needs_second_step(account),
            secret=secret,
            picture=_picture(secret, account.name),
            sign_ins=door.sign_ins.count(account.name),
            done=DONE.get(request.query_params.get("done", ""), "") if not (error or wait) else "",
            error=error,
            wait=wait,
            doing=told.get("do", ""),
        )

    def _door(self) -> AccountsDoor:
        door = self._frame.door
        # Without accounts nobody has the right to this page.
        if not isinstance(door, AccountsDoor):
            raise SettingsError("account_unknown", "There are no accounts.")
        return door


def _picture(secret: str, name: str) -> Markup:
    """Return what a telephone reads, drawn without any style: the page's policy allows none."""
    drawn = segno.make(secret_address(secret, name=name), error="m", micro=False)
    return Markup(drawn.svg_inline(scale=5, border=3, dark="#000", light="#fff", omitsize=True))  # noqa: S704 - drawn here


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of one's own account."""
    del house
    pages, path = OwnPages(frame=frame), f"{frame.base_path}/me"
    return [
        Route(path, frame.guarded(pages.page, Right.OWN), methods=["GET"]),
        Route(path, frame.form(pages.take, Right.OWN), methods=["POST"], max_body_size=FORM_BYTES_MAX),
    ]
