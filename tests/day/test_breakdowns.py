"""What a visitor adds to each figure of a day: visits, hours, pages and pairs, held against a slow count."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.day.breakdowns import facts, late, today_facts
from collector.day.facts import Facts
from collector.event import Event, Kind
from collector.model import DIRECT, Dimension, Epoch, Profile
from collector.policy import Rules, rules_for
from tests.day.slow_count import DAY, SITE, SlowCount, at, day_of, did, engaged, event, plain, sums_of

STANDARD = rules_for(Profile.STANDARD)
OPEN = rules_for(Profile.OPEN)
G: dict[str, Any] = {"source": "Google", "channel": "search"}
ENTRY: dict[str, Any] = G | {"is_entry": True}


def facts_of(events: list[Event], *, rules: Rules = OPEN, epoch: Epoch = DAY) -> Facts:
    """Return the facts of a day that took *events* in."""
    day = day_of(events, epoch=epoch)
    made = facts(day, SITE, rules)
    day.close()
    return made


def total_of(events: list[Event]) -> dict[str, int]:
    """Return the one visitor's total."""
    (measures,) = sums_of(facts_of(events).total).values()
    return measures


def assert_counted(made: Facts, events: list[Event], *, rules: Rules = OPEN) -> None:
    """Hold facts against the slow count."""
    slow = SlowCount(events)
    assert sums_of(made.total) == plain(slow.total)
    assert sums_of(made.hours, "hour") == plain(slow.hours)
    assert set(made.values) == set(rules.breakdowns)
    for dimension, frame in made.values.items():
        assert sums_of(frame, "value") == plain(slow.values[dimension]), dimension
    assert set(made.pairs) == set(rules.pairs)
    for (a, b), frame in made.pairs.items():
        assert sums_of(frame, "a", "b") == slow.pair(a, b), (a, b)


@pytest.mark.parametrize(
    ("events", "visits"),
    [
        pytest.param([event(1, "10:00"), event(1, "10:29:59")], 1, id="a second before half an hour is one visit"),
        pytest.param([event(1, "10:00"), event(1, "10:30")], 2, id="half an hour without anything is two visits"),
        pytest.param(
            [event(1, "10:00"), engaged(1, "10:20", "/", 9), event(1, "10:45")], 1, id="engagement keeps a visit going"
        ),
        pytest.param([event(1, "10:00"), did(1, "10:20", "Klik"), event(1, "10:45")], 1, id="an event keeps it going"),
        pytest.param([event(1, "10:00"), event(1, "10:05", **ENTRY)], 2, id="an entry opens a visit"),
        pytest.param([event(1, "10:00"), event(1, "10:05", **G)], 1, id="a foreign referrer alone opens none"),
        pytest.param([event(1, "10:00"), event(1, "10:05", is_entry=True)], 1, id="an entry from nowhere opens none"),
        pytest.param([event(1, "10:00"), did(1, "10:05", "Klik", **ENTRY)], 1, id="an event is no entry"),
        pytest.param([event(1, "10:00"), engaged(1, "11:00", "/", 9)], 1, id="engagement opens no visit"),
        pytest.param(
            [event(1, "10:00"), engaged(1, "10:50", "/", 9), event(1, "11:10")], 1, id="late thoughts keep it going"
        ),
        pytest.param([did(1, "10:00", "Klik"), event(1, "10:01")], 1, id="an event of the page's own begins a visit"),
        pytest.param([engaged(1, "09:59", "/", 9), event(1, "10:00")], 1, id="engagement may come first"),
        pytest.param(
            [engaged(1, "09:59", "/", 9), event(1, "10:00"), event(1, "10:01", **ENTRY)], 2, id="… and opens no visit"
        ),
    ],
)
def test_a_visit_begins_where_it_should(events: list[Event], visits: int) -> None:
    """A visit begins with the first thing done, after half an hour of nothing, or with a true entry."""
    assert total_of(events)["visits"] == visits


@pytest.mark.parametrize(
    ("events", "bounces"),
    [
        pytest.param([event(1, "10:00")], 1, id="one page"),
        pytest.param([event(1, "10:00"), engaged(1, "10:01", "/", 60)], 1, id="one page, read"),
        pytest.param([event(1, "10:00"), did(1, "10:01", "Klik")], 0, id="one page, used"),
        pytest.param([event(1, "10:00"), event(1, "10:01")], 0, id="one page twice"),
        pytest.param([did(1, "10:00", "Klik")], 0, id="no page"),
    ],
)
def test_a_bounce_is_one_page_and_nothing_done(events: list[Event], bounces: int) -> None:
    """A visit bounces when it holds one pageview and no event of the page's own."""
    assert total_of(events).get("bounces", 0) == bounces


