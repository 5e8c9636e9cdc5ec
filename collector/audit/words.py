"""Let a house of this build fail in every part, and search what it says for what it was given (R49)."""

import signal
import subprocess
import sys
from pathlib import Path
from secrets import token_hex
from time import monotonic, sleep
from typing import Final

from collector.audit.broken import GUARD_QUERY
from collector.audit.finding import Seen
from collector.audit.folders import own_folder
from collector.audit.marks import Mark, address_forms, forms, search
from collector.audit.own_process import status_of
from collector.audit.scratch import ScratchHouse, environment
from collector.errors import TurvenError
from collector.settings import Privacy

#: All that can fail in one house that still starts; a start that fails is a matter of our tests.
PARTS: Final = ("door", "lane", "page", "guard", "engine", "intake", "command", "end")
#: An address of the range that is kept for documentation.
ADDRESS: Final = "203.0.113.77"
START_SECONDS_MAX: Final = 30.0
_LOOK_SECONDS: Final = 0.05
_FAILED: Final = 500


def check_words(privacy: Privacy) -> Seen:
    """R49: an event, a page and a command that fail leave no word of theirs in an answer, or on stderr at DEBUG.

    Raises:
        TurvenError: `scratch_failed`.
    """
    with own_folder() as folder:
        return _check_words(folder, privacy)


def _check_words(folder: Path, privacy: Privacy) -> Seen:
    mark = f"kanarie{token_hex(6)}"
    house = ScratchHouse(folder, privacy=privacy)
    command = [sys.executable, "-m", "collector.audit.broken", ",".join(PARTS), mark]
    with house.log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - ourselves
            [*command, "--config", str(house.config), "serve"],
            stdout=log, stderr=log, cwd=folder / "work", env=environment(folder),
        )  # fmt: skip
    try:
        _wait(house, process)
        statuses, answers = _ask_all(house, mark)
        status = status_of(process.pid)
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS_MAX)
        needles = [*forms(Mark("all", mark)), *address_forms(ADDRESS)]
        read, found = search([house.log], needles)
        told = house.log.read_text("utf-8", errors="replace")
    finally:
        process.kill()
        process.wait(START_SECONDS_MAX)
    in_answers = sum(needle in answers for needle in needles)
    # Every one of them has to have failed, or nothing was seen.
    was_tried = statuses == [_FAILED] * len(statuses) and told.count("BrokenError at ") > len(PARTS)
    return Seen.that(
        was_tried and not found and not in_answers and status["core_file_limit"] == "0 0",
        parts_that_failed=len(PARTS),
        answers=statuses,
        bytes_of_log_at_debug=read,
        words_found_in_log=bool(found),
        words_found_in_answers=in_answers,
        errors_told_by_kind_and_place=told.count("BrokenError at "),
        core_file_limit=status["core_file_limit"],
    )


def _wait(house: ScratchHouse, process: "subprocess.Popen[bytes]") -> None:
    ends_at = monotonic() + START_SECONDS_MAX
    while True:
        try:
            house.request("GET", "/health")
        except OSError:
            if process.poll() is not None or monotonic() > ends_at:
                raise TurvenError("scratch_failed", "A scratch house of this build does not start.") from None
            sleep(_LOOK_SECONDS)
        else:
            return


def _ask_all(house: ScratchHouse, mark: str) -> tuple[list[int], bytes]:
    """Send the mark in every field to every part; return the statuses, and all that was answered."""
    headers = {
        "User-Agent": f"Mozilla/5.0 {mark}",
        "X-Forwarded-For": ADDRESS,
        "Cookie": f"session={mark}",
        "Referer": f"https://canary.example/{mark}",
    }
    body = f'{{"s":"canary","n":"{mark}","u":"https://canary.example/{mark}?q={mark}"}}'.encode()
    answers = [
        house.request("POST", f"/event?q={mark}", body=body, headers=headers),
        house.request("POST", f"/event?{GUARD_QUERY}&q={mark}", body=body, headers=headers),
        house.request("GET", f"/?site={mark}", headers=headers),
    ]
    said = repr([answer[1:] for answer in answers])
    try:
        house.ask("close")
    except TurvenError as error:
        said += error.message
    return [answer[0] for answer in answers], said.encode()
