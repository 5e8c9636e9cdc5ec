"""One `turven serve` on one data directory: a lock that the kernel frees when its holder dies, however it dies."""

import fcntl
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from collector.errors import StoreError

log = logging.getLogger("turven.lock")

#: Held by whoever was started as `turven serve`; holds its number and how many collectors it has, for `turven restart`.
SERVE_LOCK: Final = "serve.lock"
#: Held besides by each of its processes: after the death of the first, the others still write what they have.
CHILDREN_LOCK: Final = "children.lock"
#: How long the processes of a house that died are waited for.
DRAIN_SECONDS_MAX: Final = 60.0
_LOOK_SECONDS: Final = 0.05


class Server(NamedTuple):
    """Tell which process was started as `turven serve`, and with how many collectors, wherever that stood."""

    pid: int
    collectors: int


@contextmanager
def serving(data_dir: Path, *, collectors: int = 0, sleep: Callable[[float], None] = time.sleep) -> Iterator[int]:
    """Hold a data directory while it is served.

    Args:
        data_dir: Made where it is not there.
        collectors: How many it is served with.
        sleep: Waits for processes that are left of a house that died.

    Yields:
        A descriptor for child processes to inherit: the directory is taken until the last of them has closed it.

    Raises:
        StoreError: `house_running`, `house_draining`, `data_dir_unwritable`.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        first, children = (_open(data_dir / name) for name in (SERVE_LOCK, CHILDREN_LOCK))
    except OSError as error:
        raise StoreError("data_dir_unwritable", f"{data_dir} cannot be used ({error.strerror}).") from None
    try:
        if not _take(first):
            raise StoreError(
                "house_running", f"Another `turven serve` runs on {data_dir}; one data directory has one house."
            )
        _wait_for(children, data_dir, sleep=sleep)
        os.ftruncate(first, 0)
        os.pwrite(first, f"{os.getpid()} {collectors}\n".encode("ascii"), 0)
        yield children
    finally:
        os.close(children)
        os.close(first)


def server_of(data_dir: Path) -> Server | None:
    """Return what was started as `turven serve` on a data directory; `None` for none."""
    try:
        lock = os.open(data_dir / SERVE_LOCK, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        if _take(lock, how=fcntl.LOCK_SH):
            return None
        said = os.pread(lock, 40, 0).split()
        # Empty for the moment in which it is taken.
        return Server(int(said[0]), int(said[1])) if len(said) > 1 else None
    finally:
        os.close(lock)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _take(lock: int, *, how: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(lock, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for(lock: int, data_dir: Path, *, sleep: Callable[[float], None]) -> None:
    if _take(lock):
        return
    log.warning("Processes of a house that died still write to %s: waiting for them to end.", data_dir)
    for _ in range(int(DRAIN_SECONDS_MAX / _LOOK_SECONDS)):
        sleep(_LOOK_SECONDS)
        if _take(lock):
            return
    raise StoreError(
        "house_draining",
        f"Processes of a house that died still hold {data_dir}; end them (see `ps`) and start again.",
    )
