"""What is asked, as a value: the address of a page holds all of it, and nothing else decides what is shown."""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, Self, TypeVar

import msgspec

from collector.model import Dimension
from dashboard.breakdowns import FILTERABLE, PANELS, Breakdown, panel_of
from dashboard.metrics import FIGURES, Key
from dashboard.period import COMPARED, PERIOD_DAYS_MAX, Period, PeriodKind, QueryError, Span, shift

__all__ = [
    "PERIOD_DAYS_MAX",
    "Filter",
    "Period",
    "PeriodKind",
    "Query",
    "QueryError",
    "Span",
]

Choice = TypeVar("Choice", bound=StrEnum)

#: What a chart can draw; beside a filter not each of them is counted.
_DRAWN: Final = (*FIGURES, Key.EVENTS, Key.TIME_ON_PAGE)
#: Named one by one; a collection names more.
SITES_MAX: Final = 50
COLLECTED_MAX: Final = 2_000
VALUE_LENGTH_MAX: Final = 300
_SITE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class Filter(msgspec.Struct, frozen=True):
    """Hold one value of one dimension that everything shown must have."""

    dimension: Dimension
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote.

        Raises:
            QueryError: It is no filter.
        """
        name, separator, value = text.partition(":")
        if not separator or name not in FILTERABLE or not 0 < len(value) <= VALUE_LENGTH_MAX:
            raise QueryError(text[:VALUE_LENGTH_MAX])
        return cls(Dimension(name), value)

    def __str__(self) -> str:
        return f"{self.dimension}:{self.value}"


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Hold everything that a page shows.

    Attributes:
        sites: Ids, at least one.
        compare: Days before with which the period is compared; 0 for none.
        metric: Drawn in the chart.
        filter: At most one is answered.
        second: A second filter that was asked for; it is refused with a sentence.
        shown: Breakdown shown in each panel that has several, where it is not the first; panel by panel.
        collection: What the address calls the sites where they are not named one by one.
    """

    sites: tuple[str, ...]
    collection: str = ""
    period: Period = Period()
    compare: int = 28
    metric: Key = Key.VISITORS
    filter: Filter | None = None
    second: Filter | None = None
    shown: tuple[Breakdown, ...] = ()

    def with_(self, **changes: Any) -> "Query":
        """Return the query with *changes*."""
        return msgspec.structs.replace(self, **changes)

    def breakdown(self, panel: str) -> Breakdown:
        """Return what *panel* shows."""
        choices = PANELS[panel]
        return next((one for one in self.shown if one in choices), choices[0])

    def narrowed(self, dimension: Dimension, value: str) -> "Query":
        """Return the query with a row's value as its filter, or as the second one, which is then refused kindly."""
        chosen = Filter(dimension, value)
        if self.filter and self.filter.dimension is not dimension:
            return self.with_(second=chosen)
        return self.with_(filter=chosen, second=None)

    def showing(self, breakdown: Breakdown) -> "Query":
        """Return the query whose panel shows *breakdown*."""
        mine = panel_of(breakdown)
        return self.with_(shown=_shown([breakdown, *(self.breakdown(panel) for panel in PANELS if panel != mine)]))

    def shift(self, span: Span) -> int:
        """Return how many days before the compared period lies; a period never overlaps the one it is compared with."""
        return shift(span, self.compare)

    def to_params(self) -> list[tuple[str, str]]:
        """Return the query as parameters of an address; what is usual is left out."""
        params = [("collection", self.collection)] if self.collection else [("site", site) for site in self.sites]
        usual = Query(sites=self.sites)
        if self.period != usual.period:
            params.append(("period", str(self.period)))
        if self.compare != usual.compare:
            params.append(("compare", str(self.compare)))
        if self.metric != usual.metric:
            params.append(("metric", self.metric.value))
        params += [("filter", str(each)) for each in (self.filter, self.second) if each]
        return params + [("show", breakdown.value) for breakdown in self.shown]

    @classmethod
    def from_params(
        cls,
        params: Iterable[tuple[str, str]],
        *,
        sites: Sequence[str] = (),
        collect: Callable[[str], Sequence[str]] | None = None,
    ) -> "Query":
        """Read a query from the parameters of an address.

        Args:
            params: Names and values; unknown names are left alone (`lang`).
            sites: Taken where the address names none.
            collect: Returns the sites of a collection, or raises; without it the address has to name sites.

        Raises:
            QueryError: A value that there is not.
        """
        given: dict[str, list[str]] = {}
        for name, value in params:
            given.setdefault(name, []).append(value)
        collection = given.get("collection", [""])[-1] if collect else ""
        named = tuple(collect(collection) if collect and collection else dict.fromkeys(given.get("site", sites)))
        most = COLLECTED_MAX if collection else SITES_MAX
        if not 0 < len(named) <= most or not all(_SITE.fullmatch(site) for site in named):
            raise QueryError("site")
        filters = [Filter.parse(text) for text in dict.fromkeys(given.get("filter", []))]
        return cls(
            sites=named,
            collection=collection,
            period=_period(given),
            compare=_compare(given),
            metric=_one_of(_DRAWN, given, "metric") or Key.VISITORS,
            filter=filters[0] if filters else None,
            second=filters[1] if len(filters) > 1 else None,
            shown=_shown([_known(Breakdown, text) for text in given.get("show", [])]),
        )


def _shown(breakdowns: Iterable[Breakdown]) -> tuple[Breakdown, ...]:
    chosen = set(breakdowns)
    return tuple(
        pick for choices in PANELS.values() for pick in [next((d for d in choices[1:] if d in chosen), None)] if pick
    )


def _period(given: dict[str, list[str]]) -> Period:
    first, last = (given.get(name, [""])[-1] for name in ("from", "to"))
    if first and last:
        return Period.parse(f"{first}..{last}")
    return Period.parse(given["period"][-1]) if "period" in given else Period()


def _compare(given: dict[str, list[str]]) -> int:
    text = given.get("compare", ["28"])[-1]
    if text not in map(str, COMPARED):
        raise QueryError(text)
    return int(text)


def _known(choices: Iterable[Choice], text: str) -> Choice:
    for choice in choices:
        if choice.value == text:
            return choice
    raise QueryError(text[:VALUE_LENGTH_MAX])


def _one_of(choices: Iterable[Choice], given: dict[str, list[str]], name: str) -> Choice | None:
    return _known(choices, given[name][-1]) if name in given else None
