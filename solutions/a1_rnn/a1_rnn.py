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
# # Assignment 1: a vanilla RNN, forward and backward
#
# You write a recurrent network with nothing but NumPy: one step, a whole sequence, a layer that
# reads the states, a loss, and the gradients of all of it by backpropagation through time. At the
# end you train what you wrote on a task that cannot be solved without memory, and see how far
# back it remembers.
#
# The chapters that explain it are [chapter 2, "The vanilla RNN and its computational
# graph"]({BOOK}/chapters/02-vanilla-rnn.html) and [chapter 3, "Backpropagation through
# time"]({BOOK}/chapters/03-bptt.html). Each exercise names its section.

# %% [markdown]
# ## How to work with this notebook
#
# - Write your code where the cell says `YOUR CODE HERE`. The line that raises
#   `NotImplementedError` goes away with it.
# - Run the cell `check("...")` below it. It calls your function on a few random inputs and
#   compares the results with the right ones. The same check with other inputs decides the points,
#   so nothing is gained by fitting code to the visible numbers.
# - A check that fails says which result is off and by how much. If your result is that of a known
#   mistake, it asks you a question and names a section of the book.
# - Every result counts on its own: right gradients earn their points beside a wrong one. Points
#   are lost for a result that is right in general and fails in a corner (one step, one sample,
#   huge numbers).
# - Every function is pure: it must not write into the arrays that it is given. What you put into
#   a `cache` is your own business; only your backward function reads it. A cache must stay valid
#   when the forward function is called again, with other inputs, before the backward function.
# - Loops over time are fine. Loops over samples or units are allowed, and slow.
# - The exercises build on each other in this order. The last one, `numerical_gradient`, needs
#   none of the others: if you do it first, you can check your own gradients as you go.
#
# ## Shapes
#
# Vectors are rows, the batch comes first, time second, as in the book.
#
# | in the book | in the code | shape | what it is |
# |---|---|---|---|
# | $x_t$ | `x` of a step | $(N, D)$ | input at one step: $N$ samples, $D$ numbers each |
# | $x_1 \dots x_T$ | `x` of a sequence | $(N, T, D)$ | inputs at all $T$ steps |
# | $h_{t-1}$, $h_t$ | `prev_h`, `next_h` | $(N, H)$ | state before and after a step: $H$ units |
# | $h_0$ | `h0` | $(N, H)$ | initial state |
# | $h_1 \dots h_T$ | `h` | $(N, T, H)$ | states after all steps, without $h_0$ |
# | $W_x$, $W_h$, $b$ | `Wx`, `Wh`, `b` | $(D, H)$, $(H, H)$, $(H,)$ | weights of every step |
# | $W_y$, $b_y$ | `w`, `b` of the affine layer | $(D, M)$, $(M,)$ | from $D$ numbers to $M$ |
# | $o_t$ | `x` of the loss | $(N, T, V)$ | scores of $V$ classes, before the softmax |
# | $\bar q$ | `dq` | that of $q$ | gradient of the loss with respect to $q$ |
#
# All arrays are float64, except class numbers (integers) and masks (`bool`). A gradient always
# has the shape of what it belongs to. If a shape is wrong, nothing else can be right: look at
# shapes first.

# %% locked="setup"
import traceback
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np

from unrolled import check, diagrams, plot

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
# ## Part 1: one step
#
# Section: [chapter 2, "One step"]({BOOK}/chapters/02-vanilla-rnn.html#one-step).
#
# The network keeps a state $h$. One step reads an input and the state before and makes the next
# state:
#
# $$a_t = x_t W_x + h_{t-1} W_h + b, \qquad h_t = \tanh(a_t).$$
#
# The picture shows it node by node. The part on the right, from $h_t$ to $o_t$, comes in part 3.

# %% free="picture_step"
fig = diagrams.step()
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# ### Exercise 1: `rnn_step_forward` (4 points)
#
# An example to do by hand first, with one sample and $D = H = 2$:
#
# $$x = (1, -1), \quad h_{t-1} = (0.5, 0), \quad
# W_x = \begin{pmatrix} 1 & 0 \\ 2 & 1 \end{pmatrix}, \quad
# W_h = \begin{pmatrix} 0 & 2 \\ 1 & 0 \end{pmatrix}, \quad b = (0.5, 0.5).$$
#
# Then $x W_x = (-1, -1)$ and $h_{t-1} W_h = (0, 1)$, so $a_t = (-0.5, 0.5)$ and $h_t = (-0.462,
# 0.462)$.
#
# **Why.** Everything a recurrent network does is this function, called again and again.
#
# **Watch for.** $W_h$ is square, so a product with the wrong side or with the transpose has a
# fine shape and wrong numbers. The backward step will need some of the numbers of this step:
# decide what goes into the cache when you know what it needs.


