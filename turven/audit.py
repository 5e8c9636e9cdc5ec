"""The command that gathers the evidence, checks evidence that was kept, and tells what changed."""

import hashlib
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click
import msgspec

from collector.audit.compare import compare
from collector.audit.compare_text import differences_text
from collector.audit.evidence import evidence
from collector.audit.finding import Result
from collector.audit.folders import clear_away
from collector.audit.hostile_house import DAYS as HOSTILE_DAYS
from collector.audit.hostile_house import DAYS_MAX as HOSTILE_DAYS_MAX
from collector.audit.outsider import ATTACK_SECONDS
from collector.audit.report import Report
from collector.audit.run import Scope, chosen
from collector.audit.sayings import Language, verified_text
from collector.audit.subject import Subject
from collector.audit.text import chain_text, report_text
from collector.audit.verify import read_file, read_report, verify
from collector.clock import SystemClock
from collector.errors import SettingsError, StoreError
from collector.progress import Bar
from turven.evidence import figures_in, pages_again, pages_of
from turven.group import main, settings_of

#: Of an entry of the settings log.
HASH: Final = re.compile("[0-9a-fA-F]{64}")
#: What a shell adds to the number of the signal that ended a command.
_KILLED: Final = 128


@main.command()
@click.argument("ids", nargs=-1, metavar="[R..]")
@click.option("--json", "as_json", is_flag=True, help="One finding a requirement, as JSON.")
@click.option(
    "--report", "as_report", is_flag=True, help="The whole report as JSON: findings, settings, inventory, log."
)
@click.option("--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True)
@click.option("--site", default="", metavar="ID", help="Look at what is kept of one site only.")
@click.option("--history", type=click.Path(path_type=Path), help="A copy of a history file: off-line, nothing is run.")
@click.option("--settings", "only_settings", is_flag=True, help="Print the settings in force, as /privacy.json does.")
@click.option("--head", default="", metavar="HASH", help="With --settings: a newest entry that you noted earlier.")
@click.option("--evidence", "kept_in", type=click.Path(path_type=Path), help="Write the evidence into a new ZIP.")
@click.option("--verify", "to_verify", type=click.Path(path_type=Path), help="Check a ZIP of evidence, off-line.")
@click.option(
    "--diff", "to_compare", nargs=2, type=click.Path(path_type=Path), metavar="OLD NEW",
    help="Tell what changed between two ZIPs of evidence, or two reports as JSON.",
)  # fmt: skip
@click.option(
    "--mark",
    "marks",
    multiple=True,
    help="A mark of your own that the canary run must not find; repeatable. - reads it from standard input, where no "
    "other user of the machine sees it.",
)
@click.option(
    "--attack-seconds",
    type=click.FloatRange(min=0),
    default=ATTACK_SECONDS,
    show_default=True,
    help="How long R22 may attack what is kept; 0: until all of it was attacked.",
)
@click.option(
    "--hostile-days",
    type=click.IntRange(min=1, max=HOSTILE_DAYS_MAX),
    default=HOSTILE_DAYS,
    show_default=True,
    help="How many days R22 makes to give somebody away, counts and attacks; about a second each.",
)
@click.pass_context
def audit(
    ctx: click.Context,
    /,
    ids: tuple[str, ...],
    *,
    lang: Language,
    history: Path | None,
    only_settings: bool,
    head: str,
    to_verify: Path | None,
    to_compare: tuple[Path, Path] | None,
    **options: Any,
) -> None:
    """Gather the evidence that the promises hold; exit 1 where one does not."""
    if to_verify:
        _verify(to_verify, lang=lang, as_json=options["as_json"])
    if to_compare:
        _compare(*to_compare, lang=lang, as_json=options["as_json"])
    _refuse_mistakes(ids, head=head, only_settings=only_settings, kept_in=options["kept_in"])
    subject = Subject(settings_of(ctx), history=history, config=ctx.find_object(Path))
    if only_settings:
        _print_settings(subject, head=head, lang=lang)
    _audit(subject, ids, lang=lang, **options)


def _refuse_mistakes(ids: tuple[str, ...], *, head: str, only_settings: bool, kept_in: Path | None) -> None:
    """Refuse what could only fail after minutes of auditing, or would be passed over in silence."""
    chosen(ids)
    if head and not only_settings:
        raise SettingsError("head_alone", "--head goes with --settings: it is looked up in the settings log.")
    if head and not HASH.fullmatch(head):
        raise SettingsError("head_invalid", "A head has 64 digits and letters a to f, as the audit prints it.")
    if kept_in and kept_in.exists():
        raise SettingsError("evidence_exists", f"There is a file {kept_in} already; evidence is never written over.")


def _audit(
    subject: Subject,
    ids: tuple[str, ...],
    *,
    lang: Language,
    site: str,
    marks: tuple[str, ...],
    attack_seconds: float,
    hostile_days: int,
    kept_in: Path | None,
    as_json: bool,
    as_report: bool,
) -> NoReturn:
    """Audit, say what was found, and end."""
    # However it is asked to end, it ends its scratch houses first. What was killed before it is cleared away.
    for asked in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, lambda number, _frame: sys.exit(_KILLED + number))
    clear_away()
    requirements, bar = chosen(ids), Bar()
    scope = Scope(
        ids=[requirement.id for requirement in requirements],
        site=site,
        marks=tuple(_mark(text) for text in marks),
        attack_seconds=attack_seconds,
        hostile_days=hostile_days,
        progress=lambda done, parts: bar("Attacking what is kept", done, parts),
        tell=lambda what: click.echo(f"{what} …", err=True),
    )
    report = subject.report(requirements, scope, clock=SystemClock())
    bar.end()
    if kept_in:
        _keep(report, kept_in, lang=lang)
    if as_report or as_json:
        click.echo(msgspec.json.encode(report if as_report else report.findings))
    else:
        click.echo(report_text(report, language=lang, figures=figures_in(lang)))
    sys.exit(any(finding.result is Result.FAIL for finding in report.findings))


