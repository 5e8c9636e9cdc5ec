"""Requests as browsers send them, header for header, through the door into kept cells."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from collector.model import Identity, Site
from tests.clock import ManualClock
from tests.house import TallyHouse

TESTS: Final = Path(__file__).parents[1]
CHROMIUM: Final = TESTS / "wire" / "chromium.json"
FIREFOX: Final = TESTS / "edge" / "wire" / "firefox.json"
WEBKIT: Final = TESTS / "edge" / "wire" / "webkit-ipad.json"
#: Twice k: from there on seconds and bounces are shown.
VISITORS: Final = 20


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, school: Site) -> Iterator[TallyHouse]:
    """Open a house with the two sites that the recordings name; visitors are told apart by their number."""
    by_browser = msgspec.structs.replace(school, identity=Identity.BROWSER)
    made = TallyHouse(tmp_path, clock=clock).add(by_browser).add(msgspec.structs.replace(by_browser, id="browser"))
    yield made
    made.stop()


def replay(house: TallyHouse, file: Path) -> list[tuple[int, str]]:
    """Send every request of a recording for each visitor: all its headers, in order; return the answers.

    Only the browser's number differs, and with it the length of the body.
    """
    steps: dict[str, Any] = json.loads(file.read_text("utf-8"))["steps"]
    recorded = [sent for step in steps.values() for sent in (step if isinstance(step, list) else [step])]
    answers = []
    for visitor in range(VISITORS):
        for sent in recorded:
            body = json.dumps(json.loads(sent["body"]) | {"i": f"{visitor:032x}"}, separators=(",", ":"))
            headers = [
                (name, str(len(body)) if name.lower() == "content-length" else value) for name, value in sent["headers"]
            ]
            answer = house.client.request(sent["method"], sent["target"], content=body, headers=headers)
            answers.append((answer.status_code, answer.headers.get("X-Dropped", "")))
    return answers


def test_a_recorded_walk_in_chromium(house: TallyHouse) -> None:
    """A walk of Chromium with our script is a pageview, an own event, a link away and the time until it was left."""
    assert set(replay(house, CHROMIUM)) == {(202, "")}
    house.close("school")
    assert house.cells("total") == {"": VISITORS}
    assert house.cells("total", measure="pageviews") == {"": VISITORS}
    assert house.cells("total", measure="bounces") == {"": 0}
    assert house.cells("page") == {"/groep/:id/les/:id": VISITORS}
    assert house.cells("source") == {"stats.school.example": VISITORS}
    assert house.cells("event", measure="events") == {"Outbound": VISITORS, "Toets gemaakt": VISITORS}
    assert house.cells("browser") | house.cells("os") | house.cells("device") == {
        "Chrome": VISITORS,
        "Windows": VISITORS,
        "Desktop": VISITORS,
    }


def test_a_recorded_walk_on_an_ipad(house: TallyHouse) -> None:
    """An iPad that says it is a Mac is known by its touch screen; its time on the page counts in whole seconds."""
    assert set(replay(house, WEBKIT)) == {(202, "")}
    house.close("browser")
    found = {name: house.cells(name, site="browser") for name in ("total", "page", "browser", "os", "device")}
    assert found == {
        "total": {"": VISITORS},
        "page": {"/groep/:id/les/boekbespreking": VISITORS},
        "browser": {"Safari": VISITORS},
        "os": {"iPadOS": VISITORS},
        "device": {"Tablet": VISITORS},
    }
    # The recording holds a second pageview, with a query that slipped through the script.
    assert house.cells("total", site="browser", measure="pageviews") == {"": 2 * VISITORS}
    assert house.cells("total", site="browser", measure="seconds") == {"": VISITORS * 61}
    for canary in (b"Canary1", b"jan%40school", b"jan@school"):
        assert canary not in house.bytes_on_disk()


def test_a_recorded_opt_out(house: TallyHouse) -> None:
    """A Firefox that sends Sec-GPC and DNT leaves nothing but a count of its signals."""
    assert set(replay(house, FIREFOX)) == {(204, "opt_out")}
    house.clock.set("2026-11-25T00:01:00+01:00")
    house.tick().tick()
    assert house.rows("select count(*) from cell") == [(0,)]
    # Opt-outs are kept for the whole house, in hundreds: eighty are too few.
    assert house.rows("select * from dropped") == []
