"""Write the settings of a scratch house: those under audit, in folders of its own."""

import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

from collector.settings import Limits, Privacy, Public

#: A trusted proxy of the scratch house names the country in it.
COUNTRY_HEADER: Final = "CDN-Country"
#: The only peer whose headers the scratch house believes.
TRUSTED_PEER: Final = "127.0.0.1"
_NOON: Final = 12


def scratch_toml(
    folder: Path, *, port: int, zone: str, privacy: Privacy, public: Public, limits: Limits, recipient: str
) -> str:
    """Return the settings file of a scratch house: the settings under audit, and all else below *folder*."""
    companies = ", ".join(
        f"{{ name = {_text(one.name)}, task = {_text(one.task)}, country = {_text(one.country)} }}"
        for one in public.sub_processors
    )
    told = [name for name in public.__struct_fields__ if name != "sub_processors"]
    return "\n".join(
        (
            f"data_dir = {_text(str(folder / 'data'))}",
            f"runtime_dir = {_text(str(folder / 'runtime'))}",
            f"timezone = {_text(zone)}",
            'log_level = "DEBUG"',
            # Compressed strings could not be seen in the bytes of the file.
            "is_uncompressed = true",
            "[server]",
            f'listen = "127.0.0.1:{port}"',
            f'trusted_proxies = ["{TRUSTED_PEER}/32"]',
            f"country_header = {_text(COUNTRY_HEADER)}",
            "[limits]",
            *(f"{name} = {getattr(limits, name)}" for name in limits.__struct_fields__),
            "[privacy]",
            *(f"{name} = {_text(getattr(privacy, name))}" for name in privacy.__struct_fields__),
            "[public]",
            *(f"{name} = {_text(getattr(public, name))}" for name in told),
            f"sub_processors = [{companies}]",
            "[backup]",
            f"recipient = {_text(recipient)}",
        )
    )


def _text(value: object) -> str:
    """Write a text or a number for TOML, which takes no halves of surrogate pairs."""
    return json.dumps(value, ensure_ascii=False)


def until(begins_at: time) -> timedelta:
    """Return how far ahead a clock of today has to be set to show a time of the day, in UTC."""
    now = datetime.now(UTC)
    return datetime.combine(now.date(), begins_at, UTC) - now


def zone_of_noon() -> str:
    """Return a time zone in which it is about noon: a day that turned in the middle of a run would spoil it."""
    east = _NOON - datetime.now(UTC).hour
    # The zones of `Etc` are named by what to add to get UTC: west is plus.
    return f"Etc/GMT{-east:+d}" if east else "Etc/UTC"
