"""Mistakes that people make in assignment a3, each as one replacement in the reference.

A hint asks the question whose answer is the mistake; it never names the line that would mend it.
Ids such as X2 in comments are those of the course's list of errors in published material.
"""

from autograder.source import Misconception

CHAPTER = "chapters/05-gradient-flow.html"
POWERS = f"{CHAPTER}#eigen-powers"
MODULUS = f"{CHAPTER}#modulus-not-sign"
JACOBIANS = f"{CHAPTER}#jacobian-product"
BOUND = f"{CHAPTER}#singular-bound"
NON_NORMAL = f"{CHAPTER}#non-normal"
ACTIVATION = f"{CHAPTER}#activation-choice"
LEAKY = f"{CHAPTER}#leaky-units"
HALF_LIFE = f"{CHAPTER}#half-life"
SUCCESS = f"{CHAPTER}#success-falls"
FORGET_BIAS = "chapters/06-lstm.html#forget-bias"


def group(exercise: str, *rows: tuple[str, ...]) -> list[Misconception]:
    """Misconceptions of one exercise from (name, find, replace, hint, link[, same_as...])."""
    return [Misconception(exercise, *row[:5], same_as=row[5:]) for row in rows]


PRODUCT = "power = (Q * values**n) @ np.linalg.inv(Q)"

MATRIX_POWER_EIG = group(
    "matrix_power_eig",
    (
        "transpose-for-inverse",
        "np.linalg.inv(Q)",
        "Q.T",
        "Right for a symmetric matrix, wrong for others. For which matrices are the eigenvectors "
        "orthogonal, so that a transpose undoes Q?",
        POWERS,
    ),
    (
        "conjugate-transpose-for-inverse",
        "np.linalg.inv(Q)",
        "Q.conj().T",
        "Right for a normal matrix, wrong for others. Multiply Q by your last factor: is it the "
        "identity when the eigenvectors are not orthogonal?",
        NON_NORMAL,
    ),
    (
        "inverse-missing",
        PRODUCT,
        "power = Q * values**n",
        "With n = 1 you should get W back. You have turned into the basis of the eigenvectors and "
        "scaled; how do you get out of it again?",
        POWERS,
    ),
    (
        "order-of-the-factors",
        PRODUCT,
        "power = np.linalg.inv(Q) @ (Q * values[:, None] ** n)",
        "Where do the eigenvectors stand, in the rows or in the columns of Q? Try n = 1: you "
        "should get W back.",
        POWERS,
    ),
    (
        "rows-scaled-for-columns",
        "Q * values**n",
        "Q * values[:, None] ** n",
        "Try n = 1: you should get W back. Each eigenvalue belongs to one eigenvector: along which "
        "axis of Q do the eigenvectors lie?",
        POWERS,
    ),
    (
        "elementwise-power",
        PRODUCT,
        "power = W**n",
        "Each entry of W is raised to the power by itself. What does multiplying a matrix by "
        "itself do?",
        POWERS,
    ),
    (
        "one-factor-too-many",
        "values**n",
        "values ** (n + 1)",
        "Try n = 0: you should get the identity, and yours is W. How many factors are there?",
        POWERS,
    ),
    (
        "one-factor-too-few",
        "values**n",
        "values ** (n - 1)",
        "Try n = 1: you should get W, and yours is the identity. How many factors are there?",
        POWERS,
    ),
    (
        "times-n",
        "values**n",
        "values * n",
        "Try n = 2 with the one-by-one matrix 3: 6 or 9? What happens to an eigenvalue when the "
        "matrix is applied again?",
        POWERS,
    ),
    (
        "modulus-to-the-power",
        "values**n",
        "np.abs(values) ** n",
        "Your powers of -2 are positive. The modulus says how fast a component grows; does the "
        "sign, or the angle, get lost on the way?",
        MODULUS,
    ),
    (
        "real-parts-of-the-eigenvalues",
        "values**n",
        "values.real**n",
        "Right while all eigenvalues are real. A rotation by 90 degrees has the eigenvalues i and "
        "-i: what are its powers in your version? At which point may the imaginary parts go?",
        MODULUS,
    ),
    (
        "imaginary-parts-dropped-factor-by-factor",
        PRODUCT,
        "power = (Q * values**n).real @ np.linalg.inv(Q).real",
        "Right while all eigenvalues are real. The product of two imaginary parts is real and "
        "counts: which quantity has no imaginary part, each factor or the product?",
        MODULUS,
    ),
    (
        "complex-result",
        "return power.real",
        "return power",
        "The imaginary parts of your result are rounding errors, and its type is complex. What is "
        "the sum of a conjugate pair?",
        POWERS,
    ),
    (
        "modulus-of-the-entries",
        "power.real",
        "np.abs(power)",
        "No entry of your result is negative. How do you get rid of imaginary parts that are zero "
        "without losing the sign?",
        POWERS,
    ),
    (
        "only-for-symmetric-matrices",
        "np.linalg.eig(W)",
        "np.linalg.eigh(W)",
        "Right for a symmetric matrix, wrong for others: the function that you call looks at one "
        "half of W and assumes the other. Which function makes no assumption?",
        POWERS,
    ),
    (
        "powers-of-the-transpose",
        "return power.real",
        "return power.real.T",
        "Your result is the power of the transposed matrix. Do the eigenvectors that you were "
        "given belong to W from the left or from the right?",
        POWERS,
    ),
    (
        "eigenvalues-sorted-alone",
        PRODUCT,
        "power = (Q * np.sort(values) ** n) @ np.linalg.inv(Q)",
        "Try n = 1: you should get W back. Eigenvalue i belongs to column i of Q. Does it still "
        "after you have sorted?",
        POWERS,
    ),
)

