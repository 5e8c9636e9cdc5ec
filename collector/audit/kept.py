"""Checks on what is kept: plain SQL over a history file, the running house's or a copy."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final, Protocol

from collector.audit.finding import Result, Seen
from collector.store.migrate import schema_sql
from collector.store.sites import ZEROS, broken_entry

COLUMNS_SQL: Final = (
    "select table_name || '.' || column_name, comment from duckdb_columns() "
    "where schema_name = 'main' and not internal and database_name = current_database() order by all"
)
#: Texts of the closed lists hold no digit run of a version and no path; hosts hold no slash.
_FREE_TEXT: Final = "select count(*) from cell where dimension in {dimensions} and value <> '(other)' and {bad}"


class Cursor(Protocol):
    """Run a statement and give its rows."""

    def execute(self, query: str, parameters: Any = ..., /) -> Any:
        """Run *query*."""
        ...


def _one(cursor: Cursor, sql: str, parameters: list[Any] | None = None) -> Any:
    return cursor.execute(sql, parameters or []).fetchone()[0]


def no_query_is_kept(cursor: Cursor) -> Seen:
    """R3 on the file: no value holds a query, fragment, parameter, address or escape."""
    found = _one(cursor, "select count(*) from cell where regexp_matches(value || filter_value, '[?#;@%]')")
    return Seen.that(found == 0, values_with_query=found, rows=_one(cursor, "select count(*) from cell"))


def sources_are_hosts(cursor: Cursor) -> Seen:
    """R6: a source is a name or a host, never a path."""
    found = _one(cursor, _FREE_TEXT.format(dimensions="('source', 'channel')", bad="value like '%/%'"))
    kinds = _one(cursor, "select count(distinct value) from cell where dimension = 'source'")
    return Seen.that(found == 0, sources_with_a_path=found, distinct_sources=kinds)


def places_are_countries(cursor: Cursor) -> Seen:
    """R8: every place is two letters."""
    bad = "not regexp_full_match(value, '[A-Z]{2}|\\(unknown\\)')"
    found = _one(cursor, _FREE_TEXT.format(dimensions="('country')", bad=bad))
    return Seen.that(found == 0, finer_than_country=found)


def devices_are_closed_lists(cursor: Cursor) -> Seen:
    """R9: browser, system and device hold no version and few distinct values."""
    bad = "regexp_matches(value, '[0-9/]')"
    found = _one(cursor, _FREE_TEXT.format(dimensions="('browser', 'os', 'device')", bad=bad))
    kinds = _one(
        cursor, "select count(distinct (dimension, value)) from cell where dimension in ('browser', 'os', 'device')"
    )
    return Seen.that(found == 0, values_with_a_version=found, distinct_values=kinds)


def columns_are_the_inventory(cursor: Cursor) -> Seen:
    """R20: the file's columns and comments are those of schema.sql, in both directions."""
    kept = dict(cursor.execute(COLUMNS_SQL).fetchall())
    promised = inventory()
    return Seen.that(
        kept == promised,
        columns=len(kept),
        not_in_the_inventory=sorted(set(kept) - set(promised)),
        missing_in_the_file=sorted(set(promised) - set(kept)),
        comment_differs=sorted(name for name in set(kept) & set(promised) if kept[name] != promised[name]),
    )


def inventory() -> dict[str, str]:
    """Return every column that schema.sql declares, with its comment, by reading schema.sql alone."""
    table, columns, comments = "", [], {}
    for line in schema_sql().splitlines():
        words = line.split()
        if line.startswith("create table"):
            table = words[2]
        elif line.startswith("    ") and table:
            columns.append(f"{table}.{words[0]}")
        elif line.startswith("comment on column"):
            text = line.partition(" is ")[2].strip().removesuffix(";")
            comments[words[3]] = text[1:-1].replace("''", "'")
    return {column: comments.get(column, "") for column in columns}


