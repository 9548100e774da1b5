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
import torch.nn.functional as F  # noqa: F401  (for your own code)
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
        print([[round(number, 3) for number in place] for place in both[0].tolist()])

# %% [markdown]
# What does your layer see? The next cell asks autograd: it draws how much each half of the
# result, at each place of a row of seven with three places of padding, depends on each input.
# The scale is logarithmic, and white means not at all. Before you run it, say which half should
# be a triangle below the diagonal, which one above it, and what the rows and columns of the
# padding should look like.

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
        size = torch.stack(felt)
        shade = torch.where(size > 0, (size.clamp(min=1e-6).log10() + 8) / 8, 0.0)
        ax.imshow(shade.numpy(), cmap="Greys", vmin=0, vmax=1, extent=(0.5, 10.5, 10.5, 0.5))
        ax.axhline(REAL + 0.5, color=plot.COLORS[1], linestyle="--")
        ax.axvline(REAL + 0.5, color=plot.COLORS[1], linestyle="--")
        ax.set(title=name, xlabel="depends on input", xticks=range(1, 11), yticks=range(1, 11))
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
# - *Parameters*: all layers must be attributes of the module, so that an optimizer finds them, and
#   the gradient of a loss must reach every parameter.
# - *Learning*: the check trains your module, which takes one or two seconds, on a small task: to
#   write rows of two or three symbols backwards and in another alphabet. It then counts how many
#   rows, none of which was in training, `greedy` writes without a mistake: a quarter is enough.
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

# %% [markdown]
# ## Part 5: a translator
#
# Your translator learns to read Roman numerals: `MCMXCIV` is to become `1994`, letter by letter
# in, digit by digit out. Lengths do not correspond (`VIII` has four letters and one digit, `M` one
# letter and four digits), and a letter means different things in different places (`X` in `XL`
# and in `LX`), so nothing can be translated symbol by symbol.
#
# It is trained on numbers up to 1999 whose numeral has at most eight letters. Three hundred of
# those are kept for the test, and so are *all* longer ones: no numeral with nine letters or more
# was ever seen. The first cell has the data and the training loop, which uses all of your
# functions; the second cell trains, which takes some seconds.


# %% free="translator"
PAD, BOS, EOS = 0, 1, 2
DIGITS = "_^$0123456789"
LETTERS = "_IVXLCDM"


def roman(number):
    """A number as a Roman numeral."""
    text = ""
    for power, (one, five, ten) in zip((1000, 100, 10, 1), ("M__", "CDM", "XLC", "IVX")):
        digit = number // power % 10
        pattern = ("", "1", "11", "111", "15", "5", "51", "511", "5111", "1T")[digit]
        text += pattern.replace("1", one).replace("5", five).replace("T", ten)
    return text


def as_ids(texts, symbols):
    """The ids of texts of different lengths, padded, and their lengths."""
    lengths = torch.tensor([len(text) for text in texts])
    ids = torch.zeros(len(texts), int(lengths.max()), dtype=torch.long)
    for n, text in enumerate(texts):
        ids[n, : len(text)] = torch.tensor([symbols.index(c) for c in text])
    return ids, lengths


def fit(model, draw, symbols_in, symbols_out, updates, rate=0.01):
    """Train on `draw() -> (sources, targets)`, two lists of texts; return the losses."""
    optimizer = torch.optim.Adam(model.parameters(), rate)
    losses = []
    for _ in range(updates):
        sources, targets = draw()
        heard, said = shift_targets(
            [[symbols_out.index(c) for c in t] for t in targets], BOS, EOS, PAD
        )
        logits = model(*as_ids(sources, symbols_in), heard)
        loss = masked_cross_entropy(logits, said, PAD)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def translate(model, sources, symbols_in, symbols_out, max_len):
    """What the model writes, as texts."""
    rows = model.greedy(*as_ids(sources, symbols_in), BOS, EOS, max_len)
    return ["".join(symbols_out[i] for i in row) for row in rows]


