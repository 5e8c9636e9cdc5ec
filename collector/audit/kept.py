"""Checks on what is kept: plain SQL over a history file, the running house's or a copy."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final

import msgspec

from collector.audit import lists
from collector.audit.chain import check_chain
from collector.audit.finding import Result, Seen
from collector.audit.strays import strays
from collector.cursor import Cursor
from collector.errors import SettingsError
from collector.model import Profile, Site
from collector.policy import K_FLOOR, VISIT_SECONDS_MAX, rules_for
from collector.store.in_force import states_in
from collector.store.migrate import schema_sql
from collector.store.sites import ZEROS

#: Everything that can hold a value, in whatever schema: a table that hides in a second one would be found.
COLUMNS_SQL: Final = (
    "select if(schema_name = 'main', '', schema_name || '.') || table_name || '.' || column_name, "
    "lower(data_type), comment from duckdb_columns() where not internal and database_name = current_database() "
    "order by all"
)
#: What could hold or derive values beside tables: none of it is used.
OBJECTS_SQL: Final = (
    "select (select count(*) from duckdb_views() where not internal and database_name = current_database()) "
    "+ (select count(*) from duckdb_types() where not internal and database_name = current_database()) "
    "+ (select count(*) from duckdb_sequences() where database_name = current_database()) "
    "+ (select count(*) from duckdb_indexes() where database_name = current_database()) "
    "+ (select count(*) from duckdb_functions() where not internal and database_name = current_database())"
)
_NARROWED: Final = ("cell", "closed", "committed_hour", "dropped", "site", "settings_log")
_LABEL: Final = (
    "label as (select dimension, value from cell union all "
    "select filter_dimension, filter_value from cell where filter_dimension <> '')"
)
#: What is told of a set's visitors, and what was seen next: visitors in multiples of k and nothing else.
_IS_FLOOR: Final = "(filter_dimension in ('goal', 'group') or dimension = 'next_page')"
_PARTED: Final = "cell join closed using (site, day, part)"


class Kept:
    """Lend the tables of a history to the checks, narrowed to one site where the auditor asks for it."""

    def __init__(self, cursor: Cursor, *, site: str = "") -> None:
        """Use *cursor*.

        Raises:
            SettingsError: `site_unknown`.
        """
        self.cursor = cursor
        self.site = site
        if site and not self.one("select (select count(*) from site) + (select count(*) from closed)"):
            raise SettingsError("site_unknown", f"Nothing is kept of a site {site!r}.")

    def rows(self, sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
        """Return the rows of *sql*; `label` lists each dimension and value of a cell, its filter's too."""
        narrowed = []
        if self.site:
            keys = {name: "id" if name == "site" else "site" for name in _NARROWED}
            narrowed = [f"{name} as (select * from main.{name} where {key} = $site)" for name, key in keys.items()]
            parameters["site"] = self.site
        found: list[tuple[Any, ...]] = self.cursor.execute(
            f"with {', '.join([*narrowed, _LABEL])} {sql}", parameters
        ).fetchall()
        return found

    def one(self, sql: str, **parameters: Any) -> Any:
        """Return the only value of the only row of *sql*."""
        return self.rows(sql, **parameters)[0][0]

    def odd(self, dimension: str, form: str) -> int:
        """Return how many values of *dimension* have another form than the regular expression *form*."""
        return int(
            self.one(
                "select count(distinct value) from label where dimension = $dimension and value <> '(other)' "
                "and not regexp_full_match(value, $form)",
                dimension=dimension,
                form=form,
            )
        )

    def kinds(self, *dimensions: str) -> int:
        """Return how many distinct values *dimensions* have."""
        return int(
            self.one(
                "select count(distinct (dimension, value)) from label where list_contains($dimensions, dimension)",
                dimensions=list(dimensions),
            )
        )


Check = Callable[[Kept], Seen]


def needs_cells(check: Check) -> Check:
    """Let *check* say that it does not apply where no cell is kept: what looks at nothing proves nothing."""

    def run(kept: Kept) -> Seen:
        if kept.one("select count(*) from cell") == 0:
            return not_applicable("No cell is kept yet.")
        return check(kept)

    run.__doc__ = check.__doc__
    return run


def not_applicable(why: str) -> Seen:
    """Return that a check has nothing to look at."""
    return Seen(Result.NOT_APPLICABLE, {"why": why})


