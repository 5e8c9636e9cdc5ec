"""A house with a real history file and made-up figures, and its dashboard as an app."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import polars as pl
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collector.errors import SettingsError
from collector.model import Cell, Dimension, Epoch, Identity, Origin, Outcome, Profile, Site
from collector.settings import Privacy, Settings
from collector.store.history import History
from collector.store.ledger import CELL_SCHEMA, ClosedPart, HourBlock, Ledger, cell_frame
from dashboard.api_door import token_door
from dashboard.desk.file import Desk
from dashboard.frame import Door, Frame
from dashboard.house import House as Inside
from dashboard.house import Present
from dashboard.pages import routes
from tests.clock import ManualClock

TODAY = date(2026, 11, 24)
SCHOOL = Site(
    id="school",
    hosts=("www.school.example",),
    controller="De Schoolvereniging",
    agreement="VO-2026-1",
    agreed_on=date(2026, 8, 1),
    identity=Identity.BROWSER,
    is_on=True,
)
#: Part of the visitors that each value has; together they may be less than all.
SHARES: Mapping[Dimension, Mapping[str, float]] = {
    Dimension.PAGE: {
        "/": 0.8, "/rooster": 0.5, "/inloggen": 0.46, "/toetsen/:id": 0.31, "/nieuws": 0.2, "/cijfers": 0.19,
        "/ouders/verlof": 0.12, "/open-dag": 0.1, "/contact": 0.09, "/vakken/…": 0.08, "/agenda": 0.07,
        "/bibliotheek": 0.06, "(other)": 0.11,
    },
    Dimension.ENTRY_PAGE: {"/": 0.6, "/inloggen": 0.22, "/rooster": 0.12, "(other)": 0.06},
    Dimension.EXIT_PAGE: {"/rooster": 0.4, "/": 0.3, "/cijfers": 0.2, "(other)": 0.1},
    Dimension.CHANNEL: {"direct": 0.6, "search": 0.25, "referral": 0.08, "ai": 0.05, "(other)": 0.02},
    Dimension.SOURCE: {"(direct)": 0.6, "Google": 0.22, "magister.net": 0.08, "ChatGPT": 0.04, "(search)": 0.03},
    Dimension.DEVICE: {"Phone": 0.52, "Desktop": 0.36, "Tablet": 0.12},
    Dimension.BROWSER: {"Chrome": 0.55, "Safari": 0.3, "Edge": 0.1, "Firefox": 0.05},
    Dimension.OS: {"Android": 0.3, "iOS": 0.25, "Windows": 0.2, "ChromeOS": 0.15, "macOS": 0.1},
    Dimension.COUNTRY: {"NL": 0.93, "BE": 0.04, "DE": 0.03},
    Dimension.EVENT: {"Rooster gedownload": 0.12, "Verlof aangevraagd": 0.05},
}  # fmt: skip
_HOURS = {"00-08": 0.12, "08-09": 0.3, "09-10": 0.24, "10-12": 0.3, "12-13": 0.18, "13-16": 0.3, "16-24": 0.35}
_PAIRED = (Dimension.SOURCE, Dimension.BROWSER, Dimension.OS, Dimension.DEVICE, Dimension.COUNTRY)


class House:
    """Own a history file in a folder, and fill it."""

    def __init__(self, folder: Path, clock: ManualClock, *, sites: Sequence[Site] = (SCHOOL,)) -> None:
        self.clock = clock
        self.history = History(folder / "history.duckdb", at=clock.now())
        self.ledger = Ledger(self.history)
        self.sites = list(sites)
        self.made_by: list[str] = []
        self.present: Present | None = None
        self.settings = Settings(data_dir=folder)
        self.desk = Desk(folder / "desk.sqlite")
        self._snapshots: list[pl.DataFrame] = []

    def close_day(
        self,
        day: date,
        cells: Sequence[Cell],
        *,
        site: Site = SCHOOL,
        part: int = 1,
        outcome: Outcome = Outcome.KEPT,
        origin: Origin = Origin.TRACKER,
        drops: Mapping[str, int] | None = None,
    ) -> None:
        """Keep a part of a day."""
        self.ledger.keep([self._part(day, cells, site, part, outcome, origin, drops or {})])

    def close_days(self, days: Sequence[tuple[date, Sequence[Cell]]], *, site: Site = SCHOOL, **more: Any) -> None:
        """Keep many days at once; a day without cells is below k."""
        origin, drops = more.get("origin", Origin.TRACKER), more.get("drops", {})
        self.ledger.keep([
            self._part(day, cells, site, 1, Outcome.KEPT if cells else Outcome.BELOW_K, origin, drops)
            for day, cells in days
        ])  # fmt: skip

    def _part(
        self,
        day: date,
        cells: Sequence[Cell],
        site: Site,
        part: int,
        outcome: Outcome,
        origin: Origin,
        drops: Mapping[str, int],
    ) -> ClosedPart:
        return ClosedPart(
            site=site.id, day=day, part=part, outcome=outcome, origin=origin, identity=site.identity,
            profile=site.profile, k=10, settings="0" * 64, closed_at=self.clock.now(), epoch_part=part, spool={},
            cells=cells, drops=drops,
        )  # fmt: skip

    def run_today(
        self,
        cells: Sequence[Cell],
        blocks: Sequence[HourBlock],
        *,
        site: Site = SCHOOL,
        day: date = TODAY,
        part: int = 1,
    ) -> None:
        """Commit hours of the running day and publish its snapshot."""
        self.ledger.commit_hours(site=site.id, day=day, part=part, blocks=blocks)
        self._snapshots.append(cell_frame(cells, site=site.id, day=day, part=part))
        self.history.publish(pl.concat([pl.DataFrame(schema=CELL_SCHEMA), *self._snapshots]))

    def lose(self, day: date, blocks: Sequence[HourBlock], *, site: Site = SCHOOL) -> None:
        """Let the machine lose a day of which some hours were committed."""
        self.ledger.commit_hours(site=site.id, day=day, part=1, blocks=blocks)
        self.ledger.note_gap(Epoch(site.timezone, day, 1), reason="keys_lost", at=self.clock.now())
        self.close_day(day, (), site=site, outcome=Outcome.LOST)

    def value(self, sql: str, *parameters: object) -> Any:
        """Return the first value of a statement of a test's own."""
        with self.history.read() as cursor:
            row = cursor.execute(sql, list(parameters)).fetchone()
        return row[0] if row else None

    def rows(self, sql: str, *parameters: object) -> list[Any]:
        """Return the rows of a statement of a test's own."""
        with self.history.read() as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def add_site(self, site: Site, made_by: str) -> None:
        """Take a site in, as the house does."""
        if any(site.id == known.id for known in self.sites):
            raise SettingsError("site_exists", f"There is a site {site.id!r} already.")
        if not site.id or not site.hosts:
            raise SettingsError("site_invalid", "Name 1 to 50 hosts.")
        self.sites.append(site)
        self.made_by.append(made_by)

    def change_site(self, site_id: str, changes: dict[str, Any], *, made_by: str, reason: str) -> Site:
        """Change a site at once, as the house does from its next day."""
        place = next(n for n, site in enumerate(self.sites) if site.id == site_id)
        raw = json.loads(msgspec.json.encode(self.sites[place])) | changes
        self.sites[place] = msgspec.convert(raw, Site, strict=False)
        self.made_by.append(made_by)
        return self.sites[place]

    def inside(self) -> Inside:
        """Return what pages are made from."""
        return Inside(
            reader=self.history,
            sites=lambda: self.sites,
            add_site=self.add_site,
            change_site=self.change_site,
            snippet=lambda site: SimpleNamespace(
                html=f'<script defer src="/turven.js" data-site="{site.id}"></script>',
                html_with_integrity='<script defer src="/turven.0a.js" integrity="sha384-x"></script>',
                csp="script-src http://127.0.0.1:8000; connect-src http://127.0.0.1:8000",
            ),
            rules=lambda site: Privacy(profile=Profile.OPEN, k=5).rules_of(site),
            now=lambda _site: self.present,
            desk=self.desk,
            settings=self.settings,
            clock=self.clock,
        )

    def app(self, *, base_path: str = "", door: Door | None = None) -> Starlette:
        """Return the dashboard of this house."""
        frame = Frame(base_path, door=door, passes=token_door(self.desk, self.clock))
        return Starlette(routes=routes(house=self.inside(), frame=frame))

    def client(self, *, base_path: str = "", **more: Any) -> TestClient:
        """Return a client on this machine."""
        options = {"base_url": "http://127.0.0.1:8000", "client": ("127.0.0.1", 50_000)} | more
        return TestClient(self.app(base_path=base_path), **options)


