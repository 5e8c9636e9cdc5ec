"""The front door of Turven: the command line, and the only module that knows both collector and dashboard."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import click
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from collector import __version__, replay
from collector.audit.finding import Result
from collector.audit.outsider import ATTACK_SECONDS
from collector.audit.run import Scope, as_text, chosen, findings
from collector.audit.subject import Subject
from collector.clock import Clock, SystemClock
from collector.commands import Commands
from collector.control import SOCKET_NAME, ask
from collector.demo.run import run_demo
from collector.engine import Engine
from collector.errors import SettingsError, TurvenError
from collector.guard import Guard
from collector.house import House, country_lookup
from collector.log import start_logging
from collector.model import Identity, Profile, Site
from collector.progress import Bar
from collector.script import csp_lines
from collector.script import snippet as make_snippet
from collector.settings import Settings, load_settings
from collector.store.export import FORMATS
from collector.store.migrate import schema_sql
from dashboard import app as dashboard
from dashboard import public
from dashboard.visitor_text import Language, visitor_text

#: Who made a change that came by the command line, unless `--by` says otherwise.
OPERATOR = "operator"


class _Group(click.Group):
    """Turn an error of ours into its sentence and its exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except TurvenError as error:
            click.echo(f"turven: {error.message} [{error.code}]", err=True)
            sys.exit(error.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), envvar="TURVEN_CONFIG", help="Settings file [turven.toml].")
@click.version_option(__version__, prog_name="turven")
@click.pass_context
def main(ctx: click.Context, config: Path | None) -> None:
    """Count how a site is used and never who used it."""
    ctx.obj = config


def _settings(ctx: click.Context, **flags: Any) -> Settings:
    settings = load_settings(
        ctx.find_object(Path), flags={key.replace("__", "."): value for key, value in flags.items()}
    )
    start_logging(settings.log_level)
    return settings


def command(settings: Settings, name: str, params: Mapping[str, Any]) -> bytes:
    """Have the house carry out a command: the running one through its socket, else a stopped one directly."""
    answer = ask(settings.runtime_path() / SOCKET_NAME, name, params)
    if answer is not None:
        return answer
    clock = SystemClock()
    engine = Engine(settings, clock=clock)
    try:
        return Commands(engine, clock=clock).run(name, params)
    finally:
        engine.stop()


@main.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen [127.0.0.1:8000].")
@click.pass_context
def serve(ctx: click.Context, listen: str | None) -> None:
    """Serve collector and dashboard."""
    run_house(_settings(ctx, server__listen=listen))


class Snippet(NamedTuple):
    """Hold the lines that a site's pages need."""

    html: str
    html_with_integrity: str
    csp: str


