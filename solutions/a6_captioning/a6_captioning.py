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
# # Assignment 6: captioning
#
# Here you build a network that is shown an image and says a sentence about it, and everything
# around it: captions as numbers, a loss that counts the right words, two ways to look for a good
# sentence, and the score by which papers compare them. At the end your captioner describes images
# that it has not seen, and you see what it gets wrong.
#
# The chapter that explains it is [chapter 10, "Captioning: a sentence about an
# image"]({BOOK}/chapters/10-captioning.html). Each exercise names its section.

# %% [markdown]
# ## How to work with this notebook
#
# - PyTorch computes the gradients, so you only write the way forward. The checks still look at
#   the gradients of exercises 2 to 4: a result whose graph is cut (by `.detach()`, `.data`,
#   `.item()`, `.numpy()`, or by `torch.tensor(...)` around something that was computed) is a
#   mistake there. Exercises 5 to 7 return plain Python numbers and lists.
# - Results have the type of the input: the checks hand in float64 and expect float64. Make new
#   tensors from the ones that you have, for example with `image.new_zeros(...)`, and this comes by
#   itself.
# - Functions are pure: never write into a tensor, list or dict that you were given.
# - You may use everything that PyTorch offers, and your own earlier functions. Loops are fine.
# - Write your code where the cell says `YOUR CODE HERE`, then run the cell `check("...")` below
#   it. The same check with other inputs decides the points. Every result counts on its own.
#
# ## Shapes
#
# | in the book | in the code | shape | what it is |
# |---|---|---|---|
# | $v$ | `image` | $(N, F)$ | image vectors: what a convolutional network says of an image |
# | $y_0 \dots y_T$ | `captions` | $(N, T + 1)$ | ids: START, the words, END, then padding |
# | $x_1 \dots x_T$ | `embed[ids]` | $(N, T, D)$ | the words that are heard, as vectors |
# | $h_1 \dots h_T$ | `h` | $(N, T, H)$ | states |
# | $W_i$, $W_x$ | `Wi`, `Wx` | $(F, H)$, $(D, H)$ | from image and word to state |
# | $W_h$, $b$ | `Wh`, `b` | $(H, H)$, $(H,)$ | from state to state |
# | $W_o$, $b_o$ | `Wo`, `bo` | $(H, V)$, $(V,)$ | of the output |
# | $o_1 \dots o_T$ | `logits` | $(N, T, V)$ | scores of $V$ words, before the softmax |

# %% locked="setup"
import math
import traceback
from collections import Counter
from contextlib import contextmanager

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from unrolled import check, plot
from unrolled.data import scenes

plot.use()
torch.set_num_threads(1)


@contextmanager
def when_solved():
    """Say which exercise is missing, in place of a traceback."""
    try:
        yield
    except NotImplementedError as error:
        *_, (frame, _) = traceback.walk_tb(error.__traceback__)
        name = frame.f_code.co_qualname.split(".")[0]
        print(f"This cell needs {name}, which is not written yet. Solve it, then come back.")


# %% [markdown]
# ## Part 1: sentences and images as numbers
#
# ### Exercise 1: `encode_captions` (3 points)
#
# Sections: [chapter 10, "Captions as rows of
# numbers"]({BOOK}/chapters/10-captioning.html#caption-tokens) and ["What is predicted decides the
# mask"]({BOOK}/chapters/10-captioning.html#start-end-pad).
#
# A caption becomes a row of ids: `<start>`, its words, `<end>`, and `<pad>` up to the width
# `max_len`. Words are what stands between blanks, as they are written. A word that the vocabulary
# lacks becomes `<unk>`. If there are more words than room, the first `max_len - 2` are kept: every
# row has its start and its end.
#
# An example to do by hand: with the vocabulary of the cell below the check and `max_len` 6, "a red
# ring" becomes `1 4 5 6 2 0` and "a red green red ring and" becomes `1 4 5 3 5 2`.
#
# **Why.** Without `<end>` the network is never told to stop. With it cut off from long captions, it
# learns that long captions do not end.
#
# **Watch for.** A caption may have no words at all. Nothing says that `<pad>` has the id 0.


