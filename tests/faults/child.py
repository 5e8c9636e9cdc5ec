"""Run a job in a process of its own that has its imports already, so that a test can afford many deaths.

A server of the standard library imports once and forks; whatever was forked is a process like any other, with nothing
of the test's in it, and can be killed like any other.
"""

import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final

_CONTEXT: Final = multiprocessing.get_context("forkserver")
# scipy is what the first close of a process imports.
_CONTEXT.set_forkserver_preload(
    [
        "tests.faults.warm",
        "tests.faults.operations",
        "turven.serve",
        "turven.compose",
        "scipy.optimize",
        "scipy.sparse.csgraph",
    ]
)
Started = ForkServerProcess
#: A job that takes longer hangs.
SECONDS_MAX: Final = 60.0
KILLED: Final = -9


def start(job: Callable[..., None], *given: Any, log: Path) -> Started:
    """Start *job* in a process of its own; what it prints, and how it failed, is added to *log*."""
    process = _CONTEXT.Process(target=_run, args=(job, given, log))
    process.start()
    return process


def wait(process: Started) -> int:
    """Wait until a process has ended, and return its exit code; negative for the signal that ended it."""
    process.join(SECONDS_MAX)
    code = process.exitcode
    if code is None:
        process.kill()
        process.join()
        raise AssertionError(f"a job took more than {SECONDS_MAX:.0f} s")
    process.close()
    return code


def run(job: Callable[..., None], *given: Any, log: Path) -> None:
    """Run *job* to its end in a process of its own.

    Raises:
        AssertionError: It ended otherwise than by itself and well.
    """
    code = wait(start(job, *given, log=log))
    assert code == 0, f"{job.__name__} ended with {code}:\n{tail(log)}"


def run_until_killed(job: Callable[..., None], *given: Any, log: Path) -> None:
    """Run *job*, which kills itself, in a process of its own.

    Raises:
        AssertionError: It ended otherwise.
    """
    code = wait(start(job, *given, log=log))
    assert code == KILLED, f"{job.__name__} was to be killed and ended with {code}:\n{tail(log)}"


def tail(log: Path) -> str:
    """Return the end of a log."""
    return log.read_text("utf-8", errors="replace")[-4_000:] if log.exists() else "(no log)"


def _run(job: Callable[..., None], given: tuple[Any, ...], log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
    try:
        job(*given)
    except Exception:
        with log.open("a", encoding="utf-8") as file:
            traceback.print_exc(file=file)
        raise
