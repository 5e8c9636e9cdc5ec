"""Look where a history could hold what no column is meant for: comments, defaults, schemas, and texts of a free form.

The inventory names columns. What lies beside them, or inside a text whose form the database does not check, would pass
it: a name in the comment of a table, an address in a JSON that says how far a file was counted.
"""

import json
import re
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from collector.cursor import Cursor
from collector.model import Site
from collector.store.copy import read_nothing

#: What a spool file is called, in a marker that says how far it was counted.
_SPOOL_FILE: Final = re.compile(r"(\d{6,10}-)?[0-9a-f]{32}(\.spool)?", re.ASCII)
#: What the house's own entries of the settings log tell.
_OF_THE_HOUSE: Final = frozenset(
    {
        "address_bits", "contact", "country_from", "floors", "hour_rows_days", "k", "keep_day_through_reboot",
        "limits", "mail_server", "operator", "privacy_officer", "profile", "retention_days", "sub_processors",
        "timezone",
    }
)  # fmt: skip
_OF_A_SITE: Final = frozenset(Site.__struct_fields__)
#: How an entry tells that a site was erased.
_OF_AN_ERASE: Final = frozenset({"erased", "spool"})
_OURS: Final = "not internal and database_name = current_database()"
#: Names of what is beside the columns; a healthy file has the same as one that was just made.
_BESIDE: Final = (
    f"select 'comment of ' || table_name from duckdb_tables() where {_OURS} and comment is not null union all "
    f"select 'default of ' || table_name || '.' || column_name from duckdb_columns() where {_OURS} "
    "and column_default is not null union all "
    f"select 'schema ' || schema_name from duckdb_schemas() where {_OURS} union all "
    "select 'rule of ' || table_name || ': ' || constraint_text from duckdb_constraints() "
    "where database_name = current_database()"
)
#: Texts that have to be of one form each, with where they stand.
_TEXTS: Final = (
    ("gap.timezone", "select distinct timezone from gap", lambda text: text in available_timezones()),
    ("closed.spool", "select distinct spool from closed", lambda text: _counts_files(json.loads(text))),
    ("site.record", "select record from site", lambda text: set(json.loads(text)) <= _OF_A_SITE),
    ("settings_log.change", "select change from settings_log where site = '' and change is not null",
     lambda text: set(json.loads(text)) <= _OF_THE_HOUSE),
    ("settings_log.change", "select change from settings_log where site <> '' and change is not null",
     lambda text: set(json.loads(text)) <= _OF_A_SITE or set(json.loads(text)) <= _OF_AN_ERASE),
)  # fmt: skip


def strays(cursor: Cursor) -> list[str]:
    """Return where a history holds what nobody promised, by place; none in a healthy one."""
    found = {name for (name,) in cursor.execute(_BESIDE).fetchall()}
    differ = {name.partition(": ")[0] for name in found ^ _made()}
    odd = {place for place, sql, fits in _TEXTS if not all(_fits(fits, row[0]) for row in _rows(cursor, sql))}
    return sorted(differ | odd)


@cache
def _made() -> frozenset[str]:
    with read_nothing() as cursor:
        return frozenset(name for (name,) in cursor.execute(_BESIDE).fetchall())


def _rows(cursor: Cursor, sql: str) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = cursor.execute(sql).fetchall()
    return rows


def _fits(fits: Any, text: str) -> bool:
    try:
        return bool(fits(text))
    except (ValueError, TypeError):
        return False


def _counts_files(said: Any) -> bool:
    return isinstance(said, dict) and all(
        _SPOOL_FILE.fullmatch(file) and type(end) is int for file, end in said.items()
    )
