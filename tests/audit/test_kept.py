"""Each check on what is kept passes on a real history, and is seen to fail on one in which one thing was harmed."""

from datetime import date
from pathlib import Path
from shutil import copy
from typing import Any

import msgspec
import pytest

from collector.audit.finding import Result, Seen
from collector.audit.kept import CHECKS, Kept, inventory
from collector.audit.lists import BROWSERS, DEVICES, SYSTEMS
from collector.audit.outsider import PartName, PublishedByHouse, PublishedInFile, attack_published, newest_of_each
from collector.audit.run import check_kept
from collector.clock import Clock
from collector.edge import device
from collector.errors import SettingsError
from collector.settings import Settings
from collector.store.copy import read_copy
from collector.store.history import History
from tests.audit.conftest import Harm
from tests.clock import ManualClock
from tests.house import TallyHouse

#: Let a copy hold what the checks of the schema would refuse.
LOOSEN = "create table loose as from {0}; drop table {0}; alter table loose rename to {0};"
CELL, CLOSED = LOOSEN.format("cell"), LOOSEN.format("closed")
AN_HOUR = "insert into committed_hour values"
KEPT_TOO_LONG = (
    """update site set record = replace(record, '"retention_days":0', '"retention_days":9'); """
    "update closed set day = '2026-11-14'; update cell set day = '2026-11-14'"
)
HOUSELESS = (
    "update closed set settings = (select hash from settings_log where seq = 1); "
    "update settings_log set site = 'house' where seq = 1; update settings_log set site = '' where seq = 2"
)
KEPT = (*CHECKS, "R22", "R25", "R29")

