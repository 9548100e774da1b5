# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 5: architectures
#
# You know the recurrent step. Here you wire steps in four new ways: on top of each other, in both
# directions, along a tree, and as a pair of networks of which one reads and the other writes. The
# wiring is short; what takes care is that sequences of a batch differ in length. At the end your
# encoder–decoder translates dates from six ways of writing them into one, letter by letter, and
# you see how much fits into a context of fixed size.
#
# The chapter that explains it is [chapter 8,
# "Architectures"]({BOOK}/chapters/08-architectures.html). Each exercise names its section.

# %% [markdown]
# ## How to work with this notebook
#
# - From here on PyTorch computes the gradients, so you only write the way forward. The checks
#   still look at the gradients: a result whose graph is cut (by `.detach()`, `.data`, `.item()`,
#   `.numpy()`, or by `torch.tensor(...)` around something that was computed) is a mistake.
# - Results have the type of the input: the checks hand in float64 and expect float64. Make new
#   tensors from the ones that you have, for example with `x.new_zeros(...)`, and this comes by
#   itself. `Seq2Seq` is the exception: a module has parameters of its own, of type float32.
# - Functions are pure: never write into a tensor or list that you were given.
# - A batch has rows of different lengths. `lengths` is a tensor of integers (type long), in any
#   order. What stands behind the end of a row is *padding*. It may be any finite number, and
#   nothing that you return may depend on it.
# - You may use everything that PyTorch offers, and your own earlier functions. Loops over time
#   are fine.
# - Write your code where the cell says `YOUR CODE HERE`, then run the cell `check("...")` below
#   it. The same check with other inputs decides the points. Every result counts on its own.
#
# ## Shapes
#
# | in the book | in the code | shape | what it is |
# |---|---|---|---|
# | $x_1 \dots x_T$ | `x` | $(N, T, D)$ | inputs: $N$ rows, $T$ places, $D$ numbers each |
# | $\mathrm{len}$ | `lengths` | $(N,)$ | how many places of a row are real |
# | $W_x$, $W_h$, $b$ | `Wx`, `Wh`, `b` | $(D, H)$, $(H, H)$, $(H,)$ | weights of one layer |
# | $h_1 \dots h_T$ | `h` | $(N, T, H)$ | states of a layer |
# | $W_l$, $W_r$, $b$ | `Wl`, `Wr`, `b` | $(H, H)$, $(H, H)$, $(H,)$ | weights of a node of a tree |
# | $o_t$ | `logits` | $(N, T, V)$ | scores of $V$ symbols, before the softmax |
# | $y_t$ | `targets`, `decoder_out` | $(N, T)$ | ids of symbols, integers from $0$ to $V - 1$ |

# %% locked="setup"
import traceback
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from unrolled import check, diagrams, plot

plot.use()
torch.set_num_threads(1)


@contextmanager
def when_solved():
    """Say which exercise is missing, in place of a traceback."""
    try:
        yield
    except NotImplementedError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        name = frame.f_code.co_qualname.split(".")[0]
        print(f"This cell needs {name}, which is not written yet. Solve it, then come back.")


# %% [markdown]
# ## Part 1: deeper
#
# Section: [chapter 8, "Deeper: a stack of
# layers"]({BOOK}/chapters/08-architectures.html#stacked).
#
# The states of a layer are a sequence, and a sequence can be read by a layer. With layers $l = 1,
# \dots, \ell$ and $h_t^{(0)} = x_t$,
#
# $$h_t^{(l)} = \tanh\bigl(h_t^{(l-1)} W_x^{(l)} + h_{t-1}^{(l)} W_h^{(l)} + b^{(l)}\bigr).$$

