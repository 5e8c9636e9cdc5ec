"""The list of sites that the house publishes for its collectors."""

import os
import stat
from datetime import date
from pathlib import Path

import msgspec
import pytest

from collector.errors import StoreError
from collector.model import Identity, Site
from collector.roster import FRESH_SECONDS, Publisher, Roster, publish

SCHOOL = Site(
    id="school",
    hosts=("www.school.example",),
    identity=Identity.NETWORK,
    is_on=True,
    controller="De Schoolvereniging",
    controller_contact="bestuur@school.example",
    privacy_officer="G. Heim",
    agreement="VO-1",
    agreed_on=date(2026, 8, 1),
    legal_basis="6(1)(f)",
)


def _publish(path: Path, *sites: Site) -> None:
    publish(path, list(sites), random=os.urandom)


def test_a_collector_knows_what_the_house_published(tmp_path: Path) -> None:
    """A site is known once the list was read; one that left the list is known no more."""
    roster = Roster(tmp_path / "roster")
    assert roster.get("school") is None
    _publish(tmp_path / "roster", SCHOOL)
    assert roster.look()
    known = roster.get("school")
    assert known is not None
    assert known.hosts == SCHOOL.hosts
    _publish(tmp_path / "roster")
    assert roster.look()
    assert roster.get("school") is None


def test_the_list_names_nobody(tmp_path: Path) -> None:
    """Controllers, officers and contacts stay in the history; the file is for the house's own user alone."""
    _publish(tmp_path / "roster", SCHOOL)
    content = (tmp_path / "roster").read_text("utf-8")
    for said in (SCHOOL.controller, SCHOOL.controller_contact, SCHOOL.privacy_officer, SCHOOL.agreement, "2026-08-01"):
        assert said not in content
    assert stat.S_IMODE((tmp_path / "roster").stat().st_mode) == 0o600


def test_a_site_that_did_not_change_is_the_same_object(tmp_path: Path) -> None:
    """The gate keeps what it worked out of a site until the site is another one."""
    roster = Roster(tmp_path / "roster")
    _publish(tmp_path / "roster", SCHOOL)
    roster.look()
    before = roster.get("school")
    _publish(tmp_path / "roster", SCHOOL, msgspec.structs.replace(SCHOOL, id="other"))
    assert roster.look()
    assert roster.get("school") is before
    _publish(tmp_path / "roster", msgspec.structs.replace(SCHOOL, is_on=False))
    assert roster.look()
    assert roster.get("school") is not before


def test_a_look_up_sees_a_change_within_a_moment(tmp_path: Path) -> None:
    """Between two looks by the clock a changed list counts too, without a look for each of many events."""
    now = [0.0]
    roster = Roster(tmp_path / "roster", seconds=lambda: now[0])
    assert roster.get("school") is None
    _publish(tmp_path / "roster", SCHOOL)
    assert roster.get("school") is None
    now[0] = FRESH_SECONDS
    assert roster.get("school") is not None


@pytest.mark.parametrize("content", [b"", b"{", b'[{"id": 7}]'])
def test_a_damaged_list_changes_nothing(tmp_path: Path, content: bytes) -> None:
    """What was known stays in force, and the error says so; a list that vanished is no error."""
    roster = Roster(tmp_path / "roster")
    _publish(tmp_path / "roster", SCHOOL)
    roster.look()
    (tmp_path / "roster").write_bytes(content)
    with pytest.raises(StoreError, match="roster_damaged"):
        roster.look()
    assert roster.get("school") is not None
    (tmp_path / "roster").unlink()
    assert not roster.look()
    assert roster.get("school") is not None


def test_the_house_writes_only_what_changed(tmp_path: Path) -> None:
    """A round writes nothing where nothing changed, and writes again what vanished."""
    path, sites = tmp_path / "roster", [SCHOOL]
    publisher = Publisher(path, sites=lambda: list(sites), random=os.urandom)
    publisher.publish()
    first = path.stat().st_ino, path.stat().st_mtime_ns
    publisher.publish()
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == first
    sites.clear()
    publisher.publish()
    assert path.read_bytes() == b"[]"
    path.unlink()
    publisher.publish()
    assert path.exists()
