"""The simulated school: believable, repeatable, through the real gate, and never near a real house."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.backfill import PastDays
from collector.clock import SystemClock, day_starts_at, local_day, local_hour
from collector.demo.live import VISIT_SECONDS, LiveVisitors
from collector.demo.people import DayKind
from collector.demo.run import GOOD_HOURS, clear, daytime_zone, demo_settings, prepare, run_demo
from collector.demo.school import HOST, SITE, SITE_ID, School
from collector.demo.weeks import Job, as_raw, site_in
from collector.engine import Engine
from collector.errors import SettingsError
from collector.event import Event, Reason
from collector.model import Identity, Origin
from collector.settings import Server, Settings
from dashboard.holidays import calendar
from tests.clock import ManualClock

AMSTERDAM = "Europe/Amsterdam"
TODAY = date(2026, 11, 24)


@pytest.fixture(scope="module")
def school() -> School:
    """Return a school of a tenth of its size."""
    return School(seed="test", timezone=AMSTERDAM, today=TODAY, share=0.1)


@pytest.fixture
def own(tmp_path: Path, clock: ManualClock) -> Settings:
    """Return a demo's settings at eleven in the morning."""
    clock.set("2026-11-24T11:00:00+01:00")
    return demo_settings(Settings(data_dir=tmp_path / "var", runtime_dir=str(tmp_path)), now=clock.now())


@contextmanager
def opened(own: Settings, clock: ManualClock) -> Iterator[Engine]:
    """Open the demo's house as `serve` would."""
    engine = Engine(own, clock=clock)
    try:
        yield engine
    finally:
        engine.stop()


def rows(engine: Engine, sql: str) -> list[tuple[Any, ...]]:
    """Ask the history file."""
    with engine.history.read() as cursor:
        return list(cursor.execute(sql).fetchall())


def test_repeatable(school: School) -> None:
    """The same seed gives the same day, another one another."""
    twin = School(seed="test", timezone=AMSTERDAM, today=TODAY, share=0.1)
    other = School(seed="other", timezone=AMSTERDAM, today=TODAY, share=0.1)
    assert twin.requests_of(TODAY) == school.requests_of(TODAY) != other.requests_of(TODAY)


@given(back=st.integers(0, 90))
def test_requests_in_their_day(school: School, back: int) -> None:
    """A day's requests are in order and inside that local day, and its earlier hours are its beginning."""
    day = TODAY - timedelta(days=back)
    requests = school.requests_of(day)
    assert requests == sorted(requests, key=lambda request: request.at)
    assert {local_day(datetime.fromtimestamp(r.at, UTC), AMSTERDAM) for r in requests} == {day}
    noon = int(day_starts_at(day, AMSTERDAM).timestamp()) + 12 * 3600
    earlier = school.requests_of(day, until=noon)
    assert earlier == requests[: len(earlier)]
    assert all(request.at < noon for request in earlier)


def test_rhythm(school: School) -> None:
    """Weekends are quiet and the holiday nearly empty; today is a school day even on a Sunday."""
    monday, saturday, holiday = date(2026, 11, 23), date(2026, 11, 21), date(2026, 10, 14)
    assert school.kind_of(holiday) is DayKind.HOLIDAY
    assert len(school.requests_of(monday)) > 4 * len(school.requests_of(saturday))
    assert len(school.requests_of(saturday)) > len(school.requests_of(holiday))
    closed = {(one.first, one.last) for one in calendar().holidays if one.region is SITE.region}
    for week in (
        (2026, 42),
        (2026, 52),
        (2027, 8),
        (2027, 42),
        (2027, 52),
        (2028, 8),
        (2028, 42),
        (2028, 52),
        (2029, 8),
    ):
        monday = date.fromisocalendar(*week, 1)
        assert school.kind_of(monday) is DayKind.HOLIDAY
        assert any(first <= monday and monday + timedelta(days=6) <= last for first, last in closed), week
    sunday = School(seed="test", timezone=AMSTERDAM, today=date(2026, 11, 22), share=0.1)
    assert sunday.kind_of(date(2026, 11, 22)) is DayKind.SCHOOL


def test_gate_takes_them(school: School) -> None:
    """Every simulated request is an event, a bot or an opt-out, and everybody comes from one address."""
    job = Job(settings=demo_settings(Settings(), now=datetime(2026, 11, 24, 12, tzinfo=UTC)), site=site_in(AMSTERDAM),
              seed="test", today=TODAY)  # fmt: skip
    past = PastDays(job.site, settings=job.settings, origin=Origin.TRACKER, random=bytes)
    day = past.open(TODAY)
    requests = school.requests_of(TODAY)
    outcomes = [day.admit(as_raw(request), at=request.at) for request in requests]
    events = [each for each in outcomes if isinstance(each, Event)]
    assert {getattr(each, "reason", "event") for each in outcomes} == {"event", Reason.BOT, Reason.OPT_OUT}
    numbers = {json.loads(r.body)["i"] for r in requests if not r.opts_out and "bot" not in r.user_agent.lower()}
    assert len({event.visitor for event in events}) == len(numbers)
    assert {as_raw(request).forwarded for request in requests} == {"192.0.2.17"}
    assert {"Chrome", "Safari"} <= {event.browser for event in events}
    assert {"ChromeOS", "iOS", "iPadOS", "Android"} <= {event.os for event in events}
    assert {"NL", "(unknown)"} - {event.country for event in events} == {"(unknown)"}
    told = {event.name for event in events if event.name}
    assert told <= {"Inleveren", "Download", "Zoeken", "Outbound", "Not found", "Rooster gedownload"}