# %% free="picture_stack"
T, LAYERS = 3, 2
nodes = [diagrams.Node(f"0{t}", 1.7 * t, 0, f"$x_{t}$", "input") for t in range(1, T + 1)]
edges = []
for layer in range(1, LAYERS + 1):
    for t in range(T + 1):
        name = f"$h_{t}^{{({layer})}}$"
        nodes.append(diagrams.Node(f"{layer}{t}", 1.7 * t, 1.25 * layer, name))
        if t:
            edges.append(diagrams.Edge(f"{layer}{t - 1}", f"{layer}{t}"))
            edges.append(diagrams.Edge(f"{layer - 1}{t}", f"{layer}{t}"))
stack = diagrams.Graph(
    tuple(nodes),
    tuple(edges),
    "A row of inputs and two rows of states above it. Each state has an arrow from the state on "
    "its left and one from below. Each row begins with an initial state of its own.",
)
plot.show(diagrams.draw(stack), alt=stack.alt)

# %% [markdown]
# ### Exercise 1: `stacked_forward` (4 points)
#
# An example to do by hand first: $N = T = D = 1$ and two layers with one unit each. With $x =
# 0.5$ and all weights 1 and all biases 0, the first layer gives $\tanh(0.5) = 0.462$ and the
# second $\tanh(0.462) = 0.432$.
#
# **Why.** Lower layers can deal with details and upper ones with what lasts longer.
#
# **Watch for.**
#
# - What does the first step of the *second* layer start from? Count the nodes in the picture that
#   have no arrow from the left.
# - The layers may differ in width: the first `Wx` is $(D, H_1)$, the second $(H_1, H_2)$, and so
#   on. There may be any number of them, also a single one.


# %% exercise="stacked_forward"
def stacked_forward(x, layers):
    """States of the top layer of a stack of tanh layers that start from zero.

    Args:
        x: the inputs, shape (N, T, D).
        layers: one tuple (Wx, Wh, b) for each layer, the lowest first, shapes (D, H), (H, H) and
            (H,), where D is the width of what the layer reads.

    Returns:
        h: the states of the top layer at all steps, shape (N, T, H) with the top layer's H.
    """
    ### BEGIN SOLUTION
    states = [x.new_zeros(len(x), len(b)) for _, _, b in layers]
    top = []
    for t in range(x.shape[1]):
        signal = x[:, t]
        for k, (Wx, Wh, b) in enumerate(layers):
            signal = torch.tanh(signal @ Wx + states[k] @ Wh + b)
            states[k] = signal
        top.append(signal)
    return torch.stack(top, dim=1)
    ### END SOLUTION


# %% check="stacked_forward"
check("stacked_forward")

# %% free="example_stack"
# The example by hand: this should print 0.432.
with when_solved():
    one, zero = torch.ones(1, 1), torch.zeros(1)
    h = stacked_forward(torch.full((1, 1, 1), 0.5), [(one, one, zero), (one, one, zero)])
    print(round(h.item(), 3))

# %% [markdown]
# ## Part 2: both ways
#
# Section: [chapter 8, "Both ways"]({BOOK}/chapters/08-architectures.html#bidirectional).
#
# Where a sequence is there as a whole, nothing keeps a layer from reading it from the end as
# well. A bidirectional layer is two layers with weights of their own, and at place $t$ it returns
#
# $$\bigl[\,\text{summary of } x_1, \dots, x_t \;;\; \text{summary of } x_t, \dots,
# x_{\mathrm{len}}\,\bigr].$$
#
# ### Exercise 2: `reverse_padded` (3 points)
#
# Section: [chapter 8, "Padding: reverse within the
# length"]({BOOK}/chapters/08-architectures.html#reverse-within-length).
#
# To read from the end, turn each row around *within its length*. The dots are padding:
#
# | row | length | turned around |
# |---|---|---|
# | `a b c d e` | 5 | `e d c b a` |
# | `a b c · ·` | 3 | `c b a · ·` |
# | `a · · · ·` | 1 | `a · · · ·` |
# | `· · · · ·` | 0 | `· · · · ·` |
#
# **Why.** A layer that reads a row flipped as a whole meets the padding first, and whatever it
# says then depends on how long the *other* rows are.
#
# **Watch for.** The first real place of a row goes to place `length - 1`. To which place does
# place $t$ go? Do not look at what stands in a place to find out whether it is padding: padding
# may be any number, and a real input may be zero.


