"""The register of art. 30 is made from settings, sites and the database, and R55 names what is missing in it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

import turven
from collector import __version__
from collector.audit.finding import Result, Seen
from collector.audit.kept import Kept
from collector.audit.questions import REQUIREMENTS
from collector.audit.register import EEA, MEASURES, check_controllers, check_processor, gaps, register
from collector.clock import SystemClock
from collector.demo.run import demo_settings
from collector.demo.weeks import site_in
from collector.model import Dimension, Identity, Profile, Site
from collector.settings import Privacy, Public, Settings, SubProcessor
from collector.store.copy import read_copy
from tests.audit.conftest import Harm

COMPANIES = (
    SubProcessor(name="Serverzaal", task="hosting", country="NL"),
    SubProcessor(name="Edge Inc.", task="CDN", country="US"),
)
WHOLE = Settings(
    public=Public(
        operator="Toetsbouwers B.V.",
        contact="privacy@toets.example",
        privacy_officer="fg@toets.example",
        sub_processors=COMPANIES,
    )
)


@pytest.fixture
def whole(school: Site) -> Site:
    """Describe a site of which everything is filled in."""
    return msgspec.structs.replace(
        school,
        controller_contact="privacy@school.example",
        privacy_officer="fg@school.example",
        legal_basis="taak van algemeen belang",
    )


def made(healthy: Path, site: Site, settings: Settings = WHOLE) -> list[Mapping[str, Any]]:
    """Make the register of one site."""
    with read_copy(healthy) as cursor:
        return register(cursor, settings=settings, sites=[site], rules=settings.privacy.rules_of, version=__version__)


def test_a_register_is_whole_plain_data(healthy: Path, whole: Site) -> None:
    """Where everything is filled in, no field of either record is empty, and all of it can be written as JSON."""
    processor, controller = made(healthy, whole)
    assert (gaps(processor), gaps(controller)) == ([], [])
    assert json.loads(json.dumps([processor, controller])) == [processor, controller]
    assert (processor["article"], controller["article"]) == ("30(2)", "30(1)")


def test_each_part_that_the_law_asks_for_is_there(healthy: Path, whole: Site) -> None:
    """The controller's record has what art. 30(1) names, the processor's what art. 30(2) names."""
    processor, controller = made(healthy, whole)
    assert {"controller", "purpose", "legal_basis", "data_subjects", "data_while_the_day_runs", "data_kept"} <= {
        *controller
    }
    assert {"recipients", "sub_processors", "transfers", "time_limits", "measures"} <= {*controller}
    assert {"processor", "controllers", "categories_of_processing", "transfers", "measures"} <= {*processor}
    assert controller["legal_basis"] == "taak van algemeen belang"
    assert [one["country"] for one in controller["sub_processors"]] == ["NL", "US"]
    assert controller["transfers"] == processor["transfers"] == [{"name": "Edge Inc.", "country": "US"}]
    assert "US" not in EEA


def test_categories_of_data_are_the_columns_of_the_database(healthy: Path, whole: Site, harm: Harm) -> None:
    """What is kept is listed from the comments of the file itself: a column that appears there appears here."""
    columns = {one["column"] for one in made(healthy, whole)[1]["data_kept"]["columns"]}
    assert {"cell.visitors", "committed_hour.pageviews", "dropped.reason"} <= columns
    with read_copy(harm("alter table cell add column shoe_size varchar")) as cursor:
        more = register(cursor, settings=WHOLE, sites=[whole], rules=WHOLE.privacy.rules_of, version=__version__)
    assert {one["column"] for one in more[1]["data_kept"]["columns"]} - columns == {"cell.shoe_size"}
    assert [field.rpartition(".")[2] for field in gaps(more[1])] == ["role", "unit", "reason"]


@pytest.mark.parametrize(
    ("change", "settings", "path", "expected"),
    [
        ({"k": 33}, WHOLE, ("in_force", "k"), 33),
        ({"retention_days": 90}, WHOLE, ("time_limits", "counts_days"), 90),
        ({"retention_days": 30}, WHOLE, ("time_limits", "hours_days"), 30),
        ({"identity": Identity.BROWSER}, WHOLE, ("in_force", "identity"), "browser"),
        ({"profile": Profile.STRICT}, WHOLE, ("data_kept", "pairs"), "none"),
        ({}, Settings(privacy=Privacy(ipv4_bits=16)), ("in_force", "address_bits", "ipv4"), 16),
        ({}, Settings(keep_day_through_reboot=True), ("time_limits", "keys_survive_a_reboot"), True),
    ],
)
def test_the_register_says_what_is_in_force(
    healthy: Path, whole: Site, change: dict[str, Any], settings: Settings, path: tuple[str, ...], expected: object
) -> None:
    """A changed setting changes the register."""
    value: Any = made(healthy, msgspec.structs.replace(whole, **change), settings)[1]
    usual: Any = made(healthy, whole)[1]
    for key in path:
        value, usual = value[key], usual[key]
    assert value == expected != usual


def test_what_is_switched_off_is_not_in_the_register(healthy: Path, whole: Site) -> None:
    """A breakdown that the controller switched off is no category of data, alone or in a pair."""
    kept = made(healthy, msgspec.structs.replace(whole, without=(Dimension.COUNTRY,)))[1]["data_kept"]
    assert "country" in made(healthy, whole)[1]["data_kept"]["breakdowns"]
    assert "country" not in kept["breakdowns"]
    assert all("country" not in pair for pair in kept["pairs"])


def test_measures_name_checks_that_there_are() -> None:
    """Each security measure names requirements of the audit."""
    known = {requirement.id for requirement in REQUIREMENTS}
    assert all(numbers and set(numbers) <= known for numbers in MEASURES.values())


def controllers(path: Path, *, site: str = "") -> Seen:
    """Run the check on a file."""
    with read_copy(path) as cursor:
        return check_controllers(Kept(cursor, site=site))


@pytest.mark.parametrize(
    ("key", "option"),
    [
        ("controller", "--controller"),
        ("controller_contact", "--controller-contact"),
        ("privacy_officer", "--privacy-officer"),
        ("legal_basis", "--legal-basis"),
    ],
)
@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_field_of_a_controller_fails(harm: Harm, healthy: Path, key: str, option: str, empty: str) -> None:
    """R55 fails where a controller's record has an empty field, and names the command that fills it."""
    assert controllers(healthy).result is Result.PASS
    harmed = harm(
        f"update site set record = json_merge_patch(record, '{{\"{key}\": \"{empty}\"}}')::varchar where id = 'school'"
    )
    seen = controllers(harmed)
    (command,) = seen.evidence["fill_with"].values()
    assert (seen.result, seen.evidence["controllers"]) == (Result.FAIL, 2)
    assert command == f'turven site set school {option} "…"'
    assert option in {name for parameter in options("site", "set") for name in parameter.opts}
    assert controllers(harmed, site="portal").result is Result.PASS


