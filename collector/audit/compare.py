"""Compare two reports: what an auditor who was here before has to look at again, and what grew as days went by.

Evidence changed materially where a word, a list or a yes became another one, where a count left or reached 0, and
where one of `TELLING` moved. That a house has more rows than last month is no news.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from collector.audit.finding import Result
from collector.audit.report import Column, Report, SettingLine, SiteDays

Direction = Literal["stricter", "looser", "other", "new", "gone"]
#: Figures that tell something by their size.
TELLING: Final = frozenset(
    {"k", "smallest_k", "fewest_contributors", "smallest_group_found", "retention_days", "hour_rows_days", "retention"}
)
#: Settings of which more is stricter, and of which less is.
_MORE: Final = frozenset({"k", "templates", "sensitive"})
_LESS: Final = frozenset(
    {
        *("address_bits.ipv4", "address_bits.ipv6", "retention_days", "hour_rows_days", "trusted_proxies"),
        *("goals", "funnels", "groups"),
    }
)
#: Settings that list what is switched on, and those that list what is switched off.
_ON: Final = frozenset({"dimensions", "pairs", "set_pairs", "scripts", "hosts", "embed_hosts"})
_OFF: Final = frozenset({"without", "switched_off"})
#: Settings in the order from loose to strict.
_SCALES: Final[Mapping[str, Sequence[str]]] = {
    "profile": ("open", "standard", "strict"),
    "is_on": ("true", "false"),
    "may_echo": ("true", "false"),
    "in_median": ("true", "false"),
    "keep_day_through_reboot": ("true", "false"),
    "is_uncompressed": ("true", "false"),
    "templates_only": ("false", "true"),
    "identity": ("browser", "network"),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
}
#: Figures that move with every run: moments, sizes of what was searched, and hashes.
_MOVING: Final = re.compile(r"(^|_)(seconds?|at|bytes|searched|head|day_attacked|pids?|port|sha256)(_|$)")
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}.*|[0-9a-f]{40,64}")


class ResultChange(msgspec.Struct, frozen=True):
    """Hold a requirement whose result is another one; empty where a report did not ask it."""

    id: str
    old: str
    new: str


class EvidenceChange(msgspec.Struct, frozen=True):
    """Hold a figure of a requirement's evidence that changed materially; *name* is dotted, from the place on."""

    id: str
    name: str
    old: Any
    new: Any


class SettingChange(msgspec.Struct, frozen=True):
    """Hold a setting that has another value in force; *site* is empty for the house."""

    site: str
    name: str
    old: str
    new: str
    direction: Direction


class ColumnChange(msgspec.Struct, frozen=True):
    """Hold a column that is kept newly, no longer, or for another reason."""

    name: str
    how: Literal["new", "gone", "changed"]


class Entry(msgspec.Struct, frozen=True):
    """Hold an entry of the settings log that is new, or whose contents were erased since."""

    seq: int
    made_at: str
    site: str
    made_by: str
    how: Literal["new", "erased"]


class DaysChange(msgspec.Struct, frozen=True):
    """Hold what came to the days of a site and what went, in parts; *gone* holds where its first day moved."""

    site: str
    added: int
    first_day: str
    was_first_day: str


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """Hold what differs between two reports.

    Attributes:
        old_at: Instant of the older audit.
        new_at: Instant of the newer one.
        is_reversed: The first report is the newer: they were named in the wrong order.
        is_chain_continued: The older head stands where it stood, and every hash up to it is the same.
        is_same_scope: Both looked at the same site, or at all.
    """

    old_at: str
    new_at: str
    old_version: str
    new_version: str
    is_reversed: bool
    is_same_scope: bool
    is_chain_continued: bool
    results: list[ResultChange]
    evidence: list[EvidenceChange]
    settings: list[SettingChange]
    columns: list[ColumnChange]
    log: list[Entry]
    days: list[DaysChange]

    @property
    def is_worse(self) -> bool:
        """Tell whether something an auditor must look at: a failure, a looser setting, a new column, another log."""
        return (
            not self.is_chain_continued
            or any(one.new == Result.FAIL for one in self.results)
            or any(one.direction == "looser" for one in self.settings)
            or any(one.how != "gone" for one in self.columns)
        )


def compare(old: Report, new: Report) -> Differences:
    """Return what differs between an older report and a newer one."""
    return Differences(
        old_at=old.at,
        new_at=new.at,
        old_version=old.version,
        new_version=new.version,
        is_reversed=old.at > new.at,
        is_same_scope=old.site == new.site,
        is_chain_continued=_is_continued(old, new),
        results=list(_results(old, new)),
        evidence=list(_evidence(old, new)),
        settings=list(_settings(old.facts.settings, new.facts.settings)),
        columns=list(_columns(old.facts.inventory, new.facts.inventory)),
        log=list(_log(old, new)),
        days=list(_days(old.facts.days, new.facts.days)),
    )


