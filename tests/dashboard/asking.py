"""A house that a program asks, with something of every kind in its history, and ways to ask it."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.testclient import TestClient

from collector.model import Cell, Dimension, Goal, Profile, Target, TargetKind
from collector.store.ledger import HourBlock
from dashboard.desk import tokens
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, line, morning, school_day

SITE: Final = msgspec.structs.replace(
    SCHOOL,
    profile=Profile.OPEN,
    goals=(Goal("Verlof", Target(TargetKind.EVENT, "Verlof aangevraagd")),),
    groups=("/leerling/",),
)
OTHER_SITE: Final = msgspec.structs.replace(SCHOOL, id="portaal", hosts=("portaal.school.example",))
DAYS: Final = 45
LOST: Final = TODAY - timedelta(9)
BELOW: Final = TODAY - timedelta(10)
#: Declared so many days ago.
DECLARED_DAYS: Final = 20
SECRET: Final = "turven_" + "a" * 43
OURS: Final = {"sec-fetch-site": "same-origin"}
#: A pass, as a program sends it.
PASS: Final = {"authorization": f"Bearer {SECRET}"}
_D = Dimension


def build(folder: Path) -> House:
    """Return a house with 45 days of a site, a lost and a small day among them, and the morning of today."""
    house = House(folder, ManualClock(), sites=(SITE, OTHER_SITE))
    house.close_days(list(days()), site=SITE)
    house.close_day(TODAY - timedelta(1), school_day(90), site=OTHER_SITE)
    house.lose(LOST, [HourBlock(first_hour=0, last_hour=11, pageviews=900, visitors=210, contributors=20)], site=SITE)
    house.run_today(*morning(), site=SITE)
    return house


def days() -> Iterator[tuple[date, list[Cell]]]:
    """Yield the closed days."""
    for n in range(1, DAYS):
        day = TODAY - timedelta(n)
        if day != LOST:
            yield day, [] if day == BELOW else [*school_day(300 + day.toordinal() * 37 % 200), *_more(n)]


def _more(n: int) -> list[Cell]:
    cells = [
        line(_D.CAMPAIGN, "open-dag", 30 + n, bounces=0),
        line(_D.LANGUAGE, "nl", 200 + n, bounces=None, seconds=None),
        line(_D.VIEWPORT, "360–412", 100 + n),
        line(_D.BROWSER_MAJOR, "Chrome 142", 120 + n, visits=None if n % 3 else 140),
        line(_D.PROPERTY, "Download · type=pdf", 20 + n, pageviews=None, visits=None),
        line(_D.PROPERTY, "Download · type=xlsx", 11, pageviews=None, visits=None),
        line(_D.PROPERTY, "Bestand · type=pdf", 12, pageviews=None, visits=None),
        line(_D.SCROLL, "75", 60 + n),
    ]
    if n <= DECLARED_DAYS:
        cells += [line(_D.GOAL, "Verlof", 40 + n), line(_D.GROUP, "/leerling/", 70 + n)]
        cells += [line(_D.FUNNEL_STEP, f"Verlof · {step}", 60 - step * 10) for step in (1, 2, 3)]
        cells += [
            _of_set(_D.GOAL, "Verlof", _D.SOURCE, "Google", 20),
            _of_set(_D.PAGE, "/", _D.NEXT_PAGE, "(exit)", 30),
        ]
    return cells


def _of_set(first: Dimension, of: str, dimension: Dimension, value: str, visitors: int) -> Cell:
    return Cell(
        dimension=dimension, value=value, filter_dimension=first, filter_value=of, visitors=visitors, contributors=10
    )


def give_pass(house: House, *scopes: str, site: str = SITE.id, secret: str = SECRET, days: int = 30) -> tokens.Pass:
    """Make a pass."""
    wish = tokens.Wish(name="pipeline", site=site, scopes=scopes, days=days)
    return tokens.make(house.desk, wish, secret=secret, made_by="ann", at=house.clock.now())


def ask(client: TestClient, **question: Any) -> dict[str, Any]:
    """Return the answer to a question on this machine; visitors of a week unless said otherwise."""
    body = {"site_id": SITE.id, "metrics": ["visitors"], "date_range": "7d"} | question
    answer = client.post("/api/query", json=body, headers=OURS)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(client: TestClient, **question: Any) -> tuple[int, str, str]:
    """Return status, code and sentence with which a question is refused."""
    body = {"site_id": SITE.id, "metrics": ["visitors"], "date_range": "7d"} | question
    answer = client.post("/api/query", json=body, headers=OURS)
    return answer.status_code, answer.json()["error"], answer.json()["message"]


def far(house: House) -> TestClient:
    """Return a client on another machine."""
    return TestClient(house.app(), base_url="https://stats.example", client=("203.0.113.5", 40_000))
