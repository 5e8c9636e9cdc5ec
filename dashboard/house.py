"""What the dashboard needs of the house, as types: the front door hands the real ones in."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from collector.audit.report import Report
from collector.audit.shelf import Listed
from collector.cursor import Cursor
from collector.model import Site
from collector.policy import Rules


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
