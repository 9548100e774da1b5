"""Mistakes that people make in assignment a6, each as one replacement in the reference.

A hint asks the question whose answer is the mistake; it never names the line that would mend it.
Ids such as L4 or N8 in comments are those of the course's list of known mistakes.
"""

from autograder.source import Misconception

PAGE = "chapters/10-captioning.html#"
TOKENS = PAGE + "caption-tokens"
MASK = PAGE + "start-end-pad"
TERM = PAGE + "image-first-step-only"
LOSS = PAGE + "caption-loss"
TRAINING = PAGE + "caption-training"
GREEDY = PAGE + "greedy-decoding-captions"
BEAM = PAGE + "beam-search"
BRUTE = PAGE + "brute-force-check"
LENGTH = PAGE + "length-penalty"
BLEU_BY_HAND = PAGE + "bleu-by-hand"
BREVITY = PAGE + "brevity-penalty"
RESHAPE = "chapters/11-attention.html#reshape-bug"
STEP = "chapters/02-vanilla-rnn.html#one-step"
HUGE = "chapters/03-bptt.html#masked-loss"


def group(exercise: str, *rows: tuple[str, str, str, str, str]) -> list[Misconception]:
    """Misconceptions of one exercise from (name, find, replace, hint, link)."""
    return [Misconception(exercise, *row) for row in rows]


ENCODE_CAPTIONS = group(
    "encode_captions",
    (
        "end-missing",  # L3
        'row = [vocab["<start>"], *row, vocab["<end>"]]',
        'row = [vocab["<start>"], *row]',
        "None of your rows says where the caption is over. What tells a captioner to stop?",
        MASK,
    ),
    (
        "start-missing",
        'row = [vocab["<start>"], *row, vocab["<end>"]]',
        'row = [*row, vocab["<end>"]]',
        "What does the network hear before it says the first word? Your rows begin with that word.",
        MASK,
    ),
    (
        "end-cut-off",
        "kept = caption.split()[: max_len - 2]",
        "kept = caption.split()[: max_len - 1]",
        "Count the columns of a caption that is too long: with START and the words that you keep, "
        "is there still room for what has to follow?",
        TOKENS,
    ),
    (
        "one-word-too-few",
        "kept = caption.split()[: max_len - 2]",
        "kept = caption.split()[: max_len - 3]",
        "A caption that just fits loses its last word. How many columns do START and END take?",
        TOKENS,
    ),
    (
        "last-words-kept",
        "kept = caption.split()[: max_len - 2]",
        "kept = caption.split()[len(caption.split()) - max_len + 2 :]"
        " if len(caption.split()) > max_len - 2 else caption.split()",
        "Of a caption that is too long you keep the other end. Which words does a sentence begin "
        "with?",
        TOKENS,
    ),
    (
        "lower-case",
        "kept = caption.split()[: max_len - 2]",
        "kept = caption.lower().split()[: max_len - 2]",
        "The vocabulary knows some words with a capital letter and without. Who said that they are "
        "the same?",
        TOKENS,
    ),
    (
        "split-at-single-blanks",
        "kept = caption.split()[: max_len - 2]",
        'kept = caption.split(" ")[: max_len - 2]',
        "Between two blanks in a row you find a word without letters. What is between words, and "
        "how much of it may there be?",
        TOKENS,
    ),
    (
        "punctuation-stripped",
        "vocab.get(word, vocab",
        'vocab.get(word.strip(".,"), vocab',
        "A full stop belongs to some of the words of this vocabulary. Look up what stands there, "
        "as it stands there.",
        TOKENS,
    ),
    (
        "unknown-words-left-out",
        'row = [vocab.get(word, vocab["<unk>"]) for word in kept]',
        "row = [vocab[word] for word in kept if word in vocab]",
        "Words that the vocabulary lacks disappear from your rows, and those behind them move up. "
        "There is an id that means: a word stood here.",
        TOKENS,
    ),
    (
        "unknown-words-as-padding",
        'vocab.get(word, vocab["<unk>"])',
        'vocab.get(word, vocab["<pad>"])',
        "In the middle of your rows stands the id that means: nothing here. Is an unknown word "
        "nothing?",
        TOKENS,
    ),
    (
        "padding-is-zero",
        'row += [vocab["<pad>"]] * (max_len - len(row))',
        "row += [0] * (max_len - len(row))",
        "Your padding has the id of another word. Who says which id padding has?",
        MASK,
    ),
    (
        "padded-with-end",
        'row += [vocab["<pad>"]] * (max_len - len(row))',
        'row += [vocab["<end>"]] * (max_len - len(row))',
        "Your captions end again and again. How would a loss know which of these ends count?",
        MASK,
    ),
    (
        "padded-in-front",
        'row += [vocab["<pad>"]] * (max_len - len(row))',
        'row = [vocab["<pad>"]] * (max_len - len(row)) + row',
        "Which column holds the first id of every row? With you it depends on the length of the "
        "caption.",
        TOKENS,
    ),
)

