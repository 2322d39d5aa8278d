"""Claim: every mimic lacks one property of a seizure; power alone hardly shows that it does.

    OMP_NUM_THREADS=1 python benchmarks/mimics.py [patients] [pairs a patient]

A pair is one rhythm drawn once and rendered at the scalp twice, as the seizure and without the
property, each in a background of its own (synthetic, average reference). The same gradient boosting
sees the power of bands (its mean over time, or also its course) or features of the property itself;
no patient is in two folds. Needs scikit-learn (extra `dev`).
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.signal import stft
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from seizure.corpus.synthetic.background import background, n_steps
from seizure.corpus.synthetic.emg import faded
from seizure.corpus.synthetic.head import LEADFIELD_FILE
from seizure.corpus.synthetic.mimics import focal_rhythm
from seizure.corpus.synthetic.patient import Patient, draw_patient
from seizure.corpus.synthetic.rhythm import rhythm, rhythm_without_field
from seizure.corpus.synthetic.seizures import draw_duration_s, seizure_rhythm
from seizure.corpus.synthetic.spec import SyntheticSpec
from seizure.corpus.synthetic.vigilance import vigilance

RATE_HZ = 256
N_SCALP = 19
POWER_BANDS_HZ = ((1, 2), (2, 4), (4, 6), (6, 8), (8, 13), (13, 20), (20, 30), (30, 60))
SYNCHRONY_BANDS_HZ = ((1, 2.5), (2.5, 4), (4, 5.5), (5.5, 7), (7, 10), (10, 15))

Spectrum = NDArray[np.complex128]
Feature = Callable[["Excerpt"], NDArray[np.float64]]


@dataclass(frozen=True)
class Excerpt:
    """`eeg_uv` (19, sample) from a little before to a little after an event.

    The event takes the samples `[start, stop)`; a pair's power is compared over `middle_s`, the
    same length for both, so that a longer event has no more windows to be loud in.
    """

    eeg_uv: NDArray[np.float32]
    start: int
    stop: int
    middle_s: float

    def middle(self) -> NDArray[np.float32]:
        """The `middle_s` around the event's middle, (19, sample)."""
        half, centre = round(0.5 * self.middle_s * RATE_HZ), (self.start + self.stop) // 2
        return self.eeg_uv[:, centre - half : centre + half]


def rendered(
    patient: Patient, block_uv: NDArray[np.float32], middle_s: float, rng: np.random.Generator
) -> Excerpt:
    """A block (21, sample) in background EEG, from 2 s before to 2 s after it."""
    margin = 2 * RATE_HZ
    n_samples = block_uv.shape[1] + 2 * margin
    states = vigilance(patient.setting, n_steps(n_samples, RATE_HZ), rng)
    signal_uv = background(patient, states, n_samples, rng)
    signal_uv[:, margin:-margin] += block_uv
    scalp_uv = signal_uv[:N_SCALP] - signal_uv[:N_SCALP].mean(axis=0)
    return Excerpt(scalp_uv, margin, n_samples - margin, middle_s)


def matched_pair(patient: Patient, lacks: str, rng: np.random.Generator) -> tuple[Excerpt, Excerpt]:
    """A seizure's rhythm, and the same rhythm without the property `lacks`."""
    wanted = focal_rhythm(patient, rng)
    if lacks == "duration":
        wanted = seizure_rhythm(patient, "absence", draw_duration_s("absence", rng), rng)
        short = replace(wanted, duration_s=rng.uniform(0.8, 2.5))
        blocks = [rhythm(patient.head, one, RATE_HZ, rng) for one in (wanted, short)]
    elif lacks == "field":
        blocks = [f(patient.head, wanted, RATE_HZ, rng) for f in (rhythm, rhythm_without_field)]
    else:
        without = {
            "synchrony": wanted.without_synchrony,
            "evolution": wanted.without_evolution,
        }[lacks]()
        blocks = [rhythm(patient.head, one, RATE_HZ, rng) for one in (wanted, without)]
    rise_s = 0.15 if lacks == "duration" else 1.0
    blocks = [block * faded(block.shape[1], RATE_HZ, rise_s, rise_s) for block in blocks]
    shorter_s = min(block.shape[1] for block in blocks) / RATE_HZ
    middle_s = 0.75 * shorter_s if lacks == "duration" else shorter_s
    seizure, mimic = (rendered(patient, block, middle_s, rng) for block in blocks)
    return seizure, mimic


