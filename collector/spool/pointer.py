"""Remember which epoch a pointer named, for as long as neither pointer nor key changes."""

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from collector.model import Epoch


class SeenEpoch(NamedTuple):
    """Hold what `current` found, so that it costs two looks at the folder and not a file read for each batch."""

    epoch: Epoch
    ends_at: datetime
    pointer: Path
    mark: tuple[int, int, int] | None
    key: Path

    def is_unchanged(self) -> bool:
        """Tell whether the pointer still names it and its key is still there."""
        return self.mark is not None and mark_of(self.pointer) == self.mark and mark_of(self.key) is not None


def mark_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes when another file takes the place of *path*."""
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns
