"""Small days made by hand: facts from a list of who did what."""

from collections.abc import Iterable, Mapping

import msgspec
import polars as pl

from collector.day.facts import MEASURES, Facts
from collector.model import Dimension
from collector.policy import Rules

_SINGLE = (Dimension.PAGE, Dimension.SOURCE, Dimension.BROWSER)


class View(msgspec.Struct, frozen=True):
    """Say how often one visitor saw a page, and how: each in a visit of its own unless told."""

    visitor: int
    page: str = "/"
    source: str = "(direct)"
    browser: str = "Chrome"
    hour: int = 8
    pageviews: int = 1
    bounces: int = 0
    seconds: int = 10
    events: int = 0


def rules(
    k: int,
    *,
    dimensions: tuple[Dimension, ...] = _SINGLE,
    pairs: tuple[tuple[Dimension, Dimension], ...] = (),
) -> Rules:
    """Return rules with a *k* as small as a test needs it."""
    return Rules(k=k, dimensions=dimensions, pairs=pairs, templates_only=False, ipv4_bits=24, ipv6_bits=48)


def views_of(counts: Mapping[str, int]) -> list[View]:
    """Return one view by one visitor each, as many as *counts* says per page."""
    pages = [page for page, count in counts.items() for _ in range(count)]
    return [View(visitor, page) for visitor, page in enumerate(pages, start=1)]


def facts(views: Iterable[View], *, pairs: tuple[tuple[Dimension, Dimension], ...] = ()) -> Facts:
    """Return the facts of a day on which these *views* were all."""
    rows = pl.DataFrame(
        [
            (v.visitor, v.page, v.source, v.browser, v.hour, v.pageviews, 1, v.bounces, v.seconds, v.events)
            for v in views
        ],
        schema={
            "visitor": pl.UInt64,
            **dict.fromkeys(("page", "source", "browser"), pl.String),
            "hour": pl.UInt8,
            **dict.fromkeys(MEASURES, pl.Int64),
        },
        orient="row",
    )
    added = [pl.col(measure).sum() for measure in MEASURES]
    return Facts(
        total=rows.group_by("visitor").agg(added),
        hours=rows.group_by("visitor", "hour").agg(added),
        values={d: rows.group_by("visitor", value=pl.col(d)).agg(added) for d in _SINGLE},
        pairs={
            (a, b): rows.group_by("visitor", a=pl.col(a), b=pl.col(b)).agg(pl.col("pageviews").sum()) for a, b in pairs
        },
    )
