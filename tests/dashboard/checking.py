"""Go over an overview, and what is made like it: figures, chart, table of days, completeness and panels."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from tests.dashboard.auditor import (
    FIGURES,
    Auditor,
    Told,
    change,
    rounded,
    row,
    written,
)
from tests.dashboard.house import TODAY
from tests.dashboard.reading import Node, Sheet

#: What stands on a page and is no figure of the history: where it stands, and why.
NO_FIGURES: Final = {
    "nav": "where one can go: periods, tabs, sites, pages of a table",
    "form": "what one can ask, with dates and numbers of the question",
    "dialog": "names of keys",
    ".controls": "which period was picked",
    ".remark": "what happened beside the counting: its sentence is compared where it stands in the list of gaps",
    "h1": "names of the site and of a table",
    ".title": "which days were asked for; the figures of exactly these days are compared",
    ".signs": "what the signs in the drawing mean",
    ".legend": "which days are drawn, and how many days before they are compared with",
    ".notes": "what somebody wrote or changed, with its day",
    ".column": "days and hours along the axis; where each figure is drawn is compared",
    ".chip-line": "the name of the value that is filtered by",
    "title": "which days are drawn",
    ".guest": "until when a link opens the page",
    ".overlap": "which days are compared; they are those that figures are compared with",
}
#: The same by what is said.
NO_FIGURES_SAID: Final = {
    r"(?:fewer than|below the threshold of|steps of|by|beside a group of fewer than) (?:5|10)\b": "k, of the settings",
    r"after 30 quiet minutes|5 % and 95 %|half an hour": "words of a definition",
    r"today up to \d\d:00|up to \d\d:00": "until when today is known; compared by itself",
    r"It takes 10 beside your own": "the least of a median, a constant",
}
_COLUMNS: Final = {
    "Visitors": "visitors", "Visits": "visits", "Views": "pageviews", "Times": "events", "Bounce rate": "bounce_rate",
    "Visit length": "visit_length", "Time": "time_on_page", "Conversion": "conversion",
}  # fmt: skip
TITLES: Final = {
    "All pages": "page", "Entry pages": "entry_page", "Exit pages": "exit_page", "Groups": "group",
    "Not found": "not_found", "Channel": "channel", "Source": "source", "Campaign": "campaign", "Type": "device",
    "Browser": "browser", "System": "os", "Width": "viewport", "Country": "country", "Language": "language",
    "Event": "event", "Outbound links": "outbound", "Downloads": "download", "Goal": "goal", "Time on page": "time",
    "Scroll depth": "scroll",
}  # fmt: skip
_BEGINNINGS: Final = {
    "not_found": "Not found · page=", "outbound": "Outbound · host=", "download": "Download · type=",
}  # fmt: skip
NAMES: Final = {
    "direct": "Direct", "search": "Search engines", "referral": "Other sites", "ai": "AI assistants",
    "(direct)": "Direct, without a source", "Desktop": "Computer", "small": "Small, as a phone",
    "medium": "Medium, as a tablet", "large": "Large, as a laptop", "NL": "Netherlands", "BE": "Belgium",
    "nl": "Dutch", "en": "English", "25": "The first quarter", "50": "To half of the page",
    "75": "To three quarters", "100": "To the end", "(exit)": "Left the site",
}  # fmt: skip
_SETS: Final = ("goal", "group")
_OF_EVERYBODY: Final = {
    "page", "entry_page", "exit_page", "source", "channel", "device", "browser", "os", "country", "time",
}  # fmt: skip


class Asked(NamedTuple):
    """Hold what a page was asked: its days, those before, what is drawn, by which value, whether kind and days say so.

    Attributes:
        goes_on: Whether the running day follows the closed ones in the chart.
        is_network: Whether visitors are told apart by network.
        k: Of the settings.
    """

    first: date
    last: date
    before: date | None
    metric: str = "visitors"
    filter: tuple[str, str] | None = None
    goes_on: bool = True
    is_network: bool = False
    k: int = 5

    @property
    def before_last(self) -> date | None:
        """Return the last of the days before."""
        return self.before + (self.last - self.first) if self.before else None

    @property
    def days(self) -> list[date]:
        """Return its days."""
        return [self.first + timedelta(n) for n in range((self.last - self.first).days + 1)]


def figures(sheet: Sheet, auditor: Auditor, asked: Asked) -> None:
    """Compare the figures on top, what they changed by, and of how many parts they are."""
    now = auditor.figures(asked.first, asked.last, asked.filter, by="'all'").get("all", {})
    before: Mapping[str, Told] = {}
    if asked.before and asked.before_last and asked.last < TODAY:
        before = auditor.figures(asked.before, asked.before_last, asked.filter, by="'all'").get("all", {})
    nothing = Told(None, 0, 0)
    for item in sheet.main.one(".figures").all("li"):
        tip = item.one(".tip")
        key = tip.told["id"].removeprefix("about-")
        told, then = now.get(key, nothing), before.get(key, nothing)
        is_network = asked.is_network and key == "visitors"
        is_at_least = not FIGURES[key][1] and (told.is_partial or is_network)
        sheet.expect(item.one(".value"), ("at least " if is_at_least and told.value is not None else "")
                     + written(key, told.value))  # fmt: skip
        text, mood = change(key, told.value, then.value)
        told_change = item.one(".change")
        if text:
            text += " compared with the period before"
        elif told.value is None:
            text = "after midnight" if asked.last >= TODAY else "withheld" if told.cells else ""
        sheet.expect(told_change, text)
        assert mood in told_change.classes, (key, mood, told_change.classes)
        name = item.one(".name").text
        if key == "visitors":
            is_several = len(asked.days) > 1 or len(auditor.sites) > 1
            assert name == ("Visitor-days" if is_several else "Visitors"), name
        parts = re.search(r"([\d,]+) of ([\d,]+) parts", tip.text)
        assert bool(parts) is told.is_partial, (key, tip.text)
        assert not parts or (parts[1], parts[2]) == (f"{told.covered:,}", f"{told.cells:,}")
        sheet.answer(tip, figures=2 if parts else 0)


def states(auditor: Auditor, asked: Asked) -> dict[date, str]:
    """Return how each day ended."""
    found = dict(auditor.rows(
        "select day, case when bool_or(outcome = 'kept') then 'kept' when day = ? then 'running' "
        "when bool_or(outcome = 'lost') then 'lost' else 'below_k' end from closed "
        "where :sites and day between ? and ? group by day",
        TODAY, asked.first, asked.last,
    ))  # fmt: skip
    return {day: found.get(day, "running" if day == TODAY else "empty") for day in asked.days}


def completeness(sheet: Sheet, auditor: Auditor, asked: Asked) -> None:
    """Compare what is said of what is not in the figures."""
    box = sheet.main.one(".complete")
    days = list(states(auditor, asked).values())
    if asked.last == TODAY and days[-1] == "running":
        is_there = auditor.value("select count(*) from committed_hour where :sites and day = ?", TODAY)
        days = days if is_there else days[:-1]
    span = (asked.first, asked.last)
    wanted = []
    whole = auditor.figures(*span, by="'all'").get("all", {})
    if asked.filter is None and whole and len(asked.days) > 1:
        wanted.append(f"{whole['pageviews'].value or 0:,} pageviews and {whole['events'].value or 0:,} events accepted")
    for state, one, many in (
        ("kept", "{n} day counted", "{n} days counted"),
        ("below_k", "{n} day below", "{n} days below"),
        ("lost", "{n} day lost", "{n} days lost"),
        ("empty", "{n} day without visitors", "{n} days without visitors"),
    ):
        number = days.count(state)
        wanted += [(one if number == 1 else many).format(n=number)] if number else []
    logs = auditor.value(
        "select count(distinct day) from closed where :sites and origin = 'server_log' and day between ? and ?", *span
    )
    split = len(auditor.rows(
        "select day from closed where :sites and outcome = 'kept' and day between ? and ? "
        "group by day having count(*) > count(distinct site)", *span,
    ))  # fmt: skip
    gaps = auditor.value("select count(*) from gap where day between ? and ? and timezone = 'Europe/Amsterdam'", *span)
    wanted += [f"{logs} day{'s' * (logs > 1)} from a server log"] if logs else []
    wanted += [f"{split} day{'s' * (split > 1)} counted in parts"] if split else []
    wanted += [f"the machine restarted {gaps} time{'s' * (gaps > 1)}"] if gaps else []
    for item in box.one("ul").all("li"):
        if re.search(r"of pageviews in small groups$", item.text):
            title, share = re.findall(r"^(.+): (\S+) of pageviews", item.text)[0]
            assert share == _folded(auditor, asked, TITLES[title]), item.text
            sheet.answer(item)
        elif not re.match(r"today |visitors told apart", item.text):
            assert any(item.text.startswith(each) for each in wanted), (item.text, wanted)
            wanted = [each for each in wanted if not item.text.startswith(each)]
            sheet.answer(item)
    assert not wanted, wanted
    _drops(sheet, auditor, asked, box)


def _folded(auditor: Auditor, asked: Asked, breakdown: str) -> str:
    source, values = source_of(breakdown, asked)
    part = auditor.rows(f"select sum(pageviews) filter (where value = '(other)') / sum(pageviews) {source}", *values)
    return f"{rounded(part[0][0] * 100)}%"


def _drops(sheet: Sheet, auditor: Auditor, asked: Asked, box: Node) -> None:
    names = {"bot": "Bots", "refused:device": "Removed from events: device", "late": "Reports that came too late"}
    sums = "select reason, sum(count) from dropped where {} and day between ? and ? group by reason"
    dropped = {names[why]: n for why, n in auditor.rows(sums.format(":sites"), asked.first, asked.last)}
    opt_outs = dict(auditor.rows(sums.format("site = ''"), asked.first, asked.last)).get("opt_out")
    if dropped:
        sheet.expect(box.one("summary"), f"Not counted: {sum(dropped.values()):,}")
    told = {line.one("dt").text: line.one("dd").text for line in box.all("dl div")}
    if opt_outs:
        dropped["Opt-outs, of all sites together"] = opt_outs
    assert told == {name: f"{number:,}" for name, number in dropped.items()}
    for line in box.all("dl div"):
        sheet.answer(line)


def source_of(breakdown: str, asked: Asked) -> tuple[str, list[Any]]:
    """Return from which cells a breakdown is read: `from … where …` with a column `value`, and its parameters."""
    dimension = "property" if breakdown in _BEGINNINGS else "page" if breakdown == "time" else breakdown
    beginning = _BEGINNINGS.get(breakdown, "")
    columns = "site, day, value, pageviews, visits, visitors, bounces, seconds, events"
    span = [asked.first, asked.last]
    if asked.filter is None:
        lines = (
            f"(select {columns} from cell where filter_dimension = '' and dimension = ? union all "
            f"select {columns} from today.cell where dimension = ?)"
        )
        values = [dimension, dimension]
    elif dimension in _SETS and asked.filter[0] not in _SETS:
        turned = columns.replace("value", "filter_value as value")
        lines = f"(select {turned} from cell where filter_dimension = ? and dimension = ? and value = ?)"
        values = [dimension, *asked.filter]
    else:
        lines = f"(select {columns} from cell where filter_dimension = ? and filter_value = ? and dimension = ?)"
        values = [*asked.filter, dimension]
    where = f"from {lines} where :sites and day between ? and ? and starts_with(value, '{beginning}')"
    return where, [*values, *span]


def bare(breakdown: str, value: str) -> str:
    """Return a value as it is shown: of a property without its beginning."""
    return value.removeprefix(_BEGINNINGS.get(breakdown, ""))


def breakdown_of(auditor: Auditor, asked: Asked, breakdown: str) -> list[tuple[str, dict[str, Told]]]:
    """Return the rows of a breakdown in their order, `(other)` last."""
    source, values = source_of(breakdown, asked)
    found = auditor.told(source, *values, by="value")
    if breakdown == "goal" or (asked.filter and asked.filter[0] == "goal"):
        _convert(auditor, asked, breakdown, found)

    def order(item: tuple[str, dict[str, Told]]) -> tuple[Any, ...]:
        value, told = item
        if breakdown == "scroll":
            return (value == "(other)", value.zfill(3))
        views = told["pageviews"].value if asked.filter else 0
        return (
            value == "(other)",
            views is None,
            -(views or 0),
            told["visitors"].value is None,
            -(told["visitors"].value or 0),
            value,
        )

    return sorted(found.items(), key=order)


def _convert(auditor: Auditor, asked: Asked, breakdown: str, found: dict[str, dict[str, Told]]) -> None:
    """Add which part of everybody on the days that count reached a goal."""
    one = (
        "select min(day), count(distinct day) from cell where :sites and filter_dimension = '' and dimension = 'goal' "
    )
    days = "select count(distinct day), sum(visitors) from cell where :sites and filter_dimension = '' and "
    for value, told in found.items():
        goal = value if breakdown == "goal" else asked.filter[1] if asked.filter else ""
        first, number = auditor.rows(f"{one} and value = ? and day between ? and ?", goal, asked.first, asked.last)[0]
        within = "dimension = ? and value = ? and day between ? and ?"
        of: tuple[str, str] = ("total", "")
        if asked.filter:
            of = asked.filter if breakdown == "goal" else (breakdown, value)
        of_days, whole = auditor.rows(days + within, *of, first, asked.last)[0] if first else (0, None)
        is_short = bool(asked.filter) or number < of_days
        reached = told["visitors"].value
        part = min(reached / whole, 1) if reached is not None and whole else None
        told["conversion"] = Told(part, int(part is not None), 2 if is_short or told["visitors"].is_partial else 1)


def panel(sheet: Sheet, auditor: Auditor, asked: Asked, box: Node, *, limit: int = 10) -> str | None:
    """Compare one table of values; return which breakdown it is."""
    tables = [one for one in box.all("table") if one.classes[:1] in (["bars"], ["whole"])]
    if not tables:
        assert box.all(".empty")
        return None
    heads = [head.text for head in tables[0].one("thead").all("th")]
    breakdown, columns = TITLES[heads[0]], [_COLUMNS[head] for head in heads[1:]]
    rows = breakdown_of(auditor, asked, breakdown)
    other = next((told for value, told in rows if value == "(other)"), None)
    named = [(value, told) for value, told in rows if value != "(other)"]
    lines = [line for line in tables[0].all("tbody tr") if "other" not in line.classes]
    assert len(lines) == min(len(named), limit), (breakdown, len(lines), len(named))
    longest = max([told[columns[0]].value or 0 for _, told in named[:limit]], default=0) or 1
    is_at_least = bool(asked.filter) and (breakdown in _SETS or bool(asked.filter and asked.filter[0] in _SETS))
    for line, (value, told) in zip(lines, named, strict=False):
        bare = value.removeprefix(_BEGINNINGS.get(breakdown, ""))
        head = line.one("th")
        assert head.text == NAMES.get(bare, bare), (head.text, value)
        for bar in head.all("rect"):
            sheet.drawn(bar, "width", f"{min((told[columns[0]].value or 0) / longest, 1) * 100:.0f}%")
        sheet.answer(head, figures=0)
        for cell, key in zip(line.all("td"), columns, strict=True):
            sheet.expect(cell, row(key, told[key], is_at_least=is_at_least))
    others = [line for line in tables[0].all("tr") if "other" in line.classes]
    assert len(others) == bool(other)
    if other and others:
        for cell, key in zip(others[0].all("td"), columns, strict=True):
            sheet.expect(cell, row(key, other[key], is_at_least=is_at_least and False))
        sheet.answer(others[0], figures=0)
    _partial(sheet, auditor, asked, box, breakdown=breakdown, is_at_least=is_at_least)
    for link in box.all(".exports a"):
        if re.match(r"\d", link.text):
            assert link.text.split()[0] == str(len(named) - len(lines)), (link.text, len(named), len(lines))
            sheet.answer(link)
    return breakdown


def _partial(sheet: Sheet, auditor: Auditor, asked: Asked, box: Node, *, breakdown: str, is_at_least: bool) -> None:
    """Compare on how many days a breakdown was kept."""
    source, values = source_of(breakdown, asked)
    shown = auditor.value(f"select count(distinct day) {source} and day < ?", *values, TODAY)
    of = asked.filter or ("total", "")
    counted = auditor.value(
        "select count(distinct day) from cell where :sites and filter_dimension = '' and dimension = ? and value = ? "
        "and day between ? and ?", *of, asked.first, asked.last,
    )  # fmt: skip
    said = [node for node in box.each() if re.match(r"On [\d,]+ of [\d,]+ days", node.text)]
    is_partial = shown < counted and breakdown in _OF_EVERYBODY and not is_at_least
    assert bool(said) is is_partial, (breakdown, shown, counted, asked)
    if said:
        found = [node for node in said if node.tag in {"summary", "p"}]
        assert found[0].text.startswith(f"On {shown:,} of {counted:,} days"), found[0].text
        sheet.answer(found[0], figures=2)


def finish(sheet: Sheet, places: Mapping[str, str] | None = None, said: Mapping[str, str] | None = None) -> int:
    """Fail on a figure that nobody answered for; return how many were compared."""
    sheet.leave_out({**NO_FIGURES, **(places or {})}, {**NO_FIGURES_SAID, **(said or {})})
    assert not sheet.left(), sheet.left()
    return sheet.compared
