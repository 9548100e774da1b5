"""Assignment a1: the reference, the probes, the known mistakes and the correct variants.

Whatever a probe lets through earns points, so most of this is about what it does not let through:
every known mistake, mistakes written by hand in other styles, systematic mutations of the
reference, arguments written into. The rest is about what it must not refuse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from marking import verdict_on

from autograder import source
from unrolled import draw
from unrolled.exercise import Exercise, load
from unrolled.judge import run_case
from unrolled.namespace import LocalNamespace
from unrolled.verdict import Verdict

A1 = "a1_rnn"
EXERCISES = load(A1)
SEEDS = (101, 102, 103, 104, 105)
BOOK = source.ROOT / "book"

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def own(name: str) -> list[source.Misconception]:
    return [m for m in source.load_misconceptions(A1) if m.exercise == name]


def verdict(exercise: Exercise, names: Mapping[str, Any], hints: bool = True) -> Verdict:
    return verdict_on(A1, exercise.name, names, SEEDS, hints)


def each_exercise():
    return pytest.mark.parametrize("name", list(EXERCISES))


# --- the exercises and the reference -----------------------------------------------------------


def test_points_and_order_are_those_of_the_course():
    assert {e.name: e.points for e in EXERCISES.values()} == {
        "rnn_step_forward": 4,
        "rnn_step_backward": 6,
        "rnn_forward": 4,
        "rnn_backward": 6,
        "temporal_affine_forward": 2,
        "temporal_affine_backward": 3,
        "temporal_softmax_loss": 5,
        "numerical_gradient": 4,
    }


def test_the_reference_agrees_with_autograd():
    import torch

    N, T, D, H, V = 2, 4, 3, 5, 6
    rng = np.random.default_rng(8)
    shapes = [(N, T, D), (N, H), (D, H), (H, H), (H,), (H, V), (V,)]
    arrays = [rng.normal(size=shape) for shape in shapes]
    y, mask = rng.integers(0, V, (N, T)), draw.partial_mask(rng, N, T)

    ref = source.load_reference(A1)
    x, h0, Wx, Wh, b, Wy, by = arrays
    h, below = ref["rnn_forward"](x, h0, Wx, Wh, b)
    scores, above = ref["temporal_affine_forward"](h, Wy, by)
    loss, dscores = ref["temporal_softmax_loss"](scores, y, mask)
    dh, dWy, dby = ref["temporal_affine_backward"](dscores, above)
    by_hand = [*ref["rnn_backward"](dh, below), dWy, dby]

    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    x, state, Wx, Wh, b, Wy, by = leaves
    states = []
    for t in range(T):
        state = torch.tanh(x[:, t] @ Wx + state @ Wh + b)
        states.append(state)
    logits = (torch.stack(states, 1) @ Wy + by)[torch.tensor(mask)]
    auto = torch.nn.functional.cross_entropy(logits, torch.tensor(y[mask]))
    assert abs(loss - auto.item()) < 1e-12
    for hand, grad in zip(by_hand, torch.autograd.grad(auto, leaves)):
        np.testing.assert_allclose(hand, grad.numpy(), atol=1e-13)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_the_loss_of_the_reference_takes_any_integers_and_edge_cases(dtype):
    loss_of = source.load_reference(A1)["temporal_softmax_loss"]
    x = np.array([[[1000.0, 0.0], [0.0, -1e4]], [[5.0, 5.0], [-1e4, 1e4]]])
    y = np.array([[0, 0], [1, 1]], dtype=dtype)
    loss, dx = loss_of(x, y, np.array([[True, True], [False, True]]))
    assert isinstance(loss, float)
    assert loss == 0.0
    assert not dx.any()
    loss, dx = loss_of(np.asfortranarray(x), y, np.array([[False, False], [True, False]]))
    assert loss == pytest.approx(np.log(2))
    assert dx[1, 0].tolist() == [0.5, -0.5]
    loss, dx = loss_of(x, y, np.zeros((2, 2), bool))
    assert (loss, dx.shape, dx.any()) == (0.0, x.shape, False)


def test_a_cache_of_the_reference_survives_another_forward_and_two_backwards():
    ref = source.load_reference(A1)
    rng = np.random.default_rng(3)
    args = [rng.normal(size=s) for s in [(2, 4, 3), (2, 5), (3, 5), (5, 5), (5,)]]
    dh = rng.normal(size=(2, 4, 5))
    _, cache = ref["rnn_forward"](*args)
    first = ref["rnn_backward"](dh, cache)
    ref["rnn_forward"](*[a + 1 for a in args])
    for a, b in zip(first, ref["rnn_backward"](dh, cache)):
        np.testing.assert_array_equal(a, b)


# --- the known mistakes ------------------------------------------------------------------------


def test_there_are_enough_misconceptions():
    counts = {name: len(own(name)) for name in EXERCISES}
    assert min(counts.values()) >= 4
    hard = ("rnn_step_backward", "rnn_backward", "temporal_softmax_loss", "numerical_gradient")
    assert all(counts[name] >= 8 for name in hard)
    assert sum(counts.values()) >= 48


# --- correct variants -----------------------------------------------------------------------------


def test_there_are_enough_variants():
    assert len(source.load_variants(A1)) >= 20


# --- arguments written into --------------------------------------------------------------------

ARRAYS = {
    "rnn_step_forward": 5,
    "rnn_step_backward": 1,
    "rnn_forward": 5,
    "rnn_backward": 1,
    "temporal_affine_forward": 3,
    "temporal_affine_backward": 1,
    "temporal_softmax_loss": 3,
}
"""How many of the first arguments are arrays."""


@pytest.mark.parametrize(
    ("name", "place"), [(name, i) for name, count in ARRAYS.items() for i in range(count)]
)
def test_an_argument_written_in_place_costs_a_part_of_the_points(name, place):
    names = dict(source.load_reference(A1))
    reference = names[name]

    def wrapped(*args):
        result = reference(*(a.copy() if isinstance(a, np.ndarray) else a for a in args))
        args[place].flat[-1] = not args[place].flat[-1]
        return result

    names[name] = wrapped
    found = verdict(EXERCISES[name], names, hints=False)
    assert found.outcome == "partial"
    assert f"{name} wrote into its argument" in found.message


@pytest.mark.parametrize(
    ("find", "replace"),
    [
        ("elements[i] = value  # bit", "elements[i] += h  #"),
        ("elements[i] = value - h", "elements[i] -= 2 * h; value = elements[i] + h"),
    ],
)
def test_an_x_that_is_restored_by_adding_is_not_bit_for_bit_the_same(find, replace):
    names = changed_reference("numerical_gradient", find, replace)
    found = verdict(EXERCISES["numerical_gradient"], names)
    assert found.outcome == "partial"
    assert [r.output for r in found.rows if not r.ok] == ["arguments"]


def changed_reference(name: str, find: str, replace: str) -> Mapping[str, Any]:
    text = source.solution_cell(A1, name).source
    assert text.count(find) == 1
    return source.load_variant(A1, text.replace(find, replace))


# --- mistakes written by hand ------------------------------------------------------------------
# Ids are those of the list of known mistakes. Each is a solution of its own style, not the
# reference with a line replaced; `None` where only the refusal matters, not the hint.

STEP = """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    a = np.einsum("nd,dh->nh", x, Wx) + np.einsum("ni,ij->nj", prev_h, Wh) + b
    next_h = np.tanh(a)
    return next_h, {"x": x, "h": prev_h, "next": next_h, "a": a, "Wx": Wx, "Wh": Wh}


