"""`turven audit` as an auditor runs it: a process of its own, with or without a house."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import duckdb
import pytest
from click.testing import CliRunner, Result

import turven
from collector.audit.questions import REQUIREMENTS, THEMES
from tests.audit.conftest import Harm
from tests.process import ROOT, HouseProcess

#: What a copy alone answers.
OFFLINE: Final = {"R3", "R5", "R6", "R8", "R9", "R20", "R21", "R22", "R24", "R25", "R26", "R29", "R54", "R55"} | {
    "R1", "R18", "R30", "R35", "R44", "R51", "R52", "R53",
}  # fmt: skip


def audit(folder: Path, *words: str, config: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run the audit in *folder*, in which there are no settings."""
    named = ["--config", str(config)] if config else []
    return subprocess.run(
        [sys.executable, "-m", "turven", *named, "audit", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(ROOT), "HOME": str(folder)},
    )


def found(ran: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    """Return the findings by number."""
    return {finding["id"]: finding for finding in json.loads(ran.stdout)}


def test_a_copy_is_audited_without_a_house(healthy: Path, tmp_path: Path) -> None:
    """With nothing but a copy of the history, each check that it can answer passes, and the others say so."""
    ran = audit(tmp_path, "--history", str(healthy), "--json")
    assert ran.returncode == 0, ran.stderr
    answers = found(ran)
    assert list(answers) == [requirement.id for requirement in REQUIREMENTS]
    assert {number for number, finding in answers.items() if finding["result"] == "pass"} >= OFFLINE
    assert {finding["result"] for finding in answers.values()} == {"pass", "n/a"}
    for number, finding in answers.items():
        assert set(finding) >= {"id", "result", "question", "vraag", "evidence", "command", "at", "version"}
        assert finding["command"] == f"turven audit --history {healthy} {number}"
        # A copy does not hold the settings file: no fingerprint of it is claimed.
        assert finding["settings_sha256"] == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "statements"),
    [
        ("R21", "update cell set contributors = 9 where filter_dimension <> ''"),
        ("R20", "comment on column cell.events is 'measure | events | none of your business'"),
        ("R22", "update cell set pageviews = pageviews + 3 where dimension = 'total'"),
        ("R54", "update settings_log set made_by = 'somebody' where seq = 1"),
    ],
)
def test_a_harmed_copy_is_an_error(number: str, statements: str, harm: Harm, tmp_path: Path) -> None:
    """A broken promise ends the command with 1, and the finding is named in Dutch, before all else that passes."""
    ran = audit(tmp_path, "--history", str(harm(statements)))
    assert ran.returncode == 1
    failed = [line.split()[1] for line in ran.stdout.splitlines() if line.startswith("✗")]
    assert number in failed
    assert f"klopt niet: {len(failed)}" in ran.stdout.splitlines()[-1]
    # The verdict of its theme comes first, and what failed before all that passed.
    theme = next(line for line in ran.stdout.splitlines() if line.startswith("  ✗"))
    assert ran.stdout.index(theme) < ran.stdout.index(f"\n✗ {number}") < ran.stdout.index("\n✓ ")
    assert f"Herhalen: turven audit --history {tmp_path / 'harmed.duckdb'} {number}" in ran.stdout


def test_one_check_of_one_site_is_asked_in_english(harm: Harm, tmp_path: Path) -> None:
    """A number and a site narrow the audit, and the question is asked in English where that is wanted."""
    harmed = str(harm("update cell set contributors = 9 where site = 'portal'"))
    school = audit(tmp_path, "r21", "--history", harmed, "--site", "school", "--lang", "en")
    portal = audit(tmp_path, "R21", "--history", harmed, "--site", "portal", "--lang", "en")
    assert (school.returncode, portal.returncode) == (0, 1)
    assert school.stdout.startswith("✓ R21 Does every stored row stand for at least k visitors?")
    assert school.stdout.endswith("1 passed, 0 failed, 0 not applicable\n")