GRID_FEATURES = group(
    "grid_features",
    (
        "reshape",  # M8
        "fmap.flatten(start_dim=2).transpose(1, 2)",
        "fmap.reshape(len(fmap), -1, fmap.shape[1])",
        "The shape is right and each row mixes places and channels. What stands next to each other "
        "in memory, two channels of one place or two places of one channel?",
        RESHAPE,
    ),
    (
        "column-by-column",
        "fmap.flatten(start_dim=2).transpose(1, 2)",
        "fmap.transpose(2, 3).flatten(start_dim=2).transpose(1, 2)",
        "Your places are numbered from top to bottom. Which place comes after the top left one?",
        RESHAPE,
    ),
    (
        "channels-first",
        "fmap.flatten(start_dim=2).transpose(1, 2)",
        "fmap.flatten(start_dim=2)",
        "You have one row per channel. Which axis counts the places in the result?",
        RESHAPE,
    ),
    (
        "flipped",
        "fmap.flatten(start_dim=2).transpose(1, 2)",
        "fmap.flatten(start_dim=2).flip(2).transpose(1, 2)",
        "Your first place is the one at the bottom right. Where does the numbering begin?",
        RESHAPE,
    ),
    (
        "graph-cut",
        "fmap.flatten(start_dim=2).transpose(1, 2)",
        "fmap.detach().flatten(start_dim=2).transpose(1, 2)",
        "The numbers are right and nothing flows back. Could the network in front of this ever be "
        "trained?",
        RESHAPE,
    ),
)

