"""Compose collector and dashboard into one application, and serve it."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from collector import __version__
from collector.app import FrontDoor
from collector.audit.shelf import Shelf
from collector.clock import Clock, SystemClock
from collector.guard import Guard
from collector.house import House
from collector.metrics import TimedReader
from collector.model import Site
from collector.script import csp_lines
from collector.script import snippet as make_snippet
from collector.settings import Settings
from dashboard import audit_page, pages, public
from dashboard import house as dashboard_house
from dashboard.api_door import token_door
from dashboard.desk.file import Desk
from dashboard.frame import Frame
from dashboard.remembering import Remembering
from dashboard.slashes import Slashes
from turven.auditing import Auditing, audit_command
from turven.door import door_of, tell_first_code
from turven.listening import see_free
from turven.notify import notify
from turven.reports import COMMAND, Reports, is_closed, sending
from turven.serving import Serving, http_protocol, server_config


class Snippet(NamedTuple):
    """Hold the lines that a site's pages need."""

    html: str
    html_with_integrity: str
    csp: str


class Whole(NamedTuple):
    """Hold a house that is not running yet, and the application that runs it."""

    house: House
    app: ASGIApp


def build(
    settings: Settings,
    *,
    clock: Clock | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
    control: socket.socket | None = None,
) -> Whole:
    """Compose collector and dashboard into one application.

    Args:
        settings: Of the house.
        clock: Tells the time.
        config: Where *settings* stand; the audit that the page starts reads them there. `None` for `turven.toml` in
            the working folder, or none.
        environ: Of that audit.
        control: As `House` takes it.
    """
    clock = clock or SystemClock()
    house = House(settings, clock=clock, control=control)
    shelf, command = Shelf(settings.data_dir), audit_command(config)
    auditing = Auditing(house, shelf=shelf, command=command, clock=clock, environ=environ, config=config)
    return Whole(house, compose(house, clock=clock, auditing=auditing))


def compose(house: House, *, clock: Clock, auditing: Auditing | None = None) -> ASGIApp:
    """Put the pages beside the doors of a house that is not running yet."""
    settings, engine = house.settings, house.engine
    auditing = auditing or Auditing(house, shelf=Shelf(settings.data_dir), command=audit_command(None), clock=clock)
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

    def change_site(site_id: str, changes: dict[str, Any], *, made_by: str, reason: str) -> Site:
        changed = engine.sites.change(site_id, changes, made_by=made_by, reason=reason, at=clock.now())
        if "retention_days" in changes:
            engine.let_go()
        return changed

    def now(site_id: str) -> dashboard_house.Present | None:
        told = engine.present.now(site_id)
        return dashboard_house.Present(visitors=told.visitors, pageviews=told.pageviews, at=told.at) if told else None

    inside = dashboard_house.House(
        reader=Remembering(TimedReader(engine.history, engine.metrics), lambda: engine.history.generation),
        sites=engine.sites.all,
        add_site=add_site,
        change_site=change_site,
        snippet=snippet,
        rules=engine.rules,
        now=now,
        desk=Desk(settings.desk_file),
        settings=settings,
        clock=clock,
    )
    reports = Reports(inside, is_closed=partial(is_closed, engine))
    house.commands.add(COMMAND, reports.command)
    door = door_of(settings, desk=inside.desk, clock=clock)
    frame = Frame(settings.server.base_path, door=door, passes=token_door(inside.desk, clock))
    told = public.routes(
        settings=settings, sites=engine.sites.all, rules=engine.rules, clock=clock, version=__version__
    )
    shown = [*audit_page.routes(auditing=auditing, frame=frame), *pages.routes(house=inside, frame=frame)]

    @asynccontextmanager
    async def running(app: object) -> AsyncIterator[None]:
        async with house.running(app):
            try:
                tell_first_code(door)
                async with sending(reports):
                    yield
            finally:
                await asyncio.to_thread(auditing.stop)
                inside.desk.close()

    app = Starlette(routes=[*house.routes(), *told, *shown], lifespan=running)
    Slashes(app.router)
    house.commands.routes = app.routes
    return Guard(FrontDoor(house.door, app, path=f"{settings.server.base_path}/event"))


def run_house(
    settings: Settings,
    *,
    clock: Clock | None = None,
    config: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Serve until told to stop; see `build`.

    Raises:
        SettingsError: `address_unusable`.
    """
    see_free(settings.server.listen)
    host, _, port = settings.server.listen.rpartition(":")
    whole = build(settings, clock=clock, config=config, environ=environ)
    if not settings.logs_json:
        click.echo(f"Turven: http://{settings.server.listen}{settings.server.base_path}/", err=True)
    http = http_protocol(settings, whole.house.door)
    whole.house.engine.metrics.refused = http.keeper.refused
    served = server_config(whole.app, http=http, host=host.strip("[]"), port=int(port))
    server = Serving(served, on_started=partial(notify, "READY=1"), on_ending=partial(notify, "STOPPING=1"))
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)
