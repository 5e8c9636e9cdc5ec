"""Turn a URL or path into a cleaned path: no query, no fragment, no parameters, ids as `:id`."""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from collector.edge.identifiers import ID, has_identifier, is_plain_word
from collector.edge.text import decode
from collector.model import OTHER, UNKNOWN

#: Longest cleaned path; longer ones lose their last segments.
PATH_LENGTH_MAX: Final = 200
#: Segments that a cleaned path keeps.
SEGMENTS_MAX: Final = 10
#: A longer segment is taken for a token.
SEGMENT_LENGTH_MAX: Final = 80
#: Characters of a URL's path that are looked at.
_LOOKED_AT_MAX: Final = 2_000

_HAS_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WEB_SCHEME: Final = re.compile(r"https?:/*", re.IGNORECASE)
#: What the tracker sends of most pages: nothing to cut, no port, no capitals in the host.
_PLAIN_URL: Final = re.compile(r"https?://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(/[A-Za-z0-9/._-]*)")
_RESERVED: Final = frozenset((OTHER, UNKNOWN, "…", "..."))
#: Paths that need no decoding, and no query, parameters or dots to take off.
_SIMPLE: Final = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")
#: Words below this length, in small letters, hide nothing.
_SHORT: Final = 8
_PARAMETER: Final = re.compile(r":[a-z_]{1,20}")


class Location(NamedTuple):
    """Hold the parts of a URL; `host` is empty for a bare path and `None` for what is no web address."""

    host: str | None
    path: str
    query: str


class Hosts:
    """Know the hosts of one site.

    Args:
        hosts: Host names in lower case; `*.school.example` covers its subdomains and not itself.

    Attributes:
        names: The same, as a set.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self.names = frozenset(hosts)
        self._endings = tuple(host[1:] for host in hosts if host.startswith("*."))

    def hold(self, host: str) -> bool:
        """Tell whether *host* is one of the site's."""
        return host in self.names or host.endswith(self._endings)


class Paths:
    """Clean the paths of one site by its registered templates and sensitive prefixes.

    Args:
        templates: Registered templates such as `/toets/:id`; where there are any, other paths become `(other)`.
        sensitive: Path prefixes that are folded into their parent; `:x` or `*` stands for any segment.
        templates_only: Whether paths without a template become `(other)` even where none is registered.
    """

    def __init__(
        self, *, templates: Sequence[str] = (), sensitive: Sequence[str] = (), templates_only: bool = False
    ) -> None:
        parsed = [_parse_pattern(template) for template in templates]
        # The most literal template wins: /toets/nieuw before /toets/:id.
        self._templates = sorted(parsed, key=lambda parts: sum(part.startswith(":") for part in parts))
        # The shortest prefix wins, so that a parent never lies in another sensitive branch.
        self._sensitive = sorted((_parse_pattern(prefix.casefold()) for prefix in sensitive), key=len)
        self._templates_only = templates_only or bool(self._templates)

    def clean(self, path: str) -> str:
        """Return the cleaned path: at most 200 characters, none of `? # ; @ %`, or `(other)` by the site's templates.

        Cleaning a cleaned path changes nothing.
        """
        segments = _segments(path)
        if self._sensitive:
            segments = self._fold_sensitive(segments)
        if self._templates_only:
            return self._match_template(segments)
        return _join([clean_segment(segment) for segment in segments])

    def is_sensitive(self, path: str) -> bool:
        """Tell whether *path* is folded into its parent."""
        segments = _segments(path)
        return len(self._fold_sensitive(segments)) < len(segments)

    def _fold_sensitive(self, segments: list[str]) -> list[str]:
        for prefix in self._sensitive:
            if prefix and len(prefix) <= len(segments) and _matches(prefix, [part.casefold() for part in segments]):
                return segments[: len(prefix) - 1]
        return segments

    def _match_template(self, segments: list[str]) -> str:
        for template in self._templates:
            if len(template) == len(segments) and _matches(template, segments):
                return _join(template)
        return OTHER


def locate(url: str) -> Location:
    """Split a URL or path by hand: urlsplit costs ten times as much and keeps what it splits in a cache."""
    if plain := _PLAIN_URL.fullmatch(url):
        return Location(plain[1], plain[2], "")
    url = url.strip().replace("\\", "/")
    rest, _, _ = url.partition("#")
    rest, _, query = rest.partition("?")
    if rest.startswith("/") and not rest.startswith("//"):
        return Location("", rest, query)
    if web := _WEB_SCHEME.match(rest):
        rest = rest[web.end() :]
    elif rest.startswith("//"):
        rest = rest.lstrip("/")
    elif _HAS_SCHEME.match(rest):
        return Location(None, "", "")
    else:
        return Location("", "/" + rest, query)
    authority, _, path = rest.partition("/")
    return Location(host_of(authority), "/" + path, query)


def is_whole(url: str, location: Location, page: str, hosts: Hosts) -> bool:
    """Tell whether nothing was taken off *url*: one of the site's own named hosts, and a path that is the page."""
    return page == location.path and location.host in hosts.names and _PLAIN_URL.fullmatch(url) is not None


def host_of(authority: str) -> str | None:
    """Return the lower-case host of `user@host:port`; `None` where there is none."""
    host = authority.rpartition("@")[2].lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].rstrip(".") or None


def is_host_of(host: str, hosts: Sequence[str]) -> bool:
    """Tell whether *host* is one of *hosts*, for callers that ask seldom."""
    return Hosts(hosts).hold(host)


def clean_segment(segment: str) -> str:
    """Return one decoded segment, or `:id` for what names somebody or is reserved for us."""
    if segment.isalpha() and segment.islower() and (len(segment) < _SHORT or is_plain_word(segment)):
        return segment
    if (
        segment.isdigit()
        or len(segment) > SEGMENT_LENGTH_MAX
        or segment[0] in ":("
        or "%" in segment
        or segment in _RESERVED
        or has_identifier(segment)
    ):
        return ID
    return segment


def _segments(path: str) -> list[str]:
    """Return the decoded segments, without queries (however often encoded), parameters, dots and empty ones."""
    path = path[:_LOOKED_AT_MAX]
    if _SIMPLE.fullmatch(path):
        return path.strip("/").split("/")[:SEGMENTS_MAX] if len(path) > 1 else []
    decoded = decode(path)
    if decoded is None:
        # Still encoded: whatever hides in there is an id.
        return [ID]
    decoded = decoded.partition("?")[0].partition("#")[0]
    segments: list[str] = []
    for part in decoded.replace("\\", "/").split("/"):
        segment = part.partition(";")[0].strip().replace(" ", "-")
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    return segments[:SEGMENTS_MAX]


def _matches(pattern: Sequence[str], segments: Sequence[str]) -> bool:
    return all(part[0] in ":*" or part == segment for part, segment in zip(pattern, segments, strict=False))


def _join(segments: Sequence[str]) -> str:
    path = "/" + "/".join(segments)
    while len(path) > PATH_LENGTH_MAX:
        path = path.rpartition("/")[0]
    return path


def _parse_pattern(pattern: str) -> list[str]:
    parts = []
    for part in _segments(pattern):
        is_wild = part[0] in ":*"
        parts.append(
            (part if _PARAMETER.fullmatch(part) else ID) if is_wild else part.replace("@", "").replace("%", "")
        )
    return [part for part in parts if part]
