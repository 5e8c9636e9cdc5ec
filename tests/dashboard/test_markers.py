"""Does the chart say what happened beside the counting: holidays, changes of settings, and what was lost?"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest

from collector.model import Epoch, Outcome, Region
from collector.store.sites import Sites
from dashboard.house import Present
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, total

SITE = msgspec.structs.replace(SCHOOL, region=Region.NORTH)
GOAL = {"name": "Open evening", "target": {"kind": "page", "what": "/open"}}


def at(day: int, hour: int = 12) -> datetime:
    """Return an instant in November."""
    return datetime(2026, 11, day, hour, tzinfo=UTC)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Fill ninety days of a school in the north whose settings changed, and that lost a day."""
    made = House(tmp_path_factory.mktemp("markers"), ManualClock(), sites=(SITE,))
    lost = TODAY - timedelta(9)
    days = [TODAY - timedelta(n) for n in range(1, 91)]
    made.close_days([(day, [total(100 + n)]) for n, day in enumerate(days) if day != lost], site=SITE)
    made.close_day(lost, [], site=SITE, outcome=Outcome.LOST)
    made.ledger.note_gap(Epoch(SITE.timezone, lost, 1), reason="keys_lost", at=made.clock.now())
    log = Sites(made.history, random=os.urandom)
    log.note_house({"profile": "standard", "k": 10}, at=at(1))
    log.add(msgspec.structs.replace(SITE, is_on=False, region=None), made_by="x", reason="", at=at(1))
    for day, changes in (
        (2, {"is_on": True}),
        (3, {"k": 15}),
        (4, {"without": ["browser"], "sensitive": ["/zorg/"]}),
        (5, {"goals": [GOAL], "groups": ["/ouders/"]}),
        (6, {"goals": [], "without": []}),
        (7, {"controller_contact": "somebody", "region": "noord", "retention_days": 300}),
    ):
        log.change("school", changes, made_by="x", reason="", at=at(day))
    # Half past eleven at night in London is the next day in Amsterdam.
    log.change("school", {"profile": "strict"}, made_by="x", reason="", at=at(11, 23))
    log.note_house({"profile": "standard", "k": 12}, at=at(13))
    yield made
    made.history.close()


def text(part: str) -> str:
    """Return what a piece of HTML says."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split())


def listed(page: str) -> list[tuple[str, str]]:
    """Return the marks under the chart: day and sentence."""
    found = re.findall(r'<time datetime="([^"]+)">.*?</time>\s*<span><bdi>(.*?)</bdi>', page, re.DOTALL)
    return [(day[8:], text(sentence)) for day, sentence in found]


def remarks(page: str) -> dict[str, str]:
    """Return what the table says beside the figures, by place on the time axis."""
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>.*?<td class="remark"[^>]*>(.*?)</td></tr>', page, re.DOTALL)
    return {text(place): text(said) for place, said in rows if said}


def test_changes_that_move_figures_are_told(house: House) -> None:
    """Each change of settings that moves figures has a sentence at its local day; others have none."""
    told = listed(house.client().get("/?lang=en&period=28d").text)
    assert [each for each in reversed(told) if each[0] != "15"] == [
        ("02", "Counting was switched on."),
        ("03", "The site set its own threshold to 15 visitors."),
        ("04", "The list of sensitive pages changed."),
        ("04", "No longer counted: browser."),
        ("05", "Goals declared: “Open evening”. They count from the next day."),
        ("05", "Groups of pages declared: “/ouders/”. They count from the next day."),
        ("06", "Goals withdrawn: “Open evening”."),
        ("06", "Counted again: browser."),
        ("12", "The profile became “strict”."),
        ("13", "For the whole house: the smallest threshold became 12 visitors."),
    ]


def test_what_was_lost_is_told(house: House) -> None:
    """A restart that cost a day stands in the chart, under it and in the table."""
    page = house.client().get("/?lang=en&period=28d").text
    assert ("15", "The machine restarted 1 time and lost a running day's detail.") in listed(page)
    assert '<path class="gap"' in page
    assert remarks(page)["Sun 15 Nov lost in a restart"].startswith("The machine restarted")


def test_holidays_are_shaded_and_named(house: House) -> None:
    """The autumn holiday of the school's region is a band, a word in the legend, and a word at each of its days."""
    page = house.client().get("/?lang=en&period=2026-10").text
    assert re.search(r'<rect class="band holiday" x="29.03%" width="29.03%"', page)
    assert "school holiday, region North" in text(page)
    days = [place for place, said in remarks(page).items() if said == "Autumn holiday"]
    assert (days[0], days[-1], len(days)) == ("Sat 10 Oct", "Sun 18 Oct", 9)


