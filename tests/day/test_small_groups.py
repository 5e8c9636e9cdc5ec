"""The k rule on single breakdowns: nothing that fewer than k visitors did."""

from collector.day.small_groups import fold, now, snapshot
from collector.model import Cell, Dimension
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
