"""Drawings of one step of an LSTM and of a GRU, and of the two ways back to an LSTM's cell.

They are graphs of :mod:`unrolled.diagrams`, so they are drawn and described in the same way::

    fig = gate_diagrams.lstm_step()
    plot.show(fig, alt=fig.get_label())
"""

from __future__ import annotations

from matplotlib.figure import Figure

from unrolled.diagrams import Edge, Graph, Node, draw

PRODUCT = r"$\odot$"


def lstm_step_graph() -> Graph:
    """One LSTM step: the line of the cell above, the gates below it, the hidden state below."""
    nodes = (
        Node("c0", 0, 2.6, "$c_{t-1}$", "state"),
        Node("keep", 2.2, 2.6, PRODUCT, "op"),
        Node("plus", 4.4, 2.6, "$+$", "op"),
        Node("c", 7.0, 2.6, "$c_t$", "state"),
        Node("write", 4.4, 1.4, PRODUCT, "op"),
        Node("tanh", 7.0, 1.4, "tanh", "op"),
        Node("read", 7.0, 0.2, PRODUCT, "op"),
        Node("f", 2.2, 0.2, "$f_t$", "output"),
        Node("i", 3.5, 0.2, "$i_t$", "output"),
        Node("g", 4.6, 0.2, "$g_t$", "target"),
        Node("o", 5.8, 0.2, "$o_t$", "output"),
        Node("h0", 0, -1.1, "$h_{t-1}$", "state"),
        Node("x", 0, -2.2, "$x_t$", "input"),
        Node("a", 4.0, -1.6, "$a_t$", "parameter"),
        Node("h", 8.5, 0.2, "$h_t$", "state"),
    )
    pairs = (
        ("c0", "keep"),
        ("keep", "plus"),
        ("plus", "c"),
        ("f", "keep"),
        ("i", "write"),
        ("g", "write"),
        ("write", "plus"),
        ("c", "tanh"),
        ("tanh", "read"),
        ("o", "read"),
        ("read", "h"),
        ("h0", "a"),
        ("x", "a"),
        ("a", "f"),
        ("a", "i"),
        ("a", "g"),
        ("a", "o"),
    )
    return Graph(
        nodes,
        tuple(Edge(tail, head) for tail, head in pairs),
        "One LSTM step. The upper line leads from the old cell through a product with f and a sum "
        "to the new cell. The old hidden state and the input enter the pre-activations, from which "
        "f, i, g and o are computed. The product of i and g enters the sum. From the new cell a "
        "line leads through tanh and a product with o to the new hidden state.",
    )


def cell_backward_graph() -> Graph:
    """The two children of the cell, and a gradient from each of them."""
    nodes = (
        Node("past", -1.6, 0, "", "nothing"),
        Node("c", 0, 0, "$c_t$", "state"),
        Node("h", 0, -1.9, "$h_t$", "state"),
        Node("out", 1.7, -1.9, "", "nothing"),
        Node("next", 3.6, 0, "$c_{t+1}$", "state"),
        Node("future", 5.2, 0, "", "nothing"),
        Node("room", 1.8, 0.45, "", "nothing"),  # for the arrow that bends upwards
    )
    edges = (
        Edge("past", "c"),
        Edge("c", "h"),
        Edge("h", "out"),
        Edge("c", "next"),
        Edge("next", "future"),
        Edge("h", "c", bend=-0.45, kind="gradient"),
        Edge("next", "c", bend=0.3, kind="gradient"),
    )
    return Graph(
        nodes,
        edges,
        "Two arrows leave the cell of step t: one to the hidden state below it, one to the cell of "
        "the next step. A coloured arrow brings a gradient back from each of the two.",
    )


def gru_step_graph() -> Graph:
    """One GRU step, reset before the product: the line of the state above, the gates below."""
    nodes = (
        Node("h0", 0, 2.2, "$h_{t-1}$", "state"),
        Node("keep", 5.0, 2.2, PRODUCT, "op"),
        Node("plus", 7.2, 2.2, "$+$", "op"),
        Node("h", 8.8, 2.2, "$h_t$", "state"),
        Node("write", 7.2, 0.6, PRODUCT, "op"),
        Node("z", 5.0, 0.6, "$z_t$", "output"),
        Node("reset", 2.0, 0.6, PRODUCT, "op"),
        Node("r", 2.0, -1.0, "$r_t$", "output"),
        Node("n", 7.2, -1.0, r"$\tilde{h}_t$", "target"),
        Node("x", 5.0, -2.2, "$x_t$", "input"),
    )
    edges = (
        Edge("h0", "keep"),
        Edge("keep", "plus"),
        Edge("plus", "h"),
        Edge("z", "keep"),
        Edge("z", "write", "$1 - z_t$"),
        Edge("write", "plus"),
        Edge("h0", "reset"),
        Edge("r", "reset"),
        Edge("reset", "n"),
        Edge("n", "write"),
        Edge("x", "n"),
        Edge("x", "r"),
        Edge("x", "z"),
        Edge("h0", "r", bend=0.3),
        Edge("h0", "z", bend=-0.12),
    )
    return Graph(
        nodes,
        edges,
        "One GRU step. The upper line leads from the old state through a product with z and a sum "
        "to the new state. The old state and the input also enter both gates. The old state times "
        "r, together with the input, makes the candidate. The candidate times one minus z enters "
        "the sum.",
    )


def lstm_step() -> Figure:
    """The figure of :func:`lstm_step_graph`."""
    return draw(lstm_step_graph(), unit=0.66)


def cell_backward() -> Figure:
    """The figure of :func:`cell_backward_graph`."""
    return draw(cell_backward_graph(), unit=0.8)


def gru_step() -> Figure:
    """The figure of :func:`gru_step_graph`."""
    return draw(gru_step_graph(), unit=0.66)
