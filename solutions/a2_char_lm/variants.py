"""Correct solutions of a2 in other styles: every one must get full points.

Each is executed after the reference's cells, so it may replace all functions or a few; where a
forward function is replaced, so is the backward function that reads its cache.
"""

PURE_PYTHON = """
import math


def word_embedding_forward(ids, W):
    out = np.zeros((len(ids), ids.shape[1], W.shape[1]))
    for n in range(len(ids)):
        for t in range(ids.shape[1]):
            for d in range(W.shape[1]):
                out[n, t, d] = W[int(ids[n, t]), d]
    return [out, {"ids": ids.tolist(), "V": len(W)}]


def word_embedding_backward(dout, cache):
    dW = [[0.0] * dout.shape[2] for _ in range(cache["V"])]
    for n, row in enumerate(cache["ids"]):
        for t, v in enumerate(row):
            for d in range(dout.shape[2]):
                dW[v][d] += dout[n, t, d]
    return np.array(dW)


def batchify(ids, batch_size, seq_len):
    S = len(ids) // batch_size
    found, begin = [], 0
    while begin + seq_len + 1 <= S:
        x, y = [], []
        for b in range(batch_size):
            strip = list(ids[b * S : (b + 1) * S])
            x.append(strip[begin : begin + seq_len])
            y.append(strip[begin + 1 : begin + 1 + seq_len])
        found.append([np.array(x), np.array(y)])
        begin += seq_len
    return found


def clip_gradients(grads, max_norm):
    total = 0.0
    for name in grads:
        for place in np.ndindex(grads[name].shape):
            total += float(grads[name][place]) ** 2
    norm = math.sqrt(total)
    if norm > max_norm:
        for name in grads:
            for place in np.ndindex(grads[name].shape):
                grads[name][place] = grads[name][place] * (max_norm / norm)
    return norm


def char_rnn_step(params, x, y, h0):
    Wx, Wh, b, Wy, by, E = (params[k].tolist() for k in ("Wx", "Wh", "b", "Wy", "by", "embed"))
    (N, T), (V, D, H) = x.shape, (len(E), len(E[0]), len(b))
    g = {k: np.zeros(v.shape) for k, v in params.items()}
    loss, last = 0.0, np.zeros(h0.shape)
    for n in range(N):
        states, chances = [h0[n].tolist()], []
        for t in range(T):
            e, prev = E[x[n, t]], states[-1]
            h = [
                math.tanh(
                    b[j]
                    + sum(e[d] * Wx[d][j] for d in range(D))
                    + sum(prev[i] * Wh[i][j] for i in range(H))
                )
                for j in range(H)
            ]
            o = [by[v] + sum(h[j] * Wy[j][v] for j in range(H)) for v in range(V)]
            log_z = max(o) + math.log(sum(math.exp(s - max(o)) for s in o))
            loss += (log_z - o[y[n, t]]) / (N * T)
            states.append(h)
            chances.append([math.exp(s - log_z) for s in o])
        last[n] = states[-1]
        future = [0.0] * H
        for t in range(T - 1, -1, -1):
            h, prev, v_in = states[t + 1], states[t], int(x[n, t])
            do = [(p - (v == y[n, t])) / (N * T) for v, p in enumerate(chances[t])]
            for v in range(V):
                g["by"][v] += do[v]
                for j in range(H):
                    g["Wy"][j, v] += h[j] * do[v]
            dh = [future[j] + sum(do[v] * Wy[j][v] for v in range(V)) for j in range(H)]
            da = [dh[j] * (1 - h[j] * h[j]) for j in range(H)]
            for j in range(H):
                g["b"][j] += da[j]
                for d in range(D):
                    g["Wx"][d, j] += E[v_in][d] * da[j]
                    g["embed"][v_in, d] += Wx[d][j] * da[j]
                for i in range(H):
                    g["Wh"][i, j] += prev[i] * da[j]
            future = [sum(Wh[i][j] * da[j] for j in range(H)) for i in range(H)]
    return loss, g, last


def sample(params, h, first_id, length, temperature, rng):
    ids, c = [], first_id
    for _ in range(length):
        h = np.tanh(params["embed"][c] @ params["Wx"] + h @ params["Wh"] + params["b"])
        o = (h @ params["Wy"] + params["by"]).tolist()
        if temperature == 0:
            c = o.index(max(o))
        else:
            weights = [math.exp((s - max(o)) / temperature) for s in o]
            left, c = rng.random() * sum(weights), 0
            while c < len(o) - 1 and left >= weights[c]:
                left -= weights[c]
                c += 1
        ids.append(c)
    return np.array(ids)


def perplexity(nll_sums, token_counts):
    nats = tokens = 0
    for a, n in zip(nll_sums, token_counts):
        nats, tokens = nats + a, tokens + n
    if not tokens:
        raise ValueError
    return math.exp(nats / tokens)
"""

