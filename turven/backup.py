"""Commands that seal a copy of the history, and put one back."""

from pathlib import Path

import click
import msgspec

from collector.audit.finding import Result
from collector.audit.kept import Kept, every_row_has_k
from collector.control import SOCKET_NAME, ask
from collector.errors import SettingsError, StoreError
from collector.store import backup as sealed
from collector.store.copy import read_copy
from turven.group import command, main, settings_of


@main.command("backup")
@click.option(
    "--make-key", type=click.Path(path_type=Path), help="Make a key for opening backups, and do nothing else."
)
@click.pass_context
def back_up(ctx: click.Context, make_key: Path | None) -> None:
    """Seal a copy of the history into data_dir/backups and read it back; old backups go."""
    if make_key:
        recipient = sealed.make_key(make_key)
        click.echo(f'[backup]\nrecipient = "{recipient}"')
        click.echo(f"Put these lines into the settings; keep {make_key} away from this machine.", err=True)
        return
    made = msgspec.json.decode(command(settings_of(ctx), "backup", {}), type=sealed.Made)
    rows = sum(made.manifest.rows.values())
    click.echo(f"{made.file}: {rows:,} rows, {made.size:,} bytes, sealed and read back.")
    for name in made.removed:
        click.echo(f"Removed {name}: it had reached its age.")


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The key that opens it.")
@click.option(
    "--set-aside",
    type=click.Path(path_type=Path),
    help="Move the history that is there to this file first.",
)
@click.pass_context
def restore(ctx: click.Context, file: Path, key: Path, set_aside: Path | None) -> None:
    """Put the history of a backup back; the house must be stopped, and nothing newer is overwritten."""
    settings = settings_of(ctx)
    if ask(settings.runtime_path() / SOCKET_NAME, "site_list", {}) is not None:
        raise SettingsError("house_running", "The house is running; stop it before its history is put back.")
    if set_aside and set_aside.exists():
        raise SettingsError("set_aside_exists", f"{set_aside} is there already; nothing was changed.")
    manifest = sealed.restore(file, settings.history_file, key=_read_key(key), set_aside=set_aside)
    with read_copy(settings.history_file) as cursor:
        seen = every_row_has_k(Kept(cursor))
    click.echo(f"Restored the history of {manifest.made_at}: days closed until {manifest.newest or 'none'}.")
    if seen.result is Result.FAIL:
        raise StoreError("backup_below_k", "Rows of fewer than k visitors stand in it: `turven audit R21` tells more.")
    if set_aside:
        click.echo(f"{set_aside} still holds the history before: remove it when you need it no more.")
    click.echo("What was erased after that day is back: erase it again. `turven audit` looks at all of it.")


def _read_key(path: Path) -> str:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise SettingsError("backup_key_wrong", f"{path} cannot be read.") from None
    return next((line.strip() for line in lines if line.startswith("AGE-SECRET-KEY-")), "")
