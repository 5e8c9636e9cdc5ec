"""The outsider with every exit: finds small groups in raw counts, and none in what is published."""

from datetime import timedelta
from itertools import combinations, product
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit.attacks import attack
from collector.audit.hostile import Happening, generate_hostile_day
from collector.audit.snapshots import Snapshot, compare_snapshots
from collector.audit.tables import Table, ranges, small_groups
from collector.clock import day_starts_at
from collector.day import nested
from collector.day import small_groups as rule
from collector.day.breakdowns import facts
from collector.day.small_groups import fold
from collector.event import Kind
from collector.model import OTHER, Cell, Dimension, Profile
from collector.policy import Rules, rules_for
from tests.audit.crowds import Crowds
from tests.day.slow_count import DAY, SITE, day_of, event

PAGE, SOURCE, TOTAL = Dimension.PAGE, Dimension.SOURCE, Dimension.TOTAL


def cells_of(seed: int, rules: Rules, *, k: int) -> list[Cell]:
    """Return what is kept of a hostile day."""
    return cells_from(generate_hostile_day(seed, k=k), rules)


def cells_from(happenings: list[Happening], rules: Rules) -> list[Cell]:
    """Return what is kept of a day."""
    midnight = day_starts_at(DAY.day, DAY.timezone)
    events = []
    for happening in happenings:
        about = ("source", "channel", "browser", "os", "device", "country")
        told: dict[str, Any] = {name: said for name, said in happening.items() if name in about}
        second = int((midnight + timedelta(seconds=happening["second"])).timestamp())
        visitor, page = happening["visitor"] + 1, happening["page"]
        events.append(event(visitor, second, page=page, is_entry=happening["enters"], **told))
        if happening["name"]:
            stated = (f"niveau={happening['stated']}",) if happening["stated"] else ()
            events.append(event(visitor, second, Kind.CUSTOM, page, name=happening["name"], properties=stated, **told))
        events.append(event(visitor, second + 9, Kind.ENGAGEMENT, page, milliseconds=happening["milliseconds"], **told))
    day = day_of(sorted(events, key=lambda each: each.at), batch=500)
    try:
        return fold(facts(day, SITE, rules), rules) or []
    finally:
        day.close()


@pytest.mark.parametrize("profile", [Profile.STANDARD, Profile.OPEN])
@pytest.mark.parametrize("seed", [0, 1, 3, 5, 8, 12])
def test_no_group_can_be_derived_from_a_hostile_day(seed: int, profile: Profile) -> None:
    """From what is kept of days made to give someone away, no group of fewer than k can be derived."""
    rules = rules_for(profile)
    found = attack(cells_of(seed, rules, k=rules.k), k=rules.k)
    assert found.leaks == []
    assert found.smallest is None or found.smallest >= rules.k


@pytest.mark.parametrize("seed", [0, 3, 12])
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


def test_a_small_figure_is_read() -> None:
    """A figure of fewer than k is a group by itself, and so are the visits of a line that were no bounces."""
    line = Cell(dimension=PAGE, value="/a", contributors=5, pageviews=90, visits=40, bounces=36, events=3)
    leaks = {(leak.size, leak.how) for leak in attack([line], k=10).leaks}
    assert leaks >= {(3, "a figure"), (4, "visits minus bounces")}


def test_visible_cells_are_subtracted() -> None:
    """A line minus one of its cells, and minus all that are visible, are groups of their own."""
    cells = [single(PAGE, "/a", 30), pair("/a", "bing", 12), pair("/a", "x.example", 15), pair("/a", OTHER, 3)]
    leaks = {(leak.size, leak.how) for leak in attack(cells, k=10).leaks}
    assert (3, "a line minus its visible cells") in leaks
    assert (4, "a line minus a cell") in {
        (leak.size, leak.how) for leak in attack([single(PAGE, "/a", 30), pair("/a", "bing", 26)], k=10).leaks
    }


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
    table = Table({"a": 4, "b": 6, "c": 3}, {"x": 5, "y": 8}, {("b", "y"): 5})
    fitting = [(ax, bx, cx) for ax in range(5) for bx in range(7) for cx in range(4) if ax + bx + cx == 5 and bx == 1]
    expected = {("a", "x"): 0, ("b", "x"): 1, ("c", "x"): 2}
    found = ranges(table)
    for cell, place in expected.items():
        values = [fit[place] for fit in fitting]
        assert found[cell] == (min(values), max(values))
    assert found["a", "y"] == (4 - found["a", "x"][1], 4 - found["a", "x"][0])


def _nothing(*_: Any, **__: Any) -> bool:
    return False


def _as_they_were(*given: Any, **_: Any) -> Any:
    return given[0]


