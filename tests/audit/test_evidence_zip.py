"""A ZIP of evidence that is checked off-line: whatever is altered in it is found and named."""

import hashlib
import json
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from collector import __version__
from collector.audit.consistency import Deviation, broken_link
from collector.audit.evidence import CHAIN, INVENTORY, PAGE, README, REPORT, SCHEMA, SUMS, evidence, pack, sums
from collector.audit.facts import chain_of, gather, sites_in
from collector.audit.kept import Kept
from collector.audit.questions import REQUIREMENTS
from collector.audit.report import Change, Report, make_report
from collector.audit.run import check_kept, findings
from collector.audit.sayings import SAYINGS, verified_text
from collector.audit.verify import FILES_MAX, read_report, verify
from collector.errors import StoreError
from collector.settings import Settings
from collector.store.copy import read_copy
from tests.audit.conftest import Harm
from tests.clock import ManualClock

AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
PAGES = {PAGE: b"<!doctype html><title>report</title>", "papers/register.nl.html": b"<!doctype html>"}
Files = dict[str, bytes]


def report_of(path: Path) -> Report:
    """Return a report of a history, with the settings of a house."""
    house = Settings()
    with read_copy(path) as cursor:
        facts = gather(
            cursor, settings=house, sites=sites_in(cursor), rules=house.privacy.rules_of, version=__version__
        )
        ids = [requirement.id for requirement in REQUIREMENTS]
        seen = {"history": check_kept(Kept(cursor), settings=house, clock=ManualClock(), ids=ids)}
    sha256 = str(facts.effective["settings_sha256"])
    found = findings(REQUIREMENTS, seen, at=AT, command="turven audit", settings_sha256=sha256)
    return make_report(found, facts, at=AT, version=__version__)


@pytest.fixture(scope="session")
def report(healthy: Path) -> Report:
    """Return the report of a healthy house."""
    return report_of(healthy)


@pytest.fixture(scope="session")
def whole(report: Report) -> bytes:
    """Return its evidence."""
    return evidence(report, pages=PAGES)


def unpacked(data: bytes) -> Files:
    """Return the files of a ZIP."""
    with ZipFile(BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def forged(files: Mapping[str, bytes]) -> bytes:
    """Pack files with sums made anew, as a forger would."""
    others = {name: content for name, content in files.items() if name != SUMS}
    return pack(others | {SUMS: sums(others)})


def test_the_same_report_gives_the_same_bytes(report: Report, whole: bytes) -> None:
    """The same report gives the same ZIP, byte for byte, so that its SHA-256 names it."""
    assert evidence(report, pages=dict(reversed(PAGES.items()))) == whole
    with ZipFile(BytesIO(whole)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_evidence_is_whole(whole: bytes, report: Report) -> None:
    """What was written is found whole, and its report, head and fingerprint are told."""
    found = verify(whole, render=lambda _report: [PAGES])
    assert found.deviations == []
    assert (found.files, found.head, found.sha256) == (8, report.facts.head, hashlib.sha256(whole).hexdigest())
    assert found.is_page_compared
    assert read_report(whole) == report
    text = verified_text(found, language="nl")
    assert text.startswith("✓ Dit bewijs is heel: 8 bestanden")
    assert found.sha256 in text
    assert found.head in text


def test_its_sums_are_checked_without_us(whole: bytes, tmp_path: Path) -> None:
    """The list of sums is one that `sha256sum -c` reads, so the files are checked without this program."""
    for name, content in unpacked(whole).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    ran = subprocess.run(["sha256sum", "--strict", "-c", SUMS], cwd=tmp_path, capture_output=True, check=False)
    assert (ran.returncode, ran.stdout.count(b": OK")) == (0, 7), ran.stderr


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_byte_is_found_in_every_file(data: st.DataObject, whole: bytes) -> None:
    """A byte that is flipped in any file of the ZIP is found, and the file is named."""
    files = unpacked(whole)
    name = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[name]) - 1))
    at = whole.index(files[name]) + place
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    named = {one.file for one in verify(flipped).deviations}
    assert name in named or (name == SUMS and named)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_flipped_byte_beside_the_files_is_found(data: st.DataObject, whole: bytes) -> None:
    """A byte that is flipped anywhere in the ZIP, also between its files, is found."""
    at = data.draw(st.integers(0, len(whole) - 1) | st.integers(len(whole) - 900, len(whole) - 1))
    flipped = whole[:at] + bytes([whole[at] ^ data.draw(st.integers(1, 255))]) + whole[at + 1 :]
    try:
        found = verify(flipped)
    except StoreError:
        return
    assert found.deviations


def _entry(number: int, **fields: Any) -> Callable[[dict[str, Any]], None]:
    return lambda raw: raw["facts"]["changes"][number].update(fields)


def _put(*path: str | int, value: Any) -> Callable[[dict[str, Any]], None]:
    def put(raw: Any) -> None:
        for step in path[:-1]:
            raw = raw[step]
        raw[path[-1]] = value

    return put


