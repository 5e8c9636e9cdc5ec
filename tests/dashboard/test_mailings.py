"""Does a report say what the overview says, to whom it was promised, and can it be stopped?"""

import os
import re
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import msgspec
import pytest

from collector.errors import SettingsError
from collector.model import Dimension
from dashboard.answer import report_of
from dashboard.desk import mailings
from dashboard.desk.mailings import MAILINGS_MAX, Every, Mailing, Order
from dashboard.frame import words
from dashboard.mail import Letter, letter, message, query_of
from dashboard.period import Span
from dashboard.view import View
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, line, school_day, school_days

BASE: Final = "https://stats.product.example"
WEEK: Final = Span(date(2026, 11, 16), date(2026, 11, 22))
MONTH: Final = Span(date(2026, 10, 1), date(2026, 10, 31))
OWN: Final = {"sec-fetch-site": "same-origin"}
FORM: Final = {"site": "school", "receiver": "team@school.example", "every": "week", "language": "nl"}
HOSTILE: Final = (
    "/<img src=https://elsewhere.example/p.gif>",
    '/"onload="alert(1)',
    "/\u202eexe.txt",
    "/" + "x" * 290,
    "/</td></table><h1>",
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Fill three months; one day with hostile names, one below k."""
    house = House(tmp_path_factory.mktemp("mailings"), ManualClock())
    days = dict(school_days(TODAY - timedelta(1), 84))
    days[date(2026, 11, 18)] = []
    days[date(2026, 11, 17)] = [
        *school_day(700),
        *(line(Dimension.PAGE, page, 9_000 + n) for n, page in enumerate(HOSTILE)),
    ]
    house.close_days(list(days.items()), drops={"bot": 340})
    yield house
    house.history.close()


@pytest.fixture
def house(shared: House) -> Iterator[House]:
    """Begin each test without mailings, at the same instant."""
    at = shared.clock.now()
    yield shared
    with shared.desk.write() as cursor:
        cursor.execute("delete from mailing")
    shared.clock.at = at


def mailing(every: Every = "week", language: str = "nl") -> Mailing:
    """Return a mailing."""
    return Mailing(
        id=1, site="school", every=every, receiver="team@school.example", language=language, made_by="operator",
        made_at=ManualClock().now(), sent_until=date(2026, 8, 1), stop="S" * 43,
    )  # fmt: skip


def written(house: House, every: Every = "week", language: str = "nl") -> Letter:
    """Return the letter of the last week or month."""
    span = WEEK if every == "week" else MONTH
    return letter(house.inside(), mailing(every, language), span, site=SCHOOL, base_url=BASE)


def ordered(house: House, *, receiver: str = "team@school.example", every: str = "week") -> None:
    """Have a report sent."""
    order = Order(site="school", every=every, receiver=receiver, language="nl")
    stop = f"{len(mailings.mailings(house.desk)):043}"
    mailings.add(house.desk, order, stop=stop, made_by="operator", at=house.clock.now(), today=TODAY)


# -- what it says ----------------------------------------------------------------------------------------------------


class Tables(HTMLParser):
    """Read the rows of tables, and everything that would be fetched."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.elements: list[str] = []
        self.fetched: list[str] = []
        self.links: list[str] = []
        self._cell: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, and what it points to."""
        self.elements.append(tag)
        given = dict(attrs)
        self.fetched += [
            given[name] or "" for name in ("src", "srcset", "background", "poster", "data") if name in given
        ]
        if "href" in given:
            self.links.append(given["href"] or "")
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        """End a cell."""
        if tag in {"th", "td"} and self._cell is not None and self.rows:
            self.rows[-1].append(" ".join("".join(self._cell).split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        """Add to a cell."""
        if self._cell is not None:
            self._cell.append(data)


@pytest.mark.parametrize(("every", "language"), [("week", "nl"), ("month", "en")])
def test_a_report_says_what_the_overview_says(house: House, every: Every, language: str) -> None:
    """Its six figures, its pages and its sources are those of the overview at the address that it links to."""
    span = WEEK if every == "week" else MONTH
    query = query_of(mailing(every, language), span)
    report = report_of(house.inside(), query, sites=[SCHOOL])
    assert report.span == span
    view = View(words()[language], base_path=BASE, kept=[("lang", language)])
    made = written(house, every, language)
    rows = {row[0]: row[1:] for row in Tables(made.html).rows if row}
    for figure in report.figures:
        name, value = view.metric(figure.metric, report), view.value(figure.metric, figure.amount.value)
        assert rows[name][0].endswith(value)
        assert re.search(rf"{re.escape(name)} .*{re.escape(value)}", made.text)
    for panel in report.panels:
        if panel.name in {"pages", "sources"}:
            for row in panel.rows[:10]:
                assert view.cell(row.tally, panel.columns[0]) in rows[view.name(panel.dimension, row.value)]
    assert view.url(query) in Tables(made.html).links
    shown = house.client().get(view.url(query).removeprefix(BASE)).text
    for figure in report.figures:
        assert view.value(figure.metric, figure.amount.value) in shown


def test_a_report_says_how_complete_it_is_and_what_k_hides(house: House) -> None:
    """Days below the threshold are said, and that small groups are in the totals."""
    made = written(house)
    for text in (made.text, made.html):
        flat = " ".join(text.split())
        assert "1 dag onder de drempel van 10 bezoekers" in flat
        assert "Groepen van minder dan 10 bezoekers per dag" in flat


def test_nothing_in_a_mail_is_fetched_or_counted(house: House) -> None:
    """No picture, sheet, script or form; the only addresses are the dashboard's and the one that stops it."""
    for language in ("nl", "en"):
        found = Tables(written(house, language=language).html)
        assert found.fetched == []
        assert not {"img", "script", "link", "iframe", "form", "object", "video"} & set(found.elements)
        assert len(found.links) == 2
        assert all(one.startswith(f"{BASE}/") for one in found.links)
        assert "url(" not in written(house, language=language).html


def test_hostile_names_stay_names(house: House) -> None:
    """A page called like HTML, turned around or endless is shown as its name, and changes nothing around it."""
    made = written(house)
    found = Tables(made.html)
    names = [row[0] for row in found.rows if row]
    assert HOSTILE[0] in names
    assert found.elements.count("h1") == 1
    assert "\u202e" not in made.html + made.text
    assert "onload=" not in made.html.replace("&#34;onload=", "")
    assert "&lt;" not in made.text
    assert max(len(each) for each in made.text.splitlines()[:40]) < 200


def test_a_quiet_week_is_told_kindly(tmp_path: Path, clock: ManualClock) -> None:
    """A site below the threshold all week hears why there are no figures."""
    quiet = House(tmp_path, clock)
    quiet.close_days([(day, []) for day in WEEK.each()])
    made = letter(quiet.inside(), mailing(), WEEK, site=SCHOOL, base_url=BASE)
    assert "Elke dag waren er minder dan 10 bezoekers" in made.html.replace("\n", " ")
    assert "vergeleken met" not in made.text
    quiet.history.close()


def test_a_mail_has_two_parts_and_a_way_out(house: House) -> None:
    """It comes as text and as HTML, says that a machine wrote it, and how to stop it; bytes make a whole mail."""
    made = message(
        written(house),
        sender="cijfers@product.example",
        receiver="team@school.example",
        at=house.clock.now(),
        random=os.urandom,
    )
    assert made.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in made.iter_parts()] == ["text/plain", "text/html"]
    assert made["List-Unsubscribe"] == f"<{BASE}/weekly/stop/{'S' * 43}?lang=nl>"
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert made["Auto-Submitted"] == "auto-generated"
    assert str(made["Subject"]) == "school: week 47, 16 nov – 22 nov 2026"
    assert max(len(each) for each in made.as_bytes().splitlines()) < 998