# %% exercise="encode_captions"
def encode_captions(captions, vocab, max_len):
    """Captions as rows of ids of equal length.

    Args:
        captions: list of N str, words with blanks between them, possibly none.
        vocab: a dict from word to id; it has <start>, <end>, <pad> and <unk>.
        max_len: columns of the result, at least 2.

    Returns:
        ids: long tensor, shape (N, max_len).
    """
    ### BEGIN SOLUTION
    table = []
    for caption in captions:
        kept = caption.split()[: max_len - 2]
        row = [vocab.get(word, vocab["<unk>"]) for word in kept]
        row = [vocab["<start>"], *row, vocab["<end>"]]
        row += [vocab["<pad>"]] * (max_len - len(row))
        table.append(row)
    return torch.tensor(table)
    ### END SOLUTION


# %% check="encode_captions"
check("encode_captions")

# %% free="example_ids"
# The examples by hand; then the words that come back from the ids.
with when_solved():
    known = ["<pad>", "<start>", "<end>", "<unk>", "a", "red", "ring", "and"]
    small = {word: k for k, word in enumerate(known)}
    table = encode_captions(["a red ring", "a red green red ring and"], small, 6)
    print(table)
    print([" ".join(known[k] for k in row) for row in table.tolist()])

# %% [markdown]
# ### Exercise 2: `grid_features` (2 points)
#
# Section: [chapter 9, "Grid features for a
# captioner"]({BOOK}/chapters/09-convolutional-features.html#grid-features).
#
# A convolutional network hands on a map $(N, C, H_h, W_w)$: $C$ numbers for each of $H_h \cdot W_w$
# places, channels first. Captioners want one row for each place: $(N, H_h W_w, C)$, places row by
# row from the top left.
#
# **Why.** Averaged over the places, the rows are the image vector of this assignment; looked at one
# by one, they are what the next assignment attends to.
#
# **Watch for.** There are many ways to get this shape and one that is right. A `reshape` never
# moves a number. What does the row of the first place have to consist of?


# %% exercise="grid_features"
def grid_features(fmap):
    """A feature map as one row per place.

    Args:
        fmap: shape (N, C, rows, columns).

    Returns:
        What is at each place, shape (N, rows * columns, C), places row by row.
    """
    ### BEGIN SOLUTION
    return fmap.flatten(start_dim=2).transpose(1, 2)
    ### END SOLUTION


# %% check="grid_features"
check("grid_features")

# %% [markdown]
# ## Part 2: the captioner and its loss
#
# ### Exercise 3: `captioner_forward` (5 points)
#
# Section: [chapter 10, "At the first step
# only"]({BOOK}/chapters/10-captioning.html#image-first-step-only).
#
# A language model to which the image is shown once, at the first step. With $h_0 = 0$ and $x_t$ the
# row of `embed` for the $t$-th id,
#
# $$h_t = \tanh\bigl(x_t W_x + h_{t-1} W_h + b + \mathbb 1[t = 1]\, v W_i\bigr), \qquad
# o_t = h_t W_o + b_o .$$
#
# The step is the vanilla one, so that nothing hides in a gate.
#
# **Why.** Whatever a later word needs to know of the image has to be carried by the state. What
# that costs is measured in the chapter, and assignment 7 mends it.
#
# **Watch for.** Which words are heard at the first step: is there anything beside the image? Test
# with more than one step and with a bias that is not zero.


