"""Measure what a school sees at k = 10, and write docs/school-of-200.md.

Simulated people of the demo's school send four weeks of requests through the gate; each day is closed under the k rule.
Beside the cells stands the truth: the same day's rows before anything was folded.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Final, NamedTuple

import polars as pl

from collector.backfill import PastDays
from collector.day.breakdowns import facts
from collector.day.current_day import CurrentDay
from collector.day.small_groups import fold
from collector.demo.people import SIZES, DayKind, Group
from collector.demo.school import SITE, School
from collector.demo.weeks import CDN, COUNTRY_HEADER, as_raw
from collector.edge.visitor import Salt
from collector.event import Batch, Event
from collector.model import OTHER, Cell, Dimension, Epoch, Origin
from collector.settings import Server, Settings

FILE: Final = Path(__file__).parents[1] / "docs" / "school-of-200.md"
#: A Monday: the four weeks before it are whole, without a holiday or a clock change.
TODAY: Final = date(2026, 11, 23)
DAYS: Final = 28
PUPILS: Final = (50, 200, 600)
TOP: Final = 10
SHOWN: Final = {
    Dimension.PAGE: "Pages",
    Dimension.ENTRY_PAGE: "Entry pages",
    Dimension.EXIT_PAGE: "Exit pages",
    Dimension.SOURCE: "Sources",
    Dimension.CHANNEL: "Channels",
    Dimension.BROWSER: "Browsers",
    Dimension.OS: "Systems",
    Dimension.DEVICE: "Device types",
    Dimension.COUNTRY: "Countries",
    Dimension.EVENT: "Events",
}
PAIRS: Final = {
    (Dimension.PAGE, Dimension.DEVICE): "Pages by device type",
    (Dimension.PAGE, Dimension.SOURCE): "Pages by source",
    (Dimension.SOURCE, Dimension.DEVICE): "Sources by device type",
}


class Day(NamedTuple):
    """Hold what a day was and what is left of it.

    Attributes:
        top: Per breakdown the values that most visitors had, before folding; of pairs those with most pageviews.
        cells: `None` below k.
    """

    kind: DayKind
    visitors: int
    top: Mapping[str, list[str]]
    cells: list[Cell] | None

    def names(self, name: str) -> set[str]:
        """Return the values of a breakdown that can be read, `(other)` left out."""
        return {label for own, label in map(_labelled, self.cells or ()) if own == name and OTHER not in label}

    def total(self) -> Cell:
        """Return the day's total."""
        return next(cell for cell in self.cells or () if cell.dimension is Dimension.TOTAL)


def _labelled(cell: Cell) -> tuple[str, str]:
    if cell.filter_dimension is None:
        return cell.dimension.value, cell.value
    return f"{cell.filter_dimension.value}×{cell.dimension.value}", f"{cell.filter_value} {cell.value}"


def _close(past: PastDays, school: School, day: date, rng: Random) -> Day:
    salt = Salt(rng.randbytes(32))
    held = CurrentDay(Epoch(past.site.timezone, day))
    admit = partial(past.gate.admit, salt=lambda _site, _at: salt)
    outcomes = (admit(as_raw(request), at=request.at) for request in school.requests_of(day))
    held.append(Batch([outcome for outcome in outcomes if isinstance(outcome, Event)], []))
    found = facts(held, past.site.id, past.rules)
    held.close()
    top = {
        dimension.value: _top(frame, pl.col("visitor").n_unique(), pl.col("value"))
        for dimension, frame in found.values.items()
    } | {
        f"{a.value}×{b.value}": _top(frame, pl.col("pageviews").sum(), pl.concat_str("a", "b", separator=" "))
        for (a, b), frame in found.pairs.items()
    }
    return Day(school.kind_of(day), found.total["visitor"].n_unique(), top, fold(found, past.rules))


def _top(frame: pl.DataFrame, weight: pl.Expr, label: pl.Expr) -> list[str]:
    counted = frame.group_by(label.alias("label")).agg(weight.alias("weight"))
    return counted.sort(["weight", "label"], descending=[True, False])["label"].head(TOP).to_list()


