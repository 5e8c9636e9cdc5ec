"""What every child process of a served house does first, and how it speaks with its parent.

The parent hands over descriptors: listening sockets, which it keeps open itself so that nothing waiting in them is
lost, the settings as they were read, and one end of a channel. On the channel each word is one byte; its end means
that the other process is gone.
"""

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from collector.errors import TurvenError
from collector.log import start_logging
from collector.process import end_with_parent, harden
from collector.settings import Settings, load_settings

#: Says a child: its code and its settings are good, and nothing is open yet.
LOADED: Final = b"L"
#: Says a child: it answers.
READY: Final = b"R"
#: Says a child, again and again: its event loop goes round.
ALIVE: Final = b"."
#: Says the parent: open what you need.
GO: Final = b"G"
#: Says the parent: another takes your place; hand it your connections, finish, and end.
MAKE_WAY: Final = b"W"

#: How often a child says that it is alive.
ALIVE_SECONDS: Final = 1.0


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Tell a child what it is and which descriptors are its own. Seen by `ps`, so nothing secret stands here.

    Attributes:
        name: For the log.
        parent: Number of the parent process.
        channel: Descriptor of its end of the channel.
        settings: Descriptor of the settings file as the parent read it.
        config: Where that file lies; empty for none.
        flags: Settings of the command line, by dotted key.
        listen: Listening sockets.
        inbox: Where connections arrive that others hand over.
        successor: Where it hands connections over to whoever takes its place.
        house: Where it hands over what only the house answers; of a collector.
        control: Listening control socket; of the house.
    """

    name: str
    parent: int
    channel: int
    settings: int
    config: str = ""
    flags: dict[str, Any] = {}
    listen: tuple[int, ...] = ()
    inbox: int = -1
    successor: int = -1
    house: int = -1
    control: int = -1

    def config_path(self) -> Path | None:
        """Return where the settings file lies, or `None` for none."""
        return Path(self.config) if self.config else None

    def listening(self) -> list[socket.socket]:
        """Return the listening sockets."""
        return [socket.socket(fileno=number) for number in self.listen]


class Channel:
    """Speak with the parent."""

    def __init__(self, number: int) -> None:
        self._socket = socket.socket(fileno=number)

    def say(self, word: bytes) -> None:
        """Say a word; one that the parent does not take is lost, and so is one to a parent that is gone."""
        try:
            self._socket.send(word, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            return

    def wait_for(self, word: bytes) -> bool:
        """Wait until the parent says a word; tell whether it did, or is gone."""
        return self._socket.recv(1) == word

    def listen(self, heard: Callable[[bytes], None]) -> None:
        """Have each word called out in the running event loop; an empty one when the parent is gone."""
        import asyncio  # noqa: PLC0415 - a child has it by then

        self._socket.setblocking(False)
        loop = asyncio.get_running_loop()

        def read() -> None:
            words = self._socket.recv(64)
            if not words:
                loop.remove_reader(self._socket)
            for word in [words[at : at + 1] for at in range(len(words))] or [b""]:
                heard(word)

        loop.add_reader(self._socket, read)


#: Makes ready all that can be before anything is opened, and returns what serves until told to stop.
Prepare = Callable[[Start, Settings, Channel], Callable[[], None]]


def run_child(argv: Sequence[str], prepare: Prepare) -> None:
    """Shut the process, read the settings, tell the parent, and serve once it says so.

    Args:
        argv: Of the process: the second word is a `Start` as JSON.
        prepare: What this process does.
    """
    start = msgspec.json.decode(argv[1], type=Start)
    harden()
    end_with_parent()
    if os.getppid() != start.parent:
        return
    # Until the server listens to it itself: what is not open yet needs no order to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel(start.channel)
    try:
        settings = _settings(start)
        start_logging(settings.log_level, process=start.name, is_json=settings.logs_json)
        serve = prepare(start, settings, channel)
        channel.say(LOADED)
        if channel.wait_for(GO):
            serve()
    except TurvenError as error:
        click.echo(f"turven: {error.message} [{error.code}]", err=True)
        sys.exit(error.exit_code)


def _settings(start: Start) -> Settings:
    """Read the settings that the parent read: a file that was changed since waits for the next restart of all."""
    copy = Path(f"/proc/self/fd/{start.settings}")
    try:
        return load_settings(copy, flags=start.flags)
    except TurvenError as error:
        error.message = error.message.replace(str(copy), start.config)
        raise