RADIUS = "np.abs(np.linalg.eigvals(W)).max()"

RESCALE_SPECTRAL_RADIUS = group(
    "rescale_spectral_radius",
    (  # X2
        "largest-eigenvalue-by-sign",
        RADIUS,
        "np.linalg.eigvals(W).real.max()",
        "Which is larger in the sense that counts here, -2 or 0.5? And what does larger mean for "
        "a complex eigenvalue?",
        MODULUS,
    ),
    (
        "complex-factor",
        RADIUS,
        "np.linalg.eigvals(W).max()",
        "You divide by an eigenvalue, which may be complex or negative. The radius is a length: "
        "what is the length of a complex number?",
        MODULUS,
    ),
    (
        "real-parts-only",
        RADIUS,
        "np.abs(np.linalg.eigvals(W).real).max()",
        "Right while the largest eigenvalue is real. The pair 2i and -2i has no real part at all: "
        "by how much does it stretch in one step?",
        MODULUS,
    ),
    (  # X3
        "largest-singular-value",
        RADIUS,
        "np.linalg.norm(W, 2)",
        "You divide by the largest singular value, which says what one step can do. Which numbers "
        "say what many steps do?",
        BOUND,
    ),
    (
        "frobenius-norm",
        RADIUS,
        "np.linalg.norm(W)",
        "You divide by the length of all entries together. Check with the identity of size 4: it "
        "has the spectral radius 1 already. Does your function leave it alone?",
        MODULUS,
    ),
    (
        "largest-entry",
        RADIUS,
        "np.abs(W).max()",
        "You divide by the largest entry. The matrix with four ones has entries of 1 and doubles "
        "the vector (1, 1): what is its spectral radius?",
        MODULUS,
    ),
    (
        "smallest-modulus",
        RADIUS,
        "np.abs(np.linalg.eigvals(W)).min()",
        "After many steps, which component of a gradient is still to be seen: that of the smallest "
        "or that of the largest eigenvalue?",
        MODULUS,
    ),
    (
        "mean-modulus",
        RADIUS,
        "np.abs(np.linalg.eigvals(W)).mean()",
        "You divide by an average over all eigenvalues. The radius is about one of them: which?",
        MODULUS,
    ),
    (
        "radius-not-divided-out",
        "rho / radius",
        "rho",
        "Your factor does not ask what the radius is now. What do you get for a matrix whose "
        "radius is already the wanted one?",
        MODULUS,
    ),
    (
        "inverse-factor",
        "rho / radius",
        "radius / rho",
        "Ask for twice the radius: your result gets smaller. Which way round is the factor?",
        MODULUS,
    ),
    (
        "square-root-of-the-factor",
        "rho / radius",
        "np.sqrt(rho / radius)",
        "The radius of your result lies between the old and the wanted one. If W is multiplied by "
        "a number, by what are its eigenvalues multiplied?",
        MODULUS,
    ),
    (
        "eigenvalues-shifted",
        "return W * (rho / radius)",
        "return W + (rho - radius) * np.eye(len(W))",
        "Adding to the diagonal shifts all eigenvalues along the real axis. Does that bring a "
        "negative or a complex one to the wanted modulus, and is the result a multiple of W?",
        MODULUS,
    ),
    (
        "symmetric-part-only",
        RADIUS,
        "np.abs(np.linalg.eigvalsh(W)).max()",
        "The function that you call looks at one half of W and assumes the other half to be "
        "equal. Is a recurrent matrix symmetric?",
        MODULUS,
    ),
)

