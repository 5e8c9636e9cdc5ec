"""Decide which of the sets that a controller declared may be told, and which of their figures.

A set is everybody who reached a goal, saw a group of pages, or took the steps of a funnel so far. Its visitors are told
exactly, or the set is not told at all: whatever is left between it and another published set of which one lies in the
other is nobody or k people, and so is each difference with a set that was declared before it.

Source: docs/decisions/0015-sets.md
"""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec
import numpy as np

from collector.day import measures
from collector.day.facts import Declared, Facts
from collector.day.lines import PAGEVIEWS, VISITS, Flags, Ints, Lines, People
from collector.day.reached import STEP_BETWEEN, is_under
from collector.model import OTHER, Cell, Dimension, Measure, Target, TargetKind

_D: Final = Dimension
#: Which breakdown tells a target by name; a prefix has none.
_LINE_OF: Final = {TargetKind.PAGE: _D.PAGE, TargetKind.EVENT: _D.EVENT}


class Published(msgspec.Struct, kw_only=True):
    """Hold what is published of a part before its sets.

    Attributes:
        people: Everybody of the part.
        kept: Breakdowns of which more is published than `(other)`, as they are published.
        figures: Their figures.
        names: Under which name each value of a breakdown is counted.
        pages: Pages before anything folded; None where pages are not kept.
        dimensions: Breakdowns that the site keeps, whether or not any of their lines is published.
        k: Fewest distinct visitors.
    """

    people: People
    kept: Mapping[Dimension, Lines]
    figures: Mapping[Dimension, Mapping[str, measures.Figures]]
    names: Mapping[Dimension, Mapping[str, str]]
    pages: Lines | None
    dimensions: tuple[Dimension, ...]
    k: int

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<Published sealed>"

    def shows(self, target: Target) -> bool:
        """Tell whether a page or event that is a target has a line of its own, where its breakdown is kept at all."""
        dimension = _LINE_OF.get(target.kind)
        return dimension not in self.dimensions or target.what in self.figures.get(dimension, {})

    def line_of(self, one: Declared) -> measures.Figures | None:
        """Return the figures of the line that tells the same as a set; None where no breakdown has such a line."""
        dimension = _LINE_OF.get(one.targets[0].kind)
        if len(one.targets) > 1 or dimension is None or dimension not in self.dimensions:
            return None
        return self.figures[dimension][one.targets[0].what]


class ToldSet(msgspec.Struct):
    """Hold a set that is told.

    Attributes:
        one: What was declared.
        inside: Of each visitor, whether they belong to it; everybody where all but 1 … k−1 do.
        figures: What is published, by measure; None is withheld.
        amounts: Of each visitor, the pageviews and visits that reached it, where those figures were counted here.
    """

    one: Declared
    inside: Flags
    figures: measures.Figures
    amounts: dict[int, Ints] = {}

    def __repr__(self) -> str:
        """Say the type and nothing of the content."""
        return "<ToldSet sealed>"

    @property
    def visitors(self) -> int:
        """Return the visitors as they are published."""
        return self.figures[Measure.VISITORS] or 0


def told_sets(facts: Facts, published: Published) -> dict[int, ToldSet]:
    """Return the sets that may be told, by their place among those declared; the earlier one is told rather."""
    told: dict[int, ToldSet] = {}
    ended: set[str] = set()
    for number, one, amounts in _members(facts, published.people):
        funnel = one.value.rpartition(STEP_BETWEEN)[0] if one.dimension is _D.FUNNEL_STEP else ""
        made = None if funnel and funnel in ended else _judged(one, amounts, published, list(told.values()))
        if made is not None:
            told[number] = made
        elif funnel:
            ended.add(funnel)
    return told


def set_cells(told: Mapping[int, ToldSet], *, k: int) -> list[Cell]:
    """Return the sets as they are kept, those of one kind by name."""
    cells = [
        Cell(
            dimension=each.one.dimension,
            value=each.one.value,
            contributors=min(each.visitors, 2 * k),
            pageviews=each.figures.get(Measure.PAGEVIEWS),
            visits=each.figures.get(Measure.VISITS),
            visitors=each.figures[Measure.VISITORS],
            events=each.figures.get(Measure.EVENTS),
        )
        for each in told.values()
    ]
    return sorted(cells, key=lambda cell: (cell.dimension.value, cell.value))


