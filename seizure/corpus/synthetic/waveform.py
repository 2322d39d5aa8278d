"""One cycle of every rhythm as a 512-point table: limit cycles and spike-wave templates."""

from functools import cache
from pathlib import Path

import numpy as np

N_POINTS = 512
WAVEFORM_FILE = Path(__file__).with_name("waveform.npz")
WENDLING = {"sharp": (5.0, 25.0, 15.0), "sinusoid": (5.0, 15.0, 0.0)}
"""(A, B, G) in mV: sharp waves at 4.5 Hz and a near-sinusoid at 11 Hz, for an input of 90/s."""


@cache
def waveform(name: str) -> np.ndarray:
    """One cycle (512,) float32 with zero mean and unit RMS.

    `name` is `sharp`, `sinusoid`, `spike_wave`, `discharge` or `clonic`.

    >>> waveform("spike_wave").shape
    (512,)
    """
    with np.load(WAVEFORM_FILE, allow_pickle=False) as file:
        if name not in file.files:
            raise KeyError(f"no waveform {name!r}; there are {', '.join(sorted(file.files))}")
        return file[name]


def build_waveforms(path: Path = WAVEFORM_FILE) -> None:
    """Compute the stored tables (about 5 s) and write them."""
    tables = {name: _limit_cycle(*gains) for name, gains in WENDLING.items()}
    phase = np.arange(N_POINTS) / N_POINTS
    slow_wave = np.sin(np.pi * np.clip((phase - 0.22) / 0.78, 0.0, 1.0)) ** 1.5
    # Negative at the surface, as cortical spikes are: sources point outwards.
    tables["spike_wave"] = slow_wave - _bump(phase, 0.12, 0.035, 1.5) + _bump(phase, 0.2, 0.03, 0.3)
    # A periodic discharge is a triphasic sharp wave of a third of the cycle, then near silence.
    tables["discharge"] = (
        _bump(phase, 0.28, 0.025, 0.4)
        - _bump(phase, 0.36, 0.03, 1.2)
        + _bump(phase, 0.5, 0.07, 0.7)
    )
    tables["clonic"] = slow_wave - _bump(phase, 0.2, 0.03, 1.0) - _bump(phase, 0.29, 0.03, 0.7)
    cycles = {name: _standardised(table) for name, table in tables.items()}
    np.savez(path, allow_pickle=False, **cycles)


def _bump(phase: np.ndarray, centre: float, width: float, height: float) -> np.ndarray:
    return height * np.exp(-0.5 * ((phase - centre) / width) ** 2)


def _standardised(table: np.ndarray) -> np.ndarray:
    table = table - table.mean()
    return (table / np.sqrt((table**2).mean())).astype(np.float32)


def _limit_cycle(A: float, B: float, G: float, input_per_s: float = 90.0) -> np.ndarray:
    """The last full cycle of the noise-free neural mass, sampled at 512 phases.

    Source: Wendling et al. 2002, Eur J Neurosci 15:1499, equations 1-10. Runge-Kutta at 1/2048 s:
    the fast inhibition (500/s) is unstable at the step of an EEG sample.
    """
    step_s, n_steps = 1.0 / 2048.0, 4 * 2048
    a, b, g, C = 100.0, 50.0, 500.0, 135.0

    def rate(potential_mv: float) -> float:
        return 5.0 / (1.0 + np.exp(0.56 * (6.0 - potential_mv)))

    def slope(y: np.ndarray) -> np.ndarray:
        drive = np.array(
            [
                A * a * rate(y[1] - y[2] - y[3]),
                A * a * (input_per_s + 0.8 * C * rate(C * y[0])),
                B * b * 0.25 * C * rate(0.25 * C * y[0]),
                G * g * 0.8 * C * rate(0.3 * C * y[0] - y[4]),
                B * b * 0.1 * C * rate(0.25 * C * y[0]),
            ]
        )
        speed = np.array([a, a, b, g, b])
        return np.concatenate([y[5:], drive - 2 * speed * y[5:] - speed**2 * y[:5]])

    y, output = np.zeros(10), np.empty(n_steps)
    for i in range(n_steps):
        k1 = slope(y)
        k2 = slope(y + 0.5 * step_s * k1)
        k3 = slope(y + 0.5 * step_s * k2)
        k4 = slope(y + step_s * k3)
        y = y + step_s / 6.0 * (k1 + 2 * k2 + 2 * k3 + k4)
        output[i] = y[1] - y[2] - y[3]
    settled = output[n_steps // 2 :]
    settled = settled - settled.mean()
    rising = np.flatnonzero((settled[:-1] < 0) & (settled[1:] >= 0))
    first, last = rising[-2], rising[-1]
    return np.interp(np.linspace(first, last, N_POINTS + 1)[:-1], np.arange(len(settled)), settled)
