"""Die at the n-th step that reaches the disk: what a kill between any two of them leaves behind.

Wrapped are the calls by which this program changes files, and what it has the database commit, check and let go. What
DuckDB does inside one of them is its own; the kills at random moments fall there too.
"""

import os
import signal
from collections.abc import Callable
from typing import Any, Final

import duckdb

#: Calls that change what lies on the disk; before each of them the process can die.
_CALLS: Final = ("mkdir", "rename", "replace", "link", "unlink", "rmdir", "fsync", "ftruncate")
#: Calls that can die halfway, with half of the bytes written.
_WRITES: Final = ("write", "pwrite")
#: Of the statements that DuckDB is given, those after which something is kept that was not before.
_KEPT: Final = ("commit", "checkpoint")


def die() -> None:
    """End at once, as a power switch would end it."""
    os.kill(os.getpid(), signal.SIGKILL)


class Points:
    """Count the steps of this process that reach the disk, and die at one of them.

    Attributes:
        passed: What was done, in order.
    """

    def __init__(self, at: int | None) -> None:
        """Die before step *at*, counted from 0; `None` to count only."""
        self.passed: list[str] = []
        self._at = at

    def arm(self) -> None:
        """Count from here on, for the rest of this process's life."""
        for name in _CALLS:
            setattr(os, name, self._before(name, getattr(os, name)))
        for name in _WRITES:
            setattr(os, name, self._half(name, getattr(os, name)))
        connection: Any = duckdb.DuckDBPyConnection
        execute = connection.execute

        def run(this: Any, query: Any, *given: Any, **named: Any) -> Any:
            if isinstance(query, str) and query in _KEPT:
                self._pass(query)
            return execute(this, query, *given, **named)

        connection.execute = run

    def _before(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any, **named: Any) -> Any:
            # What changes nothing is no step: a folder that is there already, a file that is gone already.
            if name not in {"mkdir", "unlink"} or os.path.lexists(given[0]) == (name == "unlink"):
                self._pass(name)
            return call(*given, **named)

        return run

    def _half(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def run(descriptor: int, content: Any, *where: Any) -> Any:
            self._pass(name, lambda: call(descriptor, memoryview(content)[: len(content) // 2], *where))
            return call(descriptor, content, *where)

        return run

    def _pass(self, name: str, half: Callable[[], Any] = lambda: None) -> None:
        if len(self.passed) == self._at:
            half()
            die()
        self.passed.append(name)
