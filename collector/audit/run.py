"""Gather findings: checks on what is kept, checks on scratch houses, one answer a requirement."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from collector import __version__
from collector.audit import beside
from collector.audit.backups import check_folder, check_restored
from collector.audit.finding import Finding, Requirement, Result, Seen
from collector.audit.governance import (
    GOVERNANCE,
    connections_are_named,
    doors_are_shut,
    hours_go_early,
    sub_processors_are_listed,
)
from collector.audit.hostile_house import DAYS as HOSTILE_DAYS
from collector.audit.house import check_database, check_runtime
from collector.audit.kept import CHECKS, Kept, needs_cells, not_applicable, nothing_is_too_old, running_day_is_not_kept
from collector.audit.outsider import (
    ATTACK_SECONDS,
    Published,
    PublishedByHouse,
    PublishedInFile,
    attack_published,
    tables_agree,
)
from collector.audit.over_http import LOOPBACK, Door, ExitClosedError, PublishedByExits, compare_exits
from collector.audit.own_marks import search_copy, search_folders, search_house
from collector.audit.own_process import check_process, check_swap
from collector.audit.periods import check_periods
from collector.audit.questions import REQUIREMENTS
from collector.audit.refusals import refusals_are_coarse
from collector.audit.register import check_controllers, check_processor
from collector.audit.sensitive import marked_routes_are_folded
from collector.audit.shape import SHAPE, Doors, check_doors
from collector.clock import Clock
from collector.cursor import Cursor
from collector.errors import SettingsError
from collector.settings import Server, Settings
from collector.store.copy import read_copy

#: Where something was seen, to what was seen there, by requirement.
Answers = Mapping[str, Mapping[str, Seen]]
#: Checks that need nothing but the file.
_KEPT: Final = {**CHECKS, **SHAPE, **GOVERNANCE, "R5": marked_routes_are_folded}
_WORST_FIRST: Final = (Result.FAIL, Result.PASS, Result.NOT_APPLICABLE)


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Say what an auditor wants to see.

    Attributes:
        ids: Requirements.
        site: Only what is kept of one site; empty for all.
        marks: Marks of the auditor's own for the canary run.
        attack_seconds: How long the attack on what is kept may take; 0 for as long as it needs.
        hostile_days: How many days are made to give somebody away, counted and attacked.
        progress: Told how many parts of how many were attacked.
        tell: Told what is being done beside, from other threads.
    """

    ids: Collection[str]
    site: str = ""
    marks: tuple[str, ...] = ()
    attack_seconds: float = ATTACK_SECONDS
    hostile_days: int = HOSTILE_DAYS
    progress: Callable[[int, int], None] = lambda _done, _all: None
    tell: Callable[[str], None] = lambda _what: None


