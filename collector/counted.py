"""Remember beside an epoch's secrets what was counted of it, in case the history that says so goes back.

A part that was closed in the middle of its day is counted under the salt of then, and its events still lie in the spool
until the day ends. A history of before that close, put in the place of the newer one, knows nothing of it; to count
those events again together with the later ones, under two salts, would make five visitors ten.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from collector.errors import SpoolError
from collector.model import Epoch
from collector.spool.notes import COUNTED
from collector.spool.secrets import Secrets

#: Per site, how many bytes of each spool file were counted.
Positions = Mapping[str, Mapping[str, int]]


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Say how far the files of an epoch are counted for some sites, and are never to be counted again.

    Attributes:
        is_erased: Whether they were not counted but erased.
    """

    sites: tuple[str, ...]
    files: dict[str, int]
    is_erased: bool = False


_FORMAT: Final = list[Counted]


def counted_beside(secrets: Secrets, epoch: Epoch) -> list[Counted]:
    """Return what lies beside the secrets of *epoch*.

    Raises:
        SpoolError: `note_damaged`.
    """
    note = secrets.note(epoch, COUNTED)
    if note is None:
        return []
    try:
        return msgspec.json.decode(note, type=_FORMAT)
    except msgspec.DecodeError:
        raise SpoolError(
            "note_damaged",
            f"What was counted of {epoch.day} part {epoch.part} ({epoch.timezone}) cannot be read; remove the file "
            f"'{COUNTED}' beside its key if the history was not replaced since.",
        ) from None


def remember(secrets: Secrets, epoch: Epoch, counted: Counted) -> None:
    """Add to what lies beside the secrets of *epoch*.

    Raises:
        SpoolError: As `Secrets.keep_note`, `note_damaged`.
    """
    known = counted_beside(secrets, epoch)
    if counted not in known:
        secrets.keep_note(epoch, msgspec.json.encode([*known, counted]), COUNTED)


def united(*known: Positions) -> dict[str, dict[str, int]]:
    """Return for each site and file the furthest of what is known."""
    together: dict[str, dict[str, int]] = {}
    for positions in known:
        for site, files in positions.items():
            ends = together.setdefault(site, {})
            for file, end in files.items():
                ends[file] = max(ends.get(file, 0), end)
    return together


def positions_of(counted: Iterable[Counted]) -> dict[str, dict[str, int]]:
    """Return, per site, how far each file is counted."""
    return united(*(dict.fromkeys(each.sites, each.files) for each in counted))


def covers(known: Positions, site: str, files: Mapping[str, int]) -> bool:
    """Tell whether all that *files* hold of a site is known to be counted."""
    ends = known.get(site)
    return ends is not None and all(ends.get(file, 0) >= end for file, end in files.items())
