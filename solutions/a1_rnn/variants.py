"""Correct solutions of a1 in other styles: every one must get full points.

Each is executed after the reference's cells, so it may replace all functions or a few; where a
forward function is replaced, so is the backward function that reads its cache.
"""

PURE_PYTHON = """
import math


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    N, D = x.shape
    H = len(b)
    next_h = np.empty((N, H))
    for n in range(N):
        for j in range(H):
            a = b[j]
            for d in range(D):
                a += x[n, d] * Wx[d, j]
            for i in range(H):
                a += prev_h[n, i] * Wh[i, j]
            next_h[n, j] = math.tanh(a)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    dx, dprev_h = np.zeros(x.shape), np.zeros(prev_h.shape)
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(Wh.shape[1])
    for n in range(len(x)):
        for j in range(len(db)):
            da = float(dnext_h[n, j]) * (1.0 - float(next_h[n, j]) ** 2)
            db[j] += da
            for d in range(x.shape[1]):
                dx[n, d] += da * Wx[d, j]
                dWx[d, j] += da * x[n, d]
            for i in range(len(db)):
                dprev_h[n, i] += da * Wh[i, j]
                dWh[i, j] += da * prev_h[n, i]
    return dx, dprev_h, dWx, dWh, db


def temporal_affine_forward(x, w, b):
    out = [[[sum(xi * wi for xi, wi in zip(row, w[:, m])) + b[m] for m in range(len(b))]
            for row in sample] for sample in x]
    return np.array(out), (x, w)


def temporal_affine_backward(dout, cache):
    x, w = cache
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(w.shape[1])
    for n, t in np.ndindex(*dout.shape[:2]):
        dx[n, t] = w @ dout[n, t]
        dw += np.outer(x[n, t], dout[n, t])
        db += dout[n, t]
    return dx, dw, db


def temporal_softmax_loss(x, y, mask):
    total, count, dx = 0.0, int(mask.sum()), np.zeros(x.shape)
    for n, t in zip(*np.nonzero(mask)):
        top = max(x[n, t])
        log_z = top + math.log(sum(math.exp(v - top) for v in x[n, t]))
        total -= x[n, t, y[n, t]] - log_z
        for v in range(x.shape[2]):
            dx[n, t, v] = (math.exp(x[n, t, v] - log_z) - (v == y[n, t])) / count
    return total / count if count else 0.0, dx
"""

