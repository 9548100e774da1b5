"""What a submission writes is text on our pages: it runs nothing, loads nothing, hides nothing.

Every place that a student can influence gets every payload. The pages are then read by a parser,
which knows what may stand in them, and opened in a real browser.
"""

from __future__ import annotations

import base64
import re
import struct
import sys
import zlib
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import nbformat
import numpy as np
import pages_sample as sample
import pytest

from autograder import html
from autograder.course import Course
from autograder.feedback import write_feedback
from autograder.overview import write_overview
from autograder.report import write_report
from unrolled.verdict import Match, Row, Verdict

sys.path.append(str(Path(__file__).parent.parent / "book"))
from browser import Browser

RUN = "window.pwned=1;document.title='pwned'"

MARKUP = [
    f"<script>{RUN}</script>",
    f"<ScRiPt >{RUN}</sCrIpT >",
    "<script src=URL/script.js></script>",
    f'<img src=x onerror="{RUN}">',
    "<img src=URL/picture.png srcset='URL/set.png 2x'>",
    f'<svg onload="{RUN}"><script>{RUN}</script></svg>',
    "<svg><use href='URL/use.svg#a'/><image href='URL/image.png'/></svg>",
    "<iframe src=URL/frame></iframe>",
    "<iframe srcdoc=\"<script>parent.document.title='pwned'</script>\"></iframe>",
    "<object data=URL/object></object><embed src=URL/embed>",
    "<link rel=stylesheet href=URL/sheet.css><link rel=prefetch href=URL/prefetch>",
    "<style>body{display:none;background:url(URL/style.png)} @import 'URL/import.css';</style>",
    "</style></pre></code></main></body><h1>Score: 100 of 100</h1>",
    f"</title></textarea></noscript></template><script>{RUN}</script>",
    f"--></style><script>{RUN}</script><!--",
    f"<math><mtext><table><mglyph><style><img src=x onerror={RUN}>",
    "<meta http-equiv=refresh content='0;url=URL/refresh'><base href=URL/>",
    f'<a href="javascript:{RUN}" autofocus onfocus="{RUN}">x</a>',
    f'" onmouseover="{RUN}" autofocus onfocus="{RUN}" style="position:fixed;inset:0',
    f"' onclick='{RUN}' x='",
    "<form action=URL/form><input name=q><button autofocus>Send</button></form>",
    "<video src=URL/video autoplay></video><audio src=URL/audio autoplay></audio>",
    f"<details open ontoggle={RUN}>x</details>",
    "{{ 'q' * 9 }} {% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "<![CDATA[<script>1</script>]]> <?xml version='1.0'?> &lt;script&gt; &#60;script&#62;",
]
MARKDOWN = [
    f"[a](javascript:{RUN}) [b](JaVaScRiPt&colon;{RUN}) [c](data:text/html,<script>{RUN}</script>)",
    "[d](vbscript:x) [e](//evil.example/x) [f](file:///etc/passwd) <javascript:alert(1)>",
    "![picture](URL/markdown.png) ![p](attachment:../../x.png) ![s](attachment:s.png)",
    '[t](https://example.org "title\\" onmouseover=alert(1)")',
    "[user](https://bank.example@evil.example/)",
    r"$\href{javascript:alert(1)}{x}$ $\text{<script>window.pwned=1</script>}$",
    r"$$\text{</math><img src=URL/math.png onerror=window.pwned=1>}$$",
    r"$\newcommand{\a}{xxxxxxxxxx}\newcommand{\b}{\a\a\a\a}\b\b\b$ $\unknown{$",
    "```html\n<script>window.pwned=1</script>\n```",
    '```x" onmouseover="window.pwned=1\n1\n```',
    "x | y\n--|--\n<script>window.pwned=1</script> | `<b>`",
]
TERMINAL = [
    "\x1b]0;title\x07\x1b]8;;URL/osc\x1b\\link\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[31mred\x1b[0m \x9b31m \x1bc",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200bzero\ufeff \x00\x07\x08 \ud800 \u2028",
    "a" + "\u0301" * 5000,
    "W" * 20_000,
]
NAMES = [
    "<script>window.pwned=1<",
    '"><img src=x onerror=window.pwned=1>',
    "\u202etxt.\x1b[31m'",
    "a&b",
]