ONE_HOT_EINSUM = """
def word_embedding_forward(ids, W):
    onehot = (ids[..., None] == np.arange(len(W))).astype(float)
    return np.einsum("ntv,vd->ntd", onehot, W), onehot


def word_embedding_backward(dout, cache):
    return np.einsum("ntv,ntd->vd", cache, dout)


def batchify(ids, batch_size, seq_len):
    S = len(ids) // batch_size
    if S < seq_len + 1:
        return []
    strips = np.stack([ids[b * S : b * S + S] for b in range(batch_size)])
    windows = np.lib.stride_tricks.sliding_window_view(strips, seq_len + 1, axis=1)[:, ::seq_len]
    return [(w[:, :-1], w[:, 1:]) for w in windows.transpose(1, 0, 2)]


def clip_gradients(grads, max_norm):
    flat = np.concatenate([g.ravel().astype(float) for g in grads.values()])
    norm = np.linalg.norm(flat)
    for g in grads.values():
        np.multiply(g, min(1.0, max_norm / (norm + 1e-6)), out=g, casting="same_kind")
    return norm


def char_rnn_step(params, x, y, h0):
    E, Wx, Wh, Wy = params["embed"], params["Wx"], params["Wh"], params["Wy"]
    N, T = x.shape
    onehot_in, onehot_out = np.eye(len(E))[x], np.eye(len(E))[y]
    e = np.einsum("ntv,vd->ntd", onehot_in, E)
    h = np.zeros((N, T + 1, len(Wh)))
    h[:, 0] = h0
    for t in range(T):
        h[:, t + 1] = np.tanh(
            np.einsum("nd,dh->nh", e[:, t], Wx) + np.einsum("ni,ij->nj", h[:, t], Wh) + params["b"]
        )
    o = np.einsum("nth,hv->ntv", h[:, 1:], Wy) + params["by"]
    log_z = np.logaddexp.reduce(o, axis=2)
    loss = np.mean(log_z - np.einsum("ntv,ntv->nt", o, onehot_out))
    do = (np.exp(o - log_z[..., None]) - onehot_out) / (N * T)
    da = np.zeros((N, T + 1, len(Wh)))
    for t in range(T - 1, -1, -1):
        later = np.einsum("nj,ij->ni", da[:, t + 1], Wh)
        da[:, t] = (np.einsum("nv,hv->nh", do[:, t], Wy) + later) * (1 - h[:, t + 1] ** 2)
    da = da[:, :T]
    grads = {
        "embed": np.einsum("ntv,nth,dh->vd", onehot_in, da, Wx, optimize=True),
        "Wy": np.einsum("nth,ntv->hv", h[:, 1:], do),
        "by": np.einsum("ntv->v", do),
        "Wx": np.einsum("ntd,nth->dh", e, da),
        "Wh": np.einsum("nti,ntj->ij", h[:, :-1], da),
        "b": np.einsum("nth->h", da),
    }
    return [loss, grads, h[:, -1]]


def sample(params, h, first_id, length, temperature, rng):
    ids = np.zeros(length, dtype=np.int32)
    c = first_id
    for i in range(length):
        onehot = np.eye(len(params["embed"]))[c]
        h = np.tanh(onehot @ params["embed"] @ params["Wx"] + h @ params["Wh"] + params["b"])
        o = h @ params["Wy"] + params["by"]
        # The largest of logits with Gumbel noise is a draw from their softmax.
        c = ids[i] = np.argmax(o + temperature * rng.gumbel(size=o.shape))
    return ids


def perplexity(nll_sums, token_counts):
    nll_sums, token_counts = np.asarray(nll_sums, float), np.asarray(token_counts, float)
    if token_counts.sum() <= 0:
        raise ValueError("no tokens")
    share = token_counts / token_counts.sum()
    means = np.divide(nll_sums, token_counts, out=np.zeros_like(share), where=token_counts > 0)
    return float(np.exp(share @ means))
"""

