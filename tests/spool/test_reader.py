"""What was appended is read once, in order, and never misread."""

import os
from datetime import date
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import SpoolError
from collector.event import Batch
from collector.model import Epoch
from collector.spool import reader as reading
from collector.spool.frames import MAGIC
from collector.spool.names import epoch_name
from collector.spool.reader import SpoolReader
from collector.spool.writer import SpoolWriter
from tests.spool.house import EPOCH, KEY, batch, batches, event, read_all, seconds, spool_files, text


@given(st.lists(batches, max_size=8), st.integers(0, 8), st.data())
def test_round_trip(written: list[Batch], cut: int, data: st.DataObject) -> None:
    """Whatever is appended, in whatever portions and files, is read once and in the same order."""
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        reader = SpoolReader(directory, EPOCH, KEY)
        frames = []
        for part in (written[:cut], written[cut:]):
            writer = SpoolWriter(directory, EPOCH, KEY)
            for each in part:
                writer.append(each)
                if data.draw(st.booleans()):
                    frames += reader.read()
            writer.end()
        frames += reader.read()
        assert reader.is_drained()
        assert reader.damage() == reader.torn() == []
    assert text([e for f in frames for e in f.batch.events]) == text([e for b in written for e in b.events])
    assert [t for f in frames for t in f.batch.tallies] == [t for b in written for t in b.tallies]


def test_offsets_meet(spool: Path) -> None:
    """Each frame begins where the one before it ended, and the writer tells the same offsets."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    start = writer.offset
    ends = [writer.append(batch(number)) for number in range(5)]
    frames, reader = read_all(spool)
    assert [frame.end for frame in frames] == ends
    assert [frame.start for frame in frames] == [start, *ends[:-1]]
    assert reader.positions() == {writer.file: ends[-1]}
    writer.close()


def test_a_file_is_complete_when_its_writer_let_go(spool: Path) -> None:
    """An epoch is drained only when every writer ended or died and all was read."""
    first, second = SpoolWriter(spool, EPOCH, KEY), SpoolWriter(spool, EPOCH, KEY)
    first.append(batch(1))
    with SpoolReader(spool, EPOCH, KEY) as reader:
        assert seconds(reader.read()) == [1]
        assert not reader.is_complete(first.file)
        first.end()
        assert reader.is_complete(first.file)
        assert not reader.is_drained()
        second.append(batch(2))
        second.close()
        assert reader.is_complete(second.file)
        assert not reader.is_drained(), "complete, but not read yet"
        assert seconds(reader.read()) == [2]
        assert reader.is_drained()


def test_a_new_file_is_seen_before_the_epoch_is_called_drained(spool: Path) -> None:
    """A collector that goes on in a new file is waited for."""
    first = SpoolWriter(spool, EPOCH, KEY)
    with SpoolReader(spool, EPOCH, KEY) as reader:
        reader.read()
        second = SpoolWriter(spool, EPOCH, KEY)
        first.end()
        reader.read()
        third = SpoolWriter(spool, EPOCH, KEY)
        second.end()
        reader.read()
        assert not reader.is_drained()
        third.end()
        reader.read()
        assert reader.is_drained()
        fourth = SpoolWriter(spool, EPOCH, KEY)
        assert not reader.is_drained(), "begun since the last read"
        fourth.end()


def test_an_epoch_without_files_is_drained(spool: Path) -> None:
    """Where no collector ever wrote there is nothing to wait for."""
    frames, reader = read_all(spool)
    assert frames == []
    assert reader.is_drained()


@pytest.mark.parametrize("skipped", range(4))
def test_frames_before_an_offset_are_left_out(spool: Path, skipped: int) -> None:
    """A rebuild leaves out exactly the frames that were counted already."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    ends = [writer.offset, *(writer.append(batch(number)) for number in range(3))]
    writer.end()
    with SpoolReader(spool, EPOCH, KEY) as reader:
        reader.skip_to(writer.file, ends[skipped])
        assert seconds(reader.read()) == list(range(skipped, 3))
        assert reader.is_drained()


