"""Correct solutions of a4 in other styles: every one must get full points.

Each is executed after the reference's cells, so it may replace all functions or a few; where a
forward function is replaced, so is the backward function that reads its cache.
"""

PURE_PYTHON = """
import math


def sigmoid(a):
    return 1 / (1 + math.exp(-a)) if a >= 0 else math.exp(a) / (1 + math.exp(a))


def affine(x, prev_h, Wx, Wh, b, j):
    a = b[j]
    for d in range(len(x)):
        a += x[d] * Wx[d, j]
    for i in range(len(prev_h)):
        a += prev_h[i] * Wh[i, j]
    return a


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    N, H = prev_h.shape
    next_h, next_c, blocks = np.empty((N, H)), np.empty((N, H)), np.empty((N, 4 * H))
    for n in range(N):
        for j in range(4 * H):
            a = affine(x[n], prev_h[n], Wx, Wh, b, j)
            blocks[n, j] = math.tanh(a) if j >= 3 * H else sigmoid(a)
        for k in range(H):
            i, f, o, g = (blocks[n, k + H * m] for m in range(4))
            next_c[n, k] = f * prev_c[n, k] + i * g
            next_h[n, k] = o * math.tanh(next_c[n, k])
    return next_h, next_c, (x, prev_h, prev_c, Wx, Wh, blocks, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, blocks, next_c = cache
    N, H = prev_h.shape
    dx, dprev_h, dprev_c = np.zeros(x.shape), np.zeros((N, H)), np.zeros((N, H))
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(4 * H)
    for n in range(N):
        for k in range(H):
            i, f, o, g = (blocks[n, k + H * m] for m in range(4))
            shown = math.tanh(next_c[n, k])
            at_cell = dnext_c[n, k] + dnext_h[n, k] * o * (1 - shown) * (1 + shown)
            dprev_c[n, k] = at_cell * f
            into = (
                at_cell * g * (i - i * i),
                at_cell * prev_c[n, k] * (f - f * f),
                dnext_h[n, k] * shown * (o - o * o),
                at_cell * i * (1 - g * g),
            )
            for m, da in enumerate(into):
                j = k + H * m
                db[j] += da
                for d in range(x.shape[1]):
                    dx[n, d] += da * Wx[d, j]
                    dWx[d, j] += da * x[n, d]
                for q in range(H):
                    dprev_h[n, q] += da * Wh[q, j]
                    dWh[q, j] += da * prev_h[n, q]
    return dx, dprev_h, dprev_c, dWx, dWh, db


def gru_step_forward(x, prev_h, Wx, Wh, b):
    N, H = prev_h.shape
    next_h, z, r, c = (np.empty((N, H)) for _ in range(4))
    for n in range(N):
        for k in range(H):
            z[n, k] = sigmoid(affine(x[n], prev_h[n], Wx, Wh, b, k))
            r[n, k] = sigmoid(affine(x[n], prev_h[n], Wx, Wh, b, H + k))
        for k in range(H):
            c[n, k] = math.tanh(affine(x[n], r[n] * prev_h[n], Wx, Wh, b, 2 * H + k))
            next_h[n, k] = z[n, k] * prev_h[n, k] + (1 - z[n, k]) * c[n, k]
    return next_h, (x, prev_h, Wx, Wh, z, r, c)


def gru_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, z, r, c = cache
    N, H = prev_h.shape
    dx, dprev_h, da = np.zeros(x.shape), dnext_h * z, np.zeros((N, 3 * H))
    dWx, dWh = np.zeros(Wx.shape), np.zeros(Wh.shape)
    for n in range(N):
        for k in range(H):
            da[n, k] = dnext_h[n, k] * (prev_h[n, k] - c[n, k]) * z[n, k] * (1 - z[n, k])
            da[n, 2 * H + k] = dnext_h[n, k] * (1 - z[n, k]) * (1 - c[n, k] ** 2)
        for q in range(H):
            dq = sum(da[n, 2 * H + k] * Wh[q, 2 * H + k] for k in range(H))
            da[n, H + q] = dq * prev_h[n, q] * r[n, q] * (1 - r[n, q])
            dprev_h[n, q] += dq * r[n, q]
        for q in range(H):
            dprev_h[n, q] += sum(da[n, j] * Wh[q, j] for j in range(2 * H))
            for j in range(3 * H):
                dWh[q, j] += da[n, j] * prev_h[n, q] * (r[n, q] if j >= 2 * H else 1)
        for d in range(x.shape[1]):
            for j in range(3 * H):
                dx[n, d] += da[n, j] * Wx[d, j]
                dWx[d, j] += da[n, j] * x[n, d]
    return dx, dprev_h, dWx, dWh, [sum(column) for column in da.T] * np.ones(1)


def init_lstm_bias(H, forget_bias):
    b = []
    for gate in "ifog":
        for _ in range(H):
            b.append(float(forget_bias) if gate == "f" else 0.0)
    return np.array(b)
"""