def days_of(pupils: int) -> list[Day]:
    """Return four weeks of a school with so many pupils, always the same."""
    share = pupils / SIZES[Group.PUPIL]
    school = School(seed="duinrand", timezone=SITE.timezone, today=TODAY, share=share)
    settings = Settings(server=Server(trusted_proxies=(CDN,), country_header=COUNTRY_HEADER))
    rng = Random(pupils)
    past = PastDays(SITE, settings=settings, origin=Origin.TRACKER, random=rng.randbytes)
    return [_close(past, school, TODAY - timedelta(back), rng) for back in range(DAYS, 0, -1)]


def _row(*columns: object) -> str:
    return f"| {' | '.join(map(str, columns))} |"


def _whole(values: Iterable[float]) -> str:
    return f"{median(values):,.0f}"


def _share(days: list[Day], name: str) -> str:
    parts = [len(day.names(name).intersection(day.top[name])) / len(day.top[name]) for day in days if day.top[name]]
    return f"{sum(parts) / len(parts):.0%}" if parts else "–"


def _schools(schools: Mapping[int, list[Day]]) -> Iterator[str]:
    yield _row("", *(f"{pupils} pupils" for pupils in schools))
    yield _row("---", *("---:" for _ in schools))
    lessons = [[day for day in days if day.kind is DayKind.SCHOOL] for days in schools.values()]
    yield _row("visitors on a school day", *(_whole(day.visitors for day in days) for days in lessons))
    yield _row("pageviews on a school day", *(_whole(day.total().pageviews or 0 for day in days) for days in lessons))
    weekends = [[day for day in days if day.kind is not DayKind.SCHOOL] for days in schools.values()]
    yield _row("visitors on a day at the weekend", *(_whole(day.visitors for day in days) for days in weekends))
    below = (sum(day.cells is None for day in days) for days in schools.values())
    yield _row("days of 28 without any figure (below 10 visitors)", *below)
    blocks = (_whole(len(day.names("hour")) for day in days) for days in lessons)
    yield _row("blocks of hours on a school day", *blocks)


def _breakdowns(schools: Mapping[int, list[Day]]) -> Iterator[str]:
    yield _row("", *(f"{pupils} pupils: days | rows | top {TOP}" for pupils in schools))
    yield _row("---", *("---: | ---: | ---:" for _ in schools))
    named = {dimension.value: title for dimension, title in SHOWN.items()}
    named |= {f"{a.value}×{b.value}": title for (a, b), title in PAIRS.items()}
    for name, title in named.items():
        columns = []
        for days in schools.values():
            lessons = [day for day in days if day.kind is DayKind.SCHOOL]
            columns += [
                str(sum(bool(day.names(name)) for day in days)),
                _whole(len(day.names(name)) for day in lessons),
                _share(lessons, name),
            ]
        yield _row(title, *columns)


TEXT: Final = """# What a school of 200 sees at k = 10

Written by `make school` (bench/school_of_200.py). The people are those of the demo: simulated, behind one address, in
identity `browser`, profile `standard`. Their requests of four weeks (20 school days, four weekends) pass the real gate,
and every day is closed under the k rule. Parents and staff come on top of the pupils.

{schools}

**days**: of the 28, those on which the breakdown has rows at all. **rows**: values with a name of their own on a school
day, the middle one of 20 days; roll-ups such as `/vakken/…` count as one, `(other)` not. **top 10**: share of the ten
true values with most visitors (of pairs: with most pageviews) that have a row of their own, mean of the school days.

{breakdowns}

Read it like this:

- **Figures of the whole site** are there on every day with ten visitors. A total never loses anybody.
- **What many do, shows; what few do, does not.** A news item that six people opened is part of a section or of
  `(other)`, for good: it cannot be asked back, not with a longer period either.
- **A breakdown may vanish as a whole.** Where three parents are abroad and everybody else is in the Netherlands,
  "Netherlands" would give the three away by subtraction. The panel then says on how many days it could be shown.
- **Filters need more people than lists.** A page with a device is two facts about a visitor.
- A small school that wants more can add up several small sites as one, or let its controller choose a lower k where the
  house allows it (never below 5).
"""


def main() -> None:
    """Measure, and write the page."""
    schools = {pupils: days_of(pupils) for pupils in PUPILS}
    FILE.write_text(
        TEXT.format(schools="\n".join(_schools(schools)), breakdowns="\n".join(_breakdowns(schools))), "utf-8"
    )


if __name__ == "__main__":
    main()
