"""Does `turven pass` make, list and withdraw passes beside a house?"""

from pathlib import Path

import pytest
from click.testing import CliRunner

from collector.clock import SystemClock
from collector.settings import Settings
from dashboard.desk import tokens
from dashboard.desk.file import Desk
from turven.group import main


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Run a command in a house of its own; return exit code, output and errors."""
    monkeypatch.setenv("TURVEN_DATA_DIR", str(folder / "data"))
    monkeypatch.setenv("TURVEN_RUNTIME_DIR", str(folder / "run"))
    done = CliRunner().invoke(main, arguments)
    return done.exit_code, done.stdout, done.stderr


def test_a_pass_is_made_listed_and_withdrawn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The secret is printed once; the list names the pass by its fingerprint; withdrawn, it works no more."""
    assert run(monkeypatch, tmp_path, "site", "add", "school", "--host", "a.example", "--identity", "browser")[0] == 0
    code, secret, told = run(monkeypatch, tmp_path, "pass", "add", "school", "--name", "ci", "--scope", "notes")
    assert (code, "only a fingerprint" in told) == (0, True)
    desk = Desk(Settings(data_dir=tmp_path / "data").desk_file)
    found = tokens.find(desk, secret.strip(), at=SystemClock().now())
    assert found is not None
    assert (found.name, found.scopes) == ("ci", (tokens.Scope.NOTES,))
    _, listed, _ = run(monkeypatch, tmp_path, "pass", "list")
    assert found.short in listed
    assert secret.strip() not in listed
    assert run(monkeypatch, tmp_path, "pass", "remove", "school", found.short)[0] == 0
    assert tokens.passes(desk) == []
    desk.close()


def test_a_pass_is_for_a_site_that_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A mistyped site gets no pass."""
    code, secret, told = run(monkeypatch, tmp_path, "pass", "add", "scool", "--name", "ci", "--scope", "notes")
    assert (code, secret, "site_unknown" in told) == (2, "", True)
