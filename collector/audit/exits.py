"""Read what every exit of a running house shows, and hold it to the closed cells, figure by figure.

`/metrics` follows the running day: what it shows is held to its steps, while single events come.
"""

import csv
import io
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any, Final

import msgspec

from collector.audit.finding import Seen
from collector.audit.scratch import ScratchHouse

#: Panels of the dashboard, and the dimensions that each can show.
PANELS: Final = {
    "pages": ("page", "entry_page", "exit_page", "group", "not_found"),
    "sources": ("channel", "source", "campaign"),
    "devices": ("device", "browser", "os", "viewport"),
    "countries": ("country", "language"),
    "events": ("event", "outbound", "download"),
    "goals": ("goal",),
    "time": ("time",),
    "scroll": ("scroll",),
}
#: What a table is cut out of: a dimension, and how its values begin; written here once more, on purpose.
_CUT: Final = {
    "not_found": ("property", "Not found · page="),
    "outbound": ("property", "Outbound · host="),
    "download": ("property", "Download · type="),
    "time": ("page", ""),
}
#: Figures that are sums of what is kept; ratios follow from them.
SUMS: Final = ("visitors", "visits", "pageviews", "events")
#: What stands in a house's list of what left it; read by SQL of the auditor's own.
_NOTED: Final = "select what, count(*) from taken where site = ? group by what"
_OK: Final = 200
#: No nearer to none and to all is a share shown.
_LEAST, _MOST = 0.05, 0.95
_BOUND: Final = re.compile(r"<\s?5\s?%|>\s?95\s?%")
_PANEL: Final = re.compile(r'<section class="card panel" id="(\w+)".*?</section>', re.DOTALL)
_FIGURE: Final = re.compile(r'<td class="number">(.*?)</td>', re.DOTALL)
_TOTAL: Final = re.compile(r'<span class="value">(.*?)</span>\s*<span class="change', re.DOTALL)
_TAG: Final = re.compile(r"<[^>]+>")
_COUNT: Final = re.compile(r"(?<![\d.,:])\d{1,3}(?:,\d{3})+(?![\d.,:])|(?<![\d.,:])\d+(?![\d.,:])(?!\s*(?:%|s\b|m\b))")
#: Steps in which `/metrics` may tell what visitors did, or what follows it; written here once more, on purpose.
_STEPS: Final = {
    "turven_events_total": 10.0,
    "turven_dropped_total": 10.0,
    "turven_refused_total": 10.0,
    "turven_spool_unread_bytes": 65_536.0,
    "turven_day_bytes": 1_048_576.0,
    "turven_fold_share": 0.05,
    "turven_close_seconds_sum": 1.0,
    "turven_round_seconds_sum": 1.0,
    "turven_query_seconds_sum": 1.0,
}
#: What tells of the house alone.
_OF_THE_HOUSE: Final = frozenset({
    "turven_ready", "turven_last_close_seconds", "turven_parts_closed_early_total",
    *(f"turven_{what}_seconds_{which}" for what in ("close", "round", "query") for which in ("bucket", "count")),
})  # fmt: skip
_COMES: Final = ("turven_fold_share", "turven_refused_total")
_OPT_OUT_STEP: Final = 100.0
_EVENTS: Final = "turven_events_total"
_ROUNDS: Final = "turven_round_seconds_count"
_SAMPLE: Final = re.compile(r"(\w+)(?:\{(.*)\})? (\S+)")
#: Two counts that differ by one are not both in steps; so many more show that steps are told at all.
_SINGLE, _MORE = 2, 23
#: Rounds of the engine after which an event that came before them is counted.
_ROUNDS_UNTIL_COUNTED: Final = 2
_MOVES: Final = 20.0

Rows = list[dict[str, Any]]
#: Samples of `/metrics` by name and labels.
Poll = Mapping[str, float]


class Shown(msgspec.Struct, frozen=True):
    """Hold what the exits showed of one closed day of a site.

    Attributes:
        exports: By name of the exit and dimension, the rows.
        page: The page in English.
        cells: By format, all cells of the site, as the command line exports them.
        statuses: Of the exits that did not answer as they should.
        files: How many files of each name were given over HTTP.
    """

    site: str
    day: date
    exports: Mapping[str, Rows]
    page: str
    cells: Mapping[str, Rows]
    statuses: Mapping[str, int]
    files: Mapping[str, int]


