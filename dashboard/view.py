"""Write values as a reader sees them: figures, changes, names and addresses. Used by every template."""

import unicodedata
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, urlencode

from collector.errors import TurvenError
from collector.model import Dimension
from dashboard import sentences
from dashboard.breakdowns import BEGINNINGS, Breakdown, panel_of
from dashboard.metrics import METRICS, SHARE_MAX, SHARE_MIN, SHOWN, Amount, Key, Metric, Tally, Unit, bounded
from dashboard.plan import Refusal
from dashboard.query import Query
from dashboard.report import Figure, Panel, Report
from dashboard.rollup import heading
from dashboard.timeline import Point, State, value_of
from dashboard.words import Words

_NONE: Final = "–"
#: Marks that turn text around, join it or are not to be seen: shown as what they are, a stranger.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def harmless(value: str) -> str:
    """Return *value* without marks that are not to be seen; where one stood there is a replacement character."""
    return "".join("�" if unicodedata.category(mark) in _UNSEEN else mark for mark in value)


#: Values of closed lists that have a name of their own here.
_NAMES: Final[dict[str, dict[str, str]]] = {
    Dimension.CHANNEL: sentences.CHANNELS,
    Dimension.DEVICE: sentences.DEVICES,
    Dimension.VIEWPORT: sentences.WIDTHS,
    Dimension.SCROLL: sentences.DEPTHS,
}


def _cut(value: str) -> Breakdown | None:
    """Return which of the tracker's own properties *value* is."""
    return next((one for one, beginning in BEGINNINGS.items() if value.startswith(beginning)), None)


