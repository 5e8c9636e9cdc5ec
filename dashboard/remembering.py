"""Give what was read before without reading it again, for as long as nothing at all was written.

A reader who switches the figure of the chart, opens a panel or goes back asks for mostly the same. Everything is
forgotten as soon as the history or the snapshot of the running day changes: when an hour is committed, a day closed,
a site erased. So nothing is ever shown that the file does not hold, and what is erased is forgotten with it.

Source: docs/decisions/0017-many-sites.md
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Lock
from typing import Any, Final, Self

from collector.cursor import Cursor
from dashboard.house import Reader

#: Rows of all answers together, some 25 MB; what was asked for longest ago goes first.
ROWS_MAX: Final = 20_000

_Key = tuple[str, tuple[Hashable, ...]]


class Remembering:
    """Lend cursors that remember answers of the history as it is."""

    def __init__(self, reader: Reader, generation: Callable[[], int]) -> None:
        """Remember what *reader* gave.

        Args:
            reader: Reads what is not remembered.
            generation: Returns a number that is another one after each change.
        """
        self._reader = reader
        self._generation = generation
        self._lock = Lock()
        self._held: OrderedDict[_Key, list[Any]] = OrderedDict()
        self._rows = 0
        self._of = generation()

    @contextmanager
    def read(self) -> Iterator[Cursor]:
        """Lend a cursor; the history is touched when something is asked that is not remembered."""
        with ExitStack() as stack:
            yield _Remembered(self, lambda: stack.enter_context(self._reader.read()))

    def find(self, key: _Key) -> list[Any] | None:
        """Return the rows that are remembered for a statement, or None."""
        with self._lock:
            self._turn(self._generation())
            if key in self._held:
                self._held.move_to_end(key)
            return self._held.get(key)

    def generation(self) -> int:
        """Return which state of the history is read now."""
        return self._generation()

    def keep(self, key: _Key, rows: list[Any], *, read_in: int) -> None:
        """Remember the rows of a statement that was begun in the state *read_in*, unless that is past."""
        with self._lock:
            self._turn(self._generation())
            if read_in != self._of or key in self._held or len(rows) > ROWS_MAX:
                return
            self._held[key] = rows
            # An answer without a row takes room too.
            self._rows += 1 + len(rows)
            while self._rows > ROWS_MAX and len(self._held) > 1:
                _, oldest = self._held.popitem(last=False)
                self._rows -= 1 + len(oldest)

    def _turn(self, generation: int) -> None:
        if generation != self._of:
            self._held.clear()
            self._rows, self._of = 0, generation


class _Remembered:
    """Run a statement, or give what it gave before."""

    def __init__(self, memory: Remembering, begin: Callable[[], Cursor]) -> None:
        self._memory = memory
        self._begin = begin
        self._cursor: Cursor | None = None
        self._rows: list[Any] = []

    def execute(self, query: str, parameters: Any = (), /) -> Self:
        """Run *query* with its parameters."""
        key = (query, tuple(parameters))
        found = self._memory.find(key)
        if found is None:
            generation = self._memory.generation()
            if self._cursor is None:
                self._cursor = self._begin()
            found = self._cursor.execute(query, parameters).fetchall()
            self._memory.keep(key, found, read_in=generation)
        self._rows = list(found)
        return self

    def fetchall(self) -> list[Any]:
        """Return every row."""
        rows, self._rows = self._rows, []
        return rows

    def fetchone(self) -> Any:
        """Return the next row, or None after the last."""
        return self._rows.pop(0) if self._rows else None
