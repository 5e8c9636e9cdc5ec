"""Change what a site has switched on from a page: who made it and why stand in the settings log, as of a command."""

import json
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from collector.audit.governance import ON_BEHALF, OPERATOR
from collector.audit.loosening import loosened
from collector.errors import SettingsError
from collector.model import Site
from dashboard.house import House
from dashboard.metrics import mark
from dashboard.view import View, harmless
from dashboard.who import Right, Who, signed

#: As much as the settings log takes of who made a change.
_ACTOR_LENGTH_MAX: Final = 200
REASON_LENGTH_MAX: Final = 500
ERRORS: Final = {
    "reason_missing": mark(
        "This counts, keeps or shows more than before. Say why: the reason stands in the settings log."
    ),
    "goal_name": mark("Give it a name of at most 60 letters, without signs such as ? # % & = and not begun with one."),
    "name_taken": mark("There is one of that name already. Choose another name, or remove that one first."),
    "event_empty": mark("Name the event, as the page reports it: at most 40 letters."),
    "path_invalid": mark("A page begins with a slash, as in /contact, and does not end with one."),
    "prefix_invalid": mark("A part of the site begins and ends with a slash, as in /vakken/."),
    "steps_number": mark("A funnel has 2 to 8 steps. Fill in at least two."),
    "number_invalid": mark("“{message}” is no number that can be used here."),
    "origin_invalid": mark("“{message}” is no address of a site: write https://www.school.example, without a path."),
}


def sites_of(who: Who, sites: Sequence[Site]) -> list[Site]:
    """Return those of *sites* whose settings somebody may decide."""
    return [site for site in sites if who.may(Right.SETTINGS, site.id)]


def looser(before: Site, changes: dict[str, Any]) -> tuple[str, ...]:
    """Return which settings *changes* make looser; none where the record would be refused anyway."""
    try:
        after = msgspec.convert({**json.loads(msgspec.json.encode(before)), **changes}, Site, strict=False)
    except msgspec.ValidationError:
        return ()
    return loosened(before, after)


def change(house: House, before: Site, changes: dict[str, Any], *, who: Who, reason: str) -> Site:
    """Change a site; what is looser waits for its next day, asks for a reason and is the controller's.

    Args:
        house: That it is in.
        before: The site as it was set.
        changes: By setting, as the record holds them.
        who: Makes the change.
        reason: As it was written.

    Raises:
        SettingsError: `reason_missing`; others as the house says.
    """
    reason = " ".join(reason.split())[:REASON_LENGTH_MAX]
    made_by = OPERATOR
    if looser(before, changes):
        if not reason:
            raise SettingsError("reason_missing", "Say why.")
        if before.controller:
            made_by = f"{ON_BEHALF}{before.controller}"[:_ACTOR_LENGTH_MAX]
    return house.change_site(before.id, changes, made_by=signed(made_by, who), reason=reason)


def said(view: View, error: SettingsError) -> str:
    """Return what is wrong with a form, in the reader's language where we know it."""
    if error.code in ERRORS:
        return view.words.text(ERRORS[error.code], message=harmless(error.message))
    return view.error(error)
