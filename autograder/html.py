"""Pages that show what strangers wrote: escaping, rendering and the safe page skeleton.

Everything that a submission can influence (names, sources, outputs, messages that quote it) is text
until a function of this module has turned it into markup. The templates escape by default, the
pages hold no script, and their policy lets the browser load nothing but embedded pictures.
"""

from __future__ import annotations

import base64
import binascii
import html
import math as _math
import os
import re
import struct
import unicodedata
import zlib
from collections.abc import Callable
from functools import cache, lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit
from xml.etree.ElementTree import Element

import jinja2
from markupsafe import Markup

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

    from autograder.course import Course

TEMPLATES = Path(__file__).parent / "templates"

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""Content security policy of every page: no script, no request, only embedded styles and images."""

MAX_SOURCE = 60_000
"""Characters of one cell's source that are shown; longer sources are no one's homework."""
MAX_MARKDOWN = 30_000
"""Characters of one text cell that are rendered: bounds the parser's work on hostile nesting."""
MAX_REMEMBERED = 5_000
"""Characters of a text whose rendering is kept for the next page: bounds the memory."""
MAX_TEX = 2_000
"""Characters of one formula; longer ones are shown as source."""
MAX_VALUE = 4_000
"""Characters of any other value on a page: a message, a note, a name."""
MAX_MARKS = 4
"""Combining marks on one character; Vietnamese and Hebrew need two or three."""
MAX_PNG_BYTES = 3_000_000
MAX_PNG_PIXELS = 20_000_000
"""A picture that unpacks to more than this would fill the reader's memory (80 MB as RGBA)."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_TOWER = re.compile(f"[\u0300-\U0010ffff]{{{MAX_MARKS + 1},}}")
_ESCAPE_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC, DCS, ...: titles, links
    r"|\x1b[ -/]*[0-~]?"
)


def clean(text: str) -> str:
    """Make invisible characters visible: controls, direction overrides, lone surrogates.

    Line breaks and tabs stay, and so do the joiners that scripts and emoji need. Of combining marks
    one character keeps a few: a tower of them is drawn over the lines above.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _TOWER.sub(_unstack, _HIDDEN.sub(_picture, text))


