"""The audit's walk with a browser: the tracker as it is served passes, and one harmed in one line is found."""

from collections.abc import Iterator
from typing import Final

import pytest

from collector.audit.browser import NO_BROWSER, NO_PAGE, add_school, find_browser, look
from collector.audit.finding import Result
from collector.audit.scratch import ScratchHouse, scratch_house
from collector.model import Site
from collector.settings import Privacy

#: One line each, as somebody might write it: what stands in the script, and what takes its place.
_START: Final = b"{let{"
HARMS: Final = {
    # Put together at run time: no list of words knows it, the traps do.
    "R10": (_START, b'{navigator["plu"+"gins"].length;let{'),
    "R11": (b'"omit"', b'"include"'),
    "R42": (b"localStorage.turven||", b""),
}


@pytest.fixture(scope="module")
def at_school() -> Iterator[tuple[ScratchHouse, Site]]:
    """Run a scratch house with the made-up school in it."""
    with scratch_house(Privacy()) as house:
        yield house, add_school(house)


@pytest.fixture(scope="module")
def browser() -> str:
    """Find a browser."""
    found = find_browser()
    if found is None:
        pytest.skip("there is no browser on this machine")
    return found


def _harmed(script: bytes, *numbers: str) -> bytes:
    for number in numbers:
        before, after = HARMS[number]
        assert script.count(before) == 1, number
        script = script.replace(before, after)
    return script


@pytest.mark.browser
def test_the_tracker_passes(at_school: tuple[ScratchHouse, Site], browser: str) -> None:
    """It touches what is listed, sends no cookie and no page address, and one click on either button stops it."""
    seen = look(*at_school, browser=browser)
    assert {number: one.result for number, one in seen.items()} == dict.fromkeys(("R10", "R11", "R42"), Result.PASS), (
        seen
    )
    assert seen["R10"].evidence["touched"]
    assert seen["R11"].evidence["events_sent"] >= 4
    assert seen["R42"].evidence["clicks"] == {"on a page": True, "on the public page": True}


@pytest.mark.browser
def test_a_harmed_tracker_is_found(at_school: tuple[ScratchHouse, Site], browser: str) -> None:
    """A tracker that reads plug-ins, takes cookies along and overlooks the flag fails each of the three checks."""
    seen = look(*at_school, browser=browser, tamper=lambda script: _harmed(script, *HARMS))
    assert {number: one.result for number, one in seen.items()} == dict.fromkeys(HARMS, Result.FAIL)
    assert "Navigator.plugins" in seen["R10"].evidence["touched_beside_the_list"]
    assert seen["R11"].evidence["with_a_cookie"] >= 4
    assert seen["R42"].evidence["sent_after_the_click"] >= 2


def test_without_a_browser_the_words_are_read(at_school: tuple[ScratchHouse, Site]) -> None:
    """Without a browser nothing passes: the sentence says what to install, and an unknown word in the script fails."""
    seen = look(*at_school, browser=None)
    assert {one.result for one in seen.values()} == {Result.NOT_APPLICABLE}
    assert seen["R10"].evidence["reason"] == NO_BROWSER
    harmed = look(*at_school, browser=None, tamper=lambda script: script + b";navigator.plugins")
    assert {one.result for one in harmed.values()} == {Result.FAIL}
    assert harmed["R10"].evidence["words_beside_the_list"] == ["plugins"]


def test_a_browser_that_does_not_work_is_no_pass(at_school: tuple[ScratchHouse, Site]) -> None:
    """Of a program that shows no page nothing is taken for seen: no pass, and a sentence that says what to do."""
    seen = look(*at_school, browser="/bin/true")
    assert {one.result for one in seen.values()} == {Result.NOT_APPLICABLE}
    assert NO_PAGE in seen["R10"].evidence["reason"]