class Server:
    """Listens on the loopback and remembers what was asked for."""

    def __enter__(self) -> Server:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(404)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing of each request."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def hostile_notebook(payloads: list[str]):
    """A graded notebook with every payload in every part of a cell."""
    v4 = nbformat.v4
    everything = "\n".join(payloads)
    png = base64.b64encode(everything.encode("utf-8", "replace")).decode()
    bundle = {
        "text/html": everything,
        "image/svg+xml": f"<svg onload='{RUN}'/>",
        "image/png": png,
        "image/jpeg": png,
        "application/javascript": RUN,
        "text/markdown": everything,
        "text/latex": everything,
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
    }
    outputs = [
        v4.new_output("stream", name="stdout", text=everything),
        v4.new_output("stream", name="<script>", text=everything),
        v4.new_output("display_data", {**bundle, "text/plain": everything}),
        v4.new_output("display_data", bundle),
        v4.new_output("execute_result", {"image/png": "not base64 <script>"}),
        v4.new_output("error", ename=everything, evalue=everything, traceback=[everything]),
        v4.new_output("stream", name="stdout", text="x" * 3_000_000),
    ]
    cells = [v4.new_markdown_cell(p) for p in payloads]
    cells += [v4.new_code_cell(everything, outputs=outputs), v4.new_raw_cell(everything)]
    answer = v4.new_code_cell(everything, outputs=outputs)
    cells.append(sample.nbgrader_cell(answer, everything[:3000], solution=True))
    name = MARKUP[0]
    check = sample.nbgrader_cell(v4.new_code_cell("check()"), f"check_{name}", 4.0, grade=True)
    written = v4.new_markdown_cell(everything)
    written = sample.nbgrader_cell(written, MARKUP[3], 6.0, grade=True, solution=True)
    notebook = v4.new_notebook(cells=[*cells, check, written])
    for cell in notebook.cells:
        cell.metadata["tags"] = payloads
        if cell.cell_type == "markdown":
            cell["attachments"] = {"s.png": {"image/png": png, "image/svg+xml": "<svg/>"}}
    notebook.metadata = {"title": MARKUP[0], "language_info": {"name": MARKUP[0]}}
    return notebook


def v4_answer(name: str, source: str):
    """An answer cell of that name."""
    return sample.nbgrader_cell(nbformat.v4.new_code_cell(source), name, solution=True)


def hostile_class(root: Path, url: str) -> tuple[Course, list[str]]:
    """A class in which every student is hostile in every field."""
    course, rng = Course(root), np.random.default_rng(1)
    payloads = [p.replace("URL", url) for p in (*MARKUP, *MARKDOWN, *TERMINAL)]
    texts = "\n".join(payloads)
    for count, name in enumerate(NAMES):
        notebook = hostile_notebook(payloads)
        if count < 2:  # a pair that is shown side by side, every payload among its lines
            alike = "\n".join(
                f"y{i} = x[{i}] ** {i} // -{i}  # {p}" for i, p in enumerate(payloads)
            )
            copied = v4_answer("copied" + MARKUP[3], alike)
            notebook.cells.append(copied)
        rows = tuple(Row(p, p, p, float("nan"), False, p) for p in payloads)
        matches = tuple(Match(p, p, p, (p,)) for p in payloads)
        bad = Verdict(MARKUP[0], 1.0, 4.0, "partial", texts, rows, matches)
        other = Verdict(MARKUP[3], 1.0, 4.0, "fail", texts, rows, matches)
        result = sample.make_result(
            name,
            {},
            rng,
            exercises=(bad, other),
            notes=tuple(payloads),
            needs_human=True,
            written=(MARKUP[3], MARKUP[5]),
            submission_hash=MARKUP[0],
            bank_hash=MARKUP[0],
            versions={MARKUP[0]: MARKUP[3]},
        )
        sample.save(course, result)
        path = course.autograded / name / "a1_rnn" / "a1_rnn.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(nbformat.v4.writes_json(notebook, ensure_ascii=True))
    (course.records / "a1_rnn" / "<img src=x onerror=window.pwned=1>.json").write_text("{")
    return course, payloads


