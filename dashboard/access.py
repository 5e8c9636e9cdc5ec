"""Decide what is answered at all: without accounts only this machine, with them also what its own proxy hands on.

Two doors have to be shut: other machines, and pages of other sites that run in a browser of this machine (a name that
resolves to 127.0.0.1 makes them look local: DNS rebinding).
"""

import ipaddress
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

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
    #: A pass that does not work.
    PASS = "pass"  # noqa: S105 - a word, no secret
    #: With accounts: it came past the proxies that are trusted.
    PAST_PROXY = "past_proxy"
    #: With accounts: it asked for another host than the one in the settings.
    OTHER_HOST = "other_host"


STATUS: Final = {
    Refused.PEER: 403,
    Refused.FORWARDED: 403,
    Refused.HOST: 421,
    Refused.ORIGIN: 403,
    Refused.PASS: 401,
    Refused.PAST_PROXY: 403,
    Refused.OTHER_HOST: 421,
}


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


class Gate:
    """Let in what a house with accounts answers: this machine, and what a trusted proxy hands on; nothing past it.

    A password that came straight from another machine would have travelled in clear, since the house itself speaks no
    TLS; so a proxy that does has to be named in the settings, and stands in front.
    """

    def __init__(self, *, base_url: str, trusted_proxies: Iterable[str]) -> None:
        """Answer under the host of *base_url*; empty for the names of this machine only."""
        parts = urlsplit(base_url)
        self._host = (parts.hostname or "").lower()
        self._origin = f"{parts.scheme}://{parts.netloc.lower()}"
        self._trusted = [ipaddress.ip_network(network, strict=False) for network in trusted_proxies]

    def refuse(self, request: Request) -> Refused | None:
        """Return why *request* is not answered, or None."""
        peer = request.client.host if request.client else ""
        if not self._trusts(peer) and (not _is_loopback(peer) or any(name in request.headers for name in _FORWARDED)):
            return Refused.PAST_PROXY
        host = request.headers.get("host", "")
        if not _is_own_name(host) and not (self._host and _is_named(host, frozenset({self._host}))):
            return Refused.OTHER_HOST
        if request.method not in {"GET", "HEAD"} and not self._is_own_form(request, host):
            return Refused.ORIGIN
        return None

    def _trusts(self, peer: str) -> bool:
        address = _address(peer)
        return address is not None and any(address in network for network in self._trusted)

    def _is_own_form(self, request: Request, host: str) -> bool:
        # Behind a proxy the browser's scheme is not the one that we see: the settings know it. A page of the same host
        # that came without TLS is not ours.
        if _is_own_name(host) or "sec-fetch-site" in request.headers:
            return _is_same_origin(request)
        return request.headers.get("origin") == self._origin


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_own_name(host: str) -> bool:
    return _is_named(host, _NAMES)


def _is_named(host: str, names: frozenset[str]) -> bool:
    name, port = host.lower(), ""
    if not host.endswith("]") and ":" in host:
        name, _, port = name.rpartition(":")
        if not (port.isascii() and port.isdigit() and len(port) <= _PORT_LENGTH_MAX):
            return False
    return name in names


def _is_same_origin(request: Request) -> bool:
    """Tell whether a form was sent from a page of ours: browsers say so themselves."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and origin == f"{request.url.scheme}://{request.headers.get('host', '')}"