EINSUM_AND_NAIVE_SIGMOID = """
def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    N, H = prev_h.shape
    Wx4, Wh4 = Wx.reshape(-1, 4, H), Wh.reshape(H, 4, H)
    a = np.einsum("nd,dkh->knh", x, Wx4) + np.einsum("nj,jkh->knh", prev_h, Wh4)
    a = a + b.reshape(4, 1, H)
    i, f, o = sigmoid(a[:3])
    g = np.tanh(a[3])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return next_h, next_c, (x, prev_h, prev_c, Wx4, Wh4, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx4, Wh4, i, f, o, g, next_c = cache
    th = np.tanh(next_c)
    dc = dnext_c + np.einsum("nh,nh,nh->nh", dnext_h, o, 1 - th * th)
    da = np.stack(
        [
            dc * g * i * (1 - i),
            dc * prev_c * f * (1 - f),
            dnext_h * th * o * (1 - o),
            dc * i * (1 - g * g),
        ]
    )
    dWx, dWh = np.einsum("nd,knh->dkh", x, da), np.einsum("nj,knh->jkh", prev_h, da)
    return (
        np.einsum("knh,dkh->nd", da, Wx4),
        np.einsum("knh,jkh->nj", da, Wh4),
        dc * f,
        dWx.reshape(len(dWx), -1),
        dWh.reshape(len(dWh), -1),
        np.einsum("knh->kh", da).ravel(),
    )


def gru_step_forward(x, prev_h, Wx, Wh, b):
    N, H = prev_h.shape
    Wx3, Wh3 = Wx.reshape(-1, 3, H), Wh.reshape(H, 3, H)
    xs = np.einsum("nd,dkh->knh", x, Wx3) + b.reshape(3, 1, H)
    z, r = sigmoid(xs[:2] + np.einsum("nj,jkh->knh", prev_h, Wh3[:, :2]))
    n = np.tanh(xs[2] + np.einsum("nj,nj,jh->nh", r, prev_h, Wh3[:, 2]))
    return z * prev_h + (1 - z) * n, (x, prev_h, Wx3, Wh3, z, r, n)


def gru_step_backward(dnext_h, cache):
    x, prev_h, Wx3, Wh3, z, r, n = cache
    dan = dnext_h * (1 - z) * (1 - n * n)
    dr = np.einsum("nk,jk,nj->nj", dan, Wh3[:, 2], prev_h)
    da = np.stack([dnext_h * (prev_h - n) * z * (1 - z), dr * r * (1 - r), dan])
    seen = np.stack([prev_h, prev_h, r * prev_h])
    dprev_h = z * dnext_h + np.einsum("knh,jkh->nj", da[:2], Wh3[:, :2])
    dprev_h = dprev_h + np.einsum("nh,jh,nj->nj", dan, Wh3[:, 2], r)
    dWx, dWh = np.einsum("nd,knh->dkh", x, da), np.einsum("knj,knh->jkh", seen, da)
    return (
        np.einsum("knh,dkh->nd", da, Wx3),
        dprev_h,
        dWx.reshape(len(dWx), -1),
        dWh.reshape(len(dWh), -1),
        da.sum(axis=1).reshape(-1),
    )


def lstm_to_torch(Wx, Wh, b):
    def rows(w):
        blocks = w.reshape(*w.shape[:-1], 4, -1)
        reordered = np.einsum("kl,...lh->...kh", np.eye(4)[[0, 1, 3, 2]], blocks)
        return torch.from_numpy(reordered.reshape(w.shape).T)

    return dict(
        weight_ih_l0=rows(Wx),
        weight_hh_l0=rows(Wh),
        bias_ih_l0=rows(b) / 2,
        bias_hh_l0=rows(b) / 2,
    )


def init_lstm_bias(H, forget_bias):
    return np.einsum("k,h->kh", [0, 1.0, 0, 0], np.full(H, float(forget_bias))).reshape(-1)
"""

