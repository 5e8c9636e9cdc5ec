"""Read what a house publishes through its own dashboard, over HTTP, as whoever may look at it can.

Nothing but exports and the public settings are asked for: a period of one day and of two, every breakdown, every line
as a filter. Figures are put together from several of them, as an outsider would: a share with its denominator gives
back what it is a share of, wherever rounding leaves one whole number.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from http.client import HTTPConnection
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

import msgspec

from collector.audit.finding import Seen
from collector.audit.kept import not_applicable
from collector.audit.outsider import PartName, Published, Tally, newest_of_each
from collector.audit.snapshots import SEEN, Snapshot
from collector.errors import TurvenError
from collector.model import OTHER, Cell, Dimension

_D: Final = Dimension
LOOPBACK: Final = "127.0.0.1"
REQUEST_SECONDS_MAX: Final = 20
#: How long days of a running house are read over HTTP.
COMPARE_SECONDS: Final = 8.0
#: Which panel shows a dimension. What is missing here has no exit in the dashboard.
PANEL_OF: Final = {
    _D.PAGE: "pages",
    _D.ENTRY_PAGE: "pages",
    _D.EXIT_PAGE: "pages",
    _D.CHANNEL: "sources",
    _D.SOURCE: "sources",
    _D.DEVICE: "devices",
    _D.BROWSER: "devices",
    _D.OS: "devices",
    _D.COUNTRY: "countries",
    _D.EVENT: "events",
}
#: Longest period that is listed day by day.
_DAYS_MAX: Final = 120
_PERIOD_DAYS_MAX: Final = 760
_SHARE_MIN, _SHARE_MAX = 0.05, 0.95
_ROUNDED: Final = 0.00005
_OK: Final = 200


class ExitClosedError(TurvenError):
    """Say that the dashboard gives a stranger nothing."""

    def __init__(self, why: str) -> None:
        super().__init__("exit_closed", why)


class Door:
    """Ask one address again and again, on one connection."""

    def __init__(self, host: str, port: int, *, base_path: str = "") -> None:
        self._connection = HTTPConnection(host, port, timeout=REQUEST_SECONDS_MAX)
        self._base_path = base_path
        self.requests = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def ask(self, path: str, params: Mapping[str, Any]) -> Any:
        """Return the JSON at *path*.

        Raises:
            ExitClosedError: Where the dashboard asks for a sign-in or does not answer.
        """
        self.requests += 1
        query = f"?{urlencode(params, doseq=True)}" if params else ""
        try:
            self._connection.request("GET", f"{self._base_path}{path}{query}")
            answer = self._connection.getresponse()
            body = answer.read()
        except OSError:
            raise ExitClosedError("The dashboard does not answer.") from None
        if answer.status != _OK:
            raise ExitClosedError(f"The dashboard answers {answer.status} to {path}.")
        return json.loads(body)


class PublishedByExits:
    """Hand out what a dashboard publishes; one part is a whole day of a site."""

    def __init__(self, ask: Callable[[str, Mapping[str, Any]], Any], *, site: str = "") -> None:
        """Use *ask*, which returns the JSON at an address with parameters."""
        self._ask = ask
        self._lines: dict[tuple[str, date, str], dict[str, dict[str, Any]]] = {}
        self._rules = {
            each["id"]: (
                int(each["k"]),
                [_D(name) for name in each["dimensions"] if name in PANEL_OF],
                [(_D(a), _D(b)) for a, b in each["pairs"] if a in PANEL_OF and b in PANEL_OF],
            )
            for each in ask("/privacy.json", {})["sites"]
            if site in {"", each["id"]}
        }

    def k_of(self, site: str) -> int:
        """Return the k in force for a site, as the house shows it to everybody."""
        return self._rules[site][0]

    def dimensions(self, site: str) -> list[Dimension]:
        """Return the breakdowns of a site that the dashboard has an exit for."""
        return self._rules[site][1]

    def panel(self, sites: Sequence[str], dimension: Dimension, first: date, last: date) -> list[dict[str, Any]]:
        """Return the rows of a breakdown of *sites* together, over a period."""
        name = PANEL_OF[dimension]
        rows = self._export(name, list(sites), first, last, show=dimension.value)
        return [row for row in rows if dimension.value in row]

    def visitors_running(self, site: str) -> int | None:
        """Return the visitors that are shown of a site's running day."""
        today = self.today(site)
        rows = self._export("days", site, today - timedelta(1), today)
        return rows[-1]["visitors"] if rows and rows[-1]["from"] == today.isoformat() else None

    def today(self, site: str) -> date:
        """Return the running day where a site is."""
        return date.fromisoformat(self._ask("/export/days.json", {"site": site, "period": "today"})["to"])

    def running(self, site: str) -> Snapshot:
        """Return what is shown of a site's running day."""
        today = {"site": site, "period": "today"}
        points = self._ask("/export/days.json", today)["rows"]
        values: dict[tuple[Dimension, str], int] = {}
        for dimension in SEEN:
            rows = self._ask(f"/export/{PANEL_OF[dimension]}.json", {**today, "show": dimension.value})["rows"]
            values |= {(dimension, row[dimension.value]): row["visitors"] for row in rows if row.get(dimension.value)}
        blocks = {_block(row): (row["pageviews"], row["visitors"]) for row in points if "T" in row["from"]}
        (now,) = self._ask("/export/now.json", {"site": site})["rows"]
        return Snapshot(self.visitors_running(site), values, blocks, (now["visitors"], now["pageviews"]))

    def parts(self) -> list[PartName]:
        """Return every day that has figures."""
        return sorted(part for site in self._rules for part in self.days(site))

    def days(self, site: str) -> list[PartName]:
        """Return every closed day of a site that has figures; found by asking for ever shorter periods."""
        return [
            PartName(date.fromisoformat(row["from"]), site, 1, self.k_of(site))
            for first, last in self._stretches(site)
            for row in self._export("days", site, first, last)
            if row["state"] == "kept"
        ]

    def _stretches(self, site: str) -> Iterator[tuple[date, date]]:
        """Return periods that hold every day with figures: a long period is listed by week."""
        today = self.today(site)
        weeks = self._export("days", site, today - timedelta(_PERIOD_DAYS_MAX - 1), today)
        starts = [date.fromisoformat(row["from"][:10]) for row in weeks if row["state"] != "empty"]
        if not starts:
            return
        first, last = min(starts), today
        while first <= last:
            yield first, min(last, first + timedelta(_DAYS_MAX - 1))
            first += timedelta(_DAYS_MAX)

    def cells(self, part: PartName) -> list[Cell]:
        """Return every figure of a day that the exits give, as cells."""
        k, dimensions, pairs = self._rules[part.site]
        cells = [*self._total(part, k=k), *self._hours(part, k=k)]
        lines: dict[Dimension, list[str]] = {}
        for dimension in dimensions:
            rows = self._export(PANEL_OF[dimension], part.site, part.day, part.day, show=dimension.value)
            lines[dimension] = [row[dimension.value] for row in rows if dimension.value in row]
            cells += [self._line(part, dimension, row, k=k) for row in rows if dimension.value in row]
        for a, b in pairs:
            if lines.get(a) and lines.get(b):
                cells += self._pair(part, *((a, b) if len(lines[a]) <= len(lines[b]) else (b, a)), lines, k=k)
        return cells

    def _export(self, name: str, site: str | list[str], first: date, last: date, **params: Any) -> list[dict[str, Any]]:
        given = {"site": site, "from": first.isoformat(), "to": last.isoformat(), "compare": 0, **params}
        rows: list[dict[str, Any]] = self._ask(f"/export/{name}.json", given)["rows"]
        return rows

    def _of_day(self, part: PartName, **params: Any) -> dict[str, Any] | None:
        """Return the six figures of a day; a period of two days is listed by day, a single one by hours."""
        rows = self._export("days", part.site, part.day - timedelta(1), part.day, **params)
        return next((row for row in rows if row["from"] == part.day.isoformat()), None)

    def _series(self, part: PartName, line: str) -> dict[str, dict[str, Any]]:
        """Return the six figures of a line day by day, of the 120 days around that a part is in; asked once."""
        start = part.day - timedelta(part.day.toordinal() % _DAYS_MAX)
        key = (part.site, start, line)
        if key not in self._lines:
            rows = self._export("days", part.site, start, start + timedelta(_DAYS_MAX - 1), filter=line)
            self._lines[key] = {row["from"]: row for row in rows}
        return self._lines[key]

    def _total(self, part: PartName, *, k: int) -> Iterator[Cell]:
        row = self._of_day(part)
        if row is not None and row["visitors"] is not None:
            yield _cell(_D.TOTAL, "", row, k=k)

    def _hours(self, part: PartName, *, k: int) -> Iterator[Cell]:
        for row in self._export("days", part.site, part.day, part.day):
            if "T" in row["from"]:
                yield _cell(_D.HOUR, _block(row), row, k=k)

    def _line(self, part: PartName, dimension: Dimension, row: Mapping[str, Any], *, k: int) -> Cell:
        value = row[dimension.value]
        told = self._series(part, f"{dimension.value}:{value}").get(part.day.isoformat(), {})
        return _cell(dimension, value, {**told, **row}, k=k)

    def _pair(
        self, part: PartName, a: Dimension, b: Dimension, lines: Mapping[Dimension, list[str]], *, k: int
    ) -> Iterator[Cell]:
        """Return the cells of a pair: the lines of one side, and what they say of the other's."""
        for value in lines[a]:
            shown = {"filter": f"{a.value}:{value}", "show": b.value}
            for row in self._export(PANEL_OF[b], part.site, part.day, part.day, **shown):
                if b.value not in row:
                    continue
                both = {"dimension": b, "value": row[b.value], "filter_dimension": a, "filter_value": value}
                yield Cell(**both, contributors=k, pageviews=row["pageviews"])
                if row[b.value] != OTHER:
                    both = {"dimension": a, "value": value, "filter_dimension": b, "filter_value": row[b.value]}
                    yield Cell(**both, contributors=k, pageviews=row["pageviews"])


