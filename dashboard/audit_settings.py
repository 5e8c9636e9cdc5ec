"""Read settings for the auditor's page: each beside what is required, each switch with who turned it, each change."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec

from collector.audit.report import Change, SettingLine
from dashboard.audit_figures import Row, said
from dashboard.metrics import mark, marks
from dashboard.names import NAMES as DIMENSIONS
from dashboard.view import harmless
from dashboard.words import Words

NAMES: Final = {
    "address_bits.ipv4": mark("Bits of an IPv4 address that are used"),
    "address_bits.ipv6": mark("Bits of an IPv6 address that are used"),
    "country": mark("Country"),
    "floors": mark("Floors that no setting can go below"),
    "ipv4": mark("IPv4"),
    "ipv6": mark("IPv6"),
    "address_bits": mark("Bits of an address that are used"),
    "name": mark("name"),
    "task": mark("task"),
    "agreed_on": mark("Date of the agreement"),
    "agreement": mark("Processor agreement"),
    "controller": mark("Controller"),
    "controller_contact": mark("Contact of the controller"),
    "contact": mark("Contact for visitors"),
    "connections": mark("Connections that are open at a time"),
    "country_from": mark("Where the country comes from"),
    "dimensions": mark("Breakdowns"),
    "goals": mark("Goals"),
    "funnels": mark("Funnels"),
    "groups": mark("Groups of pages"),
    "region": mark("Region of the school holidays"),
    "embed_hosts": mark("Sites that may show the figures inside themselves"),
    "in_median": mark("Takes part in the median of schools"),
    "set_pairs": mark("Pairs that are told as “at least”"),
    "has_agreement": mark("Agreement is recorded"),
    "hosts": mark("Host names"),
    "hour_rows_days": mark("Days that hours are kept"),
    "id": mark("Short name"),
    "identity": mark("What tells visitors apart"),
    "idle_seconds": mark("Seconds until an idle connection is closed"),
    "ipv4_bits": mark("Bits of an IPv4 address that are used"),
    "ipv6_bits": mark("Bits of an IPv6 address that are used"),
    "is_on": mark("Events are counted"),
    "k": mark("Threshold: fewest visitors behind a figure"),
    "is_uncompressed": mark("History written without compression"),
    "keep_day_through_reboot": mark("Day kept through a reboot"),
    "legal_basis": mark("Legal basis"),
    "limits": mark("Limits of one process"),
    "log_level": mark("Level of the log"),
    "mail_server": mark("Mail server that reports are handed to"),
    "may_echo": mark("Developers can see their own event"),
    "network_events_per_minute": mark("Events a minute from one network (0: no limit)"),
    "operator": mark("Operator"),
    "pairs": mark("Pairs of breakdowns"),
    "privacy_officer": mark("Data protection officer"),
    "profile": mark("Profile"),
    "request_seconds": mark("Seconds in which a request has to arrive"),
    "retention_days": mark("Days that figures are kept"),
    "accounts": mark("People sign in"),
    "sign_in_hours": mark("Hours that a sign-in lasts"),
    "second_step": mark("Second step for operators and controllers"),
    "scripts": mark("Parts of the script"),
    "security_contact": mark("Contact for security"),
    "sensitive": mark("Sensitive routes"),
    "site_events_per_second": mark("Events of one site a second"),
    "sub_processors": mark("Sub-processors"),
    "switched_off": mark("Breakdowns that are switched off"),
    "templates": mark("Registered paths"),
    "templates_only": mark("Registered paths only"),
    "timezone": mark("Time zone"),
    "trusted_proxies": mark("Proxies that are believed"),
    "without": mark("Breakdowns that are switched off"),
}
#: What a controller turns, and has to have confirmed.
SWITCHES: Final = (
    "is_on", "profile", "identity", "k", "retention_days", "without", "scripts", "may_echo", "templates", "sensitive",
)  # fmt: skip
#: Paths can name what nobody should read out of a settings page: only how many there are.
COUNTED_ONLY: Final = ("templates", "sensitive")
#: Where the country of a visitor can come from.
COUNTRY_FROM: Final = {
    "table": mark("a table inside the program"),
    "header": mark("a header of the CDN"),
    "file": mark("a file of the operator"),
}
#: Lists of dimensions, each of which has a name.
_LISTS: Final = ("dimensions", "pairs", "set_pairs", "without", "switched_off")
_DAY: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d)", re.ASCII)
_PATHS: Final = marks("{n} path", "{n} paths")
_ON_BEHALF: Final = "operator, on behalf of "
_BEHALF: Final = mark("operator, on behalf of {whom}")
_CONTROLLER: Final = "controller "
_DECIDED: Final = mark("account of the controller: {whom}")
_UNREADABLE: Final = mark("this entry cannot be read")


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one setting as it is read."""

    line: SettingLine
    name: str
    required: str
    in_force: str


