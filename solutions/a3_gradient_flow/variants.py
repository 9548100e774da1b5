"""Correct solutions of a3 in other styles: every one must get full points.

Each is executed after the reference's cells, so it may replace all functions or a few.
"""

LOOPS = """
import cmath
import math


def matrix_power_eig(W, n):
    values, Q = np.linalg.eig(W)
    P, H = np.linalg.inv(Q), len(W)
    result = np.zeros((H, H))
    for i in range(H):
        for j in range(H):
            total = 0
            for k in range(H):
                power = 1.0
                for _ in range(n):
                    power *= values[k]
                total += Q[i, k] * power * P[k, j]
            result[i, j] = complex(total).real
    return result


def rescale_spectral_radius(W, rho):
    largest = 0.0
    for value in np.linalg.eigvals(W):
        largest = max(largest, math.hypot(value.real, value.imag))
    return np.array([[rho * w / largest for w in row] for row in W])


def gradient_norms(h, Wh):
    T, H = h.shape
    norms = np.ones(T)
    for k in range(1, T):
        J = np.eye(H)
        for t in range(T - k, T):
            step = np.empty((H, H))
            for i in range(H):
                for j in range(H):
                    step[i, j] = (1 - h[t, i] ** 2) * Wh[j, i]
            J = step @ J
        norms[k] = max(np.linalg.svd(J)[1])
    return norms


def vanishing_bound(Wh, T):
    bound = 1.0
    for _ in range(T):
        bound *= np.linalg.norm(Wh, ord=2)
    return bound


def leaky_step(mu, v, alpha):
    if np.ndim(mu) == 0:
        return alpha * mu + v - alpha * v
    return np.array([leaky_step(a, b, alpha) for a, b in zip(mu, v)])


def leaky_half_life(alpha):
    return math.log(2) / -math.log(alpha)


def forget_bias_retention(bias, T):
    try:
        gate = 1 / (1 + math.exp(-bias))
    except OverflowError:
        gate = 0.0
    share = 1.0
    for _ in range(T):
        share *= gate
    return share
"""

EINSUM = """
def matrix_power_eig(W, n):
    lam, Q = np.linalg.eig(W)
    return np.real(np.einsum("ik,k,kj->ij", Q, lam**n, np.linalg.inv(Q)))


def rescale_spectral_radius(W, rho):
    lam = np.linalg.eigvals(W)
    return rho * W / np.sqrt(np.max(lam.real**2 + lam.imag**2))


def gradient_norms(h, Wh):
    J = np.einsum("ti,ji->tij", 1 - h * h, Wh)
    product, found = np.identity(h.shape[1]), []
    for step in J[::-1]:
        found.append(np.linalg.norm(product, ord=2))
        product = np.einsum("ij,jk->ik", product, step)
    return np.asarray(found)


def vanishing_bound(Wh, T):
    return np.sqrt(np.linalg.eigvalsh(np.einsum("ki,kj->ij", Wh, Wh))[-1]) ** T


def leaky_step(mu, v, alpha):
    return np.einsum("k,k...->...", np.array([alpha, 1 - alpha]), np.array([mu, v]))


def leaky_half_life(alpha):
    return 1 / np.emath.logn(0.5, alpha)


def forget_bias_retention(bias, T):
    return np.exp(-T * np.logaddexp(0, -bias))
"""

FLOAT32 = """
def matrix_power_eig(W, n):
    values, Q = np.linalg.eig(W.astype(np.float32))
    return (Q @ np.diag(values**n) @ np.linalg.inv(Q)).real.astype(np.float64)


def rescale_spectral_radius(W, rho):
    W32 = W.astype(np.float32)
    radius = np.abs(np.linalg.eigvals(W32)).max()
    return (W32 / radius * np.float32(rho)).astype(np.float64)


def gradient_norms(h, Wh):
    h, Wh = h.astype(np.float32), Wh.astype(np.float32)
    product, norms = np.eye(len(Wh), dtype=np.float32), np.ones(len(h))
    for k in range(1, len(h)):
        product = (product * (1 - h[-k] ** 2)) @ Wh.T
        norms[k] = np.linalg.norm(product, 2)
    return norms


def vanishing_bound(Wh, T):
    return float(np.linalg.norm(Wh.astype(np.float32), 2) ** T)


def leaky_step(mu, v, alpha):
    alpha = np.float32(alpha)
    out = alpha * np.asarray(mu, np.float32) + (1 - alpha) * np.asarray(v, np.float32)
    return out.astype(np.float64)


def leaky_half_life(alpha):
    return float(np.log(np.float32(0.5)) / np.log(np.float32(alpha)))


def forget_bias_retention(bias, T):
    with np.errstate(over="ignore"):
        return float((1 / (1 + np.exp(-np.float32(bias)))) ** np.float32(T))
"""

