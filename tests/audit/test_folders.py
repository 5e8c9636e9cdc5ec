"""Folders of an audit: gone when it ends, and gone the next time where it was killed."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from collector.audit.folders import clear_away, own_folder
from tests.process import ROOT

_KILLED = "import os, signal\nfrom collector.audit.folders import own_folder\n"
_KILLED += "with own_folder() as folder:\n"
_KILLED += "    (folder / 'log.txt').write_text('kanarie'); os.kill(os.getpid(), signal.SIGKILL)\n"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let folders be made below *tmp_path*."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_a_folder_goes_with_its_block(temporary: Path) -> None:
    """An audit that ends leaves no folder, whatever happened in it; while it runs nobody else may enter."""
    with pytest.raises(ZeroDivisionError), own_folder() as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "log.txt").write_text("kanarie")
        raise ZeroDivisionError
    assert list(temporary.iterdir()) == []


def test_a_killed_audit_is_cleared_away(temporary: Path) -> None:
    """What an audit that was killed left behind goes with the next one; what is held stays, and what is foreign."""
    killed = subprocess.run([sys.executable, "-c", _KILLED], cwd=ROOT, env={"TMPDIR": str(temporary)}, check=False)
    assert killed.returncode == -9
    left = next(temporary.glob("*/log.txt")).parent
    linked = left.with_name(f"{left.name}-linked")
    linked.symlink_to(ROOT)
    with own_folder() as held:
        assert clear_away() == 1
        assert (held.exists(), left.exists(), linked.is_symlink(), ROOT.exists()) == (True, False, True, True)