FLOAT32_INSIDE = """
def sigmoid(a):
    return np.exp(-np.logaddexp(np.float32(0), -a))


def small(*arrays):
    return [v.astype(np.float32) for v in arrays]


def wide(*arrays):
    return tuple(v.astype(np.float64) for v in arrays)


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    x, prev_h, prev_c, Wx, Wh, b = small(x, prev_h, prev_c, Wx, Wh, b)
    i, f, o, g = np.split(x @ Wx + prev_h @ Wh + b, 4, axis=1)
    i, f, o, g = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(g)
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)
    return *wide(next_h, next_c), (x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c)


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, next_c = cache
    dnext_h, dnext_c = small(dnext_h, dnext_c)
    th = np.tanh(next_c)
    dc = dnext_c + dnext_h * o * (1 - th**2)
    da = np.concatenate(
        [dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dnext_h * th * o * (1 - o),
         dc * i * (1 - g**2)], axis=1
    )
    return wide(da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0))


def gru_step_forward(x, prev_h, Wx, Wh, b):
    x, prev_h, Wx, Wh, b = small(x, prev_h, Wx, Wh, b)
    H = prev_h.shape[1]
    zr = sigmoid((x @ Wx + b)[:, : 2 * H] + prev_h @ Wh[:, : 2 * H])
    z, r = zr[:, :H], zr[:, H:]
    n = np.tanh((x @ Wx + b)[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :])
    (next_h,) = wide(z * prev_h + (1 - z) * n)
    return next_h, (x, prev_h, Wx, Wh, z, r, n)


def gru_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, z, r, n = cache
    (d,) = small(dnext_h)
    H = d.shape[1]
    dan = d * (1 - z) * (1 - n**2)
    dq = dan @ Wh[:, 2 * H :].T
    dg = np.hstack([d * (prev_h - n) * z * (1 - z), dq * prev_h * r * (1 - r)])
    da = np.hstack([dg, dan])
    dWh = np.hstack([prev_h.T @ dg, (r * prev_h).T @ dan])
    dprev_h = d * z + dq * r + dg @ Wh[:, : 2 * H].T
    return wide(da @ Wx.T, dprev_h, x.T @ da, dWh, da.sum(axis=0))


def lstm_to_torch(Wx, Wh, b):
    H = len(b) // 4
    order = [*range(2 * H), *range(3 * H, 4 * H), *range(2 * H, 3 * H)]
    tensors = [torch.tensor(w[..., order].T, dtype=torch.float32) for w in (Wx, Wh, b)]
    names = ("weight_ih_l0", "weight_hh_l0", "bias_hh_l0")
    return dict(zip(names, tensors)) | {"bias_ih_l0": torch.zeros(4 * H)}
"""

TORCH_AUTOGRAD = """
def leaves(*arrays):
    return [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in arrays]


def pull(outputs, inputs, arriving):
    grads = torch.autograd.grad(
        outputs, inputs, [torch.tensor(np.ascontiguousarray(v)) for v in arriving],
        retain_graph=True,
    )
    return [g.numpy() for g in grads]


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    inputs = leaves(x, prev_h, prev_c, Wx, Wh, b)
    x, h, c, Wx, Wh, b = inputs
    i, f, o, g = (x @ Wx + h @ Wh + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h.detach().numpy(), c.detach().numpy(), ([h, c], inputs)


def lstm_step_backward(dnext_h, dnext_c, cache):
    return pull(*cache, [dnext_h, dnext_c])


def lstm_forward(x, h0, Wx, Wh, b):
    inputs = leaves(x, h0, Wx, Wh, b)
    x, h, Wx, Wh, b = inputs
    c, states = torch.zeros_like(h), []
    for x_t in x.unbind(1):
        i, f, o, g = (x_t @ Wx + h @ Wh + b).chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(h)
    out = torch.stack(states, 1)
    return out.detach().numpy(), ([out], inputs)


def lstm_backward(dh, cache):
    return pull(*cache, [dh])


def gru_step_forward(x, prev_h, Wx, Wh, b):
    inputs = leaves(x, prev_h, Wx, Wh, b)
    x, h, Wx, Wh, b = inputs
    (Wxz, Wxr, Wxn), (Whz, Whr, Whn), (bz, br, bn) = (v.chunk(3, dim=-1) for v in (Wx, Wh, b))
    z, r = torch.sigmoid(x @ Wxz + h @ Whz + bz), torch.sigmoid(x @ Wxr + h @ Whr + br)
    n = torch.tanh(x @ Wxn + (r * h) @ Whn + bn)
    out = torch.lerp(n, h, z)
    return out.detach().numpy(), ([out], inputs)


def gru_step_backward(dnext_h, cache):
    return pull(*cache, [dnext_h])


def lstm_to_torch(Wx, Wh, b):
    def reordered(w):
        i, f, o, g = torch.tensor(w).chunk(4, dim=-1)
        return torch.nn.Parameter(torch.cat([i, f, g, o], dim=-1).t())

    module = torch.nn.LSTM(len(Wx), len(Wh), batch_first=True).double()
    with torch.no_grad():
        module.weight_ih_l0.copy_(reordered(Wx))
        module.weight_hh_l0.copy_(reordered(Wh))
        module.bias_ih_l0.copy_(3 * reordered(b))
        module.bias_hh_l0.copy_(-2 * reordered(b))
    return module.state_dict()


def init_lstm_bias(H, forget_bias):
    b = torch.zeros(4 * H, dtype=torch.float64)
    b[H : 2 * H].fill_(forget_bias)
    return b.numpy()
"""

