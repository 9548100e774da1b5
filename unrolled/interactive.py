"""Figures with sliders that need neither a kernel nor a network: SVG, a few lines of script, JSON.

A chapter computes the data in a cell and passes a drawing function in JavaScript, which is called
with three arguments each time a slider moves:

* ``add(tag, attributes, text)`` appends an element to the (emptied) drawing and returns it,
* ``data`` is what the cell computed,
* ``at`` holds the sliders' values by name.

It returns a sentence that says what is now seen; the sentence stands below the drawing and is read
out to those who do not see it. Colours are the page's own: ``var(--unrolled-1)`` and so on, as in
`unrolled.plot`. Sliders are ordinary range inputs, so keyboard and touch work. In print the drawing
stays as it is, without the handles.
"""

from __future__ import annotations

import base64
import html
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.pyplot as plt
from IPython.display import display
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Slider:
    """A range input: `name` is the key in the script's `at`, `label` is what the reader sees."""

    name: str
    label: str
    low: float
    high: float
    step: float
    value: float
    digits: int = 0


_STYLE = """
.unrolled-interactive{margin:1rem 0}
.unrolled-interactive svg{display:block;width:100%;max-width:46rem;height:auto;margin:0 auto;
font:16px system-ui,sans-serif}
.unrolled-interactive text{fill:var(--unrolled-ink,currentColor)}
.unrolled-interactive .controls{display:flex;flex-wrap:wrap;gap:.3rem 2rem;justify-content:center}
.unrolled-interactive label{display:flex;align-items:center;gap:.6rem;min-height:2.5rem}
.unrolled-interactive input{width:10rem;accent-color:var(--unrolled-1,#0064a8)}
.unrolled-interactive output{min-width:2.2rem;font-variant-numeric:tabular-nums}
.unrolled-interactive [role=status]{margin:.4rem auto 0;max-width:46rem;min-height:1.6rem;
text-align:center}
@media print{.unrolled-interactive input{display:none}}
"""

_SCRIPT = """{
const box = document.getElementById("%(id)s"), svg = box.querySelector("svg");
const inputs = [...box.querySelectorAll("input")], said = box.querySelector("[role=status]");
const data = JSON.parse(box.querySelector("script").textContent);
const add = (tag, attributes, text = "") => {
  const element = document.createElementNS(svg.namespaceURI, tag);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  element.textContent = text;
  return svg.appendChild(element);
};
const draw = %(draw)s;
const update = () => {
  const at = {};
  for (const input of inputs) {
    at[input.name] = +input.value;
    input.nextElementSibling.value = at[input.name].toFixed(input.dataset.digits);
  }
  svg.replaceChildren();
  said.textContent = draw(add, data, at);
};
for (const input of inputs) input.addEventListener("input", update);
update();
}"""


def markup(
    name: str,
    *,
    alt: str,
    sliders: Sequence[Slider],
    data: Any,
    draw: str,
    size: tuple[int, int] = (560, 340),
) -> str:
    """The figure as HTML.

    Args:
        name: an id, unique on the page: letters, digits, hyphens.
        alt: what the figure shows, for those who do not see it; the sentence that `draw` returns
            adds what is seen at the present values.
        sliders: the inputs, in their order.
        data: anything that JSON can hold.
        draw: a JavaScript function `(add, data, at) => sentence`.
        size: width and height of the drawing's own coordinates.

    Raises:
        ValueError: `name` is no id, `alt` says nothing, or there is no slider.
    """
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"not usable as an id: {name!r}")
    if len(alt.split()) < 4:
        raise ValueError("alt text must say what the figure shows")
    if not sliders:
        raise ValueError("an interactive figure needs a slider")
    numbers = json.dumps(data, separators=(",", ":")).replace("</", "<\\/")
    script = _SCRIPT % {"id": name, "draw": draw.strip().removesuffix(";")}
    return (
        f'<div class="unrolled-interactive" id="{name}"><style>{_STYLE}</style>'
        f'<div class="controls">{"".join(_input(slider) for slider in sliders)}</div>'
        f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{html.escape(alt)}"></svg>'
        f'<p role="status"></p><noscript><p>{html.escape(alt)}</p></noscript>'
        f'<script type="application/json">{numbers}</script></div>\n<script>{script}</script>'
    )


def show(name: str, *, alt: str, still: Figure | None = None, **parts: Any) -> None:
    """Display the figure; the arguments are those of `markup`.

    `still` is a matplotlib figure for where there is no HTML at all (a PDF made with LaTeX).
    """
    bundle = {"text/html": markup(name, alt=alt, **parts), "text/plain": f"[Figure: {alt}]"}
    if still is not None:
        file = io.BytesIO()
        still.savefig(file, format="png", dpi=150)
        plt.close(still)
        bundle["image/png"] = base64.b64encode(file.getvalue()).decode()
    display(bundle, raw=True)


def _input(slider: Slider) -> str:
    return (
        f"<label>{html.escape(slider.label)}"
        f'<input type="range" name="{slider.name}" min="{slider.low}" max="{slider.high}" '
        f'step="{slider.step}" value="{slider.value}" data-digits="{slider.digits}">'
        f"<output>{slider.value:.{slider.digits}f}</output></label>"
    )
