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
# # Assignment 4: LSTM and GRU, forward and backward
#
# You write the two gated units that nearly all recurrent networks are made of: a step of the LSTM
# and its gradient, the loop over a sequence in both directions, and a step of the GRU with its
# gradient, all in NumPy. Then you move your weights into PyTorch's LSTM, and the two must agree to
# the last digits, gradients included. At the end you train your own LSTM on a task that depends on
# one number: the bias of the forget gate.
#
# The chapters that explain it are [chapter 6, "The LSTM: a memory behind
# gates"]({BOOK}/chapters/06-lstm.html) and [chapter 7, "The GRU and other gated
# units"]({BOOK}/chapters/07-gru.html). Each exercise names its section.

# %% [markdown]
# ## How to work with this notebook
#
# - Write your code where the cell says `YOUR CODE HERE`. The line that raises
#   `NotImplementedError` goes away with it.
# - Run the cell `check("...")` below it. It calls your function on a few random inputs and
#   compares the results with the right ones. The same check with other inputs decides the points.
# - A check that fails says which result is off and by how much. If your result is that of a known
#   mistake, it asks you a question and names a section of the book.
# - Every result counts on its own: right gradients earn their points beside a wrong one. Points
#   are lost for a result that is right in general and fails in a corner (one step, one sample,
#   huge numbers).
# - Functions must not write into the arrays that they are given. What you put into a `cache` is
#   your own business. It must stay valid when the forward function is called again before the
#   backward function.
# - Loops over time are fine. Loops over samples or units are allowed, and slow.
# - Parts 1 and 2 build on each other. The GRU (part 3), the way into torch (part 4) and the initial
#   bias (part 5) need nothing from before.
#
# ## Shapes
#
# Vectors are rows, the batch comes first, time second, as in the book. The book gives every gate
# weights of its own, $W_x^k$, $W_h^k$ and $b^k$. In code they lie side by side in *one* matrix, so
# that one product computes all of them:
#
# $$W_x = \bigl( W_x^i \;\; W_x^f \;\; W_x^o \;\; W_x^g \bigr) \qquad (D, 4H),$$
#
# and likewise $W_h$ and $b$. **The order of the LSTM's blocks is $i, f, o, g$, that of the GRU's
# is $z, r$, candidate.** Columns $0$ to $H-1$ belong to the first block, and so on.
#
# | in the book | in the code | shape | what it is |
# |---|---|---|---|
# | $x_t$ | `x` of a step | $(N, D)$ | input at one step |
# | $x_1 \dots x_T$ | `x` of a sequence | $(N, T, D)$ | inputs at all $T$ steps |
# | $h_{t-1}$, $h_t$ | `prev_h`, `next_h` | $(N, H)$ | hidden state before and after a step |
# | $c_{t-1}$, $c_t$ | `prev_c`, `next_c` | $(N, H)$ | cell before and after a step |
# | $h_0$ | `h0` | $(N, H)$ | initial hidden state; the initial cell $c_0$ is zero |
# | $h_1 \dots h_T$ | `h` | $(N, T, H)$ | hidden states after all steps, without $h_0$ |
# | $W_x$, $W_h$, $b$ | `Wx`, `Wh`, `b` | $(D, 4H)$, $(H, 4H)$, $(4H,)$ | all weights of an LSTM |
# | | | $(D, 3H)$, $(H, 3H)$, $(3H,)$ | all weights of a GRU |
# | $\bar q$ | `dq` | that of $q$ | gradient of the loss with respect to $q$ |
#
# All arrays are float64. A gradient always has the shape of what it belongs to.

# %% locked="setup"
import traceback
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np

from unrolled import check, data, gate_diagrams, plot

plot.use()


@contextmanager
def when_solved():
    """Say which exercise is missing, in place of a traceback."""
    try:
        yield
    except NotImplementedError as error:
        name = traceback.extract_tb(error.__traceback__)[-1].name
        print(f"This cell needs {name}, which is not written yet. Solve it, then come back.")


# %% [markdown]
# ## Part 1: one step of the LSTM
#
# Sections: [chapter 6, "The gates, one at a
# time"]({BOOK}/chapters/06-lstm.html#gates-one-at-a-time) and ["The whole
# step"]({BOOK}/chapters/06-lstm.html#cell-state); for the reason of it all, ["Why
# gates"]({BOOK}/chapters/06-lstm.html#why-gates).
#
# Two states travel from step to step. The *cell* $c$ is the memory: a part $f$ of it is kept, and
# a part $i$ of a *candidate* $g$ is added. The *hidden state* $h$ is what the cell shows of itself
# through the output gate $o$. For each block $k$ of $i, f, o, g$:
#
# $$a^k_t = x_t W_x^k + h_{t-1} W_h^k + b^k,$$
#
# $$i_t = \sigma(a^i_t), \quad f_t = \sigma(a^f_t), \quad o_t = \sigma(a^o_t), \quad
# g_t = \tanh(a^g_t),$$
#
# $$c_t = f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh(c_t).$$

