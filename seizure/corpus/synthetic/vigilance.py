"""Vigilance states, their amplitudes, and the Markov chain through them."""

import numpy as np

from seizure.corpus.synthetic.patient import Setting

STATES = ("eyes_open", "eyes_closed", "drowsy", "n2", "n3", "icu")
BANDS = ("aperiodic", "alpha", "beta", "theta", "delta")
RMS_UV = np.array(
    [
        [9.0, 2.5, 1.6, 2.0, 1.0],
        [9.0, 13.0, 1.6, 2.0, 1.0],
        [9.0, 4.0, 1.8, 7.0, 3.0],
        [12.0, 0.5, 1.2, 6.0, 12.0],
        [14.0, 0.2, 0.7, 5.0, 30.0],
        [10.0, 3.0, 1.0, 9.0, 13.0],
    ]
)
"""RMS in µV before the patient's gain (state, band): alpha, theta and delta at their
strongest electrode, else mean."""
STEP_S = 4.0
# Chances to leave a state within one step.
_MOVES: dict[Setting, dict[str, dict[str, float]]] = {
    "awake": {
        "eyes_open": {"eyes_closed": 0.10, "drowsy": 0.005},
        "eyes_closed": {"eyes_open": 0.12, "drowsy": 0.03},
        "drowsy": {"eyes_open": 0.06, "eyes_closed": 0.06, "n2": 0.01},
        "n2": {"drowsy": 0.06},
    },
    "sleep": {
        "eyes_open": {"eyes_closed": 0.15},
        "eyes_closed": {"drowsy": 0.10, "eyes_open": 0.04},
        "drowsy": {"n2": 0.08, "eyes_closed": 0.03},
        "n2": {"n3": 0.02, "drowsy": 0.02},
        "n3": {"n2": 0.03, "drowsy": 0.004},
    },
    "icu": {"icu": {}},
}
_FIRST: dict[Setting, dict[str, float]] = {
    "awake": {"eyes_open": 0.5, "eyes_closed": 0.4, "drowsy": 0.1},
    "sleep": {"eyes_closed": 0.2, "drowsy": 0.3, "n2": 0.35, "n3": 0.15},
    "icu": {"icu": 1.0},
}


def vigilance(setting: Setting, n_steps: int, rng: np.random.Generator) -> np.ndarray:
    """Index into `STATES` for every step of `STEP_S` seconds, (n_steps,) int64."""
    first = _FIRST[setting]
    state = str(rng.choice(list(first), p=list(first.values())))
    states = np.empty(n_steps, dtype=np.int64)
    for i, draw in enumerate(rng.random(n_steps)):
        states[i] = STATES.index(state)
        for following, chance in _MOVES[setting][state].items():
            if draw < chance:
                state = following
                break
            draw -= chance
    return states
