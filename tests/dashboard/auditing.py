"""Reports to look at: of a real history, with findings made up, so that every state of the page can be seen."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from os import urandom
from typing import Any, Final

import msgspec

from collector.audit.facts import gather
from collector.audit.finding import Finding, Result
from collector.audit.questions import REQUIREMENTS
from collector.audit.register import records
from collector.audit.report import Facts, Report
from collector.audit.shelf import Listed
from collector.errors import SettingsError
from collector.model import Site
from collector.settings import Privacy, Public, Settings, SubProcessor
from collector.store.sites import Sites
from dashboard.house import AuditRun
from dashboard.papers import Paper, paper
from dashboard.visitor_text import Language
from tests.dashboard.house import SCHOOL, House

AT: Final = datetime(2026, 11, 24, 7, 40, tzinfo=UTC)
SHA: Final = "3f9a" * 16
SETTINGS: Final = Settings(
    privacy=Privacy(k=10),
    public=Public(
        operator="Leerling in Beeld BV",
        contact="privacy@lib.example",
        privacy_officer="J. de Vries, fg@lib.example",
        sub_processors=(SubProcessor(name="Duinwolk", task="hosting", country="NL"),),
    ),
)
_SEARCHED: Final[Mapping[str, Any]] = {
    "marks": 45,
    "forms": 361,
    "sent_by_visitors": 40,
    "bytes_searched": 2_426_942,
    "found_in": [],
    "their_pages_were_counted": True,
}
#: What a full check sees, by place; the rest gets figures of no meaning.
EVIDENCE: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "R7": {"scratch house": {**_SEARCHED, "marks": 26}},
    "R12": {"scratch house": {"answers": {"unknown site": [204, "unknown_site"], "switched on": [202, ""]}}},
    "R14": {
        "machine": {"runtime_dir_in_memory": True, "swap_areas": 0, "weakened_by": []},
        "scratch house": {
            "salts": 3,
            "files_with_an_old_salt": [],
            "memory_before": {"bytes": 532_873_216, "found": 6},
            "memory_after": {"bytes": 1_272_295_424, "found": 0},
        },
    },
    "R16": {"scratch house": {"notations_of_one_network": 6, "visitors": 41, "expected": 41}},
    "R21": {"history": {"rows": 9_482, "fewest_contributors": 10, "smallest_k": 10, "rows_below_k": 0}},
    "R22": {"hostile days": {"days": 200, "figures_derived": 13_542, "smallest_group_found": "none", "derived_by": {}}},
    "R33": {"audit": {"why": "No backup was made yet: `turven backup`."}},
    "R41": {
        "scratch house": {
            **_SEARCHED,
            "own_marks": 1,
            "own_marks_stood_in": ["query", "referrer", "path of one visitor"],
            "files_open_elsewhere": [],
        }
    },
    "R54": {"history": {"entries": 4, "first_broken_entry": None, "head": SHA}},
}


def finding(number: str, result: Result, *, at: datetime = AT, evidence: Mapping[str, Any] | None = None) -> Finding:
    """Return what a check says."""
    asked = next(one for one in REQUIREMENTS if one.id == number)
    usual = EVIDENCE.get(number, {"history": {"values": 120, "found": False}})
    return Finding(
        id=number,
        result=result,
        question=asked.question,
        vraag=asked.vraag,
        evidence=usual if evidence is None else evidence,
        command=f"turven audit {number}",
        at=at.isoformat(timespec="seconds"),
        version="0.1.0",
        settings_sha256=SHA,
    )


def findings(*, failing: Sequence[str] = (), idle: Sequence[str] = ("R33",), at: datetime = AT) -> list[Finding]:
    """Return what a full check says: what is not named passes."""
    results = dict.fromkeys(idle, Result.NOT_APPLICABLE) | dict.fromkeys(failing, Result.FAIL)
    return [finding(one.id, results.get(one.id, Result.PASS), at=at) for one in REQUIREMENTS]


def facts(house: House, *, settings: Settings = SETTINGS) -> Facts:
    """Return what is read beside a check, from the history of *house*."""
    with house.history.read() as cursor:
        rules = settings.privacy.rules_of
        known = Sites(house.history, random=urandom).all()
        made = gather(cursor, settings=settings, sites=known, rules=rules, version="0.1.0")
    of_law = records(made.inventory, settings=settings, sites=known, rules=rules, version="0.1.0")
    return msgspec.structs.replace(made, register=list(of_law))


def report(house: House, *, at: datetime = AT, **of_findings: Any) -> Report:
    """Return the report of a full check of *house*."""
    return Report(
        at=at.isoformat(timespec="seconds"),
        version="0.1.0",
        site="",
        history="",
        settings_sha256=SHA,
        findings=findings(at=at, **of_findings),
        facts=facts(house),
    )


def log(house: House, sites: Sequence[Site]) -> None:
    """Take *sites* in as the house does, each change a line of the settings log."""
    kept = Sites(house.history, random=urandom)
    for number, site in enumerate(sites):
        at = datetime(2026, 8, 3, 9, tzinfo=UTC) + timedelta(days=number)
        off = msgspec.structs.replace(site, is_on=False)
        kept.add(off, made_by="operator", reason="first steps", at=at)
        kept.change(
            site.id,
            {"is_on": True, "sensitive": ["/zorg", "/verzuim"]},
            made_by=f"operator, on behalf of {site.controller}",
            reason="agreed with the board",
            at=at + timedelta(hours=2),
        )


class FixedAuditing:
    """Hand out reports that a test made, and note what is asked of it."""

    def __init__(
        self, house: House, *, reports: Mapping[str, Report] | None = None, live: Callable[[], Report] | None = None
    ) -> None:
        self.reports = dict(reports or {})
        self.marks: list[str] = []
        self.is_running = False
        self.now: AuditRun | None = None
        self._live = live or (lambda: live_of(house))

    def live(self) -> Report:
        """Return what can be told at once."""
        return self._live()

    def kept(self) -> list[Listed]:
        """Return the reports, the newest first."""
        named = [
            Listed(name=name, at=one.at, failed=sum(found.result is Result.FAIL for found in one.findings))
            for name, one in self.reports.items()
        ]
        return sorted(named, key=lambda one: one.at, reverse=True)

    def report(self, name: str) -> Report | None:
        """Return a report."""
        return self.reports.get(name)

    def run(self) -> AuditRun | None:
        """Return what the test says."""
        return self.now

    def start(self, mark: str) -> None:
        """Note the mark; refuse as the runner does."""
        if self.is_running:
            raise SettingsError("audit_running", "An audit is running already.")
        if mark and len(mark) < 8:
            raise SettingsError("mark_too_short", "A mark has 8 characters or more.")
        self.marks.append(mark)

    def paper(self, name: str, site: str, *, language: str) -> str | None:
        """Return a paper about the school, none about others."""
        if name not in set(Paper) or site != SCHOOL.id:
            return None
        rules = SETTINGS.privacy.rules_of(SCHOOL)
        return paper(name, SCHOOL, rules, SETTINGS, language=Language(language), form="page")

    def archive(self, report: Report, *, language: str) -> bytes:
        """Return something that says which report it is of."""
        return f"PK {report.at} {language}".encode()


def live_of(house: House) -> Report:
    """Return what a running house tells at once."""
    numbers = ("R20", "R21", "R29", "R54")
    return Report(
        at=(AT + timedelta(hours=1)).isoformat(timespec="seconds"),
        version="0.1.0",
        site="",
        history="",
        settings_sha256=SHA,
        findings=[finding(number, Result.PASS, at=AT + timedelta(hours=1)) for number in numbers],
        facts=facts(house),
    )
