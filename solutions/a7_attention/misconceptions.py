"""Mistakes that people make in assignment a7, each as one replacement in the reference.

A hint asks the question whose answer is the mistake; it never names the line that would mend it.
Ids such as M1 or M10 in comments are those of the course's list of known mistakes.
"""

from autograder.source import Misconception

PAGE = "chapters/11-attention.html#"
SCORES = PAGE + "additive-scores"
SOFTMAX = PAGE + "softmax-over-places"
CONTEXT = PAGE + "context-vector"
MASKED = PAGE + "masked-places"
SCALED = PAGE + "scaled-dot-product"
QUERY = PAGE + "query-is-the-last-state"
CAPTIONER = PAGE + "attention-captioner"
PENALTY = PAGE + "doubly-stochastic"
HARD = PAGE + "hard-attention"
VARIANCE = PAGE + "baseline-variance"
MAPS = PAGE + "attention-maps"
POINTING = PAGE + "pointing-measured"
RESHAPE = PAGE + "reshape-bug"
LOSS = "chapters/08-architectures.html#masked-loss-again"
FORCING = "chapters/08-architectures.html#teacher-forcing"
TRAINING = "chapters/08-architectures.html#training-a-translator"
SHAPES = "chapters/02-vanilla-rnn.html#shapes-of-the-step"
HUGE = "chapters/03-bptt.html#masked-loss"


def group(exercise: str, *rows: tuple[str, str, str, str, str]) -> list[Misconception]:
    """Misconceptions of one exercise from (name, find, replace, hint, link)."""
    return [Misconception(exercise, *row) for row in rows]


ADDITIVE_SCORES = group(
    "additive_scores",
    (
        "no-tanh",
        "torch.tanh(a @ Wa + query[:, None])",
        "(a @ Wa + query[:, None])",
        "Your scores grow without bound with the inputs. If nothing squashes the sum, the query "
        "adds the same number at every place: what does the softmax make of that?",
        SCORES,
    ),
    (
        "squashed-apart",
        "torch.tanh(a @ Wa + query[:, None])",
        "(torch.tanh(a @ Wa) + torch.tanh(query)[:, None])",
        "Each part goes through the nonlinearity alone, so they never meet. Does the query change "
        "your weights, or only all scores of a row by the same number?",
        SCORES,
    ),
    (
        "squashed-last",
        "torch.tanh(a @ Wa + query[:, None]) @ v",
        "torch.tanh((a @ Wa + query[:, None]) @ v)",
        "All your scores lie between -1 and 1. What is squashed: each of the K numbers of a "
        "place, or their weighted sum?",
        SCORES,
    ),
    (
        "state-does-not-ask",
        "torch.tanh(a @ Wa + query[:, None])",
        "torch.tanh(a @ Wa)",
        "Change the state: your scores stay as they are. Who asks?",
        SCORES,
    ),
    (
        "places-not-compared",
        "torch.tanh(a @ Wa + query[:, None])",
        "torch.tanh(a.mean(1, keepdim=True) @ Wa + query[:, None]).expand(-1, a.shape[1], -1)",
        "All places of a row have the same score. What is it that each of them has of its own?",
        SCORES,
    ),
    (
        "product-of-key-and-query",
        "torch.tanh(a @ Wa + query[:, None])",
        "torch.tanh(a @ Wa * query[:, None])",
        "Where the state is zero all your scores are zero, and at the first step of a caption it "
        "is. Do key and query multiply in an additive score?",
        SCORES,
    ),
    (  # M2
        "scaled",
        "torch.tanh(a @ Wa + query[:, None]) @ v",
        "torch.tanh(a @ Wa + query[:, None]) @ v / len(v) ** 0.5",
        "Every score is too small by the same factor, the root of a width. To which kind of score "
        "does this factor belong?",
        SCALED,
    ),
    (
        "weights-for-scores",
        "torch.tanh(a @ Wa + query[:, None]) @ v",
        "torch.softmax(torch.tanh(a @ Wa + query[:, None]) @ v, dim=1)",
        "Your numbers are positive and sum to 1 in each row: they are weights already. What is "
        "asked for here, and which later function makes weights of it?",
        SOFTMAX,
    ),
    (
        "states-of-other-rows",
        "query[:, None]",
        "query.roll(1, 0)[:, None]",
        "With one row in the batch you are right. Which state asks in the row of an image?",
        SHAPES,
    ),
    (
        "vote-missing",
        "torch.tanh(a @ Wa + query[:, None]) @ v",
        "torch.tanh(a @ Wa + query[:, None]).sum(2)",
        "Change v: nothing happens. How do the K numbers of a place become one score?",
        SCORES,
    ),
    (
        "cut-from-the-graph",
        "torch.tanh(a @ Wa + query[:, None]) @ v",
        "(torch.tanh(a @ Wa + query[:, None]) @ v).detach()",
        "The scores are right and no weight gets a gradient. Which of your calls makes a tensor "
        "forget where it came from?",
        SCORES,
    ),
    (
        "query-cut-from-the-graph",
        "query = h @ Wh",
        "query = (h @ Wh).detach()",
        "The scores are right, but neither the state nor its weights get a gradient. Where does "
        "the graph end on the way to them?",
        SCORES,
    ),
)

