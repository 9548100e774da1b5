"""Correct solutions of a5 in other styles: every one must get full points.

Each is executed after the reference's cells, so it may replace all functions or a few.
"""

# --- the functions -----------------------------------------------------------------------------

COLUMN_BY_COLUMN = """
def stacked_forward(x, layers):
    states = [torch.zeros(x.shape[0], Wh.shape[0], dtype=x.dtype) for _, Wh, _ in layers]
    top = []
    for column in x.unbind(1):
        for l, (Wx, Wh, b) in enumerate(layers):
            column = states[l] = torch.tanh(column.matmul(Wx) + b + states[l].matmul(Wh))
        top.append(column)
    return torch.stack(top, 1)


def reverse_padded(x, lengths):
    rows = [torch.cat([row[:n].flip(0), row[n:]]) for row, n in zip(x, lengths.tolist())]
    return torch.stack(rows)


def bidirectional_forward(x, lengths, forward, backward):
    rows = []
    for row, n in zip(x, lengths.tolist()):
        there = one_way(row[:n], *forward)
        back = one_way(row[:n].flip(0), *backward).flip(0)
        rows.append(F.pad(torch.cat([there, back], dim=1), (0, 0, 0, len(row) - n)))
    return torch.stack(rows)


def one_way(row, Wx, Wh, b):
    told, state = [], torch.zeros_like(b)
    for x_t in row:
        state = (x_t @ Wx + state @ Wh + b).tanh()
        told.append(state)
    return torch.stack(told) if told else row.new_zeros(0, len(b))


def last_states(h, lengths):
    return torch.stack([row[n - 1] for row, n in zip(h, lengths)])


def tree_rnn(tree, Wl, Wr, b):
    if type(tree) is tuple:
        left, right = (tree_rnn(child, Wl, Wr, b) for child in tree)
        return (left.matmul(Wl) + right.matmul(Wr) + b).tanh()
    return tree


def shift_targets(target, bos, eos, pad):
    from torch.nn.utils.rnn import pad_sequence

    heard = [torch.tensor([bos] + list(ids)) for ids in target]
    said = [torch.tensor(list(ids) + [eos]) for ids in target]
    return [pad_sequence(rows, batch_first=True, padding_value=pad) for rows in (heard, said)]


def masked_cross_entropy(logits, targets, pad):
    real = targets != pad
    if not real.any():
        return logits.sum() * 0
    return F.cross_entropy(logits[real], targets[real])
"""

LIBRARY = """
def stacked_forward(x, layers):
    for Wx, Wh, b in layers:
        rnn = nn.RNN(len(Wx), len(Wh), batch_first=True).to(x.dtype)
        weights = {"weight_ih_l0": Wx.T, "weight_hh_l0": Wh.T, "bias_ih_l0": b,
                   "bias_hh_l0": torch.zeros_like(b)}
        x, _ = torch.func.functional_call(rnn, weights, (x,))
    return x


def reverse_padded(x, lengths):
    N, T, D = x.shape
    t = torch.arange(T).expand(N, T)
    index = torch.where(t < lengths.unsqueeze(1), lengths.unsqueeze(1) - 1 - t, t)
    return x.gather(1, index.unsqueeze(2).expand(N, T, D))


def last_states(h, lengths):
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, h.shape[2])
    return h.gather(1, index).squeeze(1)


def tree_rnn(tree, Wl, Wr, b):
    if torch.is_tensor(tree):
        return tree
    children = torch.cat([tree_rnn(tree[0], Wl, Wr, b), tree_rnn(tree[1], Wl, Wr, b)])
    return torch.tanh(F.linear(children, torch.cat([Wl, Wr]).T, b))


def masked_cross_entropy(logits, targets, pad):
    total = F.cross_entropy(logits.transpose(1, 2), targets, ignore_index=pad, reduction="sum")
    return total / (targets != pad).sum().clamp_min(1)


def shift_targets(target, bos, eos, pad):
    M = 1 + max(map(len, target))
    heard = [[bos, *ids, *[pad] * (M - 1 - len(ids))] for ids in target]
    said = [[*ids, eos, *[pad] * (M - 1 - len(ids))] for ids in target]
    return torch.tensor(heard), torch.tensor(said)
"""

