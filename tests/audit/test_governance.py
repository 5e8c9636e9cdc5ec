"""Checks on who decides, each seen to fail on a history or in settings in which one thing was harmed."""

from collections.abc import Iterator
from datetime import date
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any, Final

import duckdb
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.audit.finding import Result, Seen
from collector.audit.governance import (
    GOVERNANCE,
    ON_BEHALF,
    doors_are_shut,
    hours_go_early,
    nothing_is_joined,
    sub_processors_are_listed,
)
from collector.audit.kept import Kept
from collector.audit.loosening import loosened
from collector.model import Dimension, Identity, Profile, Site
from collector.settings import Public, Server, Settings, SubProcessor
from collector.store.copy import read_copy
from collector.store.history import History
from tests.audit.conftest import Harm
from tests.clock import ManualClock
from tests.house import TallyHouse

TODAY: Final = date(2026, 11, 24)
LOOSEN: Final = "create table loose as from {0}; drop table {0}; alter table loose rename to {0};"
AN_HOUR: Final = "insert into committed_hour values ({0}, 1, 9, 9, 40, 40, 20)"
RECORD: Final = "update site set record = json_merge_patch(record, '{}') where id = 'school'"
#: Changes of a site that make it looser, and what is named.
LOOSENINGS: Final = [
    ({"profile": Profile.OPEN}, "profile"),
    ({"k": 12}, "k"),
    ({"without": ()}, "without"),
    ({"retention_days": 0}, "retention_days"),
    ({"retention_days": 400}, "retention_days"),
    ({"templates": ()}, "templates"),
    ({"templates": ("/toets/:id", "/cijfers/:id")}, "templates"),
    ({"sensitive": ("/verzuim",)}, "sensitive"),
    ({"scripts": ("engagement", "hash")}, "scripts"),
    ({"may_echo": True}, "may_echo"),
    ({"hosts": ("www.school.example", "elo.school.example")}, "hosts"),
    ({"is_on": True}, "is_on"),
]
STRICT: Final = Site(
    id="school",
    hosts=("www.school.example",),
    controller="De Schoolvereniging",
    agreement="V-1",
    agreed_on=TODAY,
    identity=Identity.NETWORK,
    k=20,
    without=(Dimension.COUNTRY,),
    retention_days=100,
    templates=("/toets/:id",),
    sensitive=("/zorg", "/verzuim"),
    scripts=("engagement",),
    may_echo=False,
)


def look(path: Path, number: str, *, site: str = "") -> Seen:
    """Run one check on a file."""
    with read_copy(path) as cursor:
        kept = Kept(cursor, site=site)
        return hours_go_early(kept, today=TODAY) if number == "R30" else GOVERNANCE[number](kept)


@pytest.mark.parametrize("number", ["R30", *GOVERNANCE])
def test_a_healthy_history_passes(number: str, healthy: Path) -> None:
    """What a real house kept passes, and each check had something to look at; one site can be asked about alone."""
    assert look(healthy, number).result is Result.PASS, look(healthy, number).evidence
    assert look(healthy, number, site="portal").result is Result.PASS


@pytest.mark.parametrize("number", ["R30", "R51", "R52", "R53"])
def test_a_check_with_nothing_to_look_at_does_not_pass(number: str, history: History) -> None:
    """On a history without a site or a figure no check claims that it holds, and each says what to do."""
    with history.read() as cursor:
        kept = Kept(cursor)
        seen = hours_go_early(kept, today=TODAY) if number == "R30" else GOVERNANCE[number](kept)
    assert seen.result is Result.NOT_APPLICABLE
    assert seen.evidence["why"].endswith(".")


