"""Mistakes that people make in assignment a2, each as one replacement in the reference.

A hint asks the question whose answer is the mistake; it never names the line that would mend it.
Ids such as C1 or H1 in comments are those of the course's list of known mistakes.
"""

from autograder.source import Misconception

CHAPTER = "chapters/04-language-models.html"
MODEL = f"{CHAPTER}#sec-language-model"
HELLO = f"{CHAPTER}#hello-by-hand"
LOOKUP = f"{CHAPTER}#embedding-lookup"
EMBEDDING = f"{CHAPTER}#embedding-gradient"
TRAPS = f"{CHAPTER}#sec-loss-traps"
PERPLEXITY = f"{CHAPTER}#perplexity"
STRIPS = f"{CHAPTER}#contiguous-strips"
CARRY = f"{CHAPTER}#carry-and-cut"
LOOP = f"{CHAPTER}#training-loop"
CLIPPING = f"{CHAPTER}#clipping-preview"
TEMPERATURE = f"{CHAPTER}#temperature"
ARGMAX = f"{CHAPTER}#why-not-argmax"
VECTOR = f"{CHAPTER}#why-not-the-vector"
TWO_CHILDREN = "chapters/03-bptt.html#two-children"
STEP_BACKWARD = "chapters/03-bptt.html#step-backward"
RECURSION = "chapters/03-bptt.html#bptt-recursion"
SHARED = "chapters/03-bptt.html#shared-weights"
SOFTMAX = "chapters/03-bptt.html#softmax-gradient"
AFFINE = "chapters/03-bptt.html#affine-backward"
STEP = "chapters/02-vanilla-rnn.html#one-step"
UNROLLED = "chapters/02-vanilla-rnn.html#unrolled-sequence"


def group(exercise: str, *rows: tuple[str, str, str, str, str]) -> list[Misconception]:
    """Misconceptions of one exercise from (name, find, replace, hint, link)."""
    return [Misconception(exercise, *row) for row in rows]


WORD_EMBEDDING_FORWARD = group(
    "word_embedding_forward",
    (  # C5
        "row-before",
        "W[ids]",
        "W[ids - 1]",
        "Look at the character with the lowest id: which row did it get? NumPy takes a negative "
        "index without a word.",
        LOOKUP,
    ),
    (  # C5
        "row-after",
        "W[ids]",
        "W[(ids + 1) % len(W)]",
        "Every character has got the row of its neighbour. At which number do your ids begin to "
        "count, and at which do the rows?",
        LOOKUP,
    ),
    (
        "batch-and-time-swapped",
        "W[ids]",
        "W[ids.T]",
        "The rows are right and lie in the wrong order: which axis of the result is the batch, and "
        "which is time?",
        LOOKUP,
    ),
    (  # D1
        "batch-and-time-scrambled",
        "W[ids]",
        "W[ids.T].reshape(*ids.shape, -1)",
        "The shape is right and the rows are mixed up. Reshaping never moves a number in memory; "
        "does it do what you need after a transpose?",
        LOOKUP,
    ),
    (
        "flattened",
        "W[ids]",
        "W[ids.ravel()]",
        "All rows are there, one below the other. Which axes should the result have?",
        LOOKUP,
    ),
    (
        "bag-of-characters",
        "W[ids]",
        "W[ids].mean(axis=1)",
        "One vector per text does not tell 'not bad' from 'bad not'. How many vectors does a text "
        "of T characters become?",
        LOOKUP,
    ),
    (  # C3
        "lowest-id-taken-for-padding",
        "W[ids]",
        "W[ids] * (ids > 0)[..., None]",
        "One character has a vector of zeros. Is there any padding in this exercise, or is every "
        "id a character?",
        EMBEDDING,
    ),
    (
        "one-hot-returned",
        "W[ids]",
        "np.eye(len(W))[ids]",
        "Your result consists of zeros and ones. That is the vector before the product: what is it "
        "multiplied by?",
        LOOKUP,
    ),
    (
        "rows-normalised",
        "W[ids]",
        "W[ids] / np.linalg.norm(W[ids], axis=-1, keepdims=True)",
        "All of your vectors have the length 1. Does looking up a row change its length?",
        LOOKUP,
    ),
    (
        "rows-scaled",
        "W[ids]",
        "W[ids] * np.sqrt(W.shape[1])",
        "Your rows are longer than those of the matrix. Some architectures scale them by the root "
        "of their size; does this one?",
        LOOKUP,
    ),
)

