"""What was acknowledged is there after the process died, the disk filled up or a write fell short."""

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from collector.errors import SpoolError
from collector.event import Batch, Tally
from collector.model import Epoch
from collector.spool import writer as writing
from collector.spool.frames import HEAD_BYTES, TAG_BYTES
from collector.spool.names import epoch_name
from collector.spool.reader import SpoolReader
from collector.spool.secrets import Secrets
from collector.spool.syncing import sync
from collector.spool.writer import SpoolWriter, open_current
from tests.clock import ManualClock
from tests.spool.house import EPOCH, KEY, RANDOM, TIMEZONE, batch, event, everything, read_all, seconds, spool_files

KILLS = 24


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond *size* bytes: the write that would is short, the next one fails."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_kill_9_loses_nothing_acknowledged(runtime: Path, spool: Path, clock: ManualClock) -> None:
    """However often the collector is killed in the middle, every event it acknowledged is read, once."""
    acknowledged: list[int] = []
    for kill in range(KILLS):
        first = kill * 1_000_000
        with subprocess.Popen(
            [sys.executable, "-m", "tests.spool.child", "append", runtime, spool, clock.now().isoformat(), str(first)],
            stdout=subprocess.PIPE,
        ) as child:
            assert child.stdout is not None
            # Killed at a different moment each time, and always while it writes.
            lines = [child.stdout.readline() for _ in range(1 + kill * 7)]
            child.kill()
            lines += child.stdout.readlines()
        acknowledged += [int(line) for line in lines if line.endswith(b"\n")]
    secrets = Secrets(runtime)
    epoch = secrets.current(TIMEZONE, now=clock.now())
    frames, reader = read_all(spool, key=secrets.seal_key(epoch), epoch=epoch)
    found = seconds(frames)
    assert reader.is_drained()
    assert reader.damage() == []
    assert len(spool_files(spool, epoch)) == KILLS
    assert len(found) == len(set(found))
    assert set(acknowledged) <= set(found)
    # At most the one event whose acknowledgement was on its way.
    assert len(found) - len(acknowledged) <= KILLS


def test_a_short_write_goes_on_in_a_new_file(spool: Path) -> None:
    """An event whose write fell short is whole in the next file before it is acknowledged."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    end = writer.append(batch(0))
    with file_size_limit(end + 5 * 200), SpoolReader(spool, EPOCH, KEY) as reader:
        found = []
        for number in range(1, 40):
            first = writer.file
            writer.append(batch(number))
            assert writer.file == first or len(spool_files(spool)) > 1
            found += seconds(reader.read())
        writer.end()
        found += seconds(reader.read())
        assert sorted(found) == list(range(40))
        assert reader.is_drained()
        assert reader.damage() == []
        assert len(reader.torn()) == len(spool_files(spool)) - 1 >= 3


def test_a_full_disk_refuses_and_recovers(spool: Path) -> None:
    """Where nothing can be written the batch is refused, no file is left over, and counting goes on afterwards."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    writer.append(batch(1))
    with file_size_limit(writer.offset + 10):
        for _ in range(3):
            with pytest.raises(SpoolError, match="spool_unwritable"):
                writer.append(batch(*range(50)))
    assert len(spool_files(spool)) == 1
    writer.append(batch(2))
    writer.end()
    frames, reader = read_all(spool)
    assert seconds(frames) == [1, 2]
    assert reader.is_drained()
    assert reader.damage() == []


def test_a_header_that_does_not_fit_leaves_no_file(spool: Path) -> None:
    """A disk too full for a header gives a clear refusal and no half file."""
    with file_size_limit(20), pytest.raises(SpoolError, match="spool_unwritable"):
        SpoolWriter(spool, EPOCH, KEY)
    assert list((spool / epoch_name(EPOCH)).iterdir()) == []


