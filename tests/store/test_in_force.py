"""Which settings are in force: stricter at once, looser from the site's next day."""

from collections.abc import Sequence
from datetime import date, timedelta
from os import urandom
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import SettingsError
from collector.model import Dimension, Goal, Identity, Profile, Site, Target, TargetKind
from collector.settings import Privacy, Settings
from collector.store.history import History
from collector.store.in_force import strictest, under_house
from collector.store.sites import K_MAX, Sites
from tests.clock import ManualClock
from tests.house import TallyHouse

SWITCHABLE = [one for one in Dimension if one not in {Dimension.TOTAL, Dimension.HOUR}]
#: Two of one name: what a goal is about may change too.
GOALS = [Goal("Klaar", Target(TargetKind.PAGE, page)) for page in ("/a", "/b")]
STATES = st.lists(
    st.builds(
        Site,
        id=st.just("school"),
        hosts=st.just(("www.school.example",)),
        identity=st.just(Identity.BROWSER),
        profile=st.sampled_from(Profile),
        k=st.sampled_from([0, 5, 12, 40]),
        without=st.lists(st.sampled_from(SWITCHABLE), unique=True, max_size=4).map(tuple),
        retention_days=st.sampled_from([0, 1, 100, 760]),
        sensitive=st.lists(st.sampled_from(["/zorg", "/verzuim"]), unique=True).map(tuple),
        templates=st.sampled_from([(), ("/toets/:id",)]),
        goals=st.lists(st.sampled_from(GOALS), unique=True).map(tuple),
        groups=st.lists(st.sampled_from(["/a/", "/b/"]), unique=True).map(tuple),
        in_median=st.booleans(),
    ),
    min_size=1,
    max_size=4,
)


@given(states=STATES)
def test_nothing_is_looser_than_it_was(states: Sequence[Site]) -> None:
    """What is in force is in no setting looser than any of the states it was made of."""
    privacy = Privacy(profile=Profile.OPEN, k=5)
    merged = strictest(states)
    ours = privacy.rules_of(merged)
    for each in map(privacy.rules_of, states):
        assert ours.k >= each.k
        assert set(ours.dimensions) <= set(each.dimensions)
        assert set(ours.pairs) <= set(each.pairs)
        assert ours.retention_days <= each.retention_days
        assert (ours.ipv4_bits, ours.ipv6_bits) <= (each.ipv4_bits, each.ipv6_bits)
        assert ours.templates_only or not each.templates_only
        assert set(ours.identities) <= set(each.identities)
        assert set(ours.set_pairs) <= set(each.set_pairs)
        assert set(ours.goals) <= set(each.goals)
        assert set(ours.groups) <= set(each.groups)
    assert merged.in_median == all(one.in_median for one in states)
    assert set(merged.goals) == set.intersection(*(set(one.goals) for one in states))
    assert all(set(merged.sensitive) >= set(one.sensitive) for one in states)
    assert bool(merged.templates) == any(one.templates for one in states)


@given(state=STATES.map(lambda states: states[0]))
def test_what_did_not_change_is_in_force_as_it_is(state: Site) -> None:
    """A site that was not changed that day is in force as it was set, the very same object."""
    assert strictest([state]) is state
    assert under_house(state, []) is state


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"k": 4}, "k is 4"),
        ({"k": -1}, "k is -1"),
        ({"k": K_MAX + 1}, "nothing would be left"),
        ({"without": (Dimension.TOTAL,)}, "'total' cannot be switched off"),
        ({"without": (Dimension.HOUR,)}, "'hour' cannot be switched off"),
        ({"retention_days": 761}, "1 to 760 days"),
        ({"retention_days": -1}, "1 to 760 days"),
        ({"controller_contact": "a\nb"}, "controller_contact is one line"),
        ({"legal_basis": "x" * 501}, "at most 500"),
    ],
)
def test_a_switch_that_weakens_is_refused(
    history: History, school: Site, clock: ManualClock, change: dict[str, Any], word: str
) -> None:
    """What is below a floor, or takes the total away, is refused with a sentence."""
    with pytest.raises(SettingsError, match=word):
        Sites(history, random=urandom).add(
            msgspec.structs.replace(school, **change), made_by="operator", reason="", at=clock.now()
        )