def _members(facts: Facts, people: People) -> Iterator[tuple[int, Declared, dict[int, Ints]]]:
    """Return what each visitor added to each set: visits of who reached it, and pageviews."""
    if facts.reached is None:
        return
    who, number = people.numbers(facts.reached["visitor"]), facts.reached["number"].to_numpy()
    columns = {-1: np.ones(len(who), dtype=np.int64)}
    columns |= {m: facts.reached[name].to_numpy() for m, name in ((PAGEVIEWS, "pageviews"), (VISITS, "visits"))}
    for place, one in enumerate(facts.declared):
        rows = number == place
        dense = {m: np.zeros(people.count, dtype=np.int64) for m in columns}
        for m, values in columns.items():
            dense[m][who[rows]] = values[rows]
        yield place, one, dense


def _judged(one: Declared, amounts: dict[int, Ints], published: Published, told: list[ToldSet]) -> ToldSet | None:
    """Return a set with the figures that may be told of it; None where not even its visitors may."""
    k, inside = published.k, amounts.pop(-1) > 0
    if not all(published.shows(target) for target in one.targets):
        # What has no line of its own was folded, and its number would take it out of there again.
        return None
    line = published.line_of(one)
    if line is not None and line[Measure.VISITORS] is None:
        return None
    if int(inside.sum()) < k:
        return None
    is_nearly_all = _is_few(published.people.count - int(inside.sum()), k=k)
    if is_nearly_all:
        # As of a line: the larger number stands for the smaller set.
        inside = np.ones(published.people.count, dtype=np.bool_)
    visitors = int(inside.sum()) if line is None else line[Measure.VISITORS]
    made = ToldSet(one, inside, {Measure.VISITORS: visitors})
    if not _stands_beside(made, published, told):
        return None
    if one.dimension is not _D.FUNNEL_STEP:
        wanted = (Measure.VISITS, Measure.EVENTS if one.targets[0].kind is TargetKind.EVENT else Measure.PAGEVIEWS)
        if line is not None:
            made.figures |= {measure: line[measure] for measure in wanted}
        elif not is_nearly_all:
            _add_figures(made, amounts, published, told)
    return made


def _is_few(people: int, *, k: int) -> bool:
    return 0 < people < k


def _stands_beside(made: ToldSet, published: Published, told: list[ToldSet]) -> bool:
    """Tell whether nothing that is left between a set and what is published is 1 … k−1 people."""
    k, inside, size = published.k, made.inside, int(made.inside.sum())
    for dimension, lines in published.kept.items():
        shared = np.bincount(lines.line[inside[lines.person]], minlength=len(lines.names))
        own = lines.visitors
        within, around = shared == size, shared == own
        left = np.where(within, own - size, np.where(around, size - own, 0))
        shown = [published.figures[dimension][name][Measure.VISITORS] for name in lines.names]
        # Of a line that shows another set's number, what is left on paper counts as well.
        on_paper = np.array([made.visitors if each is None else each for each in shown], dtype=np.int64)
        gap = np.where(within | around, np.abs(on_paper - made.visitors), 0)
        if bool((((left > 0) & (left < k)) | ((gap > 0) & (gap < k))).any()):
            return False
    for other in told:
        apart = (int((inside & ~other.inside).sum()), int((other.inside & ~inside).sum()))
        on_paper_apart = abs(made.visitors - other.visitors) if 0 in apart else 0
        if any(_is_few(people, k=k) for people in (*apart, on_paper_apart)):
            return False
    return not _falls_short(made.visitors, Measure.VISITORS, made, published)


def _falls_short(figure: int, measure: str, made: ToldSet, published: Published) -> bool:
    """Tell whether pages under a prefix add up to less than its own figure, so that few must have seen others there.

    Whoever knows the site may know which page that is.
    """
    target, lines = made.one.targets[0], published.pages
    if len(made.one.targets) > 1 or target.kind is not TargetKind.PREFIX or lines is None:
        return False
    own = [
        figures[measure] for name, figures in published.figures.get(_D.PAGE, {}).items() if is_under(name, target.what)
    ]
    if None in own or figure <= sum(each or 0 for each in own):
        return False
    names = published.names.get(_D.PAGE, {})
    hidden = np.array(
        [is_under(page, target.what) and not is_under(names.get(page, OTHER), target.what) for page in lines.names],
        dtype=np.bool_,
    )
    return _is_few(len(np.unique(lines.person[hidden[lines.line]])), k=published.k)


