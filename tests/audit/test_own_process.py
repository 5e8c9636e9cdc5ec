"""The look at the running process: a house as it is started passes, and each harm is found."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from collector.audit import words
from collector.audit.finding import Result
from collector.audit.memory import outbound
from collector.audit.own_process import OwnAnswer, check_process, check_swap, judge
from collector.audit.swap import hibernates_to, swap_areas, swap_limit
from collector.audit.words import check_words
from collector.control import SOCKET_NAME, ask_peer
from collector.settings import Privacy, Settings, load_settings
from tests.process import ROOT, HouseProcess, environment

_HEAD: Final = "Filename\tType\tSize\tUsed\tPriority\n"
_OPEN: Final = "import turven, turven.group; turven.group.harden = lambda: None; turven.main()"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HouseProcess]:
    """Run a house."""
    with HouseProcess(tmp_path_factory.mktemp("house")) as started:
        yield started


def _settings(house: HouseProcess) -> Settings:
    return load_settings(house.config, environ={})


def test_a_running_house_passes(house: HouseProcess) -> None:
    """No core file, not dumpable, files of its own, secrets in locked pages: as the house and the kernel tell it."""
    seen = check_process(_settings(house))
    assert seen.result is Result.PASS, seen.evidence
    assert seen.evidence["core_file_limit"] == "0 0"
    assert seen.evidence["dumpable"] is False
    assert seen.evidence["umask"] == "0077"
    assert seen.evidence["pages_of_secrets"] >= 1
    assert seen.evidence["files"] > 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only the administrator may look into a process that is shut")
def test_the_house_says_what_is_seen_from_outside(house: HouseProcess) -> None:
    """The files that the house says it writes are those that the machine's administrator sees."""
    answered = ask_peer(house.runtime / SOCKET_NAME, "process", {})
    assert answered
    pid, raw = answered
    said = msgspec.json.decode(raw, type=OwnAnswer)
    assert said.pid == pid
    names = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    assert str(house.folder / "data" / "history.duckdb") in said.open_for_writing
    assert set(said.open_for_writing) <= names
    assert said.connections_off_this_machine == outbound(pid) == 0


def test_files_that_others_may_reach_are_found(house: HouseProcess) -> None:
    """A data folder that is opened to other users of the machine is found, with the files in it."""
    folder = house.folder / "data"
    history = folder / "history.duckdb"
    folder.chmod(0o755)
    history.chmod(0o644)
    try:
        seen = check_process(_settings(house))
    finally:
        folder.chmod(0o700)
    assert seen.result is Result.FAIL
    assert "data/history.duckdb" in seen.evidence["open_to_others"]
    # In a folder that is closed the mode of the file opens nothing.
    assert check_process(_settings(house)).result is Result.PASS


