"""Let go of what is too old: the file is written anew without it, since DuckDB keeps the bytes of deleted rows.

Source: CNIL's 25 months for cells; hours 62 days. docs/decisions/0005-retention.md
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from collector.policy import HOUR_ROWS_DAYS_MAX, RETENTION_DAYS_MAX
from collector.store.history import History

#: How much more is let go than must be, so that the file is written anew once a week and not every day.
SLACK_DAYS: Final = 7
_DATED: Final = ("cell", "closed", "committed_hour", "dropped", "gap")
_KEPT_WHOLE: Final = ("schema_version", "site", "settings_log")


#: Every table, with the condition under which nothing of it goes.
EVERYTHING: Final = dict.fromkeys((*_KEPT_WHOLE, *_DATED), "true")
_OLDEST_SQL: Final = """
    select site, min(day), min(day) filter (is_hour) from (
        select site, day, false as is_hour from closed union all select site, day, false from dropped
        union all select site, day, true from committed_hour
        union all select site, day, true from cell where dimension = 'hour'
    ) group by site
"""


def let_go(history: History, *, today: date, retention_days: int, of_sites: Mapping[str, int] | None = None) -> bool:
    """Write the history anew without what reached its age; return whether that was due.

    Args:
        history: Open.
        today: The latest local day of the house.
        retention_days: How long cells are kept, at most.
        of_sites: How long those of a site are kept where that is shorter.

    Raises:
        StoreError: As `History.rebuild`; the file is then as it was.
    """
    limits = {site: min(days, retention_days) for site, days in (of_sites or {}).items() if days < retention_days}
    with history.read() as cursor:
        oldest = cursor.execute(_OLDEST_SQL).fetchall()
    is_due = False
    for site, day, hour in oldest:
        limit = limits.get(site, retention_days)
        is_due |= (today - day).days >= limit
        is_due |= hour is not None and (today - hour).days >= min(limit, HOUR_ROWS_DAYS_MAX)
    if is_due:
        keep = EVERYTHING | dict.fromkeys(_DATED, _after(today, limits, retention_days))
        keep["gap"] = f"day > date '{_first(today, retention_days)}'"
        hours = _after(today, limits, retention_days, most=HOUR_ROWS_DAYS_MAX)
        keep["committed_hour"] = hours
        keep["cell"] += f" and (dimension <> 'hour' or {hours})"
        history.rebuild(keep)
    return is_due


def _first(today: date, days: int) -> date:
    """Return the last day that goes where *days* are kept."""
    # A short period has little slack, or nothing would be left of it.
    return today - timedelta(days=max(1, days - min(SLACK_DAYS, days // 4)))


def _after(today: date, limits: Mapping[str, int], retention_days: int, *, most: int = RETENTION_DAYS_MAX) -> str:
    """Return the SQL condition of what stays: a site's own limit, the house's for all others, *most* for everybody."""
    cases = "".join(
        f" when '{site}' then date '{_first(today, min(days, most))}'"
        # A site's id has no quote: the schema refuses it.
        for site, days in sorted(limits.items())
    )
    others = f"date '{_first(today, min(retention_days, most))}'"
    return f"day > case site{cases} else {others} end" if cases else f"day > {others}"
