"""Crowds that differ in one thing only: what they send, and what must have become of it in the closed cells.

Each crowd has a site of its own, with ordinary visitors beside, so that the k rule hides nothing of what is looked at.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

from collector.audit.canary_requests import COMPANY, HOST, START, Request, address_of, browser_of
from collector.audit.finding import Seen
from collector.audit.scratch import UNTRUSTED_PEER, ScratchHouse
from collector.store.ledger import DROPS_STEP

#: Fields that identify somebody, as a page might send them, and the name under which each must be counted.
IDENTIFIERS: Final = {
    "uid": "uid", "user_id": "user_id", "clientId": "client_id", "_id": "_id", "E-mail": "email", "phone": "phone",
    "naam": "name", "bsn": "bsn", "leerlingnummer": "leerlingnummer", "token": "token",
}  # fmt: skip
#: Fields that an event does not have.
UNKNOWN_FIELDS: Final = (
    "cohort", "segment", "title", "city", "screen", "fonts", "canvas", "plugins", "battery", "referrer_full",
)  # fmt: skip
#: Paths that name somebody, and what must be kept of each.
IDENTIFYING: Final = {
    "/toets/12345678": "/toets/:id",
    "/opdracht/7": "/opdracht/:id",
    "/sessie/550e8400-e29b-41d4-a716-446655440000": "/sessie/:id",
    "/bestand/deadbeefcafe": "/bestand/:id",
    "/post/jan.jansen@school.example": "/post/:id",
    "/brief/jan.jansen%40school.example": "/brief/:id",
    "/kaart/jan.jansen%2540school.example": "/kaart/:id",
    "/burger/123456782": "/burger/:id",
    "/dossier/1234.56.782": "/dossier/:id",
    "/bel/06-12345678": "/bel/:id",
    "/sleutel/eyJhbGciOiJIUzI1NiJ9": "/sleutel/:id",
}
#: Routes that the site marks as sensitive, a path below each, and the parent that is left.
SENSITIVE: Final = {
    "/zorg": ("/zorg/dyslexie", "/"),
    "/leerling/:id/verzuim": ("/leerling/12345/verzuim/ziek", "/leerling/:id"),
}
#: More children than a path may keep by their names; all but the first are looked at by a few.
NAMES: Final = tuple(f"{first}{second}" for first, second in product(("ba", "de", "fi", "go", "lu", "me", "ni", "po",
                     "ra", "su", "ti"), repeat=2))  # fmt: skip
#: A name that one visitor looked at.
RARE_NAME: Final = "roodkapje"
_VARIANTS: Final = 12
_FIREFOX: Final = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:601.0) Gecko/20100101 Firefox/601.0"
_CHROME: Final = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}"
_WINDOWS: Final = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36"
_MAC: Final = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_CHROME} Safari/537.36"
_PHONE: Final = f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Mobile Safari/537.36"
_TABLET: Final = f"Mozilla/5.0 (Linux; Android 10; K) {_CHROME} Safari/537.36"
_HERE, _THERE = "151.1.7.5", "152.2.7.5"


class Client(NamedTuple):
    """Say what a request looked like, and which visitor it must be taken for."""

    who: str
    address: str
    headers: Mapping[str, str]
    fields: Mapping[str, Any] = {}
    peer: str = "127.0.0.1"


class Crowds:
    """Send the crowds and judge what was kept of them."""

    def __init__(self, house: ScratchHouse, *, crowd: int, k: int, ipv4_bits: int, is_templates_only: bool) -> None:
        """Use a running house.

        Args:
            house: Where the sites `fields`, `paths`, `classes` and `hops` are added.
            crowd: Ordinary visitors of each.
            k: In force.
            ipv4_bits: Of an address that are kept; with none, networks do not tell visitors apart.
            is_templates_only: Whether paths without a template become `(other)`, whatever they hold.
        """
        self._house = house
        self._crowd = crowd
        self._beside = k
        self._tells_networks = ipv4_bits > 0
        self._templates = [START] if is_templates_only else []

    def send(self, *, extra: str) -> None:
        """Send all of them; *extra* is the mark that the extra fields hold."""
        for name in ("fields", "classes", "hops"):
            self._house.add_site(name, templates=self._templates)
        self._house.add_site("paths", templates=self._templates, sensitive=list(SENSITIVE))
        fields = dict.fromkeys((*IDENTIFIERS, *UNKNOWN_FIELDS), extra)
        self._send_crowd("fields", [{"u": START} | fields])
        sensitive = [path for path, _ in SENSITIVE.values()]
        self._send_crowd("paths", [{"u": path} for path in ("/", *IDENTIFYING, *sensitive, f"/klas/{NAMES[0]}")])
        # Folded together with the rare name; else the smallest of what the crowd saw would have to be.
        company = range(self._crowd, self._crowd + self._beside)
        pages = [(number, page) for number in company for page in ("/", COMPANY[number % len(COMPANY)])]
        self._house.send_all([_request(number, "paths", {"u": page}) for number, page in pages])
        rest = [(number % self._crowd, f"/klas/{name}") for number, name in enumerate(NAMES[1:])]
        self._house.send_all([_request(number, "paths", {"u": path}) for number, path in [*rest, (0, f"/{RARE_NAME}")]])
        for name, clients in (("classes", _classes()), ("hops", _hops())):
            self._send_crowd(name, [{"u": START}])
            for client in clients:
                event = {"s": name, "u": f"https://{HOST}{START}"} | dict(client.fields)
                self._house.send(address=client.address, headers=client.headers, peer=client.peer, **event)

    def _send_crowd(self, site: str, events: Sequence[Mapping[str, Any]]) -> None:
        self._house.send_all([_request(number, site, event) for event in events for number in range(self._crowd)])

    def check(self, cursor: Any, *, marks_found: Sequence[str]) -> dict[str, Seen]:
        """Judge by the closed history of the stopped house; *marks_found* is where the extra fields' mark turned up."""
        kept = _Kept(cursor)
        return {
            "R2": self._check_fields(kept, marks_found),
            "R4": self._check_ids(kept),
            "R5": self._check_sensitive(kept),
            "R15": self._check_visitors(kept, "classes", _classes()),
            "R47": self._check_visitors(kept, "hops", _hops()),
        }

    def _check_fields(self, kept: "_Kept", marks_found: Sequence[str]) -> Seen:
        counted = kept.dropped("fields")
        expected = {f"refused:{name}": self._crowd // DROPS_STEP * DROPS_STEP for name in IDENTIFIERS.values()}
        missing = sorted(name for name, count in expected.items() if abs(counted.get(name, 0) - count) > DROPS_STEP)
        return Seen.that(
            not missing
            and not marks_found
            and set(counted) <= set(expected)
            and all(count % DROPS_STEP == 0 for count in counted.values())
            and kept.visitors("fields", "total", "") == self._crowd,
            extra_fields=len(IDENTIFIERS) + len(UNKNOWN_FIELDS),
            sent_by_visitors=self._crowd,
            counted_in_tens=counted,
            identifier_fields_not_counted=missing,
            counted_beside=sorted(set(counted) - set(expected)),
            found_in=list(marks_found),
        )

    def _check_ids(self, kept: "_Kept") -> Seen:
        pages = kept.pages("paths")
        ids = [path.rpartition("/")[2] for path in IDENTIFYING]
        named = sum(page == f"/klas/{name}" for page in pages for name in NAMES)
        wanted = {*IDENTIFYING.values(), "/klas/:name"}
        missing = [] if self._templates else sorted(wanted - pages)
        left = sum(any(text in page for text in (*ids, "jansen", "@")) for page in pages)
        rare = sum(RARE_NAME in page for page in pages)
        return Seen.that(
            not (missing or left or named or rare),
            kinds_of_identifier=len(IDENTIFYING),
            sent_by_visitors=self._crowd,
            kept_with_an_identifier=left,
            not_kept_as_expected=missing,
            children_of_one_path=len(NAMES),
            of_them_kept_by_name=named,
            kept_of_one_visitor=rare,
            only_templates_are_kept=bool(self._templates),
        )

    def _check_sensitive(self, kept: "_Kept") -> Seen:
        pages = kept.pages("paths")
        rows = sum(any(word in page for word in ("zorg", "dyslexie", "verzuim")) for page in pages)
        parents = {parent: kept.visitors("paths", "page", parent) for _, parent in SENSITIVE.values()}
        folded = bool(self._templates) or all(count >= self._crowd for count in parents.values())
        return Seen.that(
            rows == 0 and folded,
            routes_marked=list(SENSITIVE),
            sent_by_visitors=self._crowd,
            rows_of_marked_routes=rows,
            visitors_of_their_parents=parents,
        )

    def _check_visitors(self, kept: "_Kept", site: str, clients: Sequence[Client]) -> Seen:
        # Where no bit of an address is kept, visitors that differ in their network only are one.
        who = {one.who if self._tells_networks else one.who.partition(" in ")[0] for one in clients}
        visitors = kept.visitors(site, "total", "")
        return Seen.that(
            visitors == self._crowd + len(who),
            requests=len(clients),
            taken_for=visitors - self._crowd,
            expected=len(who),
            ordinary_visitors=self._crowd,
        )


class _Kept:
    """Read the cells of the stopped house."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def visitors(self, site: str, dimension: str, value: str) -> int:
        row = self._cursor.execute(
            "select coalesce(sum(visitors), 0) from cell where site = ? and filter_dimension = '' and dimension = ? "
            "and value = ?",
            [site, dimension, value],
        ).fetchone()
        return int(row[0])

    def pages(self, site: str) -> set[str]:
        rows: Iterable[tuple[str]] = self._cursor.execute(
            "select value from cell where site = $site and dimension in ('page', 'entry_page', 'exit_page') union "
            "select filter_value from cell where site = $site and filter_dimension = 'page'",
            {"site": site},
        ).fetchall()
        return {value for (value,) in rows}

    def dropped(self, site: str) -> dict[str, int]:
        return dict(
            self._cursor.execute(
                "select reason, sum(count)::int from dropped where site = ? group by reason order by reason", [site]
            ).fetchall()
        )


def _request(number: int, site: str, event: Mapping[str, Any]) -> Request:
    headers = {"User-Agent": browser_of(number), "X-Forwarded-For": address_of(number)}
    return headers, {"s": site, "n": "pageview", **event}


def _classes() -> list[Client]:
    """Return clients of one class that differ in all that is finer, and clients that differ in one part of the key."""
    finer: list[tuple[dict[str, str], dict[str, Any]]] = [
        ({}, {}),
        ({"User-Agent": _WINDOWS.format(version="601.0.6789.12")}, {}),
        ({"User-Agent": f"{_WINDOWS.format(version='601.0.0.0')} (build 4711)"}, {}),
        ({"Accept-Language": "nl-NL,nl;q=0.9"}, {}),
        ({"Accept-Language": "tr,en;q=0.4"}, {}),
        ({"Accept-Encoding": "br", "Accept": "text/html"}, {}),
        ({"Sec-CH-UA-Model": '"Pixel 9"', "Sec-CH-UA-Platform-Version": '"15.0.0"'}, {}),
        ({"Cookie": "session=1", "Authorization": "Bearer 1", "X-Request-Id": "1"}, {}),
        ({"DNT": "0", "Referer": f"https://{HOST}/x"}, {}),
        ({}, {"w": 0}),
        ({}, {"w": 3, "r": "https://elders.example/x"}),
    ]
    usual = {"User-Agent": _WINDOWS.format(version="601.0.0.0")}
    near = _HERE.rpartition(".")[0]
    same = [
        Client("Chrome in one network", f"{near}.{number}", usual | headers, fields)
        for number, (headers, fields) in enumerate(finer, 1)
    ]
    others = {
        "Firefox": _FIREFOX,
        "another major version": _WINDOWS.format(version="602.0.0.0"),
        "another system": _MAC.format(version="601.0.0.0"),
        "a phone": _PHONE.format(version="601.0.0.0"),
        "a tablet": _TABLET.format(version="601.0.0.0"),
    }
    return [
        *same,
        Client("Chrome in another network", _THERE, usual),
        *(Client(f"{who} in one network", _HERE, {"User-Agent": agent}) for who, agent in others.items()),
    ]


def _hops() -> list[Client]:
    """Return clients whose headers name other addresses than their own, through a proxy that is trusted and past it."""
    one, other = browser_of(601), browser_of(602)
    spoofed = [f"{160 + number}.{number}.7.5" for number in range(_VARIANTS)]
    return [
        *(Client("one in one network", f"{claim}, {_HERE}", {"User-Agent": one}) for claim in spoofed),
        *(Client("one in one network", f"{claim}, {_HERE}, 127.0.0.1", {"User-Agent": one}) for claim in spoofed),
        Client("one in another network", f"{_HERE}, {_THERE}", {"User-Agent": one}),
        *(Client("other in its own network", claim, {"User-Agent": other}, peer=UNTRUSTED_PEER) for claim in spoofed),
        Client(
            "other in its own network",
            spoofed[0],
            {"User-Agent": other, "Forwarded": f"for={_THERE}", "X-Real-IP": _THERE, "True-Client-IP": _THERE},
            peer=UNTRUSTED_PEER,
        ),
    ]
