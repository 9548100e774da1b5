"""Mutants of the reference that no legal input can tell from it, with the reason for each."""

SAME_NORM = "the sign, or the transpose of a diagonal matrix, does not change a norm"
SAME_NUMBER = "a NumPy number is as good as a Python number"

EQUIVALENT = {
    "gradient_norms": {
        "1 - state ** 2  ->  state ** 2 - 1": SAME_NORM,
        "np.diag(1 - state ** 2) @ Wh.T  ->  np.diag(1 - state ** 2).T @ Wh.T": SAME_NORM,
    },
    "vanishing_bound": {
        "float(singular_values.max() ** T)  ->  singular_values.max() ** T": SAME_NUMBER,
    },
    "leaky_half_life": {
        "float(np.log(0.5) / np.log(alpha))  ->  np.log(0.5) / np.log(alpha)": SAME_NUMBER,
    },
    "forget_bias_retention": {
        "bias >= 0  ->  bias > 0": "both ways to write the gate give one half at 0",
        "float(gate ** T)  ->  gate ** T": SAME_NUMBER,
    },
}
