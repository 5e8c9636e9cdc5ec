"""What the command line asks of a house, running or not: a name, plain parameters, bytes as the answer."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from collector import __version__, replay
from collector.audit.facts import gather, known
from collector.audit.kept import Kept
from collector.audit.outsider import PartName, PublishedInFile
from collector.audit.own_process import own_answer
from collector.audit.run import check_house
from collector.audit.shape import Doors, doors_of
from collector.clock import Clock
from collector.effective import effective
from collector.engine import Engine
from collector.errors import SettingsError
from collector.model import Site
from collector.store.backup import make_backup
from collector.store.export import export_cells

Params = Mapping[str, Any]


class Commands:
    """Answer commands on one engine."""

    def __init__(self, engine: Engine, *, clock: Clock, lookup: Callable[[str], str] | None = None) -> None:
        """Act on *engine*; *lookup* is the house's own table of countries, if it has one."""
        self._engine = engine
        self._clock = clock
        self._lookup = lookup
        #: The addresses of the house, once it is put together; nothing is known of them where it does not serve.
        self.routes: Sequence[Any] = ()
        self._by_name: dict[str, Callable[[Params], bytes]] = {
            "site_add": self._site_add,
            "site_set": self._site_set,
            "site_list": self._site_list,
            "site_erase": self._site_erase,
            "close": self._close,
            "export": self._export,
            "audit": self._audit,
            "facts": self._facts,
            "parts": self._parts,
            "cells": self._cells,
            "replay": self._replay,
            "routes": lambda _params: msgspec.json.encode(self.doors()),
            "backup": self._backup,
            "process": self._process,
        }

    def add(self, name: str, command: Callable[[Params], bytes]) -> None:
        """Know one more command, of a part that the collector does not know."""
        self._by_name[name] = command

    def run(self, name: str, params: Params) -> bytes:
        """Carry out a command.

        Raises:
            TurvenError: As the command says.
        """
        command = self._by_name.get(name)
        if command is None:
            raise SettingsError(
                "command_unknown", f"The running house does not know {name!r}; restart it after an update."
            )
        return command(params)

    def doors(self) -> Doors:
        """Return every way to ask the house something: its addresses and these commands."""
        return doors_of(self.routes, commands=self._by_name)

    def _site_add(self, params: Params) -> bytes:
        try:
            site = msgspec.convert(
                {"timezone": self._engine.settings.timezone} | dict(params["site"]), Site, strict=False
            )
        except msgspec.ValidationError as error:
            raise SettingsError("site_invalid", f"{error}.") from None
        self._engine.sites.add(site, made_by=params["made_by"], reason=params["reason"], at=self._clock.now())
        return msgspec.json.encode(site)

    def _site_set(self, params: Params) -> bytes:
        site = self._engine.sites.change(
            params["site"],
            dict(params["changes"]),
            made_by=params["made_by"],
            reason=params["reason"],
            at=self._clock.now(),
        )
        if "retention_days" in params["changes"]:
            self._engine.let_go()
        waits = self._engine.sites.waits(site.id)
        return json.dumps(json.loads(msgspec.json.encode(site)) | {"waits": waits}).encode()

    def _site_erase(self, params: Params) -> bytes:
        erased = self._engine.erase(params["site"], made_by=params["made_by"], reason=params["reason"])
        return msgspec.json.encode(erased)

    def _site_list(self, _params: Params) -> bytes:
        return msgspec.json.encode(self._engine.sites.all())

    def _close(self, params: Params) -> bytes:
        outcomes = self._engine.close_now(params.get("sites"))
        return json.dumps(outcomes).encode()

    def _audit(self, params: Params) -> bytes:
        settings, site = self._engine.settings, params.get("site", "")
        with self._engine.history.read() as cursor:
            seen = check_house(
                cursor,
                settings=settings,
                clock=self._clock,
                ids=params["ids"],
                site=site,
                doors=self.doors() if self.routes else None,
            )
        return msgspec.json.encode(seen)

    def _facts(self, params: Params) -> bytes:
        engine, site = self._engine, params.get("site", "")
        known(engine.sites.all(), site)
        with engine.history.read() as cursor:
            facts = gather(
                cursor,
                settings=engine.settings,
                sites=engine.sites.all(),
                rules=engine.rules,
                version=__version__,
                site=site,
            )
        return msgspec.json.encode(facts)

    def _parts(self, params: Params) -> bytes:
        with self._engine.history.read() as cursor:
            return msgspec.json.encode(PublishedInFile(Kept(cursor, site=params.get("site", ""))).parts())

    def _cells(self, params: Params) -> bytes:
        part = msgspec.convert({"k": 0} | dict(params), PartName)
        with self._engine.history.read() as cursor:
            return msgspec.json.encode(PublishedInFile(Kept(cursor)).cells(part))

    def _process(self, _params: Params) -> bytes:
        return msgspec.json.encode(own_answer(self._engine.settings))

    def _replay(self, params: Params) -> bytes:
        return replay.run(self._engine, params, clock=self._clock, random=os.urandom, lookup=self._lookup)

    def _backup(self, _params: Params) -> bytes:
        engine = self._engine
        settings = engine.settings
        made = make_backup(
            engine.history,
            settings.backup_dir,
            recipient=settings.backup.recipient,
            settings=effective(settings, engine.sites.all(), rules=engine.rules, version=__version__),
            at=self._clock.now(),
            keep_days=settings.backup.keep_days,
        )
        return msgspec.json.encode(made)

    def _export(self, params: Params) -> bytes:
        self._engine.sites.known(params["site"])
        return export_cells(
            self._engine.history,
            site=params["site"],
            first=_day(params.get("first")),
            last=_day(params.get("last")),
            form=params["format"],
        )


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError("day_invalid", "Write days as YYYY-MM-DD.") from None
