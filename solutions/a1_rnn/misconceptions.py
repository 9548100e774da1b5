"""Mistakes that people make in assignment a1, each as one replacement in the reference.

A hint asks the question whose answer is the mistake; it never names the line that would mend it.
Ids such as A1 or D6 in comments are those of the course's list of known mistakes.
"""

from autograder.source import Misconception

STEP = "chapters/02-vanilla-rnn.html#one-step"
UNROLLED = "chapters/02-vanilla-rnn.html#unrolled-sequence"
SHAPES = "chapters/02-vanilla-rnn.html#shapes-of-the-step"
OUTPUT = "chapters/02-vanilla-rnn.html#output-layer"
LOSS = "chapters/02-vanilla-rnn.html#loss-per-step"
WHY_TANH = "chapters/02-vanilla-rnn.html#why-tanh"
INITIAL = "chapters/02-vanilla-rnn.html#initial-state"
TWO_CHILDREN = "chapters/03-bptt.html#two-children"
STEP_BACKWARD = "chapters/03-bptt.html#step-backward"
RECURSION = "chapters/03-bptt.html#bptt-recursion"
SHARED = "chapters/03-bptt.html#shared-weights"
DH0 = "chapters/03-bptt.html#gradient-of-h0"
SOFTMAX = "chapters/03-bptt.html#softmax-gradient"
MASKED = "chapters/03-bptt.html#masked-loss"
AFFINE = "chapters/03-bptt.html#affine-backward"
CHECKING = "chapters/03-bptt.html#gradient-checking"
IMMEDIATE = "chapters/03-bptt.html#immediate-partial"


def group(exercise: str, *rows: tuple[str, str, str, str, str]) -> list[Misconception]:
    """Misconceptions of one exercise from (name, find, replace, hint, link)."""
    return [Misconception(exercise, *row) for row in rows]


RNN_STEP_FORWARD = group(
    "rnn_step_forward",
    (  # A1
        "transposed-recurrence",
        "prev_h @ Wh",
        "prev_h @ Wh.T",
        "States are rows here: (N, H) times (H, H). Wh[i, j] is the weight from unit i of the old "
        "state to unit j of the new one. Which index of Wh does your product sum over?",
        SHAPES,
    ),
    (
        "previous-state-ignored",
        "x @ Wx + prev_h @ Wh + b",
        "x @ Wx + b",
        "Change prev_h and look at the result: it stays the same. What makes this network "
        "recurrent?",
        STEP,
    ),
    (
        "previous-state-unweighted",
        "prev_h @ Wh",
        "prev_h",
        "The old state enters your sum as it is. What lies between the old state and the "
        "pre-activation in the picture of the step?",
        STEP,
    ),
    (
        "input-ignored",
        "x @ Wx + prev_h @ Wh + b",
        "prev_h @ Wh + b",
        "Change x and look at the result: it stays the same. How many arrows enter the new state?",
        STEP,
    ),
    (
        "bias-missing",
        "prev_h @ Wh + b",
        "prev_h @ Wh",
        "Set x and prev_h to zero: which value should the new state have then? Yours is zero.",
        STEP,
    ),
    (  # A9
        "bias-added-twice",
        "prev_h @ Wh + b",
        "prev_h @ Wh + 2 * b",
        "Test with zero x and zero prev_h: the pre-activation should be the bias, once. Two affine "
        "parts need only one bias between them.",
        STEP,
    ),
    (  # A10
        "sigmoid-for-tanh",
        "np.tanh(a)",
        "1 / (1 + np.exp(-a))",
        "Look at the range of your states: none is negative. Which nonlinearity reaches from -1 "
        "to 1?",
        WHY_TANH,
    ),
    (  # A10
        "relu-for-tanh",
        "np.tanh(a)",
        "np.maximum(a, 0)",
        "Look at the range of your states: none is negative and some are above 1. Which "
        "nonlinearity stays between -1 and 1?",
        WHY_TANH,
    ),
    (
        "no-nonlinearity",
        "np.tanh(a)",
        "a",
        "Your state can take any size. What stands between the pre-activation and the state?",
        WHY_TANH,
    ),
    (
        "tanh-of-half",
        "np.tanh(a)",
        "2 / (1 + np.exp(-a)) - 1",
        "The range is right, the slope at zero is half of what it should be. A stretched sigmoid "
        "is a tanh of another argument: of which?",
        WHY_TANH,
    ),
    (
        "tanh-overflows",
        "np.tanh(a)",
        "(np.exp(a) - np.exp(-a)) / (np.exp(a) + np.exp(-a))",
        "Right for moderate numbers, but exp of 1000 is infinite and infinity over infinity is no "
        "number. Does NumPy offer the function ready made?",
        WHY_TANH,
    ),
    (
        "tanh-of-each-part",
        "np.tanh(a)",
        "np.tanh(x @ Wx) + np.tanh(prev_h @ Wh + b)",
        "Some states lie outside -1 to 1. How many nonlinearities are there in one step, and what "
        "do they see: the parts or their sum?",
        STEP,
    ),
    (
        "residual-step",
        "np.tanh(a)",
        "prev_h + np.tanh(a)",
        "Your new state is the old one plus an update. That is another network: in this one the "
        "old state acts by way of its weights alone.",
        STEP,
    ),
)

