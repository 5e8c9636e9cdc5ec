"""Say which settings of a site are in force: stricter ones at once, looser ones from the site's next day.

A day that was begun under a promise is ended under it. Nothing is remembered for that beside the settings log: what
was in force when the day began, and what came since, stands there.

Source: docs/decisions/0006-settings-in-force.md
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from collector.model import Profile, Site

_STRICTNESS: Final = (Profile.OPEN, Profile.STANDARD, Profile.STRICT)
#: What an entry says with which a site was erased; what came before it is gone.
ERASED: Final = "erased"
_T = TypeVar("_T")


class State(msgspec.Struct, frozen=True):
    """Hold the settings of a site as they were set at an instant (UTC, without a zone, as it is stored)."""

    made_at: datetime
    site: Site


def strictest(states: Sequence[Site]) -> Site:
    """Return the newest of *states*, as strict as the strictest of them in each of its settings.

    Args:
        states: Of one site, oldest first; at least one.
    """
    newest = states[-1]
    days = [one.retention_days for one in states if one.retention_days]
    merged = msgspec.structs.replace(
        newest,
        profile=max((one.profile for one in states), key=_STRICTNESS.index),
        k=max(one.k for one in states),
        without=_all_of(newest.without, (one.without for one in states)),
        retention_days=min(days, default=0),
        sensitive=_all_of(newest.sensitive, (one.sensitive for one in states)),
        # A site that stops naming templates would keep every path from then on.
        templates=newest.templates or next((one.templates for one in reversed(states) if one.templates), ()),
        # What was declared in between counts from the next day; what was taken back counts no more.
        goals=_in_each(newest.goals, (one.goals for one in states)),
        funnels=_in_each(newest.funnels, (one.funnels for one in states)),
        groups=_in_each(newest.groups, (one.groups for one in states)),
        in_median=all(one.in_median for one in states),
    )
    return newest if merged == newest else merged


def under_house(site: Site, house: Sequence[Mapping[str, Any]]) -> Site:
    """Return *site* made as strict as each of the *house* settings, entries of the log that were in force meanwhile."""
    if not house:
        return site
    own = [
        msgspec.structs.replace(
            site,
            profile=Profile(entry.get("profile", site.profile)),
            k=int(entry.get("k", 0)),
            retention_days=int(entry.get("retention_days", 0)),
        )
        for entry in house
    ]
    return strictest([*own, site])


def in_force_since(states: Sequence[State], start: datetime) -> list[Site]:
    """Return what was in force at *start* or has been since, oldest first; *start* as `State.made_at`."""
    before = [state.site for state in states if state.made_at <= start]
    return before[-1:] + [state.site for state in states if state.made_at > start]


def states_in(rows: Iterable[tuple[str, datetime, str | None]]) -> dict[str, list[State]]:
    """Read the log: the settings of each site, as each entry left them.

    Args:
        rows: Site, instant and change of each entry, oldest first; an erased change ends what was before.
    """
    states: dict[str, list[State]] = {}
    told: dict[str, dict[str, Any]] = {}
    for name, made_at, change in rows:
        said = json.loads(change) if change is not None else {ERASED: True}
        if not isinstance(said, dict):
            # Nothing that this program writes: the chain names the entry.
            continue
        if said.get(ERASED):
            told.pop(name, None)
            states.pop(name, None)
            continue
        told[name] = told.get(name, {}) | said
        try:
            site = msgspec.convert(told[name], Site, strict=False)
        except msgspec.ValidationError:
            continue
        states.setdefault(name, []).append(State(made_at, site))
    return states


def _all_of(first: tuple[Any, ...], others: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys([*first, *(one for other in others for one in other)]))


def _in_each(first: tuple[_T, ...], others: Iterable[tuple[_T, ...]]) -> tuple[_T, ...]:
    kept = first
    for other in others:
        kept = tuple(one for one in kept if one in other)
    return kept
