"""Verify the settings log: append-only, hash-chained, with contents that can be erased and not changed.

Each entry's `content` is the salted SHA-256 of what it says, and its `hash` the SHA-256 of seq, instant, site, content
and the hash before. The hashes are computed here by their description in the schema: a check that asked the code that
wrote the log would find every log in order that this code could have written.
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from collector.cursor import Cursor

#: Of the log, in the order that `verify_chain` reads.
COLUMNS: Final = ("seq", "made_at", "site", "change", "made_by", "reason", "salt", "content", "previous", "hash")
CHAIN_SQL: Final = f"select {', '.join(COLUMNS)} from settings_log order by seq, hash"
_FIRST: Final = "0" * 64


class ChainCheck(msgspec.Struct, frozen=True, kw_only=True):
    """Say whether the settings log is what was written.

    Attributes:
        entries: How many there are.
        first_broken: Number of the first entry that does not fit, counted from 1; `None` where all do.
        field: What of it does not fit: `missing number` (an entry is gone), `order` (a number stands twice or in the
            wrong place), `previous`, `content` (the hash itself), `says` (change, made_by, reason or salt), or `hash`
            (hash, made_at or site). Empty where all fit.
        erased: Entries whose contents were erased; their hashes stay.
        head: Hash of the newest entry; zeros where there is none.
        noted: A head that was noted earlier; empty for none. Whoever can write the file can write all of it anew, or
            leave out its end: only a noted head shows that.
        noted_at: Number of the entry with that hash; `None` where no entry has it.
    """

    entries: int
    first_broken: int | None = None
    field: str = ""
    erased: int = 0
    head: str = _FIRST
    noted: str = ""
    noted_at: int | None = None

    @property
    def holds(self) -> bool:
        """Tell whether every entry fits, and the noted head stands among them."""
        return self.first_broken is None and (not self.noted or self.noted_at is not None)


def verify_chain(rows: Iterable[tuple[Any, ...]], *, head: str = "") -> ChainCheck:
    """Look at every entry of a settings log and name the first that does not fit.

    Args:
        rows: `CHAIN_SQL`'s.
        head: The hash of a newest entry as an auditor noted it earlier; in any case of letters.
    """
    noted = head.strip().lower()
    entries = erased = 0
    first_broken, field, newest = None, "", _FIRST
    # No entry at all is what every log began with.
    noted_at = 0 if noted == _FIRST else None
    for number, row in enumerate(rows, 1):
        entry = dict(zip(COLUMNS, row, strict=True))
        wrong = _wrong(entry, number=number, previous=newest) if first_broken is None else ""
        if wrong:
            first_broken, field = number, wrong
        entries, newest = number, entry["hash"]
        erased += entry["salt"] is None
        if noted and entry["hash"] == noted and noted_at is None and first_broken is None:
            noted_at = number
    return ChainCheck(
        entries=entries, first_broken=first_broken, field=field, erased=erased, head=newest, noted=noted,
        noted_at=noted_at,
    )  # fmt: skip


def check_chain(cursor: Cursor, *, head: str = "") -> ChainCheck:
    """Verify the settings log of a history: a running house's, a stopped one's or a copy's."""
    return verify_chain(cursor.execute(CHAIN_SQL).fetchall(), head=head)


def _wrong(entry: dict[str, Any], *, number: int, previous: str) -> str:
    """Name what of an entry does not fit; empty where all does."""
    if entry["seq"] != number:
        return "missing number" if entry["seq"] > number else "order"
    if entry["previous"] != previous:
        return "previous"
    says = [entry[name] for name in ("salt", "change", "made_by", "reason")]
    linked = [number, _written(entry["made_at"]), entry["site"], entry["content"], previous]
    is_linked = entry["hash"] == _sha256(linked)
    # Contents are erased all together, and of sites only: what the house itself promised is never forgotten.
    is_said = entry["site"] != "" if says == [None] * len(says) else entry["content"] == _sha256(says)
    if is_linked:
        return "" if is_said else "says"
    return "hash" if is_said else "content"


def _written(made_at: Any) -> str:
    return made_at.isoformat() if isinstance(made_at, datetime) else str(made_at)


def _sha256(said: list[Any]) -> str:
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()
