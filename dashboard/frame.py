"""The frame of every page: language, words, template and headers; and the door that each answer stands behind."""

from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial, wraps
from hmac import compare_digest
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from collector.model import Site
from dashboard import access
from dashboard.api_door import TokenDoor, brings_pass
from dashboard.assets import Assets, pack
from dashboard.query import QueryError
from dashboard.view import View
from dashboard.who import MACHINE, NOBODY, Right, Way, Who
from dashboard.words import LANGUAGES, Words, choose, load

FORM_BYTES_MAX: Final = 16_384
FORM_FIELDS_MAX: Final = 200
QUERY_FIELDS_MAX: Final = 100
#: The field of each form that only a page of the reader's own sign-in can fill.
FORM_KEY: Final = "form_key"
#: Asks for what is inside <main> only; the page's module sends it.
FRAGMENT: Final = "turven-fragment"

Endpoint = Callable[[Request], Response]
AsyncEndpoint = Callable[[Request], Awaitable[Response]]


class Take(Protocol):
    """Answer a form."""

    def __call__(self, request: Request, *, fields: list[tuple[str, str]]) -> Response:
        """Return the answer to *request*, whose form had *fields*."""
        ...


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


class Door(Protocol):
    """Tell who asks, before anything is read."""

    def who(self, request: Request) -> Who | access.Refused:
        """Return who sent *request*, or why it is not answered."""
        ...


#: Knows which program sent a request, by the pass that it brought; `None` where it brought none that works.
Programs = Callable[[Request], Who | None]


class MachineDoor:
    """Let in whoever sits at this machine, and programs with a pass: a house without accounts."""

    def __init__(self, programs: Programs | None = None) -> None:
        self._programs = programs

    def who(self, request: Request) -> Who | access.Refused:
        """Return who sent *request*, or why it is not answered."""
        program = self._programs(request) if self._programs else None
        return program or access.refuse(request) or MACHINE