def test_an_open_house_is_found(tmp_path: Path) -> None:
    """A house that did not shut itself fails: it is dumpable, and may write a core file."""
    house = HouseProcess(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", _OPEN, "--config", str(house.config), "serve"],
        cwd=ROOT, env=environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ends_at = time.monotonic() + 30
        while not house.is_ready():
            assert time.monotonic() < ends_at
            time.sleep(0.05)
        seen = check_process(_settings(house))
    finally:
        house.stop()
        process.terminate()
        process.wait(30)
    assert seen.result is Result.FAIL
    assert seen.evidence["dumpable"] is True
    assert any("LimitCORE" in reason for reason in seen.evidence["reasons"]) == (
        seen.evidence["core_file_limit"] != "0 0"
    )


def test_no_house_is_no_pass(tmp_path: Path) -> None:
    """Where no house runs there is nothing to look at, and the sentence says what to do."""
    seen = check_process(Settings(data_dir=tmp_path, runtime_dir=str(tmp_path / "runtime")))
    assert seen.result is Result.NOT_APPLICABLE
    assert "start it" in str(seen.evidence)


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        ({"core_file_limit": "0 unlimited"}, "LimitCORE"),
        ({"core_file_limit": "unlimited unlimited"}, "LimitCORE"),
        ({"traced_by_another": True}, "attached"),
        ({"is_dumpable": True}, "undumpable"),
        ({"open_elsewhere": ["/var/log/turven"]}, "outside"),
        ({"open_to_others": ["data/history.duckdb"]}, "chmod"),
    ],
)
def test_each_harm_is_named(harm: dict[str, Any], reason: str) -> None:
    """Whatever of it is missing, the finding fails and says what to do."""
    status = {"core_file_limit": "0 0", "swapped_out_kb": 0, "traced_by_another": False}
    said = OwnAnswer(
        pid=1, is_dumpable=False, pages_of_secrets=1, pages_locked=1, open_for_writing=[], open_elsewhere=[], sockets=3,
        connections_off_this_machine=0, open_to_others=[],
        files=4,
    )  # fmt: skip
    assert judge(said, status, None, is_memory=True).result is Result.PASS
    fields = {name: value for name, value in harm.items() if name in OwnAnswer.__struct_fields__}
    told = {name: value for name, value in harm.items() if name not in fields}
    seen = judge(msgspec.structs.replace(said, **fields), status | told, None, is_memory=True)
    assert seen.result is Result.FAIL
    assert [reason in one for one in seen.evidence["reasons"]] == [True]


# -- swap ------------------------------------------------------------------------------------------------------------


class Machine:
    """Lay down what the kernel of another machine would show."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "proc").mkdir()
        self.write("proc/swaps", _HEAD)
        self.write("swapfile", "")
        at = (root / "swapfile").stat().st_dev
        self.device = f"sys/dev/block/{os.major(at)}:{os.minor(at)}"

    def write(self, name: str, text: str) -> None:
        """Write a file of the kernel."""
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def swap(self, name: str = "/swapfile") -> None:
        """Switch a swap area on."""
        self.write("proc/swaps", f"{_HEAD}{name}\tfile\t2097148\t512\t-2\n")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Open a machine without swap."""
    return Machine(tmp_path)


def _layers(machine: Machine, **uuids: str) -> None:
    for name, uuid in uuids.items():
        place = machine.device if name == "top" else f"{machine.device}/slaves/{name}"
        if uuid:
            machine.write(f"{place}/dm/uuid", uuid)
        else:
            (machine.root / place).mkdir(parents=True)


@pytest.mark.parametrize(
    ("layers", "kind"),
    [
        ({}, "disk"),
        ({"top": "CRYPT-LUKS2-9f"}, "encrypted disk"),
        ({"top": "LVM-abc", "one": "CRYPT-LUKS2-9f"}, "encrypted disk"),
        ({"top": "LVM-abc", "one": "CRYPT-LUKS2-9f", "two": "LVM-def"}, "disk"),
        ({"top": "LVM-abc", "one": ""}, "disk"),
    ],
)
def test_what_swap_lies_on(machine: Machine, layers: dict[str, str], kind: str) -> None:
    """Swap counts as encrypted only where every disk below it is."""
    machine.swap()
    _layers(machine, **layers)
    assert [(area.kind, area.used_kb) for area in swap_areas(root=machine.root)] == [(kind, 512)]


def test_a_device_is_known_by_its_name(machine: Machine) -> None:
    """Where the device itself is hidden, its name leads to what lies below it."""
    machine.swap("/dev/dm-1")
    assert [area.kind for area in swap_areas(root=machine.root)] == ["disk"]
    machine.write("sys/class/block/dm-1/dm/uuid", "CRYPT-PLAIN-swap\n")
    assert [area.kind for area in swap_areas(root=machine.root)] == ["encrypted disk"]


@pytest.mark.parametrize(("behind", "kind"), [("none\n", "memory"), ("/dev/sda3\n", "disk"), ("", "memory")])
def test_compressed_memory_is_no_disk(machine: Machine, behind: str, kind: str) -> None:
    """Zram stays in memory, unless it has a disk behind it."""
    machine.swap("/dev/zram0")
    if behind:
        machine.write("sys/block/zram0/backing_dev", behind)
    assert [area.kind for area in swap_areas(root=machine.root)] == [kind]


