"""Send events to a house that may die at any moment, and remember of each what became of it."""

import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Condition, Thread
from types import TracebackType
from typing import Final, NamedTuple, Self

from tests.agents import CHROME

#: Distinct visitors; each page that was sent for long enough has seen them all.
VISITORS: Final = 40
SENDERS: Final = 4
#: Between two events of a sender: what is asked here is what becomes of them, not how many there can be.
PACE_SECONDS: Final = 0.008
#: A house that is there answers within it, whatever else it does.
ANSWER_SECONDS_MAX: Final = 20.0
#: Longest wait for events to be acknowledged.
PATIENCE_SECONDS: Final = 30.0
_ANSWER_BYTES_MAX: Final = 65_536


class Kind(NamedTuple):
    """Name events that are counted together."""

    site: str
    page: str


class Tally(NamedTuple):
    """Say what became of the events of a kind.

    Attributes:
        acknowledged: Answered with 202: to be counted once.
        refused: Answered with 4xx, 5xx or 204: not to be counted.
        unanswered: The connection broke: counted once or not at all.
    """

    acknowledged: int
    refused: int
    unanswered: int


class Load:
    """Send events until told to stop, over kept connections that are made anew where they break.

    Attributes:
        unwilling: Statuses other than 202, with how often they came.
        hung: How many events were not answered in time on a connection that stayed open.
    """

    def __init__(self, port: int, *, sites: Sequence[str] = ("school",), pace_seconds: float = PACE_SECONDS) -> None:
        """Prepare to send to *port* on loopback."""
        self.unwilling: Counter[int] = Counter()
        self.hung = 0
        self._address = ("127.0.0.1", port)
        self._sites = sites
        self._pace = pace_seconds
        self._page = "/begin"
        self._changed = Condition()
        self._is_over = False
        self._sent: Counter[tuple[Kind, str]] = Counter()
        self._acknowledged = 0
        self._senders = [Thread(target=self._send_on, args=(number,)) for number in range(SENDERS)]

    def __enter__(self) -> Self:
        for sender in self._senders:
            sender.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Send nothing more; what is on its way is waited for."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
        for sender in self._senders:
            sender.join(2 * ANSWER_SECONDS_MAX)

    def turn_to(self, page: str) -> None:
        """Send views of another page from here on."""
        self._page = page

    def more(self, acknowledged: int, *, log: object = "") -> None:
        """Wait until so many more events were acknowledged."""
        with self._changed:
            wanted = self._acknowledged + acknowledged
            if not self._changed.wait_for(lambda: self._acknowledged >= wanted, PATIENCE_SECONDS):
                raise AssertionError(f"{wanted - self._acknowledged} events were not acknowledged in time:\n{log}")

    def tallies(self) -> dict[Kind, Tally]:
        """Return what became of the events, by kind; call it when all is over."""
        with self._changed:
            kinds = {kind for kind, _ in self._sent}
            return {kind: Tally(*(self._sent[kind, name] for name in Tally._fields)) for kind in sorted(kinds)}

    def _send_on(self, sender: int) -> None:
        connection: socket.socket | None = None
        number = sender
        while not self._is_over:
            number += SENDERS
            kind = Kind(self._sites[number // SENDERS % len(self._sites)], self._page)
            connection = connection or self._connect()
            if connection is not None:
                became = self._send(connection, kind, visitor=number // len(self._sites) % VISITORS)
                if became == "unanswered":
                    connection.close()
                    connection = None
                self._note(kind, became)
            with self._changed:
                self._changed.wait_for(lambda: self._is_over, self._pace)
        if connection is not None:
            connection.close()

    def _connect(self) -> socket.socket | None:
        try:
            return socket.create_connection(self._address, timeout=ANSWER_SECONDS_MAX)
        except OSError:
            return None

    def _send(self, connection: socket.socket, kind: Kind, *, visitor: int) -> str:
        try:
            connection.sendall(event(kind, visitor=visitor))
            status = _status(connection)
        except TimeoutError:
            self.hung += 1
            return "unanswered"
        except OSError:
            return "unanswered"
        if status == 202:
            return "acknowledged"
        if status:
            self.unwilling[status] += 1
        return "refused" if status else "unanswered"

    def _note(self, kind: Kind, became: str) -> None:
        with self._changed:
            self._sent[kind, became] += 1
            if became == "acknowledged":
                self._acknowledged += 1
                self._changed.notify_all()


def event(kind: Kind, *, visitor: int) -> bytes:
    """Return the request of one pageview of a numbered visitor."""
    body = f'{{"s":"{kind.site}","n":"pageview","u":"{kind.page}"}}'
    head = (
        "POST /event HTTP/1.1\r\nHost: turven.example\r\nContent-Type: text/plain;charset=UTF-8\r\n"
        f"User-Agent: {CHROME}\r\nX-Forwarded-For: 10.{visitor >> 8 & 255}.{visitor & 255}.9\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def _status(connection: socket.socket) -> int:
    """Read one answer; return its status, 0 where the connection ends before it is whole."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        chunk = connection.recv(_ANSWER_BYTES_MAX)
        if not chunk:
            return 0
        raw += chunk
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        chunk = connection.recv(_ANSWER_BYTES_MAX)
        if not chunk:
            return 0
        body += chunk
    if b"connection: close" in lines:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    return int(lines[0].split(b" ")[1])


def differences(counted: Mapping[Kind, int], sent: Mapping[Kind, Tally], *, is_one_part: bool = True) -> list[str]:
    """Say where events were lost or counted twice: one line a kind, and one for each site as a whole.

    Kinds that the k rule folded away are missing from *counted*; their site's total tells of them.

    Args:
        counted: Pageviews kept, by kind; of each site the total under the empty page.
        sent: What became of them.
        is_one_part: Whether all were sent in one part of a day; else a kind may have been folded in one of several.
    """
    found = []
    for kind in sent:
        if kind in counted:
            most = max(counted[kind], 0 if is_one_part else sent[kind].acknowledged)
            found += _difference(kind, most, sent[kind])
    for site in {kind.site for kind in sent}:
        together = Tally(*map(sum, zip(*(tally for kind, tally in sent.items() if kind.site == site), strict=True)))
        found += _difference(Kind(site, ""), counted.get(Kind(site, ""), 0), together)
    return found


def _difference(kind: Kind, counted: int, sent: Tally) -> list[str]:
    if counted < sent.acknowledged:
        return [f"{kind}: {sent.acknowledged - counted} acknowledged events are not counted ({sent})"]
    if counted > sent.acknowledged + sent.unanswered:
        return [f"{kind}: {counted - sent.acknowledged - sent.unanswered} more are counted than were sent ({sent})"]
    return []


def wait_until(is_so: Callable[[], bool], what: str, *, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that can only be seen by looking.

    Raises:
        AssertionError: It was not so in time.
    """
    ends_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends_at, f"{what} did not come about in {seconds:.0f} s"
        time.sleep(0.01)
