"""Checks on scratch houses run beside the rest, in processes of their own."""

from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest

from collector.audit.beside import GROUPS, PARTS, started
from collector.audit.canary import CANARY
from collector.errors import SettingsError
from collector.settings import Settings


def test_every_part_stands_in_one_group() -> None:
    """No check on a scratch house is left out, and none is run twice."""
    assert sorted(name for group in GROUPS for name in group) == sorted(PARTS)
    assert {number for part in PARTS.values() for number in part.ids} >= CANARY


def test_nothing_is_started_where_no_house_is_needed() -> None:
    """A check that needs nothing but the file starts no process."""
    told: list[str] = []
    with started(Settings(), ids={"R20"}, marks=(), tell=told.append) as answers:
        assert answers() == {}
    assert told == []


def test_a_mistake_comes_back() -> None:
    """What the other process refuses is refused here, with its sentence and as a mistake of whoever asked."""
    with (
        pytest.raises(SettingsError, match="8 characters"),
        started(Settings(), ids={"R41"}, marks=("jan",), tell=lambda _: None) as answers,
    ):
        answers()


def test_whoever_leaves_takes_the_houses_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit that is broken off ends its scratch houses, and nothing of them is left."""
    is_running = Event()
    # A short name: a control socket lies below, whose address may have 107 characters.
    with TemporaryDirectory() as place:
        monkeypatch.setenv("TMPDIR", place)
        with started(
            Settings(), ids={"R41"}, marks=(), tell=lambda what: is_running.set() if "marked" in what else None
        ):
            assert is_running.wait(60)
            assert any(Path(place).iterdir())
        assert list(Path(place).iterdir()) == []
