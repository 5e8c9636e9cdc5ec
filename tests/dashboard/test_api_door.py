"""Is a program answered by its pass, and by nothing else?"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import uvicorn
from starlette.testclient import TestClient

from collector.errors import SettingsError
from dashboard.api_ask import Question
from dashboard.api_door import WRONG_MAX
from dashboard.api_examples import examples
from dashboard.api_reply import Answer, Row
from dashboard.desk import taken, tokens
from dashboard.desk.file import Desk
from dashboard.who import MACHINE, Way, Who
from tests.clock import ManualClock
from tests.dashboard.asking import OTHER_SITE, OURS, PASS, SECRET, SITE, far, give_pass
from tests.dashboard.house import TODAY, House, school_day

QUESTION: Final = {"site_id": SITE.id, "metrics": ["visitors"], "date_range": "7d"}


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Keep one day of two sites."""
    house = House(tmp_path_factory.mktemp("history"), ManualClock(), sites=(SITE, OTHER_SITE))
    for site in house.sites:
        house.close_day(TODAY - timedelta(1), school_day(100), site=site)
    yield house
    house.history.close()


@pytest.fixture
def house(history: House, tmp_path: Path, clock: ManualClock) -> Iterator[House]:
    """Put a desk that nobody used into the house, and its clock to nine in the morning."""
    history.desk = Desk(tmp_path / "desk.sqlite")
    history.clock.at = clock.at
    yield history
    history.desk.close()


def status(client: TestClient, *, headers: dict[str, str] = PASS, **question: Any) -> tuple[int, str]:
    """Return status and code of an answer."""
    answer = client.post("/api/query", json=QUESTION | question, headers=headers)
    return answer.status_code, answer.json().get("error", "")


def test_a_pass_is_answered_from_another_machine(house: House) -> None:
    """A house without accounts answers a program with a pass from elsewhere, for its own site only."""
    give_pass(house, "figures")
    client = far(house)
    assert status(client) == (200, "")
    assert status(client, site_id=OTHER_SITE.id) == (404, "site_unknown")
    assert status(client, headers={}) == (403, "pass_missing")
    assert client.get("/taken", headers=PASS).status_code == 403


def test_a_pass_that_is_wrong_over_or_withdrawn_is_refused(house: House) -> None:
    """Only the whole secret works, until it is over or withdrawn."""
    made = give_pass(house, "figures", days=1)
    client = far(house)
    for wrong in (SECRET[:-1], SECRET + "b", SECRET.upper(), "", made.hash, "turven_" + "x" * 9_000):
        assert status(client, headers={"authorization": f"Bearer {wrong}"}) == (401, "pass_unknown"), wrong
    # This machine is no better off with a wrong one.
    assert status(house.client(), headers={**OURS, "authorization": "Bearer turven_x"})[0] == 401
    assert house.client().get("/", headers={"authorization": "Bearer turven_x"}).status_code == 401
    house.clock.forward(days=1)
    assert status(client) == (401, "pass_unknown")
    give_pass(house, "figures", secret="turven_" + "c" * 43)
    assert tokens.withdraw(house.desk, site=SITE.id, short=tokens.fingerprint("turven_" + "c" * 43)[:12])
    assert status(client, headers={"authorization": "Bearer turven_" + "c" * 43}) == (401, "pass_unknown")


@pytest.mark.parametrize(("scope", "query", "file"), [("figures", 200, 403), ("export", 200, 200), ("notes", 403, 403)])
def test_a_pass_is_for_its_scopes(house: House, scope: str, query: int, file: int) -> None:
    """A pass for figures gives no files, and one for notes tells nothing."""
    give_pass(house, scope)
    client = far(house)
    assert status(client)[0] == query
    assert client.get(f"/export/pages.csv?site={SITE.id}", headers=PASS).status_code == file


