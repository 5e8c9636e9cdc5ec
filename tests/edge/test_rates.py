"""Rate limits: what a site may send, what one network may, and what is remembered of it."""

import gc
import os
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.edge import rates
from collector.edge.address import cut, pack
from collector.edge.rates import BURST_SECONDS, Rates
from collector.settings import Limits

NOON: Final = 1_790_000_040
CLASSROOM: Final = cut(pack("192.0.2.7"), ipv4_bits=24, ipv6_bits=48)
ELSEWHERE: Final = cut(pack("198.51.100.7"), ipv4_bits=24, ipv6_bits=48)


def make(*, site: int = 2, network: int = 0) -> Rates:
    """Return limits of *site* events a second and *network* a minute."""
    limits = Limits(site_events_per_second=site, network_events_per_minute=network)
    return Rates(limits, random_bytes=os.urandom)


@given(
    per_second=st.integers(1, 20),
    arrivals=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=40),
)
def test_a_site_never_exceeds_its_average(per_second: int, arrivals: list[tuple[int, int]]) -> None:
    """In any stretch of time a site gets at most ten seconds' worth and its limit for each second of the stretch."""
    made, at, taken = make(site=per_second), NOON, []
    for pause, events in arrivals:
        at += pause
        taken += [at] * sum(made.has_room("school", CLASSROOM, at) for _ in range(events))
    for start in set(taken):
        for end in set(taken):
            within = sum(start <= moment <= end for moment in taken)
            assert within <= per_second * (BURST_SECONDS + max(0, end - start))


@given(pauses=st.lists(st.integers(1, 5), max_size=30))
def test_who_keeps_to_the_limit_is_never_refused(pauses: list[int]) -> None:
    """A site that sends no more than its limit has room for every event."""
    made, at = make(), NOON
    for pause in pauses:
        at += pause
        assert all(made.has_room("school", CLASSROOM, at) for _ in range(2 * pause))


def test_a_rush_is_taken_and_then_refused() -> None:
    """Ten seconds' worth may come at once; after that a site gets its limit a second, and others are not touched."""
    made = make()
    assert [made.has_room("school", CLASSROOM, NOON) for _ in range(22)] == [True] * 20 + [False] * 2
    assert [made.has_room("school", CLASSROOM, NOON + 1) for _ in range(3)] == [True, True, False]
    assert made.has_room("library", CLASSROOM, NOON + 1)


def test_a_clock_set_back_refuses_nobody_for_long() -> None:
    """After the clock was set back by an hour a site goes on getting its limit a second."""
    made = make()
    assert all(made.has_room("school", CLASSROOM, NOON) for _ in range(20))
    assert not made.has_room("school", CLASSROOM, NOON - 3_600)
    assert made.has_room("school", CLASSROOM, NOON - 3_599)


def test_one_network_gets_its_share_of_a_minute() -> None:
    """With a limit for networks one of them is refused, others and other sites go on, and a minute later it is over."""
    made = make(site=1_000, network=3)
    assert [made.has_room("school", CLASSROOM, NOON) for _ in range(4)] == [True] * 3 + [False]
    assert made.has_room("school", ELSEWHERE, NOON)
    assert made.has_room("library", CLASSROOM, NOON)
    assert not made.has_room("school", CLASSROOM, NOON + 20 - NOON % 60 % 20)
    assert made.has_room("school", CLASSROOM, NOON + 60)


def test_what_a_network_may_not_send_takes_nothing_from_its_site() -> None:
    """An event that its network's limit refuses leaves the site's own room as it was."""
    made = make(site=1, network=1)
    assert made.has_room("school", CLASSROOM, NOON)
    assert not any(made.has_room("school", CLASSROOM, NOON) for _ in range(50))
    others = [cut(pack(f"10.0.{number}.1"), ipv4_bits=24, ipv6_bits=48) for number in range(10)]
    assert sum(made.has_room("school", other, NOON) for other in others) == 9


def test_no_network_is_remembered_longer_than_its_minute() -> None:
    """A network is held as a keyed hash, and a look after its minute, or a new day, leaves nothing of it."""
    made = make(network=3)
    assert made.has_room("school", CLASSROOM, NOON)
    assert not _holds(made, CLASSROOM)
    assert len(made._networks) == 1
    made.look(NOON + 60)
    assert not made._networks
    assert not made._key
    assert made.has_room("school", CLASSROOM, NOON + 60)
    made.forget()
    assert not made._networks
    assert not made._sites


def _holds(made: Rates, network: bytes) -> bool:
    """Tell whether a network stands in what *made* remembers."""
    return any(network[1:4] in held for held in gc.get_referents(made._networks) if isinstance(held, bytes))


def test_more_networks_than_are_counted_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of networks has an end, above which the site's own limit is the only one."""
    monkeypatch.setattr(rates, "NETWORKS_MAX", 5)
    made = make(site=1_000, network=1)
    others = [cut(pack(f"10.0.{number}.1"), ipv4_bits=24, ipv6_bits=48) for number in range(50)]
    assert all(made.has_room("school", other, NOON) for other in others)
    assert len(made._networks) == 5
    assert not made.has_room("school", others[0], NOON)
