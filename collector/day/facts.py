"""What one part of a site's day comes to per visitor: the input of the k rule. Personal data."""

from typing import Final

import msgspec
import polars as pl

from collector.model import Dimension, Target

#: Additive measures, as columns of every frame of facts except pairs.
MEASURES: Final = ("pageviews", "visits", "bounces", "seconds", "events")


class Declared(msgspec.Struct, frozen=True):
    """Name a set of visitors: those who reached its targets one after another within the day.

    Attributes:
        dimension: Goal, group or step of a funnel.
        value: Under which it is kept.
        targets: One, but for the later steps of a funnel.
    """

    dimension: Dimension
    value: str
    targets: tuple[Target, ...]


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
        declared: The sets of visitors that the controller declared, in order; rows name them by their place here.
        reached: Who reached which set. Columns: visitor u64, number u32, pageviews i64, visits i64, events i64, of what
            reached it; 0 for a set of several steps.
        beside: Per kind of set and dimension, what the visits say in which a set was reached; for pages, what was seen
            next. Columns: visitor u64, a u32 (number) or str (page), value str.
        together: Per two dimensions of which one lies in the other, what such visits have together. Columns: number
            u32, a str, b str.
    """

    total: pl.DataFrame
    hours: pl.DataFrame
    values: dict[Dimension, pl.DataFrame]
    pairs: dict[tuple[Dimension, Dimension], pl.DataFrame]
    nested: dict[tuple[Dimension, Dimension], pl.DataFrame] = {}
    declared: tuple[Declared, ...] = ()
    reached: pl.DataFrame | None = None
    beside: dict[tuple[Dimension, Dimension], pl.DataFrame] = {}
    together: dict[tuple[Dimension, Dimension], pl.DataFrame] = {}

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Facts sealed>"
