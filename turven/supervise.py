"""The first process of a house of several: it opens the sockets, starts the others, and starts them again.

It reads no request, so it never has to be changed while events come in. Every listening socket stays open here:
connections wait in it while the process that answers them is another one.
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.control import SOCKET_NAME, open_control
from collector.errors import SettingsError
from collector.settings import CONFIG_NAME, Settings
from collector.spool.files import prepare_runtime_dir
from turven.child import GO, LOADED, MAKE_WAY, READY, Start
from turven.notify import BACKLOG, notify
from turven.pairs import answer_away, make_pair

log = logging.getLogger("turven.supervise")

#: A process that dies is started again at once; one that dies again soon after a while, twice as long each time.
RESTART_SECONDS_MIN: Final = 0.1
RESTART_SECONDS_MAX: Final = 5.0
#: Of a process that ran as long as this the earlier deaths are forgotten.
HEALTHY_SECONDS: Final = 30.0
#: A process whose event loop stands still for so long is killed: a collector that hangs keeps the day from closing.
COLLECTOR_HANGS_SECONDS: Final = 30.0
HOUSE_HANGS_SECONDS: Final = 300.0
#: How long a process may take to end in order; then it is killed, which loses nothing that was acknowledged.
COLLECTOR_ENDS_SECONDS: Final = 15.0
HOUSE_ENDS_SECONDS: Final = 25.0
#: How long a new process may take to say that its code and settings are good, before the old one stays.
LOAD_SECONDS_MAX: Final = 60.0
#: How long it may take then until it answers; the house rebuilds the running day first.
READY_SECONDS_MAX: Final = 600.0
#: How long a page waits for a house that starts again; after that it is answered 503.
AWAY_SECONDS: Final = 10.0
_LOOK_SECONDS: Final = 1.0
_WORDS_MAX: Final = 64


class Child:
    """Run one process.

    Attributes:
        loaded: Done when its code and settings are good, or it ended.
        ready: Done when it answers, or it ended.
        ended: Done with its exit code.
        alive_at: When it last said anything, in seconds of the monotonic clock.
    """

    def __init__(self, module: str, start: Start, *, descriptors: Iterable[int]) -> None:
        loop = asyncio.get_running_loop()
        self.name = start.name
        self.loaded: asyncio.Future[None] = loop.create_future()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[int] = loop.create_future()
        self.alive_at = self.started_at = time.monotonic()
        self._channel, theirs = socket.socketpair()
        with theirs:
            said = msgspec.structs.replace(start, channel=theirs.fileno())
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", module, msgspec.json.encode(said).decode()],
                pass_fds=[*descriptors, theirs.fileno()],
                stdin=subprocess.DEVNULL,
                # Ctrl-C in a terminal goes to every process of a group: the order in which they end is the parent's.
                process_group=0,
            )
        self.pid = self._process.pid
        self._channel.setblocking(False)
        loop.add_reader(self._channel, self._hear)

    @property
    def is_ready(self) -> bool:
        """Tell whether it answers."""
        return self.ready.done() and not self.ended.done()

    def say(self, word: bytes) -> None:
        """Say a word to it."""
        with suppress(OSError):
            self._channel.send(word, socket.MSG_NOSIGNAL)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it ended."""
        self._process.send_signal(number)

    def reap(self) -> None:
        """Note its end where it ended."""
        code = self._process.poll()
        if code is None or self.ended.done():
            return
        asyncio.get_running_loop().remove_reader(self._channel)
        self._channel.close()
        for future in (self.loaded, self.ready):
            if not future.done():
                future.set_result(None)
        self.ended.set_result(code)

    async def end(self, *, seconds: float, ask: Callable[[], None] | None = None) -> int:
        """Ask it to end in order, and kill it where that takes too long; return its exit code."""
        (ask or (lambda: self.send_signal(signal.SIGTERM)))()
        done, _ = await asyncio.wait([self.ended], timeout=seconds)
        if not done:
            log.error("%s did not end in %d seconds: killed.", self.name, seconds)
            self.send_signal(signal.SIGKILL)
        return await self.ended

    def _hear(self) -> None:
        with suppress(BlockingIOError, ConnectionResetError):
            words = self._channel.recv(_WORDS_MAX)
            if not words:
                asyncio.get_running_loop().remove_reader(self._channel)
            self.alive_at = time.monotonic()
            for word, future in ((LOADED, self.loaded), (READY, self.ready)):
                if word in words and not future.done():
                    future.set_result(None)


