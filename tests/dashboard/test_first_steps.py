"""Does an empty house lead to a first event?"""

from datetime import date

import pytest

from collector.model import Identity, Profile
from tests.dashboard.house import House

FORM = {
    "id": "portaal",
    "hosts": "www.portaal.example, *.portaal.example",
    "controller": "Stichting Leren",
    "agreement": "VO-7",
    "agreed_on": "2026-08-01",
    "profile": "standard",
    "identity": "browser",
    "timezone": "Europe/Amsterdam",
    "on": "1",
}
OURS = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def nobody(empty: House) -> House:
    """Take every site out of the house."""
    empty.sites = []
    return empty


def test_an_empty_house_shows_the_first_steps(nobody: House) -> None:
    """Without a site the overview leads to the form, in which identity has no default."""
    page = nobody.client().get("/?lang=en")
    assert page.url.path == "/first-steps"
    assert 'name="identity" value="network" required>' in page.text
    assert 'name="identity" value="browser" required>' in page.text


def test_a_site_is_taken_in_and_its_snippet_shown(nobody: House) -> None:
    """The form takes a site in, records for whom, and goes on to the snippet and the trial event."""
    page = nobody.client().post("/first-steps?lang=en", data=FORM, headers=OURS)
    site = nobody.sites[0]
    assert page.status_code == 200
    assert (site.id, site.hosts, site.is_on) == ("portaal", ("www.portaal.example", "*.portaal.example"), True)
    assert (site.identity, site.profile, site.agreed_on) == (Identity.BROWSER, Profile.STANDARD, date(2026, 8, 1))
    assert nobody.made_by == ["operator, on behalf of Stichting Leren"]
    assert "data-site=&#34;portaal&#34;" in page.text
    assert "/event?debug=1" in page.text
    assert "https://www.portaal.example/" in page.text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"identity": ""}, "Choose what tells two visitors apart"),
        ({"identity": "cookie"}, "Choose what tells two visitors apart"),
        ({"agreed_on": "tomorrow"}, "is no date"),
        ({"profile": "none"}, "Choose a profile."),
        ({"hosts": ""}, "Name 1 to 50 hosts."),
    ],
)
def test_a_mistake_is_named_and_the_form_kept(nobody: House, change: dict[str, str], sentence: str) -> None:
    """A form with a mistake comes back as it was filled in, with a sentence, and nothing is kept."""
    page = nobody.client().post("/first-steps?lang=en", data=FORM | change, headers=OURS)
    assert page.status_code == 422
    assert sentence in page.text
    assert 'value="Stichting Leren"' in page.text
    assert nobody.sites == []


def test_a_form_that_is_too_large_is_refused(nobody: House) -> None:
    """A form has a limit."""
    page = nobody.client().post("/first-steps", data=FORM | {"id": "x" * 20_000}, headers=OURS)
    assert page.status_code == 413
    assert nobody.sites == []


def test_pages_live_under_a_base_path(nobody: House) -> None:
    """Behind a product's own host every address begins with the base path."""
    client = nobody.client(base_path="/turven")
    page = client.post("/turven/first-steps", data=FORM, headers=OURS)
    assert page.url.path == "/turven/first-steps/portaal"
    assert 'data-echo="/turven/event?debug=1"' in page.text
    assert client.get("/turven/").status_code == 200