def test_the_new_file_is_there_before_the_old_lock_is_free(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a collector goes on in a new file, an engine never finds an epoch without a writer."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    drained: list[bool] = []
    close = os.close

    def watch(descriptor: int) -> None:
        monkeypatch.setattr(os, "close", close)
        close(descriptor)
        frames, reader = read_all(spool)
        drained.append(reader.is_drained())
        assert frames == []

    with file_size_limit(writer.offset + 250):
        monkeypatch.setattr(os, "close", watch)
        with pytest.raises(SpoolError):
            writer.append(batch(1, 2, 3, 4))
    assert drained[0] is False


def test_a_batch_too_large_for_a_frame_is_split(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of any size is kept whole, over several frames where need be."""
    monkeypatch.setattr(writing, "TEXT_BYTES_MAX", 400)
    tallies = [Tally("school", "bot", number) for number in range(1, 60)]
    writer = SpoolWriter(spool, EPOCH, KEY)
    writer.append(Batch([event(number) for number in range(40)], tallies))
    writer.end()
    frames, _ = read_all(spool)
    assert len(frames) > 10
    assert seconds(frames) == list(range(40))
    assert [tally.count for frame in frames for tally in frame.batch.tallies] == list(range(1, 60))


def test_an_event_too_large_for_a_frame_is_refused(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that no frame can hold is refused without a word of its content."""
    monkeypatch.setattr(writing, "TEXT_BYTES_MAX", 400)
    writer = SpoolWriter(spool, EPOCH, KEY)
    with pytest.raises(SpoolError, match="frame_too_large") as caught:
        writer.append(Batch([event(page="/jan-jansen" * 50)], []))
    assert "jan" not in str(caught.value)
    with pytest.raises(SpoolError, match="not_encodable") as caught:
        writer.append(Batch([event(page="/jan-jansen\ud800")], []))
    assert "jan" not in str(caught.value)
    assert caught.value.__suppress_context__
    writer.close()


def test_no_event_is_readable_on_disk(spool: Path) -> None:
    """What is on disk holds no word of an event, neither its page nor its site."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    writer.append(Batch([event(page="/leerling/jan-jansen-canary")], [Tally("school", "refused:email", 1)]))
    writer.end()
    content = everything(spool)
    assert len(content) > 200
    for word in (b"canary", b"jan", b"school", b"email", b"Chrome", KEY):
        assert word not in content


def test_equal_batches_look_different(spool: Path) -> None:
    """Two events alike cannot be recognised as alike, in one file or in two."""
    sealed = []
    for _ in range(2):
        writer = SpoolWriter(spool, EPOCH, KEY)
        ends = [writer.offset, *(writer.append(batch(1)) for _ in range(2))]
        writer.end()
        (path,) = (path for path in spool_files(spool) if writer.file in path.name)
        content = path.read_bytes()
        # Without the tags, which differ in any case.
        sealed += [content[start + HEAD_BYTES : end - TAG_BYTES] for start, end in pairwise(ends)]
    assert len(sealed) == len(set(sealed)) == 4


def test_files_are_ours_alone(spool: Path) -> None:
    """Spool folders have mode 700 and files 600, whatever the umask allows."""
    old = os.umask(0)
    try:
        SpoolWriter(spool, EPOCH, KEY).append(batch(1))
    finally:
        os.umask(old)
    folder = spool / epoch_name(EPOCH)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


def test_two_writers_never_share_a_file(spool: Path) -> None:
    """A file is written by the process that made it and by no other, even under one name."""
    SpoolWriter(spool, EPOCH, KEY, random=bytes).end()
    path = spool_files(spool)[0]
    path.rename(path.with_name(f".{path.name.replace('000001', '000001')}"))
    with pytest.raises(SpoolError, match="spool_unwritable"):
        SpoolWriter(spool, EPOCH, KEY, random=bytes)


def test_what_the_disk_does_not_have_is_told(spool: Path) -> None:
    """A file is to be synced once after each write, and not again until something more was written."""
    writer = SpoolWriter(spool, EPOCH, KEY, is_synced=True)
    assert writer.unsynced() is None
    for number in range(2):
        writer.append(batch(number))
        waiting = writer.unsynced()
        assert waiting is not None
        assert waiting.file == writer.file
        assert writer.unsynced() is None
        assert sync([waiting]) == {}
    writer.end()
    assert writer.unsynced() is None


def test_a_file_that_the_disk_did_not_take_is_left(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk fails, the caller is told to refuse, and what follows goes to another file."""
    writer = SpoolWriter(spool, EPOCH, KEY, is_synced=True)
    writer.append(batch(1))
    waiting = writer.unsynced()
    assert waiting is not None
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing_disk)
        assert [(file, error.code) for file, error in sync([waiting]).items()] == [(writer.file, "spool_not_synced")]
    writer.leave("of another")
    writer.leave(waiting.file)
    writer.append(batch(2))
    with monkeypatch.context() as broken:
        broken.setattr(os, "fdatasync", failing_disk)
        with pytest.raises(SpoolError, match="spool_not_synced"):
            writer.end()
    frames, _ = read_all(spool)
    assert seconds(frames) == [1, 2]
    assert len(spool_files(spool)) == 2


def failing_disk(_: int) -> None:
    """Fail as a disk does that is about to die."""
    raise OSError(5, "Input/output error")


def test_a_writer_begun_while_the_epoch_turns_goes_to_the_next(
    secrets: Secrets, spool: Path, clock: ManualClock
) -> None:
    """No event is appended to an epoch that an engine has already listed for its close."""
    turns = iter([True])

    def random(size: int) -> bytes:
        if next(turns, False):
            secrets.turn(TIMEZONE, now=clock.now())
        return RANDOM(size)

    writer = open_current(spool, secrets, TIMEZONE, now=clock.now(), random=random)
    assert writer.epoch == Epoch(TIMEZONE, date(2026, 11, 24), 2)
    first = Epoch(TIMEZONE, date(2026, 11, 24), 1)
    frames, reader = read_all(spool, epoch=first, key=secrets.seal_key(first))
    assert frames == []
    assert reader.is_drained()
    writer.end()


def test_an_ended_writer_can_be_ended_again(spool: Path) -> None:
    """Ending twice, as a shutdown in the middle of a turn may, does no harm."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    writer.end()
    writer.end()
    writer.close()
    _, reader = read_all(spool)
    assert reader.is_drained()