FLOAT32 = """
def word_embedding_forward(ids, W):
    return W.astype(np.float32)[ids].astype(np.float64), (ids.copy(), len(W))


def word_embedding_backward(dout, cache):
    ids, V = cache
    dW = np.zeros((V, dout.shape[2]), np.float32)
    np.add.at(dW, ids.reshape(-1), dout.reshape(-1, dout.shape[2]).astype(np.float32))
    return dW.astype(np.float64)


def clip_gradients(grads, max_norm):
    norm = np.float32(0)
    for g in grads.values():
        norm += np.sum(np.square(g, dtype=np.float32))
    norm = np.sqrt(norm)
    if norm > max_norm:
        for name in grads:
            grads[name] *= np.float32(max_norm) / norm
    return float(norm)


def char_rnn_step(params, x, y, h0):
    p = {k: v.astype(np.float32) for k, v in params.items()}
    N, T = x.shape
    h, states = h0.astype(np.float32), []
    for t in range(T):
        h = np.tanh(p["embed"][x[:, t]] @ p["Wx"] + h @ p["Wh"] + p["b"])
        states.append(h)
    hs = np.array(states)
    o = hs @ p["Wy"] + p["by"]
    o -= o.max(-1, keepdims=True)
    log_p = o - np.log(np.exp(o).sum(-1, keepdims=True))
    steps, rows = np.arange(T)[:, None], np.arange(N)
    loss = -log_p[steps, rows, y.T].mean()
    do = np.exp(log_p)
    do[steps, rows, y.T] -= 1
    do /= N * T
    g = {k: np.zeros_like(v) for k, v in p.items()}
    dh = np.zeros_like(h)
    for t in range(T)[::-1]:
        g["Wy"] += hs[t].T @ do[t]
        g["by"] += do[t].sum(0)
        da = (1 - hs[t] ** 2) * (dh + do[t] @ p["Wy"].T)
        g["b"] += da.sum(0)
        g["Wx"] += p["embed"][x[:, t]].T @ da
        g["Wh"] += (hs[t - 1] if t else h0.astype(np.float32)).T @ da
        np.add.at(g["embed"], x[:, t], da @ p["Wx"].T)
        dh = da @ p["Wh"].T
    return float(loss), {k: v.astype(float) for k, v in g.items()}, h.astype(float)


def sample(params, h, first_id, length, temperature, rng):
    p = {k: v.astype(np.float32) for k, v in params.items()}
    state, c, ids = h.astype(np.float32), first_id, []
    for _ in range(length):
        state = np.tanh(p["embed"][c] @ p["Wx"] + state @ p["Wh"] + p["b"])
        o = state @ p["Wy"] + p["by"]
        if temperature:
            o = (o - o.max()) / np.float32(temperature)
            chances = (np.exp(o) / np.exp(o).sum()).astype(np.float64)
            c = rng.choice(len(o), p=chances / chances.sum())
        else:
            c = np.argmax(o)
        ids.append(c)
    return np.asarray(ids)


def perplexity(nll_sums, token_counts):
    if sum(token_counts) == 0:
        raise ValueError("nothing to average over")
    total = np.sum(np.asarray(nll_sums, dtype=np.float32))
    return np.exp(total / np.float32(np.sum(token_counts)))
"""

