"""Hold the events of one epoch in memory, one row each, until they are counted. Personal data.

Each site has a table of its own, so that taking a site away drops every row it had, and dictionaries of its own, so
that its paths go with them. Texts are stored as codes, so an event takes 34 bytes, whatever it says, and about 70
with what DuckDB keeps beside them. New rows wait in arrays and go to DuckDB many at a time, before any question at the
latest: an insert costs 2 ms however small it is.
"""

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from operator import attrgetter
from sys import getsizeof
from threading import RLock
from typing import Any, Final, NoReturn

import duckdb
import numpy as np
import polars as pl

from collector.arrow import ArrowStream
from collector.clock import day_ends_at, day_starts_at, local_hour
from collector.errors import TurvenError
from collector.event import Batch, Event, Kind
from collector.model import DIRECT, Epoch
from collector.policy import VISIT_SECONDS_MAX

#: Rows of one site, and of all sites, that wait outside DuckDB, 34 bytes each.
WAITING_ROWS_MAX: Final = 16_384
WAITING_ROWS_OF_ALL_MAX: Final = 262_144
#: How far back *now* reaches.
NOW_SECONDS: Final = 30 * 60
#: Every offset in use is a whole number of quarters, so a quarter lies in one hour of the wall clock.
_QUARTER_SECONDS: Final = 15 * 60

_SQL_TYPES: Final = {"B": "utinyint", "I": "uinteger", "Q": "ubigint"}
_NUMBERS: Final = {"at_second": "I", "visitor": "Q", "kind": "B", "enters": "B", "milliseconds": "I"}
#: What goes under one code. Fields that few combinations share are coded together: four codes instead of thirteen.
#: Neither scroll depth nor the names of refused fields are held: no breakdown needs them.
CODED: Final = {
    "page": ("page",),
    "origin": ("source", "channel", "campaign"),
    "client": ("browser", "browser_major", "os", "device", "viewport", "country", "language"),
    "said": ("name", "properties"),
}
_COLUMNS: Final = _NUMBERS | dict.fromkeys(CODED, "I")
_GETTERS: Final = {column: attrgetter(*fields) for column, fields in CODED.items()}
_TABLE: Final = ", ".join(f"{column} {_SQL_TYPES[code]} not null" for column, code in _COLUMNS.items())
_EMPTY: Final = "event_0"


class _Codes(dict[Any, int]):
    """Number texts (or tuples of texts) in the order in which they come."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __missing__(self, said: Any) -> int:
        self.bytes += getsizeof(said)
        if isinstance(said, tuple):
            self.bytes += sum(map(getsizeof, said))
        code = self[said] = len(self)
        return code


class _SiteEvents:
    """Own one site's table, dictionaries and waiting rows."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.codes = {column: _Codes() for column in CODED}
        self.waiting = _no_rows()
        self.waiting_rows = 0
        self.rows = 0