@pytest.mark.parametrize(
    ("number", "evidence", "statements"),
    [
        ("R30", "oldest_days", "update cell set day = date '2026-11-24' - 63 where dimension = 'hour'"),
        ("R30", "oldest_days", AN_HOUR.format("'school', date '2026-11-24' - 63")),
        ("R35", "foreign_tables", "create table pupil (id integer)"),
        ("R35", "foreign_tables", "create schema aside; create table aside.cell (id integer)"),
        ("R35", "views_and_macros", "create view elsewhere as select * from read_text('/proc/version')"),
        ("R35", "views_and_macros", "create macro elsewhere() as table select * from read_text('/proc/version')"),
        ("R51", "on_without_controller_agreement_or_date", RECORD.format('{"agreement": ""}')),
        ("R51", "on_without_controller_agreement_or_date", RECORD.format('{"controller": " "}')),
        ("R51", "on_without_controller_agreement_or_date", RECORD.format('{"agreed_on": null}')),
        (
            "R51",
            "entries_that_switched_on_without",
            """update settings_log set change = json_merge_patch(change, '{"agreement": ""}') where site = 'school'""",
        ),
        ("R52", "loosenings_without_an_actor", "update settings_log set made_by = '' where site = 'portal'"),
        ("R52", "loosenings_without_an_actor", "update settings_log set made_by = null where site = 'portal'"),
        (
            "R52",
            "loosenings_by_the_operator_alone",
            "update settings_log set made_by = 'operator' where site = 'portal'",
        ),
        ("R52", "loosenings_without_a_reason", "update settings_log set reason = ' ' where site = 'portal'"),
        ("R52", "in_force_without_an_entry", RECORD.format('{"profile": "open"}')),
        ("R52", "in_force_without_an_entry", "delete from settings_log where site = 'school'"),
        ("R52", "in_force_without_an_entry", RECORD.format('{"profile": "none"}')),
        ("R53", "cells_of_no_site", "update cell set site = 'school-portal' where dimension = 'total'"),
        ("R53", "cells_of_no_site", LOOSEN.format("cell") + "update cell set site = '' where site = 'school'"),
        ("R53", "hours_of_no_site", AN_HOUR.format("'all', date '2026-11-24'")),
        ("R53", "counts_of_the_house_beside_signals", "insert into dropped values ('', '2026-11-24', 1, 'bot', 90)"),
    ],
)  # fmt: skip
def test_a_harmed_history_fails(number: str, evidence: str, statements: str, harm: Harm) -> None:
    """Where one thing in the file breaks the promise, the check of that promise fails and says which."""
    seen = look(harm(statements), number)
    assert seen.result is Result.FAIL, seen.evidence
    assert seen.evidence[evidence], seen.evidence


def test_hours_of_the_last_days_are_kept_rightly(harm: Harm) -> None:
    """Figures by the hour may be 62 days old, and not a day more."""
    aged = "update cell set day = date '2026-11-24' - {0}; update closed set day = date '2026-11-24' - {0}"
    assert look(harm(aged.format(62)), "R30").result is Result.PASS


def test_a_database_that_reaches_elsewhere_fails(healthy: Path, tmp_path: Path) -> None:
    """Another database attached, and a connection that may open files and the network, are found."""
    duckdb.connect(str(tmp_path / "crm.duckdb")).close()
    with duckdb.connect(str(healthy), read_only=True) as cursor:
        assert nothing_is_joined(Kept(cursor)).evidence["reaches_files_and_network"] is True
        cursor.execute(f"attach '{tmp_path / 'crm.duckdb'}' as today")
        cursor.execute("set enable_external_access = false")
        seen = nothing_is_joined(Kept(cursor))
    assert (seen.result, seen.evidence["other_databases"]) == (Result.FAIL, ["today"])


def test_a_foreign_extension_fails(healthy: Path, tmp_path: Path) -> None:
    """An extension of the database that the process has in memory is named."""
    file = tmp_path / "postgres_scanner.duckdb_extension"
    file.write_bytes(bytes(4096))
    with file.open("rb") as opened, mmap(opened.fileno(), 0, access=ACCESS_READ):
        seen = look(healthy, "R35")
    assert (seen.result, seen.evidence["foreign_extensions"]) == (Result.FAIL, [file.name])


