"""Say what a site has switched on: each setting with its value, since when, and who decided it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

import msgspec

from collector.clock import local_day
from collector.model import Dimension, Identity, Profile, Site
from collector.policy import Rules
from dashboard.breakdowns import Breakdown
from dashboard.goals_form import plain
from dashboard.metrics import mark
from dashboard.view import View, harmless

#: Entries of the log that the page shows, the newest first.
ENTRIES_SHOWN: Final = 50
#: Settings in the order of the page, and what they are called.
NAMES: Final = {
    "is_on": mark("Counting"),
    "profile": mark("Profile"),
    "k": mark("Threshold"),
    "identity": mark("What tells two visitors apart"),
    "hosts": mark("Host names"),
    "timezone": mark("Time zone"),
    "without": mark("Switched off"),
    "retention_days": mark("Kept for"),
    "templates": mark("Registered paths"),
    "sensitive": mark("Sensitive paths, counted with their parent"),
    "scripts": mark("Parts of the script"),
    "may_echo": mark("Trial events are answered"),
    "goals": mark("Goals"),
    "funnels": mark("Funnels"),
    "groups": mark("Groups of pages"),
    "region": mark("Region of the school holidays"),
    "embed_hosts": mark("Sites that may show the figures inside themselves"),
    "in_median": mark("Takes part in the median of schools"),
    "controller": mark("Controller"),
    "controller_contact": mark("Contact of the controller"),
    "privacy_officer": mark("Privacy officer"),
    "legal_basis": mark("Legal basis"),
    "agreement": mark("Processor agreement"),
    "agreed_on": mark("Date of the agreement"),
}
VALUES: Final = {
    Profile.STRICT: mark("Strict"),
    Profile.STANDARD: mark("Standard"),
    Profile.OPEN: mark("Open"),
    Identity.NETWORK: mark("Network"),
    Identity.BROWSER: mark("Browser"),
    "noord": mark("North"),
    "midden": mark("Middle"),
    "zuid": mark("South"),
}
_YES, _NO, _NONE = mark("yes"), mark("no"), mark("none")
_ON, _OFF = mark("counts"), mark("is off")
#: Settings that are numbers: how one is written, and what none means.
_NUMBERS: Final = {
    "k": (mark("{n} visitors at least"), mark("that of the profile")),
    "retention_days": (mark("{n} days"), mark("as long as the house keeps it")),
}


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a setting as it is told.

    Attributes:
        value: In force now.
        waits: What comes with the next day; empty where nothing does.
        since: Day on which it was decided, where the site is; None where the log does not tell.
    """

    name: str
    value: str
    waits: str
    since: date | None
    made_by: str
    reason: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Hold an entry of the settings log."""

    made_at: datetime
    names: list[str]
    made_by: str
    reason: str


Log = Sequence[tuple[datetime, Mapping[str, Any], str, str]]


def settings_of(view: View, site: Site, declared: Site, rules: Rules, log: Log) -> list[Setting]:
    """Return every setting of a site.

    Args:
        view: Writes for the reader.
        site: As it is in force.
        declared: As it was set.
        rules: In force.
        log: Of the site, oldest first.
    """
    decided = _decided(log)
    made = []
    for name, title in NAMES.items():
        is_waiting = getattr(site, name) != getattr(declared, name)
        at, by, why = decided.get(name, (None, "", ""))
        made.append(
            Setting(
                name=view.words.text(title),
                value=_value(view, name, site, rules),
                waits=_value(view, name, declared, None) if is_waiting else "",
                since=at and local_day(at.replace(tzinfo=UTC), site.timezone),
                made_by=harmless(by),
                reason=harmless(why),
            )
        )
    return made


def entries_of(view: View, log: Log) -> list[Entry]:
    """Return the newest entries of the log, the newest first."""
    return [
        Entry(
            made_at=at,
            names=[view.words.text(NAMES[name]) for name in NAMES if name in change],
            made_by=harmless(by),
            reason=harmless(why),
        )
        for at, change, by, why in list(log)[: -ENTRIES_SHOWN - 1 : -1]
    ]


def _decided(log: Log) -> dict[str, tuple[datetime, str, str]]:
    """Return of each setting the entry that made it what it is."""
    now: dict[str, Any] = {}
    found: dict[str, tuple[datetime, str, str]] = {}
    for at, change, by, why in log:
        for name, value in change.items():
            if name not in now or now[name] != value:
                found[name] = (at, by, why)
            now[name] = value
    return found


def _value(view: View, name: str, site: Site, rules: Rules | None) -> str:
    text, value = view.words.text, getattr(site, name)
    if name in _NUMBERS:
        number = getattr(rules, name) if rules else value
        form, nothing = _NUMBERS[name]
        return text(form, n=view.words.number(number)) if number else text(nothing)
    if name == "identity" and rules:
        value = rules.identity(value)
    if isinstance(value, bool):
        yes, no = (_ON, _OFF) if name == "is_on" else (_YES, _NO)
        return text(yes if value else no)
    if isinstance(value, tuple):
        return ", ".join(_listed(view, value)) or text(_NONE)
    if value in VALUES:
        return text(VALUES[value])
    return harmless(str(value)) if value else text(_NONE)


def _listed(view: View, values: Iterable[Any]) -> list[str]:
    return [
        name_of(view, one) if isinstance(one, Dimension) else harmless(getattr(one, "name", "") or str(one))
        for one in values
    ]


def name_of(view: View, dimension: Dimension) -> str:
    """Return what a breakdown is called."""
    return view.words.text(_OTHERS[dimension]) if dimension in _OTHERS else view.table(Breakdown(dimension.value))


#: Breakdowns that no panel shows under a name of their own.
_OTHERS: Final = {
    Dimension.BROWSER_MAJOR: mark("Versions of browsers"),
    Dimension.PROPERTY: mark("Details of events"),
    Dimension.FUNNEL_STEP: mark("Steps of funnels"),
    Dimension.NEXT_PAGE: mark("Where people go next"),
}
#: What can be switched off.
SWITCHABLE: Final = tuple(one for one in Dimension if one not in {Dimension.TOTAL, Dimension.HOUR})


def record(site: Site) -> dict[str, Any]:
    """Return a site as its record holds it."""
    found: dict[str, Any] = plain(site)
    return found
