"""`turven restore` as an operator runs it: it refuses what would cost days, and says how to go on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.process import ROOT, HouseProcess, environment


@pytest.fixture
def house(tmp_path: Path) -> HouseProcess:
    """Prepare a house with a school and a key for backups."""
    key = tmp_path / "key.txt"
    # Before there are settings: the public half stands in them.
    made = subprocess.run(
        [sys.executable, "-m", "turven", "backup", "--make-key", str(key)],
        cwd=ROOT, capture_output=True, text=True, check=True, env=environment(),
    )  # fmt: skip
    house = HouseProcess(tmp_path)
    house.config.write_text(f"{house.config.read_text('utf-8')}{made.stdout}", "utf-8")
    house.add_school()
    return house


def test_restore_refuses_and_sets_aside(house: HouseProcess, tmp_path: Path) -> None:
    """A running house and a newer history are refused with code and sentence; `--set-aside` moves the newer away."""
    file = _back_up(house)
    words = ("restore", file, "--key", str(tmp_path / "key.txt"))
    history = tmp_path / "data" / "history.duckdb"
    with house:
        for visitor in range(12):
            assert house.send(visitor=visitor) == 202
        house.turven("close")
        assert "stop it before its history is put back. [house_running]" in house.turven(*words, expect=2)
    newer = history.read_bytes()

    said = house.turven(*words, expect=3)
    assert "holds days or settings that the backup does not" in said
    assert "Nothing was changed; --set-aside FILE moves it there first. [backup_older]" in said
    assert history.read_bytes() == newer

    taken = tmp_path / "taken"
    taken.write_text("mine")
    assert "[set_aside_exists]" in house.turven(*words, "--set-aside", str(taken), expect=2)
    assert (taken.read_text(), history.read_bytes()) == ("mine", newer)

    aside = tmp_path / "aside.duckdb"
    told = house.turven(*words, "--set-aside", str(aside))
    assert f"{aside} still holds the history before" in told
    assert aside.read_bytes() == newer
    assert house.cells("total") == []


def test_restore_puts_back_what_is_covered(house: HouseProcess, tmp_path: Path) -> None:
    """A backup that holds all that is there is put back without a question, and one that opens with no key is not."""
    file = _back_up(house)
    other = tmp_path / "other.txt"
    house.turven("backup", "--make-key", str(other))
    assert "[backup_unreadable]" in house.turven("restore", file, "--key", str(other), expect=3)
    assert "days closed until none" in house.turven("restore", file, "--key", str(tmp_path / "key.txt"))
    assert "school  on" in house.turven("site", "list")


def _back_up(house: HouseProcess) -> str:
    made = re.match(r"(\S+\.age): ", house.turven("backup"))
    assert made is not None
    return made[1]
