"""The check of what was refused is seen to fail on a history that was harmed in one place."""

import pytest

from collector.audit.finding import Result, Seen
from collector.audit.kept import Kept
from collector.audit.refusals import refusals_are_coarse
from collector.store.copy import read_copy
from tests.audit.conftest import Harm

#: The real table refuses what is too fine: whoever harms the file makes one without its checks.
UNCHECKED = (
    "create or replace table dropped as select 'school' as site, date '2026-11-24' as day, 1 as part, "
    "'bot' as reason, 20 as count; insert into dropped by position values "
)


def seen(harm: Harm, row: str) -> Seen:
    """Look at a copy in which *row* was added."""
    with read_copy(harm(UNCHECKED + row)) as cursor:
        return refusals_are_coarse(Kept(cursor))


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ("('school', '2026-11-24', 1, 'jan jansen', 10)", "other_reasons"),
        ("('school', '2026-11-24', 1, 'refused:jan', 10)", "other_reasons"),
        ("('school', '2026-11-24', 1, 'bot', 7)", "rows_not_in_tens"),
        ("('', '2026-11-24', 1, 'opt_out', 110)", "opt_outs_not_in_hundreds"),
        ("('school', '2026-11-24', 1, 'opt_out', 100)", "opt_outs_of_one_site"),
    ],
)
def test_a_harmed_file_fails(harm: Harm, row: str, found: str) -> None:
    """A count that is too fine, an opt-out of one site, or a reason that nobody knows is found in a file."""
    told = seen(harm, row)
    assert told.result is Result.FAIL
    assert {name for name, count in told.evidence.items() if count and name not in {"rows", "refused_names"}} == {found}


def test_coarse_refusals_pass(harm: Harm) -> None:
    """Counts in tens by known names pass, and nothing to look at is no pass."""
    assert seen(harm, "('school', '2026-11-24', 1, 'refused:email', 10)").result is Result.PASS
    with read_copy(harm("delete from dropped")) as cursor:
        assert refusals_are_coarse(Kept(cursor)).result is Result.NOT_APPLICABLE
