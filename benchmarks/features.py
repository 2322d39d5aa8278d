"""Features of each second of a recording, for detectors that learn nothing from the wave itself.

Every function takes (electrode, sample) in µV and gives (second, feature).
"""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from seizure.eeg.channels import CANONICAL_19, positions_of

Feature = Callable[[NDArray[np.float32], float], NDArray[np.float64]]

STEP_S = 1.0
WINDOW_S = 4.0
SHORT_WINDOW_S = 2.0
BANDS_HZ = ((0.5, 4), (4, 8), (8, 13), (13, 30), (30, 70))
FINE_BANDS_HZ = ((1, 3), (3, 6), (6, 9), (9, 13), (13, 20), (20, 30), (30, 70))
CONTEXT_S = (5, 15, 41)
LAG_S = 12
COHERENT_S = 7
NEIGHBOURS_DEG = 50


def line_length(eeg_uv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float64]:
    """Mean over electrodes of the line length around each second, (second, 1)."""
    steps = np.abs(np.diff(eeg_uv, axis=1, append=eeg_uv[:, -1:])).mean(0)
    return np.array([[piece.mean()] for piece in _pieces(steps[None], rate_hz, WINDOW_S)])


def band_power(eeg_uv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float64]:
    """Log power of each electrode in five bands around each second, (second, 95)."""
    spectra, frequency_hz = _spectra(eeg_uv, rate_hz, WINDOW_S)
    return np.stack(_log_power(spectra, frequency_hz, BANDS_HZ), axis=2).reshape(len(spectra), -1)


def power_over_the_head(eeg_uv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float64]:
    """Mean, maximum, fourth highest and spread over electrodes of the log power in seven bands."""
    spectra, frequency_hz = _spectra(eeg_uv, rate_hz, SHORT_WINDOW_S)
    power = np.stack(_log_power(spectra, frequency_hz, FINE_BANDS_HZ), axis=2)
    power = power - np.median(power, axis=0)
    ranked = np.sort(power, axis=1)
    return np.concatenate([power.mean(1), ranked[:, -1], ranked[:, -4], power.std(1)], axis=1)


def synchrony(eeg_uv: NDArray[np.float32], rate_hz: float) -> NDArray[np.float64]:
    """How coherent the 19 electrodes are in bands over `COHERENT_S`: the largest eigenvalue's
    share; the mean over pairs, over the 18 most coherent ones, over neighbours in phase; the lag.
    """
    spectra, frequency_hz = _spectra(eeg_uv, rate_hz, SHORT_WINDOW_S)
    n_electrodes = spectra.shape[1]
    apart = np.triu_indices(n_electrodes, 1)
    places = positions_of(CANONICAL_19)
    beside = (places @ places.T)[apart] > np.cos(np.radians(NEIGHBOURS_DEG))
    columns = []
    for low, high in FINE_BANDS_HZ:
        waves = spectra[:, :, (frequency_hz >= low) & (frequency_hz < high)]
        # One window of one rhythm is always coherent: only several windows tell who keeps step.
        cross = waves @ waves.conj().transpose(0, 2, 1)
        cross = uniform_filter1d(cross, COHERENT_S, axis=0, mode="nearest")
        own = np.sqrt(np.einsum("tii->ti", cross).real + 1e-9)
        coherency = cross / (own[:, :, None] * own[:, None, :])
        largest = np.linalg.eigvalsh(np.abs(coherency))[:, -1] / n_electrodes
        coherency = coherency[:, apart[0], apart[1]]
        pairs = np.sort(np.abs(coherency), axis=1)
        columns += [largest, pairs.mean(1), pairs[:, -18:].mean(1)]
        columns += [coherency.real[:, beside].mean(1), np.abs(coherency.imag).mean(1)]
    return np.stack(columns, axis=1)


def with_context(features: NDArray) -> NDArray:
    """The same with their means over 5, 15 and 41 s, and how they rise and fall over 12 s."""
    means = [uniform_filter1d(features, length, axis=0, mode="nearest") for length in CONTEXT_S]
    smooth = uniform_filter1d(features, 9, axis=0, mode="nearest")
    padded = np.pad(smooth, ((LAG_S, LAG_S), (0, 0)), mode="edge")
    changes = [padded[2 * LAG_S :] - smooth, smooth - padded[: -2 * LAG_S]]
    return np.concatenate([features, *means, *changes], axis=1)


def _log_power(
    spectra: NDArray, frequency_hz: NDArray, bands_hz: tuple[tuple[float, float], ...]
) -> list[NDArray[np.float64]]:
    power = np.abs(spectra) ** 2
    return [
        np.log(power[:, :, (frequency_hz >= low) & (frequency_hz < high)].sum(2) + 1e-6)
        for low, high in bands_hz
    ]


def _spectra(eeg_uv: NDArray, rate_hz: float, window_s: float) -> tuple[NDArray, NDArray]:
    """Spectra around each second, (second, electrode, frequency), and the frequencies."""
    n_window = round(window_s * rate_hz)
    taper = np.hanning(n_window)
    rows = []
    for piece in _pieces(eeg_uv, rate_hz, window_s):
        cut = taper[: piece.shape[1]] if piece.shape[1] < n_window else taper
        rows.append(np.fft.rfft(piece * cut, n=n_window, axis=1).astype(np.complex64))
    return np.stack(rows), np.fft.rfftfreq(n_window, 1 / rate_hz)


def _pieces(signal: NDArray, rate_hz: float, window_s: float) -> Iterator[NDArray]:
    """What surrounds the middle of each whole or begun second, cut at the ends."""
    step, half = round(STEP_S * rate_hz), round(window_s * rate_hz / 2)
    for start in range(0, signal.shape[1], step):
        middle = start + step // 2
        yield signal[:, max(0, middle - half) : middle + half]
