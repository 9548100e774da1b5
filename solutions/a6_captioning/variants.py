"""Correct solutions of a6 in other styles: every one must get full points.

Each is executed after the reference's cells, so it may replace all functions or a few.
"""

# --- the functions -----------------------------------------------------------------------------

LOOPS = """
def encode_captions(captions, vocab, max_len):
    ids = torch.full((len(captions), max_len), vocab["<pad>"], dtype=torch.int64)
    for n, caption in enumerate(captions):
        ids[n, 0] = vocab["<start>"]
        column = 1
        for word in caption.split():
            if column == max_len - 1:
                break
            ids[n, column] = vocab[word] if word in vocab else vocab["<unk>"]
            column += 1
        ids[n, column] = vocab["<end>"]
    return ids


def grid_features(fmap):
    N, C, R, S = fmap.shape
    rows = []
    for r in range(R):
        for s in range(S):
            rows.append(fmap[:, :, r, s])
    return torch.stack(rows, 1)


def captioner_forward(image, captions_in, params):
    N, T = captions_in.shape
    rows = []
    for n in range(N):
        h = torch.zeros(params["Wh"].shape[0], dtype=image.dtype)
        outs = []
        for t, i in enumerate(captions_in[n].tolist()):
            a = params["embed"][i].matmul(params["Wx"]) + h.matmul(params["Wh"]) + params["b"]
            if t == 0:
                a = a + image[n].matmul(params["Wi"])
            h = a.tanh()
            outs.append(h.matmul(params["Wo"]) + params["bo"])
        rows.append(torch.stack(outs))
    return torch.stack(rows)


def caption_loss(logits, captions, pad):
    total, count = 0.0 * logits.sum(), 0
    for n in range(logits.shape[0]):
        for t in range(logits.shape[1]):
            y = captions[n, t + 1].item()
            if y != pad:
                total = total + torch.logsumexp(logits[n, t], 0) - logits[n, t, y]
                count += 1
    return total / count if count else total


def greedy_caption(step, image, start, end, max_len):
    ids = []
    if max_len == 0:
        return ids
    log_p, h = step(image, start, None)
    while True:
        best = int(torch.argmax(log_p))
        if best == end:
            return ids
        ids.append(best)
        if len(ids) == max_len:
            return ids
        log_p, h = step(None, best, h)


def beam_search(step, image, start, end, width, max_len, length_penalty=0.0):
    live, done = [(0.0, [], None)], []
    for t in range(max_len):
        grown = []
        for total, ids, h in live:
            log_p, g = step(image if t == 0 else None, ids[-1] if ids else start, h)
            for k in range(len(log_p)):
                grown.append((total + log_p[k].item(), ids + [k], g))
        both = done + grown
        both.sort(key=lambda c: -c[0] / len(c[1]) ** length_penalty)
        both = both[:width]
        done = [c for c in both if c[1][-1] == end]
        live = [c for c in both if c[1][-1] != end]
        if not live:
            break
    total, ids, _ = min(done + live, key=lambda c: -c[0] / len(c[1]) ** length_penalty)
    score = total / len(ids) ** length_penalty
    return (ids[:-1] if ids[-1] == end else ids), score


def bleu(candidates, references, max_n=4):
    log_sum = 0.0
    for n in range(1, max_n + 1):
        hit = all_ = 0
        for c, refs in zip(candidates, references):
            mine = {}
            for i in range(len(c) - n + 1):
                g = " ".join(c[i:i + n])
                mine[g] = mine.get(g, 0) + 1
            for g, k in mine.items():
                most = 0
                for r in refs:
                    here = [" ".join(r[i:i + n]) for i in range(len(r) - n + 1)]
                    most = max(most, here.count(g))
                hit += min(k, most)
                all_ += k
        if hit == 0:
            return 0.0
        log_sum += math.log(hit) - math.log(all_)
    c_len = r_len = 0
    for c, refs in zip(candidates, references):
        c_len += len(c)
        best = None
        for r in sorted(refs, key=len):
            if best is None or abs(len(r) - len(c)) < abs(best - len(c)):
                best = len(r)
        r_len += best
    penalty = 1.0 if c_len >= r_len else math.exp(1 - r_len / c_len)
    return penalty * math.exp(log_sum / max_n)
"""