class Strict(HTMLParser):
    """Collects everything in a page that is not on the short list of what may be there."""

    TAGS = re.compile(
        "html|head|meta|title|style|body|main|header|footer|section|h[1-6]|p|ul|ol|li|a|strong|em|s"
        "|hr|br|wbr|code|pre|span|div|table|thead|tbody|tfoot|tr|th|td|details|summary|blockquote"
        "|figure|img|svg|rect|text|line|g|defs|pattern|path|circle|foreignobject|math|mrow|mi|mn|mo|mtext|msub"
        "|msup|msubsup|mfrac|mover|mspace|mstyle"
    )
    ATTRIBUTES = re.compile(
        "class|id|lang|charset|name|content|scope|role|tabindex|aria-(label|labelledby|hidden)|alt"
        "|title|rel|start|viewbox|width|height|[xyrd]|[xy][12]|c[xy]|rx|text-anchor|patternunits"
        "|r|stroke-width|display|stretchy|accent"
    )

    def __init__(self, page: str):
        super().__init__(convert_charrefs=True)
        self.strange, self.styles, self.titles, self.text, self.now = [], 0, 0, [], ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        before, self.now = self.now, tag
        self.styles += tag == "style"
        self.titles += tag == "title"
        button = tag == "input" and before == "foreignobject" and ("type", "radio") in attrs
        if not self.TAGS.fullmatch(tag) and not button:
            self.strange.append(tag)
        for name, value in attrs:
            self.attribute(tag, name, value or "")

    def attribute(self, tag: str, name: str, value: str) -> None:
        allowed = self.ATTRIBUTES.fullmatch(name)
        if name == "href":
            allowed = tag == "a" and re.match(r"https?://[^@]*$|#|(\.\./)+[\w%]|\w+\.html$", value)
        elif name == "src":
            allowed = tag == "img" and re.fullmatch(r"data:image/png;base64,[A-Za-z0-9+/=]+", value)
        elif name == "style":
            allowed = tag in ("th", "td") and re.fullmatch("text-align:(left|right|center)", value)
        elif name == "fill":
            allowed = re.fullmatch(r"url\(#p-\w+\)", value)
        elif name == "type":
            allowed = tag == "input" and value == "radio"
        elif name == "open":
            allowed = tag == "details" and value == ""
        elif name == "http-equiv":
            allowed = value in ("Content-Security-Policy", "x-dns-prefetch-control")
        if not allowed:
            self.strange.append(f"{tag} {name}={value[:80]}")

    def handle_endtag(self, tag):
        self.now = ""

    def handle_data(self, data):
        if self.now != "style":
            self.text.append(data)

    def handle_comment(self, data):
        self.strange.append(f"comment {data[:50]}")

    def handle_pi(self, data):
        self.strange.append(f"instruction {data[:50]}")

    def unknown_decl(self, data):
        self.strange.append(f"declaration {data[:50]}")


@pytest.fixture(scope="module")
def server():
    with Server() as server:
        yield server


@pytest.fixture(scope="module")
def written(tmp_path_factory, server) -> tuple[list[Path], list[str]]:
    course, payloads = hostile_class(tmp_path_factory.mktemp("hostile"), server.url)
    paths = write_feedback(course, "a1_rnn")
    assert len(paths) == len(NAMES) + 1
    report = write_report(course, "a1_rnn")
    return [*paths, write_overview(course), report], payloads


