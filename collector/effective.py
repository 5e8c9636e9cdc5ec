"""The settings in force, as data: what the public pages show and what an auditor compares with.

No secret, no file name and no address of a machine of ours stands in it; of templates and sensitive routes only how
many there are, since a route can name what nobody should read out of a settings page.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any, Final

from collector.model import Dimension, Site
from collector.policy import HOUR_ROWS_DAYS_MAX, IPV4_BITS_MAX, IPV6_BITS_MAX, K_FLOOR, RETENTION_DAYS_MAX, Rules
from collector.settings import Server, Settings

#: The only thing that the figures are for.
PURPOSE: Final = "how the site is used"
#: What no profile and no setting can switch on.
NEVER_AVAILABLE: Final = (
    "city",
    "region",
    "query string",
    "fragment that is no route",
    "page title",
    "user id",
    "click ids",
    "full user agent",
    "full referrer",
    "session replay",
)


def effective(
    settings: Settings, sites: Iterable[Site], *, rules: Callable[[Site], Rules], version: str
) -> dict[str, Any]:
    """Return the settings in force for the house and for each of *sites*.

    `settings_sha256` is the SHA-256 of everything else but `version`, as `canonical` writes it.
    """
    shown: dict[str, Any] = {
        "purpose": PURPOSE,
        "never_available": list(NEVER_AVAILABLE),
        "floors": _floors(),
        "house": _house(settings),
        "sites": [_site(site, rules(site)) for site in sites],
    }
    return shown | {"settings_sha256": hashlib.sha256(canonical(shown)).hexdigest(), "version": version}


def house_settings(settings: Settings) -> dict[str, Any]:
    """Return what the house promises for every site, for the settings log: no path, no secret, no address."""
    return {"floors": _floors()} | _house(settings)


def canonical(shown: dict[str, Any]) -> bytes:
    """Write *shown* the one way that hashes: JSON in UTF-8, keys sorted, no spaces."""
    return json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def country_from(server: Server) -> str:
    """Name where the country comes from: `header`, `file` (the operator's own) or `table` (of the package)."""
    if server.country_header:
        return "header"
    return "file" if server.country_file else "table"


def mail_host(settings: Settings) -> str:
    """Name the host that reports are handed to, the one connection that an operator can switch on; empty for none."""
    return settings.mail.server.rpartition(":")[0]


def limits_of(settings: Settings) -> dict[str, int]:
    """Return how much one process takes before it refuses, by the names of the settings file."""
    limits = settings.limits
    return {name: getattr(limits, name) for name in limits.__struct_fields__}


def _floors() -> dict[str, Any]:
    return {
        "k": K_FLOOR,
        "address_bits": {"ipv4": IPV4_BITS_MAX, "ipv6": IPV6_BITS_MAX},
        "retention_days": RETENTION_DAYS_MAX,
        "hour_rows_days": HOUR_ROWS_DAYS_MAX,
    }


def _house(settings: Settings) -> dict[str, Any]:
    privacy = settings.privacy
    return {
        "operator": settings.public.operator,
        "contact": settings.public.contact,
        "privacy_officer": settings.public.privacy_officer,
        "sub_processors": [
            {"name": one.name, "task": one.task, "country": one.country} for one in settings.public.sub_processors
        ],
        "profile": privacy.profile.value,
        "k": privacy.k,
        "address_bits": {"ipv4": privacy.ipv4_bits, "ipv6": privacy.ipv6_bits},
        "retention_days": privacy.retention_days,
        "hour_rows_days": min(privacy.retention_days, HOUR_ROWS_DAYS_MAX),
        "timezone": settings.timezone,
        "mail_server": mail_host(settings),
        "country_from": country_from(settings.server),
        "keep_day_through_reboot": settings.keep_day_through_reboot,
        "limits": limits_of(settings),
    }


def _site(site: Site, rules: Rules) -> dict[str, Any]:
    return {
        "id": site.id,
        "hosts": list(site.hosts),
        "controller": site.controller,
        "has_agreement": bool(site.agreement),
        "is_on": site.is_on,
        "profile": site.profile.value,
        "k": rules.k,
        "identity": rules.identity(site.identity).value,
        "address_bits": {"ipv4": rules.ipv4_bits, "ipv6": rules.ipv6_bits},
        "dimensions": [Dimension.TOTAL.value, Dimension.HOUR.value, *(kept.value for kept in rules.dimensions)],
        "pairs": [[first.value, second.value] for first, second in rules.pairs],
        "set_pairs": [[first.value, second.value] for first, second in rules.set_pairs],
        "own_properties_only": rules.own_properties_only,
        "switched_off": [dimension.value for dimension in site.without],
        "retention_days": rules.retention_days,
        "hour_rows_days": min(rules.retention_days, HOUR_ROWS_DAYS_MAX),
        "templates_only": rules.templates_only,
        "templates": len(site.templates),
        "sensitive_routes": len(site.sensitive),
        "goals": len(site.goals),
        "funnels": len(site.funnels),
        "groups": len(site.groups),
        "embed_hosts": list(site.embed_hosts),
        "in_median": site.in_median,
        "timezone": site.timezone,
        "scripts": list(site.scripts),
        "may_echo": site.may_echo,
    }