@pytest.mark.parametrize(
    ("files", "limit"),
    [
        ({"proc/9/cgroup": "0::/\n"}, None),
        ({"proc/9/cgroup": "0::/system.slice/turven.service\n"}, None),
        ({"proc/9/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.swap.max": "0\n"}, 0),
        ({"proc/9/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.swap.max": "0\n"}, 0),
        ({"proc/9/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.swap.max": "max\n"}, None),
        (
            {
                "proc/9/cgroup": "4:memory:/d\n0::/\n",
                "sys/fs/cgroup/memory/d/memory.memsw.limit_in_bytes": "2147483648\n",
                "sys/fs/cgroup/memory/d/memory.limit_in_bytes": "2147483648\n",
            },
            0,
        ),
    ],
)
def test_a_control_group_limits_swap(machine: Machine, files: dict[str, str], limit: int | None) -> None:
    """The limit in force is the smallest on the way up, in either kind of control groups."""
    for name, text in files.items():
        machine.write(name, text)
    assert swap_limit(9, root=machine.root) == limit


def test_unencrypted_swap_fails(machine: Machine) -> None:
    """Swap on a disk that is not encrypted fails with a sentence; without swap it holds."""
    settings = Settings(data_dir=machine.root, runtime_dir=str(machine.root / "runtime"))
    assert check_swap(settings, root=machine.root).result is Result.PASS
    machine.swap()
    seen = check_swap(settings, root=machine.root)
    assert seen.result is Result.FAIL
    assert "encrypt the swap or switch it off" in seen.evidence["reasons"][0]


def test_a_house_that_may_not_be_swapped_counts(machine: Machine, house: HouseProcess) -> None:
    """`MemorySwapMax=0` makes up for swap that is not encrypted: read of the running house's own control group."""
    machine.swap()
    answered = ask_peer(house.runtime / SOCKET_NAME, "process", {})
    assert answered
    machine.write(f"proc/{answered[0]}/cgroup", "0::/turven.service\n")
    machine.write("sys/fs/cgroup/turven.service/memory.swap.max", "max\n")
    assert check_swap(_settings(house), root=machine.root).result is Result.FAIL
    machine.write("sys/fs/cgroup/turven.service/memory.swap.max", "0\n")
    assert check_swap(_settings(house), root=machine.root).result is Result.PASS


def test_hibernation_is_reported(machine: Machine) -> None:
    """A machine that can write its memory to a disk to sleep is named as one."""
    assert hibernates_to(root=machine.root) == ""
    machine.write("sys/power/state", "freeze mem disk\n")
    machine.write("sys/power/disk", "[platform] shutdown\n")
    machine.write("sys/power/resume", "0:0\n")
    assert hibernates_to(root=machine.root) == ""
    machine.write("sys/power/resume", "254:1\n")
    assert hibernates_to(root=machine.root) == "254:1"
    seen = check_swap(Settings(data_dir=machine.root, runtime_dir=str(machine.root)), root=machine.root)
    assert "hibernate" in seen.evidence["reasons"][0]
    machine.write("sys/power/disk", "[disabled]\n")
    assert hibernates_to(root=machine.root) == ""


# -- words -----------------------------------------------------------------------------------------------------------


def test_no_words_of_what_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven parts of a house fail and no word is found; with a log as libraries write it the words are."""
    seen = check_words(Privacy())
    assert seen.result is Result.PASS, seen.evidence
    assert seen.evidence["errors_told_by_kind_and_place"] > 7
    monkeypatch.setattr(words, "PARTS", (*words.PARTS, "log"))
    harmed = check_words(Privacy())
    assert harmed.result is Result.FAIL
    assert harmed.evidence["words_found_in_log"] is True
