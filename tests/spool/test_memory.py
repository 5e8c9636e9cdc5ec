"""What a closed day leaves in the memory of the process that held it, seen from another process."""

import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from collector.audit.memory import count_in_memory
from collector.spool.frames import KEY_BYTES, MAGIC
from tests.process import ROOT, environment

_SECRET = slice(12, 12 + KEY_BYTES)
_FILE_ID = slice(len(MAGIC) + 2, len(MAGIC) + 2 + 16)


def _secrets(folder: Path) -> dict[str, bytes]:
    """Return the seal key, the salts, and the keys of the spool's files, worked out here once more."""
    found = {}
    for path in (folder / "runtime" / "epochs").rglob("*"):
        if path.name == "key" or path.name.startswith("salt."):
            found[f"{path.parent.name} {path.name}"] = path.read_bytes()[_SECRET]
    for path in (folder / "data" / "spool").rglob("*.spool"):
        epoch = path.parent.name
        info = b"turven spool file 1\0" + epoch.encode()
        derive = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=path.read_bytes()[_FILE_ID], info=info).derive
        found[f"{epoch} {path.name}"] = derive(found[f"{epoch} key"])
    return found


def _copies(pid: int, secrets: dict[str, bytes]) -> dict[str, int]:
    seen = count_in_memory(pid, list(secrets.values()))
    assert seen is not None
    return dict(zip(secrets, seen[1], strict=True))


def test_a_closed_day_leaves_no_secret_in_memory(tmp_path: Path) -> None:
    """Salt, seal key and file keys are found in memory while they are used, and not one copy after the close."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.spool.holder", str(tmp_path)],
        cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout

    def go_on(where: str) -> None:
        process.stdin.write("\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        assert process.stdout.readline().strip() == where  # type: ignore[union-attr]

    try:
        assert process.stdout.readline().strip() == "running"
        first = _secrets(tmp_path)
        running = _copies(process.pid, first)
        # The search finds what is there: a key that nobody holds would prove nothing.
        assert len(running) == 3
        assert all(running.values()), running
        go_on("part closed")
        second = _secrets(tmp_path)
        gone = {name for name in first if first[name] != second.get(name)} - {name for name in first if " key" in name}
        after = _copies(process.pid, {name: first[name] for name in gone})
        assert after == dict.fromkeys(gone, 0)
        assert any(name.endswith("salt.school") for name in gone)
        go_on("day closed")
        left = _copies(process.pid, first) | _copies(process.pid, second)
        print("copies while it ran:", running, "after the day:", left)  # noqa: T201 - evidence
        assert not any(left.values()), left
    finally:
        process.communicate("\n", timeout=20)
