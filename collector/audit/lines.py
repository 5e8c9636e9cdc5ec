"""Set every setting beside what is required: in force, since when, by whom, as the settings log tells.

The log is walked from its first entry: a setting is in force since the entry after which its value was another one.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from collector.audit.report import Change, SettingLine
from collector.effective import country_from, limits_of, mail_host
from collector.model import Site
from collector.policy import (
    HOUR_ROWS_DAYS_MAX,
    IPV4_BITS_MAX,
    IPV6_BITS_MAX,
    K_FLOOR,
    RETENTION_DAYS_MAX,
    Rules,
)
from collector.settings import SIGN_IN_HOURS_MAX, Settings
from collector.store.in_force import ERASED

#: Name of a line to what is required and what is in force.
Values = Mapping[str, tuple[str, str]]
_NONE: Final = "none"
_NAMED: Final = "named"
#: Where an entry of the house may have put a setting: as it is, or in a table of the settings file.
_TABLES: Final = ("", "privacy.", "house.", "public.", "server.", "house.privacy.")


def settings_lines(
    settings: Settings | None, sites: Sequence[Site], *, rules: Callable[[Site], Rules], changes: Sequence[Change]
) -> list[SettingLine]:
    """Return one line a setting: those of the house first, then those of each site.

    Args:
        settings: Of the house; `None` for a copy, which does not hold them: then the house has no lines.
        sites: Whose lines.
        rules: Tells what is in force for a site.
        changes: The settings log, from its first entry.
    """
    by_house = _house_since(changes)
    house = house_values(settings) if settings else {}
    lines = [_line("", name, values, by_house.get(name)) for name, values in house.items()]
    for site in sites:
        floor = settings.privacy.k if settings else K_FLOOR
        values = site_values(site, rules(site), floor=floor)
        since = site_since(site.id, changes, rules=rules)
        for name, both in values.items():
            entry = since.get(name)
            # What a site has of the house is in force since the later of the two.
            made = by_house.get(name) if name in house and house[name][1] == both[1] else None
            lines.append(_line(site.id, name, both, max((one for one in (entry, made) if one), key=_seq, default=None)))
    return lines


def house_values(settings: Settings) -> Values:
    """Return what is required of the house and what is in force, by the names of the settings file."""
    privacy, public, server = settings.privacy, settings.public, settings.server
    companies = "; ".join(f"{one.name} ({one.task}, {one.country})" for one in public.sub_processors)
    return {
        "profile": ("", privacy.profile.value),
        "k": (f">= {K_FLOOR}", str(privacy.k)),
        "address_bits.ipv4": (f"<= {IPV4_BITS_MAX}", str(privacy.ipv4_bits)),
        "address_bits.ipv6": (f"<= {IPV6_BITS_MAX}", str(privacy.ipv6_bits)),
        "retention_days": (f"<= {RETENTION_DAYS_MAX}", str(privacy.retention_days)),
        "hour_rows_days": (f"<= {HOUR_ROWS_DAYS_MAX}", str(min(privacy.retention_days, HOUR_ROWS_DAYS_MAX))),
        "keep_day_through_reboot": ("", _word(settings.keep_day_through_reboot)),
        "log_level": ("", settings.log_level),
        "is_uncompressed": ("", _word(settings.is_uncompressed)),
        **{f"limits.{name}": ("", str(value)) for name, value in limits_of(settings).items()},
        "trusted_proxies": ("", str(len(server.trusted_proxies))),
        "accounts": ("", _word(settings.access.accounts)),
        "sign_in_hours": (f"<= {SIGN_IN_HOURS_MAX}", str(settings.access.sign_in_hours)),
        "second_step": ("", _word(settings.access.second_step)),
        "country_from": ("", country_from(server)),
        "timezone": ("", settings.timezone),
        "mail_server": ("", mail_host(settings) or _NONE),
        "operator": (_NAMED, public.operator),
        "contact": (_NAMED, public.contact),
        "privacy_officer": (_NAMED, public.privacy_officer),
        "security_contact": ("", public.security_contact or _NONE),
        "sub_processors": ("", companies or _NONE),
    }


def site_values(site: Site, rules: Rules, *, floor: int) -> Values:
    """Return what is required of a site and what is in force; of paths that a controller wrote only how many.

    Args:
        site: As its record says.
        rules: In force for it.
        floor: Smallest k that the house allows.
    """
    agreed = _NAMED if site.is_on else ""
    return {
        "is_on": ("", _word(site.is_on)),
        "controller": (agreed, site.controller),
        "agreement": (agreed, site.agreement),
        "agreed_on": (agreed, site.agreed_on.isoformat() if site.agreed_on else ""),
        "legal_basis": ("", site.legal_basis),
        "controller_contact": ("", site.controller_contact),
        "privacy_officer": ("", site.privacy_officer),
        "hosts": ("", _listed(site.hosts)),
        "profile": ("", site.profile.value),
        "identity": (_listed([one.value for one in rules.identities]), rules.identity(site.identity).value),
        "k": (f">= {floor}", str(rules.k)),
        "address_bits.ipv4": (f"<= {IPV4_BITS_MAX}", str(rules.ipv4_bits)),
        "address_bits.ipv6": (f"<= {IPV6_BITS_MAX}", str(rules.ipv6_bits)),
        "retention_days": (f"<= {RETENTION_DAYS_MAX}", str(rules.retention_days)),
        "hour_rows_days": (f"<= {HOUR_ROWS_DAYS_MAX}", str(min(rules.retention_days, HOUR_ROWS_DAYS_MAX))),
        "dimensions": ("", _listed([one.value for one in rules.dimensions])),
        "pairs": ("", _listed([f"{first.value} × {second.value}" for first, second in rules.pairs])),
        "set_pairs": ("", _listed([f"{first.value} × {second.value}" for first, second in rules.set_pairs])),
        "without": ("", _listed([one.value for one in site.without])),
        "templates_only": ("", _word(rules.templates_only)),
        "templates": ("", str(len(site.templates))),
        "sensitive": ("", str(len(site.sensitive))),
        "goals": ("", str(len(site.goals))),
        "funnels": ("", str(len(site.funnels))),
        "groups": ("", str(len(site.groups))),
        "embed_hosts": ("", _listed(site.embed_hosts)),
        "in_median": ("", _word(site.in_median)),
        "scripts": ("", _listed(site.scripts)),
        "may_echo": ("", _word(site.may_echo)),
        "timezone": ("", site.timezone),
    }


def site_since(site: str, changes: Sequence[Change], *, rules: Callable[[Site], Rules]) -> dict[str, Change]:
    """Return the entry since which each setting of *site* is what it is; none where an erased entry hides it."""
    since: dict[str, Change] = {}
    record: dict[str, Any] = {}
    before: Values = {}
    for change in changes:
        if change.site != site:
            continue
        said = _said(change)
        if said.get(ERASED):
            # A site of the same name that came later has nothing of it.
            since, record, before = {}, {}, {}
            continue
        record |= said
        after = _values_of(record, rules)
        since |= {name: change for name, both in after.items() if before.get(name) != both}
        before = after or before
    return since


def _values_of(record: Mapping[str, Any], rules: Callable[[Site], Rules]) -> Values:
    try:
        site = msgspec.convert(record, Site, strict=False)
    except msgspec.ValidationError:
        return {}
    # The floor is that of today: what is required does not move a line's date.
    return site_values(site, rules(site), floor=K_FLOOR)


def _house_since(changes: Sequence[Change]) -> dict[str, Change]:
    """Return the entry since which each setting of the house is what it is, as far as the log holds the house's."""
    since: dict[str, Change] = {}
    before: dict[str, Any] = {}
    for change in changes:
        for dotted, value in _flat(_said(change)) if change.site == "" else ():
            table = next((table for table in sorted(_TABLES, key=len, reverse=True) if dotted.startswith(table)), "")
            name = dotted.removeprefix(table)
            name = {"ipv4_bits": "address_bits.ipv4", "ipv6_bits": "address_bits.ipv6"}.get(name, name)
            if before.get(name) != value or name not in before:
                since[name] = change
            before[name] = value
    return since


def _flat(said: Mapping[str, Any], *, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in said.items():
        if isinstance(value, dict):
            yield from _flat(value, prefix=f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _said(change: Change) -> dict[str, Any]:
    try:
        said = json.loads(change.change or "{}")
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _line(site: str, name: str, values: tuple[str, str], entry: Change | None) -> SettingLine:
    required, in_force = values
    return SettingLine(
        site=site,
        name=name,
        required=required,
        in_force=in_force,
        since=entry.made_at[:10] if entry else "",
        made_by=(entry.made_by or "") if entry else "",
        reason=(entry.reason or "") if entry else "",
        holds=holds(required, in_force),
    )


def holds(required: str, in_force: str) -> bool:
    """Tell whether a value is at least as strict as what is required: a bound, `named`, or one of a list."""
    bound, _, number = required.partition(" ")
    if bound in {">=", "<="}:
        return int(in_force) >= int(number) if bound == ">=" else int(in_force) <= int(number)
    if required == _NAMED:
        return bool(in_force.strip())
    return not required or in_force in required.split(", ")


def _seq(change: Change) -> int:
    return change.seq


def _word(value: object) -> str:
    return "true" if value else "false"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or _NONE