def look(house: ScratchHouse, *, site: str, day: date) -> Shown:
    """Ask every exit of a running house for one closed day."""
    exports: dict[str, Rows] = {}
    statuses: dict[str, int] = {}
    files: Counter[str] = Counter()
    # With the day before, so that days and not hours are shown; of that day there is nothing.
    period = f"site={site}&from={day - timedelta(1)}&to={day}&compare=0&lang=en"
    for name, address in [("days", "/export/days"), *_panel_exports()]:
        for kind in ("json", "csv"):
            path, _, query = address.partition("?")
            status, _, body = house.request("GET", f"{path}.{kind}?{period}&{query}")
            if status != _OK:
                statuses[f"{name} {kind}"] = status
                continue
            files[path.rpartition("/")[2]] += 1
            exports[f"{name} {kind}"] = json.loads(body)["rows"] if kind == "json" else _rows(body)
    status, _, page = house.request("GET", f"/?{period}")
    if status != _OK:
        statuses["page"] = status
    cells = {kind: _cells(house, site, kind) for kind in ("csv", "json")}
    return Shown(site, day, exports, page.decode(), cells, statuses, files)


def noted(desk: Path, *, site: str) -> dict[str, int]:
    """Return how often each table of *site* left a stopped house, as it noted it; empty where it notes nothing."""
    try:
        with closing(sqlite3.connect(f"{desk.as_uri()}?mode=ro", uri=True)) as connection:
            return dict(connection.execute(_NOTED, (site,)).fetchall())
    except sqlite3.Error:
        return {}


def _panel_exports() -> Iterator[tuple[str, str]]:
    for panel, dimensions in PANELS.items():
        for dimension in dimensions:
            yield dimension, f"/export/{panel}?show={dimension}" if dimension != dimensions[0] else f"/export/{panel}"


def _cells(house: ScratchHouse, site: str, kind: str) -> Rows:
    if kind == "json":
        rows: Rows = json.loads(house.ask("export", site=site, format=kind))
        return rows
    code, printed = house.turven("export", "--site", site, "--format", kind)
    return _rows(printed.encode()) if code == 0 else []


def _rows(content: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(content.decode())))


def watch_monitor(house: ScratchHouse, *, send: Callable[[int], object]) -> list[Poll]:
    """Poll `/metrics` before and after single events and drops, each counted before the next, and while more come."""
    polls = [_poll(house)]

    def has_gone_round() -> bool:
        polls.append(_poll(house))
        return polls[-1].get(_ROUNDS, 0.0) >= until

    for number in range(_SINGLE):
        send(number)
        until = polls[-1].get(_ROUNDS, 0.0) + _ROUNDS_UNTIL_COUNTED
        house.wait_for(has_gone_round)
    for number in range(_MORE):
        send(number)
        polls.append(_poll(house))

    def has_moved() -> bool:
        polls.append(_poll(house))
        return _moved(polls) >= _MOVES

    house.wait_for(has_moved)
    return polls


def out_of_step(polls: Sequence[Poll]) -> list[str]:
    """Return what `/metrics` told between its steps, under a name of its own, or by appearing, as exits that differ."""
    odd = {name for poll in polls for name, value in poll.items() if not _is_in_steps(name, value)}
    everywhere = set.intersection(*(set(poll) for poll in polls))
    # A kind of refusal comes with its tenth, a share with the first close: neither tells of one.
    came = {name for poll in polls for name in poll if not name.startswith(_COMES)} - everywhere
    # Without events that it tells of, nothing would have been tried.
    still = [] if _moved(polls) >= _MOVES else ["metrics: tells of no event"]
    return [f"metrics: {name}" for name in sorted(odd | came)] + still


def _poll(house: ScratchHouse) -> Poll:
    status, _, body = house.request("GET", "/metrics")
    samples = [_SAMPLE.fullmatch(line) for line in body.decode().splitlines() if not line.startswith("#")]
    if status != _OK or None in samples:
        return {}
    return {f"{one[1]}{{{one[2]}}}" if one[2] else one[1]: float(one[3]) for one in samples if one}


def _moved(polls: Sequence[Poll]) -> float:
    return polls[-1].get(_EVENTS, 0.0) - polls[0].get(_EVENTS, 0.0)


