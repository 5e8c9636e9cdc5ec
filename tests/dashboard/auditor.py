"""Work every figure out again, in SQL as an auditor would write it on the file, and in plain arithmetic."""

from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from tests.dashboard.house import House

#: What each figure is: a measure, or one divided by another over the cells that hold both.
FIGURES: Final = {
    "visitors": ("visitors", ""), "visits": ("visits", ""), "pageviews": ("pageviews", ""),
    "views_per_visit": ("pageviews", "visits"), "bounce_rate": ("bounces", "visits"),
    "visit_length": ("seconds", "visits"), "events": ("events", ""), "time_on_page": ("seconds", "visits"),
}  # fmt: skip
_MEASURES: Final = "pageviews, visits, visitors, bounces, seconds, events"
#: The parts of days that make the totals: closed ones; of lost ones their committed hours, whose fullest block is the
#: least that came; of one that runs its committed hours, and visitors by its snapshot.
_PARTS: Final = f"""
    select site, day, {_MEASURES} from cell where filter_dimension = '' and dimension = 'total'
    union all
    select site, day, sum(pageviews), null, max(visitors), null, null, null
    from committed_hour semi join (from closed where outcome = 'lost') as gone using (site, day, part)
    group by site, day, part
    union all
    select site, day, max(pageviews), null, max(visitors), null, null, null from (
        select site, day, part, sum(pageviews) as pageviews, null as visitors from committed_hour
        anti join closed using (site, day, part) group by all
        union all select site, day, part, null, visitors from today.cell where dimension = 'total'
    ) group by site, day, part
"""


#: What houses answered already: nothing is written while they are asked.
_KNOWN: Final[WeakKeyDictionary[House, dict[tuple[str, tuple[object, ...]], list[Any]]]] = WeakKeyDictionary()


class Told(NamedTuple):
    """Hold a figure: its value, of how many cells it is, and how many there were; the others withhold it."""

    value: float | None
    covered: int
    cells: int

    @property
    def is_partial(self) -> bool:
        """Tell whether some of it is withheld."""
        return 0 < self.covered < self.cells


class Auditor:
    """Ask one house.

    Attributes:
        sites: Those that are asked about.
    """

    def __init__(self, house: House, *sites: str) -> None:
        self._house = house
        self._known = _KNOWN.setdefault(house, {})
        self.sites = sites

    def of(self, *sites: str) -> "Auditor":
        """Return who asks about some of them."""
        return Auditor(self._house, *sites)

    def rows(self, sql: str, *values: object) -> list[Any]:
        """Return the rows of a statement, in which `:sites` names the sites."""
        names = ", ".join(f"'{site}'" for site in self.sites)
        asked = (sql.replace(":sites", f"site in ({names})"), values)
        if asked not in self._known:
            self._known[asked] = self._house.rows(asked[0], *values)
        return self._known[asked]

    def value(self, sql: str, *values: object) -> Any:
        """Return the first value of a statement."""
        return self.rows(sql, *values)[0][0]

    def figure(self, key: str, first: date, last: date, asked: tuple[str, str] | None = None) -> Told:
        """Return a figure of a period: of everybody, or of one value of one dimension."""
        return self.figures(first, last, asked, by="'all'").get("all", {}).get(key, Told(None, 0, 0))

    def figures(
        self, first: date, last: date, asked: tuple[str, str] | None = None, *, by: str
    ) -> dict[Any, dict[str, Told]]:
        """Return every figure by something, such as the day."""
        lines = f"({_PARTS})"
        values: tuple[object, ...] = ()
        if asked:
            lines = (
                f"(select site, day, {_MEASURES} from cell where filter_dimension = '' and dimension = ? and value = ? "
                f"union all select site, day, {_MEASURES} from today.cell where dimension = ? and value = ?)"
            )
            values = (*asked, *asked)
        return self.told(f"from {lines} where :sites and day between ? and ?", *values, first, last, by=by)

    def told(self, source: str, *values: object, by: str) -> dict[Any, dict[str, Told]]:
        """Return every figure of the cells that *source* (`from …`) names, by an expression."""
        columns = []
        for one, under in FIGURES.values():
            both = f"filter (where {one} is not null and {under} is not null)" if under else ""
            columns.append(f"sum({one}) {both}, {f'sum({under}) {both}' if under else 'null'}, count({one}) {both}")
        found = self.rows(f"select {by} as what, count(*), {', '.join(columns)} {source} group by all", *values)
        return {
            what: {key: _told(n, cells, *rest[3 * n : 3 * n + 3]) for n, key in enumerate(FIGURES)}
            for what, cells, *rest in found
            if cells
        }