@needs_cells
def no_query_is_kept(kept: Kept) -> Seen:
    """R3 on the file: no value holds a query, fragment, parameter, address or escape."""
    # A property is written as `event · name=value`, and what is stated has been a label: one equals sign belongs there.
    stated = r"dimension = 'property' and regexp_full_match(value, '[^=]+ · [^=]+=[^=]+')"
    found = kept.one(
        "select count(*) from label where regexp_matches(value, '[?#;@%&\\\\]') "
        f"or (contains(value, '=') and not ({stated}))"
    )
    return Seen.that(found == 0, values_with_query=found, values=kept.one("select count(*) from label"))


@needs_cells
def sources_are_hosts(kept: Kept) -> Seen:
    """R6: a source is a name or a host, never a path."""
    if not kept.kinds("source", "channel"):
        return not_applicable("No source is kept.")
    found, channels = kept.odd("source", lists.SOURCE_FORM), kept.odd("channel", _one_of(lists.CHANNELS))
    return Seen.that(
        found == channels == 0, other_than_a_host=found, other_channels=channels, distinct_sources=kept.kinds("source")
    )


@needs_cells
def places_are_countries(kept: Kept) -> Seen:
    """R8: every place is two letters, and those of a country."""
    if not kept.kinds("country"):
        return not_applicable("No place is kept.")
    found = kept.odd("country", lists.COUNTRY_FORM)
    others = kept.odd("country", _one_of([*lists.COUNTRIES, "(unknown)"]))
    return Seen.that(
        found == others == 0,
        finer_than_country=found,
        not_in_the_list=others,
        distinct_countries=kept.kinds("country"),
    )


@needs_cells
def devices_are_closed_lists(kept: Kept) -> Seen:
    """R9: browser, system and device stand in the auditor's own lists; a version is a major one at most."""
    if not kept.kinds("browser", "os", "device", "browser_major", "scroll"):
        return not_applicable("No browser, system or device is kept.")
    odd = {
        "browser": kept.odd("browser", _one_of(lists.BROWSERS)),
        "os": kept.odd("os", _one_of(lists.SYSTEMS)),
        "device": kept.odd("device", _one_of(lists.DEVICES)),
        "browser_major": kept.odd("browser_major", lists.BROWSER_MAJOR_FORM),
        "scroll": kept.odd("scroll", _one_of(lists.DEPTHS)),
    }
    return Seen.that(not any(odd.values()), not_in_the_list=odd, distinct_values=kept.kinds("browser", "os", "device"))


def _one_of(values: Sequence[str]) -> str:
    return "|".join(re.escape(value) for value in values)


def columns_are_the_inventory(kept: Kept) -> Seen:
    """R20: columns, types and comments of the file are those of schema.sql, in both directions; nothing is beside."""
    rows = kept.cursor.execute(COLUMNS_SQL).fetchall()
    found = {name: (kind, comment or "") for name, kind, comment in rows}
    promised = inventory()
    both = set(found) & set(promised)
    others = int(kept.cursor.execute(OBJECTS_SQL).fetchone()[0])
    stray = strays(kept.cursor)
    return Seen.that(
        found == promised and others == 0 and not stray,
        columns=len(found),
        not_in_the_inventory=sorted(set(found) - set(promised)),
        missing_in_the_file=sorted(set(promised) - set(found)),
        type_differs=sorted(name for name in both if found[name][0] != promised[name][0]),
        comment_differs=sorted(name for name in both if found[name][1] != promised[name][1]),
        without_a_reason=sorted(name for name, (_, comment) in found.items() if comment.count("|") < 2),  # noqa: PLR2004
        other_objects=others,
        held_beside_the_columns=stray,
    )


def inventory() -> dict[str, tuple[str, str]]:
    """Return type and comment of every column that schema.sql declares, by reading schema.sql alone."""
    table, types, comments = "", {}, {}
    for line in schema_sql().splitlines():
        words = line.split()
        if line.startswith("create table"):
            table = words[2]
        elif line.startswith("    ") and table:
            types[f"{table}.{words[0]}"] = words[1].rstrip(",")
        elif line.startswith("comment on column"):
            text = line.partition(" is ")[2].strip().removesuffix(";")
            comments[words[3]] = text[1:-1].replace("''", "'")
    return {column: (kind, comments.get(column, "")) for column, kind in types.items()}


