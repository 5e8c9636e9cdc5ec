"""Commands about days: close one, count those of a log, hand out what is kept."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from collector import replay
from collector.clock import SystemClock
from collector.control import SOCKET_NAME, ask
from collector.engine import Engine
from collector.lookup import country_lookup
from collector.progress import Bar
from collector.settings import Settings
from collector.store.export import FORMATS
from turven.group import command, main, settings_of


@main.command("close")
@click.option("--site", "sites", multiple=True, metavar="ID", help="Which; all where none is named.")
@click.pass_context
def close_day(ctx: click.Context, sites: tuple[str, ...]) -> None:
    """Close the current day now; the next part follows."""
    outcomes = json.loads(command(settings_of(ctx), "close", {"sites": list(sites) or None}))
    for name, outcome in outcomes.items():
        click.echo(f"{name}: {'closed' if outcome else 'fewer visitors than the threshold; runs on'}")


@main.command("replay")
@click.argument("log", metavar="FILE.log")
@click.option("--site", required=True, metavar="ID")
@click.pass_context
def replay_log(ctx: click.Context, log: str, site: str) -> None:
    """Count a web server's log (combined or common, plain or .gz, - for stdin): a first look without a tracker."""
    settings = settings_of(ctx)
    params = {"site": site, "path": log if log == "-" else str(Path(log).absolute())}
    answer = ask(settings.runtime_path() / SOCKET_NAME, "replay", params)
    if answer is None:
        answer = _replay_here(settings, params)
    click.echo(replay.describe(msgspec.json.decode(answer, type=replay.Summary)))


def _replay_here(settings: Settings, params: Mapping[str, Any]) -> bytes:
    clock, bar = SystemClock(), Bar()
    engine = Engine(settings, clock=clock)
    lookup = country_lookup(settings)
    try:
        stdin = sys.stdin.buffer
        return replay.run(engine, params, clock=clock, random=os.urandom, lookup=lookup, stdin=stdin, progress=bar)
    finally:
        bar.end()
        engine.stop()


@main.command()
@click.option("--site", required=True, metavar="ID")
@click.option("--from", "first", metavar="DATE", help="First day, YYYY-MM-DD.")
@click.option("--to", "last", metavar="DATE", help="Last day, YYYY-MM-DD.")
@click.option("--format", "form", type=click.Choice(FORMATS), default="csv", show_default=True)
@click.option("-o", "--output", type=click.File("wb"), default="-", help="File [stdout].")
@click.pass_context
def export(ctx: click.Context, site: str, first: str | None, last: str | None, form: str, output: Any) -> None:
    """Write every cell of a site."""
    output.write(command(settings_of(ctx), "export", {"site": site, "first": first, "last": last, "format": form}))
