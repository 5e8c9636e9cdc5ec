"""The files of `deploy/` do what they say: settings load, unit and image are shut."""

import json
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import pytest

from collector.settings import Privacy, Public, Server, Settings, load_settings
from tests.process import HouseProcess, environment
from turven.supervise import COLLECTOR_ENDS_SECONDS, HOUSE_ENDS_SECONDS

ROOT: Final = Path(__file__).parents[1]
DEPLOY: Final = ROOT / "deploy"
START_SECONDS_MAX: Final = 10.0
SYSTEMD_ANALYZE: Final = shutil.which("systemd-analyze")


# -- turven.toml -----------------------------------------------------------------------------------------------------


def test_the_example_settings_are_the_defaults() -> None:
    """The example loads, and every value in it is the default it is said to be."""
    assert load_settings(DEPLOY / "turven.toml", environ={}) == Settings()


@pytest.mark.parametrize(
    ("table", "kind"), [("", Settings), ("server", Server), ("privacy", Privacy), ("public", Public)]
)
def test_the_example_settings_name_every_field(table: str, kind: type[msgspec.Struct]) -> None:
    """No setting is missing from the example."""
    raw = tomllib.loads((DEPLOY / "turven.toml").read_text("utf-8"))
    assert set((raw[table] if table else raw).keys()) == {field.name for field in msgspec.structs.fields(kind)}


def test_every_example_setting_is_explained() -> None:
    """Above each setting, or above the one that it belongs to, stands a comment."""
    lines = (DEPLOY / "turven.toml").read_text("utf-8").splitlines()
    for above, line in pairwise(lines):
        if re.match(r"[a-z0-9_]+ = ", line):
            assert above.startswith(("# ", "ipv4_bits")), line


# -- systemd ---------------------------------------------------------------------------------------------------------


