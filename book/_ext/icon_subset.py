"""Cuts the icon fonts down to the icons that the book shows: 300 KB become a few.

An icon is a class name in a page or a script (``fa-angle-left``), which a rule of the theme's style
sheet maps to a character (``.fa-angle-left:before{content:"\\f104"}``), or a character that another
rule of a style sheet writes.
"""

import re
from pathlib import Path

from fontTools import subset
from sphinx.application import Sphinx

ICON_NAME = re.compile(r"\bfa-[a-z0-9-]+")
ICON_RULE = re.compile(r'([^{}]*\.fa-[^{}]*)\{(?:content|--fa):"([^"]+)";?\}')
ESCAPED = re.compile(r"\\([0-9a-fA-F]{4,5})\b")
PRIVATE_USE = re.compile("[\ue000-\uf8ff]")


def character(css_string: str) -> int:
    """The code point that a one-character CSS string stands for."""
    return int(css_string[1:], 16) if css_string.startswith("\\") else ord(css_string[0])


def characters_in_use(pages: list[str], scripts: list[str], styles: list[str]) -> set[int]:
    """The code points that pages, scripts and style sheets show as icons."""
    names = {name for text in pages + scripts for name in ICON_NAME.findall(text)}
    used = set()
    for css in styles:
        for selectors, value in ICON_RULE.findall(css):
            if names & set(ICON_NAME.findall(selectors)):
                used.add(character(value))
        other_rules = ICON_RULE.sub("", css)
        used |= {int(code, 16) for code in ESCAPED.findall(other_rules)}
        used |= {ord(char) for char in PRIVATE_USE.findall(other_rules)}
    return used


def shrink(font_file: Path, characters: set[int]) -> None:
    """Rewrite a woff2 file with only these characters."""
    options = subset.Options(flavor="woff2")
    font = subset.load_font(str(font_file), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=characters)
    subsetter.subset(font)
    subset.save_font(font, str(font_file), options)


def shrink_icon_fonts(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    out = Path(app.outdir)
    texts = {
        suffix: [file.read_text(encoding="utf-8") for file in out.rglob(f"*.{suffix}")]
        for suffix in ("html", "js", "css")
    }
    characters = characters_in_use(texts["html"], texts["js"], texts["css"])
    for font_file in out.glob("_static/vendor/fontawesome/webfonts/*.woff2"):
        shrink(font_file, characters)


def setup(app: Sphinx) -> dict[str, bool]:
    # After light_pages has deleted fontawesome.js, which names every icon there is.
    app.connect("build-finished", shrink_icon_fonts, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