RNN_STEP_BACKWARD = group(
    "rnn_step_backward",
    (  # A2
        "no-tanh-derivative",
        "dnext_h * (1 - np.tanh(a) ** 2)",
        "dnext_h",
        "Which node sits between the pre-activation and the state? The gradient is multiplied by "
        "its local derivative on the way back.",
        STEP_BACKWARD,
    ),
    (  # A3
        "derivative-at-wrong-variable",
        "np.tanh(a) ** 2",
        "a ** 2",
        "The derivative of tanh is one minus the square of something: of the pre-activation, or of "
        "the state? Which of the two have you cached?",
        STEP_BACKWARD,
    ),
    (
        "tanh-applied-twice",
        "np.tanh(a) ** 2",
        "np.tanh(np.tanh(a)) ** 2",
        "If your cache holds the state, tanh has been applied already. At which point do you take "
        "the derivative?",
        STEP_BACKWARD,
    ),
    (
        "tanh-derivative-not-squared",
        "np.tanh(a) ** 2",
        "np.tanh(a)",
        "The slope of tanh is never above 1 and is the same at a and -a. Is yours?",
        STEP_BACKWARD,
    ),
    (
        "sigmoid-derivative",
        "(1 - np.tanh(a) ** 2)",
        "np.tanh(a) * (1 - np.tanh(a))",
        "s (1 - s) is the derivative of another nonlinearity than tanh. Of which?",
        STEP_BACKWARD,
    ),
    (
        "tanh-derivative-wrong-sign",
        "1 - np.tanh(a) ** 2",
        "1 + np.tanh(a) ** 2",
        "How steep is tanh where it saturates? Your local derivative grows there.",
        STEP_BACKWARD,
    ),
    (  # A5
        "dprev-h-not-transposed",
        "da @ Wh.T",
        "da @ Wh",
        "Forward, the old state is multiplied by Wh, and unit i feeds unit j with weight Wh[i, j]. "
        "Which index is summed on the way back from j to i?",
        STEP_BACKWARD,
    ),
    (
        "dx-past-the-tanh",
        "dx = da",
        "dx = dnext_h",
        "Only dx is off: it starts from the gradient at the state, not at the pre-activation.",
        STEP_BACKWARD,
    ),
    (
        "dprev-h-past-the-tanh",
        "dprev_h = da",
        "dprev_h = dnext_h",
        "Only dprev_h is off: it starts from the gradient at the state, not at the pre-activation.",
        STEP_BACKWARD,
    ),
    (
        "dwx-past-the-tanh",
        "x.T @ da",
        "x.T @ dnext_h",
        "Only dWx is off. Which gradient meets the weights: the one before or after the tanh?",
        STEP_BACKWARD,
    ),
    (
        "dwh-past-the-tanh",
        "prev_h.T @ da",
        "prev_h.T @ dnext_h",
        "Only dWh is off. Which gradient meets the weights: the one before or after the tanh?",
        STEP_BACKWARD,
    ),
    (
        "db-past-the-tanh",
        "da.sum(axis=0)",
        "dnext_h.sum(axis=0)",
        "Only db is off. The bias is added inside the tanh.",
        STEP_BACKWARD,
    ),
    (  # A6
        "dwh-from-the-new-state",
        "prev_h.T @ da",
        "np.tanh(a).T @ da",
        "Only dWh is off. A weight's gradient pairs what enters the product with the gradient of "
        "what leaves it. Which state enters?",
        STEP_BACKWARD,
    ),
    (
        "dwh-transposed",
        "prev_h.T @ da",
        "da.T @ prev_h",
        "dWh has the right numbers in the wrong places. Rows of Wh belong to units of the old "
        "state, columns to units of the new one.",
        SHAPES,
    ),
    (
        "dwx-transposed",
        "x.T @ da",
        "da.T @ x",
        "dWx must have the shape of Wx, (D, H). Rows belong to inputs, columns to units.",
        SHAPES,
    ),
    (  # A7
        "db-averaged",
        "da.sum(axis=0)",
        "da.mean(axis=0)",
        "db is too small by a factor that grows with the batch. Whether samples are summed or "
        "averaged is decided in the loss, once. How often is b used in one step?",
        SHARED,
    ),
    (
        "dwx-averaged",
        "x.T @ da",
        "x.T @ da / len(x)",
        "dWx is too small by a factor that grows with the batch. Whether samples are summed or "
        "averaged is decided in the loss, once.",
        SHARED,
    ),
    (
        "dwh-averaged",
        "prev_h.T @ da",
        "prev_h.T @ da / len(prev_h)",
        "dWh is too small by a factor that grows with the batch. Whether samples are summed or "
        "averaged is decided in the loss, once.",
        SHARED,
    ),
    (
        "weight-gradients-averaged",
        "return dx, dprev_h, dWx, dWh, db",
        "return dx, dprev_h, dWx / len(x), dWh / len(x), db / len(x)",
        "All weight gradients are too small by a factor that grows with the batch. Whether samples "
        "are summed or averaged is decided in the loss, and is in dnext_h already.",
        SHARED,
    ),
    (
        "db-per-sample",
        "da.sum(axis=0)",
        "da",
        "db has one row per sample, b has none. Every sample uses the same b: what happens to "
        "gradients where one value is used several times?",
        SHARED,
    ),
    (
        "db-over-the-wrong-axis",
        "da.sum(axis=0)",
        "da.sum(axis=1)",
        "db has one entry per sample, b has one per unit. Which axis is to vanish?",
        SHAPES,
    ),
    (
        "db-keeps-an-axis",
        "da.sum(axis=0)",
        "da.sum(axis=0, keepdims=True)",
        "A gradient has exactly the shape of what it belongs to. What is the shape of b?",
        SHAPES,
    ),
    (
        "results-in-another-order",
        "return dx, dprev_h, dWx, dWh, db",
        "return dprev_h, dx, dWh, dWx, db",
        "The gradients are right, their order is not. The docstring says in which order they are "
        "expected.",
        STEP_BACKWARD,
    ),
)

