"""Turn what the audit saw into words: each figure has a name and a value, lists and tables inside each other."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dashboard.metrics import mark
from dashboard.view import harmless
from dashboard.words import Words

_DEPTH_MAX: Final = 5
_LIST_MAX: Final = 40
_HASH: Final = re.compile(r"[0-9a-f]{40,64}")
_BOUND: Final = re.compile(r"(>=|<=) *(\S+)")
#: Where something was seen.
PLACES: Final = {
    "history": mark("in the history file"),
    "house": mark("in the running house"),
    "machine": mark("on this machine"),
    "scratch house": mark("in a scratch house, with marked requests"),
    "outsider": mark("as an outsider, from what is published"),
    "hostile days": mark("on days made up to be hard"),
    "settings": mark("in the settings"),
    "browser": mark("in a real browser"),
    "program": mark("in the program itself"),
    "documents": mark("in pages and documents"),
    "audit": mark("by the audit"),
}
FIGURES: Final = {
    "answers": mark("answers"),
    "bytes_of_files": mark("bytes of files searched"),
    "bytes_sealed": mark("bytes sealed"),
    "bytes_searched": mark("bytes searched"),
    "blocks_searched": mark("blocks searched"),
    "files_searched": mark("files searched"),
    "cells_of_days_to_come": mark("rows of days to come"),
    "cells_of_running_parts": mark("rows of days that still run"),
    "cells_that_stand_twice": mark("rows that stand twice"),
    "columns": mark("columns"),
    "columns_with_a_time": mark("columns with a finer time"),
    "comment_differs": mark("columns with another reason than promised"),
    "connections_off_this_machine": mark("connections off this machine"),
    "days": mark("days"),
    "days_that_publish_figures": mark("days that publish figures"),
    "derived_by": mark("found by"),
    "differs_from_the_settings": mark("differs from the settings"),
    "distinct_countries": mark("different countries"),
    "distinct_salts": mark("different day secrets"),
    "distinct_sources": mark("different sources"),
    "distinct_values": mark("different values"),
    "drops_of_parts_below_k": mark("counts of days below the threshold"),
    "entries": mark("entries"),
    "equals_what_the_audit_computes": mark("equals what the audit computes"),
    "events_counted": mark("events counted"),
    "events_sent": mark("events sent"),
    "exit_codes_of_weaker_settings": mark("weaker settings that were refused, with exit code"),
    "expected": mark("expected"),
    "faults": mark("faults"),
    "fewest_contributors": mark("fewest visitors behind a row"),
    "figures_below_k": mark("figures below the threshold"),
    "figures_derived": mark("figures derived by subtraction"),
    "files_open_elsewhere": mark("files open elsewhere"),
    "files_with_a_page_of_today": mark("files with a page of today"),
    "files_with_an_old_salt": mark("files with an old day secret"),
    "finer_than_country": mark("places finer than a country"),
    "fingerprint_fits": mark("fingerprint fits"),
    "first_broken_entry": mark("first entry that does not fit"),
    "forms": mark("ways of writing searched"),
    "found": mark("found"),
    "found_in": mark("found in"),
    "head": mark("newest hash"),
    "hours_below_k": mark("hours below the threshold"),
    "hours_beside_their_day": mark("hours that do not fit their day"),
    "hours_that_are_not_totals": mark("hours that are not totals"),
    "in_memory": mark("in memory"),
    "k": mark("threshold"),
    "k_below_the_floor": mark("days with a threshold below the floor"),
    "keep_day_through_reboot": mark("day kept through a reboot"),
    "languages": mark("languages"),
    "level": mark("level"),
    "log_bytes_searched": mark("bytes of logs searched"),
    "marks": mark("marks"),
    "memory_after": mark("memory after the day closed"),
    "memory_before": mark("memory before the day closed"),
    "bytes": mark("bytes"),
    "missing_in_the_file": mark("missing in the file"),
    "newest_day_attacked": mark("newest day attacked"),
    "not_in_the_inventory": mark("not in the inventory"),
    "not_in_the_list": mark("not in the list"),
    "notations_of_one_network": mark("ways to write one network"),
    "oldest_day_attacked": mark("oldest day attacked"),
    "oldest_days": mark("days since the oldest figure"),
    "other_channels": mark("other channels"),
    "other_files_attached": mark("other files attached"),
    "other_objects": mark("other objects in the database"),
    "other_than_a_host": mark("other than a host"),
    "other_than_hours": mark("other than hours"),
    "overlapping_hours": mark("hours that overlap"),
    "own_marks": mark("marks of your own"),
    "pairs_that_differ": mark("pairs that differ"),
    "pairs_with_more_than_pageviews": mark("pairs with more than pageviews"),
    "parts_attacked": mark("days attacked"),
    "parts_kept": mark("days kept"),
    "parts_with_a_small_group": mark("days with a small group"),
    "parts_with_two_markers": mark("days with two markers"),
    "parts_with_unknown_settings": mark("days with unknown settings"),
    "parts_without_settings": mark("days without settings"),
    "process": mark("process"),
    "retention_days": mark("days that figures are kept"),
    "rows": mark("rows"),
    "rows_above_the_cap": mark("rows above the cap"),
    "rows_below_2k_with_time": mark("rows with time and too few visitors"),
    "rows_below_k": mark("rows below the threshold"),
    "rows_of_parts_below_k": mark("rows of days below the threshold"),
    "rows_of_unclosed_parts": mark("rows of days that are not closed"),
    "rows_with_more_bounces_than_visits": mark("rows with more bounces than visits"),
    "rows_with_time_and_withheld_visitors": mark("rows with time and withheld visitors"),
    "runtime_dir_in_memory": mark("secrets lie in memory only"),
    "salts": mark("day secrets"),
    "salts_still_in_use": mark("day secrets still in use"),
    "sent_by_visitors": mark("visitors who sent them"),
    "sites": mark("sites"),
    "sites_changed_beside_the_log": mark("sites changed beside the log"),
    "sites_weaker_than_the_house": mark("sites weaker than the house"),
    "smallest_figure": mark("smallest figure"),
    "smallest_group_found": mark("smallest group found"),
    "smallest_k": mark("smallest threshold"),
    "stated_in_gpc_json": mark("stated in gpc.json"),
    "status": mark("status"),
    "swap_areas": mark("swap areas"),
    "temporary_files": mark("temporary files"),
    "texts": mark("texts"),
    "their_pages_were_counted": mark("their pages were counted"),
    "type_differs": mark("columns of another type"),
    "values": mark("values"),
    "values_with_query": mark("values with a query"),
    "visitors": mark("visitors"),
    "weakened_by": mark("weakened by"),
    "why": mark("why"),
    "without_a_network": mark("without a network"),
    "without_a_reason": mark("columns without a reason"),
}
#: What a figure can say in words, and a settings line.
SAID: Final = {
    "named": mark("filled in"),
    "none": mark("none"),
    "true": mark("yes"),
    "false": mark("no"),
    "strict": mark("strict"),
    "standard": mark("standard"),
    "open": mark("open"),
    "network": mark("network"),
    "browser": mark("browser"),
    "not allowed to read": mark("not allowed to read"),
    "No cell is kept yet.": mark("No cell is kept yet."),
    "No figure is kept yet.": mark("No figure is kept yet."),
    "No setting of a site was ever made.": mark("No setting of a site was ever made."),
    "Not to be seen here: it takes a house to ask.": mark("Not to be seen here: it takes a house to ask."),
}
_YES, _NO, _NONE = SAID["true"], SAID["false"], SAID["none"]
_AT_LEAST, _AT_MOST = mark("at least {n}"), mark("at most {n}")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """Hold one figure as it is read.

    Attributes:
        key: As the audit names it.
        is_foreign: The value is English in a page of another language.
        is_name_foreign: The name is.
        is_code: A hash, to be set in one width.
        rows: Figures inside this one; then `text` is empty.
    """

    key: str
    name: str
    text: str = ""
    is_foreign: bool = False
    is_name_foreign: bool = False
    is_code: bool = False
    rows: tuple["Row", ...] = ()


def rows_of(evidence: Mapping[str, Any], words: Words, *, depth: int = 0) -> tuple[Row, ...]:
    """Return figures with names and values for a reader."""
    return tuple(_row(str(name), value, words, depth=depth) for name, value in evidence.items())


def _row(name: str, value: Any, words: Words, *, depth: int) -> Row:
    known = name in FIGURES
    named: dict[str, Any] = {
        "key": name,
        "name": words.text(FIGURES[name]) if known else harmless(name.replace("_", " ")),
        "is_name_foreign": not known and words.language != "en",
    }
    if isinstance(value, Mapping) and value and depth < _DEPTH_MAX:
        return Row(**named, rows=rows_of(value, words, depth=depth + 1))
    if isinstance(value, (list, tuple)) and any(isinstance(one, Mapping) for one in value) and depth < _DEPTH_MAX:
        inside = {str(n): one for n, one in enumerate(value[:_LIST_MAX], 1)}
        return Row(**named, rows=rows_of(inside, words, depth=depth + 1))
    text, is_foreign = said(value, words)
    return Row(**named, text=text, is_foreign=is_foreign, is_code=bool(_HASH.fullmatch(text)))


def said(value: Any, words: Words) -> tuple[str, bool]:
    """Return a value in words, and whether they are English in a page of another language."""
    if value is None or (isinstance(value, (list, tuple, Mapping)) and not value):
        return words.text(_NONE), False
    if isinstance(value, (bool, int, float)):
        return _number(value, words), False
    if isinstance(value, (list, tuple)):
        parts = [said(one, words) for one in value[:_LIST_MAX]]
        more = ["…"] if len(value) > _LIST_MAX else []
        return ", ".join([text for text, _ in parts if text] + more), any(foreign for _, foreign in parts)
    return _text(str(value), words)


def _number(value: float, words: Words) -> str:
    if isinstance(value, bool):
        return words.text(_YES if value else _NO)
    return words.number(value, 0 if value == int(value) else 2)


def _text(text: str, words: Words) -> tuple[str, bool]:
    if text in SAID:
        return words.text(SAID[text]), False
    if bound := _BOUND.fullmatch(text):
        return words.text(_AT_LEAST if bound[1] == ">=" else _AT_MOST, n=bound[2]), False
    # A word, a number or a name is the same in every language; a sentence is not.
    return harmless(text), words.language != "en" and " " in text