EINSUM = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(np.einsum("nd,dh->nh", x, Wx) + np.einsum("ni,ij->nj", prev_h, Wh) + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = np.einsum("nh,nh->nh", dnext_h, 1 - next_h * next_h)
    return (
        np.einsum("nh,dh->nd", da, Wx),
        np.einsum("nj,ij->ni", da, Wh),
        np.einsum("nd,nh->dh", x, da),
        np.einsum("ni,nj->ij", prev_h, da),
        np.einsum("nh->h", da),
    )


def temporal_affine_forward(x, w, b):
    return np.einsum("ntd,dm->ntm", x, w) + b, (x, w)


def temporal_affine_backward(dout, cache):
    x, w = cache
    return (
        np.einsum("ntm,dm->ntd", dout, w),
        np.einsum("ntd,ntm->dm", x, dout),
        np.einsum("ntm->m", dout),
    )
"""

FLOAT32 = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    x, prev_h, Wx, Wh, b = (v.astype(np.float32) for v in (x, prev_h, Wx, Wh, b))
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h.astype(np.float64), (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h.astype(np.float32) * (1 - next_h**2)
    results = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)
    return tuple(v.astype(np.float64) for v in results)


def temporal_affine_forward(x, w, b):
    x, w, b = (v.astype(np.float32) for v in (x, w, b))
    return (x @ w + b).astype(np.float64), (x, w)


def temporal_affine_backward(dout, cache):
    x, w = cache
    dout = dout.astype(np.float32)
    dw = np.tensordot(x, dout, axes=((0, 1), (0, 1)))
    return tuple(v.astype(np.float64) for v in (dout @ w.T, dw, dout.sum((0, 1))))


def temporal_softmax_loss(x, y, mask):
    x = x.astype(np.float32)
    x = x - x.max(axis=-1, keepdims=True)
    log_p = x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
    count = np.float32(max(mask.sum(), 1))
    loss = -np.take_along_axis(log_p, y[..., None], -1)[mask].sum() / count
    dx = np.exp(log_p)
    np.put_along_axis(dx, y[..., None], np.take_along_axis(dx, y[..., None], -1) - 1, -1)
    return float(loss), (dx * mask[..., None] / count).astype(np.float64)
"""

TORCH_FORWARD = """
import torch


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    tensors = [torch.tensor(v) for v in (x, prev_h, Wx, Wh, b)]
    x, prev_h, Wx, Wh, b = tensors
    next_h = torch.tanh(torch.addmm(b, x, Wx) + torch.matmul(prev_h, Wh))
    return next_h.numpy(), (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = torch.from_numpy(np.ascontiguousarray(dnext_h)) * (1 - next_h.square())
    results = da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(0)
    return [v.numpy() for v in results]


def temporal_affine_forward(x, w, b):
    x, w, b = (torch.tensor(v) for v in (x, w, b))
    return torch.nn.functional.linear(x, w.T, b).numpy(), (x, w)


def temporal_affine_backward(dout, cache):
    x, w = cache
    dout = torch.tensor(dout)
    dw = x.flatten(0, 1).T @ dout.flatten(0, 1)
    return (dout @ w.T).numpy(), dw.numpy(), dout.sum((0, 1)).numpy()
"""

TORCH_AUTOGRAD = """
import torch


def leaves(*arrays):
    return [torch.tensor(v, requires_grad=True) for v in arrays]


def backward(output, inputs, gradient):
    grads = torch.autograd.grad(output, inputs, torch.tensor(gradient), retain_graph=True)
    return tuple(g.numpy() for g in grads)


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    inputs = leaves(x, prev_h, Wx, Wh, b)
    x, prev_h, Wx, Wh, b = inputs
    next_h = torch.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h.detach().numpy(), (next_h, inputs)


def rnn_step_backward(dnext_h, cache):
    return backward(*cache, dnext_h)


def rnn_forward(x, h0, Wx, Wh, b):
    inputs = leaves(x, h0, Wx, Wh, b)
    x, state, Wx, Wh, b = inputs
    states = []
    for x_t in x.unbind(1):
        state = torch.tanh(x_t @ Wx + state @ Wh + b)
        states.append(state)
    h = torch.stack(states, 1)
    return h.detach().numpy(), (h, inputs)


def rnn_backward(dh, cache):
    return backward(*cache, dh)


def temporal_affine_forward(x, w, b):
    inputs = leaves(x, w, b)
    x, w, b = inputs
    out = x @ w + b
    return out.detach().numpy(), (out, inputs)


def temporal_affine_backward(dout, cache):
    return backward(*cache, dout)


def temporal_softmax_loss(x, y, mask):
    (x,) = leaves(x)
    targets = torch.tensor(y).masked_fill(~torch.tensor(mask), -100)
    loss = torch.nn.functional.cross_entropy(
        x.transpose(1, 2), targets, ignore_index=-100, reduction="sum"
    ) / max(int(mask.sum()), 1)
    loss.backward()
    return loss.item(), x.grad.numpy()
"""

TORCH_LIBRARY = """
import torch


def rnn_forward(x, h0, Wx, Wh, b):
    rnn = torch.nn.RNN(*Wx.shape, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        rnn.weight_ih_l0.copy_(torch.tensor(Wx.T.copy()))
        rnn.weight_hh_l0.copy_(torch.tensor(Wh.T.copy()))
        rnn.bias_ih_l0.copy_(torch.tensor(b))
        rnn.bias_hh_l0.zero_()
    x, h0 = torch.tensor(x, requires_grad=True), torch.tensor(h0[None], requires_grad=True)
    h, _ = rnn(x, h0)
    return h.detach().numpy(), (h, x, h0, rnn)


def rnn_backward(dh, cache):
    h, x, h0, rnn = cache
    wanted = [x, h0, rnn.weight_ih_l0, rnn.weight_hh_l0, rnn.bias_ih_l0]
    dx, dh0, dWx, dWh, db = torch.autograd.grad(h, wanted, torch.tensor(dh), retain_graph=True)
    return dx.numpy(), dh0[0].numpy(), dWx.T.numpy(), dWh.T.numpy(), db.numpy()
"""

STACKED_WEIGHTS = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    joined, W = np.hstack([x, prev_h]), np.vstack([Wx, Wh])
    next_h = np.tanh(joined @ W + b)
    return next_h, (joined, W, next_h, x.shape[1])


def rnn_step_backward(dnext_h, cache):
    joined, W, next_h, D = cache
    da = dnext_h * (1 - next_h) * (1 + next_h)
    djoined, dW = da @ W.T, joined.T @ da
    return djoined[:, :D], djoined[:, D:], dW[:D], dW[D:], da.sum(0)
"""

AUGMENTED_BIAS = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    rows = np.concatenate([x, prev_h, np.ones((len(x), 1))], axis=1)
    W = np.concatenate([Wx, Wh, b[None]])
    next_h = np.tanh(rows.dot(W))
    return next_h, dict(rows=rows, W=W, slope=1 - next_h**2, D=x.shape[1])


def rnn_step_backward(dnext_h, cache):
    D, da = cache["D"], cache["slope"] * dnext_h
    drows, dW = da.dot(cache["W"].T), cache["rows"].T.dot(da)
    return drows[:, :D], drows[:, D:-1], dW[:D], dW[D:-1], dW[-1]
"""

CLOSURE_CACHE = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)

    def backward(dnext_h):
        da = dnext_h * (1 - next_h**2)
        return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(0)

    return next_h, backward