def _unstack(match: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in match[0]:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"‹U+{code:04X}›"


def cut(text: str, limit: int, comment: str = "") -> str:
    """At most ``limit`` characters, with a line that says how many are left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n{comment}… {len(text) - limit} more characters are left out here."


def terminal_text(text: str) -> str:
    """Roughly what a terminal shows: no escape sequences, the last state of a progress bar."""
    text = _ESCAPE_SEQUENCE.sub("", text).replace("\r\n", "\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))


def escape(text: str) -> Markup:
    """Text as markup, with invisible characters shown."""
    return Markup(html.escape(clean(text)))


def inline(text: str) -> Markup:
    """A sentence of ours: escaped, with `code` in backticks."""
    parts = re.split(r"`([^`\n]+)`", clean(cut(text, MAX_VALUE)))
    code = [
        f"<code>{html.escape(part)}</code>" if i % 2 else html.escape(part)
        for i, part in enumerate(parts)
    ]
    return Markup("".join(code))


def breakable(name: str) -> Markup:
    """An identifier that may be broken after its underscores, on narrow screens."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))


def number(value: float) -> str:
    """Points for people: at most two decimals, none where there are none."""
    return f"{round(value, 2):g}" if abs(value) < 1e5 else f"{value:.0f}"


def difference(error: float | None) -> str:
    """A largest error in a table."""
    if error is None:
        return "–"
    if not _math.isfinite(error):
        return "not finite"
    return f"{error:.2g}"


def plural(count: int, one: str, many: str = "") -> str:
    """``plural(2, "student")`` is "2 students"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


# --- code -----------------------------------------------------------------------------------------


def remember(render: Callable[[str], Markup]) -> Callable[[str], Markup]:
    """Keep what short texts became: the cells of the release are the same in every notebook."""
    cached = lru_cache(maxsize=512)(render)

    @wraps(render)
    def remembering(text: str) -> Markup:
        return cached(text) if len(text) <= MAX_REMEMBERED else render(text)

    return remembering


@remember
def highlight(source: str) -> Markup:
    """Python source as highlighted markup, one ``span.line`` per line."""
    from pygments import highlight as paint
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    text = clean(cut(source, MAX_SOURCE, "# ")).rstrip("\n")
    lexer = PythonLexer(stripnl=False)
    painted = paint(text, lexer, HtmlFormatter(nowrap=True, classprefix="hl-")).rstrip("\n")
    return Markup("\n".join(f'<span class="line">{line}</span>' for line in painted.split("\n")))


# --- pictures -------------------------------------------------------------------------------------


def png(data: str | bytes) -> Markup | None:
    """An ``<img>`` with the picture embedded, or None if it is not an acceptable PNG.

    Args:
        data: the file's bytes, or their base64 text as notebooks store it.

    Only the chunks that make the picture are kept, so text and colour profiles do not travel.
    """
    rebuilt = _rebuild_png(data)
    if rebuilt is None:
        return None
    uri = base64.b64encode(rebuilt).decode()
    return Markup(
        '<img class="figure" alt="Picture drawn by this cell" src="data:image/png;base64,{}">'
    ).format(uri)


def _rebuild_png(data: str | bytes) -> bytes | None:
    if len(data) > MAX_PNG_BYTES * 3 // 2:
        return None
    if isinstance(data, str):
        try:
            data = base64.b64decode("".join(data.split()), validate=True)
        except (binascii.Error, ValueError):
            return None
    signature = b"\x89PNG\r\n\x1a\n"
    if len(data) > MAX_PNG_BYTES or data[:8] != signature:
        return None
    chunks = [signature]
    position = 8
    while position + 12 <= len(data):
        (length,) = struct.unpack(">I", data[position : position + 4])
        kind, end = data[position + 4 : position + 8], position + 12 + length
        if end > len(data) or (position == 8 and (kind != b"IHDR" or length != 13)):
            return None
        if position == 8:
            width, height = struct.unpack(">II", data[16:24])
            if not 0 < width * height <= MAX_PNG_PIXELS:
                return None
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            body = data[position + 4 : end - 4]
            chunks.append(data[position : position + 4] + body)
            chunks.append(struct.pack(">I", zlib.crc32(body)))
        if kind == b"IEND":
            return b"".join(chunks)
        position = end
    return None


# --- mathematics ----------------------------------------------------------------------------------

_MATHML_TAG = re.compile(
    "math|mrow|mi|mn|mo|mtext|mspace|ms|mfrac|msqrt|mroot|mstyle|merror|mpadded|mphantom|mfenced"
    "|menclose|msub|msup|msubsup|munder|mover|munderover|mmultiscripts|mprescripts|none|mtable"
    "|mlabeledtr|mtr|mtd"
)
_MATHML_ATTRIBUTE = re.compile(
    "display|displaystyle|scriptlevel|mathvariant|stretchy|fence|form|separator|accent|accentunder"
    "|movablelimits|largeop|symmetric|minsize|maxsize|lspace|rspace|linethickness|columnalign"
    "|rowspacing|columnspacing|columnlines|rowlines|width|height|depth|notation"
)
_MACROS = re.compile(r"\\(?:(?:re)?new|provide|Declare|[egx]?def|let)")


def math(tex: str, display: bool = False) -> Markup:
    """TeX as MathML, or the source as code where that cannot be done.

    latex2mathml copies text and ``\\href`` targets unescaped into its output, so its element tree
    is written out here, with known elements and attributes only. Macro definitions are refused,
    because they can grow without bound.
    """
    import latex2mathml.converter

    source = Markup('<code class="tex">{}</code>').format(escape(cut(tex, MAX_TEX)))
    if len(tex) > MAX_TEX or _MACROS.search(tex):
        return source
    converter = latex2mathml.converter.Converter(display="block" if display else "inline")
    try:
        return Markup(_mathml(converter.convert_to_element(clean(tex))))
    except (
        Exception
    ):  # the converter raises a dozen types, IndexError and RecursionError among them
        return source


def _mathml(element: Element) -> str:
    if not _MATHML_TAG.fullmatch(element.tag):
        raise ValueError(f"no MathML element: {element.tag}")
    attributes = "".join(
        f' {name}="{html.escape(value)}"'
        for name, value in element.attrib.items()
        if _MATHML_ATTRIBUTE.fullmatch(name)
    )
    text = html.escape(clean(html.unescape(element.text or "")))
    children = "".join(_mathml(child) for child in element)
    return f"<{element.tag}{attributes}>{text}{children}</{element.tag}>"


# --- Markdown -------------------------------------------------------------------------------------


def web_link(url: str) -> str | None:
    """The address if it is a plain http(s) one, else None."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    return None if _HIDDEN.search(url) else url


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # links are judged below
    # Link definitions cost quadratic time (2,500 lines took 11 s), and homework does not need them.
    parser.disable("reference")
    return parser.use(
        dollarmath_plugin,
        allow_labels=False,
        double_inline=True,
        renderer=lambda tex, options: str(math(tex, display=options["display_mode"])),
    )


def markdown(source: str, attachments: dict[str, Any] | None = None) -> Markup:
    """Markdown of a stranger as markup: no raw HTML, no remote picture, http(s) links only.

    Args:
        source: the text of a cell.
        attachments: the cell's attachments by name; PNGs among them are embedded.
    """
    return _rendered(source, attachments) if attachments else _plain(source)


@remember
def _plain(source: str) -> Markup:
    return _rendered(source, {})


def _rendered(source: str, attachments: dict[str, Any]) -> Markup:
    parser = _markdown()
    tokens = parser.parse(clean(cut(source, MAX_MARKDOWN)))
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            # The page's own headings are h1 to h3; those of a cell come below them.
            token.tag = f"h{min(6, int(token.tag[1]) + 3)}"
        _defuse(token.children or [], attachments)
    return Markup(parser.renderer.render(tokens, parser.options, {}))


def _defuse(tokens: list[Any], attachments: dict[str, Any]) -> None:
    """Keep http(s) links, turn other links and all pictures into text or embedded pictures."""
    kept = True
    for token in tokens:
        if token.type == "link_open":
            address = web_link(str(token.attrs.get("href", "")))
            kept = address is not None
            token.attrs = {"href": address, "rel": "noopener noreferrer nofollow"} if kept else {}
        if token.type in ("link_open", "link_close") and not kept:
            token.type, token.tag = "text", ""
            token.content = ""
        elif token.type == "image":
            _defuse_image(token, attachments)


def _defuse_image(token: Any, attachments: dict[str, Any]) -> None:
    """Replace an image token by the attached picture, or by words."""
    name = str(token.attrs.get("src", "")).removeprefix("attachment:")
    bundle = attachments.get(name)
    data = bundle.get("image/png") if isinstance(bundle, dict) else None
    picture = png(data) if isinstance(data, str | bytes) else None
    if picture is None:
        token.type, token.children = "text", None
        token.content = f"[picture: {token.content or 'without a description'}]"
    else:
        # An html_inline token is written out as it is; the parser itself makes none.
        token.type, token.content, token.children = "html_inline", str(picture), None


# --- links into the book --------------------------------------------------------------------------

_BOOK_LINK = re.compile(r"(?P<page>[\w-]+(?:/[\w-]+)*\.html)(?:#(?P<anchor>[\w.-]+))?")


def book_url(course: Course, folder: Path) -> str:
    """Where the book is, as seen from a page in ``folder``; ends with a slash.

    ``html.baseurl`` of the book's ``_config.yml`` where it is set, else the relative path to the
    local build.
    """
    import yaml

    config = Path(course.root) / "_config.yml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8")) if config.is_file() else {}
    base = ((settings or {}).get("html") or {}).get("baseurl")
    if base and web_link(base):
        return base.rstrip("/") + "/"
    build = Path(course.root) / "_build" / "html"
    return quote(Path(os.path.relpath(build, folder)).as_posix()) + "/"