def test_a_visit_adds_no_more_than_1800_seconds() -> None:
    """A visit adds at most 1,800 seconds, its pages together no more than that, and two visits twice as much."""
    first = [event(1, "10:00", page="/a"), event(1, "10:01", page="/b")]
    read = [engaged(1, "10:20", "/a", 1200), engaged(1, "10:40", "/b", 1200), engaged(1, "11:00", "/a", 1200)]
    made = facts_of([*first, *read, event(1, "12:00", page="/a"), engaged(1, "12:10", "/a", 9999)])
    assert sums_of(made.total)[(1,)]["seconds"] == 3600
    pages = {page: measures["seconds"] for (_, page), measures in sums_of(made.values[Dimension.PAGE], "value").items()}
    assert pages == {"/a": 1200 + 1800, "/b": 600}


def test_whole_seconds_are_counted_once_a_visit() -> None:
    """Parts of seconds add up within a visit before they are rounded down."""
    events = [event(1, "10:00"), *(engaged(1, f"10:0{minute}", "/", 0.75) for minute in range(1, 8))]
    assert total_of(events)["seconds"] == 5


def test_the_first_event_tells_where_a_visit_came_from() -> None:
    """All pageviews of a visit count for the source of its first event, and a new visit for its own."""
    events = [event(1, "10:00", **ENTRY), event(1, "10:01", page="/b"), event(1, "11:00", source="Bing")]
    sources = sums_of(facts_of(events).values[Dimension.SOURCE], "value")
    assert sources[1, "Google"] == {"pageviews": 2, "visits": 1}
    assert sources[1, "Bing"] == {"pageviews": 1, "visits": 1, "bounces": 1}
    assert (1, DIRECT) not in sources


def test_a_visit_enters_and_leaves_by_a_page() -> None:
    """Entry and exit page are the first and the last page opened, not where engagement or an event happened."""
    events = [
        did(1, "09:59", "Klik", "/x"),
        event(1, "10:00", page="/in"),
        event(1, "10:01", page="/midden"),
        event(1, "10:02", page="/uit"),
        engaged(1, "10:03", "/midden", 5),
    ]
    made = facts_of(events)
    assert list(sums_of(made.values[Dimension.ENTRY_PAGE], "value")) == [(1, "/in")]
    assert list(sums_of(made.values[Dimension.EXIT_PAGE], "value")) == [(1, "/uit")]


def test_the_order_of_arrival_settles_one_second() -> None:
    """Of two pages opened in the same second, the one that arrived last is where the visit left."""
    events = [event(visitor, "10:00", page=page) for visitor, pages in ((1, "az"), (2, "za")) for page in pages]
    made = facts_of(events)
    assert set(sums_of(made.values[Dimension.ENTRY_PAGE], "value")) == {(1, "a"), (2, "z")}
    assert set(sums_of(made.values[Dimension.EXIT_PAGE], "value")) == {(1, "z"), (2, "a")}


def test_a_visit_without_a_page_has_no_entry_and_no_exit() -> None:
    """A visit of events only counts in the total and the sources, but has no entry and no exit page."""
    made = facts_of([did(1, "10:00", "Klik")])
    assert made.values[Dimension.ENTRY_PAGE].is_empty()
    assert made.values[Dimension.EXIT_PAGE].is_empty()
    assert sums_of(made.total) == {(1,): {"visits": 1, "events": 1}}
    assert made.pairs[Dimension.PAGE, Dimension.SOURCE].is_empty()


def test_late_engagement_counts_nowhere() -> None:
    """Engagement on a page that its visitor did not open changes no figure, only the number of late reports."""
    counted = [event(1, "10:00"), engaged(1, "10:01", "/", 7), event(2, "10:00", page="/b")]
    foreign = [engaged(1, "10:20", "/b", 70), engaged(3, "10:00", "/", 70)]
    day = day_of([*foreign, *counted, event(1, "10:40")])
    assert late(day, SITE) == 2
    assert day.visitors(SITE) == 2
    # Late engagement is no activity either: 39 idle minutes lie before the last page.
    assert sums_of(facts(day, SITE, OPEN).total)[(1,)] == {"pageviews": 2, "visits": 2, "bounces": 2, "seconds": 7}
    day.close()


