"""A visitor key holds for one site and one epoch, and knows nothing finer than it must."""

import copy
import pickle
from typing import Any

import pytest

from collector.edge.visitor import SALT_BYTES, Salt
from collector.event import Event
from collector.model import Identity
from tests.edge.doors import AT, CHROME, SAFARI, SITES, event, gate, request

DOOR = gate()


def key(*, salt: Salt | None = None, **more: Any) -> int:
    """Return the visitor key of a request."""
    outcome = DOOR.admit(request(**more), at=AT, salt=lambda _site, _at: salt or Salt(bytes(SALT_BYTES)))
    assert isinstance(outcome, Event)
    return outcome.visitor


def test_one_class_of_client_has_one_key() -> None:
    """The network key knows nothing finer than cut address, browser, major version, OS and device class."""
    base = key()
    assert key(headers={"peer": "145.0.2.1"}) == base
    assert key(headers={"user_agent": CHROME.replace("156.0.0.0", "156.7.1.2")}) == base
    assert key(headers={"language": "fr"}, u="/elders", r="x.example", w=3) == base
    assert key(headers={"peer": "145.0.3.77"}) != base
    assert key(headers={"user_agent": CHROME.replace("156.0.0.0", "157.0.0.0")}) != base
    assert key(headers={"user_agent": SAFARI}) != base
    assert key(headers={"user_agent": SAFARI}) != key(headers={"user_agent": SAFARI}, t=1)


def test_one_client_has_two_keys_on_two_sites() -> None:
    """No identity goes across sites, even if two sites shared a salt by mistake."""
    assert key() != key(s="tweede")
    assert key(s="browser", i=5) != key()


def test_one_client_has_two_keys_under_two_salts() -> None:
    """No identity goes across days: another salt, another key."""
    assert key() == key()
    assert key() != key(salt=Salt(b"\1" * SALT_BYTES))


def test_the_browser_number_replaces_address_and_user_agent() -> None:
    """In `browser` identity only the browser's own number of today tells visitors apart."""
    base = key(s="browser", i=8_423_984_723_984)
    other = {"peer": "2001:db8::1", "user_agent": SAFARI}
    assert key(s="browser", i=8_423_984_723_984, headers=other) == base
    assert key(s="browser", i="8423984723984") == base
    assert key(s="browser", i=8_423_984_723_985) != base


def test_a_number_is_refused_where_nobody_asked_for_it() -> None:
    """On a site in `network` identity a number is removed and counted, and has no part in the key."""
    assert key(i=5) == key()
    assert event(DOOR, request(i=5)).refused == ("browser_number",)
    assert SITES["strict"].identity is Identity.BROWSER
    assert event(DOOR, request(s="strict", i=5, u="/les")).refused == ("browser_number",)


def test_a_strict_site_masks_more_of_the_address() -> None:
    """The strict profile tells no two networks of one /16 apart."""
    one, two = {"peer": "145.0.2.77"}, {"peer": "145.0.99.1"}
    assert key(headers=one) != key(headers=two)
    assert key(s="strict", headers=one) == key(s="strict", headers=two)


def test_only_a_trusted_proxy_speaks_for_its_client() -> None:
    """Client and country headers of an untrusted peer have no effect."""
    said = {"forwarded": "203.0.113.9", "country": "BE"}
    assert key(headers=said) == key()
    assert event(DOOR, request(headers=said)).country == "NL"
    proxied = {"peer": "10.0.0.1"} | said
    assert key(headers=proxied) == key(headers={"peer": "203.0.113.1"})
    assert event(DOOR, request(headers=proxied)).country == "BE"


@pytest.mark.parametrize("sealed", [request(), Salt(bytes(SALT_BYTES))])
def test_personal_data_cannot_be_printed_copied_or_pickled(sealed: object) -> None:
    """A request and a salt refuse to be seen, copied or pickled."""
    assert repr(sealed).endswith("sealed>")
    for action in (copy.copy, copy.deepcopy, pickle.dumps):  # noqa: TID251 - shown to be refused
        with pytest.raises(TypeError, match="sealed"):
            action(sealed)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_salt_is_256_bits(size: int) -> None:
    """A salt of another length is refused."""
    with pytest.raises(ValueError, match="32 bytes"):
        Salt(bytes(size))
