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

# %% locked="setup"
import matplotlib.pyplot as plt
import numpy as np

from unrolled import check, diagrams, plot


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
    if not mask.any():
        return 0.0, np.zeros(x.shape)
    weights = (mask / mask.sum())[:, :, None]
    shifted = x - x.max(axis=2, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))
    right = np.eye(x.shape[2])[y]
    loss = -np.sum(log_probs * right * weights)
    dx = (np.exp(log_probs) - right) * weights
    return float(loss), dx
    ### END SOLUTION


# %% check="temporal_softmax_loss"
check("temporal_softmax_loss")


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
