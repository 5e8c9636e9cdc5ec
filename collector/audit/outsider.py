"""Attack what is kept, one part of a day after the other, with a limit on how long it may take.

The attack runs where the auditor is, not in the house: a house hands out one part at a time and goes on counting.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import date
from multiprocessing import get_context
from typing import Any, Final, Protocol

import msgspec

from collector.audit.attacks import Attack, attack
from collector.audit.finding import Seen
from collector.audit.kept import Kept, not_applicable
from collector.audit.leak import Leak
from collector.model import Cell, Dimension

#: What the attack on a history takes at most where the auditor names no other time.
ATTACK_SECONDS: Final = 15.0
#: From so many parts on, other processes help; as many, and so many parts are handed out ahead.
_PARTS_FOR_PROCESSES: Final = 60
_PROCESSES: Final = 2
_AHEAD: Final = 8
_COLUMNS: Final = (
    "filter_dimension, filter_value, dimension, value, pageviews, visits, visitors, bounces, seconds, events, "
    "contributors"
)


class PartName(msgspec.Struct, frozen=True, order=True):
    """Name a part of a site's day, and the k that was in force."""

    day: date
    site: str
    part: int
    k: int


class Published(Protocol):
    """Hand out what is published, as any exit of the house does."""

    def parts(self) -> list[PartName]:
        """Return every part that has cells."""
        ...

    def cells(self, part: PartName) -> list[Cell]:
        """Return every cell of *part*."""
        ...


