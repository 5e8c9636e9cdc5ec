"""Fold values of a property that its event gives away: an event minus all stated values is who stated nothing.

Source: docs/decisions/0004-small-groups.md
"""

from typing import Final

import numpy as np

from collector.day.facts import MEASURES
from collector.day.lines import PAGEVIEWS, Ints, Lines, People
from collector.model import OTHER

#: What a label of a property has between the event (or `pageview`) and what is stated.
_BETWEEN: Final = " · "
_PAGEVIEW: Final = "pageview"
_EVENTS: Final = MEASURES.index("events")
#: The event of a page that stands in for one that does not exist; the page is told as a property of it.
NOT_FOUND: Final = "Not found"
#: How a page is stated in a label.
PAGE_STATED: Final = "page="
_NOT_FOUND_START: Final = f"{NOT_FOUND}{_BETWEEN}{PAGE_STATED}"
#: As much as a value may hold.
_LABEL_MAX: Final = 300


def not_found_label(page: str) -> str:
    """Return the label of a page that was not found, cut to whole segments where it would be too long."""
    label = _NOT_FOUND_START + page
    while len(label) > _LABEL_MAX:
        label = label.rpartition("/")[0]
    return label


def hold_not_found(
    names: dict[str, str], properties: Lines, pages: Lines, people: People, *, counted: dict[str, str], k: int
) -> dict[str, str]:
    """Fold pages that were not found until the line in which such a page is counted has nobody or *k* people more.

    Args:
        names: Under which name each property is counted so far.
        properties: Labels, unfolded.
        pages: Pages as they are published.
        people: Everybody of the part.
        counted: Under which name each page is counted.
        k: Fewest distinct visitors.
    """
    names = dict(names)
    for label in sorted(label for label, name in names.items() if name == label and label.startswith(_NOT_FOUND_START)):
        line = counted.get(label.removeprefix(_NOT_FOUND_START))
        if line is None:
            continue
        around = np.zeros(people.count, dtype=np.int64)
        around[pages.person[pages.rows(pages.names.index(line))]] = 1
        inside = np.minimum(_amounts(properties, [label], people, measure=_EVENTS), 1)
        events = _amounts(pages, [line], people, measure=_EVENTS) > _amounts(
            properties, [label], people, measure=_EVENTS
        )
        if 0 < int((around > inside).sum()) < k or 0 < int(events.sum()) < k:
            names[label] = OTHER
    return names


def fold_stated(
    names: dict[str, str], properties: Lines, events: Lines, people: People, *, shown: set[str], k: int
) -> dict[str, str]:
    """Fold values until those shown of a property leave nobody or *k* people of their event.

    Args:
        names: Under which name each property is counted so far.
        properties: Labels such as `Klaar · niveau=1`, unfolded.
        events: Events by name, unfolded.
        people: Everybody of the part.
        shown: Names of events that are visible.
        k: Fewest distinct visitors.

    Returns:
        *names* with further labels in `(other)`.
    """
    names = dict(names)
    visitors = dict(zip(properties.names, properties.visitors.tolist(), strict=True))
    for (event, _), labels in sorted(_by_key(names).items()):
        measure = PAGEVIEWS if event == _PAGEVIEW else _EVENTS
        if event == _PAGEVIEW:
            whole = people.amounts[:, measure]
        elif event in shown:
            whole = _amounts(events, [event], people, measure=measure)
        else:
            continue
        order = sorted(labels, key=lambda label: (visitors[label], label))
        while order and 0 < int((whole > _amounts(properties, order, people, measure=measure)).sum()) < k:
            names[order.pop(0)] = OTHER
    return names


def _by_key(names: dict[str, str]) -> dict[tuple[str, str], list[str]]:
    """Return the labels that are shown, by event and name of the property."""
    found: dict[tuple[str, str], list[str]] = {}
    for label, name in names.items():
        event, between, stated = label.partition(_BETWEEN)
        if between and name == label:
            found.setdefault((event, stated.partition("=")[0]), []).append(label)
    return found


def _amounts(lines: Lines, chosen: list[str], people: People, *, measure: int) -> Ints:
    rows = np.isin(lines.line, [lines.names.index(name) for name in chosen])
    sums = np.bincount(lines.person[rows], weights=lines.amounts[rows, measure], minlength=people.count)
    return sums.astype(np.int64)
