"""Check a ZIP of evidence without a house, a settings file or a network: is it whole, and does it agree with itself?

Nothing in it is trusted. It is read within limits, its sums are computed anew, and it is packed once more: what
differs from that stands beside its files, where another program might read something else than this one did.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import msgspec

from collector.audit import consistency
from collector.audit.consistency import Deviation
from collector.audit.evidence import CHAIN, INVENTORY, PAGE, README, REPORT, SCHEMA, SUMS, pack
from collector.audit.report import FORMAT, Report
from collector.errors import StoreError

#: Size of a ZIP, and of all its files together.
EVIDENCE_BYTES_MAX: Final = 128 * 1024 * 1024
FILES_MAX: Final = 1_000
_NEEDED: Final = (REPORT, CHAIN, SCHEMA, INVENTORY, README, SUMS)
_OWN_NAME: Final = re.compile(r"papers/[a-z0-9][a-z0-9._-]{0,99}\.html", re.ASCII)
_SUM: Final = re.compile(r"([0-9a-f]{64})  (\S+)")
_ENTRY: Final = b"PK\x01\x02"
_LOCAL: Final = struct.Struct("<4s22xHH")
_BROKEN_ZIP: Final = (
    BadZipFile, ValueError, struct.error, NotImplementedError, OverflowError, EOFError, RuntimeError, zlib.error,
    OSError,
)  # fmt: skip
#: Makes the pages that a report may have, once a language; None where another version than this one wrote them.
Render = Callable[[Report], Collection[Mapping[str, bytes]] | None]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what a check of a ZIP found.

    Attributes:
        sha256: Of the ZIP itself: to be compared with the one that the auditor noted.
        head: Hash of the newest entry of the settings log, by the report.
        files: How many files were read.
        deviations: What does not fit; none where the evidence is whole.
        is_page_compared: Whether the pages were made anew from the report and compared.
        failed: How many requirements failed, by the report.
    """

    sha256: str
    head: str
    files: int
    deviations: list[Deviation]
    is_page_compared: bool
    failed: int


def read_file(path: Path) -> bytes:
    """Return the bytes of a file that somebody handed in.

    Raises:
        StoreError: `evidence_missing`, `evidence_too_large`, `evidence_unreadable`.
    """
    try:
        if not path.is_file():
            raise StoreError("evidence_missing", f"There is no file {path}.")
        with path.open("rb") as file:
            data = file.read(EVIDENCE_BYTES_MAX + 1)
    except OSError as error:
        raise StoreError("evidence_unreadable", f"{path}: {error.strerror}.") from None
    if len(data) > EVIDENCE_BYTES_MAX:
        raise StoreError(
            "evidence_too_large", f"{path} is larger than {EVIDENCE_BYTES_MAX} bytes: no evidence of ours."
        )
    return data


def verify(data: bytes, *, render: Render = lambda _report: None) -> Verified:
    """Check the bytes of a ZIP of evidence.

    Raises:
        StoreError: `evidence_unreadable` (no ZIP), `evidence_too_large`.
    """
    files, deviations = _unpack(data)
    deviations += _sums_fit(files, beside={one.file for one in deviations})
    report, unread = _report(files)
    deviations += unread
    is_page_compared = False
    if report:
        try:
            deviations += consistency.check(report, files)
        except RecursionError:
            deviations.append(Deviation(REPORT, "", "unreadable"))
        again = render(report)
        is_page_compared = again is not None
        deviations += _pages_fit(files, again or [])
    if not deviations and pack(files) != data:
        deviations.append(Deviation("", "", "container"))
    return Verified(
        sha256=hashlib.sha256(data).hexdigest(),
        head=report.facts.head if report else "",
        files=len(files),
        deviations=deviations,
        is_page_compared=is_page_compared,
        failed=sum(finding.result == "fail" for finding in report.findings) if report else 0,
    )


