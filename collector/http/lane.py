"""The fast lane: `POST /event` is answered while it is parsed, by the same `EventDoor.ingest` as on the ordinary route.

The ordinary way of uvicorn makes a scope, a task, messages and futures of every request; that costs more than counting
an event does. Here a request that looks like every event of a browser takes none of it: exactly the path of events,
HTTP/1.1, a body of known length that is no larger than an event may be, and no header twice. Anything else (a query,
chunks, `Expect`, `Upgrade`, another version) takes the base class's way, so that there is one answer to it.

Most events come whole in one read on a connection that waits for one: `WholeReader` reads these. Those that come in
pieces, or behind another in one read, are put together by the callbacks below.

Replies of one connection leave in the order of its requests. That to an event waits until the event is in the spool;
what comes behind it waits with it, and an event behind an ordinary request that runs takes the ordinary way too.
"""

import logging
from collections import deque
from typing import Any, ClassVar, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collector.app import EventDoor
from collector.edge.payload import BODY_BYTES_MAX
from collector.edge.raw import RawRequest
from collector.errors import StoreError
from collector.http.keeper import Keeper
from collector.http.limited import HEADERS_MAX, PIECE_BYTES, LimitedProtocol, protocol_for
from collector.http.trial import try_out
from collector.http.whole import UNUSUAL, WholeReader
from collector.process import told
from collector.reply import FAILED, UNAVAILABLE, Reply

log = logging.getLogger("turven.lane")

#: Replies that may wait for the spool on one connection before no more is read from it.
DUE_MAX: Final = 1_024
_AGENT: Final = b"user-agent"
_GPC: Final = b"sec-gpc"
_DNT: Final = b"dnt"
_LANGUAGE: Final = b"accept-language"


