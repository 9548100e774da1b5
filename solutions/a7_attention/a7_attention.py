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
# # Assignment 7: attention
#
# Here you build a captioner that looks at the image again before every word. You write the look
# itself, the network around it, two losses that go with it, and then what most people leave out:
# a measure of *whether it looks where it should*. Your captioner is accepted by what it says and
# by where it looks, and at the end you train one with a well-known mistake in its input, whose
# loss falls and whose maps are worthless.
#
# The chapter that explains it is [chapter 11, "Attention: a look at the image for every
# word"]({BOOK}/chapters/11-attention.html). Each exercise names its section.

# %% [markdown]
# ## How to work with this notebook
#
# - PyTorch computes the gradients, so you only write the way forward. The checks still look at
#   the gradients: a result whose graph is cut (by `.detach()`, `.data`, `.item()`, `.numpy()`, or
#   by `torch.tensor(...)` around something that was computed) is a mistake. Exercises 6 and 7 are
#   the exception: a map and a hit rate are there to be looked at, and nobody asks for their
#   gradient.
# - Results have the type of the input: the checks hand in float64 and expect float64. Make new
#   tensors from the ones that you have, for example with `a.new_zeros(...)`, and this comes by
#   itself.
# - Functions are pure: never write into a tensor or dict that you were given.
# - You may use everything that PyTorch offers, and your own earlier functions. Loops over the
#   steps are fine, loops over rows and places too; they are only slower.
# - Write your code where the cell says `YOUR CODE HERE`, then run the cell `check("...")` below
#   it. The same check with other inputs decides the points. Every result counts on its own.
#
# ## Shapes
#
# | in the book | in the code | shape | what it is |
# |---|---|---|---|
# | $a_1 \dots a_L$ | `a` | $(N, L, D)$ | regions: what is at each of $L$ places, $D$ numbers each |
# | $h_{t-1}$ | `h` | $(N, H)$ | the state that asks |
# | $W_a$, $W_q$, $v$ | `Wa`, `Wh` or `Wq`, `v` | $(D, K)$, $(H, K)$, $(K,)$ | of the scores |
# | $e_t$, $\alpha_t$ | `e`, `alpha` | $(N, L)$ | scores and weights of one step |
# | $\alpha_1 \dots \alpha_T$ | `alphas` | $(N, T, L)$ | weights of all steps |
# | $z_t$ | `z` | $(N, D)$ | the context: what was seen in one look |
# | $o_1 \dots o_T$ | `logits` | $(N, T, V)$ | scores of $V$ words, before the softmax |
#
# Places are numbered row by row, from 0 at the top left.

# %% locked="setup"
import traceback
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from unrolled import check, plot
from unrolled.data import scenes

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
# ## Part 1: one look
#
# ### Exercise 1: `additive_scores` (3 points)
#
# Section: [chapter 11, "Scores"]({BOOK}/chapters/11-attention.html#additive-scores).
#
# How well does place $l$ fit what the state wants to know? Both are mapped into a space of $K$
# dimensions, added, squashed, and read off by a vector:
#
# $$e_l = \tanh\bigl(a_l W_a + h W_h\bigr) \cdot v .$$
#
# An example to do by hand first: one place and all widths 1, with $a = 0.5$, $h = 1$, and all
# weights 1. The score is $\tanh(1.5) = 0.905$.
#
# **Why.** A region and a state have different lengths and different meanings; this is how they are
# made comparable.
#
# **Watch for.** There are $L$ regions in a row of the batch and only one state. Write down the
# shapes of the two terms before you add them: with as many rows as places, a wrong sum runs, too.


# %% exercise="additive_scores"
def additive_scores(a, h, Wa, Wh, v):
    """How well each place fits what the state asks for.

    Args:
        a: regions, shape (N, L, D).
        h: the state that asks, one per row, shape (N, H).
        Wa: weights of the regions, shape (D, K).
        Wh: weights of the state, shape (H, K).
        v: what reads off the score, shape (K,).

    Returns:
        e: scores, shape (N, L).
    """
    ### BEGIN SOLUTION
    query = h @ Wh
    return torch.tanh(a @ Wa + query[:, None]) @ v
    ### END SOLUTION


# %% check="additive_scores"
check("additive_scores")

