"""Reports that are kept: whole or not at all, readable by nobody else, and only those that have such a name."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.audit.finding import Finding, Result
from collector.audit.report import Facts, Report
from collector.audit.shelf import Shelf
from collector.errors import SettingsError, StoreError


def report(second: int, *, result: Result = Result.PASS) -> Report:
    """Return a report made at a second of one minute."""
    at = f"2026-11-24T09:00:{second:02}+00:00"
    finding = Finding(
        id="R21",
        result=result,
        question="?",
        vraag="?",
        evidence={},
        command="",
        at=at,
        version="1",
        settings_sha256="",
    )
    return Report(at=at, version="1", site="", history="", settings_sha256="", findings=[finding], facts=Facts())


def test_a_report_is_read_as_it_was_kept(tmp_path: Path) -> None:
    """A report comes back as it was kept, and only the house's user may read it or enter its folder."""
    shelf = Shelf(tmp_path)
    assert shelf.kept() == []
    name = shelf.keep(report(1, result=Result.FAIL))
    assert shelf.load(name) == report(1, result=Result.FAIL)
    assert [(one.name, one.at, one.failed) for one in shelf.kept()] == [(name, "2026-11-24T09:00:01+00:00", 1)]
    assert (shelf.folder / name).stat().st_mode & 0o777 == 0o600
    assert shelf.folder.stat().st_mode & 0o777 == 0o700


def test_the_oldest_go(tmp_path: Path) -> None:
    """Beyond the limit the oldest reports go, and those of one second stand beside each other."""
    shelf = Shelf(tmp_path, reports_max=3)
    for second in (5, 1, 9, 9, 9, 7):
        shelf.keep(report(second))
    assert [one.name for one in shelf.kept()] == [
        "20261124T090009Z-3.json",
        "20261124T090009Z-2.json",
        "20261124T090009Z.json",
    ]
    assert len(list(shelf.folder.iterdir())) == 3


@given(
    name=st.one_of(st.text(max_size=40), st.sampled_from(["../secret.json", "/etc/passwd", "20261124T090001Z.json\n"]))
)
def test_no_other_file_is_reached(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A name that is none of a report is unknown, whatever it leads to."""
    folder = tmp_path_factory.getbasetemp() / "no other"
    folder.mkdir(exist_ok=True)
    (folder / "secret.json").write_text("{}")
    with pytest.raises(SettingsError, match="report_unknown"):
        Shelf(folder).load(name)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A link that has the name of a report leads nowhere and is not listed."""
    shelf = Shelf(tmp_path)
    kept = shelf.folder / shelf.keep(report(1))
    kept.rename(tmp_path / "elsewhere.json")
    kept.symlink_to(tmp_path / "elsewhere.json")
    assert shelf.kept() == []
    with pytest.raises(StoreError, match="report_unreadable"):
        shelf.load(kept.name)


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 100_000, '{"at": 1}'])
def test_a_damaged_report_is_an_error(text: str, tmp_path: Path) -> None:
    """What cannot be read as a report is an error with a code, and the list goes on without it."""
    shelf = Shelf(tmp_path)
    good, bad = shelf.keep(report(1)), shelf.keep(report(2))
    (shelf.folder / bad).write_text(text)
    assert [one.name for one in shelf.kept()] == [good]
    with pytest.raises(StoreError, match="report_unreadable"):
        shelf.load(bad)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A report that cannot be written is an error with a code."""
    (tmp_path / "audit").write_text("a file")
    with pytest.raises(StoreError, match="report_unwritable"):
        Shelf(tmp_path).keep(report(1))