WORD_EMBEDDING_BACKWARD = group(
    "word_embedding_backward",
    (  # C1
        "duplicates-overwritten",
        "np.add.at(dW, ids, dout)",
        "dW[ids] += dout",
        "Where an id occurs twice, only one of the two contributions arrives. How often does NumPy "
        "write to a place that is named twice in one indexed statement?",
        EMBEDDING,
    ),
    (
        "occurrences-averaged",
        "np.add.at(dW, ids, dout)",
        "np.add.at(dW, ids, dout / np.bincount(ids.ravel())[ids][..., None])",
        "A row that is used at several places acts on the loss at all of them. What does the chain "
        "rule do with several ways from a variable to the loss?",
        EMBEDDING,
    ),
    (
        "averaged-over-the-batch",
        "ids, dout)",
        "ids, dout / len(ids))",
        "All of the gradient is too small by the number of rows. Where has the loss been averaged "
        "already, if it is a mean?",
        EMBEDDING,
    ),
    (
        "averaged-over-time",
        "ids, dout)",
        "ids, dout / ids.shape[1])",
        "All of the gradient is too small by the number of steps. Is anything averaged in a "
        "backward pass that was not averaged forward?",
        EMBEDDING,
    ),
    (
        "averaged-over-tokens",
        "ids, dout)",
        "ids, dout / ids.size)",
        "All of the gradient is too small by the number of characters. If the loss is a mean, who "
        "has divided by that number before you get dout?",
        EMBEDDING,
    ),
    (  # C3
        "lowest-id-not-trained",
        "return dW",
        "return dW * (np.arange(len(dW)) > 0)[:, None]",
        "The row of the lowest id never learns. Is there any padding in this exercise, or is every "
        "id a character?",
        EMBEDDING,
    ),
    (  # C5
        "gradient-to-the-row-before",
        "(dW, ids, dout)",
        "(dW, ids - 1, dout)",
        "The sums are right and stand in the wrong rows. Which row did the forward pass take for "
        "the lowest id?",
        LOOKUP,
    ),
    (
        "only-rows-that-occur",
        "return dW",
        "return dW[np.unique(ids)]",
        "What is the gradient of a row that nobody looked up? It has a place in the result all the "
        "same.",
        EMBEDDING,
    ),
    (
        "last-step-only",
        "(dW, ids, dout)",
        "(dW, ids[:, -1], dout[:, -1])",
        "Only the last character of each text reaches the embedding. At how many steps was it "
        "read?",
        EMBEDDING,
    ),
    (
        "first-row-of-the-batch-only",
        "(dW, ids, dout)",
        "(dW, ids[0], dout[0])",
        "Only one text of the batch reaches the embedding. Who else has looked up rows?",
        EMBEDDING,
    ),
    (
        "wrong-sign",
        "np.add.at(dW, ids, dout)",
        "np.subtract.at(dW, ids, dout)",
        "You return the step that a training loop would make, not the gradient. Who takes care of "
        "the sign?",
        EMBEDDING,
    ),
    (
        "transposed",
        "return dW",
        "return dW.T",
        "A gradient has the shape of what it belongs to. What is the shape of the embedding?",
        EMBEDDING,
    ),
    (
        "bag-of-gradients",
        "ids, dout)",
        "ids, np.broadcast_to(dout.mean(axis=1, keepdims=True), dout.shape))",
        "Each character gets the same gradient as all others of its text. Which part of dout "
        "belongs to which step?",
        EMBEDDING,
    ),
)

