"""Keep one secret in one small file: magic 10, version u16, secret 32, check 8."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from collector.errors import SpoolError
from collector.model import Epoch
from collector.spool import files
from collector.spool.frames import KEY_BYTES
from collector.spool.names import epoch_name

SECRET_BYTES: Final = KEY_BYTES
_MAGIC: Final = b"turven-key"
_VERSION: Final = 1
_CHECK_BYTES: Final = 8
_PREFIX: Final = _MAGIC + _VERSION.to_bytes(2, "big")


def write_secret(
    path: Path, epoch: Epoch, secret: bytes, *, random: Callable[[int], bytes], replace: bool = False
) -> None:
    """Put a secret of *epoch* in place, whole or not at all; the name of its file says what it is for."""
    content = _PREFIX + secret + _check(epoch, path.name, secret)
    files.write_small(path, content, random=random, replace=replace)


def read_secret(path: Path, epoch: Epoch) -> bytes | None:
    """Return a secret of *epoch*, or `None` where there is no file.

    Raises:
        SpoolError: `key_damaged`, `key_version`.
    """
    raw = files.read_small(path)
    if raw is None:
        return None
    version = raw[len(_MAGIC) : len(_PREFIX)]
    if raw.startswith(_MAGIC) and version != _PREFIX[len(_MAGIC) :]:
        raise SpoolError(
            "key_version",
            f"{path} is of key format {int.from_bytes(version, 'big')}; this Turven reads format {_VERSION}. "
            "Close its day with the version that wrote it. Nothing was changed.",
        )
    secret = raw[len(_PREFIX) : len(_PREFIX) + SECRET_BYTES]
    if len(secret) != SECRET_BYTES or raw != _PREFIX + secret + _check(epoch, path.name, secret):
        raise SpoolError("key_damaged", f"{path} is damaged: what it sealed cannot be read. Nothing was changed.")
    return secret


def _check(epoch: Epoch, name: str, secret: bytes) -> bytes:
    """Bind a secret to its place, so that a file that was damaged or moved is told from a good one."""
    place = f"{epoch_name(epoch)}/{name}".encode("ascii")
    return hashlib.blake2b(place, key=secret, digest_size=_CHECK_BYTES).digest()
