"""The walls between the rooms, as contracts over every import."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_room_imports_what_it_may_not() -> None:
    """Personal data, stored counts and pages lie in rooms that cannot import each other."""
    lint = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout


def test_only_three_places_open_a_database() -> None:
    """DuckDB is imported by the store, the current day and the dashboard's cells, and nowhere else."""
    importing = {
        str(path.relative_to(ROOT))
        for folder in ("collector", "dashboard")
        for path in (ROOT / folder).rglob("*.py")
        if any(line.startswith(("import duckdb", "from duckdb")) for line in path.read_text("utf-8").splitlines())
    }
    assert {
        name
        for name in importing
        if not name.startswith(("collector/store/", "collector/day/")) and name != "dashboard/cells.py"
    } == set()


def test_the_edge_has_one_name_of_socket() -> None:
    """Of the socket module the edge knows the reading of addresses and nothing that sends."""
    uses = [
        line.strip()
        for path in (ROOT / "collector" / "edge").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if "socket" in line and "import" in line
    ]
    for line in uses:
        assert line.startswith("from socket import"), line
        names = {name.strip() for name in line.removeprefix("from socket import").split(",")}
        assert names <= {"AF_INET", "AF_INET6", "inet_pton", "inet_ntop"}, line
