"""A scratch house: the same build and privacy settings in a folder of its own, asked from outside like any house.

Active checks never touch a school's figures. The folder is removed afterwards. Home, working and temporary folders of
the house lie in it too, so that whatever the program writes, wherever it would by habit, is written there.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.control import SOCKET_NAME, ask
from collector.errors import TurvenError
from collector.model import Site
from collector.settings import Privacy
from collector.store.copy import read_copy

START_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 20.0
LOOK_SECONDS: Final = 0.05
REQUEST_SECONDS_MAX: Final = 20
BROWSER: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 "
    "Safari/537.36"
)
#: A trusted proxy of the scratch house names the country in it.
COUNTRY_HEADER: Final = "CDN-Country"
#: Requests that are on their way at the same time on one connection.
PIPELINE_MAX: Final = 64
_TERMINALS: Final = ("/dev/null", "/dev/tty", "/dev/pts")
_NOON: Final = 12
_HEAD_END: Final = b"\r\n\r\n"


class ScratchHouse:
    """Drive a house that runs as a process of its own."""

    def __init__(self, folder: Path, *, privacy: Privacy) -> None:
        """Lay down the settings; nothing is started.

        Args:
            folder: Empty, and removed by whoever made it.
            privacy: The privacy settings under audit.
        """
        self.folder = folder
        self.runtime = folder / "runtime"
        self.log = folder / "log.txt"
        self.port = _free_port()
        self.config = folder / "turven.toml"
        self.config.write_text(_toml(folder, port=self.port, privacy=privacy), "utf-8")
        for name in ("home", "work", "tmp"):
            (folder / name).mkdir(exist_ok=True)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Return the process's id."""
        if self._process is None:
            raise TurvenError("scratch_stopped", "The scratch house is not running.")
        return self._process.pid

    def start(self) -> None:
        """Start the house and wait until it answers.

        Raises:
            TurvenError: `scratch_failed`.
        """
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - ourselves
                serve_command(self.config),
                stdout=log,
                stderr=log,
                cwd=self.folder / "work",
                env=environment(self.folder),
            )
        ends_at = time.monotonic() + START_SECONDS_MAX
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > ends_at:
                raise TurvenError("scratch_failed", "A scratch house of this build and these settings does not start.")
            time.sleep(LOOK_SECONDS)

    def _is_ready(self) -> bool:
        try:
            return self.request("GET", "/health")[0] == 200  # noqa: PLR2004 - HTTP's own number
        except OSError:
            return False

    def stop(self) -> None:
        """Ask the house to end, and wait for it."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_SECONDS_MAX)
        self._process = None

    def request(
        self, method: str, path: str, *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request as a stranger would; return status, headers and body."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS_MAX)
        try:
            connection.request(method, path, body=body or None, headers=dict(headers or {}))
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def send(self, *, address: str, headers: Mapping[str, str] | None = None, **event: Any) -> tuple[int, str]:
        """Send an event from *address*; return the status and the reason of a drop."""
        given = {"User-Agent": BROWSER.format(major=153), "X-Forwarded-For": address} | dict(headers or {})
        body = json.dumps({"s": "canary", "n": "pageview", "u": "/"} | event).encode()
        status, answered, _ = self.request("POST", "/event", body=body, headers=given)
        return status, answered.get("x-dropped", "")

    def send_all(self, requests: Sequence[tuple[Mapping[str, str], Mapping[str, Any]]]) -> dict[int, int]:
        """Send events, headers and body each, over one connection; return how often each status came back.

        Raises:
            TurvenError: `scratch_failed` where the house hangs up.
        """
        answered: dict[int, int] = {}
        address = ("127.0.0.1", self.port)
        with (
            socket.create_connection(address, timeout=REQUEST_SECONDS_MAX) as connection,
            connection.makefile("rb") as stream,
        ):
            for start in range(0, len(requests), PIPELINE_MAX):
                batch = requests[start : start + PIPELINE_MAX]
                connection.sendall(b"".join(_post(headers, body) for headers, body in batch))
                for _ in batch:
                    status = _read_answer(stream)
                    answered[status] = answered.get(status, 0) + 1
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
        record = {
            "id": name,
            "hosts": ["canary.example"],
            "controller": "audit",
            "agreement": "audit",
            "agreed_on": "2026-01-01",
            "identity": "network",
            "is_on": True,
        }
        self.ask("site_add", site=record | changes, made_by="audit", reason="canary run")

    def sites(self) -> list[Site]:
        """Return the sites as the house lists them."""
        return msgspec.json.decode(self.ask("site_list"), type=list[Site])

    def files(self) -> list[Path]:
        """Return every file of the house: history, spool, keys, log, and those of its home and temporary folders."""
        return [path for path in sorted(self.folder.rglob("*")) if path.is_file() and path != self.config]

    def history_text(self) -> bytes:
        """Return every value of every table of the stopped house, as text: the file itself may hold them compressed."""
        with read_copy(self.folder / "data" / "history.duckdb") as cursor:
            tables = cursor.execute(
                "select schema_name || '.' || table_name from duckdb_tables() "
                "where not internal and database_name = current_database()"
            ).fetchall()
            rows = [row for (table,) in tables for row in cursor.execute(f"select * from {table}").fetchall()]
        return "\n".join("\t".join(str(value) for value in row) for row in rows).encode()

    def files_elsewhere(self) -> list[str]:
        """Return the files outside the folder that the house has open for writing."""
        found = set()
        for entry in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                target = str(entry.readlink())
                flags = Path(f"/proc/{self.pid}/fdinfo/{entry.name}").read_text()
            except FileNotFoundError:
                continue
            mode = next(line.split()[1] for line in flags.splitlines() if line.startswith("flags"))
            is_ours = Path(target).is_relative_to(self.folder) or target.startswith(_TERMINALS)
            if target.startswith("/") and not is_ours and int(mode, 8) & (os.O_WRONLY | os.O_RDWR):
                found.add(target)
        return sorted(found)


@contextmanager
def scratch_house(privacy: Privacy) -> Iterator[ScratchHouse]:
    """Run a scratch house for the length of a block.

    Raises:
        TurvenError: `scratch_failed`.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"turven-audit-{secrets.token_hex(4)}-"))
    house = ScratchHouse(folder, privacy=privacy)
    try:
        house.start()
        yield house
    finally:
        house.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _toml(folder: Path, *, port: int, privacy: Privacy) -> str:
    lines = [f"{name} = {json.dumps(getattr(privacy, name))}" for name in privacy.__struct_fields__]
    return "\n".join(
        (
            f"data_dir = {json.dumps(str(folder / 'data'))}",
            f"runtime_dir = {json.dumps(str(folder / 'runtime'))}",
            f"timezone = {json.dumps(_zone_of_noon())}",
            'log_level = "DEBUG"',
            "[server]",
            f'listen = "127.0.0.1:{port}"',
            'trusted_proxies = ["127.0.0.0/8"]',
            f"country_header = {json.dumps(COUNTRY_HEADER)}",
            "[privacy]",
            *lines,
        )
    )


