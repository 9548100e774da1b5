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
# # Assignment 2: a language model, one character at a time
#
# You write everything that a small language model needs, with nothing but NumPy: the table of
# vectors that stand for characters, the cutting of a long text into pieces, one piece of truncated
# backpropagation through time, a bound on the gradient, the drawing of new text, the number by
# which such models are compared, and a training loop. At the end your model reads the source code
# of Python's standard library for some seconds and then writes some of its own.
#
# The chapter that explains it is [chapter 4, "Language models one character at a
# time"]({BOOK}/chapters/04-language-models.html). The recurrence and its backward pass are those
# of [chapter 3]({BOOK}/chapters/03-bptt.html). Each exercise names its section.

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
#   are lost for a result that is right in general and fails in a corner (one step, one row, huge
#   numbers).
# - No function writes into what it is given, with one exception: `clip_gradients` is *meant* to.
#   What you put into a `cache` is your own business; it must stay valid when the forward function
#   is called again, with other inputs, before the backward function.
# - Nothing of assignment 1 is needed here. If you have solved it, you may copy what you like into
#   the cells of this notebook: you may define as many helpers in a cell as you want, beside the
#   function that it asks for.
# - An exercise may call the ones before it.
#
# ## Shapes
#
# Vectors are rows, the batch comes first, time second, as in the book.
#
# | in the book | in the code | shape | what it is |
# |---|---|---|---|
# | $c_{n,t}$ | `ids`, `x` | $(N, T)$ | characters as ids from $0$ to $V-1$ |
# | $y_{n,t}$ | `y` | $(N, T)$ | the character that follows each of them |
# | $E$ | `W`, `params["embed"]` | $(V, D)$ | embedding: a row for every character |
# | $x_t$ | | $(N, D)$ | rows of the characters read at step $t$ |
# | $h_0$, $h_t$ | `h0`, `hT` | $(N, H)$ | state before the first and after a step |
# | $W_x$, $W_h$, $b$ | `Wx`, `Wh`, `b` | $(D, H)$, $(H, H)$, $(H,)$ | weights of every step |
# | $W_y$, $b_y$ | `Wy`, `by` | $(H, V)$, $(V,)$ | from the state to the logits |
# | $o_t$ | | $(N, V)$ | logits, the scores before the softmax |
# | $\bar q$ | `dq` | that of $q$ | gradient of the loss with respect to $q$ |
#
# All parameters, states and gradients are float64. Ids are integers, of any integer type, and may
# lie in memory in any way.

# %% locked="setup"
import traceback
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np

from unrolled import check, corpus, diagrams, plot

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
# ## Part 1: characters become vectors
#
# Section: [chapter 4, "Rows instead of one-hot
# vectors"]({BOOK}/chapters/04-language-models.html#embedding-lookup).
#
# A network computes with vectors. The embedding is a matrix $E$ with one row per character; to
# read a character is to look up its row. That is the product with a one-hot vector, without the
# multiplications by zero:
#
# $$x_{n,t} = \operatorname{onehot}(c_{n,t})\, E = E[c_{n,t}].$$
#
# ### Exercise 1: `word_embedding_forward` (2 points)
#
# An example with $V = 3$ and $D = 2$: with
# $E = \begin{pmatrix} 1 & 2 \\ 3 & 4 \\ 5 & 6 \end{pmatrix}$ the ids $(2, 0, 2)$ become the three
# rows $(5, 6)$, $(1, 2)$ and $(5, 6)$.
#
# **Why.** Every network that reads text begins with this line.
#
# **Watch for.** The ids $0$ and $V - 1$ are characters like any other. An id that is off by one
# fails at one end of the table only, and at the other NumPy says nothing. For the way back, think
# about what the backward function has to know: which rows were taken, and how many there are.


# %% exercise="word_embedding_forward"
def word_embedding_forward(ids, W):
    """Look up a row of the embedding for every id.

    Args:
        ids: characters as integers from 0 to V - 1, shape (N, T).
        W: the embedding, a row for every character, shape (V, D).

    Returns:
        out: the rows, shape (N, T, D).
        cache: whatever word_embedding_backward needs.
    """
    ### BEGIN SOLUTION
    out = W[ids]
    cache = (ids, W.shape)
    return out, cache
    ### END SOLUTION


# %% check="word_embedding_forward"
check("word_embedding_forward")

