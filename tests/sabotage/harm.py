"""What a harm is, and what the source tree and a promise have to do with it."""

from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
#: Stands between a test and the word that chooses among its cases.
CASES: Final = " -k "


class Harm(NamedTuple):
    """Describe a harmful change inside one line.

    Attributes:
        promise: Number of the requirement that it breaks.
        what: What the change does, as its author might have put it.
        file: Path from the top of the source tree.
        before: Part of a line, as it is; it stands once in the file.
        after: What takes its place.
        catch: What fails then: a test by its node id (` -k WORD` behind it for some of its cases), `walls` (import
            contracts), `types FILE` (mypy), `style FILE` (ruff), or `audit R…` (the real command on the harmed copy).
    """

    promise: str
    what: str
    file: str
    before: str
    after: str
    catch: str

    @property
    def kind(self) -> str:
        """Return what kind of catch it has: `test`, `walls`, `types`, `style` or `audit`."""
        word = self.catch.partition(" ")[0]
        return word if word in {"walls", "types", "style", "audit"} else "test"


def harmed_text(harm: Harm, text: str) -> str:
    """Return the text of a file with the harm done to it.

    Raises:
        ValueError: What is to be replaced is not there, or not once: the list is out of date.
    """
    if text.count(harm.before) != 1:
        raise ValueError(f"{harm.file}: {harm.before!r} stands there {text.count(harm.before)} times")
    return text.replace(harm.before, harm.after)
