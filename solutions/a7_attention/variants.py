"""Correct solutions of a7 in other styles: every one must get full points.

Each is executed after the reference's cells, so it may replace all functions or a few.
"""

# --- the functions -----------------------------------------------------------------------------

LOOPS = """
def additive_scores(a, h, Wa, Wh, v):
    asked, columns = h.matmul(Wh), []
    for l in range(a.shape[1]):
        columns.append((a[:, l].matmul(Wa) + asked).tanh().matmul(v))
    return torch.stack(columns, dim=1)


def attend(a, e, mask=None):
    if mask is None:
        alpha = e.softmax(1)
        return sum(alpha[:, l : l + 1] * a[:, l] for l in range(a.shape[1])), alpha
    contexts, weights = [], []
    for n in range(len(a)):
        there = mask[n].nonzero()[:, 0]
        alpha = torch.zeros_like(e[n])
        if len(there):
            alpha = alpha.index_put((there,), e[n, there].softmax(0))
        weights.append(alpha)
        contexts.append(sum(alpha[l] * a[n, l] for l in range(a.shape[1])))
    return torch.stack(contexts), torch.stack(weights)


def attention_captioner_forward(a, captions_in, params):
    N, T = captions_in.shape
    h, out, maps = torch.zeros(N, params["Wh"].shape[0], dtype=a.dtype), [], []
    for t in range(T):
        z, alpha = attend(a, additive_scores(a, h, params["Wa"], params["Wq"], params["v"]))
        x = params["embed"].index_select(0, captions_in[:, t])
        h = (x @ params["Wx"] + z @ params["Wz"] + h @ params["Wh"] + params["b"]).tanh()
        out.append((h @ params["Wo"] + params["bo"]).unsqueeze(1))
        maps.append(alpha.unsqueeze(1))
    return torch.cat(out, 1), torch.cat(maps, 1)


def doubly_stochastic_penalty(alphas):
    N, T, L = alphas.shape
    total = 0
    for n in range(N):
        for l in range(L):
            total = total + (T / L - sum(alphas[n, t, l] for t in range(T))) ** 2
    return total / N


def hard_attention_loss(log_p, place, reward, baseline):
    total = 0
    for n, l in enumerate(place.tolist()):
        total = total - (reward[n] - baseline[n]).item() * log_p[n, l]
    return total / len(log_p)


def attention_map(alpha, grid, size):
    def neighbours(i, g, s):
        x = min(max((i + 0.5) * g / s - 0.5, 0.0), g - 1.0)
        low = min(int(x), g - 1)
        return low, min(low + 1, g - 1), x - low

    out = torch.zeros(tuple(size), dtype=alpha.dtype)
    for i in range(size[0]):
        top, bottom, down = neighbours(i, grid[0], size[0])
        for j in range(size[1]):
            left, right, over = neighbours(j, grid[1], size[1])
            upper = (1 - over) * alpha[top * grid[1] + left] + over * alpha[top * grid[1] + right]
            lower = (1 - over) * alpha[bottom * grid[1] + left]
            lower = lower + over * alpha[bottom * grid[1] + right]
            out[i, j] = (1 - down) * upper + down * lower
    return out / out.sum()


def pointing_accuracy(alphas, places):
    hits = count = 0
    for maps, row in zip(alphas.tolist(), places.tolist()):
        for alpha, place in zip(maps, row):
            if place != -1:
                count += 1
                hits += alpha.index(max(alpha)) == place
    return hits / count if count else 0.0
"""