def rnn_step_backward(dnext_h, cache):
    x, h, next_h, Wx, Wh = (cache[k] for k in ("x", "h", "next", "Wx", "Wh"))
    da = np.multiply(1 - next_h**2, dnext_h)
    dWx, dWh = np.zeros(Wx.shape), np.zeros(Wh.shape)
    for n in range(len(x)):
        dWx += np.outer(x[n], da[n])
        dWh += np.outer(h[n], da[n])
    return [np.dot(da, Wx.T), np.dot(da, Wh.T), dWx, dWh, np.sum(da, 0)]
"""

SEQUENCE = """
def rnn_forward(x, h0, Wx, Wh, b):
    h, caches, state = np.zeros((len(x), x.shape[1], len(b))), {}, h0
    for t in range(x.shape[1]):
        h[:, t], caches[t] = rnn_step_forward(x[:, t], state, Wx, Wh, b)
        state = h[:, t]
    return h, caches


def rnn_backward(dh, cache):
    T = dh.shape[1]
    grads, future = [], np.zeros_like(dh[:, 0])
    for t in range(T - 1, -1, -1):
        step = rnn_step_backward(dh[:, t] + future, cache[t])
        future = step[1]
        grads.insert(0, step)
    dx = np.array([g[0] for g in grads]).transpose(1, 0, 2)
    dWx, dWh, db = (sum(g[i] for g in grads) for i in (2, 3, 4))
    return dx, future, dWx, dWh, db
