"""Does a secret link show one site to whoever has it, and nothing else to anybody?"""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from collector.errors import SettingsError
from dashboard.desk import links
from dashboard.desk.links import LINK_DAYS_MAX, LINKS_MAX, Wish
from dashboard.links_door import COOKIE, TRIES_MAX, TRIES_WAIT, link_door
from dashboard.who import Right, Way
from tests.clock import ManualClock
from tests.dashboard.house import SCHOOL, TODAY, House, school_days

OWN: Final = {"sec-fetch-site": "same-origin"}
FORM: Final = {"site": "school", "name": "Bestuur", "days": "90", "kind": "link"}
OTHER: Final = msgspec.structs.replace(SCHOOL, id="buurschool", hosts=("buurschool.school.example",))
EMBEDDED: Final = msgspec.structs.replace(SCHOOL, embed_hosts=("https://intranet.school.example",))
SENTENCE: Final = "een lange zin"
NOBODYS: Final = "A" * 43


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Fill two weeks of two sites."""
    house = House(tmp_path_factory.mktemp("links"), ManualClock(), sites=(EMBEDDED, OTHER))
    house.close_days(list(school_days(TODAY - timedelta(1), 14)))
    yield house
    house.history.close()


@pytest.fixture
def house(shared: House) -> Iterator[House]:
    """Begin each test without links, at the same instant, with both sites on."""
    at = shared.clock.now()
    shared.sites[:] = [EMBEDDED, OTHER]
    yield shared
    with shared.desk.write() as cursor:
        cursor.execute("delete from link")
    shared.clock.at = at


def owner(house: House) -> TestClient:
    """Return a client of somebody who may share."""
    return house.client(headers=OWN)


def stranger(house: House) -> TestClient:
    """Return a client from elsewhere, under the house's public name."""
    return house.client(client=("198.51.100.9", 40_000), base_url="https://stats.product.example")


def made(house: House, **more: str) -> str:
    """Make a link through its form; return the path that it shows once."""
    answer = owner(house).post("/links", data=FORM | more)
    assert answer.status_code == 200, answer.text
    found = re.search(r"<code>http://127\.0\.0\.1:8000(/(?:shared|embed)/[A-Za-z0-9_-]{43}/)</code>", answer.text)
    assert found
    return found[1]


def test_a_link_shows_the_overview_to_whoever_has_it(house: House) -> None:
    """Who has the address sees the figures from anywhere, without an account, and every address stays below it."""
    path = made(house)
    page = stranger(house).get(path)
    assert page.status_code == 200
    assert "/rooster" in page.text
    addresses = re.findall(r'(?:href|action)="(/[^"]*)"', page.text)
    assert addresses
    assert all(one.startswith((path, "/shared/assets/")) for one in addresses)
    (sheet, *_), _ = (re.findall(rf'href="(/[^"]*{kind})"', page.text) for kind in (r"turven\.\w+\.css", "svg"))
    assert stranger(house).get(sheet).headers["content-type"].startswith("text/css")
    narrowed = next(one for one in addresses if "filter=page" in one).replace("&amp;", "&")
    assert stranger(house).get(narrowed).status_code == 200
    assert stranger(house).get(path.rstrip("/")).status_code == 200


def test_a_link_keeps_its_address_to_itself(house: House) -> None:
    """The page tells no other page its address, is kept by nothing, and asks search engines to leave it alone."""
    answer = stranger(house).get(made(house))
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-robots-tag"] == "noindex, nofollow"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert not answer.cookies


def test_only_the_fingerprint_of_a_secret_is_kept(house: House) -> None:
    """Whoever reads the desk finds no address that opens something, and no password."""
    secret = made(house, password=SENTENCE).split("/")[2]
    kept = Path(house.desk.path).read_bytes()
    assert secret.encode() not in kept
    assert SENTENCE.encode() not in kept
    assert links.fingerprint(secret).encode() in kept


def test_a_link_shows_one_site_and_changes_nothing(house: House) -> None:
    """No other site, no list of sites, no settings, no files and no forms are reached through a link."""
    path = made(house)
    client = stranger(house)
    assert client.get(f"{path}?site=buurschool").status_code == 400
    assert client.get(f"{path}?site=school&site=buurschool").status_code == 400
    page = client.get(path).text
    assert "buurschool" not in page
    assert 'method="post"' not in page
    assert "/export/" not in page
    for below in ("export/pages.csv?site=school", "links", "weekly", "audit", "first-steps", "notes", "staff"):
        assert client.get(path + below).status_code == 404
    for above in ("/", "/links", "/export/pages.csv?site=school"):
        assert client.get(above).status_code in {403, 421}


