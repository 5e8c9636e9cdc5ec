"""Keep reports of earlier audits beside the history, so that the auditor's page can show them and compare two.

They may lie on disk unsealed: a report holds counts that the k rule let through, settings and hashes, and no value of
a small group, no event and no visitor. Each report that a page shows could be made again from the history file.
"""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from collector.audit.finding import Result
from collector.audit.report import Report
from collector.errors import SettingsError, StoreError

#: Folder in `data_dir`.
FOLDER_NAME: Final = "audit"
REPORTS_MAX: Final = 20
REPORT_BYTES_MAX: Final = 64 * 1024 * 1024
#: Reports of one second, before a name runs out: nobody audits that often.
_SAME_SECOND_MAX: Final = 99
_NAME: Final = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d{1,2}))?\.json", re.ASCII)
_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """Name a report that was kept.

    Attributes:
        name: What `Shelf.load` takes.
        at: Instant of the audit, ISO 8601 UTC.
        failed: How many requirements failed.
    """

    name: str
    at: str
    failed: int


class _Result(msgspec.Struct):
    result: Result


class _Outline(msgspec.Struct):
    at: str
    findings: list[_Result]


class Shelf:
    """Hold the newest reports in a folder that only the house's own user may enter."""

    def __init__(self, data_dir: Path, *, reports_max: int = REPORTS_MAX) -> None:
        """Use the folder `audit` in *data_dir*; it is made with the first report."""
        self.folder = data_dir / FOLDER_NAME
        self._reports_max = reports_max

    def keep(self, report: Report) -> str:
        """Keep *report*, let the oldest beyond the limit go, and return its name.

        The file appears whole or not at all.

        Raises:
            StoreError: `report_unwritable`.
        """
        stem = datetime.fromisoformat(report.at).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        try:
            self.folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
            # A name of its own: another process may be keeping a report of the same second.
            fresh = self.folder / f".{stem}.{os.getpid()}"
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE), "wb") as file:
                file.write(msgspec.json.encode(report))
                file.flush()
                os.fsync(file.fileno())
            name = self._place(fresh, stem)
            for old in self._names()[self._reports_max :]:
                (self.folder / old).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError("report_unwritable", f"{self.folder}: {error.strerror}.") from None
        return name

    def _place(self, fresh: Path, stem: str) -> str:
        """Give a file its name without replacing another: a link fails where a rename would overwrite."""
        for number in range(1, _SAME_SECOND_MAX + 1):
            name = f"{stem}.json" if number == 1 else f"{stem}-{number}.json"
            try:
                os.link(fresh, self.folder / name)
            except FileExistsError:
                continue
            fresh.unlink()
            return name
        fresh.unlink()
        raise StoreError("report_unwritable", f"{self.folder} holds too many reports of one second.")

    def kept(self) -> list[Listed]:
        """Return the reports that can be read, the newest first."""
        return list(self._listed())

    def _listed(self) -> Iterator[Listed]:
        for name in self._names():
            try:
                outline = msgspec.json.decode(self._read(name), type=_Outline)
            except (StoreError, SettingsError, msgspec.MsgspecError, RecursionError):
                continue
            failed = sum(finding.result is Result.FAIL for finding in outline.findings)
            yield Listed(name=name, at=outline.at, failed=failed)

    def load(self, name: str) -> Report:
        """Return a report that was kept.

        Raises:
            SettingsError: `report_unknown`, also for whatever is no name of a report.
            StoreError: `report_unreadable`.
        """
        raw = self._read(name)
        try:
            return msgspec.json.decode(raw, type=Report)
        except (msgspec.MsgspecError, RecursionError):
            raise StoreError("report_unreadable", f"{self.folder / name} is no report; remove it.") from None

    def _read(self, name: str) -> bytes:
        if not _NAME.fullmatch(name):
            raise SettingsError("report_unknown", "There is no report of that name.")
        try:
            # A link out of the folder is not followed.
            with os.fdopen(os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
                raw = file.read(REPORT_BYTES_MAX + 1)
        except FileNotFoundError:
            raise SettingsError("report_unknown", "There is no report of that name.") from None
        except OSError as error:
            raise StoreError("report_unreadable", f"{self.folder / name}: {error.strerror}.") from None
        if len(raw) > REPORT_BYTES_MAX:
            raise StoreError("report_unreadable", f"{self.folder / name} is larger than any report.")
        return raw

    def _names(self) -> list[str]:
        """Return the names of all reports, the newest first."""
        try:
            found = [_NAME.fullmatch(path.name) for path in self.folder.iterdir()]
        except FileNotFoundError:
            return []
        named = [match for match in found if match]
        return [match[0] for match in sorted(named, key=lambda one: (one[1], int(one[2] or 1)), reverse=True)]
