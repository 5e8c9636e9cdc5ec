"""A spool that was harmed, a history that went back: what is told, and that nothing is counted twice."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults import child
from tests.faults.load import Load, differences
from tests.faults.operations import MORNING, NOON, SITES, Standing, site
from tests.faults.points import die
from tests.faults.served import SEED, TIMES, ServedHouse
from tests.faults.test_kills import ENOUGH

#: Bytes of the spool that are harmed, each in a copy of the house.
PLACES: Final = 2 * TIMES
#: Visitors of each file of the spool, one event each.
IN_A_FILE: Final = 12
FILES: Final = 3


def _flip(raw: bytearray, at: int) -> bytearray:
    raw[at] ^= 1 << at % 8
    return raw


#: What becomes of a file's bytes from a place on.
HARMS: Final[dict[str, Callable[[bytearray, int], bytearray]]] = {
    "torn": lambda raw, at: raw[:at],
    "flipped": _flip,
    "overwritten": lambda raw, at: raw[:at] + bytes(len(raw) - at),
    "longer": lambda raw, at: raw + raw[at:],
}


def fill(folder: Path) -> None:
    """Let one file after the other be begun, each by a house that is killed with it."""
    for number in range(FILES):
        child.run_until_killed(fill_one, folder, number, log=folder / "log.txt")


def fill_one(folder: Path, number: int) -> None:
    """Let visitors come that no other file has."""
    house = Standing(folder, at=MORNING)
    if not number:
        for name in SITES:
            house.add(site(name))
    house.feed(visitors=IN_A_FILE, first=100 * number, page="/rooster")
    die()


def count(folder: Path, found: Path) -> None:
    """Start the house, close everything, and write what is kept, in two starts, to *found*."""
    state: dict[str, Any] = {}
    for times in ("once", "twice"):
        house = Standing(folder, at=NOON)
        house.tick()
        state["harmed"] = [part for running in house.house.engine._days.values() for part in running.reader.damage()]
        house.close()
        state[times] = house.rows("select coalesce(sum(pageviews), 0), coalesce(sum(visitors), 0) from cell "
                                  "where site = 'school' and dimension = 'total'")  # fmt: skip
        state["gaps"] = house.rows("select reason from gap")
        house.stop()
    found.write_text(json.dumps(state), "utf-8")


@pytest.mark.parametrize("harm", HARMS)
def test_a_harmed_spool_file_costs_what_stands_behind_the_place(tmp_path: Path, harm: str) -> None:
    """Bytes of the spool torn off or changed cost the frames from there on, no other file's, and are told."""
    whole = tmp_path / "whole"
    whole.mkdir()
    fill(whole)
    chance = random.Random(f"{SEED} {harm}")
    for place in range(PLACES):
        folder, found = tmp_path / f"house {place}", tmp_path / f"found {place}"
        shutil.copytree(whole, folder)
        spools = sorted((folder / "data" / "spool").rglob("*.spool"))
        assert len(spools) == FILES
        victim = chance.choice(spools)
        raw = bytearray(victim.read_bytes())
        at = chance.randrange(len(raw))
        victim.write_bytes(HARMS[harm](bytearray(raw), at))
        child.run(count, folder, found, log=tmp_path / "log.txt")
        state = json.loads(found.read_text("utf-8"))
        told = f"{harm} at byte {at} of {len(raw)}: {state}"
        ((views, visitors),) = state["once"]
        assert state["twice"] == state["once"], told
        # One event a visitor: whoever is counted is counted once.
        assert views == visitors, told
        assert IN_A_FILE * (FILES - 1) <= views <= IN_A_FILE * FILES, told
        # A torn frame was never acknowledged, where a process was killed; all else is damage, and is told.
        if harm != "torn":
            assert state["gaps"] == [["spool_damaged"]], told
        shutil.rmtree(folder)


def test_an_older_history_counts_nobody_twice(tmp_path: Path) -> None:
    """Put back from before a close while the house is down, a history lacks that part; nobody is counted again."""
    house = ServedHouse(tmp_path)
    history, older = tmp_path / "data" / "history.duckdb", tmp_path / "older.duckdb"
    with house:
        house.add("school")
    shutil.copy(history, older)
    house.start()
    with Load(house.port) as before:
        before.more(ENOUGH, log=house.log)
    house.ask("close", sites=None)
    with Load(house.port) as after:
        after.more(ENOUGH, log=house.log)
        house.kill()
        shutil.copy(older, history)
        house.start()
        after.more(ENOUGH, log=house.log)
    house.ask("close", sites=None)
    counted = house.counted("school")
    house.stop()
    assert differences(counted, after.tallies()) == [], child.tail(house.log)
    assert "history" in house.log.read_text("utf-8")
