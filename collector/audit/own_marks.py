"""Search what a real house keeps for marks that the auditor sent to it: by a browser of their own, on a school's page.

A scratch house can be told from a real one by a build that wants to, and a build that behaves well only there passes
every check on it. What an auditor sends to the house itself, among everybody's visits, it cannot know.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from collector.audit.finding import Seen
from collector.audit.marks import MARK_LENGTH_MAX, MARK_LENGTH_MIN, Mark, Needles, chunks, forms, hunt
from collector.audit.scratch import text_of
from collector.errors import SettingsError
from collector.settings import Settings

#: What cannot be seen from here: whether anybody sent them.
SENT: Final = "Send them to this house first, by a browser of your own: what was not sent is not found either."


def search_copy(path: Path, cursor: Any, *, marks: Sequence[str]) -> Seen:
    """R41 of a copy: no mark is among the values of its tables, or in its bytes.

    Raises:
        SettingsError: `mark_too_short`, `mark_too_long`.
    """
    return _search({"values": text_of(cursor)}, _histories(path), marks=marks)


def search_house(ask: Callable[..., bytes], *, marks: Sequence[str]) -> Seen:
    """R41 of a running house: no mark is in the export of a site, in its settings or in its log of settings.

    Raises:
        SettingsError: `mark_too_short`, `mark_too_long`.
    """
    sites = [site["id"] for site in json.loads(ask("site_list"))]
    exports = {f"export of {site}": ask("export", site=site, format="json") for site in sites}
    return _search({**exports, "settings": ask("facts", site="")}, [], marks=marks)


def search_folders(settings: Settings, *, marks: Sequence[str]) -> Seen:
    """R41 of the machine: no mark is in a file of the house's folders.

    Raises:
        SettingsError: `mark_too_short`, `mark_too_long`.
    """
    folders = {settings.data_dir, settings.runtime_path(), settings.backup_dir}
    files = sorted({path for folder in folders for path in folder.rglob("*") if path.is_file()})
    return _search({}, files, marks=marks)


def _histories(path: Path) -> list[Path]:
    log = path.with_name(f"{path.name}.wal")
    return [path, *([log] if log.exists() else [])]


def _search(texts: Mapping[str, bytes], files: Sequence[Path], *, marks: Sequence[str]) -> Seen:
    if any(len(mark) < MARK_LENGTH_MIN for mark in marks):
        raise SettingsError("mark_too_short", f"A mark has {MARK_LENGTH_MIN} characters or more: shorter ones turn up.")
    if any(len(mark) > MARK_LENGTH_MAX for mark in marks):
        raise SettingsError("mark_too_long", f"A mark has at most {MARK_LENGTH_MAX} characters, to fit into an event.")
    needles = Needles({"own": {form for mark in marks for form in forms(Mark("own", mark))}})
    places = [(name, iter([text])) for name, text in texts.items()] + [(path.name, chunks(path)) for path in files]
    read, found = hunt(places, needles)
    return Seen.that(
        not found,
        own_marks=len(marks),
        own_marks_found_in=sorted(set(found.get("own", []))),
        forms=needles.forms,
        files_searched=len(files),
        bytes_searched=read,
        why=SENT,
    )
