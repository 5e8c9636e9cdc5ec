"""Apply each harm to a copy of the source tree and demand that its catch fails: `make attack`.

python -m tests.sabotage.run [WORD…] [--copies N]     e.g. R22, or a word of a description or a file
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple

import msgspec

from tests.sabotage.harm import CASES, ROOT, Harm, harmed_text
from tests.sabotage.harms import HARMS

#: Copies that are worked on side by side.
COPIES_MAX: Final = 2
#: A catch that takes longer caught nothing.
CATCH_SECONDS_MAX: Final = 300.0
#: The same for all catches of one kind together, without any harm.
UNHARMED_SECONDS_MAX: Final = 1_200.0
_SAID_MAX: Final = 1_500
_LEFT_OUT: Final = shutil.ignore_patterns(
    ".git", ".venv", "var", "__pycache__", "*.stamp", ".hypothesis", ".*_cache", ".import_linter_cache"
)
#: What a tool says when it found something; an exit code of 1 alone may be an error of its own.
_FOUND: Final = {
    "test": re.compile(r"^(FAILED .*|.*\b\d+ failed\b.*)$", re.MULTILINE),
    "walls": re.compile(r"\b[1-9]\d* broken\b"),
    "types": re.compile(r"^Found \d+ errors? in ", re.MULTILINE),
    "style": re.compile(r"^Found \d+ errors?", re.MULTILINE),
}
#: What a test says that did not get as far as to look.
_NOT_RUN: Final = re.compile(r"SyntaxError|ImportError|ModuleNotFoundError|NameError")


class Outcome(NamedTuple):
    """Tell what became of a harm."""

    harm: Harm
    is_caught: bool
    seconds: float
    said: str


class _Findings(msgspec.Struct):
    id: str
    result: str


def command_of(catches: Sequence[str], kind: str) -> list[str]:
    """Return the command that runs catches of one kind."""
    module = [sys.executable, "-m"]
    named = [catch.partition(" ")[2] for catch in catches]
    if kind == "walls":
        return [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    if kind == "types":
        return [*module, "mypy", *named]
    if kind == "style":
        return [*module, "ruff", "check", "--no-cache", *named]
    if kind == "audit":
        return [*module, "turven", "audit", "--json", *named]
    # One seed for hypothesis: what is caught today is caught tomorrow.
    laws = ("--hypothesis-seed=0", "--hypothesis-profile=unshrunk")
    nodes = dict.fromkeys(catch.partition(CASES)[0] for catch in catches)
    cases = catches[0].partition(CASES)[2] if len(catches) == 1 else ""
    chosen = ("-k", cases) if cases else ()
    return [*module, "pytest", "-qx", "-p", "no:cacheprovider", "-p", "no:randomly", *laws, *chosen, *nodes]


def is_caught(kind: str, code: int, said: str, *, told: str = "", promise: str = "") -> bool:
    """Tell whether a catch found the harm; one that could not even run found nothing.

    Args:
        kind: Of the catch.
        code: How it ended; every tool here says 1 when it found something.
        said: All that it wrote.
        told: What it wrote to its standard output alone.
        promise: What the audit was asked about: only a finding about that counts.
    """
    if code != 1:
        return False
    if kind == "audit":
        try:
            findings = msgspec.json.decode(told, type=list[_Findings])
        except msgspec.MsgspecError:
            return False
        return any(one.id == promise and one.result == "fail" for one in findings)
    return bool(_FOUND[kind].search(said)) and not (kind == "test" and _NOT_RUN.search(said))


def ask(folder: Path, catches: Sequence[str], kind: str, *, seconds: float) -> tuple[bool, int, str]:
    """Run catches of one kind in a copy of the tree; return whether they found a harm, exit code and last words."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TURVEN_")}
    # Pytest and the audit find this copy first, wherever the package is installed besides.
    environ |= {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    if kind == "audit":
        # A house of its own that is not there: what is audited is the program, and nobody's history.
        environ |= {"TURVEN_DATA_DIR": str(folder / "var"), "TURVEN_RUNTIME_DIR": str(folder / "var" / "run")}
    # A group of its own: a harm may leave processes behind that nobody else would end.
    with subprocess.Popen(
        command_of(catches, kind),
        cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            told, words = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            return False, -1, "took too long"
    said = f"{told}\n{words}".strip()
    found = is_caught(kind, process.returncode, said, told=told, promise=catches[0].partition(" ")[2])
    return found, process.returncode, said[-_SAID_MAX:]


@contextmanager
def harmed(folder: Path, harm: Harm) -> Iterator[None]:
    """Let the copy in *folder* be harmed for the length of a block."""
    path = folder / harm.file
    text = path.read_text("utf-8")
    path.write_text(harmed_text(harm, text), "utf-8")
    try:
        yield
    finally:
        path.write_text(text, "utf-8")


@contextmanager
def copies_of_the_tree(count: int) -> Iterator[list[Path]]:
    """Lend copies of the source tree."""
    with tempfile.TemporaryDirectory(prefix="turven-attack-") as base:
        folders = [Path(base) / str(number) for number in range(count)]
        for folder in folders:
            shutil.copytree(ROOT, folder, ignore=_LEFT_OUT)
        yield folders


def unharmed(folder: Path, harms: Sequence[Harm]) -> list[str]:
    """Return the catches that do not pass without any harm: they would prove nothing."""

    def passes(kind: str, catches: Sequence[str]) -> bool:
        return ask(folder, catches, kind, seconds=UNHARMED_SECONDS_MAX)[1] == 0

    failing = []
    for kind in sorted({harm.kind for harm in harms}):
        catches = sorted({harm.catch for harm in harms if harm.kind == kind})
        if not passes(kind, catches):
            failing += [catch for catch in catches if not passes(kind, [catch])]
    return failing


def attack(folders: Sequence[Path], harms: Sequence[Harm]) -> Iterator[Outcome]:
    """Do each harm in a copy of the tree and tell what became of it, in their order."""
    free: SimpleQueue[Path] = SimpleQueue()
    for folder in folders:
        free.put(folder)

    def run(harm: Harm) -> Outcome:
        folder, began = free.get(), time.monotonic()
        try:
            with harmed(folder, harm):
                found, _, said = ask(folder, [harm.catch], harm.kind, seconds=CATCH_SECONDS_MAX)
        finally:
            free.put(folder)
        return Outcome(harm, found, time.monotonic() - began, said)

    with ThreadPoolExecutor(len(folders)) as pool:
        yield from pool.map(run, harms)


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the table of what caught what, survivors last and with what their catch said."""
    by_promise = sorted(outcomes, key=lambda one: int(one.harm.promise[1:]))
    yield f"{'promise':<8}{'seconds':>8}  harm, and what caught it"
    for one in by_promise:
        if one.is_caught:
            yield f"{one.harm.promise:<8}{one.seconds:>8.1f}  {one.harm.what}  [{one.harm.catch}]"
    for one in by_promise:
        if not one.is_caught:
            yield f"\n!!! SURVIVED  {one.harm.promise}  {one.harm.what}\n    {one.harm.file}: {one.harm.after}"
            yield f"    its catch was {one.harm.catch} and said:\n{one.said}"


def main() -> int:
    """Attack with all harms, or those whose description holds a word; return 1 where one survived."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only harms of these requirements, or with these words")
    parser.add_argument("--copies", type=int, default=COPIES_MAX)
    given = parser.parse_args()
    chosen = [
        harm
        for harm in HARMS
        if not given.words or any(word == harm.promise or word in f"{harm.what} {harm.file}" for word in given.words)
    ]
    outcomes = []
    with copies_of_the_tree(given.copies) as folders:
        say(f"{len(chosen)} harms. First their catches without any harm …")
        if failing := unharmed(folders[0], chosen):
            say("These do not pass without any harm, so they prove nothing:", *failing)
            return 1
        for outcome in attack(folders, chosen):
            outcomes.append(outcome)
            mark = "caught" if outcome.is_caught else "SURVIVED"
            say(f"{mark:<9}{outcome.harm.promise:<4}{outcome.seconds:5.1f} s  {outcome.harm.what}")
    caught = sum(outcome.is_caught for outcome in outcomes)
    say("", *table(outcomes), "", f"{caught} of {len(outcomes)} harms were caught.")
    return int(caught < len(outcomes))


def say(*lines: str) -> None:
    """Print lines at once."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