JOINED_MATRICES = """
def logistic(a):
    e = np.exp(-np.abs(a))
    return np.where(a >= 0, 1.0, e) / (1 + e)


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    D, H = x.shape[1], prev_h.shape[1]
    rows = np.concatenate([x, prev_h, np.ones((len(x), 1))], axis=1)
    W = np.concatenate([Wx, Wh, b[None]])
    a = rows.dot(W)
    gates = np.concatenate([logistic(a[:, : 3 * H]), np.tanh(a[:, 3 * H :])], axis=1)
    i, f, o, g = (gates[:, k * H : (k + 1) * H] for k in range(4))
    cache = {"rows": rows, "W": W, "gates": gates, "old": prev_c, "D": D}
    cache["new"] = next_c = prev_c * f + g * i
    cache["shown"] = np.tanh(next_c)
    return cache["shown"] * o, next_c, cache


def lstm_step_backward(dnext_h, dnext_c, cache):
    D, H, gates = cache["D"], dnext_h.shape[1], cache["gates"]
    i, f, o, g = (gates[:, k * H : (k + 1) * H] for k in range(4))
    dc = dnext_h * o
    dc -= dc * cache["shown"] ** 2
    dc += dnext_c
    slope = np.empty_like(gates)
    slope[:, : 3 * H] = gates[:, : 3 * H] * (1 - gates[:, : 3 * H])
    slope[:, 3 * H :] = (1 + g) * (1 - g)
    da = np.concatenate([dc * g, dc * cache["old"], dnext_h * cache["shown"], dc * i], axis=1)
    da *= slope
    drows, dW = da.dot(cache["W"].T), cache["rows"].T.dot(da)
    return drows[:, :D], drows[:, D:-1], f * dc, dW[:D], dW[D:-1], dW[-1]


def gru_step_forward(x, prev_h, Wx, Wh, b):
    D, H = x.shape[1], prev_h.shape[1]
    ones = np.ones((len(x), 1))
    gates_in = np.hstack([x, prev_h, ones])
    W = np.vstack([Wx, Wh, b])
    z, r = np.hsplit(logistic(gates_in @ W[:, : 2 * H]), 2)
    candidate_in = np.hstack([x, r * prev_h, ones])
    n = np.tanh(candidate_in @ W[:, 2 * H :])
    return n + z * (prev_h - n), (gates_in, candidate_in, W, z, r, n, D)


def gru_step_backward(dnext_h, cache):
    gates_in, candidate_in, W, z, r, n, D = cache
    H = dnext_h.shape[1]
    prev_h = gates_in[:, D:-1]
    dan = (dnext_h - z * dnext_h) * (1 - n * n)
    dcandidate_in = dan @ W[:, 2 * H :].T
    dseen = dcandidate_in[:, D:-1]
    dag = np.hstack([dnext_h * (prev_h - n), dseen * prev_h])
    dag *= np.hstack([z * (1 - z), r * (1 - r)])
    dgates_in = dag @ W[:, : 2 * H].T
    dW = np.hstack([gates_in.T @ dag, candidate_in.T @ dan])
    dx = dcandidate_in[:, :D] + dgates_in[:, :D]
    dprev_h = dnext_h * z + dseen * r + dgates_in[:, D:-1]
    return dx, dprev_h, dW[:D], dW[D:-1], dW[-1]
"""

