"""Go over a drawing and its table: days, weeks, or the hours of one day."""

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from tests.dashboard.auditor import Auditor, Told, day_name, row, stretch_name, weeks, written
from tests.dashboard.checking import Asked, states
from tests.dashboard.house import TODAY
from tests.dashboard.reading import Node, Sheet

_YESTERDAY: Final = TODAY - timedelta(1)
_DAILY_MAX: Final = 120


class Place(NamedTuple):
    """Hold a place on the time axis."""

    name: str
    now: Told | None
    before: Told | None
    is_counted: bool
    is_whole: bool


def places(auditor: Auditor, asked: Asked) -> list[Place]:
    """Return the days or weeks of a period; the running day follows."""
    key, is_long = asked.metric, len(asked.days) > _DAILY_MAX
    shift = (asked.first - asked.before).days if asked.before else 0
    by = "date_trunc('week', day + {})::date" if is_long else "(day + {})::date"
    now = auditor.figures(asked.first, asked.last, asked.filter, by=by.format(0))
    then = {}
    if asked.before and asked.before_last:
        then = auditor.figures(asked.before, asked.before_last, asked.filter, by=by.format(shift))
    if is_long:
        return [
            Place(
                stretch_name(first, last),
                now.get(first - timedelta(first.weekday()), {}).get(key),
                then.get(first - timedelta(first.weekday()), {}).get(key),
                is_counted=True,
                is_whole=(last - first).days == 6,
            )
            for first, last in weeks(asked.first, asked.last)
        ]
    found = [
        Place(day_name(day), now.get(day, {}).get(key), then.get(day, {}).get(key), is_counted=True, is_whole=True)
        for day in asked.days
    ]
    running = auditor.figure(key, TODAY, TODAY, asked.filter)
    if asked.goes_on and asked.last == _YESTERDAY and running.cells:
        found.append(Place(day_name(TODAY), running, None, is_counted=False, is_whole=True))
    return found


def chart(sheet: Sheet, auditor: Auditor, asked: Asked) -> None:
    """Compare the drawing and its table with the figures of each day or week."""
    found = places(auditor, asked)
    table = sheet.main.one(".data table") if sheet.main.all(".data table") else None
    assert table is not None
    lines = table.all("tbody tr")
    assert len(lines) == len(found), (len(lines), len(found))
    ended = states(auditor, asked)
    words = {
        "below_k": f"fewer than {asked.k} visitors",
        "lost": "lost in a restart",
        "running": "so far",
        "empty": "no visitors",
    }
    for n, (line, place) in enumerate(zip(lines, found, strict=True)):
        head = line.one("th")
        assert head.text.startswith(place.name), (head.text, place.name)
        if len(found) <= len(asked.days) and len(asked.days) <= _DAILY_MAX:
            state = ended[asked.days[n]]
            assert head.text == f"{place.name} {words[state]}" if state in words else place.name, (head.text, state)
        sheet.answer(head)
        cells = line.all("td.number")
        sheet.expect(cells[0], row(asked.metric, place.now))
        if len(cells) > 1:
            sheet.expect(cells[1], row(asked.metric, place.before))
        for remark in line.all("td.remark"):
            sheet.answer(remark, figures=0)
    drawing(sheet, asked, found)


def blocks(auditor: Auditor, day: date, key: str) -> list[tuple[int, int, float]]:
    """Return the blocks of hours of a day, those that overlap (of several parts or sites) as one."""
    one = {"pageviews": "pageviews", "visitors": "visitors"}[key]
    found = auditor.rows(
        f"select split_part(value, '-', 1)::int as first, split_part(value, '-', 2)::int as over, {one} as n from cell "
        "where :sites and day = ? and filter_dimension = '' and dimension = 'hour' union all "
        f"select first_hour, last_hour + 1, {one} from (from committed_hour anti join "
        "(from closed where outcome <> 'lost') using (site, day, part)) where :sites and day = ? order by 1, 2",
        day,
        day,
    )
    joined: list[tuple[int, int, float]] = []
    for first, over, number in found:
        if joined and first < joined[-1][1]:
            before = joined.pop()
            joined.append((before[0], max(before[1], over), before[2] + (number or 0)))
        else:
            joined.append((first, over, number or 0))
    return joined