def every_row_has_k(kept: Kept) -> Seen:
    """R21: no row stands for fewer visitors than the k in force then; a part below k has its marker and no figure."""
    if kept.one("select (select count(*) from cell) + (select count(*) from committed_hour)") == 0:
        return not_applicable("No figure is kept yet.")
    small = " or ".join(
        f"{measure} between 1 and k - 1" for measure in ("pageviews", "visits", "visitors", "bounces", "events")
    )
    few = {
        "rows_below_k": kept.one(f"select count(*) from {_PARTED} where contributors < k"),
        "figures_below_k": kept.one(f"select count(*) from {_PARTED} where {small}"),
        "hours_below_k": _hours_below_k(kept),
        "rows_of_unclosed_parts": kept.one("select count(*) from cell anti join closed using (site, day, part)"),
        "rows_of_parts_below_k": kept.one(f"select count(*) from {_PARTED} where outcome <> 'kept'"),
        "drops_of_parts_below_k": kept.one(
            "select count(*) from dropped join closed using (site, day, part) where outcome = 'below_k'"
        ),
        "parts_with_two_markers": kept.one(
            "select count(*) from (select 1 from closed group by site, day, part having count(*) > 1)"
        ),
        "k_below_the_floor": kept.one("select count(*) from closed where k < $floor", floor=K_FLOOR),
    }
    return Seen.that(
        not any(few.values()),
        rows=kept.one("select count(*) from cell"),
        fewest_contributors=kept.one("select min(contributors) from cell"),
        smallest_k=kept.one("select min(k) from closed"),
        **few,
    )


def _hours_below_k(kept: Kept) -> int:
    """Count the committed hours below the k of their site: of its last part, else of its profile."""
    profiles = {profile.value: rules_for(profile).k for profile in Profile}
    thresholds = {name: profiles.get(profile, K_FLOOR) for name, profile in kept.rows(
        "select id, json_extract_string(record, '$.profile') from site"
    )}  # fmt: skip
    thresholds |= {
        name: min(k, thresholds.get(name, k))
        for name, k in kept.rows("select site, arg_max(k, (day, part)) from closed group by site")
    }
    hours = kept.rows("select site, least(contributors, visitors, pageviews) from committed_hour")
    return sum(least < thresholds.get(name, K_FLOOR) for name, least in hours)


@needs_cells
def times_are_coarse(kept: Kept) -> Seen:
    """R24: cells know a day, hours stand for totals only, and no cell has a finer time."""
    finer = kept.one(
        "select count(*) from duckdb_columns() where table_name in ('cell', 'committed_hour', 'dropped') "
        "and database_name = current_database() and (data_type like 'TIME%' or data_type = 'INTERVAL')"
    )
    odd = kept.odd("hour", lists.HOUR_FORM)
    paired = kept.one(
        "select count(*) from cell where filter_dimension = 'hour' or (dimension = 'hour' and filter_dimension <> '')"
    )
    overlapping = kept.one(
        "select count(*) from (select left(value, 2) < lag(right(value, 2)) over "
        "(partition by site, day, part order by value) as is_early from cell where dimension = 'hour') where is_early"
    )
    return Seen.that(
        finer == odd == paired == overlapping == 0,
        columns_with_a_time=finer,
        other_than_hours=odd,
        hours_that_are_not_totals=paired,
        overlapping_hours=overlapping,
    )


@needs_cells
def measures_are_safe(kept: Kept) -> Seen:
    """R26: bounces and seconds stand only where 2k visitors do, and a visit adds at most half an hour."""
    timed = f"select count(*) from {_PARTED} where (bounces is not null or seconds is not null)"
    # A line whose visitors are withheld has no witness beyond k; the canary run and the tests of the rule speak for it.
    few = kept.one(f"{timed} and visitors is not null and contributors < 2 * k")
    unwitnessed = kept.one(f"{timed} and visitors is null")
    # Where visits are withheld the cap is judged by what a line cannot have fewer of: page views of it.
    long = kept.one(
        "select count(*) from cell where seconds > $cap * coalesce(visits, pageviews, 0)", cap=VISIT_SECONDS_MAX
    )
    more = kept.one("select count(*) from cell where bounces > visits")
    pairs = kept.one(
        f"select count(*) from cell where filter_dimension <> '' and not {_IS_FLOOR} "
        "and coalesce(visits, visitors, bounces, seconds, events) is not null"
    )
    floors = kept.one(
        f"select count(*) from {_PARTED} where {_IS_FLOOR} and (visitors is null or visitors % k <> 0 "
        "or contributors <> least(visitors, 2 * k) "
        "or coalesce(pageviews, visits, bounces, seconds, events) is not null)"
    )
    return Seen.that(
        few == long == more == pairs == floors == 0,
        rows_below_2k_with_time=few,
        rows_with_time_and_withheld_visitors=unwitnessed,
        rows_above_the_cap=long,
        rows_with_more_bounces_than_visits=more,
        pairs_with_more_than_pageviews=pairs,
        floors_that_are_no_multiple_of_k=floors,
    )