ATTEND = group(
    "attend",
    (  # M1
        "softmax-over-the-batch",
        "-torch.inf), dim=1)",
        "-torch.inf), dim=0)",
        "Add up the weights of one row. With a single row in the batch all of yours are 1. Who "
        "competes for a look: the places of an image, or the images of a batch?",
        SOFTMAX,
    ),
    (  # M5
        "inverted-mask",
        "is None else mask",
        "is None else ~mask",
        "All your weight lies on places that are not there. Does True mean keep or drop? Libraries "
        "differ; what does the text say?",
        MASKED,
    ),
    (
        "mask-ignored",
        "is None else mask",
        "is None else torch.ones_like(mask)",
        "Without a mask you are right. With one, how much weight is there on places that are not "
        "there?",
        MASKED,
    ),
    (
        "mask-after-the-softmax",
        "e.masked_fill(~keep & some, -torch.inf)",
        "e",
        "Masked places have no weight, but what is left does not add up to 1. Where has the share "
        "gone that the masked places took before?",
        MASKED,
    ),
    (
        "scores-times-the-mask",
        "e.masked_fill(~keep & some, -torch.inf), dim=1) * keep",
        "e * keep, dim=1)",
        "A masked place has the score 0 with you, and so some weight. Which score takes part in a "
        "softmax and gets no weight at all?",
        MASKED,
    ),
    (  # M6
        "not-a-number-when-empty",
        "~keep & some",
        "~keep",
        "Right as long as each row keeps something. What is the softmax of a row in which every "
        "score has been set to minus infinity?",
        MASKED,
    ),
    (  # M6, M7
        "large-negative-number",
        "e.masked_fill(~keep & some, -torch.inf), dim=1) * keep",
        "e.masked_fill(~keep, -1e9), dim=1)",
        "Right as long as each row keeps something. In a row that keeps nothing all scores are the "
        "same large negative number: what weights do equal scores get?",
        MASKED,
    ),
    (
        "repaired-forwards-only",
        "torch.softmax(e.masked_fill(~keep & some, -torch.inf), dim=1) * keep",
        "torch.where(keep, torch.softmax(e + torch.where(keep, 0, -torch.inf), dim=1), 0.0)",
        "The results are right, and the gradient of a row with nothing to keep is not a number: a "
        "zero that you put in afterwards times one that came before. Where does the bad value "
        "arise?",
        MASKED,
    ),
    (
        "maximum-of-masked-places-too",
        "torch.softmax(e.masked_fill(~keep & some, -torch.inf), dim=1) * keep",
        "F.normalize(torch.exp(e - e.amax(1, True)) * keep, p=1, dim=1)",
        "Right unless a score behind the mask is huge: then all others are rounded to zero. The "
        "maximum of which scores may be subtracted?",
        HUGE,
    ),
    (  # D6
        "overflow",
        "torch.softmax(e.masked_fill(~keep & some, -torch.inf), dim=1) * keep",
        "F.normalize(torch.exp(e) * keep, p=1, dim=1)",
        "Right for moderate scores. How large is the exponential of 1000, and what do you divide "
        "by what then?",
        HUGE,
    ),
    (
        "not-normalised",
        "torch.softmax(e.masked_fill(~keep & some, -torch.inf), dim=1) * keep",
        "torch.sigmoid(e) * keep",
        "Each of your weights lies between 0 and 1, and they do not sum to 1. Do the places share "
        "one look, or has each a look of its own?",
        SOFTMAX,
    ),
    (  # M2
        "scaled",
        "torch.softmax(e.masked_fill(~keep & some, -torch.inf), dim=1)",
        "torch.softmax((e / a.shape[2] ** 0.5).masked_fill(~keep & some, -torch.inf), dim=1)",
        "Your weights are flatter than they should be: all scores were made smaller by one factor. "
        "Where does the root of a width belong, and is it asked for here?",
        SCALED,
    ),
    (
        "context-is-a-plain-mean",
        "(alpha[:, :, None] * a).sum(dim=1)",
        "(keep[:, :, None] * a).sum(dim=1) / keep.sum(dim=1, keepdim=True).clamp(min=1)",
        "The weights are right and the context does not depend on them. What is each region "
        "multiplied with?",
        CONTEXT,
    ),
    (
        "context-divided-by-the-places",
        "(alpha[:, :, None] * a).sum(dim=1)",
        "(alpha[:, :, None] * a).mean(dim=1)",
        "The context is too small by the number of places. Your weights sum to 1 already; what is "
        "left to divide by?",
        CONTEXT,
    ),
    (  # M16
        "largest-place-only",
        "(alpha[:, :, None] * a).sum(dim=1)",
        "a[torch.arange(len(a)), alpha.argmax(dim=1)] * keep.any(dim=1)[:, None]",
        "Your context is a single region, and no gradient reaches the scores. Which places does a "
        "soft look see?",
        CONTEXT,
    ),
    (
        "context-before-the-mask",
        "(alpha[:, :, None] * a).sum(dim=1)",
        "(torch.softmax(e, dim=1)[:, :, None] * a).sum(dim=1)",
        "The weights that you return are right. Are they the ones that the context is made with, "
        "where a mask is given?",
        MASKED,
    ),
    (
        "weights-cut-from-the-graph",
        "(alpha[:, :, None] * a).sum(dim=1)",
        "(alpha.detach()[:, :, None] * a).sum(dim=1)",
        "The context is right, and the loss behind it cannot move a single score. On which way "
        "should the gradient reach them?",
        CONTEXT,
    ),
    (
        "cut-from-the-graph",
        "return z, alpha",
        "return z.detach(), alpha.detach()",
        "The numbers are right and nobody can learn from them: every gradient is zero. Which of "
        "your calls makes a tensor forget where it came from?",
        CONTEXT,
    ),
)