# %% exercise="reverse_padded"
def reverse_padded(x, lengths):
    """Turn each row around within its length.

    Args:
        x: the inputs, shape (N, T, D).
        lengths: how many places of each row are real, from 0 to T, long tensor, shape (N,).

    Returns:
        A tensor of the shape of x: the real places of each row in reverse order, the padding
        where and as it was.
    """
    ### BEGIN SOLUTION
    place = torch.arange(x.shape[1])
    mirrored = lengths[:, None] - 1 - place
    source = torch.where(mirrored >= 0, mirrored, place)
    return x[torch.arange(len(x))[:, None], source]
    ### END SOLUTION


# %% check="reverse_padded"
check("reverse_padded")

# %% [markdown]
# ### Exercise 3: `bidirectional_forward` (5 points)
#
# **Why.** A word is often explained by what comes after it. Taggers, speech recognisers and the
# encoder of a translator read both ways.
#
# **Watch for.**
#
# - Both halves of place $t$ contain $x_t$ itself.
# - The backward layer says its first word about the *last* real place. Where does that have to
#   stand in the result?
# - Padding holds zeros in the result, whatever it held before. A layer with a bias gives no zeros
#   by itself, not even for zeros.
#
# An example: a row $x = (1, 2)$ in a batch with $T = 3$, one unit per direction, both with $W_x =
# 1$, $W_h = 0$ and $b = 0$. Without memory, both summaries are $\tanh(x_t)$, so the result is
# $(0.762, 0.762)$, $(0.964, 0.964)$, $(0, 0)$. Give the backward layer $W_h = 1$ and do it again:
# which of its numbers changes?


# %% exercise="bidirectional_forward"
def bidirectional_forward(x, lengths, forward, backward):
    """A bidirectional tanh layer over a padded batch; both directions start from zero.

    Args:
        x: the inputs, shape (N, T, D).
        lengths: how many places of each row are real, from 0 to T, long tensor, shape (N,).
        forward: (Wx, Wh, b) of the layer that reads from the first place on.
        backward: (Wx, Wh, b) of the layer that reads from the last real place on.

    Returns:
        Shape (N, T, 2H): at each real place the summary of everything up to it, beside the
        summary of everything from it on; zeros at padding.
    """
    ### BEGIN SOLUTION
    turned = reverse_padded(x, lengths)
    onward = stacked_forward(x, [forward])
    back = reverse_padded(stacked_forward(turned, [backward]), lengths)
    both = torch.cat([onward, back], dim=2)
    inside = torch.arange(x.shape[1]) < lengths[:, None]
    return torch.where(inside[:, :, None], both, 0.0)
    ### END SOLUTION


# %% check="bidirectional_forward"
check("bidirectional_forward")

# %% free="example_both_ways"
# The example by hand: 0.762 0.762, then 0.964 0.964, then zeros; and with memory on the way back.
with when_solved():
    one, zero = torch.ones(1, 1), torch.zeros(1)
    row = torch.tensor([[[1.0], [2.0], [7.0]]])
    for Wh in (torch.zeros(1, 1), one):
        both = bidirectional_forward(row, torch.tensor([2]), (one, 0 * one, zero), (one, Wh, zero))
        print(both[0].numpy().round(3).tolist())

# %% [markdown]
# What does your layer see? The next cell asks autograd: it draws how much each half of the
# result, at each place of a row of seven with three places of padding, depends on each input.
# White means not at all. Before you run it, say which half should be a triangle below the
# diagonal, which one above it, and what the rows and columns of the padding should look like.

