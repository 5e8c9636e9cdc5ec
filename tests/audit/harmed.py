"""Run the canary on a build in which promises were broken on purpose, each by a changed line."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Final, NamedTuple

import msgspec

from collector.audit.finding import Seen
from tests.process import ROOT, environment

_PARTS: Final = ("collector", "dashboard", "turven")
_RUN: Final = """
import sys, msgspec
from collector.audit.canary import run_canary
from collector.settings import Privacy, Public
seen = run_canary(Privacy(), public=Public(security_contact="mailto:security@product.example"))
sys.stdout.buffer.write(msgspec.json.encode(seen))
"""


class Harm(NamedTuple):
    """Say which part of a line is changed, and into what."""

    file: str
    before: str
    after: str


def harm(folder: Path, harms: Sequence[Harm]) -> Path:
    """Copy the program into *folder* and change the lines; return the copy's top."""
    for part in _PARTS:
        copytree(ROOT / part, folder / part, ignore=ignore_patterns("__pycache__"))
    (folder / "schema.sql").write_bytes((ROOT / "schema.sql").read_bytes())
    for one in harms:
        path = folder / one.file
        text = path.read_text("utf-8")
        assert text.count(one.before) == 1, one
        path.write_text(text.replace(one.before, one.after), "utf-8")
    return folder


def run_harmed(folder: Path, harms: Sequence[Harm]) -> dict[str, Seen]:
    """Run the canary of a harmed copy in a process of its own."""
    top = harm(folder, harms)
    ran = subprocess.run(
        [sys.executable, "-c", _RUN],
        cwd=top,
        env=environment() | {"PYTHONPATH": str(top), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()[-2000:]
    return msgspec.json.decode(ran.stdout, type=dict[str, Seen])
