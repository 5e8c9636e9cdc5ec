"""The k rule on single breakdowns: nothing that fewer than k visitors did."""

from collections import Counter
from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from collector.day.small_groups import fold, now, snapshot
from collector.model import OTHER, Cell, Dimension
from tests.day.school import View, facts, rules, views_of


def shown(cells: list[Cell] | None, dimension: Dimension) -> dict[str, int | None]:
    """Return the visitors by value of one single breakdown."""
    single = [cell for cell in cells or [] if cell.filter_dimension is None]
    return {cell.value: cell.visitors for cell in single if cell.dimension == dimension}


def test_part_below_k() -> None:
    """A part of a day that fewer than k visitors came in leaves no figure."""
    assert fold(facts(views_of({"/": 9})), rules(10)) is None


def test_two_small_pages_become_one_row() -> None:
    """Pages of 9 and 4 visitors are seen only together, as 13 others."""
    cells = fold(facts(views_of({"/a": 30, "/b": 9, "/c": 4})), rules(10))
    assert shown(cells, Dimension.PAGE) == {"/a": 30, "(other)": 13}


def test_one_small_page_hides_all() -> None:
    """Where the total minus the only large page would give 9 visitors away, the large page is not shown either."""
    cells = fold(facts(views_of({"/a": 30, "/b": 9})), rules(10))
    assert shown(cells, Dimension.PAGE) == {}
    assert shown(cells, Dimension.TOTAL) == {"": 39}


def test_pages_fold_into_their_section_first() -> None:
    """Small pages of one section are counted as the section where together they have k visitors."""
    cells = fold(facts(views_of({"/": 20, "/toets/1": 6, "/toets/2": 6, "/x/1": 5, "/y": 5})), rules(10))
    assert shown(cells, Dimension.PAGE) == {"/": 20, "/toets/…": 12, "(other)": 10}


def test_sources_fold_into_their_channel_first() -> None:
    """Small sources of one channel are counted as the channel where together they have k visitors."""
    names = ["(direct)"] * 28 + ["bing"] * 7 + ["qwant"] * 7 + ["x.example"] * 12
    channels = {"(direct)": "direct", "bing": "search", "qwant": "search", "x.example": "referral"}
    day = facts(View(n, source=name) for n, name in enumerate(names))
    sources = day.values[Dimension.SOURCE]
    day.values[Dimension.CHANNEL] = sources.with_columns(sources["value"].replace_strict(channels).alias("value"))
    assert shown(fold(day, rules(10)), Dimension.SOURCE) == {"(direct)": 28, "(search)": 14, "x.example": 12}


def test_visitors_of_several_pages_count_once() -> None:
    """Nine visitors of three small pages are nine, not twenty-seven: they do not make a row."""
    views = [View(n, page) for n in range(9) for page in ("/a", "/b", "/c")] + [View(n, "/") for n in range(40)]
    assert shown(fold(facts(views), rules(10)), Dimension.PAGE) == {}


def test_running_day_is_floored() -> None:
    """While a day runs, only values with k visitors are seen, in multiples of k, and no others."""
    day = facts(views_of({"/a": 37, "/b": 10, "/c": 9}))
    cells = snapshot(day, rules(10))
    assert shown(cells, Dimension.PAGE) == {"/a": 30, "/b": 10}
    assert shown(cells, Dimension.TOTAL) == {"": 50}
    assert {(cell.pageviews, cell.visits, cell.events) for cell in cells} == {(None, None, None)}


def test_now_starts_at_twice_k() -> None:
    """The number of visitors just now is told from 2k, in multiples of k."""
    assert [now(n, k=10) for n in (0, 9, 19, 20, 39)] == [None, None, None, 20, 30]


DAYS = st.lists(
    st.builds(
        View,
        visitor=st.integers(0, 14),
        page=st.sampled_from(["/a", "/b", "/c"]),
        source=st.sampled_from(["(direct)", "bing", "x.example"]),
        browser=st.sampled_from(["Chrome", "Safari"]),
        hour=st.sampled_from([8, 9, 21]),
        pageviews=st.integers(0, 4),
        bounces=st.integers(0, 1),
        seconds=st.sampled_from([0, 5, 90]),
        events=st.integers(0, 2),
    ),
    min_size=6,
    max_size=60,
)
DIMENSIONS = (Dimension.PAGE, Dimension.SOURCE, Dimension.BROWSER)
PAIRS = tuple(combinations(DIMENSIONS, 2))