# %% [markdown]
# ### Exercise 2: `word_embedding_backward` (3 points)
#
# Section: [chapter 4, "The gradient when a character occurs
# twice"]({BOOK}/chapters/04-language-models.html#embedding-gradient).
#
# A row that is looked up at several places acts on the loss at all of them, so its gradient is
# the sum of what arrives there:
#
# $$\bar E_v = \sum_{(n,t)\,:\; c_{n,t} = v} \bar x_{n,t}.$$
#
# The example goes on: let the gradients that arrive at the three rows be $(1, 10)$, $(2, 20)$ and
# $(3, 30)$. Row 2 was used twice, row 0 once and row 1 never:
# $\bar E = \begin{pmatrix} 2 & 20 \\ 0 & 0 \\ 4 & 40 \end{pmatrix}$.
#
# **Why.** This is how the rows are learned. In English text a blank is one character in six: its
# row collects a sixth of all gradients.
#
# **Watch for.** An indexed `+=` in NumPy is not what it looks like when an id occurs twice. The
# gradient of a row that no id points to is zero, and it has a place in the result all the same.


# %% exercise="word_embedding_backward"
def word_embedding_backward(dout, cache):
    """Gradient of the embedding.

    Args:
        dout: gradient of the loss with respect to the rows that were looked up, shape (N, T, D).
        cache: what word_embedding_forward returned.

    Returns:
        dW: gradient with respect to the embedding, shape (V, D).
    """
    ### BEGIN SOLUTION
    ids, shape = cache
    dW = np.zeros(shape)
    np.add.at(dW, ids, dout)
    return dW
    ### END SOLUTION


# %% check="word_embedding_backward"
check("word_embedding_backward")

# %% free="example_embedding"
# The example by hand: this should print the rows of the text, then [[2, 20], [0, 0], [4, 40]].
with when_solved():
    rows, cache = word_embedding_forward(
        np.array([[2, 0, 2]]), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    )
    print(rows.tolist())
    dout = np.array([[[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]]])
    print(word_embedding_backward(dout, cache).tolist())

# %% [markdown]
# ## Part 2: a long text becomes batches
#
# Section: [chapter 4, "Contiguous
# strips"]({BOOK}/chapters/04-language-models.html#contiguous-strips).
#
# A text of a million characters cannot be unrolled at once. It is cut into as many *strips* as a
# batch has rows, and the strips, all at the same places, into *chunks*. The rows of a batch then
# advance together: what row 2 reads in the next chunk goes on where row 2 of this chunk stopped,
# so the state with which it stopped is the right one to go on with.
#
# The picture shows the alphabet in three rows and chunks of three letters. A frame is what one
# batch reads; its targets are the same frame, moved by one letter.


