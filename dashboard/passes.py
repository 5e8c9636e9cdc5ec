"""Passes of programs, made and withdrawn by whoever controls a site; and the list of what left the house."""

from datetime import date
from secrets import token_urlsafe
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.errors import SettingsError
from collector.model import Site
from dashboard import access
from dashboard.desk import taken, tokens
from dashboard.desk.tokens import PASS_DAYS, PASS_DAYS_MAX, PREFIX, SECRET_BYTES, Pass, Scope, Wish
from dashboard.frame import FORM_BYTES_MAX, Frame
from dashboard.house import House
from dashboard.metrics import mark
from dashboard.view import View
from dashboard.who import Right, Way

TAKEN_ROWS: Final = 100
_PAGE_LENGTH_MAX: Final = 6
_SEE_OTHER: Final = 303
SCOPES: Final = {
    Scope.FIGURES: mark("Figures"),
    Scope.EXPORT: mark("Files"),
    Scope.NOTES: mark("Notes"),
}
HINTS: Final = {
    Scope.FIGURES: mark("It may ask for figures."),
    Scope.EXPORT: mark("It may take tables and all cells away as files."),
    Scope.NOTES: mark("It may write notes at a day, such as a release."),
}
ERRORS: Final = {
    "pass_name": mark("Give the pass a name of at most 100 letters."),
    "pass_days": mark("Choose 1 to 1096 days."),
    "pass_scopes": mark("Choose what the program may do."),
    "passes_too_many": mark("This site has 50 passes. Withdraw one that is not needed any more."),
}
WAYS: Final = {
    Way.MACHINE: mark("this machine"),
    Way.ACCOUNT: mark("an account"),
    Way.TOKEN: mark("a pass"),
    Way.LINK: mark("a secret link"),
}


class Passes:
    """Make, list and withdraw passes, and show what left."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def listed(self, request: Request) -> Response:
        """Answer the passes of the reader's sites, and the form for one more."""
        return self._page(request)

    def make(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Make a pass and show its secret, this once: in this answer, which nothing keeps."""
        told = dict(fields)
        scopes = tuple(value for name, value in fields if name == "scope")
        given = {"name": told.get("name", ""), "site": told.get("site", ""), "days": told.get("days", "")}
        if given["site"] not in {site.id for site in self._sites(request)}:
            return self._frame.message(request, "no_site", status=404)
        secret = PREFIX + token_urlsafe(SECRET_BYTES)
        try:
            wish = Wish(name=given["name"].strip(), site=given["site"], scopes=scopes, days=_days(given["days"]))
            made_by = self._frame.who(request).name
            made = tokens.make(self._house.desk, wish, secret=secret, made_by=made_by, at=self._house.clock.now())
        except SettingsError as error:
            message = _error(self._frame.view(request), error)
            return self._page(request, given={**given, "scopes": scopes}, error=message, status=422)
        return self._page(request, made=made, secret=secret)

    def withdraw(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Let a pass stop working, and show those that are left."""
        told = dict(fields)
        site = told.get("site", "")
        if site not in {one.id for one in self._sites(request)} or not tokens.withdraw(
            self._house.desk, site=site, short=told.get("pass", "")
        ):
            return self._frame.message(request, "no_page", status=404)
        return RedirectResponse(self._frame.view(request).path("/passes"), _SEE_OTHER, headers=dict(access.HEADERS))

    def taken(self, request: Request) -> Response:
        """Answer what left the house of the reader's sites."""
        asked = request.query_params.get("page", "1")
        page = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= _PAGE_LENGTH_MAX else 1
        sites = tuple(site.id for site in self._sites(request))
        lines, count = taken.taken(
            self._house.desk, sites=sites, limit=TAKEN_ROWS, offset=(max(page, 1) - 1) * TAKEN_ROWS
        )
        return self._frame.page(
            request,
            "taken.html",
            lines=lines,
            count=count,
            page=max(page, 1),
            has_more=max(page, 1) * TAKEN_ROWS < count,
            ways=WAYS,
        )

    def _sites(self, request: Request) -> list[Site]:
        who = self._frame.who(request)
        return [site for site in self._house.sites() if who.may(Right.SETTINGS, site.id)]

    def _page(
        self,
        request: Request,
        *,
        given: dict[str, Any] | None = None,
        error: str = "",
        made: Pass | None = None,
        secret: str = "",
        status: int = 200,
    ) -> Response:
        sites = self._sites(request)
        usual = {"name": "", "site": "", "days": str(PASS_DAYS), "scopes": (Scope.FIGURES.value,)}
        return self._frame.page(
            request,
            "passes.html",
            sites=sites,
            passes=tokens.passes(self._house.desk, sites={site.id for site in sites}),
            now=self._house.clock.now(),
            given=usual | (given or {}),
            days_max=PASS_DAYS_MAX,
            scopes={scope.value: name for scope, name in SCOPES.items()},
            hints={scope.value: hint for scope, hint in HINTS.items()},
            view_day=date.fromisoformat,
            error=error,
            made=made,
            secret=secret,
            status=status,
        )


def _days(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _PAGE_LENGTH_MAX else 0


def _error(view: View, error: SettingsError) -> str:
    return view.words.text(ERRORS[error.code]) if error.code in ERRORS else view.error(error)


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of passes, and of what left."""
    pages, base = Passes(house=house, frame=frame), frame.base_path
    limits: dict[str, Any] = {"methods": ["POST"], "max_body_size": FORM_BYTES_MAX}
    return [
        Route(f"{base}/passes", frame.guarded(pages.listed, Right.SETTINGS), methods=["GET"]),
        Route(f"{base}/passes", frame.form(pages.make, Right.SETTINGS), **limits),
        Route(f"{base}/passes/withdraw", frame.form(pages.withdraw, Right.SETTINGS), **limits),
        Route(f"{base}/taken", frame.guarded(pages.taken, Right.SETTINGS), methods=["GET"]),
    ]