class Held:
    """Lend one site's rows to a question: a cursor with temporary tables of its own, and what the codes mean."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, events: _SiteEvents, hour: str) -> None:
        self._cursor = cursor
        self._codes = events.codes
        self.table = events.table
        #: SQL for the local hour of `at_second`.
        self.hour = hour

    def run(self, sql: str) -> None:
        """Execute *sql*, which returns nothing."""
        self._cursor.execute(sql).fetchall()

    def ask(self, sql: str) -> pl.DataFrame:
        """Return the answer to *sql*."""
        return pl.DataFrame(self._cursor.sql(sql))

    def lend(self, name: str, frame: pl.DataFrame) -> None:
        """Let SQL read *frame* as the temporary table *name*."""
        self._cursor.register("lent", ArrowStream(frame))
        self._cursor.execute(f"create or replace temp table {name} as from lent").fetchall()
        self._cursor.unregister("lent")

    def texts(self, column: str) -> list[Any]:
        """Return what the codes of *column* (of `CODED`) stand for, code 0 first: a text, or a tuple of its fields."""
        return list(self._codes[column])

    def __repr__(self) -> str:
        return "<Held sealed>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("sealed: personal data is neither copied nor pickled")


class CurrentDay:
    """Hold the events of one epoch; several threads may append and ask."""

    def __init__(self, epoch: Epoch, *, memory_limit: str = "1GB", threads: int = 1) -> None:
        """Open an empty day that never writes to disk.

        Args:
            epoch: Whose day it is; its time zone decides what an hour is.
            memory_limit: Most memory that DuckDB may take, as DuckDB writes it; beyond it a question is refused.
            threads: Threads that a question may use.
        """
        self.epoch = epoch
        self._hour = _hour_sql(epoch)
        self._lock = RLock()
        self._sites: dict[str, _SiteEvents] = {}
        self._nothing = _SiteEvents(_EMPTY)
        self._tables = 0
        self._waiting_rows = 0
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "memory_limit": memory_limit,
                "threads": str(threads),
            },
        )
        # In memory does not mean off disk: by default such a database spills to ./.tmp.
        self._connection.execute("set temp_directory = ''")
        self._connection.execute("set enable_external_access = false")
        # Rows of one visitor in the same second keep the order in which they arrived: rowid.
        self._connection.execute("set preserve_insertion_order = true")
        self._connection.execute("set lock_configuration = true")
        self._connection.execute(f"create table {_EMPTY} ({_TABLE})")

    def append(self, batch: Batch) -> None:
        """Take in the events of *batch*, all or none; its tallies are not kept here.

        Raises:
            TurvenError: `event_out_of_range`, `day_full`, `day_unreadable`; then none is taken in.
        """
        by_site: dict[str, list[Event]] = {}
        for event in batch.events:
            by_site.setdefault(event.site, []).append(event)
        with self._lock:
            shares = [(self._site(site), events) for site, events in by_site.items()]
            # What can fail comes first: columns of unequal length, or half a batch, would be worse than none.
            fresh = [_encode(events, held.codes) for held, events in shares]
            self._make_room(shares)
            for (held, events), columns in zip(shares, fresh, strict=True):
                for column, values in columns.items():
                    held.waiting[column].extend(values)
                held.rows += len(events)
                held.waiting_rows += len(events)
                self._waiting_rows += len(events)

    def _site(self, site: str) -> _SiteEvents:
        held = self._sites.get(site)
        if held is None:
            self._tables += 1
            held = self._sites[site] = _SiteEvents(f"event_{self._tables}")
        return held

    def _make_room(self, shares: list[tuple[_SiteEvents, list[Event]]]) -> None:
        for held, events in shares:
            if held.waiting_rows + len(events) > WAITING_ROWS_MAX:
                self._flush(held)
        if self._waiting_rows + sum(len(events) for _, events in shares) > WAITING_ROWS_OF_ALL_MAX:
            for held in self._sites.values():
                self._flush(held)

    def _flush(self, held: _SiteEvents) -> None:
        if not held.waiting_rows:
            return
        frame = pl.DataFrame(
            {column: np.frombuffer(values, values.typecode) for column, values in held.waiting.items()}
        )
        try:
            self._connection.execute(f"create table if not exists {held.table} as from {_EMPTY} limit 0")
            self._connection.register("incoming", ArrowStream(frame))
            self._connection.execute(f"insert into {held.table} select * from incoming")
            self._connection.unregister("incoming")
        except duckdb.Error as error:
            raise _reworded(error) from None
        self._waiting_rows -= held.waiting_rows
        held.waiting, held.waiting_rows = _no_rows(), 0

    @contextmanager
    def read(self, site: str) -> Iterator[Held]:
        """Lend the rows of *site*, as they are now, to one question; a site without events has none.

        Raises:
            TurvenError: `day_full`, `day_unreadable`.
        """
        with self._lock:
            events = self._sites.get(site, self._nothing)
            self._flush(events)
            cursor = self._connection.cursor()
        try:
            yield Held(cursor, events, self._hour)
        except duckdb.Error as error:
            raise _reworded(error) from None
        finally:
            cursor.close()

    def sites(self) -> list[str]:
        """Return the ids of the sites that have events, sorted."""
        with self._lock:
            return sorted(site for site, held in self._sites.items() if held.rows)

    def events(self, site: str) -> int:
        """Return how many rows *site* has, late engagement included."""
        with self._lock:
            return self._sites.get(site, self._nothing).rows

    def visitors(self, site: str) -> int:
        """Return how many distinct visitors opened a page of *site* or did something there."""
        with self.read(site) as held:
            return int(held.ask(f"select count(distinct visitor) from {held.table} where {COUNTS}").item())

    def visitors_by_hour(self, site: str) -> dict[int, int]:
        """Return the distinct visitors of each local hour that had any, earliest first."""
        with self.read(site) as held:
            rows = held.ask(
                f"select {held.hour} as hour, count(distinct visitor) as visitors "
                f"from {held.table} where {COUNTS} group by hour order by hour"
            ).rows()
        return dict(rows)

    def now_visitors(self, site: str, *, at: int) -> int:
        """Return the distinct visitors of the 30 minutes that end with second *at* (since 1970 UTC)."""
        with self.read(site) as held:
            return int(
                held.ask(
                    f"select count(distinct visitor) from {held.table} "
                    f"where {COUNTS} and at_second > {int(at) - NOW_SECONDS} and at_second <= {int(at)}"
                ).item()
            )

    def bytes_held(self) -> int:
        """Return about how many bytes the day takes: rows, waiting rows and dictionaries."""
        with self._lock:
            cursor = self._connection.cursor()
            try:
                inside = cursor.sql(
                    "select coalesce(sum(memory_usage_bytes), 0)::bigint from duckdb_memory()"
                ).fetchall()
            finally:
                cursor.close()
            outside = sum(
                sum(len(values) * values.itemsize for values in held.waiting.values())
                + sum(getsizeof(codes) + codes.bytes for codes in held.codes.values())
                for held in self._sites.values()
            )
        return int(inside[0][0]) + outside

    def remove(self, site: str) -> None:
        """Drop every row and text of *site*; nothing happens where there is none."""
        with self._lock:
            held = self._sites.pop(site, None)
            if held is not None:
                self._waiting_rows -= held.waiting_rows
                self._connection.execute(f"drop table if exists {held.table}")

    def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        with self._lock:
            self._sites.clear()
            self._waiting_rows = 0
            self._connection.close()

    def __repr__(self) -> str:
        return "<CurrentDay sealed>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("sealed: personal data is neither copied nor pickled")


#: Engagement alone makes no visitor: it may be late, and then it is counted nowhere.
COUNTS: Final = f"kind <> {int(Kind.ENGAGEMENT)}"


def _no_rows() -> dict[str, "array[int]"]:
    return {column: array(code) for column, code in _COLUMNS.items()}


def _encode(events: list[Event], codes: dict[str, _Codes]) -> dict[str, "array[int]"]:
    limit = VISIT_SECONDS_MAX * 1000
    try:
        fresh = {
            "at_second": array("I", [event.at for event in events]),
            "visitor": array("Q", [event.visitor for event in events]),
            "kind": array("B", [event.kind for event in events]),
            "enters": array("B", [_enters(event) for event in events]),
            # One report adds no more than one visit may: a forged one must not fill the column either.
            "milliseconds": array("I", [min(max(event.milliseconds, 0), limit) for event in events]),
        }
        for column, getter in _GETTERS.items():
            fresh[column] = array("I", map(codes[column].__getitem__, map(getter, events)))
    except (OverflowError, TypeError):
        raise TurvenError("event_out_of_range", "An event holds a number that the current day cannot hold.") from None
    return fresh


def _enters(event: Event) -> bool:
    # Without referrers every navigation looks foreign: an entry from nowhere is no proof of coming from outside.
    return event.is_entry and event.kind == Kind.PAGEVIEW and event.source != DIRECT


def _hour_sql(epoch: Epoch) -> str:
    # An event belongs to the epoch of its spool file, so a second before or after the day counts in its border hour.
    start = int(day_starts_at(epoch.day, epoch.timezone).timestamp())
    end = int(day_ends_at(epoch.day, epoch.timezone).timestamp())
    hours = [
        local_hour(datetime.fromtimestamp(second, UTC), epoch.timezone)
        for second in range(start, end, _QUARTER_SECONDS)
    ]
    quarter = f"(least(greatest(at_second, {start}), {end - 1}) - {start}) // {_QUARTER_SECONDS}"
    return f"list_extract({hours}::utinyint[], ({quarter} + 1)::bigint)"


def _reworded(error: duckdb.Error) -> TurvenError:
    # DuckDB quotes the values that it chokes on. An insert that finds no memory fails as it commits.
    if isinstance(error, (duckdb.OutOfMemoryException, duckdb.TransactionException)):
        return TurvenError("day_full", "The current day needs more memory than its limit; raise the limit.")
    return TurvenError("day_unreadable", f"The current day could not answer ({type(error).__name__}).")
