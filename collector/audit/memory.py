"""Look into a running process as the machine's administrator can: its memory, its limits, its connections."""

import re
from pathlib import Path
from typing import Any, Final

_WRITABLE: Final = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw")
_SEGMENT_BYTES_MAX: Final = 1 << 30
_LOOPBACK: Final = frozenset(
    {"0100007F", "00000000", "0" * 32, "0000000000000000FFFF00000100007F", "0" * 24 + "01000000"}
)
_ESTABLISHED: Final = "01"
_SYN_SENT: Final = "02"


def find_in_memory(pid: int, needles: list[bytes]) -> dict[str, int] | None:
    """Search the writable memory of a process; return bytes read and places found, or `None` where it is forbidden."""
    read = found = 0
    try:
        with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
            for line in maps:
                match = _WRITABLE.match(line)
                if not match:
                    continue
                start, end = int(match[1], 16), int(match[2], 16)
                try:
                    memory.seek(start)
                    content = memory.read(min(end - start, _SEGMENT_BYTES_MAX))
                except OSError:
                    continue
                read += len(content)
                found += sum(content.count(needle) for needle in needles)
    except (PermissionError, FileNotFoundError):
        return None
    return {"bytes": read, "found": found}


def limits(pid: int) -> dict[str, Any]:
    """Return what keeps a process's memory off the disk: core file limit, dumpable, swap of the machine."""
    core = next(
        (
            line.split()[4]
            for line in Path(f"/proc/{pid}/limits").read_text().splitlines()
            if line.startswith("Max core")
        ),
        "?",
    )
    return {"core_limit": core, "swap_areas": swap_areas(), "swapped_kb": _swapped(pid)}


def swap_areas() -> int:
    """Return how many swap areas the machine uses."""
    return len(Path("/proc/swaps").read_text().splitlines()[1:])


def _swapped(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmSwap"):
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