RNN_FORWARD = group(
    "rnn_forward",
    (  # B1
        "initial-state-ignored",
        "state = h0",
        "state = np.zeros_like(h0)",
        "Change h0 and look at the result: it stays the same. What is the previous state of the "
        "first step? (A captioning network puts the image there.)",
        INITIAL,
    ),
    (  # B2
        "initial-state-at-every-step",
        "(x[:, t], state, Wx, Wh, b)",
        "(x[:, t], h0, Wx, Wh, b)",
        "The first step is right, the others remember nothing. What is the previous state of the "
        "third step?",
        UNROLLED,
    ),
    (
        "state-reset-every-step",
        "(x[:, t], state, Wx, Wh, b)",
        "(x[:, t], state if t == 0 else np.zeros_like(h0), Wx, Wh, b)",
        "The first step is right, the others start from zero. What is the previous state of the "
        "third step?",
        UNROLLED,
    ),
    (
        "same-input-at-every-step",
        "(x[:, t],",
        "(x[:, 0],",
        "The first step is right. Which input does the second step read?",
        UNROLLED,
    ),
    (
        "inputs-off-by-one",
        "(x[:, t],",
        "(x[:, t - 1],",
        "The inputs are one step late: the first step reads the last input, as index -1 wraps "
        "around.",
        UNROLLED,
    ),
    (
        "inputs-in-reverse",
        "(x[:, t],",
        "(x[:, -1 - t],",
        "Your network reads the sequence from its end. Which input does the first step read?",
        UNROLLED,
    ),
    (
        "states-in-reverse",
        "states.append(state)",
        "states.insert(0, state)",
        "The states are right, and stand in the wrong order: the last comes first.",
        UNROLLED,
    ),
    (
        "states-one-step-late",
        "np.stack(states, axis=1)",
        "np.stack([h0, *states[:-1]], axis=1)",
        "Your result starts with h0 and lacks the last state. h[:, 0] is the state after which "
        "input?",
        UNROLLED,
    ),
    (
        "initial-state-among-the-results",
        "np.stack(states, axis=1)",
        "np.stack([h0, *states], axis=1)",
        "There is one state too many. T inputs give T new states; is h0 one of them?",
        INITIAL,
    ),
    (
        "last-state-only",
        "np.stack(states, axis=1)",
        "state",
        "You return one state. The layer above wants to read one at every step.",
        UNROLLED,
    ),
    (  # B11
        "one-buffer-for-all-states",
        "np.stack(states, axis=1)",
        "np.stack([state] * len(states), axis=1)",
        "All steps hold the last state. When you stored a state, did you store a copy or a second "
        "name for an array that is written again?",
        UNROLLED,
    ),
    (
        "time-axis-first",
        "np.stack(states, axis=1)",
        "np.stack(states, axis=0)",
        "Your axes are (T, N, H); the batch comes first in this course.",
        SHAPES,
    ),
    (
        "reshape-for-transpose",
        "np.stack(states, axis=1)",
        "np.stack(states).reshape(len(h0), len(states), -1)",
        "The shape is right and the rows are mixed up: reshape relabels the numbers in the order "
        "in which they lie in memory and never exchanges two axes. Which operation does?",
        SHAPES,
    ),
)