class PublishedInFile:
    """Hand out what a history file publishes."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def parts(self) -> list[PartName]:
        """Return every part that has cells."""
        rows = self._kept.rows("select day, site, part, k from closed where outcome = 'kept' order by all")
        return [PartName(*row) for row in rows]

    def cells(self, part: PartName) -> list[Cell]:
        """Return every cell of *part*."""
        rows = self._kept.rows(
            f"select {_COLUMNS} from cell where site = $name and day = $day and part = $part",
            name=part.site,
            day=part.day,
            part=part.part,
        )
        return [_cell(*row) for row in rows]


class PublishedByHouse:
    """Hand out what a running house publishes, one command a part."""

    def __init__(self, ask: Callable[..., bytes], *, site: str = "") -> None:
        """Use *ask*, which gives the house a command by its name and parameters."""
        self._ask = ask
        self._site = site

    def parts(self) -> list[PartName]:
        """Return every part that has cells."""
        return msgspec.json.decode(self._ask("parts", site=self._site), type=list[PartName])

    def cells(self, part: PartName) -> list[Cell]:
        """Return every cell of *part*."""
        answer = self._ask("cells", site=part.site, day=part.day.isoformat(), part=part.part)
        return msgspec.json.decode(answer, type=list[Cell])


def _cell(filter_dimension: str, filter_value: str, dimension: str, value: str, *figures: Any) -> Cell:
    pageviews, visits, visitors, bounces, seconds, events, contributors = figures
    return Cell(
        dimension=Dimension(dimension),
        value=value,
        contributors=contributors,
        pageviews=pageviews,
        visits=visits,
        visitors=visitors,
        bounces=bounces,
        seconds=seconds,
        events=events,
        filter_dimension=Dimension(filter_dimension) if filter_dimension else None,
        filter_value=filter_value,
    )


class Tally(msgspec.Struct):
    """Add up attacks.

    Attributes:
        attacked: Parts that were attacked.
        figures: Figures that were read or derived.
        tables: Pairs of breakdowns that were bounded by flows.
        programs: Linear programs over all breakdowns at once.
        too_large: Systems that were set up with fewer breakdowns at a time.
        undecided: Systems that reached the limit of programs.
        sets: Figures of goals, groups and steps that were subtracted.
        floors: Figures told as at least that were subtracted.
        smallest: Smallest group that any of them stands for.
        leaking: Parts of which a group of 1 … k−1 was derived.
        hows: How such groups were derived, and how often; never of whom.
    """

    attacked: int = 0
    figures: int = 0
    tables: int = 0
    programs: int = 0
    too_large: int = 0
    undecided: int = 0
    sets: int = 0
    floors: int = 0
    smallest: int | None = None
    leaking: int = 0
    smallest_leak: int | None = None
    hows: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, cells: list[Cell], *, k: int) -> None:
        """Attack the cells of one part."""
        self.add_attack(attack(cells, k=k))

    def add_attack(self, found: Attack) -> None:
        """Add what the attack on one part brought."""
        self.attacked += 1
        self.figures += found.derived
        self.tables += found.tables
        self.programs += found.programs
        self.too_large += found.too_large
        self.undecided += found.undecided
        self.sets += found.sets
        self.floors += found.floors
        self.leaking += bool(found.leaks)
        self.hows.update(leak.how for leak in found.leaks)
        self.smallest = _least(self.smallest, found.smallest)
        self.smallest_leak = _least(self.smallest_leak, found.leaks[0].size if found.leaks else None)

    def add_leaks(self, leaks: list[Leak]) -> None:
        """Add what was found of the last part in another way."""
        self.leaking += bool(leaks)
        self.hows.update(leak.how for leak in leaks)
        self.smallest_leak = _least(self.smallest_leak, min((leak.size for leak in leaks), default=None))

    def evidence(self) -> dict[str, Any]:
        """Return what may be shown of it: counts, and no value of a small cell."""
        return {
            "figures_derived": self.figures,
            "tables_bounded": self.tables,
            "programs_solved": self.programs,
            "days_looked_at_in_parts": self.too_large,
            "days_left_undecided": self.undecided,
            "sets_subtracted": self.sets,
            "floors_subtracted": self.floors,
            "smallest_figure": self.smallest,
            "smallest_group_found": self.smallest_leak or "none",
            "parts_with_a_small_group": self.leaking,
            "derived_by": dict(self.hows),
        }


def _least(one: int | None, other: int | None) -> int | None:
    return min((number for number in (one, other) if number is not None), default=None)


def attack_published(
    published: Published,
    *,
    seconds: float = ATTACK_SECONDS,
    now: Callable[[], float] = time.monotonic,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Seen:
    """R22 on what is kept: attack parts, the newest of each site first, until all are done or the time is up.

    Args:
        published: Where the cells come from.
        seconds: Begin no further part after so long; 0 for no limit.
        now: Monotonic seconds.
        progress: Told how many parts of how many are done.
    """
    parts = published.parts()
    if not parts:
        return not_applicable("No part of a day with figures is kept yet.")
    tally, attacked = Tally(), list[PartName]()
    for part, found in _attacks(
        published, list(newest_of_each(parts)), ends_at=now() + seconds if seconds else None, now=now
    ):
        tally.add_attack(found)
        attacked.append(part)
        progress(len(attacked), len(parts))
    return Seen.that(
        tally.leaking == 0,
        parts_kept=len(parts),
        parts_attacked=len(attacked),
        oldest_day_attacked=min(part.day for part in attacked).isoformat(),
        newest_day_attacked=max(part.day for part in attacked).isoformat(),
        smallest_k=min(part.k for part in attacked),
        **tally.evidence(),
    )


def _attacks(
    published: Published, parts: list[PartName], *, ends_at: float | None, now: Callable[[], float]
) -> Iterator[tuple[PartName, Attack]]:
    """Attack *parts* in their order, the cells of the next being read meanwhile; at least one."""
    if len(parts) < _PARTS_FOR_PROCESSES:
        for number, part in enumerate(parts):
            if number and ends_at is not None and now() > ends_at:
                return
            yield part, attack(published.cells(part), k=part.k)
        return
    # A fresh interpreter each: a copy of this one could hold a lock that nobody lets go of.
    with ProcessPoolExecutor(max_workers=_PROCESSES, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[PartName, Future[Attack]]] = deque()
        for number, part in enumerate(parts):
            if number and ends_at is not None and now() > ends_at:
                break
            waiting.append((part, pool.submit(attack, published.cells(part), k=part.k)))
            if len(waiting) >= _AHEAD:
                done, future = waiting.popleft()
                yield done, future.result()
        while waiting:
            done, future = waiting.popleft()
            yield done, future.result()


def newest_of_each(parts: Iterable[PartName]) -> Iterator[PartName]:
    """Return the newest part of each site, then the one before of each, and so on."""
    by_site: dict[str, list[PartName]] = {}
    for part in sorted(parts):
        by_site.setdefault(part.site, []).append(part)
    stacks: Sequence[list[PartName]] = list(by_site.values())
    while stacks:
        for stack in stacks:
            yield stack.pop()
        stacks = [stack for stack in stacks if stack]


def tables_agree(kept: Kept) -> Seen:
    """R22 between rows: no cell stands twice, both directions of a pair say the same, no hour stands beside its day."""
    twice = kept.one(
        "select count(*) from (select 1 from cell group by site, day, part, filter_dimension, filter_value, "
        "dimension, value having count(*) > 1)"
    )
    differing = kept.one(
        "select count(*) from cell a join cell b on a.site = b.site and a.day = b.day and a.part = b.part "
        "and a.filter_dimension = b.dimension and a.filter_value = b.value "
        "and a.dimension = b.filter_dimension and a.value = b.filter_value "
        "where a.filter_dimension <> '' and a.pageviews is distinct from b.pageviews"
    )
    beside = kept.one("select count(*) from committed_hour join closed using (site, day, part) where outcome <> 'lost'")
    return Seen.that(
        twice == differing == beside == 0,
        cells_that_stand_twice=twice,
        pairs_that_differ=differing,
        hours_beside_their_day=beside,
    )
