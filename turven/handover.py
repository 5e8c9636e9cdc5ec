"""Pass an accepted connection on to another process of the house: the socket itself, and what was read of it.

One message a connection, over a pair of sockets that only the processes of a house hold. The parent keeps both ends:
what waits in between outlives the process that was to read it.
"""

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Final

from collector.http.limited import LimitedProtocol, Refused
from collector.settings import Server
from turven.pairs import DESCRIPTOR_BYTES, MESSAGE_BYTES_MAX, away, receive

MISDIRECTED: Final = (
    b"HTTP/1.1 421 Misdirected Request\r\ncontent-type: application/json\r\ncontent-length: 97\r\n"
    b"connection: close\r\n\r\n"
    b'{"error":"misdirected","message":"Pages and events do not go together in one go; send it again."}'
)


class Outbox:
    """Send connections to whoever reads the other end."""

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=number)

    def send(self, descriptor: int, received: bytes) -> bool:
        """Send a connection; tell whether there was room. It is the sender's to close either way."""
        try:
            self._socket.sendmsg(
                [received or b"\0"],
                [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptor.to_bytes(DESCRIPTOR_BYTES, sys.byteorder))],
                socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL,
            )
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of this end."""
        self._socket.close()


class Inbox:
    """Receive connections that others pass on."""

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=number)

    def open(self, adopt: Callable[[socket.socket, bytes], None]) -> None:
        """Give each connection that arrives to *adopt*, in the running event loop, until closed."""
        asyncio.get_running_loop().add_reader(self._socket, self._read, adopt)

    def close(self) -> None:
        """Leave what arrives from now on to others."""
        asyncio.get_running_loop().remove_reader(self._socket)

    def _read(self, adopt: Callable[[socket.socket, bytes], None]) -> None:
        for connection, received in receive(self._socket):
            adopt(connection, received)


class PassingOn(LimitedProtocol):
    """Pass every request that is not a collector's on to the house, with its connection.

    Attributes:
        house: Where to.
        own_paths: Those that are answered here.
        tracker: What the paths of the tracker begin with; they are answered here too.
    """

    house: ClassVar[Outbox]
    own_paths: ClassVar[frozenset[bytes]]
    tracker: ClassVar[bytes]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_so_far = b""

    def data_received(self, data: bytes) -> None:
        """Keep what is read until it is known whose request it is."""
        if not (self.phase & 1 and self.held):
            self._read_so_far = data
        elif self.is_in_head:
            self._read_so_far += data
        super().data_received(data)
        if not self.phase & 1:
            self._read_so_far = b""

    def on_headers_complete(self) -> None:
        """Let a request in, or the connection go."""
        path = self.url.partition(b"?")[0]
        if path not in self.own_paths and not path.startswith(self.tracker):
            self._pass_on()
            raise Refused
        super().on_headers_complete()

    def _pass_on(self) -> None:
        line = self.parser.get_method() + b" " + self.url + b" "
        is_whole = self._read_so_far.startswith(line) and len(self._read_so_far) <= MESSAGE_BYTES_MAX
        if not is_whole or self.is_answering() or self.transport.get_write_buffer_size():
            self.refuse(MISDIRECTED, why="misdirected")
        elif not pass_on(self, self.house, self._read_so_far):
            self.refuse(away(), why="house_away")


def pass_on(connection: LimitedProtocol, outbox: Outbox, received: bytes) -> bool:
    """Send a connection of this process to another, and let go of it here; tell whether there was room."""
    if not outbox.send(connection.transport.get_extra_info("socket").fileno(), received):
        return False
    # Closes the descriptor of this process only; nothing is said to the other end.
    connection.transport.close()
    return True


def pass_on_idle(connections: set[Any], outbox: Outbox) -> None:
    """Send every connection that waits for its next request to whoever takes this process's place."""
    for connection in list(connections):
        with suppress(AttributeError):
            if (
                connection.is_idle()
                and not connection.transport.is_closing()
                and not connection.transport.get_write_buffer_size()
                and not pass_on(connection, outbox, b"")
            ):
                return


def passing_on(base: type[LimitedProtocol], house: Outbox, *, server: Server) -> type[LimitedProtocol]:
    """Return *base* with every request passed on that is no event or tracker; `/health` too where all share an address.

    Below *base* and not above it: the fast lane keeps what is an event to itself.
    """
    paths = {f"{server.base_path}/event".encode()}
    if server.collector_listen:
        # Who asks at an address of the collectors alone wants to know of one of them.
        paths.add(b"/health")
    own = {
        "house": house,
        "own_paths": frozenset(paths),
        "tracker": f"{server.base_path}/turven.".encode(),
    }
    return type(base.__name__, (base, PassingOn), own)
