"""The one style of all figures, and `show`, which puts a figure with its alt text on a page.

A figure is drawn once and read on a white page, on a dark one, and in grey on paper. So:

* Series differ in colour *and* in line style (markers and hatches are at hand too); nothing is
  told by colour alone.
* The background is transparent, and the colours are placeholders: `show` writes the SVG into the
  page with each colour of the palette replaced by a CSS variable (``--unrolled-1`` ...), whose
  value the page's theme sets. Where no style sheet of ours is loaded (a notebook), the light value,
  or the text colour of the surroundings, is what remains.
* Every figure has alt text, and `show` refuses to draw without it.

Use::

    from unrolled import plot

    plot.use()
    fig, ax = plt.subplots()
    ax.plot(t, loss, label="tanh")
    plot.show(fig, alt="The loss falls from 1.4 to 0.2 within 50 steps and stays there.")
"""

import base64
import hashlib
import html
import io
import re
from typing import Any

import matplotlib.pyplot as plt
from cycler import cycler
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

__all__ = [
    "COLORS",
    "DIVERGING",
    "FAINT",
    "HATCHES",
    "INK",
    "LINES",
    "MARKERS",
    "PAPER",
    "SEQUENTIAL",
    "series",
    "show",
    "svg",
    "use",
]

INK = "#1b1d21"
"""Text, axes, arrows: the text colour of the page."""
PAPER = "#fdfefe"
"""The background of the page: for boxes that must hide what lies behind them."""
FAINT = "#8b9096"
"""Grid lines and whatever should stay in the background; readable on light and dark."""
COLORS = ("#0064a8", "#c2500a", "#00795b", "#a3478a", "#8a6500", "#5b5fc7")
"""Blue, vermilion, green, purple, ochre, indigo: distinct for colour-blind readers (after Okabe and
Ito), contrast with white at least 4.5. The page's dark theme replaces each by a lighter one of the
same hue (book/_static/unrolled.css)."""
LINES = ("-", (0, (5, 2)), (0, (1.2, 1.4)), (0, (7, 2, 1.2, 2)), (0, (3, 1.2)), (0, (9, 3)))
"""Line styles in the order of COLORS, so that series can be told apart in grey."""
MARKERS = ("o", "s", "^", "D", "v", "P")
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "++")
"""For bars and areas, in the order of COLORS."""
SEQUENTIAL = "cividis"
"""Colour map for values from low to high: lightness rises evenly, so it survives grey."""
DIVERGING = "PuOr"
"""Colour map for signed values. Its two ends look alike in grey: print the numbers too."""

_STYLE: dict[str, Any] = {
    "figure.figsize": (6.2, 3.2),
    "figure.facecolor": "none",
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "none",
    "savefig.transparent": True,
    "axes.facecolor": "none",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": "medium",
    "axes.linewidth": 0.9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=COLORS) + cycler(linestyle=LINES),
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "grid.alpha": 0.6,
    "hatch.linewidth": 0.7,
    "image.cmap": SEQUENTIAL,
    "legend.frameon": False,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.9,
    "lines.markersize": 5,
    "patch.edgecolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "font.size": 12,
    "mathtext.fontset": "cm",
    "svg.fonttype": "path",
    "svg.hashsalt": "unrolled",
}

# The CSS that stands for each colour; the second value of var() counts where a page does not
# define the variable.
_CSS = {
    INK: "var(--unrolled-ink, currentColor)",
    PAPER: f"var(--unrolled-paper, var(--jp-layout-color0, {PAPER}))",
    FAINT: f"var(--unrolled-faint, {FAINT})",
    **{color: f"var(--unrolled-{k}, {color})" for k, color in enumerate(COLORS, start=1)},
}


def use() -> None:
    """Set the style for all figures drawn from now on."""
    plt.rcParams.update(_STYLE)


def series(k: int, marker: bool = False) -> dict[str, Any]:
    """Colour and line style (and marker) of series `k`: `ax.plot(x, y, **series(2))`."""
    look = {"color": COLORS[k % len(COLORS)], "linestyle": LINES[k % len(LINES)]}
    if marker:
        look["marker"] = MARKERS[k % len(MARKERS)]
    return look


