"""Does the page of settings say what is on, by whom, and change what a controller may?"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from collector.model import Dimension, Profile, Region, Site
from collector.store.sites import Sites
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, House

OURS = {"Origin": "http://127.0.0.1:8000"}
#: The form as the page shows it of a site that nobody changed.
AS_IT_IS = {"site": "school", "on": "1", "k": "", "days": "", "region": "", "hosts": "", "reason": ""}


class Logged(House):
    """A house whose sites stand in its file, with a log, as in a real one."""

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        super().__init__(folder, clock, sites=())
        self.kept = Sites(self.history, random=lambda n: b"\0" * n)
        site = msgspec.structs.replace(SCHOOL, k=12, profile=Profile.STANDARD)
        self.kept.add(site, made_by="operator, on behalf of De Schoolvereniging", reason="begin", at=clock.now())
        # The next day: what is looser now has to wait.
        clock.forward(days=1)
        self.kept.turn(clock.now())
        self.sites = self.kept.all()

    def change_site(self, site_id: str, changes: dict[str, object], *, made_by: str, reason: str) -> Site:
        """Change a site as the house does."""
        made = self.kept.change(site_id, changes, made_by=made_by, reason=reason, at=self.clock.now())
        self.sites = self.kept.all()
        self.made_by.append(made_by)
        return made


@pytest.fixture
def house(tmp_path: Path) -> Logged:
    """Return a house with a log."""
    return Logged(tmp_path, ManualClock())


@pytest.fixture
def client(house: Logged) -> Iterator[TestClient]:
    """Return whoever sits at the machine."""
    with house.client(headers=OURS, follow_redirects=False) as client:
        yield client


def text(page: str) -> str:
    """Return what a page says, without its elements."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def test_the_page_says_what_is_on_since_when_and_by_whom(client: TestClient) -> None:
    """Each setting stands there with its day, who decided it and why; the house's own beside it."""
    said = text(client.get("/settings?lang=en").text)
    assert "Threshold" in said
    assert "24 Nov 2026, operator, on behalf of De Schoolvereniging : begin" in said
    assert "www.school.example" in said
    assert "What the house decides" in said
    assert 'data-site="school"' in said
    page = client.get("/settings?lang=en").text
    assert 'href="/privacy?site=school"' in page
    assert 'href="/privacy/opt-out?site=school"' in page


def test_a_setting_has_the_day_of_the_site(house: Logged, client: TestClient) -> None:
    """What was decided after midnight at the school has that day, though elsewhere it is still the day before."""
    late = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    house.kept.change("school", {"k": 15}, made_by="operator", reason="at night", at=late)
    house.sites = house.kept.all()
    assert "28 Nov 2026, operator : at night" in text(client.get("/settings?lang=en").text)


def test_stricter_takes_effect_at_once_and_needs_no_reason(house: Logged, client: TestClient) -> None:
    """Leaving a breakdown out and a higher threshold are in force at once, by the operator."""
    form = AS_IT_IS | {"k": "15", "without": "country", "region": "zuid"}
    answer = client.post("/settings", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings?site=school&saved=1")
    (site,) = house.sites
    assert (site.k, site.without, site.region) == (15, (Dimension.COUNTRY,), Region.SOUTH)
    assert house.made_by == ["operator"]
    assert "Waits for tomorrow" not in client.get("/settings?lang=en").text


def test_looser_asks_why_and_waits(house: Logged, client: TestClient) -> None:
    """A lower threshold comes back without a reason; with one it waits until tomorrow, on behalf of the controller."""
    form = AS_IT_IS | {"k": "11", "median": "1"}
    answer = client.post("/settings?lang=en", data=form)
    assert answer.status_code == 422
    assert "Say why" in answer.text
    assert 'name="k" type="number" min="5" max="1000" value="11"' in answer.text
    assert client.post("/settings", data=form | {"reason": "jaarplan"}).status_code == 303
    assert house.made_by == ["operator, on behalf of De Schoolvereniging"]
    assert house.sites[0].k == 12
    said = text(client.get("/settings?lang=en").text)
    assert "Waits for tomorrow" in said
    assert "11 visitors at least" in said
    assert "Takes part in the median of schools: yes" in said


def test_nothing_different_changes_nothing(house: Logged, client: TestClient) -> None:
    """The form as it is makes no entry in the log."""
    answer = client.post("/settings", data=AS_IT_IS | {"k": "12"})
    assert answer.headers["location"] == "/settings?site=school&saved=0"
    assert house.made_by == []


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("k", "elf", "is no number"),
        ("days", "99999", "is not right yet"),
        ("hosts", "www.school.example", "is no address of a site"),
        ("region", "oost", "is not right yet"),
    ],
)
def test_a_mistake_comes_back(client: TestClient, field: str, value: str, says: str) -> None:
    """What cannot be taken comes back with what is wrong, and with what was written."""
    answer = client.post("/settings?lang=en", data=AS_IT_IS | {"k": "12", field: value, "reason": "r"})
    assert answer.status_code == 422
    assert says in unescape(answer.text)
    if field != "region":
        assert value in answer.text


def test_of_another_site_nothing_is_said(client: TestClient) -> None:
    """A site that there is not, or that the reader may not decide about, is not found."""
    assert client.get("/settings?site=elsewhere").status_code == 404
    assert client.post("/settings", data=AS_IT_IS | {"site": "elsewhere"}).status_code == 404
