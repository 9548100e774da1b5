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
# # Assignment 3: why long memories are hard
#
# At the end of assignment 1 a network failed to recall what it had read a dozen steps before. You
# find out why, with instruments that you build yourself: powers of a matrix, the norms of the
# Jacobians along a sequence, a bound on them, and units whose path through time has no matrix in
# it. Then you measure how often training succeeds as the sequence grows, for a vanilla network
# and for an LSTM, and compare it with what your instruments say.
#
# The chapter is [chapter 5, "Gradient flow: why long memories are
# hard"]({BOOK}/chapters/05-gradient-flow.html). Each exercise names its section.

# %% [markdown]
# ## How to work with this notebook
#
# - Write your code where the cell says `YOUR CODE HERE`. The line that raises
#   `NotImplementedError` goes away with it.
# - Run the cell `check("...")` below it. It calls your function on a few random inputs. The same
#   check with other inputs decides the points. All checks answer at once, except that of the last
#   exercise, which trains small networks and takes some seconds.
# - A check that fails says which result is off and by how much. If your result is that of a known
#   mistake, it asks you a question and names a section of the book.
# - Every function is pure: it must not write into the arrays and lists that it is given.
# - The exercises do not call each other. Do them in any order; the text follows this one.
#
# ## Shapes
#
# Vectors are rows and time comes first here, because we follow one sequence and not a batch.
#
# | in the book | in the code | shape | what it is |
# |---|---|---|---|
# | $W_h$ | `Wh` (or `W`) | $(H, H)$ | recurrent weights; $(j, i)$ leads from unit $j$ to unit $i$ |
# | $h_1 \dots h_T$ | `h` | $(T, H)$ | states after all steps; `h[t]` is a row, `t` counts from 0 |
# | $\partial h_t / \partial h_{t-1}$ | | $(H, H)$ | Jacobian; $(i, j)$: new unit $i$, old $j$ |
# | $\lVert M \rVert$ | | number | spectral norm: the largest singular value $\sigma_{\max}(M)$ |
# | $\rho(W)$ | `rho` | number | spectral radius: the largest eigenvalue *modulus* |
# | $\mu_t$, $v_t$ | `mu`, `v` | any, equal | running average and new value of a leaky unit |
# | $\alpha$ | `alpha` | number | share that a leaky unit keeps in one step |
#
# All arrays are float64.

# %% locked="setup"
import traceback
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import torch

from unrolled import check, plot

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
# ## Part 1: powers of a matrix
#
# Section: [chapter 5, "Powers of a matrix"]({BOOK}/chapters/05-gradient-flow.html#eigen-powers).
#
# Leave the tanh away for a moment: $h_t = h_{t-1} W_h$. Then going $n$ steps is multiplying by
# $W_h^n$, forward as well as backward, and everything about long memories is in this power.
#
# The trick to understand a power is to look for directions that the matrix only stretches. If $W$
# has $H$ independent eigenvectors, the columns of $Q$, with the eigenvalues $\lambda_i$, then
#
# $$W = Q \Lambda Q^{-1}, \qquad W^n = Q \Lambda^n Q^{-1},$$
#
# and the only thing left to raise to a power is one number per direction.
#
# ### Exercise 1: `matrix_power_eig` (4 points)
#
# An example to do by hand first:
#
# $$W = \begin{pmatrix} 1 & 2 \\ 2 & 1 \end{pmatrix}, \quad \lambda = (3, -1), \quad
# Q = \frac{1}{\sqrt 2} \begin{pmatrix} 1 & 1 \\ 1 & -1 \end{pmatrix}, \quad n = 3.$$
#
# $\Lambda^3$ has $27$ and $-1$ on its diagonal, so $W^3$ has $(27 - 1) / 2 = 13$ on the diagonal
# and $(27 + 1) / 2 = 14$ beside it.
#
# **Why.** The largest eigenvalue modulus decides in the long run what is left of a gradient. The
# factorisation shows where this comes from, and what it leaves out.
#
# **Watch for.** Eigenvectors of a matrix that is not symmetric are not orthogonal: look at the
# last factor. The eigenvalues of a real matrix may be complex, and they come in conjugate pairs.
# What does that mean for the sum, which has to be real? And $n$ may be 0.


