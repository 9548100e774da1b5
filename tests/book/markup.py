"""Just enough HTML and CSS reading for the tests of the pages."""

import re
from dataclasses import dataclass
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADING = {  # attributes by which an element makes the browser load something
    "script": ("src",),
    "link": ("href",),
    "img": ("src", "srcset"),
    "source": ("src", "srcset"),
    "iframe": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "use": ("href", "xlink:href"),
    "image": ("href", "xlink:href"),
}
CSS_URL = re.compile(r"""url\(\s*["']?(?!data:|#)([^"')]+)["']?\s*\)|@import\s+["']([^"']+)["']""")


VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}


@dataclass(frozen=True)
class Element:
    """A start tag; `hidden` if it or an element around it is hidden from assistive software."""

    tag: str
    attributes: dict[str, str]
    line: int
    hidden: bool

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name, "")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.styles: list[str] = []
        self._in_style = False
        self._open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        hidden = attributes.get("aria-hidden") == "true" or any(e.hidden for e in self._open[-1:])
        self.elements.append(Element(tag, attributes, self.getpos()[0], hidden))
        if tag not in VOID:
            self._open.append(self.elements[-1])
        if "style" in attributes:
            self.styles.append(attributes["style"])
        self._in_style = tag == "style"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False
        if any(element.tag == tag for element in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.styles.append(data)


@cache
def read(page: Path) -> _Reader:
    reader = _Reader()
    reader.feed(page.read_text(encoding="utf-8"))
    return reader


def elements(page: Path, *tags: str) -> list[Element]:
    """The elements of a page, those with one of the tags if tags are given."""
    return [one for one in read(page).elements if not tags or one.tag in tags]


def ids(page: Path) -> set[str]:
    """What a link into the page can point to."""
    found = {one["id"] for one in elements(page)} | {one["name"] for one in elements(page, "a")}
    return found - {""}


def loads(page: Path) -> list[str]:
    """The addresses that the page's markup and its own styles make the browser load."""
    found = [
        address.split()[0]
        for one in elements(page, *LOADING)
        for name in LOADING[one.tag]
        if not one[name].startswith("data:")
        for address in one[name].split(",")
        if address.strip()
    ]
    return found + [address for style in read(page).styles for address in css_loads(style)]


def css_loads(css: str) -> list[str]:
    """The addresses that a style sheet loads."""
    return [url or imported for url, imported in CSS_URL.findall(css)]


def is_external(address: str) -> bool:
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc) and parts.scheme != "data"


def target(page: Path, address: str) -> tuple[Path, str]:
    """The file and the fragment that a relative address on a page means."""
    parts = urlsplit(address)
    file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    return (file / "index.html" if file.is_dir() else file), unquote(parts.fragment)
