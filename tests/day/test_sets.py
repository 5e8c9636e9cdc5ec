"""Goals, groups and funnels: counted from the day's rows, and told only where nothing small is left between sets."""

from collections.abc import Iterable, Mapping
from itertools import combinations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.day.close import close_part
from collector.event import Event, Kind
from collector.model import OTHER, Cell, Dimension, Funnel, Goal, Profile, Target, TargetKind
from collector.policy import Rules, rules_for
from tests.day.slow_count import SITE, at, day_of, did, event

_D = Dimension
K = 5
SETS = {_D.GOAL, _D.GROUP, _D.FUNNEL_STEP}


def page(path: str) -> Target:
    """Return the target of opening a page."""
    return Target(TargetKind.PAGE, path)


def under(path: str) -> Target:
    """Return the target of opening any page under a path."""
    return Target(TargetKind.PREFIX, path)


def event_of(name: str) -> Target:
    """Return the target of an event."""
    return Target(TargetKind.EVENT, name)


def rules(profile: Profile = Profile.OPEN, **declared: object) -> Rules:
    """Return the rules of a profile at a small threshold, with what is declared."""
    return msgspec.structs.replace(rules_for(profile), k=K, templates_only=False, **declared)


def closed(events: Iterable[Event], in_force: Rules) -> list[Cell]:
    """Return the cells of a day."""
    day = day_of(events)
    made = close_part(day, SITE, in_force).cells
    day.close()
    return made or []


def visits(first: int, count: int, *steps: str) -> list[Event]:
    """Return visits of so many visitors: pages, and events as `!name`."""
    return [
        did(who, at("10:00") + 60 * n, step[1:], page="/")
        if step[0] == "!"
        else event(who, at("10:00") + 60 * n, page=step)
        for who in range(first, first + count)
        for n, step in enumerate(steps)
    ]


def told(cells: Iterable[Cell], dimension: Dimension) -> dict[str, int | None]:
    """Return the visitors of each set of one kind."""
    return {c.value: c.visitors for c in cells if c.dimension is dimension and c.filter_dimension is None}


def test_a_goal_counts_who_reached_it() -> None:
    """An event, a page and all pages under a path are goals; visitors, visits and times are those of the day."""
    day = [*visits(1, 20, "/a", "!Klaar", "!Klaar"), *visits(100, 20, "/x/1", "/x/2"), *visits(200, 30, "/b")]
    goals = (Goal("e", event_of("Klaar")), Goal("p", page("/b")), Goal("x", under("/x/")))
    cells = {c.value: c for c in closed(day, rules(goals=goals)) if c.dimension is _D.GOAL and not c.filter_value}
    assert {name: (c.visitors, c.visits, c.pageviews, c.events) for name, c in cells.items()} == {
        "e": (20, 20, None, 40),
        "p": (30, 30, 30, None),
        "x": (20, 20, 40, None),
    }
    assert {c.contributors for c in cells.values()} == {2 * K}


def test_a_funnel_counts_steps_in_their_order() -> None:
    """Whoever takes a step later than the one before is in the next; whoever takes them backwards is not."""
    day = [*visits(1, 40, "/a", "/b/1", "!Klaar"), *visits(100, 20, "/b/1", "/a"), *visits(200, 30, "/a", "/b/1")]
    funnel = Funnel("weg", (page("/a"), under("/b/"), event_of("Klaar")))
    assert told(closed(day, rules(funnels=(funnel,))), _D.FUNNEL_STEP) == {"weg · 1": 90, "weg · 2": 70, "weg · 3": 40}


def test_one_event_is_no_two_steps() -> None:
    """Two steps of one target are two events."""
    day = [*visits(1, 20, "/a", "/a"), *visits(100, 30, "/a"), *visits(200, 30, "/c")]
    assert told(closed(day, rules(funnels=(Funnel("f", (page("/a"), page("/a"))),))), _D.FUNNEL_STEP) == {
        "f · 1": 50,
        "f · 2": 20,
    }