def every_row_has_k(cursor: Cursor) -> Seen:
    """R21: no row of a part has fewer contributors than the k in force then, and a part below k has no row."""
    below = _one(cursor, "select count(*) from cell join closed using (site, day, part) where contributors < k")
    orphans = _one(cursor, "select count(*) from cell anti join closed using (site, day, part)")
    figures_below = _one(
        cursor, "select count(*) from cell join closed using (site, day, part) where outcome <> 'kept'"
    )
    hours = _one(cursor, "select count(*) from committed_hour where contributors < 5 or visitors < 5")
    least = _one(cursor, "select min(contributors) from cell")
    few = _one(cursor, "select count(*) from cell join closed using (site, day, part) where visitors < k")
    return Seen.that(
        below == orphans == figures_below == hours == few == 0,
        rows=_one(cursor, "select count(*) from cell"),
        rows_below_k=below,
        visitors_below_k=few,
        hours_below_floor=hours,
        rows_of_unclosed_parts=orphans,
        rows_of_parts_below_k=figures_below,
        fewest_contributors=least,
    )


def times_are_coarse(cursor: Cursor) -> Seen:
    """R24: cells know a day, hours stand for totals only, and no cell has a finer time."""
    finer = _one(
        cursor,
        "select count(*) from duckdb_columns() where table_name in ('cell', 'committed_hour', 'dropped') "
        "and database_name = current_database() and (data_type like 'TIME%' or data_type = 'INTERVAL')",
    )
    hours = _one(
        cursor,
        "select count(*) from cell where (dimension = 'hour') <> regexp_full_match(value, '[0-2][0-9]-[0-2][0-9]') "
        "and (dimension = 'hour' or filter_dimension = 'hour') or (dimension = 'hour' and filter_dimension <> '')",
    )
    return Seen.that(finer == hours == 0, columns_with_a_time=finer, hours_that_are_not_totals=hours)


def measures_are_safe(cursor: Cursor) -> Seen:
    """R26: bounces and seconds stand only where 2k visitors do, and a visit adds at most half an hour."""
    few = _one(
        cursor,
        "select count(*) from cell join closed using (site, day, part) "
        "where contributors < 2 * k and (bounces is not null or seconds is not null)",
    )
    long = _one(cursor, "select count(*) from cell where seconds > 1800 * visits")
    pairs = _one(
        cursor,
        "select count(*) from cell where filter_dimension <> '' and "
        "coalesce(visits, visitors, bounces, seconds, events) is not null",
    )
    return Seen.that(
        few == long == pairs == 0, rows_below_2k_with_time=few, rows_above_the_cap=long, pairs_with_more=pairs
    )


def nothing_is_too_old(cursor: Cursor, *, today: date, retention_days: int) -> Seen:
    """R29: the oldest cell is within the retention period."""
    oldest = _one(cursor, "select min(day) from cell")
    days = (today - oldest).days if oldest else 0
    return Seen.that(days <= retention_days, oldest_days=days, retention_days=retention_days)


def the_chain_holds(cursor: Cursor) -> Seen:
    """R54: each entry of the settings log fits the one before, and each closed part names one that is there."""
    broken = broken_entry(cursor)  # type: ignore[arg-type]
    entries = _one(cursor, "select count(*) from settings_log")
    unknown = _one(
        cursor,
        "select count(*) from closed where settings <> ? and settings not in (select hash from settings_log)",
        [ZEROS],
    )
    head = cursor.execute("select hash from settings_log order by seq desc limit 1").fetchone()
    return Seen.that(
        broken is None and unknown == 0,
        entries=entries,
        first_broken_entry=broken,
        parts_with_unknown_settings=unknown,
        head=head[0] if head else ZEROS,
    )


def not_applicable(why: str) -> Seen:
    """Return that a check has nothing to look at."""
    return Seen(Result.NOT_APPLICABLE, {"why": why})


#: The checks that need the file alone.
CHECKS: Final[dict[str, Callable[[Cursor], Seen]]] = {
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
