"""Keys and salts outlive a crash and nothing else, and are gone from the bytes once destroyed."""

import shutil
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from collector.errors import SpoolError
from collector.model import Epoch
from collector.spool.files import destroy, list_epochs
from collector.spool.locking import lock_folder
from collector.spool.names import epoch_name
from collector.spool.secrets import Secrets
from collector.spool.writer import SpoolWriter, open_current
from tests.clock import ManualClock
from tests.spool.house import TIMEZONE, batch, everything, private_folder, read_all, seconds

DAY = date(2026, 11, 24)


def epoch(part: int = 1, day: date = DAY) -> Epoch:
    """Return an epoch of the time zone that the tests live in."""
    return Epoch(TIMEZONE, day, part)


def test_every_process_finds_the_same_epoch(runtime: Path, clock: ManualClock) -> None:
    """A process that starts again goes on with the same key and the same salts."""
    first, second = Secrets(runtime), Secrets(runtime)
    found = first.current(TIMEZONE, now=clock.now())
    assert found == second.current(TIMEZONE, now=clock.now()) == epoch()
    assert first.seal_key(found) == second.seal_key(found)
    assert first.salt(found, "school") == second.salt(found, "school")
    all_three = (first.seal_key(found), first.salt(found, "school"), first.salt(found, "bieb"))
    assert len({bytes(secret) for secret in all_three}) == 3


def test_eight_processes_make_one_key_and_one_salt(runtime: Path, spool: Path, clock: ManualClock) -> None:
    """However many processes begin the day at once, there is one epoch, one key and one salt."""
    now = clock.now().isoformat()
    command: list[str | Path] = [sys.executable, "-m", "tests.spool.child", "race", runtime, spool, now, "0"]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    answers = set()
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        answer, _ = child.communicate(timeout=60)
        answers.add(answer)
    (answer,) = answers
    assert answer.startswith("2026-11-24 1 ")
    assert sorted(path.name for path in (runtime / "epochs" / epoch_name(epoch())).iterdir()) == ["key", "salt.school"]


