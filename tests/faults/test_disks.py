"""A serving house whose disk is full or read-only: what it acknowledges then, and what is counted in the end."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from collector.errors import TurvenError
from tests import disks
from tests.faults import child
from tests.faults.load import Load, differences, wait_until
from tests.faults.served import ServedHouse
from tests.faults.test_kills import ENOUGH

TOLD: Final = "events are refused, none is lost"
#: So many refusals in a row are no chance.
REFUSED: Final = 20
BOTH: Final = [False, True]


@contextmanager
def _serving(folder: Path, disk: Path, *, megabytes: int) -> Iterator[tuple[ServedHouse, Load]]:
    """Run a house with a site, of which one folder is a small disk, and send events to it."""
    with disks.small_disk(disk, megabytes=megabytes), ServedHouse(folder) as house:
        house.add("school")
        with Load(house.port) as load:
            yield house, load


def _counts(house: ServedHouse, load: Load, *, refused: set[int]) -> None:
    """Close everything, and see that what was sent is counted once; *refused* are the answers beside 202."""
    house.ask("close", sites=None)
    counted = house.counted("school")
    assert differences(counted, load.tallies()) == [], child.tail(house.log)
    assert (load.hung, set(load.unwilling)) == (0, refused), child.tail(house.log)


def _refuses(house: ServedHouse, load: Load) -> None:
    """Wait until events are refused, one after the other, by a house that is there."""
    refused = load.unwilling[503]
    wait_until(lambda: load.unwilling[503] > refused + REFUSED, f"a refusal by {house.folder}")


@pytest.mark.parametrize(
    "case",
    [
        "full",
        "full, and killed",
        "read-only after a kill",
    ],
)
def test_a_spool_that_takes_nothing_refuses_events_and_loses_none(tmp_path: Path, case: str) -> None:
    """While the spool's disk is full or read-only events are answered 503, killed or not; then all goes on."""
    spool = tmp_path / "data" / "spool"
    with _serving(tmp_path, spool, megabytes=1) as (house, load):
        load.more(ENOUGH, log=house.log)
        if case.startswith("full"):
            disks.fill(spool)
            _refuses(house, load)
        if case != "full":
            house.kill()
            if case.startswith("read-only"):
                disks.read_only(spool, is_so=True)
            house.start()
            _refuses(house, load)
        disks.read_only(spool, is_so=False)
        disks.clear(spool)
        load.more(ENOUGH, log=house.log)
        load.stop()
        _counts(house, load, refused={503})
    assert TOLD in house.log.read_text("utf-8")


@pytest.mark.parametrize("is_killed", BOTH)
def test_a_full_history_costs_no_event(tmp_path: Path, *, is_killed: bool) -> None:
    """While the history's disk is full events are acknowledged and nothing is closed; then all is kept, once."""
    data = tmp_path / "data"
    # The spool lies on a disk of its own, with room.
    with disks.small_disk(tmp_path / "other", megabytes=8) as other, _serving(tmp_path, data, megabytes=24) as served:
        house, load = served
        house.stop()
        shutil.copytree(data / "spool", other / "spool")
        shutil.rmtree(data / "spool")
        (data / "spool").symlink_to(other / "spool")
        house.start()
        load.more(ENOUGH, log=house.log)
        disks.fill(data)
        with pytest.raises(TurvenError):
            house.ask("close", sites=None)
        load.more(ENOUGH, log=house.log)
        if is_killed:
            house.kill()
        disks.clear(data)
        if is_killed:
            house.start()
        load.more(ENOUGH, log=house.log)
        load.stop()
        _counts(house, load, refused=set())
        house.stop()


def test_a_house_does_not_start_where_it_cannot_write(tmp_path: Path) -> None:
    """On a read-only data directory a house ends with a sentence, and changes nothing."""
    with disks.small_disk(tmp_path / "data", megabytes=24) as data:
        with ServedHouse(tmp_path) as house:
            house.add("school")
        before = {path: path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()}
        disks.read_only(data, is_so=True)
        said = house.turven("serve", expect=3)
        disks.read_only(data, is_so=False)
        assert "cannot be" in said
        assert "Read-only" in said
        assert {path: path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()} == before
