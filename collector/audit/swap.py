"""Find out whether this machine can write memory to a disk, and whether what it writes there is encrypted."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

_ESCAPE: Final = re.compile(r"\\(\d{3})")
_CRYPT: Final = "CRYPT-"
#: Deepest pile of devices that is followed: swap on a volume on a mirror on an encrypted disk.
_DEPTH_MAX: Final = 8


class SwapArea(msgspec.Struct, frozen=True):
    """Hold one swap area of the machine.

    Attributes:
        name: As the kernel lists it.
        kind: `disk`, `encrypted disk`, `memory` (zram without a disk behind it).
        used_kb: What lies in it now.
    """

    name: str
    kind: str
    used_kb: int

    @property
    def is_safe(self) -> bool:
        """Tell whether what lies in it ends with the machine's run, or can be read by nobody afterwards."""
        return self.kind != "disk"


def swap_areas(*, root: Path = Path("/")) -> list[SwapArea]:
    """Return the swap areas in use. *root* is where `proc`, `sys` and `dev` are."""
    lines = (root / "proc/swaps").read_text().splitlines()[1:]
    return [_area(line.split(), root) for line in lines]


def _area(words: list[str], root: Path) -> SwapArea:
    name = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), words[0])
    path = root / name.lstrip("/")
    if path.name.startswith("zram"):
        behind = root / "sys/block" / path.name / "backing_dev"
        kind = "memory" if not behind.exists() or behind.read_text().strip() == "none" else "disk"
    else:
        kind = "encrypted disk" if _is_encrypted(path, root) else "disk"
    return SwapArea(name, kind, int(words[3]))


def _is_encrypted(path: Path, root: Path) -> bool:
    """Tell whether a device, or the one that a file lies on, is encrypted; where that cannot be seen: no."""
    # By its name first: a unit with PrivateDevices does not see the device itself.
    named = root / "sys/class/block" / path.name
    if path.is_relative_to(root / "dev") and named.exists():
        return _is_on_crypt(named, _DEPTH_MAX)
    try:
        found = path.stat()
    except OSError:
        return False
    device = found.st_rdev or found.st_dev
    return _is_on_crypt(root / f"sys/dev/block/{os.major(device)}:{os.minor(device)}", _DEPTH_MAX)


def _is_on_crypt(device: Path, depth: int) -> bool:
    uuid = device / "dm/uuid"
    if uuid.exists() and uuid.read_text().startswith(_CRYPT):
        return True
    below = list((device / "slaves").iterdir()) if (device / "slaves").is_dir() else []
    return depth > 0 and bool(below) and all(_is_on_crypt(one, depth - 1) for one in below)


def hibernates_to(*, root: Path = Path("/")) -> str:
    """Return the device to which the machine would write all memory to sleep, as `major:minor`; empty for none."""
    power = root / "sys/power"

    def said(name: str) -> str:
        return (power / name).read_text().strip() if (power / name).exists() else ""

    is_off = "disk" not in said("state").split() or said("disk") == "[disabled]"
    device = said("resume")
    return "" if is_off or device in {"", "0:0"} else device


def swap_limit(pid: int, *, root: Path = Path("/")) -> int | None:
    """Return how many bytes of a process the machine may swap out, by its control group; `None` for no limit."""
    limits = [limit for limit in _limits(pid, root) if limit is not None]
    return min(limits, default=None)


def _limits(pid: int, root: Path) -> Iterator[int | None]:
    base = root / "sys/fs/cgroup"
    for line in (root / f"proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers:
            for folder in _upwards(base, group):
                yield _number(folder / "memory.swap.max")
        elif "memory" in controllers.split(","):
            for folder in _upwards(base / "memory", group):
                both, plain = _number(folder / "memory.memsw.limit_in_bytes"), _number(folder / "memory.limit_in_bytes")
                yield both - plain if both is not None and plain is not None and both < _UNLIMITED else None


#: Control groups of the first kind write "no limit" as a number above this.
_UNLIMITED: Final = 1 << 62


def _upwards(base: Path, group: str) -> Iterator[Path]:
    folder = base / group.lstrip("/")
    while folder.is_relative_to(base):
        yield folder
        folder = folder.parent


def _number(path: Path) -> int | None:
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