def chosen(ids: Sequence[str]) -> list[Requirement]:
    """Return the requirements that are named, or all.

    Raises:
        SettingsError: `requirement_unknown`.
    """
    known = {requirement.id: requirement for requirement in REQUIREMENTS}
    unknown = [name for name in ids if name.upper() not in known]
    if unknown:
        raise SettingsError("requirement_unknown", f"There is no check {unknown[0]}; there are {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(name.upper() for name in ids)] if ids else list(REQUIREMENTS)


def check_kept(kept: Kept, *, settings: Settings, clock: Clock, ids: Collection[str]) -> dict[str, Seen]:
    """Run the checks that look at what is kept, all but the attack."""
    seen = {number: check(kept) for number, check in _KEPT.items() if number in ids}
    today = clock.now().date()
    if "R2" in ids:
        seen["R2"] = refusals_are_coarse(kept)
    if "R22" in ids:
        seen["R22"] = needs_cells(tables_agree)(kept)
    if "R25" in ids:
        seen["R25"] = needs_cells(partial(running_day_is_not_kept, today=today))(kept)
    if "R29" in ids:
        seen["R29"] = nothing_is_too_old(kept, today=today, retention_days=settings.privacy.retention_days)
    if "R30" in ids:
        seen["R30"] = hours_go_early(kept, today=today)
    if "R33" in ids and (restored := check_restored(kept)):
        seen["R33"] = restored
    if "R55" in ids:
        seen["R55"] = check_controllers(kept)
    return seen


def check_house(
    cursor: Cursor, *, settings: Settings, clock: Clock, ids: Collection[str], site: str, doors: Doors | None = None
) -> dict[str, dict[str, Seen]]:
    """Run the checks that a running house answers itself: on what it keeps, how it holds it, and where it is asked."""
    kept = check_kept(Kept(cursor, site=site), settings=settings, clock=clock, ids=ids)
    house = {"R25": check_database(cursor), "R36": sub_processors_are_listed(settings)}
    if doors:
        house |= check_doors(doors, base_path=settings.server.base_path)
    return {"history": kept, "house": {number: one for number, one in house.items() if number in ids}}


def audit_copy(path: Path, *, settings: Settings, clock: Clock, scope: Scope) -> dict[str, dict[str, Seen]]:
    """Look at a copy of a history file alone: no house is asked and nothing is run.

    Raises:
        StoreError: `history_missing`, `history_unreadable`.
        SettingsError: `site_unknown`.
    """
    with read_copy(path) as cursor:
        kept = Kept(cursor, site=scope.site)
        answers = {"history": check_kept(kept, settings=settings, clock=clock, ids=scope.ids)}
        if scope.marks and "R41" in scope.ids:
            answers["history"]["R41"] = search_copy(path, cursor, marks=scope.marks)
        return answers | _attacked(PublishedInFile(kept), scope)


def audit_house(ask: Callable[..., bytes], *, scope: Scope, server: Server | None = None) -> dict[str, dict[str, Seen]]:
    """Ask a running house for what it keeps, and attack that here.

    Args:
        ask: Gives the house a command by its name and parameters.
        scope: What is wanted.
        server: Where the house's dashboard is, which is read as a stranger would; `None` to leave it.

    Raises:
        TurvenError: As the house says.
    """
    answers = msgspec.json.decode(ask("audit", ids=sorted(scope.ids), site=scope.site), type=dict[str, dict[str, Seen]])
    if scope.marks and "R41" in scope.ids:
        answers.setdefault("house", {})["R41"] = search_house(ask, marks=scope.marks)
    published = PublishedByHouse(ask, site=scope.site)
    if server is not None and "R22" in scope.ids:
        read = {"dashboard": compare_exits, "periods": check_periods}
        answers |= {place: {"R22": _ask_dashboard(server, published, scope.site, look)} for place, look in read.items()}
    return answers | _attacked(published, scope)


def _ask_dashboard(
    server: Server, kept: Published, site: str, look: Callable[[PublishedByExits, Published], Seen]
) -> Seen:
    port = int(server.listen.rpartition(":")[2])
    try:
        with Door(LOOPBACK, port, base_path=server.base_path) as door:
            return look(PublishedByExits(door.ask, site=site), kept)
    except ExitClosedError as closed:
        return not_applicable(f"{closed.message} What is kept was attacked all the same, read from the house itself.")


@contextmanager
def scratch_started(
    settings: Settings, *, scope: Scope, clock: Clock
) -> Iterator[Callable[[], dict[str, dict[str, Seen]]]]:
    """Start the checks that need a house to send requests to; lend what waits for them and looks at the machine.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with beside.started(
        settings, ids=scope.ids, marks=scope.marks, tell=scope.tell, hostile_days=scope.hostile_days
    ) as answers:
        yield lambda: {**check_machine(settings, scope=scope, clock=clock), **answers()}


def check_machine(settings: Settings, *, scope: Scope, clock: Clock) -> dict[str, dict[str, Seen]]:
    """Run the checks on the machine, the running process and the settings."""
    answers: dict[str, dict[str, Seen]] = {}
    if "R33" in scope.ids:
        answers["machine"] = {"R33": check_folder(settings.backup_dir, now=clock.now())}
    if scope.marks and "R41" in scope.ids:
        answers.setdefault("machine", {})["R41"] = search_folders(settings, marks=scope.marks)
    if "R14" in scope.ids:
        answers.setdefault("machine", {})["R14"] = check_runtime(settings)
    if "R55" in scope.ids:
        answers["settings"] = {"R55": check_processor(settings)}
    if "R34" in scope.ids:
        answers.setdefault("settings", {})["R34"] = connections_are_named(settings)
    if "R36" in scope.ids:
        answers.setdefault("settings", {})["R36"] = sub_processors_are_listed(settings)
    if "R48" in scope.ids:
        answers.setdefault("machine", {})["R48"] = doors_are_shut(settings)
    if "R49" in scope.ids:
        answers["running process"] = {"R49": check_process(settings)}
        answers["swap"] = {"R49": check_swap(settings)}
    return answers


def _attacked(published: Published, scope: Scope) -> dict[str, dict[str, Seen]]:
    if "R22" not in scope.ids:
        return {}
    return {"outsider": {"R22": attack_published(published, seconds=scope.attack_seconds, progress=scope.progress)}}


def findings(
    requirements: Sequence[Requirement], answers: Answers, *, at: datetime, command: str, settings_sha256: str
) -> list[Finding]:
    """Put what was seen into one finding a requirement; where several checks looked, all must hold.

    Args:
        requirements: Which.
        answers: What was seen, by place; `evidence` keeps the places apart.
        at: Instant of the audit.
        command: Repeats the audit when a requirement's number is put behind it.
        settings_sha256: Fingerprint of the settings in force; empty where a copy cannot tell them.
    """
    made = []
    for requirement in requirements:
        seen = {place: answer[requirement.id] for place, answer in answers.items() if requirement.id in answer}
        if not seen:
            seen = {"audit": not_applicable("Not to be seen here: it takes a house to ask.")}
        made.append(
            Finding(
                id=requirement.id,
                result=min((one.result for one in seen.values()), key=_WORST_FIRST.index),
                question=requirement.question,
                vraag=requirement.vraag,
                evidence={place: one.evidence for place, one in seen.items()},
                command=f"{command} {requirement.id}",
                at=at.isoformat(timespec="seconds"),
                version=__version__,
                settings_sha256=settings_sha256,
            )
        )
    return made