# %% free="experiment"
def learn_roman(longest=8, dim=48, updates=600, batch=64, seed=0):
    """Train on short numerals; return the losses and the accuracy on new ones, by length."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(np.arange(1, 2000))
    short = [n for n in numbers if len(roman(n)) <= longest]
    new, known = short[:300] + [n for n in numbers if len(roman(n)) > longest], short[300:]

    def draw():
        chosen = rng.choice(known, batch)
        return [roman(n) for n in chosen], [str(n) for n in chosen]

    model = Seq2Seq(len(LETTERS), len(DIGITS), dim)
    losses = fit(model, draw, LETTERS, DIGITS, updates)
    answers = translate(model, [roman(n) for n in new], LETTERS, DIGITS, max_len=6)
    right = {}
    for n, answer in zip(new, answers):
        right.setdefault(len(roman(n)), []).append(answer == str(n))
    for n, answer in [*zip(new, answers)][:4] + [*zip(new, answers)][300:308]:
        note = "" if answer == str(n) else f"   wrong, it is {n}"
        print(f"{roman(n):>12s} ({len(roman(n)):2d} letters) -> {answer}{note}")
    return losses, {n: np.mean(right[n]) for n in sorted(right) if len(right[n]) > 1}


with when_solved():
    losses, by_length = learn_roman()
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.0))
    left.plot(np.convolve(losses, np.ones(10) / 10, mode="valid"), **plot.series(0))
    left.set(xlabel="update", ylabel="loss (nats per symbol)", ylim=(0, None))
    right.plot(list(by_length), list(by_length.values()), **plot.series(0, marker=True))
    right.axvline(8.5, color=plot.FAINT, linestyle=":")
    right.set(xlabel="letters of the numeral", ylabel="numbers read right", ylim=(0, 1.05))
    right.set_xticks(list(by_length))
    found = ", ".join(f"{share:.2f} at {length}" for length, share in by_length.items())
    plot.show(
        fig,
        alt="Left: the training loss falls towards zero. Right: share of new numerals that are "
        f"read right, by their length: {found}. A line marks the longest numerals in training.",
    )

# %% [markdown]
# Up to eight letters the translator has understood numerals: those of the test were not in
# training. Beyond them it goes on for a while and then fails more and more. Is it the *length*
# that it cannot deal with?
#
# ## Part 6: how much fits into a context
#
# Section: [chapter 8, "A fixed context is a
# bottleneck"]({BOOK}/chapters/08-architectures.html#fixed-context).
#
# All that your decoder knows of the source goes through a context of fixed size. The same module
# now learns to write random words backwards. A long numeral is not much harder to keep in mind
# than a short one, as it is still one number below 2000; in a random word every letter is news.
# The cell trains two modules on words of one to five letters, with a narrow context and a wide
# one, and tests both on words of one to nine letters.

# %% free="bottleneck"
ALPHABET = "_^$abcdefghij"


def words(rng, count, shortest, longest):
    """Random words of different lengths."""
    sizes = rng.integers(shortest, longest + 1, count)
    return ["".join(rng.choice(list(ALPHABET[3:]), size)) for size in sizes]


def learn_to_reverse(dim, longest=5, updates=700, batch=64, seed=0):
    """Train on words of up to `longest` letters; return the share of right words by length."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)

    def draw():
        drawn = words(rng, batch, 1, longest)
        return drawn, [word[::-1] for word in drawn]

    model = Seq2Seq(len(ALPHABET), len(ALPHABET), dim)
    fit(model, draw, ALPHABET, ALPHABET, updates, rate=0.005)
    shares = {}
    for length in range(1, 10):
        new = words(rng, 200, length, length)
        answers = translate(model, new, ALPHABET, ALPHABET, max_len=12)
        letters = [
            sum(a == b for a, b in zip(answer, word[::-1])) for word, answer in zip(new, answers)
        ]
        shares[length] = sum(letters) / (200 * length)
        if length in (3, 5, 7, 9):
            print(f"{dim:3d} numbers: {new[0]:>9s} -> {answers[0]}")
    return shares