EINSUM = """
def additive_scores(a, h, Wa, Wh, v):
    u = torch.einsum("nld,dk->nlk", a, Wa) + torch.einsum("nh,hk->nk", h, Wh).unsqueeze(1)
    return torch.einsum("nlk,k->nl", torch.tanh(u), v)


def attend(a, e, mask):
    if mask is None:
        alpha = e.softmax(-1)
    else:
        empty = ~mask.any(-1)
        alpha = e.masked_fill(~mask, float("-inf")).masked_fill(empty[:, None], 0.0).softmax(-1)
        alpha = alpha.masked_fill(~mask, 0.0)
    return torch.einsum("nl,nld->nd", alpha, a), alpha


def attention_captioner_forward(a, captions_in, params):
    p = params
    X = torch.einsum("nte,eh->nth", p["embed"][captions_in], p["Wx"]) + p["b"]
    keys = torch.einsum("nld,dk->nlk", a, p["Wa"])
    h = 0 * X[:, 0]
    states, maps = [], []
    for t in range(X.shape[1]):
        asked = torch.einsum("nh,hk->nk", h, p["Wq"])
        alpha = torch.einsum("nlk,k->nl", torch.tanh(keys + asked[:, None, :]), p["v"]).softmax(1)
        z = torch.einsum("nl,nld->nd", alpha, a)
        h = torch.tanh(X[:, t] + torch.einsum("nd,dh->nh", z, p["Wz"]) + h @ p["Wh"])
        states += [h]
        maps += [alpha]
    logits = torch.einsum("tnh,hv->ntv", torch.stack(states), p["Wo"]) + p["bo"]
    return logits, torch.stack(maps).transpose(0, 1)


def doubly_stochastic_penalty(alphas):
    sums = torch.einsum("ntl->nl", alphas)
    away = sums - alphas.size(1) / alphas.size(2)
    return torch.einsum("nl,nl->", away, away) / alphas.size(0)


def hard_attention_loss(log_p, place, reward, baseline):
    one_hot = F.one_hot(place, log_p.shape[1]).to(log_p.dtype)
    with torch.no_grad():
        surplus = (reward - baseline) / len(reward)
    return -torch.einsum("n,nl,nl->", surplus, one_hot, log_p)


def attention_map(alpha, grid, size):
    # One matrix of weights for each axis.
    def weights(g, s):
        x = ((torch.arange(s, dtype=alpha.dtype) + 0.5) * g / s - 0.5).clamp(0, g - 1)
        return (1 - (x[:, None] - torch.arange(g, dtype=alpha.dtype)).abs()).clamp(min=0)

    down, over = weights(grid[0], size[0]), weights(grid[1], size[1])
    fine = torch.einsum("ir,rc,jc->ij", down, alpha.view(tuple(grid)), over)
    return fine / fine.sum()


def pointing_accuracy(alphas, places):
    where = alphas.max(dim=-1).indices
    meant = places != -1
    if not meant.any():
        return 0.0
    return (where[meant] == places[meant]).double().mean().item()
"""

