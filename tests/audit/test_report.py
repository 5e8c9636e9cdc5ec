"""What a report shows beside its findings: settings with their origin, inventory, log, and what was not counted."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import msgspec
import pytest

from collector import __version__
from collector.audit.facts import gather, rules_of_copy, sites_in
from collector.audit.lines import holds, site_since
from collector.audit.report import Change, Facts, SettingLine
from collector.commands import Commands
from collector.effective import effective
from collector.errors import StoreError
from collector.model import Identity, Site
from collector.settings import Privacy
from collector.store.copy import read_copy
from collector.store.migrate import schema_sql
from tests.audit.conftest import Harm
from tests.clock import ManualClock
from tests.house import TallyHouse


def of_copy(path: Path, *, site: str = "") -> Facts:
    """Return the facts of a copy of a history file."""
    with read_copy(path) as cursor:
        return gather(
            cursor, settings=None, sites=sites_in(cursor), rules=rules_of_copy(cursor), version="1", site=site
        )


def line(facts: Facts, site: str, name: str) -> SettingLine:
    """Return one line of settings."""
    (found,) = (one for one in facts.settings if (one.site, one.name) == (site, name))
    return found


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TallyHouse]:
    """Let two sites be made and one of them be changed thrice, each time on a day of its own."""
    clock = ManualClock("2026-11-20T09:00:00+01:00")
    made = TallyHouse(tmp_path_factory.mktemp("house"), clock=clock, privacy=Privacy(k=12, retention_days=400))
    for name in ("school", "portal"):
        made.add(
            Site(
                id=name,
                hosts=("www.school.example",),
                controller="De Schoolvereniging",
                agreement="V-1",
                agreed_on=clock.now().date(),
                identity=Identity.NETWORK,
                is_on=True,
            )
        )
    for day, changes, who in (
        ("21", {"k": 11}, "the vendor"),
        ("22", {"k": 20, "sensitive": ["/zorg"]}, "the school"),
        ("23", {"retention_days": 30}, "the board"),
    ):
        clock.set(f"2026-11-{day}T09:00:00+01:00")
        made.house.engine.sites.change("school", dict(changes), made_by=who, reason=f"wish of {day}", at=clock.now())
    clock.set("2026-11-24T09:00:00+01:00")
    made.feed(visitors=60, page="/").feed(visitors=30, first=100, page="/rooster")
    for number, page in enumerate(("/een", "/twee", "/drie", "/vier", "/vijf")):
        made.feed(visitors=5, first=200 + 5 * number, page=page)
    made.tick()
    made.close()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def facts(house: TallyHouse) -> Facts:
    """Ask the running house for its facts, as the command line does."""
    answer = Commands(house.house.engine, clock=house.clock).run("facts", {})
    return msgspec.json.decode(answer, type=Facts)


def test_a_setting_is_in_force_since_the_entry_that_changed_it(facts: Facts) -> None:
    """A line names the day, the person and the reason of the entry that made its value, and no later or vainer one."""
    k = line(facts, "school", "k")
    assert (k.required, k.in_force, k.since, k.made_by, k.reason) == (
        ">= 12", "20", "2026-11-22", "the school", "wish of 22",
    )  # fmt: skip
    assert (line(facts, "school", "retention_days").since, line(facts, "school", "hour_rows_days").since) == (
        "2026-11-23", "2026-11-23",
    )  # fmt: skip
    assert line(facts, "school", "profile").since == "2026-11-20"
    # What changed nothing, since the house is stricter, is no line's origin.
    assert "2026-11-21" not in {one.since for one in facts.settings}
    assert line(facts, "portal", "k").in_force == "12"


def test_a_site_that_was_erased_leaves_no_origin() -> None:
    """A site of the same name that came after an erased one has its settings from its own entries only."""
    record = {"id": "school", "hosts": ["a.example"], "identity": "network", "k": 20}
    entries = [
        Change(
            seq=seq, made_at=f"2026-11-{seq:02}T09:00:00+00:00", site="school", change=json.dumps(said),
            made_by="board", reason="", salt="", content="", previous="", hash="",
        )
        for seq, said in ((1, record), (2, {"erased": True}), (3, record))
    ]  # fmt: skip
    since = site_since("school", entries, rules=Privacy().rules_of)
    assert {entry.seq for entry in since.values()} == {3}


def test_the_house_is_set_beside_its_floors(facts: Facts) -> None:
    """Each setting of the house stands beside its floor, and what nobody filled in is said to be missing."""
    assert [(one.required, one.in_force) for one in facts.settings if one.site == "" and one.name == "k"] == [
        (">= 5", "12")
    ]
    assert line(facts, "", "trusted_proxies").in_force == "1"
    assert not line(facts, "", "operator").holds
    assert line(facts, "", "retention_days").holds
    # What the settings file says is noted in the log when the house starts, and holds for its sites too.
    assert line(facts, "", "k").since == line(facts, "portal", "k").since == "2026-11-20"
    assert line(facts, "", "k").made_by == "settings file"


def test_paths_of_a_controller_are_counted_only(facts: Facts) -> None:
    """A sensitive route is counted in the settings in force and not named there."""
    assert line(facts, "school", "sensitive").in_force == "1"
    assert "/zorg" not in msgspec.json.encode(facts.settings).decode()


@pytest.mark.parametrize(
    ("required", "in_force", "expected"),
    [
        (">= 5", "5", True),
        (">= 5", "4", False),
        ("<= 24", "24", True),
        ("<= 24", "25", False),
        ("named", " ", False),
        ("network, browser", "browser", True),
        ("network", "browser", False),
        ("", "", True),
    ],
)
def test_a_setting_is_judged_by_what_is_required(required: str, in_force: str, *, expected: bool) -> None:
    """A bound, a name and a list each refuse what is weaker."""
    assert holds(required, in_force) is expected


def test_the_settings_in_force_are_those_of_the_public_page(facts: Facts, house: TallyHouse) -> None:
    """A report holds the settings exactly as everybody can read them."""
    engine = house.house.engine
    shown = effective(house.settings, engine.sites.all(), rules=engine.rules, version=__version__)
    assert facts.effective == json.loads(json.dumps(shown))


def test_the_inventory_comes_from_the_database(facts: Facts, harm: Harm) -> None:
    """Columns and reasons are read from the file under audit, so one that schema.sql does not know shows."""
    assert len(facts.inventory) == schema_sql().count("comment on column")
    assert all(one.role and one.unit and one.reason for one in facts.inventory)
    strange = {
        (one.table, one.name, one.reason) for one in of_copy(harm("alter table cell add column uid text")).inventory
    }
    assert ("cell", "uid", "") in strange


def test_the_log_is_whole_and_its_first_break_is_named(facts: Facts, harm: Harm) -> None:
    """All entries stand in the report with their hashes; where the chain breaks it says at which entry."""
    assert [one.seq for one in facts.changes] == [1, 2, 3, 4, 5, 6]
    assert (facts.first_broken, facts.head) == (None, facts.changes[-1].hash)
    assert {one.made_at[-6:] for one in facts.changes} == {"+00:00"}
    assert of_copy(harm("update settings_log set reason = 'other' where seq = 2")).first_broken == 2


def test_what_is_kept_is_counted_by_site(facts: Facts) -> None:
    """A site's days, rows and the share that is folded are counted; a site without days has no line."""
    (days,) = facts.days
    assert (days.site, days.first_day, days.last_day) == ("school", "2026-11-24", "2026-11-24")
    assert (days.kept, days.below_k, days.lost) == (1, 0, 0)
    assert days.rows > 0
    assert days.folded_share is not None
    assert 0 < days.folded_share < 1