def _told(n: int, cells: int, above: int | None, below: int | None, covered: int) -> Told:
    value: float | None = above if covered else None
    if list(FIGURES.values())[n][1]:
        value = (above or 0) / below if below else None
    return Told(value, covered, cells)


def written(key: str, value: float | None) -> str:
    """Write a figure as an English page does."""
    if value is None:
        return "–"
    if key == "bounce_rate":
        return "<5%" if value < 0.05 else ">95%" if value > 0.95 else f"{rounded(value * 100)}%"
    if key == "conversion":
        return f"{rounded(value * 100, 1)}%"
    if key in {"visit_length", "time_on_page"}:
        minutes, seconds = divmod(round(value), 60)
        return f"{minutes} min {seconds:02} s" if minutes else f"{seconds} s"
    return rounded(value, 1 if key == "views_per_visit" else 0)


def rounded(value: float, digits: int = 0) -> str:
    """Write a number with so many digits, halves to the even side."""
    exact = Decimal(str(value))
    return f"{exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN):,}"


def row(key: str, told: Told | None, *, is_at_least: bool = False) -> str:
    """Write a figure as a row of a table does: "withheld" where nothing is told of what was there."""
    if told is None or told.value is None:
        return "withheld" if told and told.cells else "–"
    is_sum = not FIGURES[key][1] if key in FIGURES else True
    return ("≥ " if is_at_least or (told.is_partial and is_sum) else "") + written(key, told.value)


def change(key: str, now: float | None, before: float | None) -> tuple[str, str]:
    """Write by how much a figure grew, and whether that is good."""
    if now is None or before is None or (key != "bounce_rate" and not before):
        return "", "same"
    exact = now - before if key == "bounce_rate" else (now - before) / before
    good = "good" if (exact > 0) is not (key == "bounce_rate") else "bad"
    mood = "same" if abs(exact) < 0.005 else good
    if key == "bounce_rate":
        now, before = (min(max(one, 0.05), 0.95) for one in (now, before))
        points = round((now - before) * 100)
        return f"{sign(points)}{abs(points)} %-pt", mood
    return grown(exact), mood


def grown(part: float) -> str:
    """Write by what part something grew."""
    percents = round(part * 100)
    return f"{sign(percents)}{abs(percents)}%"


def sign(number: float) -> str:
    """Return how a change begins."""
    return "+" if number > 0 else "−" if number < 0 else "±"


def weeks(first: date, last: date) -> list[tuple[date, date]]:
    """Return the weeks of a period from Monday, those at its ends cut off."""
    found = []
    day = first
    while day <= last:
        sunday = min(day + timedelta(6 - day.weekday()), last)
        found.append((day, sunday))
        day = sunday + timedelta(1)
    return found


def day_name(day: date) -> str:
    """Write a day as a table does."""
    return f"{day:%a} {day.day} {month(day)}"


def month(day: date) -> str:
    """Write a month in short."""
    return "Sept" if day.month == 9 else f"{day:%b}"


def stretch_name(first: date, last: date) -> str:
    """Write a week as a table does."""
    if first == last:
        return day_name(first)
    return f"{first.day} {month(first)} – {last.day} {month(last)}"