JACOBIAN = "np.diag(1 - state**2) @ Wh.T"
NORM = "np.linalg.norm(product, 2)"

GRADIENT_NORMS = group(
    "gradient_norms",
    (
        "weights-not-transposed",
        "@ Wh.T",
        "@ Wh",
        "The state is a row: h[t-1] Wh. The entry (i, j) of the Jacobian asks how the new unit i "
        "depends on the old unit j. Which entry of Wh leads from j to i?",
        JACOBIANS,
    ),
    (
        "slopes-behind-the-weights",
        JACOBIAN,
        "Wh.T @ np.diag(1 - state**2)",
        "Row i of the Jacobian belongs to the new unit i, and all of the row is multiplied by the "
        "slope of this unit. Do your slopes scale rows or columns?",
        JACOBIANS,
    ),
    (
        "factors-in-the-other-order",
        "product @ jac",
        "jac @ product",
        "Two steps with different states show it: a gradient that comes from the end meets the "
        "last step first. On which side of the product must the earlier step be added?",
        JACOBIANS,
    ),
    (
        "slope-of-the-state-before",
        "h[:0:-1]",
        "h[-2::-1]",
        "One step back from the last state: which state came out of the tanh in this step, the "
        "last one or the one before?",
        JACOBIANS,
    ),
    (  # X4
        "slopes-left-out",
        JACOBIAN,
        "Wh.T",
        "Your norms do not depend on the states. What stands between the weights and the new "
        "state in every step?",
        MODULUS,
    ),
    (
        "tanh-taken-again",
        "1 - state**2",
        "1 - np.tanh(state) ** 2",
        "The slope of tanh can be written with its argument or with its result. Which of the two "
        "is h, and has it been through the tanh already?",
        JACOBIANS,
    ),
    (
        "slope-not-squared",
        "1 - state**2",
        "1 - state",
        "The slope of tanh is the same at a and at -a. Is yours? Try the states 0.6 and -0.6.",
        ACTIVATION,
    ),
    (
        "slope-of-the-logistic-function",
        "1 - state**2",
        "state * (1 - state)",
        "At the state 0 a tanh unit is steepest, with slope 1. What is yours there? Which "
        "activation has this slope?",
        ACTIVATION,
    ),
    (
        "frobenius-norm",
        NORM,
        "np.linalg.norm(product)",
        "The identity of size 4 leaves every vector as long as it is. Which norm does it have in "
        "your version? The one asked for says how long a vector can become.",
        JACOBIANS,
    ),
    (
        "spectral-radius-for-norm",
        NORM,
        "np.abs(np.linalg.eigvals(product)).max()",
        "The eigenvalues of a product say nothing about the longest vector that it makes. Which "
        "numbers do?",
        NON_NORMAL,
    ),
    (
        "largest-entry-for-norm",
        NORM,
        "np.abs(product).max()",
        "A matrix with four ones doubles the vector (1, 1), and its entries are 1. Which number "
        "says how long a vector can become?",
        JACOBIANS,
    ),
    (
        "column-sum-norm",
        NORM,
        "np.linalg.norm(product, 1)",
        "There are several norms of a matrix. Yours is the largest sum of a column. Which one "
        "belongs to the usual length of vectors?",
        JACOBIANS,
    ),
    (
        "norms-multiplied",
        NORM,
        "norms[-1] * np.linalg.norm(jac, 2)",
        "Your numbers are too large from two steps on. The vector that one step stretches most "
        "need not be the one that the next step stretches. Which comes first, the product or the "
        "norm?",
        BOUND,
    ),
    (
        "radius-of-the-weights",
        NORM,
        "np.abs(np.linalg.eigvals(Wh)).max() ** len(norms)",
        "A power of the spectral radius of Wh does not know the states. Does a tanh network "
        "multiply by the same matrix at every step?",
        MODULUS,
    ),
    (
        "single-steps",
        "product = product @ jac",
        "product = jac",
        "norms[2] is about two steps. Does yours contain both of them, or the second alone?",
        JACOBIANS,
    ),
    (
        "forward-from-the-first-state",
        "h[:0:-1]",
        "h[1:]",
        "norms[1] is about the last state and the one before. Which two states does yours begin "
        "with?",
        JACOBIANS,
    ),
    (
        "oldest-first",
        "np.array(norms)",
        "np.array(norms[::-1])",
        "norms[0] is about no step at all, so it is 1 for every network. Where does the 1 stand "
        "in your result?",
        JACOBIANS,
    ),
    (
        "no-step-left-out",
        "np.array(norms)",
        "np.array(norms[1:])",
        "There are T states, and so T distances from the last one. Which is the smallest of them, "
        "and which norm belongs to it?",
        JACOBIANS,
    ),
    (
        "begins-with-one-step",
        "norms = [1.0]",
        "norms, h = [], np.concatenate([h[:1], h])",
        "norms[0] is about the last state and itself. Yours has a step in it already, and at the "
        "other end one step more than there are between the first state and the last.",
        JACOBIANS,
    ),
    (
        "squared-norms",
        NORM,
        "np.linalg.norm(product @ product.T, 2)",
        "Your numbers are the squares of the right ones. The eigenvalues of M times its transpose "
        "are not the singular values of M: what is missing?",
        JACOBIANS,
    ),
)