EINSUM = """
def stacked_forward(x, layers):
    h = x
    for Wx, Wh, b in layers:
        drive = torch.einsum("ntd,dh->nth", h, Wx) + b
        state, states = 0 * drive[:, 0], []
        for t in range(drive.size(1)):
            state = torch.tanh(drive[:, t] + torch.einsum("ni,ij->nj", state, Wh))
            states.append(state.unsqueeze(1))
        h = torch.cat(states, 1)
    return h


def reverse_padded(x, lengths):
    # A permutation matrix for every row.
    T = x.shape[1]
    t = torch.arange(T)
    goes = torch.where(t < lengths[:, None], lengths[:, None] - 1 - t, t)
    return torch.einsum("nts,nsd->ntd", F.one_hot(goes, T).to(x.dtype), x)


def last_states(h, lengths):
    here = torch.arange(h.shape[1]) == lengths[:, None] - 1
    return torch.einsum("nt,nth->nh", here.to(h.dtype), h)


def tree_rnn(tree, Wl, Wr, b):
    if not isinstance(tree, (tuple, list)):
        return tree
    left, right = tree
    return torch.tanh(
        torch.einsum("i,ij->j", tree_rnn(left, Wl, Wr, b), Wl)
        + torch.einsum("i,ij->j", tree_rnn(right, Wl, Wr, b), Wr)
        + b
    )


def masked_cross_entropy(logits, targets, pad):
    one_hot = F.one_hot(targets, logits.shape[2]).to(logits.dtype)
    keep = (targets != pad).to(logits.dtype)
    nll = -torch.einsum("ntv,ntv,nt->", F.log_softmax(logits, -1), one_hot, keep)
    return nll / max(keep.sum().item(), 1.0)


def shift_targets(target, bos, eos, pad):
    import numpy as np

    lengths = np.array([len(ids) for ids in target])
    place = np.arange(lengths.max() + 1)
    flat = np.array([i for ids in target for i in ids], dtype=np.int64)
    heard = np.full((len(target), len(place)), pad)
    said = heard.copy()
    heard[:, 0] = bos
    heard[:, 1:][place[:-1] < lengths[:, None]] = flat
    said[place < lengths[:, None]] = flat
    said[np.arange(len(target)), lengths] = eos
    return torch.from_numpy(heard), torch.from_numpy(said)
"""

MASKED_MULTIPLICATION = """
def reverse_padded(x, lengths):
    T = x.shape[1]
    rows = []
    for row, n in zip(x, lengths):
        inside = (torch.arange(T) < n).to(x.dtype)[:, None]
        rows.append(row.flip(0).roll(int(n) - T, 0) * inside + row * (1 - inside))
    return torch.stack(rows)


def bidirectional_forward(x, lengths, forward, backward):
    mask = (torch.arange(x.shape[1])[None, :] < lengths[:, None]).to(x.dtype)[:, :, None]
    x = x * mask
    there = stacked_forward(x, [forward])
    (Wx, Wh, b), state, back = backward, x.new_zeros(len(x), len(backward[2])), []
    for t in reversed(range(x.shape[1])):
        # The state stays zero as long as the row has not begun from its end.
        state = torch.tanh(x[:, t] @ Wx + state @ Wh + b) * mask[:, t]
        back.insert(0, state)
    return torch.cat([there, torch.stack(back, 1)], 2) * mask


def last_states(h, lengths):
    last = (torch.arange(h.shape[1]) == (lengths - 1)[:, None]).to(h.dtype)
    return (h * last[:, :, None]).sum(1)


def masked_cross_entropy(logits, targets, pad):
    mask = (targets != pad).to(logits.dtype)
    nll = torch.logsumexp(logits, 2) - logits.gather(2, targets.unsqueeze(2)).squeeze(2)
    return (nll * mask).sum() / torch.clamp(mask.sum(), min=1)
"""

PACKED = """
def bidirectional_forward(x, lengths, forward, backward):
    rows = [x[n, : lengths[n]] for n in range(len(x)) if lengths[n]]
    D, H = forward[0].shape
    rnn = nn.RNN(D, H, batch_first=True, bidirectional=True).to(x.dtype)
    weights = {}
    for suffix, (Wx, Wh, b) in (("", forward), ("_reverse", backward)):
        weights |= {f"weight_ih_l0{suffix}": Wx.T, f"weight_hh_l0{suffix}": Wh.T,
                    f"bias_ih_l0{suffix}": b, f"bias_hh_l0{suffix}": 0 * b}
    packed = nn.utils.rnn.pack_sequence(rows, enforce_sorted=False)
    out, _ = torch.func.functional_call(rnn, weights, (packed,))
    out, _ = nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
    result = x.new_zeros(len(x), x.shape[1], 2 * H)
    return result.index_put((lengths.nonzero()[:, 0],), out)


def shift_targets(target, bos, eos, pad):
    framed = [[bos] + ids + [eos] for ids in target]
    M = max(map(len, framed)) - 1
    out = torch.full((2, len(target), M), pad, dtype=torch.int64)
    for n, row in enumerate(framed):
        for t in range(len(row) - 1):
            out[0, n, t], out[1, n, t] = row[t], row[t + 1]
    return tuple(out)


def masked_cross_entropy(logits, targets, pad):
    flat = F.cross_entropy(logits.reshape(-1, logits.size(-1)), targets.reshape(-1),
                           reduction="none")
    keep = (targets != pad).reshape(-1)
    return torch.where(keep, flat, torch.zeros_like(flat)).sum() / max(1, int(keep.sum()))
"""