def test_prepare(own: Settings, clock: ManualClock, caplog: pytest.LogCaptureFixture) -> None:
    """A prepared demo has its closed days, the hours of today in the spool and committed, and warns of nothing."""
    prepare(own, clock=clock, days=3, share=0.2, workers=1)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    with opened(own, clock) as engine:
        assert engine.sites.known(SITE_ID).identity is Identity.BROWSER
        assert rows(engine, "select count(distinct day), min(origin) from closed") == [(3, "tracker")]
        assert rows(engine, "select max(last_hour) <= 10, sum(visitors) > 20 from committed_hour") == [(True, True)]
        engine.tick()
        shown = rows(engine, "select dimension, visitors from today.cell where day = '2026-11-24'")
    assert "total" in dict(shown)
    assert all(visitors % 10 == 0 for _, visitors in shown)


def test_processes_agree(own: Settings, clock: ManualClock) -> None:
    """Two processes that share the work come to the cells that one comes to; a second demo starts afresh."""
    found = []
    for workers in (1, 2):
        prepare(own, clock=clock, days=2, share=0.1, workers=workers)
        with opened(own, clock) as engine:
            found.append(rows(engine, "select * from cell order by all"))
    assert found[0] == found[1] != []


def test_collectors_stay_out(tmp_path: Path) -> None:
    """The demo is one process, whatever the settings say of collectors."""
    server = Server(collectors=2, collector_listen="127.0.0.1:8001")
    own = demo_settings(Settings(data_dir=tmp_path, server=server), now=datetime(2026, 11, 24, 12, tzinfo=UTC)).server
    assert (own.collectors, own.collector_listen) == (0, "")


def test_foreign_folder(own: Settings) -> None:
    """A folder that no demo made is never cleared."""
    own.data_dir.mkdir(parents=True)
    (own.data_dir / "history.duckdb").write_text("precious")
    with pytest.raises(SettingsError) as refused:
        clear(own)
    assert refused.value.code == "demo_folder_foreign"
    assert (own.data_dir / "history.duckdb").read_text() == "precious"


def test_own_folders(tmp_path: Path, clock: ManualClock) -> None:
    """The demo's house lies in folders of its own and weakens no privacy setting of the house."""
    settings = Settings(data_dir=tmp_path, runtime_dir=str(tmp_path / "run"))
    own = demo_settings(settings, now=clock.now())
    assert own.data_dir == tmp_path / "demo"
    assert own.runtime_path() == tmp_path / "run" / "demo"
    assert own.privacy == settings.privacy


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)))  # noqa: DTZ001 - the zone follows
def test_always_daytime(at: datetime) -> None:
    """Whenever the demo is started, it is daytime at the school."""
    now = at.replace(tzinfo=UTC)
    assert local_hour(now, daytime_zone(now, AMSTERDAM)) in GOOD_HOURS


def test_live_rate(school: School) -> None:
    """Live visitors send a few requests a second, never a burst."""
    clock = ManualClock()
    live = LiveVisitors(school, host="127.0.0.1", port=1, clock=clock, seed="test")
    sent = []
    for _ in range(5 * 600):
        sent.append(len(live.due(clock.now())))
        clock.forward(seconds=0.2)
    assert max(sent) <= 1
    assert 0.5 < sum(sent) / 600 < 12 / VISIT_SECONDS


def test_live_requests(school: School) -> None:
    """Live visitors really send requests, as browsers behind the school's address do, and stop when told."""
    seen: Queue[tuple[str, dict[str, str], bytes]] = Queue()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.put((self.path, dict(self.headers), body))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Door) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        live = LiveVisitors(school, host="127.0.0.1", port=server.server_port, clock=SystemClock(), seed="test")
        live.start()
        path, headers, body = seen.get(timeout=30)
        live.stop()
        server.shutdown()
    assert path == "/event"
    assert (headers["X-Forwarded-For"], json.loads(body)["s"]) == ("192.0.2.17", SITE_ID)
    assert json.loads(body)["u"].startswith(f"https://{HOST}/")
    assert "Cookie" not in headers
    assert "Referer" not in headers


def test_run_demo(tmp_path: Path, clock: ManualClock) -> None:
    """The demo serves its own house once it is prepared, says where it lies, and its visitors go when it ends."""
    clock.set("2026-11-24T11:00:00+01:00")
    said: list[str] = []
    served: list[Settings] = []
    settings = Settings(data_dir=tmp_path / "var", runtime_dir=str(tmp_path))
    run_demo(settings, serve=served.append, clock=clock, say=said.append, days=1, share=0.05, workers=1)
    assert [each.data_dir for each in served] == [tmp_path / "var" / "demo"]
    assert str(tmp_path / "var" / "demo" / "turven.toml") in said[-1]
