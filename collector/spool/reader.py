"""Tail the spool files of an epoch: every acknowledged batch once, in the order of its file."""

import fcntl
import os
from collections.abc import Container
from pathlib import Path
from typing import Final, Self

import msgspec

from collector.errors import SpoolError
from collector.event import Batch
from collector.model import Epoch
from collector.spool import files
from collector.spool.frames import (
    BATCH,
    END,
    FRAME_BYTES_MAX,
    HEAD_BYTES,
    HEADER_BYTES_MAX,
    Damage,
    FileSeal,
    Header,
    decode,
    read_start,
)
from collector.spool.names import HIDDEN, epoch_name, parse_spool_file
from collector.spool.vault import VAULT, Secret, wipe

#: One `read` stops after about so many bytes of frames: opened, their events take ten times as many.
READ_BYTES_MAX: Final = 1024 * 1024
#: Read at once, unless a frame is larger.
_CHUNK_BYTES: Final = 512 * 1024
_LARGEST_BYTES: Final = HEAD_BYTES + FRAME_BYTES_MAX


class Frame(msgspec.Struct, frozen=True, gc=False):
    """Hold a batch and where it stood.

    Attributes:
        file: Hexadecimal id of the spool file.
        start: Offset of the frame's first byte.
        end: Offset behind its last byte.
    """

    file: str
    start: int
    end: int
    batch: Batch


class SpoolReader:
    """Read what the collectors appended to the files of one epoch.

    What cannot be read is never skipped silently: a frame that is damaged ends its file, and `damage` says so.
    """

    def __init__(self, directory: Path, epoch: Epoch, key: Secret) -> None:
        """Read nothing yet.

        Args:
            directory: Holds a folder per epoch.
            epoch: Whose files to read.
            key: Seal key of the epoch; kept as a copy, which `close` overwrites.
        """
        self.epoch = epoch
        self._folder = directory / epoch_name(epoch)
        self._key: memoryview | None = VAULT.hold(key)
        self._tails: dict[str, _Tail] = {}
        self._skips: dict[str, int] = {}
        self._foreign: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, files: Container[str] | None = None) -> list[Frame]:
        """Return the frames that are new since the last call, file by file in the order in which those were begun.

        At most about `READ_BYTES_MAX` bytes of frames: call again until nothing is returned.

        Args:
            files: Ids of the files to read; `None` for all.

        Raises:
            SpoolError: `spool_version`, `spool_unreadable`.
        """
        self._find()
        frames: list[Frame] = []
        left = READ_BYTES_MAX
        for tail in sorted(self._tails.values(), key=lambda tail: tail.order):
            if left > 0 and (files is None or tail.file in files):
                left -= tail.read(frames, budget=left)
        return frames

    def skip_to(self, file: str, offset: int) -> None:
        """Leave out the frames of *file* that end at or before *offset*."""
        self._skips[file] = offset
        if file in self._tails:
            self._tails[file].skip_to = offset

    def is_complete(self, file: str) -> bool:
        """Tell whether nothing can be appended to *file* any more: it has an end frame, or nobody holds its lock."""
        self._find()
        tail = self._tails.get(file)
        return tail is not None and (tail.is_drained or tail.has_end or tail.is_lock_free())

    def is_drained(self) -> bool:
        """Tell whether every file of the epoch is complete and read.

        Looks for new files again, since a collector whose write failed goes on in another.
        """
        self._find()
        return all(tail.is_drained for tail in self._tails.values())

    def positions(self) -> dict[str, int]:
        """Return, for each file by its id, the offset up to which it was read."""
        return {tail.file: tail.offset for tail in self._tails.values()}

    def unread_bytes(self) -> int:
        """Return how many bytes of the files that are known were not read yet."""
        return sum(tail.unread_bytes() for tail in self._tails.values())

    def damage(self) -> list[str]:
        """Return a sentence, without content, for each file that could not be read to its end."""
        return [*self._foreign.values(), *(tail.damage for tail in self._tails.values() if tail.damage)]

    def torn(self) -> list[str]:
        """Return a sentence for each file that ends in half a frame: never acknowledged, so nothing was lost."""
        return [tail.torn for tail in self._tails.values() if tail.torn]

    def close(self) -> None:
        """Let the files and their keys go; nothing can be read any more. Doing it again does nothing."""
        if self._key is not None:
            VAULT.let_go(self._key)
            self._key = None
        for tail in self._tails.values():
            tail.close()

    def _find(self) -> None:
        try:
            names = sorted(entry.name for entry in self._folder.iterdir())
        except FileNotFoundError:
            return
        for name in names:
            parsed = parse_spool_file(name)
            if parsed is None:
                if not name.startswith(HIDDEN):
                    self._foreign[name] = f"{self._folder / name} is not named as a spool file and was left alone."
            elif parsed[1] not in self._tails:
                self._open(self._folder / name, *parsed)

    def _open(self, path: Path, sequence: int, file: str) -> None:
        if self._key is None:
            raise SpoolError("spool_unreadable", f"{path} cannot be read: its reader was closed.")
        try:
            tail = _Tail(path, Header(self.epoch, bytes.fromhex(file), sequence), self._key)
        except FileNotFoundError:
            return
        except OSError as error:
            raise SpoolError("spool_unreadable", f"{path} cannot be read ({error.strerror}).") from None
        tail.skip_to = self._skips.get(file, 0)
        self._tails[file] = tail


