"""What holds personal data cannot be printed, copied or pickled."""

import copy
import pickle
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from collector.event import Batch, Event, Kind, VisitorKey

CANARY = "canary-7f3a"


@pytest.fixture
def event() -> Event:
    """Make an event whose every text is a canary."""
    return Event(
        site=CANARY,
        at=1,
        visitor=VisitorKey(0xCA9A41),
        kind=Kind.PAGEVIEW,
        page=f"/{CANARY}",
        source=CANARY,
        channel=CANARY,
        browser=CANARY,
        os=CANARY,
        device=CANARY,
        country=CANARY,
    )


@pytest.mark.parametrize("show", [repr, str, "{}".format, "%s".__mod__, lambda e: f"{[e]!r} { ({'e': e})!r}"])
def test_an_event_shows_nothing(event: Event, show: Callable[[Any], str]) -> None:
    """No way of printing an event or a batch shows what it holds."""
    for thing in (event, Batch([event], [])):
        assert CANARY not in show(thing)
        assert str(0xCA9A41) not in show(thing)


@pytest.mark.parametrize("leak", [copy.copy, copy.deepcopy, pickle.dumps])  # noqa: TID251 - that it is refused
def test_an_event_is_not_copied(event: Event, leak: Callable[[Any], Any]) -> None:
    """An event and a batch refuse to be copied or pickled."""
    for thing in (event, Batch([event], [])):
        with pytest.raises(TypeError, match="sealed"):
            leak(thing)


def test_a_traceback_shows_nothing(event: Event) -> None:
    """An error that is raised around an event does not quote it."""

    def fail(held: Event) -> None:
        raise ValueError(held)

    with pytest.raises(ValueError, match="sealed") as caught:
        fail(event)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
