"""The visitor key: what tells two visitors of one site apart until the epoch ends, and never longer. Personal data."""

from hashlib import blake2b
from typing import Any, Final, NoReturn

from collector.edge.address import Network
from collector.event import VisitorKey

SALT_BYTES: Final = 32
_KEY_BYTES: Final = 8
#: A salt is one site's; it has one way to begin, or two while its identity changes.
_STARTS_MAX: Final = 4


class Salt:
    """Hold the salt of one site and epoch; destroying it makes every key of that day meaningless.

    Args:
        secret: 32 random bytes, handed in.

    Raises:
        ValueError: Not 32 bytes.
    """

    __slots__ = ("_keyed", "_started")

    def __init__(self, secret: bytes | bytearray) -> None:
        if len(secret) != SALT_BYTES:
            raise ValueError("a salt is 32 bytes")
        # Keyed once: a copy for each event costs 0.4 µs, keying anew three times that. Its state holds the salt, and
        # the interpreter overwrites a state when it frees it.
        self._keyed = blake2b(digest_size=_KEY_BYTES, key=secret)
        # States that have taken in how all messages of a site begin: the key's own block, half of the work, is done.
        self._started: dict[bytes, blake2b] = {}

    def key(self, start: bytes, rest: bytes) -> VisitorKey:
        """Return 64 bits of keyed BLAKE2b of *start* and *rest*, one behind the other.

        Args:
            start: The same for all visitors of a site.
            rest: What tells them apart; nothing is kept of it.
        """
        started = self._started.get(start)
        if started is None:
            started = self._begin(start)
        keyed = started.copy()
        keyed.update(rest)
        # Not called by its name, which costs as much as the conversion.
        return int.from_bytes(keyed.digest())  # type: ignore[return-value]

    def _begin(self, start: bytes) -> blake2b:
        begun = self._keyed.copy()
        begun.update(start)
        if len(self._started) < _STARTS_MAX:
            self._started[start] = begun
        return begun

    def __repr__(self) -> str:
        return "<Salt sealed>"

    def __copy__(self) -> NoReturn:
        raise TypeError("sealed: a salt is not copied")

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        raise TypeError("sealed: a salt is not copied")

    def __reduce__(self) -> NoReturn:
        raise TypeError("sealed: a salt is not pickled")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("sealed: a salt is not pickled")


# The parts cannot run into each other: no site, class or number holds a zero byte, and the network stands last.


def message_start(site: str, *, wants_number: bool) -> bytes:
    """Return how every message of a site begins: its identity, and its id.

    The site is part of the message too, so that a salt used for two sites by mistake still separates.
    """
    return (b"b\0" if wants_number else b"n\0") + site.encode() + b"\0"


def network_key(salt: Salt, start: bytes, *, network: Network, agent: bytes) -> VisitorKey:
    """Return the key of everybody on one cut network with one class of browser.

    Args:
        salt: Of the site and epoch.
        start: As `message_start` makes it.
        network: The cut address.
        agent: Browser, major version, OS and device, and nothing finer (see `device.Agent.key`).
    """
    return salt.key(start, agent + b"\0" + network)


def browser_key(salt: Salt, start: bytes, *, number: str) -> VisitorKey:
    """Return the key of the browser that sent *number*, its own random one for this site and day.

    Address and user agent have no part in it.
    """
    return salt.key(start, number.encode())
