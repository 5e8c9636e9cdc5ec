"""A server log through the gate: pages only, each day whole, and no line of it anywhere."""

import gzip
import io
import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.engine import Engine
from collector.errors import SettingsError
from collector.logfile import LINE_BYTES_MAX, Line, Lines, LogFile, is_asset
from collector.model import Identity, Site
from collector.replay import NO_AGENT, Summary, describe, replay, run
from collector.settings import Settings
from tests.clock import ManualClock

AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/153.0.0.0 Safari/537.36"
)
NOON = datetime(2026, 11, 23, 11, tzinfo=UTC)


def line(visitor: int = 0, target: str = "/", *, at: datetime = NOON, status: int = 200, agent: str = AGENT) -> bytes:
    """Return one line of the combined log format."""
    return (
        f'10.{visitor >> 8}.{visitor & 255}.7 - - [{at:%d/%b/%Y:%H:%M:%S %z}] "GET {target} HTTP/1.1" {status} 512 '
        f'"https://www.google.com/search?q=x" "{agent}"\n'
    ).encode()


def take(engine: Engine, lines: list[bytes], clock: ManualClock) -> Summary:
    """Replay *lines* for the school."""
    return replay(engine, lines, "school", clock=clock, random=os.urandom)


def rows(engine: Engine, sql: str) -> list[tuple[object, ...]]:
    """Ask the history file."""
    with engine.history.read() as cursor:
        return list(cursor.execute(sql).fetchall())


TOTALS = "select day, visitors from cell where dimension = 'total' order by day"
AT = int(datetime(2026, 11, 23, 8, 15, 59, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '1.2.3.4 - - [23/Nov/2026:09:15:59 +0100] "GET /a?b=1 HTTP/1.1" 200 12 "https://x.nl/" "Agent (1)"',
            Line("1.2.3.4", AT, "GET", "/a?b=1", 200, "https://x.nl/", "Agent (1)"),
        ),
        (
            '2001:db8::1 - jan de wit [23/Nov/2026:02:45:59 -0530] "POST /a HTTP/2.0" 301 - "-" "-"',
            Line("2001:db8::1", AT, "POST", "/a", 301, "", ""),
        ),
        (
            'host.example - - [23/Nov/2026:08:15:60 +0000] "GET /a b" 200 1',
            Line("host.example", AT, "GET", "/a b", 200, "", None),
        ),
        (
            r'1.2.3.4 - - [23/Nov/2026:08:15:59 +0000] "GET /\x41 HTTP/1.1" 200 1 "-" "say \"hi\" \\"',
            Line("1.2.3.4", AT, "GET", "/A", 200, "", 'say "hi" \\'),
        ),
        ("", None),
        ("2026-11-23 GET /a 200", None),
        ('1.2.3.4 - - [23/Nov/2026:08:15 +0000] "GET /a HTTP/1.1" 200 1 "-" "-"', None),
        ('1.2.3.4 - - [31/Feb/2026:08:15:59 +0000] "GET /a HTTP/1.1" 200 1 "-" "-"', None),
        ('1.2.3.4 - - [23/Nov/2026:08:15:59 +0000] "GET /a HTTP/1.1" OK 1 "-" "-"', None),
    ],
)
def test_line(text: str, expected: Line | None) -> None:
    """The combined and the common log format are read, any zone and any escape; anything else is a bad line."""
    assert Lines().read(text.encode()) == expected


@given(st.binary(max_size=300))
def test_any_bytes(text: bytes) -> None:
    """No bytes, however odd, stop the reading of a log."""
    Lines().read(text)
    Lines().read(b'1.2.3.4 - - [23/Nov/2026:09:15:59 +0100] "GET /' + text + b' HTTP/1.1" 200 12 "-" "-"')


@pytest.mark.parametrize(
    ("target", "is_one"),
    [
        ("/", False),
        ("/rooster", False),
        ("/rooster.html", False),
        ("/index.php?file=a.css", False),
        ("/v1.2/les", False),
        ("/app.js?v=3", True),
        ("/LOGO.PNG", True),
        ("/api/cijfers.json", True),
        ("/boek.pdf", True),
        ("/.well-known/security", True),
    ],
)
def test_asset(target: str, *, is_one: bool) -> None:
    """Files that pages load or link to are no pages."""
    assert is_asset(target) is is_one


