"""Turn what the audit saw into words: each figure has a name and a value, lists and tables inside each other."""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from dashboard.audit_names import FIGURES
from dashboard.metrics import mark
from dashboard.view import harmless
from dashboard.words import Words

_DEPTH_MAX: Final = 5
_LIST_MAX: Final = 40
#: Figures that name kept values for whoever runs the command: here only how many, since a page is shown to more people
#: and where R21 fails such a value may stand for a few.
_COUNTED_ONLY: Final = ("paths_to_think_about",)
_HASH: Final = re.compile(r"[0-9a-f]{40,64}")
_BOUND: Final = re.compile(r"(>=|<=) *(\S+)")
#: What a figure can say in words, and a settings line.
SAID: Final = {
    "as it is": mark("as it is"),
    "capitals": mark("capitals"),
    "percent-encoded": mark("percent-encoded"),
    "percent-encoded twice": mark("percent-encoded twice"),
    "hexadecimal": mark("hexadecimal"),
    "base64 for URLs": mark("base64 for URLs"),
    "full width": mark("full width"),
    "one number until midnight": mark("one number until midnight"),
    "the browser's number": mark("the browser's number"),
    "unknown field": mark("unknown field"),
    "identifier field": mark("identifier field"),
    "path of one visitor": mark("path of one visitor"),
    "query": mark("query"),
    "fragment": mark("fragment"),
    "parameter": mark("parameter"),
    "referrer": mark("referrer"),
    "header": mark("header"),
    "user agent": mark("user agent"),
    "no limit": mark("no limit"),
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
    "nothing": mark("nothing"),
    "No backup lies here. Make one with `turven backup`; copies elsewhere are the operator's to look after.": mark(
        "No backup lies here. Make one with `turven backup`; copies elsewhere are the operator's to look after."
    ),
    "No site counts yet: `turven site add`.": mark("No site counts yet: `turven site add`."),
    "No part of a day with figures is kept yet.": mark("No part of a day with figures is kept yet."),
    "No figure by the hour is kept. Ask again when a day has closed.": mark(
        "No figure by the hour is kept. Ask again when a day has closed."
    ),
    "The house has not run on this machine yet. Start it, and ask again.": mark(
        "The house has not run on this machine yet. Start it, and ask again."
    ),
    "There is no site yet. Ask again when one was added.": mark("There is no site yet. Ask again when one was added."),
    "There is no site yet, so nothing was made looser. Ask again when one was added.": mark(
        "There is no site yet, so nothing was made looser. Ask again when one was added."
    ),
    "No whole day that is over has figures yet: ask again once one has.": mark(
        "No whole day that is over has figures yet: ask again once one has."
    ),
    "Nothing was refused yet, or fewer than ten requests a day.": mark(
        "Nothing was refused yet, or fewer than ten requests a day."
    ),
    "No house is running here: start it (`turven serve`) and audit it again.": mark(
        "No house is running here: start it (`turven serve`) and audit it again."
    ),
    "The house runs in a container: run the audit in there (docker compose exec).": mark(
        "The house runs in a container: run the audit in there (docker compose exec)."
    ),
    "The running house does not know the question; restart it after an update.": mark(
        "The running house does not know the question; restart it after an update."
    ),
    "Proxies elsewhere are trusted, so somebody stands in front, and nobody is listed.": mark(
        "Proxies elsewhere are trusted, so somebody stands in front, and nobody is listed."
    ),
    "A core file may be written: the limit is not 0, or can be raised again (LimitCORE=0).": mark(
        "A core file may be written: the limit is not 0, or can be raised again (LimitCORE=0)."
    ),
    "Another process of the same user may read its memory: it did not make itself undumpable.": mark(
        "Another process of the same user may read its memory: it did not make itself undumpable."
    ),
    "Another process is attached to it.": mark("Another process is attached to it."),
    "Parts of it lie in swap on a disk that is not encrypted; stop it, mend that, and start again.": mark(
        "Parts of it lie in swap on a disk that is not encrypted; stop it, mend that, and start again."
    ),
    "Other users of the machine may reach its files: chmod -R go= on data_dir and runtime_dir.": mark(
        "Other users of the machine may reach its files: chmod -R go= on data_dir and runtime_dir."
    ),
    "It has files open for writing outside of data_dir and runtime_dir.": mark(
        "It has files open for writing outside of data_dir and runtime_dir."
    ),
    "operator": mark("operator"),
    "settings file": mark("settings file"),
    "HTML, hexadecimal": mark("HTML in hexadecimal"),
    "No cell is kept yet.": mark("No cell is kept yet."),
    "No figure is kept yet.": mark("No figure is kept yet."),
    "No setting of a site was ever made.": mark("No setting of a site was ever made."),
    "Not to be seen here: it takes a house to ask.": mark("Not to be seen here: it takes a house to ask."),
    "who exported what is not recorded in this version: without accounts nobody could be named": mark(
        "who exported what is not recorded in this version: without accounts nobody could be named"
    ),
    "sites are added up by name, for whoever is given each of them; an operator is given none by default": mark(
        "sites are added up by name, for whoever is given each of them; an operator is given none by default"
    ),
    "decided by an account of the controller": mark("decided by an account of the controller"),
    "recorded by the operator on behalf of the controller": mark(
        "recorded by the operator on behalf of the controller"
    ),
    "the operator alone": mark("the operator alone"),
    "somebody else, by name": mark("somebody else, by name"),
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
        "name": words.text(FIGURES[name])
        if known
        else harmless(name.replace("_", " ") if name.isidentifier() and name.islower() else name),
        "is_name_foreign": not known and words.language != "en",
    }
    if name in _COUNTED_ONLY and isinstance(value, (list, tuple)):
        return Row(**named, text=words.number(len(value)))
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