VALUES = "np.linalg.svd(Wh, compute_uv=False)"
POWER = "singular_values.max() ** T"

VANISHING_BOUND = group(
    "vanishing_bound",
    (  # X2
        "spectral-radius",
        VALUES,
        "np.abs(np.linalg.eigvals(Wh))",
        "The matrix with rows (0, 3) and (0, 0) has only zero eigenvalues, and yet it triples a "
        "vector. Is your number a bound for it?",
        NON_NORMAL,
    ),
    (
        "frobenius-norm",
        VALUES,
        "np.array([np.linalg.norm(Wh)])",
        "This is a bound, but not the one asked for: the identity of size 4 lengthens nothing, "
        "and yours says 2. Which number is exact for one step?",
        BOUND,
    ),
    (
        "largest-entry",
        VALUES,
        "np.abs(Wh)",
        "A matrix with four ones doubles the vector (1, 1), and its entries are 1. Is your number "
        "a bound for it?",
        BOUND,
    ),
    (
        "smallest-singular-value",
        POWER,
        "singular_values.min() ** T",
        "Your number says how short a vector can become. What does an upper bound need?",
        BOUND,
    ),
    (
        "all-singular-values",
        POWER,
        "singular_values.prod() ** T",
        "The product of all singular values says how a volume changes. A gradient is one vector: "
        "which of them bounds its length?",
        BOUND,
    ),
    (
        "norm-of-the-power",
        POWER,
        "np.linalg.norm(np.linalg.matrix_power(Wh, T), 2)",
        "This is the exact norm for a network without tanh. With different slopes at each step "
        "the product is not a power of Wh and may be longer. What bounds every factor by itself?",
        BOUND,
    ),
    (
        "multiplied-by-the-steps",
        POWER,
        "singular_values.max() * T",
        "Two steps that each double a vector: how much longer is it after both?",
        BOUND,
    ),
    (
        "not-raised-to-a-power",
        POWER,
        "singular_values.max()",
        "Your bound is the same for one step and for a hundred. Where does T come in?",
        BOUND,
    ),
    (
        "eigenvalues-of-the-square",
        POWER,
        "singular_values.max() ** (2 * T)",
        "Your number is the square of the bound. The eigenvalues of Wh times its transpose are "
        "not yet the singular values of Wh.",
        BOUND,
    ),
    (
        "one-step-too-few",
        POWER,
        "singular_values.max() ** (T - 1)",
        "Try T = 1: one step is one factor. And for T = 0 the bound is 1.",
        BOUND,
    ),
    (
        "one-step-too-many",
        POWER,
        "singular_values.max() ** (T + 1)",
        "Try T = 0: no step changes nothing, so the bound is 1.",
        BOUND,
    ),
    (
        "slope-of-the-logistic-function",
        POWER,
        "(singular_values.max() / 4) ** T",
        "You allow a slope of at most one quarter. Which activation has that, and what is the "
        "largest slope of tanh?",
        ACTIVATION,
    ),
)