EINSUM = """
def encode_captions(captions, vocab, max_len):
    unk = vocab["<unk>"]
    rows = [[vocab["<start>"]] + [vocab.get(w, unk) for w in c.split()][:max_len - 2]
            + [vocab["<end>"]] for c in captions]
    return torch.nn.utils.rnn.pad_sequence(
        [torch.tensor(r) for r in rows] + [torch.zeros(max_len, dtype=torch.long)],
        batch_first=True, padding_value=vocab["<pad>"])[:-1]


def grid_features(fmap):
    return torch.einsum("ncrs->nrsc", fmap).reshape(fmap.shape[0], -1, fmap.shape[1])


def captioner_forward(image, captions_in, params):
    p = params
    x = torch.einsum("ntd,dh->nth", p["embed"][captions_in], p["Wx"]) + p["b"]
    first = torch.einsum("nf,fh->nh", image, p["Wi"])
    x = torch.cat([x[:, :1] + first[:, None], x[:, 1:]], dim=1)
    h, hs = None, []
    for a in x.unbind(1):
        h = torch.tanh(a if h is None else a + torch.einsum("ng,gh->nh", h, p["Wh"]))
        hs.append(h)
    return torch.einsum("nth,hv->ntv", torch.stack(hs, 1), p["Wo"]) + p["bo"]


def caption_loss(logits, captions, pad):
    y = captions[:, 1:]
    keep = (y != pad).to(logits.dtype)
    hot = F.one_hot(y, logits.shape[-1]).to(logits.dtype)
    nll = -torch.einsum("ntv,ntv->nt", torch.log_softmax(logits, -1), hot)
    return (nll * keep).sum() / max(keep.sum().item(), 1.0)


def greedy_caption(step, image, start, end, max_len):
    ids, h, word, seen = [], None, start, image
    while len(ids) < max_len:
        log_p, h = step(seen, word, h)
        seen, word = None, log_p.max(dim=0).indices.item()
        if word == end:
            break
        ids += [word]
    return ids


def beam_search(step, image, start, end, width, max_len, length_penalty=0.0):
    # Everything as tensors: totals (K,), histories as lists, one topk over finished and extended.
    totals, ids, states = torch.zeros(1, dtype=torch.float64), [[]], [None]
    for t in range(max_len):
        rows, totals_, owners, lasts = [], [], [], []
        for k in range(len(ids)):
            if ids[k] and ids[k][-1] == end:
                totals_.append(totals[k][None])
                owners.append(torch.tensor([k]))
                lasts.append(torch.tensor([-1]))
            else:
                log_p, states[k] = step(image if t == 0 else None,
                                        ids[k][-1] if ids[k] else start, states[k])
                totals_.append(totals[k] + log_p)
                owners.append(torch.full((len(log_p),), k))
                lasts.append(torch.arange(len(log_p)))
        totals_, owners, lasts = torch.cat(totals_), torch.cat(owners), torch.cat(lasts)
        pairs = zip(owners.tolist(), lasts.tolist())
        lengths = torch.tensor([len(ids[o]) + (last >= 0) for o, last in pairs])
        scores = totals_ / lengths.to(torch.float64) ** length_penalty
        top = scores.topk(min(width, len(scores))).indices
        pairs = zip(owners[top].tolist(), lasts[top].tolist())
        ids = [ids[o] + ([last] if last >= 0 else []) for o, last in pairs]
        states = [states[o] for o in owners[top].tolist()]
        totals, best = totals_[top], scores[top]
        if all(i[-1] == end for i in ids):
            break
    return [i for i in ids[0] if i != end], best[0].item()


def bleu(candidates, references, max_n=4):
    counts = np.zeros((2, max_n))
    c = sum(map(len, candidates))
    r = sum(sorted((abs(len(x) - len(y)), len(x)) for x in refs)[0][1]
            for y, refs in zip(candidates, references))
    for y, refs in zip(candidates, references):
        for n in range(max_n):
            def grams(s):
                return Counter(zip(*(s[i:] for i in range(n + 1))))
            mine = grams(y)
            most = Counter()
            for x in refs:
                for g, k in grams(x).items():
                    most[g] = max(most[g], k)
            counts[0, n] += sum(min(k, most[g]) for g, k in mine.items())
            counts[1, n] += sum(mine.values())
    if counts[0].min() == 0:
        return 0.0
    score = np.exp(np.log(counts[0] / counts[1]).mean())
    return float(score * min(1.0, np.exp(1 - r / c)))
"""

