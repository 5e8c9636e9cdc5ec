"""Send a scratch house more events of one site than its limit, and see what it does with the rest, and with others."""

from math import ceil
from time import monotonic
from typing import Any, Final

from collector.audit.finding import Seen
from collector.audit.ids import visitor_headers
from collector.audit.scratch import ScratchHouse, scratch_house
from collector.model import Profile
from collector.settings import Limits, Privacy

#: Requirements that a rush looks at.
RUSH: Final = frozenset({"R46"})
BUSY, QUIET = "busy", "quiet"
START: Final = "/start"
#: Visitors that have room: this many times k, so that the day of the busy site is kept, and no fewer than the second.
CROWD_TIMES_K, CROWD_MIN = 3, 40
#: Events above the limit: enough to stand in a count that is kept in tens.
TOO_MANY: Final = 60
#: Of how many seconds a site's limit may come at once; the auditor's own number.
BURST_SECONDS: Final = 10
_OK, _COUNTED, _OVERLOADED = 200, 202, 503


def run_rush(privacy: Privacy) -> dict[str, Seen]:
    """Run the check in a scratch house of its own.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with scratch_house(privacy, limits=low_limits(privacy)) as house:
        return {"R46": check_rush(house, privacy=privacy)}


def low_limits(privacy: Privacy) -> Limits:
    """Return limits that a crowd just keeps to."""
    crowd = max(CROWD_MIN, CROWD_TIMES_K * privacy.rules(Profile.STANDARD).k)
    return Limits(site_events_per_second=ceil(crowd / BURST_SECONDS))


def check_rush(house: ScratchHouse, *, privacy: Privacy) -> Seen:
    """R46: what one site sends above its limit is answered 503 and counted; other sites and the pages go on.

    Args:
        house: Running, with `low_limits`; it is stopped.
        privacy: The settings it was given.
    """
    templates = [START] if privacy.rules(Profile.STANDARD).templates_only else []
    for site in (BUSY, QUIET):
        house.add_site(site, templates=templates)
    limit = low_limits(privacy).site_events_per_second
    sent, began_at = limit * BURST_SECONDS + TOO_MANY, monotonic()
    event = {"s": BUSY, "n": "pageview", "u": f"https://canary.example{START}"}
    answers = house.send_all([(visitor_headers(number), event) for number in range(sent)])
    let_in = answers.get(_COUNTED, 0)
    most = limit * (BURST_SECONDS + ceil(monotonic() - began_at) + 1)
    said = _ask_until_refused(house, limit=limit)
    elsewhere = house.send(s=QUIET, address="192.0.2.1", u=START)[0]
    page = house.request("GET", "/")[0]
    house.stop()
    closed = house.turven("close")[0]
    counted = _refused_of(house)
    is_limited = limit * BURST_SECONDS <= let_in <= most and set(answers) == {_COUNTED, _OVERLOADED}
    return Seen.that(
        is_limited and bool(said) and elsewhere == _COUNTED and page == _OK and not closed and counted > 0,
        events_a_second_that_one_site_may_send=limit,
        events_sent_at_once=sent,
        is_refused_above_the_limit=is_limited,
        says_when_to_come_again=bool(said),
        is_counted_as_overload=counted > 0,
        answer_to_another_site=elsewhere,
        answer_of_the_dashboard=page,
    )


def _ask_until_refused(house: ScratchHouse, *, limit: int) -> str:
    """Send one by one until an event is refused; return after how many seconds its sender may come again."""
    body = b'{"s":"busy","n":"pageview","u":"/start"}'
    for number in range(2 * limit * BURST_SECONDS):
        status, headers, _ = house.request("POST", "/event", body=body, headers=visitor_headers(number))
        if status == _OVERLOADED:
            return headers.get("retry-after", "")
    return ""


def _refused_of(house: ScratchHouse) -> int:
    """Return how many events of the busy site the stopped house has counted as refused in a rush."""
    with house.history() as cursor:
        rows: list[Any] = cursor.execute(
            "select coalesce(sum(count), 0) from dropped where site = ? and reason = 'overload'", [BUSY]
        ).fetchall()
    return int(rows[0][0])
