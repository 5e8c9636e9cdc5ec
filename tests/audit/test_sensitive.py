"""Kept paths are held to what a site marked as sensitive."""

import pytest

from collector.audit.finding import Result
from collector.audit.kept import Kept
from collector.audit.sensitive import marked_routes_are_folded, telling_words
from collector.store.copy import read_copy
from tests.audit.conftest import Harm

MARK = "update site set record = json_merge_patch(record, '{{\"sensitive\": [\"{}\"]}}') where id = 'school'"
LOGGED = """;insert into settings_log by name (select seq + 100 as seq, made_at + interval 2 days as made_at, site,
    '{"sensitive": ["/rooster"]}' as change, made_by, reason, salt, content, previous, hash
    from settings_log where site = 'school' limit 1)"""


@pytest.mark.parametrize(
    ("statements", "result", "expected"),
    [
        (MARK.format("/zorg"), Result.PASS, {"routes_marked": 1, "rows_of_marked_routes": 0}),
        (MARK.format("/ROOSTER"), Result.FAIL, {"rows_from_before_they_were_marked": 0}),
        (MARK.format("/:x"), Result.FAIL, {"routes_marked": 1}),
        (MARK.format("/rooster/deeper"), Result.PASS, {"rows_of_marked_routes": 0}),
        (MARK.format("/rooster") + LOGGED, Result.PASS, {"rows_of_marked_routes": 0}),
        (
            "update cell set value = '/ziekmelding' where value = '/rooster'",
            Result.PASS,
            {"paths_to_think_about": ["/ziekmelding"], "more_such_paths": 0},
        ),
        ("delete from cell", Result.NOT_APPLICABLE, {}),
    ],
)
def test_a_marked_route_is_not_kept(statements: str, result: Result, expected: dict[str, object], harm: Harm) -> None:
    """A kept path under a marked route fails, one from before it was marked is counted, a telling one is named."""
    with read_copy(harm(statements)) as cursor:
        seen = marked_routes_are_folded(Kept(cursor))
    assert seen.result is result, seen.evidence
    assert expected.items() <= seen.evidence.items()


@pytest.mark.parametrize(
    ("path", "words"),
    [("/verzuim/2026", ["verzuim"]), ("/Zorg-en-Dyslexie", ["dyslexi", "zorg"]), ("/rooster", []), ("/toets/:id", [])],
)
def test_telling_words_are_found(path: str, words: list[str]) -> None:
    """Words are found in whatever case and wherever in the path they stand."""
    assert telling_words(path) == words
