"""The settings log: whatever is changed in it is found and named."""

from os import urandom
from typing import Any, TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.audit.chain import CHAIN_SQL, COLUMNS, check_chain, verify_chain
from collector.model import Identity, Site
from collector.store.history import History
from collector.store.sites import ZEROS, Sites
from tests.clock import ManualClock

Row: TypeAlias = tuple[Any, ...]
ENTRIES = 6
#: Which part is named when one column of an entry was changed.
NAMED = {
    "change": {"says"},
    "made_by": {"says"},
    "reason": {"says"},
    "salt": {"says"},
    "content": {"content"},
    "made_at": {"hash"},
    "site": {"hash"},
    "hash": {"hash"},
    "previous": {"previous"},
    "seq": {"missing number", "order"},
}


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Make a log of the house and of two sites, one of which was changed, and read it."""
    clock = ManualClock()
    history = History(tmp_path_factory.mktemp("chain") / "history.duckdb", at=clock.now())
    sites = Sites(history, random=urandom)
    sites.note_house({"k": 10}, at=clock.now())
    for name in ("een", "twee"):
        site = Site(id=name, hosts=("www.school.example",), identity=Identity.NETWORK)
        sites.add(site, made_by="operator", reason="first", at=clock.now())
    for k in (20, 30, 40):
        clock.forward(minutes=5)
        sites.change("een", {"k": k}, made_by="controller", reason=f"k {k}", at=clock.now())
    with history.read() as cursor:
        rows = cursor.execute(CHAIN_SQL).fetchall()
    history.close()
    return list(rows)


def changed(value: Any, place: int) -> Any:
    """Return *value* with one character, digit or second of it made another."""
    if isinstance(value, str):
        place %= max(1, len(value))
        return value[:place] + ("a" if value[place : place + 1] != "a" else "b") + value[place + 1 :]
    if isinstance(value, int):
        return value + 1 + place
    return value.replace(second=(value.second + 1 + place % 58) % 60)


def test_a_log_that_was_written_holds(log: list[Row]) -> None:
    """Every entry fits; its newest hash is the head."""
    check = verify_chain(log)
    assert check.holds
    assert (check.entries, check.first_broken, check.field, check.erased) == (ENTRIES, None, "", 0)
    assert check.head == log[-1][-1]
    assert verify_chain([]).head == ZEROS


@given(entry=st.integers(0, ENTRIES - 1), column=st.sampled_from(COLUMNS), place=st.integers(0, 200))
def test_a_changed_byte_is_found_and_named(log: list[Row], entry: int, column: str, place: int) -> None:
    """Whatever single column of whatever entry is changed, that entry and that column's part are named."""
    rows, at = [list(row) for row in log], COLUMNS.index(column)
    rows[entry][at] = changed(rows[entry][at], place)
    check = verify_chain(map(tuple, rows))
    assert (check.holds, check.first_broken) == (False, entry + 1)
    assert check.field in NAMED[column]


@given(entry=st.integers(0, ENTRIES - 1), columns=st.sets(st.sampled_from(COLUMNS[3:7]), min_size=1, max_size=3))
def test_half_erased_contents_are_found(log: list[Row], entry: int, columns: set[str]) -> None:
    """Contents that lack their salt, or anything else, do not pass for erased ones."""
    rows = [list(row) for row in log]
    for column in columns:
        rows[entry][COLUMNS.index(column)] = None
    check = verify_chain(map(tuple, rows))
    assert (check.first_broken, check.field) == (entry + 1, "says")


@given(entry=st.integers(0, ENTRIES - 1))
def test_erased_contents_hold_for_sites_only(log: list[Row], entry: int) -> None:
    """A site's contents can be erased and the chain holds; what the house promised cannot."""
    rows = [list(row) for row in log]
    rows[entry][3:7] = [None] * 4
    check = verify_chain(map(tuple, rows))
    assert check.erased == 1
    assert check.holds == (rows[entry][2] != "")


@given(entry=st.integers(0, ENTRIES - 2))
def test_a_missing_entry_is_found(log: list[Row], entry: int) -> None:
    """An entry that was taken out of the middle is missed, also when the numbers were closed up."""
    rows = log[:entry] + log[entry + 1 :]
    check = verify_chain(rows)
    assert (check.first_broken, check.field) == (entry + 1, "missing number")
    closed_up = [(number, *row[1:]) for number, row in enumerate(rows, 1)]
    assert (verify_chain(closed_up).first_broken, verify_chain(closed_up).field) == (entry + 1, "previous")


@given(first=st.integers(0, ENTRIES - 1), second=st.integers(0, ENTRIES - 1))
def test_a_second_or_a_moved_entry_is_found(log: list[Row], first: int, second: int) -> None:
    """An entry that stands twice, or in another's place, is found."""
    twice = sorted([*log, log[first]], key=lambda row: int(row[0]))
    assert (verify_chain(twice).first_broken, verify_chain(twice).field) == (first + 2, "order")
    if first != second:
        rows = list(log)
        rows[first], rows[second] = rows[second], rows[first]
        moved = [(number, *row[1:]) for number, row in enumerate(rows, 1)]
        assert verify_chain(moved).first_broken == min(first, second) + 1


@given(left=st.integers(0, ENTRIES - 1))
def test_a_cut_end_is_found_by_a_noted_head_only(log: list[Row], left: int) -> None:
    """Entries that were cut off the end leave a log that fits; the head that an auditor noted tells."""
    assert verify_chain(log[:left]).holds
    check = verify_chain(log[:left], head=log[-1][-1])
    assert (check.holds, check.noted_at, check.first_broken) == (False, None, None)


@given(entry=st.integers(0, ENTRIES - 1))
def test_a_noted_head_is_found_where_it_stands(log: list[Row], entry: int) -> None:
    """A head that was noted earlier is found, and at which entry; also as somebody types it."""
    check = verify_chain(log, head=f" {log[entry][-1].upper()} ")
    assert (check.holds, check.noted_at) == (True, entry + 1)
    assert verify_chain(log, head=ZEROS).noted_at == 0


def test_the_log_of_a_file_is_read(history: History, school: Site, clock: ManualClock) -> None:
    """The chain is verified in the database itself, wherever a byte of it was changed."""
    sites = Sites(history, random=urandom)
    sites.add(school, made_by="operator", reason="first", at=clock.now())
    sites.change("school", {"k": 20}, made_by="controller", reason="", at=clock.now())
    with history.read() as cursor:
        assert check_chain(cursor, head=sites.head()).noted_at == 2
        cursor.execute("update settings_log set reason = 'other' where seq = 2")
        assert msgspec.structs.astuple(check_chain(cursor))[:3] == (2, 2, "says")


def test_the_house_tells_its_settings_once(history: History, clock: ManualClock) -> None:
    """The house's own settings are noted when they differ from what the log tells, and only then."""
    settings = {"k": 10, "floors": {"k": 5}, "sub_processors": [{"name": "Hosting é"}]}
    assert Sites(history, random=urandom).note_house(settings, at=clock.now())
    assert not Sites(history, random=urandom).note_house(settings, at=clock.now())
    assert Sites(history, random=urandom).note_house(settings | {"k": 20}, at=clock.now())
    with history.read() as cursor:
        rows = cursor.execute("select site, made_by from settings_log").fetchall()
        assert check_chain(cursor).holds
    assert rows == [("", "settings file")] * 2


def test_an_empty_log_has_no_head() -> None:
    """Where the whole log was removed, a noted head is not found."""
    assert not verify_chain([], head="f" * 64).holds
