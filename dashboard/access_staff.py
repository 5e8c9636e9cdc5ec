"""The page on which an operator gives accounts, and sees who gave which."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.errors import SettingsError
from dashboard import access
from dashboard.access_door import AccountsDoor
from dashboard.access_passwords import made_up
from dashboard.access_words import DEEDS, DONE, ROLE_HINTS, ROLES, wrong
from dashboard.frame import FORM_BYTES_MAX, Frame
from dashboard.house import House
from dashboard.who import Right, Role

_DEEDS_SHOWN: Final = 50
#: Fields of the form for a new account.
_EMPTY: Final = {"name": "", "role": "", "sites": "", "all": ""}
Fields = dict[str, str]


class StaffPages:
    """Answer who gives accounts."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def page(self, request: Request) -> Response:
        """Answer the list of accounts."""
        return self._answer(request)

    def take(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Do what a form on the page asks for."""
        told = dict(fields)
        deeds: dict[str, Callable[[Request, AccountsDoor, Fields], Response]] = {
            "add": self._add,
            "change": self._change,
            "password": self._password,
            "second": self._second,
            "remove": self._remove,
        }
        if told.get("do") not in deeds:
            return self._frame.message(request, "no_page", status=404)
        try:
            return deeds[told["do"]](request, self._door(), told)
        except SettingsError as error:
            words = self._frame.view(request).words
            return self._answer(request, error=wrong(error, words), told=told, status=422)

    def _add(self, request: Request, door: AccountsDoor, told: Fields) -> Response:
        password = made_up(door.random)
        account = door.accounts.add(
            told.get("name", ""),
            self._role(told),
            sites=self._sites(told),
            password=password,
            made_by=self._frame.who(request).name,
            is_handed=True,
        )
        return self._answer(request, handed=(account.name, password))

    def _change(self, request: Request, door: AccountsDoor, told: Fields) -> Response:
        door.accounts.change(
            told.get("name", ""),
            role=self._role(told),
            sites=self._sites(told),
            is_off=bool(told.get("off")),
            made_by=self._frame.who(request).name,
        )
        return self._done(request, "changed")

    def _password(self, request: Request, door: AccountsDoor, told: Fields) -> Response:
        password, name = made_up(door.random), told.get("name", "")
        door.accounts.set_password(name, password, made_by=self._frame.who(request).name, is_handed=True)
        return self._answer(request, handed=(name, password))

    def _second(self, request: Request, door: AccountsDoor, told: Fields) -> Response:
        door.accounts.set_second_step(told.get("name", ""), "", made_by=self._frame.who(request).name)
        return self._done(request, "changed")

    def _remove(self, request: Request, door: AccountsDoor, told: Fields) -> Response:
        door.accounts.remove(told.get("name", ""), made_by=self._frame.who(request).name)
        return self._done(request, "removed")

    def _role(self, told: Fields) -> Role:
        if told.get("role") not in set(Role):
            raise SettingsError("role_unknown", "Choose a role.")
        return Role(told["role"])

    def _sites(self, told: Fields) -> Sequence[str] | None:
        if told.get("all"):
            return None
        asked = list(dict.fromkeys(told.get("sites", "").replace(",", " ").split()))
        if set(asked) - {site.id for site in self._house.sites()}:
            raise SettingsError("site_unknown", "There is no such site.")
        return asked

    def _done(self, request: Request, what: str) -> Response:
        address = self._frame.view(request).path("/staff", done=what)
        return RedirectResponse(address, 303, headers=dict(access.HEADERS))

    def _answer(
        self,
        request: Request,
        *,
        error: str = "",
        told: Fields | None = None,
        handed: tuple[str, str] | None = None,
        status: int = 200,
    ) -> Response:
        door = self._door()
        return self._frame.page(
            request,
            "staff.html",
            status=status,
            accounts=door.accounts.all(),
            deeds=door.accounts.deeds(_DEEDS_SHOWN),
            deed_names=DEEDS,
            roles=ROLES,
            role_hints=ROLE_HINTS,
            done="" if error or handed else DONE.get(request.query_params.get("done", ""), ""),
            error=error,
            told=_EMPTY | (told if told and told.get("do") == "add" else {}),
            handed=handed,
        )

    def _door(self) -> AccountsDoor:
        door = self._frame.door
        # Without accounts nobody has the right to this page.
        if not isinstance(door, AccountsDoor):
            raise SettingsError("account_unknown", "There are no accounts.")
        return door


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of the accounts of others."""
    pages, path = StaffPages(house=house, frame=frame), f"{frame.base_path}/staff"
    return [
        Route(path, frame.guarded(pages.page, Right.STAFF), methods=["GET"]),
        Route(path, frame.form(pages.take, Right.STAFF), methods=["POST"], max_body_size=FORM_BYTES_MAX),
    ]
