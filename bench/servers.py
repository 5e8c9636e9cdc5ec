"""Servers that are measured: processes of their own on loopback, and the processor time that they and theirs took."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Final, Self

from bench import traffic
from collector.clock import SystemClock
from collector.engine import Engine
from collector.model import Identity, Site
from collector.settings import Settings

ROOT: Final = Path(__file__).parents[1]
#: Where a run of the bench keeps what its parts share; each part makes a folder of its own where this is not set.
FOLDER_VARIABLE: Final = "TURVEN_BENCH_FOLDER"
#: Set for a run that only shows whether everything can be measured.
SHORT_VARIABLE: Final = "TURVEN_BENCH_SHORT"
_SHORTER: Final = 4
START_SECONDS_MAX: Final = 60.0
STOP_SECONDS_MAX: Final = 60.0
#: A server rests when it takes less of a core than this, in so many seconds, and is waited for no longer than that.
_RESTING_SHARE: Final = 0.1
_LOOK_SECONDS: Final = 0.25
REST_SECONDS_MAX: Final = 20.0
_TICKS_A_SECOND: Final = os.sysconf("SC_CLK_TCK")


def shared_folder() -> Path | None:
    """Return where the parts of a run of the bench leave what the next ones can use; `None` where one runs alone."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else None


@contextmanager
def folder() -> Iterator[Path]:
    """Lend a folder of one's own in a file system on a disk; it is gone afterwards, and keys of a house in it too."""
    with tempfile.TemporaryDirectory(prefix="turven-bench-", dir=shared_folder()) as made:
        try:
            yield Path(made)
        finally:
            shutil.rmtree(runtime(Path(made)), ignore_errors=True)