# %% free="picture_lstm"
fig = gate_diagrams.lstm_step()
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# ### Exercise 1: `lstm_step_forward` (5 points)
#
# An example to do by hand first: one sample, one unit, one input, with weights that make the
# numbers round. With $x = 1$, $h_{t-1} = 0$, $c_{t-1} = 1$, $b = 0$ and
#
# $$W_x = (0,\; \ln 3,\; -\ln 3,\; \ln 3),$$
#
# the gates are $i = \sigma(0) = \frac12$, $f = \sigma(\ln 3) = \frac34$, $o = \sigma(-\ln 3) =
# \frac14$, and the candidate is $g = \tanh(\ln 3) = \frac45$. So $c_t = \frac34 \cdot 1 + \frac12
# \cdot \frac45 = 1.15$ and $h_t = \frac14 \tanh(1.15) = 0.204$.
#
# **Why.** All that an LSTM does is this function, called again and again.
#
# **Watch for.**
#
# - *The order of the blocks.* A wrong order has right shapes, runs, and even trains. It gives
#   other numbers only when the blocks differ, as they do in the example ([chapter 6, "the order
#   of the gates"]({BOOK}/chapters/06-lstm.html#gate-order)).
# - *Huge pre-activations.* $\sigma(a) = 1 / (1 + e^{-a})$, and the same number can be written as
#   $e^a / (1 + e^a)$ or as $\frac12 + \frac12 \tanh\frac{a}{2}$. In exact arithmetic the three
#   agree. What does NumPy make of each at $a = 1000$ and $a = -1000$? A warning costs nothing
#   here, a NaN does.
# - Two results leave the step and one of them is never shown to anyone but the next step. What
#   will the backward step need? Decide on the cache when you know.


# %% exercise="lstm_step_forward"
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """One step of an LSTM; the blocks of Wx, Wh and b are in the order i, f, o, g.

    Args:
        x: the input of this step, shape (N, D).
        prev_h: the hidden state after the step before, shape (N, H).
        prev_c: the cell after the step before, shape (N, H).
        Wx: weights from the input to the four blocks, shape (D, 4H).
        Wh: weights from the hidden state to the four blocks, shape (H, 4H).
        b: biases of the four blocks, shape (4H,).

    Returns:
        next_h: the new hidden state, shape (N, H).
        next_c: the new cell, shape (N, H).
        cache: whatever lstm_step_backward needs.
    """
    ### BEGIN SOLUTION
    a = x @ Wx + prev_h @ Wh + b
    a_i, a_f, a_o, a_g = np.split(a, 4, axis=1)
    i, f, o = (0.5 + 0.5 * np.tanh(0.5 * v) for v in (a_i, a_f, a_o))
    g = np.tanh(a_g)
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    cache = (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)
    return next_h, next_c, cache
    ### END SOLUTION


# %% check="lstm_step_forward"
check("lstm_step_forward")

# %% free="example_lstm"
# The example by hand: this should print [[0.204]] and [[1.15]].
with when_solved():
    next_h, next_c, _ = lstm_step_forward(
        np.array([[1.0]]),
        np.array([[0.0]]),
        np.array([[1.0]]),
        np.log(3) * np.array([[0.0, 1.0, -1.0, 1.0]]),
        np.zeros((1, 4)),
        np.zeros(4),
    )
    print(next_h.round(3), next_c.round(3))

# %% [markdown]
# ### What the gates can do
#
# With weights of your choice and large pre-activations, gates are nearly 0 or 1, and a cell is a
# counter ([chapter 6, "The counter view"]({BOOK}/chapters/06-lstm.html#counter-view)). The unit
# below reads `+`, `-`, `.` (nothing) and `r` (reset) as one-hot rows. Its weights are multiples of
# 20 and your function runs it. Can you predict both rows before you run the cell? Why does the
# hidden state say so little about the count?

# %% free="counter"
KEYS = ("+", "-", ".", "r")
COUNTER = 20.0 * np.array(
    [  # i   f   o   g
        [1, 1, 1, 1],  # + writes 1
        [1, 1, 1, -1],  # - writes -1
        [-1, 1, 1, 0],  # . writes nothing
        [-1, -1, 1, 0],  # r keeps nothing
    ]
)


def count(text):
    """Print the cell and the hidden state of the counter after every symbol."""
    h = c = np.zeros((1, 1))
    rows = []
    for x in data.one_hot(data.encode(text, KEYS), 4):
        h, c, _ = lstm_step_forward(x[None], h, c, COUNTER, np.zeros((1, 4)), np.zeros(4))
        rows.append((c.item(), h.item()))
    print("      ", *(f"{s:>5}" for s in text))
    for name, row in zip(("cell  ", "hidden"), zip(*rows)):
        print(name, *(f"{v + 0.0:5.2f}" for v in np.round(row, 2)))


with when_solved():
    count("+++..-----r+.")

# %% [markdown]
# ### Exercise 2: `lstm_step_backward` (8 points)
#
# Sections: [chapter 6, "Backward through one
# step"]({BOOK}/chapters/06-lstm.html#lstm-backward) and ["The two children of the
# cell"]({BOOK}/chapters/06-lstm.html#two-children-of-c).
#
# Two gradients arrive, because two states leave the step: $\bar h_t$ at the hidden state, and what
# the *next* step sends back to the cell. Go through the picture of the step from right to left.
# The one place to stop and think is the cell: it has two children.

# %% free="picture_cell"
fig = gate_diagrams.cell_backward()
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# The example again, with its gates $i = \frac12$, $f = \frac34$, $o = \frac14$, $g = \frac45$ and
# $c_{t-1} = 1$. Let only the cell receive a gradient, $1$. Then $\bar f = c_{t-1} = 1$, and before
# the sigmoid $\bar a^f = \frac34 \cdot \frac14 = 0.1875$; likewise $\bar a^i = 0.2$, $\bar a^g =
# 0.18$, $\bar a^o = 0$, and $\bar c_{t-1} = 0.75$. Do the other half by hand: the gradient 1 at
# the hidden state and 0 at the cell. The four numbers are those of `db` in the cell below.
#
# **Why.** With this function, backpropagation through an LSTM is a loop.
#
# **Watch for.**
#
# - `dnext_c` is what comes from *later steps alone*. What comes by way of `next_h` is yours to
#   add. A test with one of the two gradients zero cannot see that you forgot the other.
# - All of what arrives at the cell goes to each of the four factors and then through the slope of
#   its nonlinearity. Widely read course notes had a bracket missing here for years.
# - Each slope is written with the *result* of its nonlinearity, and there are two kinds of it.
# - `dWx`, `dWh` and `db` have four blocks, in the order in which the weights have them.


