"""The figure style: alt text, colours that follow the theme, readable on white, dark and grey."""

import re
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from autograder.book import ROOT
from unrolled import plot

ALT = "Two lines that fall from left to right."
STYLE = (ROOT / "book" / "_static" / "unrolled.css").read_text(encoding="utf-8")
WHITE, DARK = "#ffffff", "#121212"  # the theme's page backgrounds


@pytest.fixture
def figure() -> Iterator[Figure]:
    with mpl.rc_context():
        plot.use()
        fig, ax = plt.subplots()
        for k in range(len(plot.COLORS)):
            ax.plot([0, 1], [k, 0], label=f"$h_{k}$")
        ax.legend()
        yield fig
    plt.close(fig)


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = np.array([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def css_colors(selector: str) -> dict[str, str]:
    block = re.search(re.escape(selector) + r" \{(.*?)\}", STYLE, re.DOTALL)[1]
    return dict(re.findall(r"--unrolled-(\w+): (#[0-9a-f]{6});", block))


def test_svg_carries_its_alt_text_and_scales(figure: Figure) -> None:
    text = plot.svg(figure, ALT)
    assert text.startswith("<svg ")
    assert f'role="img" aria-label="{ALT}"' in text
    assert "max-width: 100%" in text
    assert "<metadata" not in text
    assert "<style" not in text  # it would hold for the whole page
    assert plot.svg(figure, 'x < y & "z" holds').count("x &lt; y &amp; &quot;z&quot; holds") == 1


@pytest.mark.parametrize(
    "alt", ["", "   ", "figure", "_images/plot.png", "a long path/to/figure.svg"]
)
def test_figure_without_alt_text_is_refused(figure: Figure, alt: str) -> None:
    with pytest.raises(ValueError, match="alt text"):
        plot.svg(figure, alt)


def test_colours_are_the_themes(figure: Figure) -> None:
    text = plot.svg(figure, ALT)
    for k, color in enumerate(plot.COLORS, start=1):
        assert f"var(--unrolled-{k}, {color})" in text
    assert "var(--unrolled-ink, currentColor)" in text
    used = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", text))
    assert used == set(), "colours that do not follow the theme"


def test_ids_of_two_figures_differ(figure: Figure) -> None:
    def ids(text: str) -> set[str]:
        return set(re.findall(r'id="([^"]+)"', text))

    first = plot.svg(figure, ALT)
    assert first == plot.svg(figure, ALT), "the same figure is the same text"
    figure.axes[0].set_title("another")
    second = plot.svg(figure, ALT)
    assert ids(first)
    assert not ids(first) & ids(second)
    for text in (first, second):
        referred = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text))
        assert {a or b for a, b in referred} == ids(text)


def test_show_displays_and_closes(figure: Figure, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = []
    monkeypatch.setattr(plot, "display", lambda data, raw: shown.append(data))
    plot.show(figure, alt=ALT, caption="a < b")
    assert not plt.fignum_exists(figure.number)
    assert "<figcaption>a &lt; b</figcaption>" in shown[0]["text/html"]
    assert ALT in shown[0]["text/plain"]


def test_series_can_be_told_apart_without_colour() -> None:
    looks = [plot.series(k, marker=True) for k in range(len(plot.COLORS))]
    assert len({str(look["linestyle"]) for look in looks}) == len(looks)
    assert len({look["marker"] for look in looks}) == len(looks)
    assert len(plot.HATCHES) == len(plot.COLORS)


def test_style_sheet_and_module_agree() -> None:
    light = css_colors(":root")
    assert [light[str(k)] for k in range(1, len(plot.COLORS) + 1)] == list(plot.COLORS)
    assert light["faint"] == plot.FAINT


@pytest.mark.parametrize(
    ("selector", "background"), [(":root", WHITE), ('html[data-theme="dark"]', DARK)]
)
def test_colours_stand_out_from_the_page(selector: str, background: str) -> None:
    for name, color in css_colors(selector).items():
        assert contrast(color, background) >= (3 if name == "faint" else 4.5), (name, color)
    assert contrast(plot.FAINT, background) >= 3


def test_colours_are_distinct_for_colour_blind_readers() -> None:
    """Under simulated deuteranopia and protanopia, neighbours in the cycle stay apart."""
    # Viénot, Brettel and Mollon (1999), on linear RGB.
    protan = np.array([[0.1124, 0.8876, 0], [0.1124, 0.8876, 0], [0.0040, -0.0040, 1]])
    deutan = np.array([[0.2928, 0.7072, 0], [0.2928, 0.7072, 0], [-0.0223, 0.0223, 1]])
    for selector in (":root", 'html[data-theme="dark"]'):
        colors = css_colors(selector)
        rgb = np.array(
            [[int(colors[str(k)][i : i + 2], 16) / 255 for i in (1, 3, 5)] for k in range(1, 7)]
        )
        for blind in (protan, deutan):
            seen = np.clip(rgb**2.2 @ blind.T, 0, 1) ** (1 / 2.2)
            first = seen[:4]  # more than four lines in one figure rely on line style
            gaps = np.linalg.norm(first[:, None] - first[None], axis=-1)[np.triu_indices(4, 1)]
            assert gaps.min() > 0.12, selector
