"""Count a site's day per visitor, the input of the k rule: plain SQL over the tables of `visits.py`.

Each breakdown is one `group by visitor, value`: what a visitor adds to a value. Distinct visitors are then rows, and
no cell is ever added to another. Measures:

    hour        pageviews and events by their own time; visits, bounces and seconds where the visit began
    page        visits that opened it; seconds engaged on it: its share of what its visit may add
    entry page, exit page, source, browser, …   all measures of the visits that have it
    scroll      pageviews by the deepest quarter that their page was scrolled to in the visit
    event, property   how often, and in how many visits; properties of pageviews count as pageviews; of the event
                `Not found` the page it was reported on is one
    pairs       pageviews: by their own page and the attributes of their visit

A value without a text (no campaign, no viewport told) is no value and makes no row.
"""

from itertools import combinations
from typing import Final

import polars as pl

from collector.day.current_day import CurrentDay, Held
from collector.day.facts import Facts
from collector.day.properties import NOT_FOUND, PAGE_STATED, not_found_label
from collector.day.reached import add_sets
from collector.day.visits import CUSTOM, ENGAGEMENT, LATE, NEVER, PAGEVIEW, make_visits
from collector.model import Dimension
from collector.policy import VISIT_SECONDS_MAX, Rules

#: What tells where a visit came from: a source lies in its channel.
ORIGINS: Final = (Dimension.SOURCE, Dimension.CHANNEL, Dimension.CAMPAIGN)

_SUMS: Final = """
    sum(pageviews)::bigint as pageviews, sum(visits)::bigint as visits, sum(bounces)::bigint as bounces,
    sum(seconds)::bigint as seconds, sum(events)::bigint as events
"""
_TOTAL: Final = f"select visitor, {_SUMS} from (select *, 1 as visits from visit) group by visitor"

_HOURS: Final = f"""
select visitor, hour, {_SUMS} from (
    select
        visitor, {{hour}} as hour, (kind = {PAGEVIEW})::integer as pageviews, 0 as visits, 0 as bounces, 0 as seconds,
        (kind = {CUSTOM})::integer as events
    from counted where kind <> {ENGAGEMENT}
    union all
    select visitor, hour, 0, 1, bounces, seconds, 0 from visit
)
group by visitor, hour
"""

# Capped by scaling: a visit's pages never add up to more than the visit, and what was longest stays longest.
_PAGE: Final = f"""
select visitor, value, {_SUMS} from (
    select
        visitor, page as value, visit_page.pageviews, (visit_page.pageviews > 0)::integer as visits,
        case when visit_page.pageviews > 0 then bounces else 0 end as bounces,
        visit_page.milliseconds::hugeint * least(visit.milliseconds, {VISIT_SECONDS_MAX * 1000})
            // (1000 * greatest(visit.milliseconds, 1)) as seconds,
        visit_page.events
    from visit_page join visit using (visitor, visit)
)
group by visitor, value
"""

_OF_VISITS: Final = f"""
select visitor, {{column}} as value, {_SUMS}
from (select *, 1 as visits from visit where {{column}} is not null)
group by visitor, value
"""

_LABELLED: Final = f"""
select
    visitor, label as value, count(*) filter (where kind = {PAGEVIEW}) as pageviews,
    count(distinct visit) as visits, 0::bigint as bounces, 0::bigint as seconds,
    count(*) filter (where kind = {CUSTOM}) as events
from counted
join (select rowid as arrival, said from {{events}}) as told using (arrival)
join label using (kind, said)
group by visitor, value
"""

_NOT_FOUND: Final = f"""
select
    visitor, page as value, 0::bigint as pageviews, count(distinct visit) as visits, 0::bigint as bounces,
    0::bigint as seconds, count(*) as events
from counted
join (select rowid as arrival, said from {{events}}) as told using (arrival)
where kind = {CUSTOM} and said in ({{said}})
group by visitor, page
"""

# The deepest quarter, by all that was reported of a page in a visit; a page without a report has no row.
_SCROLL: Final = """
select
    visitor, ((scroll + 24) // 25 * 25)::varchar as value, sum(pageviews)::bigint as pageviews,
    count(*)::bigint as visits, 0::bigint as bounces, 0::bigint as seconds, 0::bigint as events
from (
    select visitor, visit, scroll, sum(pageviews) as pageviews
    from visit_page where pageviews > 0 and scroll > 0 group by all
)
group by visitor, value
"""

_PAIR: Final = """
select visitor, {a} as a, {b} as b, sum(visit_page.pageviews)::bigint as pageviews
from visit_page join visit using (visitor, visit)
where visit_page.pageviews > 0 and a is not null and b is not null
group by visitor, a, b
"""
_PAIR_OF_VISITS: Final = """
select visitor, {a} as a, {b} as b, sum(pageviews)::bigint as pageviews
from visit where pageviews > 0 and a is not null and b is not null
group by visitor, a, b
"""
_NESTED: Final = f"""
select visitor, {{a}} as a, {{b}} as b, {_SUMS} from (select *, 1 as visits from visit)
where {{a}} is not null and {{b}} is not null
group by visitor, {{a}}, {{b}}
"""


def facts(day: CurrentDay, site: str, rules: Rules) -> Facts:
    """Return what each visitor of *site* adds to each value of each dimension and pair that *rules* keep.

    Raises:
        TurvenError: `day_full`, `day_unreadable`.
    """
    with day.read(site) as held:
        return _facts(held, rules)