# %% exercise="rnn_step_forward"
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    """One step of the recurrence: next_h = tanh(x Wx + prev_h Wh + b).

    Args:
        x: the input of this step, shape (N, D).
        prev_h: the state after the step before, shape (N, H).
        Wx: weights from the input to the state, shape (D, H).
        Wh: weights from the state to the state, shape (H, H).
        b: bias of the state, shape (H,).

    Returns:
        next_h: the new state, shape (N, H).
        cache: whatever rnn_step_backward needs.
    """
    ### BEGIN SOLUTION
    a = x @ Wx + prev_h @ Wh + b
    next_h = np.tanh(a)
    cache = (x, prev_h, Wx, Wh, a)
    return next_h, cache
    ### END SOLUTION


# %% check="rnn_step_forward"
check("rnn_step_forward")

# %% free="example_step"
# The example by hand: this should print [[-0.462  0.462]].
with when_solved():
    next_h, _ = rnn_step_forward(
        np.array([[1.0, -1.0]]),
        np.array([[0.5, 0.0]]),
        np.array([[1.0, 0.0], [2.0, 1.0]]),
        np.array([[0.0, 2.0], [1.0, 0.0]]),
        np.array([0.5, 0.5]),
    )
    print(next_h.round(3))

# %% [markdown]
# ### Exercise 2: `rnn_step_backward` (6 points)
#
# Section: [chapter 3, "One step backward"]({BOOK}/chapters/03-bptt.html#step-backward).
#
# Somebody hands you $\bar h_t$, the gradient of the loss with respect to the new state. Carry it
# back through the step, in the picture from right to left: first through the tanh, then to
# everything that the sum was made of.
#
# **Why.** With this function, backpropagation through time is a loop.
#
# **Watch for.**
#
# - The derivative of tanh can be written with its *result*. Which of the two, $a_t$ or $h_t$,
#   lies in your cache?
# - Each sample has its own $x$ and $h_{t-1}$, so `dx` and `dprev_h` have a row per sample. The
#   weights are shared by all samples, so their gradients have no such axis: what happens to it?
# - A product in the forward pass gives two products in the backward pass. Let the shapes tell you
#   which side is transposed, and remember that for $W_h$ the shapes tell you nothing.


# %% exercise="rnn_step_backward"
def rnn_step_backward(dnext_h, cache):
    """Backward through one step.

    Args:
        dnext_h: gradient of the loss with respect to next_h, shape (N, H).
        cache: what rnn_step_forward returned for this step.

    Returns:
        dx: gradient with respect to x, shape (N, D).
        dprev_h: gradient with respect to prev_h, shape (N, H).
        dWx: gradient with respect to Wx, shape (D, H).
        dWh: gradient with respect to Wh, shape (H, H).
        db: gradient with respect to b, shape (H,).
    """
    ### BEGIN SOLUTION
    x, prev_h, Wx, Wh, a = cache
    da = dnext_h * (1 - np.tanh(a) ** 2)
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db
    ### END SOLUTION


# %% check="rnn_step_backward"
check("rnn_step_backward")

# %% [markdown]
# ## Part 2: a whole sequence
#
# Section: [chapter 2, "The unrolled
# sequence"]({BOOK}/chapters/02-vanilla-rnn.html#unrolled-sequence).
#
# The step is used $T$ times, each time with the next input, with the state that the step before
# made, and with the same three weights.

# %% free="picture_sequence"
fig = diagrams.unrolled_rnn(4, outputs=False)
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# ### Exercise 3: `rnn_forward` (4 points)
#
# **Why.** A layer above may want to read the state at every step, so you return all $T$ of them.
#
# **Watch for.** `x` has time on its second axis and so has the result. The initial state is an
# input like the others and is rarely zero: in image captioning it *is* the image ([chapter 2,
# "The initial state"]({BOOK}/chapters/02-vanilla-rnn.html#initial-state)). Think of $T = 1$. And
# what does the cache of a sequence have to hold, if going back needs the cache of every step?


