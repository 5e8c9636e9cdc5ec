"""Events, epochs and batches that the tests of the spool share."""

import os
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from hypothesis import strategies as st

from collector.event import Batch, Event, Kind, Tally, VisitorKey
from collector.model import Epoch
from collector.spool.names import epoch_name
from collector.spool.reader import Frame, SpoolReader
from collector.spool.vault import Secret

TIMEZONE: Final = "Europe/Amsterdam"
EPOCH: Final = Epoch(TIMEZONE, date(2026, 11, 24), 1)
KEY: Final = bytes(range(32))


def event(number: int = 0, *, page: str = "/toetsen") -> Event:
    """Return an event that can be told from its neighbours by its second."""
    return Event(
        site="school",
        at=1_795_000_000 + number,
        visitor=VisitorKey(number * 2_654_435_761 % 2**64),
        kind=Kind.PAGEVIEW,
        page=page,
        source="(direct)",
        channel="direct",
        browser="Chrome",
        os="Chrome OS",
        device="desktop",
        country="NL",
    )


def batch(*numbers: int) -> Batch:
    """Return a batch of one event a number."""
    return Batch([event(number) for number in numbers], [])


def seconds(frames: list[Frame]) -> list[int]:
    """Return the numbers of the events in *frames*, in order."""
    return [each.at - 1_795_000_000 for frame in frames for each in frame.batch.events]


def text(events: list[Event]) -> bytes:
    """Return events in a form that can be compared."""
    return msgspec.msgpack.encode(events)


def read_all(directory: Path, *, key: Secret = KEY, epoch: Epoch = EPOCH) -> tuple[list[Frame], SpoolReader]:
    """Read an epoch to its end, and return the frames and the reader."""
    reader = SpoolReader(directory, epoch, key)
    frames: list[Frame] = []
    while new := reader.read():
        frames += new
    reader.close()
    return frames, reader


def spool_files(directory: Path, epoch: Epoch = EPOCH) -> list[Path]:
    """Return the spool files of an epoch in the order in which they were begun."""
    return sorted((directory / epoch_name(epoch)).glob("*.spool"))


def everything(directory: Path) -> bytes:
    """Return every byte of every file in a folder."""
    return b"".join(path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file())


def private_folder(path: Path) -> Path:
    """Make a folder that only we may enter."""
    path.mkdir(mode=0o700)
    return path


#: Keys of 64 bits, texts of any script, every list length that a batch may have.
events: Final = st.builds(
    Event,
    site=st.sampled_from(["school", "bieb"]),
    at=st.integers(0, 2**40),
    visitor=st.integers(0, 2**64 - 1).map(VisitorKey),
    kind=st.sampled_from(Kind),
    page=st.text(max_size=40),
    source=st.text(max_size=20),
    channel=st.sampled_from(["direct", "search"]),
    browser=st.text(max_size=10),
    os=st.text(max_size=10),
    device=st.text(max_size=10),
    country=st.sampled_from(["NL", "BE"]),
    is_entry=st.booleans(),
    name=st.text(max_size=10),
    milliseconds=st.integers(0, 10**9),
    scroll=st.integers(0, 100),
    properties=st.lists(st.text(max_size=10), max_size=3).map(tuple),
)
batches: Final = st.builds(
    Batch,
    st.lists(events, max_size=6),
    st.lists(st.builds(Tally, st.just("school"), st.just("bot"), st.integers(1, 9)), max_size=2),
)
RANDOM: Final = os.urandom