# %% exercise="captioner_forward"
def captioner_forward(image, captions_in, params):
    """Logits of all words for known words before them.

    Args:
        image: image vectors, shape (N, F).
        captions_in: ids of the words before those to say, from START on, long tensor, shape (N, T).
        params: a dict with Wi (F, H), embed (V, D), Wx (D, H), Wh (H, H), b (H,), Wo (H, V) and
            bo (V,).

    Returns:
        logits: scores of the word to say at each step, shape (N, T, V).
    """
    ### BEGIN SOLUTION
    inward = params["embed"][captions_in] @ params["Wx"] + params["b"]
    seen = image @ params["Wi"]
    h, states = torch.zeros_like(seen), []
    for t in range(captions_in.shape[1]):
        a = inward[:, t] + h @ params["Wh"]
        h = torch.tanh(a + seen if t == 0 else a)
        states.append(h)
    return torch.stack(states, dim=1) @ params["Wo"] + params["bo"]
    ### END SOLUTION


# %% check="captioner_forward"
check("captioner_forward")

# %% [markdown]
# ### Exercise 4: `caption_loss` (4 points)
#
# Section: [chapter 10, "What is predicted decides the
# mask"]({BOOK}/chapters/10-captioning.html#start-end-pad).
#
# The captions come whole, START to padding, in $T + 1$ columns. The logits of step $t$ speak of the
# word in column $t$ (counted from 0, column 0 is START and is predicted by nobody). The loss is the
# mean of $-\log \operatorname{softmax}(o_t)[y_t]$ over all words that are *predicted* and are no
# padding.
#
# An example to do by hand: "a ring" with 2 columns of padding is `START a ring END PAD PAD`. Five
# words are predicted, three of them count: `a`, `ring` and `END`.
#
# **Why.** Take the mask from what is heard instead, and one padding per short caption counts. The
# loss falls, because nothing is easier than to say PAD after END, and the number looks better
# than it is.
#
# **Watch for.** Logits may be as large as 10,000. If no word counts, the loss is 0 and so is its
# gradient, and `backward()` works: not one *not a number* anywhere. The result is a scalar, of
# shape `()`.


# %% exercise="caption_loss"
def caption_loss(logits, captions, pad):
    """The mean negative log-probability of the words that are predicted, in nats.

    Args:
        logits: scores of the word to say at each step, shape (N, T, V).
        captions: ids of START, the words, END, then padding, long tensor, shape (N, T + 1).
        pad: the id of padding, from 0 to V - 1.

    Returns:
        The loss, a scalar of shape ().
    """
    ### BEGIN SOLUTION
    said = captions[:, 1:]
    real = said != pad
    surprise = F.cross_entropy(logits.flatten(0, 1), said.flatten(), reduction="none")
    return (surprise * real.flatten()).sum() / real.sum().clamp(min=1)
    ### END SOLUTION


# %% check="caption_loss"
check("caption_loss")

# %% free="example_loss"
# The example by hand: logits that are all equal give the logarithm of the number of words, 1.609.
with when_solved():
    one = torch.tensor([[1, 3, 4, 2, 0, 0]])
    print(round(caption_loss(torch.zeros(1, 5, 5), one, 0).item(), 3), round(math.log(5), 3))

# %% [markdown]
# ## Part 3: from probabilities to a sentence
#
# Both searches get the captioner as a function `step`. One call is one word heard:
#
# ```python
# log_p, h = step(image, start, None)   # the first call: the image, and no state
# log_p, h = step(None, word, h)        # every later call: no image, a word, the last state
# ```
#
# `log_p` has shape $(V,)$ and holds the log-probabilities of the next word. `h` is whatever the
# captioner needs to go on; a state is never changed by a call, so several words may be tried from
# the same one. Each check makes eight searches with eight captioners; the table shows rows of ids
# filled up with -1.
#
# ### Exercise 5: `greedy_caption` (3 points)
#
# Section: [chapter 10, "Saying it:
# greedy"]({BOOK}/chapters/10-captioning.html#greedy-decoding-captions).
#
# Take the most probable word, say it, hear it, and go on until the most probable word is END or
# `max_len` words have been said. There is no word that may not be said: START or padding is kept if
# it is the most probable. Only END is left out, and nothing is said after it.
#
# **Watch for.** `step` may be called at most `max_len` times.