def build(settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """Compose collector and dashboard into one application."""
    house = House(settings, clock=clock or SystemClock())
    return compose(house, clock=clock or SystemClock())


def compose(house: House, *, clock: Clock) -> ASGIApp:
    """Put the pages beside the doors of a house that is not running yet."""
    settings, engine = house.settings, house.engine
    base_url = settings.public.base_url or f"http://{settings.server.listen}{settings.server.base_path}"

    def snippet(site: Site) -> Snippet:
        pinned = house.scripts.for_site(site)
        return Snippet(
            make_snippet(site, base_url=base_url),
            make_snippet(site, base_url=base_url, pinned=pinned),
            "\n".join(csp_lines(base_url)),
        )

    def add_site(site: Site, made_by: str) -> None:
        engine.sites.add(site, made_by=made_by, reason="first steps", at=clock.now())

    pages = dashboard.routes(
        reader=engine.history,
        sites=engine.sites.all,
        add_site=add_site,
        snippet=snippet,
        rules=engine.rules,
        clock=clock,
        base_path=settings.server.base_path,
    )
    told = public.routes(
        settings=settings, sites=engine.sites.all, rules=engine.rules, clock=clock, version=__version__
    )
    return Guard(Starlette(routes=[*house.routes(), *told, *pages], lifespan=house.running))


def run_house(settings: Settings) -> None:
    """Serve until told to stop."""
    host, _, port = settings.server.listen.rpartition(":")
    app = build(settings)
    click.echo(f"Turven: http://{settings.server.listen}{settings.server.base_path}/", err=True)
    uvicorn.run(
        app,
        host=host.strip("[]"),
        port=int(port),
        # The access log holds the full address and query; proxy headers are read at the edge, from trusted hops only.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        log_config=None,
        http="httptools",
        loop="uvloop",
    )


@main.group()
def site() -> None:
    """Sites, and what their controller has switched on."""


def _site_options(function: Any) -> Any:
    for option in reversed(
        (
            click.option(
                "--host", "hosts", multiple=True, metavar="HOST", help="Host of the site's pages; repeatable."
            ),
            click.option("--controller", metavar="NAME", help="Who decides: the school or its board."),
            click.option("--agreement", metavar="REF", help="Reference of the processor agreement."),
            click.option("--agreed-on", metavar="DATE", help="Date of the agreement, YYYY-MM-DD."),
            click.option("--profile", type=click.Choice([p.value for p in Profile])),
            click.option(
                "--template", "templates", multiple=True, metavar="PATH", help="Registered path, e.g. /toets/:id."
            ),
            click.option(
                "--sensitive", multiple=True, metavar="PATH", help="Prefix folded into its parent; repeatable."
            ),
            click.option("--on/--off", "is_on", default=None, help="Count events, or stop counting."),
            click.option("--by", "made_by", default=OPERATOR, show_default=True, help="Who makes the change."),
            click.option("--reason", default="", help="Why; stands in the settings log."),
        )
    ):
        function = option(function)
    return function


def _changes(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in options.items()
        if value not in (None, ())
    }


@site.command("add")
@click.argument("site_id", metavar="ID")
@click.option(
    "--identity",
    type=click.Choice([i.value for i in Identity]),
    required=True,
    help="network: address and browser tell visitors apart, nothing is stored on the device; behind one shared address "
    "everybody looks alike. browser: one random number in the browser until midnight; a school needs this.",
)
@click.option("--timezone", metavar="TZ", help="Decides where the day begins [settings].")
@_site_options
@click.pass_context
def site_add(ctx: click.Context, /, site_id: str, made_by: str, reason: str, **options: Any) -> None:
    """Take a new site into the house."""
    settings = _settings(ctx)
    params = {"site": {"id": site_id, **_changes(options)}, "made_by": made_by, "reason": reason}
    added = json.loads(command(settings, "site_add", params))
    click.echo(f"Added {added['id']}, {'on' if added['is_on'] else 'off: nothing is counted yet'}.")


@site.command("set")
@click.argument("site_id", metavar="ID")
@_site_options
@click.pass_context
def site_set(ctx: click.Context, /, site_id: str, made_by: str, reason: str, **options: Any) -> None:
    """Change what a site has switched on."""
    settings = _settings(ctx)
    params = {"site": site_id, "changes": _changes(options), "made_by": made_by, "reason": reason}
    command(settings, "site_set", params)
    click.echo(f"Changed {site_id}; recorded in the settings log by {made_by}.")


@site.command("list")
@click.option("--json", "as_json", is_flag=True, help="Every setting, as JSON.")
@click.pass_context
def site_list(ctx: click.Context, *, as_json: bool) -> None:
    """List the sites."""
    answer = command(_settings(ctx), "site_list", {})
    if as_json:
        click.echo(answer)
        return
    for row in json.loads(answer):
        state = "on" if row["is_on"] else "off"
        click.echo(f"{row['id']}  {state}  {row['profile']}  {row['identity']}  {' '.join(row['hosts'])}")


@main.command("close")
@click.option("--site", "sites", multiple=True, metavar="ID", help="Which; all where none is named.")
@click.pass_context
def close_day(ctx: click.Context, sites: tuple[str, ...]) -> None:
    """Close the current day now; the next part follows."""
    outcomes = json.loads(command(_settings(ctx), "close", {"sites": list(sites) or None}))
    for name, outcome in outcomes.items():
        click.echo(f"{name}: {'closed' if outcome else 'fewer visitors than the threshold; runs on'}")


@main.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen [127.0.0.1:8000].")
@click.pass_context
def demo(ctx: click.Context, listen: str | None) -> None:
    """Serve a simulated school, with visitors who really send requests."""
    settings = _settings(ctx, server__listen=listen)
    run_demo(settings, serve=run_house, clock=SystemClock(), say=lambda text: click.echo(text, err=True))


@main.command("replay")
@click.argument("log", metavar="FILE.log")
@click.option("--site", required=True, metavar="ID")
@click.pass_context
def replay_log(ctx: click.Context, log: str, site: str) -> None:
    """Count a web server's log (combined or common, plain or .gz, - for stdin): a first look without a tracker."""
    settings = _settings(ctx)
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
    output.write(command(_settings(ctx), "export", {"site": site, "first": first, "last": last, "format": form}))


@main.command()
@click.argument("ids", nargs=-1, metavar="[R..]")
@click.option("--json", "as_json", is_flag=True, help="One finding a requirement, as JSON.")
@click.option("--lang", type=click.Choice(["nl", "en"]), default="nl", show_default=True)
@click.option("--site", default="", metavar="ID", help="Look at what is kept of one site only.")
@click.option("--history", type=click.Path(path_type=Path), help="A copy of a history file: off-line, nothing is run.")
@click.option("--settings", "only_settings", is_flag=True, help="Print the settings in force, as /privacy.json does.")
@click.option(
    "--mark", "marks", multiple=True, help="A mark of your own that the canary run must not find; repeatable."
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
    settings, clock, bar = _settings(ctx), SystemClock(), Bar()
    requirements = chosen(ids)
    subject = Subject(settings, history=history)
    if only_settings:
        _print_settings(subject)
    scope = Scope(
        ids=[requirement.id for requirement in requirements],
        site=site,
        marks=marks,
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


def _print_settings(subject: Subject) -> NoReturn:
    """Print the settings in force and end; the settings log must tell how they came about."""
    click.echo(subject.settings_text())
    broken = subject.sites()[1]
    chain = "holds" if broken is None else f"is broken at entry {broken}"
    click.echo(f"The chain of the settings log {chain}.", err=True)
    sys.exit(broken is not None)


@main.command()
@click.option("--site", "site_id", required=True, metavar="ID")
@click.option("--lang", type=click.Choice([each.value for each in Language]), default="nl", show_default=True)
@click.pass_context
def text(ctx: click.Context, site_id: str, lang: str) -> None:
    """Print the text for visitors of a site, made from the settings in force."""
    settings = _settings(ctx)
    sites = msgspec.json.decode(command(settings, "site_list", {}), type=list[Site])
    found = [site for site in sites if site.id == site_id]
    if not found:
        raise SettingsError("site_unknown", f"There is no site {site_id!r}. `turven site list` names them.")
    rules = settings.privacy.rules(found[0].profile)
    click.echo(visitor_text(found[0], rules, settings, language=Language(lang)))


@main.command()
def schema() -> None:
    """Print schema.sql: everything that is kept, column by column with its reason."""
    click.echo(schema_sql())


if __name__ == "__main__":
    main()
