"""A scratch house: the same build and privacy settings in a folder of its own, asked from outside like any house.

Active checks never touch a school's figures. The folder is removed afterwards. Home, working and temporary folders of
the house lie in it too, so that whatever the program writes, wherever it would by habit, is written there.
"""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, time, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

import msgspec

from collector.audit.folders import own_folder
from collector.audit.memory import outbound
from collector.audit.own_process import OwnAnswer
from collector.audit.scratch_settings import COUNTRY_HEADER, TRUSTED_PEER, scratch_toml, until, zone_of_noon
from collector.audit.wire import free_port, read_answer, write_post
from collector.control import SOCKET_NAME, ask
from collector.errors import TurvenError
from collector.model import Site
from collector.settings import Limits, Privacy, Public
from collector.store.backup import make_key
from collector.store.copy import read_copy

__all__ = [
    "BROWSER",
    "COUNTRY_HEADER",
    "NOBODY",
    "STEP",
    "TRUSTED_PEER",
    "UNTRUSTED_PEER",
    "ScratchHouse",
    "environment",
    "scratch_house",
    "serve_command",
    "site_record",
    "text_of",
]

START_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 20.0
LOOK_SECONDS: Final = 0.05
REQUEST_SECONDS_MAX: Final = 20
BROWSER: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 "
    "Safari/537.36"
)
#: Names nobody to turn to.
NOBODY: Final = Public()
#: Room for a day's events of one site in a second.
WIDE: Final = Limits(site_events_per_second=1_000_000)
#: A peer on loopback that it does not believe; in another network than the first.
UNTRUSTED_PEER: Final = "127.9.9.9"
#: What one step of a scratch house's clock is.
STEP: Final = timedelta(hours=1)
_STEPPED_ZONE: Final = "Etc/UTC"
#: How often an event is sent that comes faster than the house takes what is new: four seconds.
SEND_TRIES_MAX: Final = 80
#: Requests that are on their way at the same time on one connection.
PIPELINE_MAX: Final = 64

#: Headers and body of an event.
Post = tuple[Mapping[str, str], Mapping[str, Any] | bytes]


