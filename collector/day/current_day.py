"""Hold the events of one epoch in memory, one row each, until they are counted. Personal data.

Each site has columns of its own, so that taking a site away drops every row it had, and dictionaries of its own, so
that its paths go with them. Texts are stored as codes, so an event takes 35 bytes, whatever it says. A question gets a
copy of its site's rows as a table of DuckDB, which goes with the question: tables that stay take 270 bytes an event in
a house of 300 sites, for DuckDB gives each column of each table blocks of its own, and an insert costs 2 ms however
small it is.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from sys import getsizeof
from threading import RLock
from typing import Any, Final, NoReturn

import duckdb
import msgspec
import numpy as np
import polars as pl

from collector.arrow import ArrowStream
from collector.clock import day_ends_at, day_starts_at, local_hour
from collector.errors import TurvenError
from collector.event import Batch, Event, Kind
from collector.model import DIRECT, Epoch
from collector.policy import VISIT_SECONDS_MAX

#: Memory that the close of a site takes for each byte of its rows: their copy, visits, what groups them, and answers.
#: Measured with 300,000 events: 9 to 13 inside DuckDB and 3 beside it.
CLOSE_BYTES_PER_BYTE: Final = 16
#: Rows that go to a question's table at once.
_SLICE_ROWS: Final = 500_000
#: Every offset in use is a whole number of quarters, so a quarter lies in one hour of the wall clock.
_QUARTER_SECONDS: Final = 15 * 60

_SQL_TYPES: Final = {"B": "utinyint", "I": "uinteger", "Q": "ubigint"}
_NUMBERS: Final = {"at_second": "I", "visitor": "Q", "kind": "B", "enters": "B", "milliseconds": "I", "scroll": "B"}
#: What goes under one code. Fields that few combinations share are coded together: four codes instead of thirteen.
#: The names of refused fields are not held: no breakdown needs them.
CODED: Final = {
    "page": ("page",),
    "origin": ("source", "channel", "campaign"),
    "client": ("browser", "browser_major", "os", "device", "viewport", "country", "language"),
    "said": ("name", "properties"),
}
_COLUMNS: Final = _NUMBERS | dict.fromkeys(CODED, "I")
_TABLE: Final = ", ".join(f"{column} {_SQL_TYPES[code]} not null" for column, code in _COLUMNS.items())
_ROWS: Final = "event_row"


#: Beyond what a second of 32 bits can be.
_LAST_SECOND: Final = 2**32 - 1


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what came in a stretch of time: counts, which the k rule has not seen yet.

    Attributes:
        viewers: Visitors who opened a page.
        most: Pageviews of the visitor who made most of them.
    """

    visitors: int
    viewers: int
    pageviews: int
    most: int


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
    """Own one site's rows and dictionaries."""

    def __init__(self) -> None:
        self.codes = {column: _Codes() for column in CODED}
        self.columns = {column: array(code) for column, code in _COLUMNS.items()}

    @property
    def rows(self) -> int:
        return len(self.columns["kind"])

    @property
    def bytes(self) -> int:
        rows = sum(getsizeof(values) for values in self.columns.values())
        return rows + sum(getsizeof(codes) + codes.bytes for codes in self.codes.values())

    def frame(self, *, since: int = 0, until: int | None = None) -> pl.DataFrame:
        """Return a copy of the rows of some seconds; an array that somebody looks into could not grow."""
        columns = {column: np.frombuffer(values, values.typecode) for column, values in self.columns.items()}
        if not since and until is None:
            return pl.DataFrame({column: np.array(values) for column, values in columns.items()})
        at = columns["at_second"]
        # Of a million rows this copies those of minutes only.
        wanted = (at > since) & (at <= (_LAST_SECOND if until is None else until))
        return pl.DataFrame({column: values[wanted] for column, values in columns.items()})


