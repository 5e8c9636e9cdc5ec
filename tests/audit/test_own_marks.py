"""Marks that an auditor sent to a real house are looked for in what that house keeps."""

from pathlib import Path

import pytest

from collector.audit.finding import Result
from collector.audit.own_marks import search_folders
from collector.audit.run import Scope, audit_copy
from collector.errors import SettingsError
from collector.settings import Settings
from tests.audit.conftest import Harm
from tests.clock import ManualClock

MARK = "Eendenkroos-4711"
#: Where a build could put what it should not keep, in a history that is otherwise in order.
HIDDEN = {
    "value": f"update cell set value = '/{MARK}' where value = '/toetsen'",
    "hexadecimal": f"update cell set value = '/{MARK.encode().hex()}' where value = '/toetsen'",
    "comment of a table": f"comment on table cell is '{MARK}'",
    "view": f"create view seen as select '{MARK}' as told",
    "macro": f"create macro told() as '{MARK}'",
    "default": f"alter table gap alter reason set default '{MARK}'",
    "table in another schema": f"create schema beside; create table beside.seen as select '{MARK}' as told",
    "type": f"create type told as enum ('{MARK}')",
}


def _look(path: Path, *marks: str) -> Result:
    scope = Scope(ids=["R41"], marks=marks)
    return audit_copy(path, settings=Settings(), clock=ManualClock(), scope=scope)["history"]["R41"].result


@pytest.mark.parametrize("where", HIDDEN)
def test_a_mark_in_a_copy_is_found(where: str, harm: Harm, healthy: Path) -> None:
    """Wherever a history hides a mark, in values or in its bytes, it is found; where there is none, none is found."""
    assert _look(healthy, MARK) is Result.PASS
    assert _look(harm(HIDDEN[where]), MARK) is Result.FAIL


def test_a_mark_in_a_folder_of_the_house_is_found(tmp_path: Path) -> None:
    """Every file in the folders of a house is searched, however deep it lies."""
    settings = Settings(data_dir=tmp_path / "data", runtime_dir=str(tmp_path / "runtime"))
    place = tmp_path / "data" / "notes" / "deep.bin"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"nothing")
    assert search_folders(settings, marks=[MARK]).result is Result.PASS
    place.write_bytes(b"\0" + MARK.encode("utf-16-le"))
    seen = search_folders(settings, marks=[MARK])
    assert (seen.result, seen.evidence["own_marks_found_in"]) == (Result.FAIL, ["deep.bin"])


@pytest.mark.parametrize(("mark", "code"), [("short", "mark_too_short"), ("x" * 65, "mark_too_long")])
def test_a_mark_that_proves_nothing_is_refused(mark: str, code: str, healthy: Path) -> None:
    """A mark that is found by chance, or does not fit into an event, is refused."""
    with pytest.raises(SettingsError, match=code):
        _look(healthy, mark)