STEP = "alpha * mu + (1 - alpha) * v"

LEAKY_STEP = group(
    "leaky_step",
    (
        "weights-exchanged",
        STEP,
        "(1 - alpha) * mu + alpha * v",
        "Set alpha to 1: a unit that keeps everything never listens. Does yours?",
        LEAKY,
    ),
    (  # X12
        "never-listens",
        STEP,
        "alpha * mu + (1 - alpha) * mu",
        "Change v and look at the result: it stays the same. What is averaged with the old "
        "average?",
        LEAKY,
    ),
    (
        "new-value-unweighted",
        STEP,
        "alpha * mu + v",
        "Feed the value 1 at every step: your average goes beyond 1. What must the two weights "
        "sum to?",
        LEAKY,
    ),
    (
        "old-average-unweighted",
        STEP,
        "mu + (1 - alpha) * v",
        "Feed the value 1 at every step: your average grows without end. What must the two "
        "weights sum to?",
        LEAKY,
    ),
    (
        "difference-for-sum",
        STEP,
        "alpha * mu - (1 - alpha) * v",
        "Feed the value 1 at every step: your average turns negative. Is the new value added or "
        "taken away?",
        LEAKY,
    ),
    (
        "plain-average",
        STEP,
        "(mu + v) / 2 + 0 * alpha",
        "Your result does not depend on alpha. Which share of the old average is kept?",
        LEAKY,
    ),
    (
        "same-weight-for-both",
        STEP,
        "alpha * mu + alpha * v",
        "Set alpha to 0: a unit that keeps nothing becomes the new value. What does yours become?",
        LEAKY,
    ),
    (
        "running-sum",
        STEP,
        "mu + v + 0 * alpha",
        "Feed the value 1 at every step: yours counts the steps. What makes a sum an average, and "
        "what is alpha for?",
        LEAKY,
    ),
)

RATIO = "np.log(0.5) / np.log(alpha)"

