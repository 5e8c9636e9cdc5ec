"""Does a breakdown say on how many days it could be shown?"""

from datetime import timedelta
from pathlib import Path

import pytest

from collector.model import Cell, Dimension
from tests.clock import ManualClock
from tests.dashboard.house import TODAY, House, line, school_day, school_days


def without(cells: list[Cell], dimension: Dimension) -> list[Cell]:
    """Return the cells of a day on which a breakdown was withheld as a whole."""
    return [cell for cell in cells if dimension not in (cell.dimension, cell.filter_dimension)]


@pytest.fixture
def abroad(empty: House) -> House:
    """Fill 28 days of which 26 withheld the breakdown by country."""
    days = [
        (day, cells if number < 2 else without(cells, Dimension.COUNTRY))
        for number, (day, cells) in enumerate(school_days(TODAY - timedelta(1), 28))
    ]
    empty.close_days(days)
    return empty


@pytest.mark.parametrize(
    ("language", "line_of_it", "reason"),
    [
        ("en", "On 2 of 28 days", "a group of fewer than 10 visitors away"),
        ("nl", "Op 2 van de 28 dagen", "een groep van minder dan 10 bezoekers verraden"),
    ],
)
def test_a_breakdown_withheld_on_most_days_says_so(abroad: House, language: str, line_of_it: str, reason: str) -> None:
    """A breakdown that was withheld on some days says on how many it was shown, and why not on the others."""
    panel = abroad.client().get(f"/?lang={language}").text.partition('id="countries"')[2].partition("</section>")[0]
    assert line_of_it in panel
    assert reason in panel


def test_a_breakdown_of_every_day_says_nothing(abroad: House) -> None:
    """A breakdown that every closed day has needs no such line."""
    page = abroad.client().get("/?lang=en").text
    assert page.count(" of 28 days") == 1


def test_a_filter_is_judged_by_its_own_days(abroad: House) -> None:
    """Under a filter, only days on which the filter's own value was kept could have shown more."""
    page = abroad.client().get("/?lang=en&filter=page:/rooster").text
    assert page.count(" of 28 days") == 1


def test_days_below_the_threshold_and_events_are_not_missing(tmp_path: Path, clock: ManualClock) -> None:
    """A day that was not kept at all, and a day without events, are no gaps in a breakdown."""
    house = House(tmp_path, clock)
    first = [*without(school_day(400), Dimension.EVENT), line(Dimension.EVENT, "Download", 40)]
    house.close_days([
        (TODAY - timedelta(1), first),
        (TODAY - timedelta(2), without(school_day(400), Dimension.EVENT)),
        (TODAY - timedelta(3), ()),
    ])  # fmt: skip
    page = house.client().get("/?lang=en").text
    house.history.close()
    assert "Download" in page
    assert " of 2 days" not in page
    assert " of 3 days" not in page
