"""Commands that print what is told: the text for visitors, and the list of what is kept."""

import click
import msgspec

from collector.errors import SettingsError
from collector.model import Site
from collector.store.migrate import schema_sql
from dashboard.visitor_text import Language, visitor_text
from turven.group import command, main, settings_of


@main.command()
@click.option("--site", "site_id", required=True, metavar="ID")
@click.option("--lang", type=click.Choice([each.value for each in Language]), default="nl", show_default=True)
@click.pass_context
def text(ctx: click.Context, site_id: str, lang: str) -> None:
    """Print the text for visitors of a site, made from the settings in force."""
    settings = settings_of(ctx)
    sites = msgspec.json.decode(command(settings, "site_list", {}), type=list[Site])
    found = [site for site in sites if site.id == site_id]
    if not found:
        raise SettingsError("site_unknown", f"There is no site {site_id!r}. `turven site list` names them.")
    rules = settings.privacy.rules_of(found[0])
    click.echo(visitor_text(found[0], rules, settings, language=Language(lang)))


@main.command()
def schema() -> None:
    """Print schema.sql: everything that is kept, column by column with its reason."""
    click.echo(schema_sql())