# %% exercise="rnn_forward"
def rnn_forward(x, h0, Wx, Wh, b):
    """Run the recurrence over a whole sequence.

    Args:
        x: the inputs of all steps, shape (N, T, D).
        h0: the initial state, shape (N, H).
        Wx, Wh, b: the weights of every step, shapes (D, H), (H, H) and (H,).

    Returns:
        h: the states after every step, shape (N, T, H); h0 is not among them.
        cache: whatever rnn_backward needs.
    """
    ### BEGIN SOLUTION
    state = h0
    states, cache = [], []
    for t in range(x.shape[1]):
        state, step_cache = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        states.append(state)
        cache.append(step_cache)
    h = np.stack(states, axis=1)
    return h, cache
    ### END SOLUTION


# %% check="rnn_forward"
check("rnn_forward")

# %% [markdown]
# ### Exercise 4: `rnn_backward` (6 points)
#
# Sections: [chapter 3, "The hidden state has two
# children"]({BOOK}/chapters/03-bptt.html#two-children) and ["The whole
# pass"]({BOOK}/chapters/03-bptt.html#bptt-recursion).
#
# Suppose that something above the states has an opinion about each of them: `dh[:, t]` is the
# gradient that reaches the state of step $t$ *from above*, from the output of that very step. In
# the picture those are the arrows that come down. The arrows that run to the left are your work.

# %% free="picture_backward"
fig = diagrams.unrolled_rnn(3, weights=False, gradients=True)
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# **Why.** This is backpropagation through time. It is the chain rule and bookkeeping, and the
# bookkeeping is where it goes wrong.
#
# **Watch for.**
#
# - A state is used twice: by the output of its step and by the next step. A node that is used
#   twice gets two gradients, and they are added ([chapter 3, "Two
#   children"]({BOOK}/chapters/03-bptt.html#two-children)).
# - The weights are used $T$ times ([chapter 3, "One matrix, used at every
#   step"]({BOOK}/chapters/03-bptt.html#shared-weights)).
# - $h_0$ has a gradient too ([chapter 3, "The initial
#   state"]({BOOK}/chapters/03-bptt.html#gradient-of-h0)).
# - If only the last output had a loss, some mistakes would not show. The check gives every step a
#   gradient of its own.


# %% exercise="rnn_backward"
def rnn_backward(dh, cache):
    """Backpropagation through time.

    Args:
        dh: gradient of the loss with respect to every state *by way of the output of that step
            alone*, shape (N, T, H). What reaches a state from later steps is yours to add.
        cache: what rnn_forward returned.

    Returns:
        dx: gradient with respect to x, shape (N, T, D).
        dh0: gradient with respect to h0, shape (N, H).
        dWx, dWh, db: gradients with respect to the weights, shapes (D, H), (H, H) and (H,).
    """
    ### BEGIN SOLUTION
    T = dh.shape[1]
    dx = [None] * T
    dprev_h = np.zeros_like(dh[:, 0])
    dWx, dWh, db = 0.0, 0.0, 0.0
    for t in reversed(range(T)):
        dnext_h = dh[:, t] + dprev_h
        dx[t], dprev_h, dWx_t, dWh_t, db_t = rnn_step_backward(dnext_h, cache[t])
        dWx, dWh, db = dWx + dWx_t, dWh + dWh_t, db + db_t
    dx = np.stack(dx, axis=1)
    return dx, dprev_h, dWx, dWh, db
    ### END SOLUTION


# %% check="rnn_backward"
check("rnn_backward")

# %% [markdown]
# ## Part 3: from states to a loss
#
# Section: [chapter 2, "The output layer"]({BOOK}/chapters/02-vanilla-rnn.html#output-layer) and
# ["A loss at every step"]({BOOK}/chapters/02-vanilla-rnn.html#loss-per-step).
#
# At every step the state is turned into scores for $V$ classes, the scores into a loss, and the
# losses of all steps are averaged to one number.

# %% free="picture_loss"
fig = diagrams.unrolled_rnn(3, losses=True)
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# ### Exercise 5: `temporal_affine_forward` (2 points)
#
# The same affine map $x w + b$ at every step of every sample: with $N T$ vectors in, there are $N
# T$ vectors out. In the network above it takes the states to the scores, $o_t = h_t W_y + b_y$,
# so the `x` of this function will be the states.
#
# **Watch for.** There is no step here that depends on another one, so no loop is needed. If you
# put sample and step into one axis, mind the order in which the numbers lie in memory: `reshape`
# relabels them and never moves them.


