"""Let nobody try passwords without end: a wait that grows, for one name from one network, and a limit for all.

All of it is in memory and goes with the process. A name and a network stand here as one keyed hash only, and a network
is cut before it comes here. What strangers try never makes somebody wait who signs in from elsewhere; and what all of
them try together never takes the place of those who signed in from their network before.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from threading import Lock
from typing import Final

import msgspec

#: Mistakes that cost nothing; from then on the wait doubles.
FREE: Final = 5
WAIT_SECONDS_MAX: Final = 900
#: After which mistakes are forgotten.
FORGET: Final = timedelta(hours=24)
PAIRS_MAX: Final = 10_000
#: Tries of everybody together who is not known yet: so many at once, and so many a second.
BURST: Final = 60
A_SECOND: Final = 2.0
#: The same of one network, so that one alone cannot take them all; a school is one network.
NETWORK_BURST: Final = 30
NETWORK_A_SECOND: Final = 0.5
_HASH_BYTES: Final = 16


class _Pair(msgspec.Struct):
    """Hold what one name did from one network."""

    mistakes: int
    waits_until: datetime
    at: datetime


class Bucket:
    """Hold tries that come back with time."""

    def __init__(self, burst: int, a_second: float) -> None:
        self._left, self._burst, self._a_second = float(burst), burst, a_second
        self._at: datetime | None = None

    def take(self, now: datetime) -> bool:
        """Take one try, if there is one."""
        if self._at is not None:
            self._left = min(self._burst, self._left + max(0.0, (now - self._at).total_seconds()) * self._a_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Throttle:
    """Say how long somebody has to wait before the next try."""

    def __init__(self, *, random: Callable[[int], bytes] = os.urandom) -> None:
        self._key = random(_HASH_BYTES)
        self._pairs: OrderedDict[bytes, _Pair] = OrderedDict()
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._everybody, self._those_known = Bucket(BURST, A_SECOND), Bucket(BURST, A_SECOND)
        self._networks: OrderedDict[bytes, Bucket] = OrderedDict()
        self._lock = Lock()

    def wait(self, name: str, network: bytes, *, now: datetime) -> int:
        """Return for how many seconds *name* may not be tried from *network*; 0 takes the try that follows."""
        key = self._hash(name, network)
        with self._lock:
            pair = self._pairs.get(key)
            if pair is not None and pair.waits_until > now:
                return max(1, round((pair.waits_until - now).total_seconds()))
            if key in self._known:
                return 0 if self._those_known.take(now) else 1
            return 0 if self._network(network).take(now) and self._everybody.take(now) else 2

    def mistake(self, name: str, network: bytes, *, now: datetime) -> None:
        """Note a try that was wrong."""
        key = self._hash(name, network)
        with self._lock:
            pair = self._pairs.pop(key, None)
            mistakes = pair.mistakes + 1 if pair is not None and now - pair.at < FORGET else 1
            over = mistakes - FREE
            seconds = 0 if over < 0 else min(WAIT_SECONDS_MAX, 2 ** min(over + 1, 10))
            self._pairs[key] = _Pair(mistakes, now + timedelta(seconds=seconds), now)
            _shorten(self._pairs)

    def success(self, name: str, network: bytes) -> None:
        """Forget the mistakes of who got in, and know them from this network."""
        key = self._hash(name, network)
        with self._lock:
            self._pairs.pop(key, None)
            self._known.pop(key, None)
            self._known[key] = None
            _shorten(self._known)

    def _network(self, network: bytes) -> Bucket:
        key = self._hash("", network)
        bucket = self._networks.pop(key, None) or Bucket(NETWORK_BURST, NETWORK_A_SECOND)
        self._networks[key] = bucket
        _shorten(self._networks)
        return bucket

    def _hash(self, name: str, network: bytes) -> bytes:
        told = len(network).to_bytes(1) + network + name.encode(errors="replace")
        return blake2b(told, key=self._key, digest_size=_HASH_BYTES).digest()


def _shorten(held: OrderedDict[bytes, _Pair] | OrderedDict[bytes, Bucket] | OrderedDict[bytes, None]) -> None:
    while len(held) > PAIRS_MAX:
        held.popitem(last=False)
