"""Read the forms that declare a goal, a funnel or a group, and those that take one back."""

import json
from typing import Any, Final

import msgspec

from collector.errors import SettingsError
from collector.model import Funnel, Goal, Site, Target, TargetKind

STEPS: Final = 8
STEPS_MIN: Final = 2
NAME_LENGTH_MAX: Final = 60
EVENT_LENGTH_MAX: Final = 40
PATH_LENGTH_MAX: Final = 200
_FORBIDDEN: Final = "?#;@%&=\\"
_FIRST: Final = "(+-'\""
#: What can be declared, and the setting that holds it.
KINDS: Final = {"goal": "goals", "funnel": "funnels", "group": "groups"}


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a form as it was filled in.

    Attributes:
        what: One of `KINDS`.
        kinds: Of each target.
        targets: Beside each kind, what was written.
    """

    what: str = ""
    name: str = ""
    kinds: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    reason: str = ""

    def kind(self, number: int) -> str:
        """Return the kind of a target; a page where none was chosen."""
        return self.kinds[number] if number < len(self.kinds) else TargetKind.PAGE.value

    def target(self, number: int) -> str:
        """Return what was written of a target."""
        return self.targets[number] if number < len(self.targets) else ""


def plain(value: Any) -> Any:
    """Return *value* as the record of a site holds it."""
    return json.loads(msgspec.json.encode(value))


def read(fields: list[tuple[str, str]]) -> Given:
    """Return the form; unknown fields are left alone."""
    told = dict(fields)
    return Given(
        what=told.get("what", ""),
        name=told.get("name", "").strip(),
        kinds=tuple(value for name, value in fields if name == "kind")[:STEPS],
        targets=tuple(value.strip() for name, value in fields if name == "target")[:STEPS],
        reason=told.get("reason", ""),
    )


def added(given: Given, site: Site) -> dict[str, Any]:
    """Return the change that declares what was filled in.

    Args:
        given: The form.
        site: As it was set.

    Raises:
        SettingsError: With what is wrong.
    """
    if given.what == "group":
        prefix = _target(TargetKind.PREFIX.value, given.target(0)).what
        if prefix in site.groups:
            raise SettingsError("name_taken", prefix)
        return {"groups": [*site.groups, prefix]}
    declared: tuple[Goal | Funnel, ...] = site.goals if given.what == "goal" else site.funnels
    _check_name(given.name, [one.name for one in declared])
    if given.what == "goal":
        goal = Goal(given.name, _target(given.kind(0), given.target(0)))
        return {"goals": plain([*site.goals, goal])}
    filled = [(given.kind(n), given.target(n)) for n in range(STEPS) if given.target(n)]
    if len(filled) < STEPS_MIN:
        raise SettingsError("steps_number", str(len(filled)))
    funnel = Funnel(given.name, tuple(_target(kind, what) for kind, what in filled))
    return {"funnels": plain([*site.funnels, funnel])}


def removed(what: str, name: str, site: Site) -> dict[str, Any] | None:
    """Return the change that takes back what is called *name*; None where there is none."""
    if what == "group":
        return {"groups": [one for one in site.groups if one != name]} if name in site.groups else None
    declared: tuple[Goal | Funnel, ...] = site.goals if what == "goal" else site.funnels if what == "funnel" else ()
    left = [one for one in declared if one.name != name]
    return {KINDS[what]: plain(left)} if len(left) < len(declared) else None


def _check_name(name: str, taken: list[str]) -> None:
    is_fit = (
        0 < len(name) <= NAME_LENGTH_MAX
        and name.isprintable()
        and name[0] not in _FIRST
        and " · " not in name
        and not any(sign in name for sign in _FORBIDDEN)
    )
    if not is_fit:
        raise SettingsError("goal_name", name)
    if name in taken:
        raise SettingsError("name_taken", name)


def _target(kind: str, what: str) -> Target:
    if kind == TargetKind.EVENT:
        if not 0 < len(what) <= EVENT_LENGTH_MAX:
            raise SettingsError("event_empty", what)
        return Target(TargetKind.EVENT, what)
    is_path = what.startswith("/") and len(what) <= PATH_LENGTH_MAX and not any(sign in what for sign in "?#;@%")
    if kind == TargetKind.PREFIX:
        if not is_path or not what.endswith("/"):
            raise SettingsError("prefix_invalid", what)
        return Target(TargetKind.PREFIX, what)
    if not is_path or (what.endswith("/") and what != "/"):
        raise SettingsError("path_invalid", what)
    return Target(TargetKind.PAGE, what)