BATCHIFY = group(
    "batchify",
    (
        "targets-are-the-inputs",
        "strips[:, start + 1 : start + seq_len + 1]",
        "x",
        "Your targets are the inputs themselves, and the loss will fall to zero at once. What is "
        "the model to predict?",
        MODEL,
    ),
    (
        "targets-two-places-later",
        "start + 1 : start + seq_len + 1",
        "start + 2 : start + seq_len + 2",
        "Write down the first three characters of a text, and below each of them what follows. "
        "How far are your targets from the inputs?",
        MODEL,
    ),
    (  # L2
        "targets-one-place-earlier",
        "strips[:, start + 1 : start + seq_len + 1]",
        "np.roll(strips, 1, axis=1)[:, start : start + seq_len]",
        "Your targets lie before the inputs: the model would learn to say what it has just read. "
        "In which direction does the text go on?",
        MODEL,
    ),
    (
        "inputs-and-targets-swapped",
        "append((x, y))",
        "append((y, x))",
        "The second of each pair comes earlier in the text than the first. Which of the two is "
        "read, and which is predicted?",
        MODEL,
    ),
    (
        "last-target-from-the-beginning",
        "strips[:, start + 1 : start + seq_len + 1]",
        "np.roll(x, -1, axis=1)",
        "The last target of each row is the first input of the same chunk. Which character follows "
        "the last one of a chunk in the text?",
        STRIPS,
    ),
    (
        "targets-from-within-the-chunk",
        "batches.append((x, y))",
        "batches.append((x[:, :-1], x[:, 1:]))",
        "Your batches are one column too narrow. Where does the target of the last input come "
        "from, and which prediction is lost if there is none?",
        STRIPS,
    ),
    (
        "rows-take-turns",
        ".reshape(batch_size, S)",
        ".reshape(S, batch_size).T",
        "Read a row of x from left to right: is that a piece of the text, or every so-manyth "
        "character of it?",
        STRIPS,
    ),
    (  # H8
        "windows-fill-the-rows",
        "batches.append((x, y))",
        "batches.append([ids[k * batch_size * seq_len + d :][: batch_size * seq_len]"
        ".reshape(batch_size, seq_len) for d in (0, 1)])",
        "Within a batch all is well. Take row 0 of the second batch: does it go on where row 0 of "
        "the first one stopped? The state that is carried over believes it does.",
        STRIPS,
    ),
    (
        "short-batch-kept",
        "range((S - 1) // seq_len)",
        "range(-(-(S - 1) // seq_len))",
        "Your last batch is narrower than the others. What happens to what does not fill a whole "
        "chunk?",
        STRIPS,
    ),
    (
        "no-room-for-the-last-target",
        "(S - 1) // seq_len",
        "S // seq_len",
        "Take a strip that is exactly as long as its chunks. Which character is the target of the "
        "very last input?",
        STRIPS,
    ),
    (
        "last-batch-missing",
        "(S - 1) // seq_len",
        "(S - 1) // seq_len - 1",
        "Count by hand for the alphabet in three rows: how many batches are there, and how many do "
        "you return?",
        STRIPS,
    ),
    (
        "chunks-overlap-by-one",
        "start = k * seq_len",
        "start = k * (seq_len - 1)",
        "Compare the last column of one batch with the first of the next: one character is read "
        "twice. Where does the next chunk begin?",
        STRIPS,
    ),
    (
        "window-moves-by-one",
        "start = k * seq_len",
        "start = k",
        "Two batches in a row have nearly the same columns. By how much does the window move on "
        "from batch to batch, if the state is to be carried?",
        STRIPS,
    ),
    (
        "left-over-at-the-beginning",
        "ids[: batch_size * S]",
        "ids[len(ids) - batch_size * S :]",
        "Your rows do not begin with the first character of the text. At which end is what does "
        "not fill a row left over?",
        STRIPS,
    ),
    (
        "last-id-cut-first",
        "S = len(ids) // batch_size",
        "S = (len(ids) - 1) // batch_size",
        "Try a text whose length is a multiple of the rows: your strips are too short. Is the "
        "target of a last input always beyond the end of all strips?",
        STRIPS,
    ),
)

CLIP_GRADIENTS = group(
    "clip_gradients",
    (  # J1
        "squared-norm",
        "np.sqrt(sum(squares))",
        "sum(squares)",
        "Measure the length again after clipping: is it max_norm? Try a gradient of length 10, and "
        "one between 0 and 1.",
        CLIPPING,
    ),
    (  # J2
        "each-array-on-its-own",
        "grad *= max_norm / total_norm",
        "grad *= min(1.0, max_norm / np.linalg.norm(grad))",
        "Clipping should keep the direction of the whole gradient. Do your arrays still have the "
        "same proportions to each other?",
        CLIPPING,
    ),
    (  # J4
        "always-rescaled",
        "if total_norm > max_norm:",
        "if total_norm > 0:",
        "A short gradient becomes longer in your hands. What should happen to one that is allowed "
        "already?",
        CLIPPING,
    ),
    (
        "elements-clipped",
        "grad *= max_norm / total_norm",
        "np.clip(grad, -max_norm, max_norm, out=grad)",
        "You bound each element. Measure the length of all of them together afterwards, and look "
        "whether the direction is still the same.",
        CLIPPING,
    ),
    (
        "copy-scaled",
        "grad *= max_norm / total_norm",
        "grad = grad * (max_norm / total_norm)",
        "The arrays come back as they were. Does your statement change an array, or does it make "
        "another one and give it a name?",
        CLIPPING,
    ),
    (
        "new-arrays-in-the-dictionary",
        "grad *= max_norm / total_norm",
        "grads |= {k: v * (max_norm / total_norm) for k, v in grads.items() if v is grad}",
        "The dictionary has new arrays, and the caller's own are as they were. What does 'in "
        "place' ask for?",
        CLIPPING,
    ),
    (
        "norm-after-clipping",
        "return total_norm",
        "return min(total_norm, max_norm)",
        "A training loop wants to plot how steep it was. At which moment do you measure what you "
        "return?",
        CLIPPING,
    ),
    (
        "mean-for-sum",
        "np.sum(grad**2)",
        "np.mean(grad**2)",
        "How long is the vector (3, 4)? Your length gets shorter the more elements an array has.",
        CLIPPING,
    ),
    (
        "sum-of-absolute-values",
        "np.sum(grad**2)",
        "np.sum(np.abs(grad)) ** 2",
        "How long is the vector (3, 4): five, or seven?",
        CLIPPING,
    ),
    (
        "longest-array-counts",
        "np.sqrt(sum(squares))",
        "np.sqrt(max(squares))",
        "Two arrays of length 3 and 4 make up one long vector. How long is it? Yours has the "
        "length of the longer one.",
        CLIPPING,
    ),
    (
        "lengths-added",
        "np.sqrt(sum(squares))",
        "sum(np.sqrt(squares))",
        "Two arrays of length 3 and 4 make up one long vector. Is it 7 long?",
        CLIPPING,
    ),
    (
        "factor-upside-down",
        "max_norm / total_norm",
        "total_norm / max_norm",
        "A gradient that is too long gets longer. Is your factor below 1?",
        CLIPPING,
    ),
    (
        "scaled-to-length-one",
        "grad *= max_norm / total_norm",
        "grad /= total_norm",
        "Measure the length after clipping: you get 1, whatever is allowed.",
        CLIPPING,
    ),
    (
        "divided-by-the-square",
        "max_norm / total_norm",
        "max_norm / total_norm**2",
        "The number that you return is right, and the length after clipping is not max_norm: the "
        "longer the gradient was, the shorter it becomes. By what do you divide?",
        CLIPPING,
    ),
    (
        "short-ones-clipped",
        "total_norm > max_norm",
        "total_norm < max_norm",
        "You scale what is allowed and leave alone what is too long. When is there a reason to "
        "clip?",
        CLIPPING,
    ),
    (
        "divided-by-zero",
        "if total_norm > max_norm:",
        "if total_norm > max_norm or total_norm == 0:",
        "What does your function do with a gradient that is zero everywhere? By which number does "
        "it divide?",
        CLIPPING,
    ),
)