LIBRARY = """
def encode_captions(captions, vocab, max_len):
    out = []
    for c in captions:
        ids = [vocab.get(w, vocab["<unk>"]) for w in c.split()]
        out.append(([vocab["<start>"]] + ids[:max_len - 2] + [vocab["<end>"]]
                    + max_len * [vocab["<pad>"]])[:max_len])
    return torch.LongTensor(out)


def grid_features(fmap):
    return fmap.permute(0, 2, 3, 1).flatten(1, 2)


def captioner_forward(image, captions_in, params):
    # torch's own recurrent network, with the image as the bias of a first step that is done by hand
    D, H = params["Wx"].shape
    x = F.embedding(captions_in, params["embed"])
    first = torch.tanh(x[:, 0] @ params["Wx"] + params["b"] + image @ params["Wi"])
    states = [first[:, None]]
    if x.shape[1] > 1:
        rnn = nn.RNN(D, H, batch_first=True).to(image.dtype)
        weights = {"weight_ih_l0": params["Wx"].T, "weight_hh_l0": params["Wh"].T,
                   "bias_ih_l0": params["b"], "bias_hh_l0": torch.zeros_like(params["b"])}
        out, _ = torch.func.functional_call(rnn, weights, (x[:, 1:], first[None].contiguous()))
        states.append(out)
    return F.linear(torch.cat(states, 1), params["Wo"].T, params["bo"])


def caption_loss(logits, captions, pad):
    y = captions[:, 1:].reshape(-1)
    if (y == pad).all():
        return (logits * 0).sum()
    return F.cross_entropy(logits.reshape(len(y), -1), y, ignore_index=pad)


def greedy_caption(step, image, start, end, max_len):
    def go(image, word, h, left):
        if left == 0:
            return []
        log_p, h = step(image, word, h)
        word = log_p.topk(1)[1][0].item()
        return [] if word == end else [word, *go(None, word, h, left - 1)]

    return go(image, start, None, max_len)


def beam_search(step, image, start, end, width, max_len, length_penalty=0.0):
    import heapq
    import itertools

    tick = itertools.count()  # no two entries are compared beyond this
    beam = [(0.0, next(tick), (), 0.0, None)]
    for _ in range(max_len):
        heap = []

        def offer(entry):
            heapq.heappush(heap, entry)
            if len(heap) > width:
                heapq.heappop(heap)

        for entry in beam:
            _, _, ids, total, h = entry
            if ids and ids[-1] == end:
                offer(entry)
                continue
            log_p, after = step(*((image, start, None) if not ids else (None, ids[-1], h)))
            for k, p in enumerate(log_p.tolist()):
                s = (total + p) / (len(ids) + 1) ** length_penalty
                offer((s, next(tick), (*ids, k), total + p, after))
        beam = heap
        if all(entry[2][-1] == end for entry in beam):
            break
    score, _, ids, _, _ = max(beam)
    return [int(k) for k in ids if k != end], score


def bleu(candidates, references, max_n=4):
    import sacrebleu

    # sacrebleu takes strings: tokens without blanks pass its tokenizer "none" as they are.
    most = max(map(len, references))
    streams = [[" ".join(refs[k]) if k < len(refs) else None for refs in references]
               for k in range(most)]
    metric = sacrebleu.BLEU(tokenize="none", smooth_method="none", max_ngram_order=max_n)
    score = metric.corpus_score([" ".join(c) for c in candidates], streams)
    return score.score / 100
"""