def _is_in_steps(name: str, value: float) -> bool:
    bare, _, labels = name.partition("{")
    if not set(re.findall(r'(\w+)="', labels)) <= {"reason", "le", "kind"}:
        return False
    step = _OPT_OUT_STEP if "opt_out" in labels else _STEPS.get(bare)
    if step is None:
        return bare in _OF_THE_HOUSE
    return abs(value / step - round(value / step)) < 1e-6  # noqa: PLR2004 - of a sum in floats


def check(
    shown: Shown,
    cursor: Any,
    *,
    running: Mapping[str, list[int]],
    polls: Sequence[Poll],
    k: int,
    left: Mapping[str, int],
) -> Seen:
    """R37: what was shown is what SQL over the closed cells gives; of the running day only multiples of k are shown.

    To a monitor only steps are. Each file that was given is noted.

    Args:
        shown: What the exits showed.
        cursor: On the history of the same house, stopped.
        running: Figures that exits showed of a day that ran.
        polls: What `/metrics` showed while single events came.
        k: In force.
        left: What the house noted of what left it, by name.
    """
    differing: list[str] = []
    figures = 0
    for name, rows in shown.exports.items():
        dimension = name.partition(" ")[0]
        expected = _expected(cursor, shown, "total" if dimension == "days" else dimension)
        got = _days(rows, shown.day) if dimension == "days" else _by_value(rows, dimension)
        figures += sum(len(row) for row in got.values())
        if not _agree(got, expected):
            differing.append(name)
    numbers, unknown = _on_page(shown, cursor)
    differing += [f"command line, {kind}" for kind, rows in shown.cells.items() if not _same_cells(rows, cursor, shown)]
    differing += out_of_step(polls)
    counts = [count for counts in running.values() for count in counts]
    odd = sorted({name for name, counts in running.items() if any(count % k for count in counts)})
    unnoted = sorted(name for name, count in shown.files.items() if left.get(name, 0) < count)
    wrong = differing or unknown or odd or shown.statuses or unnoted
    return Seen.that(
        not wrong and numbers > 0 and figures > 0 and any(counts) and bool(shown.files),
        exits=len(shown.exports) + len(shown.cells) + 2,
        figures_compared=figures,
        figures_on_the_page=numbers,
        cells_exported={kind: len(rows) for kind, rows in shown.cells.items()},
        exits_that_differ=differing,
        figures_on_the_page_that_no_cell_gives=unknown,
        exits_that_did_not_answer=dict(shown.statuses),
        figures_of_the_running_day=len(counts),
        k=k,
        exits_of_the_running_day_with_another_than_a_multiple_of_k=odd,
        files_given=sum(shown.files.values()),
        files_that_were_not_noted=unnoted,
    )


Figures = dict[str, dict[str, int]]


def _expected(cursor: Any, shown: Shown, dimension: str) -> Figures:
    """Return the sums over the parts of the day, by value; a sum of which every part is withheld is left out."""
    sums = ", ".join(f"sum({name})::bigint" for name in SUMS)
    dimension, beginning = _CUT.get(dimension, (dimension, ""))
    rows = cursor.execute(
        f"select substr(value, length($4) + 1), {sums} from cell where site = $1 and day = $2 "
        "and filter_dimension = '' and dimension = $3 and starts_with(value, $4) group by value",
        [shown.site, shown.day, dimension, beginning],
    ).fetchall()
    return {
        value: {name: count for name, count in zip(SUMS, counts, strict=True) if count is not None}
        for value, *counts in rows
    }


def _by_value(rows: Rows, dimension: str) -> Figures:
    return {str(row[dimension]): _counts(row) for row in rows if dimension in row}


def _days(rows: Rows, day: date) -> Figures:
    # A day has one line; it is the total's, whose value is empty.
    lines = [_counts(row) for row in rows if row["from"] == row["to"] == day.isoformat()]
    return {"": lines[0]} if len(lines) == 1 else {}


def _counts(row: Mapping[str, Any]) -> dict[str, int]:
    return {name: int(row[name]) for name in SUMS if row.get(name) not in (None, "")}


def _agree(got: Figures, expected: Figures) -> bool:
    return set(got) == set(expected) and all(
        set(row.items()) <= set(expected[value].items()) and row for value, row in got.items()
    )


