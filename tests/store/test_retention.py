"""What is too old is gone from the bytes, and nothing else is."""

from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from collector.errors import StoreError
from collector.model import Cell, Dimension, Identity, Origin, Outcome, Profile, Site
from collector.store.history import History
from collector.store.ledger import ClosedPart, Ledger
from collector.store.retention import let_go
from tests.clock import ManualClock
from tests.house import TallyHouse

TODAY = date(2026, 11, 24)


def part(day: date, page: str, clock: ManualClock, site: str = "school") -> ClosedPart:
    """Describe a day with one page and one block of hours."""
    kinds = {Dimension.TOTAL: "", Dimension.PAGE: page, Dimension.HOUR: "08-09"}
    return ClosedPart(
        site=site, day=day, part=1, outcome=Outcome.KEPT, origin=Origin.TRACKER, identity=Identity.NETWORK,
        profile=Profile.STANDARD, k=10, settings="0" * 64, closed_at=clock.now(), epoch_part=1, spool={},
        cells=[
            Cell(dimension=dimension, value=value, contributors=20, pageviews=31, visitors=30)
            for dimension, value in kinds.items()
        ],
    )  # fmt: skip


def test_an_old_day_leaves_the_bytes(history: History, clock: ManualClock) -> None:
    """After the retention period no byte of a day's pages is left in the file; younger days are as they were."""
    old, young = TODAY - timedelta(days=760), TODAY - timedelta(days=10)
    Ledger(history).keep([part(old, "/lang-geleden", clock), part(young, "/onlangs", clock)])
    history.reopen()
    assert b"/lang-geleden" in history.path.read_bytes()
    assert let_go(history, today=TODAY, retention_days=760)
    left = b"".join(path.read_bytes() for path in history.path.parent.iterdir() if path.is_file())
    assert b"/lang-geleden" not in left
    assert Ledger(history).differs([part(young, "/onlangs", clock)]) is None
    assert not let_go(history, today=TODAY, retention_days=760)


def test_hours_are_let_go_before_days(history: History, clock: ManualClock) -> None:
    """Hours are kept 62 days at most; the day's other figures stay."""
    day = TODAY - timedelta(days=62)
    Ledger(history).keep([part(day, "/", clock)])
    assert let_go(history, today=TODAY, retention_days=760)
    with history.read() as cursor:
        kept = cursor.execute("select dimension from cell order by 1").fetchall()
    assert kept == [("page",), ("total",)]


def test_a_day_goes_when_its_hours_are_long_gone(history: History, clock: ManualClock) -> None:
    """A day whose hours went before is let go by its own age."""
    Ledger(history).keep([part(TODAY - timedelta(days=70), "/eens", clock)])
    assert let_go(history, today=TODAY, retention_days=90)
    assert b"/eens" in history.path.read_bytes()
    assert not let_go(history, today=TODAY + timedelta(days=19), retention_days=90)
    assert let_go(history, today=TODAY + timedelta(days=20), retention_days=90)
    assert b"/eens" not in history.path.read_bytes()


def test_each_site_has_its_own_limit(history: History, clock: ManualClock) -> None:
    """A site that keeps less leaves the bytes earlier; another site's figures of the same day stay."""
    old, new = TODAY - timedelta(days=100), TODAY - timedelta(days=20)
    for site in ("kort", "lang"):
        Ledger(history).keep([part(old, f"/oud-{site}", clock, site), part(new, f"/nieuw-{site}", clock, site)])
    with history.write() as cursor:
        for site, day in (("kort", old), ("lang", old), ("", old), ("kort", new)):
            cursor.execute("insert into dropped values (?, ?, 1, 'bot', 20)", [site, day])
            cursor.execute("insert into committed_hour values (?, ?, 2, 8, 9, 30, 20, 20)", [site or "kort", day])
    assert let_go(history, today=TODAY, retention_days=760, of_sites={"kort": 90, "lang": 900})
    left = history.path.read_bytes()
    assert {name: name.encode() in left for name in ("/oud-kort", "/nieuw-kort", "/oud-lang", "/nieuw-lang")} == {
        "/oud-kort": False,
        "/nieuw-kort": True,
        "/oud-lang": True,
        "/nieuw-lang": True,
    }
    with history.read() as cursor:
        for table, sites in (
            ("closed", {"kort", "lang"}),
            ("dropped", {"", "kort", "lang"}),
            ("cell", {"kort", "lang"}),
        ):
            rows = cursor.execute(f"select distinct site, day from {table}").fetchall()
            assert {site for site, _ in rows} == sites
            assert min(day for site, day in rows if site == "kort") == new
        # Hours of both went with their 62 days.
        assert cursor.execute("select distinct site, day from committed_hour").fetchall() == [("kort", new)]
        assert cursor.execute("select min(day) from cell where dimension = 'hour'").fetchall() == [(new,)]
    assert not let_go(history, today=TODAY, retention_days=760, of_sites={"kort": 90})