ATTENTION_CAPTIONER_FORWARD = group(
    "attention_captioner_forward",
    (  # M11
        "new-state-asks",
        "additive_scores(a, h,",
        "additive_scores(a, torch.tanh(params['embed'][ids] @ params['Wx'] + h @ params['Wh'] "
        "+ params['b']),",
        "Your look knows the word that was read just now. Draw the order of computation: which "
        "state exists before the context, and which only after it?",
        QUERY,
    ),
    (
        "first-state-asks-always",
        "additive_scores(a, h,",
        "additive_scores(a, torch.zeros_like(h),",
        "The first step is right. Your maps are the same at every step: what does the network know "
        "at a later one that it could ask with?",
        QUERY,
    ),
    (  # M10
        "context-over-the-keys",
        "z, alpha = attend(a, e, None)",
        "z, alpha = attend(a @ params['Wa'], e, None)",
        "It runs only if keys are as wide as regions, and then it is wrong. What is averaged with "
        "the weights: the regions, or what became of them when they were compared with the query?",
        CONTEXT,
    ),
    (
        "mean-region-for-context",
        'word @ params["Wx"] + z @ params["Wz"]',
        'word @ params["Wx"] + a.mean(dim=1) @ params["Wz"]',
        "You compute a map for each step, and the words do not depend on it. What did the look "
        "see?",
        CONTEXT,
    ),
    (
        "context-left-out",
        ' + z @ params["Wz"]',
        "",
        "Change the regions: your logits stay as they are. By which arrow does what was seen come "
        "into the state?",
        CAPTIONER,
    ),
    (
        "context-at-the-first-step-only",
        'z @ params["Wz"]',
        '(z @ params["Wz"] if not states else 0.0)',
        "The first step is right. In chapter 10 the image was shown once; when is it shown here?",
        CAPTIONER,
    ),
    (
        "first-context-at-every-step",
        "z, alpha = attend(a, e, None)",
        "z, alpha = z if states else attend(a, e, None)[0], attend(a, e, None)[1]",
        "The first step is right. A new look is taken at each later one, and what it sees is not "
        "used: which look does their context come from?",
        CONTEXT,
    ),
    (
        "first-map-at-every-step",
        "alphas.append(alpha)",
        "alphas.append(alpha if len(alphas) == 0 else alphas[0])",
        "The logits are right. At every step you return the map of the first one: which did the "
        "step make itself?",
        MAPS,
    ),
    (
        "no-memory",
        'torch.tanh(inward + h @ params["Wh"])',
        "torch.tanh(inward)",
        "The first step is right. Besides asking, what should the last state do at the next one?",
        CAPTIONER,
    ),
    (
        "no-tanh",
        'torch.tanh(inward + h @ params["Wh"])',
        'inward + h @ params["Wh"]',
        "Some of your states lie outside -1 to 1. What stands between the sum and the state?",
        CAPTIONER,
    ),
    (  # A1
        "transposed-recurrence",
        'h @ params["Wh"])',
        'h @ params["Wh"].T)',
        "States are rows: (N, H) times (H, H). Which index of Wh does your product sum over?",
        SHAPES,
    ),
    (
        "bias-missing",
        ' + params["b"]',
        "",
        "Every state is off from the first step on, and the maps are right there. Compare your sum "
        "with the formula, term by term.",
        CAPTIONER,
    ),
    (
        "bias-of-the-words-missing",
        ' + params["bo"]',
        "",
        "All logits of a word are off by the same number, at every step. What is added to the "
        "scores of the words at the end?",
        CAPTIONER,
    ),
    (
        "first-state-read-always",
        "states.append(h)",
        "states.append(h if not states else states[-1])",
        "The first step is right, and every later one says the same. Which state is read at step "
        "t?",
        CAPTIONER,
    ),
    (
        "words-shifted",
        "captions_in.T",
        "captions_in.roll(1, 1).T",
        "The maps of the first step are right, its logits are not. Which id is heard there? Who "
        "shifts captions, the caller or you?",
        FORCING,
    ),
    (
        "scores-for-weights",
        "alphas.append(alpha)",
        "alphas.append(e)",
        "The logits are right. What you return for the maps may be negative and does not sum to 1: "
        "at which point of the look was it taken?",
        SOFTMAX,
    ),
    (
        "query-cut-from-the-graph",
        "additive_scores(a, h,",
        "additive_scores(a, h.detach(),",
        "The numbers are right. The state has two ways on, and along one of them no gradient comes "
        "back. Which?",
        CAPTIONER,
    ),
    (
        "recurrence-cut-from-the-graph",
        'torch.tanh(inward + h @ params["Wh"])',
        'torch.tanh(inward + h @ params["Wh"].detach())',
        "The numbers are right. One of the ten parameters gets no gradient at all: which, and "
        "what did you do to it?",
        CAPTIONER,
    ),
    (
        "maps-cut-from-the-graph",
        "torch.stack(alphas, dim=1)",
        "torch.stack(alphas, dim=1).detach()",
        "The logits and their gradients are right. A penalty on the maps could not be learned "
        "from: where was their graph cut?",
        PENALTY,
    ),
)

