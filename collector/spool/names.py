"""Name epochs, spool files and salts on disk, strictly and in a way that can be read back."""

import re
from datetime import date
from typing import Final

from collector.errors import SpoolError
from collector.model import Epoch

# A time zone of the IANA list: words parted by single slashes, and no dot, so the dot is free to stand for the slash.
_ZONE: Final = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*", re.ASCII)
_ZONE_CHARACTERS_MAX: Final = 64
_FOLDER: Final = re.compile(r"([A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*)~(\d{4}-\d{2}-\d{2})~([1-9]\d{0,4})", re.ASCII)
_SITE: Final = re.compile(r"[a-z0-9._-]{1,64}", re.ASCII)
_FILE: Final = re.compile(r"(\d{6,10})-([0-9a-f]{32})\.spool", re.ASCII)
#: Files in the making begin with this; a reader does not see them.
HIDDEN: Final = "."


def zone_name(timezone: str) -> str:
    """Return the file name of a time zone: `Europe/Amsterdam` becomes `Europe.Amsterdam`.

    Raises:
        SpoolError: `timezone_name` where it does not look like a name of the IANA list.
    """
    if len(timezone) > _ZONE_CHARACTERS_MAX or not _ZONE.fullmatch(timezone):
        raise SpoolError("timezone_name", "A time zone has a name such as Europe/Amsterdam.")
    return timezone.replace("/", ".")


def epoch_name(epoch: Epoch) -> str:
    """Return the folder name of an epoch: `Europe.Amsterdam~2026-11-24~1`."""
    return f"{zone_name(epoch.timezone)}~{epoch.day.isoformat()}~{epoch.part}"


def parse_epoch(name: str) -> Epoch | None:
    """Return the epoch of a folder name, or `None` for any other name."""
    match = _FOLDER.fullmatch(name)
    if match is None or len(match[1]) > _ZONE_CHARACTERS_MAX:
        return None
    try:
        day = date.fromisoformat(match[2])
    except ValueError:
        return None
    return Epoch(match[1].replace(".", "/"), day, int(match[3]))


def salt_name(site: str) -> str:
    """Return the file name of a site's salt.

    Raises:
        SpoolError: `site_name` where the id could not be a file name.
    """
    if not _SITE.fullmatch(site):
        raise SpoolError("site_name", "A site's id holds at most 64 lower-case letters, digits, dots, _ and -.")
    return f"salt.{site}"


def spool_file_name(sequence: int, file_id: bytes) -> str:
    """Return the name of a spool file; the sequence keeps files in the order in which they were begun."""
    return f"{sequence:06d}-{file_id.hex()}.spool"


def parse_spool_file(name: str) -> tuple[int, str] | None:
    """Return sequence and hexadecimal id of a spool file's name, or `None` for any other name."""
    match = _FILE.fullmatch(name)
    return (int(match[1]), match[2]) if match else None
