"""Lay out the chart: places in per cent, so that the drawing can be stretched and its words stay readable."""

from collections.abc import Callable, Sequence
from datetime import date
from math import ceil, floor, log10
from typing import Final

import msgspec

from dashboard.metrics import METRICS, Key, Metric, Unit
from dashboard.period import Span
from dashboard.timeline import Point, State, value_of

_SATURDAY: Final = 5
_HOURS: Final = 24
_LABELS_MAX: Final = 8
_STEPS: Final = (1, 2, 2.5, 5, 10)
_MINUTE_STEPS: Final = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_LINES: Final = 4
_HEIGHT: Final = 100
#: Of the width: a holiday's name fits into a band as wide as that on a wide screen, and on a telephone.
_NAMED_FROM: Final = 9.5
_NAMED_FROM_NARROW: Final = 30.0
#: Nearer to an edge than that, words would be cut off: on any screen, and on a telephone.
_EDGE: Final = 3.5
_EDGE_NARROW: Final = 11.0


class Band(msgspec.Struct, frozen=True):
    """Hold a shaded stretch of the time axis: a weekend, a holiday, or days without figures.

    Attributes:
        text: What stands in it; empty where there is no room, or nothing to say.
        is_major: Whether there is room on a narrow screen as well.
    """

    x: float
    width: float
    kind: str
    text: str = ""
    is_major: bool = True


class Bar(msgspec.Struct, frozen=True):
    """Hold a block of hours."""

    x: float
    width: float
    y: float
    height: float
    is_running: bool


class Pin(msgspec.Struct, frozen=True):
    """Hold a place at which something happened; several kinds stand above each other."""

    x: float
    kinds: tuple[str, ...]


class Label(msgspec.Struct, frozen=True):
    """Hold words at a place along an axis; those that are not *is_major* are left out on narrow screens.

    Attributes:
        anchor: `start`, `middle` or `end`; `from` and `upto` are start and end on narrow screens only.
    """

    at: float
    text: str
    is_major: bool = True
    anchor: str = "middle"


