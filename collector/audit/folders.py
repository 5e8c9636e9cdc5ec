"""Lend folders that hold whatever an audit makes, and clear those away that a killed audit left behind.

A folder is locked as long as its process lives, however it ends. So whoever finds one that nobody holds may remove it:
it has marks, keys and a house's log in it that nobody will look at any more.
"""

import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from collector.control import SOCKET_NAME, ask_peer
from collector.errors import TurvenError

_PREFIX: Final = "turven-scratch-"
#: A folder has this name until it is locked, so that nobody takes it for one that was left behind.
_FRESH: Final = "turven-fresh-"


@contextmanager
def own_folder() -> Iterator[Path]:
    """Lend an empty folder that only this user may enter; it goes at the end of the block."""
    fresh = Path(tempfile.mkdtemp(prefix=_FRESH))
    held = os.open(fresh, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        folder = fresh.rename(fresh.with_name(_PREFIX + fresh.name.removeprefix(_FRESH)))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(held)


def clear_away() -> int:
    """Remove the folders that audits of this user left when they were killed; return how many there were."""
    left = [path for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if not path.is_symlink()]
    return sum(_clear(path) for path in left)


def _clear(folder: Path) -> bool:
    try:
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        if os.fstat(held).st_uid != os.geteuid():
            return False
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _end_house(folder)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        return False
    finally:
        os.close(held)
    return True


def _end_house(folder: Path) -> None:
    """End a scratch house that outlived its audit: it answers at its socket, and the kernel tells who that is."""
    with suppress(TurvenError, OSError, ValueError):
        answered = ask_peer(folder / "runtime" / SOCKET_NAME, "process", {})
        if answered:
            os.kill(answered[0], signal.SIGKILL)
