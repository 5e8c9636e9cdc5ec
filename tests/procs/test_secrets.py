"""What several processes of a house keep of keys and salts in common."""

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.errors import SpoolError
from collector.spool.secrets import Secrets, prepare_runtime_dir

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ZONE = "Europe/Amsterdam"


@pytest.fixture
def processes(tmp_path: Path) -> tuple[Secrets, Secrets]:
    """Prepare what a house and a collector hold of one folder."""
    prepare_runtime_dir(tmp_path / "runtime")
    return Secrets(tmp_path / "runtime"), Secrets(tmp_path / "runtime")


def test_a_salt_that_another_process_replaced_never_comes_back(
    tmp_path: Path, processes: tuple[Secrets, Secrets]
) -> None:
    """A collector that held the old salt writes the new one back when the folder vanishes."""
    house, collector = processes
    epoch = house.current(ZONE, now=NOON)
    old = collector.salt(epoch, "school")
    collector.restore()
    house.replace_salt(epoch, "school")
    new = house.salt(epoch, "school")
    collector.restore()
    shutil.rmtree(tmp_path / "runtime")
    assert collector.restore()
    assert Secrets(tmp_path / "runtime").salt(epoch, "school") == new != old


def test_what_the_house_destroyed_a_collector_forgets(tmp_path: Path, processes: tuple[Secrets, Secrets]) -> None:
    """A collector writes nothing back of a day that is closed, even where the sign of it is all that is left."""
    house, collector = processes
    epoch = house.current(ZONE, now=NOON)
    collector.salt(epoch, "school")
    house.turn(ZONE, now=NOON)
    house.destroy(epoch)
    collector.restore()
    shutil.rmtree(tmp_path / "runtime")
    prepare_runtime_dir(tmp_path / "runtime")
    collector.restore()
    with pytest.raises(SpoolError, match="key_missing"):
        Secrets(tmp_path / "runtime", random=os.urandom).seal_key(epoch)