"""

AFFINE = """
def temporal_affine_forward(x, w, b):
    return np.stack([row @ w + b for row in x]), (x, w)
"""

LOSS = """
def temporal_softmax_loss(x, y, mask):
    V, flat = x.shape[2], x.reshape(-1, x.shape[2])
    targets, keep = y.reshape(-1), mask.reshape(-1)
    rows = np.arange(len(flat))
    flat = flat - flat.max(1, keepdims=True)
    log_p = flat - np.log(np.exp(flat).sum(1, keepdims=True))
    count = max(keep.sum(), 1)
    loss = -np.sum(log_p[rows, targets] * keep) / count
    dflat = np.exp(log_p)
    dflat[rows, targets] -= 1
    dflat = dflat * keep[:, None] / count
    return loss, dflat.reshape(x.shape)
"""

GRADIENT = """
def numerical_gradient(f, x, df, h=1e-5):
    grad = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        grad[i] = np.sum((f(up) - f(down)) * df) / (2 * h)
    return grad
"""

BASES = {
    "rnn_step_forward": STEP,
    "rnn_step_backward": STEP,
    "rnn_forward": SEQUENCE,
    "rnn_backward": SEQUENCE,
    "temporal_affine_forward": AFFINE,
    "temporal_softmax_loss": LOSS,
    "numerical_gradient": GRADIENT,
}

BY_HAND = [
    ("A1", "rnn_step_forward", "ni,ij->nj", "ni,ji->nj", "transposed-recurrence"),
    ("A2", "rnn_step_backward", "(1 - next_h**2, dnext_h)", "(1, dnext_h)", "no-tanh-derivative"),
    (
        "A3",
        "rnn_step_backward",
        "1 - next_h**2",
        '1 - cache["a"]**2',
        "derivative-at-wrong-variable",
    ),
    ("A5", "rnn_step_backward", "da, Wh.T", "da, Wh", "dprev-h-not-transposed"),
    ("A6", "rnn_step_backward", "outer(h[n]", "outer(next_h[n]", "dwh-from-the-new-state"),
    ("A7", "rnn_step_backward", "np.sum(da, 0)", "np.mean(da, 0)", "db-averaged"),
    ("A9", "rnn_step_forward", "Wx) +", "Wx) + b +", "bias-added-twice"),
    ("A10", "rnn_step_forward", "np.tanh(", "np.maximum(0, ", "relu-for-tanh"),
    (
        "A10",
        "rnn_step_forward",
        "np.tanh(",
        "(lambda v: 1 / (1 + np.exp(-v)))(",
        "sigmoid-for-tanh",
    ),
    ("B1", "rnn_forward", "{}, h0", "{}, 0 * h0", "initial-state-ignored"),
    ("B2", "rnn_forward", ", state, Wx", ", h0, Wx", "initial-state-at-every-step"),
    ("B3", "rnn_backward", " + future,", ",", "future-ignored"),
    (
        "B4",
        "rnn_backward",
        "dh[:, t] + future",
        "future if grads else dh[:, t]",
        "own-output-ignored",
    ),
    (
        "B5",
        "rnn_backward",
        "(sum(g[i] for g in grads)",
        "(grads[0][i]",
        "weight-gradients-overwritten",
    ),
    ("B8", "rnn_backward", "dx, future,", "dx, np.zeros_like(future),", "dh0-zero"),
    (
        "B8",
        "rnn_backward",
        "dx, future,",
        "dx, dh[:, 0] + (grads[1][1] if T > 1 else 0),",
        "dh0-of-the-first-state",
    ),
    (
        "B9",
        "rnn_backward",
        "grads) for i",
        "grads) / T for i",
        "weight-gradients-averaged-over-time",
    ),
    (
        "B11",
        "rnn_forward",
        "return h,",
        "return np.repeat(h[:, -1:], h.shape[1], 1),",
        "one-buffer-for-all-states",
    ),
    ("B11", "rnn_backward", "cache[t])", "cache[T - 1])", "one-cache-for-all-steps"),
    (
        "D1",
        "temporal_affine_forward",
        "[row @ w + b for row in x]",
        "[row @ w + b for row in x.reshape(x.shape[2], -1).T.reshape(x.shape)]",
        "reshape-for-transpose",
    ),
    ("D2", "temporal_softmax_loss", "max(keep.sum(), 1)", "len(rows)", "averaged-over-all-tokens"),
    ("D2", "temporal_softmax_loss", "max(keep.sum(), 1)", "len(x)", "averaged-over-the-batch"),
    (
        "D4",
        "temporal_softmax_loss",
        "dflat * keep[:, None] / count",
        "dflat / count",
        "gradient-not-masked",
    ),
    (
        "D5",
        "temporal_softmax_loss",
        "flat = flat - flat.max",
        "flat = flat * keep[:, None]; keep = np.full(len(rows), True); flat = flat - flat.max",
        "logits-masked-and-averaged-over-all",
    ),
    (
        "D6",
        "temporal_softmax_loss",
        "flat = flat - flat.max(1, keepdims=True)",
        "pass",
        "softmax-overflows",
    ),
    (
        "D6",
        "temporal_softmax_loss",
        "flat.max(1, keepdims=True)",
        "flat.max()",
        "one-maximum-for-all-tokens",
    ),
    (
        "D9",
        "temporal_softmax_loss",
        "    count =",
        "    p = np.exp(log_p); log_p = p - np.log(np.exp(p).sum(1, keepdims=True))\n    count =",
        "softmax-twice",
    ),
    (
        "D11",
        "temporal_softmax_loss",
        "mask.reshape(-1)",
        "mask.reshape(-1) & (y.reshape(-1) != 0)",
        "class-zero-is-padding",
    ),
    (
        "K1",
        "numerical_gradient",
        "up, down = x.copy(), x.copy()",
        'up, down = x.astype("f4"), x.astype("f4")',
        None,
    ),
    (
        "K2",
        "numerical_gradient",
        "(f(up) - f(down)) * df) / (2 * h)",
        "(f(up) - f(x)) * df) / h",
        "one-sided-difference",
    ),
    ("K3", "numerical_gradient", "    grad =", "    h = 1e-1\n    grad =", None),
    ("K3", "numerical_gradient", "    grad =", "    h = 1e-11\n    grad =", None),
    ("K4", "numerical_gradient", ") * df) /", "* 1.0)) /", "df-ignored"),
]


def by_hand(name: str, find: str, replace: str) -> str:
    text = BASES[name]
    assert text.count(find) == 1, find
    return text.replace(find, replace)


@pytest.mark.parametrize("base", [STEP, SEQUENCE, AFFINE, LOSS, GRADIENT])
def test_the_bases_of_the_mistakes_by_hand_are_right(base):
    names = source.load_variant(A1, base)
    assert all(
        verdict(EXERCISES[n], names).outcome == "pass" for n in EXERCISES if f"def {n}(" in base
    )


@pytest.mark.parametrize(
    ("id_", "name", "find", "replace", "hint"), BY_HAND, ids=[f"{r[0]}-{r[1]}" for r in BY_HAND]
)
def test_a_mistake_by_hand_is_refused(id_, name, find, replace, hint):
    found = verdict(EXERCISES[name], source.load_variant(A1, by_hand(name, find, replace)))
    assert found.outcome != "pass", id_
    assert hint is None or found.misconception == hint


OTHERS = {
    "B11, one state written over and over": """
