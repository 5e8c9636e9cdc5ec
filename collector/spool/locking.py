"""Hold a folder that several processes change."""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from collector.errors import SpoolError
from collector.spool import files

#: A process that dies frees the lock; one that hangs with it is waited for one second.
LOCK_TRIES_MAX: Final = 500
LOCK_RETRY_SECONDS: Final = 0.002


def lock_folder(path: Path) -> int:
    """Return a descriptor of the lock file *path*, held until it is closed.

    Raises:
        SpoolError: `secrets_busy`.
    """
    for _ in range(LOCK_TRIES_MAX):
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, files.FILE_MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # The folder may have vanished meanwhile, and another process may hold the lock of the new one.
            if path.exists() and os.path.samestat(os.fstat(lock), path.stat()):
                return lock
        except BlockingIOError:
            time.sleep(LOCK_RETRY_SECONDS)
        os.close(lock)
    raise SpoolError("secrets_busy", f"Another process holds {path}; end it and try again.")
