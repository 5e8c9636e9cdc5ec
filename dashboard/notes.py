"""Take notes at a day: from the form under the chart, and from a program that has a key for it."""

from datetime import date
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from collector.clock import local_day
from collector.errors import SettingsError
from collector.model import Site
from dashboard import access
from dashboard.api_http import Programs
from dashboard.api_words import QuestionError
from dashboard.desk import notes
from dashboard.frame import FORM_BYTES_MAX, Frame
from dashboard.house import House
from dashboard.query import Query, QueryError
from dashboard.who import Right, Way

#: A program comes with a key, or sits at this machine; who signed in uses the form, which a foreign page cannot send.
_BY_PROGRAM: Final = frozenset({Way.TOKEN, Way.MACHINE})
_STATUS: Final = {"notes_full": 409}
_EXAMPLE: Final = '{"site_id": "school", "text": "Release 4.2"}'


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold what a program sends.

    Attributes:
        text: At most 200 characters, on one line.
        site_id: Empty where the key is good for one site only.
        day: None for today where the site is.
    """

    text: str
    site_id: str = ""
    day: date | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what a program is answered."""

    id: int
    site_id: str
    day: date
    text: str


class Notes:
    """Take and remove notes of a house."""

    def __init__(self, *, house: House, frame: Frame) -> None:
        self._house = house
        self._frame = frame

    def write(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Keep what the form says, and go back to the page that it stood on."""
        told = dict(fields)
        site = next((site for site in self._sites(request) if site.id == told.get("at", "")), None)
        if site is None:
            return self._frame.message(request, "no_site", status=404)
        try:
            day = date.fromisoformat(told.get("day", ""))
        except ValueError:
            return self._frame.message(request, "note_day", status=422)
        try:
            self._keep(request, site, day=day, text=told.get("text", ""))
        except SettingsError as error:
            return self._frame.message(request, error.code, status=422)
        return self._back(request, fields)

    def remove(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Remove a note of a site that the reader may write at, and go back."""
        given = dict(fields).get("note", "")
        allowed = {site.id for site in self._sites(request)}
        if given.isascii() and given.isdigit() and len(given) < len(str(2**63)):
            notes.remove(self._house.desk, int(given), sites=allowed)
        return self._back(request, fields)

    def take(self, request: Request, body: bytes) -> Kept:
        """Keep what a program sends, and answer with the note."""
        if self._frame.who(request).way not in _BY_PROGRAM:
            raise QuestionError(
                "pass_missing", "Who signed in writes notes in the page; a program brings a pass.", status=403
            )
        try:
            asked = msgspec.json.decode(body, type=Asked)
        except msgspec.DecodeError as error:
            raise QuestionError("invalid", f"{error}. Send JSON such as {_EXAMPLE}.", status=400) from None
        sites = self._sites(request)
        if not asked.site_id and len(sites) != 1:
            raise QuestionError("site_missing", "`site_id` says which site the note is for.", status=400)
        site = next((site for site in sites if asked.site_id in {"", site.id}), None)
        if site is None:
            raise QuestionError("site_unknown", "There is no such site, or not for this pass.", status=404)
        try:
            note = self._keep(request, site, day=asked.day, text=asked.text)
        except SettingsError as error:
            raise QuestionError(error.code, error.message, status=_STATUS.get(error.code, 422)) from None
        return Kept(id=note.id, site_id=note.site, day=note.day, text=note.text)

    def _keep(self, request: Request, site: Site, *, day: date | None, text: str) -> notes.Note:
        now = self._house.clock.now()
        today = local_day(now, site.timezone)
        who = self._frame.who(request)
        return notes.write(
            self._house.desk, site=site.id, day=day or today, text=text, made_by=who.name, at=now, today=today
        )

    def _sites(self, request: Request) -> list[Site]:
        who = self._frame.who(request)
        return [site for site in self._house.sites() if who.may(Right.NOTES, site.id)]

    def _back(self, request: Request, fields: list[tuple[str, str]]) -> Response:
        shown = {name for name, _ in fields} - {"at", "day", "text", "note"}
        view = self._frame.view(request)
        try:
            query = Query.from_params([pair for pair in fields if pair[0] in shown])
            where = view.url(query) + "#notes"
        except QueryError:
            where = view.path("/")
        return RedirectResponse(where, 303, headers=dict(access.HEADERS))


def routes(*, house: House, frame: Frame) -> list[Route]:
    """Return the routes of notes."""
    pages, base = Notes(house=house, frame=frame), frame.base_path
    limits: dict[str, Any] = {"methods": ["POST"], "max_body_size": FORM_BYTES_MAX}
    taking = Programs(frame, house.clock).taking(pages.take, Right.NOTES, bytes_max=FORM_BYTES_MAX, status=201)
    return [
        Route(f"{base}/notes", frame.form(pages.write, Right.NOTES), **limits),
        Route(f"{base}/notes/remove", frame.form(pages.remove, Right.NOTES), **limits),
        Route(f"{base}/api/notes", taking, methods=["POST", "OPTIONS"], max_body_size=FORM_BYTES_MAX),
    ]
