"""The edge opens nothing, logs nothing and keeps nothing."""

import sys
from typing import Any, Final

import pytest

from collector.edge.raw import RawRequest
from tests.edge.doors import AT, CHROME, admit, body, gate, request

#: Events of the interpreter that belong to reading and computing.
_HARMLESS: Final = ("object.__getattr__", "object.__setattr__", "sys._getframe", "gc.")


class Watch:
    """Write down what the interpreter does for as long as it is on; a hook cannot be taken away again."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.is_on = False
        sys.addaudithook(self._see)

    def _see(self, name: str, _: tuple[object, ...]) -> None:
        if self.is_on and not name.startswith(_HARMLESS):
            self.seen.append(name)


WATCH = Watch()


def test_admitting_opens_no_file_and_no_socket(capfd: pytest.CaptureFixture[str]) -> None:
    """Under the interpreter's own audit a request opens, imports, connects, starts and prints nothing."""
    door = gate()
    requests = [
        request(
            s=site,
            n=name,
            headers={"user_agent": f"{CHROME} x/{site}{name}"},
            i=7,
            p={"a": "jan@school.nl"},
            u="/é%20/7",
        )
        for site in ("school", "browser", "open", "nobody")
        for name in ("pageview", "engagement", "Toets")
    ]
    requests += [RawRequest(peer="10.0.0.1", forwarded="x", body=b"{", country="NL"), request(headers={"gpc": "1"})]
    WATCH.is_on = True
    try:
        for raw in requests:
            admit(door, raw)
            door.echo(raw, at=AT)
    finally:
        WATCH.is_on = False
    assert WATCH.seen == []
    assert capfd.readouterr() == ("", "")


def test_the_watch_sees() -> None:
    """The audit that the test above relies on does notice a file that is opened."""
    WATCH.is_on = True
    try:
        with open(__file__, "rb"):  # noqa: PTH123 - the plainest way to open a file
            pass
    finally:
        WATCH.is_on = False
    assert "open" in WATCH.seen
    WATCH.seen.clear()


def test_nothing_of_a_request_outlives_it() -> None:
    """After the answer nobody holds the address, the headers or the body; the user agent goes when the day turns."""
    door = gate()
    fields: list[Any] = ["".join(parts) for parts in (["198.51.100", ".77"], [CHROME, " Canary/1"], ["nl-", "NL"])]
    fields.append(body(u="/les/7?a=b"))

    def held() -> list[int]:
        return [sys.getrefcount(field) for field in fields]

    before = held()
    for _ in range(3):
        raw = RawRequest(peer=fields[0], user_agent=fields[1], language=fields[2], body=fields[3])
        admit(door, raw)
        door.echo(raw, at=AT)
        del raw
    after = held()
    assert [after[0], after[2], after[3]] == [before[0], before[2], before[3]]
    assert after[1] > before[1]
    door.forget()
    assert held() == before
