"""Print the list of evidence: what each test claims, in its one sentence, as `make audit` shows it.

python -m tests.evidence [FILTER]     e.g. walls, small_groups
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]


class Claim(NamedTuple):
    """Hold what one test claims; *sentence* is empty where its name says all."""

    file: str
    test: str
    sentence: str

    @property
    def address(self) -> str:
        """Return what pytest calls the test."""
        return f"{self.file}::{self.test}"


def claims(root: Path = ROOT) -> Iterator[Claim]:
    """Yield the claim of every test below *root*, file by file."""
    for path in sorted(root.glob("tests/**/test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                sentence = " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())
                yield Claim(path.relative_to(root).as_posix(), node.name, sentence)


def questions(root: Path = ROOT) -> dict[str, str]:
    """Return what each test file is about: the first line of its docstring."""
    paths = sorted(root.glob("tests/**/test_*.py"))
    return {
        path.relative_to(root).as_posix(): (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").partition(
            "\n"
        )[0]
        for path in paths
    }


def evidence(wanted: str = "") -> Iterator[str]:
    """Yield the list line by line, of the files whose path holds *wanted*."""
    about, file = questions(), ""
    for claim in claims():
        if wanted not in claim.file:
            continue
        if claim.file != file:
            file = claim.file
            yield from ("", file, f"  {about[file]}")
        yield f"  - {claim.sentence or claim.test.removeprefix('test_').replace('_', ' ').capitalize() + '.'}"


if __name__ == "__main__":
    sys.stdout.write("\n".join(["What the tests show; each line is one of them.", *evidence(*sys.argv[1:2]), ""]))
