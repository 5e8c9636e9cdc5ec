"""Make a house with a simulated school in it and serve it: closed weeks, the hours of today, and visitors who come.

Everything lies in a folder of its own, which the next demo clears; no real site's figures are near it.
"""

import asyncio
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol

import msgspec

from collector.backfill import Backfill
from collector.clock import Clock, day_starts_at, local_day, local_hour
from collector.control import SOCKET_NAME, ask
from collector.demo.live import LiveVisitors
from collector.demo.school import Request
from collector.demo.weeks import CDN, COUNTRY_HEADER, DAYS, WORKERS_MAX, Job, as_raw, fill, site_in
from collector.errors import SettingsError
from collector.house import House
from collector.progress import Bar
from collector.settings import CONFIG_NAME, Privacy, Public, Settings, SubProcessor
from collector.turned import ClockWatch

SEED: Final = "duinrand"
#: Half of the simulated school, so that a newcomer waits less; it is still far above the threshold.
SHARE: Final = 0.5
#: Between these hours of the day the demo lies where the operator is; else where it is early afternoon.
GOOD_HOURS: Final = range(10, 23)
AFTERNOON: Final = 14
#: Requests of earlier hours that one turn of the loop brings.
TURN_REQUESTS: Final = 256
#: Past the full hour by more than the engine waits before it commits one.
_SETTLED: Final = timedelta(seconds=3)
_HOUR_SECONDS: Final = 3_600

#: Who would run such a house; nobody of that name exists.
OPERATOR: Final = "Leerportaal (simulated)"
CONTACT: Final = "privacy@leerportaal.example"
OFFICER: Final = "G. Heim (simulated), fg@leerportaal.example"
SECURITY_CONTACT: Final = "mailto:security@leerportaal.example"
COMPANIES: Final = (
    SubProcessor(name="Serverzaal (simulated)", task="hosting", country="NL"),
    SubProcessor(name="Dichtbij (simulated)", task="CDN", country="IE"),
)

#: First line of the settings file in a demo's folder: only a folder with it is ever cleared.
MARK: Final = "# Made by `turven demo`, which clears this folder when it starts."


class Serve(Protocol):
    """Serve a house until told to stop."""

    def __call__(self, settings: Settings, /) -> None:
        """Serve."""
        ...


class SteppedClock:
    """Tell the time that it was set to: the earlier hours of today pass in seconds."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the instant as aware UTC."""
        return self.at


def run_demo(
    settings: Settings,
    *,
    serve: Serve,
    clock: Clock,
    say: Callable[[str], None],
    days: int = DAYS,
    share: float = SHARE,
    workers: int | None = None,
) -> None:
    """Prepare the demo and serve it until told to stop.

    Args:
        settings: Of the house; the demo keeps where it listens and its privacy settings, and nothing of its data.
        serve: Serves a house, and returns or raises when it was told to stop.
        clock: Tells which day it is.
        say: Tells a person what goes on.
        days: Closed days before today.
        share: Size of the school, 1 for the whole one.
        workers: Processes that simulate the weeks; `None` for as many as the machine has cores.

    Raises:
        SettingsError: `demo_running`, `demo_folder_foreign`.
        TurvenError: The house cannot be opened; see `House`.
    """
    own = demo_settings(settings, now=clock.now())
    if own.timezone != settings.timezone:
        say(f"Schools are closed at this hour: the simulated one lies in {own.timezone}, where it is early afternoon.")
    job = prepare(own, clock=clock, days=days, share=share, workers=workers)
    config = own.data_dir / CONFIG_NAME
    say(f"The demo lies in {own.data_dir}; commands reach it with: turven --config {config} …")
    host, _, port = own.server.listen.rpartition(":")
    live = LiveVisitors(job.school(), host=host.strip("[]"), port=int(port), clock=clock, seed=job.seed)
    live.start()
    try:
        serve(own)
    finally:
        live.stop()


def demo_settings(settings: Settings, *, now: datetime) -> Settings:
    """Return the settings of the demo's own house, in folders of its own and where it is daytime."""
    server = msgspec.structs.replace(
        settings.server,
        base_path="",
        collectors=0,
        collector_listen="",
        trusted_proxies=(CDN, "::1"),
        client_header="X-Forwarded-For",
        country_header=COUNTRY_HEADER,
    )
    return msgspec.structs.replace(
        settings,
        data_dir=settings.data_dir.absolute() / "demo",
        runtime_dir=str(settings.runtime_path() / "demo"),
        timezone=daytime_zone(now, settings.timezone),
        keep_day_through_reboot=False,
        server=server,
        public=msgspec.structs.replace(
            settings.public,
            operator=OPERATOR,
            contact=CONTACT,
            security_contact=SECURITY_CONTACT,
            privacy_officer=OFFICER,
            sub_processors=COMPANIES,
        ),
    )


def daytime_zone(now: datetime, timezone: str) -> str:
    """Return *timezone* where it is daytime there, else a zone in which it is early afternoon at *now*."""
    if local_hour(now, timezone) in GOOD_HOURS:
        return timezone
    east = AFTERNOON - now.astimezone(UTC).hour
    # The zones of `Etc` are named by what to add to get UTC: west is plus.
    return f"Etc/GMT{-east:+d}" if east else "Etc/UTC"


