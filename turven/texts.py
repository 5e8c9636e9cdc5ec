"""Commands that print what is told: the text for visitors, papers for a privacy officer, the list of what is kept."""

import click
import msgspec

from collector.errors import SettingsError
from collector.model import Site
from collector.settings import Settings
from collector.store.migrate import schema_sql
from dashboard.papers import LANGUAGES, Form, Paper, paper
from dashboard.visitor_text import Language, visitor_text
from turven.group import command, main, settings_of


@main.command()
@click.option("--site", "site_id", required=True, metavar="ID")
@click.option("--lang", type=click.Choice([each.value for each in Language]), default="nl", show_default=True)
@click.pass_context
def text(ctx: click.Context, site_id: str, lang: str) -> None:
    """Print the text for visitors of a site, made from the settings in force."""
    settings = settings_of(ctx)
    site = _site(settings, site_id)
    click.echo(visitor_text(site, settings.privacy.rules_of(site), settings, language=Language(lang)))


@main.command("paper")
@click.argument("name", type=click.Choice([each.value for each in Paper]))
@click.option("--site", "site_id", required=True, metavar="ID")
@click.option("--lang", type=click.Choice([each.value for each in LANGUAGES]), default="nl", show_default=True)
@click.option("--html", "as_html", is_flag=True, help="A page to open in a browser and print, instead of Markdown.")
@click.pass_context
def print_paper(ctx: click.Context, name: str, site_id: str, lang: str, *, as_html: bool) -> None:
    """Print a paper about a site: summary (two pages of A4), DPIA sheet, text for a breach, register of art. 30."""
    settings = settings_of(ctx)
    site = _site(settings, site_id)
    form: Form = "page" if as_html else "markdown"
    rules = settings.privacy.rules_of(site)
    click.echo(paper(name, site, rules, settings, language=Language(lang), form=form), nl=False)


@main.command()
def schema() -> None:
    """Print schema.sql: everything that is kept, column by column with its reason."""
    click.echo(schema_sql())


def _site(settings: Settings, site_id: str) -> Site:
    sites = msgspec.json.decode(command(settings, "site_list", {}), type=list[Site])
    found = [site for site in sites if site.id == site_id]
    if not found:
        raise SettingsError("site_unknown", f"There is no site {site_id!r}. `turven site list` names them.")
    return found[0]
