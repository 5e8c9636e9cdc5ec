"""All that a day tells as one system: what it gives away, and that nothing else is claimed."""

from itertools import combinations, product
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.audit import joint
from collector.audit.attacks import attack
from collector.audit.joint import System, derive
from collector.audit.nature import is_possible
from collector.linear import Unknowns
from collector.model import Cell, Dimension

PAGE, BROWSER, COUNTRY, TOTAL = Dimension.PAGE, Dimension.BROWSER, Dimension.COUNTRY, Dimension.TOTAL
#: Pageviews by page, browser and country.
HELD = {
    ("/a", "Chrome", "NL"): 4,
    ("/a", "Chrome", "BE"): 1,
    ("/a", "Firefox", "NL"): 4,
    ("/a", "Firefox", "BE"): 4,
    ("/b", "Chrome", "NL"): 4,
    ("/b", "Chrome", "BE"): 6,
    ("/b", "Firefox", "NL"): 0,
    ("/b", "Firefox", "BE"): 4,
}


#: Every way to fill eight unknowns with small numbers.
EVERY = np.array(list(product(range(3), repeat=8)))


def sum_of(*values: str) -> int:
    """Return the pageviews of all that has *values*."""
    return sum(held for key, held in HELD.items() if set(values) <= set(key))


def line(dimension: Dimension, value: str, **beside: str) -> Cell:
    """Return a line, or the cell of a pair in the line that is named *beside*."""
    filters, filtered = next(iter(beside.items()), (None, ""))
    return Cell(
        dimension=dimension,
        value=value,
        contributors=3,
        pageviews=sum_of(*(name for name in (value, filtered) if name)),
        filter_dimension=Dimension(filters) if filters else None,
        filter_value=filtered,
    )


def test_three_tables_give_away_what_no_two_do() -> None:
    """A group that only three pairs together give away is found, and by nothing else."""
    cells = [line(TOTAL, ""), *(line(PAGE, page) for page in ("/a", "/b"))]
    cells += [line(BROWSER, name) for name in ("Chrome", "Firefox")] + [line(COUNTRY, name) for name in ("NL", "BE")]
    cells += [line(BROWSER, name, page=page) for page in ("/a", "/b") for name in ("Chrome", "Firefox")]
    cells += [line(COUNTRY, name, page="/b") for name in ("NL", "BE")]
    cells += [line(COUNTRY, "BE", browser="Chrome"), line(COUNTRY, "BE", browser="Firefox")]
    cells += [line(COUNTRY, "NL", browser="Firefox")]
    found = attack(cells, k=3)
    assert {(leak.size, leak.how) for leak in found.leaks} == {(1, "all breakdowns at once, pageviews")}
    assert found.programs > 0


@given(seed=st.integers(0, 1 << 32))
@settings(max_examples=8, deadline=None)
def test_what_is_found_is_so(seed: int) -> None:
    """However a system is filled with whole numbers, a set that is found holds as many as is said of it."""
    draw = Random(seed)
    labels = np.array(list(product(range(2), range(2), range(2))))
    truth = np.array([draw.choice((0, 0, 0, 1, 2)) for _ in labels])
    masks = [np.ones(8, dtype=np.bool_), *(labels[:, n] == value for n in range(3) for value in range(2))]
    for n, m in combinations(range(3), 2):
        both = [(labels[:, n] == v) & (labels[:, m] == w) for v in range(2) for w in range(2)]
        masks += [mask for mask in both if draw.random() < 0.6]
    told = [int(truth[mask].sum()) for mask in masks]
    fillings = EVERY[(told == EVERY @ np.array(masks).T).all(axis=1)]
    for least, most, _, chosen in Unknowns(labels, masks, told, k=3).small_sets():
        assert 1 <= least <= most < 3
        held = fillings[:, chosen].sum(axis=1)
        assert least <= held.min()
        assert held.max() <= most


def test_a_large_day_is_looked_at_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where all breakdowns at once are too many unknowns, each stands with as many others as fit, and that is said."""
    values = {PAGE: ["/a", "/b"], BROWSER: ["Chrome", "Firefox"], COUNTRY: ["NL", "BE"]}
    sums = {((COUNTRY, "NL"),): 38, ((COUNTRY, "BE"),): 2, (): 40}
    system = System(values, sums, is_possible)
    assert derive(system, k=5).is_whole
    monkeypatch.setattr(joint, "UNKNOWNS_MAX", 7)
    found = derive(system, k=5)
    assert not found.is_whole
    assert (2, 2, "country=BE") in found.groups