def test_one_read_is_bounded(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long journal is read in portions, each frame once."""
    monkeypatch.setattr(reading, "READ_BYTES_MAX", 300)
    writer = SpoolWriter(spool, EPOCH, KEY)
    for number in range(100):
        writer.append(batch(number))
    writer.end()
    monkeypatch.setattr(reading, "_CHUNK_BYTES", 400)
    with SpoolReader(spool, EPOCH, KEY) as reader:
        first = reader.read()
        assert 0 < len(first) < 100
        assert not reader.is_drained()
        rest = []
        while new := reader.read():
            rest += new
        assert seconds(first + rest) == list(range(100))
        assert reader.is_drained()


def test_tear_at_every_byte(spool: Path) -> None:
    """Wherever a dying process tears its last frame, everything before it is read and the tear is reported."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    writer.append(batch(1))
    whole = writer.append(batch(2))
    writer.append(batch(3))
    writer.close()
    (path,) = spool_files(spool)
    content = path.read_bytes()
    for length in range(len(content) - 1, whole - 1, -1):
        os.truncate(path, length)
        frames, reader = read_all(spool)
        assert seconds(frames) == [1, 2]
        assert reader.is_drained()
        assert reader.damage() == []
        assert len(reader.torn()) == (length > whole)


def test_flip_any_byte(spool: Path) -> None:
    """Whichever byte of a file is changed, no frame is misread and the damage is reported with its place."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    ends = [writer.offset, *(writer.append(batch(number)) for number in range(3))]
    writer.end()
    (path,) = spool_files(spool)
    content = path.read_bytes()
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        if len(MAGIC) <= at < len(MAGIC) + 2:
            with pytest.raises(SpoolError, match="spool_version"):
                read_all(spool)
            continue
        frames, reader = read_all(spool)
        good = max(0, sum(end <= at for end in ends) - 1)
        assert seconds(frames) == list(range(good))
        (sentence,) = reader.damage()
        assert f"byte {ends[good] if at >= ends[0] else 0} on" in sentence
        assert reader.torn() == []
        assert reader.is_drained()


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 7)), min_size=1, max_size=4), st.integers(0, 9))
def test_harm_to_one_file_costs_no_other(harms: list[tuple[int, int]], cut: int) -> None:
    """However a file was flipped or cut, what is read of it is how it began; the others are whole."""
    with TemporaryDirectory() as folder:
        directory = Path(folder)
        for first in (0, 10, 20):
            writer = SpoolWriter(directory, EPOCH, KEY)
            for number in range(first, first + 5):
                writer.append(batch(number))
            writer.end()
        path = spool_files(directory)[1]
        content = bytearray(path.read_bytes())
        for at, bit in harms:
            # Another version is a refusal of its own.
            content[len(MAGIC) + 2 + at % (len(content) - len(MAGIC) - 2)] ^= 1 << bit
        path.write_bytes(content[: len(content) - cut])
        frames, reader = read_all(directory)
        found = seconds(frames)
        harmed = [number for number in found if 10 <= number < 20]
        assert harmed == list(range(10, 10 + len(harmed)))
        assert [number for number in found if number not in harmed] == [*range(5), *range(20, 25)]
        assert reader.is_drained()


def test_damage_in_a_living_file_is_reported_at_once(spool: Path) -> None:
    """A length that was changed does not pass for a frame that is still to come."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    start = writer.offset
    writer.append(batch(1))
    (path,) = spool_files(spool)
    with path.open("r+b") as file:
        file.seek(start + 2)
        file.write(b"\x7f")
    with SpoolReader(spool, EPOCH, KEY) as reader:
        assert reader.read() == []
        assert len(reader.damage()) == 1
        assert not reader.is_drained(), "its writer may still be at work elsewhere in the epoch"
        writer.end()
        reader.read()
        assert reader.is_drained()


def test_another_key_opens_nothing(spool: Path) -> None:
    """Without the seal key of the epoch there is no event, only the sentence that says so."""
    SpoolWriter(spool, EPOCH, KEY).append(batch(1))
    frames, reader = read_all(spool, key=bytes(32))
    assert frames == []
    assert "sealed with another key" in reader.damage()[0]


def _frames(path: Path, spool: Path) -> tuple[bytes, list[bytes]]:
    found, _ = read_all(spool)
    mine = [frame for frame in found if frame.file in path.name]
    content = path.read_bytes()
    return content[: mine[0].start], [content[frame.start : frame.end] for frame in mine]


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 1), (0, 2), (1, 2), (2,)])
def test_moved_frames_are_rejected(spool: Path, order: tuple[int, ...]) -> None:
    """A frame that was swapped, repeated or taken out is damage, not a different day."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    for number in range(3):
        writer.append(batch(number))
    writer.close()
    (path,) = spool_files(spool)
    header, frames = _frames(path, spool)
    path.write_bytes(header + b"".join(frames[number] for number in order))
    found, reader = read_all(spool)
    assert seconds(found) == [
        number for number, moved in enumerate(order) if order[: number + 1] == tuple(range(number + 1))
    ]
    assert len(reader.damage()) == 1


def test_a_frame_of_another_file_is_rejected(spool: Path) -> None:
    """A frame opens only in the file it was written to."""
    for number in range(2):
        writer = SpoolWriter(spool, EPOCH, KEY)
        writer.append(batch(number))
        writer.close()
    first, second = spool_files(spool)
    header, _ = _frames(first, spool)
    _, frames = _frames(second, spool)
    first.write_bytes(header + frames[0])
    found, reader = read_all(spool)
    assert seconds(found) == [1]
    assert len(reader.damage()) == 1


@pytest.mark.parametrize(
    "epoch", [Epoch("Europe/Amsterdam", date(2026, 11, 24), 2), Epoch("Europe/Paris", date(2026, 11, 24), 1)]
)
def test_a_file_of_another_epoch_is_rejected(spool: Path, epoch: Epoch) -> None:
    """A file that was moved to another epoch is not counted there."""
    SpoolWriter(spool, EPOCH, KEY).append(batch(1))
    (spool / epoch_name(EPOCH)).rename(spool / epoch_name(epoch))
    frames, reader = read_all(spool, epoch=epoch)
    assert frames == []
    assert "not that of its name and folder" in reader.damage()[0]


def test_bytes_behind_the_end_are_reported(spool: Path) -> None:
    """Nothing can be slipped in behind the end frame."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    writer.append(batch(1))
    writer.end()
    (path,) = spool_files(spool)
    with path.open("ab") as file:
        file.write(bytes(40))
    frames, reader = read_all(spool)
    assert seconds(frames) == [1]
    assert "bytes follow its end" in reader.damage()[0]


