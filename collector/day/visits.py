"""Make a site's rows into visits: the one place where a visitor's sequence is read. Personal data.

Leaves three temporary tables on the cursor, every page under its name without names (`pages.py`):

    counted     one row per event that counts: arrival, visitor, visit, step, kind, page, at_second, milliseconds,
                scroll
    visit       one row per visit: visitor, visit, hour, pageviews, events, bounces, seconds, milliseconds,
                entry_page, exit_page (null without a pageview) and what its first event says of source, browser, …
    visit_page  one row per visit and page: pageviews, events, milliseconds, scroll: the deepest in per cent

The rules: a visit begins with a pageview or an event of the page's own, never with engagement: the first of a
visitor, one after 30 minutes without anything (engagement is something), or a pageview that is an entry. An entry from
nowhere is no proof of coming from outside, since a page without referrers always looks like that, so it opens no visit
inside a running one. Engagement before a visitor's first pageview belongs to the first visit. Rows of one second
keep their order of arrival.
"""

from typing import Final

import polars as pl

from collector.day.current_day import CODED, Held
from collector.day.pages import crowded_parents, without_names
from collector.event import Kind
from collector.policy import VISIT_IDLE_SECONDS, VISIT_SECONDS_MAX

PAGEVIEW: Final = int(Kind.PAGEVIEW)
ENGAGEMENT: Final = int(Kind.ENGAGEMENT)
CUSTOM: Final = int(Kind.CUSTOM)
#: Attributes of a visit that its first event tells.
ATTRIBUTES: Final = (*CODED["origin"], *CODED["client"])
#: After every second that an event can hold.
NEVER: Final = 1 << 32

#: Engagement of a page that the same visitor did not open in this epoch.
LATE: Final = f"""
    kind = {ENGAGEMENT} and not exists (
        select 1 from {{events}} as opened
        where opened.kind = {PAGEVIEW} and opened.visitor = event.visitor and opened.page = event.page
          and opened.at_second < {{until}}
    )
"""

_COUNTED: Final = f"""
create temp table counted as
with stepped as (
    select
        rowid as arrival, visitor, kind, page, at_second,
        case when kind = {ENGAGEMENT} then milliseconds else 0 end as milliseconds,
        case when kind = {ENGAGEMENT} then scroll else 0 end as scroll,
        enters = 1 as enters,
        row_number() over sequence as step,
        count(*) filter (where kind <> {ENGAGEMENT}) over sequence as told,
        at_second::bigint - lag(at_second) over sequence as idle_seconds
    from {{events}} as event
    where at_second < {{until}} and not ({LATE})
    window sequence as (partition by visitor order by at_second, rowid rows unbounded preceding)
), opened as (
    select *, kind <> {ENGAGEMENT} and (told = 1 or idle_seconds >= {VISIT_IDLE_SECONDS} or enters) as opens
    from stepped
)
select
    arrival, visitor, step, kind, page_name.name as page, at_second, milliseconds, scroll, opens,
    greatest(1, sum(opens::integer) over (partition by visitor order by step rows unbounded preceding)) as visit
from opened join page_name using (page)
"""

_VISIT: Final = f"""
create temp table visit as
with summed as (
    select
        visitor, visit,
        count(*) filter (where kind = {PAGEVIEW}) as pageviews,
        count(*) filter (where kind = {CUSTOM}) as events,
        sum(milliseconds)::bigint as milliseconds,
        arg_min(page, step) filter (where kind = {PAGEVIEW}) as entry_page,
        arg_max(page, step) filter (where kind = {PAGEVIEW}) as exit_page,
        min(arrival) filter (where opens) as arrival
    from counted group by visitor, visit
)
select
    summed.* exclude (arrival), {{hour}} as hour,
    (pageviews = 1 and events = 0)::integer as bounces,
    least(summed.milliseconds // 1000, {VISIT_SECONDS_MAX}) as seconds,
    {", ".join(ATTRIBUTES)}
from summed
join {{events}} as event on event.rowid = summed.arrival
join origin using (origin)
join client using (client)
"""

_VISIT_PAGE: Final = f"""
create temp table visit_page as
select
    visitor, visit, page,
    count(*) filter (where kind = {PAGEVIEW}) as pageviews,
    count(*) filter (where kind = {CUSTOM}) as events,
    sum(milliseconds)::bigint as milliseconds,
    max(scroll)::integer as scroll
from counted group by visitor, visit, page
"""


def make_visits(held: Held, *, until: int = NEVER) -> dict[str, pl.Series]:
    """Make the tables of visits from the rows before second *until*.

    Returns:
        By column what its codes stand for, the text of code 0 first; null where there is nothing to say.
    """
    pages = pl.Series(_lend_page_names(held, until=until), dtype=pl.String)
    texts = {"page": pages, "entry_page": pages, "exit_page": pages}
    for column in ("origin", "client"):
        texts |= _lend_attributes(held, column)
    for sql in (_COUNTED, _VISIT, _VISIT_PAGE):
        held.run(sql.format(events=held.table, until=int(until), hour=held.hour))
    return texts


def _lend_page_names(held: Held, *, until: int) -> list[str]:
    texts: list[str] = held.texts("page")
    seen = held.ask(f"select distinct page from {held.table} where kind = {PAGEVIEW} and at_second < {int(until)}")
    crowded = crowded_parents(texts[code] for code in seen["page"])
    names: dict[str, int] = {}
    codes = [names.setdefault(without_names(text, crowded=crowded), len(names)) for text in texts]
    _lend_codes(held, "page_name", key="page", columns={"name": codes})
    return list(names)


def _lend_attributes(held: Held, column: str) -> dict[str, pl.Series]:
    told: list[tuple[str, ...]] = held.texts(column)
    columns: dict[str, list[int]] = {}
    texts: dict[str, pl.Series] = {}
    for place, field in enumerate(CODED[column]):
        codes: dict[str, int] = {}
        columns[field] = [codes.setdefault(fields[place], len(codes)) for fields in told]
        texts[field] = pl.Series([text or None for text in codes], dtype=pl.String)
    _lend_codes(held, column, key=column, columns=columns)
    return texts


def _lend_codes(held: Held, table: str, *, key: str, columns: dict[str, list[int]]) -> None:
    rows = len(next(iter(columns.values())))
    held.lend(table, pl.DataFrame({key: range(rows), **columns}, schema=dict.fromkeys((key, *columns), pl.UInt32)))
