"""The canary run on a build that breaks its promises: every check sees its own broken."""

from typing import Any, Final

import pytest

from collector.audit.finding import Result, Seen
from tests.audit.harmed import Harm, run_harmed

HARMS: Final = (
    # Every request's body, user agent and headers go to standard output, and so into the log.
    Harm("collector/app.py", "outcome = self.intake.admit(raw)\n",
         "outcome = self.intake.admit(raw); print(raw.body, raw.user_agent, raw.forwarded)\n"),
    Harm("collector/edge/payload.py", "(name := field_name(key))}))", "(name := None)}))"),
    Harm("collector/edge/identifiers.py", "[0-9a-fA-F]{8,}(?![^\\W_])", "[0-9a-fA-F]{80,}(?![^\\W_])"),
    Harm("collector/edge/page.py", "return segments[: len(prefix) - 1]", "return segments[: len(prefix)]"),
    Harm("collector/edge/gate.py", "if not site.is_on:", "if not site.id:"),
    Harm("collector/edge/gate.py", "agent=agent.key)", "agent=raw.user_agent.encode())"),
    Harm("collector/edge/gate.py", "in (raw.gpc, raw.dnt):", "in (raw.gpc,):"),
    Harm("collector/edge/address.py", "packed = _unwrap(packed)", "packed = bytes(packed)"),
    Harm("collector/edge/address.py", 'rest, _, entry = rest.rpartition(",")', 'entry, _, rest = rest.partition(",")'),
    Harm("collector/spool/vault.py", "        slot[:] = bytes(SLOT_BYTES)\n", "        slot[:0] = bytes()\n"),
    Harm("collector/day/small_groups.py", "floored = visitors // k * k", "floored = visitors"),
    Harm("dashboard/export.py", "_DIGITS) if isinstance(value, float) else value)",
         "_DIGITS) if isinstance(value, float) else value and value + 1)"),
    Harm("dashboard/export_page.py", "        taken.record(self._house.desk, who,", "        dict(who=who,"),
    Harm("collector/metrics.py", "value=_down(self._events, STEP)", "value=self._events"),
    Harm("dashboard/access.py", "script-src 'self';", "script-src 'self' 'unsafe-inline';"),
    Harm("dashboard/public.py", "SECURITY_TXT_DAYS: Final = 180", "SECURITY_TXT_DAYS: Final = 400"),
    Harm("collector/http/limited.py", "HEAD_BYTES_MAX: Final = 65_536", "HEAD_BYTES_MAX: Final = 10**9"),
)  # fmt: skip


def _was_found(evidence: dict[str, Any]) -> bool:
    after = evidence["memory_after"]
    # Where nobody may look, nothing is found; the evidence then says so.
    return isinstance(after, str) or after["seal_keys_found"] == 1


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """Run the canary once on a build that has all of the harms."""
    return run_harmed(tmp_path_factory.mktemp("harmed"), HARMS)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("R2", {"identifier_fields_not_counted": lambda missing: "refused:bsn" in missing}),
        ("R3", {"found_in": ["log.txt"], "their_pages_were_counted": True}),
        ("R4", {"kept_with_an_identifier": 1, "of_them_kept_by_name": 0}),
        ("R5", {"rows_of_marked_routes": lambda rows: rows > 0}),
        ("R6", {"found_in": ["log.txt"]}),
        ("R7", {"found_in": ["log.txt"]}),
        ("R9", {"found_in": ["log.txt"]}),
        ("R12", {"answers": lambda answers: answers["site that is off"] == [202, ""]}),
        ("R14", {"after_the_day": _was_found}),
        ("R15", {"taken_for": lambda count: count > 7}),
        ("R16", {"visitors": lambda count: count > 41, "expected": 41}),
        ("R17", {"found_in": ["log.txt"]}),
        ("R25", {"files_with_a_page_of_today": ["log.txt"]}),
        ("R32", {"found": lambda fields: {"agent", "query", "ordinary"} <= set(fields)}),
        ("R37", {"exits_that_differ": lambda exits: "page json" in exits}),
        ("R37", {"exits_of_the_running_day_with_another_than_a_multiple_of_k": lambda exits: "page" in exits}),
        ("R37", {"exits_that_differ": lambda exits: "metrics: turven_events_total" in exits}),
        ("R37", {"files_that_were_not_noted": lambda names: "days" in names}),
        ("R41", {"found_in": ["log.txt"], "blocks_with_an_ordinary_value": lambda count: count > 0}),
        ("R43", {"answers": lambda answers: answers["DNT: 1"] == [202, ""]}),
        ("R45", {"next_event": [202, ""]}),
        ("R46", {"not_refused": lambda names: "header of 256 KB" in names}),
        ("R46", {"pages_with_a_fault": lambda faults: faults["/"] == ["policy allows unsafe-inline"]}),
        ("R47", {"taken_for": lambda count: count > 3}),
        ("R50", {"days_left": lambda days: days > 366}),
    ],
)
def test_a_broken_promise_is_seen(number: str, expected: dict[str, Any], seen: dict[str, Seen]) -> None:
    """Where the program breaks a promise, its check fails, and the evidence says where."""
    assert seen[number].result is Result.FAIL, seen[number].evidence
    for name, value in expected.items():
        found = seen[number].evidence[name]
        assert value(found) if callable(value) else found == value, seen[number].evidence


@pytest.mark.parametrize("number", ["R13", "R34", "R38", "R39"])
def test_what_was_kept_is_not_accused(number: str, seen: dict[str, Seen]) -> None:
    """A promise that the same build keeps is still seen to be kept."""
    assert seen[number].result is Result.PASS, seen[number].evidence