class EventLane(LimitedProtocol):
    """Answer events inside the parser's callbacks, and leave every other request to the base class.

    Attributes:
        door: Takes the events.
        path: Where they are posted, with the base path.
        whole: Reads those that come whole; made for each class that has a door.
    """

    door: ClassVar[EventDoor]
    path: ClassVar[bytes]
    whole: ClassVar[WholeReader]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make the reader of the events of a door."""
        super().__init_subclass__(**kwargs)
        if "door" in cls.__dict__:
            door = cls.door
            wanted = (door.client_header, door.country_header, _AGENT, _GPC, _DNT, _LANGUAGE)
            cls.whole = WholeReader(cls.path, wanted)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Replies that may not leave yet, in order; the first of them always waits for the spool.
        self._due: deque[tuple[Reply, bool]] = deque()
        # An ordinary request behind them.
        self._held: tuple[Any, Any] | None = None
        self._fields: dict[bytes, bytes] | None = None
        self._body = b""
        self._peer = ""
        # A request asked for the connection to close behind it: what follows is not looked at.
        self._has_last = False

    def connection_made(self, transport: Any) -> None:
        """Note the address of the other end once for all its requests."""
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was to be said; what was counted stays counted."""
        self._due.clear()
        self._held = None
        self._fields = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Answer an event that came whole; read everything else as any request."""
        if len(data) <= PIECE_BYTES and self._is_waiting() and (event := self.whole.read(data)):
            self.phase = (self.phase | 1) + 1
            self.held = 0
            self.is_in_head = False
            self.cycle = None
            self._answer(self._ingest(*event), is_last=False)
        else:
            super().data_received(data)

    def _is_waiting(self) -> bool:
        """Tell whether a request may begin here, and nothing stands in the way of an event: no end, no crowd."""
        return not (
            # The parser is in the middle of one; before the first nothing was held.
            (self.phase & 1 and self.held)
            or (self.cycle is not None and not self.cycle.response_complete)
            or self._has_last
            or self.is_leaving
            or self.is_crowded
            or self.keeper.is_lagging
            or self.last_words is not None
            or self.transport.is_closing()
        )

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request, without the scope that only an ordinary one needs."""
        self.phase |= 1
        self.held = 0
        self.is_in_head = True
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after a body says nothing to us, and would grow unseen."""
        if self.is_in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Part the events from everything else."""
        if self._has_last:
            self.is_in_head = False
        elif self.url == self.path and (fields := self._fields_of_event()) is not None:
            if self.is_crowded or self.keeper.is_lagging:
                self.check_crowd()
            self.is_in_head = False
            self.cycle = None
            self._fields = fields
            self._body = b""
        else:
            self._go_ordinary()

    def _fields_of_event(self) -> dict[bytes, bytes] | None:
        """Return the headers by name where this is an event as browsers send it and its turn has come."""
        headers = self.headers
        fields = dict(headers)
        parser = self.parser
        if (
            len(fields) != len(headers)
            or not UNUSUAL.isdisjoint(fields)
            or int(fields.get(b"content-length", b"0")) > BODY_BYTES_MAX
            or len(headers) > HEADERS_MAX
            or parser.get_method() != b"POST"
            or parser.get_http_version() != "1.1"
            or (self.cycle is not None and not self.cycle.response_complete)
        ):
            return None
        return fields

    def _go_ordinary(self) -> None:
        """Do for the base class what was left out while this might have been an event."""
        url, headers = self.url, self.headers
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        self.headers.extend(headers)
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in headers
        )
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Gather the body of an event; its length was announced and is small."""
        if self._fields is not None:
            self._body += body
        elif not self._has_last:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Count an event and answer it."""
        fields, self._fields = self._fields, None
        if fields is not None:
            self.phase += 1
            body, self._body = self._body, b""
            self._answer(self._ingest(fields, body), is_last=not self.parser.should_keep_alive())
        elif self._has_last:
            self.phase += 1
        else:
            super().on_message_complete()

    def _ingest(self, fields: dict[bytes, bytes], body: bytes) -> Reply:
        field, door = fields.get, self.door
        try:
            return door.ingest(
                RawRequest(
                    self._peer,
                    body,
                    field(door.client_header, b"").decode("latin-1"),
                    field(_AGENT, b"").decode("latin-1"),
                    field(_GPC, b"").strip().decode("latin-1"),
                    field(_DNT, b"").strip().decode("latin-1"),
                    field(door.country_header, b"").decode("latin-1"),
                    field(_LANGUAGE, b"").decode("latin-1"),
                )
            )
        except Exception as error:  # noqa: BLE001 - as `Guard` does on the ordinary route
            log.error("%s", told(error))  # noqa: TRY400 - no traceback
            return FAILED

    # Answering.

    def _answer(self, reply: Reply, *, is_last: bool) -> None:
        """Send a reply, or let it wait for the spool or for those before it."""
        if is_last:
            self._has_last = True
        if reply.is_counted:
            self._due.append((reply, is_last))
            self.door.intake.when_written(self._written)
        elif self._due:
            self._due.append((reply, is_last))
        else:
            self._send(reply, is_last=is_last or self.is_leaving)
        if len(self._due) >= DUE_MAX:
            self.flow.pause_reading()

    def _written(self, failure: StoreError | None) -> None:
        """Send the reply to the first event that waits, and those behind it that waited for nothing else."""
        due = self._due
        if not due:
            # The sender is gone.
            return
        reply, is_last = due.popleft()
        if failure is not None:
            reply = UNAVAILABLE
        while True:
            self._send(reply, is_last=is_last or (self.is_leaving and not due and self._held is None))
            if not due or due[0][0].is_counted:
                break
            reply, is_last = due.popleft()
        if not due:
            self._let_go()

    def _send(self, reply: Reply, *, is_last: bool) -> None:
        self.server_state.total_requests += 1
        # Idle since now, and still between requests if it was.
        self.phase += 2
        transport = self.transport
        if transport.is_closing():
            return
        if is_last or not reply.kept:
            transport.write(reply.last)
            transport.close()
            # Nor is what came with it: it would be counted, and its sender sends it again.
            self._has_last = True
        else:
            transport.write(reply.kept)

    def _let_go(self) -> None:
        """Go on with what waited for the replies to events."""
        held, self._held = self._held, None
        if held is not None and not self.transport.is_closing():
            self.flow.resume_reading()
            super()._start_asgi_task(*held)
        elif self.last_words is not None:
            self.after_answer()
        elif not (self.flow.write_paused or self.transport.is_closing()):
            self.flow.resume_reading()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Start an ordinary request, once the events before it are answered."""
        if self._due:
            self._held = cycle, app
            self.flow.pause_reading()
        else:
            super()._start_asgi_task(cycle, app)

    def is_answering(self) -> bool:
        """Tell whether an answer is owed."""
        return bool(self._due) or super().is_answering()

    def _owes_earlier(self) -> bool:
        return bool(self._due) or super()._owes_earlier()

    def shutdown(self) -> None:
        """Answer what is there and what is on its way, and then close."""
        self.is_leaving = True
        if self.cycle is not None:
            self.cycle.keep_alive = False
        self.keeper.end()


def lane_for(door: EventDoor, keeper: Keeper) -> type[LimitedProtocol]:
    """Return the protocol of a process: with the fast lane where it fits the uvicorn that is installed, else without.

    Args:
        door: Takes the events.
        keeper: Of the process; knows where events are posted.
    """
    lane = type("EventLane", (EventLane,), {"door": door, "path": keeper.event_path})
    try:
        try_out(lane)
    except Exception as error:  # noqa: BLE001 - whatever does not fit, events still have the ordinary route
        log.warning(
            "Events take the ordinary route: uvicorn %s is not as the fast lane knows it (%s).",
            uvicorn.__version__,
            told(error),
        )
        return protocol_for(keeper)
    return protocol_for(keeper, lane)