def rnn_step_backward(dnext_h, cache):
    return cache(dnext_h)


def temporal_affine_forward(x, w, b):
    return x @ w + b, lambda d: (d @ w.T, np.tensordot(x, d, ((0, 1), (0, 1))), d.sum((0, 1)))


def temporal_affine_backward(dout, cache):
    return cache(dout)
"""

OBJECT_CACHE = """
from dataclasses import dataclass


@dataclass
class Step:
    x: np.ndarray
    prev_h: np.ndarray
    Wx: np.ndarray
    Wh: np.ndarray
    next_h: np.ndarray

    def backward(self, dnext_h):
        da = (1 - np.square(self.next_h)) * dnext_h
        dWx, dWh = np.dot(self.x.T, da), np.dot(self.prev_h.T, da)
        return np.dot(da, self.Wx.T), np.dot(da, self.Wh.T), dWx, dWh, np.sum(da, axis=0)


class Affine:
    def __call__(self, x, w, b):
        self.b = b
        return np.dot(x, w) + b, {"x": x, "w": w}


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    step = Step(x, prev_h, Wx, Wh, np.tanh(np.dot(x, Wx) + np.dot(prev_h, Wh) + b))
    return step.next_h, step


def rnn_step_backward(dnext_h, cache):
    return cache.backward(dnext_h)


temporal_affine_forward = Affine()


def temporal_affine_backward(dout, cache):
    x, w = cache["x"], cache["w"]
    return np.dot(dout, w.T), sum(a.T @ d for a, d in zip(x, dout)), dout.sum(1).sum(0)
"""

CACHE_ALL_IN_ONE_ARRAY = """
def rnn_forward(x, h0, Wx, Wh, b):
    N, T, D = x.shape
    h = np.zeros((N, T + 1, len(b)))
    h[:, 0] = h0
    for t in range(T):
        h[:, t + 1] = np.tanh(x[:, t] @ Wx + h[:, t] @ Wh + b)
    return h[:, 1:].copy(), (x, h, Wx, Wh)


def rnn_backward(dh, cache):
    x, h, Wx, Wh = cache
    da, carried = np.zeros(dh.shape), 0
    for t in range(dh.shape[1] - 1, -1, -1):
        da[:, t] = (dh[:, t] + carried) * (1 - h[:, t + 1] ** 2)
        carried = da[:, t] @ Wh.T
    dWx = np.einsum("ntd,nth->dh", x, da)
    dWh = np.einsum("nti,ntj->ij", h[:, :-1], da)
    return da @ Wx.T, carried, dWx, dWh, da.sum(axis=(0, 1))
"""

VIEW_INTO_THE_CACHE = """
def rnn_forward(x, h0, Wx, Wh, b):
    drive = x @ Wx + b
    h = np.empty((x.shape[1] + 1, *h0.shape))
    h[0] = h0
    for t in range(x.shape[1]):
        np.tanh(drive[:, t] + h[t] @ Wh, out=h[t + 1])
    return h[1:].swapaxes(0, 1), (x, h, Wx, Wh)


def rnn_backward(dh, cache):
    x, h, Wx, Wh = cache
    carried, rows = np.zeros_like(h[0]), []
    for t in range(len(h) - 1, 0, -1):
        da = (dh[:, t - 1] + carried) * (1 - h[t] ** 2)
        carried = da @ Wh.T
        rows.append(da)
    da = np.array(rows)[::-1]
    dWx = np.tensordot(x.swapaxes(0, 1), da, ((0, 1), (0, 1)))
    dWh = np.tensordot(h[:-1], da, ((0, 1), (0, 1)))
    return (da @ Wx.T).swapaxes(0, 1), carried, dWx, dWh, da.sum((0, 1))