def test_hours_go_with_a_short_limit(history: History, clock: ManualClock) -> None:
    """Where a site keeps less than 62 days, its hours go with its days; a limit of one day keeps one."""
    days = [TODAY - timedelta(days=back) for back in (0, 1, 30)]
    Ledger(history).keep([part(day, "/", clock) for day in days])
    assert let_go(history, today=TODAY, retention_days=760, of_sites={"school": 1})
    with history.read() as cursor:
        kept = cursor.execute("select distinct day, dimension from cell order by all").fetchall()
    assert kept == [(TODAY, "hour"), (TODAY, "page"), (TODAY, "total")]


def test_a_house_keeps_each_site_by_its_own_limit(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """A house lets go of a site's figures by the period of its controller, and of another's by its own."""
    house = TallyHouse(tmp_path, clock=clock)
    house.add(msgspec.structs.replace(school, retention_days=30)).add(msgspec.structs.replace(school, id="portal"))
    today = clock.now().date()
    for site in ("school", "portal"):
        house.house.engine.ledger.keep([part(today - timedelta(days=back), "/", clock, site) for back in (20, 40)])
    assert house.house.engine.let_go()
    assert house.rows("select site, count(*) from closed group by site order by site") == [("portal", 2), ("school", 1)]
    house.stop()


def test_nothing_is_written_anew_before_it_is_due(history: History, clock: ManualClock) -> None:
    """A file without anything too old is left alone."""
    Ledger(history).keep([part(TODAY - timedelta(days=61), "/", clock)])
    assert not let_go(history, today=TODAY, retention_days=760)


def test_every_table_is_carried_over(history: History, clock: ManualClock) -> None:
    """A rebuild names every table of the schema: none is forgotten."""
    Ledger(history).keep([part(TODAY - timedelta(days=62), "/", clock)])
    with history.write() as cursor:
        cursor.execute(
            "insert into gap values ('UTC', ?, 1, 'keys_lost', ?)", [TODAY, clock.now().replace(tzinfo=None)]
        )
        cursor.execute("insert into dropped values ('school', ?, 1, 'bot', 20)", [TODAY])
        cursor.execute("insert into committed_hour values ('school', ?, 1, 8, 9, 30, 20, 20)", [TODAY])
        cursor.execute("insert into site values ('school', '{}', ?)", [clock.now().replace(tzinfo=None)])

    def counts() -> dict[str, int]:
        with history.read() as cursor:
            names = [
                name
                for (name,) in cursor.execute(
                    "select table_name from duckdb_tables() where database_name = 'history'"
                ).fetchall()
            ]
            return {name: cursor.execute(f"select count(*) from {name}").fetchall()[0][0] for name in names}

    before = counts()
    assert let_go(history, today=TODAY, retention_days=760)
    assert counts() == before | {"cell": before["cell"] - 1}


def test_a_failed_rebuild_leaves_the_file(history: History, clock: ManualClock) -> None:
    """Where the new file cannot be written, the old one stays and goes on working."""
    kept = part(TODAY, "/", clock)
    Ledger(history).keep([kept])
    with pytest.raises(StoreError, match="history_rebuild_failed"):
        history.rebuild({"no_such_table": "true"})
    assert Ledger(history).differs([kept]) is None
