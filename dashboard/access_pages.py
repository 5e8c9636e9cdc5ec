"""The pages to sign in and out, and to make the first account with the code that the server printed."""

from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.errors import SettingsError
from dashboard import access
from dashboard.access_door import AccountsDoor
from dashboard.access_passwords import BusyError
from dashboard.access_words import WRONG, WRONG_CODE, wrong
from dashboard.desk.accounts import tidy_name
from dashboard.frame import FORM_BYTES_MAX, Frame
from dashboard.house import House
from dashboard.who import Right, Role

_FIRST: Final = "first steps"
_TO_MAX: Final = 2_000


class SignInPages:
    """Answer who wants in or out."""

    def __init__(self, *, frame: Frame) -> None:
        self._frame = frame

    def page(self, request: Request) -> Response:
        """Answer the form; in a house without accounts there is nothing to sign in to."""
        if not isinstance(self._frame.door, AccountsDoor) or self._frame.who(request).name:
            return self._to(request, "")
        return self._form(request)

    def take(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Sign in, or make the first account, and lead to where one wanted to go."""
        told, door = dict(fields), self._frame.door
        if not isinstance(door, AccountsDoor):
            return self._frame.message(request, "no_accounts", status=404)
        is_first = told.get("do") == "first"
        name, network, now = (
            "" if is_first else tidy_name(told.get("name", "")),
            door.network(request),
            door.clock.now(),
        )
        if seconds := door.throttle.wait(name, network, now=now):
            return self._form(request, told=told, wait=seconds, status=429)
        # Noted before it is looked at: tries that come side by side would else all be free.
        door.throttle.mistake(name, network, now=now)
        if is_first:
            return self._first(request, door, told)
        try:
            account = door.provider.identify(told)
        except BusyError:
            return self._form(request, told=told, wait=1, status=429)
        if account is None:
            return self._form(request, told=told, error=WRONG, status=422)
        door.throttle.success(name, network)
        response = self._to(request, told.get("to", ""))
        door.sign_in(request, response, account)
        return response

    def out(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Sign out."""
        del fields
        response = RedirectResponse(self._frame.view(request).path("/sign-in"), 303, headers=dict(access.HEADERS))
        if isinstance(self._frame.door, AccountsDoor):
            self._frame.door.sign_out(request, response)
        return response

    def _first(self, request: Request, door: AccountsDoor, told: dict[str, str]) -> Response:
        if not door.accounts.is_empty() or not door.first.fits(told.get("code", "")):
            return self._form(request, told=told, error=WRONG_CODE, status=422)
        try:
            account = door.accounts.add(
                told.get("name", ""),
                Role.OPERATOR,
                sites=None if told.get("all") else (),
                password=told.get("password", ""),
                made_by=_FIRST,
                is_first=True,
            )
        except SettingsError as error:
            told_why = wrong(error, self._frame.view(request).words)
            return self._form(request, told=told, error=told_why, status=422)
        door.first.use()
        response = self._to(request, "")
        door.sign_in(request, response, account)
        return response

    def _form(
        self, request: Request, *, told: dict[str, str] | None = None, error: str = "", wait: int = 0, status: int = 200
    ) -> Response:
        told, door = told or {}, self._frame.door
        response = self._frame.page(
            request,
            "sign_in.html",
            status=status,
            is_first=isinstance(door, AccountsDoor) and door.accounts.is_empty(),
            name=told.get("name", "")[:100],
            to=_own(told.get("to") or request.query_params.get("to", ""), self._frame.base_path),
            sees_all=bool(told.get("all")),
            error=error,
            wait=wait,
        )
        if wait:
            response.headers["Retry-After"] = str(wait)
        return response

    def _to(self, request: Request, path: str) -> Response:
        address = _own(path, self._frame.base_path) or self._frame.view(request).path("/")
        return RedirectResponse(address, 303, headers=dict(access.HEADERS))


def _own(path: str, base_path: str) -> str:
    """Return *path* where it is one of ours, else nothing: an address may not lead from the sign-in to elsewhere."""
    is_own = path.startswith(f"{base_path}/") and not path.startswith("//") and len(path) <= _TO_MAX
    return path if is_own and path.isascii() and path.isprintable() and "\\" not in path else ""


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of signing in and out."""
    del house
    pages, base = SignInPages(frame=frame), frame.base_path
    return [
        Route(f"{base}/sign-in", frame.guarded(pages.page, Right.ANYBODY), methods=["GET"]),
        Route(f"{base}/sign-in", frame.form(pages.take, Right.ANYBODY), methods=["POST"], max_body_size=FORM_BYTES_MAX),
        Route(f"{base}/sign-out", frame.form(pages.out, Right.OWN), methods=["POST"], max_body_size=FORM_BYTES_MAX),
    ]