AUTOGRAD = """
import torch


def word_embedding_forward(ids, W):
    table = torch.tensor(W, requires_grad=True)
    out = torch.nn.functional.embedding(torch.tensor(ids).long(), table)
    return out.detach().numpy(), (out, table)


def word_embedding_backward(dout, cache):
    out, table = cache
    (grad,) = torch.autograd.grad(out, table, torch.tensor(dout), retain_graph=True)
    return grad.numpy()


def batchify(ids, batch_size, seq_len):
    S = len(ids) // batch_size
    strips = torch.tensor(ids[: S * batch_size].copy()).reshape(batch_size, S)
    return [
        (strips[:, a : a + seq_len].numpy(), strips[:, a + 1 : a + seq_len + 1].numpy())
        for a in range(0, S - seq_len, seq_len)
    ]


def clip_gradients(grads, max_norm):
    leaves = []
    for g in grads.values():
        leaf = torch.zeros(g.shape, dtype=torch.float32 if g.dtype == np.float32 else torch.float64)
        leaf.grad = torch.from_numpy(g)
        leaves.append(leaf)
    return torch.nn.utils.clip_grad_norm_(leaves, max_norm).item()


def char_rnn_step(params, x, y, h0):
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}
    ids, goals = torch.tensor(x).long(), torch.tensor(y).long()
    h, logits = torch.tensor(h0), []
    for column in leaves["embed"][ids].unbind(1):
        h = torch.tanh(column @ leaves["Wx"] + h @ leaves["Wh"] + leaves["b"])
        logits.append(h @ leaves["Wy"] + leaves["by"])
    loss = torch.nn.functional.cross_entropy(torch.stack(logits, 2), goals)
    grads = torch.autograd.grad(loss, list(leaves.values()))
    return loss.item(), {k: g.numpy() for k, g in zip(leaves, grads)}, h.detach().numpy()


def sample(params, h, first_id, length, temperature, rng):
    p = {k: torch.tensor(v) for k, v in params.items()}
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    state, c, ids = torch.tensor(h), int(first_id), []
    for _ in range(length):
        state = torch.tanh(p["embed"][c] @ p["Wx"] + state @ p["Wh"] + p["b"])
        o = state @ p["Wy"] + p["by"]
        if temperature == 0:
            c = int(o.argmax())
        else:
            c = int(torch.multinomial(torch.softmax(o / temperature, 0), 1, generator=generator))
        ids.append(c)
    return torch.tensor(ids).numpy()


def perplexity(nll_sums, token_counts):
    tokens = torch.as_tensor(np.array(token_counts)).sum()
    if tokens == 0:
        raise ValueError("no tokens")
    return float(torch.exp(torch.as_tensor(np.array(nll_sums)).sum() / tokens))
"""

