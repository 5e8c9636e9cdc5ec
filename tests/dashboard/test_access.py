"""Does the dashboard answer to this machine alone?"""

import pytest

from dashboard.access import HEADERS
from tests.dashboard.house import House

PAGES = ("/", "/first-steps", "/first-steps/school", "/export/pages.csv", "/assets/turven.css")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("peer", ["192.0.2.7", "::ffff:192.0.2.7", "10.0.0.1", "testclient"])
def test_other_machines_are_refused(house: House, path: str, peer: str) -> None:
    """Until there are accounts, no other machine sees a page, an export or a file."""
    answer = house.client(client=(peer, 1)).get(path)
    assert answer.status_code == 403
    assert "school</h1>" not in answer.text


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_answered(house: House, peer: str) -> None:
    """Loopback in each of its forms is answered."""
    assert house.client(client=(peer, 1)).get("/").status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("localhost:8000", 200),
        ("127.0.0.1:8000", 200),
        ("[::1]:8000", 200),
        ("[::1]", 200),
        ("stats.school.example", 421),
        ("localhost.evil.example:8000", 421),
        ("127.0.0.1.evil.example", 421),
        ("127.0.0.1:80a", 421),
        ("", 421),
    ],
)
def test_other_names_are_refused(house: House, host: str, status: int) -> None:
    """A name that was made to point at this machine does not open the dashboard (DNS rebinding)."""
    assert house.client().get("/", headers={"host": host}).status_code == status


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip", "x-forwarded-host"])
def test_a_proxy_does_not_open_the_door(house: House, header: str) -> None:
    """A request that says it was forwarded is somebody else's, whoever hands it on."""
    assert house.client().get("/", headers={header: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"origin": "http://127.0.0.1:8000"}, 303),
        ({"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8000"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1:9000"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_only_our_own_form_changes_anything(empty: House, headers: dict[str, str], status: int) -> None:
    """A form is taken from a page of ours only."""
    form = {"id": "portaal", "hosts": "portaal.school.example", "identity": "network"}
    answer = empty.client().post("/first-steps", data=form, headers=headers, follow_redirects=False)
    assert answer.status_code == status
    assert (len(empty.sites) == 2) is (status == 303)


@pytest.mark.parametrize("path", [*PAGES, "/?metric=none", "/first-steps/nobody", "/export/x.csv"])
def test_every_answer_carries_the_headers(house: House, path: str) -> None:
    """Every answer, also one that says no, forbids inline and foreign content, framing and sniffing."""
    answer = house.client().get(path)
    assert {name: answer.headers[name] for name in HEADERS} == dict(HEADERS)
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "set-cookie" not in answer.headers
