"""Mutants of the reference of a2 that no legal input can tell from it, with the reason."""

FLOAT = "numpy.float64 is a float"

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
}
