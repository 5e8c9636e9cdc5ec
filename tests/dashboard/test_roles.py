"""Does every address answer each kind of reader as the table says, and of other sites nothing?"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collector.audit.evidence import evidence
from collector.audit.report import verdicts
from collector.audit.shape import PUBLIC_ROUTES
from collector.audit.verify import verify
from collector.model import Cell, Dimension, Site
from dashboard import access_table, audit_page
from dashboard.access_table import NOT_AT_THE_MACHINE, ROUTES, Door, may, reference
from dashboard.audit_narrow import narrow
from dashboard.desk import links, tokens
from dashboard.frame import Frame
from dashboard.house import AuditRun
from dashboard.who import MACHINE, NOBODY, RIGHTS, Right, Role
from tests.clock import ManualClock
from tests.dashboard.accounts import OURS, Accounted
from tests.dashboard.auditing import AT, FixedAuditing, log, report
from tests.dashboard.house import SCHOOL, TODAY, House, line, school_day
from tests.house import TallyHouse
from turven.compose import compose
from turven.evidence import pages_of

OTHER: Final = msgspec.structs.replace(
    SCHOOL, id="elders", hosts=("www.elders.example",), controller="Stichting Verderop", agreement="ZZ-99"
)
#: What nobody may read who is given the school only: a page, a controller, a number that no other site has.
STRANGE: Final = ("/alleen-elders", "Verderop", "ZZ-99", "7.654", "7,654", "7654")
FILLED: Final = {"name": "pages", "kind": "csv", "site": "school", "secret": "s" * 43}
_PART: Final = re.compile(r"\{(\w+)[^}]*\}")
#: At which each account signed in.
NAMES: Final = {role: f"{role.value}-1" for role in Role}


class Walk:
    """Own a house with two sites, accounts of one of them in each role, a pass and a link."""

    def __init__(self, folder: Path) -> None:
        house = House(folder, ManualClock(), sites=(SCHOOL, OTHER))
        log(house, (SCHOOL, OTHER))
        house.close_day(TODAY - timedelta(1), school_day(300))
        house.close_day(TODAY - timedelta(1), _others_day(), site=OTHER)
        self.house = house
        self.auditing = FixedAuditing(house, reports={"a": report(house)})
        self.accounted = Accounted(house)
        for role, name in NAMES.items():
            self.accounted.add(name, role)
        self.app = self.with_audit(self.accounted.door)
        self.accounted.app = self.app
        self.clients = {role: self.accounted.client(name) for role, name in NAMES.items()}

    def with_audit(self, door: Any) -> Starlette:
        """Return the whole dashboard, with the auditor's page, behind a door."""
        audit = audit_page.routes(auditing=self.auditing, frame=Frame("", door=door))
        return Starlette(routes=[*audit, *self.house.app(door=door).routes])

    def program(self, *scopes: tokens.Scope) -> TestClient:
        """Return a program with a pass of the school."""
        secret = "turven_" + "".join(scope.value[0] for scope in scopes).ljust(43, "x")
        wish = tokens.Wish(name="pijplijn", site="school", scopes=scopes)
        tokens.make(self.house.desk, wish, secret=secret, made_by="a test", at=self.house.clock.now())
        client = self.accounted.client()
        client.headers["authorization"] = f"Bearer {secret}"
        return client

    def ask(self, client: TestClient, address: str, **data: str) -> Any:
        """Open an address as the table names it; a form holds the key of the client's sign-in."""
        method, path = address.split(" ")
        if method == "POST" and not path.startswith("/api/"):
            data["form_key"] = self.accounted.form_key(client)
            return client.post(fill(path), data=data, headers=OURS)
        return client.request(method, fill(path), headers=OURS)


def fill(path: str, **more: str) -> str:
    """Return an address with something in the place of its names."""
    return _PART.sub(lambda found: (FILLED | more)[found[1]], path)


def _others_day() -> list[Cell]:
    cells = [cell for cell in school_day(300) if not cell.filter_dimension]
    return [*cells, line(Dimension.PAGE, "/alleen-elders", 120, pageviews=7654)]