# %% exercise="greedy_caption"
def greedy_caption(step, image, start, end, max_len):
    """The most probable word at each step.

    Args:
        step: `step(image or None, id, h or None) -> log_probs (V,), h`; see above.
        image: one image vector, shape (F,).
        start: the id of START.
        end: the id of END.
        max_len: at most so many words.

    Returns:
        The ids of the words, a list of int without START and END.
    """
    ### BEGIN SOLUTION
    said, word, h = [], start, None
    for _ in range(max_len):
        log_p, h = step(None if said else image, word, h)
        word = log_p.argmax().item()
        if word == end:
            break
        said.append(word)
    return said
    ### END SOLUTION


# %% check="greedy_caption"
check("greedy_caption")

# %% [markdown]
# ### Exercise 6: `beam_search` (6 points)
#
# Sections: [chapter 10, "Beam search"]({BOOK}/chapters/10-captioning.html#beam-search), ["A check
# over all captions"]({BOOK}/chapters/10-captioning.html#brute-force-check) and ["Short captions,
# and what to do about them"]({BOOK}/chapters/10-captioning.html#length-penalty).
#
# Keep several beginnings of a caption instead of one. A *candidate* is a list of ids, finished if
# its last id is END. With $n$ ids so far, END included, its score is
#
# $$s = \frac{\log p(\text{ids} \mid v)}{n^{\alpha}} ,$$
#
# with $\alpha$ the `length_penalty`; for $\alpha = 0$ it is the log-probability. The search begins
# with nothing said. In each step
#
# 1. every candidate that is not finished is extended by each of the $V$ words, END among them;
# 2. these extensions and the candidates that were finished before, *as they are*, are put in one
#    list;
# 3. the `width` best of them by score are kept.
#
# It stops when all that are kept are finished, or after `max_len` steps, and returns the best
# candidate that is kept, finished or not, with its score.
#
# An example to do by hand: two candidates $-0.4$ with one id and $-0.7$ with two, the first one
# finished. For $\alpha = 0$ the first wins, for $\alpha = 1$ the second: $-0.35 > -0.4$.
#
# **Why.** The word that is best now may lead to a sentence that is not. A beam of width 1 is greedy
# decoding; one that is wide enough finds the most probable caption of all.
#
# **Watch for.** Each extension goes on with the state of *its* candidate. How many different
# candidates are there before the first step? How many can there be after it, if the vocabulary is
# smaller than the beam?


# %% exercise="beam_search"
def beam_search(step, image, start, end, width, max_len, length_penalty=0.0):
    """A caption that is at least as good as others of which `width` are followed at a time.

    Args:
        step: `step(image or None, id, h or None) -> log_probs (V,), h`; see above.
        image: one image vector, shape (F,).
        start: the id of START.
        end: the id of END.
        width: how many candidates are kept after each step.
        max_len: at most so many steps.
        length_penalty: the power of the length by which log-probabilities are divided.

    Returns:
        ids: the ids of the best candidate, a list of int without START and END.
        score: its score, a float.
    """

    ### BEGIN SOLUTION
    def score(one):
        ids, total, _ = one
        return total / len(ids) ** length_penalty

    def finished(candidate):
        return candidate[0][-1:] == [end]

    kept = [([], 0.0, None)]
    for _ in range(max_len):
        pool = [candidate for candidate in kept if finished(candidate)]
        for ids, total, h in kept:
            if not finished((ids, total, h)):
                last = ids[-1] if ids else start
                log_p, after = step(None if ids else image, last, h)
                pool += [([*ids, k], total + p, after) for k, p in enumerate(log_p.tolist())]
        kept = sorted(pool, key=score, reverse=True)[:width]
        if all(finished(candidate) for candidate in kept):
            break
    ids, _, _ = kept[0]
    return [k for k in ids if k != end], score(kept[0])
    ### END SOLUTION