BATCHED_PRODUCTS = """
def additive_scores(a, h, Wa, Wh, v):
    N, L, D = a.shape
    asked = torch.mm(h, Wh).repeat_interleave(L, dim=0)
    return torch.mv(torch.tanh(torch.addmm(asked, a.reshape(N * L, D), Wa)), v).view(N, L)


def attend(a, e, mask):
    keep = torch.ones_like(e) if mask is None else mask.to(e.dtype)
    low = torch.where(keep > 0, e, torch.full_like(e, -torch.inf)).amax(1, keepdim=True)
    low = torch.nan_to_num(low, neginf=0.0).detach()
    raised = torch.where(keep > 0, e - low, torch.zeros_like(e)).exp() * keep
    alpha = raised / raised.sum(1, keepdim=True).clamp(min=1e-300)
    return torch.bmm(alpha.unsqueeze(1), a).squeeze(1), alpha


def attention_captioner_forward(a, captions_in, params):
    embed, Wx, Wz, Wh, b, Wa, Wq, v, Wo, bo = (
        params[k] for k in ("embed", "Wx", "Wz", "Wh", "b", "Wa", "Wq", "v", "Wo", "bo")
    )
    W = torch.cat([Wx, Wz, Wh])
    h = a.new_zeros(a.size(0), Wh.size(0))
    logits, alphas = [], []
    for ids in captions_in.unbind(1):
        z, alpha = attend(a, additive_scores(a, h, Wa, Wq, v), None)
        h = torch.addmm(b, torch.cat([F.embedding(ids, embed), z, h], 1), W).tanh()
        logits.append(torch.addmm(bo, h, Wo))
        alphas.append(alpha)
    return torch.stack(logits, 1), torch.stack(alphas, 1)


def doubly_stochastic_penalty(alphas):
    T, L = alphas.shape[1:]
    even = torch.full_like(alphas[:, 0], T / L)
    return F.mse_loss(alphas.sum(1), even, reduction="sum") / len(alphas)


def hard_attention_loss(log_p, place, reward, baseline):
    nll = F.nll_loss(log_p, place, reduction="none")
    return torch.mean(nll * reward.detach() - nll * baseline.detach())


def attention_map(alpha, grid, size):
    small = alpha.reshape(1, 1, *grid)
    wide = nn.Upsample(size=list(size), mode="bilinear")(small)
    return F.normalize(wide.flatten(), p=1, dim=0).view(*size)


def pointing_accuracy(alphas, places):
    meant = (places >= 0).flatten()
    where = alphas.flatten(0, 1)[meant].argmax(1)
    return float(np.mean((where == places.flatten()[meant]).numpy())) if meant.any() else 0.0
"""

LIBRARY = """
def additive_scores(a, h, Wa, Wh, v):
    hidden = F.linear(a, Wa.T) + F.linear(h, Wh.T).unsqueeze(-2)
    return F.linear(torch.tanh(hidden), v[None]).squeeze(-1)


def attend(a, e, mask):
    if mask is None:
        mask = e == e
    safe = torch.where(mask | ~mask.any(1, keepdim=True), e, -torch.inf)
    alpha = torch.exp(torch.log_softmax(safe, 1)) * mask
    return torch.matmul(alpha[:, None, :], a)[:, 0, :], alpha


def attention_captioner_forward(a, captions_in, params):
    H = len(params["b"])
    cell = nn.RNNCell(len(params["Wx"]) + a.shape[2], H).to(a.dtype)
    weights = {
        "weight_ih": torch.cat([params["Wx"], params["Wz"]]).T,
        "weight_hh": params["Wh"].T,
        "bias_ih": params["b"],
        "bias_hh": torch.zeros_like(params["b"]),
    }
    h, steps = torch.zeros(len(a), H, dtype=a.dtype), []
    for t in range(captions_in.shape[1]):
        look = attend(a, additive_scores(a, h, params["Wa"], params["Wq"], params["v"]), None)
        x = torch.cat([params["embed"].index_select(0, captions_in[:, t]), look[0]], dim=-1)
        h = torch.func.functional_call(cell, weights, (x, h))
        steps.append((F.linear(h, params["Wo"].T, params["bo"]), look[1]))
    logits, alphas = zip(*steps)
    return torch.stack(logits, 1), torch.stack(alphas, 1)


def doubly_stochastic_penalty(alphas):
    N, T, L = alphas.shape
    sums = alphas.transpose(1, 2).sum(-1)
    return torch.mean(torch.sum(torch.square(sums.sub(T / L)), -1), 0)


def hard_attention_loss(log_p, place, reward, baseline):
    drawn = log_p.take_along_dim(place[:, None], dim=1).squeeze(1)
    return torch.dot(drawn, (baseline - reward).data) / drawn.numel()


def attention_map(alpha, grid, size):
    # Sampled at the centres of the pixels, the border repeated.
    small = alpha.reshape(1, 1, *grid)
    flat = torch.eye(2, 3, dtype=alpha.dtype)[None]
    at = F.affine_grid(flat, (1, 1, *size), align_corners=False)
    fine = F.grid_sample(small, at, padding_mode="border", align_corners=False).squeeze((0, 1))
    return fine.div(fine.sum())


def pointing_accuracy(alphas, places):
    meant = places.ge(0)
    hit = alphas.argmax(-1).eq(places).logical_and(meant)
    return (hit.sum() / meant.sum().clamp(min=1)).item()
"""

