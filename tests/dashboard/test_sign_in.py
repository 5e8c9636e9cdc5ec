"""Who gets in, for how long, and what is asked of them first?"""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest

from collector.errors import PrivacyError, SettingsError
from collector.settings import load_settings
from dashboard.access_passwords import judge
from dashboard.access_throttle import FREE, NETWORK_BURST, Throttle
from dashboard.desk.accounts import What
from dashboard.desk.sign_ins import SIGN_INS_MAX
from dashboard.who import Role
from tests.clock import ManualClock
from tests.dashboard.accounts import OURS, PASSWORD, PUBLIC, Accounted
from tests.dashboard.house import House


@pytest.fixture
def accounted(empty: House) -> Accounted:
    """Put accounts before a house with one site."""
    accounted = Accounted(empty)
    accounted.add("jan", Role.VIEWER)
    accounted.add("els", Role.OPERATOR, sites=())
    return accounted


def test_nobody_sees_anything_before_they_sign_in(accounted: Accounted) -> None:
    """A page leads to the sign-in and back; a form, or a part of a page, is refused; only files for pages are open."""
    client = accounted.client()
    answer = client.get("/export/pages.csv?site=school")
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/sign-in?to=%2Fexport%2Fpages.csv%3Fsite%3Dschool",
    )
    assert client.get("/", headers={"turven-fragment": "main"}).status_code == 401
    assert client.post("/first-steps", data={"id": "x"}, headers=OURS).status_code == 401
    assert client.get("/sign-in").status_code == 200
    answer = accounted.sign_in(client, " Jan ", to="/export/pages.csv?site=school")
    assert (answer.status_code, answer.headers["location"]) == (303, "/export/pages.csv?site=school")
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "to", ["//evil.example/", "https://evil.example/", "/\\evil.example", "evil", "/x\ny", "/" + "x" * 3_000]
)
def test_the_sign_in_leads_nowhere_else(accounted: Accounted, to: str) -> None:
    """After the sign-in a reader lands on a page of ours, whatever the address asked for."""
    assert accounted.sign_in(accounted.client(), "jan", to=to).headers["location"].startswith("/?lang=en")


@pytest.mark.parametrize(
    ("base_path", "flags"),
    [
        ("", "__Host-turven=(.{43}); HttpOnly; Path=/; SameSite=lax; Secure"),
        ("/turven", "__Secure-turven=(.{43}); HttpOnly; Path=/turven; SameSite=lax; Secure"),
    ],
)
def test_the_cookie_is_for_our_pages_only(empty: House, base_path: str, flags: str) -> None:
    """The cookie holds 256 bits, and goes over TLS, to no script and to no form of another site."""
    accounted = Accounted(empty, base_path=base_path)
    accounted.add("jan", Role.VIEWER)
    answer = accounted.sign_in(accounted.client(), "jan")
    held = re.fullmatch(flags, answer.headers["set-cookie"])
    assert held is not None
    with empty.desk.read() as cursor:
        assert held[1] not in str(cursor.execute("select * from sign_in").fetchall())


def test_each_sign_in_is_new_and_ends(accounted: Accounted, clock: ManualClock) -> None:
    """A sign-in never takes over what a browser held, ends with sign-out, and after its hours however it is used."""
    client = accounted.client("jan")
    first = client.cookies[accounted.door.cookie]
    accounted.sign_in(client, "jan")
    assert client.cookies[accounted.door.cookie] != first
    assert accounted.door.sign_ins.find(first) is None
    clock.forward(hours=7, minutes=59)
    assert client.get("/me").status_code == 200
    clock.forward(minutes=2)
    assert client.get("/me").status_code == 303
    client = accounted.client("jan")
    held = client.cookies[accounted.door.cookie]
    assert client.post("/sign-out", headers=OURS).status_code == 403
    assert accounted.post(client, "/sign-out").status_code == 303
    assert accounted.door.sign_ins.find(held) is None
    assert accounted.door.cookie not in client.cookies


