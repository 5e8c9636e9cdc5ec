"""Fold the values of one breakdown until each line and what is left over holds k visitors or nobody."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import polars as pl

from collector.day.lines import PAGEVIEWS, Lines
from collector.model import OTHER, Dimension

#: Dimensions whose values are paths and fold into their section first.
PATHS: Final = frozenset({Dimension.PAGE, Dimension.ENTRY_PAGE, Dimension.EXIT_PAGE})
#: Dimensions that count what some visits did: what lies outside their lines is no part of the breakdown.
OPTIONAL: Final = frozenset({Dimension.EVENT, Dimension.PROPERTY})


def section(path: str) -> str:
    """Return the section that *path* folds into, or `(other)` where there is none.

    `/leerling/7/toets` folds into `/leerling/…`; a path of one segment has nothing above it.
    """
    first, slash, rest = path.removeprefix("/").partition("/")
    return f"/{first}/…" if path.startswith("/") and first and slash and rest else OTHER


def channels(sources: pl.DataFrame, channels: pl.DataFrame) -> dict[str, str]:
    """Return each source's channel, learned from the visitors who have one source and one channel.

    Where they differ the more frequent channel stands (ties by name). A source that only visitors with several
    sources have is missing, and folds straight into `(other)`.
    """
    pairs = (
        sources.filter(pl.len().over("visitor") == 1)
        .select("visitor", source="value")
        .join(channels.filter(pl.len().over("visitor") == 1).select("visitor", channel="value"), on="visitor")
    )
    counted = (
        pairs.group_by("source", "channel").len().sort(["source", "len", "channel"], descending=[False, True, False])
    )
    return dict(counted.unique("source", keep="first", maintain_order=True).select("source", "channel").iter_rows())


def fold_values(lines: Lines, *, k: int, upward: Callable[[str], str]) -> dict[str, str]:
    """Say under which name each value is counted.

    Args:
        lines: One breakdown, unfolded.
        k: Fewest distinct visitors behind a name.
        upward: The roll-up above a value; `(other)` where there is none.

    Returns:
        For each value itself, its roll-up or `(other)`. Every name stands for k visitors or more, `(other)` too,
        except where even everything together has fewer.
    """
    visitors = dict(zip(lines.names, lines.visitors.tolist(), strict=True))
    names = {v: v if count >= k and v != OTHER else OTHER for v, count in visitors.items()}
    names |= _rolled_up(lines, {v for v, name in names.items() if name == OTHER and v != OTHER}, k=k, upward=upward)
    while 0 < _held(lines, names, OTHER) < k:
        shown = {name: _held(lines, names, name) for name in set(names.values()) - {OTHER}}
        if not shown:
            break
        smallest = min(shown, key=lambda name: (shown[name], name))
        names = {v: OTHER if name == smallest else name for v, name in names.items()}
    return names


def _rolled_up(lines: Lines, small: set[str], *, k: int, upward: Callable[[str], str]) -> dict[str, str]:
    above = {value: upward(value) for value in small}
    names = {value: above.get(value, value) for value in lines.names}
    kept = {name for name in set(above.values()) - {OTHER} if _held(lines, names, name, only=small) >= k}
    return {value: name for value, name in above.items() if name in kept}


def _held(lines: Lines, names: Mapping[str, str], name: str, *, only: set[str] | None = None) -> int:
    """Count the distinct visitors whose values are counted under *name*."""
    chosen = np.array([names[v] == name and (only is None or v in only) for v in lines.names], dtype=np.bool_)
    return len(np.unique(lines.person[chosen[lines.line]])) if len(lines.line) else 0


def hold_seen(lines: Lines, names: Mapping[str, str], *, k: int) -> dict[str, str]:
    """Fold further names until what was seen of the running day leaves of no common name 1 … k−1 visitors.

    A value with k visitors may have been shown, in multiples of k, before it had to be folded. Whoever saw that knows
    that the common name has so many of it, and so how few others there can be.

    Args:
        lines: One breakdown, unfolded, that the running day shows.
        names: Under which name each value is counted so far.
        k: Fewest distinct visitors.

    Returns:
        *names* with further values in `(other)`.
    """
    names = dict(names)
    floors = {v: count // k * k for v, count in zip(lines.names, lines.visitors.tolist(), strict=True) if count >= k}
    while crowded := sorted(name for name in set(names.values()) if _is_narrowed(lines, names, name, floors, k=k)):
        shown = {name: _held(lines, names, name) for name in set(names.values()) - {OTHER}}
        rolled_up = [name for name in crowded if name != OTHER]
        if not shown:
            break
        folded = rolled_up[0] if rolled_up else min(shown, key=lambda name: (shown[name], name))
        names = {v: OTHER if name == folded else name for v, name in names.items()}
    return names


def _is_narrowed(lines: Lines, names: Mapping[str, str], name: str, floors: Mapping[str, int], *, k: int) -> bool:
    """Tell whether the values with k visitors behind a common name leave room for fewer than k others."""
    seen = [floors[value] for value, own in names.items() if own == name and value != name and value in floors]
    if not seen:
        return False
    chosen = np.array([names[value] == name for value in lines.names], dtype=np.bool_)[lines.line]
    pageviews = int(lines.amounts[chosen, PAGEVIEWS].sum())
    return 0 < _held(lines, names, name) - max(seen) < k or 0 < pageviews - sum(seen) < k
