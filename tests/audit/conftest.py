"""A history as a real house leaves it, to be copied and harmed."""

from collections.abc import Callable
from pathlib import Path
from shutil import copy

import duckdb
import pytest

from collector.audit.hostile_house import AGENTS
from collector.model import Identity, Site
from tests.clock import ManualClock
from tests.house import TallyHouse

Harm = Callable[[str], Path]


@pytest.fixture(scope="session")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let two sites count and close a part of a day each, and stop the house; return its history file."""
    folder = tmp_path_factory.mktemp("healthy")
    house = TallyHouse(folder, clock=ManualClock())
    for name in ("school", "portal"):
        house.add(
            Site(
                id=name,
                hosts=("www.school.example",),
                controller="De Schoolvereniging",
                controller_contact="privacy@school.example",
                privacy_officer="fg@school.example",
                legal_basis="taak van algemeen belang",
                agreement="V-2026-11",
                agreed_on=ManualClock().now().date(),
                identity=Identity.NETWORK,
                is_on=True,
            )
        )
        house.feed(visitors=40, page="/", r="https://www.google.com/", site=name)
        house.feed(visitors=30, first=100, page="/toetsen", r="https://elo.example/", site=name)
        house.feed(
            visitors=15, first=200, page="/rooster", site=name, headers={"User-Agent": AGENTS["Firefox", "Windows"]}
        )
    house.tick()
    house.close()
    house.stop()
    return house.settings.history_file


@pytest.fixture
def harm(healthy: Path, tmp_path: Path) -> Harm:
    """Return what makes a copy of the healthy history and runs statements on it."""

    def run(statements: str) -> Path:
        made = tmp_path / "harmed.duckdb"
        copy(healthy, made)
        with duckdb.connect(str(made)) as connection:
            connection.execute(statements)
        return made

    return run
