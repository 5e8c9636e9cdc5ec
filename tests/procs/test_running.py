"""A house of several processes: who answers what, who starts again, and that nothing is lost in between."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from collector.audit.finding import Result
from collector.audit.marks import Mark, forms, holds, search
from collector.audit.memory import count_in_memory
from collector.audit.own_process import check_process
from collector.clock import SystemClock
from collector.control import SOCKET_NAME, ask_peer
from collector.http.limited import LimitedProtocol
from collector.settings import Server, Settings, load_settings
from tests.process import ROOT, HouseProcess, environment
from tests.procs.houses import AGENT, EVENT, Houses, wait_until
from turven.collecting import Collector
from turven.handover import Outbox, passing_on

# One house for all of them.
pytestmark = pytest.mark.xdist_group("procs")

#: Time, level, process, part, sentence; the first one says where the house answers.
_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:]{8}Z [A-Z]+ \[(parent|house|collector \d)\] [a-z_.]+ |Turven: ")
_PAGE = f"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\nConnection: close\r\n\r\n".encode()
_EVENT = (
    f"POST /event HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {AGENT}\r\nContent-Length: {len(EVENT)}\r\n\r\n".encode()
    + EVENT
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Houses]:
    """Run a house with two collectors for the tests that leave it as it was."""
    made = Houses(tmp_path_factory.mktemp("houses"), collectors=2)
    with made:
        made.add_school()
        yield made


def test_a_page_that_reaches_a_collector_is_answered_by_the_house(house: Houses) -> None:
    """Pages, the papers for visitors and forms are answered over the address at which collectors listen."""
    status, page = house.fresh("GET", "/")
    assert (status, page[:15].lower()) == (200, b"<!doctype html>")
    assert house.fresh("GET", "/privacy.json?site=school")[0] == 200
    # Larger than what is looked through at a time: all of it goes along.
    assert house.fresh("POST", "/first-steps", body=b"x" * 100_000)[0] < 500
    # On one connection: events here, then a page there, then an event in the house itself.
    assert [house.request("POST", "/event", body=EVENT, headers={"User-Agent": AGENT})[0] for _ in range(2)] == [
        202
    ] * 2
    assert house.request("GET", "/")[0] == 200
    assert house.request("POST", "/event", body=EVENT, headers={"User-Agent": AGENT})[0] == 202


@pytest.mark.parametrize("cut", [1, 5, 20, len(_PAGE) - 1])
def test_a_page_goes_on_whole_wherever_its_request_was_cut(house: Houses, cut: int) -> None:
    """What a collector read of a request before it knew whose it was is read by the house again."""
    assert house.raw(_PAGE[:cut], _PAGE[cut:]).startswith(b"HTTP/1.1 200")


def test_health_is_that_of_the_whole_house_or_of_one_collector(house: Houses, tmp_path: Path) -> None:
    """At an address that all share the house says how it is; at one of their own collectors speak for themselves."""
    said = {house.fresh("GET", "/health")[1] for _ in range(8)}
    assert said == {b'{"live":true,"ready":true,"checks":{"engine":true,"spool":true,"disk":true}}'}
    own = Collector(Settings(data_dir=tmp_path / "gone", runtime_dir=str(tmp_path / "run")), clock=SystemClock())
    client = TestClient(own.application())
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["checks"]) == (503, {"spool": False, "disk": False})
    (tmp_path / "gone").mkdir()
    assert client.get("/health").json() == {"live": True, "ready": True, "checks": {"spool": True, "disk": True}}
    lane = type("Lane", (LimitedProtocol,), {})
    for listen, paths in (("", {b"/event"}), ("127.0.0.1:8001", {b"/event", b"/health"})):
        house_end, own_end = socket.socketpair()
        passing: Any = passing_on(lane, Outbox(own_end.detach()), server=Server(collector_listen=listen))
        assert passing.own_paths == paths
        passing.house.close()
        house_end.close()


def test_a_page_behind_an_event_in_one_go_is_refused(house: Houses) -> None:
    """The event is counted and answered; the page is told to come again, and nothing of the two is mixed up."""
    answer = house.raw(_EVENT + _PAGE)
    assert answer.startswith(b"HTTP/1.1 202")
    assert b"HTTP/1.1 421" in answer
    assert answer.count(b"HTTP/1.1 ") == 2


def test_a_second_house_is_refused_both_ways(house: Houses) -> None:
    """One data directory has one server, of one process or of several; commands still reach it."""
    other = HouseProcess(house.folder)
    house.config.write_text(f"{house.config.read_text('utf-8').replace(str(other.port), str(house.port))}", "utf-8")
    for words in ((), ("--collectors", "1")):
        said = house.turven("serve", "--listen", f"127.0.0.1:{other.port}", *words, expect=3)
        assert "house_running" in said
    assert "school  on" in house.turven("site", "list")


def test_no_process_of_a_house_tells_of_a_request(house: Houses) -> None:
    """Marks that collectors read, and pass on to the house, stand in no file, no figure and no line of the log."""
    mark, said_before = "Canary7Xq2Zr9", len(house.log.read_text("utf-8").splitlines())
    fields = {"Cookie": f"a={mark}", "Referer": f"http://x.example/{mark}", "User-Agent": f"{AGENT} {mark}"}
    event = f'{{"s":"school","n":"pageview","u":"/?q={mark}","x":"{mark}"}}'.encode()
    for visitor in range(4):
        hops = {"X-Forwarded-For": f"198.51.100.{200 + visitor}"}
        for method, path, body, status in (
            ("POST", f"/event?q={mark}", event, 202),
            ("POST", "/event", event, 202),
            ("POST", "/event", event[:-9], 400),
            ("GET", f"/{mark}?q={mark}", None, 404),
            ("GET", "/event", None, 405),
        ):
            house._hang_up()
            assert house.request(method, path, body=body, headers=fields | hops)[0] == status
        assert house.raw(f"{mark} / HTTP/9.9\r\n{mark}\r\n\r\n".encode()).startswith(b"HTTP/1.1 400")
    told = house.fresh("GET", "/metrics")[1]
    files = [path for path in house.folder.rglob("*") if path.is_file() and path != house.config]
    needles = forms(Mark("any", mark)) | {b"198.51.100"}
    assert not holds(told, needles)
    assert search(files, needles)[1] == []
    # What may be there is found the same way.
    assert "roster" in search(files, [b"www.school.example"])[1]
    assert {name for name, labels in _samples(told) if labels.keys() - {"reason", "le"}} == set()
    # Another test of this house may have had it refuse a typo in its settings, in a line of another form.
    lines = house.log.read_text("utf-8").splitlines()
    assert not [line for line in lines if mark in line]
    assert [line for line in lines[said_before:] if not _LINE.match(line)] == []


def _samples(told: bytes) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield name and labels of each figure, as Prometheus' own reader has them."""
    for family in text_string_to_metric_families(told.decode()):
        for sample in family.samples:
            yield sample.name, sample.labels