def _names_as_they_were(*given: Any, **_: Any) -> Any:
    return given[1]


#: A day on which a step of the rule is needed, the step (and what would do its work) left out, and what is found.
NEEDED = [
    pytest.param(
        Crowds()
        .add(40, "/a", client="chromebook")
        .add(3, "/a")
        .add(30, "/b")
        .add(15, "/a", client="firefox")
        .add(20, "/b", client="chromebook"),
        ((rule, "fold_across", _nothing), (rule, "fold_jointly", _nothing)),
        "two pairs of one line",
        id="Chrome on a page minus ChromeOS on it",
    ),
    pytest.param(
        Crowds()
        .add(40, sources=("Google",), event="Klaar")
        .add(3, sources=("Bing",), event="Klaar")
        .add(20, sources=("Bing",))
        .add(25, event="Klaar")
        .add(15),
        ((rule, "hold_between", _nothing),),
        "lines of two breakdowns, events",
        id="events of a channel minus those of a source",
    ),
    pytest.param(
        Crowds()
        .add(20, "/a", sources=("Google",))
        .add(3, "/a", "/b", sources=("Google",))
        .add(40, "/b", "/a", "/c", sources=("Google",))
        .add(20, "/c"),
        ((rule, "hold_bounces", _nothing),),
        "entries or exits minus the page's bounces",
        id="entries of a page minus its bounces",
    ),
    pytest.param(
        Crowds()
        .add(30, sources=("Google",))
        .add(20, sources=("Bing",))
        .add(3, sources=("Bing", "Google"))
        .add(15)
        .add(20, sources=("(direct)", "elo.example"))
        .add(20, sources=("elo.example",)),
        ((rule, "hold_shared", _nothing),),
        "sources of one channel against it",
        id="visitors whom two sources of a channel share",
    ),
    # Both sources were seen in full while the day ran: neither can spare a visitor.
    pytest.param(
        Crowds()
        .add(27, sources=("Google",))
        .add(17, sources=("Bing",))
        .add(3, sources=("Bing", "Google"))
        .add(15)
        .add(20, sources=("(direct)", "elo.example"))
        .add(20, sources=("elo.example",)),
        ((rule, "hold_shared", _nothing),),
        "sources of one channel against it",
        id="visitors whom two sources share that can spare nobody",
    ),
    pytest.param(
        Crowds()
        .add(30, event="Klaar", stated="1")
        .add(20, event="Klaar", stated="2")
        .add(3, event="Klaar")
        .add(30, event="Ander")
        .add(40, "/b"),
        ((rule, "fold_stated", _as_they_were),),
        "an event minus the values of a property",
        id="an event minus all that is stated of it",
    ),
    pytest.param(
        Crowds().add(50, client="chromebook").add(4).add(30, client="firefox").add(20, client="iphone"),
        ((nested, "fold_nested", _names_as_they_were),),
        "lines of two breakdowns, pageviews",
        id="Chrome minus ChromeOS",
    ),
    pytest.param(
        Crowds()
        .add(60, client="chromebook")
        .add(40)
        .add(25, client="mac")
        .add(30, client="iphone")
        .add(40, client="chromebook", sources=("Google",))
        .add(20, sources=("Google",))
        .add(4, client="mac", sources=("Google",))
        .add(20, client="iphone", sources=("Google",))
        .add(20, client="firefox", sources=("Google",)),
        ((rule, "fold_jointly", _nothing),),
        "all breakdowns at once, pageviews",
        id="Macs of a source, all Macs but its desktops that are none",
    ),
]


