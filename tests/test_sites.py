"""What the command line records of a site: for whom and why it was made looser."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

import turven
from collector.audit.finding import Result as Found
from collector.audit.governance import loosenings_are_recorded
from collector.audit.kept import Kept
from collector.errors import SettingsError
from collector.store.copy import read_copy
from turven.sites import accounted

AGREED: Final = ("--controller", "De Schoolvereniging", "--agreement", "VO-1", "--agreed-on", "2026-08-01")
RECORD: Final[dict[str, Any]] = {
    "id": "school",
    "hosts": ["www.school.example"],
    "identity": "network",
    "controller": "De Schoolvereniging",
    "agreement": "VO-1",
    "agreed_on": "2026-08-01",
}
ON_BEHALF: Final = "operator, on behalf of De Schoolvereniging"

Turven = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Turven:
    """Return the command line of a stopped house."""
    config = tmp_path / "turven.toml"
    config.write_text(f'data_dir = "{tmp_path / "data"}"\nruntime_dir = "{tmp_path / "runtime"}"\n', "utf-8")
    return lambda *words: CliRunner().invoke(turven.main, ["--config", str(config), *words])


def test_the_log_tells_for_whom_and_why(run: Turven, tmp_path: Path) -> None:
    """Adding and loosening by the command line leaves entries that the audit accepts, without a word more typed."""
    assert run("site", "add", "school", "--identity", "browser", "--host", "www.school.example", *AGREED).exit_code == 0
    assert run("site", "set", "school", "--on").exit_code == 0
    assert run("site", "set", "school", "--profile", "open", "--reason", "wish of the board").exit_code == 0
    assert run("site", "set", "school", "--off").exit_code == 0
    with read_copy(tmp_path / "data" / "history.duckdb") as cursor:
        told = cursor.execute("select made_by, reason from settings_log where site = 'school' order by seq").fetchall()
        assert loosenings_are_recorded(Kept(cursor)).result is Found.PASS
    assert told == [
        (ON_BEHALF, "agreement VO-1 of 2026-08-01"),
        (ON_BEHALF, "agreement VO-1 of 2026-08-01"),
        (ON_BEHALF, "wish of the board"),
        ("operator", ""),
    ]


def test_a_loosening_that_nobody_explains_is_refused(run: Turven) -> None:
    """Without an agreement and without a reason nothing becomes looser; the sentence says what does and what helps."""
    assert run("site", "add", "school", "--identity", "network", "--host", "www.school.example").exit_code == 0
    refused = run("site", "set", "school", "--profile", "open")
    assert refused.exit_code == 2
    assert "This loosens profile: say why with --reason. [reason_missing]" in refused.stderr
    assert run("site", "set", "school", "--profile", "open", "--reason", "trial").exit_code == 0


def test_no_command_signs_as_an_account_of_the_controller() -> None:
    """What accounts of the controller decide stands in the log as theirs; a command takes no name of that form."""
    with pytest.raises(SettingsError) as refused:
        accounted(None, RECORD, made_by="controller m.jansen", reason="x")
    assert refused.value.code == "maker_reserved"


@pytest.mark.parametrize(
    ("before", "changes", "made_by", "reason", "expected"),
    [
        (None, {}, "operator", "", ("operator", "")),
        (None, {"is_on": True}, "operator", "", (ON_BEHALF, "agreement VO-1 of 2026-08-01")),
        (None, {"is_on": True}, "J. de Vries", "", ("J. de Vries", "agreement VO-1 of 2026-08-01")),
        (RECORD, {"is_on": True}, "operator", "start of term", (ON_BEHALF, "start of term")),
        (RECORD, {"k": 20}, "operator", "", ("operator", "")),
        (RECORD, {"k": "many"}, "operator", "", ("operator", "")),
        (None, {"identity": "browser", "agreement": "", "controller": ""}, "operator", "",
         ("operator", "new site; it is off until its agreement is recorded")),
    ],
)  # fmt: skip
def test_an_entry_is_accounted_for(
    before: dict[str, Any] | None, changes: dict[str, Any], made_by: str, reason: str, expected: tuple[str, str]
) -> None:
    """Who and why are filled in where something becomes looser, and left as typed where nothing does."""
    assert accounted(before, RECORD | changes, made_by=made_by, reason=reason) == expected


def test_a_long_name_fits_in_the_log() -> None:
    """A controller whose name fills lines is cut to what the log takes."""
    made_by, _ = accounted(None, RECORD | {"controller": "School " * 100, "is_on": True}, made_by="operator", reason="")
    assert len(made_by) == 200
    with pytest.raises(SettingsError, match="reason_missing"):
        accounted(RECORD, RECORD | {"agreement": "", "is_on": True}, made_by="operator", reason=" ")


def test_what_is_declared_counts_from_the_next_day(run: Turven) -> None:
    """Goals, funnels and groups are read as they are written, count from the next day, and `none` clears them."""
    assert run("site", "add", "school", "--identity", "browser", "--host", "www.school.example", *AGREED).exit_code == 0
    declared = run(
        *("site", "set", "school", "--goal", "Ingeleverd=event:Inleveren", "--goal", "Vakken=prefix:/vakken/"),
        *("--funnel", "Weg = page:/a > prefix:/b/>event:Klaar", "--group", "/leerling/", "--region", "midden"),
        *("--embed-host", "https://www.school.example", "--in-median"),
    )
    assert declared.exit_code == 0, declared.stderr
    assert "comes into force when the site's next day begins" in declared.stdout
    (now,) = json.loads(run("site", "list", "--json").stdout)
    assert (now["goals"], now["funnels"], now["groups"], now["in_median"]) == ([], [], [], False)
    assert (now["region"], now["embed_hosts"]) == ("midden", ["https://www.school.example"])
    cleared = run("site", "set", "school", "--goal", "none", "--funnel", "none", "--group", "none", "--region", "none")
    assert cleared.exit_code == 0, cleared.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--goal", "Ingeleverd"), "write 'NAME=TARGET'"),
        (("--goal", "Ingeleverd=Inleveren"), "is no target; write event:NAME"),
        (("--funnel", "Weg=page:/a > b"), "is no target; write event:NAME"),
        (("--funnel", "Weg=page:/a"), "name 2 to 8"),
        (("--group", "/a"), "begins and ends with /"),
    ],
)
def test_what_cannot_be_declared_is_told(run: Turven, words: tuple[str, str], says: str) -> None:
    """A goal, funnel or group in another form is refused with a sentence that shows the form."""
    assert run("site", "add", "school", "--identity", "browser", "--host", "www.school.example", *AGREED).exit_code == 0
    refused = run("site", "set", "school", *words)
    assert refused.exit_code == 2
    assert says in refused.stderr
