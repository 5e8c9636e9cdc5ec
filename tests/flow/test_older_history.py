"""A history that goes back: what is missing is said, and nothing is counted twice."""

import logging
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from collector.house import House
from collector.model import Site
from collector.spool.names import epoch_name
from collector.spool.notes import COUNTED
from tests.clock import ManualClock
from tests.house import TallyHouse


class Kept(TallyHouse):
    """A house that keeps its day through a reboot."""

    def _start(self) -> None:
        self.settings = msgspec.structs.replace(self.settings, keep_day_through_reboot=True)
        super()._start()


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, school: Site) -> Iterator[TallyHouse]:
    """Open a house with one school."""
    made = TallyHouse(tmp_path, clock=clock).add(school)
    yield made
    made.stop()


def _copy(house: TallyHouse) -> Path:
    """Copy the history file of a running house, as a backup would."""
    copy = house.folder / "older.duckdb"
    shutil.copy(house.settings.history_file, copy)
    return copy


def _go_back(house: TallyHouse, older: Path, *, is_rebooted: bool = False) -> None:
    """Stop, put an older history in place, and start again."""
    house.stop()
    shutil.copy(older, house.settings.history_file)
    if is_rebooted:
        shutil.rmtree(house.settings.runtime_path())
    house._start()


@pytest.mark.parametrize("is_rebooted", [False, True])
def test_a_part_that_an_older_history_lacks_is_not_counted_again(
    tmp_path: Path, clock: ManualClock, school: Site, caplog: pytest.LogCaptureFixture, *, is_rebooted: bool
) -> None:
    """Five who come before and after a close never become ten, when the history of before that close is put back."""
    house = (Kept if is_rebooted else TallyHouse)(tmp_path, clock=clock).add(school)
    older = _copy(house)
    house.feed(visitors=12).feed(visitors=5, page="/klein").close()
    house.feed(visitors=13, page="/rooster").feed(visitors=5, page="/klein").tick()
    with caplog.at_level(logging.ERROR):
        _go_back(house, older, is_rebooted=is_rebooted)
    assert "is not in it, and its events are not counted again" in caplog.text
    assert house.rows("select outcome, part from closed") == [("lost", 1)]
    assert house.rows("select reason, day from gap") == [("history_older", date(2026, 11, 24))]
    house.tick()
    if not is_rebooted:
        house.close()
    assert house.cells("total") == {"": 13}
    assert house.cells("total", measure="pageviews") == {"": 18}
    assert "/klein" not in house.cells("page")
    caplog.clear()
    house.restart()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    house.stop()


