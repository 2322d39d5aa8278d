"""From the scene to the channels of a file: reference, extra channels, labels, order."""

import numpy as np

from seizure.corpus.synthetic.head import ELECTRODES
from seizure.corpus.synthetic.patient import Patient
from seizure.corpus.synthetic.scene import Scene
from seizure.corpus.synthetic.trends import trends

CHUNK = 1 << 15
N_ROWS = 24
"""The 21 electrodes of the scene and the most other channels that a file has."""
Flash = tuple[float, float, float]
"""Start and stop in seconds, and the stroboscope's rate in Hz."""


def file_channels(
    rows_uv: np.ndarray,
    scene: Scene,
    patient: Patient,
    heart: np.ndarray,
    flashes: list[Flash],
    rng: np.random.Generator,
) -> tuple[tuple[str, ...], np.ndarray, tuple[tuple[str, np.ndarray], ...]]:
    """Labels, referenced signals (channel, sample) in µV and 1 Hz signals in the file's order.

    The signals take the place of the scene in `rows_uv` (`N_ROWS`, sample), whose first 21 rows it
    is: a recording is never in memory twice.
    """
    ending = "LE" if patient.montage == "02_tcp_le" else "REF"
    n_samples = scene.signal_uv.shape[1]
    rows = [
        row
        for row, name in enumerate(ELECTRODES)
        if name.upper() not in patient.missing
        and not (patient.montage == "03_tcp_ar_a" and name in ("A1", "A2"))
    ]
    # Stereotyped per patient: the equipment does not change between recordings.
    style = patient.style(4)
    has_ekg, has_photic, has_emg, has_slow, shuffled = style.random(5) < (0.8, 0.4, 0.2, 0.4, 0.5)
    extra: list[tuple[str, np.ndarray]] = []
    if has_ekg:
        extra.append((f"EEG EKG1-{ending}", 600.0 * heart))
    if has_photic:
        extra.append((f"PHOTIC-{ending}", _flash_course(n_samples, scene.rate_hz, flashes)))
    if has_emg:
        extra.append((f"EMG-{ending}", 8.0 * rng.standard_normal(n_samples, dtype=np.float32)))
    labels = [f"EEG {ELECTRODES[row].upper()}-{ending}" for row in rows]
    labels += [label for label, _ in extra]
    order = style.permutation(len(labels)) if shuffled else np.arange(len(labels))
    place = np.empty(len(labels), dtype=np.int64)
    place[order] = np.arange(len(labels))
    slow = trends(scene.signal_uv[:19], scene.rate_hz) if has_slow else ()
    reference_rows = [19, 20] if ending == "LE" else list(range(19))
    for start in range(0, n_samples, CHUNK):
        chunk = scene.signal_uv[:, start : start + CHUNK].copy()
        reference = chunk[reference_rows].mean(axis=0)
        rows_uv[place[: len(rows)], start : start + CHUNK] = chunk[rows] - reference
    for row, (_, course_uv) in zip(place[len(rows) :], extra, strict=True):
        rows_uv[row] = course_uv
    return tuple(labels[i] for i in order), rows_uv[: len(labels)], slow


def _flash_course(n_samples: int, rate_hz: int, flashes: list[Flash]) -> np.ndarray:
    """A pulse of 500 µV at every flash of the stroboscope, (sample,) float32."""
    course_uv = np.zeros(n_samples, dtype=np.float32)
    for start_s, stop_s, flash_hz in flashes:
        at = np.round(np.arange(start_s, stop_s, 1.0 / flash_hz) * rate_hz).astype(int)
        course_uv[at[(at >= 0) & (at < n_samples)]] = 500.0
    return course_uv