# -- when it is due --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "today", "told", "first", "last"),
    [
        ("week", "2026-11-23", "2026-11-15", "2026-11-16", "2026-11-22"),
        ("week", "2026-11-22", "2026-11-15", None, None),
        ("week", "2026-11-29", "2026-11-22", None, None),
        ("week", "2026-11-30", "2026-11-15", "2026-11-16", "2026-11-22"),
        ("week", "2027-11-30", "2026-11-15", "2027-10-25", "2027-10-31"),
        ("month", "2026-12-01", "2026-11-03", "2026-11-01", "2026-11-30"),
        ("month", "2026-11-30", "2026-10-31", None, None),
        ("month", "2027-03-01", "2027-01-31", "2027-02-01", "2027-02-28"),
        ("month", "2027-01-04", "2026-10-31", "2026-11-01", "2026-11-30"),
    ],
)
def test_a_week_and_a_month_are_due_once_they_are_over(
    every: Every, today: str, told: str, first: str | None, last: str | None
) -> None:
    """The oldest that nobody was told of is due, none before it is over, and none that ended long ago."""
    kept = msgspec.structs.replace(mailing(every), sent_until=date.fromisoformat(told))
    found = mailings.due(kept, today=date.fromisoformat(today))
    expected = Span(date.fromisoformat(first), date.fromisoformat(last)) if first and last else None
    assert found == expected