def test_a_running_house_is_joined_with_nothing(tmp_path: Path, clock: ManualClock) -> None:
    """The database of a house with its snapshot of the running day reaches nothing else."""
    house = TallyHouse(tmp_path, clock=clock)
    with house.house.engine.history.read() as cursor:
        assert nothing_is_joined(Kept(cursor)).result is Result.PASS
    house.stop()


HOSTING: Final = SubProcessor(name="Voorbeeld Hosting", task="hosting", country="NL")


@pytest.mark.parametrize(
    ("proxies", "listed", "result"),
    [
        ((), (), Result.NOT_APPLICABLE),
        (("127.0.0.0/8", "10.0.0.0/8", "fd00::/8", "::1"), (), Result.NOT_APPLICABLE),
        (("23.32.0.0/11",), (), Result.FAIL),
        (("0.0.0.0/0",), (), Result.FAIL),
        (("127.0.0.0/8", "2a02:26f0::/32"), (), Result.FAIL),
        (("23.32.0.0/11",), (HOSTING,), Result.PASS),
        ((), (HOSTING,), Result.PASS),
    ],
)
def test_who_stands_in_front_is_listed(
    proxies: tuple[str, ...], listed: tuple[SubProcessor, ...], result: Result
) -> None:
    """A trusted proxy outside the own network shows that somebody stands in front: then nobody listed is a failure."""
    settings = Settings(server=Server(trusted_proxies=proxies), public=Public(sub_processors=listed))
    seen = sub_processors_are_listed(settings)
    assert seen.result is result
    if listed:
        assert seen.evidence["listed"] == ["Voorbeeld Hosting: hosting, NL"]


@pytest.mark.parametrize("harmed", ["", "runtime", "control.sock", "history.duckdb"])
def test_a_door_that_is_open_to_others_fails(harmed: str, tmp_path: Path) -> None:
    """A folder, a control socket or a history that others of the machine may use is named."""
    runtime, history = tmp_path / "runtime", tmp_path / "history.duckdb"
    settings = Settings(data_dir=tmp_path, runtime_dir=str(runtime))
    assert doors_are_shut(settings).result is Result.NOT_APPLICABLE
    runtime.mkdir(mode=0o700)
    for path, mode in ((runtime / "control.sock", 0o600), (history, 0o644)):
        path.touch(mode)
    for path in (runtime, runtime / "control.sock", history):
        if path.name == harmed:
            path.chmod(path.stat().st_mode | 0o020)
    seen = doors_are_shut(settings)
    assert (seen.result is Result.FAIL) == bool(harmed), seen.evidence
    assert len(seen.evidence["open_to_others"]) == bool(harmed)


@pytest.mark.parametrize(("changes", "name"), LOOSENINGS)
def test_each_loosening_is_noticed(changes: dict[str, Any], name: str) -> None:
    """Whatever makes more be counted, kept or shown is called looser; taking it back is not."""
    looser = msgspec.structs.replace(STRICT, **changes)
    assert loosened(STRICT, looser) == (name,)
    assert loosened(looser, STRICT) == ()


def test_a_new_site_is_compared_with_an_untouched_one() -> None:
    """A site that comes in on, open, with a number in the browser and more scripts is looser in each of these."""
    made = Site(
        id="s", hosts=("s.example",), identity=Identity.BROWSER, profile=Profile.OPEN, is_on=True, scripts=("hash",)
    )
    assert loosened(None, made) == ("is_on", "profile", "identity", "scripts")
    assert loosened(None, Site(id="s", hosts=("s.example",), identity=Identity.NETWORK)) == ()