CAPTIONER_FORWARD = group(
    "captioner_forward",
    (
        "image-at-every-step",
        "h = torch.tanh(a + seen if t == 0 else a)",
        "h = torch.tanh(a + seen)",
        "Your captioner is shown the image again before every word. In this model it is shown "
        "once. When?",
        TERM,
    ),
    (
        "image-never",
        "a + seen if t == 0 else a",
        "a + 0 * seen",
        "Hand in another image: your logits stay the same. Where does the image come in?",
        TERM,
    ),
    (
        "image-at-the-last-step",
        "a + seen if t == 0 else a",
        "a + seen if t == captions_in.shape[1] - 1 else a",
        "Your image arrives when the caption is over. Which of the words can it still change?",
        TERM,
    ),
    (
        "image-at-the-second-step",
        "a + seen if t == 0 else a",
        "a + seen if t == 1 else a",
        "The first of your words is said without having seen anything. What does the formula count "
        "from, 0 or 1, and your loop?",
        TERM,
    ),
    (
        "image-as-first-state",
        "h = torch.tanh(a + seen if t == 0 else a)",
        "h = torch.tanh(a if t else inward[:, 0] + seen @ params['Wh'])",
        "Your image goes through the recurrent matrix before it is seen. That is another model, in "
        "which it is the state before the first step.",
        PAGE + "where-the-image-enters",
    ),
    (
        "first-word-not-heard",
        "h = torch.tanh(a + seen if t == 0 else a)",
        "h = torch.tanh(params['b'] + seen if t == 0 else a)",
        "Change the first id: nothing happens. Is START not a word with a vector of its own?",
        TERM,
    ),
    (
        "bias-left-out",
        'params["embed"][captions_in] @ params["Wx"] + params["b"]',
        'params["embed"][captions_in] @ params["Wx"]',
        "With all biases zero your result would be right. Which of the two is missing?",
        STEP,
    ),
    (
        "bias-twice-where-the-image-is",
        'seen = image @ params["Wi"]',
        'seen = image @ params["Wi"] + params["b"]',
        "How often is the bias added at the first step?",
        STEP,
    ),
    (
        "output-bias-left-out",
        '@ params["Wo"] + params["bo"]',
        '@ params["Wo"]',
        "Your logits are off by the same numbers in every row and at every step. What is added "
        "last?",
        STEP,
    ),
    (
        "recurrent-matrix-transposed",  # A1
        'a = inward[:, t] + h @ params["Wh"]',
        'a = inward[:, t] + h @ params["Wh"].T',
        "The first word is right and no other. Which index of the matrix from state to state "
        "belongs to the old state?",
        STEP,
    ),
    (
        "no-memory",  # L7
        'a = inward[:, t] + h @ params["Wh"]',
        "a = inward[:, t]",
        "Each of your words depends on the word before and on nothing earlier. What carries the "
        "image to the third word?",
        TERM,
    ),
    (
        "state-before-the-step",
        "states.append(h)",
        "states.append(h if len(states) == 0 else torch.tanh(inward[:, t - 1] + 0 * h))",
        "From the second step on the output does not know what was carried along. Which state does "
        "the output of a step read?",
        STEP,
    ),
    (
        "no-squashing",
        "h = torch.tanh(a + seen if t == 0 else a)",
        "h = a + seen if t == 0 else a",
        "Your states grow with the image. What keeps a state between -1 and 1?",
        STEP,
    ),
    (
        "image-beside-the-squashing",
        "h = torch.tanh(a + seen if t == 0 else a)",
        "h = torch.tanh(a) + seen if t == 0 else torch.tanh(a)",
        "A state of yours is larger than 1. Is the image added inside the nonlinearity or outside?",
        TERM,
    ),
    (
        "image-detached",
        'seen = image @ params["Wi"]',
        'seen = (image @ params["Wi"]).detach()',
        "The numbers are right, and the matrix of the image gets no gradient. What would training "
        "do to it?",
        LOSS,
    ),
    (
        "logits-normalised",
        'torch.stack(states, dim=1) @ params["Wo"] + params["bo"]',
        '(torch.stack(states, dim=1) @ params["Wo"] + params["bo"]).log_softmax(dim=2)',
        "Your results sum to 1 after an exponential. Who takes the softmax, this function or the "
        "loss?",
        LOSS,
    ),
    (
        "steps-first",
        "torch.stack(states, dim=1)",
        "torch.stack(states, dim=0)",
        "Which axis counts the rows of the batch in the result, and which the steps?",
        STEP,
    ),
)