WITHOUT_RECURSION = """
def tree_rnn(tree, Wl, Wr, b):
    stack, values = [(tree, False)], []
    while stack:
        node, ready = stack.pop()
        if isinstance(node, torch.Tensor):
            values.append(node)
        elif ready:
            right, left = values.pop(), values.pop()
            values.append(torch.tanh(torch.addmv(b + right @ Wr, Wl.T, left)))
        else:
            stack += [(node, True), (node[1], False), (node[0], False)]
    return values[0]


def stacked_forward(x, layers, state=None):
    (Wx, Wh, b), *above = layers
    states = list(generate(x, Wx, Wh, b))
    h = torch.stack(states, -2)
    return stacked_forward(h, above) if above else h


def generate(x, Wx, Wh, b):
    state = torch.zeros(x.size(0), b.numel()).type_as(x)
    for x_t in x.transpose(0, 1):
        state = torch.tanh(torch.addmm(b, x_t, Wx) + torch.mm(state, Wh))
        yield state


def last_states(h, lengths):
    return h.flatten(0, 1)[torch.arange(len(h)) * h.shape[1] + lengths - 1]
"""

WITHOUT_TORCH_TRICKS = """
def reverse_padded(x, lengths):
    out = x.clone()
    for n in range(x.shape[0]):
        for t in range(int(lengths[n])):
            out[n, t] = x[n, lengths[n] - 1 - t]
    return out


def shift_targets(target, bos, eos, pad):
    longest = 0
    for ids in target:
        longest = max(longest, len(ids))
    decoder_in, decoder_out = [], []
    for ids in target:
        filler = [pad] * (longest - len(ids))
        decoder_in.append([bos] + ids + filler)
        decoder_out.append(ids + [eos] + filler)
    return [torch.LongTensor(decoder_in), torch.LongTensor(decoder_out)]


def masked_cross_entropy(logits, targets, pad):
    total, count = logits.new_zeros(()), 0
    for row, ids in zip(logits, targets):
        for scores, y in zip(row, ids):
            if y != pad:
                total = total - torch.log_softmax(scores, 0)[y]
                count += 1
    return total / count if count else (logits * 0).sum()


def last_states(h, lengths):
    out = []
    for n in range(len(h)):
        out.append(h[n][lengths[n].item() - 1])
    return torch.stack(out, dim=0)
"""

FLOAT32_INSIDE = """
def stacked_forward(x, layers):
    h = x.float()
    for Wx, Wh, b in layers:
        Wx, Wh, b = Wx.float(), Wh.float(), b.float()
        state, states = h.new_zeros(len(h), len(b)), []
        for t in range(h.shape[1]):
            state = torch.tanh(h[:, t] @ Wx + state @ Wh + b)
            states.append(state)
        h = torch.stack(states, 1)
    return h.to(x.dtype)


def tree_rnn(tree, Wl, Wr, b):
    if isinstance(tree, torch.Tensor):
        return tree
    left, right = tree_rnn(tree[0], Wl, Wr, b), tree_rnn(tree[1], Wl, Wr, b)
    return torch.tanh(left.float() @ Wl.float() + right.float() @ Wr.float() + b.float()).double()
"""

# --- Seq2Seq -----------------------------------------------------------------------------------

