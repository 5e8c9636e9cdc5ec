"""What every command needs: the group, the settings, and a way to a house, running or not."""

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import click

from collector import __version__
from collector.clock import SystemClock
from collector.control import SOCKET_NAME, ask
from collector.errors import TurvenError
from collector.log import start_logging
from collector.process import harden
from collector.settings import Settings, load_settings

#: Every command: the module that adds it to `main`, and what `turven --help` says of it. Only the one that is asked for
#: is imported: all of them together take a second.
COMMANDS: Final = {
    "audit": ("turven.audit", "Gather the evidence that the promises hold; exit 1 where one does not."),
    "backup": ("turven.backup", "Seal a copy of the history into data_dir/backups and read it back; old backups go."),
    "close": ("turven.days", "Close the current day now; the next part follows."),
    "demo": ("turven.demo", "Serve a simulated school, with visitors who really send requests."),
    "erase": ("turven.erasing", "Erase everything that is kept of a site, for good, and state what went."),
    "export": ("turven.days", "Write every cell of a site."),
    "paper": (
        "turven.texts",
        "Print a paper about a site: summary (two pages of A4), DPIA sheet, text for a breach, register of art. 30.",
    ),
    "pass": ("turven.passes", "Passes of programs that ask for figures, take files or write notes."),
    "replay": (
        "turven.days",
        "Count a web server's log (combined or common, plain or .gz, - for stdin): a first look without a tracker.",
    ),
    "report": ("turven.reports", "Reports by e-mail: who gets which, and sending those that are due."),
    "restart": (
        "turven.restart",
        "Replace the processes of a running house one by one, with no event lost or refused (needs --collectors).",
    ),
    "restore": (
        "turven.backup",
        "Put the history of a backup back; the house must be stopped, and nothing newer is overwritten.",
    ),
    "schema": ("turven.texts", "Print schema.sql: everything that is kept, column by column with its reason."),
    "serve": ("turven.serve", "Serve collector and dashboard."),
    "site": ("turven.sites", "Sites, and what their controller has switched on."),
    "user": ("turven.people", "Accounts of the dashboard: who may look, as what, and at which sites."),
    "text": ("turven.texts", "Print the text for visitors of a site, made from the settings in force."),
}
#: Who made a change that came by the command line, unless `--by` says otherwise.
OPERATOR: Final = "operator"


class _Group(click.Group):
    """Import a command when it is asked for; turn an error of ours into its sentence and its exit code."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:
            import_module(COMMANDS[cmd_name][0])
        return super().get_command(ctx, cmd_name)

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in sorted(COMMANDS.items())])

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


def settings_of(ctx: click.Context, **flags: Any) -> Settings:
    """Shut the process, read the settings that the command line names, and begin logging."""
    harden()
    settings = load_settings(
        ctx.find_object(Path), flags={key.replace("__", "."): value for key, value in flags.items()}
    )
    start_logging(settings.log_level, is_json=settings.logs_json)
    return settings


def command(settings: Settings, name: str, params: Mapping[str, Any]) -> bytes:
    """Have the house carry out a command: the running one through its socket, else a stopped one directly."""
    answer = ask(settings.runtime_path() / SOCKET_NAME, name, params)
    if answer is not None:
        return answer
    # Not above: a running house answers without them, and they take half a second.
    from collector.commands import Commands  # noqa: PLC0415
    from collector.engine import Engine  # noqa: PLC0415

    clock = SystemClock()
    engine = Engine(settings, clock=clock)
    try:
        return Commands(engine, clock=clock).run(name, params)
    finally:
        engine.stop()
