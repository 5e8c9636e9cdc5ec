"""The log: words or JSON objects, of what the house does and of no event."""

import logging
from pathlib import Path

import msgspec
import pytest

from collector.log import Formatter, JsonFormatter, Line
from tests.metrics import read_figures
from tests.process import HouseProcess
from tests.procs.houses import wait_until

EVENTS = 1_000


def test_a_line_is_words_or_an_object() -> None:
    """Both forms say the same: when, how bad, which process, which part, and a sentence."""
    record = logging.LogRecord("turven.engine", logging.WARNING, "engine.py", 1, 'closed "%s"', ("school",), None)
    record.created = 0.0
    assert Formatter("house").format(record) == '1970-01-01T00:00:00Z WARNING [house] turven.engine closed "school"'
    assert Formatter().format(record) == '1970-01-01T00:00:00Z WARNING turven.engine closed "school"'
    line = msgspec.json.decode(JsonFormatter("house").format(record), type=Line)
    assert line == Line("1970-01-01T00:00:00Z", "WARNING", "house", "turven.engine", 'closed "school"')


def test_json_tells_no_words_of_others() -> None:
    """What a library says becomes the place where it said it, in this form too."""
    record = logging.LogRecord("library", logging.ERROR, "/x/file.py", 7, "secret %s", ("word",), None)
    assert msgspec.json.decode(JsonFormatter().format(record), type=Line).message == "at file.py:7"


@pytest.mark.parametrize("collectors", [0, 1])
def test_no_event_writes_a_line(tmp_path: Path, collectors: int) -> None:
    """A thousand events at DEBUG add no line in any process; each line is an object; the monitor counts them all."""
    house = HouseProcess(tmp_path, settings='log_format = "json"\n[limits]\nsite_events_per_second = 100000\n')
    house.config.write_text(f"{house.config.read_text('utf-8')}collectors = {collectors}\n", "utf-8")
    with house:
        house.add_school()
        wait_until(lambda: house.send(visitor=0) == 202)
        before = _lines(house)
        for visitor in range(EVENTS):
            assert house.send(visitor=visitor, page=f"/{visitor}") == 202
        wait_until(lambda: read_figures(house.request("GET", "/metrics")[2])["turven_events_total"] >= EVENTS)
        assert len(_lines(house)) - len(before) < EVENTS / 100
    lines = _lines(house)
    assert {line.process for line in lines} == ({"parent", "house", "collector 0"} if collectors else {""})
    assert {line.logger.partition(".")[0] for line in lines} <= {"turven", "uvicorn", "asyncio"}


def _lines(house: HouseProcess) -> list[Line]:
    return [msgspec.json.decode(line, type=Line, strict=True) for line in house.log.read_bytes().splitlines()]
