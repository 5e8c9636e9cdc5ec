"""The command that serves a house."""

from pathlib import Path

import click

from turven.compose import run_house
from turven.group import main, settings_of


@main.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen [127.0.0.1:8000].")
@click.pass_context
def serve(ctx: click.Context, listen: str | None) -> None:
    """Serve collector and dashboard."""
    run_house(settings_of(ctx, server__listen=listen), config=ctx.find_object(Path))
