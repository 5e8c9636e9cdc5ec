"""Look at a running house as a process: whether its memory can reach a disk, and who may look in (R49).

Two witnesses. The house answers what only it can see: whether it is dumpable, which files it has open, whether its
secrets are locked. The auditor's own process reads the rest in /proc, of the process at the other end of the socket,
whose number the kernel tells.
"""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.audit.finding import Result, Seen
from collector.audit.kept import not_applicable
from collector.audit.memory import outbound
from collector.audit.swap import SwapArea, hibernates_to, swap_areas, swap_limit
from collector.control import SOCKET_NAME, ask_peer
from collector.errors import SettingsError, StoreError
from collector.process import is_dumpable
from collector.processes import Sheet, elsewhere, folders_of, open_files, sheets, written_files
from collector.settings import Settings
from collector.spool.files import is_in_memory
from collector.spool.vault import VAULT

_NAMED_MAX: Final = 5
_OTHERS: Final = 0o077
_UNENCRYPTED: Final = (
    "The machine swaps to a disk that is not encrypted: encrypt the swap or switch it off (swapoff), or run the house "
    "with MemorySwapMax=0, as deploy/turven.service does."
)


class OwnAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what a house says of its own process.

    Attributes:
        pid: Its number, as it sees it.
        is_dumpable: Whether the kernel would show its memory to others.
        pages_of_secrets: Pages that hold keys and salts.
        pages_locked: Those that the limit on locked memory kept out of swap.
        open_for_writing: Files that it has open for writing.
        open_elsewhere: Those of them that lie outside of its own folders.
        sockets: How many it has open.
        connections_off_this_machine: How many of them lead, or try to lead, off this machine.
        open_to_others: Files and folders of its own that another user of the machine may read or write, or owns.
        files: How many it has.
        collectors: How many collectors it was started with.
        others: What the other processes of the house say of themselves: its parent and its collectors.
    """

    pid: int
    is_dumpable: bool
    pages_of_secrets: int
    pages_locked: int
    open_for_writing: list[str]
    open_elsewhere: list[str]
    sockets: int
    connections_off_this_machine: int
    open_to_others: list[str]
    files: int
    collectors: int = 0
    others: list[Sheet] = []


def own_answer(settings: Settings) -> OwnAnswer:
    """Look at the process that runs this, as the house itself, and at what those beside it say."""
    folders = folders_of(settings)
    written = written_files()
    loose, files = open_to_others(folders)
    return OwnAnswer(
        pid=os.getpid(),
        is_dumpable=is_dumpable(),
        pages_of_secrets=VAULT.pages,
        pages_locked=VAULT.locked,
        open_for_writing=sorted(written),
        open_elsewhere=elsewhere(written, folders),
        sockets=sum(name.startswith("socket:") for name, _ in open_files()),
        connections_off_this_machine=outbound(os.getpid()),
        open_to_others=loose[:_NAMED_MAX],
        files=files,
        collectors=settings.server.collectors,
        others=sheets(settings, parent=os.getppid()) if settings.server.collectors else [],
    )


def open_to_others(folders: Iterable[Path]) -> tuple[list[str], int]:
    """Return what in *folders* another user of the machine may reach or owns, and how many files there are.

    What lies in a folder that is closed to others is closed to them too, whatever its own mode.
    """
    loose, files = [], 0
    for folder in folders:
        if not folder.is_dir():
            continue
        is_closed = not stat.S_IMODE(folder.stat().st_mode) & _OTHERS
        for path in (folder, *sorted(folder.rglob("*"))):
            with suppress(FileNotFoundError):
                found = path.lstat()
                files += stat.S_ISREG(found.st_mode)
                if found.st_uid != os.geteuid() or (not is_closed and stat.S_IMODE(found.st_mode) & _OTHERS):
                    loose.append(str(path.relative_to(folder.parent)))
    return loose, files


def status_of(pid: int, *, root: Path = Path("/")) -> dict[str, Any]:
    """Return what the kernel tells anybody about a process."""
    lines = (root / f"proc/{pid}/status").read_text().splitlines()
    said = {name: value.split() for name, _, value in (line.partition(":") for line in lines)}
    limits = (root / f"proc/{pid}/limits").read_text().splitlines()
    core = next(line.split()[4:6] for line in limits if line.startswith("Max core file size"))

    def number(name: str) -> int:
        return int(said[name][0]) if said.get(name) else 0

    return {
        "core_file_limit": " ".join(core),
        "swapped_out_kb": number("VmSwap"),
        "locked_kb": number("VmLck"),
        "umask": said["Umask"][0] if "Umask" in said else "",
        "traced_by_another": number("TracerPid") != 0,
        "may_gain_privileges": not number("NoNewPrivs"),
        "system_calls_filtered": number("Seccomp") != 0,
        "capabilities": said["CapEff"][0].lstrip("0") or "none",
    }


def check_process(settings: Settings) -> Seen:
    """R49 of the running house: no core file, not dumpable, nothing swapped out, its files its own."""
    try:
        answered = ask_peer(settings.runtime_path() / SOCKET_NAME, "process", {})
    except (SettingsError, StoreError):
        return Seen.that(False, reason="The running house does not know the question; restart it after an update.")
    if answered is None:
        return not_applicable("No house is running here: start it (`turven serve`) and audit it again.")
    pid, raw = answered
    if not Path(f"/proc/{pid}/status").exists():
        return not_applicable("The house runs in a container: run the audit in there (docker compose exec).")
    said = msgspec.json.decode(raw, type=OwnAnswer)
    seen = judge(said, status_of(pid), swap_limit(pid), is_memory=is_in_memory(settings.runtime_path()))
    if not said.collectors:
        return seen
    beside = [(other, status_of(other.pid)) for other in said.others if Path(f"/proc/{other.pid}/status").exists()]
    # Beside the house its collectors, and the parent of all.
    reasons = [] if len(beside) > said.collectors else ["Not every process of the house could be looked at; try again."]
    for other, status in beside:
        reasons += [f"{other.name}: {reason}" for reason in faults(other, status)]
    return add_others(seen, [other for other, _ in beside], reasons)


def add_others(seen: Seen, others: Sequence[Sheet], reasons: list[str]) -> Seen:
    """Add to what was seen of the house what was seen of the processes beside it."""
    told: dict[str, Any] = {
        "processes": 1 + len(others),
        "processes_that_know_pages": 1 + sum(other.knows_pages for other in others),
        "pages_of_secrets_beside": sum(other.pages_of_secrets for other in others),
        "pages_of_secrets_beside_locked": sum(other.pages_locked for other in others),
        "scratch_houses_have_collectors": False,
        "reasons": [*seen.evidence["reasons"], *reasons],
    }
    return Seen.that(seen.result is Result.PASS and not reasons, **(dict(seen.evidence) | told))


def faults(said: OwnAnswer | Sheet, status: Mapping[str, Any]) -> list[str]:
    """Return what of a process could carry its memory elsewhere."""
    reasons = []
    if status["core_file_limit"] != "0 0":
        reasons.append("A core file may be written: the limit is not 0, or can be raised again (LimitCORE=0).")
    if said.is_dumpable:
        reasons.append("Another process of the same user may read its memory: it did not make itself undumpable.")
    if status["traced_by_another"]:
        reasons.append("Another process is attached to it.")
    if status["swapped_out_kb"] and not all(area.is_safe for area in swap_areas()):
        reasons.append("Parts of it lie in swap on a disk that is not encrypted; stop it, mend that, and start again.")
    if said.open_elsewhere:
        reasons.append("It has files open for writing outside of data_dir and runtime_dir.")
    return reasons


def judge(said: OwnAnswer, status: Mapping[str, Any], limit: int | None, *, is_memory: bool) -> Seen:
    """Put the two witnesses together."""
    reasons = faults(said, status)
    if said.open_to_others:
        reasons.append("Other users of the machine may reach its files: chmod -R go= on data_dir and runtime_dir.")
    return Seen.that(
        not reasons,
        **status,
        dumpable=said.is_dumpable,
        swap_allowed_bytes="no limit" if limit is None else limit,
        pages_of_secrets=said.pages_of_secrets,
        pages_of_secrets_locked=said.pages_locked,
        runtime_dir_in_memory=is_memory,
        files=said.files,
        open_to_others=said.open_to_others,
        open_elsewhere=said.open_elsewhere,
        sockets=said.sockets,
        connections_off_this_machine=said.connections_off_this_machine,
        reasons=reasons,
    )


def check_swap(settings: Settings, *, root: Path = Path("/")) -> Seen:
    """R49 of the machine: swap is off, in memory or encrypted, or the running house may not be swapped out."""
    areas, device = swap_areas(root=root), hibernates_to(root=root)
    unsafe = [area for area in areas if not area.is_safe]
    limit = _limit_of_house(settings, root) if unsafe else None
    holds = not unsafe or limit == 0
    return Seen.that(holds, **_told(areas, device, holds=holds, limit=limit))


def _limit_of_house(settings: Settings, root: Path) -> int | None:
    """Return what the running house may have swapped out; where none runs nothing speaks for it."""
    try:
        answered = ask_peer(settings.runtime_path() / SOCKET_NAME, "process", {})
    except (SettingsError, StoreError):
        return None
    return swap_limit(answered[0], root=root) if answered else None


def _told(areas: list[SwapArea], device: str, *, holds: bool, limit: int | None) -> dict[str, Any]:
    reasons = [] if holds else [_UNENCRYPTED]
    if device:
        reasons.append(
            "The machine can hibernate, which writes all memory to its swap: mask hibernate.target, or encrypt it."
        )
    return {
        "swap_areas": [f"{area.name}: {area.kind}, {area.used_kb} kB used" for area in areas],
        "house_may_be_swapped_bytes": "no limit" if limit is None and areas else limit or 0,
        "hibernates_to": device or "nothing",
        "reasons": reasons,
    }
