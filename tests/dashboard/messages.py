"""Find every text that the pages can show, where it is written."""

import ast
from pathlib import Path
from typing import Final

from babel.messages.extract import extract
from jinja2.ext import babel_extract

import dashboard

ROOT: Final = Path(dashboard.__file__).parent
_KEYWORDS: Final = {"_": None, "mark": None, "marks": (1, 2), "n_": (1, 2)}
Message = str | tuple[str, str]


def written() -> set[Message]:
    """Return every text in the code and in the templates; a plural as both of its forms."""
    found: set[Message] = set()
    for file in ROOT.glob("*.py"):
        with file.open("rb") as opened:
            messages = [message for _, message, _, _ in extract("python", opened, keywords=_KEYWORDS)]
        found |= {(str(one[0]), str(one[1])) if isinstance(one, tuple) else _form(one) for one in messages}
        found -= _plurals(file)[0]
        found |= _plurals(file)[1]
    folders = ("templates", "templates/parts", "templates/audit", "templates/mail")
    kinds = ("html", "txt")
    for file in [file for folder in folders for kind in kinds for file in ROOT.glob(f"{folder}/*.{kind}")]:
        with file.open("rb") as opened:
            for _, name, message, _ in babel_extract(opened, ("_", "n_"), [], {"trimmed": "true"}):
                # A name that is only known when the page is made stands in the code, marked.
                if message is not None and message[0] is not None:
                    found.add((str(message[0]), str(message[1])) if name == "n_" else _form(message))
    return found


def _form(message: object) -> str:
    return str(message[0] if isinstance(message, (list, tuple)) else message)


def _plurals(file: Path) -> tuple[set[Message], set[Message]]:
    """Return the two forms that stand side by side in `GAPS`, apart and as a pair."""
    if file.name != "sentences.py":
        return set(), set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == "GAPS":
            assert isinstance(node.value, ast.Dict)
            pairs = [tuple(ast.literal_eval(call.args[0]) for call in pair.elts) for pair in node.value.values]  # type: ignore[attr-defined]
            return {form for pair in pairs for form in pair}, {(one, many) for one, many in pairs}
    return set(), set()
