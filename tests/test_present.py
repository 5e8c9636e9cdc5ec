"""Does the figure of now tell no more than it may, however often it is asked for?"""

from collections.abc import Iterator

import pytest

from collector.day import small_groups
from collector.model import Identity, Site
from tests.clock import ManualClock
from tests.house import TallyHouse

K = 10
MINUTES = 60
SCHOOL = Site(
    id="school",
    hosts=("www.school.example",),
    controller="De Schoolvereniging",
    agreement="VO-2026-1",
    agreed_on=ManualClock().now().date(),
    identity=Identity.NETWORK,
    is_on=True,
)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TallyHouse]:
    """Return a house whose clock stands at nine."""
    house = TallyHouse(tmp_path_factory.mktemp("present"), clock=ManualClock()).add(SCHOOL)
    yield house
    house.stop()


def test_asking_every_second_tells_nothing_between_the_marks(house: TallyHouse) -> None:
    """Asked every second for an hour while visitors come and go, the figure changes at marks of five minutes only."""
    seen: dict[int, set[tuple[int | None, int | None]]] = {}
    for second in range(60 * MINUTES):
        if second % 19 == 0:
            # Some minutes are busy, some are not: 16 visitors in five minutes, then 8 of them twice.
            visitor = second // 19 if second // 600 % 2 else second // 38
            assert house.send(visitor=visitor).status_code == 202
        if second % 5 == 0:
            house.tick()
        told = house.house.engine.present.now("school")
        assert told
        assert int(told.at.timestamp()) % (5 * MINUTES) == 0
        seen.setdefault(int(told.at.timestamp()), set()).add((told.visitors, told.pageviews))
        house.clock.forward(seconds=1)
    assert all(len(answers) == 1 for answers in seen.values())
    assert len(seen) == 13
    answers = [answer for each in seen.values() for answer in each]
    assert len(set(answers)) > 2, answers
    figures = [figure for answer in answers for figure in answer if figure is not None]
    assert figures
    assert all(figure % K == 0 and figure >= 2 * K for figure in figures)


def test_a_site_that_is_not_there_has_no_now(house: TallyHouse) -> None:
    """Of a site that this house does not know, nothing is told."""
    assert house.house.engine.present.now("elsewhere") is None


@pytest.mark.parametrize(
    ("pageviews", "viewers", "most", "told"),
    [(57, 20, 9, 50), (57, 19, 9, None), (57, 20, 29, None), (58, 20, 29, 50), (0, 0, 0, None)],
)
def test_pageviews_are_those_of_many(pageviews: int, viewers: int, most: int, told: int | None) -> None:
    """Pageviews are told of 2k viewers on, of whom none made more than half, and rounded down to a multiple of k."""
    assert small_groups.now_pageviews(pageviews, viewers=viewers, most=most, k=K) == told


def test_a_visitor_of_two_windows_is_in_neither_twice(house: TallyHouse) -> None:
    """Visitors are those of the five minutes before the mark: who came earlier is not among them."""
    house.clock.set("2026-11-24T12:03:00+01:00")
    house.feed(visitors=25, first=500).tick()
    house.clock.set("2026-11-24T12:05:03+01:00")
    told = house.house.engine.present.now("school")
    assert told
    assert (told.visitors, told.pageviews) == (20, 20)
    house.clock.set("2026-11-24T12:10:03+01:00")
    told = house.house.engine.present.now("school")
    assert told
    assert (told.visitors, told.pageviews) == (None, 20)