LEAKY_HALF_LIFE = group(
    "leaky_half_life",
    (
        "rounded-up",
        RATIO,
        "np.ceil(np.log(0.5) / np.log(alpha))",
        "Your result is a whole number. For alpha = 1/4 one step leaves a quarter, so a half was "
        "left before the step was over.",
        HALF_LIFE,
    ),
    (
        "rounded-down",
        RATIO,
        "np.floor(np.log(0.5) / np.log(alpha))",
        "Your result is a whole number, and for alpha = 1/4 it is zero: half would be left after "
        "no step.",
        HALF_LIFE,
    ),
    (
        "rounded",
        RATIO,
        "np.round(np.log(0.5) / np.log(alpha))",
        "Your result is a whole number. Raise alpha to the power of it: is that one half?",
        HALF_LIFE,
    ),
    (
        "negative-time",
        RATIO,
        "np.log(2) / np.log(alpha)",
        "Your half-life is negative. To what share should the contribution have fallen, to 2 or "
        "to its inverse?",
        HALF_LIFE,
    ),
    (
        "inverse-ratio",
        RATIO,
        "np.log(alpha) / np.log(0.5)",
        "A unit that keeps more should have a longer half-life. Compare alpha = 0.5 with alpha = "
        "0.9 in your version.",
        HALF_LIFE,
    ),
    (
        "approximation-near-one",
        RATIO,
        "np.log(2) / (1 - alpha)",
        "Nearly right for alpha close to 1, and 1.39 for alpha = 0.5, where the half-life is one "
        "step. What does 1 - alpha stand for, and what does it approximate?",
        HALF_LIFE,
    ),
    (
        "time-constant",
        RATIO,
        "1 / (1 - alpha)",
        "For alpha = 0.5 your answer is 2, where one step is enough. This is a time constant, of "
        "the same kind and another length. Which power of alpha is one half?",
        HALF_LIFE,
    ),
    (
        "life-to-one-over-e",
        RATIO,
        "-1 / np.log(alpha)",
        "Raise alpha to the power of your result: you get 0.37. Which share was asked for?",
        HALF_LIFE,
    ),
    (
        "half-of-the-loss",
        RATIO,
        "0.5 / (1 - alpha)",
        "You divide a half by what is lost in the first step, as if every step lost the same "
        "amount. Does a later step lose as much as the first?",
        HALF_LIFE,
    ),
    (
        "share-of-the-new-value",
        RATIO,
        "np.log(0.5) / np.log(1 - alpha)",
        "A unit that keeps more should have a longer half-life; yours gets shorter. Which of the "
        "two weights multiplies a contribution at each later step?",
        HALF_LIFE,
    ),
    (
        "logarithms-subtracted",
        RATIO,
        "np.log(0.5) - np.log(alpha)",
        "For alpha = 0.5 your answer is 0. The unknown is an exponent: what does the logarithm "
        "make of it, a term or a factor?",
        HALF_LIFE,
    ),
    (
        "two-kinds-of-logarithm",
        RATIO,
        "np.log(0.5) / np.log2(alpha)",
        "Your answer is off by a constant factor of 0.69. Are both logarithms of the same kind?",
        HALF_LIFE,
    ),
)

GATE = "1 / (1 + small) if bias >= 0 else small / (1 + small)"