# %% exercise="temporal_affine_forward"
def temporal_affine_forward(x, w, b):
    """The same affine map at every step.

    Args:
        x: a vector for every step of every sample, shape (N, T, D).
        w: weights, shape (D, M).
        b: bias, shape (M,).

    Returns:
        out: x w + b at every step, shape (N, T, M).
        cache: whatever temporal_affine_backward needs.
    """
    ### BEGIN SOLUTION
    N, T, D = x.shape
    rows = x.reshape(N * T, D)
    out = (rows @ w + b).reshape(N, T, -1)
    cache = (x, w)
    return out, cache
    ### END SOLUTION


# %% check="temporal_affine_forward"
check("temporal_affine_forward")

# %% [markdown]
# ### Exercise 6: `temporal_affine_backward` (3 points)
#
# Section: [chapter 3, "Layers over time: affine"]({BOOK}/chapters/03-bptt.html#affine-backward).
#
# **Why.** Its `dx` is what `rnn_backward` takes as `dh`.
#
# **Watch for.** How often is `w` used, and how often `b`? What happens to the gradients of
# something that is used that often?


# %% exercise="temporal_affine_backward"
def temporal_affine_backward(dout, cache):
    """Backward through the affine map.

    Args:
        dout: gradient of the loss with respect to out, shape (N, T, M).
        cache: what temporal_affine_forward returned.

    Returns:
        dx: gradient with respect to x, shape (N, T, D).
        dw: gradient with respect to w, shape (D, M).
        db: gradient with respect to b, shape (M,).
    """
    ### BEGIN SOLUTION
    x, w = cache
    N, T, M = dout.shape
    rows, drows = x.reshape(N * T, -1), dout.reshape(N * T, M)
    dx = (drows @ w.T).reshape(x.shape)
    dw = rows.T @ drows
    db = drows.sum(axis=0)
    return dx, dw, db
    ### END SOLUTION


# %% check="temporal_affine_backward"
check("temporal_affine_backward")

# %% [markdown]
# ### Exercise 7: `temporal_softmax_loss` (5 points)
#
# Section: [chapter 3, "Layers over time: softmax loss with a
# mask"]({BOOK}/chapters/03-bptt.html#masked-loss) and ["From the loss to the
# logits"]({BOOK}/chapters/03-bptt.html#softmax-gradient).
#
# A token is one step of one sample. Its loss is minus the logarithm of the probability that the
# softmax of its scores gives to the right class. The loss of the batch is the *mean over the
# tokens that the mask keeps*:
#
# $$L = -\frac{1}{M} \sum_{n,t} m_{nt} \log \hat y_{nt}[y_{nt}],
# \qquad M = \sum_{n,t} m_{nt}.$$
#
# An example: one sample, two tokens, two classes. The scores of the first token are $(0, 0)$, so
# both classes have probability $1/2$ and the loss is $\log 2 = 0.693$ whichever is right. The
# second token is masked. Then $L = 0.693$, not half of it, and the gradient of the second token
# is zero.
#
# **Why.** Sentences differ in length and are padded to form a batch. What was padded must teach
# nothing.
#
# **Watch for.**
#
# - The mask is `True` where a token counts. It may have holes anywhere, keep all or nothing. With
#   nothing kept, the loss is `0.0` and the gradient zeros.
# - `y` holds a legal class also where the mask is `False`. Class 0 is a class like any other.
# - Scores of 1000 are legal. The exponential of 1000 is not a number that fits; a softmax does
#   not change when all scores of a token are moved by the same amount.
# - The logarithm of a probability that was rounded to zero is infinite. Take the logarithm of the
#   softmax on paper first.


