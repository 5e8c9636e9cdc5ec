"""The check of erasing: it passes on the real build, and is seen to fail on one that keeps bytes or loses rows."""

from collections.abc import Iterator
from typing import Any

import pytest

from collector.audit.erasing import GOES, STAYS, check_erase
from collector.audit.finding import Result, Seen
from collector.audit.scratch import ScratchHouse, scratch_house
from collector.settings import Privacy


@pytest.fixture(scope="module")
def seen() -> Iterator[tuple[ScratchHouse, dict[str, Seen]]]:
    """Run the check once on the real build; the house goes on."""
    with scratch_house(Privacy()) as house:
        yield house, check_erase(house)


@pytest.mark.parametrize("number", ["R27", "R28"])
def test_the_real_build_passes(number: str, seen: tuple[ScratchHouse, dict[str, Seen]]) -> None:
    """The erased site is found in no file, the other one is as it was."""
    finding = seen[1][number]
    assert finding.result is Result.PASS, finding.evidence


def test_the_search_had_something_to_find(seen: tuple[ScratchHouse, dict[str, Seen]]) -> None:
    """The marks were there before: their absence says something."""
    evidence = seen[1]["R27"].evidence
    assert evidence["places_found_before"] > 4
    assert evidence["erased_rows"]["cell"] > 1
    assert evidence["answer_to_its_next_event"] == "unknown_site"


class Careless(ScratchHouse):
    """A running house whose command does something else than it should; the folder is the real one's."""

    def __init__(self, real: ScratchHouse, instead: str) -> None:
        self.__dict__.update(real.__dict__)
        self._instead = instead

    def add_site(self, name: str, **changes: Any) -> None:
        """Add what is not there already: the other site stayed."""
        if name not in {site.id for site in self.sites()}:
            super().add_site(name, **changes)

    def ask(self, command: str, **params: Any) -> bytes:
        """Do *instead* of erasing what the test wants to see found."""
        if command != "site_erase":
            return super().ask(command, **params)
        if self._instead == "bytes stay":
            (self.folder / "data" / "history.duckdb.old").write_bytes(
                (self.folder / "data" / "history.duckdb").read_bytes()
            )
        if self._instead == "others go":
            self.ask("site_set", site=STAYS, changes={"is_on": False}, made_by="audit", reason="")
            super().ask("site_erase", **params)
            answer = super().ask("site_erase", **(params | {"site": STAYS}))
            super().add_site(STAYS)
            return answer
        return super().ask("site_erase", **params)


def test_bytes_that_stay_are_found(seen: tuple[ScratchHouse, dict[str, Seen]]) -> None:
    """A copy of the file that an erase leaves behind fails R27 alone."""
    house = Careless(seen[0], "bytes stay")
    found = check_erase(house)
    (house.folder / "data" / "history.duckdb.old").unlink()
    assert found["R27"].result is Result.FAIL
    assert found["R27"].evidence["places_found_after"] > 0
    assert found["R28"].result is Result.PASS


def test_a_loss_of_another_site_is_found(seen: tuple[ScratchHouse, dict[str, Seen]]) -> None:
    """An erase that takes another site's rows along fails R28."""
    found = check_erase(Careless(seen[0], "others go"))
    assert found["R28"].result is Result.FAIL
    assert not found["R28"].evidence["export_of_the_other_site_is_identical"]


def test_a_change_of_another_site_is_found(seen: tuple[ScratchHouse, dict[str, Seen]]) -> None:
    """An erase after which the figures of another site are others fails R28, though that site is still there."""

    class Closing(Careless):
        def ask(self, command: str, **params: Any) -> bytes:
            answer = super().ask(command, **params)
            if command == "site_erase":
                super().ask("close", sites=[STAYS])
            return answer

    found = check_erase(Closing(seen[0], ""))
    assert found["R28"].result is Result.FAIL
    assert found["R28"].evidence["places_of_the_other_site"] > 0


def test_a_site_that_is_still_known_is_found(seen: tuple[ScratchHouse, dict[str, Seen]]) -> None:
    """Where nothing is erased, the marks are found."""

    class Idle(Careless):
        def ask(self, command: str, **params: Any) -> bytes:
            if command == "site_erase":
                return b'{"rows": {"cell": 9}, "log_entries": 2}'
            return super().ask(command, **params)

    found = check_erase(Idle(seen[0], ""))
    assert found["R27"].result is Result.FAIL
    assert found["R27"].evidence["answer_to_its_next_event"] != "unknown_site"
    assert GOES in {site.id for site in seen[0].sites()}