def test_only_known_markup_stands_in_the_pages(written):
    paths, _ = written
    for path in paths:
        text = path.read_text(encoding="utf-8")
        page = Strict(text)
        assert page.strange == []
        assert (page.styles, page.titles) == (1, 1)
        assert text.count(html.POLICY.replace("'", "&#39;")) == 1
        assert len(text) < 4_000_000


def test_payloads_are_shown_as_text(written):
    paths, payloads = written
    feedback, report = ("".join(Strict(p.read_text("utf-8")).text) for p in (paths[0], paths[-1]))
    shown = [p for p in payloads if p.startswith("<script")]
    assert shown
    for payload in shown:
        assert payload in feedback
        assert payload in report
    assert "{{ 'q' * 9 }}" in feedback
    assert "q" * 9 not in feedback + report


def test_hostile_answers_are_shown_side_by_side(written):
    text = written[0][-1].read_text("utf-8")
    assert text.count('<pre class="source"') >= 2
    assert text.count('<span class="line same">') >= 2 * len(MARKUP)
    assert "".join(Strict(text).text).count(f"copied{MARKUP[3]}") >= 1


def test_no_invisible_character_reaches_the_pages(written):
    text = "".join(path.read_text(encoding="utf-8") for path in written[0])
    hidden = "[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
    assert set(re.findall(hidden, text)) == {"\n"}
    for shown in ("‹U+202E›", "‹U+200B›", "‹U+D800›", "␀"):
        assert shown in text


def test_the_browser_runs_and_loads_nothing(written, server):
    with Browser() as browser:
        for path in written[0]:
            browser.look(width=390)
            page = browser.visit(path.as_uri())
            assert page.evaluate("typeof window.pwned") == "undefined"
            assert page.evaluate("document.scripts.length") == 0
            title = page.evaluate("document.title")
            assert title.startswith(("a1_rnn: ", "The course: "))
            assert page.evaluate("document.styleSheets.length") == 1
            assert page.evaluate("getComputedStyle(document.body).display") == "block"
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            loaded = [url for url in page.requests if not url.startswith("data:")]
            assert loaded == [path.as_uri()]
            assert page.complaints == []
    assert server.asked == []


def test_the_browser_test_would_notice(tmp_path):
    """The same payloads in a page without our care do run and do ask the server."""
    with Server() as server, Browser() as browser:
        safe = [p.replace("URL", server.url) for p in MARKUP if "refresh" not in p]
        path = tmp_path / "careless.html"
        path.write_text("<!DOCTYPE html><title>a</title>" + "\n".join(safe), encoding="utf-8")
        page = browser.visit(path.as_uri())
        assert page.evaluate("window.pwned") == 1
        assert page.evaluate("document.title") == "pwned"
        assert len(set(server.asked)) > 5


def test_the_policy_alone_stops_most(tmp_path):
    """Even if a payload got through, the policy of the page would keep it from running."""
    with Server() as server, Browser() as browser:
        safe = [p.replace("URL", server.url) for p in MARKUP if "refresh" not in p]
        page = html.environment().from_string(
            '{% extends "skeleton.html.j2" %}{% block main %}{{ x }}{% endblock %}'
        )
        path = tmp_path / "policy.html"
        path.write_text(page.render(x=html.Markup("\n".join(safe))), encoding="utf-8")
        seen = browser.visit(path.as_uri())
        assert seen.evaluate("typeof window.pwned") == "undefined"
        assert server.asked == []


# --- parts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\x1b[0m", "ab"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\", "click"),
        (" 10%\r 50%\r100%\nnext", "100%\nnext"),
        ("done\r\n", "done\n"),
        ("\x1b[", ""),
        ("\x1b]" + "x" * 100, ""),
    ],
)
def test_terminal_text(text, shown):
    assert html.terminal_text(text) == shown


def test_towers_of_marks_are_cut_and_languages_are_not():
    assert html.clean("a" + "\u0301" * 99 + "b") == "a" + "\u0301" * 4 + "b"
    assert html.clean("ก" + "\u0e47" * 99) == "ก" + "\u0e47" * 4
    for text in ("Nguyễn Thị Hồng", "שָׁלוֹם", "हिन्दी", "循环神经网络", "👩‍👩‍👧 é ß"):
        assert html.clean(text) == text


