"""Hold a report against itself: what one part of it says, the others must bear out.

The hashes are written out here once more, as the README of the evidence describes them: computed by the code that
made them they would prove nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from collector import __version__
from collector.audit.evidence import CHAIN, INVENTORY, README, README_TEXT, REPORT, SCHEMA, chain_json, inventory_csv
from collector.audit.finding import Result
from collector.audit.lines import holds
from collector.audit.report import Change, Report, SettingLine, verdicts
from collector.store.migrate import schema_sql

_ZEROS: Final = "0" * 64
_TABLE: Final = re.compile(r"create table (\w+) \(")
_COLUMN: Final = re.compile(r"    (\w+) +(\w+)[ ,]?.*")
_COMMENT: Final = re.compile(r"comment on column (\w+\.\w+) is '(.*)';")
_OF_CHANGE: Final = ("seq", "made_at", "site", "change", "made_by", "reason", "salt", "content", "previous", "hash")


class Deviation(msgspec.Struct, frozen=True, order=True):
    """Name what does not fit.

    Attributes:
        file: Of the ZIP; empty for the ZIP itself.
        field: Where in it; empty for the whole file.
        code: One of `SAYINGS` in `collector.audit.sayings`.
    """

    file: str
    field: str
    code: str


def check(report: Report, files: Mapping[str, bytes]) -> Iterator[Deviation]:
    """Return where *report* contradicts itself or the files beside it."""
    yield from _findings(report)
    yield from _settings(report)
    yield from _chain(report, files)
    yield from _inventory(report, files)
    if report.version == __version__:
        for name, promised in ((SCHEMA, schema_sql().encode()), (README, README_TEXT.encode())):
            if files.get(name, promised) != promised:
                yield Deviation(name, "", "program")


def broken_link(changes: Sequence[Change]) -> tuple[int, str] | None:
    """Return the first entry that does not fit the chain, and the field that shows it; `None` where all fit.

    `content` stands for change, made_by, reason and salt together: the hash covers them as one. `hash` stands for
    seq, made_at, site, content and previous.
    """
    previous = _ZEROS
    for expected, entry in enumerate(changes, 1):
        said = [entry.salt, entry.change, entry.made_by, entry.reason]
        linked = [entry.seq, entry.made_at.removesuffix("+00:00"), entry.site, entry.content, entry.previous]
        for field, fits in (
            ("seq", entry.seq == expected),
            ("previous", entry.previous == previous),
            # Contents are erased all together, and of sites only.
            ("content", entry.site != "" if said == [None] * 4 else entry.content == _sha256(said)),
            ("hash", entry.hash == _sha256(linked)),
        ):
            if not fits:
                return expected, field
        previous = entry.hash
    return None


def _sha256(values: list[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _findings(report: Report) -> Iterator[Deviation]:
    """Each finding belongs to this report, and the verdicts are theirs."""
    seen = set()
    for number, finding in enumerate(report.findings):
        for name in ("version", "settings_sha256"):
            if getattr(finding, name) != getattr(report, name):
                yield Deviation(REPORT, f"findings[{number}].{name}", "finding")
        # A report may be put together a moment after its findings, and never before.
        if finding.at > report.at:
            yield Deviation(REPORT, f"findings[{number}].at", "finding")
        if finding.id in seen or not finding.evidence:
            yield Deviation(REPORT, f"findings[{number}].id", "finding")
        seen.add(finding.id)
    told = verdicts(report.findings)
    for theme in sorted({*told, *report.verdicts}):
        if report.verdicts.get(theme) != told.get(theme):
            yield Deviation(REPORT, f"verdicts.{theme}", "verdict")


def _settings(report: Report) -> Iterator[Deviation]:
    """The settings in force have the fingerprint that is claimed, and each line says what they say."""
    shown = dict(report.facts.effective)
    claimed = shown.pop("settings_sha256", "")
    shown.pop("version", None)
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    computed = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest() if shown else ""
    if claimed != computed:
        yield Deviation(REPORT, "facts.effective.settings_sha256", "settings")
    if report.settings_sha256 != computed:
        yield Deviation(REPORT, "settings_sha256", "settings")
    known = _known(shown)
    entries = {(entry.made_at[:10], entry.made_by or "", entry.reason or "") for entry in report.facts.changes}
    for number, line in enumerate(report.facts.settings):
        where = f"facts.settings[{number}]"
        if known.get((line.site, line.name), line.in_force) != line.in_force:
            yield Deviation(REPORT, f"{where}.in_force", "line")
        if not _is_judged(line):
            yield Deviation(REPORT, f"{where}.holds", "line")
        if line.since and (line.since, line.made_by, line.reason) not in entries:
            yield Deviation(REPORT, f"{where}.since", "line")


def _known(shown: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the figures that stand both in the settings in force and in lines; no other shapes."""
    known: dict[tuple[str, str], str] = {}
    sites = shown.get("sites")
    blocks = [("", shown.get("house")), *((None, one) for one in (sites if isinstance(sites, list) else ()))]
    for name, block in blocks:
        if not isinstance(block, dict):
            continue
        site = str(block.get("id")) if name is None else name
        bits = block.get("address_bits")
        figures = (
            {f"address_bits.{kind}": bits.get(kind) for kind in ("ipv4", "ipv6")} if isinstance(bits, dict) else {}
        )
        figures |= {one: block.get(one) for one in ("k", "profile", "retention_days", "hour_rows_days", "identity")}
        known |= {(site, one): str(value) for one, value in figures.items() if value is not None}
    return known