def test_pages_only(engine: Engine, clock: ManualClock) -> None:
    """Only answers 2xx to GET for pages are counted; the rest is told by reason."""
    lines = [line(v) for v in range(12)]
    lines += [line(1, "/app.css"), line(1, status=404), line(1, status=304), line(1, agent="-"), b"nonsense\n"]
    lines += [line(1).replace(b"GET", b"POST"), line(1).replace(b'"GET / HTTP/1.1"', b'"\\x16\\x03"')]
    summary = take(engine, lines, clock)
    assert (summary.lines, summary.bad, summary.counted) == (19, 1, 12)
    assert summary.skipped == {"asset": 1, "status": 2, "method": 2}
    assert summary.drops == {"bot": 1}
    assert rows(engine, TOTALS) == [(NOON.date(), 12)]
    assert rows(engine, "select origin, identity from closed") == [("server_log", "network")]
    assert rows(engine, "select value from cell where dimension = 'source' and filter_dimension = ''") == [("Google",)]


def test_local_midnight(engine: Engine, clock: ManualClock) -> None:
    """A line belongs to the site's own day, whatever zone the server wrote it in, also when the clock was changed."""
    late = datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)  # 23:59:59 in Amsterdam, the 25th hour of that day
    early = datetime(2026, 10, 24, 22, 0, 0, tzinfo=UTC)  # 00:00 in Amsterdam, in summer time
    lines = [line(v, at=early) for v in range(11)] + [line(20 + v, at=late) for v in range(12)]
    lines += [line(v, at=late + timedelta(seconds=1)) for v in range(13)]
    take(engine, lines, clock)
    assert rows(engine, TOTALS) == [(date(2026, 10, 25), 23), (date(2026, 10, 26), 13)]


def test_order_does_not_matter(tmp_path: Path, school: Site, clock: ManualClock) -> None:
    """A log whose days are mixed up comes to the same figures as one in order."""
    lines = [
        line(v, f"/vakken/{v % 3}", at=NOON - timedelta(days=d, minutes=v)) for d in (3, 2, 1) for v in range(15 + d)
    ]
    mixed = list(lines)
    Random(7).shuffle(mixed)
    found = []
    for name, each in (("in order", lines), ("mixed", mixed)):
        (tmp_path / name).mkdir()
        settings = Settings(data_dir=tmp_path / name / "data", runtime_dir=str(tmp_path / name / "runtime"))
        house = Engine(settings, clock=clock)
        house.sites.add(school, made_by="operator", reason="test", at=clock.now())
        summary = take(house, each, clock)
        found.append((summary.kept, rows(house, "select * from cell order by all")))
        house.stop()
    assert found[0] == found[1]
    assert len(found[0][0]) == 3


def test_refused_days(engine: Engine, clock: ManualClock) -> None:
    """A day that has a part and the running day are left out and named; the others are taken in."""
    take(engine, [line(v) for v in range(12)], clock)
    today = NOON + timedelta(days=1)
    lines = [line(v, at=at) for at in (NOON - timedelta(days=1), NOON, today) for v in range(20)]
    summary = take(engine, lines, clock)
    assert summary.kept == [date(2026, 11, 22)]
    assert summary.refused == {"day_closed": {NOON.date(): 20}, "day_not_over": {today.date(): 20}}
    assert rows(engine, TOTALS) == [(date(2026, 11, 22), 20), (NOON.date(), 12)]
    assert "1 days left out (2026-11-24, 20 page views): not over yet" in describe(summary)


def test_small_day(engine: Engine, clock: ManualClock) -> None:
    """A day of fewer than k visitors is told as such and keeps no figure."""
    summary = take(engine, [line(v) for v in range(9)], clock)
    assert (summary.kept, summary.below_k) == ([], [NOON.date()])
    assert rows(engine, "select count(*) from cell") == [(0,)]


def test_browser_identity(engine: Engine, school: Site, clock: ManualClock) -> None:
    """On a site that counts by browser number the days of a log are marked as counted by network, and it is said."""
    portal = msgspec.structs.replace(school, id="portal", identity=Identity.BROWSER)
    engine.sites.add(portal, made_by="operator", reason="test", at=clock.now())
    summary = replay(engine, [line(v) for v in range(12)], "portal", clock=clock, random=os.urandom)
    assert rows(engine, "select identity, origin from closed") == [("network", "server_log")]
    assert "A log has no browser numbers" in describe(summary)


