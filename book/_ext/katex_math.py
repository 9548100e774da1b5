"""Mathematics rendered at build time: Sphinx's HTML math renderer "katex".

The formulas are in the page as KaTeX's HTML (with MathML for screen readers), so a page needs no
script and no network for them, and nothing jumps while it loads. KaTeX runs here, in QuickJS, from
book/_vendor/katex. TeX that KaTeX cannot read fails the build with the page, the line and the
formula.
"""

from functools import cache
from pathlib import Path

import quickjs
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

VENDOR = Path(__file__).resolve().parent.parent / "_vendor" / "katex"
logger = logging.getLogger(__name__)


class TexError(ValueError):
    """TeX that KaTeX cannot render; the message says where in the formula."""


@cache
def _katex() -> quickjs.Context:
    context = quickjs.Context()
    context.eval((VENDOR / "katex.min.js").read_text(encoding="utf-8"))
    # strict: what KaTeX renders but LaTeX would not is an error, too: a PDF stays possible.
    context.eval(
        "globalThis.render = (tex, display) => katex.renderToString(tex,"
        " {displayMode: display, throwOnError: true, strict: 'error', trust: false})"
    )
    return context


@cache
def render(tex: str, display: bool) -> str:
    """The HTML of a formula.

    Raises:
        TexError: if KaTeX cannot read it.
    """
    try:
        return _katex().get("render")(tex, display)
    except quickjs.JSException as problem:
        raise TexError(str(problem).splitlines()[0]) from None


def display_tex(node: nodes.math_block) -> str:
    """The TeX of a display: several lines become one aligned block, as in Sphinx's renderers.

    An amsmath environment comes as it is, but without its own equation number: Sphinx numbers.
    """
    tex = node.astext().strip()
    if node.get("nowrap"):
        for name in ("align", "alignat", "equation", "gather"):
            tex = tex.replace(rf"\begin{{{name}}}", rf"\begin{{{name}*}}")
            tex = tex.replace(rf"\end{{{name}}}", rf"\end{{{name}*}}")
        return tex
    paragraphs = [part.strip() for part in tex.split("\n\n") if part.strip()]
    tex = r" \\ ".join(paragraphs)
    return rf"\begin{{split}}{tex}\end{{split}}" if r"\\" in tex else tex


def _rendered(self: HTML5Translator, node: nodes.Element, tex: str, display: bool) -> str:
    try:
        return render(tex, display)
    except TexError as problem:
        page = self.builder.current_docname
        logger.error("%s\n  %s", problem, tex, location=node, type="katex")
        bad_pages: set[str] = self.builder.katex_bad_pages
        bad_pages.add(page)
        return f"<code>{self.encode(tex)}</code>"


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    self.body.append(self.starttag(node, "span", "", CLASS="math notranslate nohighlight"))
    self.body.append(_rendered(self, node, node.astext(), display=False) + "</span>")
    raise nodes.SkipNode


def visit_display(self: HTML5Translator, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate nohighlight"))
    self.body.append(_rendered(self, node, display_tex(node), display=True))
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def start(app: Sphinx) -> None:
    app.builder.katex_bad_pages = set()
    # Jupyter Book would link each style sheet below book/_static by itself; vendored files are
    # kept out of there and join the static files here.
    app.config.html_static_path.append(str(VENDOR / "static"))
    app.add_css_file("katex/katex.min.css")


def finish(app: Sphinx, exception: Exception | None) -> None:
    """Fail, and take the bad pages away, so that the next build writes (and checks) them again."""
    bad = sorted(app.builder.katex_bad_pages)
    for page in bad:
        Path(app.builder.get_outfilename(page)).unlink(missing_ok=True)
    if bad and not exception:
        raise ExtensionError(f"KaTeX could not read every formula of: {', '.join(bad)} (see above)")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_html_math_renderer("katex", (visit_inline, None), (visit_display, None))
    app.connect("builder-inited", start)
    app.connect("build-finished", finish)
    # The list of bad pages lives in this process: pages are not written in parallel.
    return {"parallel_read_safe": True, "parallel_write_safe": False}