# %% free="picture_who_sees_whom"
with when_solved():
    torch.manual_seed(0)
    REAL, PLACES, UNITS = 7, 10, 6

    def one_direction():
        return torch.randn(3, UNITS), torch.randn(UNITS, UNITS) / UNITS**0.5, torch.randn(UNITS)

    row = torch.randn(1, PLACES, 3, requires_grad=True)
    both = bidirectional_forward(row, torch.tensor([REAL]), one_direction(), one_direction())
    fig, axes = plt.subplots(1, 2, figsize=(6.6, 3.0), sharey=True)
    for ax, half, name in zip(axes, both[0].split(UNITS, dim=1), ("first half", "second half")):
        felt = [
            torch.autograd.grad(place.sum(), row, retain_graph=True)[0][0].norm(dim=1)
            for place in half
        ]
        ax.imshow(torch.stack(felt).clamp(max=1), cmap="Greys", extent=(0.5, 10.5, 10.5, 0.5))
        ax.axhline(REAL + 0.5, color=plot.COLORS[1], linestyle="--")
        ax.axvline(REAL + 0.5, color=plot.COLORS[1], linestyle="--")
        ax.set(title=name, xlabel="depends on input")
    axes[0].set(ylabel="place of the result")
    plot.show(
        fig,
        alt="Two square maps of dependence, place of the result against input. The first half is "
        "filled below the diagonal, the second half above it, both only up to place 7.",
    )

# %% [markdown]
# ### Exercise 4: `last_states` (2 points)
#
# Section: [chapter 8, "The last state of a padded
# row"]({BOOK}/chapters/08-architectures.html#last-states).
#
# A classifier or a decoder wants one vector for the whole row: the state after the last *real*
# input. An example: in a batch with $T = 5$, a row of length 3 has it at index 2.
#
# **Why.** The last column of a short row is the state after the row *and* its padding.
#
# **Watch for.** Every row has its own place. Indices start at 0, lengths at 1.


# %% exercise="last_states"
def last_states(h, lengths):
    """The state of each row after its last real place.

    Args:
        h: the states of a layer that read the batch onward, shape (N, T, H).
        lengths: how many places of each row are real, from 1 to T, long tensor, shape (N,).

    Returns:
        Shape (N, H).
    """
    ### BEGIN SOLUTION
    row = torch.arange(len(h))
    return h[row, lengths - 1]
    ### END SOLUTION


# %% check="last_states"
check("last_states")

# %% [markdown]
# For the *backward* half of a bidirectional layer this would be the wrong place. Where has it
# read everything? [Chapter 8, "One vector for the
# sentence"]({BOOK}/chapters/08-architectures.html#sentence-vector) has the answer.
#
# ## Part 3: along a tree
#
# Section: [chapter 8, "Trees"]({BOOK}/chapters/08-architectures.html#trees).
#
# A recursive network applies one function along a tree instead of a chain. A leaf is a vector of
# $H$ numbers. A node joins the vectors of its two children,
#
# $$p = \tanh(l\, W_l + r\, W_r + b),$$
#
# with the same weights everywhere. The vector of the root stands for the whole tree.

# %% free="picture_tree"
fig = diagrams.tree()
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# ### Exercise 5: `tree_rnn` (4 points)
#
# In the code a tree is either a vector, which is a leaf, or a pair `(left, right)` of two trees.
# So `(u, (v, w))` first joins `v` and `w`, then `u` with the result.
#
# An example with $H = 1$: $W_l = 1$, $W_r = 2$, $b = 0$, and the tree $(0.1, (0.2, 0.3))$. The
# inner pair gives $\tanh(0.2 + 0.6) = 0.664$, the root $\tanh(0.1 + 1.328) = 0.891$.
#
# **Why.** Expressions and parsed sentences have a structure that a chain over the leaves does not
# see: $(u\,(v\,w))$ and $((u\,v)\,w)$ have the same leaves.
#
# **Watch for.** What is the value of a tree that is a single leaf? Trees may be as lopsided as
# they like. How does your function tell a leaf from a pair? The weights are the same at all
# depths.


