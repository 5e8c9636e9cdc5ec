"""Say how the house is doing, for a monitoring system: whole steps and no site.

What people did is told in steps of ten (opt-outs in hundreds), rounded down, and so is what follows them byte by byte:
the unread spool in 64 KiB, the current day in MiB. Times are told in buckets of a tenth of a second and more, and
their sums in whole seconds: finer ones would show a round in which one event came. What was read again after a restart
is not counted a second time.

Source: docs/decisions/0014-metrics.md
"""

import hmac
import ipaddress
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, cast

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from collector.cursor import Cursor

if TYPE_CHECKING:
    # Imported by who asks: it takes a twentieth of a second, and a house starts without it.
    from prometheus_client.core import Metric
    from prometheus_client.registry import Collector

STEP: Final = 10
OPT_OUT_STEP: Final = 100
SPOOL_STEP_BYTES: Final = 64 * 1024
DAY_STEP_BYTES: Final = 1024 * 1024
FOLD_STEP: Final = 0.05
SECONDS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
#: Why a request may not be counted; what else stands in the spool is told nowhere.
REASONS: Final = ("bot", "host", "invalid", "late", "opt_out", "overload", "site_off", "unknown_site")
#: Whoever sends one of these speaks for somebody else: that the connection comes from this machine proves nothing.
FORWARDED: Final = ("forwarded", "via", "x-real-ip")
_OPT_OUT: Final = "opt_out"
_IDLE: Final = "idle"
#: Removed identifier fields are counted among the drops of a site, but their requests were not dropped.
_REFUSED: Final = "refused:"