def read_report(data: bytes) -> Report:
    """Return the report of a ZIP that is whole, or of a JSON report.

    Raises:
        StoreError: `evidence_altered`, `evidence_unreadable`, `evidence_too_large`, `report_unreadable`.
    """
    raw = data
    if data[:2] == b"PK":
        if verify(data).deviations:
            raise StoreError("evidence_altered", "The ZIP does not fit; look at it with `turven audit --verify` first.")
        raw = _unpack(data)[0][REPORT]
    report, deviations = _report({REPORT: raw})
    if report is None:
        raise StoreError("report_unreadable", f"This is no report that this version can read ({deviations[0].field}).")
    return report


def _unpack(data: bytes) -> tuple[dict[str, bytes], list[Deviation]]:
    """Return the files of a ZIP, within limits, and what is wrong with how they lie in it."""
    if data.count(_ENTRY) > 2 * FILES_MAX:
        raise StoreError("evidence_too_large", f"The ZIP has more than {FILES_MAX} files: no evidence of ours.")
    deviations = []
    files: dict[str, bytes] = {}
    try:
        with ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > FILES_MAX or sum(entry.file_size for entry in entries) > EVIDENCE_BYTES_MAX:
                raise StoreError("evidence_too_large", "The ZIP holds more than any evidence of ours.")
            for entry in entries:
                name = entry.filename
                if name in files or not _is_own(name):
                    deviations.append(Deviation(shown(name), "", "beside"))
                else:
                    files[name] = _content(archive, entry, data)
    except _BROKEN_ZIP:
        raise StoreError("evidence_unreadable", "This is no ZIP that can be read.") from None
    return files, deviations


def _is_own(name: str) -> bool:
    return name in {*_NEEDED, PAGE} or bool(_OWN_NAME.fullmatch(name))


def _content(archive: ZipFile, entry: ZipInfo, data: bytes) -> bytes:
    """Return the bytes of a file; what is not compressed is read past its checksum, so that its sum can name it."""
    if entry.compress_type != ZIP_STORED or entry.flag_bits & 1:
        with archive.open(entry) as file:
            return file.read(entry.file_size)
    mark, name_bytes, extra_bytes = _LOCAL.unpack_from(data, entry.header_offset)
    start = entry.header_offset + _LOCAL.size + name_bytes + extra_bytes
    if not mark.startswith(b"PK"):
        raise BadZipFile
    return data[start : start + entry.file_size]


def _sums_fit(files: Mapping[str, bytes], *, beside: Collection[str]) -> Iterator[Deviation]:
    """Compare each file with its sum, in both directions."""
    listed: dict[str, str] = {}
    for number, line in enumerate(files.get(SUMS, b"").decode(errors="replace").splitlines(), 1):
        found = _SUM.fullmatch(line)
        if not found or found[2] in listed or found[2] == SUMS:
            yield Deviation(SUMS, str(number), "sum_line")
        else:
            listed[found[2]] = found[1]
    for name in sorted({*_NEEDED, *map(shown, listed)} - set(files) - set(beside)):
        yield Deviation(name, "", "missing")
    for name, content in files.items():
        if name != SUMS and listed.get(name) != hashlib.sha256(content).hexdigest():
            yield Deviation(name, "", "sum" if name in listed else "unlisted")


def _pages_fit(files: Mapping[str, bytes], again: Collection[Mapping[str, bytes]]) -> Iterator[Deviation]:
    """Compare each page with the ones that were made anew, where there are any."""
    for name in sorted(files) if again else ():
        if name.endswith(".html") and files[name] not in [pages.get(name) for pages in again]:
            yield Deviation(name, "", "page")


def _report(files: Mapping[str, bytes]) -> tuple[Report | None, list[Deviation]]:
    if REPORT not in files:
        return None, []
    try:
        report = msgspec.json.decode(files[REPORT], type=Report)
    except msgspec.ValidationError as error:
        # The place where the shape ends, e.g. `$.findings[0].id`; the value is not quoted.
        where = re.search(r"`(\$[^`]*)`$", str(error))
        return None, [Deviation(REPORT, shown(where[1]) if where else "", "unreadable")]
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None, [Deviation(REPORT, "", "unreadable")]
    if report.format != FORMAT:
        return None, [Deviation(REPORT, "format", "unreadable")]
    return report, []


def shown(name: str) -> str:
    """Return a name from a foreign file as a terminal may show it: short, and without control characters."""
    return "".join(mark if mark.isprintable() else "?" for mark in name[:200])
