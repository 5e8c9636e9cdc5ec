"""The parts of the bench, what each of them is to reach, and how."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final, NamedTuple, TypeAlias

#: What a part returns: figures by name, each measured once or several times.
Figures: TypeAlias = Mapping[str, float | Sequence[float]]


class Goal(NamedTuple):
    """Say what a figure is, and how large it may be.

    Attributes:
        title: For a person.
        unit: Behind the figure.
        most: It may be no larger; `None` for no such goal.
        least: It may be no smaller; `None` for no such goal.
        stretch: Worth reaching, beyond the goal.
    """

    title: str
    unit: str = ""
    most: float | None = None
    least: float | None = None
    stretch: float | None = None

    def text(self) -> str:
        """Return the goal as it is written."""
        if self.most is not None:
            goal = f"≤ {number(self.most)}{_behind(self.unit)}"
        elif self.least is not None:
            goal = f"≥ {number(self.least)}{_behind(self.unit)}"
        else:
            return ""
        return goal if self.stretch is None else f"{goal}, stretch {number(self.stretch)}"

    def verdict(self, value: float) -> str:
        """Return whether *value* meets the goal, or by how much it is missed."""
        missed = 0.0
        if self.most is not None and value > self.most:
            missed = value - self.most
        if self.least is not None and value < self.least:
            missed = self.least - value
        if self.most is None and self.least is None:
            return ""
        if missed:
            return f"missed by {number(missed)}{_behind(self.unit)}"
        if self.stretch is not None and value <= self.stretch:
            return "met, stretch too"
        return "met"


class Part(NamedTuple):
    """Name a part: a function that returns figures, run in a process of its own.

    Attributes:
        title: Above its table.
        function: `module:name`.
        how: What is measured, in a sentence or two.
        goals: By name of the figure; what a part returns beyond them is shown without a goal.
        seconds_max: After which it counts as failed.
    """

    title: str
    function: str
    how: str
    goals: Mapping[str, Goal]
    seconds_max: int = 300


def samples(value: float | Sequence[float]) -> list[float]:
    """Return a figure as the list of how often it was measured."""
    return [float(value)] if isinstance(value, int | float) else [float(each) for each in value]


def number(value: float) -> str:
    """Return a figure with as many digits as say something."""
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}" if abs(value) < 100 else f"{value:.1f}"


def _behind(unit: str) -> str:
    return f" {unit}" if unit else ""


def shown(value: float | Sequence[float], goal: Goal) -> str:
    """Return a figure for the table: the median, with the least and the most where it was measured several times."""
    all_of_it = samples(value)
    middle = f"{number(median(all_of_it))}{_behind(goal.unit)}"
    return middle if len(all_of_it) == 1 else f"{middle} ({number(min(all_of_it))}–{number(max(all_of_it))})"


_RATIO: Final = {
    "ratio": Goal("processor time of an event ÷ the floor's", most=1.0, stretch=0.8),
    "house_us": Goal("an event, all processes", "µs"),
    "floor_us": Goal("a request to the floor", "µs"),
    "house_per_second": Goal("events acknowledged beside the generator", "/s"),
}
_SENT: Final = "wrk, 64 connections kept alive, seven pairs of 4 s by turns; user and system time from /proc."

PARTS: Final = (
    Part(
        "Ingest over sockets, one process",
        "bench.ingest:measure",
        f"{_SENT} The house's share holds the engine: it is waited for until all that was acknowledged is counted.",
        _RATIO,
    ),
    Part(
        "Ingest over sockets, one collector",
        "bench.ingest:with_one_collector",
        "The same with `collectors = 1`: parent, house and collector together.",
        _RATIO,
    ),
    Part(
        "Ingest over sockets, two collectors",
        "bench.ingest:with_two_collectors",
        "The same with `collectors = 2`.",
        _RATIO,
    ),
    Part(
        "Ingest in process",
        "bench.in_process:measure",
        "Request bytes into the protocol class with a transport that goes nowhere.",
        {
            "lane/floor": Goal("fast lane ÷ the floor", most=0.75),
            "route/floor": Goal("Starlette route ÷ the floor", most=2.3),
            "lane": Goal("a request through the fast lane", "µs"),
            "route": Goal("a request through the route", "µs"),
            "floor": Goal("a request to the floor", "µs"),
        },
    ),
    Part(
        "Acknowledged and lost",
        "bench.lost:measure",
        "The house is killed with SIGKILL at random moments under load, started again, and closed at the end.",
        {
            "kills": Goal("kills", least=30),
            "acknowledged": Goal("events acknowledged"),
            "lost": Goal("acknowledged and not counted", most=0),
            "counted_twice": Goal("counted more than once", most=0),
        },
    ),
    Part(
        "Latency at 1,000 events a second",
        "bench.latency:measure",
        "Open loop, 64 connections, five pairs of 5 s by turns; what waits for a connection waits on the clock.",
        {
            "p50_above_floor_ms": Goal("p50 above the floor's", "ms", most=1.0),
            "p99_above_floor_ms": Goal("p99 above the floor's", "ms", most=10.0),
        },
    ),
    Part(
        "Slow and hostile clients",
        "bench.hostile:measure",
        "1,000 connections each that idle, trickle a header or trickle a body; 50 MB of headers, bodies of 1 MB, "
        "invalid and deeply nested JSON, no keep-alive; good clients alone, and beside all of them.",
        {
            "good_events_failed": Goal("good events that failed", most=0),
            "good_pages_failed": Goal("good pages that failed", most=0),
            "bad_not_refused": Goal("kinds of bad requests that were not refused", most=0),
            "bad_seconds_max": Goal("until the last bad connection was closed", "s", most=10),
            "grown_mb": Goal("growth of the house", "MB", most=50),
            "event_p50_ms_alone": Goal("good event, p50, alone", "ms"),
            "event_p50_ms_beside": Goal("good event, p50, beside bad ones", "ms"),
            "event_p99_ms_alone": Goal("good event, p99, alone", "ms"),
            "event_p99_ms_beside": Goal("good event, p99, beside bad ones", "ms"),
            "page_p50_ms_alone": Goal("page, p50, alone", "ms"),
            "page_p50_ms_beside": Goal("page, p50, beside bad ones", "ms"),
            "page_p99_ms_alone": Goal("page, p99, alone", "ms"),
            "page_p99_ms_beside": Goal("page, p99, beside bad ones", "ms"),
            "no_keep_alive_counted": Goal("events over connections of one request, counted"),
        },
    ),
    Part(
        "What waiting for the disk costs",
        "bench.fsync:measure",
        "`fsync` every second and always, as ratios to never: processor time, and the wait for a reply of an event "
        "that comes alone or with 63 others.",
        {},
    ),
    Part(
        "Engine",
        "bench.engine_speed:measure",
        "From sealed spool files into the current day, one core.",
        {
            "engine_events_per_second_frames_of_64": Goal("frames of 64 events", "/s", least=300_000),
            "engine_events_per_second_frames_of_8": Goal("frames of 8 events", "/s"),
            "engine_events_per_second_frames_of_1": Goal("frames of one event", "/s"),
            "decode_events_per_second": Goal("decoding of the batches by itself", "/s"),
        },
    ),
    Part(
        "Memory of the current day",
        "bench.day_memory:measure",
        "Growth of the resident memory of a process, 5 M events.",
        {
            "day_bytes_per_event": Goal("an event", "bytes", most=80),
            "day_bytes_per_event_as_told": Goal("an event, as the day tells", "bytes"),
        },
        seconds_max=600,
    ),
    Part(
        "Close",
        "bench.close:measure",
        "Processor seconds, standard breakdowns.",
        {
            "large_s": Goal("1 M events of one site", "s", most=10),
            "many_s": Goal("100 sites of 10,000 events each", "s", most=20),
            "large_facts_s": Goal("of the large one: counting", "s"),
            "large_fold_s": Goal("of the large one: the k rule", "s"),
            "large_cells": Goal("cells of the large one"),
            "many_cells": Goal("cells of one of the many"),
        },
        seconds_max=600,
    ),
    Part(
        "History on disk",
        "bench.disk:measure",
        "A site of 10,000 visits a day, profile standard, 365 days closed one after another: three of them simulated "
        "and closed under the k rule, the other dates with the same cells.",
        {
            "bytes_per_pageview": Goal("a pageview", "bytes", most=3.5, stretch=1.5),
            "bytes": Goal("the file", "bytes"),
            "rows_per_day": Goal("rows a day"),
            "visits_per_day": Goal("visits a day"),
            "pageviews_per_day": Goal("pageviews a day"),
        },
        seconds_max=600,
    ),
    Part(
        "Start",
        "bench.start:measure",
        "From the command to the first 202, seven starts.",
        {
            "empty_s": Goal("with an empty history", "s", most=1.0),
            "full_s": Goal("with 25 months of a site of 10,000 visits a day", "s", most=1.5),
            "empty_cpu_s": Goal("processor time of it, empty", "s"),
            "full_cpu_s": Goal("processor time of it, 25 months", "s"),
        },
        seconds_max=600,
    ),
    Part(
        "Dashboard",
        "bench.page:measure",
        "500 sites and 25 months in the file, 110 M pageviews of one of them; 20 requests of each page over one "
        "connection, for a period that was not asked for before (first), and for the same once more (again).",
        {
            f"{name}_{kind}_{cut}_ms": Goal(f"{title}, {kind}, {cut}", "ms", most=most)
            for name, title in (
                ("plain", "overview of 110 M pageviews"),
                ("filtered", "the same with a filter"),
                ("school", "overview of a school"),
                ("sites", "list of 500 sites, four weeks"),
                ("together", "500 sites together, four weeks"),
            )
            for kind in ("first", "again")
            for cut, most in (("p50", 60), ("p95", 150))
        }
        | {
            "bytes": Goal("page with all it loads, gzip", "bytes", most=15_360),
            "requests": Goal("requests", most=5),
        },
        seconds_max=900,
    ),
    Part(
        "Tracker",
        "bench.tracker:measure",
        "gzip -9, put together by the house.",
        {
            "least_bytes": Goal("pageviews, single-page apps, events, opt-out", "bytes", most=700),
            "core_bytes": Goal("pageviews, single-page apps, events, engagement, opt-out", "bytes", most=700),
            "everything_bytes": Goal("everything", "bytes", most=1_000),
        },
    ),
)
