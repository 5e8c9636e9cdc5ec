"""Run a house where there is no network, and settings that must not start.

`python -m collector.audit.cage CONFIG` is what runs inside a network namespace of its own: only loopback is there, and
the kernel counts every packet that anybody wanted to send elsewhere.
"""

import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from collector.audit.finding import Seen
from collector.audit.folders import own_folder
from collector.audit.scratch import ScratchHouse, environment, serve_command
from collector.settings import Privacy, load_settings

CAGE_SECONDS_MAX: Final = 60
START_SECONDS_MAX: Final = 30.0
#: How long the house is left alone after its first answers: long enough for several of its rounds.
WATCH_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.05
_SETTINGS_EXIT: Final = 2
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1
_WAYS: Final = (("unshare", "--net"), ("unshare", "--map-root-user", "--net"))


def serve_without_network(privacy: Privacy) -> dict[str, Any]:
    """Serve a scratch house in a network namespace of its own; return what was seen, or why that was not possible."""
    if not shutil.which("unshare"):
        return {"namespace": "not tried: there is no `unshare` here"}
    for way in _WAYS:
        with own_folder() as folder:
            house = ScratchHouse(folder, privacy=privacy)
            command = [*way, sys.executable, "-m", "collector.audit.cage", str(house.config)]
            ended = subprocess.run(  # noqa: S603 - ourselves
                command,
                capture_output=True,
                cwd=folder / "work",
                env=environment(folder),
                timeout=CAGE_SECONDS_MAX,
                check=False,
            )
        try:
            return {"namespace": " ".join(way), **json.loads(ended.stdout)}
        except ValueError:
            continue
    return {"namespace": "not allowed to this user"}


def check_network(seen: dict[str, Any], *, connections: int) -> Seen:
    """R34: no connection leads off the machine; without a network the house serves and nothing is sent elsewhere."""
    is_caged = "served" in seen
    holds = connections == 0 and (not is_caged or (seen["served"] and seen["sent_elsewhere"] == 0))
    return Seen.that(holds, connections_off_this_machine=connections, without_a_network=seen)


def check_refusals(folder: Path, *, privacy: Privacy) -> dict[str, int | None]:
    """Start houses whose settings keep more of an address than the floor; return their exit codes.

    `None` stands for one that started: it is ended.
    """
    codes: dict[str, int | None] = {}
    for name, harm, variables in (
        ("ipv4_bits = 25", ("ipv4_bits = ", 25), {}),
        ("ipv6_bits = 49", ("ipv6_bits = ", 49), {}),
        ("TURVEN_PRIVACY__IPV4_BITS=24", None, {"TURVEN_PRIVACY__IPV4_BITS": "24"}),
    ):
        place = folder / f"refused {len(codes)}"
        place.mkdir()
        house = ScratchHouse(place, privacy=privacy)
        if harm:
            lines = [
                f"{harm[0]}{harm[1]}" if line.startswith(harm[0]) else line
                for line in house.config.read_text("utf-8").splitlines()
            ]
            house.config.write_text("\n".join(lines), "utf-8")
        codes[name] = _exit_code(house, variables)
    return codes


def _exit_code(house: ScratchHouse, variables: dict[str, str]) -> int | None:
    with house.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            serve_command(house.config), stdout=log, stderr=log, env=environment(house.folder) | variables
        )
    ends_at = time.monotonic() + START_SECONDS_MAX
    while process.poll() is None and time.monotonic() < ends_at:
        if _answers(house.port):
            break
        time.sleep(_LOOK_SECONDS)
    code = process.poll()
    if code is None:
        process.terminate()
        process.wait(START_SECONDS_MAX)
    return code


def is_refused(codes: dict[str, int | None]) -> bool:
    """Tell whether every one of them was refused as a setting."""
    return all(code == _SETTINGS_EXIT for code in codes.values())


def main(config: Path) -> dict[str, Any]:
    """Bring loopback up, serve, ask, send an event, wait, and read what the kernel counted."""
    _loopback_up()
    port = int(load_settings(config, environ={}).server.listen.rpartition(":")[2])
    before = _sent_elsewhere()
    process = subprocess.Popen(  # noqa: S603 - ourselves
        serve_command(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        ends_at = time.monotonic() + START_SECONDS_MAX
        while not _answers(port) and process.poll() is None and time.monotonic() < ends_at:
            time.sleep(_LOOK_SECONDS)
        asked = {path: _status(port, "GET", path) for path in ("/health", "/", "/privacy", "/turven.js")}
        asked["/event"] = _status(port, "POST", "/event", body='{"s":"x","n":"pageview","u":"/"}')
        time.sleep(WATCH_SECONDS)
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)
    return {
        "served": asked["/health"] == 200 and all(asked.values()),  # noqa: PLR2004 - HTTP's own number
        "asked": asked,
        "sent_elsewhere": _sent_elsewhere() - before,
    }


def _status(port: int, method: str, path: str, *, body: str | None = None) -> int | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS_MAX)
    try:
        connection.request(method, path, body=body)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def _answers(port: int) -> bool:
    try:
        return _status(port, "GET", "/health") == 200  # noqa: PLR2004
    except OSError:
        return False


def _loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        asked = fcntl.ioctl(control, _GET_FLAGS, struct.pack("16sh14x", b"lo", 0))
        _, flags = struct.unpack("16sh14x", asked)
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def _sent_elsewhere() -> int:
    """Return how many packets this namespace wanted to send where no route leads, and datagrams sent at all.

    A connection tried to an address ends in the first; a name looked up at a local resolver in the second.
    """
    kernel: dict[str, int] = {}
    lines = Path("/proc/net/snmp").read_text().splitlines()
    for names, numbers in zip(lines[::2], lines[1::2], strict=True):
        kind = names.partition(":")[0]
        for name, number in zip(names.split()[1:], numbers.split()[1:], strict=True):
            kernel[f"{kind}{name}"] = int(number)
    six = Path("/proc/net/snmp6")
    if six.exists():
        kernel |= {name: int(number) for name, number in map(str.split, six.read_text().splitlines())}
    counters = ("IpOutNoRoutes", "Ip6OutNoRoutes", "UdpOutDatagrams", "Udp6OutDatagrams")
    return sum(kernel.get(name, 0) for name in counters)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))  # noqa: T201 - read by the process outside
