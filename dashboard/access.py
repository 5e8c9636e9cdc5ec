"""Decide who may look: until there are accounts, only this machine itself.

Two doors have to be shut: other machines, and pages of other sites that run in a browser of this machine (a name that
resolves to 127.0.0.1 makes them look local: DNS rebinding).
"""

import ipaddress
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from starlette.requests import Request

_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_PORT_LENGTH_MAX: Final = 5
#: A proxy that says so stands between us and somebody else: its own address is no proof of theirs.
_FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")

#: Nothing inline, nothing foreign, nobody may frame it.
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Refused(StrEnum):
    """Name why a request is not answered."""

    PEER = "peer"
    FORWARDED = "forwarded"
    HOST = "host"
    ORIGIN = "origin"


STATUS: Final = {Refused.PEER: 403, Refused.FORWARDED: 403, Refused.HOST: 421, Refused.ORIGIN: 403}


def refuse(request: Request) -> Refused | None:
    """Return why *request* is not answered, or None."""
    if request.client is None or not _is_loopback(request.client.host):
        return Refused.PEER
    if any(name in request.headers for name in _FORWARDED):
        return Refused.FORWARDED
    if not _is_own_name(request.headers.get("host", "")):
        return Refused.HOST
    if request.method not in {"GET", "HEAD"} and not _is_same_origin(request):
        return Refused.ORIGIN
    return None


def _is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _is_own_name(host: str) -> bool:
    name, port = host.lower(), ""
    if not host.endswith("]") and ":" in host:
        name, _, port = name.rpartition(":")
        if not (port.isascii() and port.isdigit() and len(port) <= _PORT_LENGTH_MAX):
            return False
    return name in _NAMES


def _is_same_origin(request: Request) -> bool:
    """Tell whether a form was sent from a page of ours: browsers say so themselves."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and origin == f"{request.url.scheme}://{request.headers.get('host', '')}"
