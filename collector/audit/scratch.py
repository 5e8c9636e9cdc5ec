"""A scratch house: the same build and privacy settings in a folder of its own, asked from outside like any house.

Active checks never touch a school's figures. The folder is removed afterwards.
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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from collector.control import SOCKET_NAME, ask
from collector.errors import TurvenError
from collector.settings import Privacy

START_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 20.0
LOOK_SECONDS: Final = 0.05
REQUEST_SECONDS_MAX: Final = 20
BROWSER: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36"
)


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
            command = [sys.executable, "-m", "turven", "--config", str(self.config), "serve"]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment())  # noqa: S603 - ourselves
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
        given = {"User-Agent": BROWSER, "X-Forwarded-For": address} | dict(headers or {})
        body = json.dumps({"s": "canary", "n": "pageview", "u": "/"} | event).encode()
        status, answered, _ = self.request("POST", "/event", body=body, headers=given)
        return status, answered.get("x-dropped", "")

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

    def files(self) -> list[Path]:
        """Return every file of the house: history, spool, keys, log."""
        return [path for path in sorted(self.folder.rglob("*")) if path.is_file() and path != self.config]


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
            'log_level = "DEBUG"',
            "[server]",
            f'listen = "127.0.0.1:{port}"',
            'trusted_proxies = ["127.0.0.0/8"]',
            "[privacy]",
            *lines,
        )
    )


def _environment() -> dict[str, str]:
    """Return an environment in which this very build is found, and no setting of ours."""
    root = str(Path(__file__).parents[2])
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TURVEN_")}
    return kept | {"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