def test_the_first_report_is_of_the_first_week_that_ends(house: House) -> None:
    """Who asks on a Tuesday gets the week that runs, once it is over, and not the one before."""
    ordered(house)
    (kept,) = mailings.mailings(house.desk)
    assert mailings.due(kept, today=TODAY) is None
    assert mailings.due(kept, today=date(2026, 11, 30)) == Span(date(2026, 11, 23), date(2026, 11, 29))


def test_what_failed_waits_longer_and_longer(house: House) -> None:
    """After each try in vain the wait grows up to a day; once sent, all is forgotten."""
    ordered(house)
    waits = []
    for _ in range(7):
        (kept,) = mailings.mailings(house.desk)
        assert mailings.may_try(kept, at=house.clock.now())
        mailings.note_failed(house.desk, kept.id, code="mail_refused", at=house.clock.now())
        (kept,) = mailings.mailings(house.desk)
        minutes = next(n for n in range(2_000) if mailings.may_try(kept, at=house.clock.now() + timedelta(minutes=n)))
        waits.append(minutes)
        house.clock.forward(minutes=minutes)
    assert waits == [5, 15, 60, 360, 1_440, 1_440, 1_440]
    mailings.note_sent(house.desk, kept.id, until=WEEK.last)
    (kept,) = mailings.mailings(house.desk)
    assert (kept.tries, kept.tried_at, kept.failed, kept.sent_until) == (0, None, "", WEEK.last)


# -- who gets it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"receiver": "team"}, "mail_receiver"),
        ({"receiver": "a@b.example, c@d.example"}, "mail_receiver"),
        ({"receiver": "a@b.example\nBcc: c@d.example"}, "mail_receiver"),
        ({"receiver": f"{'a' * 64}@{'b' * 63}.{'c.' * 200}example"}, "mail_receiver"),
        ({"every": "day"}, "mail_every"),
        ({"language": "fr"}, "mail_every"),
        ({"receiver": "TEAM@school.example"}, "mail_twice"),
    ],
)
def test_a_receiver_that_is_none_is_refused(house: House, changed: dict[str, str], code: str) -> None:
    """One address, once, in a language that there is."""
    ordered(house)
    order = Order(site="school", every="week", receiver="nieuw@school.example", language="nl")
    order = msgspec.structs.replace(order, **changed)
    with pytest.raises(SettingsError) as error:
        mailings.add(house.desk, order, stop="x", made_by="operator", at=house.clock.now(), today=TODAY)
    assert error.value.code == code


def test_a_site_has_not_too_many_receivers(house: House) -> None:
    """At some number somebody has to be taken off first."""
    for number in range(MAILINGS_MAX):
        ordered(house, receiver=f"n{number}@school.example")
    with pytest.raises(SettingsError, match="mailings_too_many"):
        ordered(house)


def test_reports_are_asked_for_and_ended_on_their_page(house: House) -> None:
    """The page takes an address, lists it with how far it was told, and lets go of it."""
    client = house.client(headers=OWN)
    assert client.post("/weekly", data=FORM, follow_redirects=False).status_code == 303
    page = client.get("/weekly?site=school").text
    assert "team@school.example" in page
    assert "nog geen mailserver" in page
    assert client.post("/weekly", data=FORM | {"receiver": "x"}).status_code == 422
    (kept,) = mailings.mailings(house.desk)
    mailings.note_failed(house.desk, kept.id, code="mail_refused", at=house.clock.now())
    assert "de mailserver weigerde het" in client.get("/weekly?site=school").text
    gone = client.post("/weekly/withdraw", data={"site": "school", "mailing": str(kept.id)}, follow_redirects=False)
    assert gone.status_code == 303
    assert mailings.mailings(house.desk) == []
    assert client.post("/weekly/withdraw", data={"site": "elders", "mailing": "1"}).status_code == 404
    assert client.post("/weekly/withdraw", data={"site": "school", "mailing": "x"}).status_code == 404


def test_whoever_gets_a_report_stops_it_with_a_click(house: House) -> None:
    """Opening the address changes nothing; its button removes the address, from anywhere and without an account."""
    ordered(house)
    client = house.client(client=("198.51.100.9", 40_000), base_url=BASE)
    path = f"/weekly/stop/{0:043}"
    page = client.get(path)
    assert page.status_code == 200
    assert "team@school.example" not in page.text
    assert len(mailings.mailings(house.desk)) == 1
    assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert mailings.mailings(house.desk) == []
    assert client.get(path).status_code == client.post(path).status_code == 404


def test_receivers_go_with_their_site(house: House) -> None:
    """When a site is erased, nobody's address is left."""
    ordered(house)
    house.desk.forget_site("school")
    assert mailings.mailings(house.desk) == []
    assert b"team@school.example" not in house.desk.path.read_bytes()
