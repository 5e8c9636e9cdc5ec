"""Join hours into blocks of k visitors, always one block behind, so that the evening's last few are not left over.

Source: docs/decisions/0004-small-groups.md
"""

import msgspec
import numpy as np
import polars as pl
from numpy.typing import NDArray

from collector.day.lines import Ints
from collector.model import OTHER


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """Describe consecutive local hours in which at least k visitors came.

    Attributes:
        first_hour: 0–23.
        last_hour: 0–23, included.
        pageviews: Exact.
        visitors: Distinct visitors, rounded down to a multiple of k.
        contributors: min(*visitors*, 2k).
    """

    first_hour: int
    last_hour: int
    pageviews: int
    visitors: int
    contributors: int

    @property
    def name(self) -> str:
        """Return the block as `HH-HH`, the second being the hour in which it is over."""
        return f"{self.first_hour:02}-{self.last_hour + 1:02}"


def committed(hours: pl.DataFrame, k: int, *, before_hour: int) -> list[Block]:
    """Return the blocks that may be published while the day runs: those after which another one has reached k.

    What was returned once is returned again for every later hour, whatever comes: a block depends on its own hours
    and on the next block being full, never on what follows.

    Args:
        hours: Per visitor and hour. Columns: visitor u64, hour u8, pageviews i64, …
        k: Fewest distinct visitors of a block.
        before_hour: The running local hour; only hours before it are over.
    """
    over = hours.filter(pl.col("hour") < before_hour)
    return [_block(over, first, last, k=k) for first, last in _full(over, k=k)[:-1]]


def closing(hours: pl.DataFrame, k: int) -> list[Block]:
    """Return all blocks of a day that is over: the committed ones, then the pending one with what came after it."""
    full = _full(hours, k=k)
    if not full:
        return []
    first, last = full[-1]
    if len(hours.filter(pl.col("hour") > last)):
        full[-1] = (first, 23)
    return [_block(hours, first, last, k=k) for first, last in full]


def named(hours: pl.DataFrame, blocks: list[Block]) -> pl.DataFrame:
    """Return *hours* as a breakdown's frame, `value` being the block; hours outside the blocks are `(other)`.

    One row per visitor and block.
    """
    name = pl.lit(OTHER)
    for block in blocks:
        inside = pl.col("hour").is_between(block.first_hour, block.last_hour)
        name = pl.when(inside).then(pl.lit(block.name)).otherwise(name)
    return hours.with_columns(value=name).drop("hour").group_by("visitor", "value").sum()


def _full(hours: pl.DataFrame, *, k: int) -> list[tuple[int, int]]:
    """Return first and last hour of each block that is full by itself.

    Full means k visitors who saw pages, none of whom made more than half of the pageviews: a block that is out cannot
    be taken back, so it has to stand by itself. A block begins where the last one ended, except that empty hours before
    an hour that is full alone are left out; elsewhere the first hour of a block would say that somebody was there.
    """
    own = hours["hour"].to_numpy()
    visitors, views = hours["visitor"].to_numpy(), hours["pageviews"].to_numpy()
    by_hour = {hour: (visitors[own == hour], views[own == hour]) for hour in np.unique(own).tolist()}
    blocks: list[tuple[int, int]] = []
    start = 0
    for hour in by_hour:
        inside = [by_hour[each] for each in range(start, hour + 1) if each in by_hour]
        if len(inside) > 1 and _is_full(inside, k=k):
            blocks.append((start, hour))
        elif len(inside) == 1 and _is_full(inside, k=k):
            blocks.append((hour, hour))
        else:
            continue
        start = hour + 1
    return blocks


def _is_full(parts: list[tuple[NDArray[np.uint64], Ints]], *, k: int) -> bool:
    visitors, amounts = (np.concatenate(each) for each in zip(*parts, strict=True))
    _, who = np.unique(visitors, return_inverse=True)
    views = np.bincount(who, weights=amounts)
    return int((views > 0).sum()) >= k and 2 * int(views.max() or 0) <= int(views.sum())


def _block(hours: pl.DataFrame, first: int, last: int, *, k: int) -> Block:
    inside = hours.filter(pl.col("hour").is_between(first, last))
    floored = inside["visitor"].n_unique() // k * k
    return Block(
        first_hour=first,
        last_hour=last,
        pageviews=int(inside["pageviews"].sum()),
        visitors=floored,
        contributors=min(floored, 2 * k),
    )
