"""Go over the pages beside the overview: hours, goals and funnels, where people go next, and the list of sites."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from tests.dashboard.auditor import Auditor, grown, rounded, written
from tests.dashboard.checking import NAMES, Asked
from tests.dashboard.house import TODAY
from tests.dashboard.reading import Node, Sheet

_HOUR_DAYS: Final = 62
#: So many places on, a small line goes on: over a weekend of which nothing is told.
_BRIDGED: Final = 3


def heat(sheet: Sheet, auditor: Auditor, asked: Asked) -> None:
    """Compare each hour of each weekday, its shade, and how many days they are of."""
    first = max(asked.first, TODAY - timedelta(_HOUR_DAYS - 1))
    lines = (
        "with block as (select site, day, isodow(day) as weekday, split_part(value, '-', 1)::int as first, "
        "split_part(value, '-', 2)::int as over, pageviews from cell where :sites and day between ? and ? "
        "and dimension = 'hour' and pageviews is not null) "
    )
    days = dict(auditor.rows(f"{lines} select weekday, count(distinct day) from block group by all", first, asked.last))
    whole = dict(
        auditor.rows(f"{lines} select weekday, count(distinct (site, day)) from block group by all", first, asked.last)
    )
    found = {
        (weekday, hour): (views / days[weekday], is_long or seen < whole[weekday])
        for weekday, hour, views, is_long, seen in auditor.rows(
            f"{lines} select weekday, hour, sum(pageviews / (over - first)), bool_or(over - first > 1), "
            "count(distinct (site, day)) from block, range(24) as hours(hour) where hour >= first and hour < over "
            "group by all", first, asked.last,
        )
    }  # fmt: skip
    most = max(mean for mean, _ in found.values())
    box = sheet.main.one("#hours")
    said = re.search(r"mean of (\d+) days", box.text)
    assert said
    assert int(said[1]) == sum(days.values())
    sheet.answer(box.one("p"))
    for hour, line in enumerate(box.all("tbody tr")):
        sheet.answer(line.one("th"), figures=0)
        for weekday, cell in enumerate(line.all("td"), start=1):
            mean, is_about = found.get((weekday, hour), (None, False))
            if mean is None:
                sheet.expect(cell, "no figure")
                assert cell.classes == ["s0"]
                continue
            text = rounded(mean, 1 if 0 < mean < 1 else 0)
            sheet.expect(cell, ("~" if is_about else "") + text)
            assert cell.classes == [f"s{min(int(mean / most * 5), 4) + 1}"], (hour, weekday, mean, most)


#: Of the days of a period on which something declared counted: who reached it, how many everybody was, in how many
#: visits and of how many, how often, on how many days that tell it, and of how many days in all.
_REACHED: Final = """
    with whole as (
        select day, sum(visitors) as people, case when count(visits) = count(*) then sum(visits) end as visits
        from cell where :sites and dimension = 'total' and day between ? and ? and day >= ? group by day
    ), own as (
        select day, sum(visitors) as people, case when count(visits) = count(*) then sum(visits) end as visits,
            coalesce(sum(events), sum(pageviews)) as times, true as is_there
        from cell where :sites and filter_dimension = '' and dimension = ? and value = ? group by day
    ), begins as (select min(day) as first from own join whole using (day)
    ), line as (
        select whole.*, own.people as own, own.visits as own_visits, times,
            whole.visits is not null and (is_there is null or own.visits is not null) as tells
        from whole left join own using (day), begins where first is null or whole.day >= first
    )
    select sum(own), sum(people), sum(own_visits) filter (tells), sum(visits) filter (tells), sum(times), count(own),
        count(*) from line