@pytest.mark.parametrize(
    ("words", "exit_code", "error"),
    [
        (("R21", "--history", "nowhere.duckdb"), 3, "history_missing"),
        (("R41", "--mark", "jan"), 2, "mark_too_short"),
        (("R21", "--site", "nowhere"), 2, "site_unknown"),
    ],
)
def test_a_mistake_is_no_finding(words: tuple[str, ...], exit_code: int, error: str, tmp_path: Path) -> None:
    """What cannot be audited is an error with a sentence, and never 0 or 1, which are answers."""
    ran = audit(tmp_path, *words)
    assert (ran.returncode, ran.stdout) == (exit_code, "")
    assert error in ran.stderr


@pytest.mark.parametrize(
    ("words", "exit_code", "error"),
    [
        (("R999",), 2, "requirement_unknown"),
        (("R21", "--attack-seconds", "-1"), 2, "attack-seconds"),
        (("R22", "--hostile-days", "0"), 2, "hostile-days"),
        (("R21", "--head", "0" * 64), 2, "head_alone"),
        (("--settings", "--head", "0123"), 2, "head_invalid"),
        (("R21", "--evidence", "."), 2, "evidence_exists"),
        (("--verify", "nowhere.zip"), 3, "evidence_missing"),
        (("--verify", "."), 3, "evidence_missing"),
        (("--diff", "nowhere.zip", "nowhere.zip"), 3, "evidence_missing"),
    ],
)
def test_a_mistake_is_told_before_anything_is_looked_at(words: tuple[str, ...], exit_code: int, error: str) -> None:
    """A mistake in the question ends the command at once, before settings are read or a house is asked."""
    ran = CliRunner().invoke(turven.main, ["audit", *words])
    assert (ran.exit_code, ran.stdout) == (exit_code, "")
    assert error in ran.stderr


def test_a_file_that_is_no_history_is_an_error(tmp_path: Path) -> None:
    """A damaged copy is refused and left as it is."""
    damaged = tmp_path / "copy.duckdb"
    damaged.write_bytes(b"no database" * 1_000)
    ran = audit(tmp_path, "R21", "--history", str(damaged))
    assert ran.returncode == 3
    assert "history_unreadable" in ran.stderr


def test_a_mark_that_is_kept_is_found(tmp_path: Path) -> None:
    """A mark that the program does keep, a referring host of a whole crowd, makes the canary run fail: it can."""
    ran = audit(tmp_path, "R41", "--mark", "verwijzer.example", "--json")
    assert ran.returncode == 1, ran.stderr
    evidence = found(ran)["R41"]["evidence"]["scratch house"]
    assert evidence["own_marks"] == 1
    assert {"history.duckdb", "history by SQL", "export of canary"} <= set(evidence["found_in"])


