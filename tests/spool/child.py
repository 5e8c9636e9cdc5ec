"""Be one process of the house: the tests start this, let it race or kill it."""

import os
import sys
from datetime import datetime
from pathlib import Path

from collector.spool.secrets import Secrets
from collector.spool.writer import open_current
from tests.spool.house import TIMEZONE, batch


def append(runtime: Path, spool: Path, now: datetime, first: int) -> None:
    """Append one event after another, each acknowledged on stdout, until killed."""
    writer = open_current(spool, Secrets(runtime), TIMEZONE, now=now)
    number = first
    while True:
        writer.append(batch(number))
        os.write(1, b"%d\n" % number)
        number += 1


def race(runtime: Path, _spool: Path, now: datetime, _first: int) -> None:
    """Wait for the start, then ask for everything at once with the others."""
    secrets = Secrets(runtime)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    epoch = secrets.current(TIMEZONE, now=now)
    sys.stdout.write(
        f"{epoch.day} {epoch.part} {secrets.seal_key(epoch).hex()} {secrets.salt(epoch, 'school').hex()}\n"
    )


if __name__ == "__main__":
    _, _job, _runtime, _spool, _now, _first = sys.argv
    {"append": append, "race": race}[_job](Path(_runtime), Path(_spool), datetime.fromisoformat(_now), int(_first))