with when_solved():
    curves = {dim: learn_to_reverse(dim) for dim in (12, 64)}
    fig, ax = plt.subplots(figsize=(5.6, 3.0))
    for i, (dim, shares) in enumerate(curves.items()):
        ax.plot(*zip(*shares.items()), label=f"{dim} numbers", **plot.series(i, marker=True))
    ax.axvline(5.5, color=plot.FAINT, linestyle=":")
    ax.set(xlabel="letters of the word", ylabel="share of right letters", ylim=(0, 1.05))
    ax.legend(title="context")
    found = "; ".join(
        f"{dim} numbers: " + ", ".join(f"{share:.2f} at {n}" for n, share in shares.items())
        for dim, shares in curves.items()
    )
    plot.show(
        fig,
        alt="Share of right letters by the length of the word, for two sizes of the context. "
        f"{found}. A line marks the longest words in training.",
    )

# %% [markdown]
# Look at the attempts beyond five letters. Which letters are right, those that were read first or
# those that were read last? Does the module stop in time? Change something and see whether the
# edge moves: `dim`, `updates`, the longest word in training. [Chapter
# 8]({BOOK}/chapters/08-architectures.html#fixed-context) says what later architectures do about
# it.
#
# ## Part 7: in words
#
# This answer is read and marked by a person (6 points).

# %% [markdown]
# ### Question: what an output may see (6 points)
#
# Answer in whole sentences, together at most about 200 words. Formulas are welcome and not
# required.
#
# 1. Somebody trains a language model with a bidirectional layer: the state at place $t$ has to
#    predict $x_{t+1}$. After a few minutes the loss on new text is 0.01 nats per character. Why is
#    that no success, and which *test* of the model, other than the loss, shows it?
# 2. The loss of a row of three letters changes when a row of ten letters joins its batch. Name two
#    different mistakes that can be the reason, and for each a batch on which it does *not* show.
# 3. In training your decoder hears the right symbols. Why is that not a trick but what maximum
#    likelihood asks for? And why can the accuracy in training, symbol by symbol, be higher than
#    the accuracy of what `greedy` writes?

# %% [markdown] written="what_an_output_may_see" points=6
# ### BEGIN SOLUTION
# **Model answer.**
#
# 1. The backward half at place t is a summary of x_t, x_{t+1} and everything after, so the answer
#    is part of the input and the model copies it. When text is generated, x_{t+1} does not exist
#    yet. Tests: change x_{t+1} and see whether the prediction at t changes (it must not); let the
#    model predict with the future cut off, or generate, and the result is no better than guessing;
#    train on random symbols, whose entropy no honest model gets below.
#
# 2. (a) The backward layer flips whole rows, so it reads the padding of the short row first; does
#    not show if all rows of the batch have the same length. (b) The context is the last column in
#    place of the state at the row's last real place; does not show for equal lengths either, or
#    for the longest row of a batch. (c) Padding counts in the loss; does not show if there is no
#    padding. (d) The loss is divided by N T. Each needs a batch with rows of different lengths.
#
# 3. By the chain rule the log-likelihood of the output is a sum of the terms log p(y_t | y_1, ...,
#    y_{t-1}, x), evaluated at the data, so the conditions hold the true symbols. Free-running, the
#    decoder hears its own symbols. Up to the first mistake of a row both are the same; after it
#    the decoder is in a situation that training never showed it, while in training it is told the
#    right symbol and recovers, so that one mistake costs one symbol.
#
# **Marking scheme (6 points).**
#
# - Question 1: 1 point for the answer being part of the input by way of the backward half, 1 point
#   for a test that would show it (dependence on a later input, generation, random symbols).
# - Question 2: half a point for each of two different mistakes, half a point for each batch that
#   hides it. Two wordings of one mistake count once.
# - Question 3: 1 point for the chain rule with the conditions at the data, 1 point for what
#   follows the first mistake. "Exposure bias" alone, without what happens, earns half a point.
# - Do not take points off for language, or for length up to 300 words.
# ### END SOLUTION
