"""Make, read and destroy the few files and folders of the spool, for the user of the house alone.

Folders have mode 700 and files 600; no link is followed and no descriptor is passed on to a child process.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from collector.errors import SpoolError
from collector.model import Epoch
from collector.spool.names import HIDDEN, epoch_name, parse_epoch

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
#: No secret, pointer or lock file is longer.
SMALL_FILE_BYTES_MAX: Final = 4_096
#: A folder that still fills up while it is being destroyed is given up after so many rounds.
DESTROY_ROUNDS_MAX: Final = 8
_SAFE: Final = os.O_CLOEXEC | os.O_NOFOLLOW
_MEMORY_FILESYSTEMS: Final = frozenset({"tmpfs", "ramfs"})


def make_folder(path: Path) -> None:
    """Make a folder of mode 700 where there is none."""
    path.mkdir(mode=FOLDER_MODE, exist_ok=True)


def open_new(path: Path, *, flags: int = os.O_WRONLY) -> int:
    """Create a file that must not exist yet, and return its descriptor."""
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | _SAFE, FILE_MODE)


def open_existing(path: Path, *, flags: int = os.O_RDONLY) -> int:
    """Open a plain file, never through a link."""
    return os.open(path, flags | _SAFE)


def read_small(path: Path, *, most: int = SMALL_FILE_BYTES_MAX) -> bytes | None:
    """Return the content of a small file, or `None` where there is none.

    Raises:
        SpoolError: `key_damaged`.
    """
    try:
        size = path.stat(follow_symlinks=False).st_size
    except OSError:
        size = 0
    content = bytearray(min(max(size, SMALL_FILE_BYTES_MAX), most))
    length = read_into(path, content)
    return None if length is None else bytes(content[:length])


def _unreadable(path: Path, error: OSError) -> SpoolError:
    return SpoolError("key_damaged", f"{path} cannot be read ({error.strerror}). Nothing was changed.")


def read_into(path: Path, buffer: bytearray) -> int | None:
    """Read a small file into a buffer that can be overwritten; return its length, or `None` where there is none.

    Raises:
        SpoolError: `key_damaged`.
    """
    try:
        descriptor = open_existing(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(path, error) from None
    try:
        return os.readv(descriptor, [buffer])
    except OSError as error:
        raise _unreadable(path, error) from None
    finally:
        os.close(descriptor)


def write_small(
    path: Path, content: bytes | bytearray, *, random: Callable[[int], bytes], replace: bool = False
) -> None:
    """Put a small file in place whole or not at all, even when the process dies halfway.

    Args:
        path: Its name; its folder exists.
        content: What a single write takes.
        random: Names the file while it is in the making.
        replace: Whether an older file gives way; otherwise it stays and `FileExistsError` is raised.
    """
    making = path.parent / f"{HIDDEN}{random(8).hex()}"
    descriptor = open_new(making)
    try:
        written = os.write(descriptor, content)
        os.fsync(descriptor)
        if written != len(content):
            raise OSError("short write")
        if replace:
            making.replace(path)
        else:
            # A link refuses to take the place of a file, which a rename would do silently.
            os.link(making, path)
    finally:
        os.close(descriptor)
        making.unlink(missing_ok=True)


def wipe(path: Path) -> None:
    """Overwrite a file with zeros and remove it; a link is removed and what it points at left alone.

    In memory the bytes are gone. A disk may keep older copies of a block out of reach, whatever is written.
    """
    try:
        if stat.S_ISREG(path.lstat().st_mode):
            descriptor = open_existing(path, flags=os.O_WRONLY)
            try:
                wipe_open(descriptor)
            finally:
                os.close(descriptor)
        path.unlink()
    except FileNotFoundError:
        return


def wipe_open(descriptor: int) -> None:
    """Overwrite an open file with zeros."""
    left = os.fstat(descriptor).st_size
    at = 0
    while left > 0:
        written = os.pwrite(descriptor, bytes(min(left, SMALL_FILE_BYTES_MAX)), at)
        at += written
        left -= written
    os.fsync(descriptor)


def empty_folder(path: Path, *, remove: Callable[[Path], None]) -> None:
    """Remove the files of a folder, then the folder; do nothing where there is none.

    Raises:
        SpoolError: `not_destroyed` where something stays: a folder inside, or a process that goes on making files.
    """
    for _ in range(DESTROY_ROUNDS_MAX):
        try:
            for entry in list(path.iterdir()):
                remove(entry)
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            continue
        sync_folder(path.parent)
        return
    raise SpoolError("not_destroyed", f"{path} could not be removed; remove it by hand and close again.")


def sync_folder(path: Path) -> None:
    """Make what was created in or removed from a folder last through a power cut."""
    descriptor = open_existing(path, flags=os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def list_epochs(spool_dir: Path) -> list[Epoch]:
    """Return the epochs that have a folder in *spool_dir*, oldest first by time zone; other names are left alone."""
    try:
        names = [entry.name for entry in spool_dir.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(epoch for name in names if (epoch := parse_epoch(name)))


def destroy(spool_dir: Path, epoch: Epoch) -> None:
    """Remove an epoch's spool files; doing it again does nothing.

    The files are sealed, so it is the end of the seal key that ends their content: destroy that too.
    """
    empty_folder(spool_dir / epoch_name(epoch), remove=lambda entry: entry.unlink(missing_ok=True))


def key_dir(data_dir: Path, *, is_kept: bool) -> Path | None:
    """Return where keys lie on disk too; where they may not be, none is left of an earlier setting."""
    folder = data_dir / "keys"
    if is_kept:
        return folder
    for epoch in list_epochs(folder):
        empty_folder(folder / epoch_name(epoch), remove=wipe)
    return None


def prepare_runtime_dir(path: Path) -> None:
    """Make the folder for keys and salts where there is none, and check that it is ours alone.

    Raises:
        SpoolError: `runtime_dir_missing`, `runtime_dir_unsafe`.
    """
    try:
        make_folder(path)
    except OSError as error:
        raise SpoolError(
            "runtime_dir_missing",
            f"runtime_dir {path} cannot be made ({error.strerror}); set it to a folder in memory.",
        ) from None
    check_runtime_dir(path)


def check_runtime_dir(path: Path) -> None:
    """Check that a folder is there, is no link, belongs to us and is closed to others.

    Raises:
        SpoolError: `runtime_dir_missing`, `runtime_dir_unsafe`.
    """
    try:
        found = path.lstat()
    except OSError:
        raise SpoolError("runtime_dir_missing", f"There is no folder {path} for keys and salts.") from None
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise SpoolError("runtime_dir_unsafe", f"{path} must be a folder of the user who runs Turven, and no link.")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise SpoolError("runtime_dir_unsafe", f"{path} is open to others; run `chmod 700 {path}`.")


def is_in_memory(path: Path, *, mounts: Path = Path("/proc/mounts")) -> bool:
    """Tell whether a path lies on a file system in memory, so that it does not outlive the machine's run.

    Swap is another question. Where the list of mounts cannot be read the answer is no.
    """
    try:
        lines = mounts.read_text("utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    kind, longest = "", -1
    for point, filesystem in _mounts(lines):
        # The last of several mounts on one point covers the others.
        if len(point.parts) >= longest and path.resolve().is_relative_to(point):
            kind, longest = filesystem, len(point.parts)
    return kind in _MEMORY_FILESYSTEMS


def _mounts(lines: list[str]) -> Iterator[tuple[Path, str]]:
    for line in lines:
        _, point, filesystem, *_ = line.split(" ")
        for escaped, plain in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
            point = point.replace(escaped, plain)
        yield Path(point), filesystem


def set_aside(spool_dir: Path, epoch: Epoch) -> None:
    """Put an epoch's files out of the way, unread and unchanged; `clear_aside` removes them."""
    folder = spool_dir / epoch_name(epoch)
    with suppress(FileNotFoundError):
        folder.rename(spool_dir / f"{HIDDEN}unreadable~{folder.name}")


def clear_aside(spool_dir: Path) -> None:
    """Remove what was set aside."""
    for folder in spool_dir.glob(f"{HIDDEN}unreadable~*"):
        empty_folder(folder, remove=lambda entry: entry.unlink(missing_ok=True))
