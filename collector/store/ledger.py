"""Write what a part of a day came to, once: cells and marker in one transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final

import msgspec
import polars as pl

from collector.errors import StoreError
from collector.model import Cell, Epoch, Identity, Origin, Outcome, Profile
from collector.store.history import History, insert_frame

#: Refused requests are kept in tens, so that one visitor's cannot be told.
DROPS_STEP: Final = 10
#: Opt-outs are kept in hundreds and for the house as a whole: who says no is not to be counted finely.
OPT_OUTS_STEP: Final = 100
_OPT_OUT: Final = "opt_out"

CELL_SCHEMA: Final = {
    "site": pl.String,
    "day": pl.Date,
    "part": pl.UInt16,
    "filter_dimension": pl.String,
    "filter_value": pl.String,
    "dimension": pl.String,
    "value": pl.String,
    "pageviews": pl.UInt32,
    "visits": pl.UInt32,
    "visitors": pl.UInt32,
    "bounces": pl.UInt32,
    "seconds": pl.UInt64,
    "events": pl.UInt32,
    "contributors": pl.UInt16,
}
_DROPPED_SCHEMA: Final = {
    "site": pl.String,
    "day": pl.Date,
    "part": pl.UInt16,
    "reason": pl.String,
    "count": pl.UInt32,
}


class ClosedPart(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what one part of a site's day came to, ready to be kept.

    Attributes:
        settings: Head of the settings log in force.
        epoch_part: Part of the epoch whose spool files were counted.
        spool: How many bytes of each spool file were counted.
        drops: Requests that were not counted, by reason, as they were counted; rounded when kept.
    """

    site: str
    day: date
    part: int
    outcome: Outcome
    origin: Origin
    identity: Identity
    profile: Profile
    k: int
    settings: str
    closed_at: datetime
    epoch_part: int
    spool: Mapping[str, int]
    cells: Sequence[Cell] = ()
    drops: Mapping[str, int] = {}


class HourBlock(msgspec.Struct, frozen=True, kw_only=True):
    """Hold a block of hours of the running day; `visitors` is rounded down to a multiple of k."""

    first_hour: int
    last_hour: int
    pageviews: int
    visitors: int
    contributors: int


def cell_frame(cells: Iterable[Cell], *, site: str, day: date, part: int) -> pl.DataFrame:
    """Return cells as rows of the table `cell`."""
    rows = [
        (
            site, day, part, cell.filter_dimension or "", cell.filter_value, cell.dimension, cell.value,
            cell.pageviews, cell.visits, cell.visitors, cell.bounces, cell.seconds, cell.events, cell.contributors,
        )
        for cell in cells
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=CELL_SCHEMA, orient="row")