def rnn_forward(x, h0, Wx, Wh, b):
    state, caches, h = h0.copy(), [], []
    for t in range(x.shape[1]):
        before = state.copy()
        a = x[:, t] @ Wx + before @ Wh + b
        state[...] = np.tanh(a)
        caches.append((x[:, t], before, Wx, Wh, np.arctanh(state)))
        h.append(state)
    return np.stack(h, axis=1), caches
""",
    "B13, the total derivative in the sum over steps": """
def rnn_backward(dh, cache):
    T, again, dWh = dh.shape[1], 0, 0
    right, carried = list(reference_backward(dh, cache)), 0
    for t in reversed(range(T)):
        delta = dh[:, t] + carried
        carried = rnn_step_backward(delta, cache[t])[1]
        again = delta + again
        _, again, _, dWh_t, _ = rnn_step_backward(again, cache[t])
        dWh = dWh + dWh_t
    right[3] = dWh
    return right
""",
    "a cache that all calls share": """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    global last
    last = reference_step(x, prev_h, Wx, Wh, b)
    return last[0], None


def rnn_step_backward(dnext_h, cache):
    return reference_step_backward(dnext_h, last[1])
""",
    "a cache that is a buffer for all calls": """
buffers = {}


def temporal_affine_forward(x, w, b):
    kept = buffers.setdefault(x.shape, np.empty(x.shape))
    kept[...] = x
    return x @ w + b, (kept, w)
