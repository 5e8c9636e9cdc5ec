"""A house that dies at each step of what it does to the disk, and is started again."""

import json
import os
import random
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from tests.faults import child
from tests.faults.operations import OPERATIONS, perform, prepare, recover

#: Steps of an operation at which a house dies; `make faults` takes more.
STEPS_MAX: Final = 2 * int(os.environ.get("FAULTS", "1"))
SEED: Final = int(os.environ.get("FAULTS_SEED", "20261124"))
#: A step before one of these, or after it, is always among them: there something comes into force.
FORCE: Final = {"commit", "checkpoint", "replace"}


def _chosen(passed: list[str], *, chance: random.Random) -> list[int]:
    """Return the steps to die at: the first and, of the others, as many as are wanted."""
    steps = list(range(1, len(passed)))
    chance.shuffle(steps)
    steps.sort(key=lambda step: not {passed[step], passed[step - 1]} & FORCE)
    return [0, *sorted(steps[: STEPS_MAX - 1])]


class _House:
    """A house in a folder that is copied for each death."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self._folder = folder
        self._log = folder / "log.txt"
        self._prepared = folder / "prepared"
        self._prepared.mkdir()
        child.run_until_killed(prepare, name, self._prepared, log=self._log)

    def die(self, at: int | None) -> tuple[list[str], dict[str, Any]]:
        """Kill it at a step, or after the last; return what it passed then, and what it has when it is up again."""
        folder, passed, found = (self._folder / f"{name} {at}" for name in ("house", "passed", "found"))
        shutil.copytree(self._prepared, folder)
        noted = passed if at is None else None
        child.run_until_killed(perform, self.name, folder, at, noted, log=self._log)
        child.run(recover, self.name, folder, found, log=self._log)
        state: dict[str, Any] = json.loads(found.read_text("utf-8"))
        shutil.rmtree(folder)
        return json.loads(passed.read_text("utf-8")) if noted else [], state


def _differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return, by table, the rows that only one of two states has."""
    return {table: [_rows(one, other, table), _rows(other, one, table)] for table in one if one[table] != other[table]}


def _rows(one: dict[str, Any], other: dict[str, Any], table: str) -> Any:
    return [row for row in one[table] if row not in other[table]] if isinstance(one[table], list) else one[table]


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_house_that_dies_at_any_step_has_all_or_nothing_of_it(tmp_path: Path, name: str) -> None:
    """Killed at a step of an operation and started again, a house has what it had before or what it had after."""
    house = _House(name, tmp_path)
    passed, whole = house.die(None)
    _, nothing = house.die(0)
    assert passed
    for step in _chosen(passed, chance=random.Random(SEED))[1:]:
        _, state = house.die(step)
        told = f"{name}: killed at step {step}, before {passed[step]}, of {passed}"
        assert state in (nothing, whole), f"{told}\n{_differences(whole, state)}"
