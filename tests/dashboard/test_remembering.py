"""What is remembered is what the history holds, and nothing longer than that."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from collector.cursor import Cursor
from dashboard import cells, sql
from dashboard.remembering import ROWS_MAX, Remembering
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, school_day

_DAY = TODAY - timedelta(1)
_ALL = sql.Statement("select day, count(*) from cell where site = ? group by all order by all", (SCHOOL.id,))


class _Counting:
    """Count how often the history was opened."""

    def __init__(self, house: House) -> None:
        self.times = 0
        self._house = house

    @contextmanager
    def read(self) -> Iterator[Cursor]:
        self.times += 1
        with self._house.history.read() as cursor:
            yield cursor


def test_the_same_question_is_read_once(tmp_path: Path, clock: ManualClock) -> None:
    """What was answered is answered again without the file, until something is written; then it is read anew."""
    house = House(tmp_path, clock)
    house.close_day(_DAY - timedelta(1), school_day(300))
    counting = _Counting(house)
    memory = Remembering(counting, lambda: house.history.generation)
    first = cells.rows(memory, _ALL)
    assert cells.rows(memory, _ALL) == first == house.rows(_ALL.sql, *_ALL.parameters)
    assert counting.times == 1
    house.close_day(_DAY, school_day(300))
    assert len(cells.rows(memory, _ALL)) == len(first) + 1
    assert counting.times == 2


def test_a_new_snapshot_is_seen(tmp_path: Path, clock: ManualClock) -> None:
    """The running day is never older than the snapshot of it."""
    house = House(tmp_path, clock)
    running = sql.Statement("select count(*) from today.cell", ())
    memory = Remembering(house.history, lambda: house.history.generation)
    assert cells.rows(memory, running) == [(0,)]
    house.run_today(school_day(300), ())
    assert cells.rows(memory, running) != [(0,)]


def test_a_file_written_anew_is_seen(tmp_path: Path, clock: ManualClock) -> None:
    """What retention or an erasure removed is not remembered either."""
    house = House(tmp_path, clock)
    house.close_day(_DAY, school_day(300))
    memory = Remembering(house.history, lambda: house.history.generation)
    assert cells.rows(memory, _ALL)
    tables = ["schema_version", "site", "settings_log", "cell", "closed", "committed_hour", "dropped", "gap"]
    house.history.rebuild(dict.fromkeys(tables, "true") | {"cell": "false"})
    assert cells.rows(memory, _ALL) == []


def test_what_was_read_before_a_change_is_not_kept_after_it(tmp_path: Path, clock: ManualClock) -> None:
    """An answer that was under way while something was written is not remembered as the new state."""
    memory = Remembering(House(tmp_path, clock).history, iter(range(10)).__next__)
    memory.keep(("old", ()), [(1,)], read_in=0)
    assert memory.find(("old", ())) is None


def test_memory_has_an_end(tmp_path: Path, clock: ManualClock) -> None:
    """What was asked for longest ago is forgotten first, so that memory does not grow."""
    memory = Remembering(House(tmp_path, clock).history, lambda: 0)
    for n in range(3):
        memory.keep((str(n), ()), [(0,)] * (ROWS_MAX // 2 - 1), read_in=0)
    assert memory.find(("0", ())) is None
    assert memory.find(("1", ())) is not None
    assert memory.find(("2", ())) is not None
    memory.keep(("huge", ()), [(0,)] * (ROWS_MAX + 1), read_in=0)
    assert memory.find(("huge", ())) is None
