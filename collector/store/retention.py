"""Let go of what is too old: the file is written anew without it, since DuckDB keeps the bytes of deleted rows.

Source: CNIL's 25 months for cells; hours 62 days. docs/decisions/0005-retention.md
"""

from datetime import date, timedelta
from typing import Final

from collector.policy import HOUR_ROWS_DAYS_MAX
from collector.store.history import History

#: How much more is let go than must be, so that the file is written anew once a week and not every day.
SLACK_DAYS: Final = 7
_DATED: Final = ("cell", "closed", "committed_hour", "dropped", "gap")
_KEPT_WHOLE: Final = ("schema_version", "site", "settings_log")


def let_go(history: History, *, today: date, retention_days: int) -> bool:
    """Write the history anew without what reached its age; return whether that was due.

    Args:
        history: Open.
        today: The latest local day of the house.
        retention_days: How long cells are kept, at most.

    Raises:
        StoreError: As `History.rebuild`; the file is then as it was.
    """
    with history.read() as cursor:
        oldest = cursor.execute("select min(day) from closed").fetchone()
        hours = cursor.execute("select min(day) from cell where dimension = 'hour'").fetchone()
        committed = cursor.execute("select min(day) from committed_hour").fetchone()
    oldest_hour = min((row[0] for row in (hours, committed) if row and row[0]), default=None)
    is_due = any(
        day is not None and (today - day).days >= limit
        for day, limit in ((oldest[0] if oldest else None, retention_days), (oldest_hour, HOUR_ROWS_DAYS_MAX))
    )
    if is_due:
        first = today - timedelta(days=max(1, retention_days - SLACK_DAYS))
        first_hour = max(first, today - timedelta(days=HOUR_ROWS_DAYS_MAX - SLACK_DAYS))
        keep = dict.fromkeys(_KEPT_WHOLE, "true") | dict.fromkeys(_DATED, f"day > date '{first}'")
        keep["committed_hour"] = f"day > date '{first_hour}'"
        keep["cell"] += f" and (dimension <> 'hour' or day > date '{first_hour}')"
        history.rebuild(keep)
    return is_due
