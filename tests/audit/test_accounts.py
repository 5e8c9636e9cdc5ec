"""Does the audit see a house whose accounts let in more than they should?"""

from typing import Any

import pytest

from collector.audit.accounts import NOT_FOR_ALL, ROLES, both, check_accounts, holds
from collector.audit.finding import Result, Seen
from collector.settings import Privacy
from dashboard.access_table import ROUTES, may
from dashboard.who import Right, Role


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