CAPTION_LOSS = group(
    "caption_loss",
    (
        "mask-from-the-inputs",
        "real = said != pad",
        "real = captions[:, :-1] != pad",
        "Take a caption of two words and count what is in your mean by hand. Does the step that "
        "hears END say a word that counts?",
        MASK,
    ),
    (
        "padding-counts",  # L4
        "real = said != pad",
        "real = torch.ones_like(said, dtype=torch.bool)",
        "Add two columns of padding: the loss changes. Is padding a word that has to be said?",
        MASK,
    ),
    (
        "predicts-what-it-hears",
        "surprise = F.cross_entropy(logits.flatten(0, 1), said.flatten()",
        "surprise = F.cross_entropy(logits.flatten(0, 1), captions[:, :-1].flatten()",
        "Each step is asked for the word that it was just told. What is there to predict?",
        MASK,
    ),
    (
        "mean-over-all-steps",  # D2
        "real.sum().clamp(min=1)",
        "real.numel()",
        "The sum is right. Say in words what it is divided by: all steps, or those that count?",
        LOSS,
    ),
    (
        "mean-over-captions",
        "real.sum().clamp(min=1)",
        "len(captions)",
        "Your loss grows with the length of the captions. What is averaged over?",
        LOSS,
    ),
    (
        "mean-of-means",
        "(surprise * real.flatten()).sum() / real.sum().clamp(min=1)",
        "((surprise.view(said.shape) * real).sum(1) / real.sum(1).clamp(min=1)).mean()",
        "A word of a short caption weighs more in your mean than one of a long caption. Is it a "
        "mean over words or over captions?",
        LOSS,
    ),
    (
        "logits-masked",  # D5
        "(surprise * real.flatten()).sum()",
        "F.cross_entropy((logits * real[:, :, None]).mT, said, reduction='sum')",
        "Where there is padding your loss has the logarithm of the number of words added. Logits "
        "of 0 are a uniform prediction; do they mean that nothing is predicted?",
        MASK,
    ),
    (
        "softmax-twice",  # D9
        "surprise = F.cross_entropy(logits.flatten(0, 1)",
        "surprise = F.cross_entropy(logits.softmax(dim=2).flatten(0, 1)",
        "However sure the network is, your loss does not get near 0. Count the softmaxes between "
        "logits and loss.",
        LOSS,
    ),
    (
        "classes-on-the-wrong-axis",  # D10
        "logits.flatten(0, 1)",
        "logits.transpose(1, 2).reshape(-1, logits.shape[2])",
        "Steps and words have changed places on the way to the loss. What does a row of the "
        "flattened logits hold?",
        LOSS,
    ),
    (
        "nothing-to-average",
        "real.sum().clamp(min=1)",
        "real.sum()",
        "With no word that counts you divide nothing by nothing. What should the loss be, and its "
        "gradient?",
        MASK,
    ),
    (
        "padding-is-zero",  # D11
        "real = said != pad",
        "real = said != 0",
        "Which id is left out of your loss, and which id has padding? They are the same by "
        "accident only.",
        MASK,
    ),
    (
        "sum-not-mean",
        "(surprise * real.flatten()).sum() / real.sum().clamp(min=1)",
        "(surprise * real.flatten()).sum()",
        "Double the batch: your loss doubles. Sum or mean?",
        LOSS,
    ),
    (
        "sign",
        "return (surprise",
        "return -(surprise",
        "Your loss is negative. Who wins if it is made small?",
        LOSS,
    ),
    (
        "not-a-scalar",
        "real.sum().clamp(min=1)",
        "real.sum().clamp(min=1)[None]",
        "Your loss has one number, and the shape of a list. Which shape has a scalar?",
        LOSS,
    ),
)

GREEDY_CAPTION = group(
    "greedy_caption",
    (
        "image-at-every-call",
        "step(None if said else image, word, h)",
        "step(image, word, h)",
        "The captioner is shown the image once. What do you hand over at the later calls?",
        GREEDY,
    ),
    (
        "image-never",
        "step(None if said else image, word, h)",
        "step(None, word, h)",
        "Your captions do not depend on the image. When is it handed over?",
        GREEDY,
    ),
    (
        "forgets-its-state",
        "log_p, h = step(",
        "log_p, _ = step(",
        "Each of your calls begins anew. What comes back beside the log-probabilities, and what is "
        "it for?",
        GREEDY,
    ),
    (
        "hears-start-again",
        "log_p, h = step(None if said else image, word, h)",
        "log_p, h = step(None if said else image, start, h)",
        "Your captioner never hears what it has said. What is the input of the next step?",
        GREEDY,
    ),
    (
        "end-kept",
        "if word == end:",
        "if word == end and (said.append(word) or True):",
        "Your captions say that they are over. Is END one of the words?",
        GREEDY,
    ),
    (
        "never-stops",
        "            break",
        "            continue",
        "You go on after END, and only leave it out. What is said after the end?",
        GREEDY,
    ),
    (
        "least-probable-word",
        "log_p.argmax().item()",
        "log_p.argmin().item()",
        "Log-probabilities are negative. Is the most probable word the one with the largest or the "
        "smallest?",
        GREEDY,
    ),
    (
        "drawn-not-chosen",  # the other way round of I4
        "log_p.argmax().item()",
        "torch.multinomial(log_p.exp(), 1, generator=torch.Generator().manual_seed(0)).item()",
        "Your words are drawn. Greedy decoding has nothing random in it.",
        GREEDY,
    ),
    (
        "start-may-not-be-said",
        "word = log_p.argmax().item()",
        "log_p[start] = -torch.inf\n        word = log_p.argmax().item()",
        "A word is passed over by you although it is the most probable. Who asked for that?",
        GREEDY,
    ),
    (
        "one-word-too-many",
        "for _ in range(max_len):",
        "for _ in range(max_len + 1):",
        "Captions that do not end are one word longer with you. How many words may be said?",
        GREEDY,
    ),
    (
        "one-word-too-few",
        "for _ in range(max_len):",
        "for _ in range(max_len - 1):",
        "Captions that do not end are one word shorter with you. How many words may be said?",
        GREEDY,
    ),
)

