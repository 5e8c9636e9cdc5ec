"""A house that serves in a process of its own, which can be killed as often as a test likes."""

import json
import os
import random
import signal
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from collector.control import SOCKET_NAME, ask
from collector.errors import TurvenError
from collector.log import start_logging
from collector.process import harden
from collector.settings import load_settings
from tests.faults import child
from tests.faults.load import Kind, wait_until
from tests.faults.operations import UNASKED, be_newer
from tests.process import HouseProcess, free_port
from turven import places
from turven.compose import run_house
from turven.group import main

#: `make faults` multiplies how often a house is killed.
TIMES: Final = int(os.environ.get("FAULTS", "1"))
SEED: Final = int(os.environ.get("FAULTS_SEED", "20261124"))
KILLS: Final = 30 * TIMES


class ServedHouse(HouseProcess):
    """Run `turven serve`, started as often as a test likes: its imports are done before."""

    def __init__(self, folder: Path, *, server: str = "", ahead: Path | None = None, settings: str = "") -> None:
        """Prepare a house in *folder*.

        Args:
            folder: Holds settings, data, secrets and log.
            server: More of the settings' table `[server]`.
            ahead: A file that says how many seconds the house's clock is ahead; `None` for the machine's clock.
            settings: More of the settings file, before its table `[server]`.
        """
        super().__init__(folder, log_level="INFO", settings=settings)
        with self.config.open("a", encoding="utf-8") as file:
            file.write(f"{server}\n")
        self._ahead = ahead
        #: Whether its program is a step newer than its history.
        self.is_newer = False
        self._served: child.Started | None = None

    def start(self) -> Self:
        """Start and wait until it answers."""
        self.launch()
        try:
            wait_until(self._is_up, "an answer of /health")
        except AssertionError:
            # Else the end of the tests would wait for it.
            self.end_everything()
            raise
        return self

    def launch(self) -> None:
        """Start, and wait for nothing."""
        plain = serve_newer if self.is_newer else serve
        job, given = (plain, ()) if self._ahead is None else (serve_ahead, (self._ahead,))
        self._served = child.start(job, self.config, *given, log=self.log)

    def second_config(self) -> Path:
        """Write settings of another house with the same data directory, and return where they stand."""
        path = self.folder / "second.toml"
        said = self.config.read_text("utf-8").replace(str(self.port), str(free_port()))
        path.write_text(said.replace(str(self.runtime), str(self.folder / "elsewhere")), "utf-8")
        return path

    def read_clock(self) -> None:
        """Have the running house read anew how much its clock is ahead."""
        os.kill(self.pid, signal.SIGUSR1)

    def children(self, module: str) -> list[int]:
        """Return the processes that the parent has running of a module of the program."""
        return [one for one in _started_by(self.pid) if any(word.startswith(module) for word in _words_of(one))]

    def end_everything(self) -> None:
        """Kill the parent and whatever it has running."""
        everything = [self.pid, *self.children("turven.")]
        for pid in everything:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.kill()

    def _is_up(self) -> bool:
        if self._served is None or not self._served.is_alive():
            raise AssertionError(f"the house ended:\n{child.tail(self.log)}")
        try:
            # Any answer will do: a small disk is told there as one that is nearly full.
            return self.request("GET", "/health")[0] > 0
        except OSError:
            return False

    @property
    def pid(self) -> int:
        """Return the process that was started."""
        assert self._served is not None
        assert self._served.pid is not None
        return self._served.pid

    def _end(self, how: signal.Signals) -> None:
        self._hang_up()
        if self._served is not None:
            if self._served.is_alive():
                os.kill(self.pid, how)
            child.wait(self._served)
        self._served = None

    def ask(self, command: str, **params: Any) -> bytes:
        """Have the running house carry out a command."""
        answer = ask(self.runtime / SOCKET_NAME, command, params)
        assert answer is not None, f"no house answers:\n{child.tail(self.log)}"
        return answer

    def obeys(self) -> bool:
        """Tell whether a house is there that carries out commands."""
        try:
            return ask(self.runtime / SOCKET_NAME, "site_list", {}) is not None
        except (TurvenError, OSError, ValueError):
            return False

    def try_to(self, command: str, **params: Any) -> None:
        """As `ask`, of a house that may be killed meanwhile."""
        with suppress(TurvenError, OSError, ValueError):
            ask(self.runtime / SOCKET_NAME, command, params)

    def add(self, *names: str) -> None:
        """Take sites into the running house, switched on."""
        for name in names:
            site = {
                "id": name, "hosts": [f"www.{name}.example"], "controller": f"De {name}", "agreement": "VO-1",
                "agreed_on": "2026-08-01", "identity": "network", "is_on": True, "timezone": quiet_zone(),
                "without": UNASKED,
            }  # fmt: skip
            self.ask("site_add", site=site, made_by="operator", reason="test")

    def rows(self, site: str) -> list[dict[str, Any]]:
        """Return every kept cell of a site."""
        asked = {"site": site, "first": None, "last": None, "format": "json"}
        rows: list[dict[str, Any]] = json.loads(self.ask("export", **asked) or b"[]")
        return rows

    def counted(self, *sites: str) -> dict[Kind, int]:
        """Return the pageviews that are kept, by page; of each site the total under the empty page."""
        counted: dict[Kind, int] = {}
        for site in sites:
            for row in self.rows(site):
                if row["dimension"] in {"total", "page"} and not row["filter_dimension"]:
                    kind = Kind(site, row["value"] if row["dimension"] == "page" else "")
                    counted[kind] = counted.get(kind, 0) + row["pageviews"]
        return counted


