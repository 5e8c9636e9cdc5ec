"""Replies and the disk: what is acknowledged is written, and with `fsync = "always"` forced to the disk before."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from threading import Event as Signal
from typing import Final

import pytest

from collector.edge.gate import Gate
from collector.edge.raw import RawRequest
from collector.errors import StoreError
from collector.event import Drop, Event, Reason
from collector.intake import PENDING_EVENTS_MAX, Intake
from collector.model import Site
from collector.settings import Fsync, Privacy, Server
from collector.spool.secrets import Secrets
from tests.agents import CHROME
from tests.clock import ManualClock
from tests.spool.house import TIMEZONE, private_folder, read_all

BODY: Final = b'{"s":"school","n":"pageview","u":"/rooster"}'


class Disk:
    """Stand before `os.fdatasync`: count, hold back, or fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.synced = 0
        self.is_failing = False
        self.may_go = Signal()
        self.may_go.set()
        self.is_asked = Signal()
        self._sync = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self._wait)

    def _wait(self, descriptor: int) -> None:
        self.is_asked.set()
        assert self.may_go.wait(10)
        if self.is_failing:
            raise OSError(5, "Input/output error")
        self._sync(descriptor)
        self.synced += 1


class Desk:
    """An intake with one school, on real folders."""

    def __init__(self, folder: Path, school: Site, fsync: Fsync) -> None:
        clock = ManualClock()
        self.spool = folder / "spool"
        self.secrets = Secrets(private_folder(folder / "runtime"))
        self.epoch = self.secrets.current(TIMEZONE, now=clock.now())
        gate = Gate(privacy=Privacy(), server=Server(), site={"school": school}.get)
        self.intake = Intake(
            gate=gate, secrets=self.secrets, spool_dir=self.spool, clock=clock, house_zone=TIMEZONE, fsync=fsync
        )
        self.replies: list[StoreError | None] = []

    def admit(self) -> Event | Drop | object:
        """Let one pageview through, and note its reply."""
        outcome = self.intake.admit(RawRequest(peer="10.1.2.3", body=BODY, user_agent=CHROME))
        if isinstance(outcome, Event):
            self.intake.when_written(self.replies.append)
        return outcome

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let the event loop go round until something is so."""
        async with asyncio.timeout(10):
            while not is_so():  # noqa: ASYNC110 - the thing itself is asked, whatever it is
                await asyncio.sleep(0)

    def counted(self) -> int:
        """Return how many events stand in the spool."""
        frames, _ = read_all(self.spool, key=self.secrets.seal_key(self.epoch), epoch=self.epoch)
        return sum(len(frame.batch.events) for frame in frames)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    """Stand before the disk."""
    return Disk(monkeypatch)


@pytest.fixture
def always(tmp_path: Path, school: Site, disk: Disk) -> Desk:
    """Open an intake whose replies wait for the disk."""
    return Desk(tmp_path, school, Fsync.ALWAYS)


def test_a_reply_waits_for_the_disk(always: Desk, disk: Disk) -> None:
    """With `always` no reply leaves before the disk has its event; the next batch gathers meanwhile."""

    async def run() -> None:
        disk.may_go.clear()
        for _ in range(3):
            always.admit()
        await always.until(disk.is_asked.is_set)
        for _ in range(50):
            always.admit()
            await asyncio.sleep(0)
        assert always.replies == []
        assert disk.synced == 0
        disk.may_go.set()
        await always.until(lambda: len(always.replies) == 53)

    asyncio.run(run())
    assert always.replies == [None] * 53
    assert disk.synced == 2
    always.intake.stop()
    assert always.counted() == 53


def test_a_failing_disk_refuses_and_goes_on(always: Desk, disk: Disk) -> None:
    """What the disk did not confirm is refused with a sentence; what follows goes to another file."""

    async def run() -> None:
        disk.is_failing = True
        always.admit()
        await always.until(lambda: len(always.replies) == 1)
        disk.is_failing = False
        always.admit()
        await always.until(lambda: len(always.replies) == 2)

    asyncio.run(run())
    refused, taken = always.replies
    assert refused is not None
    assert refused.code == "spool_not_synced"
    assert taken is None
    always.intake.stop()
    assert len(list(always.spool.rglob("*.spool"))) == 2


def test_a_slow_disk_is_overload_and_not_memory(always: Desk, disk: Disk) -> None:
    """Behind a disk that does not answer a bounded number of events waits; the rest is told to come again."""

    async def run() -> None:
        disk.may_go.clear()
        always.admit()
        await always.until(disk.is_asked.is_set)
        for _ in range(PENDING_EVENTS_MAX):
            assert isinstance(always.admit(), Event)
        refused = always.admit()
        assert isinstance(refused, Drop)
        assert refused.reason is Reason.OVERLOAD
        disk.may_go.set()
        await always.until(lambda: len(always.replies) == PENDING_EVENTS_MAX + 1)

    asyncio.run(run())
    always.intake.stop()
    assert always.counted() == PENDING_EVENTS_MAX + 1


@pytest.mark.parametrize(("fsync", "synced"), [(Fsync.NEVER, 0), (Fsync.EVERY_SECOND, 1)])
def test_replies_do_not_wait_otherwise(
    tmp_path: Path, school: Site, disk: Disk, fsync: Fsync, synced: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `never` and `every 1s` a reply leaves once its event is written; the disk is forced later, or not."""
    monkeypatch.setattr("collector.intake.LOOK_SECONDS", 0.0)
    desk = Desk(tmp_path, school, fsync)

    async def run() -> None:
        disk.may_go.clear()
        desk.admit()
        await desk.until(lambda: desk.replies == [None])
        looking = asyncio.create_task(desk.intake.run())
        if synced:
            await desk.until(disk.is_asked.is_set)
        desk.admit()
        await desk.until(lambda: desk.replies == [None, None])
        disk.may_go.set()
        await desk.until(lambda: disk.synced == synced)
        looking.cancel()

    asyncio.run(run())
    desk.intake.stop()
    assert desk.counted() == 2


def test_a_file_that_ends_is_synced(always: Desk, disk: Disk) -> None:
    """What a file holds when it is let go of is on the disk, the replies that still wait for it included."""

    async def run() -> None:
        always.admit()
        always.secrets.replace_salt(always.epoch, "school")
        always.intake.look()
        assert disk.synced == 1
        await always.until(lambda: always.replies == [None])

    asyncio.run(run())
    always.intake.stop()
    assert always.counted() == 1


def test_a_refusal_is_told_once(tmp_path: Path, school: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Where no file can be begun each event is refused, and the log says why, not for each of them."""
    desk = Desk(tmp_path, school, Fsync.NEVER)
    desk.spool.write_bytes(b"no folder")
    for _ in range(5):
        with pytest.raises(StoreError, match="spool_unwritable"):
            desk.admit()
    assert len(caplog.messages) == 1
    assert "cannot be written" in caplog.text
    desk.spool.unlink()

    async def run() -> None:
        desk.admit()
        await desk.until(lambda: desk.replies == [None])

    asyncio.run(run())
    desk.intake.stop()
