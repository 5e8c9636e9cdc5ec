"""Ask a scratch house what strangers would ask: who may look, who may change, and whom it can be asked for.

The house has the build and the privacy settings under audit. Requests come as from elsewhere, as from pages of other
sites, with ids of every kind; what it serves is read like a reader does.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from collector.audit.accounts import both, check_accounts
from collector.audit.claims import find_claims, package_texts, seen_text
from collector.audit.finding import Seen
from collector.audit.ids import Ids, visitor_headers
from collector.audit.scratch import ScratchHouse, scratch_house
from collector.audit.shape import PUBLIC_ROUTES, SECRET_ROUTES, Doors, Route, check_doors
from collector.control import SOCKET_NAME
from collector.errors import SettingsError
from collector.model import Profile
from collector.settings import Privacy

#: Requirements that strangers look at.
STRANGERS: Final = frozenset({"R1", "R18", "R40", "R44", "R48", "R53"})
#: Visitors of each site: this many times k, and no fewer than the second number.
CROWD_TIMES_K, CROWD_MIN = 3, 40
START: Final = "/start"
#: Page views of each visitor of two sites; their sum is told to whoever may add the sites up.
VIEWS: Final[Mapping[str, int]] = {"one": 3, "two": 5}
#: What a request says that came through somebody else, or by another name.
DISGUISES: Final[tuple[Mapping[str, str], ...]] = (
    {"X-Forwarded-For": "198.51.100.7"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-Host": "localhost"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"Via": "1.1 elsewhere"},
    {"Host": "elsewhere.example"},
    {"Host": "127.0.0.1.elsewhere.example"},
    {"Host": "localhost@elsewhere.example"},
)
#: Where a browser says that a form comes from when it is not a page of this house.
FOREIGN_FORMS: Final[tuple[Mapping[str, str], ...]] = (
    {},
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
)
#: Addresses at which other products look somebody up.
LOOK_UP_ADDRESSES: Final = (
    "/visitor/1", "/visitors/1", "/api/visitors?id=1", "/user/1", "/users", "/api/person?key=1", "/person/jan",
    "/lookup?email=jan@school.example", "/search?q=jan", "/privacy/request?name=jan", "/privacy/jan",
)  # fmt: skip
LOOK_UP_COMMANDS: Final = ("person", "visitor", "lookup", "find_visitor", "access_request", "forget_visitor")
#: What each visitor text has to say of requests for access.
SAYINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "nl": ("kunnen wij niemand terugvinden", "artikel 11 van de AVG"),
    "nl-pupils": ("niet opzoeken",),
    "en": ("we cannot find anybody", "article 11 of the GDPR"),
}
#: Of the form of a secret; nobody has it.
GUESS: Final = "A" * 43
SEVERAL_SITES: Final = (
    "sites are added up by name, for whoever is given each of them; an operator is given none by default"
)
_PARAMETER: Final = re.compile(r"\{[^}]*\}")
_OK, _COUNTED, _BAD, _FORBIDDEN, _MISSING, _MISDIRECTED = 200, 202, 400, 403, 404, 421
_REFUSED: Final = frozenset({_FORBIDDEN, _MISDIRECTED})


@contextmanager
def lived_in(privacy: Privacy) -> Iterator[tuple[ScratchHouse, int, Ids]]:
    """Run a scratch house with a closed part of some sites; lend it, the visitors of each, and the ids they sent."""
    rules = privacy.rules(Profile.STANDARD)
    crowd = max(CROWD_MIN, CROWD_TIMES_K * rules.k)
    with scratch_house(privacy) as house:
        for site, views in VIEWS.items():
            house.add_site(site, templates=[START] if rules.templates_only else [])
            event = {"s": site, "n": "pageview", "u": f"https://canary.example{START}"}
            house.send_all([(visitor_headers(number), event) for number in range(crowd) for _ in range(views)])
        ids = Ids(house, privacy=privacy, crowd=crowd)
        ids.send()
        house.ask("close")
        yield house, crowd, ids


def run_strangers(privacy: Privacy) -> dict[str, Seen]:
    """Run a scratch house and ask it; return what was seen per requirement.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with lived_in(privacy) as (house, crowd, ids):
        doors = msgspec.json.decode(house.ask("routes"), type=Doors)
        seen = check_doors(doors, base_path="")
        found = {
            "R1": seen["R1"],
            "R40": check_claims(house, doors),
            "R44": check_access_requests(house, seen["R44"]),
            "R48": check_access(house, doors),
            "R53": check_several_sites(house, crowd),
        }
        house.stop()
        found["R18"] = ids.judge()
    return found | {"R48": both(found["R48"], check_accounts(privacy))}