def test_one_account_has_few_sign_ins(accounted: Accounted) -> None:
    """The oldest sign-in of an account ends when there are too many."""
    held = [accounted.door.sign_ins.begin("jan") for _ in range(SIGN_INS_MAX + 1)]
    assert accounted.door.sign_ins.count("jan") == SIGN_INS_MAX
    assert [accounted.door.sign_ins.find(one) is None for one in (held[0], held[1])] == [True, False]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"origin": PUBLIC}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": PUBLIC}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({}, 403),
    ],
)
def test_nobody_is_signed_in_from_elsewhere(accounted: Accounted, headers: dict[str, str], status: int) -> None:
    """A page of another site signs nobody in, not even as somebody else."""
    data = {"name": "jan", "password": PASSWORD}
    assert accounted.client().post("/sign-in", data=data, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({}, 303),
        ({"client": ("198.51.100.9", 1)}, 403),
        ({"client": ("127.0.0.1", 1)}, 403),
        ({"client": ("127.0.0.1", 1), "headers": {}}, 303),
        ({"client": ("127.0.0.1", 1), "headers": {}, "base_url": "http://localhost:8000"}, 303),
        ({"client": ("198.51.100.9", 1), "headers": {}}, 403),
        ({"base_url": "https://evil.example"}, 421),
        ({"base_url": "https://stats.school.example.evil.example"}, 421),
    ],
)
def test_nothing_comes_past_the_proxy(accounted: Accounted, more: dict[str, Any], status: int) -> None:
    """The dashboard answers its own machine and what a trusted proxy hands on, under its own names."""
    assert accounted.client(**more).get("/").status_code == status


def test_whatever_is_wrong_the_answer_is_the_same(accounted: Accounted) -> None:
    """A name that is not there, one that is off, a wrong password and a missing code are answered alike."""
    accounted.add("uit", Role.VIEWER)
    accounted.accounts.change("uit", is_off=True, made_by="a test")
    accounted.add("stap", Role.VIEWER)
    accounted.accounts.set_second_step("stap", pyotp.random_base32(), made_by="a test")
    tries = [("jan", "x"), ("niemand", PASSWORD), ("uit", PASSWORD), ("stap", PASSWORD), ("", "")]
    answers = [accounted.sign_in(accounted.client(), name, password) for name, password in tries]
    pages = {re.sub(r'value="[a-z]*"', "", answer.text) for answer in answers}
    assert ({answer.status_code for answer in answers}, len(pages)) == ({422}, 1)
    assert "Name, password or code is not right." in answers[0].text


def test_tries_wait_longer_and_longer(accounted: Accounted, clock: ManualClock) -> None:
    """After some mistakes a name waits, and from another network it does not; a right one begins anew."""
    client = accounted.client()
    for _ in range(FREE):
        assert accounted.sign_in(client, "jan", "wrong").status_code == 422
    answer = accounted.sign_in(client, "jan")
    assert (answer.status_code, int(answer.headers["retry-after"])) == (429, 2)
    assert accounted.sign_in(accounted.client(headers={"x-forwarded-for": "198.51.100.1"}), "jan").status_code == 303
    clock.forward(seconds=3)
    assert accounted.sign_in(client, "jan", "wrong").status_code == 422
    assert int(accounted.sign_in(client, "jan").headers["retry-after"]) == 4
    clock.forward(seconds=5)
    assert accounted.sign_in(client, "jan").status_code == 303
    assert accounted.sign_in(client, "jan", "wrong").status_code == 422


def test_one_network_takes_nobody_s_tries(clock: ManualClock) -> None:
    """One network that tries without end is slowed down, and others go on; who got in before keeps their place."""
    throttle, at = Throttle(), clock.now()
    throttle.success("jan", b"school")
    taken = [throttle.wait(f"name{n}", b"school", now=at) for n in range(NETWORK_BURST * 2)]
    assert taken.count(0) == NETWORK_BURST
    assert throttle.wait("jan", b"school", now=at) == 0
    assert throttle.wait("els", b"elsewhere", now=at) == 0
    others = [throttle.wait(f"name{n}", f"network{n}".encode(), now=at) for n in range(200)]
    assert 0 < others.count(0) < 100
    assert throttle.wait("jan", b"school", now=at) == 0


def test_a_step_is_taken_once(accounted: Accounted, clock: ManualClock) -> None:
    """With a second step a sign-in needs its code, and no code opens twice; neighbours of the minute are let in."""
    secret = pyotp.random_base32()
    accounted.accounts.set_second_step("jan", secret, made_by="a test")
    code = pyotp.TOTP(secret).at(clock.now())
    assert accounted.sign_in(accounted.client(), "jan").status_code == 422
    assert accounted.sign_in(accounted.client(), "jan", code=f"{code[:3]} {code[3:]}").status_code == 303
    assert accounted.sign_in(accounted.client(), "jan", code=code).status_code == 422
    clock.forward(seconds=60)
    late = pyotp.TOTP(secret).at(clock.now() - timedelta(seconds=30))
    assert accounted.sign_in(accounted.client(), "jan", code=late).status_code == 303
    old = pyotp.TOTP(secret).at(clock.now() - timedelta(seconds=90))
    assert accounted.sign_in(accounted.client(), "jan", code=old).status_code == 422