def test_wrong_passes_are_throttled_and_right_ones_are_not(house: House) -> None:
    """After thirty wrong passes in a minute more of them wait, whoever sent them; a right one is answered."""
    give_pass(house, "figures")
    client = far(house)
    wrong = {"authorization": "Bearer turven_x"}
    codes = [status(client, headers=wrong)[0] for _ in range(WRONG_MAX + 1)]
    assert codes == [401] * WRONG_MAX + [429]
    assert status(client)[0] == 200
    house.clock.forward(minutes=1)
    assert status(client, headers=wrong)[0] == 401


def test_of_a_pass_only_its_fingerprint_and_the_day_of_use_are_kept(house: House) -> None:
    """The desk holds no secret, and no time of day of what a program does."""
    give_pass(house, "figures", "notes")
    assert status(far(house))[0] == 200
    assert SECRET.encode() not in house.desk.path.read_bytes()
    with house.desk.read() as cursor:
        assert cursor.execute("select used_on, scopes from token").fetchall() == [
            (TODAY.isoformat(), '["figures", "notes"]')
        ]


def test_pages_of_other_sites_read_with_a_pass_only(house: House) -> None:
    """A browser lets a foreign page read an answer only where it brought a pass; no cookie is ever part of it."""
    give_pass(house, "figures")
    client = far(house)
    foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    answer = client.post("/api/query", json=QUESTION, headers=PASS | foreign)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert not {"access-control-allow-credentials", "set-cookie"} & set(answer.headers)
    asked = {"access-control-request-method": "POST"}
    bare = client.options("/api/query", headers=foreign | asked | {"access-control-request-headers": "content-type"})
    assert (bare.status_code, "access-control-allow-origin" in bare.headers) == (403, False)
    with_pass = {"access-control-request-headers": "authorization, content-type"}
    assert client.options("/api/query", headers=foreign | asked | with_pass).status_code == 204
    on_machine = house.client().post("/api/query", json=QUESTION, headers=foreign)
    assert (on_machine.status_code, "access-control-allow-origin" in on_machine.headers) == (403, False)


def test_a_pass_is_made_and_withdrawn_on_its_page(house: House) -> None:
    """The secret is shown once, in the answer to the form; the list names the pass by its fingerprint."""
    client = house.client()
    form = {"name": "release", "site": SITE.id, "scope": ["notes", "figures"], "days": "90"}
    shown = client.post("/passes", data=form, headers=OURS)
    made = tokens.passes(house.desk)[0]
    secret = shown.text.partition("<code>turven_")[2].partition("</code>")[0]
    assert tokens.fingerprint(f"turven_{secret}") == made.hash
    assert (len(secret), made.scopes) == (43, (tokens.Scope.FIGURES, tokens.Scope.NOTES))
    listed = client.get("/passes?lang=en").text
    assert secret not in listed
    assert made.short in listed
    gone = client.post("/passes/withdraw", data={"site": SITE.id, "pass": made.short}, headers=OURS)
    assert (gone.status_code, tokens.passes(house.desk)) == (200, [])


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"site": "nowhere"}, 404),
        ({"name": ""}, 422),
        ({"name": "x" * 101}, 422),
        ({"days": "0"}, 422),
        ({"days": "٣"}, 422),
        ({"scope": []}, 422),
        ({"scope": ["all"]}, 422),
    ],
)
def test_a_wrong_form_makes_no_pass(house: House, form: dict[str, Any], status: int) -> None:
    """What is filled in wrongly is said, and nothing is made."""
    whole = {"name": "x", "site": SITE.id, "scope": ["figures"], "days": "9"} | form
    assert house.client().post("/passes", data=whole, headers=OURS).status_code == status
    assert tokens.passes(house.desk) == []


def test_a_site_has_a_limited_number_of_passes(house: House) -> None:
    """Passes that nobody remembers are not piled up."""
    for n in range(tokens.PASSES_MAX):
        give_pass(house, "figures", secret=f"turven_{n}")
    with pytest.raises(SettingsError, match="withdraw one"):
        give_pass(house, "figures")


