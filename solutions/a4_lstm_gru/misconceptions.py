"""Mistakes that people make in assignment a4, each as one replacement in the reference.

A hint asks the question whose answer is the mistake; it never names the line that would mend it.
Ids such as E7 or F2 in comments are those of the course's list of known mistakes.
"""

from autograder.source import Misconception

LSTM = "chapters/06-lstm.html#"
GRU = "chapters/07-gru.html#"
WHY = LSTM + "why-gates"
GATES = LSTM + "gates-one-at-a-time"
STEP = LSTM + "cell-state"
COUNTER = LSTM + "counter-view"
SEQUENCE = LSTM + "lstm-forward"
BACKWARD = LSTM + "lstm-backward"
TWO_CHILDREN = LSTM + "two-children-of-c"
HIGHWAY = LSTM + "highway"
BIAS = LSTM + "forget-bias"
PEEPHOLES = LSTM + "peepholes"
ORDER = LSTM + "gate-order"
TWO_BIASES = LSTM + "two-biases"
GRU_STEP = GRU + "gru-step"
GRU_BACKWARD = GRU + "gru-backward"
KEEP = GRU + "keep-or-update"
RESET = GRU + "reset-before-or-after"
VARIANTS = GRU + "gru-variants"
SHARED = "chapters/03-bptt.html#shared-weights"
DH0 = "chapters/03-bptt.html#gradient-of-h0"
IMMEDIATE = "chapters/03-bptt.html#immediate-partial"
CHILDREN = "chapters/03-bptt.html#two-children"
INITIAL = "chapters/02-vanilla-rnn.html#initial-state"
UNROLLED = "chapters/02-vanilla-rnn.html#unrolled-sequence"
SHAPES = "chapters/02-vanilla-rnn.html#shapes-of-the-step"


def group(exercise: str, *rows: tuple[str, str, str, str, str]) -> list[Misconception]:
    """Misconceptions of one exercise from (name, find, replace, hint, link)."""
    return [Misconception(exercise, *row) for row in rows]


LSTM_STEP_FORWARD = group(
    "lstm_step_forward",
    (  # E1
        "order-of-torch",
        "a_i, a_f, a_o, a_g = ",
        "a_i, a_f, a_g, a_o = ",
        "Your blocks are in the order of another library: PyTorch's. Which block comes third in "
        "this course, and which comes last?",
        ORDER,
    ),
    (  # E7
        "input-and-forget-gate-swapped",
        "a_i, a_f, a_o, a_g = ",
        "a_f, a_i, a_o, a_g = ",
        "Which of your gates multiplies the old cell, and which the candidate? Compare with the "
        "order of the blocks.",
        STEP,
    ),
    (  # E1
        "order-of-tensorflow",
        "a_i, a_f, a_o, a_g = ",
        "a_i, a_g, a_f, a_o = ",
        "You take the candidate from the second block, as old TensorFlow did. Where is it in this "
        "course?",
        ORDER,
    ),
    (  # E1
        "order-of-onnx",
        "a_i, a_f, a_o, a_g = ",
        "a_i, a_o, a_f, a_g = ",
        "The two gates in the middle have changed places. Which block is the second in this "
        "course: the one for keeping or the one for showing?",
        ORDER,
    ),
    (  # E1
        "order-of-the-lectures",
        "a_i, a_f, a_o, a_g = ",
        "a_f, a_i, a_g, a_o = ",
        "You take the blocks in the order in which many texts explain them, forgetting first. In "
        "which order do they lie in the matrix here?",
        ORDER,
    ),
    (  # E1
        "candidate-first",
        "a_i, a_f, a_o, a_g = ",
        "a_g, a_i, a_f, a_o = ",
        "You take the candidate from the first block. Which block does the order of this course "
        "put first?",
        ORDER,
    ),
    (
        "order-reversed",
        "a_i, a_f, a_o, a_g = ",
        "a_g, a_o, a_f, a_i = ",
        "Your blocks are in the reverse order. Do you count the columns from the end?",
        ORDER,
    ),
    (
        "blocks-interleaved",
        "np.split(a, 4, axis=1)",
        "(a[:, k::4] for k in range(4))",
        "You take every fourth column for a block. The blocks lie side by side: which columns "
        "belong to the first one?",
        STEP,
    ),
    (  # E8
        "sigmoid-candidate",
        "g = np.tanh(a_g)",
        "g = 0.5 + 0.5 * np.tanh(0.5 * a_g)",
        "Nothing that you write into the cell is negative, so a cell at zero can never go below "
        "it. Does the candidate have a sign?",
        STEP,
    ),
    (
        "tanh-gates",
        "0.5 + 0.5 * np.tanh(0.5 * v)",
        "np.tanh(v)",
        "Some of your gates are negative. Between which two numbers does a gate lie?",
        GATES,
    ),
    (
        "hard-sigmoid-gates",
        "0.5 + 0.5 * np.tanh(0.5 * v)",
        "np.clip(0.2 * v + 0.5, 0, 1)",
        "Your gates are straight lines with corners, and some are exactly 0 or 1. That is a cheap "
        "stand-in: what is the smooth function called, and what is its slope at 0?",
        GATES,
    ),
    (
        "sigmoid-overflows",
        "0.5 + 0.5 * np.tanh(0.5 * v)",
        "np.exp(v) / (1 + np.exp(v))",
        "Right for moderate numbers. But exp of 1000 is infinite, and infinity over infinity is no "
        "number. Is there a form whose exponential is only ever in the denominator?",
        STEP,
    ),
    (
        "sigmoid-too-steep",
        "np.tanh(0.5 * v)",
        "np.tanh(v)",
        "Range and middle of your gates are right, the slope there is twice what it should be. A "
        "sigmoid is a moved tanh of another argument: of which?",
        GATES,
    ),
    (
        "no-tanh-on-the-cell",
        "o * np.tanh(next_c)",
        "o * next_c",
        "Your hidden state can be larger than 1. What does the cell pass through before the output "
        "gate shows it?",
        STEP,
    ),
    (
        "output-gate-unused",
        "o * np.tanh(next_c)",
        "np.tanh(next_c)",
        "Your hidden state shows all of the cell, always. Which gate decides how much of it is "
        "shown?",
        GATES,
    ),
    (
        "output-gate-inside-the-tanh",
        "o * np.tanh(next_c)",
        "np.tanh(o * next_c)",
        "Gate and tanh are in the wrong order on the way from the cell to the hidden state. Which "
        "of the two comes last in the picture?",
        STEP,
    ),
    (
        "hidden-state-of-the-old-cell",
        "o * np.tanh(next_c)",
        "o * np.tanh(prev_c)",
        "Your hidden state is one step late: what is written in this step does not show. Which "
        "cell does it look at?",
        STEP,
    ),
    (
        "forget-gate-unused",
        "f * prev_c + i * g",
        "prev_c + i * g",
        "Your cell never forgets, as in the LSTM of 1997. Which gate multiplies the old cell?",
        WHY,
    ),
    (
        "input-gate-unused",
        "f * prev_c + i * g",
        "f * prev_c + g",
        "Every candidate enters your cell in full. Which gate decides whether it is written?",
        GATES,
    ),
    (
        "gates-coupled",
        "f * prev_c + i * g",
        "f * prev_c + (1 - f) * g",
        "One gate does both jobs in your step, so what is not kept is replaced. That is another "
        "unit; here keeping and writing are two decisions.",
        VARIANTS,
    ),
    (
        "forget-gate-inverted",
        "f * prev_c + i * g",
        "(1 - f) * prev_c + i * g",
        "Set the forget gate to 1 by a large bias: your cell is lost. Is f the share that is "
        "dropped, or the share that is kept?",
        GATES,
    ),
    (
        "old-cell-ignored",
        "f * prev_c + i * g",
        "i * g",
        "Change prev_c and look at the results: they stay the same. What is remembered from the "
        "step before?",
        STEP,
    ),
    (
        "forget-gate-on-the-written",
        "f * prev_c + i * g",
        "f * (prev_c + i * g)",
        "The forget gate acts on what you have just written, too. Which of the two terms of the "
        "new cell does it multiply?",
        STEP,
    ),
    (
        "cell-squashed",
        "f * prev_c + i * g",
        "np.tanh(f * prev_c + i * g)",
        "Your cell stays between -1 and 1 and cannot count to three. Is there a tanh on the line "
        "from cell to cell?",
        COUNTER,
    ),
    (
        "hidden-state-for-the-cell",
        "f * prev_c + i * g",
        "f * prev_h + i * g",
        "The forget gate multiplies the wrong one of the two states. Which of them is the memory?",
        STEP,
    ),
    (
        "gates-read-the-cell",
        "prev_h @ Wh",
        "prev_c @ Wh",
        "Your gates are computed from the cell. In this LSTM nobody but the next cell and the "
        "hidden state reads it: which state enters the pre-activations?",
        PEEPHOLES,
    ),
    (
        "previous-hidden-state-ignored",
        "x @ Wx + prev_h @ Wh + b",
        "x @ Wx + b",
        "Change prev_h and look at the results: they stay the same. How many arrows enter the "
        "pre-activations?",
        STEP,
    ),
    (  # A9
        "bias-missing",
        "prev_h @ Wh + b",
        "prev_h @ Wh",
        "With zero x and zero prev_h all your gates are one half. What else can move them?",
        STEP,
    ),
    (  # A9
        "bias-added-twice",
        "prev_h @ Wh + b",
        "prev_h @ Wh + 2 * b",
        "Test with zero x and zero prev_h: the pre-activations should be the bias, once. Two "
        "affine parts need only one bias between them.",
        TWO_BIASES,
    ),
    (
        "states-exchanged",
        "return next_h, next_c, cache",
        "return next_c, next_h, cache",
        "Both states are right and stand in each other's place. In which order does the docstring "
        "list them?",
        STEP,
    ),
)