# %% exercise="tree_rnn"
def tree_rnn(tree, Wl, Wr, b):
    """The vector of a tree.

    Args:
        tree: a vector of shape (H,), which is a leaf and is returned as it is, or a tuple
            (left, right) of two trees.
        Wl: weights of the left child, shape (H, H).
        Wr: weights of the right child, shape (H, H).
        b: bias of a node, shape (H,).

    Returns:
        Shape (H,).
    """
    ### BEGIN SOLUTION
    if isinstance(tree, torch.Tensor):
        return tree
    left = tree_rnn(tree[0], Wl, Wr, b)
    right = tree_rnn(tree[1], Wl, Wr, b)
    return torch.tanh(left @ Wl + right @ Wr + b)
    ### END SOLUTION


# %% check="tree_rnn"
check("tree_rnn")

# %% free="example_tree"
# The example by hand: this should print 0.891, and 0.786 with the brackets the other way round.
with when_solved():
    u, v, w = torch.tensor([[0.1], [0.2], [0.3]])
    weights = torch.ones(1, 1), 2 * torch.ones(1, 1), torch.zeros(1)
    print(round(tree_rnn((u, (v, w)), *weights).item(), 3))
    print(round(tree_rnn(((u, v), w), *weights).item(), 3))

# %% [markdown]
# ## Part 4: from sequence to sequence
#
# Section: [chapter 8, "Encoder and
# decoder"]({BOOK}/chapters/08-architectures.html#encoder-decoder).
#
# A translator reads $n_x$ symbols and writes $n_y$, and $n_y$ is not known beforehand. An
# *encoder* reads the source into a context, a *decoder* writes the output from it, one symbol at
# a time, and says itself when it is done.

# %% free="picture_encoder_decoder"
fig = diagrams.encoder_decoder(3, 3)
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# ### Exercise 6: `shift_targets` (3 points)
#
# Section: [chapter 8, "Shift and pad"]({BOOK}/chapters/08-architectures.html#shift-and-pad).
#
# In training the decoder hears, at every step, the right symbol of the step before, and must say
# the next one. Two extra symbols make that work at both ends: `bos` is heard first, `eos` is said
# last. With `bos = 1`, `eos = 2`, `pad = 0` and the targets `[[5, 6, 7], [], [8]]`:
#
# | | `decoder_in` | `decoder_out` |
# |---|---|---|
# | `[5, 6, 7]` | `1 5 6 7` | `5 6 7 2` |
# | `[]` | `1 0 0 0` | `2 0 0 0` |
# | `[8]` | `1 8 0 0` | `8 2 0 0` |
#
# **Why.** If the decoder heard the symbol that it has to say, it would learn to copy, reach a
# wonderful loss, and write nonsense ([chapter 8, "Teacher
# forcing"]({BOOK}/chapters/08-architectures.html#teacher-forcing)).
#
# **Watch for.**
#
# - How long is the longest row of the result? What if all targets are empty?
# - `eos` is never an input, not in short rows either: compare the table.
# - Ids are integers, so the results are long tensors. The lists of the caller stay as they are.


# %% exercise="shift_targets"
def shift_targets(target, bos, eos, pad):
    """Inputs and outputs of the decoder for teacher forcing.

    Args:
        target: N lists of ids, of any lengths, possibly empty. They are not changed.
        bos: the id that the decoder hears first.
        eos: the id that it says last.
        pad: the id that fills short rows.

    Returns:
        decoder_in: bos and the ids of each row, then pad, long tensor of shape (N, M), where M is
            the length of the longest target plus 1.
        decoder_out: the ids of each row and eos, then pad, of the same type and shape.
    """
    ### BEGIN SOLUTION
    M = max(len(ids) for ids in target) + 1
    decoder_in = torch.full((len(target), M), pad)
    decoder_out = torch.full((len(target), M), pad)
    for n, ids in enumerate(target):
        decoder_in[n, : len(ids) + 1] = torch.tensor([bos, *ids])
        decoder_out[n, : len(ids) + 1] = torch.tensor([*ids, eos])
    return decoder_in, decoder_out
    ### END SOLUTION


