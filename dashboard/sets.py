"""Read sets of visitors honestly: who reached a goal, or opened a page of a group, beside what else they had.

A pair with a set holds visitors only, rounded down to a multiple of k: it says "at least".
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from collector.model import Dimension
from collector.policy import Rules
from dashboard.metrics import Amount, Key, Tally

#: What visitors can be in by what they did, whatever else they had.
SETS: Final = frozenset({Dimension.GOAL, Dimension.GROUP})


def is_of_set(first: Dimension, second: Dimension) -> bool:
    """Tell whether a pair is one of a set with something beside it: visitors only, "at least"."""
    return first in SETS or second in SETS


def keeps(rules: Rules, first: Dimension, second: Dimension) -> bool:
    """Tell whether a pair of dimensions is kept, whichever of the two is filtered by."""
    kept = (*rules.pairs, *rules.set_pairs) if is_of_set(first, second) else rules.pairs
    return (first, second) in kept or (second, first) in kept


def with_conversion(tally: Tally, whole: int | None, *, is_at_least: bool) -> Tally:
    """Return a row's figures with the share of *whole* that its visitors are, where that can be said.

    Args:
        tally: The row's figures.
        whole: Visitors among whom they are, of the days on which the goal counted; None where that is not known.
        is_at_least: Whether some of the row's visitors are not in its figure.
    """
    reached = tally[Key.VISITORS]
    if not whole or reached.value is None:
        return tally | {Key.CONVERSION: Amount(cells=reached.cells)}
    cells = 2 if is_at_least or reached.is_partial else 1
    # More visitors than there were is a day on which the whole was withheld.
    return tally | {Key.CONVERSION: Amount(min(reached.numerator, whole), whole, 1, cells)}


def visitors_since(days: Mapping[date, Tally], first: date) -> int | None:
    """Return the visitors of the days from *first* on; None where there are none."""
    return sum(tally[Key.VISITORS].numerator for day, tally in days.items() if day >= first and tally) or None