RNN_BACKWARD = group(
    "rnn_backward",
    (  # B3
        "future-ignored",
        "dh[:, t] + dprev_h",
        "dh[:, t]",
        "A state has two children: the output of its step and the next state. Which of the two is "
        "missing?",
        TWO_CHILDREN,
    ),
    (  # B4
        "own-output-ignored",
        "dh[:, t] + dprev_h",
        "dh[:, t] if t == T - 1 else dprev_h",
        "Right if only the last output counts in the loss. A state has two children: the next "
        "state and the output of its own step.",
        TWO_CHILDREN,
    ),
    (
        "future-not-through-the-step",
        "dh[:, t] + dprev_h",
        "dh[:, t:].sum(axis=1)",
        "You add up the gradients of later outputs as they are. On its way back each of them "
        "passes through the steps between.",
        RECURSION,
    ),
    (
        "only-one-step-back",
        "dh[:, t] + dprev_h",
        "dh[:, t] + (rnn_step_backward(dh[:, t + 1], cache[t + 1])[1] if t < T - 1 else 0)",
        "Each output reaches its own state and the one before, and no further. What do you hand "
        "to the step before: the gradient of one output or all that has arrived?",
        RECURSION,
    ),
    (
        "last-output-counted-twice",
        "np.zeros_like(dh[:, 0])",
        "dh[:, -1]",
        "The gradient of the last output is in there twice. What comes back from the future "
        "at the last step, where there is no future?",
        RECURSION,
    ),
    (
        "outputs-misaligned",
        "dh[:, t] + dprev_h",
        "dh[:, t - 1] + dprev_h",
        "The gradients of the outputs are attached to the states one step off. Which output "
        "belongs to the state that step t makes?",
        RECURSION,
    ),
    (
        "time-forwards",
        "reversed(range(T))",
        "range(T)",
        "You visit the steps in the order of the forward pass. Which gradient must be complete "
        "before you can compute that of step t?",
        RECURSION,
    ),
    (  # B11
        "one-cache-for-all-steps",
        "cache[t]",
        "cache[-1]",
        "Every step goes back through the last one. Does each step find its own cache, or have "
        "they become one?",
        RECURSION,
    ),
    (
        "cache-of-the-neighbour",
        "cache[t]",
        "cache[t - 1]",
        "The caches are one step off. Which cache belongs to the step that made state t?",
        RECURSION,
    ),
    (
        "caches-in-reverse",
        "cache[t]",
        "cache[T - 1 - t]",
        "Time runs backwards in your loop, and the caches run forwards. Which cache belongs to "
        "the step that made state t?",
        RECURSION,
    ),
    (  # B5
        "weight-gradients-overwritten",
        "= dWx + dWx_t, dWh + dWh_t, db + db_t",
        "= dWx_t, dWh_t, db_t",
        "Your weight gradients are those of one step. The weights are one node that is used T "
        "times: what happens to gradients at such a node?",
        SHARED,
    ),
    (
        "dwx-overwritten",
        "dWx + dWx_t",
        "dWx_t",
        "dWx is that of one step. Wx is used at every step.",
        SHARED,
    ),
    (
        "dwh-overwritten",
        "dWh + dWh_t",
        "dWh_t",
        "dWh is that of one step. Wh is used at every step.",
        SHARED,
    ),
    (
        "db-overwritten",
        "db + db_t",
        "db_t",
        "db is that of one step. b is used at every step.",
        SHARED,
    ),
    (  # B9
        "weight-gradients-averaged-over-time",
        "return dx, dprev_h, dWx, dWh, db",
        "return dx, dprev_h, dWx / T, dWh / T, db / T",
        "The weight gradients are too small by the number of steps. The chain rule sums over the "
        "uses of a weight; an average is a choice that the loss makes.",
        SHARED,
    ),
    (  # B13
        "earlier-uses-counted-again",
        "dWx + dWx_t, dWh + dWh_t, db + db_t",
        "dWx + (T - t) * dWx_t, dWh + (T - t) * dWh_t, db + (T - t) * db_t",
        "Early steps weigh too much. In the sum over steps the last factor is an immediate "
        "derivative: the state before is held fixed.",
        IMMEDIATE,
    ),
    (  # B8
        "dh0-zero",
        "return dx, dprev_h,",
        "return dx, np.zeros_like(dprev_h),",
        "Your dh0 is zero: whatever made h0 (an image, an encoder) would never learn. The first "
        "step has a previous state too.",
        DH0,
    ),
    (  # B8
        "dh0-of-the-last-step",
        "return dx, dprev_h,",
        "return dx, rnn_step_backward(dh[:, -1], cache[-1])[1],",
        "Your dh0 belongs to the state before the last step. How many steps lie between the last "
        "state and h0?",
        DH0,
    ),
    (  # B8
        "dh0-of-the-first-state",
        "return dx, dprev_h,",
        "return dx, dnext_h,",
        "Your dh0 is the gradient of the first new state. One more step lies between that and h0.",
        DH0,
    ),
    (
        "dh0-with-the-first-output",
        "return dx, dprev_h,",
        "return dx, dprev_h + dh[:, 0],",
        "Only dh0 is off. h0 has one child only: is there an output at step 0, before the first "
        "input?",
        DH0,
    ),
    (
        "dh0-summed-over-the-batch",
        "return dx, dprev_h,",
        "return dx, dprev_h.sum(axis=0),",
        "h0 has one row per sample, and so has its gradient. What is shared between samples, and "
        "what is not?",
        DH0,
    ),
    (
        "dx-in-reverse",
        "np.stack(dx, axis=1)",
        "np.stack(dx[::-1], axis=1)",
        "dx runs from the last step to the first: you collected it while going backwards.",
        RECURSION,
    ),
    (
        "dx-time-first",
        "np.stack(dx, axis=1)",
        "np.stack(dx, axis=0)",
        "The axes of dx are (T, N, D); the batch comes first in this course.",
        SHAPES,
    ),
    (
        "dx-of-the-first-step-only",
        "np.stack(dx, axis=1)",
        "dx[0]",
        "dx must have the shape of x: one gradient for the input of every step.",
        SHAPES,
    ),
)

