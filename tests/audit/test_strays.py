"""What lies beside the columns of a history, or in a text whose form nobody checks, is found (R20)."""

from pathlib import Path
from typing import Final

import pytest

from collector.audit.finding import Result
from collector.audit.kept import Kept, columns_are_the_inventory
from collector.store.copy import read_copy
from tests.audit.conftest import Harm

HIDDEN: Final = {
    "comment of cell": "comment on table cell is 'Jan, 203.0.113.7'",
    "default of gap.reason": "alter table gap alter reason set default 'Jan'",
    "schema jan": "create schema jan",
    "gap.timezone": "insert into gap values ('Jan', '2026-11-24', 1, 'keys_lost', '2026-11-24')",
    "closed.spool": """update closed set spool = '{"Jan": 1}'""",
    "site.record": """update site set record = replace(record, '{"', '{"jan":"203.0.113.7","')""",
    "settings_log.change": """update settings_log set change = '{"jan": 1}' where site = ''""",
    "rule of gap": "create table other as from gap; drop table gap; alter table other rename to gap",
}


@pytest.mark.parametrize("place", HIDDEN)
def test_what_is_hidden_beside_the_columns_is_found(place: str, harm: Harm) -> None:
    """A text where none belongs fails the check of the inventory, which names the place and not the text."""
    with read_copy(harm(HIDDEN[place])) as cursor:
        seen = columns_are_the_inventory(Kept(cursor))
    assert (seen.result, seen.evidence["held_beside_the_columns"]) == (Result.FAIL, [place])


def test_a_healthy_history_holds_nothing_beside_its_columns(healthy: Path) -> None:
    """Nothing is named in a history as a real house leaves it."""
    with read_copy(healthy) as cursor:
        assert columns_are_the_inventory(Kept(cursor)).evidence["held_beside_the_columns"] == []
