"""What fails is tried less and less often, and said now and then."""

import logging
from itertools import pairwise

import pytest

from collector.errors import StoreError
from collector.retry import PAUSE_ROUNDS_MAX, SAY_AGAIN_ROUNDS, Retries


def test_a_failure_that_lasts_is_said_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is logged once and again after ten minutes, and tried after 1, 2, 4 … rounds, at least every 30 s."""
    retries = Retries()
    tried: list[int] = []
    rounds = 2 * SAY_AGAIN_ROUNDS

    def fail(number: int) -> None:
        tried.append(number)
        raise StoreError("history_full", "The disk is full.")

    for number in range(rounds):
        retries.guard("close", lambda number=number: fail(number))  # type: ignore[misc]
    assert tried[:5] == [0, 1, 3, 6, 11]
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert max(pauses) == PAUSE_ROUNDS_MAX + 1
    assert [record.message for record in caplog.records] == ["The disk is full."] * 2


def test_what_works_again_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Once it works again the log says so, and the next failure is new."""
    caplog.set_level(logging.INFO)
    retries = Retries()

    def fail() -> None:
        raise StoreError("history_full", "The disk is full.")

    for work in (fail, lambda: None, lambda: None, fail):
        retries.guard("close", work)
    assert [record.message for record in caplog.records] == [
        "The disk is full.", "What failed before works again.", "The disk is full.",
    ]  # fmt: skip


def test_one_piece_does_not_hold_up_another(caplog: pytest.LogCaptureFixture) -> None:
    """Where one piece of the round fails, the others are done; foreign words about it stay out of the log."""
    retries = Retries()
    done: list[str] = []

    def fail() -> None:
        raise ValueError("/leerling/jan-jansen")

    for _ in range(3):
        retries.guard("drain", fail)
        retries.guard("hours", lambda: done.append("hours"))
    assert done == ["hours"] * 3
    assert "jan" not in caplog.text
    retries.hurry()
    retries.guard("drain", lambda: done.append("drain"))
    assert done[-1] == "drain"
