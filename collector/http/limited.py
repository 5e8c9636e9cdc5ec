"""HTTP as the house speaks it: uvicorn's own protocol, with limits on bytes, seconds and connections.

httptools takes any number of bytes for headers and holds them until the last one is there, and uvicorn waits for a
request as long as its sender likes: one sender could fill the memory of the house, and a few thousand its sockets.
"""

from typing import Any, ClassVar, Final, cast

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from collector.http.keeper import CROWDED, IDLE, LAGGING, SLOW, UNREAD, Connection, Keeper
from collector.reply import OVERLOADED, make_reply

#: Browsers send 1 to 8 KB of address and headers; a product's cookies may be larger. nginx takes 32 KB.
HEAD_BYTES_MAX: Final = 65_536
#: Each header is an object many times its size.
HEADERS_MAX: Final = 256
#: Any request's body; an event has its own, smaller limit, and no form of the dashboard comes near.
BODY_BYTES_MAX: Final = 1_048_576
#: Requests that wait behind the one that is answered; each is an object many times its size, and no browser sends two.
PIPELINE_MAX: Final = 32
#: A read is looked through in pieces of this size, so that limits on bytes hold to within one piece.
PIECE_BYTES: Final = 16_384
#: So long as no more is held of a request, a whole piece cannot bring its head above the limit.
_NEAR: Final = HEAD_BYTES_MAX - PIECE_BYTES


def _last(status: int, code: str, message: str) -> bytes:
    """Return an answer after which the connection is closed."""
    return make_reply(status, body=msgspec.json.encode({"error": code, "message": message})).last


UNREADABLE: Final = _last(400, "unreadable", "The request is no HTTP.")
TOO_SLOW: Final = _last(408, "too_slow", "The request did not arrive in time.")
BODY_TOO_LARGE: Final = _last(413, "too_large", "The request is larger than any that is taken.")
TOO_MANY: Final = _last(429, "too_many", "Too many requests at once on one connection.")
HEAD_TOO_LARGE: Final = _last(431, "too_large", "The headers are too large.")


class Refused(Exception):  # noqa: N818 - it stops the parser and is no error
    """Stop the parser in the middle of a read: what it reads has been answered."""


