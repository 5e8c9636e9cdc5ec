"""The public pages tell the settings in force to everybody, and nothing else."""

import hashlib
import json
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from collector.effective import NEVER_AVAILABLE, canonical
from collector.model import Dimension, Identity, Profile, Site
from collector.settings import Privacy, Public, Server, Settings, SubProcessor
from dashboard.public import GPC_STATED_ON, routes
from dashboard.public_words import WORDS
from dashboard.visitor_text import Language
from tests.clock import ManualClock

PAGES = ("/privacy", "/privacy/opt-out")
EVERYTHING = (*PAGES, "/privacy.json", "/privacy/public.css", "/privacy/public.js", "/.well-known/gpc.json")


def open_house(
    *sites: Site, clock: ManualClock, settings: Settings | None = None, host: str = "www.school.example"
) -> TestClient:
    """Open the public side of a house that has *sites*, as somebody from outside sees it."""
    house = settings or Settings()
    made = routes(
        settings=house,
        sites=lambda: list(sites),
        rules=house.privacy.rules_of,
        clock=clock,
        version="1.2.3",
    )
    return TestClient(Starlette(routes=list(made)), base_url=f"https://{host}", client=("203.0.113.9", 50_000))


@pytest.fixture
def other(school: Site) -> Site:
    """Describe a second site, of another school."""
    return msgspec.structs.replace(
        school, id="other", hosts=("other.example",), controller="Het Andere College", identity=Identity.BROWSER
    )


def test_settings_in_force_are_public(school: Site, clock: ManualClock) -> None:
    """`/privacy.json` tells anybody from anywhere what is in force for a site."""
    site = msgspec.structs.replace(school, profile=Profile.STRICT, templates=("/toets/:id",), sensitive=("/zorg",))
    answer = open_house(site, clock=clock).get("/privacy.json")
    shown = answer.json()
    assert answer.status_code == 200
    assert shown["version"] == "1.2.3"
    assert shown["house"]["retention_days"] == 760
    (told,) = shown["sites"]
    assert (told["k"], told["profile"], told["pairs"], told["address_bits"]) == (
        15,
        "strict",
        [],
        {"ipv4": 16, "ipv6": 32},
    )
    assert (told["templates"], told["sensitive_routes"]) == (1, 1)
    assert "query string" in shown["never_available"]


