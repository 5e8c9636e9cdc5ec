"""Keep each epoch's seal key and salts in memory, hand them to the processes of the house, and destroy them.

    lock                    held while anything below changes
    current/<zone>          name of the epoch in which events are counted
    epochs/<epoch>/key      seal key
    epochs/<epoch>/salt.<site>
    destroyed/<epoch>       empty: says that the secrets did not merely vanish

The folder is meant to lie in memory (a tmpfs): it outlives a crash of the process and not the machine. Destroying an
epoch's few bytes ends what was sealed or keyed with them.

What a process has read it keeps in locked memory that it overwrites when the epoch is destroyed. What is handed out
is a copy in a buffer, and whoever asked for it wipes it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import Final

from collector.clock import day_ends_at, local_day
from collector.errors import SpoolError
from collector.model import Epoch
from collector.spool import files
from collector.spool.files import is_in_memory, prepare_runtime_dir
from collector.spool.keyfile import SECRET_BYTES, key_missing, read_secret, write_secret
from collector.spool.locking import lock_folder
from collector.spool.names import epoch_name, parse_epoch, salt_name, zone_name
from collector.spool.notes import CLOSING, read_note, write_note
from collector.spool.pointer import SeenEpoch, mark_of
from collector.spool.vault import VAULT, Secret, fresh, wipe

__all__ = ["SECRET_BYTES", "Secrets", "is_in_memory", "prepare_runtime_dir"]

#: Oldest signs of destruction go first; a process looks at them every few seconds, not weeks later.
DESTROYED_MAX: Final = 1_000
_KEY: Final = "key"
#: An empty file that is made anew whenever a salt of the epoch is replaced.
_GENERATION: Final = "generation"


class Secrets:
    """Hand out the epochs, seal keys and salts of the house.

    Several processes may share the folder. Changes happen under one lock, and a file appears whole or not at all.
    """

    def __init__(
        self,
        runtime_dir: Path,
        *,
        random: Callable[[int], bytes] = os.urandom,
        key_dir: Path | None = None,
        spool_dir: Path | None = None,
    ) -> None:
        """Use a folder that is there already (`prepare_runtime_dir` makes it).

        Args:
            runtime_dir: In memory, of mode 700 and ours.
            random: Makes keys and salts.
            key_dir: On disk; a second place for seal keys, never for salts, so that a day survives a reboot.
            spool_dir: A new epoch never takes the number of one that has spool files here.

        Raises:
            SpoolError: `runtime_dir_missing`, `runtime_dir_unsafe`.
        """
        files.check_runtime_dir(runtime_dir)
        self._base = runtime_dir
        self._random = random
        self._key_dir = key_dir
        self._spool_dir = spool_dir
        # The engine's thread and the event loop's change it; a slot that was let go is another secret's.
        self._guard = RLock()
        self._kept: dict[Epoch, dict[str, memoryview]] = {}
        self._generations: dict[Epoch, tuple[int, int]] = {}
        self._current: dict[str, Epoch] = {}
        self._seen: dict[str, SeenEpoch] = {}

    def current(self, timezone: str, *, now: datetime) -> Epoch:
        """Return the epoch in which events of *timezone* are counted, and begin that of a new local day.

        Epochs never go back: where the clock was set back, the later one stays.

        Raises:
            SpoolError: `pointer_damaged`, `runtime_dir_unwritable`, `secrets_busy`, `timezone_name`.
        """
        seen = self._seen.get(timezone)
        if seen is not None and now < seen.ends_at and seen.is_unchanged():
            return seen.epoch
        today = local_day(now, timezone)
        found = self._usable(timezone, today)
        if found is not None:
            return found
        with self._locked():
            self._write_back()
            return self._usable(timezone, today) or self._publish(timezone, today)

    def turn(self, timezone: str, *, now: datetime) -> Epoch:
        """Begin the next epoch of *timezone*: the next part of the day, or the first of a new one.

        Raises:
            SpoolError: As `current`.
        """
        with self._locked():
            self._write_back()
            return self._publish(timezone, local_day(now, timezone))

    def seal_key(self, epoch: Epoch) -> bytearray:
        """Return the 32 bytes that seal an epoch's spool files; they are the caller's to wipe.

        Raises:
            SpoolError: `key_missing` after a reboot or once it was destroyed; `key_damaged`, `key_version`.
        """
        secret = self._find(epoch, _KEY)
        if secret is None and self._key_dir is not None and not self._is_destroyed(epoch):
            secret = read_secret(self._key_dir / epoch_name(epoch) / _KEY, epoch)
        if secret is None:
            raise key_missing(epoch)
        return secret

    def salt(self, epoch: Epoch, site: str) -> bytearray:
        """Return the 32 bytes that key a site's visitors; the first process to ask makes them.

        They are the caller's to wipe. Make of them at once what is needed for the epoch: each call reads a file.

        Raises:
            SpoolError: `key_missing` where the epoch is over; `key_damaged`, `key_version`, `site_name`.
        """
        name = salt_name(site)
        found = self._find(epoch, name)
        if found is not None:
            return found
        with self._locked():
            found = self._find(epoch, name, is_locked=True)
            if found is not None:
                return found
            self._require_key(epoch)
            made = fresh(self._random)
            write_secret(self._folder(epoch) / name, epoch, made, random=self._random)
        self._remember(epoch, name, made)
        return made

    def fingerprint(self, epoch: Epoch, site: str) -> str:
        """Return the SHA-256 of a site's salt, in hexadecimal: tells whether it is another one, and not which.

        Raises:
            SpoolError: As `salt`.
        """
        secret = self.salt(epoch, site)
        try:
            return sha256(secret).hexdigest()
        finally:
            wipe(secret)

    def replace_salt(self, epoch: Epoch, site: str) -> None:
        """Give a site a new salt in the same epoch, and overwrite the old one.

        Whoever keeps the old salt must be told to ask again.

        Raises:
            SpoolError: As `salt`.
        """
        name = salt_name(site)
        with self._locked():
            self._write_back()
            self._require_key(epoch)
            path = self._folder(epoch) / name
            # Opened before it loses its name: nobody who still reads the old file sees it half overwritten.
            old = files.open_existing(path, flags=os.O_WRONLY) if path.exists() else None
            made = fresh(self._random)
            try:
                write_secret(path, epoch, made, random=self._random, replace=True)
                self._remember(epoch, name, made)
                if old is not None:
                    files.wipe_open(old)
            finally:
                wipe(made)
                if old is not None:
                    os.close(old)
            files.write_small(self._folder(epoch) / _GENERATION, b"", random=self._random, replace=True)

    def note(self, epoch: Epoch, name: str = CLOSING) -> bytes | None:
        """Return what `keep_note` wrote of an epoch, or `None`."""
        return read_note(self._places(epoch), name)

    def keep_note(self, epoch: Epoch, note: bytes | None, name: str = CLOSING) -> None:
        """Keep what a process that comes after a crash has to know; `None` when nothing is left to be known.

        Raises:
            SpoolError: As `salt`.
        """
        with self._locked():
            self._write_back()
            if note is not None and self._is_destroyed(epoch):
                raise key_missing(epoch)
            if not write_note(self._places(epoch), name, note, random=self._random) and note is not None:
                raise key_missing(epoch)

    def has_salts(self, epoch: Epoch) -> bool:
        """Tell whether events can still be counted in *epoch*: a reboot may have left its key on disk alone."""
        return (self._folder(epoch) / _KEY).exists()

    def _places(self, epoch: Epoch) -> list[Path]:
        """Return where the epoch's secrets may lie: in memory, and on disk where it is kept through a reboot."""
        on_disk = [] if self._key_dir is None else [self._key_dir / epoch_name(epoch)]
        return [self._folder(epoch), *on_disk]

    def generation(self, epoch: Epoch) -> tuple[int, int]:
        """Return what changes whenever a salt of *epoch* is replaced; cheap enough to ask several times a second."""
        try:
            found = (self._folder(epoch) / _GENERATION).stat()
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_mtime_ns

    def destroy(self, epoch: Epoch) -> None:
        """Overwrite and remove an epoch's seal key and salts, here and on disk; doing it again does nothing.

        Turn the epoch first: no event can be counted in one that is destroyed.

        Raises:
            SpoolError: `not_destroyed`, `runtime_dir_unwritable`, `secrets_busy`.
        """
        with self._locked():
            sign = self._base / "destroyed" / epoch_name(epoch)
            if not sign.exists():
                os.close(files.open_new(sign))
            self._forget(epoch)
            for place in self._places(epoch):
                files.empty_folder(place, remove=files.wipe)
            for old in files.list_epochs(sign.parent)[:-DESTROYED_MAX]:
                (sign.parent / epoch_name(old)).unlink(missing_ok=True)

    def epochs(self) -> list[Epoch]:
        """Return the epochs that may still hold secrets, here or on disk; `destroy` takes one off the list."""
        found = set(files.list_epochs(self._base / "epochs"))
        if self._key_dir is not None:
            found.update(files.list_epochs(self._key_dir))
        return sorted(found)

    def restore(self) -> bool:
        """Write back what vanished under the running process, and forget what was destroyed by another.

        A user who logs out may lose their folder in memory; the day need not be lost with it. Call it every few
        seconds: a process that looks too seldom could write back what another destroyed just before all vanished.

        Returns:
            Whether anything was written.

        Raises:
            SpoolError: `runtime_dir_unwritable`, `runtime_dir_unsafe`, `secrets_busy`.
        """
        with self._locked():
            return self._write_back()

    def _usable(self, timezone: str, today: date) -> Epoch | None:
        pointer = self._base / "current" / zone_name(timezone)
        # Taken before the pointer is read: one that changes in between is then read again.
        mark = mark_of(pointer)
        epoch = self._pointer(timezone)
        if epoch is None or epoch.day < today or not (self._folder(epoch) / _KEY).exists():
            return None
        self._current[timezone] = epoch
        key = self._folder(epoch) / _KEY
        self._seen[timezone] = SeenEpoch(epoch, day_ends_at(epoch.day, timezone), pointer, mark, key)
        return epoch

    def _pointer(self, timezone: str) -> Epoch | None:
        path = self._base / "current" / zone_name(timezone)
        raw = files.read_small(path)
        if raw is None:
            return None
        epoch = parse_epoch(raw.decode("ascii", errors="replace").removesuffix("\n"))
        if epoch is None or epoch.timezone != timezone:
            raise SpoolError("pointer_damaged", f"{path} does not name an epoch; remove it to begin a new part.")
        return epoch

    def _publish(self, timezone: str, today: date) -> Epoch:
        last = self._pointer(timezone)
        day = max(today, last.day) if last else today
        known = [last, *self.epochs(), *files.list_epochs(self._base / "destroyed")]
        if self._spool_dir is not None:
            known += files.list_epochs(self._spool_dir)
        parts = [epoch.part for epoch in known if epoch and (epoch.timezone, epoch.day) == (timezone, day)]
        epoch = Epoch(timezone, day, 1 + max(parts, default=0))
        key = fresh(self._random)
        for place in (self._key_dir, self._base / "epochs"):
            if place is not None:
                files.make_folder(place)
                files.make_folder(place / epoch_name(epoch))
                write_secret(place / epoch_name(epoch) / _KEY, epoch, key, random=self._random)
        if self._key_dir is not None:
            # Else a power cut could leave a spool on the disk and no key.
            for folder in (self._key_dir / epoch_name(epoch), self._key_dir, self._key_dir.parent):
                files.sync_folder(folder)
        self._remember(epoch, _KEY, key)
        wipe(key)
        self._point(epoch)
        return epoch

    def _point(self, epoch: Epoch) -> None:
        path = self._base / "current" / zone_name(epoch.timezone)
        files.write_small(path, f"{epoch_name(epoch)}\n".encode("ascii"), random=self._random, replace=True)
        self._current[epoch.timezone] = epoch

    def _folder(self, epoch: Epoch) -> Path:
        return self._base / "epochs" / epoch_name(epoch)

    def _is_destroyed(self, epoch: Epoch) -> bool:
        return (self._base / "destroyed" / epoch_name(epoch)).exists()

    def _require_key(self, epoch: Epoch) -> None:
        # A salt is never made for an epoch that is over, or of which a reboot left only the key on disk.
        if self._is_destroyed(epoch) or not (self._folder(epoch) / _KEY).exists():
            raise key_missing(epoch)

    def _find(self, epoch: Epoch, name: str, *, is_locked: bool = False) -> bytearray | None:
        """Return a secret from the folder, where need be after writing it back from memory."""
        if self._is_destroyed(epoch):
            self._forget(epoch)
            return None
        path = self._folder(epoch) / name
        secret = read_secret(path, epoch)
        if secret is None and name in self._kept.get(epoch, {}):
            if is_locked:
                self._write_back()
            else:
                self.restore()
            secret = read_secret(path, epoch)
        if secret is not None:
            self._remember(epoch, name, secret)
        return secret

    def _remember(self, epoch: Epoch, name: str, secret: Secret) -> None:
        with self._guard:
            kept = self._kept.setdefault(epoch, {})
            if name in kept:
                kept[name][:] = secret
            else:
                kept[name] = VAULT.hold(secret)

    def _forget(self, epoch: Epoch) -> None:
        with self._guard:
            self._generations.pop(epoch, None)
            for secret in self._kept.pop(epoch, {}).values():
                VAULT.let_go(secret)

    def _write_back(self) -> bool:
        with self._guard:
            is_restored = self._write_back_secrets()
        for timezone, epoch in list(self._current.items()):
            found = self._pointer(timezone)
            if not self._is_destroyed(epoch) and (found is None or found < epoch):
                self._point(epoch)
                is_restored = True
        return is_restored

    def _write_back_secrets(self) -> bool:
        is_restored = False
        for epoch, secrets in list(self._kept.items()):
            if self._is_destroyed(epoch):
                self._forget(epoch)
                continue
            folder = self._folder(epoch)
            files.make_folder(folder)
            was, self._generations[epoch] = self._generations.get(epoch), self.generation(epoch)
            for name, secret in list(secrets.items()):
                if not (folder / name).exists():
                    write_secret(folder / name, epoch, secret, random=self._random)
                    is_restored = True
                elif was != self._generations[epoch]:
                    # What another process replaced is not to stay here, and never to be written back.
                    self._renew(secret, read_secret(folder / name, epoch))
        return is_restored

    @staticmethod
    def _renew(kept: memoryview, found: bytearray | None) -> None:
        if found is not None:
            kept[:] = found
            wipe(found)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            files.prepare_runtime_dir(self._base)
            for name in ("current", "destroyed", "epochs"):
                files.make_folder(self._base / name)
            lock = lock_folder(self._base / "lock")
            try:
                yield
            finally:
                os.close(lock)
        except OSError as error:
            raise SpoolError(
                "runtime_dir_unwritable", f"Keys and salts in {self._base} cannot be changed ({error.strerror})."
            ) from None
