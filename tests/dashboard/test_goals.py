"""Do goals, funnels and next pages say what the cells say, and no more?"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from collector.model import Dimension, Site
from dashboard import goals
from dashboard.period import Span
from tests.clock import ManualClock
from tests.dashboard.house import TODAY, House
from tests.dashboard.reached import DECLARED, ENROL, FIRST, LEAVE, OPEN_DAY, filled

OURS = {"Origin": "http://127.0.0.1:8000"}
WEEK = Span(date(2026, 11, 16), date(2026, 11, 22))
GOAL = ("goal", LEAVE.name)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Return a house with goals, whose pages are only read."""
    return filled(tmp_path_factory.mktemp("goals"))


@pytest.fixture(scope="module")
def client(house: House) -> Iterator[TestClient]:
    """Return a reader at the machine."""
    with house.client(headers=OURS) as client:
        yield client


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[tuple[House, TestClient]]:
    """Return a house of its own, to declare in."""
    house = House(tmp_path, ManualClock(), sites=(DECLARED,))
    with house.client(headers=OURS, follow_redirects=False) as client:
        yield house, client


def text(client: TestClient, address: str) -> str:
    """Return what a page says, without its elements."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).replace("\xa0", " ").split())


def test_sums_are_those_of_the_cells(house: House) -> None:
    """Figures of a goal are the sums of its cells, over everybody on the days from which it counts."""
    site = DECLARED
    days = goals.days_of(house.inside(), site, WEEK)
    made = goals.sums(days, GOAL, WEEK, first=FIRST)
    assert made
    everybody = house.value(
        "select sum(visitors) from cell where site = 'school' and dimension = 'total' and day between ? and ?",
        WEEK.first,
        WEEK.last,
    )
    assert (made.visitors, made.visits, made.of_visitors, made.is_at_least) == (7 * 30, 7 * 40, everybody, False)
    assert made.conversion == pytest.approx(210 / everybody)


def test_days_before_a_goal_counted_are_no_zeroes(house: House) -> None:
    """A period in the middle of which a goal began to count divides by the visitors since then only."""
    span = Span(date(2026, 11, 2), date(2026, 11, 15))
    days = goals.days_of(house.inside(), DECLARED, span)
    made = goals.sums(days, GOAL, span, first=FIRST)
    assert made
    assert made.days == (span.last - FIRST).days + 1
    assert goals.sums(days, GOAL, Span(date(2026, 11, 2), date(2026, 11, 8)), first=FIRST) is None


def test_the_page_and_its_file_divide_alike(house: House, client: TestClient) -> None:
    """Conversion on the page is that of the file: among everybody since the first day in the period with a figure."""
    span = Span(date(2026, 11, 14), date(2026, 11, 20))
    made = goals.sums(goals.days_of(house.inside(), DECLARED, span), ("goal", OPEN_DAY.name), span, first=FIRST)
    rows = client.get(f"/export/goals.json?site=school&period={span.first}..{span.last}").json()["rows"]
    (conversion,) = [row["conversion"] for row in rows if row["goal"] == OPEN_DAY.name]
    assert made
    assert made.conversion == pytest.approx(conversion, abs=0.0001)


def test_a_withheld_day_makes_a_figure_at_least(house: House) -> None:
    """Days without a figure are missing, not zero; days that withhold visits are left out of both sides of a share."""
    days = goals.days_of(house.inside(), DECLARED, WEEK)
    made = goals.sums(days, ("goal", OPEN_DAY.name), WEEK, first=FIRST)
    assert made
    assert (made.visitors, made.days_told, made.days, made.is_at_least) == (5 * 50, 5, 7, True)
    assert (made.visits, made.visit_conversion) == (None, None)


def test_steps_compare_days_that_tell_both(house: House) -> None:
    """How many went on is told over the days on which both steps are, and not at all where a step has no figure."""
    days = goals.days_of(house.inside(), DECLARED, WEEK)
    first, second, third = goals.steps(days, ENROL.name, 3, WEEK, first=FIRST)
    assert (first.visitors, second.visitors, third.visitors) == (7 * 60, 5 * 24, None)
    assert second.stayed == pytest.approx(24 / 60)
    assert (third.stayed, first.width, third.width) == (None, 1.0, 0.0)


def test_what_a_goal_divides_into_is_at_least(client: TestClient) -> None:
    """Beside a goal each value has at least so many visitors, of those who had the value at all."""
    said = text(client, "/goals?site=school&period=2026-11-16..2026-11-22&lang=en&filter=goal:Verlof+aangevraagd")
    assert "Direct, without a source ≥ 140 ≥" in said
    assert "Google ≥ 70 ≥" in said
    assert "at least" in said.lower()


def test_the_page_says_since_when_and_how_many(client: TestClient) -> None:
    """The page tells since when a goal counts, who reached it, and what happens to a step that is withheld."""
    said = text(client, "/goals?site=school&period=2026-11-16..2026-11-22&lang=en")
    assert "counts from 10 Nov 2026" in said
    assert "≥ 250" in said
    assert "420 visitors" in said
    assert "40.0% went on from the step before, 60.0% did not" in said
    assert "Not known how many went on from the step before." in said
    assert "it is missing, not zero" in said
    assert "Left the site ≥ 140" in said


def test_a_quiet_site_is_told_how_to_begin(client: TestClient) -> None:
    """A site without goals is told what a goal is and where to declare the first."""
    said = text(client, "/goals?site=quiet&lang=nl")
    assert "Nog geen doelen" in said
    assert "Leg het eerste doel vast" in said


def test_files_hold_what_the_page_shows(client: TestClient) -> None:
    """Next pages and what a goal divides into leave as files with the figures of their page."""
    week = "site=school&period=2026-11-16..2026-11-22"
    answer = client.get(f"/export/next.csv?{week}&filter=page:/")
    assert answer.text.splitlines() == [
        "site,next_page,visitors_at_least",
        "school,/rooster,210",
        "school,(exit),140",
    ]
    rows = client.get(f"/export/goal.json?{week}&filter=goal:Verlof+aangevraagd").json()["rows"]
    assert {(row["value"], row["visitors_at_least"]) for row in rows} >= {("(direct)", 140), ("Phone", 140)}
    assert client.get(f"/export/next.csv?{week}").status_code == 400


def test_declared_today_counts_tomorrow() -> None:
    """What is declared counts from the next local day, and another meaning of the same name begins anew."""
    leave = {"name": "Verlof", "target": {"kind": "event", "what": "Verlof"}}
    other = {"name": "Verlof", "target": {"kind": "page", "what": "/verlof"}}
    at = [datetime(2026, 11, day, 23, 30, tzinfo=UTC) for day in (1, 5, 9)]
    told = goals.begun([(at[0], {"id": "school"}), (at[1], {"goals": [leave]})], "Europe/Amsterdam")
    # Half past eleven in UTC is the next day in Amsterdam already.
    assert told["goals", "Verlof"].first_day == date(2026, 11, 7)
    told = goals.begun([(at[0], {"goals": [leave]}), (at[2], {"goals": [other]})], "Europe/Amsterdam")
    assert (told["goals", "Verlof"].first_day, told["goals", "Verlof"].is_only) == (date(2026, 11, 11), False)
    assert not goals.begun([(at[0], {"goals": [leave]}), (at[2], {"goals": []})], "Europe/Amsterdam")


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"what": "goal", "name": "", "kind": "page", "target": "/x", "reason": "r"}, "Give it a name"),
        ({"what": "goal", "name": "Open dag", "kind": "page", "target": "/x", "reason": "r"}, "one of that name"),
        ({"what": "goal", "name": "X", "kind": "page", "target": "x", "reason": "r"}, "begins with a slash"),
        ({"what": "goal", "name": "X", "kind": "prefix", "target": "/x", "reason": "r"}, "begins and ends"),
        ({"what": "goal", "name": "X", "kind": "event", "target": "", "reason": "r"}, "Name the event"),
        ({"what": "goal", "name": "<X>", "kind": "page", "target": "/x", "reason": " "}, "Say why"),
        ({"what": "funnel", "name": "X", "kind": "page", "target": "/x", "reason": "r"}, "at least two"),
    ],
)
def test_a_mistake_comes_back_as_it_was_filled_in(client: TestClient, form: dict[str, str], says: str) -> None:
    """A form that cannot be taken comes back open, with what is wrong and with what was written."""
    answer = client.post("/goals?site=school&lang=en", data={"site": "school", **form})
    assert answer.status_code == 422
    assert says in unescape(answer.text)
    assert "<X>" not in answer.text
    if form["target"]:
        assert f'value="{form["target"]}"' in answer.text


def test_declaring_and_taking_back(changing: tuple[House, TestClient]) -> None:
    """A goal is added to those that there are, on behalf of the controller with a reason; taking back needs none."""
    house, client = changing
    form = {
        "what": "goal",
        "site": "school",
        "name": "Nieuws",
        "kind": "page",
        "target": "/nieuws",
        "reason": "jaarplan",
    }
    assert client.post("/goals?site=school", data=form).status_code == 303
    assert [goal.name for goal in house.sites[0].goals] == ["Verlof aangevraagd", "Open dag", "Nieuws"]
    assert house.made_by == ["operator, on behalf of De Schoolvereniging"]
    gone = {"what": "funnel", "site": "school", "name": "Inschrijven"}
    assert client.post("/goals/remove", data=gone).status_code == 303
    assert house.sites[0].funnels == ()
    assert client.post("/goals/remove", data=gone).status_code == 404
    assert client.post("/goals/remove", data=gone | {"site": "elsewhere"}).status_code == 404


def test_now_says_no_more_than_it_may(house: House, client: TestClient) -> None:
    """Now tells one total in steps, when it was counted, and why there is no more; a pause keeps it as it is."""
    said = text(client, "/now?site=school&lang=en")
    assert "≥ 40" in said
    assert "≥ 310" in said
    assert "Counted at 09:00. The next count is at 09:05." in said
    assert "data-follow" in client.get("/now?site=school").text
    paused = client.get("/now?site=school&pause=1").text
    assert "data-follow" not in paused
    assert "http-equiv" not in paused
    (row,) = client.get("/export/now.json?site=school").json()["rows"]
    assert (row["visitors"], row["pageviews"]) == (40, 310)
    house.present = None
    assert "fewer than 20" in text(client, "/now?site=school&lang=en")


def test_goals_of_today_come_after_midnight(client: TestClient) -> None:
    """Of the running day the page says when its goals come."""
    assert "counted after midnight" in text(client, f"/goals?site=school&period={TODAY}..{TODAY}&lang=en")


def test_dimensions_that_divide_goals_are_those_of_the_rules(house: House) -> None:
    """What the page may divide a goal by is what the rules keep beside it."""
    site: Site = DECLARED
    kept = {second for first, second in house.inside().rules(site).set_pairs if first is Dimension.GOAL}
    assert set(goals.DIVIDED_BY) == kept