def test_of_two_sets_that_differ_by_few_the_later_is_withheld() -> None:
    """Goal b has everybody of goal a and three more: told together they would tell of the three."""
    day = [*visits(1, 30, "/a", "/b"), *visits(100, 3, "/b"), *visits(200, 30, "/c")]
    goals = (Goal("a", event_of("A")), Goal("b", event_of("B")))
    events = [
        *day,
        *[did(n, "11:00", "A") for n in range(1, 31)],
        *[did(n, "11:01", "B") for n in (*range(1, 31), 100, 101, 102)],
    ]
    assert told(closed(events, rules(goals=goals, dimensions=tuple(SETS))), _D.GOAL) == {"a": 30}
    assert told(closed(events, rules(goals=goals[::-1], dimensions=tuple(SETS))), _D.GOAL) == {"b": 33}


def test_a_funnel_ends_where_few_drop_off() -> None:
    """A step that all but three of the step before took is withheld, and so is whatever follows."""
    day = [*visits(1, 30, "/a", "/b", "/c"), *visits(100, 3, "/a"), *visits(200, 30, "/d"), *visits(300, 10, "/c")]
    funnel = Funnel("f", (page("/a"), page("/b"), page("/c")))
    sets = rules(funnels=(funnel,), dimensions=tuple(SETS))
    assert told(closed(day, sets), _D.FUNNEL_STEP) == {"f · 1": 33}


def test_nearly_everybody_is_told_as_everybody() -> None:
    """A goal that all but three visitors reached has the total's number, as a line of a breakdown has."""
    day = [*visits(1, 60, "/a"), *visits(100, 3, "/b")]
    assert told(closed(day, rules(goals=(Goal("a", under("/a/")),), dimensions=tuple(SETS))), _D.GOAL) == {"a": 63}


def test_a_folded_page_is_no_goal() -> None:
    """A page without a line of its own tells nothing as a goal either: its number would take it out of the fold."""
    day = [*visits(1, 60, "/"), *visits(100, 7, "/x"), *visits(200, 4, "/y")]
    cells = closed(day, rules(goals=(Goal("x", page("/x")),), groups=("/x/",)))
    assert "/x" not in told(cells, _D.PAGE)
    assert told(cells, _D.GOAL) == told(cells, _D.GROUP) == {}


@pytest.mark.parametrize(("others", "pageviews"), [(4, None), (8, 26)])
def test_pageviews_of_a_group_take_nobody_out_of_the_rest(others: int, pageviews: int | None) -> None:
    """A group's small pages may be counted with others: its pageviews are told only if the others are nobody or k."""
    small = [*visits(100, 3, "/x/1"), *visits(200, 3, "/x/2"), *visits(300, others, "/y")]
    day = [*visits(1, 40, "/"), *visits(50, 20, "/x/groot"), *small]
    cells = closed(day, rules(groups=("/x/",), dimensions=(_D.PAGE, _D.GROUP)))
    assert [(c.visitors, c.pageviews) for c in cells if c.dimension is _D.GROUP] == [(26, pageviews)]


WHAT = ("/", "/a", "/a/1", "/a/2", "/b", "!A", "!B")
DAYS = st.lists(st.lists(st.sampled_from(WHAT), min_size=1, max_size=4), min_size=8, max_size=60)
TARGETS = st.sampled_from([*(page(p) for p in ("/", "/a", "/b")), under("/a/"), event_of("A"), event_of("B")])


def reached(steps: list[str], targets: Iterable[Target]) -> bool:
    """Tell whether a visitor who took *steps* reached *targets* one after another."""
    rest = iter(steps)
    return all(any(_reaches(step, target) for step in rest) for target in targets)