class ScratchHouse:
    """Drive a house that runs as a process of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        privacy: Privacy,
        public: Public = NOBODY,
        limits: Limits = WIDE,
        begins_at: time | None = None,
    ) -> None:
        """Lay down the settings; nothing is started.

        Args:
            folder: Empty, and removed by whoever made it.
            privacy: The privacy settings under audit.
            public: What the house under audit says of itself.
            limits: How much it takes; wide, since an audit sends a day's events in a second.
            begins_at: Local time at which its clock starts, to be moved on by `step`; `None` for the machine's clock.
        """
        self.folder = folder
        self.runtime = folder / "runtime"
        self.log = folder / "log.txt"
        self.port = free_port()
        self.config = folder / "turven.toml"
        self.backup_key = folder / "backup.key"
        zone = zone_of_noon() if begins_at is None else _STEPPED_ZONE
        self.config.write_text(
            scratch_toml(
                folder,
                port=self.port,
                zone=zone,
                privacy=privacy,
                public=public,
                limits=limits,
                recipient=make_key(self.backup_key),
            ),
            "utf-8",
        )
        self._ahead = None if begins_at is None else until(begins_at)
        for name in ("home", "work", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process's id."""
        if self._process is None:
            raise TurvenError("scratch_stopped", "The scratch house is not running.")
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether the house was started and not stopped."""
        return self._process is not None

    def start(self) -> None:
        """Start the house and wait until it answers.

        Raises:
            TurvenError: `scratch_failed`.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                serve_command(self.config, ahead=self._ahead),
                stdout=log,
                stderr=log,
                cwd=self.folder / "work",
                env=environment(self.folder),
            )
        ends_at = monotonic() + START_SECONDS_MAX
        while not self._is_ready():
            if self._process.poll() is not None or monotonic() > ends_at:
                raise TurvenError("scratch_failed", "A scratch house of this build and these settings does not start.")
            sleep(LOOK_SECONDS)

    def _is_ready(self) -> bool:
        try:
            return self.request("GET", "/health")[0] == 200  # noqa: PLR2004 - HTTP's own number
        except (OSError, HTTPException):
            # Nobody listens yet; a connection may even have been made to itself, both ends at one port.
            return False

    def stop(self) -> None:
        """Ask the house to end, and wait for it."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None

    def step(self) -> None:
        """Move the clock of the house on by an hour."""
        if self._ahead is None:
            raise TurvenError("scratch_clock", "This scratch house runs by the machine's clock.")
        os.kill(self.pid, signal.SIGUSR1)
        self._ahead += STEP

    def now(self) -> datetime:
        """Return the instant that the house's clock shows."""
        return datetime.now(UTC) + (self._ahead or timedelta())

    def wait_for(self, seen: Callable[[], bool]) -> bool:
        """Look again and again until *seen* says so; return whether it did in time."""
        ends_at = monotonic() + START_SECONDS_MAX
        while not seen():
            if monotonic() > ends_at:
                return False
            sleep(LOOK_SECONDS)
        return True

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        peer: str = TRUSTED_PEER,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request as a stranger would; return status, headers and body.

        *peer* is an address of loopback that the request comes from.
        """
        connection = HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS_MAX, source_address=_source(peer))
        try:
            connection.request(method, path, body=body or None, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def send(
        self, *, address: str, headers: Mapping[str, str] | None = None, peer: str = TRUSTED_PEER, **event: Any
    ) -> tuple[int, str]:
        """Send an event from *address*, again where it comes too fast; return the status and the reason of a drop."""
        given = {"User-Agent": BROWSER.format(major=153), "X-Forwarded-For": address} | dict(headers or {})
        body = json.dumps({"s": "canary", "n": "pageview", "u": "/"} | event).encode()
        for _ in range(SEND_TRIES_MAX):
            status, answered, _ = self.request("POST", "/event", body=body, headers=given, peer=peer)
            if status != 503:  # noqa: PLR2004 - HTTP's own number
                break
            sleep(LOOK_SECONDS)
        return status, answered.get("x-dropped", "")

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are and return what came back before the house hung up or fell silent."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=REQUEST_SECONDS_MAX) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            with suppress(OSError), connection.makefile("rb") as stream:
                return stream.read()
        return b""

    def turven(self, *words: str) -> tuple[int, str]:
        """Run a command of the command line on this house; return its exit code and what it prints, errors too."""
        ran = subprocess.run(  # noqa: S603 - ourselves
            [sys.executable, "-m", "turven", "--config", str(self.config), *words],
            capture_output=True,
            cwd=self.folder / "work",
            env=environment(self.folder),
            timeout=START_SECONDS_MAX,
            check=False,
        )
        return ran.returncode, (ran.stdout + ran.stderr).decode(errors="replace")

    def send_all(self, requests: Sequence[Post], *, refused: list[Post] | None = None) -> dict[int, int]:
        """Send events over one connection; return how often each status came back, and add those with 503 to *refused*.

        Raises:
            TurvenError: `scratch_failed` where the house hangs up.
        """
        answered: dict[int, int] = {}
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=REQUEST_SECONDS_MAX) as connection,
            connection.makefile("rb") as stream,
        ):
            for start in range(0, len(requests), PIPELINE_MAX):
                batch = requests[start : start + PIPELINE_MAX]
                connection.sendall(b"".join(write_post(headers, body) for headers, body in batch))
                for request in batch:
                    status = read_answer(stream)
                    answered[status] = answered.get(status, 0) + 1
                    if status == 503 and refused is not None:  # noqa: PLR2004 - HTTP's own number
                        refused.append(request)
        return answered

    def ask(self, command: str, **params: Any) -> bytes:
        """Give a command through the control socket.

        Raises:
            TurvenError: As the command says.
        """
        answer = ask(self.runtime / SOCKET_NAME, command, params)
        if answer is None:
            raise TurvenError("scratch_stopped", "The scratch house is not running.")
        return answer

    def add_site(self, name: str, **changes: Any) -> None:
        """Take a site into the house, switched on unless *changes* say otherwise."""
        self.ask("site_add", site=site_record(name) | changes, made_by="audit", reason="canary run")

    def sites(self) -> list[Site]:
        """Return the sites as the house lists them."""
        return msgspec.json.decode(self.ask("site_list"), type=list[Site])

    def files(self) -> list[Path]:
        """Return every file of the house: history, spool, keys, log, and those of its home and temporary folders."""
        return [path for path in sorted(self.folder.rglob("*")) if path.is_file() and path != self.config]

    def history_text(self) -> bytes:
        """Return every value of every table of the stopped house, as text."""
        with self.history() as cursor:
            return text_of(cursor)

    @property
    def history_file(self) -> Path:
        """Return where the house keeps its cells."""
        return self.folder / "data" / "history.duckdb"

    def history(self) -> AbstractContextManager[Any]:
        """Lend a cursor on the history of the stopped house."""
        return read_copy(self.history_file)

    def open_files(self) -> dict[str, Path]:
        """Return the files that the house has open for writing, by name, and where each can be read.

        A nameless file is among them. Where only the machine's administrator may look, the house is asked itself.
        """
        found = {}
        try:
            entries = list(Path(f"/proc/{self.pid}/fd").iterdir())
        except PermissionError:
            names = msgspec.json.decode(self.ask("process"), type=OwnAnswer).open_for_writing
            return dict(zip(names, map(Path, names), strict=True))
        for entry in entries:
            try:
                target = str(entry.readlink())
                flags = Path(f"/proc/{self.pid}/fdinfo/{entry.name}").read_text()
                is_file = stat.S_ISREG(entry.stat().st_mode)
            except FileNotFoundError:
                continue
            mode = next(line.split()[1] for line in flags.splitlines() if line.startswith("flags"))
            if is_file and int(mode, 8) & (os.O_WRONLY | os.O_RDWR):
                found[target] = entry
        return found

    def connections(self) -> int:
        """Return how many connections of the house lead, or try to lead, off this machine."""
        try:
            return outbound(self.pid)
        except PermissionError:
            return msgspec.json.decode(self.ask("process"), type=OwnAnswer).connections_off_this_machine

    def files_elsewhere(self) -> list[str]:
        """Return the files outside the folder that the house has open for writing."""
        return sorted(name for name in self.open_files() if not Path(name).is_relative_to(self.folder))


def site_record(name: str) -> dict[str, Any]:
    """Return the record of a scratch house's site, switched on."""
    return {
        "id": name,
        "hosts": ["canary.example"],
        "controller": "audit",
        "agreement": "audit",
        "agreed_on": "2026-01-01",
        "identity": "network",
        "is_on": True,
    }


