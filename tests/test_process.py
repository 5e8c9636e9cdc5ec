"""A process that is shut: seen by the kernel, and by another process of the same user."""

import json
import os
import subprocess
import sys
from typing import Any, Final

import pytest

from tests.process import ROOT, environment

_NOBODY: Final = 65_534
_PROGRAM: Final = """
import json, os, resource, sys
from pathlib import Path
from collector.process import harden, is_dumpable
if os.geteuid() == 0:
    os.setgid({nobody})
    os.setuid({nobody})
{harden}
reads, said = os.pipe()
child = os.fork()
if not child:
    # Another process of the same user looks in.
    try:
        Path(f"/proc/{{os.getppid()}}/mem").open("rb").close()
        os.write(said, b"open")
    except OSError:
        os.write(said, b"shut")
    os._exit(0)
os.waitpid(child, 0)
print(json.dumps({{
    "memory": os.read(reads, 9).decode(), "dumpable": is_dumpable(), "core": resource.getrlimit(resource.RLIMIT_CORE),
    "umask": os.umask(0),
}}))
"""


def _run(harden: str) -> dict[str, Any]:
    program = _PROGRAM.format(harden=harden, nobody=_NOBODY)
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_a_process_that_is_shut() -> None:
    """No core file, and no way to raise the limit again; not dumpable; files for its own user; nobody looks in."""
    assert _run("harden()") == {"memory": "shut", "dumpable": False, "core": [0, 0], "umask": 0o077}


def test_an_event_loop_tells_no_value() -> None:
    """What fails in a loop, outside of any request, is told by kind and place; so is a warning."""
    program = """
import asyncio, uvloop, warnings
from collector.process import silence_errors, silence_loop
async def main():
    loop = asyncio.get_running_loop()
    silence_loop(loop)
    loop.call_soon(int, "kanarie")
    asyncio.ensure_future(fail("kanarie"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
async def fail(words):
    raise ValueError(words)
silence_errors()
uvloop.run(main())
warnings.warn("kanarie")
raise KeyError("kanarie")
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(), capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert "kanarie" not in ran.stdout + ran.stderr
    kinds = [line.partition(" at ")[0] for line in ran.stderr.splitlines()]
    assert sorted(kinds) == sorted(
        [
            "turven: event loop: ValueError", "turven: event loop: ValueError", "turven: UserWarning",
            "turven: ended: KeyError",
        ]
    )  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="whether a user may look into a process of theirs is a system's choice")
def test_the_look_would_show_an_open_one() -> None:
    """The same look finds a process open that was made dumpable."""
    found = _run("import ctypes; ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)")
    assert found["dumpable"]
    assert found["memory"] == "open"