# %% check="shift_targets"
check("shift_targets")

# %% [markdown]
# ### Exercise 7: `masked_cross_entropy` (4 points)
#
# Section: [chapter 8, "The masked loss,
# again"]({BOOK}/chapters/08-architectures.html#masked-loss-again).
#
# The loss is the mean, over the tokens whose target is not `pad`, of minus the logarithm of the
# probability that the softmax gives to the target.
#
# An example with $V = 2$ and `pad = 0`: one row with the targets `[1, 0, 0]`. Only the first
# place counts, whatever the other two places predict. With the logits $(0, 0)$ there, the loss is
# $\log 2 = 0.693$, not a third of it.
#
# **Why.** If padding counted, the loss would depend on how a batch was put together, and the
# decoder would learn to predict padding.
#
# **Watch for.**
#
# - What is averaged: over rows, over places, or over tokens? Rows have different numbers of them.
# - The id `pad` may be any class, not only 0, and it has a score like the others.
# - The library's loss has opinions about which axis holds the classes. If $T = V$, the wrong axis
#   raises no error.
# - A batch may have no real token at all. The mean over nothing is not a number, and one such
#   number ruins all weights. Return 0 then, so that `backward()` works and gives zeros.
# - Logits of 10000 are legal.


# %% exercise="masked_cross_entropy"
def masked_cross_entropy(logits, targets, pad):
    """Mean cross-entropy over the tokens whose target is not pad.

    Args:
        logits: scores before the softmax, shape (N, T, V).
        targets: ids from 0 to V - 1, long tensor, shape (N, T).
        pad: the id, also from 0 to V - 1, whose tokens do not count.

    Returns:
        The loss in nats, a tensor without axes (shape ()); 0 with gradient 0 if nothing counts.
    """
    ### BEGIN SOLUTION
    log_probs = torch.log_softmax(logits, dim=2)
    of_target = log_probs.gather(2, targets[:, :, None])[:, :, 0]
    real = targets != pad
    return -(of_target * real).sum() / real.sum().clamp(min=1)
    ### END SOLUTION


# %% check="masked_cross_entropy"
check("masked_cross_entropy")

# %% free="example_loss"
# The example by hand: this should print 0.693 twice, and then 0.0.
with when_solved():
    scores = torch.tensor([[[0.0, 0.0], [3.0, -1.0], [0.5, 2.0]]])
    print(round(masked_cross_entropy(scores, torch.tensor([[1, 0, 0]]), pad=0).item(), 3))
    print(round(masked_cross_entropy(scores[:, :1], torch.tensor([[1]]), pad=0).item(), 3))
    print(abs(round(masked_cross_entropy(scores, torch.tensor([[0, 0, 0]]), pad=0).item(), 3)))

