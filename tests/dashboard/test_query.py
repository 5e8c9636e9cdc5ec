"""Does an address hold all of a question, and nothing that is not one?"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Dimension
from dashboard import sql
from dashboard.breakdowns import FILTERABLE, PANELS, Breakdown
from dashboard.metrics import FIGURES
from dashboard.query import Filter, Period, Query, QueryError

DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 31))
PERIODS = st.one_of(
    st.sampled_from(["today", "7d", "28d", "90d"]).map(Period.parse),
    DAYS.map(Period.month),
    st.builds(Period.own, DAYS, DAYS),
)
FILTERS = st.builds(
    Filter,
    st.sampled_from(sorted(FILTERABLE)),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300),
)


@st.composite
def queries(draw: st.DrawFn) -> Query:
    """Make any question that a page can ask."""
    first = draw(st.none() | FILTERS)
    second = draw(st.none() | FILTERS.filter(lambda other: other != first)) if first else None
    query = Query(
        sites=tuple(
            draw(st.lists(st.from_regex(r"[a-z0-9][a-z0-9._-]{0,9}", fullmatch=True), min_size=1, unique=True))
        ),
        period=draw(PERIODS),
        compare=draw(st.sampled_from([0, 28, 364])),
        metric=draw(st.sampled_from(FIGURES)),
        filter=first,
        second=second,
    )
    for choices in PANELS.values():
        query = query.showing(draw(st.sampled_from(choices)))
    return query


@given(queries())
def test_an_address_holds_the_whole_question(query: Query) -> None:
    """What is asked can be written as an address and read back unchanged."""
    assert Query.from_params(query.to_params()) == query


@pytest.mark.parametrize(
    ("text", "today", "first", "last"),
    [
        ("today", "2026-11-24", "2026-11-24", "2026-11-24"),
        ("7d", "2026-11-24", "2026-11-17", "2026-11-23"),
        ("2026-10", "2026-11-24", "2026-10-01", "2026-10-31"),
        ("2026-11", "2026-11-24", "2026-11-01", "2026-11-23"),
        ("2026-12", "2026-12-01", "2026-12-01", "2026-12-01"),
        ("2026-02-03..2026-02-01", "2026-11-24", "2026-02-01", "2026-02-03"),
        ("2026-11-20..2026-12-31", "2026-11-24", "2026-11-20", "2026-11-24"),
    ],
)
def test_periods_hold_whole_days(text: str, today: str, first: str, last: str) -> None:
    """Only today and an own period hold the running day."""
    span = Period.parse(text).span(date.fromisoformat(today))
    assert (str(span.first), str(span.last)) == (first, last)


@pytest.mark.parametrize(
    "params",
    [
        {"site": "School"},
        {"site": "a' or 1=1"},
        {"period": "tomorrow"},
        {"period": "2026-13"},
        {"period": "2026-11-31..2026-12-01"},
        {"metric": "money"},
        {"metric": "conversion"},
        {"compare": "7"},
        {"filter": "visitor:7"},
        {"filter": "page:"},
        {"filter": "page:" + "x" * 301},
        {"show": "total"},
        {"show": "hour"},
        {"filter": "scroll:25"},
    ],
)
def test_what_is_not_known_is_refused(params: dict[str, str]) -> None:
    """An address that asks for something there is not is refused, never guessed at."""
    with pytest.raises(QueryError):
        Query.from_params(({"site": "school"} | params).items())


@given(queries())
def test_nothing_from_outside_is_in_the_sql(query: Query) -> None:
    """SQL is made of constants; whatever came in an address is a parameter."""
    marked = query.with_(sites=("zz-outside",), filter=Filter(Dimension.PAGE, "zz' outside"))
    span = query.period.span(date(2026, 11, 24))
    statements = [
        sql.series(marked, [span, span.before(364)], today=date(2026, 11, 24)),
        sql.panels(marked, [Breakdown.SOURCE, Breakdown.OUTBOUND, Breakdown.GOAL], span, limit=10),
        sql.shown_days(marked, [Breakdown.SOURCE, Breakdown.OUTBOUND], span),
        sql.alone(marked, [Breakdown.SOURCE], span),
        sql.goal_days(marked, span),
        sql.together(Filter(Dimension.GOAL, "zz"), Filter(Dimension.PAGE, "/zz"), marked, span),
        sql.days(marked, span),
        sql.hours(marked, span),
        sql.losses(marked, span, timezones=["zz outside"]),
        sql.first_day(marked.sites),
    ]
    for statement in statements:
        assert "zz" not in statement.sql
        assert statement.sql.count("?") == len(statement.parameters)
