"""Commands that serve: a house, and one with a simulated school in it."""

import click

from collector.clock import SystemClock
from collector.demo.run import run_demo
from turven.compose import run_house
from turven.group import main, settings_of


@main.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen [127.0.0.1:8000].")
@click.pass_context
def serve(ctx: click.Context, listen: str | None) -> None:
    """Serve collector and dashboard."""
    run_house(settings_of(ctx, server__listen=listen))


@main.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen [127.0.0.1:8000].")
@click.pass_context
def demo(ctx: click.Context, listen: str | None) -> None:
    """Serve a simulated school, with visitors who really send requests."""
    settings = settings_of(ctx, server__listen=listen)
    run_demo(settings, serve=run_house, clock=SystemClock(), say=lambda text: click.echo(text, err=True))
