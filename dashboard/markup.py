"""Turn the few forms of Markdown that our texts use into HTML; all else is a paragraph, and everything is escaped."""

import html
import re
from collections.abc import Callable, Mapping
from typing import Final

from jinja2 import DictLoader, Environment, StrictUndefined, select_autoescape

_HEADINGS: Final = (("### ", "h3"), ("## ", "h2"), ("# ", "h1"))
_STRONG: Final = re.compile(r"\*\*(.+?)\*\*")
_CODE: Final = re.compile(r"`([^`]+)`")
# What Markdown would read as more than a letter; a name has none of it.
_MARKS: Final = str.maketrans("", "", "*[]<>`|")
_EMPTY_LINES: Final = re.compile(r"\n{3,}")


def texts_of(texts: Mapping[str, str]) -> Environment:
    """Return templates of Markdown by name; `to_html` escapes every line that comes of them, and so they do not."""
    made = Environment(
        loader=DictLoader(texts),
        autoescape=select_autoescape(()),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["line"] = line
    return made


def line(text: str) -> str:
    """Keep a name a name: on one line, and without the marks that Markdown would read as more than letters."""
    return " ".join(text.translate(_MARKS).split()).lstrip("#-+ ")


def tidy(text: str) -> str:
    """Leave one empty line between blocks, where a template left more."""
    return _EMPTY_LINES.sub("\n\n", text).strip() + "\n"


def to_html(text: str, *, special: Callable[[str], str | None] = lambda _block: None) -> str:
    """Return headings, lists, tables, quotes, paragraphs, bold words and code as HTML without a frame.

    Args:
        text: Blocks, with an empty line between them.
        special: Returns the HTML of a block that it knows, `None` for any other.
    """
    return "\n".join(special(block) or _block(block) for block in text.strip().split("\n\n"))


def _block(block: str) -> str:
    for mark, element in _HEADINGS:
        if block.startswith(mark):
            return f"<{element}>{_inline(block.removeprefix(mark))}</{element}>"
    lines = block.splitlines()
    if block.startswith("- "):
        items = "".join(f"<li>{_inline(item.removeprefix('- '))}</li>" for item in lines)
        return f"<ul>{items}</ul>"
    if block.startswith("> "):
        quoted = "\n".join(each.removeprefix(">").removeprefix(" ") for each in lines)
        return f"<blockquote>{to_html(quoted)}</blockquote>"
    if block.startswith("| "):
        return _table(lines)
    return f"<p>{_inline(block)}</p>"


def _table(lines: list[str]) -> str:
    """Return a table; its second line parts the head from the rows."""
    head, _, *rows = ([cell.strip() for cell in each.strip("|").split("|")] for each in lines)
    named = "".join(f'<th scope="col">{_inline(cell)}</th>' for cell in head)
    cells = ["".join(f"<td>{_inline(cell)}</td>" for cell in row) for row in rows]
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<table><thead><tr>{named}</tr></thead><tbody>{body}</tbody></table>"


def _inline(text: str) -> str:
    return _CODE.sub(r"<code>\1</code>", _STRONG.sub(r"<strong>\1</strong>", html.escape(text)))