CLOSURE_CACHE = """
def sigma(a):
    return (1 + np.tanh(a / 2)) / 2


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    H = len(b) // 4
    i, f, o = (
        sigma(x @ Wx[:, k : k + H] + prev_h @ Wh[:, k : k + H] + b[k : k + H])
        for k in (0, H, 2 * H)
    )
    g = np.tanh(x @ Wx[:, 3 * H :] + prev_h @ Wh[:, 3 * H :] + b[3 * H :])
    next_c = f * prev_c + i * g
    next_h = o * np.tanh(next_c)

    def backward(dnext_h, dnext_c):
        dc = dnext_c + dnext_h * (o - next_h**2 / np.maximum(o, 1e-300))
        blocks = (
            dc * g * i * (1 - i),
            dc * prev_c * f * (1 - f),
            dnext_h * next_h * (1 - o),
            dc * i * (1 - g**2),
        )
        cut = [slice(k * H, (k + 1) * H) for k in range(4)]
        dx = sum(a @ Wx[:, s].T for a, s in zip(blocks, cut))
        dprev_h = sum(a @ Wh[:, s].T for a, s in zip(blocks, cut))
        dWx = np.concatenate([x.T @ a for a in blocks], 1)
        dWh = np.concatenate([prev_h.T @ a for a in blocks], 1)
        return dx, dprev_h, dc * f, dWx, dWh, np.concatenate([a.sum(0) for a in blocks])

    return next_h, next_c, backward


def lstm_step_backward(dnext_h, dnext_c, cache):
    return cache(dnext_h, dnext_c)


def gru_step_forward(x, prev_h, Wx, Wh, b):
    H = len(b) // 3
    z, r = (
        sigma(x @ Wx[:, k : k + H] + prev_h @ Wh[:, k : k + H] + b[k : k + H]) for k in (0, H)
    )
    seen = r * prev_h
    n = np.tanh(x @ Wx[:, -H:] + seen @ Wh[:, -H:] + b[-H:])

    def backward(d):
        dn = (1 - z) * d * (1 - n**2)
        dz = (prev_h - n) * d * z * (1 - z)
        dseen = dn @ Wh[:, -H:].T
        dr = dseen * seen * (1 - r)
        dx = dz @ Wx[:, :H].T + dr @ Wx[:, H:-H].T + dn @ Wx[:, -H:].T
        dprev_h = z * d + dseen * r + dz @ Wh[:, :H].T + dr @ Wh[:, H:-H].T
        dWx = np.hstack([x.T @ v for v in (dz, dr, dn)])
        dWh = np.hstack([prev_h.T @ dz, prev_h.T @ dr, seen.T @ dn])
        return dx, dprev_h, dWx, dWh, np.hstack([v.sum(0) for v in (dz, dr, dn)])

    return z * prev_h + (1 - z) * n, backward


def gru_step_backward(dnext_h, cache):
    return cache(dnext_h)


def init_lstm_bias(H, forget_bias):
    return np.concatenate([np.zeros(H), np.full(H, float(forget_bias)), np.zeros(2 * H)])
"""

OBJECT_CACHE = """
from dataclasses import dataclass


@dataclass
class Step:
    inputs: tuple
    gates: dict
    shown: np.ndarray

    def backward(self, dnext_h, dnext_c):
        x, prev_h, prev_c, Wx, Wh = self.inputs
        i, f, o, g = (self.gates[k] for k in "ifog")
        dc = dnext_c + o * dnext_h * (1 - np.square(self.shown))
        partner = {"i": dc * g, "f": dc * prev_c, "o": dnext_h * self.shown, "g": dc * i}
        slope = {k: v * (1 - v) for k, v in self.gates.items()} | {"g": 1 - np.square(g)}
        da = np.concatenate([partner[k] * slope[k] for k in "ifog"], axis=-1)
        dWx, dWh = np.dot(x.T, da), np.dot(prev_h.T, da)
        return [np.dot(da, Wx.T), np.dot(da, Wh.T), dc * f, dWx, dWh, np.sum(da, axis=0)]


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    a = np.dot(x, Wx) + np.dot(prev_h, Wh) + b
    H = a.shape[1] // 4
    with np.errstate(over="ignore"):
        gates = {k: 1 / (1 + np.exp(-a[:, j * H : j * H + H])) for j, k in enumerate("ifo")}
    gates["g"] = np.tanh(a[:, 3 * H :])
    next_c = gates["f"] * prev_c + gates["i"] * gates["g"]
    shown = np.tanh(next_c)
    return [gates["o"] * shown, next_c, Step((x, prev_h, prev_c, Wx, Wh), gates, shown)]


def lstm_step_backward(dnext_h, dnext_c, cache):
    return cache.backward(dnext_h, dnext_c)


def init_lstm_bias(H, forget_bias):
    b = np.zeros((4, H))
    b["ifog".index("f")] = forget_bias
    return b.ravel()


def lstm_to_torch(Wx, Wh, b):
    from collections import OrderedDict

    state = OrderedDict()
    for name, w in (("weight_ih_l0", Wx), ("weight_hh_l0", Wh), ("bias_ih_l0", b)):
        parts = dict(zip("ifog", np.split(w, 4, axis=-1)))
        state[name] = torch.cat([torch.as_tensor(parts[k].T.copy()) for k in "ifgo"])
    state["bias_hh_l0"] = torch.zeros_like(state["bias_ih_l0"])
    return state
"""