"""

JACOBIANS = '''
def rnn_forward(x, h0, Wx, Wh, b):
    h = [h0]
    for x_t in np.moveaxis(x, 1, 0):
        h.append(np.tanh(x_t @ Wx + h[-1] @ Wh + b))
    return np.stack(h[1:], axis=1), (x, h, Wx, Wh)


def rnn_backward(dh, cache):
    """Every output is carried back to every earlier state by a product of Jacobians."""
    x, h, Wx, Wh = cache
    N, T, H = dh.shape
    # jacobian[k][n, i, j] = derivative of state k, unit j, to state k - 1, unit i
    jacobian = [None] + [Wh[None] * (1 - h[k] ** 2)[:, None, :] for k in range(1, T + 1)]
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(H)
    dx, dh0 = np.zeros(x.shape), np.zeros(h[0].shape)
    for t in range(1, T + 1):
        delta = dh[:, t - 1]
        for k in range(t, 0, -1):
            immediate = delta * (1 - h[k] ** 2)
            dWx += x[:, k - 1].T @ immediate
            dWh += h[k - 1].T @ immediate
            db += immediate.sum(0)
            dx[:, k - 1] += immediate @ Wx.T
            delta = np.einsum("nij,nj->ni", jacobian[k], delta)
        dh0 += delta
    return dx, dh0, dWx, dWh, db
'''

RECURSION = """
def rnn_forward(x, h0, Wx, Wh, b):
    first, cache = rnn_step_forward(x[:, 0], h0, Wx, Wh, b)
    if x.shape[1] == 1:
        return first[:, None], [cache]
    rest, caches = rnn_forward(x[:, 1:], first, Wx, Wh, b)
    return np.concatenate([first[:, None], rest], axis=1), [cache, *caches]


def rnn_backward(dh, cache):
    if dh.shape[1] == 1:
        future, dx_rest, weights = 0, np.zeros((len(dh), 0, cache[0][0].shape[1])), (0, 0, 0)
    else:
        dx_rest, future, *weights = rnn_backward(dh[:, 1:], cache[1:])
    dx, dh0, *own = rnn_step_backward(dh[:, 0] + future, cache[0])
    return (np.concatenate([dx[:, None], dx_rest], 1), dh0, *(a + b for a, b in zip(own, weights)))
"""

CACHE_USED_UP = """
def rnn_forward(x, h0, Wx, Wh, b):
    h, stack = np.zeros((*x.shape[:2], len(b))), []
    for t in range(x.shape[1]):
        h[:, t], step = rnn_step_forward(x[:, t], h[:, t - 1] if t else h0, Wx, Wh, b)
        stack.append(step)
    return h, stack


def rnn_backward(dh, cache):
    total, dx, t = None, [], dh.shape[1]
    carried = np.zeros(dh[:, 0].shape)
    while cache:
        t -= 1
        dx_t, carried, *weights = rnn_step_backward(carried + dh[:, t], cache.pop())
        total = weights if total is None else [a + b for a, b in zip(total, weights)]
        dx.insert(0, dx_t)
    return [np.array(dx).transpose(1, 0, 2), carried, *total]
"""

TUPLES_OF_CACHES = """
step_forward = rnn_step_forward
step_backward = rnn_step_backward


def rnn_forward(x, h0, Wx, Wh, b):
    from itertools import accumulate

    pairs = list(
        accumulate(
            np.moveaxis(x, 1, 0),
            lambda last, x_t: step_forward(x_t, last[0], Wx, Wh, b),
            initial=(h0, None),
        )
    )[1:]
    return np.dstack([h for h, _ in pairs]).transpose(0, 2, 1), tuple(c for _, c in pairs)


def rnn_backward(dh, cache):
    N, T, H = dh.shape
    grads = dict.fromkeys(("Wx", "Wh", "b"), 0)
    dx, back = {}, np.zeros((N, H))
    for t, step in reversed(list(enumerate(cache))):
        dx[t], back, *new = step_backward(np.add(dh[:, t], back), step)
        grads = {name: grads[name] + g for name, g in zip(grads, new)}
    return (np.stack([dx[t] for t in sorted(dx)], 1), back, *grads.values())