def check_access(house: ScratchHouse, doors: Doors) -> Seen:
    """R48: what is not for everybody is answered to this machine alone, and only its own pages may change something."""
    secret = [route for route in doors.routes if route.path in SECRET_ROUTES]
    guarded = [route for route in doors.routes if route.path not in {*PUBLIC_ROUTES, *SECRET_ROUTES}]
    answered = [
        f"{route.path} with {name}: {value}"
        for route in guarded
        for disguise in DISGUISES
        for name, value in disguise.items()
        if _asked_in_disguise(house, route, disguise) not in _REFUSED
    ]
    forms = [route for route in guarded if "POST" in route.methods or not route.methods]
    taken = [
        f"{route.path} with {dict(origin) or 'no word of where from'}"
        for route in forms
        for origin in FOREIGN_FORMS
        if house.request("POST", _address(route), body=b"id=taken&identity=network&hosts=a.example", headers=origin)[0]
        not in _REFUSED
    ]
    guessed = [
        f"{method} {address}"
        for route in secret
        for method in ("POST" if "POST" in route.methods else "GET",)
        for address in (_address(route), _address(route, site=GUESS))
        if house.request(method, address)[0] != _MISSING
    ]
    modes = {
        "control_socket": f"{(house.runtime / SOCKET_NAME).stat().st_mode & 0o777:o}",
        "its_folder": f"{house.runtime.stat().st_mode & 0o777:o}",
    }
    own = house.request("GET", "/")[0]
    added = [site.id for site in house.sites() if site.id == "taken"]
    return Seen.that(
        bool(guarded) and bool(forms) and not answered and not taken and not guessed and not added and own == _OK
        and modes == {"control_socket": "600", "its_folder": "700"},
        addresses_for_this_machine_alone=len(guarded),
        addresses_that_change_something=[route.path for route in forms],
        disguises=len(DISGUISES),
        answered_in_disguise=answered,
        foreign_forms=len(FOREIGN_FORMS),
        taken_from_foreign_pages=taken,
        addresses_that_a_secret_opens=len(secret),
        opened_by_a_guess=guessed,
        answers_this_machine=own == _OK,
        modes=modes,
    )  # fmt: skip


def _asked_in_disguise(house: ScratchHouse, route: Route, disguise: Mapping[str, str]) -> int:
    """Return what the house answers in the way that the address is there for: refused in another one tells nothing."""
    if "GET" in route.methods or not route.methods:
        return house.request("GET", _address(route), headers=disguise)[0]
    # Sent as from a page of its own, so that nothing but the disguise can be the reason.
    return house.request("POST", _address(route), headers={"Sec-Fetch-Site": "same-origin", **disguise})[0]


def _address(route: Route, *, site: str = "one") -> str:
    return _PARAMETER.sub(site, route.path)


