"""Turn a referrer into a source and a channel, and a link's marks into a campaign. Never a path, never a click id."""

import re
from typing import Final
from urllib.parse import unquote_plus

from collector.edge.identifiers import ID, has_identifier
from collector.edge.page import Hosts, host_of, locate
from collector.edge.sources import CHANNEL_OF_MEDIUM, GOOGLE, HOSTS
from collector.edge.text import label
from collector.model import DIRECT, UNKNOWN

HOST_LENGTH_MAX: Final = 100
CAMPAIGN_PART_LENGTH_MAX: Final = 60

_HOST: Final = re.compile(r"(?=.*[a-z])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])")
_NONE: Final = "-"


def name_source(referrer: str, *, hosts: Hosts) -> tuple[str, str]:
    """Return source and channel of *referrer*.

    Args:
        referrer: A URL, a host, or nothing.
        hosts: The site's own hosts; a referrer of these is no source.

    Returns:
        The name of a known source, else the external host (without `www.`), else `(unknown)`; `(direct)` without a
        referrer. And `direct`, `search`, `social`, `ai`, `email` or `referral`.
    """
    if not referrer:
        return DIRECT, "direct"
    host = _referring_host(referrer)
    if host is None:
        return UNKNOWN, "referral"
    if hosts.hold(host):
        return DIRECT, "direct"
    host = host.removeprefix("www.")
    if known := _known(host):
        return known
    return _external(host), "referral"


def is_whole(referrer: str, source: str, hosts: Hosts) -> bool:
    """Tell whether *referrer* says no more than *source* does, or is on a list of ours or of the site."""
    bare = referrer.removeprefix("www.")
    return bare == source or bare in HOSTS or referrer in hosts.names


def name_campaign(query: str, written: str) -> tuple[str, str, bool]:
    """Return campaign, channel and whether an identifier was removed.

    Only `utm_source`, `utm_medium` and `utm_campaign` are looked at; nothing else of a query is.

    Args:
        query: The query of the page's URL.
        written: `source/medium/name` as a tracker sends it that cuts the query itself; goes before the query.

    Returns:
        `source/medium/name` with `-` for what is missing, empty if there is none; `email`, `social` or `campaign`,
        empty if there is none.
    """
    if written:
        parts = [*written.split("/", 2), "", ""]
    elif "utm_" in query:
        marks = dict(mark.partition("=")[::2] for mark in query.split("&") if mark.startswith("utm_"))
        parts = [unquote_plus(marks.get(key, "")) for key in ("utm_source", "utm_medium", "utm_campaign")]
    else:
        return "", "", False
    cleaned = [_campaign_part(part) for part in parts[:3]]
    if cleaned == [_NONE] * 3:
        return "", "", False
    return "/".join(cleaned), CHANNEL_OF_MEDIUM.get(cleaned[1], "campaign"), ID in cleaned


def _referring_host(referrer: str) -> str | None:
    if referrer.startswith("android-app://"):
        return host_of(referrer[14:].partition("/")[0])
    if "//" in referrer:
        return locate(referrer).host
    # A host without a scheme, as the tracker sends it; `mailto:` and the like have no port.
    authority, _, _ = referrer.partition("/")
    port = authority.partition(":")[2]
    return host_of(authority) if not port or port.isdigit() else None


def _known(host: str) -> tuple[str, str] | None:
    rest = host
    while rest:
        if known := HOSTS.get(rest):
            return known
        rest = rest.partition(".")[2]
    return ("Google", "search") if "google." in host and GOOGLE.fullmatch(host) else None


def _external(host: str) -> str:
    if len(host) > HOST_LENGTH_MAX or not _HOST.fullmatch(host):
        return UNKNOWN
    # A subdomain may hold a token or a number of somebody; the site above it does not.
    while has_identifier(host):
        host = host.partition(".")[2]
        if "." not in host:
            return UNKNOWN
    return host


def _campaign_part(part: str) -> str:
    words = label(part)
    if words is None:
        return ID
    return words.lower().replace("/", "-").replace(" ", "-")[:CAMPAIGN_PART_LENGTH_MAX] or _NONE
