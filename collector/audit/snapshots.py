"""Set what was seen while a day ran against what was published once it was closed.

A dashboard shows the running day in multiples of k, hour after hour. Whoever kept those pages knows of each value that
at least so many came, and at most k−1 more; the closed day may neither contradict that nor narrow it to a small group.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from collector.audit.leak import Leak
from collector.model import OTHER, Cell, Dimension

#: Breakdowns that a running day shows.
SEEN: Final = (Dimension.PAGE, Dimension.SOURCE)


class Snapshot(msgspec.Struct, frozen=True):
    """Hold what a dashboard showed of a running day at one moment.

    Attributes:
        visitors: Of the day so far.
        values: Visitors by dimension and value.
        blocks: Pageviews and visitors of each committed block of hours.
        now: Visitors of five minutes and pageviews of thirty.
    """

    visitors: int | None
    values: Mapping[tuple[Dimension, str], int]
    blocks: Mapping[str, tuple[int | None, int | None]]
    now: tuple[int | None, int | None] = (None, None)


def compare_snapshots(snapshots: list[Snapshot], cells: list[Cell], *, k: int) -> Iterator[Leak]:
    """Derive groups of 1 … k−1 from *snapshots*, oldest first, and the *cells* of the day that they are of.

    Args:
        snapshots: Of one site and day.
        cells: What is published of it now; empty where it stayed below k.
        k: Fewest distinct visitors of a group.
    """
    lines = {(cell.dimension, cell.value): cell for cell in cells if cell.filter_dimension is None}
    for snapshot in snapshots:
        figures = [
            snapshot.visitors,
            *snapshot.values.values(),
            *(visitors for _, visitors in snapshot.blocks.values()),
        ]
        for figure in figures:
            if figure is not None and (figure % k or not figure):
                yield Leak(figure % k or k - 1, "a running figure that is no multiple of k", "")
        for figure in snapshot.now:
            if figure is not None and (figure % k or figure < 2 * k):
                yield Leak(figure % k or figure, "a figure of now that is no multiple of k, or below 2k", "")
        yield from _against(snapshot, lines, k=k)


def _against(snapshot: Snapshot, lines: Mapping[tuple[Dimension, str], Cell], *, k: int) -> Iterator[Leak]:
    total = lines.get((Dimension.TOTAL, ""))
    told = [pageviews for pageviews, _ in snapshot.blocks.values() if pageviews is not None]
    if total is not None and total.pageviews is not None and told:
        yield from _small(total.pageviews - sum(told), "the day minus its committed hours", "total", k=k)
    for key, floor in {**snapshot.values, (Dimension.TOTAL, ""): snapshot.visitors or 0}.items():
        closed = lines.get(key)
        if closed is not None and closed.visitors is not None:
            # Fewer than were there while the day ran: the others were counted elsewhere.
            yield from _small(floor - closed.visitors, "a running figure minus the closed one", str(key), k=k)
        other = lines.get((key[0], OTHER))
        if closed is None and other is not None and key[0] in SEEN:
            for figure in (other.visitors, other.pageviews):
                if figure is not None:
                    yield from _small(figure - floor, "what a value seen earlier leaves of the others", str(key), k=k)
    for block, (pageviews, visitors) in snapshot.blocks.items():
        kept = lines.get((Dimension.HOUR, block))
        for before, after in ((pageviews, kept.pageviews), (visitors, kept.visitors)) if kept else ():
            if before is not None and after is not None:
                yield from _small(abs(after - before), "committed hours against the closed ones", block, k=k)


def _small(size: int, how: str, figures: str, *, k: int) -> Iterator[Leak]:
    if 0 < size < k:
        yield Leak(size, how, figures)
