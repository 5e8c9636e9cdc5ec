"""Name what a panel can show: a dimension, or the part of one that stands for a question of its own."""

from enum import StrEnum
from typing import Final

from collector.model import Dimension
from dashboard.metrics import FIGURES, Key


class Breakdown(StrEnum):
    """Name a table of values in addresses, exports and code.

    Most are a dimension by its own name; `not_found`, `outbound` and `download` are properties of events that the
    tracker reports by itself, and `time` is pages with the time that they were in view.
    """

    PAGE = "page"
    ENTRY_PAGE = "entry_page"
    EXIT_PAGE = "exit_page"
    GROUP = "group"
    NOT_FOUND = "not_found"
    CHANNEL = "channel"
    SOURCE = "source"
    CAMPAIGN = "campaign"
    DEVICE = "device"
    BROWSER = "browser"
    OS = "os"
    VIEWPORT = "viewport"
    COUNTRY = "country"
    LANGUAGE = "language"
    EVENT = "event"
    OUTBOUND = "outbound"
    DOWNLOAD = "download"
    GOAL = "goal"
    TIME = "time"
    SCROLL = "scroll"

    @property
    def dimension(self) -> Dimension:
        """Return the dimension that its values stand under."""
        if self in BEGINNINGS:
            return Dimension.PROPERTY
        return Dimension.PAGE if self is Breakdown.TIME else Dimension(self.value)

    @property
    def part(self) -> str:
        """Return the name that its rows are read under: its own where it is cut out of a dimension."""
        return self.value if self in BEGINNINGS else self.dimension.value

    @property
    def beginning(self) -> str:
        """Return how its values begin; empty where all values of the dimension are meant."""
        return BEGINNINGS.get(self, "")


_B = Breakdown
#: Properties of the tracker's own events.
BEGINNINGS: Final = {
    _B.NOT_FOUND: "Not found · page=",
    _B.OUTBOUND: "Outbound · host=",
    _B.DOWNLOAD: "Download · type=",
}
#: What each panel can show; the first is what it shows unless asked.
PANELS: Final = {
    "pages": (_B.PAGE, _B.ENTRY_PAGE, _B.EXIT_PAGE, _B.GROUP, _B.NOT_FOUND),
    "sources": (_B.CHANNEL, _B.SOURCE, _B.CAMPAIGN),
    "devices": (_B.DEVICE, _B.BROWSER, _B.OS, _B.VIEWPORT),
    "countries": (_B.COUNTRY, _B.LANGUAGE),
    "events": (_B.EVENT, _B.OUTBOUND, _B.DOWNLOAD),
    "goals": (_B.GOAL,),
    "time": (_B.TIME,),
    "scroll": (_B.SCROLL,),
}
#: Panels that are read when somebody scrolls down to them; the others come with the overview.
LATER: Final = ("time", "scroll")
FIRST: Final = tuple(name for name in PANELS if name not in LATER)
#: What a row can be filtered by: depth of scrolling is a measure in quarters, nothing that a visitor has.
FILTERABLE: Final = frozenset(
    breakdown.dimension for shown in PANELS.values() for breakdown in shown if breakdown is not _B.SCROLL
)


#: What can be said of one value of a dimension; of other dimensions everything is counted.
_FIGURES_OF: Final = {
    Dimension.PAGE: (
        Key.VISITORS, Key.VISITS, Key.PAGEVIEWS, Key.VIEWS_PER_VISIT, Key.BOUNCE_RATE, Key.TIME_ON_PAGE,
    ),
    Dimension.EVENT: (Key.VISITORS, Key.VISITS, Key.EVENTS),
    Dimension.PROPERTY: (Key.VISITORS, Key.VISITS, Key.EVENTS),
    Dimension.GOAL: (Key.VISITORS, Key.VISITS),
    Dimension.GROUP: (Key.VISITORS, Key.VISITS, Key.PAGEVIEWS, Key.VIEWS_PER_VISIT),
}  # fmt: skip


def figures_of(filtered: Dimension | None) -> tuple[Key, ...]:
    """Return the figures that are counted of one value of *filtered*; of everybody where that is None."""
    return _FIGURES_OF.get(filtered, FIGURES) if filtered else FIGURES


def panel_of(breakdown: Breakdown) -> str:
    """Return the name of the panel that can show *breakdown*."""
    return next(name for name, choices in PANELS.items() if breakdown in choices)