WHOLE_SEQUENCE_AT_ONCE = """
def sigma(a):
    return 0.5 * (1 + np.tanh(a / 2))


def lstm_forward(x, h0, Wx, Wh, b):
    N, T, _ = x.shape
    H = h0.shape[1]
    drive = x @ Wx + b
    h, c = np.zeros((N, T + 1, H)), np.zeros((N, T + 1, H))
    gates = np.zeros((N, T, 4, H))
    h[:, 0] = h0
    for t in range(T):
        a = (drive[:, t] + h[:, t] @ Wh).reshape(N, 4, H)
        gates[:, t, :3], gates[:, t, 3] = sigma(a[:, :3]), np.tanh(a[:, 3])
        i, f, o, g = gates[:, t].swapaxes(0, 1)
        c[:, t + 1] = f * c[:, t] + i * g
        h[:, t + 1] = o * np.tanh(c[:, t + 1])
    return h[:, 1:].copy(), (x, h, c, gates, Wx, Wh)


def lstm_backward(dh, cache):
    x, h, c, gates, Wx, Wh = cache
    N, T, H = dh.shape
    da = np.zeros(gates.shape)
    back_h, back_c = 0, 0
    for t in range(T - 1, -1, -1):
        i, f, o, g = gates[:, t].swapaxes(0, 1)
        shown = np.tanh(c[:, t + 1])
        at_h = dh[:, t] + back_h
        at_c = back_c + at_h * o * (1 - shown**2)
        da[:, t, 0] = at_c * g * i * (1 - i)
        da[:, t, 1] = at_c * c[:, t] * f * (1 - f)
        da[:, t, 2] = at_h * shown * o * (1 - o)
        da[:, t, 3] = at_c * i * (1 - g**2)
        back_h, back_c = da[:, t].reshape(N, -1) @ Wh.T, at_c * f
    flat = da.reshape(N, T, 4 * H)
    dWx = np.tensordot(x, flat, ((0, 1), (0, 1)))
    dWh = np.tensordot(h[:, :-1], flat, ((0, 1), (0, 1)))
    return flat @ Wx.T, back_h, dWx, dWh, flat.sum(axis=(0, 1))
"""

VIEW_INTO_THE_CACHE = """
def lstm_forward(x, h0, Wx, Wh, b):
    steps = []
    h = np.empty((x.shape[1] + 1, *h0.shape))
    h[0], c = h0, np.zeros(h0.shape)
    for t, x_t in enumerate(x.swapaxes(0, 1)):
        h[t + 1], c, step = lstm_step_forward(x_t, h[t], c, Wx, Wh, b)
        steps.append(step)
    return h[1:].swapaxes(0, 1), (steps, h)


def lstm_backward(dh, cache):
    steps, h = cache
    back = np.zeros_like(h[0]), np.zeros_like(h[0])
    dx, total = [], [0, 0, 0]
    for t, step in reversed(list(enumerate(steps))):
        dx_t, *back, dWx, dWh, db = lstm_step_backward(dh[:, t] + back[0], back[1], step)
        dx.append(dx_t)
        total = [a + b for a, b in zip(total, (dWx, dWh, db))]
    return np.array(dx)[::-1].swapaxes(0, 1), back[0], *total
"""

