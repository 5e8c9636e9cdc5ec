"""Lay out the chart: places in per cent, so that the drawing can be stretched and its words stay readable."""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10
from typing import Final

import msgspec

from dashboard.metrics import METRICS, Key, Metric, Unit
from dashboard.timeline import Point, State, value_of

_SATURDAY: Final = 5
_HOURS: Final = 24
_LABELS_MAX: Final = 8
_STEPS: Final = (1, 2, 2.5, 5, 10)
_MINUTE_STEPS: Final = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
_LINES: Final = 4
_HEIGHT: Final = 100


class Band(msgspec.Struct, frozen=True):
    """Hold a shaded stretch of the time axis: a weekend, or days without figures."""

    x: float
    width: float
    kind: str


class Bar(msgspec.Struct, frozen=True):
    """Hold a block of hours."""

    x: float
    width: float
    y: float
    height: float
    is_running: bool


class Label(msgspec.Struct, frozen=True):
    """Hold words at a place along an axis; those that are not *is_major* are left out on narrow screens."""

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
        tail: Path from the last closed day to the running one.
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


def draw(
    points: Sequence[Point],
    key: Key,
    *,
    previous: Sequence[Point],
    name_value: Callable[[float], str],
    name_point: Callable[[Point], str],
) -> Chart | None:
    """Return the chart of a metric, or None where there is nothing to draw.

    Args:
        points: Days or weeks, or blocks of hours.
        key: What is drawn.
        previous: Blocks of hours of the compared day; days carry theirs themselves.
        name_value: Writes a value at the axis.
        name_point: Writes a place on the time axis.
    """
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
        return _by_hours(points, previous, metric, top=top, rows=rows)
    xs = [(n + 0.5) / len(points) * _HEIGHT for n in range(len(points))]
    ys = [None if v is None else _HEIGHT - v / top * _HEIGHT for v in values]
    closed = [y if point.is_counted else None for y, point in zip(ys, points, strict=True)]
    line = _path(xs, closed)
    return Chart(
        line=line,
        area=_areas(xs, closed),
        before=_path(xs, [None if v is None else _HEIGHT - v / top * _HEIGHT for v in before]),
        tail=_path(xs[-2:], ys[-2:]) if not points[-1].is_counted else "",
        dots=_dots(xs, ys, points),
        bars=[],
        bands=_bands(points),
        rows=rows,
        columns=_columns(points, xs, name_point),
    )


def _by_hours(
    points: Sequence[Point], previous: Sequence[Point], metric: Metric, *, top: float, rows: list[Label]
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
        line="", area="", before="".join(steps), tail="", dots=[], bars=bars, bands=[], rows=rows, columns=marks
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


def _columns(points: Sequence[Point], xs: Sequence[float], name: Callable[[Point], str]) -> list[Label]:
    """Return the labels of the time axis: Mondays where days are drawn, evenly spread otherwise; none at an edge."""
    if len(points) <= _LABELS_MAX:
        chosen = list(range(len(points)))
    elif all(point.first == point.last for point in points):
        chosen = [n for n, point in enumerate(points) if point.first.weekday() == 0]
    else:
        chosen = list(range(len(points)))
    step = ceil(len(chosen) / _LABELS_MAX)
    chosen = chosen[::step]
    last = len(chosen) - 1
    return [
        Label(_r(xs[n]), name(points[n]), place % 2 == 0, "end" if place == last and xs[n] > 95 else "middle")  # noqa: PLR2004
        for place, n in enumerate(chosen)
    ]
