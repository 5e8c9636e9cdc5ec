"""Ask a scratch house with accounts who gets in, for how long, and what each role may open.

It is made like any: the first account with the code that the house prints, the others by that one. The roles and what
is not for all of them are written down here a second time.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from collector.audit.finding import Result, Seen
from collector.audit.folders import own_folder
from collector.audit.scratch import ScratchHouse
from collector.audit.shape import PUBLIC_ROUTES, SECRET_ROUTES, Doors, Route
from collector.errors import TurvenError
from collector.settings import Privacy, load_settings

#: Each role's name, and whether a page is for it, below.
ROLES: Final = ("viewer", "auditor", "controller", "operator")
#: Addresses that are not for every role: by their beginning, and for whom they are.
NOT_FOR_ALL: Final[Mapping[str, frozenset[str]]] = {
    "/audit": frozenset({"auditor", "controller", "operator"}),
    "/links": frozenset({"controller", "operator"}),
    "/weekly": frozenset({"controller", "operator"}),
    "/notes": frozenset({"controller", "operator"}),
    "/passes": frozenset({"controller", "operator"}),
    "/taken": frozenset({"controller", "operator"}),
    "/settings": frozenset({"controller", "operator"}),
    "/first-steps": frozenset({"operator"}),
    "/staff": frozenset({"operator"}),
}
#: Open before anybody signed in.
BEFORE: Final = frozenset({"/sign-in", "/assets/{name}", "/api/openapi.json"})
SIGN_IN_HOURS_MAX: Final = 8
#: Wrong passwords after which a house has to make a stranger wait.
TRIES_MAX: Final = 10
_PASSWORD, _WRONG = "a sentence of the audit", "another sentence of it"
_OWN: Final = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
_CODE: Final = re.compile(r"\b([a-z2-7]{4}(?:-[a-z2-7]{4}){3})\b")
_HANDED: Final = re.compile(r"<code>([a-z2-7]{4}(?:-[a-z2-7]{4}){4})</code>")
_KEY: Final = re.compile(r'name="form_key" value="([^"]+)"')
_NAMED: Final = re.compile(r"\{[^}]*\}")
_OK, _LED_AWAY, _FORBIDDEN, _TOO_MANY = 200, 303, 403, 429
_REFUSED: Final = frozenset({401, 403, 404, 405})


class Browser:
    """Ask a house like a browser that keeps one cookie."""

    def __init__(self, house: ScratchHouse) -> None:
        self._house = house
        self.cookie = ""
        self.flags: tuple[str, ...] = ()

    def get(self, path: str) -> tuple[int, dict[str, str], str]:
        """Open a page."""
        status, headers, body = self._house.request("GET", path, headers={"Cookie": self.cookie})
        return status, headers, body.decode(errors="replace")

    def post(self, path: str, *, key: bool = True, **fields: str) -> tuple[int, str]:
        """Send a form of a page of its own, with the key of its sign-in where it has one."""
        if key and self.cookie:
            found = _KEY.search(self.get("/me")[2])
            fields["form_key"] = found[1] if found else ""
        headers = {**_OWN, "Cookie": self.cookie}
        status, answered, body = self._house.request("POST", path, body=urlencode(fields).encode(), headers=headers)
        if given := answered.get("set-cookie"):
            self.cookie, *flags = given.split("; ")
            self.flags = tuple(sorted(flag.lower() for flag in flags))
        return status, body.decode(errors="replace")


def check_accounts(privacy: Privacy) -> Seen:
    """R48 of a house with accounts: roles, sign-ins, their cookie and their limits.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with own_folder() as folder:
        house = ScratchHouse(folder, privacy=privacy)
        house.config.write_text(house.config.read_text("utf-8") + "\n[access]\naccounts = true\n", "utf-8")
        try:
            house.start()
            house.add_site("one")
            return judge(house)
        finally:
            house.stop()