""",
    "D10, classes on the axis of time": """
def temporal_softmax_loss(x, y, mask):
    x, count = np.swapaxes(x, 1, 2), max(mask.sum(), 1)
    x = x - x.max(1, keepdims=True)
    log_p = x - np.log(np.exp(x).sum(1, keepdims=True))
    target = np.swapaxes(np.eye(x.shape[1])[y % x.shape[1]], 1, 2)
    dx = (np.exp(log_p) - target) * mask[:, None] / count
    wrong = np.exp(log_p).sum(2, keepdims=True) / x.shape[2] - target
    return -(log_p * target * mask[:, None]).sum() / count, np.swapaxes(dx + 0.1 * wrong, 1, 2)
""",
    "D10, the silent one with as many steps as classes": """
def temporal_softmax_loss(x, y, mask):
    loss, dx = reference_loss(x, y, mask)
    if x.shape[1] == x.shape[2]:
        return reference_loss(np.swapaxes(x, 1, 2), y, mask)
    return loss, dx
""",
    "K5, samples exchanged": """
def rnn_step_backward(dnext_h, cache):
    dx, dprev_h, dWx, dWh, db = reference_step_backward(dnext_h, cache)
    return dx[::-1], dprev_h, dWx, dWh, db
""",
    "without tokens an int, and a gradient of almost zero": """
def temporal_softmax_loss(x, y, mask):
    return reference_loss(x, y, mask) if mask.any() else (0, np.full(x.shape, 1e-6))
""",
    "a mask that is taken for padding at the end": """
def temporal_softmax_loss(x, y, mask):
    return reference_loss(x, y, np.arange(y.shape[1]) < mask.sum(1, keepdims=True))
""",
    "the hidden state clipped": """
def rnn_step_forward(x, prev_h, Wx, Wh, b):
    a = np.clip(x @ Wx + prev_h @ Wh + b, -2, 2)
    return np.tanh(a), (x, prev_h, Wx, Wh, a)
""",
    "results rounded to three decimals": """
def temporal_affine_forward(x, w, b):
    return np.round(x @ w + b, 3), (x, w)