TORCH = """
def matrix_power_eig(W, n):
    values, Q = torch.linalg.eig(torch.tensor(W))
    return torch.linalg.solve(Q, Q * values**n, left=False).real.numpy()


def rescale_spectral_radius(W, rho):
    W = torch.tensor(W)
    return (W * rho / torch.linalg.eigvals(W).abs().amax()).numpy()


def gradient_norms(h, Wh):
    h, Wh = torch.tensor(h), torch.tensor(Wh)
    product, norms = torch.eye(len(Wh), dtype=h.dtype), [torch.tensor(1.0, dtype=h.dtype)]
    for state in h.flip(0)[:-1]:
        product = product @ ((1 - state.square())[:, None] * Wh.T)
        norms.append(torch.linalg.matrix_norm(product, ord=2))
    return torch.stack(norms).numpy()


def vanishing_bound(Wh, T):
    return (torch.linalg.svdvals(torch.tensor(Wh))[0] ** T).item()


def leaky_step(mu, v, alpha):
    return torch.lerp(torch.tensor(v), torch.tensor(mu), alpha).numpy()[()]


def leaky_half_life(alpha):
    return (torch.log(torch.tensor(0.5)) / torch.log(torch.tensor(alpha))).item()


def forget_bias_retention(bias, T):
    return (torch.sigmoid(torch.tensor(float(bias))) ** T).item()
"""

AUTOGRAD_OF_THE_STATES = '''
def gradient_norms(h, Wh):
    """Derivatives by torch, through a network that is driven to just these states."""
    weights, T = torch.tensor(Wh), len(h)
    slopes = 1 - torch.tensor(h) ** 2
    norms = [1.0]
    for k in range(1, T):

        def walk(change):
            for t in range(T - k, T):
                change = slopes[t] * (change @ weights)  # the tangent of each step
            return change

        start = torch.zeros(h.shape[1], dtype=torch.float64)
        jacobian = torch.autograd.functional.jacobian(walk, start)
        norms.append(torch.linalg.norm(jacobian, 2).item())
    return np.array(norms)


def vanishing_bound(Wh, T):
    return np.prod([np.linalg.norm(Wh.T, 2)] * T)


def leaky_step(mu, v, alpha):
    return v + alpha * np.subtract(mu, v)
'''

SQUARING_AND_ROWS = '''
def matrix_power_eig(W, n):
    """Without eigenvalues: the same matrix by repeated squaring."""
    result, square = np.eye(len(W)), np.array(W)
    while n:
        if n % 2:
            result = result @ square
        square, n = square @ square, n // 2
    return result


def rescale_spectral_radius(W, rho):
    values = sorted(np.linalg.eig(W)[0], key=abs)
    scaled = W.copy()
    scaled *= rho
    scaled /= abs(values[-1])
    return np.asfortranarray(scaled)


def gradient_norms(h, Wh):
    """Row messages: row i is sent back from unit i of the last state, the norms are of all rows."""
    rows, norms = np.eye(h.shape[1]), np.ones(1)
    for state in reversed(h[1:]):
        rows = (rows * (1 - state) * (1 + state)) @ Wh.T
        norms = np.append(norms, np.sqrt(np.linalg.eigvalsh(rows @ rows.T).max().clip(0)))
    return norms


def leaky_step(mu, v, alpha):
    return np.add(np.multiply(mu, alpha), np.multiply(v, 1 - alpha))


def leaky_half_life(alpha):
    return np.log2(0.5) / np.log2(alpha)


def forget_bias_retention(bias, T):
    return float((0.5 * (1 + np.tanh(0.5 * bias))) ** T)
'''