def options(*names: str) -> list[click.Parameter]:
    """Return the options of a command."""
    found: Any = turven.main
    for name in names:
        found = found.get_command(click.Context(found), name)
    parameters: list[click.Parameter] = found.params
    return parameters


def test_a_site_that_never_counted_is_not_due(harm: Harm) -> None:
    """A site that is off and of which nothing is kept needs no record yet; without any site nothing can be said."""
    empty = 'update site set record = json_merge_patch(record, \'{"is_on": false, "controller": ""}\')::varchar'
    assert controllers(harm(empty)).result is Result.FAIL
    assert controllers(harm(f"{empty}; delete from closed")).result is Result.NOT_APPLICABLE


@pytest.mark.parametrize("key", ["operator", "contact", "privacy_officer"])
def test_an_empty_field_of_the_processor_fails(key: str) -> None:
    """R55 fails where the operator named neither itself, a contact, nor its officer, and names the setting."""
    public = msgspec.structs.replace(WHOLE.public, **{key: ""})
    assert check_processor(WHOLE).result is Result.PASS
    seen = check_processor(msgspec.structs.replace(WHOLE, public=public))
    assert seen.result is Result.FAIL
    assert list(seen.evidence["fill_with"].values()) == [f'[public] {key} = "…" in turven.toml']


def test_the_simulated_school_has_a_whole_register(healthy: Path) -> None:
    """The demo's register is complete, and nobody who exists is named in it."""
    settings = demo_settings(Settings(), now=SystemClock().now())
    processor, controller = made(healthy, site_in("Europe/Amsterdam"), settings)
    assert (gaps(processor), gaps(controller)) == ([], [])
    named = json.dumps([processor["processor"], controller["controller"], controller["sub_processors"]])
    assert named.count("simulated") == 6
    assert named.count("@") == named.count(".example")