LSTM_PACKED = """
class Seq2Seq(nn.Module):
    def __init__(self, vocab_in, vocab_out, dim):
        super().__init__()
        self.embed_in = nn.Embedding(vocab_in, dim)
        self.embed_out = nn.Embedding(vocab_out, dim)
        self.encoder = nn.LSTM(dim, dim, batch_first=True)
        self.decoder = nn.LSTM(dim, dim, batch_first=True)
        self.head = nn.Linear(dim, vocab_out)

    def encode(self, src, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed_in(src), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        return self.encoder(packed)[1]

    def forward(self, src, lengths, decoder_in):
        h, _ = self.decoder(self.embed_out(decoder_in), self.encode(src, lengths))
        return self.head(h)

    @torch.no_grad()
    def greedy(self, src, lengths, bos, eos, max_len):
        state = self.encode(src, lengths)
        rows = [[] for _ in range(len(src))]
        done = [False] * len(src)
        heard = torch.full((len(src), 1), bos, dtype=torch.long)
        for _ in range(max_len):
            h, state = self.decoder(self.embed_out(heard), state)
            heard = self.head(h).argmax(-1)
            for n, (said,) in enumerate(heard.tolist()):
                done[n] = done[n] or said == eos
                if not done[n]:
                    rows[n].append(said)
            if all(done):
                break
        return rows
"""

VANILLA = """
class Seq2Seq(nn.Module):
    def __init__(self, vocab_in, vocab_out, dim):
        super().__init__()
        self.embed_in, self.embed_out = nn.Embedding(vocab_in, dim), nn.Embedding(vocab_out, dim)
        self.encoder = nn.RNN(dim, dim, batch_first=True)
        self.decoder = nn.RNN(dim, dim, batch_first=True)
        self.head = nn.Linear(dim, vocab_out)

    def encode(self, src, lengths):
        h, _ = self.encoder(self.embed_in(src))
        return h[torch.arange(len(src)), lengths - 1]

    def forward(self, src, lengths, decoder_in):
        start = self.encode(src, lengths).unsqueeze(0)
        return self.head(self.decoder(self.embed_out(decoder_in), start)[0])

    def greedy(self, src, lengths, bos, eos, max_len):
        # Again from the beginning for every symbol: slow, and right.
        rows = []
        for n in range(len(src)):
            row = []
            while len(row) < max_len:
                logits = self(src[n : n + 1], lengths[n : n + 1], torch.tensor([[bos, *row]]))
                said = int(logits[0, -1].argmax())
                if said == eos:
                    break
                row.append(said)
            rows.append(row)
        return rows
"""

OWN_CELLS = """
class Layer(nn.Module):
    def __init__(self, D, H):
        super().__init__()
        self.Wx = nn.Parameter(torch.randn(D, H) / D**0.5)
        self.Wh = nn.Parameter(torch.randn(H, H) / H**0.5)
        self.b = nn.Parameter(torch.zeros(H))

    def forward(self, x, h):
        return torch.tanh(x @ self.Wx + h @ self.Wh + self.b)


class Seq2Seq(nn.Module):
    def __init__(self, vocab_in, vocab_out, dim):
        super().__init__()
        self.source = nn.Parameter(torch.randn(vocab_in, dim))
        self.target = nn.Parameter(torch.randn(vocab_out, dim))
        self.steps = nn.ModuleDict({"reader": Layer(dim, dim), "writer": Layer(dim, dim)})
        self.out = nn.Linear(dim, vocab_out)

    def encode(self, src, lengths):
        h = torch.zeros(len(src), self.source.shape[1])
        for t in range(src.shape[1]):
            new = self.steps["reader"](self.source[src[:, t]], h)
            h = torch.where((t < lengths)[:, None], new, h)
        return h

    def step(self, ids, h):
        h = self.steps["writer"](self.target[ids], h)
        return self.out(h), h

    def forward(self, src, lengths, decoder_in):
        h, logits = self.encode(src, lengths), []
        for ids in decoder_in.T:
            scores, h = self.step(ids, h)
            logits.append(scores)
        return torch.stack(logits, dim=1)

    def greedy(self, src, lengths, bos, eos, max_len):
        with torch.no_grad():
            h, ids = self.encode(src, lengths), torch.full_like(lengths, bos)
            said = []
            for _ in range(max_len):
                scores, h = self.step(ids, h)
                ids = scores.argmax(1)
                said.append(ids)
            rows = torch.stack(said, 1)
            ends = torch.cat([rows, torch.full_like(rows[:, :1], eos)], 1).eq(eos).int().argmax(1)
        return [row[:end] for row, end in zip(rows.tolist(), ends.tolist())]
"""

