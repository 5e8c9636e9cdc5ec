"""What is shown, and how it follows from what is stored: what is stored can be summed, what is shown may be divided."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec

from collector.model import Measure


def mark(text: str) -> str:
    """Mark *text* for translation where it is written; it is looked up where it is shown."""
    return text


def marks(one: str, many: str) -> tuple[str, str]:
    """Mark both forms of a text that counts something."""
    return one, many


class Unit(StrEnum):
    """Name how a figure is written."""

    COUNT = "count"
    RATIO = "ratio"
    SHARE = "share"
    DURATION = "duration"
    #: A share of which both sides are shown, so that nothing is lost by writing it out.
    RATE = "rate"


class Key(StrEnum):
    """Name a metric in addresses, exports and code."""

    VISITORS = "visitors"
    VISITS = "visits"
    PAGEVIEWS = "pageviews"
    VIEWS_PER_VISIT = "views_per_visit"
    BOUNCE_RATE = "bounce_rate"
    VISIT_LENGTH = "visit_length"
    EVENTS = "events"
    TIME_ON_PAGE = "time_on_page"
    CONVERSION = "conversion"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """Describe a figure.

    Attributes:
        name: On screen, to be translated.
        definition: One sentence on what it says and leaves out, to be translated.
        denominator: None where the figure is a sum. Otherwise only cells that hold both measures count.
        is_better_low: Whether less is good news.
    """

    key: Key
    name: str
    definition: str
    unit: Unit
    numerator: Measure
    denominator: Measure | None = None
    is_better_low: bool = False


class Amount(msgspec.Struct, frozen=True):
    """Hold a metric's sums over cells.

    Attributes:
        numerator: Over the cells that can be used.
        denominator: Over the same cells; None for a plain sum.
        covered: Cells that could be used.
        cells: Cells there were; in the others a measure is withheld.
    """

    numerator: int = 0
    denominator: int | None = None
    covered: int = 0
    cells: int = 0

    @property
    def value(self) -> float | None:
        """Return the figure, or None where all of it is withheld."""
        if not self.covered:
            return None
        if self.denominator is None:
            return self.numerator
        return self.numerator / self.denominator if self.denominator else None

    @property
    def is_partial(self) -> bool:
        """Tell whether some of it is withheld: a sum is then "at least", a ratio speaks of the rest."""
        return 0 < self.covered < self.cells

    def __add__(self, other: "Amount") -> "Amount":
        both = (self.denominator, other.denominator)
        denominator = None if both == (None, None) else sum(part or 0 for part in both)
        return Amount(
            self.numerator + other.numerator, denominator, self.covered + other.covered, self.cells + other.cells
        )


#: By how much a share may be told apart from none and from all: "<5 %" and ">95 %" name nobody.
SHARE_MIN: Final = 0.05
SHARE_MAX: Final = 0.95

_ALL: Final = (
    Metric(
        key=Key.VISITORS,
        name=mark("Visitors"),
        definition=mark(
            "Browsers that could be told apart on one day, added up over the days: somebody who comes back the next "
            "day counts again."
        ),
        unit=Unit.COUNT,
        numerator=Measure.VISITORS,
    ),
    Metric(
        key=Key.VISITS,
        name=mark("Visits"),
        definition=mark(
            "Stretches of looking around. A new visit starts after 30 quiet minutes, or when somebody arrives from "
            "another site."
        ),
        unit=Unit.COUNT,
        numerator=Measure.VISITS,
    ),
    Metric(
        key=Key.PAGEVIEWS,
        name=mark("Pageviews"),
        definition=mark("How often a page was opened, also when the same visitor opened it twice."),
        unit=Unit.COUNT,
        numerator=Measure.PAGEVIEWS,
    ),
    Metric(
        key=Key.VIEWS_PER_VISIT,
        name=mark("Views per visit"),
        definition=mark("Pageviews divided by visits."),
        unit=Unit.RATIO,
        numerator=Measure.PAGEVIEWS,
        denominator=Measure.VISITS,
    ),
    Metric(
        key=Key.BOUNCE_RATE,
        name=mark("Bounce rate"),
        definition=mark(
            "Share of visits that saw one page and did nothing else. Shown between 5 % and 95 % only, so that "
            "it never speaks of everybody."
        ),
        unit=Unit.SHARE,
        numerator=Measure.BOUNCES,
        denominator=Measure.VISITS,
        is_better_low=True,
    ),
    Metric(
        key=Key.VISIT_LENGTH,
        name=mark("Visit length"),
        definition=mark(
            "Time that pages were in view per visit, on average. One visit counts for half an hour at most."
        ),
        unit=Unit.DURATION,
        numerator=Measure.SECONDS,
        denominator=Measure.VISITS,
    ),
    Metric(
        key=Key.EVENTS,
        name=mark("Events"),
        definition=mark("How often pages reported something by name, such as a download."),
        unit=Unit.COUNT,
        numerator=Measure.EVENTS,
    ),
    Metric(
        key=Key.TIME_ON_PAGE,
        name=mark("Time on page"),
        definition=mark(
            "Time that a page was in view per visit that opened it, on average. One visit counts for half an hour at "
            "most, over all its pages."
        ),
        unit=Unit.DURATION,
        numerator=Measure.SECONDS,
        denominator=Measure.VISITS,
    ),
)
METRICS: Final = {metric.key: metric for metric in _ALL}
#: Of two cells: who reached a goal, among those who could have.
CONVERSION: Final = Metric(
    key=Key.CONVERSION,
    name=mark("Conversion"),
    definition=mark(
        "Visitors who reached a goal, divided by all visitors since the first day in the period on which the goal has "
        "a figure. Beside a filter it is at least that much."
    ),
    unit=Unit.RATE,
    numerator=Measure.VISITORS,
    denominator=Measure.VISITORS,
)
#: Everything that a row can show.
SHOWN: Final = {**METRICS, Key.CONVERSION: CONVERSION}
#: The six that stand on top of the overview and switch its chart.
FIGURES: Final = (
    Key.VISITORS, Key.VISITS, Key.PAGEVIEWS, Key.VIEWS_PER_VISIT, Key.BOUNCE_RATE, Key.VISIT_LENGTH,
)  # fmt: skip

Tally = dict[Key, Amount]


def add(first: Tally, second: Tally) -> Tally:
    """Return the sums of both."""
    return {key: first.get(key, Amount()) + second.get(key, Amount()) for key in METRICS}


def total(tallies: Iterable[Tally]) -> Tally:
    """Return the sums of all; empty where there is none."""
    sums: Tally = {}
    for tally in tallies:
        sums = add(sums, tally) if tally else sums
    return sums


def bounded(value: float) -> float:
    """Return a share no nearer to none or all than may be shown."""
    return min(max(value, SHARE_MIN), SHARE_MAX)


def reference() -> str:
    """Return `docs/metrics.md`."""
    lines = [
        "# Metrics",
        "",
        "What is stored can be summed; what is shown may be divided. A ratio is computed over the cells that hold both",
        "of its measures, and the page says over how many. This file is written by `dashboard.metrics.reference`.",
        "",
        "| Metric | In addresses | Is | Unit | Means |",
        "|---|---|---|---|---|",
    ]
    for metric in SHOWN.values():
        formula = metric.numerator.value + (f" ÷ {metric.denominator.value}" if metric.denominator else "")
        if metric is CONVERSION:
            formula = "visitors of the goal ÷ visitors of all"
        lines.append(f"| {metric.name} | `{metric.key}` | {formula} | {metric.unit} | {metric.definition} |")
    return "\n".join([*lines, ""])