@pytest.mark.parametrize(("crowds", "steps", "how"), NEEDED)
def test_each_step_of_the_rule_is_needed(
    crowds: Crowds, steps: tuple[tuple[Any, str, Any], ...], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With any one step of the k rule left out, the attack finds a group on a day made for it; with all, none."""
    rules = rules_for(Profile.OPEN)
    assert attack(cells_from(crowds.happenings, rules), k=rules.k).leaks == []
    for step in steps:
        monkeypatch.setattr(*step)
    leaks = attack(cells_from(crowds.happenings, rules), k=rules.k).leaks
    assert how in {leak.how for leak in leaks}


def test_sources_of_several_visits_are_told_apart() -> None:
    """Who came from two sources is not taken for somebody who has each of them in both channels.

    Six came by a small search engine, and many by both an assistant and Google: a channel minus its large sources is
    the six, who may not look like more.
    """
    crowds = Crowds().add(40, sources=("Google",)).add(15, sources=("ChatGPT", "Google")).add(30)
    crowds.add(6, sources=("Bing",)).add(12, sources=("ChatGPT",))
    rules = rules_for(Profile.STANDARD)
    assert attack(cells_from(crowds.happenings, rules), k=rules.k).leaks == []


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=30, deadline=None)
def test_small_groups_are_all_that_there_are(seed: int) -> None:
    """A table has a set of cells that is known to hold 1 … k−1 exactly where trying every filling shows one."""
    draw = Random(seed)
    k = draw.choice((2, 3))
    truth = {(r, c): draw.choice((0, 0, 1, 2, 4)) for r in "ab" for c in "xyz"}
    empty = frozenset(cell for cell, held in truth.items() if not held and draw.random() < 0.5)
    visible = {cell: held for cell, held in truth.items() if draw.random() < 0.3 and cell not in empty}
    table = Table(
        {r: sum(truth[r, c] for c in "xyz") for r in "ab"},
        {c: sum(truth[r, c] for r in "ab") for c in "xyz"},
        visible,
        empty,
    )
    unknown = sorted(truth.keys() - visible.keys() - empty)
    fillings = [
        fill
        for fill in product(*(range(min(table.rows[r], table.columns[c]) + 1) for r, c in unknown))
        if _fits(table, dict(zip(unknown, fill, strict=True)))
    ]
    sums = [
        {sum(fill[n] for n in chosen) for fill in fillings}
        for size in range(1, len(unknown) + 1)
        for chosen in combinations(range(len(unknown)), size)
    ]
    assert bool(small_groups(table, k=k)) == any(min(each) > 0 and max(each) < k for each in sums)


def _fits(table: Table, filling: dict[tuple[str, str], int]) -> bool:
    told = filling | dict(table.visible)
    rows = {r: sum(n for (row, _), n in told.items() if row == r) for r in table.rows}
    return rows == table.rows and table.columns == {
        c: sum(n for (_, column), n in told.items() if column == c) for c in table.columns
    }


def seen(visitors: int, values: dict[str, int], **blocks: tuple[int, int]) -> Snapshot:
    """Return a page of a running day; blocks by name without the dash."""
    told = {f"{name[1:3]}-{name[3:]}": figures for name, figures in blocks.items()}
    return Snapshot(visitors, {(PAGE, value): count for value, count in values.items()}, told)


@pytest.mark.parametrize(
    ("snapshot", "cells", "how"),
    [
        (seen(37, {}), [], "a running figure that is no multiple of k"),
        (Snapshot(30, {}, {}, (10, None)), [], "a figure of now that is no multiple of k, or below 2k"),
        (Snapshot(30, {}, {}, (None, 34)), [], "a figure of now that is no multiple of k, or below 2k"),
        (seen(30, {"/a": 30}), [single(PAGE, "/a", 40, 27)], "a running figure minus the closed one"),
        (seen(30, {"/a": 10}), [single(PAGE, OTHER, 13, 13)], "what a value seen earlier leaves of the others"),
        (seen(30, {}, h0810=(40, 30)), [single(TOTAL, "", 43, 33)], "the day minus its committed hours"),
        (
            seen(30, {}, h0810=(40, 30)),
            [single(Dimension.HOUR, "08-10", 40, 33)],
            "committed hours against the closed ones",
        ),
    ],
)
def test_a_running_day_that_gives_somebody_away_is_found(snapshot: Snapshot, cells: list[Cell], how: str) -> None:
    """What a page of the running day tells together with the closed day is derived: each way of it is tried."""
    assert how in {leak.how for leak in compare_snapshots([snapshot], cells, k=10)}


@pytest.mark.parametrize("last", [3, 9])
def test_a_page_seen_earlier_leaves_no_few(last: int) -> None:
    """A page that had k visitors while the day ran is not folded together with a handful who saw another one."""
    crowds = Crowds().add(27, "/home").add(10, "/a").add(last, "/b")
    cells = cells_from(crowds.happenings, rules_for(Profile.STANDARD))
    assert list(compare_snapshots([seen(30, {"/home": 20, "/a": 10})], cells, k=10)) == []


def test_who_came_twice_hides_nobody_in_a_channel() -> None:
    """A channel's events minus those of its sources give nobody away where most visitors came by two channels."""
    crowds = Crowds()
    crowds.add(10, "/", sources=("(direct)", "Google"), event="Klaar")
    crowds.add(1, "/", sources=("(direct)", "Bing"), event="Klaar")
    crowds.add(4, "/", sources=("Bing",))
    crowds.add(3, "/", sources=("(direct)",))
    crowds.add(5, "/", sources=("Google",))
    crowds.add(1, *(["/a"] * 40), event="Klaar")
    rules = msgspec.structs.replace(rules_for(Profile.STRICT), k=5, templates_only=False)
    assert attack(cells_from(crowds.happenings, rules), k=5).leaks == []