# %% exercise="temporal_softmax_loss"
def temporal_softmax_loss(x, y, mask):
    """Mean cross-entropy over the tokens that the mask keeps, and its gradient.

    Args:
        x: scores (logits) of V classes at every step, shape (N, T, V).
        y: the right class at every step, integers from 0 to V - 1, shape (N, T).
        mask: True where a token counts, False where it does not, shape (N, T).

    Returns:
        loss: a float; 0.0 if the mask keeps nothing.
        dx: gradient of the loss with respect to x, shape (N, T, V).
    """
    ### BEGIN SOLUTION
    weights = (mask / max(mask.sum(), 1))[:, :, None]
    shifted = x - x.max(axis=2, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    right = np.eye(x.shape[2])[y]
    loss = np.sum(-log_probs * right * weights)
    dx = (np.exp(log_probs) - right) * weights
    return float(loss), dx
    ### END SOLUTION


# %% check="temporal_softmax_loss"
check("temporal_softmax_loss")

# %% free="example_loss"
# The example by hand: this should print 0.693, then [-0.5  0.5] and zeros.
with when_solved():
    loss, dx = temporal_softmax_loss(
        np.array([[[0.0, 0.0], [3.0, 1.0]]]), np.array([[0, 1]]), np.array([[True, False]])
    )
    print(round(loss, 3))
    print(dx)

# %% [markdown]
# ## Part 4: never trust a gradient that you have not checked
#
# Section: [chapter 3, "Gradient checking"]({BOOK}/chapters/03-bptt.html#gradient-checking).
#
# ### Exercise 8: `numerical_gradient` (4 points)
#
# A derivative is the limit of a quotient, so it can be estimated without any calculus. For a
# function $f$ of an array $x$ whose result is an array, take the number $\Phi(x) = \sum_i f(x)_i
# \, df_i$ with given weights $df$. Its gradient is what a backward function returns when it is
# handed $df$. Move one element of $x$ by $h$ up and down and leave the others alone ($e_j$ is 1
# at place $j$ and 0 elsewhere):
#
# $$\frac{\partial \Phi}{\partial x_j} \approx \frac{\Phi(x + h\,e_j) - \Phi(x - h\,e_j)}{2h}.$$
#
# An example: $f(x) = x^2$ at $x = 3$ with $df = 1$ and $h = 0.1$ gives $(9.61 - 8.41) / 0.2 = 6$.
#
# **Why.** It tells you whether a backward function is right without knowing the right answer.
#
# **Watch for.**
#
# - Two calls of $f$ per element. $f$ may return an array of any shape, or a number.
# - $x$ may have any number of axes, also none, and need not lie in one piece in memory: a
#   transposed array or every second column of another one. `reshape(-1)` and `ravel` then give
#   you a copy.
# - You may work on $x$ itself or on a copy of it. Afterwards $x$ must be what it was, to the last
#   bit: adding $h$ and subtracting it again does not always give the number that was there.
# - Use the $h$ that you are given.


# %% exercise="numerical_gradient"
def numerical_gradient(f, x, df, h=1e-5):
    """Gradient of sum(f(x) * df) with respect to x by central differences.

    Args:
        f: a function of one array, which returns an array or a number.
        x: where to take the gradient: a float64 array of any dimension, contiguous in memory or
            not. It may be changed on the way, but is bit for bit as it was in the end.
        df: the weight of every element of f(x), of the shape of f(x).
        h: the step, up and down.

    Returns:
        grad: an array of the shape of x.
    """
    ### BEGIN SOLUTION
    grad = np.zeros_like(x)
    elements = x.flat
    for i in range(x.size):
        value = elements[i]
        elements[i] = value + h
        above = np.sum(f(x) * df)
        elements[i] = value - h
        below = np.sum(f(x) * df)
        elements[i] = value  # bit for bit as it was
        grad.flat[i] = (above - below) / (2 * h)
    return grad
    ### END SOLUTION


# %% check="numerical_gradient"
check("numerical_gradient")

# %% [markdown]
# ### Check your own network
#
# With `numerical_gradient` you can check all of your backward functions at once: the gradient of
# the loss with respect to every parameter, through softmax, affine layer and recurrence. The cell
# below puts your functions together to a network, which the experiment uses as well.
#
# Relative errors below $10^{-8}$ are what central differences leave of a right gradient. At
# $10^{-3}$ and above there is a mistake.


# %% free="network"
def new_parameters(rng, D, H, V):
    """Random weights, scaled so that a state is neither silent nor saturated."""
    return {
        "Wx": rng.normal(0, 0.5, (D, H)),
        "Wh": rng.normal(0, 0.9 / np.sqrt(H), (H, H)),
        "b": np.zeros(H),
        "Wy": rng.normal(0, 1 / np.sqrt(H), (H, V)),
        "by": np.zeros(V),
    }


def scores_of(p, x, h0):
    """Scores (N, T, V) of the network with parameters p, and the caches of its two layers."""
    h, below = rnn_forward(x, h0, p["Wx"], p["Wh"], p["b"])
    scores, above = temporal_affine_forward(h, p["Wy"], p["by"])
    return scores, (below, above)


def loss_and_gradients(p, x, y, mask, h0):
    """Loss, scores, and the gradients of all parameters by backpropagation through time."""
    scores, (below, above) = scores_of(p, x, h0)
    loss, dscores = temporal_softmax_loss(scores, y, mask)
    g = {}
    dh, g["Wy"], g["by"] = temporal_affine_backward(dscores, above)
    _, _, g["Wx"], g["Wh"], g["b"] = rnn_backward(dh, below)
    return loss, scores, g


# %% free="gradient_check"
def gradient_check(seed=0):
    """Compare every gradient of a small network with central differences."""
    rng = np.random.default_rng(seed)
    N, T, D, H, V = 2, 4, 3, 5, 6
    x, h0 = rng.normal(size=(N, T, D)), rng.normal(size=(N, H))
    y, mask = rng.integers(0, V, (N, T)), rng.random((N, T)) < 0.7
    p = new_parameters(rng, D, H, V)
    _, _, g = loss_and_gradients(p, x, y, mask, h0)
    for name in p:

        def loss_of(value, name=name):
            scores, _ = scores_of(p | {name: value}, x, h0)
            return temporal_softmax_loss(scores, y, mask)[0]

        estimate = numerical_gradient(loss_of, p[name], 1.0)
        error = np.abs(g[name] - estimate).max() / np.abs(estimate).max()
        print(f"d{name:<3} shape {g[name].shape!s:<7} relative error {error:.0e}")


with when_solved():
    gradient_check()

# %% [markdown]
# ## Part 5: does it remember?
#
# The network reads a random sequence of four symbols and must name, at every step, the symbol
# that it saw $k$ steps *before*. For $k = 0$ no memory is needed. For larger $k$ the symbol has
# to survive $k$ steps inside the state while others arrive, and the gradient that teaches this
# has to travel $k$ steps back through time. Guessing is right in one of four cases. The first $k$
# steps have no answer and are masked.
#
# The cell trains one small network for each $k$ with plain gradient descent: a step against the
# gradient, shortened if the gradient is longer than 1. It takes a few seconds.

# %% free="experiment"
SYMBOLS, UNITS, STEPS = 4, 24, 20


def recall_task(rng, N, k):
    """N random sequences of symbols; the answer at each step is the symbol k steps before."""
    ids = rng.integers(0, SYMBOLS, (N, STEPS))
    x = (ids[..., None] == np.arange(SYMBOLS)).astype(float)
    mask = np.tile(np.arange(STEPS) >= k, (N, 1))
    return x, np.roll(ids, k, axis=1), mask


def accuracy(scores, y, mask):
    """Share of the unmasked tokens whose highest score is that of the right class."""
    return (scores.argmax(axis=-1) == y)[mask].mean()


def train(k, updates=500, N=16, rate=0.5, longest=1.0, seed=1):
    """Train a network to recall k steps back; return its losses and its accuracy on new data."""
    rng = np.random.default_rng(seed)
    p, h0 = new_parameters(rng, SYMBOLS, UNITS, SYMBOLS), np.zeros((N, UNITS))
    losses = []
    for _ in range(updates):
        loss, _, g = loss_and_gradients(p, *recall_task(rng, N, k), h0)
        length = np.sqrt(sum(np.vdot(v, v) for v in g.values()))
        for name in p:
            p[name] -= rate / max(length / longest, 1.0) * g[name]
        losses.append(loss)
    x, y, mask = recall_task(rng, 200, k)
    scores, _ = scores_of(p, x, np.zeros((200, UNITS)))
    return losses, accuracy(scores, y, mask)


def experiment(ks=(0, 2, 4, 6, 8, 10, 12), shown=(2, 6, 10)):
    """Train for every k in ks; draw the losses of those in shown, and all accuracies."""
    results = {k: train(k) for k in ks}
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.2))
    for i, k in enumerate(shown):
        smooth = np.convolve(results[k][0], np.ones(10) / 10, mode="valid")
        left.plot(smooth, label=f"k = {k}", **plot.series(i))
    left.axhline(np.log(SYMBOLS), color=plot.FAINT, linestyle=":")
    left.annotate("guessing", (len(smooth), np.log(SYMBOLS)), (0, 3), ha="right", **OFFSET)
    left.set(xlabel="update", ylabel="loss (nats per token)", ylim=(0, 2))
    left.legend(ncols=len(shown), loc="upper center", handlelength=2, columnspacing=1)
    right.plot(ks, [results[k][1] for k in ks], **plot.series(0, marker=True))
    right.axhline(1 / SYMBOLS, color=plot.FAINT, linestyle=":")
    right.annotate("guessing", (max(ks), 1 / SYMBOLS), (0, 3), ha="right", **OFFSET)
    right.set(xlabel="k, steps to remember", ylabel="accuracy on new sequences")
    right.set(xticks=ks, ylim=(0, 1.05))
    found = ", ".join(f"{results[k][1]:.2f} for k = {k}" for k in ks)
    plot.show(
        fig,
        alt="Left: training loss against updates for "
        f"k = {', '.join(map(str, shown))}. Right: accuracy on new sequences: {found}.",
    )


