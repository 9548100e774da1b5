"""Changes of the reference that no legal input can tell from it, with the reason."""

EITHER_ORDER = "the order of two operands does not matter here"

EQUIVALENT: dict[str, dict[str, str]] = {
    "grid_features": {
        "fmap.flatten(start_dim=2).transpose(1, 2)  ->  "
        "fmap.flatten(start_dim=2).transpose(2, 1)": EITHER_ORDER,
    },
    "beam_search": {
        "(ids, total, h)  ->  (ids, h, total)  (2)": "only the ids are looked at there",
        "if all((finished(candidate) for candidate in kept)):  ->  nothing": (
            "finished candidates stay as they are, so the steps that are left change nothing"
        ),
    },
    "bleu": {
        "found & limit  ->  limit & found": EITHER_ORDER,
        "len(s) - len(said)  ->  len(said) - len(s)": "the absolute value is taken",
        "min(1.0, math.exp(1 - closest / length))  ->  min(math.exp(1 - closest / length), 1.0)": (
            EITHER_ORDER
        ),
    },
}
