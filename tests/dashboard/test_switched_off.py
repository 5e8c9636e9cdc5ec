"""What a controller switched off is not offered."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model import Dimension
from collector.settings import Privacy
from dashboard.plan import Refusal, plan
from dashboard.query import PANELS, Query
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, morning

OFF = st.sets(st.sampled_from(sorted({one for choices in PANELS.values() for one in choices})))


@given(off=OFF)
def test_a_breakdown_that_is_switched_off_is_neither_offered_nor_read(off: set[Dimension]) -> None:
    """A panel offers what is counted, and shows the next where it was asked for what is switched off."""
    rules = Privacy().rules_of(msgspec.structs.replace(SCHOOL, without=tuple(off)))
    made = plan(Query(sites=("school",), shown=tuple(sorted(off))), [rules], today=TODAY)
    assert not off & set(made.answered)
    for name, choices in PANELS.items():
        if set(choices) <= off:
            assert made.refusals[name] is Refusal.PROFILE
        else:
            assert set(made.offered[name]) == set(choices) - off


@pytest.mark.parametrize(("off", "is_offered"), [((), True), ((Dimension.OS,), False)])
def test_a_panel_has_no_tab_for_it(
    tmp_path_factory: pytest.TempPathFactory, off: tuple[Dimension], *, is_offered: bool
) -> None:
    """The page has no link to a breakdown that is switched off."""
    site = msgspec.structs.replace(SCHOOL, without=off)
    house = House(tmp_path_factory.mktemp("off"), ManualClock(), sites=(site,))
    house.run_today(*morning())
    page = house.client().get("/", params={"site": "school"}).text
    house.history.close()
    assert ("show=os" in page) is is_offered
    assert "show=browser" in page