# %% [markdown]
# ### Exercise 8: `Seq2Seq` (12 points)
#
# Sections: [chapter 8, "Encoder and
# decoder"]({BOOK}/chapters/08-architectures.html#encoder-decoder), ["A
# translator"]({BOOK}/chapters/08-architectures.html#training-a-translator) and ["Greedy
# decoding"]({BOOK}/chapters/08-architectures.html#greedy-decoding).
#
# Now a whole model, as a module of PyTorch. How it looks inside is up to you: `nn.RNN`, `nn.GRU`,
# `nn.LSTM` or your own step, with packed sequences or with `last_states`, the context as initial
# state or at every step. It needs an embedding of the source symbols, an encoder, an embedding of
# the output symbols, a decoder, and a layer that makes `vocab_out` logits from a state. Give all
# of them the width `dim`.
#
# **Why.** Translation, summaries, speech, captions: the same module, with another encoder.
#
# **Watch for.** The check does not look inside; it asks what any translator must fulfil.
#
# - *Source*: every real symbol of the source matters, and so does their order.
# - *Past*: the logits of step $t$ depend on every decoder input up to step $t$, and
#   *not* on later ones.
# - *Padding*: ids behind the end of a source, and how many there are, change nothing.
# - *Rows*: a row alone gives the same as in a batch.
# - *Greedy*: start with `bos`, take the symbol with the highest logit, hear it at the next step.
#   Two things travel from step to step. Each row stops at its own `eos`, even if others go on,
#   and `eos` is not part of the result. No row gets longer than `max_len`. The result is a list of
#   `N` lists of `int`.
# - *Parameters*: all layers must be attributes of the module, so that an optimizer finds them.
# - *Learning*: the check trains your module for about a second on a small task: to write rows of
#   two to four symbols backwards and in another alphabet. It then counts how many rows, none of
#   which was in training, `greedy` writes without a mistake.
#
# What `encode` returns is your own business; only your own methods read it.


# %% exercise="Seq2Seq"
class Seq2Seq(nn.Module):
    """An encoder that reads a padded source, and a decoder that writes from what it has read."""

    def __init__(self, vocab_in, vocab_out, dim):
        """Make the layers.

        Args:
            vocab_in: how many source symbols there are.
            vocab_out: how many output symbols there are, the special ones included.
            dim: the width of embeddings and states.
        """
        super().__init__()
        ### BEGIN SOLUTION
        self.look = nn.Embedding(vocab_in, dim)
        self.reader = nn.GRU(dim, dim, batch_first=True)
        self.listen = nn.Embedding(vocab_out, dim)
        self.writer = nn.GRU(dim, dim, batch_first=True)
        self.score = nn.Linear(dim, vocab_out)
        ### END SOLUTION

    def encode(self, src, lengths):
        """Read the source.

        Args:
            src: ids of source symbols, long tensor, shape (N, T).
            lengths: how many of them are real in each row, from 1 to T, long tensor, shape (N,).

        Returns:
            What the decoder starts from, in any form.
        """
        ### BEGIN SOLUTION
        h, _ = self.reader(self.look(src))
        context = last_states(h, lengths)
        return context[None]
        ### END SOLUTION

    def forward(self, src, lengths, decoder_in):
        """Logits of all steps for known decoder inputs.

        Args:
            src: ids of source symbols, long tensor, shape (N, T).
            lengths: how many of them are real in each row, long tensor, shape (N,).
            decoder_in: ids that the decoder hears, long tensor, shape (N, M).

        Returns:
            logits: scores of the symbol to say at each step, shape (N, M, vocab_out).
        """
        ### BEGIN SOLUTION
        state = self.encode(src, lengths)
        h, _ = self.writer(self.listen(decoder_in), state)
        return self.score(h)
        ### END SOLUTION

    def greedy(self, src, lengths, bos, eos, max_len):
        """Write without a teacher: hear what was said, say what scores highest.

        Args:
            src: ids of source symbols, long tensor, shape (N, T).
            lengths: how many of them are real in each row, long tensor, shape (N,).
            bos: the id that the decoder hears first.
            eos: the id with which it says that it is done.
            max_len: how many symbols it may write at most.

        Returns:
            A list of N lists of ints: what each row says before its first eos.
        """
        ### BEGIN SOLUTION
        state = self.encode(src, lengths)
        heard = torch.full((len(src), 1), bos)
        said = [heard]
        for _ in range(max_len):
            h, state = self.writer(self.listen(heard), state)
            heard = self.score(h).argmax(dim=2)
            said.append(heard)
        rows = torch.cat(said, dim=1)[:, 1:].tolist()
        return [row[: row.index(eos)] if eos in row else row for row in rows]
        ### END SOLUTION


# %% check="Seq2Seq"
check("Seq2Seq")
