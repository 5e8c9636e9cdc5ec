"""The outsider with every exit: finds small groups in raw counts, and none in what is published."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from collector.audit.attacks import attack
from collector.audit.hostile import generate_hostile_day
from collector.audit.tables import Table, ranges
from collector.clock import day_starts_at
from collector.day.breakdowns import facts
from collector.day.small_groups import fold
from collector.event import Kind
from collector.model import OTHER, Cell, Dimension, Profile
from collector.policy import Rules, rules_for
from tests.day.slow_count import DAY, SITE, day_of, event

PAGE, SOURCE, TOTAL = Dimension.PAGE, Dimension.SOURCE, Dimension.TOTAL


def cells_of(seed: int, rules: Rules, *, k: int) -> list[Cell]:
    """Return what is kept of a hostile day."""
    midnight = day_starts_at(DAY.day, DAY.timezone)
    events = []
    for happening in generate_hostile_day(seed, k=k):
        about = ("source", "channel", "browser", "os", "device", "country")
        told: dict[str, Any] = {name: said for name, said in happening.items() if name in about}
        second = int((midnight + timedelta(seconds=happening["second"])).timestamp())
        visitor, page = happening["visitor"] + 1, happening["page"]
        events.append(event(visitor, second, page=page, **told))
        if happening["name"]:
            events.append(event(visitor, second, Kind.CUSTOM, page, name=happening["name"], **told))
        events.append(event(visitor, second + 9, Kind.ENGAGEMENT, page, milliseconds=happening["milliseconds"], **told))
    day = day_of(sorted(events, key=lambda each: each.at), batch=500)
    try:
        return fold(facts(day, SITE, rules), rules) or []
    finally:
        day.close()


@pytest.mark.parametrize("profile", [Profile.STANDARD, Profile.OPEN])
@pytest.mark.parametrize("seed", range(16))
def test_no_group_can_be_derived_from_a_hostile_day(seed: int, profile: Profile) -> None:
    """From what is kept of days made to give someone away, no group of fewer than k can be derived."""
    rules = rules_for(profile)
    found = attack(cells_of(seed, rules, k=rules.k), k=rules.k)
    assert found.leaks == []
    assert found.smallest is None or found.smallest >= rules.k


@pytest.mark.parametrize("seed", [0, 2, 3, 4, 5, 6, 7])
def test_raw_counts_give_small_groups_away(seed: int) -> None:
    """Without the k rule the same attack on the same days finds groups: it is no attack that never bites."""
    rules = rules_for(Profile.STANDARD)
    raw = cells_of(seed, msgspec.structs.replace(rules, k=1), k=rules.k)
    assert attack(raw, k=rules.k).leaks


def single(dimension: Dimension, value: str, pageviews: int, visitors: int | None = None) -> Cell:
    """Return a line of a single breakdown."""
    return Cell(dimension=dimension, value=value, contributors=5, pageviews=pageviews, visitors=visitors)


def pair(page: str, source: str, pageviews: int) -> Cell:
    """Return a visible cell of pages by source."""
    return Cell(
        dimension=SOURCE, value=source, contributors=5, pageviews=pageviews, filter_dimension=PAGE, filter_value=page
    )


def test_hidden_line_is_derived() -> None:
    """A line that was only left out is the total minus the others."""
    cells = [single(TOTAL, "", 43), single(PAGE, "/a", 30), single(PAGE, OTHER, 9)]
    assert (4, "the total minus all lines") in {(leak.size, leak.how) for leak in attack(cells, k=10).leaks}


def test_hidden_cell_between_lines_is_derived() -> None:
    """Four cells of which one is visible are a table of which two lines give one pageview away."""
    cells = [
        single(TOTAL, "", 10),
        single(PAGE, "/a", 4),
        single(PAGE, "/b", 6),
        single(SOURCE, "bing", 4),
        single(SOURCE, "x.example", 6),
        pair("/b", "x.example", 3),
    ]
    leaks = attack(cells, k=3).leaks
    assert (1, "a folded cell, bounded") in {(leak.size, leak.how) for leak in leaks}


def test_shared_visitors_are_derived() -> None:
    """The visitors of all lines minus the total's are those who have several values."""
    cells = [
        single(TOTAL, "", 50, visitors=40),
        single(SOURCE, "a", 25, visitors=22),
        single(SOURCE, "b", 25, visitors=20),
    ]
    assert (2, "the lines against the total") in {(leak.size, leak.how) for leak in attack(cells, k=5).leaks}


def test_ranges_hold_the_truth() -> None:
    """The bounds of a folded cell are those of all tables that fit, found here by trying every one."""
    table = Table((PAGE, SOURCE), {"a": 4, "b": 6, "c": 3}, {"x": 5, "y": 8}, {("b", "y"): 5})
    fitting = [(ax, bx, cx) for ax in range(5) for bx in range(7) for cx in range(4) if ax + bx + cx == 5 and bx == 1]
    expected = {("a", "x"): 0, ("b", "x"): 1, ("c", "x"): 2}
    found = ranges(table)
    for cell, place in expected.items():
        values = [fit[place] for fit in fitting]
        assert found[cell] == (min(values), max(values))
    assert found["a", "y"] == (4 - found["a", "x"][1], 4 - found["a", "x"][0])