# %% free="picture_strips"
def picture_strips(rows=3, width=3):
    """The alphabet as strips, with a frame around each chunk."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    length = len(letters) // rows
    fig, ax = plt.subplots(figsize=(6.2, 2.2))
    for r in range(rows):
        for c in range(length):
            ax.text(c, -r, letters[r * length + c], ha="center", va="center", fontsize=14)
        ax.text(-1.2, -r, f"row {r}", ha="right", va="center", fontsize=11)
    chunks = (length - 1) // width
    for k in range(chunks):
        look = plot.series(k)
        for x, y, style in ((-0.44, 0.6, "-"), (0.56, 0.53, ":")):
            corner = (k * width + x, y - rows)
            size = (width - 0.12, rows - 0.2)
            line = {"edgecolor": look["color"], "linestyle": style, "linewidth": 2}
            ax.add_patch(plt.Rectangle(corner, *size, fill=False, **line))
        ax.text(k * width + 1, 0.75, f"batch {k}", ha="center", color=look["color"], fontsize=12)
    ax.set(xlim=(-3.2, length), ylim=(-rows + 0.3, 1.2))
    ax.axis("off")
    plot.show(
        fig,
        alt=f"The alphabet in {rows} rows of {length} letters; y and z are left over. "
        f"{chunks} solid frames of {width} columns stand side by side, one per batch; each has a "
        "dotted frame of the same size, one letter to the right, which holds its targets. "
        "The last column is in no frame: there is no whole chunk left.",
    )


picture_strips()

# %% [markdown]
# ### Exercise 3: `batchify` (4 points)
#
# With $L$ ids, `batch_size` rows and chunks of `seq_len` columns:
#
# - A strip has $S = \lfloor L / \text{batch\_size} \rfloor$ ids. Row $b$ is the strip
#   `ids[b*S:(b+1)*S]`; ids that are left over at the end are not used.
# - Batch $k$ reads the columns from $k \cdot \text{seq\_len}$ to $(k+1) \cdot \text{seq\_len}$,
#   the second excluded. Its targets are the columns one place later.
# - Only whole batches are made, so there are $\lfloor (S-1) / \text{seq\_len} \rfloor$ of them,
#   and none where that is negative.
#
# For the alphabet with three rows and chunks of three, $S = 8$ and there are two batches. The
# first reads `abc`, `ijk`, `qrs` and has the targets `bcd`, `jkl`, `rst`; the second reads `def`,
# `lmn`, `tuv`.
#
# **Why.** With any other layout the network trains, the loss falls, and the state that is carried
# from batch to batch belongs to another place of the text. Nothing reports it.
#
# **Watch for.** The last id of a chunk has a target, too: the first id of the next one. Why is
# there a 1 in $S - 1$?


# %% exercise="batchify"
def batchify(ids, batch_size, seq_len):
    """Cut a text into batches whose rows go on from batch to batch.

    Args:
        ids: the text, integers, shape (L,).
        batch_size: how many strips there are, the rows of a batch.
        seq_len: how many ids of each strip a batch reads.

    Returns:
        A list of pairs (x, y) of arrays (batch_size, seq_len): what a batch reads and the ids that
        follow; empty if the text is too short for one batch.
    """
    ### BEGIN SOLUTION
    S = len(ids) // batch_size
    strips = ids[: batch_size * S].reshape(batch_size, S)
    batches = []
    for k in range((S - 1) // seq_len):
        start = k * seq_len
        x = strips[:, start : start + seq_len]
        y = strips[:, start + 1 : start + seq_len + 1]
        batches.append((x, y))
    return batches
    ### END SOLUTION


# %% check="batchify"
check("batchify")

# %% free="example_batchify"
# The alphabet: this should print abc|ijk|qrs -> bcd|jkl|rst, then def|lmn|tuv -> efg|mno|uvw.
with when_solved():
    for batch in batchify(np.arange(26), 3, 3):
        reads, targets = ("|".join("".join(chr(97 + i) for i in r) for r in part) for part in batch)
        print(reads, "->", targets)

# %% [markdown]
# ## Part 3: a bound for the gradient
#
# Section: [chapter 4, "One line that was not
# explained"]({BOOK}/chapters/04-language-models.html#clipping-preview).
#
# ### Exercise 4: `clip_gradients` (4 points)
#
# Take the gradients of all parameters together as one long vector $g$. Its length is
#
# $$\lVert g \rVert = \sqrt{\sum_{\text{arrays}} \sum_{\text{elements}} g_i^2}.$$
#
# If it is larger than `max_norm`, multiply *every* array by $\text{max\_norm} / \lVert g \rVert$,
# in place: the arrays that the caller holds are changed. If not, leave everything as it is. Return
# the length before, as a float, so that a training loop can plot it.
#
# An example: `{"a": [3, 0], "b": [[4]]}` has the length 5. With `max_norm=2.5` the arrays become
# `[1.5, 0]` and `[[2]]`, and 5 is returned.
#
# **Why.** One steep chunk of text can undo the work of many. A bound on the length keeps the
# direction; chapter 5 asks where such chunks come from.
#
# **Watch for.** Measure the length again after clipping: it should be `max_norm`. Think of a
# gradient of length 0, of one that is shorter than 1, and of arrays that are transposed, that are
# float32, or that are single numbers (shape `()`). `d[name] = ...` puts a new array into the
# dictionary; the caller's old one does not notice.


# %% exercise="clip_gradients"
def clip_gradients(grads, max_norm):
    """Scale gradients, in place, so that their common length is at most max_norm.

    Args:
        grads: dict from names to floating arrays of any shape. Written into.
        max_norm: the largest length allowed, a positive number.

    Returns:
        total_norm: the length of all gradients together before clipping, a float.
    """
    ### BEGIN SOLUTION
    squares = [np.sum(grad**2) for grad in grads.values()]
    total_norm = float(np.sqrt(sum(squares)))
    if total_norm > max_norm:
        for grad in grads.values():
            grad *= max_norm / total_norm
    return total_norm
    ### END SOLUTION


# %% check="clip_gradients"
check("clip_gradients")

# %% free="example_clip"
# The example by hand: this should print 5.0 [1.5, 0.0] [[2.0]].
with when_solved():
    a, b = np.array([3.0, 0.0]), np.array([[4.0]])
    print(clip_gradients({"a": a, "b": b}, 2.5), a.tolist(), b.tolist())

# %% [markdown]
# ## Part 4: one chunk of truncated backpropagation
#
# Sections: [chapter 4, "A sequence that is its own
# target"]({BOOK}/chapters/04-language-models.html#sec-language-model), ["'hello' by
# hand"]({BOOK}/chapters/04-language-models.html#hello-by-hand) and ["Carry the value, cut the
# gradient"]({BOOK}/chapters/04-language-models.html#carry-and-cut).
#
# Now the network itself. It reads the chunk from left to right, starting from a state that
# somebody hands in, and predicts after each character the one that follows:
#
# $$x_t = E[c_t], \qquad h_t = \tanh(x_t W_x + h_{t-1} W_h + b), \qquad
# \hat y_t = \operatorname{softmax}(h_t W_y + b_y).$$
#
# The loss is the mean surprise over all $N T$ characters, in nats:
#
# $$L = -\frac{1}{NT} \sum_{n,t} \log \hat y_{n,t}[y_{n,t}], \qquad
# \bar o_{n,t} = \frac{1}{NT} \bigl( \hat y_{n,t} - \operatorname{onehot}(y_{n,t}) \bigr).$$
#
# From $\bar o$ everything else goes back along the arrows of the picture, in the other direction.

# %% free="picture_chunk"
fig = diagrams.unrolled_rnn(3, losses=True, gradients=True)
plot.show(fig, alt=fig.get_label())

# %% [markdown]
# ### Exercise 5: `char_rnn_step` (10 points)
#
# **Why.** A training loop is this function and a line that moves the parameters.
#
# **What to return.** The loss as a float; a dictionary of gradients with the same keys as
# `params`; and the state after the last step, from which the next chunk goes on. The value of
# `h0` is used, but no gradient for it is wanted: that is where truncated backpropagation cuts.
#
# **Watch for.**
#
# - A state is read twice, by the output layer of its own step and by the next step. Both send a
#   gradient back ([chapter 3, "The hidden state has two
#   children"]({BOOK}/chapters/03-bptt.html#two-children)).
# - The weights are shared by all steps and all rows: their gradients are sums over both. The
#   division by $NT$ happens once, in $\bar o$.
# - The gradient of `Wh` needs the state *before* each step. At the first step, which one is that?
# - Logits may be large: $e^{1000}$ is not a number that fits. Moving all logits of a token by the
#   same amount changes nothing.
# - `params` and `h0` stay as they are, to the last bit.
# - Shapes tell you which side of a product is transposed, except where a matrix is square.
#
# A small network to try it on is that of ["'hello' by
# hand"]({BOOK}/chapters/04-language-models.html#hello-by-hand). It reads one-hot vectors, so its
# embedding is the unit matrix. Its loss on *hell* is 1.059, and a blind guess among four letters
# costs 1.386.


# %% exercise="char_rnn_step"
def char_rnn_step(params, x, y, h0):
    """Loss, gradients and last state of one chunk of truncated backpropagation through time.

    Args:
        params: dict with Wx (D, H), Wh (H, H), b (H,), Wy (H, V), by (V,) and embed (V, D).
        x: the characters that are read, integers from 0 to V - 1, shape (N, T).
        y: the characters that follow, integers from 0 to V - 1, shape (N, T).
        h0: the state before the first step, shape (N, H); taken as a constant.

    Returns:
        loss: mean cross-entropy in nats over the N * T characters, a float.
        grads: dict from the names in params to the gradients of the loss, of the same shapes.
        hT: the state after the last step, shape (N, H).
    """
    ### BEGIN SOLUTION
    Wx, Wh, Wy = params["Wx"], params["Wh"], params["Wy"]
    T, tokens = x.shape[1], x.size
    inputs, cache = word_embedding_forward(x, params["embed"])

    states = [h0]
    for t in range(T):
        a = inputs[:, t] @ Wx + states[t] @ Wh + params["b"]
        states.append(np.tanh(a))
    h = np.stack(states[1:], axis=1)

    logits = h @ Wy + params["by"]
    shifted = logits - logits.max(axis=2, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    right = np.eye(Wy.shape[1])[y]
    loss = -np.sum(log_probs * right) / tokens
    dlogits = (np.exp(log_probs) - right) / tokens

    grads = {name: np.zeros_like(value) for name, value in params.items()}
    grads["Wy"] = np.tensordot(h, dlogits, axes=((0, 1), (0, 1)))
    grads["by"] = dlogits.sum(axis=(0, 1))
    dh = dlogits @ Wy.T
    dinputs = np.zeros_like(inputs)
    carried = 0.0
    for t in reversed(range(T)):
        da = (dh[:, t] + carried) * (1 - h[:, t] ** 2)
        grads["Wx"] += inputs[:, t].T @ da
        grads["Wh"] += states[t].T @ da
        grads["b"] += da.sum(axis=0)
        dinputs[:, t] = da @ Wx.T
        carried = da @ Wh.T
    grads["embed"] = word_embedding_backward(dinputs, cache)
    return float(loss), grads, states[-1]
    ### END SOLUTION


# %% check="char_rnn_step"
check("char_rnn_step")

# %% free="example_hello"
# The network of the book on "hell": this should print loss 1.059, state [-0.411  0.372  0.986].
hello = {
    "Wx": np.array([[1.0, -0.5, 0.0], [0.5, 1.0, -1.0], [-0.5, 0.5, 1.0], [0.0, 0.5, 0.5]]),
    "Wh": np.array([[0.5, 0.0, -0.5], [0.0, 0.5, 1.0], [0.5, -1.0, 0.5]]),
    "b": np.array([0.0, 0.1, -0.1]),
    "Wy": np.array([[-1.0, 1.0, 0.0, 0.5], [0.5, 0.0, 1.0, -0.5], [0.0, -0.5, 0.5, 1.0]]),
    "by": np.zeros(4),
    "embed": np.eye(4),
}
reads, follows = np.array([[0, 1, 2, 2]]), np.array([[1, 2, 2, 3]])  # hell, ello
with when_solved():
    loss, grads, hT = char_rnn_step(hello, reads, follows, np.zeros((1, 3)))
    print(f"loss {loss:.3f}, state {hT[0].round(3)}")

# %% [markdown]
# You can check gradients without knowing the right answer: move one number of one parameter up and
# down a little and see by how much the loss changes ([chapter 3, "Gradient
# checking"]({BOOK}/chapters/03-bptt.html#gradient-checking)). The cell does it for one element of
# every parameter of the network above. The two columns should agree to six digits or more.


# %% free="gradient_check"
def slope(params, name, place, h=1e-5):
    """Central difference of the loss in one element of one parameter."""
    found = []
    for sign in (1, -1):
        moved = params | {name: params[name].copy()}
        moved[name][place] += sign * h
        found.append(char_rnn_step(moved, reads, follows, np.full((1, 3), 0.2))[0])
    return (found[0] - found[1]) / (2 * h)


with when_solved():
    _, grads, _ = char_rnn_step(hello, reads, follows, np.full((1, 3), 0.2))
    for name, value in hello.items():
        place = (1,) * value.ndim
        print(f"{name:5s} {grads[name][place]: .8f} {slope(hello, name, place): .8f}")

# %% [markdown]
# ## Part 5: a text from the model
#
# Section: [chapter 4, "Choosing the next
# character"]({BOOK}/chapters/04-language-models.html#temperature).
#
# The model gives probabilities; a text needs a character. Draw one, feed it as the next input, and
# go on. How adventurous the choice is depends on the *temperature* $T$, by which the logits are
# divided before the softmax:
#
# $$p_i = \frac{e^{o_i / T}}{\sum_j e^{o_j / T}}.$$
#
# An example with the logits $(2, 0)$: at $T = 1$ the first character has probability 0.88, at
# $T = 0.5$ it has 0.98, and at $T = 2$ it has 0.73. For $T \to 0$ only the largest logit is left.
#
# ### Exercise 6: `sample` (6 points)
#
# - The first input is `first_id`, with the state `h`. From then on each character that was drawn
#   is the next input. `first_id` is fed and not returned: the result has the `length` characters
#   that were drawn.
# - Draw from the softmax of logits / temperature. At temperature 0 take the largest logit.
# - Draw with `rng`, a `np.random.Generator`, and with nothing else: neither NumPy's global
#   `np.random.seed` and its relatives nor a generator of your own. In any way that you like:
#   the check counts how often each text of some characters appears, and compares the frequencies
#   with the right ones. (It is set so that a right sampler fails once in a thousand million times.)
#
# **Why.** A generator that you pass in makes a text reproducible, and two texts independent.
#
# **Watch for.** Temperatures go down to 0.0001, and logits divided by that are huge. A row of
# probabilities that was computed in float32 does not add up to 1 closely enough for NumPy's
# sampler ([chapter 4, "Why not the most probable
# character?"]({BOOK}/chapters/04-language-models.html#why-not-argmax)). What is fed back is a
# character, not the vector of probabilities ([chapter 4, "Why not feed the whole distribution
# back?"]({BOOK}/chapters/04-language-models.html#why-not-the-vector)).


# %% exercise="sample"
def sample(params, h, first_id, length, temperature, rng):
    """Let the model write.

    Args:
        params: as char_rnn_step takes them.
        h: the state before first_id is read, shape (H,).
        first_id: the first character that the model reads, an integer.
        length: how many characters to write.
        temperature: 0 for the most probable character each time, else at least 1e-4.
        rng: the np.random.Generator to draw with.

    Returns:
        ids: the characters written, integers, shape (length,); first_id is not among them.
    """
    ### BEGIN SOLUTION
    state, last = h, first_id
    ids = []
    for _ in range(length):
        x = params["embed"][last]
        state = np.tanh(x @ params["Wx"] + state @ params["Wh"] + params["b"])
        logits = state @ params["Wy"] + params["by"]
        if temperature == 0:
            last = int(np.argmax(logits))
        else:
            weights = np.exp((logits - logits.max()) / temperature)
            last = int(rng.choice(len(logits), p=weights / weights.sum()))
        ids.append(last)
    return np.array(ids, dtype=int)
    ### END SOLUTION


# %% check="sample"
check("sample")

# %% [markdown]
# ## Part 6: one number for a model
#
# Section: [chapter 4, "Nats, bits and
# perplexity"]({BOOK}/chapters/04-language-models.html#perplexity).
#
# ### Exercise 7: `perplexity` (3 points)
#
# The perplexity of a model on a text is
#
# $$\mathrm{ppl} = \exp \frac{\text{total negative log-likelihood in nats}}
# {\text{number of tokens}}.$$
#
# You get the two sums batch by batch: `nll_sums[i]` is the negative log-likelihood of all tokens
# of batch $i$ together, `token_counts[i]` their number. Batches differ in size.
#
# An example: a batch of one token that costs 2 nats, and one of nine tokens that cost nothing.
# The perplexity is $e^{0.2} = 1.22$. The mean of the two batch means would give $e^{1} = 2.72$, and
# the mean of the two perplexities 4.19.
#
# **Why.** A model that spreads its probability evenly over $V$ characters has perplexity $V$. So
# the number says among how many characters the model is, on average, in doubt.
#
# **Watch for.** A batch may have no tokens. If there are none at all, the perplexity is not
# defined: raise `ValueError`. The two arguments are lists, tuples or arrays, possibly empty.


# %% exercise="perplexity"
def perplexity(nll_sums, token_counts):
    """Exponential of the mean negative log-likelihood per token, over all batches.

    Args:
        nll_sums: the negative log-likelihood of each batch in nats, summed over its tokens.
        token_counts: how many tokens each batch has, as many entries as nll_sums.

    Returns:
        The perplexity, a float.

    Raises:
        ValueError: there are no tokens.
    """
    ### BEGIN SOLUTION
    tokens = np.sum(token_counts)
    if tokens == 0:
        raise ValueError("the perplexity of no tokens is not defined")
    return float(np.exp(np.sum(nll_sums) / tokens))
    ### END SOLUTION


# %% check="perplexity"
check("perplexity")

# %% free="example_perplexity"
# The example by hand: this should print 1.22.
with when_solved():
    print(f"{perplexity([2.0, 0.0], [1, 9]):.2f}")

# %% [markdown]
# ## Part 7: training
#
# Section: [chapter 4, "Learning Python, or its
# looks"]({BOOK}/chapters/04-language-models.html#training-loop).
#
# ### Exercise 8: `train_char_rnn` (6 points)
#
# Put the pieces together. One *step* is one chunk: loss and gradients of a batch, clipping, an
# update of the parameters. The state with which a row ends is the one with which it goes on in the
# next batch. When the text has been read to its end, begin again at its beginning, where the state
# is zero.
#
# The sizes are yours to choose: how many units, how long a row of the embedding, how many rows in
# a batch, how long a chunk. So is the way to update. Plain gradient descent works, $p \leftarrow p
# - \eta\, \bar p$. Adagrad, which the well-known `min-char-rnn.py` uses, works better: it keeps for
# each number the sum $s$ of its squared gradients so far, and divides by the root,
#
# $$s \leftarrow s + \bar p^2, \qquad p \leftarrow p - \eta\, \bar p \,/ \sqrt{s + 10^{-8}},
# \qquad \eta = 0.1.$$
#
# **How it is checked.** Your function gets a made-up text of 20,000 characters over an alphabet of
# 8: ten words, drawn again and again at random, with a blank behind each. It may take 600 steps.
# Then its parameters read 4,000 characters that are new, from a state of zeros, and their loss in
# nats per character is taken; of three such runs with different words the middle one counts. It
# must be at most 1.0. Three numbers to compare with: who knows how frequent each character is has
# 2.0; who knows the last character only has 1.4; and who knows the words has
# $\ln(10) / 5.2 = 0.443$, since each word with its blank has on average 5.2 characters and costs
# $\ln 10$. Nobody can be below that: a smaller loss would be a bug. Correct training ends near 0.5.
# The check takes some seconds.
#
# **Watch for.**
#
# - The first weights. With all of them zero, nothing is ever learned; with numbers of size 0.01
#   in every matrix the signal that comes through three of them is a millionth, and 600 steps are
#   not enough. Normal numbers divided by the root of the number of rows of the matrix keep it at
#   its size. Draw them with `rng`.
# - One float per step in `losses`: the loss that was measured before the update of that step.
# - The parameters are float64 arrays with the names and shapes that `char_rnn_step` takes, with
#   $V$ = `vocab_size`. `ids` stays as it is.
# - Think about what a run costs: some thousand steps should take seconds.


# %% exercise="train_char_rnn"
def train_char_rnn(ids, vocab_size, steps, rng):
    """Train a character model by truncated backpropagation through time.

    Args:
        ids: the text, integers from 0 to vocab_size - 1, shape (L,); some thousand at least.
        vocab_size: how many different characters there are, V.
        steps: how many updates to make, each on one chunk.
        rng: the np.random.Generator to draw the first parameters with.

    Returns:
        params: the trained parameters, float64, as char_rnn_step takes them.
        losses: the loss of each step, a list of floats.
    """
    ### BEGIN SOLUTION
    D, H, rows, columns, rate = 16, 64, 16, 25, 0.1

    def normal(fan_in, fan_out):
        return rng.normal(0, 1 / np.sqrt(fan_in), (fan_in, fan_out))

    params = {"Wx": normal(D, H), "Wh": normal(H, H), "b": np.zeros(H)}
    params |= {"Wy": normal(H, vocab_size), "by": np.zeros(vocab_size)}
    params["embed"] = rng.normal(0, 1, (vocab_size, D))

    sums = {name: np.zeros_like(value) for name, value in params.items()}
    batches = batchify(ids, rows, columns)
    losses = []
    for step in range(steps):
        x, y = batches[step % len(batches)]
        if step % len(batches) == 0:
            h = np.zeros((rows, H))
        loss, grads, h = char_rnn_step(params, x, y, h)
        clip_gradients(grads, 1.0)
        for name in params:
            sums[name] += grads[name] ** 2
            params[name] -= rate * grads[name] / np.sqrt(sums[name] + 1e-8)
        losses.append(loss)
    return params, losses
    ### END SOLUTION


# %% check="train_char_rnn"
check("train_char_rnn")

# %% [markdown]
# ## Part 8: your model reads Python and writes some
#
# Now a real text: the source code of some sixty modules of Python's standard library, a million
# and a half characters in an alphabet of 96, with eight modules that no training sees. It comes
# with your Python, so nothing is downloaded. The cell below trains your model on it, which takes
# ten seconds or more, depending on the sizes that you chose, and compares it with two tables that
# only count: how often each character occurs, and how often each follows each.

# %% free="experiment"
STEPS = 6000
text = corpus.standard_library()
training, held_out = corpus.encode(text.training), corpus.encode(text.held_out)[:40_001]
V = len(corpus.VOCABULARY)


def nats_by_counting(seen, unseen):
    """Nats per character of `unseen` with the frequencies of `seen`: single ones, and pairs."""
    pairs = np.full((V, V), 0.1)
    np.add.at(pairs, (seen[:-1], seen[1:]), 1)
    singles = pairs.sum(axis=0) / pairs.sum()
    after = pairs / pairs.sum(axis=1, keepdims=True)
    now, then = unseen[:-1], unseen[1:]
    return -np.log(singles[then]).mean(), -np.log(after[now, then]).mean()


def held_out_perplexity(params):
    """Of a model, on text that it has not seen: chunk after chunk, with the state carried."""
    h = np.zeros((40, len(params["b"])))
    sums, counts = [], []
    for x, y in batchify(held_out, 40, 50):
        loss, _, h = char_rnn_step(params, x, y, h)
        sums.append(loss * x.size)
        counts.append(x.size)
    return perplexity(sums, counts)


def experiment():
    """Train on the standard library; draw the loss with what counting gives."""
    params, losses = train_char_rnn(training, V, STEPS, np.random.default_rng(0))
    singles, pairs = nats_by_counting(training, held_out)
    reached = held_out_perplexity(params)
    fig, ax = plt.subplots(figsize=(6.2, 3.4))
    ax.plot(np.convolve(losses, np.ones(50) / 50, mode="valid"), **plot.series(0))
    lines = {"blind": np.log(V), "single characters": singles, "pairs": pairs}
    for name, level in lines.items():
        ax.axhline(level, color=plot.FAINT, linestyle=":")
        ax.text(len(losses), level + 0.06, name, ha="right", fontsize=10)
    ax.set(xlabel="step", ylabel="nats per character", ylim=(1, 5), xscale="log")
    plot.show(
        fig,
        alt="Training loss against steps, smoothed over 50. It falls steeply from about "
        f"{np.mean(losses[:50]):.1f}, passes the lines of the tables at {singles:.2f} and "
        f"{pairs:.2f} nats and ends at about {np.mean(losses[-50:]):.2f}.",
    )
    print(f"{len(losses)} steps, {sum(p.size for p in params.values()):,d} parameters")
    print("perplexity on unseen modules:")
    print(f"  counting single characters {np.exp(singles):6.2f}")
    print(f"  counting pairs             {np.exp(pairs):6.2f}")
    print(f"  your model                 {reached:6.2f}")
    return params


model = None
with when_solved():
    model = experiment()

# %% [markdown]
# And now let it write. Each text begins after a line break; the model draws 300 characters at each
# of several temperatures.


# %% free="samples"
def write(params, temperature, length=300, seed=1):
    """A text of the model, which begins after a line break."""
    start = np.zeros(len(params["b"]))
    first = corpus.VOCABULARY.index("\n")
    rng = np.random.default_rng(seed)
    return corpus.decode(sample(params, start, first, length, temperature, rng))


if model is None:
    print("This cell needs the model that the cell above trains.")
else:
    with when_solved():
        for temperature in (0, 0.5, 1.0, 1.5):
            print(f"----- temperature {temperature} -----\n{write(model, temperature)}\n")

# %% [markdown]
# Look for what the model has found out: line breaks and indentation, keywords, brackets that
# close, strings that end, words that are not words. Then look at the temperatures from top to
# bottom. At 0 it soon says the same again and again ([chapter 4, "Why not the most probable
# character?"]({BOOK}/chapters/04-language-models.html#why-not-argmax)); at 1.5 the spelling
# dissolves.
#
# Change something and look again: more steps, more units, longer chunks. Or another text: any
# string `s` in these characters will do, as `corpus.encode(corpus.plain(s))`.
#
# ## Part 9: in words
#
# This answer is read and marked by a person (6 points).

# %% [markdown]
# ### Question: what is carried, what is cut, what is chosen (6 points)
#
# Answer in whole sentences, together at most about 200 words. Formulas are welcome and not
# required.
#
# 1. Somebody starts every chunk from a state of zeros, "because no gradient crosses the border
#    anyway". Which two things does the state do at the border, and which of them is lost? Name
#    something in a program that a model trained and used in this way, with chunks of 25
#    characters, cannot predict.
# 2. Your model was trained with chunks of some tens of characters and the state carried. Can one
#    of its predictions depend on a character that lies 200 steps back? Can training *teach* it to
#    keep that character for that long? Say why ([chapter 4, "How far off the truncated gradient
#    is"]({BOOK}/chapters/04-language-models.html#truncation-bias)).
# 3. The samples at temperature 0.5 look more like Python than those at 1. Somebody concludes that
#    the model is better at 0.5, and wants to report its perplexity there. What do you expect to
#    see on held-out text, and what does the temperature change and what not?

# %% [markdown] written="carried_cut_chosen" points=6
# ### BEGIN SOLUTION
# **Model answer.**
#
# 1. The state carries a value, what the network knows of the text so far, and a history, through
#    which gradients could go back. Truncation cuts the history. Starting from zero throws the
#    value away as well, so the model sees at most the characters of the present chunk. Which kind
#    of string was opened 40 characters ago, how deep the line before was indented, whether a
#    bracket is open: all of it is unknown after the border, and right after it nothing is known.
#
# 2. Yes: the forward pass is that of the whole text, whatever the chunks, and the state can hold
#    something for 200 steps. But no loss is ever sent back over 200 steps, at most over the length
#    of a chunk, so no gradient says that the character was worth keeping for so long. It may be
#    kept all the same, because keeping it helps nearer predictions, and what keeps a thing for 20
#    steps may keep it for 200. What the gradient lacks is a bias: more text does not mend it.
#
# 3. The loss of held-out text is lowest near temperature 1, because training made the
#    probabilities at temperature 1 fit the text (unless the model is over- or underconfident); at
#    0.5 the probabilities are too extreme, the rare characters that do occur become very
#    expensive, and the perplexity is higher. The temperature changes how a character is chosen
#    from what the model knows. It does not change what it knows. Samples look better because rare
#    mistakes are drawn less often, and they lose variety.
#
# **Marking scheme (6 points).**
#
# - Question 1: 1 point for value and history told apart, with the value as what is lost; 1 point
#   for an example that needs more than the chunk (a string, bracket, indentation or name from
#   further back). "Everything" earns nothing.
# - Question 2: 1 point for yes with the forward pass as the reason; 1 point for no gradient beyond
#   the chunk. Half a point if both are answered by "the memory is 25 characters".
# - Question 3: 1 point for a higher perplexity at 0.5 with a reason; 1 point for a temperature
#   that changes the choice and not the knowledge, or for the price in variety.
# - Do not take points off for language, or for length up to 300 words.
# ### END SOLUTION
