"""Run the checks on scratch houses in processes of their own, beside the attack on what is kept: all cores are used.

`python -m collector.audit.beside` reads what is wanted from standard input, tells on standard output how far it has
come, a JSON line a step, and ends with a line that holds what was seen, or the error.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from collector.audit.browser import BROWSER_CHECKS, check_browser, find_browser
from collector.audit.cage import FLOORS, check_floors
from collector.audit.canary import CANARY, run_canary
from collector.audit.erasing import ERASING, run_erase
from collector.audit.finding import Seen
from collector.audit.hostile_house import DAYS, attack_hostile_days
from collector.audit.rush import RUSH, run_rush
from collector.audit.strangers import STRANGERS, run_strangers
from collector.audit.words import check_words
from collector.errors import SettingsError, StoreError, TurvenError
from collector.process import end_with_parent
from collector.settings import Privacy, Public, Settings

_ERRORS: Final = {2: SettingsError, 3: StoreError}
_END_SECONDS_MAX: Final = 60

Answers = dict[str, dict[str, Seen]]
Tell = Callable[[str], None]


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Say what is to be looked at.

    Attributes:
        privacy: The settings under audit.
        public: What the house under audit says of itself.
        ids: Requirements.
        marks: Of the auditor's own.
        parts: Names of `PARTS`, in their order.
        hostile_days: How many are made.
    """

    privacy: Privacy
    public: Public
    ids: frozenset[str]
    marks: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    hostile_days: int = DAYS


class Part(NamedTuple):
    """Describe checks that are run together.

    Attributes:
        ids: Requirements that they look at.
        place: Where that is, in the evidence.
        doing: Told when they begin.
        look: Runs them.
    """

    ids: Collection[str]
    place: str
    doing: str
    look: Callable[[Wanted, Tell], Mapping[str, Seen]]


PARTS: Final = {
    "canary": Part(
        CANARY,
        "scratch house",
        "Starting a scratch house",
        lambda wanted, tell: run_canary(wanted.privacy, public=wanted.public, extra_marks=wanted.marks, tell=tell),
    ),
    "words": Part({"R49"}, "broken house", "Breaking a house", lambda wanted, _: {"R49": check_words(wanted.privacy)}),
    "strangers": Part(
        STRANGERS, "strangers", "Knocking as a stranger", lambda wanted, _: run_strangers(wanted.privacy)
    ),
    "floors": Part(
        FLOORS.keys(),
        "weaker settings",
        "Starting houses with weaker settings",
        lambda wanted, _: check_floors(wanted.privacy),
    ),
    "browser": Part(
        BROWSER_CHECKS,
        "browser",
        "Opening pages in a browser",
        lambda wanted, _: check_browser(wanted.privacy, browser=find_browser()),
    ),
    "erasing": Part(ERASING, "house that erases", "Erasing a site", lambda wanted, _: run_erase(wanted.privacy)),
    "rush": Part(RUSH, "rush", "Sending more than a limit", lambda wanted, _: run_rush(wanted.privacy)),
    "hostile": Part(
        {"R22"},
        "hostile days",
        "Attacking hostile days",
        lambda wanted, _: {"R22": attack_hostile_days(wanted.privacy, days=wanted.hostile_days)},
    ),
}
#: Parts that run one after the other, and these groups side by side.
GROUPS: Final = (("canary", "words", "strangers"), ("floors", "browser", "erasing", "rush", "hostile"))


def look(wanted: Wanted, *, tell: Tell) -> Answers:
    """Run scratch houses, and return what was seen, by place.

    Raises:
        TurvenError: `scratch_failed`.
        SettingsError: `mark_too_short`, `mark_too_long`.
    """
    answers: Answers = {}
    for name in wanted.parts:
        part = PARTS[name]
        tell(part.doing)
        seen = part.look(wanted, tell)
        answers[part.place] = {number: one for number, one in seen.items() if number in wanted.ids}
    return answers


@contextmanager
def started(
    settings: Settings, *, ids: Collection[str], marks: tuple[str, ...], tell: Tell, hostile_days: int = DAYS
) -> Iterator[Callable[[], Answers]]:
    """Start to look, and lend what waits for the answers; whoever leaves earlier ends the processes.

    Args:
        settings: Under audit.
        ids: Requirements.
        marks: Of the auditor's own.
        tell: Told what is being done, from other threads, while the answers are waited for.
        hostile_days: How many are made.

    Raises:
        TurvenError: `audit_broken` where a process ends without an answer; else as `look`.
    """
    wanted = Wanted(
        privacy=settings.privacy,
        public=settings.public,
        ids=frozenset(ids),
        marks=marks,
        hostile_days=hostile_days,
    )
    groups = [tuple(name for name in group if wanted.ids & set(PARTS[name].ids)) for group in GROUPS]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(_process(msgspec.structs.replace(wanted, parts=group))) for group in groups if group
        ]
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=len(GROUPS)))
        reading = [pool.submit(_read, process, tell) for process in processes]
        # Whoever leaves earlier must not wait for what is read: the processes end first.
        for process in processes:
            stack.callback(process.terminate)
        yield lambda: {place: seen for read in reading for place, seen in read.result().items()}


@contextmanager
def _process(wanted: Wanted) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "collector.audit.beside"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # This very build, wherever the audit is run from.
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    with process:
        try:
            process.stdin.write(msgspec.json.encode(wanted))  # type: ignore[union-attr] # a pipe, as asked
            process.stdin.close()  # type: ignore[union-attr]
            yield process
        finally:
            process.terminate()
            process.wait(_END_SECONDS_MAX)


def _read(process: subprocess.Popen[bytes], tell: Tell) -> Answers:
    for line in process.stdout or ():
        said: Mapping[str, Any] = json.loads(line)
        if "error" in said:
            raise _ERRORS.get(said["exit"], TurvenError)(said["error"], said["message"])
        if "answers" in said:
            return msgspec.convert(said["answers"], Answers)
        tell(said["doing"])
    raise TurvenError("audit_broken", "The checks on scratch houses ended without an answer; run the audit again.")


def main() -> None:
    """Look, and say what was seen."""
    # Asked to end, it ends its scratch houses first; and whoever waits for its answers may be killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    end_with_parent()
    wanted = msgspec.json.decode(sys.stdin.buffer.read(), type=Wanted)
    try:
        said: dict[str, Any] = {"answers": look(wanted, tell=lambda what: _say({"doing": what}))}
    except TurvenError as error:
        said = {"error": error.code, "message": error.message, "exit": error.exit_code}
    _say(said)


def _say(what: Mapping[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
