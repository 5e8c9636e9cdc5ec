"""Erasing a site from the command line, of a house that runs and of one that is stopped."""

import subprocess
import sys
from pathlib import Path

from tests.process import ROOT, HouseProcess


def _ask(house: HouseProcess, typed: str, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "turven", "--config", str(house.config), *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        input=typed,
    )


def test_a_site_is_erased_by_its_name(tmp_path: Path) -> None:
    """The site's name has to be typed; then figures, settings and door are gone, and it is stated what went."""
    house = HouseProcess(tmp_path)
    house.add_school(
        "--identity", "network", "--k", "12", "--without", "os", "--without", "source", "--retention-days", "90"
    )
    with house:
        for visitor in range(14):
            assert house.send(visitor=visitor, page="/rooster") == 202
        house.turven("close")
        said = house.turven("site", "set", "school", "--without", "none", "--k", "0", "--by", "controller")
        assert "comes into force when the site's next day begins" in said
        refused = _ask(house, "schol\n", "site", "erase", "school")
        assert (refused.returncode, "nothing was erased" in refused.stderr) == (2, True)
        assert house.cells("total")
        assert house.cells("os") == house.cells("source") == []
        done = _ask(house, "school\n", "site", "erase", "school", "--reason", "contract ended")
        assert done.returncode == 0, done.stderr
        assert "Erased school, days " in done.stdout
        assert "Backups and copies" in done.stdout
        assert house.send(visitor=1) == 204
        assert "no site 'school'" in house.turven("export", "--site", "school", expect=2)


def test_a_stopped_house_erases_too(tmp_path: Path) -> None:
    """A script names the site twice; a house that does not run erases as well."""
    house = HouseProcess(tmp_path)
    house.add_school()
    # What the log cannot hold is refused before anything begins: begun, it would keep the house from starting.
    too_long = "r" * 1_001
    said = house.turven("erase", "school", "--yes-erase", "school", "--reason", too_long, expect=2)
    assert "entry_invalid" in said
    assert "school" in house.turven("site", "list")
    assert "nothing was erased" in house.turven("erase", "school", "--yes-erase", "other", expect=2)
    assert '"head":' in house.turven("erase", "school", "--yes-erase", "school", "--json")
    assert house.turven("site", "list") == ""
    assert b"Schoolvereniging" not in (tmp_path / "data" / "history.duckdb").read_bytes()
