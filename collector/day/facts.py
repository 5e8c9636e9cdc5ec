"""What one part of a site's day comes to per visitor: the input of the k rule. Personal data."""

from typing import Final

import msgspec
import polars as pl

from collector.model import Dimension

#: Additive measures, as columns of every frame of facts except pairs.
MEASURES: Final = ("pageviews", "visits", "bounces", "seconds", "events")


class Facts(msgspec.Struct):
    """Hold, for one site and part, what each visitor adds to each value of each dimension.

    Every frame has one row per visitor and value, never more. A visitor without a row adds nothing.

    Attributes:
        total: Columns: visitor u64, pageviews i64, visits i64, bounces i64, seconds i64, events i64.
        hours: As *total*, with `hour` u8 (0–23, local wall clock).
        values: Per dimension as *total*, with `value` str.
        pairs: Per pair of dimensions. Columns: visitor u64, a str, b str, pageviews i64.
        nested: Per pair of what tells where a visit came from, as *pairs* with all measures: what somebody of several
            sources and channels did cannot be had from the two breakdowns.
    """

    total: pl.DataFrame
    hours: pl.DataFrame
    values: dict[Dimension, pl.DataFrame]
    pairs: dict[tuple[Dimension, Dimension], pl.DataFrame]
    nested: dict[tuple[Dimension, Dimension], pl.DataFrame] = {}

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Facts sealed>"