SMALL_WEIGHTS = (
    (
        OWN_CELLS
        + """

class SmallLayer(Layer):
    def __init__(self, D, H):
        super().__init__(D, H)
        self.Wx.data.mul_(0.1)
        self.Wh.data.copy_(torch.eye(H))


Layer = SmallLayer
"""
    )
    .replace("class SmallLayer(Layer)", "OldLayer = Layer\n\n\nclass SmallLayer(OldLayer)")
    .replace(
        "super().__init__(D, H)\n        self.Wx", "OldLayer.__init__(self, D, H)\n        self.Wx"
    )
)

CONTEXT_AT_EVERY_STEP = """
class Seq2Seq(nn.Module):
    def __init__(self, vocab_in, vocab_out, dim):
        super().__init__()
        self.embed_in, self.embed_out = nn.Embedding(vocab_in, dim), nn.Embedding(vocab_out, dim)
        self.encoder = nn.GRU(dim, dim, batch_first=True)
        self.decoder = nn.GRU(2 * dim, dim, batch_first=True)
        self.head = nn.Sequential(nn.Linear(2 * dim, dim), nn.Tanh(), nn.Linear(dim, vocab_out))

    def encode(self, src, lengths):
        h, _ = self.encoder(self.embed_in(src))
        return last_states(h, lengths)

    def run(self, context, heard, state):
        context = context[:, None].expand(-1, heard.shape[1], -1)
        h, state = self.decoder(torch.cat([self.embed_out(heard), context], 2), state)
        return self.head(torch.cat([h, context], 2)), state

    def forward(self, src, lengths, decoder_in):
        context = self.encode(src, lengths)
        return self.run(context, decoder_in, context[None])[0]

    @torch.inference_mode()
    def greedy(self, src, lengths, bos, eos, max_len):
        context = self.encode(src, lengths)
        state, heard = context[None], torch.full((len(src), 1), bos)
        rows, open_rows = [[] for _ in src], set(range(len(src)))
        for _ in range(max_len):
            logits, state = self.run(context, heard, state)
            heard = logits.argmax(2)
            open_rows -= {n for n in open_rows if heard[n, 0] == eos}
            for n in open_rows:
                rows[n].append(heard[n].item())
        return rows
"""

ATTENTION = """
class Seq2Seq(nn.Module):
    def __init__(self, vocab_in, vocab_out, dim):
        super().__init__()
        self.embed_in, self.embed_out = nn.Embedding(vocab_in, dim), nn.Embedding(vocab_out, dim)
        self.encoder = nn.GRU(dim, dim, batch_first=True)
        self.decoder = nn.GRU(dim, dim, batch_first=True)
        self.query = nn.Linear(dim, dim, bias=False)
        self.head = nn.Linear(2 * dim, vocab_out)

    def encode(self, src, lengths):
        h, _ = self.encoder(self.embed_in(src))
        real = torch.arange(src.shape[1]) < lengths[:, None]
        return {"memory": h, "real": real, "state": last_states(h, lengths)[None].contiguous()}

    def decode(self, heard, seen, state):
        h, state = self.decoder(self.embed_out(heard), state)
        e = self.query(h) @ seen["memory"].transpose(1, 2)
        alpha = e.masked_fill(~seen["real"][:, None], float("-inf")).softmax(2)
        return self.head(torch.cat([h, alpha @ seen["memory"]], 2)), state

    def forward(self, src, lengths, decoder_in):
        seen = self.encode(src, lengths)
        return self.decode(decoder_in, seen, seen["state"])[0]

    def greedy(self, src, lengths, bos, eos, max_len):
        self.eval()
        with torch.no_grad():
            seen = self.encode(src, lengths)
            heard, state, columns = torch.full((len(src), 1), bos), seen["state"], []
            while len(columns) < max_len:
                logits, state = self.decode(heard, seen, state)
                heard = torch.argmax(logits, dim=-1)
                columns.append(heard)
        self.train()
        rows = torch.hstack(columns).tolist()
        return [list(itertools.takewhile(lambda i: i != eos, row)) for row in rows]


import itertools
"""

