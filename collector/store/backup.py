"""Back up the history: one sealed file with the cells and the settings in force, and nothing of a running day.

    turven-20261124T020000Z.age      an age file; inside it a tar of
        manifest.json                what lies here, with the SHA-256 of each file
        history.duckdb               written anew, so that nothing erased lies between its rows
        settings.json                the settings in force, as /privacy.json shows them

The file is sealed to the operator's public key: the house can make backups that it cannot open. To see that what was
written can be read, it is sealed to a second key too, which is made for the purpose and forgotten at once.

Source: docs/decisions/0007-backups.md
"""

import hashlib
import io
import os
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
import pyrage

from collector import __version__
from collector.cursor import Cursor
from collector.errors import SettingsError, StoreError
from collector.store.copy import read_copy
from collector.store.history import History
from collector.store.migrate import SCHEMA_VERSION
from collector.store.opening import log_of, sync_folder

HISTORY_NAME: Final = "history.duckdb"
SETTINGS_NAME: Final = "settings.json"
MANIFEST_NAME: Final = "manifest.json"
#: What every age file begins with.
AGE_START: Final = b"age-encryption.org/v1\n"
_NAME: Final = re.compile(r"turven-(\d{8}T\d{6}Z)\.age")
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_CHUNK_BYTES: Final = 1 << 20
_MEMBER_BYTES_MAX: Final = 64 << 30
_MANIFEST_BYTES_MAX: Final = 1 << 20
_FORMAT: Final = 1
#: Folders in which a backup is made, or opened, begin with these.
_MAKING: Final = ".making-"
_RESTORING: Final = ".restoring-"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Say what a backup holds.

    Attributes:
        made_at: ISO 8601 UTC.
        head: Hash of the newest entry of the settings log.
        newest: When the newest part closed, ISO 8601 UTC; empty where none did.
        rows: Rows by table.
        sha256: Of each other file in the backup, by its name.
    """

    format: int = _FORMAT
    made_at: str
    version: str
    schema_version: int
    head: str
    newest: str
    rows: dict[str, int]
    sha256: dict[str, str]


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """Say what was made, and that it was read back.

    Attributes:
        file: Where it lies.
        size: In bytes.
        removed: Older backups that had reached their age and were removed.
    """

    file: str
    size: int
    manifest: Manifest
    removed: list[str]


def make_key(path: Path) -> str:
    """Write a new key for opening backups to *path* (mode 600) and return the recipient to be put into the settings.

    Raises:
        SettingsError: `backup_key_exists`.
    """
    identity = pyrage.x25519.Identity.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise SettingsError("backup_key_exists", f"{path} is there already; a key is never overwritten.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(f"# public key: {identity.to_public()}\n{identity}\n")
    return str(identity.to_public())


def make_backup(
    history: History, folder: Path, *, recipient: str, settings: Mapping[str, object], at: datetime, keep_days: int
) -> Made:
    """Seal a copy of the history into *folder*, read it back, and remove backups older than *keep_days*.

    Raises:
        SettingsError: `backup_recipient_missing`, `backup_recipient_wrong`.
        StoreError: `backup_failed`, `history_busy`, `history_copy_failed`; nothing is left of it then.
    """
    if not recipient:
        raise SettingsError(
            "backup_recipient_missing",
            "Backups are sealed: make a key with `turven backup --make-key FILE`, keep that file elsewhere, and put "
            "the recipient that it prints under [backup] in the settings.",
        )
    target = folder / f"turven-{at.astimezone(UTC).strftime(_STAMP)}.age"
    once = pyrage.x25519.Identity.generate()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sweep(folder)
        with TemporaryDirectory(prefix=_MAKING, dir=folder) as work:
            manifest = _pack(history, Path(work), settings=settings, at=at)
            sealed = Path(work) / "sealed"
            recipients = [pyrage.x25519.Recipient.from_str(recipient), once.to_public()]
            pyrage.encrypt_file(str(Path(work) / "plain.tar"), str(sealed), recipients)
            with opened(sealed, key=str(once), work=Path(work)) as (found, _):
                if found != manifest:
                    raise StoreError("backup_failed", "The backup reads differently from what was written.")
            with sealed.open("rb+") as file:
                os.fsync(file.fileno())
            # A link refuses to take the place of a backup of the same second.
            os.link(sealed, target)
            sync_folder(folder)
    except pyrage.RecipientError:
        raise SettingsError("backup_recipient_wrong", "backup.recipient is no public key of an age identity.") from None
    except (OSError, pyrage.EncryptError) as error:
        raise StoreError("backup_failed", f"No backup was made ({type(error).__name__}).") from None
    return Made(
        file=str(target),
        size=target.stat().st_size,
        manifest=manifest,
        removed=remove_old(folder, at=at, keep_days=keep_days),
    )


def sweep(folder: Path) -> None:
    """Remove what a backup or a restore that was killed left behind: copies of the history in clear.

    Only who has the history may call it; nobody else makes a backup or restores one.
    """
    for prefix in (_MAKING, _RESTORING):
        for left in folder.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)


def made_at(path: Path) -> datetime | None:
    """Return when a backup was made, by its name; `None` for what is no backup of ours."""
    found = _NAME.fullmatch(path.name)
    return datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC) if found else None


def remove_old(folder: Path, *, at: datetime, keep_days: int) -> list[str]:
    """Remove backups that are older than *keep_days*, and return their names; what is no backup of ours is left."""
    removed = []
    for path in sorted(folder.glob("turven-*.age")):
        stamp = made_at(path)
        if stamp is not None and at - stamp > timedelta(days=keep_days):
            path.unlink()
            removed.append(path.name)
    return removed


@contextmanager
def opened(sealed: Path, *, key: str, work: Path) -> Iterator[tuple[Manifest, Path]]:
    """Open a backup into *work* and check every file of it against its manifest.

    Yields:
        The manifest, and the copy of the history.

    Raises:
        SettingsError: `backup_key_wrong`.
        StoreError: `backup_unreadable`.
    """
    plain, inside = work / "opened.tar", work / "opened"
    try:
        pyrage.decrypt_file(str(sealed), str(plain), [pyrage.x25519.Identity.from_str(key)])
    except pyrage.IdentityError:
        raise SettingsError("backup_key_wrong", "This is no key that opens a backup.") from None
    except (pyrage.DecryptError, OSError) as error:
        raise StoreError(
            "backup_unreadable",
            f"{sealed} cannot be opened ({type(error).__name__}): it is damaged, or sealed to another key.",
        ) from None
    try:
        yield _unpack(plain, inside, name=str(sealed)), inside / HISTORY_NAME
    finally:
        plain.unlink(missing_ok=True)


def restore(sealed: Path, target: Path, *, key: str, set_aside: Path | None = None) -> Manifest:
    """Put the history of a backup in the place of *target*, in one step; the house must not run.

    A history that holds what the backup does not is never overwritten; it is moved to *set_aside* where that is given.

    Raises:
        SettingsError: `backup_key_wrong`.
        StoreError: `backup_unreadable`, `backup_older`; `history_in_use`, `history_damaged` of what is there.
    """
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    sweep(target.parent)
    with (
        TemporaryDirectory(prefix=_RESTORING, dir=target.parent) as work,
        opened(sealed, key=key, work=Path(work)) as (manifest, copy),
    ):
        if manifest.schema_version > SCHEMA_VERSION:
            raise StoreError("history_newer", f"The backup was made by Turven {manifest.version}: install that first.")
        if target.exists() and set_aside is None:
            _refuse_newer(target, manifest)
        with copy.open("rb+") as file:
            os.fsync(file.fileno())
        if target.exists() and set_aside is not None:
            if log_of(target).exists():
                log_of(target).rename(log_of(set_aside))
            target.rename(set_aside)
        # DuckDB would replay the log of the old file on the new one. All that it holds is in the backup, too.
        log_of(target).unlink(missing_ok=True)
        copy.replace(target)
        sync_folder(target.parent)
        return manifest


def _refuse_newer(target: Path, manifest: Manifest) -> None:
    there = _describe(target)
    is_covered = there.head == manifest.head and there.newest <= manifest.newest and _fewer(there.rows, manifest.rows)
    if not is_covered:
        raise StoreError(
            "backup_older",
            f"{target} holds days or settings that the backup does not (up to {there.newest or 'none'}, the backup up "
            f"to {manifest.newest or 'none'}). Nothing was changed; --set-aside FILE moves it there first.",
        )


def _fewer(these: Mapping[str, int], those: Mapping[str, int]) -> bool:
    return all(count <= those.get(table, 0) for table, count in these.items())


def _pack(history: History, work: Path, *, settings: Mapping[str, object], at: datetime) -> Manifest:
    copy = work / HISTORY_NAME
    history.copy_to(copy)
    shown = msgspec.json.format(msgspec.json.encode(settings, order="sorted"))
    (work / SETTINGS_NAME).write_bytes(shown)
    hashes = {name: _sha256(work / name) for name in (HISTORY_NAME, SETTINGS_NAME)}
    described = _describe(copy)
    manifest = msgspec.structs.replace(
        described, made_at=at.astimezone(UTC).isoformat(timespec="seconds"), sha256=hashes
    )
    with tarfile.open(work / "plain.tar", "w") as packed:
        _add(packed, MANIFEST_NAME, msgspec.json.format(msgspec.json.encode(manifest, order="sorted")))
        for name in hashes:
            packed.add(work / name, arcname=name, filter=_anonymous)
    return manifest


def _describe(path: Path) -> Manifest:
    with read_copy(path) as cursor:
        tables = [
            row[0] for row in cursor.execute("select table_name from duckdb_tables() where not internal").fetchall()
        ]
        rows = {table: _one(cursor, f"select count(*) from {table}") for table in sorted(tables)}
        head = cursor.execute("select hash from settings_log order by seq desc limit 1").fetchone()
        newest = cursor.execute("select max(closed_at) from closed").fetchone()
        version = _one(cursor, "select max(version) from schema_version")
    return Manifest(
        made_at="",
        version=__version__,
        schema_version=version,
        head=str(head[0]) if head else "",
        newest=newest[0].isoformat() if newest and newest[0] else "",
        rows=rows,
        sha256={},
    )


def _one(cursor: Cursor, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def _unpack(plain: Path, inside: Path, *, name: str) -> Manifest:
    try:
        with tarfile.open(plain) as packed:
            members = {member.name: member for member in packed.getmembers()}
            if set(members) != {MANIFEST_NAME, HISTORY_NAME, SETTINGS_NAME}:
                raise StoreError("backup_unreadable", f"{name} holds other files than a backup has.")
            if members[MANIFEST_NAME].size > _MANIFEST_BYTES_MAX or any(
                not member.isreg() or member.size > _MEMBER_BYTES_MAX for member in members.values()
            ):
                raise StoreError("backup_unreadable", f"{name} holds files of another kind than a backup has.")
            packed.extractall(inside, filter="data")
        manifest = msgspec.json.decode((inside / MANIFEST_NAME).read_bytes(), type=Manifest)
    except (tarfile.TarError, OSError, msgspec.DecodeError) as error:
        raise StoreError("backup_unreadable", f"{name} is no backup ({type(error).__name__}).") from None
    if manifest.sha256 != {each: _sha256(inside / each) for each in (HISTORY_NAME, SETTINGS_NAME)}:
        raise StoreError("backup_unreadable", f"{name}: a file in it is not the one that its manifest tells.")
    return manifest


def _add(packed: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    packed.addfile(member, io.BytesIO(content))


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
