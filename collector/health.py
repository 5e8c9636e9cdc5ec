"""Say whether the house is fit to serve, without a figure of anybody.

Any answer of `/health` says that the process lives. 200 says that it is ready, 503 which of three things is not.
"""

import os
from pathlib import Path
from typing import Final

from collector.metrics import Metrics

#: Below so much free disk a house stops being ready, while it can still close its day.
FREE_BYTES_MIN: Final = 100 * 1024 * 1024
#: Longest time since a round ended; the close of the largest house takes less.
ROUND_SECONDS_MAX: Final = 300.0


def seen(metrics: Metrics, *, data_dir: Path) -> dict[str, bool]:
    """Return what was looked at: the engine, which writes the history, by its last round; the disk and its space."""
    spool, free = _disk(data_dir)
    return {
        "engine": metrics.is_well and metrics.seconds_since_round() <= ROUND_SECONDS_MAX,
        "spool": spool,
        "disk": free >= FREE_BYTES_MIN,
    }


def _disk(folder: Path) -> tuple[bool, int]:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False, 0
    return not disk.f_flag & os.ST_RDONLY and os.access(folder, os.W_OK), disk.f_bavail * disk.f_frsize