def test_json_is_sorted_and_its_hash_can_be_repeated(school: Site, other: Site, clock: ManualClock) -> None:
    """The keys are sorted, and `settings_sha256` is the hash of the rest: the same settings have the same hash."""
    answer = open_house(school, other, clock=clock).get("/privacy.json")
    shown = answer.json()
    assert answer.text == json.dumps(shown, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
    rest = {key: value for key, value in shown.items() if key not in {"settings_sha256", "version"}}
    assert shown["settings_sha256"] == hashlib.sha256(canonical(rest)).hexdigest()
    again = open_house(school, other, clock=clock).get("/privacy.json").json()
    changed = open_house(school, other, clock=clock, settings=Settings(privacy=Privacy(k=11))).get("/privacy.json")
    assert again["settings_sha256"] == shown["settings_sha256"] != changed.json()["settings_sha256"]


def test_one_site_can_be_asked_for(school: Site, other: Site, clock: ManualClock) -> None:
    """`?site=ID` answers that site only, and an unknown one is a 404 in the one shape of an error."""
    house = open_house(school, other, clock=clock)
    assert [site["id"] for site in house.get("/privacy.json").json()["sites"]] == ["school", "other"]
    assert [site["id"] for site in house.get("/privacy.json?site=other").json()["sites"]] == ["other"]
    missing = house.get("/privacy.json?site=nobody")
    assert (missing.status_code, missing.json()["error"]) == (404, "site_unknown")


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("query", ["?site=school&", "?"])
def test_sub_processors_and_officer_are_shown(
    school: Site, other: Site, clock: ManualClock, language: Language, query: str
) -> None:
    """Whoever does a part of the work is named with its country, and the processor's officer where there is one."""
    company = SubProcessor(name="Serverzaal <b>", task="hosting", country="NL")
    public = Public(operator="Toetsbouwers", privacy_officer="fg@toets.example", sub_processors=(company,))
    page = open_house(school, other, clock=clock, settings=Settings(public=public)).get(
        f"/privacy{query}lang={language}"
    )
    words = WORDS[language]
    assert f"<dt>{words['sub_processors']}</dt>\n<dd>Serverzaal &lt;b&gt;: hosting (NL)</dd>" in page.text
    assert f"<dt>{words['officer']}</dt><dd>fg@toets.example</dd>" in page.text
    bare = open_house(school, other, clock=clock).get(f"/privacy{query}lang={language}").text
    assert words["sub_processors"] not in bare
    assert words["officer"] not in bare


@pytest.mark.parametrize("language", Language)
def test_a_sites_own_switches_are_shown(school: Site, clock: ManualClock, language: Language) -> None:
    """The settings in force on the page are the site's own: its threshold, its retention, what it switched off."""
    site = msgspec.structs.replace(school, k=23, retention_days=45, without=(Dimension.COUNTRY, Dimension.SOURCE))
    page = open_house(site, clock=clock).get(f"/privacy?lang={language}").text
    words = WORDS[language]
    assert f"<dt>{words['k']}</dt><dd>23 " in page
    assert page.count(f"<dd>45 {words['days']}</dd>") == 2
    assert f"<dt>{words['switched_off']}</dt><dd>{words['name_country']}, {words['name_source']}</dd>" in page


def test_nothing_secret_is_shown(school: Site, clock: ManualClock) -> None:
    """No folder, address of a machine, proxy, reference of an agreement or name of a route leaves the house."""
    settings = Settings(
        data_dir=Path("/srv/canary-data"),
        runtime_dir="/run/canary-keys",
        server=Server(
            listen="10.9.8.7:81", trusted_proxies=("192.0.2.0/24",), client_header="Canary-IP", country_file="/c.mmdb"
        ),
    )
    site = msgspec.structs.replace(
        school, agreement="canary-agreement", templates=("/canary/:id",), sensitive=("/canary-zorg",)
    )
    house = open_house(site, clock=clock, settings=settings)
    for path in EVERYTHING:
        body = house.get(path).text
        for secret in ("canary", "Canary", "10.9.8.7", "192.0.2", ".mmdb"):
            assert secret not in body


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_written_in_each_language(school: Site, clock: ManualClock, *, path: str, language: Language) -> None:
    """Each page is there in Dutch, for pupils and in English, and says which."""
    answer = open_house(school, clock=clock).get(path, params={"lang": language.value})
    assert answer.status_code == 200
    assert f'<html lang="{language.tag}">' in answer.text
    assert answer.headers["content-language"] == language.tag


@pytest.mark.parametrize("query", ["", "?lang=", "?lang=de", "?lang=nl&lang=%00"])
def test_dutch_comes_first(school: Site, clock: ManualClock, query: str) -> None:
    """Where no language is asked for, or one that is not there, the page is Dutch, whatever the browser prefers."""
    answer = open_house(school, clock=clock).get(f"/privacy{query}", headers={"Accept-Language": "en"})
    assert "Zo tellen wij bezoeken" in answer.text


def test_page_and_json_say_the_same(school: Site, clock: ManualClock) -> None:
    """The page shows the hash, the threshold and the dimensions that the JSON holds."""
    house = open_house(school, clock=clock)
    shown, page = house.get("/privacy.json?site=school").json(), house.get("/privacy?site=school&lang=en").text
    assert shown["settings_sha256"] in page
    assert f"at least {shown['sites'][0]['k']} visitors" in page
    assert ", ".join(name.replace("_", " ") for name in shown["sites"][0]["dimensions"]) in page


def test_the_site_of_the_host_is_meant(school: Site, other: Site, clock: ManualClock) -> None:
    """On a product's own host its own site is told; on a shared host the reader chooses."""
    assert (
        "Het Andere College telt" in open_house(school, other, clock=clock, host="other.example").get("/privacy").text
    )
    assert "De Schoolvereniging telt" in (
        open_house(school, other, clock=clock, host="a.portal.example:8443").get("/privacy").text
    )
    shared = open_house(school, other, clock=clock, host="stats.example").get("/privacy").text
    assert "Kies een site" in shared
    assert '<option value="other">' in shared


def test_an_unknown_site_is_told_kindly(school: Site, clock: ManualClock) -> None:
    """A site that is not there is a 404 that says where its id stands, and never repeats what was asked for."""
    answer = open_house(school, clock=clock).get("/privacy?site=%3Cscript%3E")
    assert answer.status_code == 404
    assert "data-site" in answer.text
    assert "script&gt;" not in answer.text


def test_an_empty_house_says_so(clock: ManualClock) -> None:
    """Before the first site there is, the page says that nothing is counted and shows the settings of the house."""
    answer = open_house(clock=clock).get("/privacy")
    assert answer.status_code == 200
    assert "Hier wordt nog voor geen enkele site geteld." in answer.text


def test_the_button_is_only_where_it_holds(school: Site, clock: ManualClock) -> None:
    """Off the site's own hosts there is no button, since the choice would not hold there, but their names."""
    for path in PAGES:
        assert "data-turven-opt-out" in open_house(school, clock=clock).get(path).text
        elsewhere = open_house(school, clock=clock, host="stats.example").get(path).text
        assert "data-turven-opt-out" not in elsewhere
        assert "<li>www.school.example</li>" in elsewhere


@pytest.mark.parametrize("path", PAGES)
def test_without_javascript_the_page_explains_itself(school: Site, clock: ManualClock, path: str) -> None:
    """Without JavaScript the buttons stay away and a sentence says that nothing is counted then."""
    page = open_house(school, clock=clock).get(path).text
    assert page.count("data-turven-opt-out hidden") == page.count("data-turven-opt-out") == 1
    assert "<noscript><p>Zonder JavaScript" in page


@pytest.mark.parametrize("path", EVERYTHING)
def test_public_answers_are_safe_and_set_nothing(school: Site, clock: ManualClock, path: str) -> None:
    """Every answer may be cached, is not sniffed, and sets no cookie."""
    answer = open_house(school, clock=clock).get(path)
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith("public, max-age=")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("path", PAGES)
def test_pages_allow_nothing_inline_and_nothing_foreign(school: Site, clock: ManualClock, path: str) -> None:
    """The policy of a page allows its own two files and nothing else, and the page needs nothing else."""
    answer = open_house(school, clock=clock).get(path)
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert " style=" not in answer.text
    assert " onclick" not in answer.text
    assert "http" not in answer.text


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in {"href", "src"} and value]


