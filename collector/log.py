"""Log to stderr, one line an event of the house, never a word of a request.

Only this module configures logging. Rooms that hold personal data cannot import it (see the walls). Of other people's
loggers only lines that we know are passed on: their words may quote what they choked on, whatever the level. What
else they say becomes the place where they said it.
"""

import logging
import os
import sys
import time
from typing import Final

import msgspec

from collector.process import told

_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"
_OURS: Final = "turven"
#: What the server says of itself when it starts and stops; the numbers are a process's, the addresses our own.
_KNOWN: Final = frozenset(
    {
        "Started server process [%d]",
        "Waiting for application startup.",
        "Application startup complete.",
        "Uvicorn running on %s://%s:%d (Press CTRL+C to quit)",
        "Shutting down",
        "Waiting for application shutdown.",
        "Application shutdown complete.",
        "Finished server process [%d]",
        "Application startup failed. Exiting.",
        "Application shutdown failed. Exiting.",
        "Waiting for background tasks to complete. (CTRL+C to force quit)",
        "Waiting for connections to close. (CTRL+C to force quit)",
        "Invalid HTTP request received.",
    }
)


class Line(msgspec.Struct, frozen=True):
    """Hold all that leaves of a record.

    Attributes:
        at: UTC, to the second.
        level: As logging names it.
        process: Of several; empty where the house is one process.
        logger: Which part says it.
        message: A traceback as its kinds and places, a foreign message as the place it came from.
    """

    at: str
    level: str
    process: str
    logger: str
    message: str


class Formatter(logging.Formatter):
    """Write a record as a line of words."""

    def __init__(self, process: str = "") -> None:
        """Write lines of a process of that name; empty where the house is one process."""
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = self.line(record)
        process = f"[{line.process}] " if line.process else ""
        return f"{line.at} {line.level} {process}{line.logger} {line.message}"

    def line(self, record: logging.LogRecord) -> Line:
        """Return what may leave of a record."""
        is_ours = record.name.partition(".")[0] == _OURS or (isinstance(record.msg, str) and record.msg in _KNOWN)
        said = record.getMessage() if is_ours else _place_of(record)
        error = record.exc_info[1] if record.exc_info else None
        message = f"{said}: {told(error)}" if error else said
        at = time.strftime(_TIME, time.gmtime(record.created))
        return Line(at, record.levelname, self._process, record.name, message)


class JsonFormatter(Formatter):
    """Write a record as a line that is a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return msgspec.json.encode(self.line(record)).decode()


def _place_of(record: logging.LogRecord) -> str:
    """Return where a record was made; of an error of the system also its name, such as "Address already in use"."""
    place = f"at {record.filename}:{record.lineno}"
    if isinstance(record.msg, OSError) and record.msg.errno:
        return f"{os.strerror(record.msg.errno)} {place}"
    return place


def start_logging(level: str = "INFO", *, process: str = "", is_json: bool = False) -> None:
    """Send log lines of *level* and above to stderr, in UTC, and nothing beside them; each names its *process*."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(process) if is_json else Formatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # A record that cannot be written would be printed by logging itself, with all its values.
    logging.raiseExceptions = False
