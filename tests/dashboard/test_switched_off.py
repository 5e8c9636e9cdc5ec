"""What a controller switched off is not offered."""

from datetime import timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Dimension, Goal, Target, TargetKind
from collector.settings import Privacy
from dashboard.breakdowns import PANELS, Breakdown
from dashboard.plan import Refusal, plan
from dashboard.query import Query
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, school_day

OFF = st.sets(st.sampled_from(sorted({one.dimension for choices in PANELS.values() for one in choices})))


@given(off=OFF)
def test_a_breakdown_that_is_switched_off_is_neither_offered_nor_read(off: set[Dimension]) -> None:
    """A panel offers what is counted, and shows the next where it was asked for what is switched off."""
    goal = Goal("Verlof", Target(TargetKind.EVENT, "Verlof aangevraagd"))
    site = msgspec.structs.replace(SCHOOL, without=tuple(off), goals=(goal,), groups=("/leerling/",))
    rules = Privacy().rules_of(site)
    counted = set(Privacy().rules_of(SCHOOL).dimensions) - off
    shown = tuple(one for one in Breakdown if one.dimension in off)
    made = plan(Query(sites=("school",), shown=shown), [rules], today=TODAY, sites=[site], panels=PANELS)
    assert off.isdisjoint(one.dimension for one in made.answered)
    for name, choices in PANELS.items():
        left = {one for one in choices if one.dimension in counted}
        if left:
            assert set(made.offered[name]) == left
        else:
            assert made.refusals[name] is Refusal.PROFILE
        assert {one for one, why in made.absent.items() if one in choices} == set(choices) - left


def test_nothing_is_asked_of_what_nobody_declared() -> None:
    """Goals and groups that no site declared are neither offered nor read, and the reason is kept."""
    made = plan(Query(sites=("school",)), [Privacy().rules_of(SCHOOL)], today=TODAY, sites=[SCHOOL])
    assert made.refusals["goals"] is Refusal.UNDECLARED
    assert Breakdown.GROUP not in made.offered["pages"]
    assert {one for one, why in made.absent.items() if why is Refusal.UNDECLARED} == {Breakdown.GOAL, Breakdown.GROUP}


@pytest.mark.parametrize(("off", "is_offered"), [((), True), ((Dimension.OS,), False)])
def test_a_panel_has_no_tab_for_it(
    tmp_path_factory: pytest.TempPathFactory, off: tuple[Dimension], *, is_offered: bool
) -> None:
    """The page has no link to a breakdown that is switched off."""
    site = msgspec.structs.replace(SCHOOL, without=off)
    house = House(tmp_path_factory.mktemp("off"), ManualClock(), sites=(site,))
    house.close_day(TODAY - timedelta(1), school_day(400), site=site)
    page = house.client().get("/", params={"site": "school"}).text
    house.history.close()
    assert ("show=os" in page) is is_offered
    assert "show=browser" in page