# %% exercise="lstm_step_backward"
def lstm_step_backward(dnext_h, dnext_c, cache):
    """Backward through one step of an LSTM.

    Args:
        dnext_h: gradient of the loss with respect to next_h, shape (N, H).
        dnext_c: gradient of the loss with respect to next_c by way of later steps alone, shape
            (N, H); what reaches next_c by way of next_h is not in it.
        cache: what lstm_step_forward returned for this step.

    Returns:
        dx: gradient with respect to x, shape (N, D).
        dprev_h: gradient with respect to prev_h, shape (N, H).
        dprev_c: gradient with respect to prev_c, shape (N, H).
        dWx: gradient with respect to Wx, shape (D, 4H).
        dWh: gradient with respect to Wh, shape (H, 4H).
        db: gradient with respect to b, shape (4H,).
    """
    ### BEGIN SOLUTION
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    tanh_c = np.tanh(next_c)
    do = dnext_h * tanh_c
    dc = dnext_c + dnext_h * o * (1 - tanh_c**2)
    df = dc * prev_c
    di = dc * g
    dg = dc * i
    dprev_c = dc * f
    da_i = di * i * (1 - i)
    da_f = df * f * (1 - f)
    da_o = do * o * (1 - o)
    da_g = dg * (1 - g**2)
    da = np.hstack([da_i, da_f, da_o, da_g])
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dprev_c, dWx, dWh, db
    ### END SOLUTION


# %% check="lstm_step_backward"
check("lstm_step_backward")

# %% free="example_lstm_backward"
# The example by hand. The first line should be [0.2 0.1875 0. 0.18] and [[0.75]].
with when_solved():
    for dnext_h, dnext_c in ((0.0, 1.0), (1.0, 0.0)):
        _, _, cache = lstm_step_forward(
            np.array([[1.0]]),
            np.array([[0.0]]),
            np.array([[1.0]]),
            np.log(3) * np.array([[0.0, 1.0, -1.0, 1.0]]),
            np.zeros((1, 4)),
            np.zeros(4),
        )
        results = lstm_step_backward(np.array([[dnext_h]]), np.array([[dnext_c]]), cache)
        print(f"gradient {dnext_h} at h, {dnext_c} at c:", end="  ")
        print("db =", results[5].round(4), " dprev_c =", results[2].round(4))

# %% [markdown]
# ## Part 2: a whole sequence
#
# Section: [chapter 6, "Forward through a
# sequence"]({BOOK}/chapters/06-lstm.html#lstm-forward).
#
# ### Exercise 3: `lstm_forward` (3 points)
#
# The step is used $T$ times, each time with the next input, with *both* states that the step
# before made, and with the same weights. The initial hidden state is given. The initial cell is
# zero.
#
# The weights of the example once more, $T = 2$ and $x = 1$ at both steps. The gates are the same
# at both, as $W_h$ is zero. The cell goes from $0$ to $\frac12 \cdot \frac45 = 0.4$ and to
# $\frac34 \cdot 0.4 + 0.4 = 0.7$, and the hidden states are $\frac14 \tanh(0.4) = 0.095$ and
# $\frac14 \tanh(0.7) = 0.151$.
#
# **Why.** From outside, an LSTM is a function from a sequence to a sequence of hidden states. The
# cell is its own affair and is not returned.
#
# **Watch for.** Two states travel. With $T = 1$ nobody can see whether yours do.


# %% exercise="lstm_forward"
def lstm_forward(x, h0, Wx, Wh, b):
    """Run an LSTM over a whole sequence, from a cell of zeros.

    Args:
        x: the inputs of all steps, shape (N, T, D).
        h0: the initial hidden state, shape (N, H).
        Wx, Wh, b: the weights of every step, shapes (D, 4H), (H, 4H) and (4H,).

    Returns:
        h: the hidden states after every step, shape (N, T, H); h0 is not among them.
        cache: whatever lstm_backward needs.
    """
    ### BEGIN SOLUTION
    state, cell = h0, np.zeros_like(h0)
    states, cache = [], []
    for t in range(x.shape[1]):
        state, cell, step_cache = lstm_step_forward(x[:, t], state, cell, Wx, Wh, b)
        states.append(state)
        cache.append(step_cache)
    h = np.stack(states, axis=1)
    return h, cache
    ### END SOLUTION


# %% check="lstm_forward"
check("lstm_forward")

# %% free="example_sequence"
# The example by hand: this should print [0.095 0.151].
EXAMPLE = (
    np.ones((1, 2, 1)),
    np.zeros((1, 1)),
    np.log(3) * np.array([[0.0, 1.0, -1.0, 1.0]]),
    np.zeros((1, 4)),
    np.zeros(4),
)
with when_solved():
    h, _ = lstm_forward(*EXAMPLE)
    print(h[0, :, 0].round(3))