def total(visitors: int, **measures: int | None) -> Cell:
    """Return a day's total; measures that are not given follow from the visitors."""
    return line(Dimension.TOTAL, "", visitors, **measures)


def line(dimension: Dimension, value: str, visitors: int, **measures: int | None) -> Cell:
    """Return a line of a breakdown; measures that are not given follow from the visitors."""
    usual = Cell(
        dimension=dimension, value=value, contributors=min(visitors, 20), pageviews=visitors * 4,
        visits=visitors + visitors // 5, visitors=visitors, bounces=visitors // 3, seconds=visitors * 150,
        events=visitors // 6,
    )  # fmt: skip
    return msgspec.structs.replace(usual, **measures)


def pair(first: tuple[Dimension, str], second: tuple[Dimension, str], pageviews: int) -> list[Cell]:
    """Return a pair, as it stands in both directions."""
    return [
        Cell(dimension=b, value=y, filter_dimension=a, filter_value=x, pageviews=pageviews, contributors=10)
        for (a, x), (b, y) in ((first, second), (second, first))
    ]


def school_day(visitors: int) -> list[Cell]:
    """Return the cells of an ordinary day; those that *visitors* are too few for are not there."""
    cells = [total(visitors)]
    cells += [line(Dimension.HOUR, block, int(visitors * share)) for block, share in _HOURS.items()]
    for dimension, values in SHARES.items():
        cells += [line(dimension, value, int(visitors * s)) for value, s in values.items() if visitors * s >= 10]
    for page, share in SHARES[Dimension.PAGE].items():
        for other in _PAIRED:
            for value, part in SHARES[other].items():
                if page != "(other)" and visitors * share * part >= 10:
                    cells += pair((Dimension.PAGE, page), (other, value), int(visitors * share * part * 3))
    return cells


