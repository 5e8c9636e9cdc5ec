"""What the dashboard needs of the house, as types: the front door hands the real ones in."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol

import msgspec

from collector.audit.report import Report
from collector.audit.shelf import Listed
from collector.clock import Clock
from collector.cursor import Cursor
from collector.model import Site
from collector.policy import Rules
from collector.settings import Settings
from dashboard.desk.file import Desk


class Reader(Protocol):
    """Lend cursors on the history, to which the snapshot of the running day is attached as `today`."""

    def read(self) -> AbstractContextManager[Cursor]:
        """Lend a cursor; nothing is ever written through it."""
        ...


class Sites(Protocol):
    """Name the sites that may be seen."""

    def __call__(self) -> list[Site]:
        """Return every site, by id."""
        ...


class AddSite(Protocol):
    """Take a new site into the house."""

    def __call__(self, site: Site, made_by: str) -> None:
        """Keep *site*; *made_by* goes into the settings log.

        Raises:
            TurvenError: The site is there already, or could not count rightly.
        """
        ...


class Snippet(Protocol):
    """Hold the lines that a site's pages need."""

    @property
    def html(self) -> str:
        """Return the script element."""
        ...

    @property
    def html_with_integrity(self) -> str:
        """Return the script element that names one version by its hash."""
        ...

    @property
    def csp(self) -> str:
        """Return what a Content-Security-Policy has to allow."""
        ...


class MakeSnippet(Protocol):
    """Make the lines that a site's pages need."""

    def __call__(self, site: Site) -> Snippet:
        """Return the snippet of *site*."""
        ...


class RulesOf(Protocol):
    """Tell what is in force."""

    def __call__(self, site: Site) -> Rules:
        """Return the rules in force for *site*."""
        ...


class ChangeSite(Protocol):
    """Change what a site has switched on."""

    def __call__(self, site_id: str, changes: dict[str, Any], *, made_by: str, reason: str) -> Site:
        """Return the site as it was set; what is looser than today waits for its next day.

        Raises:
            TurvenError: As the command `site set`.
        """
        ...


class Now(Protocol):
    """Tell who is there now."""

    def __call__(self, site_id: str) -> "Present | None":
        """Return what may be told of the last half hour; None where nothing may be told yet."""
        ...


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what may be told of the last half hour of a site, in multiples of k, renewed every five minutes.

    Attributes:
        visitors: Of the last five minutes; None below 2k.
        pageviews: Of the last thirty; None where fewer than 2k visitors made them.
        at: When it was counted; aware UTC.
    """

    visitors: int | None
    pageviews: int | None
    at: datetime


class House(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what the pages are made from.

    Attributes:
        reader: Lends cursors on the history.
        sites: Names every site; a page shows those that its reader may see (`Frame.sites`).
        rules: Tells what is in force for a site.
        desk: Holds accounts, keys, links, notes and mailings.
        settings: Of the house.
        clock: Tells which day runs.
    """

    reader: Reader
    sites: Sites
    add_site: AddSite
    change_site: ChangeSite
    snippet: MakeSnippet
    rules: RulesOf
    now: Now
    desk: Desk
    settings: Settings
    clock: Clock


class AuditRun(msgspec.Struct, frozen=True, kw_only=True):
    """Say how an audit goes that was started from the page, or how it ended.

    Attributes:
        started_at: Aware UTC.
        seconds: How long it has run, or ran.
        doing: What it said last, in its own words.
        error: Code of why it ended without a report; empty where it did not.
        message: What the program said of that, on one line.
        mark: The auditor's own; held in memory only, until the next run.
        mark_sha256: Fingerprint of it.
    """

    started_at: datetime
    seconds: int
    is_running: bool
    doing: str = ""
    error: str = ""
    message: str = ""
    mark: str = ""
    mark_sha256: str = ""


class Auditing(Protocol):
    """Gather evidence, keep it, and run the audit anew."""

    def live(self) -> Report:
        """Return what can be told at once: settings, inventory, settings log, and the checks that are quick."""
        ...

    def kept(self) -> Sequence[Listed]:
        """Return the reports that were kept, the newest first."""
        ...

    def report(self, name: str) -> Report | None:
        """Return a report that was kept, or None."""
        ...

    def run(self) -> AuditRun | None:
        """Return the audit that runs, or the last one that was started here; None where there was none."""
        ...

    def start(self, mark: str) -> None:
        """Start an audit; *mark* is searched for as well, unless it is empty.

        Raises:
            TurvenError: `audit_running`, `mark_too_short`, `mark_too_long`, `audit_unavailable`.
        """
        ...

    def paper(self, name: str, site: str, *, language: str) -> str | None:
        """Return a paper about a site as a page of its own, to print; None where there is no such paper or site."""
        ...

    def archive(self, report: Report, *, language: str) -> bytes:
        """Return *report* as a ZIP of evidence that can be checked off-line."""
        ...