ONE_HOT = """
def encode_captions(captions, vocab, max_len):
    ids = np.full((len(captions), max_len), vocab["<pad>"])
    for row, caption in zip(ids, captions):
        known = [vocab.get(w, vocab["<unk>"]) for w in caption.split()][: max(max_len - 2, 0)]
        known = [vocab["<start>"], *known, vocab["<end>"]]
        row[: len(known)] = known
    return torch.from_numpy(ids).long()


def grid_features(fmap):
    n, c = fmap.shape[:2]
    return torch.movedim(fmap, 1, -1).reshape(n, -1, c)


def captioner_forward(image, captions_in, params):
    # words as one-hot rows, the image as more columns of the input at the first step
    p, V = params, len(params["embed"])
    hot = F.one_hot(captions_in, V).to(image.dtype)
    W = torch.cat([p["embed"] @ p["Wx"], p["Wi"]])
    beside = torch.zeros(*captions_in.shape, image.shape[1], dtype=image.dtype)
    beside = torch.cat([image[:, None], beside[:, 1:]], dim=1)
    x = torch.cat([hot, beside], dim=2) @ W + p["b"]
    h = image.new_zeros(len(image), len(p["b"]))
    logits = []
    for t in range(captions_in.size(1)):
        h = (x[:, t] + h @ p["Wh"]).tanh()
        logits.append(torch.addmm(p["bo"], h, p["Wo"]))
    return torch.stack(logits, 1)


def caption_loss(logits, captions, pad):
    y = captions[:, 1:]
    keep = y.ne(pad)
    shifted = logits - logits.max(dim=-1, keepdim=True).values.detach()
    nll = shifted.exp().sum(-1).log() - shifted.gather(-1, y.unsqueeze(-1)).squeeze(-1)
    return nll.masked_fill(~keep, 0.0).sum() / keep.sum().clamp(min=1)


def greedy_caption(step, image, start, end, max_len):
    said, h = [start], None
    for t in range(max_len):
        log_p, h = step(image if t == 0 else None, said[-1], h)
        said.append(np.argmax(log_p.detach().numpy()))
        if said[-1] == end:
            return [int(k) for k in said[1:-1]]
    return [int(k) for k in said[1:]]


def beam_search(step, image, start, end, width, max_len, length_penalty=0.0):
    class Beam:
        def __init__(self, ids=(), total=0.0, h=None):
            self.ids, self.total, self.h = ids, total, h

        @property
        def over(self):
            return len(self.ids) > 0 and self.ids[-1] == end

        @property
        def score(self):
            return self.total * len(self.ids) ** -length_penalty

        def grow(self):
            first = not self.ids
            log_p, h = step(image if first else None, start if first else self.ids[-1], self.h)
            return [Beam((*self.ids, k), self.total + p.item(), h) for k, p in enumerate(log_p)]

    beams = [Beam()]
    while not all(b.over for b in beams) and max_len > 0:
        pool = []
        for b in beams:
            pool.extend([b] if b.over else b.grow())
        beams = sorted(pool, key=lambda b: b.score)[-width:]
        max_len -= 1
    best = max(beams, key=lambda b: b.score)
    return list(best.ids[:-1] if best.over else best.ids), best.score


def bleu(candidates, references, max_n=4):
    from fractions import Fraction

    product = Fraction(1)
    for n in range(1, max_n + 1):
        right = total = 0
        for said, known in zip(candidates, references):
            left = [Counter(tuple(r[i:i + n]) for i in range(max(len(r) - n + 1, 0)))
                    for r in known]
            for i in range(len(said) - n + 1):
                gram = tuple(said[i:i + n])
                total += 1
                if any(c[gram] > 0 for c in left):
                    right += 1
                    for c in left:
                        c[gram] -= 1
        if not right:
            return 0.0
        product *= Fraction(right, total)
    c = sum(len(s) for s in candidates)
    r = sum(min((len(x) for x in known), key=lambda k: (abs(k - len(s)), k))
            for s, known in zip(candidates, references))
    return float(product) ** (1 / max_n) * (1.0 if c > r else math.exp(1 - r / c))
"""

