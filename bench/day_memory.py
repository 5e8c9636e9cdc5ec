"""Measure what an event of the current day takes in memory, all in: growth of the process ÷ events.

A process of its own takes a day in from sealed frames, as the engine does, and tells how much it grew.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.engine_speed import EPOCH, spool
from collector.running import RunningDay
from collector.spool.reader import SpoolReader

EVENTS: Final = 5_000_000
FRAME: Final = 64
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


def resident() -> int:
    """Return the bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES


def grow(folder: Path, key: bytes) -> dict[str, float]:
    """Take in the spool in *folder*; return growth and what the day says of itself, in bytes an event."""
    reader = SpoolReader(folder, EPOCH, key)
    running = RunningDay(EPOCH, reader=reader, counted={}, memory_limit="4GB")
    before = resident()
    taken = running.drain()
    figures = {
        "day_bytes_per_event": (resident() - before) / taken,
        "day_bytes_per_event_as_told": running.day.bytes_held() / taken,
    }
    running.close()
    return figures


def measure(*, count: int = EVENTS) -> dict[str, float]:
    """Return bytes an event: how much the process grew, and what the day says that it holds."""
    key = os.urandom(32)
    with tempfile.TemporaryDirectory() as folder:
        spool(Path(folder) / "spool", key, frame=FRAME, count=count)
        code = (
            "import json, pathlib; from bench.day_memory import grow; "
            f"print(json.dumps(grow(pathlib.Path({folder!r}) / 'spool', bytes.fromhex(input()))))"
        )
        answer = subprocess.run(
            [sys.executable, "-c", code], input=key.hex(), capture_output=True, text=True, check=True
        ).stdout
    figures: dict[str, float] = json.loads(answer)
    return figures


if __name__ == "__main__":
    json.dump({name: round(figure, 1) for name, figure in measure().items()}, sys.stdout, indent=2)
