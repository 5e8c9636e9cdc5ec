"""Read a page as its reader does: every number that stands on it, and every mark that is drawn."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Final

_VOID: Final = frozenset({"br", "hr", "img", "input", "link", "meta", "rect", "circle", "line", "path"})
#: Marks whose place or size tells a figure: by tag and class.
_DRAWN: Final = frozenset({
    ("rect", ""), ("rect", "block"), ("rect", "under"), ("circle", "dot"), ("path", "line"), ("path", "area"),
    ("path", ""), ("path", "drawn"), ("path", "before"),
})  # fmt: skip


class Node:
    """Hold an element, or a text (whose tag is empty)."""

    def __init__(self, tag: str, told: dict[str, str], parent: "Node | None", text: str = "") -> None:
        self.tag, self.told, self.parent, self.own = tag, told, parent, text
        self.inside: list[Node] = []

    @property
    def classes(self) -> list[str]:
        """Return the names of its classes."""
        return self.told.get("class", "").split()

    @property
    def text(self) -> str:
        """Return what is read, white space as one space."""
        return " ".join("".join(node.own for node in self.each()).split())

    def each(self) -> Iterator["Node"]:
        """Yield itself and everything below, in order."""
        waiting = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting += reversed(node.inside)

    def above(self) -> Iterator["Node"]:
        """Yield itself and everything that it stands in."""
        node: Node | None = self
        while node:
            yield node
            node = node.parent

    def all(self, selector: str) -> list["Node"]:
        """Return what *selector* (`tag`, `.class`, `#id`, `tag.class`) finds below; a space means "in"."""
        first, _, rest = selector.partition(" ")
        found = [node for node in self.each() if node is not self and node.answers(first)]
        return [inner for node in found for inner in node.all(rest)] if rest else found

    def one(self, selector: str) -> "Node":
        """Return the first that *selector* finds."""
        found = self.all(selector)
        assert found, (selector, self.text[:200])
        return found[0]

    def answers(self, selector: str) -> bool:
        """Tell whether a selector without a space means this."""
        if selector.startswith("#"):
            return self.told.get("id") == selector[1:]
        tag, _, name = selector.partition(".")
        return bool(self.tag) and tag in {"", self.tag} and (not name or name in self.classes)

    @property
    def place(self) -> str:
        """Return where it stands, for who has to look it up."""
        names = [f"{node.tag}{''.join('.' + one for one in node.classes)}" for node in self.above() if node.tag]
        return " < ".join(names[:5])


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.at = Node("page", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.inside.append(node)
        if tag not in _VOID:
            self.at = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.inside.append(Node(tag, {name: value or "" for name, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        found = next((node for node in self.at.above() if node.tag == tag), None)
        if found and found.parent:
            self.at = found.parent

    def handle_data(self, data: str) -> None:
        self.at.inside.append(Node("", {}, self.at, data))


class Sheet:
    """Hold a page, and which of its figures somebody answered for.

    Attributes:
        main: The page without what stands around it on every page.
        compared: How many figures were set beside another one.
    """

    def __init__(self, html: str, *, main: str = "main") -> None:
        reader = _Reader()
        reader.feed(html)
        self.main = reader.root.one(main)
        self.compared = 0
        self._open = {
            id(node): node
            for node in self.main.each()
            if (not node.tag and re.search(r"\d", node.own)) or _is_drawn(node)
        }

    def expect(self, node: Node, text: str) -> None:
        """Set what *node* says beside what it should."""
        assert node.text == text, (node.place, node.text, text)
        self.answer(node)

    def answer(self, node: Node, *, figures: int = 1) -> None:
        """Answer for everything in *node*, of which so many figures were compared."""
        self.compared += figures
        for one in node.each():
            self._open.pop(id(one), None)

    def drawn(self, node: Node, name: str, value: str) -> None:
        """Set where a mark is drawn beside where it should be."""
        assert node.told.get(name) == value, (node.place, name, node.told.get(name), value)
        self.answer(node)

    def leave_out(self, selectors: dict[str, str], sentences: dict[str, str]) -> None:
        """Leave out what is no figure: by where it stands, and by what it says (a pattern); each with the reason."""
        wanted = "|".join(f"(?:{one})" for one in sentences)
        for key, node in list(self._open.items()):
            is_placed = any(above.answers(one) for above in node.above() for one in selectors)
            is_said = not node.tag and not re.search(r"\d", re.sub(wanted, "", " ".join(node.own.split())))
            if is_placed or (wanted and is_said):
                del self._open[key]

    def left(self) -> list[tuple[str, str]]:
        """Return what nobody answered for: where it stands, and what it says."""
        return [(node.place, (node.own or str(node.told)).strip()) for node in self._open.values()]


def _is_drawn(node: Node) -> bool:
    kinds = node.classes or [""]
    return any((node.tag, kind) in _DRAWN for kind in kinds) and (node.tag != "path" or "d" in node.told)