# %% exercise="matrix_power_eig"
def matrix_power_eig(W, n):
    """The n-th power of a diagonalizable matrix, from its eigendecomposition.

    Args:
        W: a real matrix with H independent eigenvectors, shape (H, H). Its eigenvalues may be
            complex.
        n: the exponent, an integer that is not negative.

    Returns:
        W multiplied n times by itself, shape (H, H); real.
    """
    ### BEGIN SOLUTION
    values, Q = np.linalg.eig(W)
    power = (Q * values**n) @ np.linalg.inv(Q)
    return power.real
    ### END SOLUTION


# %% check="matrix_power_eig"
check("matrix_power_eig")

# %% free="example_power"
# The example by hand: this should print [[13. 14.] and [14. 13.]].
with when_solved():
    print(matrix_power_eig(np.array([[1.0, 2.0], [2.0, 1.0]]), 3).round(6))

# %% [markdown]
# ### Exercise 2: `rescale_spectral_radius` (3 points)
#
# Section: [chapter 5, "The modulus
# counts"]({BOOK}/chapters/05-gradient-flow.html#modulus-not-sign).
#
# $\lambda^n$ grows if $|\lambda| > 1$ and shrinks if $|\lambda| < 1$, whatever the sign of
# $\lambda$ or its angle in the complex plane. The largest modulus of all eigenvalues is the
# *spectral radius* $\rho(W)$.
#
# By hand: $W = \begin{pmatrix} 0.5 & 0 \\ 3 & -2 \end{pmatrix}$ has the eigenvalues $0.5$ and
# $-2$, hence the spectral radius $2$. To get the radius $1$, multiply by $\frac12$:
# $\begin{pmatrix} 0.25 & 0 \\ 1.5 & -1 \end{pmatrix}$.
#
# **Why.** This is how recurrent weights are often prepared ("set the radius a little below 1"),
# and in the experiments below you want to turn this one dial.
#
# **Watch for.** Which of the eigenvalues is the largest in this sense? What does a factor in
# front of a matrix do to its eigenvalues?


# %% exercise="rescale_spectral_radius"
def rescale_spectral_radius(W, rho):
    """A multiple of W whose spectral radius is rho.

    Args:
        W: a real matrix with some eigenvalue that is not zero, shape (H, H); it stays unchanged.
        rho: the wanted spectral radius, a positive number.

    Returns:
        W times a positive number, shape (H, H); its largest eigenvalue modulus is rho.
    """
    ### BEGIN SOLUTION
    radius = np.abs(np.linalg.eigvals(W)).max()
    return W * (rho / radius)
    ### END SOLUTION


# %% check="rescale_spectral_radius"
check("rescale_spectral_radius")

# %% [markdown]
# Now put the two together. The cell takes one random matrix, rescales it to three radii, and
# draws the norm of its powers.


# %% free="picture_powers"
def powers(radii=(0.9, 1.0, 1.1), H=24, longest=40, seed=1):
    """Draw the norms of the powers of one random matrix, rescaled to several radii."""
    base = np.random.default_rng(seed).normal(size=(H, H))
    n, said = np.arange(longest + 1), []
    fig, ax = plt.subplots(figsize=(6.4, 3.4))
    for k, radius in enumerate(radii):
        W = rescale_spectral_radius(base, radius)
        norms = [np.linalg.norm(matrix_power_eig(W, i), 2) for i in n]
        style = plot.series(k)
        ax.semilogy(n, norms, label=f"radius {radius:g}", **style)
        ax.semilogy(n, radius**n, color=style["color"], linewidth=0.8, alpha=0.7)
        said.append(f"radius {radius:g}: {norms[1]:.1f}, {norms[-1]:.1g}")
    ax.set(xlabel="n", ylabel="norm of the n-th power")
    ax.legend()
    alt = f"Norms of the powers, n = 1 and n = {longest}: {'; '.join(said)}."
    plot.show(fig, alt=f"{alt} The thin lines are the powers of the radius.")