OFFSET = {"textcoords": "offset points", "color": plot.INK, "fontsize": 9}

with when_solved():
    experiment()

# %% [markdown]
# Look at the right panel from left to right. Up to some $k$ the network remembers without a
# mistake, then it falls off. Nothing in the network forbids it to remember further: the state has
# room for it, and backpropagation through time reaches every step. What is it, then? Change
# something and see whether the edge moves: more units, more updates, another scale of `Wh` in
# `new_parameters`. [Chapter 3]({BOOK}/chapters/03-bptt.html#bptt-recursion) has the factors that
# a gradient collects on its way, and chapter 5 will measure them.
#
# ## Part 6: in words
#
# This answer is read and marked by a person (6 points).

# %% [markdown]
# ### Question: backpropagation through time in words (6 points)
#
# Answer in whole sentences, together at most about 200 words. Formulas are welcome and not
# required.
#
# 1. In `rnn_backward`, two gradients are added at each state. Where does each of them come from,
#    and why are they added?
# 2. Somebody divides the gradient of `Wh` by $T$, "because it is used $T$ times". Why is that
#    wrong? Where would be the right place to decide that long sequences should not count more
#    than short ones?
# 3. In your experiment the network fails to recall symbols from far back. Which factors does the
#    gradient that should teach it collect on the way from the output at step $t$ to the input at
#    step $t - k$? Can you conclude from the plot alone that these factors are the reason?

