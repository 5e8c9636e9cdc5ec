"""What a house is killed in: how it comes to the moment, the operation itself, and what it has when it is up again.

Each function runs in a process of its own (`child`) on a folder that other such processes used before and after.
"""

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple

import pyrage

from collector.commands import Commands
from collector.errors import TurvenError
from collector.model import Dimension, Identity, Site
from collector.settings import Backup, Server, Settings
from collector.store import backup, migrate
from tests.clock import ManualClock
from tests.faults.points import Points, die
from tests.house import TallyHouse

MORNING: Final = "2026-11-24T09:10:00+01:00"
NOON: Final = "2026-11-24T12:00:05+01:00"
NEXT_DAY: Final = "2026-11-25T00:00:10+01:00"
SITES: Final = ("school", "tweede")
#: Breakdowns that are switched off: none is asked about here, and a close takes half as long without.
UNASKED: Final = tuple(one for one in Dimension if one not in {Dimension.TOTAL, Dimension.HOUR, Dimension.PAGE})
#: Every table, with the columns that differ from run to run left out.
TABLES: Final = {
    "site": "id",
    "closed": "site, day, part, outcome, k",
    "cell": "*",
    "committed_hour": "*",
    "dropped": "*",
    "gap": "timezone, day, reason",
    # How far spool files were read depends on their names.
    "settings_log": "seq, site, change like '%erased%'",
}
MIGRATION: Final = """
alter table cell add column note varchar;
update cell set note = coalesce(note, '') || 'seen once';
create table extra as select site, count(*) as parts from closed group by site;
"""


class Standing(TallyHouse):
    """A house of two sites in a folder, which finds what it had there before."""

    def __init__(self, folder: Path, *, at: str) -> None:
        self._folder = folder
        super().__init__(folder, clock=ManualClock(at))

    def _start(self) -> None:
        self.settings = settings_in(self._folder)
        super()._start()
        # One event loop for all requests, which are many.
        self.client.__enter__()
        # In the house the intake looks four times a second, while the engine waits for it.
        self.house.engine.wait = self.house.intake.look

    def stop(self) -> None:
        """Stop in order."""
        super().stop()
        self.client.__exit__()

    def visit(self, *, first: int, visitors: int = 12) -> None:
        """Let visitors of both sites each see a page, and some another."""
        for site in SITES:
            self.feed(first=first, visitors=visitors, page="/rooster", site=site)
            self.feed(first=first, visitors=3, page="/cijfers", site=site)


class Operation(NamedTuple):
    """Say what a house is killed in.

    Attributes:
        prepare: Brings a new house to the moment before; it is killed there.
        perform: Does the operation; it is called with what counts and kills.
        at: When the house is up again.
    """

    prepare: Callable[[Path], None]
    perform: Callable[[Path, Points], None]
    at: str


def settings_in(folder: Path) -> Settings:
    """Return the settings of the house in *folder*."""
    key = folder / "backup.key"
    recipient = backup.make_key(key) if not key.exists() else str(identity(folder).to_public())
    return Settings(
        data_dir=folder / "data",
        runtime_dir=str(folder / "runtime"),
        server=Server(trusted_proxies=("127.0.0.0/8",)),
        backup=Backup(recipient=recipient),
    )


def identity(folder: Path) -> pyrage.x25519.Identity:
    """Return the key that opens the backups of the house in *folder*."""
    return pyrage.x25519.Identity.from_str((folder / "backup.key").read_text("utf-8").splitlines()[-1])


def site(name: str) -> Site:
    """Describe a site that is on."""
    return Site(
        id=name, hosts=(f"www.{name}.example",), controller=f"De {name}", agreement="VO-1",
        agreed_on=date(2026, 8, 1), identity=Identity.NETWORK, is_on=True, without=UNASKED,
    )  # fmt: skip


# -- before -----------------------------------------------------------------------------------------------------------


def _prepare_nothing(folder: Path) -> None:
    settings_in(folder)
    die()


def _visited(folder: Path) -> Standing:
    """Return a house with all sites, in which the first visitors of the morning have been."""
    house = Standing(folder, at=MORNING)
    for name in SITES:
        house.add(site(name))
    house.visit(first=0)
    return house


def _prepare_morning(folder: Path) -> None:
    """Let three hours of visitors come, of which none is committed; then the house is killed."""
    house = _visited(folder)
    house.tick()
    for hour in (1, 2):
        house.clock.forward(hours=1)
        house.visit(first=20 * hour)
    die()


def _prepare_two_parts(folder: Path) -> None:
    """Let a part be closed, a backup be made, another part be closed and a third run on; then the house is killed."""
    house = _visited(folder)
    house.close()
    Commands(house.house.engine, clock=house.clock).run("backup", {})
    house.clock.forward(seconds=5)
    house.visit(first=0)
    house.close()
    house.visit(first=40)
    house.tick()
    die()


def _prepare_restore(folder: Path) -> None:
    """Let a house with a backup be stopped, and its history be moved away."""
    house = _visited(folder)
    house.close()
    Commands(house.house.engine, clock=house.clock).run("backup", {})
    house.stop()
    die()


# -- the operations ---------------------------------------------------------------------------------------------------


def _first_start(folder: Path, points: Points) -> None:
    points.arm()
    house = Standing(folder, at=MORNING)
    house.tick()


def _add_site(folder: Path, points: Points) -> None:
    house = Standing(folder, at=MORNING)
    points.arm()
    house.add(site("derde"))