def test_what_was_not_counted_is_summed(harm: Harm) -> None:
    """Drops are summed over days by site and reason, as they are stored."""
    facts = of_copy(
        harm(
            "insert into dropped values ('school', '2026-11-24', 1, 'bot', 30), ('school', '2026-11-25', 1, 'bot', 20),"
            " ('', '2026-11-24', 1, 'opt_out', 100)"
        )
    )
    assert [(one.site, one.reason, one.count, one.days) for one in facts.refused] == [
        ("", "opt_out", 100, 1),
        ("school", "bot", 50, 2),
    ]


def test_one_site_is_looked_at_alone(healthy: Path) -> None:
    """Where one site is asked for, no figure and no line of another is in the facts."""
    facts = of_copy(healthy, site="portal")
    assert {one.site for one in facts.days} == {one.site for one in facts.settings} == {"portal"}


def test_a_copy_claims_no_settings_of_a_house(healthy: Path) -> None:
    """A copy holds sites and their days; what it does not hold, the settings of its house, is left empty."""
    facts = of_copy(healthy)
    assert facts.effective == {}
    assert {one.site for one in facts.settings} == {"portal", "school"}
    # Nothing but the k of its last day tells how strict its house was.
    assert line(facts, "school", "k").in_force == "10"


def test_a_database_of_another_kind_is_refused(tmp_path: Path, harm: Harm) -> None:
    """A database that is not ours, one without a table and one with a record that is none are errors with a code."""
    foreign = tmp_path / "foreign.duckdb"
    with duckdb.connect(str(foreign)) as connection:
        connection.execute("create table t (x integer)")
    for path in (foreign, harm("drop table dropped")):
        with pytest.raises(StoreError, match="history_foreign"):
            of_copy(path)
    with pytest.raises(StoreError, match="history_foreign"):
        of_copy(harm("update site set record = '[]'"))


@pytest.mark.parametrize("data", [b"", b"no database", b"\x00" * 8 + b"DUCK" + b"\xff" * 20_000])
def test_a_file_that_is_no_database_is_refused(data: bytes, tmp_path: Path) -> None:
    """A file that is no database is an error with a code, and left as it is."""
    path = tmp_path / "copy.duckdb"
    path.write_bytes(data)
    with pytest.raises(StoreError, match="history_"):
        of_copy(path)
    assert path.read_bytes() == data