RECURSION = """
def from_cell(x, h0, c0, Wx, Wh, b):
    h, c, step = lstm_step_forward(x[:, 0], h0, c0, Wx, Wh, b)
    if x.shape[1] == 1:
        return h[:, None], [step]
    rest, steps = from_cell(x[:, 1:], h, c, Wx, Wh, b)
    return np.concatenate([h[:, None], rest], axis=1), [step, *steps]


def lstm_forward(x, h0, Wx, Wh, b):
    return from_cell(x, h0, h0 * 0, Wx, Wh, b)


def to_cell(dh, steps):
    if dh.shape[1] == 1:
        future_h, future_c, dx_rest, weights = 0, np.zeros(dh[:, 0].shape), [], (0, 0, 0)
    else:
        dx_rest, future_h, future_c, weights = to_cell(dh[:, 1:], steps[1:])
    dx, dh0, dc0, *own = lstm_step_backward(dh[:, 0] + future_h, future_c, steps[0])
    return [dx, *dx_rest], dh0, dc0, [a + b for a, b in zip(own, weights)]


def lstm_backward(dh, cache):
    dx, dh0, _, weights = to_cell(dh, cache)
    return np.stack(dx, axis=1), dh0, *weights
"""

CACHE_USED_UP = """
def lstm_forward(x, h0, Wx, Wh, b):
    h, stack, state = np.zeros((*x.shape[:2], h0.shape[1])), [], (h0, np.zeros(h0.shape))
    for t in range(x.shape[1]):
        *state, step = lstm_step_forward(x[:, t], *state, Wx, Wh, b)
        h[:, t] = state[0]
        stack.append(step)
    return [h, stack]


def lstm_backward(dh, cache):
    N, T, H = dh.shape
    grads, back_h, back_c = None, np.zeros((N, H)), np.zeros((N, H))
    dx = []
    while cache:
        out = lstm_step_backward(dh[:, len(cache) - 1] + back_h, back_c, cache.pop())
        dx.insert(0, out[0])
        back_h, back_c = out[1], out[2]
        grads = out[3:] if grads is None else [a + b for a, b in zip(grads, out[3:])]
    return [np.array(dx).transpose(1, 0, 2), back_h, *grads]
"""

GENERATOR_OF_STATES = """
def states(x, h, Wx, Wh, b):
    c = np.zeros_like(h)
    for t in range(x.shape[1]):
        h, c, step = lstm_step_forward(x[:, t], h, c, Wx, Wh, b)
        yield h, step


def lstm_forward(x, h0, Wx, Wh, b):
    h, steps = zip(*states(x, h0, Wx, Wh, b))
    return np.dstack(h).transpose(0, 2, 1), steps


def lstm_backward(dh, cache):
    grads = dict.fromkeys(("Wx", "Wh", "b"), 0)
    dx, at_h, at_c = {}, np.zeros_like(dh[:, 0]), np.zeros_like(dh[:, 0])
    for t in range(len(cache))[::-1]:
        dx[t], at_h, at_c, *new = lstm_step_backward(np.add(dh[:, t], at_h), at_c, cache[t])
        grads = {name: g + n for (name, g), n in zip(grads.items(), new)}
    return np.stack([dx[t] for t in sorted(dx)], 1), at_h, *grads.values()
"""

SAMPLE_BY_SAMPLE = """
whole_forward, whole_backward = lstm_forward, lstm_backward
whole_step, whole_step_backward = gru_step_forward, gru_step_backward


def lstm_forward(x, h0, Wx, Wh, b):
    rows = [whole_forward(x[n : n + 1], h0[n : n + 1], Wx, Wh, b) for n in range(len(x))]
    return np.concatenate([h for h, _ in rows]), [cache for _, cache in rows]


def lstm_backward(dh, cache):
    parts = [whole_backward(dh[n : n + 1], one) for n, one in enumerate(cache)]
    dx, dh0, *weights = zip(*parts)
    return np.concatenate(dx), np.concatenate(dh0), *(np.sum(w, axis=0) for w in weights)


def gru_step_forward(x, prev_h, Wx, Wh, b):
    rows = [whole_step(x[n : n + 1], prev_h[n : n + 1], Wx, Wh, b) for n in range(len(x))]
    return np.concatenate([h for h, _ in rows]), [cache for _, cache in rows]


def gru_step_backward(dnext_h, cache):
    parts = [whole_step_backward(dnext_h[n : n + 1], one) for n, one in enumerate(cache)]
    dx, dprev_h, *weights = zip(*parts)
    return np.concatenate(dx), np.concatenate(dprev_h), *(np.sum(w, axis=0) for w in weights)
"""

