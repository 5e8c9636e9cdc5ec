"""Requests as browsers send them, header for header, through the gate."""

import json
from pathlib import Path
from typing import Any

import pytest

from collector.edge.raw import RawRequest
from collector.event import Drop, Kind, Reason
from tests.edge.doors import admit, event, gate

WIRE = Path(__file__).parent / "wire"
DOOR = gate()


def recorded(client: str, step: str) -> RawRequest:
    """Build the request of a recording, as the door would."""
    sent: dict[str, Any] = json.loads((WIRE / f"{client}.json").read_text("utf-8"))["steps"][step]
    headers = {name.lower(): value for name, value in sent["headers"]}
    return RawRequest(
        peer="145.0.2.77",
        body=sent["body"].encode(),
        user_agent=headers["user-agent"],
        gpc=headers.get("sec-gpc", ""),
        dnt=headers.get("dnt", ""),
        language=headers.get("accept-language", ""),
    )


@pytest.mark.parametrize(
    ("client", "classes"),
    [("chromium", ("Chrome", "Windows", "Desktop")), ("webkit-ipad", ("Safari", "iPadOS", "Tablet"))],
)
def test_a_recorded_visit_is_one_visitor(client: str, classes: tuple[str, str, str]) -> None:
    """Load, an own event and leaving are three events of one visitor on one cleaned page."""
    events = [event(DOOR, recorded(client, step)) for step in ("load", "custom", "leave")]
    assert [found.kind for found in events] == [Kind.PAGEVIEW, Kind.CUSTOM, Kind.ENGAGEMENT]
    assert len({found.visitor for found in events}) == 1
    assert {found.page for found in events} == {"/groep/:id/les/boekbespreking"}
    assert {(found.browser, found.os, found.device) for found in events} == {classes}
    assert [found.source for found in events] == ["portal.elders.example", "(direct)", "(direct)"]
    assert [found.is_entry for found in events] == [True, False, False]
    assert (events[2].milliseconds, events[2].scroll) == (61_204, 84)


@pytest.mark.parametrize("client", ["chromium", "webkit-ipad"])
def test_a_query_that_slips_through_the_script_is_cut(client: str) -> None:
    """An e-mail address and a click id in a query are stored nowhere; the page is the same page."""
    assert event(DOOR, recorded(client, "query")).page == event(DOOR, recorded(client, "load")).page


@pytest.mark.parametrize("step", ["load", "custom", "query", "leave"])
def test_a_recorded_opt_out_is_honoured(step: str) -> None:
    """A Firefox that sends Sec-GPC and DNT is not counted, whatever it reports."""
    assert admit(DOOR, recorded("firefox", step)) == Drop(Reason.OPT_OUT, "")