class View:
    """Write for one reader of one house.

    Attributes:
        words: The reader's language.
    """

    def __init__(self, words: Words, *, base_path: str, kept: Sequence[tuple[str, str]] = ()) -> None:
        """Write in *words*; every address carries *kept* on, such as the language that the reader asked for in one."""
        self.words = words
        self._base_path = base_path
        self._kept = list(kept)

    def address(self, path: str, pairs: list[tuple[str, str]]) -> str:
        """Return an address of ours with exactly these parameters."""
        return f"{self._base_path}{quote(path)}" + (f"?{urlencode(pairs)}" if pairs else "")

    def path(self, path: str, **params: str) -> str:
        """Return an address of ours."""
        return self.address(path, [*params.items(), *(pair for pair in self._kept if pair[0] not in params)])

    def url(self, query: Query, path: str = "/", more: Sequence[tuple[str, str]] = ()) -> str:
        """Return the address that asks *query*, with *more* parameters of a page of its own."""
        return self.address(path, [*query.to_params(), *more, *self._kept])

    def carried(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Return parameters of an address with those that every address carries on."""
        return pairs + self._kept

    def hidden(self, query: Query, *leave_out: str) -> list[tuple[str, str]]:
        """Return the query as hidden fields of a form, but those that the form asks for itself."""
        return [(name, value) for name, value in query.to_params() + self._kept if name not in leave_out]

    def value(self, metric: Metric, value: float | None) -> str:
        """Return a value of *metric* with its unit; a dash where there is none."""
        if value is None:
            return _NONE
        if metric.unit is Unit.SHARE:
            return self._share(value)
        if metric.unit is Unit.RATE:
            return self.words.percent(value, 1)
        if metric.unit is Unit.DURATION:
            return self.words.duration(value)
        return self.words.number(value, 1 if metric.unit is Unit.RATIO else 0)

    def _share(self, value: float) -> str:
        if value < SHARE_MIN:
            return "<" + self.words.percent(SHARE_MIN)
        return ">" + self.words.percent(SHARE_MAX) if value > SHARE_MAX else self.words.percent(value)

    def axis(self, key: Key, value: float) -> str:
        """Return a value as it stands at the axis, never bounded."""
        metric = METRICS[key]
        if metric.unit is Unit.SHARE:
            return self.words.percent(value)
        if metric.unit is Unit.RATIO:
            return self.words.number(value, 0 if value == int(value) else 1)
        return self.value(metric, value)

    def cell(self, tally: Tally, key: Key, *, is_at_least: bool = False) -> str:
        """Return a figure of a row; "withheld" where none of it may be shown, "≥" where some of it may not."""
        amount, metric = tally.get(key, Amount()), SHOWN[key]
        if amount.value is None:
            return self.words.text(sentences.WITHHELD) if amount.cells else _NONE
        is_sum = metric.denominator is None or metric.unit is Unit.RATE
        sign = "≥ " if is_at_least or (amount.is_partial and is_sum) else ""
        return sign + self.value(metric, amount.value)

    def change(self, figure: Figure) -> str:
        """Return by how much a figure grew, with its sign."""
        change = figure.change
        if change is None:
            return ""
        if figure.metric.unit is Unit.SHARE:
            now, before = bounded(figure.amount.value or 0), bounded((figure.previous or Amount()).value or 0)
            points = round((now - before) * 100)
            return f"{'+' if points > 0 else '−' if points < 0 else '±'}{abs(points)} %-pt"
        return self.grown(change)

    def grown(self, change: float) -> str:
        """Return by what part something grew, with its sign."""
        rounded = round(change * 100)
        return f"{'+' if rounded > 0 else '−' if rounded < 0 else '±'}{self.words.percent(abs(rounded) / 100)}"

    def course(self, change: float | None) -> str:
        """Return whether a number of visitors grew or fell, as a class of the sheet."""
        if change is None or abs(change) < 0.005:  # noqa: PLR2004 - it is written as ±0 %
            return ""
        return "good-change" if change > 0 else "bad-change"

    def mood(self, figure: Figure) -> str:
        """Return whether a change is good, bad or neither."""
        change = figure.change
        if change is None or abs(change) < 0.005:  # noqa: PLR2004 - it is written as ±0 %
            return "same"
        return "good" if (change > 0) is not figure.metric.is_better_low else "bad"

    def name(self, dimension: Dimension | Breakdown, value: str) -> str:
        """Return a value's name in the reader's language, harmless."""
        if value in sentences.VALUES:
            return self.words.text(sentences.VALUES[value])
        bare = value[1:-1] if value.startswith("(") and value.endswith(")") else ""
        if dimension == Dimension.SOURCE and bare in sentences.CHANNELS:
            return self.words.text(sentences.SMALL_SOURCES, channel=self.words.text(sentences.CHANNELS[bare]))
        if value in (known := _NAMES.get(dimension, {})):
            return self.words.text(known[value])
        if dimension == Dimension.LANGUAGE:
            return harmless(str(self.words.locale.languages.get(value, value)))
        if dimension == Dimension.PROPERTY and (cut := _cut(value)):
            return harmless(value.removeprefix(cut.beginning))
        return harmless(self.words.country(value) if dimension == Dimension.COUNTRY else value)

    def sites(self, query: Query) -> str:
        """Return what the sites of *query* are called together."""
        return harmless(heading(self.words, query))

    def dimension(self, dimension: Dimension | Breakdown) -> str:
        """Return a dimension's name, as of a breakdown."""
        return self.words.text(sentences.DIMENSIONS[Breakdown(dimension)])

    def filter(self, dimension: Dimension, value: str = "") -> str:
        """Return a dimension's name, as of one value; of a property what kind of it *value* is."""
        cut = _cut(value) if dimension is Dimension.PROPERTY else None
        return self.words.text(sentences.FILTERS[cut or dimension])

    def table(self, breakdown: Breakdown) -> str:
        """Return the heading of a table of its own."""
        return self.words.text(sentences.TABLES[breakdown])

    def shows(self, dimension: Dimension) -> Breakdown | None:
        """Return the breakdown that divides by *dimension*; None where no panel does."""
        return next((one for one in Breakdown if one.dimension is dimension and not one.beginning), None)

    def place(self, dimension: Dimension) -> str:
        """Return the name of the panel that divides by *dimension*."""
        shown = self.shows(dimension)
        return panel_of(shown) if shown else ""

    def is_time(self, key: Key) -> bool:
        """Tell whether a column holds lengths of time."""
        return SHOWN[key].unit is Unit.DURATION

    def panel(self, name: str) -> str:
        """Return a panel's name."""
        return self.words.text(sentences.PANELS[name])

    def metric(self, metric: Metric, report: Report) -> str:
        """Return a figure's name; visitors of several days, parts or sites are visitor-days."""
        is_several = report.span.days > 1 or len(report.query.sites) > 1
        return self.words.text(sentences.VISITOR_DAYS if metric.key is Key.VISITORS and is_several else metric.name)

    def key(self, key: Key) -> str:
        """Return the name of a column."""
        return self.words.text(sentences.COLUMNS[key])

    def point(self, point: Point) -> str:
        """Return a place on the time axis in full."""
        if point.hours:
            return f"{point.hours[0]:02}:00–{point.hours[1]:02}:00"
        if point.first == point.last:
            return self.words.day(point.first, "weekday")
        return f"{self.words.day(point.first)} – {self.words.day(point.last)}"

    def tick(self, point: Point) -> str:
        """Return a place on the time axis in short."""
        return self.words.day(point.first)

    def chart_title(self, report: Report) -> str:
        """Return what the chart draws."""
        first = report.points[0] if report.points else None
        by_day, by_week, by_hour = sentences.CHART
        title = by_hour if first and first.hours else by_week if first and first.first != first.last else by_day
        return self.words.text(title, metric=self.words.text(report.figure.metric.name))

    def chart_desc(self, report: Report) -> str:
        """Return what the chart says in one line: its highest and lowest place."""
        metric = report.figure.metric
        valued = [(value_of(point.tally, metric), point) for point in report.points if point.is_counted]
        known = [(value, point) for value, point in valued if value is not None]
        if not known:
            return ""
        most, least = max(known, key=lambda pair: pair[0]), min(known, key=lambda pair: pair[0])
        return self.words.text(
            sentences.CHART_LINE,
            most=self.value(metric, most[0]),
            most_at=self.point(most[1]),
            least=self.value(metric, least[0]),
            least_at=self.point(least[1]),
        )

    def state(self, state: State, k: int) -> str:
        """Return how a day ended, in a few words."""
        return self.words.text(sentences.STATES[state], k=k)

    def drop(self, reason: str) -> str:
        """Return why requests were not counted, or which field was removed from events."""
        _, is_field, field = reason.partition(":")
        if is_field:
            return self.words.text(sentences.REFUSED_FIELD, field=harmless(field))
        return self.words.text(sentences.DROPS[reason]) if reason in sentences.DROPS else harmless(reason)

    def gap(self, reason: str, count: int) -> str:
        """Return what the house lost."""
        return self.words.count(*sentences.GAPS[reason], count) if reason in sentences.GAPS else harmless(reason)

    def refusal(self, panel: Panel, report: Report) -> str:
        """Return why a panel has no rows."""
        asked = report.query.filter
        return self.words.text(
            sentences.REFUSALS[panel.refusal or Refusal.EMPTY],
            k=report.k,
            dimension=self.dimension(panel.breakdown),
            filter=self.filter(asked.dimension, asked.value) if asked else "",
        )

    def refused(self, report: Report) -> dict[str, Refusal]:
        """Return what is not shown, by name, with the reason: breakdowns that are not offered, and whole panels."""
        panels = {
            self.panel(panel.name): panel.refusal
            for panel in report.panels
            if panel.refusal and panel.breakdown not in report.absent
        }
        return panels | {self.table(breakdown): why for breakdown, why in report.absent.items()}

    def message(self, code: str, what: str) -> tuple[str, str]:
        """Return heading and sentence of a page that says no."""
        heading, sentence = sentences.MESSAGES[code]
        return self.words.text(heading), self.words.text(sentence, what=harmless(what))

    def error(self, error: TurvenError) -> str:
        """Return what is wrong with a form."""
        if error.code in sentences.ERRORS:
            return self.words.text(sentences.ERRORS[error.code], message=harmless(error.message))
        return harmless(error.message)