def _is_continued(old: Report, new: Report) -> bool:
    before, after = old.facts.changes, new.facts.changes
    return len(after) >= len(before) and all(
        (one.seq, one.hash) == (other.seq, other.hash) for one, other in zip(before, after, strict=False)
    )


def _results(old: Report, new: Report) -> Iterator[ResultChange]:
    before = {finding.id: finding.result.value for finding in old.findings}
    after = {finding.id: finding.result.value for finding in new.findings}
    for number in dict.fromkeys([*before, *after]):
        was, now = before.get(number, ""), after.get(number, "")
        if was != now:
            yield ResultChange(number, was, now)


def _evidence(old: Report, new: Report) -> Iterator[EvidenceChange]:
    before = {finding.id: dict(_flat(finding.evidence)) for finding in old.findings}
    for finding in new.findings:
        was = before.get(finding.id)
        if was is None:
            continue
        now = dict(_flat(finding.evidence))
        for name in dict.fromkeys([*was, *now]):
            if _is_material(name, was.get(name), now.get(name)):
                yield EvidenceChange(finding.id, name, was.get(name), now.get(name))


def _flat(evidence: Mapping[str, Any], *, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in evidence.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, prefix=f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _is_material(name: str, old: Any, new: Any) -> bool:
    last = name.rpartition(".")[2]
    if old == new or _MOVING.search(last):
        return False
    if _is_number(old) and _is_number(new):
        return last in TELLING or (old == 0) != (new == 0)
    return not all(isinstance(one, str) and _MOMENT.fullmatch(one) for one in (old, new))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _settings(old: Sequence[SettingLine], new: Sequence[SettingLine]) -> Iterator[SettingChange]:
    before = {(line.site, line.name): line.in_force for line in old}
    after = {(line.site, line.name): line.in_force for line in new}
    for site, name in dict.fromkeys([*before, *after]):
        was, now = before.get((site, name)), after.get((site, name))
        if was != now:
            yield SettingChange(site, name, was or "", now or "", direction(name, was, now))


def direction(name: str, old: str | None, new: str | None) -> Direction:
    """Tell which way a setting moved; a word that is on no scale moved `other`."""
    if old is None or new is None:
        return "new" if old is None else "gone"
    if name in _MORE | _LESS and old.isdigit() and new.isdigit():
        return _way(is_stricter=(int(new) > int(old)) == (name in _MORE))
    if name in _ON | _OFF:
        return _way(is_stricter=_is_narrower(name, _named(old), _named(new)))
    scale = _SCALES.get(name, ())
    if old in scale and new in scale:
        return _way(is_stricter=scale.index(new) > scale.index(old))
    return "other"


def _is_narrower(name: str, old: set[str], new: set[str]) -> bool:
    """Tell whether a list became stricter; where some came in and others went out, what came in counts."""
    return old < new if name in _OFF else new < old


def _way(*, is_stricter: bool) -> Direction:
    return "stricter" if is_stricter else "looser"


def _named(text: str) -> set[str]:
    return set(text.split(", ")) - {"none", ""}


def _columns(old: Sequence[Column], new: Sequence[Column]) -> Iterator[ColumnChange]:
    before, after = ({f"{one.table}.{one.name}": one for one in columns} for columns in (old, new))
    for name in dict.fromkeys([*before, *after]):
        if name not in before:
            yield ColumnChange(name, "new")
        elif name not in after:
            yield ColumnChange(name, "gone")
        elif before[name] != after[name]:
            yield ColumnChange(name, "changed")


def _log(old: Report, new: Report) -> Iterator[Entry]:
    before = {one.hash: one for one in old.facts.changes}
    for one in new.facts.changes:
        known = before.get(one.hash)
        if known is None:
            yield Entry(one.seq, one.made_at, one.site, one.made_by or "", "new")
        elif known.salt is not None and one.salt is None:
            yield Entry(one.seq, one.made_at, one.site, "", "erased")


def _days(old: Sequence[SiteDays], new: Sequence[SiteDays]) -> Iterator[DaysChange]:
    before, after = ({one.site: one for one in days} for days in (old, new))
    for site in sorted({*before, *after}):
        was, now = before.get(site), after.get(site)
        if was != now:
            yield DaysChange(
                site, _parts(now) - _parts(was), now.first_day if now else "", was.first_day if was else ""
            )


def _parts(days: SiteDays | None) -> int:
    return days.kept + days.below_k + days.lost if days else 0