@given(
    steps=st.lists(st.sampled_from([changes for changes, _ in LOOSENINGS]), max_size=6),
    chosen=st.sampled_from([changes for changes, _ in LOOSENINGS]),
)
def test_nothing_is_looser_than_itself(steps: list[dict[str, Any]], chosen: dict[str, Any]) -> None:
    """However a site came about, it is not looser than itself, and one that is looser says in what."""
    site = STRICT
    for changes in steps:
        site = msgspec.structs.replace(site, **changes)
    assert loosened(site, site) == ()
    assert loosened(STRICT, site) or not steps
    assert set(loosened(site, msgspec.structs.replace(site, **chosen))) <= set(
        loosened(STRICT, msgspec.structs.replace(STRICT, **chosen))
    )


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock) -> Iterator[TallyHouse]:
    """Open a house with a strict site in it, and stop it in the end."""
    made = TallyHouse(tmp_path, clock=clock)
    made.add(STRICT)
    yield made
    made.stop()


def recorded(house: TallyHouse) -> Seen:
    """Ask whether loosenings are recorded."""
    with house.house.engine.history.read() as cursor:
        return GOVERNANCE["R52"](Kept(cursor))


def test_it_is_said_who_recorded_a_loosening(house: TallyHouse, clock: ManualClock) -> None:
    """What the operator records in the controller's name is counted apart from what it does alone, and from others."""
    sites = house.house.engine.sites
    for changes, made_by in (
        ({"is_on": True}, f"{ON_BEHALF}De Schoolvereniging"),
        ({"k": 0}, "operator"),
        ({"may_echo": True}, "J. de Vries, De Schoolvereniging"),
        ({"k": 30}, "operator"),
    ):
        sites.change("school", dict(changes), made_by=made_by, reason="wish of the board", at=clock.now())
    newest = house.rows("select max(seq) from settings_log")[0][0]
    evidence = recorded(house).evidence
    # The site was on when its operator let its k down alone: nobody of the controller stands behind that.
    assert evidence["loosenings_by_the_operator_alone"] == [newest - 2]
    assert evidence["made_by"] == {
        "recorded by the operator on behalf of the controller": 1,
        "the operator alone": 1,
        "somebody else, by name": 1,
    }
    assert evidence["loosenings"] == {"is_on": 1, "k": 1, "may_echo": 1}
    assert (recorded(house).result, evidence["entries"]) == (Result.FAIL, 5)
    assert "Vries" not in msgspec.json.encode(evidence).decode()


def test_a_loosening_without_a_reason_fails(house: TallyHouse, clock: ManualClock) -> None:
    """An empty reason is found in a real house, and a change that makes nothing looser needs none."""
    sites = house.house.engine.sites
    sites.change("school", {"k": 30}, made_by="operator", reason="", at=clock.now())
    assert recorded(house).result is Result.PASS
    sites.change("school", {"k": 0}, made_by=f"{ON_BEHALF}De Schoolvereniging", reason="", at=clock.now())
    newest = house.rows("select max(seq) from settings_log")[0][0]
    assert (recorded(house).result, recorded(house).evidence["loosenings_without_a_reason"]) == (Result.FAIL, [newest])


def test_erased_contents_are_counted_and_not_judged(harm: Harm) -> None:
    """A site of which an entry was erased is not called unrecorded; that contents are missing is said."""
    erased = "update settings_log set change = null, made_by = null, reason = null, salt = null where site = 'school'"
    seen = look(harm(erased), "R52")
    assert (seen.result, seen.evidence["entries_whose_contents_were_erased"]) == (Result.PASS, 1)


def test_an_erased_site_may_come_back(house: TallyHouse, clock: ManualClock) -> None:
    """A site that was erased leaves nothing to judge; a new one of its name is judged by its own entries again."""
    sites, engine = house.house.engine.sites, house.house.engine
    sites.change("school", {"is_on": True}, made_by="operator", reason="start", at=clock.now())
    engine.erase("school", made_by="operator", reason="contract ended")
    assert recorded(house).result is Result.PASS
    assert recorded(house).evidence["entries_whose_contents_were_erased"] == 2
    sites.add(msgspec.structs.replace(STRICT, is_on=True), made_by="operator", reason=" ", at=clock.now())
    assert recorded(house).evidence["loosenings_without_a_reason"]
    with engine.history.read() as cursor:
        assert GOVERNANCE["R51"](Kept(cursor)).result is Result.PASS