def _commit_hours(folder: Path, points: Points) -> None:
    house = Standing(folder, at=NOON)
    points.arm()
    house.tick()


def _turn_and_close_day(folder: Path, points: Points) -> None:
    house = Standing(folder, at=NOON)
    house.tick()
    # A stream of this process is open, and has to turn with the day.
    house.visit(first=60)
    house.clock.set(NEXT_DAY)
    points.arm()
    house.tick()
    house.tick()


def _close_sites(folder: Path, points: Points) -> None:
    house = Standing(folder, at=NOON)
    house.visit(first=60)
    points.arm()
    house.close()


def _erase(folder: Path, points: Points) -> None:
    house = Standing(folder, at=NOON)
    house.visit(first=60)
    points.arm()
    house.house.engine.erase("tweede", made_by="operator", reason="contract ended")


def _back_up(folder: Path, points: Points) -> None:
    house = Standing(folder, at=NOON)
    points.arm()
    Commands(house.house.engine, clock=house.clock).run("backup", {})


def _restore(folder: Path, points: Points) -> None:
    (made,) = sorted((folder / "data" / "backups").glob("*.age"))
    points.arm()
    backup.restore(made, folder / "data" / "history.duckdb", key=str(identity(folder)))


def _migrate(folder: Path, points: Points) -> None:
    be_newer(folder)
    points.arm()
    Standing(folder, at=NOON)


def be_newer(folder: Path) -> None:
    """Make this process a program whose schema is one step on."""
    steps = folder / "newer" / "migrations"
    steps.mkdir(parents=True, exist_ok=True)
    step = migrate.SCHEMA_VERSION + 1
    (steps / f"{step:04}.sql").write_text(MIGRATION, "utf-8")
    changed: Any = migrate
    changed.SCHEMA_VERSION, changed.files = step, lambda _package: folder / "newer"


OPERATIONS: Final = {
    "first start": Operation(_prepare_nothing, _first_start, MORNING),
    "site added": Operation(_prepare_morning, _add_site, NOON),
    "hour commit": Operation(_prepare_morning, _commit_hours, NOON),
    "day close": Operation(_prepare_morning, _turn_and_close_day, NEXT_DAY),
    "site close": Operation(_prepare_morning, _close_sites, NOON),
    "erase": Operation(_prepare_two_parts, _erase, NOON),
    "backup": Operation(_prepare_two_parts, _back_up, NOON),
    "restore": Operation(_prepare_restore, _restore, NOON),
    "migration": Operation(_prepare_two_parts, _migrate, NOON),
}


# -- jobs of a process ------------------------------------------------------------------------------------------------


def prepare(name: str, folder: Path) -> None:
    """Bring a new house to the moment before an operation, and die."""
    OPERATIONS[name].prepare(folder)


def perform(name: str, folder: Path, at: int | None, passed: Path | None) -> None:
    """Do an operation and die: at step *at*, or at its end, when what was passed is written to *passed*."""
    points = Points(at)
    OPERATIONS[name].perform(folder, points)
    if passed is not None:
        with passed.open("w", encoding="utf-8") as file:
            json.dump(points.passed, file)
    die()


def recover(name: str, folder: Path, found: Path) -> None:
    """Start the house again, close everything, stop it, and write what is kept to *found*."""
    operation = OPERATIONS[name]
    state = _recovered(folder, at=operation.at, is_newer=name == "migration")
    found.write_text(json.dumps(state, default=str), "utf-8")


def _recovered(folder: Path, *, at: str, is_newer: bool) -> Mapping[str, Any]:
    if is_newer:
        be_newer(folder)
    house = Standing(folder, at=at)
    if not house.house.engine.sites.all():
        for name in SITES:
            house.add(site(name))
        house.visit(first=0)
    house.tick()
    house.tick()
    # Who was there before the kill comes back: one visitor in a part that runs on, another one in the next.
    house.feed(visitors=12, first=60, page="/rooster").tick()
    house.close()
    state = kept(house)
    if is_newer:
        state["note"] = house.rows("select distinct site, part, note from cell order by all")
        state["extra"] = house.rows("select * from extra order by all")
        state["schema_version"] = house.rows("select version from schema_version order by all")
    house.stop()
    return state


def kept(house: TallyHouse) -> dict[str, Any]:
    """Return everything that the history keeps, what lies in the spool, and what lies beside it that should not."""
    state: dict[str, Any] = {
        table: house.rows(f"select {columns} from {table} order by all") for table, columns in TABLES.items()
    }
    data = house.folder / "data"
    state["backups"] = [_newest(path, house.folder) for path in sorted((data / "backups").glob("*.age"))]
    # Names in the making begin with a dot, or end in `.new`.
    left = [path for pattern in (".*", "*.new*") for path in data.rglob(pattern)]
    # In the spool such a name stays until its day ends: a file that was never begun, with nothing in it.
    state["left"] = sorted(path.name.partition("-")[0] for path in left if path.parent.parent != data / "spool")
    state["keys"] = len(list((house.folder / "runtime" / "epochs").iterdir()))
    return state


def _newest(sealed: Path, folder: Path) -> str:
    """Open a backup, and return when the newest day in it was closed."""
    with TemporaryDirectory() as work, backup.opened(sealed, key=str(identity(folder)), work=Path(work)) as (found, _):
        return found.newest


def refusal(folder: Path, *, at: str) -> str:
    """Return the sentence with which a house in *folder* does not start; empty where it starts."""
    try:
        Standing(folder, at=at).stop()
    except TurvenError as error:
        return f"{error.code}: {error.message}"
    return ""
