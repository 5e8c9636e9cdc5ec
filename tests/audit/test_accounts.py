"""Does the audit see a house whose accounts let in more than they should?"""

from os import urandom
from pathlib import Path
from typing import Any

import pytest

from collector.audit.accounts import NOT_FOR_ALL, ROLES, both, check_accounts, holds
from collector.audit.finding import Result, Seen
from collector.audit.governance import doors_are_shut, loosenings_are_recorded
from collector.audit.kept import Kept
from collector.settings import Privacy, Settings
from collector.store.history import History
from collector.store.sites import Sites
from dashboard.access_passwords import Passwords
from dashboard.access_table import ROUTES, may
from dashboard.desk.accounts import Accounts
from dashboard.desk.file import Desk
from dashboard.who import Right, Role
from tests.clock import ManualClock
from tests.dashboard.accounts import CHEAP
from tests.dashboard.house import SCHOOL


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Ask a house of this build that has accounts."""
    return check_accounts(Privacy())


def test_the_real_build_passes(seen: Seen) -> None:
    """Each role opens its own pages only, and a sign-in, its cookie and its end are as promised."""
    assert seen.result is Result.PASS, seen.evidence
    assert seen.evidence["roles"] == len(ROLES)
    assert seen.evidence["pages"] > 10


@pytest.mark.parametrize(
    "change",
    [
        {"open_to_strangers": ["/"]},
        {"opened_beyond_their_role": ["viewer: /staff"]},
        {"own_page_shut_to": ["viewer"]},
        {"cookie": ["__Host-turven", "secure", "samesite=lax", "path=/"]},
        {"cookie": ["turven", "httponly", "secure", "samesite=lax", "path=/"]},
        {"cookie": ["__Host-turven", "httponly", "secure", "samesite=lax", "path=/", "max-age=86400"]},
        {"taken_without_its_key": True},
        {"tries_until_one_waits": None},
        {"signed_in_after_signing_out": True},
        {"longest_sign_in_hours": 9},
        {"changes_of_accounts_are_noted": False},
    ],
)
def test_a_house_that_lets_in_more_fails(seen: Seen, change: dict[str, Any]) -> None:
    """Whatever of it is not as promised, the check fails, with accounts and together with what is asked without."""
    evidence = {**seen.evidence, **change}
    assert not holds(evidence)
    assert both(Seen.that(True), Seen.that(holds(evidence))).result is Result.FAIL
    assert both(Seen.that(False), seen).result is Result.FAIL


def test_the_auditor_s_roles_are_those_of_the_table() -> None:
    """What the auditor holds for not open to all is what the table of rights says, page by page."""
    for address, asked in ROUTES.items():
        path = address.partition(" ")[2]
        if address.startswith("GET") and isinstance(asked, Right):
            listed = [who for start, who in NOT_FOR_ALL.items() if path == start or path.startswith(f"{start}/")]
            expected = frozenset({role.value for role in Role if may(role, asked)})
            assert (listed[0] if listed else frozenset(ROLES)) == expected, path


def test_accounts_are_counted_by_role_and_not_named(tmp_path: Path) -> None:
    """The audit tells how many of each role may sign in, and fails where others can read the file of accounts."""
    settings = Settings(data_dir=tmp_path, runtime_dir=str(tmp_path / "run"))
    (tmp_path / "run").mkdir(mode=0o700)
    desk = Desk(settings.desk_file)
    accounts = Accounts(desk, clock=ManualClock(), passwords=Passwords(CHEAP))
    for name, role in (("els", Role.OPERATOR), ("jan", Role.VIEWER), ("piet", Role.VIEWER), ("uit", Role.VIEWER)):
        accounts.add(name, role, sites=(), password="elke dag een zin", made_by="a test")  # noqa: S106 - made up
    accounts.change("uit", is_off=True, made_by="a test")
    seen = doors_are_shut(settings)
    assert (seen.result, seen.evidence["accounts_by_role"]) == (Result.PASS, {"operator": 1, "viewer": 2})
    assert "els" not in str(seen.evidence)
    settings.desk_file.chmod(0o644)
    assert doors_are_shut(settings).result is Result.FAIL
    desk.close()


@pytest.mark.parametrize(
    ("made_by", "counted_as", "result"),
    [
        ("controller m.jansen", "decided by an account of the controller", Result.PASS),
        ("operator, on behalf of X (els)", "recorded by the operator on behalf of the controller", Result.PASS),
        ("operator (els)", "the operator alone", Result.FAIL),
        ("J. de Vries", "somebody else, by name", Result.PASS),
    ],
)
def test_who_loosened_a_site_is_told_by_role(tmp_path: Path, made_by: str, counted_as: str, result: Result) -> None:
    """What a controller's account decides, what an operator records on its behalf, and what it does alone differ."""
    history = History(tmp_path / "history.duckdb", at=ManualClock().now())
    Sites(history, random=urandom).add(SCHOOL, made_by=made_by, reason="start of term", at=ManualClock().now())
    with history.read() as cursor:
        seen = loosenings_are_recorded(Kept(cursor))
    history.close()
    assert (seen.result, dict(seen.evidence["made_by"])) == (result, {counted_as: 1})