def test_a_site_that_was_erased_today_does_not_come_back(
    house: TallyHouse, school: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Where the older history still has a site that was erased, today's events of it stay uncounted."""
    house.add(msgspec.structs.replace(school, id="portal"))
    older = _copy(house)
    house.feed(visitors=12).feed(visitors=14, site="portal")
    house.house.engine.wait = house.house.intake.look
    house.house.engine.erase("portal", made_by="operator", reason="")
    _go_back(house, older)
    assert "Erase the site again." in caplog.text
    house.close()
    assert house.cells("total") == {"": 12}
    assert house.cells("total", site="portal") == {}


def test_days_that_an_older_history_lacks_are_named(house: TallyHouse, caplog: pytest.LogCaptureFixture) -> None:
    """Of days that were closed later than the file that is put back, the house says which, and notes a gap for each."""
    house.feed(visitors=12)
    house.clock.set("2026-11-25T00:01:00+01:00")
    house.tick().tick()
    older = _copy(house)
    for day in (26, 27):
        house.feed(visitors=12)
        house.clock.set(f"2026-11-{day}T00:01:00+01:00")
        house.tick().tick()
    _go_back(house, older)
    assert "2026-11-26 part 1 (Europe/Amsterdam), 2026-11-25 part 1 (Europe/Amsterdam) are not in it" in caplog.text
    gaps = house.rows("select reason, day from gap order by day")
    assert gaps == [("history_older", date(2026, 11, 25)), ("history_older", date(2026, 11, 26))]
    caplog.clear()
    house.restart()
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert house.rows("select count(*) from gap") == [(2,)]


def test_settings_that_an_older_history_lacks_are_told(
    house: TallyHouse, school: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Where entries of the settings log are missing, the house says how many."""
    older = _copy(house)
    house.add(msgspec.structs.replace(school, id="portal"))
    _go_back(house, older)
    assert "lacks the last 1 entries of the settings log" in caplog.text


def test_a_history_that_is_gone_is_told(house: TallyHouse, caplog: pytest.LogCaptureFixture) -> None:
    """A house whose history vanished starts with a new one, and says what it had."""
    house.feed(visitors=12)
    house.clock.set("2026-11-25T00:01:00+01:00")
    house.tick().tick().stop()
    house.settings.history_file.unlink()
    house._start()
    assert "2026-11-24 part 1 (Europe/Amsterdam) are not in it" in caplog.text


def test_a_day_goes_on_through_a_reboot(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """With `keep_day_through_reboot` the day is rebuilt and closed as a part of its own, and the next part follows."""
    house = Kept(tmp_path, clock=clock).add(school).feed(visitors=12, page="/rooster")
    house.clock.set("2026-11-24T11:30:00+01:00")
    house.feed(visitors=14, page="/rooster").tick().stop()
    shutil.rmtree(house.settings.runtime_path())
    house._start()
    assert house.rows("select count(*) from gap") == [(0,)]
    house.feed(visitors=11).tick().close()
    parts = house.rows("select part, visitors, pageviews from cell where dimension = 'total' order by part")
    assert parts == [(1, 14, 26), (2, 11, 11)]
    assert house.rows("select count(*) from committed_hour") == [(0,)]
    salts = [path for path in (tmp_path / "data").rglob("*") if "salt" in path.name]
    assert salts == []
    house.stop()


def test_a_close_that_a_reboot_cut_off_makes_nobody_two(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """A reboot in the middle of a close, with the key on disk: who comes before and after is not counted twice."""
    house = Kept(tmp_path, clock=clock).add(school).feed(visitors=12).feed(visitors=5, page="/klein")
    house.house.intake.look()

    def break_off() -> None:
        raise InterruptedError

    house.house.engine.wait = break_off
    with pytest.raises(InterruptedError):
        house.house.engine.close_now()
    # The salt is another one by now, and what follows goes to another file of the same epoch.
    house.house.intake.look()
    house.feed(visitors=12).feed(visitors=5, page="/klein")
    house.house.intake.stop()
    house.house.engine.history.close()
    shutil.rmtree(house.settings.runtime_path())
    house._start()
    house.tick().tick()
    parts = house.rows("select part, visitors, pageviews from cell where dimension = 'total' order by part")
    assert parts == [(1, 12, 17), (2, 12, 17)]
    assert house.cells("page") == {}
    house.stop()


def test_a_key_that_shall_not_be_on_disk_goes(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """Once `keep_day_through_reboot` is off, no start leaves a key on the disk."""
    house = Kept(tmp_path, clock=clock).add(school).feed(visitors=12)
    house.stop()
    keys = tmp_path / "data" / "keys"
    assert list(keys.rglob("key"))
    house.settings = msgspec.structs.replace(house.settings, keep_day_through_reboot=False)
    house.house = House(house.settings, clock=clock)
    assert not list(keys.rglob("key"))
    assert [day.day.events("school") for day in house.house.engine._days.values()] == [12]
    house.house.engine.stop()


def test_a_note_of_many_sites_is_read_whole(house: TallyHouse, school: Site) -> None:
    """A close of many sites that is cut off is finished, however long the note about it is."""
    names = [f"school-{number:03}".ljust(64, "x") for number in range(34)]
    for name in names:
        house.add(msgspec.structs.replace(school, id=name))
    house.feed(visitors=1).tick()
    (running,) = house.house.engine._days.values()
    note = dict.fromkeys(names, "0" * 64)
    secrets, epoch = house.house.engine.secrets, running.epoch
    secrets.keep_note(epoch, msgspec.json.encode({"files": [], "salts": note}))
    house.restart()
    (running,) = house.house.engine._days.values()
    assert running.closing is not None
    assert len(running.closing.salts) == 34
    house.tick()
    assert secrets.note(epoch) is None
    assert (house.settings.runtime_path() / "epochs" / epoch_name(epoch) / COUNTED).exists()


def test_notes_come_back_with_the_secrets(house: TallyHouse) -> None:
    """Where the folder in memory vanishes under a running house, what was counted is written back too."""
    older = _copy(house)
    house.feed(visitors=12).feed(visitors=5, page="/klein").close()
    shutil.rmtree(house.settings.runtime_path())
    house.tick()
    house.feed(visitors=13).feed(visitors=5, page="/klein").tick()
    _go_back(house, older)
    house.close()
    assert house.cells("total") == {"": 13}
    assert "/klein" not in house.cells("page")