class AheadClock:
    """Tell the machine's time and what a file says it is ahead by, so that a test can set it while the house runs."""

    def __init__(self, ahead: Path) -> None:
        self._ahead = ahead
        self.read()

    def read(self, *_: object) -> None:
        """Read the file again."""
        self._by = timedelta(seconds=float(self._ahead.read_text("ascii")))

    def now(self) -> datetime:
        """Return the instant as aware UTC."""
        return datetime.now(UTC) + self._by


def _started_by(parent: int) -> Iterator[int]:
    """Yield the processes that a process started and that are there still."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The name, in brackets, may hold anything; then come the state and the parent.
                if int((entry / "stat").read_text("ascii", errors="replace").rpartition(")")[2].split()[1]) == parent:
                    yield int(entry.name)


def _words_of(process: int) -> list[str]:
    """Return the command line of a process; nothing where it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text("utf-8", errors="replace").split("\0")
    except OSError:
        return []


def writes(process: int) -> bool:
    """Tell whether a process has a spool file open, to which it writes what it acknowledges."""
    try:
        return any(link.readlink().name.endswith(".spool") for link in Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return False


def serve(config: Path) -> None:
    """Be `turven --config CONFIG serve`; a process that dies again and again is started again soon."""
    # Its children are started by their file names: what was compiled for one is there for the next.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(config.parent.parent / "compiled")
    places.RESTART_SECONDS_MAX = 0.2  # type: ignore[misc]
    main(["--config", str(config), "serve"])


def serve_newer(config: Path) -> None:
    """Be `turven serve` of a program whose schema is one step on."""
    be_newer(config.parent)
    serve(config)


def serve_ahead(config: Path, ahead: Path) -> None:
    """Be `turven serve` with a clock that is ahead as the file says; SIGUSR1 has it read again."""
    clock = AheadClock(ahead)
    signal.signal(signal.SIGUSR1, clock.read)
    harden()
    settings = load_settings(config)
    start_logging(settings.log_level)
    run_house(settings, clock=clock, config=config)


def quiet_zone() -> str:
    """Return a time zone in which midnight is far: a day that turns meanwhile would be another test."""
    return "America/Curacao" if datetime.now(UTC).hour in {21, 22, 23} else "Europe/Amsterdam"


def page_of(number: int) -> str:
    """Return a page of its own for each number, in letters: digits are taken for ids."""
    return f"/les/{chr(97 + number // 26 % 26)}{chr(97 + number % 26)}x"


def chance(name: str) -> random.Random:
    """Return where a test takes its moments from, and say how to have the same again."""
    print(f"FAULTS_SEED={SEED} FAULTS={TIMES}")  # noqa: T201 - pytest shows it where the test fails
    return random.Random(f"{SEED} {name}")
