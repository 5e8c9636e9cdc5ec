"""What each process of a house says of itself, for the house to hand to an auditor.

A process that cannot be dumped shows its memory and its descriptors to nobody of its own user: only it can tell.
"""

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from collector.process import is_dumpable
from collector.settings import Settings
from collector.spool import files

_SHEET: Final = "process."
_WRITES: Final = os.O_WRONLY | os.O_RDWR
_TERMINALS: Final = ("/dev/null", "/dev/tty", "/dev/pts")
#: How often a process looks at itself.
SHEET_SECONDS: Final = 60.0


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what a process says of itself.

    Attributes:
        name: Of the process in its house.
        pid: Its number, as it sees it.
        is_dumpable: Whether the kernel would show its memory to others.
        pages_of_secrets: Pages that hold keys and salts.
        pages_locked: Those that the limit on locked memory kept out of swap.
        open_elsewhere: Files that it has open for writing outside of the house's own folders.
        knows_pages: Whether it loaded what opens the history or shows a page.
    """

    name: str
    pid: int
    is_dumpable: bool
    pages_of_secrets: int
    pages_locked: int
    open_elsewhere: list[str]
    knows_pages: bool


def look_at_oneself(name: str, settings: Settings) -> Sheet:
    """Look at the process that runs this."""
    # A process that never asked for a secret has no vault.
    vault = getattr(sys.modules.get("collector.spool.vault"), "VAULT", None)
    return Sheet(
        name=name,
        pid=os.getpid(),
        is_dumpable=is_dumpable(),
        pages_of_secrets=vault.pages if vault else 0,
        pages_locked=vault.locked if vault else 0,
        open_elsewhere=elsewhere(written_files(), folders_of(settings)),
        knows_pages=not {"duckdb", "dashboard"}.isdisjoint(sys.modules),
    )


def write_sheet(sheet: Sheet, settings: Settings, *, random: Callable[[int], bytes]) -> None:
    """Lay it where the house finds it; where the folder is gone for now, the next one lies there again."""
    path = settings.runtime_path() / f"{_SHEET}{sheet.name.replace(' ', '-')}"
    with suppress(OSError):
        files.write_small(path, msgspec.json.encode(sheet), random=random, replace=True)


def sheets(settings: Settings, *, parent: int) -> list[Sheet]:
    """Return what lies there of other processes that run: *parent* and its children."""
    found = []
    for path in sorted(settings.runtime_path().glob(f"{_SHEET}*")):
        with suppress(OSError, msgspec.MsgspecError, StopIteration):
            sheet = msgspec.json.decode(path.read_bytes(), type=Sheet)
            if sheet.pid != os.getpid() and parent in (sheet.pid, _parent_of(sheet.pid)):
                found.append(sheet)
    return found


def _parent_of(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("PPid:")))


def folders_of(settings: Settings) -> list[Path]:
    """Return the house's own folders."""
    return [settings.data_dir.resolve(), settings.runtime_path().resolve()]


def open_files() -> Iterator[tuple[str, bool]]:
    """Return what every descriptor of this process leads to, and whether it may be written."""
    with os.scandir("/proc/self/fd") as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                target = str(Path(entry.path).readlink())
                # There may be thousands, and none of them is a file.
                yield target, target.startswith("socket:") or _may_write(entry.name)


def _may_write(number: str) -> bool:
    lines = Path(f"/proc/self/fdinfo/{number}").read_text().splitlines()
    return bool(int(next(line.split()[1] for line in lines if line.startswith("flags")), 8) & _WRITES)


def written_files() -> set[str]:
    """Return the files that this process has open for writing; what lies in memory without a name is none."""
    return {
        name
        for name, writes in open_files()
        if writes and name.startswith("/") and not name.startswith((*_TERMINALS, "/memfd:"))
    }


def elsewhere(names: Iterable[str], folders: Iterable[Path]) -> list[str]:
    """Return those of *names* that lie outside of *folders*."""
    # Standard output is where the operator sends it, and it takes the log only, which R32 searches.
    outputs = {os.path.realpath(f"/proc/self/fd/{number}") for number in (1, 2)}
    return sorted(
        name
        for name in names
        if name not in outputs and not any(Path(name).is_relative_to(folder) for folder in folders)
    )
