"""A house of 500 sites with 25 months behind it: one large portal of 110 M pageviews, the others schools.

A few days of each kind of site are simulated and closed under the k rule; every date of every site is then written
from one of them by SQL, its figures up or down by up to a fifth, and two fifths of that in weekends. Rows lie as they
do in any house that is older than two months, whose file is written anew each week (`collector.store.layout`).
"""

import os
import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import msgspec
import polars as pl

from bench import past, traffic
from bench.servers import prepare, runtime, settings_of, shared_folder, site
from collector.backfill import DayCount, PastDays
from collector.clock import SystemClock, local_day
from collector.model import Identity, Origin, Site
from collector.policy import HOUR_ROWS_DAYS_MAX
from collector.settings import Server
from collector.store.history import History, insert_frame
from collector.store.ledger import CELL_SCHEMA, cell_frame

SITES: Final = 500
#: 110 M pageviews in 25 months.
PORTAL_VISITS_A_DAY: Final = 54_500
#: Of each kind of school in turn.
SCHOOL_VISITS_A_DAY: Final = (60, 100, 180)
PORTAL: Final = traffic.site_id(0)
#: One of the others.
SCHOOL: Final = traffic.site_id(123)
_PROXY: Final = "127.0.0.1"
_DAYS_SQL: Final = """
    create temp table dates as
    select s.id, s.kind, d.day, dense_rank() over (partition by s.kind order by d.day) % t.days as turn,
        (0.8 + 0.4 * (hash(s.id, d.day) % 1000) / 1000) * if(isodow(d.day) > 5, 0.4, 1.0) as busy
    from kinds as s
    cross join (select unnest(generate_series(?::date, ?::date, interval 1 day))::date as day) as d
    join (select kind, max(turn) + 1 as days from template group by kind) as t on s.kind = t.kind
"""
_CELLS_SQL: Final = """
    insert into cell
    select d.id, d.day, 1, t.filter_dimension, t.filter_value, t.dimension, t.value, (t.pageviews * d.busy)::uinteger,
        (t.visits * d.busy)::uinteger, (t.visitors * d.busy)::uinteger, (t.bounces * d.busy)::uinteger,
        (t.seconds * d.busy)::ubigint, (t.events * d.busy)::uinteger, t.contributors
    from dates as d join template as t on d.kind = t.kind and d.turn = t.turn
    where d.day between ? and ? and (t.dimension <> 'hour' or d.day > ?)
        and (t.filter_dimension > '') = ?
    order by t.dimension <> 'total', d.id, t.filter_dimension, t.filter_value, t.dimension, t.value, d.day
"""
_CLOSED_SQL: Final = """
    insert into closed
    select id, day, 1, 'kept', 'tracker', 'browser', 'standard', 10, repeat('0', 64), day + interval 1 day, 1, '{}'
    from dates order by id, day
"""
_DROPPED_SQL: Final = """
    insert into dropped
    select id, day, 1, reason, 10 * (1 + hash(id, day, reason) % 20)::uinteger
    from dates cross join (select unnest(['bot', 'invalid']) as reason) order by id, day
"""


def sites() -> list[Site]:
    """Return the portal and the schools."""
    return [site(number, identity=Identity.BROWSER) for number in range(SITES)]


def long_house(at: Path) -> None:
    """Put the house into *at*; made once a run of the bench."""
    shared = shared_folder()
    made = (shared or at) / "house-of-many"
    if not made.exists():
        made.mkdir()
        prepare(made, sites())
        _fill(made)
        shutil.rmtree(runtime(made), ignore_errors=True)
    (at / "data").mkdir(exist_ok=True)
    for file in (made / "data").iterdir():
        # The bytes of a file of this size are not copied where they can be shared: the house appends to none of them.
        shutil.copytree(file, at / "data" / file.name) if file.is_dir() else shutil.copy2(file, at / "data")


def _fill(at: Path) -> None:
    clock = SystemClock()
    today = local_day(clock.now(), site(0).timezone)
    first, last = today - timedelta(past.LONGEST_DAYS), today - timedelta(1)
    history = History(at / "data" / "history.duckdb", at=clock.now())
    kinds = [(each.id, 1 + number % len(SCHOOL_VISITS_A_DAY) if number else 0) for number, each in enumerate(sites())]
    with history.write() as cursor:
        cursor.execute("create temp table template as select *, 0 as kind, 0 as turn, 0 as place from cell limit 0")
        insert_frame(cursor, "temp.template", _template(last))
        cursor.execute("create temp table kinds (id varchar, kind integer)")
        insert_frame(cursor, "temp.kinds", pl.DataFrame(kinds, schema=["id", "kind"], orient="row"))
        cursor.execute(_DAYS_SQL, [first, last])
        begin = first
        while begin <= last:
            following = (begin.replace(day=1) + timedelta(32)).replace(day=1)
            cursor.execute(
                _CELLS_SQL, [begin, min(following - timedelta(1), last), today - timedelta(HOUR_ROWS_DAYS_MAX)]
            )
            begin = following
        cursor.execute(_CLOSED_SQL)
        cursor.execute(_DROPPED_SQL)
        for table in ("template", "kinds", "dates"):
            cursor.execute(f"drop table temp.{table}")
    history.close()


def _template(last: date) -> pl.DataFrame:
    """Return the cells of a few days of each kind of site."""
    return pl.concat([
        _frame(count, kind=kind, turn=turn)
        for kind, (visits, days) in enumerate([(PORTAL_VISITS_A_DAY, 1), *((one, 3) for one in SCHOOL_VISITS_A_DAY)])
        for turn, count in enumerate(_simulated(visits, [last - timedelta(back) for back in range(days)]))
    ])  # fmt: skip


def _frame(count: DayCount, *, kind: int, turn: int) -> pl.DataFrame:
    frame = cell_frame(count.cells, site=count.site, day=count.day, part=1).select(list(CELL_SCHEMA))
    return frame.with_columns(kind=pl.lit(kind), turn=pl.lit(turn), place=pl.int_range(pl.len()))


def _simulated(visits: int, days: list[date]) -> list[DayCount]:
    """Simulate days and close them under the k rule."""
    portal = past.portal()
    server = Server(trusted_proxies=(_PROXY,), country_header=past.COUNTRY_HEADER)
    settings = msgspec.structs.replace(settings_of(Path()), server=server)
    counting = PastDays(portal, settings=settings, origin=Origin.TRACKER, random=os.urandom)
    return [counting.count(day, past.requests_of(day, timezone=portal.timezone, visits=visits)) for day in days]