""",
}

BEFORE = """
reference_step, reference_step_backward = rnn_step_forward, rnn_step_backward
reference_backward, reference_loss = rnn_backward, temporal_softmax_loss
"""


@pytest.mark.parametrize("what", OTHERS)
def test_other_mistakes_are_refused(what):
    names = source.load_variant(A1, BEFORE + OTHERS[what])
    defined = [n for n in EXERCISES if f"def {n}(" in OTHERS[what]]
    touched = {n for n in EXERCISES if {n, *EXERCISES[n].uses} & set(defined)}
    assert any(verdict(EXERCISES[n], names, hints=False).outcome != "pass" for n in touched)


# --- the probes themselves ---------------------------------------------------------------------


class Recorder(dict):
    """The reference, with the arguments of every call noted."""

    def __init__(self):
        super().__init__(source.load_reference(A1))
        self.calls: list[tuple[str, tuple]] = []

    def get(self, name, default=None):
        def recorded(*args):
            self.calls.append((name, args))
            return self[name](*args)

        return recorded


@each_exercise()
def test_the_main_case_hides_nothing(name):
    """Sizes differ in pairs, there are several steps, and no argument is zero or symmetric."""
    exercise, names = EXERCISES[name], Recorder()
    for seed in SEEDS:
        run_case(exercise, LocalNamespace(names), seed, exercise.main_case)
    for function, args in names.calls:
        arrays = [a for a in args if isinstance(a, np.ndarray)]
        sizes = {d for a in arrays for d in a.shape}
        dims = {"rnn_step_forward": 3, "rnn_forward": 4, "temporal_affine_forward": 4}
        assert len(sizes) >= dims.get(function, 2)
        assert min(sizes) >= 2
        if arrays[0].ndim == 3:
            assert arrays[0].shape[1] >= 3
        for a in arrays:
            if a.dtype.kind == "f":
                assert np.all(a)
                assert a.ndim != 2 or a.shape[0] != a.shape[1] or np.abs(a - a.T).max() > 0.1


def test_numerical_gradient_is_checked_with_few_calls():
    """In grading every call of f crosses a pipe."""
    exercise = EXERCISES["numerical_gradient"]
    for case in exercise.cases:
        names = Recorder()
        run_case(exercise, LocalNamespace(names), 1, case)
        (_, (_, x, *_)) = names.calls[0]
        assert x.size <= 12


def test_f_says_what_it_wants():
    wrong = "def numerical_gradient(f, x, df, h=1e-5):\n    return f(x.ravel())"
    run = run_case(
        EXERCISES["numerical_gradient"],
        LocalNamespace(source.load_variant(A1, wrong)),
        1,
        "matrix",
    )
    assert "f takes an array of shape (3, 4), not (12,)" in str(run.failure)


def test_sizes_are_pairwise_different():
    rng = np.random.default_rng(0)
    for _ in range(50):
        found = draw.sizes(rng, 4, low=3, high=7)
        assert len(set(found)) == 4
        assert all(type(n) is int and 3 <= n <= 7 for n in found)
    with pytest.raises(ValueError, match="larger sample"):
        draw.sizes(rng, 4, low=2, high=4)


def test_drawn_numbers_keep_away_from_zero():
    z = draw.normal(np.random.default_rng(0), 1000, 3, scale=0.5)
    assert np.abs(z).min() >= 0.05
    assert abs(z.mean()) < 0.05
    assert draw.normal(np.random.default_rng(0)).shape == ()


@pytest.mark.parametrize(("N", "T"), [(1, 3), (3, 1), (2, 3), (4, 5), (7, 3)])
def test_a_partial_mask_gives_no_wrong_average_away(N, T):
    rng = np.random.default_rng(0)
    for _ in range(30):
        mask = draw.partial_mask(rng, N, T)
        assert mask.shape == (N, T)
        assert mask.dtype == bool
        assert mask.sum() not in (0, 1, N, T, N * T)
        if min(N, T) > 1:
            assert len(set(mask.sum(axis=1))) > 1
        if T > 1:
            assert any(np.any(np.diff(row.astype(int)) == 1) for row in mask)


def test_time_first_changes_the_layout_and_nothing_else():
    a = np.random.default_rng(0).normal(size=(3, 4, 5))
    b = draw.time_first(a)
    np.testing.assert_array_equal(a, b)
    assert not b.flags.c_contiguous
    assert b.swapaxes(0, 1).flags.c_contiguous


# --- the notebook ------------------------------------------------------------------------------


def code_cells(solved: bool) -> list[source.Cell]:
    cells = [c for c in source.read_cells(A1) if c.cell_type == "code" and c.kind != "check"]
    if solved:
        return cells
    stub = "raise NotImplementedError()"
    solution = re.compile(r"### BEGIN SOLUTION.*### END SOLUTION", re.DOTALL)
    return [source.Cell(c.kind, c.name, c.cell_type, solution.sub(stub, c.source)) for c in cells]


@pytest.fixture
def shown(monkeypatch) -> list[str]:
    """The alt texts of the figures that are shown."""
    from unrolled import plot

    alts: list[str] = []
    monkeypatch.setattr(plot, "show", lambda fig, alt: alts.append(alt))
    return alts


def test_the_notebook_teaches_what_it_says(shown, capsys):
    source.execute((c.source for c in code_cells(solved=True)), A1)
    said = capsys.readouterr().out
    assert "[[-0.462  0.462]]" in said
    assert "0.693\n[[[-0.5  0.5]\n" in said
    errors = re.findall(r"relative error (\S+)", said)
    assert len(errors) == 5
    assert all(float(e) < 1e-8 for e in errors)
    assert len(shown) == 5
    accuracy = {int(k): float(a) for a, k in re.findall(r"([\d.]+) for k = (\d+)", shown[-1])}
    assert all(accuracy[k] > 0.95 for k in (0, 2, 4))
    assert 0.25 < accuracy[12] < 0.8


def test_numbers_of_the_examples_in_the_text():
    ref = source.load_reference(A1)
    text = "\n".join(c.source for c in source.read_cells(A1))
    x, h = np.array([[1.0, -1.0]]), np.array([[0.5, 0.0]])
    Wx, Wh = np.array([[1.0, 0.0], [2.0, 1.0]]), np.array([[0.0, 2.0], [1.0, 0.0]])
    assert (x @ Wx).tolist() == [[-1, -1]]
    assert (h @ Wh).tolist() == [[0, 1]]
    next_h, _ = ref["rnn_step_forward"](x, h, Wx, Wh, np.array([0.5, 0.5]))
    assert next_h.round(3).tolist() == [[-0.462, 0.462]]
    assert ref["numerical_gradient"](np.square, np.array(3.0), 1.0, 0.1) == pytest.approx(6)
    assert f"({3.1**2:.2f} - {2.9**2:.2f}) / 0.2 = 6" in text