OBJECTS = """
class Lookup:
    def __init__(self, ids, rows):
        self.order = np.argsort(ids, axis=None, kind="stable")
        self.sorted = ids.reshape(-1)[self.order]
        self.rows = rows


def word_embedding_forward(ids, W):
    return np.take(W, ids, axis=0), Lookup(ids, len(W))


def word_embedding_backward(dout, cache):
    flat = dout.reshape(-1, dout.shape[-1])[cache.order]
    found, first = np.unique(cache.sorted, return_index=True)
    dW = np.zeros((cache.rows, dout.shape[-1]))
    dW[found] = np.add.reduceat(flat, first, axis=0)
    return dW


def batchify(ids, batch_size, seq_len):
    class Strips:
        def __init__(self):
            self.S = len(ids) // batch_size
            starts = self.S * np.arange(batch_size)[:, None]
            self.places = starts + np.arange(seq_len)

        def __len__(self):
            return max((self.S - 1) // seq_len, 0)

        def __getitem__(self, k):
            if k >= len(self):
                raise IndexError(k)
            here = self.places + k * seq_len
            return ids[here], ids[here + 1]

    return list(Strips())


class Clip:
    def __init__(self, grads):
        self.arrays = list(grads.values())

    def norm(self):
        return float(np.linalg.norm([np.linalg.norm(a.ravel()) for a in self.arrays]))


def clip_gradients(grads, max_norm):
    clip = Clip(grads)
    norm = clip.norm()
    coefficient = max_norm / max(norm, max_norm)
    for a in clip.arrays:
        a[...] = a * coefficient
    return norm


class Net:
    def __init__(self, params, x, y, h0):
        self.p, self.x, self.y, self.h0 = params, x, y, h0
        self.T = x.shape[1]

    def forward(self):
        p, self.h = self.p, [np.array(self.h0)]
        self.chances, loss = [], 0.0
        for t in range(self.T):
            into = np.concatenate([p["embed"][self.x[:, t]], self.h[-1]], axis=1)
            self.h.append(np.tanh(into @ np.vstack([p["Wx"], p["Wh"]]) + p["b"]))
            o = self.h[-1] @ p["Wy"] + p["by"]
            o = o - o.max(axis=1, keepdims=True)
            z = np.exp(o).sum(axis=1)
            loss += np.sum(np.log(z) - o[np.arange(len(o)), self.y[:, t]])
            self.chances.append(np.exp(o) / z[:, None])
        return loss / self.x.size

    def backward(self):
        p, g = self.p, {}
        dh = np.zeros_like(self.h0)
        parts = {k: [] for k in p}
        for t in range(self.T - 1, -1, -1):
            do = self.chances[t].copy()
            do[np.arange(len(do)), self.y[:, t]] -= 1
            do /= self.x.size
            parts["Wy"].append(self.h[t + 1].T @ do)
            parts["by"].append(do.sum(axis=0))
            da = (do @ p["Wy"].T + dh) * (1 - self.h[t + 1] ** 2)
            both = np.concatenate([p["embed"][self.x[:, t]], self.h[t]], axis=1).T @ da
            parts["Wx"].append(both[: len(p["Wx"])])
            parts["Wh"].append(both[len(p["Wx"]) :])
            parts["b"].append(da.sum(axis=0))
            rows = np.zeros_like(p["embed"])
            for n, v in enumerate(self.x[:, t]):
                rows[v] += p["Wx"] @ da[n]
            parts["embed"].append(rows)
            dh = da @ p["Wh"].T
        for k, found in parts.items():
            g[k] = sum(found)
        return g


def char_rnn_step(params, x, y, h0):
    net = Net(params, x, y, h0)
    loss = net.forward()
    return loss, net.backward(), net.h[-1]


class Writer:
    def __init__(self, params, h, c, temperature, rng):
        self.p, self.h, self.c, self.temperature, self.rng = params, h.copy(), c, temperature, rng

    def __iter__(self):
        return self

    def __next__(self):
        p = self.p
        self.h = np.tanh(p["Wx"].T @ p["embed"][self.c] + p["Wh"].T @ self.h + p["b"])
        o = p["Wy"].T @ self.h + p["by"]
        if self.temperature == 0:
            self.c = int(o.argmax())
        else:
            log_p = o / self.temperature - np.logaddexp.reduce(o / self.temperature)
            self.c = int(self.rng.multinomial(1, np.exp(log_p) / np.exp(log_p).sum()).argmax())
        return self.c


def sample(params, h, first_id, length, temperature, rng):
    writer = Writer(params, h, first_id, temperature, rng)
    return np.array([next(writer) for _ in range(length)])


class NoTokens(ValueError):
    pass


def perplexity(nll_sums, token_counts):
    try:
        nats, tokens = map(float, (np.asarray(nll_sums).sum(), np.asarray(token_counts).sum()))
        return float(np.exp(nats / tokens))
    except ZeroDivisionError:
        raise NoTokens("no tokens") from None
"""

