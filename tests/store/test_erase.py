"""Erasing a site: gone from the bytes, nothing else touched, whole or erased wherever it is killed."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from collector.audit.chain import check_chain
from collector.engine import Engine
from collector.errors import SettingsError, StoreError
from collector.model import Identity, Site
from collector.store.erase import Erased, begun
from collector.store.history import History
from tests.clock import ManualClock
from tests.house import TallyHouse
from tests.process import ROOT
from tests.store.erase_child import settings_in

#: What only the site that goes has, in figures, record and log.
MARKS: Final = (b"/alleen-portal", b"portal.example", b"De Portaalstichting", b"V-portal", b"portaal moet aan")
OTHERS: Final = (b"/alleen-school", b"school.example", b"De Schoolvereniging")
#: Steps at which the erase has begun: a start after that finishes it.
BEGUN: Final = (
    "after the note",
    "after the salts",
    "before the rebuild",
    "while writing",
    "before the swap",
    "after the swap",
    "before the note goes",
)


class Readable(TallyHouse):
    """A house whose strings can be seen in the bytes of its history."""

    def _start(self) -> None:
        self.settings = settings_in(self.folder)
        super()._start()
        self.house.engine.wait = self.house.intake.look


def site(name: str, controller: str) -> Site:
    """Describe a site that is on."""
    return Site(
        id=name, hosts=(f"{name}.example",), controller=controller, agreement=f"V-{name}",
        agreed_on=ManualClock().now().date(), identity=Identity.NETWORK, is_on=True,
    )  # fmt: skip


def fill(folder: Path) -> Readable:
    """Let two sites count a day and close it, and begin the next part of it."""
    house = Readable(folder, clock=ManualClock())
    house.add(site("school", "De Schoolvereniging")).add(site("portal", "De Portaalstichting"))
    house.house.engine.sites.change(
        "portal", {"may_echo": False}, made_by="controller", reason="portaal moet aan", at=house.clock.now()
    )
    for name in ("school", "portal"):
        house.feed(visitors=14, page=f"/alleen-{name}", site=name).feed(visitors=11, first=50, site=name)
    house.close()
    for name in ("school", "portal"):
        house.feed(visitors=15, page=f"/alleen-{name}", site=name)
    return house.tick()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a stopped house in the middle of its day, to be copied."""
    folder = tmp_path_factory.mktemp("filled")
    fill(folder).stop()
    return folder


@pytest.fixture
def folder(filled: Path, tmp_path: Path) -> Path:
    """Return a copy of the stopped house."""
    made = tmp_path / "house"
    shutil.copytree(filled, made, ignore=shutil.ignore_patterns("*.sock"))
    return made


def kept_of(history: History, name: str) -> dict[str, list[Any]]:
    """Return every row that is kept of a site, by table."""
    with history.read() as cursor:
        return {
            table: cursor.execute(f"select * from {table} where {column} = ? order by all", [name]).fetchall()
            for table, column in (
                ("cell", "site"), ("closed", "site"), ("committed_hour", "site"), ("dropped", "site"), ("site", "id"),
                ("settings_log", "site"),
            )
        }  # fmt: skip


def hits(folder: Path, marks: tuple[bytes, ...]) -> int:
    """Count the places in the files of the house that hold one of *marks*."""
    files = [path.read_bytes() for path in sorted((folder / "data").rglob("*")) if path.is_file()]
    return sum(content.count(mark) for content in files for mark in marks)


def is_erased(house: Readable) -> bool:
    """Tell whether the site is gone from tables, bytes, memory and door; half of it is a failure."""
    engine = house.house.engine
    rows = kept_of(engine.history, "portal")
    log = rows.pop("settings_log")
    is_gone = not any(rows.values())
    assert [len(rows[table]) > 0 for table in ("cell", "closed", "site")] == [not is_gone] * 3
    assert (hits(house.folder, MARKS) == 0) == is_gone
    assert [entry[3] is None for entry in log] == ([True, True, False] if is_gone else [False, False])
    sent = house.send(site="portal", visitor=99)
    assert (sent.status_code, sent.headers.get("x-dropped")) == ((204, "unknown_site") if is_gone else (202, None))
    assert hits(house.folder, OTHERS) > 0
    with engine.history.read() as cursor:
        assert check_chain(cursor).holds
    return is_gone


def test_an_erased_site_leaves_the_bytes(tmp_path: Path) -> None:
    """After an erase no byte of the site's figures, record and reasons is in any file; other sites are untouched."""
    house = fill(tmp_path)
    engine = house.house.engine
    before = kept_of(engine.history, "school")
    assert hits(tmp_path, MARKS) > len(MARKS)
    stated = engine.erase("portal", made_by="operator", reason="contract ended")
    assert is_erased(house)
    assert kept_of(engine.history, "school") == before
    assert stated == Erased(
        site="portal",
        rows=stated.rows,
        first_day="2026-11-24",
        last_day="2026-11-24",
        log_entries=2,
        bytes_before=stated.bytes_before,
        bytes_after=engine.history.path.stat().st_size,
        sealed_until=["2026-11-24 Europe/Amsterdam part 1"],
        head=engine.sites.head(),
    )
    assert stated.rows["site"] == stated.rows["closed"] == 1
    assert stated.rows["cell"] > 5
    house.stop()


