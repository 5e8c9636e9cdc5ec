"""Hold secrets in memory that is locked, left out of core files, and overwritten when a secret is let go.

Pages of our own, and not of the allocator's: a page that is locked stays so, and what is freed lies nowhere else.
"""

import ctypes
import mmap
import os
from collections.abc import Callable
from threading import Lock
from typing import Final

from collector.process import lock_memory

SLOT_BYTES: Final = 32
_URANDOM: Final = "/dev/urandom"

#: What `Vault.hold` takes and gives.
Secret = bytes | bytearray | memoryview


class Vault:
    """Hand out slots of 32 bytes; each belongs to whoever asked for it until it is let go.

    Attributes:
        pages: How many pages of memory it has taken.
        locked: How many of them the limit on locked memory allowed to be kept out of swap.
    """

    def __init__(self) -> None:
        self.pages = 0
        self.locked = 0
        self._free: list[memoryview] = []
        self._lock = Lock()

    def slot(self) -> memoryview:
        """Return 32 zeros that are yours to fill."""
        with self._lock:
            if not self._free:
                self._add_page()
            return self._free.pop()

    def hold(self, secret: Secret) -> memoryview:
        """Return a slot with a copy of *secret* in it."""
        slot = self.slot()
        slot[:] = secret
        return slot

    def let_go(self, slot: memoryview) -> None:
        """Overwrite a slot; it is somebody else's from now on."""
        slot[:] = bytes(SLOT_BYTES)
        with self._lock:
            self._free.append(slot)

    def _add_page(self) -> None:
        page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        page.madvise(mmap.MADV_DONTDUMP)
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        self.locked += lock_memory(address, mmap.PAGESIZE)
        self.pages += 1
        whole = memoryview(page)
        self._free.extend(whole[at : at + SLOT_BYTES] for at in range(0, mmap.PAGESIZE, SLOT_BYTES))


#: The limit on locked memory is the process's, and so is what it pays for.
VAULT: Final = Vault()


def fresh(random: Callable[[int], bytes]) -> bytearray:
    """Return a new secret, which is the caller's to wipe.

    `os.urandom` hands out an object that nothing can overwrite; the same source can write into a buffer.
    """
    if random is not os.urandom:
        return bytearray(random(SLOT_BYTES))
    made = bytearray(SLOT_BYTES)
    source = os.open(_URANDOM, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.readv(source, [made]) != SLOT_BYTES:
            raise OSError("the kernel gave too few random bytes")
    finally:
        os.close(source)
    return made


def wipe(secret: bytearray | memoryview) -> None:
    """Overwrite a buffer with zeros."""
    secret[:] = bytes(len(secret))