def _is_judged(line: SettingLine) -> bool:
    try:
        return line.holds == holds(line.required, line.in_force)
    except ValueError:
        return False


def _chain(report: Report, files: Mapping[str, bytes]) -> Iterator[Deviation]:
    """The log stands twice, alike; its chain is computed from the file alone and leads to the head of the report."""
    facts = report.facts
    if CHAIN not in files:
        return
    try:
        changes = msgspec.json.decode(files[CHAIN], type=list[Change])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        yield Deviation(CHAIN, "", "unreadable")
        return
    if files[CHAIN] != chain_json(changes):
        yield Deviation(CHAIN, "", "form")
    yield from _differing(changes, facts.changes)
    broken = broken_link(changes)
    # A break that the report itself tells is what the audit found, and no deviation of the evidence.
    if (broken[0] if broken else None) != facts.first_broken:
        entry, field = broken or (facts.first_broken, "")
        yield Deviation(CHAIN, f"{entry}.{field}".rstrip("."), "chain")
    head = changes[-1].hash if changes else _ZEROS
    if head != facts.head:
        yield Deviation(REPORT, "facts.head", "head")
    for number, finding in enumerate(report.findings):
        if finding.id == "R54" and finding.result is Result.PASS and broken:
            yield Deviation(REPORT, f"findings[{number}].result", "finding")


def _differing(changes: Sequence[Change], told: Sequence[Change]) -> Iterator[Deviation]:
    if len(changes) != len(told):
        yield Deviation(CHAIN, str(min(len(changes), len(told)) + 1), "log")
    for number, (one, other) in enumerate(zip(changes, told, strict=False), 1):
        for field in _OF_CHANGE:
            if getattr(one, field) != getattr(other, field):
                yield Deviation(CHAIN, f"{number}.{field}", "log")


def _inventory(report: Report, files: Mapping[str, bytes]) -> Iterator[Deviation]:
    """The inventory stands twice, alike, and is what schema.sql promises unless the audit found that it is not."""
    facts = report.facts
    if files.get(INVENTORY, inventory_csv(facts.inventory)) != inventory_csv(facts.inventory):
        yield Deviation(INVENTORY, _line(files[INVENTORY], inventory_csv(facts.inventory)), "inventory")
    if any(finding.id == "R20" and finding.result is Result.FAIL for finding in report.findings):
        return
    promised = declared(files.get(SCHEMA, b"").decode(errors="replace"))
    found = {
        f"{one.table}.{one.name}": (one.type, f"{one.role} | {one.unit} | {one.reason}") for one in facts.inventory
    }
    for name in sorted({*promised, *found}):
        if promised.get(name) != found.get(name):
            yield Deviation(SCHEMA, name, "schema")


def declared(schema: str) -> dict[str, tuple[str, str]]:
    """Return type and comment of every column that a text like schema.sql declares, read line by line."""
    table, types, comments = "", {}, {}
    for line in schema.splitlines():
        if found := _TABLE.fullmatch(line):
            table = found[1]
        elif found := _COMMENT.fullmatch(line):
            comments[found[1]] = found[2].replace("''", "'")
        elif table and (found := _COLUMN.fullmatch(line)):
            types[f"{table}.{found[1]}"] = found[2]
        elif not line.startswith(" "):
            table = ""
    return {name: (kind, comments.get(name, "")) for name, kind in types.items()}


def _line(one: bytes, other: bytes) -> str:
    pairs = zip(one.splitlines(), other.splitlines(), strict=False)
    return str(next((n for n, (a, b) in enumerate(pairs, 1) if a != b), min(one.count(b"\n"), other.count(b"\n")) + 1))
