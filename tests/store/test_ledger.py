"""Closed parts: whole, once, compared."""

from datetime import date

import msgspec
import pytest

from collector.errors import StoreError
from collector.model import Cell, Dimension, Epoch, Identity, Origin, Outcome, Profile
from collector.store.history import History
from collector.store.ledger import ClosedPart, HourBlock, Ledger
from tests.clock import ManualClock

DAY = date(2026, 11, 24)


@pytest.fixture
def part(clock: ManualClock) -> ClosedPart:
    """Describe a part of 30 visitors on one page."""
    return ClosedPart(
        site="school",
        day=DAY,
        part=1,
        outcome=Outcome.KEPT,
        origin=Origin.TRACKER,
        identity=Identity.NETWORK,
        profile=Profile.STANDARD,
        k=10,
        settings="0" * 64,
        closed_at=clock.now(),
        epoch_part=1,
        spool={"ab": 120, "cd": 40},
        cells=[
            Cell(dimension=Dimension.TOTAL, value="", contributors=20, pageviews=31, visitors=30, visits=30),
            Cell(dimension=Dimension.PAGE, value="/", contributors=20, pageviews=31, visitors=30, seconds=None),
        ],
        drops={"bot": 39, "host": 9},
    )


def test_a_part_is_kept_whole(history: History, part: ClosedPart) -> None:
    """Cells and marker stand in the file together, and are the same when read from it."""
    ledger = Ledger(history)
    ledger.keep([part])
    history.reopen()
    assert ledger.differs([part]) is None
    assert ledger.counted(Epoch("Europe/Amsterdam", DAY, 1)) == {"school": {"ab": 120, "cd": 40}}
    assert ledger.next_part("school", DAY) == 2


def test_a_lost_row_is_noticed(history: History, part: ClosedPart) -> None:
    """A row that did not reach the file is seen before anything is destroyed."""
    ledger = Ledger(history)
    ledger.keep([part])
    with history.write() as cursor:
        cursor.execute("delete from cell where dimension = 'page'")
    history.reopen()
    assert ledger.differs([part]) == "school 2026-11-24 part 1"


def test_a_part_is_never_kept_twice(history: History, part: ClosedPart) -> None:
    """The second close of the same part is refused and changes nothing."""
    ledger = Ledger(history)
    ledger.keep([part])
    with pytest.raises(StoreError, match="part_closed"):
        ledger.keep([part])
    assert ledger.differs([part]) is None


def test_drops_are_kept_in_tens(history: History, part: ClosedPart) -> None:
    """Refused requests are rounded down to tens, opt-outs to hundreds."""
    ledger = Ledger(history)
    ledger.keep([part])
    ledger.keep_house_drops(day=DAY, epoch_part=1, drops={"opt_out": 299, "unknown_site": 25})
    with history.read() as cursor:
        kept = cursor.execute("select site, reason, count from dropped order by all").fetchall()
    assert kept == [("", "opt_out", 200), ("", "unknown_site", 20), ("school", "bot", 30)]


def test_committed_hours_stand(history: History, part: ClosedPart) -> None:
    """An hour once committed stays as it was, until the day's own rows replace it."""
    ledger = Ledger(history)
    first = HourBlock(first_hour=8, last_hour=9, pageviews=40, visitors=20, contributors=20)
    later = HourBlock(first_hour=10, last_hour=10, pageviews=12, visitors=10, contributors=10)
    ledger.commit_hours(site="school", day=DAY, part=1, blocks=[first])
    ledger.commit_hours(site="school", day=DAY, part=1, blocks=[msgspec.structs.replace(first, pageviews=99), later])
    with history.read() as cursor:
        kept = cursor.execute("select first_hour, pageviews from committed_hour order by 1").fetchall()
    assert kept == [(8, 40), (10, 12)]
    ledger.keep([part])
    assert not ledger.has_committed_hours("school", DAY, 1)


def test_a_gap_is_noted_once(history: History, clock: ManualClock) -> None:
    """What was lost is said once."""
    ledger = Ledger(history)
    epoch = Epoch("Europe/Amsterdam", DAY, 1)
    ledger.note_gap(epoch, reason="keys_lost", at=clock.now())
    ledger.note_gap(epoch, reason="keys_lost", at=clock.now())
    with history.read() as cursor:
        assert cursor.execute("select count(*) from gap").fetchone() == (1,)
