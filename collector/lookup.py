"""Open the operator's own table of countries."""

from collections.abc import Callable
from typing import Any

import maxminddb

from collector.errors import SettingsError
from collector.settings import Settings


def country_lookup(settings: Settings) -> Callable[[str], str] | None:
    """Open the operator's own country table, if there is one.

    Raises:
        SettingsError: `country_file_unreadable`.
    """
    if not settings.server.country_file:
        return None
    try:
        reader = maxminddb.open_database(settings.server.country_file)
    except (OSError, maxminddb.InvalidDatabaseError):
        raise SettingsError(
            "country_file_unreadable", f"server.country_file: {settings.server.country_file} is no .mmdb file."
        ) from None

    def look_up(address: str) -> str:
        record: Any = reader.get(address)
        return str(record.get("country", {}).get("iso_code", "")) if isinstance(record, dict) else ""

    return look_up