def _cell(dimension: Dimension, value: str, row: Mapping[str, Any], *, k: int) -> Cell:
    visits = row.get("visits")
    return Cell(
        dimension=dimension,
        value=value,
        contributors=k,
        pageviews=row.get("pageviews"),
        visits=visits,
        visitors=row.get("visitors"),
        bounces=_part_of(row.get("bounce_rate"), visits, is_share=True),
        seconds=_part_of(row.get("visit_length"), visits, is_share=False),
        events=row.get("events"),
    )


def _block(row: Mapping[str, Any]) -> str:
    """Return a block of hours as cells name it."""
    return "-".join(row[end].partition("T")[2][:2] for end in ("from", "to"))


def _part_of(ratio: float | None, whole: int | None, *, is_share: bool) -> int | None:
    """Return what a rounded ratio was made of, where one whole number fits; a share at its bounds tells nothing."""
    if ratio is None or whole is None or (is_share and not _SHARE_MIN < ratio < _SHARE_MAX):
        return None
    fits = round(ratio * whole)
    return fits if whole * _ROUNDED < 1 / 2 else None


def figures_of(cells: list[Cell]) -> dict[tuple[str, ...], tuple[int | None, ...]]:
    """Return what the dashboard's exits give of *cells*, to compare one way of reading with another."""
    named = {name.value for name in PANEL_OF} | {_D.TOTAL.value, _D.HOUR.value}
    found: dict[tuple[str, ...], tuple[int | None, ...]] = {}
    for cell in cells:
        key = (cell.filter_dimension or "", cell.filter_value, cell.dimension.value, cell.value)
        if cell.filter_dimension is None and cell.dimension.value in named:
            found[key] = (cell.visitors, cell.visits, cell.pageviews)
        elif cell.filter_dimension in PANEL_OF and cell.dimension in PANEL_OF and cell.value != OTHER:
            found[key] = (cell.pageviews,)
    return found