def test_the_first_account_needs_the_code_of_the_server(empty: House) -> None:
    """In a house without accounts the printed code makes an operator, once; who has no code gets nowhere."""
    accounted = Accounted(empty)
    client, form = accounted.client(), {"do": "first", "name": "Els", "password": PASSWORD}
    code = accounted.door.first.draw()
    assert "The first account" in client.get("/sign-in?lang=en").text
    assert client.post("/sign-in", data=form | {"code": ""}, headers=OURS).status_code == 422
    assert client.post("/sign-in", data=form | {"code": code, "password": "short"}, headers=OURS).status_code == 422
    assert client.post("/sign-in", data=form | {"code": code.upper()}, headers=OURS).status_code == 303
    els = accounted.accounts.get("els")
    assert els is not None
    assert (els.role, els.sites) == (Role.OPERATOR, ())
    client = accounted.client()
    assert client.post("/sign-in", data=form | {"code": code, "name": "more"}, headers=OURS).status_code == 422
    assert len(accounted.accounts.all()) == 1


def test_a_code_that_was_never_drawn_opens_nothing(empty: House) -> None:
    """Where no code was printed, an empty one is none."""
    accounted = Accounted(empty)
    form = {"do": "first", "name": "els", "password": PASSWORD, "code": ""}
    assert accounted.client().post("/sign-in", data=form, headers=OURS).status_code == 422


def test_a_password_is_changed_and_every_other_sign_in_ends(accounted: Accounted) -> None:
    """Who knows the old password sets another; other browsers are signed out, and this one has a new sign-in."""
    here, there = accounted.client("jan"), accounted.client("jan")
    held = here.cookies[accounted.door.cookie]
    wrong = accounted.post(here, "/me?lang=en", do="password", current="x", new="een nieuwe zin")
    assert (wrong.status_code, "Your own password is not right." in wrong.text) == (422, True)
    assert accounted.post(here, "/me", do="password", current=PASSWORD, new="kort").status_code == 422
    done = accounted.post(here, "/me", do="password", current=PASSWORD, new="een nieuwe zin")
    assert (done.status_code, done.headers["location"]) == (303, "/me?done=password")
    assert here.get("/me").status_code == 200
    assert here.cookies[accounted.door.cookie] != held
    assert there.get("/me").status_code == 303
    assert accounted.sign_in(accounted.client(), "jan").status_code == 422
    assert accounted.sign_in(accounted.client(), "jan", "een nieuwe zin").status_code == 303


def test_who_is_signed_in_elsewhere_can_end_that(accounted: Accounted) -> None:
    """All sign-ins but this one end at once."""
    here, there = accounted.client("jan"), accounted.client("jan")
    assert accounted.post(here, "/me", do="sign-ins").status_code == 303
    assert (here.get("/me").status_code, there.get("/me").status_code) == (200, 303)


def test_a_second_step_is_set_up_with_its_first_code(accounted: Accounted, clock: ManualClock) -> None:
    """The page shows the secret as picture and text without any style; only its own code sets it up."""
    client = accounted.client("jan")
    page = client.get("/me?lang=en").text
    secret = re.findall(r'name="secret" value="([A-Z2-7]{32})"', page)[0]
    assert "<svg" in page
    assert "style=" not in page
    form = {"do": "second", "secret": secret, "current": PASSWORD}
    wrong = accounted.post(client, "/me?lang=en", **form, code="000000")
    assert (wrong.status_code, secret in wrong.text) == (422, True)
    code = pyotp.TOTP(secret).at(clock.now())
    assert accounted.post(client, "/me", **form | {"current": "x"}, code=code).status_code == 422
    assert accounted.post(client, "/me", **form, code=code).status_code == 303
    assert accounted.accounts.get("jan").has_second_step  # type: ignore[union-attr]
    assert "Take the second step away" in client.get("/me?lang=en").text
    assert accounted.post(client, "/me", do="no-second", current=PASSWORD).status_code == 303
    assert not accounted.accounts.get("jan").has_second_step  # type: ignore[union-attr]


