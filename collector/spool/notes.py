"""Keep, beside the secrets of an epoch, what a process that comes after a crash has to know of it.

A note lies wherever the epoch's seal key does: in memory, and on disk too where a day is kept through a reboot.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from collector.errors import SpoolError
from collector.spool import files

#: Says which sites are being closed, until that is done.
CLOSING: Final = "closing"
#: Says what was counted: the history that says so too may be replaced by an older one.
COUNTED: Final = "counted"
#: Hundreds of closes of hundreds of sites take a tenth.
NOTE_BYTES_MAX: Final = 16 * 1024 * 1024


def read_note(places: Sequence[Path], name: str) -> bytes | None:
    """Return a note from the first of *places* that has it, or `None`.

    Raises:
        SpoolError: `key_damaged`.
    """
    found = (files.read_small(place / name, most=NOTE_BYTES_MAX) for place in places)
    return next((note for note in found if note is not None), None)


def write_note(places: Sequence[Path], name: str, note: bytes | None, *, random: Callable[[int], bytes]) -> bool:
    """Put a note into those of *places* that are there, or take it away; return whether there was one.

    Raises:
        SpoolError: `note_too_large`.
        OSError: It could not be written everywhere.
    """
    if note is not None and len(note) > NOTE_BYTES_MAX:
        raise SpoolError("note_too_large", "A day was closed too often for what is kept of that; end it.")
    there = [place for place in places if place.is_dir()]
    for place in there:
        if note is None:
            (place / name).unlink(missing_ok=True)
        else:
            files.write_small(place / name, note, random=random, replace=True)
        files.sync_folder(place)
    return bool(there)