def test_values_of_templates_are_bounded():
    page = (
        html.environment()
        .from_string("{{ x }}|{{ y | inline }}")
        .render(x="x" * 9999, y="y" * 9999)
    )
    assert len(page) < 2 * html.MAX_VALUE + 200


def test_links_in_markdown():
    assert 'href="https://example.org/a?b=1&amp;c=2"' in html.markdown(
        "[a](https://example.org/a?b=1&c=2)"
    )
    for link in MARKDOWN[0].split(" [") + MARKDOWN[1].split(" [") + [MARKDOWN[4]]:
        assert "href" not in html.markdown(link)
    assert "<a" not in html.markdown("![x](https://example.org/p.png)")
    assert "[picture: x]" in html.markdown("![x](https://example.org/p.png)")


def test_mathematics_is_markup_of_ours_or_source():
    assert html.math("x_1^2").startswith("<math")
    assert 'display="block"' in html.math("x", display=True)
    assert html.math(r"\bar{W}_h \odot \frac{\partial L}{\partial h_t}").count("<mfrac>") == 1
    assert "<mo>&lt;</mo>" in html.math("a < b")
    assert "&lt;script&gt;" in html.math(r"\text{<script>}")
    assert "href" not in html.math(r"\href{javascript:alert(1)}{x}")
    for source in (r"\frac{", "{" * 1900, r"\newcommand{\a}{b}\a", "x" * 5000):
        assert html.math(source).startswith('<code class="tex">')


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def picture(width: int = 2, height: int = 2, extra: bytes = b"") -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(b"\0\1\2" * 2))
    return b"\x89PNG\r\n\x1a\n" + head + extra + data + chunk(b"IEND", b"")


def embedded(markup: str) -> bytes:
    return base64.b64decode(re.search(r"base64,([^\"]+)", markup)[1])


def test_pictures_are_pngs_with_nothing_else_in_them():
    assert embedded(html.png(picture())) == picture()
    assert embedded(html.png(base64.b64encode(picture()).decode())) == picture()
    stuffed = picture(extra=chunk(b"tEXt", b"Comment\0<script>") + chunk(b"iCCP", b"x" * 99))
    assert embedded(html.png(stuffed + b"<script>trailing</script>")) == picture()
    figure = sample.make_png(np.random.default_rng(0))
    assert embedded(html.png(figure)).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"<svg/>",
        b"\x89PNG\r\n\x1a\n",
        picture()[:40],
        picture()[:-1],
        picture(width=100_000, height=100_000),
        picture(width=0),
        picture().replace(b"IHDR", b"IHDX"),
        picture(extra=chunk(b"IDAT", b"x" * html.MAX_PNG_BYTES)),
        "no base64 é",
        "QUJD=QUJD",
    ],
)
def test_what_is_no_acceptable_png(data):
    assert html.png(data) is None


def test_long_sources_and_texts_are_cut():
    assert len(html.highlight("x = 1\n" * 200_000)) < 40 * html.MAX_SOURCE
    assert "more characters are left out" in html.highlight("x" * 100_000)
    assert len(html.markdown("*a* " * 100_000)) < 10 * html.MAX_MARKDOWN


@pytest.mark.parametrize(
    "link", ["javascript:x", "../../x.html", "//evil/x.html", "/x.html", "x", ""]
)
def test_only_pages_of_the_book_are_linked(link):
    assert "<a" not in html.book_link("../", link)


def test_names_of_book_sections_are_words():
    link = html.book_link("../", "chapters/03-bptt.html#gradient-of-h0")
    assert link == '<a href="../chapters/03-bptt.html#gradient-of-h0">chapter 3: gradient of h0</a>'
    assert ">the book: notation<" in html.book_link("", "notation.html")