BEAM_SEARCH = group(
    "beam_search",
    (
        "image-at-every-call",
        "step(None if ids else image, last, h)",
        "step(image, last, h)",
        "The captioner is shown the image once. What do you hand over at the later calls?",
        GREEDY,
    ),
    (
        "state-of-another-beam",
        "([*ids, k], total + p, after)",
        "([*ids, k], total + p, kept[0][2] if len(kept) > 1 else after)",
        "An extension of yours goes on with the state of another candidate. Whose past does a "
        "state hold?",
        BEAM,
    ),
    (
        "state-never-carried",
        "([*ids, k], total + p, after)",
        "([*ids, k], total + p, None)",
        "Each of your calls begins anew. What comes back beside the log-probabilities, and what is "
        "it for?",
        BEAM,
    ),
    (
        "scores-of-the-last-word-only",
        "([*ids, k], total + p, after)",
        "([*ids, k], p, after)",
        "Your candidates are compared by their last word alone. Of what is the score the "
        "logarithm?",
        BEAM,
    ),
    (
        "probabilities-added",
        "enumerate(log_p.tolist())",
        "enumerate(log_p.exp().tolist())",
        "Scores above 0 cannot be log-probabilities. What of probabilities is multiplied, and what "
        "is added?",
        BEAM,
    ),
    (
        "finished-ones-dropped",
        "pool = [candidate for candidate in kept if finished(candidate)]",
        "pool = []",
        "A caption that has ended is lost with you at the next step. Where does it stand while "
        "others grow?",
        BEAM,
    ),
    (
        "finished-ones-extended",  # N7
        "            if not finished((ids, total, h)):",
        "            if True:",
        "You let a caption go on after END. What is left of it in the list?",
        BEAM,
    ),
    (
        "stops-at-the-first-finished",
        "if all(finished(candidate) for candidate in kept):",
        "if any(finished(candidate) for candidate in kept):",
        "Your search is over as soon as one candidate is. Can another one not overtake it?",
        BEAM,
    ),
    (
        "stops-when-the-best-is-finished",
        "if all(finished(candidate) for candidate in kept):",
        "if finished(kept[0]):",
        "Your search stops when the best candidate is finished. With a length penalty, can a "
        "longer one not overtake it?",
        LENGTH,
    ),
    (
        "only-finished-ones-returned",
        "    ids, _, _ = kept[0]",
        "    kept = [c for c in kept if finished(c)] or kept\n    ids, _, _ = kept[0]",
        "You prefer a caption that has ended to a better one that has not. What does the exercise "
        "say about the candidate that is returned?",
        BEAM,
    ),
    (
        "penalty-at-the-end-only",
        "kept = sorted(pool, key=score, reverse=True)[:width]",
        "kept = sorted(pool, key=lambda c: c[1], reverse=True)[:width]",
        "Without a length penalty your search is right. By what are the candidates compared while "
        "the search goes on?",
        LENGTH,
    ),
    (
        "penalty-never",
        "return total / len(ids) ** length_penalty",
        "return total",
        "The length penalty changes nothing in your search. What is the log-probability divided "
        "by?",
        LENGTH,
    ),
    (
        "penalty-not-in-the-score",
        "score(kept[0])",
        "kept[0][1]",
        "The caption is right, and its score is that without a length penalty. Which one is asked "
        "for?",
        LENGTH,
    ),
    (
        "penalty-times-length",
        "total / len(ids) ** length_penalty",
        "total / max(len(ids) * length_penalty, 1)",
        "With a power of 1 you would divide by the length. What is raised to the power?",
        LENGTH,
    ),
    (
        "length-without-end",
        "total / len(ids) ** length_penalty",
        "total / max(len([k for k in ids if k != end]), 1) ** length_penalty",
        "Only finished candidates have a wrong score. Does END count as one of the ids?",
        LENGTH,
    ),
    (
        "length-with-start",
        "total / len(ids) ** length_penalty",
        "total / (len(ids) + 1) ** length_penalty",
        "All your lengths are too long by one. Is START one of the ids of a candidate?",
        LENGTH,
    ),
    (
        "multiplied-by-the-length",
        "total / len(ids) ** length_penalty",
        "total * len(ids) ** length_penalty",
        "A larger penalty makes your captions shorter. What happens to a negative number when it "
        "is multiplied by the length?",
        LENGTH,
    ),
    (
        "worst-candidates-kept",
        "kept = sorted(pool, key=score, reverse=True)[:width]",
        "kept = sorted(pool, key=score)[:width]",
        "You keep the candidates at the wrong end of the list. Are good scores large or small?",
        BEAM,
    ),
    (
        "one-candidate",  # also what copies of START come to, N3
        "kept = sorted(pool, key=score, reverse=True)[:width]",
        "kept = sorted(pool, key=score, reverse=True)[:1]",
        "A wider beam finds nothing else with you. How many candidates are kept after a step, and "
        "do they differ?",
        BEAM,
    ),
    (
        "extensions-cut-per-candidate",
        "for k, p in enumerate(log_p.tolist())]",
        "for k, p in enumerate(log_p.tolist()) if p >= log_p.topk(min(2, len(log_p)))[0][-1]]",
        "Among the extensions of a good candidate more than two may belong to the best of all. "
        "Where are they cut, in each candidate's list or in the common one?",
        BEAM,
    ),
    (
        "end-kept",
        "return [k for k in ids if k != end], score(kept[0])",
        "return ids, score(kept[0])",
        "Your captions say that they are over. Is END one of the words?",
        GREEDY,
    ),
    (
        "last-word-cut",
        "return [k for k in ids if k != end], score(kept[0])",
        "return ids[:-1], score(kept[0])",
        "A caption that has not ended loses its last word with you. Is there an END to be left "
        "out?",
        BEAM,
    ),
    (
        "one-step-too-few",
        "for _ in range(max_len):",
        "for _ in range(max(max_len - 1, 1)):",
        "Captions that do not end are one word shorter with you. How many steps are allowed?",
        BEAM,
    ),
    (
        "one-step-too-many",
        "for _ in range(max_len):",
        "for _ in range(max_len + 1):",
        "Captions that do not end are one word longer with you. How many steps are allowed?",
        BEAM,
    ),
    (
        "start-heard-again",
        "last = ids[-1] if ids else start",
        "last = start",
        "Your candidates never hear what they have said. What is the input of the next step?",
        BEAM,
    ),
)

