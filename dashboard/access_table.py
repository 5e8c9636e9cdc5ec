"""The table of who may open what: one line an address and method; docs/access.md and the test of all routes read it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from dashboard.who import Right, Role


class Door(StrEnum):
    """Name a door other than that of accounts."""

    #: Anybody, from anywhere: what visitors, their browsers and monitors ask for.
    PUBLIC = "public"
    #: Whoever holds the secret in the address; nobody is asked for an account.
    SECRET = "secret"  # noqa: S105 - a word, no secret
    #: Anybody, from anywhere: sheets and scripts of the pages that a link opens.
    ASSETS = "files of pages"
    #: Programs with a pass that has the scope `notes`; nobody else.
    NOTES_PASS = "pass with `notes`"  # noqa: S105 - a word, no secret
    #: A browser that asks beforehand whether another site's page may ask with a pass; tells nothing.
    PREFLIGHT = "preflight"


#: What each address asks of whoever opens it, by method and path behind the base path.
ROUTES: Final[Mapping[str, Right | Door]] = {
    "GET /": Right.FIGURES,
    "GET /all/{name}": Right.FIGURES,
    "GET /engagement": Right.FIGURES,
    "GET /sites": Right.FIGURES,
    "GET /now": Right.FIGURES,
    "GET /goals": Right.FIGURES,
    "POST /goals": Right.SETTINGS,
    "POST /goals/remove": Right.SETTINGS,
    "GET /settings": Right.SETTINGS,
    "POST /settings": Right.SETTINGS,
    "GET /export/{name}.{kind}": Right.EXPORT,
    "GET /assets/{name}": Right.ANYBODY,
    "GET /first-steps": Right.SITES,
    "POST /first-steps": Right.SITES,
    "GET /first-steps/{site}": Right.SITES,
    "GET /audit": Right.EVIDENCE,
    "POST /audit": Right.AUDIT,
    "GET /audit/compare": Right.EVIDENCE,
    "GET /audit/report.json": Right.EVIDENCE,
    "GET /audit/evidence.zip": Right.EVIDENCE,
    "GET /audit/papers/{name}": Right.EVIDENCE,
    "GET /links": Right.SHARING,
    "POST /links": Right.SHARING,
    "POST /links/withdraw": Right.SHARING,
    "GET /weekly": Right.SHARING,
    "POST /weekly": Right.SHARING,
    "POST /weekly/withdraw": Right.SHARING,
    "POST /notes": Right.NOTES,
    "POST /notes/remove": Right.NOTES,
    "GET /passes": Right.SETTINGS,
    "POST /passes": Right.SETTINGS,
    "POST /passes/withdraw": Right.SETTINGS,
    "GET /taken": Right.SETTINGS,
    "GET /sign-in": Right.ANYBODY,
    "POST /sign-in": Right.ANYBODY,
    "POST /sign-out": Right.OWN,
    "GET /me": Right.OWN,
    "POST /me": Right.OWN,
    "GET /staff": Right.STAFF,
    "POST /staff": Right.STAFF,
    "GET /api": Right.FIGURES,
    "GET /api/openapi.json": Right.ANYBODY,
    "POST /api/query": Right.FIGURES,
    "POST /api/v2/query": Right.FIGURES,
    "POST /api/notes": Door.NOTES_PASS,
    "OPTIONS /api/query": Door.PREFLIGHT,
    "OPTIONS /api/v2/query": Door.PREFLIGHT,
    "OPTIONS /api/notes": Door.PREFLIGHT,
    "GET /shared/assets/{name}": Door.ASSETS,
    "GET /shared/{secret}": Door.SECRET,
    "GET /shared/{secret}/": Door.SECRET,
    "POST /shared/{secret}": Door.SECRET,
    "GET /shared/{secret}/export/{name}.{kind}": Door.SECRET,
    "GET /shared/{secret}/all/{name}": Door.SECRET,
    "GET /shared/{secret}/engagement": Door.SECRET,
    "GET /embed/{secret}": Door.SECRET,
    "GET /embed/{secret}/": Door.SECRET,
    "GET /weekly/stop/{secret}": Door.SECRET,
    "POST /weekly/stop/{secret}": Door.SECRET,
}
#: Which right each role has: written a second time, so that a right that is given away by mistake is seen.
ROLES: Final[Mapping[Right, str]] = {
    Right.ANYBODY: "VACO",
    Right.OWN: "VACO",
    Right.FIGURES: "VACO",
    Right.EXPORT: "VACO",
    Right.EVIDENCE: "ACO",
    Right.AUDIT: "ACO",
    Right.NOTES: "CO",
    Right.SHARING: "CO",
    Right.SETTINGS: "CO",
    Right.SITES: "O",
    Right.STAFF: "O",
}
LETTERS: Final[Mapping[Role, str]] = {
    Role.VIEWER: "V",
    Role.AUDITOR: "A",
    Role.CONTROLLER: "C",
    Role.OPERATOR: "O",
}
#: Rights that whoever sits at the machine of a house without accounts does not need: there are no accounts.
NOT_AT_THE_MACHINE: Final = frozenset({Right.OWN, Right.STAFF})
#: What no line of the table stops, and what to do about it.
_RESIDUAL: Final = """## What this does not stop

