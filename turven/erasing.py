"""The command that erases a site; `turven site erase` is the same."""

from typing import Final

import click
import msgspec

from collector.errors import SettingsError, TurvenError
from collector.settings import Settings
from collector.store.erase import Erased
from dashboard.desk.file import Desk
from turven.group import OPERATOR, command, main, settings_of

_KINDS: Final = {
    "cell": "figures",
    "closed": "markers of closed parts",
    "committed_hour": "committed hours",
    "dropped": "counts of refused requests",
    "site": "record of the site",
}
#: Of the events of the day that runs.
_SEALED: Final = (
    "Today's events are out of memory, and the site's salt is overwritten: no visitor key can be computed any more.\n"
    "In the spool they stay sealed and are never counted, until the key that sealed them is destroyed at the end of:"
)


@main.command("erase")
@click.argument("site_id", metavar="ID")
@click.option("--yes-erase", metavar="ID", help="For scripts: the site's name once more, instead of typing it.")
@click.option("--by", "made_by", default=OPERATOR, show_default=True, help="Who has it erased.")
@click.option("--reason", default="", help="Why; stands in the settings log.")
@click.option("--json", "as_json", is_flag=True, help="The statement as JSON.")
@click.pass_context
def erase(
    ctx: click.Context, /, site_id: str, *, yes_erase: str | None, made_by: str, reason: str, as_json: bool
) -> None:
    """Erase everything that is kept of a site, for good, and state what went."""
    settings = settings_of(ctx)
    if yes_erase is None:
        click.echo(f"This erases every figure and every setting of {site_id}. It cannot be undone.", err=True)
        yes_erase = click.prompt("Type the site's name to go on", default="", show_default=False, err=True)
    if yes_erase != site_id:
        raise SettingsError("not_confirmed", "That is not the site's name; nothing was erased.")
    try:
        answer = command(settings, "site_erase", {"site": site_id, "made_by": made_by, "reason": reason})
    except TurvenError as error:
        # Where we died between the two, the house knows the site no more, and what lies beside it is still there.
        if error.code == "site_unknown":
            _forget(settings, site_id)
        raise
    _forget(settings, site_id)
    click.echo(answer if as_json else statement(msgspec.json.decode(answer, type=Erased)))


def _forget(settings: Settings, site_id: str) -> None:
    """Let links, notes, receivers and passes to a site end with it; a running house has the file open beside us."""
    if settings.desk_file.exists():
        desk = Desk(settings.desk_file)
        desk.forget_site(site_id)
        desk.close()


def statement(erased: Erased) -> str:
    """Say what was erased, what stays, and what goes later."""
    days = f", days {erased.first_day} to {erased.last_day}" if erased.first_day else ""
    lines = [
        f"Erased {erased.site}{days}:",
        *(f"  {erased.rows[table]:>9,}  {kind}" for table, kind in _KINDS.items()),
        f"  {erased.log_entries:>9,}  entries of the settings log: what they said, who made them and why",
        f"History: {erased.bytes_before:,} bytes before, {erased.bytes_after:,} after; written anew without them.",
        "What stays: of each entry its number, instant, the site's name and its hashes, so that the chain still holds.",
        f"The chain now ends in {erased.head}; that entry tells that the site was erased.",
    ]
    if erased.sealed_until:
        lines += [_SEALED, *(f"  {day}" for day in erased.sealed_until)]
    lines.append("Backups and copies that were made before are not reached: let them expire, or destroy them.")
    return "\n".join(lines)