def text_of(cursor: Any) -> bytes:
    """Return every value of every table of a history, as text."""
    tables = cursor.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where not internal and database_name = current_database()"
    ).fetchall()
    rows = [row for (table,) in tables for row in cursor.execute(f"select * from {table}").fetchall()]
    return "\n".join("\t".join(str(value) for value in row) for row in rows).encode()


@contextmanager
def scratch_house(
    privacy: Privacy, *, public: Public = NOBODY, limits: Limits = WIDE, begins_at: time | None = None
) -> Iterator[ScratchHouse]:
    """Run a scratch house for the length of a block; its parameters are those of `ScratchHouse`.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with own_folder() as folder:
        house = ScratchHouse(folder, privacy=privacy, public=public, limits=limits, begins_at=begins_at)
        try:
            house.start()
            yield house
        finally:
            house.stop()


def serve_command(config: Path, *, ahead: timedelta | None = None) -> list[str]:
    """Return the command that serves a house of this build; with *ahead* by a clock that `SIGUSR1` moves on."""
    if ahead is not None:
        return [sys.executable, "-m", "turven.stepped", str(config), str(ahead.total_seconds())]
    return [sys.executable, "-m", "turven", "--config", str(config), "serve"]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which this very build is found, no setting of ours, and every habitual folder below."""
    root = str(Path(__file__).parents[2])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TURVEN_", "XDG_"))}
    here = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    return kept | here | {"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}


def _source(peer: str) -> tuple[str, int] | None:
    # Loopback's own address is what a connection has unless it is bound.
    return None if peer == TRUSTED_PEER else (peer, 0)
