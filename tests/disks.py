"""Small disks in memory, to be filled to the brim or made read-only; only root may mount them."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

_BLOCK: Final = bytes(4096)
_FILLER: Final = "filler"


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[Path]:
    """Mount a file system of that size on a new folder; skip the test where that is not allowed."""
    folder.mkdir(parents=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("A small disk can be mounted by root only.")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, *, leave: int = 0) -> None:
    """Take all room of a small disk but *leave* bytes."""
    filler = os.open(disk / _FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        while True:
            os.write(filler, _BLOCK)
    except OSError:
        if leave:
            os.ftruncate(filler, max(0, os.fstat(filler).st_size - leave))
    finally:
        os.close(filler)


def clear(disk: Path) -> None:
    """Give the room back."""
    (disk / _FILLER).unlink(missing_ok=True)


def read_only(disk: Path, *, is_so: bool) -> None:
    """Make a small disk read-only, or writable again."""
    subprocess.run(["mount", "-o", f"remount,{'ro' if is_so else 'rw'}", str(disk)], check=True)
