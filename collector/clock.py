"""The time, handed in: nothing inside the house looks at a clock by itself."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo


class Clock(Protocol):
    """Tell the time; tests hand in one that they can turn."""

    def now(self) -> datetime:
        """Return the instant as aware UTC."""
        ...


class SystemClock:
    """Tell the machine's time."""

    def now(self) -> datetime:
        """Return the instant as aware UTC."""
        return datetime.now(UTC)


def local_day(at: datetime, timezone: str) -> date:
    """Return the date that *at* falls on in *timezone*."""
    return at.astimezone(ZoneInfo(timezone)).date()


def local_hour(at: datetime, timezone: str) -> int:
    """Return the hour (0–23) on the wall clock; the repeated hour of an autumn night counts as one."""
    return at.astimezone(ZoneInfo(timezone)).hour


def day_starts_at(day: date, timezone: str) -> datetime:
    """Return the first instant of the local *day* as aware UTC."""
    return datetime.combine(day, time.min, ZoneInfo(timezone)).astimezone(UTC)


def day_ends_at(day: date, timezone: str) -> datetime:
    """Return the first instant after the local *day* as aware UTC (23, 24 or 25 hours after its start)."""
    return day_starts_at(day + timedelta(days=1), timezone)


def hour_starts_at(at: datetime, timezone: str) -> datetime:
    """Return the instant at which the local hour of *at* began, as aware UTC."""
    return at.astimezone(ZoneInfo(timezone)).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
