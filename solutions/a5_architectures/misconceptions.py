"""Mistakes that people make in assignment a5, each as one replacement in the reference.

A hint asks the question whose answer is the mistake; it never names the line that would mend it.
Ids such as G1 or L7 in comments are those of the course's list of known mistakes.
"""

from autograder.source import Misconception

PAGE = "chapters/08-architectures.html#"
STACKED = PAGE + "stacked"
STACK_GRADIENT = PAGE + "gradient-of-a-stack"
BOTH = PAGE + "bidirectional"
REVERSE = PAGE + "reverse-within-length"
LAST = PAGE + "last-states"
VECTOR = PAGE + "sentence-vector"
TREES = PAGE + "trees"
STRUCTURE = PAGE + "gradient-through-structure"
ENCODER = PAGE + "encoder-decoder"
SHIFT = PAGE + "shift-and-pad"
LOSS = PAGE + "masked-loss-again"
TRANSLATOR = PAGE + "training-a-translator"
GREEDY = PAGE + "greedy-decoding"
FORCING = PAGE + "teacher-forcing"
LEAK = PAGE + "leak-of-the-future"
SHAPES = "chapters/02-vanilla-rnn.html#shapes-of-the-step"


def group(exercise: str, *rows: tuple[str, str, str, str, str]) -> list[Misconception]:
    """Misconceptions of one exercise from (name, find, replace, hint, link)."""
    return [Misconception(exercise, *row) for row in rows]


STACKED_FORWARD = group(
    "stacked_forward",
    (  # G7
        "one-state-for-all-layers",
        "enumerate(layers)",
        "((0, layer) for layer in layers)",
        "With a single layer your result is right. In the picture, follow the arrows that run to "
        "the right: how many chains of states are there, and how many do you keep?",
        STACKED,
    ),
    (
        "no-memory",
        " + states[k] @ Wh",
        "",
        "Change the input of the first step and look at the last one: nothing happens. What makes "
        "each layer recurrent?",
        STACKED,
    ),
    (  # A1
        "transposed-recurrence",
        "states[k] @ Wh",
        "states[k] @ Wh.T",
        "States are rows: (N, H) times (H, H). Which index of Wh does your product sum over?",
        SHAPES,
    ),
    (
        "bias-missing",
        "states[k] @ Wh + b",
        "states[k] @ Wh",
        "Put zeros into x: which value should the first state have then? Yours is zero.",
        STACKED,
    ),
    (
        "bottom-layer-returned",
        "top.append(signal)",
        "top.append(states[0])",
        "With one layer your result is right, and adding layers does not change it. Which row of "
        "the picture does the function return?",
        STACKED,
    ),
    (
        "linear-layers-below",
        "torch.tanh(signal @ Wx + states[k] @ Wh + b)",
        "(torch.tanh if k == len(layers) - 1 else (lambda a: a))(signal @ Wx + states[k] @ Wh + b)",
        "With one layer your result is right. What stands between the pre-activation and the state "
        "of the layers below the top?",
        STACKED,
    ),
    (
        "one-tanh-at-the-top",
        "torch.tanh(signal @ Wx + states[k] @ Wh + b)",
        "torch.tanh(signal @ Wx + b) + states[k] @ Wh",
        "Some of your states lie outside -1 to 1. What does the nonlinearity of a layer see: the "
        "parts of the sum or the sum?",
        STACKED,
    ),
    (
        "cut-from-the-graph",
        "return torch.stack(top, dim=1)",
        "return torch.stack(top, dim=1).detach()",
        "The states are right and no weight gets a gradient. Which of your calls makes a tensor "
        "forget where it came from?",
        STACK_GRADIENT,
    ),
    (
        "memory-cut-from-the-graph",
        "states[k] = signal",
        "states[k] = signal.detach()",
        "The states are right, the gradients are not: no message travels back in time. What did "
        "you do to the state that you kept?",
        STACK_GRADIENT,
    ),
    (
        "layers-cut-from-each-other",
        "torch.tanh(signal @ Wx",
        "torch.tanh(signal.detach() @ Wx",
        "The states are right, and only the top layer gets a gradient. By which arrow should the "
        "layers below hear of the loss?",
        STACK_GRADIENT,
    ),
)

