"""The command that gathers the evidence."""

import sys
from pathlib import Path
from typing import NoReturn

import click
import msgspec

from collector.audit.finding import Result
from collector.audit.outsider import ATTACK_SECONDS
from collector.audit.run import Scope, as_text, chosen, findings
from collector.audit.subject import Subject
from collector.clock import SystemClock
from collector.progress import Bar
from turven.group import main, settings_of


@main.command()
@click.argument("ids", nargs=-1, metavar="[R..]")
@click.option("--json", "as_json", is_flag=True, help="One finding a requirement, as JSON.")
@click.option("--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True)
@click.option("--site", default="", metavar="ID", help="Look at what is kept of one site only.")
@click.option("--history", type=click.Path(path_type=Path), help="A copy of a history file: off-line, nothing is run.")
@click.option("--settings", "only_settings", is_flag=True, help="Print the settings in force, as /privacy.json does.")
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
@click.pass_context
def audit(
    ctx: click.Context,
    /,
    ids: tuple[str, ...],
    *,
    as_json: bool,
    lang: str,
    site: str,
    history: Path | None,
    only_settings: bool,
    marks: tuple[str, ...],
    attack_seconds: float,
) -> None:
    """Gather the evidence that the promises hold; exit 1 where one does not."""
    settings, clock, bar = settings_of(ctx), SystemClock(), Bar()
    requirements = chosen(ids)
    subject = Subject(settings, history=history)
    if only_settings:
        _print_settings(subject)
    scope = Scope(
        ids=[requirement.id for requirement in requirements],
        site=site,
        marks=tuple(_mark(text) for text in marks),
        attack_seconds=attack_seconds,
        progress=lambda done, parts: bar("Attacking what is kept", done, parts),
    )
    made = findings(
        requirements,
        subject.answers(scope, clock=clock),
        at=clock.now(),
        command=subject.command(),
        settings_sha256=subject.settings_sha256(),
    )
    bar.end()
    click.echo(msgspec.json.encode(made) if as_json else as_text(made, language=lang))
    sys.exit(any(finding.result is Result.FAIL for finding in made))


def _mark(text: str) -> str:
    return sys.stdin.readline().removesuffix("\n") if text == "-" else text


def _print_settings(subject: Subject) -> NoReturn:
    """Print the settings in force and end; the settings log must tell how they came about."""
    click.echo(subject.settings_text())
    broken = subject.sites()[1]
    chain = "holds" if broken is None else f"is broken at entry {broken}"
    click.echo(f"The chain of the settings log {chain}.", err=True)
    sys.exit(broken is not None)
