"""The dashboard asked like anybody: it tells the figures that are kept, and a difference is seen."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from msgspec import structs
from starlette.testclient import TestClient

from collector.audit.finding import Result
from collector.audit.outsider import PartName, PublishedByHouse
from collector.audit.over_http import ExitClosedError, PublishedByExits, compare_exits, figures_of
from collector.model import Cell, Dimension
from tests.clock import ManualClock
from tests.house import TallyHouse
from turven.compose import compose

Both = tuple[PublishedByExits, PublishedByHouse]


@pytest.fixture(scope="module")
def both(healthy: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """Lend a house the day after its history was closed, read over HTTP and by its cells."""
    folder, clock = tmp_path_factory.mktemp("over_http"), ManualClock()
    (folder / "data").mkdir()
    copy(healthy, folder / "data" / "history.duckdb")
    clock.forward(days=1)
    house = TallyHouse(folder, clock=clock)
    client = TestClient(
        compose(house.house, clock=clock), base_url="http://127.0.0.1:8000", client=("127.0.0.1", 50_000)
    )

    def ask(path: str, params: Mapping[str, Any]) -> Any:
        answer = client.get(path, params=dict(params))
        if answer.status_code != 200:
            raise ExitClosedError(str(answer.status_code))
        return answer.json()

    yield PublishedByExits(ask), PublishedByHouse(lambda name, **params: house.house.commands.run(name, params))
    house.stop()


def test_exits_tell_what_is_kept(both: Both) -> None:
    """Every figure of every closed day is told by exports alone, and no figure that is not kept."""
    over_http, by_cells = both
    assert over_http.parts() == by_cells.parts() != []
    seen = compare_exits(over_http, by_cells)
    assert seen.result is Result.PASS, seen.evidence
    assert (seen.evidence["days_read"], seen.evidence["figures_that_differ"]) == (2, 0)
    assert seen.evidence["figures_compared"] > 40


def test_lines_are_read_in_full(both: Both) -> None:
    """Figures that no panel shows are had from the line as a filter: pageviews, and bounces out of a rounded share."""
    over_http, by_cells = both
    part = over_http.parts()[0]
    told, kept = over_http.cells(part), by_cells.cells(part)
    assert _figures(told, Dimension.SOURCE) == _figures(kept, Dimension.SOURCE) != {}


def _figures(cells: list[Cell], dimension: Dimension) -> dict[str, tuple[int | None, ...]]:
    lines = [cell for cell in cells if cell.dimension is dimension and cell.filter_dimension is None]
    return {line.value: (line.pageviews, line.visits, line.visitors) for line in lines}


class Other:
    """Hand out other cells than are told."""

    def __init__(self, by_cells: PublishedByHouse) -> None:
        self._by_cells = by_cells

    def parts(self) -> list[PartName]:
        """Return every part that has cells."""
        return self._by_cells.parts()

    def cells(self, part: PartName) -> list[Cell]:
        """Return the cells of *part*, the first with a pageview more."""
        first, *rest = self._by_cells.cells(part)
        return [structs.replace(first, pageviews=(first.pageviews or 0) + 1), *rest]


def test_another_figure_is_seen(both: Both) -> None:
    """A figure on the dashboard that differs from what is kept makes the check fail, and is counted only."""
    seen = compare_exits(both[0], Other(both[1]))
    assert seen.result is Result.FAIL
    assert seen.evidence["figures_that_differ"] == 2


def test_what_has_no_exit_is_not_compared() -> None:
    """Breakdowns that the dashboard does not show are left out of the comparison, pairs are told one way."""
    language = Cell(dimension=Dimension.LANGUAGE, value="nl", contributors=10, visitors=10)
    assert figures_of([language]) == {}
