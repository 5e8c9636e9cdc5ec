"""What strangers ask of a scratch house: the real build passes, and a house that answers one thing wrongly fails."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from shutil import copytree
from typing import Any

import duckdb
import msgspec
import pytest

from collector.audit.finding import Result, Seen
from collector.audit.ids import FIELDS_SITE, ID_FIELDS, NUMBER, Ids
from collector.audit.scratch import ScratchHouse
from collector.audit.shape import Doors, check_doors
from collector.audit.strangers import (
    STRANGERS,
    check_access,
    check_access_requests,
    check_claims,
    check_several_sites,
    lived_in,
)
from collector.control import SOCKET_NAME
from collector.edge.identifiers import BROWSER_NUMBER, FIELDS, field_name
from collector.settings import Privacy

Answer = tuple[int, dict[str, str], bytes]
#: Makes another answer of a question (method, path, body, headers) and what asks the real house.
Twist = Callable[[str, str, bytes, Mapping[str, str], Callable[..., Answer]], Answer]


class Twisted(ScratchHouse):
    """Answer as a running scratch house does, but for one thing."""

    def __init__(self, house: ScratchHouse, *, twist: Twist, **changes: Any) -> None:
        """Stand before *house*."""
        self.__dict__.update(house.__dict__ | changes)
        self._twist = twist

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """Ask the real house, or not."""
        return self._twist(method, path, body, headers or {}, super().request)


class Obeying(Twisted):
    """Carry out a command that there should not be."""

    def ask(self, command: str, **params: Any) -> bytes:
        """Answer to every command."""
        return b"{}"


def straight(method: str, path: str, body: bytes, headers: Mapping[str, str], real: Callable[..., Answer]) -> Answer:
    """Twist nothing."""
    return real(method, path, body=body, headers=headers)


Lived = tuple[ScratchHouse, int, Ids, Path]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Run one scratch house for all; beside it lies a copy of what it kept when it was stopped."""
    with lived_in(Privacy()) as (house, crowd, ids):
        house.stop()
        kept = tmp_path_factory.mktemp("kept") / "house"
        copytree(house.folder, kept, ignore=lambda _folder, names: [name for name in names if name.endswith(".sock")])
        house.start()
        yield house, crowd, ids, kept


def doors_of_house(house: ScratchHouse) -> Doors:
    """Ask the house for its doors."""
    return msgspec.json.decode(house.ask("routes"), type=Doors)


def look(lived: Lived, number: str, *, twist: Twist = straight) -> Seen:
    """Run one check on the house, with or without a twist."""
    house, crowd, _, _ = lived
    doors, asked = doors_of_house(house), Twisted(house, twist=twist)
    checks: dict[str, Callable[[], Seen]] = {
        "R1": lambda: check_doors(doors, base_path="")["R1"],
        "R40": lambda: check_claims(asked, doors),
        "R44": lambda: check_access_requests(asked, check_doors(doors, base_path="")["R44"]),
        "R48": lambda: check_access(asked, doors),
        "R53": lambda: check_several_sites(asked, crowd),
    }
    return checks[number]()


@pytest.mark.parametrize("number", sorted(STRANGERS - {"R18"}))
def test_the_real_build_passes(number: str, lived: Lived) -> None:
    """A scratch house of this very build holds each promise that strangers look at."""
    seen = look(lived, number)
    assert seen.result is Result.PASS, seen.evidence


def unmasked(method: str, path: str, body: bytes, headers: Mapping[str, str], real: Callable[..., Answer]) -> Answer:
    """Be a house that does not look at where a request comes from; what a form would start is left alone."""
    if method == "POST":
        return 422, {}, b""
    return real(method, path, headers={"Sec-Fetch-Site": "same-origin"})


def on(wanted: str, change: Callable[[bytes], bytes] | None = None) -> Twist:
    """Be a house whose answer at an address that begins so is another one."""

    def twist(method: str, path: str, body: bytes, headers: Mapping[str, str], real: Callable[..., Answer]) -> Answer:
        if not (path == wanted or (wanted != "/" and path.startswith(wanted))):
            return real(method, path, body=body, headers=headers)
        if change is None:
            return 200, {}, b"{}"
        status, told, answered = real(method, path, body=body, headers=headers)
        return status, told, change(answered)

    return twist


def without(text: bytes) -> Callable[[bytes], bytes]:
    """Take a saying out of a page."""
    return lambda page: page.replace(text, b"")


