"""A house in a process of its own, on loopback, as an operator starts it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, Self

from tests.agents import CHROME

ROOT: Final = Path(__file__).parents[1]
START_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 30.0


class HouseProcess:
    """Run `turven serve` in *folder*; the test talks to it over HTTP and by the command line."""

    def __init__(
        self, folder: Path, *, settings: str = "", log_level: str = "DEBUG", program: Path | None = None
    ) -> None:
        """Prepare a house in *folder*.

        Args:
            folder: Holds settings, data, secrets and log.
            settings: More of the settings file, before its table `[server]`.
            log_level: Of the house.
            program: Where an installed `turven` is, which is then run from *folder*; `None` for this source tree.
        """
        self.folder = folder
        self._from = folder if program else ROOT
        self._environment = environment() | ({"PYTHONPATH": str(program)} if program else {})
        self.port = free_port()
        self.log = folder / "log.txt"
        self.runtime = folder / "runtime"
        self.config = folder / "turven.toml"
        self.config.write_text(
            f'data_dir = "{folder / "data"}"\nruntime_dir = "{self.runtime}"\nlog_level = "{log_level}"\n'
            f'{settings}\n[server]\nlisten = "127.0.0.1:{self.port}"\ntrusted_proxies = ["127.0.0.0/8"]\n',
            "utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Self:
        """Start and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "turven", "--config", str(self.config), "serve"],
                cwd=self._from,
                stdout=log,
                stderr=log,
                env=self._environment,
            )
        ends_at = time.monotonic() + START_SECONDS_MAX
        while not self.is_ready():
            if self._process.poll() is not None or time.monotonic() > ends_at:
                raise AssertionError(f"turven serve did not start:\n{self.log.read_text('utf-8')[-4000:]}")
            time.sleep(0.02)
        return self

    def is_ready(self) -> bool:
        """Ask `/health`."""
        try:
            return self.request("GET", "/health")[0] == 200
        except OSError:
            return False

    def request(
        self, method: str, path: str, *, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """Send one request over a kept connection; return status, headers and body."""
        if self._connection is None:
            self._connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            self._connection.request(method, path, body=body, headers=headers or {})
            answer = self._connection.getresponse()
            told = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        except Exception:
            self._hang_up()
            raise
        if path == "/health":
            # With collectors the connection now lies at the house, and what is sent next is meant for any process.
            self._hang_up()
        return told

    def send(self, *, visitor: int, page: str = "/", site: str = "school", **fields: Any) -> int:
        """Send one pageview of a numbered visitor; return the status."""
        body = json.dumps({"s": site, "n": "pageview", "u": page} | fields).encode()
        headers = {
            "User-Agent": CHROME,
            "X-Forwarded-For": f"10.{visitor >> 8 & 255}.{visitor & 255}.9",
            "Content-Type": "text/plain;charset=UTF-8",
        }
        return self.request("POST", "/event", body=body, headers=headers)[0]

    def kill(self) -> None:
        """End the process at once, as a power switch would end it."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask the process to end, and wait for it."""
        self._end(signal.SIGTERM)

    def _hang_up(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def _end(self, how: signal.Signals) -> None:
        self._hang_up()
        if self._process and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(STOP_SECONDS_MAX)
        self._process = None

    def turven(self, *words: str, expect: int = 0) -> str:
        """Run a command of the command line on this house; return what it prints."""
        # The server closes a connection that idles as long as a command may take.
        self._hang_up()
        ran = subprocess.run(
            [sys.executable, "-m", "turven", "--config", str(self.config), *words],
            cwd=self._from,
            capture_output=True,
            text=True,
            check=False,
            env=self._environment,
        )
        assert ran.returncode == expect, ran.stdout + ran.stderr
        return ran.stdout if expect == 0 else ran.stderr

    def add_school(self, *words: str) -> None:
        """Take a school into the house, switched on."""
        self.turven(
            "site", "add", "school", "--host", "www.school.example", "--controller", "De Schoolvereniging",
            "--agreement", "VO-1", "--agreed-on", "2026-08-01", "--on", *(words or ("--identity", "network")),
        )  # fmt: skip

    def cells(self, dimension: str, site: str = "school") -> list[dict[str, Any]]:
        """Return the kept cells of a single breakdown, from the export."""
        rows = json.loads(self.turven("export", "--site", site, "--format", "json"))
        return [row for row in rows if row["dimension"] == dimension and not row["filter_dimension"]]


def free_port() -> int:
    """Return a port that is free on loopback just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment() -> dict[str, str]:
    """Return an environment without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TURVEN_")}