STRIDED = """
def encode_captions(captions, vocab, max_len):
    columns = [[vocab["<start>"]] * len(captions)]
    words = [c.split()[:max_len - 2] + ["<end>"] for c in captions]
    for t in range(max_len - 1):
        columns.append([vocab.get(w[t], vocab["<unk>"]) if t < len(w) else vocab["<pad>"]
                        for w in words])
    return torch.tensor(columns).T


def grid_features(fmap):
    N, C, R, S = fmap.shape
    return F.unfold(fmap, kernel_size=1).mT


def captioner_forward(image, captions_in, params):
    embed, Wx, Wh = params["embed"], params["Wx"], params["Wh"]
    W = torch.cat([Wx, Wh])  # one product for input and state
    h = torch.zeros(image.shape[0], Wh.shape[0]).to(image)
    b = params["b"] + image @ params["Wi"]
    out = torch.zeros(*captions_in.shape, Wh.shape[0]).to(image)
    for t in range(captions_in.shape[1]):
        h = torch.tanh(torch.cat([embed[captions_in[:, t]], h], 1) @ W + b)
        out[:, t] = h
        b = params["b"]
    return out @ params["Wo"] + params["bo"]


def caption_loss(logits, captions, pad):
    rows, steps = (captions[:, 1:] != pad).nonzero(as_tuple=True)
    log_p = logits.log_softmax(2)[rows, steps, captions[rows, steps + 1]]
    return -log_p.sum() / max(len(rows), 1)


def greedy_caption(step, image, start, end, max_len):
    return beam_search(step, image, start, end, 1, max_len)[0]


def beam_search(step, image, start, end, width, max_len, length_penalty=0):
    # keeps the log-probabilities of all words, and adds them up anew each time
    beams = [dict(ids=[], parts=[], h=None, n=0)]
    for t in range(max_len):
        pool = []
        for b in beams:
            if b["ids"] and b["ids"][-1] == end:
                pool.append(b)
                continue
            log_p, h = step(image if not t else None, (b["ids"] or [start])[-1], b["h"])
            order = log_p.argsort(descending=True)[:width]  # no more than width can be kept
            pool += [dict(ids=b["ids"] + [int(k)], parts=b["parts"] + [float(log_p[k])], h=h)
                     for k in order]
        pool.sort(key=lambda b: -math.fsum(b["parts"]) / len(b["ids"]) ** length_penalty)
        beams = pool[:width]
        if not [b for b in beams if b["ids"][-1] != end]:
            break
    best = beams[0]
    score = torch.tensor(math.fsum(best["parts"]) / len(best["ids"]) ** length_penalty)
    return tuple(k for k in best["ids"] if k != end), score


def bleu(candidates, references, max_n=4):
    p = np.ones(max_n)
    for n in range(1, max_n + 1):
        a = b = 0
        for c, refs in zip(candidates, references):
            grams = [tuple(c[k:k + n]) for k in range(len(c)) if k + n <= len(c)]
            b += len(grams)
            for g in set(grams):
                a += min(grams.count(g), max(sum(tuple(r[k:k + n]) == g for k in range(len(r)))
                                             for r in refs))
        p[n - 1] = a / b if b else 0.0
    if not p.all():
        return 0.0
    c = sum(len(c) for c in candidates)
    r = 0
    for said, refs in zip(candidates, references):
        lengths = np.array(sorted(len(x) for x in refs))
        r += int(lengths[np.abs(lengths - len(said)).argmin()])
    return float(np.prod(p) ** (1 / max_n) * (np.exp(1 - r / c) if c < r else 1))
"""