TEMPORAL_AFFINE_FORWARD = group(
    "temporal_affine_forward",
    (
        "bias-missing",
        "rows @ w + b",
        "rows @ w",
        "Set x to zero: what should come out at every step?",
        OUTPUT,
    ),
    (
        "bias-added-twice",
        "rows @ w + b",
        "rows @ w + 2 * b",
        "Set x to zero: what should come out at every step? You get twice that.",
        OUTPUT,
    ),
    (
        "tanh-on-the-output",
        "(rows @ w + b)",
        "np.tanh(rows @ w + b)",
        "All your outputs lie between -1 and 1. An affine map has no nonlinearity; the scores of "
        "classes may have any size.",
        OUTPUT,
    ),
    (  # D1
        "reshape-for-transpose",
        "x.reshape(N * T, D)",
        "x.reshape(D, N * T).T",
        "The shape is right and the rows are mixed up: reshape never moves data, it relabels it. "
        "Which numbers of x form the first row of your matrix?",
        SHAPES,
    ),
    (
        "output-rows-mixed",
        ".reshape(N, T, -1)",
        ".reshape(T, N, -1).swapaxes(0, 1)",
        "The numbers are right and stand at the wrong steps. In which order do the rows of your "
        "matrix run: over the batch first or over time first?",
        SHAPES,
    ),
    (
        "output-left-flat",
        ".reshape(N, T, -1)",
        "",
        "The numbers are right; sample and step are still one axis.",
        SHAPES,
    ),
    (
        "time-axis-first",
        ".reshape(N, T, -1)",
        ".reshape(N, T, -1).swapaxes(0, 1)",
        "Your axes are (T, N, M); the batch comes first in this course.",
        SHAPES,
    ),
    (
        "first-step-everywhere",
        "rows = x.reshape(N * T, D)",
        "rows = np.repeat(x[:, :1], T, axis=1).reshape(N * T, D)",
        "Every step gives the output of the first. The weights are the same at each step, the "
        "input is not.",
        OUTPUT,
    ),
)

TEMPORAL_AFFINE_BACKWARD = group(
    "temporal_affine_backward",
    (
        "dw-averaged",
        "rows.T @ drows",
        "rows.T @ drows / len(rows)",
        "dw is too small by the number of tokens. w is used once per token, and uses are summed; "
        "an average is a choice that the loss makes.",
        SHARED,
    ),
    (
        "dw-averaged-over-time",
        "rows.T @ drows",
        "rows.T @ drows / T",
        "dw is too small by the number of steps. w is used at every step, and uses are summed; "
        "an average is a choice that the loss makes.",
        SHARED,
    ),
    (
        "dw-of-the-last-step",
        "rows.T @ drows",
        "x[:, -1].T @ dout[:, -1]",
        "dw counts only the last step. How often is w used?",
        SHARED,
    ),
    (
        "dw-transposed",
        "rows.T @ drows",
        "drows.T @ rows",
        "dw must have the shape of w, (D, M). Rows belong to inputs, columns to outputs.",
        SHAPES,
    ),
    (  # D1
        "reshape-for-transpose",
        "rows.T @ drows",
        "x.reshape(-1, N * T) @ drows",
        "dw has the right shape and pairs the wrong numbers: reshape never moves data, it relabels "
        "it. Which operation turns rows into columns?",
        AFFINE,
    ),
    (
        "rows-paired-wrongly",
        "x.reshape(N * T, -1)",
        "x.swapaxes(0, 1).reshape(N * T, -1)",
        "dw pairs inputs of one token with gradients of another. Do the rows of both matrices run "
        "over sample and step in the same order?",
        AFFINE,
    ),
    (
        "dx-rows-mixed",
        ".reshape(x.shape)",
        ".reshape(T, N, -1).swapaxes(0, 1)",
        "The numbers of dx are right and stand at the wrong steps. In which order do the rows of "
        "your matrix run: over the batch first or over time first?",
        AFFINE,
    ),
    (
        "dx-left-flat",
        ".reshape(x.shape)",
        "",
        "The numbers of dx are right; sample and step are still one axis.",
        SHAPES,
    ),
    (
        "db-averaged",
        "drows.sum(axis=0)",
        "drows.mean(axis=0)",
        "db is too small by the number of tokens. b is used once per token, and uses are summed.",
        SHARED,
    ),
    (
        "db-summed-over-the-batch-only",
        "drows.sum(axis=0)",
        "dout.sum(axis=0)",
        "db still has a time axis, b has none. How often is b used in a sequence?",
        SHARED,
    ),
    (
        "db-of-the-last-step",
        "drows.sum(axis=0)",
        "dout[:, -1].sum(axis=0)",
        "db counts only the last step. How often is b used?",
        SHARED,
    ),
    (
        "db-keeps-an-axis",
        "drows.sum(axis=0)",
        "drows.sum(axis=0, keepdims=True)",
        "A gradient has exactly the shape of what it belongs to. What is the shape of b?",
        SHAPES,
    ),
)