RECURSION = """
from functools import reduce


def word_embedding_forward(ids, W):
    if ids.ndim:
        out = np.array([word_embedding_forward(part, W)[0] for part in ids])
        return out, lambda dout: ids_of(ids, dout, W.shape)
    return W[int(ids)], None


def ids_of(ids, dout, shape):
    return sum((unit_row(v, d, shape) for v, d in zip(ids.flat, dout.reshape(-1, shape[1]))))


def unit_row(v, d, shape):
    row = np.zeros(shape)
    row[v] = d
    return row


def word_embedding_backward(dout, cache):
    return cache(dout)


def batchify(ids, batch_size, seq_len):
    S = len(ids) // batch_size
    rows = [ids[b * S : (b + 1) * S] for b in range(batch_size)]

    def chunks(rest):
        if len(rest[0]) <= seq_len:
            return []
        x = np.stack([r[:seq_len] for r in rest])
        y = np.stack([r[1 : seq_len + 1] for r in rest])
        return [(x, y), *chunks([r[seq_len:] for r in rest])]

    return chunks(rows)


def clip_gradients(grads, max_norm):
    norm = reduce(np.hypot, (np.linalg.norm(g) for g in grads.values()), 0.0)
    if norm > max_norm:
        for g in grads.values():
            np.divide(g, norm / max_norm, out=g)
    return float(norm)


def char_rnn_step(params, x, y, h0):
    p, (N, T) = params, x.shape

    def from_step(t, h):
        if t == T:
            return 0.0, {k: np.zeros_like(v) for k, v in p.items()}, h, np.zeros_like(h)
        e = p["embed"][x[:, t]]
        new = np.tanh(e @ p["Wx"] + h @ p["Wh"] + p["b"])
        o = new @ p["Wy"] + p["by"]
        top = o.max(1, keepdims=True)
        log_p = o - top - np.log(np.exp(o - top).sum(1, keepdims=True))
        loss, g, last, dnew = from_step(t + 1, new)
        rows = np.arange(N)
        do = np.exp(log_p)
        do[rows, y[:, t]] -= 1.0
        do = do / (N * T)
        da = (dnew + do @ p["Wy"].T) * (1 - new * new)
        g["Wy"] = g["Wy"] + new.T @ do
        g["by"] = g["by"] + do.sum(0)
        g["b"] = g["b"] + da.sum(0)
        g["Wx"] = g["Wx"] + e.T @ da
        g["Wh"] = g["Wh"] + h.T @ da
        g["embed"] = g["embed"] + np.eye(len(p["embed"]))[x[:, t]].T @ (da @ p["Wx"].T)
        return loss - log_p[rows, y[:, t]].sum() / (N * T), g, last, da @ p["Wh"].T

    loss, grads, hT, _ = from_step(0, h0)
    return float(loss), grads, hT


def sample(params, h, first_id, length, temperature, rng):
    def go(h, c, left):
        if not left:
            return
        h = np.tanh(params["embed"][c] @ params["Wx"] + h @ params["Wh"] + params["b"])
        o = h @ params["Wy"] + params["by"]
        if temperature > 0:
            cumulative = np.cumsum(np.exp((o - o.max()) / temperature))
            c = int(np.searchsorted(cumulative, rng.uniform(0, cumulative[-1]), side="right"))
            c = min(c, len(o) - 1)
        else:
            c = int(np.flatnonzero(o == o.max())[0])
        yield c
        yield from go(h, c, left - 1)

    return np.fromiter(go(h, int(first_id), length), dtype=np.int64)


def perplexity(nll_sums, token_counts):
    pairs = list(zip(nll_sums, token_counts))
    nats, tokens = reduce(lambda s, p: (s[0] + p[0], s[1] + p[1]), pairs, (0.0, 0))
    if tokens < 1:
        raise ValueError("there are no tokens")
    return np.float64(np.e) ** (nats / tokens)
"""

HELPERS = """
def rnn(x, h0, p):
    h, cache = [h0], []
    for t in range(x.shape[1]):
        h.append(np.tanh(x[:, t].dot(p["Wx"]) + h[t].dot(p["Wh"]) + p["b"]))
    return np.stack(h, 1)


def softmax_loss(scores, y):
    flat = scores.reshape(-1, scores.shape[-1])
    flat = flat - flat.max(1)[:, None]
    chances = np.exp(flat)
    chances /= chances.sum(1)[:, None]
    places = np.arange(len(flat)), y.reshape(-1)
    loss = -np.mean(flat[places] - np.log(np.exp(flat).sum(1)))
    chances[places] -= 1
    return loss, (chances / len(flat)).reshape(scores.shape)


def char_rnn_step(params, x, y, h0):
    e, cache = word_embedding_forward(x, params["embed"])
    h = rnn(e, h0, params)
    out, H = h[:, 1:], h.shape[2]
    loss, do = softmax_loss(out @ params["Wy"] + params["by"], y)
    dh = np.matmul(do, params["Wy"].T)
    da = np.empty_like(out)
    for t in range(x.shape[1])[::-1]:
        da[:, t] = dh[:, t] * (1 - out[:, t] ** 2)
        if t:
            dh[:, t - 1] += da[:, t] @ params["Wh"].T
    grads = dict.fromkeys(params)
    grads["embed"] = word_embedding_backward(da @ params["Wx"].T, cache)
    grads["Wx"] = e.reshape(-1, e.shape[2]).T @ da.reshape(-1, H)
    grads["Wh"] = h[:, :-1].reshape(-1, H).T @ da.reshape(-1, H)
    grads["b"] = da.sum((0, 1))
    grads["Wy"] = out.reshape(-1, H).T @ do.reshape(-1, do.shape[2])
    grads["by"] = do.sum((0, 1))
    return np.float64(loss), grads, np.asfortranarray(h[:, -1])
"""

