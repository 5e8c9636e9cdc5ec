"""Does the command line give and take accounts?"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import turven
from dashboard.access_passwords import Passwords
from tests.dashboard.accounts import CHEAP
from turven import people

Turven = Callable[..., Result]
PASSWORD = "elke dag een zin\n"  # noqa: S105 - made up


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Turven:
    """Return the command line of a house in a folder of its own, with passwords that cost little."""
    monkeypatch.setattr(people, "make_passwords", lambda: Passwords(CHEAP))
    config = tmp_path / "turven.toml"
    config.write_text(f'data_dir = "{tmp_path}/data"\nruntime_dir = "{tmp_path}/run"\n[access]\naccounts = true\n')

    def run(*words: str, told: str = "") -> Result:
        return CliRunner().invoke(turven.main, ["--config", str(config), "user", *words], input=told)

    return run


def accounts(run: Turven) -> list[dict[str, object]]:
    """Return the accounts as the command lists them."""
    listed: list[dict[str, object]] = json.loads(run("list", "--json").stdout)
    return listed


def test_accounts_are_made_changed_and_removed(run: Turven, tmp_path: Path) -> None:
    """An account is made with sites or without, changed, switched off and removed; its password is never shown."""
    assert run("add", "Els", "--role", "operator", "--password-stdin", told=PASSWORD).stdout == (
        "Added els  operator  no figures of a site.\n"
    )
    assert run("add", "jan", "--role", "viewer", "--site", "a", "--site", "b", told="").exit_code == 0
    assert run("set", "jan", "--role", "controller", "--all-sites", "--off").exit_code == 0
    assert run("second-step", "reset", "jan").exit_code == 0
    assert run("password", "jan", "--password-stdin", told=PASSWORD).stdout == "Changed the password of jan.\n"
    assert [(one["name"], one["role"], one["sites"], one["is_off"], one["is_handed"]) for one in accounts(run)] == [
        ("els", "operator", [], False, False),
        ("jan", "controller", None, True, False),
    ]
    assert run("set", "jan", "--no-sites", "--on").stdout == "Changed jan  controller  no figures of a site.\n"
    assert run("remove", "jan").exit_code == 0
    assert "password" not in run("list", "--json").stdout
    assert (tmp_path / "data" / "desk.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_password_is_made_up_where_none_is_given(run: Turven) -> None:
    """Without a terminal and without a password one is made up, shown once, and to be changed."""
    said = run("add", "els", "--role", "operator").stdout
    assert "shown once and to be changed at the first sign-in" in said
    assert accounts(run)[0]["is_handed"] is True


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "els", "--role", "viewer", "--password-stdin"), "account_exists"),
        (("add", "piet", "--role", "viewer", "--site", "a", "--all-sites"), "sites_unclear"),
        (("add", "operator", "--role", "viewer", "--password-stdin"), "account_name"),
        (("add", "a b", "--role", "viewer", "--password-stdin"), "account_name"),
        (("set", "els", "--off"), "last_operator"),
        (("set", "els", "--role", "viewer"), "last_operator"),
        (("remove", "els"), "last_operator"),
        (("remove", "piet"), "account_unknown"),
        (("set", "els", "--all-sites", "--no-sites"), "sites_unclear"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Turven, words: tuple[str, ...], code: str) -> None:
    """A name that is taken or could pass for another, sites that contradict, and the last operator are refused."""
    run("add", "els", "--role", "operator", "--password-stdin", told=PASSWORD)
    answer = run(*words, told=PASSWORD)
    assert (answer.exit_code, f"[{code}]" in answer.stderr) == (2, True)
    assert [one["role"] for one in accounts(run)] == ["operator"]
