"""Mutants of the reference of a4 that no legal input can tell from it, with the reason."""

EQUIVALENT = {
    "lstm_forward": {
        "(states, cache)  ->  (cache, states)": "both are empty lists",
    },
    "lstm_backward": {
        "(dWx, dWh, db)  ->  (dWh, dWx, db)": "all three start from 0.0",
        "(dWx, dWh, db)  ->  (dWx, db, dWh)": "all three start from 0.0",
        "(dprev_h, dprev_c)  ->  (dprev_c, dprev_h)": "both start from zeros of one shape",
        "0  ->  -1": "zeros in the shape of any one step",
        "0  ->  -1  (2)": "zeros in the shape of any one step",
    },
}
