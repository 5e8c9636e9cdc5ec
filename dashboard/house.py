"""What the dashboard needs of the house, as types: the front door hands the real ones in."""

from contextlib import AbstractContextManager
from typing import Any, Protocol

from collector.model import Site
from collector.policy import Rules


class Cursor(Protocol):
    """Run a statement and give its rows."""

    def execute(self, query: str, parameters: object = ..., /) -> "Cursor":
        """Run *query* with its parameters, in order."""
        ...

    def fetchall(self) -> list[Any]:
        """Return every row."""
        ...


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
