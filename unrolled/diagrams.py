"""Drawings of recurrent networks: one step, the unrolled graph, the shapes of recurrence.

A drawing is data first: a :class:`Graph` of nodes at places and edges between them, made by the
functions whose names end in ``_graph``. :func:`draw` turns it into a matplotlib figure. Labels are
symbols of the book's notation and never sentences, so a drawing needs no translation.

Every figure carries a description of itself as its label::

    fig = diagrams.unrolled_rnn(3)
    plot.show(fig, alt=fig.get_label())
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Patch, Rectangle

from unrolled import plot

# Pale fills with dark text keep their contrast on a light and on a dark page, so they are not
# colours of `plot`, which follow the theme; arrows lie on the page and are. The kinds also differ
# by place and by shape, so nothing is lost in grey.
DARK = "#16202a"
FILLS = {
    "input": "#bcd7f2",
    "state": "#bfe3c0",
    "output": "#fbd9a5",
    "loss": "#f4b8b8",
    "target": "#e4dcf3",
    "parameter": "#d9dde2",
    "op": "#ffffff",
    "delay": plot.INK,
}
ROUND = {"op", "parameter"}
RADIUS = 0.31
GRADIENT = plot.COLORS[1]


@dataclass(frozen=True)
class Node:
    """A labelled place.

    ``kind``, a key of ``FILLS``, decides how it looks; "nothing" is an end that is not drawn.
    """

    name: str
    x: float
    y: float
    label: str
    kind: str = "state"


@dataclass(frozen=True)
class Edge:
    """An arrow from ``tail`` to ``head``.

    ``bend`` is the curvature (0 is straight), ``kind`` is "forward", "gradient" (coloured) or
    "feedback" (dashed), and ``label`` stands beside the middle of the arrow. ``via`` lists corners
    between the two ends.
    """

    tail: str
    head: str
    label: str = ""
    bend: float = 0.0
    kind: str = "forward"
    via: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Graph:
    """Nodes, edges between them by name, and a sentence that says what is seen."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    alt: str

    def __getitem__(self, name: str) -> Node:
        """The node of that name; KeyError if there is none."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise KeyError(name)


def shift(graph: Graph, dx: float, dy: float = 0.0, prefix: str = "") -> Graph:
    """The graph moved by (dx, dy), its nodes renamed with ``prefix``."""
    nodes = tuple(replace(n, name=prefix + n.name, x=n.x + dx, y=n.y + dy) for n in graph.nodes)
    edges = tuple(
        replace(
            e,
            tail=prefix + e.tail,
            head=prefix + e.head,
            via=tuple((x + dx, y + dy) for x, y in e.via),
        )
        for e in graph.edges
    )
    return replace(graph, nodes=nodes, edges=edges)


def join(graphs: Iterable[Graph], alt: str) -> Graph:
    """Several graphs, whose node names differ, as one with a new description."""
    graphs = tuple(graphs)
    return Graph(
        tuple(n for g in graphs for n in g.nodes), tuple(e for g in graphs for e in g.edges), alt
    )


# --- graphs ------------------------------------------------------------------------------------


def step_graph() -> Graph:
    """One vanilla step, node by node.

    h_t = tanh(x_t W_x + h_{t-1} W_h + b) and o_t = h_t W_y + b_y.
    """
    nodes = (
        Node("h_prev", 0, 0, "$h_{t-1}$", "state"),
        Node("Wh", 1.2, 1.15, "$W_h$", "parameter"),
        Node("mul_h", 1.2, 0, r"$\times$", "op"),
        Node("x", 0, -1.2, "$x_t$", "input"),
        Node("Wx", 1.2, -2.35, "$W_x$", "parameter"),
        Node("mul_x", 1.2, -1.2, r"$\times$", "op"),
        Node("b", 2.4, 1.15, "$b$", "parameter"),
        Node("add", 2.4, 0, "$+$", "op"),
        Node("tanh", 3.8, 0, "tanh", "op"),
        Node("h", 5.0, 0, "$h_t$", "state"),
        Node("next", 5.0, -1.2, "", "nothing"),
        Node("Wy", 6.2, 1.15, "$W_y$", "parameter"),
        Node("mul_y", 6.2, 0, r"$\times$", "op"),
        Node("by", 7.3, 1.15, "$b_y$", "parameter"),
        Node("add_y", 7.3, 0, "$+$", "op"),
        Node("o", 8.5, 0, "$o_t$", "output"),
    )
    edges = (
        Edge("h_prev", "mul_h"),
        Edge("Wh", "mul_h"),
        Edge("x", "mul_x"),
        Edge("Wx", "mul_x"),
        Edge("mul_h", "add"),
        Edge("mul_x", "add"),
        Edge("b", "add"),
        Edge("add", "tanh", "$a_t$"),
        Edge("tanh", "h"),
        Edge("h", "next"),
        Edge("h", "mul_y"),
        Edge("Wy", "mul_y"),
        Edge("mul_y", "add_y"),
        Edge("by", "add_y"),
        Edge("add_y", "o"),
    )
    return Graph(
        nodes,
        edges,
        "One step as a graph, read from left to right: the previous state times W_h and the "
        "input times W_x meet, with the bias b, in a sum a_t; tanh turns it into the state h_t. "
        "One arrow leaves h_t downwards to the next step, another goes through W_y and b_y to the "
        "output o_t.",
    )


def folded_graph() -> Graph:
    """The network drawn with its loop: a black square delays the state by one step."""
    nodes = (
        Node("x", 0, 0, "$x$", "input"),
        Node("h", 0, 1.4, "$h$", "state"),
        Node("o", 0, 2.8, "$o$", "output"),
        Node("delay", 1.25, 1.4, "", "delay"),
    )
    edges = (
        Edge("x", "h", "$W_x$"),
        Edge("h", "o", "$W_y$"),
        Edge("h", "delay", bend=-0.55),
        Edge("delay", "h", "$W_h$", bend=-0.55),
    )
    return Graph(
        nodes,
        edges,
        "The recurrent network with its loop: input x feeds state h, state h feeds output o and, "
        "through a black square that delays by one step, itself.",
    )


def _places(which: bool | Iterable[int], T: int, what: str) -> tuple[int, ...]:
    """The steps named by ``which``: all for True, none for False; ValueError outside 1..T."""
    if isinstance(which, bool):
        return tuple(range(1, T + 1)) if which else ()
    steps = tuple(which)
    if any(not 1 <= t <= T for t in steps):
        raise ValueError(f"{what} must name steps from 1 to {T}, not {steps}")
    return steps


def unrolled_graph(
    T: int,
    inputs: bool | Iterable[int] = True,
    outputs: bool | Iterable[int] = True,
    *,
    losses: bool = False,
    recurrence: str = "hidden",
    feedback: bool = False,
    shared: bool = False,
    gradients: bool = False,
    weights: bool = True,
    initial: bool = True,
) -> Graph:
    """The recurrence written out over ``T`` steps.

    ``inputs`` and ``outputs`` are the steps (1..T) that have one, or True for all of them.
    ``losses`` adds L_t above each output and their sum L. ``recurrence`` is "hidden" (h_{t-1} to
    h_t) or "output" (o_{t-1} to h_t). ``feedback`` adds dashed arrows from each output to the
    following state, as in generation. ``shared`` draws the parameters as one node W with an arrow
    to every step; otherwise ``weights`` writes the name of the matrix beside each arrow.
    ``gradients`` adds, in another colour, the way of the gradient back from the losses to the
    first state.
    Raises ValueError for a step outside 1..T or an unknown recurrence.
    """
    if T < 1:
        raise ValueError(f"a sequence has at least one step, not {T}")
    if recurrence not in {"hidden", "output"}:
        raise ValueError(f'recurrence is "hidden" or "output", not {recurrence!r}')
    ins, outs = _places(inputs, T, "inputs"), _places(outputs, T, "outputs")
    across = 1.55
    up = 1.25
    nodes: list[Node] = []
    edges: list[Edge] = []

    def label(text: str) -> str:
        return text if weights and not shared else ""

    hidden = recurrence == "hidden"
    if hidden and initial:
        nodes.append(Node("h0", 0, 0, "$h_0$", "state"))
    for t in range(1, T + 1):
        x = across * t
        nodes.append(Node(f"h{t}", x, 0, f"$h_{{{t}}}$", "state"))
        if hidden and (t > 1 or initial):
            edges.append(Edge(f"h{t - 1}", f"h{t}", label("$W_h$")))
        if t in ins:
            nodes.append(Node(f"x{t}", x, -up, f"$x_{{{t}}}$", "input"))
            edges.append(Edge(f"x{t}", f"h{t}", label("$W_x$")))
        if t in outs:
            nodes.append(Node(f"o{t}", x, up, f"$o_{{{t}}}$", "output"))
            edges.append(Edge(f"h{t}", f"o{t}", label("$W_y$")))
            if t < T and not hidden:
                edges.append(Edge(f"o{t}", f"h{t + 1}", label("$W_o$")))
            if t < T and feedback:
                edges.append(Edge(f"o{t}", f"h{t + 1}", kind="feedback"))
        if losses and t in outs:
            nodes.append(Node(f"L{t}", x, 2 * up, f"$L_{{{t}}}$", "loss"))
            edges.append(Edge(f"o{t}", f"L{t}"))
    if losses and outs:
        middle = across * (outs[0] + outs[-1]) / 2
        nodes.append(Node("L", middle, 3 * up, "$L$", "loss"))
        edges += [Edge(f"L{t}", "L") for t in outs]
    if shared:
        nodes.append(Node("W", 0, -1.9 * up, "$W$", "parameter"))
        for t in range(1, T + 1):
            beside = across * t - 0.62
            corners = ((beside, -1.9 * up), (beside, -0.55))
            edges.append(Edge("W", f"h{t}", via=corners))
    if gradients:
        edges += _gradient_edges(T, outs, losses, hidden and initial)
    return Graph(
        tuple(nodes), tuple(edges), _describe(T, ins, outs, losses, hidden, shared, gradients)
    )


def _gradient_edges(T: int, outs: tuple[int, ...], losses: bool, initial: bool) -> list[Edge]:
    """Arrows from every loss down to its state and from state to state to the left."""
    edges = []
    for t in outs:
        if losses:
            edges.append(Edge("L", f"L{t}", bend=0.25, kind="gradient"))
            edges.append(Edge(f"L{t}", f"o{t}", bend=0.45, kind="gradient"))
        edges.append(Edge(f"o{t}", f"h{t}", bend=0.45, kind="gradient"))
    last = max(outs, default=T)
    first = 1 if initial else 2
    edges += [
        Edge(f"h{t}", f"h{t - 1}", bend=-0.45, kind="gradient") for t in range(last, first - 1, -1)
    ]
    return edges


def _steps(steps: tuple[int, ...], T: int) -> str:
    if len(steps) == T:
        return "every step"
    if not steps:
        return "no step"
    return ("step " if len(steps) == 1 else "steps ") + ", ".join(map(str, steps))


def _describe(
    T: int,
    ins: tuple[int, ...],
    outs: tuple[int, ...],
    losses: bool,
    hidden: bool,
    shared: bool,
    gradients: bool,
) -> str:
    parts = [
        f"A recurrent network unrolled over {T} {'steps' if T > 1 else 'step'}, left to right.",
        f"There is an input below at {_steps(ins, T)} and an output above at {_steps(outs, T)}.",
        "Arrows lead from each state to the next."
        if hidden
        else "Arrows lead from each output to the next state; no arrow joins two states.",
    ]
    if losses:
        parts.append("Every output has a loss, and the losses are added to one loss L at the top.")
    if shared:
        parts.append("A single node W sends an arrow to every state.")
    if gradients:
        parts.append("Coloured arrows carry the gradient back from the losses to the first state.")
    return " ".join(parts)


def encoder_decoder_graph(n: int, m: int) -> Graph:
    """Sequence to sequence: ``n`` inputs read into one state, ``m`` outputs written from it."""
    if n < 1 or m < 1:
        raise ValueError("both sequences have at least one step")
    across, up = 1.55, 1.25
    nodes, edges = [], []
    for t in range(1, n + 1):
        nodes += [
            Node(f"h{t}", across * t, 0, f"$h_{{{t}}}$", "state"),
            Node(f"x{t}", across * t, -up, f"$x_{{{t}}}$", "input"),
        ]
        edges.append(Edge(f"x{t}", f"h{t}"))
        if t > 1:
            edges.append(Edge(f"h{t - 1}", f"h{t}"))
    c = across * (n + 1)
    nodes.append(Node("C", c, 0, "$C$", "target"))
    edges.append(Edge(f"h{n}", "C"))
    for t in range(1, m + 1):
        x = c + across * t
        nodes += [
            Node(f"s{t}", x, 0, f"$s_{{{t}}}$", "state"),
            Node(f"o{t}", x, up, f"$o_{{{t}}}$", "output"),
        ]
        edges.append(Edge("C" if t == 1 else f"s{t - 1}", f"s{t}"))
        edges.append(Edge(f"s{t}", f"o{t}"))
        if t > 1:
            edges.append(Edge(f"o{t - 1}", f"s{t}", kind="feedback"))
    return Graph(
        tuple(nodes),
        tuple(edges),
        f"An encoder reads {n} inputs, state after state, into a single vector C; a decoder "
        f"starts from C and writes {m} outputs, each of which is fed, by a dashed arrow, into the "
        "next step.",
    )


def shape_graphs() -> tuple[tuple[str, Graph], ...]:
    """The five shapes of recurrence with their short names, from one-to-one to aligned."""

    def boxes(T: int, inputs: Iterable[int], outputs: Iterable[int]) -> Graph:
        graph = unrolled_graph(T, inputs, outputs, weights=False, initial=False)
        return replace(graph, nodes=tuple(replace(n, label="") for n in graph.nodes))

    return (
        ("1 → 1", boxes(1, [1], [1])),
        ("1 → n", boxes(3, [1], [1, 2, 3])),
        ("n → 1", boxes(3, [1, 2, 3], [3])),
        ("n → m", boxes(5, [1, 2, 3], [4, 5])),
        ("n → n", boxes(3, [1, 2, 3], [1, 2, 3])),
    )


def tree_graph() -> Graph:
    """A recursive network: four leaves joined two by two by the same node function."""
    nodes = [Node(f"x{i}", 1.3 * i, 0, f"$x_{{{i}}}$", "input") for i in range(1, 5)]
    nodes += [
        Node("p1", 1.95, 1.25, "$p_1$"),
        Node("p2", 4.55, 1.25, "$p_2$"),
        Node("root", 3.25, 2.5, "$p_3$"),
        Node("o", 3.25, 3.75, "$o$", "output"),
    ]
    edges = [
        Edge("x1", "p1"),
        Edge("x2", "p1"),
        Edge("x3", "p2"),
        Edge("x4", "p2"),
        Edge("p1", "root"),
        Edge("p2", "root"),
        Edge("root", "o"),
    ]
    return Graph(
        tuple(nodes),
        tuple(edges),
        "A recursive network: inputs one and two are joined into a node, inputs three and four "
        "into another, those two into a root, and the root gives the output.",
    )


# --- drawing -----------------------------------------------------------------------------------


def _shape(node: Node) -> Patch:
    if node.kind == "delay":
        side = 0.3
        return Rectangle((node.x - side / 2, node.y - side / 2), side, side)
    if node.kind == "op" and len(node.label) > 3 and not node.label.startswith("$"):
        return FancyBboxPatch(
            (node.x - 0.3, node.y - 0.16), 0.6, 0.32, boxstyle="round,pad=0.06,rounding_size=0.2"
        )
    if node.kind in ROUND:
        return Circle((node.x, node.y), RADIUS * (0.8 if node.kind == "op" else 1.0))
    half = RADIUS - 0.06
    return FancyBboxPatch(
        (node.x - half, node.y - half),
        2 * half,
        2 * half,
        boxstyle="round,pad=0.06,rounding_size=0.1",
    )


def draw_on(ax: Axes, graph: Graph, fontsize: float = 13.0, margin: float = 0.5) -> None:
    """Draw ``graph`` into ``ax``, whose scale becomes equal in both directions."""
    patches: dict[str, Patch] = {}
    for node in graph.nodes:
        if node.kind == "nothing":
            continue
        patch = _shape(node)
        patch.set(facecolor=FILLS[node.kind], edgecolor=DARK, linewidth=1.0, zorder=3)
        patches[node.name] = ax.add_patch(patch)
        size = fontsize * (0.8 if node.label == "tanh" else 1.0)
        ax.text(
            node.x,
            node.y,
            node.label,
            ha="center",
            va="center_baseline",
            fontsize=size,
            color=DARK,
            zorder=4,
            math_fontfamily="cm",
        )
    for edge in graph.edges:
        _draw_edge(ax, graph, edge, patches, fontsize)
    xs, ys = [n.x for n in graph.nodes], [n.y for n in graph.nodes]
    ax.set_xlim(min(xs) - margin, max(xs) + margin)
    ax.set_ylim(min(ys) - margin, max(ys) + margin)
    ax.set_aspect("equal")
    ax.axis("off")


def _draw_edge(
    ax: Axes, graph: Graph, edge: Edge, patches: dict[str, Patch], fontsize: float
) -> None:
    tail, head = graph[edge.tail], graph[edge.head]
    corners = [(tail.x, tail.y), *edge.via]
    colour = GRADIENT if edge.kind == "gradient" else plot.INK
    style = {"color": colour, "linewidth": 1.6 if edge.kind == "gradient" else 1.2, "zorder": 2}
    for start, end in pairwise(corners):
        ax.plot([start[0], end[0]], [start[1], end[1]], linestyle="-", **style)
    start = corners[-1]
    ax.add_patch(
        FancyArrowPatch(
            start,
            (head.x, head.y),
            arrowstyle="-|>",
            mutation_scale=11,
            connectionstyle=f"arc3,rad={edge.bend}",
            patchA=None if edge.via else patches.get(edge.tail),
            patchB=patches.get(edge.head),
            shrinkA=0,
            shrinkB=1.5,
            linestyle="--" if edge.kind == "feedback" else "-",
            **style,
        )
    )
    if edge.label:
        dx, dy = head.x - start[0], head.y - start[1]
        length = (dx * dx + dy * dy) ** 0.5
        # Beside the arrow: above a horizontal one, to the right of a vertical one.
        nx, ny = (-dy / length, dx / length) if abs(dx) > abs(dy) else (dy / length, -dx / length)
        away = 0.23 + abs(edge.bend) * length * 0.5
        sign = -1.0 if edge.bend < 0 and dx < 0 else 1.0
        ax.text(
            (start[0] + head.x) / 2 + nx * away * sign,
            (start[1] + head.y) / 2 + ny * away * sign,
            edge.label,
            ha="center",
            va="center",
            fontsize=fontsize * 0.85,
            color=plot.INK,
            math_fontfamily="cm",
        )


def draw(graph: Graph, unit: float = 0.72, fontsize: float = 13.0, margin: float = 0.5) -> Figure:
    """A figure of ``graph`` at ``unit`` inches per unit; its label is the graph's description."""
    xs, ys = [n.x for n in graph.nodes], [n.y for n in graph.nodes]
    width, height = max(xs) - min(xs) + 2 * margin, max(ys) - min(ys) + 2 * margin
    fig = plt.figure(figsize=(unit * width, unit * height), layout="none")
    draw_on(fig.add_axes((0, 0, 1, 1)), graph, fontsize, margin)
    fig.set_label(graph.alt)
    return fig