class Group(msgspec.Struct, frozen=True):
    """Hold the settings of the house, or of one site."""

    site: str
    settings: tuple[Setting, ...]

    @property
    def holds(self) -> bool:
        """Tell whether each is at least as strict as required."""
        return all(setting.line.holds for setting in self.settings)


class Switch(msgspec.Struct, frozen=True, kw_only=True):
    """Hold how a switch of a site stands, and who turned it last."""

    site: str
    name: str
    value: str
    made_by: str
    made_at: str
    reason: str


def grouped(lines: Sequence[SettingLine], words: Words) -> tuple[Group, ...]:
    """Return settings by site, those of the house first."""
    sites = dict.fromkeys(line.site for line in lines)
    return tuple(Group(site, tuple(_setting(line, words) for line in lines if line.site == site)) for site in sites)


def _setting(line: SettingLine, words: Words) -> Setting:
    return Setting(
        line=line,
        name=name_of(line.name, words),
        required=in_words(line.name, line.required, words),
        in_force=in_words(line.name, line.in_force, words),
    )


def in_words(name: str, value: str, words: Words) -> str:
    """Return a value of the setting *name* in words; empty where it has none."""
    if not value:
        return ""
    if name == "country_from" and value in COUNTRY_FROM:
        return words.text(COUNTRY_FROM[value])
    if name == "identity":
        return ", ".join(said(one, words)[0] for one in value.split(", "))
    if _DAY.fullmatch(value):
        return words.day(date.fromisoformat(value), "short")
    if name not in _LISTS:
        return said(value, words)[0]
    return _dimensions(value, words)


def _dimensions(value: str, words: Words) -> str:
    names = DIMENSIONS[words.language]
    pairs = [" × ".join(names.get(one, one) for one in pair.split(" × ")) for pair in value.split(", ")]
    return ", ".join(pairs) if value != "none" else said(value, words)[0]


def name_of(name: str, words: Words) -> str:
    """Return the name of a setting in words; one that is not known here as the file has it."""
    last = name.rpartition(".")[2]
    known = NAMES.get(name) or NAMES.get(last)
    return words.text(known) if known else harmless(name.replace("_", " "))


def switches(changes: Sequence[Change], words: Words) -> tuple[Switch, ...]:
    """Return how each switch of each site stands, by the last entry of the log that names it."""
    found: dict[tuple[str, str], Switch] = {}
    for change in changes:
        for name, value in _record(change).items():
            if name in SWITCHES and (value or "id" not in _record(change)):
                found[change.site, name] = Switch(
                    site=change.site,
                    name=name_of(name, words),
                    value=_value(name, value, words),
                    made_by=by(change.made_by, words),
                    made_at=change.made_at,
                    reason=harmless(change.reason or ""),
                )
    order = {name: place for place, name in enumerate(SWITCHES)}
    return tuple(found[key] for key in sorted(found, key=lambda key: (key[0], order[key[1]])))


def changed(change: Change, words: Words) -> tuple[Row, ...]:
    """Return what an entry changed; nothing where its contents were erased."""
    if change.change is None:
        return ()
    record = _record(change)
    if not record:
        return (Row(key="", name=words.text(_UNREADABLE)),)
    return tuple(
        Row(key=name, name=name_of(name, words), text=_value(name, value, words))
        for name, value in record.items()
        # A new site's record names every field: what is empty was not chosen.
        if "id" not in record or value not in ("", 0, None, [], False)
    )


def _record(change: Change) -> dict[str, Any]:
    try:
        return msgspec.json.decode(change.change or "{}", type=dict[str, Any])
    except msgspec.MsgspecError:
        return {}


def _value(name: str, value: Any, words: Words) -> str:
    if name in COUNTED_ONLY and isinstance(value, list):
        return words.count(*_PATHS, len(value))
    if name in _LISTS and isinstance(value, list):
        return _dimensions(", ".join(map(str, value)) or "none", words)
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return "; ".join(_value(name, one, words) for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{name_of(key, words)} {_value(key, one, words)}" for key, one in value.items())
    return said(value, words)[0]


def by(made_by: str | None, words: Words) -> str:
    """Return who made an entry, in words: the program's own names for it, else the name as it was written."""
    decided = (made_by or "").removeprefix(_CONTROLLER)
    if made_by and decided != made_by:
        return words.text(_DECIDED, whom=harmless(decided))
    whom = (made_by or "").removeprefix(_ON_BEHALF)
    if made_by and whom != made_by:
        return words.text(_BEHALF, whom=harmless(whom))
    return said(whom, words)[0] if whom else ""
