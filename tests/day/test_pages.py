"""A path with too many children keeps no names of them."""

from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.day.pages import crowded_parents, without_names
from collector.policy import PATH_CHILDREN_MAX


def renamed(pages: list[str]) -> set[str]:
    """Return the pages as a day keeps them."""
    crowded = crowded_parents(pages)
    return {without_names(page, crowded=crowded) for page in pages}


@pytest.mark.parametrize(
    ("pages", "kept"),
    [
        pytest.param([f"/n/{n}" for n in range(100)], {f"/n/{n}" for n in range(100)}, id="a hundred stay"),
        pytest.param([f"/n/{n}" for n in range(101)], {"/n/:name"}, id="a hundred and one do not"),
        pytest.param([f"/{n}" for n in range(101)], {"/:name"}, id="the root is a parent too"),
        pytest.param(["/", *(f"/{n}" for n in range(100))], {"/", *(f"/{n}" for n in range(100))}, id="/ is no child"),
        pytest.param([f"/n/{n}/toets" for n in range(101)], {"/n/:name/toets"}, id="what lies below stays"),
        pytest.param(
            [f"/n/{n}/{m}" for n in range(101) for m in (n, n + 1)], {"/n/:name/:name"}, id="below are counted together"
        ),
        pytest.param(
            [f"/n/{n}/{m}" for n in range(3) for m in range(40)],
            {f"/n/{n}/{m}" for n in range(3) for m in range(40)},
            id="cousins are not counted together",
        ),
        pytest.param(
            ["/n/:id", *(f"/n/{n}" for n in range(100))], {"/n/:id", *(f"/n/{n}" for n in range(100))}, id="id"
        ),
        pytest.param(["/n/:id", *(f"/n/{n}" for n in range(101))], {"/n/:id", "/n/:name"}, id="an id is no name"),
        pytest.param(["(other)", *(f"/{n}" for n in range(101))], {"(other)", "/:name"}, id="what is no path stays"),
        pytest.param([f"/n/{n}" for n in range(90)] * 2, {f"/n/{n}" for n in range(90)}, id="once is enough"),
    ],
)
def test_names_go_where_they_are_many(pages: list[str], kept: set[str]) -> None:
    """Above a hundred distinct children of one path, each level seen with its parents' names gone, names go."""
    assert renamed(pages) == kept


def test_a_page_that_nobody_opened_follows_its_neighbours() -> None:
    """A page that only an event names gives its name up as the opened pages beside it do."""
    crowded = crowded_parents(f"/n/{n}" for n in range(101))
    assert without_names("/n/jan/cijfers", crowded=crowded) == "/n/:name/cijfers"


def test_a_path_that_grows_too_long_is_cut_to_whole_segments() -> None:
    """A path that `:name` makes longer than the history takes ends with its last whole segment."""
    long = "/1" + "/x" * 148
    crowded = crowded_parents([long, *(f"/{n}" for n in range(101))])
    assert len(long) == 298
    assert without_names(long, crowded=crowded) == "/:name" + "/x" * 147


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["", "/a", "/a/b", "/:id", "/a/1"]), st.integers(95, 105), st.sampled_from(["", "/t"])
        ),
        max_size=5,
    )
)
def test_no_path_that_is_kept_is_crowded(groups: list[tuple[str, int, str]]) -> None:
    """Whatever was opened, no kept path has more than a hundred named children, and a second turn changes nothing."""
    kept = renamed([f"{parent}/{n}{below}" for parent, count, below in groups for n in range(count)])
    children: defaultdict[str, set[str]] = defaultdict(set)
    for page in kept:
        segments = page.split("/")[1:]
        for depth, segment in enumerate(segments):
            if not segment.startswith(":"):
                children["/".join(segments[:depth])].add(segment)
    assert all(len(names) <= PATH_CHILDREN_MAX for names in children.values())
    assert renamed(sorted(kept)) == kept