def svg(fig: Figure, alt: str) -> str:
    """The figure as an `<svg>` element to stand in a page, its colours as CSS variables.

    Raises:
        ValueError: if `alt` is empty or is the path of a file.
    """
    alt = " ".join(alt.split())
    if len(alt) < 10 or re.search(r"\.(png|svg|jpe?g|gif|webp)$", alt):
        raise ValueError(f"alt text must say what is seen in the figure, not {alt!r}")
    file = io.StringIO()
    fig.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]  # no XML declaration and no DOCTYPE within a page
    for drop in (r"<metadata>.*?</metadata>", r"<style.*?</style>", r"<!--.*?-->"):
        text = re.sub(r"\s*" + drop, "", text, flags=re.DOTALL)
    text = _own_ids(text)
    for color, css in _CSS.items():
        text = text.replace(color, css)
    text = re.sub(r"(?<=data:image/png;base64,)[A-Za-z0-9+/=\s]+", _lighter, text)
    return re.sub(
        r"<svg\b[^>]*?viewBox=\"([^\"]*)\"[^>]*>",
        lambda m: _opening_tag(m[1], alt),
        text,
        count=1,
        flags=re.DOTALL,
    ).strip()


def small_png(data: bytes) -> bytes:
    """A PNG file with a palette of 32 colours if it has more than 128: a fraction of the size.

    Such pictures are noisy ones, and at the size of a figure nobody sees the difference. Maps of
    few colours stay as they are.
    """
    image = Image.open(io.BytesIO(data)).convert("RGBA")
    if image.getcolors(128):
        return data
    file = io.BytesIO()
    image.quantize(32, Image.Quantize.FASTOCTREE).save(file, "png", optimize=True)
    return min(data, file.getvalue(), key=len)


def _lighter(match: re.Match[str]) -> str:
    return base64.b64encode(small_png(base64.b64decode(match[0]))).decode()


def show(fig: Figure, alt: str, caption: str | None = None) -> None:
    """Display the figure as SVG with alt text, and close it.

    Args:
        fig: the figure.
        alt: what a reader who does not see the figure has to know: what is plotted and what it
            shows, in a sentence or two.
        caption: plain text below the figure. For a caption with mathematics, a number and a label
            to refer to, use the cell's `mystnb: figure: {caption, name}` instead.

    Raises:
        ValueError: if `alt` is empty or is the path of a file.
    """
    below = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    tag = "figure" if caption else "div"
    markup = f'<{tag} class="unrolled-figure">{svg(fig, alt)}{below}</{tag}>'
    plt.close(fig)  # or the notebook would show it a second time, as an image without alt text
    display({"text/html": markup, "text/plain": f"[Figure: {' '.join(alt.split())}]"}, raw=True)


def _own_ids(text: str) -> str:
    """Keep only ids that are referred to, and make them unlike those of other figures."""
    mark = "u" + hashlib.sha256(text.encode()).hexdigest()[:8]
    used = set(re.findall(r'href="#([^"]*)"', text)) | set(re.findall(r"url\(#([^)]*)\)", text))
    text = re.sub(r' id="([^"]*)"', lambda m: f' id="{mark}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'href="#([^"]*)"', rf'href="#{mark}-\1"', text)
    return re.sub(r"url\(#([^)]*)\)", rf"url(#{mark}-\1)", text)


def _opening_tag(view_box: str, alt: str) -> str:
    """An <svg> tag that scales with the column.

    matplotlib's unit is the point, CSS's the pixel of 1/96 inch. Line joins are set here, because
    matplotlib's own <style> element would hold for the whole page.
    """
    width = float(view_box.split()[2]) * 96 / 72
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{view_box}" role="img" aria-label="{html.escape(alt)}" '
        'stroke-linejoin="round" stroke-linecap="butt" '
        f'style="width: {width:.0f}px; max-width: 100%; height: auto">'
    )