def test_files_leave_only_where_the_link_says_so(house: House) -> None:
    """A link that may give files away offers them, below its own address."""
    path = made(house, export="1")
    assert f"{path}export/pages.csv" in stranger(house).get(path).text
    assert stranger(house).get(f"{path}export/pages.csv?site=school").status_code == 200
    assert stranger(house).get(f"{path}export/pages.csv?site=buurschool").status_code == 400


@pytest.mark.parametrize("reason", ["unknown", "form", "over", "withdrawn", "off", "gone"])
def test_a_link_that_does_not_work_is_a_page_that_there_is_not(house: House, reason: str) -> None:
    """Nobody learns whether a link was ever there: over, withdrawn, of a site that is off or gone, all are the same."""
    path = made(house)
    if reason == "unknown":
        path = f"/shared/{NOBODYS}/"
    if reason == "form":
        path = "/shared/x%22%3E%3Cb%3E/"
    if reason == "over":
        house.clock.at += timedelta(days=90)
    if reason == "withdrawn":
        (link,) = links.links_of(house.desk, "school")
        left = owner(house).post("/links/withdraw", data={"site": "school", "link": link.hash}, follow_redirects=False)
        assert left.status_code == 303
    if reason == "off":
        house.sites[0] = msgspec.structs.replace(EMBEDDED, is_on=False)
    if reason == "gone":
        del house.sites[0]
    answer = stranger(house).get(path)
    assert answer.status_code == 404
    assert "Deze link werkt niet" in answer.text
    assert "<b>" not in answer.text
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_a_password_is_asked_once_and_remembered_for_that_link(house: House) -> None:
    """With the password a browser gets in for some hours, by a cookie that is sent to that link alone."""
    path, other = made(house, password=SENTENCE), made(house, password=SENTENCE)
    client = stranger(house)
    asked = client.get(path)
    assert asked.status_code == 403
    assert "/rooster" not in asked.text
    answer = client.post(path.rstrip("/"), data={"password": SENTENCE}, follow_redirects=False)
    assert answer.status_code == 303
    cookie = answer.headers["set-cookie"]
    assert {"Secure", "HttpOnly", "SameSite=lax", f"Path={path.rstrip('/')}"} <= set(cookie.split("; "))
    assert "Max-Age=28800" in cookie
    value = {"cookie": cookie.partition(";")[0]}
    assert client.get(path, headers=value).status_code == 200
    assert stranger(house).get(other, headers=value).status_code == 403
    house.clock.at += timedelta(hours=8)
    assert client.get(path, headers=value).status_code == 403


@pytest.mark.parametrize("shown", ["", "x", "99999999999.", "99999999999." + "0" * 64, "9" * 20 + ".é", "é.0"])
def test_a_made_up_cookie_opens_nothing(house: House, shown: str) -> None:
    """Only a cookie that the house made for this link and this password lets a browser in."""
    link = links.make(
        house.desk,
        Wish(name="x", site="school", password=SENTENCE),
        secret=NOBODYS,
        made_by="operator",
        at=house.clock.now(),
    )
    assert not links.is_pass(link, shown, at=house.clock.now())
    good = links.sealed_pass(link, until=house.clock.now() + timedelta(hours=1))
    assert links.is_pass(link, good, at=house.clock.now())
    assert not links.is_pass(link, f"9{good}", at=house.clock.now())


def test_passwords_are_not_tried_without_end(house: House) -> None:
    """After some wrong passwords nobody may try for a while, not even with the right one; then it is asked anew."""
    path = made(house, password=SENTENCE)
    client = stranger(house)
    for _ in range(TRIES_MAX):
        assert client.post(path.rstrip("/"), data={"password": "verkeerd wachtwoord"}).status_code == 403
    assert client.post(path.rstrip("/"), data={"password": SENTENCE}).status_code == 429
    house.clock.at += TRIES_WAIT
    answer = client.post(path.rstrip("/"), data={"password": SENTENCE}, follow_redirects=False)
    assert answer.status_code == 303


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"name": ""}, "link_name"),
        ({"name": "a\nb"}, "link_name"),
        ({"days": 0}, "link_days"),
        ({"days": LINK_DAYS_MAX + 1}, "link_days"),
        ({"password": "kort"}, "link_password"),
        ({"is_embed": True, "password": SENTENCE}, "link_embed"),
        ({"is_embed": True, "may_export": True}, "link_embed"),
    ],
)
def test_a_link_without_an_end_or_a_name_is_refused(house: House, given: dict[str, object], code: str) -> None:
    """A link has a name and an end within a year, and what is shown in other pages has no password."""
    wish = msgspec.structs.replace(Wish(name="x", site="school"), **given)
    with pytest.raises(SettingsError) as error:
        links.make(house.desk, wish, secret=NOBODYS, made_by="operator", at=house.clock.now())
    assert error.value.code == code


