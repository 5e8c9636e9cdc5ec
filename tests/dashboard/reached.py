"""A site with goals, funnels, groups and next pages in its history, and a quiet one beside it."""

from datetime import date, timedelta
from pathlib import Path

import msgspec

from collector.model import Cell, Dimension, Funnel, Goal, Target, TargetKind
from dashboard.house import Present
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, line, school_days

LEAVE = Goal("Verlof aangevraagd", Target(TargetKind.EVENT, "Verlof aangevraagd"))
OPEN_DAY = Goal("Open dag", Target(TargetKind.PAGE, "/open-dag"))
ENROL = Funnel(
    "Inschrijven",
    (
        Target(TargetKind.PAGE, "/open-dag"),
        Target(TargetKind.PREFIX, "/inschrijven/"),
        Target(TargetKind.EVENT, "Ingeschreven"),
    ),
)
DECLARED = msgspec.structs.replace(SCHOOL, goals=(LEAVE, OPEN_DAY), funnels=(ENROL,), groups=("/vakken/",))
QUIET = msgspec.structs.replace(SCHOOL, id="quiet", hosts=("quiet.example",))
FIRST = date(2026, 11, 10)
_BESIDE = (
    (Dimension.SOURCE, "(direct)", 20),
    (Dimension.SOURCE, "Google", 10),
    (Dimension.DEVICE, "Phone", 20),
    (Dimension.PAGE, "/rooster", 10),
)
_NEXT = (("/", "/rooster", 30), ("/", "(exit)", 20), ("/rooster", "(exit)", 10))


def filled(folder: Path) -> House:
    """Return a house of which the busy site's goals count from `FIRST` on; weekends are too quiet for some."""
    house = House(folder, ManualClock(), sites=(DECLARED, QUIET))
    days = list(school_days(TODAY - timedelta(1), 35))
    for day, cells in days:
        if day >= FIRST:
            visitors = cells[0].visitors or 0
            cells.extend(_reached(visitors, is_weekend=day.weekday() >= 5))
    house.close_days(days, site=DECLARED)
    house.close_days([(TODAY - timedelta(n), ()) for n in range(1, 29)], site=QUIET)
    house.present = Present(visitors=40, pageviews=310, at=house.clock.now())
    return house


def _reached(visitors: int, *, is_weekend: bool) -> list[Cell]:
    made = [
        line(Dimension.GOAL, LEAVE.name, 30, visits=40, events=45),
        line(Dimension.GROUP, "/vakken/", visitors // 4, visits=visitors // 3),
        line(Dimension.FUNNEL_STEP, "Inschrijven · 1", 60),
    ]
    if not is_weekend:
        made += [
            line(Dimension.GOAL, OPEN_DAY.name, 50, visits=None),
            line(Dimension.FUNNEL_STEP, "Inschrijven · 2", 24),
        ]
    made += [_floor(Dimension.GOAL, LEAVE.name, *beside) for beside in _BESIDE]
    return made + [_floor(Dimension.PAGE, page, Dimension.NEXT_PAGE, value, n) for page, value, n in _NEXT]


def _floor(first: Dimension, of: str, dimension: Dimension, value: str, visitors: int) -> Cell:
    return Cell(
        dimension=dimension, value=value, filter_dimension=first, filter_value=of, visitors=visitors, contributors=10
    )