def _add_figures(made: ToldSet, amounts: dict[int, Ints], published: Published, told: list[ToldSet]) -> None:
    """Add visits, and pageviews of a prefix or page, where they may be told; changes *made*."""
    wanted = [(VISITS, Measure.VISITS)]
    target = made.one.targets[0]
    if target.kind is TargetKind.EVENT:
        made.figures[Measure.EVENTS] = None
    elif _adds_up(target, published, told):
        wanted.append((PAGEVIEWS, Measure.PAGEVIEWS))
    for m, measure in wanted:
        figure = int(amounts[m].sum())
        is_fit = _is_fit(amounts[m], k=published.k) and not _falls_short(figure, measure, made, published)
        if is_fit and _leaves_nobody_few(amounts[m], m, measure, published, told):
            made.figures[measure] = figure
            made.amounts[m] = amounts[m]


def _is_fit(own: Ints, *, k: int) -> bool:
    """Tell whether k visitors made a figure, and none of them more than half."""
    return int((own > 0).sum()) >= k and 2 * int(own.max(initial=0)) <= int(own.sum())


def _leaves_nobody_few(own: Ints, m: int, measure: str, published: Published, told: list[ToldSet]) -> bool:
    """Tell whether no published figure of the same measure, in or around *own*, exceeds it or falls short by few."""
    k = published.k
    if _is_few(int((published.people.amounts[:, m] > own).sum()), k=k):
        return False
    for dimension, lines in published.kept.items():
        theirs, count = lines.amounts[:, m], len(lines.names)
        mine = own[lines.person]
        more = np.bincount(lines.line[theirs > mine], minlength=count)
        # Who has some of it and no row in the line falls short by all of it.
        fewer = np.bincount(lines.line[theirs < mine], minlength=count)
        fewer += int((own > 0).sum()) - np.bincount(lines.line[mine > 0], minlength=count)
        left = np.where(fewer == 0, more, np.where(more == 0, fewer, 0))
        shown = np.array([published.figures[dimension][name][measure] is not None for name in lines.names])
        if bool((shown & (left > 0) & (left < k)).any()):
            return False
    for other in (each.amounts[m] for each in told if m in each.amounts):
        more_, fewer_ = int((other > own).sum()), int((other < own).sum())
        if 0 in {more_, fewer_} and _is_few(more_ + fewer_, k=k):
            return False
    return True


def _adds_up(target: Target, published: Published, told: list[ToldSet]) -> bool:
    """Tell whether the pageviews of a prefix take nothing of 1 … k−1 people, or mostly of one, out of a common line.

    Pages under a prefix may be counted in `(other)` or in a section that reaches beyond it. The prefix's pageviews
    minus those published under it are these pages'; the common line minus them is the rest. Several prefixes cut a line
    into pieces, so each piece that all of them together make has to be fit to be seen.
    """
    lines = published.pages
    if lines is None:
        return True
    pages = published.kept.get(_D.PAGE)
    if pages is not None:
        unsure = measures.unsure(pages, published.figures[_D.PAGE])
        if any(is_under(name, target.what) for name in unsure):
            return False
    prefixes = [target.what] + [
        each.one.targets[0].what
        for each in told
        if PAGEVIEWS in each.amounts and each.one.targets[0].kind is TargetKind.PREFIX
    ]
    names = published.names[_D.PAGE] if pages is not None else dict.fromkeys(lines.names, OTHER)
    pieces: dict[str, dict[tuple[bool, ...], list[int]]] = {}
    for number, page in enumerate(lines.names):
        cut = tuple(is_under(page, prefix) for prefix in prefixes)
        pieces.setdefault(names[page], {}).setdefault(cut, []).append(number)
    mixed = [piece for cuts in pieces.values() if len(cuts) > 1 for piece in cuts.values()]
    return all(_is_nobody_or_fit(lines, piece, published) for piece in mixed)


def _is_nobody_or_fit(lines: Lines, numbers: list[int], published: Published) -> bool:
    rows = np.isin(lines.line, numbers)
    views = np.bincount(lines.person[rows], lines.amounts[rows, PAGEVIEWS], published.people.count).astype(np.int64)
    return not views.any() or _is_fit(views, k=published.k)
