"""The drawings: what is in them, that it can be read, and that a drawing describes itself."""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_rgb

from unrolled import diagrams, plot

GRAPHS = {
    "step": diagrams.step_graph(),
    "folded": diagrams.folded_graph(),
    "unrolled": diagrams.unrolled_graph(3),
    "one step": diagrams.unrolled_graph(1),
    "losses and shared weights": diagrams.unrolled_graph(4, losses=True, shared=True),
    "gradients": diagrams.unrolled_graph(3, losses=True, gradients=True),
    "output recurrence": diagrams.unrolled_graph(3, recurrence="output"),
    "generation": diagrams.unrolled_graph(4, [1], feedback=True),
    "encoder-decoder": diagrams.encoder_decoder_graph(3, 2),
    "tree": diagrams.tree_graph(),
    **dict(diagrams.shape_graphs()),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.mark.parametrize("name", GRAPHS)
def test_edges_join_nodes_that_exist_and_nodes_do_not_overlap(name):
    graph = GRAPHS[name]
    names = [n.name for n in graph.nodes]
    assert len(set(names)) == len(names)
    for edge in graph.edges:
        assert edge.tail in names
        assert edge.head in names
        assert edge.tail != edge.head
    for a, b in combinations(graph.nodes, 2):
        assert max(abs(a.x - b.x), abs(a.y - b.y)) > 2 * diagrams.RADIUS, (a, b)


@pytest.mark.parametrize("name", GRAPHS)
def test_every_drawing_says_what_is_seen(name):
    alt = diagrams.draw(GRAPHS[name]).get_label()
    assert len(alt) > 40
    assert alt.endswith(".")


@pytest.mark.parametrize("name", GRAPHS)
def test_labels_are_symbols_not_sentences(name):
    for item in (*GRAPHS[name].nodes, *GRAPHS[name].edges):
        assert item.label in {"", "tanh"} or item.label[0] == item.label[-1] == "$"


def heads(graph, tail):
    return {e.head for e in graph.edges if e.tail == tail}


def test_hidden_recurrence_joins_the_states():
    graph = diagrams.unrolled_graph(3)
    assert heads(graph, "h0") == {"h1"}
    assert heads(graph, "h1") == {"h2", "o1"}
    assert heads(graph, "o1") == set()


def test_output_recurrence_joins_no_two_states():
    graph = diagrams.unrolled_graph(3, recurrence="output")
    assert heads(graph, "h1") == {"o1"}
    assert heads(graph, "o1") == {"h2"}
    assert heads(graph, "o3") == set()


def test_shared_weights_are_one_node_that_reaches_every_step():
    graph = diagrams.unrolled_graph(4, shared=True)
    assert sum(n.kind == "parameter" for n in graph.nodes) == 1
    assert heads(graph, "W") == {"h1", "h2", "h3", "h4"}


def test_inputs_and_outputs_are_where_they_are_asked_for():
    graph = diagrams.unrolled_graph(4, [1], [3, 4], losses=True)
    names = {n.name for n in graph.nodes}
    assert {n for n in names if n[0] in "xoL"} == {"x1", "o3", "o4", "L3", "L4", "L"}


def test_the_gradient_goes_back_to_the_initial_state():
    graph = diagrams.unrolled_graph(3, outputs=[2], losses=True, gradients=True)
    back = {(e.tail, e.head) for e in graph.edges if e.kind == "gradient"}
    assert back == {("L", "L2"), ("L2", "o2"), ("o2", "h2"), ("h2", "h1"), ("h1", "h0")}


def test_decoder_sees_the_encoder_only_through_one_vector():
    graph = diagrams.encoder_decoder_graph(3, 2)
    crossing = [e for e in graph.edges if e.tail[0] in "xh" and e.head[0] in "sC"]
    assert [(e.tail, e.head) for e in crossing] == [("h3", "C")]


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="steps from 1 to 3"):
        diagrams.unrolled_graph(3, inputs=[4])
    with pytest.raises(ValueError, match="at least one step"):
        diagrams.unrolled_graph(0)
    with pytest.raises(ValueError, match="recurrence"):
        diagrams.unrolled_graph(2, recurrence="both")
    with pytest.raises(ValueError, match="at least one step"):
        diagrams.encoder_decoder_graph(2, 0)
    with pytest.raises(KeyError):
        diagrams.unrolled_graph(2)["h9"]


def luminance(colour):
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("kind", sorted(set(diagrams.FILLS) - {"delay"}))
def test_text_in_a_box_can_be_read_whatever_the_page(kind):
    contrast = (luminance(diagrams.FILLS[kind]) + 0.05) / (luminance(diagrams.DARK) + 0.05)
    assert contrast > 7
    assert diagrams.FILLS[kind] not in plot.COLORS  # those follow the theme, the text would not


def test_figures_are_svg_with_theme_colours_and_their_alt_text():
    for fig in (
        diagrams.step(),
        diagrams.unrolled_rnn(2, gradients=True),
        diagrams.folded_and_unrolled(),
        diagrams.shapes_of_recurrence(),
        diagrams.encoder_decoder(),
        diagrams.tree(),
    ):
        markup = plot.svg(fig, fig.get_label())
        assert "--unrolled-ink" in markup
        assert fig.get_label()[:30] in markup
