"""Commands about accounts, straight on `desk.sqlite`: they work on a running house and on a stopped one."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import msgspec

from collector.clock import SystemClock
from collector.errors import SettingsError
from dashboard.access_passwords import LENGTH_MIN, Passwords, made_up
from dashboard.desk.accounts import COMMAND_LINE, Account, Accounts
from dashboard.desk.file import Desk
from dashboard.who import Role
from turven.group import main, settings_of

#: Hashes with the costs that the house checks with; a test takes cheaper ones.
make_passwords: Callable[[], Passwords] = Passwords
_ROLES = click.Choice([role.value for role in Role])


@main.group("user")
def people() -> None:
    """Accounts of the dashboard: who may look, as what, and at which sites."""


@contextmanager
def _accounts(ctx: click.Context) -> Iterator[Accounts]:
    settings = settings_of(ctx)
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    desk = Desk(settings.desk_file)
    try:
        yield Accounts(desk, clock=SystemClock(), passwords=make_passwords())
    finally:
        desk.close()
    if not settings.access.accounts:
        click.echo("Nobody is asked to sign in yet: set [access] accounts = true and start the house again.", err=True)


def _site_options(function: Any) -> Any:
    options: list[Any] = [
        click.option("--all-sites", is_flag=True, help="Every site, also those that come later."),
        click.option("--site", "sites", multiple=True, metavar="ID", help="A site that it sees; repeatable."),
    ]
    for option in options:
        function = option(function)
    return function


def _password(*, from_stdin: bool) -> tuple[str, bool]:
    """Return a password, and whether it was made up here, to be told once."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    if not sys.stdin.isatty():
        return made_up(os.urandom), True
    told = click.prompt(
        f"Password, {LENGTH_MIN} characters or more (empty: one is made up)",
        default="",
        show_default=False,
        hide_input=True,
        confirmation_prompt=True,
    )
    return (told, False) if told else (made_up(os.urandom), True)


def _tell(name: str, password: str, *, is_made_up: bool) -> None:
    if is_made_up:
        click.echo(f"Password of {name}, shown once and to be changed at the first sign-in: {password}")


@people.command("add")
@click.argument("name")
@click.option("--role", type=_ROLES, required=True)
@_site_options
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of the input.")
@click.pass_context
def add(
    ctx: click.Context, /, name: str, *, role: str, sites: tuple[str, ...], all_sites: bool, password_stdin: bool
) -> None:
    """Make an account. Without --site and --all-sites it sees no figures."""
    if sites and all_sites:
        raise SettingsError("sites_unclear", "Name sites with --site, or take --all-sites; not both.")
    with _accounts(ctx) as accounts:
        password, is_made_up = _password(from_stdin=password_stdin)
        account = accounts.add(
            name,
            Role(role),
            sites=None if all_sites else sites,
            password=password,
            made_by=COMMAND_LINE,
            is_handed=is_made_up,
        )
        click.echo(f"Added {_line(account)}.")
        _tell(account.name, password, is_made_up=is_made_up)


@people.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON, without anything of passwords.")
@click.pass_context
def show(ctx: click.Context, *, as_json: bool) -> None:
    """List the accounts."""
    with _accounts(ctx) as accounts:
        if as_json:
            click.echo(msgspec.json.encode(accounts.all()))
            return
        for account in accounts.all():
            click.echo(_line(account))


@people.command("set")
@click.argument("name")
@click.option("--role", type=_ROLES)
@_site_options
@click.option("--no-sites", is_flag=True, help="No figures at all.")
@click.option("--on/--off", "is_on", default=None, help="May sign in, or not; --off ends every sign-in.")
@click.pass_context
def change(
    ctx: click.Context,
    /,
    name: str,
    *,
    role: str | None,
    sites: tuple[str, ...],
    all_sites: bool,
    no_sites: bool,
    is_on: bool | None,
) -> None:
    """Change what an account may do."""
    if (bool(sites), all_sites, no_sites).count(True) > 1:
        raise SettingsError("sites_unclear", "Take one of --site, --all-sites and --no-sites.")
    given: tuple[str, ...] | msgspec.UnsetType | None = sites if sites or no_sites else msgspec.UNSET
    with _accounts(ctx) as accounts:
        accounts.change(
            name,
            role=Role(role) if role else None,
            sites=None if all_sites else given,
            is_off=None if is_on is None else not is_on,
            made_by=COMMAND_LINE,
        )
        found = accounts.get(name)
        click.echo(f"Changed {_line(found) if found else name}.")


@people.command("password")
@click.argument("name")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of the input.")
@click.pass_context
def password(ctx: click.Context, /, name: str, *, password_stdin: bool) -> None:
    """Give an account another password; every sign-in of it ends."""
    with _accounts(ctx) as accounts:
        new, is_made_up = _password(from_stdin=password_stdin)
        accounts.set_password(name, new, made_by=COMMAND_LINE, is_handed=is_made_up)
        click.echo(f"Changed the password of {name}.")
        _tell(name, new, is_made_up=is_made_up)


@people.group("second-step")
def second_step() -> None:
    """The second step of a sign-in."""


@second_step.command("reset")
@click.argument("name")
@click.pass_context
def reset(ctx: click.Context, /, name: str) -> None:
    """Take the second step of an account away: its telephone is lost."""
    with _accounts(ctx) as accounts:
        accounts.set_second_step(name, "", made_by=COMMAND_LINE)
        click.echo(f"Took the second step of {name} away.")


@people.command("remove")
@click.argument("name")
@click.pass_context
def remove(ctx: click.Context, /, name: str) -> None:
    """Remove an account; what it did stays in the list of deeds."""
    with _accounts(ctx) as accounts:
        accounts.remove(name, made_by=COMMAND_LINE)
        click.echo(f"Removed {name}.")


def _line(account: Account) -> str:
    sites = "every site" if account.sites is None else " ".join(account.sites) or "no figures of a site"
    more = [word for word, is_so in (("second step", account.has_second_step), ("off", account.is_off)) if is_so]
    return "  ".join((account.name, account.role.value, sites, *more))
