"""Fixtures that every room shares."""

import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

from collector.engine import Engine
from collector.model import Identity, Site
from collector.settings import Settings
from collector.store.history import History
from tests.clock import ManualClock

# CI machines are slow and noisy: a law is about what holds, not about how long it takes.
settings.register_profile("house", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
# `make attack` asks whether a law fails, not for the smallest case of it, which takes a minute to find.
settings.register_profile("unshrunk", settings.get_profile("house"), phases=(Phase.explicit, Phase.generate))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep a module's tests in one process: what its fixtures build, at up to 40 s, is then built once."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Leave logging as it was: a command that is run inside a test begins it for the whole process."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


@pytest.fixture
def clock() -> ManualClock:
    """Stand at nine in the morning of a Tuesday in Amsterdam."""
    return ManualClock()


@pytest.fixture
def history(tmp_path: Path, clock: ManualClock) -> Iterator[History]:
    """Open a new history file."""
    made = History(tmp_path / "history.duckdb", at=clock.now())
    yield made
    made.close()


@pytest.fixture
def school() -> Site:
    """Describe a school that has switched its site on."""
    return Site(
        id="school",
        hosts=("www.school.example", "*.portal.example"),
        controller="De Schoolvereniging",
        agreement="VO-2026-1",
        agreed_on=date(2026, 8, 1),
        identity=Identity.NETWORK,
        is_on=True,
    )


@pytest.fixture
def engine(tmp_path: Path, clock: ManualClock, school: Site) -> Iterator[Engine]:
    """Open a house with one school, on Tuesday 24 November."""
    made = Engine(Settings(data_dir=tmp_path / "data", runtime_dir=str(tmp_path / "runtime")), clock=clock)
    made.sites.add(school, made_by="operator", reason="test", at=clock.now())
    yield made
    made.stop()