# %% check="beam_search"
check("beam_search")

# %% free="example_beam"
# A captioner with three words that goes wrong when it is greedy: "0" is likely first, and leads
# nowhere. The best caption is [1, 0], with the probability 0.4 * 0.9 * 1 = 0.36.
FROM = {(): [0.6, 0.4, 0.0], (0,): [0.5, 0.3, 0.2], (1,): [0.9, 0.1, 0.0]}


def stumble(image, id, h):
    """The state is the list of the words that were heard; 2 is END."""
    said = () if h is None else (*h, id)
    p = FROM.get(said, [0.0, 0.0, 1.0] if said[:1] == (1,) else [0.4, 0.4, 0.2])
    return torch.tensor(p, dtype=torch.float64).log(), said


with when_solved():
    print("greedy:", greedy_caption(stumble, None, -1, 2, 4))
    for width in (1, 2, 5):
        ids, score = beam_search(stumble, None, -1, 2, width, 4)
        print(f"width {width}: {ids}, probability {math.exp(score):.3f}")

# %% [markdown]
# ## Part 4: a score
#
# ### Exercise 7: `bleu` (5 points)
#
# Sections: [chapter 10, "BLEU by hand"]({BOOK}/chapters/10-captioning.html#bleu-by-hand) and ["The
# brevity penalty"]({BOOK}/chapters/10-captioning.html#brevity-penalty).
#
# For each $n$ from 1 to `max_n`, count the runs of $n$ words in the candidates, and how many of
# them are *allowed*: a run counts at most as often as it occurs in the one reference that has it
# most often. Both counts are summed over the whole corpus before they are divided:
#
# $$p_n = \frac{\sum_{\text{candidates}} \text{allowed}_n}{\sum_{\text{candidates}}
# \text{runs}_n}, \qquad
# \mathrm{BLEU} = \min\bigl(1, e^{1 - r/c}\bigr) \Bigl(\prod_{n} p_n\Bigr)^{1/\text{max\_n}} .$$
#
# $c$ is the number of words of all candidates, $r$ the sum, over the candidates, of the length of
# the reference whose length is closest to the candidate's; of two that are equally close, the
# shorter. If any of the allowed counts is 0, BLEU is 0.0.
#
# An example to do by hand: the candidate "the the the" with the references "the ring" and "the
# cross of the" has $p_1 = \frac23$: "the" is allowed twice.
#
# **Why.** Every captioning paper reports it, and many report something else by this name. Yours
# will agree with the reference implementation to the last digit.
#
# **Watch for.** A candidate may have fewer words than `max_n`, or none.


# %% exercise="bleu"
def bleu(candidates, references, max_n=4):
    """BLEU of a corpus, without smoothing.

    Args:
        candidates: a list of sentences, each a list of words.
        references: for each candidate a list of sentences, each a list of words.
        max_n: the longest runs of words that are counted.

    Returns:
        A float from 0 to 1.
    """

    ### BEGIN SOLUTION
    def runs_of(words, n):
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    precisions = []
    for n in range(1, max_n + 1):
        right = 0
        total = 0
        for said, known in zip(candidates, references):
            limit = Counter()
            for sentence in known:
                limit |= runs_of(sentence, n)
            found = runs_of(said, n)
            right += sum((found & limit).values())
            total += sum(found.values())
        if right == 0:
            return 0.0
        precisions.append(right / total)
    length = sum(len(said) for said in candidates)
    closest = 0
    for said, known in zip(candidates, references):
        closest += min((abs(len(s) - len(said)), len(s)) for s in known)[1]
    brevity = min(1.0, math.exp(1 - closest / length))
    return brevity * math.prod(precisions) ** (1 / max_n)
    ### END SOLUTION


