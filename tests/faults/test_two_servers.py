"""Two servers on one data directory, started one after the other or at once."""

import re
from pathlib import Path

import pytest

from tests.faults import child
from tests.faults.load import Load, differences
from tests.faults.served import ServedHouse, serve
from tests.faults.test_kills import ENOUGH


@pytest.mark.parametrize("server", ["", "collectors = 1"])
def test_a_second_server_is_refused_and_disturbs_nothing(tmp_path: Path, server: str) -> None:
    """The second server on a data directory ends with a sentence; the first answers every event meanwhile."""
    with ServedHouse(tmp_path, server=server) as house:
        house.add("school")
        with Load(house.port) as load:
            load.more(ENOUGH, log=house.log)
            # The same settings to the letter, and others that lead to the same folder.
            second = house.second_config()
            for config in (house.config, second):
                said = tmp_path / f"{config.stem}.txt"
                assert child.wait(child.start(serve, config, log=said)) == 3
                assert re.search(r"one data directory has one house\. \[house_running\]", said.read_text("utf-8"))
            load.more(ENOUGH, log=house.log)
        house.ask("close", sites=None)
        tallies = load.tallies()
        assert differences(house.counted("school"), tallies) == []
        assert (load.hung, load.unwilling, sum(one.unanswered for one in tallies.values())) == (0, {}, 0)
