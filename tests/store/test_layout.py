"""A file written anew holds every cell, laid out so that a page reads few of them."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from collector.store import layout
from collector.store.retention import EVERYTHING
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, House, school_day

_LAST = date(2026, 3, 4)


def test_a_file_written_anew_has_the_same_cells(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written piece by piece, over months and sites, no cell is lost, doubled or changed; totals lie together."""
    monkeypatch.setattr(layout, "ROWS_AT_ONCE", 150)
    house = House(tmp_path, clock)
    house.close_days([(_LAST - timedelta(n), school_day(200 + n)) for n in range(8)])
    before = house.rows("from cell order by all")
    house.history.rebuild(EVERYTHING)
    assert house.rows("from cell order by all") == before
    places = house.rows("select month(day), filter_dimension <> '', dimension <> 'total' from cell order by rowid")
    months = [(month, is_pair) for month, is_pair, _ in places]
    assert list(dict.fromkeys(months)) == sorted(set(months))
    assert [row for row in places if not row[1]] == sorted(row for row in places if not row[1])


def test_a_piece_is_of_whole_sites_and_no_larger_than_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many sites a house has, what is sorted at once stays within memory."""
    monkeypatch.setattr(layout, "ROWS_AT_ONCE", 100)
    sizes = [(date(2026, 3, 1), is_pair, f"{SCHOOL.id}-{n}", 40) for is_pair in (False, True) for n in range(5)]
    pieces = list(layout._pieces(sizes))
    assert [(piece.is_pair, piece.first[-1], piece.last[-1]) for piece in pieces] == [
        (is_pair, *ends) for is_pair in (False, True) for ends in (("0", "1"), ("2", "3"), ("4", "4"))
    ]