# %% check="bleu"
check("bleu")

# %% free="example_bleu"
# The example by hand: 2/3, since three words are at least as long as the closest reference.
with when_solved():
    known = [[["the", "ring"], ["the", "cross", "of", "the"]]]
    print(round(bleu([["the", "the", "the"]], known, max_n=1), 3))

# %% [markdown]
# ## Part 5: training
#
# ### Exercise 8: `train_captioner` (5 points)
#
# Section: [chapter 10, "Training"]({BOOK}/chapters/10-captioning.html#caption-training).
#
# Put the pieces together: first parameters, and then steps of a batch of captions each, trained
# with the true words as inputs. A step with one of PyTorch's optimizers is
#
# ```python
# optimizer.zero_grad()
# loss.backward()
# nn.utils.clip_grad_norm_(params.values(), 1.0)
# optimizer.step()
# ```
#
# The sizes are yours to choose: the widths $D$ and $H$, how many captions in a batch. So are the
# optimizer and its rate. Adam with a rate of 0.005, batches of 64, $D = 32$ and $H = 128$ work
# well.
#
# **How it is checked.** Your function gets 3,000 images as vectors of $F = 64$ numbers, of the type
# float32 this time, and their captions: START, colour and shape of one or two objects, END,
# padding. The ids of the words are drawn anew each time, so padding may have any id. Training may
# take 300 steps. Then its parameters read the captions of 1,000 new images, and it is counted how
# many of the words are right, END included and padding not, when the true words before are given.
# Of three runs with different seeds the middle one must reach 0.9. Correct training reaches 0.98; a
# captioner that never sees the image 0.4. The check takes about five seconds.
#
# **Watch for.**
#
# - The first weights. Zeros everywhere, and nothing begins to move. Normal numbers divided by the
#   root of the number of rows of the matrix keep signals at their size. Draw them with a generator
#   made from `seed`, so that the same call gives the same captioner.
# - All seven parameters have to move: an optimizer only knows those that it was given.
# - Return tensors that need no gradient any more (`.detach()`).


# %% exercise="train_captioner"
def train_captioner(images, captions, vocab_size, pad, steps, seed):
    """Train a captioner that sees the image at its first step.

    Args:
        images: image vectors, float32, shape (N, F).
        captions: ids of START, the words, END, then padding, long tensor, shape (N, T + 1).
        vocab_size: how many ids there are, V.
        pad: the id of padding, from 0 to V - 1.
        steps: how many updates to make, each on one batch.
        seed: an integer from which everything random follows.

    Returns:
        params: the trained parameters as captioner_forward takes them, a dict of tensors.
    """
    ### BEGIN SOLUTION
    rng = torch.Generator().manual_seed(seed)
    D, H, batch = 32, 128, 64

    def fresh(rows, columns):
        drawn = torch.randn(rows, columns, generator=rng, dtype=images.dtype)
        return drawn / rows**0.5

    params = {"Wi": fresh(images.shape[1], H), "embed": fresh(vocab_size, D)}
    params |= {"Wx": fresh(D, H), "Wh": fresh(H, H), "b": images.new_zeros(H)}
    params |= {"Wo": fresh(H, vocab_size), "bo": images.new_zeros(vocab_size)}
    for value in params.values():
        value.requires_grad_()
    optimizer = torch.optim.Adam(params.values(), lr=0.005)
    for _ in range(steps):
        rows = torch.randint(len(images), (batch,), generator=rng)
        shown, told = images[rows], captions[rows]
        loss = caption_loss(captioner_forward(shown, told[:, :-1], params), told, pad)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params.values(), 1.0)
        optimizer.step()
    return {name: value.detach() for name, value in params.items()}
    ### END SOLUTION


# %% check="train_captioner"
check("train_captioner")

