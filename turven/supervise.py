"""The first process of a house of several: it opens the sockets, starts the others, and starts them again.

It reads no request, so it never has to be changed while events come in. Every listening socket stays open here:
connections wait in it while the process that answers them is another one.
"""

import asyncio
import logging
import os
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from collector.control import SOCKET_NAME, open_control
from collector.processes import look_at_oneself, write_sheet
from collector.settings import CONFIG_NAME, Settings
from collector.spool.files import prepare_runtime_dir
from turven.child import GO, Start
from turven.listening import listen
from turven.notify import notify
from turven.pairs import answer_away, make_pair
from turven.places import Child, Place

log = logging.getLogger("turven.supervise")

#: How long a page waits for a house that starts again; after that it is answered 503.
AWAY_SECONDS: Final = 10.0
#: A process whose event loop stands still for so long is killed: a collector that hangs keeps the day from closing.
COLLECTOR_HANGS_SECONDS: Final = 30.0
HOUSE_HANGS_SECONDS: Final = 300.0
#: How long a process may take to end in order; then it is killed, which loses nothing that was acknowledged.
COLLECTOR_ENDS_SECONDS: Final = 15.0
HOUSE_ENDS_SECONDS: Final = 25.0
_LOOK_SECONDS: Final = 1.0


class Parent:
    """Hold the sockets of a house and its processes."""

    def __init__(self, settings: Settings, *, config: Path | None, flags: Mapping[str, Any], lock: int) -> None:
        """Open the sockets.

        Args:
            settings: As read once here; each process reads the same again from what was read now.
            config: The settings file; `None` for the one in the working folder, if it is there.
            flags: Settings of the command line, by dotted key.
            lock: Descriptor that holds the data directory for every process.

        Raises:
            SettingsError: `address_unusable`.
            StoreError: The runtime directory cannot be used.
        """
        self._settings = settings
        self._config = config or (Path(CONFIG_NAME) if Path(CONFIG_NAME).exists() else None)
        self._flags = dict(flags)
        self._lock = lock
        runtime = settings.runtime_path()
        prepare_runtime_dir(runtime)
        server = settings.server
        self._of_collectors = listen(server.collector_listen or server.listen, count=server.collectors)
        self._of_house = listen(server.listen, count=1) if server.collector_listen else []
        self._control = open_control(runtime / SOCKET_NAME)
        # One for the house, then one a collector: where connections are passed on.
        self._pairs = [make_pair() for _ in range(1 + server.collectors)]
        self._copy = self._read()
        self._places: list[Place] = []
        self._children: list[Child] = []
        self._seen_at = time.monotonic()
        self._is_started = False
        self._orders: asyncio.Queue[int]

    def run(self) -> int:
        """Keep the house running until told to stop; return the exit code."""
        return asyncio.run(self._run())

    async def _run(self) -> int:
        self._orders = asyncio.Queue()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._orders.put_nowait, number)
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        house = Place(self._house, hangs_seconds=HOUSE_HANGS_SECONDS, ends_seconds=HOUSE_ENDS_SECONDS)
        collectors = [
            Place(
                partial(self._collector, number),
                hangs_seconds=COLLECTOR_HANGS_SECONDS,
                ends_seconds=COLLECTOR_ENDS_SECONDS,
            )
            for number in range(self._settings.server.collectors)
        ]
        self._places = [house, *collectors]
        keeping = asyncio.create_task(self._start_all(house, collectors))
        try:
            return await self._obey(keeping)
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            notify("STOPPING=1")
            ending = asyncio.create_task(self._end_all(house))
            impatience = asyncio.create_task(self._told_again())
            await asyncio.wait([ending, impatience], return_when=asyncio.FIRST_COMPLETED)
            for child in self._children:
                child.send_signal(signal.SIGKILL)
            await ending
            impatience.cancel()

    async def _told_again(self) -> None:
        """Wait until the house is told to stop once more: then nobody waits for an orderly end."""
        while await self._orders.get() == signal.SIGHUP:
            pass

    async def _start_all(self, house: Place, collectors: Sequence[Place]) -> int:
        """Start the house, then the collectors; return only where the house cannot be started, with its exit code."""
        first = house.child
        first.say(GO)
        await first.ready
        if first.ended.done():
            return first.ended.result()
        for place in collectors:
            place.child.say(GO)
        await asyncio.wait([place.child.ready for place in collectors])
        self._is_started = True
        write_sheet(look_at_oneself("parent", self._settings), self._settings, random=os.urandom)
        notify("READY=1")
        log.info("The house answers: %d collectors.", len(collectors))
        await asyncio.gather(*(place.keep() for place in self._places), self._look())
        return 0

    async def _obey(self, keeping: asyncio.Task[int]) -> int:
        """Carry out orders until one ends the house, or it cannot be started; return the exit code."""
        replacing: asyncio.Task[None] | None = None
        while True:
            order = asyncio.create_task(self._orders.get())
            await asyncio.wait([order, keeping], return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                order.cancel()
                return keeping.result()
            if order.result() != signal.SIGHUP:
                if replacing is not None:
                    replacing.cancel()
                return 0
            if not self._is_started or (replacing is not None and not replacing.done()):
                log.warning("The house is starting or being replaced: it is not replaced again.")
            else:
                replacing = asyncio.create_task(self._replace_all())

    async def _replace_all(self) -> None:
        """Replace one process after the other, the house first: it has to read what new collectors write."""
        notify("RELOADING=1")
        self._copy = self._read()
        for place in self._places:
            if not await place.replace(at_once=place is not self._places[0]):
                break
        notify("READY=1")

    async def _end_all(self, house: Place) -> None:
        # Besides collectors one that was to take another's place may be there.
        await asyncio.gather(*(place.end() for place in self._places if place is not house))
        others = [child for child in self._children if child is not house.child]
        await asyncio.gather(*(child.end(seconds=COLLECTOR_ENDS_SECONDS) for child in others))
        # Last of all: what the collectors wrote until now it still takes in.
        await house.end()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for place in self._places:
                place.look()
            self._answer_for_house()

    def _answer_for_house(self) -> None:
        """Answer who waits for pages, where there has been no house for a while."""
        if self._places[0].child.is_ready:
            self._seen_at = time.monotonic()
        elif time.monotonic() - self._seen_at > AWAY_SECONDS and (count := answer_away(self._pairs[0][0])):
            log.warning("No house: %d connections were answered 503.", count)

    def _reap(self) -> None:
        for child in self._children:
            child.reap()
        self._children = [child for child in self._children if not child.ended.done()]

    def _read(self) -> int:
        """Return a descriptor of a copy of the settings file, for the processes to read."""
        copy = os.memfd_create("turven.toml", os.MFD_CLOEXEC)
        with suppress(OSError):
            os.write(copy, self._config.read_bytes() if self._config else b"")
        return copy

    def _house(self) -> Child:
        path = self._settings.runtime_path() / SOCKET_NAME
        if not path.exists():
            # A user who logs out may lose their folder in memory; the house that comes next can be asked again.
            self._control.close()
            prepare_runtime_dir(path.parent)
            self._control = open_control(path)
        return self._child("turven.housing", "house", self._of_house, pair=0, control=self._control.fileno())

    def _collector(self, number: int) -> Child:
        house = self._pairs[0][1].fileno()
        listen = self._of_collectors[number]
        return self._child("turven.collecting", f"collector {number}", [listen], pair=1 + number, house=house)

    def _child(self, module: str, name: str, listen: Sequence[socket.socket], *, pair: int, **own: int) -> Child:
        inbox, outbox = self._pairs[pair]
        start = Start(
            name=name,
            parent=os.getpid(),
            channel=-1,
            settings=self._copy,
            config=str(self._config or ""),
            flags=self._flags,
            listen=tuple(one.fileno() for one in listen),
            inbox=inbox.fileno(),
            successor=outbox.fileno(),
            **own,
        )
        passed = {*start.listen, start.inbox, start.successor, start.settings, self._lock, *own.values()}
        child = Child(module, start, descriptors=passed)
        self._children.append(child)
        return child
