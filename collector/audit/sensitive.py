"""Look at kept paths for what a site marked as sensitive, and warn of what it may have forgotten to mark."""

import json
import re
from typing import Any, Final

from collector.audit.finding import Seen
from collector.audit.kept import Kept, needs_cells

#: Words in a path that say something of whoever opens it: health, care, money, belief, safety.
WORDS: Final = (
    "absent", "adhd", "allergie", "autis", "belijdenis", "blinden", "depress", "diagnos", "dyscalculi", "dyslexi",
    "eetstoornis", "faillis", "geloof", "geweld", "gezondheid", "handicap", "incasso", "jeugdzorg", "kwijtscheld",
    "lhbt", "logoped", "medic", "medisch", "mishandel", "misbruik", "moskee", "ondersteuningsplan", "pesten", "politie",
    "psych", "religie", "remedial", "schuld", "seks", "spijbel", "straf", "suicid", "therap", "uitschrijving",
    "vertrouwenspersoon", "verzuim", "zelfmoord", "ziek", "zorg", "zwanger",
)  # fmt: skip
#: Paths that a warning names; they are kept, so at least k visitors opened each.
PATHS_MAX: Final = 20


@needs_cells
def marked_routes_are_folded(kept: Kept) -> Seen:
    """R5: nothing is kept of routes that a site marked as sensitive, from the day after it marked them."""
    marked, since = dict[str, list[re.Pattern[str]]](), dict[str, Any]()
    for site, record in kept.rows("select id, record from site"):
        marked[site] = [_pattern(prefix) for prefix in json.loads(record).get("sensitive", ())]
    for site, day in kept.rows(
        "select site, max(made_at)::date from settings_log "
        "where json_array_length(json_extract(change, '$.sensitive')) > 0 group by site"
    ):
        since[site] = day
    broken = older = 0
    telling: set[str] = set()
    for site, path, last, rows in kept.rows(
        "select site, path, max(day), count(*) from "
        "(select site, day, value as path from cell "
        "where dimension in ('page', 'entry_page', 'exit_page', 'next_page', 'group') "
        "union all select site, day, filter_value from cell where filter_dimension in ('page', 'group') "
        "union all select site, day, split_part(value, ' · page=', 2) from cell where dimension = 'property') "
        "group by site, path"
    ):
        if any(pattern.fullmatch(path.casefold()) for pattern in marked.get(site, ())):
            is_older = site in since and last <= since[site]
            older += rows if is_older else 0
            broken += 0 if is_older else rows
        elif telling_words(path):
            telling.add(path)
    return Seen.that(
        broken == 0,
        routes_marked=sum(map(len, marked.values())),
        rows_of_marked_routes=broken,
        rows_from_before_they_were_marked=older,
        paths_to_think_about=sorted(telling)[:PATHS_MAX],
        more_such_paths=max(0, len(telling) - PATHS_MAX),
        words_looked_for=len(WORDS),
    )


def telling_words(path: str) -> list[str]:
    """Return the words of `WORDS` that a path holds."""
    folded = path.casefold()
    return [word for word in WORDS if word in folded]


def _pattern(prefix: str) -> re.Pattern[str]:
    """Return what matches a marked route and everything below it, written out once more."""
    parts = [part for part in prefix.casefold().split("/") if part]
    return re.compile("".join(rf"/{'[^/]+' if part[0] in ':*' else re.escape(part)}" for part in parts) + "(/.*)?")