def test_what_leaves_is_noted(house: House) -> None:
    """Each file is noted with who took it and how; a program's questions once a day; a controller sees own sites."""
    give_pass(house, "export")
    client = far(house)
    for _ in range(3):
        assert status(client)[0] == 200
        house.clock.forward(hours=1)
    assert client.get(f"/export/pages.parquet?site={SITE.id}", headers=PASS).status_code == 200
    assert house.client().get(f"/export/all.zip?site={OTHER_SITE.id}").status_code == 200
    lines, count = taken.taken(house.desk, sites=None, limit=10)
    assert [(line.who, line.way, line.site, line.what) for line in lines] == [
        ("operator", "machine", OTHER_SITE.id, "all cells"),
        ("pipeline", "token", SITE.id, "pages"),
        ("pipeline", "token", SITE.id, "api"),
    ]
    assert taken.taken(house.desk, sites=(SITE.id,), limit=1)[1] == count - 1
    assert "all cells" in house.client().get("/taken").text
    # What was refused did not leave.
    assert house.client().get("/export/pages.csv?site=nowhere").status_code == 400
    assert taken.taken(house.desk, sites=None, limit=1)[1] == count


def test_notes_of_what_left_go_after_25_months(house: House) -> None:
    """The list forgets what is as old as the oldest figures."""
    who = Who(name="ann", way=Way.ACCOUNT, rights=MACHINE.rights)
    taken.record(house.desk, who, sites=(SITE.id,), what="pages", at=house.clock.now())
    house.clock.forward(days=taken.TAKEN_DAYS_MAX, seconds=1)
    taken.record(house.desk, who, sites=(SITE.id,), what="days", at=house.clock.now())
    assert [line.what for line in taken.taken(house.desk, sites=None, limit=9)[0]] == ["days"]


def test_the_document_describes_what_is_read_and_written(house: House) -> None:
    """The OpenAPI document has every field of the structs, and each reference in it leads somewhere."""
    document = house.client().get("/api/openapi.json").json()
    schemas = document["components"]["schemas"]
    assert document["openapi"].startswith("3.1")
    for kind in (Question, Answer, Row):
        assert set(schemas[kind.__name__]["properties"]) == set(kind.__struct_fields__)
    text = msgspec.json.encode(document).decode()
    references = [part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]]
    assert set(references) <= set(schemas)
    assert {"/api/query", "/api/v2/query", "/api/notes"} <= set(document["paths"])
    example = document["paths"]["/api/query"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert house.client().post("/api/query", json=example, headers=OURS).status_code == 200


class _Live:
    """Serve a house on loopback."""

    def __init__(self, house: House) -> None:
        config = uvicorn.Config(house.app(), host="127.0.0.1", port=0, log_config=None, access_log=False, ws="none")
        self._server = uvicorn.Server(config)
        self._started = threading.Event()
        startup = self._server.startup

        async def started(sockets: Any = None) -> None:
            await startup(sockets)
            self._started.set()

        self._server.startup = started  # type: ignore[method-assign]
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def __enter__(self) -> str:
        self._thread.start()
        assert self._started.wait(20)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)


def test_the_examples_of_the_page_run(house: House, tmp_path: Path) -> None:
    """Each example that the page shows gives an answer as it stands there, on a house that is served."""
    give_pass(house, "export")
    with _Live(house) as base_url:
        made = examples(base_url=base_url, site=SITE.id)
        environ = {**os.environ, "TURVEN_PASS": SECRET}
        commands = {name: ["bash", "-c", made[name]] for name in ("curl", "file")}
        commands["python"] = [sys.executable, "-c", made["python"]]
        told = {
            name: subprocess.run(command, env=environ, cwd=tmp_path, capture_output=True, timeout=60, check=True).stdout
            for name, command in commands.items()
        }
    assert msgspec.json.decode(told["curl"])["meta"]["visitors"] == "visitor-days"
    assert (tmp_path / "pages.parquet").read_bytes()[:4] == b"PAR1"
    assert told["python"].decode().split()[0] == str(TODAY - timedelta(1))
    page = house.client().get("/api?lang=en").text
    assert "api/query" in page
    assert "urllib.request" in page
