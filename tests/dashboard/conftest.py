"""Houses that the tests of the dashboard look at."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, morning, school_days
from tests.dashboard.year import built


@pytest.fixture
def empty(tmp_path: Path, clock: ManualClock) -> Iterator[House]:
    """Open a house with a site of which nothing was counted yet."""
    house = House(tmp_path, clock, sites=(SCHOOL,))
    yield house
    house.history.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Fill eight weeks and the morning of today, for tests that only look."""
    house = House(tmp_path_factory.mktemp("house"), ManualClock(), sites=(SCHOOL,))
    house.close_days(list(school_days(TODAY - timedelta(1), 56)), drops={"bot": 340})
    house.run_today(*morning())
    yield house
    house.history.close()


@pytest.fixture(scope="session")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Build the made-up year once; tests only look at it."""
    made = built(tmp_path_factory.mktemp("year"))
    yield made
    made.history.close()
