"""Send what names a person, in every field that other products use for it, and look for what is left of it."""

from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any, Final

from collector.audit.finding import Seen
from collector.audit.marks import Mark, forms, search
from collector.audit.scratch import BROWSER, ScratchHouse
from collector.model import Identity, Profile
from collector.settings import Privacy
from collector.store.copy import read_copy

#: Fields that hold an id or a name, in the spelling of the wild, and the name under which each is counted.
ID_FIELDS: Final[Mapping[str, str]] = {
    "_id": "_id", "id": "id", "uid": "uid", "uuid": "uuid", "guid": "uuid", "userId": "user_id", "user": "user",
    "username": "username", "login": "login", "clientId": "client_id", "cid": "client_id", "visitor_id": "visitor_id",
    "device-id": "device_id", "sessionId": "session_id", "sid": "session_id", "account_id": "account_id",
    "customerId": "customer_id", "pupil_id": "pupil_id", "studentId": "student_id", "leerling_id": "leerling_id",
    "leerlingnummer": "leerlingnummer", "studentnummer": "studentnummer", "eckId": "eck_id", "BSN": "bsn",
    "email": "email", "email_address": "email", "mail": "email", "phone": "phone", "phone_number": "phone",
    "telefoon": "phone", "mobile": "phone", "name": "name", "full_name": "name", "firstName": "first_name",
    "last_name": "last_name", "naam": "name", "voornaam": "first_name", "achternaam": "last_name",
    "address": "address", "adres": "address", "ip": "ip", "ip_address": "ip", "birthdate": "birth_date",
    "dateOfBirth": "birth_date", "geboortedatum": "birth_date", "token": "token", "user_agent": "user_agent",
}  # fmt: skip
#: Under this name a browser's number is counted where nobody asked for one.
NUMBER: Final = "browser_number"
REFUSED: Final = "refused:"
PROPERTIES_MAX: Final = 8
START: Final = "/start"
#: Sites that get ids as fields, as properties of an event, and as the number of a browser.
FIELDS_SITE, PROPERTIES_SITE, NUMBERS_SITE = "fields", "properties", "numbers"


class Ids:
    """Send ids to a running scratch house, and judge what is left of them once it has stopped."""

    def __init__(self, house: ScratchHouse, *, privacy: Privacy, crowd: int) -> None:
        """Take in the sites that the ids are sent to.

        Args:
            house: Running.
            privacy: The settings it was given.
            crowd: Visitors that send the same: what the k rule hides would prove nothing.
        """
        self._house = house
        self._crowd = crowd
        self._mark = f"kanarie{token_hex(6)}"
        templates = [START] if privacy.rules(Profile.STANDARD).templates_only else []
        house.add_site(FIELDS_SITE, templates=templates)
        house.add_site(PROPERTIES_SITE, templates=templates)
        house.add_site(NUMBERS_SITE, templates=templates, identity="browser")
        numbers = next(site for site in house.sites() if site.id == NUMBERS_SITE)
        self._identity = privacy.rules_of(numbers).identity(numbers.identity)
        self.counted = 0
        self.sent = 0

    def send(self) -> None:
        """Send the crowd: every field at once, properties eight at a time, and numbers that come from two networks."""
        names = list(ID_FIELDS)
        batches = [names[start : start + PROPERTIES_MAX] for start in range(0, len(names), PROPERTIES_MAX)]
        requests: list[tuple[Mapping[str, str], Mapping[str, Any]]] = []
        for number in range(self._crowd):
            number_of_browser = f"{self._mark}{number:05}"
            fields = dict.fromkeys(names, self._mark) | {"i": number_of_browser}
            requests.append((visitor_headers(number), _view(FIELDS_SITE) | fields))
            requests += [
                (visitor_headers(number), _view(PROPERTIES_SITE) | {"n": "klik", "p": dict.fromkeys(batch, self._mark)})
                for batch in batches
            ]
            requests += [
                (visitor_headers(network), _view(NUMBERS_SITE) | {"i": number_of_browser})
                for network in (number, self._crowd - 1 - number)
            ]
        self.sent = len(requests)
        self.counted = self._house.send_all(requests).get(202, 0)

    def judge(self) -> Seen:
        """R18: ids are refused and counted by name, a number tells browsers apart, and none stands in any file.

        The house has closed and stopped.
        """
        house = self._house
        refused = {site: _refused(house, site) for site in (FIELDS_SITE, PROPERTIES_SITE)}
        expected = {FIELDS_SITE: {*ID_FIELDS.values(), NUMBER}, PROPERTIES_SITE: set(ID_FIELDS.values())}
        visitors = _visitors(house, NUMBERS_SITE)
        needles = list(forms(Mark("id", self._mark)))
        read, found = search(house.files(), needles)
        in_tables = any(needle in house.history_text() for needle in needles)
        return Seen.that(
            refused == expected and visitors == self._crowd and self.counted == self.sent and not found
            and not in_tables,
            fields_sent=len(ID_FIELDS),
            events_sent=self.sent,
            events_counted=self.counted,
            names_counted=len(refused[FIELDS_SITE]),
            names_not_counted=sorted(
                {f"{site}: {name}" for site, names in expected.items() for name in names - refused[site]}
            ),
            names_counted_beside=sorted(
                {f"{site}: {name}" for site, names in refused.items() for name in names - expected[site]}
            ),
            told_apart_by="the browser's number" if self._identity is Identity.BROWSER else "network and browser",
            browsers=self._crowd,
            visitors_counted=visitors,
            bytes_searched=read,
            files_with_an_id=found,
            tables_with_an_id=in_tables,
        )  # fmt: skip


def _view(site: str) -> dict[str, Any]:
    return {"s": site, "n": "pageview", "u": f"https://canary.example{START}"}


def visitor_headers(number: int) -> dict[str, str]:
    """Return the headers of a numbered visitor, told apart by network and by browser."""
    return {
        "User-Agent": BROWSER.format(major=100 + number),
        "X-Forwarded-For": f"{20 + number % 100}.{number // 100}.7.5",
    }


def _rows(house: ScratchHouse, sql: str, parameters: Sequence[str]) -> list[tuple[Any, ...]]:
    with read_copy(house.folder / "data" / "history.duckdb") as cursor:
        return cursor.execute(sql, list(parameters)).fetchall()


def _refused(house: ScratchHouse, site: str) -> set[str]:
    sql = "select reason from dropped where site = ? and starts_with(reason, ?) and count > 0"
    return {reason.removeprefix(REFUSED) for (reason,) in _rows(house, sql, (site, REFUSED))}


def _visitors(house: ScratchHouse, site: str) -> int:
    rows = _rows(house, "select visitors from cell where site = ? and dimension = 'total'", (site,))
    return int(rows[0][0] or 0) if rows else 0
