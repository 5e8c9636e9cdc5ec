"""A house that is killed again and again while events come in, at rest and in the middle of what it does."""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Final
from zoneinfo import ZoneInfo

import duckdb
import pyrage
import pytest

from collector.store.migrate import SCHEMA_VERSION
from tests.faults import child
from tests.faults.load import Load, differences
from tests.faults.served import KILLS, ServedHouse, chance, page_of, quiet_zone

#: Of the kills, the part that comes while the house starts.
EARLY: Final = 0.3
#: Longest start that is killed in the middle.
START_SECONDS: Final = 0.5
#: So many events that every visitor has come: what is closed then has more than k.
ENOUGH: Final = 160


def test_a_house_killed_under_load_counts_each_event_once(tmp_path: Path) -> None:
    """Killed at random moments under load, while it starts too, a house counts what it acknowledged once."""
    house, moments = ServedHouse(tmp_path), chance("kills")
    with house:
        house.add("school")
    with Load(house.port) as load:
        for kill in range(KILLS):
            load.turn_to(page_of(kill))
            house.launch()
            if moments.random() < EARLY:
                # The moment is the point here, not what happens meanwhile.
                Event().wait(moments.uniform(0, START_SECONDS))
            else:
                load.more(moments.randrange(1, 150), log=house.log)
            house.kill()
        load.turn_to("/einde")
        house.start()
        load.more(ENOUGH, log=house.log)
    house.ask("close", sites=None)
    counted = house.counted("school")
    house.stop()
    assert differences(counted, load.tallies()) == [], child.tail(house.log)
    assert (load.hung, load.unwilling) == (0, {})


def test_a_house_killed_while_it_migrates_takes_the_step_once(tmp_path: Path) -> None:
    """Killed again and again while it brings its history a step on, a house ends with the step taken once."""
    house, moments = ServedHouse(tmp_path), chance("migration")
    with house:
        house.add("school")
        with Load(house.port) as load:
            load.more(ENOUGH, log=house.log)
            load.stop()
            house.ask("close", sites=None)
            house.kill()
    house.is_newer = True
    for _ in range(KILLS // 6):
        house.launch()
        # The moment is the point here, not what happens meanwhile.
        Event().wait(moments.uniform(0, START_SECONDS))
        house.kill()
    with house:
        assert differences(house.counted("school"), load.tallies()) == [], child.tail(house.log)
    with duckdb.connect(str(tmp_path / "data" / "history.duckdb"), read_only=True) as kept:
        steps = kept.execute("select version from schema_version order by all").fetchall()
        assert steps[-2:] == [(SCHEMA_VERSION,), (SCHEMA_VERSION + 1,)]
        assert kept.execute("select distinct note from cell").fetchall() == [("seen once",)]


class Busy:
    """A house whose clock is turned by the test, and what it can be killed in."""

    def __init__(self, folder: Path) -> None:
        self._ahead = folder / "ahead"
        # The machine's hour is somebody else's: the house begins in the middle of a morning.
        zone = ZoneInfo(quiet_zone())
        here = datetime.now(UTC).astimezone(zone)
        begin = datetime.combine(here.date() + timedelta(days=1), time(9, 30), zone)
        self._seconds = (begin - here).total_seconds()
        self._set()
        recipient = str(pyrage.x25519.Identity.generate().to_public())
        backup = f'[backup]\nrecipient = "{recipient}"\n'
        self.house = ServedHouse(folder, ahead=self._ahead, settings=backup)
        self.load = Load(self.house.port)

    def _set(self) -> None:
        self._ahead.write_text(str(self._seconds), "ascii")

    def forward(self, hours: float) -> None:
        """Turn the clock of the running house on."""
        self._seconds += 3_600 * hours
        self._set()
        self.house.read_clock()

    def commit_an_hour(self) -> None:
        """Have the house commit an hour; it is over when the sites are listed, for which the engine is needed."""
        self.forward(1)
        self.house.try_to("site_list")

    def close_a_day(self) -> None:
        """Have the house end its day."""
        self.forward(24)
        self.house.try_to("site_list")

    def close_sites(self) -> None:
        """Have the house close a part."""
        self.house.try_to("close", sites=None)

    def erase(self) -> None:
        """Have the house erase another site."""
        self.house.try_to("site_erase", site="weg", made_by="operator", reason="contract ended")

    def back_up(self) -> None:
        """Have the house make a backup."""
        self.house.try_to("backup")


_OPERATIONS: Final[dict[str, Callable[[Busy], None]]] = {
    "hour commit": Busy.commit_an_hour,
    "day close": Busy.close_a_day,
    "site close": Busy.close_sites,
    "erase": Busy.erase,
    "backup": Busy.back_up,
}


@pytest.mark.parametrize("name", _OPERATIONS)
def test_a_house_killed_in_what_it_does_counts_each_event_once(tmp_path: Path, name: str) -> None:
    """Killed at random moments of an hour's or a day's end, a close, an erase or a backup, a house loses nothing."""
    busy, moments, perform = Busy(tmp_path), chance(name), _OPERATIONS[name]
    house, load = busy.house, busy.load
    with house:
        house.add("school")
    with load:
        longest = 0.0
        for kill in range(1 + KILLS // 10):
            load.turn_to(page_of(kill))
            house.start()
            if "weg" not in house.ask("site_list").decode():
                house.add("weg")
            load.more(ENOUGH, log=house.log)
            began = monotonic()
            doing = Thread(target=perform, args=(busy,))
            doing.start()
            # The first is done whole, to see how long it takes.
            doing.join(moments.uniform(0, 1.1 * longest) if kill else None)
            longest = longest or monotonic() - began
            house.kill()
            doing.join()
        house.start()
        load.more(ENOUGH, log=house.log)
    house.ask("close", sites=None)
    counted = house.counted("school")
    house.stop()
    assert differences(counted, load.tallies(), is_one_part=False) == [], child.tail(house.log)
    assert (load.hung, load.unwilling) == (0, {})
