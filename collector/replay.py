"""Replay a web server's log through the gate: a first look at real data before there is a tracker.

A log holds no browser's number and no opt-out: visitors are told apart by network, and the days are marked
`server_log`. Days stay open in memory, one row of 60 bytes an event, until the log has gone far enough beyond them;
no line is written anywhere.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, BinaryIO, Final

import msgspec

from collector.backfill import Backfill, PastDay
from collector.clock import Clock, local_day
from collector.edge.country import Lookup
from collector.edge.page import is_host_of, locate
from collector.edge.raw import RawRequest
from collector.engine import Engine
from collector.errors import SettingsError
from collector.event import Drop, Malformed, Reason
from collector.logfile import Line, Lines, LogFile, is_asset
from collector.model import Identity, Origin, Outcome, Site

#: Days that are open at once: a log may be so far out of order, as when rotated files are read by name.
OPEN_DAYS_MAX: Final = 31
#: Events of all open days, about 60 bytes each; beyond it the oldest day is closed.
OPEN_EVENTS_MAX: Final = 3_000_000
#: Lines between two words about progress.
PROGRESS_LINES: Final = 20_000
#: Stands in for the user agent where the format has none: no bot, and nothing that is known.
NO_AGENT: Final = "Mozilla/5.0 (unknown) Browser/1"

_GET: Final = "GET"
_SECONDS_A_MINUTE: Final = 60
_SUCCESS: Final = range(200, 300)

#: Is told what is done (`read` in bytes, `closed` in days), how far, and how far it goes (0 where nobody knows).
Progress = Callable[[str, int, int], None]


class Summary(msgspec.Struct, kw_only=True):
    """Say what became of a log: counts and days, nothing of any line.

    Attributes:
        lines: All of them.
        bad: Lines of neither format.
        skipped: Requests that were no page view: another `method` or `status`, or an `asset`.
        without_agent: Page views of which the format names no browser, so that bots among them are counted.
        late: Page views of days that were closed before they were read.
        counted: Page views that the gate let in.
        drops: Page views that it did not, by reason; removed identifier fields.
        kept: Days whose figures are kept.
        below_k: Days of fewer than k visitors: only the marker is kept.
        refused: Days that could not be taken in, by the error's code, with their page views.
        is_by_network: The site's browsers send numbers, and this log has none.
    """

    lines: int = 0
    bad: int = 0
    skipped: dict[str, int] = {}
    without_agent: int = 0
    late: int = 0
    counted: int = 0
    drops: dict[str, int] = {}
    kept: list[date] = []
    below_k: list[date] = []
    refused: dict[str, dict[date, int]] = {}
    is_by_network: bool = False


class _Body(msgspec.Struct, omit_defaults=True):
    s: str
    n: str
    u: str
    r: str = ""
    e: int = 0


class Replay:
    """Take lines in one by one; see `replay`."""

    def __init__(self, backfill: Backfill, site: Site) -> None:
        self._backfill = backfill
        self._site = site
        self._past = backfill.past_days(site, origin=Origin.SERVER_LOG)
        self._read = Lines()
        self._encode = msgspec.json.Encoder().encode
        self._days_of: dict[int, date] = {}
        self._open: dict[date, PastDay] = {}
        self._refused: dict[date, str] = {}
        self._closed_up_to = date.min
        self._held = 0
        self._skipped: Counter[str] = Counter()
        self._drops: Counter[str] = Counter()
        self.summary = Summary(is_by_network=site.identity is Identity.BROWSER)

    def feed(self, text: bytes) -> None:
        """Take in one line.

        Raises:
            SettingsError: `log_unordered`.
            StoreError: A day could not be kept; see `Backfill.keep`.
        """
        self.summary.lines += 1
        line = self._read.read(text)
        if line is None:
            self.summary.bad += 1
        elif line.method != _GET:
            self._skipped["method"] += 1
        elif line.status not in _SUCCESS:
            self._skipped["status"] += 1
        elif is_asset(line.target):
            self._skipped["asset"] += 1
        else:
            self._admit(line)

    def _admit(self, line: Line) -> None:
        day = self._day_of(line.at)
        opened = self._open.get(day) or self._open_day(day)
        if opened is None:
            return
        if line.agent is None:
            self.summary.without_agent += 1
        outcome = opened.admit(self._raw(line), at=line.at)
        if isinstance(outcome, Drop):
            self._drops[outcome.reason] += 1
        elif isinstance(outcome, Malformed):
            self._drops[Reason.INVALID] += 1
        else:
            self.summary.counted += 1
            self._held += 1
            if self._held > OPEN_EVENTS_MAX and len(self._open) > 1:
                self._close(min(self._open))

    def _raw(self, line: Line) -> RawRequest:
        # A referrer from elsewhere is an entry; without one nobody knows (see the tracker's flag).
        host = locate(line.referrer).host if line.referrer else None
        is_entry = bool(host) and not is_host_of(host or "", self._site.hosts)
        body = _Body(self._site.id, "pageview", line.target, line.referrer, int(is_entry))
        return RawRequest(
            peer=line.address,
            body=self._encode(body),
            user_agent=NO_AGENT if line.agent is None else line.agent,
        )

    def _day_of(self, at: int) -> date:
        # Midnight falls on a whole minute everywhere, so a minute lies in one day.
        minute = at // _SECONDS_A_MINUTE
        day = self._days_of.get(minute)
        if day is None:
            if len(self._days_of) >= OPEN_DAYS_MAX * 1_440:
                self._days_of.clear()
            day = self._days_of[minute] = local_day(datetime.fromtimestamp(at, UTC), self._site.timezone)
        return day

    def _open_day(self, day: date) -> PastDay | None:
        code = self._refused.get(day)
        if code is None and day <= self._closed_up_to:
            self.summary.late += 1
            return None
        if code is None:
            try:
                self._backfill.check(self._site, day)
            except SettingsError as error:
                code = self._refused[day] = error.code
        if code is not None:
            days = self.summary.refused.setdefault(code, {})
            days[day] = days.get(day, 0) + 1
            return None
        self._make_room(day)
        opened = self._open[day] = self._past.open(day)
        return opened

    def _make_room(self, day: date) -> None:
        if len(self._open) < OPEN_DAYS_MAX:
            return
        oldest = min(self._open)
        if day < oldest:
            # Closing it after its first line would keep a day that is not whole.
            raise SettingsError(
                "log_unordered",
                f"The log goes back to {day} after {OPEN_DAYS_MAX} later days; sort it by time, oldest first.",
            )
        self._close(oldest)

    def _close(self, day: date) -> None:
        count = self._open.pop(day).close()
        self._backfill.keep(self._site, count)
        self._closed_up_to = day
        self._held -= count.counted
        (self.summary.kept if count.outcome is Outcome.KEPT else self.summary.below_k).append(day)

    def finish(self, *, progress: Progress) -> Summary:
        """Close the days that are open, oldest first, compare, and say what became of everything.

        Raises:
            StoreError: As `Backfill.keep`.
        """
        days = sorted(self._open)
        for done, day in enumerate(days, 1):
            self._close(day)
            progress("closed", done, len(days))
        self._backfill.finish()
        self.summary.skipped = dict(self._skipped)
        self.summary.drops = dict(self._drops)
        return self.summary


def _in_silence(_what: str, _done: int, _total: int) -> None:
    """Say nothing."""


def replay(
    engine: Engine,
    lines: Iterable[bytes],
    site_id: str,
    *,
    clock: Clock,
    random: Callable[[int], bytes],
    lookup: Lookup | None = None,
    progress: Progress = _in_silence,
) -> Summary:
    """Count the page views of a log and keep their days.

    Only answers 2xx to GET for what is no asset count. Days that have figures, that are not over or that are too long
    ago are refused one by one; the others are taken in.

    Args:
        engine: Of a house, running or not.
        lines: Of the log, in about the order of time.
        site_id: Whose log it is.
        clock: Tells which day is past.
        random: Makes the salts.
        lookup: As for the house's own gate.
        progress: Is told `("read", lines, 0)` now and then, and `("closed", days, of)` at the end.

    Raises:
        SettingsError: `site_unknown`, `site_off`, `log_unordered`, `log_damaged`; days kept before stay kept.
        StoreError: See `Backfill.keep`.
    """
    site = engine.sites.known(site_id)
    replayed = Replay(Backfill(engine, clock=clock, random=random, lookup=lookup), site)
    for number, line in enumerate(lines, 1):
        replayed.feed(line)
        if number % PROGRESS_LINES == 0:
            progress("read", number, 0)
    return replayed.finish(progress=progress)


def run(
    engine: Engine,
    params: Mapping[str, Any],
    *,
    clock: Clock,
    random: Callable[[int], bytes],
    lookup: Lookup | None = None,
    stdin: BinaryIO | None = None,
    progress: Progress = _in_silence,
) -> bytes:
    """Answer the command `replay` with a `Summary` as JSON.

    Args:
        engine: Of a house, running or not.
        params: `site` and `path`; a running house reads the file itself, so it takes an absolute path.
        clock: As for `replay`.
        random: As for `replay`.
        lookup: As for `replay`.
        stdin: What the path `-` stands for; `None` in a running house.
        progress: Is told `("read", bytes, size)` of a file, `("read", lines, 0)` of standard input, and
            `("closed", days, of)` at the end.

    Raises:
        SettingsError: As `replay`, and `log_unreadable`, `log_stdin`.
        StoreError: As `replay`.
    """
    with LogFile(params["path"], stdin=stdin) as log:

        def tell(what: str, done: int, total: int) -> None:
            if what == "read" and log.size is not None:
                progress(what, log.position(), log.size)
            else:
                progress(what, done, total)

        summary = replay(engine, log, params["site"], clock=clock, random=random, lookup=lookup, progress=tell)
    return msgspec.json.encode(summary)


_REFUSALS: Final = {
    "day_not_over": "not over yet; replay them once they are",
    "day_closed": "have figures already; a day is counted once",
    "day_expired": "longer ago than figures are kept",
}


def describe(summary: Summary) -> str:
    """Return what a person wants to know of a replay, in a few lines."""
    skipped = sum(summary.skipped.values())
    lines = [f"{summary.lines:,} lines: {summary.counted:,} page views counted, {skipped:,} other requests"]
    lines[0] += f"{_each(summary.skipped)}, {summary.bad:,} unreadable lines."
    if summary.drops:
        lines.append(f"{sum(summary.drops.values()):,} page views not counted{_each(summary.drops)}.")
    if summary.late:
        lines.append(f"{summary.late:,} page views came after their day was closed: the log is too far out of order.")
    lines.append(f"{len(summary.kept)} days kept, {len(summary.below_k)} days below the threshold (no figure kept).")
    for code, days in summary.refused.items():
        views = sum(days.values())
        span = f"{min(days)}" if len(days) == 1 else f"{min(days)} to {max(days)}"
        lines.append(f"{len(days)} days left out ({span}, {views:,} page views): {_REFUSALS.get(code, code)}.")
    if summary.without_agent:
        lines.append("The log names no browsers: bots cannot be told from people.")
    if summary.is_by_network:
        lines.append(
            "A log has no browser numbers: on these days visitors are told apart by network and browser, "
            "so everybody behind one address with one kind of browser is one visitor."
        )
    lines.append("The days are marked: from a server log, opt-outs unknown.")
    return "\n".join(lines)


def _each(counts: Mapping[str, int]) -> str:
    return f" ({', '.join(f'{count:,} {name}' for name, count in sorted(counts.items()))})" if counts else ""