LSTM_STEP_BACKWARD = group(
    "lstm_step_backward",
    (  # E10
        "gradient-at-the-cell-ignored",
        "dc = dnext_c + dnext_h * o",
        "dc = dnext_h * o",
        "Change dnext_c and look at your results: they stay the same. How many children does the "
        "cell have?",
        TWO_CHILDREN,
    ),
    (  # E11
        "gradient-at-the-hidden-state-ignored",
        "dc = dnext_c + dnext_h * o * (1 - tanh_c**2)",
        "dc = dnext_c",
        "With dnext_c = 0 all your gradients but that of the output gate are zero. How many "
        "children does the cell have?",
        TWO_CHILDREN,
    ),
    (
        "hidden-state-taken-for-the-cell",
        "dnext_c + dnext_h * o * (1 - tanh_c**2)",
        "dnext_c + dnext_h",
        "You add the two gradients as if both were at the cell already. What lies between the cell "
        "and the hidden state?",
        TWO_CHILDREN,
    ),
    (
        "gradient-at-the-cell-through-the-output",
        "dnext_c + dnext_h * o * (1 - tanh_c**2)",
        "(dnext_c + dnext_h) * o * (1 - tanh_c**2)",
        "Both gradients go through output gate and tanh in your code. By which way does dnext_c "
        "come to the cell?",
        TWO_CHILDREN,
    ),
    (
        "gradient-at-the-cell-through-the-tanh",
        "dnext_c + dnext_h * o * (1 - tanh_c**2)",
        "(dnext_c + dnext_h * o) * (1 - tanh_c**2)",
        "The slope of tanh multiplies both gradients in your code. Which of the two passes a tanh "
        "on its way to the cell?",
        TWO_CHILDREN,
    ),
    (  # E12
        "no-slope-of-the-cells-tanh",
        " * (1 - tanh_c**2)",
        "",
        "Which nonlinearity stands between the cell and the output gate? Its slope is missing on "
        "the way back.",
        BACKWARD,
    ),
    (
        "slope-of-the-cells-tanh-at-the-cell",
        "(1 - tanh_c**2)",
        "(1 - next_c**2)",
        "The slope of tanh is one minus the square of something: of the cell, or of its tanh?",
        BACKWARD,
    ),
    (
        "slope-of-the-cells-tanh-not-squared",
        "(1 - tanh_c**2)",
        "(1 - tanh_c)",
        "The slope of tanh is never above 1 and is the same at c and -c. Is yours?",
        BACKWARD,
    ),
    (
        "output-gate-missing-on-the-way-back",
        "dnext_h * o * (1",
        "dnext_h * (1",
        "Shut the output gate: nothing of the cell shows, so no gradient should come down from the "
        "hidden state. Does it in your code?",
        BACKWARD,
    ),
    (
        "no-tanh-in-the-output-gates-gradient",
        "do = dnext_h * tanh_c",
        "do = dnext_h * next_c",
        "Only what belongs to the output gate is off. By what is that gate multiplied in the "
        "forward step?",
        BACKWARD,
    ),
    (
        "output-gate-sees-the-cells-gradient",
        "do = dnext_h * tanh_c",
        "do = (dnext_h + dnext_c) * tanh_c",
        "The output gate acts on the hidden state of its own step alone. Which of the two incoming "
        "gradients can reach it?",
        BACKWARD,
    ),
    (
        "forget-gate-meets-the-new-cell",
        "df = dc * prev_c",
        "df = dc * next_c",
        "What belongs to the forget gate is off. Which cell does it multiply: the one before or "
        "after the step?",
        BACKWARD,
    ),
    (
        "forget-gate-meets-the-hidden-state",
        "df = dc * prev_c",
        "df = dc * prev_h",
        "What belongs to the forget gate is off. Which of the two old states does it multiply?",
        BACKWARD,
    ),
    (
        "input-gate-without-partner",
        "di = dc * g",
        "di = dc * i",
        "What belongs to the input gate is off. In a product, each factor's gradient is multiplied "
        "by the other one. Who is the other one?",
        BACKWARD,
    ),
    (
        "candidate-without-partner",
        "dg = dc * i",
        "dg = dc * g",
        "What belongs to the candidate is off. In a product, each factor's gradient is multiplied "
        "by the other one. Who is the other one?",
        BACKWARD,
    ),
    (
        "candidate-ungated",
        "dg = dc * i",
        "dg = dc",
        "What belongs to the candidate is off. Shut the input gate: nothing is written, so the "
        "candidate should learn nothing.",
        BACKWARD,
    ),
    (  # E13
        "forget-gate-missing-on-the-highway",
        "dprev_c = dc * f",
        "dprev_c = dc",
        "Only dprev_c is off. How large is the share of the old cell in the new one?",
        HIGHWAY,
    ),
    (
        "old-cell-from-later-steps-only",
        "dprev_c = dc * f",
        "dprev_c = dnext_c * f",
        "Only dprev_c is off: it does not know of the hidden state of this step. Which gradient is "
        "that of the whole cell?",
        HIGHWAY,
    ),
    (
        "old-cell-by-the-input-gate",
        "dprev_c = dc * f",
        "dprev_c = dc * i",
        "Only dprev_c is off. Which gate multiplies the old cell?",
        HIGHWAY,
    ),
    (  # E16
        "no-slope-of-the-sigmoids",
        "np.hstack([da_i, da_f, da_o, da_g])",
        "np.hstack([di, df, do, da_g])",
        "The candidate's block is right, the gates' blocks are not: which node stands between a "
        "pre-activation and its gate?",
        BACKWARD,
    ),
    (
        "slope-of-tanh-for-the-gates",
        "np.hstack([da_i, da_f, da_o, da_g])",
        "np.hstack([di * (1 - i**2), df * (1 - f**2), do * (1 - o**2), da_g])",
        "The candidate's block is right, the gates' blocks are not. There are two nonlinearities "
        "in the step and each has a slope of its own.",
        BACKWARD,
    ),
    (  # E16
        "sigmoid-applied-twice",
        "np.hstack([da_i, da_f, da_o, da_g])",
        "np.hstack([*(d / (2 + 2 * np.cosh(s)) for d, s in ((di, i), (df, f), (do, o))), da_g])",
        "The gates' blocks are off. If your cache holds the gates, the sigmoid has been applied "
        "already. At which point do you take its slope?",
        BACKWARD,
    ),
    (
        "slope-overflows",
        "np.hstack([da_i, da_f, da_o, da_g])",
        "np.hstack([*(d * np.exp(-v) / (1 + np.exp(-v)) ** 2 for d, v in zip((di, df, do), "
        "(np.log(s) - np.log(1 - s) for s in (i, f, o)))), da_g])",
        "Right for moderate numbers. But the exponential of 1000 is infinite, and infinity over "
        "infinity is no number. Can the slope of the sigmoid be written with the gate itself?",
        BACKWARD,
    ),
    (
        "no-slope-of-the-candidate",
        "da_g = dg * (1 - g**2)",
        "da_g = dg",
        "The gates' blocks are right, the candidate's is not: which node stands between its "
        "pre-activation and the candidate?",
        BACKWARD,
    ),
    (  # E18
        "sigmoid-slope-of-the-candidate",
        "dg * (1 - g**2)",
        "dg * g * (1 - g)",
        "The gates' blocks are right, the candidate's is not. Is the candidate a sigmoid?",
        BACKWARD,
    ),
    (
        "candidates-tanh-applied-twice",
        "(1 - g**2)",
        "(1 - np.tanh(g) ** 2)",
        "Only the candidate's block is off. If your cache holds the candidate, tanh has been "
        "applied already. At which point do you take the slope?",
        BACKWARD,
    ),
    (  # E22
        "bracket-missing-everywhere",
        "np.hstack([da_i, da_f, da_o, da_g])",
        "np.hstack([v + (1 - s) * u * dnext_c for v, s, u in ((da_i, i * (1 - i), g), "
        "(da_f, f * (1 - f), prev_c), (da_o, 0, 0), (da_g, 1 - g**2, i))])",
        "Right when dnext_c is zero. A sum comes down from the cell: does each slope multiply all "
        "of it, or one of its terms?",
        BACKWARD,
    ),
    (  # E22
        "bracket-missing-at-the-input-gate",
        "da_i = di * i * (1 - i)",
        "da_i = dnext_c * g + (di - dnext_c * g) * i * (1 - i)",
        "What belongs to the input gate is right only when dnext_c is zero. A sum comes down from "
        "the cell: does the slope multiply all of it?",
        BACKWARD,
    ),
    (  # E22
        "bracket-missing-at-the-forget-gate",
        "da_f = df * f * (1 - f)",
        "da_f = dnext_c * prev_c + (df - dnext_c * prev_c) * f * (1 - f)",
        "What belongs to the forget gate is right only when dnext_c is zero. A sum comes down from "
        "the cell: does the slope multiply all of it?",
        BACKWARD,
    ),
    (  # E22
        "bracket-missing-at-the-candidate",
        "da_g = dg * (1 - g**2)",
        "da_g = dnext_c * i + (dg - dnext_c * i) * (1 - g**2)",
        "What belongs to the candidate is right only when dnext_c is zero. A sum comes down from "
        "the cell: does the slope multiply all of it?",
        BACKWARD,
    ),
    (  # E1
        "blocks-in-the-order-of-torch",
        "[da_i, da_f, da_o, da_g]",
        "[da_i, da_f, da_g, da_o]",
        "The gradients of the last two blocks have changed places: this is PyTorch's order. In "
        "which order do the columns of Wx lie here?",
        ORDER,
    ),
    (  # E7
        "blocks-of-input-and-forget-gate-swapped",
        "[da_i, da_f, da_o, da_g]",
        "[da_f, da_i, da_o, da_g]",
        "The gradients of the first two blocks have changed places. Which gate has the first "
        "columns of Wx?",
        ORDER,
    ),
    (
        "blocks-with-the-candidate-first",
        "[da_i, da_f, da_o, da_g]",
        "[da_g, da_i, da_f, da_o]",
        "Your blocks begin with the candidate's gradient. Which block has the first columns of Wx?",
        ORDER,
    ),
    (
        "blocks-interleaved",
        "np.hstack([da_i, da_f, da_o, da_g])",
        "np.stack([da_i, da_f, da_o, da_g], axis=2).reshape(len(x), -1)",
        "Every fourth column of your gradients belongs to the same gate. How do the blocks lie "
        "in Wx: mixed, or side by side?",
        ORDER,
    ),
    (  # A6
        "dwh-from-the-new-state",
        "prev_h.T @ da",
        "(o * tanh_c).T @ da",
        "Only dWh is off. A weight's gradient pairs what enters the product with the gradient of "
        "what leaves it. Which state enters?",
        BACKWARD,
    ),
    (
        "dwh-from-the-cell",
        "prev_h.T @ da",
        "prev_c.T @ da",
        "Only dWh is off. Which of the two old states is multiplied by Wh in the forward step?",
        BACKWARD,
    ),
    (
        "dprev-h-kept-like-a-cell",
        "dprev_h = da @ Wh.T",
        "dprev_h = da @ Wh.T + dnext_h",
        "Only dprev_h is off. Is there a straight line from one hidden state to the next, as there "
        "is from cell to cell?",
        HIGHWAY,
    ),
    (  # A7
        "db-averaged",
        "da.sum(axis=0)",
        "da.mean(axis=0)",
        "db is too small by a factor that grows with the batch. Whether samples are summed or "
        "averaged is decided in the loss, once.",
        SHARED,
    ),
    (
        "weight-gradients-averaged",
        "return dx, dprev_h, dprev_c, dWx, dWh, db",
        "return dx, dprev_h, dprev_c, dWx / len(x), dWh / len(x), db / len(x)",
        "All weight gradients are too small by a factor that grows with the batch. Whether samples "
        "are summed or averaged is in the gradients that you are given already.",
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
        "gradients-of-the-states-exchanged",
        "return dx, dprev_h, dprev_c,",
        "return dx, dprev_c, dprev_h,",
        "The gradients of the two old states stand in each other's place. In which order does the "
        "docstring list them?",
        BACKWARD,
    ),
)

