"""Say whether the house is fit to serve, without a figure of anybody.

Any answer of `/health` says that the process lives. 200 says that all is well, 503 what somebody has to see to. Events
are often taken in all the same, so that nothing is to be restarted or passed by for a 503.
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
    return {
        "engine": metrics.is_well and metrics.seconds_since_round() <= ROUND_SECONDS_MAX,
        **seen_of_disk(data_dir),
    }


def seen_of_disk(data_dir: Path) -> dict[str, bool]:
    """Return what a process can see that has no engine."""
    spool, free = _disk(data_dir)
    return {"spool": spool, "disk": free >= FREE_BYTES_MIN}


def answer(checks: dict[str, bool], *, is_ready: bool = True) -> tuple[dict[str, object], int]:
    """Return the answer of `/health` and its status."""
    is_well = is_ready and all(checks.values())
    return {"live": True, "ready": is_well, "checks": checks}, 200 if is_well else 503


def _disk(folder: Path) -> tuple[bool, int]:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False, 0
    return not disk.f_flag & os.ST_RDONLY and os.access(folder, os.W_OK), disk.f_bavail * disk.f_frsize