REVERSE_PADDED = group(
    "reverse_padded",
    (
        "whole-rows-flipped",
        "x[torch.arange(len(x))[:, None], source]",
        "x.flip(1)",
        "Full rows are right, short ones now begin with their padding. In which order must a layer "
        "read a short row from its end?",
        REVERSE,
    ),
    (
        "one-place-too-far",
        "lengths[:, None] - 1 - place",
        "(lengths[:, None] - place).clamp(max=x.shape[1] - 1)",
        "Write down a row of length 3 with its indices. Which index goes to the first place, and "
        "which does your code take?",
        REVERSE,
    ),
    (
        "padding-turned-too",
        "torch.where(mirrored >= 0, mirrored, place)",
        "mirrored",
        "The real places are right, the padding of short rows changed its order. What does an "
        "index below zero mean in Python?",
        REVERSE,
    ),
    (
        "padding-overwritten",
        "torch.where(mirrored >= 0, mirrored, place)",
        "mirrored.clamp(min=0)",
        "The real places are right. Behind them stands the first symbol of the row, again and "
        "again: what should stand there?",
        REVERSE,
    ),
    (
        "padding-cleared",
        "x[torch.arange(len(x))[:, None], source]",
        "x[torch.arange(len(x))[:, None], source] * (mirrored >= 0)[:, :, None]",
        "The real places are right and the padding is zero. What does the text say about what "
        "stood there before?",
        REVERSE,
    ),
    (
        "one-length-for-all",
        "lengths[:, None]",
        "lengths.max()",
        "Rows as long as the longest one are right, shorter ones are not. Whose length decides how "
        "a row is turned?",
        REVERSE,
    ),
    (
        "rows-of-the-batch-turned",
        "x[torch.arange(len(x))[:, None], source]",
        "x.flip(0)",
        "Look at the first row of your result: it is a row of another sample. Which axis is time?",
        SHAPES,
    ),
    (
        "features-turned",
        "x[torch.arange(len(x))[:, None], source]",
        "x.flip(2)",
        "Every place still holds its own numbers, in another order. Which of the three axes is "
        "time?",
        SHAPES,
    ),
    (
        "last-place-kept",
        "lengths[:, None] - 1 - place",
        "lengths[:, None] - 2 - place",
        "Take a row of length 2: it comes back as it was. To which place should its first symbol "
        "go?",
        REVERSE,
    ),
    (
        "cut-from-the-graph",
        "return x[",
        "return x.detach()[",
        "The numbers are right and nobody can learn from them: the gradient with respect to x is "
        "zero. Which of your calls makes a tensor forget where it came from?",
        REVERSE,
    ),
)

