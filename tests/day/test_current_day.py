"""Events of one epoch in memory: taken in whole, counted apart by site, shown to nobody, never on disk."""

import copy
import pickle
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.day.breakdowns import facts
from collector.day.current_day import CurrentDay
from collector.errors import TurvenError
from collector.event import Batch, Event
from collector.model import Epoch, Profile
from collector.policy import rules_for
from tests.day.slow_count import DAY, SITE, at, day_of, did, engaged, event


@pytest.fixture
def day() -> Iterator[CurrentDay]:
    """Open an empty day."""
    made = CurrentDay(DAY)
    yield made
    made.close()


def take(day: CurrentDay, *events: Event) -> None:
    """Give the day one batch."""
    day.append(Batch(list(events), []))


def take_all(day: CurrentDay, batches: list[Batch]) -> None:
    """Give the day one batch after the other."""
    for batch in batches:
        day.append(batch)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 40), max_size=12))
def test_a_day_does_not_care_how_its_events_come(sizes: list[int]) -> None:
    """Many small batches make the same day as one, and asking in between changes nothing."""
    events = [event(n % 9, at("10:00") + n, page=f"/{n % 4}") for n in range(sum(sizes))]
    small, rest = CurrentDay(DAY), list(events)
    for size in sizes:
        take(small, *rest[:size])
        del rest[:size]
        assert small.events(SITE) == len(events) - len(rest)
        small.visitors(SITE)
    whole = day_of(events, batch=max(1, len(events)))
    rules = rules_for(Profile.STRICT)
    assert facts(small, SITE, rules).total.sort("visitor").equals(facts(whole, SITE, rules).total.sort("visitor"))
    small.close()
    whole.close()


def test_sites_are_counted_apart(day: CurrentDay) -> None:
    """The same visitor key on two sites is counted on each, and no site knows of another."""
    take(day, event(1, "10:00", site="b"), event(1, "10:00", site="a"), event(2, "10:00", site="a"))
    assert day.sites() == ["a", "b"]
    assert (day.visitors("a"), day.visitors("b"), day.visitors("c")) == (2, 1, 0)
    assert (day.events("a"), day.events("b"), day.events("c")) == (2, 1, 0)


@pytest.mark.parametrize("is_asked_before", [False, True])
def test_a_removed_site_leaves_nothing(day: CurrentDay, is_asked_before: bool) -> None:  # noqa: FBT001
    """Taking a site away takes its rows, its waiting rows and its paths, and no other site's."""
    take(day, event(1, "10:00", page="/over-jan"), event(1, "10:00", site="other"))
    if is_asked_before:
        assert day.visitors(SITE) == 1
    day.remove(SITE)
    day.remove("never there")
    assert day.sites() == ["other"]
    assert (day.events(SITE), day.visitors(SITE), day.visitors("other")) == (0, 0, 1)
    with day.read(SITE) as held:
        assert held.texts("page") == []
    take(day, event(2, "11:00"), event(3, "11:00"))
    assert (day.events(SITE), day.visitors(SITE)) == (2, 2)


def test_engagement_alone_makes_no_visitor(day: CurrentDay) -> None:
    """A visitor is one who opened a page or did something: a late report is a row, but nobody."""
    take(day, event(1, "10:00"), did(2, "10:00", "Klik"), engaged(3, "10:00", "/", 5), engaged(1, "10:01", "/", 5))
    assert (day.events(SITE), day.visitors(SITE), day.visitors_by_hour(SITE)) == (4, 2, {10: 2})
    assert day.seen(SITE, since=at("09:50"), until=at("10:01")).visitors == 2


def test_an_hour_is_that_of_the_wall() -> None:
    """On the day of 25 hours a visitor of both hours 2 is one visitor of hour 2; earliest hour first."""
    epoch = Epoch("Europe/Amsterdam", date(2026, 10, 25))
    twice = [event(1, at("02:30", day=epoch, fold=fold)) for fold in (0, 1)]
    day = day_of([event(2, at("23:00", day=epoch)), *twice, event(1, at("03:00", day=epoch))], epoch=epoch)
    assert list(day.visitors_by_hour(SITE).items()) == [(2, 1), (3, 1), (23, 1)]
    day.close()


@pytest.mark.parametrize(
    ("since", "until", "visitors", "viewers", "pageviews", "most"),
    [
        ("09:59:59", "10:00", 2, 1, 2, 2),
        ("10:00", "10:30", 1, 1, 1, 1),
        ("09:00", "10:30", 3, 2, 3, 2),
        ("10:30", "11:00", 0, 0, 0, 0),
    ],
)
def test_a_stretch_of_a_day_is_counted(
    day: CurrentDay, since: str, until: str, visitors: int, viewers: int, pageviews: int, most: int
) -> None:
    """Of a stretch of time what came after its first second counts, up to and with its last."""
    take(day, event(1, "10:00"), event(1, "10:00"), did(2, "10:00", "Klik"), event(3, "10:30"))
    seen = day.seen(SITE, since=at(since), until=at(until))
    assert (seen.visitors, seen.viewers, seen.pageviews, seen.most) == (visitors, viewers, pageviews, most)


def test_a_day_is_sealed(day: CurrentDay) -> None:
    """The day and what it lends print nothing of their content and cannot be copied or pickled."""
    take(day, event(1, "10:00", page="/over-jan"))
    with day.read(SITE) as held:
        for sealed in (day, held):
            assert repr(sealed) == f"<{type(sealed).__name__} sealed>"
            for attempt in (copy.copy, copy.deepcopy, pickle.dumps):  # noqa: TID251
                with pytest.raises(TypeError, match="sealed"):
                    attempt(sealed)


