"""Log to stderr, one line an event of the house, never a word of a request.

Only this module configures logging. Rooms that hold personal data cannot import it (see the walls).
"""

import logging
import sys
import time

_FORMAT = "%(asctime)s %(levelname)s %(name)s %(message)s"


def start_logging(level: str = "INFO") -> None:
    """Send log lines of *level* and above to stderr, in UTC."""
    handler = logging.StreamHandler(sys.stderr)
    formatter = logging.Formatter(_FORMAT, "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
