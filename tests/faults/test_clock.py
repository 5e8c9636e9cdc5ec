"""A serving house whose clock is turned while events come in."""

from pathlib import Path
from typing import Final

import pytest

from tests.faults import child
from tests.faults.load import differences, wait_until
from tests.faults.served import ServedHouse
from tests.faults.test_kills import ENOUGH, Busy

#: By hours the clock is turned, one after the other, and whether the house is killed each time.
TURNS: Final = {
    "an hour back": ((-1,), False),
    "a day forward": ((24,), True),
    "a day forward and back": ((24, -24), True),
    "over midnight and back": ((14.75, -1, 1), False),
}


@pytest.mark.parametrize("turns", TURNS)
def test_a_clock_that_is_turned_counts_each_event_once(tmp_path: Path, turns: str) -> None:
    """Set back an hour or forward a day, killed meanwhile or not, a house counts what it acknowledged once."""
    busy = Busy(tmp_path)
    house, load, (steps, is_killed) = busy.house, busy.load, TURNS[turns]
    with house:
        house.add("school")
        with load:
            for number, hours in enumerate(steps):
                load.turn_to(f"/uur/{'abc'[number]}x")
                load.more(ENOUGH, log=house.log)
                busy.forward(hours)
                if is_killed:
                    house.kill()
                    house.start()
                load.more(ENOUGH, log=house.log)
        house.ask("close", sites=None)
        # A day that is over is closed by the rounds of the engine.
        wait_until(lambda: len(_spools(house)) <= 1, "the end of the days before")
        counted = house.counted("school")
        assert differences(counted, load.tallies(), is_one_part=False) == [], child.tail(house.log)
        assert (load.hung, load.unwilling) == (0, {}), child.tail(house.log)


def _spools(house: ServedHouse) -> list[Path]:
    """Return the folders of days that run, or are not closed yet."""
    return [path for path in (house.folder / "data" / "spool").iterdir() if not path.name.startswith(".")]