# %% free="example_score"
# The example by hand: this should print 0.905.
with when_solved():
    one = torch.ones(1, 1)
    print(round(additive_scores(torch.full((1, 1, 1), 0.5), one, one, one, one[0]).item(), 3))

# %% [markdown]
# ### Exercise 2: `attend` (5 points)
#
# Sections: [chapter 11, "Softmax over the
# places"]({BOOK}/chapters/11-attention.html#softmax-over-places), ["The
# context"]({BOOK}/chapters/11-attention.html#context-vector) and ["Places that are not
# there"]({BOOK}/chapters/11-attention.html#masked-places).
#
# The scores become shares of one look, and the look sees a mean of the regions:
#
# $$\alpha_l = \frac{\exp(e_l)}{\sum_k \exp(e_k)}, \qquad z = \sum_l \alpha_l\, a_l .$$
#
# With a mask only the places where it is `True` take part: the others have the weight 0, and the
# rest sums to 1. A row in which nothing is kept sees nothing: its weights and its context are 0.
#
# An example to do by hand: regions $(1, 0)$, $(0, 1)$, $(1, 1)$ and scores $(\ln 2, 0, 0)$ give
# $\alpha = (\frac12, \frac14, \frac14)$ and $z = (\frac34, \frac12)$.
#
# **Why.** Rows of a batch differ in how many places they have. What stands in a place that is not
# there must not matter, however large it is.
#
# **Watch for.**
#
# - Over which axis do the weights sum to 1? With one row in the batch, the wrong one gives ones.
# - `mask` may be `None`: then all places are kept.
# - Scores may be as large as 10,000, also those behind the mask.
# - A row with nothing to keep: not only the results have to be 0. One *not a number* in its
#   gradient, and after the next update all weights are *not a number*. The check looks at it.


# %% exercise="attend"
def attend(a, e, mask):
    """One look: weights of the places, and the mean of the regions with these weights.

    Args:
        a: regions, shape (N, L, D).
        e: scores, shape (N, L).
        mask: which places are there (True: keep), bool, shape (N, L), or None for all.

    Returns:
        z: what is seen, shape (N, D); zeros for a row with nothing to keep.
        alpha: weights of the places, shape (N, L); they sum to 1 in every row, or are all zero.
    """
    ### BEGIN SOLUTION
    keep = torch.ones_like(e, dtype=torch.bool) if mask is None else mask
    some = keep.any(dim=1, keepdim=True)
    alpha = torch.softmax(e.masked_fill(~keep & some, -torch.inf), dim=1) * keep
    z = (alpha[:, :, None] * a).sum(dim=1)
    return z, alpha
    ### END SOLUTION


# %% check="attend"
check("attend")

# %% free="example_look"
# The example by hand; then the same with the third place masked, and with all of them masked.
with when_solved():
    regions = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    scores = torch.tensor([[np.log(2), 0.0, 0.0]], dtype=torch.float32)
    for kept in ([True, True, True], [True, True, False], [False, False, False]):
        z, alpha = attend(regions, scores, torch.tensor([kept]))
        print(f"keep {kept!s:22} alpha {alpha[0].numpy().round(3)}   z {z[0].numpy().round(3)}")

# %% [markdown]
# ## Part 2: the captioner
#
# ### Exercise 3: `attention_captioner_forward` (6 points)
#
# Sections: [chapter 11, "The captioner"]({BOOK}/chapters/11-attention.html#attention-captioner)
# and ["Who asks"]({BOOK}/chapters/11-attention.html#query-is-the-last-state).
#
# Before each word the network looks, and the state *before* the step asks. With $h_0 = 0$ and $x_t$
# the row of `embed` for the $t$-th id,
#
# $$\begin{aligned}
# e_{tl} &= \tanh\bigl(a_l W_a + h_{t-1} W_q\bigr) \cdot v, \qquad
# \alpha_t = \operatorname{softmax}(e_t), \qquad z_t = \sum_l \alpha_{tl}\, a_l , \\
# h_t &= \tanh\bigl(x_t W_x + z_t W_z + h_{t-1} W_h + b\bigr), \qquad o_t = h_t W_o + b_o .
# \end{aligned}$$
#
# The step is the vanilla one, so that nothing hides in a gate. The regions are the *values* as
# well: what is averaged is `a`, not `a @ Wa`.
#
# **Why.** The context is an input of the step that says the word, so it has to be there first. At
# the first step the state is zero and asks the same of every image; the network can still look at
# the right place, since the regions say where they are.
#
# **Watch for.** Draw the order of computation of one step before you write it. Which state exists
# when the look is taken? The parameter that `additive_scores` calls `Wh` is `Wq` here: `Wh` is the
# matrix from state to state.


