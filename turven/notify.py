"""Tell the service manager how far a house is; and what the processes of a house share beside it."""

import os
import socket
from collections.abc import Mapping
from typing import Final

#: Connections that wait to be accepted, on each listening socket; the kernel takes no more than its own limit.
BACKLOG: Final = 2_048


def notify(state: str, *, environ: Mapping[str, str] = os.environ) -> None:
    """Tell the service manager, where there is one that wants to know (systemd's `Type=notify`)."""
    address = environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
        try:
            out.sendto(state.encode(), address)
        except OSError:
            return