@pytest.mark.parametrize(
    ("number", "evidence", "twist"),
    [
        ("R40", "claims_on_pages", on("/privacy", lambda page: page + b"<p>volledig <b>anoniem</b></p>")),
        ("R40", "claims_on_pages", on("/first-steps", lambda page: page + b"<p>GDPR-proof</p>")),
        ("R44", "look_ups_answered", on("/visitor/1")),
        ("R44", "texts_that_do_not_say_so", on("/privacy", without(b"artikel 11 van de AVG"))),
        ("R44", "texts_that_do_not_say_so", on("/privacy", without(b"niet opzoeken"))),
        ("R44", "texts_that_do_not_say_so", on("/privacy", without(b"article 11 of the GDPR"))),
        ("R48", "answered_in_disguise", unmasked),
        ("R48", "taken_from_foreign_pages", unmasked),
        ("R48", "answered_in_disguise", on("/export/")),
        ("R48", "answered_in_disguise", on("/api/notes")),
        ("R53", "answered_in_disguise", unmasked),
        ("R53", "figures_without_a_named_site", on("/", lambda page: page + b"<p>320</p>")),
        ("R53", "answered_in_disguise", on("/?site=one&site=two")),
    ],
)
def test_a_house_that_answers_wrongly_fails(number: str, evidence: str, twist: Twist, lived: Lived) -> None:
    """A house that answers one thing that it should not, or does not say one that it should, is found out."""
    seen = look(lived, number, twist=twist)
    assert seen.result is Result.FAIL
    assert seen.evidence[evidence], seen.evidence


def test_a_sum_beyond_the_named_sites_fails(lived: Lived) -> None:
    """Where more is added up than the sites that were named, the figures do not fit."""
    seen = look(
        lived, "R53", twist=on("/export/days.json?site=one&site=two", lambda page: page.replace(b"320", b"360"))
    )
    assert (seen.result, seen.evidence["sum_is_that_of_the_named_sites"]) == (Result.FAIL, False)


def test_a_command_that_looks_somebody_up_fails(lived: Lived) -> None:
    """A house that carries out a command for a person is found out, though no list names it."""
    seen = check_access_requests(Obeying(lived[0], twist=straight), Seen.that(True))
    assert seen.result is Result.FAIL
    assert "find_visitor" in seen.evidence["look_ups_answered"]


def test_an_open_control_socket_fails(lived: Lived) -> None:
    """A control socket that others of the machine may use is found."""
    socket = lived[0].runtime / SOCKET_NAME
    socket.chmod(0o666)
    try:
        assert look(lived, "R48").evidence["modes"]["control_socket"] == "666"
        assert look(lived, "R48").result is Result.FAIL
    finally:
        socket.chmod(0o600)


def judged(lived: Lived, folder: Path, **changes: Any) -> Seen:
    """Judge what a stopped house kept in *folder*."""
    house, _, ids, _ = lived
    harmed = object.__new__(Ids)
    harmed.__dict__.update(ids.__dict__ | changes | {"_house": Twisted(house, twist=straight, folder=folder)})
    return harmed.judge()


def test_ids_are_counted_by_name_and_kept_nowhere(lived: Lived) -> None:
    """Of a crowd that sends ids in every field, as properties and as a browser's number, names and counts are left."""
    seen = judged(lived, lived[3])
    assert seen.result is Result.PASS, seen.evidence
    assert seen.evidence["visitors_counted"] == seen.evidence["browsers"] >= 40
    assert seen.evidence["bytes_searched"] > 100_000


@pytest.mark.parametrize(
    ("evidence", "statements"),
    [
        ("names_not_counted", "delete from dropped where reason = 'refused:email'"),
        ("names_not_counted", "delete from dropped where site = 'properties'"),
        ("names_not_counted", "delete from dropped where reason = 'refused:browser_number'"),
        ("names_counted_beside", f"insert into dropped values ('{FIELDS_SITE}', '2026-11-24', 1, 'refused:jan', 10)"),
        ("tables_with_an_id", "insert into gap values ('{mark}', '2026-11-24', 1, 'keys_lost', '2026-11-24')"),
    ],
)
def test_an_id_that_is_left_fails(evidence: str, statements: str, lived: Lived, tmp_path: Path) -> None:
    """An id in a table, a name that was not counted and one that no list holds are each found."""
    harmed = copytree(lived[3], tmp_path / "house")
    with duckdb.connect(str(harmed / "data" / "history.duckdb")) as connection:
        connection.execute(statements.format(mark=lived[2]._mark))
    seen = judged(lived, harmed)
    assert seen.result is Result.FAIL
    assert seen.evidence[evidence], seen.evidence


def test_an_id_in_any_file_fails(lived: Lived, tmp_path: Path) -> None:
    """An id that the program wrote anywhere is found, also turned into hexadecimal; so is one that was not taken."""
    harmed = copytree(lived[3], tmp_path / "house")
    (harmed / "home" / "cache").write_text(lived[2]._mark.encode().hex())
    seen = judged(lived, harmed)
    assert (seen.result, len(seen.evidence["files_with_an_id"])) == (Result.FAIL, 1)
    assert judged(lived, lived[3], counted=0).result is Result.FAIL


def test_the_auditors_fields_are_those_of_the_door() -> None:
    """The fields that the auditor sends, written a second time, are all that the door refuses, by the same names."""
    assert {field: field_name(field) for field in ID_FIELDS} == dict(ID_FIELDS)
    assert set(ID_FIELDS.values()) == set(FIELDS.values())
    assert {"".join(c for c in field.lower() if c.isalnum()) for field in ID_FIELDS} >= {f.strip("_") for f in FIELDS}
    assert BROWSER_NUMBER == NUMBER
