"""The sites in force, for processes that may not open the history: the house writes the list, collectors read it.

One file in the runtime directory, replaced as a whole. It holds what the gate and the tracker need to know of a site;
who its controller and officers are stays in the history.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from collector.errors import StoreError
from collector.model import Site
from collector.spool import files
from collector.spool.pointer import mark_of

ROSTER_NAME: Final = "roster"
#: Far above what the largest house needs; a file that is larger is not ours.
ROSTER_BYTES_MAX: Final = 64 * 1024 * 1024

#: How long what was looked up may be believed.
FRESH_SECONDS: Final = 0.01


def publish(path: Path, sites: list[Site], *, random: Callable[[int], bytes]) -> None:
    """Put the list in place, whole or not at all, readable for the user of the house alone.

    Raises:
        StoreError: `roster_unwritable`.
    """
    try:
        files.write_small(path, msgspec.json.encode([_needed(site) for site in sites]), random=random, replace=True)
    except OSError as error:
        raise StoreError(
            "roster_unwritable", f"{path} cannot be written ({error.strerror}); collectors go on with what they know."
        ) from None


def _needed(site: Site) -> Site:
    """Return *site* without the names and contacts that nothing outside of the history needs."""
    return msgspec.structs.replace(
        site, controller="", controller_contact="", privacy_officer="", legal_basis="", agreement="", agreed_on=None
    )


class Publisher:
    """Keep the published list as it should be; writes only where it is not."""

    def __init__(self, path: Path, *, sites: Callable[[], list[Site]], random: Callable[[int], bytes]) -> None:
        self._path = path
        self._sites = sites
        self._random = random
        self._lock = Lock()
        self._published: list[Site] | None = None
        self._mark: tuple[int, int, int] | None = None

    def publish(self) -> None:
        """Write the list where a site changed or the file vanished.

        Raises:
            StoreError: As `publish`.
        """
        # Rounds and commands come from several threads: the last list written is the last that was read.
        with self._lock:
            sites = self._sites()
            if sites == self._published and self._mark is not None and mark_of(self._path) == self._mark:
                return
            publish(self._path, sites, random=self._random)
            self._published, self._mark = sites, mark_of(self._path)


class Roster:
    """Know the sites that the house has published."""

    def __init__(self, path: Path, *, seconds: Callable[[], float] = time.monotonic) -> None:
        """Know nothing yet; `look` reads.

        Args:
            path: Of the published list.
            seconds: Tells how time passes.
        """
        self._path = path
        self._seconds = seconds
        self._looks_at = 0.0
        self._mark: tuple[int, int, int] | None = None
        self._sites: dict[str, Site] = {}

    def get(self, site_id: str) -> Site | None:
        """Return a site as it is in force; the same object until its settings change.

        What a command changed counts once it has answered: the file is looked at, though not for each of many events.
        """
        now = self._seconds()
        if now >= self._looks_at:
            self._looks_at = now + FRESH_SECONDS
            # Who looks by the clock says what is wrong with it.
            with suppress(StoreError):
                self.look()
        return self._sites.get(site_id)

    def look(self) -> bool:
        """Read the list anew where it was replaced; tell whether it was. A list that vanished stays in force.

        Raises:
            StoreError: `roster_damaged`: what was known before stays.
        """
        # Taken before the file is read: one that is replaced in between is then read again.
        mark = mark_of(self._path)
        if mark is None or mark == self._mark:
            return False
        sites = {site.id: site for site in self._read()}
        self._sites = {name: self._same(site) for name, site in sites.items()}
        self._mark = mark
        return True

    def _same(self, site: Site) -> Site:
        # The gate works out anew what a site means whenever it is another object.
        known = self._sites.get(site.id)
        return known if known == site and known is not None else site

    def _read(self) -> list[Site]:
        try:
            with open(files.open_existing(self._path), "rb") as file:  # noqa: PTH123 - a descriptor: no link is followed
                return msgspec.json.decode(file.read(ROSTER_BYTES_MAX), type=list[Site])
        except FileNotFoundError:
            return list(self._sites.values())
        except (OSError, msgspec.MsgspecError):
            raise StoreError(
                "roster_damaged", f"{self._path} cannot be read; the sites that were known before stay in force."
            ) from None
