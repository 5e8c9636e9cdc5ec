"""Read goals, funnels and groups as they are written on the command line."""

import re
from collections.abc import Mapping
from typing import Any, Final

import click

from collector.errors import SettingsError
from collector.model import Region, TargetKind

#: Clears a list, or the region.
NOTHING: Final = "none"
_STEPS: Final = re.compile(r"\s*>\s*")
_TARGET: Final = "event:NAME, page:/path or prefix:/path/"

DECLARING: Final = (
    click.option(
        "--goal",
        "goals",
        multiple=True,
        metavar="NAME=TARGET",
        help=f"Count who reaches a target: {_TARGET}; repeatable. Replaces all goals; `{NOTHING}`: no goals.",
    ),
    click.option(
        "--funnel",
        "funnels",
        multiple=True,
        metavar="'NAME=TARGET > TARGET'",
        help=f"Count who takes 2 to 8 steps one after another; repeatable. Replaces all funnels; `{NOTHING}`: none.",
    ),
    click.option(
        "--group",
        "groups",
        multiple=True,
        metavar="/PATH/",
        help=f"Count all pages under a path as one; repeatable. Replaces all groups; `{NOTHING}`: no groups.",
    ),
    click.option(
        "--region",
        type=click.Choice([*(one.value for one in Region), NOTHING]),
        help="Whose Dutch school holidays the chart shows.",
    ),
    click.option(
        "--embed-host",
        "embed_hosts",
        multiple=True,
        metavar="ORIGIN",
        help=f"Origin whose pages may show the figures inside themselves; repeatable. `{NOTHING}`: none.",
    ),
    click.option(
        "--in-median/--no-in-median", default=None, help="Let the figures enter the median that other schools see."
    ),
)


def declared(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return *changes* with goals, funnels and region as the record of a site holds them.

    Raises:
        SettingsError: `site_invalid`.
    """
    made = dict(changes)
    if "goals" in made:
        made["goals"] = [_goal(written) for written in made["goals"]]
    if "funnels" in made:
        made["funnels"] = [_funnel(written) for written in made["funnels"]]
    if made.get("region") == NOTHING:
        made["region"] = None
    return made


def _goal(written: str) -> dict[str, Any]:
    name, target = _named(written, "--goal", f"'NAME=TARGET', TARGET being {_TARGET}")
    return {"name": name, "target": _target(target, written)}


def _funnel(written: str) -> dict[str, Any]:
    name, steps = _named(written, "--funnel", f"'NAME=TARGET > TARGET', each TARGET being {_TARGET}")
    return {"name": name, "steps": [_target(step, written) for step in _STEPS.split(steps)]}


def _named(written: str, option: str, how: str) -> tuple[str, str]:
    name, separator, rest = written.partition("=")
    if not separator or not name.strip() or not rest.strip():
        raise SettingsError("site_invalid", f"{option} {written!r}: write {how}.")
    return name.strip(), rest.strip()


def _target(written: str, whole: str) -> dict[str, str]:
    kind, separator, what = written.strip().partition(":")
    if not separator or kind not in {one.value for one in TargetKind}:
        raise SettingsError("site_invalid", f"{whole!r}: {written!r} is no target; write {_TARGET}.")
    return {"kind": kind, "what": what.strip()}
