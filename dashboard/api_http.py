"""Answer programs over HTTP: JSON in, JSON out, also for what goes wrong; other sites' pages only with a pass."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from collector.clock import Clock
from dashboard import access
from dashboard.api_door import Throttle, brings_pass
from dashboard.api_words import QuestionError
from dashboard.assets import pack
from dashboard.frame import Frame
from dashboard.who import NOBODY, Right, Who

JSON: Final = "application/json"
_RETRY_SECONDS: Final = 60

#: Answers a question whose body was read.
TakeBody = Callable[[Request, bytes], Any]


class Problem(msgspec.Struct):
    """Say what went wrong.

    Attributes:
        error: A code, for programs.
        message: A sentence, for people: why, and what would work.
    """

    error: str
    message: str


class Programs:
    """Stand at the door of what answers programs."""

    def __init__(self, frame: Frame, clock: Clock) -> None:
        self._frame = frame
        self._clock = clock
        self._throttle = Throttle()

    def taking(
        self, answer: TakeBody, right: Right, *, bytes_max: int, status: int = 200
    ) -> Callable[[Request], Awaitable[Response]]:
        """Return *answer*, which takes a body of at most *bytes_max*, for whoever has *right*."""

        async def endpoint(request: Request) -> Response:
            if request.method == "OPTIONS":
                return preflight(request)
            try:
                await run_in_threadpool(self._let_in, request, right)
                body = await read_body(request, bytes_max=bytes_max)
                made = await run_in_threadpool(answer, request, body)
            except QuestionError as error:
                return problem(request, error)
            return reply(request, made, status=status)

        return endpoint

    def _let_in(self, request: Request, right: Right) -> None:
        """Let *request* in, or say why not.

        Raises:
            QuestionError: `pass_unknown`, `pass_throttled`, `pass_missing`, `pass_scope`, or why the door is shut.
        """
        who = self._frame.arrive(request)
        if who is access.Refused.PASS:
            if self._throttle.is_too_often(self._clock.now()):
                raise QuestionError("pass_throttled", "Too many wrong passes; wait a minute.", status=429)
            raise QuestionError(
                "pass_unknown", "This pass does not work: it is wrong, over, or was withdrawn.", status=401
            )
        if isinstance(who, access.Refused):
            raise QuestionError("pass_missing", _HOW, status=access.STATUS[who])
        request.state.who = who
        if who.may(right):
            return
        if who == NOBODY:
            raise QuestionError("pass_missing", _HOW, status=401)
        raise QuestionError("pass_scope", f"This pass has no scope for that; it needs `{right}`.", status=403)


_HOW: Final = (
    "Send `Authorization: Bearer turven_…`. Whoever controls the site makes a pass on the page /passes, the operator "
    "with `turven pass add`."
)


async def read_body(request: Request, *, bytes_max: int) -> bytes:
    """Return the body of *request*, of which no more than *bytes_max* is held.

    Raises:
        QuestionError: `body_too_large`.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > bytes_max:
            raise QuestionError("body_too_large", f"A body has at most {bytes_max} bytes here.", status=413)
    return bytes(body)


def reply(request: Request, made: Any, *, status: int = 200) -> Response:
    """Return *made* as JSON."""
    return pack(
        request,
        msgspec.json.encode(made),
        media_type=JSON,
        headers={**access.HEADERS, **_foreign(request)},
        status=status,
    )


def problem(request: Request, error: QuestionError) -> Response:
    """Return what went wrong as JSON."""
    answer = reply(request, Problem(error.code, error.message), status=error.status)
    if error.status == 401:  # noqa: PLR2004 - HTTP's own number
        answer.headers["WWW-Authenticate"] = 'Bearer realm="turven"'
    if error.status == 429:  # noqa: PLR2004 - HTTP's own number
        answer.headers["Retry-After"] = str(_RETRY_SECONDS)
    return answer


def _foreign(request: Request) -> dict[str, str]:
    """Return what lets a page of another site read the answer: only where it brought a pass; never with cookies."""
    if not brings_pass(request):
        return {}
    return {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}


def preflight(request: Request) -> Response:
    """Answer a browser that asks beforehand whether a page of another site may ask: with a pass, and not without."""
    wanted = {name.strip().lower() for name in request.headers.get("access-control-request-headers", "").split(",")}
    if "authorization" not in wanted:
        return Response(status_code=403, headers=dict(access.HEADERS))
    allowed = {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "POST",
        "Access-Control-Allow-Headers": "authorization, content-type",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers={**access.HEADERS, **allowed})


def asking(request: Request) -> Who:
    """Return who asks."""
    who: Who = request.state.who
    return who
