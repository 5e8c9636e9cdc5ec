"""Serve a house whose parts fail with the words of the request in their errors: only so can be seen what is told.

`python -m collector.audit.broken PARTS MARK turven-arguments…` is run by the audit (R49) on a scratch house of its own.
PARTS are names of `HARMS`, joined by commas. The harm is done by name at run time: no other code knows this module.
"""

import importlib
import logging
import runpy
import sys
import threading
import warnings
from typing import Any, Final, NoReturn

#: Parts that fail, each with all that it was given in the words of its error.
HARMS: Final = {
    # Inside a request: where an event is read by either way, where a page is refused, and in the layer around it.
    "door": "collector.app:EventDoor._raw",
    "lane": "collector.app:EventDoor.ingest",
    "page": "dashboard.access:refuse",
    "guard": "collector.guard:told",
    # Outside of any request.
    "engine": "collector.engine:Engine.tick",
    "intake": "collector.intake:Intake.look",
    "command": "collector.commands:Commands.run",
    # At the start and at the end.
    "start": "turven.compose:build",
    "lifespan": "collector.house:start_control",
    "end": "collector.intake:Intake.stop",
    # Logging as libraries have it: with this the check itself has to fail.
    "log": "collector.log:Formatter",
}
#: With this in its query a request makes the outermost layer fail too, so that only the server is left.
GUARD_QUERY: Final = "unguarded"


class BrokenError(Exception):
    """Stand for any error of a library, whose words quote what it choked on."""


def harm(name: str, mark: str) -> None:
    """Let a part fail."""
    module_name, _, path = HARMS[name].partition(":")
    owner: Any = importlib.import_module(module_name)
    *above, last = path.split(".")
    for step in above:
        owner = getattr(owner, step)
    whole: Any = getattr(owner, last)

    if name == "log":
        setattr(owner, last, logging.Formatter)
        return

    def fail(*given: Any, **named: Any) -> Any:
        if name == "guard" and GUARD_QUERY not in str(given):
            return whole(*given, **named)
        if name == "command":
            speak(mark)
        _throw(f"{mark} {given!r} {named!r}")

    setattr(owner, last, fail)


def speak(mark: str) -> None:
    """Say the mark in every other way that a program has: warnings, threads, destructors, loggers of libraries."""
    warnings.warn(mark, stacklevel=1)
    thread = threading.Thread(target=_throw, args=(mark,), name=mark)
    thread.start()
    thread.join()
    _Unraisable.mark = mark
    _Unraisable()
    logging.getLogger("asyncio").warning("Executing %s took 0.1 seconds", mark)
    logging.getLogger("asyncio").debug(mark)
    logging.getLogger("uvicorn.error").error(mark, exc_info=BrokenError(mark))
    logging.getLogger("turven.audit").error("failed", exc_info=BrokenError(mark))
    # A record that does not fit its own form.
    logging.getLogger("turven.audit").error("%d", mark)


class _Unraisable:
    mark = ""

    def __del__(self) -> None:
        _throw(self.mark)


def _throw(words: str) -> NoReturn:
    try:
        raise BrokenError(words)
    except BrokenError as error:
        raise BrokenError(words) from error


def main(parts: str, mark: str, arguments: list[str]) -> None:
    """Do the harm, then be the command line."""
    for name in filter(None, parts.split(",")):
        harm(name, mark)
    sys.argv = ["turven", *arguments]
    runpy.run_module("turven", run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