"""

FORTRAN_ORDER = """
import functools


def in_fortran_order(function):
    @functools.wraps(function)
    def wrapped(*args):
        first, *rest = function(*args)
        order = [np.asfortranarray(v) if isinstance(v, np.ndarray) else v for v in (first, *rest)]
        return tuple(order)

    return wrapped


rnn_step_forward = in_fortran_order(rnn_step_forward)
rnn_step_backward = in_fortran_order(rnn_step_backward)
rnn_forward = in_fortran_order(rnn_forward)
rnn_backward = in_fortran_order(rnn_backward)
temporal_affine_forward = in_fortran_order(temporal_affine_forward)
temporal_affine_backward = in_fortran_order(temporal_affine_backward)
temporal_softmax_loss = in_fortran_order(temporal_softmax_loss)
gradient_in_c_order = numerical_gradient


def numerical_gradient(f, x, df, h=1e-5):
    return np.array(gradient_in_c_order(f, x, df, h), order="F")
"""

LISTS_FOR_TUPLES = """
def as_lists(function):
    return lambda *args: list(function(*args))


rnn_step_forward = as_lists(rnn_step_forward)
rnn_step_backward = as_lists(rnn_step_backward)
rnn_forward = as_lists(rnn_forward)
rnn_backward = as_lists(rnn_backward)
temporal_affine_forward = as_lists(temporal_affine_forward)
temporal_affine_backward = as_lists(temporal_affine_backward)
temporal_softmax_loss = as_lists(temporal_softmax_loss)
"""

COPIES_OF_ARGUMENTS = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    x, prev_h, Wx, Wh, b = (np.array(v) for v in (x, prev_h, Wx, Wh, b))
    a = x @ Wx
    a += prev_h @ Wh
    a += b
    np.tanh(a, out=a)
    return a.copy(), [x, prev_h, Wx, Wh, a]


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, h = cache
    da = dnext_h.copy()
    da *= 1 - h**2
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(0)


def temporal_softmax_loss(x, y, mask):
    probs = x.copy()
    probs -= probs.max(axis=2, keepdims=True)
    np.exp(probs, out=probs)
    norm = probs.sum(axis=2, keepdims=True)
    count = max(int(mask.sum()), 1)
    N, T, V = x.shape
    n, t = np.ogrid[:N, :T]
    right = x[n, t, y] - x.max(axis=2) - np.log(norm[..., 0])
    loss = -(right * mask).sum() / count
    probs /= norm
    probs[n, t, y] -= 1
    probs[~mask] = 0
    probs /= count
    return loss, probs
"""

