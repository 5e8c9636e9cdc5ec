"""Open a history file with care: what is not ours is left alone, and a damaged log is no reason never to start."""

import errno
import os
from pathlib import Path
from typing import Final

import duckdb

from collector.errors import StoreError

#: What DuckDB says of a disk that is full.
NO_ROOM: Final = os.strerror(errno.ENOSPC)
#: DuckDB writes these four bytes at offset 8 of every database.
_MAGIC: Final = b"DUCK"
_MAGIC_AT: Final = 8


def connect(path: Path, *, told: list[str]) -> duckdb.DuckDBPyConnection:
    """Open *path*, or make it where there is none; a log that cannot be replayed is put out of the way.

    Everything that was acknowledged is in the file: a log has rows only between a commit and the checkpoint that
    follows it.

    Args:
        path: The history file.
        told: Gets a sentence about a log that was put aside.

    Raises:
        StoreError: `history_in_use`, `history_damaged`, `history_newer`, `history_unwritable`, `history_full`.
    """
    _refuse_foreign(path)
    try:
        return _connect(path)
    except duckdb.Error as error:
        if "WAL" not in str(error) or (aside := put_log_aside(path)) is None:
            raise reworded(error, path) from None
    try:
        connection = _connect(path)
    except duckdb.Error as error:
        aside.replace(log_of(path))
        raise reworded(error, path) from None
    told.append(
        f"The log beside {path} is damaged and was put aside as {aside}. What it held was being written when the house "
        "ended, and was not acknowledged; all that was is in the file."
    )
    return connection


def is_missing(path: Path) -> bool:
    """Tell whether there is no history: no file, or one without a byte, as a full disk may leave."""
    try:
        return path.stat().st_size == 0
    except OSError:
        return not path.exists()


def put_in_place(fresh: Path, path: Path) -> None:
    """Give a file that was made its name, where no other has it.

    Raises:
        StoreError: `history_in_use` where another house was quicker; `history_unwritable`.
    """
    try:
        if is_missing(path):
            path.unlink(missing_ok=True)
        os.link(fresh, path)
        sync_folder(path.parent)
    except FileExistsError:
        raise StoreError("history_in_use", f"{path} was made by another process meanwhile; start again.") from None
    except OSError as error:
        raise StoreError("history_unwritable", f"{path}: {error.strerror}.") from None


def sync_folder(folder: Path) -> None:
    """Make what was created in or removed from a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put_log_aside(path: Path) -> Path | None:
    """Rename the log of a history, if there is one with anything in it, and return its new name.

    Raises:
        StoreError: `history_unwritable`.
    """
    log = log_of(path)
    aside = log.with_name(log.name + ".damaged")
    try:
        if log.stat().st_size == 0:
            return None
        log.replace(aside)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError("history_unwritable", f"{log}: {error.strerror}.") from None
    return aside


def log_of(path: Path) -> Path:
    """Return where DuckDB keeps the write-ahead log of a file."""
    return path.with_name(path.name + ".wal")


def full(error: duckdb.Error, path: Path) -> StoreError:
    """Return what to say of a history that could not be written."""
    if NO_ROOM in str(error):
        return StoreError(
            "history_full", f"The disk of {path} is full: nothing is lost; it goes on by itself once there is room."
        )
    return StoreError("history_write_failed", f"{path} could not be written ({type(error).__name__}).")


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        str(path), config={"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    )


def _refuse_foreign(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("rb") as file:
            head = file.read(_MAGIC_AT + len(_MAGIC))
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError("history_unwritable", f"{path}: {error.strerror}.") from None
    if head[_MAGIC_AT:] != _MAGIC:
        raise StoreError("history_damaged", f"{path} is no DuckDB file. It was left as it is: restore a backup.")


def reworded(error: duckdb.Error, path: Path) -> StoreError:
    """Return what to say of a file that cannot be opened; DuckDB's own words stay inside."""
    text = str(error)
    # Not "lock" alone: a damaged block is none.
    if "could not set lock" in text.lower():
        return StoreError("history_in_use", f"{path} is open in another process; one house has one history file.")
    if "version number" in text or "newer" in text.lower():
        return StoreError("history_newer", f"{path} was written by another version of DuckDB. It was left as it is.")
    if "permission" in text.lower() or "read-only" in text.lower():
        return StoreError("history_unwritable", f"{path} cannot be written by this user.")
    if NO_ROOM in text:
        return full(error, path)
    return StoreError(
        "history_damaged",
        f"{path} cannot be opened ({type(error).__name__}). It was left as it is: keep a copy, then restore a backup.",
    )
