"""Run the audit for the auditor's page: a process of its own, one at a time, with a limit on how long it may take.

The process is `turven audit`, the same command that an auditor types; it asks this house through the control socket.
An auditor's mark goes to it through a pipe, never as an argument (which every user of the machine can read) and never
into a file.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any, Final

import msgspec

from collector import __version__
from collector.audit.evidence import evidence
from collector.audit.facts import gather
from collector.audit.folders import clear_away
from collector.audit.marks import MARK_LENGTH_MAX, MARK_LENGTH_MIN
from collector.audit.report import Report, make_report
from collector.audit.run import check_house, chosen, findings
from collector.audit.shelf import Listed, Shelf
from collector.audit.subject import repeating
from collector.clock import Clock
from collector.errors import SettingsError, StoreError, TurvenError
from collector.house import House
from dashboard.house import AuditRun
from dashboard.papers import Paper, paper
from dashboard.visitor_text import Language
from turven.evidence import pages_of

#: A full audit takes one to three minutes; this is for a slow machine that counts meanwhile.
AUDIT_SECONDS_MAX: Final = 900.0
#: How long an audit may take to clear up after it was told to stop.
STOP_SECONDS_MAX: Final = 15.0
#: What is looked at while the page is made: cheap, and to be seen in the history file alone.
LIVE: Final = ("R20", "R21", "R54")
#: What moves whenever anything in the file does, and costs next to nothing: while the house has the file open nobody
#: else can write to it. Looking through 25 months takes a second, and a page may take no more than 60 ms.
_MOVES: Final = (
    "select (select (count(*), max(closed_at)) from closed), (select count(*) from cell), "
    "(select count(*) from committed_hour), (select (count(*), sum(count)) from dropped), "
    "(select (count(*), max(changed_at)) from site), (select (count(*), count(change)) from settings_log), "
    "(select string_agg(hash, '' order by seq) from settings_log)"
)
#: Of what the audit writes to its standard error the last line counts, and no more than this of it.
_LINE_LENGTH_MAX: Final = 300
#: 0: every promise holds; 1: one does not. Anything else is no result.
_ENDED_WELL: Final = (0, 1)
_MINUTE: Final = 60

#: Return the arguments of the process that audits.
Command = Callable[[bool], Sequence[str]]


def audit_command(config: Path | None) -> Command:
    """Return how `turven audit` is started for the house whose settings stand in *config*."""
    start = [sys.executable, "-m", "turven", *(["--config", str(config)] if config else [])]
    return lambda has_mark: [*start, "audit", "--report", *(["--mark", "-"] if has_mark else [])]


class Auditing:
    """Gather evidence about one running house, keep it, and run the audit anew."""

    def __init__(
        self,
        house: House,
        *,
        shelf: Shelf,
        command: Command,
        clock: Clock,
        environ: Mapping[str, str] = os.environ,
        seconds_max: float = AUDIT_SECONDS_MAX,
        config: Path | None = None,
    ) -> None:
        """Audit *house*.

        Args:
            house: Running in this process.
            shelf: Holds the reports.
            command: Makes the arguments of the process that audits it.
            clock: Tells when.
            environ: Of that process.
            seconds_max: How long it may take.
            config: Settings file that a command has to name to reach this house.
        """
        self._house = house
        self._repeating = repeating(config)
        self._command = command
        self._clock = clock
        self._environ = environ
        self._seconds_max = seconds_max
        self._shelf = shelf
        self._lock = Lock()
        self._run: _Run | None = None
        self._live: tuple[Any, Report] | None = None
        self._looking = Lock()

    # -- what can be told at once ---------------------------------------------------------------------------------

    def live(self) -> Report:
        """Return facts and quick findings; what nothing has moved since is not looked through again."""
        with self._looking:
            with self._house.engine.history.read() as cursor:
                moved = cursor.execute(_MOVES).fetchone()
            if self._live is None or self._live[0] != moved:
                self._live = (moved, self._read())
            return self._live[1]

    def _read(self) -> Report:
        engine, at = self._house.engine, self._clock.now()
        with engine.history.read() as cursor:
            facts = gather(
                cursor, settings=engine.settings, sites=engine.sites.all(), rules=engine.rules, version=__version__
            )
            seen = check_house(cursor, settings=engine.settings, clock=self._clock, ids=LIVE, site="")
        sha256 = str(facts.effective.get("settings_sha256", ""))
        made = findings(chosen(LIVE), seen, at=at, command=self._repeating, settings_sha256=sha256)
        return make_report(made, facts, at=at, version=__version__)

    # -- what was kept --------------------------------------------------------------------------------------------

    def kept(self) -> list[Listed]:
        """Return the reports that were kept, the newest first."""
        return self._shelf.kept()

    def report(self, name: str) -> Report | None:
        """Return a report that was kept, or None."""
        try:
            return self._shelf.load(name)
        except (SettingsError, StoreError):
            return None

    def paper(self, name: str, site: str, *, language: str) -> str | None:
        """Return a paper about a site as a page of its own, made from what is in force now."""
        engine = self._house.engine
        known = engine.sites.get(site)
        if known is None or name not in set(Paper):
            return None
        return paper(name, known, engine.rules(known), engine.settings, language=Language(language), form="page")

    def archive(self, report: Report, *, language: str) -> bytes:
        """Return *report* as a ZIP of evidence."""
        return evidence(report, pages=pages_of(report, language=language))

    # -- running it anew ------------------------------------------------------------------------------------------

    def run(self) -> AuditRun | None:
        """Return the audit that runs, or the last one that was started here."""
        run = self._run
        return run.told() if run else None

    def start(self, mark: str) -> None:
        """Start an audit in a process of its own.

        Raises:
            SettingsError: `mark_too_short`, `mark_too_long`, `audit_running`.
        """
        if mark and len(mark) < MARK_LENGTH_MIN:
            raise SettingsError("mark_too_short", f"A mark has {MARK_LENGTH_MIN} characters or more.")
        if len(mark) > MARK_LENGTH_MAX or not mark.isprintable():
            raise SettingsError("mark_too_long", f"A mark has {MARK_LENGTH_MAX} characters at most, on one line.")
        with self._lock:
            if self._run and self._run.is_running:
                raise SettingsError("audit_running", "An audit is running already.")
            self._run = _Run(
                self._command(bool(mark)),
                mark=mark,
                clock=self._clock,
                environ=self._environ,
                seconds_max=self._seconds_max,
                keep=self._shelf.keep,
            )
            self._run.start()

    def stop(self) -> None:
        """End an audit that runs, since the house ends."""
        if self._run:
            self._run.stop()


class _Run:
    """Follow one process that audits, from its start until its report is kept."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        mark: str,
        clock: Clock,
        environ: Mapping[str, str],
        seconds_max: float,
        keep: Callable[[Report], object],
    ) -> None:
        self._arguments = arguments
        self._mark = mark
        self._environ = environ
        self._seconds_max = seconds_max
        self._keep = keep
        self._started_at = clock.now()
        self._began = time.monotonic()
        self._seconds = 0.0
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = Thread(target=self._follow, name="audit", daemon=True)
        self._line = ""
        self._error = ("", "")
        self.is_running = True

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process and self.is_running:
            self._end(self._process)
        self._thread.join(STOP_SECONDS_MAX)

    def told(self) -> AuditRun:
        """Return how it goes, or how it ended."""
        code, message = self._error
        return AuditRun(
            started_at=self._started_at,
            seconds=round(time.monotonic() - self._began if self.is_running else self._seconds),
            is_running=self.is_running,
            doing=self._line,
            error=code,
            message=message,
            mark=self._mark,
            mark_sha256=hashlib.sha256(self._mark.encode()).hexdigest() if self._mark else "",
        )

    def _follow(self) -> None:
        try:
            self._keep(self._report())
        except TurvenError as error:
            self._error = (error.code, error.message)
        except OSError as error:
            self._error = ("audit_failed", error.strerror or type(error).__name__)
        finally:
            self._seconds = time.monotonic() - self._began
            self.is_running = False

    def _report(self) -> Report:
        process = self._process = subprocess.Popen(  # noqa: S603 - our own command; of the page only the mark, by a pipe
            self._arguments,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(self._environ),
            # The terminal's Ctrl-C is the house's; `stop` ends the audit, and what it started, in order.
            start_new_session=True,
        )
        assert process.stdin  # noqa: S101 - asked for above
        assert process.stderr  # noqa: S101
        process.stdin.write(self._mark.encode() + b"\n")
        process.stdin.close()
        process.stdin = None
        teller = Thread(target=self._listen, args=(process.stderr,), name="audit's words", daemon=True)
        process.stderr = None
        teller.start()
        try:
            written, _ = process.communicate(timeout=self._seconds_max)
        except subprocess.TimeoutExpired:
            self._end(process)
            process.communicate()
            raise TurvenError("audit_too_long", str(round(self._seconds_max / _MINUTE) or 1)) from None
        teller.join(STOP_SECONDS_MAX)
        # An error of the program's own ends with 1 as well, and writes no report.
        if process.returncode not in _ENDED_WELL or not written:
            raise TurvenError("audit_failed", self._line or f"exit {process.returncode}")
        try:
            return msgspec.json.decode(written, type=Report)
        except msgspec.MsgspecError:
            raise TurvenError("audit_unreadable", "The audit wrote no report.") from None

    def _listen(self, words: IO[bytes]) -> None:
        """Keep the last line that the audit says; a line that holds the auditor's mark is not shown again."""
        with words:
            for line in words:
                text = line.decode(errors="replace").strip()
                if text and not (self._mark and self._mark in text):
                    self._line = text[:_LINE_LENGTH_MAX]

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Ask *process* to end, so that it removes its scratch houses; then end whatever is left of its group."""
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            clear_away()
