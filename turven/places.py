"""The places of a house that its parent keeps filled, and the child process that is in each."""

import asyncio
import logging
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

import msgspec

from turven.child import GO, LOADED, MAKE_WAY, READY, Start

log = logging.getLogger("turven.places")

#: A process that dies is started again at once; one that dies again soon after a while, twice as long each time.
RESTART_SECONDS_MIN: Final = 0.1
RESTART_SECONDS_MAX: Final = 5.0
#: Of a process that ran as long as this the earlier deaths are forgotten.
HEALTHY_SECONDS: Final = 30.0
#: How long a new process may take to say that its code and settings are good, before the old one stays.
LOAD_SECONDS_MAX: Final = 60.0
#: How long it may take then until it answers; the house rebuilds the running day first.
READY_SECONDS_MAX: Final = 600.0
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
                while True:
                    await asyncio.sleep(pause)
                    pause = min(max(2 * pause, RESTART_SECONDS_MIN), RESTART_SECONDS_MAX)
                    if (made := self._try()) is not None:
                        break
                self.child = made
                made.say(GO)

    def _try(self) -> Child | None:
        """Start a process; none where the machine has no room for it just now, or its program is being replaced."""
        try:
            return self._make()
        except OSError as error:
            log.error("A process cannot be started: %s.", error.strerror)  # noqa: TRY400 - the reason says it all
            return None

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
            old, new = self.child, self._try()
            if new is None:
                return False
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


def _told(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with suppress(ValueError):
        return signal.Signals(-code).name
    return f"signal {-code}"
