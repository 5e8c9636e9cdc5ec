"""The command that serves a house."""

import signal
from pathlib import Path

import click

from collector.log import start_logging
from turven.group import main, settings_of
from turven.lock import serving


@main.command()
@click.option("--listen", metavar="HOST:PORT", help="Where to listen [127.0.0.1:8000].")
@click.option("--collectors", type=int, metavar="N", help="Ingest processes beside the main one [0].")
@click.pass_context
def serve(ctx: click.Context, listen: str | None, collectors: int | None) -> None:
    """Serve collector and dashboard."""
    settings = settings_of(ctx, server__listen=listen, server__collectors=collectors)
    config = ctx.find_object(Path)
    if settings.server.collectors:
        # Who asks for a restart before the parent listens to orders must not end it.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with serving(settings.data_dir, collectors=settings.server.collectors) as lock:
        # What is not needed is not imported: a parent of processes stays small, and one process starts soon.
        if not settings.server.collectors:
            from turven.compose import run_house  # noqa: PLC0415

            run_house(settings, config=config)
            return
        from turven.supervise import Parent  # noqa: PLC0415

        start_logging(settings.log_level, process="parent", is_json=settings.logs_json)
        # A file that was changed since must not tell its processes of sockets and neighbours that they do not have.
        server = settings.server
        flags = {
            "server.listen": server.listen,
            "server.collectors": server.collectors,
            "server.collector_listen": server.collector_listen,
        }
        parent = Parent(settings, config=config, flags=flags, lock=lock)
        if not settings.logs_json:
            click.echo(f"Turven: http://{settings.server.listen}{settings.server.base_path}/", err=True)
        code = parent.run()
    ctx.exit(code)
