"""Serve a scratch house whose clock the audit moves on, so that its day ends while somebody watches.

`python -m turven.stepped CONFIG SECONDS` starts that many seconds ahead of the machine; each SIGUSR1 adds an hour. All
but the clock is what `turven serve` runs. It is no command: a house that counts visitors goes by the machine's clock.
"""

import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from collector.audit.scratch import STEP
from collector.log import start_logging
from collector.process import harden
from collector.settings import load_settings
from turven.compose import run_house


class SteppedClock:
    """Tell the machine's time and what it was moved on by."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        """Return the instant as aware UTC."""
        return datetime.now(UTC) + self._ahead

    def step(self, *_: object) -> None:
        """Move on by an hour."""
        self._ahead += STEP


def main(config: Path, seconds: float) -> None:
    """Serve until told to stop."""
    clock = SteppedClock(timedelta(seconds=seconds))
    signal.signal(signal.SIGUSR1, clock.step)
    harden()
    settings = load_settings(config)
    start_logging(settings.log_level, is_json=settings.logs_json)
    run_house(settings, clock=clock, config=config)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