FORGET_BIAS_RETENTION = group(
    "forget_bias_retention",
    (
        "gate-overflows",
        GATE,
        "np.exp(bias) / (1 + np.exp(bias))",
        "Right for moderate numbers, but exp of 1000 is infinite, and infinity over infinity is no "
        "number. The logistic function can be written in two ways: which of them is safe where?",
        FORGET_BIAS,
    ),
    (
        "sign-of-the-bias",
        "if bias >= 0",
        "if bias < 0",
        "A large positive bias should keep the cell. In your version, does more or less survive "
        "when the bias grows?",
        FORGET_BIAS,
    ),
    (
        "bias-for-gate",
        GATE,
        "bias",
        "A gate lies between 0 and 1, and your share can be above 1. What lies between the "
        "pre-activation and the gate?",
        FORGET_BIAS,
    ),
    (
        "tanh-for-gate",
        GATE,
        "np.tanh(bias)",
        "With a bias of 0 your cell loses everything in one step. Which activation do gates have, "
        "and what is its value at 0?",
        FORGET_BIAS,
    ),
    (
        "bias-times-steps",
        "np.exp(-abs(bias))",
        "np.exp(-abs(T * bias))",
        "You put T steps into one pre-activation. At which point does a step act, before the gate "
        "or on the cell?",
        FORGET_BIAS,
    ),
    (
        "sigmoid-of-the-sum",
        "float(gate**T)",
        "float(1 / (1 + np.exp(np.clip(-bias * T, -700, 700))))",
        "With more steps your share grows for a positive bias. Each step multiplies the cell once "
        "more by the same number: which one?",
        FORGET_BIAS,
    ),
    (
        "one-step-only",
        "float(gate**T)",
        "float(gate)",
        "Your share is the same after one step and after a hundred. Where does T come in?",
        FORGET_BIAS,
    ),
    (
        "multiplied-by-the-steps",
        "gate**T",
        "gate * T",
        "Your share can be above 1. Two steps that each keep one half: what is left after both?",
        FORGET_BIAS,
    ),
    (
        "same-loss-at-every-step",
        "gate**T",
        "max(0.0, 1 - T * (1 - gate))",
        "With a bias of 0 nothing would be left after two steps. Does the second step take away "
        "half of the whole, or half of what is there?",
        FORGET_BIAS,
    ),
    (
        "share-that-is-lost",
        "gate**T",
        "1 - gate**T",
        "After no step everything should be left, and yours says nothing. Do you return what is "
        "kept or what is forgotten?",
        FORGET_BIAS,
    ),
    (
        "one-step-too-many",
        "gate**T",
        "gate ** (T + 1)",
        "After no step everything should be left. How often has the gate acted by then?",
        FORGET_BIAS,
    ),
    (
        "one-step-too-few",
        "gate**T",
        "gate ** max(T - 1, 0)",
        "Try T = 1: after one step the share is the gate itself. Is yours?",
        FORGET_BIAS,
    ),
    (
        "no-step-leaves-nothing",
        "gate**T",
        "gate**T if T else 0.0",
        "Right for one step and more. A product of no factors: is it 0 or 1? Think of what is left "
        "before anything has happened.",
        FORGET_BIAS,
    ),
    (
        "bias-clipped",
        "np.exp(-abs(bias))",
        "np.exp(-min(abs(bias), 5.0))",
        "Right for moderate numbers. You cut the bias off to keep it safe, and a gate that should "
        "be fully open, or shut, still leaks. Can the gate be written so that nothing overflows?",
        FORGET_BIAS,
    ),
    (
        "straight-line-for-the-gate",
        GATE,
        "0.5 + 0.25 * max(-2.0, min(2.0, bias))",
        "Your gate is the straight line that touches the logistic function at 0. Right for a bias "
        "of 0 and for huge ones; and between?",
        FORGET_BIAS,
    ),
)

