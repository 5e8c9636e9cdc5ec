"""The debug echo says what would be stored and why, and shows no more of a request than an event holds."""

import json
from typing import Any

import pytest

from collector.edge.raw import RawRequest
from tests.edge.doors import AT, CHROME, event, gate, request, seen

DOOR = gate()


def notes(raw: RawRequest) -> str:
    """Return the sentences of an echo."""
    answer = DOOR.echo(raw, at=AT)
    assert answer["counted"] is True, answer
    assert isinstance(answer["notes"], list)
    return " ".join(answer["notes"])


def test_the_echo_shows_the_event_that_would_be_counted() -> None:
    """What the echo shows is what the gate would hand on, but for the visitor key."""
    raw = request(s="open", n="Toets", u="/les/7", r="www.google.nl", e=1, w=3, p={"a": 1})
    answer = DOOR.echo(raw, at=AT)
    expected = seen(event(DOOR, raw))
    del expected["visitor"]
    shown = answer["event"]
    assert isinstance(shown, dict)
    assert shown.pop("kind") == expected.pop("kind").name.lower()
    assert shown == json.loads(json.dumps(expected))
    assert answer["stored"] is False


def test_the_echo_shows_no_address_no_user_agent_and_no_key() -> None:
    """Nothing of the address, the user agent, the number or a removed value is in the answer."""
    headers = {"peer": "10.0.0.1", "forwarded": "145.0.2.77"}
    fields: dict[str, Any] = {
        "s": "browser",
        "i": 8_423_984_723,
        "email": "canary",
        "n": "Toets",
        "p": {"bsn": "canary"},
    }
    raw = request(headers=headers, u="/x?canary", **fields)
    answer = json.dumps(DOOR.echo(raw, at=AT))
    key = event(DOOR, raw).visitor
    assert not [mark for mark in ("canary", "145.0.2", "Mozilla", "8423984723", str(key), f"{key:x}") if mark in answer]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (request(), "cut to /24 (IPv4) or /48 (IPv6)"),
        (request(s="strict"), "cut to /16 (IPv4) or /32 (IPv6)"),
        (request(s="browser", i=1), "browser's number of today"),
        (request(i=1), "`i` was removed"),
        (request(u="/les?a=b"), "query and fragment are cut"),
        (request(u="/les/7"), "look like an id"),
        (request(s="strict", u="/elders"), "No registered template"),
        (request(r="https://www.school.example/x"), "page of the site itself"),
        (request(r="https://192.0.2.1/x"), "not the address of a public web site"),
        (request(r="https://krant.example/x"), "only the site is kept"),
        (request(uid="x"), "The field uid was removed"),
        (request(n="jan@school.nl"), "event's name looks like"),
        (request(n="a", p={"b": "jan@school.nl"}), "value of a property"),
        (request(s="strict", n="Toets"), "does not keep the event's name"),
        (request(n="a", p={"b": "c"}, w=1, c="krant"), "does not keep properties, the campaign, the viewport"),
        (request(n="engagement", y=101), "within their limits"),
    ],
)
def test_what_was_generalised_or_refused_is_said_with_its_reason(raw: RawRequest, words: str) -> None:
    """Each thing that was cut, folded or removed has a sentence."""
    assert words in notes(raw)


@pytest.mark.parametrize(
    ("raw", "reason", "step"),
    [
        (request(headers={"gpc": "1"}), "opt_out", "opt-out"),
        (RawRequest(peer="", body=b"{"), "not_json", "body"),
        (request(s="nobody"), "unknown_site", "site"),
        (request(s="off"), "site_off", "site"),
        (request(headers={"user_agent": "curl/8"}), "bot", "bot"),
        (request(s="browser"), "invalid", "identity"),
        (request(u="https://elsewhere.example"), "host", "page"),
    ],
)
def test_the_echo_says_where_a_request_ended(raw: RawRequest, reason: str, step: str) -> None:
    """A request that is not counted is told its reason, the step, and what to do."""
    answer = DOOR.echo(raw, at=AT)
    assert (answer["counted"], answer["reason"], answer["step"]) == (False, reason, step)
    assert str(answer["why"]).endswith(".")


@pytest.mark.parametrize("headers", [{}, {"user_agent": "curl/8"}])
def test_a_site_may_forbid_the_echo(headers: dict[str, str]) -> None:
    """Where the site does not allow it, the echo says that and nothing else."""
    answer = DOOR.echo(request(headers={"user_agent": CHROME} | headers, s="tweede"), at=AT)
    assert answer["reason"] == "no_echo"
    assert "event" not in answer