NUMPY_FOR_THE_NUMBERS = """
def attention_map(alpha, grid, size):
    small = alpha.detach().numpy().reshape(grid)
    x = [(np.arange(s) + 0.5) * g / s - 0.5 for g, s in zip(grid, size)]
    tall = np.stack([np.interp(x[0], np.arange(grid[0]), column) for column in small.T], axis=1)
    fine = np.stack([np.interp(x[1], np.arange(grid[1]), row) for row in tall])
    return torch.from_numpy(fine / fine.sum())


def pointing_accuracy(alphas, places):
    where, places = alphas.numpy().argmax(axis=2), places.numpy()
    return float((where == places)[places >= 0].mean()) if (places >= 0).any() else 0.0


def doubly_stochastic_penalty(alphas):
    gaps = [alphas.shape[1] / alphas.shape[2] - row.sum(0) for row in alphas]
    return torch.stack([gap @ gap for gap in gaps]).mean()


def hard_attention_loss(log_p, place, reward, baseline):
    surplus = torch.tensor((reward - baseline).tolist(), dtype=log_p.dtype)
    return (surplus * -log_p[range(len(place)), place]).sum() / len(place)


def additive_scores(a, h, Wa, Wh, v):
    both = torch.cat([a, h[:, None].expand(-1, a.shape[1], -1)], dim=2)
    return torch.tanh(both @ torch.cat([Wa, Wh])) @ v
"""

FLOAT32_INSIDE = """
def additive_scores(a, h, Wa, Wh, v):
    inner = torch.tanh(a.float() @ Wa.float() + (h.float() @ Wh.float())[:, None])
    return (inner @ v.float()).to(a.dtype)


def attend(a, e, mask):
    kept = torch.ones_like(e, dtype=torch.bool) if mask is None else mask
    e = e.float()
    shifted = e - e.masked_fill(~kept, -3e38).max(1, keepdim=True).values
    raised = torch.exp(shifted.masked_fill(~kept, -3e38)) * kept
    alpha = (raised / (raised.sum(1, keepdim=True) + (~kept.any(1, keepdim=True)))).to(a.dtype)
    return (alpha.unsqueeze(2) * a).sum(1), alpha


def attention_captioner_forward(a, captions_in, params):
    p = {name: value.float() for name, value in params.items()}
    small, h, outs = a.float(), torch.zeros(len(a), len(p["b"])), []
    for ids in captions_in.T:
        e = torch.tanh(small @ p["Wa"] + (h @ p["Wq"])[:, None]) @ p["v"]
        alpha = e.softmax(1)
        z = (alpha[..., None] * small).sum(1)
        h = torch.tanh(p["embed"][ids] @ p["Wx"] + z @ p["Wz"] + h @ p["Wh"] + p["b"])
        outs.append((h @ p["Wo"] + p["bo"], alpha))
    logits, alphas = (torch.stack(part, dim=1).to(a.dtype) for part in zip(*outs))
    return logits, alphas
"""

# --- training ----------------------------------------------------------------------------------

