"""Count who reached what a controller declared, and what was seen next: plain SQL over the tables of `visits.py`.

    goal, group   every visitor with an event or pageview that reaches the target, in whatever visit
    funnel step   every visitor who reached its targets in their order within the day, each later than the one before
    beside        what the visits say in which a goal or group was reached: source, device, … and pages that were seen
    next page     per pageview, the visitor's next pageview of the same visit, else `(exit)`

A page under a prefix `/leerling/` is `/leerling` itself or begins with the prefix, as pages are named at the close:
what was folded away (a sensitive route, `:id`, `:name`) reaches nothing finer. Personal data.
"""

from typing import Final

import polars as pl

from collector.day.current_day import Held
from collector.day.facts import Declared, Facts
from collector.day.visits import CUSTOM, PAGEVIEW
from collector.model import Dimension, Target, TargetKind
from collector.policy import Rules

#: What follows the last pageview of a visit.
EXIT: Final = "(exit)"
#: Between the name of a funnel and the number of its step.
STEP_BETWEEN: Final = " · "
_D: Final = Dimension
#: Breakdowns of visits of which one lies in the other, so that the two tell something together.
INSIDE: Final = ((_D.BROWSER, _D.OS), (_D.BROWSER, _D.DEVICE), (_D.OS, _D.DEVICE), (_D.SOURCE, _D.CHANNEL))

_REACHED: Final = f"""
create temp table reached as
select visitor, visit, step, kind, target from counted join page_target using (page) where kind = {PAGEVIEW}
union all
select visitor, visit, step, kind, target
from counted
join (select rowid as arrival, said from {{events}}) as told using (arrival)
join said_target using (said)
where kind = {CUSTOM}
"""
_SINGLE: Final = f"""
select
    visitor, {{number}}::uinteger as number, count(*) filter (where kind = {PAGEVIEW}) as pageviews,
    count(distinct visit) as visits, count(*) filter (where kind = {CUSTOM}) as events
from reached where target = {{target}} group by visitor
"""
_FIRST: Final = (
    "create or replace temp table so_far as "
    "select visitor, min(step) as step from reached where target = {target} group by visitor"
)
_THEN: Final = (
    "create or replace temp table so_far as select visitor, min(reached.step) as step "
    "from reached join so_far using (visitor) where target = {target} and reached.step > so_far.step group by visitor"
)
_SO_FAR: Final = (
    "select visitor, {number}::uinteger as number, 0::bigint as pageviews, 0::bigint as visits, 0::bigint as events "
    "from so_far"
)
_SET_VISIT: Final = (
    "create temp table set_visit as select distinct visitor, visit, number from reached join single using (target)"
)
_BESIDE: Final = (
    "select distinct visitor, number as a, {column} as value from set_visit join visit using (visitor, visit) "
    "where {column} is not null and number {numbers}"
)
_BESIDE_PAGE: Final = (
    "select distinct visitor, number as a, page as value from set_visit join visit_page using (visitor, visit) "
    "where pageviews > 0 and number {numbers}"
)
_TOGETHER: Final = (
    "select distinct number, {a} as a, {b} as b from set_visit join visit using (visitor, visit) "
    "where {a} is not null and {b} is not null"
)
_NEXT: Final = f"""
select distinct visitor, page as a, following as value from (
    select visitor, page, lead(page) over (partition by visitor, visit order by step) as following
    from counted where kind = {PAGEVIEW}
)
"""


def declared_sets(rules: Rules) -> tuple[Declared, ...]:
    """Return the sets that are counted, those first that come before others where both cannot be told."""
    goals = [Declared(_D.GOAL, goal.name, (goal.target,)) for goal in rules.goals]
    groups = [Declared(_D.GROUP, prefix, (Target(TargetKind.PREFIX, prefix),)) for prefix in rules.groups]
    steps = [
        Declared(_D.FUNNEL_STEP, f"{funnel.name}{STEP_BETWEEN}{number}", funnel.steps[:number])
        for funnel in rules.funnels
        for number in range(1, len(funnel.steps) + 1)
    ]
    return tuple(one for one in (*goals, *groups, *steps) if one.dimension in rules.dimensions)


def is_under(page: str, prefix: str) -> bool:
    """Tell whether *page* is the page of *prefix*, which ends with a slash, or lies below it."""
    return page.startswith(prefix) or page == prefix.rstrip("/")


