"""A check that had nothing to look at says so, and does not pass."""

from pathlib import Path
from typing import Final

import duckdb
import pytest

from collector.audit.finding import Result
from collector.audit.questions import REQUIREMENTS
from collector.audit.run import Scope, audit_copy
from collector.settings import Settings
from collector.store.migrate import schema_sql
from tests.clock import ManualClock

#: What the shape of a file shows by itself, without a row in it.
OF_THE_SHAPE: Final = {"R1", "R18", "R20", "R35", "R44"}
_TOTAL: Final = (
    "insert into closed values ('s', '2026-11-20', 1, 'kept', 'tracker', 'network', 'strict', 50, repeat('0', 64), "
    "'2026-11-21', 1, '{}'); "
    "insert into cell values ('s', '2026-11-20', 1, '', '', 'total', '', 100, 60, 50, null, null, 0, 100)"
)


def _passed(path: Path, statements: str) -> set[str]:
    with duckdb.connect(str(path)) as connection:
        connection.execute(schema_sql() + statements)
    scope = Scope(ids=[requirement.id for requirement in REQUIREMENTS], attack_seconds=1)
    answers = audit_copy(path, settings=Settings(), clock=ManualClock(), scope=scope)
    return {number for seen in answers.values() for number, one in seen.items() if one.result is Result.PASS}


def test_a_history_without_a_row_passes_by_its_shape_alone(tmp_path: Path) -> None:
    """Of a file in which nothing is kept only tables and columns can be judged."""
    assert _passed(tmp_path / "empty.duckdb", "") == OF_THE_SHAPE


@pytest.mark.parametrize("number", ["R6", "R8", "R9"])
def test_breakdowns_that_are_not_kept_are_not_judged(number: str, tmp_path: Path) -> None:
    """Where a site has switched its breakdowns off, nothing is said of their values."""
    assert number not in _passed(tmp_path / "total.duckdb", _TOTAL)
