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
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from collector.audit.finding import Seen
from collector.audit.folders import own_folder
from collector.audit.scratch import BROWSER, ScratchHouse, environment, serve_command, site_record
from collector.control import SOCKET_NAME, ask
from collector.settings import Privacy, load_settings

CAGE_SECONDS_MAX: Final = 60
START_SECONDS_MAX: Final = 30.0
#: Addresses of four registries: whoever asked somebody else for their country would have to ask for each.
ADDRESSES: Final = ("145.97.7.5", "31.13.7.5", "200.7.7.5", "203.119.7.5", "2001:610:1908::5")
#: Lines of a settings file, and a variable, that would keep more of an address.
WEAKER_ADDRESSES: Final = ("ipv4_bits = 25", "ipv6_bits = 49", "TURVEN_PRIVACY__IPV4_BITS=24")
#: A weaker setting by requirement; the auditor's own numbers.
FLOORS: Final = {"R21": "k = 4", "R29": "retention_days = 761"}
#: How long the house is left alone after its first answers: long enough for several of its rounds.
WATCH_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 0.05
_SETTINGS_EXIT: Final = 2
_COUNTED: Final = 202
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
    # Nobody can be looked up for an event that is dropped before that: some have to be counted.
    holds = holds and (not is_caged or seen["events_counted"] == len(ADDRESSES))
    return Seen.that(holds, connections_off_this_machine=connections, without_a_network=seen)


def check_refusals(
    folder: Path, *, privacy: Privacy, weaker: Sequence[str] = WEAKER_ADDRESSES
) -> dict[str, int | None]:
    """Start houses with settings that are weaker than the floor; return their exit codes.

    `None` stands for one that started: it is ended.

    Args:
        folder: Empty.
        privacy: The settings under audit.
        weaker: Lines of a settings file, or variables, each to be put into a house of its own.
    """
    codes: dict[str, int | None] = {}
    for name in weaker:
        place = folder / f"refused {len(codes)}"
        place.mkdir()
        house = ScratchHouse(place, privacy=privacy)
        setting, is_line, _ = name.partition(" = ")
        if is_line:
            lines = [
                name if line.startswith(f"{setting} = ") else line
                for line in house.config.read_text("utf-8").splitlines()
            ]
            house.config.write_text("\n".join(lines), "utf-8")
        codes[name] = _exit_code(house, {} if is_line else dict([name.split("=")]))
    return codes


def check_floors(privacy: Privacy) -> dict[str, Seen]:
    """R21 and R29: a house that is told to keep less than the fewest visitors, or anything longer, does not start."""
    with own_folder() as folder:
        codes = check_refusals(folder, privacy=privacy, weaker=tuple(FLOORS.values()))
    return {
        number: Seen.that(is_refused({name: codes[name]}), exit_codes_of_weaker_settings={name: codes[name]})
        for number, name in FLOORS.items()
    }


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
        counted = _count_events(config, port)
        time.sleep(WATCH_SECONDS)
    finally:
        process.terminate()
        process.wait(START_SECONDS_MAX)
    return {
        "served": asked["/health"] == 200 and all(asked.values()),  # noqa: PLR2004 - HTTP's own number
        "asked": asked,
        "events_counted": counted,
        "sent_elsewhere": _sent_elsewhere() - before,
    }


def _count_events(config: Path, port: int) -> int:
    """Send an event from each of `ADDRESSES` to a site that is on, close, and return how many were counted."""
    socket_path = load_settings(config, environ={}).runtime_path() / SOCKET_NAME
    ask(socket_path, "site_add", {"site": site_record("caged"), "made_by": "audit", "reason": "canary run"})
    body = json.dumps({"s": "caged", "n": "pageview", "u": "/", "r": "https://verwijzer.example/"})
    headers = [{"User-Agent": BROWSER.format(major=153), "X-Forwarded-For": address} for address in ADDRESSES]
    answers = [_status(port, "POST", "/event", body=body, headers=one) for one in headers]
    ask(socket_path, "close", {})
    return answers.count(_COUNTED)


def _status(
    port: int, method: str, path: str, *, body: str | None = None, headers: dict[str, str] | None = None
) -> int | None:
    connection = HTTPConnection("127.0.0.1", port, timeout=START_SECONDS_MAX)
    try:
        connection.request(method, path, body=body, headers=headers or {})
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
