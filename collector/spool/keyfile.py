"""Keep one secret in one small file: magic 10, version u16, secret 32, check 8.

What is read or written passes through buffers that are overwritten at once.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from collector.errors import SpoolError
from collector.model import Epoch
from collector.spool import files
from collector.spool.frames import KEY_BYTES
from collector.spool.names import epoch_name
from collector.spool.vault import Secret, wipe

SECRET_BYTES: Final = KEY_BYTES
_MAGIC: Final = b"turven-key"
_VERSION: Final = 1
_CHECK_BYTES: Final = 8
_PREFIX: Final = _MAGIC + _VERSION.to_bytes(2, "big")
_SECRET: Final = slice(len(_PREFIX), len(_PREFIX) + SECRET_BYTES)
_FILE_BYTES: Final = len(_PREFIX) + SECRET_BYTES + _CHECK_BYTES


def write_secret(
    path: Path, epoch: Epoch, secret: Secret, *, random: Callable[[int], bytes], replace: bool = False
) -> None:
    """Put a secret of *epoch* in place, whole or not at all; the name of its file says what it is for."""
    content = bytearray(_FILE_BYTES)
    content[: len(_PREFIX)] = _PREFIX
    content[_SECRET] = secret
    content[_SECRET.stop :] = _check(epoch, path.name, secret)
    try:
        files.write_small(path, content, random=random, replace=replace)
    finally:
        wipe(content)


def read_secret(path: Path, epoch: Epoch) -> bytearray | None:
    """Return a secret of *epoch*, which is the caller's to wipe, or `None` where there is no file.

    Raises:
        SpoolError: `key_damaged`, `key_version`.
    """
    # One byte more than there should be: a file that is too long is damaged too.
    raw = bytearray(_FILE_BYTES + 1)
    try:
        length = files.read_into(path, raw)
        return None if length is None else _secret_in(raw, length, path, epoch)
    finally:
        wipe(raw)


def _secret_in(raw: bytearray, length: int, path: Path, epoch: Epoch) -> bytearray:
    version = raw[len(_MAGIC) : len(_PREFIX)]
    if raw.startswith(_MAGIC) and version != _PREFIX[len(_MAGIC) :]:
        raise SpoolError(
            "key_version",
            f"{path} is of key format {int.from_bytes(version, 'big')}; this Turven reads format {_VERSION}. "
            "Close its day with the version that wrote it. Nothing was changed.",
        )
    secret = raw[_SECRET]
    check = raw[_SECRET.stop : length]
    if length != _FILE_BYTES or raw[: len(_PREFIX)] != _PREFIX or check != _check(epoch, path.name, secret):
        wipe(secret)
        raise SpoolError("key_damaged", f"{path} is damaged: what it sealed cannot be read. Nothing was changed.")
    return secret


def key_missing(epoch: Epoch) -> SpoolError:
    """Return the error that says that the key of *epoch* is gone."""
    return SpoolError(
        "key_missing",
        f"The key of {epoch.day} part {epoch.part} ({epoch.timezone}) is gone: destroyed after its day closed, "
        "or lost with the machine's memory. What it sealed cannot be read by anyone.",
    )


def _check(epoch: Epoch, name: str, secret: Secret) -> bytes:
    """Bind a secret to its place, so that a file that was damaged or moved is told from a good one."""
    place = f"{epoch_name(epoch)}/{name}".encode("ascii")
    return hashlib.blake2b(place, key=secret, digest_size=_CHECK_BYTES).digest()
