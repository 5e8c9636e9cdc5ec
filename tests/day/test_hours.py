"""Hours: published in blocks of k visitors, one block behind, and never taken back."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.day.hours import Block, closing, committed
from collector.day.small_groups import fold
from collector.model import Dimension
from tests.day.school import View, facts, rules


def hours_of(counts: dict[int, int]) -> pl.DataFrame:
    """Return a day on which that many new visitors came in each hour, one pageview each."""
    hours = [hour for hour, count in counts.items() for _ in range(count)]
    return facts(View(n, hour=hour) for n, hour in enumerate(hours)).hours


def names(blocks: list[Block]) -> list[str]:
    """Return the blocks as they are kept."""
    return [block.name for block in blocks]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({}, []),
        ({8: 9}, []),
        ({8: 10}, ["08-09"]),
        ({8: 10, 9: 10}, ["08-09", "09-10"]),
        ({8: 10, 9: 9}, ["08-24"]),
        ({8: 5, 9: 5, 10: 10}, ["00-10", "10-11"]),
        ({8: 10, 12: 4, 14: 6, 20: 10}, ["08-09", "09-15", "20-21"]),
        ({0: 10, 22: 10, 23: 1}, ["00-01", "22-24"]),
    ],
)
def test_blocks_of_a_day_that_is_over(counts: dict[int, int], expected: list[str]) -> None:
    """Hours join until k visitors came; what is left of the evening joins the last block."""
    assert names(closing(hours_of(counts), 10)) == expected


def test_last_block_waits_for_the_next() -> None:
    """A block is published when the one after it has k visitors too, never before."""
    hours = hours_of({8: 10, 9: 9, 10: 1, 11: 30})
    assert [names(committed(hours, 10, before_hour=hour)) for hour in (9, 10, 11, 12, 24)] == [
        [],
        [],
        ["08-09"],
        ["08-09", "09-11"],
        ["08-09", "09-11"],
    ]


def test_block_needs_more_than_one_busy_visitor() -> None:
    """A block of which one visitor made more than half is not full: it could not be taken back later."""
    busy = [View(0, hour=8, pageviews=11), *(View(n, hour=8) for n in range(1, 10))]
    more = [View(n, hour=9) for n in range(20, 30)]
    assert names(closing(facts([*busy, *more]).hours, 10)) == ["00-10"]


visits = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 23), st.integers(1, 6)), max_size=80)


def day_of(seen: list[tuple[int, int, int]]) -> list[View]:
    """Return a day of visitor, hour and pageviews."""
    return [View(visitor, hour=hour, pageviews=views) for visitor, hour, views in seen]


@given(seen=visits, k=st.integers(2, 6))
def test_what_was_committed_stays(seen: list[tuple[int, int, int]], k: int) -> None:
    """What was published of the hours at any time of the day stands the same later and at the close."""
    hours = facts(day_of(seen)).hours
    known: list[Block] = []
    for hour in range(25):
        blocks = committed(hours, k, before_hour=hour)
        assert blocks[: len(known)] == known
        known = blocks
    assert closing(hours, k)[: len(known)] == known


@given(seen=visits, k=st.integers(2, 6))
def test_polling_the_hours_shows_no_small_group(seen: list[tuple[int, int, int]], k: int) -> None:
    """Every block stands for k visitors, and so does everything that came after the last one that is out."""
    hours = facts(day_of(seen)).hours
    for hour in range(25):
        blocks = committed(hours, k, before_hour=hour)
        covered = set()
        for block in blocks:
            inside = [v for v, h, _ in seen if block.first_hour <= h <= block.last_hour]
            assert len(set(inside)) >= k
            assert block.visitors % k == 0
            covered |= set(range(block.first_hour, block.last_hour + 1))
        rest = {v for v, h, _ in seen if h not in covered}
        assert not blocks or len(rest) >= k


@given(seen=visits, k=st.integers(2, 6))
def test_blocks_of_a_closed_day_hold_everybody(seen: list[tuple[int, int, int]], k: int) -> None:
    """The blocks of a closed day overlap nowhere and add up to the total."""
    views = day_of(seen)
    cells = fold(facts(views), rules(k)) or []
    hours = [cell for cell in cells if cell.dimension is Dimension.HOUR]
    bounds = [int(end) for cell in hours for end in cell.value.split("-")]
    assert bounds == sorted(bounds)
    if hours and all(cell.pageviews is not None for cell in hours):
        assert sum(cell.pageviews or 0 for cell in hours) == sum(view.pageviews for view in views)