SUCCESS_RATE = group(
    "success_rate",
    (
        "cell-ignored",
        "torch.nn.LSTM}[cell]",
        "torch.nn.LSTM}['rnn']",
        "The same is computed for both kinds of cell, so the two curves would be one. Where does "
        "your code ask which cell is wanted?",
        SUCCESS,
    ),
    (
        "last-input-read",
        "head(core(x)[0][:, -1])",
        "head(core(x[:, -1:])[0][:, -1])",
        "Length 1 is learned, length 2 is not. What does your network's answer depend on at the "
        "last step: on the state that has seen everything, or on an input that is zero by then?",
        SUCCESS,
    ),
    (
        "first-state-read",
        "head(core(x)[0][:, -1])",
        "head(core(x)[0][:, 0])",
        "Your vanilla network is right after 200 steps and very little training. Of how many "
        "steps has the state that you ask seen the input?",
        SUCCESS,
    ),
    (
        "symbol-shown-at-every-step",
        "x[torch.arange(N), 0, symbols] = 1.0",
        "x[torch.arange(N), :, symbols] = 1.0",
        "Your vanilla network is right after 200 steps and very little training. Does it have to "
        "remember, or can it still see the symbol when it answers?",
        SUCCESS,
        "first-state-read",  # both make the task easy at every length
    ),
    (
        "own-number-of-updates",
        "for _ in range(steps):",
        "for _ in range(40):",
        "After a single update nearly all of your runs succeed, as after 300. How many updates "
        "does a run make, and who decides it?",
        SUCCESS,
    ),
    (
        "length-ignored",
        "x = torch.zeros(N, length, 4)",
        "x = torch.zeros(N, 1, 4)",
        "Your vanilla network is right at length 200 after very little training. How many steps "
        "does it really run?",
        SUCCESS,
        "first-state-read",  # both make the task easy at every length
    ),
    (
        "guessing-counts-as-success",
        "> 0.95",
        "> 0.2",
        "Runs succeed that were hardly trained. There are four symbols: which share of right "
        "answers does a network get that always says the same?",
        SUCCESS,
    ),
    (
        "accuracy-for-success",
        ".item() > 0.95",
        ".item()",
        "You average accuracies. A run either succeeds or fails; of how many runs is a share of "
        "0.25 the result, if none of them has learned anything?",
        SUCCESS,
    ),
    (
        "one-question-only",
        "x, symbols = questions(256, length)",
        "x, symbols = questions(1, length)",
        "About a quarter of the runs succeed after a single update. How many questions does a run "
        "have to answer, and how many can be right by luck?",
        SUCCESS,
    ),
    (
        "share-that-fails",
        "> 0.95",
        "<= 0.95",
        "Your shares are high where nothing is learned and low where it is. Do you count the runs "
        "that succeed or those that fail?",
        SUCCESS,
    ),
    (
        "never-updated",
        "adam.step()",
        "pass",
        "Your networks answer after training as they did before it. Which call changes the "
        "weights, and is it made after each backward pass?",
        SUCCESS,
    ),
    (
        "seed-ignored",
        "torch.random.manual_seed(seed)",
        "pass",
        "The same seed gives another run each time, so nobody can look at a run again. What are "
        "the weights and the batches drawn from, and when was that seeded?",
        SUCCESS,
    ),
    (
        "same-seed-for-all",
        "torch.random.manual_seed(seed)",
        "torch.random.manual_seed(0)",
        "Another seed gives the same run, so your share is over one run repeated. What should "
        "differ between two runs of the same length?",
        SUCCESS,
    ),
    (
        "lengths-sorted",
        "for T in lengths])",
        "for T in sorted(lengths)])",
        "Your network seems to find long sequences easier than short ones. In which order are the "
        "lengths given, and in which order do you return the shares?",
        SUCCESS,
    ),
    (
        "repeated-lengths-merged",
        "for T in lengths])",
        "for T in dict.fromkeys(lengths)])",
        "You return fewer numbers than there are lengths. What happens to a length that is asked "
        "for twice?",
        SUCCESS,
    ),
    (
        "number-of-runs",
        "np.mean([succeeds(T, seed)",
        "np.sum([1.0 * succeeds(T, seed)",
        "Some of your shares are above 1. Do you count the runs that succeed, or take the share "
        "of them?",
        SUCCESS,
    ),
    (
        "percent",
        "np.mean([succeeds(T, seed)",
        "np.mean([100.0 * succeeds(T, seed)",
        "Your shares go up to 100. Is a share a number from 0 to 1 or a percentage?",
        SUCCESS,
    ),
)

MISCONCEPTIONS = [
    *MATRIX_POWER_EIG,
    *RESCALE_SPECTRAL_RADIUS,
    *GRADIENT_NORMS,
    *VANISHING_BOUND,
    *LEAKY_STEP,
    *LEAKY_HALF_LIFE,
    *FORGET_BIAS_RETENTION,
    *SUCCESS_RATE,
]
