"""What told sums give away together, found by algebra and held against every weighing there is."""

from itertools import product
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from collector.audit.attacks import attack
from collector.audit.hostile import Happening
from collector.day import jointly
from collector.day import small_groups as rule
from collector.day.isolated import EVERYWHERE, Search, Sums
from collector.day.lines import Flags, Ints
from collector.model import Cell, Profile
from collector.policy import rules_for
from tests.audit.crowds import Crowds
from tests.audit.test_attacks import cells_from


def sums_of(people: list[int], members: list[list[int]], *, homes: list[int], lines: list[int]) -> Sums:
    """Return a system of classes of so many *people* and of sums over them."""
    member = [kind for own in members for kind in own]
    return Sums(
        person=np.arange(sum(people)),
        kind=np.repeat(np.arange(len(people)), people),
        line=np.array(lines),
        member=np.array(member),
        sum=np.repeat(np.arange(len(members)), [len(own) for own in members]),
        home=np.array(homes),
        told=np.ones(len(members), dtype=np.bool_),
        weight=np.arange(len(members), 0, -1),
    )


def found(sums: Sums, *, k: int) -> list[Ints]:
    """Return all that is isolated."""
    return list(Search(sums, k=k, alone=False).isolated())


def test_a_difference_of_two_sums_is_found() -> None:
    """Desktops without those that run Windows or ChromeOS are Macs, and few of them are found."""
    sums = sums_of([20, 30, 3], [[0, 1, 2], [0], [1]], homes=[0, 0, 0], lines=[0, 0, 0])
    assert [one.tolist() for one in found(sums, k=10)] == [[0, 1, 2]]


def test_what_other_lines_hold_is_taken_out() -> None:
    """All Macs but those of one line, which its desktops tell, are the few Macs of the other line."""
    # Line 0: 20 with Windows, 12 Macs; line 1: 40 with Windows, 4 Macs.
    members = [[0, 1], [0], [2, 3], [1, 3]]
    sums = sums_of([20, 12, 40, 4], members, homes=[0, 0, 1, EVERYWHERE], lines=[0, 0, 1, 1])
    assert [sorted(one.tolist()) for one in found(sums, k=10)] == [[0, 1, 3]]


