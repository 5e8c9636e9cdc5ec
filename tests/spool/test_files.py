"""Files and folders of the spool are made and destroyed by the book."""

from datetime import date
from pathlib import Path

import pytest

from collector.errors import SpoolError
from collector.model import Epoch
from collector.spool.files import destroy, is_in_memory, list_epochs, prepare_runtime_dir, wipe, write_small
from collector.spool.names import epoch_name
from collector.spool.writer import SpoolWriter
from tests.spool.house import EPOCH, KEY, RANDOM, batch, everything

MOUNTS = """\
/dev/vda / ext4 rw 0 0
tmpfs /run tmpfs rw,nosuid 0 0
/dev/vdb /run/disk ext4 rw 0 0
tmpfs /mnt/with\\040space tmpfs rw 0 0
tmpfs /covered tmpfs rw 0 0
/dev/vdc /covered xfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/run/turven", True),
        ("/run", True),
        ("/run/disk/turven", False),
        ("/runaway", False),
        ("/var/lib", False),
        ("/mnt/with space/turven", True),
        ("/covered/turven", False),
    ],
)
def test_memory_is_told_from_disk(tmp_path: Path, path: str, *, expected: bool) -> None:
    """The audit can tell whether keys and salts lie in memory or on a disk."""
    mounts = tmp_path / "mounts"
    mounts.write_text(MOUNTS)
    assert is_in_memory(Path(path), mounts=mounts) is expected


def test_an_unknown_place_counts_as_disk(tmp_path: Path) -> None:
    """Where the machine does not tell, the worse is assumed."""
    assert is_in_memory(tmp_path, mounts=tmp_path / "none") is False


def test_a_link_to_the_disk_is_seen_through(tmp_path: Path) -> None:
    """A folder in memory that is a link to the disk is not in memory."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\ntmpfs {tmp_path}/memory tmpfs rw 0 0\n")
    (tmp_path / "memory").mkdir()
    (tmp_path / "disk").mkdir()
    (tmp_path / "memory" / "link").symlink_to(tmp_path / "disk")
    assert is_in_memory(tmp_path / "memory" / "new", mounts=mounts)
    assert not is_in_memory(tmp_path / "memory" / "link" / "new", mounts=mounts)


def test_epochs_on_disk_are_listed_in_order(spool: Path) -> None:
    """The folders of epochs are found, oldest first, and anything else is left alone."""
    made = [Epoch("Europe/Amsterdam", date(2026, 11, day), part) for day, part in ((23, 1), (24, 2), (24, 10))]
    for epoch in reversed(made):
        (spool / epoch_name(epoch)).mkdir()
    (spool / "lost+found").mkdir()
    assert list_epochs(spool) == made
    assert list_epochs(spool / "nowhere") == []


def test_destroying_takes_one_epoch_and_no_other(spool: Path) -> None:
    """Destroying an epoch removes all its files and no file of another."""
    other = Epoch("Europe/Amsterdam", EPOCH.day, 2)
    for epoch in (EPOCH, other):
        SpoolWriter(spool, epoch, KEY).append(batch(1))
    (spool / epoch_name(EPOCH) / ".making").write_bytes(b"left over")
    before = everything(spool / epoch_name(other))
    destroy(spool, EPOCH)
    assert list_epochs(spool) == [other]
    assert everything(spool / epoch_name(other)) == before


def test_what_cannot_be_removed_is_told(spool: Path) -> None:
    """Destroying never claims what it did not do."""
    (spool / epoch_name(EPOCH) / "folder").mkdir(parents=True)
    with pytest.raises(SpoolError, match="not_destroyed"):
        destroy(spool, EPOCH)


def test_a_small_file_is_whole_or_not_there(tmp_path: Path) -> None:
    """A file in the making has another name, and an existing file gives way only when told."""
    path = tmp_path / "file"
    write_small(path, b"first", random=RANDOM)
    with pytest.raises(FileExistsError):
        write_small(path, b"second", random=RANDOM)
    assert path.read_bytes() == b"first"
    write_small(path, b"second", random=RANDOM, replace=True)
    assert path.read_bytes() == b"second"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_wiping_overwrites(tmp_path: Path) -> None:
    """A wiped file holds zeros before it loses its name, whatever its length."""
    path = tmp_path / "file"
    path.write_bytes(b"secret" * 2_000)
    with path.open("rb") as file:
        wipe(path)
        content = file.read()
    assert content == bytes(12_000)
    assert not path.exists()
    wipe(path)


def test_the_runtime_folder_is_made(tmp_path: Path) -> None:
    """The folder for keys is made closed to others, and a place where none can be made is told."""
    prepare_runtime_dir(tmp_path / "run")
    prepare_runtime_dir(tmp_path / "run")
    assert (tmp_path / "run").stat().st_mode & 0o777 == 0o700
    with pytest.raises(SpoolError, match="runtime_dir_missing"):
        prepare_runtime_dir(tmp_path / "no" / "run")
