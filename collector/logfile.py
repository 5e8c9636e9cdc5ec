"""Read a web server's log: lines of the combined or common format, plain, gzipped or from a pipe. Personal data.

A line is looked at once and kept nowhere. What cannot be read is told by its number, never quoted.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, NamedTuple, Self

from collector.errors import SettingsError

#: A longer line is read in pieces, each of which is a bad line.
LINE_BYTES_MAX: Final = 65_536
#: Minutes that are remembered with what they mean; a log has 1,440 a day.
MINUTES_MAX: Final = 100_000

# Runs of plain characters are taken whole (`*+`): one by one they took ten times as long.
_QUOTED: Final = r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"'
# The user's name may hold spaces; the rest is as Apache and nginx write it, with `\"` and `\x22` inside quotes.
_LINE: Final = re.compile(rf"(\S++) \S++ [^\[]*+\[([^\]]{{17,40}})\] {_QUOTED} (\d{{3}}) \S++(?: {_QUOTED} {_QUOTED})?")
_ESCAPED: Final = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))")
_MONTH_NAMES: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"
_MONTHS: Final = {name: month for month, name in enumerate(_MONTH_NAMES.split(), 1)}
_MINUTE: Final = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d)")
_ZONE: Final = re.compile(r" ([+-])(\d\d)(\d\d)")

_EXTENSIONS: Final = (
    "7z aac apk atom avi avif bin bmp br bz2 class css csv cur dat db dmg doc docx eot epub exe flac flv gif gz ico "
    "ics iso jar jpeg jpg js json jsonld key less lock log m3u8 m4a m4s m4v map md mjs mkv mov mp3 mp4 mpd mpeg mpg "
    "msi odp ods odt ogg ogv opus otf pdf pem png ppt pptx rar rdf rss rtf sass scss sql svg svgz swf tar tgz tif "
    "tiff toml ts ttf txt vtt wasm wav weba webm webmanifest webp woff woff2 xls xlsx xml xsl xz yaml yml zip"
)
#: What a page asks for beside itself, and files that are no pages.
ASSETS: Final = frozenset(_EXTENSIONS.split())


class Line(NamedTuple):
    """Hold what one line says.

    Attributes:
        address: The client's, as the server saw it.
        at: In whole seconds since 1970 UTC.
        target: Path and query as requested.
        agent: `None` where the format has none (common log format).
    """

    address: str
    at: int
    method: str
    target: str
    status: int
    referrer: str
    agent: str | None


class Lines:
    """Turn lines into what they say."""

    def __init__(self) -> None:
        self._minutes: dict[str, int] = {}

    def read(self, line: bytes) -> Line | None:
        """Return what *line* says, or `None` where it is neither of the two formats."""
        found = _LINE.match(line.decode("latin-1"))
        if found is None:
            return None
        address, stamp, request, status, referrer, agent = found.groups()
        at = self._instant(stamp)
        if at is None:
            return None
        method, _, rest = request.partition(" ")
        target, _, _ = rest.rpartition(" HTTP/")
        return Line(
            address=address,
            at=at,
            method=method,
            target=_plain(target or rest),
            status=int(status),
            referrer=_plain(referrer) if referrer and referrer != "-" else "",
            agent=None if agent is None else "" if agent == "-" else _plain(agent),
        )

    def _instant(self, stamp: str) -> int | None:
        # Thousands of lines share a minute: reading each date anew would cost more than the rest of the line.
        key = stamp[:17] + stamp[20:]
        start = self._minutes.get(key)
        second = stamp[17:20]
        if start is None:
            start = _minute(key)
            if start is None:
                return None
            if len(self._minutes) >= MINUTES_MAX:
                self._minutes.clear()
            self._minutes[key] = start
        if second[:1] != ":" or not second[1:].isdigit():
            return None
        # A leap second counts with the second before.
        return start + min(int(second[1:]), 59)


def _minute(key: str) -> int | None:
    date, zone = _MINUTE.fullmatch(key[:17]), _ZONE.fullmatch(key[17:])
    if date is None or zone is None or date[2] not in _MONTHS:
        return None
    offset = timedelta(hours=int(zone[2]), minutes=int(zone[3])) * (-1 if zone[1] == "-" else 1)
    try:
        at = datetime(int(date[3]), _MONTHS[date[2]], int(date[1]), int(date[4]), int(date[5]), tzinfo=timezone(offset))
        return int(at.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        return None


def _plain(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def is_asset(target: str) -> bool:
    """Tell whether *target* is a file that pages load or link to, and no page."""
    path = target.partition("?")[0]
    if path.startswith("/.well-known/"):
        return True
    _, dot, extension = path.rpartition("/")[2].rpartition(".")
    return bool(dot) and extension.lower() in ASSETS


class LogFile(AbstractContextManager["LogFile"]):
    """Read the lines of a log, and tell how far it has been read."""

    def __init__(self, path: str, *, stdin: BinaryIO | None) -> None:
        """Open a log.

        Args:
            path: A file, gzipped if it ends in `.gz`; `-` for standard input.
            stdin: Standard input; `None` where there is none to read from.

        Raises:
            SettingsError: `log_unreadable`, `log_stdin`.
        """
        self._path = path
        self.size: int | None = None
        if path == "-":
            if stdin is None:
                raise SettingsError(
                    "log_stdin", "A running house reads no standard input: name a file that it may read, or stop it."
                )
            self._raw = stdin
        else:
            try:
                self._raw = Path(path).open("rb")  # noqa: SIM115 - closed by `__exit__`
                self.size = Path(path).stat().st_size
            except OSError as error:
                raise SettingsError("log_unreadable", f"{path}: {error.strerror}.") from None
        self._read: BinaryIO = gzip.GzipFile(fileobj=self._raw) if path.endswith(".gz") else self._raw  # type: ignore[assignment]

    def __enter__(self) -> Self:
        """Lend the open file."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        """Close the file; standard input stays open."""
        if self._path != "-":
            self._raw.close()

    def position(self) -> int:
        """Return how many bytes of the file have been read; 0 for standard input."""
        return 0 if self.size is None else self._raw.tell()

    def __iter__(self) -> Iterator[bytes]:
        """Yield the lines.

        Raises:
            SettingsError: `log_damaged`.
        """
        readline = self._read.readline
        try:
            while line := readline(LINE_BYTES_MAX):
                yield line
        except (OSError, EOFError, zlib.error):
            raise SettingsError("log_damaged", f"{self._path} is damaged or ends in the middle.") from None
