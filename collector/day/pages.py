"""Give up the names under a path that has too many children: /nieuws/jan and 100 others become /nieuws/:name.

A name that twelve classmates looked at is still a name, so this comes before anything is counted and looks at how
many children there are, not at how many visitors they had.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from collector.policy import PATH_CHILDREN_MAX

NAME: Final = ":name"
#: Longest path that the history takes; `:name` is longer than some names, so a path can grow beyond it.
PATH_CHARACTERS_MAX: Final = 300


def crowded_parents(pages: Iterable[str]) -> frozenset[str]:
    """Return the parents that keep `:name` instead of their children, as they read after their own parents' turn.

    Goes from the root down, so that the children of all `/klas/:name` are counted together. The root is `""`.

    Args:
        pages: Cleaned paths; what does not start with `/` is no path and counts for nothing.
    """
    crowded: set[str] = set()
    rest = [("", page.split("/")[1:]) for page in set(pages) if page.startswith("/")]
    while rest:
        children: defaultdict[str, set[str]] = defaultdict(set)
        for parent, segments in rest:
            if _is_name(segments[0]):
                children[parent].add(segments[0])
        crowded.update(parent for parent, names in children.items() if len(names) > PATH_CHILDREN_MAX)
        rest = [(_child(parent, segments[0], crowded), segments[1:]) for parent, segments in rest if len(segments) > 1]
    return frozenset(crowded)


def without_names(page: str, *, crowded: frozenset[str]) -> str:
    """Return *page* with `:name` below every parent in *crowded*, cut to whole segments within 300 characters."""
    if not crowded or not page.startswith("/"):
        return page
    parent = ""
    for segment in page.split("/")[1:]:
        path = _child(parent, segment, crowded)
        if len(path) > PATH_CHARACTERS_MAX:
            break
        parent = path
    return parent


def _is_name(segment: str) -> bool:
    # `:id` stands for many already, and the empty segment is the parent's own slash.
    return segment != "" and not segment.startswith(":")


def _child(parent: str, segment: str, crowded: Iterable[str]) -> str:
    return f"{parent}/{NAME if parent in crowded and _is_name(segment) else segment}"
