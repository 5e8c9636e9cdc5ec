"""Show on a terminal how far long work has come: one line, numbers only."""

import sys
from typing import Final, TextIO

_WIDTH: Final = 30
_WORDS: Final = {"read": "Reading", "closed": "Closing days"}


class Bar:
    """Draw a bar on a terminal; elsewhere say each kind of work once.

    Args:
        stream: Where it is shown; standard error where `None`.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown = ""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show that *done* of *total* (0 where nobody knows) of the work *what* is done."""
        word = _WORDS.get(what, what)
        if not self._stream.isatty():
            if self._shown != word:
                self._stream.write(f"{word} …\n")
                self._stream.flush()
            self._shown = word
            return
        if self._shown and self._shown != word:
            self._stream.write("\n")
        self._shown = word
        if total:
            full = _WIDTH * min(done, total) // total
            self._stream.write(f"\r{word} [{'#' * full}{'-' * (_WIDTH - full)}] {100 * done // total:3d} %")
        else:
            self._stream.write(f"\r{word} {done:,}")
        self._stream.flush()

    def end(self) -> None:
        """Leave the line as it is and begin a new one."""
        if self._shown and self._stream.isatty():
            self._stream.write("\n")
            self._stream.flush()
        self._shown = ""
