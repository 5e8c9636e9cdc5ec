"""The one shape of an error: a code for programs, a sentence for people.

A message never quotes request data. Foreign errors are re-raised `from None`, since most libraries quote the
value that they choke on.
"""

from typing import ClassVar


class TurvenError(Exception):
    """Report what went wrong and what to do about it."""

    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class SettingsError(TurvenError):
    """Refuse a setting, a site or a flag."""

    exit_code = 2


class PrivacyError(SettingsError):
    """Refuse what would weaken a promise below its floor."""


class StoreError(TurvenError):
    """Refuse to touch a file that is damaged, foreign, newer or in use."""

    exit_code = 3


class SpoolError(StoreError):
    """Refuse a spool file, seal key or salt that is damaged or missing."""