# %% exercise="attention_captioner_forward"
def attention_captioner_forward(a, captions_in, params):
    """Logits of all words for known words before them, and where the network looked.

    Args:
        a: regions, shape (N, L, D).
        captions_in: ids of the words before those to say, from START on, long tensor, shape (N, T).
        params: a dict with embed (V, E), Wx (E, H), Wz (D, H), Wh (H, H), b (H,), Wa (D, K),
            Wq (H, K), v (K,), Wo (H, V) and bo (V,).

    Returns:
        logits: scores of the word to say at each step, shape (N, T, V).
        alphas: weights of the places at each step, shape (N, T, L).
    """
    ### BEGIN SOLUTION
    h = a.new_zeros(len(a), len(params["b"]))
    states, alphas = [], []
    for ids in captions_in.T:
        e = additive_scores(a, h, params["Wa"], params["Wq"], params["v"])
        z, alpha = attend(a, e, None)
        word = params["embed"][ids]
        inward = word @ params["Wx"] + z @ params["Wz"] + params["b"]
        h = torch.tanh(inward + h @ params["Wh"])
        states.append(h)
        alphas.append(alpha)
    logits = torch.stack(states, dim=1) @ params["Wo"] + params["bo"]
    return logits, torch.stack(alphas, dim=1)
    ### END SOLUTION


# %% check="attention_captioner_forward"
check("attention_captioner_forward")

# %% [markdown]
# ## Part 3: two losses that go with attention
#
# ### Exercise 4: `doubly_stochastic_penalty` (3 points)
#
# Section: [chapter 11, "A penalty that wants everything
# seen"]({BOOK}/chapters/11-attention.html#doubly-stochastic).
#
# The weights of each step sum to 1 over the places. The penalty asks that over the *steps*, too,
# every place gets the same:
#
# $$P = \frac1N \sum_n \sum_l \Bigl(\frac TL - \sum_t \alpha_{ntl}\Bigr)^2 .$$
#
# **Why.** So that no part of the image is left out of the caption. Whether that helps is another
# question; the chapter measures it.
#
# **Watch for.** The paper has a 1 in the place of $T/L$. How much is there to be distributed over
# the places in $T$ steps, and how small can the penalty get in each case? An example to do by
# hand: $N = 1$, $T = 2$, $L = 4$, both steps look at place 0 only. The sums are $(2, 0, 0, 0)$, the
# target is $\frac12$, and $P = \frac94 + 3 \cdot \frac14 = 3$.


# %% exercise="doubly_stochastic_penalty"
def doubly_stochastic_penalty(alphas):
    """How unevenly the places are looked at over all steps of a caption.

    Args:
        alphas: weights of the places at each step, shape (N, T, L).

    Returns:
        The penalty, a scalar: mean over the rows of the sum over places of the squared distance
        between T / L and the sum over the steps.
    """
    ### BEGIN SOLUTION
    _, T, L = alphas.shape
    gap = T / L - alphas.sum(dim=1)
    return (gap**2).sum(dim=1).mean()
    ### END SOLUTION


# %% check="doubly_stochastic_penalty"
check("doubly_stochastic_penalty")