- **Who has left.** Passes and secret links go on when the account that made them is switched off, removed or loses
  the site; they are the site's. Withdraw them on `/passes` and `/links`, which say who made each.
- **The operator.** It can give itself a site, or hand a controller's account another password and sign in with it.
  Both stand in the list of deeds, which its owner can read and whoever writes `desk.sqlite` can change.
- **A known password.** Where no second step was set up, whoever knows the password can set up one of their own.
  With one they have ten codes an hour, from all networks together, and can keep the owner out for as long; another
  password from the operator ends it. A password that was handed on may be chosen again by its owner.
- **A path of the product's own host.** With a `base_path` a script of the product is of the same origin: an error
  there (XSS) can open the dashboard as whoever is signed in, and what the product sets for the whole host can stand
  beside our cookie. A host of its own (way 2 of `deploy/nginx.conf`) keeps them apart.
- **An address that was passed on.** It is the key of a link. It stands in the history of a browser and in the logs
  of whatever the house does not set itself: a CDN, a filter of a school. Take a password, a few days, and no files.
- **Whoever has the address of a link with a password** can keep others out of it for a quarter of an hour.
- **A flood.** Tries to sign in are slowed down in memory, and eight are under way at most: who was never signed in
  from their network since the house began has to wait meanwhile. How many may ask at all, the proxy decides.
- **Heavy questions.** An account, or a program with a pass, can ask for long periods without end. Withdraw it.
- **The first code.** It stands in the log of the house until there is an account, and is of no use from then on.
- **The machine.** Whoever is its user, or reads its memory, has everything. `desk.sqlite` is in no backup that
  Turven makes, and its secrets of second steps stand in it as they are: a copy that you make yourself is to be kept
  as safe.
"""
_MARK, _NONE = "●", ""


def may(role: Role, asked: Right) -> bool:
    """Tell whether the table gives a role a right."""
    return LETTERS[role] in ROLES[asked]


def reference() -> str:
    """Return `docs/access.md`."""
    lines = [
        "# Who may open what",
        "",
        "Made from `dashboard/access_table.py`; a test opens every address in every way and compares.",
        "",
        "- Figures are those of the sites that an account is given. An operator sees none of a site that it was not",
        "  given; it gives sites to accounts on the page `/staff` or with `turven user`.",
        "- A program's pass opens what its scopes name, of one site, and no form. The secret of a link opens what lies",
        "  below it.",
        "- Where `[access] accounts` is off there are no accounts: whoever sits at the machine has the last column,",
        "  and nobody else has anything.",
        "",
        "| address | asks for | viewer | auditor | controller | operator | nobody | machine |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for address, asked in ROUTES.items():
        if isinstance(asked, Right):
            roles = [_MARK if may(role, asked) else _NONE for role in Role]
            open_to_all = _MARK if asked is Right.ANYBODY else _NONE
            machine = _NONE if asked in NOT_AT_THE_MACHINE else _MARK
            lines.append(f"| `{address}` | {asked.value} | {' | '.join([*roles, open_to_all, machine])} |")
        else:
            lines.append(f"| `{address}` | {asked.value} | | | | | | |")
    lines += ["", *_RESIDUAL.splitlines()]
    return "\n".join((*lines, "")).replace("|  |", "| |").replace("|  |", "| |")
