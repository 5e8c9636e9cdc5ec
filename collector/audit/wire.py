"""Write and read HTTP as it goes over the wire: many requests on one connection, without waiting for each answer."""

import json
import socket
from collections.abc import Mapping
from typing import Any, Final

from collector.errors import TurvenError

_HEAD_END: Final = b"\r\n\r\n"


def write_post(headers: Mapping[str, str], event: Mapping[str, Any] | bytes) -> bytes:
    """Return a request that posts an event, a body as it is or one to be written as JSON."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(("POST /event HTTP/1.1", "Host: 127.0.0.1", *lines, f"Content-Length: {len(body)}"))
    return head.encode() + _HEAD_END + body


def read_answer(stream: Any) -> int:
    """Read one answer and return its status."""
    line = stream.readline()
    if not line.startswith(b"HTTP/1.1 "):
        raise TurvenError("scratch_failed", "The scratch house hung up in the middle of its answers.")
    length = 0
    while (header := stream.readline()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
    return int(line.split()[1])


def free_port() -> int:
    """Return a port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