def spectra(eeg_uv: NDArray[np.float32], window_s: float) -> tuple[NDArray[np.float64], Spectrum]:
    """Frequencies (bin,) and Hann-windowed spectra (19, bin, window), half overlapping."""
    length = min(round(window_s * RATE_HZ), eeg_uv.shape[1])
    hz, _, values = stft(
        eeg_uv,
        RATE_HZ,
        nperseg=length,
        noverlap=length // 2,
        boundary=None,  # pyright: ignore[reportArgumentType]
        padded=False,
    )
    return hz, values


def summary(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean, spread, median and two upper quantiles over the last axis, (5, row)."""
    quantiles = np.quantile(values, (0.5, 0.75, 0.9), axis=-1)
    return np.concatenate([values.mean(-1)[None], values.std(-1)[None], quantiles])


def power(excerpt: Excerpt) -> NDArray[np.float64]:
    """Log power of bands, (5, 32): summaries over time of mean, maximum, spread, third largest."""
    hz, values = spectra(excerpt.middle(), 2.0)
    rows = []
    for low, high in POWER_BANDS_HZ:
        inside = (hz >= low) & (hz < high)
        sorted_log = np.sort(np.log((np.abs(values[:, inside]) ** 2).sum(1) + 1e-9), axis=0)
        rows += [sorted_log.mean(0), sorted_log[-1], sorted_log.std(0), sorted_log[-3]]
    return summary(np.stack(rows))


def synchrony(excerpt: Excerpt) -> NDArray[np.float64]:
    """Coherence, phase locking and the share of the first eigenvalue, in bands, over 4 s each."""
    hz, values = spectra(excerpt.middle(), 1.0)
    windows = range(0, max(values.shape[2] - 6, 1), 2)
    upper = np.triu_indices(N_SCALP, 1)
    rows = []
    for low, high in SYNCHRONY_BANDS_HZ:
        band = values[:, (hz >= low) & (hz < high)]
        course = []
        for first in windows:
            piece = band[:, :, first : first + 7].reshape(N_SCALP, -1)
            unit = piece / np.maximum(np.abs(piece), 1e-12)
            whole = piece / np.maximum(np.linalg.norm(piece, axis=1, keepdims=True), 1e-12)
            coherency = whole @ whole.conj().T
            locking = np.abs(unit @ unit.conj().T)[upper] / piece.shape[1]
            coherence = np.abs(coherency)[upper]
            course.append(
                [
                    *(coherence.mean(), *np.quantile(coherence, (0.5, 0.9))),
                    *(locking.mean(), *np.quantile(locking, (0.5, 0.9))),
                    np.abs(coherency.imag)[upper].mean(),
                    np.linalg.eigvalsh(coherency)[-1] / N_SCALP,
                    np.linalg.eigvalsh(coherency.real)[-1] / N_SCALP,
                ]
            )
        rows.append(np.array(course).T)
    return summary(np.concatenate(rows)).ravel()


def evolution(excerpt: Excerpt) -> NDArray[np.float64]:
    """Octaves of the straight line along which the spectrogram is strongest, and what it gains."""
    hz, values = spectra(excerpt.middle(), 2.0)
    # Whitened against a 1/f background, or the lowest bin always leads.
    strength = np.log((np.abs(values) ** 2).mean(0) + 1e-12) + 2 * np.log(hz + 1e-6)[:, None]
    windows = np.arange(strength.shape[1])
    middle_hz, octaves = np.geomspace(1.5, 16.0, 60), np.linspace(-2.0, 2.0, 41)
    change = octaves[:, None] * np.linspace(-0.5, 0.5, len(windows))
    line_hz = middle_hz[:, None, None] * 2.0**change
    bins = np.clip(np.rint(line_hz / hz[1]).astype(int), 1, len(hz) - 1)
    along = strength[bins, windows].mean(axis=2)
    best, still = along.max(axis=0), along[:, len(octaves) // 2]
    of_still = octaves[along[still.argmax()].argmax()]
    return np.array([octaves[best.argmax()], best.max() - still.max(), of_still])


def duration(excerpt: Excerpt) -> NDArray[np.float64]:
    """Seconds for which the power of 2 to 8 Hz stays above a quarter of its maximum."""
    hz, values = spectra(excerpt.eeg_uv, 0.5)
    course = (np.abs(values[:, (hz >= 2) & (hz <= 8)]) ** 2).sum((0, 1))
    return np.array([(course > 0.25 * course.max()).sum() * 0.25])


def field(excerpt: Excerpt) -> NDArray[np.float64]:
    """Share of the leading rhythm's scalp map that the best single dipole explains."""
    hz, values = spectra(excerpt.middle(), 2.0)
    inside = (hz >= 2) & (hz <= 8)
    band = values[:, inside]
    strength = (np.abs(band) ** 2).mean(0) * hz[inside, None] ** 2
    # One bin a window, the leading one, and the third of the windows in which it is strongest.
    leading = np.take_along_axis(band, strength.argmax(0)[None, None], axis=1)[:, 0]
    strongest = np.argsort(-strength.max(0))[: max(strength.shape[1] // 3, 3)]
    leading = leading[:, strongest]
    _, vectors = np.linalg.eigh((leading @ leading.conj().T).real)
    return np.array([dipole_share(vectors[:, -1]), dipole_share(vectors[:, -2])])


def dipole_share(potential: NDArray[np.float64]) -> float:
    """Explained share (0 to 1) of a scalp map (19,) by its best dipole of any direction."""
    centred = potential - potential.mean()
    return float(((_bases() @ centred) ** 2).sum(1).max() / (centred**2).sum())


@cache
def _bases() -> NDArray[np.float64]:
    """Orthonormal maps (dipole, 3, 19) of the three directions at every place, middle skull."""
    with np.load(LEADFIELD_FILE, allow_pickle=False) as stored:
        maps = stored["leadfield"][1][:N_SCALP].astype(np.float64)
    return np.linalg.qr((maps - maps.mean(0)).transpose(1, 0, 2))[0].transpose(0, 2, 1)


TELLING: dict[str, Feature] = {
    "synchrony": synchrony,
    "evolution": evolution,
    "duration": duration,
    "field": field,
}


def pairs(
    lacks: str, n_patients: int, n_pairs: int
) -> Iterator[tuple[int, tuple[Excerpt, Excerpt]]]:
    """(patient, (seizure, mimic)), the patients with and without epilepsy."""
    for number in range(n_patients):
        patient = replace(draw_patient(SyntheticSpec(), "train", number), rate_hz=RATE_HZ)
        for pair in range(n_pairs):
            key = [number, pair, list(TELLING).index(lacks)]
            yield number, matched_pair(patient, lacks, np.random.default_rng(key))


def auc(features: NDArray[np.float64], is_seizure: NDArray, patients: NDArray) -> float:
    """Area under the curve of predictions made for patients that were not trained on."""
    model = HistGradientBoostingClassifier(
        max_iter=150, learning_rate=0.06, max_leaf_nodes=12, l2_regularization=1.0, random_state=0
    )
    predicted = cross_val_predict(
        model, features, is_seizure, groups=patients, cv=GroupKFold(5), method="predict_proba"
    )
    return float(roc_auc_score(is_seizure, np.asarray(predicted)[:, 1]))


def main() -> None:
    """Print the table."""
    n_patients = int(sys.argv[1]) if len(sys.argv) > 1 else 80
    n_pairs = int(sys.argv[2]) if len(sys.argv) > 2 else 6
    print(f"synthetic, {n_patients} patients, {n_patients * n_pairs} pairs a property; AUC")
    print(f"{'mimic lacks':<12} {'mean power':>11} {'power':>7} {'the property':>13}")
    for lacks, telling in TELLING.items():
        powers, properties, is_seizure, groups = [], [], [], []
        for number, (seizure, mimic) in pairs(lacks, n_patients, n_pairs):
            for excerpt in (seizure, mimic):
                powers.append(power(excerpt))
                properties.append(telling(excerpt))
                is_seizure.append(excerpt is seizure)
                groups.append(number)
        course = np.stack(powers)
        mean, whole, told = (
            auc(features, np.array(is_seizure), np.array(groups))
            for features in (course[:, 0], course.reshape(len(course), -1), np.stack(properties))
        )
        print(f"{lacks:<12} {mean:11.3f} {whole:7.3f} {told:13.3f}", flush=True)


if __name__ == "__main__":
    main()