# %% [markdown]
# ## Part 6: what your captioner says
#
# Now with images that can be seen: up to three objects in $3 \times 3$ places, and captions that
# name them row by row. The vectors are what a convolutional network would say of the whole image,
# with noise. The cell has the data and what the experiment needs; it trains nothing.


# %% free="scenes"
SHOWN = {"grid": 3, "objects": (1, 3), "kinds": ("list",)}
seen, new = scenes.make(4000, seed=0, **SHOWN), scenes.make(400, seed=1, **SHOWN)
VOCAB = seen.vocabulary
WORDS = list(VOCAB)
PAD, START, END = (VOCAB[w] for w in ("<pad>", "<start>", "<end>"))
LONGEST = 14


def vectors(batch, seed):
    """Image vectors (N, F)."""
    return torch.tensor(scenes.features(batch, seed=seed).image)


def first_captions(batch):
    """One true caption of each image."""
    return [told[0] for told in batch.captions]


def stepper(params):
    """Your captioner as a function that a search can call.

    The state is the image and the words so far, which it reads again each time.
    """

    @torch.no_grad()
    def step(image, id, h):
        image, said = (image, [id]) if h is None else (h[0], [*h[1], id])
        logits = captioner_forward(image[None], torch.tensor([said]), params)
        return logits[0, -1].log_softmax(dim=0), (image, said)

    return step


# %% [markdown]
# The next cell trains your captioner on them, which takes some seconds, and shows images that it
# has not seen with what it says of them: the first three that greedy decoding gets right, and the
# first three that it gets wrong. The rule chooses, not we.


# %% free="experiment"
def describe(params, images):
    """What greedy decoding and a beam of width 4 say of each image."""
    step = stepper(params)
    greedy, beam = [], []
    for image in images:
        greedy.append(greedy_caption(step, image, START, END, LONGEST))
        beam.append(beam_search(step, image, START, END, 4, LONGEST)[0])
    return [[" ".join(WORDS[k] for k in ids) for ids in said] for said in (greedy, beam)]


def things(caption):
    """The objects of a caption; their order does not matter."""
    return sorted(caption.split(" and "))


