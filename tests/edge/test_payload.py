"""A body of any kind gets a stated answer; what names somebody is taken out of it and counted."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.edge.raw import RawRequest
from collector.event import Drop, Event, Malformed
from tests.edge.doors import CHROME, admit, body, event, gate, request, seen

DOOR = gate()
DEEP = b"[" * 5_000 + b"]" * 5_000


@pytest.mark.parametrize(
    ("sent", "code", "status"),
    [
        (b"", "empty", 400),
        (b" ", "not_json", 400),
        (b"{", "not_json", 400),
        (body()[:-5], "not_json", 400),
        (body() + b"x", "not_json", 400),
        (b"\xef\xbb\xbf" + body(), "not_json", 400),
        (b"[]", "not_object", 400),
        (b'"canary"', "not_object", 400),
        (b"null", "not_object", 400),
        (b'{"s":"school","n":"pageview","u":"\xff"}', "not_utf8", 400),
        (b'{"s":"school","n":"pageview","u":"/","\xff":1}', "not_utf8", 400),
        (b'{"s":"school","n":"pageview","u":"\\ud800"}', "not_json", 400),
        (b"[" * 5_000, "not_object", 400),
        (b'{"s":"school","n":"a","u":"/","canary":' + DEEP[4_000:6_000] + b"}", "too_deep", 400),
        (b'{"s":"school","n":"a","u":"/","p":' + DEEP + b"}", "too_large", 413),
        (b'{"s":"' + b"canary" * 200_000 + b'"}', "too_large", 413),
        (body(s=None), "missing_field", 400),
        (body(n=None), "missing_field", 400),
        (body(u=None), "missing_field", 400),
        (body(s="canary" * 20), "too_long", 400),
        (body(n="canary" * 20), "too_long", 400),
        (body(n=""), "too_long", 400),
        (body(s=7), "wrong_type", 400),
        (body(u=["canary"]), "wrong_type", 400),
        (body(w=4), "wrong_type", 400),
        (body(w=1.5), "wrong_type", 400),
        (body(e=2), "wrong_type", 400),
        (body(t="canary"), "wrong_type", 400),
        (body(d="canary"), "wrong_type", 400),
        (body(p=["canary"]), "wrong_type", 400),
        (body(p={"a": {"canary": 1}}), "wrong_type", 400),
        (body(p={"a": "canary" * 20}), "too_long", 400),
        (body(p={"canary" * 20: 1}), "too_long", 400),
        (body(p={f"p{i}": i for i in range(9)}), "too_long", 400),
        (body(i=[1]), "wrong_type", 400),
        (b'{"s":"school","n":"a","u":"/","d":1e999}', "wrong_type", 400),
    ],
)
def test_bad_bodies_get_a_sentence(sent: bytes, code: str, status: int) -> None:
    """Every kind of bad body is answered with a code and a sentence, and neither quotes a word of it."""
    outcome = admit(DOOR, RawRequest(peer="145.0.2.77", user_agent=CHROME, body=sent))
    assert isinstance(outcome, Malformed)
    assert (outcome.code, outcome.status) == (code, status)
    assert outcome.message.endswith(".")
    assert "canary" not in outcome.message


nested = st.recursive(st.none() | st.booleans() | st.text(), st.lists)
json_bodies = nested.map(lambda found: json.dumps({"s": "school", "n": "a", "u": "/", "p": found}).encode())


@given(st.binary(max_size=200) | json_bodies)
def test_no_body_breaks_the_gate(sent: bytes) -> None:
    """Whatever the body, the answer is an event, a drop or a refusal, never an error."""
    outcome = admit(DOOR, RawRequest(peer="145.0.2.77", user_agent=CHROME, body=sent))
    assert isinstance(outcome, Event | Drop | Malformed)


EXTRA: dict[str, Any] = {
    **dict.fromkeys(("uid", "user_id", "userId", "client_id", "_id", "id", "email", "E-mail", "bsn"), "canary"),
    **{f"extra{i}": "canary" for i in range(11)},
}


def test_unknown_fields_are_dropped_and_identifier_fields_counted() -> None:
    """Twenty extra fields are stored nowhere; those that name somebody are counted by the name of a closed list."""
    found = event(DOOR, request(**EXTRA))
    assert found.refused == ("_id", "bsn", "client_id", "email", "id", "uid", "user_id")
    assert "canary" not in str(seen(found))


def test_identifiers_in_properties_are_removed_and_counted() -> None:
    """A property that names somebody is removed and counted, by its field or by its value; the event stays."""
    properties = {
        "userId": "4711",
        "les": "rekenen",
        "klas": "jan@school.nl",
        "nummer": 123456782,
        "cijfer": 7.256,
        "gehaald": True,
        "leeg": None,
        "toets 123456": "x",
    }
    found = event(DOOR, request(s="open", n="Toets", p=properties))
    assert found.properties == ("cijfer=7.26", "gehaald=true", "les=rekenen")
    assert found.refused == ("property_name", "property_value", "user_id")
    # Counted where properties are not kept, too.
    closed = event(DOOR, request(n="Toets", p=properties))
    assert (closed.properties, closed.refused) == ((), found.refused)