# %% [markdown]
# ### Exercise 4: `lstm_backward` (6 points)
#
# `dh[:, t]` is the gradient that reaches the hidden state of step $t$ *from above*, from the
# output of that very step. As two states travel forward, two messages travel back:
#
# $$\bar h_t = e_t + \text{what step } t+1 \text{ sends to } h_t, \qquad
# \bar c_t = \underbrace{\bar h_t \odot o_t \odot (1 - \tanh^2 c_t)}_{\text{in the step}} +
# \text{ what step } t+1 \text{ sends to } c_t,$$
#
# where $e_t$ is `dh[:, t]`.
#
# In the example, let only the last hidden state have a gradient, $e_2 = 1$. Then $\bar c_2 =
# \frac14 (1 - \tanh^2 0.7) = 0.159$, and three quarters of it reach the cell before: $\bar c_1 =
# 0.119$. Nothing comes from $e_1$, nor from the gates, whose weights $W_h$ are zero. The input gate
# gets $\bar c_t\, g$ at both steps, together $(0.159 + 0.119) \cdot \frac45 \cdot \frac14 = 0.056$
# before the sigmoid.
#
# **Why.** The message along the cell is the reason for which LSTMs exist: from step to step it is
# multiplied by $f$ and by nothing else ([chapter 6, "The
# highway"]({BOOK}/chapters/06-lstm.html#highway)).
#
# **Watch for.**
#
# - At the last step, nothing comes from later steps: neither to $h_T$ nor to $c_T$.
# - The weights are used at every step.
# - $c_0$ is a constant here, so its gradient is not returned. That of $h_0$ is.


# %% exercise="lstm_backward"
def lstm_backward(dh, cache):
    """Backpropagation through an LSTM over a sequence.

    Args:
        dh: gradient of the loss with respect to every hidden state *by way of the output of that
            step alone*, shape (N, T, H). What arrives from later steps is yours to add.
        cache: what lstm_forward returned.

    Returns:
        dx: gradient with respect to x, shape (N, T, D).
        dh0: gradient with respect to h0, shape (N, H).
        dWx, dWh, db: gradients with respect to the weights, shapes (D, 4H), (H, 4H) and (4H,).
    """
    ### BEGIN SOLUTION
    T = dh.shape[1]
    dx = [None] * T
    dprev_h, dprev_c = np.zeros_like(dh[:, 0]), np.zeros_like(dh[:, 0])
    dWx, dWh, db = 0.0, 0.0, 0.0
    for t in reversed(range(T)):
        dnext_h, dnext_c = dh[:, t] + dprev_h, dprev_c
        step_grads = lstm_step_backward(dnext_h, dnext_c, cache[t])
        dx[t], dprev_h, dprev_c, dWx_t, dWh_t, db_t = step_grads
        dWx, dWh, db = dWx + dWx_t, dWh + dWh_t, db + db_t
    dx = np.stack(dx, axis=1)
    return dx, dprev_h, dWx, dWh, db
    ### END SOLUTION


# %% check="lstm_backward"
check("lstm_backward")

# %% free="example_sequence_backward"
# The example by hand: db should start with 0.056.
with when_solved():
    _, cache = lstm_forward(*EXAMPLE)
    db = lstm_backward(np.array([[[0.0], [1.0]]]), cache)[4]
    print("db =", db.round(3))

# %% [markdown]
# ### A gradient in one direction
#
# A check of your own that needs nothing but a forward and a backward function: move *all* inputs a
# little along one random direction, forth and back, and see by how much the loss changes. Your
# gradients predict it: the sum of gradient times direction over all inputs. One number on each
# side, and every mistake in any gradient spoils the agreement. The loss is a random weighting of
# the results.


# %% free="one_direction"
def one_direction(forward, backward, args, results=1, h=1e-5, seed=0):
    """Print the slope of a random loss along a random direction, measured and predicted.

    The first `results` results of forward count in the loss, and its last one is the cache;
    backward takes their gradients and the cache, and returns the gradients of all args.
    """
    rng = np.random.default_rng(seed)
    values = forward(*args)
    weights = [rng.normal(size=v.shape) for v in values[:results]]
    direction = [rng.normal(size=a.shape) for a in args]

    def loss(step):
        moved = forward(*(a + step * d for a, d in zip(args, direction)))
        return sum(np.vdot(w, v) for w, v in zip(weights, moved))

    measured = (loss(h) - loss(-h)) / (2 * h)
    predicted = sum(np.vdot(g, d) for g, d in zip(backward(*weights, values[-1]), direction))
    print(f"{backward.__name__}: measured {measured:.8f}, predicted {predicted:.8f}")


def random_arrays(*shapes, seed=1):
    """Normal deviates of the given shapes, a little smaller than 1."""
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.7, shape) for shape in shapes]


N, T, D, H = 2, 6, 3, 5
with when_solved():
    one_direction(
        lstm_step_forward,
        lstm_step_backward,
        random_arrays((N, D), (N, H), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,)),
        results=2,
    )
    one_direction(
        lstm_forward,
        lstm_backward,
        random_arrays((N, T, D), (N, H), (D, 4 * H), (H, 4 * H), (4 * H,)),
    )

# %% [markdown]
# ## Part 3: the GRU
#
# Section: [chapter 7, "One step"]({BOOK}/chapters/07-gru.html#gru-step).
#
# One state, two gates. The *update gate* $z$ says how much of the old state stays; the rest is
# replaced by a candidate. The *reset gate* $r$ says how much of the old state the candidate may
# see:
#
# $$z_t = \sigma(x_t W_x^z + h_{t-1} W_h^z + b^z), \qquad
# r_t = \sigma(x_t W_x^r + h_{t-1} W_h^r + b^r),$$
#
# $$\tilde h_t = \tanh\bigl(x_t W_x^n + (r_t \odot h_{t-1})\, W_h^n + b^n\bigr), \qquad
# h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde h_t.$$