@pytest.mark.parametrize("change", [{"k": 5}, {"k": 0}, {"retention_days": 760}, {"without": tuple(SWITCHABLE)}])
def test_a_switch_at_its_floor_is_taken(
    history: History, school: Site, clock: ManualClock, change: dict[str, Any]
) -> None:
    """The floors themselves are allowed, and so is every breakdown that can be switched off."""
    sites = Sites(history, random=urandom)
    sites.add(msgspec.structs.replace(school, **change), made_by="operator", reason="", at=clock.now())
    assert sites.known("school").k == change.get("k", 0)


def test_a_looser_setting_waits_for_the_next_day(history: History, school: Site, clock: ManualClock) -> None:
    """A stricter threshold counts at once; the looser one after it from the next day, also after a restart."""
    sites = Sites(history, random=urandom)
    sites.add(school, made_by="operator", reason="", at=clock.now())
    clock.forward(days=3)
    sites.change("school", {"k": 30}, made_by="controller", reason="", at=clock.now())
    sites.turn(clock.now())
    assert (sites.known("school").k, sites.waits("school")) == (30, False)
    clock.forward(hours=1)
    changed = sites.change("school", {"k": 12}, made_by="controller", reason="", at=clock.now())
    assert (changed.k, sites.known("school").k, sites.waits("school")) == (12, 30, True)
    again = Sites(history, random=urandom)
    again.turn(clock.now())
    assert again.known("school").k == 30
    in_force = sites.get("school")
    sites.turn(clock.now())
    assert sites.get("school") is in_force
    clock.forward(days=1)
    sites.turn(clock.now())
    assert (sites.known("school").k, sites.waits("school")) == (12, False)
    # The day on which it was looser is closed as it was begun, however late it is closed.
    today = date(2026, 11, 27)
    assert sites.on_day(sites.known("school"), today).k == 30
    assert sites.on_day(sites.known("school"), today + timedelta(days=1)).k == 12


def feed(house: TallyHouse) -> TallyHouse:
    """Let a crowd and a small group come, on two pages."""
    return house.feed(visitors=24, page="/groot").feed(visitors=11, first=100, page="/klein")


def test_a_running_day_is_closed_as_it_was_begun(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """A group that was too small when the day began is not shown because the threshold was lowered at noon."""
    house = feed(TallyHouse(tmp_path, clock=clock).add(msgspec.structs.replace(school, k=12)))
    clock.forward(hours=3)
    sites = house.house.engine.sites
    sites.change("school", {"k": 0, "retention_days": 0}, made_by="controller", reason="", at=clock.now())
    house.restart()
    clock.set("2026-11-25T00:00:10+01:00")
    house.tick().tick()
    assert house.rows("select k from closed") == [(12,)]
    assert "/klein" not in house.cells("page")
    feed(house)
    clock.set("2026-11-26T00:00:10+01:00")
    house.tick().tick()
    assert house.rows("select k from closed order by day") == [(12,), (10,)]
    assert "/klein" in house.cells("page")
    house.stop()


def test_a_house_that_loosens_at_noon_keeps_the_morning(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """The house's own settings are noted at each start where they differ, and the day obeys the stricter of them."""
    house = TallyHouse(tmp_path, clock=clock, privacy=Privacy(k=20)).add(school)
    house.feed(visitors=15)
    clock.forward(hours=3)
    house.stop()
    house.settings = Settings(**{f: getattr(house.settings, f) for f in ("data_dir", "runtime_dir", "server")})
    house._start()
    assert house.house.engine.rules(house.house.engine.sites.known("school")).k == 20
    assert house.rows("select count(*) from settings_log where site = '' and made_by = 'settings file'") == [(2,)]
    clock.set("2026-11-25T00:00:10+01:00")
    house.tick().tick()
    assert house.rows("select outcome, k from closed") == [("below_k", 20)]
    house.restart()
    assert house.rows("select count(*) from settings_log where site = ''") == [(2,)]
    assert house.house.engine.rules(house.house.engine.sites.known("school")).k == 10
    house.stop()


def test_a_breakdown_that_is_switched_off_has_no_cells(tmp_path: Path, clock: ManualClock, school: Site) -> None:
    """What the controller switched off is counted nowhere, alone or in a pair."""
    off = (Dimension.BROWSER, Dimension.SOURCE)
    house = feed(TallyHouse(tmp_path, clock=clock).add(msgspec.structs.replace(school, without=off)))
    house.close()
    kept = house.rows("select distinct dimension, filter_dimension from cell")
    assert ("page", "") in kept
    assert ("os", "page") in kept
    assert not {"browser", "source"} & {name for row in kept for name in row}
    house.stop()