def _reaches(step: str, target: Target) -> bool:
    if step[0] == "!":
        return target.kind is TargetKind.EVENT and step[1:] == target.what
    if target.kind is TargetKind.PREFIX:
        return step.startswith(target.what) or f"{step}/" == target.what
    return target.kind is TargetKind.PAGE and step == target.what


def members(day: list[list[str]], in_force: Rules) -> dict[tuple[Dimension, str], set[int]]:
    """Return who belongs to each declared set, written down once more."""
    declared: dict[tuple[Dimension, str], tuple[Target, ...]] = {}
    declared |= {(_D.GOAL, goal.name): (goal.target,) for goal in in_force.goals}
    declared |= {(_D.GROUP, prefix): (under(prefix),) for prefix in in_force.groups}
    for funnel in in_force.funnels:
        declared |= {
            (_D.FUNNEL_STEP, f"{funnel.name} · {n}"): funnel.steps[:n] for n in range(1, len(funnel.steps) + 1)
        }
    return {key: {n for n, steps in enumerate(day) if reached(steps, targets)} for key, targets in declared.items()}


def events_of(day: list[list[str]]) -> list[Event]:
    """Return the events of a day whose visitors took these steps."""
    return [one for number, steps in enumerate(day) for one in visits(number, 1, *steps)]


@settings(max_examples=20, deadline=None)
@given(
    day=DAYS,
    goals=st.lists(TARGETS, max_size=3),
    steps=st.lists(TARGETS, min_size=2, max_size=3),
    groups=st.sampled_from([(), ("/a/",), ("/", "/a/")]),
)
def test_sets_that_are_told_leave_nobody_or_k(
    day: list[list[str]], goals: list[Target], steps: list[Target], groups: tuple[str, ...]
) -> None:
    """Told sets are true or the total's; each difference of two, or of one inside a published line, is nobody or k."""
    in_force = rules(
        goals=tuple(Goal(f"g{n}", target) for n, target in enumerate(goals)),
        funnels=(Funnel("f", tuple(steps)),),
        groups=groups,
        dimensions=(_D.PAGE, _D.ENTRY_PAGE, _D.EVENT, *SETS),
        pairs=(),
    )
    cells = closed(events_of(day), in_force)
    who = members(day, in_force)
    shown = {(c.dimension, c.value): c for c in cells if c.dimension in SETS and c.filter_dimension is None}
    sets: dict[tuple[Dimension, str], set[int]] = {}
    for key, cell in shown.items():
        assert cell.visitors is not None
        assert len(who[key]) >= K
        assert not 0 < len(day) - cell.visitors < K
        # Nearly everybody is everybody.
        sets[key] = set(range(len(day))) if 0 < len(day) - len(who[key]) < K else who[key]
        if key[0] is _D.GROUP:
            assert cell.visitors == len(sets[key])
    for one, other in combinations(sets.values(), 2):
        assert not 0 < len(one - other) < K
        assert not 0 < len(other - one) < K
    for cell in (c for c in cells if c.dimension is _D.PAGE and not c.filter_value and c.value != OTHER):
        if cell.value.endswith("…"):
            continue
        line = {n for n, taken in enumerate(day) if cell.value in taken}
        for own in sets.values():
            if own <= line or line <= own:
                assert not 0 < len(own ^ line) < K