FORTRAN_ORDER_AND_LISTS = """
def fortran(results):
    return [np.asfortranarray(v) if isinstance(v, np.ndarray) else v for v in results]


first = dict(globals())


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    return fortran(first["lstm_step_forward"](x, prev_h, prev_c, Wx, Wh, b))


def lstm_step_backward(dnext_h, dnext_c, cache):
    return fortran(first["lstm_step_backward"](dnext_h, dnext_c, cache))


def lstm_forward(x, h0, Wx, Wh, b):
    return fortran(first["lstm_forward"](x, h0, Wx, Wh, b))


def lstm_backward(dh, cache):
    return fortran(first["lstm_backward"](dh, cache))


def gru_step_forward(x, prev_h, Wx, Wh, b):
    return fortran(first["gru_step_forward"](x, prev_h, Wx, Wh, b))


def gru_step_backward(dnext_h, cache):
    return fortran(first["gru_step_backward"](dnext_h, cache))


def lstm_to_torch(Wx, Wh, b):
    state = first["lstm_to_torch"](Wx, Wh, b)
    return {name: v.t().contiguous().t() for name, v in reversed(state.items())}


def init_lstm_bias(H, forget_bias):
    return np.repeat(np.array([0, forget_bias, 0, 0], dtype=float), H)[::-1][::-1]
"""

COLUMN_VECTORS_IN_PLACE = """
def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    x, prev_h, prev_c, Wx, Wh = (np.array(v.T) for v in (x, prev_h, prev_c, Wx, Wh))
    a = Wx @ x
    a += Wh @ prev_h
    a += b[:, None]
    H = len(prev_h)
    a[: 3 * H] /= 2
    np.tanh(a, out=a)
    a[: 3 * H] += 1
    a[: 3 * H] /= 2
    i, f, o, g = a.reshape(4, H, -1)
    c = i * g
    c += f * prev_c
    return (o * np.tanh(c)).T, c.T.copy(), [x, prev_h, prev_c, Wx, Wh, i, f, o, g, c]


def lstm_step_backward(dnext_h, dnext_c, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, c = cache
    dh, dc = dnext_h.T, dnext_c.T.copy()
    with np.errstate(over="ignore"):
        dc += dh * o / np.cosh(c) ** 2
    da = np.vstack([
        dc * g * (i - i**2),
        dc * prev_c * (f - f**2),
        dh * np.tanh(c) * (o - o**2),
        dc * i * (1 - g**2),
    ])
    return (
        (Wx.T @ da).T, (Wh.T @ da).T, (f * dc).T,
        (da @ x.T).T, (da @ prev_h.T).T, da @ np.ones(x.shape[1]),
    )


def gru_step_forward(x, prev_h, Wx, Wh, b):
    H = len(b) // 3
    columns, state = x.T, prev_h.T
    a = Wx.T @ columns + b[:, None]
    a[: 2 * H] += Wh.T[: 2 * H] @ state
    a[: 2 * H] = 0.5 * np.tanh(0.5 * a[: 2 * H]) + 0.5
    z, r = a[:H], a[H : 2 * H]
    seen = r * state
    n = np.tanh(a[2 * H :] + Wh.T[2 * H :] @ seen)
    return (n - z * n + z * state).T, (columns, state, Wx, Wh, z, r, n, seen)


def gru_step_backward(dnext_h, cache):
    columns, state, Wx, Wh, z, r, n, seen = cache
    H, d = len(z), dnext_h.T
    dn = (d - d * z) * (1 + n) * (1 - n)
    dseen = Wh[:, 2 * H :] @ dn
    dz, dr = d * (state - n) * (z - z * z), dseen * state * (r - r * r)
    da = np.vstack([dz, dr, dn])
    dstate = d * z + dseen * r + Wh[:, : 2 * H] @ da[: 2 * H]
    dWh = np.hstack([state @ dz.T, state @ dr.T, seen @ dn.T])
    return (Wx @ da).T, dstate.T, columns @ da.T, dWh, np.add.reduce(da, axis=1)


def lstm_to_torch(Wx, Wh, b):
    H = len(b) // 4
    state = torch.nn.LSTM(len(Wx), H).state_dict()
    places = {"i": 0, "f": 1, "g": 2, "o": 3}
    for block, gate in enumerate("ifog"):
        to, take = (slice(k * H, (k + 1) * H) for k in (places[gate], block))
        state["weight_ih_l0"][to] = torch.tensor(Wx[:, take].T)
        state["weight_hh_l0"][to] = torch.tensor(Wh[:, take].T)
        state["bias_ih_l0"][to] = 0
        state["bias_hh_l0"][to] = torch.tensor(b[take])
    return state


def init_lstm_bias(H, forget_bias):
    return np.where(np.arange(4 * H) // H == 1, forget_bias, 0.0)
"""

VARIANTS: dict[str, str] = {
    name.lower(): source
    for name, source in list(globals().items())
    if name.isupper() and isinstance(source, str)
}