def _zone_of_noon() -> str:
    """Return a time zone in which it is about noon: a day that turned in the middle of a run would spoil it."""
    east = _NOON - datetime.now(UTC).hour
    # The zones of `Etc` are named by what to add to get UTC: west is plus.
    return f"Etc/GMT{-east:+d}" if east else "Etc/UTC"


def serve_command(config: Path) -> list[str]:
    """Return the command that serves a house of this build."""
    return [sys.executable, "-m", "turven", "--config", str(config), "serve"]


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which this very build is found, no setting of ours, and every habitual folder below."""
    root = str(Path(__file__).parents[2])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TURVEN_", "XDG_"))}
    here = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}
    return kept | here | {"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}


def _post(headers: Mapping[str, str], event: Mapping[str, Any]) -> bytes:
    body = json.dumps(event).encode()
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(("POST /event HTTP/1.1", "Host: 127.0.0.1", *lines, f"Content-Length: {len(body)}"))
    return head.encode() + _HEAD_END + body


def _read_answer(stream: Any) -> int:
    """Read one answer and return its status."""
    line = stream.readline()
    if not line.startswith(b"HTTP/1.1 "):
        raise TurvenError("scratch_failed", "The scratch house hung up in the middle of its answers.")
    length = 0
    while (header := stream.readline()) not in (b"\r\n", b""):
        name, _, value = header.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    stream.read(length)
    return int(line.split()[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
