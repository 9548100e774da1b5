"""Charts as inline SVG in the colours of the page: hover, keyboard and screen readers, no script.

Over every mark lies a radio button that cannot be seen. A browser makes the buttons of a chart one
stop of the Tab key, moves between them with the arrow keys, and a screen reader says the words of
the one that has the focus. The same words show in the chart while a mark is pointed at or focused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from autograder import html

if TYPE_CHECKING:
    from autograder.items import Item
    from autograder.overview import Spread
    from autograder.report import Bin, ExerciseLine

WIDTH = 720


def histogram(bins: Sequence[Bin], label: str, axis: str, unit: str) -> Markup:
    """Bars of counts. Above them stands, while one is looked at, how many ``unit`` it holds."""
    height, base, top = 240, 200, 50
    step = (WIDTH - 20) / max(len(bins), 1)
    most = max([1, *(b.count for b in bins)])
    parts = [_line(10, base, WIDTH - 10, base)]
    for i, b in enumerate(bins):
        x, tall = 10 + i * step, (base - top) * b.count / most
        middle = x + step / 2
        if b.count:
            bar = _rect(x + 3, base - tall, step - 6, tall, "bar-plain")
            bar += _text(middle, base - tall - 7, b.count)
            words = f"{b.words}: {html.plural(b.count, unit)}"
            parts.append(_mark(label, words, bar, (x, top - 20, step, base - top + 20)))
        parts.append(_text(middle, base + 18, b.label, "muted"))
    parts.append(_text(WIDTH / 2, height - 4, axis, "muted"))
    return _svg(height, label, parts)


def outcomes(lines: Sequence[ExerciseLine], words: Callable[[str], tuple[str, str]]) -> Markup:
    """One bar per exercise, divided by outcome. A sign and a pattern repeat what colour says.

    Args:
        lines: the exercises.
        words: the sign and the words of an outcome.
    """
    label, left, row, top = "Outcomes per exercise", 250, 32, 26
    parts = [_patterns()]
    for i, line in enumerate(lines):
        y, x = i * row + top, float(left)
        parts.append(_text(left - 12, y + 17, line.name[:32], anchor="end"))
        total = max(sum(line.counts.values()), 1)
        for outcome, count in line.counts.items():
            if not count:
                continue
            wide = (WIDTH - left - 4) * count / total
            sign, said = words(outcome)
            bar = _rect(x, y, wide, row - 8, "tone")
            bar += f'<rect fill="url(#p-{outcome})" {_box(x, y, wide, row - 8)}/>'
            plate = 18 + 9 * len(str(count))
            if wide >= plate + 8:
                bar += _rect(x + 4, y + 4, plate, 16, "plate")
                bar += _text(x + 4 + plate / 2, y + 16.5, f"{sign} {count}")
            words_here = f"{line.name}: {count} of {total} {said}"
            parts.append(_mark(label, words_here, bar, (x, y, wide, row - 8), outcome))
            x += wide
    return _svg(len(lines) * row + top + 4, label, parts)


def scatter(items: Sequence[Item]) -> Markup:
    """Difficulty and discrimination of exercises, by their numbers in the table."""
    label = "How hard the exercises are and how well they separate"
    left, right, top, base = 70, WIDTH - 20, 36, 280
    told = [(n, i) for n, i in enumerate(items, 1) if i.discrimination is not None]
    low = min([0.0, *(i.discrimination for _, i in told)])

    def x(value: float) -> float:
        return left + (right - left) * value

    def y(value: float) -> float:
        return base - (base - top) * (value - low) / (1 - low)

    parts = [_line(left, top, left, base), _line(left, y(0), right, y(0))]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_text(x(tick), base + 18, f"{tick:.0%}", "muted"))
    for tick in (0, 0.2, 0.4, 0.6, 0.8, 1):
        parts.append(_text(left - 8, y(tick) + 4, f"{tick:g}", "muted", "end"))
    parts.append(_text((left + right) / 2, base + 38, "mean share of the points", "muted"))
    parts.append(_text(left, top - 22, "correlation with the rest", "muted", "start"))
    for n, i in told:
        cx, cy = x(i.difficulty), y(i.discrimination)
        dot = f'<circle class="dot-plain" cx="{cx:.1f}" cy="{cy:.1f}" r="11"/>'
        dot += _text(cx, cy + 4.5, n, "on-dot")
        words = f"{n} {i.name}: {i.difficulty:.0%} of the points, "
        words += f"correlation {i.discrimination:.2f}"
        parts.append(_mark(label, words, dot, (cx - 11, cy - 11, 22, 22)))
    return _svg(base + 48, label, parts)


def boxes(spreads: Sequence[Spread]) -> Markup:
    """A box from the first to the third quartile, with median and ends, per assignment."""
    label, left, right, row, top = "Points of the assignments", 190, WIDTH - 24, 40, 30
    base = top + row * len(spreads)

    def x(value: float) -> float:
        return left + (right - left) * value

    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(_line(x(tick), top, x(tick), base))
        parts.append(_text(x(tick), base + 18, f"{tick:.0%}", "muted"))
    for i, s in enumerate(spreads):
        y = top + i * row + row / 2
        low, q1, median, q3, high = s.quartiles
        parts.append(_text(left - 12, y + 5, s.assignment[:24], anchor="end"))
        box = f'<line class="whisker" x1="{x(low):.1f}" y1="{y:.1f}" x2="{x(high):.1f}" '
        box += f'y2="{y:.1f}"/>' + _rect(x(q1), y - 10, max(x(q3) - x(q1), 2), 20, "box")
        box += f'<line class="median" x1="{x(median):.1f}" y1="{y - 13:.1f}" '
        box += f'x2="{x(median):.1f}" y2="{y + 13:.1f}"/>'
        spot = (x(low) - 6, y - 14, x(high) - x(low) + 12, 28)
        parts.append(_mark(label, f"{s.assignment}: {s.words}", box, spot))
    parts.append(_text((left + right) / 2, base + 38, "share of the points", "muted"))
    return _svg(base + 46, label, parts)


def swatch(outcome: str) -> Markup:
    """The pattern of an outcome for the legend."""
    return Markup(
        f'<svg class="{outcome}" width="22" height="14" aria-hidden="true">'
        '<rect class="tone" width="22" height="14"/>'
        f'<rect fill="url(#p-{outcome})" width="22" height="14"/></svg>'
    )


def share(count: float, total: float) -> Markup:
    """A small bar beside a count."""
    wide = 90 * count / max(total, 1e-9)
    return Markup(
        '<svg width="90" height="10" aria-hidden="true">'
        f'<rect class="bar-plain" width="{wide:.1f}" height="10" rx="2"/></svg>'
    )


def _patterns() -> str:
    marks = {
        "pass": "",
        "partial": '<path class="mark" d="M0 8L8 0M-2 2L2 -2M6 10L10 6" stroke-width="1.6"/>',
        "fail": '<path class="mark" d="M0 0L8 8M0 8L8 0" stroke-width="1.3"/>',
        "error": '<circle class="dot" cx="4" cy="4" r="1.7"/>',
        "timeout": '<path class="mark" d="M4 0V8" stroke-width="1.8"/>',
        "missing": '<path class="mark" d="M0 4H8" stroke-width="4"/>',
    }
    return "<defs>{}</defs>".format(
        "".join(
            f'<pattern id="p-{name}" width="8" height="8" patternUnits="userSpaceOnUse">{mark}'
            "</pattern>"
            for name, mark in marks.items()
        )
    )


def _mark(
    chart: str, words: str, drawing: str, spot: tuple[float, float, float, float], style: str = ""
) -> str:
    """A part of a chart that can be pointed at and focused, with its words at the top.

    Args:
        chart: the label of the chart; its buttons are one group, so no two may share it on a page.
        spot: where it can be pointed at: left, top, width and height.
    """
    said = html.escape(html.cut(words, 120))
    return (
        f'<g class="point {style}"><g aria-hidden="true">{drawing}'
        f'<text class="tip" x="{WIDTH / 2}" y="15" text-anchor="middle">{said}</text></g>'
        f'<foreignObject {_box(*spot)}><input type="radio" name="{html.escape(chart)}" '
        f'aria-label="{said}"></foreignObject></g>'
    )


def _box(x: float, y: float, width: float, height: float) -> str:
    return f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect class="{style}" {_box(x, y, width, height)} rx="2"/>'


def _text(x: float, y: float, text: object, style: str = "", anchor: str = "middle") -> str:
    words = html.escape(str(text))
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{words}</text>'


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="axis" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _svg(height: float, label: str, parts: Sequence[str]) -> Markup:
    head = (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="radiogroup" '
        f'aria-label="{html.escape(label)}">'
    )
    return Markup(head + "".join(parts) + "</svg>")
