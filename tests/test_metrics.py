"""Figures for a monitoring system: in whole steps, of no site, and for nobody but this machine or the token."""

import re
import socket
from pathlib import Path

import msgspec
import pytest
from starlette.testclient import TestClient

from collector.event import Reason
from collector.metrics import REASONS, Metrics
from collector.model import Site
from collector.settings import Server
from tests.clock import ManualClock
from tests.house import TallyHouse
from tests.metrics import read_figures
from tests.process import HouseProcess

_TIMES = re.compile("^turven_(round|query|close)_seconds")


@pytest.fixture
def house(tmp_path: Path, clock: ManualClock, school: Site) -> TallyHouse:
    """Open a house with one site and a token."""
    return TallyHouse(
        tmp_path, clock=clock, server=Server(trusted_proxies=("127.0.0.0/8",), metrics_token="c" * 20)
    ).add(school)


def figures(house: TallyHouse) -> dict[str, float]:
    """Read `/metrics` as a monitoring system does."""
    answer = house.client.get("/metrics")
    assert answer.status_code == 200
    lines = [line.rpartition(" ") for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


def test_polling_shows_steps_of_ten(house: TallyHouse) -> None:
    """Whoever polls while single events and drops arrive sees nothing change but by tens, and no bytes of one event."""
    seen = []
    for visitor in range(25):
        assert house.send(visitor=visitor).status_code == 202
        assert house.send(visitor=visitor, headers={"User-Agent": "curl/8"}).status_code == 204
        house.tick()
        seen.append({name: value for name, value in figures(house).items() if not _TIMES.match(name)})
    assert [one["turven_events_total"] for one in seen] == [0.0] * 9 + [10.0] * 10 + [20.0] * 6
    assert {one.get('turven_dropped_total{reason="bot"}', 0.0) for one in seen} == {0.0, 10.0, 20.0}
    changing = {name for name in seen[-1] if len({one.get(name, 0.0) for one in seen}) > 1}
    assert changing == {"turven_events_total", 'turven_dropped_total{reason="bot"}'}


def test_no_figure_names_a_site(house: TallyHouse) -> None:
    """No label but a reason of the closed list and a bound of seconds, and no word of a site or a platform."""
    house.feed(visitors=30, page="/over-jan").tick()
    house.close()
    text = house.client.get("/metrics").text
    assert set(re.findall(r"(\w+)=\"", text)) <= {"le", "reason"}
    assert not re.search("school|over-jan|python|process_", text)
    assert "turven_close_seconds_count 1.0" in text


def test_health_says_what_is_wrong(house: TallyHouse) -> None:
    """A house that has not started is not ready, and a disk that is gone is named; a failed round is one, too."""
    assert house.client.get("/health").status_code == 503
    house.house._ready = True
    house.tick()
    told = house.client.get("/health")
    assert (told.status_code, told.json()["ready"]) == (200, True)
    house.house.engine.metrics.round_ended(is_well=False)
    assert house.client.get("/health").json()["checks"] == {"engine": False, "spool": True, "disk": True}
    house.tick()
    house.house.settings = msgspec.structs.replace(house.settings, data_dir=house.folder / "gone")
    told = house.client.get("/health")
    assert (told.status_code, told.json()["live"]) == (503, True)
    assert [name for name, is_fine in told.json()["checks"].items() if not is_fine] == ["spool", "disk"]
    assert "turven_ready 0.0" in house.client.get("/metrics").text


def test_opt_outs_are_told_in_hundreds() -> None:
    """Opt-outs leave in hundreds, other reasons in tens, removed fields not at all."""
    metrics = Metrics()
    metrics.took_in(0, {("", Reason.OPT_OUT): 199, ("school", Reason.BOT): 19, ("school", "refused:email"): 500})
    text = metrics.text().decode()
    told = dict(re.findall(r'reason="(\w+)"\} (\S+)', text))
    assert {reason: count for reason, count in told.items() if count != "0.0"} == {"bot": "10.0", "opt_out": "100.0"}


def test_the_first_drop_of_its_kind_shows_nowhere() -> None:
    """Every reason is named from the start: a line that appears would tell of one person who opted out."""
    assert set(REASONS) == set(Reason)
    metrics = Metrics()
    before = metrics.text()
    metrics.took_in(0, {("", Reason.OPT_OUT): 1, ("school", Reason.BOT): 1})
    assert metrics.text() == before


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("::ffff:127.0.0.1", {}, 200),
        ("10.0.0.9", {}, 403),
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.9"}, 403),
        ("127.0.0.1", {"X-Forwarded-Proto": "https"}, 403),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.9"}, 403),
        ("127.0.0.1", {"X-Real-IP": "10.0.0.9"}, 403),
        ("10.0.0.9", {"Authorization": "Bearer cccccccccccccccccccc"}, 200),
        ("10.0.0.9", {"Authorization": "Bearer ccccccccccccccccccc"}, 403),
        ("10.0.0.9", {"Authorization": "Bearer "}, 403),
    ],
)
def test_metrics_are_for_this_machine_or_the_token(
    house: TallyHouse, client: str, headers: dict[str, str], status: int
) -> None:
    """A request from elsewhere, or through a proxy, is answered 403 unless it says the token."""
    asked = TestClient(house.client.app, client=(client, 50_000)).get("/metrics", headers=headers)
    assert asked.status_code == status


def test_what_limits_refused_is_told_in_tens(tmp_path: Path) -> None:
    """A running house tells what its limits refused once there are ten; idle connections are nobody's business."""
    metrics = Metrics()
    metrics.refused.update(idle=50, too_slow=9, crowded=19)
    assert re.findall(r'kind="(\w+)"\} (\S+)', metrics.text().decode()) == [("crowded", "10.0")]
    with HouseProcess(tmp_path) as running:
        for _ in range(11):
            with socket.create_connection(("127.0.0.1", running.port), timeout=10) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\n" + b"X: x\r\n" * 300 + b"\r\n")
                assert connection.recv(64).startswith(b"HTTP/1.1 431")
        told = read_figures(running.request("GET", "/metrics")[2])
        assert told['turven_refused_total{kind="head_too_large"}'] == 10.0