BINCOUNT = """
def word_embedding_forward(ids, W):
    return np.asfortranarray(W[ids.astype(np.int64)]), (ids.astype(np.int64), W)


def word_embedding_backward(dout, cache):
    ids, W = cache
    columns = [np.bincount(ids.ravel(), dout[..., d].ravel(), len(W)) for d in range(W.shape[1])]
    return np.stack(columns, axis=1)


def batchify(ids, batch_size, seq_len):
    strips = np.array(np.split(ids[: len(ids) // batch_size * batch_size], batch_size))
    count = max((strips.shape[1] - 1) // seq_len, 0)
    x, y = strips[:, : count * seq_len], strips[:, 1 : count * seq_len + 1]
    if not count:
        return []
    return tuple(zip(np.split(x, count, axis=1), np.split(y, count, axis=1)))


def clip_gradients(grads, max_norm):
    norm = np.sqrt(sum(np.vdot(g, g) for g in grads.values()))
    if not norm > max_norm:
        return norm
    for name, g in grads.items():
        np.copyto(g, g * (max_norm / (norm + 1e-6)), casting="same_kind")
    return norm


def sample(params, h, first_id, length, temperature, rng):
    noise = rng.random((length, 1))
    state, c, ids = h[None], first_id, []
    for u in noise:
        state = np.tanh(params["embed"][[c]] @ params["Wx"] + state @ params["Wh"] + params["b"])
        o = (state @ params["Wy"] + params["by"])[0]
        if temperature == 0:
            chances = (o == o.max()).astype(float)
        else:
            with np.errstate(under="ignore"):
                chances = np.exp((o - np.max(o)) / temperature)
        c = np.count_nonzero(u * chances.sum() >= np.cumsum(chances))
        ids.append(c)
    return np.array(ids)


def perplexity(nll_sums, token_counts):
    total = int(np.sum(token_counts, dtype=np.int64))
    if total == 0:
        raise ValueError("perplexity of an empty text")
    return float(2 ** (np.sum(np.array(nll_sums) / np.log(2)) / total))
"""

# --- training: other updates, sizes, first weights -----------------------------------------------

TRAINING = """
def train_char_rnn(ids, vocab_size, steps, rng):
    V, D, H, N, T = vocab_size, {D}, {H}, {N}, {T}
    p = {{
        "embed": {init}(V, D), "Wx": {init}(D, H), "Wh": {init}(H, H), "b": np.zeros(H),
        "Wy": {init}(H, V), "by": np.zeros(V),
    }}
    m = {{k: np.zeros_like(v) for k, v in p.items()}}
    s = {{k: np.zeros_like(v) for k, v in p.items()}}
    losses, batches = [], batchify(ids, N, T)
    while len(losses) < steps:
        h = np.zeros((N, H))
        for x, y in batches[: steps - len(losses)]:
            loss, g, h = char_rnn_step(p, x, y, h)
            {clip}
            i = len(losses) + 1
            for k in p:
                {update}
            losses.append(loss)
    return p, losses
"""

FAN_IN = "(lambda a, b: rng.normal(0, 1 / np.sqrt(a), (a, b)))"
TENTH = "(lambda a, b: 0.1 * rng.standard_normal((a, b)))"
UNIFORM = "(lambda a, b: rng.uniform(-1, 1, (a, b)) / np.sqrt(b))"
GLOROT = "(lambda a, b: rng.uniform(-1, 1, (a, b)) * np.sqrt(6 / (a + b)))"
ORTHOGONAL = "(lambda a, b: np.linalg.qr(rng.normal(size=(max(a, b),) * 2))[0][:a, :b])"
BY_NORM = "clip_gradients(g, 5.0)"
BY_ELEMENT = "[np.clip(v, -5, 5, out=v) for v in g.values()]"
ADAM = (
    "m[k] += 0.1 * (g[k] - m[k]); s[k] += 0.001 * (g[k] ** 2 - s[k]); "
    "p[k] -= {rate} * m[k] / (1 - 0.9**i) / (np.sqrt(s[k] / (1 - 0.999**i)) + 1e-8)"
)
SGD = "p[k] -= {rate} * g[k]"
MOMENTUM = "m[k] = 0.9 * m[k] + g[k]; p[k] = p[k] - {rate} * m[k]"
ADAGRAD = "s[k] += g[k] ** 2; p[k] -= {rate} * g[k] / (np.sqrt(s[k]) + 1e-8)"
RMSPROP = "s[k] = 0.9 * s[k] + 0.1 * g[k] ** 2; p[k] -= {rate} * g[k] / (np.sqrt(s[k]) + 1e-6)"
DECAY = "p[k] -= {rate} * (1 - (i - 1) / steps) * g[k]"