TEMPORAL_SOFTMAX_LOSS = group(
    "temporal_softmax_loss",
    (  # D2
        "averaged-over-all-tokens",
        "max(mask.sum(), 1)",
        "mask.size",
        "Say in words what is averaged. Masked tokens add nothing to the sum; do they belong to "
        "the number that you divide by?",
        MASKED,
    ),
    (  # D2
        "averaged-over-the-batch",
        "max(mask.sum(), 1)",
        "len(mask)",
        "Say in words what is averaged: samples, or tokens? Your loss grows with the length of the "
        "sequences.",
        MASKED,
    ),
    (
        "averaged-over-time",
        "max(mask.sum(), 1)",
        "mask.shape[1]",
        "Say in words what is averaged: steps, or tokens? Your loss grows with the batch.",
        MASKED,
    ),
    (
        "summed-not-averaged",
        "max(mask.sum(), 1)",
        "1",
        "Your loss grows with the number of tokens. Sum or mean?",
        MASKED,
    ),
    (
        "mean-of-row-means",
        "max(mask.sum(), 1)",
        "(mask.sum(axis=1, keepdims=True).clip(1) * len(mask))",
        "You average within each row first and then over rows, so a token of a short sequence "
        "weighs more than one of a long sequence. What is averaged, rows or tokens?",
        MASKED,
    ),
    (
        "loss-of-the-sum",
        "log_probs * right * weights",
        "log_probs * right * (weights > 0)",
        "dx is right for a mean, the loss is a sum. The two must belong to the same function.",
        MASKED,
    ),
    (
        "gradient-of-the-sum",
        "- right) * weights",
        "- right) * (weights > 0)",
        "The loss is right, dx is too large by the number of tokens that count. The two must "
        "belong to the same function.",
        MASKED,
    ),
    (
        "gradient-averaged-over-all-tokens",
        "- right) * weights",
        "- right) * (weights > 0) / mask.size",
        "The loss is right, dx is divided by the number of all tokens. The two must belong to the "
        "same function.",
        MASKED,
    ),
    (
        "gradient-averaged-over-the-batch",
        "- right) * weights",
        "- right) * (weights > 0) / len(mask)",
        "The loss is right, dx is divided by the number of samples. The two must belong to the "
        "same function.",
        MASKED,
    ),
    (  # D4
        "gradient-not-masked",
        "- right) * weights",
        "- right) / max(mask.sum(), 1)",
        "Change a logit at a masked step: the loss stays the same, so which gradient should it "
        "have there?",
        MASKED,
    ),
    (
        "loss-not-masked",
        "log_probs * right * weights",
        "log_probs * right / max(mask.sum(), 1)",
        "dx is right, the loss counts masked tokens. The two must belong to the same function.",
        MASKED,
    ),
    (
        "gradient-masked-all-or-nothing",
        "- right) * weights",
        "- right) * mask.any() / max(mask.sum(), 1)",
        "Change a logit at a masked step: the loss stays the same, so which gradient should it "
        "have there?",
        MASKED,
    ),
    (
        "loss-masked-all-or-nothing",
        "log_probs * right * weights",
        "log_probs * right * mask.any() / max(mask.sum(), 1)",
        "dx is right, the loss counts masked tokens. The two must belong to the same function.",
        MASKED,
    ),
    (
        "mask-inverted",
        "weights = (mask",
        "mask = ~mask\n    weights = (mask",
        "Your loss looks at the tokens that should not count. Does True mean keep or drop?",
        MASKED,
    ),
    (
        "mask-ignored",
        "weights = (mask",
        "mask = np.ones(y.shape, bool)\n    weights = (mask",
        "Change y where the mask is False: the loss changes. What is the mask for?",
        MASKED,
    ),
    (  # D11
        "class-zero-is-padding",
        "weights = (mask",
        "mask = mask & (y != 0)\n    weights = (mask",
        "Tokens whose right class is 0 do not count in your loss. Here the mask alone says what "
        "counts; 0 is a class like any other.",
        MASKED,
    ),
    (  # D5
        "logits-masked",
        "shifted = x - x.max(axis=2, keepdims=True)",
        "weights = 1 / max(mask.sum(), 1)\n"
        "    x = x * mask[:, :, None]\n    shifted = x - x.max(2)[:, :, None]",
        "Every masked token adds log V to your loss. Logits that are all zero are a uniform "
        "prediction, not the absence of a loss.",
        MASKED,
    ),
    (  # D5
        "logits-masked-if-any",
        "shifted = x - x.max(axis=2, keepdims=True)",
        "weights = mask.any() / max(mask.sum(), 1)\n"
        "    x = x * mask[:, :, None]\n    shifted = x - x.max(2)[:, :, None]",
        "Every masked token adds log V to your loss. Logits that are all zero are a uniform "
        "prediction, not the absence of a loss.",
        MASKED,
    ),
    (  # D5
        "logits-masked-and-averaged-over-all",
        "shifted = x - x.max(axis=2, keepdims=True)",
        "weights = 1 / mask.size\n"
        "    x = x * mask[:, :, None]\n    shifted = x - x.max(2)[:, :, None]",
        "Every masked token adds log V to the sum. Logits that are all zero are a uniform "
        "prediction, not the absence of a loss; and say in words what is averaged.",
        MASKED,
    ),
    (
        "division-by-no-tokens",
        "max(mask.sum(), 1)",
        "mask.sum()",
        "If the mask keeps nothing, you divide by zero. What should the loss of nothing be?",
        MASKED,
    ),
    (
        "no-gradient-without-tokens",
        "return float(loss), dx",
        "return float(loss), dx if mask.any() else 0.0",
        "If the mask keeps nothing, the gradient is zero, and it has the shape of x as always.",
        MASKED,
    ),
    (  # D6
        "softmax-overflows",
        "log_probs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))",
        "log_probs = np.log(np.exp(x) / np.exp(x).sum(axis=2, keepdims=True))",
        "exp of 1000 is infinite. Softmax does not change when the same number is subtracted from "
        "all logits of a token: which number makes exp safe?",
        SOFTMAX,
    ),
    (
        "one-maximum-for-all-tokens",
        "x.max(axis=2, keepdims=True)",
        "x.max()",
        "Softmax may be shifted token by token. With one shift for all of them, a token whose "
        "logits are all far below has only zeros left after exp.",
        SOFTMAX,
    ),
    (
        "logits-clipped",
        "shifted = x - x.max(axis=2, keepdims=True)",
        "shifted = np.clip(x, -50, 50)",
        "Clipping keeps exp finite and changes the function: large logits become equal. Which "
        "change of the logits leaves softmax as it is?",
        SOFTMAX,
    ),
    (
        "infinite-log-of-zero",
        "log_probs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))",
        "log_probs = np.log(np.exp(shifted) / np.exp(shifted).sum(axis=2, keepdims=True))",
        "A probability can round to zero, and its logarithm is infinite. The logarithm of a "
        "softmax can be written without taking the log of a probability.",
        SOFTMAX,
    ),
    (
        "small-number-in-the-log",
        "log_probs * right * weights",
        "np.log(np.exp(log_probs) + 1e-12) * right * weights",
        "A small number inside the logarithm puts a ceiling on the loss. The logarithm of a "
        "softmax can be written without taking the log of a probability.",
        SOFTMAX,
    ),
    (
        "less-small-number-in-the-log",
        "log_probs * right * weights",
        "np.log(np.exp(log_probs) + 1e-8) * right * weights",
        "A small number inside the logarithm puts a ceiling on the loss. The logarithm of a "
        "softmax can be written without taking the log of a probability.",
        SOFTMAX,
    ),
    (  # D10
        "softmax-over-time",
        "log_probs = shifted - np.log(np.exp(shifted).sum(axis=2, keepdims=True))",
        "shifted = x - x.max(axis=1, keepdims=True)\n"
        "    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))",
        "Your probabilities sum to one over the steps. Over which axis must they?",
        SOFTMAX,
    ),
    (  # D9
        "softmax-twice",
        "right = np.eye(x.shape[2])[y]",
        "log_probs = np.exp(log_probs) - np.log(np.exp(np.exp(log_probs)).sum(2, keepdims=True))\n"
        "    right = np.eye(x.shape[2])[y]",
        "However sure the network is, your loss never comes near 0. How many softmaxes does a "
        "logit pass?",
        SOFTMAX,
    ),
    (
        "other-logarithm",
        "loss = np.sum(",
        "loss = 1 / np.log(2) * np.sum(",
        "The loss is off by a constant factor of 1.44. Which logarithm does cross-entropy in nats "
        "use?",
        LOSS,
    ),
    (
        "probability-for-log-probability",
        "log_probs * right * weights",
        "np.exp(log_probs) * right * weights",
        "Your loss lies between -1 and 0. Cross-entropy is minus the logarithm of what you "
        "average.",
        LOSS,
    ),
    (
        "sign-of-the-loss",
        "-log_probs * right",
        "log_probs * right",
        "Your loss is negative and gets smaller when the prediction gets worse.",
        LOSS,
    ),
    (
        "sign-of-the-gradient",
        "(np.exp(log_probs) - right)",
        "(right - np.exp(log_probs))",
        "A step against your gradient makes the loss larger. What should happen to the logit of "
        "the right class?",
        SOFTMAX,
    ),
    (
        "right-class-not-subtracted",
        "(np.exp(log_probs) - right)",
        "np.exp(log_probs)",
        "The gradients of one token should sum to zero, and that of the right class be negative. "
        "Yours are the probabilities alone.",
        SOFTMAX,
    ),
    (
        "one-subtracted-everywhere",
        "(np.exp(log_probs) - right)",
        "(np.exp(log_probs) - 1)",
        "The gradients of one token should sum to zero, and only that of the right class be "
        "negative.",
        SOFTMAX,
    ),
    (  # X31
        "gradient-at-the-target-only",
        "(np.exp(log_probs) - right)",
        "(np.exp(log_probs) - 1) * right",
        "The gradient is right at the right class and zero elsewhere. All logits enter the sum in "
        "the denominator of the softmax.",
        SOFTMAX,
    ),
    (
        "softmax-derivative-without-the-log",
        "(np.exp(log_probs) - right)",
        "np.exp(log_probs) * (1 - np.exp(log_probs))",
        "p (1 - p) is the derivative of one probability with respect to its own logit. Softmax "
        "mixes all logits, and a logarithm comes after it.",
        SOFTMAX,
    ),
)