def test_what_has_to_be_set_up_comes_first(empty: House) -> None:
    """Where a second step is asked for, or a password was handed on, the rest stays shut until it is set up."""
    accounted = Accounted(empty, second_step=True)
    accounted.add("els", Role.OPERATOR)
    accounted.add("jan", Role.VIEWER)
    accounted.add("piet", Role.VIEWER, is_handed=True)
    assert accounted.client("jan").get("/").status_code == 200
    for name in ("els", "piet"):
        client = accounted.client(name)
        assert client.get("/").headers["location"] == "/me"
        assert client.get("/staff").headers["location"].startswith("/me?to=")
        assert client.get("/me").status_code == 200
    accounted.post(client, "/me", do="password", current=PASSWORD, new="een nieuwe zin")
    assert client.get("/").status_code == 200


def test_the_language_is_the_one_that_was_chosen(accounted: Accounted) -> None:
    """Pages speak the language of the account, before that of the browser; an address asks for another."""
    client = accounted.client("jan")
    assert accounted.post(client, "/me", do="language", language="en").status_code == 303
    headers = {"accept-language": "nl"}
    assert client.get("/me", headers=headers).headers["content-language"] == "en"
    assert client.get("/me?lang=nl", headers=headers).headers["content-language"] == "nl"


def test_an_operator_gives_and_takes_accounts(accounted: Accounted) -> None:
    """A new account has a password that is shown once; each change is noted, with who made it."""
    client = accounted.client("els")
    made = accounted.post(client, "/staff?lang=en", do="add", name="Piet", role="controller", sites="school")
    password = re.findall(r"<code>([a-z2-7-]{24})</code>", made.text)[0]
    assert accounted.sign_in(accounted.client(), "piet", password).status_code == 303
    assert password not in client.get("/staff").text
    assert accounted.post(client, "/staff", do="add", name="x", role="boss").status_code == 422
    assert accounted.post(client, "/staff", do="add", name="x", role="viewer", sites="other").status_code == 422
    assert (
        accounted.post(client, "/staff", do="change", name="piet", role="viewer", all="1", off="1").status_code == 303
    )
    piet = accounted.accounts.get("piet")
    assert piet is not None
    assert (piet.role, piet.sites, piet.is_off) == (Role.VIEWER, None, True)
    assert accounted.door.sign_ins.count("piet") == 0
    last = accounted.post(client, "/staff?lang=en", do="remove", name="els")
    assert (last.status_code, "This is the last operator" in last.text) == (422, True)
    assert accounted.post(client, "/staff", do="remove", name="piet").status_code == 303
    deeds = [(deed.made_by, deed.account, deed.what) for deed in accounted.accounts.deeds(5)]
    assert deeds == [("els", "piet", what) for what in (What.REMOVED, What.OFF, What.SITES, What.ROLE, What.SITES)]
    assert "account removed" not in client.get("/staff?lang=nl").text


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("kort", "password_short"),
        ("x" * 501, "password_long"),
        ("Wachtwoord123!", "password_common"),
        ("password1234", "password_common"),
        ("123456789012", "password_common"),
        ("aaaaaaaaaaaa", "password_common"),
        ("janjanjanjan", "password_common"),
        ("een gewone zin", ""),
        ("🐎🔋📎🐎🔋📎🐎🔋📎🐎🔋🎠", ""),
    ],
)
def test_a_password_is_long_and_not_one_of_the_first(password: str, code: str) -> None:
    """Twelve characters or more, none of the commonest, not the name; and no other rule."""
    if not code:
        judge(password, name="jan")
        return
    with pytest.raises(SettingsError) as refused:
        judge(password, name="jan")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("[access]\nsign_in_hours = 9", PrivacyError),
        ("[access]\nsign_in_hours = 0", PrivacyError),
        ('[access]\naccounts = true\n[public]\nbase_url = "http://stats.school.example"', SettingsError),
    ],
)
def test_settings_that_would_weaken_the_door_do_not_start(tmp_path: Path, text: str, error: type[Exception]) -> None:
    """A sign-in of more than eight hours, or one whose password travels in clear, is refused."""
    (tmp_path / "turven.toml").write_text(text)
    with pytest.raises(error):
        load_settings(tmp_path / "turven.toml", environ={})


def test_an_account_of_a_site_that_was_erased_sees_no_other_of_its_name(accounted: Accounted) -> None:
    """With a site goes who may see it: one that comes back under its name is given anew."""
    accounted.house.desk.forget_site("school")
    jan = accounted.accounts.get("jan")
    assert jan is not None
    assert jan.sites == ()
