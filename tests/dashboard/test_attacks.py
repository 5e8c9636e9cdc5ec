"""What does somebody get who means harm: by addresses, floods, codes that were seen, and passes?"""

import asyncio
from datetime import timedelta
from pathlib import Path

import pyotp
import pytest
from starlette.types import Message

from collector.guard import Guard
from dashboard.access_passwords import CODES_FORGOTTEN, CODES_MAX, UNDER_WAY_MAX, BusyError, Passwords
from dashboard.desk import links, notes, taken, tokens
from dashboard.desk.file import Desk
from dashboard.links_door import WAITING_MAX, Tries
from dashboard.who import Role, Way, Who
from tests.clock import ManualClock
from tests.dashboard.accounts import CHEAP, PASSWORD, PUBLIC, Accounted
from tests.dashboard.house import TODAY, House

MANY = "&".join(f"a{n}=1" for n in range(150))
DIGITS = "9" * 5_000


@pytest.fixture
def accounted(empty: House) -> Accounted:
    """Put accounts before a house with one site."""
    accounted = Accounted(empty)
    accounted.add("jan", Role.VIEWER)
    return accounted


@pytest.mark.parametrize("path", [f"/?{MANY}", f"/sign-in?{MANY}", f"/shared/{'s' * 43}?{MANY}", f"/embed/x?{MANY}"])
def test_a_stranger_s_address_is_no_accident(accounted: Accounted, path: str) -> None:
    """However many parameters a stranger sends, the house says no in its own words and logs nothing."""
    answer = accounted.client(client=("203.0.113.9", 1)).get(path)
    assert answer.status_code in {403, 404}
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [f"/?{MANY}", f"/all/page?page={DIGITS}", f"/sites?page={DIGITS}", f"/taken?page={DIGITS}", "/?period=0001-13"],
)
def test_a_senseless_address_is_told_so(house: House, path: str) -> None:
    """Numbers that nothing can read, and days that there are not, are no accidents either."""
    assert house.client().get(path).status_code in {200, 400}


def test_nothing_is_compared_with_days_before_the_first(house: House) -> None:
    """The first month of the calendar has none before it to be compared with, and the last one none behind it."""
    client = house.client()
    for query in (
        "period=0001-01",
        "period=0001",
        "period=9999-12",
        "period=9998-9999",
        "from=9999-12-30&to=9999-12-31",
    ):
        assert client.get(f"/?{query}").status_code in {200, 400}
    assert client.get("/goals?period=0001-01").status_code == 200


@pytest.mark.parametrize(("origin", "status"), [(PUBLIC, 303), (PUBLIC.replace("https", "http"), 403)])
def test_a_page_of_the_host_without_tls_is_not_ours(accounted: Accounted, origin: str, status: int) -> None:
    """Behind a proxy we see `http` ourselves; what a network put into a page that came so signs nobody in."""
    browser = accounted.client(base_url="http://stats.school.example")
    data = {"name": "jan", "password": PASSWORD}
    assert browser.post("/sign-in", data=data, headers={"origin": origin}).status_code == status


def test_a_program_sends_no_form(house: House) -> None:
    """A pass for notes writes them at its own address; it does not reach the forms, and so takes no note away."""
    secret = f"{tokens.PREFIX}{'p' * 43}"
    wish = tokens.Wish(name="releases", site="school", scopes=("notes",))
    tokens.make(house.desk, wish, secret=secret, made_by="els", at=house.clock.now())
    notes.write(house.desk, site="school", day=TODAY, text="snow", made_by="els", at=house.clock.now(), today=TODAY)
    program = house.client(client=("203.0.113.9", 1), headers={"authorization": f"Bearer {secret}"})
    assert program.post("/notes/remove", data={"note": "1", "site": "school"}).status_code == 403
    assert program.post("/notes", data={"at": "school", "day": str(TODAY), "text": "x"}).status_code == 403
    assert [note.text for note in notes.of(house.desk, ["school"], first=TODAY, last=TODAY)] == ["snow"]


def test_the_code_that_set_a_step_up_signs_nobody_in(accounted: Accounted, clock: ManualClock) -> None:
    """Who looked over a shoulder while a second step was set up cannot use the code that was typed."""
    browser, secret = accounted.client("jan"), pyotp.random_base32()
    code = pyotp.TOTP(secret).at(clock.now())
    form = {"do": "second", "secret": secret, "current": PASSWORD, "code": code}
    assert accounted.post(browser, "/me", **form).status_code == 303
    assert accounted.sign_in(accounted.client(), "jan", code=code).status_code == 422


@pytest.mark.parametrize("secret", ["1" * 32, "a" * 32, "ß" * 32, "A" * 31, ""])
def test_a_secret_of_somebody_s_own_making_is_refused(accounted: Accounted, secret: str) -> None:
    """Only what the page can have made becomes a second step; anything else is told, and is no accident."""
    form = {"do": "second", "secret": secret, "current": PASSWORD, "code": "123456"}
    assert accounted.post(accounted.client("jan"), "/me", **form).status_code == 422


