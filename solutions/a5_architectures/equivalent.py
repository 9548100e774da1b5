"""Changes of the reference that no legal input can tell from it, with the reason."""

VECTOR = "the transpose of a vector is the vector"

EQUIVALENT: dict[str, dict[str, str]] = {
    "stacked_forward": {
        "(_, _, b)  ->  (_, b, _)": "Wh has as many rows as b has entries, and only len is taken",
    },
    "tree_rnn": {
        "left @ Wl  ->  left.T @ Wl": VECTOR,
        "left @ Wl  ->  (left @ Wl).T": VECTOR,
        "right @ Wr  ->  right.T @ Wr": VECTOR,
        "right @ Wr  ->  (right @ Wr).T": VECTOR,
    },
    "masked_cross_entropy": {
        "0  ->  -1": "the last axis of what gather returns has one place",
    },
}