def add_sets(made: Facts, held: Held, rules: Rules, *, pages: pl.Series, texts: dict[str, pl.Series]) -> None:
    """Add to *made* who reached what *rules* declare, and what was seen next.

    Args:
        made: Facts without sets; changed here.
        held: The site's rows, with the tables of visits.
        rules: In force.
        pages: What codes of pages stand for.
        texts: What other codes stand for, by column.
    """
    pairs = [pair for pair in rules.set_pairs if set(pair) <= set(rules.dimensions)]
    if (_D.PAGE, _D.NEXT_PAGE) in pairs:
        made.beside[_D.PAGE, _D.NEXT_PAGE] = _next_pages(held, pages)
    made.declared = declared_sets(rules)
    if not made.declared:
        return
    numbers = _lend_targets(held, made.declared, pages)
    held.run(_REACHED.format(events=held.table))
    made.reached = pl.concat(_ask_reached(held, made.declared, numbers))
    singles = [
        (n, numbers[one.targets[0]]) for n, one in enumerate(made.declared) if one.dimension is not _D.FUNNEL_STEP
    ]
    held.lend("single", pl.DataFrame(singles, schema={"number": pl.UInt32, "target": pl.UInt32}, orient="row"))
    held.run(_SET_VISIT)
    for kind, other in (pair for pair in pairs if pair[0] is not _D.PAGE):
        own = [number for number, one in enumerate(made.declared) if one.dimension is kind]
        if own:
            made.beside[kind, other] = _beside(held, own, other, texts)
    if made.beside.keys() - {(_D.PAGE, _D.NEXT_PAGE)}:
        for a, b in INSIDE:
            if a in rules.dimensions and b in rules.dimensions:
                frame = held.ask(_TOGETHER.format(a=a.value, b=b.value))
                made.together[a, b] = _named(frame, a=texts[a.value], b=texts[b.value])


def _lend_targets(held: Held, declared: tuple[Declared, ...], pages: pl.Series) -> dict[Target, int]:
    """Let SQL read which pages and which events reach which target; return the targets' numbers."""
    numbers: dict[Target, int] = {}
    for one in declared:
        for target in one.targets:
            numbers.setdefault(target, len(numbers))
    texts = pages.to_list()
    said: list[tuple[str, tuple[str, ...]]] = held.texts("said")
    of_pages = [(code, n) for target, n in numbers.items() for code in _codes_of(target, texts)]
    of_events = [
        (code, n)
        for target, n in numbers.items()
        if target.kind is TargetKind.EVENT
        for code, (name, _) in enumerate(said)
        if name == target.what
    ]
    for name, column, rows in (("page_target", "page", of_pages), ("said_target", "said", of_events)):
        held.lend(name, pl.DataFrame(rows, schema={column: pl.UInt32, "target": pl.UInt32}, orient="row"))
    return numbers


def _codes_of(target: Target, pages: list[str]) -> list[int]:
    if target.kind is TargetKind.PAGE:
        return [code for code, page in enumerate(pages) if page == target.what]
    if target.kind is TargetKind.PREFIX:
        return [code for code, page in enumerate(pages) if is_under(page, target.what)]
    return []


def _ask_reached(held: Held, declared: tuple[Declared, ...], numbers: dict[Target, int]) -> list[pl.DataFrame]:
    frames = []
    for number, one in enumerate(declared):
        target = numbers[one.targets[-1]]
        if one.dimension is not _D.FUNNEL_STEP:
            frames.append(held.ask(_SINGLE.format(number=number, target=target)))
            continue
        # The steps of a funnel stand one behind the other, so what was reached so far is there already.
        held.run((_FIRST if len(one.targets) == 1 else _THEN).format(target=target))
        frames.append(held.ask(_SO_FAR.format(number=number)))
    return frames


def _beside(held: Held, numbers: list[int], other: Dimension, texts: dict[str, pl.Series]) -> pl.DataFrame:
    among = f"in ({', '.join(map(str, numbers))})"
    sql = _BESIDE_PAGE if other is _D.PAGE else _BESIDE
    return _named(held.ask(sql.format(column=other.value, numbers=among)), value=texts[other.value])


def _next_pages(held: Held, pages: pl.Series) -> pl.DataFrame:
    frame = held.ask(_NEXT)
    following = pages.gather(frame["value"]).fill_null(EXIT).alias("value")
    return frame.with_columns(pages.gather(frame["a"]).alias("a"), following)


def _named(frame: pl.DataFrame, **texts: pl.Series) -> pl.DataFrame:
    named = [texts[column].gather(frame[column]).alias(column) for column in texts]
    return frame.with_columns(named).drop_nulls(list(texts))
