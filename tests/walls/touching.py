"""Count a day in a process that notes what it touches: run by `test_touch`, prints what it saw as JSON.

Two nets: an audit hook sees what Python opens; and from the first counted request on no file descriptor is left, so
that a file or socket opened by a library below Python fails too.
"""

import json
import resource
import sys
from datetime import date
from pathlib import Path
from typing import Any, Final

from collector.day.breakdowns import facts
from collector.day.current_day import CurrentDay
from collector.day.small_groups import fold
from collector.edge.gate import Gate
from collector.edge.raw import RawRequest
from collector.event import Batch, Event
from collector.model import Epoch, Profile
from collector.settings import Privacy
from tests.edge.doors import AT, CHROME, SAFARI, SALT, SITES, body, gate

#: Audit events of opening, changing or leaving: files, folders, sockets, processes, libraries.
OUTWARD: Final = ("open", "os.", "socket.", "subprocess.", "shutil.", "tempfile.", "pathlib.", "ctypes.", "glob.")
#: Reads of what a process is and has, which touch nothing outside of it.
INWARD: Final = ("os.putenv", "os.unsetenv")
_PRIVACY: Final = Privacy(profile=Profile.OPEN, k=5)
_BOT: Final = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def requests(first: int) -> list[RawRequest]:
    """Return requests of every kind, of visitors numbered from *first*, whose texts nobody saw before."""
    made = []
    for n in range(first, first + 20):
        url = f"https://www.school.example/vak-{first}/les"
        agent = CHROME.replace("156", str(100 + n)) if n % 2 else SAFARI.replace("26.6", f"{10 + n % 16}.{n}")
        forwarded = f"10.{n}.0.1" if n % 3 else f"2001:7b8:{n:x}::1"
        asked = {"peer": "10.0.0.1", "forwarded": forwarded, "user_agent": agent, "language": f"nl-NL,x{n};q=0.9"}
        told: tuple[dict[str, Any], ...] = (
            {"u": url + "?email=a@b.nl#x", "r": f"https://site-{n}.example/pad", "e": 1, "s": "open"},
            {"u": url, "n": f"Toets {first}", "p": {"vak": f"v{first}", "email": "a@b.nl"}, "s": "open"},
            {"u": url, "n": "engagement", "d": 61_000, "y": 80, "s": "open"},
            {"u": url, "s": "browser", "i": f"{n:032x}"},
            {"u": "https://elders.example/"},
            {"s": f"onbekend-{n}"},
        )
        made += [RawRequest(body=body(**fields), **asked) for fields in told]
        made.append(RawRequest(body=body(), **(asked | {"user_agent": f"{_BOT} {n}"})))
        made.append(RawRequest(body=body(), gpc="1", **asked))
        made.append(RawRequest(body=b"{" * n, **asked))
    return made


def count(door: Gate, day: CurrentDay, first: int) -> int:
    """Let requests in, hold their events, and count two sites; return how many cells it came to."""
    outcomes = [door.admit(raw, at=AT + n, salt=lambda _site, _at: SALT) for n, raw in enumerate(requests(first))]
    door.echo(requests(first)[0], at=AT)
    day.append(Batch([outcome for outcome in outcomes if isinstance(outcome, Event)], []))
    cells: list[Any] = []
    for site in ("open", "browser"):
        rules = _PRIVACY.rules_of(SITES[site])
        cells += fold(facts(day, site, rules), rules) or []
    day.visitors("open")
    day.remove("open")
    day.remove("browser")
    return len(cells)


def main() -> None:
    """Warm up, close every way out, and count."""
    door, day = gate(), CurrentDay(Epoch("Europe/Amsterdam", date(2026, 11, 17)), memory_limit="1GB")
    expected = count(door, day, 0)
    touched: list[str] = []

    def note(event: str, args: tuple[Any, ...]) -> None:
        if event.startswith(OUTWARD) and event not in INWARD:
            touched.append(f"{event} {args!r}")

    sys.addaudithook(note)
    used = [int(path.name) for path in Path("/proc/self/fd").iterdir()]
    control = len(touched)
    touched.clear()
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(used) + 1, max(used) + 1))
    cells = count(door, day, 100)
    print(json.dumps({"touched": touched, "cells": cells, "expected": expected, "control": control}))  # noqa: T201


if __name__ == "__main__":
    main()
