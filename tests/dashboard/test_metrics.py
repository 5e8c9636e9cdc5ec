"""Do shown figures follow from stored ones, as the reference says?"""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from dashboard.metrics import METRICS, Amount, Key, add, bounded, reference, total

AMOUNTS = st.builds(
    Amount,
    st.integers(0, 10**9),
    st.none() | st.integers(0, 10**9),
    st.integers(0, 5),
    st.integers(5, 9),
)
TALLIES = st.fixed_dictionaries(dict.fromkeys(METRICS, AMOUNTS))


def test_the_reference_is_what_the_code_says() -> None:
    """docs/metrics.md names every metric with its formula and definition, word for word."""
    assert (Path(__file__).parents[2] / "docs" / "metrics.md").read_text() == reference()


@given(TALLIES, TALLIES, TALLIES)
def test_sums_do_not_depend_on_their_order(
    first: dict[Key, Amount], second: dict[Key, Amount], third: dict[Key, Amount]
) -> None:
    """Days can be added up in any order."""
    assert add(add(first, second), third) == add(third, add(second, first)) == total([first, {}, second, third])


@given(st.floats(0, 1))
def test_a_share_never_speaks_of_nobody_or_everybody(share: float) -> None:
    """A share is drawn between 5 % and 95 %."""
    assert 0.05 <= bounded(share) <= 0.95


def test_what_is_withheld_is_not_nought() -> None:
    """A figure of which nothing may be shown has no value."""
    assert Amount(0, None, 0, 3).value is None
    assert Amount(0, None, 1, 3).value == 0
    assert Amount(4, None, 1, 3).is_partial