def test_a_known_password_leaves_few_codes_to_guess(accounted: Accounted, clock: ManualClock) -> None:
    """Codes are counted by account, from however many networks they come; after an hour the owner gets in again."""
    secret = pyotp.random_base32()
    accounted.accounts.set_second_step("jan", secret, made_by="a test")
    for _ in range(CODES_MAX):
        assert accounted.accounts.check("jan", PASSWORD, "000000") is None
    assert accounted.accounts.check("jan", PASSWORD, pyotp.TOTP(secret).at(clock.now())) is None
    clock.forward(seconds=int(CODES_FORGOTTEN / timedelta(seconds=1)))
    assert accounted.accounts.check("jan", PASSWORD, pyotp.TOTP(secret).at(clock.now())) is not None


def test_a_stranger_s_codes_make_nobody_wait(accounted: Accounted, clock: ManualClock) -> None:
    """Without the password no code is counted."""
    secret = pyotp.random_base32()
    accounted.accounts.set_second_step("jan", secret, made_by="a test")
    for _ in range(CODES_MAX):
        assert accounted.accounts.check("jan", "none of it", "000000") is None
    assert accounted.accounts.check("jan", PASSWORD, pyotp.TOTP(secret).at(clock.now())) is not None


def test_a_flood_of_passwords_holds_few_threads(accounted: Accounted) -> None:
    """Who signs in while very many try is told to try again; the threads that answer pages stay free."""
    under_way = accounted.accounts.passwords._under_way
    for _ in range(UNDER_WAY_MAX):
        assert under_way.acquire(blocking=False)
    answer = accounted.sign_in(accounted.client(), "jan")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    for _ in range(UNDER_WAY_MAX):
        under_way.release()
    assert accounted.sign_in(accounted.client(), "jan").status_code == 303


def test_what_is_refused_for_the_flood_lets_the_next_in() -> None:
    """A try that ends, rightly or wrongly, leaves its place."""
    passwords = Passwords(CHEAP)
    kept = passwords.hash(PASSWORD)
    assert [passwords.fits(kept, one) for one in (PASSWORD, "x") * UNDER_WAY_MAX] == [True, False] * UNDER_WAY_MAX
    for _ in range(UNDER_WAY_MAX):
        passwords._under_way.acquire()
    with pytest.raises(BusyError):
        passwords.fits(kept, PASSWORD)


def test_a_flood_on_a_link_holds_few_threads(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who knows the password of a link, and sends it without end, keeps nobody from the pages."""
    secret, password = "s" * 43, "geheim geheim"
    wish = links.Wish(name="board", site="school", password=password)
    links.make(house.desk, wish, secret=secret, made_by="els", at=house.clock.now())
    full = Tries()
    monkeypatch.setattr("dashboard.links.Tries", lambda: full)
    guest = house.client(client=("203.0.113.9", 1), follow_redirects=False)
    for _ in range(WAITING_MAX):
        assert full.room.acquire(blocking=False)
    assert guest.post(f"/shared/{secret}", data={"password": password}).status_code == 429
    for _ in range(WAITING_MAX):
        full.room.release()
    assert guest.post(f"/shared/{secret}", data={"password": password}).status_code == 303


def test_a_guest_fills_no_disk(house: House, clock: ManualClock) -> None:
    """Files that leave by a link are noted once a minute each: whoever holds its address writes few lines."""
    guest = Who(name="board", way=Way.LINK, rights=frozenset())
    for _ in range(5):
        taken.record(house.desk, guest, sites=("school",), what="pages", at=clock.now())
    clock.forward(seconds=60)
    taken.record(house.desk, guest, sites=("school",), what="pages", at=clock.now())
    somebody = Who(name="jan", way=Way.ACCOUNT, rights=frozenset())
    for _ in range(2):
        taken.record(house.desk, somebody, sites=("school",), what="pages", at=clock.now())
    lines, count = taken.taken(house.desk, sites=("school",), limit=10)
    assert (count, [line.who for line in lines]) == (4, ["jan", "jan", "board", "board"])


def test_who_hangs_up_writes_no_line_into_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """A form that is never sent whole is no accident of the house."""
    scope = {"type": "http", "method": "POST", "path": "/sign-in", "raw_path": b"/sign-in", "query_string": b"",
             "scheme": "http", "root_path": "", "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1),
             "headers": [(b"host", b"127.0.0.1:8000"), (b"sec-fetch-site", b"same-origin")]}  # fmt: skip

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(_message: Message) -> None:
        """Send nothing: the connection is gone."""

    asyncio.run(Guard(house.app())(scope, receive, send))
    assert not caplog.records


def test_a_desk_that_was_put_back_by_hand_is_shut_again(tmp_path: Path) -> None:
    """A file that others could read is for the house alone from its next start."""
    file = tmp_path / "desk.sqlite"
    file.touch(mode=0o644)
    file.chmod(0o644)
    Desk(file).close()
    assert file.stat().st_mode & 0o777 == 0o600
