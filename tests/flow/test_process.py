"""The house as a process: killed, restarted, rebooted, started twice, asked from outside."""

import json
import random
import shutil
from pathlib import Path

import pytest

from tests.process import HouseProcess

KILLS = 5


@pytest.fixture
def house(tmp_path: Path) -> HouseProcess:
    """Prepare a house that is not started."""
    return HouseProcess(tmp_path)


def test_nothing_acknowledged_is_lost(house: HouseProcess) -> None:
    """Killed at random moments, the house has after each restart exactly what it acknowledged, and no one twice."""
    house.add_school()
    chance = random.Random(20261124)
    sent, visitors = 0, 0
    for _ in range(KILLS):
        house.start()
        for _ in range(chance.randrange(5, 60)):
            # Each visitor comes twice, once before and once after a kill now and then: still one visitor.
            assert house.send(visitor=visitors // 2, page="/rooster") == 202
            sent, visitors = sent + 1, visitors + 1
        house.kill()
    house.turven("close")
    total = house.cells("total")
    assert [(row["pageviews"], row["visitors"]) for row in total] == [(sent, (visitors + 1) // 2)]


def test_a_second_house_on_the_same_folder_is_refused(house: HouseProcess) -> None:
    """One history file has one house; the second says so and changes nothing."""
    with house:
        house.add_school()
        other = HouseProcess(house.folder)
        refused = other.turven("serve", "--listen", f"127.0.0.1:{other.port}", expect=3)
        assert "house_running" in refused
        assert house.send(visitor=1) == 202


def test_commands_act_on_a_running_house(house: HouseProcess) -> None:
    """Adding, closing and exporting work alike on a running house and on a stopped one."""
    with house:
        house.add_school()
        assert "school  on" in house.turven("site", "list")
        for visitor in range(12):
            assert house.send(visitor=visitor) == 202
        assert "closed" in house.turven("close")
        running = house.cells("total")
        house.turven("site", "set", "school", "--off", "--reason", "holiday")
        assert house.send(visitor=1) == 204
    assert house.cells("total") == running
    assert [row["visitors"] for row in running] == [12]


def test_lost_keys_are_said_and_nothing_else_is_touched(house: HouseProcess) -> None:
    """After a reboot the house starts, says in its log what was lost, and goes on counting."""
    with house:
        house.add_school()
        for visitor in range(12):
            assert house.send(visitor=visitor) == 202
    shutil.rmtree(house.runtime)
    with house:
        for visitor in range(11):
            assert house.send(visitor=visitor) == 202
        house.turven("close")
    assert [row["visitors"] for row in house.cells("total")] == [11]
    assert "is gone" in house.log.read_text("utf-8")


def test_a_damaged_key_stops_the_start(house: HouseProcess) -> None:
    """A seal key that is damaged is refused with a sentence; the spool is left as it is."""
    with house:
        house.add_school()
        house.send(visitor=1)
    spool = {path: path.read_bytes() for path in (house.folder / "data" / "spool").rglob("*.spool")}
    assert spool
    for key in house.runtime.rglob("key"):
        key.write_bytes(b"\0" * len(key.read_bytes()))
    assert "key_damaged" in house.turven("serve", expect=3)
    assert {path: path.read_bytes() for path in spool} == spool


@pytest.mark.parametrize(
    ("settings", "code", "expect"),
    [
        ("[privacy]\nk = 2\n", "weaker_than_floor", 2),
        ("[privacy]\nipv4_bits = 25\n", "weaker_than_floor", 2),
        ("data_dirr = 'x'\n", "settings_invalid", 2),
    ],
)
def test_a_wrong_configuration_does_not_start(tmp_path: Path, settings: str, code: str, expect: int) -> None:
    """A typo or a weakened floor ends with a sentence and exit code 2."""
    house = HouseProcess(tmp_path)
    house.config.write_text(settings, "utf-8")
    assert code in house.turven("serve", expect=expect)


def test_the_schema_is_printed(house: HouseProcess) -> None:
    """An auditor can print everything that is kept."""
    assert "create table cell" in house.turven("schema")


def test_bad_requests_get_their_answer(house: HouseProcess) -> None:
    """Every kind of bad input is answered as documented, and good events before and after it count."""
    with house:
        house.add_school()
        assert house.send(visitor=0) == 202
        good = {"s": "school", "n": "pageview", "u": "/"}
        cases: list[tuple[str, bytes, int]] = [
            ("GET", b"", 405),
            ("PUT", b"{}", 405),
            ("POST", b"", 400),
            ("POST", b"{", 400),
            ("POST", b"[]", 400),
            ("POST", b'{"s":"school","n":"pageview","u":"/\xff"}', 400),
            ("POST", b"[" * 5_000, 400),
            ("POST", b'{"a":' * 1_000 + b"1" + b"}" * 1_000, 400),
            ("POST", json.dumps(good | {"u": 7}).encode(), 400),
            ("POST", json.dumps({"s": "school", "n": "pageview"}).encode(), 400),
            ("POST", json.dumps(good | {"s": "nobody"}).encode(), 204),
            ("POST", json.dumps(good | {"u": "https://elsewhere.example/"}).encode(), 204),
            ("POST", b" " * 1_000_000, 413),
        ]
        agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
        for method, body, status in cases:
            answer = house.request(method, "/event", body=body, headers=agent)
            assert answer[0] == status, (method, body[:60], answer)
            if status >= 400:
                said = json.loads(answer[2])
                assert set(said) == {"error", "message"}
        for visitor in range(1, 12):
            assert house.send(visitor=visitor) == 202
        house.turven("close")
        assert [row["visitors"] for row in house.cells("total")] == [12]