def test_a_mistake_in_the_form_is_said_kindly(house: House) -> None:
    """The form comes back as it was filled in, with a sentence about what is wrong."""
    answer = owner(house).post("/links", data=FORM | {"days": "1000"})
    assert answer.status_code == 422
    assert "Kies 1 tot 365 dagen." in answer.text
    assert 'value="Bestuur"' in answer.text
    assert links.links_of(house.desk, "school") == []


def test_links_that_are_over_go_and_a_site_has_not_too_many(house: House) -> None:
    """What has long been over is let go, and at some number the first has to be withdrawn."""
    at = house.clock.now()
    wish = Wish(name="x", site="school", days=1)
    for number in range(LINKS_MAX):
        links.make(house.desk, wish, secret=f"{number:043}", made_by="operator", at=at)
    with pytest.raises(SettingsError, match="links_too_many"):
        links.make(house.desk, wish, secret=NOBODYS, made_by="operator", at=at)
    links.make(house.desk, wish, secret=NOBODYS, made_by="operator", at=at + timedelta(days=40))
    assert [link.hash for link in links.links_of(house.desk, "school")] == [links.fingerprint(NOBODYS)]


def test_the_door_knows_who_comes_by_a_link(house: House) -> None:
    """By a link somebody may see the figures of its site, and nothing more; by any other address it lets in nobody."""
    wish = Wish(name="Bestuur", site="school")
    links.make(house.desk, wish, secret=NOBODYS, made_by="operator", at=house.clock.now())
    inside = house.inside()
    found = link_door(inside.desk, inside.clock, asking(NOBODYS))
    assert found is not None
    assert (found.way, found.sites) == (Way.LINK, frozenset({"school"}))
    assert found.rights == {Right.ANYBODY, Right.FIGURES}
    assert link_door(inside.desk, inside.clock, asking("B" * 43)) is None
    assert link_door(inside.desk, inside.clock, asking("")) is None


def asking(secret: str) -> Request:
    """Return a request for a link."""
    return Request(
        {
            "type": "http",
            "method": "GET",
            "path": "/",
            "headers": [(b"cookie", f"{COOKIE}=x".encode())],
            "path_params": {"secret": secret},
        }
    )


# -- inside other pages ----------------------------------------------------------------------------------------------


def test_an_embedded_page_may_be_shown_by_the_named_sites_only(house: House) -> None:
    """Its policy names exactly the origins of the settings; it runs no script, takes no form and sets no cookie."""
    path = made(house, kind="embed")
    answer = stranger(house).get(path)
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["frame-ancestors"] == "https://intranet.school.example"
    assert "script-src" not in policy
    assert policy["form-action"] == "'none'"
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "x-frame-options" not in answer.headers
    assert not answer.cookies
    assert "<script" not in answer.text
    assert "<form" not in answer.text
    sandbox = owner(house).post("/links", data=FORM | {"kind": "embed"}).text
    assert "sandbox loading=" in sandbox


@pytest.mark.parametrize("hosts", [(), ("*",), ("https://a.example; script-src *",), ("http://a.example",)])
def test_without_named_sites_nothing_is_embedded(house: House, hosts: tuple[str, ...]) -> None:
    """Where the settings name no origin, no such link is made, and one from before says why it shows nothing."""
    path = made(house, kind="embed")
    house.sites[0] = msgspec.structs.replace(EMBEDDED, embed_hosts=hosts)
    refused = owner(house).post("/links", data=FORM | {"kind": "embed"})
    assert refused.status_code == 422
    answer = stranger(house).get(path)
    assert answer.status_code == 403
    assert "Nog geen pagina mag deze cijfers laten zien" in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"


def test_a_link_opens_only_what_it_was_made_for(house: House) -> None:
    """The secret of an embedded page, which every reader of that page can see, opens no overview; nor the other way."""
    embedded, path = made(house, kind="embed"), made(house)
    assert stranger(house).get(embedded.replace("/embed/", "/shared/")).status_code == 404
    assert stranger(house).get(path.replace("/shared/", "/embed/")).status_code == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_embedded_page_takes_the_colours_of_the_page_around_it(house: House, scheme: str) -> None:
    """What it was asked for stays in every address of the page; without, it follows the reader."""
    path = made(house, kind="embed")
    page = stranger(house).get(f"{path}?scheme={scheme}").text
    assert f'<html lang="nl" class="scheme-{scheme}">' in page
    addresses = re.findall(rf'href="({re.escape(path)}[^"]*)"', page)
    assert addresses
    assert all(f"scheme={scheme}" in one for one in addresses)
    assert "scheme-" not in stranger(house).get(f"{path}?scheme=x").text


def test_a_site_without_the_right_is_not_shared(house: House) -> None:
    """A link is made of a site that one may share, and of no other."""
    assert owner(house).post("/links", data=FORM | {"site": "elders"}).status_code == 404
    assert owner(house).get("/links?site=elders").status_code == 404
    assert stranger(house).post("/links", data=FORM, headers=OWN).status_code in {403, 421}