def single(cells: list[Cell], dimension: Dimension) -> dict[str, Cell]:
    """Return the lines of one single breakdown."""
    return {cell.value: cell for cell in cells if cell.filter_dimension is None and cell.dimension == dimension}


def behind(views: list[View], cells: list[Cell], dimension: Dimension, name: str) -> list[View]:
    """Return the views that a line counts."""
    if dimension is Dimension.HOUR:
        first, end = map(int, name.split("-"))
        return [view for view in views if first <= view.hour < end]
    lines = single(cells, dimension)
    return [v for v in views if (v_ := getattr(v, dimension.value)) == name or (name == OTHER and v_ not in lines)]


def amounts(views: list[View], measure: str) -> Counter[int]:
    """Return what each visitor adds to a measure."""
    sums = Counter[int]()
    for view in views:
        sums[view.visitor] += 1 if measure == "visits" else getattr(view, measure)
    return sums


def makers(views: list[View], measure: str) -> int:
    """Count the visitors who have any of a measure."""
    return sum(amount > 0 for amount in amounts(views, measure).values())


def without(views: list[View], inside: list[View], measure: str) -> int:
    """Count the visitors who have more of a measure in all *views* than *inside*."""
    return sum(amount > amounts(inside, measure)[v] for v, amount in amounts(views, measure).items())


@given(views=DAYS, k=st.integers(2, 5))
def test_every_row_has_k_visitors(views: list[View], k: int) -> None:
    """Behind every row stand at least k visitors, counted again from what happened, and the witness says so."""
    cells = fold(facts(views, pairs=PAIRS), rules(k, pairs=PAIRS)) or []
    for dimension in (*DIMENSIONS, Dimension.HOUR):
        for name, cell in single(cells, dimension).items():
            visitors = len({view.visitor for view in behind(views, cells, dimension, name)})
            assert visitors >= k
            assert k <= cell.contributors <= 2 * k
    for cell in cells:
        if cell.filter_dimension is not None and cell.value != OTHER:
            inside = behind(views, cells, cell.filter_dimension, cell.filter_value)
            both = [view for view in behind(inside, cells, cell.dimension, cell.value) if view.pageviews]
            assert len({view.visitor for view in both}) >= k == cell.contributors
            assert cell.pageviews == sum(view.pageviews for view in both)


@given(views=DAYS, k=st.integers(2, 5))
def test_every_figure_has_k_makers(views: list[View], k: int) -> None:
    """A figure is its line's own or the total's, nobody's or that of k visitors, and of no visitor more than half."""
    cells = fold(facts(views), rules(k)) or []
    for dimension in (*DIMENSIONS, Dimension.HOUR):
        for name, cell in single(cells, dimension).items():
            inside = behind(views, cells, dimension, name)
            for measure in ("pageviews", "seconds", "events", "bounces"):
                figure = getattr(cell, measure)
                if figure is not None and figure == sum(amounts(inside, measure).values()):
                    assert (
                        makers(inside, measure) == 0 or makers(inside, measure) >= k or _is_total(cells, cell, measure)
                    )
                    assert 2 * max(amounts(inside, measure).values()) <= figure or _is_total(cells, cell, measure)
                else:
                    assert figure is None or _is_total(cells, cell, measure)


@given(views=DAYS, k=st.integers(2, 5))
def test_averages_stand_where_2k_visitors_show(views: list[View], k: int) -> None:
    """Bounces and time, which are shown as averages, stand only in rows that show 2k visitors by themselves."""
    for cell in fold(facts(views), rules(k)) or []:
        if cell.bounces is not None or cell.seconds is not None:
            assert (cell.visitors or 0) >= 2 * k


def _is_total(cells: list[Cell], cell: Cell, measure: str) -> bool:
    return bool(getattr(cell, measure) == getattr(single(cells, Dimension.TOTAL)[""], measure))