class Held:
    """Lend one site's rows to a question: a cursor with temporary tables of its own, and what the codes mean."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection, events: _SiteEvents, hour: str) -> None:
        self._cursor = cursor
        self._codes = events.codes
        self.table = _ROWS
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
            memory_limit: Most memory that questions may take, as DuckDB writes it; beyond it they are refused.
            threads: Threads that a question may use.
        """
        self.epoch = epoch
        self._hour = _hour_sql(epoch)
        self._lock = RLock()
        self._sites: dict[str, _SiteEvents] = {}
        self._nothing = _SiteEvents()
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

    def append(self, batch: Batch) -> None:
        """Take in the events of *batch*, all or none; its tallies are not kept here.

        Raises:
            TurvenError: `event_out_of_range`; then none is taken in.
        """
        by_site: defaultdict[str, list[Event]] = defaultdict(list)
        for event in batch.events:
            by_site[event.site].append(event)
        with self._lock:
            shares = [(self._sites.get(site) or _SiteEvents(), events) for site, events in by_site.items()]
            # What can fail comes first: columns of unequal length, or half a batch, would be worse than none.
            fresh = [_encode(events, held.codes) for held, events in shares]
            for site, (held, _), columns in zip(by_site, shares, fresh, strict=True):
                for column, values in columns.items():
                    held.columns[column].extend(values)
                self._sites[site] = held

    @contextmanager
    def read(self, site: str, *, since: int = 0, until: int | None = None) -> Iterator[Held]:
        """Lend the rows of *site*, as they are now, to one question; a site without events has none.

        Args:
            site: Its id.
            since: Only rows of later seconds (since 1970 UTC).
            until: Only rows up to this second; None for all.

        Raises:
            TurvenError: `day_full`, `day_unreadable`.
        """
        with self._lock:
            events = self._sites.get(site, self._nothing)
            rows = events.frame(since=since, until=until)
            cursor = self._connection.cursor()
        try:
            held = Held(cursor, events, self._hour)
            held.run(f"create temp table {_ROWS} ({_TABLE})")
            for slice_ in rows.iter_slices(_SLICE_ROWS):
                cursor.register("lent", ArrowStream(slice_))
                held.run(f"insert into {_ROWS} from lent")
                cursor.unregister("lent")
            del rows
            yield held
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

    def seen(self, site: str, *, since: int, until: int) -> Seen:
        """Count what came after second *since*, up to and with second *until* (since 1970 UTC).

        Raises:
            TurvenError: `day_full`, `day_unreadable`.
        """
        with self.read(site, since=since, until=until) as held:
            visitors, viewers, pageviews, most = held.ask(
                "select count(*), count(*) filter (where views > 0), coalesce(sum(views), 0)::bigint, "
                "coalesce(max(views), 0) from (select visitor, count(*) filter "
                f"(where kind = {int(Kind.PAGEVIEW)}) as views from {held.table} where {COUNTS} group by visitor)"
            ).row(0)
        return Seen(visitors=visitors, viewers=viewers, pageviews=pageviews, most=most)

    def bytes_held(self) -> int:
        """Return about how many bytes the day takes: rows and dictionaries, without what a question takes."""
        return sum(self.bytes_by_site().values())

    def bytes_by_site(self) -> dict[str, int]:
        """Return about how many bytes each site takes."""
        with self._lock:
            return {site: held.bytes for site, held in self._sites.items()}

    def remove(self, site: str) -> None:
        """Drop every row and text of *site*; nothing happens where there is none."""
        with self._lock:
            self._sites.pop(site, None)

    def close(self) -> None:
        """Let go of everything; a second time does nothing."""
        with self._lock:
            self._sites.clear()
            self._connection.close()

    def __repr__(self) -> str:
        return "<CurrentDay sealed>"

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("sealed: personal data is neither copied nor pickled")


#: Engagement alone makes no visitor: it may be late, and then it is counted nowhere.
COUNTS: Final = f"kind <> {int(Kind.ENGAGEMENT)}"


def _encode(events: list[Event], codes: dict[str, _Codes]) -> dict[str, "array[int]"]:
    # Written out: what takes a column's fields by their names takes twice as long, and this is half of all the work.
    page, origin, client, said = (codes[column] for column in CODED)
    try:
        return {
            "at_second": array("I", [event.at for event in events]),
            "visitor": array("Q", [event.visitor for event in events]),
            "kind": array("B", [event.kind for event in events]),
            "enters": array("B", [event.is_entry and _enters(event) for event in events]),
            "milliseconds": array("I", [event.milliseconds and _may_add(event.milliseconds) for event in events]),
            "scroll": array("B", [event.scroll for event in events]),
            "page": array("I", [page[event.page] for event in events]),
            "origin": array("I", [origin[event.source, event.channel, event.campaign] for event in events]),
            "client": array("I", [
                client[
                    event.browser, event.browser_major, event.os, event.device, event.viewport, event.country,
                    event.language,
                ]
                for event in events
            ]),
            "said": array("I", [said[event.name, event.properties] for event in events]),
        }  # fmt: skip
    except (OverflowError, TypeError):
        raise TurvenError("event_out_of_range", "An event holds a number that the current day cannot hold.") from None


def _may_add(milliseconds: int) -> int:
    # One report adds no more than one visit may: a forged one must not fill the column either.
    return min(max(milliseconds, 0), VISIT_SECONDS_MAX * 1000)


def _enters(event: Event) -> bool:
    # Without referrers every navigation looks foreign: an entry from nowhere is no proof of coming from outside.
    return event.kind == Kind.PAGEVIEW and event.source != DIRECT


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
