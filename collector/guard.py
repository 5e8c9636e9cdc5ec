"""The outermost layer: an unforeseen error is answered 500 and logged by its kind and place, never by its words."""

import logging

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.process import told

log = logging.getLogger("turven.guard")

_BODY = b'{"error":"internal","message":"Something went wrong here; nothing of the request was kept in a log."}'


class Guard:
    """Wrap an ASGI application so that no error text, which may quote request data, reaches a log or an answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer 500 where it fails before its answer began."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientDisconnect:
            # Whoever asked has gone: there is nobody to answer, and nothing that went wrong here.
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, its words stay here
            log.error("%s", told(error))  # noqa: TRY400 - no traceback
            if not started:
                await send(
                    {"type": "http.response.start", "status": 500, "headers": [(b"content-type", b"application/json")]}
                )
                await send({"type": "http.response.body", "body": _BODY})