DOUBLY_STOCHASTIC_PENALTY = group(
    "doubly_stochastic_penalty",
    (  # M14
        "target-one",
        "T / L - alphas",
        "1 - alphas",
        "The gradient of your penalty points the same way for the scores, but it cannot come near "
        "0: in T steps, how much is there to be shared among the places?",
        PENALTY,
    ),
    (
        "target-the-wrong-way-round",
        "T / L - alphas",
        "L / T - alphas",
        "With as many steps as places you are right. If all places got the same, how much would "
        "each get in T steps?",
        PENALTY,
    ),
    (
        "target-of-a-single-step",
        "T / L - alphas",
        "1 / L - alphas",
        "With one step you are right. What do T maps add up to at a place, if each of them is "
        "even?",
        PENALTY,
    ),
    (
        "sum-over-the-places",
        "alphas.sum(dim=1)",
        "alphas.sum(dim=2)",
        "Your sums are all 1, whatever the network does. Which of the three axes is time?",
        PENALTY,
    ),
    (
        "mean-over-the-steps",
        "T / L - alphas.sum(dim=1)",
        "1 / L - alphas.mean(dim=1)",
        "You are right with one step, and too small by the square of their number otherwise. Is "
        "what is compared with the target a sum or a mean?",
        PENALTY,
    ),
    (
        "mean-over-the-places",
        "(gap**2).sum(dim=1).mean()",
        "(gap**2).mean()",
        "You are too small by the number of places. Over what is the mean taken, and over what the "
        "sum?",
        PENALTY,
    ),
    (
        "sum-over-the-rows",
        "(gap**2).sum(dim=1).mean()",
        "(gap**2).sum()",
        "With one row you are right. Twice as many images, twice the penalty: should it be so?",
        PENALTY,
    ),
    (
        "absolute-value",
        "gap**2",
        "gap.abs()",
        "Every unevenness counts in proportion with you. What does the formula do to the distance "
        "before it adds up?",
        PENALTY,
    ),
    (
        "squared-step-by-step",
        "gap = T / L - alphas.sum(dim=1)",
        "gap = (1 / L - alphas).square().sum(dim=1).sqrt()",
        "With one step you are right. You ask every single map to be even. May a place be looked "
        "at in one step and left out in the others?",
        PENALTY,
    ),
    (
        "root-of-the-sum",
        "(gap**2).sum(dim=1).mean()",
        "(gap**2).sum(dim=1).sqrt().mean()",
        "You take the length of the vector of distances. What does the formula take, and how does "
        "the gradient behave where the length is zero?",
        PENALTY,
    ),
    (
        "cut-from-the-graph",
        "(gap**2).sum(dim=1).mean()",
        "(gap.detach() ** 2).sum(dim=1).mean()",
        "The value is right and nothing can be learned from it: its gradient is zero. Where was "
        "the graph cut?",
        PENALTY,
    ),
)