class _Tail:
    """Follow one file.

    Attributes:
        order: Sequence and id: where the file stands among the others.
        offset: What was read, in bytes.
        skip_to: Frames that end at or before this offset are left out.
        has_end: Whether the end frame was read.
        is_drained: Whether nothing can follow and all was read.
        damage: What is wrong, as a sentence.
        torn: Says that the file ends in half a frame.
    """

    def __init__(self, path: Path, header: Header, key: Secret) -> None:
        self._path = path
        self._number = 1
        self.file = header.file
        self.order = (header.sequence, header.file)
        self.skip_to = 0
        self.offset = 0
        self.has_end = False
        self.is_drained = False
        self.damage = ""
        self.torn = ""
        self._seal: FileSeal | None = None
        self._fd = files.open_existing(path)
        try:
            raw = os.pread(self._fd, HEADER_BYTES_MAX, 0)
            read_start(raw, path=str(path))
            self._seal = FileSeal(key, header)
            self.offset = self._seal.check_header(raw)
        except Damage as damage:
            self._say(damage)
        except (OSError, SpoolError):
            self.close()
            raise

    def read(self, frames: list[Frame], *, budget: int) -> int:
        """Add new frames to *frames*, and return how many bytes they take."""
        if self.is_drained:
            return 0
        # Asked before reading: what a writer appended before it let go is then seen below.
        is_free = self.is_lock_free()
        begin = self.offset
        try:
            at_end = self._read(frames, budget)
        except Damage as damage:
            self._say(damage)
            at_end = True
        except OSError as error:
            self._say(Damage(f"the disk does not give it back ({error.strerror})"))
            at_end = True
        if self.has_end or (is_free and at_end):
            self._finish()
        return self.offset - begin

    def is_lock_free(self) -> bool:
        """Tell whether no writer holds the file; its writer locked it before it had its name."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        fcntl.flock(self._fd, fcntl.LOCK_UN)
        return True

    def unread_bytes(self) -> int:
        """Return how many bytes follow what was read."""
        return 0 if self._fd < 0 else max(0, os.fstat(self._fd).st_size - self.offset)

    def close(self) -> None:
        """Let the file and its key go."""
        self._seal = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self, frames: list[Frame], budget: int) -> bool:
        """Read whole frames; return whether the last of them was reached."""
        stop = self.offset + budget
        while not self.damage and not self.has_end:
            left = os.fstat(self._fd).st_size - self.offset
            if left < 0:
                raise Damage("it is shorter than before")
            if self.offset >= stop:
                return left == 0
            if not self._take(os.pread(self._fd, min(left, _CHUNK_BYTES), self.offset), frames) and (
                left <= _CHUNK_BYTES
                or not self._take(os.pread(self._fd, min(left, _LARGEST_BYTES), self.offset), frames)
            ):
                return True
        return True

    def _take(self, chunk: bytes, frames: list[Frame]) -> bool:
        """Take the whole frames at the start of *chunk*; return whether there was one."""
        assert self._seal is not None  # noqa: S101 - for the type checker: a file that is let go is not read
        seal, at, left = self._seal, 0, len(chunk)
        while left >= HEAD_BYTES and not self.has_end:
            kind, length, bound = seal.read_head(self._number, chunk, at)
            if kind not in (BATCH, END):
                raise Damage("a frame was written by another version")
            size = HEAD_BYTES + length
            if size > left:
                break
            start = self.offset
            end = start + size
            if kind == END or end > self.skip_to:
                text = seal.open(self._number, chunk[at + HEAD_BYTES : at + size], bound)
                try:
                    if kind == BATCH:
                        frames.append(Frame(self.file, start, end, decode(text)))
                finally:
                    wipe(text)
            self.has_end = kind == END
            self._number += 1
            self.offset = end
            at += size
            left -= size
        return at > 0

    def _finish(self) -> None:
        behind = os.fstat(self._fd).st_size - self.offset
        if behind and self.has_end:
            self._say(Damage("bytes follow its end"))
        elif behind and not self.damage:
            self.torn = (
                f"{self._path} ends in {behind} bytes of a frame that was never finished, at byte {self.offset}; "
                "it was not acknowledged."
            )
        self.is_drained = True
        self.close()

    def _say(self, damage: Damage) -> None:
        self.damage = f"{self._path} cannot be read from byte {self.offset} on: {damage}. Nothing was changed."