CHAR_RNN_STEP = group(
    "char_rnn_step",
    (  # B3
        "gradient-not-carried",
        "carried = da @ Wh.T",
        "carried = 0.0",
        "A state is read by its own output and by the next step. Which of the two gradients is "
        "missing in your backward loop?",
        TWO_CHILDREN,
    ),
    (  # B4
        "own-output-forgotten",
        "(dh[:, t] + carried)",
        "(dh[:, t] if t == T - 1 else carried)",
        "A state is read by its own output and by the next step. At all steps but the last, which "
        "of the two gradients is missing?",
        TWO_CHILDREN,
    ),
    (  # A5
        "carried-not-transposed",
        "carried = da @ Wh.T",
        "carried = da @ Wh",
        "Forward, the old state is multiplied by Wh. On the way back, which index of it is summed "
        "over? The shapes do not tell, because it is square.",
        STEP_BACKWARD,
    ),
    (
        "carried-past-the-tanh",
        "carried = da @ Wh.T",
        "carried = (dh[:, t] + carried) @ Wh.T",
        "The gradient that goes on to the step before has to pass the tanh of this step first. "
        "From which quantity does yours start?",
        STEP_BACKWARD,
    ),
    (
        "backward-in-reading-order",
        "reversed(range(T))",
        "range(T)",
        "Which step's gradient must be known before that of step t can be worked out: that of the "
        "step before or that of the step after?",
        RECURSION,
    ),
    (  # B1
        "initial-state-ignored",
        "states = [h0]",
        "states = [0 * h0]",
        "Change h0 and look at the loss: it stays the same. What does the network know of the text "
        "before this chunk?",
        CARRY,
    ),
    (  # B2
        "initial-state-at-every-step",
        "states[t] @ Wh",
        "states[0] @ Wh",
        "Which state does step 3 start from? Yours starts every step from the same one.",
        UNROLLED,
    ),
    (  # A1
        "transposed-recurrence",
        "states[t] @ Wh",
        "states[t] @ Wh.T",
        "States are rows: (N, H) times (H, H). Wh[i, j] is the weight from unit i of the old state "
        "to unit j of the new one. Which index does your product sum over?",
        STEP,
    ),
    (
        "initial-state-returned",
        "grads, states[-1]",
        "grads, h0",
        "The next chunk goes on where this one stopped. Which state is that? You return the one "
        "that you were given.",
        CARRY,
    ),
    (
        "all-states-returned",
        "grads, states[-1]",
        "grads, h",
        "The next chunk needs one state per row of the batch. How many do you return?",
        CARRY,
    ),
    (  # H1
        "zero-state-returned",
        "grads, states[-1]",
        "grads, 0 * h0",
        "At the border of two chunks the gradient is cut. What about the value of the state: does "
        "the next chunk have to forget the text so far?",
        CARRY,
    ),
    (
        "state-before-the-last-step",
        "grads, states[-1]",
        "grads, states[-2]",
        "Has the state that you return seen the last character of the chunk?",
        CARRY,
    ),
    (  # D2
        "mean-over-rows-only",
        "T, tokens = x.shape[1], x.size",
        "T, tokens = x.shape[1], len(x)",
        "Loss and gradients are too large by the number of steps. Say in words over what the mean "
        "is taken.",
        HELLO,
    ),
    (
        "mean-over-steps-only",
        "T, tokens = x.shape[1], x.size",
        "T, tokens = x.shape[1], x.shape[1]",
        "Loss and gradients are too large by the number of rows. Say in words over what the mean "
        "is taken.",
        HELLO,
    ),
    (
        "sum-for-mean",
        "T, tokens = x.shape[1], x.size",
        "T, tokens = x.shape[1], 1",
        "Your loss grows with the size of the chunk. What is a blind guess among V characters to "
        "cost, per character?",
        HELLO,
    ),
    (
        "gradient-not-averaged",
        "(np.exp(log_probs) - right) / tokens",
        "np.exp(log_probs) - right",
        "The loss is a mean, the gradients are those of a sum. Loss and gradient must belong to "
        "the same function.",
        HELLO,
    ),
    (
        "loss-not-averaged",
        "loss = -np.sum(log_probs * right) / tokens",
        "loss = -np.sum(log_probs * right)",
        "The gradients are those of a mean, the loss is a sum. Loss and gradient must belong to "
        "the same function.",
        HELLO,
    ),
    (
        "loss-in-bits",
        "loss = -np.sum(log_probs * right) / tokens",
        "loss = -np.sum(log_probs * right) / tokens / np.log(2)",
        "A blind guess among V characters should cost the natural logarithm of V. Which logarithm "
        "is yours?",
        PERPLEXITY,
    ),
    (
        "perplexity-returned",
        "float(loss)",
        "float(np.exp(loss))",
        "A perfect model would have the loss 1 with you. Which of the two numbers is the loss, and "
        "which the perplexity?",
        PERPLEXITY,
    ),
    (
        "targets-are-the-inputs",
        "np.eye(Wy.shape[1])[y]",
        "np.eye(Wy.shape[1])[x]",
        "Change y and look at the loss: it stays the same. Which character is the network to "
        "predict at each step?",
        MODEL,
    ),
    (  # D6
        "exp-overflows",
        "logits - logits.max(axis=2, keepdims=True)",
        "1.0 * logits",
        "Right for moderate logits, but the exponential of 1000 is infinite. By how much may all "
        "logits of a token be moved without changing the softmax?",
        TRAPS,
    ),
    (  # D10
        "softmax-over-time",
        "np.exp(shifted).sum(axis=2",
        "np.exp(shifted).sum(axis=1",
        "Add up your probabilities for one character: do you get 1? Over which axis is the softmax "
        "taken?",
        TRAPS,
    ),
    (
        "logit-gradient-wrong-sign",
        "(np.exp(log_probs) - right)",
        "(right - np.exp(log_probs))",
        "All gradients have the wrong sign. If the right character gets a higher logit, does the "
        "loss rise or fall?",
        SOFTMAX,
    ),
    (  # I10
        "squared-error-gradient",
        "(np.exp(log_probs) - right) / tokens",
        "(np.exp(log_probs) - right) * np.exp(log_probs) * (1 - np.exp(log_probs)) / tokens",
        "The loss is not a squared error, and the softmax does not act on each logit alone. Which "
        "derivative does the loss have at the logits?",
        SOFTMAX,
    ),
    (
        "softmax-alone-as-gradient",
        "(np.exp(log_probs) - right) / tokens",
        "np.exp(log_probs) / tokens",
        "Add up the gradient at the logits of one token: what the right character gains, the "
        "others lose. Do you get zero?",
        SOFTMAX,
    ),
    (  # A2
        "no-tanh-derivative",
        " * (1 - h[:, t] ** 2)",
        "",
        "Which node sits between the pre-activation and the state? The gradient is multiplied by "
        "its local derivative on the way back.",
        STEP_BACKWARD,
    ),
    (
        "tanh-derivative-not-squared",
        "(1 - h[:, t] ** 2)",
        "(1 - h[:, t])",
        "The slope of tanh is never above 1, and the same for a state and its negative. Is yours?",
        STEP_BACKWARD,
    ),
    (
        "tanh-derivative-of-the-state-before",
        "(1 - h[:, t] ** 2)",
        "(1 - states[t] ** 2)",
        "The slope of tanh is taken at the step that the gradient passes through. Which of the "
        "two states, before or after it, belongs to that tanh?",
        STEP_BACKWARD,
    ),
    (  # A6
        "dwh-from-the-new-state",
        "states[t].T @ da",
        "states[t + 1].T @ da",
        "Only dWh is off. In the forward step Wh is multiplied by a state: by the one before the "
        "step or by the one after it?",
        STEP_BACKWARD,
    ),
    (  # B5
        "dwh-overwritten",
        'grads["Wh"] += states',
        'grads["Wh"] = states',
        "Only dWh is off: it is that of one step. How many steps have used these weights?",
        SHARED,
    ),
    (
        "dwx-overwritten",
        'grads["Wx"] += inputs',
        'grads["Wx"] = inputs',
        "Only dWx is off: it is that of one step. How many steps have used these weights?",
        SHARED,
    ),
    (
        "db-overwritten",
        'grads["b"] += da',
        'grads["b"] = da',
        "Only db is off: it is that of one step. How many steps have added this bias?",
        SHARED,
    ),
    (  # A7
        "db-averaged",
        'grads["b"] += da.sum(axis=0)',
        'grads["b"] += da.mean(axis=0)',
        "Only db is off, by the number of rows. The loss has decided about averaging already; how "
        "often is b added in one step?",
        SHARED,
    ),
    (
        "dby-averaged",
        "dlogits.sum(axis=(0, 1))",
        "dlogits.mean(axis=(0, 1))",
        "Only dby is off, by the number of tokens. The loss has been averaged already; how often "
        "is by added in a chunk?",
        AFFINE,
    ),
    (
        "dby-of-the-last-step",
        "dlogits.sum(axis=(0, 1))",
        "dlogits[:, -1].sum(axis=0)",
        "Only dby is off: it is that of the last step. How many steps have an output?",
        SHARED,
    ),
    (  # B9
        "dwh-averaged-over-time",
        "states[t].T @ da",
        "states[t].T @ da / T",
        "Only dWh is off, by the number of steps. Is the sum over the uses of a shared weight an "
        "average?",
        SHARED,
    ),
    (
        "bias-missing",
        'states[t] @ Wh + params["b"]',
        "states[t] @ Wh",
        "Change b and look at the loss: it stays the same. Which terms add up to the "
        "pre-activation?",
        STEP,
    ),
    (
        "output-bias-missing",
        'h @ Wy + params["by"]',
        "h @ Wy",
        "Change by and look at the loss: it stays the same. How do the logits come from the state?",
        STEP,
    ),
    (  # C1
        "embedding-duplicates-overwritten",
        "word_embedding_backward(dinputs, cache)",
        "np.array([dinputs[x == v][-1] if (x == v).any() else row for v, row in enumerate("
        'grads["embed"])])',
        "Only the gradient of the embedding is off: a character that is read twice in the chunk "
        "has collected one of its two contributions.",
        EMBEDDING,
    ),
    (
        "embedding-of-the-targets",
        "word_embedding_backward(dinputs, cache)",
        "word_embedding_backward(dinputs, word_embedding_forward(y, params['embed'])[1])",
        "Only the gradient of the embedding is off: the sums stand in the rows of other "
        "characters. Were they the ones that were read?",
        EMBEDDING,
    ),
    (
        "embedding-not-trained",
        'grads["embed"] = word_embedding_backward',
        "word_embedding_backward",
        "The gradient of the embedding is zero. Are its rows parameters like the others, or fixed?",
        LOOKUP,
    ),
)

