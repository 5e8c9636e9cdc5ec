"""Floors: of every world that a published list allows, none of the small groups is in all of them."""

from collections.abc import Mapping
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.day.floors import Floors, holds_inside

K = 3
VALUES = ("a", "b", "c")
COUNTS = st.lists(st.integers(0, 7), min_size=3, max_size=3)


def worlds(listed: Mapping[str, int], size: int, *, is_one_each: bool) -> list[dict[str, int]]:
    """Return every way in which *size* visitors can have the values, given a list of floors.

    Whoever reads the list knows that a value that is not named has fewer than k. Visitors may have several values, or
    one each.
    """
    ranges = [range(listed.get(value, 0), listed.get(value, 0) + K) for value in VALUES]
    found = [dict(zip(VALUES, counts, strict=True)) for counts in product(*ranges)]
    return [
        world
        for world in found
        if max(world.values()) <= size and (sum(world.values()) == size if is_one_each else sum(world.values()) >= size)
    ]


@settings(max_examples=200, deadline=None)
@given(counts=COUNTS, several=st.integers(0, 3))
def test_no_list_of_floors_names_a_small_group(counts: list[int], several: int) -> None:
    """A published list leaves it open of each value, and of all others, whether it is nobody or k: never 1 to k-1."""
    size = max(sum(counts) - several, *counts)
    floors = Floors(size, dict(zip(VALUES, counts, strict=True)), dict.fromkeys(VALUES, size), is_open=False)
    listed = floors.listed(k=K)
    if size < K or not listed or not floors.hides_nobody(k=K):
        return
    for is_one_each in (False, True):
        possible = worlds(listed, size, is_one_each=is_one_each)
        for value in VALUES if possible else ():
            inside = {world[value] for world in possible}
            assert not inside <= set(range(1, K)), (listed, size, value)
            assert not {size - own for own in inside} <= set(range(1, K)), (listed, size, value)


@settings(max_examples=200, deadline=None)
@given(counts=COUNTS, several=st.integers(0, 3), more=st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_a_floor_of_few_is_nearly_exact(counts: list[int], several: int, more: list[int]) -> None:
    """Where a floor and who has the value leave one number, neither the line nor the value has 1 to k-1 beside it."""
    size = max(sum(counts) - several, *counts)
    most = {value: own + extra for value, own, extra in zip(VALUES, counts, more, strict=True)}
    floors = Floors(size, dict(zip(VALUES, counts, strict=True)), most, is_open=True)
    if size < K or not floors.may_be_told(k=K):
        return
    for value, floor in floors.listed(k=K).items():
        inside = range(floor, min(floor + K - 1, size, most[value]) + 1)
        for whole in (size, most[value]):
            assert not {whole - own for own in inside} <= set(range(1, K)), (size, most, value)


@settings(max_examples=200, deadline=None)
@given(counts=COUNTS, more=st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_a_floor_beside_floors_of_others_is_nearly_exact(counts: list[int], more: list[int]) -> None:
    """Where each visitor has one value, all floors of a list together leave neither line nor value 1 to k-1."""
    size = sum(counts)
    # What a line is told of has k visitors.
    most = {value: max(own + extra, K) for value, own, extra in zip(VALUES, counts, more, strict=True)}
    floors = Floors(size, dict(zip(VALUES, counts, strict=True)), most, is_open=False)
    listed = floors.listed(k=K)
    if size < K or not listed or not floors.may_be_told(k=K):
        return
    possible = [
        world
        for world in worlds(listed, size, is_one_each=True)
        if all(world[value] <= most[value] for value in VALUES)
    ]
    for value in VALUES:
        for whole in (size, most[value]):
            assert not {whole - world[value] for world in possible} <= set(range(1, K)), (size, most, listed, value)


def test_telephones_that_all_others_leave_room_for() -> None:
    """Of 23 visitors at least 10 have a computer, so at most 13 of the 14 telephones are among them."""
    most = {"phone": 14, "desktop": 13, "tablet": 12}
    floors = Floors(23, {"phone": 12, "desktop": 11}, most, is_open=False)
    assert floors.hides_nobody(k=10)
    assert not floors.may_be_told(k=10)


def test_a_page_that_few_more_saw_than_came_from_another() -> None:
    """Of 6 visitors of a page 5 went on to one that 5 saw: the floor of 5 is exact, and one did not."""
    floors = Floors(6, {"b": 5}, {"b": 5, "c": 9}, is_open=True)
    assert floors.hides_nobody(k=5)
    assert not floors.may_be_told(k=5)
    assert Floors(10, {"b": 5}, {"b": 5, "c": 9}, is_open=True).may_be_told(k=5)


@settings(max_examples=200, deadline=None)
@given(counts=COUNTS)
def test_a_listed_value_says_nothing_of_what_lies_in_it(counts: list[int]) -> None:
    """Safari is at least k, and its systems are listed: none of those left out is thereby known to be somebody."""
    inner = Floors(sum(counts), dict(zip(VALUES, counts, strict=True)), {}, is_open=False)
    outer = Floors(sum(counts), {"all": sum(counts)}, {}, is_open=False)
    if not outer.listed(k=K) or not inner.listed(k=K):
        return
    if holds_inside(outer, inner, {"all": set(VALUES)}, k=K):
        floor, listed = outer.listed(k=K)["all"], inner.listed(k=K)
        ranges = [range(listed.get(value, 0), listed.get(value, 0) + K) for value in VALUES]
        possible = [world for world in product(*ranges) if sum(world) >= floor]
        for place, value in enumerate(VALUES):
            if value not in listed:
                assert 0 in {world[place] for world in possible}


def test_a_floor_beside_an_exact_number_is_k_numbers() -> None:
    """Between an exact number and a floor lie k numbers in a row, which never fit into 1 to k-1."""
    for exact, floor in product(range(200), range(0, 200, K)):
        between = {exact - true for true in range(floor, floor + K)}
        assert not between <= set(range(1, K))