BLEU = group(
    "bleu",
    (
        "not-clipped",  # N8
        "right += sum((found & limit).values())",
        "right += sum(c for g, c in found.items() if g in limit)",
        "Say one right word a hundred times: your score stays high. How often is a word allowed?",
        BLEU_BY_HAND,
    ),
    (
        "clipped-by-the-sum",
        "limit |= runs_of(sentence, n)",
        "limit += runs_of(sentence, n)",
        'Three references with one "ring" each do not allow three of them. Which reference '
        "decides how often a word is allowed?",
        BLEU_BY_HAND,
    ),
    (
        "clipped-by-the-least",
        "limit |= runs_of(sentence, n)",
        "limit = limit & runs_of(sentence, n) if limit else runs_of(sentence, n)",
        "A word that only one reference has is not allowed with you. Which reference decides?",
        BLEU_BY_HAND,
    ),
    (
        "first-reference-only",
        "for sentence in known:",
        "for sentence in known[:1]:",
        "Change the order of the references: your score changes. Which of them are used?",
        BLEU_BY_HAND,
    ),
    (
        "each-run-once",
        "right += sum((found & limit).values())",
        "right += len(found & limit)",
        "A run that occurs twice, and rightly so, counts once with you. Are runs counted or kinds "
        "of runs?",
        BLEU_BY_HAND,
    ),
    (
        "divided-by-the-references",
        "total += sum(found.values())",
        "total += max(len(s) - n + 1 for s in known)",
        "You ask how much of the references is found. A precision asks the other way round: what "
        "share of which runs?",
        BLEU_BY_HAND,
    ),
    (
        "too-few-runs",
        "for i in range(len(words) - n + 1)",
        "for i in range(len(words) - n)",
        "How many runs of two words are in a sentence of three? Your count ends too early.",
        BLEU_BY_HAND,
    ),
    (
        "arithmetic-mean",
        "math.prod(precisions) ** (1 / max_n)",
        "sum(precisions) / max_n",
        "Your score does not become small when one precision does. Which mean is it?",
        BLEU_BY_HAND,
    ),
    (
        "product-without-root",
        "math.prod(precisions) ** (1 / max_n)",
        "math.prod(precisions)",
        "For single words your score is right, and it falls with every n. Which mean is it?",
        BLEU_BY_HAND,
    ),
    (
        "root-always-the-fourth",
        "math.prod(precisions) ** (1 / max_n)",
        "math.prod(precisions) ** 0.25",
        "With runs of up to four words your score is right. How many precisions are there "
        "otherwise?",
        BLEU_BY_HAND,
    ),
    (
        "halved-weights",  # N12
        "math.prod(precisions) ** (1 / max_n)",
        "math.prod(p ** 0.5 ** n for n, p in enumerate(precisions, 1))",
        "Your long runs weigh less than your short ones. A well-known book does so and calls it "
        "BLEU; which weights has the original?",
        BLEU_BY_HAND,
    ),
    (
        "mean-over-sentences",  # N10
        "    precisions = []",
        "    if len(candidates) > 1:\n"
        "        alone = [bleu([c], [r], max_n) for c, r in zip(candidates, references)]\n"
        "        return sum(alone) / len(alone)\n"
        "    precisions = []",
        "For one sentence your score is right. A mean of the scores of sentences is not the score "
        "of the corpus: what does the formula sum before it divides?",
        BLEU_BY_HAND,
    ),
    (
        "no-brevity",
        "return brevity * math.prod",
        "return math.prod",
        "Leave half of each candidate away: your score does not fall. What keeps captions from "
        "being short?",
        BREVITY,
    ),
    (
        "length-rewarded",
        "brevity = min(1.0, math.exp(1 - closest / length))",
        "brevity = math.exp(1 - closest / length)",
        "Long candidates get more than their due. Up to which number may the penalty go?",
        BREVITY,
    ),
    (
        "lengths-exchanged",
        "math.exp(1 - closest / length)",
        "math.exp(1 - length / closest)",
        "You punish candidates for being long. Which of the two lengths is to be divided?",
        BREVITY,
    ),
    (
        "brevity-without-exponential",
        "min(1.0, math.exp(1 - closest / length))",
        "min(1.0, length / closest)",
        "Your penalty is the ratio of the lengths. Half the length should cost more than half.",
        BREVITY,
    ),
    (
        "shortest-reference",
        "closest += min((abs(len(s) - len(said)), len(s)) for s in known)[1]",
        "closest += min(len(s) for s in known)",
        "The shortest reference is always good enough for you. With which one is a candidate "
        "compared?",
        BREVITY,
    ),
    (
        "longest-reference",
        "closest += min((abs(len(s) - len(said)), len(s)) for s in known)[1]",
        "closest += max(len(s) for s in known)",
        "You compare with the longest reference. With which one is a candidate compared?",
        BREVITY,
    ),
    (
        "mean-reference",
        "closest += min((abs(len(s) - len(said)), len(s)) for s in known)[1]",
        "closest += sum(len(s) for s in known) / len(known)",
        "You compare with a length that no reference has. With which one is a candidate compared?",
        BREVITY,
    ),
    (
        "tie-to-the-longer",
        "min((abs(len(s) - len(said)), len(s)) for s in known)[1]",
        "-min((abs(len(s) - len(said)), -len(s)) for s in known)[1]",
        "Two references are equally close, one shorter and one longer. Which of them counts?",
        BREVITY,
    ),
    (
        "smoothed",  # N13
        "        if right == 0:",
        "        right, total = right + 1, total + 1\n        if right == 0:",
        "Your score is a bit too high, and not 0 where nothing of a length is right. Who asked for "
        "a count that was not there?",
        BLEU_BY_HAND,
    ),
    (
        "missing-lengths-passed-over",
        "            return 0.0",
        "            continue",
        "Where no run of a length is right you leave the length out. What is the product if one of "
        "its factors is 0?",
        BLEU_BY_HAND,
    ),
    (
        "only-the-longest-runs",
        "for n in range(1, max_n + 1):",
        "for n in range(max_n, max_n + 1):",
        "For single words your score is right. Which lengths of runs go into the product?",
        BLEU_BY_HAND,
    ),
    (
        "one-length-too-few",
        "for n in range(1, max_n + 1):",
        "for n in range(1, max(max_n, 2)):",
        "Your score looks at one length of runs less than it should. Where does a range end?",
        BLEU_BY_HAND,
    ),
    (
        "bag-of-words",
        "tuple(words[i : i + n])",
        "tuple(sorted(words[i : i + n]))",
        '"red ring" and "ring red" are the same to you. Does the order within a run matter?',
        BLEU_BY_HAND,
    ),
)