SAMPLE = group(
    "sample",
    (  # I4
        "argmax-for-sampling",
        "temperature == 0",
        "temperature >= 0",
        "Write twice from the same start: you get the same text every time, at every temperature. "
        "Is the most probable character a draw from the distribution?",
        ARGMAX,
    ),
    (  # I1
        "temperature-multiplied",
        "/ temperature)",
        "* temperature)",
        "Let the temperature go to zero: the most probable character should be all that is left. "
        "With you the choice becomes uniform.",
        TEMPERATURE,
    ),
    (
        "temperature-ignored",
        " / temperature)",
        ")",
        "Your texts are equally adventurous at every temperature. Where does it enter?",
        TEMPERATURE,
    ),
    (
        "exp-overflows",
        "np.exp((logits - logits.max()) / temperature)",
        "np.exp(logits / temperature)",
        "Logits divided by a small temperature are huge, and their exponential is infinite. By how "
        "much may all of them be moved without changing the softmax?",
        TEMPERATURE,
    ),
    (
        "temperature-zero-divides",
        "temperature == 0",
        "temperature < 0",
        "What does your function do at temperature 0? It is a legal value, and there is nothing to "
        "divide by.",
        TEMPERATURE,
    ),
    (
        "state-not-carried",
        'state @ params["Wh"]',
        'h @ params["Wh"]',
        "The first character is right, then the model writes as if it had read only one. Which "
        "state does the second step start from?",
        CARRY,
    ),
    (
        "state-restarted-at-zero",
        "state, last = h, first_id",
        "state, last = 0 * h, first_id",
        "Change h and count again: nothing changes. What does the model know of the text before "
        "first_id?",
        CARRY,
    ),
    (
        "first-character-fed-again",
        'params["embed"][last]',
        'params["embed"][first_id]',
        "The first character is right, then it goes wrong. What does the model read after it has "
        "written one?",
        HELLO,
    ),
    (
        "first-id-not-fed",
        "state, last = h, first_id",
        "state, last = h, 0",
        "Change first_id and count again: nothing changes. Which character does the model read "
        "first?",
        HELLO,
    ),
    (
        "first-id-returned",
        "np.array(ids, dtype=int)",
        "np.array([first_id, *ids[:-1]], dtype=int)",
        "Every text of yours begins with the same character. Was that one drawn, or was it given?",
        HELLO,
    ),
    (  # I8
        "probabilities-fed-back",
        'x = params["embed"][last]',
        'x = params["embed"][last] if not ids or temperature == 0 else '
        'weights / weights.sum() @ params["embed"]',
        "The first character is right, then it goes wrong. In training the model read characters; "
        "what does it read with you after the first one, a character or a mixture of all?",
        VECTOR,
    ),
    (  # I5
        "seeded-in-every-call",
        "state, last = h, first_id",
        "state, last, rng = h, first_id, np.random.default_rng(832)",
        "Draw a thousand texts with the same generator: they come out all the same. How many "
        "generators are there, and when is each of them made?",
        ARGMAX,
    ),
    (
        "global-generator",
        "rng.choice",
        "np.random.choice",
        "Call it twice with generators in the same state: two different texts. From where do your "
        "random numbers come?",
        ARGMAX,
    ),
    (  # I3
        "softmax-twice",
        "p=weights / weights.sum()",
        "p=(lambda q: q / q.sum())(np.exp(weights / weights.sum()))",
        "Your distribution is much too flat at every temperature. How often is an exponential "
        "taken on the way from the logits to the probabilities?",
        TEMPERATURE,
    ),
    (
        "all-characters-equally-likely",
        ", p=weights / weights.sum()",
        "",
        "All characters are equally frequent in your texts. Who tells the generator about the "
        "probabilities?",
        TEMPERATURE,
    ),
    (
        "output-bias-missing",
        'state @ params["Wy"] + params["by"]',
        'state @ params["Wy"]',
        "The logits are an affine function of the state. Which part of it is missing?",
        STEP,
    ),
    (
        "bias-missing",
        'state @ params["Wh"] + params["b"]',
        'state @ params["Wh"]',
        "Compare your step with that of training: which terms add up to the pre-activation?",
        STEP,
    ),
    (
        "no-tanh",
        "np.tanh(x @",
        "(x @",
        "Compare your step with that of training: what stands between the pre-activation and the "
        "state?",
        STEP,
    ),
    (
        "squares-for-exponentials",
        "np.exp((logits - logits.max()) / temperature)",
        "((logits - logits.min()) / (np.ptp(logits) + 1e-9)) ** (1 / max(temperature, 0.01))",
        "Probabilities come from logits by way of a softmax. Does your way from one to the other "
        "have an exponential in it?",
        TEMPERATURE,
    ),
)

