"""Tell from the settings log where a site was made looser, by whom and why."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from collector.audit.kept import Kept
from collector.model import Identity, Profile, Site

_STRICTNESS: Final = (Profile.OPEN, Profile.STANDARD, Profile.STRICT)
#: What a site has as long as nobody wants anything else: off, and without a number in the browser.
_UNTOUCHED: Final = Site(id="untouched", hosts=(), identity=Identity.NETWORK)


class Entry(msgspec.Struct, frozen=True):
    """Hold one entry of the settings log and what it made of a site.

    Attributes:
        loosened: What became looser by it; empty where nothing did.
        after: The site as the entry left it; `None` where erased contents leave that open.
    """

    seq: int
    site: str
    made_by: str
    reason: str
    is_erased: bool
    loosened: tuple[str, ...] = ()
    after: Site | None = None


def loosened(before: Site | None, after: Site) -> tuple[str, ...]:
    """Return what is looser in *after* than in *before*: more is counted, kept, shown or stored, or for longer.

    Args:
        before: `None` for a site that was not there: it is compared with one that nobody touched.
        after: The same site later.
    """
    old = before or _UNTOUCHED
    looser = {
        "is_on": after.is_on and not old.is_on,
        "profile": _STRICTNESS.index(after.profile) < _STRICTNESS.index(old.profile),
        "identity": after.identity is Identity.BROWSER and old.identity is not Identity.BROWSER,
        "k": after.k < old.k,
        "without": not set(old.without) <= set(after.without),
        # 0 is the house's own period, the longest.
        "retention_days": _days(after) > _days(old),
        "templates": bool(old.templates) and (not after.templates or not set(after.templates) <= set(old.templates)),
        "sensitive": not set(old.sensitive) <= set(after.sensitive),
        "scripts": not set(after.scripts) <= set(old.scripts),
        "may_echo": after.may_echo and not old.may_echo,
        "goals": not set(after.goals) <= set(old.goals),
        "funnels": not set(after.funnels) <= set(old.funnels),
        "groups": not set(after.groups) <= set(old.groups),
        "embed_hosts": not set(after.embed_hosts) <= set(old.embed_hosts),
        "in_median": after.in_median and not old.in_median,
        "hosts": before is not None and not set(after.hosts) <= set(old.hosts),
    }
    return tuple(name for name, is_so in looser.items() if is_so)


def _days(site: Site) -> float:
    return site.retention_days or float("inf")


def read_log(kept: Kept) -> list[Entry]:
    """Return the entries about sites in order, each with what it loosened."""
    rows = kept.rows(
        "select seq, site, change, coalesce(made_by, ''), coalesce(reason, ''), salt is null from settings_log "
        "where site <> '' order by seq"
    )
    told: dict[str, Mapping[str, Any] | None] = {}
    made = []
    for seq, site, change, made_by, reason, is_erased in rows:
        so_far, entry = told.get(site, {}), Entry(seq, site, made_by, reason, is_erased)
        read = json.loads(change) if change is not None else None
        if isinstance(read, dict) and ("id" in read or so_far is not None):
            # A whole record begins anew: a site may come back under a name that was erased.
            before = None if "id" in read else _site(so_far)
            told[site] = read if "id" in read else {**(so_far or {}), **read}
            after = _site(told[site])
            entry = msgspec.structs.replace(entry, after=after, loosened=loosened(before, after) if after else ())
        else:
            told[site] = None
        made.append(entry)
    return made


def site_of(record: str) -> Site | None:
    """Return the site of a record as it is kept; `None` where it is none."""
    try:
        return _site(json.loads(record))
    except json.JSONDecodeError:
        return None


def _site(record: Mapping[str, Any] | None) -> Site | None:
    try:
        return msgspec.convert(record, Site, strict=False)
    except msgspec.ValidationError:
        return None
