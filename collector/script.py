"""Make the tracker that a site is served: its parts, minified, with the hashes by which it is pinned.

Nothing here opens a file while a request waits: the source is read once, at the start.
"""

import base64
import gzip
import hashlib
import re
from collections.abc import Callable
from functools import lru_cache
from html import escape
from importlib.resources import files
from itertools import chain, combinations
from typing import Final
from urllib.parse import quote, urlsplit

import minify
import msgspec

from collector.errors import SettingsError
from collector.model import Dimension, Identity, Profile, Site
from collector.policy import Rules, rules_for

#: Parts that a controller switches on and off (`Site.scripts`).
SWITCHED_PARTS: Final = frozenset({"hash", "engagement", "outbound", "downloads"})
#: Parts that follow from the site's identity and profile: nothing is sent that would not be kept.
DERIVED_PARTS: Final = frozenset({"browser", "width"})
PARTS: Final = SWITCHED_PARTS | DERIVED_PARTS

_PART: Final = re.compile(r"/\*! part:([a-z|]+) \*/(.*?)/\*! end \*/", re.DOTALL)
_HASH_LENGTH: Final = 16

# Whole process: nothing newer than Safari 14 reads is made of what the source says.
minify.config({"js-version": 2021})


class Script(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one assembly of the tracker. It says nothing of who asked for it.

    Attributes:
        body: Minified JavaScript, UTF-8.
        gzipped: The same, gzip -9.
        hash: Hexadecimal digits for the address `/turven.<hash>.js`.
        integrity: `sha384-…`, for the attribute of that name.
        etag: The same for everybody; weak, since it names both encodings.
    """

    body: bytes
    gzipped: bytes
    hash: str
    integrity: str
    etag: str


class Scripts:
    """Hold every assembly of the tracker."""

    def __init__(self, source: str, *, rules: Callable[[Profile], Rules] = rules_for) -> None:
        """Take the readable source.

        Args:
            source: What `read_source` returned.
            rules: What is in force for a profile, e.g. `settings.privacy.rules`.
        """
        self._source = source
        self._rules = rules
        self._by_hash: dict[str, Script] = {}

    def for_site(self, site: Site) -> Script:
        """Return the assembly of *site*: what it has switched on and what its identity and profile need."""
        parts = SWITCHED_PARTS.intersection(site.scripts)
        if self._rules(site.profile).identity(site.identity) is Identity.BROWSER:
            parts |= {"browser"}
        if Dimension.VIEWPORT in self._rules(site.profile).dimensions:
            parts |= {"width"}
        return build(self._source, parts=parts)

    def core(self) -> Script:
        """Return the assembly without any part, for `/turven.js` that names no site."""
        return build(self._source, parts=frozenset())

    def by_hash(self, digits: str) -> Script | None:
        """Return the assembly with this hash, whichever site uses it; `None` if there is none in this version.

        The first call makes all of them (about 0.1 s), so that a pinned page finds its script after a restart too.
        """
        if not self._by_hash:
            names = sorted(PARTS)
            choices = chain.from_iterable(combinations(names, count) for count in range(len(names) + 1))
            made = (build(self._source, parts=frozenset(choice)) for choice in choices)
            self._by_hash = {script.hash: script for script in made}
        return self._by_hash.get(digits)


def read_source() -> str:
    """Return the readable source that comes with the package."""
    return files("collector").joinpath("static", "turven.js").read_text("utf-8")


def assemble(source: str, parts: frozenset[str]) -> str:
    """Return *source* with the optional parts in *parts* and without the others.

    A part stands between `/*! part:NAME */` and `/*! end */`; `NAME|OTHER` is kept for either.

    Raises:
        SettingsError: `unknown_part`.
    """
    if unknown := parts - PARTS:
        raise SettingsError("unknown_part", f"{', '.join(sorted(unknown))}: choose of {', '.join(sorted(PARTS))}.")
    return _PART.sub(lambda found: found[2] if parts.intersection(found[1].split("|")) else "", source)


@lru_cache(maxsize=1 << len(PARTS))
def build(source: str, *, parts: frozenset[str]) -> Script:
    """Return the assembly of *parts*, minified and hashed; the same bytes for the same input.

    Raises:
        SettingsError: `unknown_part`.
    """
    body = minify.string("text/javascript", assemble(source, parts)).encode()
    digits = hashlib.sha256(body).hexdigest()[:_HASH_LENGTH]
    return Script(
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0),
        hash=digits,
        integrity="sha384-" + base64.b64encode(hashlib.sha384(body).digest()).decode(),
        etag=f'W/"{digits}"',
    )


def snippet(site: Site, *, base_url: str, pinned: Script | None = None) -> str:
    """Return the HTML to copy into every page of *site*.

    Args:
        site: Whose pages.
        base_url: Where the house answers, e.g. `https://product.example/turven`.
        pinned: The script by its hash; the browser refuses any other. `None` for the one that follows the site's
            switches.
    """
    base = escape(base_url.rstrip("/"))
    # Without these two the request for the script carries the page's address and the cookies of a common domain.
    bare = 'crossorigin="anonymous" referrerpolicy="no-referrer"'
    if pinned is None:
        source = f'src="{base}/turven.js?s={quote(site.id)}"'
    else:
        source = f'src="{base}/turven.{pinned.hash}.js" integrity="{pinned.integrity}"'
    return f'<script defer {source} {bare} data-site="{escape(site.id)}"></script>'


def csp_lines(base_url: str) -> tuple[str, str]:
    """Return the two directives that a strict Content-Security-Policy needs; neither allows inline script or eval."""
    base = urlsplit(base_url.rstrip("/"))
    house = f"{base.scheme}://{base.netloc}{base.path}"
    return f"script-src {house}/", f"connect-src {house}/event"
