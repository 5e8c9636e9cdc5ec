"""The k rule where a controller switched breakdowns off: whatever is left gives nobody away."""

from collections.abc import Iterable
from itertools import combinations

import msgspec
import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from collector.day.facts import MEASURES, Facts
from collector.day.small_groups import fold
from collector.model import OTHER, Cell, Dimension, Profile
from collector.policy import Rules, rules_for, stricter
from tests.day.test_nets import People, smallest_difference

_D = Dimension
#: Breakdowns of which one's values lie inside another's.
NESTS = ((_D.SOURCE, _D.CHANNEL), (_D.BROWSER, _D.OS), (_D.BROWSER, _D.DEVICE), (_D.OS, _D.DEVICE))
CHANNELS = {"(direct)": "direct", "bing": "search", "qwant": "search"}
SWITCHABLE = [one for one in rules_for(Profile.STANDARD).breakdowns if one not in {_D.EVENT, _D.PROPERTY, _D.SCROLL}]


class Visitor(msgspec.Struct, frozen=True):
    """Say how one visitor came and what they saw, once."""

    page: str
    source: str
    browser: str
    os: str
    device: str

    @property
    def channel(self) -> str:
        """Return the channel of the source."""
        return CHANNELS[self.source]


DAYS = st.lists(
    st.builds(
        Visitor,
        page=st.sampled_from(["/a", "/b", "/c/d"]),
        source=st.sampled_from(sorted(CHANNELS)),
        browser=st.sampled_from(["Chrome", "Safari"]),
        os=st.sampled_from(["iOS", "macOS", "Windows"]),
        device=st.sampled_from(["Phone", "Desktop"]),
    ),
    min_size=6,
    max_size=40,
)
OFF = st.sets(st.sampled_from(SWITCHABLE))


def value(visitor: Visitor, dimension: Dimension) -> str:
    """Return what a visitor counts under."""
    name = {_D.ENTRY_PAGE: "page", _D.EXIT_PAGE: "page"}.get(dimension, dimension.value)
    return "NL" if dimension is _D.COUNTRY else str(getattr(visitor, name))


def facts(day: list[Visitor], rules: Rules) -> Facts:
    """Return the facts of a day, of the breakdowns that *rules* keep and of no others."""
    ones = pl.DataFrame(
        [(number, 8, *([1] * len(MEASURES))) for number in range(len(day))],
        schema={"visitor": pl.UInt64, "hour": pl.UInt8, **dict.fromkeys(MEASURES, pl.Int64)},
        orient="row",
    )

    def texts(dimension: Dimension) -> list[str]:
        return [value(visitor, dimension) for visitor in day]

    return Facts(
        total=ones.drop("hour"),
        hours=ones,
        values={
            d: ones.drop("hour").with_columns(value=pl.Series(texts(d))) for d in rules.dimensions if d in SWITCHABLE
        },
        pairs={
            (a, b): ones.select("visitor", "pageviews", a=pl.Series(texts(a)), b=pl.Series(texts(b)))
            for a, b in rules.pairs
        },
    )


def shown(cells: Iterable[Cell], dimension: Dimension) -> set[str]:
    """Return the visible values of a single breakdown."""
    return {cell.value for cell in cells if cell.dimension is dimension and cell.filter_dimension is None} - {OTHER}


def under(visitor: Visitor, dimension: Dimension, names: set[str]) -> str:
    """Return the name under which a visitor is counted: their value, its roll-up or `(other)`."""
    own = value(visitor, dimension)
    rolled = {_D.SOURCE: f"({visitor.channel})", _D.PAGE: "/c/…", _D.ENTRY_PAGE: "/c/…", _D.EXIT_PAGE: "/c/…"}
    if own in names:
        return own
    above = rolled.get(dimension, OTHER) if dimension is _D.SOURCE or own.startswith("/c/") else OTHER
    return above if above in names else OTHER


@settings(max_examples=25, phases=[Phase.generate])
@given(day=DAYS, off=OFF, k=st.integers(2, 5))
def test_whatever_is_switched_off_every_remainder_is_nobody_or_k(
    day: list[Visitor], off: set[Dimension], k: int
) -> None:
    """Each line and what is left beside the lines stands for nobody or k people, with any breakdowns switched off."""
    rules = stricter(msgspec.structs.replace(rules_for(Profile.STANDARD), k=k), k=0, without=off, retention_days=0)
    cells = fold(facts(day, rules), rules) or []
    assert not off & {dimension for cell in cells for dimension in (cell.dimension, cell.filter_dimension)}
    for dimension in set(SWITCHABLE) - off if cells else ():
        names = shown(cells, dimension)
        counts = [sum(under(one, dimension, names) == name for one in day) for name in (*names, OTHER)]
        assert all(count == 0 or count >= k for count in counts), (dimension, counts)


@settings(max_examples=25, phases=[Phase.generate])
@given(day=DAYS, off=OFF, k=st.integers(2, 4))
def test_whatever_is_switched_off_what_nests_folds_together(day: list[Visitor], off: set[Dimension], k: int) -> None:
    """No sum or difference of nested breakdowns' lines isolates a small group, with any breakdowns switched off."""
    rules = stricter(msgspec.structs.replace(rules_for(Profile.STANDARD), k=k), k=0, without=off, retention_days=0)
    cells = fold(facts(day, rules), rules) or []
    left = [pair for pair in (*NESTS, *combinations((_D.PAGE, _D.SOURCE, _D.BROWSER), 2)) if not off & {*pair}]
    for pair in left if cells else ():
        names = [shown(cells, dimension) for dimension in pair]
        table: dict[tuple[str, str], set[int]] = {}
        for number, visitor in enumerate(day):
            row, column = (under(visitor, d, own) for d, own in zip(pair, names, strict=True))
            table.setdefault((row, column), set()).add(number)
        people: People = {key: frozenset(own) for key, own in table.items()}
        smallest = smallest_difference(people, *({key[side] for key in people} for side in (0, 1)))
        assert smallest is None or smallest >= k, (pair, smallest)
