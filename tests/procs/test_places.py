"""Each place of a house is kept filled: restarts with back-off, hangs noticed, a bad successor turned away."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from turven import places
from turven.child import GO, Start
from turven.places import Child, Place


class Puppets:
    """Make puppets, and see how each of them ends."""

    def __init__(self, *does: str) -> None:
        self._does = list(does)
        self.made: list[Child] = []

    def __call__(self) -> Child:
        """Make the next."""
        does = self._does[min(len(self.made), len(self._does) - 1)]
        start = Start(name=does, parent=0, channel=-1, settings=-1)
        child = Child("tests.procs.puppet", start, descriptors=())
        self.made.append(child)
        return child

    def reap(self) -> None:
        """Note who has ended."""
        for child in self.made:
            child.reap()

    def end(self) -> None:
        """Let nobody live on."""
        for child in self.made:
            child.send_signal(signal.SIGKILL)


def play(puppets: Puppets, scene: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run *scene* while the ends of children are noticed."""

    async def run() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, puppets.reap)
        try:
            await asyncio.wait_for(scene(), 30)
        finally:
            puppets.end()
            await asyncio.gather(*(child.ended for child in puppets.made))

    asyncio.run(run())


def test_who_dies_again_and_again_is_started_ever_later(caplog: pytest.LogCaptureFixture) -> None:
    """The first restart comes at once; each one after waits twice as long."""
    puppets = Puppets("dies")

    async def scene() -> None:
        place = Place(puppets, hangs_seconds=30, ends_seconds=5)
        place.child.say(GO)
        keeping = asyncio.create_task(place.keep())
        while len(puppets.made) < 4:  # noqa: ASYNC110 - processes come and go
            await asyncio.sleep(0.01)
        keeping.cancel()

    play(puppets, scene)
    pauses = [record.getMessage().rpartition(" in ")[2] for record in caplog.records]
    assert pauses[:3] == ["0.0 s.", "0.1 s.", "0.2 s."]


def test_a_machine_without_room_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    """Where a process cannot be started at all it is tried again; the one in its place before stays until then."""
    puppets, refusals = Puppets("dies", "lives"), [OSError(11, "no room"), OSError(11, "no room")]

    def make() -> Child:
        if puppets.made and refusals:
            raise refusals.pop()
        return puppets()

    async def scene() -> None:
        place = Place(make, hangs_seconds=30, ends_seconds=5)
        assert not await place.replace(at_once=True)
        place.child.say(GO)
        keeping = asyncio.create_task(place.keep())
        while len(puppets.made) < 2:  # noqa: ASYNC110 - processes come and go
            await asyncio.sleep(0.01)
        await place.child.ready
        keeping.cancel()

    play(puppets, scene)
    assert caplog.text.count("A process cannot be started: no room.") == 2


def test_the_pause_has_an_end() -> None:
    """However often a process died, it is tried again every few seconds."""
    assert places.RESTART_SECONDS_MIN < places.RESTART_SECONDS_MAX < places.HEALTHY_SECONDS


def test_who_hangs_is_killed() -> None:
    """A process that answered once and whose event loop stands still is killed, even where it cannot hear a signal."""
    puppets = Puppets("hangs", "lives")

    async def scene() -> None:
        place = Place(puppets, hangs_seconds=0.2, ends_seconds=5)
        place.child.say(GO)
        await place.child.ready
        while not place.child.ended.done():
            await asyncio.sleep(0.01)
            place.look()
        assert await place.child.ended == -signal.SIGKILL

    play(puppets, scene)


def test_who_lives_is_left_alone() -> None:
    """A look ends nobody who was heard of in time, and nobody who does not answer yet."""
    puppets = Puppets("lives")

    async def scene() -> None:
        place = Place(puppets, hangs_seconds=30, ends_seconds=5)
        place.look()
        place.child.say(GO)
        await place.child.ready
        place.look()
        await place.end()
        assert await place.child.ended == -signal.SIGTERM

    play(puppets, scene)


@pytest.mark.parametrize(("next_one", "at_once"), [("fails", True), ("fails", False), ("dies", True)])
def test_a_successor_that_does_not_start_is_turned_away(next_one: str, at_once: bool) -> None:  # noqa: FBT001
    """The old process stays where the new one does not load, or does not answer beside it."""
    puppets = Puppets("lives", next_one)

    async def scene() -> None:
        place = Place(puppets, hangs_seconds=30, ends_seconds=5)
        old = place.child
        old.say(GO)
        await old.ready
        assert not await place.replace(at_once=at_once)
        assert place.child is old
        assert old.is_ready

    play(puppets, scene)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_successor_takes_the_place(at_once: bool) -> None:  # noqa: FBT001
    """The old process ends in order, and the one who keeps the place starts nobody else for it."""
    puppets = Puppets("lives")

    async def scene() -> None:
        place = Place(puppets, hangs_seconds=30, ends_seconds=5)
        old = place.child
        old.say(GO)
        await old.ready
        keeping = asyncio.create_task(place.keep())
        assert await place.replace(at_once=at_once)
        assert await old.ended == 0
        assert place.child is not old
        await asyncio.sleep(0)
        assert len(puppets.made) == 2
        keeping.cancel()

    play(puppets, scene)


def test_who_does_not_end_is_killed() -> None:
    """A process that does not end in order within its time is killed."""
    puppets = Puppets("hangs")

    async def scene() -> None:
        place = Place(puppets, hangs_seconds=30, ends_seconds=0.1)
        place.child.say(GO)
        await place.child.ready
        await place.end()
        assert await place.child.ended == -signal.SIGKILL

    play(puppets, scene)