SECH_SQUARED = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    a = b + prev_h @ Wh + x @ Wx
    return np.tanh(a), (x, prev_h, Wx, Wh, a)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, a = cache
    with np.errstate(over="ignore"):
        da = dnext_h / np.cosh(a) ** 2
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, np.ones(len(da)) @ da
"""

TANH_BY_HAND = """
def tanh(a):
    e = np.exp(-2 * np.abs(a))
    return np.sign(a) * (1 - e) / (1 + e)


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = tanh(np.matmul(x, Wx) + np.matmul(prev_h, Wh) + b[np.newaxis, :])
    return next_h, (x, prev_h, Wx, Wh, b, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, b, next_h = cache
    da = dnext_h - dnext_h * next_h * next_h
    return (Wx @ da.T).T, (Wh @ da.T).T, (da.T @ x).T, (da.T @ prev_h).T, sum(da)
"""

COLUMN_VECTORS = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    a = Wx.T @ x.T + Wh.T @ prev_h.T + b[:, None]
    return np.tanh(a).T, (x, prev_h, Wx, Wh, a)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, a = cache
    columns = dnext_h.T * (1 - np.tanh(a) ** 2)
    dWx, dWh = (columns @ x).T, (columns @ prev_h).T
    return (Wx @ columns).T, (Wh @ columns).T, dWx, dWh, columns.sum(axis=1)


def temporal_affine_forward(x, w, b):
    return np.stack([(w.T @ sample.T).T + b for sample in x]), (x.copy(), w.copy())


def temporal_affine_backward(dout, cache):
    x, w = cache
    dw = np.add.reduce([a.T @ d for a, d in zip(x, dout)])
    return np.stack([(w @ d.T).T for d in dout]), dw, np.add.reduce(dout, axis=(0, 1))
"""

AFFINE_STEP_BY_STEP = """
def temporal_affine_forward(x, w, b):
    out = np.empty((x.shape[0], x.shape[1], w.shape[1]))
    for t in range(x.shape[1]):
        out[:, t] = x[:, t] @ w + b
    return out, {"x": x, "w": w}


def temporal_affine_backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx, dw, db = np.empty(x.shape), np.zeros(w.shape), np.zeros(w.shape[1])
    for t in range(dout.shape[1]):
        dx[:, t] = dout[:, t] @ w.T
        dw += x[:, t].T @ dout[:, t]
        db += dout[:, t].sum(axis=0)
    return dx, dw, db
"""

LOSS_OF_KEPT_TOKENS = """
def temporal_softmax_loss(x, y, mask):
    dx = np.zeros(x.shape)
    logits, targets = x[mask], y[mask]
    if not len(targets):
        return 0.0, dx
    places = np.arange(len(targets))
    log_z = np.logaddexp.reduce(logits, axis=1)
    p = np.exp(logits - log_z[:, None])
    p[places, targets] -= 1
    dx[mask] = p / len(targets)
    return np.mean(log_z - logits[places, targets]), dx
"""

LOSS_FLAT = """
def temporal_softmax_loss(x, y, mask):
    N, T, V = x.shape
    flat, targets, keep = x.reshape(-1, V), y.reshape(-1), mask.reshape(-1).astype(float)
    p = np.exp(flat - np.max(flat, axis=1, keepdims=True))
    z = np.sum(p, axis=1, keepdims=True)
    count = np.sum(keep)
    log_p = flat - np.max(flat, axis=1, keepdims=True) - np.log(z)
    loss = -np.sum(keep * log_p[np.arange(N * T), targets]) / (count or 1)
    dx = p / z
    dx[np.arange(N * T), targets] -= 1
    dx *= keep[:, None]
    if count:
        dx /= count
    return np.array(loss), dx.reshape(N, T, V)
"""

LOSS_LONG_DOUBLE = """
def temporal_softmax_loss(x, y, mask):
    wide = x.astype(np.longdouble)
    wide = wide - wide.max(axis=2)[:, :, None]
    log_p = wide - np.log(np.exp(wide).sum(axis=2))[:, :, None]
    count = mask.sum()
    share = np.where(mask, 1 / max(count, 1), 0)[:, :, None]
    target = y[:, :, None] == np.arange(x.shape[2])
    loss = np.where(target & mask[:, :, None], -log_p, 0).sum() * share.max()
    return float(loss), ((np.exp(log_p) - target) * share).astype(float)
"""

GRADIENT_ON_COPIES = """
def numerical_gradient(f, x, df, h=1e-5):
    grad = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        above, below = x.copy(), x.copy()
        above[index] += h
        below[index] -= h
        grad[index] = np.sum((f(above) - f(below)) * df) / (2 * h)
    return grad
"""

GRADIENT_WITH_NDITER = """
def numerical_gradient(f, x, df, h=1e-5):
    grad = np.zeros_like(x)
    it = np.nditer(x, flags=["multi_index", "zerosize_ok"], op_flags=["readwrite"])
    while not it.finished:
        index = it.multi_index
        before = x[index].copy()
        x[index] = before + h
        up = np.array(f(x), copy=True)
        x[index] = before - h
        down = np.array(f(x), copy=True)
        x[index] = before
        grad[index] = np.sum((up - down) * df) / (2 * h)
        it.iternext()
    return grad
"""

GRADIENT_WITH_UNIT_VECTORS = """
def numerical_gradient(f, x, df, h=1e-5):
    units = np.eye(x.size).reshape(x.size, *x.shape)
    slopes = [np.sum((f(x + h * e) - f(x - h * e)) / (2 * h) * df) for e in units]
    return np.array(slopes).reshape(x.shape)
"""

GRADIENT_ON_A_FLAT_COPY = """
def numerical_gradient(f, x, df, h=1e-5):
    flat = list(np.ravel(x))

    def weighted(values):
        return float(np.vdot(np.asarray(f(np.array(values).reshape(x.shape))), df))

    grad = []
    for i, v in enumerate(flat):
        up = weighted(flat[:i] + [v + h] + flat[i + 1 :])
        down = weighted(flat[:i] + [v - h] + flat[i + 1 :])
        grad.append((up - down) / 2 / h)
    return np.array(grad).reshape(x.shape)
"""

VARIANTS: dict[str, str] = {
    name.lower(): source
    for name, source in list(globals().items())
    if name.isupper() and isinstance(source, str)
}
