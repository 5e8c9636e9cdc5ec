"""Are notes taken from those who may write them, kept within limits, shown harmlessly, and gone with their site?"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collector.errors import SettingsError
from dashboard.api_door import token_door
from dashboard.desk import notes, tokens
from dashboard.frame import Frame
from dashboard.pages import routes
from dashboard.who import RIGHTS, Role, Way, Who
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, total

YESTERDAY = TODAY - timedelta(1)
OTHER = msgspec.structs.replace(SCHOOL, id="portaal")
SECRET = tokens.PREFIX + "x" * 43


class As:
    """Let somebody in, whoever they say they are."""

    def __init__(self, who: Who) -> None:
        self._who = who

    def who(self, request: object) -> Who:
        """Return them."""
        return self._who


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Open a house with two sites and a day."""
    made = House(tmp_path_factory.mktemp("notes"), ManualClock(), sites=(SCHOOL, OTHER))
    made.close_day(YESTERDAY, [total(40)])
    made.close_day(YESTERDAY, [total(30)], site=OTHER)
    yield made
    made.history.close()


@pytest.fixture(autouse=True)
def forget(house: House) -> None:
    """Begin each test without notes and passes."""
    for site in house.sites:
        house.desk.forget_site(site.id)


def client(house: House, role: Role = Role.CONTROLLER, *, sites: frozenset[str] | None = None) -> TestClient:
    """Return the browser of somebody who signed in."""
    who = Who(name="Anna", way=Way.ACCOUNT, rights=RIGHTS[role], role=role, sites=sites)
    return TestClient(house.app(door=As(who)), base_url="http://127.0.0.1:8000", follow_redirects=False)


def program(house: House, *scopes: str) -> TestClient:
    """Return a release pipeline with a pass for the school."""
    wish = tokens.Wish(name="pipeline", site=SCHOOL.id, scopes=scopes)
    tokens.make(house.desk, wish, secret=SECRET, made_by="Anna", at=house.clock.now())
    frame = Frame("", passes=token_door(house.desk, house.clock))
    app = Starlette(routes=routes(house=house.inside(), frame=frame))
    return TestClient(app, base_url="http://127.0.0.1:8000", headers={"Authorization": f"Bearer {SECRET}"})


def kept(house: House) -> list[tuple[str, str, str, str]]:
    """Return what stands in the file."""
    found = notes.of(house.desk, ["school", "portaal"], first=date.min, last=date.max)
    return [(note.site, str(note.day), note.text, note.made_by) for note in found]


def test_a_note_is_written_shown_and_removed(house: House) -> None:
    """A note from the form stands in the chart's list and in the table, and goes by its button."""
    browser = client(house)
    fields = {
        "at": "school",
        "day": str(YESTERDAY),
        "text": "Release  4.2",
        "site": "school",
        "period": "7d",
        "lang": "en",
    }
    answer = browser.post("/notes?lang=en", data=fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?site=school&period=7d&lang=en#notes")
    assert kept(house) == [("school", str(YESTERDAY), "Release 4.2", "Anna")]
    page = browser.get("/?site=school&period=7d&lang=en").text
    assert page.count("Release 4.2") == 3
    assert '<circle class="note"' in page
    (note,) = notes.of(house.desk, ["school"], first=YESTERDAY, last=YESTERDAY)
    browser.post("/notes/remove", data={"note": str(note.id), "site": "school"})
    assert kept(house) == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "x" * 201}, 422),
        ({"text": "a\u202eb"}, 422),
        ({"day": "2026-13-01"}, 422),
        ({"day": ""}, 422),
        ({"day": "2020-01-01"}, 422),
        ({"day": "2030-01-01"}, 422),
        ({"at": "nobody"}, 404),
        ({"at": ""}, 404),
    ],
)
def test_what_is_no_note_is_refused(house: House, changes: dict[str, str], status: int) -> None:
    """A note is one line of at most 200 characters, at a day of which figures are kept or in the year ahead."""
    answer = client(house).post("/notes", data={"at": "school", "day": str(YESTERDAY), "text": "Release"} | changes)
    assert answer.status_code == status
    assert kept(house) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
