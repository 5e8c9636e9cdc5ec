"""Look at many sites at once: all that one may see, those of one controller, or those that were picked.

A collection has a name in the address, so that a view of 500 sites can be shared by a short one. It holds what its
reader may see and nothing else: two readers may see different sums under one address, each of them of their own sites.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from collector.model import Site
from dashboard.metrics import mark
from dashboard.query import Query, QueryError
from dashboard.words import Words

ALL: Final = "all"
_OF: Final = "of:"
#: Sites named one by one in a heading; of more the number is said.
_NAMED_MAX: Final = 3

_EVERY: Final = mark("All {n} sites")
_CONTROLLER: Final = mark("{name}: {n} sites")
_SEVERAL: Final = mark("{n} sites")


def chosen_by(collection: str, sites: Sequence[Site]) -> list[str]:
    """Return which of *sites* a collection holds.

    Args:
        collection: `all`, or `of:` and the name of a controller.
        sites: Those that the reader may see.

    Raises:
        QueryError: There is no such collection among them.
    """
    name = collection.removeprefix(_OF)
    found = [site.id for site in sites if collection == ALL or (name != collection and site.controller == name)]
    if not found:
        raise QueryError(collection)
    return found


def collections(sites: Sequence[Site]) -> list[tuple[str, str, int]]:
    """Return the controllers of several sites: the collection, its name, and how many sites it has."""
    counted = Counter(site.controller for site in sites if site.controller)
    return [(_OF + name, name, number) for name, number in sorted(counted.items()) if number > 1]


def heading(words: Words, query: Query) -> str:
    """Return what a view of the sites of *query* is called."""
    number = words.number(len(query.sites))
    if query.collection == ALL:
        return words.text(_EVERY, n=number)
    if query.collection:
        return words.text(_CONTROLLER, name=query.collection.removeprefix(_OF), n=number)
    return ", ".join(query.sites) if len(query.sites) <= _NAMED_MAX else words.text(_SEVERAL, n=number)