class Dot(msgspec.Struct, frozen=True):
    """Hold a single value: one without neighbours, or the running day."""

    x: float
    y: float
    is_running: bool


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """Hold the geometry; x and y in per cent, y downwards.

    Attributes:
        line: Path of the period.
        area: The same, closed at the bottom.
        before: Path of the compared period.
        tail: Path to what is not whole: the running day, and weeks of which some days are in the period.
        holidays: Beside the other bands, behind them.
        pins: Where something happened beside the counting.
    """

    line: str
    area: str
    before: str
    tail: str
    dots: list[Dot]
    bars: list[Bar]
    bands: list[Band]
    rows: list[Label]
    columns: list[Label]
    holidays: list[Band] = []
    pins: list[Pin] = []

    @property
    def has_part(self) -> bool:
        """Tell whether something is drawn that is no whole day or week: a dotted line, or an open dot."""
        return "L" in self.tail or any(dot.is_running for dot in self.dots)


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what is drawn beside the figures.

    Attributes:
        holidays: First and last day, and what it is called.
        marks: Day, and what kind of thing happened.
    """

    holidays: Sequence[tuple[date, date, str]] = ()
    marks: Sequence[tuple[date, str]] = ()


def draw(
    points: Sequence[Point],
    key: Key,
    *,
    previous: Sequence[Point],
    name_value: Callable[[float], str],
    name_point: Callable[[Point], str],
    beside: Beside | None = None,
) -> Chart | None:
    """Return the chart of a metric, or None where there is nothing to draw.

    Args:
        points: Days or weeks, or blocks of hours.
        key: What is drawn.
        previous: Blocks of hours of the compared day; days carry theirs themselves.
        name_value: Writes a value at the axis.
        name_point: Writes a place on the time axis.
        beside: Holidays, and what happened.
    """
    beside = beside or Beside()
    metric = METRICS[key]
    values = [value_of(point.tally, metric) for point in points]
    before = [value_of(point.previous, metric) for point in points]
    known = [v for v in (*values, *before, *(value_of(p.tally, metric) for p in previous)) if v is not None]
    if not any(value is not None for value in values):
        return None
    ticks = _ticks(max(known), metric.unit)
    top = ticks[-1]
    rows = [Label(_HEIGHT - tick / top * _HEIGHT, name_value(tick)) for tick in ticks]
    if points[0].hours:
        return _by_hours(points, previous, metric, top=top, rows=rows, beside=beside)
    xs = [(n + 0.5) / len(points) * _HEIGHT for n in range(len(points))]
    ys = [None if v is None else _HEIGHT - v / top * _HEIGHT for v in values]
    closed = [y if point.is_counted and point.is_whole else None for y, point in zip(ys, points, strict=True)]
    line = _path(xs, closed)
    return Chart(
        line=line,
        area=_areas(xs, closed),
        before=_path(xs, [None if v is None else _HEIGHT - v / top * _HEIGHT for v in before]),
        tail=_tails(xs, ys, points),
        dots=_dots(xs, ys, points),
        bars=[],
        bands=_bands(points),
        rows=rows,
        columns=_columns(points, xs, name_point),
        holidays=_holidays(points, beside.holidays),
        pins=_pins(points, xs, beside.marks),
    )


def _tails(xs: Sequence[float], ys: Sequence[float | None], points: Sequence[Point]) -> str:
    first = not points[0].is_whole
    last = not (points[-1].is_counted and points[-1].is_whole)
    if len(points) <= 2:  # noqa: PLR2004 - both ends are the same piece
        return _path(xs, ys) if first or last else ""
    return (_path(xs[:2], ys[:2]) if first else "") + (_path(xs[-2:], ys[-2:]) if last else "")


def _by_hours(
    points: Sequence[Point],
    previous: Sequence[Point],
    metric: Metric,
    *,
    top: float,
    rows: list[Label],
    beside: Beside,
) -> Chart:
    bars: list[Bar] = []
    for point in points:
        value = value_of(point.tally, metric)
        if point.hours and value is not None:
            first, end = point.hours
            height = value / top * _HEIGHT
            x, width = first / _HOURS * _HEIGHT, (end - first) / _HOURS * _HEIGHT
            bars.append(Bar(round(x, 2), round(width, 2), _r(_HEIGHT - height), _r(height), _is_running(point)))
    steps: list[str] = []
    for point in previous:
        value = value_of(point.tally, metric)
        if point.hours and value is not None:
            start, over = (_r(hour / _HOURS * _HEIGHT) for hour in point.hours)
            y = _r(_HEIGHT - value / top * _HEIGHT)
            steps.append(f"M{start:g} {y:g}H{over:g}")
    marks = [
        Label(_r(hour / _HOURS * _HEIGHT), f"{hour:02}:00", hour % 6 == 0, _anchor(hour)) for hour in range(0, 25, 3)
    ]
    return Chart(
        line="", area="", before="".join(steps), tail="", dots=[], bars=bars, bands=[], rows=rows, columns=marks,
        holidays=[Band(0, _HEIGHT, "holiday", text) for _, _, text in beside.holidays[:1]],
    )  # fmt: skip


def _anchor(hour: int) -> str:
    return {0: "start", _HOURS: "end"}.get(hour, "middle")


def _is_running(point: Point) -> bool:
    return point.state is State.RUNNING


def _r(value: float) -> float:
    return round(value, 2)


def _ticks(most: float, unit: Unit) -> list[float]:
    """Return 0 and up to four round values, the last at or above *most*."""
    if unit is Unit.DURATION:
        step: float = next((float(s) for s in _MINUTE_STEPS if s * _LINES >= most), _MINUTE_STEPS[-1] * 1.0)
    else:
        raw = max(most, 1e-9) / _LINES
        magnitude = 10.0 ** floor(log10(raw))
        step = next(m * magnitude for m in _STEPS if m * magnitude >= raw * (1 - 1e-9))
        if unit is Unit.COUNT:
            step = float(ceil(step))
    lines = max(1, ceil(most / step - 1e-9))
    return [step * n for n in range(lines + 1)]


def _runs(ys: Sequence[float | None]) -> list[range]:
    runs, start = [], None
    for n, y in enumerate([*ys, None]):
        if y is not None and start is None:
            start = n
        elif y is None and start is not None:
            runs.append(range(start, n))
            start = None
    return runs


def _path(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    return "".join(_piece(xs, ys, run) for run in _runs(ys) if len(run) > 1)


def _piece(xs: Sequence[float], ys: Sequence[float | None], run: range) -> str:
    return "M" + "L".join(f"{_r(xs[n]):g} {_r(ys[n] or 0):g}" for n in run)


def _areas(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    return "".join(f"{_piece(xs, ys, run)}V{_HEIGHT}H{_r(xs[run[0]]):g}Z" for run in _runs(ys) if len(run) > 1)


def _dots(xs: Sequence[float], ys: Sequence[float | None], points: Sequence[Point]) -> list[Dot]:
    alone = {run[0] for run in _runs(ys) if len(run) == 1}
    return [
        Dot(_r(x), _r(y), _is_running(point))
        for n, (x, y, point) in enumerate(zip(xs, ys, points, strict=True))
        if y is not None and (n in alone or _is_running(point))
    ]


def _bands(points: Sequence[Point]) -> list[Band]:
    width = _HEIGHT / len(points)
    found = []
    for n, point in enumerate(points):
        if point.state in {State.BELOW_K, State.LOST}:
            found.append(Band(_r(n * width), _r(width), point.state.value))
        elif point.first == point.last and point.first.weekday() >= _SATURDAY:
            found.append(Band(_r(n * width), _r(width), "weekend"))
    return found


def _place(points: Sequence[Point], day: date) -> float:
    """Return where *day* begins on the time axis, in per cent of its width."""
    at = next((n for n, point in enumerate(points) if day <= point.last), len(points) - 1)
    within = (day - points[at].first).days / points[at].days
    return (at + within) / len(points) * _HEIGHT


def _holidays(points: Sequence[Point], holidays: Sequence[tuple[date, date, str]]) -> list[Band]:
    found = []
    span = Span(points[0].first, points[-1].last)
    for first, last, text in holidays:
        if first > span.last or last < span.first:
            continue
        x = _place(points, max(first, span.first))
        end = _place(points, last) + _HEIGHT / len(points) / _at(points, last).days if last < span.last else _HEIGHT
        width = end - x
        named = text if width >= _NAMED_FROM else ""
        found.append(Band(_r(x), _r(width), "holiday", named, width >= _NAMED_FROM_NARROW))
    return found


def _at(points: Sequence[Point], day: date) -> Point:
    return next((point for point in points if day <= point.last), points[-1])


def _pins(points: Sequence[Point], xs: Sequence[float], marks: Sequence[tuple[date, str]]) -> list[Pin]:
    found = []
    for x, point in zip(xs, points, strict=True):
        kinds = {kind for day, kind in marks if point.first <= day <= point.last}
        if kinds:
            found.append(Pin(_r(x), tuple(sorted(kinds))))
    return found


def _columns(points: Sequence[Point], xs: Sequence[float], name: Callable[[Point], str]) -> list[Label]:
    """Return the labels of the time axis: Mondays where days are drawn, new months where weeks are; none is cut off."""
    if len(points) <= _LABELS_MAX:
        chosen = list(range(len(points)))
    elif all(point.days == 1 for point in points):
        chosen = [n for n, point in enumerate(points) if point.first.weekday() == 0]
    else:
        chosen = [n for n, point in enumerate(points) if point.last.day <= point.days]
    step = ceil(len(chosen) / _LABELS_MAX)
    return [
        Label(_r(xs[n]), name(points[n]), place % 2 == 0, _column_anchor(xs[n]))
        for place, n in enumerate(chosen[:: step or 1])
    ]


def _column_anchor(x: float) -> str:
    if x < _EDGE_NARROW:
        return "start" if x < _EDGE else "from"
    if x > _HEIGHT - _EDGE_NARROW:
        return "end" if x > _HEIGHT - _EDGE else "upto"
    return "middle"