with when_solved():
    powers()

# %% [markdown]
# The thin lines are $\rho^n$. In the long run the slopes are the same, so the radius decides. At
# the beginning it does not: even with a radius below 1, one step *lengthens* some vector. A
# matrix whose eigenvectors are not orthogonal can do that, and for sequences of a few steps this
# is all that counts ([chapter 5, "Growth before
# decay"]({BOOK}/chapters/05-gradient-flow.html#non-normal)).
#
# ## Part 2: through a tanh network
#
# Section: [chapter 5, "From one step to
# many"]({BOOK}/chapters/05-gradient-flow.html#jacobian-product).
#
# With the tanh back, $h_t = \tanh(x_t W_x + h_{t-1} W_h + b)$, each step has its own Jacobian:
#
# $$J_t = \frac{\partial h_t}{\partial h_{t-1}} = \operatorname{diag}(1 - h_t^2)\, W_h^\top,
# \qquad \frac{\partial h_T}{\partial h_k} = J_T\, J_{T-1} \cdots J_{k+1}.$$
#
# A gradient that is sent from $h_T$ arrives at $h_k$ at most $\lVert \partial h_T / \partial h_k
# \rVert$ times as long.
#
# ### Exercise 3: `gradient_norms` (6 points)
#
# By hand, with one unit and $W_h = 2$: let the states be $0.9$, $0.5$, $-0.6$. Their slopes $1 -
# h^2$ are $0.19$, $0.75$, $0.64$. No step back: $1$. One step back, from the last state to the one
# before: $0.64 \cdot 2 = 1.28$. Two steps back: $1.28 \cdot 0.75 \cdot 2 = 1.92$. That is all:
# which of the slopes did not occur, and why?
#
# **Why.** This is the instrument that shows a vanishing gradient. It needs nothing but the states
# of a forward pass and the recurrent weights; the inputs are already in the states.
#
# **Watch for.**
#
# - Matrices do not commute. Which factor comes to the left, the later step or the earlier one?
#   And within one step, does the slope stand before or behind the weights?
# - The slope of a step belongs to the state *after* it.
# - Multiply first, take the norm then. The norm of a product is not the product of the norms.
# - Which norm? The one that says how long a vector can become.


# %% exercise="gradient_norms"
def gradient_norms(h, Wh):
    """How much of a gradient can arrive, step by step back from the last state.

    Args:
        h: the states of a tanh network after T steps, shape (T, H); every entry lies in [-1, 1].
        Wh: its recurrent weights, shape (H, H): the network computes tanh(... + h[t-1] Wh).

    Returns:
        norms, shape (T,): norms[k] is the spectral norm of the Jacobian of h[T-1] with respect to
        h[T-1-k]; norms[0] is 1.
    """
    ### BEGIN SOLUTION
    product = np.eye(h.shape[1])
    norms = [1.0]
    for state in h[:0:-1]:  # the first state has no step before it that is asked for
        jac = np.diag(1 - state**2) @ Wh.T
        product = product @ jac
        norms.append(np.linalg.norm(product, 2))
    return np.array(norms)
    ### END SOLUTION


# %% check="gradient_norms"
check("gradient_norms")

# %% free="example_norms"
# The example by hand: this should print [1.   1.28 1.92].
with when_solved():
    print(gradient_norms(np.array([[0.9], [0.5], [-0.6]]), np.array([[2.0]])))

