"""The bench: its parts can be called, what they return is written as it should be, and what is sent is what counts."""

import json
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from bench import floor, past, servers, traffic
from bench.parts import PARTS, Figures, Goal, Part
from bench.run import Outcome, as_data, rows, table
from collector.clock import local_day
from collector.edge.gate import Gate
from collector.edge.raw import RawRequest
from collector.edge.visitor import Salt
from collector.event import Event
from collector.settings import Privacy, Server
from tests.clock import ManualClock

PART = Part("A part", "bench.tracker:measure", "How.", {"size": Goal("its size", "bytes", most=10, stretch=5)})


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.function)
def test_every_part_can_be_called(part: Part) -> None:
    """Every part of the bench names a function that is there and needs nothing to be called with."""
    module, _, name = part.function.partition(":")
    assert callable(getattr(import_module(module), name))


def told(figures: Figures, failure: str = "") -> list[str]:
    """Return what stands in the table, without the figure's name."""
    return [line.strip("| ").partition(" | ")[2] for line in rows(Outcome(PART, figures, failure, 1.0))]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"size": 4}, "4 bytes | ≤ 10 bytes, stretch 5 | met, stretch too"),
        ({"size": [7, 9, 8]}, "8 bytes (7–9) | ≤ 10 bytes, stretch 5 | met"),
        ({"size": [9, 14, 12.5]}, "12.50 bytes (9–14) | ≤ 10 bytes, stretch 5 | missed by 2.50 bytes"),
        ({}, "not measured | ≤ 10 bytes, stretch 5"),
    ],
)
def test_a_figure_stands_beside_its_goal(figures: Figures, said: str) -> None:
    """The table tells the median, least and most, the goal, and whether it is met or by how much it is missed."""
    assert told(figures) == [said]


def test_a_goal_may_be_a_least() -> None:
    """A figure that has to be large is missed where it is smaller."""
    goal = Goal("events", least=300_000)
    assert (goal.verdict(300_000), goal.verdict(299_000)) == ("met", "missed by 1,000")


def test_a_part_that_failed_is_a_row() -> None:
    """A part that fails takes nothing with it: it is a row of the table that says why."""
    outcome = Outcome(PART, {}, "RuntimeError: a | b", 1.0)
    assert told({}, "RuntimeError: a | b") == ["not measured | ≤ 10 bytes, stretch 5 | RuntimeError: a / b"]
    assert "## A part" in table([outcome], {"date": "today"})
    assert json.loads(json.dumps(as_data([outcome], {})))["parts"][PART.function]["failure"]


@given(st.dictionaries(st.sampled_from(["size", "other"]), st.lists(st.floats(0, 1e9), min_size=1, max_size=5)))
def test_every_figure_has_a_row(figures: Figures) -> None:
    """Whatever a part returns stands in the table once, and what has a goal stands there even where it is missing."""
    assert len(told(figures)) == len(figures.keys() | {"size"})


def test_the_floor_reads_and_accepts() -> None:
    """What counting is measured against reads the body and answers 202 without one."""
    answer = TestClient(Starlette(routes=[Mount("/", floor.app)])).post("/event", content=b"x" * 100_000)
    assert (answer.status_code, answer.content) == (202, b"")


def test_every_request_that_is_sent_is_counted() -> None:
    """The traffic of the bench is of the sort that passes the gate: none of it is dropped or refused."""
    sites = {site.id: site for site in map(servers.site, range(traffic.SITES))}
    gate = Gate(privacy=Privacy(), server=Server(trusted_proxies=("127.0.0.0/8",)), site=sites.get)
    salt = Salt(bytes(32))
    seen = [
        gate.admit(
            RawRequest(peer="127.0.0.1", forwarded=address, user_agent=agent, body=body),
            at=1_795_000_000,
            salt=lambda _site, _at: salt,
        )
        for address, agent, body in traffic.events(2_000)
    ]
    assert all(isinstance(outcome, Event) for outcome in seen)


def test_the_traffic_is_as_it_is_described(tmp_path: Path) -> None:
    """The file that is sent holds whole requests of about the size of real ones, and the same ones every time."""
    made = traffic.write(tmp_path / "one", 500).read_bytes()
    assert traffic.write(tmp_path / "two", 500).read_bytes() == made
    requests = made.split(traffic.SEPARATOR)
    assert len(requests) == 500
    for request in requests:
        head, _, body = request.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert 600 < len(request) < 1_000


def test_a_simulated_day_has_its_visits(clock: ManualClock) -> None:
    """A simulated day sends all that its 10,000 visits see, all of it within the day."""
    site = past.portal()
    day = local_day(clock.now(), site.timezone)
    sent = list(past.requests_of(day, timezone=site.timezone))
    assert 2 * past.VISITS_A_DAY < len(sent) < 10 * past.VISITS_A_DAY
    assert {local_day(datetime.fromtimestamp(at, UTC), site.timezone) for at, _ in sent[::500]} == {day}