def times(count: int) -> int:
    """Return how often to measure what is measured *count* times; in a short run a quarter as often."""
    return max(1, count // _SHORTER) if os.environ.get(SHORT_VARIABLE) else count


def environment() -> dict[str, str]:
    """Return an environment without settings of ours, in which Python keeps what it compiled, as installed code is."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TURVEN_")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    kept["PYTHONPYCACHEPREFIX"] = str((shared_folder() or Path(tempfile.gettempdir())) / "turven-bench-bytecode")
    return kept


def free_port() -> int:
    """Return a port of loopback that is free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """Run a server and ask what it costs."""

    def __init__(self, arguments: list[str], *, port: int, ready: str, log: Path) -> None:
        """Prepare a server.

        Args:
            arguments: Of Python.
            port: Where it listens, on loopback.
            ready: Path that answers 2xx once it serves.
            log: Where its standard error goes.
        """
        self.port = port
        self._arguments = arguments
        self._ready = ready
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start, and do not wait."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._arguments], cwd=ROOT, env=environment(), stdout=log, stderr=log
            )

    def wait(self) -> None:
        """Wait until it serves."""
        ends_at = time.monotonic() + START_SECONDS_MAX
        while not self.is_ready():
            if self._process is None or self._process.poll() is not None or time.monotonic() > ends_at:
                raise RuntimeError(f"{self._arguments} did not start:\n{self._log.read_text('utf-8')[-2_000:]}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Ask whether it serves."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", self._ready)
            return connection.getresponse().status // 100 == 2
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it, and what it started, as a power switch would."""
        processes = self.processes()
        self._end(signal.SIGKILL)
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process and process.poll() is None:
            process.send_signal(how)
            process.wait(STOP_SECONDS_MAX)

    def processes(self) -> list[int]:
        """Return the ids of the server's processes, its own first."""
        if self._process is None:
            return []
        found = [self._process.pid]
        parents = dict(_parents())
        for process in found:
            found += [child for child, parent in parents.items() if parent == process]
        return found

    def cpu_seconds(self) -> float:
        """Return the user and system time that its processes took so far."""
        return sum(cpu_seconds(process) for process in self.processes())

    def resident_bytes(self) -> int:
        """Return the memory that its processes hold."""
        return sum(_resident_bytes(process) for process in self.processes())

    def rest(self) -> None:
        """Wait until it has worked off what it was given."""
        ends_at = time.monotonic() + REST_SECONDS_MAX
        before = self.cpu_seconds()
        while time.monotonic() < ends_at:
            time.sleep(_LOOK_SECONDS)
            now = self.cpu_seconds()
            if now - before < _RESTING_SHARE * _LOOK_SECONDS:
                return
            before = now


def cpu_seconds(process: int) -> float:
    """Return the user and system time of one process; 0 where it is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
    return 0.0


def _resident_bytes(process: int) -> int:
    with suppress(FileNotFoundError, ProcessLookupError):
        return int(Path(f"/proc/{process}/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                yield int(entry.name), int((entry / "stat").read_text("utf-8").rpartition(")")[2].split()[1])


def floor(at: Path) -> Server:
    """Return the floor: bare ASGI on the same uvicorn."""
    port = free_port()
    arguments = ["-m", "uvicorn", "bench.floor:app", "--no-access-log", "--no-proxy-headers", "--port", str(port)]
    return Server(arguments, port=port, ready="/", log=at / "floor.log")


class House(Server):
    """Run `turven serve` in a folder of its own."""

    def __init__(self, at: Path, *, collectors: int = 0, more: str = "") -> None:
        """Prepare a house.

        Args:
            at: Its folder; what lies in `data` there is its data.
            collectors: Ingest processes beside the main one.
            more: More of the settings file, before its first table.
        """
        self.folder = at
        port = free_port()
        config = at / "turven.toml"
        config.write_text(
            f'data_dir = "{at / "data"}"\nruntime_dir = "{runtime(at)}"\nlog_level = "WARNING"\n{more}\n'
            f'[server]\nlisten = "127.0.0.1:{port}"\ncollectors = {collectors}\n'
            'trusted_proxies = ["127.0.0.0/8"]\ncountry_header = "CDN-Country"\n',
            "utf-8",
        )
        arguments = ["-m", "turven", "--config", str(config), "serve"]
        super().__init__(arguments, port=port, ready="/health", log=at / "house.log")


def runtime(at: Path) -> Path:
    """Return where a house keeps its keys: in memory where the machine has a file system there."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of a name that nobody else has, made with mode 700
    return memory / at.name if memory.is_dir() else at / "runtime"


def settings_of(at: Path) -> Settings:
    """Return the settings of a house in *at*, for what has to be there before it starts."""
    return Settings(data_dir=at / "data", runtime_dir=str(runtime(at)))


def prepare(at: Path, sites: list[Site]) -> None:
    """Take sites into a house that does not run, as its commands do."""
    clock = SystemClock()
    engine = Engine(settings_of(at), clock=clock)
    for site in sites:
        engine.sites.add(site, made_by="operator", reason="to be measured", at=clock.now())
    engine.stop()


def _prepared(at: Path, sites: int) -> None:
    """Put a house with so many sites into *at*; made once a run of the bench, since each site waits for the disk."""
    made = (shared_folder() or at) / f"house-of-{sites}-sites"
    if not made.exists():
        made.mkdir()
        prepare(made, [site(number) for number in range(sites)])
        shutil.rmtree(runtime(made), ignore_errors=True)
    shutil.copytree(made / "data", at / "data")


def site(number: int, *, identity: Identity = Identity.NETWORK) -> Site:
    """Return one of the sites that the traffic goes to."""
    return Site(
        id=traffic.site_id(number),
        hosts=(traffic.host(number),),
        controller=f"School {number}",
        agreement=f"VO-{number}",
        agreed_on=SystemClock().now().date(),
        identity=identity,
        is_on=True,
    )


@contextmanager
def house(*, collectors: int = 0, sites: int = traffic.SITES, more: str = "") -> Iterator[House]:
    """Lend a running house with so many sites."""
    with folder() as at:
        _prepared(at, sites)
        with House(at, collectors=collectors, more=more) as running:
            yield running