def test_one_process_is_told_of_no_restart(tmp_path: Path) -> None:
    """Where the settings ask for collectors that the running house lacks, `restart` says so and leaves it running."""
    with HouseProcess(tmp_path) as one:
        one.config.write_text(f"{one.config.read_text('utf-8')}collectors = 1\n", "utf-8")
        assert "one_process" in one.turven("restart", expect=1)
        assert one.is_ready()
        (tmp_path / "other").mkdir()
        other = HouseProcess(tmp_path / "other")
        said = other.turven("serve", "--listen", f"127.0.0.1:{one.port}", expect=2)
        assert f"127.0.0.1:{one.port} cannot be listened on" in said
        assert not (tmp_path / "other" / "data" / "history.duckdb").exists()


def test_what_a_command_changed_counts_at_once_in_every_collector(house: Houses) -> None:
    """A site that was switched off is counted nowhere as soon as the command has answered; so is one switched on."""
    house.turven("site", "set", "school", "--off", "--reason", "holiday")
    assert {house.fresh("POST", "/event", body=EVENT)[0] for _ in range(8)} == {204}
    house.turven("site", "set", "school", "--on", "--reason", "school again")
    assert {house.fresh("POST", "/event", body=EVENT)[0] for _ in range(8)} == {202}


def test_collectors_give_way_to_the_dashboard(house: Houses) -> None:
    """Collectors run at a lower priority than the house, and all of them are shut."""
    children = house.children()
    assert set(children) == {"house", "collector 0", "collector 1"}
    nice = {name: os.getpriority(os.PRIO_PROCESS, pid) for name, pid in children.items()}
    assert nice["collector 0"] == nice["collector 1"] > nice["house"]
    limits = [Path(f"/proc/{pid}/limits").read_text("utf-8") for pid in (*children.values(), house.pid)]
    assert all("Max core file size        0                    0" in text for text in limits)