def test_a_house_is_audited_running_and_stopped(tmp_path: Path) -> None:
    """What a house has in force is printed as it tells the public, and it is audited running or stopped alike."""
    with HouseProcess(tmp_path) as house:
        house.add_school()
        told = house.request("GET", "/privacy.json")[2].decode()
        running = audit(tmp_path, "--settings", config=house.config)
        # A settings file that was edited since is not what is in force: the house has to be started again.
        original = house.config.read_text("utf-8")
        house.config.write_text(f"{original}\n[privacy]\nk = 15\n", "utf-8")
        edited = audit(tmp_path, "--settings", "--lang", "en", config=house.config)
        house.config.write_text(original, "utf-8")
        answered = found(audit(tmp_path, "R20", "R25", "R54", "--json", "--site", "school", config=house.config))
    assert json.loads(running.stdout) == json.loads(told)
    assert running.stdout == told
    assert "De keten van het logboek klopt" in running.stderr
    assert {number: finding["result"] for number, finding in answered.items()} == dict.fromkeys(answered, "pass")
    assert edited.returncode == 1
    assert "started with other settings" in edited.stderr
    assert answered["R25"]["evidence"]["house"]["temp_directory"] == ""
    assert answered["R54"]["settings_sha256"] == json.loads(told)["settings_sha256"]
    stopped = audit(tmp_path, "--settings", config=house.config)
    assert (stopped.returncode, stopped.stdout) == (0, told)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert audit(tmp_path, "R20", "R54", config=house.config).returncode == 0
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_evidence_is_kept_checked_and_compared(healthy: Path, harm: Harm, tmp_path: Path) -> None:
    """Evidence is written once, checked without settings or a house, and compared with evidence of another time."""
    old, new, report = (str(tmp_path / name) for name in ("old.zip", "new.zip", "report.json"))
    written = audit(tmp_path, "R20", "R54", "--history", str(healthy), "--evidence", old)
    assert written.returncode == 0, written.stderr
    sha256 = hashlib.sha256(Path(old).read_bytes()).hexdigest()
    assert sha256 in written.stderr
    assert (Path(old).stat().st_mode & 0o777) == 0o600
    checked = offline("--verify", old)
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert sha256 in checked.stdout
    # The pages were made anew and compared.
    assert json.loads(offline("--verify", old, "--json").stdout)["is_page_compared"]

    harmed = str(harm("alter table cell add column uid varchar"))
    ran = audit(tmp_path, "R20", "R54", "--history", harmed, "--evidence", new, "--report")
    assert ran.returncode == 1
    Path(report).write_text(ran.stdout, "utf-8")
    again = offline("--verify", new)
    assert again.exit_code == 0, again.stdout
    compared = offline("--diff", old, new, "--lang", "en")
    assert compared.exit_code == 1
    assert "✗ R20: passed → failed" in compared.stdout
    assert "cell.uid: new" in compared.stdout
    assert "Niets is veranderd." in offline("--diff", new, report).stdout
    assert json.loads(offline("--diff", new, report, "--json").stdout)["is_chain_continued"]

    altered = bytearray(Path(new).read_bytes())
    altered[altered.index(b'"uid"') + 1] ^= 1
    Path(new).write_bytes(altered)
    found = offline("--verify", new)
    assert found.exit_code == 1
    assert "report.json: dit bestand is veranderd" in found.stdout
    assert "evidence_altered" in offline("--diff", old, new).stderr


def offline(*words: str) -> Result:
    """Run what needs no settings and no house in this process."""
    return CliRunner().invoke(turven.main, ["audit", *words])


@pytest.mark.parametrize("data", [b"", b"no zip", b"PK\x03\x04" + b"\xff" * 500, b"[" * 100_000, b'{"format": "x"}'])
def test_a_hostile_file_gives_no_traceback(data: bytes, tmp_path: Path) -> None:
    """A file that is no evidence and no report ends each command with 3 and a sentence."""
    hostile = tmp_path / "hostile"
    hostile.write_bytes(data)
    for words in (("--verify", str(hostile)), ("--diff", str(hostile), str(hostile))):
        ran = offline(*words)
        assert (ran.exit_code, ran.stdout) == (3, "")
        assert ran.stderr.startswith("turven: ")


def test_the_settings_log_is_verified(healthy: Path, harm: Harm, tmp_path: Path) -> None:
    """A head that was noted is found again; one that is not there, and a changed entry, end with 1 and are named."""
    with duckdb.connect(str(healthy), read_only=True) as connection:
        (noted,) = connection.execute("select hash from settings_log where seq = 2").fetchall()[0]
    kept = audit(tmp_path, "--settings", "--history", str(healthy), "--head", noted)
    assert (kept.returncode, kept.stdout) == (0, "")
    assert "regel 2" in kept.stderr
    changed = harm("update settings_log set reason = 'other' where seq = 2")
    broken = audit(tmp_path, "--settings", "--history", str(changed), "--head", "f" * 64, "--lang", "en")
    assert broken.returncode == 1
    assert "entry 2, field says" in broken.stderr
    assert "the log was rewritten" in broken.stderr


def test_every_question_is_asked_in_two_languages() -> None:
    """Each requirement has a number of its own, a known theme and force, and a question in Dutch and in English."""
    assert len({requirement.id for requirement in REQUIREMENTS}) == len(REQUIREMENTS)
    for requirement in REQUIREMENTS:
        assert requirement.theme in THEMES
        assert requirement.force in {"law", "ap", "eu", "own"}
        assert requirement.question.endswith("?")
        assert requirement.vraag.endswith("?")
        assert requirement.question != requirement.vraag