HARD_ATTENTION_LOSS = group(
    "hard_attention_loss",
    (  # M17
        "through-the-probability",
        "(surplus * drawn).mean()",
        "(surplus * drawn.exp()).mean()",
        "Your gradient is that of a probability, so a place that is drawn rarely hardly learns "
        "from it. Which function of the probability has a gradient that makes up for that?",
        HARD,
    ),
    (  # M18
        "no-baseline",
        "(reward - baseline).detach()",
        "reward.detach()",
        "Right on average, and every drawn place is punished if rewards are never positive. What "
        "is a reward to be compared with?",
        VARIANCE,
    ),
    (
        "uphill",
        "-(surplus * drawn)",
        "(surplus * drawn)",
        "A step against your gradient makes places rarer that did better than expected. In which "
        "direction is a loss minimised?",
        HARD,
    ),
    (
        "baseline-added",
        "reward - baseline",
        "reward + baseline",
        "A reward that is just as expected should teach nothing. What does yours teach?",
        VARIANCE,
    ),
    (
        "gradient-to-the-reward",
        "(reward - baseline).detach()",
        "(reward - baseline)",
        "The gradient of log_p is right. Your loss can also be made smaller by way of the reward "
        "or of what was expected: should training be able to do that?",
        HARD,
    ),
    (
        "gradient-to-the-baseline",
        "(reward - baseline).detach()",
        "(reward.detach() - baseline)",
        "The gradient of log_p is right. A network that computes the baseline would be trained to "
        "make this loss small, and no longer to say what is to be expected.",
        VARIANCE,
    ),
    (
        "sum-over-the-rows",
        "(surplus * drawn).mean()",
        "(surplus * drawn).sum()",
        "With one row you are right. Twice as many images, twice the gradient: should it be so?",
        HARD,
    ),
    (
        "all-places",
        "drawn = log_p.gather(1, place[:, None])[:, 0]",
        "drawn = log_p.sum(dim=1)",
        "All places of a row get the same from you. Which of them was drawn?",
        HARD,
    ),
    (
        "largest-place",
        "place[:, None]",
        "log_p.argmax(dim=1, keepdim=True)",
        "You move the place with the largest probability. Was it the one that led to this reward?",
        HARD,
    ),
    (
        "place-of-another-row",
        "log_p.gather(1, place[:, None])[:, 0]",
        "log_p[:, place].mean(dim=1)",
        "With one row you are right. You pair every row with the places of all rows: which place "
        "goes with row 0?",
        HARD,
    ),
    (
        "expectation-over-the-places",
        "(surplus * drawn).mean()",
        "(surplus[:, None] * log_p.exp() * log_p).sum(dim=1).mean()",
        "You weigh all places with their probabilities. The reward is known for one of them only: "
        "which?",
        HARD,
    ),
    (
        "cut-from-the-graph",
        "log_p.gather(",
        "log_p.detach().gather(",
        "Nothing can be learned from your loss: no gradient reaches log_p. Which of its factors "
        "is a plain number, and which is not?",
        HARD,
    ),
)

