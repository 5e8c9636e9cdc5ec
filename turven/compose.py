"""Compose collector and dashboard into one application, and serve it."""

from typing import NamedTuple

import click
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from collector import __version__
from collector.clock import Clock, SystemClock
from collector.guard import Guard
from collector.house import House
from collector.model import Site
from collector.script import csp_lines
from collector.script import snippet as make_snippet
from collector.settings import Settings
from dashboard import app as dashboard
from dashboard import public


class Snippet(NamedTuple):
    """Hold the lines that a site's pages need."""

    html: str
    html_with_integrity: str
    csp: str


def build(settings: Settings, *, clock: Clock | None = None) -> ASGIApp:
    """Compose collector and dashboard into one application."""
    house = House(settings, clock=clock or SystemClock())
    return compose(house, clock=clock or SystemClock())


def compose(house: House, *, clock: Clock) -> ASGIApp:
    """Put the pages beside the doors of a house that is not running yet."""
    settings, engine = house.settings, house.engine
    base_url = settings.public.base_url or f"http://{settings.server.listen}{settings.server.base_path}"

    def snippet(site: Site) -> Snippet:
        pinned = house.scripts.for_site(site)
        return Snippet(
            make_snippet(site, base_url=base_url),
            make_snippet(site, base_url=base_url, pinned=pinned),
            "\n".join(csp_lines(base_url)),
        )

    def add_site(site: Site, made_by: str) -> None:
        engine.sites.add(site, made_by=made_by, reason="first steps", at=clock.now())

    pages = dashboard.routes(
        reader=engine.history,
        sites=engine.sites.all,
        add_site=add_site,
        snippet=snippet,
        rules=engine.rules,
        clock=clock,
        base_path=settings.server.base_path,
    )
    told = public.routes(
        settings=settings, sites=engine.sites.all, rules=engine.rules, clock=clock, version=__version__
    )
    return Guard(Starlette(routes=[*house.routes(), *told, *pages], lifespan=house.running))


def run_house(settings: Settings) -> None:
    """Serve until told to stop."""
    host, _, port = settings.server.listen.rpartition(":")
    app = build(settings)
    click.echo(f"Turven: http://{settings.server.listen}{settings.server.base_path}/", err=True)
    uvicorn.run(
        app,
        host=host.strip("[]"),
        port=int(port),
        # The access log holds the full address and query; proxy headers are read at the edge, from trusted hops only.
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        log_config=None,
        http="httptools",
        loop="uvloop",
    )
