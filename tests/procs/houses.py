"""A house of several processes, as an operator starts it, and ways to look at its processes."""

import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, Self

from tests.process import HouseProcess

WAIT_SECONDS_MAX: Final = 60.0
_SETTINGS: Final = "[limits]\nsite_events_per_second = 1000000\n"


class Houses(HouseProcess):
    """Run `turven serve` with collectors."""

    def __init__(self, folder: Path, *, collectors: int) -> None:
        super().__init__(folder, settings=_SETTINGS)
        self.config.write_text(f"{self.config.read_text('utf-8')}collectors = {collectors}\n", "utf-8")

    @property
    def pid(self) -> int:
        """Return the number of the parent."""
        assert self._process is not None
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        """Send the parent a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def ended(self) -> int:
        """Wait for the parent to end; return its exit code."""
        assert self._process is not None
        return self._process.wait(WAIT_SECONDS_MAX)

    def children(self) -> dict[str, int]:
        """Return the child processes by name."""
        return children_of(self.pid)

    def said(self, words: str) -> int:
        """Return how often the log says something."""
        return self.log.read_text("utf-8").count(words)

    def fresh(self, method: str, path: str, *, body: bytes | None = None, client: str = "") -> tuple[int, bytes]:
        """Send one request over a connection of its own; return status and body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS_MAX)
        try:
            headers = {"User-Agent": AGENT} | ({"X-Forwarded-For": client} if client else {})
            connection.request(method, path, body=body, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def kept(self, path: str) -> Callable[[], int]:
        """Ask for a page and keep the connection; return what asks for it again on that very connection."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=WAIT_SECONDS_MAX)

        def ask() -> int:
            connection.request("GET", path, headers={"User-Agent": AGENT})
            answer = connection.getresponse()
            answer.read()
            return answer.status

        def ask_again() -> int:
            before = connection.sock
            status = ask()
            assert connection.sock is before
            connection.close()
            return status

        assert ask() == 200
        return ask_again

    def raw(self, *pieces: bytes) -> bytes:
        """Send bytes, piece after piece, and return all that comes until the other end closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS_MAX) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for piece in pieces:
                connection.sendall(piece)
                wait_until(lambda: not _unread_by_peer(connection))
            received = b""
            while more := connection.recv(65_536):
                received += more
            return received


AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
EVENT: Final = b'{"s":"school","n":"pageview","u":"/"}'


class Stream:
    """Send events without a pause, over kept connections and fresh ones, until stopped."""

    def __init__(self, house: Houses) -> None:
        self._house = house
        self._stops = threading.Event()
        self.answers: Counter[int | str] = Counter()
        self._threads = [
            threading.Thread(target=self._send, kwargs={"network": network, "is_kept": network != 3})
            for network in (1, 2, 3)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stops.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS_MAX)

    def _send(self, *, network: int, is_kept: bool) -> None:
        connection = HTTPConnection("127.0.0.1", self._house.port, timeout=WAIT_SECONDS_MAX)
        sent = 0
        while not self._stops.is_set():
            sent += 1
            # A figure that is mostly one visitor's would be withheld.
            headers = {"User-Agent": AGENT, "X-Forwarded-For": f"10.{network}.{sent % 20}.9"}
            try:
                connection.request("POST", "/event", body=EVENT, headers=headers)
                answer = connection.getresponse()
                answer.read()
                self.answers[answer.status] += 1
            except OSError as error:
                self.answers[type(error).__name__] += 1
                connection.close()
            if not is_kept:
                connection.close()
        connection.close()


def children_of(pid: int) -> dict[str, int]:
    """Return the child processes of a house's parent by name."""
    found = {}
    for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        if len(words) > 3 and b'"name":"' in words[3]:
            found[words[3].partition(b'"name":"')[2].partition(b'"')[0].decode()] = int(number)
    return found


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait for something to become so."""
    ends_at = time.monotonic() + WAIT_SECONDS_MAX
    while not is_so():
        assert time.monotonic() < ends_at
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


def _unread_by_peer(connection: socket.socket) -> bool:
    """Tell whether the other end's process has not read yet what was sent (its queue, as the kernel shows it)."""
    ours = connection.getsockname()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if int(words[2].partition(":")[2], 16) == ours:
            return int(words[4].partition(":")[2], 16) > 0
    return False
