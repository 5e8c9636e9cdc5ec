"""What may be there at all is on the auditor's list, and what is not is named."""

from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from starlette.routing import Mount, Route, WebSocketRoute

from collector.audit import shape
from collector.audit.finding import Result, Seen
from collector.audit.kept import Kept, inventory
from collector.audit.shape import (
    COMMANDS,
    DASHBOARD_ROUTES,
    DIMENSIONS,
    PUBLIC_ROUTES,
    SHAPE,
    TABLES,
    TAKING_ROUTES,
    Doors,
    check_doors,
    doors_of,
    has_word,
)
from collector.model import Dimension
from collector.settings import Server
from collector.store.copy import read_copy
from collector.store.history import History
from tests.audit.conftest import Harm
from tests.clock import ManualClock
from tests.house import TallyHouse
from turven.compose import compose

LOOSEN: Final = "create table loose as from {0}; drop table {0}; alter table loose rename to {0};"
CELL: Final = LOOSEN.format("cell")
MORE_DIMENSIONS: Final = (
    "drop table cell; create table cell (dimension varchar check (dimension in ('total', 'segment')), "
    "value varchar, filter_dimension varchar, filter_value varchar)"
)


def look(path: Path, number: str, *, site: str = "") -> Seen:
    """Run one check on a file."""
    with read_copy(path) as cursor:
        return SHAPE[number](Kept(cursor, site=site))


@pytest.mark.parametrize("number", SHAPE)
def test_a_healthy_history_passes(number: str, healthy: Path, history: History) -> None:
    """What a real house kept passes, and so does a file of which the first day is to come: its columns are there."""
    assert look(healthy, number).result is Result.PASS, look(healthy, number).evidence
    assert look(healthy, number, site="portal").result is Result.PASS
    with history.read() as cursor:
        assert SHAPE[number](Kept(cursor)).result is Result.PASS


@pytest.mark.parametrize(
    ("number", "evidence", "statements"),
    [
        ("R1", "unknown_tables", "create table audience (name varchar)"),
        ("R1", "unknown_tables", "create schema aside; create table aside.cell (site varchar)"),
        ("R1", "unknown_columns", "alter table cell add column variant varchar"),
        ("R1", "of_another_purpose", "alter table closed add column cohort_size integer"),
        ("R1", "of_another_purpose", "alter table dropped add column user_agent varchar"),
        ("R1", "unknown_dimensions", CELL + "update cell set dimension = 'city' where dimension = 'country'"),
        (
            "R1",
            "unknown_dimensions",
            MORE_DIMENSIONS,
        ),
        ("R18", "named_like_an_id", "alter table cell add column session_id uinteger"),
        ("R18", "named_like_an_id", "alter table committed_hour add column client varchar"),
        ("R18", "types_in_which_an_id_fits", "alter table cell add column label uuid"),
        ("R18", "types_in_which_an_id_fits", "alter table dropped add column more json"),
        ("R18", "types_in_which_an_id_fits", "alter table cell add column pages ubigint"),
        ("R18", "types_in_which_an_id_fits", "alter table cell add column pages varchar[]"),
        ("R18", "texts_that_may_be_anything", "alter table cell add column label varchar"),
        ("R18", "texts_that_may_be_anything", CELL),
        ("R18", "dimensions_named_like_an_id", CELL + "update cell set dimension = 'uid' where dimension = 'os'"),
        (
            "R18",
            "values_like_an_id",
            "update cell set value = '/p/3f2504e0-4f89-11d3-9a0c-0305e82c3301' where value = '/toetsen'",
        ),
        ("R18", "values_like_an_id", "update cell set filter_value = '/a/0123456789abcdef' where filter_value = '/'"),
        ("R44", "columns_to_look_somebody_up_by", "create table visitor (day date)"),
        ("R44", "columns_to_look_somebody_up_by", "alter table cell add column key uinteger"),
        ("R44", "columns_to_look_somebody_up_by", "alter table cell add column e_mail varchar"),
    ],
)
def test_a_harmed_history_fails(number: str, evidence: str, statements: str, harm: Harm) -> None:
    """A table, column, dimension or value of another purpose, or that could hold a person's id, is named."""
    seen = look(harm(statements), number)
    assert seen.result is Result.FAIL, seen.evidence
    assert seen.evidence[evidence], seen.evidence


def test_the_auditors_list_is_the_inventory() -> None:
    """The auditor's tables and columns, written a second time, are those of schema.sql; so are the dimensions."""
    assert {f"{table}.{column}" for table, names in TABLES.items() for column in names} == set(inventory())
    assert set(DIMENSIONS) == {"", *Dimension}


@pytest.fixture(scope="module")
def house_doors(tmp_path_factory: pytest.TempPathFactory) -> Doors:
    """Compose a house behind a base path, and ask it for its doors as the audit does."""
    clock = ManualClock()
    made = TallyHouse(tmp_path_factory.mktemp("doors"), clock=clock, server=Server(base_path="/turven"))
    compose(made.house, clock=clock)
    found = made.house.commands.doors()
    made.stop()
    return found


