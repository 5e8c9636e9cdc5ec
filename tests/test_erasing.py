"""Does `turven erase` take along what lies beside the history, however often it is begun?"""

from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.clock import SystemClock
from collector.settings import Settings
from dashboard.desk import notes
from dashboard.desk.file import Desk
from turven.group import main


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> tuple[int, str]:
    """Run a command in a house of its own; return exit code and errors."""
    monkeypatch.setenv("TURVEN_DATA_DIR", str(folder / "data"))
    monkeypatch.setenv("TURVEN_RUNTIME_DIR", str(folder / "run"))
    done = CliRunner().invoke(main, arguments)
    return done.exit_code, done.stderr


def test_notes_of_an_erased_site_are_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Notes go with their site; what an erase that died left of them goes when it is asked for again."""
    settings = Settings(data_dir=tmp_path / "data")
    assert run(monkeypatch, tmp_path, "site", "add", "school", "--host", "a.example", "--identity", "browser")[0] == 0
    desk = Desk(settings.desk_file)
    at = SystemClock().now()

    def write() -> None:
        notes.write(desk, site="school", day=at.date(), text="Release", made_by="x", at=at, today=at.date())

    write()
    assert run(monkeypatch, tmp_path, "erase", "school", "--yes-erase", "school")[0] == 0
    assert notes.of(desk, ["school"], first=date.min, last=date.max) == []
    write()
    code, told = run(monkeypatch, tmp_path, "erase", "school", "--yes-erase", "school")
    assert (code, "site_unknown" in told) == (2, True)
    assert notes.of(desk, ["school"], first=date.min, last=date.max) == []
    desk.close()