# %% [markdown] written="bptt_in_words" points=6
# ### BEGIN SOLUTION
# **Model answer.**
#
# 1. A state is read twice: by the output layer of its own step and by the next step. The loss
#    depends on it along both ways, and by the chain rule the derivative along several ways is the
#    sum of the derivatives along each. The first part is `dh[:, t]`, the second is what the
#    backward step of t + 1 returned for its previous state; at the last step there is no second
#    part.
#
# 2. The weights are one variable that is used T times. A small change of it acts at all T uses at
#    once, and the effects on the loss add up, so the gradient of the loss is the sum; dividing
#    gives the gradient of no loss (with the other parameters undivided it is not even a multiple
#    of the true direction). Long sequences weigh more or less by how the loss is averaged (over
#    tokens, or per sequence first): that is decided in the loss, once, and reaches all gradients
#    from there.
#
# 3. One factor per step: the product of the recurrent weights, transposed, with the slope of the
#    tanh at that step, so k times a multiplication by Wh and by numbers between 0 and 1; then the
#    output weights at one end and Wx with one more slope at the other. If the product shrinks,
#    far symbols teach little. The plot shows only that recall fails: too few updates, too few
#    units, interference by the symbols in between would look the same. One would have to measure
#    the gradient's size against k, or show that the failure stays with more units and updates.
#
# **Marking scheme (6 points).**
#
# - Question 1: 1 point for naming both origins (own output, next step), 1 point for the reason:
#   several ways from the state to the loss, chain rule sums them. "Because the formula says so"
#   earns nothing.
# - Question 2: 1 point for one shared variable whose effects add up, 1 point for the loss as the
#   place to decide.
# - Question 3: 1 point for a factor of Wh *and* of the tanh's slope at each of the k steps (Wh
#   alone: half a point), 1 point for seeing that the plot alone does not prove it, with another
#   possible reason or a measurement that would decide.
# - Do not take points off for language, or for length up to 300 words.
# ### END SOLUTION
