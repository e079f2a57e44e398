"""An HTML report read back with Python's own parser: its elements, and nothing taken for granted."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "img", "br", "hr"}
DRAWN = {"line", "rect", "path", "circle", "use"}


@dataclass
class Node:
    """One element."""

    tag: str
    attributes: dict[str, str | None]
    parent: Node | None = None
    children: list[Node | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(child if isinstance(child, str) else child.text for child in self.children)

    @property
    def classes(self) -> set[str]:
        return set((self.attributes.get("class") or "").split())

    def all(self, tag: str = "", class_: str = "") -> list[Node]:
        """Elements within it, in the order of the document."""
        found = []
        for child in self.children:
            if isinstance(child, Node):
                if (not tag or child.tag == tag) and (not class_ or class_ in child.classes):
                    found.append(child)
                found += child.all(tag, class_)
        return found

    def one(self, tag: str = "", class_: str = "") -> Node:
        """The only such element within it."""
        (node,) = self.all(tag, class_)
        return node


class _Reader(HTMLParser):
    """Strict: elements close in the order they opened, attributes stand once."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("", {})
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), (tag, names)
        node = Node(tag, dict(attrs), self.here)
        self.here.children.append(node)
        if tag not in VOID:
            self.here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Only SVG's own elements may close themselves; HTML's parsers ignore the stroke.
        self.handle_starttag(tag, attrs)
        assert tag in DRAWN, tag
        self.here = self.here.parent

    def handle_endtag(self, tag: str) -> None:
        assert tag not in VOID
        assert tag == self.here.tag, f"</{tag}> closes <{self.here.tag}>"
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def read_page(html: str) -> Node:
    """The document, which must be well formed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is never closed"
    assert reader.root.one("html")
    return reader.root


def shapes(page: Node) -> set[tuple[str, str]]:
    """Every kind of element, and every kind with each of its attributes."""
    found = set()
    for node in page.all():
        found.add((node.tag, ""))
        found |= {(node.tag, name) for name in node.attributes}
    return found
