"""The command that serves a house with a simulated school in it."""

import os

import click

from collector.clock import SystemClock
from collector.demo.run import run_demo
from collector.settings import CONFIG_NAME, Settings
from turven.compose import run_house
from turven.group import main, settings_of


@main.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen [127.0.0.1:8000].")
@click.pass_context
def demo(ctx: click.Context, listen: str | None) -> None:
    """Serve a simulated school, with visitors who really send requests."""
    settings = settings_of(ctx, server__listen=listen)

    def serve_demo(own: Settings, /) -> None:
        # The demo's own settings lie in its folder, and variables that are meant for another house must not reach it.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("TURVEN_")}
        run_house(own, config=own.data_dir / CONFIG_NAME, environ=environ)

    run_demo(settings, serve=serve_demo, clock=SystemClock(), say=lambda text: click.echo(text, err=True))
