"""A whole house in a folder of its own, with a clock turned by hand; real files, real engine, the door in process."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from starlette.applications import Starlette
from starlette.testclient import TestClient

from collector.guard import Guard
from collector.house import House
from collector.model import Outcome, Site
from collector.settings import Limits, Privacy, Server, Settings
from tests.agents import CHROME
from tests.clock import ManualClock


class TallyHouse:
    """Drive a house step by step: feed events, turn the clock, close, look at what is kept."""

    def __init__(
        self,
        folder: Path,
        *,
        clock: ManualClock,
        privacy: Privacy | None = None,
        server: Server | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.folder = folder
        self.clock = clock
        self.settings = Settings(
            data_dir=folder / "data",
            runtime_dir=str(folder / "runtime"),
            privacy=privacy or Privacy(),
            server=server or Server(trusted_proxies=("127.0.0.0/8",)),
            limits=limits or Limits(),
        )
        self._start()

    def _start(self) -> None:
        self.house = House(self.settings, clock=self.clock)
        self.client = TestClient(
            Guard(Starlette(routes=self.house.routes())), client=("127.0.0.1", 50_000), raise_server_exceptions=False
        )

    def add(self, site: Site) -> Self:
        """Take a site into the house."""
        made_by = f"operator, on behalf of {site.controller}"
        self.house.engine.sites.add(site, made_by=made_by, reason="test", at=self.clock.now())
        return self

    def send(
        self,
        *,
        visitor: int = 0,
        page: str = "/",
        site: str = "school",
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> Any:
        """Send one event of a numbered visitor through the door and return the answer."""
        body = {"s": site, "n": "pageview", "u": page} | fields
        given = {
            "User-Agent": CHROME,
            "X-Forwarded-For": f"10.{visitor >> 8 & 255}.{visitor & 255}.7",
            **(headers or {}),
        }
        return self.client.post("/event", content=json.dumps(body), headers=given)

    def feed(self, *, visitors: int, page: str = "/", first: int = 0, **fields: Any) -> Self:
        """Let *visitors* distinct visitors, numbered from *first*, each send one event; all are counted."""
        for visitor in range(first, first + visitors):
            assert self.send(visitor=visitor, page=page, **fields).status_code == 202
        return self

    def tick(self) -> Self:
        """Go round once."""
        self.house.intake.look()
        self.house.engine.tick()
        return self

    def close(self, *sites: str) -> dict[str, Outcome | None]:
        """Close the running part of sites now; all where none is named."""
        self.house.intake.look()
        # The collector goes on in a new file as soon as it sees the replaced salt, which is at its next look.
        self.house.engine.wait = self.house.intake.look
        return self.house.engine.close_now(list(sites) or None)

    def cells(self, dimension: str, *, site: str = "school", measure: str = "visitors") -> dict[str, int | None]:
        """Return the kept values of a single breakdown with one measure."""
        return dict(
            self.rows(
                f"select value, {measure} from cell where site = ? and dimension = ? and filter_dimension = ''",
                [site, dimension],
            )
        )

    def rows(self, sql: str, parameters: list[Any] | None = None) -> list[Any]:
        """Ask the history file."""
        with self.house.engine.history.read() as cursor:
            return cursor.execute(sql, parameters or []).fetchall()

    def stop(self) -> None:
        """Stop in order."""
        self.house.intake.stop()
        self.house.engine.tick()
        self.house.engine.stop()

    def restart(self) -> Self:
        """Stop in order and start again on the same folders."""
        self.stop()
        self._start()
        return self

    def bytes_on_disk(self) -> bytes:
        """Return every byte of every file of the house."""
        return b"".join(path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file())