def book_link(base: str, link: str) -> Markup:
    """A link to a page of the book, named in words; text alone if ``link`` is not such a page."""
    match = _BOOK_LINK.fullmatch(link)
    if match is None:
        return escape(link)
    words = re.match(r"(?:chapters/)?(?P<number>\d+)?-?(?P<title>.*)\.html", match["page"])
    assert words is not None
    title = (match["anchor"] or words["title"]).replace("-", " ")
    place = f"chapter {int(words['number'])}" if words["number"] else "the book"
    return Markup('<a href="{}">{}: {}</a>').format(base + link, place, title)


# --- pages ----------------------------------------------------------------------------------------


def finalize(value: Any) -> Any:
    """What templates apply to every value before it is escaped: cleaned, and cut if huge."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return clean(cut(value, MAX_VALUE))
    return value


def prepare(environment: jinja2.Environment) -> jinja2.Environment:
    """Give a template environment our rules: everything escaped, everything cleaned."""
    environment.autoescape = True
    environment.finalize = finalize
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.globals["policy"] = POLICY
    environment.globals["style"] = Markup((TEMPLATES / "page.css").read_text(encoding="utf-8"))
    environment.filters |= {
        "breakable": breakable,
        "inline": inline,
        "number": number,
        "difference": difference,
        "text": escape,
        "highlight": highlight,
    }
    return environment


def environment() -> jinja2.Environment:
    """The environment of our templates."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    return prepare(jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined))
