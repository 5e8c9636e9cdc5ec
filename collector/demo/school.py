"""What the people of a simulated Dutch secondary school do on its portal: pure, seeded, and the same every time.

Everybody comes from one address, as behind a school's NAT or a CDN, and each browser sends its number of the day.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from collector.clock import day_ends_at, day_starts_at
from collector.demo import people
from collector.demo.people import DayKind, Device, Group, Person, Weighted
from collector.model import Funnel, Goal, Identity, Region, Site, Target, TargetKind

SITE_ID: Final = "demo"
HOST: Final = "portaal.duinrand.example"
SITE: Final = Site(
    id=SITE_ID,
    hosts=(HOST,),
    controller="Lyceum Duinrand (simulated)",
    controller_contact="privacy@duinrand.example",
    privacy_officer="F. Gever (simulated), fg@duinrand.example",
    legal_basis="Made up for this demo: a school writes here what it rests the counting on.",
    agreement="DEMO-1",
    agreed_on=date(2026, 1, 1),
    identity=Identity.BROWSER,
    is_on=True,
    goals=(
        Goal("Huiswerk ingeleverd", Target(TargetKind.EVENT, "Inleveren")),
        Goal("Rooster gedownload", Target(TargetKind.EVENT, "Rooster gedownload")),
        Goal("Verlof aangevraagd", Target(TargetKind.PAGE, "/ouders/verlof")),
    ),
    funnels=(
        Funnel(
            "Huiswerk inleveren",
            (
                Target(TargetKind.PAGE, "/huiswerk"),
                Target(TargetKind.PREFIX, "/huiswerk/opdracht/"),
                Target(TargetKind.EVENT, "Inleveren"),
            ),
        ),
    ),
    groups=("/vakken/", "/toetsen/"),
    region=Region.NORTH,
)
#: Weeks of the year (ISO) without lessons: spring, autumn and Christmas in the north, from autumn 2026 to spring 2029.
#: Charts shade them from a calendar, and a school that is busy there would look like a fault. The long
#: summer is not among them, so that a demo in August has something to show.
HOLIDAY_WEEKS: Final = frozenset({8, 42, 52})
#: The school grew used to its portal: attendance so many weeks ago was lower by this share a week.
GROWTH_A_WEEK: Final = 0.012
BOT_REQUESTS: Final = 60

_ANYWHERE: Final = {
    "/": 22,
    "/rooster": 17,
    "/berichten": 7,
    "/agenda": 4,
    "/nieuws": 3,
    "/nieuws/{news}": 4,
    "/zoeken": 3,
    "/oud/rooster": 3,
}
_PAGES: Final = {
    Group.PUPIL: Weighted(_ANYWHERE | {
        "/cijfers": 16, "/huiswerk": 20, "/huiswerk/opdracht/{id}": 8, "/toetsen": 4, "/toetsen/{id}": 7,
        "/vakken/{subject}": 20,
    }),
    Group.STAFF: Weighted(_ANYWHERE | {
        "/leerling/{id}": 9, "/leerling/{id}/absentie": 10, "/leerling/{id}/cijfers": 8, "/toetsen/{id}/nakijken": 6,
        "/vakken/{subject}": 5,
    }),
    Group.PARENT: Weighted(_ANYWHERE | {
        "/ouders/absentie": 34, "/ouders/verlof": 30, "/ouders/gesprekken": 24, "/leerling/{id}/cijfers": 14,
        "/ouders/bijdrage": 2,
    }),
}  # fmt: skip
_SUBJECTS: Final = Weighted({
    "wiskunde": 12, "nederlands": 10, "engels": 10, "biologie": 7, "geschiedenis": 6, "natuurkunde": 6, "scheikunde": 5,
    "aardrijkskunde": 5, "economie": 5, "frans": 4, "duits": 4, "kunst": 2, "filosofie": 1, "grieks": 1,
})  # fmt: skip
#: The last ones are read by a handful of people: they show what the threshold does.
_NEWS: Final = Weighted({
    "open-avond": 40, "schoolfeest": 30, "nieuwe-kantine": 18, "kluisjes": 9, "schaakclub": 3, "dispensatie-gym": 2,
    "verzuimgesprek": 1,
})  # fmt: skip
_TYPES: Final = Weighted({"pdf": 6, "docx": 5})
_HOSTS: Final = Weighted({"maken.wikiwijs.example": 6, "schooltv.example": 5})
#: An old bookmark leads here: the page says that there is nothing.
GONE: Final = "/oud/rooster"
#: Pages that most go on from in one way.
_NEXT: Final = {"/huiswerk": "/huiswerk/opdracht/{id}", "/ouders/absentie": "/ouders/verlof", GONE: "/rooster"}
_SOURCES: Final = Weighted(
    {
        "": 46,
        "inloggen.leerportaal.example": 18,
        "www.google.com": 13,
        "teams.microsoft.com": 8,
        "itslearning.com": 6,
        "outlook.office.com": 3,
        "www.bing.com": 3,
        "chatgpt.com": 2,
        "duckduckgo.com": 1,
    }
)
_BOUNCES: Final = {Group.PUPIL: 0.34, Group.STAFF: 0.2, Group.PARENT: 0.4}
_PAGES_MORE: Final = (38, 26, 16, 10, 6, 4)


class Request(NamedTuple):
    """Hold what one request to the collector says.

    Attributes:
        at: When it is sent, in whole seconds since 1970 UTC.
        opts_out: Whether it carries `Sec-GPC: 1`.
    """

    at: int
    user_agent: str
    body: bytes
    opts_out: bool
    country: str


class School:
    """Simulate the portal of one school.

    Args:
        seed: The same seed gives the same school and the same days.
        timezone: Where the school lies.
        today: A school day, whatever the calendar says, so that whoever looks on a Sunday sees something.
        share: Size of the school; 1 is about 600 pupils, 60 staff and 400 parents.
    """

    def __init__(self, *, seed: str, timezone: str, today: date, share: float = 1.0) -> None:
        self.timezone = timezone
        self._seed = seed
        self._today = today
        self.people = people.make_people(seed=seed, share=share)
        self._share = share

    def kind_of(self, day: date) -> DayKind:
        """Return what sort of day it is at the school."""
        if day == self._today:
            return DayKind.SCHOOL
        if day.isocalendar().week in HOLIDAY_WEEKS:
            return DayKind.HOLIDAY
        return {6: DayKind.SATURDAY, 7: DayKind.SUNDAY}.get(day.isoweekday(), DayKind.SCHOOL)

    def requests_of(self, day: date, *, until: int | None = None) -> list[Request]:
        """Return what is sent on *day*, in order; before second *until* (since 1970 UTC) where that is given."""
        rng = Random(f"{self._seed}/{day}")  # noqa: S311 - a simulation has to be repeatable
        starts_at = int(day_starts_at(day, self.timezone).timestamp())
        ends_at = int(day_ends_at(day, self.timezone).timestamp())
        kind = self.kind_of(day)
        attendance = people.ATTENDANCE[kind]
        use = max(0.0, 1 - GROWTH_A_WEEK * _weeks_between(day, self._today))
        requests: list[Request] = []
        for person in self.people:
            if rng.random() < attendance[person.group] * use:
                for at in self._visit_times(rng, person, kind, starts_at):
                    requests += self.visit(rng, person, day=day, at=at)
        requests += self._bots(rng, starts_at)
        last = min(ends_at, ends_at if until is None else until)
        return sorted((request for request in requests if request.at < last), key=lambda request: request.at)

    def visit(self, rng: Random, person: Person, *, day: date, at: int) -> list[Request]:
        """Return what *person* sends in one visit that begins at second *at*."""
        hour = (at - int(day_starts_at(day, self.timezone).timestamp())) // 3600
        device = person.at_school if hour in people.LESSONS else person.at_home
        number = Random(f"{self._seed}/{day}/{person.id}/{device.agent}").random()  # noqa: S311 - as above
        source = _SOURCES.pick(rng)
        more = 0 if rng.random() < _BOUNCES[person.group] else 1 + rng.choices(range(6), _PAGES_MORE)[0]
        requests: list[Request] = []
        page = ""
        for step in range(more + 1):
            page = self._page(rng, person.group, before=page)
            arrives = f',"r":"{source}","e":1' if source and step == 0 else ""
            seconds = min(900, int(rng.lognormvariate(3.0, 0.9)) + 2)
            told = [(0, "pageview", arrives), *_event(rng, page, seconds)]
            if rng.random() < 0.85:  # noqa: PLR2004 - a phone that is put away tells nothing
                told.append((seconds, "engagement", f',"d":{seconds * 1000},"y":{rng.randrange(20, 101)}'))
            for after, name, extra in told:
                body = _body(name, page, device=device, number=number, extra=extra)
                requests.append(Request(at + after, device.agent, body, person.opts_out, person.country))
            at += seconds + rng.randrange(1, 4)
        return requests

    def somebody(self, rng: Random) -> Person:
        """Return anybody of the school."""
        return rng.choice(self.people)

    def _visit_times(self, rng: Random, person: Person, kind: DayKind, starts_at: int) -> Iterator[int]:
        hours = people.HOURS[person.group] if kind is DayKind.SCHOOL else people.HOURS_FREE
        times = people.VISITS[person.group]
        for hour in rng.choices(range(len(hours)), hours, k=1 + rng.choices(range(len(times)), times)[0]):
            yield starts_at + (people.FIRST_HOUR + hour) * 3600 + rng.randrange(3600)

    def _page(self, rng: Random, group: Group, *, before: str) -> str:
        if not before and rng.random() < 0.6:  # noqa: PLR2004 - most begin where signing in leads
            return "/"
        follows = before in _NEXT and rng.random() < 0.7  # noqa: PLR2004 - most go on as a page suggests
        page = _NEXT[before] if follows else _PAGES[group].pick(rng)
        if "{" not in page:
            return page
        return page.format(id=rng.randrange(1_000, 9_999), subject=_SUBJECTS.pick(rng), news=_NEWS.pick(rng))

    def _bots(self, rng: Random, starts_at: int) -> Iterator[Request]:
        for _ in range(round(BOT_REQUESTS * self._share)):
            body = f'{{"s":"{SITE_ID}","n":"pageview","u":"https://{HOST}/"}}'.encode()
            yield Request(
                starts_at + rng.randrange(82_800), rng.choice(people.BOTS), body, opts_out=False, country="US"
            )


def _body(name: str, page: str, *, device: Device, number: float, extra: str) -> bytes:
    return (
        f'{{"s":"{SITE_ID}","n":"{name}","u":"https://{HOST}{page}","w":{device.width},"t":{device.has_touch},'
        f'"i":"{number}"{extra}}}'
    ).encode()


def _event(rng: Random, page: str, seconds: int) -> Iterator[tuple[int, str, str]]:
    """Yield an event of the page's own, where somebody does something that has a name."""
    chance = rng.random()
    if page.startswith("/huiswerk/") and chance < 0.5:  # noqa: PLR2004 - a share
        yield seconds // 2, "Inleveren", f',"p":{{"soort":"{rng.choice(("pdf", "foto", "tekst"))}"}}'
    elif page.startswith("/vakken/") and chance < 0.35:  # noqa: PLR2004 - a share
        yield seconds // 2, "Download", f',"p":{{"type":"{_TYPES.pick(rng)}"}}'
    elif page.startswith("/vakken/") and chance < 0.7:  # noqa: PLR2004 - a share
        yield seconds // 2, "Outbound", f',"p":{{"host":"{_HOSTS.pick(rng)}"}}'
    elif page == "/rooster" and chance < 0.4:  # noqa: PLR2004 - a share
        yield seconds // 2, "Rooster gedownload", ""
    elif page == GONE:
        yield 0, "Not found", ""
    elif page == "/zoeken":
        yield seconds // 3, "Zoeken", f',"p":{{"treffers":{rng.randrange(0, 40)}}}'


def _weeks_between(day: date, today: date) -> int:
    monday, this_monday = (each - timedelta(days=each.weekday()) for each in (day, today))
    return (this_monday - monday).days // 7
