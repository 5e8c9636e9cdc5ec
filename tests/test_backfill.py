"""Past days through the gate: whole, once, and nothing left of whoever they were counted from."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from collector.backfill import Backfill
from collector.edge.raw import RawRequest
from collector.engine import Engine
from collector.errors import SettingsError, StoreError
from collector.model import Identity, Origin, Outcome, Site
from collector.policy import HOUR_ROWS_DAYS_MAX
from collector.settings import Privacy
from tests.agents import CHROME
from tests.clock import ManualClock
from tests.house import TallyHouse

MONDAY = date(2026, 11, 23)
NOON = int(datetime(2026, 11, 23, 11, tzinfo=UTC).timestamp())


@pytest.fixture
def backfill(engine: Engine, clock: ManualClock) -> Backfill:
    """Be ready to take past days in."""
    return Backfill(engine, clock=clock, random=os.urandom)


def view(visitor: int, page: str = "/", *, at: int = NOON, **fields: object) -> tuple[int, RawRequest]:
    """Return one page view of a numbered visitor."""
    body = json.dumps({"s": "school", "n": "pageview", "u": page} | fields).encode()
    return at, RawRequest(peer=f"10.{visitor >> 8}.{visitor & 255}.7", user_agent=CHROME, body=body)


def rows(engine: Engine, sql: str) -> list[tuple[object, ...]]:
    """Ask the history file."""
    with engine.history.read() as cursor:
        return list(cursor.execute(sql).fetchall())


CELLS = "select * exclude (day, part) from cell order by all"


def test_past_day_like_live(
    tmp_path: Path, clock: ManualClock, school: Site, backfill: Backfill, engine: Engine
) -> None:
    """A past day comes to the very cells that it would have come to live."""
    day = [
        (visitor, page) for visitor in range(40) for page in ("/", "/rooster", f"/toetsen/{visitor}")[: 1 + visitor % 3]
    ]
    (tmp_path / "live").mkdir()
    live = TallyHouse(tmp_path / "live", clock=clock).add(school)
    for visitor, page in day:
        assert live.send(visitor=visitor, page=page, r="www.google.com").status_code == 202
    live.tick().close()
    expected = live.rows(CELLS)
    live.stop()
    at = NOON - 3 * 3600
    requests = [view(visitor, page, at=at, r="www.google.com") for visitor, page in day]
    backfill.day(school, MONDAY, requests, origin=Origin.TRACKER)
    backfill.finish()
    assert rows(engine, CELLS) == expected


def test_old_days_keep_no_hours(engine: Engine, backfill: Backfill, school: Site) -> None:
    """A day that is older than hours are kept comes without them, and one that is as old comes with them."""
    for days in (HOUR_ROWS_DAYS_MAX, HOUR_ROWS_DAYS_MAX + 1):
        at = NOON - (days - 1) * 86_400
        day = MONDAY - timedelta(days=days - 1)
        backfill.day(school, day, [view(visitor, at=at) for visitor in range(40)], origin=Origin.TRACKER)
    backfill.finish()
    found = rows(engine, "select distinct day from cell where dimension = 'hour'")
    assert found == [(MONDAY - timedelta(days=HOUR_ROWS_DAYS_MAX - 1),)]
    assert len(rows(engine, "select distinct day from cell where dimension = 'page' or dimension = 'total'")) == 2


def test_marker_says_how(engine: Engine, backfill: Backfill, school: Site) -> None:
    """A day is kept with where it came from, what told visitors apart, and the settings in force."""
    count = backfill.day(school, MONDAY, map(view, range(12)), origin=Origin.SERVER_LOG)
    backfill.finish()
    assert (count.outcome, count.counted) == (Outcome.KEPT, 12)
    marker = rows(engine, "select day, part, outcome, origin, identity, k, settings, spool from closed")
    assert marker == [(MONDAY, 1, "kept", "server_log", "network", 10, engine.sites.head(), "{}")]


def test_below_k_only_marker(engine: Engine, backfill: Backfill, school: Site) -> None:
    """Of a past day with fewer than k visitors no figure is kept, that of refused requests included."""
    bots = [(NOON, RawRequest(peer="10.0.0.1", user_agent="", body=view(1)[1].body)) for _ in range(30)]
    count = backfill.day(school, MONDAY, [*map(view, range(9)), *bots], origin=Origin.TRACKER)
    backfill.finish()
    assert count.drops == {"bot": 30}
    assert rows(engine, "select outcome from closed") == [("below_k",)]
    assert rows(engine, "select count(*) from cell") == rows(engine, "select count(*) from dropped") == [(0,)]


@pytest.mark.parametrize(
    ("day", "code"),
    [
        (date(2026, 11, 24), "day_not_over"),
        (date(2026, 11, 25), "day_not_over"),
        (MONDAY, "day_closed"),
        (date(2024, 1, 1), "day_expired"),
    ],
)
def test_refused_days(engine: Engine, backfill: Backfill, school: Site, day: date, code: str) -> None:
    """Today, the future, a day that has a part and a day beyond retention are refused, and nothing changes."""
    backfill.day(school, MONDAY, map(view, range(12)), origin=Origin.TRACKER)
    before = rows(engine, "select * from closed")
    with pytest.raises(SettingsError) as refused:
        backfill.day(school, day, [], origin=Origin.TRACKER)
    assert refused.value.code == code
    assert rows(engine, "select * from closed") == before


def test_day_still_closing(tmp_path: Path, school: Site) -> None:
    """A day whose spool is still there is not counted a second time from elsewhere."""
    clock = ManualClock("2026-11-23T12:00:00+01:00")
    house = TallyHouse(tmp_path, clock=clock, privacy=Privacy()).add(school)
    house.feed(visitors=3).tick()
    clock.set("2026-11-24T00:00:01+01:00")
    backfill = Backfill(house.house.engine, clock=clock, random=os.urandom)
    with pytest.raises(SettingsError, match="still being closed"):
        backfill.day(school, MONDAY, [], origin=Origin.SERVER_LOG)
    house.stop()


def test_site_off(backfill: Backfill, school: Site) -> None:
    """Nothing is counted for a site that its controller has not switched on."""
    off = msgspec.structs.replace(school, is_on=False)
    with pytest.raises(SettingsError) as refused:
        backfill.day(off, MONDAY, [], origin=Origin.SERVER_LOG)
    assert refused.value.code == "site_off"


def test_other_day_refused(backfill: Backfill, school: Site) -> None:
    """A request of another day cannot slip into a day."""
    with pytest.raises(ValueError, match="not of this day"):
        backfill.day(school, MONDAY, [view(1, at=NOON + 86_400)], origin=Origin.TRACKER)


def test_salt_is_nowhere(tmp_path: Path, engine: Engine, clock: ManualClock, school: Site) -> None:
    """Each past day has a salt of its own, and no file ever holds one."""
    made: list[bytes] = []

    def random(size: int) -> bytes:
        made.append(os.urandom(size))
        return made[-1]

    backfill = Backfill(engine, clock=clock, random=random)
    for day, at in ((date(2026, 11, 22), NOON - 86_400), (MONDAY, NOON)):
        backfill.day(school, day, [view(v, at=at) for v in range(12)], origin=Origin.TRACKER)
    backfill.finish()
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(set(made)) == 2
    for salt in made:
        assert salt not in files
        assert salt.hex().encode() not in files


def test_file_compared(engine: Engine, backfill: Backfill, school: Site) -> None:
    """A history file that reads differently from what was kept is noticed at the end of a batch."""
    backfill.day(school, MONDAY, map(view, range(12)), origin=Origin.TRACKER)
    with engine.history.write() as cursor:
        cursor.execute("delete from cell where dimension = 'total'")
    with pytest.raises(StoreError) as noticed:
        backfill.finish()
    assert noticed.value.code == "close_differs"


def test_log_goes_by_network(engine: Engine, backfill: Backfill, school: Site) -> None:
    """In a server log nobody has a number: visitors of a site in browser identity are told apart by network there."""
    numbered = msgspec.structs.replace(school, identity=Identity.BROWSER)
    count = backfill.day(numbered, MONDAY, map(view, range(12)), origin=Origin.SERVER_LOG)
    assert (count.identity, count.counted, count.drops) == (Identity.NETWORK, 12, {})
