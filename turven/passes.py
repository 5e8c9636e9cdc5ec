"""Commands about passes of programs: on the desk itself, beside a running house or a stopped one."""

import json
from contextlib import closing
from datetime import UTC
from secrets import token_urlsafe

import click

from collector.clock import SystemClock
from collector.errors import SettingsError
from collector.settings import Settings
from dashboard.desk import tokens
from dashboard.desk.file import Desk
from dashboard.desk.tokens import PASS_DAYS, PREFIX, SECRET_BYTES, Pass, Scope, Wish
from turven.group import OPERATOR, command, main, settings_of


@main.group("pass")
def passes() -> None:
    """Passes of programs that ask for figures, take files or write notes."""


@passes.command()
@click.argument("site", metavar="SITE")
@click.option("--name", required=True, metavar="NAME", help="Of the program; stands beside what it takes and writes.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; repeatable.",
)
@click.option("--days", default=PASS_DAYS, show_default=True, metavar="N", help="How long it works.")
@click.option("--by", "made_by", default=OPERATOR, show_default=True, help="Who makes it.")
@click.pass_context
def add(ctx: click.Context, /, *, site: str, name: str, scopes: tuple[str, ...], days: int, made_by: str) -> None:
    """Make a pass to SITE and print its secret, this once."""
    settings = settings_of(ctx)
    if site not in {one["id"] for one in json.loads(command(settings, "site_list", {}))}:
        raise SettingsError("site_unknown", f"There is no site {site!r}; `turven site list` names them.")
    secret = PREFIX + token_urlsafe(SECRET_BYTES)
    wish = Wish(name=name, site=site, scopes=scopes, days=days)
    with closing(_desk(settings)) as desk:
        made = tokens.make(desk, wish, secret=secret, made_by=made_by, at=SystemClock().now())
    click.echo(f"{_line(made)}\nKeep this; of the secret only a fingerprint is kept:", err=True)
    click.echo(secret)


@passes.command("list")
@click.argument("site", metavar="[SITE]", required=False)
@click.pass_context
def listed(ctx: click.Context, /, *, site: str | None) -> None:
    """List the passes of SITE, or of every site."""
    with closing(_desk(settings_of(ctx))) as desk:
        for one in tokens.passes(desk, sites=None if site is None else {site}):
            click.echo(_line(one))


@passes.command()
@click.argument("site", metavar="SITE")
@click.argument("short", metavar="FINGERPRINT")
@click.pass_context
def remove(ctx: click.Context, /, *, site: str, short: str) -> None:
    """Let the pass of SITE stop working that `turven pass list` lists under FINGERPRINT."""
    with closing(_desk(settings_of(ctx))) as desk:
        if not tokens.withdraw(desk, site=site, short=short):
            raise SettingsError("pass_unknown", "There is no such pass; `turven pass list` names them.")
    click.echo("Withdrawn; it works no more.")


def _desk(settings: Settings) -> Desk:
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Desk(settings.desk_file)


def _line(one: Pass) -> str:
    until = f"until {one.expires_at.astimezone(UTC):%Y-%m-%d}" if one.expires_at else "for good"
    used = f"used last on {one.used_on}" if one.used_on else "not used yet"
    return f"{one.short}  {one.site}  {', '.join(one.scopes)}  {until}  {used}  {one.name} (by {one.made_by})"