# %% free="picture_gru"
fig = gate_diagrams.gru_step()
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# ### Exercise 5: `gru_step_forward` (5 points)
#
# An example by hand, with one sample, input and unit: $x = 1$, $h_{t-1} = \frac12$, $b = 0$,
#
# $$W_x = (\ln 3,\; -\ln 3,\; 0), \qquad W_h = (0,\; 0,\; 8 \ln 3).$$
#
# Then $z = \frac34$ and $r = \frac14$. The candidate sees $r\, h_{t-1} = \frac18$, its
# pre-activation is $\frac18 \cdot 8 \ln 3 = \ln 3$, so it is $\frac45$, and $h_t = \frac34 \cdot
# \frac12 + \frac14 \cdot \frac45 = 0.575$.
#
# **Why.** Fewer parameters than an LSTM and one state to carry ([chapter 7, "What they
# cost"]({BOOK}/chapters/07-gru.html#cost-comparison)).
#
# **Watch for.**
#
# - The blocks are $z$, $r$, candidate. The candidate's block of `Wh` meets another vector than the
#   other two, so one product `prev_h @ Wh` does not do.
# - $r$ acts on the state *before* the product. Other libraries let it act on the product, which is
#   another network ([chapter 7, "Reset before or after the
#   product"]({BOOK}/chapters/07-gru.html#reset-before-or-after)). With a single unit, as in the
#   example, the two cannot be told apart; with two they can.
# - Here $z$ is the share that *stays*. Half of the sources have it the other way round
#   ([chapter 7, "Which end of z"]({BOOK}/chapters/07-gru.html#keep-or-update)).
# - Every gate of this step looks at the old state and the present input ([chapter 7, "Draw the
#   time index of every arrow"]({BOOK}/chapters/07-gru.html#gru-index-error)).


# %% exercise="gru_step_forward"
def gru_step_forward(x, prev_h, Wx, Wh, b):
    """One step of a GRU; the blocks of Wx, Wh and b are in the order z, r, candidate.

    Args:
        x: the input of this step, shape (N, D).
        prev_h: the state after the step before, shape (N, H).
        Wx: weights from the input to the three blocks, shape (D, 3H).
        Wh: weights from the state to the three blocks, shape (H, 3H).
        b: biases of the three blocks, shape (3H,).

    Returns:
        next_h: the new state, shape (N, H).
        cache: whatever gru_step_backward needs.
    """
    ### BEGIN SOLUTION
    H = prev_h.shape[1]
    from_x = x @ Wx + b
    gates = from_x[:, : 2 * H] + prev_h @ Wh[:, : 2 * H]
    z, r = np.split(0.5 + 0.5 * np.tanh(0.5 * gates), 2, axis=1)
    n = np.tanh(from_x[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :])
    next_h = z * prev_h + (1 - z) * n
    cache = (x, prev_h, Wx, Wh, z, r, n)
    return next_h, cache
    ### END SOLUTION


# %% check="gru_step_forward"
check("gru_step_forward")

# %% free="example_gru"
# The example by hand: this should print [[0.575]].
with when_solved():
    next_h, _ = gru_step_forward(
        np.array([[1.0]]),
        np.array([[0.5]]),
        np.log(3) * np.array([[1.0, -1.0, 0.0]]),
        np.log(3) * np.array([[0.0, 0.0, 8.0]]),
        np.zeros(3),
    )
    print(next_h.round(3))

# %% [markdown]
# ### Exercise 6: `gru_step_backward` (7 points)
#
# Section: [chapter 7, "Backward"]({BOOK}/chapters/07-gru.html#gru-backward).
#
# One gradient arrives, at $h_t$. Count the arrows that leave $h_{t-1}$ in the picture: so many
# gradients come back to it and are added.
#
# In the example, let $\bar h_t = 1$. The update gate's gradient is $h_{t-1} - \tilde h_t = -0.3$,
# and before the sigmoid $\bar a^z = -0.3 \cdot \frac34 \cdot \frac14 = -0.05625$. The candidate's
# is $1 - z = \frac14$, before the tanh $\bar a^n = \frac14 \cdot (1 - 0.64) = 0.09$. The rest is
# yours; the cell below prints `db`, which has all three.
#
# **Why.** Whoever has derived this step can derive any gated unit ([chapter 7, "Other gated
# units"]({BOOK}/chapters/07-gru.html#gru-variants)).
#
# **Watch for.**
#
# - The reset gate gets its gradient through the candidate's matrix.
# - What went *into* the candidate's product is not the old state.
# - An increase of $z$ keeps more of the old state and takes less of the candidate: two effects,
#   one gradient.


# %% exercise="gru_step_backward"
def gru_step_backward(dnext_h, cache):
    """Backward through one step of a GRU.

    Args:
        dnext_h: gradient of the loss with respect to next_h, shape (N, H).
        cache: what gru_step_forward returned for this step.

    Returns:
        dx: gradient with respect to x, shape (N, D).
        dprev_h: gradient with respect to prev_h, shape (N, H).
        dWx: gradient with respect to Wx, shape (D, 3H).
        dWh: gradient with respect to Wh, shape (H, 3H).
        db: gradient with respect to b, shape (3H,).
    """
    ### BEGIN SOLUTION
    x, prev_h, Wx, Wh, z, r, n = cache
    Wh_z, Wh_r, Wh_n = np.split(Wh, 3, axis=1)
    q = r * prev_h
    dz = dnext_h * (prev_h - n)
    dn = dnext_h * (1 - z)
    da_z = dz * z * (1 - z)
    da_n = dn * (1 - n**2)
    dq = da_n @ Wh_n.T
    dr = dq * prev_h
    da_r = dr * r * (1 - r)
    da = np.hstack([da_z, da_r, da_n])
    dx = da @ Wx.T
    through_gates = da_z @ Wh_z.T + da_r @ Wh_r.T
    dprev_h = dnext_h * z + dq * r + through_gates
    dWx = x.T @ da
    dWh = np.hstack([prev_h.T @ da_z, prev_h.T @ da_r, q.T @ da_n])
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
    ### END SOLUTION


