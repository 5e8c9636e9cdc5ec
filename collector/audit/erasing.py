"""Erase one of two sites of a scratch house by the product's own command, and look for it in every byte."""

import json
from typing import Any, Final

from collector.audit.canary_requests import browser_of
from collector.audit.finding import Seen
from collector.audit.scratch import ScratchHouse, scratch_house
from collector.settings import Privacy

#: Requirements that an erase looks at.
ERASING: Final = frozenset({"R27", "R28"})
GOES: Final = "audit-goes"
STAYS: Final = "audit-stays"
#: What only one of the sites has: a page that a crowd saw, its host, and what its record and log say.
MARKS: Final = {
    GOES: ("eendenkroos-verdwijnt", "eendenkroos.example", "Stichting Eendenkroos", "wegens eendenkroos"),
    STAYS: ("kikkerbril-blijft", "kikkerbril.example", "Stichting Kikkerbril", "wegens kikkerbril"),
}
#: How many times k visitors each site gets: enough for its page to be kept.
_CROWD: Final = 3
_UNKNOWN: Final = (204, "unknown_site")
_COUNTED: Final = 202


def run_erase(privacy: Privacy) -> dict[str, Seen]:
    """Run the check in a scratch house of its own.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with scratch_house(privacy) as house:
        return check_erase(house)


def check_erase(house: ScratchHouse) -> dict[str, Seen]:
    """R27 and R28: what is erased is gone from the bytes of every file, and the other site is as it was.

    Args:
        house: Running, its history written so that strings can be seen; sites of the two names are added to it.
    """
    for name in (GOES, STAYS):
        _add(house, name)
    k = max(site["k"] for site in _privacy(house)["sites"] if site["id"] in MARKS)
    counted = [_crowd(house, name, visitors=_CROWD * k) for name in (GOES, STAYS)]
    house.ask("close", sites=[GOES, STAYS])
    # A part of a day runs as well, in memory and in the spool.
    counted += [_crowd(house, name, visitors=_CROWD * k) for name in (GOES, STAYS)]
    before, kept = _found(house), _kept(house)
    stated = json.loads(house.ask("site_erase", site=GOES, made_by="audit", reason="to be looked for"))
    after, answered = _found(house), house.send(s=GOES, address="192.0.2.1", u=_page(GOES))
    has_left = after[GOES] == 0 and answered == _UNKNOWN
    # Where the marks were not to be seen before, their absence would say nothing.
    was_there = before[GOES] > 0 and min(counted) == _CROWD * k and stated["rows"]["cell"] > 0
    return {
        "R27": Seen.that(
            has_left and was_there,
            erased_rows=stated["rows"],
            erased_log_entries=stated["log_entries"],
            places_found_before=before[GOES],
            places_found_after=after[GOES],
            files_searched=len(house.files()),
            bytes_searched=sum(path.stat().st_size for path in house.files()),
            answer_to_its_next_event=answered[1] or str(answered[0]),
        ),
        "R28": Seen.that(
            was_there and _kept(house) == kept and after[STAYS] > 0 and len(kept[0]) > 0,
            export_of_the_other_site_is_identical=_kept(house)[0] == kept[0],
            days_of_the_other_site_are_identical=_kept(house)[1] == kept[1],
            bytes_of_its_export=len(kept[0]),
            places_of_the_other_site=after[STAYS],
            other_sites=sum(site["id"] == STAYS for site in _privacy(house)["sites"]),
        ),
    }


def _add(house: ScratchHouse, name: str) -> None:
    _, host, controller, reason = MARKS[name]
    # Where only registered templates are kept, the page has to be one.
    house.add_site(name, hosts=[host], controller=controller, templates=[_page(name)])
    house.ask("site_set", site=name, changes={"may_echo": False}, made_by=controller, reason=reason)


def _crowd(house: ScratchHouse, name: str, *, visitors: int) -> int:
    """Let as many visitors see the page of a site; return how many were counted.

    Each has a network of its own in its first 16 bits, and a browser of its own where not even those are kept.
    """
    event = {"s": name, "n": "pageview", "u": _page(name)}
    sent = [
        ({"User-Agent": browser_of(number), "X-Forwarded-For": f"{11 + number // 250}.{number % 250}.7.9"}, event)
        for number in range(visitors)
    ]
    return house.send_all(sent).get(_COUNTED, 0)


def _page(name: str) -> str:
    return f"/{MARKS[name][0]}"


def _found(house: ScratchHouse) -> dict[str, int]:
    """Count, per site, the places in the files of the house that hold one of its marks."""
    contents = [path.read_bytes() for path in house.files()]
    return {name: sum(one.count(mark.encode()) for one in contents for mark in marks) for name, marks in MARKS.items()}


def _kept(house: ScratchHouse) -> tuple[bytes, Any]:
    """Return what is kept of the site that stays: its export, and the outcomes of its days."""
    export = house.ask("export", site=STAYS, first=None, last=None, format="json")
    return export, json.loads(house.ask("facts", site=STAYS))["days"]


def _privacy(house: ScratchHouse) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(house.request("GET", "/privacy.json")[2])
    return shown
