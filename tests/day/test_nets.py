"""Sums and differences of two breakdowns' lines isolate no small group: the cut test against all differences."""

from collections import Counter
from collections.abc import Iterable
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.day.nets import Net
from collector.day.small_groups import fold
from collector.model import OTHER, Cell, Dimension
from tests.day.school import View, facts, rules

PAGE, SOURCE, BROWSER = Dimension.PAGE, Dimension.SOURCE, Dimension.BROWSER
ALL_PAIRS = ((PAGE, SOURCE), (PAGE, BROWSER), (SOURCE, BROWSER))
People = dict[tuple[str, str], frozenset[int]]


def smallest_difference(people: People, rows: Iterable[str], columns: Iterable[str]) -> int | None:
    """Return the fewest people that any rows minus any columns isolate, by trying all; None where nobody ever is."""
    rows, columns = sorted(rows), sorted(columns)
    found = []
    for chosen in product((False, True), repeat=len(rows) + len(columns)):
        inside = dict(zip([*(("r", r) for r in rows), *(("c", c) for c in columns)], chosen, strict=True))
        group: set[int] = set()
        for (row, column), own in people.items():
            if inside["r", row] and not inside["c", column]:
                group |= own
            elif own and not inside["r", row] and inside["c", column]:
                break
        else:
            found.append(len(group))
    return min((size for size in found if size), default=None)


def net(people: People) -> Net:
    """Return the net of a table of which nothing is published."""
    flat = sorted((person, int(row), int(column)) for (row, column), own in people.items() for person in own)
    person, row, column = np.array(flat, dtype=np.int64).reshape(-1, 3).T
    return Net.of(person, row, column, sides=(4, 4))


def tables(*, cells_each: int) -> st.SearchStrategy[People]:
    """Make small tables in which each person is in up to *cells_each* cells."""
    cell = st.tuples(st.integers(0, 3).map(str), st.integers(0, 3).map(str))
    people = st.lists(st.sets(cell, min_size=1, max_size=cells_each), min_size=1, max_size=14)

    def gathered(lists: list[set[tuple[str, str]]]) -> People:
        table: dict[tuple[str, str], set[int]] = {}
        for person, cells in enumerate(lists):
            for own in cells:
                table.setdefault(own, set()).add(person)
        return {key: frozenset(own) for key, own in table.items()}

    return people.map(gathered)


@given(people=tables(cells_each=1), k=st.integers(2, 5))
def test_cut_test_is_exact_for_people_of_one_cell(people: People, k: int) -> None:
    """Where each person is in one cell, the cut test finds a small group exactly when some difference isolates one."""
    smallest = smallest_difference(people, "0123", "0123")
    cut = net(people).weakest(k=k)
    assert (cut is not None) == (smallest is not None and smallest < k)


@given(people=tables(cells_each=4), k=st.integers(2, 5))
def test_cut_test_misses_no_small_group(people: People, k: int) -> None:
    """Whatever cells people share, the cut test finds nothing only where no difference isolates fewer than k."""
    smallest = smallest_difference(people, "0123", "0123")
    if net(people).weakest(k=k) is None:
        assert smallest is None or smallest >= k


@given(people=tables(cells_each=4), k=st.integers(2, 5))
def test_found_lines_isolate_their_group(people: People, k: int) -> None:
    """The lines that the cut test names leave nobody on the far side, so their difference is a group of its own."""
    cut = net(people).weakest(k=k)
    if cut is not None:
        assert not any(
            own and not cut.rows[int(row)] and cut.columns[int(column)] for (row, column), own in people.items()
        )


def labels(cells: list[Cell], dimension: Dimension) -> set[str]:
    """Return the lines of a single breakdown that are published."""
    return {cell.value for cell in cells if cell.filter_dimension is None and cell.dimension == dimension}


def line(view: View, dimension: Dimension, shown: set[str]) -> str:
    """Return the line of a single breakdown that a view is counted in."""
    value: str = getattr(view, dimension.value)
    return value if value in shown else OTHER


def table_of(
    views: list[View], cells: list[Cell], pair: tuple[Dimension, Dimension], *, of_pageviews: bool = False
) -> People:
    """Return who is in which cell of two breakdowns' lines; where a line's own pageviews are unknown, of all such."""
    shown = [labels(cells, dimension) for dimension in pair]
    # A breakdown without any line is one line of everybody, which the total tells.
    known = [
        sure(views, cells, d) if of_pageviews and own else own | {OTHER} for d, own in zip(pair, shown, strict=True)
    ]
    table: dict[tuple[str, str], set[int]] = {}
    for view in views:
        names = [line(view, dimension, own) for dimension, own in zip(pair, shown, strict=True)]
        row, column = (name if name in own else "" for name, own in zip(names, known, strict=True))
        table.setdefault((row, column), set()).add(view.visitor)
    return {key: frozenset(own) for key, own in table.items()}


