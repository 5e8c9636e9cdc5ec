"""Measure what it costs to wait for the disk: `fsync` of the settings, as ratios to `never` within one run.

`measure` drives a real intake (gate, sealed spool, files on a real disk) in process, once with one sender that waits
for each reply and once with 64 of them, in turns of the three settings, and takes the least of several. Run it by
itself with a folder on the disk in question: `python -m bench.fsync /var/lib`.
"""

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from collector.clock import SystemClock
from collector.edge.gate import Gate
from collector.edge.raw import RawRequest
from collector.intake import Intake
from collector.model import Identity, Site
from collector.settings import Fsync, Privacy, Server
from collector.spool.files import prepare_runtime_dir
from collector.spool.secrets import Secrets

SENDERS: Final = 64
#: Events of one sender, alone and among others.
ALONE: Final = 200
EACH: Final = 60
RUNS: Final = 5
_AGENT: Final = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0"
_BODY: Final = b'{"s":"school","n":"pageview","u":"/rooster"}'
_PLAIN: Final = bytes(4096)


def measure(*, folder: Path | None = None, runs: int = RUNS) -> dict[str, float]:
    """Return, per setting, CPU time and the wait for a reply as ratios to `never`, and what the disk itself takes.

    Args:
        folder: On the disk to be measured; that for temporary files where it is left out.
        runs: Of which the least is taken.
    """
    with tempfile.TemporaryDirectory(dir=folder) as place:
        least: dict[tuple[Fsync, str], float] = {}
        for run in range(runs):
            for fsync in Fsync:
                here = Path(place) / f"{run} {fsync}"
                here.mkdir()
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    seen = runner.run(_drive(here, fsync))
                for name, figure in seen.items():
                    least[fsync, name] = min(figure, least.get((fsync, name), figure))
        found = {
            f"fsync {fsync}, {name} ÷ never": least[fsync, name] / least[Fsync.NEVER, name]
            for fsync in (Fsync.EVERY_SECOND, Fsync.ALWAYS)
            for name in ("cpu", "reply alone", "reply of 64")
        }
        return found | {"fdatasync of the disk, ms": min(_disk(Path(place)) for _ in range(runs))}


async def _drive(place: Path, fsync: Fsync) -> dict[str, float]:
    prepare_runtime_dir(place / "runtime")
    site = Site(id="school", hosts=("www.school.example",), identity=Identity.NETWORK, is_on=True)
    intake = Intake(
        gate=Gate(privacy=Privacy(), server=Server(), site={"school": site}.get),
        secrets=Secrets(place / "runtime"),
        spool_dir=place / "spool",
        clock=SystemClock(),
        house_zone=site.timezone,
        fsync=fsync,
    )
    looking = asyncio.create_task(intake.run())
    await _send(intake, 10)
    alone = await _timed(lambda: _send(intake, ALONE)) / ALONE
    began = time.process_time()
    together = await _timed(lambda: _send_all(intake)) / EACH
    cpu = (time.process_time() - began) / (SENDERS * EACH)
    looking.cancel()
    intake.stop()
    return {"cpu": cpu, "reply alone": alone, "reply of 64": together}


async def _send_all(intake: Intake) -> None:
    await asyncio.gather(*(_send(intake, EACH) for _ in range(SENDERS)))


async def _send(intake: Intake, count: int) -> None:
    for number in range(count):
        intake.admit(RawRequest(peer=f"10.1.{number % 250}.1", body=_BODY, user_agent=_AGENT))
        await intake.written()


async def _timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _disk(place: Path) -> float:
    """Return the milliseconds that the disk takes for one block, the least of many."""
    path = place / f"plain {datetime.now(UTC).timestamp()}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    taken = []
    for _ in range(20):
        os.write(descriptor, _PLAIN)
        began = time.perf_counter()
        os.fdatasync(descriptor)
        taken.append(time.perf_counter() - began)
    os.close(descriptor)
    return min(taken) * 1000


if __name__ == "__main__":
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    json.dump({name: round(figure, 2) for name, figure in measure(folder=place).items()}, sys.stdout, indent=2)
    print()
