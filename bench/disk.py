"""How many bytes of history a pageview costs: a site of 10,000 visits a day, one year, profile standard."""

from typing import Final

from bench import past
from bench.servers import folder

DAYS: Final = 365


def measure() -> dict[str, float]:
    """Let a year be closed day after day, and look at the file."""
    with folder() as at:
        engine = past.house(at, days=DAYS, is_closed_daily=True)
        with engine.history.read() as cursor:
            found = cursor.execute(
                "select sum(pageviews) filter (dimension = 'total'), count(*), count(distinct day), "
                "sum(visits) filter (dimension = 'total') from cell where day < current_date"
            ).fetchone()
        engine.stop()
        size = engine.settings.history_file.stat().st_size
    if found is None:
        raise RuntimeError("no day was kept")
    pageviews, rows, days, visits = map(int, found)
    return {
        "bytes_per_pageview": size / pageviews,
        "bytes": size,
        "rows_per_day": rows / days,
        "visits_per_day": visits / days,
        "pageviews_per_day": pageviews / days,
    }