def _on_page(shown: Shown, cursor: Any) -> tuple[int, int]:
    """Return how many counts the page shows, and how many of them no cell gives."""
    known = {dimension: _expected(cursor, shown, dimension) for panel in PANELS.values() for dimension in panel}
    total = _expected(cursor, shown, "total")
    numbers = unknown = 0
    panels = [(_FIGURE.findall(match[0]), known[PANELS[match[1]][0]]) for match in _PANEL.finditer(shown.page)]
    places = [(_TOTAL.findall(shown.page), total), *panels]
    for texts, expected in places:
        allowed = {count for row in expected.values() for count in row.values()}
        for count in counts_in(texts):
            numbers += 1
            unknown += count not in allowed
    return numbers, unknown


def counts_in(texts: list[str]) -> list[int]:
    """Return the whole numbers that pieces of a page in English show; not shares, ratios and lengths of time."""
    plain = [_TAG.sub(" ", text).strip() for text in texts]
    return [int(number.replace(",", "")) for text in plain for number in _COUNT.findall(text)]


def _same_cells(rows: Rows, cursor: Any, shown: Shown) -> bool:
    names = list(rows[0]) if rows else []
    if not names:
        return False
    kept = cursor.execute(f"select {', '.join(names)} from cell where site = ?", [shown.site]).fetchall()

    def plain(values: Any) -> tuple[str, ...]:
        return tuple("" if value is None else str(value) for value in values)

    return sorted(plain(row) for row in kept) == sorted(plain(row.values()) for row in rows)


def look_at_shares(house: ScratchHouse, *, sites: Sequence[str], day: date) -> dict[str, tuple[list[float], str]]:
    """Return the bounce rates that exports give of a closed day, by site, and the page in English."""
    shown = {}
    for site in sites:
        period = f"site={site}&from={day - timedelta(1)}&to={day}&compare=0&lang=en"
        rows = [
            row
            for address in ("/export/days.json", "/export/pages.json")
            for row in json.loads(house.request("GET", f"{address}?{period}")[2]).get("rows", [])
        ]
        rates = [float(row["bounce_rate"]) for row in rows if row.get("bounce_rate") is not None]
        shown[site] = rates, house.request("GET", f"/?{period}")[2].decode()
    return shown


def check_shares(shown: Mapping[str, tuple[list[float], str]], kept: Sequence[int]) -> Seen:
    """R26 as it is shown: a share that is none or all is shown as less than 5 % or more than 95 %, and never as it is.

    Args:
        shown: Of sites of which nobody bounced, or everybody.
        kept: The shares that their cells give, in percent; without a 0 and a 100 nothing would have been tried.
    """
    odd = [
        site
        for site, (rates, page) in shown.items()
        if not rates or not all(_LEAST <= rate <= _MOST for rate in rates) or not _BOUND.search(unescape(page))
    ]
    return Seen.that(
        not odd and {0, 100} <= set(kept),
        figures_compared=sum(len(rates) for rates, _ in shown.values()),
        exits_that_differ=odd,
    )


def bounced(cursor: Any, *, sites: Sequence[str]) -> list[int]:
    """Return the bounce rate of each of *sites* as their cells give it, in percent."""
    rows = cursor.execute(
        "select sum(bounces) * 100 // sum(visits) from cell where list_contains($sites, site) and dimension = 'total' "
        "and filter_dimension = '' and bounces is not null group by site",
        {"sites": list(sites)},
    ).fetchall()
    return [int(share) for (share,) in rows if share is not None]


def look_at_running_day(house: ScratchHouse, *, site: str) -> dict[str, list[int]]:
    """Return the counts that exits show of a site whose day runs and has no closed part."""
    shown: dict[str, list[int]] = {}
    for name, path in [("days", "/export/days"), *_panel_exports()]:
        address, _, query = path.partition("?")
        status, _, body = house.request("GET", f"{address}.json?site={site}&period=today&{query}")
        if status == _OK:
            shown[name] = [count for row in json.loads(body)["rows"] for count in _counts(row).values()]
    _, _, page = house.request("GET", f"/?site={site}&period=today&lang=en")
    text = page.decode()
    pieces = [*_TOTAL.findall(text), *(cell for match in _PANEL.finditer(text) for cell in _FIGURE.findall(match[0]))]
    return shown | {"page": counts_in(pieces)}
