"""Does an address with a slash too many lead anywhere else than to its own house?"""

from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from dashboard.slashes import Slashes
from tests.dashboard.house import House

SECRET = "s" * 43


@pytest.fixture
def client(empty: House) -> TestClient:
    """Stand outside of a house under a path, as a proxy that took the TLS off."""
    app = empty.app(base_path="/turven")
    Slashes(app.router)
    return TestClient(app, base_url="http://elsewhere.example", client=("203.0.113.9", 1), follow_redirects=False)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/turven", "/turven/"),
        ("/turven/sign-in/?to=%2Fturven%2F", "/turven/sign-in?to=%2Fturven%2F"),
        (f"/turven/shared/{SECRET}//", f"/turven/shared/{SECRET}"),
    ],
)
def test_a_slash_too_many_names_neither_scheme_nor_host(client: TestClient, path: str, location: str) -> None:
    """A browser stays at the scheme and host that it knows, so no secret travels in clear, whatever Host was sent."""
    answer = client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (307, location)
    assert (answer.headers["referrer-policy"], answer.headers["cache-control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize(
    "path", ["//elsewhere.example/", "/turven/none/", "//turven/sign-in/", "/%5Celsewhere.example/"]
)
def test_what_is_not_there_leads_nowhere(client: TestClient, path: str) -> None:
    """An address that there is not is answered 404, with the headers of every answer."""
    answer = client.get(path)
    assert (answer.status_code, "location" in answer.headers) == (404, False)
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_form_is_never_sent_on(client: TestClient) -> None:
    """What was filled in is not repeated at another address."""
    answer = client.post("/turven/sign-in/", data={"password": quote("geheim")})
    assert (answer.status_code, "location" in answer.headers) == (404, False)