def check_claims(house: ScratchHouse, doors: Doors) -> Seen:
    """R40: neither what the house serves, in each language, nor a text of the program claims more than can be kept."""
    found, pages, unread = [], 0, []
    for route in doors.routes:
        if "GET" not in route.methods or (_PARAMETER.search(route.path) and route.path != "/first-steps/{site}"):
            continue
        for language in SAYINGS:
            for query in (f"?lang={language}", f"?lang={language}&site=one"):
                status, headers, body = house.request("GET", _address(route) + query)
                if status == _OK and headers.get("content-type", "").startswith(("text/", "application/json")):
                    pages += 1
                    text = body.decode(errors="replace")
                    found += [f"{route.path}{query}: {claim}" for claim in find_claims(seen_text(text))]
                elif status == _OK:
                    unread.append(route.path)
    own = package_texts()
    in_texts = [f"{path.name}: {claim}" for path in own for claim in find_claims(path.read_text("utf-8"))]
    return Seen.that(
        not found and not in_texts and pages > len(SAYINGS),
        pages_read=pages,
        claims_on_pages=found,
        texts_of_the_program=len(own),
        claims_in_texts=in_texts,
        files_that_hold_no_text=sorted(set(unread)),
    )


def check_access_requests(house: ScratchHouse, shape: Seen) -> Seen:
    """R44: nobody can be asked for, by address or command, and each visitor text says so.

    Args:
        house: Running.
        shape: What was seen of the names of its addresses and commands.
    """
    answered = [
        f"{method} {address}"
        for address in LOOK_UP_ADDRESSES
        for method in ("GET", "POST")
        if house.request(method, address)[0] != _MISSING
    ]
    obeyed = [name for name in LOOK_UP_COMMANDS if _is_known(house, name)]
    untold = []
    for language, sayings in SAYINGS.items():
        body = house.request("GET", f"/privacy?site=one&lang={language}")[2].decode()
        text = " ".join(seen_text(body).split())
        untold += [f"{language}: {saying}" for saying in sayings if saying not in text]
    return Seen.that(
        shape.result == "pass" and not answered and not obeyed and not untold,
        **shape.evidence,
        look_ups_tried=2 * len(LOOK_UP_ADDRESSES) + len(LOOK_UP_COMMANDS),
        look_ups_answered=answered + obeyed,
        texts=len(SAYINGS),
        texts_that_do_not_say_so=untold,
    )


def _is_known(house: ScratchHouse, command: str) -> bool:
    try:
        house.ask(command, name="jan", id="1")
    except SettingsError as error:
        return error.code != "command_unknown"
    return True


def check_several_sites(house: ScratchHouse, crowd: int) -> Seen:
    """R53: several sites are added up for the operator on this machine alone, by name, and no total of all is shown."""
    expected = {site: crowd * views for site, views in VIEWS.items()}
    both = "&".join(f"site={site}" for site in VIEWS)
    told = {site: _pageviews(house, f"site={site}") for site in VIEWS}
    together = _pageviews(house, both)
    in_disguise = [
        dict(disguise)
        for disguise in DISGUISES
        for address in (f"/?{both}", f"/export/days.json?{both}")
        if house.request("GET", address, headers=disguise)[0] not in _REFUSED
    ]
    unnamed = house.request("GET", "/export/days.json?period=today")[0]
    status, _, body = house.request("GET", "/")
    figures = {str(figure) for figure in (*expected.values(), sum(expected.values()))}
    shown = figures & set(re.findall(r"\d+", seen_text(body.decode())))
    return Seen.that(
        told == expected
        and together == sum(expected.values())
        and not in_disguise
        and unnamed == _BAD
        and status == _OK
        and not shown,
        sites=len(VIEWS),
        each_is_told_its_own=told == expected,
        sum_is_that_of_the_named_sites=together == sum(expected.values()),
        answered_in_disguise=in_disguise,
        figures_without_a_named_site=len(shown),
        asked_without_a_site=unnamed,
        what_there_is=SEVERAL_SITES,
    )


def _pageviews(house: ScratchHouse, sites: str) -> int | None:
    """Return how many page views of today the dashboard tells of *sites*."""
    status, _, body = house.request("GET", f"/export/days.json?{sites}&period=today")
    if status != _OK:
        return None
    rows: list[dict[str, Any]] = json.loads(body)["rows"]
    return sum(row["pageviews"] or 0 for row in rows)