# %% [markdown]
# ### Exercise 4: `vanishing_bound` (2 points)
#
# Section: [chapter 5, "A bound: singular
# values"]({BOOK}/chapters/05-gradient-flow.html#singular-bound).
#
# What is certain before a single state is known? The slope of tanh is at most 1, and a product is
# at most as long as the product of its factors' norms. So $T$ steps multiply a gradient by at most
# $\sigma_{\max}(W_h)^T$.
#
# By hand: $W_h = \begin{pmatrix} 0 & 3 \\ 0 & 0 \end{pmatrix}$ turns $(1, 0)$ into $(0, 3)$ and
# $(0, 1)$ into nothing, so $\sigma_{\max} = 3$ and the bound for two steps is $9$. Both
# eigenvalues are zero, and so is $W_h^2$: a bound need not be close.
#
# **Why.** If this number is small, gradients vanish, for all inputs and all states. If it is
# large, nothing follows.


# %% exercise="vanishing_bound"
def vanishing_bound(Wh, T):
    """An upper bound on the norm of the Jacobian over T steps of a tanh network.

    Args:
        Wh: recurrent weights, shape (H, H).
        T: number of steps, an integer that is not negative.

    Returns:
        The largest singular value of Wh to the power T, a number.
    """
    ### BEGIN SOLUTION
    singular_values = np.linalg.svd(Wh, compute_uv=False)
    return float(singular_values.max() ** T)
    ### END SOLUTION


# %% check="vanishing_bound"
check("vanishing_bound")

# %% [markdown]
# Three statements about the same network are now on the table: the radius to the power $k$, the
# bound, and what you measure. The cell runs one matrix with small, medium and large inputs.


# %% free="picture_norms"
def states_of(Wh, scale, T, seed):
    """T states of a tanh network that reads random inputs of the given scale."""
    rng = np.random.default_rng(seed)
    rows = np.zeros((T, len(Wh)))
    for t in range(T):
        drive = scale * rng.normal(size=len(Wh))
        rows[t] = np.tanh(drive + (rows[t - 1] @ Wh if t else 0.0))
    return rows


def flow(radius=1.1, scales=(0.05, 0.5, 2.0), H=24, T=41, seed=2):
    """Draw measured norms, the bound and the power of the radius over the steps back."""
    Wh = rescale_spectral_radius(np.random.default_rng(seed).normal(size=(H, H)), radius)
    back, said = np.arange(T), []
    fig, ax = plt.subplots(figsize=(6.4, 3.8))
    for k, scale in enumerate(scales):
        norms = gradient_norms(states_of(Wh, scale, T, seed), Wh)
        ax.semilogy(back, norms, label=f"inputs of size {scale:g}", **plot.series(k))
        said.append(f"{norms[-1]:.0e} for inputs of size {scale:g}")
    bound = [vanishing_bound(Wh, int(k)) for k in back]
    ax.semilogy(back, bound, label="bound", **plot.series(3))
    ax.semilogy(back, radius**back, label=f"{radius:g} to the power k", **plot.series(4))
    ax.set(xlabel="k, steps back", ylabel="norm of the Jacobian", ylim=(1e-16, 1e8))
    ax.legend(fontsize=9)
    plot.show(fig, alt=f"Norm of the Jacobian {T - 1} steps back: {', '.join(said)}.")


with when_solved():
    flow()

# %% [markdown]
# One matrix, three fates. The eigenvalues are the same in all three runs, so they cannot be what
# decides. Large inputs drive the units to the ends of the tanh, where its slope is nearly zero,
# and every step costs. The bound holds everywhere and says little, because it is above 1.
#
# A gradient that is too *long* can be shortened before the update ([chapter 5,
# "Clipping"]({BOOK}/chapters/05-gradient-flow.html#clipping)). For one that vanished there is no
# such repair: scaling it up would scale up the recent steps as well.
#
# ## Part 3: a path without a matrix
#
# Section: [chapter 5, "Leaky units"]({BOOK}/chapters/05-gradient-flow.html#leaky-units).
#
# The way out is another path through time, along which a gradient is multiplied by a number that
# we choose. The simplest one is a *leaky unit*, which keeps a running average:
#
# $$\mu_t = \alpha\, \mu_{t-1} + (1 - \alpha)\, v_t.$$
#
# ### Exercise 5: `leaky_step` (2 points)
#
# By hand: $\mu = 4$, $v = 8$, $\alpha = 0.75$ give $3 + 2 = 5$. A quarter of the way from the old
# average to the new value.
#
# **Watch for.** Both weights sum to 1, so an average of equal values stays what it is. Which of
# the two is on the old average? With $\alpha = 1$ the unit never listens.