RECURSION = """
from functools import reduce


def matrix_power_eig(W, n):
    values, right = np.linalg.eig(W.T)
    return np.linalg.solve(right.T, np.diag(values**n) @ right.T).real


def gradient_norms(h, Wh):
    def products(states):
        if len(states) < 2:
            return [np.eye(h.shape[1])]
        so_far = products(states[1:])
        return [*so_far, so_far[-1] @ (Wh * (1 - states[1] ** 2)).T]

    return np.array([np.linalg.norm(p, 2) for p in products(h)])


def vanishing_bound(Wh, T):
    return 1.0 if T == 0 else np.linalg.svd(Wh)[1][0] * vanishing_bound(Wh, T - 1)


def leaky_half_life(alpha):
    low, high = 0.0, 1e6
    while high - low > 1e-9:
        middle = (low + high) / 2
        low, high = (middle, high) if alpha**middle > 0.5 else (low, middle)
    return low


def forget_bias_retention(bias, T):
    gate = 1 / (1 + np.exp(-np.clip(bias, -700, 700)))
    return reduce(lambda left, _: left * gate, range(T), 1.0)


def rescale_spectral_radius(W, rho):
    return W * rho / max(map(abs, np.linalg.eigvals(W)))
"""

HAND_WRITTEN_CELLS = """
def success_rate(cell, lengths, seeds, steps):
    def batch(count, length, rng):
        which = rng.integers(0, 4, count)
        x = np.zeros((count, length, 4), dtype=np.float32)
        x[np.arange(count), 0, which] = 1
        return torch.from_numpy(x), torch.from_numpy(which)

    def answers(p, x):
        H = p["Wy"].shape[0]
        h = c = x.new_zeros(len(x), H)
        for x_t in x.unbind(1):
            a = x_t @ p["Wx"] + h @ p["Wh"] + p["b"]
            if cell == "rnn":
                h = torch.tanh(a)
            else:
                i, f, o, g = a.chunk(4, 1)
                c = torch.sigmoid(f + 2.0) * c + torch.sigmoid(i) * torch.tanh(g)
                h = torch.sigmoid(o) * torch.tanh(c)
        return h @ p["Wy"] + p["by"]

    def run(length, seed):
        rng = np.random.default_rng(seed)
        H, k = 16, 4 if cell == "lstm" else 1
        shapes = {"Wx": (4, k * H), "Wh": (H, k * H), "b": (k * H,), "Wy": (H, 4), "by": (4,)}
        p = {
            name: torch.tensor(
                rng.uniform(-(H**-0.5), H**-0.5, shape), dtype=torch.float32, requires_grad=True
            )
            for name, shape in shapes.items()
        }
        for _ in range(steps):
            x, y = batch(32, length, rng)
            loss = torch.nn.functional.cross_entropy(answers(p, x), y)
            grads = torch.autograd.grad(loss, list(p.values()))
            norm = torch.sqrt(sum(g.square().sum() for g in grads))
            with torch.no_grad():
                for weight, g in zip(p.values(), grads):
                    weight -= 0.5 * g * min(1.0, 1.0 / norm.item())
        x, y = batch(256, length, rng)
        return (answers(p, x).argmax(1) == y).float().mean() > 0.95

    rates = np.zeros(len(lengths))
    for k, length in enumerate(lengths):
        for seed in seeds:
            rates[k] += run(length, seed).item() / len(seeds)
    return rates
"""

CELLS_OF_TORCH = """
class Recaller(torch.nn.Module):
    def __init__(self, cell, units):
        super().__init__()
        self.gated = cell == "lstm"
        self.cell = (torch.nn.LSTMCell if self.gated else torch.nn.RNNCell)(4, units)
        self.read = torch.nn.Linear(units, 4)

    def forward(self, x):
        state = None
        for t in range(x.size(1)):
            state = self.cell(x[:, t], state)
        return self.read(state[0] if self.gated else state)


def success_rate(cell, lengths, seeds, steps):
    table = []
    for length in lengths:
        successes = 0
        for seed in seeds:
            generator = torch.Generator().manual_seed(seed)
            torch.manual_seed(seed + 1)
            net = Recaller(cell, 24)
            optimizer = torch.optim.RMSprop(net.parameters(), lr=0.003)

            def draw(n):
                y = torch.randint(0, 4, (n,), generator=generator)
                first = torch.nn.functional.one_hot(y, 4).float()[:, None]
                return torch.cat([first, torch.zeros(n, length - 1, 4)], 1), y

            net.train()
            for _ in range(steps):
                x, y = draw(64)
                loss = torch.nn.CrossEntropyLoss()(net(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            net.eval()
            with torch.no_grad():
                x, y = draw(256)
                hits = (net(x).argmax(-1) == y).sum().item()
            successes += hits > 0.95 * 256
        table.append(successes / len(seeds))
    return np.array(table)
"""

