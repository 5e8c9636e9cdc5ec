"""Measure everything that is to be fast or small, and write bench/results.md and bench/results.json.

Each part runs in a process of its own, so that none finds what another left in memory; one that fails is a row that
says so. `python -m bench.run NAME …` runs the parts whose function has NAME in it, prints them and writes nothing.
With `--short` as the first word everything is measured a quarter as often: that shows whether it can be, and no more.
"""

import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

from bench.parts import PARTS, Figures, Goal, Part, samples, shown
from bench.servers import FOLDER_VARIABLE, ROOT, SHORT_VARIABLE

TABLE: Final = ROOT / "bench" / "results.md"
DATA: Final = ROOT / "bench" / "results.json"
PACKAGES: Final = (
    "uvicorn", "uvloop", "httptools", "starlette", "msgspec", "cryptography", "duckdb", "polars", "numpy", "scipy",
    "ua-parser-rs",
)  # fmt: skip
#: Of what a part that failed said last.
_SAID_MAX: Final = 300


class Outcome(NamedTuple):
    """Hold what a part came to.

    Attributes:
        failure: Empty where it did not fail.
    """

    part: Part
    figures: Figures
    failure: str
    seconds: float


def run(part: Part, *, at: Path) -> Outcome:
    """Run a part in a process of its own, with *at* as the folder that the parts share."""
    answer, begun = at / "figures.json", time.perf_counter()
    answer.unlink(missing_ok=True)
    command = [sys.executable, "-m", "bench.run", "--part", part.function, str(answer)]
    failure = ""
    running = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {FOLDER_VARIABLE: str(at)}, stderr=subprocess.PIPE, stdout=sys.stderr,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        _, said = running.communicate(timeout=part.seconds_max)
        if running.returncode:
            failure = (said.strip().splitlines() or [f"exit {running.returncode}"])[-1][:_SAID_MAX]
    except subprocess.TimeoutExpired:
        failure = f"not done in {part.seconds_max} s"
    finally:
        # Servers that it started would go on, and be in the way of the next part.
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    figures = {} if failure else json.loads(answer.read_text("utf-8"))
    return Outcome(part, figures, failure, time.perf_counter() - begun)


def call(function: str) -> Figures:
    """Call a part's function, in this process."""
    module, _, name = function.partition(":")
    figures: Figures = getattr(import_module(module), name)()
    return figures


def machine() -> dict[str, str]:
    """Return what the figures were taken on."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines() if "model name" in line), ":")
    memory = Path("/proc/meminfo").read_text("utf-8").split()[1]
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{os.cpu_count()} × {cpu.partition(':')[2].strip()}, {int(memory) // 1_048_576} GB, shared",
        "system": f"Linux {platform.release()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "source": _said(["git", "describe", "--always", "--dirty", "--exclude", "*"]),
        "load average before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _said(command: Sequence[str]) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def table(outcomes: Sequence[Outcome], about: dict[str, str]) -> str:
    """Return the results as a page."""
    return "\n".join(_page(outcomes, about)) + "\n"


def _page(outcomes: Sequence[Outcome], about: dict[str, str]) -> Iterator[str]:
    yield "# What Turven costs, measured"
    yield ""
    yield "Written by `make bench` (bench/run.py). Medians, and the least and the most where a figure was taken several"
    yield "times. An absolute figure is one machine's; a ratio was taken within seconds of its other half."
    yield ""
    for name, value in about.items():
        yield f"- {name}: {value}"
    for outcome in outcomes:
        yield ""
        yield f"## {outcome.part.title}"
        yield ""
        yield outcome.part.how
        yield ""
        yield "| figure | measured | goal | |"
        yield "| --- | ---: | ---: | --- |"
        yield from rows(outcome)


def rows(outcome: Outcome) -> Iterator[str]:
    """Yield a line of the table for each figure: those with a goal first, measured or not."""
    if outcome.failure:
        goals = ", ".join(filter(None, (goal.text() for goal in outcome.part.goals.values())))
        yield f"| the part | not measured | {goals} | {outcome.failure.replace('|', '/')} |"
        return
    for name, goal in outcome.part.goals.items():
        if name not in outcome.figures:
            yield f"| {goal.title} | not measured | {goal.text()} | |"
    for name in [*outcome.part.goals, *(name for name in outcome.figures if name not in outcome.part.goals)]:
        if name in outcome.figures:
            goal = outcome.part.goals.get(name) or Goal(name.replace("_", " "))
            value = outcome.figures[name]
            verdict = goal.verdict(median(samples(value)))
            yield f"| {goal.title} | {shown(value, goal)} | {goal.text()} | {verdict} |"


def as_data(outcomes: Sequence[Outcome], about: dict[str, str]) -> dict[str, Any]:
    """Return the results for programs."""
    parts = {
        outcome.part.function: {
            "figures": dict(outcome.figures),
            "failure": outcome.failure,
            "seconds": outcome.seconds,
        }
        for outcome in outcomes
    }
    return {"about": about, "parts": parts}


def run_all(chosen: Sequence[Part]) -> tuple[list[Outcome], dict[str, str]]:
    """Run parts one after another; say on standard error how far it is."""
    about, outcomes = machine(), []
    # Not in /tmp where that is memory: the history and the spool are to lie on a disk.
    at = Path(tempfile.mkdtemp(prefix=".turven-bench-", dir=ROOT))
    try:
        for part in chosen:
            print(f"{part.title} …", file=sys.stderr, flush=True)
            outcomes.append(run(part, at=at))
            for line in rows(outcomes[-1]):
                print(f"  {line}", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(at, ignore_errors=True)
    about["load average after"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    about["took"] = f"{sum(outcome.seconds for outcome in outcomes) / 60:.0f} minutes"
    return outcomes, about


def main(words: Sequence[str]) -> None:
    """Run what the command line asks for."""
    if words[:1] == ["--part"]:
        Path(words[2]).write_text(json.dumps(call(words[1])), "utf-8")
        return
    is_short = words[:1] == ["--short"]
    if is_short:
        os.environ[SHORT_VARIABLE] = "1"
        words = words[1:]
    chosen = [part for part in PARTS if not words or any(word in part.function for word in words)]
    outcomes, about = run_all(chosen)
    if is_short:
        about["a short run"] = "each figure was taken a quarter as often as it should be"
    if not words:
        TABLE.write_text(table(outcomes, about), "utf-8")
        DATA.write_text(json.dumps(as_data(outcomes, about), indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
