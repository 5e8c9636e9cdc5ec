"""The attack finds what sets and floors would give away, and finds nothing in what the rule lets through."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit.attacks import Day, attack
from collector.audit.nature import is_possible
from collector.audit.set_attacks import set_leaks
from collector.day.close import close_part
from collector.model import Cell, Dimension, Funnel, Goal, Profile
from tests.day.slow_count import SITE, at, day_of, did, event
from tests.day.test_sets import WHAT, event_of, page, rules, under

_D = Dimension
K = 10


def line(dimension: Dimension, value: str, visitors: int) -> Cell:
    """Return a line of a single breakdown."""
    return Cell(dimension=dimension, value=value, visitors=visitors, contributors=min(visitors, 2 * K))


def floor(kind: Dimension, of: str, dimension: Dimension, value: str, visitors: int) -> Cell:
    """Return a floor."""
    return Cell(
        filter_dimension=kind,
        filter_value=of,
        dimension=dimension,
        value=value,
        visitors=visitors,
        contributors=min(visitors, 2 * K),
    )


TOTAL = line(_D.TOTAL, "", 200)
DEVICES = [line(_D.DEVICE, "Desktop", 100), line(_D.DEVICE, "Phone", 60), line(_D.DEVICE, "Tablet", 40)]


@pytest.mark.parametrize(
    ("cells", "how"),
    [
        pytest.param(
            [line(_D.FUNNEL_STEP, "f · 1", 50), line(_D.FUNNEL_STEP, "f · 2", 47)], "a step", id="few drop off"
        ),
        pytest.param([line(_D.GROUP, "/x/", 50), line(_D.PAGE, "/x/a", 46)], "lies in it", id="a group has few more"),
        pytest.param([line(_D.GOAL, "g", 197)], "the total minus a line", id="all but few reached a goal"),
        pytest.param(
            [line(_D.PAGE, "/x", 50), line(_D.PROPERTY, "Not found · page=/x", 45)], "gone", id="few saw it there"
        ),
        pytest.param(
            [
                *DEVICES,
                line(_D.GOAL, "g", 39),
                floor(_D.GOAL, "g", _D.DEVICE, "Desktop", 10),
                floor(_D.GOAL, "g", _D.DEVICE, "Phone", 10),
            ],
            "leaves out",
            id="who is missing in a list",
        ),
        pytest.param(
            [
                line(_D.OS, "iOS", 50),
                line(_D.OS, "macOS", 50),
                line(_D.OS, "Windows", 50),
                line(_D.BROWSER, "Safari", 80),
                line(_D.BROWSER, "Chrome", 80),
                line(_D.GOAL, "g", 60),
                floor(_D.GOAL, "g", _D.BROWSER, "Safari", 10),
                floor(_D.GOAL, "g", _D.OS, "Windows", 40),
            ],
            "two lists",
            id="what lies in what",
        ),
    ],
)
def test_what_sets_give_away_is_found(cells: list[Cell], how: str) -> None:
    """Each way in which a set or a list could tell of 1 to k-1 people is found by the attack."""
    found = attack([TOTAL, *cells], k=K)
    assert any(how in leak.how for leak in found.leaks), [leak.how for leak in found.leaks]


def test_floors_that_hold_everybody_are_no_leak() -> None:
    """A list that can hold everybody says nothing of whom it leaves out."""
    cells = [
        TOTAL,
        *DEVICES,
        line(_D.GOAL, "g", 38),
        floor(_D.GOAL, "g", _D.DEVICE, "Desktop", 20),
        floor(_D.GOAL, "g", _D.DEVICE, "Phone", 10),
    ]
    found = attack(cells, k=K)
    assert [leak for leak in found.leaks if "list" in leak.how or "least" in leak.how] == []
    assert (found.sets, found.floors) == (1, 2)


SEEN = st.tuples(
    st.lists(st.sampled_from(WHAT), min_size=1, max_size=3),
    st.sampled_from([("Safari", "iOS", "Phone"), ("Safari", "macOS", "Desktop"), ("Chrome", "Windows", "Desktop")]),
    st.sampled_from([("Google", "search"), ("Bing", "search"), ("(direct)", "direct")]),
)


@settings(max_examples=10, deadline=None)
@given(day=st.lists(SEEN, min_size=12, max_size=70))
def test_nothing_can_be_derived_of_what_is_told(
    day: list[tuple[list[str], tuple[str, str, str], tuple[str, str]]],
) -> None:
    """On made-up days with goals, groups and a funnel the attack derives no group of 1 to k-1."""
    events = []
    for visitor, (steps, (browser, os, device), (source, channel)) in enumerate(day, 1):
        more: dict[str, Any] = {"browser": browser, "os": os, "device": device, "source": source, "channel": channel}
        for n, step in enumerate(steps):
            when = at("10:00") + 60 * n
            make = did(visitor, when, step[1:], **more) if step[0] == "!" else event(visitor, when, page=step, **more)
            events.append(make)
    in_force = rules(
        Profile.STANDARD,
        goals=(Goal("a", under("/a/")), Goal("A", event_of("A")), Goal("b", page("/b"))),
        groups=("/a/",),
        funnels=(Funnel("f", (page("/"), under("/a/"), event_of("A"))),),
        pairs=(),
    )
    cells = close_part(day_of(events), SITE, in_force).cells or []
    singles = Day.of(cells, k=in_force.k, possible=is_possible).singles
    found = set_leaks(cells, singles, k=in_force.k, possible=is_possible)
    assert [leak for leak in found if 0 < leak.size < in_force.k] == []
