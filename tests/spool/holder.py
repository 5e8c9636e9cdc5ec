"""Hold a running day, close a part of it, then the day: run by `test_memory`, which looks into this process's memory.

Says where it is on a line of its own, and goes on when it is told to.
"""

import sys
from datetime import date
from pathlib import Path

from collector.model import Identity, Site
from tests.clock import ManualClock
from tests.house import TallyHouse


def say(where: str) -> None:
    """Say where we are and wait."""
    print(where, flush=True)  # noqa: T201 - read by the test
    sys.stdin.readline()


def main(folder: Path) -> None:
    """Count, close a part, count, and let midnight pass."""
    clock = ManualClock()
    house = TallyHouse(folder, clock=clock)
    agreed = date(2026, 8, 1)
    house.add(
        Site(
            id="school", hosts=("www.school.example",), controller="De Schoolvereniging", agreement="VO-1",
            agreed_on=agreed, identity=Identity.NETWORK, is_on=True,
        )
    )  # fmt: skip
    house.feed(visitors=12).tick()
    say("running")
    house.close()
    house.feed(visitors=12).tick()
    say("part closed")
    clock.forward(days=1)
    house.tick().tick()
    say("day closed")
    house.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
