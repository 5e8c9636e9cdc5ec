"""Processes of a house are killed or replaced under load: nothing that was acknowledged is lost or counted twice."""

import os
import signal
from functools import partial
from pathlib import Path

import msgspec

from collector.audit.own_process import OwnAnswer
from collector.control import SOCKET_NAME, ask_peer
from tests.procs.houses import EVENT, Houses, Stream, children_of, is_alive, wait_until


def test_everything_is_replaced_under_a_stream_of_events(tmp_path: Path) -> None:
    """While each process is replaced no event is refused or lost, on kept connections and on fresh ones.

    Each is counted exactly once, and an orderly end lets the collectors go before the house.
    """
    house = Houses(tmp_path, collectors=2)
    with house:
        house.add_school()
        before = house.children()
        # One connection at a collector and one at the house, which wait without a word for what comes after.
        waiting = [house.kept("/turven.js?s=school"), house.kept("/")]
        with Stream(house) as stream:
            # How many there are may stand in the command; what its file says of it waits for the next start of all.
            house.config.write_text(house.config.read_text("utf-8").replace("collectors = 2\n", ""), "utf-8")
            assert "replaced" in house.turven("restart")
            wait_until(lambda: house.said(" was replaced.") == 3)
        after = house.children()
        assert set(after) == set(before)
        asked = ask_peer(house.runtime / SOCKET_NAME, "process", {})
        assert asked is not None
        assert msgspec.json.decode(asked[1], type=OwnAnswer).collectors == 2
        assert not set(after.values()) & set(before.values())
        assert set(stream.answers) == {202}
        assert [goes_on() for goes_on in waiting] == [200, 200]
        house.signal(signal.SIGTERM)
        assert house.ended() == 0
    assert not any(is_alive(pid) for pid in after.values())
    ended = [
        line.partition("[")[2].partition("]")[0]
        for line in house.log.read_text("utf-8").splitlines()
        if "Finished" in line
    ]
    assert ended[-1] == "house"
    house.turven("close")
    [total] = house.cells("total")
    assert total["pageviews"] == stream.answers[202]


def test_who_is_killed_is_started_again(tmp_path: Path) -> None:
    """A collector, the house and the parent, each killed: what was acknowledged is there, once."""
    house, sent = Houses(tmp_path, collectors=1), 0
    with house:
        house.add_school()
        for name in ("collector 0", "house"):
            for visitor in range(12):
                assert house.send(visitor=visitor) == 202
                sent += 1
            killed = house.children()[name]
            os.kill(killed, signal.SIGKILL)
            wait_until(partial(_is_replaced, house, name, killed))
            house._hang_up()
            # Waits in the socket that the parent keeps open, if need be.
            assert house.fresh("POST", "/event", body=EVENT)[0] == 202
            sent += 1
        assert house.fresh("GET", "/")[0] == 200
        children = children_of(house.pid)
        house.kill()
    # The one that follows waits for what is left of the one before.
    with house:
        # One that is left may have answered the question whether the new house is there.
        wait_until(lambda: house.said("The house answers") == 2)
        assert not any(is_alive(pid) for pid in children.values())
        house.turven("close")
    [total] = house.cells("total")
    assert total["pageviews"] == sent
    log = house.log.read_text("utf-8")
    assert "collector 0 ended (SIGKILL): started again in 0.0 s." in log


def _is_replaced(house: Houses, name: str, killed: int) -> bool:
    return house.children().get(name, killed) != killed