def test_a_file_of_another_version_is_left_alone(spool: Path) -> None:
    """A spool file that a newer Turven wrote gives a clear sentence, and keeps every byte."""
    SpoolWriter(spool, EPOCH, KEY).append(batch(1))
    (path,) = spool_files(spool)
    content = MAGIC + (7).to_bytes(2, "big") + path.read_bytes()[len(MAGIC) + 2 :]
    path.write_bytes(content)
    with pytest.raises(SpoolError, match=r"spool_version: .* is of spool format 7; this Turven reads format 1"):
        read_all(spool)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"turven", b"SQLite format 3\0" + bytes(100)])
def test_a_foreign_file_is_reported(spool: Path, content: bytes) -> None:
    """A file that is none of ours is reported and left alone."""
    folder = spool / epoch_name(EPOCH)
    folder.mkdir()
    (folder / f"000001-{'ab' * 16}.spool").write_bytes(content)
    (folder / "notes.txt").write_bytes(content)
    frames, reader = read_all(spool)
    assert frames == []
    assert len(reader.damage()) == 2
    assert reader.is_drained()


def test_reports_hold_no_content(spool: Path) -> None:
    """What is said about damage quotes no event."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    writer.append(Batch([event(page="/leerling/jan-jansen")], []))
    writer.close()
    (path,) = spool_files(spool)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    frames, reader = read_all(spool)
    assert "jan" not in repr((frames, reader.damage(), reader.torn()))


def test_frames_cannot_be_printed(spool: Path) -> None:
    """A frame in an error page or a log line shows no event."""
    writer = SpoolWriter(spool, EPOCH, KEY)
    writer.append(Batch([event(page="/leerling/jan-jansen")], []))
    writer.end()
    frames, _ = read_all(spool)
    assert "sealed" in repr(frames)
    assert "jan" not in repr(frames)


def test_files_are_read_in_the_order_of_their_beginning(spool: Path) -> None:
    """A rebuild reads the files of one collector in the order in which it wrote them."""
    for number in range(12):
        writer = SpoolWriter(spool, EPOCH, KEY)
        writer.append(batch(number))
        writer.end()
    frames, _ = read_all(spool)
    assert all(before < after for before, after in pairwise(seconds(frames)))