def test_a_day_never_reaches_the_disk(day: CurrentDay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that needs more memory than the limit is refused in a sentence; it spills to no file."""
    monkeypatch.chdir(tmp_path)
    small = CurrentDay(DAY, memory_limit="6MB")
    for _ in range(20):
        small.append(Batch([event(n, at("10:00") + n, page=f"/{n % 50}") for n in range(16_000)], []))
    with pytest.raises(TurvenError) as caught:
        small.visitors(SITE)
    assert caught.value.code == "day_full"
    assert caught.value.__cause__ is None
    small.close()
    with day.read(SITE) as held:
        for name, value in (("temp_directory", ""), ("enable_external_access", "false"), ("threads", "1")):
            assert held.ask(f"select current_setting('{name}')::varchar").item() == value
    for statement in (f"copy (select 1) to '{tmp_path}/x'", "set temp_directory = '.tmp'", f"attach '{tmp_path}/x'"):
        with pytest.raises(TurvenError, match="day_unreadable"), day.read(SITE) as held:
            held.run(statement)
    assert list(tmp_path.iterdir()) == []


def test_a_question_without_room_costs_no_event() -> None:
    """A question that finds no memory is refused; the day goes on, and a smaller site can still be asked about."""
    small = CurrentDay(DAY, memory_limit="6MB")
    for _ in range(20):
        small.append(Batch([event(n, at("10:00"), site="large") for n in range(16_000)], []))
    small.append(Batch([event(1, at("10:00"), site="small")], []))
    with pytest.raises(TurvenError, match="day_full"):
        small.visitors("large")
    assert (small.events("large"), small.visitors("small")) == (320_000, 1)
    small.close()


def test_an_event_that_does_not_fit_is_refused_without_being_quoted(day: CurrentDay) -> None:
    """A number out of range refuses its whole batch, names no value and leaves the day as it was."""
    take(day, event(1, "10:00"))
    with pytest.raises(TurvenError, match="event_out_of_range") as caught:
        take(day, event(5, "10:00", site="a"), event(2, "10:00"), event(1 << 64, "10:00"))
    assert str(1 << 64) not in str(caught.value)
    assert caught.value.__suppress_context__
    take(day, event(3, "10:00"))
    assert (day.sites(), day.events(SITE), day.visitors(SITE)) == ([SITE], 2, 2)


def test_the_largest_key_is_a_key(day: CurrentDay) -> None:
    """All 64 bits of a visitor key count."""
    take(day, event((1 << 64) - 1, "10:00"), event((1 << 63) - 1, "10:00"))
    assert facts(day, SITE, rules_for(Profile.STRICT)).total["visitor"].sort().to_list() == [2**63 - 1, 2**64 - 1]


def test_an_endless_report_adds_one_visit_at_most(day: CurrentDay) -> None:
    """A forged report of a month, or of less than nothing, adds no more than a visit may and never takes away."""
    take(day, event(1, "10:00"), engaged(1, "10:01", "/", 1 << 40), event(2, "10:00"), engaged(2, "10:01", "/", -5))
    total = facts(day, SITE, rules_for(Profile.STRICT)).total.sort("visitor")
    assert total["seconds"].to_list() == [1800, 0]


def test_a_question_sees_the_day_as_it_was(day: CurrentDay) -> None:
    """What comes while a question is asked waits for the next one, in the order of arrival."""
    take(day, event(2, "10:00"), event(1, "10:00"))
    with day.read(SITE) as held:
        take(day, event(3, "10:00"))
        seen = held.ask(f"select visitor from {held.table} order by rowid")
    assert seen["visitor"].to_list() == [2, 1]
    with day.read(SITE) as held:
        assert held.ask(f"select visitor from {held.table} order by rowid")["visitor"].to_list() == [2, 1, 3]


def test_an_event_takes_few_bytes(day: CurrentDay) -> None:
    """A row takes at most 45 bytes however many sites there are, and taking a site away gives them back."""
    for part in range(50):
        rows = [
            event(n * n, at("10:00") + n % 900, page=f"/{n % 30}", site=f"s{(n + part) % 100}") for n in range(5000)
        ]
        day.append(Batch(rows, []))
    assert 34 < day.bytes_held() / 250_000 < 45
    assert sum(day.bytes_by_site().values()) == day.bytes_held()
    for site in day.sites():
        day.remove(site)
    assert day.bytes_held() == 0


def test_two_threads_may_append_and_ask(day: CurrentDay) -> None:
    """Asking while another thread appends loses and doubles nothing."""
    batches = [Batch([event(n * 50 + m, at("10:00") + m) for m in range(50)], []) for n in range(100)]
    thread = Thread(target=lambda: take_all(day, batches))
    thread.start()
    seen = [day.visitors(SITE) for _ in range(30)]
    thread.join()
    assert seen == sorted(seen)
    assert all(count % 50 == 0 for count in seen)
    assert day.visitors(SITE) == day.events(SITE) == 5000


def test_a_closed_day_is_empty_and_stays_closed() -> None:
    """Closing lets go of everything, and closing again does nothing."""
    day = day_of([event(1, "10:00")])
    day.close()
    day.close()
    assert day.sites() == []
    assert day.events(SITE) == 0