def is_refused(answer: Any) -> bool:
    """Tell whether somebody was sent away: to sign in, for want of a right, or since there are no accounts."""
    led_away = str(answer.headers.get("location", "")).startswith(("/sign-in", "/me?to"))
    return answer.status_code in {401, 403} or led_away or "Er zijn hier geen accounts" in answer.text


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Open the house once."""
    walk = Walk(tmp_path_factory.mktemp("roles"))
    yield walk
    walk.house.history.close()


def addresses(app: Any) -> set[str]:
    """Return each method and path of an application."""
    return {
        f"{method} {route.path}" for route in app.routes for method in (route.methods or {"ANY"}) if method != "HEAD"
    }


def test_every_address_has_a_line(walk: Walk, house_of_all: set[str]) -> None:
    """No address of the whole application is without a line in the table, and no line without an address."""
    public = {address for address in house_of_all if address.split(" ")[1] in PUBLIC_ROUTES}
    assert house_of_all - public == set(ROUTES)
    assert addresses(walk.app) == set(ROUTES)


@pytest.fixture(scope="module")
def house_of_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[set[str]]:
    """Compose collector and dashboard, as they are served."""
    house = TallyHouse(tmp_path_factory.mktemp("whole"), clock=ManualClock())
    compose(house.house, clock=house.clock)
    yield addresses(house.house.commands)
    house.stop()


def test_the_docs_are_the_table() -> None:
    """docs/access.md is what the table says."""
    assert (Path(__file__).parents[2] / "docs" / "access.md").read_text("utf-8") == reference()


def test_roles_have_the_rights_of_the_table() -> None:
    """Each role has the rights that the table gives it, and no other."""
    assert {role: {right for right in Right if may(role, right)} for role in Role} == RIGHTS
    assert set(access_table.ROLES) == set(Right)
    assert MACHINE.rights == set(Right) - NOT_AT_THE_MACHINE
    assert NOBODY.rights == {Right.ANYBODY}


@pytest.mark.parametrize("role", Role)
def test_each_role_opens_what_the_table_says(walk: Walk, role: Role) -> None:
    """An account opens every address that its role may, and is refused at every other."""
    wrong = []
    for address, asked in ROUTES.items():
        if not isinstance(asked, Right) or address == "POST /sign-out":
            continue
        answer = walk.ask(walk.clients[role], address)
        if is_refused(answer) is may(role, asked) or (not may(role, asked) and answer.status_code != 403):
            wrong.append((address, answer.status_code))
    assert wrong == []


def test_nobody_opens_anything_but_the_sign_in(walk: Walk) -> None:
    """Who has not signed in is led to the sign-in by every page, and refused by every form."""
    client = walk.accounted.client()
    wrong = []
    for address, asked in ROUTES.items():
        answer = walk.ask(client, address)
        if is_refused(answer) is (asked in {Right.ANYBODY, Door.SECRET, Door.ASSETS}):
            wrong.append((address, answer.status_code))
        if asked is Door.SECRET:
            assert answer.status_code == 404, address
    assert wrong == []


def test_the_machine_of_a_house_without_accounts_opens_all_but_accounts(walk: Walk) -> None:
    """Without accounts whoever sits at the machine opens everything; a proxy or another machine nothing."""
    app = walk.with_audit(None)
    here = TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 1), follow_redirects=False)
    there = TestClient(app, base_url="http://127.0.0.1:8000", client=("192.0.2.1", 1), follow_redirects=False)
    for address, asked in ROUTES.items():
        if isinstance(asked, Right):
            is_of_accounts = asked in NOT_AT_THE_MACHINE or address == "POST /sign-in"
            assert is_refused(walk.ask(here, address)) is is_of_accounts, address
            assert walk.ask(there, address).status_code == 403, address


def test_an_auditor_s_mark_is_shown_to_nobody_else(walk: Walk) -> None:
    """The mark that somebody had searched for may be a name: whoever else may read the evidence does not read it."""
    mark = "een zin van de auditor"
    assert walk.ask(walk.clients[Role.AUDITOR], "POST /audit", mark=mark).status_code == 303
    walk.auditing.now = AuditRun(started_at=AT, seconds=80, is_running=False, mark=mark, mark_sha256="b" * 64)
    try:
        seen = {role: mark in walk.ask(client, "GET /audit").text for role, client in walk.clients.items()}
    finally:
        walk.auditing.now = None
    assert seen == {role: role is Role.AUDITOR for role in Role}


def test_a_program_opens_what_its_scopes_name(walk: Walk) -> None:
    """A pass opens what its scope names, and never a page of accounts, settings or evidence, nor any form."""
    given = {tokens.Scope.FIGURES: {Right.FIGURES}, tokens.Scope.EXPORT: {Right.FIGURES, Right.EXPORT}}
    for scope, rights in given.items():
        client = walk.program(scope)
        for address, asked in ROUTES.items():
            if isinstance(asked, Right):
                is_form = address.startswith("POST ") and "/api/" not in address
                is_theirs = asked in {*rights, Right.ANYBODY} and not is_form
                assert is_refused(walk.ask(client, address)) is not is_theirs, address
    assert walk.ask(walk.program(tokens.Scope.FIGURES, tokens.Scope.NOTES), "POST /api/notes").status_code == 400
    assert walk.ask(walk.clients[Role.CONTROLLER], "POST /api/notes").status_code == 403


def test_a_link_opens_its_own_addresses_only(walk: Walk) -> None:
    """The secret of a link opens the pages below it, of its site; nothing else of the dashboard."""
    wish = links.Wish(name="ouderraad", site="school", days=7)
    links.make(walk.house.desk, wish, secret="k" * 43, made_by="a test", at=walk.house.clock.now())
    client = walk.accounted.client()
    page = client.get(f"/shared/{'k' * 43}/")
    assert page.status_code == 200
    assert not any(word in page.text for word in STRANGE)
    asked = client.get(f"/shared/{'k' * 43}/?site=elders")
    assert not any(word in asked.text for word in STRANGE)
    assert client.get("/").headers["location"].startswith("/sign-in")
    assert client.get(f"/shared/{'k' * 43}/export/pages.csv").status_code == 404


@pytest.mark.parametrize("role", [Role.CONTROLLER, Role.OPERATOR])
def test_no_page_tells_an_account_of_one_site_of_another(walk: Walk, role: Role) -> None:
    """Every page and file, asked for no site, another one, or both, tells nothing of a site that was not given."""
    told = []
    for address, asked in ROUTES.items():
        if not address.startswith("GET") or not isinstance(asked, Right):
            continue
        for query in ("report=a&old=a&new=a", "site=elders", "site=school&site=elders"):
            answer = walk.clients[role].get(f"{fill(address.split(' ')[1])}?{query}")
            told += [(address, query, word) for word in STRANGE if word in answer.text]
    assert told == []


def test_evidence_without_other_sites_can_still_be_checked(walk: Walk) -> None:
    """The report of an account of one site holds together like the whole one: its log, its settings, its verdicts."""
    made = report(walk.house)
    sha256 = str(made.facts.effective["settings_sha256"])
    found = [msgspec.structs.replace(one, settings_sha256=sha256) for one in made.findings]
    whole = msgspec.structs.replace(made, settings_sha256=sha256, findings=found, verdicts=verdicts(found))
    for shown in (whole, narrow(whole, {"school"})):
        pages = pages_of(shown, language="nl")
        assert verify(evidence(shown, pages=pages)).deviations == []


SITES: Final = st.lists(st.sampled_from(["school", "elders", "", "*", "school,elders"]), max_size=3)


@pytest.mark.parametrize("role", Role)
@settings(max_examples=6, deadline=None)
@given(
    address=st.sampled_from(
        [one for one, asked in ROUTES.items() if one.startswith("GET") and isinstance(asked, Right)]
    ),
    asked=SITES,
    part=st.sampled_from(["school", "elders"]),
    more=st.sampled_from(["", "&period=day&date=2026-11-23", "&metric=pageviews", "&report=a", "&old=a&new=a"]),
)
def test_an_account_of_one_site_sees_nothing_of_another(
    walk: Walk, role: Role, address: str, asked: list[str], part: str, more: str
) -> None:
    """Whatever site an address asks for, an account of the school reads no page, name or number of another site."""
    if part == "elders" and address == "GET /first-steps/{site}":
        # Who takes sites in sees the line for its pages; it has no figure.
        return
    path = fill(address.split(" ")[1], site=part)
    answer = walk.clients[role].get(f"{path}?{'&'.join(f'site={one}' for one in asked)}{more}")
    assert not [word for word in STRANGE if word in answer.text], (path, asked)


def test_an_account_of_one_site_changes_nothing_of_another(walk: Walk) -> None:
    """No form of a controller of the school leaves anything under another site."""
    forms = {"site": "elders", "at": "elders", "name": "x", "text": "x", "day": "2026-11-23", "days": "7"}
    forms |= {
        "receiver": "x@elders.example",
        "every": "week",
        "language": "nl",
        "scopes": "figures",
        "scope": "figures",
    }
    before = _sites_of(walk.house)
    for address, asked in ROUTES.items():
        if address.startswith("POST") and isinstance(asked, Right) and address not in {"POST /sign-out", "POST /me"}:
            walk.ask(walk.clients[Role.CONTROLLER], address, **forms)
    with walk.house.desk.read() as cursor:
        for table in ("token", "link", "note", "mailing"):
            rows = cursor.execute(f"select count(*) from {table} where site = 'elders'").fetchone()
            assert rows == (0,), table
    assert _sites_of(walk.house) == before


def _sites_of(house: House) -> list[Site]:
    return list(house.sites)


def test_an_operator_without_sites_sees_no_figures(walk: Walk) -> None:
    """The operator's own view is off until sites are given: pages say so, and files hold nothing."""
    walk.accounted.add("els", Role.OPERATOR, sites=())
    client = walk.accounted.client("els")
    page = client.get("/?site=school&lang=en")
    assert (page.status_code, "sees no figures of a site" in page.text) == (200, True)
    assert client.get("/export/pages.csv?site=school").status_code == 400
    assert client.get("/first-steps/school").status_code == 200