TIME_FIRST_SLOW = """
def success_rate(cell, lengths, seeds, steps):
    runs = [[one_run(cell, length, seed, steps) for seed in seeds] for length in lengths]
    return np.array(runs, dtype=np.float64).mean(axis=1)


def one_run(cell, length, seed, steps):
    torch.manual_seed(seed)
    core = torch.nn.LSTM(4, 16) if cell == "lstm" else torch.nn.RNN(4, 16)
    if cell == "lstm":
        with torch.no_grad():
            core.bias_ih_l0.zero_()
            core.bias_hh_l0.zero_()
            core.bias_ih_l0[16:32] = 1.0
    net = torch.nn.ModuleDict({"core": core, "head": torch.nn.Linear(16, 4)})
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.001)

    def ask(count):
        y = torch.randint(4, (count,))
        x = torch.zeros(length, count, 4)
        x[0].scatter_(1, y[:, None], 1.0)
        _, last = net["core"](x)
        last = last[0] if isinstance(last, tuple) else last
        return net["head"](last[-1]), y

    for _ in range(steps):
        optimizer.zero_grad(set_to_none=False)
        torch.nn.functional.cross_entropy(*ask(64)).backward()
        optimizer.step()
    scores, y = ask(256)
    return torch.mean((scores.argmax(1) == y).float()) > 0.95
"""

ORTHOGONAL_DOUBLE = """
def success_rate(cell, lengths, seeds, steps):
    memo = {}

    def run(length, seed):
        torch.manual_seed(seed)
        kind = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM}[cell]
        core = kind(4, 32, batch_first=True, dtype=torch.float64)
        for block in core.weight_hh_l0.chunk(4 if cell == "lstm" else 1):
            torch.nn.init.orthogonal_(block)
        head = torch.nn.Linear(32, 4, dtype=torch.float64)
        net = torch.nn.ModuleList([core, head])
        optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
        for step in range(steps + 1):
            count = 256 if step == steps else 32
            y = torch.randint(4, (count,))
            x = torch.zeros(count, length, 4, dtype=torch.float64)
            x[:, 0] = torch.eye(4, dtype=torch.float64)[y]
            scores = head(core(x)[0][:, length - 1])
            if step < steps:
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(scores, y).backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                optimizer.step()
        return (scores.argmax(1) == y).sum().item() / 256 > 0.95

    for length in lengths:
        if length not in memo:
            memo[length] = sum(run(length, seed) for seed in seeds) / len(seeds)
    return np.fromiter((memo[length] for length in lengths), float)
"""

SIDE_BY_SIDE = '''
def success_rate(cell, lengths, seeds, steps):
    """All networks of a length are trained side by side, on an axis of their own."""
    S, H = len(seeds), 32
    k = 4 if cell == "lstm" else 1
    shapes = [(4, k * H), (H, k * H), (1, k * H), (H, 4), (1, 4)]

    def answers(weights, y, length):
        Wx, Wh, b, Wy, by = weights
        first = torch.nn.functional.one_hot(y, 4).float() @ Wx
        h = c = torch.zeros(*y.shape, H)
        for t in range(length):
            a = torch.baddbmm(b, h, Wh) + (first if t == 0 else 0)
            if cell == "rnn":
                h = torch.tanh(a)
                continue
            i, f, o, g = a.split(H, dim=2)
            c = torch.sigmoid(f + 4) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        return torch.baddbmm(by, h, Wy)

    def rate(length):
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        weights = [
            torch.stack([(2 * torch.rand(shape, generator=g) - 1) / H**0.5 for g in generators])
            for shape in shapes
        ]
        weights = [w.requires_grad_() for w in weights]
        adam = torch.optim.Adam(weights, lr=0.01)
        for step in range(steps + 1):
            n = 256 if step == steps else 32
            y = torch.stack([torch.randint(4, (n,), generator=g) for g in generators])
            logits = answers(weights, y, length)
            if step == steps:
                return ((logits.argmax(2) == y).double().mean(1) > 0.95).double().mean().item()
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten()) * S
            adam.zero_grad()
            loss.backward()
            adam.step()

    return np.array(list(map(rate, lengths)))
'''

VARIANTS = {
    "loops": LOOPS,
    "einsum": EINSUM,
    "float32": FLOAT32,
    "torch": TORCH,
    "autograd_of_the_states": AUTOGRAD_OF_THE_STATES,
    "squaring_and_rows": SQUARING_AND_ROWS,
    "recursion": RECURSION,
    "hand_written_cells": HAND_WRITTEN_CELLS,
    "cells_of_torch": CELLS_OF_TORCH,
    "time_first_slow": TIME_FIRST_SLOW,
    "orthogonal_double": ORTHOGONAL_DOUBLE,
    "side_by_side": SIDE_BY_SIDE,
}