# %% free="example_penalty"
# The example by hand (3), and the same for weights that are all equal (0).
with when_solved():
    stare = torch.tensor([[[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]])
    print(doubly_stochastic_penalty(stare).item())
    print(doubly_stochastic_penalty(torch.full((1, 2, 4), 0.25)).item())

# %% [markdown]
# ### Exercise 5: `hard_attention_loss` (3 points)
#
# Sections: [chapter 11, "Hard attention: one place,
# drawn"]({BOOK}/chapters/11-attention.html#hard-attention) and ["The variance, and what a baseline
# does to it"]({BOOK}/chapters/11-attention.html#baseline-variance).
#
# A hard look sees one place, drawn with the probabilities $p_l$. What was drawn has no derivative,
# so the loss has to be written such that its *gradient*, averaged over the draws, is the right one:
#
# $$\text{loss} = -\frac1N \sum_n (r_n - b_n)\, \log p_n[l_n] ,$$
#
# with $l_n$ the place that was drawn for row $n$, the reward $r_n$ that followed, and a baseline
# $b_n$. Rewards and baselines are numbers here: no gradient goes to them, even if they were
# computed by a network.
#
# **Why.** With a softmax every place is seen, a bit. With 196 places, or with a camera that has to
# be turned, one may want to pay for one look only.
#
# **Watch for.** You are given $\log p$ and not $p$. The *value* of this loss says nothing about how
# good the model is, and the check looks at its gradient only.


# %% exercise="hard_attention_loss"
def hard_attention_loss(log_p, place, reward, baseline):
    """A loss whose gradient is REINFORCE's for one drawn place per row.

    Args:
        log_p: log-probabilities of the places, shape (N, L).
        place: the place that was drawn in each row, long tensor, shape (N,).
        reward: what followed, shape (N,).
        baseline: what was to be expected, shape (N,).

    Returns:
        The loss, a scalar; it has a gradient with respect to log_p alone.
    """
    ### BEGIN SOLUTION
    surplus = (reward - baseline).detach()
    drawn = log_p.gather(1, place[:, None])[:, 0]
    return -(surplus * drawn).mean()
    ### END SOLUTION


# %% check="hard_attention_loss"
check("hard_attention_loss")

# %% [markdown]
# Does it do what it should? With three places everything can be enumerated: the exact gradient of
# the expected reward, and what your loss says for each place that may be drawn. Their mean is the
# exact gradient, with any baseline; how far single draws are from it is another matter.


# %% free="reinforce"
def by_draw(scores, reward, baseline):
    """The gradient of the loss for each place that may be drawn: a row for each."""
    rows = []
    for drawn in range(len(scores)):
        e = scores.clone().requires_grad_()
        place, got = torch.tensor([drawn]), reward[[drawn]]
        log_p = torch.log_softmax(e, dim=0)[None]
        loss = hard_attention_loss(log_p, place, got, torch.full_like(got, baseline))
        rows.append(torch.autograd.grad(loss, e)[0])
    return torch.stack(rows)


with when_solved():
    scores, reward = torch.tensor([0.2, -0.4, 0.5]), torch.tensor([-4.0, -2.5, -1.0])
    p = torch.softmax(scores, dim=0)
    expected = float(p @ reward)
    print("exact gradient of -E[reward]:", (-p * (reward - expected)).numpy().round(3))
    for name, baseline in (("none", 0.0), ("mean reward", expected), ("far off", -9.0)):
        rows = by_draw(scores, reward, baseline)
        mean = p @ rows
        variance = float(p @ (rows - mean).square().sum(dim=1))
        print(f"baseline {name:12} mean {mean.numpy().round(3)}   variance {variance:6.2f}")

# %% [markdown]
# ## Part 4: maps, and a number for them
#
# ### Exercise 6: `attention_map` (4 points)
#
# Section: [chapter 11, "Maps over the image"]({BOOK}/chapters/11-attention.html#attention-maps).
#
# The weights of one word, written into the grid of the places and enlarged to the size of the
# image. Along each axis, with $g$ places and $s$ pixels, pixel $i$ lies at
#
# $$x_i = \bigl(i + \tfrac12\bigr) \frac gs - \tfrac12$$
#
# in units of places, and gets a mixture of the two places next to it (*bilinear*: in proportion to
# how near they are, along both axes). Beyond the outermost centres the border is repeated. At the
# end the map is divided by its sum, so that it is a distribution over pixels.
#
# **Why.** Place and pixel are cut from the same image. Another convention lays the corners of the
# two grids on top of each other, and its maps are off by up to half a place at the border.
#
# **Watch for.** The grid has `rows` and `columns`, in this order, and they may differ; so may those
# of the size. A size may be smaller than the grid: the formula stays the same, nothing is averaged
# beyond the two neighbours.


# %% exercise="attention_map"
def attention_map(alpha, grid, size):
    """The weights of one word as a map over the image.

    Args:
        alpha: weights of the places, row by row, shape (L,).
        grid: rows and columns of the places, (rows, columns) with rows * columns = L.
        size: rows and columns of the map.

    Returns:
        The map, shape `size`, with sum 1.
    """
    ### BEGIN SOLUTION
    rows, columns = grid
    small = alpha.reshape(1, 1, rows, columns)
    large = F.interpolate(small, tuple(size), mode="bilinear", align_corners=False)
    return large[0, 0] / large.sum()
    ### END SOLUTION


# %% check="attention_map"
check("attention_map")

# %% [markdown]
# ### Exercise 7: `pointing_accuracy` (3 points)
#
# Section: [chapter 11, "Pointing, measured"]({BOOK}/chapters/11-attention.html#pointing-measured).
#
# For each word we know the place that it is about, or that it is about none (`-1`, such as the end
# of the caption). How often does the largest weight lie on the known place?
#
# **Why.** A few maps in a figure show anything, see the box "Look, it looks" of the chapter. A
# number over all words of all images can be compared.
#
# **Watch for.** What is counted, and what is it divided by? `-1` is a fine index in Python. If the
# largest weight stands at several places, the first one counts. The result is a `float`, and 0.0 if
# no step means a place.


# %% exercise="pointing_accuracy"
def pointing_accuracy(alphas, places):
    """How often the largest weight lies on the place that a word is about.

    Args:
        alphas: weights of the places at each step, shape (N, T, L).
        places: the place that each step means, -1 for none, long tensor, shape (N, T).

    Returns:
        The share of the steps that mean a place whose largest weight is on it, a float.
    """
    ### BEGIN SOLUTION
    named = places >= 0
    hits = alphas.argmax(dim=2) == places
    return hits.sum().item() / max(named.sum().item(), 1)
    ### END SOLUTION


# %% check="pointing_accuracy"
check("pointing_accuracy")

# %% [markdown]
# ## Part 5: training
#
# ### Exercise 8: `train_attention_captioner` (6 points)
#
# Sections: [chapter 11, "The captioner"]({BOOK}/chapters/11-attention.html#attention-captioner) and
# ["Pointing, measured"]({BOOK}/chapters/11-attention.html#pointing-measured).
#
# Put the pieces together: first parameters, and then steps of a batch of captions each, trained
# with the true words as inputs. What is predicted is one word ahead of what is heard, and padding
# does not count. A step with one of PyTorch's optimizers is
#
# ```python
# optimizer.zero_grad()
# loss.backward()
# nn.utils.clip_grad_norm_(params.values(), 1.0)
# optimizer.step()
# ```
#
# The sizes are yours to choose: the widths $E$, $H$ and $K$, how many captions in a batch. So are
# the optimizer and its rate. Adam with a rate of 0.01, batches of 64 and widths of some tens work
# well.
#
# **How it is checked.** Your function gets 2,000 images of $4 \times 4$ places as regions with $D =
# 32$ numbers, of the type float32 this time, and their captions: START, colour and shape of one or
# two objects, END, padding. The ids of the words are drawn anew each time, so padding may have any
# id. Training may take 450 steps. Then its parameters read the captions of 1,000 new images, and
# two numbers are taken:
#
# - *token accuracy*: how many of the words are right, END included and padding not, when the true
#   words before are given. It must be at least 0.9. A captioner that never looks gets about 0.8.
# - *pointing*: how often the largest weight lies on the object's place. Only the *first* word about
#   each object counts, its colour: its shape is often read in the same look and need not be looked
#   at again ([chapter 11, "Shape words are read one step
#   early"]({BOOK}/chapters/11-attention.html#reads-one-step-early)). It must be at least 0.75.
#   Chance gives 0.06. An attention whose own weights are not trained is often above that, as
#   places with objects differ from empty ones, and far from the bound.
#
# Of three runs with different seeds the middle one counts, for each number; a first run that is far
# below decides alone. Correct training reaches 0.97 and 0.95. The check takes about ten seconds. It
# trains with *your* functions of exercises 1 to 3, so mend those first.
#
# **Watch for.**
#
# - The first weights. Zeros everywhere, and nothing begins to move. Normal numbers divided by the
#   root of the number of rows of the matrix keep signals at their size. Draw them with a
#   generator made from `seed`, so that the same call gives the same captioner.
# - All ten parameters have to move: an optimizer only knows those that it was given.
# - Return tensors that need no gradient any more (`.detach()`).


# %% exercise="train_attention_captioner"
def train_attention_captioner(a, captions, vocab_size, pad, steps, seed):
    """Train a captioner that looks before every word.

    Args:
        a: regions of the images, float32, shape (N, L, D).
        captions: ids of START, the words, END, then padding, long tensor, shape (N, T + 1).
        vocab_size: how many ids there are, V.
        pad: the id of padding, from 0 to V - 1.
        steps: how many updates to make, each on one batch.
        seed: an integer from which everything random follows.

    Returns:
        params: the trained parameters as attention_captioner_forward takes them, a dict of tensors.
    """
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(seed)
    D, E, H, K, batch = a.shape[2], 24, 64, 32, 64

    def normal(rows, *columns):
        drawn = torch.randn(rows, *columns, generator=rng, dtype=a.dtype)
        return drawn / rows**0.5

    params = {"embed": normal(vocab_size, E), "Wx": normal(E, H), "Wz": normal(D, H)}
    params |= {"Wh": normal(H, H), "b": a.new_zeros(H)}
    params |= {"Wa": normal(D, K), "Wq": normal(H, K), "v": normal(K)}
    params |= {"Wo": normal(H, vocab_size), "bo": a.new_zeros(vocab_size)}
    for value in params.values():
        value.requires_grad_()
    optimizer = torch.optim.Adam(params.values(), lr=0.01)
    for _ in range(steps):
        chosen = torch.randint(len(a), (batch,), generator=rng)
        heard, said = captions[chosen, :-1], captions[chosen, 1:]
        logits, _ = attention_captioner_forward(a[chosen], heard, params)
        loss = F.cross_entropy(logits.flatten(0, 1), said.flatten(), ignore_index=pad)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params.values(), 1.0)
        optimizer.step()
    return {name: value.detach() for name, value in params.items()}
    ### END SOLUTION