BIDIRECTIONAL_FORWARD = group(
    "bidirectional_forward",
    (  # G1
        "not-turned-back",
        "reverse_padded(stacked_forward(turned, [backward]), lengths)",
        "stacked_forward(turned, [backward])",
        "The second half is that of another place: what stands first is the backward layer's first "
        "word. Which place is it about?",
        REVERSE,
    ),
    (
        "input-not-turned",
        "stacked_forward(turned, [backward])",
        "stacked_forward(x, [backward])",
        "A palindrome hides this one. In which order does your backward layer read, before its "
        "results are put in order?",
        REVERSE,
    ),
    (
        "two-layers-onward",
        "reverse_padded(stacked_forward(turned, [backward]), lengths)",
        "stacked_forward(x, [backward])",
        "Change the last input of a row: the second half of the first place does not move. From "
        "which end does your backward layer read?",
        BOTH,
    ),
    (  # G11
        "whole-rows-flipped",
        "reverse_padded(stacked_forward(turned, [backward]), lengths)",
        "stacked_forward(x.flip(1), [backward]).flip(1)",
        "Full rows are right. A short row gives other numbers when its batch gets longer: what "
        "does your backward layer read first there?",
        REVERSE,
    ),
    (
        "flipped-there-reversed-back",
        "turned = reverse_padded(x, lengths)",
        "turned = x.flip(1)",
        "Full rows are right. Is the way in which you put the results in order the inverse of the "
        "way in which you turned the inputs around, for a short row?",
        REVERSE,
    ),
    (
        "padding-not-zero",
        "torch.where(inside[:, :, None], both, 0.0)",
        "both",
        "All real places are right. Does a layer with a bias say zero where there is only padding?",
        REVERSE,
    ),
    (
        "halves-swapped",
        "[onward, back]",
        "[back, onward]",
        "Both halves are there. Which of them stands first: the summary of what came before, or of "
        "what comes after?",
        BOTH,
    ),
    (
        "one-set-of-weights",
        "[backward]",
        "[forward]",
        "The first half is right. What do the two layers share: their weights, or only the input?",
        BOTH,
    ),
    (
        "own-input-left-out",
        "torch.cat([onward, back], dim=2)",
        "torch.cat([onward, back.roll(-1, 1)], dim=2)",
        "Your second half at a place does not depend on the input of that place. Where does the "
        "summary from the right begin?",
        BOTH,
    ),
    (
        "one-place-of-padding-kept",
        "torch.arange(x.shape[1]) < lengths",
        "torch.arange(x.shape[1]) <= lengths",
        "One place behind the end of each short row is not zero. Which is the last index of a row "
        "of length 3?",
        REVERSE,
    ),
    (
        "cut-from-the-graph",
        "return torch.where(inside[:, :, None], both, 0.0)",
        "return torch.where(inside[:, :, None], both, 0.0).detach()",
        "The numbers are right and no weight gets a gradient. Which of your calls makes a tensor "
        "forget where it came from?",
        PAGE + "gradient-both-ways",
    ),
    (
        "backward-layer-cut",
        "reverse_padded(stacked_forward(turned, [backward]), lengths)",
        "reverse_padded(stacked_forward(turned, [backward]), lengths).detach()",
        "The numbers are right, but the weights of the backward layer get no gradient. Where does "
        "your graph end on the way to them?",
        PAGE + "gradient-both-ways",
    ),
)

LAST_STATES = group(
    "last_states",
    (  # G10
        "last-column",
        "h[row, lengths - 1]",
        "h[:, -1]",
        "Full rows are right. What has the layer read when it arrives at the last column of a "
        "short row?",
        LAST,
    ),
    (
        "last-place-of-the-longest",
        "h[row, lengths - 1]",
        "h[:, lengths.max() - 1]",
        "The longest row is right. Does a short row end where the longest one ends?",
        LAST,
    ),
    (
        "one-place-too-late",
        "h[row, lengths - 1]",
        "h[row, lengths.clamp(max=h.shape[1] - 1)]",
        "Full rows are right, in the others you take the first place of the padding. Where do "
        "indices start, and where do lengths?",
        LAST,
    ),
    (
        "one-place-too-early",
        "h[row, lengths - 1]",
        "h[row, lengths - 2]",
        "Your state has not read the last symbol of its row. Write down the indices of a row of "
        "length 3.",
        LAST,
    ),
    (
        "first-place",
        "h[row, lengths - 1]",
        "h[:, 0]",
        "Rows of length 1 are right. How much of a longer row has the state at the first place "
        "read? (For a layer that reads from the end it would be everything.)",
        VECTOR,
    ),
    (
        "mean-of-the-states",
        "h[row, lengths - 1]",
        "h.cumsum(1)[row, lengths - 1] / lengths[:, None]",
        "Rows of length 1 are right. Your vector is a mean over places, which is another summary. "
        "Which single place has read the whole row?",
        LAST,
    ),
    (
        "all-pairs",
        "h[row, lengths - 1]",
        "h[:, lengths - 1]",
        "Your result has an axis too many: the place of every row, taken in every row. How do you "
        "say that row 0 goes with place 0, row 1 with place 1?",
        LAST,
    ),
    (
        "cut-from-the-graph",
        "return h[",
        "return h.detach()[",
        "The numbers are right, but no gradient reaches the layer that made them. Where was the "
        "graph cut?",
        LAST,
    ),
)