# %% check="gru_step_backward"
check("gru_step_backward")

# %% free="example_gru_backward"
# The example by hand: db should start with -0.0563 and end with 0.09.
with when_solved():
    _, cache = gru_step_forward(
        np.array([[1.0]]),
        np.array([[0.5]]),
        np.log(3) * np.array([[1.0, -1.0, 0.0]]),
        np.log(3) * np.array([[0.0, 0.0, 8.0]]),
        np.zeros(3),
    )
    print("db =", gru_step_backward(np.array([[1.0]]), cache)[4].round(4))
    one_direction(
        gru_step_forward,
        gru_step_backward,
        random_arrays((N, D), (N, H), (D, 3 * H), (H, 3 * H), (3 * H,)),
    )

# %% [markdown]
# ## Part 4: the same numbers from PyTorch
#
# Sections: [chapter 6, "The same numbers from PyTorch: the order of the
# gates"]({BOOK}/chapters/06-lstm.html#gate-order) and ["Two
# biases"]({BOOK}/chapters/06-lstm.html#two-biases).
#
# `torch.nn.LSTM(D, H, batch_first=True)` computes what your `lstm_forward` computes, from weights
# that lie in memory in another way. It keeps four tensors, whose names end in `_l0` because it can
# have several layers:
#
# | name | shape | |
# |---|---|---|
# | `weight_ih_l0` | $(4H, D)$ | from the input; torch multiplies by the transpose |
# | `weight_hh_l0` | $(4H, H)$ | from the hidden state |
# | `bias_ih_l0`, `bias_hh_l0` | $(4H,)$ each | torch adds the two |
#
# The blocks lie below each other in the order $i, f, g, o$. `module.load_state_dict(...)` takes a
# dict with these four names and copies the numbers into the module.

# %% locked="torch"
import torch  # noqa: E402  (it takes seconds and parts 1 to 3 do not need it)

torch.set_num_threads(1)

# %% [markdown]
# ### Exercise 7: `lstm_to_torch` (4 points)
#
# An example with $H = D = 1$: from $W_x = (1, 2, 3, 4)$, $W_h = (5, 6, 7, 8)$ and $b = (9, 10, 11,
# 12)$ the tensor `weight_ih_l0` is the column $1, 2, 4, 3$, `weight_hh_l0` is the column $5, 6, 8,
# 7$, and the two biases add up to $(9, 10, 12, 11)$.
#
# **Why.** There is no better test of your LSTM than another one, and weights do move between
# programs.
#
# **Watch for.**
#
# - The values must be tensors, of the type float32 or float64 as you like. How you split $b$
#   between the two biases is up to you.
# - Check your result with weights that all differ. With equal weights every order is right.


# %% exercise="lstm_to_torch"
def lstm_to_torch(Wx, Wh, b):
    """The weights of an LSTM as a state dict of torch.nn.LSTM(D, H, batch_first=True).

    Args:
        Wx, Wh, b: NumPy arrays of shapes (D, 4H), (H, 4H) and (4H,), blocks in the order i, f,
            o, g.

    Returns:
        a dict of four float32 or float64 tensors: weight_ih_l0 (4H, D), weight_hh_l0 (4H, H),
        bias_ih_l0 (4H,) and bias_hh_l0 (4H,), with which the module computes the same.
    """

    ### BEGIN SOLUTION
    def convert(array):
        i, f, o, g = np.split(array.T, 4)
        return torch.tensor(np.concatenate([i, f, g, o]))

    return {
        "weight_ih_l0": convert(Wx),
        "weight_hh_l0": convert(Wh),
        "bias_ih_l0": convert(b),
        "bias_hh_l0": torch.zeros(len(b)),
    }
    ### END SOLUTION


# %% check="lstm_to_torch"
check("lstm_to_torch")

# %% [markdown]
# ### Parity
#
# Your LSTM and torch's on the same inputs, states and all gradients. Torch's gradients are in
# torch's order, and so are yours after `lstm_to_torch`: it moves gradients as it moves weights.
# Differences of $10^{-10}$ or less are rounding. If your dict holds float32, expect $10^{-7}$.


# %% free="parity"
def parity(N=3, T=30, D=4, H=6, seed=0):
    """Print the largest differences between your LSTM and torch.nn.LSTM."""
    rng = np.random.default_rng(seed)
    x, e = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H))
    Wx, Wh, b = rng.normal(size=(D, 4 * H)), rng.normal(size=(H, 4 * H)), rng.normal(size=4 * H)
    h0 = rng.normal(size=(N, H))

    module = torch.nn.LSTM(D, H, batch_first=True).double()
    module.load_state_dict(lstm_to_torch(Wx, Wh, b))
    inputs = torch.tensor(x, requires_grad=True)
    start = torch.tensor(h0[None], requires_grad=True)
    out, _ = module(inputs, (start, torch.zeros_like(start)))
    (out * torch.tensor(e)).sum().backward()

    h, cache = lstm_forward(x, h0, Wx, Wh, b)
    dx, dh0, dWx, dWh, db = lstm_backward(e, cache)
    moved = lstm_to_torch(dWx, dWh, db)
    pairs = {
        "h": (torch.tensor(h), out),
        "dx": (torch.tensor(dx), inputs.grad),
        "dh0": (torch.tensor(dh0), start.grad[0]),
        "dWx": (moved["weight_ih_l0"], module.weight_ih_l0.grad),
        "dWh": (moved["weight_hh_l0"], module.weight_hh_l0.grad),
        "db": (moved["bias_ih_l0"] + moved["bias_hh_l0"], module.bias_ih_l0.grad),
    }
    for name, (ours, theirs) in pairs.items():
        print(f"{name:4} largest difference {(ours - theirs).abs().max().item():.0e}")


