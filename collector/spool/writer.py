"""Append batches to a spool file of one's own: what has returned from here outlives the process."""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec

from collector.errors import SpoolError
from collector.event import Batch
from collector.model import Epoch
from collector.spool import files
from collector.spool.frames import BATCH, END, FILE_ID_BYTES, TEXT_BYTES_MAX, FileSeal, Header
from collector.spool.names import HIDDEN, epoch_name, parse_spool_file, spool_file_name
from collector.spool.secrets import Secrets
from collector.spool.syncing import Unsynced, not_synced
from collector.spool.vault import VAULT, Secret, wipe

#: An epoch that turns again between the look and the file, so often, is a fault.
OPEN_TRIES_MAX: Final = 8


class SpoolWriter:
    """Append batches, one write a frame, to a file that this process created and holds locked.

    A reader sees the file only once it is locked and its header whole. A lock that is free therefore means that
    nothing will ever be appended: the kernel frees it when the process dies.

    Attributes:
        epoch: Whose events these are.
        file: Hexadecimal id of the file in use.
        offset: Its length in bytes.
    """

    def __init__(
        self,
        directory: Path,
        epoch: Epoch,
        key: Secret,
        *,
        random: Callable[[int], bytes] = os.urandom,
        is_synced: bool = False,
    ) -> None:
        """Create a file.

        Args:
            directory: Holds a folder per epoch.
            epoch: Whose events these are.
            key: Seal key of the epoch; kept as a copy, which `end` and `close` overwrite.
            random: Names the file; two files of one name would share their nonces.
            is_synced: Whether a file is on the disk when it is begun and when it is let go of, for whoever calls `sync`
                in between, so that a power cut loses nothing either.

        Raises:
            SpoolError: `spool_unwritable`.
        """
        self.epoch = epoch
        self._folder = directory / epoch_name(epoch)
        self._key: memoryview | None = VAULT.hold(key)
        self._random = random
        self._is_synced = is_synced
        self._is_ahead = False
        self._encoder = msgspec.msgpack.Encoder()
        self._text = bytearray()
        self._fd: int | None = None
        self._reason: str | None = None
        self._seal: FileSeal | None = None
        try:
            self._start()
        except SpoolError:
            self.close()
            raise

    def append(self, batch: Batch) -> int:
        """Write a batch, and return the offset behind it in `file`.

        A short or failed write starts a new file and writes there; nothing is ever appended behind a torn frame. A
        batch too large for one frame is split; where a later piece fails, the earlier ones stay written.

        Raises:
            SpoolError: `spool_unwritable`, `frame_too_large`, `not_encodable`: the batch must not be acknowledged.
        """
        for text in self._texts(batch):
            try:
                self._write(BATCH, text)
            finally:
                text[:] = bytes(len(text))
        return self.offset

    def unsynced(self) -> Unsynced | None:
        """Return the file in use, to be synced, or `None` where the disk has all of it already."""
        if self._fd is None or not self._is_ahead:
            return None
        self._is_ahead = False
        return Unsynced(self.file, os.dup(self._fd))

    def leave(self, file: str) -> None:
        """Let go of *file*, if it is still in use, since the disk does not take it; what follows goes to another."""
        if self.file == file:
            self._let_go()

    def end(self) -> None:
        """Say that nothing follows, and let the file go. Doing it again does nothing.

        Raises:
            SpoolError: `spool_not_synced`.
        """
        try:
            # Without an end frame the free lock says the same.
            if self._fd is not None and self._seal is not None:
                self._put(self._seal.seal(self._number, END, b""))
                self._sync(self._fd)
        finally:
            self.close()

    def close(self) -> None:
        """Let the file and its key go without an end frame; nothing can be appended any more."""
        self._let_go()
        self._seal = None
        if self._key is not None:
            VAULT.let_go(self._key)
            self._key = None

    def _let_go(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _texts(self, batch: Batch) -> Iterator[bytearray]:
        try:
            self._encoder.encode_into(batch, self._text)
        except UnicodeEncodeError:
            # Its message quotes the text. Half a surrogate pair cannot be written, and no text of the edge has one.
            raise SpoolError("not_encodable", "An event holds text that is no Unicode text.") from None
        if len(self._text) <= TEXT_BYTES_MAX:
            yield self._text
            return
        self._text[:] = bytes(len(self._text))
        events, tallies = batch.events, batch.tallies
        if len(events) + len(tallies) <= 1:
            raise SpoolError("frame_too_large", "One event is larger than a frame of the spool may be.")
        half, rest = len(events) // 2, len(tallies) // 2
        yield from self._texts(Batch(events[:half], tallies[:rest]))
        yield from self._texts(Batch(events[half:], tallies[rest:]))

    def _write(self, kind: int, text: bytearray) -> None:
        if self._fd is not None and self._put(self._sealed(kind, text)):
            return
        torn, self._fd = self._fd, None
        try:
            # The new file is there before the old lock is free: a reader never finds an epoch without a writer.
            self._start()
            if torn is not None:
                # Earlier pieces of the same batch may stand in it.
                self._sync(torn)
        finally:
            if torn is not None:
                os.close(torn)
        if not self._put(self._sealed(kind, text)):
            self._drop()
            raise _unwritable(self._folder, self._reason)

    def _sealed(self, kind: int, text: bytearray) -> bytes:
        assert self._seal is not None  # noqa: S101 - for the type checker: an open file has its seal
        return self._seal.seal(self._number, kind, text)

    def _put(self, frame: bytes) -> bool:
        """Write a frame whole; its number is used up either way, for a nonce must not seal two texts."""
        assert self._fd is not None  # noqa: S101 - for the type checker
        self._number += 1
        try:
            written = os.write(self._fd, frame)
        except OSError as error:
            self._reason = error.strerror
            return False
        if written != len(frame):
            self._reason = os.strerror(errno.ENOSPC)
            return False
        self.offset += written
        self._is_ahead = True
        return True

    def _sync(self, descriptor: int) -> None:
        """Wait for the disk; a frame that may or may not have reached it is refused, not written twice."""
        if self._is_synced:
            try:
                os.fdatasync(descriptor)
            except OSError as error:
                raise not_synced(error) from None

    def _start(self) -> None:
        if self._key is None:
            raise _unwritable(self._folder, "its writer has ended")
        try:
            for folder in (self._folder.parent, self._folder):
                if not folder.exists():
                    files.make_folder(folder)
                    if self._is_synced:
                        files.sync_folder(folder.parent)
            header = Header(self.epoch, self._random(FILE_ID_BYTES), self._next_sequence())
            seal = FileSeal(self._key, header)
            self._path = self._folder / spool_file_name(header.sequence, header.file_id)
            self._fd, self.offset = self._create(self._path, seal.header())
        except OSError as error:
            raise _unwritable(self._folder, error.strerror) from None
        self._seal = seal
        self._number = 1
        self.file = header.file

    def _create(self, path: Path, header: bytes) -> tuple[int, int]:
        making = path.with_name(f"{HIDDEN}{path.name}")
        fd = files.open_new(making, flags=os.O_WRONLY | os.O_APPEND)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.write(fd, header) != len(header):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            making.rename(path)
            if self._is_synced:
                os.fsync(fd)
                files.sync_folder(path.parent)
        except OSError:
            os.close(fd)
            making.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        return fd, len(header)

    def _next_sequence(self) -> int:
        names = (parse_spool_file(entry.name) for entry in self._folder.iterdir())
        return 1 + max((name[0] for name in names if name), default=0)

    def _drop(self) -> None:
        """Remove a file in which nothing was acknowledged, so that a full disk does not fill with headers."""
        self._let_go()
        self._path.unlink(missing_ok=True)


def open_current(
    directory: Path,
    secrets: Secrets,
    timezone: str,
    *,
    now: datetime,
    random: Callable[[int], bytes] = os.urandom,
    is_synced: bool = False,
) -> SpoolWriter:
    """Start a file in the current epoch of *timezone*, and look again before anybody writes to it.

    An engine that turns the epoch lists the files afterwards. A file made before is on its list; one made later
    sees the new epoch here and is ended empty. So nothing is appended to an epoch that is closing.

    Raises:
        SpoolError: `spool_unwritable`, `key_damaged`, `epoch_unstable`.
    """
    for _ in range(OPEN_TRIES_MAX):
        epoch = secrets.current(timezone, now=now)
        key = secrets.seal_key(epoch)
        try:
            writer = SpoolWriter(directory, epoch, key, random=random, is_synced=is_synced)
        finally:
            wipe(key)
        if secrets.current(timezone, now=now) == epoch:
            return writer
        writer.end()
    raise SpoolError("epoch_unstable", "The current day was closed again and again while a spool file was begun.")


def _unwritable(folder: Path, reason: str | None) -> SpoolError:
    return SpoolError("spool_unwritable", f"{folder} cannot be written ({reason}): events are refused, none is lost.")