def test_common_format(engine: Engine, clock: ManualClock) -> None:
    """Where the format names no browser the visitors are counted, and it is said that bots are among them."""
    lines = [line(v).split(b' "https')[0] + b"\n" for v in range(12)]
    summary = take(engine, lines, clock)
    assert (summary.counted, summary.without_agent) == (12, 12)
    assert "bots cannot be told from people" in describe(summary)
    assert NO_AGENT.encode() not in b"".join(p.read_bytes() for p in engine.settings.data_dir.rglob("*") if p.is_file())


def test_nothing_quoted(tmp_path: Path, engine: Engine, clock: ManualClock) -> None:
    """No address, agent, query or bad line of a log is in a file, or in what is said of it."""
    marks = [b"10.0.3.7", b"Gecko", b"jan@school.example", b"geheim"]
    lines = [line(v, "/rooster?mail=jan@school.example") for v in range(12)] + [b"geheim " * 20 + b"\n"]
    summary = take(engine, lines, clock)
    engine.history.reopen()
    said = describe(summary).encode() + msgspec.json.encode(summary)
    found = said + b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert summary.bad == 1
    assert [mark for mark in marks if mark in found] == []


def test_backwards_log(engine: Engine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that runs backwards is refused before a day is kept that is not whole."""
    monkeypatch.setattr("collector.replay.OPEN_DAYS_MAX", 3)
    lines = [line(v, at=NOON - timedelta(days=back)) for back in range(4) for v in range(11)]
    with pytest.raises(SettingsError) as refused:
        take(engine, lines, clock)
    assert refused.value.code == "log_unordered"
    assert rows(engine, "select count(*) from closed") == [(0,)]


def test_long_log(engine: Engine, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A log of more days than are held at once is closed from its oldest day on, and what comes too late is told."""
    monkeypatch.setattr("collector.replay.OPEN_DAYS_MAX", 3)
    days = 5
    lines = [line(v, at=NOON - timedelta(days=back)) for back in range(days, 0, -1) for v in range(2)]
    summary = take(engine, [*lines, line(at=NOON - timedelta(days=days))], clock)
    assert len(summary.below_k) == days
    assert summary.below_k == sorted(summary.below_k)
    assert summary.late == 1


@pytest.mark.parametrize("kind", ["plain", "gz", "stdin"])
def test_run(tmp_path: Path, engine: Engine, clock: ManualClock, kind: str) -> None:
    """A plain file, a gzipped one and standard input come to the same."""
    text = b"".join(line(v) for v in range(12))
    path = tmp_path / ("access.log.gz" if kind == "gz" else "access.log")
    path.write_bytes(gzip.compress(text) if kind == "gz" else text)
    params = {"site": "school", "path": "-" if kind == "stdin" else str(path)}
    seen: list[str] = []
    answer = run(
        engine,
        params,
        clock=clock,
        random=os.urandom,
        stdin=io.BytesIO(text),
        progress=lambda what, *_: seen.append(what),
    )
    assert (json.loads(answer)["counted"], json.loads(answer)["kept"]) == (12, ["2026-11-23"])
    assert seen == ["closed"]


def test_damaged_file(tmp_path: Path, engine: Engine, clock: ManualClock) -> None:
    """A gzipped log that ends in the middle is refused, and no day of it is kept by half."""
    path = tmp_path / "access.log.gz"
    path.write_bytes(gzip.compress(b"".join(line(v) for v in range(200)))[:-40])
    with pytest.raises(SettingsError) as refused:
        run(engine, {"site": "school", "path": str(path)}, clock=clock, random=os.urandom)
    assert refused.value.code == "log_damaged"
    assert rows(engine, "select count(*) from closed") == [(0,)]


@pytest.mark.parametrize(("path", "code"), [("/nowhere/access.log", "log_unreadable"), ("-", "log_stdin")])
def test_unreadable_file(path: str, code: str) -> None:
    """A file that is not there, or standard input where there is none, is refused with a sentence."""
    with pytest.raises(SettingsError) as refused:
        LogFile(path, stdin=None)
    assert refused.value.code == code


def test_endless_line(tmp_path: Path) -> None:
    """A line without end is read in pieces of a fixed size."""
    path = tmp_path / "access.log"
    path.write_bytes(b"x" * (3 * LINE_BYTES_MAX))
    with LogFile(str(path), stdin=None) as log:
        assert [len(piece) for piece in log] == [LINE_BYTES_MAX] * 3
        assert log.position() == log.size == 3 * LINE_BYTES_MAX