class LimitedProtocol(HttpToolsProtocol):
    """Receive requests within limits.

    For a subclass that answers requests itself, without uvicorn's cycle:

    - `phase` is made odd when a request begins and grows by one when it is complete; `is_in_head` tells which half of
      it is being received. Callbacks that do not call `super()` keep them.
    - `is_answering` says whether an answer is owed; an event is refused while `is_crowded or keeper.is_lagging`.
    - While `is_leaving` an answer says `connection: close`, and its writer closes.
    - After an answer that was not uvicorn's, `after_answer` says what has waited for it.

    Attributes:
        keeper: Of the process.
        held: Bytes of the request that is being received, to within one piece.
        is_crowded: Taken above the limit: for pages, not for events.
        is_leaving: The process ends: the next answer is the last one.
        last_words: An answer that waits for those before it; with it the connection ends.
    """

    keeper: ClassVar[Keeper]
    # uvicorn says that there is always one; before the first request there is none.
    cycle: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.headers = []
        # The first request is waited for as if it had begun: nobody connects without a reason.
        self.phase = 1
        self.seen_phase = 0
        self.seen_at = 0.0
        self.held = 0
        self.is_in_head = True
        self.is_crowded = False
        self.is_leaving = False
        self.last_words: bytes | None = None
        self._unsent = 0

    # What asyncio and the parser call.

    def connection_made(self, transport: Any) -> None:
        """Take a connection; above the limit only for pages, and above what is kept for them not at all."""
        super().connection_made(transport)
        keeper = self.keeper
        # The server's set holds other protocols for types only: it makes no others.
        keeper.watch(cast("set[Connection]", self.connections), self.loop)
        if not keeper.has_room():
            self.is_crowded = True
            if keeper.is_full():
                self.refuse_overload(CROWDED)

    def data_received(self, data: bytes) -> None:
        """Read in pieces, so that nobody makes us hold more than one above what is allowed."""
        if len(data) <= PIECE_BYTES and self.held <= _NEAR and self.last_words is None:
            self._read(data)
            return
        start = 0
        while start < len(data) and self.last_words is None and not self.transport.is_closing():
            # The last piece of a head ends where none may go on.
            size = min(PIECE_BYTES, max(1, HEAD_BYTES_MAX + 1 - self.held)) if self.is_in_head else PIECE_BYTES
            self._read(data[start : start + size])
            start += size

    def _read(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            if self.last_words is None and not self.transport.is_closing():
                self.refuse(UNREADABLE, why="unreadable")
            return
        except httptools.HttpParserUpgrade:
            # No other protocol is spoken here; what follows in it would not be understood.
            self.is_leaving = True
            if self.cycle is not None:
                self.cycle.keep_alive = False
            return
        if self.phase & 1:
            self._count(len(data))
        else:
            self._forget()

    def _forget(self) -> None:
        """Keep nothing of a request that was received and answered, however long its connection stays open."""
        self.headers, self.url = [], b""
        # What runs has its own hold of it.
        self.scope = cast("Any", None)
        if self.cycle is not None and self.cycle.response_complete:
            self.cycle = None

    def _count(self, size: int) -> None:
        self.held += size
        if self.is_in_head:
            if self.held > HEAD_BYTES_MAX or len(self.headers) > HEADERS_MAX:
                self.refuse(HEAD_TOO_LARGE, why="head_too_large")
        elif self.held > HEAD_BYTES_MAX + BODY_BYTES_MAX:
            self.refuse(BODY_TOO_LARGE, why="body_too_large")

    def on_message_begin(self) -> None:
        """Begin to count anew."""
        self.phase |= 1
        self.held = 0
        self.is_in_head = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what comes after a body says nothing to us, and would grow unseen."""
        if self.is_in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Let a request in where its head is not too large, and no event where there are too many."""
        if len(self.headers) > HEADERS_MAX:
            self.refuse(HEAD_TOO_LARGE, why="head_too_large")
            raise Refused
        if len(self.pipeline) >= PIPELINE_MAX:
            self.refuse(TOO_MANY, why="too_many")
            raise Refused
        if (self.is_crowded or self.keeper.is_lagging) and self.url.partition(b"?")[0] == self.keeper.event_path:
            self.check_crowd()
        super().on_headers_complete()
        self.is_in_head = False
        if self.is_leaving:
            self.cycle.keep_alive = False

    def check_crowd(self) -> None:
        """Refuse an event where there are too many connections, or more requests than the process can answer.

        Raises:
            Refused: It was answered.
        """
        self.is_crowded = self.is_crowded and not self.keeper.has_room()
        if self.is_crowded or self.keeper.is_lagging:
            self.refuse_overload(CROWDED if self.is_crowded else LAGGING)
            raise Refused

    def on_message_complete(self) -> None:
        """Know that a request is there."""
        self.phase += 1
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the request that waits; unlike uvicorn without a timer for the one that may come."""
        self.server_state.total_requests += 1
        # Idle since now, and still between requests if it was.
        self.phase += 2
        if not self.phase & 1:
            self._forget()
        if self.transport.is_closing():
            return
        if self.pipeline:
            cycle, app = self.pipeline.pop()
            self._start_asgi_task(cycle, app)
        else:
            self.flow.resume_reading()
            self.after_answer()

    def pause_writing(self) -> None:
        """Read no more from somebody who does not read."""
        super().pause_writing()
        self.flow.pause_reading()

    def resume_writing(self) -> None:
        """Read again."""
        super().resume_writing()
        if not self.pipeline:
            self.flow.resume_reading()

    # Refusing.

    def refuse(self, answer: bytes, *, why: str) -> None:
        """Answer what is being received, after what came before it, and close."""
        self.keeper.refused[why] += 1
        if self._owes_earlier():
            self.last_words = answer
            self.flow.pause_reading()
        elif self.cycle is not None and self.cycle.response_started and not self.is_in_head:
            # The answer has begun, and nothing can be said in the middle of it.
            self.transport.close()
        else:
            self._end_with(answer)

    def refuse_overload(self, why: str) -> None:
        """Answer 503, count it for the house, and close."""
        self.keeper.count_overload()
        self.refuse(OVERLOADED.last, why=why)

    def after_answer(self) -> None:
        """Say what has waited for the answers before it."""
        if self.last_words is not None and not self.is_answering():
            self._end_with(self.last_words)

    def _end_with(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)
            self.transport.close()

    def is_answering(self) -> bool:
        """Tell whether an answer is owed."""
        return self.cycle is not None and not self.cycle.response_complete

    def _owes_earlier(self) -> bool:
        """Tell whether an answer is owed to a request before the one that is being received."""
        return self.is_answering() and (self.is_in_head or not self.phase & 1 or bool(self.pipeline))

    # What the keeper and the server call.

    def look(self, age: float) -> None:
        """End a request that does not arrive, an answer that is not read, or a connection without a request."""
        keeper = self.keeper
        unsent = self.transport.get_write_buffer_size()
        if unsent or self.transport.is_closing():
            self._look_at_unsent(unsent, age)
        elif self.phase & 1:
            if age >= keeper.request_seconds and not self.flow.read_paused and not self._owes_earlier():
                self._end_slow()
        elif age >= keeper.idle_seconds and not self.is_answering():
            self.hang_up(IDLE)

    def _look_at_unsent(self, unsent: int, age: float) -> None:
        if unsent != self._unsent:
            self._unsent = unsent
            self.seen_at += age
        elif age >= self.keeper.request_seconds:
            self.keeper.refused[UNREAD] += 1
            self.transport.abort()

    def _end_slow(self) -> None:
        if self.is_in_head and not self.held:
            self.hang_up(IDLE)
        elif not self.is_in_head and not self.is_answering():
            # Answered long ago; only its body never ends.
            self.hang_up(SLOW)
        else:
            self.refuse(TOO_SLOW, why=SLOW)

    def is_spare(self) -> bool:
        """Tell whether nothing is lost with it: no answer is owed or on its way."""
        return not self.is_answering() and not self.transport.get_write_buffer_size()

    def is_idle(self) -> bool:
        """Tell whether it has no request, whole or begun."""
        return not self.is_answering() and (not self.phase & 1 or (self.is_in_head and not self.held))

    def hang_up(self, why: str) -> None:
        """Close without a word; what was written still leaves."""
        if not self.transport.is_closing():
            self.keeper.refused[why] += 1
            self.transport.close()

    def shutdown(self) -> None:
        """Answer what is there and what is on its way, and then close."""
        self.is_leaving = True
        if self.is_answering():
            self.cycle.keep_alive = False
        self.keeper.end()


def protocol_for(keeper: Keeper, base: type[LimitedProtocol] = LimitedProtocol) -> type[LimitedProtocol]:
    """Return the protocol of a process: *base* with its keeper."""
    return type(base.__name__, (base,), {"keeper": keeper})
