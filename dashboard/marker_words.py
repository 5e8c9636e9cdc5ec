"""Write what happened at a day, and what keys do: sentences of the chart, to be translated."""

from typing import Final

from collector.model import Dimension, Region
from dashboard import sentences
from dashboard.holidays import Break
from dashboard.markers import Around, Change, Mark, MarkKind
from dashboard.metrics import mark
from dashboard.names import NAMES, listed
from dashboard.view import harmless
from dashboard.words import Words

BREAKS: Final = {
    Break.AUTUMN: mark("Autumn holiday"),
    Break.CHRISTMAS: mark("Christmas holiday"),
    Break.SPRING: mark("Spring holiday"),
    Break.MAY: mark("May holiday"),
    Break.SUMMER: mark("Summer holiday"),
}
REGIONS: Final = {
    Region.NORTH: mark("region North"),
    Region.MIDDLE: mark("region Middle"),
    Region.SOUTH: mark("region South"),
}
CHANGES: Final = {
    Change.ON: mark("Counting was switched on."),
    Change.OFF: mark("Counting was switched off."),
    Change.PROFILE: mark("The profile became {words}."),
    Change.K: mark("The site set its own threshold to {words} visitors."),
    Change.K_NONE: mark("The site let go of its own threshold."),
    Change.WITHOUT: mark("No longer counted: {words}."),
    Change.WITH: mark("Counted again: {words}."),
    Change.TEMPLATES: mark("The list of pages that are counted by name changed."),
    Change.SENSITIVE: mark("The list of sensitive pages changed."),
    Change.GOALS: mark("Goals declared: {words}. They count from the next day."),
    Change.GOALS_GONE: mark("Goals withdrawn: {words}."),
    Change.FUNNELS: mark("Funnels declared: {words}. They count from the next day."),
    Change.FUNNELS_GONE: mark("Funnels withdrawn: {words}."),
    Change.GROUPS: mark("Groups of pages declared: {words}. They count from the next day."),
    Change.GROUPS_GONE: mark("Groups of pages withdrawn: {words}."),
    Change.HOUSE_PROFILE: mark("For the whole house: the loosest profile became {words}."),
    Change.HOUSE_K: mark("For the whole house: the smallest threshold became {words} visitors."),
}
_OF_DIMENSIONS: Final = frozenset({Change.WITHOUT, Change.WITH})


def sentence(words: Words, told: Mark) -> str:
    """Return what a mark says, harmless."""
    if told.kind is MarkKind.NOTE:
        return harmless(told.text)
    if told.kind is MarkKind.GAP:
        text = words.count(*sentences.GAPS[told.code], 1) if told.code in sentences.GAPS else harmless(told.code)
        return text[:1].upper() + text[1:] + "."
    change = Change(told.code)
    names = [_name(words, change, word) for word in told.words]
    return words.text(CHANGES[change], words=listed(names, tag=words.language) if names else "")


def _name(words: Words, change: Change, word: str) -> str:
    if change in _OF_DIMENSIONS and word in list(Dimension):
        return NAMES[words.language].get(word, word)
    return f"“{harmless(word)}”" if change not in {Change.K, Change.HOUSE_K} else word


def holiday(words: Words, name: str) -> str:
    """Return what a school holiday is called."""
    return words.text(BREAKS[Break(name)])


def holidays(words: Words, known: Around) -> str:
    """Return whose school holidays are shaded."""
    text = words.text(mark("school holiday"))
    regions = [words.text(REGIONS[region]) for region in known.regions]
    return f"{text}, {listed(regions, tag=words.language)}" if regions else text