def test_engagement_before_its_page_is_kept_for_the_first_visit() -> None:
    """Engagement of a page that its visitor opens only later that day adds to the first visit, and to no other hour."""
    events = [engaged(1, "00:01", "/b", 40), event(1, "08:00"), event(1, "09:00", page="/b")]
    made = facts_of(events)
    assert sums_of(made.hours, "hour") == {
        (1, 8): {"pageviews": 1, "visits": 1, "bounces": 1, "seconds": 40},
        (1, 9): {"pageviews": 1, "visits": 1, "bounces": 1},
    }
    assert_counted(made, events)
    day = day_of(events)
    assert late(day, SITE) == 0
    assert "seconds" not in sums_of(today_facts(day, SITE, until=at("08:30")).total)[(1,)]
    day.close()


def test_hours_are_those_of_the_wall() -> None:
    """Pageviews and events count in their own hour, a visit with its seconds and bounce in the hour it began."""
    events = [event(1, "09:59"), event(1, "10:01"), did(1, "10:02", "Klik"), engaged(1, "11:00", "/", 30)]
    assert sums_of(facts_of(events).hours, "hour") == {
        (1, 9): {"pageviews": 1, "visits": 1, "seconds": 30},
        (1, 10): {"pageviews": 1, "events": 1},
    }


@pytest.mark.parametrize(
    ("day", "clocks", "hours"),
    [
        pytest.param(date(2026, 3, 29), [("01:59", 0), ("03:00", 0)], {1: 1, 3: 1}, id="spring has no hour 2"),
        pytest.param(
            date(2026, 10, 25), [("02:15", 0), ("02:15", 1), ("03:00", 0)], {2: 2, 3: 1}, id="autumn has hour 2 twice"
        ),
        pytest.param(
            date(2026, 11, 24), [("00:00", 0), ("23:59:59", 0)], {0: 1, 23: 1}, id="from midnight to midnight"
        ),
    ],
)
def test_a_clock_change_moves_no_event(day: date, clocks: list[tuple[str, int]], hours: dict[int, int]) -> None:
    """On the days of 23 and 25 hours every pageview counts in the hour that the wall showed."""
    epoch = Epoch("Europe/Amsterdam", day)
    events = [event(1, at(clock, day=epoch, fold=fold)) for clock, fold in clocks]
    made = sums_of(facts_of(events, epoch=epoch).hours, "hour")
    assert {hour: measures["pageviews"] for (_, hour), measures in made.items()} == hours


@pytest.mark.parametrize(("off", "hour"), [(-1, 0), (0, 0), (86_399, 23), (86_400, 23), (86_407, 23)])
def test_an_event_on_the_border_stays_in_its_day(off: int, hour: int) -> None:
    """An event that arrived a moment before or after its epoch's day counts in the border hour, not a day away."""
    made = facts_of([event(1, at("00:00") + off)])
    assert list(sums_of(made.hours, "hour")) == [(1, hour)]


def test_an_empty_site_has_nothing_of_everything() -> None:
    """A site without events gives empty frames with the columns that the k rule reads."""
    made = facts_of([])
    assert made.total.columns == ["visitor", "pageviews", "visits", "bounces", "seconds", "events"]
    assert made.hours.columns == ["visitor", "hour", *made.total.columns[1:]]
    assert set(made.values) == set(OPEN.breakdowns)
    assert all(frame.columns == ["visitor", "value", *made.total.columns[1:]] for frame in made.values.values())
    assert all(frame.columns == ["visitor", "a", "b", "pageviews"] for frame in made.pairs.values())
    assert all(frame.is_empty() for frame in (made.total, made.hours, *made.values.values(), *made.pairs.values()))


def test_frames_have_the_types_of_the_contract() -> None:
    """Every frame has the column types that the k rule was written for, also where it is empty."""
    for events in ([], [event(1, "10:00"), did(1, "10:01", "Klik", properties=("soort=pdf",))]):
        made = facts_of(events)
        assert [str(kind) for kind in made.total.dtypes] == ["UInt64", *["Int64"] * 5]
        assert [str(kind) for kind in made.hours.dtypes] == ["UInt64", "UInt8", *["Int64"] * 5]
        for frame in made.values.values():
            assert [str(kind) for kind in frame.dtypes] == ["UInt64", "String", *["Int64"] * 5]
        for frame in made.pairs.values():
            assert [str(kind) for kind in frame.dtypes] == ["UInt64", "String", "String", "Int64"]


def test_only_kept_dimensions_are_computed() -> None:
    """What the site's profile does not keep is not even counted."""
    made = facts_of([event(1, "10:00")], rules=rules_for(Profile.STRICT))
    assert set(made.values) == set(rules_for(Profile.STRICT).breakdowns)
    assert made.pairs == {}
    assert repr(made) == "<Facts sealed>"