# %% check="train_attention_captioner"
check("train_attention_captioner")

# %% [markdown]
# ## Part 6: what your captioner sees
#
# Now with images that can be seen: three objects in $4 \times 4$ places, and captions that name
# colour and shape of each, row by row. The regions are what a convolutional network would hand on:
# what is in each place and where it is, with noise. The cell has the data and what the experiments
# need; it trains nothing.


# %% free="scenes"
SIDE = 4
known, new = scenes.make(4000, seed=0), scenes.make(500, seed=1)
WORDS = list(known.vocabulary)
PAD, START = WORDS.index("<pad>"), WORDS.index("<start>")


def as_tensors(batch, seed):
    """Regions (N, L, D), captions (N, T + 1) and the places of their words (N, T)."""
    told = scenes.encoded(batch)
    grid = scenes.features(batch, seed=seed).grid
    return torch.tensor(grid), torch.tensor(told.ids), torch.tensor(told.places)


regions, captions, _ = as_tensors(known, 0)
new_regions, new_captions, new_places = as_tensors(new, 1)
SPOKEN = new_captions.shape[1] - 2  # words of a caption, without START and END


def learn(a, steps=450):
    """A captioner for these regions."""
    return train_attention_captioner(a, captions, len(WORDS), PAD, steps, 0)