@pytest.mark.parametrize("prefix", ["", "/turven"])
@pytest.mark.parametrize("path", [*PAGES, "/privacy?site=school"])
def test_links_lead_somewhere_behind_a_base_path_too(
    school: Site, clock: ManualClock, *, path: str, prefix: str
) -> None:
    """Every link of a page leads to an answer, at the root of a host and behind a path of a product's own host."""
    house = open_house(school, clock=clock, settings=Settings(server=Server(base_path=prefix)))
    links = _Links()
    links.feed(house.get(f"{prefix}{path}").text)
    assert len(links.found) >= 5
    for link in links.found:
        target = urljoin(f"https://www.school.example{prefix}{path}", link)
        assert target.startswith(f"https://www.school.example{prefix}/")
        assert house.get(target).status_code == 200


def test_files_are_not_sent_twice(school: Site, clock: ManualClock) -> None:
    """A browser that has a file already is told so; its tag is the same for everybody."""
    house, neighbour = open_house(school, clock=clock), open_house(clock=clock)
    for path in ("/privacy/public.css", "/privacy/public.js"):
        tag = house.get(path).headers["etag"]
        assert tag == neighbour.get(path).headers["etag"]
        assert house.get(path, headers={"If-None-Match": tag}).status_code == 304


def test_the_signal_is_promised(clock: ManualClock) -> None:
    """`/.well-known/gpc.json` says that Global Privacy Control is honoured, and since when it says so."""
    told: Any = open_house(clock=clock).get("/.well-known/gpc.json").json()
    assert told == {"gpc": True, "lastUpdate": GPC_STATED_ON}
    assert datetime.fromisoformat(GPC_STATED_ON).date() <= clock.now().date()


def test_security_txt_names_a_contact_and_runs_out(clock: ManualClock) -> None:
    """`security.txt` holds contact and an end within a year, counted from today."""
    settings = Settings(public=Public(security_contact="mailto:security@toets.example"))
    answer = open_house(clock=clock, settings=settings).get("/.well-known/security.txt")
    lines = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert lines["Contact"] == "mailto:security@toets.example"
    left = datetime.fromisoformat(lines["Expires"]) - clock.now()
    assert timedelta(days=90) < left < timedelta(days=365)


def test_no_security_contact_is_no_file(clock: ManualClock) -> None:
    """Without a contact there is no `security.txt`, and a sentence says which setting makes one."""
    answer = open_house(clock=clock).get("/.well-known/security.txt")
    assert answer.status_code == 404
    assert "public.security_contact" in answer.text


def test_every_name_in_force_has_its_dutch_word() -> None:
    """What is counted by, and what can never be switched on, stands in Dutch on the Dutch page."""
    words = WORDS[Language.NL]
    named = {*(dimension.value for dimension in Dimension), *NEVER_AVAILABLE}
    assert {name for name in named if f"name_{name}" not in words} == set()
