"""A rush on one site: the real build limits it, and a build that does not is found out."""

import pytest

from collector.audit.finding import Result, Seen
from collector.audit.rush import check_rush, low_limits, run_rush
from collector.audit.scratch import WIDE, scratch_house
from collector.settings import Limits, Privacy


@pytest.fixture(scope="module")
def seen() -> Seen:
    """Run the check once on the real build."""
    return run_rush(Privacy())["R46"]


def test_the_real_build_passes(seen: Seen) -> None:
    """One site's rush is answered 503 with Retry-After and counted, another site and the dashboard go on."""
    assert seen.result is Result.PASS, seen.evidence
    assert seen.evidence["events_a_second_that_one_site_may_send"] == 4
    assert seen.evidence["answer_of_the_dashboard"] == 200


def test_a_house_without_limits_fails() -> None:
    """A house that lets every event in is found out."""
    with scratch_house(Privacy(), limits=WIDE) as house:
        found = check_rush(house, privacy=Privacy())
    assert found.result is Result.FAIL
    assert not found.evidence["is_refused_above_the_limit"]
    assert not found.evidence["is_counted_as_overload"]


def test_the_limit_is_one_that_a_crowd_keeps_to() -> None:
    """The busy site's day is kept, so that its count of refusals can be read there."""
    assert low_limits(Privacy()) == Limits(site_events_per_second=4)
    assert low_limits(Privacy(k=40)) == Limits(site_events_per_second=12)
