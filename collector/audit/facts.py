"""Gather what a report shows beside its findings: what is kept of whom, why, and since which entry of the log.

It reads the database and the settings and judges nothing: the checks do that. What is read is counts and settings.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from collector.audit.chain import COLUMNS, ChainCheck, verify_chain
from collector.audit.kept import inventory as inventory_of_schema
from collector.audit.lines import settings_lines
from collector.audit.register import described, records
from collector.audit.report import Change, Column, Facts, Refused, SiteDays
from collector.cursor import Cursor
from collector.effective import effective
from collector.errors import SettingsError, StoreError
from collector.model import OTHER, Site
from collector.policy import K_FLOOR, Rules
from collector.settings import Privacy, Settings
from collector.store.sites import ZEROS

_CHANGES_SQL: Final = (
    "select seq, made_at, site, change, made_by, reason, salt, content, previous, hash from settings_log order by seq"
)
_REFUSED_SQL: Final = (
    "select site, reason, sum(count)::bigint, count(distinct day) from dropped where $site in ('', site) "
    "group by site, reason order by site, reason"
)
_DAYS_SQL: Final = """
    with part as (
        select site, min(day) as first_day, max(day) as last_day, count(*) filter (outcome = 'kept') as kept,
            count(*) filter (outcome = 'below_k') as below_k, count(*) filter (outcome = 'lost') as lost
        from closed group by site
    ), figure as (
        select site, count(*) as rows,
            sum(pageviews) filter (dimension = 'page' and filter_dimension = '') as pageviews,
            sum(pageviews) filter (dimension = 'page' and filter_dimension = '' and value = $other) as folded
        from cell group by site
    )
    select site, first_day, last_day, kept, below_k, lost, coalesce(rows, 0),
        case when pageviews > 0 then round(coalesce(folded, 0) / pageviews, 4) end
    from part left join figure using (site) where $site in ('', site) order by site
"""


def gather(
    cursor: Cursor,
    *,
    settings: Settings | None,
    sites: Sequence[Site],
    rules: Callable[[Site], Rules],
    version: str,
    site: str = "",
) -> Facts:
    """Return the facts of a history and of the house that it belongs to.

    Args:
        cursor: Of the history: the running house's, a stopped one's, or a copy's.
        settings: Of the house; `None` for a copy, which does not hold them.
        sites: Every site that the history knows, as `sites_in` reads them.
        rules: Tells what is in force for a site; for a copy see `rules_of_copy`.
        version: Of the program.
        site: Only what is kept of one site; empty for all. Inventory and settings log are always whole.
    """
    shown = [one for one in sites if site in ("", one.id)]
    changes, inventory = log_entries(cursor), columns_kept(cursor)
    return Facts(
        effective=effective(settings, sites, rules=rules, version=version) if settings else {},
        settings=settings_lines(settings, shown, rules=rules, changes=changes),
        inventory=inventory,
        changes=changes,
        first_broken=chain_of(changes).first_broken,
        head=changes[-1].hash if changes else ZEROS,
        refused=_refused(cursor, site),
        days=_days(cursor, site),
        register=records(inventory, settings=settings, sites=shown, rules=rules, version=version) if settings else [],
    )


def sites_in(cursor: Cursor) -> list[Site]:
    """Return the sites that a history knows, by id.

    Raises:
        StoreError: `history_foreign`.
    """
    rows = cursor.execute("select record from site order by id").fetchall()
    try:
        return [msgspec.json.decode(record, type=Site) for (record,) in rows]
    except msgspec.MsgspecError:
        raise StoreError("history_foreign", "A site's record in the history cannot be read as one.") from None


def known(sites: Sequence[Site], site: str) -> None:
    """Refuse a site that there is not.

    Raises:
        SettingsError: `site_unknown`.
    """
    if site and site not in {one.id for one in sites}:
        raise SettingsError("site_unknown", f"There is no site {site!r}.")


def rules_of_copy(cursor: Cursor) -> Callable[[Site], Rules]:
    """Return what tells the rules of a site from a copy alone: its record, and the k of its last closed part.

    A copy does not hold the settings of the house, so nothing stricter than these is claimed.
    """
    last: dict[str, int] = dict(
        cursor.execute("select site, arg_max(k, (day, part)) from closed group by site").fetchall()
    )
    loosest = Privacy(profile=Privacy().profile.OPEN, k=K_FLOOR)

    def rules(site: Site) -> Rules:
        by_record = loosest.rules_of(site)
        return msgspec.structs.replace(by_record, k=max(by_record.k, last.get(site.id, 0)))

    return rules


def columns_kept(cursor: Cursor) -> list[Column]:
    """Return every column that is kept in the order of schema.sql, then those that it does not know.

    The database itself orders its tables in another way once it was opened again.
    """
    order = {name: place for place, name in enumerate(inventory_of_schema())}
    columns = described(cursor)
    return sorted(columns, key=lambda one: order.get(f"{one.table}.{one.name}", len(order)))


def log_entries(cursor: Cursor) -> list[Change]:
    """Return the settings log from its first entry."""
    return [_change(*row) for row in cursor.execute(_CHANGES_SQL).fetchall()]


def chain_of(changes: Sequence[Change], *, head: str = "") -> ChainCheck:
    """Verify a settings log that was gathered, and whether a head that was noted earlier stands in it."""
    rows = [
        # As it is stored, and hashed: without an offset.
        tuple(
            getattr(one, name).removesuffix("+00:00") if name == "made_at" else getattr(one, name) for name in COLUMNS
        )
        for one in changes
    ]
    return verify_chain(rows, head=head)


def _change(seq: int, made_at: datetime, site: str, change: str | None, *rest: Any) -> Change:
    made_by, reason, salt, content, previous, entry = rest
    return Change(
        seq=seq,
        # Stored as plain UTC; the offset is written out so that no reader takes it for a local time.
        made_at=made_at.replace(tzinfo=UTC).isoformat(),
        site=site,
        change=change,
        made_by=made_by,
        reason=reason,
        salt=salt,
        content=content,
        previous=previous,
        hash=entry,
    )


def _refused(cursor: Cursor, site: str) -> list[Refused]:
    rows = cursor.execute(_REFUSED_SQL, {"site": site}).fetchall()
    return [Refused(site=one, reason=reason, count=count, days=days) for one, reason, count, days in rows]


def _days(cursor: Cursor, site: str) -> list[SiteDays]:
    names = ("site", "first_day", "last_day", "kept", "below_k", "lost", "rows", "folded_share")
    rows = cursor.execute(_DAYS_SQL, {"site": site, "other": OTHER}).fetchall()
    made: list[Mapping[str, Any]] = [dict(zip(names, row, strict=True)) for row in rows]
    return [
        SiteDays(**{**row, "first_day": row["first_day"].isoformat(), "last_day": row["last_day"].isoformat()})
        for row in made
    ]
