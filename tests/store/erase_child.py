"""Erase a site in a process of its own, and die at one step of it: python -m tests.store.erase_child FOLDER STEP."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from collector import engine as engines
from collector.settings import Server, Settings
from collector.store import erase, history, opening
from tests.clock import ManualClock


def settings_in(folder: Path) -> Settings:
    """Return the settings of the house in *folder*, written so that its strings can be seen."""
    return Settings(
        data_dir=folder / "data",
        runtime_dir=str(folder / "runtime"),
        is_uncompressed=True,
        server=Server(trusted_proxies=("127.0.0.0/8",)),
    )


def die(*_: Any, **__: Any) -> None:
    """End at once, as a power switch would end it."""
    os.kill(os.getpid(), signal.SIGKILL)


def after(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return *function* with death after it."""

    def run(*given: Any, **named: Any) -> Any:
        function(*given, **named)
        die()

    return run


def halfway(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the copying with death in the middle of its tables."""

    def run(source: Path, fresh: Path, keep: dict[str, str], **named: Any) -> Any:
        some = {table: keep[table] for table in ("cell", "closed", "settings_log")}
        function(source, fresh, some, **named)
        die()

    return run


def arm(step: str) -> None:
    """Make this process die at *step*."""
    begin, copied, rebuild = erase.begin, history._copy, history.History.rebuild
    at: dict[str, tuple[object, str, Callable[..., Any]]] = {
        "before the note": (engines, "begin", die),
        "after the note": (engines, "begin", after(begin)),
        "after the salts": (engines, "erase_site", die),
        "before the rebuild": (history.History, "rebuild", die),
        "while writing": (history, "_copy", halfway(copied)),
        "before the swap": (history, "_copy", after(copied)),
        "after the swap": (opening, "sync_folder", die),
        "before the note goes": (history.History, "rebuild", after(rebuild)),
    }
    setattr(*at[step])


if __name__ == "__main__":
    where, at = Path(sys.argv[1]), sys.argv[2]
    arm(at)
    engine = engines.Engine(settings_in(where), clock=ManualClock())
    engine.erase("portal", made_by="operator", reason="contract ended")
    engine.stop()