class Frame:
    """Make pages: each in the reader's language, with the headers that every answer carries."""

    def __init__(self, base_path: str, *, door: Door | None = None, passes: TokenDoor | None = None) -> None:
        self.base_path = base_path
        self.assets = Assets(base_path)
        self.door = door or MachineDoor()
        self._passes = passes

    def arrive(self, request: Request) -> Who | access.Refused:
        """Return who sent *request*: a program by its pass, from wherever; else whoever the door lets in."""
        if self._passes and brings_pass(request):
            return self._passes(request) or access.Refused.PASS
        return self.door.who(request)

    def who(self, request: Request) -> Who:
        """Return who asks; only behind `guarded` and `form`."""
        who: Who = request.state.who
        return who

    def sites(self, request: Request, sites: Sequence[Site]) -> list[Site]:
        """Return those of *sites* whose figures the reader may see."""
        who = self.who(request)
        return [site for site in sites if who.may(Right.FIGURES, site.id)]

    def root(self, request: Request) -> str:
        """Return what stands before every address of the page that *request* asks for."""
        del request
        return self.base_path

    def kept(self, request: Request) -> list[tuple[str, str]]:
        """Return the parameters of the address that every address of the page carries on."""
        asked = request.query_params.get("lang")
        return [("lang", asked)] if asked in LANGUAGES else []

    def view(self, request: Request) -> View:
        """Return how values are written for who asks."""
        return View(self._language(request), base_path=self.root(request), kept=self.kept(request))

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """Answer a page made of *template* and *values*."""
        view, who = self.view(request), asking(request)
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
                form_key=lambda: form_key(who),
                who=who,
                **values,
            )
        )
        headers = {**access.HEADERS, "Content-Language": view.words.language}
        return pack(request, body.encode(), media_type="text/html; charset=utf-8", headers=headers, status=status)

    def message(self, request: Request, code: str, *, status: int, what: str = "") -> Response:
        """Answer a page that says no."""
        return self.page(request, "message.html", code=code, what=what, status=status)

    def guarded(self, answer: Endpoint, right: Right = Right.FIGURES) -> Endpoint:
        """Return *answer* behind the door, for whoever has *right*, with a page for what goes wrong."""

        @wraps(answer)
        def endpoint(request: Request) -> Response:
            return self._refusal(request, right) or self._answered(request, answer)

        return endpoint

    def form(self, answer: Take, right: Right) -> AsyncEndpoint:
        """Return *answer*, which takes the fields of a form, behind the door; a form of another page is refused.

        Templates write `{{ form_key() }}` into each of their forms: who signed in is refused without.
        A field that stands several times in the form has several values; `fields` holds pairs, in order.
        """

        @wraps(answer)
        async def endpoint(request: Request) -> Response:
            if refused := await run_in_threadpool(self._refusal, request, right):
                return refused
            # A program has an address of its own for what its pass allows, and no key that a form could be asked for.
            if self.who(request).way is Way.TOKEN:
                return self.message(request, "right", status=403)
            body = await request.body()
            if len(body) > FORM_BYTES_MAX:
                return self.message(request, "no_page", status=413)
            try:
                fields = parse_qsl(
                    body.decode(errors="replace"), keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX
                )
            except ValueError:
                return self.message(request, "no_page", status=413)
            brought = next((value for name, value in fields if name == FORM_KEY), "")
            if not compare_digest(brought.encode(), self.who(request).form_key.encode()):
                return self.message(request, "origin", status=403)
            told = [(name, value) for name, value in fields if name != FORM_KEY]
            return await run_in_threadpool(self._answered, request, partial(answer, fields=told))

        return endpoint

    def _refusal(self, request: Request, right: Right) -> Response | None:
        who = self.arrive(request)
        if isinstance(who, access.Refused):
            return self.message(request, who.value, status=access.STATUS[who])
        request.state.who = who
        return None if who.may(right) else self._led_away(request, who)

    def _led_away(self, request: Request, who: Who) -> Response:
        """Answer who lacks a right: with the page that helps, where there is one, else with why not."""
        if who.way is Way.MACHINE:
            return self.message(request, "no_accounts", status=404)
        if who.way is not Way.NOBODY and not who.must_set_up:
            return self.message(request, "right", status=403)
        # A part of a page is no place for another page: its module then opens the whole address.
        if request.method not in {"GET", "HEAD"} or FRAGMENT in request.headers:
            return self.message(request, "sign_in", status=401)
        path = "/me" if who.must_set_up else "/sign-in"
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        params = {"to": asked} if asked not in {f"{self.base_path}/", f"{self.base_path}"} else {}
        return RedirectResponse(self.view(request).path(path, **params), 303, headers=dict(access.HEADERS))

    def _answered(self, request: Request, answer: Endpoint) -> Response:
        try:
            return answer(request)
        except QueryError as error:
            return self.message(request, "query", status=400, what=error.what)

    def _language(self, request: Request) -> Words:
        asked = request.query_params.get("lang") or asking(request).language or None
        return words()[choose(asked, request.headers.get("accept-language", ""))]

    def _same(self, request: Request, language: str) -> str:
        try:
            pairs = [(name, value) for name, value in parameters(request) if name != "lang"]
        except QueryError:
            pairs = []
        view = View(words()[language], base_path=self.root(request))
        path = request.url.path.removeprefix(self.root(request))
        return view.address(path, [*pairs, ("lang", language)])


def asking(request: Request) -> Who:
    """Return who asks; nobody in particular where the door refused them."""
    who: Who = getattr(request.state, "who", NOBODY)
    return who


def form_key(who: Who) -> Markup:
    """Return the field that each form of a page holds; nothing where nobody signed in."""
    if not who.form_key:
        return Markup()
    return Markup('<input type="hidden" name="{}" value="{}">').format(FORM_KEY, who.form_key)


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