# %% exercise="leaky_step"
def leaky_step(mu, v, alpha):
    """One step of a running average.

    Args:
        mu: the average before this step; an array of any shape, or a number.
        v: the new value, of the same shape.
        alpha: share of the old average that is kept, a number from 0 to 1.

    Returns:
        The average after this step, of the same shape.
    """
    ### BEGIN SOLUTION
    return alpha * mu + (1 - alpha) * v
    ### END SOLUTION


# %% check="leaky_step"
check("leaky_step")

# %% [markdown]
# ### Exercise 6: `leaky_half_life` (2 points)
#
# Section: [chapter 5, "Half-life"]({BOOK}/chapters/05-gradient-flow.html#half-life).
#
# A value that entered the average is multiplied by $\alpha$ at each later step. After how many
# steps is half of it left? The answer is a real number and not rounded.
#
# By hand: for $\alpha = \frac12$ it takes one step, for $\alpha = \frac14$ half a step, for
# $\alpha = \sqrt{1/2}$ two.


# %% exercise="leaky_half_life"
def leaky_half_life(alpha):
    """The number of steps after which half of a contribution is left.

    Args:
        alpha: the factor per step, a number between 0 and 1 (neither of them).

    Returns:
        The number of steps, a positive number; usually not an integer.
    """
    ### BEGIN SOLUTION
    return float(np.log(0.5) / np.log(alpha))
    ### END SOLUTION


# %% check="leaky_half_life"
check("leaky_half_life")

# %% [markdown]
# The cell lets units with several half-lives listen to the same pulse: one value of 1, then
# zeros. Each curve starts at $1 - \alpha$, the share of the pulse that the unit takes in; drawn is
# what is left of that. One $\alpha$ serves one span of time, and a network may have units of many
# ([chapter 5, "Several time scales"]({BOOK}/chapters/05-gradient-flow.html#time-scales)).


# %% free="picture_leaky"
def pulse(alphas=(0.5, 0.8, 0.95, 0.99), steps=60):
    """Draw what is left of a pulse in leaky units, and mark their half-lives."""
    fig, ax = plt.subplots(figsize=(6.4, 3.4))
    said = []
    for k, alpha in enumerate(alphas):
        mu, kept = leaky_step(0.0, 1.0, alpha), []
        for _ in range(steps + 1):
            kept.append(mu / (1 - alpha))
            mu = leaky_step(mu, 0.0, alpha)
        half = leaky_half_life(alpha)
        style = plot.series(k, marker=True)
        ax.plot(kept, label=f"alpha = {alpha:g}", **{**style, "marker": ""})
        if half <= steps:
            ax.plot(half, 0.5, color=style["color"], marker=style["marker"])
        said.append(f"{half:.1f} steps for alpha = {alpha:g}")
    ax.axhline(0.5, color=plot.FAINT, linewidth=0.8)
    ax.set(xlabel="steps since the pulse", ylabel="share that is left", ylim=(-0.03, 1.4))
    ax.legend(ncols=2, loc="upper center")
    plot.show(
        fig, alt=f"Share of a pulse that is left in leaky units. Half-lives: {', '.join(said)}."
    )


with when_solved():
    pulse()

