"""An audit that is started from the page: a process of its own, one at a time, limited, and silent about the mark."""

import hashlib
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from collector.audit.finding import Result
from collector.audit.report import Report
from collector.audit.shelf import Shelf
from collector.errors import SettingsError
from collector.house import House
from collector.settings import Public, Server, Settings, load_settings
from dashboard.house import AuditRun
from tests.clock import ManualClock
from tests.dashboard.auditing import AT, finding
from tests.dashboard.house import SCHOOL
from turven.auditing import Auditing, audit_command
from turven.compose import compose

MARK = "een zin die niemand raadt"
CONFIG = """
data_dir = "{folder}/data"
runtime_dir = "{folder}/run"
[server]
listen = "127.0.0.1:9"
[public]
operator = "Leerling in Beeld BV"
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Open a house that does not run."""
    folder = tmp_path_factory.mktemp("house")
    made = House(Settings(data_dir=folder / "data", runtime_dir=str(folder / "run")), clock=ManualClock())
    yield made
    made.engine.stop()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Return an empty shelf."""
    return Shelf(tmp_path)


def made_report() -> bytes:
    """Return a report as the audit writes it."""
    found = [finding("R20", Result.PASS), finding("R21", Result.FAIL)]
    return msgspec.json.encode(
        Report(
            at=AT.isoformat(timespec="seconds"),
            version="0.1.0",
            site="",
            history="",
            settings_sha256="",
            findings=found,
            facts=msgspec.convert({}, type=Report.__annotations__["facts"]),
        )
    )


def script(tmp_path: Path, body: str) -> Callable[[bool], Sequence[str]]:
    """Return a command that runs *body* in a Python of its own, where `mark` is what came through the pipe."""
    (tmp_path / "report.json").write_bytes(made_report())
    lines = f"import os, sys, signal\nmark = sys.stdin.readline()\nreport = {str(tmp_path / 'report.json')!r}\n"
    say = "def say(text):\n    sys.stderr.write(text + '\\n')\n    sys.stderr.flush()\n"
    return lambda has_mark: [sys.executable, "-c", f"{lines}{say}has_mark = {has_mark}\n{body}"]


GOOD = "say('Attacking what is kept …')\nsys.stdout.write(open(report).read())\nsys.exit(1)"


def ended(auditing: Auditing) -> AuditRun:
    """Wait until the audit is over and return how it ended."""
    assert auditing._run
    auditing._run._thread.join(30)
    told = auditing.run()
    assert told
    assert not told.is_running
    return told


def test_a_report_is_kept_on_the_shelf(house: House, shelf: Shelf, clock: ManualClock, tmp_path: Path) -> None:
    """What the audit wrote is kept, also where a promise does not hold, and can be read again."""
    auditing = Auditing(house, shelf=shelf, command=script(tmp_path, GOOD), clock=clock)
    assert auditing.run() is None
    auditing.start("")
    told = ended(auditing)
    assert (told.error, told.doing) == ("", "Attacking what is kept …")
    (kept,) = auditing.kept()
    assert kept.failed == 1
    report = auditing.report(kept.name)
    assert report == msgspec.json.decode(made_report(), type=Report)
    assert auditing.archive(report, language="nl").startswith(b"PK")
    assert auditing.report("../../turven.toml") is None


def test_the_mark_goes_through_a_pipe_and_into_no_file(
    house: House, shelf: Shelf, clock: ManualClock, tmp_path: Path
) -> None:
    """The audit gets the mark, its arguments and the house's files never do, and what it says of it is not shown."""
    body = f"assert has_mark and mark == {MARK!r} + '\\n'\nsay('before')\nsay('looking for ' + mark)\n{GOOD}"
    body = body.replace("say('Attacking what is kept …')", "pass")
    command = script(tmp_path, body.replace(MARK, "".join(f"\\x{ord(letter):02x}" for letter in MARK)))
    auditing = Auditing(house, shelf=shelf, command=command, clock=clock)
    auditing.start(MARK)
    told = ended(auditing)
    assert (told.error, told.doing) == ("", "before")
    assert (told.mark, told.mark_sha256) == (MARK, hashlib.sha256(MARK.encode()).hexdigest())
    assert MARK not in " ".join(command(True))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert [path for path in files if MARK.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ("say('turven: The disk is full. [x]')\nsys.exit(3)", "audit_failed", "turven: The disk is full. [x]"),
        ("sys.exit(2)", "audit_failed", "exit 2"),
        ("say('turven: No house. [x]')\nsys.exit(1)", "audit_failed", "turven: No house. [x]"),
        ("print('no report')", "audit_unreadable", "The audit wrote no report."),
        ("os.kill(os.getpid(), signal.SIGKILL)", "audit_failed", "exit -9"),
    ],
)
def test_an_audit_that_fails_says_why(
    house: House, shelf: Shelf, clock: ManualClock, tmp_path: Path, *, body: str, code: str, message: str
) -> None:
    """An audit that ends without a report keeps nothing, and its last words are told."""
    auditing = Auditing(house, shelf=shelf, command=script(tmp_path, body), clock=clock)
    auditing.start("")
    told = ended(auditing)
    assert (told.error, told.message) == (code, message)
    assert auditing.kept() == []


