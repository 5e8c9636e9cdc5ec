"""Laws of the k rule on days that a search makes up to break it; whoever made a difference is counted again."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit.attacks import attack
from collector.audit.hostile import Happening
from collector.day import small_groups
from collector.day.across import fold_across
from collector.day.jointly import fold_jointly
from collector.day.nested import Pair
from collector.day.pairs import Grid
from collector.model import OTHER, Cell, Dimension, Profile
from collector.policy import Rules, rules_for, stricter
from tests.audit.crowds import CLIENTS, Crowds
from tests.audit.test_attacks import cells_from

_D = Dimension
_PAGES = ("/", "/a", "/b", "/toets/1", "/toets/2")
_SOURCES = ("(direct)", "Google", "Bing", "elo.example")
#: What a happening tells of a breakdown.
_TOLD = {_D.SOURCE: "source", _D.CHANNEL: "channel", _D.BROWSER: "browser", _D.OS: "os", _D.DEVICE: "device"}


@st.composite
def days(draw: st.DrawFn) -> tuple[Rules, list[Happening]]:
    """Make up a day of crowds whose sizes lie around k, mostly alike, in any profile with any breakdown left out."""
    profile = draw(st.sampled_from(list(Profile)))
    k = draw(st.sampled_from([5, 10, 15]))
    rules = msgspec.structs.replace(rules_for(profile), k=k, templates_only=False)
    optional = [d for d in rules.dimensions if d is not _D.PAGE]
    without = draw(st.sets(st.sampled_from(optional), max_size=3))
    rules = stricter(rules, k=k, without=without, retention_days=0)
    crowds = Crowds()
    sizes = st.sampled_from((1, 2, k - 1, k, k + 1, 2 * k - 1, 2 * k, 3 * k))
    for first in (True, *draw(st.lists(st.just(value=False), min_size=1, max_size=6))):
        crowds.add(
            2 * k if first else draw(sizes),
            *draw(st.lists(st.sampled_from(_PAGES), min_size=1, max_size=3)),
            client=draw(st.sampled_from(sorted(CLIENTS))),
            sources=tuple(draw(st.lists(st.sampled_from(_SOURCES), min_size=1, max_size=2, unique=True))),
            event=draw(st.sampled_from(("", "", "Klaar"))),
        )
    if draw(st.booleans()):
        # One visitor makes most of the day.
        crowds.add(1, *(["/a"] * 40), event="Klaar")
    return rules, crowds.happenings


@given(day=days())
@settings(max_examples=12, deadline=None)
def test_no_day_gives_a_small_group_away(day: tuple[Rules, list[Happening]]) -> None:
    """Whatever profile, k and breakdowns are in force, no group of fewer than k can be derived from a day."""
    rules, happenings = day
    cells = cells_from(happenings, rules)
    assert attack(cells, k=rules.k).leaks == []
    for how, makers in few_makers(cells, happenings):
        assert makers == 0 or makers >= rules.k, how


@given(day=days())
@settings(max_examples=12, deadline=None)
def test_once_over_is_enough(day: tuple[Rules, list[Happening]]) -> None:
    """Each step that folds cells is made once: made again after all of them, none folds any more."""
    rules, happenings = day

    def fold_again(grids: Mapping[Pair, Grid], *, unsure: Mapping[Dimension, int | None], k: int) -> bool:
        changed = fold_jointly(grids, unsure=unsure, k=k)
        before = [grid.visible.copy() for grid in grids.values()]
        for grid in grids.values():
            grid.fold(([""] * (int(grid.row.max()) + 1), [""] * (int(grid.column.max()) + 1)), k=k)
        fold_across(grids, k=k)
        fold_jointly(grids, unsure=unsure, k=k)
        assert all(np.array_equal(one, grid.visible) for one, grid in zip(before, grids.values(), strict=True))
        return changed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(small_groups, "fold_jointly", fold_again)
        cells_from(happenings, rules)


def few_makers(cells: list[Cell], happenings: list[Happening]) -> Iterator[tuple[str, int]]:
    """Return every difference of published figures of which the day itself tells who made it, and how many they are."""
    lines = {(cell.dimension, cell.value): cell for cell in cells if cell.filter_dimension is None}
    total = lines.get((_D.TOTAL, ""))
    for (dimension, value), cell in lines.items():
        if dimension not in {*_TOLD, _D.PAGE} or value == OTHER or value.endswith("…") or value.startswith("(s"):
            continue
        for measure, made in _made(happenings).items():
            whole, own = getattr(total, measure, None), getattr(cell, measure)
            inside = {who: n for (who, d, v), n in made.items() if (d, v) == (dimension, value)}
            everybody = {who: n for (who, d, _), n in made.items() if d is _D.TOTAL}
            if own is None or own != sum(inside.values()):
                continue
            yield f"{dimension}={value} {measure}", len(inside)
            if whole is not None and whole != own:
                outside = [who for who, n in everybody.items() if n > inside.get(who, 0)]
                yield f"total minus {dimension}={value} {measure}", len(outside)


def _made(happenings: list[Happening]) -> dict[str, dict[tuple[int, Dimension, str], int]]:
    """Return how many pageviews and events each visitor made, in all, of each page and of each value of a breakdown."""
    made: dict[str, defaultdict[tuple[int, Dimension, str], int]] = {
        "pageviews": defaultdict(int),
        "events": defaultdict(int),
    }
    for each in happenings:
        values = {_D.TOTAL: "", _D.PAGE: each["page"]} | {d: each[name] for d, name in _TOLD.items()}  # type: ignore[literal-required] # its own names
        for dimension, value in values.items():
            made["pageviews"][each["visitor"], dimension, value] += 1
            if each["name"]:
                made["events"][each["visitor"], dimension, value] += 1
    return {measure: dict(own) for measure, own in made.items()}
