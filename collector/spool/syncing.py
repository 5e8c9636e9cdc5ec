"""Force spool files to the disk, in a thread of its own: a disk takes milliseconds, and an event loop has none to give.

Source: docs/decisions/0012-durability.md
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

from collector.errors import SpoolError


class Unsynced(NamedTuple):
    """Name a spool file to which something was written since it was last forced to the disk.

    Attributes:
        file: Hexadecimal id.
        descriptor: Of its own, which `sync` closes: the writer may let go of the file meanwhile.
    """

    file: str
    descriptor: int


def sync(unsynced: Sequence[Unsynced]) -> dict[str, SpoolError]:
    """Wait for the disk, and return which files it did not take, with why.

    What such a file holds may or may not be lost with the machine. It can still be read, and so is counted; nothing of
    it is acknowledged.
    """
    failures: dict[str, SpoolError] = {}
    for file, descriptor in unsynced:
        try:
            os.fdatasync(descriptor)
        except OSError as error:
            failures[file] = not_synced(error)
        finally:
            os.close(descriptor)
    return failures


def not_synced(error: OSError) -> SpoolError:
    """Return what to say of a disk that did not confirm a write."""
    return SpoolError(
        "spool_not_synced", f"The disk of the spool failed ({error.strerror}): what it did not confirm is refused."
    )