class Place:
    """Keep one place filled: the house's, or that of a collector."""

    def __init__(self, make: Callable[[], Child], *, hangs_seconds: float, ends_seconds: float) -> None:
        self._make = make
        self._hangs_seconds = hangs_seconds
        self._ends_seconds = ends_seconds
        self._changing = asyncio.Lock()
        self.child = make()

    async def keep(self) -> None:
        """Start the process again whenever it ends, until cancelled."""
        pause = 0.0
        while True:
            child = self.child
            code = await asyncio.shield(child.ended)
            async with self._changing:
                if self.child is not child:
                    continue
                if time.monotonic() - child.started_at > HEALTHY_SECONDS:
                    pause = 0.0
                log.error("%s ended (%s): started again in %.1f s.", child.name, _told(code), pause)
                await asyncio.sleep(pause)
                pause = min(max(2 * pause, RESTART_SECONDS_MIN), RESTART_SECONDS_MAX)
                self.child = self._make()
                self.child.say(GO)

    def look(self) -> None:
        """Kill a process that answered once and hangs."""
        child = self.child
        if child.is_ready and time.monotonic() - child.alive_at > self._hangs_seconds:
            log.error("%s has hung for %d seconds: killed.", child.name, self._hangs_seconds)
            child.send_signal(signal.SIGKILL)

    async def replace(self, *, at_once: bool) -> bool:
        """Put a new process in the place of the old; tell whether it answers now.

        Args:
            at_once: Whether both may be open for a moment; else the old one lets go before the new one begins.
        """
        async with self._changing:
            old, new = self.child, self._make()
            await asyncio.wait([new.loaded], timeout=LOAD_SECONDS_MAX)
            if new.ended.done() or not new.loaded.done():
                log.error("The new %s did not start; the old one stays.", old.name)
                await new.end(seconds=self._ends_seconds)
                return False
            if at_once:
                new.say(GO)
                await asyncio.wait([new.ready], timeout=READY_SECONDS_MAX)
                if not new.is_ready:
                    log.error("The new %s does not answer; the old one stays.", old.name)
                    await new.end(seconds=self._ends_seconds)
                    return False
            self.child = new
            await old.end(seconds=self._ends_seconds, ask=lambda: old.say(MAKE_WAY))
            new.say(GO)
            await asyncio.wait([new.ready], timeout=READY_SECONDS_MAX)
        log.info("%s was replaced.", new.name)
        return new.is_ready

    async def end(self) -> None:
        """End the process in order."""
        if not self.child.ended.done():
            await self.child.end(seconds=self._ends_seconds)


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
        collectors = server.collector_listen or server.listen
        self._of_collectors = [_listen(collectors) for _ in range(server.collectors)]
        self._of_house = [_listen(server.listen)] if server.collector_listen else []
        self._control = open_control(runtime / SOCKET_NAME)
        # One for the house, then one a collector: where connections are passed on.
        self._pairs = [make_pair() for _ in range(1 + server.collectors)]
        self._copy = self._read()
        self._places: list[Place] = []
        self._children: list[Child] = []
        self._seen_at = time.monotonic()
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
            ending = asyncio.create_task(self._end_all(house, collectors))
            impatient = asyncio.create_task(self._orders.get())
            await asyncio.wait([ending, impatient], return_when=asyncio.FIRST_COMPLETED)
            for child in self._children:
                child.send_signal(signal.SIGKILL)
            await ending
            impatient.cancel()

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
        notify("READY=1")
        log.info("The house answers: %d collectors.", len(collectors))
        await asyncio.gather(*(place.keep() for place in self._places), self._look())
        return 0

    async def _obey(self, keeping: asyncio.Task[int]) -> int:
        while True:
            order = asyncio.create_task(self._orders.get())
            await asyncio.wait([order, keeping], return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                order.cancel()
                return keeping.result()
            if order.result() != signal.SIGHUP:
                return 0
            await self._replace_all()

    async def _replace_all(self) -> None:
        """Replace one process after the other, the house first: it has to read what new collectors write."""
        notify("RELOADING=1")
        self._copy = self._read()
        for place in self._places:
            if not await place.replace(at_once=place is not self._places[0]):
                break
        notify("READY=1")

    async def _end_all(self, house: Place, collectors: Sequence[Place]) -> None:
        await asyncio.gather(*(place.end() for place in collectors))
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


def _listen(address: str) -> socket.socket:
    """Return a listening socket of its own on an address that others listen on too; the kernel deals out connections.

    Raises:
        SettingsError: `address_unusable`.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((host, int(port)))
        made.listen(BACKLOG)
    except OSError as error:
        made.close()
        raise SettingsError("address_unusable", f"{address} cannot be listened on ({error.strerror}).") from None
    return made


def _told(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
