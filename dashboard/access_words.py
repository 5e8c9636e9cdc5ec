"""What the pages about accounts say, to be translated."""

from typing import Final

from collector.errors import TurvenError
from dashboard.desk.accounts import What
from dashboard.metrics import mark
from dashboard.words import Words

ROLES: Final = {
    "viewer": mark("Viewer"),
    "auditor": mark("Auditor"),
    "controller": mark("Controller"),
    "operator": mark("Operator"),
}
#: What each role is for, where one is chosen.
ROLE_HINTS: Final = {
    "viewer": mark("Sees figures of its sites and takes them away as a file."),
    "auditor": mark("Sees figures of its sites, what an audit saw, and starts one."),
    "controller": mark("Decides for its sites: settings, links, mailings, notes; sees what an audit saw."),
    "operator": mark("Takes sites in and gives accounts. Sees figures only of sites that are given to it."),
}
#: What was done to an account.
DEEDS: Final = {
    What.MADE: mark("account made"),
    What.ROLE: mark("role changed"),
    What.SITES: mark("sites given"),
    What.PASSWORD: mark("another password"),
    What.SECOND_STEP: mark("second step set up"),
    What.NO_SECOND_STEP: mark("second step taken away"),
    What.ON: mark("switched on again"),
    What.OFF: mark("switched off"),
    What.REMOVED: mark("removed"),
}
#: What went well, by the name in the address.
DONE: Final = {
    "password": mark("Your password was changed, and every other sign-in has ended."),
    "second": mark("Your second step is set up. From now on each sign-in asks for a code."),
    "no-second": mark("Your second step was taken away."),
    "language": mark("Your language was kept."),
    "sign-ins": mark("Every other sign-in has ended."),
    "changed": mark("The account was changed."),
    "removed": mark("The account was removed."),
}
WRONG: Final = mark("Name, password or code is not right.")
WRONG_CODE: Final = mark("The code is not right, or there is an account already.")
WRONG_PASSWORD: Final = mark("Your own password is not right.")
WRONG_STEP: Final = mark("That code does not fit. Look at the clock of your telephone, and try the next one.")
#: What is wrong with a form, by code.
ERRORS: Final = {
    "account_name": mark("A name has letters, digits and . _ @ + - and stands for one person."),
    "account_exists": mark("There is such an account already."),
    "account_unknown": mark("There is no such account."),
    "accounts_full": mark("There are too many accounts."),
    "last_operator": mark("This is the last operator: make another one first."),
    "password_short": mark("A password has 12 characters or more. A sentence is easy to keep in mind."),
    "password_long": mark("A password has 500 characters at most."),
    "password_common": mark("This password is one of those that are tried first. Choose another."),
    "role_unknown": mark("Choose a role."),
    "site_unknown": mark("There is no such site: look at how its name is written."),
}


def wrong(error: TurvenError, words: Words) -> str:
    """Return what is wrong with a form."""
    return words.text(ERRORS[error.code]) if error.code in ERRORS else error.message