def test_the_running_day_forgets_the_site(tmp_path: Path) -> None:
    """Today's events of the site go from memory, its salt is overwritten, and no restart brings them back."""
    house = fill(tmp_path)
    engine = house.house.engine
    (epoch, running), *_ = engine._days.items()
    assert running.day.events("portal") == 15
    salt = engine.secrets.fingerprint(epoch, "portal")
    engine.erase("portal", made_by="operator", reason="")
    assert running.day.events("portal") == 0
    assert engine.secrets.fingerprint(epoch, "portal") != salt
    house.restart()
    assert [day.day.sites() for day in house.house.engine._days.values()] == [["school"]]
    house.clock.set("2026-11-25T00:00:10+01:00")
    house.tick().tick()
    assert house.rows("select distinct site from cell") == [("school",)]
    assert house.rows("select count(*) from closed where site = 'school'") == [(2,)]
    assert list((tmp_path / "data" / "spool").rglob("*.spool")) == []
    house.stop()


def test_a_site_of_the_same_name_begins_anew(tmp_path: Path) -> None:
    """A site that is added again under the erased name counts from then on, and nothing of before."""
    house = fill(tmp_path)
    house.house.engine.erase("portal", made_by="operator", reason="")
    house.add(site("portal", "Een andere stichting")).feed(visitors=12, first=500, page="/nieuw", site="portal")
    house.restart()
    house.close()
    assert house.cells("total", site="portal") == {"": 12}
    assert b"/alleen-portal" not in house.bytes_on_disk()
    house.stop()


@pytest.mark.parametrize("step", BEGUN)
def test_a_killed_erase_is_finished(step: str, folder: Path) -> None:
    """Killed at any step after it was noted, an erase is finished by the next start; other sites lose nothing."""
    before = _school(folder)
    _kill(folder, step)
    house = Readable(folder, clock=ManualClock())
    assert is_erased(house)
    assert kept_of(house.house.engine.history, "school") == before
    assert begun(house.house.engine.history) is None
    assert not list(folder.rglob("*.new*"))
    # Today's part of the other site goes on where it was.
    assert [day.day.events("school") for day in house.house.engine._days.values()] == [15]
    house.stop()


def test_an_erase_that_was_not_noted_did_not_begin(folder: Path) -> None:
    """Killed before it was noted, nothing is erased and nothing is lost."""
    before = _school(folder)
    _kill(folder, "before the note")
    house = Readable(folder, clock=ManualClock())
    assert not is_erased(house)
    assert kept_of(house.house.engine.history, "school") == before
    house.stop()


def _school(folder: Path) -> dict[str, list[Any]]:
    history = History(folder / "data" / "history.duckdb", at=ManualClock().now())
    rows = kept_of(history, "school")
    history.close()
    return rows


def _kill(folder: Path, step: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.store.erase_child", str(folder), step], cwd=ROOT, capture_output=True, check=False
    )
    assert ran.returncode == -9, ran.stderr


def test_an_unfinished_rebuild_leaves_no_bytes(tmp_path: Path, clock: ManualClock) -> None:
    """A file that was half written when the house was killed is removed when the history is opened."""
    path = tmp_path / "history.duckdb"
    History(path, at=clock.now()).close()
    for name in (".new", ".new.wal"):
        path.with_name(path.name + name).write_bytes(b"/half-geschreven")
    again = History(path, at=clock.now())
    assert not list(path.parent.glob("*.new*"))
    again.close()


def test_an_unknown_site_is_not_erased(tmp_path: Path) -> None:
    """A name that no site has is refused, and nothing is begun."""
    house = Readable(tmp_path, clock=ManualClock())
    with pytest.raises(SettingsError, match="site_unknown"):
        house.house.engine.erase("portaal", made_by="operator", reason="")
    assert begun(house.house.engine.history) is None
    house.stop()


def test_a_failed_rebuild_is_tried_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file cannot be written anew the rows are gone at once, and the bytes at the next start."""
    engine = Engine(settings_in(folder), clock=ManualClock())
    with monkeypatch.context() as broken:
        broken.setattr("collector.store.opening.sync_folder", _full)
        with pytest.raises(StoreError, match="history_rebuild_failed"):
            engine.erase("portal", made_by="operator", reason="")
    assert kept_of(engine.history, "portal")["cell"] == []
    assert begun(engine.history) is not None
    engine.stop()
    house = Readable(folder, clock=ManualClock())
    assert is_erased(house)
    house.stop()


def _full(_: object) -> None:
    raise OSError