PERPLEXITY_ = group(
    "perplexity",
    (  # D12
        "mean-of-batch-means",
        "np.exp(np.sum(nll_sums) / tokens)",
        "np.exp(np.mean(np.divide(nll_sums, token_counts)))",
        "A batch of one token weighs as much as one of sixty with you. Is every token to count the "
        "same, or every batch?",
        PERPLEXITY,
    ),
    (  # D12
        "mean-of-the-means-of-full-batches",
        "np.exp(np.sum(nll_sums) / tokens)",
        "np.exp(np.mean([a / n for a, n in zip(nll_sums, token_counts) if n]))",
        "A short batch weighs as much as a long one with you. Is every token to count the same, or "
        "every batch that has any?",
        PERPLEXITY,
    ),
    (  # D12
        "mean-of-perplexities",
        "np.exp(np.sum(nll_sums) / tokens)",
        "np.mean(np.exp(np.divide(nll_sums, token_counts)))",
        "You take an exponential in each batch and a mean afterwards. How many exponentials does "
        "the definition have?",
        PERPLEXITY,
    ),
    (
        "perplexities-weighted",
        "np.exp(np.sum(nll_sums) / tokens)",
        "np.average(np.exp(np.divide(nll_sums, np.maximum(token_counts, 1))), "
        "weights=token_counts)",
        "Your weights are right, but the exponential of a mean is not the mean of exponentials. In "
        "which order does the definition take them?",
        PERPLEXITY,
    ),
    (  # D13
        "two-to-the-nats",
        "np.exp(np.sum(nll_sums) / tokens)",
        "2 ** (np.sum(nll_sums) / tokens)",
        "A model that is blind among V characters has perplexity V. Does yours? The sums are in "
        "nats.",
        PERPLEXITY,
    ),
    (
        "e-to-the-bits",
        "np.exp(np.sum(nll_sums) / tokens)",
        "np.exp(np.sum(nll_sums) / tokens / np.log(2))",
        "A model that is blind among V characters has perplexity V. Does yours? Bits and nats do "
        "not go with the same base.",
        PERPLEXITY,
    ),
    (
        "no-exponential",
        "np.exp(np.sum(nll_sums) / tokens)",
        "(np.sum(nll_sums) / tokens)",
        "That is the mean loss in nats. A model that is blind among V characters has perplexity V; "
        "what does it have with you?",
        PERPLEXITY,
    ),
    (
        "mean-over-batches",
        "np.sum(nll_sums) / tokens",
        "np.mean(nll_sums)",
        "Cut the same text into half as many batches: your number changes. By what should the "
        "total be divided?",
        PERPLEXITY,
    ),
    (
        "total-not-divided",
        "np.sum(nll_sums) / tokens",
        "np.sum(nll_sums)",
        "Your number grows with the length of the text. Perplexity is a property of one token on "
        "average.",
        PERPLEXITY,
    ),
    (
        "wrong-sign",
        "np.exp(np.sum(nll_sums) / tokens)",
        "np.exp(-np.sum(nll_sums) / tokens)",
        "A perplexity is never below 1. Yours is a mean probability: which way round does it have "
        "to stand?",
        PERPLEXITY,
    ),
    (
        "no-tokens-accepted",
        "tokens == 0",
        "tokens < 0",
        "What do you return when there is nothing to average over? A number that nobody notices is "
        "worse than an error.",
        PERPLEXITY,
    ),
    (
        "empty-batch-refused",
        "tokens == 0",
        "not np.all(token_counts) or tokens == 0",
        "One batch without tokens is no reason to give up. When is the perplexity not defined?",
        PERPLEXITY,
    ),
    (
        "one-batch-too-few",
        "tokens = np.sum(token_counts)",
        "tokens = np.sum(token_counts[:-1])",
        "The tokens of one batch are not counted, though its surprise is. Try a single batch.",
        PERPLEXITY,
    ),
)