class Ledger:
    """Keep closed parts, committed hours, drops and gaps in the history file."""

    def __init__(self, history: History) -> None:
        self._history = history

    def next_part(self, site: str, day: date) -> int:
        """Return the number of the next part of a site's day, from 1."""
        with self._history.read() as cursor:
            row = cursor.execute(
                "select coalesce(max(part), 0) + 1 from closed where site = ? and day = ?", [site, day]
            ).fetchone()
        return int(row[0]) if row else 1

    def counted(self, epoch: Epoch) -> dict[str, dict[str, int]]:
        """Return, per site, how many bytes of each spool file of *epoch* are counted already."""
        with self._history.read() as cursor:
            rows = cursor.execute(
                "select site, spool from closed where day = ? and epoch_part = ? and origin = 'tracker'",
                [epoch.day, epoch.part],
            ).fetchall()
        counted: dict[str, dict[str, int]] = {}
        for site, spool in rows:
            files = counted.setdefault(site, {})
            for file, end in json.loads(spool).items():
                files[file] = max(files.get(file, 0), end)
        return counted

    def keep(self, parts: Sequence[ClosedPart], *, is_settled: bool = True) -> None:
        """Keep parts, each with its cells and its marker, all in one transaction.

        Args:
            parts: None of them is there yet.
            is_settled: As of `History.write`.

        Raises:
            StoreError: `part_closed` when one of them is there already, `history_write_failed`.
        """
        if not parts:
            return
        with self._history.write(is_settled=is_settled) as cursor:
            for part in parts:
                key = [part.site, part.day, part.part]
                if cursor.execute("select 1 from closed where site = ? and day = ? and part = ?", key).fetchone():
                    raise StoreError("part_closed", f"{part.site} {part.day} part {part.part} is closed already.")
                if part.outcome is not Outcome.LOST:
                    cursor.execute("delete from committed_hour where site = ? and day = ? and part = ?", key)
                cursor.execute(
                    "insert into closed values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    [
                        *key, part.outcome, part.origin, part.identity, part.profile, part.k, part.settings,
                        _plain(part.closed_at), part.epoch_part, json.dumps(dict(part.spool), sort_keys=True),
                    ],
                )  # fmt: skip
            insert_frame(cursor, "cell", _all_cells(parts))
            insert_frame(cursor, "dropped", _all_drops(parts))

    def differs(self, parts: Sequence[ClosedPart]) -> str | None:
        """Compare what the file holds with *parts*; return the first part that differs, or `None`.

        Call it after `History.reopen`, so that the answer comes from the file.
        """
        columns = ", ".join(CELL_SCHEMA)
        with self._history.read() as cursor:
            for part in parts:
                key = [part.site, part.day, part.part]
                marked = cursor.execute(
                    "select outcome, spool from closed where site = ? and day = ? and part = ?", key
                ).fetchall()
                rows = cursor.execute(
                    f"select {columns} from cell where site = ? and day = ? and part = ?", key
                ).fetchall()
                expected = cell_frame(part.cells, site=part.site, day=part.day, part=part.part).rows()
                is_same = marked == [(part.outcome, json.dumps(dict(part.spool), sort_keys=True))]
                if not is_same or sorted(rows, key=repr) != sorted(expected, key=repr):
                    return f"{part.site} {part.day} part {part.part}"
        return None

    def keep_house_drops(self, *, day: date, epoch_part: int, drops: Mapping[str, int]) -> None:
        """Keep what belongs to no site: opt-outs in hundreds, unknown sites in tens; once per epoch.

        An epoch that has none changes nothing: the same day of another time zone may have brought some.
        """
        if not drops:
            return
        frame = _drop_frame([("", day, epoch_part, reason, count) for reason, count in drops.items()])
        with self._history.write() as cursor:
            cursor.execute("delete from dropped where site = '' and day = ? and part = ?", [day, epoch_part])
            insert_frame(cursor, "dropped", frame)

    def commit_hours(self, *, site: str, day: date, part: int, blocks: Sequence[HourBlock]) -> None:
        """Keep the blocks of hours that are not kept yet; a block once kept stays as it is.

        Call `History.settle` behind the last site.
        """
        if not blocks:
            return
        with self._history.write(is_settled=False) as cursor:
            row = cursor.execute(
                "select max(last_hour) from committed_hour where site = ? and day = ? and part = ?", [site, day, part]
            ).fetchone()
            kept = -1 if row is None or row[0] is None else int(row[0])
            for block in blocks:
                if block.first_hour > kept:
                    cursor.execute(
                        "insert into committed_hour values (?, ?, ?, ?, ?, ?, ?, ?)",
                        [site, day, part, *msgspec.structs.astuple(block)],
                    )

    def has_committed_hours(self, site: str, day: date, part: int) -> bool:
        """Tell whether hours of a part are kept."""
        with self._history.read() as cursor:
            return bool(
                cursor.execute(
                    "select 1 from committed_hour where site = ? and day = ? and part = ? limit 1", [site, day, part]
                ).fetchone()
            )

    def note_gap(self, epoch: Epoch, *, reason: str, at: datetime) -> None:
        """Note that events of *epoch* are lost; once per epoch and reason."""
        with self._history.write() as cursor:
            key = [epoch.timezone, epoch.day, epoch.part, reason]
            known = cursor.execute(
                "select 1 from gap where timezone = ? and day = ? and epoch_part = ? and reason = ?", key
            ).fetchone()
            if not known:
                cursor.execute("insert into gap values (?, ?, ?, ?, ?)", [*key, _plain(at)])


def _plain(at: datetime) -> datetime:
    # Fetching TIMESTAMPTZ needs pytz: instants are kept as UTC without a zone.
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _all_cells(parts: Sequence[ClosedPart]) -> pl.DataFrame:
    return pl.concat([cell_frame(p.cells, site=p.site, day=p.day, part=p.part) for p in parts])


def _all_drops(parts: Sequence[ClosedPart]) -> pl.DataFrame:
    """Return what was not counted of parts that have figures: one below k keeps its marker and nothing else."""
    kept = [part for part in parts if part.outcome is Outcome.KEPT]
    return _drop_frame([(p.site, p.day, p.part, reason, count) for p in kept for reason, count in p.drops.items()])


def _drop_frame(rows: Sequence[tuple[str, date, int, str, int]]) -> pl.DataFrame:
    """Return rows of the table `dropped`, rounded down; an opt-out is never one site's."""
    stepped = [
        (site, day, part, reason, count - count % (OPT_OUTS_STEP if reason == _OPT_OUT else DROPS_STEP))
        for site, day, part, reason, count in rows
        if not (site and reason == _OPT_OUT)
    ]
    return pl.DataFrame([row for row in stepped if row[-1]], schema=_DROPPED_SCHEMA, orient="row")