def test_who_only_looks_writes_nothing(house: House, role: Role) -> None:
    """A viewer and an auditor see notes, and neither a form nor who wrote them."""
    notes.write(
        house.desk, site="school", day=YESTERDAY, text="Release", made_by="Anna", at=house.clock.now(), today=TODAY
    )
    browser = client(house, role)
    page = browser.get("/?site=school&lang=en").text
    assert "Release" in page
    assert "Anna" not in page
    assert "/notes" not in page
    assert browser.post("/notes", data={"at": "school", "day": str(YESTERDAY), "text": "x"}).status_code == 403
    assert browser.post("/notes/remove", data={"note": "1"}).status_code == 403


def test_nobody_writes_at_a_site_of_others(house: House) -> None:
    """Who looks after one school neither writes nor removes a note of another."""
    note = notes.write(
        house.desk, site="portaal", day=YESTERDAY, text="Theirs", made_by="Bea", at=house.clock.now(), today=TODAY
    )
    browser = client(house, sites=frozenset({"school"}))
    assert browser.post("/notes", data={"at": "portaal", "day": str(YESTERDAY), "text": "x"}).status_code == 404
    browser.post("/notes/remove", data={"note": str(note.id), "site": "school"})
    assert [text for _, _, text, _ in kept(house)] == ["Theirs"]
    assert "Theirs" not in browser.get("/?site=school").text


def test_a_note_is_shown_harmlessly(house: House) -> None:
    """HTML in a note stays text, wherever the note stands."""
    client(house).post("/notes", data={"at": "school", "day": str(YESTERDAY), "text": "<script>alert(1)</script>"})
    page = client(house).get("/?site=school").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_pipeline_writes_a_note(house: House) -> None:
    """A program with a pass for notes writes one at today of its site, in its own name, and is told what was kept."""
    answer = program(house, "notes").post("/api/notes", json={"text": "Release 4.2"})
    assert answer.status_code == 201
    assert answer.json() | {"id": 0} == {"id": 0, "site_id": "school", "day": str(TODAY), "text": "Release 4.2"}
    assert [(text, who) for _, _, text, who in kept(house)] == [("Release 4.2", "pipeline")]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"no json", 400, "invalid"),
        (b"{}", 400, "invalid"),
        (b'{"text": "x", "more": 1}', 400, "invalid"),
        (b'{"text": "x", "day": "yesterday"}', 400, "invalid"),
        (b'{"text": "x", "site_id": "portaal"}', 404, "site_unknown"),
        (b'{"text": ""}', 422, "note_text"),
        (b'{"text": "x", "day": "2020-01-01"}', 422, "note_day"),
        (b'{"text": "' + b"x" * 20_000 + b'"}', 413, ""),
    ],
)
def test_a_pipeline_is_told_what_is_wrong(house: House, body: bytes, status: int, code: str) -> None:
    """What cannot be kept is answered with a code and a sentence."""
    answer = program(house, "notes").post("/api/notes", content=body)
    assert answer.status_code == status
    assert not code or answer.json()["error"] == code
    assert kept(house) == []


def test_other_ways_write_no_note_as_a_program(house: House) -> None:
    """A pass without the scope is refused, and so is a browser that signed in: a foreign page could make it send."""
    refused = program(house, "figures").post("/api/notes", json={"text": "x"})
    signed_in = client(house).post("/api/notes", json={"text": "x", "site_id": "school"})
    assert (refused.status_code, signed_in.status_code) == (403, 403)
    assert kept(house) == []


def test_a_day_has_room_for_so_many_notes(house: House) -> None:
    """A pipeline that goes astray is stopped at twenty notes a day, and one may be written once another is gone."""

    def write() -> notes.Note:
        more: dict[str, Any] = {"made_by": "x", "at": house.clock.now(), "today": TODAY}
        return notes.write(house.desk, site="school", day=TODAY, text="again", **more)

    last = [write() for _ in range(notes.NOTES_PER_DAY_MAX)][-1]
    with pytest.raises(SettingsError, match="20 notes"):
        write()
    assert program(house, "notes").post("/api/notes", json={"text": "x"}).status_code == 409
    assert notes.remove(house.desk, last.id, sites=None)
    write()


def test_notes_go_with_their_site(house: House) -> None:
    """A site that is erased takes its notes along, and leaves those of others."""
    for site in ("school", "portaal"):
        notes.write(house.desk, site=site, day=TODAY, text="x", made_by="x", at=house.clock.now(), today=TODAY)
    house.desk.forget_site("school")
    assert [site for site, *_ in kept(house)] == ["portaal"]