"""


def goal_lines(
    sheet: Sheet, auditor: Auditor, asked: Asked, table: Node, dimension: str, *, begun: Mapping[str, date]
) -> None:
    """Compare goals, or groups of pages."""
    for line in table.all("tbody tr"):
        name = line.one("bdi").text
        first = begun[name]
        reached = _reached(auditor, asked.first, asked.last, first, (dimension, name))
        before = None
        if asked.before and asked.before_last and first <= asked.before:
            before = _reached(auditor, asked.before, asked.before_last, first, (dimension, name))
        sheet.answer(line.one("th"), figures=0)
        for path in line.all("path"):
            sheet.drawn(path, "d", spark(auditor, asked, first, (dimension, name)))
        people, of, visits, of_visits, times, told, days = reached
        if people is None:
            assert line.all(".none")
            sheet.answer(line)
            continue
        sign = "≥ " if told < days else ""
        cells = line.all("td.number")
        sheet.expect(cells[0].one("b"), f"{sign}{people:,}")
        if before and before[0]:
            sheet.expect(cells[0].one("small"), grown((people - before[0]) / before[0]))
        share = f"{sign}{written('conversion', min(people / of, 1))}"
        sheet.expect(
            cells[1], share + (f"was {written('conversion', before[0] / before[1])}" if before and before[0] else "")
        )
        sheet.expect(cells[2], f"{sign}{visits:,}" if visits else "withheld")
        sheet.expect(cells[3], sign + written("conversion", min(visits / of_visits, 1)) if visits else "–")
        sheet.expect(cells[4], f"{sign}{times:,}" if times is not None else "–")


def _reached(auditor: Auditor, first: date, last: date, begun: date, key: tuple[str, str]) -> list[Any]:
    return list(auditor.rows(_REACHED, first, last, begun, *key)[0])


def spark(auditor: Auditor, asked: Asked, first: date, key: tuple[str, str]) -> str:
    """Return the small line through the days that count, in a box of 100 by 30; it goes on over a weekend."""
    days = [day for day in asked.days if day >= first]
    told = dict(auditor.rows(
        "select day, sum(visitors) from cell where :sites and filter_dimension = '' and dimension = ? and value = ? "
        "and day between ? and ? group by day", *key, days[0], days[-1],
    ))  # fmt: skip
    path, before = "", -_BRIDGED
    for n in (n for n, day in enumerate(days) if day in told):
        x, y = (n + 0.5) / len(days) * 100, 28 - told[days[n]] / max(told.values()) * 26
        is_on = bool(path) and n - before <= _BRIDGED
        path, before = path + f"{'L' if is_on else 'M'}{x:.1f} {y:.1f}{'' if is_on else 'h.01'}", n
    return path


def funnel(sheet: Sheet, auditor: Auditor, asked: Asked, box: Node, name: str, *, begun: date) -> None:
    """Compare the steps of a funnel: who came that far, who went on, and which part took all of them."""
    days = auditor.value(
        "select count(distinct day) from cell where :sites and dimension = 'total' and day between ? and ? "
        "and day >= ?", asked.first, asked.last, begun,
    )  # fmt: skip
    steps = [
        dict(auditor.rows(
            "select day, sum(visitors) from cell where :sites and dimension = 'funnel_step' and value = ? "
            "and day between ? and ? and day >= ? group by day", f"{name} · {n}", asked.first, asked.last, begun,
        ))
        for n in range(1, len(box.all("ol li")) + 1)
    ]  # fmt: skip
    most = max(sum(step.values()) for step in steps)

    def part(later: Mapping[date, int], earlier: Mapping[date, int]) -> float:
        both = later.keys() & earlier.keys()
        return sum(later[day] for day in both) / sum(earlier[day] for day in both)

    said = box.one("p")
    assert said.text.endswith(f"· {written('conversion', part(steps[-1], steps[0]))} take all steps"), said.text
    sheet.answer(said)
    for n, item in enumerate(box.all("ol li")):
        people = sum(steps[n].values())
        sheet.expect(item.one("b.number"), f"{'≥ ' if len(steps[n]) < days else ''}{people:,} visitors")
        sheet.expect(item.one("span.step"), str(n + 1))
        under, bar = item.all("rect")
        sheet.answer(under, figures=0)
        sheet.drawn(bar, "width", f"{people / most * 100:.1f}%")
        if n:
            stayed = part(steps[n], steps[n - 1])
            sheet.expect(
                item.one("p.drop"),
                f"{written('conversion', stayed)} went on from the step before, "
                f"{written('conversion', 1 - stayed)} did not",
            )


def bars(sheet: Sheet, table: Node, rows: Sequence[tuple[str, int, int | None]]) -> None:
    """Compare a table of visitors "at least" with its bars; a third column is which part that is of all."""
    lines = table.all("tbody tr")
    assert len(lines) == len(rows), (len(lines), rows)
    for line, (value, people, of) in zip(lines, rows, strict=True):
        assert line.one("th").text == NAMES.get(value, value), (line.text, value)
        sheet.drawn(line.one("rect"), "width", f"{people / rows[0][1] * 100:.1f}%")
        sheet.answer(line.one("th"), figures=0)
        cells = line.all("td")
        sheet.expect(cells[0], f"≥ {people:,}")
        for cell in cells[1:]:
            sheet.expect(cell, f"≥ {written('conversion', min(people / of, 1))}" if of else "–")


def sites(sheet: Sheet, auditor: Auditor, asked: Asked) -> None:
    """Compare each site of the list, its small line, and the sum of all."""
    now = auditor.figures(asked.first, asked.last, by="site")
    then = auditor.figures(asked.before, asked.before_last, by="site") if asked.before and asked.before_last else {}
    lines = sheet.main.all("table.sites tbody tr")
    assert [line.one("a").text for line in lines] == sorted(
        auditor.sites, key=lambda site: (-(now[site]["visitors"].value or 0), site)
    )
    for line in lines:
        site = line.one("a").text
        told, before = now[site], then.get(site, {})
        cells = line.all("td.number")
        people, views = told["visitors"], told["pageviews"]
        sheet.expect(cells[0], ("at least " if people.is_partial else "") + written("visitors", people.value))
        sheet.expect(cells[1], ("at least " if views.is_partial else "") + written("pageviews", views.value))
        was = before["visitors"].value if before else None
        sheet.expect(cells[2], grown(((people.value or 0) - was) / was) if was else "–")
        sheet.answer(line.one("th"), figures=0)
        sheet.drawn(line.one("path"), "d", _course(auditor.of(site), asked))
        sheet.expect(line.one(".condition"), _condition(auditor.of(site), asked))
    foot = sheet.main.one("tfoot")
    sums = [sum(int(now[site][key].value or 0) for site in auditor.sites) for key in ("visitors", "pageviews")]
    texts = [
        ("at least " if any(now[site][key].is_partial for site in auditor.sites) else "") + f"{number:,}"
        for key, number in zip(("visitors", "pageviews"), sums, strict=True)
    ]
    both = [site for site in auditor.sites if site in then and then[site]["visitors"].value]
    was = sum(then[site]["visitors"].value or 0 for site in both)
    grew = (sum(now[site]["visitors"].value or 0 for site in both) - was) / was if was else None
    for cell, text in zip(foot.all("td.number"), [*texts, "–" if grew is None else grown(grew)], strict=True):
        sheet.expect(cell, text)
    sheet.expect(foot.one("th"), f"{len(auditor.sites)} sites")


def _course(auditor: Auditor, asked: Asked) -> str:
    """Return the small line of a site: 92 by 20 within a margin of 2, from nought to the most."""
    told = {day: one["visitors"].value for day, one in auditor.figures(asked.first, asked.last, by="day").items()}
    most, path, before = max(value for value in told.values() if value), "", -_BRIDGED
    for n, day in enumerate(asked.days):
        value = told.get(day)
        if value is not None:
            x, y = 2 + n * 92 / (len(asked.days) - 1), 22 - 20 * value / most
            is_on = bool(path) and n - before <= _BRIDGED
            path, before = path + f"{'L' if is_on else 'M'}{x:.1f} {y:.1f}{'' if is_on else 'h0'}", n
    return path


def _condition(auditor: Auditor, asked: Asked) -> str:
    ended = dict(auditor.rows(
        "select how, count(*) from (select day, case when bool_or(outcome = 'kept') then 'kept' when "
        "bool_or(outcome = 'lost') then 'lost' else 'below_k' end as how from closed where :sites and day between ? "
        "and ? group by day) group by how", asked.first, asked.last,
    ))  # fmt: skip
    of = sum(ended.values())
    if ended.get("lost"):
        return f"{ended['lost']} of {of} days lost"
    return f"{ended['below_k']} of {of} days below the threshold" if ended.get("below_k") else "counts"
