"""What every command needs: the group, the settings, and a way to a house, running or not."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from collector import __version__
from collector.clock import SystemClock
from collector.commands import Commands
from collector.control import SOCKET_NAME, ask
from collector.engine import Engine
from collector.errors import TurvenError
from collector.log import start_logging
from collector.process import harden
from collector.settings import Settings, load_settings


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


def settings_of(ctx: click.Context, **flags: Any) -> Settings:
    """Shut the process, read the settings that the command line names, and begin logging."""
    harden()
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