def _mark(text: str) -> str:
    return sys.stdin.readline().removesuffix("\n") if text == "-" else text


def _keep(report: Report, path: Path, *, lang: Language) -> None:
    """Write the evidence into a file that was not there, and tell what to note of it."""
    data = evidence(report, pages=pages_of(report, language=lang))
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
    except FileExistsError:
        raise SettingsError("evidence_exists", f"There is a file {path} already; it was left as it is.") from None
    except OSError as error:
        raise StoreError("evidence_unwritable", f"{path}: {error.strerror}.") from None
    note = {"nl": "Noteer deze twee, op een plek die niet van de leverancier is:", "en": "Note these two, elsewhere:"}
    click.echo(f"{path}\n{note[lang]}", err=True)
    click.echo(f"  SHA-256  {hashlib.sha256(data).hexdigest()}\n  head     {report.facts.head}", err=True)


def _verify(path: Path, *, lang: Language, as_json: bool) -> NoReturn:
    """Check a ZIP of evidence by itself and end: no settings are read and no house is asked."""
    found = verify(read_file(path), render=pages_again)
    click.echo(msgspec.json.encode(found) if as_json else verified_text(found, language=lang))
    sys.exit(bool(found.deviations))


def _compare(old: Path, new: Path, *, lang: Language, as_json: bool) -> NoReturn:
    """Tell what differs between two reports and end; 1 where something has to be looked at."""
    found = compare(read_report(read_file(old)), read_report(read_file(new)))
    click.echo(msgspec.json.encode(found) if as_json else differences_text(found, language=lang))
    sys.exit(found.is_worse)


def _print_settings(subject: Subject, *, head: str, lang: Language) -> NoReturn:
    """Print the settings in force and end; the settings log must tell how they came about. Of a copy only the log."""
    chain, is_other = subject.chain(head=head), False
    if not subject.is_copy:
        click.echo(subject.settings_text())
        is_other = subject.runs_by_other_settings()
    click.echo(chain_text(chain, language=lang, runs_by_other_settings=is_other), err=True)
    sys.exit(not chain.holds or is_other)