def unit() -> dict[str, list[str]]:
    """Return the directives of the unit."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "turven.service").read_text("utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize(
    ("directive", "value"),
    [
        ("RuntimeDirectory", "turven"),
        ("RuntimeDirectoryMode", "0700"),
        ("RuntimeDirectoryPreserve", "yes"),
        ("StateDirectoryMode", "0700"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("IPAddressDeny", "any"),
        ("IPAddressAllow", "localhost"),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("PrivateTmp", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("LimitMEMLOCK", "8M"),
        ("UMask", "0077"),
        ("Type", "notify"),
        ("KillMode", "mixed"),
        ("OOMPolicy", "continue"),
        ("ExecReload", "/opt/turven/venv/bin/turven --config /etc/turven/turven.toml restart"),
        ("ProtectHome", "yes"),
        ("ProtectProc", "invisible"),
        ("LockPersonality", "yes"),
        ("RestrictNamespaces", "yes"),
        ("CapabilityBoundingSet", ""),
        ("SystemCallFilter", "@system-service"),
    ],
)
def test_the_unit_is_shut(directive: str, value: str) -> None:
    """The unit keeps keys in memory over a restart, memory off the disk, and the process away from the rest."""
    assert value in unit()[directive]


def test_who_stops_a_house_waits_as_long_as_it_may_take() -> None:
    """Unit and container give collectors and house the time that the house gives them itself."""
    needed = COLLECTOR_ENDS_SECONDS + HOUSE_ENDS_SECONDS
    compose = (DEPLOY / "compose.yaml").read_text("utf-8")
    (grace,) = re.findall(r"stop_grace_period: (\d+)s", compose)
    (unit_waits,) = unit()["TimeoutStopSec"]
    assert needed < int(grace)
    assert needed < int(unit_waits)
    assert "stop_signal: SIGTERM" in compose
    assert "STOPSIGNAL SIGTERM" in (DEPLOY / "Dockerfile").read_text("utf-8")


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="no systemd here; the directives are read as text above")
def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    """The real systemd knows every directive of the unit and finds it little exposed."""
    text = (DEPLOY / "turven.service").read_text("utf-8").replace("/opt/turven/venv/bin/turven", "/bin/true")
    file = tmp_path / "turven.service"
    file.write_text(text, "utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, check=False
    )
    assert "turven.service" not in verified.stderr
    security = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=20", file],
        capture_output=True,
        text=True,
        check=False,
    )
    assert security.returncode == 0, security.stdout[-500:]


def test_a_house_serves_where_memory_is_not_written_and_run(tmp_path: Path) -> None:
    """Under the kernel's own `MemoryDenyWriteExecute`, with the unit's environment, the house starts and answers."""
    program = (
        "import ctypes, os, sys\n"
        "if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0): sys.exit(77)\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'turven', *sys.argv[1:]])"
    )
    house = HouseProcess(tmp_path)
    (variable,) = (value for value in unit()["Environment"] if value.startswith("POLARS"))
    name, _, value = variable.partition("=")
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--config", str(house.config), "serve"],
        cwd=ROOT, env=environment() | {name: value}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ends_at = time.monotonic() + 30
        while not house.is_ready():
            if process.poll() == 77:
                pytest.skip("this kernel has no such rule")
            assert process.poll() is None
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        assert house.request("GET", "/privacy")[0] == 200
    finally:
        house.stop()
        process.terminate()
        process.wait(30)


# -- container -------------------------------------------------------------------------------------------------------


def test_the_image_runs_as_nobody_and_installs_what_was_locked() -> None:
    """The image has a user without rights, no tool to fetch with, and every package has its hash."""
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    steps = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in steps if line.startswith("USER")] == ["USER 10001:10001"]
    assert all(re.search(r":\d", line) for line in steps if line.startswith("FROM"))
    assert not re.search(r"\b(apt-get|curl|wget|sudo|latest)\b", "\n".join(line for line in steps if "#" not in line))
    installs = [line for line in steps if "pip install" in line]
    assert all("--require-hashes" in line or "--no-deps" in line for line in installs)
    assert len(installs) == 3


def test_everything_that_the_image_copies_is_there() -> None:
    """Each name that the image is made of exists, and passes what is kept out of it."""
    let_in = {
        line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    }
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    names = [name for line in copies for name in line.split()]
    assert len(names) >= 8
    for name in names:
        assert (ROOT / name).exists()
        assert name.split("/")[0] in let_in


def test_what_builds_the_wheel_is_locked_too() -> None:
    """`requirements/build.txt` holds the builder at the very versions and hashes that the tests use."""
    locked = re.split(r"\n(?=[a-z])", (ROOT / "requirements" / "test.txt").read_text("utf-8"))
    pins = {block.partition(" ")[0]: set(re.findall(r"sha256:[0-9a-f]{64}", block)) for block in locked}
    build = re.split(r"\n(?=[a-z])", (ROOT / "requirements" / "build.txt").read_text("utf-8"))
    assert any(block.startswith("hatchling==") for block in build)
    for block in build:
        assert set(re.findall(r"sha256:[0-9a-f]{64}", block)) == pins[block.partition(" ")[0]]


def test_the_container_may_write_two_folders_and_nothing_else() -> None:
    """The container is read-only and without rights; the keys lie in the machine's memory, without swap."""
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    for line in (
        "read_only: true",
        "cap_drop: [ALL]",
        "no-new-privileges:true",
        "source: /run/turven",
        "core: 0",
        "memlock: 8388608",
        'tmpfs: ["/tmp:size=256m,mode=1777,nosuid,nodev,noexec"]',
        "create_host_path: false",
    ):
        assert line in text
    limits = dict(re.findall(r"(mem_limit|memswap_limit): (\S+)", text))
    assert limits["mem_limit"] == limits["memswap_limit"]
    assert "0.0.0.0" not in text  # noqa: S104 - looked for, not bound to


class _NotReady(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer as a house that is not ready."""
        self.send_error(503)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""


def test_a_container_is_well_while_it_answers() -> None:
    """The image's check takes any answer of `/health` for life, a 503 too: a restart costs events."""
    line = next(line for line in (DEPLOY / "Dockerfile").read_text("utf-8").splitlines() if "/health" in line)
    program = json.loads(line.partition("CMD ")[2])[2]
    with HTTPServer(("127.0.0.1", 0), _NotReady) as server:
        ours = program.replace("8000", str(server.server_port))
        answering = threading.Thread(target=server.handle_request)
        answering.start()
        assert subprocess.run([sys.executable, "-c", ours], check=False).returncode == 0
        answering.join()
    assert subprocess.run([sys.executable, "-c", ours], capture_output=True, check=False).returncode == 1