@pytest.mark.parametrize(
    ("harm", "expected"),
    [
        (_put("findings", 0, "result", value="fail"), Deviation(REPORT, "verdicts.sharing", "verdict")),
        (_put("verdicts", "address", value="fail"), Deviation(REPORT, "verdicts.address", "verdict")),
        (_put("findings", 3, "at", value="2027-01-01T00:00:00+00:00"), Deviation(REPORT, "findings[3].at", "finding")),
        (_put("findings", 1, "id", value="R1"), Deviation(REPORT, "findings[1].id", "finding")),
        (
            _put("facts", "effective", "house", "k", value=15),
            Deviation(REPORT, "facts.effective.settings_sha256", "settings"),
        ),
        (_put("settings_sha256", value="0" * 64), Deviation(REPORT, "settings_sha256", "settings")),
        (_put("facts", "settings", 1, "in_force", value="15"), Deviation(REPORT, "facts.settings[1].in_force", "line")),
        (_put("facts", "settings", 21, "holds", value=True), Deviation(REPORT, "facts.settings[21].holds", "line")),
        (_put("facts", "settings", 21, "made_by", value="x"), Deviation(REPORT, "facts.settings[21].since", "line")),
        (_put("facts", "head", value="0" * 64), Deviation(REPORT, "facts.head", "head")),
        (_put("facts", "first_broken", value=2), Deviation(CHAIN, "2", "chain")),
        (_entry(1, reason="another"), Deviation(CHAIN, "2.reason", "log")),
        (_put("facts", "inventory", 4, "reason", value="fun"), Deviation(SCHEMA, "site.changed_at", "schema")),
        (_put("findings", 0, "result", value="maybe"), Deviation(REPORT, "$.findings[0].result", "unreadable")),
        (_put("format", value=99), Deviation(REPORT, "format", "unreadable")),
    ],
)
def test_a_forger_who_makes_the_sums_anew_is_found(
    harm: Callable[[dict[str, Any]], None], expected: Deviation, whole: bytes
) -> None:
    """A report that is altered and packed with new sums contradicts itself, and the field is named."""
    files = unpacked(whole)
    raw = json.loads(files[REPORT])
    harm(raw)
    found = verify(forged(files | {REPORT: json.dumps(raw).encode()}))
    assert expected in found.deviations
    for language in ("nl", "en"):
        assert expected.field in verified_text(found, language=language)


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("change", '{"k": 5}', "content"),
        ("made_by", "another", "content"),
        ("reason", "another", "content"),
        ("salt", "1" * 64, "content"),
        ("salt", None, "content"),
        ("content", "1" * 64, "content"),
        ("previous", "1" * 64, "previous"),
        ("hash", "1" * 64, "hash"),
        ("made_at", "2026-11-24T07:00:00+00:00", "hash"),
        ("site", "another", "hash"),
        ("seq", 7, "seq"),
    ],
)
def test_a_forged_log_is_found_by_its_chain(field: str, value: object, named: str, whole: bytes) -> None:
    """An entry of the log that is altered alike in every file does not fit the chain, computed from the file alone."""
    files = unpacked(whole)
    raw = json.loads(files[REPORT])
    raw["facts"]["changes"][1][field] = value
    changed = msgspec.convert(raw, Report)
    again = unpacked(evidence(changed, pages=PAGES))
    found = verify(forged(again)).deviations
    assert Deviation(CHAIN, f"2.{named}", "chain") in found
    assert broken_link(changed.facts.changes) == (2, named)


def test_an_erased_entry_keeps_the_chain(report: Report) -> None:
    """An entry whose contents and salt are gone still fits, since the chain holds hashes only."""
    house, first, *rest = report.facts.changes
    gone: dict[str, None] = dict.fromkeys(("change", "made_by", "reason", "salt"))
    erased = msgspec.structs.replace(first, **gone)
    assert broken_link([house, erased, *rest]) is None
    assert broken_link([house, msgspec.structs.replace(erased, reason="why"), *rest]) == (2, "content")
    assert broken_link([house, *rest]) == (2, "seq")
    # What the house itself promised is never forgotten.
    assert broken_link([msgspec.structs.replace(house, **gone), first, *rest]) == (1, "content")


@given(data=st.data())
def test_two_readers_of_the_chain_agree(data: st.DataObject, report: Report) -> None:
    """What checks the evidence and what checks the house name the same entry, though neither knows the other."""
    changes = list(report.facts.changes)
    at = data.draw(st.integers(0, len(changes) - 1))
    field = data.draw(st.sampled_from(Change.__struct_fields__))
    value = 9 if field == "seq" else data.draw(st.sampled_from(["x", "1" * 64, "", None]))
    if value is not None or field in {"change", "made_by", "reason", "salt"}:
        changes[at] = msgspec.structs.replace(changes[at], **{field: value})
    if data.draw(st.booleans()):
        changes.pop(data.draw(st.integers(0, len(changes) - 1)))
    broken = broken_link(changes)
    assert chain_of(changes).first_broken == (broken[0] if broken else None)