HARMS = [
    ("R3", "values_with_query", CELL + "update cell set value = '/toetsen?leerling=jan' where value = '/toetsen'"),
    ("R3", "values_with_query", CELL + "update cell set filter_value = '/a;b=c' where filter_dimension = 'page'"),
    ("R6", "other_than_a_host", "update cell set value = 'elo.example/inbox' where value = 'elo.example'"),
    ("R6", "other_channels", "update cell set value = 'jan' where dimension = 'channel'"),
    ("R8", "finer_than_country", "update cell set value = 'NL-Utrecht' where dimension = 'country'"),
    ("R8", "not_in_the_list", "update cell set value = 'QX' where dimension = 'country'"),
    ("R9", "not_in_the_list", "update cell set value = 'LeerlingJanBot' where value = 'Chrome'"),
    ("R9", "not_in_the_list", "update cell set filter_value = 'Pixel 9 Pro' where filter_dimension = 'device'"),
    ("R20", "not_in_the_inventory", "alter table cell add column user_agent varchar"),
    ("R20", "not_in_the_inventory", "create table visitor (id ubigint)"),
    ("R20", "not_in_the_inventory", "create schema aside; create table aside.visitor (id ubigint)"),
    ("R20", "missing_in_the_file", "alter table gap drop column noticed_at"),
    ("R20", "comment_differs", "comment on column cell.value is null"),
    ("R20", "comment_differs", "comment on column cell.value is 'dimension | label | whatever'"),
    ("R20", "type_differs", CELL + "alter table cell alter visitors type varchar"),
    ("R20", "other_objects", "create type names as enum ('jan', 'fatima')"),
    ("R20", "other_objects", "create macro whoever() as 'jan'"),
    ("R21", "rows_below_k", "update cell set contributors = 9 where dimension = 'total'"),
    ("R21", "figures_below_k", "update cell set pageviews = 3 where value = '/toetsen'"),
    ("R21", "figures_below_k", "update cell set visitors = 9 where value = '/toetsen'"),
    ("R21", "rows_of_parts_below_k", "update closed set outcome = 'below_k'"),
    ("R21", "rows_of_unclosed_parts", "delete from closed"),
    ("R21", "k_below_the_floor", CLOSED + "update closed set k = 3"),
    ("R21", "parts_with_two_markers", "insert into closed from closed"),
    ("R21", "hours_below_k", f"{AN_HOUR} ('school', '2026-11-25', 1, 9, 9, 40, 6, 6)"),
    (
        "R21",
        "drops_of_parts_below_k",
        "update closed set outcome = 'below_k'; insert into dropped values ('school', '2026-11-24', 1, 'bot', 10)",
    ),
    ("R22", "cells_that_stand_twice", "insert into cell from cell where dimension = 'total'"),
    (
        "R22",
        "pairs_that_differ",
        "update cell set pageviews = pageviews + 1 where filter_dimension = 'page' and dimension = 'source'",
    ),
    ("R22", "hours_beside_their_day", f"{AN_HOUR} ('school', '2026-11-24', 1, 9, 9, 40, 40, 20)"),
    ("R24", "other_than_hours", "update cell set value = '09:15' where dimension = 'hour'"),
    ("R24", "hours_that_are_not_totals", CELL + "update cell set filter_dimension = 'hour' where dimension = 'page'"),
    ("R24", "columns_with_a_time", CELL + "alter table cell alter day type timestamp"),
    ("R24", "columns_with_a_time", "alter table dropped add column first_at timestamp"),
    (
        "R24",
        "overlapping_hours",
        "insert into cell select * replace ('08-11' as value) from cell where dimension = 'hour'",
    ),
    ("R25", "cells_of_running_parts", "delete from closed where site = 'school'"),
    ("R25", "cells_of_days_to_come", "update cell set day = '2026-12-24'; update closed set day = '2026-12-24'"),
    ("R26", "rows_below_2k_with_time", "update cell set contributors = 10 where dimension = 'total'"),
    ("R26", "rows_above_the_cap", "update cell set seconds = 1800 * visits + 1 where dimension = 'total'"),
    ("R26", "rows_above_the_cap", "update cell set visits = null, seconds = 9999999 where dimension = 'total'"),
    ("R26", "rows_with_more_bounces_than_visits", "update cell set bounces = visits + 1 where dimension = 'total'"),
    ("R26", "pairs_with_more_than_pageviews", "update cell set visitors = 10 where filter_dimension <> ''"),
    (
        "R26",
        "floors_that_are_no_multiple_of_k",
        "update cell set visitors = visitors + 1 where dimension = 'next_page'",
    ),
    ("R29", "oldest_days", "update cell set day = '2024-01-01'"),
    ("R29", "oldest_days", "insert into dropped values ('', '2024-01-01', 1, 'bot', 10)"),
    ("R29", "sites_beyond_their_period", KEPT_TOO_LONG),
    ("R54", "first_broken_entry", "update settings_log set change = '{}' where seq = 1"),
    ("R54", "what_does_not_fit", "update settings_log set salt = null where seq = 2"),
    (
        "R54",
        "sites_changed_beside_the_log",
        "update settings_log set change = null, made_by = null, reason = null, salt = null where site = 'school'",
    ),
    ("R54", "parts_without_settings_of_the_house", HOUSELESS),
    ("R54", "first_broken_entry", "update settings_log set made_by = 'somebody' where seq = 2"),
    ("R54", "first_broken_entry", "update settings_log set made_at = made_at - interval 1 day where seq = 2"),
    ("R54", "first_broken_entry", "delete from settings_log where seq = 1"),
    ("R54", "parts_with_unknown_settings", "update closed set settings = repeat('a', 64)"),
    ("R54", "parts_without_settings", "update closed set settings = repeat('0', 64)"),
    (
        "R54",
        "sites_changed_beside_the_log",
        """update site set record = replace(record, '"profile":"standard"', '"profile":"open"')""",
    ),
    ("R54", "sites_changed_beside_the_log", "insert into site select 'ghost', record, changed_at from site limit 1"),
]


def look(path: Path, number: str, *, clock: Clock, site: str = "") -> Seen:
    """Run one check on a file."""
    with read_copy(path) as cursor:
        return check_kept(Kept(cursor, site=site), settings=Settings(), clock=clock, ids=[number])[number]


@pytest.mark.parametrize("number", KEPT)
def test_a_healthy_history_passes(number: str, healthy: Path, clock: ManualClock) -> None:
    """What a real house kept passes every check, and the check had something to look at."""
    seen = look(healthy, number, clock=clock)
    assert seen.result is Result.PASS, seen.evidence


@pytest.mark.parametrize(("number", "evidence", "statements"), HARMS)
def test_a_harmed_history_fails(number: str, evidence: str, statements: str, harm: Harm, clock: ManualClock) -> None:
    """Where one thing in the file breaks the promise, the check of that promise fails and says which."""
    seen = look(harm(statements), number, clock=clock)
    assert seen.result is Result.FAIL, seen.evidence
    assert seen.evidence[evidence], seen.evidence


@pytest.mark.parametrize("number", [number for number in KEPT if number not in {"R20", "R22", "R25"}])
def test_a_check_with_nothing_to_look_at_does_not_pass(number: str, history: History, clock: ManualClock) -> None:
    """On a history without a figure no check claims that it holds."""
    with history.read() as cursor:
        seen = check_kept(Kept(cursor), settings=Settings(), clock=clock, ids=[number])[number]
    assert seen.result is Result.NOT_APPLICABLE