def judge(house: ScratchHouse) -> Seen:
    """Ask a running house that has accounts and nobody in it."""
    stranger = Browser(house)
    routes = [
        route
        for route in msgspec.json.decode(house.ask("routes"), type=Doors).routes
        if route.path not in {*PUBLIC_ROUTES, *SECRET_ROUTES} and "GET" in route.methods
    ]
    open_to_strangers = sorted(
        route.path for route in routes if route.path not in BEFORE and stranger.get(_address(route))[0] == _OK
    )
    browsers = _people(house)
    beyond = [
        f"{role}: {route.path}"
        for role, browser in browsers.items()
        for route in routes
        if not _is_for(role, route.path) and browser.get(_address(route))[0] not in _REFUSED
    ]
    shut = [role for role, browser in browsers.items() if browser.get("/me")[0] != _OK]
    seen: dict[str, Any] = {
        "open_to_strangers": open_to_strangers,
        "opened_beyond_their_role": beyond,
        "own_page_shut_to": shut,
        "cookie": [browsers["viewer"].cookie.partition("=")[0], *browsers["viewer"].flags],
        "taken_without_its_key": browsers["operator"].post("/staff", key=False, do="remove", name="viewer")[0]
        != _FORBIDDEN,
        "tries_until_one_waits": _tries(house),
        "signed_in_after_signing_out": _stays(browsers["viewer"]),
        "longest_sign_in_hours": _longest(house),
    }
    names_of_deeds = browsers["operator"].get("/staff")[2]
    seen["changes_of_accounts_are_noted"] = all(f"<td>{role}-1</td>" in names_of_deeds for role in ROLES)
    return Seen.that(holds(seen), roles=len(browsers), pages=len(routes), **seen)


def holds(seen: Mapping[str, Any]) -> bool:
    """Tell whether all that was seen is as it has to be."""
    flags = set(seen["cookie"])
    return (
        not seen["open_to_strangers"]
        and not seen["opened_beyond_their_role"]
        and not seen["own_page_shut_to"]
        and flags == {"__Host-turven", "httponly", "secure", "samesite=lax", "path=/"}
        and not seen["taken_without_its_key"]
        and seen["tries_until_one_waits"] is not None
        and not seen["signed_in_after_signing_out"]
        and seen["longest_sign_in_hours"] == SIGN_IN_HOURS_MAX
        and seen["changes_of_accounts_are_noted"]
    )


def _people(house: ScratchHouse) -> dict[str, Browser]:
    """Make an account of each role, as people do, and return the browsers that are signed in."""
    code = _CODE.search(house.log.read_text("utf-8", errors="replace"))
    operator = Browser(house)
    if (
        code is None
        or operator.post("/sign-in", do="first", code="aaaa", name="operator-1", password=_PASSWORD)[0] == _LED_AWAY
    ):
        raise TurvenError(
            "scratch_failed", "A scratch house with accounts prints no code for the first, or needs none."
        )
    operator.post("/sign-in", do="first", code=code[1], name="operator-1", password=_PASSWORD)
    browsers = {"operator": operator}
    for role in ROLES[:-1]:
        made = _HANDED.search(operator.post("/staff", do="add", name=f"{role}-1", role=role, sites="one")[1])
        browser = browsers[role] = Browser(house)
        if made is not None:
            browser.post("/sign-in", name=f"{role}-1", password=made[1])
            browser.post("/me", do="password", current=made[1], new=_PASSWORD)
    return browsers


def _is_for(role: str, path: str) -> bool:
    return all(role in roles for start, roles in NOT_FOR_ALL.items() if path == start or path.startswith(f"{start}/"))


def _address(route: Route) -> str:
    return _NAMED.sub("one", route.path)


def _tries(house: ScratchHouse) -> int | None:
    """Return after how many wrong passwords a stranger has to wait; `None` where they need not."""
    browser = Browser(house)
    for number in range(1, TRIES_MAX + 1):
        if browser.post("/sign-in", name="viewer-1", password=_WRONG)[0] == _TOO_MANY:
            return number
    return None


def _stays(browser: Browser) -> bool:
    """Tell whether the cookie of a sign-in that has ended still opens a page."""
    held = browser.cookie
    browser.post("/sign-out")
    browser.cookie = held
    return browser.get("/me")[0] == _OK


def _longest(house: ScratchHouse) -> int:
    """Return the longest sign-in, in hours, with which the settings of a house would start."""
    for hours in range(24, 0, -1):
        try:
            load_settings(house.config, environ={}, flags={"access.sign_in_hours": hours})
        except TurvenError:
            continue
        return hours
    return 0


def both(first: Seen, second: Seen) -> Seen:
    """Return what was seen in a house without accounts and in one with them, as one answer."""
    is_so = first.result is Result.PASS and second.result is Result.PASS
    return Seen.that(is_so, **{**first.evidence, **second.evidence})