def nothing_is_too_old(kept: Kept, *, today: date, retention_days: int) -> Seen:
    """R29: the oldest figure of each site is within the house's retention period, and within the site's own."""
    oldest = kept.rows(
        "select oldest.site, day, try_cast(json_extract_string(record, '$.retention_days') as integer) from ("
        "select site, min(day) as day from (select site, min(day) as day from cell group by site "
        "union all select site, min(day) from committed_hour group by site "
        "union all select site, min(day) from dropped group by site "
        "union all select site, min(day) from closed group by site) group by site"
        ") oldest left join site on site.id = oldest.site"
    )
    if not oldest:
        return not_applicable("No figure is kept yet.")
    ages = [(days := (today - day).days, days - min(retention_days, own or retention_days)) for _, day, own in oldest]
    over = sum(beyond > 0 for _, beyond in ages)
    return Seen.that(
        over == 0,
        oldest_days=max(days for days, _ in ages),
        retention_days=retention_days,
        sites_with_a_shorter_period=sum(0 < (own or 0) < retention_days for *_, own in oldest),
        sites_beyond_their_period=over,
    )


def running_day_is_not_kept(kept: Kept, *, today: date) -> Seen:
    """R25 on the file: no cell belongs to a part that is not closed, or to a day that has not come."""
    early = kept.one("select count(*) from cell where day > $today + 1", today=today)
    running = kept.one("select count(*) from cell anti join closed using (site, day, part)")
    return Seen.that(early == running == 0, cells_of_running_parts=running, cells_of_days_to_come=early)


def the_chain_holds(kept: Kept) -> Seen:
    """R54: each entry of the settings log fits the one before, and nothing is in force that it does not tell."""
    chain = check_chain(kept.cursor)
    unknown = kept.one(
        "select count(*) from closed where settings <> $zeros and settings not in (select hash from main.settings_log)",
        zeros=ZEROS,
    )
    before = kept.one("select count(*) from closed where settings = $zeros", zeros=ZEROS)
    unlogged = _sites_that_the_log_does_not_tell(kept)
    # What a part's head covers is everything up to it: the house's own settings have to be among that.
    houseless = kept.one(
        "select count(*) from closed join main.settings_log log on log.hash = closed.settings "
        "where log.seq < coalesce((select min(seq) from main.settings_log where site = ''), 0)"
    )
    if not chain.entries and not kept.one("select (select count(*) from site) + (select count(*) from closed)"):
        return not_applicable("No setting of a site was ever made.")
    return Seen.that(
        chain.holds and unknown == before == unlogged == houseless == 0,
        entries=chain.entries,
        entries_with_erased_contents=chain.erased,
        first_broken_entry=chain.first_broken,
        what_does_not_fit=chain.field,
        parts_with_unknown_settings=unknown,
        parts_without_settings=before,
        parts_without_settings_of_the_house=houseless,
        sites_changed_beside_the_log=unlogged,
        head=chain.head,
    )


def _sites_that_the_log_does_not_tell(kept: Kept) -> int:
    """Count the sites whose record is not what their entries add up to, from where a site of that name was erased."""
    rows = kept.rows("select site, made_at, change from settings_log where site <> '' order by seq")
    told = {name: states[-1].site for name, states in states_in(rows).items()}
    records = kept.rows("select id, record from site")
    return sum(told.get(name) is None or told[name] != _site(json.loads(record)) for name, record in records)


def _site(record: dict[str, Any]) -> Site | None:
    try:
        return msgspec.convert(record, Site, strict=False)
    except msgspec.ValidationError:
        return None


#: The checks that need the file alone.
CHECKS: Final[dict[str, Check]] = {
    "R3": no_query_is_kept,
    "R6": sources_are_hosts,
    "R8": places_are_countries,
    "R9": devices_are_closed_lists,
    "R20": columns_are_the_inventory,
    "R21": every_row_has_k,
    "R24": times_are_coarse,
    "R26": measures_are_safe,
    "R54": the_chain_holds,
}