def write(params, a):
    """The captions that a captioner writes alone, (N, T), and its maps, (N, T, L)."""
    said = torch.full((len(a), 1), START)
    for _ in range(SPOKEN):
        logits, alphas = attention_captioner_forward(a, said, params)
        said = torch.cat([said, logits[:, -1:].argmax(dim=2)], dim=1)
    return said[:, 1:], alphas


def draw(ax, image, weights=None, place=-1):
    """An image, bright where the weights are large, with a frame around a known place."""
    pixels = image.transpose(1, 2, 0)
    if weights is not None:
        bright = attention_map(weights, (SIDE, SIDE), pixels.shape[:2]).numpy()
        pixels = pixels * (0.12 + 0.88 * bright[:, :, None] / bright.max())
    ax.imshow(pixels, extent=(0, SIDE, SIDE, 0), interpolation="nearest")
    ax.set(xticks=[], yticks=[])
    for spine in ax.spines.values():
        spine.set_visible(False)
    if place >= 0:
        corner = place % SIDE, place // SIDE
        for color, dashes in (("black", "-"), ("white", (0, (3, 2)))):
            frame = plt.Rectangle(corner, 1, 1, fill=False, clip_on=False)
            frame.set(edgecolor=color, linestyle=dashes, linewidth=1.6)
            ax.add_patch(frame)


