"""Is the chart drawn to scale, inside its frame, and with its gaps?"""

import re
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from dashboard.chart import Beside, Chart, draw
from dashboard.metrics import Amount, Key
from dashboard.timeline import Point, State

FIRST = date(2026, 11, 2)
VALUES = st.lists(st.none() | st.integers(0, 10**7), min_size=1, max_size=120)


def drawn(values: list[int | None]) -> Chart | None:
    """Draw visitors day by day; None is withheld."""
    points = [
        Point(
            first=FIRST + timedelta(n),
            last=FIRST + timedelta(n),
            state=State.KEPT,
            tally={Key.VISITORS: Amount(value or 0, None, int(value is not None), 1)},
        )
        for n, value in enumerate(values)
    ]
    return draw(points, Key.VISITORS, previous=[], name_value=str, name_point=lambda point: str(point.first))


@given(VALUES)
def test_everything_is_inside_the_frame(values: list[int | None]) -> None:
    """Whatever the figures, each is drawn between the lowest and the highest line."""
    chart = drawn(values)
    if chart is None:
        assert set(values) == {None}
        return
    numbers = [float(n) for n in re.findall(r"[\d.]+", chart.line + chart.area)]
    places = numbers + [place for dot in chart.dots for place in (dot.x, dot.y)]
    assert all(0 <= place <= 100 for place in places)
    assert float(chart.rows[-1].text) >= max(value for value in values if value is not None)
    assert 2 <= len(chart.rows) <= 6
    assert len(chart.columns) <= 18


@given(VALUES)
def test_a_gap_is_not_drawn_over(values: list[int | None]) -> None:
    """Each unbroken run of days is one line, a lonely day is a dot, and a withheld day is neither."""
    chart = drawn(values)
    marks = "".join("x" if value is not None else " " for value in values).split()
    if chart:
        assert chart.line.count("M") == sum(len(run) > 1 for run in marks)
        assert len(chart.dots) == sum(len(run) == 1 for run in marks)


def test_weekends_are_shaded() -> None:
    """Saturday and Sunday have a band of their own."""
    chart = drawn([5] * 14)
    assert chart
    assert [band.kind for band in chart.bands] == ["weekend"] * 4


@given(
    st.integers(1, 110),
    st.sampled_from([1, 7]),
    st.lists(st.tuples(st.integers(-30, 800), st.integers(0, 50)), max_size=4),
    st.lists(st.integers(-30, 800), max_size=8),
)
def test_what_stands_beside_is_inside_the_frame(
    count: int, days: int, breaks: list[tuple[int, int]], notes: list[int]
) -> None:
    """Holidays and marks of any days are drawn within the chart, those of other days not at all."""
    points = [
        Point(
            first=FIRST + timedelta(n * days),
            last=FIRST + timedelta(n * days + days - 1),
            state=State.KEPT,
            tally={Key.VISITORS: Amount(5, None, 1, 1)},
        )
        for n in range(count)
    ]
    holidays = [(FIRST + timedelta(at), FIRST + timedelta(at + length), "Autumn") for at, length in breaks]
    beside = Beside(holidays=holidays, marks=[(FIRST + timedelta(at), "note") for at in notes])
    chart = draw(
        points, Key.VISITORS, previous=[], name_value=str, name_point=lambda point: str(point.first), beside=beside
    )
    assert chart
    whole = range(count * days)
    assert len(chart.holidays) == sum(at < len(whole) and at + length >= 0 for at, length in breaks)
    assert all(band.x >= 0 and band.width > 0 and band.x + band.width <= 100.011 for band in chart.holidays)
    assert len(chart.pins) == len({at // days for at in notes if at in whole})
    assert all(0 <= pin.x <= 100 for pin in chart.pins)


def test_a_holiday_covers_its_days() -> None:
    """A band begins where its first day does and ends where its last day ends, and is named where there is room."""
    points = [
        Point(
            first=FIRST + timedelta(n),
            last=FIRST + timedelta(n),
            state=State.KEPT,
            tally={Key.VISITORS: Amount(1, None, 1, 1)},
        )
        for n in range(20)
    ]
    beside = Beside(holidays=[(FIRST + timedelta(5), FIRST + timedelta(9), "May"), (FIRST, FIRST, "June")])
    chart = draw(points, Key.VISITORS, previous=[], name_value=str, name_point=str, beside=beside)
    assert chart
    assert [(band.x, band.width, band.text) for band in chart.holidays] == [(25, 25, "May"), (0, 5, "")]