def gallery(batch, said, truth):
    """The first three images that are described rightly and the first three that are not."""
    true = [things(a) == things(b) for a, b in zip(said, truth)]
    right = [n for n, ok in enumerate(true) if ok][:3]
    wrong = [n for n, ok in enumerate(true) if not ok][:3]
    fig, axes = plt.subplots(2, 3, figsize=(7.6, 5.0), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for line, chosen in zip(axes, (right, wrong)):
        for ax, n in zip(line, chosen):
            ax.imshow(batch.images[n].transpose(1, 2, 0), interpolation="nearest")
            mark = "✓" if true[n] else "✗"
            text = said[n].replace(" and ", "\nand ")
            ax.set_title(f"{mark} {text}", fontsize=8, loc="left")
    told = "; ".join(f"“{said[n]}” ({'right' if n in right else 'wrong'})" for n in right + wrong)
    plot.show(
        fig,
        alt="Images with up to three coloured shapes and what your captioner says of them, in the "
        f"upper row rightly and in the lower row wrongly: {told}.",
        caption="Images that your captioner has not seen, with what greedy decoding says. Above: "
        "the first three that are right; below: the first three that are not.",
    )


params = None
with when_solved():
    told = first_captions(seen)
    ids = encode_captions(told, VOCAB, max(len(c.split()) for c in told) + 2)
    params = train_captioner(vectors(seen, 0), ids, len(WORDS), PAD, 600, 0)
    truth = first_captions(new)
    by_greedy, by_beam = describe(params, vectors(new, 1)[:100])
    gallery(new, by_greedy, truth)

# %% [markdown]
# Six images are six images. Here are the numbers over 100 of them: how many captions name all
# objects rightly, in any order, BLEU, and what a caption scores that has nothing to do with the
# image.


# %% free="numbers"
def line(name, said):
    """One row of the table."""
    whole = np.mean([things(a) == things(b) for a, b in zip(said, truth)])
    words = [s.split() for s in said]
    score = bleu(words, [[t.split()] for t in truth[: len(said)]])
    print(f"{name:34}{whole:12.2f}{score:10.3f}")


if params is None:
    print("This cell needs the captioner that the cell above trains.")
else:
    with when_solved():
        print(f"{'':34}{'all right':>12}{'BLEU':>10}")
        line("greedy", by_greedy)
        line("beam of width 4", by_beam)
        line("the caption of the image before", by_greedy[-1:] + by_greedy[:-1])
        differ = [n for n in range(len(by_beam)) if by_beam[n] != by_greedy[n]]
        print(f"\nGreedy and beam differ for {len(differ)} of {len(by_beam)} images, for example:")
        for n in differ[:2]:
            print(f"  truth   {truth[n]}\n  greedy  {by_greedy[n]}\n  beam    {by_beam[n]}")

# %% [markdown]
# Look at the last line of the table: a caption of another image. How much of BLEU is "and a", and
# how much is what is in the image? Then look at the captions that are wrong. Is it the colour, the
# shape, the number of objects, or one that is not there? Which of these would a person notice
# first, and which does BLEU punish most?
#
# Change something and look again: `objects=(1, 2)`, more steps, a beam of width 20, or a length
# penalty.
#
# ## Part 7: in words
#
# This answer is read and marked by a person (6 points).

# %% [markdown]
# ### Question: numbers that look good (6 points)
#
# Answer in whole sentences, together at most about 200 words. Formulas are welcome and not
# required.
#
# 1. Somebody takes the mask of the loss from the words that are heard instead of from those that
#    are predicted. Why does the loss get *smaller*, although nothing about the network is better?
#    What changes in the captions that it writes, and why?
# 2. A paper reports the BLEU of captions that were written with the true words as inputs
#    ("teacher-forced"). Why can that not be compared with the BLEU of a caption that was written
#    alone? Describe an experiment that shows that the reported number depends on the reference in
#    a way that it must not.
# 3. A beam of width 50 has a higher log-probability than a beam of width 3 for almost every image,
#    and a lower BLEU. Name a reason, and something that mends it.

# %% [markdown] written="numbers_that_look_good" points=6
# ### BEGIN SOLUTION
# **Model answer.**
#
# 1. With the mask from the inputs, the step that hears END counts too; its target is PAD. After END
#    there is never anything but PAD, so this is learned at once and its loss is nearly 0. One such
#    term per caption that is shorter than the longest enters the mean, and the mean falls. The
#    captions stay about the same up to END, since the other terms are what they were (each with a
#    smaller weight, because the sum is divided by more). What is new is that the network says PAD
#    after END, which nobody reads.
#
# 2. With the true words as inputs a mistake is mended before the next word: each word is a guess
#    given a right past, so one mistake cannot lead to the next, and length and order are given away
#    by the reference. Experiment: keep the images and the network, and hand in another true
#    reference of the same image (or references of other images): the "candidates" change with it,
#    and so does the score. What a captioner writes alone does not depend on a reference.
#
# 3. The log-probability is a sum of negative numbers, so short captions are probable ones, and a
#    wide beam finds them. They pay with the brevity penalty, and they leave things out. A length
#    penalty (dividing by a power of the length) mends it, or a smaller beam, or a bonus per word.
#
# **Marking scheme (6 points).**
#
# - Question 1: 1 point for the extra term (PAD after END, easy), 1 point for the captions (nothing
#   but PAD after END changes; an answer that says that they get worse because PAD is learned *in
#   place of* words earns half a point).
# - Question 2: 1 point for the right past, 1 point for an experiment in which only the reference
#   changes.
# - Question 3: 1 point for short captions being probable, 1 point for a remedy.
# - Do not take points off for language, or for length up to 300 words.
# ### END SOLUTION
