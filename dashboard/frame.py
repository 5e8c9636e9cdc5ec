"""The frame of every page: language, words, template and headers; and the door that each answer stands behind."""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Final
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from dashboard import access
from dashboard.assets import Assets, pack
from dashboard.query import QueryError
from dashboard.view import View
from dashboard.words import LANGUAGES, Words, choose, load

FORM_BYTES_MAX: Final = 16_384
QUERY_FIELDS_MAX: Final = 100
#: Asks for what is inside <main> only; the page's module sends it.
FRAGMENT: Final = "turven-fragment"

Endpoint = Callable[[Request], Response]


@cache
def words() -> dict[str, Words]:
    """Return the languages, read once a process: by the first page, since a house starts without them."""
    return load()


@cache
def templates() -> Environment:
    """Return the templates, compiled once a process."""
    return Environment(
        loader=PackageLoader("dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Frame:
    """Make pages: each in the reader's language, with the headers that every answer carries."""

    def __init__(self, base_path: str) -> None:
        self.base_path = base_path
        self.assets = Assets(base_path)

    def view(self, request: Request) -> View:
        """Return how values are written for who asks."""
        asked = request.query_params.get("lang")
        return View(self._language(request), base_path=self.base_path, language=asked if asked in LANGUAGES else None)

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """Answer a page made of *template* and *values*."""
        view = self.view(request)
        body = (
            templates()
            .get_template(template)
            .render(
                _=view.words.text,
                n_=view.words.count,
                view=view,
                words=view.words,
                asset=self.assets.url,
                languages={code: self._same(request, code) for code in LANGUAGES},
                is_fragment=FRAGMENT in request.headers,
                **values,
            )
        )
        headers = {**access.HEADERS, "Content-Language": view.words.language}
        return pack(request, body.encode(), media_type="text/html; charset=utf-8", headers=headers, status=status)

    def message(self, request: Request, code: str, *, status: int, what: str = "") -> Response:
        """Answer a page that says no."""
        return self.page(request, "message.html", code=code, what=what, status=status)

    def guarded(self, answer: Endpoint) -> Endpoint:
        """Return *answer* behind the door, with a page for what goes wrong."""

        @wraps(answer)
        def endpoint(request: Request) -> Response:
            refused = access.refuse(request)
            if refused:
                return self.message(request, refused.value, status=access.STATUS[refused])
            try:
                return answer(request)
            except QueryError as error:
                return self.message(request, "query", status=400, what=error.what)

        return endpoint

    def _language(self, request: Request) -> Words:
        return words()[choose(request.query_params.get("lang"), request.headers.get("accept-language", ""))]

    def _same(self, request: Request, language: str) -> str:
        pairs = [(name, value) for name, value in parameters(request) if name != "lang"]
        view = View(words()[language], base_path=self.base_path, language=None)
        path = request.url.path.removeprefix(self.base_path)
        return view.address(path, [*pairs, ("lang", language)])


def parameters(request: Request) -> list[tuple[str, str]]:
    """Return the parameters of the address, in order.

    Raises:
        QueryError: There are more than anybody asks for.
    """
    query = request.scope.get("query_string", b"").decode("latin-1")
    try:
        return parse_qsl(query, max_num_fields=QUERY_FIELDS_MAX)
    except ValueError:
        raise QueryError("…") from None