def test_a_program_that_is_not_there_is_told(house: House, shelf: Shelf, clock: ManualClock) -> None:
    """An audit that cannot be started is an error in words as well."""
    auditing = Auditing(house, shelf=shelf, command=lambda _: ["/nowhere/turven"], clock=clock)
    auditing.start("")
    assert ended(auditing).error == "audit_failed"


def test_an_audit_that_takes_too_long_is_stopped(
    house: House, shelf: Shelf, clock: ManualClock, tmp_path: Path
) -> None:
    """After its time an audit is told to end in order, and the page says that it took too long."""
    body = (
        f"try:\n    signal.pause()\nexcept KeyboardInterrupt:\n    open({str(tmp_path / 'cleared')!r}, 'w').close()\n"
    )
    auditing = Auditing(house, shelf=shelf, command=script(tmp_path, body), clock=clock, seconds_max=1.0)
    auditing.start("")
    assert ended(auditing).error == "audit_too_long"
    assert (tmp_path / "cleared").exists()


def test_one_audit_at_a_time_and_none_outlives_the_house(
    house: House, shelf: Shelf, clock: ManualClock, tmp_path: Path
) -> None:
    """While one runs a second is refused; when the house ends it is ended too."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    body = f"open({str(pipe)!r}, 'w').close()\nsignal.pause()"
    auditing = Auditing(house, shelf=shelf, command=script(tmp_path, body), clock=clock)
    auditing.start("")
    pipe.read_bytes()
    with pytest.raises(SettingsError) as refused:
        auditing.start("")
    assert refused.value.code == "audit_running"
    told = auditing.run()
    assert told
    assert told.is_running
    auditing.stop()
    assert ended(auditing).error == "audit_failed"
    assert auditing.kept() == []


def test_what_moved_is_looked_at_again(tmp_path: Path, clock: ManualClock) -> None:
    """What can be told at once is read anew as soon as anything in the history has moved, and only then."""
    house = House(Settings(data_dir=tmp_path / "data", runtime_dir=str(tmp_path / "run")), clock=clock)
    auditing = Auditing(house, shelf=Shelf(tmp_path), command=audit_command(None), clock=clock)
    first = auditing.live()
    assert auditing.live() is first
    house.engine.sites.add(SCHOOL, made_by="operator", reason="test", at=clock.now())
    second = auditing.live()
    assert [change.site for change in second.facts.changes if change.site] == ["school"]
    with house.engine.history.write() as cursor:
        cursor.execute("update settings_log set hash = ? where site = 'school'", ["0b" * 32])
    assert [found.id for found in auditing.live().findings if found.result is Result.FAIL] == ["R54"]
    house.engine.stop()


@pytest.mark.parametrize(
    ("mark", "code"), [("kort", "mark_too_short"), ("x" * 65, "mark_too_long"), ("twee\nregels", "mark_too_long")]
)
def test_marks_that_prove_nothing_start_nothing(
    house: House, shelf: Shelf, clock: ManualClock, *, mark: str, code: str
) -> None:
    """A mark that would turn up by chance, or could not be sent, is refused before anything runs."""
    auditing = Auditing(house, shelf=shelf, command=lambda _: ["/nowhere"], clock=clock)
    with pytest.raises(SettingsError) as refused:
        auditing.start(mark)
    assert refused.value.code == code
    assert auditing.run() is None


def test_the_command_is_the_one_an_auditor_types(tmp_path: Path) -> None:
    """The page runs `turven audit` on the settings file of the house, with the mark asked from the pipe."""
    assert audit_command(tmp_path / "turven.toml")(True)[1:] == [
        "-m", "turven", "--config", str(tmp_path / "turven.toml"), "audit", "--report", "--mark", "-",
    ]  # fmt: skip
    assert audit_command(None)(False)[1:] == ["-m", "turven", "audit", "--report"]


def test_the_button_audits_the_house_that_shows_it(tmp_path: Path, clock: ManualClock) -> None:
    """From the click to the report: the page starts the real command, which asks this house, and shows its report."""
    config = tmp_path / "turven.toml"
    config.write_text(CONFIG.format(folder=tmp_path), "utf-8")
    settings = load_settings(config, environ={})
    assert (settings.server, settings.public) == (
        Server(listen="127.0.0.1:9"),
        Public(operator="Leerling in Beeld BV"),
    )
    house = House(settings, clock=clock)
    two = lambda has_mark: [*audit_command(config)(has_mark), "R20", "R54"]  # noqa: E731
    auditing = Auditing(house, shelf=Shelf(tmp_path), command=two, clock=clock, config=config)
    app = compose(house, clock=clock, auditing=auditing)
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50_000)) as client:
        assert "No full check has been run yet." in client.get("/audit?lang=en").text
        answer = client.post("/audit?lang=en", headers={"sec-fetch-site": "same-origin"})
        assert "A full check is running" in answer.text
        assert ended(auditing).error == ""
        text = client.get("/audit?lang=en").text
        assert "Leerling in Beeld BV" in text
        # As printed it reaches this house from any folder.
        assert f"turven --config {config} audit R20" in text
        assert f"turven --config {config} audit R41" in text
        assert re.search("(The one check holds|All 2 checks hold).", text)
        assert len(client.get("/audit/report.json").json()["findings"]) == 2
        assert client.get("/audit/evidence.zip").content.startswith(b"PK")