def closing_facts(day: CurrentDay, site: str, rules: Rules) -> tuple[Facts, int]:
    """Return `facts` and `late` of one reading: a site's rows are copied for each.

    Raises:
        TurvenError: `day_full`, `day_unreadable`.
    """
    with day.read(site) as held:
        return _facts(held, rules), _late(held)


def today_facts(day: CurrentDay, site: str, *, until: int) -> Facts:
    """Return total, hours, pages and sources of the events before second *until* (since 1970 UTC), as if the day ended.

    Raises:
        TurvenError: `day_full`, `day_unreadable`.
    """
    with day.read(site) as held:
        texts = make_visits(held, until=until)
        return Facts(
            total=held.ask(_TOTAL),
            hours=held.ask(_HOURS.format(hour=held.hour)),
            values={dimension: _values(held, dimension, texts) for dimension in (Dimension.PAGE, Dimension.SOURCE)},
            pairs={},
        )


def late(day: CurrentDay, site: str) -> int:
    """Return how many reports of engagement have no pageview of the same visitor and page: they count nowhere."""
    with day.read(site) as held:
        return _late(held)


def _late(held: Held) -> int:
    where = LATE.format(events=held.table, until=NEVER)
    return int(held.ask(f"select count(*) from {held.table} as event where {where}").item())


def _facts(held: Held, rules: Rules) -> Facts:
    texts = make_visits(held)
    made = Facts(
        total=held.ask(_TOTAL),
        hours=held.ask(_HOURS.format(hour=held.hour)),
        values={
            dimension: _values(held, dimension, texts)
            for dimension in rules.breakdowns
            if dimension not in (Dimension.TOTAL, Dimension.HOUR)
        },
        pairs={(a, b): _pair(held, a, b, texts) for a, b in rules.pairs},
        nested={
            (a, b): _named(held.ask(_NESTED.format(a=a.value, b=b.value)), a=texts[a.value], b=texts[b.value])
            for a, b in combinations(ORIGINS, 2)
            if a in rules.dimensions and b in rules.dimensions
        },
    )
    add_sets(made, held, rules, pages=texts["page"], texts=texts)
    return made


def _values(held: Held, dimension: Dimension, texts: dict[str, pl.Series]) -> pl.DataFrame:
    if dimension is Dimension.SCROLL:
        return held.ask(_SCROLL)
    if dimension in (Dimension.EVENT, Dimension.PROPERTY):
        labels = _lend_labels(held, dimension)
        frame = _named(held.ask(_LABELLED.format(events=held.table)), value=labels)
        return frame if dimension is Dimension.EVENT else pl.concat([frame, *_not_found(held, texts["page"])])
    sql = _PAGE if dimension is Dimension.PAGE else _OF_VISITS.format(column=dimension.value)
    return _named(held.ask(sql), value=texts[dimension.value])


def _pair(held: Held, a: Dimension, b: Dimension, texts: dict[str, pl.Series]) -> pl.DataFrame:
    sql = _PAIR if Dimension.PAGE in (a, b) else _PAIR_OF_VISITS
    return _named(held.ask(sql.format(a=a.value, b=b.value)), a=texts[a.value], b=texts[b.value])


def _named(frame: pl.DataFrame, **texts: pl.Series) -> pl.DataFrame:
    named = [texts[column].gather(frame[column]).alias(column) for column in texts]
    return frame.with_columns(named).drop_nulls(list(texts))


def _not_found(held: Held, pages: pl.Series) -> list[pl.DataFrame]:
    """Return the pages that were not found as properties, under the names that pages have at the close."""
    told: list[tuple[str, tuple[str, ...]]] = held.texts("said")
    said = [str(code) for code, (name, _) in enumerate(told) if name == NOT_FOUND]
    if not said:
        return []
    frame = held.ask(_NOT_FOUND.format(events=held.table, said=", ".join(said)))
    labels = pl.Series([not_found_label(page or "") for page in pages], dtype=pl.String)
    return [_named(frame, value=labels)]


def _lend_labels(held: Held, dimension: Dimension) -> pl.Series:
    """Let SQL read `label`: what each kind of event and what it said comes to; return what the labels' codes mean."""
    told: list[tuple[str, tuple[str, ...]]] = held.texts("said")
    codes: dict[str, int] = {}
    rows: list[tuple[int, int, int]] = []
    for said, (name, properties) in enumerate(told):
        for kind, about in ((CUSTOM, name), (PAGEVIEW, "pageview")):
            if dimension is Dimension.PROPERTY:
                labels = {f"{about} · {stated}" for stated in properties if not _is_own_page(about, stated)}
            else:
                labels = {name} if kind == CUSTOM else set()
            rows.extend((kind, said, codes.setdefault(label, len(codes))) for label in sorted(labels))
    schema = {"kind": pl.UInt8, "said": pl.UInt32, "label": pl.UInt32}
    held.lend("label", pl.DataFrame(rows, schema=schema, orient="row"))
    return pl.Series(list(codes), dtype=pl.String)


def _is_own_page(event: str, stated: str) -> bool:
    """Tell whether a page says itself which page was not found: what it says was never cleaned."""
    return event == NOT_FOUND and stated.startswith(PAGE_STATED)
