"""What was not counted is kept in tens, opt-outs for the house in hundreds, and nothing of a part below k."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.errors import StoreError
from collector.event import Reason
from collector.model import Identity, Origin, Outcome, Profile
from collector.store.history import History
from collector.store.ledger import ClosedPart, Ledger
from tests.clock import ManualClock

DAY = date(2026, 11, 23)
REASONS = [*(reason.value for reason in Reason), "refused:email", "refused:pupil_id"]
COUNTS = st.dictionaries(st.sampled_from(REASONS), st.integers(0, 2_000), max_size=6)


def part(number: int, drops: dict[str, int], *, outcome: Outcome = Outcome.KEPT) -> ClosedPart:
    """Return a part of a day of which so much was not counted."""
    return ClosedPart(
        site="school", day=DAY + timedelta(days=number), part=1, outcome=outcome, origin=Origin.TRACKER,
        identity=Identity.NETWORK, profile=Profile.STANDARD, k=10, settings="0" * 64, closed_at=ManualClock().now(),
        epoch_part=1, spool={}, drops=drops,
    )  # fmt: skip


def kept(history: History) -> list[tuple[str, date, str, int]]:
    """Return what is kept."""
    with history.read() as cursor:
        return cursor.execute("select site, day, reason, count from dropped order by all").fetchall()


def clear(history: History) -> Ledger:
    """Return a ledger with nothing in it: one file serves all examples."""
    with history.write() as cursor:
        cursor.execute("delete from dropped")
        cursor.execute("delete from closed")
    return Ledger(history)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Open a history for laws."""
    made = History(tmp_path_factory.mktemp("drops") / "history.duckdb", at=ManualClock().now())
    yield made
    made.close()


@settings(max_examples=15)
@given(days=st.lists(COUNTS, min_size=1, max_size=3))
def test_no_difference_of_refusals_is_one_to_nine(one: History, days: list[dict[str, int]]) -> None:
    """A kept count is rounded down to tens, and so is every difference of two days, and every sum of them."""
    clear(one).keep([part(number, drops) for number, drops in enumerate(days)])
    rows = kept(one)
    for _, day, reason, count in rows:
        true = days[(day - DAY).days][reason]
        assert count % 10 == 0
        assert 0 < count <= true < count + 10
    counts = [count for *_, count in rows]
    assert all(abs(a - b) % 10 == 0 for a, b in combinations(counts, 2))
    assert sum(counts) % 10 == 0


@settings(max_examples=15)
@given(drops=COUNTS, opt_outs=st.integers(0, 900))
def test_an_opt_out_is_never_one_sites(one: History, drops: dict[str, int], opt_outs: int) -> None:
    """Opt-outs are kept for the house alone and in hundreds, whatever a part of a site brings along."""
    ledger = clear(one)
    ledger.keep([part(0, drops | {"opt_out": opt_outs})])
    ledger.keep_house_drops(day=DAY, epoch_part=1, drops={"opt_out": opt_outs, "invalid": 7})
    told = [(site, count) for site, _, reason, count in kept(one) if reason == "opt_out"]
    assert told == ([("", opt_outs - opt_outs % 100)] if opt_outs >= 100 else [])


@settings(max_examples=15)
@given(drops=COUNTS, outcome=st.sampled_from([Outcome.BELOW_K, Outcome.LOST]))
def test_a_part_without_figures_keeps_no_refusals(one: History, drops: dict[str, int], outcome: Outcome) -> None:
    """Of a part below k, or lost, nothing is kept of what was not counted either."""
    clear(one).keep([part(0, drops, outcome=outcome)])
    assert kept(one) == []


def test_another_time_zone_leaves_the_houses_refusals(history: History) -> None:
    """A day that closes later elsewhere, without signals of its own, does not take away what the house has kept."""
    ledger = Ledger(history)
    ledger.keep_house_drops(day=DAY, epoch_part=1, drops={"opt_out": 250, "unknown_site": 31})
    ledger.keep_house_drops(day=DAY, epoch_part=1, drops={})
    assert [(reason, count) for _, _, reason, count in kept(history)] == [("opt_out", 200), ("unknown_site", 30)]


@pytest.mark.parametrize(
    "row",
    [
        ("school", "bot", 7),
        ("school", "bot", 0),
        ("school", "opt_out", 100),
        ("", "opt_out", 110),
        ("school", "jan.jansen@school.example", 10),
        ("school", "jan", 10),
        ("school", "refused:Jan Jansen", 10),
        ("school", "refused:email:jan", 10),
    ],
)
def test_the_file_itself_refuses_what_is_finer(history: History, row: tuple[str, str, int]) -> None:
    """The table takes no count below ten, no opt-out of a site, and no reason that is not one of the closed forms."""
    site, reason, count = row
    with pytest.raises(StoreError, match="ConstraintException"), history.write() as cursor:
        cursor.execute("insert into dropped values (?, ?, 1, ?, ?)", [site, DAY, reason, count])