def test_what_a_line_says_by_itself_helps_another() -> None:
    """Six of a line that are told together, which is enough, lose three to a sum from elsewhere that has one more."""
    # Line 0: groups of 3, 3, 20 and 20; line 1: one person.
    members = [[0, 2], [0, 1, 3], [3], [2, 4]]
    sums = sums_of([3, 3, 20, 20, 1], members, homes=[0, 0, 0, EVERYWHERE], lines=[0, 0, 0, 0, 1])
    assert [sorted(one.tolist()) for one in found(sums, k=5)] == [[0, 1, 2, 3]]


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=60, deadline=None)
def test_no_small_sum_of_a_line_is_missed(seed: int) -> None:
    """After a fold for everything found, no weighing of what is told by −1, 0 and 1 makes a sum of 1 … k−1 people."""
    draw, k = Random(seed), 3
    people = [draw.choice((1, 1, 2, 3, 5)) for _ in range(6)]
    members = [draw.sample(range(6), draw.randrange(1, 7)) for _ in range(draw.randrange(3, 8))]
    sums = sums_of(people, members, homes=[0] * len(members), lines=[0] * 6)
    search = Search(sums, k=k, alone=False)
    while isolated := list(search.isolated()):
        for one in isolated:
            if sums.told[one].all():
                search.fold(int(one[-1]))
    left = np.array([[n in own for n in range(6)] for own, told in zip(members, sums.told, strict=True) if told])
    for weights in product((-1, 0, 1), repeat=len(left)):
        made = np.array(weights) @ left if len(left) else np.zeros(6)
        if set(made.tolist()) == {0, 1}:
            assert int(made @ people) >= k


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=60, deadline=None)
def test_no_small_sum_over_lines_is_missed(seed: int) -> None:
    """After a fold for everything found, no sum of groups over several lines is of 1 … k−1 people.

    A linear program a group says so: it finds the cheapest sum that has the group, whatever it is made of.
    """
    draw, k = Random(seed), 4
    lines, each = draw.choice((2, 3)), draw.choice((3, 4))
    people = np.array([draw.choice((1, 1, 2, 2, 3, k, k + 1)) for _ in range(lines * each)])
    members = [[line * each + n for n in range(each) if draw.random() < 0.6] for line in range(lines) for _ in range(3)]
    members += [[n for n in range(kind, lines * each, each) if draw.random() < 0.9] for kind in range(each)]
    homes = [n // 3 if n < 3 * lines else EVERYWHERE for n in range(len(members))]
    homes, members = [h for h, own in zip(homes, members, strict=True) if own], [own for own in members if own]
    sums = sums_of(people.tolist(), members, homes=homes, lines=[n // each for n in range(lines * each)])
    search = Search(sums, k=k, alone=False)
    while isolated := list(search.isolated()):
        for one in isolated:
            if sums.told[one].all():
                search.fold(int(one[-1]))
    told = [own for own, is_told in zip(members, sums.told, strict=True) if is_told]
    matrix = np.array([[float(n in own) for n in range(len(people))] for own in told]).reshape(-1, len(people))
    for group in np.flatnonzero(people < k).tolist():
        cheapest = _cheapest(matrix, people, people < k, group)
        if cheapest is not None and set(np.round(cheapest, 6).tolist()) <= {0, 1}:
            assert cheapest @ people >= k


def _cheapest(matrix: Ints, people: Ints, is_small: Flags, group: int) -> Any:
    """Return the sum of fewest people that has a *group* and leaves all that is not small out; None without any."""
    if not len(matrix):
        return None
    least = np.zeros(len(people))
    least[group] = 1
    answer: Any = linprog(
        matrix @ people,
        A_ub=-matrix[:, is_small].T,
        b_ub=-least[is_small],
        A_eq=matrix[:, ~is_small].T if (~is_small).any() else None,
        b_eq=np.zeros((~is_small).sum()) if (~is_small).any() else None,
        bounds=(None, None),
    )
    return None if answer.status else matrix.T @ answer.x


def test_pages_and_sources_at_once_give_few_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a page, a source and a client tell only together is folded for, on a day on which nothing else finds it."""
    cells = _cells(DAY)
    assert attack(cells, k=5).leaks == []
    monkeypatch.setattr(rule, "fold_jointly", lambda *_, **__: False)
    assert {leak.how for leak in attack(_cells(DAY), k=5).leaks} == {"all breakdowns at once, pageviews"}


def test_a_visitor_of_two_devices_is_not_everything_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with an iPad's two faces is held for no Mac that is a tablet: nothing folds for one that is none."""
    crowds = Crowds().add(60, client="chromebook").add(40, client="mac").add(40, client="iphone")
    both = [
        Happening(**{**happening, "visitor": 139, "second": happening["second"] + 60})
        for happening in crowds.happenings
        if happening["visitor"] == 60
    ]
    cells = _cells([*crowds.happenings, *both])
    monkeypatch.setattr(rule, "fold_jointly", lambda *_, **__: False)
    assert _cells([*crowds.happenings, *both]) == cells


def test_after_many_looks_whole_lines_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the limit of looks is reached whole lines fold, and what was given away still is not."""
    few = len(_cells(DAY))
    monkeypatch.setattr(jointly, "LOOKS_MAX", 0)
    cells = _cells(DAY)
    assert attack(cells, k=5).leaks == []
    assert len(cells) < few


def _cells(happenings: list[Happening]) -> list[Cell]:
    return cells_from(happenings, rules_for(Profile.OPEN))


DAY = (
    Crowds()
    .add(60, client="chromebook")
    .add(40)
    .add(25, client="mac")
    .add(30, client="iphone")
    .add(40, client="chromebook", sources=("Google",))
    .add(20, sources=("Google",))
    .add(4, client="mac", sources=("Google",))
    .add(20, client="iphone", sources=("Google",))
    .add(20, client="firefox", sources=("Google",))
).happenings