@pytest.mark.parametrize(("children", "kept"), [(100, "/nieuws/n0"), (101, "/nieuws/:name")])
def test_a_crowded_path_keeps_no_names(children: int, kept: str) -> None:
    """Above a hundred children a path keeps `:name` instead, in pages, entries, exits and pairs alike."""
    events = [event(1 + n % 7, at("10:00") + n, page=f"/nieuws/n{n}") for n in range(children)]
    made = facts_of([event(9, "09:00", page="/nieuws"), did(9, "09:01", "Klik", "/nieuws/nooit-geopend"), *events])
    for frame, column in (
        (made.values[Dimension.PAGE], "value"),
        (made.values[Dimension.ENTRY_PAGE], "value"),
        (made.pairs[Dimension.PAGE, Dimension.SOURCE], "a"),
    ):
        pages = set(frame[column])
        assert kept in pages
        assert "/nieuws" in pages
        assert (":name" in kept) == (pages <= {"/nieuws", "/nieuws/:name"})


@settings(max_examples=20)
@given(st.data())
def test_the_sql_counts_as_the_slow_count_does(data: st.DataObject) -> None:
    """On any day the figures are those of a count by hand, and only visitors who did something are counted."""
    events = data.draw(st.lists(_events(), max_size=40))
    day = day_of(events)
    assert_counted(facts(day, SITE, OPEN), events)
    assert day.visitors(SITE) == len(SlowCount(events).total)
    assert late(day, SITE) == len(events) - sum(len(visit.events) for visit in SlowCount(events).visits)
    day.close()


@settings(max_examples=20)
@given(st.data())
def test_neither_order_nor_keys_matter(data: st.DataObject) -> None:
    """Other visitor keys and another order of arrival give the same figures; a visitor's own second keeps its order."""
    events = data.draw(st.lists(_events(), max_size=40))
    places = data.draw(st.permutations(range(len(events))))
    # Within one second of one visitor the order of arrival is all there is.
    shuffled = sorted(events, key=lambda one: places[events.index(next(_same(events, one)))])
    made = facts_of(shuffled)
    assert_counted(made, events)
    other = facts_of([_with_key(one, one.visitor * 7919 + 13) for one in events])
    assert sums_of(other.total) == {(key * 7919 + 13,): told for (key,), told in sums_of(made.total).items()}


@settings(max_examples=20)
@given(st.data())
def test_today_is_the_day_as_if_it_had_ended(data: st.DataObject) -> None:
    """The running day's total, hours, pages and sources are those of the events before the instant."""
    events = data.draw(st.lists(_events(), max_size=30))
    until = at("10:00") + data.draw(st.integers(0, 7200))
    day = day_of(events)
    made = today_facts(day, SITE, until=until)
    slow = SlowCount([one for one in events if one.at < until])
    assert sums_of(made.total) == plain(slow.total)
    assert set(made.values) == {Dimension.PAGE, Dimension.SOURCE}
    for dimension, frame in made.values.items():
        assert sums_of(frame, "value") == plain(slow.values[dimension])
    assert sums_of(made.hours, "hour") == plain(slow.hours)
    assert made.pairs == {}
    day.close()


def _same(events: list[Event], one: Event) -> Any:
    return (each for each in events if (each.visitor, each.at) == (one.visitor, one.at))


def _with_key(one: Event, key: int) -> Event:
    fields = {name: getattr(one, name) for name in one.__struct_fields__}
    return Event(**fields | {"visitor": key})


def _events() -> st.SearchStrategy[Event]:
    kinds = st.sampled_from([Kind.PAGEVIEW, Kind.PAGEVIEW, Kind.ENGAGEMENT, Kind.CUSTOM])
    # Seconds in few minutes and half hours, so that ties and gaps of exactly half an hour turn up.
    seconds = st.builds(lambda half, off: at("10:00") + 900 * half + off, st.integers(0, 8), st.integers(0, 3))
    return st.builds(
        _told,
        st.integers(1, 3),
        seconds,
        kinds,
        page=st.sampled_from(["/", "/a", "/b"]),
        is_entry=st.booleans(),
        source=st.sampled_from([DIRECT, "Google", "magister.net"]),
        channel=st.sampled_from(["direct", "search"]),
        browser=st.sampled_from(["Chrome", "Safari"]),
        os=st.sampled_from(["Windows", "iOS"]),
        campaign=st.sampled_from(["", "open-dag"]),
        viewport=st.sampled_from(["", "small"]),
        milliseconds=st.integers(0, 2_000_000),
        scroll=st.integers(0, 100),
        properties=st.sampled_from([(), ("soort=pdf",), ("soort=pdf", "taal=nl")]),
    )


def _told(visitor: int, second: int, kind: Kind, **more: Any) -> Event:
    name = ("Klik", "Lees")[second % 2] if kind is Kind.CUSTOM else ""
    return event(visitor, second, kind, name=name, **more)
