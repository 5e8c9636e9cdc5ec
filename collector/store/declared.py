"""Refuse goals, funnels, groups and embedding hosts that could not be counted, kept or told apart."""

import re
from collections.abc import Iterable
from typing import Final

from collector.errors import SettingsError
from collector.model import OTHER, Site, Target, TargetKind

GOALS_MAX: Final = 20
FUNNELS_MAX: Final = 10
GROUPS_MAX: Final = 10
STEPS_MIN: Final = 2
STEPS_MAX: Final = 8
EMBED_HOSTS_MAX: Final = 20
#: Longest name of a goal or funnel.
NAME_MAX: Final = 60
#: Longest name of an event, as the collector takes them.
EVENT_MAX: Final = 40
#: Longest path that is kept.
PATH_MAX: Final = 200
#: Stands between the name of a funnel and the number of its step, so no name may hold it.
_BETWEEN: Final = " · "
#: What no kept value holds: signs of a query, an address or an escape.
_FORBIDDEN: Final = "?#;@%&=\\"
#: What a spreadsheet takes for a formula, or what begins a reserved label.
_FIRST: Final = "(+-'\""
_ORIGIN: Final = re.compile(r"https?://[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?")
_HOW: Final = {
    TargetKind.EVENT: "event:NAME",
    TargetKind.PAGE: "page:/path",
    TargetKind.PREFIX: "prefix:/path/",
}


def check_declared(site: Site) -> None:
    """Refuse what a site declares where it could not be counted.

    Raises:
        SettingsError: `site_invalid`.
    """
    _check_number("goals", len(site.goals), GOALS_MAX)
    _check_number("funnels", len(site.funnels), FUNNELS_MAX)
    _check_number("groups", len(site.groups), GROUPS_MAX)
    _check_number("hosts that may embed", len(site.embed_hosts), EMBED_HOSTS_MAX)
    _check_names("goal", [goal.name for goal in site.goals])
    _check_names("funnel", [funnel.name for funnel in site.funnels])
    for goal in site.goals:
        _check_target(f"goal {goal.name!r}", goal.target)
    for funnel in site.funnels:
        if not STEPS_MIN <= len(funnel.steps) <= STEPS_MAX:
            raise _invalid(f"Funnel {funnel.name!r} has {len(funnel.steps)} steps; name {STEPS_MIN} to {STEPS_MAX}.")
        for step in funnel.steps:
            _check_target(f"funnel {funnel.name!r}", step)
    for prefix in site.groups:
        _check_target(f"group {prefix!r}", Target(TargetKind.PREFIX, prefix))
    if len(set(site.groups)) < len(site.groups):
        raise _invalid("A group is named twice; name each once.")
    for host in site.embed_hosts:
        if not _ORIGIN.fullmatch(host):
            raise _invalid(f"{host!r} is no origin: scheme and host without path, e.g. https://www.school.example.")


def _check_number(what: str, number: int, most: int) -> None:
    if number > most:
        raise _invalid(f"{number} {what} are too many; name at most {most}.")


def _check_names(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if not name or len(name) > NAME_MAX or not name.isprintable() or name != name.strip():
            raise _invalid(f"The name of a {what} is one line of 1 to {NAME_MAX} characters; {name!r} is not.")
        if _BETWEEN in name or name == OTHER or name[0] in _FIRST or any(sign in name for sign in _FORBIDDEN):
            raise _invalid(
                f"The name {name!r} of a {what} cannot be kept: leave out {' '.join(_FORBIDDEN)} and {_BETWEEN!r}, and "
                "begin with a letter or a number."
            )
        if name in seen:
            raise _invalid(f"Two {what}s are called {name!r}; give each its own name.")
        seen.add(name)


def _check_target(of: str, target: Target) -> None:
    what, kind = target.what, target.kind
    how = f"{of.capitalize()}: {what!r} is no {kind.value}; write {_HOW[kind]}"
    if not what.isprintable() or what != what.strip() or any(sign in what for sign in "?#;@%"):
        raise _invalid(f"{how}, without ? # ; @ %.")
    if kind is TargetKind.EVENT:
        if not 1 <= len(what) <= EVENT_MAX:
            raise _invalid(f"{how}, of at most {EVENT_MAX} characters.")
    elif not what.startswith("/") or len(what) > PATH_MAX:
        raise _invalid(f"{how}, as the pages are named in the dashboard, of at most {PATH_MAX} characters.")
    elif kind is TargetKind.PREFIX and not what.endswith("/"):
        raise _invalid(f"{how}: a prefix begins and ends with /.")
    elif kind is TargetKind.PAGE and what.endswith("/") and what != "/":
        raise _invalid(f"{how}: a page does not end with /; prefix:{what} counts it and all pages below it.")


def _invalid(message: str) -> SettingsError:
    return SettingsError("site_invalid", message)