# %% [markdown]
# The next cell trains your captioner on them, which takes some seconds, and shows the first images
# that it has not seen, the captions that it writes alone, and a map for every word.


# %% free="experiment"
def show_maps(params, a, rows):
    """Images, the words that the captioner says of them, and a map for each word."""
    said, alphas = write(params, a[rows])
    fig, axes = plt.subplots(len(rows), SPOKEN + 1, figsize=(7.6, 1.5 * len(rows)))
    hits = 0
    for line, n, words, maps in zip(axes, rows, said.tolist(), alphas):
        draw(line[0], new.images[n])
        line[0].set_title("image", fontsize=9, pad=3)
        for t, ax in enumerate(line[1:]):
            place, right = int(new_places[n, t]), words[t] == int(new_captions[n, t + 1])
            draw(ax, new.images[n], maps[t], place)
            ax.set_title(WORDS[words[t]] + ("" if right else " ✗"), fontsize=9, pad=3)
            ax.set_xlabel(f"{float(maps[t, place]):.0%}", fontsize=9, labelpad=2)
            hits += int(maps[t].argmax()) == place
    plot.show(
        fig,
        alt=f"{len(rows)} images with coloured shapes, and for each of the {SPOKEN} words that the "
        "captioner says of it the image again, bright where it looked. A dashed frame marks the "
        f"object that the word is about. The brightest place lies within it in {hits} of "
        f"{SPOKEN * len(rows)} maps.",
        caption="Bright: where your captioner looked. Dashed frame: the object that the word "
        "is about. Below: the weight of its place. A cross: the word is wrong.",
    )


captioner = None
with when_solved():
    captioner = learn(regions)
    show_maps(captioner, new_regions, [0, 1, 2])

# %% [markdown]
# Three images are three images. Here is the number over all 500, word by word, for your captioner
# and for two others, both trained by *your* function:
#
# - *no attention*: each region is replaced by the mean of all. Wherever it looks, it sees the same,
#   and its weights are all equal. (Of equal weights the first counts, so it hits when the object
#   happens to be at place 0.)
# - *reshape bug*: a convolutional network hands on $(N, D, 4, 4)$, channels first. Somebody wrote
#   `fmap.reshape(N, L, D)`, which has the right shape and mixes channels and places ([chapter 11,
#   "The reshape that trains and never looks"]({BOOK}/chapters/11-attention.html#reshape-bug)).
#
# The cell trains twice, which takes as long again for each.


# %% free="comparison"
def mean_everywhere(a):
    """Each region replaced by the mean of all regions of its image."""
    return a.mean(dim=1, keepdim=True).expand_as(a).contiguous()


def scrambled(a):
    """The mistake: the map of a convolutional network, reshaped where axes had to be moved."""
    fmap = a.mT.reshape(len(a), a.shape[2], SIDE, SIDE)
    return fmap.reshape(a.shape)


def look_at(params, a):
    """Share of right tokens; hit rate and weight of the known place for each word."""
    logits, alphas = attention_captioner_forward(a, new_captions[:, :-1], params)
    right = logits.argmax(dim=2) == new_captions[:, 1:]
    words = range(SPOKEN)
    hits = [pointing_accuracy(alphas[:, [t]], new_places[:, [t]]) for t in words]
    mass = [alphas[:, t].gather(1, new_places[:, [t]]).mean().item() for t in words]
    return float(right.double().mean()), hits, mass