TRAIN_CHAR_RNN = group(
    "train_char_rnn",
    (
        "parameters-not-moved",
        "params[name] -= rate",
        "params[name] - rate",
        "The loss of the last steps is that of the first. Which statement of your loop changes the "
        "parameters that are returned?",
        LOOP,
    ),
    (
        "uphill",
        "params[name] -= rate",
        "params[name] += rate",
        "The loss rises from step to step. In which direction does the gradient point?",
        LOOP,
    ),
    (
        "weights-begin-at-zero",
        "rng.normal(0, 1 / np.sqrt(fan_in), (fan_in, fan_out))",
        "np.zeros((fan_in, fan_out))",
        "With weights of zero the state is zero, and the gradients of the weights before and "
        "behind it are products with zero. How can anything begin to move?",
        LOOP,
    ),
    (
        "only-biases-trained",
        "for name in params:",
        'for name in ("by",):',
        "Your model has learned how frequent each character is, and nothing else. Which parameters "
        "are moved in your loop?",
        LOOP,
    ),
    (
        "text-shuffled",
        "batchify(ids, rows, columns)",
        "batchify(rng.permutation(ids), rows, columns)",
        "Your model has learned how frequent each character is, and nothing else. Are the "
        "characters still in their order when it reads them?",
        STRIPS,
    ),
    (
        "text-read-backwards",
        "batchify(ids, rows, columns)",
        "batchify(ids[::-1], rows, columns)",
        "The loss in training is fine, and on new text it is not. In which direction does your "
        "model read?",
        STRIPS,
    ),
    (
        "losses-summed-over-tokens",
        "losses.append(loss)",
        "losses.append(loss * x.size)",
        "The model is fine; the numbers in losses grow with the batch. Per what is a loss to be "
        "counted?",
        PERPLEXITY,
    ),
    (
        "losses-are-perplexities",
        "losses.append(loss)",
        "losses.append(np.exp(loss))",
        "The model is fine; the numbers in losses are never below 1. Which of loss and perplexity "
        "is wanted?",
        PERPLEXITY,
    ),
    (
        "losses-added-up",
        "losses.append(loss)",
        "losses.append(loss + sum(losses[-1:]))",
        "The model is fine; the numbers in losses only ever grow. One number belongs to one step.",
        LOOP,
    ),
    (
        "steps-far-too-short",
        "16, 64, 16, 25, 0.1",
        "16, 64, 16, 25, 1e-4",
        "The loss falls, but hardly. How long are your steps, compared with the size of the "
        "weights?",
        LOOP,
    ),
)

MISCONCEPTIONS = [
    *WORD_EMBEDDING_FORWARD,
    *WORD_EMBEDDING_BACKWARD,
    *BATCHIFY,
    *CLIP_GRADIENTS,
    *CHAR_RNN_STEP,
    *SAMPLE,
    *PERPLEXITY_,
    *TRAIN_CHAR_RNN,
]