with when_solved():
    parity()

# %% [markdown]
# ## Part 5: the bias of the forget gate
#
# Section: [chapter 6, "The bias of the forget
# gate"]({BOOK}/chapters/06-lstm.html#forget-bias).
#
# A fresh network has small weights, so at the start of training the forget gate is about
# $\sigma(b^f)$, and after $n$ steps the share $\sigma(b^f)^n$ of a cell is left. With a bias of 0
# that is a millionth after 20 steps, and the gradient on this path shrinks by the same factor. With
# a bias of 4 it is 70 %.
#
# ### Exercise 8: `init_lstm_bias` (2 points)
#
# An example: `init_lstm_bias(2, 1.0)` is $(0, 0, 1, 1, 0, 0, 0, 0)$.
#
# **Why.** It is one line, it costs nothing, and in part 6 it decides.
#
# **Watch for.** Float64, whatever the type of `forget_bias`.


# %% exercise="init_lstm_bias"
def init_lstm_bias(H, forget_bias):
    """The initial biases of an LSTM of H units: zero but for the forget gate.

    Args:
        H: number of units, at least 1.
        forget_bias: the bias of every forget gate, a number.

    Returns:
        b: float64, shape (4H,), blocks in the order i, f, o, g.
    """
    ### BEGIN SOLUTION
    b = np.zeros(4 * H)
    b[H : 2 * H] = forget_bias
    return b
    ### END SOLUTION


# %% check="init_lstm_bias"
check("init_lstm_bias")

# %% [markdown]
# ## Part 6: does it remember?
#
# The network sees one of four symbols at the first step, then zeros, and must name the symbol
# after the last step. Nothing arrives in between, so all that it takes is to hold something. The
# loss is at the last step only: `dh` is zero everywhere else, and the gradient that teaches the
# first step has to come all the way back through your `lstm_backward`.
#
# The first cell looks at fresh networks, before any training: how long is the gradient that
# reaches the input $k$ steps before the loss?


# %% free="network"
UNITS, SYMBOLS = 16, 4


def new_network(rng, forget_bias):
    """Random weights, and biases from init_lstm_bias."""
    return {
        "Wx": rng.normal(0, 0.5, (SYMBOLS, 4 * UNITS)),
        "Wh": rng.normal(0, 0.5 / np.sqrt(UNITS), (UNITS, 4 * UNITS)),
        "b": init_lstm_bias(UNITS, forget_bias),
        "Wy": rng.normal(0, 1 / np.sqrt(UNITS), (UNITS, SYMBOLS)),
        "by": np.zeros(SYMBOLS),
    }


def scores_of(p, x):
    """Scores (N, symbols) after the last step, the hidden states, and the cache."""
    h, cache = lstm_forward(x, np.zeros((len(x), UNITS)), p["Wx"], p["Wh"], p["b"])
    scores = h[:, -1] @ p["Wy"] + p["by"]
    return scores, h, cache


def loss_and_gradients(p, x, which):
    """Mean cross-entropy at the last step; gradients of the inputs and of all parameters."""
    scores, h, cache = scores_of(p, x)
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    target = data.one_hot(which, SYMBOLS)
    loss, dscores = -(log_p * target).sum() / len(x), (np.exp(log_p) - target) / len(x)
    dh = np.zeros_like(h)
    dh[:, -1] = dscores @ p["Wy"].T
    dx, _, dWx, dWh, db = lstm_backward(dh, cache)
    dWy, dby = h[:, -1].T @ dscores, dscores.sum(axis=0)
    return loss, dx, {"Wx": dWx, "Wh": dWh, "b": db, "Wy": dWy, "by": dby}


# %% free="gradient_flow"
def gradient_flow(biases=(0.0, 2.0, 4.0), length=40):
    """Draw the length of the gradient at each input of fresh networks."""
    fig, ax = plt.subplots()
    told = []
    for i, bias in enumerate(biases):
        rng = np.random.default_rng(0)
        p = new_network(rng, bias)
        _, dx, _ = loss_and_gradients(p, *data.recall(32, length, rng))
        back = np.sqrt((dx[:, ::-1] ** 2).sum(axis=(0, 2)))
        ax.semilogy(back / back[0], label=f"{bias:.0f}", **plot.series(i))
        told.append(f"{back[-1] / back[0]:.0e} with forget bias {bias:.0f}")
    ax.set(xlabel="steps before the loss", ylabel="gradient, relative")
    ax.legend(title="forget bias")
    plot.show(
        fig,
        alt=f"Length of the gradient at the input against the steps before the loss. {length - 1} "
        f"steps before it, what is left is {', '.join(told)}.",
    )


with when_solved():
    gradient_flow()

# %% [markdown]
# The second cell trains: 200 updates with Adam, gradients from your functions, for three forget
# biases and three lengths. It takes some seconds.


# %% free="experiment"
def adam(p, g, memory, rate=0.01):
    """One update of Adam, in place, with the gradient shortened to length 1 if it is longer."""
    memory["step"] = memory.get("step", 0) + 1
    norm = np.sqrt(sum(np.vdot(v, v) for v in g.values()))
    for name in p:
        m, s = memory.get(name, (0.0, 0.0))
        scaled = g[name] / max(norm, 1.0)
        m, s = 0.9 * m + 0.1 * scaled, 0.999 * s + 0.001 * scaled**2
        memory[name] = m, s
        m, s = m / (1 - 0.9 ** memory["step"]), s / (1 - 0.999 ** memory["step"])
        p[name] = p[name] - rate * m / (np.sqrt(s) + 1e-8)