TREE_RNN = group(
    "tree_rnn",
    (
        "children-swapped",
        "left @ Wl + right @ Wr",
        "left @ Wr + right @ Wl",
        "Test with a pair of two different leaves. Which matrix belongs to which child?",
        TREES,
    ),
    (
        "one-matrix-for-both",
        "right @ Wr",
        "right @ Wl",
        "Swap the two children of a node: your result stays the same. What tells left from right?",
        TREES,
    ),
    (
        "matrices-swapped-on-the-way-down",
        "tree_rnn(tree[1], Wl, Wr, b)",
        "tree_rnn(tree[1], Wr, Wl, b)",
        "A pair of leaves is right, a deeper tree is not. In which order do you hand on the "
        "weights?",
        TREES,
    ),
    (
        "leaf-squashed",
        "return tree\n",
        "return torch.tanh(tree)\n",
        "A tree that is a single leaf does not come back as it went in. What is the vector of a "
        "leaf?",
        TREES,
    ),
    (
        "leaf-as-a-node",
        "return tree\n",
        "return torch.tanh(tree @ Wl + b)\n",
        "A tree that is a single leaf does not come back as it went in. At how many nodes do the "
        "weights act in a tree with two leaves?",
        TREES,
    ),
    (
        "bias-missing",
        "right @ Wr + b",
        "right @ Wr",
        "Join two leaves that are zero: which vector should come out? Yours is zero.",
        TREES,
    ),
    (
        "bias-for-each-child",
        "right @ Wr + b",
        "right @ Wr + 2 * b",
        "Join two leaves that are zero: the pre-activation should be the bias, once. Two products "
        "need only one bias between them.",
        TREES,
    ),
    (
        "no-nonlinearity",
        "torch.tanh(left @ Wl + right @ Wr + b)",
        "left @ Wl + right @ Wr + b",
        "Your vectors can take any size. Without something in between, what would two levels of a "
        "tree do that one level cannot?",
        TREES,
    ),
    (  # A1
        "transposed-weights",
        "left @ Wl + right @ Wr",
        "Wl @ left + Wr @ right",
        "A vector from the left or from the right: both have a fine shape. Vectors are rows in "
        "this course, so on which side of the matrix do they stand?",
        SHAPES,
    ),
    (
        "cut-from-the-graph",
        "torch.tanh(left @ Wl + right @ Wr + b)",
        "torch.tanh(left @ Wl + right @ Wr + b).detach()",
        "The vector is right and no weight gets a gradient. Which of your calls makes a tensor "
        "forget where it came from?",
        STRUCTURE,
    ),
    (
        "left-branch-cut",
        "left = tree_rnn(tree[0], Wl, Wr, b)",
        "left = tree_rnn(tree[0], Wl, Wr, b).detach()",
        "The vector is right, the gradients are not: nothing below a left child learns. Where was "
        "the graph cut?",
        STRUCTURE,
    ),
)

SHIFT_TARGETS = group(
    "shift_targets",
    (  # L1
        "not-shifted",
        "[bos, *ids]",
        "[*ids, eos]",
        "Compare your two rows: at every step the decoder hears what it has to say. What would it "
        "learn, and what would it hear when nobody knows the answer?",
        FORCING,
    ),
    (  # L2
        "input-and-output-swapped",
        "return decoder_in, decoder_out",
        "return decoder_out, decoder_in",
        "Write down one example, step by step. Which of your two rows is one step ahead of the "
        "other, and which should be?",
        SHIFT,
    ),
    (  # L3
        "bos-in-the-targets",
        "[*ids, eos]",
        "[bos, *ids]",
        "Your decoder has to say bos, and it never says that it is done. What is the first symbol "
        "of an answer, and what the last?",
        SHIFT,
    ),
    (
        "eos-among-the-inputs",
        "decoder_in[n, : len(ids) + 1] = torch.tensor([bos, *ids])",
        "decoder_in[n, : len(ids) + 2] = torch.tensor([bos, *ids, eos])[:M]",
        "The longest row is right. In a short row, what does the decoder hear after its last real "
        "symbol, and is there anything left to say?",
        SHIFT,
    ),
    (  # L3
        "eos-missing",
        "[*ids, eos]",
        "[*ids, pad]",
        "A decoder trained on these targets never stops. How does it say that it is done?",
        SHIFT,
    ),
    (
        "eos-in-the-last-column",
        "decoder_out[n, : len(ids) + 1] = torch.tensor([*ids, eos])",
        "decoder_out[n, : len(ids)], decoder_out[n, -1] = torch.tensor(ids).long(), eos",
        "The longest row is right. In a short one there is padding between the last symbol and "
        "eos: when is the row done?",
        SHIFT,
    ),
    (
        "padded-with-zero",
        "decoder_out = torch.full((len(target), M), pad)",
        "decoder_out = torch.full((len(target), M), 0)",
        "Right as long as the id for padding is 0. Which id fills short rows in general?",
        SHIFT,
    ),
    (
        "padded-with-eos",
        "decoder_out = torch.full((len(target), M), pad)",
        "decoder_out = torch.full((len(target), M), eos)",
        "Your short rows say eos again and again, and the loss will count each of them. How often "
        "is a row done?",
        SHIFT,
    ),
    (
        "a-column-too-many",
        "for ids in target) + 1",
        "for ids in target) + 2",
        "Your last column is padding in every row. How many steps does the longest target need, "
        "with eos?",
        SHIFT,
    ),
    (
        "padded-on-the-left",
        "decoder_in[n, : len(ids) + 1]",
        "decoder_in[n, M - len(ids) - 1 :]",
        "At which step does the decoder of a short row hear bos? At which step does it say its "
        "first symbol?",
        SHIFT,
    ),
    (
        "bos-not-heard",
        "[bos, *ids]",
        "[*ids, pad]",
        "At the first step your decoder hears its first target already. What does it hear when it "
        "has said nothing yet?",
        SHIFT,
    ),
)