# %% [markdown]
# ### Exercise 7: `forget_bias_retention` (3 points)
#
# Sections: [chapter 5, "A leak that the network sets
# itself"]({BOOK}/chapters/05-gradient-flow.html#forget-gate-preview) and [chapter 6, "The bias of
# the forget gate"]({BOOK}/chapters/06-lstm.html#forget-bias).
#
# The forget gate of an LSTM is an $\alpha$ that the network computes anew at every step, $f =
# \sigma(a)$ with the logistic function $\sigma(a) = 1 / (1 + e^{-a})$; the cell is multiplied by
# it. Before training the pre-activation $a$ is about the bias of the gate, so after $T$ steps the
# share $\sigma(b)^T$ of the cell is left.
#
# By hand: a bias of $0$ means $\sigma = \frac12$, so one eighth is left after three steps. After
# twenty it is a millionth.
#
# **Why.** This number says whether an untrained LSTM can notice what happened $T$ steps ago. You
# will need a good bias in the last exercise.
#
# **Watch for.** The bias may be any number, also $1000$ or $-1000$: which of the usual formulas
# overflow there? And with $T = 0$ everything is left.


# %% exercise="forget_bias_retention"
def forget_bias_retention(bias, T):
    """The share of the cell that the forget gate alone leaves after T steps.

    Args:
        bias: the pre-activation of the gate, the same at every step; any number.
        T: the number of steps, an integer that is not negative.

    Returns:
        The share, a number from 0 to 1.
    """
    ### BEGIN SOLUTION
    small = np.exp(-abs(bias))
    gate = 1 / (1 + small) if bias >= 0 else small / (1 + small)
    return float(gate**T)
    ### END SOLUTION


# %% check="forget_bias_retention"
check("forget_bias_retention")

# %% free="example_retention"
# What is left after 20 steps, for some biases of the forget gate.
with when_solved():
    for bias in (0, 1, 2, 3, 4, 5):
        print(f"bias {bias}: {forget_bias_retention(bias, 20):.1e}")

# %% [markdown]
# ## Part 4: how often training succeeds
#
# Section: [chapter 5, "How often training
# succeeds"]({BOOK}/chapters/05-gradient-flow.html#success-falls).
#
# The task has one question in it: *what was the first symbol?* The network reads one of four
# symbols at the first step, as a one-hot vector, and then zeros. After the last step its state
# must name the symbol. Nothing else happens, so the only difficulty is the length.
#
# Here PyTorch does the derivatives. `torch.nn.RNN` is the vanilla network of assignment 1,
# `torch.nn.LSTM` the gated one of chapter 6; you write the task, the training and the
# measurement.
#
# ### Exercise 8: `success_rate` (6 points)
#
# One *run* has a length and a seed. It makes a new network, trains it for `steps` updates on fresh
# batches, and then asks it about 256 fresh sequences. The run succeeds if more than 95 % of the
# answers are right. For each length, return the share of the seeds whose run succeeds.
#
# **You choose** the number of units, the batch, the optimiser and the learning rate, and nothing
# of it is checked. 16 to 64 units, 32 sequences per batch and Adam with a rate between 0.003 and
# 0.01 work; limit the gradient's norm ([chapter 5,
# "Clipping"]({BOOK}/chapters/05-gradient-flow.html#clipping)). A linear layer on the state makes
# the four scores.
#
# **What is checked.** Lengths 1 and 2 are learned in 300 updates. Nearly nothing is learned in
# one. In 40 updates length 200 is not learned every time: a network that does so has another way
# to know the symbol than its memory. And the form: one share per length, in the order of
# `lengths`, which may be unsorted and may repeat. The check takes about five seconds.
#
# **Watch for.**
#
# - `batch_first=True` makes PyTorch take $(N, T, 4)$. Which of the states that it returns is the
#   last one?
# - A run is determined by its seed, so that you can look at one again. Different seeds must be
#   different runs.
# - PyTorch draws the biases of an LSTM around 0. Your last exercise says what is left of the cell
#   after 20 steps then. If you want the LSTM to have a chance, set the bias of its forget gate:
#   PyTorch packs the gates in the order input, forget, candidate, output, and adds two bias
#   vectors ([chapter 6, "Two biases"]({BOOK}/chapters/06-lstm.html#two-biases)). The check is
#   content either way; the experiment below is not.