def hours(sheet: Sheet, auditor: Auditor, asked: Asked) -> None:
    """Compare the drawing of one day, and its table, with the blocks of hours."""
    now = blocks(auditor, asked.first, asked.metric)
    then = blocks(auditor, asked.before, asked.metric) if asked.before else []
    if not now:
        assert not sheet.main.all(".data table")
        return
    lines = sheet.main.all(".data tbody tr")
    assert len(lines) == len(now)
    drawn = sheet.main.one("svg.chart")
    top = axis(sheet, drawn)
    bars = drawn.all("rect.block")
    for line, bar, (first, over, number) in zip(lines, bars, now, strict=True):
        assert line.one("th").text.startswith(f"{first:02}:00–{over:02}:00"), line.text
        sheet.answer(line.one("th"), figures=0)
        sheet.expect(line.one("td.number"), f"{number:,}")
        assert bar.told["x"] == f"{round(first / 24 * 100, 2)}%"
        assert bar.told["width"] == f"{round((over - first) / 24 * 100, 2)}%"
        sheet.drawn(bar, "height", f"{round(number / top * 100, 2)}%")
    path = "".join(
        f"M{round(first / 24 * 100, 2):g} {round(100 - number / top * 100, 2):g}H{round(over / 24 * 100, 2):g}"
        for first, over, number in then
    )
    for one in drawn.all("path.before"):
        sheet.drawn(one, "d", path)
    numbers = [number for _, _, number in now]
    desc = drawn.one("desc")
    assert f": {max(numbers):,}. Least on" in desc.text, desc.text
    assert desc.text.partition(" Also in")[0].endswith(f": {min(numbers):,}."), desc.text
    sheet.answer(desc, figures=2)


def _value(key: str, told: Told | None) -> float | None:
    value = told.value if told else None
    return min(max(value, 0.05), 0.95) if value is not None and key == "bounce_rate" else value


def drawing(sheet: Sheet, asked: Asked, found: Sequence[Place], name: str = "svg.chart") -> None:
    """Compare where each figure is drawn, what stands at the axis, and what is said of the highest and the lowest."""
    if not any(_value(asked.metric, place.now) is not None for place in found):
        assert not sheet.main.all(name)
        return
    drawn = sheet.main.one(name)
    top = axis(sheet, drawn)
    xs = [(n + 0.5) / len(found) * 100 for n in range(len(found))]
    known = [_value(asked.metric, place.now) for place in found]
    closed = [value if place.is_counted and place.is_whole else None for value, place in zip(known, found, strict=True)]
    before = [_value(asked.metric, place.before) for place in found]
    for path in drawn.all("path"):
        kinds = set(path.classes)
        if kinds in ({"line"}, {"drawn"}):
            sheet.drawn(path, "d", line_of(xs, closed, top))
        elif "before" in kinds:
            sheet.drawn(path, "d", line_of(xs, before, top))
        elif kinds == {"area"}:
            assert re.sub(r"V100H[\d.]+Z", "", path.told["d"]) == line_of(xs, closed, top)
            sheet.answer(path)
        elif "tail" in kinds:
            spots = {spot(x, y, top) for x, y in zip(xs, known, strict=True) if y is not None}
            assert set(re.findall(r"[ML]([\d.]+ [\d.]+)", path.told["d"])) <= spots
            sheet.answer(path)
    spots = {spot(x, y, top) for x, y in zip(xs, known, strict=True) if y is not None}
    for dot in drawn.all("circle.dot"):
        at = [f"{float(dot.told[name].rstrip('%')):g}" for name in ("cx", "cy")]
        assert " ".join(at) in spots, at
        sheet.answer(dot)
    counted = [value for value, place in zip(known, found, strict=True) if value is not None and place.is_counted]
    desc = drawn.one("desc")
    if counted:
        most, least = (written(asked.metric, one) for one in (max(counted), min(counted)))
        assert f": {most}. Least on" in desc.text, (most, desc.text)
        assert re.search(rf"Least on [^:]+: {re.escape(least)}\.", desc.text.replace(":00", "")), (least, desc.text)
    sheet.answer(desc, figures=2)


def axis(sheet: Sheet, drawn: Node) -> float:
    """Compare the figures at the axis with where they stand; return the one on top."""
    labels = [
        one for one in drawn.all("text") if "dy" in one.told and one.told["y"].endswith("%") and one.told["y"] != "100%"
    ]
    top = next(_number(label.text) for label in labels if float(label.told["y"].rstrip("%")) == 0)
    for label in labels:
        place = 1 - float(label.told["y"].rstrip("%")) / 100
        assert abs(_number(label.text) - top * place) <= 0.006 * top, (label.text, place, top)
        sheet.answer(label)
    return top


def _number(text: str) -> float:
    if "s" in text:
        found = re.fullmatch(r"(?:(\d+) min )?(\d+) s", text)
        assert found, text
        return int(found[1] or 0) * 60 + int(found[2])
    return float(text.rstrip("%").replace(",", "")) / (100 if "%" in text else 1)


def spot(x: float, y: float, top: float) -> str:
    """Return where a value is drawn."""
    return f"{round(x, 2):g} {round(100 - y / top * 100, 2):g}"


def line_of(xs: Sequence[float], ys: Sequence[float | None], top: float) -> str:
    """Return the line through values, broken where one is missing; a single one is no line."""
    runs: list[list[str]] = [[]]
    for x, y in zip(xs, ys, strict=True):
        if y is None:
            runs.append([])
        else:
            runs[-1].append(spot(x, y, top))
    return "".join("M" + "L".join(run) for run in runs if len(run) > 1)