def test_without_a_region_there_are_no_holidays(house: House) -> None:
    """A site that does not say where its school is shows none, and so do several of which one does not."""
    other = msgspec.structs.replace(SITE, id="portaal", region=None)
    house.sites.append(other)
    try:
        page = house.client().get("/?lang=en&period=2026-10&site=school&site=portaal").text
    finally:
        house.sites.remove(other)
    assert "band holiday" not in page


def test_a_holiday_that_is_not_known_is_named(house: House) -> None:
    """Where a holiday may lie in the period and its date is not known, the page says which one."""
    now = house.clock.at
    house.clock.set("2027-06-01T09:00:00+02:00")
    page = house.client().get("/?lang=en&period=2027-04-01..2027-05-31").text
    house.clock.at = now
    assert "Not known here, and so not shaded: May holiday 2027." in text(page)
    assert "Not known here" not in house.client().get("/?lang=en&period=2026-10").text


def test_a_period_is_picked_by_link_and_by_key(house: House) -> None:
    """Every period has a link, those with a key say so, and neighbours are a link away; nothing needs a script."""
    page = house.client().get("/?lang=en&period=28d&metric=visits").text
    links = re.findall(r'<a href="([^"]+)"[^>]*data-key="(\w+)"', page)
    by_key = {key: dict(parse_qsl(urlsplit(unescape(link)).query)) for link, key in links}
    assert {key: asked.get("period", "28d") for key, asked in by_key.items()} == {
        "d": "today", "w": "7d", "m": "2026-11", "y": "2026", "s": "2026-2027", "ArrowLeft": "2026-09-29..2026-10-26",
    }  # fmt: skip
    assert {asked["metric"] for asked in by_key.values()} == {"visits"}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("period=90d", "28 days before, 90 days would overlap themselves; so they are compared with 364 days before."),
        ("period=2024-11-01..2026-11-20", "so nothing is compared."),
        ("period=90d&compare=364", "Counting began on 26 Aug 2026: there is nothing to compare with yet."),
        ("period=2026-09-10..2026-10-07", "Counting began on 26 Aug 2026, in the middle of the compared period"),
    ],
)
def test_a_comparison_that_says_little_is_explained(house: House, query: str, said: str) -> None:
    """Where the compared period would overlap, or lies before the counting, the page says so kindly."""
    assert said in text(house.client().get(f"/?lang=en&{query}").text)


def test_everything_begins_with_the_first_closed_day(house: House) -> None:
    """The period of everything shows the days that were kept, and no year of nothing."""
    page = house.client().get("/?lang=en&period=all").text
    assert "26 Aug – 23 Nov 2026" in text(page)
    assert re.search(r'<a href="[^"]*period=all[^"]*" aria-current="true"', page)


def test_weeks_that_are_not_whole_are_drawn_so(house: House) -> None:
    """At the ends of a long period a week of fewer days is dotted, and the table says of how many days it is."""
    page = house.client().get("/?lang=en&period=2026-05-05..2026-11-18").text
    assert '<path class="line tail"' in page
    assert "3 days of the week" in text(page)
    assert "not a whole day or week" in text(page)


@pytest.mark.parametrize(
    ("present", "said"),
    [
        (None, ""),
        (Present(visitors=None, pageviews=20, at=at(24)), ""),
        (Present(visitors=20, pageviews=60, at=at(24)), "Now: 20 visitors"),
    ],
)
def test_who_is_there_now_is_told_where_it_may_be(house: House, present: Present | None, said: str) -> None:
    """The top of the page tells how many are there, in multiples of k, or says nothing."""
    house.present = present
    page = house.client().get("/?lang=en").text
    house.present = None
    assert ("Now:" in page) is bool(said)
    assert said in text(page)


def test_a_new_site_is_told_what_comes_next(tmp_path: Path) -> None:
    """A site of which nothing was counted is told so, with the way to the line for its pages."""
    made = House(tmp_path, ManualClock(), sites=(SITE,))
    page = made.client().get("/?lang=en").text
    made.history.close()
    assert "Nothing was counted yet." in page
    assert "/first-steps/school" in page


def test_completeness_says_what_was_accepted(house: House) -> None:
    """The strip under the chart says how many pageviews and events the figures hold."""
    where = "from cell where dimension = 'total' and day >= date '2026-11-17'"
    ((pageviews, events),) = house.rows(f"select sum(pageviews), sum(events) {where}")
    page = text(house.client().get("/?lang=en&period=7d").text)
    assert f"{pageviews:,} pageviews and {events:,} events accepted" in page


def test_a_day_has_its_date_by_the_site(house: House) -> None:
    """What was changed late in the evening stands at the day that it was at the school."""
    day = next(day for day, sentence in listed(house.client().get("/?lang=en").text) if "strict" in sentence)
    assert date(2026, 11, int(day)) == date(2026, 11, 12)
