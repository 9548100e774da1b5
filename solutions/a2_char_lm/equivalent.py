"""Mutants of the reference of a2 that no legal input can tell from it, with the reason."""

FLOAT = "numpy.float64 is a float"

# train_char_rnn is judged by the loss on new text alone, and what follows reaches it too.
SIZES = "other sizes, which are the student's to choose"
WEIGHTS = "other first weights, from which training ends as low"
UPDATE = "another update or another bound on the gradient, which ends as low or nearly so"
STATE = "another state at the beginning of the text, which matters for a few characters only"

EQUIVALENT: dict[str, dict[str, str]] = {
    "clip_gradients": {
        "float(np.sqrt(sum(squares)))  ->  np.sqrt(sum(squares))": FLOAT,
        "total_norm > max_norm  ->  total_norm >= max_norm": "the factor is 1 where they differ",
    },
    "char_rnn_step": {
        "float(loss)  ->  loss": FLOAT,
        "(0, 1)  ->  (1, 0)": "a sum over both axes",
        "np.zeros_like(inputs)  ->  np.ones_like(inputs)": "every element is written",
    },
    "sample": {
        "np.array(ids, dtype=int)  ->  np.array(ids)": "a list of integers",
        **{
            f"{row} @ params['{name}']  ->  {changed}": "a vector has no transpose"
            for row, name in (("x", "Wx"), ("state", "Wh"), ("state", "Wy"))
            for changed in (f"({row} @ params['{name}']).T", f"{row}.T @ params['{name}']")
        },
    },
    "perplexity": {
        "float(np.exp(np.sum(nll_sums) / tokens))  ->  np.exp(np.sum(nll_sums) / tokens)": FLOAT,
    },
    "train_char_rnn": {
        "(16, 64, 16, 25, 0.1)  ->  (16, 16, 64, 25, 0.1)": SIZES,
        "(16, 64, 16, 25, 0.1)  ->  (16, 64, 25, 16, 0.1)": SIZES,
        "(16, 64, 16, 25, 0.1)  ->  (64, 16, 16, 25, 0.1)": SIZES,
        "(D, H, rows, columns, rate)  ->  (D, H, columns, rows, rate)": SIZES,
        "(D, H, rows, columns, rate)  ->  (D, rows, H, columns, rate)": SIZES,
        "(D, H, rows, columns, rate)  ->  (H, D, rows, columns, rate)": SIZES,
        "0  ->  -1": WEIGHTS,
        "0  ->  1": WEIGHTS,
        "0.1  ->  1.0": UPDATE,
        "0.1  ->  1.1": UPDATE,
        "1  ->  0": WEIGHTS,
        "1  ->  2": WEIGHTS,
        "1  ->  2  (2)": WEIGHTS,
        "1.0  ->  10.0": UPDATE,
        "1.0  ->  2.0": UPDATE,
        "16  ->  15": SIZES,
        "16  ->  15  (2)": SIZES,
        "16  ->  17": SIZES,
        "16  ->  17  (2)": SIZES,
        "1e-08  ->  1.00000001": UPDATE,
        "1e-08  ->  1e-07": UPDATE,
        "25  ->  24": SIZES,
        "25  ->  26": SIZES,
        "64  ->  63": SIZES,
        "64  ->  65": SIZES,
        "clip_gradients(grads, 1.0)  ->  nothing": UPDATE,
        "np.zeros((rows, H))  ->  np.ones((rows, H))": STATE,
        "np.zeros(H)  ->  np.ones(H)": WEIGHTS,
        "np.zeros(vocab_size)  ->  np.ones(vocab_size)": WEIGHTS,
        "np.zeros_like(value)  ->  np.ones_like(value)": UPDATE,
        "rate * grads[name]  ->  grads[name]": UPDATE,
        "rate * grads[name] / np.sqrt(sums[name] + 1e-08)  ->  rate * grads[name]": UPDATE,
        "rate * grads[name] / np.sqrt(sums[name] + 1e-08)  ->  "
        "rate * grads[name] * np.sqrt(sums[name] + 1e-08)": UPDATE,
        "rng.normal(0, 1, (vocab_size, D))  ->  rng.normal(1, 0, (vocab_size, D))": WEIGHTS,
        "step % len(batches)  ->  step  (2)": STATE,
        "step % len(batches)  ->  step // len(batches)  (2)": STATE,
        "sums[name] + 1e-08  ->  sums[name]": UPDATE,
    },
}
