"""Turn one site's part of the current day into cells, and nothing else."""

import msgspec

from collector.day.breakdowns import closing_facts, today_facts
from collector.day.current_day import CurrentDay
from collector.day.hours import Block, committed
from collector.day.small_groups import fold, snapshot
from collector.model import Cell
from collector.policy import Rules


class Closing(msgspec.Struct, frozen=True):
    """Hold what a part came to.

    Attributes:
        cells: `None` when fewer than k visitors came: no figure is kept.
        late: Reports of engagement without a pageview of the same visitor and page; counted as drops.
    """

    cells: list[Cell] | None
    late: int


def close_part(day: CurrentDay, site: str, rules: Rules) -> Closing:
    """Compute the cells of *site* under the k rule."""
    counted, late = closing_facts(day, site, rules)
    return Closing(fold(counted, rules), late)


def committed_blocks(day: CurrentDay, site: str, rules: Rules, *, hour: int, until: int) -> list[Block]:
    """Return the blocks of hours before the local *hour* that may be committed while the day runs.

    Args:
        day: The current day.
        site: Id of the site.
        rules: What is in force for the site.
        hour: The running local hour, 0–23.
        until: The instant at which it began, in seconds since 1970 UTC.
    """
    return committed(today_facts(day, site, until=until).hours, rules.k, before_hour=hour)


def running_cells(day: CurrentDay, site: str, rules: Rules, *, until: int) -> list[Cell]:
    """Return the snapshot of the running day up to an instant: what has k, in multiples of k."""
    return snapshot(today_facts(day, site, until=until), rules)
