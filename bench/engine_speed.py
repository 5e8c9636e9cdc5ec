"""Measure how fast the engine takes events in: from sealed spool files into the current day, on one core.

Frames hold 1, 8 or 64 events, as a quiet and a busy server write them. CPU time, not wall time: whatever else runs on
the machine costs little of it. Beside it stands what decoding the same batches costs by itself, so that two runs can be
compared as ratios.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from collector.event import Batch, Event, Kind, VisitorKey
from collector.model import DIRECT, Epoch
from collector.running import RunningDay
from collector.spool.reader import SpoolReader
from collector.spool.writer import SpoolWriter

EPOCH: Final = Epoch("Europe/Amsterdam", date(2026, 11, 24))
FRAMES: Final = (1, 8, 64)
EVENTS: Final = 200_000
RUNS: Final = 3
SITES: Final = 300
PAGES: Final = 2_000
VISITORS: Final = 30_000
_MORNING: Final = 1_795_500_000
_BROWSERS: Final = tuple(
    (browser, str(major), system, device, str(width), language)
    for browser, system, device in (
        ("Chrome", "Windows", "desktop"), ("Chrome", "Chrome OS", "desktop"), ("Edge", "Windows", "desktop"),
        ("Safari", "iOS", "phone"), ("Safari", "macOS", "desktop"), ("Firefox", "Windows", "desktop"),
        ("Chrome", "Android", "phone"), ("Safari", "iOS", "tablet"),
    )
    for major in (141, 142, 143)
    for width in range(4)
    for language in ("nl", "en")
)  # fmt: skip
_SOURCES: Final = (
    (DIRECT, "direct"), (DIRECT, "direct"), ("Google", "search"), ("Bing", "search"), ("Magister", "referral"),
)  # fmt: skip


def events(count: int, *, sites: int = SITES, seed: int = 1) -> Iterator[Event]:
    """Yield events of many visitors of *sites* sites, in the order of their arrival."""
    random = Random(seed)
    for number in range(count):
        visitor = random.randrange(VISITORS)
        browser, major, system, device, viewport, language = _BROWSERS[visitor % len(_BROWSERS)]
        source, channel = _SOURCES[visitor % len(_SOURCES)]
        kind = Kind.PAGEVIEW if random.random() < 0.6 else Kind.ENGAGEMENT
        yield Event(
            site=f"school-{visitor % sites:03}",
            at=_MORNING + number * 30_000 // count,
            visitor=VisitorKey(visitor * 0x9E3779B97F4A7C15 % 2**64),
            kind=kind,
            page=f"/leerling/toetsen/{int(random.paretovariate(0.7)) % PAGES}",
            source=source,
            channel=channel,
            browser=browser,
            os=system,
            device=device,
            country="NL",
            is_entry=random.random() < 0.1,
            milliseconds=random.randrange(60_000) if kind is Kind.ENGAGEMENT else 0,
            scroll=random.randrange(101),
            browser_major=major,
            viewport=viewport,
            language=language,
        )


def spool(folder: Path, key: bytes, *, frame: int, count: int) -> None:
    """Write *count* events to a spool file, *frame* to a frame."""
    writer = SpoolWriter(folder, EPOCH, key)
    made = events(count)
    for _ in range(count // frame):
        writer.append(Batch([next(made) for _ in range(frame)], []))
    writer.end()


def rate(frame: int, *, count: int = EVENTS) -> float:
    """Return events a second of CPU time, from a sealed file of frames of *frame* events to a current day."""
    key = os.urandom(32)
    with tempfile.TemporaryDirectory() as folder:
        spool(Path(folder) / "spool", key, frame=frame, count=count)

        def take_in() -> int:
            reader = SpoolReader(Path(folder) / "spool", EPOCH, key)
            running = RunningDay(EPOCH, reader=reader, counted={}, memory_limit="1GB")
            taken = running.drain()
            running.close()
            return taken

        return count / _least(take_in, expected=count)


def decoding(*, count: int = EVENTS) -> float:
    """Return how many events a second of CPU time the library decodes that the spool's text is written with."""
    texts = [msgspec.msgpack.encode(Batch([event], [])) for event in events(count)]
    decoder = msgspec.msgpack.Decoder(Batch)

    def decode() -> int:
        for text in texts:
            decoder.decode(text)
        return count

    return count / _least(decode, expected=count)


def _least(run: Callable[[], int], *, expected: int) -> float:
    least = float("inf")
    for _ in range(RUNS):
        begun = time.process_time()
        taken = run()
        least = min(least, time.process_time() - begun)
        if taken != expected:
            raise AssertionError(f"{taken} events came of {expected}")
    return least


def measure() -> dict[str, float]:
    """Return events a second by frame, and of decoding alone."""
    figures = {f"engine_events_per_second_frames_of_{frame}": rate(frame) for frame in FRAMES}
    return figures | {"decode_events_per_second": decoding()}


if __name__ == "__main__":
    json.dump({name: round(figure) for name, figure in measure().items()}, sys.stdout, indent=2)
