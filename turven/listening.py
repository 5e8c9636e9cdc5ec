"""The listening sockets of a house, which its parent opens and keeps open."""

import socket

from collector.errors import SettingsError
from turven.notify import BACKLOG


def listen(address: str, *, count: int) -> list[socket.socket]:
    """Return listening sockets on one address, among which the kernel deals out connections.

    Raises:
        SettingsError: `address_unusable`.
    """
    try:
        # Alone first: another house of ours would share the address without a word, and with it the events.
        _bind(address).close()
        return [_bind(address, option=socket.SO_REUSEPORT) for _ in range(count)]
    except OSError as error:
        raise SettingsError("address_unusable", f"{address} cannot be listened on ({error.strerror}).") from None


def see_free(address: str) -> None:
    """See that an address can be listened on, before anything is opened for its sake.

    Raises:
        SettingsError: `address_unusable`.
    """
    listen(address, count=0)


def _bind(address: str, *, option: int = socket.SO_REUSEADDR) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, option, 1)
        made.bind((host, int(port)))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made