ATTENTION_MAP = group(
    "attention_map",
    (
        "column-by-column",
        "alpha.reshape(1, 1, rows, columns)",
        "alpha.reshape(1, 1, columns, rows).mT",
        "Put all weight on place 1: where does your map show it? Places are numbered along the "
        "rows.",
        MAPS,
    ),
    (
        "grid-the-wrong-way-round",
        "rows, columns = grid",
        "columns, rows = grid",
        "Square grids are right. Which number of the grid comes first, and how many places stand "
        "next to each other in a row?",
        MAPS,
    ),
    (
        "size-the-wrong-way-round",
        "tuple(size)",
        "tuple(size)[::-1]",
        "Your map has as many rows as the image has columns. Which number of the size comes first?",
        MAPS,
    ),
    (
        "corners-aligned",
        "align_corners=False",
        "align_corners=True",
        "Your map is stretched: the centre of the first pixel lies on the centre of the first "
        "place. How far from the border is each of them, in an image that both are cut from?",
        MAPS,
    ),
    (
        "nearest-place",
        'mode="bilinear", align_corners=False',
        'mode="nearest"',
        "Your map has steps. What should a pixel between the centres of two places get?",
        MAPS,
    ),
    (
        "bicubic",
        'mode="bilinear"',
        'mode="bicubic"',
        "Some of your pixels are below zero, or above the largest weight. How many places does a "
        "pixel get something from, along one axis?",
        MAPS,
    ),
    (
        "smoothed-when-smaller",
        "align_corners=False",
        "align_corners=False, antialias=True",
        "Larger maps are right. A map that is smaller than the grid averages over more places with "
        "you than the formula does.",
        MAPS,
    ),
    (
        "not-divided",
        "large[0, 0] / large.sum()",
        "large[0, 0]",
        "Add up your map. Over how many pixels is the weight of one place spread?",
        MAPS,
    ),
    (
        "divided-by-the-largest",
        "large[0, 0] / large.sum()",
        "large[0, 0] / large.max()",
        "The largest number of your map is 1. That is handy for drawing; what makes it a "
        "distribution?",
        MAPS,
    ),
    (
        "divided-by-the-area",
        "large[0, 0] / large.sum()",
        "large[0, 0] * (rows * columns / (size[0] * size[1]))",
        "Your map sums to 1 nearly, or for some sizes. Pixels at the border do not take from the "
        "places in equal parts; by what do you have to divide?",
        MAPS,
    ),
    (
        "softmax-of-the-map",
        "large[0, 0] / large.sum()",
        "torch.softmax(large.flatten(), dim=0).reshape(large.shape[2:])",
        "Your map sums to 1 and is nearly flat: the weights were shares already. How does one "
        "scale numbers without changing their ratios?",
        MAPS,
    ),
    (
        "upside-down",
        "alpha.reshape(1, 1, rows, columns)",
        "alpha.reshape(1, 1, rows, columns).flip(2)",
        "Where is place 0: at the top or at the bottom? In a plot the axis may point up, in an "
        "image it points down.",
        MAPS,
    ),
    (
        "zeros-around-the-grid",
        'F.interpolate(small, tuple(size), mode="bilinear", align_corners=False)',
        "F.grid_sample(small, F.affine_grid(torch.eye(2, 3, dtype=alpha.dtype)[None], "
        "(1, 1, *size), align_corners=False), align_corners=False)",
        "Your map is too dark at the border. What does a pixel mix with that lies outside the "
        "centres of the outermost places?",
        MAPS,
    ),
    (
        "no-half-pixel",
        'F.interpolate(small, tuple(size), mode="bilinear", align_corners=False)',
        "small[:, :, (torch.arange(size[0]) * rows // size[0])][..., torch.arange(size[1]) * "
        "columns // size[1]].roll((-1, -1), (2, 3))",
        "Your map has steps and is shifted. Where is the centre of pixel 0, counted in places?",
        MAPS,
    ),
)

