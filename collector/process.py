"""Shut the process that holds a running day: no core file, nobody looks in, and what ends badly tells no value.

The kernel is asked through the C library (`prctl`, `mlock`); no package does it in fewer lines. Every command of the
command line calls `harden` first; a unit or a container does the same once more from outside (deploy/).
"""

import asyncio
import ctypes
import faulthandler
import os
import resource
import signal
import sys
import threading
import traceback
import warnings
from types import TracebackType
from typing import Any, Final, TextIO

#: Of <linux/prctl.h>.
_PR_SET_PDEATHSIG: Final = 1
_PR_GET_DUMPABLE: Final = 3
_PR_SET_DUMPABLE: Final = 4
#: New files are for the house's own user, whatever the shell that started it says.
UMASK: Final = 0o077
#: Frames of an error that are told, innermost first.
_PLACES_MAX: Final = 4

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def harden() -> None:
    """Shut this process, as far as the kernel lets it; the audit says what did not come about.

    A child that replaces its program begins anew, all but the limit on core files: it has to call this too.
    """
    # Hard as well as soft: nothing that runs in this process can raise it again.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # No core file even where a pipe takes them whatever the limit says, and no other process of the same user may
    # attach or read /proc/PID/mem. Only the machine's administrator can.
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    os.umask(UMASK)
    silence_errors()


def is_dumpable() -> bool:
    """Tell whether the kernel would write this process's memory to a core file, or show it to another of its user."""
    return bool(_LIBC.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0))


def end_with_parent() -> None:
    """Be sent SIGTERM when the thread that started this process ends, however it ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)


def lock_memory(address: int, length: int) -> bool:
    """Keep a range of memory out of swap; tell whether the limit on locked memory (RLIMIT_MEMLOCK) allows it."""
    return bool(_LIBC.mlock(ctypes.c_void_p(address), ctypes.c_size_t(length)) == 0)


def places(error: BaseException) -> str:
    """Return where *error* came from, as `module:line` of its innermost frames: code, never a value."""
    frames = traceback.extract_tb(error.__traceback__)[: -_PLACES_MAX - 1 : -1]
    return " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames) or "?"


def told(error: BaseException) -> str:
    """Return the kind and places of *error* and of what caused it, and not one of its words."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None and len(lines) < _PLACES_MAX:
        lines.append(f"{type(current).__name__} at {places(current)}")
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return ", after ".join(lines)


def silence_errors() -> None:
    """Let an error that nobody caught be told by its kind and place, whichever way it comes out.

    The interpreter's own words quote the value that it choked on, and so do most libraries'.
    """
    faulthandler.disable()
    sys.excepthook = _ended
    sys.unraisablehook = lambda seen: _say("ignored", seen.exc_value, seen.exc_type)
    # Assigned through `Any`: the type of the hook's argument has no public name.
    hooks: Any = threading
    hooks.excepthook = lambda seen: _say("thread ended", seen.exc_value, seen.exc_type)
    warnings.showwarning = _warned


def silence_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Let what goes wrong in an event loop, outside of any request, be told by its kind and place."""
    loop.set_exception_handler(_loop_failed)


def _loop_failed(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # The context's message is of the interpreter's making and may hold the repr of a task with all its arguments.
    error = context.get("exception")
    _say("event loop", error, type(error) if error else None)


def _ended(kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    _say("interrupted" if issubclass(kind, KeyboardInterrupt) else "ended", error, kind)


def _warned(
    message: Warning | str,  # noqa: ARG001 - may hold a value
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001
    line: str | None = None,  # noqa: ARG001
) -> None:
    _say(f"{category.__name__} at {filename.rpartition('/')[2]}:{lineno}", None, None)


def _say(what: str, error: BaseException | None, kind: type[BaseException] | None) -> None:
    # Written below `logging`: these come when anything may be broken, also before logging began.
    ending = told(error) if error is not None else kind.__name__ if kind else ""
    if sys.stderr is not None:
        print(f"turven: {what}{': ' if ending else ''}{ending}", file=sys.stderr, flush=True)  # noqa: T201
