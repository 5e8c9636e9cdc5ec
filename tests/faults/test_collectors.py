"""A house of several processes, each of which is killed again and again while events come in."""

import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import pytest

from tests.faults import child
from tests.faults.load import Load, differences, wait_until
from tests.faults.served import KILLS, ServedHouse, chance, page_of, writes
from tests.faults.test_kills import EARLY, ENOUGH

#: A parent costs as many starts as it has processes: one in so many is killed at work, the others while they start, or
#: while what is left of the one before ends.
AT_WORK: Final = 4
#: Longest start that is killed in the middle.
START_SECONDS: Final = 0.3
#: A process of a kind is there again before so many events were acknowledged.
LOOKS_MAX: Final = 5_000


@contextmanager
def _serving(folder: Path, *, collectors: int) -> Iterator[tuple[ServedHouse, Load]]:
    """Run a house of several processes that has a site, and send events to it."""
    with ServedHouse(folder, server=f"collectors = {collectors}") as house:
        house.add("school")
        with Load(house.port) as load:
            yield house, load


def _counts(house: ServedHouse, load: Load) -> None:
    """Close everything, and see that what was sent is counted once."""
    house.ask("close", sites=None)
    counted = house.counted("school")
    house.stop()
    assert differences(counted, load.tallies()) == [], child.tail(house.log)
    assert (load.hung, load.unwilling) == (0, {}), child.tail(house.log)


def _kill_one(house: ServedHouse, load: Load, module: str, *, moments: random.Random) -> None:
    """Kill a process of a kind: mostly one that is at work, now and then one that starts."""

    def candidates() -> list[int]:
        running = house.children(module)
        return running if moments.random() < EARLY or module == "turven.housing" else [*filter(writes, running)]

    for _ in range(LOOKS_MAX):
        if found := candidates():
            break
        load.more(1, log=house.log)
    os.kill(moments.choice(found), signal.SIGKILL)


def test_collectors_killed_under_load_lose_nothing(tmp_path: Path) -> None:
    """Collectors are killed at random moments: what they acknowledged is counted once."""
    moments = chance("collectors")
    with _serving(tmp_path, collectors=3) as (house, load):
        for kill in range(KILLS):
            load.turn_to(page_of(kill))
            load.more(moments.randrange(1, 120), log=house.log)
            _kill_one(house, load, "turven.collecting", moments=moments)
        load.more(ENOUGH, log=house.log)
        load.stop()
        _counts(house, load)


def test_a_house_killed_beside_its_collectors_costs_no_answer(tmp_path: Path) -> None:
    """The engine's process is killed at random moments: collectors answer every event meanwhile, each counts once."""
    moments = chance("house")
    with _serving(tmp_path, collectors=1) as (house, load):
        for kill in range(KILLS):
            load.turn_to(page_of(kill))
            load.more(moments.randrange(1, 250), log=house.log)
            _kill_one(house, load, "turven.housing", moments=moments)
        load.more(ENOUGH, log=house.log)
        load.stop()
        assert sum(tally.unanswered for tally in load.tallies().values()) == 0, child.tail(house.log)
        wait_until(house.obeys, "an answer of the house")
        _counts(house, load)


@pytest.mark.parametrize("half", [0, 1])
def test_a_parent_killed_under_load_loses_nothing(tmp_path: Path, half: int) -> None:
    """The parent is killed, or all at once, at random moments: what was acknowledged is counted once."""
    moments = chance(f"parent {half}")
    with _serving(tmp_path, collectors=1) as (house, load):
        for kill in range(KILLS // 2):
            load.turn_to(page_of(kill))
            if kill % AT_WORK:
                # The moment is the point here, not what happens meanwhile.
                Event().wait(moments.uniform(0, START_SECONDS))
            else:
                load.more(moments.randrange(1, 120), log=house.log)
            house.kill() if moments.random() < 0.5 else house.end_everything()
            house.launch()
        load.turn_to("/einde")
        load.more(ENOUGH, log=house.log)
        load.stop()
        wait_until(house.obeys, "an answer of the house")
        _counts(house, load)