POINTING_ACCURACY = group(
    "pointing_accuracy",
    (
        "steps-without-a-place-count",
        "max(named.sum().item(), 1)",
        "named.numel()",
        "If every step means a place you are right. Is a step that means none a miss? Say in words "
        "what the share is of.",
        POINTING,
    ),
    (
        "minus-one-is-the-last-place",
        "dim=2) == places",
        "dim=2) == places % alphas.shape[2]",
        "Some steps that mean no place count as hits with you. What is the index -1 in Python?",
        POINTING,
    ),
    (
        "minus-one-is-place-zero",
        "dim=2) == places",
        "dim=2) == places.clamp(min=0)",
        "Some steps that mean no place count as hits with you. What becomes of -1 before you "
        "compare?",
        POINTING,
    ),
    (
        "last-of-several",
        "alphas.argmax(dim=2)",
        "alphas.shape[2] - 1 - alphas.flip(2).argmax(dim=2)",
        "Right unless the largest weight stands at several places. Which of them counts?",
        POINTING,
    ),
    (
        "any-of-several",
        "alphas.argmax(dim=2) == places",
        "alphas.gather(2, places.clamp(min=0)[:, :, None])[:, :, 0] == alphas.amax(dim=2)",
        "Right unless the largest weight stands at several places. May each of them count?",
        POINTING,
    ),
    (
        "smallest-weight",
        "alphas.argmax(dim=2)",
        "alphas.argmin(dim=2)",
        "A captioner that looks exactly where it should gets 0 from you. Which weight shows where "
        "it looked?",
        POINTING,
    ),
    (
        "one-step-late",
        "alphas.argmax(dim=2)",
        "alphas.roll(1, 1).argmax(dim=2)",
        "With one step you are right. The map of which step is compared with the place of a word?",
        POINTING,
    ),
    (
        "mass-for-hits",
        "alphas.argmax(dim=2) == places",
        "alphas.gather(2, places.clamp(min=0)[:, :, None])[:, :, 0] * named",
        "You have computed the mean weight on the place, which is a fine measure. Which one is "
        "asked for here?",
        POINTING,
    ),
    (
        "mean-of-row-means",
        "hits.sum().item() / max(named.sum().item(), 1)",
        "(hits.sum(1) / named.sum(1).clamp(min=1)).double().mean().item()",
        "With one row you are right. In your number, does a word of a short caption count as much "
        "as one of a long caption?",
        POINTING,
    ),
    (
        "number-of-hits",
        "hits.sum().item() / max(named.sum().item(), 1)",
        "float(hits.sum())",
        "You have counted the hits. A share is never above 1: of how many?",
        POINTING,
    ),
    (
        "not-a-number-without-steps",
        "max(named.sum().item(), 1)",
        "(named.sum().item() or float('nan'))",
        "Right as long as some step means a place. What should come out if none does?",
        POINTING,
    ),
    (
        "percent",
        "hits.sum().item() / max(named.sum().item(), 1)",
        "100 * hits.sum().item() / max(named.sum().item(), 1)",
        "A hundred times too large: what is asked for is a share between 0 and 1.",
        POINTING,
    ),
)

