"""unrolled.interactive: what it writes into a page is complete, safe and usable without a mouse."""

import base64
import json
import re

import matplotlib.pyplot as plt
import pytest

from unrolled import interactive

SLIDERS = [
    interactive.Slider("scale", "weight scale <g>", 0.2, 3, 0.1, 1, digits=1),
    interactive.Slider("step", "loss at step", 1, 10, 1, 10),
]
PARTS = {
    "alt": "A line that falls from left to right.",
    "sliders": SLIDERS,
    "data": {"text": "</script>", "numbers": [1, 2.5]},
    "draw": "(add, data, at) => 'said';",
}


def test_every_slider_has_a_label_a_value_and_keyboard_access():
    page = interactive.markup("figure-1", **PARTS)
    labels = re.findall(r"<label>(.*?)</label>", page)
    assert len(labels) == len(SLIDERS)
    assert labels[0].startswith("weight scale &lt;g&gt;<input ")
    assert all('type="range"' in label and "<output>" in label for label in labels)
    assert "tabindex" not in page
    assert 'role="status"' in page
    assert 'aria-label="A line that falls' in page


def test_data_survive_and_cannot_end_the_script():
    page = interactive.markup("figure-1", **PARTS)
    stored = re.search(r'<script type="application/json">(.*?)</script>', page)[1]
    assert json.loads(stored) == PARTS["data"]


def test_nothing_is_fetched():
    page = interactive.markup("figure-1", **PARTS)
    assert not re.search(r"https?://|src=|@import|url\(", page)


@pytest.mark.parametrize(
    ("name", "change"),
    [("Two words", {}), ("figure-1", {"alt": "A plot"}), ("figure-1", {"sliders": []})],
)
def test_an_incomplete_figure_is_refused(name, change):
    with pytest.raises(ValueError, match=r"id|alt|slider"):
        interactive.markup(name, **(PARTS | change))


def test_a_still_picture_stands_in_where_there_is_no_html(monkeypatch):
    shown = []
    monkeypatch.setattr(interactive, "display", lambda bundle, raw: shown.append(bundle))
    figure = plt.figure()
    interactive.show("figure-1", still=figure, **PARTS)
    interactive.show("figure-2", **PARTS)
    assert shown[0]["text/html"] == interactive.markup("figure-1", **PARTS)
    assert base64.b64decode(shown[0]["image/png"]).startswith(b"\x89PNG")
    assert not plt.fignum_exists(figure.number)
    assert "image/png" not in shown[1]