def test_a_salt_made_in_between_is_taken(runtime: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where another process made the salt while this one waited for the lock, both use that one."""
    first, second = Secrets(runtime), Secrets(runtime)
    found = first.current(TIMEZONE, now=clock.now())

    def late(path: Path) -> int:
        monkeypatch.undo()
        first.salt(found, "school")
        return lock_folder(path)

    monkeypatch.setattr("collector.spool.secrets.lock_folder", late)
    assert second.salt(found, "school") == first.salt(found, "school")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-11-24T23:59:59+01:00", epoch()),
        ("2026-11-25T00:00:00+01:00", epoch(day=date(2026, 11, 25))),
        ("2026-11-24T23:00:00+00:00", epoch(day=date(2026, 11, 25))),
        ("2026-12-24T12:00:00+01:00", epoch(day=date(2026, 12, 24))),
        ("2026-11-23T12:00:00+01:00", epoch()),
        ("2020-01-01T12:00:00+01:00", epoch()),
    ],
)
@pytest.mark.parametrize("is_new_process", [False, True])
def test_epochs_never_go_back(
    runtime: Path, clock: ManualClock, at: str, expected: Epoch, *, is_new_process: bool
) -> None:
    """The epoch turns at local midnight; where the clock is set back the later epoch stays."""
    secrets = Secrets(runtime)
    assert secrets.current(TIMEZONE, now=clock.now()) == epoch()
    clock.set(at)
    again = Secrets(runtime) if is_new_process else secrets
    assert again.current(TIMEZONE, now=clock.now()) == expected
    clock.set("2026-11-24T12:00:00+01:00")
    assert again.current(TIMEZONE, now=clock.now()) == expected


def test_time_zones_turn_by_themselves(secrets: Secrets, clock: ManualClock) -> None:
    """Each time zone has epochs of its own, which turn at its own midnight."""
    clock.set("2026-11-24T02:00:00+00:00")
    assert secrets.current("America/Curacao", now=clock.now()).day == date(2026, 11, 23)
    assert secrets.current(TIMEZONE, now=clock.now()).day == DAY
    assert len(secrets.epochs()) == 2


def test_turning_begins_the_next_part(runtime: Path, secrets: Secrets, clock: ManualClock) -> None:
    """A close in the middle of a day begins a part with a new key and new salts, which every process sees."""
    other = Secrets(runtime)
    first = other.current(TIMEZONE, now=clock.now())
    assert other.current(TIMEZONE, now=clock.now()) == first
    second = secrets.turn(TIMEZONE, now=clock.now())
    assert (first, second) == (epoch(1), epoch(2))
    assert other.current(TIMEZONE, now=clock.now()) == second
    assert secrets.seal_key(first) != secrets.seal_key(second)
    assert secrets.salt(first, "school") != secrets.salt(second, "school")
    clock.forward(days=1)
    assert secrets.turn(TIMEZONE, now=clock.now()) == epoch(day=date(2026, 11, 25))
    clock.forward(days=-1)
    assert secrets.turn(TIMEZONE, now=clock.now()) == epoch(2, day=date(2026, 11, 25))


def test_destroyed_means_gone_from_the_bytes(runtime: Path, secrets: Secrets, spool: Path, clock: ManualClock) -> None:
    """After a close no file of the runtime folder holds the key or a salt, and nobody can open the spool."""
    writer = open_current(spool, secrets, TIMEZONE, now=clock.now())
    writer.append(batch(1))
    writer.end()
    kept = [secrets.seal_key(epoch()), secrets.salt(epoch(), "school"), secrets.salt(epoch(), "bieb")]
    assert all(secret in everything(runtime) for secret in kept)
    # Opened before: shows what becomes of the bytes that the names stood for.
    opened = [path.open("rb") for path in (runtime / "epochs" / epoch_name(epoch())).iterdir()]
    secrets.turn(TIMEZONE, now=clock.now())
    secrets.destroy(epoch())
    secrets.destroy(epoch())
    assert not any(secret in everything(runtime) for secret in kept)
    assert {bytes(file.read()).strip(b"\0") for file in opened} == {b""}
    for file in opened:
        file.close()
    assert secrets.epochs() == [epoch(2)]
    for each in (secrets, Secrets(runtime)):
        with pytest.raises(SpoolError, match="key_missing"):
            each.seal_key(epoch())
        with pytest.raises(SpoolError, match="key_missing"):
            each.salt(epoch(), "school")
        with pytest.raises(SpoolError, match="key_missing"):
            each.replace_salt(epoch(), "school")
    destroy(spool, epoch())
    destroy(spool, epoch())
    assert list_epochs(spool) == []


def test_what_another_process_destroyed_is_not_written_back(
    runtime: Path, secrets: Secrets, clock: ManualClock
) -> None:
    """A process that still remembers a destroyed key forgets it and never brings it back."""
    other = Secrets(runtime)
    key = other.seal_key(other.current(TIMEZONE, now=clock.now()))
    other.salt(epoch(), "school")
    secrets.turn(TIMEZONE, now=clock.now())
    secrets.destroy(epoch())
    assert other.restore() is False
    shutil.rmtree(runtime)
    other.restore()
    assert epoch() not in other.epochs()
    assert key not in everything(runtime)
    with pytest.raises(SpoolError, match="key_missing"):
        other.seal_key(epoch())


@pytest.mark.parametrize("lost", ["", "epochs", "current", "lock", "destroyed"])
def test_what_vanished_is_written_back(runtime: Path, secrets: Secrets, clock: ManualClock, lost: str) -> None:
    """Where the runtime folder vanishes under a running house, key, salts and epoch stay what they were."""
    secrets.turn(TIMEZONE, now=clock.now())
    found = secrets.current(TIMEZONE, now=clock.now())
    before = (secrets.seal_key(found), secrets.salt(found, "school"))
    target = runtime / lost
    if target.is_file():
        target.unlink()
    else:
        shutil.rmtree(target)
    assert secrets.restore() is (lost in {"", "epochs", "current"})
    assert secrets.restore() is False
    again = Secrets(runtime)
    assert again.current(TIMEZONE, now=clock.now()) == found
    assert (again.seal_key(found), again.salt(found, "school")) == before
    assert stat.S_IMODE(runtime.stat().st_mode) == 0o700


@pytest.mark.parametrize("ask", ["current", "seal_key", "salt", "turn"])
def test_whoever_asks_first_writes_back(runtime: Path, secrets: Secrets, clock: ManualClock, ask: str) -> None:
    """A vanished folder changes no answer, even before the house has noticed."""
    found = secrets.current(TIMEZONE, now=clock.now())
    key, salt = secrets.seal_key(found), secrets.salt(found, "school")
    shutil.rmtree(runtime)
    if ask == "current":
        assert secrets.current(TIMEZONE, now=clock.now()) == found
    elif ask == "seal_key":
        assert secrets.seal_key(found) == key
    elif ask == "salt":
        assert secrets.salt(found, "school") == salt
    else:
        assert secrets.turn(TIMEZONE, now=clock.now()) == epoch(2)
    assert Secrets(runtime).salt(found, "school") == salt


def test_a_reboot_ends_the_part(runtime: Path, spool: Path, clock: ManualClock) -> None:
    """After a reboot the sealed files are unreadable, and counting goes on in a new part with a new salt."""
    secrets = Secrets(runtime, spool_dir=spool)
    writer = open_current(spool, secrets, TIMEZONE, now=clock.now())
    writer.append(batch(1))
    salt = secrets.salt(epoch(), "school")
    writer.close()
    shutil.rmtree(runtime)
    rebooted = Secrets(private_folder(runtime), spool_dir=spool)
    assert list_epochs(spool) == [epoch()]
    with pytest.raises(SpoolError, match="key_missing"):
        rebooted.seal_key(epoch())
    with pytest.raises(SpoolError, match="key_missing"):
        rebooted.salt(epoch(), "school")
    assert rebooted.current(TIMEZONE, now=clock.now()) == epoch(2)
    assert rebooted.salt(epoch(2), "school") != salt


def test_a_key_on_disk_keeps_the_day_through_a_reboot(
    runtime: Path, spool: Path, tmp_path: Path, clock: ManualClock
) -> None:
    """With `keep_day_through_reboot` the spool stays readable; salts never reach the disk; a new part begins."""
    keys = private_folder(tmp_path / "keys")
    secrets = Secrets(runtime, key_dir=keys)
    writer = open_current(spool, secrets, TIMEZONE, now=clock.now())
    writer.append(batch(7))
    writer.close()
    salt = secrets.salt(epoch(), "school")
    assert salt not in everything(keys)
    shutil.rmtree(runtime)
    rebooted = Secrets(private_folder(runtime), key_dir=keys)
    assert rebooted.current(TIMEZONE, now=clock.now()) == epoch(2)
    assert rebooted.epochs() == [epoch(1), epoch(2)]
    key = rebooted.seal_key(epoch(1))
    frames, _ = read_all(spool, key=key, epoch=epoch(1))
    assert seconds(frames) == [7]
    with pytest.raises(SpoolError, match="key_missing"):
        rebooted.salt(epoch(1), "school")
    rebooted.destroy(epoch(1))
    assert key not in everything(keys) + everything(runtime)
    assert rebooted.epochs() == [epoch(2)]


def test_a_new_salt_in_the_same_epoch(runtime: Path, secrets: Secrets, clock: ManualClock) -> None:
    """Closing one site's day gives that site a new salt, leaves the others theirs, and overwrites the old one."""
    found = secrets.current(TIMEZONE, now=clock.now())
    old, kept = secrets.salt(found, "school"), secrets.salt(found, "bieb")
    with (runtime / "epochs" / epoch_name(found) / "salt.school").open("rb") as file:
        secrets.replace_salt(found, "school")
        assert file.read().strip(b"\0") == b""
    new = secrets.salt(found, "school")
    assert new != old
    assert old not in everything(runtime)
    assert (Secrets(runtime).salt(found, "school"), Secrets(runtime).salt(found, "bieb")) == (new, kept)
    shutil.rmtree(runtime)
    secrets.restore()
    assert secrets.salt(found, "school") == new


@pytest.mark.parametrize("at", range(52))
def test_a_damaged_key_is_told(runtime: Path, clock: ManualClock, at: int) -> None:
    """Whichever byte of a key is changed, the house says so and overwrites nothing."""
    secrets = Secrets(runtime)
    secrets.current(TIMEZONE, now=clock.now())
    path = runtime / "epochs" / epoch_name(epoch()) / "key"
    content = bytearray(path.read_bytes())
    assert len(content) == 52
    content[at] ^= 4
    path.write_bytes(content)
    for each in (secrets, Secrets(runtime)):
        with pytest.raises(SpoolError, match="key_version" if at in {10, 11} else "key_damaged"):
            each.seal_key(epoch())
    assert path.read_bytes() == content


@pytest.mark.parametrize("length", [0, 5, 12, 44, 51])
def test_a_cut_key_is_told(runtime: Path, clock: ManualClock, length: int) -> None:
    """A key that is too short is damage, never a shorter key."""
    Secrets(runtime).current(TIMEZONE, now=clock.now())
    path = runtime / "epochs" / epoch_name(epoch()) / "key"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(SpoolError, match=r"key_damaged|key_version"):
        Secrets(runtime).seal_key(epoch())


def test_a_moved_salt_is_told(runtime: Path, secrets: Secrets, clock: ManualClock) -> None:
    """A salt serves one site in one epoch: under another name it is damage."""
    secrets.salt(secrets.current(TIMEZONE, now=clock.now()), "school")
    folder = runtime / "epochs" / epoch_name(epoch())
    (folder / "salt.school").rename(folder / "salt.bieb")
    with pytest.raises(SpoolError, match="key_damaged"):
        secrets.salt(epoch(), "bieb")


@pytest.mark.parametrize("content", [b"", b"nonsense\n", b"\xff\xfe", b"Europe.Paris~2026-11-24~1\n"])
def test_a_damaged_pointer_is_told(runtime: Path, secrets: Secrets, clock: ManualClock, content: bytes) -> None:
    """A pointer that names no epoch of its zone is reported, not guessed at."""
    secrets.current(TIMEZONE, now=clock.now())
    path = runtime / "current" / "Europe.Amsterdam"
    path.write_bytes(content)
    with pytest.raises(SpoolError, match="pointer_damaged"):
        Secrets(runtime).current(TIMEZONE, now=clock.now())
    assert path.read_bytes() == content


def test_links_are_not_followed(runtime: Path, tmp_path: Path, secrets: Secrets, clock: ManualClock) -> None:
    """A link put in the place of a key leads nowhere, and destroying it leaves its target alone."""
    secrets.current(TIMEZONE, now=clock.now())
    path = runtime / "epochs" / epoch_name(epoch()) / "key"
    target = path.rename(tmp_path / "key")
    content = target.read_bytes()
    path.symlink_to(target)
    with pytest.raises(SpoolError, match="key_damaged"):
        secrets.seal_key(epoch())
    secrets.destroy(epoch())
    assert target.read_bytes() == content
    assert not path.is_symlink()


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o777])
def test_an_open_folder_is_refused(tmp_path: Path, mode: int) -> None:
    """Keys are not put where others can look."""
    folder = private_folder(tmp_path / "run")
    folder.chmod(mode)
    with pytest.raises(SpoolError, match="runtime_dir_unsafe"):
        Secrets(folder)
    with pytest.raises(SpoolError, match="runtime_dir_missing"):
        Secrets(tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(SpoolError, match="runtime_dir_unsafe"):
        Secrets(tmp_path / "link")


def test_files_are_ours_alone(runtime: Path, secrets: Secrets, clock: ManualClock) -> None:
    """Every folder has mode 700 and every file 600."""
    secrets.salt(secrets.current(TIMEZONE, now=clock.now()), "school")
    for path in runtime.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_destroying_goes_on_where_it_stopped(runtime: Path, secrets: Secrets, clock: ManualClock) -> None:
    """An epoch of which a crash left a salt behind stays on the list until that is gone too."""
    secrets.salt(secrets.current(TIMEZONE, now=clock.now()), "school")
    secrets.turn(TIMEZONE, now=clock.now())
    (runtime / "destroyed" / epoch_name(epoch())).touch()
    (runtime / "epochs" / epoch_name(epoch()) / "key").unlink()
    again = Secrets(runtime)
    assert epoch() in again.epochs()
    again.destroy(epoch())
    assert again.epochs() == [epoch(2)]


def test_a_destroyed_number_is_not_given_again(runtime: Path, secrets: Secrets, clock: ManualClock) -> None:
    """A part that was destroyed never comes back under its number while the machine runs."""
    for _ in range(2):
        secrets.current(TIMEZONE, now=clock.now())
    secrets.destroy(epoch())
    assert secrets.current(TIMEZONE, now=clock.now()) == epoch(2)
    (runtime / "current" / "Europe.Amsterdam").unlink()
    secrets.destroy(epoch(2))
    assert Secrets(runtime).current(TIMEZONE, now=clock.now()) == epoch(3)


def test_a_held_lock_is_not_waited_for_without_end(
    runtime: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that hangs with the lock stops the others with a clear sentence, not for ever."""
    monkeypatch.setattr("collector.spool.locking.LOCK_TRIES_MAX", 3)
    first, second = Secrets(runtime), Secrets(runtime)
    with first._locked(), pytest.raises(SpoolError, match="secrets_busy"):
        second.current(TIMEZONE, now=clock.now())
    assert second.current(TIMEZONE, now=clock.now()) == epoch()


def test_a_writer_survives_the_vanished_folder(
    runtime: Path, secrets: Secrets, spool: Path, clock: ManualClock
) -> None:
    """What is acknowledged while the runtime folder is gone is read afterwards."""
    writer: SpoolWriter = open_current(spool, secrets, TIMEZONE, now=clock.now())
    writer.append(batch(1))
    shutil.rmtree(runtime)
    writer.append(batch(2))
    secrets.restore()
    writer.end()
    again = Secrets(runtime)
    frames, _ = read_all(spool, key=again.seal_key(writer.epoch), epoch=writer.epoch)
    assert seconds(frames) == [1, 2]