def test_settings_that_do_not_load_leave_the_old_processes(house: Houses) -> None:
    """A restart with a typo in the settings replaces nothing; the log says why."""
    before, settings = house.children(), house.config.read_text("utf-8")
    house.config.write_text(settings + "typo = 1\n", "utf-8")
    house.signal(signal.SIGHUP)
    wait_until(lambda: house.said("The new house did not start; the old one stays.") == 1)
    house.config.write_text(settings, "utf-8")
    assert house.children() == before
    assert "typo" in house.log.read_text("utf-8")
    assert house.fresh("GET", "/")[0] == 200


def test_a_collector_needs_neither_database_nor_dashboard() -> None:
    """Its process loads nothing that could open the history or show a page."""
    heavy = ("duckdb", "polars", "scipy", "numpy", "dashboard", "collector.engine", "collector.store", "turven.compose")
    program = f"import sys, turven.collecting; print([name for name in {heavy!r} if name in sys.modules])"
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment(), capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"


def test_an_auditor_looks_at_every_process(house: Houses) -> None:
    """R49 holds for the parent and each collector too, and one that is not there to be looked at is no pass."""
    asked = ask_peer(house.runtime / SOCKET_NAME, "process", {})
    # The socket is the parent's; the kernel names the process that answers in it.
    assert asked is not None
    assert asked[0] == house.children()["house"]
    seen = check_process(load_settings(house.config, environ={}))
    assert seen.result is Result.PASS, seen.evidence
    assert seen.evidence["processes"] == 4
    assert seen.evidence["processes_that_know_pages"] == 1
    assert seen.evidence["pages_of_secrets_beside"] == seen.evidence["pages_of_secrets_beside_locked"]
    hidden = house.runtime / "process.collector-0"
    content = hidden.read_bytes()
    hidden.unlink()
    assert check_process(load_settings(house.config, environ={})).result is Result.FAIL
    hidden.write_bytes(content.replace(b'"is_dumpable":false', b'"is_dumpable":true'))
    seen = check_process(load_settings(house.config, environ={}))
    assert seen.result is Result.FAIL
    assert any(reason.startswith("collector 0: ") for reason in seen.evidence["reasons"])
    hidden.write_bytes(content)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the machine's administrator can look into a process that is shut")
def test_a_collector_forgets_a_salt_that_was_replaced(house: Houses) -> None:
    """What a site's visitors were keyed with is in no collector's memory any more soon after the site was closed."""
    for visitor in range(40):
        assert house.fresh("POST", "/event", body=EVENT, client=f"10.9.{visitor}.1")[0] == 202
    (path,) = house.runtime.glob("epochs/*/salt.school")
    salt = path.read_bytes()[12:44]
    collectors = [pid for name, pid in house.children().items() if name != "house"]
    assert sum(_found(pid, salt) for pid in collectors) >= 1
    assert "closed" in house.turven("close")
    wait_until(lambda: sum(_found(pid, salt) for pid in collectors) == 0)


def _found(pid: int, needle: bytes) -> int:
    searched = count_in_memory(pid, [needle])
    assert searched is not None
    return searched[1][0]