def sure(views: list[View], cells: list[Cell], dimension: Dimension) -> set[str]:
    """Return the lines whose published pageviews are their own; the others are known together only."""
    shown = labels(cells, dimension)
    sums = Counter[str]()
    for view in views:
        sums[line(view, dimension, shown)] += view.pageviews
    singles = [cell for cell in cells if cell.filter_dimension is None and cell.dimension == dimension]
    return {cell.value for cell in singles if cell.pageviews == sums[cell.value]}


def folded(people: People, cells: list[Cell], pair: tuple[Dimension, Dimension]) -> People:
    """Return the part of a table that is not published."""
    seen = {
        (cell.filter_value, cell.value)
        for cell in cells
        if (cell.filter_dimension, cell.dimension) == pair and cell.value != OTHER
    }
    return {key: own for key, own in people.items() if key not in seen}


days = st.lists(
    st.builds(
        View,
        visitor=st.integers(0, 15),
        page=st.sampled_from(["/a", "/b", "/c"]),
        source=st.sampled_from(["(direct)", "bing", "x.example"]),
        browser=st.sampled_from(["Chrome", "Safari"]),
        pageviews=st.integers(1, 3),
    ),
    min_size=8,
    max_size=60,
)


@given(views=days, k=st.integers(2, 4))
def test_no_difference_of_published_lines_isolates_a_small_group(views: list[View], k: int) -> None:
    """No sum or difference of a day's lines and cells leaves 1 to k−1 people: all of them are tried."""
    cells = fold(facts(views, pairs=ALL_PAIRS), rules(k, pairs=ALL_PAIRS)) or []
    for pair in ALL_PAIRS if cells else ():
        visitors = table_of(views, cells, pair)
        pageviews = folded(table_of(views, cells, pair, of_pageviews=True), cells, pair)
        for table in (visitors, pageviews):
            rows, columns = ({key[side] for key in table} for side in (0, 1))
            smallest = smallest_difference(table, rows, columns)
            assert smallest is None or smallest >= k


@given(views=days, k=st.integers(2, 4))
def test_pairs_add_up_in_both_directions(views: list[View], k: int) -> None:
    """Each line of a pair adds up to its single figure, and stands the same in both directions."""
    cells = fold(facts(views, pairs=ALL_PAIRS), rules(k, pairs=ALL_PAIRS)) or []
    single = {(c.dimension, c.value): c.pageviews for c in cells if c.filter_dimension is None}
    lines: dict[tuple[Dimension, str, Dimension], int] = {}
    inner = set()
    for cell in cells:
        if cell.filter_dimension is not None:
            key = (cell.filter_dimension, cell.filter_value, cell.dimension)
            lines[key] = lines.get(key, 0) + (cell.pageviews or 0)
            if cell.value != OTHER:
                inner.add((cell.filter_dimension, cell.filter_value, cell.dimension, cell.value, cell.pageviews))
    assert {(b, y, a, x, n) for a, x, b, y, n in inner} == inner
    assert all(single[a, x] == sum_ for (a, x, _), sum_ in lines.items())


def test_smallest_case_against_lines_alone() -> None:
    """Four cells of which only one is seen still give one person away by two lines; the rule hides that one too."""
    counts = {("/a", "bing"): 1, ("/a", "x.example"): 3, ("/b", "bing"): 3, ("/b", "x.example"): 3}
    spread = [cell for cell, count in counts.items() for _ in range(count)]
    views = [View(n, page, source) for n, (page, source) in enumerate(spread)]
    pairs = ((PAGE, SOURCE),)
    cells = fold(facts(views, pairs=pairs), rules(3, pairs=pairs)) or []
    assert labels(cells, PAGE) == {"/a", "/b"}
    assert labels(cells, SOURCE) == {"bing", "x.example"}
    assert [cell for cell in cells if cell.filter_dimension is not None] == []


@pytest.mark.parametrize("k", [3, 5])
def test_nested_values_fold_together(k: int) -> None:
    """Where all but two visitors of a browser came from one source, one of the two lines is not seen by itself."""
    views = [View(n, "/", "x.example", "Safari") for n in range(2 * k)]
    views += [View(100 + n, "/", "(direct)", "Safari") for n in range(k - 1)]
    views += [View(200 + n, "/", "(direct)", "Chrome") for n in range(3 * k)]
    cells = fold(facts(views, pairs=ALL_PAIRS), rules(k, pairs=ALL_PAIRS)) or []
    assert not ("Safari" in labels(cells, BROWSER) and "x.example" in labels(cells, SOURCE))
