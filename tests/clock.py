"""A clock that a test turns by hand; the same type as the house's."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Tell the time that it was set to."""

    def __init__(self, at: str = "2026-11-24T09:00:00+01:00") -> None:
        self.at = datetime.fromisoformat(at).astimezone(UTC)

    def now(self) -> datetime:
        """Return the instant as aware UTC."""
        return self.at

    def set(self, at: str) -> None:
        """Turn to an instant in ISO 8601 with an offset."""
        self.at = datetime.fromisoformat(at).astimezone(UTC)

    def forward(self, **units: float) -> None:
        """Turn on by `timedelta(**units)`."""
        self.at += timedelta(**units)