class Compared(msgspec.Struct):
    """Add up days that were read both ways."""

    days: int = 0
    figures: int = 0
    differing: int = 0

    def add(self, told: list[Cell], kept: list[Cell]) -> None:
        """Compare what the exits told with what is kept."""
        ours, theirs = figures_of(told), figures_of(kept)
        self.days += 1
        self.figures += len(theirs)
        self.differing += sum(ours.get(key) != theirs.get(key) for key in ours.keys() | theirs.keys())


def compare_exits(
    published: PublishedByExits,
    kept: Published,
    *,
    seconds: float = COMPARE_SECONDS,
    now: Callable[[], float] = time.monotonic,
) -> Seen:
    """R22 at the dashboard of a running house: it tells the figures that are kept, no more and no less; they hold too.

    Args:
        published: Reads the dashboard.
        kept: Hands out the cells.
        seconds: Begin no further day after so long; the newest days of each site come first.
        now: Monotonic seconds.
    """
    compared, tally, ends_at = Compared(), Tally(), now() + seconds
    parts = kept.parts()
    several = {(part.site, part.day) for part in parts if part.part > 1}
    for part in newest_of_each(part for part in parts if (part.site, part.day) not in several):
        # The page of a part that was closed today shows the rest of the day too.
        if part.day >= published.today(part.site):
            continue
        if compared.days and now() > ends_at:
            break
        told = published.cells(part)
        compared.add(told, kept.cells(part))
        tally.add(told, k=part.k)
    if not compared.days:
        return not_applicable("No whole day that is over has figures yet: ask again once one has.")
    return Seen.that(
        compared.differing == 0 and tally.leaking == 0,
        days_read=compared.days,
        figures_compared=compared.figures,
        figures_that_differ=compared.differing,
        **tally.evidence(),
    )