class Times:
    """Count how long things took."""

    def __init__(self) -> None:
        self._counts = [0] * (len(SECONDS) + 1)
        self._sum = 0.0
        self.last = 0.0

    def add(self, seconds: float) -> None:
        """Count one more."""
        self._counts[sum(seconds > bound for bound in SECONDS)] += 1
        self._sum += seconds
        self.last = seconds

    def family(self, name: str, documentation: str) -> "Metric":
        """Return the histogram."""
        from prometheus_client.core import HistogramMetricFamily  # noqa: PLC0415

        buckets, total = [], 0
        for bound, count in zip((*map(str, SECONDS), "+Inf"), self._counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return HistogramMetricFamily(name, documentation, buckets=buckets, sum_value=float(int(self._sum)))


class Metrics:
    """Hold the figures, exactly; what leaves is rounded."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._events = 0
        self._drops: Counter[str] = Counter()
        #: What the limits of this process refused or ended, by kind; the keeper of its connections counts.
        self.refused: Counter[str] = Counter()
        self._unread_bytes = 0
        self._day_bytes = 0
        self._early = 0
        self._fold_share: float | None = None
        self._closes, self._rounds, self._queries = Times(), Times(), Times()
        #: Whether the last round of the engine did all that it should.
        self.is_well = True
        self._round_ended = time.monotonic()
        #: Tells whether the house is ready.
        self.is_ready: Callable[[], bool] = lambda: False

    def took_in(self, events: int, drops: Mapping[tuple[str, str], int]) -> None:
        """Count what was read of the spool: events, and drops by site and reason."""
        with self._lock:
            self._events += events
            for (_, reason), count in drops.items():
                if not reason.startswith(_REFUSED):
                    self._drops[reason] += count

    def stands(self, *, unread_bytes: int, day_bytes: int) -> None:
        """Say how much lies in the spool unread, and how much the running days hold."""
        with self._lock:
            self._unread_bytes, self._day_bytes = unread_bytes, day_bytes

    def closed(self, seconds: float, *, folded: tuple[int, int]) -> None:
        """Count a close, and say how many of its pageviews by page were folded into `(other)`, and how many it had."""
        other, pageviews = folded
        with self._lock:
            self._closes.add(seconds)
            self._fold_share = other / pageviews if pageviews else None

    def closed_early(self) -> None:
        """Count a part that was closed because memory ran short."""
        with self._lock:
            self._early += 1

    @contextmanager
    def round(self) -> Iterator[None]:
        """Time a round of the engine."""
        begun = time.monotonic()
        yield
        with self._lock:
            self._rounds.add(time.monotonic() - begun)

    def round_ended(self, *, is_well: bool) -> None:
        """Say that a round of the engine ended, and whether all of it worked."""
        self.is_well, self._round_ended = is_well, time.monotonic()

    def seconds_since_round(self) -> float:
        """Return how long ago a round of the engine ended."""
        return time.monotonic() - self._round_ended

    @contextmanager
    def query(self) -> Iterator[None]:
        """Time a reading of the history by the dashboard."""
        begun = time.monotonic()
        yield
        with self._lock:
            self._queries.add(time.monotonic() - begun)

    def collect(self) -> Iterable["Metric"]:
        """Yield what may leave."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        with self._lock:
            yield CounterMetricFamily(
                "turven_events", "Events read from the spool, in tens.", value=_down(self._events, STEP)
            )
            drops = CounterMetricFamily(
                "turven_dropped", "Requests that were not counted, in tens; opt-outs in hundreds.", labels=["reason"]
            )
            # Every reason from the start: one that came with its first drop would tell of that drop.
            for reason in REASONS:
                drops.add_metric([reason], _down(self._drops[reason], OPT_OUT_STEP if reason == _OPT_OUT else STEP))
            yield drops
            refused = CounterMetricFamily(
                "turven_refused",
                "Requests and connections that limits of this process refused, in tens.",
                labels=["kind"],
            )
            # Every connection is idle in the end. A kind that came with its first would tell of that one.
            for kind, count in sorted(self.refused.items()):
                if kind != _IDLE and count >= STEP:
                    refused.add_metric([kind], _down(count, STEP))
            yield refused
            for name, documentation, value in self._gauges():
                yield GaugeMetricFamily(name, documentation, value=value)
            yield CounterMetricFamily(
                "turven_parts_closed_early", "Parts closed for want of memory.", value=self._early
            )
            yield self._closes.family("turven_close_seconds", "How long closes took.")
            yield self._rounds.family("turven_round_seconds", "How long rounds of the engine took.")
            yield self._queries.family("turven_query_seconds", "How long the dashboard read the history.")

    def _gauges(self) -> Iterator[tuple[str, str, float]]:
        unread, held = _down(self._unread_bytes, SPOOL_STEP_BYTES), _down(self._day_bytes, DAY_STEP_BYTES)
        yield "turven_spool_unread_bytes", "Bytes of the spool that the engine has not read, in 64 KiB.", unread
        yield "turven_day_bytes", "Bytes that the running days hold, in MiB.", held
        yield "turven_last_close_seconds", "How long the last close took.", round(self._closes.last, 1)
        if self._fold_share is not None:
            share = round(round(self._fold_share / FOLD_STEP) * FOLD_STEP, 2)
            yield "turven_fold_share", "Share of pageviews in (other) at the last close, in twentieths.", share
        yield "turven_ready", "Whether the house is ready.", float(self.is_ready())

    def text(self) -> bytes:
        """Return everything in Prometheus' text format."""
        from prometheus_client import generate_latest  # noqa: PLC0415

        return generate_latest(cast("Collector", self))


class _Reader(Protocol):
    def read(self) -> AbstractContextManager[Cursor]: ...


class TimedReader:
    """Lend another's cursors, and time how long they are used."""

    def __init__(self, reader: _Reader, metrics: Metrics) -> None:
        self._reader = reader
        self._metrics = metrics

    @contextmanager
    def read(self) -> Iterator[Cursor]:
        """Lend a cursor; nothing is ever written through it."""
        with self._metrics.query(), self._reader.read() as cursor:
            yield cursor


class MetricsDoor:
    """Answer `/metrics` to this machine, or to whoever says the token."""

    def __init__(self, metrics: Metrics, *, token: str, client_header: str) -> None:
        self._metrics = metrics
        self._token = token
        self._client_header = client_header

    async def answer(self, request: Request) -> Response:
        """Return the figures; 403 to anybody else."""
        if not (self._is_told(request) or self._is_local(request)):
            return PlainTextResponse(
                "Metrics are for this machine, or for server.metrics_token as Authorization: Bearer.\n", status_code=403
            )
        return Response(self._metrics.text(), headers={"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"})

    def _is_told(self, request: Request) -> bool:
        said = request.headers.get("authorization", "").encode()
        return bool(self._token) and hmac.compare_digest(said, b"Bearer " + self._token.encode())

    def _is_local(self, request: Request) -> bool:
        names = request.headers.keys()
        if self._client_header.lower() in names or any(
            name in FORWARDED or name.startswith("x-forwarded-") for name in names
        ):
            return False
        try:
            address = ipaddress.ip_address(request.client.host if request.client else "")
        except ValueError:
            return False
        return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _down(count: int, step: int) -> int:
    return count // step * step