# %% exercise="success_rate"
def success_rate(cell, lengths, seeds, steps):
    """How often training succeeds at recalling the first symbol of a sequence.

    The input of a run is (N, length, 4): a one-hot symbol at the first step, then zeros. The last
    state must name the symbol. A run succeeds if more than 95 % of 256 fresh sequences are right.

    Args:
        cell: "rnn" for a vanilla network, "lstm" for an LSTM.
        lengths: list of sequence lengths, integers from 1; may be unsorted and may repeat.
        seeds: list of integers, one run for each of them at every length.
        steps: number of updates of each run, an integer from 1.

    Returns:
        The share of the seeds that succeed, for each length in the order given: an array of
        floats, shape (len(lengths),).
    """
    ### BEGIN SOLUTION
    H, layer = 32, {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[cell]

    def questions(N, length):
        symbols = torch.randint(4, (N,))
        x = torch.zeros(N, length, 4)
        x[torch.arange(N), 0, symbols] = 1.0
        return x, symbols

    def succeeds(length, seed):
        torch.random.manual_seed(seed)  # everything below is drawn from it
        core, head = layer(4, H, batch_first=True), torch.nn.Linear(H, 4)
        if cell == "lstm":
            torch.nn.init.constant_(core.bias_hh_l0[H : 2 * H], 4.0)  # half-life about 38
        weights = [*core.parameters(), *head.parameters()]
        adam = torch.optim.Adam(weights, lr=0.005)

        def scores(x):
            return head(core(x)[0][:, -1])

        for _ in range(steps):
            x, symbols = questions(32, length)
            adam.zero_grad()
            torch.nn.functional.cross_entropy(scores(x), symbols).backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            adam.step()
        x, symbols = questions(256, length)
        right = scores(x).argmax(dim=1) == symbols
        return right.double().mean().item() > 0.95

    return np.array([np.mean([succeeds(T, seed) for seed in seeds]) for T in lengths])
    ### END SOLUTION


# %% check="success_rate"
check("success_rate")

# %% [markdown]
# ## Part 5: the experiment
#
# The left panel is your `success_rate` over the length, for both cells. The right panel is what
# your instruments say about the same networks *before* training: the norm of the Jacobian from
# the last state to an earlier one in fresh vanilla networks (the median of several), and what a
# forget gate keeps over the same steps, with PyTorch's bias of about 0 and with a bias of 4. It
# takes about twenty seconds.


# %% free="experiment"
def fresh_norms(T, units=32, networks=9):
    """Median Jacobian norms of fresh networks that read one symbol and then zeros."""
    rng, found = np.random.default_rng(0), []
    limit = 1 / np.sqrt(units)  # as PyTorch draws
    for _ in range(networks):
        Wh, first = rng.uniform(-limit, limit, (units, units)), rng.uniform(-limit, limit, units)
        rows = np.tile(rng.uniform(-limit, limit, units), (T, 1))
        for t in range(T):
            rows[t] = np.tanh(rows[t] + (rows[t - 1] @ Wh if t else first))
        found.append(gradient_norms(rows, Wh))
    return np.median(found, axis=0)


def experiment(lengths=(2, 5, 10, 20, 40), seeds=range(6), steps=150):
    """Draw success against length for both cells, and what a gradient keeps before training."""
    names = {"rnn": "vanilla", "lstm": "LSTM"}
    rates = {cell: success_rate(cell, list(lengths), list(seeds), steps) for cell in names}
    back = np.arange(max(lengths))
    kept = {"vanilla": fresh_norms(len(back))}
    for bias in (0, 4):
        kept[f"forget bias {bias}"] = [forget_bias_retention(bias, int(k)) for k in back]
    fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.4))
    for k, (cell, name) in enumerate(names.items()):
        left.plot(lengths, rates[cell], label=name, **plot.series(k, marker=True))
    left.set(xlabel="length", ylabel=f"share of {len(seeds)} runs that succeed", ylim=(-0.05, 1.08))
    left.legend()
    for k, (name, shares) in enumerate(kept.items()):
        right.semilogy(back, shares, label=name, **plot.series(k))
    right.set(xlabel="steps back", ylabel="factor before training", ylim=(1e-13, 3))
    right.legend()
    found = [f"{names[c]} {r:.2f} at {T}" for c, row in rates.items() for T, r in zip(lengths, row)]
    ends = ", ".join(f"{name} {shares[-1]:.0e}" for name, shares in kept.items())
    plot.show(fig, alt=f"Success: {', '.join(found)}. Left over {back[-1]} steps: {ends}.")