MASKED_CROSS_ENTROPY = group(
    "masked_cross_entropy",
    (  # L4
        "padding-counts",
        "targets != pad",
        "targets == targets",
        "Add a column of padding to a batch: your loss changes. Whose predictions does it measure "
        "there?",
        LOSS,
    ),
    (
        "padding-in-the-denominator",
        "real.sum().clamp(min=1)",
        "targets.numel()",
        "What you add up is right. Say in words over what the mean is taken, and count those.",
        LOSS,
    ),
    (
        "not-a-number-without-tokens",
        "real.sum().clamp(min=1)",
        "real.sum()",
        "Right as long as there is something to average. What is 0 divided by 0, and what becomes "
        "of the weights after one such step?",
        LOSS,
    ),
    (
        "softmax-over-time",
        "torch.log_softmax(logits, dim=2)",
        "torch.log_softmax(logits, dim=1)",
        "Add up your probabilities at one step: they do not make 1. Along which axis do the "
        "classes lie?",
        LOSS,
    ),
    (  # D10
        "classes-on-the-wrong-axis",
        "torch.log_softmax(logits, dim=2)",
        "torch.log_softmax(logits, dim=1).transpose(1, 2)",
        "With as many steps as classes it runs without complaint and gives another number. On "
        "which axis does the library expect the classes, and on which are they here?",
        LOSS,
    ),
    (  # D9
        "softmax-twice",
        "torch.log_softmax(logits, dim=2)",
        "torch.log_softmax(logits.softmax(dim=2), dim=2)",
        "Raise the score of the right class to 100: your loss does not go to zero. How many "
        "softmaxes lie between the logits and the loss?",
        LOSS,
    ),
    (  # D6
        "logarithm-of-a-rounded-softmax",
        "torch.log_softmax(logits, dim=2)",
        "torch.log(torch.softmax(logits, dim=2))",
        "Right for moderate logits. With huge ones a probability is rounded to zero: what is its "
        "logarithm? Take logarithm and softmax together on paper.",
        LOSS,
    ),
    (
        "sign-of-the-loss",
        "-(of_target * real)",
        "(of_target * real)",
        "A loss of this kind is never below zero. What is the sign of the logarithm of a "
        "probability?",
        LOSS,
    ),
    (
        "mean-of-row-means",
        "-(of_target * real).sum() / real.sum().clamp(min=1)",
        "-((of_target * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)).mean()",
        "Rows of equal length are right. In your loss, does a token of a short row count as much "
        "as one of a long row?",
        LOSS,
    ),
    (
        "sum-for-mean",
        " / real.sum().clamp(min=1)",
        "",
        "Twice as many rows, twice the loss: what should happen to a mean?",
        LOSS,
    ),
    (  # D11
        "zero-is-padding",
        "targets != pad",
        "targets != 0",
        "Right as long as the id for padding is 0. Which id does the caller say it is?",
        LOSS,
    ),
    (  # D5
        "logits-masked",
        "-(of_target * real).sum() / real.sum().clamp(min=1)",
        "-of_target.where(real, logits.detach().mul(0).log_softmax(2)[:, :, 0]).mean()",
        "Every token of padding adds the logarithm of the number of classes. Which prediction are "
        "logits that are all zero: none, or a uniform one?",
        LOSS,
    ),
    (
        "padding-class-removed",
        "torch.log_softmax(logits, dim=2)",
        "torch.log_softmax(logits.index_fill(2, torch.tensor([pad]), -1e9), dim=2)",
        "Your softmax gives no probability to one of the classes. What is masked: tokens whose "
        "target is padding, or a column of the logits?",
        LOSS,
    ),
    (
        "cut-from-the-graph",
        "torch.log_softmax(logits, dim=2)",
        "torch.log_softmax(logits.detach(), dim=2)",
        "The loss is right and nothing can be learned from it: its gradient is zero. Which of your "
        "calls makes a tensor forget where it came from?",
        LOSS,
    ),
)

