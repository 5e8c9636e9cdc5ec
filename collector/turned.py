"""Notice that the clock of the machine was turned, and say what that means for the days."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from collector.clock import local_day
from collector.model import Epoch

#: A round that comes so much later than the last, or before it, saw the clock turned, or the machine asleep.
JUMP: Final = timedelta(minutes=10)


class ClockWatch:
    """Notice that the machine's clock was turned. Events are counted in the order in which they come all the same.

    Args:
        jump: Time between two looks that is more than passes by itself.
    """

    def __init__(self, jump: timedelta = JUMP) -> None:
        self._jump = jump
        self._last: datetime | None = None
        self._ahead: set[Epoch] = set()

    def look(self, now: datetime, current: Iterable[Epoch]) -> list[str]:
        """Return what to say of the time since the last look.

        Args:
            now: The instant.
            current: Epochs in which events are counted now.
        """
        said = []
        last, self._last = self._last, now
        if last is not None and now - last > self._jump:
            said.append(f"The clock went from {_shown(last)} to {_shown(now)} at once: days that ended are closed now.")
        elif last is not None and now < last - timedelta(minutes=1):
            said.append(
                f"The clock was set back from {_shown(last)} to {_shown(now)}: no day is opened again, and nothing is "
                "counted twice."
            )
        ahead = {epoch for epoch in current if epoch.day > local_day(now, epoch.timezone)}
        said += [
            f"The clock is behind: events are counted in {epoch.day} ({epoch.timezone}), which had begun before it was "
            "set back."
            for epoch in sorted(ahead - self._ahead)
        ]
        self._ahead = ahead
        return said


def _shown(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(sep=" ", timespec="minutes")