@settings(max_examples=8, deadline=None)
@given(day=DAYS)
def test_floors_are_multiples_of_k_below_the_truth(day: list[list[str]]) -> None:
    """What a goal's visitors have, and what was seen next, is told as a multiple of k that is not above the truth."""
    in_force = rules(
        goals=(Goal("a", under("/a/")), Goal("A", event_of("A"))),
        dimensions=(_D.PAGE, _D.SOURCE, _D.DEVICE, _D.EVENT, _D.GOAL, _D.NEXT_PAGE),
        pairs=(),
    )
    cells = closed(events_of(day), in_force)
    who = members(day, in_force)
    for cell in (c for c in cells if c.filter_dimension is _D.GOAL or c.dimension is _D.NEXT_PAGE):
        assert cell.visitors is not None
        assert cell.visitors % K == 0 < cell.visitors
        assert cell.contributors == min(cell.visitors, 2 * K)
        assert (cell.pageviews, cell.visits, cell.bounces, cell.seconds, cell.events) == (None,) * 5
        assert cell.value != OTHER
        if cell.filter_dimension is _D.GOAL:
            assert cell.visitors <= len(who[_D.GOAL, cell.filter_value])
        if cell.dimension is _D.PAGE and not cell.value.endswith("…"):
            truth = {n for n in who[_D.GOAL, cell.filter_value] if cell.value in day[n]}
            assert cell.visitors == len(truth) // K * K


def test_next_pages_are_those_of_the_same_visit() -> None:
    """After each pageview comes the next one of its visit, or the exit; half an hour later is another visit."""
    late = [event(who, "12:00", page="/c") for who in range(1, 24)]
    cells = closed([*visits(1, 23, "/a", "/b"), *late, *visits(100, 12, "/c"), *visits(200, 20, "/d")], rules())
    following: dict[str, Mapping[str, int | None]] = {}
    for cell in (c for c in cells if c.dimension is _D.NEXT_PAGE):
        following[cell.filter_value] = {**following.get(cell.filter_value, {}), cell.value: cell.visitors}
    assert following == {"/a": {"/b": 20}, "/b": {"(exit)": 20}, "/c": {"(exit)": 35}, "/d": {"(exit)": 20}}


@pytest.mark.parametrize(("profile", "kept"), [(Profile.STRICT, False), (Profile.STANDARD, True), (Profile.OPEN, True)])
def test_strict_keeps_totals_of_sets_only(profile: Profile, *, kept: bool) -> None:
    """The strictest profile tells how many reached a goal, and nothing of who they were."""
    day = [*visits(1, 30, "/a", "/b"), *visits(100, 30, "/c")]
    cells = closed(day, rules(profile, goals=(Goal("a", under("/a/")),), groups=("/b/",)))
    assert told(cells, _D.GOAL) == {"a": 30}
    assert any(c.filter_dimension is _D.GOAL or c.dimension is _D.NEXT_PAGE for c in cells) is kept


def test_not_found_names_the_page_it_was_reported_on() -> None:
    """The event `Not found` is told with the page of the event, never with what the page says of itself."""
    lost = [did(n, "10:01", "Not found", page="/oud", properties=("page=/geheim",)) for n in range(1, 21)]
    cells = closed([*visits(1, 20, "/oud"), *lost, *visits(100, 30, "/")], rules(Profile.STANDARD))
    assert told(cells, _D.PROPERTY) == {"Not found · page=/oud": 20}


def test_a_page_minus_its_not_found_is_nobody_or_k() -> None:
    """Three who saw the page while it was there are not to be had from those who found it gone."""
    lost = [did(n, "10:01", "Not found", page="/oud") for n in range(1, 21)]
    cells = closed([*visits(1, 23, "/oud"), *lost, *visits(100, 30, "/")], rules(Profile.STANDARD))
    assert told(cells, _D.PROPERTY) == {}


def test_depths_are_quarters() -> None:
    """Pageviews count under the deepest quarter of their visit; nothing else is told of a depth."""
    day = visits(1, 30, "/a") + visits(100, 20, "/b")
    day += [event(n, "10:02", Kind.ENGAGEMENT, "/a", scroll=26) for n in range(1, 31)]
    day += [event(n, "10:02", Kind.ENGAGEMENT, "/b", scroll=100) for n in range(100, 120)]
    cells = [c for c in closed(day, rules()) if c.dimension is _D.SCROLL]
    assert {c.value: (c.pageviews, c.visitors, c.visits) for c in cells} == {
        "50": (30, 30, None),
        "100": (20, 20, None),
    }
