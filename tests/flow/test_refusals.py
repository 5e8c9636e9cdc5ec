"""What is refused is counted from the door to the dashboard and the audit, by closed names and coarsely."""

import json
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from collector.audit import refusals
from collector.audit.facts import gather, sites_in
from collector.audit.finding import Result
from collector.audit.kept import Kept
from collector.edge.gate import Gate
from collector.edge.identifiers import REFUSED_NAMES
from collector.event import Event, Reason
from collector.model import Identity, Site
from tests.clock import ManualClock
from tests.edge.doors import admit, gate, request
from tests.house import TallyHouse
from turven.compose import compose

SCHOOL = Site(
    id="school",
    hosts=("www.school.example",),
    controller="De Schoolvereniging",
    agreement="VO-2026-1",
    agreed_on=date(2026, 8, 1),
    identity=Identity.NETWORK,
    is_on=True,
)
#: What a day of `SCHOOL` leaves: rounded down, and nothing of what was below ten.
KEPT = [
    ("", "invalid", 30),
    ("", "opt_out", 200),
    ("school", "bot", 20),
    ("school", "host", 10),
    ("school", "late", 10),
    ("school", "refused:email", 10),
    ("school", "refused:pupil_id", 20),
]
#: What a hostile client would like to see in the table.
FREE_TEXTS = ("Jan Jansen", "refused:jan", "jan@school.example", "<b>jan</b>", "jan-jansen")


@pytest.fixture(scope="module")
def door() -> Gate:
    """Build one gate for all examples."""
    return gate()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TallyHouse]:
    """Let a school and a site below k live through a day of refusals, and close it."""
    made = TallyHouse(tmp_path_factory.mktemp("refusals"), clock=ManualClock())
    made.add(SCHOOL).add(msgspec.structs.replace(SCHOOL, id="small"))
    made.feed(visitors=24).feed(visitors=17, email="jan@school.example").feed(visitors=20, p={"pupil_id": "123456"})
    made.feed(visitors=9, uid="a").feed(visitors=9, site="small", email="x")
    for number in range(25):
        text = FREE_TEXTS[number % len(FREE_TEXTS)]
        hostile: Any = {text: text, "p": {text: "1"}}
        made.send(visitor=number, **hostile)
        made.send(visitor=number, headers={"User-Agent": "Googlebot/2.1"})
        made.send(visitor=number, headers={"User-Agent": "Googlebot/2.1"}, site="small")
    for number in range(13):
        made.send(visitor=number, page="https://elsewhere.example/")
        made.send(visitor=500 + number, n="engagement", d=4_000)
    for _ in range(31):
        made.client.post("/event", content="{")
    for number in range(250):
        made.send(visitor=number, headers={"Sec-GPC": "1"}, site="small" if number % 2 else "school")
    made.tick().clock.set("2026-11-25T00:01:00+01:00")
    made.tick().tick()
    yield made
    made.stop()


def strip(house: TallyHouse, site: str) -> dict[str, str]:
    """Return what the completeness strip of a site's page says was not counted."""
    pages = TestClient(
        compose(house.house, clock=house.clock), base_url="http://localhost", client=("127.0.0.1", 50_000)
    )
    page = pages.get(f"/?site={site}&period=7d&lang=en").text
    assert "complete" in page
    return dict(re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", page))


def test_refusals_are_kept_in_tens_by_closed_names(house: TallyHouse) -> None:
    """A day's refusals are kept by reason and by name of the field, in tens; opt-outs for the house, in hundreds."""
    assert house.rows("select site, reason, count from dropped order by all") == KEPT
    assert house.rows("select site, outcome from closed order by all") == [("school", "kept"), ("small", "below_k")]


def test_the_dashboard_shows_the_same_refusals(house: TallyHouse) -> None:
    """The strip under a chart shows what is kept of the site, and the house's opt-outs as one total."""
    shown = strip(house, "school")
    assert sorted(shown.values(), key=int) == sorted(
        (str(count) for site, reason, count in KEPT if site or reason == "opt_out"), key=int
    )
    assert shown["Opt-outs, of all sites together"] == "200"
    assert strip(house, "small") == {"Opt-outs, of all sites together": "200"}


def test_the_auditor_sees_the_same_refusals(house: TallyHouse) -> None:
    """An auditor's report lists the same counts, and the check of them holds."""
    with house.house.engine.history.read() as cursor:
        facts = gather(cursor, settings=house.settings, sites=sites_in(cursor), rules=house.house.engine.rules,
                       version="1", site="")  # fmt: skip
        seen = refusals.refusals_are_coarse(Kept(cursor))
    assert [(one.site, one.reason, one.count) for one in facts.refused] == KEPT
    assert (seen.result, seen.evidence["refused_names"]) == (Result.PASS, 2)


def test_no_text_of_a_client_is_kept(house: TallyHouse) -> None:
    """Keys and property names that a client made up stand in no file, and no reason holds one."""
    kept = house.bytes_on_disk()
    assert not any(text.encode() in kept for text in ("Jan Jansen", "refused:jan", "jan-jansen"))


@settings(max_examples=25)
@given(
    keys=st.lists(
        st.text(min_size=1, max_size=30) | st.sampled_from(["uid", "E-Mail", "pupil id", "naam"]), max_size=5
    ),
    properties=st.dictionaries(st.text(max_size=30), st.text(max_size=30), max_size=6),
    site=st.sampled_from(["school", "browser", "open"]),
)
def test_refused_names_come_from_a_closed_list(
    door: Gate, keys: list[str], properties: dict[str, str], site: str
) -> None:
    """Whatever names a client sends, what is counted of them is one of the names that the collector knows."""
    made: Any = dict.fromkeys(keys, "x") | {"p": properties, "s": site, "n": "pageview", "u": "/"}
    outcome = admit(door, msgspec.structs.replace(request(), body=json.dumps(made).encode()))
    if isinstance(outcome, Event):
        assert set(outcome.refused) <= REFUSED_NAMES


def test_the_auditors_list_knows_every_reason() -> None:
    """The auditor's own list holds each reason and each name of a field that the collector can count, and no other."""
    assert {reason.value for reason in Reason} == {*refusals.REASONS, refusals.OPT_OUT}
    assert {*refusals.FIELDS, *refusals.VALUES} == REFUSED_NAMES
