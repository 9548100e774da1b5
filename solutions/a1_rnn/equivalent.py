"""Mutants of the reference that no legal input can tell from it, each with the reason."""

EQUIVALENT = {
    "rnn_forward": {
        "(states, cache)  ->  (cache, states)": "both are empty lists",
    },
    "rnn_backward": {
        "(dWx, dWh, db)  ->  (dWh, dWx, db)": "all three start from 0.0",
        "(dWx, dWh, db)  ->  (dWx, db, dWh)": "all three start from 0.0",
        "0  ->  -1": "zeros in the shape of any one step",
    },
    "temporal_affine_forward": {
        "1  ->  2": "reshape takes every negative size for the one to find out",
    },
    "temporal_affine_backward": {
        "1  ->  2": "reshape takes every negative size for the one to find out",
        "(N, T, M)  ->  (T, N, M)": "only the product N T is used",
    },
    "temporal_softmax_loss": {
        "float(loss)  ->  loss": "numpy.float64 is a float",
        "max(mask.sum(), 1)  ->  max(1, mask.sum())": "the larger of two",
    },
    "numerical_gradient": {
        "np.zeros_like(x)  ->  np.ones_like(x)": "every element is written",
    },
}