def training(sizes: tuple[int, int, int, int], init: str, update: str, clip: str = BY_NORM) -> str:
    """A training loop with sizes (D, H, N, T)."""
    return TRAINING.format(**dict(zip("DHNT", sizes)), init=init, update=update, clip=clip)


TRAINING_VARIANTS = {
    "training: Adam": training((16, 64, 16, 25), FAN_IN, ADAM.format(rate=1e-2)),
    "training: Adam, small": training((8, 24, 8, 16), TENTH, ADAM.format(rate=1e-2)),
    "training: Adam, large": training((32, 96, 16, 32), GLOROT, ADAM.format(rate=2e-3)),
    "training: Adam, slow": training((16, 64, 16, 25), TENTH, ADAM.format(rate=1e-3)),
    "training: plain descent": training((16, 48, 16, 25), FAN_IN, SGD.format(rate=0.5)),
    "training: plain descent, slow": training((16, 64, 16, 25), TENTH, SGD.format(rate=0.1)),
    "training: plain descent, decay": training((10, 40, 20, 20), UNIFORM, DECAY.format(rate=1.0)),
    "training: momentum": training((16, 64, 8, 20), UNIFORM, MOMENTUM.format(rate=0.1)),
    "training: RMSprop": training((12, 50, 10, 20), ORTHOGONAL, RMSPROP.format(rate=3e-3)),
    "training: Adagrad, clipped by element": training(
        (24, 100, 4, 25), FAN_IN, ADAGRAD.format(rate=0.1), BY_ELEMENT
    ),
    "training: Adagrad, long chunks": training((8, 32, 8, 64), GLOROT, ADAGRAD.format(rate=0.1)),
}

IN_TORCH = """
def train_char_rnn(ids, vocab_size, steps, rng):
    import torch

    torch.manual_seed(int(rng.integers(2**31)))
    N, T, D, H = 16, 20, 16, 48
    rows = torch.nn.Embedding(vocab_size, D)
    rnn = torch.nn.RNN(D, H, batch_first=True)
    out = torch.nn.Linear(H, vocab_size)
    weights = [w for part in (rows, rnn, out) for w in part.parameters()]
    optimizer = torch.optim.Adam(weights, lr=1e-2)
    losses, state, batches = [], None, batchify(ids, N, T)
    for step in range(steps):
        x, y = (torch.tensor(a) for a in batches[step % len(batches)])
        if step % len(batches) == 0:
            state = None
        h, state = rnn(rows(x), state)
        loss = torch.nn.functional.cross_entropy(out(h).flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        state = state.detach()
        losses.append(loss.item())
    numpy = lambda w: w.detach().numpy().astype(np.float64)
    return {
        "embed": numpy(rows.weight),
        "Wx": numpy(rnn.weight_ih_l0).T.copy(),
        "Wh": numpy(rnn.weight_hh_l0).T.copy(),
        "b": numpy(rnn.bias_ih_l0 + rnn.bias_hh_l0),
        "Wy": numpy(out.weight).T.copy(),
        "by": numpy(out.bias),
    }, np.array(losses)
"""

VARIANTS = {
    "pure Python": PURE_PYTHON + IN_TORCH,  # its own step would train for hours
    "one-hot and einsum": ONE_HOT_EINSUM,
    "float32": FLOAT32,
    "autograd": AUTOGRAD + IN_TORCH,
    "objects": OBJECTS,
    "recursion": RECURSION,
    "helpers": HELPERS,
    "counted": BINCOUNT,
    **TRAINING_VARIANTS,
    "training: in torch": IN_TORCH,
}
