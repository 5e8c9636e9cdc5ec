"""A house whose disk is full or read-only: it refuses with a sentence, loses nothing, and goes on by itself."""

import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from collector.errors import StoreError
from collector.model import Outcome, Site
from tests.clock import ManualClock
from tests.disks import clear, fill, read_only, small_disk
from tests.house import TallyHouse


class OnDisk(TallyHouse):
    """A house whose data lie on a small disk."""

    def _start(self) -> None:
        self.settings = msgspec.structs.replace(self.settings, data_dir=self.folder / "disk" / "data")
        super()._start()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a small disk."""
    with small_disk(tmp_path / "disk", megabytes=8) as mounted:
        yield mounted


@pytest.fixture
def house(disk: Path, tmp_path: Path, clock: ManualClock, school: Site) -> Iterator[TallyHouse]:
    """Open a house with one school on that disk."""
    made = OnDisk(tmp_path, clock=clock).add(school)
    yield made
    clear(disk)
    made.stop()


def _send(house: TallyHouse, number: int, *, first: int = 0) -> int:
    """Send events of as many visitors; return how many were acknowledged. The others are told that they were not."""
    statuses = [house.send(visitor=first + visitor, page="/rooster").status_code for visitor in range(number)]
    assert set(statuses) <= {202, 503}
    return statuses.count(202)


@pytest.mark.parametrize("leave", [0, 4_096])
def test_what_has_no_room_is_refused(house: TallyHouse, disk: Path, leave: int) -> None:
    """Events that the full disk does not take are refused, and those that were acknowledged are counted, once."""
    sent = _send(house, 12)
    fill(disk, leave=leave)
    sent += _send(house, 120, first=100)
    house.tick()
    clear(disk)
    sent += _send(house, 12, first=200)
    assert 24 <= sent < 144
    house.close()
    assert house.cells("total", measure="pageviews") == {"": sent}


@pytest.mark.parametrize("leave", [0, 65_536])
def test_a_close_without_room_is_made_later(
    house: TallyHouse, disk: Path, leave: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Hours and days that cannot be kept for want of room are kept once there is some; the log is not flooded."""
    house.feed(visitors=12)
    house.clock.forward(hours=1)
    house.feed(visitors=14)
    fill(disk, leave=leave)
    house.clock.forward(hours=2)
    for _ in range(6):
        house.house.engine.tick()
    house.clock.set("2026-11-25T00:01:00+01:00")
    with caplog.at_level(logging.WARNING):
        for _ in range(30):
            with suppress(StoreError):
                house.tick()
    assert len(caplog.messages) < 12
    clear(disk)
    house.house.intake.look()
    for _ in range(40):
        house.house.engine.tick()
    assert house.rows("select outcome from closed") == [("kept",)]
    assert house.cells("total") == {"": 14}
    assert house.cells("total", measure="pageviews") == {"": 26}
    assert not [path for path in disk.rglob("*.spool") if "2026-11-24" in str(path)]


def test_commands_without_room_change_nothing(house: TallyHouse, disk: Path, school: Site) -> None:
    """A setting, a close and an erase that have no room are refused with a sentence, and work once there is some."""
    engine = house.house.engine
    house.feed(visitors=12)
    fill(disk)
    with pytest.raises(StoreError, match="history_full"):
        house.add(msgspec.structs.replace(school, id="portal"))
    with pytest.raises(StoreError, match="history_full"):
        engine.sites.change("school", {"is_on": False}, made_by="controller", reason="", at=house.clock.now())
    known = engine.sites.get("school")
    assert engine.sites.get("portal") is None
    assert known is not None
    assert known.is_on
    with pytest.raises(StoreError, match="erase_not_begun"):
        engine.erase("school", made_by="operator", reason="")
    with suppress(StoreError):
        house.close()
    clear(disk)
    outcomes = [house.close(), house.close()]
    assert {"school": Outcome.KEPT} in outcomes or house.cells("total") == {"": 12}
    assert house.cells("total") == {"": 12}
    assert house.rows("select part, outcome from closed") == [(1, "kept")]
    engine.erase("school", made_by="operator", reason="")
    assert house.rows("select count(*) from cell") == [(0,)]


def test_a_disk_that_becomes_read_only(house: TallyHouse) -> None:
    """While the spool may not be written events are refused; afterwards the house goes on without a restart."""
    with small_disk(house.settings.spool_dir, megabytes=1) as spool:
        sent = _send(house, 12)
        # A file that is being written keeps a file system from being made read-only.
        house.house.intake.stop()
        read_only(spool, is_so=True)
        assert _send(house, 3, first=100) == 0
        for _ in range(3):
            house.house.engine.tick()
        read_only(spool, is_so=False)
        sent += _send(house, 12, first=200)
        house.close()
        assert house.cells("total", measure="pageviews") == {"": sent}
        house.house.intake.stop()
