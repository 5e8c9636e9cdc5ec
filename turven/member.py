"""A child process while it serves: it tells that it is alive, takes connections over, and makes way for the next."""

import asyncio
import os

import uvicorn

from collector.processes import SHEET_SECONDS, look_at_oneself, write_sheet
from collector.settings import Settings
from turven.child import ALIVE, ALIVE_SECONDS, MAKE_WAY, READY, Channel, Start
from turven.handover import Inbox, Outbox, pass_on_idle
from turven.serving import Serving


class Member:
    """Serve as one of the processes of a house, until told to stop or until the parent is gone."""

    def __init__(self, config: uvicorn.Config, *, settings: Settings, start: Start, channel: Channel) -> None:
        self._settings = settings
        self._start = start
        self._channel = channel
        self._makes_way = False
        self._inbox = Inbox(start.inbox)
        self._server = Serving(config, on_started=self._begin, on_ending=self._end)

    def run(self) -> None:
        """Serve."""
        self._server.run(sockets=self._start.listening())

    def _begin(self) -> None:
        self._inbox.open(self._server.adopt)
        self._channel.listen(self._hear)
        self._channel.say(READY)
        self._stay_alive()
        self._look_at_oneself()

    def _look_at_oneself(self) -> None:
        loop = asyncio.get_running_loop()
        # In a thread: with thousands of connections it takes a while.
        loop.run_in_executor(None, self._write_sheet)
        loop.call_later(SHEET_SECONDS, self._look_at_oneself)

    def _write_sheet(self) -> None:
        write_sheet(look_at_oneself(self._start.name, self._settings), self._settings, random=os.urandom)

    def _stay_alive(self) -> None:
        self._channel.say(ALIVE)
        asyncio.get_running_loop().call_later(ALIVE_SECONDS, self._stay_alive)

    def _hear(self, word: bytes) -> None:
        """Obey the parent; one that is gone says nothing, and that is an order too."""
        if word in (MAKE_WAY, b""):
            self._makes_way = word == MAKE_WAY
            self._server.should_exit = True

    def _end(self) -> None:
        self._inbox.close()
        if self._makes_way:
            # Whoever waits with an open connection never learns that another process answers.
            pass_on_idle(self._server.server_state.connections, Outbox(self._start.successor))