# --- training ----------------------------------------------------------------------------------

LOOP = """
def train_captioner(images, captions, vocab_size, pad, steps, seed):
    torch.manual_seed(seed)
    D, H = {D}, {H}
    shapes = dict(Wi=(images.shape[1], H), embed=(vocab_size, D), Wx=(D, H), Wh=(H, H), b=(H,),
                  Wo=(H, vocab_size), bo=(vocab_size,))
    params = {{k: {init} for k, s in shapes.items()}}
    params = {{k: nn.Parameter(v) for k, v in params.items()}}
    optimizer = {optimizer}
    {schedule}
    order = []
    for _ in range(steps):
        if len(order) < {batch}:
            order = torch.randperm(len(images)).tolist()
        rows, order = order[:{batch}], order[{batch}:]
        logits = captioner_forward(images[rows], captions[rows, :-1], params)
        loss = caption_loss(logits, captions[rows], pad)
        optimizer.zero_grad()
        loss.backward()
        {clip}
        optimizer.step()
        {after}
    return {{k: v.detach().clone() for k, v in params.items()}}
"""

SCALED = "torch.randn(s) / s[0] ** 0.5 if len(s) > 1 else torch.zeros(s)"
UNIFORM = "(2 * torch.rand(s) - 1) / (H ** 0.5)"
ORTHOGONAL = (
    "nn.init.orthogonal_(torch.empty(s)) if k == 'Wh' else "
    "(nn.init.xavier_uniform_(torch.empty(s)) if len(s) > 1 else torch.zeros(s))"
)


def loop(
    D: int = 32,
    H: int = 128,
    init: str = SCALED,
    optimizer: str = "torch.optim.Adam(params.values(), lr=0.005)",
    batch: int = 64,
    schedule: str = "",
    clip: str = "nn.utils.clip_grad_norm_(params.values(), 1.0)",
    after: str = "",
) -> str:
    return LOOP.format(**locals())


ONE_CYCLE = "pace = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.01, total_steps=max(steps, 2))"

NO_CLIPPING = loop(clip="pass", init=UNIFORM)
ADAMW = loop(H=160, optimizer="torch.optim.AdamW(params.values(), lr=0.004, weight_decay=0.01)")
RMSPROP = loop(optimizer="torch.optim.RMSprop(params.values(), lr=0.002)", init=ORTHOGONAL)
SCHEDULED = loop(D=24, H=96, schedule=ONE_CYCLE, after="pace.step()")
LARGE_BATCHES = loop(D=48, H=128, batch=128)
SMALL_BATCHES = loop(batch=32, H=128, init=ORTHOGONAL)
WIDE = loop(D=64, H=192, optimizer="torch.optim.Adam(params.values(), lr=0.003)")
NARROW = loop(D=16, H=64, optimizer="torch.optim.Adam(params.values(), lr=0.01)")
DOUBLE = """
_train = train_captioner


def train_captioner(images, captions, vocab_size, pad, steps, seed):
    return _train(images.double(), captions, vocab_size, pad, steps, seed)
"""

VARIANTS = {
    "loops": LOOPS,
    "einsum": EINSUM,
    "library": LIBRARY,
    "one-hot words, classes": ONE_HOT,
    "strided, sums anew": STRIDED,
    "train: no clipping": NO_CLIPPING,
    "train: AdamW": ADAMW,
    "train: RMSprop, orthogonal": RMSPROP,
    "train: one cycle": SCHEDULED,
    "train: large batches": LARGE_BATCHES,
    "train: small batches": SMALL_BATCHES,
    "train: wide": WIDE,
    "train: narrow": NARROW,
    "train: float64": DOUBLE,
}
