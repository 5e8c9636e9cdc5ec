"""The least that uvicorn can do with a POST: read the body, answer 202. What counting costs is measured against it."""

from typing import Final

from starlette.types import Message, Receive, Scope, Send

_START: Final[Message] = {"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]}
_DONE: Final[Message] = {"type": "http.response.body", "body": b""}


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Take one request as any ASGI application does, and do nothing with it."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send(_START)
    await send(_DONE)