# Where two mistakes explain as many results, the first is taken: those that spoil few come first.
SEQ2SEQ = group(
    "Seq2Seq",
    (
        "eos-in-the-result",
        "row[: row.index(eos)]",
        "row[: row.index(eos) + 1]",
        "Your rows end with eos. Is the sign that a row is done a part of the row?",
        GREEDY,
    ),
    (
        "eos-kept-and-gone-on",
        "[row[: row.index(eos)] if eos in row else row for row in rows]",
        "rows",
        "Every row is as long as the limit, and eos is just one of its symbols. When is a row "
        "done, and what of it should the caller see?",
        GREEDY,
    ),
    (
        "bos-in-the-result",
        "torch.cat(said, dim=1)[:, 1:]",
        "torch.cat(said, dim=1)",
        "Your rows begin with bos, and the longest have one symbol more than allowed. Who said "
        "that symbol: the decoder, or you?",
        GREEDY,
    ),
    (
        "one-symbol-long",
        "range(max_len)",
        "range(max_len + 1)",
        "Rows without eos are longer than allowed. How often may the decoder speak?",
        GREEDY,
    ),
    (
        "one-symbol-short",
        "range(max_len)",
        "range(max_len - 1)",
        "Rows without eos are one symbol shorter than allowed. How often may the decoder speak?",
        GREEDY,
    ),
    (
        "eos-left-out-and-gone-on",
        "row[: row.index(eos)] if eos in row else row for row in rows",
        "[i for i in row if i != eos] for row in rows",
        "A row goes on after it has said eos, as long as others are not done. What does a decoder "
        "say that was never trained on what comes after the end?",
        GREEDY,
    ),
    (
        "all-rows-end-together",
        "row[: row.index(eos)] if eos in row else row for row in rows",
        "row[: min(r.index(eos) if eos in r else max_len for r in rows)] for row in rows",
        "Decode each row alone, and then the batch: some rows got shorter. When is one row done, "
        "and when are all?",
        GREEDY,
    ),
    (  # L7
        "state-not-carried-in-greedy",
        "h, state = self.writer(self.listen(heard), state)",
        "h, _ = self.writer(self.listen(heard), state)",
        "In greedy every step starts from the context again, so the decoder does not know how far "
        "it has come. Which two things travel from step to step?",
        GREEDY,
    ),
    (
        "bos-heard-at-every-step",
        "self.writer(self.listen(heard), state)",
        "self.writer(self.listen(said[0]), state)",
        "In greedy the decoder hears the same symbol at every step. What did it hear in training "
        "after it had said something?",
        GREEDY,
    ),
    (
        "sampling-for-greedy",
        "self.score(h).argmax(dim=2)",
        "torch.multinomial(self.score(h)[:, 0].softmax(dim=1), 1)",
        "Call greedy twice: the answers differ. Greedy decoding has nothing to do with chance; "
        "which symbol does it take?",
        GREEDY,
    ),
    (
        "context-cut-from-the-graph",
        "return context[None]",
        "return context[None].detach()",
        "The encoder's parameters get no gradient, so it never learns what to say. Where does the "
        "backward pass of the encoder begin, and what stops it?",
        ENCODER,
    ),
    (
        "layer-not-registered",
        "self.listen = nn.Embedding(vocab_out, dim)",
        "self.listen = (lambda ids, layer=nn.Embedding(vocab_out, dim): layer(ids))",
        "Print the names of your module's parameters: some are missing, and an optimizer would "
        "never move them. How does a module learn of its layers?",
        TRANSLATOR,
    ),
    (  # G10, G11
        "context-after-the-padding",
        "context = last_states(h, lengths)",
        "context = h[:, -1]",
        "Change an id behind the end of a source: the logits change. After which symbol is the "
        "state of a short row a summary of the row, and of nothing else?",
        LAST,
    ),
    (
        "context-before-the-last-symbol",
        "last_states(h, lengths)",
        "last_states(h, (lengths - 1).clamp(min=1))",
        "Change the last real symbol of a source: nothing happens. Which state has read it?",
        LAST,
    ),
    (
        "context-from-the-first-symbol",
        "context = last_states(h, lengths)",
        "context = h[:, 0]",
        "Only the first symbol of a source matters to your decoder. Which state of the encoder has "
        "read all of them?",
        LAST,
    ),
    (
        "batch-read-as-time",
        "self.reader = nn.GRU(dim, dim, batch_first=True)",
        "self.reader = nn.GRU(dim, dim)",
        "A row gives other logits in a batch than alone. Which axis does the library's layer take "
        "for time, if you do not say?",
        ENCODER,
    ),
    (  # D9
        "probabilities-for-logits",
        "return self.score(h)\n",
        "return self.score(h).softmax(dim=2)\n",
        "At every step your logits add up to 1. The loss applies a softmax of its own: how small "
        "can it get then, even for a perfect answer?",
        LOSS,
    ),
    (  # G5
        "steps-see-each-other",
        "return self.score(h)\n",
        "return self.score(h + h.mean(dim=1, keepdim=True))\n",
        "Your logits change when a later decoder input does, and in training that input is the "
        "answer. Which steps may a step look at?",
        LEAK,
    ),
    (
        "state-renewed-at-every-step",
        "h, _ = self.writer(self.listen(decoder_in), state)",
        "h = torch.cat([self.writer(self.listen(i), state)[0] for i in decoder_in.split(1, 1)], 1)",
        "In forward, every step starts from the context again: the decoder knows the symbol before "
        "and not how far it has come. What should the state of a step start from?",
        GREEDY,
    ),
    (  # G5
        "decoder-reads-from-the-end",
        "h, _ = self.writer(self.listen(decoder_in), state)",
        "h = self.writer(self.listen(decoder_in).flip(1), state)[0].flip(1)",
        "Change the last decoder input: the first logits change. Will that symbol be there when "
        "the decoder writes alone?",
        LEAK,
    ),
    (
        "no-state-in-forward",
        "h, _ = self.writer(self.listen(decoder_in), state)",
        "h = self.listen(decoder_in) + state[0, :, None]",
        "In forward, only the latest decoder input reaches the logits. How should the ones before "
        "it be remembered?",
        FORCING,
    ),
    (
        "bag-of-symbols",
        "h, _ = self.reader(self.look(src))",
        "h = self.look(src).cumsum(dim=1)",
        "Turn a source around: the logits stay the same. What in your encoder knows about order, "
        "and do all of its parameters take part?",
        ENCODER,
    ),
    (
        "decoder-without-context",
        "self.writer(self.listen(decoder_in), state)",
        "self.writer(self.listen(decoder_in))",
        "In forward, two different sources have the same logits. Which arrow leads from the "
        "encoder to the decoder?",
        ENCODER,
    ),
)

MISCONCEPTIONS = [
    *STACKED_FORWARD,
    *REVERSE_PADDED,
    *BIDIRECTIONAL_FORWARD,
    *LAST_STATES,
    *TREE_RNN,
    *SHIFT_TARGETS,
    *MASKED_CROSS_ENTROPY,
    *SEQ2SEQ,
]
