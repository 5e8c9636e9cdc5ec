"""Is a form taken from a page of one's own sign-in only?"""

import re
from pathlib import Path
from typing import Final

import msgspec
import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

import dashboard
from dashboard.who import MACHINE, Way, Who
from tests.dashboard.house import House

TEMPLATES: Final = sorted((Path(dashboard.__file__).parent / "templates").rglob("*.html"))
_FORM: Final = re.compile(r'<form\b[^>]*method="post"[^>]*>(.*?)</form>', re.DOTALL | re.IGNORECASE)
OURS: Final = {"sec-fetch-site": "same-origin"}
FORM: Final = {"id": "portaal", "hosts": "portaal.school.example", "identity": "network"}


class OneDoor:
    """Let everybody in as somebody who signed in."""

    def who(self, _request: Request) -> Who:
        """Return who signed in."""
        return msgspec.structs.replace(MACHINE, way=Way.ACCOUNT, form_key="0123456789abcdef")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_form_brings_its_key_along(template: Path) -> None:
    """Each form of each page holds the key of the sign-in that it was made for."""
    forms = _FORM.findall(template.read_text("utf-8"))
    assert all("form_key()" in form for form in forms)


@pytest.mark.parametrize(
    ("key", "status"), [("0123456789abcdef", 303), ("", 403), ("0123456789abcdee", 403), ("é", 403), (None, 403)]
)
def test_a_form_without_the_key_of_its_sign_in_is_refused(empty: House, key: str | None, status: int) -> None:
    """Who signed in changes nothing with a form that does not hold the key of that sign-in."""
    client = TestClient(empty.app(door=OneDoor()), base_url="http://127.0.0.1:8000")
    page = client.get("/first-steps")
    assert 'name="form_key" value="0123456789abcdef"' in page.text
    data = FORM | ({} if key is None else {"form_key": key})
    answer = client.post("/first-steps", data=data, headers=OURS, follow_redirects=False)
    assert answer.status_code == status
    assert (len(empty.sites) == 2) is (status == 303)
