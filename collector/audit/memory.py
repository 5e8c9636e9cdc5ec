"""Look into a running process as the machine's administrator can: its memory, its limits, its connections."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

_WRITABLE: Final = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw")
_PAGE_BYTES: Final = 4096
#: Of the kernel's map of a process's pages.
_ENTRY_BYTES: Final = 8
_IN_MEMORY_OR_SWAP: Final = np.uint64(0b11 << 62)
_LOOPBACK: Final = frozenset(
    {"0100007F", "00000000", "0" * 32, "0000000000000000FFFF00000100007F", "0" * 24 + "01000000"}
)
_ESTABLISHED: Final = "01"
_SYN_SENT: Final = "02"


def count_in_memory(pid: int, needles: Sequence[bytes]) -> tuple[int, list[int]] | None:
    """Search the writable memory of a process, as the machine's administrator can.

    Returns:
        Bytes read, and for each of *needles* how often it was found; `None` where it is forbidden: a process that
        cannot be dumped is open to `CAP_SYS_PTRACE` only.
    """
    read, found = 0, [0] * len(needles)
    try:
        with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for line in maps:
                match = _WRITABLE.match(line)
                if match:
                    for start, end in _touched(pid, int(match[1], 16), int(match[2], 16)):
                        content = _read(memory, start, end)
                        read += len(content)
                        found = [count + content.count(needle) for count, needle in zip(found, needles, strict=True)]
    except (PermissionError, FileNotFoundError):
        return None
    return read, found


def _touched(pid: int, start: int, end: int) -> list[tuple[int, int]]:
    """Return the stretches between two addresses that hold anything; all of it where that cannot be told.

    Most of what a process has mapped was never touched: to read it would take longer than all the rest.
    """
    try:
        with Path(f"/proc/{pid}/pagemap").open("rb", buffering=0) as pagemap:
            pagemap.seek(start // _PAGE_BYTES * _ENTRY_BYTES)
            entries = np.frombuffer(pagemap.read((end - start) // _PAGE_BYTES * _ENTRY_BYTES), dtype=np.uint64)
    except OSError:
        return [(start, end)]
    held = np.concatenate(([False], (entries & _IN_MEMORY_OR_SWAP) != 0, [False]))
    edges = np.flatnonzero(held[1:] != held[:-1]) * _PAGE_BYTES + start
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _read(memory: IO[bytes], start: int, end: int) -> bytes:
    pieces = []
    while start < end:
        try:
            memory.seek(start)
            piece = memory.read(end - start)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
        start += len(piece)
    return b"".join(pieces)


def limits(pid: int) -> dict[str, Any]:
    """Return what may carry a process's memory elsewhere: a core file, swap, and a process that is attached to it."""
    core = next(
        (
            line.split()[4]
            for line in Path(f"/proc/{pid}/limits").read_text().splitlines()
            if line.startswith("Max core")
        ),
        "?",
    )
    return {
        "core_limit": core,
        "swap_areas": swap_areas(),
        "swapped_kb": _status(pid, "VmSwap"),
        "processes_attached": int(_status(pid, "TracerPid") > 0),
    }


def swap_areas() -> int:
    """Return how many swap areas the machine uses."""
    return len(Path("/proc/swaps").read_text().splitlines()[1:])


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def outbound(pid: int) -> int:
    """Return how many connections of a process lead, or try to lead, off this machine."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    count = 0
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            words = line.split()
            remote, state, inode = words[2].partition(":")[0], words[3], words[9]
            if inode in inodes and state in {_ESTABLISHED, _SYN_SENT} and remote not in _LOOPBACK:
                count += 1
    return count