def school_days(last: date, days: int) -> Iterator[tuple[date, list[Cell]]]:
    """Yield ordinary days up to and with *last*: busy in the week, quiet in the weekend."""
    for n in range(days):
        day = last - timedelta(n)
        busy = 180 if day.weekday() >= 5 else 700 - 40 * day.weekday()
        yield day, school_day(busy + (day.toordinal() * 37) % 90)


def morning() -> tuple[list[Cell], list[HourBlock]]:
    """Return the snapshot and the committed hours of a running day."""
    cells = [
        Cell(dimension=dimension, value=value, visitors=visitors, contributors=20)
        for dimension, value, visitors in (
            (Dimension.TOTAL, "", 210),
            (Dimension.PAGE, "/", 180),
            (Dimension.PAGE, "/rooster", 110),
            (Dimension.SOURCE, "(direct)", 150),
            (Dimension.SOURCE, "Google", 40),
        )
    ]
    blocks = [
        HourBlock(first_hour=0, last_hour=6, pageviews=80, visitors=20, contributors=20),
        HourBlock(first_hour=7, last_hour=7, pageviews=310, visitors=120, contributors=20),
        HourBlock(first_hour=8, last_hour=8, pageviews=450, visitors=160, contributors=20),
    ]
    return cells, blocks