def test_a_break_that_the_audit_found_is_no_forgery(harm: Harm) -> None:
    """Evidence of a broken promise is whole: what the report itself tells is what was found."""
    found = report_of(
        harm("update settings_log set reason = 'other' where seq = 2; alter table cell add column uid varchar")
    )
    verified = verify(evidence(found, pages=PAGES))
    assert verified.deviations == []
    failed = {one.id for one in found.findings if one.result == "fail"}
    assert failed >= {"R20", "R54"}
    assert f"klopt dit aantal controles niet: {len(failed)}" in verified_text(verified, language="nl")
    # The same file with its verdict turned to pass contradicts itself.
    passed = [msgspec.structs.replace(one, result="pass") for one in found.findings]
    prettier = make_report(passed, found.facts, at=AT, version=__version__)
    named = {(one.file, one.code) for one in verify(evidence(prettier, pages=PAGES)).deviations}
    assert {(SCHEMA, "schema"), (REPORT, "finding")} <= named


@pytest.mark.parametrize("change", ["[]", "5", '{"k": [1]}', '{"identity": 5}', '{"erased": {}, "k": {"k": {}}}'])
@pytest.mark.parametrize("seq", [1, 2])
def test_a_hostile_log_fails_and_ends_nothing(seq: int, change: str, harm: Harm) -> None:
    """Whatever an altered entry of the log says, the audit goes on, R54 fails, and the entry is named."""
    found = report_of(harm(f"update settings_log set change = '{change}' where seq = {seq}"))
    assert [one.result for one in found.findings if one.id == "R54"] == ["fail"]
    assert found.facts.first_broken == seq
    assert verify(evidence(found, pages=PAGES)).deviations == []


def test_what_is_missing_beside_or_packed_anew_is_found(whole: bytes) -> None:
    """A file that is gone, one that was added and an archive that was packed by another program are each named."""
    files = unpacked(whole)
    gone = {name: content for name, content in files.items() if name != INVENTORY}
    assert Deviation(INVENTORY, "", "missing") in verify(forged(gone)).deviations
    assert (
        Deviation("papers/register.nl.html", "", "missing")
        in verify(pack({name: content for name, content in files.items() if not name.startswith("papers/")})).deviations
    )
    for name in ("extra.txt", "../report.json", "/etc/passwd", "papers/../x.html", "papers/\x1b[2J.html"):
        found = verify(forged(files | {name: b"x"})).deviations
        assert [one.code for one in found if one.file == name.replace("\x1b", "?")] == ["beside"]
    assert Deviation(PAGE, "", "unlisted") in verify(pack(files | {SUMS: sums({README: files[README]})})).deviations
    assert (
        Deviation(SCHEMA, "", "program") in verify(forged(files | {SCHEMA: b"-- other\n" + files[SCHEMA]})).deviations
    )
    other = verify(forged(files | {PAGE: b"all is well"}), render=lambda _report: [PAGES])
    assert other.deviations == [Deviation(PAGE, "", "page")]
    assert verify(whole + b"beside").deviations == [Deviation("", "", "container")]
    assert verify(_zip(files, ZIP_DEFLATED)).deviations == [Deviation("", "", "container")]


def _zip(files: Mapping[str, bytes], how: int) -> bytes:
    buffer = BytesIO()
    with ZipFile(buffer, "w", how) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "evidence_unreadable"),
        (b"no zip at all", "evidence_unreadable"),
        (b"PK\x05\x06" + b"\x00" * 18, ""),
        (_zip({REPORT: b"0" * (129 * 1024 * 1024)}, ZIP_DEFLATED), "evidence_too_large"),
        (_zip({str(n): b"" for n in range(FILES_MAX + 1)}, ZIP_DEFLATED), "evidence_too_large"),
        (_zip({REPORT: b"[" * 1_000_000}, ZIP_DEFLATED), ""),
        (_zip({REPORT: b'{"at": 1}', SUMS: b"\xff\xfe\n\n"}, ZIP_DEFLATED), ""),
    ],
)
def test_a_hostile_file_is_an_error_or_a_deviation(data: bytes, code: str) -> None:
    """What is no evidence, or grows beyond measure when it is unpacked, is refused with a code."""
    if code:
        with pytest.raises(StoreError, match=code):
            verify(data)
    else:
        assert verify(data).deviations
    with pytest.raises(StoreError):
        read_report(data)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_altered_report_ends_in_a_traceback(data: st.DataObject, whole: bytes) -> None:
    """Whatever stands in place of a value of the report, the answer is a list of deviations."""
    files = unpacked(whole)
    raw = json.loads(files[REPORT])
    target: Any = raw
    while isinstance(target, (dict, list)) and target:
        step = data.draw(st.sampled_from(sorted(target) if isinstance(target, dict) else range(len(target))))
        parent, target = target, target[step]
        if data.draw(st.integers(0, 3)) == 0:
            break
    anything: st.SearchStrategy[object] = (
        st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just([]) | st.just({"a": [{}]})
    )
    parent[step] = data.draw(anything)
    verify(forged(files | {REPORT: json.dumps(raw).encode()}))


def test_every_deviation_is_said_in_two_languages() -> None:
    """Each code of a deviation has its sentence in Dutch and in English."""
    assert all(set(saying) == {"nl", "en"} for saying in SAYINGS.values())
