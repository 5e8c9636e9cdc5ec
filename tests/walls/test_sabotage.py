"""The list of harms is one of the code as it is, and leaves no promise without a way to break it."""

import ast
import re
from collections import Counter
from typing import Final

import pytest

from collector.audit.questions import REQUIREMENTS
from tests.evidence import claims
from tests.sabotage.harm import CASES, ROOT, Harm, harmed_text
from tests.sabotage.harms import HARMS, WITHOUT_HARM
from tests.sabotage.run import is_caught

#: The auditor was promised so many.
HARMS_MIN: Final = 30


def test_every_promise_is_broken_by_a_harm() -> None:
    """Each numbered requirement is broken by a harm of the list, or stands there with the reason why none can."""
    known = [requirement.id for requirement in REQUIREMENTS]
    broken = {harm.promise for harm in HARMS}
    assert set(known) - broken == set(WITHOUT_HARM)
    assert broken <= set(known)
    assert all(reason.endswith(".") for reason in WITHOUT_HARM.values())
    assert len(HARMS) >= HARMS_MIN


def test_no_harm_stands_twice() -> None:
    """Each harm is another change, with a description of its own."""
    for fields in (
        Counter(harm.what for harm in HARMS),
        Counter((harm.file, harm.after, harm.before) for harm in HARMS),
    ):
        assert [field for field, count in fields.items() if count > 1] == []


@pytest.mark.parametrize("file", sorted({harm.file for harm in HARMS}))
def test_a_harm_can_be_done_to_the_code_as_it_is(file: str) -> None:
    """What a harm replaces stands once in its file, inside one line, and the file can be read afterwards."""
    text = (ROOT / file).read_text("utf-8")
    for harm in (harm for harm in HARMS if harm.file == file):
        harmed = harmed_text(harm, text)
        assert harmed != text, harm
        assert "\n" not in harm.before + harm.after, harm
        if file.endswith(".py"):
            ast.parse(harmed)


def test_every_catch_is_there() -> None:
    """Each test that is to catch a harm exists, and each file that is to be looked at."""
    known = {claim.address for claim in claims()}
    tests = {harm.catch.partition(CASES)[0].partition("[")[0] for harm in HARMS if harm.kind == "test"}
    assert tests - known == set()
    looked_at = {harm.catch.partition(" ")[2] for harm in HARMS if harm.kind in {"types", "style"}}
    assert {file for file in looked_at if not (ROOT / file).is_file()} == set()
    audited = {harm.catch.partition(" ")[2]: harm.promise for harm in HARMS if harm.kind == "audit"}
    assert all(number == promise for number, promise in audited.items())
    assert all(re.fullmatch(r"R\d+", number) for number in audited)


FAILED: Final = "FAILED tests/x.py::test_y - assert 1 == 2\n1 failed, 3 passed in 0.10s"


@pytest.mark.parametrize(
    ("kind", "code", "said", "expected"),
    [
        ("test", 1, FAILED, True),
        ("test", 0, "3 passed in 0.10s", False),
        ("test", 1, f"{FAILED}, 1 error", True),
        ("test", 1, "ERROR tests/x.py::test_y - OSError\n1 error in 0.10s", False),
        ("test", 2, "ERROR tests/x.py - NameError\n1 error in 0.10s", False),
        ("test", 4, "ERROR: not found: tests/x.py::test_y", False),
        ("test", 1, "E   NameError: name 'k' is not defined\n" + FAILED, False),
        ("walls", 1, "Contracts: 6 kept, 1 broken.", True),
        ("walls", 1, "Could not find package 'collector'", False),
        ("types", 1, "a.py:1: error: no\nFound 1 error in 1 file (checked 1 source file)", True),
        ("types", 2, "mypy: can't read file", False),
        ("style", 1, "Found 2 errors.", True),
        ("audit", 1, '[{"id": "R41", "result": "fail"}]', True),
        ("audit", 1, '[{"id": "R41", "result": "pass"}, {"id": "R3", "result": "fail"}]', False),
        ("audit", 1, "Error: A scratch house of this build does not start. [scratch_failed]", False),
    ],
)
def test_a_catch_that_cannot_run_catches_nothing(kind: str, code: int, said: str, expected: bool) -> None:  # noqa: FBT001
    """Only a finding counts: a test that failed, a broken wall, a wrong type, a verdict on that very promise."""
    assert is_caught(kind, code, said, told=said, promise="R41") is expected


def test_a_list_that_is_out_of_date_is_noticed() -> None:
    """A harm to what is not there, or there twice, is an error and not a change."""
    harm = Harm("R1", "", "", "k", "1", "walls")
    for text in ("", "k k"):
        with pytest.raises(ValueError, match="stands there"):
            harmed_text(harm, text)
