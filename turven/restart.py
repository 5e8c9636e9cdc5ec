"""The command that replaces the processes of a running house, one after the other."""

import os
import signal

import click

from collector.errors import StoreError, TurvenError
from turven.group import main, settings_of
from turven.lock import server_of


@main.command()
@click.pass_context
def restart(ctx: click.Context) -> None:
    """Replace the processes of a running house one by one, with no event lost or refused (needs --collectors)."""
    settings = settings_of(ctx)
    server = server_of(settings.data_dir)
    if server is None:
        raise StoreError("house_stopped", f"No `turven serve` runs on {settings.data_dir}; start one.")
    # What it was started with, and not what its settings say now: one process would take the signal for its end.
    if not server.collectors:
        raise TurvenError(
            "one_process",
            "The house was started without collectors: it is one process. Stop it and start it again; what it has "
            "acknowledged is kept.",
        )
    os.kill(server.pid, signal.SIGHUP)
    click.echo("The house and then each collector are replaced; the log says when.")