_TRAINING = """
def train_attention_captioner(a, captions, vocab_size, pad, steps, seed):
    torch.manual_seed(seed)
    D, E, H, K, batch = a.shape[2], {E}, {H}, {K}, {batch}
    shapes = dict(embed=(vocab_size, E), Wx=(E, H), Wz=(D, H), Wh=(H, H), b=(H,), Wa=(D, K),
                  Wq=(H, K), v=(K,), Wo=(H, vocab_size), bo=(vocab_size,))
    params = {{}}
    for name, shape in shapes.items():
        rows, columns = shape[0], shape[-1] if len(shape) > 1 else 1
        params[name] = torch.zeros(shape, dtype=a.dtype)
        if name not in ("b", "bo"):
            {init}
        params[name].requires_grad_()
    optimizer = torch.optim.{optimizer}
    {schedule}
    for step in range(steps):
        {choose}
        ids = captions[some]
        logits, alphas = attention_captioner_forward(a[some], ids[:, :-1], params)
        loss = F.cross_entropy(logits.transpose(1, 2), ids[:, 1:], ignore_index=pad)
        {more}
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        {after}
    return {{name: value.detach() for name, value in params.items()}}
"""


def training(**changes):
    """The training loop above with other sizes, first weights, updates or batches."""
    usual = {
        "E": 24,
        "H": 64,
        "K": 32,
        "batch": 64,
        "init": "params[name].normal_(0, rows**-0.5)",
        "optimizer": "Adam(params.values(), 0.01)",
        "schedule": "pass",
        "choose": "some = torch.randint(len(a), (batch,))",
        "more": "pass",
        "after": "pass",
    }
    return _TRAINING.format(**{**usual, **changes})


ADAM_SLOWLY = training(optimizer="Adam(params.values(), 0.003)")
ADAM_AT_THE_USUAL_RATE = training(optimizer="Adam(params.values())")
RMSPROP = training(optimizer="RMSprop(params.values(), 0.003)", H=48)
ADAGRAD = training(optimizer="Adagrad(params.values(), 0.05)", E=16)
MOMENTUM = training(optimizer="SGD(params.values(), 0.1, momentum=0.9)")
ONE_CYCLE = training(
    schedule="pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.02, total_steps=steps)",
    after="pace.step()",
)
EPOCHS = training(
    schedule="order = torch.randperm(len(a))",
    choose="some = order.roll(-step * batch)[:batch]",
    batch=128,
)
UNIFORM_WEIGHTS = training(
    init="params[name].uniform_(-1, 1).mul_((6 / (rows + columns)) ** 0.5)", H=96, K=48
)
SMALL_WEIGHTS = training(init="params[name].normal_(0, 0.05)")
FEW_UNITS = training(E=12, H=32, K=16)
WITH_THE_PENALTY = training(more="loss = loss + 0.1 * doubly_stochastic_penalty(alphas)")

IN_FLOAT64 = """
def train_attention_captioner(a, captions, vocab_size, pad, steps, seed):
    class Captioner(nn.Module):
        def __init__(self, V, E, D, H, K):
            super().__init__()
            shapes = dict(embed=(V, E), Wx=(E, H), Wz=(D, H), Wh=(H, H), b=(H,), Wa=(D, K),
                          Wq=(H, K), v=(K,), Wo=(H, V), bo=(V,))
            self.p = nn.ParameterDict({
                name: nn.Parameter(torch.randn(shape, dtype=torch.float64) * 0.15)
                for name, shape in shapes.items()
            })

    torch.manual_seed(seed)
    a, model = a.double(), Captioner(vocab_size, 20, a.shape[2], 56, 40)
    optimizer = torch.optim.AdamW(model.parameters(), 0.005)
    real = captions[:, 1:] != pad
    for _ in range(steps):
        some = torch.randperm(len(a))[:48]
        logits, _ = attention_captioner_forward(a[some], captions[some, :-1], dict(model.p.items()))
        log_p = logits.log_softmax(2).gather(2, captions[some, 1:, None])[:, :, 0]
        loss = -(log_p * real[some]).sum() / real[some].sum()
        model.zero_grad()
        loss.backward()
        optimizer.step()
    return {name: value.data for name, value in model.p.items()}
"""

VARIANTS: dict[str, str] = {
    name.lower(): source
    for name, source in list(globals().items())
    if name.isupper() and isinstance(source, str) and name[0] != "_"
}