TRAIN_CAPTIONER = group(
    "train_captioner",
    (
        "images-of-others",
        "shown, told = images[rows], captions[rows]",
        "shown, told = images[rows], captions[rows.flip(0)]",
        "The captions of your batch belong to other images. After training, what is left to learn "
        "from the image?",
        TRAINING,
    ),
    (
        "image-hidden",
        "shown, told = images[rows], captions[rows]",
        "shown, told = 0 * images[rows], captions[rows]",
        "Your captioner learns to talk without seeing. Compare its loss with that of a network "
        "without image.",
        TRAINING,
    ),
    (
        "biases-alone-trained",
        "torch.optim.Adam(params.values(), lr=0.005)",
        "torch.optim.Adam([params['b'], params['bo']], lr=0.005)",
        "Some of the parameters are after training what they were before. Which ones was the "
        "optimizer given?",
        TRAINING,
    ),
    (
        "update-left-out",
        "optimizer.step()",
        "pass",
        "Gradients are computed and nothing moves. Which of the four lines is missing?",
        TRAINING,
    ),
    (
        "same-batch-again",
        "rows = torch.randint(len(images), (batch,), generator=rng)",
        "rows = torch.arange(batch)",
        "Your loss falls to nothing, and new images are described wrongly. How many images has the "
        "network seen?",
        TRAINING,
    ),
    (
        "words-heard-are-predicted",
        "loss = caption_loss(captioner_forward(shown, told[:, :-1], params), told, pad)",
        "loss = caption_loss(captioner_forward(shown, told[:, 1:], params), told, pad)",
        "Your loss is nearly 0 at once. Which word is heard at a step, and which one is to be "
        "predicted there?",
        MASK,
    ),
    (
        "uphill",
        "loss.backward()",
        "(-loss).backward()",
        "Your loss grows. In which direction does an optimizer go?",
        TRAINING,
    ),
    (
        "rate-far-too-small",
        "lr=0.005",
        "lr=0.00001",
        "After all steps your parameters are almost what they were. How far does one update go?",
        TRAINING,
    ),
    (
        "rate-far-too-large",
        "lr=0.005",
        "lr=2.0",
        "Your loss jumps up and down. How far does one update go?",
        TRAINING,
    ),
    (
        "zeros-to-begin-with",
        "drawn = torch.randn(rows, columns, generator=rng, dtype=images.dtype)",
        "drawn = torch.zeros(rows, columns, dtype=images.dtype)",
        "With all weights zero only the output's bias has a gradient. How should training begin?",
        TRAINING,
    ),
    (
        "one-step",
        "for _ in range(steps):",
        "for _ in range(1):",
        "How many updates does your training make, and how many may it make?",
        TRAINING,
    ),
)

MISCONCEPTIONS = [
    *ENCODE_CAPTIONS,
    *GRID_FEATURES,
    *CAPTIONER_FORWARD,
    *CAPTION_LOSS,
    *GREEDY_CAPTION,
    *BEAM_SEARCH,
    *BLEU,
    *TRAIN_CAPTIONER,
]
