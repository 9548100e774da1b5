"""Changes of the reference that no legal input can tell from it, with the reason."""

VECTOR = "a vector has no transpose"
LENGTH_ONE = "an axis of length 1"
EITHER_ORDER = "the order of two operands does not matter here"

EQUIVALENT: dict[str, dict[str, str]] = {
    "additive_scores": {
        "torch.tanh(a @ Wa + query[:, None]) @ v  ->  torch.tanh(a @ Wa + query[:, None]) @ v.T": (
            VECTOR
        ),
    },
    "attend": {
        "~keep & some  ->  some & ~keep": EITHER_ORDER,
    },
    "attention_captioner_forward": {
        "(states, alphas)  ->  (alphas, states)": "both are empty lists",
    },
    "doubly_stochastic_penalty": {
        "T / L - alphas.sum(dim=1)  ->  alphas.sum(dim=1) - T / L": "the distance is squared",
    },
    "hard_attention_loss": {
        "0  ->  -1": LENGTH_ONE,
    },
    "attention_map": {
        "0  ->  -1": LENGTH_ONE,
        "0  ->  -1  (2)": LENGTH_ONE,
        "F.interpolate(small, tuple(size), mode='bilinear', align_corners=False)  ->  "
        "F.interpolate(small, tuple(size), mode='bilinear')": "False is what the library takes",
    },
    "pointing_accuracy": {
        "max(named.sum().item(), 1)  ->  max(1, named.sum().item())": EITHER_ORDER,
    },
}