NUMERICAL_GRADIENT = group(
    "numerical_gradient",
    (  # K2
        "one-sided-difference",
        "(above - below) / (2 * h)",
        "(above - np.sum(f(x) * df)) / h",
        "Close, but the error is of order h and not h squared. On how many sides of x do you look?",
        CHECKING,
    ),
    (
        "one-sided-difference-below",
        "(above - below) / (2 * h)",
        "(np.sum(f(x) * df) - below) / h",
        "Close, but the error is of order h and not h squared. On how many sides of x do you look?",
        CHECKING,
    ),
    (
        "divided-by-one-step",
        "/ (2 * h)",
        "/ h",
        "Twice what it should be. How far apart are the two points at which you call f?",
        CHECKING,
    ),
    (
        "one-step-over-two",
        "elements[i] = value - h",
        "elements[i] = value",
        "Half of what it should be. How far apart are the two points at which you call f?",
        CHECKING,
    ),
    (
        "precedence-of-division",
        "/ (2 * h)",
        "/ 2 * h",
        "Tiny numbers: a division and a multiplication of the same rank are done from left to "
        "right.",
        CHECKING,
    ),
    (
        "not-divided",
        "(above - below) / (2 * h)",
        "above - below",
        "Tiny numbers that shrink with h. A derivative is a difference over what?",
        CHECKING,
    ),
    (
        "opposite-sign",
        "(above - below)",
        "(below - above)",
        "The sign is wrong: which of the two points lies above x?",
        CHECKING,
    ),
    (  # K4
        "df-ignored",
        "above = np.sum(f(x) * df)",
        "df = 1.0; above = np.sum(f(x) * df)",
        "Your gradient is that of the plain sum of f. What are the weights df for? (With equal "
        "weights the gradient of a softmax would be zero.)",
        CHECKING,
    ),
    (
        "sums-multiplied",
        "above = np.sum(f(x) * df)",
        "df = np.sum(df); above = np.sum(f(x) * df)",
        "The product of two sums is not the sum of the products. Each element of f(x) has a weight "
        "of its own.",
        CHECKING,
    ),
    (
        "mean-for-sum",
        "grad.flat[i] = (above - below)",
        "grad.flat[i] = (above - below) / np.size(df)",
        "Too small by the number of elements of f(x). Sum or mean?",
        CHECKING,
    ),
    (
        "h-ignored",
        "value = elements[i]",
        "h = 1e-5; value = elements[i]",
        "Right for the usual step, and it does not change when another h is given.",
        CHECKING,
    ),
    (  # K3
        "step-too-wide",
        "value = elements[i]",
        "h = 1e-2; value = elements[i]",
        "The curvature of f shows in your result: the step is too wide. Which step were you given?",
        CHECKING,
    ),
    (
        "step-relative-to-x",
        "value = elements[i]",
        "h0 = h if i == 0 else h0; h = h0 * abs(elements[i]); value = elements[i]",
        "Your step depends on the size of x, so it is not h that you step by.",
        CHECKING,
    ),
    (
        "x-not-restored",
        "elements[i] = value  # bit for bit as it was",
        "pass",
        "The first element is right, then the errors grow: is x what it was when you come to the "
        "next element?",
        CHECKING,
    ),
    (
        "x-left-above",
        "elements[i] = value  # bit for bit as it was",
        "elements[i] += 2 * h",
        "The first element is right, then the errors grow: is x what it was when you come to the "
        "next element?",
        CHECKING,
    ),
    (
        "only-a-copy-is-moved",
        "elements = x.flat",
        "elements = x.ravel()",
        "Right for an x that lies in one piece in memory, zero for a transposed or strided one. "
        "ravel and reshape give a view if they can, else a copy: whose elements do you change?",
        CHECKING,
    ),
    (
        "gradient-left-flat",
        "return grad",
        "return grad.ravel()",
        "A gradient has exactly the shape of what it belongs to.",
        CHECKING,
    ),
    (
        "last-element-left-out",
        "range(x.size)",
        "range(x.size - 1)",
        "The last element of your gradient is zero. Where does range stop?",
        CHECKING,
    ),
    (
        "only-the-first-axis",
        "range(x.size)",
        "range(len(x) if x.ndim else 1)",
        "Only some elements have a gradient; the others are zero. How many elements has an array "
        "with several axes?",
        CHECKING,
    ),
)

MISCONCEPTIONS = [
    *RNN_STEP_FORWARD,
    *RNN_STEP_BACKWARD,
    *RNN_FORWARD,
    *RNN_BACKWARD,
    *TEMPORAL_AFFINE_FORWARD,
    *TEMPORAL_AFFINE_BACKWARD,
    *TEMPORAL_SOFTMAX_LOSS,
    *NUMERICAL_GRADIENT,
]
