"""Whatever fails, and wherever, no word of a request comes out: not on stderr at DEBUG, not in an answer."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from collector.audit.broken import GUARD_QUERY
from collector.intake import Stream
from collector.model import Site
from tests.clock import ManualClock
from tests.house import TallyHouse
from tests.process import ROOT, HouseProcess, environment

MARK: Final = "kanarie7f3a91"
ADDRESS: Final = "203.0.113.77"
_HEADERS: Final = {
    "User-Agent": f"Mozilla/5.0 {MARK}",
    "X-Forwarded-For": ADDRESS,
    "Cookie": f"sessie={MARK}",
    "Referer": f"https://www.school.example/{MARK}",
}
_BODY: Final = json.dumps({"s": "school", "n": MARK, "u": f"https://www.school.example/{MARK}?q={MARK}"}).encode()


@contextmanager
def _broken(folder: Path, parts: str, *interpreter: str) -> Iterator[tuple[HouseProcess, "subprocess.Popen[str]"]]:
    """Serve a house of which *parts* fail; what it writes is read when it has ended."""
    house = HouseProcess(folder)
    process = subprocess.Popen(
        [
            *(sys.executable, *interpreter, "-m", "collector.audit.broken", parts, MARK),
            *("--config", str(house.config), "serve"),
        ],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        yield house, process
    finally:
        house.stop()
        process.kill()
        process.wait(20)
        if process.stdout:
            process.stdout.close()


def _wait(house: HouseProcess, process: "subprocess.Popen[str]") -> None:
    ends_at = time.monotonic() + 30
    while not house.is_ready():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < ends_at
        time.sleep(0.05)


def test_no_part_that_fails_tells_what_it_was_given(tmp_path: Path) -> None:
    """An event, a page and a command that fail, an engine and an intake that fail: kinds and places, and no value."""
    parts = "door,lane,page,guard,engine,intake,command,end"
    with _broken(tmp_path, parts, "-X", "dev") as (house, process):
        _wait(house, process)
        answers = [
            house.request("POST", f"/event?q={MARK}", body=_BODY, headers=_HEADERS),
            house.request("POST", "/event", body=b"\xff" + _BODY, headers=_HEADERS),
            house.request("GET", f"/?site={MARK}", headers=_HEADERS),
        ]
        assert [answer[0] for answer in answers] == [500, 500, 500]
        status, headers, body = house.request("POST", f"/event?{GUARD_QUERY}&q={MARK}", body=_BODY, headers=_HEADERS)
        assert status == 500
        told = house.turven("close", expect=1)
        process.send_signal(signal.SIGTERM)
        written, _ = process.communicate(timeout=30)
    said = written + told + str(answers) + str(headers) + body.decode()
    assert MARK not in said, written
    assert ADDRESS not in said
    assert "Traceback" not in said
    # Each of them did fail, and was told by kind and place.
    for kind in ("turven.guard", "turven.house", "turven.intake", "turven.control", "uvicorn.error at", "asyncio at"):
        assert kind in written, written
    for line in ("thread ended: BrokenError at broken.py", "ignored: BrokenError at broken.py", "UserWarning at"):
        assert line in written, written


def test_a_spool_that_fails_in_its_own_way_refuses(
    tmp_path: Path, clock: ManualClock, school: Site, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen error while events are written is answered with 503 and told by kind and place; nobody waits."""

    def fail(_stream: Stream) -> None:
        raise ValueError(MARK)

    house = TallyHouse(tmp_path, clock=clock).add(school)
    with monkeypatch.context() as patched:
        patched.setattr(Stream, "flush", fail)
        assert house.send().status_code == 503
    house.stop()
    assert "ValueError at test_no_words.py" in caplog.text
    assert MARK not in caplog.text


@pytest.mark.parametrize("part", ["start", "lifespan"])
def test_a_start_that_fails_tells_no_value(tmp_path: Path, part: str) -> None:
    """An error at the start ends the house, and is told by its kind and place."""
    with _broken(tmp_path, part) as (_, process):
        written, _ = process.communicate(timeout=30)
    assert process.returncode
    assert MARK not in written, written
    assert "Traceback" not in written
    assert "BrokenError at broken.py" in written