def test_a_site_is_looked_at_alone(harm: Harm, clock: ManualClock) -> None:
    """Narrowed to one site, a check sees that site's cells and no other's."""
    harmed = harm("update cell set contributors = 9 where site = 'portal'")
    assert look(harmed, "R21", clock=clock, site="school").result is Result.PASS
    assert look(harmed, "R21", clock=clock, site="portal").result is Result.FAIL
    assert look(harmed, "R21", clock=clock).result is Result.FAIL


@pytest.mark.parametrize("number", KEPT)
def test_every_check_can_be_narrowed(number: str, healthy: Path, clock: ManualClock) -> None:
    """Each check can be asked about one site."""
    assert look(healthy, number, clock=clock, site="portal").result is Result.PASS


def test_an_unknown_site_is_refused(healthy: Path, clock: ManualClock) -> None:
    """A site of which nothing is kept is an error, not a pass."""
    with pytest.raises(SettingsError, match="nobody"):
        look(healthy, "R21", clock=clock, site="nobody")


def test_the_inventory_is_the_whole_schema(healthy: Path) -> None:
    """The inventory, read from schema.sql as text, names every column of a real file with type and reason."""
    with read_copy(healthy) as cursor:
        columns = cursor.execute("select count(*) from duckdb_columns() where not internal").fetchone()
    assert columns == (len(inventory()),)
    assert all(kind and comment.count(" | ") >= 2 for kind, comment in inventory().values())


def test_the_auditors_lists_are_those_of_the_door() -> None:
    """The lists that the auditor judges by, written a second time, are those that the collector sorts into."""
    assert set(BROWSERS) == set(device.BROWSERS)
    assert set(SYSTEMS) == set(device.SYSTEMS)
    assert set(DEVICES) == set(device.DEVICES)


def attacked(path: Path, **options: Any) -> Seen:
    """Attack what a file publishes."""
    with read_copy(path) as cursor:
        return attack_published(PublishedInFile(Kept(cursor)), **options)


def test_nothing_is_derived_from_a_healthy_history(healthy: Path) -> None:
    """The outsider attacks both sites' parts and finds no group below k."""
    seen = attacked(healthy)
    assert seen.result is Result.PASS
    assert (seen.evidence["parts_attacked"], seen.evidence["smallest_group_found"]) == (2, "none")


def test_a_group_is_derived_from_a_harmed_history(harm: Harm) -> None:
    """Three pageviews that no line holds are found by subtraction, and only how is told, not of what."""
    seen = attacked(harm("update cell set pageviews = pageviews + 3 where dimension = 'total' and site = 'school'"))
    assert seen.result is Result.FAIL
    assert (seen.evidence["smallest_group_found"], seen.evidence["parts_with_a_small_group"]) == (3, 1)
    assert "toetsen" not in msgspec.json.encode(seen.evidence).decode()


def test_a_running_house_hands_out_what_its_file_publishes(healthy: Path, tmp_path: Path, clock: ManualClock) -> None:
    """Asked part by part, a running house answers the same cells as its file holds, and they are attacked alike."""
    (tmp_path / "data").mkdir()
    copy(healthy, tmp_path / "data" / "history.duckdb")
    house = TallyHouse(tmp_path, clock=clock)
    asked = PublishedByHouse(lambda name, **params: house.house.commands.run(name, params), site="school")
    with house.house.engine.history.read() as cursor:
        kept = PublishedInFile(Kept(cursor, site="school"))
        assert asked.parts() == kept.parts() == [PartName(date(2026, 11, 24), "school", 1, 10)]
        assert asked.cells(asked.parts()[0]) == kept.cells(kept.parts()[0]) != []
    assert attack_published(asked).result is Result.PASS
    house.stop()


def test_an_attack_ends_in_time(healthy: Path) -> None:
    """When its time is up the attack ends, and says how many parts it has seen."""
    ticks = iter(range(0, 100, 2))
    seen = attacked(healthy, seconds=1, now=lambda: float(next(ticks)))
    assert (seen.evidence["parts_attacked"], seen.evidence["parts_kept"]) == (1, 2)


def test_each_site_is_attacked_from_its_newest_day() -> None:
    """No site waits until another's years are done."""
    parts = [PartName(date(2026, 11, day), site, 1, 10) for site in ("a", "b") for day in (1, 2, 3)]
    order = [(part.site, part.day.day) for part in newest_of_each(parts)]
    assert order == [("a", 3), ("b", 3), ("a", 2), ("b", 2), ("a", 1), ("b", 1)]