def prepare(settings: Settings, *, clock: Clock, days: int, share: float, workers: int | None) -> Job:
    """Make the demo's house afresh: its site, its closed days, and today up to now. Nothing of it runs afterwards.

    Args:
        settings: As `demo_settings` returns them.
        clock: As for `run_demo`.
        days: As for `run_demo`.
        share: As for `run_demo`.
        workers: As for `run_demo`.

    Raises:
        SettingsError: As `run_demo`.
        TurvenError: As `run_demo`.
    """
    clear(settings)
    site = site_in(settings.timezone)
    today = local_day(clock.now(), site.timezone)
    job = Job(settings=settings, site=site, seed=SEED, today=today, share=share)
    stepped = SteppedClock(day_starts_at(today, site.timezone))
    house = House(settings, clock=stepped)
    # Hours pass between two rounds here, and nobody turned a clock.
    house.engine.clock_watch = ClockWatch(timedelta(days=1))
    bar = Bar()
    try:
        house.engine.sites.add(site, made_by="demo", reason="simulated school", at=stepped.now())
        backfill = Backfill(house.engine, clock=stepped, random=os.urandom)
        workers = min(os.cpu_count() or 1, WORKERS_MAX) if workers is None else workers
        fill(backfill, job, days=days, workers=workers, bar=bar)
        now = clock.now()
        requests = job.school().requests_of(today, until=int(now.timestamp()))
        asyncio.run(_pass_hours(house, stepped, requests, until=now, bar=bar))
        house.intake.stop()
        house.engine.tick()
    finally:
        bar.end()
        house.engine.stop()
    return job


async def _pass_hours(house: House, clock: SteppedClock, requests: list[Request], *, until: datetime, bar: Bar) -> None:
    """Let the earlier hours of today pass: events through the intake, each at its instant, hours committed as ever."""
    hour = None
    for number, request in enumerate(requests, 1):
        this_hour = request.at // _HOUR_SECONDS
        if hour is not None and this_hour != hour:
            await _tick(house, clock, datetime.fromtimestamp(this_hour * _HOUR_SECONDS, UTC) + _SETTLED)
        hour = this_hour
        clock.at = datetime.fromtimestamp(request.at, UTC)
        house.intake.admit(as_raw(request))
        if number % TURN_REQUESTS == 0:
            await house.intake.written()
            bar("Simulating today", number, len(requests))
    await _tick(house, clock, until)


async def _tick(house: House, clock: SteppedClock, at: datetime) -> None:
    clock.at = at
    await house.intake.written()
    house.intake.look()
    house.engine.tick()


def clear(settings: Settings) -> None:
    """Make the demo's folders, empty.

    Raises:
        SettingsError: `demo_running`; `demo_folder_foreign` where the folder is not one that a demo made.
    """
    runtime, folder = settings.runtime_path(), settings.data_dir
    if ask(runtime / SOCKET_NAME, "site_list", {}) is not None:
        raise SettingsError("demo_running", "A demo is running already; stop it first.")
    config = folder / CONFIG_NAME
    if folder.exists() and not _is_ours(config):
        raise SettingsError("demo_folder_foreign", f"{folder} was not made by a demo; it is left as it is.")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(runtime, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    runtime.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    config.write_text(_config(settings), "utf-8")


def _is_ours(config: Path) -> bool:
    try:
        return config.read_text("utf-8").startswith(MARK)
    except OSError:
        return False


def _config(settings: Settings) -> str:
    server = settings.server
    values = {
        "data_dir": str(settings.data_dir),
        "runtime_dir": settings.runtime_dir,
        "timezone": settings.timezone,
    }
    lines = [MARK, *(f"{name} = {_quoted(value)}" for name, value in values.items()), "[server]"]
    lines += [f"listen = {_quoted(server.listen)}", f"country_header = {_quoted(server.country_header)}"]
    lines += [f"trusted_proxies = [{', '.join(map(_quoted, server.trusted_proxies))}]"]
    lines += ["[public]", *_public(settings.public)]
    lines += ["[privacy]", *_privacy(settings.privacy)]
    return "\n".join(lines) + "\n"


def _privacy(privacy: Privacy) -> list[str]:
    return [f"{name} = {msgspec.json.encode(getattr(privacy, name)).decode()}" for name in privacy.__struct_fields__]


def _public(public: Public) -> list[str]:
    names = ("operator", "contact", "security_contact", "privacy_officer", "base_url")
    companies = (
        f"{{name = {_quoted(one.name)}, task = {_quoted(one.task)}, country = {_quoted(one.country)}}}"
        for one in public.sub_processors
    )
    lines = [f"{name} = {_quoted(getattr(public, name))}" for name in names]
    return [*lines, f"sub_processors = [{', '.join(companies)}]"]


def _quoted(text: str) -> str:
    # A JSON text is a TOML text.
    return msgspec.json.encode(text).decode()
