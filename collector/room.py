"""Bound the memory of the running days: above the bound the largest site's part is closed early, never the process.

Rows of the running days, and what the close of the largest site takes beside them, have to fit. While they do not, what
comes waits in the spool.

Source: docs/decisions/0014-metrics.md
"""

from collections.abc import Mapping
from datetime import date
from typing import Final

from collector.day.current_day import CLOSE_BYTES_PER_BYTE
from collector.model import Epoch

#: Bytes by epoch and site.
Held = Mapping[tuple[Epoch, str], int]
_MEGABYTE: Final = 1024 * 1024
#: With less DuckDB answers no question.
_QUESTION_MEGABYTES_MIN: Final = 64


class Room:
    """Tell whether the running days have room for more."""

    def __init__(self, megabytes: int) -> None:
        self._megabytes = megabytes
        #: What questions about a day may take, as DuckDB writes it.
        self.of_questions = f"{max(megabytes, _QUESTION_MEGABYTES_MIN)}MiB"

    def is_full(self, held: Held) -> bool:
        """Tell whether nothing more should be taken in before a part is closed."""
        largest = max(held.values(), default=0)
        return sum(held.values()) + CLOSE_BYTES_PER_BYTE * largest > self._megabytes * _MEGABYTE

    def said_of(self, site: str, day: date) -> str:
        """Return the sentence that says which part is closed early."""
        return (
            f"day_memory_mb = {self._megabytes} is reached: the part of {site} on {day} closes early, the next follows."
        )

    def said_of_none(self) -> str:
        """Return the sentence that says that no part may be closed."""
        return (
            f"day_memory_mb = {self._megabytes} is reached, and no site has enough visitors to close its part: what "
            "comes waits in the spool, nothing is lost. Raise day_memory_mb and restart."
        )
