"""Say what happened at a day beside the counting: notes, changes of settings that move figures, and what was lost."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec

from collector.clock import local_day
from collector.model import Region, Site
from dashboard import cells
from dashboard.desk import notes
from dashboard.holidays import Holiday, calendar
from dashboard.house import House
from dashboard.period import Span
from dashboard.sql import Statement


class MarkKind(StrEnum):
    """Name what a mark stands for."""

    NOTE = "note"
    SETTING = "setting"
    GAP = "gap"


class Change(StrEnum):
    """Name a change of settings after which figures cannot be compared with those before."""

    ON = "on"
    OFF = "off"
    PROFILE = "profile"
    K = "k"
    K_NONE = "k_none"
    WITHOUT = "without"
    WITH = "with"
    TEMPLATES = "templates"
    SENSITIVE = "sensitive"
    GOALS = "goals"
    GOALS_GONE = "goals_gone"
    FUNNELS = "funnels"
    FUNNELS_GONE = "funnels_gone"
    GROUPS = "groups"
    GROUPS_GONE = "groups_gone"
    HOUSE_PROFILE = "house_profile"
    HOUSE_K = "house_k"


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """Hold something that happened at a day.

    Attributes:
        site: Empty for the house.
        code: Of a change or a gap; empty of a note.
        words: What the sentence of a change names: values, or names of breakdowns, goals and groups.
        text: Of a note, as somebody wrote it.
        made_by: Who wrote the note.
        note_id: By which it is removed.
    """

    kind: MarkKind
    day: date
    site: str = ""
    code: str = ""
    words: tuple[str, ...] = ()
    text: str = ""
    made_by: str = ""
    note_id: int = 0


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """Hold everything that is said about the days of a period beside their figures.

    Attributes:
        marks: Oldest first.
        holidays: Cut at the ends of the period; of several sites those that all of them have.
        unknown: Holidays, each with its year, that may lie in the period and are not known.
        regions: Where the schools are, where every site says so.
    """

    marks: list[Mark]
    holidays: list[Holiday]
    unknown: list[tuple[str, int]]
    regions: tuple[Region, ...]

    def holiday(self, day: date) -> Holiday | None:
        """Return the holiday that *day* is in, or None."""
        return next((each for each in self.holidays if each.first <= day <= each.last), None)

    def within(self, first: date, last: date) -> list[Mark]:
        """Return the marks of these days."""
        return [mark for mark in self.marks if first <= mark.day <= last]


#: What of the house's own settings moves figures, and how it is said.
_HOUSE: Final = {"profile": Change.HOUSE_PROFILE, "k": Change.HOUSE_K}
#: Settings that name things, and how new and removed ones are said.
_NAMED: Final = {
    "goals": (Change.GOALS, Change.GOALS_GONE),
    "funnels": (Change.FUNNELS, Change.FUNNELS_GONE),
    "groups": (Change.GROUPS, Change.GROUPS_GONE),
    "without": (Change.WITHOUT, Change.WITH),
}


#: Settings of so many sites at most stand at the chart: of hundreds some are changed every day.
CHANGES_OF_MAX: Final = 10


def around(house: House, sites: Sequence[Site], span: Span, *, today: date) -> Around:
    """Return what happened around the days of *span*, and the day that follows where it runs.

    Args:
        house: Of the sites.
        sites: Those that are asked for; the caller has seen that they may be shown.
        span: The period.
        today: The running day where the sites are.
    """
    shown = Span(span.first, today if span.last == today - timedelta(1) else span.last)
    named = {site.region for site in sites}
    # Where a school is not known, nobody knows its holidays, and so none that all of them have.
    regions = tuple(region for region in Region if region in named) if None not in named else ()
    known = calendar()
    return Around(
        marks=sorted(
            [
                *_notes(house, sites, shown),
                *(_changes(house, sites, shown) if len(sites) <= CHANGES_OF_MAX else ()),
                *_gaps(house, sites, shown),
            ],
            key=lambda mark: (mark.day, mark.kind, mark.note_id),
        ),
        holidays=known.shared(regions, shown),
        unknown=[(name.value, year) for name, year in known.missing(regions, shown)],
        regions=regions,
    )


def _notes(house: House, sites: Sequence[Site], span: Span) -> Iterable[Mark]:
    for note in notes.of(house.desk, [site.id for site in sites], first=span.first, last=span.last):
        yield Mark(
            kind=MarkKind.NOTE,
            day=note.day,
            site=note.site,
            text=note.text,
            made_by=note.made_by,
            note_id=note.id,
        )


def _gaps(house: House, sites: Sequence[Site], span: Span) -> Iterable[Mark]:
    zones = sorted({site.timezone for site in sites})
    names = ", ".join("?" for _ in zones)
    asked = Statement(
        f"select distinct day, reason from gap where timezone in ({names}) and day between ? and ? order by all",
        (*zones, span.first, span.last),
    )
    for day, reason in cells.rows(house.reader, asked):
        yield Mark(kind=MarkKind.GAP, day=day, code=reason)


def _changes(house: House, sites: Sequence[Site], span: Span) -> Iterable[Mark]:
    names = ", ".join("?" for _ in sites)
    asked = Statement(
        f"select site, made_at, change from settings_log where site in ('', {names}) and change is not null "
        "order by seq",
        tuple(site.id for site in sites),
    )
    entries = [(site, made_at, json.loads(change)) for site, made_at, change in cells.rows(house.reader, asked)]
    zones = {site.id: site.timezone for site in sites} | {"": sites[0].timezone}
    for name, zone in zones.items():
        own = [(made_at, change) for site, made_at, change in entries if site == name and isinstance(change, dict)]
        for made_at, told in _told(own, is_house=not name):
            day = local_day(made_at.replace(tzinfo=UTC), zone)
            if span.holds(day):
                yield from (
                    Mark(kind=MarkKind.SETTING, day=day, site=name, code=code, words=words) for code, words in told
                )


def _told(
    entries: Sequence[tuple[datetime, Mapping[str, Any]]], *, is_house: bool
) -> Iterable[tuple[datetime, list[tuple[Change, tuple[str, ...]]]]]:
    """Yield what each entry changed that moves figures; the first one of a site tells only that it began."""
    before: dict[str, Any] = {}
    for number, (made_at, change) in enumerate(entries):
        after = {**before, **change}
        if is_house:
            # What the house was begun with is no change.
            yield made_at, list(_house_changes(before, after)) if number else []
        else:
            yield made_at, list(_site_changes(before, after, is_first=not number))
        before = after


def _house_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[tuple[Change, tuple[str, ...]]]:
    for name, code in _HOUSE.items():
        if name in after and after[name] != before.get(name):
            yield code, (str(after[name]),)


def _site_changes(
    before: Mapping[str, Any], after: Mapping[str, Any], *, is_first: bool
) -> Iterable[tuple[Change, tuple[str, ...]]]:
    if bool(after.get("is_on")) != bool(before.get("is_on")):
        yield (Change.ON if after.get("is_on") else Change.OFF), ()
    if is_first:
        return
    if after.get("profile") != before.get("profile"):
        yield Change.PROFILE, (str(after.get("profile")),)
    if (after.get("k") or 0) != (before.get("k") or 0):
        yield (Change.K, (str(after["k"]),)) if after.get("k") else (Change.K_NONE, ())
    for name, code in (("templates", Change.TEMPLATES), ("sensitive", Change.SENSITIVE)):
        if sorted(after.get(name) or ()) != sorted(before.get(name) or ()):
            yield code, ()
    for name, (new, gone) in _NAMED.items():
        was, now = _by_name(before.get(name)), _by_name(after.get(name))
        added = tuple(one for one, what in now.items() if was.get(one) != what)
        removed = tuple(one for one in was if one not in now)
        yield from ((code, words) for code, words in ((new, added), (gone, removed)) if words)


def _by_name(declared: Any) -> dict[str, Any]:
    """Return what a site declared, by name; a group and a breakdown are names themselves."""
    return {(one["name"] if isinstance(one, dict) else str(one)): one for one in declared or ()}