TRAIN_ATTENTION_CAPTIONER = group(
    "train_attention_captioner",
    (
        "attention-begins-at-zero",
        '"Wa": normal(D, K), "Wq": normal(H, K), "v": normal(K)',
        '"Wa": a.new_zeros(D, K), "Wq": a.new_zeros(H, K), "v": a.new_zeros(K)',
        "Your captioner looks at all places alike until the end. The gradient of v has the factor "
        "tanh(...), that of the matrices the factor v: what if both are zero?",
        SCORES,
    ),
    (
        "weights-begin-at-zero",
        "return drawn / rows**0.5",
        "return 0 * drawn",
        "With weights of zero the state is zero, and the gradients of the weights before and "
        "behind it are products with zero. How can anything begin to move?",
        CAPTIONER,
    ),
    (
        "parameters-not-moved",
        "optimizer.step()",
        "optimizer",
        "What you return is what you began with. Which statement of your loop changes the "
        "parameters?",
        TRAINING,
    ),
    (
        "uphill",
        "lr=0.01)",
        "lr=0.01, maximize=True)",
        "The loss rises from step to step. In which direction does the gradient point?",
        TRAINING,
    ),
    (
        "rate-much-too-small",
        "lr=0.01",
        "lr=1e-5",
        "Your parameters hardly move within the steps that there are. How far does Adam move a "
        "number in one step, at most about?",
        TRAINING,
    ),
    (
        "attention-not-trained",
        "torch.optim.Adam(params.values(), lr=0.01)",
        "torch.optim.Adam([p for k, p in params.items() if k not in ('Wa', 'Wq', 'v')], lr=0.01)",
        "Your captioner looks where its first weights happen to send it. Which of the ten "
        "parameters does the optimizer know?",
        TRAINING,
    ),
    (
        "embedding-and-words-only",
        "torch.optim.Adam(params.values(), lr=0.01)",
        "torch.optim.Adam([params['embed'], params['Wo'], params['bo']], lr=0.01)",
        "Your captioner has learned which word follows which, and its looks are those of the first "
        "weights. Which parameters does the optimizer know?",
        TRAINING,
    ),
    (  # L1
        "hears-what-it-has-to-say",
        "captions[chosen, :-1], captions[chosen, 1:]",
        "captions[chosen, 1:], captions[chosen, 1:]",
        "In training the loss is near zero after a few steps: at each step the network hears the "
        "answer. Write down heard and said for one caption.",
        FORCING,
    ),
    (  # L2
        "says-what-it-hears",
        "captions[chosen, :-1], captions[chosen, 1:]",
        "captions[chosen, :-1], captions[chosen, :-1]",
        "Your captioner repeats the word that it has just heard. Which of the two rows is one step "
        "ahead?",
        FORCING,
    ),
    (
        "captions-of-other-images",
        "attention_captioner_forward(a[chosen], heard, params)",
        "attention_captioner_forward(a[chosen.flip(0)], heard, params)",
        "Your captioner knows how captions go, and nothing about the image. Do the regions and the "
        "captions of a batch belong to the same rows?",
        CAPTIONER,
    ),
    (
        "always-the-same-batch",
        "torch.randint(len(a), (batch,), generator=rng)",
        "torch.arange(batch)",
        "The training loss is fine, and on new images the words are wrong. How many of the images "
        "has your captioner seen?",
        TRAINING,
    ),
    (  # M8
        "regions-scrambled",
        "attention_captioner_forward(a[chosen], heard, params)",
        "attention_captioner_forward(a.mT.reshape(a.shape)[chosen], heard, params)",
        "The loss falls as if nothing could be looked at. Change one number of one region: how "
        "many of the regions that your captioner is trained with change?",
        RESHAPE,
    ),
    (
        "mean-region-everywhere",
        "attention_captioner_forward(a[chosen], heard, params)",
        "attention_captioner_forward(a.mean(1, True).expand_as(a)[chosen], heard, params)",
        "In training all regions of an image are alike with you, so wherever it looks, it sees the "
        "same. What is there to learn about where to look?",
        CONTEXT,
    ),
    (
        "first-word-only",
        "F.cross_entropy(logits.flatten(0, 1), said.flatten(), ignore_index=pad)",
        "F.cross_entropy(logits[:, 0], said[:, 0])",
        "Only the first word of each caption counts in your loss. Over which steps is the mean "
        "taken?",
        LOSS,
    ),
)

MISCONCEPTIONS = [
    *ADDITIVE_SCORES,
    *ATTEND,
    *ATTENTION_CAPTIONER_FORWARD,
    *DOUBLY_STOCHASTIC_PENALTY,
    *HARD_ATTENTION_LOSS,
    *ATTENTION_MAP,
    *POINTING_ACCURACY,
    *TRAIN_ATTENTION_CAPTIONER,
]
