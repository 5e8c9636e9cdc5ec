"""The pairs of sockets over which connections are passed on, and what is said where nobody is there to take them."""

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

#: Most bytes of a connection that go along with it: what one read can bring.
MESSAGE_BYTES_MAX: Final = 196_608
#: Of a descriptor that travels with a message: C's int.
DESCRIPTOR_BYTES: Final = 4
#: When a browser may come again.
RETRY_SECONDS: Final = 10
_PAGE: Final = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>503</title>'
    '<p lang="nl">Deze pagina is er even niet. Bezoeken worden gewoon geteld. Probeer het zo nog eens.'
    "<p>This page is away for a moment. Visits are counted all the while. Try again shortly."
)


def away() -> bytes:
    """Return the answer in the place of a house that is not there."""
    body = _PAGE.encode()
    return (
        f"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/html; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
        f"retry-after: {RETRY_SECONDS}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
    ).encode() + body


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Return where connections are read and where they are sent; each message arrives whole."""
    inbox, outbox = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    # As much as the machine allows: connections wait here while one house follows another.
    outbox.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * MESSAGE_BYTES_MAX)
    return inbox, outbox


def receive(inbox: socket.socket) -> Iterator[tuple[socket.socket, bytes]]:
    """Return the connections that wait, and what was read of each."""
    while True:
        try:
            # Not `recv_fds`: that of Python 3.11 leaves the flags out, and would wait.
            received, beside, _, _ = inbox.recvmsg(
                MESSAGE_BYTES_MAX, socket.CMSG_LEN(DESCRIPTOR_BYTES), socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC
            )
        except OSError:
            return
        if not beside:
            return
        connection = socket.socket(fileno=int.from_bytes(beside[0][2][:DESCRIPTOR_BYTES], sys.byteorder))
        connection.setblocking(False)
        yield connection, b"" if received == b"\0" else received


def answer_away(inbox: socket.socket) -> int:
    """Answer every connection that waits that nobody is there; return how many."""
    count = 0
    for connection, _ in receive(inbox):
        with connection, suppress(OSError):
            connection.send(away(), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        count += 1
    return count