with when_solved():
    experiment()

# %% [markdown]
# Look at both panels together. Up to which length does the vanilla network learn, and what is
# left of a gradient over so many steps before training? Then change one thing and run again:
#
# - the bias of the forget gate in your `success_rate`: 0, or PyTorch's own, or 2;
# - more updates, another learning rate, an orthogonal start for the recurrent weights
#   (`torch.nn.init.orthogonal_`);
# - another optimiser. Plain gradient descent is the one that the old papers speak of.
#
# The border moves. [Chapter 5]({BOOK}/chapters/05-gradient-flow.html#success-falls) has such a
# table, and [another remedy]({BOOK}/chapters/05-gradient-flow.html#information-flow) that asks the
# Jacobians to keep their length.
#
# ## Part 6: in words
#
# This answer is read and marked by a person (5 points).

# %% [markdown]
# ### Question: what decides whether a gradient arrives (5 points)
#
# Answer in whole sentences, together at most about 200 words. Formulas are welcome and not
# required.
#
# 1. A slide says: "If the largest eigenvalue of $W_h$ is greater than 1, gradients explode; if it
#    is smaller, they vanish." Name two things that are wrong or missing for a tanh network, each
#    with an observation from this notebook.
# 2. Which statement about vanishing is certain before any input is seen, and which one about
#    exploding?
# 3. In your experiment the gradient over 20 steps is tiny before training, and yet some vanilla
#    networks may learn this length. How can that be? And an LSTM with a forget bias of 0: why do
#    its gates alone not help?

# %% [markdown] written="gradient_flow_in_words" points=5
# ### BEGIN SOLUTION
# **Model answer.**
#
# 1. Any two of: (a) The modulus counts, not the eigenvalue: -2 is smaller than 1 and doubles (the
#    example of exercise 2, complex pairs as well). (b) The chain rule does not multiply by the
#    same matrix: each step has its own slopes. In the picture of part 2 one matrix gives growth or
#    decay depending on the inputs. (c) The statement is about the long run: in the picture of part
#    1 a matrix of radius 0.9 lengthens vectors in the first steps. (d) Small eigenvalues do not
#    exclude large singular values: exercise 4 has a matrix with eigenvalues 0 that triples a
#    vector.
#
# 2. If the largest singular value of Wh is below 1, gradients vanish whatever the inputs, because
#    the slopes of tanh are at most 1: sufficient. That it is above 1 is necessary for an explosion
#    and not sufficient. (Nothing certain can be said for exploding from Wh alone.)
#
# 3. Tiny is not zero: the direction of the gradient is still right, and an optimiser such as Adam
#    divides by the gradient's typical size, so small and consistent gradients count; while it
#    trains, the weights change, and with them the factors. The measured norm is that of the
#    untrained network only. A forget gate with bias 0 is about one half at every step, so over 20
#    steps a millionth is left on the cell's path: a path without a matrix helps only if its factor
#    is close to 1.
#
# **Marking scheme (5 points).**
#
# - Question 1: 1 point for each of two gaps, half of it for the gap, half for an observation from
#   this notebook that shows it.
# - Question 2: 1 point for "largest singular value below 1 is sufficient for vanishing, above 1
#   only necessary for exploding". Half a point if eigenvalues are named in place of singular
#   values, or if only one half is right.
# - Question 3: 1 point for a reason why a tiny gradient can teach (optimiser rescales it, or the
#   factors change during training), 1 point for one half per step, one half to the power of 20.
# - Do not take points off for language, or for length up to 300 words.
# ### END SOLUTION