def step() -> Figure:
    """The figure of :func:`step_graph`."""
    return draw(step_graph())


def unrolled_rnn(
    T: int = 3, inputs: bool | Iterable[int] = True, outputs: bool | Iterable[int] = True, **options
) -> Figure:
    """The figure of :func:`unrolled_graph`, which explains the arguments."""
    return draw(unrolled_graph(T, inputs, outputs, **options))


def folded_and_unrolled(T: int = 3) -> Figure:
    """The loop on the left, the same network written out over ``T`` steps on the right."""
    folded, unrolled = folded_graph(), unrolled_graph(T)
    both = join(
        [shift(folded, 0, -1.4, "loop_"), shift(unrolled, 2.6)],
        f"{folded.alt} On its right the same network without the loop. {unrolled.alt}",
    )
    return draw(both, unit=0.76)


def encoder_decoder(n: int = 3, m: int = 2) -> Figure:
    """The figure of :func:`encoder_decoder_graph`."""
    return draw(encoder_decoder_graph(n, m))


def tree() -> Figure:
    """The figure of :func:`tree_graph`."""
    return draw(tree_graph())


def shapes_of_recurrence() -> Figure:
    """Five small graphs side by side: 1 → 1, 1 → n, n → 1, n → m and n → n."""
    shapes = shape_graphs()
    unit, margin, gap = 0.42, 0.7, 0.1
    widths = [max(n.x for n in g.nodes) - min(n.x for n in g.nodes) + 2 * margin for _, g in shapes]
    width, height = sum(widths) + gap * (len(shapes) - 1), 2.5 + 2 * margin + 0.9
    fig = plt.figure(figsize=(unit * width, unit * height), layout="none")
    left = 0.0
    for (name, graph), own in zip(shapes, widths):
        ax = fig.add_axes((left / width, 0.9 / height, own / width, 1 - 0.9 / height))
        draw_on(ax, graph, margin=margin)
        ax.set_ylim(-1.25 - margin, 1.25 + margin)
        ax.text(0.5, -0.02, name, transform=ax.transAxes, ha="center", va="top", color=plot.INK)
        left += own + gap
    fig.set_label(
        "Five shapes, inputs below, states in the middle, outputs above. One to one: one input, "
        "one state, one output. One to many: one input, three outputs. Many to one: three inputs, "
        "one output at the end. Many to many, unaligned: three inputs are read before two outputs "
        "are written. Many to many, aligned: an output for each of three inputs."
    )
    return fig