BIDIRECTIONAL_TWO_LAYERS = """
class Seq2Seq(nn.Module):
    def __init__(self, vocab_in, vocab_out, dim):
        super().__init__()
        self.embed_in = nn.Embedding(vocab_in, dim)
        self.embed_out = nn.Embedding(vocab_out, dim)
        self.encoder = nn.GRU(dim, dim, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * dim, 2 * dim)
        self.decoder = nn.GRU(dim, dim, num_layers=2, batch_first=True)
        self.head = nn.Linear(dim, vocab_out)

    def encode(self, src, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed_in(src), lengths, batch_first=True, enforce_sorted=False
        )
        _, h_n = self.encoder(packed)
        both = torch.tanh(self.bridge(torch.cat([h_n[0], h_n[1]], dim=1)))
        return torch.stack(both.chunk(2, dim=1))

    def forward(self, src, lengths, decoder_in):
        h, _ = self.decoder(self.embed_out(decoder_in), self.encode(src, lengths))
        return torch.log_softmax(self.head(h), dim=-1)

    def greedy(self, src, lengths, bos, eos, max_len):
        state = self.encode(src, lengths)
        heard, said = src.new_full((len(src), 1), bos), []
        for _ in range(max_len):
            h, state = self.decoder(self.embed_out(heard), state)
            heard = self.head(h).argmax(2)
            said.append(heard[:, 0].tolist())
        rows = [list(row) for row in zip(*said)]
        return [row[: row.index(eos)] if eos in row else row for row in rows]
"""

DROPOUT_AND_NORM = """
class Seq2Seq(nn.Module):
    def __init__(self, vocab_in, vocab_out, dim):
        super().__init__()
        self.embed_in = nn.Embedding(vocab_in, dim, padding_idx=None)
        self.embed_out = nn.Embedding(vocab_out, dim)
        self.encoder = nn.GRUCell(dim, dim)
        self.decoder = nn.GRUCell(dim, dim)
        self.norm = nn.LayerNorm(dim)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(dim, vocab_out)

    def encode(self, src, lengths):
        x = self.dropout(self.embed_in(src))
        h = None
        for t in range(x.shape[1]):
            new = self.encoder(x[:, t], h)
            h = new if h is None else torch.where(t < lengths.view(-1, 1), new, h)
        return self.norm(h)

    def scores(self, ids, h):
        h = self.decoder(self.dropout(self.embed_out(ids)), h)
        return self.head(self.dropout(h)), h

    def forward(self, src, lengths, decoder_in):
        h, steps = self.encode(src, lengths), []
        for t in range(decoder_in.shape[1]):
            scores, h = self.scores(decoder_in[:, t], h)
            steps += [scores]
        return torch.stack(steps, 1)

    def greedy(self, src, lengths, bos, eos, max_len):
        was_training = self.training
        self.eval()
        h = self.encode(src, lengths)
        ids = torch.full((len(src),), bos)
        stopped = torch.zeros(len(src), dtype=torch.bool)
        rows = [[] for _ in range(len(src))]
        for _ in range(max_len):
            scores, h = self.scores(ids, h)
            ids = scores.argmax(-1)
            stopped |= ids == eos
            for n in (~stopped).nonzero()[:, 0].tolist():
                rows[n] += [ids[n].item()]
        self.train(was_training)
        return rows
"""

SOURCE_IN_REVERSE = """
class Seq2Seq(nn.Module):
    def __init__(self, vocab_in, vocab_out, dim):
        super().__init__()
        layers = {
            "look": nn.Embedding(vocab_in, dim),
            "hear": nn.Embedding(vocab_out, dim),
            "read": nn.LSTM(dim, dim),
            "write": nn.LSTM(dim, dim),
            "say": nn.Linear(dim, vocab_out, bias=False),
        }
        self.layers = nn.ModuleDict(layers)

    def encode(self, src, lengths):
        x = reverse_padded(self.layers["look"](src), lengths)
        h, _ = self.layers["read"](x.transpose(0, 1))
        h = last_states(h.transpose(0, 1), lengths)[None]
        return h, torch.zeros_like(h)

    def forward(self, src, lengths, decoder_in):
        heard = self.layers["hear"](decoder_in).transpose(0, 1)
        h, _ = self.layers["write"](heard, self.encode(src, lengths))
        return self.layers["say"](h).transpose(0, 1)

    def greedy(self, src, lengths, bos, eos, max_len):
        state, ids, said = self.encode(src, lengths), torch.tensor([bos] * len(src)), []
        for _ in range(max_len):
            h, state = self.layers["write"](self.layers["hear"](ids)[None], state)
            ids = self.layers["say"](h[0]).max(dim=1).indices
            said.append(ids)
        return [trim(row, eos) for row in torch.stack(said, 1).tolist()]


def trim(row, eos):
    for n, i in enumerate(row):
        if i == eos:
            return row[:n]
    return row
"""

VARIANTS: dict[str, str] = {
    name.lower(): source
    for name, source in list(globals().items())
    if name.isupper() and isinstance(source, str)
}