LSTM_FORWARD = group(
    "lstm_forward",
    (  # E21
        "cell-not-carried",
        "(x[:, t], state, cell,",
        "(x[:, t], state, np.zeros_like(cell),",
        "Every step of yours starts from an empty cell, so nothing is remembered there. How many "
        "states travel from step to step?",
        SEQUENCE,
    ),
    (  # E21
        "hidden-state-not-carried",
        "(x[:, t], state, cell,",
        "(x[:, t], h0, cell,",
        "The first step is right. Which hidden state do the gates of the third step look at?",
        SEQUENCE,
    ),
    (
        "nothing-carried",
        "(x[:, t], state, cell,",
        "(x[:, t], h0, np.zeros_like(h0),",
        "The first step is right, the others remember nothing at all. What do they get from the "
        "step before?",
        SEQUENCE,
    ),
    (  # B1
        "initial-state-ignored",
        "state, cell = h0, ",
        "state, cell = np.zeros_like(h0), ",
        "Change h0 and look at the result: it stays the same. What do the gates of the first step "
        "look at?",
        INITIAL,
    ),
    (
        "cell-starts-as-the-hidden-state",
        "np.zeros_like(h0)",
        "h0",
        "Your memory is not empty at the start. What does the docstring say about the initial "
        "cell?",
        SEQUENCE,
    ),
    (
        "states-exchanged-on-the-way",
        "state, cell, step_cache = ",
        "cell, state, step_cache = ",
        "Hidden state and cell have changed places between the steps. Which comes first among the "
        "results of the step?",
        SEQUENCE,
    ),
    (
        "cells-returned",
        "states.append(state)",
        "states.append(cell)",
        "Some of your results are larger than 1 in size. Which of the two states does the rest of "
        "the network see?",
        SEQUENCE,
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

LSTM_BACKWARD = group(
    "lstm_backward",
    (  # E21
        "cells-message-lost",
        "dh[:, t] + dprev_h, dprev_c",
        "dh[:, t] + dprev_h, np.zeros_like(dprev_c)",
        "The gradient along the cell ends after one step of yours. Two states travel forward: how "
        "many messages travel back?",
        TWO_CHILDREN,
    ),
    (  # B3
        "hidden-states-message-lost",
        "dh[:, t] + dprev_h, dprev_c",
        "dh[:, t], dprev_c",
        "The hidden state has two children: the output of its step and the gates of the next one. "
        "Which of the two is missing?",
        CHILDREN,
    ),
    (  # B3
        "both-messages-lost",
        "dh[:, t] + dprev_h, dprev_c",
        "dh[:, t], np.zeros_like(dprev_c)",
        "Nothing comes back from later steps in your loop. What did the step that you have just "
        "gone through return for the two states before it?",
        TWO_CHILDREN,
    ),
    (  # B4
        "own-output-ignored",
        "dh[:, t] + dprev_h, dprev_c",
        "dh[:, t] if t == T - 1 else dprev_h, dprev_c",
        "Right if only the last output counts in the loss. The hidden state has two children: the "
        "next step and the output of its own step.",
        CHILDREN,
    ),
    (
        "outputs-at-the-cell-too",
        "dh[:, t] + dprev_h, dprev_c",
        "dh[:, t] + dprev_h, dh[:, t] + dprev_c",
        "You hand the gradient of the output to the cell as well. By which way does it come there, "
        "and which function goes that way already?",
        TWO_CHILDREN,
    ),
    (
        "outputs-at-the-cell-instead",
        "dh[:, t] + dprev_h, dprev_c",
        "dprev_h, dh[:, t] + dprev_c",
        "You hand the gradient of the output to the cell. Which of the two states does the output "
        "read?",
        TWO_CHILDREN,
    ),
    (
        "messages-exchanged",
        "dx[t], dprev_h, dprev_c, dWx_t",
        "dx[t], dprev_c, dprev_h, dWx_t",
        "The messages to hidden state and cell have changed places. In which order does your step "
        "return them?",
        BACKWARD,
    ),
    (
        "last-output-counted-twice",
        "dprev_h, dprev_c = np.zeros_like(dh[:, 0]), ",
        "dprev_h, dprev_c = dh[:, -1], ",
        "The gradient of the last output is in there twice. What comes back from the future at the "
        "last step, where there is no future?",
        TWO_CHILDREN,
    ),
    (
        "last-cell-gets-the-last-output",
        "dprev_h, dprev_c = np.zeros_like(dh[:, 0]), np.zeros_like(dh[:, 0])",
        "dprev_h, dprev_c = np.zeros_like(dh[:, 0]), dh[:, -1]",
        "Something reaches the last cell from a later step in your code. Is there one?",
        TWO_CHILDREN,
    ),
    (
        "outputs-misaligned",
        "dh[:, t] + dprev_h, dprev_c",
        "dh[:, t - 1] + dprev_h, dprev_c",
        "The gradients of the outputs are attached to the states one step off. Which output "
        "belongs to the state that step t makes?",
        SEQUENCE,
    ),
    (
        "time-forwards",
        "reversed(range(T))",
        "range(T)",
        "You visit the steps in the order of the forward pass. Which gradients must be complete "
        "before you can compute those of step t?",
        BACKWARD,
    ),
    (  # B11
        "one-cache-for-all-steps",
        "cache[t]",
        "cache[-1]",
        "Every step goes back through the last one. Does each step find its own cache, or have "
        "they become one?",
        SEQUENCE,
    ),
    (
        "cache-of-the-neighbour",
        "cache[t]",
        "cache[t - 1]",
        "The caches are one step off. Which cache belongs to the step that made state t?",
        SEQUENCE,
    ),
    (
        "caches-in-reverse",
        "cache[t]",
        "cache[T - 1 - t]",
        "Time runs backwards in your loop, and the caches run forwards. Which cache belongs to "
        "the step that made state t?",
        SEQUENCE,
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
        "derivative: the states before are held fixed.",
        IMMEDIATE,
    ),
    (  # B8
        "dh0-zero",
        "return dx, dprev_h,",
        "return dx, np.zeros_like(dprev_h),",
        "Your dh0 is zero: whatever made h0 (an image, an encoder) would never learn. The first "
        "step has a previous hidden state too.",
        DH0,
    ),
    (
        "dh0-of-the-cell",
        "return dx, dprev_h,",
        "return dx, dprev_c,",
        "Your dh0 belongs to the other initial state, which is a constant here. Which of the two "
        "last messages do you return?",
        DH0,
    ),
    (
        "dh0-of-the-first-output",
        "return dx, dprev_h,",
        "return dx, dnext_h,",
        "Your dh0 belongs to the hidden state after the first step. One step is left to go.",
        DH0,
    ),
    (
        "dx-in-reverse",
        "np.stack(dx, axis=1)",
        "np.stack(dx[::-1], axis=1)",
        "The gradients of the inputs are right and stand in the order in which you computed them. "
        "In which order are the inputs?",
        SEQUENCE,
    ),
    (
        "dx-time-first",
        "np.stack(dx, axis=1)",
        "np.stack(dx, axis=0)",
        "The axes of your dx are (T, N, D); the batch comes first in this course.",
        SHAPES,
    ),
)

GRU_STEP_FORWARD = group(
    "gru_step_forward",
    (  # F2
        "reset-after-the-product",
        "(r * prev_h) @ Wh[:, 2 * H :]",
        "r * (prev_h @ Wh[:, 2 * H :])",
        "Your reset gate chooses among the units of the candidate, as PyTorch's does. In this "
        "course it chooses among the units of the old state: on which side of the product is that?",
        RESET,
    ),
    (  # F2
        "reset-of-the-bias-too",
        "from_x[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :]",
        "from_x[:, 2 * H :] - b[2 * H :] + r * (prev_h @ Wh[:, 2 * H :] + b[2 * H :])",
        "Your reset gate multiplies the bias of the candidate as well. What is it meant to shut "
        "out: the past, or everything but the input?",
        RESET,
    ),
    (  # F2
        "gru-of-torch",
        "n = np.tanh(from_x[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :])",
        "z, r = r, z; n = np.tanh(from_x[:, 2 * H :] + r * (prev_h @ Wh[:, 2 * H :]))",
        "This is PyTorch's unit. Two things are different here: which gate has the first columns, "
        "and on which side of the product does the reset gate act?",
        RESET,
    ),
    (  # F3
        "reset-gate-unused",
        "(r * prev_h) @",
        "prev_h @",
        "Shut the reset gate by a large negative bias: the candidate should no longer know of the "
        "old state. Does yours?",
        GRU_STEP,
    ),
    (
        "reset-gate-inverted",
        "(r * prev_h) @",
        "((1 - r) * prev_h) @",
        "With r near 1 your candidate sees nothing of the old state. Which end of the reset gate "
        "lets the past through?",
        GRU_STEP,
    ),
    (
        "update-gate-resets",
        "(r * prev_h) @",
        "(z * prev_h) @",
        "One gate does both jobs in your step: what the candidate may see is decided by the gate "
        "that is meant for the mixing.",
        GRU_STEP,
    ),
    (  # F4
        "sigmoid-candidate",
        "np.tanh(from_x[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :])",
        "0.5 + 0.5 * np.tanh(0.5 * (from_x[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :]))",
        "Your candidate is never negative, so a state above zero can never go below it. Is the "
        "candidate a gate?",
        GRU_STEP,
    ),
    (
        "update-gate-replaces",
        "z * prev_h + (1 - z) * n",
        "(1 - z) * prev_h + z * n",
        "With z near 1 your state is replaced. Sources differ in what z means: is it the share "
        "that stays or the share that is new in this course?",
        KEEP,
    ),
    (
        "gates-exchanged",
        "z, r = np.split",
        "r, z = np.split",
        "Update gate and reset gate have changed places, as they lie in other libraries. Which of "
        "them has the first columns here?",
        KEEP,
    ),
    (
        "candidate-first",
        "H = prev_h.shape[1]",
        "H = prev_h.shape[1]; Wx, Wh, b = (np.roll(v, -H, axis=-1) for v in (Wx, Wh, b))",
        "You take the candidate's weights from the first columns. In which order do the three "
        "blocks lie?",
        GRU_STEP,
    ),
    (
        "gates-interleaved",
        "np.split(0.5 + 0.5 * np.tanh(0.5 * gates), 2, axis=1)",
        "(0.5 + 0.5 * np.tanh(0.5 * gates[:, k::2]) for k in range(2))",
        "You take every second column for a gate. The blocks lie side by side: which columns "
        "belong to the first one?",
        GRU_STEP,
    ),
    (
        "tanh-gates",
        "np.split(0.5 + 0.5 * np.tanh(0.5 * gates), 2, axis=1)",
        "np.split(np.tanh(gates), 2, axis=1)",
        "Some of your gates are negative. Between which two numbers does a gate lie?",
        GRU_STEP,
    ),
    (
        "sigmoid-overflows",
        "0.5 + 0.5 * np.tanh(0.5 * gates)",
        "np.exp(gates) / (1 + np.exp(gates))",
        "Right for moderate numbers. But exp of 1000 is infinite, and infinity over infinity is no "
        "number. Is there a form whose exponential is only ever in the denominator?",
        GRU_STEP,
    ),
    (
        "sigmoid-too-steep",
        "np.tanh(0.5 * gates)",
        "np.tanh(gates)",
        "Range and middle of your gates are right, the slope there is twice what it should be. A "
        "sigmoid is a moved tanh of another argument: of which?",
        GRU_STEP,
    ),
    (
        "no-nonlinearity-in-the-candidate",
        "np.tanh(from_x[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :])",
        "from_x[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :]",
        "Your candidate can take any size. What stands between its pre-activation and itself?",
        GRU_STEP,
    ),
    (
        "gates-ignore-the-state",
        "from_x[:, : 2 * H] + prev_h @ Wh[:, : 2 * H]",
        "from_x[:, : 2 * H]",
        "Your gates are computed from the input alone. What else do they look at?",
        GRU_STEP,
    ),
    (
        "gates-see-the-reset-state",
        "np.split(0.5 + 0.5 * np.tanh(0.5 * gates), 2, axis=1)",
        "(lambda z, r: (0.5 + 0.5 * np.tanh(0.5 * (from_x[:, :H] + (r * prev_h) @ Wh[:, :H])), r))"
        "(*np.split(0.5 + 0.5 * np.tanh(0.5 * gates), 2, axis=1))",
        "Your update gate looks at what the reset gate has left of the old state. Whose business "
        "is the reset state?",
        GRU_STEP,
    ),
    (
        "candidate-ignores-the-state",
        "from_x[:, 2 * H :] + (r * prev_h) @ Wh[:, 2 * H :]",
        "from_x[:, 2 * H :]",
        "Your candidate is computed from the input alone. What of the old state may it see?",
        GRU_STEP,
    ),
    (
        "candidate-sees-the-state-unweighted",
        "(r * prev_h) @ Wh[:, 2 * H :]",
        "r * prev_h",
        "What passes the reset gate enters your candidate as it is. What lies between the two?",
        GRU_STEP,
    ),
    (
        "state-kept-in-full",
        "z * prev_h + (1 - z) * n",
        "prev_h + (1 - z) * n",
        "Your state keeps all of the past and adds to it. The update gate has two jobs, and what "
        "it takes from one side it gives to the other.",
        GRU_STEP,
    ),
    (
        "candidate-ungated",
        "z * prev_h + (1 - z) * n",
        "z * prev_h + n",
        "Set z to 1 by a large bias: the state should stay as it is, whatever arrives. Does yours?",
        GRU_STEP,
    ),
    (
        "state-also-reset-in-the-mix",
        "z * prev_h + (1 - z) * n",
        "z * r * prev_h + (1 - z) * n",
        "The reset gate also cuts down what is kept. What does it act on: the state that stays, or "
        "the state that the candidate sees?",
        GRU_STEP,
    ),
    (
        "bias-missing",
        "x @ Wx + b",
        "x @ Wx",
        "With zero x and zero prev_h both your gates are one half. What else can move them?",
        GRU_STEP,
    ),
    (
        "bias-of-the-candidate-missing",
        "np.tanh(from_x[:, 2 * H :] +",
        "np.tanh(from_x[:, 2 * H :] - b[2 * H :] +",
        "The gates are right, the candidate is not: with zero x and zero prev_h yours is zero. How "
        "many blocks does the bias have?",
        GRU_STEP,
    ),
)

GRU_STEP_BACKWARD = group(
    "gru_step_backward",
    (
        "candidate-missing-in-the-update-gates-gradient",
        "dnext_h * (prev_h - n)",
        "dnext_h * prev_h",
        "What belongs to z is off. More of z keeps more of the old state, and takes less of "
        "something else.",
        GRU_BACKWARD,
    ),
    (
        "old-state-missing-in-the-update-gates-gradient",
        "dnext_h * (prev_h - n)",
        "dnext_h * -n",
        "What belongs to z is off. More of z takes less of the candidate, and keeps more of "
        "something else.",
        GRU_BACKWARD,
    ),
    (
        "update-gates-gradient-of-the-other-convention",
        "(prev_h - n)",
        "(n - prev_h)",
        "What belongs to z has the opposite sign. Is z the share that stays or the share that is "
        "new?",
        KEEP,
    ),
    (
        "both-terms-added-in-the-update-gates-gradient",
        "(prev_h - n)",
        "(prev_h + n)",
        "What belongs to z is off. Does an increase of z add to the weight of the candidate?",
        GRU_BACKWARD,
    ),
    (
        "candidate-by-the-other-end",
        "dnext_h * (1 - z)",
        "dnext_h * z",
        "What belongs to the candidate is off. Which share of it is in the new state?",
        KEEP,
    ),
    (
        "candidate-ungated",
        "dnext_h * (1 - z)",
        "dnext_h",
        "What belongs to the candidate is off. With z near 1 it has no influence on the new state; "
        "which gradient should it get?",
        GRU_BACKWARD,
    ),
    (
        "no-slope-of-the-update-gate",
        "dz * z * (1 - z)",
        "dz",
        "What belongs to z is off. Which node stands between its pre-activation and the gate?",
        GRU_BACKWARD,
    ),
    (
        "no-slope-of-the-reset-gate",
        "dr * r * (1 - r)",
        "dr",
        "What belongs to r is off. Which node stands between its pre-activation and the gate?",
        GRU_BACKWARD,
    ),
    (
        "no-slope-of-the-candidate",
        "dn * (1 - n**2)",
        "dn",
        "What belongs to the candidate, and to the reset gate inside it, is off. Which node stands "
        "between its pre-activation and the candidate?",
        GRU_BACKWARD,
    ),
    (
        "sigmoid-slope-of-the-candidate",
        "dn * (1 - n**2)",
        "dn * n * (1 - n)",
        "What belongs to the candidate is off. n (1 - n) is the slope of another nonlinearity than "
        "its own. Of which?",
        GRU_BACKWARD,
    ),
    (
        "candidates-tanh-applied-twice",
        "(1 - n**2)",
        "(1 - np.tanh(n) ** 2)",
        "What belongs to the candidate is off. If your cache holds the candidate, tanh has been "
        "applied already. At which point do you take the slope?",
        GRU_BACKWARD,
    ),
    (
        "slope-overflows",
        "np.hstack([da_z, da_r, da_n])",
        "np.hstack([*(d * np.exp(-v) / (1 + np.exp(-v)) ** 2 for d, v in zip((dz, dr), "
        "(np.log(s) - np.log(1 - s) for s in (z, r)))), da_n])",
        "Right for moderate numbers. But the exponential of 1000 is infinite, and infinity over "
        "infinity is no number. Can the slope of the sigmoid be written with the gate itself?",
        GRU_BACKWARD,
    ),
    (
        "tanh-slope-of-the-update-gate",
        "dz * z * (1 - z)",
        "dz * (1 - z**2)",
        "What belongs to z is off. There are two nonlinearities in the step and each has a slope "
        "of its own.",
        GRU_BACKWARD,
    ),
    (
        "tanh-slope-of-the-reset-gate",
        "dr * r * (1 - r)",
        "dr * (1 - r**2)",
        "What belongs to r is off. There are two nonlinearities in the step and each has a slope "
        "of its own.",
        GRU_BACKWARD,
    ),
    (
        "candidates-weights-meet-the-old-state",
        "q.T @ da_n",
        "prev_h.T @ da_n",
        "Only the last block of dWh is off. A weight's gradient pairs the gradient with what went "
        "into the product. What went into the candidate's?",
        GRU_BACKWARD,
    ),
    (
        "gates-weights-meet-the-reset-state",
        "[prev_h.T @ da_z, prev_h.T @ da_r, q.T @ da_n]",
        "[q.T @ da_z, q.T @ da_r, q.T @ da_n]",
        "The first two blocks of dWh are off. Which state do the gates look at: the whole one, or "
        "what the reset gate has left?",
        GRU_BACKWARD,
    ),
    (  # F2
        "reset-gate-behind-the-product",
        "dr = dq * prev_h",
        "dr = da_n * (prev_h @ Wh_n)",
        "What belongs to r is off: you differentiate a reset gate that acts on the product. On "
        "what does yours act in the forward step?",
        RESET,
    ),
    (
        "reset-gate-without-partner",
        "dr = dq * prev_h",
        "dr = dq",
        "What belongs to r is off. In a product, each factor's gradient is multiplied by the other "
        "one. Who is the other one?",
        GRU_BACKWARD,
    ),
    (
        "reset-gate-past-the-weights",
        "dr = dq * prev_h",
        "dr = da_n * prev_h",
        "What belongs to r is off. Between the reset gate and the candidate's pre-activation lies "
        "a matrix.",
        GRU_BACKWARD,
    ),
    (
        "reset-gate-learns-nothing",
        "dr = dq * prev_h",
        "dr = np.zeros_like(r)",
        "Your reset gate gets no gradient at all. By which way does it act on the new state?",
        GRU_BACKWARD,
    ),
    (
        "candidates-weights-not-transposed",
        "da_n @ Wh_n.T",
        "da_n @ Wh_n",
        "Forward, the reset state is multiplied by the candidate's matrix, and unit i feeds unit "
        "j. Which index is summed on the way back from j to i?",
        GRU_BACKWARD,
    ),
    (
        "candidates-weights-left-out",
        "dq = da_n @ Wh_n.T",
        "dq = da_n",
        "dprev_h and what belongs to r are off. Between the reset state and the candidate's "
        "pre-activation lies a matrix.",
        GRU_BACKWARD,
    ),
    (
        "gates-weights-not-transposed",
        "da_z @ Wh_z.T + da_r @ Wh_r.T",
        "da_z @ Wh_z + da_r @ Wh_r",
        "Only dprev_h is off. Unit i of the old state feeds unit j of a gate: which index is "
        "summed on the way back from j to i?",
        GRU_BACKWARD,
    ),
    (
        "kept-state-ignored",
        "dnext_h * z + dq * r",
        "dq * r",
        "Only dprev_h is off. In the picture four arrows leave the old state. Did you come back "
        "along the straight one?",
        GRU_BACKWARD,
    ),
    (
        "way-through-the-candidate-ignored",
        "dnext_h * z + dq * r +",
        "dnext_h * z +",
        "Only dprev_h is off. In the picture four arrows leave the old state. Did you come back "
        "along the one to the candidate?",
        GRU_BACKWARD,
    ),
    (
        "way-through-the-gates-ignored",
        "dq * r + through_gates",
        "dq * r",
        "Only dprev_h is off. In the picture four arrows leave the old state. Did you come back "
        "along those to the gates?",
        GRU_BACKWARD,
    ),
    (
        "way-through-the-update-gate-ignored",
        "through_gates = da_z @ Wh_z.T + da_r @ Wh_r.T",
        "through_gates = da_r @ Wh_r.T",
        "Only dprev_h is off. Four arrows leave the old state. Which gates does it feed?",
        GRU_BACKWARD,
    ),
    (
        "way-through-the-reset-gate-ignored",
        "through_gates = da_z @ Wh_z.T + da_r @ Wh_r.T",
        "through_gates = da_z @ Wh_z.T",
        "Only dprev_h is off. Four arrows leave the old state, and one of the gates that it feeds "
        "has no way back in your code.",
        GRU_BACKWARD,
    ),
    (
        "only-the-kept-state",
        "dnext_h * z + dq * r + through_gates",
        "dnext_h * z",
        "Only dprev_h is off: you have come back along the straight line alone. In the picture "
        "four arrows leave the old state.",
        GRU_BACKWARD,
    ),
    (
        "reset-gate-missing-on-the-way-back",
        "dq * r +",
        "dq +",
        "Only dprev_h is off. Shut the reset gate: the candidate knows nothing of the old state, "
        "so nothing should come back through it.",
        GRU_BACKWARD,
    ),
    (
        "update-gate-missing-on-the-way-back",
        "dnext_h * z + dq",
        "dnext_h + dq",
        "Only dprev_h is off. How large is the share of the old state in the new one?",
        GRU_BACKWARD,
    ),
    (
        "update-gates-other-end-on-the-way-back",
        "dnext_h * z + dq",
        "dnext_h * (1 - z) + dq",
        "Only dprev_h is off. Is z the share of the old state that stays or the share that goes?",
        KEEP,
    ),
    (
        "blocks-exchanged",
        "np.hstack([da_z, da_r, da_n])",
        "np.hstack([da_r, da_z, da_n])",
        "The gradients of the two gates have changed places in dx, dWx and db. Which gate has the "
        "first columns of Wx?",
        GRU_STEP,
    ),
    (
        "blocks-of-dwh-exchanged",
        "[prev_h.T @ da_z, prev_h.T @ da_r, q.T @ da_n]",
        "[prev_h.T @ da_r, prev_h.T @ da_z, q.T @ da_n]",
        "The first two blocks of dWh have changed places. Which gate has the first columns of Wh?",
        GRU_STEP,
    ),
    (  # A7
        "db-averaged",
        "da.sum(axis=0)",
        "da.mean(axis=0)",
        "db is too small by a factor that grows with the batch. Whether samples are summed or "
        "averaged is decided in the loss, once.",
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
        "weight-gradients-averaged",
        "return dx, dprev_h, dWx, dWh, db",
        "return dx, dprev_h, dWx / len(x), dWh / len(x), db / len(x)",
        "All weight gradients are too small by a factor that grows with the batch. Whether samples "
        "are summed or averaged is in the gradient that you are given already.",
        SHARED,
    ),
)

LSTM_TO_TORCH = group(
    "lstm_to_torch",
    (  # E1
        "order-unchanged",
        "[i, f, g, o]",
        "[i, f, o, g]",
        "All shapes fit and the states do not. In which order does torch stack the blocks, and in "
        "which do yours lie?",
        ORDER,
    ),
    (
        "order-of-tensorflow",
        "[i, f, g, o]",
        "[i, g, f, o]",
        "The candidate is in the second block of your tensors. Where does torch look for it?",
        ORDER,
    ),
    (
        "forget-gate-first",
        "[i, f, g, o]",
        "[f, i, g, o]",
        "The first two blocks of your tensors have changed places. With which gate does torch "
        "begin?",
        ORDER,
    ),
    (
        "order-of-onnx",
        "[i, f, g, o]",
        "[i, o, f, g]",
        "The output gate is in the second block of your tensors. Where does torch look for it?",
        ORDER,
    ),
    (
        "bias-order-unchanged",
        '"bias_ih_l0": convert(b)',
        '"bias_ih_l0": torch.as_tensor(b)',
        "The weights are in torch's order, the bias is not. Which of the three arrays have blocks?",
        ORDER,
    ),
    (
        "input-order-unchanged",
        "convert(Wx),",
        "torch.tensor(np.ascontiguousarray(Wx.T)),",
        "Your weights from the input are transposed and their blocks are where they were. Which of "
        "the three arrays have blocks?",
        ORDER,
    ),
    (
        "recurrent-order-unchanged",
        "convert(Wh),",
        "torch.tensor(np.ascontiguousarray(Wh.T)),",
        "The states of the first step are right if the initial state is zero, the later ones are "
        "not. Which of the three arrays is used from the second step on only?",
        ORDER,
    ),
    (  # E23
        "bias-twice",
        "torch.zeros(len(b))",
        "convert(b)",
        "Your gates see twice the bias. What does torch do with its two biases?",
        TWO_BIASES,
    ),
    (  # E1 and E23
        "order-unchanged-and-bias-twice",
        "i, f, o, g = np.split(array.T, 4)",
        "i, f, g, o = np.split(array.T * (3 - array.ndim), 4)",
        "Two things are off. In which order does torch stack the blocks? And what does it do with "
        "its two biases?",
        TWO_BIASES,
    ),
    (  # E23
        "forget-bias-added",
        "torch.zeros(len(b))",
        "torch.tensor(np.repeat([0.0, 1.0, 0.0, 0.0], len(b) // 4))",
        "The forget gates have a bias that b does not have. Is this the place to initialise "
        "anything?",
        TWO_BIASES,
    ),
    (
        "bias-lost",
        "convert(b)",
        "0 * convert(b)",
        "Your module has no bias at all. What becomes of b?",
        TWO_BIASES,
    ),
    (
        "reshape-for-transpose",
        "array.T",
        "array.reshape(array.shape[::-1])",
        "The shapes fit and the numbers are mixed up: reshape relabels the numbers in the order in "
        "which they lie in memory. Which operation exchanges two axes?",
        SHAPES,
    ),
    (
        "blocks-not-transposed",
        "convert(Wh),",
        "convert(np.hstack([v.T for v in np.split(Wh, 4, axis=1)])),",
        "The blocks of your recurrent weights lie below each other, each as it was. Row or column "
        "vectors: what does torch multiply by what?",
        ORDER,
    ),
    (
        "blocks-interleaved",
        "np.split(array.T, 4)",
        "(array.T[k::4] for k in range(4))",
        "You take every fourth row for a block. The blocks lie one after the other: which rows "
        "belong to the first one?",
        ORDER,
    ),
    (
        "signs-changed",
        "torch.tensor(np",
        "-torch.tensor(np",
        "All your weights have the opposite sign. What would an open gate become?",
        ORDER,
    ),
)

INIT_LSTM_BIAS = group(
    "init_lstm_bias",
    (
        "first-block",
        "b[H : 2 * H]",
        "b[:H]",
        "You set the bias of the input gate, so that everything is written. Which block is that of "
        "the forget gate?",
        ORDER,
    ),
    (
        "third-block",
        "b[H : 2 * H]",
        "b[2 * H : 3 * H]",
        "You set the bias of the output gate, so that everything is shown. Which block is that of "
        "the forget gate?",
        ORDER,
    ),
    (
        "last-block",
        "b[H : 2 * H]",
        "b[3 * H :]",
        "You set the bias of the candidate. Which block is that of the forget gate?",
        ORDER,
    ),
    (
        "every-block",
        "b[H : 2 * H]",
        "b[:]",
        "All gates and the candidate get the bias in your vector. Which one of them decides on "
        "keeping?",
        BIAS,
    ),
    (
        "every-fourth-entry",
        "b[H : 2 * H]",
        "b[1::4]",
        "You set every fourth entry. The blocks lie one after the other: which entries belong to "
        "the second one?",
        ORDER,
    ),
    (
        "one-unit-only",
        "b[H : 2 * H]",
        "b[H : H + 1]",
        "One unit gets the bias, the others do not. How many forget gates are there?",
        BIAS,
    ),
    (
        "forget-block-only",
        "return b",
        "return b[H : 2 * H]",
        "You return the biases of the forget gates. How many blocks does b have?",
        ORDER,
    ),
    (
        "as-a-row",
        "return b",
        "return b[None]",
        "Your result has two axes. Which shape does the step expect of b?",
        SHAPES,
    ),
    (
        "ones-elsewhere",
        "np.zeros(4 * H)",
        "np.ones(4 * H)",
        "The forget gates are right. What do the others start with?",
        BIAS,
    ),
    (
        "gate-for-the-bias",
        "= forget_bias",
        "= 1 / (1 + np.exp(-float(forget_bias)))",
        "You store what the gate becomes. The bias acts before the sigmoid.",
        BIAS,
    ),
    (
        "softplus-of-the-bias",
        "= forget_bias",
        "= np.log1p(np.exp(float(forget_bias)))",
        "You store a function of the bias that was asked for. Is any function of it asked for?",
        BIAS,
    ),
    (  # E23
        "half-of-it",
        "= forget_bias",
        "= forget_bias / 2",
        "Your bias is half of what is asked for. Two biases are torch's way; how many are there "
        "here?",
        TWO_BIASES,
    ),
    (  # E23
        "twice",
        "= forget_bias",
        "= 2 * forget_bias",
        "Your bias is twice what is asked for. Two biases are torch's way; how many are there "
        "here?",
        TWO_BIASES,
    ),
    (
        "sign-changed",
        "= forget_bias",
        "= -forget_bias",
        "A large bias makes your unit forget at once. Is an open forget gate one that forgets?",
        GATES,
    ),
    (
        "never-negative",
        "= forget_bias",
        "= abs(forget_bias)",
        "A bias below zero is legal: a unit that is to forget quickly at the start. What does your "
        "function do with it?",
        BIAS,
    ),
    (
        "type-of-the-argument",
        "np.zeros(4 * H)",
        "np.zeros(4 * H, dtype=type(forget_bias))",
        "A whole number is a legal bias. Of which type is your vector then, and of which type "
        "should it always be?",
        BIAS,
    ),
    (
        "whole-numbers",
        "np.zeros(4 * H)",
        "np.zeros(4 * H, dtype=int)",
        "Your vector holds integers, so a bias of 1.5 becomes 1. Of which type should it be?",
        BIAS,
    ),
    (
        "single-precision",
        "np.zeros(4 * H)",
        "np.zeros(4 * H, dtype=np.float32)",
        "Right to seven digits. Which type of number does the docstring ask for?",
        BIAS,
    ),
)

MISCONCEPTIONS = [
    *LSTM_STEP_FORWARD,
    *LSTM_STEP_BACKWARD,
    *LSTM_FORWARD,
    *LSTM_BACKWARD,
    *GRU_STEP_FORWARD,
    *GRU_STEP_BACKWARD,
    *LSTM_TO_TORCH,
    *INIT_LSTM_BIAS,
]