@given(views=DAYS, k=st.integers(2, 5))
def test_nobody_is_nearly_all(views: list[View], k: int) -> None:
    """Whoever is in the total and not in a line is nobody or k visitors, else the line shows the total's number.

    Visitors of hours are told in multiples of k, as while the day ran.
    """
    cells = fold(facts(views), rules(k)) or []
    for dimension in (*DIMENSIONS, Dimension.HOUR):
        for name, cell in single(cells, dimension).items():
            inside = behind(views, cells, dimension, name)
            for measure in ("pageviews", "visits", "events"):
                few = 0 < without(views, inside, measure) < k
                assert not few or getattr(cell, measure) is None or _is_total(cells, cell, measure)
            if dimension is Dimension.HOUR:
                assert cell.visitors == len({view.visitor for view in inside}) // k * k
            elif cell.visitors is not None:
                outside = len({view.visitor for view in views}) - cell.visitors
                assert outside == 0 or outside >= k


@given(views=DAYS, k=st.integers(2, 5))
def test_total_minus_lines_is_nobody_or_k(views: list[View], k: int) -> None:
    """What the published figures leave of the total, in any breakdown and measure, stands for nobody or k visitors."""
    cells = fold(facts(views), rules(k)) or []
    for dimension in (*DIMENSIONS, Dimension.HOUR):
        lines = single(cells, dimension)
        for measure in ("pageviews", "visits", "events", "bounces", "seconds"):
            total = getattr(single(cells, Dimension.TOTAL)[""], measure) if cells else None
            sure = [
                behind(views, cells, dimension, name)
                for name, cell in lines.items()
                if getattr(cell, measure) is not None
            ]
            # A line that shows a larger set's number takes no part: what is left is not its own.
            shown = sum(getattr(cell, measure) or 0 for cell in lines.values())
            if lines and total is not None and shown == sum(sum(amounts(s, measure).values()) for s in sure):
                rest = [view for view in views if not any(view in inside for inside in sure)]
                assert makers(rest, measure) == 0 or makers(rest, measure) >= k
                assert 2 * max(amounts(rest, measure).values(), default=0) <= total - shown


@given(views=DAYS, k=st.integers(2, 5))
def test_lines_share_no_few_visitors(views: list[View], k: int) -> None:
    """The visitors of all lines minus the total's do not count 1 to k−1 people who have several values."""
    cells = fold(facts(views), rules(k)) or []
    # Visitors of hours are in multiples of k, which tell a sum only to within k for each block.
    for dimension in DIMENSIONS:
        visitors = [cell.visitors for cell in single(cells, dimension).values()]
        if visitors and None not in visitors and OTHER not in single(cells, dimension):
            several = Counter(v for v, _ in {(v.visitor, getattr(v, dimension.value)) for v in views})
            if 0 < sum(count > 1 for count in several.values()) < k:
                assert sum(n or 0 for n in visitors) != sum(several.values())


@given(views=DAYS, k=st.integers(2, 5), order=st.randoms(use_true_random=False))
def test_cells_depend_on_nobody(views: list[View], k: int, order: Random) -> None:
    """The same day gives the same cells whatever the visitors' keys are and however its rows are ordered."""
    keys = list(range(15))
    order.shuffle(keys)
    others = [structs.replace(view, visitor=keys[view.visitor] * 1_000_003) for view in views]
    order.shuffle(others)
    assert fold(facts(views, pairs=PAIRS), rules(k, pairs=PAIRS)) == fold(
        facts(others, pairs=PAIRS), rules(k, pairs=PAIRS)
    )


@given(views=DAYS, k=st.integers(2, 5))
def test_folding_keeps_pageviews(views: list[View], k: int) -> None:
    """Folding changes no total: the lines of each breakdown add up to all pageviews where none is withheld."""
    views = [structs.replace(view, pageviews=view.pageviews + 1) for view in views]
    cells = fold(facts(views), rules(k)) or []
    for dimension in (*DIMENSIONS, Dimension.HOUR):
        pageviews = [cell.pageviews for cell in single(cells, dimension).values()]
        if pageviews and None not in pageviews:
            total = sum(view.pageviews for view in views)
            assert sum(n or 0 for n in pageviews) == total