def judged(house_doors: Doors, number: str, **changes: Any) -> Seen:
    """Judge doors to which *changes* were made."""
    routes = (*house_doors.routes, *changes.get("routes", ()))
    return check_doors(Doors(routes, (*house_doors.commands, *changes.get("commands", ()))), base_path="/turven")[
        number
    ]


@pytest.mark.parametrize("number", ["R1", "R44"])
def test_a_house_has_the_doors_that_are_listed(number: str, house_doors: Doors) -> None:
    """Every address and every command of the whole house is on the auditor's list, whatever its base path."""
    assert judged(house_doors, number).result is Result.PASS, judged(house_doors, number).evidence
    assert len(house_doors.routes) > 15
    assert check_doors(Doors(), base_path="")[number].result is Result.FAIL


def test_a_running_house_is_asked_for_its_doors(tmp_path: Path, clock: ManualClock) -> None:
    """A house that serves answers for its addresses and its list of sub-processors; one that does not says nothing."""
    made = TallyHouse(tmp_path, clock=clock)
    asked = {"ids": ["R1", "R36", "R44"], "site": ""}

    def seen() -> dict[str, dict[str, Seen]]:
        return msgspec.json.decode(made.house.commands.run("audit", asked), type=dict[str, dict[str, Seen]])

    assert set(seen()["house"]) == {"R36"}
    compose(made.house, clock=clock)
    found = seen()
    told = msgspec.json.decode(made.house.commands.run("routes", {}), type=Doors)
    made.stop()
    assert {number: one.result for number, one in found["house"].items()} == {
        "R1": Result.PASS, "R36": Result.NOT_APPLICABLE, "R44": Result.PASS,
    }  # fmt: skip
    assert "/first-steps" in {route.path for route in told.routes}
    assert "routes" in told.commands


@pytest.mark.parametrize(
    ("number", "evidence", "changes"),
    [
        ("R1", "unknown_addresses", {"routes": (shape.Route("/turven/beacon", ("GET",)),)}),
        ("R1", "unknown_addresses_that_take_something", {"routes": (shape.Route("/turven/privacy", ("POST",)),)}),
        ("R1", "unknown_addresses_that_take_something", {"routes": (shape.Route("/turven/"),)}),
        ("R1", "of_another_purpose", {"routes": (shape.Route("/turven/audiences/{name}", ("GET",)),)}),
        ("R1", "unknown_commands", {"commands": ("tee",)}),
        ("R1", "of_another_purpose", {"commands": ("experiment_add",)}),
        ("R44", "unknown_parts_of_an_address", {"routes": (shape.Route("/turven/assets/{number:int}", ("GET",)),)}),
        ("R44", "named_after_a_look_up", {"routes": (shape.Route("/turven/visitor/{name}", ("GET",)),)}),
        ("R44", "named_after_a_look_up", {"commands": ("find",)}),
        ("R44", "named_after_a_look_up", {"commands": ("export_person",)}),
    ],
)
def test_a_door_too_many_is_named(number: str, evidence: str, changes: dict[str, Any], house_doors: Doors) -> None:
    """An address or a command that is not listed, takes something, or serves another purpose makes the check fail."""
    seen = judged(house_doors, number, **changes)
    assert seen.result is Result.FAIL
    assert seen.evidence[evidence], seen.evidence


def test_every_door_of_an_application_is_read() -> None:
    """Doors behind other doors, doors for any method and doors of another kind are read, and none of them is hidden."""
    routes = [
        Route("/a", _nothing),
        Mount("/b", routes=[Route("/c", _nothing, methods=["POST"])]),
        Mount("/d", app=_nothing),
        WebSocketRoute("/e", _nothing),
        object(),
    ]
    found = doors_of(routes, commands=("x",))
    assert found.routes == (
        shape.Route("/a", ("GET", "HEAD")), shape.Route("/b/c", ("POST",)), shape.Route("/d"), shape.Route("/e"),
        shape.Route("object"),
    )  # fmt: skip
    assert found.commands == ("x",)


async def _nothing(*_: Any) -> None:
    """Stand for an endpoint that is never asked."""


@pytest.mark.parametrize(
    ("name", "is_found"),
    [("users", True), ("cell.user_agent", True), ("/api/User-List", True), ("cell.visitors", False), ("key", True),
     ("keyword", False), ("visitor", True), ("/a/{visitor}", True), ("", False)],
)  # fmt: skip
def test_words_are_found_in_names(name: str, *, is_found: bool) -> None:
    """A name is taken apart at its signs: beginnings are found in each part, whole words where only they are meant."""
    assert has_word(name, beginnings=("user",), words=("visitor", "key")) is is_found


def test_no_listed_name_is_of_another_purpose() -> None:
    """The lists themselves hold nothing that the lists of words forbid."""
    names = [*PUBLIC_ROUTES, *DASHBOARD_ROUTES, *TAKING_ROUTES, *COMMANDS, *DIMENSIONS, *inventory()]
    assert [name for name in names if has_word(name, beginnings=shape.OTHER_PURPOSES)] == []