def compare():
    """Train two captioners that cannot look; print and draw all three."""
    ways = {"your captioner": lambda a: a, "no attention": mean_everywhere}
    ways["reshape bug"] = scrambled
    found = {}
    print(f"{'':16}tokens right   hit rate   mass on the place")
    for name, way in ways.items():
        params = captioner if name == "your captioner" else learn(way(regions))
        found[name] = look_at(params, way(new_regions))
        accuracy, hits, mass = found[name]
        print(f"{name:16}{accuracy:12.3f}{np.mean(hits):11.3f}{np.mean(mass):20.3f}")
    fig, ax = plt.subplots(figsize=(6.4, 3.0))
    for k, (name, (_, hits, _)) in enumerate(found.items()):
        at = np.arange(SPOKEN) + 0.27 * (k - 1)
        bars = {"hatch": plot.HATCHES[k], "edgecolor": plot.COLORS[k]}
        bars["facecolor"] = plot.COLORS[k] if k == 0 else "none"
        ax.bar(at, hits, 0.25, label=name, **bars)
    ax.axhline(1 / SIDE**2, color=plot.FAINT, linestyle=":")
    ax.set(ylabel="hit rate", ylim=(0, 1.25), xticks=range(SPOKEN), yticks=(0, 0.5, 1))
    ax.set_xticklabels(["colour", "shape"] * (SPOKEN // 2))
    ax.legend(ncols=3, fontsize=10, loc="upper center")
    told = "; ".join(
        f"{name} " + " ".join(f"{hit:.2f}" for hit in hits) for name, (_, hits, _) in found.items()
    )
    plot.show(
        fig,
        alt="Bar chart of the hit rate of each word of a caption, colour and shape of the objects "
        f"in turn, for three captioners: {told}. A dotted line marks chance, one sixteenth.",
    )


if captioner is None:
    print("This cell needs the captioner that the cell above trains.")
else:
    with when_solved():
        compare()

# %% [markdown]
# Look at the three rows of the table. Which column would a log of the training have shown you, and
# which of the three captioners would you have called a success by it? Then look at the bars: which
# words of your captioner point less, and do their tokens suffer?
#
# Change something and look again: `objects=2` in both calls of `scenes.make`, more steps in
# `learn`, or the penalty of exercise 4 as part of your loss.
#
# ## Part 7: in words
#
# This answer is read and marked by a person (6 points).

# %% [markdown]
# ### Question: what a map proves (6 points)
#
# Answer in whole sentences, together at most about 200 words. Formulas are welcome and not
# required.
#
# 1. A captioner is trained on scrambled regions (the reshape bug). Why does its loss fall all the
#    same, and why can it not learn to look at a place? Describe a test that finds the mistake
#    without any training.
# 2. The word "square" is right and its map points at the square. A colleague concludes: "It said
#    *square* because it looked there." What else could be the case? Which experiment decides?
# 3. Somebody tests `attend` with one row, no mask, and regions that are all alike, and finds the
#    right context. Name two mistakes that this test cannot see, and for each the input that shows
#    it.

# %% [markdown] written="what_a_map_proves" points=6
# ### BEGIN SOLUTION
# **Model answer.**
#
# 1. The scrambled regions still hold all numbers of the image, sorted by channel: each "region"
#    has a few channels at all places. Sums of them tell which colours and shapes there are, and
#    the words before tell the rest in part, so the loss falls about as far as without attention.
#    No region belongs to one place, so no choice of a region is a choice of a place. Test: change
#    what is at one place of the feature map; exactly one region must change. With the bug all or
#    many change. (Or: a map with the numbers 0, 1, 2, ... and a look at what ends up where.)
#
# 2. The context of the step before has entered the state, and with it the shape of the object that
#    was looked at when its colour was said. The word may come from the state, and the look may
#    not have been used. Experiment: take away this one look (equal weights at this step only,
#    everything else as it was) and count how often the word is still right; or put another shape
#    there for this step only. If the word stays right, the look was not needed.
#
# 3. (a) With regions that are all alike any weights that sum to 1 give the same context: weights
#    that are all equal, a softmax of -e, scores that were scaled. Shows with regions that differ.
#    (b) Everything about masks: inverted, ignored, a row of which nothing is kept. Shows with a
#    mask that keeps some places of each row and none of one. (c) Whatever mixes rows, such as the
#    context of another row. Shows with several rows that differ. (d) A softmax whose exponentials
#    overflow. Shows with scores of 1000. (A softmax over the batch is *not* among them: it gives
#    ones for a single row, so the context is L times too large.)
#
# **Marking scheme (6 points).**
#
# - Question 1: 1 point for the reason (all numbers are there, and no region is a place), 1 point
#   for a test without training that would work.
# - Question 2: 1 point for the shape being read one step earlier, by way of the state, 1 point for
#   an experiment that takes away or changes this look. "Look at more maps" earns nothing.
# - Question 3: half a point for each of two mistakes that the test cannot see, half a point for
#   each input that shows it. Two wordings of one mistake count once.
# - Do not take points off for language, or for length up to 300 words.
# ### END SOLUTION
