"""Serve the few files that pages need: named by their content, kept by browsers for good, compressed once."""

import gzip
import hashlib
import re
from importlib.resources import files
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from dashboard.access import HEADERS

_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_NAMES: Final = (
    "turven.css",
    "tables.css",
    "sites.css",
    "forms.css",
    "goals.css",
    "aids.js",
    "access.css",
    "audit.css",
    "sharing.css",
    "api.css",
    "turven.js",
    "turf.svg",
)
#: What the sheet asks before it turns dark; for pages that another page shows in its own colours, answered beforehand.
_DARK: Final = b"(prefers-color-scheme: dark)"
_SCHEMES: Final = {"light": b"not all", "dark": b"all"}
#: A comment that has its lines to itself, and what stands before the first word of a line; read here, not by browsers.
_COMMENT: Final = re.compile(rb"^[ \t]*(/\*.*?\*/|//[^\n]*)[ \t]*\n", re.DOTALL | re.MULTILINE)
_INDENT: Final = re.compile(rb"^[ \t]+", re.MULTILINE)
#: Of a file, which is no page: nothing may be loaded by it, and nobody else may use it.
_HEADERS: Final = {"Content-Security-Policy": "default-src 'none'"} | {
    name: HEADERS[name] for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")
}
_HASH_LENGTH: Final = 12
_FOREVER: Final = "public, max-age=31536000, immutable"
#: Below this a packet is not saved.
GZIP_FROM_BYTES: Final = 600
_NEVER_KEPT: Final = "no-store"


class Asset(msgspec.Struct, frozen=True):
    """Hold a file as it is sent."""

    body: bytes
    packed: bytes
    media_type: str


class Assets:
    """Hold every file, by the name it has in addresses."""

    def __init__(self, base_path: str) -> None:
        self._prefix = f"{base_path}/assets/"
        self._named: dict[str, str] = {}
        self._assets: dict[str, Asset] = {}
        for name in _NAMES:
            self._add(name, (files("dashboard") / "static" / name).read_bytes())
        sheet = (files("dashboard") / "static" / "turven.css").read_bytes()
        for scheme, answer in _SCHEMES.items():
            self._add(f"turven-{scheme}.css", sheet.replace(_DARK, answer))

    def _add(self, name: str, body: bytes) -> None:
        body = _INDENT.sub(b"", _COMMENT.sub(b"", body))
        stem, _, kind = name.partition(".")
        if kind == "css":
            body = body.replace(b" { ", b"{").replace(b"; }", b"}").replace(b"}\n", b"}")
        named = f"{stem}.{hashlib.sha256(body).hexdigest()[:_HASH_LENGTH]}.{kind}"
        self._named[name] = named
        self._assets[named] = Asset(body, gzip.compress(body, 9, mtime=0), _TYPES[kind])

    def below(self, prefix: str) -> "Assets":
        """Return the same files under addresses of another beginning."""
        made = Assets.__new__(Assets)
        made._prefix, made._named, made._assets = f"{prefix}/assets/", self._named, self._assets  # noqa: SLF001
        return made

    def url(self, name: str) -> str:
        """Return the address of a file."""
        return self._prefix + self._named[name]

    def answer(self, request: Request) -> Response:
        """Return the file that the address names, or 404."""
        asset = self._assets.get(request.path_params["name"])
        if asset is None:
            return Response(status_code=404, headers=dict(HEADERS))
        headers = {**_HEADERS, "Cache-Control": _FOREVER}
        if asset.media_type == _TYPES["css"]:
            # A page inside a sandboxed frame is nobody's own: to the browser even our sheet is foreign there. It holds
            # nothing but looks.
            headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return pack(request, asset.body, packed=asset.packed, media_type=asset.media_type, headers=headers)


def pack(
    request: Request,
    body: bytes,
    *,
    media_type: str,
    headers: dict[str, str],
    status: int = 200,
    packed: bytes | None = None,
) -> Response:
    """Return *body* compressed where it helps and the browser takes it; pages are not to be kept by anything."""
    headers = {"Cache-Control": _NEVER_KEPT, **headers, "Vary": "Accept-Encoding"}
    if len(body) >= GZIP_FROM_BYTES and "gzip" in request.headers.get("accept-encoding", ""):
        body = packed or gzip.compress(body, 9, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return Response(body, status_code=status, media_type=media_type, headers=headers)
