"""Commands about sites, and what their controller has switched on."""

import json
from collections.abc import Mapping
from typing import Any, Final

import click
import msgspec

from collector.audit.governance import CONTROLLER, ON_BEHALF
from collector.audit.loosening import loosened
from collector.errors import SettingsError
from collector.model import Dimension, Identity, Profile, Site
from turven.declaring import DECLARING, NOTHING, declared
from turven.erasing import erase
from turven.group import OPERATOR, command, main, settings_of

#: As much as the settings log takes.
_ACTOR_LENGTH_MAX: Final = 200
#: What a controller can switch off.
SWITCHABLE: Final = tuple(one.value for one in Dimension if one not in {Dimension.TOTAL, Dimension.HOUR})


@main.group()
def site() -> None:
    """Sites, and what their controller has switched on."""


site.add_command(erase)


def _site_options(function: Any) -> Any:
    for option in reversed(
        (
            click.option(
                "--host", "hosts", multiple=True, metavar="HOST", help="Host of the site's pages; repeatable."
            ),
            click.option("--controller", metavar="NAME", help="Who decides: the school or its board."),
            click.option("--controller-contact", metavar="TEXT", help="Where the controller can be reached."),
            click.option("--privacy-officer", metavar="TEXT", help="The controller's officer, with contact."),
            click.option("--legal-basis", metavar="TEXT", help="What the controller rests the counting on."),
            click.option("--agreement", metavar="REF", help="Reference of the processor agreement."),
            click.option("--agreed-on", metavar="DATE", help="Date of the agreement, YYYY-MM-DD."),
            click.option("--profile", type=click.Choice([p.value for p in Profile])),
            click.option(
                "--template", "templates", multiple=True, metavar="PATH", help="Registered path, e.g. /toets/:id."
            ),
            click.option(
                "--sensitive", multiple=True, metavar="PATH", help="Prefix folded into its parent; repeatable."
            ),
            click.option(
                "--k", type=int, metavar="N", help="A threshold of the controller's own, where stricter; 0 for none."
            ),
            click.option(
                "--without",
                multiple=True,
                type=click.Choice([*SWITCHABLE, NOTHING]),
                metavar="DIMENSION",
                help=f"Switch a breakdown off, with its pairs; repeatable. `{NOTHING}`: switch all on again.",
            ),
            click.option(
                "--retention-days", type=int, metavar="N", help="Keep cells shorter than the house does; 0: as long."
            ),
            *DECLARING,
            click.option("--on/--off", "is_on", default=None, help="Count events, or stop counting."),
            click.option("--by", "made_by", default=OPERATOR, show_default=True, help="Who makes the change."),
            click.option("--reason", default="", help="Why; stands in the settings log."),
        )
    ):
        function = option(function)
    return function


def _changes(options: Mapping[str, Any]) -> dict[str, Any]:
    return declared(
        {
            name: [one for one in value if one != NOTHING] if isinstance(value, tuple) else value
            for name, value in options.items()
            if value not in (None, ())
        }
    )


def accounted(
    before: Mapping[str, Any] | None, after: Mapping[str, Any], *, made_by: str, reason: str
) -> tuple[str, str]:
    """Return who makes a change and why, as the settings log shall tell it.

    What the operator makes looser is recorded on behalf of the controller. Its reason, where none is given, is the
    agreement; of a new site that is off, that it waits for one.

    Args:
        before: Record of the site; `None` for a new one.
        after: Record of the site with the change.
        made_by: As the command line says.
        reason: As the command line says.

    Raises:
        SettingsError: `reason_missing`, `maker_reserved`.
    """
    if made_by.startswith(CONTROLLER):
        raise SettingsError("maker_reserved", "So begins what accounts of the controller decide; a command proposes.")
    try:
        old = msgspec.convert(before, Site, strict=False) if before is not None else None
        new = msgspec.convert(after, Site, strict=False)
    except msgspec.ValidationError:
        # The house refuses the record, and says what is wrong with it.
        return made_by, reason
    names = loosened(old, new)
    if not names:
        return made_by, reason
    if not reason.strip():
        if new.agreement and new.agreed_on:
            reason = f"agreement {new.agreement} of {new.agreed_on}"
        elif old is None and not new.is_on:
            reason = "new site; it is off until its agreement is recorded"
        else:
            raise SettingsError("reason_missing", f"This loosens {', '.join(names)}: say why with --reason.")
    if made_by == OPERATOR and new.controller:
        made_by = f"{ON_BEHALF}{new.controller}"[:_ACTOR_LENGTH_MAX]
    return made_by, reason


@site.command("add")
@click.argument("site_id", metavar="ID")
@click.option(
    "--identity",
    type=click.Choice([i.value for i in Identity]),
    required=True,
    help="network: address and browser tell visitors apart, nothing is stored on the device; behind one shared address "
    "everybody looks alike. browser: one random number in the browser until midnight; a school needs this.",
)
@click.option("--timezone", metavar="TZ", help="Decides where the day begins [settings].")
@_site_options
@click.pass_context
def site_add(ctx: click.Context, /, site_id: str, made_by: str, reason: str, **options: Any) -> None:
    """Take a new site into the house."""
    settings = settings_of(ctx)
    record = {"id": site_id, **_changes(options)}
    made_by, reason = accounted(None, {"timezone": settings.timezone} | record, made_by=made_by, reason=reason)
    params = {"site": record, "made_by": made_by, "reason": reason}
    added = json.loads(command(settings, "site_add", params))
    click.echo(f"Added {added['id']}, {'on' if added['is_on'] else 'off: nothing is counted yet'}.")


@site.command("set")
@click.argument("site_id", metavar="ID")
@_site_options
@click.pass_context
def site_set(ctx: click.Context, /, site_id: str, made_by: str, reason: str, **options: Any) -> None:
    """Change what a site has switched on."""
    settings = settings_of(ctx)
    changes = _changes(options)
    before = next((one for one in json.loads(command(settings, "site_list", {})) if one["id"] == site_id), None)
    if before is not None:
        made_by, reason = accounted(before, before | changes, made_by=made_by, reason=reason)
    params = {"site": site_id, "changes": changes, "made_by": made_by, "reason": reason}
    answer = json.loads(command(settings, "site_set", params))
    click.echo(f"Changed {site_id}; recorded in the settings log by {made_by}.")
    if changes.get("is_on") is False:
        click.echo(f"Nothing of it is counted any more. What is kept stays, until `turven site erase {site_id}`.")
    if answer["waits"]:
        click.echo("What is looser than today comes into force when the site's next day begins.")


@site.command("list")
@click.option("--json", "as_json", is_flag=True, help="Every setting, as JSON.")
@click.pass_context
def site_list(ctx: click.Context, *, as_json: bool) -> None:
    """List the sites."""
    answer = command(settings_of(ctx), "site_list", {})
    if as_json:
        click.echo(answer)
        return
    for row in json.loads(answer):
        state = "on" if row["is_on"] else "off"
        click.echo(f"{row['id']}  {state}  {row['profile']}  {row['identity']}  {' '.join(row['hosts'])}")
