"""Say who looks and what they may: roles, rights and sites, whatever way they came in by."""

from enum import StrEnum
from typing import Final

import msgspec


class Role(StrEnum):
    """Name what somebody does here."""

    VIEWER = "viewer"
    AUDITOR = "auditor"
    CONTROLLER = "controller"
    OPERATOR = "operator"


class Right(StrEnum):
    """Name what a page or an address asks of who opens it.

    Attributes:
        ANYBODY: Nothing: signing in, and files that pages need.
        FIGURES: Figures of a site that the account is allowed to see.
        EXPORT: Taking figures away as a file.
        NOTES: Writing notes at a day.
        SHARING: Making links and mailings.
        SETTINGS: Seeing and deciding what a site has switched on, and keys for programs.
        EVIDENCE: Seeing what an audit saw.
        AUDIT: Starting an audit.
        SITES: Taking a site in.
        STAFF: Making and changing accounts.
        OWN: One's own account: password, second step, language, and where one is signed in.
    """

    ANYBODY = "anybody"
    FIGURES = "figures"
    EXPORT = "export"
    NOTES = "notes"
    SHARING = "sharing"
    SETTINGS = "settings"
    EVIDENCE = "evidence"
    AUDIT = "audit"
    SITES = "sites"
    STAFF = "staff"
    OWN = "own"


class Way(StrEnum):
    """Name how somebody came in."""

    #: On the house's own machine, where the settings ask for no accounts.
    MACHINE = "machine"
    ACCOUNT = "account"
    #: A program with a key.
    TOKEN = "token"  # noqa: S105 - a word, no secret
    #: A secret link, or a page that shows a site inside itself.
    LINK = "link"
    #: Who has not signed in, where the settings ask for accounts.
    NOBODY = "nobody"


RIGHTS: Final = {
    Role.VIEWER: frozenset({Right.ANYBODY, Right.OWN, Right.FIGURES, Right.EXPORT}),
    Role.AUDITOR: frozenset({Right.ANYBODY, Right.OWN, Right.FIGURES, Right.EXPORT, Right.EVIDENCE, Right.AUDIT}),
    Role.CONTROLLER: frozenset(
        {
            Right.ANYBODY,
            Right.OWN,
            Right.FIGURES,
            Right.EXPORT,
            Right.NOTES,
            Right.SHARING,
            Right.SETTINGS,
            Right.EVIDENCE,
            Right.AUDIT,
        }
    ),
    Role.OPERATOR: frozenset(Right),
}


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """Hold who looks.

    Attributes:
        name: Of the account, or what a key or link is called; stands in the settings log and beside notes.
        rights: What they may do.
        sites: Ids of the sites whose figures and settings they may see; None for every site.
        form_key: What each of their forms has to bring along; empty where nobody signed in.
        language: That they chose for themselves; empty for what the browser prefers.
        must_set_up: Whether they have to set up a second step before anything else.
    """

    name: str
    way: Way
    rights: frozenset[Right]
    role: Role | None = None
    sites: frozenset[str] | None = None
    form_key: str = ""
    language: str = ""
    must_set_up: bool = False

    def may(self, right: Right, site: str | None = None) -> bool:
        """Tell whether they may do that, and with that site."""
        return right in self.rights and (site is None or self.sites is None or site in self.sites)


#: What the settings log says of a change by an account of the controller's: it decided itself.
CONTROLLER: Final = "controller "
_SIGNATURE_LENGTH_MAX: Final = 200


def signed(made_by: str, who: Who) -> str:
    """Return who makes a change of a site, as the settings log shall tell it.

    A controller's account decides; what an operator changes is the operator's, and on whose behalf *made_by* says.
    """
    if who.way is not Way.ACCOUNT:
        return made_by
    if who.role is Role.CONTROLLER:
        return f"{CONTROLLER}{who.name}"
    name = f" ({who.name})"
    return made_by[: _SIGNATURE_LENGTH_MAX - len(name)] + name


#: Who sits at the house's own machine, where the settings ask for no accounts.
MACHINE: Final = Who(
    name="operator", way=Way.MACHINE, rights=frozenset(Right) - {Right.OWN, Right.STAFF}, role=Role.OPERATOR
)
#: Who has not signed in yet.
NOBODY: Final = Who(name="", way=Way.NOBODY, rights=frozenset({Right.ANYBODY}), sites=frozenset())
