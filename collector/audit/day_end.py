"""Follow the secrets of a day to their end: salts, the seal key and the keys of spool files, in memory and in files."""

import hmac
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.audit.marks import search
from collector.audit.memory import count_in_memory
from collector.audit.scratch import ScratchHouse

#: Bytes of a secret that are searched for: enough to be unique.
NEEDLE_BYTES: Final = 24
_FILE_KEY_INFO: Final = b"turven spool file 1\0"
_SPOOL: Final = "*.spool"
NOT_ALLOWED: Final = (
    "not allowed to read: the house lets nobody read its memory but root. Run the audit as root to see."
)


class Secrets(msgspec.Struct, frozen=True):
    """Hold a part of each secret of the running day, by kind; only the audit of a scratch house knows them.

    Attributes:
        salts: By name of their file.
        seal_keys: By name of their epoch.
        file_keys: By name of the spool file, derived here as the collector derives them.
    """

    salts: Mapping[str, bytes]
    seal_keys: Mapping[str, bytes]
    file_keys: Mapping[str, bytes]

    def by_kind(self) -> dict[str, list[bytes]]:
        """Return the needles of each kind."""
        kinds = {"salts": self.salts, "seal_keys": self.seal_keys, "file_keys": self.file_keys}
        return {kind: list(secrets.values()) for kind, secrets in kinds.items()}


class Sighting(msgspec.Struct, frozen=True):
    """Say how often each secret was found in the memory of a process, kind by kind; *bytes* were searched."""

    bytes: int
    counts: Mapping[str, list[int]]

    def seen(self, kind: str) -> int:
        """Return how many secrets of *kind* were found at least once."""
        return sum(count > 0 for count in self.counts.get(kind, []))


def secrets_of(house: ScratchHouse) -> Secrets:
    """Read the secrets of a running house from its runtime folder."""
    salts = {path.name: _needle(path.read_bytes()) for path in house.runtime.rglob("salt.*")}
    keys = {path.parent.name: path.read_bytes() for path in house.runtime.rglob("key")}
    files = {
        path.name: _file_key(_secret(keys[path.parent.name]), path)
        for path in (house.folder / "data" / "spool").rglob(_SPOOL)
        if path.parent.name in keys
    }
    return Secrets(salts, {name: _needle(raw) for name, raw in keys.items()}, files)


def _secret(raw: bytes) -> bytes:
    """Return the 32 bytes of a secret's file: a magic word and a version before, a check of 8 bytes behind."""
    return raw[-40:-8]


def _needle(raw: bytes) -> bytes:
    return _secret(raw)[:NEEDLE_BYTES]


def _file_key(seal_key: bytes, path: Path) -> bytes:
    """Derive the key of a spool file (HKDF, RFC 5869), written out once more."""
    file_id = bytes.fromhex(path.stem.rpartition("-")[2])
    extracted = hmac.digest(file_id, seal_key, "sha256")
    info = _FILE_KEY_INFO + path.parent.name.encode()
    return hmac.digest(extracted, info + b"\x01", "sha256")[:NEEDLE_BYTES]


def see(pid: int, secrets: Secrets) -> Sighting | None:
    """Search the memory of a process for secrets; `None` where that is forbidden."""
    kinds = secrets.by_kind()
    found = count_in_memory(pid, [needle for needles in kinds.values() for needle in needles])
    if found is None:
        return None
    counts = iter(found[1])
    return Sighting(found[0], {kind: [next(counts) for _ in needles] for kind, needles in kinds.items()})


def judge(
    house: ScratchHouse, secrets: Secrets, *, before: Sighting | None, used: Mapping[str, int]
) -> tuple[bool, dict[str, Any]]:
    """Tell whether secrets are gone from files and memory, and whether the search could have seen them.

    Args:
        house: Running, and past the end of what the secrets were for.
        secrets: Of the time before that end.
        before: What the same search found while they were in use.
        used: The kinds that must be gone, and how many of each were in use and so must have been found before.
    """
    needles = [needle for kind in used for needle in secrets.by_kind()[kind]]
    after = see(house.pid, secrets)
    # A house that counts nobody makes no salt: that is a failure to be told, and not one of the search.
    read, found = search(house.files(), needles) if needles else (0, [])
    could_see = before is None or all(before.seen(kind) >= count for kind, count in used.items())
    is_gone = after is None or not any(after.seen(kind) for kind in used)
    evidence = {
        **{kind: len(secrets.by_kind()[kind]) for kind in used},
        "bytes_of_files": read,
        "files_that_hold_one": found,
        "memory_before": _told(before, used),
        "memory_after": _told(after, used),
    }
    return bool(needles) and not found and could_see and is_gone, evidence


def _told(seen: Sighting | None, kinds: Mapping[str, int]) -> Any:
    if seen is None:
        return NOT_ALLOWED
    return {"bytes": seen.bytes, **{f"{kind}_found": seen.seen(kind) for kind in kinds}}
