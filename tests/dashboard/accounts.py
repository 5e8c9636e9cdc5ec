"""A house with accounts: its door with cheap passwords, and clients that are signed in."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from argon2 import PasswordHasher
from starlette.requests import Request
from starlette.testclient import TestClient

from collector.settings import Access, Public, Server
from dashboard.access_door import AccountsDoor
from dashboard.access_passwords import Passwords
from dashboard.api_door import token_door
from dashboard.desk.accounts import Accounts
from dashboard.who import Role
from tests.dashboard.house import House

PASSWORD: Final = "elke dag een zin"  # noqa: S105 - made up
OURS: Final = {"sec-fetch-site": "same-origin"}
PUBLIC: Final = "https://stats.school.example"
CHEAP: Final = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


class Accounted:
    """Put a door of accounts before a house, behind a proxy at 192.0.2.1 that speaks TLS."""

    def __init__(self, house: House, *, base_path: str = "", base_url: str = PUBLIC, **access: Any) -> None:
        self.house = house
        self.base_path = base_path
        self.settings = msgspec.structs.replace(
            house.settings,
            access=Access(accounts=True, **access),
            public=Public(base_url=base_url + base_path),
            server=Server(base_path=base_path, trusted_proxies=("192.0.2.1",)),
        )
        self.accounts = Accounts(house.desk, clock=house.clock, passwords=Passwords(CHEAP))
        self.door = AccountsDoor(
            house.desk,
            settings=self.settings,
            clock=house.clock,
            network=network,
            accounts=self.accounts,
            programs=token_door(house.desk, house.clock),
        )
        self.app = house.app(base_path=base_path, door=self.door)

    def add(self, name: str, role: Role, *, sites: Sequence[str] | None = ("school",), **more: Any) -> None:
        """Make an account with the usual password."""
        self.accounts.add(name, role, sites=sites, password=PASSWORD, made_by="a test", **more)

    def client(self, name: str = "", **more: Any) -> TestClient:
        """Return a browser behind the proxy, signed in as *name* where one is given."""
        options: dict[str, Any] = {
            "base_url": PUBLIC,
            "client": ("192.0.2.1", 1),
            "headers": {"x-forwarded-for": "203.0.113.7"},
            "follow_redirects": False,
        }
        client = TestClient(self.app, **(options | more))
        if name:
            answer = self.sign_in(client, name)
            assert answer.status_code == 303, answer.text
        return client

    def sign_in(self, client: TestClient, name: str, password: str = PASSWORD, **more: str) -> Any:
        """Send the form that signs in."""
        data = {"name": name, "password": password, "form_key": self.form_key(client), **more}
        return client.post(f"{self.base_path}/sign-in?lang=en", data=data, headers=OURS)

    def form_key(self, client: TestClient) -> str:
        """Return the key that the forms of a browser's sign-in hold."""
        sign_in = self.door.sign_ins.find(client.cookies.get(self.door.cookie) or "")
        return sign_in.form_key if sign_in else ""

    def post(self, client: TestClient, path: str, **data: str) -> Any:
        """Send a form of our own pages."""
        data["form_key"] = self.form_key(client)
        return client.post(f"{self.base_path}{path}", data=data, headers=OURS)


def network(request: Request) -> bytes:
    """Return the network that a request says to come from."""
    return request.headers.get("x-forwarded-for", "").encode().rpartition(b".")[0]