def train(bias, length, updates=200, seed=0):
    """Train on recall; return the losses and the share of new sequences that are recalled."""
    rng = np.random.default_rng(seed)
    p, memory, losses = new_network(rng, bias), {}, []
    for _ in range(updates):
        loss, _, g = loss_and_gradients(p, *data.recall(32, length, rng))
        adam(p, g, memory)
        losses.append(loss)
    x, which = data.recall(256, length, rng)
    return losses, (scores_of(p, x)[0].argmax(axis=1) == which).mean()


def experiment(biases=(0.0, 2.0, 4.0), lengths=(10, 20, 40), shown=20):
    """Train for every bias and length; draw the losses at one length, and all shares."""
    results = {(b, length): train(b, length) for b in biases for length in lengths}
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2))
    told = []
    for i, bias in enumerate(biases):
        left.plot(results[bias, shown][0], label=f"{bias:.0f}", **plot.series(i))
        shares = [results[bias, length][1] for length in lengths]
        right.plot(lengths, shares, label=f"{bias:.0f}", **plot.series(i, marker=True))
        listed = ", ".join(f"{s:.2f} at length {n}" for s, n in zip(shares, lengths))
        told.append(f"forget bias {bias:.0f}: {listed}")
    left.set(xlabel="update", ylabel="loss (nats)", ylim=(0, 1.6), title=f"length {shown}")
    left.axhline(np.log(SYMBOLS), color=plot.FAINT, linestyle=":")
    right.axhline(1 / SYMBOLS, color=plot.FAINT, linestyle=":")
    right.set(xlabel="length", ylabel="share recalled", xticks=lengths, ylim=(0, 1.05))
    right.legend(title="forget bias")
    plot.show(
        fig,
        alt=f"Left: the training loss at length {shown}. Right: share of new sequences recalled "
        f"after training. {'; '.join(told)}. Guessing gives 0.25.",
    )
    for line in told:
        print(line)


with when_solved():
    experiment()

# %% [markdown]
# The three networks are the same but for one number. Change it, and the rest: what is the longest
# sequence that you can make it learn, with which bias, and does a bias of 10 do better still?
# [Chapter 6]({BOOK}/chapters/06-lstm.html#forget-bias) has the half-life of a cell for each bias,
# and [chapter 7]({BOOK}/chapters/07-gru.html#cost-comparison) compares the GRU with it. Which
# block of the GRU's bias would you set, and to which sign?
#
# ## Part 7: in words
#
# This answer is read and marked by a person (6 points).

# %% [markdown]
# ### Question: what the gates do for the gradient (6 points)
#
# Answer in whole sentences, together at most about 200 words. Formulas are welcome and not
# required.
#
# 1. In `lstm_step_backward` two gradients are added at the cell. Where does each come from, and by
#    what is a gradient multiplied on its way from $c_{t+1}$ to $c_t$ along the cell? Compare with
#    the way from $h_{t+1}$ to $h_t$ in a vanilla network.
# 2. A friend says: "On the cell's path there is no matrix and no tanh, so the gradients of an
#    LSTM cannot vanish and cannot explode." Give one objection to each half of the conclusion.
#    Your two plots help.
# 3. Another friend copies your weights into `torch.nn.LSTM` transposed but without reordering the
#    blocks. Which of these notices: the shapes, a training from scratch, a comparison of the
#    outputs with weights that all equal 0.1, a comparison of the outputs with random weights? Say
#    why, for each.

# %% [markdown] written="gates_in_words" points=6
# ### BEGIN SOLUTION
# **Model answer.**
#
# 1. The cell of step t is read by the hidden state of the same step, through tanh and the output
#    gate, and by the cell of the next step. Both lead to the loss, so by the chain rule the two
#    gradients add up. From the next cell the factor is f of step t + 1, element by element: a
#    number between 0 and 1 for each unit, which the network computes and can hold near 1. In a
#    vanilla network the way from state to state multiplies by the transposed recurrent matrix and
#    the slopes of tanh, at every step, whether something must be kept or not.
#
# 2. Vanish: the factor is f, and f < 1. With a forget bias of 0 it is about one half, and 20 steps
#    leave a millionth; the plots show it, and training fails at lengths 20 and 40. Explode: the
#    direct path is not the only one. The gates are computed from the hidden state, so the gradient
#    also runs through the recurrent weights, and the sum over these paths can grow; the norm of
#    the whole derivative can be far above the product of the forget gates.
#
# 3. The shapes do not notice: all blocks are equal in size. Training from scratch does not notice:
#    then the names of the blocks have no meaning yet, whatever order they are in. Equal weights do
#    not notice: all pre-activations are the same, so exchanging them changes nothing. Random
#    weights notice: the candidate's numbers become those of the output gate and the other way
#    round, and the outputs differ.
#
# **Marking scheme (6 points).**
#
# - Question 1: 1 point for both origins and that they add up because there are two ways to the
#   loss; 1 point for the factor f, element by element, against the matrix and the slope of tanh
#   that the vanilla network has there.
# - Question 2: 1 point for f < 1 (or f near one half at a bias of 0) with a consequence over many
#   steps; 1 point for the paths through the hidden state and the recurrent weights. "Gradients can
#   always explode" earns nothing.
# - Question 3: 2 points for four right verdicts with reasons, half a point each; a right verdict
#   without a reason earns a quarter of a point.
# - Do not take points off for language, or for length up to 300 words.
# ### END SOLUTION
