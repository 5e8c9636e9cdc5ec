"""Sites: off until their controller's agreement is recorded; every change is logged."""

from datetime import date
from os import urandom
from typing import Any

import msgspec
import pytest

from collector.audit.chain import check_chain
from collector.errors import SettingsError
from collector.model import Site
from collector.store.history import History
from collector.store.sites import Sites
from tests.clock import ManualClock


def add(sites: Sites, site: Site, clock: ManualClock) -> None:
    """Add *site* in the name of the operator."""
    sites.add(site, made_by="operator", reason="first", at=clock.now())


def test_a_site_stays_after_a_restart(history: History, school: Site, clock: ManualClock) -> None:
    """What was switched on is read from the file again."""
    add(Sites(history, random=urandom), school, clock)
    assert Sites(history, random=urandom).get("school") == school


def test_a_site_without_agreement_cannot_be_on(history: History, school: Site, clock: ManualClock) -> None:
    """Nothing is counted before controller, agreement and date are recorded."""
    sites = Sites(history, random=urandom)
    for change in ({"controller": ""}, {"agreement": ""}, {"agreed_on": None}):
        with pytest.raises(SettingsError, match="agreement_missing"):
            add(sites, msgspec.structs.replace(school, **change), clock)
    assert sites.all() == []


@pytest.mark.parametrize(
    "change",
    [
        {"id": "School"},
        {"id": "a/b"},
        {"id": ""},
        {"hosts": ()},
        {"hosts": ("https://www.school.example",)},
        {"hosts": ("www.school.example:443",)},
        {"timezone": "Europe/Nowhere"},
        {"templates": ("toets/:id",)},
    ],
)
def test_a_wrong_site_is_refused(history: History, school: Site, clock: ManualClock, change: dict[str, Any]) -> None:
    """A site that could not count rightly is refused with a sentence."""
    with pytest.raises(SettingsError, match="site_invalid"):
        add(Sites(history, random=urandom), msgspec.structs.replace(school, **change), clock)


def test_every_change_is_a_line_of_the_log(history: History, school: Site, clock: ManualClock) -> None:
    """Each change stands in a chain that shows a changed, missing or added line."""
    sites = Sites(history, random=urandom)
    add(sites, school, clock)
    sites.change("school", {"is_on": False}, made_by="controller", reason="holiday", at=clock.now())
    assert sites.known("school").is_on is False
    with history.read() as cursor:
        assert check_chain(cursor).first_broken is None
        cursor.execute("update settings_log set made_by = 'nobody' where seq = 1")
        assert check_chain(cursor).first_broken == 1


def test_erased_contents_leave_the_chain_whole(history: History, school: Site, clock: ManualClock) -> None:
    """The contents of a line can be erased; the chain still holds."""
    sites = Sites(history, random=urandom)
    add(sites, school, clock)
    sites.change("school", {"may_echo": False}, made_by="controller", reason="done", at=clock.now())
    with history.read() as cursor:
        cursor.execute(
            "update settings_log set change = null, made_by = null, reason = null, salt = null where seq = 1"
        )
        assert check_chain(cursor).first_broken is None
        cursor.execute("delete from settings_log where seq = 1")
        assert check_chain(cursor).first_broken == 1


def test_identity_is_fixed(history: History, school: Site, clock: ManualClock) -> None:
    """Identity and time zone cannot change under figures that would no longer compare."""
    sites = Sites(history, random=urandom)
    add(sites, school, clock)
    with pytest.raises(SettingsError, match="site_fixed"):
        sites.change("school", {"identity": "browser"}, made_by="controller", reason="", at=clock.now())


def test_a_second_site_of_the_same_name_is_refused(history: History, school: Site, clock: ManualClock) -> None:
    """A site is not overwritten by adding it again."""
    sites = Sites(history, random=urandom)
    add(sites, school, clock)
    with pytest.raises(SettingsError, match="site_exists"):
        add(sites, msgspec.structs.replace(school, agreed_on=date(2020, 1, 1)), clock)
    assert sites.known("school") == school


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"id": "other"}, "site_fixed"), ({"erased": True}, "site_invalid"), ({"note": "a pupil's name"}, "site_invalid")],
)
def test_a_change_is_of_settings_alone(
    history: History, school: Site, clock: ManualClock, changes: dict[str, Any], code: str
) -> None:
    """A change that names another site, or what is no setting, is refused and leaves nothing in the log."""
    sites = Sites(history, random=urandom)
    add(sites, school, clock)
    before = sites.head()
    with pytest.raises(SettingsError, match=code):
        sites.change("school", changes, made_by="script", reason="", at=clock.now())
    assert (sites.head(), [site.id for site in sites.all()]) == (before, ["school"])


@pytest.mark.parametrize(("made_by", "reason"), [("m" * 201, ""), ("m", "r" * 1_001), (["m"], ""), ("m", None)])
def test_the_log_takes_only_what_it_can_hold(
    history: History, school: Site, clock: ManualClock, made_by: Any, reason: Any
) -> None:
    """Who and why are each one line of text, else the chain would not fit what it says."""
    sites = Sites(history, random=urandom)
    add(sites, school, clock)
    with pytest.raises(SettingsError, match="entry_invalid"):
        sites.change("school", {"is_on": False}, made_by=made_by, reason=reason, at=clock.now())
    with history.read() as cursor:
        assert check_chain(cursor).first_broken is None


def test_blanks_are_no_agreement(history: History, school: Site, clock: ManualClock) -> None:
    """An agreement or a controller of blanks switches nothing on."""
    for name in ("controller", "agreement"):
        with pytest.raises(SettingsError, match="agreement_missing"):
            add(Sites(history, random=urandom), msgspec.structs.replace(school, **{name: "  "}), clock)
